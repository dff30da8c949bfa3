/*
 * Echo sockets: what a program chooses for one request, and how large it may
 * be. Every line was measured on Linux 6.18.
 */
#include "unit.h"

#include "base/checksum.h"
#include "stacks.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { ETH_LEN = 14, REQUEST_LEN = 12 };

static const struct socket_control nothing;

/* A stack that knows its neighbour, and a socket that speaks to it. */
static socket_id open_echo(struct station *s)
{
    struct endpoint peer = test_endpoint("192.0.2.1", 0);
    uint8_t frame[64];
    socket_id id;

    station_open(s);
    station_input(s, frame, peer_arp_request(frame, 2));
    station_next(s);
    id = test_socket(s->stack, SOCK_DGRAM, IPPROTO_ICMP);
    ck_assert_int_eq(stack_connect(s->stack, s->now, id, &peer), 0);
    return id;
}

static void set(struct station *s, socket_id id, int level, int name, int value)
{
    ck_assert_int_eq(stack_set_option(s->stack, s->now, id, level, name,
                                      bytes_of(&value, sizeof(value))),
                     0);
}

static ssize_t send_request(struct station *s, socket_id id,
                            const struct socket_control *control, int flags,
                            const char *to, size_t len)
{
    static uint8_t request[2000] = {ICMP_ECHO_REQUEST};
    struct iovec iov = {.iov_base = request, .iov_len = len};
    struct endpoint name = test_endpoint(to, 0);
    struct socket_control copy = *control;
    struct socket_message message = {.iov = &iov,
                                     .iov_count = 1,
                                     .flags = flags,
                                     .name = &name,
                                     .control = &copy};
    ssize_t sent = stack_send(s->stack, s->now, id, &message);

    stack_flush(s->stack, s->now);
    return sent;
}

/* The IP header that was sent. */
static struct ip_header next_header(struct station *s)
{
    struct sent sent = station_next(s);
    struct ip_header header;
    enum drop_reason why;

    ck_assert_int_eq(ip_parse(bytes_of(sent.data + ETH_LEN, sent.len - ETH_LEN),
                              &header, &why),
                     0);
    return header;
}

START_TEST(a_request_has_the_ttl_and_tos_that_were_chosen)
{
    struct socket_control chosen = {
        .present = CONTROL_TTL | CONTROL_TOS, .ttl = 7, .tos = 0x28};
    struct ip_header header;
    struct station s;
    socket_id id = open_echo(&s);

    ck_assert_int_eq(send_request(&s, id, &chosen, 0, "192.0.2.1", REQUEST_LEN),
                     REQUEST_LEN);
    header = next_header(&s);
    ck_assert_uint_eq(header.ttl, 7);
    ck_assert_uint_eq(header.tos, 0x28);
    ck_assert_int_eq(
        send_request(&s, id, &nothing, 0, "192.0.2.1", REQUEST_LEN),
        REQUEST_LEN);
    header = next_header(&s);
    ck_assert_uint_eq(header.ttl, 64);
    ck_assert_uint_eq(header.tos, 0);
    station_close(&s);
}
END_TEST

START_TEST(a_request_leaves_from_the_address_and_interface_that_were_chosen)
{
    struct socket_control chosen = {.present = CONTROL_PACKET_INFO,
                                    .source = test_addr(2),
                                    .destination.scope = STACK_IFACE};
    struct ip_addr ours = test_addr(2);
    struct ip_header header;
    struct station s;
    socket_id id = open_echo(&s);

    ck_assert_int_eq(send_request(&s, id, &chosen, 0, "192.0.2.1", REQUEST_LEN),
                     REQUEST_LEN);
    header = next_header(&s);
    ck_assert(ip_addr_equal(&header.src, &ours));
    chosen.source = test_addr(99);
    ck_assert_int_eq(send_request(&s, id, &chosen, 0, "192.0.2.1", REQUEST_LEN),
                     -ENETUNREACH);
    chosen.source = test_addr(2);
    chosen.destination.scope = 99;
    ck_assert_int_eq(send_request(&s, id, &chosen, 0, "192.0.2.1", REQUEST_LEN),
                     -ENODEV);
    station_close(&s);
}
END_TEST

START_TEST(without_a_gateway_only_neighbours_are_asked)
{
    struct station s;
    socket_id id = open_echo(&s);

    ck_assert_int_eq(
        send_request(&s, id, &nothing, MSG_DONTROUTE, "192.0.2.1", REQUEST_LEN),
        REQUEST_LEN);
    set(&s, id, SOL_SOCKET, SO_DONTROUTE, 1);
    ck_assert_int_eq(
        send_request(&s, id, &nothing, 0, "192.0.2.1", REQUEST_LEN),
        REQUEST_LEN);
    ck_assert_int_eq(
        send_request(&s, id, &nothing, 0, "198.51.100.9", REQUEST_LEN),
        -ENETUNREACH);
    station_close(&s);
}
END_TEST

START_TEST(the_mode_of_discovery_says_who_cuts)
{
    static const struct {
        int mode;
        bool df;
        int too_big;
    } modes[] = {
        {IP_PMTUDISC_DONT, false, 2000},
        {IP_PMTUDISC_WANT, true, 2000},
        {IP_PMTUDISC_DO, true, -EMSGSIZE},
        {IP_PMTUDISC_PROBE, true, -EMSGSIZE},
        {IP_PMTUDISC_INTERFACE, false, -EMSGSIZE},
        {IP_PMTUDISC_OMIT, false, 2000},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
        struct station s;
        socket_id id = open_echo(&s);

        set(&s, id, IPPROTO_IP, IP_MTU_DISCOVER, modes[i].mode);
        ck_assert_int_eq(
            send_request(&s, id, &nothing, 0, "192.0.2.1", REQUEST_LEN),
            REQUEST_LEN);
        ck_assert_int_eq(next_header(&s).df, modes[i].df);
        ck_assert_int_eq(send_request(&s, id, &nothing, 0, "192.0.2.1", 2000),
                         modes[i].too_big);
        if (modes[i].too_big > 0)
            ck_assert(next_header(&s).mf);
        station_close(&s);
    }
}
END_TEST

/* ---- MSG_ERRQUEUE ----------------------------------------------------------
 */

static struct socket_control read_report(struct station *s, socket_id id,
                                         struct endpoint *to)
{
    struct socket_control control = {0};
    struct socket_message message = {
        .flags = MSG_ERRQUEUE, .name = to, .control = &control};

    ck_assert_int_eq(stack_receive(s->stack, s->now, id, &message), 0);
    return control;
}

START_TEST(what_is_too_big_is_reported_with_what_would_not_be)
{
    struct socket_control told;
    struct endpoint to;
    struct station s;
    socket_id id = open_echo(&s);

    set(&s, id, IPPROTO_IP, IP_RECVERR, 1);
    set(&s, id, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    ck_assert_int_eq(send_request(&s, id, &nothing, 0, "192.0.2.1", 2000),
                     -EMSGSIZE);
    told = read_report(&s, id, &to);
    ck_assert_uint_eq(told.present, CONTROL_ERROR);
    ck_assert_int_eq(told.error.error, EMSGSIZE);
    ck_assert_uint_eq(told.error.origin, ERROR_LOCAL);
    ck_assert_uint_eq(told.error.info, 1500);
    station_close(&s);
}
END_TEST

/* The peer, or a router, about the request that was sent last. */
static void answer_with_error(struct station *s, uint8_t type, uint8_t code,
                              uint32_t rest)
{
    struct sent sent = station_next(s);
    uint8_t message[8 + 28] = {type, code};
    uint8_t frame[128];
    struct checksum checksum = {0};

    put_be32(message + 4, rest);
    memcpy(message + 8, sent.data + ETH_LEN, 28);
    checksum_add(&checksum, bytes_of(message, sizeof(message)));
    put_be16(message + 2, checksum_finish(&checksum));
    station_input(s, frame,
                  peer_ip(frame, IP_PROTO_ICMP, message, sizeof(message)));
}

static int mtu_of(struct station *s, socket_id id)
{
    int mtu = 0;
    size_t len = sizeof(mtu);

    ck_assert_int_eq(
        stack_get_option(s->stack, s->now, id, IPPROTO_IP, IP_MTU, &mtu, &len),
        0);
    return mtu;
}

static int take_error(struct station *s, socket_id id)
{
    int error = 0;
    size_t len = sizeof(error);

    ck_assert_int_eq(stack_get_option(s->stack, s->now, id, SOL_SOCKET,
                                      SO_ERROR, &error, &len),
                     0);
    return error;
}

START_TEST(what_a_router_says_of_the_path_is_learnt)
{
    for (int mode = IP_PMTUDISC_DONT; mode <= IP_PMTUDISC_OMIT; mode++) {
        bool learns = mode < IP_PMTUDISC_INTERFACE;
        struct station s;
        socket_id id = open_echo(&s);

        set(&s, id, IPPROTO_IP, IP_MTU_DISCOVER, mode);
        ck_assert_int_eq(mtu_of(&s, id), 1500);
        ck_assert_int_eq(send_request(&s, id, &nothing, 0, "192.0.2.1", 1200),
                         1200);
        answer_with_error(&s, ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, 900);
        ck_assert_int_eq(mtu_of(&s, id), learns ? 900 : 1500);
        ck_assert_int_eq(take_error(&s, id),
                         mode == IP_PMTUDISC_DONT ? 0 : EMSGSIZE);
        station_close(&s);
    }
}
END_TEST

/* The octet that the router points to, RFC 792. */
START_TEST(a_parameter_problem_is_reported_with_its_pointer)
{
    struct endpoint to;
    struct socket_control told;
    struct socket_message message = {.flags = MSG_ERRQUEUE, .control = &told};
    struct station s;
    socket_id id = open_echo(&s);

    set(&s, id, IPPROTO_IP, IP_RECVERR, 1);
    ck_assert_int_eq(
        send_request(&s, id, &nothing, 0, "192.0.2.1", REQUEST_LEN),
        REQUEST_LEN);
    answer_with_error(&s, ICMP_PARAMETER_PROBLEM, 0, 20u << 24);
    told = read_report(&s, id, &to);
    ck_assert_int_eq(told.error.error, EPROTO);
    ck_assert_uint_eq(told.error.info, 20);
    ck_assert_int_eq(stack_receive(s.stack, s.now, id, &message), -EAGAIN);
    station_close(&s);
}
END_TEST

/* Of the message, not of what it is about; and the queue alone has no packet.
 */
START_TEST(a_report_tells_of_the_message_what_the_options_ask_for)
{
    static const int options[] = {IP_RECVERR, IP_PKTINFO, IP_RECVTTL,
                                  IP_RECVTOS};
    struct ip_addr ours = test_addr(2);
    struct socket_control told;
    struct endpoint to;
    struct station s;
    socket_id id = open_echo(&s);

    for (size_t i = 0; i < ARRAY_LENGTH(options); i++)
        set(&s, id, IPPROTO_IP, options[i], 1);
    set(&s, id, SOL_SOCKET, SO_RXQ_OVFL, 1);
    set(&s, id, IPPROTO_IP, IP_TTL, 9);
    ck_assert_int_eq(
        send_request(&s, id, &nothing, 0, "192.0.2.1", REQUEST_LEN),
        REQUEST_LEN);
    answer_with_error(&s, ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, 0);
    told = read_report(&s, id, &to);
    ck_assert_uint_eq(told.present, CONTROL_ERROR | CONTROL_PACKET_INFO |
                                        CONTROL_TTL | CONTROL_TOS);
    ck_assert_uint_eq(told.ttl, 64);
    ck_assert_uint_eq(told.destination.scope, STACK_IFACE);
    ck_assert(ip_addr_equal(&told.destination.addr, &ours));
    ck_assert_uint_eq(ip_addr_to_v4(&told.source), 0);
    set(&s, id, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    ck_assert_int_eq(send_request(&s, id, &nothing, 0, "192.0.2.1", 2000),
                     -EMSGSIZE);
    ck_assert_uint_eq(read_report(&s, id, &to).present, CONTROL_ERROR);
    station_close(&s);
}
END_TEST

UNIT_MAIN("echo sockets",
          a_report_tells_of_the_message_what_the_options_ask_for,
          a_request_has_the_ttl_and_tos_that_were_chosen,
          a_request_leaves_from_the_address_and_interface_that_were_chosen,
          without_a_gateway_only_neighbours_are_asked,
          the_mode_of_discovery_says_who_cuts,
          what_is_too_big_is_reported_with_what_would_not_be,
          what_a_router_says_of_the_path_is_learnt,
          a_parameter_problem_is_reported_with_its_pointer)
