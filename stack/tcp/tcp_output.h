/*
 * Sending: RFC 9293 3.8.6.2.1, 3.7.4; what is sent when.
 */
#ifndef TAPIR_TCP_OUTPUT_H
#define TAPIR_TCP_OUTPUT_H

#include "tcp/tcb.h"

/*
 * The way down for a connection: sends what it owes and may: SYN, what is to
 * be sent again, new data, FIN, or at least an ACK.
 */
void tcp_output(struct tcb *tcb);

/* Of a TCB that is not marked, out of turn: SYN or SYN,ACK, and a bare ACK. */
void tcp_send_syn(struct tcb *tcb);
void tcp_send_ack(struct tcb *tcb);
/* What is written goes out, full segment or not: it is not held back by Nagle
 * or a cork. RFC 9293 3.9.1.2. */
void tcp_push(struct tcb *tcb);

/* An octet that the peer has acknowledged before: RFC 9293 3.8.4. */
void tcp_send_keepalive(struct tcb *tcb);
/* <SEQ=SND.NXT><CTL=RST,ACK>: ABORT, RFC 9293 3.10.5. */
void tcp_send_reset(struct tcb *tcb);

/* RFC 9293 3.10.7.1: the answer to a segment that belongs to nothing. */
void tcp_reset_unknown(struct tcp *tcp, const struct ip_packet *packet,
                       const struct tcp_segment *seg);

/* The window to offer: RFC 9293 3.8.6.2.2. What a segment would carry. */
uint32_t tcp_window_to_offer(const struct tcb *tcb);
/* What a SYN offers: never scaled, RFC 7323 2.2. */
uint32_t tcp_syn_window(const struct tcb *tcb);

#endif
