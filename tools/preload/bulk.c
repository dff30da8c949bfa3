/*
 * sendmmsg, recvmmsg, sendfile and splice on sockets of ours, made of the calls
 * that the library has.
 */
#include "bulk.h"

#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK = 1 << 16 };

int bulk_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    for (unsigned i = 0; i < count; i++) {
        ssize_t sent = tapir_sendmsg(fd, &messages[i].msg_hdr, flags);

        if (sent < 0)
            return i > 0 ? (int)i : -1;
        messages[i].msg_len = (unsigned)sent;
    }
    return (int)count;
}

/* The time-out is looked at between messages only, as in Linux (its manual
 * counts that among the bugs), so one that has not come yet is not waited for
 * once there is another. */
int bulk_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    int later = flags & MSG_WAITFORONE ? MSG_DONTWAIT : 0;

    flags &= ~MSG_WAITFORONE;
    for (unsigned i = 0; i < count; i++) {
        ssize_t got = tapir_recvmsg(fd, &messages[i].msg_hdr,
                                    flags | (i > 0 ? later : 0));

        if (got < 0)
            return i > 0 ? (int)i : -1;
        messages[i].msg_len = (unsigned)got;
    }
    return (int)count;
}

static ssize_t read_at(int in, off_t *offset, void *data, size_t len)
{
    return offset != NULL ? pread(in, data, len, *offset)
                          : real.read(in, data, len);
}

/* What was read of a file and not sent is to be read again. */
static void step(int in, off_t *offset, ssize_t got, ssize_t sent)
{
    if (offset != NULL)
        *offset += sent;
    else if (sent < got)
        lseek(in, sent - got, SEEK_CUR);
}

/* One chunk; fewer than that are sent at the end, or when it would block. */
static ssize_t send_chunk(int out, int in, off_t *offset, void *data,
                          size_t len)
{
    ssize_t got = read_at(in, offset, data, len);
    ssize_t sent = got;

    if (got <= 0)
        return got;
    sent = tapir_write(out, data, (size_t)got);
    step(in, offset, got, sent < 0 ? 0 : sent);
    return sent;
}

ssize_t bulk_sendfile(int out, int in, off_t *offset, size_t count)
{
    char *data = malloc(CHUNK);
    size_t done = 0;

    if (data == NULL)
        return -1;
    while (done < count) {
        size_t len = count - done < CHUNK ? count - done : CHUNK;
        ssize_t sent = send_chunk(out, in, offset, data, len);

        if (sent < 0 && done == 0) {
            free(data);
            return -1;
        }
        if (sent <= 0)
            break;
        done += (size_t)sent;
        if ((size_t)sent < len)
            break;
    }
    free(data);
    return (ssize_t)done;
}

/* How much the pipe at the other end can give or take now. */
static ssize_t move(int in, int out, size_t len)
{
    char data[CHUNK / 4];
    ssize_t got;

    if (len > sizeof(data))
        len = sizeof(data);
    if (!is_socket(in)) {
        got = real.read(in, data, len);
        return got <= 0 ? got : tapir_send(out, data, (size_t)got, 0);
    }
    got = tapir_recv(in, data, len, MSG_PEEK);
    if (got <= 0)
        return got;
    got = is_socket(out) ? -1 : real.write(out, data, (size_t)got);
    return got <= 0 ? got : tapir_recv(in, data, (size_t)got, 0);
}

ssize_t bulk_splice(int in, int out, size_t len, unsigned flags)
{
    int socket = is_socket(in) ? in : out;
    int was = tapir_fcntl(socket, F_GETFL);
    ssize_t r;

    if ((flags & SPLICE_F_NONBLOCK) == 0 || (was & O_NONBLOCK) != 0)
        return move(in, out, len);
    tapir_fcntl(socket, F_SETFL, was | O_NONBLOCK);
    r = move(in, out, len);
    tapir_fcntl(socket, F_SETFL, was);
    return r;
}
