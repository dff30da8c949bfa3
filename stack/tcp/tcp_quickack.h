/*
 * When an ACK is not delayed (RFC 9293 3.8.6.3, RFC 5681 4.2 allow both). As
 * Linux: at the beginning, and after a pause longer than the RTO, the peer is
 * in slow start and grows by ACKs, so the first segments are acknowledged at
 * once: up to config.quick_acks of them, or half the window. Likewise after a
 * segment that is there already: its ACK was lost, or was too late, and the
 * peer's window is small now. A program that answers what it reads carries the
 * ACKs on its answers: such interactive traffic ends it, until a delayed ACK
 * has to go alone again.
 */
#ifndef TAPIR_TCP_QUICKACK_H
#define TAPIR_TCP_QUICKACK_H

#include "tcp/tcb.h"

/* Text has come in order; `full` is the size of the peer's full segments. */
void quickack_received(struct tcb *tcb, uint32_t full);
/* Text has come of which nothing is new. */
void quickack_received_again(struct tcb *tcb);
/* Whether it is acknowledged at once. */
bool quickack_is_on(const struct tcb *tcb);
/* An ACK goes out; something was owed. */
void quickack_acked(struct tcb *tcb);
/* Text goes out: perhaps an answer. */
void quickack_answered(struct tcb *tcb);
/* An ACK was delayed, and nothing came along to carry it. */
void quickack_was_missed(struct tcb *tcb);

#endif
