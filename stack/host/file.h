/*
 * What a descriptor stands for, and who is told of events on it.
 *
 * All functions here are called with the lock held.
 */
#ifndef TAPIR_HOST_FILE_H
#define TAPIR_HOST_FILE_H

#include "host/wait.h"
#include "socket/socket.h"

enum file_kind { FILE_KERNEL, FILE_SOCKET, FILE_EPOLL };

struct epoll;

/* There may be a million of them: every field counts. */
struct file {
    enum file_kind kind;
    bool is_closed;      /* its number is gone; somebody still waits on it */
    bool is_nonblocking; /* a kernel descriptor's is the kernel's to know */
    bool is_cloexec;     /* told by F_GETFD and of no effect */
    uint8_t socket_type; /* SOCK_STREAM, SOCK_DGRAM */
    uint32_t references; /* threads that wait on it, and its number */
    struct list watches;
    union {
        int kernel_fd;
        struct epoll *epoll;
        socket_id id;
    };
    struct tapir_stack *stack; /* of a socket; NULL: the stack has ended */
    struct hash_node by_id;    /* in stack->files */
};

enum { WATCH_ANY = -1 }; /* events: every change, whatever is ready */

/* Somebody who wants to be told of events on a file. */
struct watch {
    struct list node;
    int events; /* POLLIN, ...; POLLERR, POLLHUP, POLLNVAL always count */
    void (*notify)(struct watch *watch);
    struct waiter *waiter; /* of those that file_watch made */
};

/* With one reference and no number; NULL without memory. */
MUST_CHECK struct file *file_create(enum file_kind kind);
MUST_CHECK struct file *file_create_socket(struct tapir_stack *stack,
                                           socket_id id, int type);
void file_hold(struct file *file);
void file_release(struct file *file);
/* Its number is gone: whoever waits on it is told, its epoll items end. */
void file_close(struct file *file);
/* The stack ends: the socket answers ENETDOWN from now on. */
void file_lose_stack(struct file *file);
struct file *file_by_id(const struct tapir_stack *stack, socket_id id);

/* `waiter` is notified of `events` until file_unwatch. */
void file_watch(struct file *file, struct watch *watch, int events,
                struct waiter *waiter);
void file_unwatch(struct watch *watch);
/* Tells the watches that want one of these events. */
void file_notify(struct file *file, int events);
/* What poll(2) would say; of the kernel's descriptors nothing. */
int file_readiness(struct file *file);

#endif
