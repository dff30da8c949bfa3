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

/* Not a descriptor: closed already. */
enum { GONE = -2 };

/* The last quarter of what a program usually may have. */
int own_lowest(void)
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
    moved = real.fcntl(fd, F_DUPFD_CLOEXEC, own_lowest());
    if (moved < 0)
        return errno == EBADF ? GONE : fd;
    real.close(fd);
    return moved;
}

/* Until it is out of the way another thread's close_range may take it along. */
static int open_own(long number, long a, long b, long c, long d)
{
    int fd;

    do
        fd = move((int)real.syscall(number, a, b, c, d));
    while (fd == GONE);
    return fd;
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
    return open_own(SYS_openat, AT_FDCWD, (long)path, flags, mode);
}

int __wrap_eventfd(unsigned value, int flags);
int __wrap_eventfd(unsigned value, int flags)
{
    return open_own(SYS_eventfd2, value, flags, 0, 0);
}

int __wrap_signalfd(int fd, const sigset_t *mask, int flags);
int __wrap_signalfd(int fd, const sigset_t *mask, int flags)
{
    if (fd < 0)
        return open_own(SYS_signalfd4, fd, (long)mask, _NSIG / 8, flags);
    return (int)real.syscall(SYS_signalfd4, fd, mask, _NSIG / 8, flags);
}

int __wrap_socketpair(int domain, int type, int protocol, int pair[2]);
int __wrap_socketpair(int domain, int type, int protocol, int pair[2])
{
    do {
        if (socketpair(domain, type, protocol, pair) < 0)
            return -1;
        for (int i = 0; i < 2; i++)
            pair[i] = move(pair[i]);
        if (pair[0] != GONE && pair[1] != GONE)
            return 0;
        real.close(pair[0] == GONE ? pair[1] : pair[0]);
    } while (true);
}

int __wrap_epoll_create1(int flags);
int __wrap_epoll_create1(int flags)
{
    return open_own(SYS_epoll_create1, flags, 0, 0, 0);
}

int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
    return open_own(SYS_socket, domain, type, protocol, 0);
}

int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    return open_own(SYS_accept4, fd, (long)addr, (long)len, flags);
}
