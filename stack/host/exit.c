/*
 * When the process exits or forks.
 *
 * At exit every stack of the real clock is ended as tapir_stack_destroy ends
 * it: sockets are closed, what was written is acknowledged or the time is
 * over, the rest is reset. Threads that still run get ENETDOWN.
 *
 * A forked child has the sockets' numbers but not the stacks, which go on in
 * the parent: all calls on them answer ENETDOWN there, and the devices are
 * closed. But a daemon's parent leaves its stack to it: inherit.h. A child that
 * no handler hears of (clone(2), _Fork(3)) finds out at its first call.
 */
#include "host/host.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_WAIT_S = 1 };

/* exit may have been called in a signal's handler, on top of a call. */
static bool lock_before_exit(void)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LOCK_WAIT_S;
    return pthread_mutex_timedlock(&the_host.lock, &until) == 0;
}

static struct tapir_stack *next_to_end(void)
{
    for (struct list *node = the_host.stacks.next; node != &the_host.stacks;
         node = node->next) {
        struct tapir_stack *stack =
            container_of(node, struct tapir_stack, node);

        if (stack->clock == TAPIR_CLOCK_REAL && !stack->is_ending)
            return stack;
    }
    return NULL;
}

void exit_end_all(void)
{
    struct tapir_stack *stack;

    if (!the_host.is_ready)
        return;
    if (fork_mark_is_wiped(&the_host.mark))
        fork_notice();
    if (!lock_before_exit())
        return;
    if (!inherit_give() && !the_host.is_child)
        while ((stack = next_to_end()) != NULL)
            stack_end(stack);
    list_init(&the_host.loans_over); /* it is late for telling */
    host_unlock();
}

/* Every descriptor: the device is its parent's, and free when that ends. */
static void close_device(const struct netdev *dev)
{
    int fd;

    for (unsigned i = 0; (fd = netdev_held_fd(dev, i)) >= 0; i++)
        host_close_own(fd);
}

static void close_devices_of(struct tapir_stack *stack)
{
    for (struct list *node = stack->ports.next; node != &stack->ports;
         node = node->next)
        close_device(container_of(node, struct port, node)->dev);
}

static void close_devices(void)
{
    for (struct list *node = the_host.stacks.next; node != &the_host.stacks;
         node = node->next)
        close_devices_of(container_of(node, struct tapir_stack, node));
}

static void leave_recordings(void)
{
    for (struct list *node = the_host.stacks.next; node != &the_host.stacks;
         node = node->next)
        record_file_fork(container_of(node, struct tapir_stack, node)->record);
}

/*
 * Only the thread that forked is here: nobody drives, nobody sleeps. A child
 * that was forked off before there was a stack may have one of its own.
 */
static void become_child(void)
{
    bool was_child = the_host.is_child;

    fork_mark_set(&the_host.mark);
    the_host.process = getpid();
    the_host.driver.has_helper = false;
    the_host.driver.who = NULL;
    the_host.driver.successor = NULL;
    the_host.driver.helper_sleeps_deep = false;
    list_init(&the_host.driver.sleepers);
    while (the_host.spare_event_count > 0)
        host_close_own(the_host.spare_event_fds[--the_host.spare_event_count]);
    if (the_host.signal_fd > 0)
        host_close_own(the_host.signal_fd);
    the_host.signal_fd = 0;
    control_leave_to_parent();
    leave_recordings();
    if (!inherit_in_child() && !was_child)
        close_devices();
    the_host.is_child = was_child || !list_is_empty(&the_host.stacks);
}

/* This thread forks, and has the lock for it: its child knows what it is, even
 * if a handler of the program's that runs before ours calls the library. */
static _Thread_local bool forks;

bool fork_is_here(void)
{
    return atomic_load_explicit(&the_host.is_forking, memory_order_relaxed) &&
           forks;
}

static void set_forks(bool now)
{
    forks = now;
    atomic_store_explicit(&the_host.is_forking, now, memory_order_relaxed);
}

void fork_begin(void)
{
    host_lock();
    set_forks(true);
    inherit_prepare();
}

void fork_in_parent(void)
{
    set_forks(false);
    inherit_in_parent();
    host_unlock();
}

void fork_in_child(void)
{
    if (!forks)
        return; /* fork_notice was earlier */
    set_forks(false);
    become_child();
    host_unlock();
}

/* A thread that is not here was in the middle of something. What the numbers
 * stand for stays known: the program has them, and they answer ENETDOWN. */
static void forget_all(void)
{
    the_host.is_forking = false; /* that thread did */
    the_host.nested = 0;
    list_init(&the_host.stacks);
    list_init(&the_host.work);
    list_init(&the_host.loans_over);
    the_host.default_stack = NULL;
    the_host.spare_event_count = 0;
    the_host.signal_fd = 0;
    the_host.inheritance = (struct inheritance){.heir_fd = 0};
    the_host.is_child = true;
}

void fork_notice(void)
{
    static const pthread_mutex_t free_lock = PTHREAD_MUTEX_INITIALIZER;
    bool was_free;

    if (forks) {
        fork_in_child();
        return;
    }
    was_free = pthread_mutex_trylock(&the_host.lock) == 0;
    the_host.lock = free_lock;
    host_lock_child();
    if (!was_free)
        forget_all();
    become_child();
    host_unlock();
}

void exit_prepare(void)
{
    if (the_host.has_exit_handler)
        return;
    the_host.has_exit_handler = true;
    atexit(exit_end_all);
}

void fork_prepare(void)
{
    pthread_atfork(fork_begin, fork_in_parent, fork_in_child);
}
