/*
 * syscall(2) of what waits for several descriptors. The kernel's calls differ
 * from libc's of the same name: a set of signals has the kernel's size, and
 * what is left of the time is written back.
 */
#include "shim.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum { SIGNALS_SIZE = _NSIG / 8, NSEC_PER_SEC = 1000000000 };

static int int_of(long word)
{
    return (int)word;
}

static void *pointer_of(long word)
{
    return (void *)word;
}

/* ---- Signals and time ---------------------------------------------------- */

/* The mask is NULL or `room`; false and errno: it has not the kernel's size. */
static bool take_mask(const void *kernels, size_t size, sigset_t *room,
                      const sigset_t **mask)
{
    *mask = NULL;
    if (kernels == NULL)
        return true;
    if (size != SIGNALS_SIZE) {
        errno = EINVAL;
        return false;
    }
    sigemptyset(room);
    memcpy(room, kernels, SIGNALS_SIZE);
    *mask = room;
    return true;
}

static struct timespec difference(struct timespec a, struct timespec b)
{
    struct timespec d = {.tv_sec = a.tv_sec - b.tv_sec,
                         .tv_nsec = a.tv_nsec - b.tv_nsec};

    if (d.tv_nsec < 0) {
        d.tv_sec--;
        d.tv_nsec += NSEC_PER_SEC;
    }
    return d;
}

static struct timespec now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

/* As the kernel does, whatever the result: but errno stays as it is. It is the
 * kernel that writes, since a timeout may lie in memory that is only read, and
 * then nothing is told. */
static void write_rest(struct timespec *timeout, struct timespec begin)
{
    struct timespec rest;
    struct iovec from = {.iov_base = &rest, .iov_len = sizeof(rest)};
    struct iovec to = {.iov_base = timeout, .iov_len = sizeof(rest)};
    int error = errno;

    if (timeout == NULL)
        return;
    rest = difference(*timeout, difference(now(), begin));
    if (rest.tv_sec < 0)
        rest = (struct timespec){0};
    (void)process_vm_writev(getpid(), &from, 1, &to, 1, 0);
    errno = error;
}

/* ---- The calls ----------------------------------------------------------- */

static long ppoll_of(const long *a)
{
    struct timespec *timeout = pointer_of(a[2]);
    struct timespec begin = now();
    const sigset_t *mask;
    sigset_t room;
    long r;

    if (!wait_has_ours(pointer_of(a[0]), (nfds_t)a[1]))
        return syscall_pass(SYS_ppoll, a);
    if (!take_mask(pointer_of(a[3]), (size_t)a[4], &room, &mask))
        return -1;
    r = ppoll(pointer_of(a[0]), (nfds_t)a[1], timeout, mask);
    write_rest(timeout, begin);
    return r;
}

/* The sixth word, since there is no seventh: a set of signals and its size. */
struct mask_and_size {
    const void *set;
    size_t size;
};

static long pselect_of(const long *a)
{
    const struct mask_and_size *signals = pointer_of(a[5]);
    struct mask_and_size none = {0};
    struct timespec *timeout = pointer_of(a[4]);
    struct timespec begin = now();
    const sigset_t *mask;
    sigset_t room;
    long r;

    if (!wait_sets_have_ours(int_of(a[0]), pointer_of(a[1]), pointer_of(a[2]),
                             pointer_of(a[3])))
        return syscall_pass(SYS_pselect6, a);
    signals = signals == NULL ? &none : signals;
    if (!take_mask(signals->set, signals->size, &room, &mask))
        return -1;
    r = pselect(int_of(a[0]), pointer_of(a[1]), pointer_of(a[2]),
                pointer_of(a[3]), timeout, mask);
    write_rest(timeout, begin);
    return r;
}

/* On a set of ours. */
static long epoll_of(long number, const long *a)
{
    int set = int_of(a[0]);
    const sigset_t *mask;
    sigset_t room;

    switch (number) {
    case SYS_epoll_ctl:
        return epoll_ctl(set, int_of(a[1]), int_of(a[2]), pointer_of(a[3]));
    case SYS_epoll_pwait:
        if (!take_mask(pointer_of(a[4]), (size_t)a[5], &room, &mask))
            return -1;
        return epoll_pwait(set, pointer_of(a[1]), int_of(a[2]), int_of(a[3]),
                           mask);
#ifdef SYS_epoll_pwait2
    case SYS_epoll_pwait2: /* of these four it alone leaves the time alone */
        if (!take_mask(pointer_of(a[4]), (size_t)a[5], &room, &mask))
            return -1;
        return epoll_pwait2(set, pointer_of(a[1]), int_of(a[2]),
                            pointer_of(a[3]), mask);
#endif
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
        return epoll_wait(set, pointer_of(a[1]), int_of(a[2]), int_of(a[3]));
#endif
    default:
        return syscall_pass(number, a);
    }
}

/* Those without a "p", and epoll_create, only older machines have. */
long syscall_wait(long number, const long *a)
{
    switch (number) {
#ifdef SYS_poll
    case SYS_poll:
        return poll(pointer_of(a[0]), (nfds_t)a[1], int_of(a[2]));
#endif
    case SYS_ppoll:
        return ppoll_of(a);
#ifdef SYS_select
    case SYS_select:
        return select(int_of(a[0]), pointer_of(a[1]), pointer_of(a[2]),
                      pointer_of(a[3]), pointer_of(a[4]));
#endif
    case SYS_pselect6:
        return pselect_of(a);
#ifdef SYS_epoll_create
    case SYS_epoll_create:
        return epoll_create(int_of(a[0]));
#endif
    case SYS_epoll_create1:
        return epoll_create1(int_of(a[0]));
    default:
        return is_epoll(int_of(a[0])) ? epoll_of(number, a)
                                      : syscall_pass(number, a);
    }
}
