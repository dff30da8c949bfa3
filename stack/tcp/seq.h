/*
 * Sequence numbers, RFC 9293 3.4: arithmetic modulo 2^32. They are compared
 * only here; a bare `<` goes wrong once in every 4 GiB.
 */
#ifndef TAPIR_TCP_SEQ_H
#define TAPIR_TCP_SEQ_H

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t tcp_seq;

static inline bool seq_lt(tcp_seq a, tcp_seq b)
{
    return (int32_t)(a - b) < 0;
}

static inline bool seq_leq(tcp_seq a, tcp_seq b)
{
    return (int32_t)(a - b) <= 0;
}

static inline bool seq_gt(tcp_seq a, tcp_seq b)
{
    return seq_lt(b, a);
}

static inline bool seq_geq(tcp_seq a, tcp_seq b)
{
    return seq_leq(b, a);
}

/* from <= seq < from + len */
static inline bool seq_in(tcp_seq seq, tcp_seq from, uint32_t len)
{
    return seq - from < len;
}

static inline tcp_seq seq_max(tcp_seq a, tcp_seq b)
{
    return seq_lt(a, b) ? b : a;
}

static inline tcp_seq seq_min(tcp_seq a, tcp_seq b)
{
    return seq_lt(a, b) ? a : b;
}

#endif
