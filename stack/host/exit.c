/*
 * When the process exits or forks.
 *
 * At exit every stack of the real clock is ended as tapir_stack_destroy ends
 * it: sockets are closed, what was written is acknowledged or the time is
 * over, the rest is reset. Threads that still run get ENETDOWN.
 *
 * A forked child has the sockets' numbers but not the stacks, which go on in
 * the parent: all calls on them answer ENETDOWN there, and the devices are
 * closed. But a daemon's parent leaves its stack to it: inherit.h.
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

    if (!the_host.is_ready || the_host.is_child || !lock_before_exit())
        return;
    if (!inherit_give())
        while ((stack = next_to_end()) != NULL)
            stack_end(stack);
    list_init(&the_host.loans_over); /* it is late for telling */
    host_unlock();
}

static void before_fork(void)
{
    host_lock();
    inherit_prepare();
}

static void in_parent(void)
{
    inherit_in_parent();
    host_unlock();
}

static void close_own(int fd)
{
    if (fd < 0)
        return;
    host_disown_fd(fd);
    close(fd);
}

static void close_device(struct tapir_stack *stack)
{
    for (struct list *node = stack->ports.next; node != &stack->ports;
         node = node->next) {
        struct port *port = container_of(node, struct port, node);
        close_own(netdev_poll_fd(port->dev));
    }
}

static void close_devices(void)
{
    for (struct list *node = the_host.stacks.next; node != &the_host.stacks;
         node = node->next)
        close_device(container_of(node, struct tapir_stack, node));
}

/*
 * Only the thread that forked is here: nobody drives, nobody sleeps. A child
 * that was forked off before there was a stack may have one of its own.
 */
static void in_child(void)
{
    bool was_child = the_host.is_child;

    the_host.is_child = was_child || !list_is_empty(&the_host.stacks);
    the_host.process = getpid();
    the_host.driver.has_helper = false;
    the_host.driver.who = NULL;
    the_host.driver.successor = NULL;
    the_host.driver.helper_sleeps_deep = false;
    list_init(&the_host.driver.sleepers);
    while (the_host.spare_event_count > 0)
        close_own(the_host.spare_event_fds[--the_host.spare_event_count]);
    if (the_host.signal_fd > 0)
        close_own(the_host.signal_fd);
    the_host.signal_fd = 0;
    if (!was_child && !inherit_in_child())
        close_devices();
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
    pthread_atfork(before_fork, in_parent, in_child);
}
