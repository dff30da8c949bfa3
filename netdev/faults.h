/*
 * A faulty device around any other: a network with a bottleneck, loss,
 * duplication, reordering, delay and corruption in both directions, drawn from
 * a seed.
 *
 *   rate=10Mbit,queue=64kB,mark=20kB,delay=10ms,jitter=2ms
 *   loss=1%,burst-loss=1%/3,dup=0.5%,reorder=2%,corrupt=0.1%
 *
 * Probabilities are for each packet and each direction.
 *
 * rate         bits a second; bytes are those of the whole frame
 * queue        bytes that may wait for it; what finds more is dropped. Without
 *              it all that memory holds may wait
 * mark         bytes: an ECN-capable packet that makes the queue longer than
 *              this is marked (CE, RFC 3168 5); others are not dropped for it.
 *              Or a probability, of each ECN-capable packet
 * loss         each packet by itself
 * burst-loss   1%/3: 1 % of the packets, in bursts of 3 on average (Gilbert)
 * reorder      2%: such a frame is held back for `reorder-delay` (default: 1
 * ms) longer than the others. 2%/3: until 3 have overtaken it, or for
 *              `reorder-delay` (default: 50 ms) if fewer come
 */
#ifndef TAPIR_NETDEV_FAULTS_H
#define TAPIR_NETDEV_FAULTS_H

#include "base/memory.h"
#include "base/random.h"
#include "netdev/netdev.h"

struct faults {
    uint64_t rate;         /* bit/s; 0: no bottleneck */
    uint64_t queue;        /* bytes before it; 0: no limit */
    uint64_t mark;         /* bytes: a longer queue marks; 0: none does */
    uint32_t mark_chance;  /* in millionths: of ECN-capable packets */
    uint32_t loss;         /* in millionths */
    uint32_t burst_loss;   /* in millionths: of all packets */
    uint32_t burst_length; /* in millionths of a packet: the mean */
    uint32_t duplicate;
    uint32_t reorder;
    unsigned reorder_by; /* packets; 0: by time alone */
    uint32_t corrupt;
    usec delay;
    usec jitter; /* even in [0, jitter) on top of delay; keeps the order */
    usec reorder_delay; /* 0: the default */
};

/* With passed, lost and queue_full all packets that came are counted. */
struct faults_counts {
    uint64_t passed;
    uint64_t lost; /* alone and in bursts */
    uint64_t queue_full;
    uint64_t marked; /* of those that passed, and their copies */
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t corrupted;
    uint64_t overflowed; /* more than memory holds was on its way: none of the
                            faults asked for it */
    uint64_t late;       /* handed on more than 1 ms after they were due (or
                            what struct faults_way says) */
    usec latest;         /* the longest such delay, of all packets */
};

enum { FAULTS_WHY_MAX = 192 };

/* 0, or -EINVAL and `why`, which names the part that is wrong. */
MUST_CHECK int faults_parse(const char *spec, struct faults *out,
                            char why[static FAULTS_WHY_MAX]);

/*
 * Takes over `inner`: closing it closes that one. NULL without memory; `inner`
 * is then still the caller's.
 */
MUST_CHECK struct netdev *faults_create(struct memory *memory,
                                        struct netdev *inner,
                                        const struct faults *faults,
                                        struct hash_key seed);

/* What happens to packets from now on; it was made by faults_create. */
void faults_change(struct netdev *dev, usec now, const struct faults *faults);

/* Both directions together. */
const struct faults_counts *faults_counts(const struct netdev *dev);

#endif
