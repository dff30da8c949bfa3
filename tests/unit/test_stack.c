#include "unit.h"

#include "base/checksum.h"
#include "ip/icmp.h"
#include "link/eth.h"
#include "netdev/callback.h"
#include "stacks.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum {
    AT_IP = ETH_HEADER_LEN,
    AT_ICMP = AT_IP + IP_HEADER_LEN,
    AT_QUOTE = AT_ICMP + ICMP_HEADER_LEN
};

/* The peer is known, so that answers need no ARP. */
static void open_with_peer(struct station *s)
{
    struct ip_addr peer = test_addr(1);
    struct mac_addr mac = {{2, 0, 0, 0, 0, 1}};

    station_open(s);
    ck_assert_int_eq(
        stack_neighbour_add(s->stack, s->now, STACK_IFACE, &peer, &mac), 0);
}

static void expect_icmp(const struct sent *sent, uint8_t type, uint8_t code)
{
    ck_assert_uint_ge(sent->len, AT_QUOTE);
    ck_assert_uint_eq(get_be16(sent->data + ETH_TYPE), ETH_TYPE_IPV4);
    ck_assert_uint_eq(sent->data[AT_IP + IPH_PROTOCOL], IP_PROTO_ICMP);
    ck_assert_uint_eq(get_be32(sent->data + AT_IP + IPH_SRC), 0xc0000202);
    ck_assert_uint_eq(get_be32(sent->data + AT_IP + IPH_DST), 0xc0000201);
    ck_assert_uint_eq(sent->data[AT_ICMP + ICMP_TYPE], type);
    ck_assert_uint_eq(sent->data[AT_ICMP + ICMP_CODE], code);
    ck_assert_uint_eq(
        checksum_of(bytes_of(sent->data + AT_ICMP, sent->len - AT_ICMP)), 0);
}

static uint64_t drops(const struct station *s, enum drop_reason reason)
{
    return s->stack->env.drops[reason];
}

START_TEST(an_arp_request_for_our_address_is_answered)
{
    struct station s;
    uint8_t frame[64];

    station_open(&s);
    station_input(&s, frame, peer_arp_request(frame, 2));

    struct sent reply = station_next(&s);

    ck_assert_uint_eq(get_be16(reply.data + ETH_TYPE), ETH_TYPE_ARP);
    ck_assert_uint_eq(get_be16(reply.data + ETH_HEADER_LEN + ARP_OPERATION),
                      ARP_REPLY);
    ck_assert_uint_eq(get_be32(reply.data + ETH_HEADER_LEN + ARP_SENDER_IP),
                      0xc0000202);
    station_close(&s);
}
END_TEST

START_TEST(an_arp_request_for_another_is_not_answered)
{
    struct station s;
    uint8_t frame[64];

    station_open(&s);
    station_input(&s, frame, peer_arp_request(frame, 77));
    ck_assert_uint_eq(s.sent_count, 0);
    station_close(&s);
}
END_TEST

START_TEST(a_ping_is_answered_with_its_own_data)
{
    uint8_t ping[] = {ICMP_ECHO_REQUEST, 0, 0, 0, 0x12, 0x34, 0, 1, 'h', 'i'};
    struct station s;
    uint8_t frame[64];

    put_be16(ping + ICMP_CHECKSUM, checksum_of(bytes_of(ping, sizeof(ping))));
    open_with_peer(&s);
    station_input(&s, frame, peer_ip(frame, IP_PROTO_ICMP, ping, sizeof(ping)));

    struct sent reply = station_next(&s);

    expect_icmp(&reply, ICMP_ECHO_REPLY, 0);
    ck_assert_mem_eq(reply.data + AT_ICMP + ICMP_REST, ping + ICMP_REST, 6);
    ck_assert_uint_eq(s.sent_count, 0);
    station_close(&s);
}
END_TEST

START_TEST(an_unknown_protocol_is_refused_with_a_quote)
{
    struct station s;
    uint8_t frame[64];
    size_t len;

    open_with_peer(&s);
    len = peer_ip(frame, 253, "whatever", 8); /* RFC 3692: for experiments */
    station_input(&s, frame, len);

    struct sent error = station_next(&s);

    expect_icmp(&error, ICMP_UNREACHABLE, ICMP_PROTOCOL_UNREACHABLE);
    ck_assert_mem_eq(error.data + AT_QUOTE, frame + AT_IP, len - AT_IP);
    ck_assert_uint_eq(drops(&s, DROP_IP_UNKNOWN_PROTOCOL), 1);
    ck_assert_uint_eq(s.stack->ip.stats.in_unknown_protos, 1);
    station_close(&s);
}
END_TEST

START_TEST(a_datagram_to_a_closed_port_is_refused)
{
    struct station s;
    uint8_t frame[64];

    open_with_peer(&s);
    station_input(&s, frame, peer_udp(frame, 1000, 9, "x"));

    struct sent error = station_next(&s);

    expect_icmp(&error, ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE);
    ck_assert_uint_eq(drops(&s, DROP_UDP_NO_PORT), 1);
    station_close(&s);
}
END_TEST

START_TEST(a_datagram_reaches_its_socket_and_the_answer_its_sender)
{
    struct endpoint peer = test_endpoint("192.0.2.1", 1000);
    struct station s;
    uint8_t frame[64];
    socket_id id;

    open_with_peer(&s);
    id = test_socket(s.stack, SOCK_DGRAM, 0);
    test_bind(s.stack, id, "0.0.0.0", 7);
    station_input(&s, frame, peer_udp(frame, 1000, 7, "question"));
    expect_text(s.stack, id, "question");
    ck_assert_int_eq(test_send(s.stack, id, "answer", &peer), 6);

    struct sent answer = station_next(&s);

    ck_assert_uint_eq(get_be16(answer.data + AT_ICMP + UDP_DST_PORT), 1000);
    ck_assert_mem_eq(answer.data + AT_ICMP + UDP_HEADER_LEN, "answer", 6);
    station_close(&s);
}
END_TEST

START_TEST(an_unknown_ethertype_is_dropped_with_its_reason)
{
    struct station s;
    uint8_t frame[64];

    station_open(&s);
    size_t len = peer_ip(frame, IP_PROTO_UDP, "12345678", 8);
    put_be16(frame + ETH_TYPE, 0x88b5); /* IEEE: for local experiments */
    station_input(&s, frame, len);
    ck_assert_uint_eq(drops(&s, DROP_ETH_UNKNOWN_TYPE), 1);
    ck_assert_uint_eq(s.sent_count, 0);
    station_close(&s);
}
END_TEST

START_TEST(every_cut_of_a_frame_is_harmless)
{
    struct station s;
    uint8_t frame[64];

    open_with_peer(&s);
    size_t len = peer_udp(frame, 1000, 9, "text");
    for (size_t cut = 0; cut < len; cut++)
        station_input(&s, frame, cut);
    ck_assert_uint_eq(s.sent_count, 0);
    ck_assert_uint_eq(s.stack->udp.stats.in_datagrams, 0);
    station_close(&s);
}
END_TEST

START_TEST(a_frame_from_no_interface_is_not_looked_at)
{
    struct station s;
    struct frame frame;
    uint8_t data[64];

    station_open(&s);
    frame_init_input(&frame, NULL, data, peer_arp_request(data, 2));
    stack_input(s.stack, s.now, 99, &frame);
    stack_flush(s.stack, s.now);
    ck_assert_uint_eq(s.sent_count, 0);
    station_close(&s);
}
END_TEST

/* RFC 1122 3.3.2, RFC 792: code 1, with the first fragment. */
START_TEST(a_datagram_that_is_never_whole_is_told_of)
{
    struct station s;
    uint8_t frame[64];
    size_t len;

    open_with_peer(&s);
    len = peer_ip(frame, IP_PROTO_UDP, "12345678", 8);
    put_be16(frame + AT_IP + IPH_FRAGMENT, IP_FLAG_MF);
    put_be16(frame + AT_IP + IPH_CHECKSUM, 0);
    put_be16(frame + AT_IP + IPH_CHECKSUM,
             checksum_of(bytes_of(frame + AT_IP, IP_HEADER_LEN)));
    station_input(&s, frame, len);
    ck_assert_uint_eq(s.sent_count, 0);
    station_run(&s, s.now + 120 * USEC_PER_SEC);

    struct sent error = station_next(&s);

    expect_icmp(&error, ICMP_TIME_EXCEEDED, ICMP_REASSEMBLY_TIME_EXCEEDED);
    ck_assert_mem_eq(error.data + AT_QUOTE + IP_HEADER_LEN, "12345678", 8);
    station_close(&s);
}
END_TEST

/* Frame events, and the number in hand when they came. */
struct heard {
    unsigned frames_in;
    unsigned drops;
    uint64_t last_number;
};

static void listen_to(void *listener, const struct trace_event *event)
{
    struct heard *heard = listener;

    heard->frames_in += event->kind == TRACE_FRAME_IN;
    heard->drops += event->kind == TRACE_DROP;
    if (event->kind == TRACE_FRAME_IN || event->kind == TRACE_DROP)
        heard->last_number = event->frame_number;
}

START_TEST(frames_are_traced_with_numbers_from_one)
{
    struct heard heard = {0};
    struct station s;
    uint8_t frame[64];

    station_open(&s);
    s.stack->env.trace = (struct trace){.emit = listen_to, .listener = &heard};
    station_input(&s, frame, peer_arp_request(frame, 77));
    ck_assert_uint_eq(heard.frames_in, 1);
    ck_assert_uint_eq(heard.last_number, 1);
    station_input(&s, frame, 5);
    ck_assert_uint_eq(heard.frames_in, 2);
    ck_assert_uint_eq(heard.drops, 1);
    ck_assert_uint_eq(heard.last_number, 2);
    ck_assert_uint_eq(s.stack->env.frame_number, 0);
    station_close(&s);
}
END_TEST

START_TEST(time_never_goes_back)
{
    struct station s;

    station_open(&s);
    usec now = s.stack->env.now;
    stack_run_timers(s.stack, now - 1000);
    ck_assert_int_eq(s.stack->env.now, now);
    stack_run_timers(s.stack, now + 1000);
    ck_assert_int_eq(s.stack->env.now, now + 1000);
    station_close(&s);
}
END_TEST

START_TEST(the_next_deadline_is_that_of_the_next_timer)
{
    struct endpoint peer = test_endpoint("192.0.2.1", 9);
    struct station s;

    station_open(&s);
    ck_assert_int_eq(stack_next_deadline(s.stack), USEC_NEVER);
    socket_id id = test_socket(s.stack, SOCK_DGRAM, 0);
    ck_assert_int_eq(test_send(s.stack, id, "x", &peer), 1);
    ck_assert_uint_eq(s.sent_count, 1); /* who-has; the datagram waits */
    ck_assert_int_le(stack_next_deadline(s.stack), s.now + USEC_PER_SEC);
    station_run(&s, s.now + 60 * USEC_PER_SEC);
    ck_assert_int_eq(stack_next_deadline(s.stack), USEC_NEVER);
    station_close(&s);
}
END_TEST

START_TEST(a_new_address_is_announced)
{
    struct ip_prefix addr = test_prefix("198.51.100.7/24");
    struct station s;

    station_open(&s);
    ck_assert_int_eq(stack_addr_add(s.stack, s.now, STACK_IFACE, &addr), 0);
    stack_flush(s.stack, s.now);

    struct sent sent = station_next(&s);

    ck_assert_uint_eq(get_be16(sent.data + ETH_TYPE), ETH_TYPE_ARP);
    ck_assert_uint_eq(get_be32(sent.data + ETH_HEADER_LEN + ARP_SENDER_IP),
                      0xc6336407);
    ck_assert_uint_eq(get_be32(sent.data + ETH_HEADER_LEN + ARP_TARGET_IP),
                      0xc6336407);
    station_close(&s);
}
END_TEST

static int add_addr(struct station *s, unsigned iface, const char *text)
{
    struct ip_prefix addr = test_prefix(text);

    return stack_addr_add(s->stack, s->now, iface, &addr);
}

START_TEST(only_a_host_s_address_can_be_ours)
{
    struct station s;

    station_open(&s);
    ck_assert_int_eq(add_addr(&s, 99, "198.51.100.1/24"), -ENODEV);
    ck_assert_int_eq(add_addr(&s, STACK_IFACE, "192.0.2.2/24"), -EEXIST);
    ck_assert_int_eq(add_addr(&s, 1, "192.0.2.2/24"), -EEXIST);
    ck_assert_int_eq(add_addr(&s, STACK_IFACE, "0.0.0.0/24"), -EINVAL);
    ck_assert_int_eq(add_addr(&s, STACK_IFACE, "0.1.2.3/24"), -EINVAL);
    ck_assert_int_eq(add_addr(&s, STACK_IFACE, "224.0.0.1/24"), -EINVAL);
    ck_assert_int_eq(add_addr(&s, STACK_IFACE, "255.255.255.255/32"), -EINVAL);
    ck_assert_int_eq(add_addr(&s, STACK_IFACE, "198.51.100.255/24"), -EINVAL);
    ck_assert_int_eq(add_addr(&s, STACK_IFACE, "198.51.100.0/24"), -EINVAL);
    ck_assert_int_eq(add_addr(&s, STACK_IFACE, "127.0.0.2/8"), -EINVAL);
    ck_assert_int_eq(add_addr(&s, STACK_IFACE, "2001:db8::1/64"), -EINVAL);
    ck_assert_int_eq(add_addr(&s, STACK_IFACE, "198.51.100.0/31"), 0);
    ck_assert_int_eq(add_addr(&s, STACK_IFACE, "203.0.113.9/32"), 0);
    station_close(&s);
}
END_TEST

START_TEST(an_interface_has_a_bounded_number_of_addresses)
{
    struct station s;
    int error = 0;

    station_open(&s);
    for (unsigned i = 10; i < 10 + IFACE_ADDRS_MAX && error == 0; i++) {
        struct ip_prefix addr = {.addr = test_addr(i), .len = 120};

        error = stack_addr_add(s.stack, s.now, STACK_IFACE, &addr);
    }
    ck_assert_int_eq(error, -ENOBUFS);
    station_close(&s);
}
END_TEST

static int add_route(struct station *s, const char *prefix_text,
                     const char *gateway_text, unsigned iface)
{
    struct ip_prefix prefix = test_prefix(prefix_text);
    struct endpoint gateway = test_endpoint(gateway_text, 0);

    return stack_route_add(s->stack, s->now, &prefix, &gateway.addr, iface);
}

START_TEST(a_route_needs_a_gateway_that_is_a_neighbour)
{
    struct station s;
    struct ip_path path;
    struct ip_addr any = IP_ADDR_ANY_V4;
    struct endpoint far = test_endpoint("203.0.113.1", 0);

    station_open(&s);
    ck_assert_int_eq(add_route(&s, "0.0.0.0/0", "203.0.113.9", 0),
                     -ENETUNREACH);
    ck_assert_int_eq(add_route(&s, "0.0.0.0/0", "0.0.0.0", 0), -EINVAL);
    ck_assert_int_eq(add_route(&s, "0.0.0.0/0", "0.0.0.0", 99), -ENODEV);
    ck_assert_int_eq(add_route(&s, "0.0.0.0/0", "192.0.2.2", 0), -EINVAL);
    ck_assert_int_eq(ip_path(&s.stack->ip, &far.addr, &any, 0, &path),
                     -ENETUNREACH);
    ck_assert_int_eq(add_route(&s, "0.0.0.0/0", "192.0.2.1", 0), 0);
    ck_assert_int_eq(ip_path(&s.stack->ip, &far.addr, &any, 0, &path), 0);
    ck_assert_uint_eq(path.iface->index, STACK_IFACE);
    ck_assert_uint_eq(ip_addr_to_v4(&path.next_hop), 0xc0000201);
    /* a gateway behind a gateway is none */
    ck_assert_int_eq(add_route(&s, "198.51.100.0/24", "203.0.113.1", 0),
                     -ENETUNREACH);
    station_close(&s);
}
END_TEST

static int add_iface(struct station *s, const char *name, unsigned mtu)
{
    struct iface_config config = {.name = name, .dev = s->dev, .mtu = mtu};

    return stack_iface_add(s->stack, s->now, &config);
}

START_TEST(an_interface_s_settings_are_checked)
{
    struct station s;

    station_open(&s);
    ck_assert_int_eq(add_iface(&s, NULL, 0), -EINVAL);
    ck_assert_int_eq(add_iface(&s, "", 0), -EINVAL);
    ck_assert_int_eq(add_iface(&s, "sixteen-letters!", 0), -EINVAL);
    ck_assert_int_eq(add_iface(&s, "b", 67), -EINVAL);
    ck_assert_int_eq(add_iface(&s, "b", 1501), -EINVAL); /* the device: 1500 */
    ck_assert_int_eq(add_iface(&s, "b", 68), 3);
    ck_assert_int_eq(add_iface(&s, "c", 0), 4);
    ck_assert_uint_eq(stack_iface(s.stack, 4)->mtu, 1500);
    station_close(&s);
}
END_TEST

START_TEST(a_mac_is_made_from_the_seed)
{
    struct mac_addr macs[2];
    struct pair pair;

    pair_open(&pair);
    for (unsigned i = 0; i < 2; i++) {
        macs[i] = stack_iface(pair.stacks[i], STACK_IFACE)->mac;
        ck_assert_uint_eq(macs[i].octet[0] & 3, 2); /* local, one station */
    }
    ck_assert(!mac_addr_equal(&macs[0], &macs[1]));
    pair_close(&pair);
}
END_TEST

START_TEST(the_loopback_is_emptied_in_the_same_pass)
{
    struct endpoint self = test_endpoint("127.0.0.1", 7);
    struct station s;
    socket_id id;

    station_open(&s);
    id = test_socket(s.stack, SOCK_DGRAM, 0);
    test_bind(s.stack, id, "0.0.0.0", 7);
    ck_assert_int_eq(test_send(s.stack, id, "one", &self), 3);
    expect_text(s.stack, id, "one");
    self = test_endpoint("192.0.2.2", 7); /* our own address: not the wire */
    ck_assert_int_eq(test_send(s.stack, id, "two", &self), 3);
    expect_text(s.stack, id, "two");
    ck_assert_uint_eq(s.sent_count, 0);
    station_close(&s);
}
END_TEST

static unsigned drain(struct stack *stack, socket_id id)
{
    unsigned count = 0;
    char text[256];

    while (test_receive(stack, id, text, 0) > 0)
        count++;
    return count;
}

START_TEST(what_a_flush_leaves_on_the_loopback_is_wanted_now)
{
    struct endpoint self = test_endpoint("127.0.0.1", 7);
    struct iovec iov = {.iov_base = "x", .iov_len = 1};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .name = &self};
    struct station s;
    socket_id id;

    station_open(&s);
    id = test_socket(s.stack, SOCK_DGRAM, 0);
    test_bind(s.stack, id, "0.0.0.0", 7);
    for (unsigned i = 0; i < 1500; i++)
        ck_assert_int_eq(stack_send(s.stack, s.now, id, &message), 1);
    stack_flush(s.stack, s.now);
    ck_assert_uint_eq(drain(s.stack, id), 1024);
    ck_assert_int_le(stack_next_deadline(s.stack), s.now);
    stack_flush(s.stack, s.now);
    ck_assert_uint_eq(drain(s.stack, id), 1500 - 1024);
    ck_assert_int_eq(stack_next_deadline(s.stack), USEC_NEVER);
    station_close(&s);
}
END_TEST

START_TEST(two_stacks_talk_over_a_wire)
{
    struct endpoint second = test_endpoint("192.0.2.2", 7);
    struct endpoint first = test_endpoint("192.0.2.1", 8);
    struct pair pair;
    socket_id ids[2];

    pair_open(&pair);
    for (unsigned i = 0; i < 2; i++)
        ids[i] = test_socket(pair.stacks[i], SOCK_DGRAM, 0);
    test_bind(pair.stacks[0], ids[0], "0.0.0.0", 8);
    test_bind(pair.stacks[1], ids[1], "0.0.0.0", 7);
    ck_assert_int_eq(test_send(pair.stacks[0], ids[0], "there", &second), 5);
    pair_run(&pair, pair.now + USEC_PER_SEC);
    expect_text(pair.stacks[1], ids[1], "there");
    ck_assert_int_eq(test_send(pair.stacks[1], ids[1], "back", &first), 4);
    pair_run(&pair, pair.now + USEC_PER_SEC);
    expect_text(pair.stacks[0], ids[0], "back");
    pair_close(&pair);
}
END_TEST

START_TEST(a_refusal_reaches_the_socket_that_caused_it)
{
    struct endpoint nobody = test_endpoint("192.0.2.2", 9);
    struct pair pair;
    char text[256];
    socket_id id;

    pair_open(&pair);
    id = test_socket(pair.stacks[0], SOCK_DGRAM, 0);
    ck_assert_int_eq(stack_connect(pair.stacks[0], pair.now, id, &nobody), 0);
    ck_assert_int_eq(test_send(pair.stacks[0], id, "x", NULL), 1);
    pair_run(&pair, pair.now + USEC_PER_SEC);
    ck_assert(stack_readiness(pair.stacks[0], id) & POLLERR);
    ck_assert_int_eq(test_receive(pair.stacks[0], id, text, 0), -ECONNREFUSED);
    ck_assert(!(stack_readiness(pair.stacks[0], id) & POLLERR));
    pair_close(&pair);
}
END_TEST

START_TEST(an_echo_socket_pings)
{
    static const char request[] = "\10\0\0\0\0\0\0\1data";
    struct endpoint peer = test_endpoint("192.0.2.2", 0);
    struct iovec iov = {.iov_base = (void *)(uintptr_t)request, .iov_len = 12};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .name = &peer};
    struct pair pair;
    char reply[256];
    socket_id id;

    pair_open(&pair);
    id = test_socket(pair.stacks[0], SOCK_DGRAM, IP_PROTO_ICMP);
    ck_assert_int_eq(stack_send(pair.stacks[0], pair.now, id, &message), 12);
    pair_run(&pair, pair.now + USEC_PER_SEC);
    ck_assert_int_eq(test_receive(pair.stacks[0], id, reply, 0), 12);
    ck_assert_int_eq(reply[ICMP_TYPE], ICMP_ECHO_REPLY);
    ck_assert_mem_eq(reply + ICMP_HEADER_LEN, "data", 4);
    pair_close(&pair);
}
END_TEST

/* RFC 1122 2.3.2.2: what waited for ARP's answer is given up, and told. */
START_TEST(a_neighbour_that_does_not_answer_is_told_to_who_asked)
{
    static const char request[] = "\10\0\0\0\0\0\0\1data";
    struct endpoint peer = test_endpoint("192.0.2.99", 0);
    struct station s;
    char text[256];
    socket_id id;

    station_open(&s);
    id = test_socket(s.stack, SOCK_DGRAM, IP_PROTO_ICMP);
    ck_assert_int_eq(stack_connect(s.stack, s.now, id, &peer), 0);

    struct iovec iov = {.iov_base = (void *)(uintptr_t)request, .iov_len = 12};
    struct socket_message message = {.iov = &iov, .iov_count = 1};

    ck_assert_int_eq(stack_send(s.stack, s.now, id, &message), 12);
    station_run(&s, s.now + 60 * USEC_PER_SEC);
    ck_assert_int_eq(test_receive(s.stack, id, text, 0), -EHOSTUNREACH);
    ck_assert_uint_ge(drops(&s, DROP_ARP_NO_ANSWER), 1);
    station_close(&s);
}
END_TEST

/* Who ends a stack waits for it: the last datagram is not lost. */
START_TEST(a_stack_is_unfinished_while_a_datagram_waits_for_arp)
{
    struct endpoint peer = test_endpoint("192.0.2.1", 1000);
    struct station s;
    uint8_t frame[64];
    socket_id id;

    station_open(&s);
    id = test_socket(s.stack, SOCK_DGRAM, 0);
    ck_assert_int_eq(test_send(s.stack, id, "last", &peer), 4);
    ck_assert_int_eq(stack_close(s.stack, s.now, id), 0);
    ck_assert_uint_eq(stack_unfinished(s.stack), 1);
    station_input(&s, frame, peer_arp_request(frame, 2)); /* tells its MAC */
    ck_assert_uint_eq(stack_unfinished(s.stack), 0);
    station_close(&s);
}
END_TEST

START_TEST(two_stacks_connect_over_a_wire)
{
    struct endpoint to = test_endpoint("192.0.2.2", 80);
    struct endpoint from;
    struct pair pair;
    socket_id listener;
    socket_id client;
    socket_id server;

    pair_open(&pair);
    listener = test_socket(pair.stacks[1], SOCK_STREAM, 0);
    test_bind(pair.stacks[1], listener, "192.0.2.2", 80);
    ck_assert_int_eq(stack_listen(pair.stacks[1], pair.now, listener, 1), 0);
    client = test_socket(pair.stacks[0], SOCK_STREAM, 0);
    ck_assert_int_eq(stack_connect(pair.stacks[0], pair.now, client, &to),
                     -EINPROGRESS);
    pair_run(&pair, pair.now + USEC_PER_SEC);
    ck_assert_int_eq(
        stack_accept(pair.stacks[1], pair.now, listener, &server, &from), 0);
    ck_assert_uint_eq(ip_addr_to_v4(&from.addr), 0xc0000201);
    ck_assert_int_eq(test_send(pair.stacks[0], client, "request", NULL), 7);
    pair_run(&pair, pair.now + USEC_PER_SEC);
    expect_text(pair.stacks[1], server, "request");
    ck_assert_int_eq(test_send(pair.stacks[1], server, "answer", NULL), 6);
    ck_assert_int_eq(stack_close(pair.stacks[1], pair.now, server), 0);
    pair_run(&pair, pair.now + USEC_PER_SEC);
    expect_text(pair.stacks[0], client, "answer");
    expect_text(pair.stacks[0], client, ""); /* and the end */
    ck_assert_int_eq(stack_close(pair.stacks[0], pair.now, client), 0);
    pair_run(&pair, pair.now + 200 * USEC_PER_SEC);
    ck_assert_uint_eq(pair.stacks[0]->tcp.connection_count, 0);
    ck_assert_uint_eq(pair.stacks[1]->tcp.connection_count, 1); /* LISTEN */
    pair_close(&pair);
}
END_TEST

START_TEST(the_same_entries_give_the_same_frames)
{
    static struct station runs[2]; /* large */
    struct endpoint peer = test_endpoint("192.0.2.1", 9);

    for (unsigned i = 0; i < 2; i++) {
        struct station *s = &runs[i];
        uint8_t frame[64];

        open_with_peer(s);
        socket_id id = test_socket(s->stack, SOCK_DGRAM, 0);
        ck_assert_int_eq(test_send(s->stack, id, "x", &peer), 1);
        station_input(s, frame, peer_udp(frame, 1, 2, "y"));
        station_run(s, s->now + 100 * USEC_PER_SEC);
        station_close(s);
    }
    ck_assert_uint_ge(runs[0].sent_count, 2);
    ck_assert_uint_eq(runs[0].sent_count, runs[1].sent_count);
    for (unsigned i = 0; i < runs[0].sent_count; i++) {
        ck_assert_uint_eq(runs[0].sent[i].len, runs[1].sent[i].len);
        ck_assert_mem_eq(runs[0].sent[i].data, runs[1].sent[i].data,
                         runs[0].sent[i].len);
    }
}
END_TEST

START_TEST(without_memory_there_is_no_stack_and_nothing_is_left)
{
    struct memory memory;
    struct stack *stack;
    int error = -ENOBUFS;
    size_t limit;

    for (limit = 0; error < 0 && limit < (1 << 20); limit += 16) {
        memory_init(&memory, limit);

        struct stack_config config = test_config(&memory);

        error = stack_create(&config, 0, &stack);
        if (error < 0) {
            ck_assert_int_eq(error, -ENOBUFS);
            ck_assert_uint_eq(memory.used, 0);
        }
    }
    ck_assert_int_eq(error, 0);
    stack_destroy(stack);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

UNIT_MAIN("stack", a_stack_is_unfinished_while_a_datagram_waits_for_arp,
          a_neighbour_that_does_not_answer_is_told_to_who_asked,
          two_stacks_connect_over_a_wire,
          an_arp_request_for_our_address_is_answered,
          an_arp_request_for_another_is_not_answered,
          a_ping_is_answered_with_its_own_data,
          an_unknown_protocol_is_refused_with_a_quote,
          a_datagram_to_a_closed_port_is_refused,
          a_datagram_reaches_its_socket_and_the_answer_its_sender,
          an_unknown_ethertype_is_dropped_with_its_reason,
          every_cut_of_a_frame_is_harmless,
          a_frame_from_no_interface_is_not_looked_at,
          a_datagram_that_is_never_whole_is_told_of,
          frames_are_traced_with_numbers_from_one, time_never_goes_back,
          the_next_deadline_is_that_of_the_next_timer,
          a_new_address_is_announced, only_a_host_s_address_can_be_ours,
          an_interface_has_a_bounded_number_of_addresses,
          a_route_needs_a_gateway_that_is_a_neighbour,
          an_interface_s_settings_are_checked, a_mac_is_made_from_the_seed,
          the_loopback_is_emptied_in_the_same_pass,
          what_a_flush_leaves_on_the_loopback_is_wanted_now,
          two_stacks_talk_over_a_wire,
          a_refusal_reaches_the_socket_that_caused_it, an_echo_socket_pings,
          the_same_entries_give_the_same_frames,
          without_memory_there_is_no_stack_and_nothing_is_left)
