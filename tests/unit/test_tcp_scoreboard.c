/*
 * The scoreboard: against a plain array with an entry for each byte, around
 * the wrap of the sequence numbers, at its limit, and without memory.
 */
#include "unit.h"

#include "base/random.h"
#include "tcp/tcp_scoreboard.h"

#include <string.h>

enum { MODEL_BYTES = 4000, MODEL_STEPS = 400, MODEL_RUNS = 60 };

/* What is known of one byte. */
struct byte {
    usec sent_at;
    bool sacked;
    bool lost;
    bool resent;
};

/* [una, nxt) are outstanding; positions count from `base`. */
struct model {
    struct byte bytes[MODEL_BYTES];
    unsigned una;
    unsigned nxt;
    tcp_seq base;
};

struct fixture {
    struct memory memory;
    struct scoreboard board;
    struct random random;
    struct model model;
    usec now;
};

static void begin(struct fixture *f, tcp_seq base, uint64_t seed)
{
    memset(f, 0, sizeof(*f));
    memory_init(&f->memory, 1 << 20);
    scoreboard_init(&f->board);
    random_init(&f->random, (struct hash_key){seed, 2});
    f->model.base = base;
    f->now = 1;
}

static void end(struct fixture *f)
{
    scoreboard_fini(&f->board, &f->memory);
    ck_assert_uint_eq(f->memory.used, 0);
}

static tcp_seq at(const struct fixture *f, unsigned position)
{
    return f->model.base + position;
}

static bool is_like(const struct sent_range *range, const struct byte *byte)
{
    if (range->sacked || byte->sacked) /* the rest does not matter any more */
        return range->sacked == byte->sacked && !range->lost;
    return range->lost == byte->lost && range->resent == byte->resent &&
           range->sent_at == byte->sent_at;
}

/* RFC 8985 6.2: what is in flight, all of it, the oldest transmission first. */
static void expect_in_order_of_sending(struct scoreboard *board)
{
    uint32_t flight = 0;
    uint32_t in_order = 0;
    usec sent_at = 0;

    for (unsigned i = 0; i < board->count; i++)
        flight += scoreboard_at(board, i)->end - scoreboard_at(board, i)->start;
    for (const struct sent_range *range = scoreboard_oldest(board);
         range != NULL; range = scoreboard_next_sent(board, range)) {
        ck_assert(!range->sacked && !range->lost);
        ck_assert_int_ge(range->sent_at, sent_at);
        sent_at = range->sent_at;
        in_order += range->end - range->start;
    }
    ck_assert_uint_eq(in_order, flight - board->sacked - board->lost);
}

/* The same bytes are sacked, lost, sent again, at the same times; the ranges
 * are in order, without gaps, none is empty, the sums are right. */
static void expect_equal(struct fixture *f)
{
    const struct scoreboard *board = &f->board;
    unsigned position = f->model.una;
    uint32_t sacked = 0;
    uint32_t lost = 0;
    const struct sent_range *first_lost = NULL;

    for (unsigned i = 0; i < board->count; i++) {
        const struct sent_range *range = scoreboard_at(board, i);

        ck_assert_uint_eq(range->start, at(f, position));
        ck_assert(seq_lt(range->start, range->end));
        ck_assert(!range->sacked || !range->lost);
        for (; at(f, position) != range->end; position++) {
            const struct byte *byte = &f->model.bytes[position];

            if (position >= f->model.nxt || !is_like(range, byte))
                ck_abort_msg("byte %u differs", position);
            sacked += byte->sacked;
            lost += byte->lost;
        }
        if (range->lost && first_lost == NULL)
            first_lost = range;
    }
    ck_assert_uint_eq(position, f->model.nxt);
    ck_assert_uint_eq(board->sacked, sacked);
    ck_assert_uint_eq(board->lost, lost);
    ck_assert_ptr_eq(scoreboard_first_lost(&f->board), first_lost);
    expect_in_order_of_sending(&f->board);
}

/* What of [from, to) arrives for the first time: what the delivery must say. */
static struct delivery deliver(struct fixture *f, unsigned from, unsigned to)
{
    struct delivery told = {.answerable =
                                f->now - (usec)random_below(&f->random, 4)};

    for (unsigned i = from; i < to; i++) {
        const struct byte *byte = &f->model.bytes[i];

        if (byte->sacked)
            continue;
        told.delivered++;
        told.highest_end = at(f, i + 1);
        told.acked_resent |= byte->resent;
        if (!byte->resent) {
            if (!told.has_original)
                told.original_start = at(f, i);
            if (!told.has_original || byte->sent_at < told.original_sent_at)
                told.original_sent_at = byte->sent_at;
            told.has_original = true;
            told.original_end = at(f, i + 1);
        }
        if (byte->resent && byte->sent_at > told.answerable)
            continue;
        if (!told.has_newest || byte->sent_at >= told.newest.sent_at)
            told.newest = (struct sent_range){.sent_at = byte->sent_at,
                                              .end = at(f, i + 1),
                                              .resent = byte->resent};
        told.has_newest = true;
    }
    return told;
}

static void expect_told(const struct delivery *got,
                        const struct delivery *expected)
{
    ck_assert_uint_eq(got->delivered, expected->delivered);
    ck_assert_int_eq(got->has_original, expected->has_original);
    if (expected->has_original) {
        ck_assert_uint_eq(got->original_start, expected->original_start);
        ck_assert_uint_eq(got->original_end, expected->original_end);
        ck_assert_int_eq(got->original_sent_at, expected->original_sent_at);
    }
    if (expected->delivered > 0)
        ck_assert_uint_eq(got->highest_end, expected->highest_end);
    ck_assert_int_eq(got->has_newest, expected->has_newest);
    if (!expected->has_newest)
        return;
    ck_assert_int_eq(got->newest.sent_at, expected->newest.sent_at);
    ck_assert_uint_eq(got->newest.end, expected->newest.end);
    ck_assert_int_eq(got->newest.resent, expected->newest.resent);
}

/* ---- what may happen ---- */

static void send_some(struct fixture *f)
{
    unsigned len = 1 + random_below(&f->random, 60);
    unsigned from = f->model.nxt;

    if (from + len > MODEL_BYTES)
        return;
    ck_assert(scoreboard_reserve(&f->board, &f->memory));
    scoreboard_sent(&f->board, &f->memory, at(f, from), at(f, from + len),
                    f->now);
    for (unsigned i = from; i < from + len; i++)
        f->model.bytes[i] = (struct byte){.sent_at = f->now};
    f->model.nxt += len;
}

/* Any part of what is outstanding, not empty; false: nothing is. */
static bool choose(struct fixture *f, unsigned *from, unsigned *to)
{
    unsigned flight = f->model.nxt - f->model.una;

    if (flight == 0)
        return false;
    *from = f->model.una + random_below(&f->random, flight);
    *to = *from + 1 + random_below(&f->random, f->model.nxt - *from);
    if (*to > *from + 80)
        *to = *from + 80;
    return true;
}

static void sack_some(struct fixture *f)
{
    unsigned from, to;

    if (!choose(f, &from, &to))
        return;
    struct delivery expected = deliver(f, from, to);
    struct delivery got = {.answerable = expected.answerable};
    scoreboard_sack(&f->board, &f->memory, at(f, from), at(f, to), &got);
    expect_told(&got, &expected);
    ck_assert_uint_eq(got.sacked, expected.delivered);
    for (unsigned i = from; i < to; i++) {
        f->model.bytes[i].sacked = true;
        f->model.bytes[i].lost = false;
    }
}

static void lose_some(struct fixture *f)
{
    unsigned from, to;

    if (!choose(f, &from, &to))
        return;
    scoreboard_lose(&f->board, &f->memory, at(f, from), at(f, to));
    for (unsigned i = from; i < to; i++)
        f->model.bytes[i].lost |= !f->model.bytes[i].sacked;
}

/* As the sender does: the start of what is lost, once. */
static void resend_some(struct fixture *f)
{
    const struct sent_range *lost = scoreboard_first_lost(&f->board);

    if (lost == NULL)
        return;
    unsigned from = lost->start - f->model.base;
    unsigned to = from + 1 + random_below(&f->random, lost->end - lost->start);
    scoreboard_resent(&f->board, &f->memory, at(f, from), at(f, to), f->now);
    for (unsigned i = from; i < to; i++) {
        f->model.bytes[i].lost = false;
        f->model.bytes[i].resent = true;
        f->model.bytes[i].sent_at = f->now;
    }
}

static void acknowledge_some(struct fixture *f)
{
    unsigned flight = f->model.nxt - f->model.una;
    unsigned una = f->model.una + random_below(&f->random, flight / 4 + 1);
    struct delivery expected = deliver(f, f->model.una, una);
    struct delivery got = {.answerable = expected.answerable};

    scoreboard_acknowledge(&f->board, at(f, una), &got);
    expect_told(&got, &expected);
    ck_assert_int_eq(got.acked_resent, expected.acked_resent);
    f->model.una = una;
    ck_assert_int_eq(scoreboard_first_is_sacked(&f->board),
                     una < f->model.nxt && f->model.bytes[una].sacked);
}

static void forget_some(struct fixture *f)
{
    bool losses = random_below(&f->random, 2) == 0;

    if (losses)
        scoreboard_forget_losses(&f->board);
    else
        scoreboard_forget_sacks(&f->board);
    for (unsigned i = f->model.una; i < f->model.nxt; i++) {
        if (losses)
            f->model.bytes[i].lost = false;
        else if (f->model.bytes[i].sacked) { /* ranges may have been joined:
                                         take over what they remember */
            f->model.bytes[i].sacked = false;
        }
    }
    if (losses)
        return;
    for (unsigned n = 0; n < f->board.count; n++) {
        const struct sent_range *range = scoreboard_at(&f->board, n);

        for (tcp_seq seq = range->start; seq != range->end; seq++) {
            f->model.bytes[seq - f->model.base].sent_at = range->sent_at;
            f->model.bytes[seq - f->model.base].resent = range->resent;
        }
    }
}

static void step(struct fixture *f)
{
    switch (random_below(&f->random, 24)) {
    case 0:
        forget_some(f);
        break;
    case 1:
    case 2:
    case 3:
        acknowledge_some(f);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        lose_some(f);
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        resend_some(f);
        break;
    case 12:
    case 13:
    case 14:
    case 15:
        sack_some(f);
        break;
    default:
        send_some(f);
        break;
    }
    f->now += random_below(&f->random, 2);
}

START_TEST(it_agrees_with_an_array_of_bytes)
{
    static const tcp_seq bases[] = {0, 12345, 0xffffffff - 500,
                                    0x7fffffff - 700, 0xffffffff};
    static struct fixture f;

    for (unsigned run = 0; run < MODEL_RUNS; run++) {
        begin(&f, bases[run % ARRAY_LENGTH(bases)], run);
        for (unsigned i = 0; i < MODEL_STEPS; i++) {
            step(&f);
            expect_equal(&f);
        }
        end(&f);
    }
}
END_TEST

/* ---- what is joined ---- */

START_TEST(what_is_sent_at_one_moment_is_one_range)
{
    struct fixture f;

    begin(&f, 0xfffffff0, 1);
    for (tcp_seq seq = 0; seq < 100000; seq += 1000)
        scoreboard_sent(&f.board, &f.memory, f.model.base + seq,
                        f.model.base + seq + 1000, 5);
    ck_assert_uint_eq(f.board.count, 1);
    scoreboard_sent(&f.board, &f.memory, f.model.base + 100000,
                    f.model.base + 101000, 6);
    ck_assert_uint_eq(f.board.count, 2);
    end(&f);
}
END_TEST

/* Segments sent at a thousand moments: when they are sacked they are one. */
START_TEST(what_is_sacked_side_by_side_is_one_range)
{
    struct delivery delivery = {0};
    struct fixture f;

    begin(&f, 1, 1);
    for (tcp_seq seq = 0; seq < 1000; seq++)
        scoreboard_sent(&f.board, &f.memory, 1 + seq, 2 + seq, 5 + seq);
    ck_assert_uint_eq(f.board.count, 1000);
    for (tcp_seq seq = 999; seq > 0; seq--)
        scoreboard_sack(&f.board, &f.memory, 1 + seq, 2 + seq, &delivery);
    ck_assert_uint_eq(f.board.count, 2);
    ck_assert_uint_eq(delivery.delivered, 999);
    end(&f);
}
END_TEST

/* ---- how much is looked at ---- */

/* Segments sent at so many moments, of which every second is lost. */
static void lose_every_second(struct fixture *f, tcp_seq count)
{
    for (tcp_seq seq = 0; seq < count; seq++)
        scoreboard_sent(&f->board, &f->memory, seq, seq + 1, 5 + seq);
    for (tcp_seq seq = 0; seq < count; seq += 2)
        scoreboard_lose(&f->board, &f->memory, seq, seq + 1);
}

/* What was sent again is not looked at for each that follows it. */
START_TEST(the_next_lost_range_is_found_without_going_through_those_before)
{
    struct fixture f;

    begin(&f, 0, 1);
    lose_every_second(&f, 2000);
    f.board.looked_at = 0;
    for (tcp_seq seq = 0; seq < 2000; seq += 2) {
        const struct sent_range *lost = scoreboard_first_lost(&f.board);

        ck_assert_uint_eq(lost->start, seq);
        scoreboard_resent(&f.board, &f.memory, seq, seq + 1, 5000);
    }
    ck_assert_ptr_null(scoreboard_first_lost(&f.board));
    /* each of the thousand twice, as the next, and its neighbours */
    ck_assert_uint_le(f.board.looked_at, 4000);
    end(&f);
}
END_TEST

START_TEST(one_before_all_others_that_is_lost_again_is_the_next)
{
    struct fixture f;

    begin(&f, 0, 1);
    lose_every_second(&f, 100);
    for (tcp_seq seq = 0; seq < 50; seq += 2)
        scoreboard_resent(&f.board, &f.memory, seq, seq + 1, 5000);
    ck_assert_uint_eq(scoreboard_first_lost(&f.board)->start, 50);
    scoreboard_lose(&f.board, &f.memory, 4, 5);
    ck_assert_uint_eq(scoreboard_first_lost(&f.board)->start, 4);
    scoreboard_resent(&f.board, &f.memory, 4, 5, 6000);
    ck_assert_uint_eq(scoreboard_first_lost(&f.board)->start, 50);
    end(&f);
}
END_TEST

/* ---- limits ---- */

/* The sums agree with the ranges, which have no gap. */
static void expect_sane(const struct scoreboard *board, tcp_seq una,
                        tcp_seq nxt)
{
    uint32_t sacked = 0;
    uint32_t lost = 0;

    for (unsigned i = 0; i < board->count; i++) {
        const struct sent_range *range = scoreboard_at(board, i);

        ck_assert_uint_eq(range->start, una);
        una = range->end;
        sacked += range->sacked ? range->end - range->start : 0;
        lost += range->lost ? range->end - range->start : 0;
    }
    ck_assert_uint_eq(una, nxt);
    ck_assert_uint_eq(board->sacked, sacked);
    ck_assert_uint_eq(board->lost, lost);
}

/* CVE-2019-11478: every second byte. */
START_TEST(it_has_no_more_ranges_than_its_limit)
{
    struct delivery delivery = {0};
    struct fixture f;

    begin(&f, 0, 1);
    scoreboard_sent(&f.board, &f.memory, 0, 100000, 5);
    for (tcp_seq seq = 1; seq < 100000; seq += 2)
        scoreboard_sack(&f.board, &f.memory, seq, seq + 1, &delivery);
    ck_assert_uint_le(f.board.count, SCOREBOARD_MAX);
    ck_assert_uint_le(f.memory.used,
                      SCOREBOARD_MAX *
                          (sizeof(struct sent_range) + sizeof(uint16_t)));
    ck_assert_uint_eq(delivery.delivered, f.board.sacked);
    expect_sane(&f.board, 0, 100000);
    end(&f);
}
END_TEST

/* So the work for a block is bounded by what all the blocks before have made,
 * and that by the limit; one that tells nothing new makes nothing. */
START_TEST(a_block_makes_no_more_than_two_ranges)
{
    struct delivery delivery = {0};
    struct fixture f;

    begin(&f, 0, 1);
    scoreboard_sent(&f.board, &f.memory, 0, 100000, 5);
    for (unsigned i = 0; i < 20000; i++) {
        tcp_seq start = random_below(&f.random, 99000);
        tcp_seq end = start + 1 + random_below(&f.random, 3);
        unsigned before = f.board.count;

        scoreboard_sack(&f.board, &f.memory, start, end, &delivery);
        ck_assert_uint_le(f.board.count, before + 2);
        before = f.board.count;
        scoreboard_sack(&f.board, &f.memory, start, end, &delivery);
        ck_assert_uint_eq(f.board.count, before);
    }
    ck_assert_uint_le(f.board.count, SCOREBOARD_MAX);
    end(&f);
}
END_TEST

/* What a block costs is counted in the ranges that it looks at. */
START_TEST(a_block_costs_the_same_however_many_were_there)
{
    enum { BLOCKS = 50000, ALL = 100000 };
    struct delivery delivery = {0};
    struct fixture f;
    uint32_t most = 0;

    begin(&f, 0, 1);
    scoreboard_sent(&f.board, &f.memory, 0, ALL, 5);
    for (unsigned i = 0; i < BLOCKS; i++) {
        tcp_seq start = 2 * random_below(&f.random, ALL / 2);
        uint32_t before = f.board.looked_at;

        scoreboard_sack(&f.board, &f.memory, start, start + 1, &delivery);
        most = max_u32(most, f.board.looked_at - before);
    }
    ck_assert_uint_gt(f.board.count, SCOREBOARD_MAX / 2);
    ck_assert_uint_le(most, 3); /* it, and its neighbours */
    end(&f);
}
END_TEST

/* One that covers them all looks at them all; but then they are one range, so
 * the others have paid for it. */
START_TEST(blocks_that_cover_others_cost_no_more_than_those_had)
{
    enum { ROUNDS = 500, PIECES = 1500 };
    struct delivery delivery = {0};
    struct fixture f;
    tcp_seq sent = 0;

    begin(&f, 0, 1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        tcp_seq begin = sent;

        sent += 2 * PIECES;
        scoreboard_sent(&f.board, &f.memory, begin, sent, round);
        for (unsigned i = 0; i < PIECES; i++)
            scoreboard_sack(&f.board, &f.memory, begin + 2 * i,
                            begin + 2 * i + 1, &delivery);
        for (unsigned i = 0; i < 10; i++) /* again, and it is one */
            scoreboard_sack(&f.board, &f.memory, 0, sent, &delivery);
        ck_assert_uint_eq(f.board.count, 1);
    }
    ck_assert_uint_le(f.board.looked_at, ROUNDS * (PIECES + 10) * 8);
    end(&f);
}
END_TEST

/* What was never delivered must not count so because there is no room to note
 * it apart. */
START_TEST(at_the_limit_new_text_does_not_count_as_sacked)
{
    struct delivery delivery = {0};
    struct fixture f;

    begin(&f, 0, 1);
    scoreboard_sent(&f.board, &f.memory, 0, 100000, 5);
    for (tcp_seq seq = 99999; seq > 1; seq -= 2)
        scoreboard_sack(&f.board, &f.memory, seq, seq + 1, &delivery);
    ck_assert(scoreboard_reserve(&f.board, &f.memory));
    for (tcp_seq seq = 100000; seq < 110000; seq += 1000)
        scoreboard_sent(&f.board, &f.memory, seq, seq + 1000, 6 + seq);
    expect_sane(&f.board, 0, 110000);
    for (unsigned i = 0; i < f.board.count; i++)
        ck_assert(scoreboard_at(&f.board, i)->end <= 100000 ||
                  !scoreboard_at(&f.board, i)->sacked);
    end(&f);
}
END_TEST

/* A fast long path: 10,000 segments in a round trip of 100 ms, each at a moment
 * of its own. There is room for SACK blocks, and the times are right to a
 * thousandth. */
START_TEST(more_moments_than_there_is_room_for_are_told_apart_roughly)
{
    const usec gap = 10;
    const unsigned flight = 10000;
    struct delivery delivery = {0};
    struct fixture f;

    begin(&f, 0, 1);
    for (unsigned seq = 0; seq < 5 * flight; seq++) {
        scoreboard_sent(&f.board, &f.memory, seq, seq + 1, gap * seq);
        if (seq >= flight)
            scoreboard_acknowledge(&f.board, seq + 1 - flight, &delivery);
    }
    ck_assert_uint_le(f.board.count, SCOREBOARD_MAX * 3 / 4);
    expect_sane(&f.board, 4 * flight, 5 * flight);
    for (unsigned i = 0; i < f.board.count; i++) {
        const struct sent_range *range = scoreboard_at(&f.board, i);

        ck_assert_int_le(range->sent_at, gap * range->start);
        ck_assert_int_ge(range->sent_at,
                         gap * (range->end - 1) - gap * flight / 1000);
        ck_assert(!range->resent);
    }
    end(&f);
}
END_TEST

/* Where there is no room at all, none may be timed. */
START_TEST(at_the_limit_new_text_counts_as_sent_again)
{
    struct delivery delivery = {0};
    struct fixture f;

    begin(&f, 0, 1);
    scoreboard_sent(&f.board, &f.memory, 0, 100000, 5);
    for (tcp_seq seq = 99998; seq > 1; seq -= 2)
        scoreboard_sack(&f.board, &f.memory, seq, seq + 1, &delivery);
    for (tcp_seq seq = 100000; seq < 110000; seq += 1000)
        scoreboard_sent(&f.board, &f.memory, seq, seq + 1000, 6 + seq);
    expect_sane(&f.board, 0, 110000);
    delivery = (struct delivery){.answerable = USEC_NEVER};
    scoreboard_acknowledge(&f.board, 110000, &delivery);
    ck_assert_uint_eq(delivery.newest.end, 110000);
    ck_assert_int_eq(delivery.newest.sent_at, 6 + 109000);
    ck_assert(delivery.newest.resent);
    end(&f);
}
END_TEST

START_TEST(without_memory_the_first_byte_cannot_be_sent)
{
    struct fixture f;

    begin(&f, 0, 1);
    f.memory.limit = 0;
    ck_assert(!scoreboard_reserve(&f.board, &f.memory));
    f.memory.limit = 1 << 20;
    ck_assert(scoreboard_reserve(&f.board, &f.memory));
    end(&f);
}
END_TEST

/* Memory refuses more and more: nothing breaks, nothing that has not arrived
 * is taken for arrived. */
START_TEST(without_memory_it_stays_whole)
{
    struct delivery delivery = {0};
    struct fixture f;

    begin(&f, 0xffffff00, 1);
    ck_assert(scoreboard_reserve(&f.board, &f.memory));
    f.memory.limit = f.memory.used;
    for (tcp_seq seq = 0; seq < 10000; seq += 100) {
        ck_assert(scoreboard_reserve(&f.board, &f.memory));
        scoreboard_sent(&f.board, &f.memory, f.model.base + seq,
                        f.model.base + seq + 100, 5 + seq);
    }
    for (tcp_seq seq = 100; seq < 10000; seq += 200) {
        scoreboard_sack(&f.board, &f.memory, f.model.base + seq,
                        f.model.base + seq + 100, &delivery);
        scoreboard_lose(&f.board, &f.memory, f.model.base + seq - 100,
                        f.model.base + seq);
        scoreboard_resent(&f.board, &f.memory, f.model.base + seq - 100,
                          f.model.base + seq - 50, 20000);
        expect_sane(&f.board, f.model.base, f.model.base + 10000);
        ck_assert_uint_eq(f.board.sacked, delivery.delivered);
        ck_assert_uint_le(f.board.sacked, (seq + 100) / 2);
    }
    f.memory.limit = 1 << 20;
    end(&f);
}
END_TEST

UNIT_MAIN("tcp_scoreboard", it_agrees_with_an_array_of_bytes,
          what_is_sent_at_one_moment_is_one_range,
          what_is_sacked_side_by_side_is_one_range,
          the_next_lost_range_is_found_without_going_through_those_before,
          one_before_all_others_that_is_lost_again_is_the_next,
          it_has_no_more_ranges_than_its_limit,
          a_block_makes_no_more_than_two_ranges,
          a_block_costs_the_same_however_many_were_there,
          blocks_that_cover_others_cost_no_more_than_those_had,
          at_the_limit_new_text_does_not_count_as_sacked,
          more_moments_than_there_is_room_for_are_told_apart_roughly,
          at_the_limit_new_text_counts_as_sent_again,
          without_memory_the_first_byte_cannot_be_sent,
          without_memory_it_stays_whole)
