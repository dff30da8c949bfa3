/*
 * The frame around every call on a socket: the lock, the descriptor, waiting,
 * the pass that ends it, errno.
 */
#include "host/call.h"

#include "host/host.h"
#include "host/numbers.h"

#include <errno.h>

static void begin(struct call *call, struct file *file)
{
    call->file = file;
    call->has_looked = false;
    call->is_waiting = false;
    call->has_received = false;
    call->now = 0;
    call->is_nonblocking = file != NULL && file->is_nonblocking;
}

void call_enter_file(struct call *call, struct file *file)
{
    host_lock();
    begin(call, file);
    file_hold(file);
}

int call_enter_number(struct call *call, int fd)
{
    struct file *file;

    host_lock();
    file = number_file(fd);
    begin(call, file);
    if (file == NULL)
        return -EBADF;
    file_hold(file);
    return 0;
}

int call_enter(struct call *call, int fd)
{
    int r = call_enter_number(call, fd);

    if (r < 0)
        return r;
    if (call->file->kind != FILE_SOCKET)
        return -ENOTSOCK;
    return call->file->stack != NULL && inherit_claim() ? 0 : -ENETDOWN;
}

usec call_now(struct call *call)
{
    call->now = stack_now(call->file->stack);
    return call->now;
}

/* A call that must not wait takes one look at the devices before it gives up:
 * what has arrived is there for it, as it would be in a kernel. */
static int look_once(struct call *call)
{
    if (call->has_looked || call->file->stack->clock == TAPIR_CLOCK_MANUAL)
        return -EAGAIN;
    call->has_looked = true;
    drive_look();
    return 0;
}

static void begin_to_wait(struct call *call, usec timeout)
{
    struct tapir_stack *stack = call->file->stack;
    bool is_manual = stack->clock == TAPIR_CLOCK_MANUAL;
    usec deadline =
        timeout == USEC_NEVER ? USEC_NEVER : stack_now(stack) + timeout;

    waiter_init(&call->waiter, is_manual ? stack : NULL, deadline);
    call->waiter.restarts = timeout == USEC_NEVER; /* signal(7) */
    file_watch(call->file, &call->watch, 0, &call->waiter);
    call->is_waiting = true;
}

int call_sleep(struct call *call, int events, usec timeout)
{
    if (!call->is_waiting)
        begin_to_wait(call, timeout);
    call->watch.events = events;
    call->now = 0;               /* it will have passed */
    pass_run(call->file->stack); /* may notify us at once */
    return waiter_wait(&call->waiter);
}

/* SO_SNDTIMEO for those who wait to write, SO_RCVTIMEO for all others. */
static usec timeout_for(const struct file *file, int events)
{
    usec receive;
    usec send;

    if (stack_timeouts(file->stack->core, file->id, &receive, &send) < 0)
        return USEC_NEVER;
    return (events & POLLOUT) != 0 ? send : receive;
}

int call_wait(struct call *call, int events)
{
    int r;

    if (call->is_nonblocking)
        return look_once(call);
    r = call_sleep(call, events, timeout_for(call->file, events));
    if (call->file->is_closed)
        return -EBADF;
    if (call->file->stack == NULL)
        return -ENETDOWN;
    return r == -ETIMEDOUT ? -EAGAIN : r;
}

/* As in Linux, which says when the time is over what it would have said without
 * waiting: EINPROGRESS, or EALREADY to a second call. */
int call_connect(struct call *call, const struct endpoint *remote)
{
    struct file *file = call->file;
    int too_late = 0;

    for (;;) {
        struct tapir_stack *stack = file->stack;
        int r = stack_connect(stack->core, stack_now(stack), file->id, remote);

        if (r == -EINPROGRESS) { /* edges: whatever comes of it is news */
            file->was_full = true;
            file->seen = 0;
        }
        if (call->is_nonblocking || (r != -EINPROGRESS && r != -EALREADY))
            return r;
        too_late = too_late != 0 ? too_late : r;
        r = call_wait(call, POLLOUT);
        if (r < 0)
            return r == -EAGAIN ? too_late : r;
    }
}

/* What the program has received is in its processor's cache, and comes before
 * what its devices have: no more is taken in than was. */
static void run_last_pass(const struct call *call)
{
    struct tapir_stack *stack = call->file->stack;

    stack->leaves_devices = call->has_received;
    pass_run_at(stack, call->now != 0 ? call->now : stack_now(stack));
    stack->leaves_devices = false;
}

ssize_t call_leave(struct call *call, ssize_t result)
{
    struct file *file = call->file;

    if (file != NULL && file->stack != NULL && !the_host.is_child)
        run_last_pass(call);
    if (call->is_waiting) {
        file_unwatch(&call->watch);
        waiter_end(&call->waiter);
    }
    if (file != NULL)
        file_release(file);
    host_unlock();
    if (call->is_waiting)
        waiter_let_signals(&call->waiter);
    return errno_result(result);
}
