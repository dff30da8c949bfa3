/*
 * What few connections have, and the others should not pay for with the size
 * of their TCB: it is made when it is first needed, and ends with the TCB.
 */
#ifndef TAPIR_TCP_EXTRA_H
#define TAPIR_TCP_EXTRA_H

#include "ip/error_queue.h"

struct tcb;

struct tcp_extra {
    struct error_queue errors; /* MSG_ERRQUEUE: why an attempt has failed */
};

/* NULL without memory. */
MUST_CHECK struct tcp_extra *tcp_extra_make(struct tcb *tcb);
void tcp_extra_free(struct tcb *tcb);

/* An ICMP error that ends an attempt to connect is kept for the program. */
void tcp_extra_add_error(struct tcb *tcb, const struct icmp_error *error);

#endif
