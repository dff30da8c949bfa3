/*
 * Inside epoll: a set and its items. epoll.c makes and changes them,
 * epoll_wait.c tells their events.
 *
 * All functions here are called with the lock held.
 */
#ifndef TAPIR_HOST_EPOLL_SET_H
#define TAPIR_HOST_EPOLL_SET_H

#include "host/file.h"

#include <sys/epoll.h>

struct epoll {
    struct file *file;             /* of the set itself; it owns us */
    struct list items[FILE_KINDS]; /* by the kind of their files */
    struct list ready;
    int kernel_fd; /* -1: nothing of it has been in the kernel yet */
    unsigned kernel_count;
    bool kernel_first; /* at the next wait: neither kind starves the other */
};

struct item {
    struct watch watch; /* on file */
    struct epoll *epoll;
    struct file *file;
    int number;             /* by which the file was added */
    bool is_disarmed;       /* EPOLLONESHOT: it has told its event */
    struct list node;       /* in epoll->items */
    struct list ready_node; /* in epoll->ready */
    struct epoll_event event;
};

/* EPOLL_CTL_MOD and so on in the kernel's set inside; makes it if need be. */
MUST_CHECK int epoll_kernel_control(struct epoll *epoll, int op,
                                    struct item *item);
/* The item may have an event: whoever waits on the set is told. Whether
 * somebody wakes by it who slept. */
bool epoll_mark_ready(struct item *item);
/* The events that it would tell now. */
uint32_t epoll_item_readiness(const struct item *item);

#endif
