/*
 * Buffers that tune themselves to the path: each limit begins at the
 * configured one and grows, up to the configured maximum, with what the path
 * and the program show that they use. A direction whose buffer the program has
 * set (SO_RCVBUF, SO_SNDBUF) stays as it was set.
 */
#ifndef TAPIR_TCP_AUTOTUNE_H
#define TAPIR_TCP_AUTOTUNE_H

#include "base/usec.h"
#include "tcp/seq.h"

struct tcb;
struct tcp_segment;

struct tcp_autotune {
    /* The round trip as the receiver sees it. */
    usec rtt;    /* the least of late; 0: not known */
    usec rtt_at; /* when that was measured */
    usec mark_at;
    uint32_t mark_timestamp;
    tcp_seq mark_edge;
    bool is_marked;

    /* What the program reads in one. */
    bool in_round;
    usec round_at;
    uint64_t round_read;
    uint64_t last_round_read;

    bool receive_is_fixed; /* by the program */
    bool send_is_fixed;
};

/* The largest receive limit that the connection may ever have: it decides the
 * window scale, which is told once, in the SYN (RFC 7323 2.2). */
uint32_t autotune_receive_max(const struct tcb *tcb);

/* Text has arrived: measures the round trip. */
void autotune_arrived(struct tcb *tcb, const struct tcp_segment *seg);

/* The program has read `len` bytes. */
void autotune_read(struct tcb *tcb, uint32_t len);

/* New data was acknowledged, and cwnd may have grown. */
void autotune_acked(struct tcb *tcb);

/* A listener's child: what the program has set holds for it too. */
void autotune_inherit(struct tcb *child, const struct tcb *listener);

#endif
