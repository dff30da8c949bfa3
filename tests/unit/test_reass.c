#include "unit.h"

#include "base/checksum.h"
#include "net.h"

#include <errno.h>

/* A part [from, from + len) of one datagram of `total` bytes. */
struct part {
    size_t from;
    size_t len;
    bool last;
    uint16_t id;
    uint8_t tos;
    uint8_t twist; /* added to each byte: other data in the same place */
    struct bytes options;
    uint32_t src;
};

static int receive_part(struct net *net, struct part part,
                        struct ip_packet *out)
{
    uint8_t *data = net_buffer(net, part.len);

    for (size_t i = 0; i < part.len; i++)
        data[i] = (uint8_t)(net_pattern(part.from + i) + part.twist);
    return NET_RECEIVE(net, out, .protocol = 17, .id = part.id, .tos = part.tos,
                       .options = part.options, .src = part.src,
                       .offset = (unsigned)part.from, .mf = !part.last,
                       .payload = bytes_of(data, part.len));
}

#define RECEIVE_PART(net, out, ...)                                            \
    receive_part(net, (struct part){__VA_ARGS__}, out)

static void expect_kept(struct net *net, struct part part)
{
    struct ip_packet packet;

    ck_assert_int_eq(receive_part(net, part, &packet), -EINPROGRESS);
}

#define EXPECT_KEPT(net, ...) expect_kept(net, (struct part){__VA_ARGS__})

/* The part makes the datagram whole, and all its bytes are right. */
static void expect_whole(struct net *net, struct part part, size_t total)
{
    struct ip_packet packet;

    ck_assert_int_eq(receive_part(net, part, &packet), 0);
    ck_assert_uint_eq(frame_len(packet.frame), total);
    for (size_t i = 0; i < total; i++)
        ck_assert_uint_eq(packet.frame->head[i], net_pattern(i));
}

#define EXPECT_WHOLE(net, total, ...)                                          \
    expect_whole(net, (struct part){__VA_ARGS__}, total)

START_TEST(parts_come_in_order)
{
    struct net net;

    net_open(&net);
    EXPECT_KEPT(&net, .from = 0, .len = 800);
    EXPECT_KEPT(&net, .from = 800, .len = 800);
    EXPECT_WHOLE(&net, 1700, .from = 1600, .len = 100, .last = true);
    ck_assert_uint_eq(net.ip.reass.count, 0);
    net_close(&net);
}
END_TEST

START_TEST(parts_come_in_every_order)
{
    static const unsigned char orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                               {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const struct part parts[3] = {
        {.from = 0, .len = 800},
        {.from = 800, .len = 800},
        {.from = 1600, .len = 77, .last = true}};

    for (size_t i = 0; i < ARRAY_LENGTH(orders); i++) {
        struct net net;

        net_open(&net);
        expect_kept(&net, parts[orders[i][0]]);
        expect_kept(&net, parts[orders[i][1]]);
        expect_whole(&net, parts[orders[i][2]], 1677);
        net_close(&net);
    }
}
END_TEST

START_TEST(the_largest_datagram_is_put_together)
{
    struct net net;

    net_open(&net);
    for (size_t from = 0; from + 1480 < 65515; from += 1480)
        EXPECT_KEPT(&net, .from = from, .len = 1480);
    EXPECT_WHOLE(&net, 65515, .from = 65120, .len = 395, .last = true);
    net_close(&net);
}
END_TEST

/* A hole of 8 bytes has no room for its descriptor: ours stand elsewhere. */
START_TEST(parts_of_eight_bytes_are_put_together)
{
    struct net net;

    net_open(&net);
    for (size_t from = 0; from < 480; from += 16)
        EXPECT_KEPT(&net, .from = from, .len = 8);
    for (size_t from = 472; from > 8; from -= 16)
        EXPECT_KEPT(&net, .from = from, .len = 8);
    EXPECT_KEPT(&net, .from = 480, .len = 1, .last = true);
    EXPECT_WHOLE(&net, 481, .from = 8, .len = 8);
    net_close(&net);
}
END_TEST

START_TEST(the_header_is_that_of_the_first_part)
{
    static const uint8_t record_route[] = {7, 7, 4, 0, 0, 0, 0, 0};
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    EXPECT_KEPT(&net, .from = 800, .len = 8, .last = true);
    ck_assert_int_eq(RECEIVE_PART(&net, &packet, .len = 800, .tos = 0x20,
                                  .options = bytes_of(record_route, 8)),
                     0);
    ck_assert_uint_eq(packet.header.header_len, 28);
    ck_assert_uint_eq(packet.header.total_len, 28 + 808);
    ck_assert_uint_eq(packet.header.tos, 0x20);
    ck_assert_uint_eq(checksum_of_plain(bytes_slice(packet.quote, 0, 28)), 0);
    ck_assert_mem_eq(packet.quote.data + 20, record_route, 8);
    net_close(&net);
}
END_TEST

START_TEST(datagrams_are_told_apart)
{
    struct net net;

    net_open(&net);
    EXPECT_KEPT(&net, .from = 0, .len = 800, .id = 1);
    EXPECT_KEPT(&net, .from = 0, .len = 800, .id = 2);
    EXPECT_KEPT(&net, .from = 0, .len = 800, .id = 1, .src = NET_THIRD);
    ck_assert_uint_eq(net.ip.reass.count, 3);
    EXPECT_WHOLE(&net, 801, .from = 800, .len = 1, .last = true, .id = 1);
    EXPECT_WHOLE(&net, 802, .from = 800, .len = 2, .last = true, .id = 2);
    EXPECT_WHOLE(&net, 803, .from = 800, .len = 3, .last = true, .id = 1,
                 .src = NET_THIRD);
    net_close(&net);
}
END_TEST

/* ---- Overlaps ---------------------------------------------------------- */

START_TEST(an_exact_duplicate_does_no_harm)
{
    struct net net;

    net_open(&net);
    EXPECT_KEPT(&net, .from = 0, .len = 800);
    EXPECT_KEPT(&net, .from = 0, .len = 800);
    EXPECT_KEPT(&net, .from = 1600, .len = 9, .last = true);
    EXPECT_KEPT(&net, .from = 1600, .len = 9, .last = true);
    EXPECT_WHOLE(&net, 1609, .from = 800, .len = 800);
    ck_assert_uint_eq(net.events[TRACE_DROP], 0);
    net_close(&net);
}
END_TEST

/* `second` after [800, 1600): it and all of the datagram is dropped. */
static void expect_poison(struct part second)
{
    struct ip_packet packet;
    struct net net;

    net_open(&net);
    EXPECT_KEPT(&net, .from = 800, .len = 800);
    expect_kept(&net, second);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_OVERLAP], 1);
    ck_assert_uint_eq(net.ip.reass.fails, 1);
    EXPECT_KEPT(&net, .from = 0, .len = 800);
    ck_assert_int_eq(
        RECEIVE_PART(&net, &packet, .from = 1600, .len = 8, .last = true),
        -EINPROGRESS);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_OVERLAP], 3);
    net_wait(&net, net.ip.reass.config.timeout);
    ck_assert_uint_eq(net.ip.reass.count, 0);
    ck_assert_uint_eq(net.timed_out, 0);
    ck_assert_uint_eq(net.ip.reass.fails, 1);
    net_close(&net);
}

/* RFC 5722 4 */
START_TEST(an_overlap_poisons_the_datagram)
{
    expect_poison((struct part){.from = 400, .len = 408});
    expect_poison((struct part){.from = 1592, .len = 800});
    expect_poison((struct part){.from = 0, .len = 2400});
    expect_poison((struct part){.from = 800, .len = 808});
    expect_poison((struct part){.from = 792, .len = 808});
}
END_TEST

START_TEST(other_bytes_in_the_same_place_poison_the_datagram)
{
    expect_poison((struct part){.from = 800, .len = 800, .twist = 1});
}
END_TEST

START_TEST(a_duplicate_that_says_it_is_the_last_poisons_the_datagram)
{
    expect_poison((struct part){.from = 800, .len = 800, .last = true});
}
END_TEST

/* ---- Lengths ----------------------------------------------------------- */

START_TEST(only_the_last_part_may_have_any_length)
{
    struct net net;

    net_open(&net);
    EXPECT_KEPT(&net, .from = 0, .len = 801);
    EXPECT_KEPT(&net, .from = 8, .len = 0);
    EXPECT_KEPT(&net, .from = 8, .len = 0, .last = true);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_BAD_LENGTH], 3);
    ck_assert_uint_eq(net.ip.reass.count, 0);
    net_close(&net);
}
END_TEST

START_TEST(the_end_must_lie_behind_all_that_has_come)
{
    struct net net;

    net_open(&net);
    EXPECT_KEPT(&net, .from = 1600, .len = 800);
    EXPECT_KEPT(&net, .from = 800, .len = 100, .last = true);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_BAD_LENGTH], 1);
    ck_assert_uint_eq(net.ip.reass.fails, 1);
    net_close(&net);
}
END_TEST

START_TEST(there_is_one_end)
{
    struct net net;

    net_open(&net);
    EXPECT_KEPT(&net, .from = 1600, .len = 100, .last = true);
    EXPECT_KEPT(&net, .from = 800, .len = 100, .last = true);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_BAD_LENGTH], 1);
    net_close(&net);
}
END_TEST

START_TEST(nothing_lies_behind_the_end)
{
    struct net net;

    net_open(&net);
    EXPECT_KEPT(&net, .from = 800, .len = 100, .last = true);
    EXPECT_KEPT(&net, .from = 1600, .len = 8);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_OVERLAP], 1);
    net_close(&net);
}
END_TEST

/* The "ping of death". */
START_TEST(no_datagram_is_larger_than_65535)
{
    struct net net;

    net_open(&net);
    EXPECT_KEPT(&net, .from = 65512, .len = 4, .last = true);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_TOO_LARGE], 1);
    EXPECT_KEPT(&net, .from = 65528, .len = 1480);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_TOO_LARGE], 2);
    ck_assert_uint_eq(net.ip.reass.bytes, 0);
    net_close(&net);
}
END_TEST

/* The first part's options are not in the others. */
START_TEST(options_of_the_first_part_count_too)
{
    static const uint8_t padding[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    struct net net;

    net_open(&net);
    net.ip.reass.config.max_fragments = 3;
    EXPECT_KEPT(&net, .from = 65504, .len = 11, .last = true);
    EXPECT_KEPT(&net, .from = 32000, .len = 33504);
    EXPECT_KEPT(&net, .from = 0, .len = 32000, .options = bytes_of(padding, 8));
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_TOO_LARGE], 1);
    net_close(&net);
}
END_TEST

/* ---- Time -------------------------------------------------------------- */

START_TEST(a_datagram_that_stays_incomplete_times_out)
{
    struct net net;

    net_open(&net);
    EXPECT_KEPT(&net, .from = 0, .len = 800);
    net_wait(&net, net.ip.reass.config.timeout - 1);
    EXPECT_KEPT(&net, .from = 800, .len = 800); /* wins no time */
    ck_assert_uint_eq(net.ip.reass.count, 1);
    net_wait(&net, 1);
    ck_assert_uint_eq(net.ip.reass.count, 0);
    ck_assert_uint_eq(net.ip.reass.bytes, 0);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_TIMEOUT], 1);
    ck_assert_uint_eq(net.timed_out, 1);
    ck_assert_uint_eq(net.timed_out_len, 820);
    ck_assert_uint_eq(net.timed_out_first[0], 0x45);
    ck_assert_uint_eq(net.timed_out_first[21], net_pattern(1));
    ck_assert_uint_eq(net.ip.stats.reasm_fails, 1);
    net_close(&net);
}
END_TEST

/* RFC 792: "If fragment zero is not available then no time exceeded". */
START_TEST(without_the_first_part_nobody_is_told)
{
    struct net net;

    net_open(&net);
    EXPECT_KEPT(&net, .from = 800, .len = 800);
    net_wait(&net, net.ip.reass.config.timeout);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_TIMEOUT], 1);
    ck_assert_uint_eq(net.timed_out, 0);
    net_close(&net);
}
END_TEST

/* ---- Limits ------------------------------------------------------------ */

START_TEST(of_too_many_datagrams_the_oldest_gives_way)
{
    struct net net;

    net_open(&net);
    net.ip.reass.config.max_datagrams = 2;
    EXPECT_KEPT(&net, .from = 0, .len = 800, .id = 1);
    EXPECT_KEPT(&net, .from = 0, .len = 800, .id = 2);
    EXPECT_KEPT(&net, .from = 0, .len = 800, .id = 3);
    ck_assert_uint_eq(net.ip.reass.count, 2);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_LIMIT], 1);
    EXPECT_WHOLE(&net, 801, .from = 800, .len = 1, .last = true, .id = 2);
    EXPECT_WHOLE(&net, 801, .from = 800, .len = 1, .last = true, .id = 3);
    net_close(&net);
}
END_TEST

START_TEST(memory_is_bounded_and_the_oldest_gives_way)
{
    struct net net;

    net_open(&net);
    net.ip.reass.config.max_bytes = 100000;
    for (uint16_t id = 0; id < 100; id++) {
        EXPECT_KEPT(&net, .from = 8000, .len = 800, .id = id);
        ck_assert_uint_le(net.ip.reass.bytes, 100000);
    }
    ck_assert_uint_ge(net.ip.reass.count, 2);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_LIMIT], 100 - net.ip.reass.count);
    EXPECT_KEPT(&net, .from = 0, .len = 8000, .id = 99);
    EXPECT_WHOLE(&net, 32801, .from = 8800, .len = 24001, .last = true,
                 .id = 99);
    ck_assert_uint_le(net.ip.reass.bytes, 100000);
    net_close(&net);
}
END_TEST

START_TEST(a_datagram_larger_than_the_memory_is_not_kept)
{
    struct net net;

    net_open(&net);
    net.ip.reass.config.max_bytes = 10000;
    EXPECT_KEPT(&net, .from = 16000, .len = 800);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_LIMIT], 1);
    ck_assert_uint_le(net.ip.reass.bytes, 10000);
    net_close(&net);
}
END_TEST

START_TEST(a_datagram_has_so_many_parts_at_most)
{
    struct net net;

    net_open(&net);
    net.ip.reass.config.max_fragments = 2;
    EXPECT_KEPT(&net, .from = 0, .len = 8);
    EXPECT_KEPT(&net, .from = 16, .len = 8);
    EXPECT_KEPT(&net, .from = 32, .len = 8);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_LIMIT], 1);
    net_close(&net);
}
END_TEST

START_TEST(without_memory_a_part_is_dropped)
{
    struct net net;

    net_open(&net);
    net.memory.limit = net.memory.used;
    EXPECT_KEPT(&net, .from = 0, .len = 800);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_LIMIT], 1);
    net.memory.limit = net.memory.used + 2000; /* the record, no buffer */
    EXPECT_KEPT(&net, .from = 0, .len = 800);
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_LIMIT], 2);
    net_close(&net);
}
END_TEST

/* An answer may borrow from several datagrams of one pass. */
START_TEST(what_is_handed_up_stays_until_the_flush)
{
    struct ip_packet packet;
    struct bytes first;
    struct net net;

    net_open(&net);
    EXPECT_KEPT(&net, .from = 0, .len = 800, .id = 1);
    ck_assert_int_eq(RECEIVE_PART(&net, &packet, .from = 800, .len = 8,
                                  .last = true, .id = 1),
                     0);
    first = frame_head(packet.frame);
    EXPECT_KEPT(&net, .from = 0, .len = 800, .id = 2, .twist = 9);
    ck_assert_int_eq(RECEIVE_PART(&net, &packet, .from = 800, .len = 8,
                                  .last = true, .id = 2, .twist = 9),
                     0);
    for (size_t i = 0; i < first.len; i++)
        ck_assert_uint_eq(first.data[i], net_pattern(i));
    ck_assert_uint_gt(net.ip.reass.bytes, 0);
    ip_flush(&net.ip);
    ck_assert_uint_eq(net.ip.reass.bytes, 0);
    net_close(&net);
}
END_TEST

/* ---- ECN, RFC 3168 5.3 -------------------------------------------------- */

enum { NOT_ECT = 0, ECT_1 = 1, ECT_0 = 2, CE = 3, DROPPED = -1 };

/* The ECN field of the whole whose three parts carry these. */
static int codepoint_of_whole(uint8_t first, uint8_t second, uint8_t third)
{
    struct ip_packet packet;
    struct net net;
    int codepoint = DROPPED;

    net_open(&net);
    EXPECT_KEPT(&net, .from = 0, .len = 800, .tos = 0xb8 | first);
    EXPECT_KEPT(&net, .from = 800, .len = 800, .tos = 0xb8 | second);
    if (RECEIVE_PART(&net, &packet, .from = 1600, .len = 8, .last = true,
                     .tos = 0xb8 | third) == 0) {
        ck_assert_uint_eq(packet.header.tos & ~3u, 0xb8);
        codepoint = packet.header.tos & 3;
    }
    ck_assert_uint_eq(net.env.drops[DROP_FRAG_ECN], codepoint == DROPPED);
    ck_assert_uint_eq(net.ip.reass.fails, codepoint == DROPPED);
    net_close(&net);
    return codepoint;
}

START_TEST(a_congestion_mark_on_any_part_is_kept)
{
    ck_assert_int_eq(codepoint_of_whole(CE, ECT_0, ECT_0), CE);
    ck_assert_int_eq(codepoint_of_whole(ECT_0, CE, ECT_0), CE);
    ck_assert_int_eq(codepoint_of_whole(ECT_1, ECT_1, CE), CE);
}
END_TEST

START_TEST(what_all_parts_carry_the_whole_carries)
{
    for (uint8_t i = NOT_ECT; i <= CE; i++)
        ck_assert_int_eq(codepoint_of_whole(i, i, i), i);
}
END_TEST

/* "MUST NOT occur if any of the other fragments [...] carries Not-ECT": and
 * neither may the mark be lost. */
START_TEST(parts_of_which_only_some_are_capable_are_dropped)
{
    ck_assert_int_eq(codepoint_of_whole(NOT_ECT, NOT_ECT, CE), DROPPED);
    ck_assert_int_eq(codepoint_of_whole(CE, NOT_ECT, NOT_ECT), DROPPED);
    ck_assert_int_eq(codepoint_of_whole(ECT_0, CE, NOT_ECT), DROPPED);
    /* as Linux */
    ck_assert_int_eq(codepoint_of_whole(ECT_0, NOT_ECT, ECT_0), DROPPED);
}
END_TEST

UNIT_MAIN("reass", parts_come_in_order, parts_come_in_every_order,
          the_largest_datagram_is_put_together,
          parts_of_eight_bytes_are_put_together,
          the_header_is_that_of_the_first_part, datagrams_are_told_apart,
          an_exact_duplicate_does_no_harm, an_overlap_poisons_the_datagram,
          other_bytes_in_the_same_place_poison_the_datagram,
          a_duplicate_that_says_it_is_the_last_poisons_the_datagram,
          only_the_last_part_may_have_any_length,
          the_end_must_lie_behind_all_that_has_come, there_is_one_end,
          nothing_lies_behind_the_end, no_datagram_is_larger_than_65535,
          options_of_the_first_part_count_too,
          a_datagram_that_stays_incomplete_times_out,
          without_the_first_part_nobody_is_told,
          of_too_many_datagrams_the_oldest_gives_way,
          memory_is_bounded_and_the_oldest_gives_way,
          a_datagram_larger_than_the_memory_is_not_kept,
          a_datagram_has_so_many_parts_at_most,
          without_memory_a_part_is_dropped,
          what_is_handed_up_stays_until_the_flush,
          a_congestion_mark_on_any_part_is_kept,
          what_all_parts_carry_the_whole_carries,
          parts_of_which_only_some_are_capable_are_dropped)
