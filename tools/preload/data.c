/*
 * The calls that carry data. The first line of each asks whose the number is:
 * one atomic load, no lock, so that on the kernel's descriptors they stay what
 * they are, also in a signal's handler.
 */
#include "shim.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

EXPORT ssize_t read(int fd, void *data, size_t len)
{
    return is_socket(fd) ? tapir_read(fd, data, len) : real.read(fd, data, len);
}

EXPORT ssize_t write(int fd, const void *data, size_t len)
{
    return is_socket(fd) ? tapir_write(fd, data, len)
                         : real.write(fd, data, len);
}

EXPORT ssize_t readv(int fd, const struct iovec *iov, int count)
{
    return is_socket(fd) ? tapir_readv(fd, iov, count)
                         : real.readv(fd, iov, count);
}

EXPORT ssize_t writev(int fd, const struct iovec *iov, int count)
{
    return is_socket(fd) ? tapir_writev(fd, iov, count)
                         : real.writev(fd, iov, count);
}

/*
 * readv and writev with flags, and at an offset, which no socket has: -1 is
 * none. What concerns files alone has no effect, as with the kernel's sockets.
 */
enum {
    FOR_FILES = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND | 0x20,
    NO_SIGNAL = 0x100 /* RWF_NOSIGNAL, Linux 6.18 */
};

/* The flags as those of a message; -1 and errno. */
static int message_flags(int flags, int count)
{
    if ((flags & ~(FOR_FILES | RWF_NOWAIT | NO_SIGNAL)) != 0) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if (count < 0 || count > IOV_MAX) {
        errno = EINVAL;
        return -1;
    }
    return ((flags & RWF_NOWAIT) != 0 ? MSG_DONTWAIT : 0) |
           ((flags & NO_SIGNAL) != 0 ? MSG_NOSIGNAL : 0);
}

/* Nothing to move: Linux does not ask the socket then. */
static bool is_empty(const struct iovec *iov, int count)
{
    for (int i = 0; i < count; i++)
        if (iov[i].iov_len != 0)
            return false;
    return true;
}

static struct msghdr message_of(const struct iovec *iov, int count)
{
    return (struct msghdr){.msg_iov = (struct iovec *)iov,
                           .msg_iovlen = (size_t)count};
}

EXPORT ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset,
                       int flags)
{
    struct msghdr message = message_of(iov, count);

    if (!is_socket(fd) || offset != -1)
        return real.preadv2(fd, iov, count, offset, flags);
    flags = message_flags(flags, count);
    if (flags <= 0)
        return flags < 0 ? -1 : tapir_readv(fd, iov, count);
    if (is_empty(iov, count))
        return 0;
    return tapir_recvmsg(fd, &message, flags);
}

EXPORT ssize_t pwritev2(int fd, const struct iovec *iov, int count,
                        off_t offset, int flags)
{
    struct msghdr message = message_of(iov, count);

    if (!is_socket(fd) || offset != -1)
        return real.pwritev2(fd, iov, count, offset, flags);
    flags = message_flags(flags, count);
    if (flags <= 0)
        return flags < 0 ? -1 : tapir_writev(fd, iov, count);
    if (is_empty(iov, count))
        return 0;
    return tapir_sendmsg(fd, &message, flags);
}

EXPORT ssize_t preadv64v2(int fd, const struct iovec *iov, int count,
                          off_t offset, int flags)
    __attribute__((alias("preadv2")));
EXPORT ssize_t pwritev64v2(int fd, const struct iovec *iov, int count,
                           off_t offset, int flags)
    __attribute__((alias("pwritev2")));

EXPORT ssize_t send(int fd, const void *data, size_t len, int flags)
{
    return is_socket(fd) ? tapir_send(fd, data, len, flags)
                         : real.send(fd, data, len, flags);
}

/* Without an address it is send's, and decides nothing. */
EXPORT ssize_t sendto(int fd, const void *data, size_t len, int flags,
                      const struct sockaddr *to, socklen_t to_len)
{
    if (!is_socket(fd) || (to != NULL && !loopback_decide(fd, to, to_len)))
        return real.sendto(fd, data, len, flags, to, to_len);
    return tapir_sendto(fd, data, len, flags, to, to_len);
}

static bool message_is_ours(int fd, const struct msghdr *message)
{
    return is_socket(fd) &&
           (message == NULL || message->msg_name == NULL ||
            loopback_decide(fd, message->msg_name, message->msg_namelen));
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return message_is_ours(fd, message) ? tapir_sendmsg(fd, message, flags)
                                        : real.sendmsg(fd, message, flags);
}

/* The first message decides for all of them. */
EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    if (!message_is_ours(fd, count > 0 ? &messages[0].msg_hdr : NULL))
        return real.sendmmsg(fd, messages, count, flags);
    return tapir_sendmmsg(fd, messages, count, flags);
}

EXPORT ssize_t recv(int fd, void *data, size_t len, int flags)
{
    return is_socket(fd) ? tapir_recv(fd, data, len, flags)
                         : real.recv(fd, data, len, flags);
}

EXPORT ssize_t recvfrom(int fd, void *data, size_t len, int flags,
                        struct sockaddr *from, socklen_t *from_len)
{
    return is_socket(fd) ? tapir_recvfrom(fd, data, len, flags, from, from_len)
                         : real.recvfrom(fd, data, len, flags, from, from_len);
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    return is_socket(fd) ? tapir_recvmsg(fd, message, flags)
                         : real.recvmsg(fd, message, flags);
}

EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout)
{
    return is_socket(fd) ? tapir_recvmmsg(fd, messages, count, flags, timeout)
                         : real.recvmmsg(fd, messages, count, flags, timeout);
}

EXPORT ssize_t sendfile(int out, int in, off_t *offset, size_t count)
{
    return is_socket(out) || is_socket(in)
               ? tapir_sendfile(out, in, offset, count)
               : real.sendfile(out, in, offset, count);
}

EXPORT ssize_t splice(int in, off64_t *in_offset, int out, off64_t *out_offset,
                      size_t len, unsigned flags)
{
    return is_socket(out) || is_socket(in)
               ? tapir_splice(in, in_offset, out, out_offset, len, flags)
               : real.splice(in, in_offset, out, out_offset, len, flags);
}

EXPORT ssize_t sendfile64(int out, int in, off_t *offset, size_t count)
    __attribute__((alias("sendfile")));
EXPORT ssize_t __read(int fd, void *data, size_t len)
    __attribute__((alias("read")));
EXPORT ssize_t __write(int fd, const void *data, size_t len)
    __attribute__((alias("write")));
EXPORT ssize_t __send(int fd, const void *data, size_t len, int flags)
    __attribute__((alias("send")));

/* ---- As -D_FORTIFY_SOURCE calls them: with the room that there is ----------
 */

static void check_room(size_t len, size_t room)
{
    if (len > room)
        abort();
}

EXPORT ssize_t __read_chk(int fd, void *data, size_t len, size_t room);
EXPORT ssize_t __read_chk(int fd, void *data, size_t len, size_t room)
{
    check_room(len, room);
    return is_socket(fd) ? tapir_read(fd, data, len) : real.read(fd, data, len);
}

EXPORT ssize_t __recv_chk(int fd, void *data, size_t len, size_t room,
                          int flags);
EXPORT ssize_t __recv_chk(int fd, void *data, size_t len, size_t room,
                          int flags)
{
    check_room(len, room);
    return is_socket(fd) ? tapir_recv(fd, data, len, flags)
                         : real.recv(fd, data, len, flags);
}

EXPORT ssize_t __recvfrom_chk(int fd, void *data, size_t len, size_t room,
                              int flags, struct sockaddr *from,
                              socklen_t *from_len);
EXPORT ssize_t __recvfrom_chk(int fd, void *data, size_t len, size_t room,
                              int flags, struct sockaddr *from,
                              socklen_t *from_len)
{
    check_room(len, room);
    return is_socket(fd) ? tapir_recvfrom(fd, data, len, flags, from, from_len)
                         : real.recvfrom(fd, data, len, flags, from, from_len);
}
