/*
 * The memory of all connections together, and what happens when it runs short.
 *
 * The limit is tcp_config.memory_limit, held against all that the stack has
 * taken from its struct memory. As it fills up, what costs a program least
 * gives way first:
 *
 * 1. From three quarters on memory is short: no limit grows (tcp_autotune.h)
 *    and no ring, so programs can write, and windows offer, only what the
 *    rings they have will hold, or 4 KiB. What was offered stays offered: the
 *    right edge of a window never moves back (RFC 9293 3.8.6 SHLD-14).
 * 2. Text out of order for which a ring would have to grow is not taken; where
 *    text in order needs the room, text out of order that is there already is
 *    thrown away, that of the largest holders first. It was not acknowledged
 *    and comes again (RFC 9293 3.10.7.4; RFC 2018 8 lets a receiver do so even
 *    if it has told of it by SACK).
 * 3. The last quarter is for text in order and for new connections. When all
 *    is used those are refused, and of text in order is taken what the ring
 *    that is there holds, or one of 4 KiB: that much everybody may have beyond
 *    the limit, each way, or two ends that are both full of what they send
 *    could never take each other's acknowledgments any further.
 *
 * Each step costs the same with ten connections and with a million: those that
 * hold text out of order hang in lists by the size of their ring, and at most
 * a few are looked at for each segment.
 */
#ifndef TAPIR_TCP_MEMORY_H
#define TAPIR_TCP_MEMORY_H

#include "base/list.h"

struct tcb;
struct tcp;

enum { TCP_MEMORY_CLASSES = 32 };

struct tcp_memory {
    struct list holders[TCP_MEMORY_CLASSES]; /* by the ring's size, 2^n */
    uint32_t occupied;                       /* a bit for each that is not
                                                empty */
};

void tcp_memory_init(struct tcp *tcp);

/* Whether limits may not grow. */
bool tcp_memory_is_short(const struct tcp *tcp);
/* Whether there is memory for one more connection; makes room if it can. */
MUST_CHECK bool tcp_memory_admits_connection(struct tcp *tcp);

/* The buffers' limits as they are now: the connection's own, or less. */
uint32_t tcp_memory_send_limit(const struct tcb *tcb);
uint32_t tcp_memory_receive_limit(const struct tcb *tcb);

/* How much of `len` bytes of text may be kept `at` bytes after RCV.NXT: the
 * first part of them, or none. */
MUST_CHECK uint32_t tcp_memory_admits_text(struct tcb *tcb, uint32_t at,
                                           uint32_t len);

/* Text out of order has come, or gone, or its ring has grown. */
void tcp_memory_out_of_order_changed(struct tcb *tcb);
/* The program has read: a ring that is far too large now gives memory back. */
void tcp_memory_after_reading(struct tcb *tcb);

#endif
