/*
 * Slow start and congestion avoidance, RFC 5681 3.1 by RFC 3465.
 */
#include "unit.h"

#include "tcp_alone.h"

enum { MSS = 1000 };

struct fixture {
    struct tcp_alone alone;
    struct tcb *tcb;
};

/* A connection whose output was held back by cwnd, and by nothing else. */
static void begin(struct fixture *f)
{
    tcp_alone_open(&f->alone);
    f->tcb = tcp_alone_tcb(&f->alone);
    f->tcb->snd_mss = MSS;
    f->tcb->is_cwnd_limited = true;
    f->tcb->cc = &tcp_newreno;
    f->tcb->cc->init(f->tcb);
}

static void end(struct fixture *f)
{
    tcp_alone_close(&f->alone);
}

static void begin_avoidance(struct fixture *f, uint32_t cwnd)
{
    begin(f);
    f->tcb->cwnd = cwnd;
    f->tcb->ssthresh = cwnd;
}

static void peer_acks(struct fixture *f, uint32_t bytes)
{
    f->tcb->cc->acked(f->tcb, bytes);
}

static void expect_cwnd(const struct fixture *f, uint32_t cwnd)
{
    ck_assert_uint_eq(f->tcb->cwnd, cwnd);
}

/* ---- The initial window ------------------------------------------------- */

START_TEST(a_connection_begins_in_slow_start_with_ten_segments)
{
    struct fixture f;

    begin(&f);
    expect_cwnd(&f, 10 * MSS);
    ck_assert_uint_ge(f.tcb->ssthresh, 1 << 30); /* RFC 5681 3.1: high */
    end(&f);
}
END_TEST

static uint32_t initial_window(uint16_t mss)
{
    struct fixture f;
    uint32_t cwnd;

    begin(&f);
    f.tcb->snd_mss = mss;
    f.tcb->cc->init(f.tcb);
    cwnd = f.tcb->cwnd;
    end(&f);
    return cwnd;
}

/* RFC 6928 2: at most min (10*MSS, max (2*MSS, 14600)) */
START_TEST(the_initial_window_of_large_segments_is_bounded_in_bytes)
{
    ck_assert_uint_eq(initial_window(536), 5360);
    ck_assert_uint_eq(initial_window(1460), 14600);
    ck_assert_uint_le(initial_window(4000), 14600);
    ck_assert_uint_le(initial_window(8960), 17920);
    ck_assert_uint_le(initial_window(65495), 130990);
}
END_TEST

/* RFC 5681 3.1, RFC 6928 2: two SYNs that were lost say that the path is full,
 * one may have been sent again too early. */
START_TEST(after_two_lost_syns_the_initial_window_is_one_segment)
{
    struct fixture f;

    begin(&f);
    f.tcb->syn_resends = 1;
    f.tcb->cc->init(f.tcb);
    expect_cwnd(&f, 10 * MSS);
    f.tcb->syn_resends = 2;
    f.tcb->cc->init(f.tcb);
    expect_cwnd(&f, MSS);
    end(&f);
}
END_TEST

/* ---- Slow start --------------------------------------------------------- */

START_TEST(in_slow_start_each_acknowledged_byte_adds_one)
{
    struct fixture f;

    begin(&f);
    peer_acks(&f, MSS);
    expect_cwnd(&f, 11 * MSS);
    peer_acks(&f, 1);
    expect_cwnd(&f, 11 * MSS + 1);
    peer_acks(&f, 2 * MSS); /* a delayed ACK, for two segments */
    expect_cwnd(&f, 13 * MSS + 1);
    end(&f);
}
END_TEST

/* RFC 3465 2.2: L = 2, so that an ACK of much lets no burst out */
START_TEST(in_slow_start_one_ack_adds_two_segments_at_most)
{
    struct fixture f;

    begin(&f);
    peer_acks(&f, 2 * MSS + 1);
    expect_cwnd(&f, 12 * MSS);
    peer_acks(&f, 10 * MSS);
    expect_cwnd(&f, 14 * MSS);
    end(&f);
}
END_TEST

START_TEST(slow_start_doubles_the_window_each_round_trip)
{
    struct fixture f;

    begin(&f);
    for (uint32_t window = 10; window <= 160; window *= 2) {
        expect_cwnd(&f, window * MSS);
        for (uint32_t acked = 0; acked < window; acked += 2)
            peer_acks(&f, 2 * MSS);
    }
    end(&f);
}
END_TEST

/* RFC 3465 2.3: what was sent again may not be gone, so L = 1 */
START_TEST(in_slow_start_after_a_time_out_one_ack_adds_one_segment_at_most)
{
    struct fixture f;

    begin(&f);
    f.tcb->cwnd = MSS;
    f.tcb->phase = RECOVERY_LOSS;
    peer_acks(&f, 5 * MSS);
    expect_cwnd(&f, 2 * MSS);
    peer_acks(&f, 300);
    expect_cwnd(&f, 2 * MSS + 300);
    end(&f);
}
END_TEST

START_TEST(slow_start_ends_at_ssthresh)
{
    struct fixture f;

    begin(&f);
    f.tcb->ssthresh = 12 * MSS;
    peer_acks(&f, MSS);
    peer_acks(&f, MSS);
    expect_cwnd(&f, 12 * MSS);
    peer_acks(&f, MSS);
    expect_cwnd(&f, 12 * MSS);
    end(&f);
}
END_TEST

/* ---- Congestion avoidance ----------------------------------------------- */

/* RFC 5681 3.1, RFC 3465 2.1 */
START_TEST(congestion_avoidance_adds_one_segment_for_each_window_acknowledged)
{
    struct fixture f;

    begin_avoidance(&f, 10 * MSS);
    for (uint32_t window = 10; window < 50; window++) {
        for (uint32_t acked = 1; acked < window; acked++) {
            peer_acks(&f, MSS);
            expect_cwnd(&f, window * MSS);
        }
        peer_acks(&f, MSS);
        expect_cwnd(&f, (window + 1) * MSS);
    }
    end(&f);
}
END_TEST

START_TEST(how_many_acks_a_window_takes_does_not_matter)
{
    struct fixture f;

    begin_avoidance(&f, 10 * MSS);
    peer_acks(&f, 9 * MSS);
    peer_acks(&f, MSS - 1);
    expect_cwnd(&f, 10 * MSS);
    peer_acks(&f, 1);
    expect_cwnd(&f, 11 * MSS);
    peer_acks(&f, 11 * MSS);
    expect_cwnd(&f, 12 * MSS);
    end(&f);
}
END_TEST

START_TEST(what_is_acknowledged_beyond_a_window_counts_towards_the_next)
{
    struct fixture f;

    begin_avoidance(&f, 10 * MSS);
    peer_acks(&f, 9 * MSS);
    peer_acks(&f, 2 * MSS); /* one segment more than the window */
    expect_cwnd(&f, 11 * MSS);
    peer_acks(&f, 9 * MSS);
    expect_cwnd(&f, 11 * MSS);
    peer_acks(&f, MSS);
    expect_cwnd(&f, 12 * MSS);
    end(&f);
}
END_TEST

/* ---- Not used, lost, idle ----------------------------------------------- */

/* RFC 7661 1: nothing has shown that the path would bear more. */
START_TEST(a_window_that_is_not_used_does_not_grow)
{
    struct fixture f;

    begin(&f);
    f.tcb->is_cwnd_limited = false;
    for (int i = 0; i < 100; i++)
        peer_acks(&f, 2 * MSS);
    expect_cwnd(&f, 10 * MSS);

    f.tcb->ssthresh = 10 * MSS;
    for (int i = 0; i < 100; i++)
        peer_acks(&f, 2 * MSS);
    expect_cwnd(&f, 10 * MSS);

    f.tcb->is_cwnd_limited = true; /* and that is not made up for */
    peer_acks(&f, 2 * MSS);
    expect_cwnd(&f, 10 * MSS);
    end(&f);
}
END_TEST

START_TEST(the_window_never_wraps)
{
    struct fixture f;

    begin(&f);
    f.tcb->snd_mss = 65495;
    f.tcb->cwnd = 1u << 30;
    for (int i = 0; i < 50000; i++) {
        uint32_t before = f.tcb->cwnd;

        peer_acks(&f, 2 * 65495);
        ck_assert_uint_ge(f.tcb->cwnd, before);
    }
    end(&f);
}
END_TEST

/* RFC 5681 3.1 (4): max (FlightSize / 2, 2*SMSS). Not of cwnd, which may be
 * much larger than what was sent. */
START_TEST(a_loss_sets_ssthresh_to_half_of_what_was_in_flight)
{
    struct fixture f;

    begin(&f);
    f.tcb->cwnd = 100 * MSS;
    f.tcb->cc->lost(f.tcb, 40 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 20 * MSS);
    f.tcb->cc->lost(f.tcb, 4 * MSS + 2);
    ck_assert_uint_eq(f.tcb->ssthresh, 2 * MSS + 1);
    f.tcb->cc->lost(f.tcb, 3 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 2 * MSS);
    f.tcb->cc->lost(f.tcb, 0);
    ck_assert_uint_eq(f.tcb->ssthresh, 2 * MSS);
    end(&f);
}
END_TEST

START_TEST(a_loss_begins_the_count_towards_the_next_increase_anew)
{
    struct fixture f;

    begin_avoidance(&f, 10 * MSS);
    peer_acks(&f, 9 * MSS);
    f.tcb->cc->lost(f.tcb, 20 * MSS); /* ssthresh is 10 segments again */
    peer_acks(&f, 9 * MSS);
    expect_cwnd(&f, 10 * MSS);
    peer_acks(&f, MSS);
    expect_cwnd(&f, 11 * MSS);
    end(&f);
}
END_TEST

/* RFC 3168 6.1.2: "bounded below by a value of one MSS"; ssthresh as after a
 * loss. */
START_TEST(a_mark_halves_the_window_at_once_down_to_one_segment)
{
    struct fixture f;

    begin_avoidance(&f, 20 * MSS);
    peer_acks(&f, 19 * MSS);
    f.tcb->cc->marked(f.tcb, 20 * MSS);
    expect_cwnd(&f, 10 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 10 * MSS);
    peer_acks(&f, 9 * MSS); /* the count begins anew */
    expect_cwnd(&f, 10 * MSS);
    f.tcb->cc->marked(f.tcb, 3 * MSS);
    expect_cwnd(&f, MSS + MSS / 2);
    ck_assert_uint_eq(f.tcb->ssthresh, 2 * MSS);
    f.tcb->cc->marked(f.tcb, MSS + MSS / 2);
    expect_cwnd(&f, MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 2 * MSS);
    end(&f);
}
END_TEST

START_TEST(a_mark_is_not_undone)
{
    struct fixture f;

    begin_avoidance(&f, 20 * MSS);
    f.tcb->cc->lost(f.tcb, 20 * MSS);
    f.tcb->cc->marked(f.tcb, 10 * MSS);
    f.tcb->cc->undo(f.tcb);
    expect_cwnd(&f, 5 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 5 * MSS);
    end(&f);
}
END_TEST

/* RFC 8511 3.1; 4: not "when cwnd is smaller than or equal to ssthresh" */
START_TEST(with_abe_a_mark_takes_a_fifth_in_congestion_avoidance)
{
    struct fixture f;

    begin_avoidance(&f, 19 * MSS);
    f.alone.tcp.config.abe = true;
    f.tcb->cwnd = 20 * MSS;
    f.tcb->cc->marked(f.tcb, 20 * MSS);
    expect_cwnd(&f, 16 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 16 * MSS);
    f.tcb->cc->marked(f.tcb, 16 * MSS);
    expect_cwnd(&f, 8 * MSS);
    end(&f);
}
END_TEST

/* RFC 5681 4.1: RW = min (IW, cwnd); ssthresh remembers */
START_TEST(after_an_idle_time_the_window_is_at_most_the_initial_one)
{
    struct fixture f;

    begin(&f);
    f.tcb->cwnd = 50 * MSS;
    f.tcb->ssthresh = 40 * MSS;
    f.tcb->cc->idle(f.tcb);
    expect_cwnd(&f, 10 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 40 * MSS);

    f.tcb->cwnd = 3 * MSS;
    f.tcb->cc->idle(f.tcb);
    expect_cwnd(&f, 3 * MSS);
    end(&f);
}
END_TEST

/* RFC 4015 3.2 (DONE): what the last loss took, unless there is more again */
START_TEST(a_loss_that_was_none_is_undone_once)
{
    struct fixture f;

    begin_avoidance(&f, 20 * MSS);
    f.tcb->cc->lost(f.tcb, 20 * MSS);
    f.tcb->cwnd = MSS;
    f.tcb->cc->timed_out(f.tcb);
    f.tcb->cc->undo(f.tcb);
    expect_cwnd(&f, 20 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 20 * MSS);

    f.tcb->cwnd = 5 * MSS;
    f.tcb->cc->undo(f.tcb);
    expect_cwnd(&f, 5 * MSS);

    f.tcb->cc->lost(f.tcb, 5 * MSS);
    f.tcb->cwnd = 6 * MSS;
    f.tcb->cc->undo(f.tcb);
    expect_cwnd(&f, 6 * MSS);
    end(&f);
}
END_TEST

UNIT_MAIN("tcp_newreno", a_connection_begins_in_slow_start_with_ten_segments,
          the_initial_window_of_large_segments_is_bounded_in_bytes,
          after_two_lost_syns_the_initial_window_is_one_segment,
          in_slow_start_each_acknowledged_byte_adds_one,
          in_slow_start_one_ack_adds_two_segments_at_most,
          slow_start_doubles_the_window_each_round_trip,
          in_slow_start_after_a_time_out_one_ack_adds_one_segment_at_most,
          slow_start_ends_at_ssthresh,
          congestion_avoidance_adds_one_segment_for_each_window_acknowledged,
          how_many_acks_a_window_takes_does_not_matter,
          what_is_acknowledged_beyond_a_window_counts_towards_the_next,
          a_window_that_is_not_used_does_not_grow, the_window_never_wraps,
          a_loss_sets_ssthresh_to_half_of_what_was_in_flight,
          a_loss_that_was_none_is_undone_once,
          a_mark_halves_the_window_at_once_down_to_one_segment,
          a_mark_is_not_undone,
          with_abe_a_mark_takes_a_fifth_in_congestion_avoidance,
          a_loss_begins_the_count_towards_the_next_increase_anew,
          after_an_idle_time_the_window_is_at_most_the_initial_one)
