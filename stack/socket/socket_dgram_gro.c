#include "socket/socket_dgram_gro.h"

#include "socket/socket_message.h"

enum { /* as Linux, which joins them to what one packet could be */
       JOINED_MAX = 64,
       JOINED_BYTES_MAX = UDP_PAYLOAD_MAX
};

/* Datagrams that are read together. */
struct train {
    size_t len; /* of all */
    size_t room;
    unsigned count;
    bool is_over;       /* by a shorter one */
    struct dgram first; /* its record, without the bytes; it ends without a
                           size, so nothing may follow it */
};

static bool is_of_train(const struct train *train, const struct dgram *dgram)
{
    const struct dgram *first = &train->first;

    return endpoint_equal(&dgram->src, &first->src) &&
           ip_addr_equal(&dgram->dst, &first->dst) &&
           dgram->iface_index == first->iface_index &&
           dgram->arrived == first->arrived && dgram->ttl == first->ttl &&
           dgram->tos == first->tos;
}

static bool continues(const struct train *train, const struct dgram *dgram)
{
    size_t most = min_size(train->room, JOINED_BYTES_MAX);

    return !train->is_over && train->count < JOINED_MAX && dgram != NULL &&
           dgram->len > 0 && dgram->len <= train->first.len &&
           dgram->len <= most - train->len && is_of_train(train, dgram);
}

static void join(struct train *train, struct socket *socket,
                 struct dgram_queue *queue, struct socket_message *message)
{
    const struct dgram *dgram = dgram_queue_first(queue);
    struct bytes data = bytes_of(dgram->data, dgram->len);

    (void)message_fill_at(message, train->len, data);
    train->is_over = dgram->len < train->first.len;
    train->len += dgram->len;
    train->count++;
    socket_was_read(socket, dgram->len);
    dgram_queue_remove(queue, socket->sockets->env->memory);
}

ssize_t socket_receive_joined(struct socket *socket, struct dgram_queue *queue,
                              struct socket_message *message)
{
    const struct dgram *first = dgram_queue_first(queue);
    bool is_peek = message->flags & MSG_PEEK;
    struct train train = {.room = (size_t)message_len(message), .count = 1};
    ssize_t got;

    if (first != NULL)
        train.first = *first;
    got = socket_receive_dgram(socket, queue, message);
    if (got <= 0 || is_peek || (size_t)got > train.room ||
        (size_t)got < train.first.len)
        return got;
    train.len = (size_t)got;
    while (continues(&train, dgram_queue_first(queue)))
        join(&train, socket, queue, message);
    if (train.count > 1 && message->control != NULL) {
        message->control->present |= CONTROL_SEGMENT;
        message->control->segment = (uint16_t)train.first.len;
    }
    return (ssize_t)train.len;
}
