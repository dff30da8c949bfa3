#include "unit.h"

#include "host/clock.h"

static bool is_traced;
static unsigned questions;

static bool ask(void)
{
    questions++;
    return is_traced;
}

/* A clock at raw time 5 s, which is stack time 0. */
static struct stack_clock clock_at_5_s(void)
{
    struct stack_clock clock;

    is_traced = false;
    questions = 0;
    stack_clock_init(&clock, 5 * USEC_PER_SEC, ask);
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

START_TEST(nobody_asks_for_a_tracer_until_a_step_is_odd)
{
    struct stack_clock clock = clock_at_5_s();

    is_traced = true;
    ck_assert_int_eq(stack_clock_look(&clock, 5100000), 100000);
    stack_clock_wait_begins(&clock, USEC_PER_SEC);
    ck_assert_int_eq(stack_clock_look(&clock, 6200000), 1200000);
    stack_clock_wait_begins(&clock, USEC_NEVER);
    ck_assert_int_eq(stack_clock_look(&clock, 66200000), 61200000);
    ck_assert_uint_eq(questions, 0);
}
END_TEST

START_TEST(a_tracer_stops_the_clock_from_an_odd_step_on)
{
    struct stack_clock clock = clock_at_5_s();

    is_traced = true;
    stack_clock_wait_begins(&clock, 200 * USEC_PER_MSEC);
    ck_assert_int_eq(stack_clock_look(&clock, 65 * USEC_PER_SEC), 0);
    stack_clock_wait_ends(&clock);
    ck_assert_uint_eq(questions, 1);
    ck_assert(stack_clock_is_held(&clock));
    stack_clock_release(&clock);
    ck_assert_int_eq(stack_clock_look(&clock, 65050000), 250000);
    ck_assert_uint_eq(questions, 1);
}
END_TEST

START_TEST(an_odd_step_without_a_tracer_counts_in_full)
{
    struct stack_clock clock = clock_at_5_s();

    ck_assert_int_eq(stack_clock_look(&clock, 65 * USEC_PER_SEC),
                     60 * USEC_PER_SEC);
    ck_assert_uint_eq(questions, 1);
    ck_assert(!stack_clock_is_held(&clock));
}
END_TEST

START_TEST(what_the_debugger_tells_of_is_subtracted_exactly)
{
    struct stack_clock clock = clock_at_5_s();

    stack_clock_wait_begins(&clock, 200 * USEC_PER_MSEC);
    clock.stopped = 60 * USEC_PER_SEC;
    ck_assert_int_eq(stack_clock_look(&clock, 65070000), 0);
    ck_assert(stack_clock_is_held(&clock)); /* drained before timers run */
    stack_clock_release(&clock);
    ck_assert_int_eq(stack_clock_look(&clock, 65070000), 70000);
    ck_assert_int_eq(stack_clock_look(&clock, 65071000), 71000);
    ck_assert(!stack_clock_is_held(&clock));
    ck_assert_uint_eq(questions, 0);
}
END_TEST

START_TEST(a_debugger_that_goes_away_without_a_word_is_one_clamped_step)
{
    struct stack_clock clock = clock_at_5_s();

    clock.is_stopped = true;
    ck_assert_int_eq(stack_clock_look(&clock, 65 * USEC_PER_SEC), 0);
    stack_clock_release(&clock);
    ck_assert_int_eq(stack_clock_look(&clock, 66 * USEC_PER_SEC), 1010000);
}
END_TEST

START_TEST(a_stop_while_the_clock_is_read_does_not_turn_it_back)
{
    struct stack_clock clock = clock_at_5_s();

    stack_clock_look(&clock, 5001000);
    clock.stopped = 60 * USEC_PER_SEC;
    ck_assert_int_eq(stack_clock_look(&clock, 5002000), 1000);
    stack_clock_look(&clock, 65003000);
    ck_assert_int_eq(stack_clock_look(&clock, 65003000), 3000);
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
          time_goes_on_in_small_steps_while_a_stop_is_owed,
          nobody_asks_for_a_tracer_until_a_step_is_odd,
          a_tracer_stops_the_clock_from_an_odd_step_on,
          an_odd_step_without_a_tracer_counts_in_full,
          what_the_debugger_tells_of_is_subtracted_exactly,
          a_debugger_that_goes_away_without_a_word_is_one_clamped_step,
          a_stop_while_the_clock_is_read_does_not_turn_it_back)
