/*
 * The process's stack time: see clock.h.
 */
#include "host/clock.h"

void stack_clock_init(struct stack_clock *clock, usec raw,
                      stack_clock_traced_fn *is_traced)
{
    *clock = (struct stack_clock){
        .is_traced = is_traced,
        .raw = raw,
        .allowed = STACK_CLOCK_STEP_MAX,
    };
}

void stack_clock_stop_with_process(struct stack_clock *clock)
{
    clock->stops = true;
}

static bool is_clamped(const struct stack_clock *clock, usec step)
{
    if (step <= clock->allowed)
        return false;
    return clock->stops || clock->is_stopped ||
           (step - clock->allowed > STACK_CLOCK_ODD && clock->is_traced());
}

/* A debugger may have stopped us since `raw` was read: then time seems to go
 * back, and stands still. */
usec stack_clock_look(struct stack_clock *clock, usec raw)
{
    usec step = usec_max(raw - clock->stopped - clock->raw, 0);
    bool was_told = clock->stopped != clock->subtracted;

    clock->raw += step;
    clock->subtracted = clock->stopped;
    if (is_clamped(clock, step))
        clock->owed += clock->allowed;
    else if (was_told)
        clock->owed += step;
    else
        clock->now += step;
    clock->is_stopped = false;
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
