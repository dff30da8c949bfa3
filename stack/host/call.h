/*
 * The frame around every call on a socket: the lock, the descriptor, waiting,
 * the pass that ends it, errno.
 */
#ifndef TAPIR_HOST_CALL_H
#define TAPIR_HOST_CALL_H

#include "host/file.h"

#include <sys/types.h>

struct call {
    struct file *file;
    bool is_nonblocking;
    bool has_looked;
    bool is_waiting;   /* watch and waiter are in use */
    bool has_received; /* the program has bytes to look at */
    usec now;          /* as call_now has found it; 0: not asked for */
    struct watch watch;
    struct waiter waiter;
};

/*
 * Takes the lock and finds the socket. 0; a negative errno, and then the call
 * is over but for call_leave: -EBADF, -ENOTSOCK, -ENETDOWN. Lock not held.
 */
MUST_CHECK int call_enter(struct call *call, int fd);
/* The same for whatever the number stands for, and wherever its stack is:
 * -EBADF. */
MUST_CHECK int call_enter_number(struct call *call, int fd);
/* The same for a file that the caller holds. Lock not held. */
void call_enter_file(struct call *call, struct file *file);
/* The time of its stack, which the pass at its end takes for the time, too. */
usec call_now(struct call *call);
/*
 * After -EAGAIN: waits for `events`, at most the time that SO_SNDTIMEO (for
 * POLLOUT) or SO_RCVTIMEO allows in all. 0: try again. -EAGAIN when the socket
 * does not block or the time is over, -EINTR, -EBADF when it was closed
 * meanwhile, -ENETDOWN.
 */
MUST_CHECK int call_wait(struct call *call, int events);
/* Waits, blocking or not, at most `timeout`. As waiter_wait. */
MUST_CHECK int call_sleep(struct call *call, int events, usec timeout);
/*
 * connect, asked again until the peer has answered if the socket blocks; its
 * errors. When the time is over or a signal comes the attempt goes on.
 */
MUST_CHECK int call_connect(struct call *call, const struct endpoint *remote);
/* Runs the pass, releases the lock, makes errno of a negative result. */
ssize_t call_leave(struct call *call, ssize_t result);

#endif
