/*
 * The byte ring, also against a plain array.
 */
#include "unit.h"

#include "base/random.h"
#include "base/ring.h"

#include <errno.h>
#include <string.h>

static void append(struct ring *ring, struct memory *memory, const void *data,
                   uint32_t len)
{
    ck_assert_int_eq(ring_reserve(ring, memory, ring->used + len), 0);
    ring_put(ring, ring->used, bytes_of(data, len));
    ring_commit(ring, len);
}

START_TEST(an_empty_ring_has_no_memory)
{
    struct memory memory;
    struct ring ring;
    struct bytes pieces[2];

    memory_init(&memory, 1 << 20);
    ring_init(&ring);
    ck_assert_uint_eq(ring_slices(&ring, 0, 0, pieces), 0);
    ring_put(&ring, 0, bytes_of(NULL, 0));
    ring_consume(&ring, 0);
    ring_release_if_empty(&ring, &memory);
    ck_assert_int_eq(ring_reserve(&ring, &memory, 0), 0);
    ck_assert_uint_eq(memory.used, 0);
    ring_fini(&ring, &memory);
}
END_TEST

START_TEST(bytes_leave_in_the_order_in_which_they_came)
{
    struct memory memory;
    struct ring ring;
    uint8_t out[4];

    memory_init(&memory, 1 << 20);
    ring_init(&ring);
    append(&ring, &memory, "abc", 3);
    append(&ring, &memory, "defg", 4);
    ring_copy(&ring, 2, out, 4);
    ck_assert_mem_eq(out, "cdef", 4);
    ring_consume(&ring, 3);
    ck_assert_uint_eq(ring.used, 4);
    ring_copy(&ring, 0, out, 4);
    ck_assert_mem_eq(out, "defg", 4);
    ring_fini(&ring, &memory);
}
END_TEST

START_TEST(bytes_put_beyond_the_end_wait_for_the_hole_to_be_filled)
{
    struct memory memory;
    struct ring ring;
    uint8_t out[9];

    memory_init(&memory, 1 << 20);
    ring_init(&ring);
    append(&ring, &memory, "abc", 3);
    ring_put(&ring, 6, bytes_of("ghi", 3));
    ck_assert_uint_eq(ring.used, 3);
    ring_put(&ring, 3, bytes_of("def", 3));
    ring_commit(&ring, 6);
    ring_copy(&ring, 0, out, 9);
    ck_assert_mem_eq(out, "abcdefghi", 9);
    ring_fini(&ring, &memory);
}
END_TEST

START_TEST(a_ring_that_grows_keeps_what_lies_beyond_its_end_also_wrapped)
{
    struct memory memory;
    struct ring ring;
    uint8_t out[8];

    memory_init(&memory, 1 << 20);
    ring_init(&ring);
    ck_assert_int_eq(ring_reserve(&ring, &memory, 1), 0);

    uint32_t size = ring.size;

    /* The head four bytes before the end of the memory. */
    ring_commit(&ring, size - 4);
    ring_consume(&ring, size - 4);
    append(&ring, &memory, "ab", 2);
    ring_put(&ring, 4, bytes_of("efgh", 4));
    ck_assert_int_eq(ring_reserve(&ring, &memory, size + 1), 0);
    ck_assert_uint_gt(ring.size, size);
    ring_put(&ring, 2, bytes_of("cd", 2));
    ring_commit(&ring, 6);
    ring_copy(&ring, 0, out, 8);
    ck_assert_mem_eq(out, "abcdefgh", 8);
    ring_fini(&ring, &memory);
}
END_TEST

START_TEST(a_wrapped_range_is_two_slices_and_any_other_one)
{
    struct memory memory;
    struct ring ring;
    struct bytes pieces[2];

    memory_init(&memory, 1 << 20);
    ring_init(&ring);
    ck_assert_int_eq(ring_reserve(&ring, &memory, 1), 0);
    ring_commit(&ring, ring.size - 3);
    ring_consume(&ring, ring.size - 3);
    append(&ring, &memory, "abcdef", 6);
    ck_assert_uint_eq(ring_slices(&ring, 0, 6, pieces), 2);
    ck_assert_uint_eq(pieces[0].len, 3);
    ck_assert_mem_eq(pieces[0].data, "abc", 3);
    ck_assert_uint_eq(pieces[1].len, 3);
    ck_assert_mem_eq(pieces[1].data, "def", 3);
    ck_assert_uint_eq(ring_slices(&ring, 0, 3, pieces), 1);
    ck_assert_uint_eq(ring_slices(&ring, 3, 3, pieces), 1);
    ck_assert_mem_eq(pieces[0].data, "def", 3);
    ck_assert_uint_eq(ring_slices(&ring, 6, 0, pieces), 0);
    ring_fini(&ring, &memory);
}
END_TEST

START_TEST(a_full_ring_holds_as_many_bytes_as_it_was_reserved_for)
{
    static uint8_t bytes[65536], out[65536];
    struct memory memory;
    struct ring ring;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 31 >> 3);
    memory_init(&memory, 1 << 20);
    ring_init(&ring);
    append(&ring, &memory, bytes, sizeof(bytes));
    ck_assert_uint_eq(ring.size, sizeof(bytes));
    ring_copy(&ring, 0, out, sizeof(out));
    ck_assert_mem_eq(out, bytes, sizeof(out));
    ring_fini(&ring, &memory);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(memory_goes_back_only_when_nothing_is_committed)
{
    struct memory memory;
    struct ring ring;

    memory_init(&memory, 1 << 20);
    ring_init(&ring);
    append(&ring, &memory, "a", 1);
    ring_release_if_empty(&ring, &memory);
    ck_assert_uint_eq(ring.used, 1);
    ring_consume(&ring, 1);
    ring_release_if_empty(&ring, &memory);
    ck_assert_uint_eq(memory.used, 0);
    append(&ring, &memory, "b", 1); /* and it begins anew */
    ring_fini(&ring, &memory);
}
END_TEST

START_TEST(a_ring_that_cannot_grow_stays_as_it_was)
{
    struct memory memory;
    struct ring ring;
    uint8_t out[3];

    memory_init(&memory, 10000);
    ring_init(&ring);
    append(&ring, &memory, "abc", 3);
    ck_assert_int_eq(ring_reserve(&ring, &memory, 20000), -ENOBUFS);
    ck_assert_int_eq(ring_reserve(&ring, &memory, UINT32_MAX), -ENOBUFS);
    ring_copy(&ring, 0, out, 3);
    ck_assert_mem_eq(out, "abc", 3);
    ring_fini(&ring, &memory);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

/* The same bytes in a plain array, that is moved down at each consumption. */
enum { MODEL_MAX = 1 << 15 };

struct model {
    struct memory memory;
    struct random random;
    struct ring ring;
    uint8_t bytes[MODEL_MAX];
    bool was_put[MODEL_MAX];
    uint32_t used;
};

static void model_reserve(struct model *m)
{
    uint32_t want = random_below(&m->random, MODEL_MAX + 1);

    ck_assert_int_eq(ring_reserve(&m->ring, &m->memory, want), 0);
    ck_assert_uint_ge(m->ring.size, want);
}

static void model_put(struct model *m)
{
    uint32_t at =
        m->used + random_below(&m->random, m->ring.size - m->used + 1);
    uint32_t len = random_below(&m->random, 3000);

    len = min_u32(len, m->ring.size - at);
    for (uint32_t i = at; i < at + len; i++) {
        m->bytes[i] = (uint8_t)random_u32(&m->random);
        m->was_put[i] = true;
    }
    ring_put(&m->ring, at, bytes_of(m->bytes + at, len));
}

/* Up to the first byte that was not put, at most. */
static void model_commit(struct model *m)
{
    uint32_t len = 0;
    uint32_t most = random_below(&m->random, 4000);

    while (len < most && m->used + len < m->ring.size &&
           m->was_put[m->used + len])
        len++;
    ring_commit(&m->ring, len);
    m->used += len;
}

static void model_consume(struct model *m)
{
    uint32_t len = random_below(&m->random, m->used + 1);

    ring_consume(&m->ring, len);
    m->used -= len;
    memmove(m->bytes, m->bytes + len, MODEL_MAX - len);
    memmove(m->was_put, m->was_put + len, MODEL_MAX - len);
    memset(m->was_put + MODEL_MAX - len, 0, len);
}

static void model_release(struct model *m)
{
    if (random_below(&m->random, 50) != 0)
        return;
    ring_release_if_empty(&m->ring, &m->memory);
    if (m->used == 0)
        memset(m->was_put, 0, sizeof(m->was_put));
}

static void model_compare(struct model *m)
{
    uint32_t at = random_below(&m->random, m->used + 1);
    uint32_t len = random_below(&m->random, m->used - at + 1);
    static uint8_t out[MODEL_MAX];
    struct bytes pieces[2];
    unsigned count = ring_slices(&m->ring, at, len, pieces);
    uint32_t compared = 0;

    ck_assert_uint_eq(m->ring.used, m->used);
    for (unsigned i = 0; i < count; i++) {
        ck_assert(memcmp(pieces[i].data, m->bytes + at + compared,
                         pieces[i].len) == 0);
        compared += (uint32_t)pieces[i].len;
    }
    ck_assert_uint_eq(compared, len);
    ring_copy(&m->ring, at, out, len);
    ck_assert(memcmp(out, m->bytes + at, len) == 0);
}

START_TEST(any_sequence_of_operations_gives_the_bytes_of_a_plain_array)
{
    static void (*const operations[])(struct model *) = {
        model_reserve, model_put,     model_put,    model_put,
        model_commit,  model_consume, model_release};
    static struct model m;

    memory_init(&m.memory, 1 << 20);
    random_init(&m.random, (struct hash_key){3, 4});
    ring_init(&m.ring);
    for (int i = 0; i < 20000; i++) {
        operations[random_below(&m.random, ARRAY_LENGTH(operations))](&m);
        model_compare(&m);
    }
    ring_fini(&m.ring, &m.memory);
    ck_assert_uint_eq(m.memory.used, 0);
}
END_TEST

START_TEST(a_ring_shrinks_to_what_is_committed)
{
    struct memory memory;
    struct ring ring;
    uint8_t out[5000];

    memory_init(&memory, 1 << 20);
    ring_init(&ring);
    ck_assert(!ring_can_shrink(&ring));
    ck_assert_uint_eq(ring_growth(&ring, 1), 1024);
    ck_assert_uint_eq(ring_growth(&ring, 256), 1024);
    ck_assert_uint_eq(ring_growth(&ring, 257), 4096);
    ck_assert_int_eq(ring_reserve(&ring, &memory, 30000), 0);
    ck_assert_uint_eq(ring_growth(&ring, 32768), 0);
    ck_assert_uint_eq(ring_growth(&ring, 32769), 65536);
    for (uint32_t i = 0; i < 30000; i++)
        ring_put(&ring, i, bytes_of(&(uint8_t){(uint8_t)(i % 251)}, 1));
    ring_commit(&ring, 30000);
    ck_assert(!ring_can_shrink(&ring));
    ring_shrink(&ring, &memory);
    ck_assert_uint_eq(memory.used, 32768);

    ring_consume(&ring, 25000);
    ck_assert(ring_can_shrink(&ring));
    ring_shrink(&ring, &memory);
    ck_assert_uint_eq(memory.used, 8192);
    ring_copy(&ring, 0, out, 5000);
    for (uint32_t i = 0; i < 5000; i++)
        ck_assert_uint_eq(out[i], (25000 + i) % 251);

    ring_consume(&ring, 5000);
    ring_shrink(&ring, &memory);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(what_was_put_into_its_place_needs_no_copy)
{
    struct memory memory;
    struct ring ring;
    struct iovec pieces[2];
    uint8_t filler[4000] = {0};
    uint8_t out[200];

    memory_init(&memory, 1 << 20);
    ring_init(&ring);
    append(&ring, &memory, filler, sizeof(filler));
    ring_consume(&ring, sizeof(filler));
    append(&ring, &memory, "ab", 2);
    ck_assert_uint_eq(ring_place(&ring, 0, 198, pieces), 2);
    ck_assert_uint_eq(pieces[0].iov_len, 94); /* to the end of the ring */
    memset(pieces[0].iov_base, 'x', pieces[0].iov_len);
    memset(pieces[1].iov_base, 'y', pieces[1].iov_len);
    ring_put(&ring, 2, bytes_of(pieces[0].iov_base, 94));
    ring_put(&ring, 96, bytes_of(pieces[1].iov_base, 104));
    ring_commit(&ring, 198);
    ring_copy(&ring, 0, out, sizeof(out));
    ck_assert_mem_eq(out, "abx", 3);
    ck_assert_mem_eq(out + 95, "xyy", 3);
    ck_assert_uint_eq(out[199], 'y');
    ring_fini(&ring, &memory);
}
END_TEST

START_TEST(an_empty_ring_uses_the_same_memory_again)
{
    struct memory memory;
    struct ring ring;
    struct bytes before[2];
    struct bytes after[2];

    memory_init(&memory, 1 << 20);
    ring_init(&ring);
    append(&ring, &memory, "abc", 3);
    ring_slices(&ring, 0, 3, before);
    ring_consume(&ring, 2);
    ring_rewind_if_empty(&ring);
    ck_assert_uint_eq(ring_slices(&ring, 0, 1, after), 1);
    ck_assert_uint_eq(after[0].data[0], 'c');
    ring_consume(&ring, 1);
    ring_rewind_if_empty(&ring);
    append(&ring, &memory, "d", 1);
    ring_slices(&ring, 0, 1, after);
    ck_assert_ptr_eq(after[0].data, before[0].data);
    ring_fini(&ring, &memory);
}
END_TEST

UNIT_MAIN("ring", what_was_put_into_its_place_needs_no_copy,
          an_empty_ring_uses_the_same_memory_again,
          a_ring_shrinks_to_what_is_committed, an_empty_ring_has_no_memory,
          bytes_leave_in_the_order_in_which_they_came,
          bytes_put_beyond_the_end_wait_for_the_hole_to_be_filled,
          a_ring_that_grows_keeps_what_lies_beyond_its_end_also_wrapped,
          a_wrapped_range_is_two_slices_and_any_other_one,
          a_full_ring_holds_as_many_bytes_as_it_was_reserved_for,
          memory_goes_back_only_when_nothing_is_committed,
          a_ring_that_cannot_grow_stays_as_it_was,
          any_sequence_of_operations_gives_the_bytes_of_a_plain_array)
