/*
 * draft-ietf-ccwg-bbr-06, section 5, in its order from the bottom up: the
 * model of the path (5.5), the control parameters (5.6), the state machine
 * (5.3, 5.4), and last the events (5.2). Gains are in percent.
 *
 * Where the draft has one C.inflight it is the pipe of recovery_pipe: what is
 * thought to be in the network.
 *
 * Not as the draft has it, unless `bbr_strict` is set, for its own aim of full
 * throughput with 1 % of loss (3.1): outside of probing a round trip that loses
 * no more than LossThresh lowers nothing, nor does a loss of what was sent
 * while probing; what was delivered is compared with what was sent, which is
 * PacingMarginPercent less than bw; no bound on the volume, nor its headroom,
 * takes anything out of the BDP.
 */
#include "tcp/tcp_bbr.h"

#include "tcp/tcp_pacing.h"
#include "tcp/tcp_recovery.h"

enum {
    LOSS_THRESH = 2,       /* percent: the most that probing may lose */
    BETA = 70,             /* percent that a loss leaves at least */
    HEADROOM = 15,         /* percent left to others */
    MIN_PIPE_SEGMENTS = 4, /* MinPipeCwnd */
    PACING_MARGIN = 1,     /* percent below what the path delivers */
    FULL_BW_GROWTH = 125,  /* percent: less is no growth */
    FULL_BW_ROUNDS = 3,
    STARTUP_FULL_LOSS_COUNT = 6,
    PROBE_UP_ROUNDS_MAX = 30,
    RENO_ROUNDS_MAX = 63, /* 5.3.3.8.2: T_reno_bound */
    EXTRA_ACKED_HALF = 5  /* rounds: half of ExtraAckedFilterLen */
};

#define MIN_RTT_FILTER_LEN (10 * USEC_PER_SEC)
#define PROBE_RTT_INTERVAL (5 * USEC_PER_SEC)
#define PROBE_RTT_DURATION (200 * USEC_PER_MSEC)

/* 5.6.1 */
static const struct state_parameters {
    const char *name;
    uint16_t pacing_gain;
    uint16_t cwnd_gain;
} states[] = {
    [BBR_STARTUP] = {"Startup", 277, 200},
    [BBR_DRAIN] = {"Drain", 50, 200},
    [BBR_PROBE_BW_DOWN] = {"ProbeBW_DOWN", 90, 200},
    [BBR_PROBE_BW_CRUISE] = {"ProbeBW_CRUISE", 100, 200},
    [BBR_PROBE_BW_REFILL] = {"ProbeBW_REFILL", 100, 200},
    [BBR_PROBE_BW_UP] = {"ProbeBW_UP", 125, 225},
    [BBR_PROBE_RTT] = {"ProbeRTT", 100, 50},
};

static struct bbr *bbr_of(struct tcb *tcb)
{
    return &tcb->cc_state.bbr;
}

static const struct bbr *model_of(const struct tcb *tcb)
{
    return &tcb->cc_state.bbr;
}

static void enter(struct tcb *tcb, enum bbr_state state)
{
    bbr_of(tcb)->state = (uint8_t)state;
    tcp_cc_trace(tcb, states[state].name);
}

static bool is_in_probe_bw(const struct bbr *bbr)
{
    return bbr->state == BBR_PROBE_BW_DOWN ||
           bbr->state == BBR_PROBE_BW_CRUISE ||
           bbr->state == BBR_PROBE_BW_REFILL || bbr->state == BBR_PROBE_BW_UP;
}

/* IsProbingBW() */
static bool is_probing_bw(const struct bbr *bbr)
{
    return bbr->state == BBR_STARTUP || bbr->state == BBR_PROBE_BW_REFILL ||
           bbr->state == BBR_PROBE_BW_UP;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint32_t to_window(uint64_t bytes)
{
    return (uint32_t)min_u64(bytes, TCP_CWND_MAX);
}

/* Part of a bound that may be infinite. */
static uint32_t percent_of(uint32_t volume, unsigned percent)
{
    return volume == BBR_INFLIGHT_INFINITE
               ? volume
               : (uint32_t)((uint64_t)volume * percent / 100);
}

/* ---- Volumes: 5.6.4.2 --------------------------------------------------- */

static uint64_t max_bw(const struct bbr *bbr)
{
    return max_u64(bbr->max_bw_filter[0], bbr->max_bw_filter[1]);
}

static uint32_t min_pipe_cwnd(const struct tcb *tcb)
{
    return MIN_PIPE_SEGMENTS * (uint32_t)tcb->snd_mss;
}

/* BDPMultiple() */
static uint32_t bdp_multiple(const struct tcb *tcb, uint64_t bw, unsigned gain)
{
    usec min_rtt = model_of(tcb)->min_rtt;

    if (min_rtt == USEC_NEVER)
        return tcp_cc_initial_window(tcb);
    return to_window(min_u64(bw, BBR_RATE_INFINITE / 1000 / (uint64_t)min_rtt) *
                     (uint64_t)min_rtt / USEC_PER_SEC * gain / 100);
}

/* QuantizationBudget(), with 5.5.8.1 */
static uint32_t with_quantization(const struct tcb *tcb, uint64_t inflight)
{
    inflight = max_u64(inflight, 3 * (uint64_t)pacing_quantum(tcb));
    inflight = max_u64(inflight, min_pipe_cwnd(tcb));
    if (model_of(tcb)->state == BBR_PROBE_BW_UP)
        inflight += 2u * tcb->snd_mss;
    return to_window(inflight);
}

/* Inflight() */
static uint32_t inflight_at(const struct tcb *tcb, uint64_t bw, unsigned gain)
{
    return with_quantization(tcb, bdp_multiple(tcb, bw, gain));
}

/* 5.3.3.8.3 TargetInflight() */
static uint32_t target_inflight(const struct tcb *tcb)
{
    return min_u32(bdp_multiple(tcb, model_of(tcb)->bw, 100), tcb->cwnd);
}

static bool is_strict(const struct tcb *tcb)
{
    return tcb->tcp->config.bbr_strict;
}

/* InflightWithHeadroom(). A few losses by chance may set inflight_longterm to
 * the BDP or below, where no queue is: headroom there would be idle time. */
static uint32_t inflight_with_headroom(const struct tcb *tcb)
{
    uint32_t longterm = model_of(tcb)->inflight_longterm;
    uint32_t headroom = max_u32(tcb->snd_mss, percent_of(longterm, HEADROOM));
    uint32_t least = min_pipe_cwnd(tcb);

    if (longterm == BBR_INFLIGHT_INFINITE)
        return longterm;
    if (!is_strict(tcb))
        least = inflight_at(tcb, model_of(tcb)->bw, 100);
    return max_u32(longterm > headroom ? longterm - headroom : 0, least);
}

/* ---- Rounds: 5.5.1 ------------------------------------------------------ */

static void start_round(struct tcb *tcb)
{
    bbr_of(tcb)->next_round_delivered = tcb->rate.delivered;
}

/* UpdateRound() */
static void update_round(struct tcb *tcb, const struct rate_sample *sample)
{
    struct bbr *bbr = bbr_of(tcb);

    bbr->round_start = sample->has_data &&
                       sample->prior_delivered >= bbr->next_round_delivered;
    if (!bbr->round_start)
        return;
    start_round(tcb);
    bbr->round_count++;
    bbr->rounds_since_probe_up++;
    bbr->was_cwnd_limited = tcb->is_cwnd_limited;
    tcb->is_cwnd_limited = false; /* output says so again if it is */
}

/* ---- Rate: 5.5.2 to 5.5.6 ----------------------------------------------- */

/* UpdateMaxBw() */
static void update_max_bw(struct tcb *tcb, const struct rate_sample *sample)
{
    struct bbr *bbr = bbr_of(tcb);

    update_round(tcb, sample);
    if (sample->delivery_rate > 0 &&
        (sample->delivery_rate >= max_bw(bbr) || !sample->is_app_limited))
        bbr->max_bw_filter[0] =
            max_u64(bbr->max_bw_filter[0], sample->delivery_rate);
}

/* AdvanceMaxBwFilter(). A cycle without a sample that counts has nothing to
 * put in the place of the last one's. */
static void advance_max_bw_filter(struct bbr *bbr)
{
    if (bbr->max_bw_filter[0] == 0)
        return;
    bbr->max_bw_filter[1] = bbr->max_bw_filter[0];
    bbr->max_bw_filter[0] = 0;
}

/* BoundBWForModel() */
static void bound_bw_for_model(struct bbr *bbr)
{
    bbr->bw = min_u64(max_bw(bbr), bbr->bw_shortterm);
}

/* ---- Aggregation: 5.5.9 ------------------------------------------------- */

static uint32_t extra_acked(const struct bbr *bbr)
{
    return max_u32(bbr->extra_acked_filter[0], bbr->extra_acked_filter[1]);
}

/* The windowed maximum of the last five to ten rounds; in Startup of one. */
static void filter_extra_acked(struct bbr *bbr, uint32_t extra)
{
    uint32_t half = bbr->full_bw_reached ? EXTRA_ACKED_HALF : 1;

    if (bbr->round_count - bbr->extra_acked_round >= half) {
        bbr->extra_acked_filter[1] =
            bbr->full_bw_reached ? bbr->extra_acked_filter[0] : 0;
        bbr->extra_acked_filter[0] = 0;
        bbr->extra_acked_round = bbr->round_count;
    }
    bbr->extra_acked_filter[0] = max_u32(bbr->extra_acked_filter[0], extra);
}

/* UpdateACKAggregation() */
static void update_ack_aggregation(struct tcb *tcb,
                                   const struct rate_sample *sample)
{
    struct bbr *bbr = bbr_of(tcb);
    usec now = tcb->tcp->env->now;
    usec interval = usec_min(now - bbr->extra_acked_interval_start,
                             MIN_RTT_FILTER_LEN); /* it must not overflow */
    uint64_t expected = bbr->bw * (uint64_t)interval / USEC_PER_SEC;

    if (bbr->extra_acked_delivered <= expected) {
        bbr->extra_acked_delivered = 0;
        bbr->extra_acked_interval_start = now;
        expected = 0;
    }
    bbr->extra_acked_delivered += sample->newly_acked;
    filter_extra_acked(
        bbr,
        (uint32_t)min_u64(bbr->extra_acked_delivered - expected, tcb->cwnd));
}

/* ---- The short-term model: 5.5.10.3 ------------------------------------- */

/* UpdateLatestDeliverySignals() */
static void update_latest_delivery(struct tcb *tcb,
                                   const struct rate_sample *sample)
{
    struct bbr *bbr = bbr_of(tcb);

    bbr->bw_latest = max_u64(bbr->bw_latest, sample->delivery_rate);
    bbr->inflight_latest =
        max_u32(bbr->inflight_latest, to_window(sample->delivered));
    bbr->loss_round_start = sample->has_data && sample->prior_delivered >=
                                                    bbr->loss_round_delivered;
    if (bbr->loss_round_start)
        bbr->loss_round_delivered = tcb->rate.delivered;
}

/* AdvanceLatestDeliverySignals() */
static void advance_latest_delivery(struct bbr *bbr,
                                    const struct rate_sample *sample)
{
    if (!bbr->loss_round_start)
        return;
    bbr->bw_latest = sample->delivery_rate;
    bbr->inflight_latest = to_window(sample->delivered);
    bbr->loss_ranges_in_round = 0;
}

static void reset_congestion_signals(struct bbr *bbr)
{
    bbr->is_loss_in_round = false;
    bbr->is_marked_in_round = false;
    bbr->bw_latest = 0;
    bbr->inflight_latest = 0;
}

static void reset_short_term_model(struct bbr *bbr)
{
    bbr->bw_shortterm = BBR_RATE_INFINITE;
    bbr->inflight_shortterm = BBR_INFLIGHT_INFINITE;
}

/* InitLowerBounds(), LossLowerBounds(). 5.3.3.8.3 expects that a loss of X %
 * lowers the rate by X %: what was sent for the sample was paced below bw. */
static void lower_bounds(struct tcb *tcb)
{
    struct bbr *bbr = bbr_of(tcb);
    uint64_t bw_latest = bbr->bw_latest;

    if (bbr->bw_shortterm == BBR_RATE_INFINITE)
        bbr->bw_shortterm = max_bw(bbr);
    if (bbr->inflight_shortterm == BBR_INFLIGHT_INFINITE)
        bbr->inflight_shortterm = tcb->cwnd;
    if (!is_strict(tcb))
        bw_latest = bw_latest * 100 / (100 - PACING_MARGIN);
    bbr->bw_shortterm = max_u64(bw_latest, bbr->bw_shortterm * BETA / 100);
    bbr->inflight_shortterm = max_u32(
        bbr->inflight_latest, percent_of(bbr->inflight_shortterm, BETA));
}

/* Whether the loss round that ends now is to lower the bounds. That after
 * ProbeRTT (5.3.4.4) tells how little was sent in it, not what the path bears.
 * 3.2: a loss of up to LossThresh is within what is aimed at. */
static bool is_loss_to_be_answered(const struct tcb *tcb)
{
    const struct bbr *bbr = model_of(tcb);
    uint64_t delivered = tcb->rate.delivered - bbr->loss_round_from;
    uint64_t lost = bbr->lost_in_round;

    if (!bbr->is_loss_in_round || is_probing_bw(bbr) ||
        bbr->is_leaving_probe_rtt)
        return false;
    return is_strict(tcb) || !tcb->has_sack || bbr->is_marked_in_round ||
           lost * 100 > (lost + delivered) * LOSS_THRESH;
}

/* UpdateCongestionSignals(), AdaptLowerBoundsFromCongestion() */
static void update_congestion_signals(struct tcb *tcb,
                                      const struct rate_sample *sample)
{
    struct bbr *bbr = bbr_of(tcb);

    update_max_bw(tcb, sample);
    if (!bbr->loss_round_start)
        return;
    if (is_loss_to_be_answered(tcb))
        lower_bounds(tcb);
    bbr->is_loss_in_round = false;
    bbr->is_marked_in_round = false;
    bbr->is_leaving_probe_rtt = false;
    bbr->loss_round_from = tcb->rate.delivered;
    bbr->lost_in_round = 0;
}

/* ---- The full pipe: 5.3.1.2 --------------------------------------------- */

static void reset_full_bw(struct bbr *bbr, uint64_t baseline)
{
    bbr->full_bw = baseline;
    bbr->full_bw_count = 0;
    bbr->full_bw_now = false;
}

/* CheckFullBWReached() */
static void check_full_bw(struct bbr *bbr, const struct rate_sample *sample)
{
    if (bbr->full_bw_now || !bbr->round_start || sample->is_app_limited)
        return;
    if (sample->delivery_rate * 100 >= bbr->full_bw * FULL_BW_GROWTH) {
        reset_full_bw(bbr, sample->delivery_rate);
        return;
    }
    bbr->full_bw_count++;
    bbr->full_bw_now = bbr->full_bw_count >= FULL_BW_ROUNDS;
    if (bbr->full_bw_now)
        bbr->full_bw_reached = true;
}

/* ---- What is remembered for an undo: 5.5.11.1, 5.6.4.4 ------------------ */

static void save_cwnd(struct tcb *tcb)
{
    struct bbr *bbr = bbr_of(tcb);
    bool is_good = tcb->phase == RECOVERY_NONE && bbr->state != BBR_PROBE_RTT;

    bbr->prior_cwnd = is_good ? tcb->cwnd : max_u32(bbr->prior_cwnd, tcb->cwnd);
}

static void restore_cwnd(struct tcb *tcb)
{
    tcb->cwnd = max_u32(tcb->cwnd, bbr_of(tcb)->prior_cwnd);
}

/* SaveStateUponLoss(): of a loss episode, once, when the first loss is found.
 * By the draft's words each first loss in a round trip would save it again, and
 * OnEnterFastRecovery() after all of them: ProbeBW_UP, which the first of them
 * may have ended, would be forgotten. */
static void save_state(struct tcb *tcb)
{
    struct bbr *bbr = bbr_of(tcb);

    bbr->is_saved = true;
    save_cwnd(tcb);
    bbr->undo_state = BBR_STATE_NONE;
    bbr->undo_bw_shortterm = bbr->bw_shortterm;
    bbr->undo_inflight_shortterm = bbr->inflight_shortterm;
    bbr->undo_inflight_longterm = bbr->inflight_longterm;
}

/* NoteLoss() */
static void note_loss(struct tcb *tcb)
{
    struct bbr *bbr = bbr_of(tcb);

    if (!bbr->is_loss_in_round)
        bbr->loss_round_delivered = tcb->rate.delivered;
    if (!bbr->is_saved)
        save_state(tcb);
    bbr->is_loss_in_round = true;
}

/* ---- ProbeBW: 5.3.3 ----------------------------------------------------- */

/* PickProbeWait() */
static void pick_probe_wait(struct tcb *tcb)
{
    struct bbr *bbr = bbr_of(tcb);
    struct random *random = &tcb->tcp->env->random;

    bbr->rounds_since_probe_up = random_below(random, 2);
    bbr->bw_probe_wait =
        (uint32_t)(2 * USEC_PER_SEC + random_below(random, USEC_PER_SEC));
}

static void start_down(struct tcb *tcb)
{
    struct bbr *bbr = bbr_of(tcb);

    reset_congestion_signals(bbr);
    bbr->probe_up_acked_per_inc = BBR_INFLIGHT_INFINITE;
    bbr->slowed_from = tcb->rate.delivered;
    pick_probe_wait(tcb);
    bbr->cycle_stamp = tcb->tcp->env->now;
    bbr->ack_phase = BBR_ACKS_PROBE_STOPPING;
    start_round(tcb);
    enter(tcb, BBR_PROBE_BW_DOWN);
}

static void start_refill(struct tcb *tcb)
{
    struct bbr *bbr = bbr_of(tcb);

    reset_short_term_model(bbr);
    bbr->bw_probe_up_rounds = 0;
    bbr->bw_probe_up_acked = 0;
    bbr->prev_probe_precautionary = false;
    bbr->ack_phase = BBR_ACKS_REFILLING;
    start_round(tcb);
    enter(tcb, BBR_PROBE_BW_REFILL);
}

/* RaiseInflightLongtermSlope() */
static void raise_slope(struct tcb *tcb)
{
    struct bbr *bbr = bbr_of(tcb);
    uint32_t per_round = tcb->cwnd >> bbr->bw_probe_up_rounds;

    if (bbr->bw_probe_up_rounds < PROBE_UP_ROUNDS_MAX)
        bbr->bw_probe_up_rounds++;
    bbr->probe_up_acked_per_inc = max_u32(per_round, tcb->snd_mss);
}

static void start_up(struct tcb *tcb, const struct rate_sample *sample)
{
    struct bbr *bbr = bbr_of(tcb);

    bbr->ack_phase = BBR_ACKS_PROBE_STARTING;
    start_round(tcb);
    reset_full_bw(bbr, sample->delivery_rate);
    enter(tcb, BBR_PROBE_BW_UP);
    raise_slope(tcb);
}

/* Whether inflight_longterm is what holds output back; C.is_cwnd_limited is for
 * the last round trip. */
static bool is_limited_by_longterm(const struct tcb *tcb)
{
    const struct bbr *bbr = model_of(tcb);

    return (tcb->is_cwnd_limited || bbr->was_cwnd_limited) &&
           tcb->cwnd >= bbr->inflight_longterm;
}

/* ProbeInflightLongtermUpward() */
static void probe_upward(struct tcb *tcb, const struct rate_sample *sample)
{
    struct bbr *bbr = bbr_of(tcb);
    uint32_t steps;

    if (!is_limited_by_longterm(tcb))
        return;
    bbr->bw_probe_up_acked += sample->newly_acked;
    steps = bbr->bw_probe_up_acked / bbr->probe_up_acked_per_inc;
    bbr->bw_probe_up_acked -= steps * bbr->probe_up_acked_per_inc;
    bbr->inflight_longterm =
        to_window(bbr->inflight_longterm + (uint64_t)steps * tcb->snd_mss);
    if (bbr->round_start)
        raise_slope(tcb);
}

/* 5.5.10.2 IsInflightTooHigh() */
static bool is_inflight_too_high(const struct tcb *tcb, uint32_t lost,
                                 uint32_t tx_in_flight)
{
    if (!tcb->has_sack)
        return lost > 0;
    return lost > (uint64_t)tx_in_flight * LOSS_THRESH / 100;
}

/* HandleInflightTooHigh() */
static void handle_inflight_too_high(struct tcb *tcb, uint32_t tx_in_flight,
                                     bool is_app_limited)
{
    struct bbr *bbr = bbr_of(tcb);

    bbr->prev_probe_too_high = true;
    bbr->is_bw_probe_sample = false; /* once for each probe */
    if (!is_app_limited)
        bbr->inflight_longterm =
            max_u32(tx_in_flight, percent_of(target_inflight(tcb), BETA));
    if (bbr->state == BBR_PROBE_BW_UP) {
        bbr->undo_state = BBR_PROBE_BW_UP;
        start_down(tcb);
    }
}

/* The round trip after ProbeBW_UP is over. True: a state was entered. */
static bool end_probe_feedback(struct tcb *tcb,
                               const struct rate_sample *sample)
{
    struct bbr *bbr = bbr_of(tcb);

    bbr->is_bw_probe_sample = false;
    bbr->ack_phase = BBR_ACKS_INIT;
    if (!is_in_probe_bw(bbr))
        return false;
    if (!sample->is_app_limited)
        advance_max_bw_filter(bbr);
    /* 5.3.3.6: the cautious probe lost little, so a real one follows */
    if (!bbr->prev_probe_precautionary || bbr->prev_probe_too_high)
        return false;
    start_refill(tcb);
    return true;
}

/* AdaptLongTermModel() */
static bool adapt_long_term_model(struct tcb *tcb,
                                  const struct rate_sample *sample)
{
    struct bbr *bbr = bbr_of(tcb);

    if (bbr->ack_phase == BBR_ACKS_PROBE_STARTING && bbr->round_start)
        bbr->ack_phase = BBR_ACKS_PROBE_FEEDBACK;
    if (bbr->ack_phase == BBR_ACKS_PROBE_STOPPING && bbr->round_start &&
        end_probe_feedback(tcb, sample))
        return true;
    if (is_inflight_too_high(tcb, sample->lost, sample->tx_in_flight) ||
        bbr->inflight_longterm == BBR_INFLIGHT_INFINITE)
        return false;
    bbr->inflight_longterm =
        max_u32(bbr->inflight_longterm, sample->tx_in_flight);
    if (bbr->state == BBR_PROBE_BW_UP)
        probe_upward(tcb, sample);
    return false;
}

/* IsTimeToProbeBW(), with IsRenoCoexistenceProbeTime() */
static bool is_time_to_probe(const struct tcb *tcb)
{
    const struct bbr *bbr = model_of(tcb);
    uint32_t reno_rounds = target_inflight(tcb) / tcb->snd_mss;

    return tcb->tcp->env->now > bbr->cycle_stamp + bbr->bw_probe_wait ||
           bbr->rounds_since_probe_up >= min_u32(reno_rounds, RENO_ROUNDS_MAX);
}

/* IsTimeToCruise() */
static bool is_time_to_cruise(const struct tcb *tcb)
{
    uint32_t inflight = recovery_pipe(tcb);

    return inflight <= inflight_with_headroom(tcb) &&
           inflight <= inflight_at(tcb, max_bw(model_of(tcb)), 100);
}

/* IsTimeToGoDown() */
static bool is_time_to_go_down(struct tcb *tcb,
                               const struct rate_sample *sample)
{
    struct bbr *bbr = bbr_of(tcb);

    if (bbr->prev_probe_too_high &&
        recovery_pipe(tcb) >= bbr->inflight_longterm) {
        bbr->prev_probe_precautionary = true;
        return true;
    }
    if (!is_limited_by_longterm(tcb))
        return bbr->full_bw_now;
    reset_full_bw(bbr, sample->delivery_rate);
    return false;
}

/* UpdateProbeBWCyclePhase() */
static void update_cycle_phase(struct tcb *tcb,
                               const struct rate_sample *sample)
{
    struct bbr *bbr = bbr_of(tcb);

    if (!bbr->full_bw_reached || adapt_long_term_model(tcb, sample))
        return;
    switch ((enum bbr_state)bbr->state) {
    case BBR_PROBE_BW_DOWN:
        if (is_time_to_probe(tcb))
            start_refill(tcb);
        else if (is_time_to_cruise(tcb))
            enter(tcb, BBR_PROBE_BW_CRUISE);
        break;
    case BBR_PROBE_BW_CRUISE:
        if (is_time_to_probe(tcb))
            start_refill(tcb);
        break;
    case BBR_PROBE_BW_REFILL:
        if (bbr->round_start) {
            bbr->is_bw_probe_sample = true;
            start_up(tcb, sample);
        }
        break;
    case BBR_PROBE_BW_UP:
        if (is_time_to_go_down(tcb, sample)) {
            bbr->prev_probe_too_high = false;
            start_down(tcb);
        }
        break;
    case BBR_STARTUP:
    case BBR_DRAIN:
    case BBR_PROBE_RTT:
    case BBR_STATE_NONE:
        break;
    }
}

/* ---- Startup and Drain: 5.3.1, 5.3.2 ------------------------------------ */

/* 5.3.1.3 CheckStartupHighLoss(): whether so much is lost that the pipe must
 * be full. Without SACK one loss in a round trip is all that can be seen.
 * Before the first sample there is no model to go on with. */
static bool is_startup_loss_high(const struct tcb *tcb,
                                 const struct rate_sample *sample)
{
    const struct bbr *bbr = model_of(tcb);

    if (tcb->phase != RECOVERY_FAST || max_bw(bbr) == 0)
        return false;
    if (!tcb->has_sack)
        return true;
    return bbr->loss_round_start &&
           bbr->loss_ranges_in_round >= STARTUP_FULL_LOSS_COUNT &&
           is_inflight_too_high(tcb, sample->lost, sample->tx_in_flight);
}

/* CheckStartupDone() */
static void check_startup_done(struct tcb *tcb,
                               const struct rate_sample *sample)
{
    struct bbr *bbr = bbr_of(tcb);

    if (bbr->state != BBR_STARTUP)
        return;
    if (!bbr->full_bw_reached && is_startup_loss_high(tcb, sample)) {
        bbr->undo_state = BBR_STARTUP;
        bbr->full_bw_reached = true;
        bbr->inflight_longterm =
            max_u32(bdp_multiple(tcb, max_bw(bbr), 100), bbr->inflight_latest);
    }
    if (!bbr->full_bw_reached)
        return;
    bbr->drain_start_round = bbr->round_count;
    bbr->slowed_from = tcb->rate.delivered;
    enter(tcb, BBR_DRAIN);
}

/* CheckDrainDone() */
static void check_drain_done(struct tcb *tcb)
{
    struct bbr *bbr = bbr_of(tcb);

    if (bbr->state == BBR_DRAIN &&
        (recovery_pipe(tcb) <= inflight_at(tcb, bbr->bw, 100) ||
         bbr->round_count - bbr->drain_start_round > 3))
        start_down(tcb);
}

/* ---- The path's length, ProbeRTT: 5.3.4 --------------------------------- */

/* UpdateMinRTT() */
static void update_min_rtt(struct tcb *tcb, const struct rate_sample *sample)
{
    struct bbr *bbr = bbr_of(tcb);
    usec now = tcb->tcp->env->now;

    bbr->probe_rtt_expired =
        now > bbr->probe_rtt_min_stamp + PROBE_RTT_INTERVAL;
    if (sample->rtt != USEC_NEVER &&
        (sample->rtt < bbr->probe_rtt_min_delay || bbr->probe_rtt_expired)) {
        bbr->probe_rtt_min_delay = sample->rtt;
        bbr->probe_rtt_min_stamp = now;
    }
    if (bbr->probe_rtt_min_delay < bbr->min_rtt ||
        now > bbr->min_rtt_stamp + MIN_RTT_FILTER_LEN) {
        bbr->min_rtt = bbr->probe_rtt_min_delay;
        bbr->min_rtt_stamp = bbr->probe_rtt_min_stamp;
    }
}

/* 5.6.4.5 ProbeRTTCwnd() */
static uint32_t probe_rtt_cwnd(const struct tcb *tcb)
{
    return max_u32(
        bdp_multiple(tcb, model_of(tcb)->bw, states[BBR_PROBE_RTT].cwnd_gain),
        min_pipe_cwnd(tcb));
}

static void exit_probe_rtt(struct tcb *tcb)
{
    struct bbr *bbr = bbr_of(tcb);

    reset_short_term_model(bbr);
    bbr->is_leaving_probe_rtt = true;
    bbr->loss_round_delivered = tcb->rate.delivered;
    if (!bbr->full_bw_reached) {
        enter(tcb, BBR_STARTUP);
        return;
    }
    start_down(tcb);
    enter(tcb, BBR_PROBE_BW_CRUISE);
}

static void check_probe_rtt_done(struct tcb *tcb)
{
    struct bbr *bbr = bbr_of(tcb);
    usec now = tcb->tcp->env->now;

    if (bbr->probe_rtt_done_stamp == 0 || now <= bbr->probe_rtt_done_stamp)
        return;
    bbr->probe_rtt_min_stamp = now; /* the next one in so long */
    restore_cwnd(tcb);
    exit_probe_rtt(tcb);
}

/* HandleProbeRTT() */
static void handle_probe_rtt(struct tcb *tcb)
{
    struct bbr *bbr = bbr_of(tcb);

    rate_mark_app_limited(tcb); /* low samples are no news of the path */
    if (bbr->probe_rtt_done_stamp == 0) {
        if (recovery_pipe(tcb) > probe_rtt_cwnd(tcb))
            return;
        bbr->probe_rtt_done_stamp = tcb->tcp->env->now + PROBE_RTT_DURATION;
        bbr->probe_rtt_round_done = false;
        start_round(tcb);
        return;
    }
    if (bbr->round_start)
        bbr->probe_rtt_round_done = true;
    if (bbr->probe_rtt_round_done)
        check_probe_rtt_done(tcb);
}

/* CheckProbeRTT() */
static void check_probe_rtt(struct tcb *tcb, const struct rate_sample *sample)
{
    struct bbr *bbr = bbr_of(tcb);

    if (bbr->state != BBR_PROBE_RTT && bbr->probe_rtt_expired &&
        !bbr->idle_restart) {
        save_cwnd(tcb); /* before the state is entered: the last good one */
        enter(tcb, BBR_PROBE_RTT);
        bbr->probe_rtt_done_stamp = 0;
        bbr->ack_phase = BBR_ACKS_PROBE_STOPPING;
        start_round(tcb);
    }
    if (bbr->state == BBR_PROBE_RTT)
        handle_probe_rtt(tcb);
    if (sample->delivered > 0)
        bbr->idle_restart = false;
}

/* ---- Control parameters: 5.6 -------------------------------------------- */

/* InitPacingRate(); again when the first round-trip time is known */
static void init_pacing_rate(struct tcb *tcb)
{
    usec rtt = tcb->srtt != 0 ? tcb->srtt : USEC_PER_MSEC;
    uint64_t window =
        (uint64_t)tcp_cc_initial_window(tcb) * states[BBR_STARTUP].pacing_gain;

    tcb->pacing.rate = max_u64(window * USEC_PER_SEC / 100 / (uint64_t)rtt, 1);
}

/* SetPacingRateWithGain() */
static void set_pacing_rate(struct tcb *tcb, unsigned gain)
{
    const struct bbr *bbr = model_of(tcb);
    uint64_t rate = bbr->bw * gain * (100 - PACING_MARGIN) / 10000;

    if (rate > 0 && (bbr->full_bw_reached || rate > tcb->pacing.rate))
        tcb->pacing.rate = rate;
}

/* 5.6.4.7 BoundCwndForModel(). Where a few segments are a BDP a loss by chance
 * would leave so little that the next one ends in a time-out. */
static uint32_t cwnd_bound(const struct tcb *tcb)
{
    const struct bbr *bbr = model_of(tcb);
    uint32_t bound = BBR_INFLIGHT_INFINITE;

    if (bbr->state == BBR_PROBE_RTT || bbr->state == BBR_PROBE_BW_CRUISE)
        bound = inflight_with_headroom(tcb);
    else if (is_in_probe_bw(bbr))
        bound = bbr->inflight_longterm;
    bound = min_u32(bound, bbr->inflight_shortterm);
    if (!is_strict(tcb))
        bound = max_u32(bound, inflight_at(tcb, bbr->bw, 100));
    return max_u32(bound, min_pipe_cwnd(tcb));
}

/* 5.6.4.6 SetCwnd() */
static void set_cwnd(struct tcb *tcb, const struct rate_sample *sample)
{
    const struct bbr *bbr = model_of(tcb);
    unsigned gain = states[bbr->state].cwnd_gain;
    uint32_t max_inflight = with_quantization(
        tcb, (uint64_t)bdp_multiple(tcb, bbr->bw, gain) + extra_acked(bbr));
    uint32_t grown = to_window((uint64_t)tcb->cwnd + sample->newly_acked);

    if (bbr->full_bw_reached)
        tcb->cwnd = min_u32(grown, max_inflight);
    else if (tcb->cwnd < max_inflight ||
             tcb->rate.delivered < tcp_cc_initial_window(tcb))
        tcb->cwnd = grown;
    tcb->cwnd = max_u32(tcb->cwnd, min_pipe_cwnd(tcb));
    if (bbr->state == BBR_PROBE_RTT)
        tcb->cwnd = min_u32(tcb->cwnd, probe_rtt_cwnd(tcb));
    tcb->cwnd = min_u32(tcb->cwnd, cwnd_bound(tcb));
}

/* ---- The events: 5.2 ---------------------------------------------------- */

/* OnInit() */
static void bbr_init(struct tcb *tcb)
{
    struct bbr *bbr = bbr_of(tcb);
    usec now = tcb->tcp->env->now;
    usec rtt = tcb->srtt != 0 ? tcb->srtt : USEC_NEVER;
    *bbr = (struct bbr){
        .min_rtt = rtt,
        .min_rtt_stamp = now,
        .probe_rtt_min_delay = rtt,
        .probe_rtt_min_stamp = now,
        .extra_acked_interval_start = now,
        .inflight_longterm = BBR_INFLIGHT_INFINITE,
        .probe_up_acked_per_inc = BBR_INFLIGHT_INFINITE,
        .undo_state = BBR_STATE_NONE,
        .lost_until = tcb->iss, /* no text begins there */
        .next_round_delivered = tcb->rate.delivered,
        .loss_round_delivered = tcb->rate.delivered,
        .loss_round_from = tcb->rate.delivered,
        .has_rtt = tcb->srtt != 0,
    };
    reset_short_term_model(bbr);
    tcb->cwnd = tcp_cc_initial_window(tcb);
    tcb->ssthresh = UINT32_MAX;
    init_pacing_rate(tcb);
    enter(tcb, BBR_STARTUP);
}

/* UpdateOnACK() */
static void bbr_model(struct tcb *tcb, const struct rate_sample *sample)
{
    struct bbr *bbr = bbr_of(tcb);

    update_latest_delivery(tcb, sample);
    update_congestion_signals(tcb, sample);
    update_ack_aggregation(tcb, sample);
    check_full_bw(bbr, sample);
    check_startup_done(tcb, sample);
    check_drain_done(tcb);
    update_cycle_phase(tcb, sample);
    update_min_rtt(tcb, sample);
    check_probe_rtt(tcb, sample);
    advance_latest_delivery(bbr, sample);
    bound_bw_for_model(bbr);
    set_pacing_rate(tcb, states[bbr->state].pacing_gain);
    set_cwnd(tcb, sample);
    if (tcb->phase == RECOVERY_NONE)
        bbr->is_saved = false; /* the next loss is another one */
}

/* InflightAtLoss(): the range may be a burst, a part of which would have gone
 * through. */
static uint32_t inflight_at_loss(const struct sent_range *range,
                                 uint32_t tx_in_flight, uint32_t lost)
{
    uint32_t size = range->end - range->start;
    int64_t inflight_before = (int64_t)tx_in_flight - size;
    int64_t lost_before = (int64_t)lost - size;
    int64_t prefix = (inflight_before * LOSS_THRESH - lost_before * 100) /
                     (100 - LOSS_THRESH);

    return (uint32_t)(inflight_before + prefix > 0 ? inflight_before + prefix
                                                   : 0);
}

/* What was sent while probing, and is found lost when that is over, has had its
 * answer. */
static void note_range(struct tcb *tcb, const struct sent_range *range)
{
    struct bbr *bbr = bbr_of(tcb);

    if (!bbr->is_saved)
        save_state(tcb);
    if (range->stamp.delivered < bbr->slowed_from && !is_probing_bw(bbr) &&
        !is_strict(tcb))
        return;
    note_loss(tcb);
    bbr->lost_in_round += range->end - range->start;
}

/* HandleLostPacket() */
static void bbr_range_lost(struct tcb *tcb, const struct sent_range *range)
{
    struct bbr *bbr = bbr_of(tcb);
    uint32_t tx_in_flight = range->stamp.tx_in_flight;
    uint32_t lost = (uint32_t)tcb->board.lost_ever - range->stamp.lost;

    note_range(tcb, range);
    if (range->start != bbr->lost_until &&
        bbr->loss_ranges_in_round < UINT8_MAX)
        bbr->loss_ranges_in_round++;
    bbr->lost_until = range->end;
    if (bbr->is_bw_probe_sample &&
        is_inflight_too_high(tcb, lost, tx_in_flight))
        handle_inflight_too_high(tcb,
                                 inflight_at_loss(range, tx_in_flight, lost),
                                 range->stamp.is_app_limited);
}

/* 5.4.1 HandleRestartFromIdle(). After a time-out nothing is in flight either,
 * but that is no idle time. */
static void bbr_sending(struct tcb *tcb)
{
    struct bbr *bbr = bbr_of(tcb);

    if (tcb_flight_size(tcb) > 0 || tcb->rate.app_limited == 0)
        return;
    bbr->idle_restart = true;
    bbr->extra_acked_interval_start = tcb->tcp->env->now;
    if (is_in_probe_bw(bbr))
        set_pacing_rate(tcb, 100);
    else if (bbr->state == BBR_PROBE_RTT)
        check_probe_rtt_done(tcb);
}

/* OnEnterFastRecovery(), OnEnterRTO(), and what a tail loss probe has made
 * good without either */
static void bbr_lost(struct tcb *tcb, uint32_t flight)
{
    struct bbr *bbr = bbr_of(tcb);

    (void)flight;
    if (!bbr->is_saved) /* else the ranges have told of it */
        note_loss(tcb);
    save_cwnd(tcb);
}

/* 3.7: "MUST treat any CE marks as congestion" */
static void bbr_marked(struct tcb *tcb, uint32_t flight)
{
    struct bbr *bbr = bbr_of(tcb);

    note_loss(tcb);
    bbr->is_marked_in_round = true;
    if (bbr->is_bw_probe_sample)
        handle_inflight_too_high(tcb, flight, false);
}

static void bbr_recovered(struct tcb *tcb)
{
    restore_cwnd(tcb);
    bbr_of(tcb)->is_saved = false;
}

/* 5.5.11.2 HandleSpuriousLossDetection() */
static void bbr_undo(struct tcb *tcb)
{
    struct bbr *bbr = bbr_of(tcb);
    enum bbr_state back = bbr->undo_state;

    restore_cwnd(tcb);
    bbr->is_saved = false;
    bbr->is_loss_in_round = false;
    reset_full_bw(bbr, 0);
    bbr->bw_shortterm = max_u64(bbr->bw_shortterm, bbr->undo_bw_shortterm);
    bbr->inflight_shortterm =
        max_u32(bbr->inflight_shortterm, bbr->undo_inflight_shortterm);
    bbr->inflight_longterm =
        max_u32(bbr->inflight_longterm, bbr->undo_inflight_longterm);
    bbr->undo_state = BBR_STATE_NONE;
    if (back == BBR_STARTUP && bbr->state != BBR_STARTUP) {
        bbr->full_bw_reached = false;
        if (bbr->state != BBR_PROBE_RTT)
            enter(tcb, BBR_STARTUP);
    } else if (back == BBR_PROBE_BW_UP && bbr->state != BBR_PROBE_BW_UP &&
               bbr->state != BBR_PROBE_RTT) {
        start_refill(tcb);
    }
}

static void bbr_rtt_sample(struct tcb *tcb, usec rtt)
{
    struct bbr *bbr = bbr_of(tcb);

    (void)rtt;
    if (bbr->has_rtt)
        return;
    bbr->has_rtt = true;
    if (tcb->cwnd != 0) /* OnInit() has been */
        init_pacing_rate(tcb);
}

/* The model has it all. */
static void bbr_acked(struct tcb *tcb, uint32_t acked)
{
    (void)tcb;
    (void)acked;
}

static void bbr_timed_out(struct tcb *tcb)
{
    (void)tcb;
}

/* 5.4.2: the rate of the model takes the place of a slow start. */
static void bbr_idle(struct tcb *tcb)
{
    (void)tcb;
}

const struct tcp_cc_ops tcp_bbr = {
    .name = "bbr",
    .init = bbr_init,
    .acked = bbr_acked,
    .lost = bbr_lost,
    .marked = bbr_marked,
    .timed_out = bbr_timed_out,
    .undo = bbr_undo,
    .idle = bbr_idle,
    .rtt_sample = bbr_rtt_sample,
    .model = bbr_model,
    .range_lost = bbr_range_lost,
    .sending = bbr_sending,
    .recovered = bbr_recovered,
};
