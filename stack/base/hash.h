/*
 * Keyed hashing and hash tables. The key comes from outside (decision 11: no
 * run depends on an address), and is secret, so that no peer can choose
 * colliding connections.
 *
 * The table grows by one bucket at a time (linear hashing): no insertion ever
 * pays for moving all entries. Links lie in the objects.
 */
#ifndef TAPIR_BASE_HASH_H
#define TAPIR_BASE_HASH_H

#include "base/memory.h"

#include <stdbool.h>

struct hash_key {
    uint64_t k0;
    uint64_t k1;
};

/* SipHash-2-4. */
uint64_t hash_bytes(const struct hash_key *key, struct bytes bytes);

/*
 * The same with fewer rounds, SipHash-1-3, of words rather than bytes, and
 * without their number: for tables that are asked for each packet. Who cannot
 * see the hashes, but only that some collide, cannot choose keys that do.
 */
uint64_t hash_words(const struct hash_key *key, const uint64_t *words,
                    unsigned count);

struct hash_node {
    struct hash_node *next;
    uint32_t hash;
};

struct hash_table {
    struct hash_node **buckets;
    uint32_t bucket_count; /* in use; splits one at a time */
    uint32_t capacity;     /* of `buckets`, a power of two */
    uint32_t entry_count;
};

/* 0 or -ENOBUFS. */
MUST_CHECK int hash_table_init(struct hash_table *table, struct memory *memory);
/* The entries are the caller's; the table only forgets them. */
void hash_table_fini(struct hash_table *table, struct memory *memory);

/* When memory for growth is refused the table stays, only fuller. */
void hash_table_insert(struct hash_table *table, struct memory *memory,
                       struct hash_node *node, uint32_t hash);
void hash_table_remove(struct hash_table *table, struct hash_node *node);

/*
 * Candidates: the first entry with this hash, then the next after `node`; the
 * caller compares the keys. NULL at the end.
 */
struct hash_node *hash_table_first(const struct hash_table *table,
                                   uint32_t hash);
struct hash_node *hash_table_next(const struct hash_node *node);

/*
 * Any one entry, for taking a table apart: remove it and ask again. NULL when
 * the table is empty. A call goes on where the last one, by *cursor (at first
 * 0), left off, so that emptying costs no more than the table's size.
 */
struct hash_node *hash_table_any(const struct hash_table *table,
                                 uint32_t *cursor);

/*
 * For going through a table that others go on changing: entries are looked at
 * in the order of hash_place, which growing does not change. The chain (by
 * `next`, in no order) of the bucket in which the place `at` lies; in it are
 * all entries from there to below *end, and perhaps some before. NULL: it is
 * empty.
 */
struct hash_node *hash_table_range(const struct hash_table *table, uint32_t at,
                                   uint64_t *end);
/*
 * The next entry in that order from *cursor on, which is 0 at first. NULL: that
 * was all if *cursor is UINT64_MAX; else ask again (so the work of a call has
 * a bound).
 */
struct hash_node *hash_table_walk(const struct hash_table *table,
                                  uint64_t *cursor);
/* The hash with its bits reversed: a bucket that is split becomes two halves,
 * one after the other. */
uint32_t hash_place(uint32_t hash);

#endif
