/*
 * Who drives the stacks of the real clock: see README.md.
 *
 * All functions here are called with the lock held.
 */
#ifndef TAPIR_HOST_DRIVE_H
#define TAPIR_HOST_DRIVE_H

#include "host/guess.h"
#include "host/wait.h"

/* A spin in vain costs as much as many wake-ups, but most waits are alike. */
enum { SPIN_TRUST = 8, SPIN_REST = 128 };

struct driver {
    struct waiter *who;       /* drives now; NULL: nobody */
    usec until;               /* it sleeps at most until then */
    struct waiter *successor; /* has been called to drive, not yet awake */
    struct list sleepers;     /* threads that wait and do not drive */
    uint64_t passes;          /* how often somebody has driven, */
    usec passed_at;           /* and when the last time */
    usec called_at;           /* drive_along, the last time, */
    unsigned calls;           /* and how often without a pause */
    struct guess spin;        /* whether it pays, with --spin */
    uint64_t spins;           /* how often it was tried */
    bool is_busy;             /* the last wait was over soon */
    bool has_helper;
    bool helper_sleeps_deep; /* until it is called */
    struct waiter helper;
};

/* Whether there is a stack on the real clock. */
bool drive_is_needed(void);
/* The same, and the caller may drive it. */
bool drive_is_open(void);
/* Drives until the waiter is notified, or somebody else drives. As wait. */
MUST_CHECK int drive(struct waiter *waiter);
/* If nobody drives: takes in what has arrived. For calls that do not wait. */
void drive_look(void);
/*
 * A caller asks for events, and finds some: it comes back, so the helper is not
 * to drive beside it.
 */
void drive_reclaim(void);
/*
 * A program sends, perhaps without ever waiting. If it does so all the time it
 * drives along the way, or the helper would be woken for each acknowledgment.
 */
void drive_along(usec now);
/* After a pass of `stack`: the driver may have planned to sleep too long. */
void drive_reconsider(const struct tapir_stack *stack);
/* The devices have changed: the driver is to look at the new set. */
void drive_devices_changed(void);
/* Somebody who waited or drove goes: another one may have to drive. */
void drive_leave(struct waiter *waiter);

/* Starts the helper thread unless it runs or the clock stops with debug. */
void helper_start(void);
/* Wakes it out of its deep sleep. */
void helper_call(void);

#endif
