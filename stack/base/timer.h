/*
 * Timers: a hierarchical wheel. Arming and disarming cost the same with ten
 * timers and with a million, and need no memory: the links lie in the timer.
 * Timers that are due at the same microsecond fire in one fixed order that
 * depends only on the calls made, so that a run can be repeated.
 */
#ifndef TAPIR_BASE_TIMER_H
#define TAPIR_BASE_TIMER_H

#include "base/list.h"
#include "base/usec.h"

enum {
    TIMER_LEVELS = 8, /* of 64 slots: 2^48 us, nearly nine years */
    TIMER_SLOTS_BITS = 6,
    TIMER_SLOTS = 1 << TIMER_SLOTS_BITS
};

struct timer {
    struct list node;
    usec deadline;
    void (*fire)(struct timer *timer); /* disarmed when called; may re-arm */
};

struct timers {
    usec now; /* the wheel's hand: every earlier slot is empty */
    uint64_t occupied[TIMER_LEVELS];
    struct list slots[TIMER_LEVELS][TIMER_SLOTS];
};

void timers_init(struct timers *timers, usec now);

void timer_init(struct timer *timer, void (*fire)(struct timer *timer));
/* (Re)arms. A deadline that has passed fires at the next timers_run. */
void timer_arm(struct timers *timers, struct timer *timer, usec deadline);
/* Nothing happens if it is not armed. */
void timer_disarm(struct timers *timers, struct timer *timer);
bool timer_is_armed(const struct timer *timer);

/*
 * Fires, in order of their deadlines, all that are due at `now`; equal ones in
 * the order in which they were armed. A callback may arm and disarm any timer;
 * what it arms waits for the next timers_run, however early its deadline.
 */
void timers_run(struct timers *timers, usec now);

/*
 * When timers_run should be called next: never later than the earliest
 * deadline, and earlier only where a distant timer has to be moved to a finer
 * level of the wheel. USEC_NEVER if none is armed.
 */
usec timers_next(const struct timers *timers);

#endif
