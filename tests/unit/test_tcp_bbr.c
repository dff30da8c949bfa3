/*
 * BBR against draft-ietf-ccwg-bbr-06: samples of the path are made up, and what
 * the model makes of them is held beside the draft's formulas in floating
 * point. How samples are measured is test_tcp_rate's affair.
 */
#include "unit.h"

#include "tcp_alone.h"

#include <math.h>

enum { MSS = 1000, RTT_MS = 100 };

static const usec rtt = RTT_MS * USEC_PER_MSEC;

struct fixture {
    struct tcp_alone alone;
    struct tcb *tcb;
    usec rtt;
};

static struct bbr *model(struct fixture *f)
{
    return &f->tcb->cc_state.bbr;
}

/* By the letter of the draft: test_tcp_bbr_losses has what differs. */
static void begin(struct fixture *f)
{
    struct tcp_config config = tcp_config_default();

    config.bbr_strict = true;
    tcp_alone_open_with(&f->alone, &config, 1);
    f->rtt = rtt;
    f->tcb = tcp_alone_tcb(&f->alone);
    f->tcb->state = TCPS_ESTABLISHED;
    f->tcb->snd_mss = MSS;
    f->tcb->has_sack = true;
    f->tcb->srtt = rtt;
    f->tcb->cc = &tcp_bbr;
    f->tcb->cc->init(f->tcb);
    pacing_init(f->tcb);
}

static void end(struct fixture *f)
{
    tcp_alone_close(&f->alone);
}

/* What is on its way, as far as the model can see. */
static void set_inflight(struct fixture *f, uint32_t bytes)
{
    f->tcb->snd_nxt = f->tcb->snd_una + bytes;
}

struct ack {
    uint64_t rate; /* bytes a second; 0: so much that a round trip took */
    uint32_t bytes;
    uint32_t lost;
    uint32_t tx_in_flight;
    bool is_app_limited;
    bool within_a_round;
    bool has_no_rtt;
};

static void take_ack(struct fixture *f, struct ack ack)
{
    struct rate_sample sample = {
        .has_data = true,
        .prior_delivered = ack.within_a_round ? 0 : f->tcb->rate.delivered,
        .delivered = ack.bytes,
        .delivery_rate = ack.rate,
        .rtt = ack.has_no_rtt ? USEC_NEVER : f->rtt,
        .newly_acked = ack.bytes,
        .lost = ack.lost,
        .tx_in_flight = ack.tx_in_flight,
        .is_app_limited = ack.is_app_limited,
    };

    f->tcb->rate.delivered += ack.bytes;
    f->tcb->cc->model(f->tcb, &sample);
}

/* One ACK that ends a round trip; time goes on by it. */
#define round_trip(f, ...)                                                     \
    do {                                                                       \
        (f)->alone.env.now += (f)->rtt;                                        \
        take_ack(f, (struct ack){__VA_ARGS__});                                \
    } while (0)

static void range_is_lost(struct fixture *f, tcp_seq start, tcp_seq end,
                          uint32_t tx_in_flight)
{
    struct sent_range range = {
        .start = start,
        .end = end,
        .stamp = {.tx_in_flight = tx_in_flight,
                  .lost = (uint32_t)f->tcb->board.lost_ever},
    };

    f->tcb->board.lost_ever += end - start;
    f->tcb->cc->range_lost(f->tcb, &range);
}

static void expect_state(struct fixture *f, enum bbr_state state)
{
    ck_assert_int_eq(model(f)->state, state);
}

/* 5.6.2: with a margin of 1 % */
static void expect_pacing(const struct fixture *f, double gain, double bw)
{
    double rate = gain * bw * 0.99;

    ck_assert_double_le(fabs((double)f->tcb->pacing.rate - rate),
                        rate / 1000 + 2);
}

static void expect_cwnd(const struct fixture *f, double cwnd)
{
    ck_assert_double_le(fabs(f->tcb->cwnd - cwnd), cwnd / 1000 + 2);
}

static double bdp(const struct fixture *f, double bw)
{
    return bw * (double)f->rtt / 1e6;
}

enum { BW = 10000000, BDP = BW / 1000 * RTT_MS }; /* 1 MB */

/* To the end of Startup, with a pipe that gives BW. */
static void fill_pipe(struct fixture *f)
{
    set_inflight(f, 2 * BDP);
    round_trip(f, .rate = BW / 2, .bytes = BDP / 2);
    for (int i = 0; i < 4; i++)
        round_trip(f, .rate = BW, .bytes = BDP);
    expect_state(f, BBR_DRAIN);
}

/* With no more than a BDP in flight ProbeBW_DOWN has nothing to do: the same
 * ACK goes on to ProbeBW_CRUISE (5.2.3, the order of the steps). */
static void cruise(struct fixture *f)
{
    fill_pipe(f);
    set_inflight(f, BDP / 2);
    take_ack(f, (struct ack){.rate = BW, .bytes = MSS, .within_a_round = true});
    expect_state(f, BBR_PROBE_BW_CRUISE);
}

static void probe(struct fixture *f)
{
    cruise(f);
    f->alone.env.now += 3 * USEC_PER_SEC;
    take_ack(f, (struct ack){.rate = BW, .bytes = MSS, .within_a_round = true});
    expect_state(f, BBR_PROBE_BW_REFILL);
    round_trip(f, .rate = BW, .bytes = BDP);
    expect_state(f, BBR_PROBE_BW_UP);
}

/* ---- Startup: 5.3.1 ----------------------------------------------------- */

/* 5.6.2 InitPacingRate() */
START_TEST(it_begins_with_the_initial_window_in_a_round_trip_times_the_gain)
{
    struct fixture f;

    begin(&f);
    expect_state(&f, BBR_STARTUP);
    ck_assert_uint_eq(f.tcb->cwnd, 10 * MSS);
    ck_assert_double_le(
        fabs((double)f.tcb->pacing.rate - 2.77 * 10 * MSS * 1000 / RTT_MS), 2);
    end(&f);
}
END_TEST

START_TEST(before_the_first_round_trip_is_known_it_is_taken_for_a_millisecond)
{
    struct fixture f;

    begin(&f);
    f.tcb->srtt = 0;
    f.tcb->cc->init(f.tcb);
    ck_assert_double_le(fabs((double)f.tcb->pacing.rate - 2.77e7), 2);
    f.tcb->srtt = 50 * USEC_PER_MSEC;
    f.tcb->cc->rtt_sample(f.tcb, f.tcb->srtt);
    ck_assert_double_le(fabs((double)f.tcb->pacing.rate - 2.77e4 * 20), 2);
    end(&f);
}
END_TEST

START_TEST(in_startup_rate_and_window_follow_what_is_delivered)
{
    struct fixture f;

    begin(&f);
    set_inflight(&f, BDP);
    for (uint32_t bw = BW / 32; bw <= BW; bw *= 2) {
        round_trip(&f, .rate = bw, .bytes = (uint32_t)bdp(&f, bw));
        expect_state(&f, BBR_STARTUP);
        expect_pacing(&f, 2.77, bw);
        ck_assert_double_ge(f.tcb->cwnd, bdp(&f, bw));
    }
    end(&f);
}
END_TEST

/* 5.3.1.2: three rounds with less than 25 % more */
START_TEST(three_rounds_without_growth_are_a_full_pipe)
{
    struct fixture f;

    begin(&f);
    set_inflight(&f, 2 * BDP);
    round_trip(&f, .rate = BW, .bytes = BDP);
    round_trip(&f, .rate = BW / 100 * 124, .bytes = BDP);
    round_trip(&f, .rate = BW / 100 * 124, .bytes = BDP);
    expect_state(&f, BBR_STARTUP);
    round_trip(&f, .rate = BW / 100 * 124, .bytes = BDP);
    expect_state(&f, BBR_DRAIN);
    expect_pacing(&f, 0.5, BW / 100.0 * 124);
    end(&f);
}
END_TEST

START_TEST(growth_of_a_quarter_begins_the_count_anew)
{
    struct fixture f;

    begin(&f);
    set_inflight(&f, 2 * BDP);
    round_trip(&f, .rate = BW, .bytes = BDP);
    round_trip(&f, .rate = BW, .bytes = BDP);
    round_trip(&f, .rate = BW, .bytes = BDP);
    round_trip(&f, .rate = BW / 4 * 5, .bytes = BDP);
    round_trip(&f, .rate = BW / 4 * 5, .bytes = BDP);
    round_trip(&f, .rate = BW / 4 * 5, .bytes = BDP);
    expect_state(&f, BBR_STARTUP);
    round_trip(&f, .rate = BW / 4 * 5, .bytes = BDP);
    expect_state(&f, BBR_DRAIN);
    end(&f);
}
END_TEST

START_TEST(rounds_that_the_program_limits_do_not_count)
{
    struct fixture f;

    begin(&f);
    round_trip(&f, .rate = BW, .bytes = BDP);
    for (int i = 0; i < 10; i++)
        round_trip(&f, .rate = BW / 2, .bytes = BDP, .is_app_limited = true);
    expect_state(&f, BBR_STARTUP);
    expect_pacing(&f, 2.77, BW); /* nor do they lower the rate, 5.5.4 */
    round_trip(&f, .rate = 2 * BW, .bytes = BDP, .is_app_limited = true);
    expect_pacing(&f, 2.77, 2.0 * BW); /* but a higher one is news */
    end(&f);
}
END_TEST

/* 5.3.1.3 */
static enum bbr_state state_after_losses(unsigned ranges, uint32_t each)
{
    struct fixture f;
    enum bbr_state state;

    begin(&f);
    set_inflight(&f, 2 * BDP);
    round_trip(&f, .rate = BW, .bytes = BDP);
    for (unsigned i = 0; i < ranges; i++)
        range_is_lost(&f, 1 + 2 * each * i, 1 + 2 * each * i + each, BDP);
    f.tcb->phase = RECOVERY_FAST;
    round_trip(&f, .rate = 2 * BW, .bytes = BDP, .lost = ranges * each,
               .tx_in_flight = BDP);
    state = model(&f)->state;
    if (state == BBR_DRAIN)
        ck_assert_uint_eq(model(&f)->inflight_longterm, 2 * BDP);
    end(&f);
    return state;
}

START_TEST(startup_ends_with_six_losses_of_more_than_2_percent)
{
    ck_assert_int_eq(state_after_losses(6, BDP / 250), BBR_DRAIN);
    ck_assert_int_eq(state_after_losses(5, BDP / 200), BBR_STARTUP);
    ck_assert_int_eq(state_after_losses(6, BDP / 350), BBR_STARTUP);
}
END_TEST

/* ---- Drain and ProbeBW: 5.3.2, 5.3.3 ------------------------------------ */

START_TEST(drain_ends_when_no_more_than_a_bdp_is_in_flight)
{
    struct fixture f;

    begin(&f);
    fill_pipe(&f);
    set_inflight(&f, BDP + MSS);
    take_ack(&f,
             (struct ack){.rate = BW, .bytes = MSS, .within_a_round = true});
    expect_state(&f, BBR_DRAIN);
    set_inflight(&f, BDP);
    take_ack(&f,
             (struct ack){.rate = BW, .bytes = MSS, .within_a_round = true});
    expect_state(&f, BBR_PROBE_BW_CRUISE);
    end(&f);
}
END_TEST

START_TEST(drain_ends_after_three_rounds_in_any_case)
{
    struct fixture f;

    begin(&f);
    fill_pipe(&f);
    for (int i = 0; i < 3; i++)
        round_trip(&f, .rate = BW, .bytes = BDP);
    expect_state(&f, BBR_DRAIN);
    round_trip(&f, .rate = BW, .bytes = BDP);
    expect_state(&f, BBR_PROBE_BW_DOWN);
    end(&f);
}
END_TEST

START_TEST(a_cycle_goes_down_cruises_refills_and_goes_up)
{
    struct fixture f;

    begin(&f);
    cruise(&f);
    expect_pacing(&f, 1.0, BW);
    ck_assert_double_ge(f.tcb->cwnd, 0);
    f.alone.env.now += 3 * USEC_PER_SEC;
    take_ack(&f,
             (struct ack){.rate = BW, .bytes = MSS, .within_a_round = true});
    expect_state(&f, BBR_PROBE_BW_REFILL);
    expect_pacing(&f, 1.0, BW);
    round_trip(&f, .rate = BW, .bytes = BDP);
    expect_state(&f, BBR_PROBE_BW_UP);
    expect_pacing(&f, 1.25, BW);
    for (int i = 0; i < 3; i++)
        round_trip(&f, .rate = BW, .bytes = BDP);
    expect_state(&f, BBR_PROBE_BW_DOWN); /* the pipe is full */
    expect_pacing(&f, 0.9, BW);
    end(&f);
}
END_TEST

/* 5.3.3.8: 2 to 3 s, or 62 to 63 rounds */
START_TEST(the_next_probe_comes_between_two_and_three_seconds)
{
    struct fixture f;

    begin(&f);
    cruise(&f);
    ck_assert_uint_ge(model(&f)->bw_probe_wait, 2000000);
    ck_assert_uint_lt(model(&f)->bw_probe_wait, 3000000);
    f.alone.env.now = model(&f)->cycle_stamp + model(&f)->bw_probe_wait;
    take_ack(&f,
             (struct ack){.rate = BW, .bytes = MSS, .within_a_round = true});
    expect_state(&f, BBR_PROBE_BW_CRUISE);
    f.alone.env.now++;
    take_ack(&f,
             (struct ack){.rate = BW, .bytes = MSS, .within_a_round = true});
    expect_state(&f, BBR_PROBE_BW_REFILL);
    end(&f);
}
END_TEST

START_TEST(or_after_the_rounds_that_reno_would_take)
{
    struct fixture f;
    unsigned rounds = 0;

    begin(&f);
    cruise(&f);
    while (model(&f)->state == BBR_PROBE_BW_CRUISE && rounds < 100) {
        f.alone.env.now += USEC_PER_MSEC;
        take_ack(&f, (struct ack){.rate = BW, .bytes = MSS});
        rounds++;
    }
    ck_assert_uint_ge(rounds, 61);
    ck_assert_uint_le(rounds, 63);
    end(&f);
}
END_TEST

/* 5.6.4.6, 5.6.4.2: cwnd_gain 2, 2.25 in UP with two segments more */
START_TEST(the_window_is_a_multiple_of_the_bdp)
{
    struct fixture f;

    begin(&f);
    cruise(&f);
    for (int i = 0; i < 20; i++) /* extra_acked of Startup is forgotten */
        round_trip(&f, .rate = BW, .bytes = MSS);
    f.tcb->cwnd = 10 * BDP;
    model(&f)->extra_acked_filter[0] = model(&f)->extra_acked_filter[1] = 0;
    take_ack(&f, (struct ack){.rate = BW, .within_a_round = true});
    expect_cwnd(&f, 2.0 * BDP);
    model(&f)->state = BBR_PROBE_BW_UP;
    model(&f)->full_bw_now = false;
    f.tcb->cwnd = 10 * BDP;
    take_ack(&f, (struct ack){.rate = BW, .within_a_round = true});
    expect_cwnd(&f, 2.25 * BDP + 2 * MSS);
    end(&f);
}
END_TEST

START_TEST(the_window_is_never_less_than_four_segments)
{
    struct fixture f;

    begin(&f);
    cruise(&f);
    model(&f)->inflight_shortterm = MSS;
    take_ack(&f, (struct ack){.rate = BW, .bytes = MSS});
    ck_assert_uint_eq(f.tcb->cwnd, 4 * MSS);
    end(&f);
}
END_TEST

/* 5.5.9: what was acknowledged beyond bw is allowed for */
START_TEST(acks_that_come_in_bunches_widen_the_window)
{
    struct fixture f;
    uint32_t before;

    begin(&f);
    cruise(&f);
    for (int i = 0; i < 20; i++)
        round_trip(&f, .rate = BW, .bytes = MSS);
    before = f.tcb->cwnd;
    for (int i = 0; i < 10; i++)
        take_ack(&f, (struct ack){.rate = BW,
                                  .bytes = 20 * MSS,
                                  .within_a_round = true});
    expect_cwnd(&f, before + 200.0 * MSS);
    end(&f);
}
END_TEST

/* 5.5.3, 5.5.6: this cycle's best and the last one's */
START_TEST(a_rate_is_remembered_for_two_cycles)
{
    struct fixture f;

    begin(&f);
    probe(&f);
    f.rtt--; /* a shorter round trip: no ProbeRTT meanwhile */
    for (int i = 0; i < 3; i++)
        round_trip(&f, .rate = BW / 2, .bytes = BDP);
    expect_state(&f, BBR_PROBE_BW_DOWN);
    round_trip(&f, .rate = BW / 2, .bytes = BDP);
    ck_assert_uint_eq(model(&f)->bw, BW);
    f.alone.env.now += 3 * USEC_PER_SEC;
    round_trip(&f, .rate = BW / 2, .bytes = BDP);
    expect_state(&f, BBR_PROBE_BW_REFILL);
    for (int i = 0; i < 5; i++)
        round_trip(&f, .rate = BW / 2, .bytes = BDP);
    ck_assert_uint_eq(model(&f)->bw, BW / 2);
    end(&f);
}
END_TEST

/* ---- Losses: 5.5.10 ----------------------------------------------------- */

/* InflightAtLoss(): where the losses crossed 2 % of what was in flight */
START_TEST(a_probe_that_loses_too_much_tells_how_much_the_path_bears)
{
    struct fixture f;
    double inflight = 1.25 * BDP, size = 64000;
    double before = inflight - size;
    double prefix = (0.02 * before - 0) / (1 - 0.02);

    begin(&f);
    probe(&f);
    range_is_lost(&f, 1, 1 + (uint32_t)size, (uint32_t)inflight);
    expect_state(&f, BBR_PROBE_BW_DOWN);
    ck_assert_double_le(fabs(model(&f)->inflight_longterm - (before + prefix)),
                        2);
    ck_assert(model(&f)->prev_probe_too_high);
    end(&f);
}
END_TEST

START_TEST(a_probe_that_loses_little_goes_on)
{
    struct fixture f;

    begin(&f);
    probe(&f);
    range_is_lost(&f, 1, 1 + BDP / 60, (uint32_t)(1.25 * BDP));
    expect_state(&f, BBR_PROBE_BW_UP);
    ck_assert_uint_eq(model(&f)->inflight_longterm, BBR_INFLIGHT_INFINITE);
    end(&f);
}
END_TEST

START_TEST(no_probe_lowers_the_bound_below_seven_tenths)
{
    struct fixture f;

    begin(&f);
    probe(&f);
    f.tcb->cwnd = 2 * BDP;
    range_is_lost(&f, 1, 10001, 20000);
    ck_assert_double_le(fabs(model(&f)->inflight_longterm - 0.7 * BDP), 2);
    end(&f);
}
END_TEST

/* 5.3.3.1, 5.6.4.7 */
START_TEST(in_cruise_15_percent_of_the_bound_is_left_to_others)
{
    struct fixture f;

    begin(&f);
    cruise(&f);
    model(&f)->inflight_longterm = BDP;
    f.tcb->cwnd = 2 * BDP;
    take_ack(&f, (struct ack){.rate = BW, .within_a_round = true});
    expect_cwnd(&f, 0.85 * BDP);
    end(&f);
}
END_TEST

/* 5.5.10.3 */
START_TEST(a_round_with_loss_lowers_the_short_term_bounds_by_three_tenths)
{
    struct fixture f;
    uint32_t cwnd;

    begin(&f);
    cruise(&f);
    round_trip(&f, .rate = BW / 2, .bytes = MSS);
    round_trip(&f, .rate = BW / 2, .bytes = MSS);
    cwnd = f.tcb->cwnd;
    range_is_lost(&f, 1, 1001, BDP);
    round_trip(&f, .rate = BW / 2, .bytes = MSS);
    ck_assert_double_le(fabs((double)model(&f)->bw_shortterm - 0.7 * BW), 2);
    ck_assert_double_le(fabs(model(&f)->inflight_shortterm - 0.7 * cwnd), MSS);
    expect_pacing(&f, 1.0, 0.7 * BW);
    end(&f);
}
END_TEST

START_TEST(but_not_below_what_is_delivered)
{
    struct fixture f;

    begin(&f);
    cruise(&f);
    range_is_lost(&f, 1, 1001, BDP);
    round_trip(&f, .rate = BW / 10 * 9, .bytes = BDP);
    ck_assert_double_le(fabs((double)model(&f)->bw_shortterm - BW), BW * 0.1);
    end(&f);
}
END_TEST

/* 5.3.3.3: the probe forgets them */
START_TEST(refill_forgets_the_short_term_bounds)
{
    struct fixture f;

    begin(&f);
    cruise(&f);
    range_is_lost(&f, 1, 1001, BDP);
    round_trip(&f, .rate = BW / 10, .bytes = MSS);
    f.alone.env.now += 3 * USEC_PER_SEC;
    take_ack(&f,
             (struct ack){.rate = BW, .bytes = MSS, .within_a_round = true});
    expect_state(&f, BBR_PROBE_BW_REFILL);
    ck_assert_uint_eq(model(&f)->bw_shortterm, BBR_RATE_INFINITE);
    expect_pacing(&f, 1.0, BW);
    end(&f);
}
END_TEST

/* 5.3.3.5: by 1, 2, 4, ... segments in a round trip */
START_TEST(the_bound_grows_by_twice_as_much_in_each_round_of_a_probe)
{
    struct fixture f;
    uint32_t bound;

    begin(&f);
    probe(&f);
    model(&f)->inflight_longterm = BDP;
    for (unsigned growth = 1; growth <= 8; growth *= 2) {
        f.tcb->is_cwnd_limited = true;
        f.tcb->cwnd = BDP;
        model(&f)->inflight_longterm = bound = BDP;
        model(&f)->bw_probe_up_acked = 0;
        for (int i = 0; i < 10; i++)
            take_ack(&f, (struct ack){.rate = BW,
                                      .bytes = BDP / 10,
                                      .within_a_round = i < 9});
        ck_assert_uint_ge(model(&f)->inflight_longterm - bound,
                          (growth - 1) * MSS);
        ck_assert_uint_le(model(&f)->inflight_longterm - bound,
                          (growth + 1) * MSS);
    }
    end(&f);
}
END_TEST

/* 5.3.3.6 */
START_TEST(after_a_probe_that_went_too_high_the_next_one_is_cautious)
{
    struct fixture f;

    begin(&f);
    probe(&f);
    model(&f)->prev_probe_too_high = true;
    model(&f)->inflight_longterm = BDP;
    set_inflight(&f, BDP);
    take_ack(&f,
             (struct ack){.rate = BW, .bytes = MSS, .within_a_round = true});
    expect_state(&f, BBR_PROBE_BW_DOWN);
    ck_assert(model(&f)->prev_probe_precautionary);
    round_trip(&f, .rate = BW, .bytes = BDP); /* and lost nothing */
    expect_state(&f, BBR_PROBE_BW_REFILL);
    end(&f);
}
END_TEST

/* ---- ProbeRTT: 5.3.4 ---------------------------------------------------- */

START_TEST(after_five_seconds_without_a_shorter_round_trip_the_pipe_is_emptied)
{
    struct fixture f;
    uint32_t before;

    begin(&f);
    cruise(&f);
    before = f.tcb->cwnd;
    f.rtt = rtt + 1000;
    f.alone.env.now = model(&f)->probe_rtt_min_stamp + 5 * USEC_PER_SEC;
    take_ack(&f, (struct ack){.rate = BW, .within_a_round = true});
    ck_assert_int_ne(model(&f)->state, BBR_PROBE_RTT);
    f.alone.env.now++;
    set_inflight(&f, BDP);
    take_ack(&f, (struct ack){.rate = BW, .within_a_round = true});
    expect_state(&f, BBR_PROBE_RTT);
    expect_cwnd(&f, 0.5 * BDP);
    set_inflight(&f, BDP / 2);
    take_ack(&f, (struct ack){.rate = BW, .within_a_round = true});
    f.alone.env.now += 200 * USEC_PER_MSEC; /* "at least 200 ms" */
    take_ack(&f, (struct ack){.rate = BW, .bytes = MSS});
    expect_state(&f, BBR_PROBE_RTT);
    f.alone.env.now++;
    take_ack(&f, (struct ack){.rate = BW, .bytes = MSS});
    expect_state(&f, BBR_PROBE_BW_CRUISE);
    ck_assert_uint_ge(f.tcb->cwnd, before / 100 * 99);
    end(&f);
}
END_TEST

START_TEST(an_idle_time_takes_the_place_of_it)
{
    struct fixture f;

    begin(&f);
    cruise(&f);
    set_inflight(&f, 0);
    rate_mark_app_limited(f.tcb);
    f.alone.env.now += 8 * USEC_PER_SEC;
    f.tcb->cc->sending(f.tcb);
    f.rtt = 2 * rtt;
    take_ack(&f,
             (struct ack){.rate = BW, .bytes = MSS, .within_a_round = true});
    ck_assert_int_ne(model(&f)->state, BBR_PROBE_RTT);
    end(&f);
}
END_TEST

/* ---- Undoing: 5.5.11 ---------------------------------------------------- */

START_TEST(what_was_no_loss_brings_startup_back)
{
    struct fixture f;

    begin(&f);
    set_inflight(&f, 2 * BDP);
    round_trip(&f, .rate = BW, .bytes = BDP);
    for (unsigned i = 0; i < 6; i++)
        range_is_lost(&f, 1 + i * 20000, 1 + i * 20000 + 10000, BDP);
    f.tcb->phase = RECOVERY_FAST;
    round_trip(&f, .rate = 2 * BW, .bytes = BDP, .lost = 60000,
               .tx_in_flight = BDP);
    expect_state(&f, BBR_DRAIN);
    f.tcb->cc->undo(f.tcb);
    expect_state(&f, BBR_STARTUP);
    ck_assert_uint_eq(model(&f)->inflight_longterm, BBR_INFLIGHT_INFINITE);
    end(&f);
}
END_TEST

START_TEST(what_was_no_loss_lets_the_probe_begin_anew)
{
    struct fixture f;

    begin(&f);
    probe(&f);
    range_is_lost(&f, 1, 64001, BDP);
    expect_state(&f, BBR_PROBE_BW_DOWN);
    f.tcb->cc->undo(f.tcb);
    expect_state(&f, BBR_PROBE_BW_REFILL);
    ck_assert_uint_eq(model(&f)->inflight_longterm, BBR_INFLIGHT_INFINITE);
    end(&f);
}
END_TEST

/* 5.6.4.4 */
START_TEST(after_a_recovery_the_window_is_what_it_was)
{
    struct fixture f;
    uint32_t before;

    begin(&f);
    cruise(&f);
    before = f.tcb->cwnd;
    f.tcb->cc->lost(f.tcb, BDP);
    f.tcb->phase = RECOVERY_LOSS;
    f.tcb->cwnd = MSS;
    f.tcb->cc->recovered(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, before);
    end(&f);
}
END_TEST

/* 3.7 */
START_TEST(a_mark_is_a_sign_of_congestion)
{
    struct fixture f;

    begin(&f);
    cruise(&f);
    round_trip(&f, .rate = BW / 2, .bytes = MSS);
    f.tcb->cc->marked(f.tcb, BDP);
    round_trip(&f, .rate = BW / 2, .bytes = MSS);
    ck_assert_double_lt((double)model(&f)->bw_shortterm, 0.75 * BW);
    end(&f);
}
END_TEST

UNIT_MAIN("tcp_bbr",
          it_begins_with_the_initial_window_in_a_round_trip_times_the_gain,
          before_the_first_round_trip_is_known_it_is_taken_for_a_millisecond,
          in_startup_rate_and_window_follow_what_is_delivered,
          three_rounds_without_growth_are_a_full_pipe,
          growth_of_a_quarter_begins_the_count_anew,
          rounds_that_the_program_limits_do_not_count,
          startup_ends_with_six_losses_of_more_than_2_percent,
          drain_ends_when_no_more_than_a_bdp_is_in_flight,
          drain_ends_after_three_rounds_in_any_case,
          a_cycle_goes_down_cruises_refills_and_goes_up,
          the_next_probe_comes_between_two_and_three_seconds,
          or_after_the_rounds_that_reno_would_take,
          the_window_is_a_multiple_of_the_bdp,
          the_window_is_never_less_than_four_segments,
          acks_that_come_in_bunches_widen_the_window,
          a_rate_is_remembered_for_two_cycles,
          a_probe_that_loses_too_much_tells_how_much_the_path_bears,
          a_probe_that_loses_little_goes_on,
          no_probe_lowers_the_bound_below_seven_tenths,
          in_cruise_15_percent_of_the_bound_is_left_to_others,
          a_round_with_loss_lowers_the_short_term_bounds_by_three_tenths,
          but_not_below_what_is_delivered, refill_forgets_the_short_term_bounds,
          the_bound_grows_by_twice_as_much_in_each_round_of_a_probe,
          after_a_probe_that_went_too_high_the_next_one_is_cautious,
          after_five_seconds_without_a_shorter_round_trip_the_pipe_is_emptied,
          an_idle_time_takes_the_place_of_it,
          what_was_no_loss_brings_startup_back,
          what_was_no_loss_lets_the_probe_begin_anew,
          after_a_recovery_the_window_is_what_it_was,
          a_mark_is_a_sign_of_congestion)
