/*
 * The descriptors that the library opens for itself: the device, what its
 * threads wake each other by. They are moved out of the way of the program,
 * which counts on the lowest free number, and may dup2 what it likes to a low
 * one.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { USUAL_LIMIT = 1024 };

/* The last quarter of what a program usually may have. */
static int lowest_of_ours(void)
{
    struct rlimit limit = {.rlim_cur = USUAL_LIMIT};

    getrlimit(RLIMIT_NOFILE, &limit);
    return (int)(limit.rlim_cur < USUAL_LIMIT ? limit.rlim_cur : USUAL_LIMIT) /
           4 * 3;
}

/* Where there is no room it stays. All are close-on-exec. */
static int move(int fd)
{
    int moved;

    if (fd < 0)
        return fd;
    moved = real.fcntl(fd, F_DUPFD_CLOEXEC, lowest_of_ours());
    if (moved < 0)
        return fd;
    real.close(fd);
    return moved;
}

/* By the linker's --wrap: what `open` is in an object of the library. */
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list rest;
    int mode;

    va_start(rest, flags);
    mode = va_arg(rest, int);
    va_end(rest);
    return move((int)real.syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int __wrap_eventfd(unsigned value, int flags);
int __wrap_eventfd(unsigned value, int flags)
{
    return move((int)real.syscall(SYS_eventfd2, value, flags));
}

int __wrap_signalfd(int fd, const sigset_t *mask, int flags);
int __wrap_signalfd(int fd, const sigset_t *mask, int flags)
{
    int made = (int)real.syscall(SYS_signalfd4, fd, mask, _NSIG / 8, flags);

    return fd < 0 ? move(made) : made;
}

int __wrap_socketpair(int domain, int type, int protocol, int pair[2]);
int __wrap_socketpair(int domain, int type, int protocol, int pair[2])
{
    int r = socketpair(domain, type, protocol, pair);

    for (int i = 0; r == 0 && i < 2; i++)
        pair[i] = move(pair[i]);
    return r;
}

int __wrap_epoll_create1(int flags);
int __wrap_epoll_create1(int flags)
{
    return move(real.epoll_create1(flags));
}

int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
    return move(real.socket(domain, type, protocol));
}

int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    return move(real.accept4(fd, addr, len, flags));
}
