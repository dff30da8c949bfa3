/*
 * Loss recovery: when something is taken for lost, what is sent again, and
 * when that is over. The table of contents of what an ACK means for it; RACK,
 * PRR, tail loss probes, SACK, undoing each have a file. With a peer that does
 * not know SACK: fast retransmit and fast recovery after RFC 5681 3.2 and RFC
 * 6582 (NewReno).
 */
#ifndef TAPIR_TCP_RECOVERY_H
#define TAPIR_TCP_RECOVERY_H

#include "tcp/tcb.h"

/* The connection begins: nothing is lost. */
void recovery_init(struct tcb *tcb);

/*
 * An acceptable ACK, which has moved SND.UNA up by `acked` bytes: what has
 * arrived, what was lost, and what follows for the window and the timers.
 */
void recovery_acknowledged(struct tcb *tcb, const struct tcp_segment *seg,
                           uint32_t acked);

/* The retransmission timer has expired. */
void recovery_timed_out(struct tcb *tcb);
/* The reordering timer of RACK has expired. */
void recovery_reordering_passed(struct tcb *tcb);

/* All that is outstanding has not been taken: the window was shut and opens,
 * or the path has refused it for its size. It is sent again, and the window
 * stays as it is; within a fast recovery it is at most ssthresh. */
void recovery_nothing_was_taken(struct tcb *tcb);

/* Another algorithm has taken the place of `before`, perhaps within a recovery.
 */
void recovery_taken_over(struct tcb *tcb, const struct tcp_cc_ops *before);

/* A range that is in flight is found lost. */
void recovery_lose(struct tcb *tcb, struct sent_range *range);

/* Bytes that are thought to be in the network: RFC 6675 4 SetPipe(). */
uint32_t recovery_pipe(const struct tcb *tcb);
/* FlightSize, RFC 5681 3.1 (4), when a sign of congestion comes. */
uint32_t recovery_flight(const struct tcb *tcb);
/* How much may be sent now: cwnd less the pipe. */
uint32_t recovery_allowance(const struct tcb *tcb);
/* The first of what is to be sent again; NULL if nothing is. */
const struct sent_range *recovery_next_lost(struct tcb *tcb);
/* Whether it goes even if cwnd is used up: RFC 5681 3.2 step 3, RFC 6298 5.4.
 */
bool recovery_is_urgent(const struct tcb *tcb);
/* [from, from + len) was just sent; SND.NXT is still as before. */
void recovery_sent(struct tcb *tcb, tcp_seq from, uint32_t len);

#endif
