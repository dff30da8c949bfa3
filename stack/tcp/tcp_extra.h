/*
 * What few connections have, and the others should not pay for with the size
 * of their TCB: it is made when it is first needed, and ends with the TCB.
 */
#ifndef TAPIR_TCP_EXTRA_H
#define TAPIR_TCP_EXTRA_H

#include "base/bpf.h"
#include "ip/error_queue.h"
#include "tcp/seq.h"

struct tcb;

enum { TCP_ARRIVALS_MAX = 16 };

/* When the text before `end`, and behind the one before, could be read. */
struct tcp_arrival {
    tcp_seq end;
    usec at; /* USEC_NEVER: nobody has noted it */
};

struct tcp_extra {
    const struct bpf_program *filter; /* SO_ATTACH_FILTER; NULL: none */
    struct error_queue errors; /* MSG_ERRQUEUE: why an attempt has failed */
    struct tcp_arrival arrivals[TCP_ARRIVALS_MAX]; /* SO_TIMESTAMP */
    unsigned arrival_count;
};

/* NULL without memory. */
MUST_CHECK struct tcp_extra *tcp_extra_make(struct tcb *tcb);
void tcp_extra_free(struct tcb *tcb);

/* An ICMP error that ends an attempt to connect is kept for the program. */
void tcp_extra_add_error(struct tcb *tcb, const struct icmp_error *error);

/*
 * RCV.NXT has moved on, from `before`, over text that is noted. Of more
 * arrivals than there is room for the last ones count as one, at the latest
 * time: so Linux does with segments that it joins.
 */
void tcp_extra_note_arrival(struct tcb *tcb, tcp_seq before);
/* Without SO_TIMESTAMP: what was noted of text that is read by now goes, and
 * all of it if nothing is left. */
void tcp_extra_tidy(struct tcb *tcb);

#endif
