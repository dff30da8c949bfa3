/*
 * How a thread waits, in futex(2) or in ppoll(2): see README.md.
 *
 * All functions here are called with the lock held, unless they say otherwise.
 */
#ifndef TAPIR_HOST_WAIT_H
#define TAPIR_HOST_WAIT_H

#include "base/list.h"
#include "base/usec.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>

struct tapir_stack;

enum { WAITER_FDS = 8 };

enum waiter_sleep { WAITER_AWAKE, WAITER_IN_FUTEX, WAITER_IN_PPOLL };

enum waiter_spun { SPUN_NOT, SPUN_WELL, SPUN_IN_VAIN };

/* A thread that waits. It lives on that thread's stack, for one call. */
struct waiter {
    struct list node;          /* in the_host.driver.sleepers while asleep */
    struct list timeout_node;  /* in clock->timeouts */
    struct tapir_stack *clock; /* whose own time the deadline is in; NULL: the
                                  process's */
    usec deadline;
    bool is_notified;     /* what it waits for may have come */
    bool is_abandoned;    /* its thread has jumped out of the call */
    bool is_interrupted;  /* a signal came with the notification */
    bool restarts;        /* a handler with SA_RESTART does not end the wait */
    bool holds_signals;   /* they are let through in ppoll only */
    sigset_t old_mask;    /* the thread's, while holds_signals */
    const sigset_t *mask; /* ppoll's argument, or NULL */
    enum waiter_sleep sleep;
    _Atomic uint32_t word; /* futex: 0 asleep, 1 called */
    usec spin;             /* in ppoll, before it sleeps there */
    enum waiter_spun spun; /* what came of it */
    int event_fd;          /* borrowed while in ppoll */
    int signal_fd;         /* for ppoll, if it restarts; -1: none yet */
    bool owns_signal_fd;   /* its mask is not everybody's */
    struct pollfd *kernel; /* the kernel's descriptors that it waits for */
    nfds_t kernel_count;
    struct pollfd *fds; /* for ppoll: event_fd, kernel, signals, devices */
    nfds_t fds_room;
    struct pollfd few[WAITER_FDS];
};

void waiter_init(struct waiter *waiter, struct tapir_stack *clock,
                 usec deadline);
/* In the time of its clock. */
void waiter_set_deadline(struct waiter *waiter, usec deadline);
/* Before the lock is released for good: lets another thread drive. */
void waiter_end(struct waiter *waiter);
/* After it has been released: signals come through again. No lock held. */
void waiter_let_signals(struct waiter *waiter);

/*
 * Waits, the lock released meanwhile, until the waiter is notified, driving
 * the stacks if nobody else does. 0 (the notification is used up), -EINTR,
 * -ETIMEDOUT; -ENOMEM, -EMFILE when there is no way to sleep.
 */
MUST_CHECK int waiter_wait(struct waiter *waiter);

/*
 * A handler that has interrupted this thread's sleep is about to jump out of
 * it (siglongjmp): its waiter is forgotten. What the call held of files and
 * memory is lost. Lock not held.
 */
void waiter_abandon(void);

/* What it waits for may have come. */
void waiter_notify(struct waiter *waiter);
/* Wakes the thread, if it sleeps, so that it looks around. */
void waiter_call(struct waiter *waiter);

/* In the time of the waiter's clock. */
usec waiter_now(const struct waiter *waiter);
/* Sleeps in futex(2) until called, at most `wait`. 0, -EINTR. */
int waiter_sleep_in_futex(struct waiter *waiter, usec wait);
/* The same, and while others hold the lock then, so long again, some times:
 * for what is not so urgent that they are to be kept waiting. */
void waiter_doze(struct waiter *waiter, usec wait);
/* Fills fds but for `devices` more entries, for which there is room. */
MUST_CHECK int waiter_fill_fds(struct waiter *waiter, nfds_t devices,
                               nfds_t *count);
/* Sleeps in ppoll(2) on fds until one is ready or called. 0, -EINTR. */
int waiter_sleep_in_ppoll(struct waiter *waiter, nfds_t count, usec wait);

#endif
