/*
 * RACK, RFC 8985 6: something is lost when something that was sent later has
 * arrived, and enough time for reordering has passed.
 */
#ifndef TAPIR_TCP_RACK_H
#define TAPIR_TCP_RACK_H

#include "tcp/tcp_sack.h"

void rack_init(struct tcb *tcb);

/* The latest time at which something that this ACK is for can have been sent
 * again: step 2. By a SACK block; by SND.UNA, and the time that is echoed. */
usec rack_answerable(const struct tcb *tcb);
usec rack_answerable_by_echo(const struct tcb *tcb,
                             const struct tcp_segment *seg);

/* Steps 1 to 3 for an ACK that has delivered something. */
void rack_delivered(struct tcb *tcb, const struct delivery *delivery);

/* Step 3: what begins here arrives after what was sent later. */
void rack_reordered(struct tcb *tcb, tcp_seq start);
/* Step 4, its part about D-SACK. */
void rack_dsack(struct tcb *tcb);
/* A recovery has ended: the widened window lasts for 16 of them. */
void rack_recovery_ended(struct tcb *tcb);

/* Step 5, and the reordering timer. The bytes newly lost. */
uint32_t rack_detect_losses(struct tcb *tcb);

/* RFC 8985 6.3: the retransmission timer has expired. */
void rack_lose_on_timeout(struct tcb *tcb);

#endif
