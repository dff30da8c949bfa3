/*
 * The opening of a connection: what each end chooses, what it learns from the
 * other's SYN, and what a listener keeps of those that knock.
 */
#ifndef TAPIR_TCP_OPEN_H
#define TAPIR_TCP_OPEN_H

#include "tcp/tcb.h"
#include "tcp/tcp_ends.h"

/* What a listener's children have from it. */
void tcp_inherit(struct tcb *child, const struct tcb *listener);

/* The two ends are known: chooses ISS (RFC 6528 3), MSS, window scale. */
void tcp_choose(struct tcb *tcb);
/* RFC 7323 5.4: what is added to the clock between these ends, always. */
uint32_t tcp_timestamp_offset(const struct tcp *tcp,
                              const struct tcp_ends *ends);
/* Another ISS than tcp_choose has chosen. */
void tcp_begin_at(struct tcb *tcb, tcp_seq iss);

/* The peer's SYN: IRS, its options (RFC 9293 3.7.1, RFC 7323 2.2, 3.2), its
 * window. */
void tcp_take_syn(struct tcb *tcb, const struct tcp_segment *seg);

/* Our SYN is acknowledged: the buffers begin to move. */
void tcp_become_established(struct tcb *tcb, const struct tcp_segment *seg);

/* Whether the listener can take one more into its accept queue. */
bool tcp_has_backlog(const struct tcb *listener);

/* The child's handshake is complete: it waits to be accepted. */
void tcp_queue_for_accept(struct tcb *child);

/* The listener ends: its children are reset. */
void tcp_abandon_children(struct tcb *listener);

#endif
