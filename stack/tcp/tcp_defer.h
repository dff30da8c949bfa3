/*
 * TCP_DEFER_ACCEPT: a connection is accepted when its first data comes, so
 * that a server is not woken for one that says nothing. No RFC knows it; what
 * is seen on the wire is a SYN,ACK that is sent again, as if the ACK had been
 * lost. The ACK without data is not taken: the connection stays half-open.
 * When the SYN,ACK has been sent again `defer_accept` times, the ACK of the
 * last one is taken. How long all this took says nothing about the path: there
 * is no RTT sample.
 *
 * Left out on purpose: what Linux does with the option on a client, to hold
 * back the last ACK of the handshake.
 */
#ifndef TAPIR_TCP_DEFER_H
#define TAPIR_TCP_DEFER_H

#include "tcp/tcp_half_open.h"

/* The ACK of our SYN: whether it is ignored until data comes. */
bool defer_accept(struct half_open *half, const struct tcp_segment *seg);
/* The time-out of a SYN,ACK: whether it is not sent again, because it was
 * acknowledged and the time for data is not over. */
bool defer_is_waiting(const struct half_open *half);
/* R2 of a SYN,ACK. */
unsigned defer_synack_retries(const struct half_open *half);

#endif
