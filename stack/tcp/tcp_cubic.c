/*
 * RFC 9438, in whole numbers: bytes where it has segments (its C is one of
 * segments, so SMSS goes into the formulas), milliseconds where it has
 * seconds. Slow start is HyStart++'s (tcp_hystart) until the first ssthresh is
 * known, and then RFC 5681's.
 */
#include "tcp/tcp_cubic.h"

#include "tcp/tcb.h"
#include "tcp/tcp_recovery.h"

enum {
    CUBE_ROOT_BITS = 22, /* of 64 */
    W_EST_SHIFT = 16,
    /* beta_cubic = 7/10 (4.6), (1 + beta_cubic) / 2 = 17/20 (4.7) */
    BETA_DIVIDEND = 7,
    BETA_DIVISOR = 10,
    /* of a mark with RFC 8511 3.1: 17/20 */
    BETA_ABE_DIVIDEND = 17,
    BETA_ABE_DIVISOR = 20,
    CONVERGENCE_DIVIDEND = 17,
    CONVERGENCE_DIVISOR = 20,
    /* alpha_cubic = 3 (1 - beta_cubic) / (1 + beta_cubic) = 9/17 (4.3) */
    ALPHA_DIVIDEND = 9,
    ALPHA_DIVISOR = 17,
    SEARCH_DIVISOR = 20 /* of cwnd, in a round trip */
};

/* C = 2/5 segments per cubic second (5.1), and so in cubic milliseconds. */
enum { C_DIVIDEND = 2 };
static const uint64_t c_divisor = 5000000000;

static struct cubic *cubic_of(struct tcb *tcb)
{
    return &tcb->cc_state.cubic;
}

/* ---- The formulas ------------------------------------------------------- */

/* From the highest bit down; n / r / r rather than r cubed, which overflows. */
uint32_t cubic_root(uint64_t n)
{
    uint64_t root = 0;

    for (int bit = CUBE_ROOT_BITS - 1; bit >= 0; bit--) {
        uint64_t larger = root | (uint64_t)1 << bit;

        if (larger <= n / larger / larger)
            root = larger;
    }
    return (uint32_t)root;
}

/* K = cubic_root((W_max - cwnd_epoch) / C) */
uint32_t cubic_k(uint32_t w_max, uint32_t cwnd_epoch, uint32_t mss)
{
    if (w_max <= cwnd_epoch)
        return 0;
    return cubic_root((w_max - cwnd_epoch) * (c_divisor / C_DIVIDEND) / mss);
}

/* C * distance^3 */
static uint64_t cubed(uint64_t distance, uint32_t mss)
{
    uint64_t cube;

    if (__builtin_mul_overflow(distance, distance, &cube) ||
        __builtin_mul_overflow(cube, distance, &cube) ||
        __builtin_mul_overflow(cube, (uint64_t)C_DIVIDEND * mss, &cube))
        return TCP_CWND_MAX; /* 2^64 / c_divisor is more than that */
    return cube / c_divisor;
}

/* W_cubic(t) = C * (t - K)^3 + W_max */
uint32_t cubic_window(uint64_t t, uint32_t k, uint32_t w_max, uint32_t mss)
{
    uint64_t offset = cubed(t > k ? t - k : k - t, mss);

    if (t < k)
        return offset < w_max ? w_max - (uint32_t)offset : 0;
    if (offset > TCP_CWND_MAX - min_u32(w_max, TCP_CWND_MAX))
        return TCP_CWND_MAX;
    return w_max + (uint32_t)offset;
}

/* ---- Congestion avoidance ----------------------------------------------- */

/* Time in which the program, or the peer's window, holds output back is not
 * part of t: RFC 9438 4.2, 5.8. */
static void stop_clock(struct cubic *cubic, usec now)
{
    if (cubic->paused == USEC_NEVER)
        cubic->paused = now;
}

static void start_clock(struct cubic *cubic, usec now)
{
    if (cubic->paused == USEC_NEVER)
        return;
    cubic->curve.epoch += now - cubic->paused;
    cubic->paused = USEC_NEVER;
}

/* RFC 9438 4.2. Where no W_max lies above (after HyStart++, 4.10; after a
 * time-out, 4.8) the curve begins at its plateau: K = 0. It would be flat for
 * long, although nobody knows that the window is right; so it is a search. */
static void begin_stage(struct tcb *tcb)
{
    struct cubic_curve *curve = &cubic_of(tcb)->curve;

    curve->has_begun = true;
    curve->is_search = curve->w_max == 0 && tcb->tcp->config.cubic_search;
    curve->epoch = tcb->tcp->env->now;
    curve->w_est = (uint64_t)tcb->cwnd << W_EST_SHIFT;
    curve->w_max = max_u32(curve->w_max, tcb->cwnd);
    curve->k = cubic_k(curve->w_max, tcb->cwnd, tcb->snd_mss);
}

/* W_est += alpha_cubic * segments_acked / cwnd, RFC 9438 4.3: what Reno would
 * have, if it had lost as little as we do. */
static void grow_estimate(struct tcb *tcb, uint32_t acked)
{
    struct cubic_curve *curve = &cubic_of(tcb)->curve;
    uint64_t growth =
        ((uint64_t)acked * tcb->snd_mss << W_EST_SHIFT) / tcb->cwnd;

    if (curve->w_est >> W_EST_SHIFT < curve->cwnd_prior)
        growth = growth * ALPHA_DIVIDEND / ALPHA_DIVISOR;
    curve->w_est += growth;
}

/* cwnd += (target - cwnd) / cwnd for each segment that was acknowledged, RFC
 * 9438 4.4: target is reached in a round trip. What is less than a byte is
 * kept for the next ACK. */
static void grow_towards(struct tcb *tcb, uint32_t target, uint32_t acked)
{
    uint64_t growth = (uint64_t)(target - tcb->cwnd) * acked + tcb->bytes_acked;

    tcb->bytes_acked = (uint32_t)(growth % tcb->cwnd);
    tcb->cwnd += (uint32_t)(growth / tcb->cwnd);
}

/* RFC 9438 4.2: in [cwnd, 1.5 cwnd], and in a search not so near to cwnd. */
static uint32_t target_for(struct tcb *tcb, uint32_t window)
{
    uint32_t cwnd = tcb->cwnd;
    uint32_t least = cwnd;

    if (cubic_of(tcb)->curve.is_search)
        least += cwnd / SEARCH_DIVISOR;
    return max_u32(least, min_u32(window, cwnd / 2 * 3));
}

static void congestion_avoidance(struct tcb *tcb, uint32_t acked)
{
    struct cubic_curve *curve = &cubic_of(tcb)->curve;
    uint32_t mss = tcb->snd_mss;
    uint64_t t, ahead;
    uint32_t window, estimate;

    if (!curve->has_begun)
        begin_stage(tcb);
    t = (uint64_t)(tcb->tcp->env->now - curve->epoch);
    ahead = t + (uint64_t)tcb->srtt;
    t /= USEC_PER_MSEC;
    ahead /= USEC_PER_MSEC;
    acked = min_u32(acked, tcb->cwnd);
    grow_estimate(tcb, acked);
    estimate = (uint32_t)(curve->w_est >> W_EST_SHIFT);
    window = cubic_window(t, curve->k, curve->w_max, mss);
    if (window >= estimate || curve->is_search)
        grow_towards(
            tcb,
            target_for(tcb, cubic_window(ahead, curve->k, curve->w_max, mss)),
            acked);
    if (window < estimate)
        tcb->cwnd = max_u32(tcb->cwnd, estimate); /* Reno-friendly, 4.3 */
}

/* ---- Slow start --------------------------------------------------------- */

/* RFC 9406 4.3: HyStart++ is for the first slow start only. */
static bool is_first_slow_start(const struct tcb *tcb)
{
    return tcb->ssthresh == UINT32_MAX;
}

/* Of an ACK: L of RFC 9406 4.3, where a burst is to be feared. */
static uint32_t counted(const struct tcb *tcb, uint32_t acked)
{
    uint32_t limit = tcb->tcp->config.slow_start_limit;

    if (limit == 0 || tcb->is_paced || acked / tcb->snd_mss < limit)
        return acked;
    return limit * tcb->snd_mss;
}

static void slow_start(struct tcb *tcb, uint32_t acked)
{
    uint32_t growth =
        hystart_growth(&cubic_of(tcb)->hystart, counted(tcb, acked));

    if (tcb->phase == RECOVERY_LOSS) /* RFC 3465 2.3: L = 1 after a time-out */
        growth = min_u32(acked, tcb->snd_mss);
    tcb->cwnd += min_u32(growth, tcb->ssthresh - tcb->cwnd);
}

/* RFC 9406 4.2, last step; RFC 9438 4.10 */
static void leave_first_slow_start(struct tcb *tcb)
{
    tcb->ssthresh = tcb->cwnd;
    cubic_of(tcb)->curve.cwnd_prior = tcb->cwnd;
    tcp_cc_trace(tcb, "the round-trip time has risen");
}

static void follow_rounds(struct tcb *tcb)
{
    struct hystart *hystart = &cubic_of(tcb)->hystart;

    if (is_first_slow_start(tcb))
        hystart_ack_arrived(hystart, tcb->tcp->env->now);
    if (is_first_slow_start(tcb) &&
        !hystart_acked(hystart, tcb->snd_una, tcb->snd_nxt))
        leave_first_slow_start(tcb);
}

/* ---- The table ---------------------------------------------------------- */

static void cubic_init(struct tcb *tcb)
{
    struct cubic *cubic = cubic_of(tcb);
    const struct tcp_config *config = &tcb->tcp->config;

    *cubic = (struct cubic){.paused = USEC_NEVER};
    hystart_init(&cubic->hystart, tcb->snd_nxt,
                 config->hystart && config->hystart_train);
    tcb->cwnd = tcp_cc_initial_window(tcb);
    tcb->ssthresh = UINT32_MAX;
    tcb->bytes_acked = 0;
}

static void cubic_acked(struct tcb *tcb, uint32_t acked)
{
    struct cubic *cubic = cubic_of(tcb);
    usec now = tcb->tcp->env->now;

    follow_rounds(tcb);
    /* RFC 7661 1: a window that is not used must not grow */
    if (tcb->is_cwnd_limited && tcb->cwnd < TCP_CWND_MAX) {
        start_clock(cubic, now);
        if (tcb->cwnd < tcb->ssthresh)
            slow_start(tcb, acked);
        else
            congestion_avoidance(tcb, acked);
    } else {
        stop_clock(cubic, now);
    }
    if (recovery_flight(tcb) == 0) /* idle, for longer perhaps */
        stop_clock(cubic, now);
}

static void save(struct tcb *tcb)
{
    struct cubic *cubic = cubic_of(tcb);

    cubic->undo_curve = cubic->curve;
    cubic->undo_cwnd = tcb->cwnd;
    cubic->undo_ssthresh = tcb->ssthresh;
}

/* RFC 9438 4.7; which advises against it where a flow is alone. */
static uint32_t converged(const struct tcb *tcb, uint32_t w_max)
{
    if (tcb->cwnd < w_max && tcb->tcp->config.cubic_fast_convergence)
        return (uint32_t)((uint64_t)tcb->cwnd * CONVERGENCE_DIVIDEND /
                          CONVERGENCE_DIVISOR);
    return tcb->cwnd;
}

/* RFC 9438 4.6, 4.7: `left` is what is left of the flight. */
static void reduce(struct tcb *tcb, uint32_t left)
{
    struct cubic_curve *curve = &cubic_of(tcb)->curve;

    curve->w_max = converged(tcb, curve->w_max);
    curve->cwnd_prior = tcb->cwnd;
    curve->has_begun = false;
    tcb->ssthresh = max_u32(left, 2u * tcb->snd_mss);
    tcb->bytes_acked = 0;
}

static uint32_t left_by_loss(uint32_t flight)
{
    return (uint32_t)((uint64_t)flight * BETA_DIVIDEND / BETA_DIVISOR);
}

static void cubic_lost(struct tcb *tcb, uint32_t flight)
{
    save(tcb);
    reduce(tcb, left_by_loss(flight));
}

/* RFC 8511 3.1, in congestion avoidance (4). */
static uint32_t left_by_mark(const struct tcb *tcb, uint32_t flight)
{
    if (tcb->tcp->config.abe && tcb->cwnd > tcb->ssthresh)
        return (uint32_t)((uint64_t)flight * BETA_ABE_DIVIDEND /
                          BETA_ABE_DIVISOR);
    return left_by_loss(flight);
}

/* RFC 9438 4.6: "reduction on ECE, cwnd is at least 1 SMSS"; below that the
 * sender uses a timer (tcp_ecn). */
static void cubic_marked(struct tcb *tcb, uint32_t flight)
{
    uint32_t left = left_by_mark(tcb, flight);

    cubic_of(tcb)->undo_cwnd = 0;
    reduce(tcb, left);
    tcb->cwnd = max_u32(left, tcb->snd_mss);
}

/* RFC 9438 4.8: the next stage begins with K = 0, wherever slow start ends. */
static void cubic_timed_out(struct tcb *tcb)
{
    struct cubic_curve *curve = &cubic_of(tcb)->curve;

    curve->w_max = 0;
    curve->has_begun = false;
}

static void cubic_undo(struct tcb *tcb)
{
    struct cubic *cubic = cubic_of(tcb);

    if (cubic->undo_cwnd == 0)
        return;
    if (tcb->cwnd <= cubic->undo_cwnd) { /* RFC 9438 4.9.2 */
        cubic->curve = cubic->undo_curve;
        tcb->cwnd = cubic->undo_cwnd;
    }
    /* whatever the window is: or slow start would end there, RFC 4015 3.2 */
    tcb->ssthresh = max_u32(tcb->ssthresh, cubic->undo_ssthresh);
    cubic->undo_cwnd = 0;
}

/* RFC 5681 4.1; and ssthresh as RFC 7661 4.4.3 has it, who has borne much
 * comes back to it quickly. */
static void cubic_idle(struct tcb *tcb)
{
    uint32_t restart = tcp_cc_restart_window(tcb);

    if (restart == tcb->cwnd)
        return;
    if (!is_first_slow_start(tcb))
        tcb->ssthresh = max_u32(tcb->ssthresh, tcb->cwnd / 4 * 3);
    tcb->cwnd = restart;
    cubic_of(tcb)->curve.has_begun = false;
}

static void cubic_rtt_sample(struct tcb *tcb, usec rtt)
{
    if (tcb->tcp->config.hystart && is_first_slow_start(tcb))
        hystart_rtt_sample(&cubic_of(tcb)->hystart, rtt);
}

const struct tcp_cc_ops tcp_cubic = {
    .name = "cubic",
    .validates_window = true,
    .init = cubic_init,
    .acked = cubic_acked,
    .lost = cubic_lost,
    .marked = cubic_marked,
    .timed_out = cubic_timed_out,
    .undo = cubic_undo,
    .idle = cubic_idle,
    .rtt_sample = cubic_rtt_sample,
};
