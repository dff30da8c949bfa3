/*
 * The control socket of a stack: by it other processes ask what the stack has,
 * and change what may be changed; see "Asking a running stack" in README.md.
 * It is served by whoever drives the stack, as the devices are: its
 * descriptors are some more that the driver polls.
 *
 * What a client costs has a bound: its buffers (CONTROL_OUT), and the time for
 * which it keeps the lock (a part of an answer, then the others' turn).
 *
 * All functions here are called with the lock held.
 */
#ifndef TAPIR_HOST_CONTROL_SOCKET_H
#define TAPIR_HOST_CONTROL_SOCKET_H

#include "base/list.h"
#include "base/usec.h"
#include "tapir.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

/* Where ppoll does not ask for them, they are looked at so often. */
#define CONTROL_LOOK_INTERVAL (10 * USEC_PER_MSEC)

struct tapir_stack;
struct control_server; /* of one stack */

/* Who may ask: the user that the process runs as, root, and a group. */
struct control_setting {
    bool is_off;
    bool has_group;
    gid_t group;
};

/* A descriptor that the driver polls: a listening one, or a client's. */
struct control_end {
    struct list node; /* in the_host.control.ends */
    int fd;
    short events;
    bool is_ready;
    void (*serve)(struct control_end *end);
};

/* What the process has of them. */
struct control_hub {
    struct list ends; /* whose turn it is next stands first */
    nfds_t count;
    unsigned clients;  /* of these */
    usec looked_at;    /* when they were asked the last time */
    bool has_ready;    /* one of them is */
    usec closed_until; /* nobody is let in: no descriptor was left; 0: open */
    unsigned stacks;   /* so many have had a control socket */
    unsigned followed; /* clients that are told of events as they happen */
    usec longest_hold; /* of the lock, for all of this */
    usec longest_work; /* of that, in processor time */
    uint64_t requests;
};

void control_init(void);

/*
 * "on", "off" or empty, and the name or number of a group, or empty. -EINVAL,
 * and why. Any time.
 */
MUST_CHECK int control_setting_parse(const char *control, const char *group,
                                     struct control_setting *out,
                                     char why[TAPIR_TEXT_MAX]);

/* By stack->control_setting. Where no directory will have it there is none. */
void control_open(struct tapir_stack *stack);
/* With all its clients; its name is gone. */
void control_close(struct tapir_stack *stack);
/* In a forked child: the descriptors are closed, all else is the parent's. */
void control_leave_to_parent(void);

/* ---- For the driver ---------------------------------------------------- */

/* Into `fds`, hub->count of them. */
void control_fill(struct pollfd *fds);
/* ppoll has come back with these; `now`: stack time. */
void control_mark(const struct pollfd *fds, nfds_t count, usec now);
/* Those that are ready are served. Where ppoll is hardly ever asked, they are
 * asked here once in a while. */
void control_run(usec now);

#endif
