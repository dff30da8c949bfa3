#include "unit.h"

#include "host/descriptors.h"

#include <errno.h>

/* The table never looks behind the pointer. */
static struct file *a_file(void)
{
    static char anything;

    return (struct file *)(void *)&anything;
}

static void add_many(struct descriptors *table, int count)
{
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(descriptors_add(table, a_file()), i);
}

START_TEST(numbers_are_given_from_zero_upwards)
{
    struct descriptors table;

    descriptors_init(&table, 1000);
    add_many(&table, 5);
    ck_assert_ptr_eq(descriptors_get(&table, 4), a_file());
    descriptors_fini(&table);
}
END_TEST

START_TEST(the_lowest_free_number_is_given_again)
{
    struct descriptors table;

    descriptors_init(&table, 1000);
    add_many(&table, 200);
    descriptors_remove(&table, 150);
    descriptors_remove(&table, 3);
    descriptors_remove(&table, 64);
    ck_assert_int_eq(descriptors_add(&table, a_file()), 3);
    ck_assert_int_eq(descriptors_add(&table, a_file()), 64);
    ck_assert_int_eq(descriptors_add(&table, a_file()), 150);
    ck_assert_int_eq(descriptors_add(&table, a_file()), 200);
    descriptors_fini(&table);
}
END_TEST

START_TEST(numbers_that_stand_for_nothing_give_null)
{
    struct descriptors table;

    descriptors_init(&table, 1000);
    ck_assert_ptr_null(descriptors_get(&table, 0));
    add_many(&table, 2);
    descriptors_remove(&table, 1);
    ck_assert_ptr_null(descriptors_get(&table, 1));
    ck_assert_ptr_null(descriptors_get(&table, -1));
    ck_assert_ptr_null(descriptors_get(&table, 1 << 30));
    descriptors_fini(&table);
}
END_TEST

START_TEST(the_limit_is_kept)
{
    struct descriptors table;

    descriptors_init(&table, 100);
    add_many(&table, 100);
    ck_assert(!descriptors_have_room(&table));
    ck_assert_int_eq(descriptors_add(&table, a_file()), -EMFILE);
    descriptors_remove(&table, 42);
    ck_assert(descriptors_have_room(&table));
    ck_assert_int_eq(descriptors_add(&table, a_file()), 42);
    descriptors_fini(&table);
}
END_TEST

START_TEST(a_number_can_be_asked_for_from_a_start)
{
    struct descriptors table;

    descriptors_init(&table, 5000);
    add_many(&table, 3);
    ck_assert_int_eq(descriptors_add_from(&table, 1, a_file()), 3);
    ck_assert_int_eq(descriptors_add_from(&table, 700, a_file()), 700);
    ck_assert_int_eq(descriptors_add_from(&table, 700, a_file()), 701);
    ck_assert_int_eq(descriptors_add_from(&table, 5000, a_file()), -EMFILE);
    ck_assert_int_eq(descriptors_add(&table, a_file()), 4);
    descriptors_fini(&table);
}
END_TEST

START_TEST(a_million_numbers_are_given_and_found_again)
{
    struct descriptors table;

    descriptors_init(&table, DESCRIPTORS_MAX);
    add_many(&table, DESCRIPTORS_MAX);
    ck_assert_int_eq(descriptors_add(&table, a_file()), -EMFILE);
    descriptors_remove(&table, 900001);
    descriptors_remove(&table, 70000);
    ck_assert_int_eq(descriptors_add(&table, a_file()), 70000);
    ck_assert_int_eq(descriptors_add(&table, a_file()), 900001);
    descriptors_fini(&table);
}
END_TEST

START_TEST(the_numbers_in_use_can_be_walked)
{
    struct descriptors table;

    descriptors_init(&table, 1000);
    add_many(&table, 3);
    ck_assert_int_eq(descriptors_add_from(&table, 130, a_file()), 130);
    descriptors_remove(&table, 1);
    ck_assert_int_eq(descriptors_next(&table, 0), 0);
    ck_assert_int_eq(descriptors_next(&table, 1), 2);
    ck_assert_int_eq(descriptors_next(&table, 3), 130);
    ck_assert_int_eq(descriptors_next(&table, 131), -1);
    descriptors_fini(&table);
}
END_TEST

UNIT_MAIN("descriptors", numbers_are_given_from_zero_upwards,
          the_lowest_free_number_is_given_again,
          numbers_that_stand_for_nothing_give_null, the_limit_is_kept,
          a_number_can_be_asked_for_from_a_start,
          a_million_numbers_are_given_and_found_again,
          the_numbers_in_use_can_be_walked)
