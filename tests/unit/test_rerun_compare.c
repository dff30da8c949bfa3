/*
 * Two sequences of packets, that of a host and that of a stack, and what is
 * said about them.
 */
#include "tests/unit/unit.h"

#include "tools/rerun_compare.h"

enum { PACKETS_MAX = 200, MS = 1000 };

struct sides {
    struct rerun_flow flow;
    struct rerun_packet packets[RERUN_SIDES][PACKETS_MAX];
    uint64_t counts[RERUN_VERDICTS];
    unsigned differences; /* of the last one that is not the same */
    usec ended;
    bool is_open, is_strict;
};

static void begin(struct sides *sides)
{
    *sides = (struct sides){.ended = 1000 * MS};
    for (int i = 0; i < RERUN_SIDES; i++)
        sides->flow.sent[i].packets = sides->packets[i];
}

/* A data segment unless it is said otherwise. */
static struct rerun_packet *sends(struct sides *sides, enum rerun_side side,
                                  usec ms, uint32_t seq, uint32_t len)
{
    struct rerun_sent *sent = &sides->flow.sent[side];
    struct rerun_packet *packet = &sent->packets[sent->count++];

    ck_assert_uint_le(sent->count, PACKETS_MAX);
    *packet = (struct rerun_packet){.time = ms * MS,
                                    .kind = RERUN_TCP,
                                    .seq = seq,
                                    .ack = 1,
                                    .flags = SEG_ACK,
                                    .wnd = 1000,
                                    .text = {.len = len}};
    return packet;
}

static void both_send(struct sides *sides, usec ms, uint32_t seq, uint32_t len)
{
    sends(sides, RERUN_HOST, ms, seq, len);
    sends(sides, RERUN_STACK, ms, seq, len);
}

static void note(void *context, const struct rerun_finding *finding)
{
    struct sides *sides = context;

    if (finding->verdict != RERUN_SAME)
        sides->differences = finding->differences;
    ck_assert((finding->host == NULL) == (finding->verdict == RERUN_EXTRA ||
                                          finding->verdict == RERUN_LATER));
    ck_assert((finding->stack == NULL) == (finding->verdict == RERUN_MISSING));
}

static void compare(struct sides *sides)
{
    struct rerun_judge judge = {.tolerance = 10 * MS,
                                .ended = sides->ended,
                                .is_open = sides->is_open,
                                .is_strict = sides->is_strict};

    rerun_compare(&sides->flow, &judge, sides->counts, note, sides);
}

static void expect(const struct sides *sides, uint64_t same, uint64_t missing,
                   uint64_t extra, uint64_t other, uint64_t moved)
{
    ck_assert_uint_eq(sides->counts[RERUN_SAME], same);
    ck_assert_uint_eq(sides->counts[RERUN_MISSING], missing);
    ck_assert_uint_eq(sides->counts[RERUN_EXTRA], extra);
    ck_assert_uint_eq(sides->counts[RERUN_OTHER], other);
    ck_assert_uint_eq(sides->counts[RERUN_MOVED], moved);
}

START_TEST(what_is_the_same_is_the_same)
{
    struct sides sides;

    begin(&sides);
    both_send(&sides, 1, 1, 100);
    both_send(&sides, 2, 101, 100);
    sides.packets[RERUN_STACK][1].time += 10 * MS; /* just within */
    compare(&sides);
    expect(&sides, 2, 0, 0, 0, 0);
}
END_TEST

START_TEST(a_later_segment_is_moved)
{
    struct sides sides;

    begin(&sides);
    both_send(&sides, 1, 1, 100);
    sides.packets[RERUN_STACK][0].time += 10 * MS + 1;
    compare(&sides);
    expect(&sides, 0, 0, 0, 0, 1);
    ck_assert_uint_eq(sides.differences, DIFFERS_TIME);
}
END_TEST

START_TEST(what_only_one_has_sent_does_not_spoil_the_rest)
{
    struct sides sides;

    begin(&sides);
    both_send(&sides, 1, 1, 100);
    sends(&sides, RERUN_HOST, 2, 101, 100); /* not the stack */
    both_send(&sides, 3, 201, 100);
    sends(&sides, RERUN_STACK, 4, 301, 0); /* not the host */
    both_send(&sides, 5, 301, 100);
    compare(&sides);
    expect(&sides, 3, 1, 1, 0, 0);
}
END_TEST

START_TEST(thirty_that_are_missing_are_missing)
{
    struct sides sides;

    begin(&sides);
    both_send(&sides, 1, 1, 100);
    for (uint32_t i = 0; i < 30; i++)
        sends(&sides, RERUN_HOST, 2, 101 + i * 100, 100);
    both_send(&sides, 3, 3101, 100);
    compare(&sides);
    expect(&sides, 2, 30, 0, 0, 0);
}
END_TEST

/* Further than it looks ahead: it still ends, and forgets nothing. */
START_TEST(a_hundred_that_are_missing_are_told_each)
{
    struct sides sides;

    begin(&sides);
    for (uint32_t i = 0; i < 100; i++)
        sends(&sides, RERUN_HOST, 2, 101 + i * 100, 100);
    for (uint32_t i = 0; i < 100; i++)
        sends(&sides, RERUN_STACK, 2, 50001 + i * 100, 100);
    compare(&sides);
    expect(&sides, 0, 100, 100, 0, 0);
}
END_TEST

START_TEST(the_same_text_with_other_flags_is_other)
{
    struct sides sides;

    begin(&sides);
    both_send(&sides, 1, 1, 100);
    both_send(&sides, 2, 101, 100);
    both_send(&sides, 3, 201, 100);
    sides.packets[RERUN_STACK][1].flags |= SEG_ECE;
    compare(&sides);
    expect(&sides, 2, 0, 0, 1, 0);
    ck_assert_uint_eq(sides.differences, DIFFERS_FLAGS);
}
END_TEST

/* What memory and programs decide. */
START_TEST(psh_and_window_count_only_if_it_is_strict)
{
    for (int i = 0; i < 2; i++) {
        struct sides sides;

        begin(&sides);
        sides.is_strict = i == 1;
        both_send(&sides, 1, 1, 100);
        sides.packets[RERUN_STACK][0].flags |= SEG_PSH;
        sides.packets[RERUN_STACK][0].wnd++;
        compare(&sides);
        ck_assert_uint_eq(sides.counts[RERUN_OTHER], (uint64_t)i);
        if (i == 1)
            ck_assert_uint_eq(sides.differences,
                              DIFFERS_FLAGS | DIFFERS_WINDOW);
    }
}
END_TEST

START_TEST(text_that_the_capture_has_not_is_not_compared)
{
    struct sides sides;

    begin(&sides);
    both_send(&sides, 1, 1, 100);
    both_send(&sides, 2, 101, 100);
    sides.packets[RERUN_HOST][0].text_sum = 1;
    sides.packets[RERUN_HOST][0].is_cut = true;
    sides.packets[RERUN_HOST][1].text_sum = 1;
    compare(&sides);
    expect(&sides, 1, 0, 0, 1, 0);
    ck_assert_uint_eq(sides.differences, DIFFERS_TEXT);
}
END_TEST

/* The capture ended: what the host would have sent is not known. */
START_TEST(what_comes_after_the_end_is_not_judged)
{
    struct sides sides;

    begin(&sides);
    both_send(&sides, 1, 1, 100);
    sends(&sides, RERUN_STACK, 1000, 101, 0);
    sends(&sides, RERUN_STACK, 1001, 101, 0);
    compare(&sides);
    expect(&sides, 1, 0, 1, 0, 0);
    ck_assert_uint_eq(sides.counts[RERUN_LATER], 1);

    sides.is_open = true; /* the last record was a question */
    memset(sides.counts, 0, sizeof(sides.counts));
    compare(&sides);
    expect(&sides, 1, 0, 0, 0, 0);
    ck_assert_uint_eq(sides.counts[RERUN_LATER], 2);
}
END_TEST

/* As segmentation offload would cut it: PSH and FIN on the last, CWR on the
 * first. */
START_TEST(a_large_segment_is_cut_as_on_the_wire)
{
    static const uint8_t text[2500];
    struct rerun_packet whole = {.kind = RERUN_TCP,
                                 .seq = 1,
                                 .flags = SEG_ACK | SEG_PSH | SEG_FIN | SEG_CWR,
                                 .text = bytes_of(text, sizeof(text))};
    static const uint8_t flags[] = {SEG_ACK | SEG_CWR, SEG_ACK,
                                    SEG_ACK | SEG_PSH | SEG_FIN};
    struct rerun_packet piece;
    size_t at = 0;

    for (unsigned i = 0; i < 3; i++) {
        ck_assert(rerun_packet_piece(&whole, 1000, &at, &piece));
        ck_assert_uint_eq(piece.seq, 1 + i * 1000);
        ck_assert_uint_eq(piece.text.len, i < 2 ? 1000 : 500);
        ck_assert_uint_eq(piece.flags, flags[i]);
    }
    ck_assert(!rerun_packet_piece(&whole, 1000, &at, &piece));

    whole.text.len = at = 0;
    ck_assert(rerun_packet_piece(&whole, 1000, &at, &piece));
    ck_assert_uint_eq(piece.flags, whole.flags);
    ck_assert(!rerun_packet_piece(&whole, 1000, &at, &piece));
}
END_TEST

UNIT_MAIN("rerun compare", what_is_the_same_is_the_same,
          a_later_segment_is_moved,
          what_only_one_has_sent_does_not_spoil_the_rest,
          thirty_that_are_missing_are_missing,
          a_hundred_that_are_missing_are_told_each,
          the_same_text_with_other_flags_is_other,
          psh_and_window_count_only_if_it_is_strict,
          text_that_the_capture_has_not_is_not_compared,
          what_comes_after_the_end_is_not_judged,
          a_large_segment_is_cut_as_on_the_wire)
