/*
 * The core's random numbers: SipHash of 0, 1, 2, ... under the seed.
 */
#include "base/random.h"

static uint64_t random_u64(struct random *random)
{
    uint8_t counter[8];

    put_be32(counter, (uint32_t)(random->counter >> 32));
    put_be32(counter + 4, (uint32_t)random->counter);
    random->counter++;
    return hash_bytes(&random->key, bytes_of(counter, sizeof(counter)));
}

void random_init(struct random *random, struct hash_key seed)
{
    *random = (struct random){.key = seed};
}

uint32_t random_u32(struct random *random)
{
    return (uint32_t)random_u64(random);
}

uint32_t random_below(struct random *random, uint32_t bound)
{
    assert(bound > 0);

    /* What lies above the last multiple of the bound would favour the small
     * remainders, and is drawn again: less than every second time. */
    uint32_t end = UINT32_MAX - UINT32_MAX % bound;
    uint32_t drawn;

    do
        drawn = random_u32(random);
    while (drawn >= end);
    return drawn % bound;
}

struct hash_key random_key(struct random *random)
{
    uint64_t k0 = random_u64(random);
    uint64_t k1 = random_u64(random);

    return (struct hash_key){.k0 = k0, .k1 = k1};
}
