/*
 * What a descriptor stands for, and who is told of events on it.
 *
 * All functions here are called with the lock held.
 */
#ifndef TAPIR_HOST_FILE_H
#define TAPIR_HOST_FILE_H

#include "host/wait.h"
#include "socket/socket.h"

enum file_kind { FILE_KERNEL, FILE_SOCKET, FILE_EPOLL, FILE_KINDS };

struct epoll;

/* There may be a million of them: every field counts. */
struct file {
    enum file_kind kind;
    bool is_closed;      /* its numbers are gone; somebody still waits on it */
    bool is_nonblocking; /* a kernel descriptor's is the kernel's to know */
    bool is_borrowed;    /* the kernel's, and not ours to close */
    bool was_full;       /* found not writable: to be writable is an edge */
    uint8_t socket_type; /* SOCK_STREAM, SOCK_DGRAM */
    uint8_t signal;      /* F_SETSIG and F_SETOWN: told, and nobody raises it */
    int owner;
    int status;          /* O_APPEND, ...: told, and without meaning */
    uint16_t seen;       /* readiness when edges were last looked for */
    uint32_t arrived;    /* stack_arrived then */
    uint32_t references; /* threads that wait on it, and its numbers */
    uint32_t numbers;    /* that stand for it (dup) */
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
    int events;   /* POLLIN, ...; POLLERR, POLLHUP, POLLNVAL always count */
    bool is_edge; /* told of what has happened, not of what is */
    bool is_exclusive; /* of these one that wakes is enough */
    /* Whether somebody wakes by it who slept. */
    bool (*notify)(struct watch *watch);
    struct waiter *waiter; /* of those that file_watch made */
};

/* With one reference, the caller's, and no number; NULL without memory. */
MUST_CHECK struct file *file_create(enum file_kind kind);
MUST_CHECK struct file *file_create_socket(struct tapir_stack *stack,
                                           socket_id id, int type);
void file_hold(struct file *file);
void file_release(struct file *file);
/* Its last number is gone: whoever waits on it is told, its epoll items end. */
void file_close(struct file *file);
/* The stack ends: the socket answers ENETDOWN from now on. */
void file_lose_stack(struct file *file);
struct file *file_by_id(const struct tapir_stack *stack, socket_id id);

/* `waiter` is notified of `events` until file_unwatch. */
void file_watch(struct file *file, struct watch *watch, int events,
                struct waiter *waiter);
void file_unwatch(struct watch *watch);
/* The same for all watches of a waiter. */
void file_forget_waiter(struct file *file, const struct waiter *waiter);
/* Tells the watches that want one of these events; whether somebody wakes. */
bool file_notify(struct file *file, int events);
/*
 * A socket's state may have changed: the watches are told of what is, and
 * those that want edges of what has happened since the last time: more has
 * arrived, it is writable and was not, an end or an error has come. As in
 * Linux an end counts for every event.
 */
void file_changed(struct file *file);
/* Edges count from now on. */
void file_see(struct file *file);
/* What poll(2) would say; of the kernel's descriptors nothing. */
int file_readiness(struct file *file);

#endif
