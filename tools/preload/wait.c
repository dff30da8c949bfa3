/*
 * Waiting for several. A set without a number of ours goes to the kernel as it
 * is; one with both kinds to the library, which knows the kernel's by number.
 * Every epoll set is ours from its beginning: what will be put into it cannot
 * be known.
 */
#include "shim.h"

#include <errno.h>
#include <stdlib.h>

/* Not const: libc declares of poll that it only writes them, and gcc believes.
 */
bool wait_has_ours(struct pollfd *fds, nfds_t count)
{
    for (nfds_t i = 0; fds != NULL && i < count; i++) {
        enum shim_kind kind = shim_kind(fds[i].fd);

        if (kind == SHIM_SOCKET || kind == SHIM_EPOLL)
            return true;
    }
    return false;
}

EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    return wait_has_ours(fds, count) ? tapir_poll(fds, count, timeout_ms)
                                     : real.poll(fds, count, timeout_ms);
}

EXPORT int __poll(struct pollfd *fds, nfds_t count, int timeout_ms)
    __attribute__((alias("poll")));

EXPORT int ppoll(struct pollfd *fds, nfds_t count,
                 const struct timespec *timeout, const sigset_t *mask)
{
    return wait_has_ours(fds, count) ? tapir_ppoll(fds, count, timeout, mask)
                                     : real.ppoll(fds, count, timeout, mask);
}

EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms,
                      size_t room);
EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms,
                      size_t room)
{
    if (room / sizeof(*fds) < count)
        abort();
    return poll(fds, count, timeout_ms);
}

EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count,
                       const struct timespec *timeout, const sigset_t *mask,
                       size_t room);
EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count,
                       const struct timespec *timeout, const sigset_t *mask,
                       size_t room)
{
    if (room / sizeof(*fds) < count)
        abort();
    return ppoll(fds, count, timeout, mask);
}

static bool set_has_ours(int count, const fd_set *set)
{
    for (int fd = 0; set != NULL && fd < count; fd++) {
        if (FD_ISSET(fd, set) &&
            (shim_kind(fd) == SHIM_SOCKET || shim_kind(fd) == SHIM_EPOLL))
            return true;
    }
    return false;
}

bool wait_sets_have_ours(int count, const fd_set *readable,
                         const fd_set *writable, const fd_set *exceptional)
{
    return set_has_ours(count, readable) || set_has_ours(count, writable) ||
           set_has_ours(count, exceptional);
}

EXPORT int select(int count, fd_set *readable, fd_set *writable,
                  fd_set *exceptional, struct timeval *timeout)
{
    if (!wait_sets_have_ours(count, readable, writable, exceptional))
        return real.select(count, readable, writable, exceptional, timeout);
    return tapir_select(count, readable, writable, exceptional, timeout);
}

EXPORT int __select(int count, fd_set *readable, fd_set *writable,
                    fd_set *exceptional, struct timeval *timeout)
    __attribute__((alias("select")));

EXPORT int pselect(int count, fd_set *readable, fd_set *writable,
                   fd_set *exceptional, const struct timespec *timeout,
                   const sigset_t *mask)
{
    if (!wait_sets_have_ours(count, readable, writable, exceptional))
        return real.pselect(count, readable, writable, exceptional, timeout,
                            mask);
    return tapir_pselect(count, readable, writable, exceptional, timeout, mask);
}

EXPORT int epoll_create1(int flags)
{
    if (!process_is_owner())
        return real.epoll_create1(flags);
    mirror_begin();
    return tapir_epoll_create1(flags);
}

EXPORT int epoll_create(int size)
{
    if (size > 0)
        return epoll_create1(0);
    errno = EINVAL;
    return -1;
}

EXPORT int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    return is_epoll(epfd) ? tapir_epoll_ctl(epfd, op, fd, event)
                          : real.epoll_ctl(epfd, op, fd, event);
}

EXPORT int epoll_wait(int epfd, struct epoll_event *events, int max,
                      int timeout_ms)
{
    return is_epoll(epfd) ? tapir_epoll_wait(epfd, events, max, timeout_ms)
                          : real.epoll_wait(epfd, events, max, timeout_ms);
}

EXPORT int epoll_pwait(int epfd, struct epoll_event *events, int max,
                       int timeout_ms, const sigset_t *mask)
{
    return is_epoll(epfd)
               ? tapir_epoll_pwait(epfd, events, max, timeout_ms, mask)
               : real.epoll_pwait(epfd, events, max, timeout_ms, mask);
}

EXPORT int epoll_pwait2(int epfd, struct epoll_event *events, int max,
                        const struct timespec *timeout, const sigset_t *mask)
{
    return is_epoll(epfd) ? tapir_epoll_pwait2(epfd, events, max, timeout, mask)
                          : real.epoll_pwait2(epfd, events, max, timeout, mask);
}
