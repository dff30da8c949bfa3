/*
 * Proportional Rate Reduction, RFC 9937: during fast recovery what is in flight
 * comes down to ssthresh in step with what arrives, not at once; and where it
 * is below, it comes up no faster than what arrives, or slow start at most.
 *
 * Without SACK each duplicate ACK stands for a segment (6.2).
 */
#ifndef TAPIR_TCP_PRR_H
#define TAPIR_TCP_PRR_H

#include "tcp/tcb.h"

/* 6.1: a reduction begins with an ACK that has delivered so much, or with a
 * timer (0); ssthresh is set. Sets cwnd so that the first segment can go. */
void prr_begin(struct tcb *tcb, uint32_t delivered);

/* The same in the midst of one, of which PRR has only counted duplicate ACKs so
 * far. */
void prr_take_over(struct tcb *tcb);

/* 6.2: an ACK within it, also that by which it began, not that by which it
 * ends: sets cwnd. `newly_lost` bytes were found lost by it. */
void prr_acked(struct tcb *tcb, const struct delivery *delivery,
               uint32_t newly_lost);

/* 6.2, without SACK: what an ACK has delivered, by an estimate; a duplicate if
 * it has not moved SND.UNA. */
uint32_t prr_estimate(struct tcb *tcb, uint32_t acked);

/* 6.3: `len` bytes were sent. */
void prr_sent(struct tcb *tcb, uint32_t len);

/* 6.4: it ends, or another one begins. */
void prr_end(struct tcb *tcb);

#endif
