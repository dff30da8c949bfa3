/*
 * The USER TIMEOUT of RFC 9293 3.9.1.8 (TCP_USER_TIMEOUT): how long data that
 * was sent may stay unacknowledged, or unsent because the window is shut,
 * before the connection ends (3.10.8). It counts from the last progress.
 *
 * Left out on purpose: the option of RFC 5482, which tells the peer of one's
 * own time-out. Linux does not send it either, and the time-out means what it
 * says without it.
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

/* Whether `probes` keepalive probes without an answer are enough. */
bool user_timeout_ends_keepalive(const struct tcb *tcb);

#endif
