/*
 * Undoing what was done for a loss that was none: the Eifel detection and
 * response (RFC 3522, RFC 4015), and by D-SACK (RFC 3708). F-RTO (tcp_frto)
 * calls for it, too.
 */
#ifndef TAPIR_TCP_UNDO_H
#define TAPIR_TCP_UNDO_H

#include "tcp/tcp_sack.h"

/* A recovery begins. */
void undo_begin(struct tcb *tcb);
/* [start, end) is sent again; the scoreboard does not know yet. */
void undo_resent(struct tcb *tcb, tcp_seq start, tcp_seq end);
/* The recovery was right: it will not be undone. */
void undo_forget(struct tcb *tcb);
/* It has ended; what it has sent again may still be told of by D-SACKs, for a
 * round trip. */
void undo_recovery_ended(struct tcb *tcb);

/* Whether this ACK shows, by its times or by D-SACK, that the recovery was not;
 * RECOVERY_FAST or RECOVERY_LOSS, or D-SACKs shortly after. */
bool undo_is_called_for(struct tcb *tcb, const struct tcp_segment *seg,
                        const struct delivery *delivery,
                        const struct sack_report *report);

/* The window as it was; nothing is lost. */
void undo_apply(struct tcb *tcb);

#endif
