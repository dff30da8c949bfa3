/*
 * The calls that carry data. A blocking send of a stream goes on until all is
 * taken, and MSG_WAITALL until all is there, as POSIX has it.
 */
#define _GNU_SOURCE /* IOV_MAX */
#include "host/host.h"
#include "host/address.h"
#include "host/call.h"
#include "host/control.h"
#include "host/kernel.h"
#include "host/lend.h"
#include "host/numbers.h"

#include <errno.h>
#include <limits.h>

enum {
    HOST_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL | MSG_CMSG_CLOEXEC
};

/* A place in an array of buffers. */
struct cursor {
    const struct iovec *iov;
    int count;
    size_t offset;     /* into iov[0] */
    struct iovec rest; /* of iov[0] when offset is not 0 */
};

/* Bytes of all buffers; -EINVAL where POSIX says so, -EFAULT for none. */
static ssize_t iov_total(const struct iovec *iov, int count)
{
    size_t total = 0;

    if (count < 0 || count > IOV_MAX)
        return -EINVAL;
    if (iov == NULL && count > 0)
        return -EFAULT;
    for (int i = 0; i < count; i++) {
        if (iov[i].iov_len > (size_t)SSIZE_MAX - total)
            return -EINVAL;
        total += iov[i].iov_len;
    }
    return (ssize_t)total;
}

static void cursor_advance(struct cursor *cursor, size_t len)
{
    cursor->offset += len;
    while (cursor->count > 0 && cursor->offset >= cursor->iov->iov_len) {
        cursor->offset -= cursor->iov->iov_len;
        cursor->iov++;
        cursor->count--;
    }
}

/* A buffer that is nowhere: EFAULT, as far as it can be told. */
static bool has_no_place(const struct iovec *iov, int count)
{
    for (int i = 0; i < count; i++) {
        if (iov[i].iov_base == NULL && iov[i].iov_len > 0)
            return true;
    }
    return false;
}

/* What is to be carried next: the rest of one buffer, or all that are left. */
static void cursor_fill(struct cursor *cursor, struct socket_message *message)
{
    message->iov = cursor->iov;
    message->iov_count = cursor->count;
    if (cursor->offset == 0)
        return;
    cursor->rest = (struct iovec){
        .iov_base = (char *)cursor->iov->iov_base + cursor->offset,
        .iov_len = cursor->iov->iov_len - cursor->offset,
    };
    message->iov = &cursor->rest;
    message->iov_count = 1;
}

/* Once, waiting until the core takes something. */
static ssize_t send_some(struct call *call, struct socket_message *message)
{
    struct file *file = call->file;

    for (;;) {
        ssize_t sent =
            stack_send(file->stack->core, call_now(call), file->id, message);

        if (sent != -EAGAIN)
            return sent;
        file->was_full = true;
        sent = call_wait(call, POLLOUT);
        if (sent < 0)
            return sent;
    }
}

/*
 * MSG_FASTOPEN, as Linux: a connect that has taken some bytes with it, and
 * waits like one. The count of them, or connect's error; the rest goes as ever.
 */
static ssize_t begin_fast_open(struct call *call,
                               struct socket_message *message)
{
    struct file *file = call->file;
    ssize_t sent = stack_send(file->stack->core, stack_now(file->stack),
                              file->id, message);
    int r;

    message->flags &= ~MSG_FASTOPEN;
    if (sent == -EAGAIN && !call->is_nonblocking)
        return 0; /* connected, and there is no room at the moment */
    if (call->is_nonblocking || message->name == NULL ||
        (sent < 0 && sent != -EINPROGRESS && sent != -EALREADY))
        return sent;
    r = call_connect(call, message->name);
    if (r == 0 || r == -EISCONN) /* it was open before */
        return sent < 0 ? 0 : sent;
    return r == -EINPROGRESS ? sent : r;
}

/* What was sent before a failure counts; the failure is told next time. */
static ssize_t send_all(struct call *call, struct socket_message *message,
                        size_t total)
{
    struct cursor cursor = {.iov = message->iov, .count = message->iov_count};
    size_t done = 0;

    if (message->flags & MSG_FASTOPEN) {
        ssize_t sent = begin_fast_open(call, message);

        if (sent < 0 || (size_t)sent == total || call->is_nonblocking)
            return sent;
        done = (size_t)sent;
        cursor_advance(&cursor, done);
    }
    for (;;) {
        ssize_t sent;

        cursor_fill(&cursor, message);
        sent = send_some(call, message);
        if (sent < 0)
            return done > 0 ? (ssize_t)done : sent;
        done += (size_t)sent;
        call->file->was_full = call->file->was_full || done < total;
        if (done >= total || call->is_nonblocking ||
            call->file->socket_type != SOCK_STREAM)
            return (ssize_t)done;
        cursor_advance(&cursor, (size_t)sent);
    }
}

/* Nothing more will come to a datagram socket that is shut; of one that does
 * not block Linux says so by EAGAIN all the same. */
static bool is_shut_for_good(const struct call *call)
{
    const struct file *file = call->file;

    return file->socket_type != SOCK_STREAM && !call->is_nonblocking &&
           (stack_readiness(file->stack->core, file->id) & POLLRDHUP) != 0;
}

static bool has_error(const struct call *call)
{
    const struct file *file = call->file;

    return (stack_readiness(file->stack->core, file->id) & POLLERR) != 0;
}

/* With some bytes in hand an error is left for the next call: 0. */
static ssize_t receive_some(struct call *call, struct socket_message *message,
                            size_t in_hand)
{
    struct file *file = call->file;
    int flags = message->flags;
    bool never_waits =
        (flags & MSG_ERRQUEUE) != 0 ||
        ((flags & MSG_OOB) != 0 && file->socket_type == SOCK_STREAM);

    for (;;) {
        if (in_hand > 0 && has_error(call))
            return 0;

        ssize_t got =
            stack_receive(file->stack->core, call_now(call), file->id, message);

        if (got != -EAGAIN || never_waits)
            return got;
        if (is_shut_for_good(call))
            return 0;
        got = call_wait(call, POLLIN | SOCKET_READY_LESS);
        if (got < 0)
            return got;
        message->flags = flags;
    }
}

/* `needed`: MSG_WAITALL; 0: as many as SO_RCVLOWAT says. */
static ssize_t receive_all(struct call *call, struct socket_message *message,
                           size_t total, size_t needed)
{
    struct cursor cursor = {.iov = message->iov, .count = message->iov_count};
    int flags = message->flags;
    size_t done = 0;

    do { /* once for no bytes, too: Linux waits all the same */
        ssize_t got;

        cursor_fill(&cursor, message);
        message->flags = flags;
        got = receive_some(call, message, done);
        if (got < 0)
            return done > 0 ? (ssize_t)done : got;
        if (got == 0)
            break;
        done += (size_t)got;
        if (done >= (needed > 0 ? needed : message->least))
            break;
        if (stack_at_mark(call->file->stack->core, call->file->id) > 0)
            break; /* urgent data: the program looks at it first */
        cursor_advance(&cursor, (size_t)got);
    } while (done < total);
    return (ssize_t)done;
}

static ssize_t receive(struct call *call, struct socket_message *message,
                       int flags, size_t total)
{
    bool waits =
        total > 0 && (flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE)) == 0 &&
        !call->is_nonblocking && call->file->socket_type == SOCK_STREAM;

    if (!call->is_nonblocking)
        drive_reclaim();

    ssize_t got = waits ? receive_all(call, message, total,
                                      (flags & MSG_WAITALL) != 0 ? total : 0)
                        : receive_some(call, message, 0);

    if (total == 0 && call->is_waiting && (got == -EINTR || got == -EAGAIN) &&
        call->file->socket_type == SOCK_STREAM)
        return 0; /* Linux: however a wait for no bytes has ended */
    return got;
}

/* POSIX: a broken stream raises SIGPIPE in the thread, unless it is asked not
 * to. Called without the lock. */
static void raise_sigpipe(void)
{
    pthread_kill(pthread_self(), SIGPIPE);
    errno = EPIPE;
}

/* 1 and the name, 0 for none, or an error. A stream's is only of use with
 * MSG_FASTOPEN. */
static int whereto(const struct file *file, const struct msghdr *given,
                   int flags, struct endpoint *name)
{
    const struct sockaddr *to = given->msg_name;
    socklen_t len = given->msg_namelen;
    bool is_stream = file->socket_type == SOCK_STREAM;
    int r;

    if (to == NULL || (is_stream && (flags & MSG_FASTOPEN) == 0))
        return 0;
    if (len == 0 && file->socket_type == SOCK_RAW)
        return 0; /* Linux: of these a name without a length is none */
    r = is_stream ? endpoint_from_sockaddr(to, len, name)
                  : endpoint_to_send(to, len, name);
    return r < 0 ? r : 1;
}

/* Linux: of a datagram that goes nowhere what comes with it is not read. */
static int read_control(const struct call *call, const struct msghdr *given,
                        const struct endpoint *to,
                        struct socket_control *control)
{
    const struct file *file = call->file;
    struct endpoint peer;
    int r = control_read(given, file->socket_type, control);

    if (r < 0 && to == NULL && file->socket_type != SOCK_STREAM &&
        stack_remote(file->stack->core, file->id, &peer) == -ENOTCONN)
        return -EDESTADDRREQ;
    return r;
}

/* The time of stacks that are driven, which most often is known by now. */
static usec host_time(const struct call *call)
{
    const struct tapir_stack *stack = call->file->stack;

    if (call->now == 0 || stack == NULL || stack->clock == TAPIR_CLOCK_MANUAL)
        return host_now();
    return call->now;
}

/*
 * The name and what comes beside the bytes, after the port that Linux takes
 * before all else (a stream that may send has one). What is wrong with them a
 * datagram socket finds out in its own time: that is in message->wrong.
 */
static int read_message(const struct call *call, const struct msghdr *given,
                        int flags, struct endpoint *name,
                        struct socket_message *message)
{
    const struct file *file = call->file;
    bool is_stream = file->socket_type == SOCK_STREAM;
    int r = 0;

    if (!is_stream)
        r = stack_take_port(file->stack->core, stack_now(file->stack),
                            file->id);
    if (r < 0)
        return r;
    r = whereto(file, given, flags, name);
    if (r > 0)
        message->name = name;
    if (r >= 0)
        r = read_control(call, given, message->name, message->control);
    if (is_stream)
        return r;
    message->wrong = r;
    return 0;
}

/* `lender`: whose memory it is and stays; NULL: it is copied. */
static ssize_t send_message(int fd, const struct msghdr *given, int flags,
                            const struct lender *lender)
{
    const struct sockaddr *to = given->msg_name;
    socklen_t to_len = given->msg_namelen;
    const struct iovec *iov = given->msg_iov;
    int count = (int)given->msg_iovlen;
    struct socket_control control = {0};
    struct socket_message message = {.iov = iov,
                                     .iov_count = count,
                                     .flags = flags & ~HOST_FLAGS,
                                     .control = &control};
    struct call call;
    struct endpoint name;
    bool is_stream = false;
    ssize_t total = iov_total(iov, count);
    ssize_t r = call_enter(&call, fd);

    if (r == 0 && total < 0)
        r = total;
    if (r == 0 && to != NULL && to_len > sizeof(struct sockaddr_storage))
        r = -EINVAL; /* as Linux, of streams too */
    if (r == 0) {
        is_stream = call.file->socket_type == SOCK_STREAM;
        call.is_nonblocking |= (flags & MSG_DONTWAIT) != 0;
        if (!is_stream)
            message.flags &= ~MSG_FASTOPEN;
        r = read_message(&call, given, flags, &name, &message);
    }
    message.is_nowhere = total > 0 && has_no_place(iov, count);
    if (r == 0 && message.is_nowhere && lender != NULL)
        r = -EFAULT;
    if (r == 0 && lender != NULL) {
        message.lent = lend_begin(lender);
        r = message.lent == NULL ? -ENOBUFS : 0;
    }
    if (r == 0)
        r = send_all(&call, &message, (size_t)total);
    if (message.lent != NULL)
        lend_end(message.lent, r > 0);
    if (r > 0)
        drive_along(host_time(&call));
    r = call_leave(&call, r);
    if (r < 0 && errno == EPIPE && is_stream && (flags & MSG_NOSIGNAL) == 0)
        raise_sigpipe();
    return r;
}

/* `rest`, of which flags and control are filled in, and `from` may be NULL. */
static ssize_t receive_message(int fd, const struct iovec *iov, int count,
                               int flags, struct msghdr *rest,
                               struct sockaddr *from, socklen_t *from_len)
{
    struct socket_control control = {0};
    struct endpoint name = {.addr = IP_ADDR_ANY_V4};
    struct socket_message message = {.iov = iov,
                                     .iov_count = count,
                                     .flags = flags & ~HOST_FLAGS,
                                     .name = &name,
                                     .control = rest != NULL ? &control : NULL};
    struct call call;
    int name_error = 0;
    ssize_t total = iov_total(iov, count);
    ssize_t r = call_enter(&call, fd);

    if (r == 0 && total < 0)
        r = total;
    if (r == 0 && has_no_place(iov, count) &&
        ((flags & MSG_TRUNC) == 0 || call.file->socket_type != SOCK_STREAM))
        r = -EFAULT;
    if (r == 0) {
        call.is_nonblocking |= (flags & MSG_DONTWAIT) != 0;
        r = receive(&call, &message, flags, (size_t)total);
        call.has_received = r > 0;
    }
    if (r >= 0 && from_len != NULL) {
        if ((call.file->socket_type == SOCK_STREAM ||
             (!name.is_link && ip_addr_is_any(&name.addr))) && /* the end */
            (flags & MSG_ERRQUEUE) == 0)
            *from_len = 0; /* as Linux: a stream's peer is getpeername's */
        else
            name_error = endpoint_to_sockaddr(&name, from, from_len);
        if (name_error < 0) /* and what was read is lost, as in Linux */
            r = name_error;
    }
    if (r >= 0 && rest != NULL) {
        rest->msg_flags = message.flags & (MSG_TRUNC | MSG_OOB | MSG_ERRQUEUE);
        control_write(rest, &control, stack_now(call.file->stack));
    }
    return call_leave(&call, r);
}

static struct iovec iov_of(const void *data, size_t len)
{
    return (struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = len};
}

ssize_t tapir_sendto(int fd, const void *data, size_t len, int flags,
                     const struct sockaddr *to, socklen_t to_len)
{
    struct iovec iov = iov_of(data, len);
    struct msghdr message = {.msg_name = (void *)(uintptr_t)to,
                             .msg_namelen = to_len,
                             .msg_iov = &iov,
                             .msg_iovlen = 1};

    return send_message(fd, &message, flags, NULL);
}

ssize_t tapir_send_lend(int fd, const void *data, size_t len, int flags,
                        tapir_lent_fn *done, void *arg)
{
    struct iovec iov = iov_of(data, len);
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    struct lender lender = {.done = done, .arg = arg};

    if (done == NULL)
        return errno_result(-EFAULT);
    return send_message(fd, &message, flags, &lender);
}

ssize_t tapir_send(int fd, const void *data, size_t len, int flags)
{
    return tapir_sendto(fd, data, len, flags, NULL, 0);
}

ssize_t tapir_sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (message == NULL || message->msg_iovlen > IOV_MAX)
        return errno_result(message == NULL ? -EFAULT : -EMSGSIZE);

    struct msghdr given = *message;

    if (given.msg_namelen == 0)
        given.msg_name = NULL;
    if ((int)given.msg_namelen > (int)sizeof(struct sockaddr_storage))
        given.msg_namelen = sizeof(struct sockaddr_storage); /* as Linux */
    return send_message(fd, &given, flags, NULL);
}

ssize_t tapir_recvfrom(int fd, void *data, size_t len, int flags,
                       struct sockaddr *from, socklen_t *from_len)
{
    struct iovec iov = iov_of(data, len);

    if (from != NULL && from_len == NULL)
        return errno_result(-EFAULT);
    return receive_message(fd, &iov, 1, flags, NULL, from,
                           from == NULL ? NULL : from_len);
}

ssize_t tapir_recv(int fd, void *data, size_t len, int flags)
{
    return tapir_recvfrom(fd, data, len, flags, NULL, NULL);
}

ssize_t tapir_recvmsg(int fd, struct msghdr *message, int flags)
{
    if (message == NULL || message->msg_iovlen > IOV_MAX)
        return errno_result(message == NULL ? -EFAULT : -EMSGSIZE);
    return receive_message(fd, message->msg_iov, (int)message->msg_iovlen,
                           flags, message, message->msg_name,
                           message->msg_name == NULL ? NULL
                                                     : &message->msg_namelen);
}

/* What stands behind a number, held; NULL: nothing. */
static struct file *hold_file(int fd)
{
    struct file *file;

    host_lock();
    file = number_file(fd);
    if (file != NULL)
        file_hold(file);
    host_unlock();
    return file;
}

static void release_file(struct file *file)
{
    int error = errno;

    host_lock();
    file_release(file);
    host_unlock();
    errno = error;
}

/* Linux: nothing is asked of a socket for no bytes, as read(2) has it, but of
 * recv(2) it is. */
ssize_t tapir_readv(int fd, const struct iovec *iov, int count)
{
    struct file *file = hold_file(fd);
    ssize_t r = iov_total(iov, count);

    if (file == NULL)
        return errno_result(-EBADF);
    if (file->kind == FILE_KERNEL)
        return kernel_readv(file, iov, count); /* releases it */
    if (file->kind == FILE_EPOLL)
        r = -EINVAL;
    release_file(file);
    if (r <= 0)
        return errno_result(r);
    return receive_message(fd, iov, count, 0, NULL, NULL, NULL);
}

static ssize_t write_pieces(int fd, const struct iovec *iov, int count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)iov,
                             .msg_iovlen = (size_t)count};
    struct file *file = hold_file(fd);

    if (file == NULL)
        return errno_result(-EBADF);
    if (file->kind == FILE_KERNEL)
        return kernel_writev(file, iov, count); /* releases it */
    if (file->kind == FILE_EPOLL) {
        release_file(file);
        return errno_result(-EINVAL);
    }
    release_file(file);
    return send_message(fd, &message, 0, NULL);
}

/* Linux: writev of no bytes is nothing, write of none an empty datagram. */
ssize_t tapir_writev(int fd, const struct iovec *iov, int count)
{
    ssize_t total = iov_total(iov, count);
    struct iovec nothing = {0};

    if (total > 0)
        return write_pieces(fd, iov, count);
    if (total == 0 && tapir_readv(fd, &nothing, 1) < 0)
        return -1; /* no such number, or an epoll set */
    return errno_result(total);
}

ssize_t tapir_read(int fd, void *data, size_t len)
{
    struct iovec iov = iov_of(data, len);

    return tapir_readv(fd, &iov, 1);
}

ssize_t tapir_write(int fd, const void *data, size_t len)
{
    struct iovec iov = iov_of(data, len);

    return write_pieces(fd, &iov, 1);
}
