/*
 * The process and its stacks: what the one lock guards. The rules are in
 * README.md beside this file.
 *
 * Unless a comment says otherwise, every function here is called with the lock
 * held.
 */
#ifndef TAPIR_HOST_HOST_H
#define TAPIR_HOST_HOST_H

#include "host/capture.h"
#include "host/clock.h"
#include "host/control_socket.h"
#include "host/descriptors.h"
#include "host/drive.h"
#include "host/explain.h"
#include "host/file.h"
#include "host/fork_mark.h"
#include "host/guess.h"
#include "host/inherit.h"
#include "host/record.h"
#include "host/settings.h"
#include "host/shim.h"
#include "host/trace_hub.h"
#include "host/trace_text.h"
#include "stack.h"
#include "tapir.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

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
    bool is_readable;  /* ppoll said so, or a full batch was read */
    bool is_looked_at; /* without being asked: what comes of it is learned */
    bool is_emptied;   /* this time all that it has is read, no guess made */
    bool is_down;      /* the device is gone */
    struct guess look; /* it has a frame, though nobody has waited for one */
    struct guess more; /* it has more than one */
    struct port_callback *callback; /* frames come by tapir_input */
    struct pcapng_story *story; /* of its recorder; NULL: it is told nothing */
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
    bool leaves_devices;  /* this pass takes nothing in that has to be read */
    enum tapir_clock clock;
    usec now; /* TAPIR_CLOCK_MANUAL: as told last */
    unsigned exit_wait;
    usec spin; /* how long a driver asks again before it sleeps */
    char congestion[TCP_CONGESTION_MAX]; /* empty: the core's default */
    enum tcp_ecn ecn;
    unsigned fast_open; /* enum tcp_fast_open_bit */
    uint32_t buffer_max;
    char set[TAPIR_SET_MAX]; /* what else the core begins with */
    struct dns_setting dns;
    unsigned dns_turn;          /* of `options rotate` */
    struct random names_random; /* ids of questions */
    bool is_ending;
    struct trace_hub trace; /* who listens */
    struct trace_text trace_text;
    struct record_file *record; /* NULL: it is not recorded */
    unsigned number; /* in the process, from 0: in the control socket's name */
    struct control_setting control_setting;
    struct control_server *control; /* NULL: none */
    struct explain explain;
    int trace_fd;                    /* where lines go; -1: nowhere */
    bool is_traced;                  /* by lines */
    char trace_what[TAPIR_TEXT_MAX]; /* as it was last told; empty: all */
    struct netdev *faulty; /* by --faults, of its device; NULL: none is */
    char faults[TAPIR_TEXT_MAX];
};

/* A read in vain costs little, so it is tried again soon. */
enum { LOOK_TRUST = 3, LOOK_REST = 16 };

/* ---- A pass (pass.c) --------------------------------------------------- */

/*
 * Whatever entered the core is followed by its pass: timers that are due,
 * the flush, the stacks at the other ends of its wires, and wake-ups.
 */
void pass_run(struct tapir_stack *stack);
/* The same for who has just asked for its time. */
void pass_run_at(struct tapir_stack *stack, usec now);
/* The time of a stack with its own clock is now `now`. */
void pass_advance(struct tapir_stack *stack, usec now);
/* When the stack wants its next pass, in its time. */
usec stack_deadline(const struct tapir_stack *stack);
/* The stack's time. */
usec stack_now(const struct tapir_stack *stack);

/* ---- Beginning and ending ---------------------------------------------- */

/* stacks.c: what a seed is for; each gets numbers of its own from it. */
enum seed_purpose { SEED_STACK = 1, SEED_FAULTS = 2, SEED_NAMES = 3 };
/* Random if the seed is 0. */
struct hash_key seed_key(uint64_t seed, uint64_t purpose);
/*
 * The core of a stack whose clock, now, exit_wait, congestion, ecn, fast_open,
 * buffer_max, set, dns, trace and control_setting are set. It runs from now on.
 * -ENOBUFS; the stack is then the caller's to free.
 */
MUST_CHECK int stack_begin(uint64_t seed, struct tapir_stack *stack);
/* Nobody listens, but for the lines of --trace and --explain, where they are
   not NULL. To be called before stack_begin; the other one by stack_end. */
void stack_trace_begin(struct tapir_stack *stack,
                       const struct trace_filter *trace,
                       const struct explain_list *explain);
void stack_trace_end(struct tapir_stack *stack);
/* The lines are of other events from now on; NULL: there are none. */
void stack_trace_change(struct tapir_stack *stack,
                        const struct trace_filter *trace);
/* A listener to its events, until it is taken away or the stack ends. */
void stack_attach_listener(struct tapir_stack *stack,
                           struct trace_listener *listener);
void stack_detach_listener(struct tapir_stack *stack,
                           struct trace_listener *listener);
/* network.c: its number; -EINVAL, -ENOBUFS, -ENOMEM: the device is the
   caller's. */
MUST_CHECK int stack_port_add(struct tapir_stack *stack,
                              const struct iface_config *config,
                              struct port **out);
/* Its recorder's story (NULL: none) hears the stack's events from now on. */
void port_take_story(struct port *port, struct pcapng_story *story);
/* Whether it has not ended yet: for whoever may have slept meanwhile. */
bool stack_is_there(const struct tapir_stack *stack);
/* sockets.c: an AF_INET socket's number; -ENETDOWN: the stack has ended.
   Lock not held. */
MUST_CHECK int socket_on_living(struct tapir_stack *stack, int type);
/* Until what was written is acknowledged, and nothing waits for ARP, at most
   exit_wait. */
void stack_wait_for_end(struct tapir_stack *stack);
/* Closes its sockets, waits for the end of its connections, frees it. */
void stack_end(struct tapir_stack *stack);
/* dup.c: -EBADF is no harm, the stack's end has closed it already. */
void core_close(struct tapir_stack *stack, socket_id id);

/* exit.c: registers the handler for exit, once. */
void exit_prepare(void);
/* Ends the stacks of the real clock, as at exit. Lock not held. */
void exit_end_all(void);
/* exit.c: registers those for fork; to be called once. */
void fork_prepare(void);
/* These they are: the first takes the lock, the others release it. */
void fork_begin(void);
void fork_in_parent(void);
void fork_in_child(void);
/* The mark is wiped: a child that they have not heard of. Lock not held. */
void fork_notice(void);
/* Whether this thread is between the first of them and another one: it has the
 * lock, and the program's handlers that run then may call the library. */
bool fork_is_here(void);

/* ---- The process ------------------------------------------------------- */

enum { SPARE_EVENT_FDS = 64 };

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
    int cancel_state;       /* what the thread that has the lock goes back to */
    atomic_bool is_forking; /* a thread forks, and has the lock for it */
    unsigned nested;        /* how often it has taken it since: exit.c */
    bool is_ready;          /* the rest has been initialised */
    bool is_child;          /* forked off: the stacks are the parent's */
    bool has_exit_handler;
    bool has_said_unreached; /* resolver.c: a name server is the kernel's */
    pid_t process;           /* whose memory this is: not a vfork child's */
    struct fork_mark mark;   /* wiped in a child until it has become one */
    struct memory memory;    /* of devices */
    struct descriptors descriptors;
    struct list stacks;
    struct list work;       /* stacks that a wire has something for */
    struct list loans_over; /* lend.c: whom host_unlock has to tell */
    struct tapir_stack *default_stack;
    struct stack_clock clock;
    pthread_key_t hostent_key; /* hostent.c: the answer of each thread, */
    bool has_hostent_key;      /* once somebody has asked */
    struct driver driver;
    uint64_t looks; /* how often a file was asked what it is ready for */
    int spare_event_fds[SPARE_EVENT_FDS];
    unsigned spare_event_count;
    int signal_fd; /* readable when one of signal_set is pending; 0: none yet */
    sigset_t signal_set;
    struct inheritance inheritance;
    struct control_hub control;
    /* sockets.c: why there is no default stack, as it was told last. */
    char said[TAPIR_TEXT_MAX];
    const struct shim_numbers *numbers; /* shim.h; NULL: they are our own */
    /* enum shim_kind of each number, written with the lock held and read
       without; pages of it are memory only once they are used. */
    _Atomic uint8_t kinds[DESCRIPTORS_MAX];
};

extern struct host the_host;

void host_lock(void);
void host_unlock(void);
/* Only if nobody holds the lock, and not in a child. */
MUST_CHECK bool host_try_lock(void);
/* host_lock, but for the look whether this is a child that nobody knows of. */
void host_lock_child(void);
/* The system's monotonic clock. Any time. */
usec host_clock(void);
/* The process's stack time. */
usec host_now(void);
/* The wall-clock time of stack time 0. */
usec host_epoch(void);
/* sockets.c: opens it by the environment unless it is there; negative errno,
   and why is written to standard error. Lock not held. */
MUST_CHECK int ensure_default_stack(void);
/*
 * open.c: an interface that the default stack will have when it is opened by
 * the environment, but for its mtu and stats. -ENODEV: it will have no such;
 * -EAGAIN: only its opening can tell.
 */
MUST_CHECK int default_stack_foresee(unsigned index, struct iface_info *out);

/* A kernel's descriptor that the library keeps for itself: SHIM_OWN. */
void host_own_fd(int kernel_fd);
/* Before it is closed. */
void host_disown_fd(int kernel_fd);
/* The same for each that a device holds. */
void host_own_device(const struct netdev *dev);
void host_disown_device(const struct netdev *dev);
/* Another number of the same, out of the program's way, for the library to
   keep; -1: it cannot be had. */
int host_own_dup(int kernel_fd);
/* Closes what the library has kept; -1 is nothing. */
void host_close_own(int kernel_fd);

/*
 * Rounded up, so as not to wait too briefly; -EINVAL where it is no time, -1
 * or 10^9 nanoseconds. Any time.
 */
MUST_CHECK int timeout_of_timespec(const struct timespec *timeout, usec *out);

/* -1 and errno of a negative result, otherwise the result. Any time. */
ssize_t errno_result(ssize_t result);

#endif
