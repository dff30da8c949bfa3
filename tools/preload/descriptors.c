/*
 * Numbers: what makes, copies, changes and ends them. The table hears first,
 * the kernel then: only what the kernel has freed can be given again.
 *
 * A child of vfork(2) works on its parent's memory: what it closes and
 * duplicates before its exec are descriptors of its own, and the table, which
 * is the parent's, does not hear of them (shim_is_here).
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdarg.h>
#include <sys/ioctl.h>

enum { NUMBERS_MAX = 1 << 20 };

/* Whether the table must hear of what is done to this number. */
static bool table_hears(int fd)
{
    return is_known(fd) && shim_is_here();
}

int shim_close(int fd)
{
    if (!table_hears(fd))
        return real.close(fd);
    if (shim_kind(fd) == SHIM_OWN) {
        errno = EBADF; /* the program has never opened it */
        return -1;
    }
    tapir_close(fd);
    return real.close(fd);
}

EXPORT int close(int fd)
{
    return shim_close(fd);
}

EXPORT int __close(int fd) __attribute__((alias("close")));

/* What the table knows of, but for what is the library's own. */
static void close_known(unsigned first, unsigned last)
{
    for (unsigned fd = first; fd <= last && fd < NUMBERS_MAX; fd++) {
        if (!is_known((int)fd) || shim_kind((int)fd) == SHIM_OWN)
            continue;
        tapir_close((int)fd);
    }
}

/* In as few calls as the library's own leave, placeholders with the rest. */
static int close_but_own(unsigned first, unsigned last, int flags)
{
    unsigned run = first;

    for (unsigned fd = first; fd <= last && fd < NUMBERS_MAX; fd++) {
        if (shim_kind((int)fd) != SHIM_OWN)
            continue;
        if (run < fd)
            real.close_range(run, fd - 1, flags);
        run = fd + 1;
    }
    return run <= last ? real.close_range(run, last, flags) : 0;
}

/*
 * The kernel may wait for what it closes (SO_LINGER), and others do not wait
 * with it: where the library has its own, another thread may just be about to
 * open one, and only there is the lock held.
 */
static int close_others(unsigned first, unsigned last, int flags)
{
    unsigned ours = (unsigned)own_lowest();
    int r = 0;

    if (first < ours)
        r = close_but_own(first, last < ours ? last : ours - 1, flags);
    if (r < 0 || last < ours)
        return r;
    shim_hold();
    r = close_but_own(first < ours ? ours : first, last, flags);
    shim_let_go();
    return r;
}

int shim_close_range(unsigned first, unsigned last, int flags)
{
    if (first > last || (flags & (int)CLOSE_RANGE_CLOEXEC) != 0 ||
        !shim_is_here())
        return real.close_range(first, last, flags);
    close_known(first, last);
    return close_others(first, last, flags);
}

EXPORT int close_range(unsigned first, unsigned last, int flags)
{
    return shim_close_range(first, last, flags);
}

EXPORT void closefrom(int least)
{
    shim_close_range(least < 0 ? 0 : (unsigned)least, ~0u, 0);
}

/* ---- Copies ----------------------------------------------------------------
 */

/* `copy`, made by the kernel, is a second number of a placeholder. */
static int place_copy(int fd, int copy, bool is_cloexec)
{
    int r;

    if (copy < 0)
        return copy;
    r = shim_place(fd, copy, is_cloexec);
    if (r >= 0)
        return r;
    real.close(copy);
    errno = -r;
    return -1;
}

static bool is_to_be_placed(int fd)
{
    enum shim_kind kind = shim_kind(fd);

    return (kind == SHIM_SOCKET || kind == SHIM_EPOLL) && shim_is_here();
}

int shim_dup(int fd)
{
    int copy = real.dup(fd);

    return is_to_be_placed(fd) ? place_copy(fd, copy, false) : copy;
}

/* What `to` was is closed in the table first: its waiters wake (EBADF). */
int shim_dup3(int from, int to, int flags)
{
    bool is_placed = is_to_be_placed(from);

    if (!is_placed && !table_hears(to))
        return real.dup3(from, to, flags);
    if (shim_kind(to) == SHIM_OWN) {
        errno = EBUSY;
        return -1;
    }
    if (!is_placed && real.fcntl(from, F_GETFD) < 0)
        return -1; /* EBADF: and `to` stays as it is */
    if (is_known(to))
        tapir_close(to);
    to = real.dup3(from, to, flags);
    return is_placed ? place_copy(from, to, (flags & O_CLOEXEC) != 0) : to;
}

EXPORT int dup(int fd)
{
    return shim_dup(fd);
}

EXPORT int dup3(int from, int to, int flags)
{
    if (from == to)
        return real.dup3(from, to, flags); /* EINVAL */
    return shim_dup3(from, to, flags);
}

/* Unlike dup3 it lets both be the same. */
EXPORT int dup2(int from, int to)
{
    if (from == to)
        return real.fcntl(from, F_GETFD) < 0 ? -1 : to;
    return shim_dup3(from, to, 0);
}

EXPORT int __dup2(int from, int to) __THROW __attribute__((alias("dup2")));

/* ---- Flags -----------------------------------------------------------------
 */

/* Close-on-exec is the placeholder's, which is what an exec looks at. */
static int known_fcntl(int fd, int command, void *argument)
{
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return place_copy(fd, real.fcntl(fd, command, argument),
                          command == F_DUPFD_CLOEXEC);
    case F_GETFL:
    case F_SETFL:
        return tapir_fcntl(fd, command, argument);
    case F_SETFD:
        tapir_fcntl(fd, command, argument);
        return real.fcntl(fd, command, argument);
    default:
        return real.fcntl(fd, command, argument);
    }
}

int shim_fcntl(int fd, int command, void *argument)
{
    return is_to_be_placed(fd) ? known_fcntl(fd, command, argument)
                               : real.fcntl(fd, command, argument);
}

EXPORT int fcntl(int fd, int command, ...)
{
    va_list rest;
    void *argument;

    va_start(rest, command);
    argument = va_arg(rest, void *);
    va_end(rest);
    return shim_fcntl(fd, command, argument);
}

EXPORT int fcntl64(int fd, int command, ...) __attribute__((alias("fcntl")));
EXPORT int __fcntl(int fd, int command, ...) __attribute__((alias("fcntl")));

EXPORT int ioctl(int fd, unsigned long request, ...)
{
    va_list rest;
    void *argument;

    va_start(rest, request);
    argument = va_arg(rest, void *);
    va_end(rest);
    if (!is_socket(fd) || request == FIOCLEX || request == FIONCLEX)
        return real.ioctl(fd, request, argument);
    return tapir_ioctl(fd, request, argument);
}
