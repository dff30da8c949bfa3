/*
 * What a descriptor stands for: a descriptor of the kernel, a socket of a
 * stack, or an epoll set; and who wants to be told of events on it.
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include "host/file.h"

#include "host/host.h"
#include "host/epoll.h"

#include <stdlib.h>
#include <unistd.h>

enum { ALWAYS = POLLERR | POLLHUP | POLLNVAL };

struct file *file_create(enum file_kind kind)
{
    struct file *file = calloc(1, sizeof(*file));

    if (file == NULL)
        return NULL;
    file->kind = kind;
    file->references = 1;
    list_init(&file->watches);
    return file;
}

/* Ids are counted up by the stack: nobody can choose those that collide. */
static uint32_t hash_of_id(socket_id id)
{
    return id * 2654435761u; /* 2^32 by the golden ratio */
}

struct file *file_create_socket(struct tapir_stack *stack, socket_id id,
                                int type)
{
    struct file *file = file_create(FILE_SOCKET);

    if (file == NULL)
        return NULL;
    file->stack = stack;
    file->id = id;
    file->socket_type = (uint8_t)type;
    hash_table_insert(&stack->files, &the_host.memory, &file->by_id,
                      hash_of_id(id));
    return file;
}

struct file *file_by_id(const struct tapir_stack *stack, socket_id id)
{
    struct hash_node *node = hash_table_first(&stack->files, hash_of_id(id));

    while (node != NULL) {
        struct file *file = container_of(node, struct file, by_id);

        if (file->id == id)
            return file;
        node = hash_table_next(node);
    }
    return NULL;
}

void file_hold(struct file *file)
{
    file->references++;
}

static void file_destroy(struct file *file)
{
    assert(list_is_empty(&file->watches));
    switch (file->kind) {
    case FILE_KERNEL:
        if (!file->is_borrowed)
            close(file->kernel_fd);
        break;
    case FILE_SOCKET:
        assert(file->stack == NULL);
        break;
    case FILE_EPOLL:
        epoll_destroy(file->epoll);
        break;
    case FILE_KINDS:
        break;
    }
    free(file);
}

void file_release(struct file *file)
{
    if (--file->references == 0)
        file_destroy(file);
}

static bool waiter_watch_notify(struct watch *watch)
{
    bool is_news = !watch->waiter->is_notified;

    waiter_notify(watch->waiter);
    return is_news;
}

void file_watch(struct file *file, struct watch *watch, int events,
                struct waiter *waiter)
{
    *watch = (struct watch){
        .events = events,
        .notify = waiter_watch_notify,
        .waiter = waiter,
    };
    list_append(&file->watches, &watch->node);
}

void file_unwatch(struct watch *watch)
{
    list_remove(&watch->node);
}

void file_forget_waiter(struct file *file, const struct waiter *waiter)
{
    struct list *node = file->watches.next;

    while (node != &file->watches) {
        struct watch *watch = container_of(node, struct watch, node);

        node = node->next;
        if (watch->waiter == waiter)
            file_unwatch(watch);
    }
}

static bool wants(const struct watch *watch, int events, int edges)
{
    int news = watch->is_edge ? edges : events;

    return watch->events == WATCH_ANY || (news & (watch->events | ALWAYS)) != 0;
}

static bool notify_all(struct file *file, int events, int edges)
{
    struct list *node = file->watches.next;
    bool one_woke = false; /* of the exclusive ones */
    bool woke = false;

    while (node != &file->watches) {
        struct watch *watch = container_of(node, struct watch, node);

        node = node->next;
        if (!wants(watch, events, edges) || (watch->is_exclusive && one_woke))
            continue;
        if (watch->notify(watch)) {
            woke = true;
            one_woke = one_woke || watch->is_exclusive;
        }
    }
    return woke;
}

bool file_notify(struct file *file, int events)
{
    return notify_all(file, events, events);
}

/* Of datagrams and of a listener every change is an arrival. */
static bool has_more_arrived(struct file *file)
{
    uint32_t before = file->arrived;

    return !stack_arrived(file->stack->core, file->id, &file->arrived) ||
           file->arrived != before;
}

static int edges_of(struct file *file, int ready)
{
    int rising = ready & ~(int)file->seen;
    int edges = rising | (ready & POLLERR);

    if ((rising & (POLLRDHUP | POLLHUP)) != 0)
        edges = ready;
    if (has_more_arrived(file))
        edges |= ready & (POLLIN | POLLRDNORM | POLLPRI);
    if (file->was_full)
        edges |= ready & (POLLOUT | POLLWRNORM);
    if ((ready & POLLOUT) != 0)
        file->was_full = false;
    file->seen = (uint16_t)ready;
    return edges;
}

void file_changed(struct file *file)
{
    int ready;

    if (list_is_empty(&file->watches))
        return;
    ready = stack_readiness(file->stack->core, file->id);
    (void)notify_all(file, ready, edges_of(file, ready));
}

void file_see(struct file *file)
{
    if (file->kind == FILE_SOCKET && file->stack != NULL)
        (void)edges_of(file, stack_readiness(file->stack->core, file->id));
}

int file_readiness(struct file *file)
{
    the_host.looks++;
    if (file->is_closed)
        return POLLNVAL;
    switch (file->kind) {
    case FILE_KERNEL:
        break;
    case FILE_SOCKET:
        return file->stack == NULL
                   ? POLLERR | POLLHUP
                   : stack_readiness(file->stack->core, file->id);
    case FILE_EPOLL:
        return epoll_is_ready(file->epoll) ? POLLIN | POLLRDNORM : 0;
    case FILE_KINDS:
        break;
    }
    return 0;
}

void file_lose_stack(struct file *file)
{
    hash_table_remove(&file->stack->files, &file->by_id);
    file->stack = NULL;
    (void)file_notify(file, POLLHUP);
}

void file_close(struct file *file)
{
    struct list *node = file->watches.next;

    file->is_closed = true;
    while (node != &file->watches) {
        struct watch *watch = container_of(node, struct watch, node);

        node = node->next;
        (void)watch->notify(watch);
        epoll_forget(watch);
    }
}
