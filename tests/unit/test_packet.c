/*
 * Packet sockets. What is expected here was seen with the kernel's.
 */
#include "unit.h"

#include "link/packet.h"
#include "base/checksum.h"
#include "link/eth.h"
#include "stacks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sys/socket.h>

enum {
    ALL = 0x0003, /* ETH_P_ALL */
    IPV4 = 0x0800,
    ARP = 0x0806,
    LO = 1,
    FRAME_MAX = 2048,
    IGNORE_OUTGOING = 23, /* PACKET_IGNORE_OUTGOING */
    ETHERNET = 1,         /* ARPHRD_ETHER */
    LOOPBACK = 772
};

static int create(struct station *station, int type, uint16_t protocol,
                  socket_id *out)
{
    return stack_socket(station->stack, 0, AF_PACKET, type, htons(protocol),
                        out);
}

static socket_id packet(struct station *station, int type, uint16_t protocol)
{
    socket_id id;

    ck_assert_int_eq(create(station, type, protocol, &id), 0);
    return id;
}

static int bind_to(struct station *station, socket_id id, unsigned iface,
                   uint16_t protocol)
{
    struct link_addr none = {0};
    struct endpoint local = link_endpoint(&none, iface, protocol);

    return stack_bind(station->stack, station->now, id, &local);
}

/* What came, and from where. */
struct got {
    ssize_t len;
    uint8_t data[FRAME_MAX];
    unsigned iface;
    uint16_t protocol;
    struct link_addr from;
};

static struct got receive(struct station *station, socket_id id)
{
    struct got got = {0};
    struct endpoint from = {0};
    struct iovec iov = {.iov_base = got.data, .iov_len = sizeof(got.data)};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .name = &from};

    got.len = stack_receive(station->stack, station->now, id, &message);
    got.iface = from.scope;
    got.protocol = from.port;
    got.from = link_addr_of(&from);
    if (got.len >= 0)
        ck_assert(from.is_link);
    return got;
}

static void expect_nothing(struct station *station, socket_id id)
{
    ck_assert_int_eq(receive(station, id).len, -EAGAIN);
}

static ssize_t send_pieces(struct station *station, socket_id id,
                           const void *data, size_t len, size_t first,
                           const struct endpoint *to)
{
    struct iovec iov[] = {
        {.iov_base = (void *)(uintptr_t)data, .iov_len = first},
        {.iov_base = (char *)(uintptr_t)data + first, .iov_len = len - first}};
    struct endpoint name = to ? *to : (struct endpoint){0};
    struct socket_message message = {
        .iov = iov, .iov_count = 2, .name = to ? &name : NULL};
    ssize_t r = stack_send(station->stack, station->now, id, &message);

    stack_flush(station->stack, station->now);
    return r;
}

static ssize_t send_on(struct station *station, socket_id id, const void *data,
                       size_t len, unsigned iface, uint16_t protocol)
{
    struct link_addr peer = {.octet = {2, 0, 0, 0, 0, 1}, .len = 6};
    struct endpoint to = link_endpoint(&peer, iface, protocol);

    return send_pieces(station, id, data, len, len / 2, &to);
}

static int set(struct station *station, socket_id id, int level, int name,
               const void *value, size_t len)
{
    return stack_set_option(station->stack, station->now, id, level, name,
                            bytes_of(value, len));
}

static int set_int(struct station *station, socket_id id, int level, int name,
                   int value)
{
    return set(station, id, level, name, &value, sizeof(value));
}

static int get_int(struct station *station, socket_id id, int level, int name)
{
    int value = -1;
    size_t len = sizeof(value);
    int r = stack_get_option(station->stack, station->now, id, level, name,
                             &value, &len);

    return r < 0 ? r : value;
}

/* The peer asks for us; we answer. */
static void arp_exchange(struct station *station)
{
    uint8_t frame[FRAME_MAX];

    station_input(station, frame, peer_arp_request(frame, 2));
    ck_assert_uint_eq(station->sent_count, 1);
    station->sent_count = 0;
}

/* ---- Seeing ------------------------------------------------------------ */

START_TEST(it_sees_what_comes_in_and_what_goes_out)
{
    struct station s;
    struct got got;

    station_open(&s);

    socket_id id = packet(&s, SOCK_RAW, ALL);

    ck_assert_int_eq(stack_readiness(s.stack, id) & POLLIN, 0);
    arp_exchange(&s);
    ck_assert_int_ne(stack_readiness(s.stack, id) & POLLIN, 0);
    got = receive(&s, id);
    ck_assert_int_eq(got.len, 42);
    ck_assert_uint_eq(get_be16(got.data + 12), ARP);
    ck_assert_uint_eq(got.iface, STACK_IFACE);
    ck_assert_uint_eq(got.protocol, ARP);
    ck_assert_uint_eq(got.from.hardware, ETHERNET);
    ck_assert_uint_eq(got.from.kind, PACKET_BROADCAST);
    ck_assert_uint_eq(got.from.len, 6);
    ck_assert_mem_eq(got.from.octet, "\2\0\0\0\0\1", 6);
    got = receive(&s, id);
    ck_assert_uint_eq(got.from.kind, PACKET_OUTGOING);
    ck_assert_mem_eq(got.from.octet, "\2\0\0\0\0\2", 6);
    expect_nothing(&s, id);
    station_close(&s);
}
END_TEST

START_TEST(cooked_is_without_the_link_header)
{
    uint8_t frame[FRAME_MAX];
    struct station s;
    struct got got;

    station_open(&s);

    socket_id id = packet(&s, SOCK_DGRAM, IPV4);
    size_t len = peer_ip(frame, 89, "hello", 5);

    station_input(&s, frame, len);
    got = receive(&s, id);
    ck_assert_int_eq(got.len, (ssize_t)len - ETH_HEADER_LEN);
    ck_assert_mem_eq(got.data, frame + ETH_HEADER_LEN, len - ETH_HEADER_LEN);
    ck_assert_uint_eq(got.from.kind, PACKET_HOST);
    ck_assert_uint_eq(got.protocol, IPV4);
    station_close(&s);
}
END_TEST

START_TEST(one_protocol_is_seen_as_it_comes_in)
{
    struct station s;

    station_open(&s);

    socket_id none = packet(&s, SOCK_RAW, 0);
    socket_id arp = packet(&s, SOCK_RAW, ARP);
    socket_id ip = packet(&s, SOCK_RAW, IPV4);

    arp_exchange(&s);
    ck_assert_int_eq(receive(&s, arp).len, 42);
    expect_nothing(&s, arp); /* our answer is not */
    expect_nothing(&s, ip);
    expect_nothing(&s, none);
    station_close(&s);
}
END_TEST

START_TEST(what_is_for_others_and_what_has_a_length_is_seen_too)
{
    uint8_t frame[60] = {2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 0, 46};
    struct station s;
    struct got got;

    station_open(&s);

    socket_id id = packet(&s, SOCK_RAW, ALL);

    station_input(&s, frame, sizeof(frame));
    got = receive(&s, id);
    ck_assert_uint_eq(got.from.kind, PACKET_OTHERHOST);
    ck_assert_uint_eq(got.protocol, 4); /* ETH_P_802_2 */
    frame[0] = 3;
    frame[14] = frame[15] = 0xff;
    station_input(&s, frame, sizeof(frame));
    got = receive(&s, id);
    ck_assert_uint_eq(got.from.kind, PACKET_MULTICAST);
    ck_assert_uint_eq(got.protocol, 1); /* ETH_P_802_3 */
    station_input(&s, frame, 13);       /* not even a header */
    expect_nothing(&s, id);
    station_close(&s);
}
END_TEST

START_TEST(the_loopback_shows_each_frame_twice_with_a_header)
{
    struct endpoint to = test_endpoint("127.0.0.1", 9);
    struct station s;
    struct got got;

    station_open(&s);

    socket_id id = packet(&s, SOCK_RAW, ALL);
    socket_id udp = test_socket(s.stack, SOCK_DGRAM, 0);

    ck_assert_int_eq(bind_to(&s, id, LO, 0), 0);
    test_bind(s.stack, udp, "127.0.0.1", 9);
    ck_assert_int_eq(test_send(s.stack, udp, "hello", &to), 5);
    stack_flush(s.stack, s.now);
    got = receive(&s, id);
    ck_assert_int_eq(got.len, 47);
    ck_assert_mem_eq(got.data, "\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\x45", 15);
    ck_assert_uint_eq(got.from.kind, PACKET_OUTGOING);
    ck_assert_uint_eq(got.from.hardware, LOOPBACK);
    ck_assert_uint_eq(got.from.len, 6);
    got = receive(&s, id);
    ck_assert_int_eq(got.len, 47);
    ck_assert_uint_eq(got.from.kind, PACKET_HOST);
    ck_assert_uint_eq(got.iface, LO);
    expect_nothing(&s, id);
    station_close(&s);
}
END_TEST

START_TEST(bound_to_one_interface_it_sees_no_other)
{
    struct station s;
    struct endpoint name;

    station_open(&s);

    socket_id id = packet(&s, SOCK_RAW, ARP);

    ck_assert_int_eq(bind_to(&s, id, 77, ARP), -ENODEV);
    ck_assert_int_eq(bind_to(&s, id, LO, ALL), 0);
    arp_exchange(&s);
    expect_nothing(&s, id);
    ck_assert_int_eq(bind_to(&s, id, STACK_IFACE, 0), 0); /* again */
    arp_exchange(&s);
    ck_assert_int_eq(receive(&s, id).len, 42);
    ck_assert_int_eq(stack_local(s.stack, id, &name), 0);
    ck_assert_uint_eq(name.scope, STACK_IFACE);
    ck_assert_uint_eq(name.port, ALL); /* as it was bound before */
    ck_assert_mem_eq(link_addr_of(&name).octet, "\2\0\0\0\0\2", 6);
    ck_assert_uint_eq(link_addr_of(&name).hardware, ETHERNET);
    ck_assert_int_eq(bind_to(&s, id, 0, 0), 0);
    ck_assert_int_eq(stack_local(s.stack, id, &name), 0);
    ck_assert_uint_eq(link_addr_of(&name).len, 0);
    ck_assert_uint_eq(link_addr_of(&name).hardware, 0);
    station_close(&s);
}
END_TEST

/* A checksum that was left to the device is seen filled in. */
START_TEST(frames_are_shown_whole)
{
    struct endpoint to = test_endpoint("127.0.0.1", 9);
    struct checksum checksum = {0};
    struct station s;
    struct got got;

    station_open(&s);

    socket_id id = packet(&s, SOCK_DGRAM, ALL);
    socket_id udp = test_socket(s.stack, SOCK_DGRAM, 0);

    ck_assert_int_eq(test_send(s.stack, udp, "hello", &to), 5);
    stack_flush(s.stack, s.now);
    got = receive(&s, id);
    ck_assert_int_eq(got.len, 33);
    checksum_add_pseudo(&checksum, &to.addr, &to.addr, IPPROTO_UDP, 13);
    checksum_add(&checksum, bytes_of(got.data + 20, 13));
    ck_assert_uint_eq(checksum_finish(&checksum), 0);
    station_close(&s);
}
END_TEST

START_TEST(a_filter_chooses_and_cuts)
{
    /* tcpdump -s 20 -ddd arp; and the kind of frame */
    static const struct sock_filter arp[] = {
        {0x28, 0, 0, 12}, {0x15, 0, 1, ARP}, {6, 0, 0, 20}, {6, 0, 0, 0}};
    static const struct sock_filter outgoing[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
                 (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
        BPF_JUMP(BPF_JMP | BPF_JEQ, PACKET_OUTGOING, 0, 1),
        BPF_STMT(BPF_RET, 65535), BPF_STMT(BPF_RET, 0)};
    uint8_t frame[FRAME_MAX];
    struct station s;

    station_open(&s);

    socket_id id = packet(&s, SOCK_RAW, ALL);

    ck_assert_int_eq(set(&s, id, SOL_SOCKET, SO_ATTACH_FILTER, arp, 31),
                     -EINVAL);
    ck_assert_int_eq(set(&s, id, SOL_SOCKET, SO_ATTACH_FILTER, arp, 32), 0);
    arp_exchange(&s);
    station_input(&s, frame, peer_ip(frame, 89, "hello", 5));
    s.sent_count = 0; /* it is refused */
    ck_assert_int_eq(receive(&s, id).len, 20);
    ck_assert_int_eq(receive(&s, id).len, 20);
    expect_nothing(&s, id);
    ck_assert_int_eq(set(&s, id, SOL_SOCKET, SO_ATTACH_FILTER, outgoing, 32),
                     0);
    arp_exchange(&s);
    ck_assert_uint_eq(receive(&s, id).from.kind, PACKET_OUTGOING);
    expect_nothing(&s, id);
    station_close(&s);
}
END_TEST

START_TEST(it_counts_what_it_saw_and_lost)
{
    uint8_t frame[FRAME_MAX];
    uint8_t payload[1400] = {0};
    uint32_t stats[2];
    size_t len = sizeof(stats);
    struct station s;

    station_open(&s);

    socket_id id = packet(&s, SOCK_RAW, IPV4);

    ck_assert_int_eq(set_int(&s, id, SOL_SOCKET, SO_RCVBUF, 0), 0);
    for (unsigned i = 0; i < 3; i++)
        station_input(&s, frame, peer_ip(frame, 89, payload, sizeof(payload)));
    ck_assert_int_eq(stack_get_option(s.stack, s.now, id, SOL_PACKET,
                                      PACKET_STATISTICS, stats, &len),
                     0);
    ck_assert_uint_eq(len, 8);
    ck_assert_uint_eq(stats[0], 3);
    ck_assert_uint_eq(stats[1], 2);
    ck_assert_int_eq(stack_get_option(s.stack, s.now, id, SOL_PACKET,
                                      PACKET_STATISTICS, stats, &len),
                     0);
    ck_assert_uint_eq(stats[0] + stats[1], 0);
    station_close(&s);
}
END_TEST

/* ---- Sending ----------------------------------------------------------- */

START_TEST(a_frame_is_sent_as_it_is)
{
    uint8_t frame[64] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 7, 0x88, 0xb5};
    struct station s;
    struct sent sent;

    station_open(&s);

    socket_id id = packet(&s, SOCK_RAW, ALL);
    socket_id other = packet(&s, SOCK_RAW, ALL);

    ck_assert_int_eq(bind_to(&s, id, STACK_IFACE, 0), 0);
    for (size_t i = 14; i < sizeof(frame); i++)
        frame[i] = (uint8_t)i;
    for (size_t first = 0; first <= sizeof(frame); first++) {
        ck_assert_int_eq(send_pieces(&s, id, frame, sizeof(frame), first, NULL),
                         sizeof(frame));
        sent = station_next(&s);
        ck_assert_uint_eq(sent.len, sizeof(frame));
        ck_assert_mem_eq(sent.data, frame, sizeof(frame));
    }
    ck_assert_uint_eq(receive(&s, other).from.kind, PACKET_OUTGOING);
    expect_nothing(&s, id); /* its own */
    station_close(&s);
}
END_TEST

START_TEST(cooked_gets_a_header)
{
    struct station s;
    struct sent sent;

    station_open(&s);

    socket_id id = packet(&s, SOCK_DGRAM, 0);

    ck_assert_int_eq(send_on(&s, id, "hello", 5, STACK_IFACE, 0x88b5), 5);
    sent = station_next(&s);
    ck_assert_uint_eq(sent.len, 19);
    ck_assert_mem_eq(sent.data, "\2\0\0\0\0\1\2\0\0\0\0\2\x88\xb5hello", 19);
    station_close(&s);
}
END_TEST

START_TEST(what_is_sent_on_the_loopback_comes_back)
{
    uint8_t frame[FRAME_MAX] = {0};
    struct station s;

    station_open(&s);

    socket_id id = packet(&s, SOCK_RAW, 0);
    socket_id raw = test_socket(s.stack, SOCK_RAW, 89);
    size_t len = peer_ip(frame, 89, "hello", 5);
    char text[256];

    ck_assert_int_eq(send_on(&s, id, frame, len, LO, 0), (ssize_t)len);
    ck_assert_int_eq(test_receive(s.stack, raw, text, 0), 25);
    station_close(&s);
}
END_TEST

START_TEST(what_cannot_be_sent_says_why)
{
    static uint8_t frame[2000];
    struct endpoint inet = test_endpoint("192.0.2.1", 9);
    struct station s;

    station_open(&s);

    socket_id raw = packet(&s, SOCK_RAW, ALL);
    socket_id cooked = packet(&s, SOCK_DGRAM, IPV4);

    ck_assert_int_eq(send_pieces(&s, raw, frame, 60, 0, NULL), -ENXIO);
    ck_assert_int_eq(send_on(&s, raw, frame, 60, 99, 0), -ENXIO);
    ck_assert_int_eq(send_pieces(&s, raw, frame, 60, 0, &inet), -EINVAL);
    ck_assert_int_eq(send_on(&s, raw, frame, 13, STACK_IFACE, 0), -EINVAL);
    ck_assert_int_eq(send_on(&s, raw, frame, 14, STACK_IFACE, 0), 14);
    ck_assert_int_eq(send_on(&s, raw, frame, 1514, STACK_IFACE, 0), 1514);
    ck_assert_int_eq(send_on(&s, raw, frame, 1515, STACK_IFACE, 0), -EMSGSIZE);
    ck_assert_int_eq(send_on(&s, cooked, frame, 1500, STACK_IFACE, 0), 1500);
    ck_assert_int_eq(send_on(&s, cooked, frame, 1501, STACK_IFACE, 0),
                     -EMSGSIZE);
    ck_assert_int_eq(bind_to(&s, cooked, STACK_IFACE, 0), 0);
    ck_assert_int_eq(send_pieces(&s, cooked, frame, 60, 0, NULL), -EINVAL);
    station_close(&s);
}
END_TEST

/* ---- What it is -------------------------------------------------------- */

START_TEST(it_has_no_connection)
{
    struct endpoint inet = test_endpoint("192.0.2.1", 9);
    struct endpoint name;
    struct station s;
    socket_id id;

    station_open(&s);
    ck_assert_int_eq(create(&s, SOCK_STREAM, ALL, &id), -ESOCKTNOSUPPORT);
    id = packet(&s, SOCK_RAW, ALL);
    ck_assert_int_eq(stack_bind(s.stack, s.now, id, &inet), -EINVAL);
    ck_assert_int_eq(stack_connect(s.stack, s.now, id, &inet), -EOPNOTSUPP);
    ck_assert_int_eq(stack_disconnect(s.stack, s.now, id), -EOPNOTSUPP);
    ck_assert_int_eq(stack_listen(s.stack, s.now, id, 1), -EOPNOTSUPP);
    ck_assert_int_eq(stack_shutdown(s.stack, s.now, id, SHUT_RDWR),
                     -EOPNOTSUPP);
    ck_assert_int_eq(stack_remote(s.stack, id, &name), -EOPNOTSUPP);
    ck_assert_int_eq(get_int(&s, id, SOL_SOCKET, SO_DOMAIN), AF_PACKET);
    ck_assert_int_eq(get_int(&s, id, SOL_SOCKET, SO_TYPE), SOCK_RAW);
    ck_assert_int_eq(get_int(&s, id, SOL_SOCKET, SO_PROTOCOL), 0);
    ck_assert_int_eq(get_int(&s, id, IPPROTO_IP, IP_TTL), -ENOPROTOOPT);
    ck_assert_int_eq(set_int(&s, id, IPPROTO_IP, IP_TTL, 3), -ENOPROTOOPT);
    station_close(&s);
}
END_TEST

START_TEST(others_have_no_link_addresses)
{
    struct link_addr none = {0};
    struct endpoint name = link_endpoint(&none, STACK_IFACE, ALL);
    struct station s;

    station_open(&s);

    socket_id udp = test_socket(s.stack, SOCK_DGRAM, 0);

    ck_assert_int_eq(stack_bind(s.stack, s.now, udp, &name), -EAFNOSUPPORT);
    ck_assert_int_eq(stack_connect(s.stack, s.now, udp, &name), -EAFNOSUPPORT);
    ck_assert_int_eq(test_send(s.stack, udp, "a", &name), -EAFNOSUPPORT);
    station_close(&s);
}
END_TEST

START_TEST(its_options_are_those_of_packet_7)
{
    struct packet_mreq promisc = {.mr_ifindex = STACK_IFACE,
                                  .mr_type = PACKET_MR_PROMISC};
    struct station s;

    station_open(&s);

    socket_id id = packet(&s, SOCK_RAW, ALL);

    ck_assert_int_eq(set(&s, id, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc,
                         sizeof(promisc)),
                     0);
    ck_assert_int_eq(
        set(&s, id, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, 8), -EINVAL);
    ck_assert_int_eq(set(&s, id, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &promisc,
                         sizeof(promisc)),
                     0);
    promisc.mr_ifindex = 88;
    ck_assert_int_eq(set(&s, id, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc,
                         sizeof(promisc)),
                     -ENODEV);
    ck_assert_int_eq(set_int(&s, id, SOL_PACKET, PACKET_RX_RING, 1),
                     -ENOPROTOOPT);
    ck_assert_int_eq(get_int(&s, id, SOL_PACKET, IGNORE_OUTGOING), 0);
    ck_assert_int_eq(set_int(&s, id, SOL_PACKET, IGNORE_OUTGOING, 2), -EINVAL);
    ck_assert_int_eq(set_int(&s, id, SOL_PACKET, IGNORE_OUTGOING, 1), 0);
    ck_assert_int_eq(get_int(&s, id, SOL_PACKET, IGNORE_OUTGOING), 1);
    arp_exchange(&s);
    ck_assert_uint_eq(receive(&s, id).from.kind, PACKET_BROADCAST);
    expect_nothing(&s, id);
    station_close(&s);
}
END_TEST

UNIT_MAIN("packet", it_sees_what_comes_in_and_what_goes_out,
          cooked_is_without_the_link_header,
          one_protocol_is_seen_as_it_comes_in,
          what_is_for_others_and_what_has_a_length_is_seen_too,
          the_loopback_shows_each_frame_twice_with_a_header,
          bound_to_one_interface_it_sees_no_other, frames_are_shown_whole,
          a_filter_chooses_and_cuts, it_counts_what_it_saw_and_lost,
          a_frame_is_sent_as_it_is, cooked_gets_a_header,
          what_is_sent_on_the_loopback_comes_back, what_cannot_be_sent_says_why,
          it_has_no_connection, others_have_no_link_addresses,
          its_options_are_those_of_packet_7)
