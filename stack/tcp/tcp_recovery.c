#include "tcp/tcp_recovery.h"

#include "tcp/tcp_timer.h"

enum { DUPLICATE_THRESHOLD = 3 }; /* RFC 5681 3.2 */

static void trace_congestion(const struct tcb *tcb, const char *cause)
{
    struct trace_event event = {
        .kind = TRACE_CONGESTION,
        .layer = TRACE_TCP,
        .text = cause,
        .local = tcb->local,
        .remote = tcb->remote,
        .connection = tcb->number,
        .cwnd = tcb->cwnd,
        .ssthresh = tcb->ssthresh,
    };

    env_trace(tcb->tcp->env, &event);
}

void recovery_init(struct tcb *tcb)
{
    tcb->phase = RECOVERY_NONE;
    tcb->duplicate_acks = 0;
    tcb->recover = tcb->iss; /* RFC 6582 3.2 step 1 */
    tcb->resend_next = tcb->snd_una;
    tcb->resend_end = tcb->snd_una;
}

bool recovery_has_lost(const struct tcb *tcb)
{
    return seq_lt(tcb->resend_next, tcb->resend_end);
}

static void resend_first_segment(struct tcb *tcb)
{
    tcb->resend_next = tcb->snd_una;
    tcb->resend_end = seq_min(tcb->snd_una + tcb->snd_mss, tcb->snd_nxt);
    tcb_mark_output(tcb);
}

/* RFC 6582 3.2 step 2, RFC 5681 3.2 steps 2 and 3 */
static void enter_fast_recovery(struct tcb *tcb)
{
    tcb->cc->lost(tcb, tcb_flight_size(tcb));
    tcb->cwnd = tcb->ssthresh + DUPLICATE_THRESHOLD * (uint32_t)tcb->snd_mss;
    tcb->recover = tcb->snd_nxt;
    tcb->phase = RECOVERY_FAST;
    tcb->had_partial_ack = false;
    tcb->tcp->stats.fast_retransmits++;
    trace_congestion(tcb, "fast retransmit");
    resend_first_segment(tcb);
}

void recovery_duplicate_ack(struct tcb *tcb)
{
    if (tcb->duplicate_acks < UINT16_MAX)
        tcb->duplicate_acks++;
    if (tcb->phase == RECOVERY_FAST) {
        tcb->cwnd += tcb->snd_mss; /* RFC 5681 3.2 step 4 */
        tcb_mark_output(tcb);
        return;
    }
    if (tcb->duplicate_acks != DUPLICATE_THRESHOLD)
        return;
    /* RFC 6582 3.2 step 2, 4.1: these may be for what we sent twice ourselves
     * before `recover`; then another halving would be wrong */
    if (tcb->phase == RECOVERY_NONE && seq_gt(tcb->snd_una, tcb->recover))
        enter_fast_recovery(tcb);
}

/* RFC 6582 3.2 step 3, full acknowledgment, the first of its two choices */
static void leave_fast_recovery(struct tcb *tcb)
{
    uint32_t flight = max_u32(tcb_flight_size(tcb), tcb->snd_mss);

    tcb->cwnd = min_u32(tcb->ssthresh, flight + tcb->snd_mss);
    tcb->phase = RECOVERY_NONE;
    tcb->resend_next = tcb->resend_end = tcb->snd_una;
    trace_congestion(tcb, "recovered");
}

/* RFC 6582 3.2 step 3, partial acknowledgment: the next hole. Only the first
 * one restarts the timer, so that a window full of holes ends in a time-out
 * rather than in a round trip for each ("impatient", RFC 6582 4). */
static void partial_acknowledgment(struct tcb *tcb, uint32_t acked)
{
    uint32_t deflated = tcb->cwnd > acked ? tcb->cwnd - acked : 0;

    if (!tcb->had_partial_ack)
        tcp_timer_restart_retransmit(tcb);
    tcb->had_partial_ack = true;
    if (acked >= tcb->snd_mss)
        deflated += tcb->snd_mss;
    tcb->cwnd = max_u32(deflated, tcb->snd_mss);
    resend_first_segment(tcb);
}

static void acked_in_fast_recovery(struct tcb *tcb, uint32_t acked)
{
    if (seq_geq(tcb->snd_una, tcb->recover)) {
        leave_fast_recovery(tcb);
        tcp_timer_restart_retransmit(tcb);
    } else {
        partial_acknowledgment(tcb, acked);
    }
}

void recovery_acked(struct tcb *tcb, uint32_t acked)
{
    tcb->duplicate_acks = 0;
    /* kept near, or it would look like the future after 2 GiB */
    tcb->recover = seq_max(tcb->recover, tcb->snd_una - acked);
    tcb->resend_next = seq_max(tcb->resend_next, tcb->snd_una);
    tcb->resend_end = seq_max(tcb->resend_end, tcb->resend_next);
    if (tcb->phase == RECOVERY_FAST) {
        acked_in_fast_recovery(tcb, acked);
    } else {
        tcb->cc->acked(tcb, acked);
        if (tcb->phase == RECOVERY_LOSS && seq_geq(tcb->snd_una, tcb->recover))
            tcb->phase = RECOVERY_NONE;
        tcp_timer_restart_retransmit(tcb); /* RFC 6298 5.3 */
    }
    if (tcb_flight_size(tcb) == 0)
        tcp_timer_clear(tcb, TCP_TIMER_RETRANSMIT); /* RFC 6298 5.2 */
}

void recovery_timed_out(struct tcb *tcb)
{
    /* RFC 5681 3.1: only the first expiry for the same data lowers ssthresh */
    if (tcb->backoff == 0)
        tcb->cc->lost(tcb, tcb_flight_size(tcb));
    tcb->cwnd = tcb->snd_mss; /* LW */
    tcb->phase = RECOVERY_LOSS;
    tcb->recover = tcb->snd_nxt; /* RFC 6582 3.2 step 4 */
    tcb->duplicate_acks = 0;
    tcb->resend_next = tcb->snd_una;
    tcb->resend_end = tcb->snd_nxt;
    trace_congestion(tcb, "time-out");
}

void recovery_sent(struct tcb *tcb, tcp_seq from, uint32_t len)
{
    tcp_seq end = from + len;

    if (recovery_has_lost(tcb) && seq_leq(from, tcb->resend_next))
        tcb->resend_next = seq_max(tcb->resend_next, end);
    tcb->resend_end = seq_max(tcb->resend_end, tcb->resend_next);
}

void recovery_window_opened(struct tcb *tcb)
{
    tcb->resend_next = tcb->snd_una;
    tcb->resend_end = tcb->snd_nxt;
}

uint32_t recovery_allowance(const struct tcb *tcb)
{
    /* what waits to be sent again is not in flight any more */
    uint32_t lost = tcb->resend_end - tcb->resend_next;
    uint32_t flight = tcb_flight_size(tcb);

    flight -= min_u32(lost, flight);
    return flight < tcb->cwnd ? tcb->cwnd - flight : 0;
}
