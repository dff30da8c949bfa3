/*
 * Waiting on an epoll set: collects events of the sockets on its ready list
 * and of the kernel's descriptors. Several threads may wait on one set: an
 * event wakes one of them, and who leaves events behind wakes the next.
 */
#define _GNU_SOURCE /* the types of epoll_pwait2 */
#include "host/epoll.h"
#include "host/epoll_set.h"
#include "host/host.h"
#include "host/numbers.h"

#include <errno.h>
#include <limits.h>

/* Its event has been told: whether it can tell it again by itself. */
static bool stays_on_list(struct item *item)
{
    int r;

    if ((item->event.events & EPOLLONESHOT) != 0) {
        item->is_disarmed = true;
        if (item->file->kind == FILE_EPOLL) {
            r = epoll_kernel_control(item->epoll, EPOLL_CTL_MOD, item);
            assert(r == 0);
            (void)r;
        }
        return false;
    }
    return (item->event.events & EPOLLET) == 0;
}

/* Items that are no longer ready leave the list; level-triggered ones that are
 * go to its end. */
static int collect_ready(struct epoll *epoll, struct epoll_event *events,
                         int max)
{
    struct list told;
    int count = 0;

    list_init(&told);
    while (count < max && !list_is_empty(&epoll->ready)) {
        struct item *item =
            container_of(list_pop(&epoll->ready), struct item, ready_node);
        uint32_t ready = epoll_item_readiness(item);

        if (ready == 0)
            continue;
        events[count++] =
            (struct epoll_event){.events = ready, .data = item->event.data};
        if (stays_on_list(item))
            list_append(&told, &item->ready_node);
    }
    list_splice(&epoll->ready, &told);
    return count;
}

/* A set inside that the kernel names goes on the ready list. */
static int collect_kernel(struct epoll *epoll, struct epoll_event *events,
                          int max)
{
    int count = 0;
    int got;

    if (max == 0 || epoll->kernel_count == 0)
        return 0;
    got = epoll_wait(epoll->kernel_fd, events, max, 0);
    for (int i = 0; i < got; i++) {
        struct item *item = events[i].data.ptr;

        if (item->file->kind == FILE_EPOLL) {
            if (!list_is_linked(&item->ready_node))
                list_append(&epoll->ready, &item->ready_node);
            continue;
        }
        events[count] = (struct epoll_event){.events = events[i].events,
                                             .data = item->event.data};
        count++;
    }
    return count;
}

static int collect(struct epoll *epoll, struct epoll_event *events, int max)
{
    int count = 0;

    epoll->kernel_first = !epoll->kernel_first;
    if (!epoll->kernel_first)
        count = collect_ready(epoll, events, max);
    count += collect_kernel(epoll, events + count, max - count);
    if (epoll->kernel_first || count == 0)
        count += collect_ready(epoll, events + count, max - count);
    return count;
}

bool epoll_is_ready(struct epoll *epoll)
{
    struct pollfd kernel = {.fd = epoll_kernel_fd(epoll), .events = POLLIN};

    while (!list_is_empty(&epoll->ready)) {
        struct list *first = epoll->ready.next;

        if (epoll_item_readiness(
                container_of(first, struct item, ready_node)) != 0)
            return true;
        list_remove(first);
    }
    return kernel.fd >= 0 && poll(&kernel, 1, 0) > 0;
}

/* Whose time the time-out is in: that of the first socket in the set. */
static struct tapir_stack *clock_of(const struct epoll *epoll)
{
    const struct list *sockets = &epoll->items[FILE_SOCKET];

    for (struct list *node = sockets->next; node != sockets;
         node = node->next) {
        struct tapir_stack *stack =
            container_of(node, struct item, node)->file->stack;

        if (stack != NULL)
            return stack->clock == TAPIR_CLOCK_MANUAL ? stack : NULL;
    }
    return NULL;
}

static void let_sleep_on(struct epoll *epoll, struct waiter *waiter,
                         struct pollfd *kernel)
{
    *kernel = (struct pollfd){.fd = epoll->kernel_fd, .events = POLLIN};
    waiter->kernel = kernel;
    waiter->kernel_count = epoll->kernel_count > 0 ? 1 : 0;
}

/* Others may change the set meanwhile: each turn looks at it anew. */
static int wait_for_events(struct file *file, struct waiter *waiter,
                           struct epoll_event *events, int max)
{
    struct epoll *epoll = file->epoll;
    struct pollfd kernel;
    struct watch watch;
    int count = collect(epoll, events, max);

    file_watch(file, &watch, POLLIN, waiter);
    watch.is_exclusive = true;
    while (count == 0) {
        int r;

        let_sleep_on(epoll, waiter, &kernel);
        r = waiter_wait(waiter);
        count = file->is_closed ? -EBADF : collect(epoll, events, max);
        if (count == 0 && r < 0) {
            count = r == -ETIMEDOUT ? 0 : r;
            break;
        }
    }
    file_unwatch(&watch);
    if (!list_is_empty(&epoll->ready))
        (void)file_notify(file, POLLIN | POLLRDNORM); /* the next one's */
    return count;
}

static int collect_twice(struct epoll *epoll, struct epoll_event *events,
                         int max)
{
    int count = collect(epoll, events, max);

    if (count > 0)
        return count;
    drive_look();
    return collect(epoll, events, max);
}

/* `timeout` in microseconds; USEC_NEVER. */
static int wait_on_file(struct file *file, struct epoll_event *events, int max,
                        usec timeout, const sigset_t *mask)
{
    struct waiter waiter;
    int r;

    waiter_init(&waiter, clock_of(file->epoll), USEC_NEVER);
    if (timeout != USEC_NEVER)
        waiter_set_deadline(&waiter, waiter_now(&waiter) + timeout);
    waiter.mask = mask;
    drive_reclaim();
    file_hold(file);
    if (!list_is_empty(&file->epoll->items[FILE_SOCKET]))
        inherit_claim(); /* if it can be had: see inherit.h */
    r = timeout == 0 ? collect_twice(file->epoll, events, max)
                     : wait_for_events(file, &waiter, events, max);
    file_release(file);
    waiter_end(&waiter);
    host_unlock();
    waiter_let_signals(&waiter);
    return r;
}

static int wait_on_number(int epfd, struct epoll_event *events, int max,
                          usec timeout, const sigset_t *mask)
{
    static const int max_events = INT_MAX / (int)sizeof(struct epoll_event);
    struct file *file;
    int r;

    host_lock();
    file = number_file(epfd);
    if (file == NULL)
        r = -EBADF;
    else if (max <= 0 || max > max_events || file->kind != FILE_EPOLL)
        r = -EINVAL;
    else if (events == NULL)
        r = -EFAULT;
    else
        return wait_on_file(file, events, max, timeout, mask);
    host_unlock();
    return r;
}

int tapir_epoll_pwait(int epfd, struct epoll_event *events, int max,
                      int timeout_ms, const sigset_t *mask)
{
    usec timeout =
        timeout_ms < 0 ? USEC_NEVER : (usec)timeout_ms * USEC_PER_MSEC;

    return (int)errno_result(wait_on_number(epfd, events, max, timeout, mask));
}

int tapir_epoll_wait(int epfd, struct epoll_event *events, int max,
                     int timeout_ms)
{
    return tapir_epoll_pwait(epfd, events, max, timeout_ms, NULL);
}

int tapir_epoll_pwait2(int epfd, struct epoll_event *events, int max,
                       const struct timespec *timeout, const sigset_t *mask)
{
    usec wait = USEC_NEVER;
    int r = timeout == NULL ? 0 : timeout_of_timespec(timeout, &wait);

    return (int)errno_result(
        r < 0 ? r : wait_on_number(epfd, events, max, wait, mask));
}
