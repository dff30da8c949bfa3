/*
 * STATUS of all connections, one after the other (RFC 9293 3.9.1.6), for
 * whoever shows them while they come and go. What is told is a copy.
 */
#ifndef TAPIR_TCP_SHOW_H
#define TAPIR_TCP_SHOW_H

#include "tcp/tcp_info.h"

/* Of the timers that run, the one that Linux's tools would show. */
enum tcp_shown_timer {
    TCP_SHOWN_NO_TIMER,
    TCP_SHOWN_RETRANSMIT,
    TCP_SHOWN_KEEPALIVE,
    TCP_SHOWN_TIME_WAIT, /* and FIN-WAIT-2 without a program */
    TCP_SHOWN_PERSIST
};

struct tcp_shown {
    void *owner; /* NULL: no program has it */
    struct endpoint local;
    struct endpoint remote;
    enum tcp_state state;
    enum tcp_shown_timer timer;
    usec timer_left;
    unsigned timer_count;   /* how often it has fired in a row */
    uint32_t receive_queue; /* bytes; LISTEN: connections to be accepted, */
    uint32_t send_queue;    /* and how many of them may wait */
    uint32_t receive_buffer;
    uint32_t send_buffer;
    bool is_resting;
    bool has_info;          /* of a connection with a TCB, if asked for */
    const char *congestion; /* static; these two: if has_info */
    struct tcp_status_info info;
};

/* How much is asked for. */
enum tcp_show_depth { TCP_SHOW_ENDS, TCP_SHOW_ALL };

void tcp_show(const struct tcb *tcb, enum tcp_show_depth depth,
              struct tcp_shown *out);

/*
 * The next connection, listeners left out, from *cursor on, which is 0 at
 * first. 1: `out` is filled in; 0: nothing is found yet, ask again (so the
 * work of a call has a bound); -ENOENT: that was all. A connection that is
 * there all the time is told once, whatever state it passes through and
 * however the tables grow; one that comes or goes meanwhile, once or not.
 */
MUST_CHECK int tcp_show_next(struct tcp *tcp, uint64_t *cursor,
                             enum tcp_show_depth depth, struct tcp_shown *out);

#endif
