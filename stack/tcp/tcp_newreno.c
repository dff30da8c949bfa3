/*
 * Slow start and congestion avoidance, RFC 5681 3.1, by counting bytes
 * (RFC 3465). Fast recovery is tcp_recovery's.
 */
#include "tcp/tcb.h"

static void newreno_init(struct tcb *tcb)
{
    tcb->cwnd = tcp_cc_initial_window(tcb);
    tcb->ssthresh = UINT32_MAX;
    tcb->bytes_acked = 0;
}

static void slow_start(struct tcb *tcb, uint32_t acked)
{
    /* RFC 3465 2.2 with L = 2: an ACK that was delayed counts for both */
    uint32_t limit = 2u * tcb->snd_mss;

    if (tcb->phase ==
            RECOVERY_LOSS || /* RFC 3465 2.3: L = 1 after a time-out */
        !tcb->tcp->config.byte_counting)
        limit = tcb->snd_mss;
    tcb->cwnd += min_u32(acked, limit);
}

static void congestion_avoidance(struct tcb *tcb, uint32_t acked)
{
    tcb->bytes_acked += acked;
    if (tcb->bytes_acked < tcb->cwnd)
        return;
    tcb->bytes_acked -= tcb->cwnd;
    tcb->cwnd += tcb->snd_mss;
}

/* RFC 5681 3.1 (3): the window grows with each ACK, whatever it covers. */
static void count_ack(struct tcb *tcb)
{
    uint64_t square = (uint64_t)tcb->snd_mss * tcb->snd_mss;

    tcb->cwnd += max_u32((uint32_t)(square / tcb->cwnd), 1);
}

static void newreno_acked(struct tcb *tcb, uint32_t acked)
{
    /* RFC 7661 1: a window that is not used must not grow */
    if (!tcb->is_cwnd_limited || tcb->cwnd > UINT32_MAX / 4)
        return;
    if (tcb->cwnd < tcb->ssthresh)
        slow_start(tcb, acked);
    else if (!tcb->tcp->config.byte_counting)
        count_ack(tcb);
    else
        congestion_avoidance(tcb, acked);
}

static void newreno_lost(struct tcb *tcb, uint32_t flight)
{
    struct newreno *newreno = &tcb->cc_state.newreno;

    newreno->undo_cwnd = tcb->cwnd;
    newreno->undo_ssthresh = tcb->ssthresh;
    tcb->ssthresh = max_u32(flight / 2, 2u * tcb->snd_mss); /* RFC 5681 (4) */
    tcb->bytes_acked = 0;
}

/* RFC 8511 3.1: 0.8, in congestion avoidance (4). */
static uint32_t left_by_mark(const struct tcb *tcb, uint32_t flight)
{
    return tcb->tcp->config.abe && tcb->cwnd > tcb->ssthresh ? flight / 5 * 4
                                                             : flight / 2;
}

static void newreno_marked(struct tcb *tcb, uint32_t flight)
{
    uint32_t left = left_by_mark(tcb, flight);

    tcb->cc_state.newreno.undo_cwnd = 0;
    tcb->ssthresh = max_u32(left, 2u * tcb->snd_mss);
    tcb->cwnd = max_u32(left, tcb->snd_mss);
    tcb->bytes_acked = 0;
}

/* `lost` has said it all. */
static void newreno_timed_out(struct tcb *tcb)
{
    (void)tcb;
}

static void newreno_undo(struct tcb *tcb)
{
    struct newreno *newreno = &tcb->cc_state.newreno;

    if (newreno->undo_cwnd == 0)
        return;
    tcb->cwnd = max_u32(tcb->cwnd, newreno->undo_cwnd);
    tcb->ssthresh = max_u32(tcb->ssthresh, newreno->undo_ssthresh);
    newreno->undo_cwnd = 0;
}

static void newreno_idle(struct tcb *tcb)
{
    tcb->cwnd = tcp_cc_restart_window(tcb);
}

/* The window does not depend on it. */
static void newreno_rtt_sample(struct tcb *tcb, usec rtt)
{
    (void)tcb;
    (void)rtt;
}

const struct tcp_cc_ops tcp_newreno = {
    .name = "reno",
    .validates_window = true,
    .init = newreno_init,
    .acked = newreno_acked,
    .lost = newreno_lost,
    .marked = newreno_marked,
    .timed_out = newreno_timed_out,
    .undo = newreno_undo,
    .idle = newreno_idle,
    .rtt_sample = newreno_rtt_sample,
};
