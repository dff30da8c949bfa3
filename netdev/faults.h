/*
 * A faulty device around any other: loss, duplication, reordering, delay and
 * corruption in both directions, drawn from a seed.
 *
 *   loss=1%,dup=0.5%,reorder=2%,corrupt=0.1%,delay=10ms,jitter=2ms
 *
 * A reordered frame is held back for `reorder-delay` (default 1 ms more than
 * the others). Probabilities are for each frame and each direction.
 */
#ifndef TAPIR_NETDEV_FAULTS_H
#define TAPIR_NETDEV_FAULTS_H

#include "base/memory.h"
#include "base/random.h"
#include "netdev/netdev.h"

struct faults {
    uint32_t loss; /* in millionths */
    uint32_t duplicate;
    uint32_t reorder;
    uint32_t corrupt;
    usec delay;
    usec jitter; /* even in [0, jitter) on top of delay; keeps the order */
    usec reorder_delay; /* 0: the default */
};

/* Both directions together. */
struct faults_counts {
    uint64_t passed; /* not lost; with `lost` all packets that came */
    uint64_t lost;
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t corrupted;
    uint64_t overflowed; /* more than fits the queue was delayed */
};

enum { FAULTS_WHY_MAX = 128 };

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

const struct faults_counts *faults_counts(const struct netdev *dev);

#endif
