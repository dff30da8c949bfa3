/*
 * Stories of frames, from a real stack's events; and that the tables of checks
 * have the order of the code: a packet with two mistakes is dropped for the
 * one that comes first in the table, and no check of it is told as passed.
 */
#include "unit.h"

#include "base/checksum.h"
#include "host/explain.h"
#include "host/trace_hub.h"
#include "stacks.h"
#include "tcp/tcp_segment.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

static char story[16384];

struct teller {
    struct station station;
    struct trace_hub hub;
    struct explain explain;
    FILE *file;
};

static void open_teller(struct teller *t, const char *frames)
{
    struct explain_list list;

    ck_assert_int_eq(explain_parse(frames, &list), 0);
    station_open(&t->station);
    t->file = tmpfile();
    ck_assert_ptr_nonnull(t->file);
    trace_hub_init(&t->hub);
    explain_init(&t->explain, &list, fileno(t->file));
    trace_hub_add(&t->hub, &t->explain.listener);
    stack_set_trace(t->station.stack, trace_hub_trace(&t->hub));
}

/* What was told of the frame; the pass is over. */
static const char *input(struct teller *t, const uint8_t *frame, size_t len)
{
    long before = ftell(t->file);
    size_t told;

    station_input(&t->station, frame, len);
    trace_hub_pass_over(&t->hub);
    fseek(t->file, before, SEEK_SET);
    told = fread(story, 1, sizeof(story) - 1, t->file);
    story[told] = '\0';
    return story;
}

static void close_teller(struct teller *t)
{
    fclose(t->file);
    stack_set_trace(t->station.stack, (struct trace){.emit = NULL});
    station_close(&t->station);
}

static void listen_at(struct teller *t, uint16_t port)
{
    socket_id id = test_socket(t->station.stack, SOCK_STREAM, 0);

    test_bind(t->station.stack, id, "192.0.2.2", port);
    ck_assert_int_eq(stack_listen(t->station.stack, t->station.now, id, 5), 0);
}

/* Each line of `lines`, in this order; others may lie between. */
static void expect_lines(const char *text, const char *const *lines)
{
    const char *at = text;

    for (; *lines != NULL; lines++) {
        const char *found = strstr(at, *lines);

        ck_assert_msg(found != NULL, "no \"%s\" after the lines before in:\n%s",
                      *lines, text);
        at = found + strlen(*lines);
    }
}

#define EXPECT(text, ...)                                                      \
    expect_lines(text, (const char *const[]){__VA_ARGS__, NULL})

/* A segment from 192.0.2.1:4000 without text; its checksum is right. */
static size_t peer_segment(uint8_t *frame, uint16_t port, uint8_t flags,
                           uint32_t seq, uint32_t ack)
{
    struct checksum sum = {0};
    struct ip_addr src = test_addr(1);
    struct ip_addr dst = test_addr(2);
    uint8_t tcp[TCP_HEADER_LEN] = {0};

    put_be16(tcp + TCP_SRC_PORT, 4000);
    put_be16(tcp + TCP_DST_PORT, port);
    put_be32(tcp + TCP_SEQ, seq);
    put_be32(tcp + TCP_ACK, ack);
    tcp[TCP_DATA_OFFSET] = TCP_HEADER_LEN / 4 << 4;
    tcp[TCP_FLAGS] = flags;
    put_be16(tcp + TCP_WINDOW, 1000);
    checksum_add_pseudo(&sum, &src, &dst, IP_PROTO_TCP, sizeof(tcp));
    checksum_add(&sum, bytes_of(tcp, sizeof(tcp)));
    put_be16(tcp + TCP_CHECKSUM, checksum_finish(&sum));
    return peer_ip(frame, IP_PROTO_TCP, tcp, sizeof(tcp));
}

START_TEST(a_request_for_our_address_is_told_from_bytes_to_answer)
{
    struct teller t;
    uint8_t frame[64];

    open_teller(&t, "1");
    EXPECT(input(&t, frame, peer_arp_request(frame, 2)), "frame in 1: at ",
           "from test, 42 bytes\n", "  eth\n",
           "       0  ff ff ff ff ff ff           destination "
           "ff:ff:ff:ff:ff:ff\n",
           "      12  08 06                       type ARP\n",
           "    ok  the destination is our station, or a group (RFC 894)\n",
           "  arp\n",
           "      20  00 01                       operation request\n",
           "    ok  it is a request or a reply (RFC 826)\n",
           "    => 192.0.2.1 > 192.0.2.2: who-has",
           "    ok  the sender has not our address (RFC 5227 2.4)\n",
           "    => 192.0.2.1 is at 02:00:00:00:00:01: reachable\n",
           "    => 192.0.2.2 > 192.0.2.1: is-at", "    => frame out ");
    close_teller(&t);
}
END_TEST

START_TEST(only_the_frames_that_were_named_are_told)
{
    struct teller t;
    uint8_t frame[64];

    open_teller(&t, "2,4-5");
    for (unsigned i = 1; i <= 6; i++) {
        size_t len = peer_arp_request(frame, 2);
        bool is_named = i == 2 || i == 4 || i == 5;

        ck_assert_int_eq(*input(&t, frame, len) != '\0', is_named);
    }
    close_teller(&t);
}
END_TEST

START_TEST(a_handshake_is_told_step_by_step)
{
    struct teller t;
    uint8_t frame[128];
    struct sent syn_ack;

    open_teller(&t, "1-9");
    listen_at(&t, 80);
    input(&t, frame, peer_arp_request(frame, 2));
    (void)station_next(&t.station);
    EXPECT(input(&t, frame, peer_segment(frame, 80, SEG_SYN, 500, 0)), "  ip\n",
           "      23  06                          protocol tcp\n",
           "    ok  the header's checksum is right (RFC 1122 3.2.1.2)\n",
           "  tcp\n",
           "      36  00 50                       destination port "
           "80\n",
           "      38  00 00 01 f4                 sequence number 500\n",
           "      47  02                          flags SYN\n",
           "    ok  the checksum is right (RFC 9293 3.1 MUST-3)\n",
           "    => state LISTEN\n", "    ok  first: RST is off (RFC 9293",
           "    ok  third: there is room in the backlog",
           "    => [2] LISTEN -> SYN-RECEIVED\n",
           "192.0.2.2:80 > 192.0.2.1:4000: S. 0:0(0) ack 1 ",
           "    => frame out ");
    syn_ack = station_next(&t.station);
    EXPECT(input(&t, frame,
                 peer_segment(frame, 80, SEG_ACK, 501,
                              get_be32(syn_ack.data + 34 + TCP_SEQ) + 1)),
           "sequence number 501, relative 1\n", "    => state SYN-RECEIVED",
           "    ok  first: it touches the receive window (RFC 9293 3.10.7.4)\n",
           "    ok  second: RST is off, or exactly at RCV.NXT (RFC 5961 3.2)\n",
           "    ok  fifth: ACK is on (RFC 9293 3.10.7.4)\n",
           "    => [2] SYN-RECEIVED -> ESTABLISHED\n", "    => socket ");
    close_teller(&t);
}
END_TEST

START_TEST(a_drop_names_the_check_that_failed_and_what_was_not_made)
{
    struct teller t;
    uint8_t frame[128];
    size_t len;

    open_teller(&t, "1-9");
    listen_at(&t, 80);
    len = peer_segment(frame, 80, SEG_SYN, 500, 0);
    frame[34 + TCP_CHECKSUM] ^= 1;
    EXPECT(input(&t, frame, len), "  tcp\n",
           "    ok  options, if any, are well-formed (RFC 9293 3.1 MUST-7)\n"
           "    NO  the checksum is right (RFC 9293 3.1 MUST-3)\n"
           "    => dropped: checksum is wrong (TCP_BAD_CHECKSUM, RFC 9293 3.1 "
           "MUST-3)\n");
    ck_assert_ptr_null(strstr(story, "not to a broadcast"));
    len = peer_segment(frame, 81, SEG_SYN, 500, 0);
    EXPECT(input(&t, frame, len), "    => state CLOSED\n",
           "    NO  there is a connection, or a listener (RFC 9293",
           "    => dropped: no such connection (TCP_NO_CONNECTION",
           "192.0.2.2:81 > 192.0.2.1:4000: R. 0:0(0) ack");
    close_teller(&t);
}
END_TEST

START_TEST(a_datagram_is_told_up_to_its_socket)
{
    struct teller t;
    uint8_t frame[128];
    socket_id id;

    open_teller(&t, "1-9");
    id = test_socket(t.station.stack, SOCK_DGRAM, 0);
    test_bind(t.station.stack, id, "192.0.2.2", 7);
    EXPECT(input(&t, frame, peer_udp(frame, 4000, 7, "hello")), "  udp\n",
           "      38  00 0d                       length 13\n",
           "    ok  the checksum is right, or there is none (RFC 1122 "
           "4.1.3.4)\n",
           "    ok  there is room in the socket's queue (RFC 768)\n",
           "    => 5 bytes delivered\n", "    => socket ");
    EXPECT(input(&t, frame, peer_udp(frame, 4000, 8, "hello")),
           "    NO  a socket has the port (RFC 1122 4.1.3.1)\n",
           "    => dropped: nobody listens on this port");
    close_teller(&t);
}
END_TEST

static size_t peer_icmp(uint8_t *frame, uint8_t type)
{
    uint8_t icmp[ICMP_HEADER_LEN + 8] = {type};

    put_be16(icmp + ICMP_CHECKSUM, checksum_of(bytes_of(icmp, sizeof(icmp))));
    return peer_ip(frame, IP_PROTO_ICMP, icmp, sizeof(icmp));
}

/* Of a reply it is not asked whether it quotes something, nor of an error
 * whether somebody waits for it. */
START_TEST(an_icmp_message_is_asked_what_concerns_its_type)
{
    struct teller t;
    uint8_t frame[128];

    open_teller(&t, "1-9");
    EXPECT(input(&t, frame, peer_icmp(frame, ICMP_ECHO_REPLY)),
           "    ok  the type is one that we know (RFC 1122 3.2.2)\n"
           "    NO  a reply has a socket that waits for it");
    EXPECT(input(&t, frame, peer_icmp(frame, ICMP_UNREACHABLE)),
           "    ok  the type is one that we know (RFC 1122 3.2.2)\n"
           "    ok  it tells of more than a lost fragment",
           "    NO  an error quotes a packet of ours");
    EXPECT(input(&t, frame, peer_icmp(frame, ICMP_ECHO_REQUEST)),
           "    ok  the type is one that we know (RFC 1122 3.2.2)\n"
           "    ok  no echo request to a broadcast",
           "    => 192.0.2.2 > 192.0.2.1: echo reply");
    ck_assert_ptr_null(strstr(story, "an error quotes"));
    EXPECT(input(&t, frame, peer_icmp(frame, 99)),
           "    NO  the type is one that we know");
    close_teller(&t);
}
END_TEST

START_TEST(a_frame_that_leaves_is_told_with_what_led_to_it)
{
    struct teller t;
    uint8_t frame[128];
    const char *told;

    open_teller(&t, "out2-9");
    listen_at(&t, 80);
    input(&t, frame, peer_arp_request(frame, 2));
    input(&t, frame, peer_arp_request(frame, 2));
    told = input(&t, frame, peer_segment(frame, 80, SEG_SYN, 500, 0));
    EXPECT(told, "frame out ", " to test, ", "  in answer to frame in 3\n",
           "tcp  [2] 192.0.2.2:80 > 192.0.2.1:4000: S. 0:0(0) ack 1", "  eth\n",
           "  ip\n", "  tcp\n", "acknowledgment 501, relative 1\n",
           "flags SYN ACK\n", "option MSS 1460\n");
    close_teller(&t);
}
END_TEST

START_TEST(numbers_of_frames_are_a_list_of_ranges)
{
    struct explain_list list;

    ck_assert_int_eq(explain_parse("7,9-12,out3", &list), 0);
    ck_assert_uint_eq(list.count, 3);
    ck_assert_uint_eq(list.ranges[1].first, 9);
    ck_assert_uint_eq(list.ranges[1].last, 12);
    ck_assert(list.ranges[2].is_out && !list.ranges[1].is_out);
    ck_assert_int_eq(explain_parse("0", &list), -EINVAL);
    ck_assert_int_eq(explain_parse("", &list), -EINVAL);
    ck_assert_int_eq(explain_parse("7,", &list), -EINVAL);
    ck_assert_int_eq(explain_parse("12-9", &list), -EINVAL);
    ck_assert_int_eq(explain_parse("in7", &list), -EINVAL);
    ck_assert_int_eq(explain_parse("1,2,3,4,5,6,7,8,9", &list), -EINVAL);
}
END_TEST

/* ---- The tables -------------------------------------------------------- */

/* Offsets in the frame. */
enum { ETH = 0, IP = 14, TRANSPORT = 34 };

/* A change to a good frame for which it is dropped. */
struct mistake {
    enum drop_reason reason;
    size_t at;
    uint8_t value;
};

static void fill_ip_checksum(uint8_t *frame)
{
    put_be16(frame + IP + 10, 0);
    put_be16(frame + IP + 10, checksum_of(bytes_of(frame + IP, IP_HEADER_LEN)));
}

static enum drop_reason reason_of(struct teller *t, const uint8_t *frame,
                                  size_t len)
{
    uint64_t before[DROP_REASON_COUNT];

    memcpy(before, t->station.stack->env.drops, sizeof(before));
    input(t, frame, len);
    for (unsigned i = 1; i < DROP_REASON_COUNT; i++) {
        if (t->station.stack->env.drops[i] > before[i])
            return (enum drop_reason)i;
    }
    return DROP_NONE;
}

/* Each alone, and each with each that comes later. */
static void expect_order(const struct mistake *mistakes, size_t count,
                         size_t len, const uint8_t *good, bool fills_ip)
{
    struct teller t;
    uint8_t frame[128];

    open_teller(&t, "1-999");
    listen_at(&t, 80);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i; j < count; j++) {
            memcpy(frame, good, len);
            frame[mistakes[j].at] = mistakes[j].value;
            frame[mistakes[i].at] = mistakes[i].value;
            if (fills_ip)
                fill_ip_checksum(frame);
            ck_assert_str_eq(drop_name(reason_of(&t, frame, len)),
                             drop_name(mistakes[i].reason));
            EXPECT(story, "    NO  ",
                   "    => dropped: ", drop_name(mistakes[i].reason));
            ck_assert_ptr_null(strstr(strstr(story, "    NO  "), "    ok  "));
        }
    }
    close_teller(&t);
}

START_TEST(the_checks_of_ethernet_are_in_their_order)
{
    static const struct mistake mistakes[] = {
        {DROP_ETH_SOURCE_MULTICAST, ETH + 6, 3},
        {DROP_ETH_NOT_FOR_US, ETH + 5, 9},
        {DROP_ETH_UNKNOWN_TYPE, ETH + 12, 9},
    };
    uint8_t frame[128];
    size_t len = peer_segment(frame, 80, SEG_SYN, 500, 0);

    expect_order(mistakes, ARRAY_LENGTH(mistakes), len, frame, false);
}
END_TEST

START_TEST(the_checks_of_ip_are_in_their_order)
{
    static const struct mistake mistakes[] = {
        {DROP_IP_BAD_VERSION, IP, 0x55},
        {DROP_IP_BAD_HEADER_LENGTH, IP, 0x44},
        {DROP_IP_BAD_TOTAL_LENGTH, IP + 3, 8},
        {DROP_IP_BAD_CHECKSUM, IP + 10, 0x99},
        {DROP_IP_RESERVED_FLAG, IP + 6, 0x80},
        {DROP_IP_BAD_TOTAL_LENGTH, IP + 2, 0x7f},
        {DROP_IP_MARTIAN, IP + 12, 127},
        {DROP_IP_BAD_SOURCE, IP + 12, 224},
        {DROP_IP_NOT_FOR_US, IP + 19, 77},
    };
    uint8_t frame[128];
    size_t len = peer_segment(frame, 80, SEG_SYN, 500, 0);

    /* one with a wrong checksum first, those behind it with a right one */
    expect_order(mistakes, 4, len, frame, false);
    expect_order(mistakes + 4, ARRAY_LENGTH(mistakes) - 4, len, frame, true);
}
END_TEST

START_TEST(the_checks_of_tcps_header_are_in_their_order)
{
    static const struct mistake mistakes[] = {
        {DROP_TCP_BAD_OFFSET, TRANSPORT + TCP_DATA_OFFSET, 0x10},
        {DROP_TCP_BAD_CHECKSUM, TRANSPORT + TCP_CHECKSUM, 0x99},
    };
    uint8_t frame[128];
    size_t len = peer_segment(frame, 80, SEG_SYN, 500, 0);

    expect_order(mistakes, ARRAY_LENGTH(mistakes), len, frame, false);
}
END_TEST

/* No reason is forgotten, but for those that end no frame that came in. */
START_TEST(each_reason_has_its_check)
{
    static const enum drop_reason others[] = {
        DROP_ARP_QUEUE_FULL, DROP_ARP_NO_ANSWER,   DROP_IP_NO_ROUTE,
        DROP_IP_TOO_BIG,     DROP_IP_NO_BUFFER,    DROP_RAW_BUFFER_FULL,
        DROP_FRAG_TIMEOUT,   DROP_ICMP_RATE_LIMIT, DROP_TCP_RATE_LIMIT,
    };
    bool has_check[DROP_REASON_COUNT] = {false};

    for (unsigned door = 0; door < EXPLAIN_DOORS; door++) {
        const struct explain_check *check =
            explain_checks((enum explain_door)door);

        for (; check->reason != DROP_NONE; check++)
            has_check[check->reason] = true;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        ck_assert(!has_check[others[i]]);
        has_check[others[i]] = true;
    }
    for (unsigned i = 1; i < DROP_REASON_COUNT; i++)
        ck_assert_msg(has_check[i], "%s", drop_name((enum drop_reason)i));
}
END_TEST

UNIT_MAIN("explain", an_icmp_message_is_asked_what_concerns_its_type,
          a_request_for_our_address_is_told_from_bytes_to_answer,
          only_the_frames_that_were_named_are_told,
          a_handshake_is_told_step_by_step,
          a_drop_names_the_check_that_failed_and_what_was_not_made,
          a_datagram_is_told_up_to_its_socket,
          a_frame_that_leaves_is_told_with_what_led_to_it,
          numbers_of_frames_are_a_list_of_ranges,
          the_checks_of_ethernet_are_in_their_order,
          the_checks_of_ip_are_in_their_order,
          the_checks_of_tcps_header_are_in_their_order,
          each_reason_has_its_check)
