/*
 * SipHash against its published vectors, and the hash table, also against a
 * plain array.
 */
#include "unit.h"

#include "base/hash.h"
#include "base/random.h"

#include <errno.h>

/* 00 01 02 ... 0f, as the paper's appendix has it */
static const struct hash_key vector_key = {UINT64_C(0x0706050403020100),
                                           UINT64_C(0x0f0e0d0c0b0a0908)};

/* Messages 00 01 02 ... of each length, from the authors' own program. */
START_TEST(siphash_gives_its_authors_test_vectors)
{
    static const uint64_t expected[] = {
        UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd),
        UINT64_C(0x0d6c8009d9a94f5a), UINT64_C(0x85676696d7fb7e2d),
        UINT64_C(0xcf2794e0277187b7), UINT64_C(0x18765564cd99a68d),
        UINT64_C(0xcbc9466e58fee3ce), UINT64_C(0xab0200f58b01d137),
        UINT64_C(0x93f5f5799a932462), UINT64_C(0x9e0082df0ba9e4b0)};
    uint8_t message[ARRAY_LENGTH(expected)];

    for (size_t len = 0; len < ARRAY_LENGTH(expected); len++) {
        message[len] = (uint8_t)len;
        ck_assert(hash_bytes(&vector_key, bytes_of(message, len)) ==
                  expected[len]);
    }
}
END_TEST

/* The paper's appendix A */
START_TEST(siphash_of_fifteen_bytes_is_that_of_the_papers_appendix)
{
    uint8_t message[15];

    for (uint8_t i = 0; i < sizeof(message); i++)
        message[i] = i;
    ck_assert(hash_bytes(&vector_key, bytes_of(message, sizeof(message))) ==
              UINT64_C(0xa129ca6149be45e5));
}
END_TEST

/* The last word of a message of bytes has its length on top: so the published
 * vectors of SipHash-1-3, of none and of eight bytes, are those of words. */
START_TEST(words_are_hashed_as_siphash_1_3_has_it)
{
    static const uint64_t none[] = {0};
    static const uint64_t eight[] = {UINT64_C(0x0706050403020100), UINT64_C(8)
                                                                       << 56};

    ck_assert(hash_words(&vector_key, none, 1) == UINT64_C(0xabac0158050fc4dc));
    ck_assert(hash_words(&vector_key, eight, 2) ==
              UINT64_C(0x369095118d299a8e));
}
END_TEST

START_TEST(another_key_gives_another_hash)
{
    struct hash_key first = {vector_key.k0 ^ 1, vector_key.k1};
    struct hash_key second = {vector_key.k0, vector_key.k1 ^ 1};
    struct bytes message = bytes_of("tapir", 5);
    uint64_t hash = hash_bytes(&vector_key, message);

    ck_assert(hash_bytes(&first, message) != hash);
    ck_assert(hash_bytes(&second, message) != hash);
}
END_TEST

START_TEST(an_empty_table_has_nothing)
{
    struct memory memory;
    struct hash_table table;
    uint32_t cursor = 0;

    memory_init(&memory, 1 << 20);
    ck_assert_int_eq(hash_table_init(&table, &memory), 0);
    ck_assert_ptr_null(hash_table_first(&table, 0));
    ck_assert_ptr_null(hash_table_first(&table, UINT32_MAX));
    ck_assert_ptr_null(hash_table_any(&table, &cursor));
    hash_table_fini(&table, &memory);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(a_table_that_gets_no_memory_says_so)
{
    struct memory memory;
    struct hash_table table;

    memory_init(&memory, 1);
    ck_assert_int_eq(hash_table_init(&table, &memory), -ENOBUFS);
}
END_TEST

START_TEST(entries_with_the_same_hash_are_all_candidates)
{
    struct memory memory;
    struct hash_table table;
    struct hash_node nodes[3], other;
    struct hash_node *found;
    unsigned seen = 0;

    memory_init(&memory, 1 << 20);
    ck_assert_int_eq(hash_table_init(&table, &memory), 0);
    for (int i = 0; i < 3; i++)
        hash_table_insert(&table, &memory, &nodes[i], 0x1234);
    hash_table_insert(&table, &memory, &other, 0x10001234); /* same bucket */
    hash_table_remove(&table, &nodes[1]);
    for (found = hash_table_first(&table, 0x1234); found != NULL;
         found = hash_table_next(found))
        seen |= 1u << (found - nodes);
    ck_assert_uint_eq(seen, 0x5);
    ck_assert_ptr_eq(hash_table_first(&table, 0x10001234), &other);
    hash_table_fini(&table, &memory);
}
END_TEST

enum { ENTRIES = 20000 };

START_TEST(an_insertion_adds_at_most_one_bucket_and_keeps_chains_short)
{
    static struct hash_node nodes[ENTRIES];
    struct memory memory;
    struct random random;
    struct hash_table table;

    memory_init(&memory, 1 << 24);
    random_init(&random, (struct hash_key){5, 6});
    ck_assert_int_eq(hash_table_init(&table, &memory), 0);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint32_t before = table.bucket_count;

        hash_table_insert(&table, &memory, &nodes[i], random_u32(&random));
        ck_assert_uint_le(table.bucket_count - before, 1);
        ck_assert_uint_ge(table.bucket_count, table.entry_count);
    }
    hash_table_fini(&table, &memory);
}
END_TEST

START_TEST(a_table_that_may_not_grow_gets_fuller_and_grows_later)
{
    static struct hash_node nodes[1000];
    struct memory memory;
    struct random random;
    struct hash_table table;
    uint32_t before;

    memory_init(&memory, 1 << 20);
    random_init(&random, (struct hash_key){7, 8});
    ck_assert_int_eq(hash_table_init(&table, &memory), 0);
    before = table.bucket_count;
    memory.limit = memory.used;
    for (int i = 0; i < 999; i++)
        hash_table_insert(&table, &memory, &nodes[i], random_u32(&random));
    ck_assert_uint_eq(table.bucket_count, before);
    memory.limit = 1 << 20;
    hash_table_insert(&table, &memory, &nodes[999], random_u32(&random));
    ck_assert_uint_eq(table.bucket_count, before + 1);
    for (int i = 0; i < 1000; i++)
        hash_table_remove(&table, &nodes[i]);
    ck_assert_uint_eq(table.entry_count, 0);
    hash_table_fini(&table, &memory);
}
END_TEST

START_TEST(a_table_is_taken_apart_in_one_round)
{
    static struct hash_node nodes[ENTRIES];
    struct memory memory;
    struct random random;
    struct hash_table table;
    struct hash_node *node;
    uint32_t cursor = 0;
    uint32_t count = 0;

    memory_init(&memory, 1 << 24);
    random_init(&random, (struct hash_key){9, 10});
    ck_assert_int_eq(hash_table_init(&table, &memory), 0);
    for (uint32_t i = 0; i < ENTRIES; i++)
        hash_table_insert(&table, &memory, &nodes[i], random_u32(&random));
    while ((node = hash_table_any(&table, &cursor)) != NULL) {
        uint32_t before = cursor;

        hash_table_remove(&table, node);
        count++;
        ck_assert_uint_ge(cursor, before);
    }
    ck_assert_uint_eq(count, ENTRIES);
    hash_table_fini(&table, &memory);
}
END_TEST

START_TEST(what_is_added_behind_the_cursor_is_found_as_well)
{
    struct memory memory;
    struct hash_table table;
    struct hash_node late, early;
    uint32_t cursor = 0;

    memory_init(&memory, 1 << 20);
    ck_assert_int_eq(hash_table_init(&table, &memory), 0);
    hash_table_insert(&table, &memory, &late, 7);
    ck_assert_ptr_eq(hash_table_any(&table, &cursor), &late);
    hash_table_remove(&table, &late);
    hash_table_insert(&table, &memory, &early, 0);
    ck_assert_ptr_eq(hash_table_any(&table, &cursor), &early);
    hash_table_fini(&table, &memory);
}
END_TEST

struct entry {
    struct hash_node node;
    uint32_t hash;
    bool is_in;
};

static bool is_found(const struct hash_table *table, const struct entry *entry)
{
    struct hash_node *node = hash_table_first(table, entry->hash);

    while (node != NULL && node != &entry->node)
        node = hash_table_next(node);
    return node != NULL;
}

/* More insertions than removals for a while, then the reverse. */
START_TEST(any_sequence_of_operations_gives_the_entries_of_a_plain_array)
{
    static struct entry entries[2000];
    struct memory memory;
    struct random random;
    struct hash_table table;
    uint32_t count = 0;

    memory_init(&memory, 1 << 20);
    random_init(&random, (struct hash_key){11, 12});
    ck_assert_int_eq(hash_table_init(&table, &memory), 0);
    for (int i = 0; i < 100000; i++) {
        struct entry *entry =
            &entries[random_below(&random, ARRAY_LENGTH(entries))];
        bool wanted = random_below(&random, 10) < (i / 10000 % 2 ? 2 : 8);

        ck_assert(is_found(&table, entry) == entry->is_in);
        if (wanted && !entry->is_in) {
            entry->hash = random_below(&random, 3000); /* some are equal */
            hash_table_insert(&table, &memory, &entry->node, entry->hash);
            count++;
        } else if (!wanted && entry->is_in) {
            hash_table_remove(&table, &entry->node);
            count--;
        }
        entry->is_in = wanted;
        ck_assert_uint_eq(table.entry_count, count);
    }
    hash_table_fini(&table, &memory);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

enum { WALKED = 3000 };

/* Every other entry goes, and as many new ones come, in the middle of it. */
START_TEST(a_walk_finds_what_stays_once_while_the_table_grows)
{
    static struct hash_node nodes[WALKED];
    static struct hash_node added[4 * WALKED];
    static unsigned seen[WALKED];
    struct memory memory;
    struct random random;
    struct hash_table table;
    struct hash_node *node;
    uint64_t cursor = 0;
    uint32_t came = 0;

    memory_init(&memory, 1 << 24);
    random_init(&random, (struct hash_key){9, 10});
    ck_assert_int_eq(hash_table_init(&table, &memory), 0);
    for (uint32_t i = 0; i < WALKED; i++) /* a hash of its own for three */
        hash_table_insert(&table, &memory, &nodes[i],
                          i % 3 == 0 ? random_u32(&random)
                                     : nodes[i - i % 3].hash);
    while (cursor != UINT64_MAX) {
        node = hash_table_walk(&table, &cursor);
        if (node >= nodes && node < nodes + WALKED)
            seen[node - nodes]++;
        for (int i = 0; node != NULL && i < 4 && came < 4 * WALKED; i++)
            hash_table_insert(&table, &memory, &added[came++],
                              random_u32(&random));
    }
    ck_assert_uint_gt(table.bucket_count, 4 * WALKED);
    for (uint32_t i = 0; i < WALKED; i++)
        ck_assert_msg(seen[i] == 1, "entry %u was found %u times", i, seen[i]);
    hash_table_fini(&table, &memory);
}
END_TEST

START_TEST(a_walk_through_an_empty_table_ends_in_bounded_steps)
{
    static struct hash_node nodes[WALKED];
    struct memory memory;
    struct random random;
    struct hash_table table;
    uint64_t cursor = 0;
    unsigned calls = 0;

    memory_init(&memory, 1 << 24);
    random_init(&random, (struct hash_key){11, 12});
    ck_assert_int_eq(hash_table_init(&table, &memory), 0);
    for (uint32_t i = 0; i < WALKED; i++)
        hash_table_insert(&table, &memory, &nodes[i], random_u32(&random));
    for (uint32_t i = 0; i < WALKED; i++)
        hash_table_remove(&table, &nodes[i]);
    for (; cursor != UINT64_MAX; calls++)
        ck_assert_ptr_null(hash_table_walk(&table, &cursor));
    ck_assert_uint_gt(calls, 1);
    ck_assert_uint_le(calls, table.bucket_count);
    hash_table_fini(&table, &memory);
}
END_TEST

UNIT_MAIN("hash", siphash_gives_its_authors_test_vectors,
          siphash_of_fifteen_bytes_is_that_of_the_papers_appendix,
          words_are_hashed_as_siphash_1_3_has_it,
          another_key_gives_another_hash, an_empty_table_has_nothing,
          a_table_that_gets_no_memory_says_so,
          entries_with_the_same_hash_are_all_candidates,
          an_insertion_adds_at_most_one_bucket_and_keeps_chains_short,
          a_table_that_may_not_grow_gets_fuller_and_grows_later,
          a_table_is_taken_apart_in_one_round,
          what_is_added_behind_the_cursor_is_found_as_well,
          a_walk_finds_what_stays_once_while_the_table_grows,
          a_walk_through_an_empty_table_ends_in_bounded_steps,
          any_sequence_of_operations_gives_the_entries_of_a_plain_array)
