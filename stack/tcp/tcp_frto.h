/*
 * F-RTO, RFC 5682: whether a time-out was spurious. After it the first segment
 * alone is sent again; when that is acknowledged two new segments go, instead
 * of what seems lost, and the next ACK decides: if it is for something that was
 * sent before the time-out, that was only late. With SACK section 3 holds,
 * without it section 2.
 */
#ifndef TAPIR_TCP_FRTO_H
#define TAPIR_TCP_FRTO_H

#include "tcp/tcb.h"

/* Nothing of it is under way. */
void frto_end(struct tcb *tcb);

/* Step 1: a time-out, of which recovery has not yet heard. */
void frto_timed_out(struct tcb *tcb);
/* What goes again up to `end` is what the time-out was for. */
void frto_resent(struct tcb *tcb, tcp_seq end);

/* Steps 2 and 3: an ACK; true: the time-out was spurious. */
bool frto_acknowledged(struct tcb *tcb, const struct tcp_segment *seg,
                       const struct delivery *delivery, bool is_duplicate);

/* Whether what seems lost has to wait, and how much new data may go then. */
bool frto_is_under_way(const struct tcb *tcb);
uint32_t frto_allowance(const struct tcb *tcb);

#endif
