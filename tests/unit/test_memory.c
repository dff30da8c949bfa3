/*
 * The core's memory: limits, refusals, and that every byte is accounted for.
 */
#include "unit.h"

#include "base/memory.h"

#include <string.h>

static void *refuse(struct memory *memory, void *block, size_t new_size)
{
    (void)memory;
    (void)block;
    (void)new_size;
    return NULL;
}

START_TEST(what_is_allocated_is_zero_and_counted)
{
    struct memory memory;
    static const uint8_t zero[1000];

    memory_init(&memory, 10000);
    for (int i = 0; i < 10; i++) {
        uint8_t *block = memory_alloc(&memory, sizeof(zero));

        ck_assert_ptr_nonnull(block);
        ck_assert_uint_eq(memory.used, sizeof(zero));
        ck_assert_mem_eq(block, zero, sizeof(zero));
        memset(block, 0xa5, sizeof(zero)); /* for the next to come upon */
        memory_free(&memory, block, sizeof(zero));
    }
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(the_limit_can_be_reached_but_not_passed)
{
    struct memory memory;

    memory_init(&memory, 100);

    void *first = memory_alloc(&memory, 60);

    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(memory_alloc(&memory, 41));
    ck_assert_uint_eq(memory.used, 60);

    void *second = memory_alloc(&memory, 40);

    ck_assert_ptr_nonnull(second);
    ck_assert_ptr_null(memory_alloc(&memory, 1));
    memory_free(&memory, first, 60);
    memory_free(&memory, second, 40);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(a_size_near_the_largest_number_does_not_wrap_around)
{
    struct memory memory;

    memory_init(&memory, SIZE_MAX - 1);

    void *block = memory_alloc(&memory, 16);

    memory.limit = 1000;
    ck_assert_ptr_null(memory_resize(&memory, block, 16, SIZE_MAX));
    ck_assert_ptr_null(memory_alloc(&memory, SIZE_MAX - 8));
    ck_assert_uint_eq(memory.used, 16);
    memory_free(&memory, block, 16);
}
END_TEST

START_TEST(a_resized_block_keeps_its_bytes)
{
    struct memory memory;

    memory_init(&memory, 1000);

    char *block = memory_alloc(&memory, 8);

    memcpy(block, "hello, w", 8);
    block = memory_resize(&memory, block, 8, 500);
    ck_assert_ptr_nonnull(block);
    ck_assert_mem_eq(block, "hello, w", 8);
    ck_assert_uint_eq(memory.used, 500);
    block = memory_resize(&memory, block, 500, 4);
    ck_assert_mem_eq(block, "hell", 4);
    ck_assert_uint_eq(memory.used, 4);
    memory_free(&memory, block, 4);
}
END_TEST

START_TEST(a_refused_resize_leaves_the_block_as_it_was)
{
    struct memory memory;

    memory_init(&memory, 100);

    char *block = memory_alloc(&memory, 8);

    memcpy(block, "hello, w", 8);
    ck_assert_ptr_null(memory_resize(&memory, block, 8, 101));
    ck_assert_mem_eq(block, "hello, w", 8);
    ck_assert_uint_eq(memory.used, 8);
    memory_free(&memory, block, 8);
}
END_TEST

START_TEST(a_block_may_shrink_under_a_limit_that_was_lowered)
{
    struct memory memory;

    memory_init(&memory, 100);

    void *block = memory_alloc(&memory, 100);

    memory.limit = 10;
    ck_assert_ptr_null(memory_alloc(&memory, 1));
    block = memory_resize(&memory, block, 100, 50);
    ck_assert_ptr_nonnull(block);
    ck_assert_ptr_null(memory_resize(&memory, block, 50, 51));
    memory_free(&memory, block, 50);
}
END_TEST

START_TEST(a_source_that_has_none_is_believed)
{
    struct memory memory = {.resize = refuse, .limit = 1000};

    ck_assert_ptr_null(memory_alloc(&memory, 1));
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(freeing_nothing_is_allowed)
{
    struct memory memory;

    memory_init(&memory, 1000);
    memory_free(&memory, NULL, 0);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

UNIT_MAIN("memory", what_is_allocated_is_zero_and_counted,
          the_limit_can_be_reached_but_not_passed,
          a_size_near_the_largest_number_does_not_wrap_around,
          a_resized_block_keeps_its_bytes,
          a_refused_resize_leaves_the_block_as_it_was,
          a_block_may_shrink_under_a_limit_that_was_lowered,
          a_source_that_has_none_is_believed, freeing_nothing_is_allowed)
