#include "socket/socket_show.h"

#include "socket/socket_kind.h"

#include <errno.h>

enum { SLOTS_OF_A_CALL = 1024 };

socket_id socket_id_of_owner(const void *owner)
{
    return owner == NULL ? 0 : socket_number(owner);
}

static bool has_connection(const struct tcb *tcb)
{
    return tcb == NULL ||
           (tcp_status(tcb) != TCPS_LISTEN && tcp_status(tcb) != TCPS_CLOSED);
}

static void show_datagrams(const struct socket *socket,
                           struct socket_shown *out)
{
    const struct dgram_queue *queue = socket->ops->received(socket);

    out->local = socket->ops->local(socket);
    if (socket->ops->remote(socket, &out->remote) < 0)
        out->remote = (struct endpoint){0};
    out->receive_queue = (uint32_t)queue->used;
    out->receive_buffer = (uint32_t)queue->limit;
    out->send_buffer = socket->settings.send_buffer;
    out->lost = queue->lost;
}

/* False: it is not to be shown here. */
static bool show(const struct socket *socket, enum tcp_show_depth depth,
                 struct socket_shown *out)
{
    const struct socket_ops *ops = socket->ops;

    if (ops->tcb != NULL && has_connection(ops->tcb(socket)))
        return false;
    *out = (struct socket_shown){
        .id = socket->id,
        .domain = ops->domain,
        .type = ops->type,
        .protocol = socket->protocol,
    };
    if (ops->tcb == NULL)
        show_datagrams(socket, out);
    else
        tcp_show(ops->tcb(socket), depth, &out->tcp);
    return true;
}

int socket_show_next(const struct sockets *sockets, uint32_t *cursor,
                     enum tcp_show_depth depth, struct socket_shown *out)
{
    for (unsigned i = 0; i < SLOTS_OF_A_CALL; i++) {
        if (*cursor >= sockets->slot_count)
            return -ENOENT;

        const struct socket *socket = sockets->slots[(*cursor)++].socket;

        if (socket != NULL && show(socket, depth, out))
            return 1;
    }
    return 0;
}
