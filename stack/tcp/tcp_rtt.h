/*
 * The round-trip time and the retransmission time-out, RFC 6298.
 */
#ifndef TAPIR_TCP_RTT_H
#define TAPIR_TCP_RTT_H

#include "tcp/tcb.h"

void rtt_init(struct tcb *tcb);

/* `seq` goes out for the first time: it is timed if nothing else is. */
void rtt_start_timing(struct tcb *tcb, tcp_seq seq);
/* Something is sent again: what is being timed would mislead (Karn). */
void rtt_stop_timing(struct tcb *tcb);

/* An acceptable ACK of new data: takes a sample if it carries one. */
void rtt_acked(struct tcb *tcb, const struct tcp_segment *seg);

/* One sample: RFC 6298 2.2, 2.3. */
void rtt_sample(struct tcb *tcb, usec rtt);

/* The time-out as it stands, backed off (RFC 6298 5.5). */
usec rtt_rto(const struct tcb *tcb);

#endif
