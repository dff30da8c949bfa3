/*
 * The process's stack time: see clock.h.
 */
#include "host/clock.h"

void stack_clock_init(struct stack_clock *clock, usec raw)
{
    *clock = (struct stack_clock){
        .raw = raw,
        .allowed = STACK_CLOCK_STEP_MAX,
    };
}

void stack_clock_stop_with_process(struct stack_clock *clock)
{
    clock->stops = true;
}

usec stack_clock_look(struct stack_clock *clock, usec raw)
{
    usec step = raw - clock->raw;

    clock->raw = raw;
    if (clock->stops && step > clock->allowed)
        clock->owed += clock->allowed;
    else
        clock->now += step;
    return clock->now;
}

void stack_clock_wait_begins(struct stack_clock *clock, usec wait)
{
    clock->allowed = wait > 0 ? wait : STACK_CLOCK_STEP_MAX;
}

void stack_clock_wait_ends(struct stack_clock *clock)
{
    clock->allowed = STACK_CLOCK_STEP_MAX;
}

bool stack_clock_is_held(const struct stack_clock *clock)
{
    return clock->owed > 0;
}

void stack_clock_release(struct stack_clock *clock)
{
    clock->now += clock->owed;
    clock->owed = 0;
}
