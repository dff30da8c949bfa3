/*
 * The timers of a connection: what happens when one fires.
 */
#ifndef TAPIR_TCP_TIMER_H
#define TAPIR_TCP_TIMER_H

#include "tcp/tcb.h"

void tcp_timer_init(struct tcb *tcb);
/* The same, but what is due stays so. */
void tcp_timer_init_link(struct tcb *tcb);
/* (Re)arms one of the connection's timers. */
void tcp_timer_set(struct tcb *tcb, enum tcp_timer which, usec deadline);
static inline void tcp_timer_clear(struct tcb *tcb, enum tcp_timer which)
{
    tcb->due[which] = USEC_NEVER;
}

void tcp_timer_clear_all(struct tcb *tcb);
static inline bool tcp_timer_is_set(const struct tcb *tcb, enum tcp_timer which)
{
    return tcb->due[which] != USEC_NEVER;
}

/* Starts the retransmission timer anew: RFC 6298 5.3. */
void tcp_timer_restart_retransmit(struct tcb *tcb);
/* A buffer has run empty: if it still is after a while, its memory goes back.
 * Not at once: between two segments a busy connection's is empty, too. */
void tcp_timer_buffer_is_empty(struct tcb *tcb);
/* FIN-WAIT-2 without a program does not last for ever: a while, or no time at
 * all (TCP_LINGER2). */
void tcp_limit_fin_wait_2(struct tcb *tcb);
/* The keepalive timer, if the option is on and the state one to keep. */
void tcp_timer_restart_keepalive(struct tcb *tcb);

#endif
