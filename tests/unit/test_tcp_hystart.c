/*
 * HyStart++, RFC 9406 4.2.
 */
#include "unit.h"

#include "tcp/tcp_hystart.h"

enum { MSS = 1000, ROUND = 10 * MSS };

struct fixture {
    struct hystart hystart;
    tcp_seq una;
    tcp_seq nxt;
};

static void begin_with(struct fixture *f, bool has_train)
{
    *f = (struct fixture){.una = UINT32_MAX - 5000, .nxt = UINT32_MAX - 5000};
    hystart_init(&f->hystart, f->nxt, has_train);
}

static void begin(struct fixture *f)
{
    begin_with(f, false);
}

static void samples(struct fixture *f, unsigned count, double rtt_ms)
{
    for (unsigned i = 0; i < count; i++)
        hystart_rtt_sample(&f->hystart, (usec)(rtt_ms * USEC_PER_MSEC));
}

/* The first of what was sent in the round is acknowledged; more is in flight.
 * Whether slow start goes on. */
static bool round_ends(struct fixture *f)
{
    f->una = f->nxt + 1;
    f->nxt += ROUND;
    return hystart_acked(&f->hystart, f->una, f->nxt);
}

static bool is_in_css(const struct fixture *f)
{
    return f->hystart.is_in_css;
}

/* A round with this RTT, and the next one has begun. */
static void settle_with(struct fixture *f, double rtt_ms, bool has_train)
{
    begin_with(f, has_train);
    ck_assert(round_ends(f));
    samples(f, 8, rtt_ms);
    ck_assert(round_ends(f));
}

static void settle(struct fixture *f, double rtt_ms)
{
    settle_with(f, rtt_ms, false);
}

/* The smallest rise after a round of `rtt_ms` that counts, in steps of 1/8 ms.
 */
static double smallest_rise(double rtt_ms)
{
    for (double rise = 0;; rise += 0.125) {
        struct fixture f;

        settle(&f, rtt_ms);
        samples(&f, 8, rtt_ms + rise);
        if (is_in_css(&f))
            return rise;
    }
}

/* RttThresh = max(4 ms, min(lastRoundMinRTT / 8, 16 ms)) */
START_TEST(an_eighth_of_the_rtt_between_4_and_16_ms_is_a_rise)
{
    ck_assert(smallest_rise(1) == 4);
    ck_assert(smallest_rise(32) == 4);
    ck_assert(smallest_rise(64) == 8);
    ck_assert(smallest_rise(100) == 12.5);
    ck_assert(smallest_rise(128) == 16);
    ck_assert(smallest_rise(500) == 16);
}
END_TEST

START_TEST(fewer_than_eight_samples_tell_nothing)
{
    struct fixture f;

    settle(&f, 100);
    samples(&f, 7, 200);
    ck_assert(!is_in_css(&f));
    samples(&f, 1, 200);
    ck_assert(is_in_css(&f));
}
END_TEST

START_TEST(the_least_of_a_round_counts)
{
    struct fixture f;

    settle(&f, 100);
    samples(&f, 1, 101); /* the others waited for a delayed ACK */
    samples(&f, 20, 140);
    ck_assert(!is_in_css(&f));
}
END_TEST

START_TEST(the_first_round_has_nothing_to_be_compared_with)
{
    struct fixture f;

    begin(&f);
    samples(&f, 20, 1000);
    ck_assert(!is_in_css(&f));
    ck_assert(round_ends(&f));
    ck_assert(round_ends(&f)); /* without a sample: nothing is known again */
    samples(&f, 20, 3000);
    ck_assert(!is_in_css(&f));
}
END_TEST

/* The last ACK of a flight, which has waited in the queue longest, belongs to
 * it: if the next round began there, so would that of each flight, earlier and
 * earlier, and its least RTT would be that of a flight's end. */
START_TEST(a_round_ends_when_what_was_sent_after_its_begin_is_acknowledged)
{
    struct fixture f;

    settle(&f, 100);
    samples(&f, 4, 100);
    f.una = f.nxt;
    ck_assert(hystart_acked(&f.hystart, f.una, f.nxt));
    samples(&f, 4, 100);
    ck_assert_int_eq(f.hystart.rtt_sample_count, 8);
    ck_assert(round_ends(&f));
    ck_assert_int_eq(f.hystart.rtt_sample_count, 0);
    ck_assert_int_eq(f.hystart.last_round_min_rtt, 100 * USEC_PER_MSEC);
}
END_TEST

START_TEST(after_five_rounds_slow_start_is_over)
{
    struct fixture f;

    settle(&f, 100);
    samples(&f, 8, 120);
    ck_assert(is_in_css(&f));
    for (unsigned round = 1; round < 5; round++) {
        ck_assert(round_ends(&f)); /* the one in which it began counts too */
        samples(&f, 8, 120 + 10 * round);
    }
    ck_assert(!round_ends(&f));
}
END_TEST

START_TEST(if_the_rtt_falls_again_slow_start_resumes)
{
    struct fixture f;

    settle(&f, 100);
    samples(&f, 8, 120);
    for (unsigned round = 1; round < 4; round++) {
        ck_assert(round_ends(&f));
        samples(&f, 8, 120); /* the baseline itself is no fall */
        ck_assert(is_in_css(&f));
    }
    ck_assert(round_ends(&f));
    samples(&f, 8, 119);
    ck_assert(!is_in_css(&f));
    for (unsigned round = 0; round < 10; round++)
        ck_assert(round_ends(&f));
    samples(&f, 8, 100);
    ck_assert(round_ends(&f));
    samples(&f, 8, 120); /* and five rounds are given anew */
    for (unsigned round = 1; round < 5; round++)
        ck_assert(round_ends(&f));
    ck_assert(!round_ends(&f));
}
END_TEST

/* ---- Trains of ACKs: not RFC 9406, as Linux ------------------------------ */

static void acks(struct fixture *f, double gap_ms, double ms)
{
    for (double at = 0; at <= ms; at += gap_ms)
        hystart_ack_arrived(&f->hystart, (usec)(at * USEC_PER_MSEC));
}

/* An ACK every so often for so long, in the round after one of `rtt_ms`. */
static void train(struct fixture *f, double rtt_ms, double gap_ms, double ms)
{
    settle_with(f, rtt_ms, true);
    acks(f, gap_ms, ms);
}

START_TEST(acks_in_a_train_of_half_the_rtt_begin_css)
{
    struct fixture f;

    train(&f, 20, 1, 9);
    ck_assert(!is_in_css(&f));
    train(&f, 20, 1, 10);
    ck_assert(is_in_css(&f));
}
END_TEST

START_TEST(a_gap_ends_the_train)
{
    struct fixture f;

    train(&f, 20, 2, 10);
    ck_assert(is_in_css(&f));
    train(&f, 20, 2.25, 18);
    ck_assert(!is_in_css(&f));
    train(&f, 20, 1, 9);
    hystart_ack_arrived(&f.hystart, 12 * USEC_PER_MSEC);
    hystart_ack_arrived(&f.hystart, 13 * USEC_PER_MSEC);
    ck_assert(!is_in_css(&f));
    ck_assert(round_ends(&f)); /* the next one begins its own */
    for (unsigned i = 0; i <= 10; i++)
        hystart_ack_arrived(&f.hystart, (20 + i) * USEC_PER_MSEC);
    ck_assert(is_in_css(&f));
}
END_TEST

/* ACKs of two segments on a slow path: 2.4 ms apart at 10 Mbit/s. */
START_TEST(on_a_long_path_the_gaps_may_be_larger)
{
    struct fixture f;

    train(&f, 100, 6, 54);
    ck_assert(is_in_css(&f));
    train(&f, 100, 6.5, 78);
    ck_assert(!is_in_css(&f));
}
END_TEST

START_TEST(without_an_rtt_a_train_means_nothing)
{
    struct fixture f;

    begin_with(&f, true);
    for (unsigned i = 0; i <= 100; i++)
        hystart_ack_arrived(&f.hystart, i * USEC_PER_MSEC);
    ck_assert(!is_in_css(&f));
}
END_TEST

/* That the queue is empty again says nothing against it. */
START_TEST(after_a_train_no_rtt_resumes_slow_start)
{
    struct fixture f;

    train(&f, 20, 1, 10);
    samples(&f, 8, 15);
    ck_assert(is_in_css(&f));
    for (unsigned i = 0; i < 4; i++)
        ck_assert(round_ends(&f));
    ck_assert(!round_ends(&f));
}
END_TEST

/* One that rises slowly, from round to round, has risen, too. */
START_TEST(the_rtt_is_compared_with_the_shortest_of_all)
{
    struct fixture f;

    for (int has_train = 0; has_train <= 1; has_train++) {
        settle_with(&f, 100, has_train);
        samples(&f, 8, 112);
        ck_assert(!is_in_css(&f));
        ck_assert(round_ends(&f));
        samples(&f, 8, 112.5);
        ck_assert(is_in_css(&f) == has_train);
    }
}
END_TEST

START_TEST(an_rtt_that_rises_after_a_train_ends_slow_start)
{
    struct fixture f;

    train(&f, 100, 5, 50);
    samples(&f, 8, 112);
    ck_assert(round_ends(&f));
    samples(&f, 7, 113);
    ck_assert(hystart_acked(&f.hystart, f.una, f.nxt));
    samples(&f, 1, 113);
    ck_assert(!hystart_acked(&f.hystart, f.una, f.nxt));
}
END_TEST

START_TEST(a_train_after_an_rtt_that_rose_ends_slow_start)
{
    struct fixture f;

    settle_with(&f, 100, true);
    samples(&f, 8, 120);
    ck_assert(round_ends(&f));
    acks(&f, 5, 45);
    ck_assert(hystart_acked(&f.hystart, f.una, f.nxt));
    acks(&f, 5, 50);
    ck_assert(!hystart_acked(&f.hystart, f.una, f.nxt));
}
END_TEST

START_TEST(without_the_setting_a_train_is_no_sign)
{
    struct fixture f;

    settle(&f, 20);
    acks(&f, 1, 20);
    ck_assert(!is_in_css(&f));
}
END_TEST

START_TEST(the_growth_is_a_quarter_in_css)
{
    struct fixture f;

    settle(&f, 100);
    ck_assert_uint_eq(hystart_growth(&f.hystart, 2 * MSS), 2 * MSS);
    samples(&f, 8, 120);
    ck_assert_uint_eq(hystart_growth(&f.hystart, 2 * MSS), MSS / 2);
}
END_TEST

UNIT_MAIN("tcp_hystart", an_eighth_of_the_rtt_between_4_and_16_ms_is_a_rise,
          fewer_than_eight_samples_tell_nothing, the_least_of_a_round_counts,
          the_first_round_has_nothing_to_be_compared_with,
          a_round_ends_when_what_was_sent_after_its_begin_is_acknowledged,
          after_five_rounds_slow_start_is_over,
          if_the_rtt_falls_again_slow_start_resumes,
          acks_in_a_train_of_half_the_rtt_begin_css, a_gap_ends_the_train,
          on_a_long_path_the_gaps_may_be_larger,
          without_an_rtt_a_train_means_nothing,
          after_a_train_no_rtt_resumes_slow_start,
          the_rtt_is_compared_with_the_shortest_of_all,
          an_rtt_that_rises_after_a_train_ends_slow_start,
          a_train_after_an_rtt_that_rose_ends_slow_start,
          without_the_setting_a_train_is_no_sign,
          the_growth_is_a_quarter_in_css)
