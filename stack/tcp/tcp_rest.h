/*
 * A connection at rest. Most connections of a busy server have nothing to say
 * for minutes; what they need meanwhile is to be found again by their ends. So
 * one that has been idle for `buffer_idle`, with all acknowledged, all read and
 * no timer but keepalive's, gives its TCB back. A small record takes the place,
 * and holds what was in the TCB: nothing is forgotten, it is only packed. A
 * segment, a call of its program or the keepalive timer wakes it.
 *
 * Its owner is told by tcp->moved where the connection is; without that (and
 * without the setting `rest`) none is ever put to rest.
 *
 * Not put to rest: a connection without a program, or one that is still to be
 * accepted; one whose program has bound its port, which the rules of bind must
 * find; one whose urgent data or error waits, or that has what few have
 * (tcp_extra.h).
 *
 * Closed by its program while there is no memory for a TCB it rests on, and is
 * tried again until there is: its FIN is late, not left out.
 */
#ifndef TAPIR_TCP_REST_H
#define TAPIR_TCP_REST_H

#include "base/pack.h"
#include "tcp/tcb.h"
#include "tcp/tcp_ends.h"

struct tcp_rest {
    struct hash_node node; /* in tcp->resting */
    union {
        void *owner;
        struct tcp_rest *next; /* in tcp->closing, if it is */
    };
    tcp_seq rcv_nxt;
    uint16_t packed_len;
    uint16_t answered;     /* when: see tcp_rest_input.c; 0: it was not */
    uint8_t state : 7;     /* enum tcp_state */
    bool is_closing : 1;   /* nobody's, and its FIN is due */
    uint8_t readiness : 7; /* as tcp_readiness: it does not change */
    bool has_timer : 1;
    struct tcp_ends_kept ends; /* and behind its octets the packed TCB */
};

/* A TCB packed is to be no larger than this, and is much smaller. */
_Static_assert(PACK_MOST(sizeof(struct tcb)) <= UINT16_MAX, "lengths fit");

MUST_CHECK int rest_init(struct tcp *tcp);
/* The stack ends: those at rest are gone without a word. */
void rest_fini(struct tcp *tcp);

/* Its idle time may have begun: the timer will see. */
void rest_consider(struct tcb *tcb);
/* That timer has fired. */
void rest_timer_fired(struct tcb *tcb);
/* The pass ends: those that may now be put to rest. */
void rest_all_that_may(struct tcp *tcp);

/* Those whose FIN waits for memory: reset. */
void rest_abort_closed(struct tcp *tcp);

/* NULL: no connection with these ends is at rest. */
struct tcp_rest *rest_find(struct tcp *tcp, const struct tcp_ends *ends);

/* Its TCB, to look at: no table and no list knows it. */
void rest_copy(struct tcp *tcp, struct tcp_rest *rest, struct tcb *copy);
/* Why a segment does not wake it, or DROP_NONE; and what is answered then. */
enum drop_reason rest_refuses(const struct tcb *copy,
                              const struct ip_packet *packet,
                              const struct tcp_segment *seg);
void rest_answer(struct tcp_rest *rest, struct tcb *copy,
                 const struct tcp_segment *seg, enum drop_reason why);

#endif
