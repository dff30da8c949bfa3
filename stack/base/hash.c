/*
 * SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012),
 * and hash tables that grow by linear hashing (Litwin, 1980).
 *
 * A table never shrinks; it is given back as a whole.
 */
#include "base/hash.h"

#include <errno.h>

enum { BUCKETS_MIN = 8, WALK_RANGES_MAX = 256 };

struct sip_state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

/* As bytes.h has it: one load. */
static inline uint64_t get_le64(const uint8_t *at)
{
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 |
           (uint64_t)at[3] << 24 | (uint64_t)at[4] << 32 |
           (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 |
           (uint64_t)at[7] << 56;
}

/* The first `count` bytes at `at`, fewer than 8, as a little-endian number. */
static uint64_t get_little_endian(const uint8_t *at, size_t count)
{
    uint64_t value = 0;

    for (size_t i = 0; i < count; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

/* Section 2.4: SipRound. */
static inline void sip_round(struct sip_state *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 = rotate_left(s->v0, 32);

    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 = rotate_left(s->v2, 32);
}

/* Section 2.2: one word, c = 2 rounds. */
static inline void sip_compress(struct sip_state *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

/* Section 2.3: d rounds. */
static inline uint64_t sip_finalize(struct sip_state *s, int rounds)
{
    s->v2 ^= 0xff;
    for (int i = 0; i < rounds; i++)
        sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* Section 2.1: "somepseudorandomlygeneratedbytes" */
static inline struct sip_state sip_init(const struct hash_key *key)
{
    return (struct sip_state){
        .v0 = key->k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key->k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = key->k1 ^ UINT64_C(0x7465646279746573),
    };
}

uint64_t hash_words(const struct hash_key *key, const uint64_t *words,
                    unsigned count)
{
    struct sip_state s = sip_init(key);

    for (unsigned i = 0; i < count; i++) {
        s.v3 ^= words[i];
        sip_round(&s); /* c = 1 */
        s.v0 ^= words[i];
    }
    return sip_finalize(&s, 3);
}

uint64_t hash_bytes(const struct hash_key *key, struct bytes bytes)
{
    struct sip_state s = sip_init(key);
    size_t whole = bytes.len - bytes.len % 8;

    for (size_t i = 0; i < whole; i += 8)
        sip_compress(&s, get_le64(bytes.data + i));

    /* The last word: the bytes left over, and the length modulo 256 on top. */
    sip_compress(&s, get_little_endian(bytes.data + whole, bytes.len - whole) |
                         (uint64_t)bytes.len << 56);
    return sip_finalize(&s, 4);
}

static size_t size_of_buckets(uint32_t count)
{
    return count * sizeof(struct hash_node *);
}

/*
 * More than half of the buckets that `capacity` can hold are in use, always.
 * A hash whose bucket is not yet there is kept in the one that will be split
 * to make it.
 */
static struct hash_node **bucket_of(const struct hash_table *table,
                                    uint32_t hash)
{
    uint32_t index = hash & (table->capacity - 1);

    if (index >= table->bucket_count)
        index -= table->capacity / 2;
    return &table->buckets[index];
}

/* False when no bucket can be added. */
static bool ensure_capacity(struct hash_table *table, struct memory *memory)
{
    if (table->bucket_count < table->capacity)
        return true;
    if (table->capacity > UINT32_MAX / 2)
        return false;

    struct hash_node **buckets =
        memory_resize(memory, table->buckets, size_of_buckets(table->capacity),
                      size_of_buckets(table->capacity * 2));

    if (buckets == NULL)
        return false;
    table->buckets = buckets;
    table->capacity *= 2;
    return true;
}

/* Adds the next bucket and moves to it what belongs there now. */
static void split_one_bucket(struct hash_table *table)
{
    uint32_t added = table->bucket_count++;
    struct hash_node **from = &table->buckets[added - table->capacity / 2];
    struct hash_node **to = &table->buckets[added];

    while (*from != NULL) {
        struct hash_node *node = *from;

        if ((node->hash & (table->capacity - 1)) == added) {
            *from = node->next;
            *to = node;
            to = &node->next;
        } else {
            from = &node->next;
        }
    }
    *to = NULL;
}

static struct hash_node *first_with(struct hash_node *node, uint32_t hash)
{
    while (node != NULL && node->hash != hash)
        node = node->next;
    return node;
}

int hash_table_init(struct hash_table *table, struct memory *memory)
{
    struct hash_node **buckets =
        memory_alloc(memory, size_of_buckets(BUCKETS_MIN));

    if (buckets == NULL)
        return -ENOBUFS;
    *table = (struct hash_table){
        .buckets = buckets,
        .bucket_count = BUCKETS_MIN,
        .capacity = BUCKETS_MIN,
    };
    return 0;
}

void hash_table_fini(struct hash_table *table, struct memory *memory)
{
    memory_free(memory, table->buckets, size_of_buckets(table->capacity));
    *table = (struct hash_table){0};
}

void hash_table_insert(struct hash_table *table, struct memory *memory,
                       struct hash_node *node, uint32_t hash)
{
    if (table->entry_count >= table->bucket_count &&
        ensure_capacity(table, memory))
        split_one_bucket(table);

    struct hash_node **bucket = bucket_of(table, hash);

    node->hash = hash;
    node->next = *bucket;
    *bucket = node;
    table->entry_count++;
}

void hash_table_remove(struct hash_table *table, struct hash_node *node)
{
    struct hash_node **link = bucket_of(table, node->hash);

    while (*link != node) {
        assert(*link != NULL); /* `node` must be in the table */
        link = &(*link)->next;
    }
    *link = node->next;
    node->next = NULL;
    table->entry_count--;
}

struct hash_node *hash_table_first(const struct hash_table *table,
                                   uint32_t hash)
{
    return first_with(*bucket_of(table, hash), hash);
}

struct hash_node *hash_table_next(const struct hash_node *node)
{
    return first_with(node->next, node->hash);
}

struct hash_node *hash_table_any(const struct hash_table *table,
                                 uint32_t *cursor)
{
    if (table->entry_count == 0)
        return NULL;
    for (;; (*cursor)++) {
        if (*cursor >= table->bucket_count)
            *cursor = 0; /* added behind the cursor, meanwhile */
        if (table->buckets[*cursor] != NULL)
            return table->buckets[*cursor];
    }
}

uint32_t hash_place(uint32_t hash)
{
    hash = hash >> 16 | hash << 16;
    hash = (hash >> 8 & 0x00ff00ff) | (hash & 0x00ff00ff) << 8;
    hash = (hash >> 4 & 0x0f0f0f0f) | (hash & 0x0f0f0f0f) << 4;
    hash = (hash >> 2 & 0x33333333) | (hash & 0x33333333) << 2;
    return (hash >> 1 & 0x55555555) | (hash & 0x55555555) << 1;
}

/* How many buckets of the same width as this one would fill a table. */
static uint32_t width_of(const struct hash_table *table, uint32_t index)
{
    uint32_t half = table->capacity / 2;
    bool is_split = index >= half || index + half < table->bucket_count;

    return is_split ? table->capacity : half;
}

struct hash_node *hash_table_range(const struct hash_table *table, uint32_t at,
                                   uint64_t *end)
{
    struct hash_node **bucket = bucket_of(table, hash_place(at));
    uint32_t index = (uint32_t)(bucket - table->buckets);
    uint64_t places = (UINT64_C(1) << 32) / width_of(table, index);

    *end = (at / places + 1) * places;
    return *bucket;
}

/* Of several with the same hash: how many stand before it in the chain. */
static uint64_t position_of(const struct hash_node *chain,
                            const struct hash_node *node)
{
    uint32_t rank = 0;

    for (; chain != node; chain = chain->next)
        if (chain->hash == node->hash)
            rank++;
    return (uint64_t)hash_place(node->hash) << 32 | rank;
}

static struct hash_node *first_from(struct hash_node *chain, uint64_t from,
                                    uint64_t *position)
{
    struct hash_node *first = NULL;

    for (struct hash_node *node = chain; node != NULL; node = node->next) {
        uint64_t at = position_of(chain, node);

        if (at < from || (first != NULL && at > *position))
            continue;
        first = node;
        *position = at;
    }
    return first;
}

struct hash_node *hash_table_walk(const struct hash_table *table,
                                  uint64_t *cursor)
{
    for (int i = 0; i < WALK_RANGES_MAX && *cursor != UINT64_MAX; i++) {
        uint64_t end;
        uint64_t position = 0;
        struct hash_node *chain =
            hash_table_range(table, (uint32_t)(*cursor >> 32), &end);
        struct hash_node *node = first_from(chain, *cursor, &position);

        if (node != NULL) {
            *cursor = position + 1;
            return node;
        }
        *cursor = end > UINT32_MAX ? UINT64_MAX : end << 32;
    }
    return NULL;
}
