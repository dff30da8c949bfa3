#include "unit.h"

#include "base/checksum.h"
#include "net.h"

#include <errno.h>

enum { RECEIVE_LIMIT = 100000 };

static const struct ip_choice usual;

static struct endpoint at(uint32_t addr, uint16_t id)
{
    return (struct endpoint){.addr = ip_addr_v4(addr), .port = id};
}

static void open_pcb(struct net *net, struct echo_pcb *pcb)
{
    echo_pcb_init(&net->echo, pcb, RECEIVE_LIMIT, pcb);
}

static int bind_to(struct echo_pcb *pcb, uint32_t addr, uint16_t id)
{
    struct endpoint local = at(addr, id);

    return echo_bind(pcb, &local);
}

static int connect_to(struct echo_pcb *pcb, uint32_t addr)
{
    struct endpoint remote = at(addr, 0);

    return echo_connect(pcb, &remote);
}

static void open_bound(struct net *net, struct echo_pcb *pcb, uint16_t id)
{
    open_pcb(net, pcb);
    ck_assert_int_eq(bind_to(pcb, 0, id), 0);
}

/* A reply with sequence number 9 and "data". */
static void receive_reply(struct net *net, uint32_t src, uint16_t id)
{
    struct net_packet how = {.src = src, .protocol = IP_PROTO_ICMP};
    struct icmp_message message;
    struct ip_packet packet;

    how.payload = net_make_icmp(net, ICMP_ECHO_REPLY, 0, (uint32_t)id << 16 | 9,
                                bytes_of("data", 4));
    ck_assert_int_eq(net_receive(net, &how, &packet), 0);
    ck_assert_int_eq(icmp_input(&net->icmp, &packet, &message), ICMP_REPLY);
    echo_input(&net->echo, &packet, &message.echo);
}

START_TEST(a_reply_reaches_the_socket_of_its_identifier)
{
    struct echo_pcb pcb;
    struct echo_pcb other;
    const struct dgram *got;
    struct net net;

    net_open(&net);
    open_bound(&net, &pcb, 7);
    open_bound(&net, &other, 8);
    receive_reply(&net, NET_PEER, 7);
    got = dgram_queue_first(&pcb.common.received);
    ck_assert_ptr_nonnull(got);
    ck_assert_uint_eq(got->len, 12); /* header and payload, as in Linux */
    ck_assert_uint_eq(got->data[ICMP_TYPE], ICMP_ECHO_REPLY);
    ck_assert_uint_eq(get_be32(got->data + ICMP_REST), 0x00070009);
    ck_assert_mem_eq(got->data + 8, "data", 4);
    ck_assert_uint_eq(ip_addr_to_v4(&got->src.addr), NET_PEER);
    ck_assert_uint_eq(got->ttl, 64);
    ck_assert_ptr_null(dgram_queue_first(&other.common.received));
    ck_assert_ptr_eq(net.owner, &pcb);
    echo_pcb_fini(&pcb);
    echo_pcb_fini(&other);
    net_close(&net);
}
END_TEST

/* SO_BINDTODEVICE */
START_TEST(a_reply_comes_by_the_sockets_device)
{
    struct echo_pcb pcb;
    struct net net;

    net_open(&net);
    open_bound(&net, &pcb, 7);
    pcb.device = net.eth.index + 1;
    receive_reply(&net, NET_PEER, 7);
    ck_assert_ptr_null(dgram_queue_first(&pcb.common.received));
    pcb.device = net.eth.index;
    receive_reply(&net, NET_PEER, 7);
    ck_assert_ptr_nonnull(dgram_queue_first(&pcb.common.received));
    echo_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(a_reply_that_nobody_waits_for_is_dropped)
{
    struct echo_pcb pcb;
    struct net net;

    net_open(&net);
    receive_reply(&net, NET_PEER, 7);
    ck_assert_uint_eq(net.env.drops[DROP_ICMP_NO_LISTENER], 1);
    open_bound(&net, &pcb, 7);
    ck_assert_int_eq(connect_to(&pcb, NET_PEER), 0);
    receive_reply(&net, NET_THIRD, 7);
    ck_assert_uint_eq(net.env.drops[DROP_ICMP_NO_LISTENER], 2);
    receive_reply(&net, NET_PEER, 7);
    ck_assert_ptr_nonnull(dgram_queue_first(&pcb.common.received));
    echo_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(an_identifier_has_one_owner)
{
    struct echo_pcb first;
    struct echo_pcb second;
    struct net net;

    net_open(&net);
    open_bound(&net, &first, 7);
    open_pcb(&net, &second);
    ck_assert_int_eq(bind_to(&second, NET_OURS, 7), -EADDRINUSE);
    ck_assert_int_eq(bind_to(&second, NET_THIRD, 8), -EADDRNOTAVAIL);
    ck_assert_int_eq(bind_to(&second, NET_OURS, 8), 0);
    ck_assert_int_eq(bind_to(&second, NET_OURS, 9), -EINVAL);
    ck_assert_int_eq(bind_to(&second, NET_THIRD, 9), -EADDRNOTAVAIL);
    echo_pcb_fini(&first);
    echo_pcb_fini(&second);
    open_pcb(&net, &second);
    ck_assert_int_eq(bind_to(&second, 0, 7), 0);
    echo_pcb_fini(&second);
    net_close(&net);
}
END_TEST

/* As Linux's ping sockets, which are born with SO_REUSEADDR. */
START_TEST(an_identifier_may_be_shared)
{
    struct echo_pcb first;
    struct echo_pcb second;
    struct echo_pcb third;
    struct net net;

    net_open(&net);
    open_pcb(&net, &first);
    open_pcb(&net, &second);
    open_pcb(&net, &third);
    first.reuse_addr = second.reuse_addr = true;
    ck_assert_int_eq(bind_to(&first, 0, 7), 0);
    ck_assert_int_eq(bind_to(&third, 0, 7), -EADDRINUSE);
    ck_assert_int_eq(bind_to(&second, NET_OURS, 7), 0);
    receive_reply(&net, NET_PEER, 7); /* the last that was bound */
    ck_assert_ptr_nonnull(dgram_queue_first(&second.common.received));
    ck_assert_ptr_null(dgram_queue_first(&first.common.received));
    ck_assert_int_eq(connect_to(&second, NET_THIRD), 0);
    receive_reply(&net, NET_PEER, 7); /* whose it cannot be any more */
    ck_assert_ptr_nonnull(dgram_queue_first(&first.common.received));
    echo_pcb_fini(&first);
    echo_pcb_fini(&second);
    echo_pcb_fini(&third);
    net_close(&net);
}
END_TEST

START_TEST(identifier_zero_takes_a_free_one)
{
    struct echo_pcb pcbs[20];
    struct net net;

    net_open(&net);
    for (size_t i = 0; i < ARRAY_LENGTH(pcbs); i++) {
        open_bound(&net, &pcbs[i], 0);
        ck_assert_uint_ne(pcbs[i].id, 0);
        for (size_t j = 0; j < i; j++)
            ck_assert_uint_ne(pcbs[i].id, pcbs[j].id);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(pcbs); i++)
        echo_pcb_fini(&pcbs[i]);
    net_close(&net);
}
END_TEST

/* ---- Sending ----------------------------------------------------------- */

static const uint8_t ping[] = {8, 0,   0xaa, 0xbb, 0xcc, 0xdd, 0,
                               9, 'd', 'a',  't',  'a',  '!'};

/* The request in frame `i`. */
static struct bytes sent_request(const struct net *net, unsigned i)
{
    struct bytes message = bytes_from(net_sent_packet(net, i), IP_HEADER_LEN);

    ck_assert_uint_eq(checksum_of_plain(message), 0);
    ck_assert_uint_eq(message.data[ICMP_TYPE], ICMP_ECHO_REQUEST);
    return message;
}

START_TEST(a_request_gets_our_identifier_and_a_checksum)
{
    struct bytes piece = bytes_of(ping, sizeof(ping));
    struct endpoint peer = at(NET_PEER, 0);
    struct echo_pcb pcb;
    struct bytes request;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_bound(&net, &pcb, 7);
    pcb.common.ttl = 3;
    ck_assert_int_eq(echo_send(&pcb, &peer, &usual, &piece, 1), 0);
    request = sent_request(&net, 0);
    ck_assert_uint_eq(request.len, 13);
    ck_assert_uint_eq(get_be32(request.data + ICMP_REST), 0x00070009);
    ck_assert_mem_eq(request.data + 8, "data!", 5);
    ck_assert_uint_eq(net_sent_header(&net, 0).ttl, 3);
    echo_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(a_request_may_be_cut_anywhere)
{
    struct endpoint peer = at(NET_PEER, 0);
    struct echo_pcb pcb;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_bound(&net, &pcb, 7);
    for (size_t a = 0; a <= sizeof(ping); a++)
        for (size_t b = a; b <= sizeof(ping); b++) {
            struct bytes whole = bytes_of(ping, sizeof(ping));
            struct bytes pieces[3] = {bytes_slice(whole, 0, a),
                                      bytes_slice(whole, a, b - a),
                                      bytes_from(whole, b)};

            fake_netdev_clear(&net.eth_dev);
            ck_assert_int_eq(echo_send(&pcb, &peer, &usual, pieces, 3), 0);
            ck_assert_uint_eq(sent_request(&net, 0).len, 13);
            ck_assert_mem_eq(sent_request(&net, 0).data + 8, "data!", 5);
        }
    echo_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(what_is_no_request_is_refused)
{
    uint8_t message[sizeof(ping)];
    struct endpoint peer = at(NET_PEER, 0);
    struct bytes piece = bytes_of(message, sizeof(message));
    struct bytes cut = bytes_of(ping, 7);
    struct echo_pcb pcb;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_pcb(&net, &pcb);
    ck_assert_int_eq(echo_send(&pcb, &peer, &usual, &cut, 1), -EINVAL);
    memcpy(message, ping, sizeof(ping));
    message[ICMP_TYPE] = ICMP_ECHO_REPLY;
    ck_assert_int_eq(echo_send(&pcb, &peer, &usual, &piece, 1), -EINVAL);
    message[ICMP_TYPE] = ICMP_ECHO_REQUEST;
    message[ICMP_CODE] = 1;
    ck_assert_int_eq(echo_send(&pcb, &peer, &usual, &piece, 1), -EINVAL);
    message[ICMP_CODE] = 0;
    ck_assert_int_eq(echo_send(&pcb, NULL, &usual, &piece, 1), -EDESTADDRREQ);
    ck_assert_uint_eq(net.eth_dev.count, 0);
    echo_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(a_socket_without_identifier_gets_one_by_sending)
{
    struct bytes piece = bytes_of(ping, sizeof(ping));
    struct endpoint peer = at(NET_PEER, 0);
    struct echo_pcb pcb;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_pcb(&net, &pcb);
    ck_assert_int_eq(echo_send(&pcb, &peer, &usual, &piece, 1), 0);
    ck_assert_uint_ne(pcb.id, 0);
    receive_reply(&net, NET_PEER, pcb.id);
    ck_assert_ptr_nonnull(dgram_queue_first(&pcb.common.received));
    echo_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(a_connected_socket_needs_no_address)
{
    struct bytes piece = bytes_of(ping, sizeof(ping));
    struct ip_header header;
    const struct endpoint nobody = {0};
    struct echo_pcb pcb;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_pcb(&net, &pcb);
    ck_assert_int_eq(connect_to(&pcb, NET_PEER), 0);
    ck_assert_uint_eq(ip_addr_to_v4(&pcb.local), NET_OURS);
    ck_assert_int_eq(echo_send(&pcb, NULL, &usual, &piece, 1), 0);
    header = net_sent_header(&net, 0);
    ck_assert_uint_eq(ip_addr_to_v4(&header.dst), NET_PEER);
    ck_assert_int_eq(echo_connect(&pcb, &nobody), 0);
    ck_assert_int_eq(echo_send(&pcb, NULL, &usual, &piece, 1), -EDESTADDRREQ);
    ck_assert(ip_addr_is_any(&pcb.local));
    echo_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(not_everybody_is_pinged_at_once)
{
    struct bytes piece = bytes_of(ping, sizeof(ping));
    struct endpoint all = at(NET_BROADCAST, 0);
    struct echo_pcb pcb;
    struct net net;

    net_open(&net);
    open_pcb(&net, &pcb);
    ck_assert_int_eq(echo_send(&pcb, &all, &usual, &piece, 1), -EACCES);
    ck_assert_int_eq(connect_to(&pcb, 0xffffffff), -EACCES);
    echo_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

/* ---- Errors ------------------------------------------------------------ */

static void receive_error(struct net *net, uint32_t dst, uint8_t type,
                          uint16_t id)
{
    struct net_packet quoted = {
        .src = NET_OURS, .dst = dst, .protocol = IP_PROTO_ICMP};
    struct icmp_error error;

    quoted.payload = net_make_icmp(net, type, 0, (uint32_t)id << 16 | 9,
                                   bytes_of("data", 4));
    ck_assert_int_eq(icmp_error_from_quote(net_make_packet(net, &quoted),
                                           ICMP_UNREACHABLE,
                                           ICMP_HOST_UNREACHABLE, &error),
                     0);
    echo_icmp_error(&net->echo, &error);
}

START_TEST(an_error_about_a_request_is_kept_and_told)
{
    struct bytes piece = bytes_of(ping, sizeof(ping));
    struct endpoint peer = at(NET_PEER, 0);
    struct echo_pcb pcb;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    open_bound(&net, &pcb, 7);
    receive_error(&net, NET_PEER, ICMP_ECHO_REQUEST, 7);
    ck_assert_uint_eq(net.notified, 1);
    ck_assert_int_eq(echo_send(&pcb, &peer, &usual, &piece, 1), -EHOSTUNREACH);
    ck_assert_int_eq(echo_send(&pcb, &peer, &usual, &piece, 1), 0);
    receive_error(&net, NET_PEER, ICMP_ECHO_REQUEST, 7);
    ck_assert_int_eq(datagram_pcb_take_error(&pcb.common), EHOSTUNREACH);
    ck_assert_int_eq(datagram_pcb_take_error(&pcb.common), 0);
    echo_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

START_TEST(an_error_about_something_else_is_not_told)
{
    struct echo_pcb pcb;
    struct net net;

    net_open(&net);
    open_bound(&net, &pcb, 7);
    ck_assert_int_eq(connect_to(&pcb, NET_PEER), 0);
    receive_error(&net, NET_PEER, ICMP_ECHO_REQUEST, 8);
    receive_error(&net, NET_PEER, ICMP_ECHO_REPLY, 7);
    receive_error(&net, NET_THIRD, ICMP_ECHO_REQUEST, 7);
    ck_assert_uint_eq(net.notified, 0);
    ck_assert_int_eq(pcb.common.error, 0);
    echo_pcb_fini(&pcb);
    net_close(&net);
}
END_TEST

UNIT_MAIN("echo", a_reply_reaches_the_socket_of_its_identifier,
          a_reply_comes_by_the_sockets_device,
          a_reply_that_nobody_waits_for_is_dropped, an_identifier_has_one_owner,
          an_identifier_may_be_shared, identifier_zero_takes_a_free_one,
          a_request_gets_our_identifier_and_a_checksum,
          a_request_may_be_cut_anywhere, what_is_no_request_is_refused,
          a_socket_without_identifier_gets_one_by_sending,
          a_connected_socket_needs_no_address, not_everybody_is_pinged_at_once,
          an_error_about_a_request_is_kept_and_told,
          an_error_about_something_else_is_not_told)
