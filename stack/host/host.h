/*
 * What the files of stack/host/ share: the process's one lock and what it
 * guards, how a thread waits, and who drives. The rules are in README.md
 * beside this file.
 *
 * Unless a comment says otherwise, every function here is called with the lock
 * held.
 */
#ifndef TAPIR_HOST_HOST_H
#define TAPIR_HOST_HOST_H

#include "host/clock.h"
#include "host/descriptors.h"
#include "host/trace_text.h"
#include "stack.h"
#include "tapir.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- Stacks and their devices ------------------------------------------ */

/* What a device of callbacks calls. */
struct port_callback {
    tapir_transmit_fn *transmit;
    void *context;
};

/* A device of a stack. */
struct port {
    struct list node; /* in its stack's ports */
    struct tapir_stack *stack;
    struct port *peer; /* the other end of a wire; NULL: none */
    struct netdev *dev;
    unsigned iface;
    bool is_readable; /* ppoll said so, or a full batch was read */
    bool is_down;     /* the device is gone */
    struct port_callback *callback; /* frames come by tapir_input */
};

struct tapir_stack {
    struct list node;      /* in the_host.stacks */
    struct list work_node; /* in the_host.work, while a wire has something */
    struct stack *core;
    struct memory memory;
    struct hash_table files; /* by socket_id */
    struct list ports;
    struct list timeouts; /* waiters whose deadline is in this stack's time */
    struct list enders;   /* watches for the end of all connections */
    enum tapir_clock clock;
    usec now; /* TAPIR_CLOCK_MANUAL: as told last */
    unsigned exit_wait;
    bool is_ending;
    struct trace_text trace_text;
};

/* ---- Waiting (wait.c) -------------------------------------------------- */

enum { WAITER_FDS = 8, SPARE_EVENT_FDS = 64 };

enum waiter_sleep { WAITER_AWAKE, WAITER_IN_FUTEX, WAITER_IN_PPOLL };

/* A thread that waits. It lives on that thread's stack, for one call. */
struct waiter {
    struct list node;          /* in the_host.driver.sleepers while asleep */
    struct list timeout_node;  /* in clock->timeouts */
    struct tapir_stack *clock; /* whose own time the deadline is in; NULL: the
                                  process's */
    usec deadline;
    bool is_notified;     /* what it waits for may have come */
    bool is_interrupted;  /* a signal came with the notification */
    bool holds_signals;   /* they are let through in ppoll only */
    sigset_t old_mask;    /* the thread's, while holds_signals */
    const sigset_t *mask; /* ppoll's argument, or NULL */
    enum waiter_sleep sleep;
    _Atomic uint32_t word; /* futex: 0 asleep, 1 called */
    int event_fd;          /* borrowed while in ppoll */
    struct pollfd *kernel; /* the kernel's descriptors that it waits for */
    nfds_t kernel_count;
    struct pollfd *fds; /* for ppoll: event_fd, kernel, devices */
    nfds_t fds_room;
    struct pollfd few[WAITER_FDS];
};

void waiter_init(struct waiter *waiter, struct tapir_stack *clock,
                 usec deadline);
/* In the time of its clock. */
void waiter_set_deadline(struct waiter *waiter, usec deadline);
/* Before the lock is released for good: lets another thread drive. */
void waiter_end(struct waiter *waiter);
/* After it has been released: signals come through again. No lock held. */
void waiter_let_signals(struct waiter *waiter);

/*
 * Waits, the lock released meanwhile, until the waiter is notified, driving
 * the stacks if nobody else does. 0 (the notification is used up), -EINTR,
 * -ETIMEDOUT; -ENOMEM, -EMFILE when there is no way to sleep.
 */
MUST_CHECK int waiter_wait(struct waiter *waiter);

/* What it waits for may have come. */
void waiter_notify(struct waiter *waiter);
/* Wakes the thread, if it sleeps, so that it looks around. */
void waiter_call(struct waiter *waiter);

/* In the time of the waiter's clock. */
usec waiter_now(const struct waiter *waiter);
/* Sleeps in futex(2) until called, at most `wait`. 0, -EINTR. */
int waiter_sleep_in_futex(struct waiter *waiter, usec wait);
/* Fills fds but for `devices` more entries, for which there is room. */
MUST_CHECK int waiter_fill_fds(struct waiter *waiter, nfds_t devices,
                               nfds_t *count);
/* Sleeps in ppoll(2) on fds until one is ready or called. 0, -EINTR. */
int waiter_sleep_in_ppoll(struct waiter *waiter, nfds_t count, usec wait);

/* ---- Driving (drive.c, helper.c, pass.c) ------------------------------- */

struct driver {
    struct waiter *who;       /* drives now; NULL: nobody */
    usec until;               /* it sleeps at most until then */
    struct waiter *successor; /* has been called to drive, not yet awake */
    struct list sleepers;     /* threads that wait and do not drive */
    uint64_t passes;          /* how often somebody has driven */
    bool has_helper;
    bool helper_sleeps_deep; /* until it is called */
    struct waiter helper;
};

/* Whether there is a stack on the real clock. */
bool drive_is_needed(void);
/* The same, and the caller may drive it. */
bool drive_is_open(void);
/* Drives until the waiter is notified, or somebody else drives. As wait. */
MUST_CHECK int drive(struct waiter *waiter);
/* If nobody drives: takes in what has arrived. For calls that do not wait. */
void drive_look(void);
/* After a pass of `stack`: the driver may have planned to sleep too long. */
void drive_reconsider(const struct tapir_stack *stack);
/* The devices have changed: the driver is to look at the new set. */
void drive_devices_changed(void);
/* Somebody who waited or drove goes: another one may have to drive. */
void drive_leave(struct waiter *waiter);

/* Starts the helper thread unless it runs or the clock stops with debug. */
void helper_start(void);
/* Wakes it out of its deep sleep. */
void helper_call(void);

/*
 * Whatever entered the core is followed by its pass: timers that are due,
 * the flush, the stacks at the other ends of its wires, and wake-ups.
 */
void pass_run(struct tapir_stack *stack);
/* The time of a stack with its own clock is now `now`. */
void pass_advance(struct tapir_stack *stack, usec now);
/* When the stack wants its next pass, in its time. */
usec stack_deadline(const struct tapir_stack *stack);
/* The stack's time. */
usec stack_now(const struct tapir_stack *stack);

/* ---- What descriptors stand for (file.c) ------------------------------- */

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

/* ---- epoll.c ----------------------------------------------------------- */

/* Whether epoll_wait would give an event of a socket. */
bool epoll_is_ready(struct epoll *epoll);
/* To be polled for the kernel's descriptors in the set; -1: none. */
int epoll_kernel_fd(const struct epoll *epoll);
void epoll_destroy(struct epoll *epoll);
/* Ends the watch if it is an item of an epoll set. */
void epoll_forget(struct watch *watch);

/* ---- A call on a socket (call.c) --------------------------------------- */

struct call {
    struct file *file;
    bool is_nonblocking;
    bool has_looked;
    bool is_waiting; /* watch and waiter are in use */
    struct watch watch;
    struct waiter waiter;
};

/*
 * Takes the lock and finds the socket. 0; a negative errno, and then the call
 * is over but for call_leave: -EBADF, -ENOTSOCK, -ENETDOWN. Lock not held.
 */
MUST_CHECK int call_enter(struct call *call, int fd);
/*
 * After -EAGAIN: waits for `events`, at most the time that SO_SNDTIMEO (for
 * POLLOUT) or SO_RCVTIMEO allows in all. 0: try again. -EAGAIN when the socket
 * does not block or the time is over, -EINTR, -EBADF when it was closed
 * meanwhile, -ENETDOWN.
 */
MUST_CHECK int call_wait(struct call *call, int events);
/* Waits, blocking or not, at most `timeout`. As waiter_wait. */
MUST_CHECK int call_sleep(struct call *call, int events, usec timeout);
/* Runs the pass, releases the lock, makes errno of a negative result. */
ssize_t call_leave(struct call *call, ssize_t result);

/* -1 and errno of a negative result, otherwise the result. Any time. */
ssize_t errno_result(ssize_t result);

/* ---- Other parts ------------------------------------------------------- */

/* address.c: -EINVAL, -EAFNOSUPPORT. */
MUST_CHECK int endpoint_from_sockaddr(const struct sockaddr *addr,
                                      socklen_t len, struct endpoint *out);
/* As getsockname(2): *len is the room given and the length there is. */
void endpoint_to_sockaddr(const struct endpoint *endpoint,
                          struct sockaddr *addr, socklen_t *len);

/*
 * kernel.c: the kernel's descriptors. The lock is not held; the file is, and
 * is released.
 */
ssize_t kernel_readv(struct file *file, const struct iovec *iov, int count);
ssize_t kernel_writev(struct file *file, const struct iovec *iov, int count);

/* stacks.c: what a seed is for; each gets numbers of its own from it. */
enum seed_purpose { SEED_STACK = 1, SEED_FAULTS = 2 };
/* Random if the seed is 0. */
struct hash_key seed_key(uint64_t seed, uint64_t purpose);
/*
 * The core of a stack whose clock, now, exit_wait and trace_text are set. It
 * runs from now on. -ENOBUFS; the stack is then the caller's to free.
 */
MUST_CHECK int stack_begin(uint64_t seed, struct tapir_stack *stack);
/* Its number; -EINVAL, -ENOBUFS, -ENOMEM: the device is the caller's. */
MUST_CHECK int stack_port_add(struct tapir_stack *stack,
                              const struct iface_config *config,
                              struct port **out);
/* Closes its sockets, waits for the end of its connections, frees it. */
void stack_end(struct tapir_stack *stack);
/* calls.c: -EBADF is no harm, the stack's end has closed it already. */
void core_close(struct tapir_stack *stack, socket_id id);

/* exit.c: registers the handlers for exit and fork, once. */
void exit_prepare(void);

/* ---- The process ------------------------------------------------------- */

/*
 * The one global variable: descriptors belong to the process, and so do the
 * default stack, who drives, and the lock.
 *
 * One lock for the whole process: a wire between two stacks, or a poll over
 * sockets of several, needs no order of locks. The price is that two stacks of
 * one process never run on two processors at once.
 */
struct host {
    pthread_mutex_t lock;
    bool is_ready; /* the rest has been initialised */
    bool is_child; /* forked off: the stacks are the parent's */
    bool has_exit_handler;
    struct memory memory; /* of devices */
    struct descriptors descriptors;
    struct list stacks;
    struct list work; /* stacks that a wire has something for */
    struct tapir_stack *default_stack;
    struct stack_clock clock;
    struct driver driver;
    int spare_event_fds[SPARE_EVENT_FDS];
    unsigned spare_event_count;
};

extern struct host the_host;

void host_lock(void);
void host_unlock(void);
/* The process's stack time. */
usec host_now(void);

#endif
