/*
 * recvmmsg and sendmmsg, Linux's: one message after the other, as recvmsg and
 * sendmsg have them. They save a program calls; here, where a call is no
 * system call, little else.
 */
#define _GNU_SOURCE /* struct mmsghdr */
#include "host/host.h"
#include "host/numbers.h"

#include <errno.h>
#include <limits.h>

/* The time in which the socket's time-outs run. */
static usec time_of(int fd)
{
    const struct file *file;
    usec now;

    host_lock();
    file = number_file(fd);
    now = file != NULL && file->stack != NULL ? stack_now(file->stack)
                                              : host_now();
    host_unlock();
    return now;
}

/* More than IOV_MAX are not looked at, as in Linux. */
static unsigned messages_of(unsigned count)
{
    return count < IOV_MAX ? count : IOV_MAX;
}

/* -1 and errno unless the number is a socket's. */
static int check_socket(int fd, const struct mmsghdr *messages, unsigned count)
{
    const struct file *file;
    int r = 0;

    host_lock();
    file = number_file(fd);
    if (file == NULL)
        r = -EBADF;
    else if (file->kind != FILE_SOCKET)
        r = -ENOTSOCK;
    else if (messages == NULL && count > 0)
        r = -EFAULT;
    host_unlock();
    return (int)errno_result(r);
}

int tapir_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    unsigned done = 0;

    if (check_socket(fd, messages, count) < 0)
        return -1;
    for (; done < messages_of(count); done++) {
        ssize_t sent = tapir_sendmsg(fd, &messages[done].msg_hdr, flags);

        if (sent < 0)
            return done > 0 ? (int)done : -1;
        messages[done].msg_len = (unsigned)sent;
    }
    return (int)done;
}

/* As Linux, which looks for an error before all else. */
static bool has_failed(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (tapir_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return true;
    if (error != 0)
        errno = error;
    return error != 0;
}

static int receive_until(int fd, struct mmsghdr *messages, unsigned count,
                         int flags, usec deadline)
{
    unsigned done = 0;

    while (done < messages_of(count)) {
        struct mmsghdr *message = &messages[done];
        ssize_t got = tapir_recvmsg(fd, &message->msg_hdr, flags);

        if (got < 0)
            return done > 0 ? (int)done : -1;
        message->msg_len = (unsigned)got;
        done++;
        if ((flags & MSG_WAITFORONE) != 0)
            flags |= MSG_DONTWAIT;
        if (deadline != USEC_NEVER && time_of(fd) >= deadline)
            break;
        if ((message->msg_hdr.msg_flags & MSG_OOB) != 0)
            break; /* urgent data: the program looks at it first */
    }
    return (int)done;
}

int tapir_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                   struct timespec *timeout)
{
    usec deadline = USEC_NEVER;
    usec wait = USEC_NEVER;
    int r = timeout == NULL ? 0 : timeout_of_timespec(timeout, &wait);

    if (r < 0)
        return (int)errno_result(r);
    if (check_socket(fd, messages, count) < 0)
        return -1;
    if ((flags & MSG_ERRQUEUE) == 0 && has_failed(fd))
        return -1;
    if (wait != USEC_NEVER)
        deadline = time_of(fd) + wait;
    r = receive_until(fd, messages, count, flags, deadline);
    if (r >= 0 && wait != USEC_NEVER) {
        wait = usec_max(deadline - time_of(fd), 0);
        timeout->tv_sec = wait / USEC_PER_SEC;
        timeout->tv_nsec = wait % USEC_PER_SEC * 1000;
    }
    return r;
}
