#include "unit.h"

#include "host/clock.h"

/* A clock at raw time 5 s, which is stack time 0. */
static struct stack_clock clock_at_5_s(void)
{
    struct stack_clock clock;

    stack_clock_init(&clock, 5 * USEC_PER_SEC);
    return clock;
}

static struct stack_clock debug_clock_at_5_s(void)
{
    struct stack_clock clock = clock_at_5_s();

    stack_clock_stop_with_process(&clock);
    return clock;
}

START_TEST(stack_time_begins_at_zero_and_runs_with_raw_time)
{
    struct stack_clock clock = clock_at_5_s();

    ck_assert_int_eq(stack_clock_look(&clock, 5000001), 1);
    ck_assert_int_eq(stack_clock_look(&clock, 5100000), 100000);
}
END_TEST

START_TEST(without_debug_an_hour_is_an_hour)
{
    struct stack_clock clock = clock_at_5_s();

    ck_assert_int_eq(stack_clock_look(&clock, 3605 * USEC_PER_SEC),
                     3600 * USEC_PER_SEC);
    ck_assert(!stack_clock_is_held(&clock));
}
END_TEST

START_TEST(with_debug_small_steps_count_in_full)
{
    struct stack_clock clock = debug_clock_at_5_s();

    ck_assert_int_eq(stack_clock_look(&clock, 5004000), 4000);
    ck_assert_int_eq(stack_clock_look(&clock, 5014000), 14000);
    ck_assert(!stack_clock_is_held(&clock));
}
END_TEST

START_TEST(a_breakpoint_between_two_looks_counts_as_10_ms_after_the_drain)
{
    struct stack_clock clock = debug_clock_at_5_s();

    stack_clock_look(&clock, 5001000);
    ck_assert_int_eq(stack_clock_look(&clock, 605 * USEC_PER_SEC), 1000);
    ck_assert(stack_clock_is_held(&clock));
    stack_clock_release(&clock);
    ck_assert(!stack_clock_is_held(&clock));
    ck_assert_int_eq(stack_clock_look(&clock, 605 * USEC_PER_SEC), 11000);
}
END_TEST

START_TEST(a_stop_in_ppoll_counts_as_the_wait_that_was_asked)
{
    struct stack_clock clock = debug_clock_at_5_s();

    stack_clock_wait_begins(&clock, 200 * USEC_PER_MSEC);
    ck_assert_int_eq(stack_clock_look(&clock, 605 * USEC_PER_SEC), 0);
    stack_clock_wait_ends(&clock);
    ck_assert(stack_clock_is_held(&clock));
    stack_clock_release(&clock);
    ck_assert_int_eq(stack_clock_look(&clock, 605 * USEC_PER_SEC),
                     200 * USEC_PER_MSEC);
}
END_TEST

START_TEST(a_wait_that_ends_early_counts_in_full)
{
    struct stack_clock clock = debug_clock_at_5_s();

    stack_clock_wait_begins(&clock, 200 * USEC_PER_MSEC);
    ck_assert_int_eq(stack_clock_look(&clock, 5150000), 150000);
    stack_clock_wait_ends(&clock);
    ck_assert(!stack_clock_is_held(&clock));
}
END_TEST

START_TEST(a_wait_without_end_counts_in_full)
{
    struct stack_clock clock = debug_clock_at_5_s();

    stack_clock_wait_begins(&clock, USEC_NEVER);
    ck_assert_int_eq(stack_clock_look(&clock, 65 * USEC_PER_SEC),
                     60 * USEC_PER_SEC);
    stack_clock_wait_ends(&clock);
    ck_assert(!stack_clock_is_held(&clock));
}
END_TEST

START_TEST(a_poll_that_did_not_wait_allows_10_ms)
{
    struct stack_clock clock = debug_clock_at_5_s();

    stack_clock_wait_begins(&clock, 0);
    ck_assert_int_eq(stack_clock_look(&clock, 5009000), 9000);
    ck_assert(!stack_clock_is_held(&clock));
    stack_clock_look(&clock, 6 * USEC_PER_SEC);
    ck_assert(stack_clock_is_held(&clock));
}
END_TEST

START_TEST(after_the_wait_10_ms_hold_again)
{
    struct stack_clock clock = debug_clock_at_5_s();

    stack_clock_wait_begins(&clock, 200 * USEC_PER_MSEC);
    stack_clock_look(&clock, 5001000);
    stack_clock_wait_ends(&clock);
    stack_clock_look(&clock, 5101000);
    stack_clock_release(&clock);
    ck_assert_int_eq(stack_clock_look(&clock, 5101000), 11000);
}
END_TEST

START_TEST(time_goes_on_in_small_steps_while_a_stop_is_owed)
{
    struct stack_clock clock = debug_clock_at_5_s();

    stack_clock_look(&clock, 10 * USEC_PER_SEC);
    ck_assert_int_eq(stack_clock_look(&clock, 10000500), 500);
    ck_assert(stack_clock_is_held(&clock));
    stack_clock_release(&clock);
    ck_assert_int_eq(stack_clock_look(&clock, 10000500), 10500);
}
END_TEST

UNIT_MAIN("clock", stack_time_begins_at_zero_and_runs_with_raw_time,
          without_debug_an_hour_is_an_hour,
          with_debug_small_steps_count_in_full,
          a_breakpoint_between_two_looks_counts_as_10_ms_after_the_drain,
          a_stop_in_ppoll_counts_as_the_wait_that_was_asked,
          a_wait_that_ends_early_counts_in_full,
          a_wait_without_end_counts_in_full,
          a_poll_that_did_not_wait_allows_10_ms,
          after_the_wait_10_ms_hold_again,
          time_goes_on_in_small_steps_while_a_stop_is_owed)
