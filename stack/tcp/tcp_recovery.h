/*
 * Loss recovery: when something is taken for lost, what is sent again, and
 * when that is over. Fast retransmit and fast recovery after RFC 5681 3.2 and
 * RFC 6582 (NewReno), and what follows a time-out (RFC 6298 5.4, RFC 5681
 * 3.1). How much may be in flight is congestion control's affair.
 */
#ifndef TAPIR_TCP_RECOVERY_H
#define TAPIR_TCP_RECOVERY_H

#include "tcp/tcb.h"

/* The connection begins: nothing is lost. */
void recovery_init(struct tcb *tcb);

/* SND.UNA has moved up by `acked` bytes; sees to the retransmission timer. */
void recovery_acked(struct tcb *tcb, uint32_t acked);

/* A duplicate ACK as RFC 5681 2 defines it. */
void recovery_duplicate_ack(struct tcb *tcb);

/* The retransmission timer has expired. */
void recovery_timed_out(struct tcb *tcb);

/* The window was shut and opens: what was sent into it has not been taken. */
void recovery_window_opened(struct tcb *tcb);

/* What is to be sent again lies from tcb->resend_next to tcb->resend_end. */
bool recovery_has_lost(const struct tcb *tcb);
/* [from, from + len) was just sent, for the first time or again. */
void recovery_sent(struct tcb *tcb, tcp_seq from, uint32_t len);

/* How much may be sent now: cwnd less what is thought to be in flight. */
uint32_t recovery_allowance(const struct tcb *tcb);

#endif
