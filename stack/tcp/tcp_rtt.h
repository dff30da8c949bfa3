/*
 * The round-trip time and the retransmission time-out, RFC 6298.
 */
#ifndef TAPIR_TCP_RTT_H
#define TAPIR_TCP_RTT_H

#include "tcp/tcb.h"

void rtt_init(struct tcb *tcb);

/* Our SYN goes out: it is timed. */
void rtt_start_timing(struct tcb *tcb);
/* It is sent again: which was answered would not be known (Karn). */
void rtt_stop_timing(struct tcb *tcb);
/* It is acknowledged. */
void rtt_syn_acked(struct tcb *tcb, const struct tcp_segment *seg);

/* An ACK, and what it has delivered: takes a sample if that brings one. */
void rtt_acked(struct tcb *tcb, const struct tcp_segment *seg,
               const struct delivery *delivery);

/* A time-out; it was spurious, and the next round trip of new data counts
 * whole: RFC 4015 3.1 (0), (11). */
void rtt_timed_out(struct tcb *tcb);
void rtt_was_too_short(struct tcb *tcb);

/* One sample: RFC 6298 2.2, 2.3. */
void rtt_sample(struct tcb *tcb, usec rtt);

/* The time-out as it stands, backed off (RFC 6298 5.5). */
usec rtt_rto(const struct tcb *tcb);

#endif
