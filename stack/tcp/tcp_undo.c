#include "tcp/tcp_undo.h"

void undo_begin(struct tcb *tcb)
{
    tcb->undo = (struct undo){.is_possible = tcb->tcp->config.undo};
}

void undo_resent(struct tcb *tcb, tcp_seq start, tcp_seq end)
{
    struct undo *undo = &tcb->undo;

    if (tcb->phase == RECOVERY_NONE) /* a loss probe, or a shut window's */
        return;
    if (undo->resent == 0) {
        undo->stamp = tcb_timestamp(tcb);
        undo->has_stamp =
            start == tcb->snd_una && !scoreboard_at(&tcb->board, 0)->resent;
        undo->first = start;
        undo->end = end;
    }
    undo->first = seq_min(undo->first, start);
    undo->end = seq_max(undo->end, end);
    undo->resent += end - start;
    undo->unexplained += end - start;
}

void undo_forget(struct tcb *tcb)
{
    tcb->undo.is_possible = false;
}

/* The timestamp is compared no longer: what is acknowledged from now on was
 * sent later, whatever it seems when the clock has gone half way round. */
void undo_recovery_ended(struct tcb *tcb)
{
    tcb->undo.has_stamp = false;
    tcb->undo.is_over = true;
    tcb->undo.until = tcb->snd_nxt;
}

/* RFC 3522 3.2 (5), 3.3: where the peer has everything, and all its ACKs were
 * lost, it may echo the time of the original now. That is no reason to undo
 * anything; unless one knows that it would have sent a D-SACK. */
static bool all_acks_may_be_lost(const struct tcb *tcb,
                                 const struct sack_report *report)
{
    return report->has_dsack ||
           (tcb_flight_size(tcb) == 0 && !tcb->dsack_was_seen);
}

/* RFC 3522 3.2 (4) to (6): the ACK of the oldest segment echoes a time before
 * its first retransmission, so the original has arrived. */
static bool eifel_detects(const struct tcb *tcb, const struct tcp_segment *seg,
                          const struct delivery *delivery,
                          const struct sack_report *report)
{
    return tcb->tcp->config.eifel && tcb->has_timestamps &&
           seg->options.has_timestamps && seg->options.ts_ecr != 0 &&
           delivery->acked > 0 && tcb->undo.has_stamp &&
           !all_acks_may_be_lost(tcb, report) &&
           (int32_t)(seg->options.ts_ecr - tcb->undo.stamp) < 0;
}

/* RFC 3708 3: every retransmission came twice. What the network has doubled,
 * and we have sent once, says nothing of them. */
static bool dsack_detects(struct tcb *tcb, const struct sack_report *report)
{
    struct undo *undo = &tcb->undo;
    tcp_seq start = seq_max(report->dsack.start, undo->first);
    tcp_seq end = seq_min(report->dsack.end, undo->end);

    if (!report->has_dsack || undo->unexplained == 0 || !seq_lt(start, end))
        return false;
    undo->unexplained -= min_u32(end - start, undo->unexplained);
    return undo->unexplained == 0;
}

/* All that was taken for lost has arrived before any of it was sent again: in
 * the same pass, or while pacing held it back. Not what had gone twice before,
 * by a loss probe: its copy may be what has arrived. */
static bool arrives_in_time(const struct tcb *tcb,
                            const struct delivery *delivery)
{
    return tcb->phase == RECOVERY_FAST && tcb->undo.resent == 0 &&
           tcb->board.lost == 0 && delivery->delivered > 0 &&
           !delivery->acked_resent;
}

bool undo_is_called_for(struct tcb *tcb, const struct tcp_segment *seg,
                        const struct delivery *delivery,
                        const struct sack_report *report)
{
    bool by_dsack = dsack_detects(tcb, report);

    if (tcb->undo.is_over && seq_gt(tcb->snd_una, tcb->undo.until))
        undo_forget(tcb);
    return tcb->undo.is_possible &&
           (by_dsack || arrives_in_time(tcb, delivery) ||
            eifel_detects(tcb, seg, delivery, report));
}

void undo_apply(struct tcb *tcb)
{
    tcb->cc->undo(tcb);
    tcb->backoff = 0;
    scoreboard_forget_losses(&tcb->board);
    tcb->tcp->stats.undone_recoveries++;
    undo_forget(tcb);
}
