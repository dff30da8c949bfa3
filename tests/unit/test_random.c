/*
 * Random numbers: repeatable, even, and different where they must be.
 */
#include "unit.h"

#include "base/random.h"

START_TEST(the_same_seed_gives_the_same_numbers)
{
    struct random a, b;

    random_init(&a, (struct hash_key){1, 2});
    random_init(&b, (struct hash_key){1, 2});
    for (int i = 0; i < 1000; i++)
        ck_assert_uint_eq(random_u32(&a), random_u32(&b));
}
END_TEST

START_TEST(another_seed_gives_other_numbers)
{
    struct random a, b;
    int equal = 0;

    random_init(&a, (struct hash_key){1, 2});
    random_init(&b, (struct hash_key){1, 3});
    for (int i = 0; i < 1000; i++)
        equal += random_u32(&a) == random_u32(&b);
    ck_assert_int_le(equal, 1);
}
END_TEST

START_TEST(every_bit_is_set_about_half_the_time)
{
    struct random random;
    unsigned set[32] = {0};

    random_init(&random, (struct hash_key){3, 4});
    for (int i = 0; i < 10000; i++) {
        uint32_t drawn = random_u32(&random);

        for (unsigned bit = 0; bit < 32; bit++)
            set[bit] += drawn >> bit & 1;
    }
    for (unsigned bit = 0; bit < 32; bit++) {
        ck_assert_uint_gt(set[bit], 4750); /* five standard deviations */
        ck_assert_uint_lt(set[bit], 5250);
    }
}
END_TEST

START_TEST(below_a_bound_each_number_comes_equally_often)
{
    struct random random;
    unsigned count[7] = {0};

    random_init(&random, (struct hash_key){5, 6});
    for (int i = 0; i < 70000; i++)
        count[random_below(&random, 7)]++;
    for (unsigned i = 0; i < 7; i++) {
        ck_assert_uint_gt(count[i], 9500);
        ck_assert_uint_lt(count[i], 10500);
    }
}
END_TEST

/* Remainders of a bound of 3/4 of the range would favour the lower third. */
START_TEST(a_bound_near_the_range_favours_nobody)
{
    const uint32_t bound = 3u << 30;
    struct random random;
    unsigned lower_third = 0;

    random_init(&random, (struct hash_key){7, 8});
    for (int i = 0; i < 30000; i++) {
        uint32_t drawn = random_below(&random, bound);

        ck_assert_uint_lt(drawn, bound);
        lower_third += drawn < bound / 3;
    }
    ck_assert_uint_gt(lower_third, 9500);
    ck_assert_uint_lt(lower_third, 10500);
}
END_TEST

START_TEST(below_one_there_is_only_zero)
{
    struct random random;

    random_init(&random, (struct hash_key){9, 10});
    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(random_below(&random, 1), 0);
    ck_assert_uint_lt(random_below(&random, UINT32_MAX), UINT32_MAX);
}
END_TEST

START_TEST(each_key_is_fresh)
{
    struct random random;
    struct hash_key first, second;

    random_init(&random, (struct hash_key){11, 12});
    first = random_key(&random);
    second = random_key(&random);
    ck_assert(first.k0 != second.k0 && first.k1 != second.k1);
    ck_assert(first.k0 != first.k1);
    ck_assert(first.k0 != random.key.k0);
}
END_TEST

UNIT_MAIN("random", the_same_seed_gives_the_same_numbers,
          another_seed_gives_other_numbers,
          every_bit_is_set_about_half_the_time,
          below_a_bound_each_number_comes_equally_often,
          a_bound_near_the_range_favours_nobody, below_one_there_is_only_zero,
          each_key_is_fresh)
