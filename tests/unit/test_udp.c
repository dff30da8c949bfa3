#include "unit.h"

#include "base/checksum.h"
#include "net.h"

#include <errno.h>

enum { RECEIVE_LIMIT = 100000 };

static struct endpoint at(uint32_t addr, uint16_t port)
{
    return (struct endpoint){.addr = ip_addr_v4(addr), .port = port};
}

static void open_pcb(struct net *net, struct udp_pcb *pcb)
{
    udp_pcb_init(&net->udp, pcb, RECEIVE_LIMIT, pcb);
}

static int bind_to(struct udp_pcb *pcb, uint32_t addr, uint16_t port)
{
    struct endpoint local = at(addr, port);

    return udp_bind(pcb, &local);
}

static int connect_to(struct udp_pcb *pcb, uint32_t addr, uint16_t port)
{
    struct endpoint remote = at(addr, port);

    return udp_connect(pcb, &remote);
}

static void open_bound(struct net *net, struct udp_pcb *pcb, uint32_t addr,
                       uint16_t port)
{
    open_pcb(net, pcb);
    ck_assert_int_eq(bind_to(pcb, addr, port), 0);
}

static void receive_bytes(struct net *net, struct net_packet how,
                          struct bytes datagram)
{
    struct ip_packet packet;

    how.protocol = IP_PROTO_UDP;
    how.payload = datagram;
    ck_assert_int_eq(net_receive(net, &how, &packet), 0);
    udp_input(&net->udp, &packet);
}

/* "hello" from the source to the destination, ports after them. */
static void receive(struct net *net, uint32_t src, uint16_t src_port,
                    uint32_t dst, uint16_t dst_port)
{
    receive_bytes(
        net, (struct net_packet){.src = src, .dst = dst},
        net_make_udp(net, src, dst, src_port, dst_port, bytes_of("hello", 5)));
}

static unsigned take_all(struct udp_pcb *pcb)
{
    unsigned count = 0;

    for (; dgram_queue_first(&pcb->common.received); count++)
        dgram_queue_remove(&pcb->common.received, pcb->udp->env->memory);
    return count;
}

/* ---- Input ------------------------------------------------------------- */

START_TEST(a_datagram_reaches_the_socket_of_its_port)
{
    struct udp_pcb pcb;
    const struct dgram *got;
    struct net net;

    net_open(&net);
    open_bound(&net, &pcb, 0, 53);
    receive(&net, NET_PEER, 4000, NET_OURS, 53);
    got = dgram_queue_first(&pcb.common.received);
    ck_assert_ptr_nonnull(got);
    ck_assert_uint_eq(got->len, 5);
    ck_assert_mem_eq(got->data, "hello", 5);
    ck_assert_uint_eq(ip_addr_to_v4(&got->src.addr), NET_PEER);
    ck_assert_uint_eq(got->src.port, 4000);
    ck_assert_uint_eq(ip_addr_to_v4(&got->dst), NET_OURS);
    ck_assert_uint_eq(got->iface_index, net.eth.index);
    ck_assert_uint_eq(got->ttl, 64);
    ck_assert_uint_eq(net.notified, 1);
    ck_assert_ptr_eq(net.owner, &pcb);
    ck_assert_uint_eq(net.udp.stats.in_datagrams, 1);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(lengths_that_are_impossible_are_dropped)
{
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_bound(&net, &pcb, 0, 53);

    struct bytes good =
        net_make_udp(&net, NET_PEER, NET_OURS, 1, 53, net_payload(&net, 10));
    uint8_t *bytes = (uint8_t *)good.data;

    for (size_t len = 0; len < good.len; len++)
        receive_bytes(&net, (struct net_packet){0}, bytes_slice(good, 0, len));
    ck_assert_uint_eq(net.env.drops[DROP_UDP_SHORT], 8);
    ck_assert_uint_eq(net.env.drops[DROP_UDP_BAD_LENGTH], 10);
    put_be16(bytes + UDP_LENGTH, 7);
    receive_bytes(&net, (struct net_packet){0}, good);
    ck_assert_uint_eq(net.env.drops[DROP_UDP_BAD_LENGTH], 11);
    ck_assert_uint_eq(net.udp.stats.in_errors, 19);
    ck_assert_uint_eq(take_all(&pcb), 0);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(a_wrong_checksum_is_dropped)
{
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_bound(&net, &pcb, 0, 53);

    struct bytes good =
        net_make_udp(&net, NET_PEER, NET_OURS, 1, 53, net_payload(&net, 11));

    ((uint8_t *)good.data)[18] ^= 1;
    receive_bytes(&net, (struct net_packet){0}, good);
    ck_assert_uint_eq(net.env.drops[DROP_UDP_BAD_CHECKSUM], 1);
    /* also over the pseudo header: this is right, but from another */
    receive_bytes(
        &net, (struct net_packet){0},
        net_make_udp(&net, NET_THIRD, NET_OURS, 1, 53, net_payload(&net, 11)));
    ck_assert_uint_eq(net.env.drops[DROP_UDP_BAD_CHECKSUM], 2);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* RFC 1122 4.1.3.4 */
START_TEST(a_checksum_of_zero_is_none)
{
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_bound(&net, &pcb, 0, 53);

    struct bytes good =
        net_make_udp(&net, NET_PEER, NET_OURS, 1, 53, net_payload(&net, 11));

    put_be16((uint8_t *)good.data + UDP_CHECKSUM, 0);
    receive_bytes(&net, (struct net_packet){0}, good);
    ck_assert_uint_eq(take_all(&pcb), 1);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(what_the_device_vouches_for_is_not_verified)
{
    static const enum frame_checksum facts[] = {FRAME_CHECKSUM_VERIFIED,
                                                FRAME_CHECKSUM_ABSENT};
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_bound(&net, &pcb, 0, 53);
    for (size_t i = 0; i < ARRAY_LENGTH(facts); i++) {
        struct net_packet how = {.protocol = IP_PROTO_UDP};
        struct ip_packet packet;

        how.payload = net_make_udp(&net, NET_PEER, NET_OURS, 1, 53,
                                   net_payload(&net, 11));
        put_be16((uint8_t *)how.payload.data + UDP_CHECKSUM, 0x1234);
        ck_assert_int_eq(net_receive(&net, &how, &packet), 0);
        packet.frame->offload.checksum = facts[i];
        packet.frame->offload.csum_back = (uint16_t)packet.frame->head_len;
        packet.frame->offload.csum_offset = UDP_CHECKSUM;
        udp_input(&net.udp, &packet);
    }
    ck_assert_uint_eq(take_all(&pcb), 2);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(bytes_behind_the_datagram_are_cut_off)
{
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_bound(&net, &pcb, 0, 53);

    struct bytes datagram =
        net_make_udp(&net, NET_PEER, NET_OURS, 1, 53, net_payload(&net, 10));
    uint8_t *longer = net_buffer(&net, datagram.len + 5);

    memcpy(longer, datagram.data, datagram.len);
    receive_bytes(&net, (struct net_packet){0},
                  bytes_of(longer, datagram.len + 5));
    ck_assert_uint_eq(dgram_queue_first(&pcb.common.received)->len, 10);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(a_full_buffer_drops)
{
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_bound(&net, &pcb, 0, 53);
    pcb.common.received.limit = 300;
    for (int i = 0; i < 10; i++)
        receive(&net, NET_PEER, 4000, NET_OURS, 53);
    ck_assert_uint_gt(net.env.drops[DROP_UDP_BUFFER_FULL], 0);
    ck_assert_uint_eq(take_all(&pcb) + net.env.drops[DROP_UDP_BUFFER_FULL], 10);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* RFC 1122 4.1.3.1 */
START_TEST(nobody_s_port_is_answered_with_port_unreachable)
{
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    receive(&net, NET_PEER, 4000, NET_OURS, 53);
    ck_assert_uint_eq(net.env.drops[DROP_UDP_NO_PORT], 1);
    ck_assert_uint_eq(net.udp.stats.no_ports, 1);
    ck_assert_uint_eq(net.eth_dev.count, 1);

    struct bytes error = bytes_from(net_sent_packet(&net, 0), IP_HEADER_LEN);

    ck_assert_uint_eq(error.data[ICMP_TYPE], ICMP_UNREACHABLE);
    ck_assert_uint_eq(error.data[ICMP_CODE], ICMP_PORT_UNREACHABLE);
    ck_assert_uint_eq(error.len, 8 + 20 + 13);
    net_close(&net);
}
END_TEST

START_TEST(a_broadcast_to_nobody_is_not_answered)
{
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    receive(&net, NET_PEER, 4000, NET_BROADCAST, 53);
    ck_assert_uint_eq(net.env.drops[DROP_UDP_NO_PORT], 1);
    ck_assert_uint_eq(net.eth_dev.count, 0);
    net_close(&net);
}
END_TEST

/* ---- Who gets it ------------------------------------------------------- */

START_TEST(the_best_match_gets_it)
{
    struct udp_pcb any;
    struct udp_pcb bound;
    struct udp_pcb connected;
    struct net net;

    net_open(&net);
    open_pcb(&net, &any);
    open_pcb(&net, &bound);
    open_pcb(&net, &connected);
    any.reuse_addr = bound.reuse_addr = connected.reuse_addr = true;
    ck_assert_int_eq(bind_to(&any, 0, 53), 0);
    ck_assert_int_eq(bind_to(&bound, NET_OURS, 53), 0);
    ck_assert_int_eq(bind_to(&connected, 0, 53), 0);
    ck_assert_int_eq(connect_to(&connected, NET_PEER, 4000), 0);

    receive(&net, NET_PEER, 4000, NET_OURS, 53);
    receive(&net, NET_PEER, 4001, NET_OURS, 53);
    receive(&net, NET_THIRD, 4000, NET_OURS, 53);
    receive(&net, NET_PEER, 4000, NET_FAR_OURS, 53);
    ck_assert_uint_eq(take_all(&connected), 1);
    ck_assert_uint_eq(take_all(&bound), 2);
    ck_assert_uint_eq(take_all(&any), 1);
    udp_pcb_fini(&connected);
    udp_pcb_fini(&bound);
    udp_pcb_fini(&any);
    net_close(&net);
}
END_TEST

START_TEST(a_connected_socket_hears_its_peer_only)
{
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_bound(&net, &pcb, 0, 53);
    ck_assert_int_eq(connect_to(&pcb, NET_PEER, 4000), 0);
    receive(&net, NET_THIRD, 4000, NET_OURS, 53);
    ck_assert_uint_eq(net.env.drops[DROP_UDP_NO_PORT], 1);
    ck_assert_uint_eq(take_all(&pcb), 0);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(a_broadcast_reaches_every_socket_of_its_port)
{
    struct udp_pcb one;
    struct udp_pcb two;
    struct udp_pcb bound;
    struct net net;

    net_open(&net);
    open_pcb(&net, &one);
    open_pcb(&net, &two);
    open_pcb(&net, &bound);
    one.reuse_addr = two.reuse_addr = bound.reuse_addr = true;
    ck_assert_int_eq(bind_to(&one, 0, 68), 0);
    ck_assert_int_eq(bind_to(&two, NET_BROADCAST, 68), 0);
    ck_assert_int_eq(bind_to(&bound, NET_OURS, 68), 0);
    receive(&net, NET_PEER, 67, NET_BROADCAST, 68);
    ck_assert_uint_eq(take_all(&one), 1);
    ck_assert_uint_eq(take_all(&two), 1);
    ck_assert_uint_eq(take_all(&bound), 0);
    ck_assert_uint_eq(net.udp.stats.in_datagrams, 2);
    udp_pcb_fini(&one);
    udp_pcb_fini(&two);
    udp_pcb_fini(&bound);
    net_close(&net);
}
END_TEST

START_TEST(a_scope_is_an_interface)
{
    struct endpoint local = {.scope = 3, .port = 53}; /* the far one */
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_pcb(&net, &pcb);
    ck_assert_int_eq(udp_bind(&pcb, &local), 0);
    receive(&net, NET_PEER, 4000, NET_OURS, 53);
    ck_assert_uint_eq(take_all(&pcb), 0);
    receive_bytes(
        &net, (struct net_packet){.src = NET_FAR_PEER, .iface = &net.far},
        net_make_udp(&net, NET_FAR_PEER, NET_OURS, 1, 53, bytes_of("x", 1)));
    ck_assert_uint_eq(take_all(&pcb), 1);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* ---- Binding ----------------------------------------------------------- */

START_TEST(a_port_has_one_owner)
{
    struct udp_pcb first;
    struct udp_pcb second;
    struct net net;

    net_open(&net);
    open_bound(&net, &first, NET_OURS, 53);
    open_pcb(&net, &second);
    ck_assert_int_eq(bind_to(&second, NET_OURS, 53), -EADDRINUSE);
    ck_assert_int_eq(bind_to(&second, 0, 53), -EADDRINUSE);
    ck_assert_int_eq(bind_to(&second, NET_FAR_OURS, 53), 0);
    ck_assert_int_eq(bind_to(&second, 0, 54), -EINVAL);
    udp_pcb_fini(&first);
    udp_pcb_fini(&second);
    open_pcb(&net, &second);
    ck_assert_int_eq(bind_to(&second, NET_OURS, 53), 0);
    udp_pcb_fini(&second);
    net_close(&net);
}
END_TEST

START_TEST(a_port_is_shared_when_both_say_so)
{
    struct udp_pcb first;
    struct udp_pcb second;
    struct net net;

    net_open(&net);
    open_bound(&net, &first, 0, 53);
    open_pcb(&net, &second);
    second.reuse_addr = true;
    ck_assert_int_eq(bind_to(&second, 0, 53), -EADDRINUSE);
    first.reuse_addr = true;
    ck_assert_int_eq(bind_to(&second, 0, 53), 0);
    udp_pcb_fini(&first);
    udp_pcb_fini(&second);
    net_close(&net);
}
END_TEST

/* Linux's table, of two sockets on one port. */
START_TEST(two_share_a_port_as_linux_has_it)
{
    for (unsigned row = 0; row < 16; row++) {
        struct udp_pcb first;
        struct udp_pcb second;
        struct net net;

        net_open(&net);
        open_pcb(&net, &first);
        open_pcb(&net, &second);
        first.reuse_addr = row & 1;
        first.reuse_port = row & 2;
        second.reuse_addr = row & 4;
        second.reuse_port = row & 8;
        ck_assert_int_eq(bind_to(&first, 0, 53), 0);
        ck_assert_int_eq(bind_to(&second, NET_OURS, 53),
                         row & row >> 2 & 3 ? 0 : -EADDRINUSE);
        udp_pcb_fini(&first);
        udp_pcb_fini(&second);
        net_close(&net);
    }
}
END_TEST

START_TEST(of_sockets_that_reuse_an_address_the_last_one_hears)
{
    struct udp_pcb pcbs[20];
    struct net net;

    net_open(&net);
    for (unsigned i = 0; i < ARRAY_LENGTH(pcbs); i++) {
        open_pcb(&net, &pcbs[i]);
        pcbs[i].reuse_addr = true;
        ck_assert_int_eq(bind_to(&pcbs[i], 0, 53), 0);
    }
    for (unsigned i = ARRAY_LENGTH(pcbs); i-- > 0;) {
        receive(&net, NET_PEER, 4000, NET_OURS, 53);
        ck_assert_uint_eq(take_all(&pcbs[i]), 1);
        udp_pcb_fini(&pcbs[i]);
    }
    net_close(&net);
}
END_TEST

START_TEST(sockets_with_reuseport_share_the_peers_evenly)
{
    enum { SOCKETS = 4, PEERS = 100 };
    struct udp_pcb pcbs[SOCKETS];
    struct net net;

    net_open(&net);
    for (unsigned i = 0; i < SOCKETS; i++) {
        open_pcb(&net, &pcbs[i]);
        pcbs[i].reuse_port = true;
        ck_assert_int_eq(bind_to(&pcbs[i], 0, 53), 0);
    }
    for (uint16_t peer = 0; peer < PEERS; peer++) {
        receive(&net, NET_PEER, 4000 + peer, NET_OURS, 53);
        receive(&net, NET_PEER, 4000 + peer, NET_OURS, 53);
    }
    for (unsigned i = 0; i < SOCKETS; i++) {
        unsigned count = take_all(&pcbs[i]);

        ck_assert_uint_eq(count % 2, 0); /* each peer keeps its socket */
        ck_assert_uint_ge(count, 2 * PEERS / SOCKETS / 2);
        udp_pcb_fini(&pcbs[i]);
    }
    net_close(&net);
}
END_TEST

START_TEST(a_device_may_be_chosen_before_and_after_bind)
{
    struct udp_pcb near;
    struct udp_pcb far;
    struct net net;

    net_open(&net);
    open_pcb(&net, &near);
    open_pcb(&net, &far);
    udp_set_device(&near, net.eth.index);
    udp_set_device(&far, net.far.index);
    ck_assert_int_eq(bind_to(&near, 0, 53), 0);
    ck_assert_int_eq(bind_to(&far, 0, 53), 0);
    receive(&net, NET_PEER, 4000, NET_OURS, 53);
    ck_assert_uint_eq(take_all(&near), 1);
    ck_assert_uint_eq(take_all(&far), 0);
    udp_set_device(&near, net.far.index);
    receive(&net, NET_PEER, 4000, NET_OURS, 53);
    ck_assert_uint_eq(take_all(&near), 0);
    udp_pcb_fini(&near);
    udp_pcb_fini(&far);
    net_close(&net);
}
END_TEST

START_TEST(only_addresses_of_ours_and_groups_are_bound_to)
{
    static const uint32_t good[] = {0,          NET_OURS,   NET_FAR_OURS,
                                    0x7f000001, 0xffffffff, NET_BROADCAST,
                                    0xe0000001};
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        open_bound(&net, &pcb, good[i], 53);
        udp_pcb_fini(&pcb);
    }
    open_pcb(&net, &pcb);
    ck_assert_int_eq(bind_to(&pcb, NET_THIRD, 53), -EADDRNOTAVAIL);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(port_zero_takes_a_free_one_of_the_range)
{
    static struct udp_pcb pcbs[200];
    unsigned neighbours = 0;
    struct net net;

    net_open(&net);
    for (size_t i = 0; i < ARRAY_LENGTH(pcbs); i++) {
        open_bound(&net, &pcbs[i], 0, 0);
        ck_assert_uint_ge(pcbs[i].local.port, 32768);
        ck_assert_uint_le(pcbs[i].local.port, 60999);
        for (size_t j = 0; j < i; j++)
            ck_assert_uint_ne(pcbs[i].local.port, pcbs[j].local.port);
        if (i > 0 && pcbs[i].local.port == pcbs[i - 1].local.port + 1)
            neighbours++;
    }
    ck_assert_uint_lt(neighbours, 10); /* not one after the other */
    for (size_t i = 0; i < ARRAY_LENGTH(pcbs); i++)
        udp_pcb_fini(&pcbs[i]);
    net_close(&net);
}
END_TEST

START_TEST(when_all_ports_are_taken_bind_says_so)
{
    enum { ALL = 60999 - 32768 + 1 };
    struct udp_pcb *pcbs = calloc(ALL, sizeof(*pcbs));
    struct udp_pcb more;
    struct net net;

    net_open(&net);
    for (unsigned i = 0; i < ALL; i++)
        open_bound(&net, &pcbs[i], 0, (uint16_t)(32768 + i));
    open_pcb(&net, &more);
    ck_assert_int_eq(bind_to(&more, 0, 0), -EADDRINUSE);
    udp_pcb_fini(&pcbs[12345]);
    ck_assert_int_eq(bind_to(&more, 0, 0), 0);
    ck_assert_uint_eq(more.local.port, 32768 + 12345);
    udp_pcb_fini(&more);
    open_pcb(&net, &pcbs[12345]);
    for (unsigned i = 0; i < ALL; i++)
        udp_pcb_fini(&pcbs[i]);
    free(pcbs);
    net_close(&net);
}
END_TEST

/* ---- Connecting -------------------------------------------------------- */

START_TEST(connecting_fixes_both_ends)
{
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_pcb(&net, &pcb);
    ck_assert_int_eq(connect_to(&pcb, NET_OUTSIDE, 53), 0);
    ck_assert_uint_eq(ip_addr_to_v4(&pcb.local.addr), NET_OURS);
    ck_assert_uint_ge(pcb.local.port, 32768);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* As Linux: a second connect goes on from the address of the first. */
START_TEST(the_first_connect_fixes_the_source)
{
    const struct endpoint nobody = {0};
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_pcb(&net, &pcb);
    ck_assert_int_eq(connect_to(&pcb, NET_OUTSIDE, 53), 0);
    ck_assert_int_eq(connect_to(&pcb, NET_FAR_PEER, 53), 0);
    ck_assert_uint_eq(ip_addr_to_v4(&pcb.local.addr), NET_OURS);
    ck_assert_int_eq(udp_connect(&pcb, &nobody), 0);
    ck_assert_int_eq(connect_to(&pcb, NET_FAR_PEER, 53), 0);
    ck_assert_uint_eq(ip_addr_to_v4(&pcb.local.addr), NET_FAR_OURS);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* What programs do to learn which address they would speak from. */
START_TEST(connecting_to_port_zero_fixes_the_addresses)
{
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_pcb(&net, &pcb);
    ck_assert_int_eq(connect_to(&pcb, NET_OUTSIDE, 0), 0);
    ck_assert_uint_eq(ip_addr_to_v4(&pcb.local.addr), NET_OURS);
    ck_assert_int_eq(udp_send(&pcb, NULL, NULL, 0), 0); /* as Linux */
    receive(&net, NET_OUTSIDE, 4000, NET_OURS, pcb.local.port);
    receive(&net, NET_PEER, 4000, NET_OURS, pcb.local.port);
    ck_assert_uint_eq(take_all(&pcb), 1);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(a_connection_is_dissolved_to_what_was_bound)
{
    const struct endpoint nobody = {0};
    struct udp_pcb bound;
    struct udp_pcb unbound;
    struct net net;

    net_open(&net);
    open_bound(&net, &bound, 0, 53);
    ck_assert_int_eq(connect_to(&bound, NET_PEER, 4000), 0);
    ck_assert_int_eq(udp_connect(&bound, &nobody), 0);
    ck_assert(ip_addr_is_any(&bound.local.addr));
    ck_assert_uint_eq(bound.local.port, 53);
    receive(&net, NET_THIRD, 4000, NET_OURS, 53);
    ck_assert_uint_eq(take_all(&bound), 1);

    open_pcb(&net, &unbound);
    ck_assert_int_eq(connect_to(&unbound, NET_PEER, 4000), 0);
    ck_assert_int_eq(udp_connect(&unbound, &nobody), 0);
    ck_assert_uint_eq(unbound.local.port, 0);
    ck_assert_int_eq(bind_to(&unbound, 0, 54), 0);
    udp_pcb_fini(&bound);
    udp_pcb_fini(&unbound);
    net_close(&net);
}
END_TEST

START_TEST(a_broadcast_needs_permission)
{
    struct bytes text = bytes_of("x", 1);
    struct endpoint all = at(0xffffffff, 67);
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_pcb(&net, &pcb);
    ck_assert_int_eq(connect_to(&pcb, NET_BROADCAST, 67), -EACCES);
    ck_assert_int_eq(udp_send(&pcb, &all, &text, 1), -EACCES);
    pcb.common.broadcast = true;
    ck_assert_int_eq(udp_send(&pcb, &all, &text, 1), 0);
    ck_assert_mem_eq(net.eth_dev.frames[0].data, mac_addr_broadcast.octet, 6);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(without_a_way_connecting_fails_and_has_taken_a_port)
{
    struct ip_prefix everything = {.addr = IP_ADDR_ANY_V4,
                                   .len = IPV4_PREFIX_OFFSET};
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(route_delete(&net.ip.routes, &everything), 0);
    open_pcb(&net, &pcb);
    ck_assert_int_eq(connect_to(&pcb, NET_OUTSIDE, 53), -ENETUNREACH);
    ck_assert_uint_ne(pcb.local.port, 0); /* as in Linux */
    ck_assert_uint_eq(pcb.remote.port, 0);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* ---- Output ------------------------------------------------------------ */

/* The datagram in frame `i`, whose checksum is right. */
static struct bytes sent_datagram(struct net *net, unsigned i)
{
    struct bytes datagram = bytes_from(net_sent_packet(net, i), IP_HEADER_LEN);
    struct ip_header ip = net_sent_header(net, i);
    struct checksum checksum = {0};

    checksum_add_pseudo(&checksum, &ip.src, &ip.dst, 17, datagram.len);
    checksum_add(&checksum, datagram);
    ck_assert_uint_eq(checksum_finish(&checksum), 0);
    return datagram;
}

START_TEST(a_datagram_is_sent_from_pieces)
{
    struct endpoint peer = at(NET_PEER, 53);
    struct udp_pcb pcb;
    struct bytes datagram;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_bound(&net, &pcb, 0, 4000);
    pcb.common.ttl = 5;
    pcb.common.tos = 0x10;

    struct bytes pieces[3] = {bytes_of("one", 3), bytes_of("", 0),
                              bytes_of("two!", 4)};

    ck_assert_int_eq(udp_send(&pcb, &peer, pieces, 3), 0);
    datagram = sent_datagram(&net, 0);
    ck_assert_uint_eq(get_be16(datagram.data + UDP_SRC_PORT), 4000);
    ck_assert_uint_eq(get_be16(datagram.data + UDP_DST_PORT), 53);
    ck_assert_uint_eq(get_be16(datagram.data + UDP_LENGTH), 15);
    ck_assert_mem_eq(datagram.data + 8, "onetwo!", 7);
    ck_assert_uint_eq(net_sent_header(&net, 0).ttl, 5);
    ck_assert_uint_eq(net_sent_header(&net, 0).tos, 0x10);
    ck_assert_uint_eq(net.udp.stats.out_datagrams, 1);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(an_empty_datagram_is_sent)
{
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_pcb(&net, &pcb);
    ck_assert_int_eq(connect_to(&pcb, NET_PEER, 53), 0);
    ck_assert_int_eq(udp_send(&pcb, NULL, NULL, 0), 0);
    ck_assert_uint_eq(sent_datagram(&net, 0).len, 8);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* RFC 768: a sum that comes to 0 is sent as its other form */
START_TEST(a_checksum_is_never_sent_as_zero)
{
    struct endpoint peer = at(NET_PEER, 53);
    struct udp_pcb pcb;
    uint8_t data[2] = {0, 0};
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_bound(&net, &pcb, 0, 4000);

    struct bytes piece = bytes_of(data, 2);

    ck_assert_int_eq(udp_send(&pcb, &peer, &piece, 1), 0);
    memcpy(data, sent_datagram(&net, 0).data + UDP_CHECKSUM, 2);
    ck_assert_int_eq(udp_send(&pcb, &peer, &piece, 1), 0);
    ck_assert_uint_eq(get_be16(sent_datagram(&net, 1).data + UDP_CHECKSUM),
                      0xffff);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(the_checksum_is_left_to_a_device_that_can)
{
    struct endpoint peer = at(NET_PEER, 53);
    struct bytes piece = bytes_of("data", 4);
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    net.eth_dev.dev.fills_checksum = true;
    open_pcb(&net, &pcb);
    ck_assert_int_eq(udp_send(&pcb, &peer, &piece, 1), 0);

    struct fake_frame *sent = &net.eth_dev.frames[0];

    ck_assert_int_eq(sent->offload.checksum, FRAME_CHECKSUM_ABSENT);
    ck_assert_uint_eq(sent->head_len - sent->offload.csum_back, 14 + 20);
    ck_assert_uint_eq(sent->offload.csum_offset, UDP_CHECKSUM);
    ck_assert_uint_eq(sent->slice_count, 1);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(the_largest_datagram_is_sent_and_no_larger_one)
{
    struct endpoint peer = at(NET_PEER, 53);
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_pcb(&net, &pcb);

    struct bytes largest = net_payload(&net, 65507);
    struct bytes larger = net_payload(&net, 65508);

    ck_assert_int_eq(udp_send(&pcb, &peer, &larger, 1), -EMSGSIZE);
    ck_assert_uint_eq(net.eth_dev.count, 0);
    ck_assert_int_eq(udp_send(&pcb, &peer, &largest, 1), 0);
    ck_assert_uint_eq(net.eth_dev.count, 45);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(sending_needs_somewhere_to_go)
{
    struct endpoint no_port = at(NET_PEER, 0);
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_pcb(&net, &pcb);
    ck_assert_int_eq(udp_send(&pcb, NULL, NULL, 0), -EDESTADDRREQ);
    ck_assert_int_eq(udp_send(&pcb, &no_port, NULL, 0), -EINVAL);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* As in Linux: a network may lose it anywhere, also on its first yard. */
START_TEST(a_datagram_that_a_full_queue_loses_was_sent)
{
    struct endpoint peer = at(NET_PEER, 53);
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_pcb(&net, &pcb);
    net.arp.config.max_queued = 0;
    ck_assert_int_eq(udp_send(&pcb, &peer, NULL, 0), 0);
    ck_assert_uint_eq(net.env.drops[DROP_ARP_QUEUE_FULL], 1);
    net_know_peer(&net);
    net.eth_dev.answer = -ENOBUFS;
    ck_assert_int_eq(udp_send(&pcb, &peer, NULL, 0), 0);
    net.eth_dev.answer = -ENETDOWN;
    ck_assert_int_eq(udp_send(&pcb, &peer, NULL, 0), -ENETDOWN);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(a_socket_bound_to_a_group_speaks_from_an_address_of_ours)
{
    struct endpoint peer = at(NET_PEER, 53);
    struct ip_header header;
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_bound(&net, &pcb, NET_BROADCAST, 4000);
    ck_assert_int_eq(udp_send(&pcb, &peer, NULL, 0), 0);
    header = net_sent_header(&net, 0);
    ck_assert_uint_eq(ip_addr_to_v4(&header.src), NET_OURS);
    ck_assert_int_eq(udp_connect(&pcb, &peer), 0); /* and hears the group */
    ck_assert_uint_eq(ip_addr_to_v4(&pcb.local.addr), NET_BROADCAST);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* ---- Errors ------------------------------------------------------------ */

/* An ICMP error about a datagram from our port 4000 to the peer's 53. */
static void receive_error(struct net *net, uint8_t code, uint16_t dst_port)
{
    struct net_packet quoted = {
        .src = NET_OURS, .dst = NET_PEER, .protocol = IP_PROTO_UDP};
    struct icmp_error error;

    quoted.payload = net_make_udp(net, NET_OURS, NET_PEER, 4000, dst_port,
                                  bytes_of("hello", 5));
    ck_assert_int_eq(icmp_error_from_quote(net_make_packet(net, &quoted),
                                           ICMP_UNREACHABLE, code, &error),
                     0);
    udp_icmp_error(&net->udp, &error);
}

START_TEST(a_connected_socket_hears_of_hard_errors)
{
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_bound(&net, &pcb, 0, 4000);
    ck_assert_int_eq(connect_to(&pcb, NET_PEER, 53), 0);
    receive_error(&net, ICMP_PORT_UNREACHABLE, 53);
    ck_assert_uint_eq(net.notified, 1);
    ck_assert_int_eq(pcb.common.error, ECONNREFUSED);
    ck_assert_int_eq(udp_send(&pcb, NULL, NULL, 0), -ECONNREFUSED);
    ck_assert_int_eq(udp_send(&pcb, NULL, NULL, 0), 0);
    receive_error(&net, ICMP_PORT_UNREACHABLE, 53);
    ck_assert_int_eq(datagram_pcb_take_error(&pcb.common), ECONNREFUSED);
    ck_assert_int_eq(datagram_pcb_take_error(&pcb.common), 0);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(soft_and_foreign_errors_are_not_heard)
{
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_bound(&net, &pcb, 0, 4000);
    receive_error(&net, ICMP_PORT_UNREACHABLE, 53); /* not connected */
    ck_assert_int_eq(connect_to(&pcb, NET_PEER, 53), 0);
    receive_error(&net, ICMP_HOST_UNREACHABLE, 53);
    receive_error(&net, ICMP_PORT_UNREACHABLE, 54);
    ck_assert_int_eq(pcb.common.error, 0);
    ck_assert_uint_eq(net.notified, 0);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* ---- Sizes ------------------------------------------------------------- */

/* IP_MTU_DISCOVER, as Linux: who cuts, who sets DF, who is told. */
START_TEST(what_does_not_fit_is_cut_or_refused)
{
    static const struct {
        uint8_t discover;
        bool df; /* of one that fits */
        int larger_than_path;
        int larger_than_link;
    } rows[] = {
        {IP_DISCOVER_DONT, false, 0, 0},
        {IP_DISCOVER_WANT, true, 0, 0},
        {IP_DISCOVER_DO, true, -EMSGSIZE, -EMSGSIZE},
        {IP_DISCOVER_PROBE, true, 0, -EMSGSIZE},
        {IP_DISCOVER_INTERFACE, false, 0, -EMSGSIZE},
        {IP_DISCOVER_OMIT, false, 0, 0},
    };
    struct endpoint peer = at(NET_PEER, 53);

    for (unsigned i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct udp_pcb pcb;
        struct net net;

        net_open(&net);
        net_know_peer(&net);
        open_pcb(&net, &pcb);
        pcb.common.discover = rows[i].discover;

        struct bytes fits = net_payload(&net, 972);
        struct bytes too_long = net_payload(&net, 973);
        struct bytes longer = net_payload(&net, 1473);

        pmtu_lower(&net.ip.pmtu, &peer.addr, 1000);
        ck_assert_int_eq(udp_send(&pcb, &peer, &fits, 1), 0);
        ck_assert_uint_eq(net_sent_header(&net, 0).df, rows[i].df);
        ck_assert_int_eq(udp_send(&pcb, &peer, &too_long, 1),
                         rows[i].larger_than_path);
        if (rows[i].discover < IP_DISCOVER_DO) { /* by the path */
            ck_assert(net_sent_header(&net, 1).mf);
            ck_assert(!net_sent_header(&net, 1).df);
        } else if (rows[i].larger_than_path == 0) { /* by the link: whole */
            ck_assert(!net_sent_header(&net, 1).mf);
            ck_assert_uint_eq(net_sent_header(&net, 1).df, rows[i].df);
        }
        ck_assert_int_eq(udp_send(&pcb, &peer, &longer, 1),
                         rows[i].larger_than_link);
        udp_pcb_fini(&pcb);
        net_close(&net);
    }
}
END_TEST

static void receive_too_big(struct net *net, uint16_t mtu)
{
    struct net_packet quoted = {
        .src = NET_OURS, .dst = NET_PEER, .protocol = IP_PROTO_UDP};
    struct icmp_error error;

    quoted.payload =
        net_make_udp(net, NET_OURS, NET_PEER, 4000, 53, net_payload(net, 1400));
    ck_assert_int_eq(icmp_error_from_quote(net_make_packet(net, &quoted),
                                           ICMP_UNREACHABLE,
                                           ICMP_FRAGMENTATION_NEEDED, &error),
                     0);
    error.mtu = mtu;
    udp_icmp_error(&net->udp, &error);
}

/* RFC 1191 3; an unconnected socket learns of it as well, and is not told. */
START_TEST(a_path_that_takes_less_is_learnt)
{
    struct ip_addr peer = ip_addr_v4(NET_PEER);
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_bound(&net, &pcb, 0, 4000);
    ck_assert_int_eq(udp_mtu(&pcb), -ENOTCONN);
    receive_too_big(&net, 1500); /* it was not too big for that */
    ck_assert_uint_eq(pmtu_find(&net.ip.pmtu, &peer, NULL), 0);
    receive_too_big(&net, 1000);
    ck_assert_uint_eq(pmtu_find(&net.ip.pmtu, &peer, NULL), 1000);
    ck_assert_int_eq(pcb.common.error, 0);
    ck_assert_int_eq(connect_to(&pcb, NET_PEER, 53), 0);
    ck_assert_int_eq(udp_mtu(&pcb), 1000);
    pcb.common.discover = IP_DISCOVER_DONT;
    receive_too_big(&net, 900);
    ck_assert_int_eq(pcb.common.error, 0);
    pcb.common.discover = IP_DISCOVER_WANT;
    receive_too_big(&net, 0);
    ck_assert_int_eq(datagram_pcb_take_error(&pcb.common), EMSGSIZE);
    pcb.common.discover = IP_DISCOVER_OMIT;
    receive_too_big(&net, 600);
    ck_assert_int_eq(udp_mtu(&pcb), 900);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(a_checksum_can_be_left_out)
{
    struct endpoint peer = at(NET_PEER, 53);
    struct bytes text = bytes_of("x", 1);
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_pcb(&net, &pcb);
    pcb.no_checksum = true;
    ck_assert_int_eq(udp_send(&pcb, &peer, &text, 1), 0);
    ck_assert_uint_eq(
        get_be16(net_sent_packet(&net, 0).data + 20 + UDP_CHECKSUM), 0);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* SO_DONTROUTE */
START_TEST(without_routing_only_neighbours_are_reached)
{
    struct endpoint far = at(NET_OUTSIDE, 53);
    struct endpoint near = at(NET_PEER, 53);
    struct ip_choice on_link = {.on_link = true};
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_pcb(&net, &pcb);
    ck_assert_int_eq(udp_send_as(&pcb, &far, &on_link, NULL, 0), -ENETUNREACH);
    ck_assert_int_eq(udp_send(&pcb, &far, NULL, 0), 0);
    pcb.common.dont_route = true;
    ck_assert_int_eq(udp_send(&pcb, &far, NULL, 0), -ENETUNREACH);
    ck_assert_int_eq(udp_connect(&pcb, &far), -ENETUNREACH);
    ck_assert_int_eq(udp_send(&pcb, &near, NULL, 0), 0);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* ---- Binding, as Linux allows it --------------------------------------- */

START_TEST(a_socket_has_its_own_range_of_ports)
{
    struct udp_pcb pcbs[3];
    struct net net;

    net_open(&net);
    for (unsigned i = 0; i < 3; i++) {
        open_pcb(&net, &pcbs[i]);
        pcbs[i].port_range = 44000 | 44001u << 16;
    }
    ck_assert_int_eq(bind_to(&pcbs[0], NET_OURS, 0), 0);
    ck_assert_int_eq(bind_to(&pcbs[1], NET_OURS, 0), 0);
    ck_assert_int_eq(bind_to(&pcbs[2], NET_OURS, 0), -EADDRINUSE);
    ck_assert_uint_eq(pcbs[0].local.port + pcbs[1].local.port, 44000 + 44001);
    pcbs[2].port_range = 10 | 33000u << 16; /* 10 is no bound */
    ck_assert_int_eq(bind_to(&pcbs[2], NET_OURS, 0), 0);
    ck_assert_uint_ge(pcbs[2].local.port, 32768);
    ck_assert_uint_le(pcbs[2].local.port, 33000);
    for (unsigned i = 0; i < 3; i++)
        udp_pcb_fini(&pcbs[i]);
    net_close(&net);
}
END_TEST

/* IP_BIND_ADDRESS_NO_PORT */
START_TEST(a_port_can_be_left_to_connect)
{
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_pcb(&net, &pcb);
    pcb.bind_no_port = true;
    ck_assert_int_eq(bind_to(&pcb, NET_OURS, 0), 0);
    ck_assert_uint_eq(pcb.local.port, 0);
    ck_assert_int_eq(bind_to(&pcb, NET_OURS, 0), 0);
    ck_assert_int_eq(connect_to(&pcb, NET_PEER, 53), 0);
    ck_assert_uint_ne(pcb.local.port, 0);
    ck_assert_uint_eq(ip_addr_to_v4(&pcb.local.addr), NET_OURS);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(a_chosen_port_goes_with_the_connection)
{
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_pcb(&net, &pcb);
    ck_assert_int_eq(bind_to(&pcb, NET_OURS, 0), 0);
    ck_assert_uint_ne(pcb.local.port, 0);
    ck_assert_int_eq(connect_to(&pcb, NET_PEER, 53), 0);
    ck_assert_int_eq(udp_connect(&pcb, &(struct endpoint){0}), 0);
    ck_assert_uint_eq(pcb.local.port, 0);
    ck_assert_uint_eq(ip_addr_to_v4(&pcb.local.addr), NET_OURS);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* IP_FREEBIND: bound it is, but there is no way from there */
START_TEST(an_address_of_others_can_be_bound_to)
{
    struct endpoint peer = at(NET_PEER, 53);
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_pcb(&net, &pcb);
    ck_assert_int_eq(bind_to(&pcb, NET_THIRD, 4000), -EADDRNOTAVAIL);
    pcb.common.free_bind = true;
    ck_assert_int_eq(bind_to(&pcb, NET_THIRD, 4000), 0);
    ck_assert_int_eq(udp_send(&pcb, &peer, NULL, 0), -ENETUNREACH);
    ck_assert_int_eq(udp_connect(&pcb, &peer), -ENETUNREACH);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* ---- UDP_SEGMENT and what comes of it ------------------------------------ */

START_TEST(many_datagrams_are_cut_for_a_device_that_does_not)
{
    struct endpoint peer = at(NET_PEER, 53);
    struct bytes pieces[3] = {bytes_of("abc", 3), bytes_of("defgh", 5),
                              bytes_of("i", 1)};
    static const char *const expected[] = {"abcd", "efgh", "i"};
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_pcb(&net, &pcb);
    pcb.segment = 4;
    ck_assert_int_eq(udp_send(&pcb, &peer, pieces, 3), 0);
    ck_assert_uint_eq(net.eth_dev.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        struct bytes datagram = sent_datagram(&net, i);
        size_t len = strlen(expected[i]);

        ck_assert_uint_eq(get_be16(datagram.data + UDP_LENGTH), 8 + len);
        ck_assert_mem_eq(datagram.data + 8, expected[i], len);
    }
    ck_assert_uint_eq(net.udp.stats.out_datagrams, 3);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* Datagrams of 1,000 bytes, at a device that cuts what is longer. */
static void open_cutting(struct net *net, struct udp_pcb *pcb)
{
    net_open(net);
    net_know_peer(net);
    net->eth_dev.dev.fills_checksum = true;
    net->eth_dev.dev.cuts_udp = true;
    net->eth_dev.dev.max_gso = 65535;
    open_pcb(net, pcb);
    pcb->segment = 1000;
}

START_TEST(a_device_that_cuts_gets_many_datagrams_as_one)
{
    struct endpoint peer = at(NET_PEER, 53);
    struct endpoint all = at(NET_BROADCAST, 53);
    struct udp_pcb pcb;
    struct net net;

    open_cutting(&net, &pcb);

    struct bytes text = net_payload(&net, 2500);

    pcb.common.broadcast = true;
    ck_assert_int_eq(udp_send(&pcb, &peer, &text, 1), 0);
    ck_assert_uint_eq(net.eth_dev.count, 1);
    ck_assert_int_eq(net.eth_dev.frames[0].offload.gso, FRAME_GSO_UDP_L4);
    ck_assert_uint_eq(net.eth_dev.frames[0].offload.gso_size, 1000);
    ck_assert_uint_eq(net.eth_dev.frames[0].len, 14 + 28 + 2500);
    ck_assert_uint_eq(net.udp.stats.out_datagrams, 3);
    /* a broadcast comes back to us, too, where nobody cuts it */
    ck_assert_int_eq(udp_send(&pcb, &all, &text, 1), 0);
    ck_assert_uint_eq(net.eth_dev.count, 4);
    ck_assert_int_eq(net.eth_dev.frames[1].offload.gso, FRAME_GSO_NONE);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* As Linux, measured: 128 of them, each within the MTU, and with a checksum. */
START_TEST(datagrams_too_many_or_too_large_are_refused)
{
    struct endpoint peer = at(NET_PEER, 53);
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_pcb(&net, &pcb);

    struct bytes text = net_payload(&net, 3000);
    struct bytes most = bytes_slice(text, 0, 128);
    struct bytes more = bytes_slice(text, 0, 129);
    struct ip_choice one = {.has_segment = true, .segment = 0};

    pcb.segment = 1;
    ck_assert_int_eq(udp_send(&pcb, &peer, &most, 1), 0);
    ck_assert_int_eq(udp_send(&pcb, &peer, &more, 1), -EINVAL);
    ck_assert_int_eq(udp_send_as(&pcb, &peer, &one, &more, 1), 0);
    pcb.segment = 1472;
    ck_assert_int_eq(udp_send(&pcb, &peer, &text, 1), 0);
    pcb.segment = 1473;
    ck_assert_int_eq(udp_send(&pcb, &peer, &text, 1), -EMSGSIZE);
    ck_assert_int_eq(udp_send(&pcb, &peer, &more, 1), 0);
    pcb.no_checksum = true;
    ck_assert_int_eq(udp_send(&pcb, &peer, &more, 1), -EINVAL);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(what_came_uncut_is_many_datagrams)
{
    struct net_packet how = {.protocol = IP_PROTO_UDP};
    struct udp_pcb pcb;
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    open_bound(&net, &pcb, 0, 53);
    how.payload =
        net_make_udp(&net, NET_PEER, NET_OURS, 1, 53, net_payload(&net, 250));
    ck_assert_int_eq(net_receive(&net, &how, &packet), 0);
    packet.frame->offload.checksum = FRAME_CHECKSUM_VERIFIED;
    packet.frame->offload.gso = FRAME_GSO_UDP_L4;
    packet.frame->offload.gso_size = 100;
    udp_input(&net.udp, &packet);
    for (size_t from = 0; from < 250; from += 100) {
        const struct dgram *got = dgram_queue_first(&pcb.common.received);

        ck_assert_ptr_nonnull(got);
        ck_assert_uint_eq(got->len, from < 200 ? 100 : 50);
        ck_assert_uint_eq(got->data[0], net_pattern(from));
        ck_assert_uint_eq(got->src.port, 1);
        dgram_queue_remove(&pcb.common.received, net.env.memory);
    }
    ck_assert_ptr_null(dgram_queue_first(&pcb.common.received));
    ck_assert_uint_eq(net.udp.stats.in_datagrams, 3);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* A filter sees each datagram as if it had come alone: its own bytes, and its
 * own lengths. */
START_TEST(of_what_came_uncut_a_filter_sees_each_datagram)
{
    enum { TOTAL_LENGTH_AT = 2 };
    static const struct bpf_insn insns[] = {
        {0x30, 0, 0, 8},                                     /* ldb [8] */
        {0x15, 0, 5, 'b'},                                   /* jeq #'b' */
        {0x28, 0, 0, UDP_LENGTH},                            /* ldh [4] */
        {0x15, 0, 3, 12},                                    /* jeq #12 */
        {0x28, 0, 0, (uint32_t)-0x100000 + TOTAL_LENGTH_AT}, /* of IP */
        {0x15, 0, 1, 32},                                    /* jeq #32 */
        {0x06, 0, 0, 11},                                    /* ret #11 */
        {0x06, 0, 0, 0},                                     /* ret #0 */
    };
    struct net_packet how = {.protocol = IP_PROTO_UDP};
    struct bpf_program *filter;
    const struct dgram *got;
    struct ip_packet packet;
    struct udp_pcb pcb;
    struct net net;

    net_open(&net);
    open_bound(&net, &pcb, 0, 53);
    ck_assert_int_eq(bpf_create(net.env.memory,
                                bytes_of((const uint8_t *)insns, sizeof(insns)),
                                &filter),
                     0);
    pcb.common.filter = filter;
    how.payload = net_make_udp(&net, NET_PEER, NET_OURS, 1, 53,
                               bytes_of("aAAAbBBBcC", 10));
    ck_assert_int_eq(net_receive(&net, &how, &packet), 0);
    packet.frame->offload.checksum = FRAME_CHECKSUM_VERIFIED;
    packet.frame->offload.gso = FRAME_GSO_UDP_L4;
    packet.frame->offload.gso_size = 4;
    udp_input(&net.udp, &packet);
    ck_assert_uint_eq(net.env.drops[DROP_UDP_FILTERED], 2);
    got = dgram_queue_first(&pcb.common.received);
    ck_assert_ptr_nonnull(got);
    ck_assert_uint_eq(got->len, 3); /* 11 bytes, of which 8 are the header */
    ck_assert_mem_eq(got->data, "bBB", 3);
    ck_assert_uint_eq(take_all(&pcb), 1);
    udp_pcb_fini(&pcb);
    bpf_destroy(net.env.memory, filter);
    net_close(&net);
}
END_TEST

/* RFC 6864 4.1: with DF as each of them alone; without it the device counts the
 * identification up, and none of them comes again with the next ones. */
START_TEST(datagrams_sent_as_one_are_identified_as_many)
{
    enum { IP_AT = 14 };
    struct endpoint peer = at(NET_PEER, 53);
    struct udp_pcb pcb;
    struct net net;

    open_cutting(&net, &pcb);

    struct bytes text = net_payload(&net, 2500);

    ck_assert_int_eq(udp_send(&pcb, &peer, &text, 1), 0);
    pcb.common.discover = IP_DISCOVER_DONT;
    ck_assert_int_eq(udp_send(&pcb, &peer, &text, 1), 0);
    ck_assert_int_eq(udp_send(&pcb, &peer, &text, 1), 0);
    ck_assert_uint_eq(net.eth_dev.count, 3);

    const struct fake_frame *frames = net.eth_dev.frames;
    uint16_t id[3];

    for (unsigned i = 0; i < 3; i++)
        id[i] = get_be16(frames[i].data + IP_AT + IPH_ID);
    ck_assert_uint_eq(get_be16(frames[0].data + IP_AT + IPH_FRAGMENT),
                      IP_FLAG_DF);
    ck_assert_uint_eq(get_be16(frames[1].data + IP_AT + IPH_FRAGMENT), 0);
    ck_assert_uint_eq((uint16_t)(id[2] - id[1]), 3);
    udp_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

UNIT_MAIN(
    "udp", datagrams_sent_as_one_are_identified_as_many,
    of_what_came_uncut_a_filter_sees_each_datagram,
    many_datagrams_are_cut_for_a_device_that_does_not,
    a_device_that_cuts_gets_many_datagrams_as_one,
    datagrams_too_many_or_too_large_are_refused,
    what_came_uncut_is_many_datagrams, a_socket_has_its_own_range_of_ports,
    a_port_can_be_left_to_connect, a_chosen_port_goes_with_the_connection,
    an_address_of_others_can_be_bound_to, what_does_not_fit_is_cut_or_refused,
    a_path_that_takes_less_is_learnt, a_checksum_can_be_left_out,
    without_routing_only_neighbours_are_reached,
    a_datagram_reaches_the_socket_of_its_port,
    lengths_that_are_impossible_are_dropped, a_wrong_checksum_is_dropped,
    a_checksum_of_zero_is_none, what_the_device_vouches_for_is_not_verified,
    bytes_behind_the_datagram_are_cut_off, a_full_buffer_drops,
    nobody_s_port_is_answered_with_port_unreachable,
    a_broadcast_to_nobody_is_not_answered, the_best_match_gets_it,
    a_connected_socket_hears_its_peer_only,
    a_broadcast_reaches_every_socket_of_its_port, a_scope_is_an_interface,
    a_port_has_one_owner, a_port_is_shared_when_both_say_so,
    two_share_a_port_as_linux_has_it,
    of_sockets_that_reuse_an_address_the_last_one_hears,
    sockets_with_reuseport_share_the_peers_evenly,
    a_device_may_be_chosen_before_and_after_bind,
    only_addresses_of_ours_and_groups_are_bound_to,
    port_zero_takes_a_free_one_of_the_range,
    when_all_ports_are_taken_bind_says_so, connecting_fixes_both_ends,
    connecting_to_port_zero_fixes_the_addresses,
    the_first_connect_fixes_the_source,
    a_connection_is_dissolved_to_what_was_bound, a_broadcast_needs_permission,
    without_a_way_connecting_fails_and_has_taken_a_port,
    a_datagram_is_sent_from_pieces, an_empty_datagram_is_sent,
    a_checksum_is_never_sent_as_zero, the_checksum_is_left_to_a_device_that_can,
    the_largest_datagram_is_sent_and_no_larger_one,
    sending_needs_somewhere_to_go, a_datagram_that_a_full_queue_loses_was_sent,
    a_socket_bound_to_a_group_speaks_from_an_address_of_ours,
    a_connected_socket_hears_of_hard_errors,
    soft_and_foreign_errors_are_not_heard)
