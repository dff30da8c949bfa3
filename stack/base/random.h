/*
 * Random numbers for the core: SipHash over a counter, keyed by the seed that
 * was handed in. Nobody who does not know the seed can foretell them, and the
 * same seed gives the same run.
 */
#ifndef TAPIR_BASE_RANDOM_H
#define TAPIR_BASE_RANDOM_H

#include "base/hash.h"

struct random {
    struct hash_key key;
    uint64_t counter;
};

void random_init(struct random *random, struct hash_key seed);
uint32_t random_u32(struct random *random);
/* Even over [0, bound); bound is not 0. */
uint32_t random_below(struct random *random, uint32_t bound);
/* A fresh key for somebody's own hash. */
struct hash_key random_key(struct random *random);

#endif
