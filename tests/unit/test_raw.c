/*
 * Raw sockets. What is expected here was seen with the kernel's.
 */
#include "unit.h"

#include "base/checksum.h"
#include "stacks.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <poll.h>

enum { ICMP = 1, OSPF = 89, ETHERNET = 14, FRAME_MAX = 2048 };

static socket_id raw(struct station *station, int protocol)
{
    return test_socket(station->stack, SOCK_RAW, protocol);
}

static int create(struct station *station, int protocol)
{
    socket_id id;

    return stack_socket(station->stack, 0, AF_INET, SOCK_RAW, protocol, &id);
}

static int bind_to(struct station *station, socket_id id, const char *addr)
{
    struct endpoint local = test_endpoint(addr, 0);

    return stack_bind(station->stack, station->now, id, &local);
}

static int connect_to(struct station *station, socket_id id, const char *addr,
                      uint16_t port)
{
    struct endpoint remote = test_endpoint(addr, port);

    return stack_connect(station->stack, station->now, id, &remote);
}

/* The peer is known, so that what is sent is sent at once. */
static void open_with_peer(struct station *station)
{
    struct ip_addr peer = test_addr(1);
    static const struct mac_addr mac = {{2, 0, 0, 0, 0, 1}};

    station_open(station);
    ck_assert_int_eq(stack_neighbour_add(station->stack, station->now,
                                         STACK_IFACE, &peer, &mac),
                     0);
}

static void peer_sends(struct station *station, uint8_t protocol,
                       const void *payload, size_t len)
{
    uint8_t frame[FRAME_MAX];

    station_input(station, frame, peer_ip(frame, protocol, payload, len));
}

static void peer_sends_icmp(struct station *station, uint8_t type)
{
    uint8_t message[12] = {type, 0, 0, 0, 0, 7, 0, 1, 'd', 'a', 't', 'a'};

    put_be16(message + ICMP_CHECKSUM,
             checksum_of(bytes_of(message, sizeof(message))));
    peer_sends(station, ICMP, message, sizeof(message));
}

static ssize_t receive(struct station *station, socket_id id,
                       uint8_t out[static FRAME_MAX], struct endpoint *from)
{
    struct iovec iov = {.iov_base = out, .iov_len = FRAME_MAX};
    struct socket_message message = {.iov = &iov, .iov_count = 1, .name = from};

    return stack_receive(station->stack, station->now, id, &message);
}

/* How many bytes come next, the IP header counted. */
static ssize_t next_len(struct station *station, socket_id id)
{
    uint8_t got[FRAME_MAX];

    return receive(station, id, got, NULL);
}

/* In two pieces, cut after `first` bytes; to 192.0.2.1 if `to` is NULL. */
static ssize_t send_pieces(struct station *station, socket_id id,
                           const void *data, size_t len, size_t first,
                           const char *to)
{
    struct iovec iov[] = {
        {.iov_base = (void *)(uintptr_t)data, .iov_len = first},
        {.iov_base = (char *)(uintptr_t)data + first, .iov_len = len - first}};
    struct endpoint name = test_endpoint(to ? to : "192.0.2.1", 9);
    struct socket_message message = {.iov = iov, .iov_count = 2, .name = &name};
    ssize_t r = stack_send(station->stack, station->now, id, &message);

    stack_flush(station->stack, station->now);
    return r;
}

static ssize_t send_to(struct station *station, socket_id id, const void *data,
                       size_t len, const char *to)
{
    return send_pieces(station, id, data, len, len / 2, to);
}

static int set(struct station *station, socket_id id, int level, int name,
               const void *value, size_t len)
{
    return stack_set_option(station->stack, station->now, id, level, name,
                            bytes_of(value, len));
}

static int get_int(struct station *station, socket_id id, int level, int name)
{
    int value = -1;
    size_t len = sizeof(value);
    int r = stack_get_option(station->stack, station->now, id, level, name,
                             &value, &len);

    return r < 0 ? r : value;
}

/* ---- Receiving --------------------------------------------------------- */

START_TEST(a_raw_socket_has_one_protocol)
{
    struct station s;

    station_open(&s);
    ck_assert_int_eq(create(&s, 0), -EPROTONOSUPPORT);
    ck_assert_int_eq(create(&s, 263), -EINVAL);
    ck_assert_int_eq(create(&s, -1), -EINVAL);

    socket_id id = raw(&s, OSPF);

    ck_assert_int_eq(get_int(&s, id, SOL_SOCKET, SO_PROTOCOL), OSPF);
    ck_assert_int_eq(get_int(&s, id, SOL_SOCKET, SO_TYPE), SOCK_RAW);
    station_close(&s);
}
END_TEST

START_TEST(it_gets_the_whole_datagram_with_its_header)
{
    uint8_t got[FRAME_MAX];
    struct endpoint from;
    struct station s;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);

    ck_assert_int_eq(stack_readiness(s.stack, id) & POLLIN, 0);
    peer_sends(&s, OSPF, "hello", 5);
    ck_assert_int_ne(stack_readiness(s.stack, id) & POLLIN, 0);
    ck_assert_int_eq(stack_unread(s.stack, id), 25);
    ck_assert_int_eq(receive(&s, id, got, &from), 25);
    ck_assert_uint_eq(got[IPH_VERSION_IHL], 0x45);
    ck_assert_uint_eq(got[IPH_PROTOCOL], OSPF);
    ck_assert_uint_eq(get_be16(got + IPH_TOTAL_LENGTH), 25);
    ck_assert_mem_eq(got + IP_HEADER_LEN, "hello", 5);
    ck_assert_uint_eq(ip_addr_to_v4(&from.addr), 0xc0000201);
    ck_assert_uint_eq(from.port, 0);
    ck_assert_int_eq(next_len(&s, id), -EAGAIN);
    ck_assert_uint_eq(s.sent_count, 0); /* no "protocol unreachable" */
    station_close(&s);
}
END_TEST

START_TEST(all_that_want_it_get_a_copy)
{
    struct station s;

    open_with_peer(&s);

    socket_id first = raw(&s, OSPF);
    socket_id second = raw(&s, OSPF);
    socket_id other = raw(&s, 90);

    peer_sends(&s, OSPF, "hello", 5);
    ck_assert_int_eq(next_len(&s, first), 25);
    ck_assert_int_eq(next_len(&s, second), 25);
    ck_assert_int_eq(next_len(&s, other), -EAGAIN);
    station_close(&s);
}
END_TEST

START_TEST(without_one_the_protocol_is_unreachable)
{
    struct station s;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);

    peer_sends(&s, 90, "hello", 5);
    ck_assert_uint_eq(s.sent_count, 1);
    ck_assert_uint_eq(s.stack->env.drops[DROP_IP_UNKNOWN_PROTOCOL], 1);
    ck_assert_int_eq(stack_close(s.stack, s.now, id), 0);
    peer_sends(&s, OSPF, "hello", 5);
    ck_assert_uint_eq(s.sent_count, 2);
    station_close(&s);
}
END_TEST

START_TEST(the_stack_goes_on_with_what_is_its_own)
{
    uint8_t frame[FRAME_MAX];
    struct station s;

    open_with_peer(&s);

    socket_id icmp = raw(&s, ICMP);
    socket_id udp = raw(&s, IPPROTO_UDP);
    socket_id port = test_socket(s.stack, SOCK_DGRAM, 0);

    test_bind(s.stack, port, "0.0.0.0", 53);
    peer_sends_icmp(&s, ICMP_ECHO_REQUEST);
    ck_assert_uint_eq(s.sent_count, 1); /* the reply */
    ck_assert_int_eq(next_len(&s, icmp), 32);
    station_input(&s, frame, peer_udp(frame, 5000, 53, "name"));
    ck_assert_int_eq(next_len(&s, udp), 32);
    expect_text(s.stack, port, "name");
    station_close(&s);
}
END_TEST

START_TEST(a_datagram_in_fragments_comes_as_one)
{
    uint8_t frame[FRAME_MAX];
    uint8_t got[FRAME_MAX];
    struct station s;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);

    for (unsigned i = 0; i < 2; i++) {
        size_t len = peer_ip(frame, OSPF, i == 0 ? "12345678" : "9", 8 - 7 * i);
        uint8_t *ip = frame + ETHERNET;

        put_be16(ip + IPH_FRAGMENT, i == 0 ? IP_FLAG_MF : 1);
        put_be16(ip + IPH_CHECKSUM, 0);
        put_be16(ip + IPH_CHECKSUM, checksum_of(bytes_of(ip, IP_HEADER_LEN)));
        station_input(&s, frame, len);
    }
    ck_assert_int_eq(receive(&s, id, got, NULL), 29);
    ck_assert_uint_eq(get_be16(got + IPH_TOTAL_LENGTH), 29);
    ck_assert_mem_eq(got + IP_HEADER_LEN, "123456789", 9);
    station_close(&s);
}
END_TEST

START_TEST(the_ends_that_are_fixed_must_be_right)
{
    struct endpoint name;
    struct station s;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);

    ck_assert_int_eq(bind_to(&s, id, "192.0.2.77"), -EADDRNOTAVAIL);
    ck_assert_int_eq(bind_to(&s, id, "127.0.0.1"), 0);
    ck_assert_int_eq(stack_local(s.stack, id, &name), 0);
    ck_assert_uint_eq(ip_addr_to_v4(&name.addr), 0x7f000001);
    ck_assert_uint_eq(name.port, OSPF);
    peer_sends(&s, OSPF, "a", 1);
    ck_assert_int_eq(next_len(&s, id), -EAGAIN);
    ck_assert_int_eq(bind_to(&s, id, "192.0.2.2"), 0); /* again */
    peer_sends(&s, OSPF, "a", 1);
    ck_assert_int_eq(next_len(&s, id), 21);

    ck_assert_int_eq(connect_to(&s, id, "192.0.2.3", 0), 0);
    ck_assert_int_eq(stack_remote(s.stack, id, &name), -ENOTCONN); /* port 0 */
    peer_sends(&s, OSPF, "a", 1);
    ck_assert_int_eq(next_len(&s, id), -EAGAIN);
    ck_assert_int_eq(connect_to(&s, id, "192.0.2.1", 9), 0);
    ck_assert_int_eq(stack_remote(s.stack, id, &name), 0);
    ck_assert_uint_eq(name.port, 9);
    peer_sends(&s, OSPF, "a", 1);
    ck_assert_int_eq(next_len(&s, id), 21);
    station_close(&s);
}
END_TEST

/* socket(7), SO_BINDTODEVICE: packets of that interface only, both ways. */
START_TEST(one_bound_to_a_device_knows_no_other)
{
    struct station s;
    int ours = STACK_IFACE;
    int loopback = 1;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);

    ck_assert_int_eq(set(&s, id, SOL_SOCKET, SO_BINDTOIFINDEX, &loopback, 4),
                     0);
    peer_sends(&s, OSPF, "hello", 5);
    ck_assert_int_eq(next_len(&s, id), -EAGAIN);
    s.sent_count = 0;
    ck_assert_int_eq(send_to(&s, id, "hello", 5, NULL), 5);
    ck_assert_uint_eq(s.sent_count, 0);
    ck_assert_int_eq(set(&s, id, SOL_SOCKET, SO_BINDTOIFINDEX, &ours, 4), 0);
    test_bind(s.stack, id, "192.0.2.2", 0);
    peer_sends(&s, OSPF, "hello", 5);
    ck_assert_int_eq(next_len(&s, id), 25);
    ck_assert_int_eq(send_to(&s, id, "hello", 5, NULL), 5);
    ck_assert_uint_eq(s.sent_count, 1);
    station_close(&s);
}
END_TEST

START_TEST(icmp_filter_takes_types_away)
{
    uint32_t all_but_replies = ~(1u << ICMP_ECHO_REPLY);
    struct station s;

    open_with_peer(&s);

    socket_id id = raw(&s, ICMP);
    socket_id other = raw(&s, OSPF);

    ck_assert_int_eq(get_int(&s, id, SOL_RAW, ICMP_FILTER), 0);
    ck_assert_int_eq(set(&s, id, SOL_RAW, ICMP_FILTER, &all_but_replies, 4), 0);
    ck_assert_int_eq(get_int(&s, id, SOL_RAW, ICMP_FILTER), -2);
    peer_sends_icmp(&s, ICMP_ECHO_REQUEST);
    ck_assert_int_eq(next_len(&s, id), -EAGAIN);
    peer_sends_icmp(&s, ICMP_ECHO_REPLY);
    ck_assert_int_eq(next_len(&s, id), 32);
    peer_sends_icmp(&s, 40); /* there is no bit for it */
    ck_assert_int_eq(next_len(&s, id), 32);
    ck_assert_int_eq(set(&s, id, SOL_RAW, ICMP_FILTER, "\1", 1), 0);
    ck_assert_int_eq(get_int(&s, id, SOL_RAW, ICMP_FILTER), -255);
    ck_assert_int_eq(set(&s, id, SOL_RAW, 2, "abcd", 4), -ENOPROTOOPT);
    ck_assert_int_eq(set(&s, other, SOL_RAW, ICMP_FILTER, "abcd", 4),
                     -EOPNOTSUPP);
    ck_assert_int_eq(get_int(&s, other, SOL_RAW, ICMP_FILTER), -EOPNOTSUPP);
    station_close(&s);
}
END_TEST

START_TEST(a_filter_sees_the_ip_header_and_may_cut)
{
    /* The first 24 bytes of what begins with an h. */
    static const struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20),
        BPF_JUMP(BPF_JMP | BPF_JEQ, 'h', 0, 1), BPF_STMT(BPF_RET, 24),
        BPF_STMT(BPF_RET, 0)};
    uint8_t got[FRAME_MAX];
    int zero = 0;
    struct station s;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);

    ck_assert_int_eq(
        set(&s, id, SOL_SOCKET, SO_ATTACH_FILTER, program, sizeof(program)), 0);
    ck_assert_int_eq(set(&s, id, SOL_SOCKET, SO_ATTACH_FILTER, program, 24),
                     -EINVAL); /* its last is a jump: the old one stays */
    peer_sends(&s, OSPF, "hello", 5);
    peer_sends(&s, OSPF, "world", 5);
    ck_assert_int_eq(receive(&s, id, got, NULL), 24);
    ck_assert_mem_eq(got + IP_HEADER_LEN, "hell", 4);
    ck_assert_int_eq(next_len(&s, id), -EAGAIN);
    ck_assert_int_eq(set(&s, id, SOL_SOCKET, SO_DETACH_FILTER, &zero, 4), 0);
    ck_assert_int_eq(set(&s, id, SOL_SOCKET, SO_DETACH_FILTER, &zero, 4),
                     -ENOENT);
    peer_sends(&s, OSPF, "world", 5);
    ck_assert_int_eq(next_len(&s, id), 25);
    ck_assert_int_eq(
        set(&s, id, SOL_SOCKET, SO_ATTACH_FILTER, program, sizeof(program)), 0);
    station_close(&s); /* and its memory is given back */
}
END_TEST

START_TEST(a_full_buffer_loses_the_copy)
{
    int size = 0;
    struct station s;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);
    uint8_t payload[1400] = {0};

    ck_assert_int_eq(set(&s, id, SOL_SOCKET, SO_RCVBUF, &size, 4), 0);
    peer_sends(&s, OSPF, payload, sizeof(payload));
    peer_sends(&s, OSPF, payload, sizeof(payload));
    ck_assert_int_eq(next_len(&s, id), 1420);
    ck_assert_int_eq(next_len(&s, id), -EAGAIN);
    ck_assert_uint_eq(s.stack->env.drops[DROP_RAW_BUFFER_FULL], 1);
    station_close(&s);
}
END_TEST

/* ---- Sending ----------------------------------------------------------- */

START_TEST(what_is_sent_gets_a_header)
{
    struct station s;
    struct sent sent;
    const uint8_t *ip = sent.data + ETHERNET;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);
    int ttl = 1;

    ck_assert_int_eq(set(&s, id, IPPROTO_IP, IP_TTL, &ttl, 4), 0);
    ck_assert_int_eq(send_to(&s, id, "hello", 5, NULL), 5);
    sent = station_next(&s);
    ck_assert_uint_eq(sent.len, ETHERNET + 25);
    ck_assert_uint_eq(ip[IPH_PROTOCOL], OSPF);
    ck_assert_uint_eq(ip[IPH_TTL], 1);
    ck_assert_uint_eq(get_be32(ip + IPH_SRC), 0xc0000202);
    ck_assert_uint_eq(checksum_of_plain(bytes_of(ip, IP_HEADER_LEN)), 0);
    ck_assert_mem_eq(ip + IP_HEADER_LEN, "hello", 5);
    station_close(&s);
}
END_TEST

static int choose(struct station *station, socket_id id,
                  struct socket_control control)
{
    struct iovec iov = {.iov_base = "x", .iov_len = 1};
    struct endpoint name = test_endpoint("192.0.2.1", 0);
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .name = &name, .control = &control};
    ssize_t r = stack_send(station->stack, station->now, id, &message);

    stack_flush(station->stack, station->now);
    return (int)r;
}

/* ip(7): control messages, of which a header of one's own leaves TTL and TOS
 * alone. */
START_TEST(a_program_chooses_for_one_datagram)
{
    struct station s;
    struct sent sent;
    const uint8_t *ip = sent.data + ETHERNET;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);

    ck_assert_int_eq(
        choose(&s, id,
               (struct socket_control){.present = CONTROL_TTL | CONTROL_TOS,
                                       .ttl = 9,
                                       .tos = 0x20}),
        1);
    sent = station_next(&s);
    ck_assert_uint_eq(ip[IPH_TTL], 9);
    ck_assert_uint_eq(ip[IPH_TOS], 0x20);
    ck_assert_int_eq(
        choose(&s, id,
               (struct socket_control){.present = CONTROL_PACKET_INFO,
                                       .destination.scope = 99}),
        -ENODEV);
    ck_assert_int_eq(
        choose(&s, id,
               (struct socket_control){.present = CONTROL_PACKET_INFO,
                                       .source = test_addr(77)}),
        -ENETUNREACH);
    station_close(&s);
}
END_TEST

/* As seen of Linux's raw sockets. */
START_TEST(the_path_mtu_is_discovered_as_the_option_says)
{
    static const struct {
        int discover;
        int large; /* what sending more than the MTU says */
        uint16_t flags;
    } rows[] = {{IP_PMTUDISC_WANT, 2000, IP_FLAG_DF},
                {IP_PMTUDISC_DONT, 2000, 0},
                {IP_PMTUDISC_DO, -EMSGSIZE, IP_FLAG_DF},
                {IP_PMTUDISC_PROBE, -EMSGSIZE, IP_FLAG_DF}};
    static uint8_t payload[2000];
    struct station s;
    struct sent sent;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF); /* begins with the first row's */

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        s.sent_count = 0;
        ck_assert_int_eq(send_to(&s, id, "hello", 5, NULL), 5);
        sent = station_next(&s);
        ck_assert_uint_eq(get_be16(sent.data + ETHERNET + IPH_FRAGMENT),
                          rows[i].flags);
        ck_assert_int_eq(send_to(&s, id, payload, sizeof(payload), NULL),
                         rows[i].large);
        if (i + 1 < ARRAY_LENGTH(rows))
            ck_assert_int_eq(set(&s, id, IPPROTO_IP, IP_MTU_DISCOVER,
                                 &rows[i + 1].discover, 4),
                             0);
    }
    station_close(&s);
}
END_TEST

START_TEST(more_than_the_mtu_is_fragmented)
{
    static uint8_t payload[2000];
    struct station s;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);

    ck_assert_int_eq(send_to(&s, id, payload, sizeof(payload), NULL), 2000);
    ck_assert_uint_eq(s.sent_count, 2);
    station_close(&s);
}
END_TEST

START_TEST(what_cannot_be_sent_says_why)
{
    static uint8_t big[65536];
    struct station s;

    open_with_peer(&s);

    socket_id id = raw(&s, ICMP);

    ck_assert_int_eq(test_send(s.stack, id, "hello", NULL), -EDESTADDRREQ);
    ck_assert_int_eq(send_to(&s, id, big, 65516, NULL), -EMSGSIZE);
    ck_assert_int_eq(send_to(&s, id, big, 1, NULL), -EFAULT); /* as Linux */
    ck_assert_int_eq(send_to(&s, id, big, 8, "192.0.2.255"), -EACCES);
    ck_assert_int_eq(send_to(&s, id, big, 8, "203.0.113.1"), -ENETUNREACH);
    ck_assert_int_eq(stack_listen(s.stack, s.now, id, 1), -EOPNOTSUPP);
    ck_assert_int_eq(stack_shutdown(s.stack, s.now, id, SHUT_WR), -ENOTCONN);
    ck_assert_int_eq(connect_to(&s, id, "192.0.2.1", 0), 0);
    ck_assert_int_eq(stack_shutdown(s.stack, s.now, id, SHUT_WR), 0);
    station_close(&s);
}
END_TEST

/* From 203.0.113.9, which is not ours, with one word of options. */
static const uint8_t own_header[] = {0x46, 0,    0,    0,   0, 0,   0,   0,   9,
                                     OSPF, 0xff, 0xff, 203, 0, 113, 9,   192, 0,
                                     2,    1,    1,    1,   1, 0,   'h', 'i'};

START_TEST(a_header_of_ones_own_is_completed)
{
    struct station s;
    struct sent sent;
    const uint8_t *ip = sent.data + ETHERNET;

    open_with_peer(&s);

    socket_id id = raw(&s, IPPROTO_RAW);

    ck_assert_int_eq(get_int(&s, id, IPPROTO_IP, IP_HDRINCL), 1);
    for (size_t first = 0; first <= sizeof(own_header); first++) {
        ck_assert_int_eq(
            send_pieces(&s, id, own_header, sizeof(own_header), first, NULL),
            sizeof(own_header));
        sent = station_next(&s);
        ck_assert_uint_eq(sent.len, ETHERNET + sizeof(own_header));
        ck_assert_uint_eq(get_be16(ip + IPH_TOTAL_LENGTH), 26);
        ck_assert_uint_ne(get_be16(ip + IPH_ID), 0);
        ck_assert_uint_eq(ip[IPH_TTL], 9);
        ck_assert_uint_eq(get_be32(ip + IPH_SRC), 0xcb007109);
        ck_assert_uint_eq(checksum_of_plain(bytes_of(ip, 24)), 0);
        ck_assert_mem_eq(ip + 24, "hi", 2);
    }
    station_close(&s);
}
END_TEST

START_TEST(an_own_header_without_a_source_gets_ours)
{
    uint8_t packet[20] = {0x45, [IPH_ID] = 0x12, 0x34, [IPH_TTL] = 1};
    struct station s;
    struct sent sent;
    const uint8_t *ip = sent.data + ETHERNET;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);
    int one = 1;

    ck_assert_int_eq(set(&s, id, IPPROTO_IP, IP_HDRINCL, &one, 4), 0);
    ck_assert_int_eq(send_to(&s, id, packet, sizeof(packet), NULL), 20);
    sent = station_next(&s);
    ck_assert_uint_eq(get_be32(ip + IPH_SRC), 0xc0000202);
    ck_assert_uint_eq(get_be16(ip + IPH_ID), 0x1234);
    ck_assert_uint_eq(get_be32(ip + IPH_DST), 0); /* the program's own */
    station_close(&s);
}
END_TEST

START_TEST(an_own_header_must_be_one)
{
    static uint8_t packet[2000] = {0x45};
    struct station s;
    int one = 1;

    open_with_peer(&s);

    socket_id id = raw(&s, IPPROTO_RAW);
    socket_id udp = test_socket(s.stack, SOCK_DGRAM, 0);

    ck_assert_int_eq(send_to(&s, id, packet, 19, NULL), -EINVAL);
    ck_assert_int_eq(send_to(&s, id, packet, 20, NULL), 20);
    ck_assert_int_eq(send_to(&s, id, packet, 1500, NULL), 1500);
    ck_assert_int_eq(send_to(&s, id, packet, 1501, NULL), -EMSGSIZE);
    packet[0] = 0x44;
    ck_assert_int_eq(send_to(&s, id, packet, 20, NULL), -EINVAL);
    packet[0] = 0x46;
    ck_assert_int_eq(send_to(&s, id, packet, 20, NULL), -EINVAL);
    packet[0] = 0x65; /* the version is the program's to know */
    ck_assert_int_eq(send_to(&s, id, packet, 20, NULL), 20);
    ck_assert_int_eq(set(&s, udp, IPPROTO_IP, IP_HDRINCL, &one, 4),
                     -ENOPROTOOPT);
    ck_assert_int_eq(get_int(&s, udp, IPPROTO_IP, IP_HDRINCL), 0);
    station_close(&s);
}
END_TEST

/* Our datagram of OSPF, quoted by its receiver. */
static void peer_is_unreachable(struct station *station, uint8_t code)
{
    uint8_t frame[FRAME_MAX];
    uint8_t message[8 + 28] = {ICMP_UNREACHABLE, code};
    uint8_t *quote = message + 8;

    peer_ip(frame, OSPF, "12345678", 8);
    memcpy(quote, frame + ETHERNET, 28);
    put_be32(quote + IPH_SRC, 0xc0000202);
    put_be32(quote + IPH_DST, 0xc0000201);
    put_be16(message + ICMP_CHECKSUM,
             checksum_of(bytes_of(message, sizeof(message))));
    peer_sends(station, ICMP, message, sizeof(message));
}

START_TEST(a_connected_one_hears_of_hard_errors)
{
    struct station s;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);

    peer_is_unreachable(&s, ICMP_PROTOCOL_UNREACHABLE);
    ck_assert_int_eq(get_int(&s, id, SOL_SOCKET, SO_ERROR), 0);
    ck_assert_int_eq(connect_to(&s, id, "192.0.2.1", 0), 0);
    peer_is_unreachable(&s, ICMP_HOST_UNREACHABLE); /* soft */
    ck_assert_int_eq(get_int(&s, id, SOL_SOCKET, SO_ERROR), 0);
    peer_is_unreachable(&s, ICMP_PROTOCOL_UNREACHABLE);
    ck_assert_int_ne(stack_readiness(s.stack, id) & POLLERR, 0);
    ck_assert_int_eq(next_len(&s, id), -ENOPROTOOPT);
    ck_assert_int_eq(next_len(&s, id), -EAGAIN);
    ck_assert_uint_eq(s.stack->env.drops[DROP_ICMP_BAD_QUOTE], 0);
    station_close(&s);
}
END_TEST

/* What MSG_ERRQUEUE gives, and how many bytes are quoted. */
static ssize_t next_error(struct station *station, socket_id id,
                          struct socket_control *told)
{
    uint8_t quoted[FRAME_MAX];
    struct iovec iov = {.iov_base = quoted, .iov_len = sizeof(quoted)};
    struct endpoint to;
    struct socket_message message = {.iov = &iov,
                                     .iov_count = 1,
                                     .flags = MSG_ERRQUEUE,
                                     .name = &to,
                                     .control = told};
    ssize_t len = stack_receive(station->stack, station->now, id, &message);

    if (len >= 0) {
        ck_assert_uint_eq(ip_addr_to_v4(&to.addr), 0xc0000201);
        ck_assert_uint_eq(to.port, 0);
    }
    return len;
}

START_TEST(with_recverr_it_hears_of_all_and_about_what)
{
    struct socket_control told;
    struct station s;
    int one = 1;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);

    ck_assert_int_eq(set(&s, id, IPPROTO_IP, IP_RECVERR, &one, 4), 0);
    peer_is_unreachable(&s, ICMP_HOST_UNREACHABLE); /* soft */
    ck_assert_int_eq(get_int(&s, id, SOL_SOCKET, SO_ERROR), EHOSTUNREACH);
    ck_assert_int_ne(stack_readiness(s.stack, id) & POLLERR, 0);
    ck_assert_int_eq(next_error(&s, id, &told), 8); /* without its header */
    ck_assert_uint_eq(told.present, CONTROL_ERROR);
    ck_assert_int_eq(told.error.error, EHOSTUNREACH);
    ck_assert_uint_eq(told.error.origin, ERROR_ICMP);
    ck_assert_int_eq(set(&s, id, IPPROTO_IP, IP_HDRINCL, &one, 4), 0);
    peer_is_unreachable(&s, ICMP_PROTOCOL_UNREACHABLE);
    ck_assert_int_eq(next_error(&s, id, &told), 28);
    ck_assert_int_eq(told.error.error, ENOPROTOOPT);
    ck_assert_int_eq(next_error(&s, id, &told), -EAGAIN);
    ck_assert_int_eq(stack_readiness(s.stack, id) & POLLERR, 0);
    station_close(&s);
}
END_TEST

START_TEST(with_recverr_it_is_told_what_would_not_be_too_big)
{
    static uint8_t packet[2000] = {0x45};
    struct socket_control told;
    int mode = IP_PMTUDISC_DO;
    struct station s;
    int one = 1;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);

    ck_assert_int_eq(set(&s, id, IPPROTO_IP, IP_RECVERR, &one, 4), 0);
    ck_assert_int_eq(set(&s, id, IPPROTO_IP, IP_MTU_DISCOVER, &mode, 4), 0);
    for (int has_header = 0; has_header < 2; has_header++) {
        ck_assert_int_eq(set(&s, id, IPPROTO_IP, IP_HDRINCL, &has_header, 4),
                         0);
        ck_assert_int_eq(send_to(&s, id, packet, sizeof(packet), NULL),
                         -EMSGSIZE);
        ck_assert_int_eq(next_error(&s, id, &told), 0);
        ck_assert_int_eq(told.error.error, EMSGSIZE);
        ck_assert_uint_eq(told.error.origin, ERROR_LOCAL);
        ck_assert_uint_eq(told.error.info, 1500);
    }
    station_close(&s);
}
END_TEST

START_TEST(a_pending_error_does_not_stop_what_is_sent_without_a_header)
{
    struct station s;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);

    ck_assert_int_eq(connect_to(&s, id, "192.0.2.1", 0), 0);
    peer_is_unreachable(&s, ICMP_PROTOCOL_UNREACHABLE);
    ck_assert_int_eq(send_to(&s, id, "hello", 5, NULL), 5);
    ck_assert_int_eq(next_len(&s, id), -ENOPROTOOPT);
    station_close(&s);
}
END_TEST

START_TEST(once_disconnected_it_is_deaf)
{
    struct endpoint name;
    struct station s;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);

    ck_assert_int_eq(connect_to(&s, id, "192.0.2.1", 0), 0);
    ck_assert_int_eq(bind_to(&s, id, "192.0.2.2"), -EINVAL);
    ck_assert_int_eq(stack_disconnect(s.stack, s.now, id), 0);
    ck_assert_int_eq(stack_local(s.stack, id, &name), 0);
    ck_assert_uint_eq(name.port, 0);
    peer_sends(&s, OSPF, "a", 1);
    ck_assert_int_eq(next_len(&s, id), -EAGAIN);
    ck_assert_int_eq(bind_to(&s, id, "192.0.2.2"), 0);
    ck_assert_int_eq(send_to(&s, id, "hello", 5, NULL), 5);
    station_close(&s);
}
END_TEST

START_TEST(without_a_gateway_only_neighbours_are_reached)
{
    struct ip_prefix all = test_prefix("0.0.0.0/0");
    struct ip_addr gateway = test_addr(1);
    struct station s;
    int one = 1;

    open_with_peer(&s);

    socket_id id = raw(&s, OSPF);

    ck_assert_int_eq(
        stack_route_add(s.stack, s.now, &all, &gateway, STACK_IFACE), 0);
    ck_assert_int_eq(send_to(&s, id, "hello", 5, "198.51.100.9"), 5);
    ck_assert_int_eq(set(&s, id, SOL_SOCKET, SO_DONTROUTE, &one, 4), 0);
    ck_assert_int_eq(send_to(&s, id, "hello", 5, "198.51.100.9"), -ENETUNREACH);
    ck_assert_int_eq(send_to(&s, id, "hello", 5, "192.0.2.1"), 5);
    station_close(&s);
}
END_TEST

UNIT_MAIN("raw", a_raw_socket_has_one_protocol,
          it_gets_the_whole_datagram_with_its_header,
          all_that_want_it_get_a_copy, without_one_the_protocol_is_unreachable,
          the_stack_goes_on_with_what_is_its_own,
          a_datagram_in_fragments_comes_as_one,
          the_ends_that_are_fixed_must_be_right,
          one_bound_to_a_device_knows_no_other, icmp_filter_takes_types_away,
          a_filter_sees_the_ip_header_and_may_cut, a_full_buffer_loses_the_copy,
          what_is_sent_gets_a_header, a_program_chooses_for_one_datagram,
          the_path_mtu_is_discovered_as_the_option_says,
          more_than_the_mtu_is_fragmented, what_cannot_be_sent_says_why,
          a_header_of_ones_own_is_completed,
          an_own_header_without_a_source_gets_ours, an_own_header_must_be_one,
          a_connected_one_hears_of_hard_errors,
          with_recverr_it_hears_of_all_and_about_what,
          with_recverr_it_is_told_what_would_not_be_too_big,
          a_pending_error_does_not_stop_what_is_sent_without_a_header,
          once_disconnected_it_is_deaf,
          without_a_gateway_only_neighbours_are_reached)
