/*
 * CUBIC: the formulas of RFC 9438 against the same in floating point, and what
 * a connection's window does by them.
 */
#include "unit.h"

#include "tcp_alone.h"

#include <math.h>

enum { MSS = 1000, RTT_MS = 100 };

static const double beta = 0.7;
static const double c_cubic = 0.4; /* segments per cubic second */

struct fixture {
    struct tcp_alone alone;
    struct tcb *tcb;
};

/* A connection whose output is held back by cwnd, and by nothing else. */
static void begin_with(struct fixture *f, const struct tcp_config *config)
{
    tcp_alone_open_with(&f->alone, config, 1);
    f->tcb = tcp_alone_tcb(&f->alone);
    f->tcb->snd_mss = MSS;
    f->tcb->srtt = RTT_MS * USEC_PER_MSEC;
    f->tcb->is_cwnd_limited = true;
    f->tcb->snd_nxt = f->tcb->snd_una + 1; /* something is in flight */
    f->tcb->cc->init(f->tcb);
}

static void begin(struct fixture *f)
{
    struct tcp_config config = tcp_config_default();

    begin_with(f, &config);
}

static void end(struct fixture *f)
{
    f->tcb->snd_nxt = f->tcb->snd_una;
    tcp_alone_close(&f->alone);
}

static struct cubic_curve *curve(struct fixture *f)
{
    return &f->tcb->cc_state.cubic.curve;
}

/* A loss with so much in flight, and the end of recovery. */
static void lose(struct fixture *f, uint32_t cwnd)
{
    f->tcb->cwnd = cwnd;
    f->tcb->cc->lost(f->tcb, cwnd);
    f->tcb->cwnd = f->tcb->ssthresh;
}

static void peer_acks(struct fixture *f, uint32_t bytes)
{
    f->tcb->cc->acked(f->tcb, bytes);
}

static void time_passes(struct fixture *f, usec time)
{
    f->alone.env.now += time;
}

/* One window is acknowledged in a round trip, by ACKs of so many bytes. */
static void round_trip(struct fixture *f, uint32_t each)
{
    uint32_t cwnd = f->tcb->cwnd;
    uint32_t acks = max_u32(cwnd / each, 1);

    for (uint32_t i = 0; i < acks; i++) {
        time_passes(f, RTT_MS * USEC_PER_MSEC / acks);
        peer_acks(f, cwnd / acks);
    }
}

static void expect_near(double value, double reference, double tolerance)
{
    if (fabs(value - reference) > tolerance)
        ck_abort_msg("%.1f is not %.1f, within %.1f", value, reference,
                     tolerance);
}

/* ---- The cube root ------------------------------------------------------ */

START_TEST(a_cube_has_its_root_and_one_less_the_next_lower)
{
    const uint64_t largest = 2642245; /* its cube is the last below 2^64 */

    for (uint64_t root = 1; root <= largest; root += 1 + root / 64) {
        ck_assert_uint_eq(cubic_root(root * root * root), root);
        ck_assert_uint_eq(cubic_root(root * root * root - 1), root - 1);
    }
    ck_assert_uint_eq(cubic_root(largest * largest * largest), largest);
    ck_assert_uint_eq(cubic_root(UINT64_MAX), largest);
    ck_assert_uint_eq(cubic_root(0), 0);
}
END_TEST

START_TEST(any_number_has_the_root_of_the_reference)
{
    struct random random;

    random_init(&random, (struct hash_key){1, 2});
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t n = (uint64_t)random_u32(&random) << 32 | random_u32(&random);

        n >>= random_below(&random, 64);
        ck_assert(fabs((double)cubic_root(n) - cbrt((double)n)) <= 1.0);
    }
}
END_TEST

/* ---- The formulas ------------------------------------------------------- */

static double reference_k(uint32_t w_max, uint32_t cwnd_epoch, uint32_t mss)
{
    return cbrt((w_max - (double)cwnd_epoch) / mss / c_cubic) * 1000;
}

static double reference_window(double t, double k, double w_max, double mss)
{
    double seconds = (t - k) / 1000;
    double window = c_cubic * seconds * seconds * seconds * mss + w_max;

    return fmax(0, fmin(window, TCP_CWND_MAX));
}

START_TEST(k_is_the_time_to_come_back_to_w_max)
{
    static const uint32_t mss[] = {48, 536, 1448, 8960, 65000};

    for (uint32_t w_max = 2; w_max < TCP_CWND_MAX; w_max *= 2)
        for (unsigned i = 0; i < ARRAY_LENGTH(mss); i++) {
            uint32_t cwnd = w_max / 10 * 7;

            expect_near(cubic_k(w_max, cwnd, mss[i]),
                        reference_k(w_max, cwnd, mss[i]), 1);
        }
    ck_assert_uint_eq(cubic_k(1000, 1000, MSS), 0);
    ck_assert_uint_eq(cubic_k(1000, 2000, MSS), 0);
    ck_assert_uint_gt(cubic_k(UINT32_MAX, 0, 48), 0);
}
END_TEST

START_TEST(w_cubic_is_the_cubic_function_of_time)
{
    static const uint32_t mss[] = {48, 536, 1448, 8960, 65535};
    static const uint32_t k[] = {0, 1, 777, 4217, 30000, 600000};
    static const uint32_t w_max[] = {0, 14480, 1 << 20, TCP_CWND_MAX};

    for (unsigned m = 0; m < ARRAY_LENGTH(mss); m++)
        for (unsigned i = 0; i < ARRAY_LENGTH(k); i++)
            for (unsigned w = 0; w < ARRAY_LENGTH(w_max); w++)
                for (uint64_t t = 0; t < 10000000; t += 1 + t / 8)
                    expect_near(
                        cubic_window(t, k[i], w_max[w], mss[m]),
                        reference_window((double)t, k[i], w_max[w], mss[m]), 1);
}
END_TEST

START_TEST(a_time_beyond_all_measure_gives_the_largest_window)
{
    ck_assert_uint_eq(cubic_window(UINT64_MAX, 0, 1000, MSS), TCP_CWND_MAX);
    ck_assert_uint_eq(cubic_window(UINT64_MAX, 0, UINT32_MAX, MSS),
                      TCP_CWND_MAX);
    ck_assert_uint_eq(cubic_window(0, UINT32_MAX, 1000, MSS), 0);
}
END_TEST

/* ---- A loss: RFC 9438 4.6, 4.7 ------------------------------------------ */

START_TEST(a_loss_takes_three_tenths_of_what_was_in_flight)
{
    struct fixture f;

    begin(&f);
    f.tcb->cwnd = 100 * MSS;
    f.tcb->cc->lost(f.tcb, 90 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 63 * MSS);
    ck_assert_uint_eq(curve(&f)->w_max, 100 * MSS);
    ck_assert_uint_eq(curve(&f)->cwnd_prior, 100 * MSS);
    end(&f);
}
END_TEST

START_TEST(ssthresh_is_at_least_two_segments)
{
    struct fixture f;

    begin(&f);
    f.tcb->cc->lost(f.tcb, 2 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 2 * MSS);
    f.tcb->cc->lost(f.tcb, UINT32_MAX); /* without overflow */
    ck_assert_uint_eq(f.tcb->ssthresh, UINT32_MAX / 10 * 7 + 3);
    end(&f);
}
END_TEST

START_TEST(a_loss_below_w_max_makes_room_for_others)
{
    struct fixture f;

    begin(&f);
    lose(&f, 100 * MSS);
    lose(&f, 80 * MSS);
    ck_assert_uint_eq(curve(&f)->w_max, 68 * MSS);
    ck_assert_uint_eq(curve(&f)->cwnd_prior, 80 * MSS);
    lose(&f, 90 * MSS); /* above W_max again */
    ck_assert_uint_eq(curve(&f)->w_max, 90 * MSS);
    end(&f);
}
END_TEST

START_TEST(fast_convergence_can_be_switched_off)
{
    struct tcp_config config = tcp_config_default();
    struct fixture f;

    config.cubic_fast_convergence = false;
    begin_with(&f, &config);
    lose(&f, 100 * MSS);
    lose(&f, 80 * MSS);
    ck_assert_uint_eq(curve(&f)->w_max, 80 * MSS);
    end(&f);
}
END_TEST

/* "cwnd is at least 1 SMSS", ssthresh two; W_max as after a loss. */
START_TEST(a_mark_takes_three_tenths_at_once_down_to_one_segment)
{
    struct fixture f;

    begin(&f);
    f.tcb->cwnd = 100 * MSS;
    f.tcb->cc->marked(f.tcb, 90 * MSS);
    ck_assert_uint_eq(f.tcb->cwnd, 63 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 63 * MSS);
    ck_assert_uint_eq(curve(&f)->w_max, 100 * MSS);
    ck_assert_uint_eq(curve(&f)->cwnd_prior, 100 * MSS);
    f.tcb->cc->marked(f.tcb, 2 * MSS);
    ck_assert_uint_eq(f.tcb->cwnd, MSS * 14 / 10);
    ck_assert_uint_eq(f.tcb->ssthresh, 2 * MSS);
    f.tcb->cc->marked(f.tcb, MSS * 14 / 10);
    ck_assert_uint_eq(f.tcb->cwnd, MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 2 * MSS);
    end(&f);
}
END_TEST

START_TEST(a_mark_is_not_undone)
{
    struct fixture f;

    begin(&f);
    lose(&f, 100 * MSS);
    f.tcb->cc->marked(f.tcb, 70 * MSS);
    f.tcb->cc->undo(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, 49 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 49 * MSS);
    end(&f);
}
END_TEST

/* RFC 8511 3.1: 0.85 for CUBIC */
START_TEST(with_abe_a_mark_takes_less_in_congestion_avoidance)
{
    struct tcp_config config = tcp_config_default();
    struct fixture f;

    config.abe = true;
    begin_with(&f, &config);
    f.tcb->cwnd = 100 * MSS;
    f.tcb->ssthresh = 90 * MSS;
    f.tcb->cc->marked(f.tcb, 100 * MSS);
    ck_assert_uint_eq(f.tcb->cwnd, 85 * MSS);
    f.tcb->cc->marked(f.tcb, 80 * MSS); /* cwnd is not above ssthresh */
    ck_assert_uint_eq(f.tcb->cwnd, 56 * MSS);
    end(&f);
}
END_TEST

/* ---- Congestion avoidance ----------------------------------------------- */

/* On a path with a large window, where Reno would be far behind, cwnd follows
 * W_cubic(t), and after K it is W_max. */
static void expect_curve_is_followed(uint32_t each)
{
    const uint32_t w_max = 1000 * MSS;
    struct fixture f;
    double k = reference_k(w_max, 700 * MSS, MSS);

    begin(&f);
    lose(&f, w_max);
    peer_acks(&f, 1);
    ck_assert_uint_eq(curve(&f)->k, (uint32_t)k);
    for (double t = RTT_MS; t < 2 * k; t += RTT_MS) {
        round_trip(&f, each);
        expect_near(f.tcb->cwnd, reference_window(t, k, w_max, MSS),
                    w_max / 50);
    }
    ck_assert_uint_gt(f.tcb->cwnd, 1250 * MSS);
    end(&f);
}

START_TEST(the_window_follows_the_curve)
{
    expect_curve_is_followed(MSS);
}
END_TEST

START_TEST(delayed_acks_change_nothing)
{
    expect_curve_is_followed(2 * MSS);
}
END_TEST

START_TEST(an_ack_may_cover_a_super_segment)
{
    expect_curve_is_followed(64 * MSS);
}
END_TEST

/* RFC 9438 4.2: by half the window in a round trip, however long ago the loss
 * was. */
START_TEST(the_window_grows_by_no_more_than_half_in_a_round_trip)
{
    struct fixture f;
    uint32_t cwnd;

    begin(&f);
    lose(&f, 100 * MSS);
    peer_acks(&f, 1);
    time_passes(&f, 1000 * USEC_PER_SEC);
    cwnd = f.tcb->cwnd;
    peer_acks(&f, cwnd);
    ck_assert_uint_le(f.tcb->cwnd, cwnd / 2 * 3);
    ck_assert_uint_ge(f.tcb->cwnd, cwnd / 2 * 3 - MSS);
    end(&f);
}
END_TEST

/* RFC 9438 4.3 in segments and seconds. */
static double reference_estimate(unsigned round_trips, double cwnd,
                                 double prior)
{
    double w_est = cwnd;

    for (unsigned i = 0; i < round_trips; i++)
        w_est += w_est < prior ? 3 * (1 - beta) / (1 + beta) : 1;
    return w_est;
}

/* A small window on a short path: W_cubic hardly moves, so Reno's growth
 * counts, with alpha_cubic until cwnd_prior and then with 1. */
START_TEST(where_reno_is_faster_the_window_is_renos)
{
    struct fixture f;

    begin(&f);
    lose(&f, 20 * MSS);
    for (unsigned i = 1; i <= 20; i++) {
        uint32_t cwnd = f.tcb->cwnd;

        for (uint32_t sent = 0; sent < cwnd; sent += MSS) {
            time_passes(&f, 10);
            peer_acks(&f, min_u32(MSS, cwnd - sent));
        }
        expect_near(f.tcb->cwnd, MSS * reference_estimate(i, 14, 20),
                    i * 0.03 * MSS);
    }
    ck_assert_uint_gt(f.tcb->cwnd, 25 * MSS);
    end(&f);
}
END_TEST

/* RFC 9438 4.2, 5.8 */
START_TEST(time_without_need_of_the_window_does_not_count)
{
    struct fixture busy, pausing;

    begin(&busy);
    begin(&pausing);
    lose(&busy, 1000 * MSS);
    lose(&pausing, 1000 * MSS);
    for (unsigned i = 0; i < 20; i++) {
        round_trip(&busy, MSS);
        round_trip(&pausing, MSS);
    }
    pausing.tcb->is_cwnd_limited = false;
    peer_acks(&pausing, MSS);
    time_passes(&pausing, 60 * USEC_PER_SEC);
    pausing.tcb->is_cwnd_limited = true;
    for (unsigned i = 0; i < 20; i++) {
        round_trip(&busy, MSS);
        round_trip(&pausing, MSS);
    }
    expect_near(pausing.tcb->cwnd, busy.tcb->cwnd, 2 * MSS);
    end(&busy);
    end(&pausing);
}
END_TEST

START_TEST(idle_time_does_not_count_either)
{
    struct fixture f;
    uint32_t cwnd;

    begin(&f);
    lose(&f, 1000 * MSS);
    round_trip(&f, MSS);
    f.tcb->snd_nxt = f.tcb->snd_una; /* the last ACK: nothing is in flight */
    peer_acks(&f, MSS);
    f.tcb->snd_nxt = f.tcb->snd_una + 1;
    time_passes(&f, 150 * USEC_PER_MSEC); /* below the RTO: no restart */
    cwnd = f.tcb->cwnd;
    peer_acks(&f, MSS);
    /* ten times what a round trip brings here would be MSS * 1 */
    ck_assert_uint_le(f.tcb->cwnd, cwnd + MSS / 10);
    end(&f);
}
END_TEST

/* Where a pass takes in the ACKs of all that was in flight, and more waits to
 * be sent by its flush, the time until they are answered counts. */
START_TEST(a_flight_that_one_pass_acknowledges_is_no_idle_time)
{
    struct fixture whole, split;
    struct iovec iov = {.iov_base = (uint8_t[MSS]){0}, .iov_len = MSS};

    begin(&whole);
    begin(&split);
    lose(&whole, 1000 * MSS);
    lose(&split, 1000 * MSS);
    whole.tcb->snd_wnd = UINT16_MAX;
    sndbuf_init(&whole.tcb->sndbuf, whole.tcb->snd_una, MSS);
    ck_assert_int_eq(
        sndbuf_write(&whole.tcb->sndbuf, &whole.alone.memory, &iov, 1), MSS);
    for (unsigned i = 0; i < 40; i++) {
        whole.tcb->snd_nxt = whole.tcb->snd_una; /* as the last ACK finds it */
        peer_acks(&whole, whole.tcb->cwnd);
        peer_acks(&split, split.tcb->cwnd);
        time_passes(&whole, RTT_MS * USEC_PER_MSEC);
        time_passes(&split, RTT_MS * USEC_PER_MSEC);
    }
    ck_assert_uint_gt(split.tcb->cwnd, 800 * MSS);
    ck_assert_uint_eq(whole.tcb->cwnd, split.tcb->cwnd);
    end(&whole);
    end(&split);
}
END_TEST

START_TEST(a_window_that_is_not_used_does_not_grow)
{
    struct fixture f;

    begin(&f);
    f.tcb->is_cwnd_limited = false;
    peer_acks(&f, 10 * MSS);
    ck_assert_uint_eq(f.tcb->cwnd, 10 * MSS);
    lose(&f, 100 * MSS);
    time_passes(&f, 100 * USEC_PER_SEC);
    peer_acks(&f, 10 * MSS);
    ck_assert_uint_eq(f.tcb->cwnd, 70 * MSS);
    end(&f);
}
END_TEST

START_TEST(the_window_never_becomes_too_large_to_count)
{
    struct fixture f;

    begin(&f);
    f.tcb->srtt = 10 * USEC_PER_SEC;
    for (unsigned i = 0; i < 1000; i++) {
        uint32_t before = f.tcb->cwnd;

        time_passes(&f, 10 * USEC_PER_SEC);
        peer_acks(&f, before);
        ck_assert_uint_ge(f.tcb->cwnd, before);
        ck_assert_uint_lt(f.tcb->cwnd, 1u << 31);
        if (i == 20)
            f.tcb->ssthresh = f.tcb->cwnd;
    }
    ck_assert_uint_ge(f.tcb->cwnd, TCP_CWND_MAX);
    end(&f);
}
END_TEST

/* ---- Slow start, time-out, idle ----------------------------------------- */

START_TEST(slow_start_doubles_the_window_and_stops_at_ssthresh)
{
    struct fixture f;

    begin(&f);
    ck_assert_uint_eq(f.tcb->cwnd, 10 * MSS);
    for (unsigned i = 0; i < 5; i++)
        peer_acks(&f, 2 * MSS);
    ck_assert_uint_eq(f.tcb->cwnd, 20 * MSS);
    peer_acks(&f, 20 * MSS); /* at once */
    ck_assert_uint_eq(f.tcb->cwnd, 40 * MSS);
    f.tcb->ssthresh = 60 * MSS;
    peer_acks(&f, 30 * MSS);
    ck_assert_uint_eq(f.tcb->cwnd, 60 * MSS);
    end(&f);
}
END_TEST

/* RFC 9406 4.3: L */
START_TEST(what_an_ack_counts_in_slow_start_can_be_limited_without_pacing)
{
    struct tcp_config config = tcp_config_default();
    struct fixture f;

    config.slow_start_limit = 8;
    begin_with(&f, &config);
    peer_acks(&f, 7 * MSS);
    ck_assert_uint_eq(f.tcb->cwnd, 17 * MSS);
    peer_acks(&f, 17 * MSS);
    ck_assert_uint_eq(f.tcb->cwnd, 25 * MSS);
    f.tcb->is_paced = true; /* L is infinite */
    peer_acks(&f, 25 * MSS);
    ck_assert_uint_eq(f.tcb->cwnd, 50 * MSS);
    end(&f);
}
END_TEST

/* RFC 9438 4.8 */
/* Slow start has ended without a loss; ten round trips, which is nothing to the
 * cubic function of a path so short. */
static double growth_without_w_max(const struct tcp_config *config)
{
    const uint32_t cwnd = 500 * MSS;
    struct fixture f;
    double growth;

    begin_with(&f, config);
    f.tcb->cwnd = cwnd;
    f.tcb->ssthresh = cwnd;
    f.tcb->srtt = 1 * USEC_PER_MSEC;
    for (unsigned i = 0; i < 10; i++) {
        time_passes(&f, 1 * USEC_PER_MSEC);
        peer_acks(&f, f.tcb->cwnd);
    }
    growth = (double)f.tcb->cwnd / cwnd;
    end(&f);
    return growth;
}

START_TEST(where_no_w_max_is_known_the_window_grows_by_a_twentieth)
{
    struct tcp_config config = tcp_config_default();

    expect_near(growth_without_w_max(&config), pow(1.05, 10), 0.01);
    config.cubic_search = false; /* as Reno, 4.3 */
    expect_near(growth_without_w_max(&config), 1 + 10.0 / 500, 0.01);
}
END_TEST

START_TEST(a_loss_ends_the_search)
{
    struct fixture f;

    begin(&f);
    f.tcb->ssthresh = f.tcb->cwnd;
    peer_acks(&f, 1);
    ck_assert(curve(&f)->is_search);
    lose(&f, 1000 * MSS);
    peer_acks(&f, 1);
    ck_assert(!curve(&f)->is_search);
    f.tcb->cc->undo(f.tcb); /* it was none */
    ck_assert(curve(&f)->is_search);
    end(&f);
}
END_TEST

START_TEST(after_a_time_out_the_curve_begins_at_its_plateau)
{
    struct fixture f;

    begin(&f);
    lose(&f, 1000 * MSS);
    f.tcb->cc->timed_out(f.tcb);
    f.tcb->cwnd = MSS;
    f.tcb->phase = RECOVERY_LOSS;
    peer_acks(&f, 10 * MSS); /* L = 1 */
    ck_assert_uint_eq(f.tcb->cwnd, 2 * MSS);
    f.tcb->phase = RECOVERY_NONE;
    while (f.tcb->cwnd < f.tcb->ssthresh)
        peer_acks(&f, 8 * MSS);
    ck_assert_uint_eq(f.tcb->cwnd, 700 * MSS);
    peer_acks(&f, MSS);
    ck_assert_uint_eq(curve(&f)->k, 0);
    ck_assert_uint_eq(curve(&f)->w_max, 700 * MSS);
    ck_assert_uint_eq(curve(&f)->cwnd_prior, 1000 * MSS);
    end(&f);
}
END_TEST

START_TEST(after_an_idle_time_the_window_begins_small_and_comes_back)
{
    struct fixture f;

    begin(&f);
    lose(&f, 100 * MSS);
    peer_acks(&f, MSS);
    f.tcb->cwnd = 200 * MSS;
    f.tcb->cc->idle(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, 10 * MSS);      /* RFC 5681 4.1 */
    ck_assert_uint_eq(f.tcb->ssthresh, 150 * MSS); /* RFC 7661 4.4.3 */
    end(&f);
}
END_TEST

/* RFC 9438 4.10 */
START_TEST(a_rise_of_the_round_trip_time_ends_slow_start_without_a_loss)
{
    struct fixture f;
    uint32_t cwnd;

    begin(&f);
    for (unsigned round = 0; round < 10; round++)
        for (unsigned i = 0; i < 10; i++) {
            f.tcb->cc->rtt_sample(f.tcb,
                                  (100 + 20 * (usec)round) * USEC_PER_MSEC);
            f.tcb->snd_una += MSS;
            f.tcb->snd_nxt = f.tcb->snd_una + 9 * MSS;
            peer_acks(&f, MSS);
        }
    cwnd = f.tcb->ssthresh;
    ck_assert_uint_ne(cwnd, UINT32_MAX);
    ck_assert_uint_eq(curve(&f)->cwnd_prior, cwnd);
    ck_assert_uint_eq(curve(&f)->w_max, cwnd);
    ck_assert_uint_eq(curve(&f)->k, 0);
    ck_assert_uint_lt(f.tcb->cwnd, cwnd + 8 * MSS);
    end(&f);
}
END_TEST

/* ---- A loss that was none: RFC 9438 4.9.2 -------------------------------- */

START_TEST(what_was_no_loss_is_undone)
{
    struct cubic_curve before;
    struct fixture f;

    begin(&f);
    lose(&f, 100 * MSS);
    for (unsigned i = 0; i < 30; i++)
        round_trip(&f, MSS);
    before = *curve(&f);
    lose(&f, 90 * MSS);
    f.tcb->cc->timed_out(f.tcb);
    f.tcb->cwnd = MSS;
    f.tcb->cc->undo(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, 90 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 70 * MSS);
    ck_assert_uint_eq(curve(&f)->w_max, before.w_max);
    ck_assert_uint_eq(curve(&f)->k, before.k);
    ck_assert_int_eq(curve(&f)->epoch, before.epoch);
    ck_assert_uint_eq(curve(&f)->w_est, before.w_est);
    ck_assert_uint_eq(curve(&f)->cwnd_prior, 100 * MSS);
    end(&f);
}
END_TEST

START_TEST(an_undo_that_comes_late_or_twice_takes_nothing_away)
{
    struct fixture f;

    begin(&f);
    lose(&f, 100 * MSS);
    f.tcb->cwnd = 120 * MSS;
    f.tcb->ssthresh = 110 * MSS;
    f.tcb->cc->undo(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, 120 * MSS);
    ck_assert_uint_ge(f.tcb->ssthresh, 110 * MSS);
    f.tcb->cwnd = 50 * MSS;
    f.tcb->cc->undo(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, 50 * MSS);
    end(&f);
}
END_TEST

/* RFC 4015 3.2: a loss that was none ends no slow start, also where recovery
 * had not yet made the window smaller. */
START_TEST(an_undo_goes_back_to_slow_start)
{
    static const struct tcp_cc_ops *const algorithms[] = {&tcp_cubic,
                                                          &tcp_newreno};

    for (unsigned i = 0; i < ARRAY_LENGTH(algorithms); i++) {
        struct fixture f;

        begin(&f);
        tcp_cc_assign(f.tcb, algorithms[i]);
        f.tcb->cwnd = 100 * MSS;
        f.tcb->ssthresh = UINT32_MAX;
        f.tcb->cc->lost(f.tcb, 100 * MSS);
        ck_assert_uint_lt(f.tcb->ssthresh, 100 * MSS);
        f.tcb->cc->undo(f.tcb);
        ck_assert_uint_eq(f.tcb->ssthresh, UINT32_MAX);
        ck_assert_uint_eq(f.tcb->cwnd, 100 * MSS);
        end(&f);
    }
}
END_TEST

/* ---- The table ---------------------------------------------------------- */

START_TEST(each_algorithm_is_found_by_its_name_and_is_whole)
{
    ck_assert_ptr_eq(tcp_cc_find("cubic"), &tcp_cubic);
    ck_assert_ptr_eq(tcp_cc_find("reno"), &tcp_newreno);
    ck_assert_ptr_null(tcp_cc_find("CUBIC"));
    ck_assert_ptr_null(tcp_cc_find(""));
    for (size_t i = 0; tcp_cc_at(i) != NULL; i++) {
        const struct tcp_cc_ops *cc = tcp_cc_at(i);

        ck_assert_uint_lt(strlen(cc->name), TCP_CONGESTION_MAX);
        ck_assert_ptr_eq(tcp_cc_find(cc->name), cc);
        ck_assert(cc->init != NULL && cc->acked != NULL && cc->lost != NULL);
        ck_assert(cc->marked != NULL);
        ck_assert(cc->timed_out != NULL && cc->undo != NULL);
        ck_assert(cc->idle != NULL && cc->rtt_sample != NULL);
    }
}
END_TEST

START_TEST(another_algorithm_takes_over_the_window)
{
    struct fixture f;

    begin(&f);
    f.tcb->state = TCPS_ESTABLISHED;
    lose(&f, 100 * MSS);
    tcp_cc_assign(f.tcb, &tcp_newreno);
    ck_assert_uint_eq(f.tcb->cwnd, 70 * MSS);
    ck_assert_uint_eq(f.tcb->ssthresh, 70 * MSS);
    f.tcb->cwnd = 10 * MSS;
    f.tcb->cc->undo(f.tcb); /* nothing of the other's is left */
    ck_assert_uint_eq(f.tcb->cwnd, 10 * MSS);
    tcp_cc_assign(f.tcb, &tcp_cubic);
    ck_assert_uint_eq(f.tcb->cwnd, 10 * MSS);
    f.tcb->state = TCPS_CLOSED;
    end(&f);
}
END_TEST

UNIT_MAIN(
    "tcp_cubic", a_cube_has_its_root_and_one_less_the_next_lower,
    any_number_has_the_root_of_the_reference,
    k_is_the_time_to_come_back_to_w_max, w_cubic_is_the_cubic_function_of_time,
    a_time_beyond_all_measure_gives_the_largest_window,
    a_loss_takes_three_tenths_of_what_was_in_flight,
    ssthresh_is_at_least_two_segments, a_loss_below_w_max_makes_room_for_others,
    fast_convergence_can_be_switched_off,
    a_mark_takes_three_tenths_at_once_down_to_one_segment, a_mark_is_not_undone,
    with_abe_a_mark_takes_less_in_congestion_avoidance,
    the_window_follows_the_curve, delayed_acks_change_nothing,
    an_ack_may_cover_a_super_segment,
    the_window_grows_by_no_more_than_half_in_a_round_trip,
    where_reno_is_faster_the_window_is_renos,
    time_without_need_of_the_window_does_not_count,
    idle_time_does_not_count_either,
    a_flight_that_one_pass_acknowledges_is_no_idle_time,
    a_window_that_is_not_used_does_not_grow,
    the_window_never_becomes_too_large_to_count,
    slow_start_doubles_the_window_and_stops_at_ssthresh,
    what_an_ack_counts_in_slow_start_can_be_limited_without_pacing,
    where_no_w_max_is_known_the_window_grows_by_a_twentieth,
    a_loss_ends_the_search, after_a_time_out_the_curve_begins_at_its_plateau,
    after_an_idle_time_the_window_begins_small_and_comes_back,
    a_rise_of_the_round_trip_time_ends_slow_start_without_a_loss,
    what_was_no_loss_is_undone,
    an_undo_that_comes_late_or_twice_takes_nothing_away,
    an_undo_goes_back_to_slow_start,
    each_algorithm_is_found_by_its_name_and_is_whole,
    another_algorithm_takes_over_the_window)
