/*
 * Congestion window validation, RFC 7661, by NewReno, whose halves are easily
 * counted.
 */
#include "unit.h"

#include "tcp/tcp_cwv.h"
#include "tcp_alone.h"

enum { MSS = 1000 };

#define MSEC USEC_PER_MSEC
#define MINUTE (60 * USEC_PER_SEC)

struct fixture {
    struct tcp_alone alone;
    struct tcb *tcb;
};

/* The round trip is 100 ms, so the sampling period 1 s. */
static void begin_with(struct fixture *f, const char *congestion, uint32_t cwnd)
{
    tcp_alone_open(&f->alone);
    f->tcb = tcp_alone_tcb(&f->alone);
    tcp_cc_assign(f->tcb, tcp_cc_find(congestion));
    f->tcb->snd_mss = MSS;
    f->tcb->state = TCPS_ESTABLISHED;
    f->tcb->srtt = 100 * MSEC;
    f->tcb->cc->init(f->tcb);
    f->tcb->cwnd = cwnd;
    cwv_begin(f->tcb);
}

static void begin(struct fixture *f, uint32_t cwnd)
{
    begin_with(f, "reno", cwnd);
}

static void end(struct fixture *f)
{
    f->tcb->snd_una = f->tcb->snd_nxt;
    tcp_alone_close(&f->alone);
}

static void pass(struct fixture *f, usec time)
{
    f->alone.env.now += time;
}

/* So many bytes go and are acknowledged by two ACKs, 100 ms later. */
static void exchange(struct fixture *f, uint32_t bytes)
{
    cwv_sending(f->tcb);
    f->tcb->snd_nxt += bytes;
    pass(f, 100 * MSEC);
    f->tcb->snd_una += bytes / 2;
    cwv_acked(f->tcb, bytes / 2);
    f->tcb->snd_una = f->tcb->snd_nxt;
    cwv_acked(f->tcb, bytes - bytes / 2);
}

/* ---- pipeACK: 4.1, 4.2 -------------------------------------------------- */

START_TEST(at_the_beginning_it_is_undefined)
{
    struct fixture f;

    begin(&f, 10 * MSS);
    ck_assert_uint_eq(cwv_pipe_ack(f.tcb), UINT32_MAX);
    ck_assert(!f.tcb->cwv.is_in_nvp);
    end(&f);
}
END_TEST

START_TEST(it_is_what_was_acknowledged_in_a_round_trip)
{
    struct fixture f;

    begin(&f, 10 * MSS);
    exchange(&f, 7 * MSS);
    ck_assert_uint_eq(cwv_pipe_ack(f.tcb), 7 * MSS);
    end(&f);
}
END_TEST

/* Max(3 * RTT, 1 s) */
START_TEST(the_most_of_the_last_second_counts)
{
    struct fixture f;

    begin(&f, 10 * MSS);
    exchange(&f, 8 * MSS);
    for (int i = 0; i < 8; i++) {
        exchange(&f, 2 * MSS);
        ck_assert_uint_eq(cwv_pipe_ack(f.tcb), 8 * MSS);
    }
    exchange(&f, 3 * MSS);
    exchange(&f, 2 * MSS);
    ck_assert_uint_eq(cwv_pipe_ack(f.tcb), 3 * MSS);
    end(&f);
}
END_TEST

START_TEST(or_of_the_last_three_round_trips)
{
    struct fixture f;

    begin(&f, 10 * MSS);
    f.tcb->srtt = USEC_PER_SEC;
    exchange(&f, 8 * MSS);
    pass(&f, 2500 * MSEC);
    ck_assert_uint_eq(cwv_pipe_ack(f.tcb), 8 * MSS);
    pass(&f, 1000 * MSEC);
    ck_assert_uint_eq(cwv_pipe_ack(f.tcb), 0);
    end(&f);
}
END_TEST

/* ---- The phases: 4.3, 4.4 ----------------------------------------------- */

START_TEST(half_of_the_window_validates_it)
{
    struct fixture f;

    begin(&f, 10 * MSS);
    exchange(&f, 5 * MSS);
    ck_assert(!f.tcb->cwv.is_in_nvp);
    pass(&f, 2 * USEC_PER_SEC);
    exchange(&f, 5 * MSS - 2);
    ck_assert(f.tcb->cwv.is_in_nvp);
    exchange(&f, 6 * MSS);
    ck_assert(!f.tcb->cwv.is_in_nvp);
    end(&f);
}
END_TEST

/* Slow start doubles the window while its round trip lasts. */
START_TEST(slow_start_validates_its_window)
{
    struct fixture f;

    begin(&f, 10 * MSS);
    f.tcb->is_cwnd_limited = true;
    for (int round = 0; round < 8; round++) {
        uint32_t flight = f.tcb->cwnd;

        f.tcb->snd_nxt = f.tcb->snd_una + flight;
        pass(&f, 100 * MSEC);
        for (uint32_t acked = 0; acked < flight; acked += 2 * MSS) {
            f.tcb->snd_una += 2 * MSS;
            cwv_acked(f.tcb, 2 * MSS);
            f.tcb->cc->acked(f.tcb, 2 * MSS);
            f.tcb->snd_nxt = f.tcb->snd_una + f.tcb->cwnd;
            cwv_sending(f.tcb);
            ck_assert(!f.tcb->cwv.is_in_nvp);
        }
    }
    ck_assert_uint_gt(f.tcb->cwnd, 1000 * MSS);
    end(&f);
}
END_TEST

/* ---- The end of the non-validated period: 4.4.3 ------------------------- */

START_TEST(for_five_minutes_the_window_is_kept)
{
    struct fixture f;

    begin(&f, 100 * MSS);
    f.tcb->ssthresh = 50 * MSS;
    exchange(&f, 100 * MSS);
    pass(&f, 4 * MINUTE + 59 * USEC_PER_SEC);
    cwv_sending(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, 100 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 50 * MSS);
    pass(&f, 3 * USEC_PER_SEC);
    cwv_sending(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, 50 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 75 * MSS);
    end(&f);
}
END_TEST

/* 4.5.2: "one reduction for each NVP", not below the initial window. */
START_TEST(an_hour_halves_it_down_to_the_initial_window)
{
    struct fixture f;

    begin(&f, 100 * MSS);
    f.tcb->ssthresh = 50 * MSS;
    exchange(&f, 100 * MSS);
    pass(&f, 60 * MINUTE);
    cwv_sending(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, 10 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 75 * MSS);
    cwv_sending(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, 10 * MSS);
    end(&f);
}
END_TEST

START_TEST(a_window_of_which_little_is_used_is_halved_too)
{
    struct fixture f;

    begin(&f, 100 * MSS);
    exchange(&f, 100 * MSS);
    for (int i = 0; i < 2990; i++) /* 299 s */
        exchange(&f, 4 * MSS);
    ck_assert_uint_eq(f.tcb->cwnd, 100 * MSS);
    for (int i = 0; i < 60; i++)
        exchange(&f, 4 * MSS);
    ck_assert_uint_eq(f.tcb->cwnd, 50 * MSS);
    end(&f);
}
END_TEST

/* ---- A loss: 4.4.1 ------------------------------------------------------ */

START_TEST(in_the_validated_phase_the_flight_counts)
{
    struct fixture f;

    begin(&f, 20 * MSS);
    exchange(&f, 20 * MSS);
    ck_assert_uint_eq(cwv_lost(f.tcb, 6 * MSS), 6 * MSS);
    f.tcb->cwnd = f.tcb->ssthresh = 3 * MSS;
    f.tcb->phase = RECOVERY_FAST;
    cwv_resent(f.tcb, 2 * MSS);
    cwv_recovered(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, 3 * MSS);
    end(&f);
}
END_TEST

/* cwnd = (max(pipeACK, LossFlightSize) - R) / 2 */
START_TEST(in_the_other_what_was_used_counts_less_what_was_lost)
{
    struct fixture f;
    uint32_t flight;

    begin(&f, 100 * MSS);
    exchange(&f, 30 * MSS);
    ck_assert(f.tcb->cwv.is_in_nvp);
    flight = cwv_lost(f.tcb, 8 * MSS);
    ck_assert_uint_eq(flight, 30 * MSS);
    f.tcb->cc->lost(f.tcb, flight);
    f.tcb->phase = RECOVERY_FAST;
    ck_assert_uint_eq(f.tcb->ssthresh, 15 * MSS);
    cwv_resent(f.tcb, 3 * MSS);
    cwv_resent(f.tcb, 3 * MSS);
    f.tcb->cwnd = f.tcb->ssthresh;
    f.tcb->phase = RECOVERY_NONE;
    cwv_recovered(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, 12 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 12 * MSS);
    ck_assert_uint_eq(cwv_pipe_ack(f.tcb), UINT32_MAX);
    ck_assert(!f.tcb->cwv.is_in_nvp);
    end(&f);
}
END_TEST

START_TEST(a_flight_larger_than_that_counts_itself)
{
    struct fixture f;

    begin(&f, 100 * MSS);
    exchange(&f, 30 * MSS);
    ck_assert_uint_eq(cwv_lost(f.tcb, 80 * MSS), 80 * MSS);
    end(&f);
}
END_TEST

/* "MUST NOT be reduced below 1 TCP Maximum Segment Size" */
START_TEST(when_all_was_lost_a_segment_is_left)
{
    struct fixture f;

    begin(&f, 100 * MSS);
    exchange(&f, 10 * MSS);
    f.tcb->cc->lost(f.tcb, cwv_lost(f.tcb, 20 * MSS));
    f.tcb->phase = RECOVERY_FAST;
    cwv_resent(f.tcb, 25 * MSS);
    f.tcb->phase = RECOVERY_NONE;
    cwv_recovered(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, MSS);
    end(&f);
}
END_TEST

/* RFC 9438 4.6 refers to all this: with its own factor. */
START_TEST(cubic_takes_seven_tenths_of_it)
{
    struct fixture f;

    begin_with(&f, "cubic", 100 * MSS);
    exchange(&f, 30 * MSS);
    f.tcb->cc->lost(f.tcb, cwv_lost(f.tcb, 8 * MSS));
    f.tcb->phase = RECOVERY_FAST;
    ck_assert_uint_eq(f.tcb->ssthresh, 21 * MSS);
    cwv_resent(f.tcb, 10 * MSS);
    f.tcb->phase = RECOVERY_NONE;
    cwv_recovered(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, 14 * MSS);
    end(&f);
}
END_TEST

START_TEST(when_switched_off_the_flight_alone_counts)
{
    struct fixture f;

    begin(&f, 100 * MSS);
    f.alone.tcp.config.cwv = false;
    exchange(&f, 30 * MSS);
    ck_assert_uint_eq(cwv_lost(f.tcb, 8 * MSS), 8 * MSS);
    pass(&f, 60 * MINUTE);
    cwv_sending(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, 100 * MSS);
    end(&f);
}
END_TEST

UNIT_MAIN("tcp cwv", at_the_beginning_it_is_undefined,
          it_is_what_was_acknowledged_in_a_round_trip,
          the_most_of_the_last_second_counts, or_of_the_last_three_round_trips,
          half_of_the_window_validates_it, slow_start_validates_its_window,
          for_five_minutes_the_window_is_kept,
          an_hour_halves_it_down_to_the_initial_window,
          a_window_of_which_little_is_used_is_halved_too,
          in_the_validated_phase_the_flight_counts,
          in_the_other_what_was_used_counts_less_what_was_lost,
          a_flight_larger_than_that_counts_itself,
          when_all_was_lost_a_segment_is_left, cubic_takes_seven_tenths_of_it,
          when_switched_off_the_flight_alone_counts)
