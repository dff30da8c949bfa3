/*
 * Slow start and congestion avoidance, RFC 5681 3.1, by counting bytes
 * (RFC 3465); the initial window of RFC 6928. Fast recovery is tcp_recovery's.
 */
#include "tcp/tcb.h"

enum { USUAL_MSS = 1460 };

/* RFC 6928 2 (1): large segments have a bound in bytes. */
static uint32_t initial_window(const struct tcb *tcb)
{
    uint32_t segments = tcb->tcp->config.initial_window;
    uint32_t mss = tcb->snd_mss;

    return min_u32(segments * mss, max_u32(segments * USUAL_MSS, 2 * mss));
}

static void newreno_init(struct tcb *tcb)
{
    /* RFC 5681 3.1: a SYN that was lost says that the path is full */
    tcb->cwnd = tcb->was_syn_resent ? tcb->snd_mss : initial_window(tcb);
    tcb->ssthresh = UINT32_MAX;
    tcb->bytes_acked = 0;
}

static void slow_start(struct tcb *tcb, uint32_t acked)
{
    /* RFC 3465 2.2 with L = 2: an ACK that was delayed counts for both */
    uint32_t limit = 2u * tcb->snd_mss;

    if (tcb->phase == RECOVERY_LOSS) /* RFC 3465 2.3: L = 1 after a time-out */
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

static void newreno_acked(struct tcb *tcb, uint32_t acked)
{
    /* RFC 7661 1: a window that is not used must not grow */
    if (!tcb->is_cwnd_limited || tcb->cwnd > UINT32_MAX / 4)
        return;
    if (tcb->cwnd < tcb->ssthresh)
        slow_start(tcb, acked);
    else
        congestion_avoidance(tcb, acked);
}

static void newreno_lost(struct tcb *tcb, uint32_t flight)
{
    tcb->ssthresh = max_u32(flight / 2, 2u * tcb->snd_mss); /* RFC 5681 (4) */
    tcb->bytes_acked = 0;
}

static void newreno_idle(struct tcb *tcb)
{
    tcb->cwnd = min_u32(tcb->cwnd, initial_window(tcb)); /* RW, RFC 5681 4.1 */
}

const struct tcp_cc_ops tcp_newreno = {
    .name = "reno",
    .init = newreno_init,
    .acked = newreno_acked,
    .lost = newreno_lost,
    .idle = newreno_idle,
};
