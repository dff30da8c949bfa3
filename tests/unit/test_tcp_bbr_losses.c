/*
 * What BBR makes of losses: of those that are within what it aims at, of those
 * that were none, and when it answers. test_tcp_bbr has the rest of the draft.
 */
#include "unit.h"

#include "tcp/tcp_recovery.h"
#include "tcp_alone.h"

#include <math.h>

enum { MSS = 1000, RTT_MS = 100, BDP = 100 * MSS };

/* 1 MB/s and 100 ms: a BDP of 100 segments. */
static const uint64_t bandwidth = 1000 * MSS;

struct fixture {
    struct tcp_alone alone;
    struct tcb *tcb;
    struct bbr *bbr;
};

static void begin_with(struct fixture *f, const struct tcp_config *config)
{
    tcp_alone_open_with(&f->alone, config, 1);
    f->tcb = tcp_alone_tcb(&f->alone);
    f->bbr = &f->tcb->cc_state.bbr;
    f->tcb->cc = &tcp_bbr;
    f->tcb->snd_mss = MSS;
    f->tcb->srtt = RTT_MS * USEC_PER_MSEC;
    f->tcb->has_sack = true;
    f->tcb->is_paced = true;
    recovery_init(f->tcb);
    f->tcb->cc->init(f->tcb);
}

static void begin(struct fixture *f)
{
    struct tcp_config config = tcp_config_default();

    begin_with(f, &config);
}

/* By the letter of the draft. */
static void begin_strictly(struct fixture *f)
{
    struct tcp_config config = tcp_config_default();

    config.bbr_strict = true;
    begin_with(f, &config);
}

static void end(struct fixture *f)
{
    scoreboard_fini(&f->tcb->board, &f->alone.memory);
    f->tcb->snd_nxt = f->tcb->snd_una;
    f->tcb->state = TCPS_CLOSED;
    tcp_alone_close(&f->alone);
}

static usec now(const struct fixture *f)
{
    return f->alone.env.now;
}

static void time_passes(struct fixture *f, usec time)
{
    f->alone.env.now += time;
}

static void in_flight(struct fixture *f, uint32_t bytes)
{
    f->tcb->snd_nxt = f->tcb->snd_una + bytes;
}

struct ack {
    uint64_t rate;
    uint64_t delivered; /* over the sample's time */
    uint32_t acked;     /* now */
    uint32_t tx_in_flight;
    uint32_t lost;
    usec rtt; /* 0: none */
    bool begins_round;
    bool is_app_limited;
};

static void take(struct fixture *f, const struct ack *ack)
{
    struct rate_sample sample = {
        .has_data = true,
        .delivery_rate = ack->rate,
        .delivered = ack->delivered,
        .newly_acked = ack->acked,
        .tx_in_flight = ack->tx_in_flight,
        .lost = ack->lost,
        .rtt = ack->rtt != 0 ? ack->rtt : USEC_NEVER,
        .is_app_limited = ack->is_app_limited,
    };

    if (ack->begins_round) /* it was sent when all of this had arrived */
        sample.prior_delivered = f->tcb->rate.delivered;
    f->tcb->rate.delivered += ack->acked;
    f->tcb->cc->model(f->tcb, &sample);
}

#define acked(f, ...) take((f), &(struct ack){__VA_ARGS__})
#define round_acked(f, ...) acked((f), .begins_round = true, __VA_ARGS__)

/* In a state of ProbeBW, with the bandwidth known and cwnd at its bound. */
static void reach(struct fixture *f, enum bbr_state state)
{
    acked(f, .rate = bandwidth, .acked = MSS, .rtt = RTT_MS * USEC_PER_MSEC,
          .begins_round = true);
    f->bbr->full_bw_reached = true;
    f->bbr->state = (uint8_t)state;
    f->bbr->cycle_stamp = now(f);
    f->bbr->bw_probe_wait = 2500000;
    f->bbr->ack_phase = BBR_ACKS_INIT;
    in_flight(f, 2 * BDP);
    acked(f, .rate = bandwidth, .acked = 10 * BDP);
    f->bbr->extra_acked_filter[0] = 0;
    f->bbr->extra_acked_interval_start = now(f);
    f->bbr->extra_acked_delivered = 0;
    acked(f, .rate = bandwidth);
}

/* Something that was sent with so much in flight is found lost. */
static void lose_range(struct fixture *f, tcp_seq start, uint32_t len,
                       uint32_t tx_in_flight, uint32_t lost_since)
{
    struct sent_range range = {
        .start = start,
        .end = start + len,
        .stamp = {.tx_in_flight = tx_in_flight},
    };

    f->tcb->board.lost_ever += len;
    range.stamp.lost = (uint32_t)f->tcb->board.lost_ever - lost_since;
    f->tcb->cc->range_lost(f->tcb, &range);
}

static void recovery_begins(struct fixture *f)
{
    f->tcb->undo.is_of_timeout = false;
    f->tcb->cc->lost(f->tcb, BDP);
    f->tcb->phase = RECOVERY_FAST;
}

static void expect_state(const struct fixture *f, enum bbr_state state)
{
    ck_assert_int_eq(f->bbr->state, state);
}

/* One loss round: so much is lost, and this is delivered. */
static void loss_round(struct fixture *f, uint64_t rate, uint32_t delivered,
                       uint32_t lost)
{
    round_acked(f, .rate = rate, .delivered = delivered, .acked = 0);
    lose_range(f, 1, lost, 0, 0);
    f->tcb->rate.delivered += delivered;
    round_acked(f, .rate = rate, .delivered = delivered);
}

/* Not by the draft: see tcp_bbr.c. */
START_TEST(headroom_is_not_taken_out_of_the_bdp)
{
    struct fixture f;

    begin(&f);
    reach(&f, BBR_PROBE_BW_CRUISE);
    f.bbr->inflight_longterm = 3 * BDP / 2;
    acked(&f, .rate = bandwidth, .acked = MSS);
    ck_assert_uint_eq(f.tcb->cwnd, 3 * BDP / 2 * 85 / 100);
    f.bbr->inflight_longterm = BDP;
    acked(&f, .rate = bandwidth, .acked = BDP);
    ck_assert_uint_eq(f.tcb->cwnd, BDP);
    f.bbr->inflight_shortterm = BDP / 2; /* nor is anything else */
    acked(&f, .rate = bandwidth, .acked = MSS);
    ck_assert_uint_eq(f.tcb->cwnd, BDP);
    end(&f);
}
END_TEST

START_TEST(inflight_longterm_does_not_grow_if_it_is_not_used)
{
    struct fixture f;

    begin(&f);
    reach(&f, BBR_PROBE_BW_UP);
    f.bbr->inflight_longterm = BDP;
    f.bbr->probe_up_acked_per_inc = MSS;
    f.tcb->is_cwnd_limited = false;
    f.bbr->was_cwnd_limited = false;
    acked(&f, .rate = bandwidth, .acked = BDP);
    ck_assert_uint_eq(f.bbr->inflight_longterm, BDP);
    f.tcb->is_cwnd_limited = true;
    acked(&f, .rate = bandwidth, .acked = 5 * MSS);
    ck_assert_uint_eq(f.bbr->inflight_longterm, BDP + 5 * MSS);
    f.bbr->inflight_longterm = 3 * BDP; /* cwnd is less */
    acked(&f, .rate = bandwidth, .acked = 5 * MSS);
    ck_assert_uint_eq(f.bbr->inflight_longterm, 3 * BDP);
    end(&f);
}
END_TEST

/* The window was shut, or the path has refused packets of the size: all goes
 * again, but nothing was lost of too much. */
START_TEST(what_was_not_taken_is_no_loss)
{
    struct fixture f;

    begin(&f);
    reach(&f, BBR_PROBE_BW_UP);
    f.bbr->is_bw_probe_sample = true;
    in_flight(&f, 0);
    rate_sending(f.tcb, 10 * MSS);
    scoreboard_sent(&f.tcb->board, &f.alone.memory, f.tcb->snd_una,
                    f.tcb->snd_una + 10 * MSS, now(&f));
    in_flight(&f, 10 * MSS);
    recovery_nothing_was_taken(f.tcb);
    ck_assert_uint_eq(f.tcb->board.lost, 10 * MSS);
    expect_state(&f, BBR_PROBE_BW_UP);
    ck_assert(!f.bbr->is_loss_in_round);
    recovery_timed_out(f.tcb); /* that is one */
    ck_assert(f.bbr->is_loss_in_round);
    end(&f);
}
END_TEST

/* Not by the draft: see tcp_bbr.c. */
START_TEST(a_round_that_loses_two_percent_lowers_nothing)
{
    struct fixture f;

    begin(&f);
    reach(&f, BBR_PROBE_BW_CRUISE);
    loss_round(&f, 900000, 98 * MSS, 2 * MSS);
    ck_assert_uint_eq(f.bbr->bw_shortterm, BBR_RATE_INFINITE);
    loss_round(&f, 900000, 98 * MSS, 2 * MSS + 1);
    ck_assert_uint_eq(f.bbr->bw_shortterm, 900000 * 100 / 99);
    loss_round(&f, 900000 * 99 / 100, 90 * MSS, 10 * MSS);
    ck_assert_uint_eq(f.bbr->bw_shortterm, 900000);
    end(&f);
}
END_TEST

/* Nor this: the end of the probe was the answer. */
START_TEST(what_was_sent_while_probing_lowers_nothing_after_it)
{
    struct fixture f;
    struct sent_range range = {.start = 1, .end = 1 + BDP};

    begin(&f);
    reach(&f, BBR_PROBE_BW_UP);
    range.stamp.delivered = f.tcb->rate.delivered;
    f.tcb->rate.delivered += BDP;
    f.bbr->full_bw_now = true;
    acked(&f, .rate = bandwidth);
    expect_state(&f, BBR_PROBE_BW_DOWN);
    f.tcb->cc->range_lost(f.tcb, &range);
    recovery_begins(&f);
    round_acked(&f, .rate = bandwidth / 2, .acked = MSS);
    ck_assert_uint_eq(f.bbr->bw_shortterm, BBR_RATE_INFINITE);
    range.stamp.delivered = f.tcb->rate.delivered;
    f.tcb->cc->range_lost(f.tcb, &range);
    round_acked(&f, .rate = bandwidth / 2, .acked = MSS);
    ck_assert_uint_ne(f.bbr->bw_shortterm, BBR_RATE_INFINITE);
    end(&f);
}
END_TEST

/* 3.7: it is no loss by chance. */
START_TEST(a_single_mark_lowers_the_rate)
{
    struct fixture f;

    begin(&f);
    reach(&f, BBR_PROBE_BW_CRUISE);
    loss_round(&f, 900000, 98 * MSS, 0);
    f.tcb->cc->marked(f.tcb, BDP);
    loss_round(&f, 900000, 98 * MSS, 0);
    ck_assert_uint_eq(f.bbr->bw_shortterm, 900000 * 100 / 99);
    loss_round(&f, 800000, 98 * MSS, MSS); /* without a mark: 1 % */
    ck_assert_uint_eq(f.bbr->bw_shortterm, 900000 * 100 / 99);
    end(&f);
}
END_TEST

START_TEST(without_sack_each_round_with_a_loss_counts)
{
    struct fixture f;

    begin(&f);
    reach(&f, BBR_PROBE_BW_CRUISE);
    f.tcb->has_sack = false;
    loss_round(&f, 900000, 99 * MSS, 1);
    ck_assert_uint_eq(f.bbr->bw_shortterm, 900000 * 100 / 99);
    end(&f);
}
END_TEST

/* What was delivered while so little was sent is no measure for a loss. */
START_TEST(after_it_the_first_loss_round_lowers_nothing)
{
    struct fixture f;

    begin_strictly(&f);
    reach(&f, BBR_PROBE_BW_CRUISE);
    time_passes(&f, 5 * USEC_PER_SEC + 1);
    in_flight(&f, 0);
    f.bbr->state = BBR_PROBE_BW_CRUISE;
    acked(&f, .rate = bandwidth, .rtt = 100000);
    lose_range(&f, 1, MSS, 0, 0);
    time_passes(&f, 200001);
    round_acked(&f, .rate = bandwidth / 2);
    expect_state(&f, BBR_PROBE_BW_CRUISE);
    lose_range(&f, 3000, MSS, 0, 0);
    f.tcb->rate.delivered += BDP / 2;
    round_acked(&f, .rate = bandwidth / 2);
    ck_assert_uint_eq(f.bbr->bw_shortterm, BBR_RATE_INFINITE);
    lose_range(&f, 5000, MSS, 0, 0);
    f.tcb->rate.delivered += BDP;
    round_acked(&f, .rate = bandwidth * 9 / 10);
    ck_assert_uint_eq(f.bbr->bw_shortterm, bandwidth * 9 / 10);
    end(&f);
}
END_TEST

/* Nothing is in flight after a time-out, but the window of one segment stays.
 */
START_TEST(a_timeout_is_no_idle_time)
{
    struct fixture f;

    begin(&f);
    reach(&f, BBR_PROBE_RTT);
    f.bbr->prior_cwnd = 2 * BDP;
    f.bbr->probe_rtt_done_stamp = now(&f) + 200000;
    in_flight(&f, 0);
    rate_sending(f.tcb, 10 * MSS);
    scoreboard_sent(&f.tcb->board, &f.alone.memory, f.tcb->snd_una,
                    f.tcb->snd_una + 10 * MSS, now(&f));
    in_flight(&f, 10 * MSS);
    rate_mark_app_limited(f.tcb);
    time_passes(&f, USEC_PER_SEC);
    recovery_timed_out(f.tcb);
    ck_assert_uint_eq(recovery_pipe(f.tcb), 0);
    f.tcb->cc->sending(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, MSS);
    ck_assert(!f.bbr->idle_restart);
    end(&f);
}
END_TEST

/* A.18: the first of several losses has ended ProbeBW_UP. */
START_TEST(undone_up_goes_on_with_a_refill)
{
    struct fixture f;

    begin(&f);
    reach(&f, BBR_PROBE_BW_UP);
    f.bbr->is_bw_probe_sample = true;
    f.bbr->inflight_longterm = 3 * BDP;
    for (tcp_seq seq = 1; seq < 20 * MSS; seq += 2 * MSS)
        lose_range(&f, seq, MSS, BDP, 5 * MSS);
    expect_state(&f, BBR_PROBE_BW_DOWN);
    ck_assert_uint_lt(f.bbr->inflight_longterm, BDP);
    recovery_begins(&f);
    acked(&f, .rate = bandwidth, .acked = MSS);
    lose_range(&f, 50 * MSS, MSS, BDP, 5 * MSS);
    acked(&f, .rate = bandwidth, .acked = MSS);
    f.tcb->phase = RECOVERY_NONE;
    f.tcb->cc->undo(f.tcb);
    expect_state(&f, BBR_PROBE_BW_REFILL);
    ck_assert_uint_eq(f.bbr->inflight_longterm, 3 * BDP);
    end(&f);
}
END_TEST

/* A.19 */
START_TEST(an_undone_timeout_gives_bounds_and_window_back)
{
    struct fixture f;

    begin_strictly(&f);
    reach(&f, BBR_PROBE_BW_CRUISE);
    round_acked(&f, .rate = 1000, .acked = MSS);
    uint32_t cwnd = f.tcb->cwnd;
    f.tcb->undo.is_of_timeout = true;
    f.tcb->cc->lost(f.tcb, BDP);
    lose_range(&f, 1, BDP, BDP, BDP);
    f.tcb->cwnd = BDP / 2;
    f.tcb->phase = RECOVERY_LOSS;
    round_acked(&f, .rate = 1000, .acked = MSS);
    ck_assert_uint_eq(f.bbr->bw_shortterm, bandwidth * 7 / 10);
    f.tcb->phase = RECOVERY_NONE;
    f.tcb->cc->undo(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, cwnd);
    ck_assert_uint_eq(f.bbr->bw_shortterm, BBR_RATE_INFINITE);
    ck_assert_uint_eq(f.bbr->inflight_shortterm, BBR_INFLIGHT_INFINITE);
    end(&f);
}
END_TEST

/* An episode that is over is not what the next one goes back to. */
START_TEST(each_loss_episode_is_saved_anew)
{
    struct fixture f;

    begin(&f);
    reach(&f, BBR_PROBE_BW_UP);
    f.bbr->is_bw_probe_sample = true;
    lose_range(&f, 1, 5 * MSS, BDP, 5 * MSS);
    recovery_begins(&f);
    f.tcb->phase = RECOVERY_NONE;
    f.tcb->cc->recovered(f.tcb);
    f.bbr->bw_shortterm = bandwidth / 2;
    lose_range(&f, 20 * MSS, MSS, BDP, MSS);
    recovery_begins(&f);
    f.tcb->phase = RECOVERY_NONE;
    f.tcb->cc->undo(f.tcb);
    expect_state(&f, BBR_PROBE_BW_DOWN); /* where the second began */
    ck_assert_uint_eq(f.bbr->bw_shortterm, bandwidth / 2);
    end(&f);
}
END_TEST

/* Whatever the samples say: the window within its bounds, a rate. */
START_TEST(no_sample_makes_window_or_rate_nothing)
{
    static const uint64_t rates[] = {0, 1, 99, 1000000, RATE_MAX};
    static const usec rtts[] = {0, 1, 1000, 3600 * USEC_PER_SEC};
    struct random random;
    struct fixture f;

    begin(&f);
    random_init(&random, (struct hash_key){7, 7});
    for (unsigned i = 0; i < 200000; i++) {
        time_passes(&f, random_below(&random, 200000));
        in_flight(&f, random_below(&random, TCP_CWND_MAX));
        f.tcb->is_cwnd_limited = random_below(&random, 2) != 0;
        f.tcb->phase = random_below(&random, 3);
        if (random_below(&random, 8) == 0)
            lose_range(&f, random_below(&random, 100000), 1 + MSS,
                       random_below(&random, TCP_CWND_MAX),
                       random_below(&random, BDP));
        if (random_below(&random, 100) == 0)
            f.tcb->cc->undo(f.tcb);
        if (random_below(&random, 100) == 0)
            f.tcb->cc->sending(f.tcb);
        take(&f, &(struct ack){
                     .rate = rates[random_below(&random, 5)],
                     .rtt = rtts[random_below(&random, 4)],
                     .acked = random_below(&random, TCP_CWND_MAX),
                     .delivered = random_below(&random, TCP_CWND_MAX),
                     .tx_in_flight = random_below(&random, TCP_CWND_MAX),
                     .lost = random_below(&random, BDP),
                     .begins_round = random_below(&random, 4) == 0,
                     .is_app_limited = random_below(&random, 4) == 0,
                 });
        ck_assert_uint_ge(f.tcb->cwnd, 4 * MSS);
        ck_assert_uint_le(f.tcb->cwnd, TCP_CWND_MAX);
        ck_assert_uint_gt(f.tcb->pacing.rate, 0);
        ck_assert_uint_le(f.tcb->pacing.rate, 3 * RATE_MAX);
        ck_assert_int_lt(f.bbr->state, BBR_STATE_NONE);
    }
    end(&f);
}
END_TEST

UNIT_MAIN("tcp_bbr_losses", headroom_is_not_taken_out_of_the_bdp,
          inflight_longterm_does_not_grow_if_it_is_not_used,
          what_was_not_taken_is_no_loss,
          a_round_that_loses_two_percent_lowers_nothing,
          what_was_sent_while_probing_lowers_nothing_after_it,
          a_single_mark_lowers_the_rate,
          without_sack_each_round_with_a_loss_counts,
          after_it_the_first_loss_round_lowers_nothing,
          a_timeout_is_no_idle_time, undone_up_goes_on_with_a_refill,
          an_undone_timeout_gives_bounds_and_window_back,
          each_loss_episode_is_saved_anew,
          no_sample_makes_window_or_rate_nothing)
