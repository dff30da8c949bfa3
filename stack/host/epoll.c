/*
 * Level-triggered epoll. An item is a watch on its file; a socket's events put
 * the item on the set's ready list, and epoll_wait asks only the items of that
 * list, each of which stays there while it is ready: the cost is that of the
 * ready ones, however many there are. Descriptors of the kernel lie in a
 * kernel epoll instance inside, made when the first one comes.
 *
 * Left out for now: EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE, and an epoll set as
 * an item of another one (poll takes it).
 */
#include "host/epoll.h"

#include "host/host.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { ALWAYS = EPOLLERR | EPOLLHUP };

static const uint32_t not_supported = EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE;

struct epoll {
    struct file *file; /* of the set itself; it owns us */
    struct list items;
    struct list ready;
    int kernel_fd; /* -1: there has been none of the kernel's yet */
    unsigned kernel_count;
    bool kernel_first; /* at the next wait: neither kind starves the other */
};

struct item {
    struct watch watch; /* on file */
    struct epoll *epoll;
    struct file *file;
    struct list node;       /* in epoll->items */
    struct list ready_node; /* in epoll->ready */
    struct epoll_event event;
};

static void mark_ready(struct item *item)
{
    if (!list_is_linked(&item->ready_node))
        list_append(&item->epoll->ready, &item->ready_node);
    file_notify(item->epoll->file, POLLIN);
}

static void item_notify(struct watch *watch)
{
    struct item *item = container_of(watch, struct item, watch);

    if (item->file->kind == FILE_SOCKET)
        mark_ready(item);
}

static struct item *find_item(const struct epoll *epoll, struct file *file)
{
    for (struct list *node = file->watches.next; node != &file->watches;
         node = node->next) {
        struct watch *watch = container_of(node, struct watch, node);
        struct item *item = container_of(watch, struct item, watch);

        if (watch->notify == item_notify && item->epoll == epoll)
            return item;
    }
    return NULL;
}

static int kernel_control(struct epoll *epoll, int op, struct item *item)
{
    struct epoll_event event = {.events = item->event.events,
                                .data = {.ptr = item}};

    if (epoll->kernel_fd < 0)
        epoll->kernel_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll->kernel_fd < 0 ||
        epoll_ctl(epoll->kernel_fd, op, item->file->kernel_fd, &event) < 0)
        return -errno;
    return 0;
}

static void remove_item(struct item *item)
{
    struct epoll *epoll = item->epoll;

    if (item->file->kind == FILE_KERNEL &&
        kernel_control(epoll, EPOLL_CTL_DEL, item) == 0)
        epoll->kernel_count--;
    file_unwatch(&item->watch);
    list_remove(&item->node);
    list_remove(&item->ready_node);
    free(item);
}

void epoll_forget(struct watch *watch)
{
    if (watch->notify == item_notify)
        remove_item(container_of(watch, struct item, watch));
}

void epoll_destroy(struct epoll *epoll)
{
    while (!list_is_empty(&epoll->items))
        remove_item(container_of(epoll->items.next, struct item, node));
    if (epoll->kernel_fd >= 0)
        close(epoll->kernel_fd);
    free(epoll);
}

int epoll_kernel_fd(const struct epoll *epoll)
{
    return epoll->kernel_count > 0 ? epoll->kernel_fd : -1;
}

int tapir_epoll_create1(int flags)
{
    struct epoll *epoll;
    struct file *file;
    int number = -ENOMEM;

    if ((flags & ~EPOLL_CLOEXEC) != 0)
        return (int)errno_result(-EINVAL);
    host_lock();
    epoll = calloc(1, sizeof(*epoll));
    file = epoll == NULL ? NULL : file_create(FILE_EPOLL);
    if (file == NULL) {
        free(epoll);
    } else {
        epoll->file = file;
        epoll->kernel_fd = -1;
        list_init(&epoll->items);
        list_init(&epoll->ready);
        file->epoll = epoll;
        file->is_cloexec = (flags & EPOLL_CLOEXEC) != 0;
        number = descriptors_add(&the_host.descriptors, file);
        if (number < 0)
            file_release(file);
    }
    host_unlock();
    return (int)errno_result(number);
}

static uint32_t readiness(const struct item *item)
{
    return (uint32_t)file_readiness(item->file) & (item->event.events | ALWAYS);
}

/* A new or changed item may be ready already. */
static void look_at(struct item *item)
{
    if (item->file->kind == FILE_SOCKET && readiness(item) != 0)
        mark_ready(item);
    if (item->file->kind == FILE_KERNEL)
        file_notify(item->epoll->file, POLLIN); /* the kernel's set changed */
}

static int add_item(struct epoll *epoll, struct file *file,
                    const struct epoll_event *event)
{
    struct item *item;

    if (find_item(epoll, file) != NULL)
        return -EEXIST;
    item = calloc(1, sizeof(*item));
    if (item == NULL)
        return -ENOMEM;
    *item = (struct item){.epoll = epoll, .file = file, .event = *event};
    if (file->kind == FILE_KERNEL) {
        int r = kernel_control(epoll, EPOLL_CTL_ADD, item);

        if (r < 0) {
            free(item);
            return r;
        }
        epoll->kernel_count++;
    }
    file_watch(file, &item->watch, (int)event->events, NULL);
    item->watch.notify = item_notify;
    list_append(&epoll->items, &item->node);
    list_init(&item->ready_node);
    look_at(item);
    return 0;
}

static int change_item(struct item *item, const struct epoll_event *event)
{
    struct epoll_event before = item->event;
    int r = 0;

    item->event = *event;
    if (item->file->kind == FILE_KERNEL)
        r = kernel_control(item->epoll, EPOLL_CTL_MOD, item);
    if (r < 0) {
        item->event = before;
        return r;
    }
    item->watch.events = (int)event->events;
    look_at(item);
    return 0;
}

static int control(struct epoll *epoll, int op, struct file *file,
                   const struct epoll_event *event)
{
    struct item *item = find_item(epoll, file);

    if (op != EPOLL_CTL_DEL && event == NULL)
        return -EFAULT;
    if (op != EPOLL_CTL_DEL && (event->events & not_supported) != 0)
        return -EINVAL;
    if (op == EPOLL_CTL_ADD)
        return add_item(epoll, file, event);
    if (op != EPOLL_CTL_MOD && op != EPOLL_CTL_DEL)
        return -EINVAL;
    if (item == NULL)
        return -ENOENT;
    if (op == EPOLL_CTL_MOD)
        return change_item(item, event);
    remove_item(item);
    return 0;
}

int tapir_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    struct file *set;
    struct file *file;
    int r;

    host_lock();
    set = descriptors_get(&the_host.descriptors, epfd);
    file = descriptors_get(&the_host.descriptors, fd);
    if (set == NULL || file == NULL)
        r = -EBADF;
    else if (set->kind != FILE_EPOLL || file->kind == FILE_EPOLL)
        r = -EINVAL;
    else
        r = control(set->epoll, op, file, event);
    host_unlock();
    return (int)errno_result(r);
}

/* Items that are no longer ready leave the list; the others go to its end. */
static int collect_sockets(struct epoll *epoll, struct epoll_event *events,
                           int max)
{
    struct list told;
    int count = 0;

    list_init(&told);
    while (count < max && !list_is_empty(&epoll->ready)) {
        struct item *item =
            container_of(list_pop(&epoll->ready), struct item, ready_node);
        uint32_t ready = readiness(item);

        if (ready == 0)
            continue;
        events[count++] =
            (struct epoll_event){.events = ready, .data = item->event.data};
        list_append(&told, &item->ready_node);
    }
    list_splice(&epoll->ready, &told);
    return count;
}

static int collect_kernel(struct epoll *epoll, struct epoll_event *events,
                          int max)
{
    int count;

    if (max == 0 || epoll->kernel_count == 0)
        return 0;
    count = epoll_wait(epoll->kernel_fd, events, max, 0);
    for (int i = 0; i < count; i++) {
        const struct item *item = events[i].data.ptr;

        events[i].data = item->event.data;
    }
    return count < 0 ? 0 : count;
}

static int collect(struct epoll *epoll, struct epoll_event *events, int max)
{
    int count;

    epoll->kernel_first = !epoll->kernel_first;
    if (!epoll->kernel_first) {
        count = collect_sockets(epoll, events, max);
        return count + collect_kernel(epoll, events + count, max - count);
    }
    count = collect_kernel(epoll, events, max);
    return count + collect_sockets(epoll, events + count, max - count);
}

bool epoll_is_ready(struct epoll *epoll)
{
    while (!list_is_empty(&epoll->ready)) {
        struct list *first = epoll->ready.next;

        if (readiness(container_of(first, struct item, ready_node)) != 0)
            return true;
        list_remove(first);
    }
    return false;
}

/* Whose time the time-out is in: that of the first socket in the set. */
static struct tapir_stack *clock_of(const struct epoll *epoll)
{
    for (struct list *node = epoll->items.next; node != &epoll->items;
         node = node->next) {
        struct tapir_stack *stack =
            container_of(node, struct item, node)->file->stack;

        if (stack != NULL)
            return stack->clock == TAPIR_CLOCK_MANUAL ? stack : NULL;
    }
    return NULL;
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
    while (count == 0) {
        int r;

        kernel = (struct pollfd){.fd = epoll->kernel_fd, .events = POLLIN};
        waiter->kernel = &kernel;
        waiter->kernel_count = epoll->kernel_count > 0 ? 1 : 0;
        r = waiter_wait(waiter);
        count = file->is_closed ? -EBADF : collect(epoll, events, max);
        if (count == 0 && r < 0) {
            count = r == -ETIMEDOUT ? 0 : r;
            break;
        }
    }
    file_unwatch(&watch);
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

static int wait_on_file(struct file *file, struct epoll_event *events, int max,
                        int timeout_ms)
{
    struct waiter waiter;
    int r;

    waiter_init(&waiter, clock_of(file->epoll), USEC_NEVER);
    if (timeout_ms >= 0)
        waiter_set_deadline(&waiter,
                            waiter_now(&waiter) + timeout_ms * USEC_PER_MSEC);
    file_hold(file);
    r = timeout_ms == 0 ? collect_twice(file->epoll, events, max)
                        : wait_for_events(file, &waiter, events, max);
    file_release(file);
    waiter_end(&waiter);
    host_unlock();
    waiter_let_signals(&waiter);
    return r;
}

int tapir_epoll_wait(int epfd, struct epoll_event *events, int max,
                     int timeout_ms)
{
    struct file *file;

    if (max <= 0)
        return (int)errno_result(-EINVAL);
    host_lock();
    file = descriptors_get(&the_host.descriptors, epfd);
    if (file != NULL && file->kind == FILE_EPOLL)
        return (int)errno_result(wait_on_file(file, events, max, timeout_ms));
    host_unlock();
    return (int)errno_result(file == NULL ? -EBADF : -EINVAL);
}
