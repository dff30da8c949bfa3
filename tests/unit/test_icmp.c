#include "unit.h"

#include "base/checksum.h"
#include "net.h"

#include <errno.h>
#include <limits.h>

/* An ICMP message from the peer, through ip_input. */
static enum icmp_result receive(struct net *net, struct bytes message,
                                struct net_packet how, struct icmp_message *out)
{
    struct ip_packet packet;

    how.protocol = IP_PROTO_ICMP;
    how.payload = message;
    ck_assert_int_eq(net_receive(net, &how, &packet), 0);
    return icmp_input(&net->icmp, &packet, out);
}

static void assert_silence(struct net *net)
{
    ck_assert_uint_eq(net->eth_dev.count, 0);
}

/* The ICMP message in frame `i` that was sent; its checksum is right. */
static struct bytes sent_message(const struct net *net, unsigned i)
{
    struct bytes message = bytes_from(net_sent_packet(net, i), IP_HEADER_LEN);

    ck_assert_uint_eq(net_sent_header(net, i).protocol, IP_PROTO_ICMP);
    ck_assert_uint_eq(checksum_of_plain(message), 0);
    return message;
}

/* ---- Echo -------------------------------------------------------------- */

static void expect_echo_of(size_t len)
{
    struct icmp_message ignored;
    struct net net;

    net_open(&net);
    net_know_peer(&net);

    struct bytes payload = net_payload(&net, len);
    struct bytes ping =
        net_make_icmp(&net, ICMP_ECHO_REQUEST, 0, 0x12345678, payload);

    ck_assert_int_eq(
        receive(&net, ping, (struct net_packet){.tos = 0x10}, &ignored),
        ICMP_DONE);

    struct bytes reply = sent_message(&net, 0);
    struct ip_header header = net_sent_header(&net, 0);

    ck_assert_uint_eq(ip_addr_to_v4(&header.src), NET_OURS);
    ck_assert_uint_eq(ip_addr_to_v4(&header.dst), NET_PEER);
    ck_assert_uint_eq(header.tos, 0x10);
    ck_assert_uint_eq(reply.len, 8 + len);
    ck_assert_uint_eq(reply.data[ICMP_TYPE], ICMP_ECHO_REPLY);
    ck_assert_uint_eq(get_be32(reply.data + ICMP_REST), 0x12345678);
    if (len > 0)
        ck_assert_mem_eq(reply.data + 8, payload.data, len);
    ck_assert_uint_eq(net.icmp.stats.in_echos, 1);
    ck_assert_uint_eq(net.icmp.stats.out_echo_reps, 1);
    net_close(&net);
}

START_TEST(an_echo_request_is_answered_with_the_same_data)
{
    expect_echo_of(56);
    expect_echo_of(0);
    expect_echo_of(1);
    expect_echo_of(1472);
}
END_TEST

/* The data may lie apart from the headers. */
START_TEST(a_request_in_slices_is_answered)
{
    struct net_packet how = {.protocol = IP_PROTO_ICMP};
    struct icmp_message ignored;
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    how.payload =
        net_make_icmp(&net, ICMP_ECHO_REQUEST, 0, 7, net_payload(&net, 100));

    struct bytes bytes = net_make_packet(&net, &how);

    frame_init_input(&net.frame, &net.eth, (uint8_t *)bytes.data, 40);
    frame_add_slice(&net.frame, bytes_slice(bytes, 40, 33));
    frame_add_slice(&net.frame, bytes_from(bytes, 73));
    ck_assert_int_eq(ip_input(&net.ip, &net.frame, false, &packet), 0);
    ck_assert_int_eq(icmp_input(&net.icmp, &packet, &ignored), ICMP_DONE);
    ck_assert_mem_eq(sent_message(&net, 0).data + 8,
                     net_payload(&net, 100).data, 100);
    net_close(&net);
}
END_TEST

START_TEST(the_largest_ping_is_answered_in_fragments)
{
    struct icmp_message ignored;
    struct ip_packet packet;
    static uint8_t got[65535];
    size_t total = 0;
    struct net net;

    net_open(&net);
    net_know_peer(&net);

    struct bytes payload = net_payload(&net, 65507);
    struct bytes ping = net_make_icmp(&net, ICMP_ECHO_REQUEST, 0, 1, payload);
    int result = -EINPROGRESS;

    for (size_t from = 0; from < ping.len; from += 1480) {
        size_t len = min_size(1480, ping.len - from);

        result =
            NET_RECEIVE(&net, &packet, .protocol = IP_PROTO_ICMP,
                        .offset = (unsigned)from, .mf = from + len < ping.len,
                        .payload = bytes_slice(ping, from, len));
    }
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(icmp_input(&net.icmp, &packet, &ignored), ICMP_DONE);
    ck_assert_uint_eq(net.eth_dev.count, 45);
    for (unsigned i = 0; i < 45; i++) {
        struct bytes part = bytes_from(net_sent_packet(&net, i), IP_HEADER_LEN);

        memcpy(got + total, part.data, part.len);
        total += part.len;
    }
    ck_assert_uint_eq(total, 65515);
    ck_assert_uint_eq(checksum_of_plain(bytes_of(got, total)), 0);
    ck_assert_mem_eq(got + 8, payload.data, 65507);
    net_close(&net);
}
END_TEST

/* RFC 1122 3.2.2.6: from the address that was asked, also by another way */
START_TEST(the_reply_comes_from_the_address_that_was_asked)
{
    struct icmp_message ignored;
    struct ip_header header;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    receive(&net,
            net_make_icmp(&net, ICMP_ECHO_REQUEST, 0, 1, (struct bytes){0}),
            (struct net_packet){.dst = NET_FAR_OURS}, &ignored);
    header = net_sent_header(&net, 0);
    ck_assert_uint_eq(ip_addr_to_v4(&header.src), NET_FAR_OURS);
    net_close(&net);
}
END_TEST

START_TEST(an_echo_request_to_all_is_not_answered)
{
    struct icmp_message ignored;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    receive(&net,
            net_make_icmp(&net, ICMP_ECHO_REQUEST, 0, 1, (struct bytes){0}),
            (struct net_packet){.dst = NET_BROADCAST}, &ignored);
    ck_assert_uint_eq(net.env.drops[DROP_ICMP_BROADCAST], 1);
    assert_silence(&net);
    net_close(&net);
}
END_TEST

START_TEST(an_echo_reply_is_handed_up)
{
    struct icmp_message message;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(receive(&net,
                             net_make_icmp(&net, ICMP_ECHO_REPLY, 0, 0x00070009,
                                           net_payload(&net, 3)),
                             (struct net_packet){0}, &message),
                     ICMP_REPLY);
    ck_assert_uint_eq(message.echo.id, 7);
    ck_assert_uint_eq(message.echo.sequence, 9);
    ck_assert_uint_eq(frame_len(&net.frame), 11);
    ck_assert_uint_eq(net.frame.head[ICMP_TYPE], ICMP_ECHO_REPLY);
    net_close(&net);
}
END_TEST

START_TEST(an_echo_request_of_ours_is_right)
{
    struct ip_send send = {.dst = ip_addr_v4(NET_PEER), .ttl = 9};
    struct icmp_echo echo = {.id = 3, .sequence = 4};
    struct net net;

    net_open(&net);
    net_know_peer(&net);

    struct bytes payload = net_payload(&net, 57);
    struct bytes pieces[2] = {bytes_slice(payload, 0, 5),
                              bytes_from(payload, 5)};

    ck_assert_int_eq(icmp_send_echo(&net.icmp, &send, &echo, pieces, 2), 0);
    ck_assert_uint_eq(net_sent_header(&net, 0).ttl, 9);
    ck_assert_uint_eq(sent_message(&net, 0).data[ICMP_TYPE], ICMP_ECHO_REQUEST);
    ck_assert_uint_eq(get_be32(sent_message(&net, 0).data + 4), 0x00030004);
    ck_assert_mem_eq(sent_message(&net, 0).data + 8, payload.data, 57);
    net_close(&net);
}
END_TEST

/* ---- Bad messages ------------------------------------------------------ */

START_TEST(a_short_message_is_dropped)
{
    struct icmp_message ignored;
    struct net net;

    net_open(&net);

    struct bytes ping =
        net_make_icmp(&net, ICMP_ECHO_REQUEST, 0, 1, (struct bytes){0});

    for (size_t len = 0; len < ICMP_HEADER_LEN; len++)
        ck_assert_int_eq(receive(&net, bytes_slice(ping, 0, len),
                                 (struct net_packet){0}, &ignored),
                         ICMP_DONE);
    ck_assert_uint_eq(net.env.drops[DROP_ICMP_SHORT], ICMP_HEADER_LEN);
    ck_assert_uint_eq(net.icmp.stats.in_errors, ICMP_HEADER_LEN);
    assert_silence(&net);
    net_close(&net);
}
END_TEST

START_TEST(a_wrong_checksum_is_dropped)
{
    struct icmp_message ignored;
    struct net net;

    net_open(&net);

    struct bytes ping =
        net_make_icmp(&net, ICMP_ECHO_REQUEST, 0, 1, net_payload(&net, 57));

    ((uint8_t *)ping.data)[64] ^= 1;
    receive(&net, ping, (struct net_packet){0}, &ignored);
    ck_assert_uint_eq(net.env.drops[DROP_ICMP_BAD_CHECKSUM], 1);
    assert_silence(&net);
    net_close(&net);
}
END_TEST

/* RFC 1122 3.2.2, RFC 6633, RFC 6918; redirects: see icmp.c */
START_TEST(what_we_do_not_speak_is_discarded_silently)
{
    static const uint8_t types[] = {
        ICMP_SOURCE_QUENCH, ICMP_REDIRECT, 9, 10, 13, 15, 17, 255};
    struct icmp_message ignored;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
        ck_assert_int_eq(
            receive(&net,
                    net_make_icmp(&net, types[i], 0, 1, net_payload(&net, 40)),
                    (struct net_packet){0}, &ignored),
            ICMP_DONE);
    ck_assert_uint_eq(net.env.drops[DROP_ICMP_UNKNOWN_TYPE],
                      ARRAY_LENGTH(types));
    assert_silence(&net);
    net_close(&net);
}
END_TEST

/* ---- Errors that arrive ------------------------------------------------ */

/* A UDP datagram as we would have sent it, with `len` bytes behind IP. */
static struct bytes make_quote(struct net *net, struct net_packet quoted,
                               size_t len)
{
    if (quoted.src == 0)
        quoted.src = NET_OURS;
    if (quoted.dst == 0)
        quoted.dst = NET_OUTSIDE;
    quoted.protocol = IP_PROTO_UDP;
    quoted.payload = net_payload(net, len);
    return net_make_packet(net, &quoted);
}

static enum icmp_result receive_error(struct net *net, uint8_t type,
                                      uint8_t code, uint32_t rest,
                                      struct bytes quote,
                                      struct icmp_message *out)
{
    return receive(net, net_make_icmp(net, type, code, rest, quote),
                   (struct net_packet){0}, out);
}

START_TEST(an_error_about_a_packet_of_ours_is_handed_up)
{
    struct icmp_message message;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(
        receive_error(&net, ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, 0,
                      make_quote(&net, (struct net_packet){0}, 8), &message),
        ICMP_ERROR);
    ck_assert_int_eq(message.error.error, ECONNREFUSED);
    ck_assert(message.error.hard);
    ck_assert_uint_eq(ip_addr_to_v4(&message.error.reporter), NET_PEER);
    ck_assert_uint_eq(ip_addr_to_v4(&message.error.quoted.dst), NET_OUTSIDE);
    ck_assert_uint_eq(message.error.quoted.protocol, IP_PROTO_UDP);
    ck_assert_uint_eq(message.error.payload.len, 8);
    ck_assert_uint_eq(message.error.payload.data[1], net_pattern(1));
    ck_assert_uint_eq(message.error.mtu, 0);
    ck_assert_uint_eq(net.icmp.stats.in_dest_unreachs, 1);
    net_close(&net);
}
END_TEST

/* RFC 1191 4 */
START_TEST(fragmentation_needed_tells_the_mtu)
{
    struct icmp_message message;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(
        receive_error(&net, ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, 1280,
                      make_quote(&net, (struct net_packet){0}, 8), &message),
        ICMP_ERROR);
    ck_assert_uint_eq(message.error.mtu, 1280);
    ck_assert_int_eq(message.error.error, EMSGSIZE);
    ck_assert(!message.error.hard);
    net_close(&net);
}
END_TEST

START_TEST(each_error_has_its_errno)
{
    static const struct {
        uint8_t type;
        uint8_t code;
        int error;
        bool hard;
    } expected[] = {
        {ICMP_UNREACHABLE, 0, ENETUNREACH, false},
        {ICMP_UNREACHABLE, 1, EHOSTUNREACH, false},
        {ICMP_UNREACHABLE, 2, ENOPROTOOPT, true},
        {ICMP_UNREACHABLE, 3, ECONNREFUSED, true},
        {ICMP_UNREACHABLE, 4, EMSGSIZE, false},
        {ICMP_UNREACHABLE, 5, EOPNOTSUPP, false},
        {ICMP_UNREACHABLE, 10, EHOSTUNREACH, true},
        {ICMP_UNREACHABLE, 13, EHOSTUNREACH, true},
        {ICMP_TIME_EXCEEDED, 0, EHOSTUNREACH, false},
        {ICMP_PARAMETER_PROBLEM, 0, EPROTO, true},
    };
    struct net net;

    net_open(&net);
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        struct icmp_error error;

        ck_assert_int_eq(
            icmp_error_from_quote(make_quote(&net, (struct net_packet){0}, 8),
                                  expected[i].type, expected[i].code, &error),
            0);
        ck_assert_int_eq(error.error, expected[i].error);
        ck_assert(error.hard == expected[i].hard);
    }
    net_close(&net);
}
END_TEST

/* As measured on Linux: no socket hears of it. */
START_TEST(a_fragment_that_was_lost_is_no_error)
{
    struct icmp_message message;
    struct net net;

    net_open(&net);
    for (uint8_t code = 0; code < 2; code++)
        ck_assert_int_eq(
            receive_error(&net, ICMP_TIME_EXCEEDED, code, 0,
                          make_quote(&net, (struct net_packet){0}, 8),
                          &message),
            code == 0 ? ICMP_ERROR : ICMP_DONE);
    ck_assert_uint_eq(net.env.drops[DROP_ICMP_LOST_FRAGMENT], 1);
    ck_assert_uint_eq(net.icmp.stats.in_errors, 0);
    net_close(&net);
}
END_TEST

/* RFC 5927 4 */
START_TEST(an_error_about_a_packet_that_we_cannot_have_sent_is_dropped)
{
    struct net_packet foreign = {.src = NET_THIRD};
    struct net_packet inside = {.src = 0x7f000001, .dst = 0x7f000001};
    struct net_packet later_part = {.offset = 8};
    struct icmp_message message;
    struct net net;

    net_open(&net);
    receive_error(&net, ICMP_UNREACHABLE, 1, 0, make_quote(&net, foreign, 8),
                  &message);
    receive_error(&net, ICMP_UNREACHABLE, 1, 0, make_quote(&net, inside, 8),
                  &message);
    receive_error(&net, ICMP_UNREACHABLE, 1, 0, make_quote(&net, later_part, 8),
                  &message);
    receive_error(&net, ICMP_UNREACHABLE, 1, 0,
                  make_quote(&net, (struct net_packet){0}, 7), &message);
    receive_error(&net, ICMP_UNREACHABLE, 16, 0,
                  make_quote(&net, (struct net_packet){0}, 8), &message);
    ck_assert_uint_eq(net.env.drops[DROP_ICMP_BAD_QUOTE], 5);
    net_close(&net);
}
END_TEST

START_TEST(every_cut_of_a_quote_is_dropped)
{
    struct icmp_message message;
    struct net net;

    net_open(&net);

    struct bytes quote = make_quote(&net, (struct net_packet){0}, 8);

    for (size_t len = 0; len < quote.len; len++)
        ck_assert_int_eq(receive_error(&net, ICMP_UNREACHABLE, 3, 0,
                                       bytes_slice(quote, 0, len), &message),
                         ICMP_DONE);
    ck_assert_uint_eq(net.env.drops[DROP_ICMP_BAD_QUOTE], quote.len);
    net_close(&net);
}
END_TEST

/* ---- Errors that we send ----------------------------------------------- */

/* A packet arrives, and an error about it would be sent. */
static void refuse(struct net *net, struct net_packet how)
{
    struct ip_packet packet;

    if (how.protocol == 0)
        how.protocol = IP_PROTO_UDP;
    if (how.payload.len == 0)
        how.payload = net_payload(net, 20);
    ck_assert_int_eq(net_receive(net, &how, &packet), 0);
    icmp_send_error(&net->icmp, &packet, ICMP_UNREACHABLE,
                    ICMP_PORT_UNREACHABLE);
}

START_TEST(an_error_quotes_the_packet_it_is_about)
{
    struct bytes message;
    struct ip_header header;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    refuse(&net, (struct net_packet){.id = 77});
    message = sent_message(&net, 0);
    header = net_sent_header(&net, 0);
    ck_assert_uint_eq(ip_addr_to_v4(&header.src), NET_OURS);
    ck_assert_uint_eq(ip_addr_to_v4(&header.dst), NET_PEER);
    ck_assert_uint_eq(message.data[ICMP_TYPE], ICMP_UNREACHABLE);
    ck_assert_uint_eq(message.data[ICMP_CODE], ICMP_PORT_UNREACHABLE);
    ck_assert_uint_eq(get_be32(message.data + ICMP_REST), 0);
    ck_assert_uint_eq(message.len, 8 + 40);
    ck_assert_uint_eq(get_be16(message.data + 8 + IPH_ID), 77);
    ck_assert_uint_eq(message.data[8 + 21], net_pattern(1));
    ck_assert_uint_eq(net.icmp.stats.out_dest_unreachs, 1);
    net_close(&net);
}
END_TEST

/* RFC 1812 4.3.2.3 */
START_TEST(an_error_is_576_bytes_at_most)
{
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    refuse(&net, (struct net_packet){.payload = net_payload(&net, 1400)});
    ck_assert_uint_eq(net_sent_packet(&net, 0).len, 576);
    net_close(&net);
}
END_TEST

/* RFC 1122 3.2.2 */
START_TEST(no_error_about_what_went_to_all)
{
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    refuse(&net, (struct net_packet){.dst = NET_BROADCAST});
    refuse(&net, (struct net_packet){.dst = 0xffffffff});
    refuse(&net, (struct net_packet){.dst = 0xe0000001});
    refuse(&net,
           (struct net_packet){.dst = 0xffffffff, .link_broadcast = true});
    assert_silence(&net);
    net_close(&net);
}
END_TEST

START_TEST(no_error_about_an_error)
{
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    refuse(&net, (struct net_packet){
                     .protocol = IP_PROTO_ICMP,
                     .payload = net_make_icmp(&net, ICMP_UNREACHABLE, 3, 0,
                                              net_payload(&net, 28))});
    assert_silence(&net);
    refuse(&net, (struct net_packet){
                     .protocol = IP_PROTO_ICMP,
                     .payload = net_make_icmp(&net, ICMP_ECHO_REQUEST, 0, 0,
                                              net_payload(&net, 28))});
    ck_assert_uint_eq(net.eth_dev.count, 1);
    net_close(&net);
}
END_TEST

START_TEST(no_error_to_a_source_that_is_no_single_host)
{
    static const uint32_t sources[] = {0, 0x7f000001, 0xe0000001, 0xf0000001,
                                       NET_BROADCAST};
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .protocol = IP_PROTO_UDP,
                                 .payload = net_payload(&net, 20)),
                     0);
    for (size_t i = 0; i < ARRAY_LENGTH(sources); i++) {
        packet.header.src = ip_addr_v4(sources[i]);
        icmp_send_error(&net.icmp, &packet, ICMP_UNREACHABLE, 3);
    }
    assert_silence(&net);
    net_close(&net);
}
END_TEST

START_TEST(no_error_about_a_later_fragment)
{
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    ck_assert_int_eq(NET_RECEIVE(&net, &packet, .protocol = IP_PROTO_UDP,
                                 .payload = net_payload(&net, 20)),
                     0);
    packet.header.fragment_offset = 8;
    icmp_send_error(&net.icmp, &packet, ICMP_TIME_EXCEEDED, 1);
    assert_silence(&net);
    net_close(&net);
}
END_TEST

/* RFC 1812 4.3.2.8 */
START_TEST(errors_are_limited_in_rate)
{
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    net.icmp.config.errors_per_second = 10;
    for (int i = 0; i < 60; i++)
        refuse(&net, (struct net_packet){0});
    ck_assert_uint_eq(net.eth_dev.count, 50); /* the burst */
    ck_assert_uint_eq(net.icmp.stats.out_rate_limited, 10);
    ck_assert_uint_eq(net.env.drops[DROP_ICMP_RATE_LIMIT], 10);
    net_wait(&net, 250 * USEC_PER_MSEC);
    for (int i = 0; i < 10; i++)
        refuse(&net, (struct net_packet){0});
    ck_assert_uint_eq(net.eth_dev.count, 52);
    net_wait(&net, 50 * USEC_PER_MSEC); /* with the half that was left */
    refuse(&net, (struct net_packet){0});
    ck_assert_uint_eq(net.eth_dev.count, 53);
    net_wait(&net, 3600 * USEC_PER_SEC);
    for (int i = 0; i < 60; i++)
        refuse(&net, (struct net_packet){0});
    ck_assert_uint_eq(net.eth_dev.count, 103);
    net_close(&net);
}
END_TEST

/* What a replay may set: nothing is earned, or more than time has parts. */
START_TEST(any_rate_of_errors_can_be_set)
{
    struct net net;

    net_open(&net);
    net_know_peer(&net);
    net.icmp.config.errors_per_second = 0;
    for (int i = 0; i < 60; i++)
        refuse(&net, (struct net_packet){0});
    net_wait(&net, 3600 * USEC_PER_SEC);
    refuse(&net, (struct net_packet){0});
    ck_assert_uint_eq(net.eth_dev.count, 50); /* the burst */
    net.icmp.config.errors_per_second = UINT_MAX;
    net_wait(&net, 1);
    refuse(&net, (struct net_packet){0});
    ck_assert_uint_eq(net.eth_dev.count, 51);
    net_close(&net);
}
END_TEST

START_TEST(messages_are_traced)
{
    struct icmp_message ignored;
    struct net net;

    net_open(&net);
    net.eth_dev.answer = 0;
    net_know_peer(&net);
    receive(&net,
            net_make_icmp(&net, ICMP_ECHO_REQUEST, 0, 7u << 16 | 3,
                          (struct bytes){0}),
            (struct net_packet){0}, &ignored);
    ck_assert_uint_eq(net.last_echo.id, 7);
    ck_assert_uint_eq(net.last_echo.sequence, 3);
    ck_assert_uint_eq(net.events[TRACE_PACKET_IN], 2);  /* IP, ICMP */
    ck_assert_uint_eq(net.events[TRACE_PACKET_OUT], 2); /* ICMP, IP */
    ck_assert_uint_eq(net.events[TRACE_FRAME_OUT], 1);
    ck_assert_str_eq(net.last.text, "icmp");
    net_close(&net);
}
END_TEST

UNIT_MAIN("icmp", an_echo_request_is_answered_with_the_same_data,
          a_request_in_slices_is_answered,
          the_largest_ping_is_answered_in_fragments,
          the_reply_comes_from_the_address_that_was_asked,
          an_echo_request_to_all_is_not_answered, an_echo_reply_is_handed_up,
          an_echo_request_of_ours_is_right, a_short_message_is_dropped,
          a_wrong_checksum_is_dropped,
          what_we_do_not_speak_is_discarded_silently,
          an_error_about_a_packet_of_ours_is_handed_up,
          fragmentation_needed_tells_the_mtu, each_error_has_its_errno,
          a_fragment_that_was_lost_is_no_error,
          an_error_about_a_packet_that_we_cannot_have_sent_is_dropped,
          every_cut_of_a_quote_is_dropped,
          an_error_quotes_the_packet_it_is_about, an_error_is_576_bytes_at_most,
          no_error_about_what_went_to_all, no_error_about_an_error,
          no_error_to_a_source_that_is_no_single_host,
          no_error_about_a_later_fragment, errors_are_limited_in_rate,
          any_rate_of_errors_can_be_set, messages_are_traced)
