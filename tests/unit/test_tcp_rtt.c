/*
 * The retransmission time-out against the formulas of RFC 6298, Karn's rule,
 * backing off, and samples by timestamp.
 */
#include "unit.h"

#include "tcp/tcp_rtt.h"
#include "tcp_alone.h"

#include <math.h>

#define MSEC USEC_PER_MSEC

struct fixture {
    struct tcp_alone alone;
    struct tcb *tcb;
};

static void begin(struct fixture *f)
{
    tcp_alone_open(&f->alone);
    f->tcb = tcp_alone_tcb(&f->alone);
}

static void end(struct fixture *f)
{
    scoreboard_fini(&f->tcb->board, &f->alone.memory);
    tcp_alone_close(&f->alone);
}

static void pass(struct fixture *f, usec time)
{
    f->alone.env.now += time;
}

/* Up to `end` goes out. */
static void we_send(struct fixture *f, tcp_seq end)
{
    scoreboard_sent(&f->tcb->board, &f->alone.memory, f->tcb->snd_nxt, end,
                    f->alone.env.now);
    f->tcb->snd_nxt = end;
}

static void we_send_again(struct fixture *f, tcp_seq start, tcp_seq end)
{
    scoreboard_resent(&f->tcb->board, &f->alone.memory, start, end,
                      f->alone.env.now);
}

static void take(struct fixture *f, const struct tcp_segment *seg)
{
    struct delivery delivery = {.acked = seg->ack - f->tcb->snd_una};

    f->tcb->snd_una = seg->ack;
    scoreboard_acknowledge(&f->tcb->board, seg->ack, &delivery);
    rtt_acked(f->tcb, seg, &delivery);
}

/* An ACK without options. */
static void peer_acks(struct fixture *f, tcp_seq ack)
{
    struct tcp_segment seg = {.ack = ack, .flags = SEG_ACK};

    take(f, &seg);
}

/* An ACK that echoes this value of our timestamp clock. */
static void peer_echoes(struct fixture *f, tcp_seq ack, uint32_t ts_ecr)
{
    struct tcp_segment seg = {
        .ack = ack,
        .flags = SEG_ACK,
        .options = {.has_timestamps = true, .ts_val = 1, .ts_ecr = ts_ecr}};

    take(f, &seg);
}

static void peer_sacks(struct fixture *f, tcp_seq start, tcp_seq end)
{
    struct tcp_segment seg = {.ack = f->tcb->snd_una, .flags = SEG_ACK};
    struct delivery delivery = {0};

    scoreboard_sack(&f->tcb->board, &f->alone.memory, start, end, &delivery);
    rtt_acked(f->tcb, &seg, &delivery);
}

static void expect_no_sample(const struct fixture *f)
{
    ck_assert_int_eq(f->tcb->srtt, 0);
    ck_assert_int_eq(rtt_rto(f->tcb), 1000 * MSEC);
}

/* ---- The formulas ------------------------------------------------------- */

/* RFC 6298 2.1 */
START_TEST(before_the_first_sample_the_time_out_is_one_second)
{
    struct fixture f;

    begin(&f);
    expect_no_sample(&f);
    end(&f);
}
END_TEST

/* RFC 6298 2.2: SRTT <- R, RTTVAR <- R/2, RTO <- SRTT + 4 * RTTVAR */
START_TEST(the_first_sample_is_the_round_trip_and_half_of_it_the_variance)
{
    struct fixture f;

    begin(&f);
    rtt_sample(f.tcb, 300 * MSEC);
    ck_assert_int_eq(f.tcb->srtt, 300 * MSEC);
    ck_assert_int_eq(f.tcb->rttvar, 150 * MSEC);
    ck_assert_int_eq(rtt_rto(f.tcb), 900 * MSEC);
    end(&f);
}
END_TEST

/* RFC 6298 2.3: RTTVAR with the old SRTT, then SRTT */
START_TEST(a_further_sample_counts_for_a_quarter_and_an_eighth)
{
    struct fixture f;

    begin(&f);
    rtt_sample(f.tcb, 400 * MSEC);
    rtt_sample(f.tcb, 800 * MSEC);
    ck_assert_int_eq(f.tcb->rttvar, 250 * MSEC); /* 3/4 * 200 + 1/4 * 400 */
    ck_assert_int_eq(f.tcb->srtt, 450 * MSEC);   /* 7/8 * 400 + 1/8 * 800 */
    ck_assert_int_eq(rtt_rto(f.tcb), 1450 * MSEC);

    rtt_sample(f.tcb, 50 * MSEC);
    ck_assert_int_eq(f.tcb->rttvar, 287500); /* 3/4 * 250 + 1/4 * 400 */
    ck_assert_int_eq(f.tcb->srtt, 400 * MSEC);
    ck_assert_int_eq(rtt_rto(f.tcb), 1550 * MSEC);
    end(&f);
}
END_TEST

/* Within the microsecond that whole numbers lose. */
static void expect_near(usec got, double expected)
{
    if (fabs((double)got - expected) > 1)
        ck_abort_msg("%lld is not near %f", (long long)got, expected);
}

START_TEST(any_samples_follow_the_formulas)
{
    struct fixture f;
    const usec floor = tcp_config_default().rto_min;

    begin(&f);
    rtt_sample(f.tcb, 100 * MSEC);
    for (int i = 0; i < 20000; i++) {
        double srtt = (double)f.tcb->srtt;
        double rttvar = (double)f.tcb->rttvar;
        usec rtt = random_below(&f.alone.env.random, 2000000) >>
                   random_below(&f.alone.env.random, 15);
        double r = (double)usec_max(rtt, 1);

        rtt_sample(f.tcb, rtt);
        expect_near(f.tcb->rttvar, 0.75 * rttvar + 0.25 * fabs(srtt - r));
        expect_near(f.tcb->srtt, 0.875 * srtt + 0.125 * r);
        ck_assert_int_eq(rtt_rto(f.tcb),
                         f.tcb->srtt + usec_max(4 * f.tcb->rttvar, floor));
    }
    end(&f);
}
END_TEST

/* Not RFC 6298 2.4: as in Linux the floor is one under the variance, so that
 * the time-out is never nearer to the round-trip time than that. */
START_TEST(a_steady_path_keeps_the_floor_above_its_round_trip)
{
    const usec rtts[] = {1 * MSEC, 10 * MSEC, 500 * MSEC};

    for (unsigned i = 0; i < ARRAY_LENGTH(rtts); i++) {
        struct fixture f;

        begin(&f);
        for (int sample = 0; sample < 200; sample++)
            rtt_sample(f.tcb, rtts[i]);
        ck_assert_int_eq(f.tcb->srtt, rtts[i]);
        ck_assert_int_eq(rtt_rto(f.tcb), rtts[i] + 200 * MSEC);
        end(&f);
    }
}
END_TEST

/* RFC 6298 2.5 */
START_TEST(the_time_out_has_a_ceiling)
{
    struct fixture f;

    begin(&f);
    rtt_sample(f.tcb, 100 * USEC_PER_SEC);
    ck_assert_int_eq(rtt_rto(f.tcb), 120 * USEC_PER_SEC);
    end(&f);
}
END_TEST

/* On a clock of whole milliseconds a local peer answers within none. */
START_TEST(a_round_trip_of_no_time_is_a_sample_too)
{
    struct fixture f;

    begin(&f);
    rtt_sample(f.tcb, 0);
    ck_assert_int_gt(f.tcb->srtt, 0);
    ck_assert_int_ge(rtt_rto(f.tcb), 200 * MSEC);
    ck_assert_int_lt(rtt_rto(f.tcb), 201 * MSEC);
    rtt_sample(f.tcb, 800 * MSEC); /* the second, not again a first one */
    ck_assert_int_lt(f.tcb->srtt, 101 * MSEC);
    end(&f);
}
END_TEST

/* ---- What is measured --------------------------------------------------- */

START_TEST(the_time_from_the_syn_to_its_acknowledgment_is_a_sample)
{
    struct tcp_segment seg = {.flags = SEG_ACK};
    struct fixture f;

    begin(&f);
    rtt_start_timing(f.tcb);
    pass(&f, 70 * MSEC + 3);
    rtt_syn_acked(f.tcb, &seg);
    ck_assert_int_eq(f.tcb->srtt, 70 * MSEC + 3);
    end(&f);
}
END_TEST

START_TEST(a_syn_that_was_sent_twice_brings_none)
{
    struct tcp_segment seg = {.flags = SEG_ACK};
    struct fixture f;

    begin(&f);
    rtt_start_timing(f.tcb);
    rtt_stop_timing(f.tcb);
    pass(&f, 70 * MSEC);
    rtt_syn_acked(f.tcb, &seg);
    expect_no_sample(&f);
    end(&f);
}
END_TEST

START_TEST(the_time_from_sending_to_the_acknowledgment_is_a_sample)
{
    struct fixture f;

    begin(&f);
    we_send(&f, 1000);
    pass(&f, 70 * MSEC);
    peer_acks(&f, 1000);
    ck_assert_int_eq(f.tcb->srtt, 70 * MSEC);
    end(&f);
}
END_TEST

/* One ACK for several, which may have been delayed: the RTO must bear that. */
START_TEST(the_first_of_several_counts)
{
    struct fixture f;

    begin(&f);
    we_send(&f, 1000);
    pass(&f, 30 * MSEC);
    we_send(&f, 2000);
    pass(&f, 30 * MSEC);
    peer_acks(&f, 2000);
    ck_assert_int_eq(f.tcb->srtt, 60 * MSEC);
    ck_assert_int_eq(f.tcb->rttvar, 30 * MSEC);

    we_send(&f, 3000);
    pass(&f, 140 * MSEC);
    peer_acks(&f, 2001);
    ck_assert_int_eq(f.tcb->srtt, 70 * MSEC); /* 7/8 * 60 + 1/8 * 140 */
    end(&f);
}
END_TEST

START_TEST(what_is_selectively_acknowledged_is_a_sample_too)
{
    struct fixture f;

    begin(&f);
    we_send(&f, 1000);
    pass(&f, 30 * MSEC);
    we_send(&f, 2000);
    pass(&f, 100 * MSEC);
    peer_sacks(&f, 1000, 2000);
    ck_assert_int_eq(f.tcb->srtt, 100 * MSEC);
    pass(&f, 500 * MSEC);
    peer_sacks(&f, 1000, 2000); /* no news */
    ck_assert_int_eq(f.tcb->srtt, 100 * MSEC);
    end(&f);
}
END_TEST

/* RFC 6298 3, Karn: whose acknowledgment would it be? Nor that of what has
 * waited for it. */
START_TEST(what_was_sent_twice_brings_no_sample)
{
    struct fixture f;

    begin(&f);
    we_send(&f, 1000);
    pass(&f, 10 * MSEC);
    we_send(&f, 2000);
    pass(&f, 30 * MSEC);
    we_send_again(&f, 0, 1000);
    pass(&f, 30 * MSEC);
    peer_acks(&f, 2000);
    expect_no_sample(&f);
    end(&f);
}
END_TEST

START_TEST(an_acknowledgment_of_nothing_new_is_no_sample)
{
    struct fixture f;

    begin(&f);
    we_send(&f, 1000);
    pass(&f, 30 * MSEC);
    peer_acks(&f, 0);
    expect_no_sample(&f);
    end(&f);
}
END_TEST

/* RFC 7323 4.2: many samples in a round trip must not shorten what is
 * remembered of those before it. */
START_TEST(the_variance_falls_once_in_a_round_trip)
{
    struct fixture f;

    begin(&f);
    rtt_sample(f.tcb, 400 * MSEC);
    we_send(&f, 100);
    f.tcb->rtt_round = 100;
    for (tcp_seq seq = 1; seq < 100; seq++) {
        f.tcb->snd_una = seq;
        rtt_sample(f.tcb, 400 * MSEC);
        ck_assert_int_eq(f.tcb->rttvar, 200 * MSEC);
    }
    f.tcb->snd_una = 100;
    rtt_sample(f.tcb, 400 * MSEC);
    ck_assert_int_eq(f.tcb->rttvar, 150 * MSEC);
    end(&f);
}
END_TEST

START_TEST(it_rises_at_once_and_falls_by_the_largest_error)
{
    struct fixture f;

    begin(&f);
    rtt_sample(f.tcb, 400 * MSEC);
    we_send(&f, 100);
    f.tcb->rtt_round = 100;
    f.tcb->snd_una = 1;
    rtt_sample(f.tcb, 800 * MSEC);
    ck_assert_int_eq(f.tcb->rttvar, 250 * MSEC); /* 3/4 * 200 + 1/4 * 400 */
    for (tcp_seq seq = 2; seq < 50; seq++) {
        f.tcb->snd_una = seq;
        rtt_sample(f.tcb, 450 * MSEC);
    }
    f.tcb->snd_una = 100; /* this round had an error of 400 */
    rtt_sample(f.tcb, 450 * MSEC);
    ck_assert_int_eq(f.tcb->rttvar, 250 * MSEC);
    end(&f);
}
END_TEST

/* ---- Backing off -------------------------------------------------------- */

/* RFC 6298 5.5 */
START_TEST(each_expiry_doubles_the_time_out_up_to_the_ceiling)
{
    const usec seconds[] = {1, 2, 4, 8, 16, 32, 64, 120, 120};
    struct fixture f;

    begin(&f);
    for (uint8_t i = 0; i < ARRAY_LENGTH(seconds); i++) {
        f.tcb->backoff = i;
        ck_assert_int_eq(rtt_rto(f.tcb), seconds[i] * USEC_PER_SEC);
    }
    f.tcb->backoff = UINT8_MAX;
    ck_assert_int_eq(rtt_rto(f.tcb), 120 * USEC_PER_SEC);
    end(&f);
}
END_TEST

/* Karn's second half, RFC 6298 5.7's note: until there is a new sample */
START_TEST(the_time_out_stays_backed_off_until_there_is_a_sample)
{
    struct fixture f;

    begin(&f);
    rtt_sample(f.tcb, 100 * MSEC);
    f.tcb->backoff = 2;
    ck_assert_int_eq(rtt_rto(f.tcb), 1200 * MSEC);
    we_send(&f, 2000);
    we_send_again(&f, 0, 2000);
    peer_acks(&f, 2000); /* of which? */
    ck_assert_int_eq(rtt_rto(f.tcb), 1200 * MSEC);
    we_send(&f, 3000);
    pass(&f, 100 * MSEC);
    peer_acks(&f, 3000);
    ck_assert_int_eq(f.tcb->backoff, 0);
    ck_assert_int_eq(rtt_rto(f.tcb), 300 * MSEC); /* the floor */
    end(&f);
}
END_TEST

/* ---- Timestamps, RFC 7323 4 --------------------------------------------- */

/* Nobody then asks for the second of two transmissions: Karn's question does
 * not arise. */
START_TEST(with_timestamps_what_was_sent_twice_brings_a_sample)
{
    struct fixture f;

    begin(&f);
    f.tcb->has_timestamps = true;
    f.tcb->backoff = 1;
    we_send(&f, 1000);
    pass(&f, 300 * MSEC);
    we_send_again(&f, 0, 1000);

    uint32_t sent_again = tcb_timestamp(f.tcb);
    pass(&f, 40 * MSEC);
    peer_echoes(&f, 1000, sent_again);
    ck_assert_int_eq(f.tcb->srtt, 40 * MSEC);
    ck_assert_int_eq(f.tcb->backoff, 0);
    end(&f);
}
END_TEST

/* Their clock has steps of a millisecond, and a peer may say anything. */
START_TEST(what_was_sent_once_is_timed_without_them)
{
    struct fixture f;

    begin(&f);
    f.tcb->has_timestamps = true;
    we_send(&f, 1000);
    pass(&f, 123);
    peer_echoes(&f, 1000, tcb_timestamp(f.tcb) - 10000);
    ck_assert_int_eq(f.tcb->srtt, 123);
    end(&f);
}
END_TEST

START_TEST(the_timestamp_clock_may_wrap_between_question_and_answer)
{
    struct fixture f;

    begin(&f);
    f.tcb->has_timestamps = true;
    f.tcb->ts_offset = 0u - tcb_timestamp(f.tcb) - 30;
    ck_assert_uint_eq(tcb_timestamp(f.tcb), 0xffffffe2);
    we_send(&f, 1000);
    we_send_again(&f, 0, 1000);
    pass(&f, 70 * MSEC);
    ck_assert_uint_eq(tcb_timestamp(f.tcb), 40);
    peer_echoes(&f, 1000, 0xffffffe2);
    ck_assert_int_eq(f.tcb->srtt, 70 * MSEC);
    end(&f);
}
END_TEST

START_TEST(an_echo_of_nothing_or_of_the_future_is_no_sample)
{
    struct fixture f;

    begin(&f);
    f.tcb->has_timestamps = true;
    we_send(&f, 3000);
    we_send_again(&f, 0, 3000);
    peer_echoes(&f, 1000, 0);
    peer_echoes(&f, 2000, tcb_timestamp(f.tcb) + 1);
    peer_echoes(&f, 3000, tcb_timestamp(f.tcb) + 0x7fffffff);
    expect_no_sample(&f);
    end(&f);
}
END_TEST

UNIT_MAIN("tcp_rtt", before_the_first_sample_the_time_out_is_one_second,
          the_first_sample_is_the_round_trip_and_half_of_it_the_variance,
          a_further_sample_counts_for_a_quarter_and_an_eighth,
          any_samples_follow_the_formulas,
          a_steady_path_keeps_the_floor_above_its_round_trip,
          the_time_out_has_a_ceiling, a_round_trip_of_no_time_is_a_sample_too,
          the_time_from_the_syn_to_its_acknowledgment_is_a_sample,
          a_syn_that_was_sent_twice_brings_none,
          the_time_from_sending_to_the_acknowledgment_is_a_sample,
          the_first_of_several_counts,
          what_is_selectively_acknowledged_is_a_sample_too,
          what_was_sent_twice_brings_no_sample,
          an_acknowledgment_of_nothing_new_is_no_sample,
          the_variance_falls_once_in_a_round_trip,
          it_rises_at_once_and_falls_by_the_largest_error,
          each_expiry_doubles_the_time_out_up_to_the_ceiling,
          the_time_out_stays_backed_off_until_there_is_a_sample,
          with_timestamps_what_was_sent_twice_brings_a_sample,
          what_was_sent_once_is_timed_without_them,
          the_timestamp_clock_may_wrap_between_question_and_answer,
          an_echo_of_nothing_or_of_the_future_is_no_sample)
