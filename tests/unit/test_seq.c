/*
 * Sequence numbers, RFC 9293 3.4: comparisons at the wrap, and against plain
 * numbers of 64 bits.
 */
#include "unit.h"

#include "base/random.h"
#include "tcp/seq.h"

/* `a` comes right before `b`, by every comparison. */
static void expect_before(tcp_seq a, tcp_seq b)
{
    ck_assert(seq_lt(a, b) && !seq_lt(b, a));
    ck_assert(seq_leq(a, b) && !seq_leq(b, a));
    ck_assert(seq_gt(b, a) && !seq_gt(a, b));
    ck_assert(seq_geq(b, a) && !seq_geq(a, b));
    ck_assert_uint_eq(seq_max(a, b), b);
    ck_assert_uint_eq(seq_max(b, a), b);
    ck_assert_uint_eq(seq_min(a, b), a);
    ck_assert_uint_eq(seq_min(b, a), a);
}

START_TEST(a_number_is_equal_to_itself_wherever_it_lies)
{
    const tcp_seq some[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff};

    for (unsigned i = 0; i < ARRAY_LENGTH(some); i++) {
        ck_assert(!seq_lt(some[i], some[i]) && !seq_gt(some[i], some[i]));
        ck_assert(seq_leq(some[i], some[i]) && seq_geq(some[i], some[i]));
        ck_assert_uint_eq(seq_max(some[i], some[i]), some[i]);
        ck_assert_uint_eq(seq_min(some[i], some[i]), some[i]);
    }
}
END_TEST

START_TEST(numbers_go_on_over_the_wrap)
{
    expect_before(0, 1);
    expect_before(0xffffffff, 0);
    expect_before(0xfffffff0, 0x10);
    expect_before(0x7fffffff, 0x80000000);
}
END_TEST

/* Two numbers tell their order up to half the space apart. */
START_TEST(a_number_is_before_the_2_to_the_31_minus_1_that_follow)
{
    expect_before(0, 0x7fffffff);
    expect_before(0x80000001, 0);
    expect_before(0xffffffff, 0x7ffffffe);
    expect_before(1, 0x80000000);
}
END_TEST

START_TEST(a_range_holds_its_start_and_not_its_end)
{
    ck_assert(!seq_in(99, 100, 10));
    ck_assert(seq_in(100, 100, 10));
    ck_assert(seq_in(109, 100, 10));
    ck_assert(!seq_in(110, 100, 10));
}
END_TEST

START_TEST(a_range_may_lie_over_the_wrap)
{
    ck_assert(!seq_in(0xfffffffd, 0xfffffffe, 4));
    ck_assert(seq_in(0xfffffffe, 0xfffffffe, 4));
    ck_assert(seq_in(0, 0xfffffffe, 4));
    ck_assert(seq_in(1, 0xfffffffe, 4));
    ck_assert(!seq_in(2, 0xfffffffe, 4));
}
END_TEST

START_TEST(an_empty_range_holds_nothing)
{
    ck_assert(!seq_in(7, 7, 0));
    ck_assert(!seq_in(6, 7, 0));
    ck_assert(!seq_in(8, 7, 0));
}
END_TEST

/* Positions in a stream of many GiB, and the numbers that they bear. */
START_TEST(the_order_is_that_of_the_positions_in_a_long_stream)
{
    struct random random;

    random_init(&random, (struct hash_key){1, 2});
    for (int i = 0; i < 100000; i++) {
        uint64_t a = (uint64_t)random_u32(&random) << 2 | 0x80000000;
        uint64_t distance =
            random_below(&random, 0x7fffffff) >> random_below(&random, 31);
        uint64_t b = a + distance + 1;
        uint32_t len = random_u32(&random) >> random_below(&random, 31);

        expect_before((tcp_seq)a, (tcp_seq)b);
        ck_assert_int_eq(seq_in((tcp_seq)b, (tcp_seq)a, len), b < a + len);
    }
}
END_TEST

UNIT_MAIN("seq", a_number_is_equal_to_itself_wherever_it_lies,
          numbers_go_on_over_the_wrap,
          a_number_is_before_the_2_to_the_31_minus_1_that_follow,
          a_range_holds_its_start_and_not_its_end,
          a_range_may_lie_over_the_wrap, an_empty_range_holds_nothing,
          the_order_is_that_of_the_positions_in_a_long_stream)
