/*
 * Which bytes beyond RCV.NXT have arrived: ranges of sequence numbers, sorted
 * and apart. The bytes themselves lie at their place in the receive buffer
 * already (RFC 9293 3.10.7.4, seventh step: segments out of order SHOULD be
 * kept, SHLD-31).
 */
#ifndef TAPIR_TCP_REASS_H
#define TAPIR_TCP_REASS_H

#include "base/memory.h"
#include "tcp/seq.h"

enum { REASS_RANGES_MAX = 1024 };

struct reass_range {
    tcp_seq start;
    tcp_seq end;
};

struct reass {
    struct reass_range *ranges;
    uint16_t count;
    uint16_t capacity;
};

void reass_init(struct reass *reass);
void reass_fini(struct reass *reass, struct memory *memory);

static inline bool reass_is_empty(const struct reass *reass)
{
    return reass->count == 0;
}

/* Adds [start, end). 0; -ENOBUFS when there are too many, or no memory. */
MUST_CHECK int reass_add(struct reass *reass, struct memory *memory,
                         tcp_seq start, tcp_seq end);

/* The range that holds `seq`; NULL if none does. */
const struct reass_range *reass_range_at(const struct reass *reass,
                                         tcp_seq seq);

/* The end of what is contiguous from rcv_nxt on; those ranges are taken out. */
tcp_seq reass_advance(struct reass *reass, struct memory *memory,
                      tcp_seq rcv_nxt);

#endif
