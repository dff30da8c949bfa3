/*
 * The USER TIMEOUT of RFC 9293 3.9.1.8 (TCP_USER_TIMEOUT): how long data that
 * was sent may stay unacknowledged, or unsent because the window is shut,
 * before the connection ends (3.10.8). It counts from the last progress.
 *
 * And the option of RFC 5482, if the stack's `user_timeout_option` is on: the
 * peer is told of a time-out that our program has set (ADV_UTO), and one that
 * the peer tells is adopted where our program has set none (CHANGEABLE). What
 * comes with a SYN for a listener is not kept: it has to come again after it
 * (RFC 5482 3), and a half-open connection is small.
 */
#ifndef TAPIR_TCP_USER_TIMEOUT_H
#define TAPIR_TCP_USER_TIMEOUT_H

#include "tcp/tcb.h"

/* After output: the time-out runs while something waits for the peer. */
void user_timeout_watch(struct tcb *tcb);
/* The peer has acknowledged something new, or the setting has changed. */
void user_timeout_restart(struct tcb *tcb);
/* The time is over. False: there was nothing to wait for. */
bool user_timeout_is_over(const struct tcb *tcb);

/*
 * How many retransmissions R2 allows to data: the stack's number, or as many
 * as fit into a time-out of the program's own, be it shorter or longer.
 */
unsigned user_timeout_retries(const struct tcb *tcb);

/* ---- The option, RFC 5482 ---- */

/* It goes with the SYN if there is room, with the first segment after it, and
 * with the next one when the setting has changed; with none if the option is
 * not enabled, or the program has set nothing. */
void user_timeout_changed(struct tcb *tcb);
void user_timeout_stamp_syn(const struct tcb *tcb, struct tcp_options *options);
void user_timeout_stamp(struct tcb *tcb, struct tcp_options *options);
/* What that takes from the next segment's text. SACK blocks come first. */
uint32_t user_timeout_option_len(const struct tcb *tcb);

/* The options of a segment that is acceptable, and whose ACK is. */
void user_timeout_told(struct tcb *tcb, const struct tcp_options *options);

/* ---- Keepalive ---- */

/* Whether `probes` keepalive probes without an answer are enough. */
bool user_timeout_ends_keepalive(const struct tcb *tcb);

#endif
