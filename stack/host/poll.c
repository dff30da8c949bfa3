/*
 * poll, ppoll and select over sockets, descriptors of the kernel and epoll
 * sets in any mixture. Sockets are watched; the kernel's descriptors go into
 * the ppoll in which the thread sleeps or drives.
 *
 * The time-out runs in the time of the set's first socket.
 */
#define _GNU_SOURCE /* ppoll, POLLRDHUP */
#include "host/host.h"
#include "host/epoll.h"
#include "host/numbers.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

enum { FEW = 16, ALWAYS = POLLERR | POLLHUP | POLLNVAL };

/* One pollfd of the caller. */
struct entry {
    struct file *file; /* held; NULL: there is none */
    struct watch watch;
    nfds_t kernel_at; /* where it stands in `kernel`, if it does */
    bool is_kernel;
};

struct poll_call {
    struct pollfd *fds;
    nfds_t count;
    struct entry *entries;
    struct pollfd *kernel;
    nfds_t kernel_count;
    struct entry few_entries[FEW];
    struct pollfd few_kernel[FEW];
    struct waiter waiter;
};

static int make_room(struct poll_call *call)
{
    call->entries = call->few_entries;
    call->kernel = call->few_kernel;
    if (call->count <= FEW)
        return 0;
    call->entries = malloc(call->count * sizeof(*call->entries));
    call->kernel = malloc(call->count * sizeof(*call->kernel));
    if (call->entries != NULL && call->kernel != NULL)
        return 0;
    free(call->entries);
    free(call->kernel);
    return -ENOMEM;
}

static void release_room(struct poll_call *call)
{
    if (call->count <= FEW)
        return;
    free(call->entries);
    free(call->kernel);
}

/* What the kernel is to be asked for an entry: -1 nothing. */
static int kernel_fd_of(const struct file *file, int number)
{
    if (file == NULL)
        return the_host.numbers != NULL ? number : -1; /* shim.h */
    if (file->kind == FILE_SOCKET)
        return -1;
    return file->kind == FILE_KERNEL ? file->kernel_fd
                                     : epoll_kernel_fd(file->epoll);
}

static void resolve(struct poll_call *call, nfds_t i)
{
    struct entry *entry = &call->entries[i];
    int kernel_fd;

    *entry = (struct entry){0};
    if (call->fds[i].fd < 0)
        return;
    entry->file = number_file(call->fds[i].fd);
    if (entry->file != NULL)
        file_hold(entry->file);
    kernel_fd = kernel_fd_of(entry->file, call->fds[i].fd);
    if (kernel_fd < 0)
        return;
    entry->is_kernel = true;
    entry->kernel_at = call->kernel_count++;
    call->kernel[entry->kernel_at] =
        (struct pollfd){.fd = kernel_fd, .events = call->fds[i].events};
}

/* A child that polls a socket wants the stack: see inherit.h. */
static void claim_for(const struct poll_call *call)
{
    for (nfds_t i = 0; i < call->count; i++) {
        const struct file *file = call->entries[i].file;

        if (file != NULL && file->kind == FILE_SOCKET)
            inherit_claim();
    }
}

static short revents_of(const struct poll_call *call, nfds_t i)
{
    const struct entry *entry = &call->entries[i];
    int ready = 0;

    if (call->fds[i].fd < 0)
        return 0;
    if (entry->file == NULL && !entry->is_kernel)
        return POLLNVAL;
    if (entry->file != NULL)
        ready = file_readiness(entry->file);
    if (entry->is_kernel)
        ready |= call->kernel[entry->kernel_at].revents;
    return (short)(ready & (call->fds[i].events | ALWAYS));
}

/* How many entries are ready; all revents are set. */
static int check(struct poll_call *call)
{
    int ready = 0;

    if (call->kernel_count > 0 && poll(call->kernel, call->kernel_count, 0) < 0)
        return -errno;
    for (nfds_t i = 0; i < call->count; i++) {
        call->fds[i].revents = revents_of(call, i);
        if (call->fds[i].revents != 0)
            ready++;
    }
    return ready;
}

static void watch_all(struct poll_call *call)
{
    for (nfds_t i = 0; i < call->count; i++) {
        struct entry *entry = &call->entries[i];

        if (entry->file != NULL)
            file_watch(entry->file, &entry->watch, call->fds[i].events,
                       &call->waiter);
    }
}

static void unwatch_all(struct poll_call *call)
{
    for (nfds_t i = 0; i < call->count; i++) {
        if (call->entries[i].file != NULL)
            file_unwatch(&call->entries[i].watch);
    }
}

static void release_files(struct poll_call *call)
{
    for (nfds_t i = 0; i < call->count; i++) {
        if (call->entries[i].file != NULL)
            file_release(call->entries[i].file);
    }
}

/* Whose time the time-out is in; NULL: the process's. */
static struct tapir_stack *clock_of(const struct poll_call *call)
{
    for (nfds_t i = 0; i < call->count; i++) {
        const struct file *file = call->entries[i].file;

        if (file != NULL && file->stack != NULL)
            return file->stack->clock == TAPIR_CLOCK_MANUAL ? file->stack
                                                            : NULL;
    }
    return NULL;
}

static int wait_until_ready(struct poll_call *call)
{
    int ready = check(call);

    watch_all(call);
    while (ready == 0) {
        int r = waiter_wait(&call->waiter);

        ready = check(call);
        if (ready == 0 && r < 0) {
            ready = r == -ETIMEDOUT ? 0 : r;
            break;
        }
    }
    unwatch_all(call);
    return ready;
}

static int check_twice(struct poll_call *call)
{
    int ready = check(call);

    if (ready != 0)
        return ready;
    drive_look();
    return check(call);
}

/* Sleeps for *timeout at most; what is left of it is stored. */
static int wait_for(struct poll_call *call, usec *timeout, const sigset_t *mask)
{
    struct waiter *waiter = &call->waiter;
    int r;

    waiter_init(waiter, clock_of(call), USEC_NEVER);
    if (*timeout != USEC_NEVER)
        waiter_set_deadline(waiter, waiter_now(waiter) + *timeout);
    waiter->kernel = call->kernel;
    waiter->kernel_count = call->kernel_count;
    waiter->mask = mask;
    drive_reclaim();
    r = *timeout == 0 ? check_twice(call) : wait_until_ready(call);
    if (*timeout != USEC_NEVER)
        *timeout = usec_max(waiter->deadline - waiter_now(waiter), 0);
    return r;
}

/* *timeout in microseconds, USEC_NEVER; what is left of it is stored. */
static int poll_for(struct pollfd *fds, nfds_t count, usec *timeout,
                    const sigset_t *mask)
{
    struct poll_call call = {.fds = fds, .count = count};
    int r;

    if (count > DESCRIPTORS_MAX)
        return -EINVAL; /* as RLIMIT_NOFILE */
    if (fds == NULL && count > 0)
        return -EFAULT;
    host_lock();
    r = make_room(&call);
    if (r < 0) {
        host_unlock();
        return r;
    }
    for (nfds_t i = 0; i < count; i++)
        resolve(&call, i);
    if (the_host.is_child)
        claim_for(&call);
    r = wait_for(&call, timeout, mask);
    release_files(&call);
    waiter_end(&call.waiter);
    host_unlock();
    waiter_let_signals(&call.waiter);
    release_room(&call);
    return r;
}

int tapir_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    usec timeout =
        timeout_ms < 0 ? USEC_NEVER : (usec)timeout_ms * USEC_PER_MSEC;

    return (int)errno_result(poll_for(fds, count, &timeout, NULL));
}

int timeout_of_timespec(const struct timespec *timeout, usec *out)
{
    if (timeout->tv_sec < 0 || timeout->tv_nsec < 0 ||
        timeout->tv_nsec >= 1000000000)
        return -EINVAL;
    *out =
        timeout->tv_sec > USEC_NEVER / USEC_PER_SEC / 4
            ? USEC_NEVER
            : timeout->tv_sec * USEC_PER_SEC + (timeout->tv_nsec + 999) / 1000;
    return 0;
}

int tapir_ppoll(struct pollfd *fds, nfds_t count,
                const struct timespec *timeout, const sigset_t *mask)
{
    usec wait = USEC_NEVER;
    int r = timeout == NULL ? 0 : timeout_of_timespec(timeout, &wait);

    return (int)errno_result(r < 0 ? r : poll_for(fds, count, &wait, mask));
}

static bool is_in(int fd, const fd_set *set)
{
    return set != NULL && FD_ISSET(fd, set);
}

static nfds_t pollfds_of_sets(int count, const fd_set *readable,
                              const fd_set *writable, const fd_set *exceptional,
                              struct pollfd *fds)
{
    nfds_t n = 0;

    for (int fd = 0; fd < count; fd++) {
        short events = (short)((is_in(fd, readable) ? POLLIN : 0) |
                               (is_in(fd, writable) ? POLLOUT : 0) |
                               (is_in(fd, exceptional) ? POLLPRI : 0));

        if (events != 0)
            fds[n++] = (struct pollfd){.fd = fd, .events = events};
    }
    return n;
}

/* Leaves `fd` in the set if it was asked for and is ready; 1 or 0. */
static int keep(const struct pollfd *fd, short asked, int ready, fd_set *set)
{
    if ((fd->events & asked) == 0)
        return 0;
    if ((fd->revents & ready) != 0)
        return 1;
    FD_CLR(fd->fd, set);
    return 0;
}

/* An end or an error makes ready whatever was asked: or it would be missed. */
static int sets_of_pollfds(const struct pollfd *fds, nfds_t n, fd_set *readable,
                           fd_set *writable, fd_set *exceptional)
{
    enum { END = POLLERR | POLLHUP };
    int ready = 0;

    for (nfds_t i = 0; i < n; i++) {
        if ((fds[i].revents & POLLNVAL) != 0)
            return -EBADF;
    }
    for (nfds_t i = 0; i < n; i++) {
        ready += keep(&fds[i], POLLIN, POLLIN | END, readable);
        ready += keep(&fds[i], POLLOUT, POLLOUT | END, writable);
        ready +=
            keep(&fds[i], POLLPRI,
                 POLLPRI | (fds[i].events == POLLPRI ? END : 0), exceptional);
    }
    return ready;
}

static int select_for(int count, fd_set *sets[3], usec *timeout,
                      const sigset_t *mask)
{
    struct pollfd fds[FD_SETSIZE];
    nfds_t n;
    int r;

    if (count < 0 || count > FD_SETSIZE)
        return -EINVAL;
    n = pollfds_of_sets(count, sets[0], sets[1], sets[2], fds);
    r = poll_for(fds, n, timeout, mask);
    return r < 0 ? r : sets_of_pollfds(fds, n, sets[0], sets[1], sets[2]);
}

int tapir_select(int count, fd_set *readable, fd_set *writable,
                 fd_set *exceptional, struct timeval *timeout)
{
    fd_set *sets[] = {readable, writable, exceptional};
    usec wait = USEC_NEVER;
    struct timespec asked;
    int r = 0;

    if (timeout != NULL) { /* Linux: more than a second of tv_usec is fine */
        asked.tv_sec = timeout->tv_sec + timeout->tv_usec / USEC_PER_SEC;
        asked.tv_nsec = timeout->tv_usec % USEC_PER_SEC * 1000;
        r = timeout_of_timespec(&asked, &wait);
    }
    if (r < 0)
        return (int)errno_result(r);
    r = select_for(count, sets, &wait, NULL);
    if (timeout != NULL && wait != USEC_NEVER) {
        timeout->tv_sec = wait / USEC_PER_SEC;
        timeout->tv_usec = wait % USEC_PER_SEC;
    }
    return (int)errno_result(r);
}

int tapir_pselect(int count, fd_set *readable, fd_set *writable,
                  fd_set *exceptional, const struct timespec *timeout,
                  const sigset_t *mask)
{
    fd_set *sets[] = {readable, writable, exceptional};
    usec wait = USEC_NEVER;
    int r = timeout == NULL ? 0 : timeout_of_timespec(timeout, &wait);

    return (int)errno_result(r < 0 ? r : select_for(count, sets, &wait, mask));
}
