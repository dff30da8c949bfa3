/*
 * The process's stack time: the real clock, handed in, and with --debug a
 * clock that stops while the process does not run.
 *
 * Without debug, stack time is raw time less its origin. With debug a step of
 * stack time is at most the wait that was asked of ppoll (STEP_MAX if none
 * was): whatever is longer was a breakpoint. Such a clamped step is owed: it
 * is added only when the devices have been drained, so that what arrived
 * meanwhile is taken in before any timer can be due through that step.
 *
 * Without debug a step that is odd, far longer than what was asked for, is
 * clamped in the same way if the process is traced: somebody has attached a
 * debugger. A debugger that knows of us does better and tells how long it has
 * stopped the process (tools/gdb): then no step is longer than the time in
 * which the process ran.
 */
#ifndef TAPIR_HOST_CLOCK_H
#define TAPIR_HOST_CLOCK_H

#include "base/usec.h"

#include <stdbool.h>

enum {
    STACK_CLOCK_STEP_MAX = 10000, /* us */
    STACK_CLOCK_ODD = 100000      /* us beyond what is allowed */
};

/* Whether a debugger may have stopped the process. */
typedef bool stack_clock_traced_fn(void);

struct stack_clock {
    bool stops; /* debug */
    stack_clock_traced_fn *is_traced;
    /* These two are written by a debugger, tools/gdb. */
    bool is_stopped; /* while we run: it has gone away without telling more */
    usec stopped;    /* for how long, ever */
    usec subtracted; /* of that, so far */
    usec raw;        /* raw time of the last look, less that */
    usec now;        /* stack time of the last look */
    usec owed;       /* steps that wait for the devices to be drained */
    usec allowed;    /* the longest step that is believed */
};

/* `is_traced` is asked only after an odd step. */
void stack_clock_init(struct stack_clock *clock, usec raw,
                      stack_clock_traced_fn *is_traced);

/* From now on it stops with the process. */
void stack_clock_stop_with_process(struct stack_clock *clock);

/* Stack time when raw time is `raw`, which never goes back. */
usec stack_clock_look(struct stack_clock *clock, usec raw);

/* ppoll is asked to wait so long (0: not at all; USEC_NEVER), from now on. */
void stack_clock_wait_begins(struct stack_clock *clock, usec wait);
/* It has returned, and stack_clock_look has been told when. */
void stack_clock_wait_ends(struct stack_clock *clock);

/* Whether the devices are to be drained before time goes on. */
bool stack_clock_is_held(const struct stack_clock *clock);
/* They are. */
void stack_clock_release(struct stack_clock *clock);

#endif
