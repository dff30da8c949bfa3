/*
 * What the shim's files share. See README.md.
 */
#ifndef TAPIR_PRELOAD_SHIM_H
#define TAPIR_PRELOAD_SHIM_H

#include "real.h"

#include "host/shim.h"
#include "tapir.h"

/* What a program is to find in libc's place. */
#define EXPORT __attribute__((visibility("default")))

static inline bool is_socket(int fd)
{
    return shim_kind(fd) == SHIM_SOCKET;
}

static inline bool is_epoll(int fd)
{
    return shim_kind(fd) == SHIM_EPOLL;
}

/* A number that the table must hear of when it is closed or changes hands. */
static inline bool is_known(int fd)
{
    return shim_kind(fd) != SHIM_NONE;
}

/* mirror.c: before the first number of ours is made; again is no harm. */
void mirror_begin(void);

/*
 * loopback.c: a socket that has no address may still become its placeholder, a
 * socket of the kernel.
 */
bool loopback_is_allowed(int fd);
/*
 * Called with each address that the program gives: makes the socket the
 * kernel's if that is one of 127.0.0.0/8, and the socket has none yet. Whether
 * it is the stack's still.
 */
bool loopback_decide(int fd, const struct sockaddr *addr, socklen_t len);

/* descriptors.c: what close, dup, ... do, for the other entries to them. */
int shim_close(int fd);
int shim_close_range(unsigned first, unsigned last, int flags);
int shim_dup(int fd);
int shim_dup3(int from, int to, int flags);
int shim_fcntl(int fd, int command, void *argument);

/* wait.c: whether one of them is a socket or an epoll set of ours. */
bool wait_has_ours(struct pollfd *fds, nfds_t count);
bool wait_sets_have_ours(int count, const fd_set *readable,
                         const fd_set *writable, const fd_set *exceptional);

/* own.c: the library's own descriptors have no lower number, but for the moment
 * in which they are opened. */
int own_lowest(void);

/* What syscall(2) is called with: up to six words. */
enum { SYSCALL_WORDS = 6 };
/* syscall_wait.c: those that wait for several; others go to the kernel. */
long syscall_wait(long number, const long *a);
long syscall_pass(long number, const long *a);

/* fork.c: makes a process; others go to the kernel. */
long syscall_fork(long number, const long *a);

/*
 * process.c: whether this is the process that the shim's memory belongs to; a
 * child of vfork(2) has its parent's, and makes no sockets of ours.
 */
bool process_is_owner(void);
/* A child has a copy of the memory: it is its owner. */
void process_take(void);
void process_begin(void);
/* Lets the stacks finish what was written, as at exit. */
void process_finish(void);

#endif
