#include "unit.h"

#include "base/checksum.h"
#include "link/eth.h"
#include "net.h"

#include <errno.h>

/* ---- Input ------------------------------------------------------------- */

static const struct bytes no_bytes;

START_TEST(a_packet_for_us_is_parsed)
{
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .protocol = 17, .tos = 0x10,
                                 .ttl = 7, .id = 99, .df = true,
                                 .payload = net_payload(&net, 30)),
                     0);
    ck_assert_uint_eq(ip_addr_to_v4(&packet.header.src), NET_PEER);
    ck_assert_uint_eq(ip_addr_to_v4(&packet.header.dst), NET_OURS);
    ck_assert_uint_eq(packet.header.header_len, 20);
    ck_assert_uint_eq(packet.header.total_len, 50);
    ck_assert_uint_eq(packet.header.protocol, 17);
    ck_assert_uint_eq(packet.header.tos, 0x10);
    ck_assert_uint_eq(packet.header.ttl, 7);
    ck_assert_uint_eq(packet.header.id, 99);
    ck_assert(packet.header.df);
    ck_assert(!packet.broadcast);
    ck_assert_uint_eq(frame_len(packet.frame), 30);
    ck_assert_uint_eq(packet.frame->head[1], net_pattern(1));
    ck_assert_uint_eq(packet.quote.len, 50);
    ck_assert_uint_eq(packet.quote.data[0], 0x45);
    ck_assert_uint_eq(net.ip.stats.in_delivers, 1);
    ck_assert_uint_eq(net.events[TRACE_PACKET_IN], 1);
    ck_assert_str_eq(net.last.text, "udp");
    net_close(&net);
}
END_TEST

START_TEST(ethernet_padding_is_cut_off)
{
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .protocol = 17, .padding = 18,
                                 .payload = net_payload(&net, 8)),
                     0);
    ck_assert_uint_eq(frame_len(packet.frame), 8);
    ck_assert_uint_eq(packet.quote.len, 28);
    net_close(&net);
}
END_TEST

/* One byte of a good packet's header is changed; what it is dropped for. */
static enum drop_reason reason_for(size_t at, uint8_t value, bool mend_sum)
{
    enum drop_reason reason = DROP_NONE;
    struct ip_packet packet;
    struct net net;

    net_open(&net);

    struct net_packet good = {.protocol = 17, .payload = net_payload(&net, 20)};
    struct bytes bytes = net_make_packet(&net, &good);
    uint8_t *header = (uint8_t *)bytes.data;

    header[at] = value;
    if (mend_sum) {
        put_be16(header + IPH_CHECKSUM, 0);
        put_be16(header + IPH_CHECKSUM,
                 checksum_of_plain(bytes_of(header, IP_HEADER_LEN)));
    }
    ck_assert_int_eq(net_receive_bytes(&net, bytes, &good, &packet), -EBADMSG);
    for (int i = 0; i < DROP_REASON_COUNT; i++)
        if (net.env.drops[i] > 0)
            reason = (enum drop_reason)i;
    ck_assert_uint_eq(net.events[TRACE_DROP], 1);
    net_close(&net);
    return reason;
}

START_TEST(a_header_that_is_wrong_is_dropped_with_its_reason)
{
    ck_assert_int_eq(reason_for(0, 0x65, true), DROP_IP_BAD_VERSION);
    ck_assert_int_eq(reason_for(0, 0x44, true), DROP_IP_BAD_HEADER_LENGTH);
    ck_assert_int_eq(reason_for(0, 0x4f, true), DROP_IP_SHORT);
    ck_assert_int_eq(reason_for(3, 19, true), DROP_IP_BAD_TOTAL_LENGTH);
    ck_assert_int_eq(reason_for(3, 41, true), DROP_IP_BAD_TOTAL_LENGTH);
    ck_assert_int_eq(reason_for(2, 255, true), DROP_IP_BAD_TOTAL_LENGTH);
    ck_assert_int_eq(reason_for(6, 0x80, true), DROP_IP_RESERVED_FLAG);
    ck_assert_int_eq(reason_for(8, 63, false), DROP_IP_BAD_CHECKSUM);
}
END_TEST

START_TEST(every_cut_of_a_packet_is_dropped)
{
    struct net_packet good = {.protocol = 17};
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    good.payload = net_payload(&net, 20);

    struct bytes bytes = net_make_packet(&net, &good);

    for (size_t len = 0; len < bytes.len; len++) {
        uint8_t *cut = net_buffer(&net, len); /* its end is the allocation's */

        memcpy(cut, bytes.data, len);
        ck_assert_int_eq(
            net_receive_bytes(&net, bytes_of(cut, len), &good, &packet),
            -EBADMSG);
    }
    ck_assert_uint_eq(net.env.drops[DROP_IP_SHORT], 20);
    ck_assert_uint_eq(net.env.drops[DROP_IP_BAD_TOTAL_LENGTH], 20);
    ck_assert_uint_eq(net.ip.stats.in_hdr_errors, 40);
    net_close(&net);
}
END_TEST

/* RFC 1122 3.2.1.7: "MUST NOT discard a datagram just because TTL < 2" */
START_TEST(a_packet_with_ttl_1_has_arrived)
{
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .ttl = 1), 0);
    net_close(&net);
}
END_TEST

/* ---- Options ----------------------------------------------------------- */

static int receive_options(struct net *net, const uint8_t *options, size_t len)
{
    struct ip_packet packet;

    return NET_RECEIVE(net, &packet, .options = bytes_of(options, len));
}

START_TEST(good_options_are_skipped)
{
    static const uint8_t record_route[] = {7, 7, 4, 0, 0, 0, 0, 1};
    static const uint8_t ended[] = {1, 0, 0xff, 0xff};
    static const uint8_t route_is_over[] = {131, 7, 8, 1, 2, 3, 4, 0};
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(receive_options(&net, record_route, 8), 0);
    ck_assert_int_eq(receive_options(&net, ended, 4), 0);
    ck_assert_int_eq(receive_options(&net, route_is_over, 8), 0);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .protocol = 17,
                                 .options = bytes_of(record_route, 8),
                                 .payload = net_payload(&net, 9)),
                     0);
    ck_assert_uint_eq(packet.header.header_len, 28);
    ck_assert_uint_eq(frame_len(packet.frame), 9);
    net_close(&net);
}
END_TEST

START_TEST(malformed_options_are_dropped)
{
    static const uint8_t too_long[] = {7, 5, 4, 0};
    static const uint8_t too_short[] = {7, 1, 0, 0};
    static const uint8_t without_length[] = {1, 1, 1, 7};
    static const uint8_t without_pointer[] = {131, 2, 0, 0};
    struct net net;

    net_open(&net);
    ck_assert_int_eq(receive_options(&net, too_long, 4), -EBADMSG);
    ck_assert_int_eq(receive_options(&net, too_short, 4), -EBADMSG);
    ck_assert_int_eq(receive_options(&net, without_length, 4), -EBADMSG);
    ck_assert_int_eq(receive_options(&net, without_pointer, 4), -EBADMSG);
    ck_assert_uint_eq(net.env.drops[DROP_IP_BAD_OPTION], 4);
    net_close(&net);
}
END_TEST

START_TEST(a_source_route_that_goes_on_is_dropped)
{
    static const uint8_t loose[] = {131, 7, 4, 1, 2, 3, 4, 0};
    static const uint8_t strict[] = {137, 7, 4, 1, 2, 3, 4, 0};
    static const uint8_t at_its_last_byte[] = {131, 7, 7, 1, 2, 3, 4, 0};
    struct net net;

    net_open(&net);
    ck_assert_int_eq(receive_options(&net, loose, 8), -EBADMSG);
    ck_assert_int_eq(receive_options(&net, strict, 8), -EBADMSG);
    ck_assert_int_eq(receive_options(&net, at_its_last_byte, 8), -EBADMSG);
    ck_assert_uint_eq(net.env.drops[DROP_IP_SOURCE_ROUTED], 3);
    net_close(&net);
}
END_TEST

/* ---- Addresses --------------------------------------------------------- */

START_TEST(a_source_that_is_no_host_is_dropped)
{
    static const uint32_t bad[] = {0xe0000001, 0xffffffff, NET_BROADCAST,
                                   0x00000001, NET_OURS,   NET_FAR_OURS};
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        ck_assert_int_eq(NET_RECEIVE(&net, &packet, .src = bad[i]), -EBADMSG);
    ck_assert_uint_eq(net.env.drops[DROP_IP_BAD_SOURCE], ARRAY_LENGTH(bad));
    ck_assert_uint_eq(net.ip.stats.in_addr_errors, ARRAY_LENGTH(bad));
    net_close(&net);
}
END_TEST

/* A zero source cannot be asked for by net_make_packet: made by hand. */
static int receive_from_zero(struct net *net, uint32_t dst)
{
    struct net_packet how = {.dst = dst};
    struct ip_packet packet;
    struct bytes bytes = net_make_packet(net, &how);
    uint8_t *header = (uint8_t *)bytes.data;

    put_be32(header + IPH_SRC, 0);
    put_be16(header + IPH_CHECKSUM, 0);
    put_be16(header + IPH_CHECKSUM,
             checksum_of_plain(bytes_of(header, IP_HEADER_LEN)));
    return net_receive_bytes(net, bytes, &how, &packet);
}

START_TEST(a_source_of_zero_speaks_only_to_all)
{
    struct net net;

    net_open(&net);
    ck_assert_int_eq(receive_from_zero(&net, NET_OURS), -EBADMSG);
    ck_assert_int_eq(receive_from_zero(&net, 0xffffffff), 0);
    net_close(&net);
}
END_TEST

START_TEST(loopback_addresses_do_not_come_from_outside)
{
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .src = 0x7f000001), -EBADMSG);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .dst = 0x7f000001), -EBADMSG);
    ck_assert_uint_eq(net.env.drops[DROP_IP_MARTIAN], 2);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .src = 0x7f000001,
                                 .dst = 0x7f000009, .iface = &net.lo),
                     0);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .src = NET_OURS,
                                 .dst = NET_OURS, .iface = &net.lo),
                     0);
    net_close(&net);
}
END_TEST

START_TEST(another_host_s_packet_is_dropped)
{
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .dst = NET_THIRD), -EBADMSG);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .dst = 0xe00000fb), -EBADMSG);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .dst = 0xc63364ff), -EBADMSG);
    ck_assert_uint_eq(net.env.drops[DROP_IP_NOT_FOR_US], 3);
    net_close(&net);
}
END_TEST

/* RFC 1122 3.3.4.2, the weak model */
START_TEST(an_address_of_another_interface_is_ours)
{
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .dst = NET_FAR_OURS), 0);
    net_close(&net);
}
END_TEST

START_TEST(what_is_for_all_is_for_us)
{
    static const uint32_t all[] = {0xffffffff, NET_BROADCAST, 0xe0000001};
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
        ck_assert_int_eq(
            NET_RECEIVE(&net, &packet, .dst = all[i], .link_broadcast = true),
            0);
        ck_assert(packet.broadcast);
    }
    net_close(&net);
}
END_TEST

/* RFC 1122 3.3.6 */
START_TEST(unicast_in_a_link_broadcast_is_dropped)
{
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .link_broadcast = true),
                     -EBADMSG);
    ck_assert_uint_eq(net.env.drops[DROP_IP_LINK_BROADCAST], 1);
    net_close(&net);
}
END_TEST

START_TEST(a_group_that_we_are_not_in_is_not_for_us)
{
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(
        NET_RECEIVE(&net, &packet, .dst = 0xe00000fb, .link_broadcast = true),
        -EBADMSG);
    ck_assert_uint_eq(net.env.drops[DROP_IP_NOT_FOR_US], 1);
    net_close(&net);
}
END_TEST

START_TEST(fragments_become_the_datagram)
{
    struct ip_packet packet;
    struct net net;

    net_open(&net);

    struct bytes payload = net_payload(&net, 3000);

    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .protocol = 17, .id = 5,
                                 .mf = true,
                                 .payload = bytes_slice(payload, 0, 1480)),
                     -EINPROGRESS);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .protocol = 17, .id = 5,
                                 .offset = 1480,
                                 .payload = bytes_from(payload, 1480)),
                     0);
    ck_assert_uint_eq(packet.header.total_len, 3020);
    ck_assert_uint_eq(packet.header.fragment_offset, 0);
    ck_assert(!packet.header.mf);
    ck_assert_uint_eq(frame_len(packet.frame), 3000);
    ck_assert_mem_eq(packet.frame->head, payload.data, 3000);
    ck_assert_ptr_eq(packet.iface, &net.eth);
    ck_assert_int_eq(packet.frame->offload.checksum, FRAME_CHECKSUM_COMPLETE);
    ck_assert_uint_eq(packet.quote.len, 3020);
    ck_assert_uint_eq(net.ip.stats.reasm_reqds, 2);
    ck_assert_uint_eq(net.ip.stats.reasm_oks, 1);
    ck_assert_uint_eq(net.ip.stats.in_delivers, 1);
    net_close(&net);
}
END_TEST

/* ---- Paths ------------------------------------------------------------- */

static int find_path(struct net *net, uint32_t dst, uint32_t src,
                     unsigned scope, struct ip_path *out)
{
    struct ip_addr to = ip_addr_v4(dst);
    struct ip_addr from = ip_addr_v4(src);

    return ip_path(&net->ip, &to, &from, scope, out);
}

static void assert_path(const struct ip_path *path, const struct iface *iface,
                        uint32_t next_hop, uint32_t src)
{
    ck_assert_ptr_eq(path->iface, iface);
    ck_assert_uint_eq(ip_addr_to_v4(&path->next_hop), next_hop);
    ck_assert_uint_eq(ip_addr_to_v4(&path->src), src);
}

START_TEST(a_path_goes_on_the_link_or_by_the_gateway)
{
    struct ip_path path;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(find_path(&net, NET_THIRD, 0, 0, &path), 0);
    assert_path(&path, &net.eth, NET_THIRD, NET_OURS);
    ck_assert_int_eq(find_path(&net, NET_OUTSIDE, 0, 0, &path), 0);
    assert_path(&path, &net.eth, NET_PEER, NET_OURS);
    ck_assert_int_eq(find_path(&net, NET_FAR_PEER, 0, 0, &path), 0);
    assert_path(&path, &net.far, NET_FAR_PEER, NET_FAR_OURS);
    net_close(&net);
}
END_TEST

/* Whatever is remembered of paths (RFC 1122 3.3.1.2) is forgotten then. */
START_TEST(a_path_that_was_used_follows_the_routes)
{
    const struct ip_prefix outside = {.addr = ip_addr_v4(NET_OUTSIDE),
                                      .len = 128};
    const struct ip_addr gateway = ip_addr_v4(NET_FAR_PEER);
    struct ip_path path;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(find_path(&net, NET_OUTSIDE, 0, 0, &path), 0);
    assert_path(&path, &net.eth, NET_PEER, NET_OURS);
    ck_assert_int_eq(route_add(&net.ip.routes, &outside, &gateway, &net.far),
                     0);
    ck_assert_int_eq(find_path(&net, NET_OUTSIDE, 0, 0, &path), 0);
    assert_path(&path, &net.far, NET_FAR_PEER, NET_FAR_OURS);
    ck_assert_int_eq(route_delete(&net.ip.routes, &outside), 0);
    ck_assert_int_eq(find_path(&net, NET_OUTSIDE, 0, 0, &path), 0);
    assert_path(&path, &net.eth, NET_PEER, NET_OURS);
    net_close(&net);
}
END_TEST

START_TEST(each_of_many_destinations_has_a_path_of_its_own)
{
    struct net net;

    net_open(&net);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 1; i < 250; i++) {
            struct ip_path path;
            uint32_t dst = (NET_PEER & 0xffffff00) + i;

            if (dst == NET_OURS)
                continue;
            ck_assert_int_eq(find_path(&net, dst, 0, 0, &path), 0);
            assert_path(&path, &net.eth, dst, NET_OURS);
            ck_assert_int_eq(find_path(&net, dst, 0, net.far.index, &path), 0);
            assert_path(&path, &net.far, dst, NET_FAR_OURS);
            ck_assert_int_eq(find_path(&net, dst, NET_FAR_OURS, 0, &path), 0);
            assert_path(&path, &net.eth, dst, NET_FAR_OURS);
        }
    }
    net_close(&net);
}
END_TEST

START_TEST(what_is_for_ourselves_goes_by_the_loopback)
{
    struct ip_path path;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(find_path(&net, 0x7f000001, 0, 0, &path), 0);
    assert_path(&path, &net.lo, 0x7f000001, 0x7f000001);
    ck_assert_int_eq(find_path(&net, 0x7f000005, 0, 0, &path), 0);
    assert_path(&path, &net.lo, 0x7f000005, 0x7f000001);
    ck_assert_int_eq(find_path(&net, NET_OURS, 0, 0, &path), 0);
    assert_path(&path, &net.lo, NET_OURS, NET_OURS);
    ck_assert_int_eq(find_path(&net, NET_OURS, 0x7f000001, 0, &path), 0);
    assert_path(&path, &net.lo, NET_OURS, 0x7f000001);
    net_close(&net);
}
END_TEST

START_TEST(a_source_must_be_ours_and_fit_the_way)
{
    struct ip_path path;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(find_path(&net, NET_PEER, NET_THIRD, 0, &path),
                     -EADDRNOTAVAIL);
    ck_assert_int_eq(find_path(&net, NET_PEER, 0x7f000001, 0, &path), -EINVAL);
    ck_assert_int_eq(find_path(&net, NET_PEER, NET_FAR_OURS, 0, &path), 0);
    net.eth.addr_count = 0;
    ck_assert_int_eq(find_path(&net, NET_PEER, 0, 0, &path), -EADDRNOTAVAIL);
    net_close(&net);
}
END_TEST

START_TEST(a_scope_names_the_interface)
{
    struct ip_path path;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(find_path(&net, NET_OUTSIDE, 0, net.far.index, &path), 0);
    assert_path(&path, &net.far, NET_OUTSIDE, NET_FAR_OURS);
    ck_assert_int_eq(find_path(&net, 0xffffffff, 0, net.far.index, &path), 0);
    assert_path(&path, &net.far, 0xffffffff, NET_FAR_OURS);
    ck_assert_int_eq(find_path(&net, NET_PEER, 0, 99, &path), -ENETUNREACH);
    net_close(&net);
}
END_TEST

START_TEST(to_all_needs_no_route_and_no_address)
{
    struct ip_path path;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(find_path(&net, 0xffffffff, 0, 0, &path), 0);
    assert_path(&path, &net.eth, 0xffffffff, NET_OURS);
    ck_assert_int_eq(find_path(&net, 0xffffffff, NET_FAR_OURS, 0, &path), 0);
    assert_path(&path, &net.far, 0xffffffff, NET_FAR_OURS);
    routes_fini(&net.ip.routes);
    ck_assert_int_eq(routes_init(&net.ip.routes, &net.env), 0);
    net.eth.addr_count = 0;
    ck_assert_int_eq(find_path(&net, 0xffffffff, 0, 0, &path), 0);
    assert_path(&path, &net.eth, 0xffffffff, 0);
    ck_assert_int_eq(find_path(&net, NET_OUTSIDE, 0, 0, &path), -ENETUNREACH);
    net_close(&net);
}
END_TEST

START_TEST(zero_is_never_a_destination)
{
    struct ip_path path;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(find_path(&net, 0, 0, 0, &path), -ENETUNREACH);
    net_close(&net);
}
END_TEST

/* ---- Output ------------------------------------------------------------ */

/* `head` bytes in the head, the rest in two slices. */
static void make_frame(struct frame *frame, struct bytes payload, size_t head)
{
    size_t half = (payload.len - head) / 2;

    frame_init_output(frame);
    memcpy(frame_push(frame, head), payload.data, head);
    frame_add_slice(frame, bytes_slice(payload, head, half));
    frame_add_slice(frame, bytes_from(payload, head + half));
}

static int send_payload(struct net *net, struct bytes payload, size_t head,
                        struct ip_send send)
{
    struct frame frame;

    make_frame(&frame, payload, head);
    if (ip_addr_is_any(&send.dst))
        send.dst = ip_addr_v4(NET_PEER);
    if (send.protocol == 0)
        send.protocol = IP_PROTO_UDP;
    return ip_output(&net->ip, &frame, &send);
}

START_TEST(a_packet_gets_its_header)
{
    struct ip_header header;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    ck_assert_int_eq(send_payload(&net, net_payload(&net, 100), 8,
                                  (struct ip_send){.tos = 0x20, .df = true}),
                     0);
    header = net_sent_header(&net, 0);
    ck_assert_uint_eq(ip_addr_to_v4(&header.src), NET_OURS);
    ck_assert_uint_eq(ip_addr_to_v4(&header.dst), NET_PEER);
    ck_assert_uint_eq(header.total_len, 120);
    ck_assert_uint_eq(header.ttl, 64);
    ck_assert_uint_eq(header.tos, 0x20);
    ck_assert_uint_eq(header.protocol, IP_PROTO_UDP);
    ck_assert(header.df);
    ck_assert(!header.mf);
    ck_assert_uint_eq(header.id, 0); /* RFC 6864: atomic */
    ck_assert_mem_eq(net_sent_packet(&net, 0).data + 20,
                     net_payload(&net, 100).data, 100);
    ck_assert_uint_eq(net.ip.stats.out_requests, 1);
    ck_assert_uint_eq(net.ip.stats.out_transmits, 1);
    net_close(&net);
}
END_TEST

START_TEST(by_the_gateway_the_frame_goes_to_its_station)
{
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    ck_assert_int_eq(
        send_payload(&net, net_payload(&net, 10), 8,
                     (struct ip_send){.dst = ip_addr_v4(NET_OUTSIDE)}),
        0);
    ck_assert_mem_eq(net.eth_dev.frames[0].data, net_peer_mac.octet, 6);
    net_close(&net);
}
END_TEST

START_TEST(a_link_of_bare_ip_and_the_loopback_need_no_arp)
{
    struct net net;

    net_open(&net);
    ck_assert_int_eq(
        send_payload(&net, net_payload(&net, 10), 8,
                     (struct ip_send){.dst = ip_addr_v4(NET_FAR_PEER)}),
        0);
    ck_assert_int_eq(
        send_payload(&net, net_payload(&net, 10), 8,
                     (struct ip_send){.dst = ip_addr_v4(NET_OURS)}),
        0);
    ck_assert_uint_eq(net.far_dev.count, 1);
    ck_assert_uint_eq(net.far_dev.frames[0].len, 30);
    ck_assert_uint_eq(net.lo_dev.count, 1);
    ck_assert_uint_eq(net.eth_dev.count, 0);
    net_close(&net);
}
END_TEST

/* RFC 6864 4.3 and RFC 7739: not repeated, not told by another peer's */
START_TEST(identifications_count_up_for_each_peer_from_elsewhere)
{
    struct ip_send far = {.dst = ip_addr_v4(NET_FAR_PEER)};
    struct ip_header header;
    enum drop_reason why;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(
            send_payload(&net, net_payload(&net, 10), 8, (struct ip_send){0}),
            0);
    ck_assert_int_eq(send_payload(&net, net_payload(&net, 10), 8, far), 0);
    ck_assert_uint_eq((uint16_t)(net_sent_header(&net, 0).id + 1),
                      net_sent_header(&net, 1).id);
    ck_assert_int_eq(
        ip_parse(bytes_of(net.far_dev.frames[0].data, 30), &header, &why), 0);
    ck_assert_uint_ne((uint16_t)(net_sent_header(&net, 1).id + 1), header.id);
    net_close(&net);
}
END_TEST

START_TEST(multicast_stays_on_the_link)
{
    struct net net;

    net_open(&net);
    ck_assert_int_eq(
        send_payload(&net, net_payload(&net, 10), 8,
                     (struct ip_send){.dst = ip_addr_v4(0xe00000fb)}),
        0);
    ck_assert_uint_eq(net_sent_header(&net, 0).ttl, 1);
    net_close(&net);
}
END_TEST

START_TEST(without_a_way_the_packet_is_dropped)
{
    struct ip_prefix everything = {.addr = IP_ADDR_ANY_V4,
                                   .len = IPV4_PREFIX_OFFSET};
    struct net net;

    net_open(&net);
    ck_assert_int_eq(route_delete(&net.ip.routes, &everything), 0);
    ck_assert_int_eq(
        send_payload(&net, net_payload(&net, 10), 8,
                     (struct ip_send){.dst = ip_addr_v4(NET_OUTSIDE)}),
        -ENETUNREACH);
    ck_assert_uint_eq(net.env.drops[DROP_IP_NO_ROUTE], 1);
    ck_assert_uint_eq(net.ip.stats.out_no_routes, 1);
    net_close(&net);
}
END_TEST

/* ---- Fragmentation ----------------------------------------------------- */

START_TEST(a_packet_of_the_mtu_is_not_cut)
{
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    ck_assert_int_eq(
        send_payload(&net, net_payload(&net, 1480), 8, (struct ip_send){0}), 0);
    ck_assert_uint_eq(net.eth_dev.count, 1);
    ck_assert_uint_eq(net.eth_dev.frames[0].len, 1514);
    ck_assert(!net_sent_header(&net, 0).mf);
    net_close(&net);
}
END_TEST

/* What was sent, put together again by offset; all of one ID. */
static size_t collect_fragments(const struct net *net, uint8_t *to)
{
    size_t total = 0;

    for (unsigned i = 0; i < net->eth_dev.count; i++) {
        struct ip_header header = net_sent_header(net, i);
        struct bytes packet = net_sent_packet(net, i);

        ck_assert_uint_eq(packet.len, header.total_len);
        ck_assert_uint_le(packet.len, net->eth.mtu);
        ck_assert_uint_eq(header.id, net_sent_header(net, 0).id);
        ck_assert_uint_eq(header.fragment_offset, total);
        ck_assert(header.mf == (i + 1 < net->eth_dev.count));
        memcpy(to + total, packet.data + header.header_len,
               packet.len - header.header_len);
        total += packet.len - header.header_len;
    }
    return total;
}

START_TEST(a_larger_packet_is_cut_into_fragments)
{
    static const size_t sizes[] = {1481, 2960, 2961, 3000, 8000, 65515};
    static uint8_t got[65535];

    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        struct net net;

        net_open(&net);
        net_know_peer(&net);

        struct bytes payload = net_payload(&net, sizes[i]);

        ck_assert_int_eq(send_payload(&net, payload, 8, (struct ip_send){0}),
                         0);
        ck_assert_uint_eq(net.eth_dev.count, (sizes[i] + 1479) / 1480);
        ck_assert_uint_eq(collect_fragments(&net, got), sizes[i]);
        ck_assert_mem_eq(got, payload.data, sizes[i]);
        ck_assert_uint_eq(net.ip.stats.out_frag_oks, 1);
        ck_assert_uint_eq(net.ip.stats.out_frag_creates, net.eth_dev.count);
        net_close(&net);
    }
}
END_TEST

/* Each cut falls elsewhere: within the head, on a slice's edge, within one. */
START_TEST(fragments_are_right_for_every_mtu)
{
    static uint8_t got[400];

    for (unsigned mtu = 28; mtu < 330; mtu++) {
        struct net net;

        net_open(&net);
        net_know_peer(&net);
        net.eth.mtu = mtu;

        struct bytes payload = net_payload(&net, 300);

        ck_assert_int_eq(send_payload(&net, payload, 60, (struct ip_send){0}),
                         0);
        ck_assert_uint_eq(collect_fragments(&net, got), 300);
        ck_assert_mem_eq(got, payload.data, 300);
        net_close(&net);
    }
}
END_TEST

/* RFC 791 3.1: the option has the copied flag, so each fragment carries it. */
START_TEST(fragments_carry_the_router_alert)
{
    static uint8_t got[400];

    for (unsigned mtu = 68; mtu < 330; mtu++) {
        struct net net;

        net_open(&net);
        net_know_peer(&net);
        net.eth.mtu = mtu;

        struct bytes payload = net_payload(&net, 300);

        ck_assert_int_eq(send_payload(&net, payload, 60,
                                      (struct ip_send){.router_alert = true}),
                         0);
        ck_assert_uint_eq(collect_fragments(&net, got), 300);
        ck_assert_mem_eq(got, payload.data, 300);
        for (unsigned i = 0; i < net.eth_dev.count; i++)
            ck_assert_uint_eq(get_be32(net_sent_packet(&net, i).data + 20),
                              0x94040000);
        net_close(&net);
    }
}
END_TEST

START_TEST(an_absent_checksum_is_filled_in_before_cutting)
{
    struct ip_send send = {.dst = ip_addr_v4(NET_PEER),
                           .protocol = IP_PROTO_UDP};
    struct frame frame;
    static uint8_t got[3000];
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    net.eth_dev.dev.fills_checksum = true;
    make_frame(&frame, net_payload(&net, 3000), 8);
    put_be16(frame.head + 6, 0);
    frame_leave_checksum(&frame, 6);
    ck_assert_int_eq(ip_output(&net.ip, &frame, &send), 0);
    ck_assert_uint_eq(net.eth_dev.count, 3);
    ck_assert_int_eq(net.eth_dev.frames[0].offload.checksum,
                     FRAME_CHECKSUM_COMPLETE);
    collect_fragments(&net, got);
    ck_assert_uint_eq(checksum_of_plain(bytes_of(got, 3000)), 0);
    net_close(&net);
}
END_TEST

START_TEST(with_df_a_larger_packet_is_refused)
{
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    ck_assert_int_eq(send_payload(&net, net_payload(&net, 1481), 8,
                                  (struct ip_send){.df = true}),
                     -EMSGSIZE);
    ck_assert_uint_eq(net.eth_dev.count, 0);
    ck_assert_uint_eq(net.env.drops[DROP_IP_TOO_BIG], 1);
    ck_assert_uint_eq(net.ip.stats.out_frag_fails, 1);
    net_close(&net);
}
END_TEST

/* RFC 1191 3: as far as it is known, and for that destination alone. */
START_TEST(the_path_mtu_counts_like_the_link_s)
{
    const struct ip_send with_df = {.df = true};
    struct ip_path path;
    struct ip_addr peer = ip_addr_v4(NET_PEER);
    struct ip_addr any = IP_ADDR_ANY_V4;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    pmtu_lower(&net.ip.pmtu, &peer, 1000);
    ck_assert_int_eq(ip_path(&net.ip, &peer, &any, 0, &path), 0);
    ck_assert_uint_eq(path.mtu, 1000);
    ck_assert_int_eq(send_payload(&net, net_payload(&net, 981), 8, with_df),
                     -EMSGSIZE);
    ck_assert_uint_eq(net.eth_dev.count, 0);
    ck_assert_int_eq(send_payload(&net, net_payload(&net, 980), 8, with_df), 0);
    ck_assert_uint_eq(net.eth_dev.count, 1);
    ck_assert_int_eq(
        send_payload(&net, net_payload(&net, 1400), 8, (struct ip_send){0}), 0);
    ck_assert_uint_eq(net.eth_dev.count, 3); /* two fragments */
    net_wait(&net, 601 * USEC_PER_SEC);
    ck_assert_int_eq(ip_path(&net.ip, &peer, &any, 0, &path), 0);
    ck_assert_uint_eq(path.mtu, 1500);
    net_close(&net);
}
END_TEST

START_TEST(no_packet_is_larger_than_65535)
{
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    ck_assert_int_eq(
        send_payload(&net, net_payload(&net, 65516), 8, (struct ip_send){0}),
        -EMSGSIZE);
    ck_assert_uint_eq(net.env.drops[DROP_IP_TOO_BIG], 1);
    net_close(&net);
}
END_TEST

START_TEST(a_super_segment_is_left_to_the_device)
{
    struct ip_send send = {
        .dst = ip_addr_v4(NET_PEER), .protocol = IP_PROTO_TCP, .df = true};
    struct frame frame;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    net.eth_dev.dev.max_gso = 65535;
    make_frame(&frame, net_payload(&net, 40000), 20);
    frame.offload.gso = FRAME_GSO_TCPV4;
    frame.offload.gso_size = 1460;
    ck_assert_int_eq(ip_output(&net.ip, &frame, &send), 0);
    ck_assert_uint_eq(net.eth_dev.count, 1);
    ck_assert_uint_eq(net.eth_dev.frames[0].len, 14 + 20 + 40000);
    ck_assert_int_eq(net.eth_dev.frames[0].offload.gso, FRAME_GSO_TCPV4);
    net_close(&net);
}
END_TEST

START_TEST(a_fragment_that_cannot_leave_ends_the_rest)
{
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    net.eth_dev.answer = -ENOBUFS;
    ck_assert_int_eq(
        send_payload(&net, net_payload(&net, 8000), 8, (struct ip_send){0}),
        -ENOBUFS);
    ck_assert_uint_eq(net.ip.stats.out_frag_creates, 1);
    ck_assert_uint_eq(net.ip.stats.out_frag_fails, 1);
    net_close(&net);
}
END_TEST

/* The largest datagram is one first packet: none of it may be lost. */
START_TEST(all_fragments_wait_for_an_unknown_neighbour)
{
    struct arp_packet reply = {.operation = ARP_REPLY,
                               .sender_mac = net_peer_mac,
                               .sender_ip = ip_addr_v4(NET_PEER),
                               .target_mac = net_our_mac,
                               .target_ip = ip_addr_v4(NET_OURS)};
    struct net net;

    net_open(&net);
    ck_assert_int_eq(
        send_payload(&net, net_payload(&net, 65515), 8, (struct ip_send){0}),
        0);
    ck_assert_uint_eq(net.eth_dev.count, 1);

    uint8_t *bytes = net_buffer(&net, ARP_PACKET_LEN);

    arp_emit(bytes, &reply);
    frame_init_input(&net.frame, &net.eth, bytes, ARP_PACKET_LEN);
    arp_input(&net.arp, &net.frame);
    ck_assert_uint_eq(net.eth_dev.count, 1 + 45);
    net_close(&net);
}
END_TEST

START_TEST(a_quoted_header_need_not_be_right)
{
    struct net_packet how = {.protocol = 6, .payload = no_bytes};
    struct ip_header header;
    enum drop_reason why;
    struct net net;

    net_open(&net);

    struct bytes bytes = net_make_packet(&net, &how);

    ((uint8_t *)bytes.data)[IPH_TTL]--;
    ck_assert_int_eq(ip_parse(bytes, &header, &why), -EBADMSG);
    ck_assert_int_eq(ip_parse_quote(bytes, &header, &why), 0);
    ck_assert_uint_eq(header.ttl, 63);
    net_close(&net);
}
END_TEST

UNIT_MAIN(
    "ip", a_packet_for_us_is_parsed, ethernet_padding_is_cut_off,
    a_header_that_is_wrong_is_dropped_with_its_reason,
    every_cut_of_a_packet_is_dropped, a_packet_with_ttl_1_has_arrived,
    good_options_are_skipped, malformed_options_are_dropped,
    a_source_route_that_goes_on_is_dropped, a_source_that_is_no_host_is_dropped,
    a_source_of_zero_speaks_only_to_all,
    loopback_addresses_do_not_come_from_outside,
    another_host_s_packet_is_dropped, an_address_of_another_interface_is_ours,
    what_is_for_all_is_for_us, unicast_in_a_link_broadcast_is_dropped,
    a_group_that_we_are_not_in_is_not_for_us, fragments_become_the_datagram,
    a_path_goes_on_the_link_or_by_the_gateway,
    a_path_that_was_used_follows_the_routes,
    each_of_many_destinations_has_a_path_of_its_own,
    what_is_for_ourselves_goes_by_the_loopback,
    a_source_must_be_ours_and_fit_the_way, a_scope_names_the_interface,
    to_all_needs_no_route_and_no_address, zero_is_never_a_destination,
    a_packet_gets_its_header, by_the_gateway_the_frame_goes_to_its_station,
    a_link_of_bare_ip_and_the_loopback_need_no_arp,
    identifications_count_up_for_each_peer_from_elsewhere,
    multicast_stays_on_the_link, without_a_way_the_packet_is_dropped,
    a_packet_of_the_mtu_is_not_cut, a_larger_packet_is_cut_into_fragments,
    fragments_are_right_for_every_mtu, fragments_carry_the_router_alert,
    an_absent_checksum_is_filled_in_before_cutting,
    with_df_a_larger_packet_is_refused, the_path_mtu_counts_like_the_link_s,
    no_packet_is_larger_than_65535, a_super_segment_is_left_to_the_device,
    a_fragment_that_cannot_leave_ends_the_rest,
    all_fragments_wait_for_an_unknown_neighbour,
    a_quoted_header_need_not_be_right)
