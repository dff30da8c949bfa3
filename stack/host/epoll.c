/*
 * Epoll sets, as epoll(7) has them. An item is a watch on its file; a socket's
 * events put the item on the set's ready list, and epoll_wait asks only the
 * items of that list: the cost is that of the ready ones, however many there
 * are. Descriptors of the kernel lie in a kernel epoll instance inside, made
 * when the first one comes. A set in a set is both: an item that the inner
 * one's sockets make ready, and the inner one's instance in the outer one's.
 *
 * An edge (EPOLLET) is what the file says has happened since it was last asked
 * (file_changed). EPOLLWAKEUP is ignored: nothing here keeps a machine awake.
 */
#include "host/epoll.h"

#include "host/epoll_set.h"
#include "host/host.h"
#include "host/numbers.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { ALWAYS = EPOLLERR | EPOLLHUP, NESTS_MAX = 4 /* as Linux */ };

/* What may go with EPOLLEXCLUSIVE, as in Linux. */
static const uint32_t exclusive_allowed = EPOLLIN | EPOLLOUT | EPOLLERR |
                                          EPOLLHUP | EPOLLWAKEUP | EPOLLET |
                                          EPOLLEXCLUSIVE;

bool epoll_mark_ready(struct item *item)
{
    if (item->is_disarmed)
        return false;
    if (!list_is_linked(&item->ready_node))
        list_append(&item->epoll->ready, &item->ready_node);
    return file_notify(item->epoll->file, POLLIN | POLLRDNORM);
}

static bool item_notify(struct watch *watch)
{
    struct item *item = container_of(watch, struct item, watch);

    return item->file->kind != FILE_KERNEL && epoll_mark_ready(item);
}

static struct item *item_of_watch(struct watch *watch)
{
    return watch->notify == item_notify
               ? container_of(watch, struct item, watch)
               : NULL;
}

static struct item *item_of_node(struct list *node)
{
    return container_of(node, struct item, node);
}

/* Linux: one file may be in a set by several numbers. */
static struct item *find_item(const struct epoll *epoll, struct file *file,
                              int number)
{
    for (struct list *node = file->watches.next; node != &file->watches;
         node = node->next) {
        struct item *item =
            item_of_watch(container_of(node, struct watch, node));

        if (item != NULL && item->epoll == epoll && item->number == number)
            return item;
    }
    return NULL;
}

static int make_kernel_set(struct epoll *epoll)
{
    if (epoll->kernel_fd >= 0)
        return 0;
    epoll->kernel_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll->kernel_fd < 0)
        return -errno;
    host_own_fd(epoll->kernel_fd);
    return 0;
}

/* Of a set inside only the kernel's part, whose one event is EPOLLIN. */
static int kernel_control_of(struct epoll *epoll, int op, struct item *item)
{
    struct epoll_event event = {.events = item->event.events,
                                .data = {.ptr = item}};
    int fd = item->file->kernel_fd;

    if (item->file->kind == FILE_EPOLL) {
        int r = make_kernel_set(item->file->epoll);

        if (r < 0)
            return r;
        fd = item->file->epoll->kernel_fd;
        event.events &= EPOLLIN | EPOLLET;
    }
    if (item->is_disarmed)
        event.events = 0;
    return epoll_ctl(epoll->kernel_fd, op, fd, &event) < 0 ? -errno : 0;
}

int epoll_kernel_control(struct epoll *epoll, int op, struct item *item)
{
    int r = make_kernel_set(epoll);

    if (r == 0)
        r = kernel_control_of(epoll, op, item);
    if (r < 0)
        return r;
    if (op == EPOLL_CTL_ADD)
        epoll->kernel_count++;
    if (op == EPOLL_CTL_DEL)
        epoll->kernel_count--;
    return 0;
}

static bool lies_in_kernel(const struct item *item)
{
    return item->file->kind != FILE_SOCKET;
}

static void remove_item(struct item *item)
{
    struct epoll *epoll = item->epoll;

    /* a descriptor that the program has closed is out of it already */
    if (lies_in_kernel(item) &&
        epoll_kernel_control(epoll, EPOLL_CTL_DEL, item) < 0)
        epoll->kernel_count--;
    file_unwatch(&item->watch);
    list_remove(&item->node);
    list_remove(&item->ready_node);
    free(item);
}

void epoll_forget(struct watch *watch)
{
    struct item *item = item_of_watch(watch);

    if (item != NULL)
        remove_item(item);
}

void epoll_destroy(struct epoll *epoll)
{
    for (int kind = 0; kind < FILE_KINDS; kind++) {
        while (!list_is_empty(&epoll->items[kind]))
            remove_item(item_of_node(epoll->items[kind].next));
    }
    if (epoll->kernel_fd >= 0) {
        host_disown_fd(epoll->kernel_fd);
        close(epoll->kernel_fd);
    }
    free(epoll);
}

int epoll_kernel_fd(const struct epoll *epoll)
{
    return epoll->kernel_count > 0 ? epoll->kernel_fd : -1;
}

static struct file *create_set(void)
{
    struct epoll *epoll = calloc(1, sizeof(*epoll));
    struct file *file = epoll == NULL ? NULL : file_create(FILE_EPOLL);

    if (file == NULL) {
        free(epoll);
        return NULL;
    }
    epoll->file = file;
    epoll->kernel_fd = -1;
    for (int kind = 0; kind < FILE_KINDS; kind++)
        list_init(&epoll->items[kind]);
    list_init(&epoll->ready);
    file->epoll = epoll;
    return file;
}

int tapir_epoll_create1(int flags)
{
    struct file *file;
    int number = -ENOMEM;

    if ((flags & ~EPOLL_CLOEXEC) != 0)
        return (int)errno_result(-EINVAL);
    if (!shim_is_here())
        return (int)errno_result(-ENETDOWN);
    host_lock();
    file = create_set();
    if (file != NULL) {
        number = number_add_first(file, (flags & EPOLL_CLOEXEC) != 0);
        if (number < 0)
            file_release(file);
    }
    host_unlock();
    return (int)errno_result(number);
}

int tapir_epoll_create(int size)
{
    return size <= 0 ? (int)errno_result(-EINVAL) : tapir_epoll_create1(0);
}

uint32_t epoll_item_readiness(const struct item *item)
{
    uint32_t ready = (uint32_t)file_readiness(item->file);

    if ((ready & EPOLLOUT) == 0 && (item->event.events & EPOLLOUT) != 0)
        item->file->was_full = true; /* an edge when it is no longer */
    return item->is_disarmed ? 0 : ready & (item->event.events | ALWAYS);
}

/* A new or changed item may be ready already. */
static void look_at(struct item *item)
{
    if (item->file->kind != FILE_KERNEL && epoll_item_readiness(item) != 0)
        (void)epoll_mark_ready(item);
    if (lies_in_kernel(item)) /* the kernel's set has changed */
        (void)file_notify(item->epoll->file, POLLIN | POLLRDNORM);
}

/* How many sets lie in one another below; one more than NESTS_MAX is said of
 * all that are deeper, and of a loop that comes to `end`. */
static int depth_below(const struct epoll *epoll, const struct epoll *end,
                       int levels)
{
    const struct list *sets = &epoll->items[FILE_EPOLL];
    int depth = 0;

    if (epoll == end || levels == 0)
        return NESTS_MAX + 1;
    for (struct list *node = sets->next; node != sets; node = node->next) {
        const struct epoll *inner = item_of_node(node)->file->epoll;
        int below = 1 + depth_below(inner, end, levels - 1);

        depth = below > depth ? below : depth;
        if (depth > NESTS_MAX)
            break;
    }
    return depth;
}

static int height_above(const struct epoll *epoll, int levels)
{
    const struct list *watches = &epoll->file->watches;
    int height = 0;

    if (levels == 0)
        return NESTS_MAX + 1;
    for (struct list *node = watches->next; node != watches;
         node = node->next) {
        struct item *item =
            item_of_watch(container_of(node, struct watch, node));
        int above =
            item == NULL ? 0 : 1 + height_above(item->epoll, levels - 1);

        height = above > height ? above : height;
    }
    return height;
}

static int check_nesting(const struct epoll *epoll, const struct file *file)
{
    if (file->kind != FILE_EPOLL)
        return 0;
    return depth_below(file->epoll, epoll, NESTS_MAX) + 1 +
                       height_above(epoll, NESTS_MAX) >
                   NESTS_MAX
               ? -ELOOP
               : 0;
}

static void watch_file(struct item *item)
{
    struct file *file = item->file;
    const struct epoll_event *event = &item->event;

    if (list_is_empty(&file->watches))
        file_see(file); /* edges count from now on */
    file_watch(file, &item->watch, (int)event->events, NULL);
    item->watch.notify = item_notify;
    item->watch.is_edge = (event->events & EPOLLET) != 0;
    item->watch.is_exclusive = (event->events & EPOLLEXCLUSIVE) != 0;
}

static int add_item(struct epoll *epoll, struct file *file, int number,
                    const struct epoll_event *event)
{
    struct item *item;
    int r = check_nesting(epoll, file);

    if (r < 0)
        return r;
    item = calloc(1, sizeof(*item));
    if (item == NULL)
        return -ENOMEM;
    *item = (struct item){
        .epoll = epoll, .file = file, .number = number, .event = *event};
    if (lies_in_kernel(item))
        r = epoll_kernel_control(epoll, EPOLL_CTL_ADD, item);
    if (r < 0) {
        free(item);
        return r;
    }
    watch_file(item);
    list_append(&epoll->items[file->kind], &item->node);
    list_init(&item->ready_node);
    look_at(item);
    return 0;
}

static int change_item(struct item *item, const struct epoll_event *event)
{
    struct epoll_event before = item->event;
    bool was_disarmed = item->is_disarmed;
    int r = 0;

    if (((before.events | event->events) & EPOLLEXCLUSIVE) != 0)
        return -EINVAL;
    item->event = *event;
    item->is_disarmed = false;
    if (lies_in_kernel(item))
        r = epoll_kernel_control(item->epoll, EPOLL_CTL_MOD, item);
    if (r < 0) {
        item->event = before;
        item->is_disarmed = was_disarmed;
        return r;
    }
    item->watch.events = (int)event->events;
    item->watch.is_edge = (event->events & EPOLLET) != 0;
    look_at(item);
    return 0;
}

static struct item *first_item(const struct file *file, int number)
{
    for (struct list *node = file->watches.next; node != &file->watches;
         node = node->next) {
        struct item *item =
            item_of_watch(container_of(node, struct watch, node));

        if (item != NULL && item->number == number)
            return item;
    }
    return NULL;
}

void epoll_replace_file(struct file *file, int number)
{
    struct item *item;

    while ((item = first_item(file, number)) != NULL) {
        struct item before = *item;
        struct file *kernel = number_file_or_kernel(number);
        int r;

        remove_item(item);
        if (kernel == NULL)
            continue;
        r = add_item(before.epoll, kernel, number, &before.event);
        (void)r; /* without memory it is in no set, as after its close */
    }
}

static bool may_be_exclusive(const struct file *file, uint32_t events)
{
    return (events & EPOLLEXCLUSIVE) == 0 ||
           (file->kind != FILE_EPOLL && (events & ~exclusive_allowed) == 0);
}

static int control(struct epoll *epoll, int op, struct file *file, int number,
                   const struct epoll_event *asked)
{
    struct item *item = find_item(epoll, file, number);
    struct epoll_event event = {0};

    if (op == EPOLL_CTL_DEL) {
        if (item == NULL)
            return -ENOENT;
        remove_item(item);
        return 0;
    }
    event = *asked;
    event.events &= ~(uint32_t)EPOLLWAKEUP;
    if (op == EPOLL_CTL_ADD && may_be_exclusive(file, event.events))
        return item != NULL ? -EEXIST : add_item(epoll, file, number, &event);
    if (op == EPOLL_CTL_MOD)
        return item == NULL ? -ENOENT : change_item(item, &event);
    return -EINVAL;
}

int tapir_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    struct file *set;
    struct file *file;
    int r;

    if (op != EPOLL_CTL_DEL && event == NULL)
        return (int)errno_result(-EFAULT);
    host_lock();
    set = number_file(epfd);
    file = number_file_or_kernel(fd);
    if (set == NULL || file == NULL)
        r = -EBADF;
    else if (set->kind != FILE_EPOLL || set == file)
        r = -EINVAL;
    else
        r = control(set->epoll, op, file, fd, event);
    host_unlock();
    return (int)errno_result(r);
}
