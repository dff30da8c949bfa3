/*
 * The bytes of a message, in and out of a program's pieces.
 *
 * A datagram that comes in more pieces than a frame has slices is copied
 * together. The copy must stay until the device has been flushed, so it waits
 * in sockets->kept for the end of the pass.
 */
#include "socket/socket_message.h"
#include "socket/socket_kind.h"

#include <errno.h>
#include <limits.h>

struct kept {
    struct list node;
    size_t len;
    uint8_t data[];
};

ssize_t message_len(const struct socket_message *message)
{
    size_t len = 0;

    for (int i = 0; i < message->iov_count; i++) {
        if (message->iov[i].iov_len > SSIZE_MAX - len)
            return -EINVAL;
        len += message->iov[i].iov_len;
    }
    return (ssize_t)len;
}

static unsigned count_pieces(const struct socket_message *message)
{
    unsigned count = 0;

    for (int i = 0; i < message->iov_count; i++)
        count += message->iov[i].iov_len > 0;
    return count;
}

static unsigned borrow(const struct socket_message *message,
                       struct bytes pieces[static FRAME_SLICES])
{
    unsigned count = 0;

    for (int i = 0; i < message->iov_count; i++) {
        const struct iovec *iov = &message->iov[i];

        if (iov->iov_len > 0)
            pieces[count++] = bytes_of(iov->iov_base, iov->iov_len);
    }
    return count;
}

int message_copy(struct sockets *sockets, const struct socket_message *message,
                 struct bytes *out)
{
    size_t len = (size_t)message_len(message);
    struct kept *kept =
        memory_resize(sockets->env->memory, NULL, 0, sizeof(*kept) + len);

    if (kept == NULL)
        return -ENOBUFS;
    kept->len = 0;
    for (int i = 0; i < message->iov_count; i++) {
        const struct iovec *iov = &message->iov[i];

        if (iov->iov_len > 0)
            memcpy(kept->data + kept->len, iov->iov_base, iov->iov_len);
        kept->len += iov->iov_len;
    }
    list_append(&sockets->kept, &kept->node);
    *out = bytes_of(kept->data, len);
    return 1;
}

int message_pieces(struct sockets *sockets,
                   const struct socket_message *message,
                   struct bytes pieces[static FRAME_SLICES])
{
    if (count_pieces(message) <= FRAME_SLICES)
        return (int)borrow(message, pieces);
    return message_copy(sockets, message, pieces);
}

size_t message_fill_at(const struct socket_message *message, size_t at,
                       struct bytes data)
{
    size_t done = 0;

    for (int i = 0; i < message->iov_count && done < data.len; i++) {
        const struct iovec *iov = &message->iov[i];
        size_t skipped = min_size(at, iov->iov_len);
        size_t part = min_size(iov->iov_len - skipped, data.len - done);

        if (part > 0)
            memcpy((uint8_t *)iov->iov_base + skipped, data.data + done, part);
        at -= skipped;
        done += part;
    }
    return done;
}

size_t message_fill(const struct socket_message *message, struct bytes data)
{
    return message_fill_at(message, 0, data);
}

size_t socket_peek_offset(const struct socket *socket)
{
    int offset = socket->settings.peek_offset;

    return offset < 0 ? 0 : (size_t)offset;
}

void socket_was_peeked(struct socket *socket, size_t len)
{
    int *offset = &socket->settings.peek_offset;

    if (*offset >= 0)
        *offset += (int)min_size(len, (size_t)(INT_MAX - *offset));
}

void socket_was_read(struct socket *socket, size_t len)
{
    int *offset = &socket->settings.peek_offset;

    if (*offset > 0)
        *offset -= (int)min_size(len, (size_t)*offset);
}

void message_end_pass(struct sockets *sockets)
{
    struct list *node;

    while ((node = list_pop(&sockets->kept)) != NULL) {
        struct kept *kept = container_of(node, struct kept, node);

        memory_free(sockets->env->memory, kept, sizeof(*kept) + kept->len);
    }
}
