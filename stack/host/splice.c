/*
 * sendfile and splice between sockets of a stack and descriptors of the
 * kernel. The bytes are copied once more than in a kernel: TCP's buffers hold
 * bytes, not pages.
 *
 * No byte is lost on the way: what a pipe gives is first copied from it
 * (tee(2)) and taken out when the socket has it; what a socket gives is first
 * looked at (MSG_PEEK) and taken out when the pipe has it.
 */
#define _GNU_SOURCE
#include "host/host.h"
#include "host/kernel.h"
#include "host/numbers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CHUNK = 65536,             /* as much as a pipe holds */
    TRANSFER_MAX = 0x7ffff000, /* sendfile(2) */
    SPLICE_FLAGS =
        SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT
};

/* One end of a transfer. */
struct end {
    int number;
    struct file *file; /* held; NULL: the kernel's, and not in the table */
    int kernel_fd;     /* -1: a socket of ours */
    mode_t mode;       /* of a kernel's: S_IFIFO, S_IFREG, ... */
};

static int end_find(struct end *end, int number)
{
    struct stat status;
    struct file *file;

    *end = (struct end){.number = number, .kernel_fd = -1};
    host_lock();
    file = end->file = number_file(number);
    if (file != NULL)
        file_hold(file);
    host_unlock();
    if (file == NULL && the_host.numbers == NULL)
        return -EBADF;
    if (file != NULL && file->kind == FILE_EPOLL)
        return -EINVAL;
    if (file != NULL && file->kind == FILE_SOCKET)
        return 0;
    end->kernel_fd = file == NULL ? number : file->kernel_fd;
    if (fstat(end->kernel_fd, &status) < 0)
        return -errno;
    end->mode = status.st_mode & S_IFMT;
    return 0;
}

static void end_release(struct end *end)
{
    if (end->file == NULL)
        return;
    host_lock();
    file_release(end->file);
    host_unlock();
}

static bool is_pipe(const struct end *end)
{
    return end->kernel_fd >= 0 && end->mode == S_IFIFO;
}

/* O_RDONLY or O_WRONLY; a socket of ours has both. */
static bool has_access(const struct end *end, int wanted)
{
    int mode = end->kernel_fd < 0 ? O_RDWR
                                  : fcntl(end->kernel_fd, F_GETFL) & O_ACCMODE;

    return mode == O_RDWR || mode == wanted;
}

static bool is_socket(const struct end *end)
{
    return end->kernel_fd < 0;
}

/* -1 and errno of a call become a negative errno. */
static ssize_t negative(ssize_t result)
{
    return result < 0 ? -errno : result;
}

/* ---- sendfile ----------------------------------------------------------- */

/* From `at` to the file's end, or `count` bytes. A socket that does not block
 * may take less. */
static ssize_t send_range(const struct end *out, const struct end *in, off_t at,
                          size_t count)
{
    char data[CHUNK];
    size_t done = 0;

    while (done < count) {
        size_t len = count - done < CHUNK ? count - done : CHUNK;
        ssize_t got =
            negative(pread(in->kernel_fd, data, len, at + (off_t)done));
        ssize_t sent;

        if (got <= 0)
            return done > 0 ? (ssize_t)done : got;
        sent = negative(tapir_send(out->number, data, (size_t)got,
                                   done + (size_t)got < count ? MSG_MORE : 0));
        if (sent < 0)
            return done > 0 ? (ssize_t)done : sent;
        done += (size_t)sent;
        if (sent < got)
            break;
    }
    return (ssize_t)done;
}

static bool is_readable_at(mode_t mode)
{
    return mode == S_IFREG || mode == S_IFBLK || mode == S_IFCHR;
}

/* No more than there is: so that the last segment is known to be the last. A
 * file of /proc does not say how much it has. */
static ssize_t send_file(const struct end *out, const struct end *in,
                         off_t *offset, size_t count)
{
    off_t at = offset != NULL ? *offset : lseek(in->kernel_fd, 0, SEEK_CUR);
    struct stat status;
    ssize_t sent;

    if (at < 0 || !is_readable_at(in->mode))
        return -EINVAL;
    if (fstat(in->kernel_fd, &status) < 0)
        return -errno;
    count = count > TRANSFER_MAX ? TRANSFER_MAX : count;
    if (status.st_size > at && count > (size_t)(status.st_size - at))
        count = (size_t)(status.st_size - at);
    sent = send_range(out, in, at, count);
    if (sent < 0)
        return sent;
    if (offset != NULL)
        *offset = at + sent;
    else if (lseek(in->kernel_fd, at + sent, SEEK_SET) < 0)
        return -errno;
    return sent;
}

static ssize_t socket_to_pipe(const struct end *in, const struct end *out,
                              size_t count, unsigned flags);

static ssize_t sendfile_ends(const struct end *out, const struct end *in,
                             off_t *offset, size_t count)
{
    if (!is_socket(out) && !is_socket(in))
        return negative(sendfile(out->kernel_fd, in->kernel_fd, offset, count));
    if (!is_socket(in))
        return send_file(out, in, offset, count);
    if (!is_pipe(out) || offset != NULL) /* as Linux */
        return -EINVAL;
    return socket_to_pipe(in, out, count, 0);
}

/* Linux: behind the end there is nothing to go to. */
static bool appends(const struct end *end)
{
    return is_socket(end) && end->file != NULL &&
           (end->file->status & O_APPEND) != 0;
}

ssize_t tapir_sendfile(int out_number, int in_number, off_t *offset,
                       size_t count)
{
    struct end out;
    struct end in = {0};
    ssize_t r = end_find(&out, out_number);

    if (r == 0)
        r = end_find(&in, in_number);
    if (r == 0 && appends(&out))
        r = -EINVAL;
    if (r == 0)
        r = sendfile_ends(&out, &in, offset,
                          count < SSIZE_MAX ? count : SSIZE_MAX);
    end_release(&in);
    end_release(&out);
    return errno_result(r);
}

/* ---- splice ------------------------------------------------------------- */

static bool pipe_waits(const struct end *pipe, unsigned flags)
{
    int status = fcntl(pipe->kernel_fd, F_GETFL);

    return (flags & SPLICE_F_NONBLOCK) == 0 && (status & O_NONBLOCK) == 0;
}

/* What the pipe takes at once; -EAGAIN. */
static ssize_t pipe_put(const struct end *pipe, const char *data, size_t len)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};

    return negative(pwritev2(pipe->kernel_fd, &iov, 1, -1, RWF_NOWAIT));
}

/* Of a stream so many bytes, of datagrams the one that was looked at. */
static void socket_drop(const struct end *socket, size_t len)
{
    ssize_t r = tapir_recv(socket->number, NULL,
                           socket->file->socket_type == SOCK_STREAM ? len : 0,
                           MSG_TRUNC | MSG_DONTWAIT);

    (void)r; /* it was there just now */
}

static ssize_t peeked_to_pipe(const struct end *in, const struct end *out,
                              const char *data, size_t len, unsigned flags)
{
    ssize_t put = pipe_put(out, data, len);

    if (put == -EAGAIN && pipe_waits(out, flags)) {
        int r = kernel_wait(out->kernel_fd, POLLOUT);

        put = r < 0 ? r : pipe_put(out, data, len);
    }
    if (put > 0)
        socket_drop(in, (size_t)put);
    return put;
}

/* Waits for the first bytes only; as Linux: SPLICE_F_NONBLOCK is the pipe's,
 * and a socket that blocks goes on to do so. */
static ssize_t socket_to_pipe(const struct end *in, const struct end *out,
                              size_t count, unsigned flags)
{
    char data[CHUNK];
    ssize_t got = negative(
        tapir_recv(in->number, data, count < CHUNK ? count : CHUNK, MSG_PEEK));

    if (got <= 0)
        return got;
    return peeked_to_pipe(in, out, data, (size_t)got, flags);
}

/* As much as lies in the pipe, which keeps it; 0 at its end, -EAGAIN. */
static ssize_t pipe_peek(const struct end *pipe, char *data, size_t len)
{
    int scratch[2];
    ssize_t got;

    if (pipe2(scratch, O_CLOEXEC) < 0)
        return -errno;
    got = negative(tee(pipe->kernel_fd, scratch[1], len, SPLICE_F_NONBLOCK));
    if (got > 0)
        got = negative(read(scratch[0], data, (size_t)got));
    close(scratch[0]);
    close(scratch[1]);
    return got;
}

static ssize_t pipe_to_socket(const struct end *in, const struct end *out,
                              size_t count, unsigned flags)
{
    char data[CHUNK];
    size_t len = count < CHUNK ? count : CHUNK;
    int send_flags = ((flags & SPLICE_F_NONBLOCK) != 0 ? MSG_DONTWAIT : 0) |
                     ((flags & SPLICE_F_MORE) != 0 ? MSG_MORE : 0);
    ssize_t got = pipe_peek(in, data, len);
    ssize_t sent;

    while (got == -EAGAIN && pipe_waits(in, flags)) {
        int r = kernel_wait(in->kernel_fd, POLLIN);

        got = r < 0 ? r : pipe_peek(in, data, len);
    }
    if (got <= 0)
        return got;
    sent = negative(tapir_send(out->number, data, (size_t)got, send_flags));
    if (sent <= 0)
        return sent;
    return negative(read(in->kernel_fd, data, (size_t)sent));
}

static ssize_t splice_ends(const struct end *in, off_t *in_offset,
                           const struct end *out, off_t *out_offset,
                           size_t count, unsigned flags)
{
    if (!is_socket(in) && !is_socket(out))
        return negative(splice(in->kernel_fd, in_offset, out->kernel_fd,
                               out_offset, count, flags));
    if ((is_pipe(in) && in_offset != NULL) ||
        (is_pipe(out) && out_offset != NULL))
        return -ESPIPE;
    if ((!is_pipe(in) && !is_pipe(out)) || in_offset != NULL ||
        out_offset != NULL)
        return -EINVAL; /* one end is a pipe, and a socket has no offset */
    if (!has_access(in, O_RDONLY) || !has_access(out, O_WRONLY))
        return -EBADF;
    if (appends(out))
        return -EINVAL;
    return is_pipe(in) ? pipe_to_socket(in, out, count, flags)
                       : socket_to_pipe(in, out, count, flags);
}

ssize_t tapir_splice(int in_number, off_t *in_offset, int out_number,
                     off_t *out_offset, size_t count, unsigned flags)
{
    struct end in;
    struct end out = {0};
    ssize_t r;

    if (count == 0)
        return 0;
    if ((flags & ~(unsigned)SPLICE_FLAGS) != 0)
        return errno_result(-EINVAL);
    r = end_find(&in, in_number);
    if (r == 0)
        r = end_find(&out, out_number);
    if (r == 0)
        r = splice_ends(&in, in_offset, &out, out_offset, count, flags);
    end_release(&out);
    end_release(&in);
    return errno_result(r);
}
