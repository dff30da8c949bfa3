#include "tcp/tcp_tlp.h"

#include "tcp/tcp_rtt.h"
#include "tcp/tcp_timer.h"

void tlp_init(struct tcb *tcb)
{
    tcb->tlp.is_out = false;
    tcb->tlp.is_due = false;
    tcb->tlp.has_sample = true; /* the SYN's, or what began the recovery */
}

static bool is_wanted(const struct tcb *tcb)
{
    return tcb->has_sack && tcb->tcp->config.tlp && tcb_is_synchronized(tcb) &&
           tcb->phase == RECOVERY_NONE && tcb->board.sacked == 0 &&
           tcb_flight_size(tcb) > 0 && !tcb->is_probing && !tcb->tlp.is_out &&
           tcb->tlp.has_sample;
}

/* RFC 8985 7.2, TLP_calc_PTO() */
static usec probe_timeout(const struct tcb *tcb)
{
    usec timeout = USEC_PER_SEC;

    if (tcb->srtt != 0)
        timeout = 2 * tcb->srtt;
    if (tcb->srtt != 0 && tcb_flight_size(tcb) <= tcb->snd_mss)
        timeout += tcb->tcp->config.rto_min; /* its ACK may be delayed */
    return usec_max(timeout, 2 * USEC_PER_MSEC);
}

/* When the retransmission timer would expire for the oldest segment. */
static usec retransmit_at(const struct tcb *tcb)
{
    const struct sent_range *oldest = scoreboard_at(&tcb->board, 0);

    return usec_max(oldest->sent_at + rtt_rto(tcb), tcb->tcp->env->now);
}

/* Only one of the two timers runs (RFC 8985 8): the probe's, and when it has
 * fired the retransmission timer. */
void tlp_schedule(struct tcb *tcb)
{
    if (!is_wanted(tcb)) {
        tlp_cancel(tcb);
        return;
    }
    tcp_timer_set(
        tcb, TCP_TIMER_PROBE,
        usec_min(tcb->tcp->env->now + probe_timeout(tcb), retransmit_at(tcb)));
    tcp_timer_clear(tcb, TCP_TIMER_RETRANSMIT);
}

void tlp_cancel(struct tcb *tcb)
{
    if (!tcp_timer_is_set(tcb, TCP_TIMER_PROBE))
        return;
    tcp_timer_clear(tcb, TCP_TIMER_PROBE);
    if (tcb_flight_size(tcb) > 0 &&
        !tcp_timer_is_set(tcb, TCP_TIMER_RETRANSMIT))
        tcp_timer_restart_retransmit(tcb);
}

void tlp_fired(struct tcb *tcb)
{
    if (is_wanted(tcb)) {
        tcb->tlp.is_due = true;
        tcb_mark_output(tcb);
    }
    if (tcb_flight_size(tcb) > 0)
        tcp_timer_restart_retransmit(tcb); /* the last resort remains */
}

static void sent(struct tcb *tcb)
{
    tcb->tlp.is_due = false;
    tcb->tlp.is_out = true;
    tcb->tlp.has_sample = false;
    tcb->tlp.end_seq = tcb->snd_nxt;
    tcb->tcp->stats.loss_probes++;
    tcp_timer_clear(tcb, TCP_TIMER_PROBE);
    tcp_timer_restart_retransmit(tcb);
}

void tlp_sent_new(struct tcb *tcb)
{
    tcb->tlp.is_resent = false;
    sent(tcb);
}

void tlp_sent_again(struct tcb *tcb)
{
    tcb->tlp.is_resent = true;
    sent(tcb);
}

bool tlp_acknowledged(struct tcb *tcb, const struct tcp_segment *seg,
                      uint32_t acked, const struct sack_report *report)
{
    struct tlp *tlp = &tcb->tlp;
    bool both_arrived =
        report->has_dsack && report->dsack.end == tlp->end_seq; /* case 1 */

    if (!tlp->is_out || seq_lt(seg->ack, tlp->end_seq))
        return false;
    if (acked == 0 && seg->came_len == 0 && seg->options.sack_count == 0)
        both_arrived = true; /* case 2: a duplicate ACK without SACK */
    if (tlp->is_resent && !both_arrived && seg->ack == tlp->end_seq)
        return false; /* not clear yet */
    tlp->is_out = false;
    return tlp->is_resent && !both_arrived;
}
