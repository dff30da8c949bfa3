/*
 * The error queue of a socket: ip(7), IP_RECVERR and MSG_ERRQUEUE.
 */
#define _GNU_SOURCE /* POLLPRI with the XSI names */
#include "socket/socket_control.h"
#include "socket/socket_kind.h"
#include "socket/socket_message.h"

#include <errno.h>

/* Linux: what the options ask for is told of the ICMP message; the port is
 * what stands in its place in what is quoted, and without both ports there is
 * no destination. */
static void tell_packet(const struct socket *socket,
                        const struct error_report *report,
                        struct socket_control *control)
{
    enum { DST_PORT = 2, PORTS_LEN = 4 };
    bool has_port = report->len >= PORTS_LEN;

    if (report->iface == 0)
        return;
    control->present |= socket_wants(socket) & CONTROL_OF_PACKET;
    if (!has_port)
        control->present &= ~(unsigned)CONTROL_DESTINATION;
    control->ttl = report->ttl;
    control->tos = report->tos;
    control->source = IP_ADDR_ANY_V4;
    control->destination = (struct endpoint){
        .addr = report->told,
        .scope = report->iface,
        .port = has_port ? get_be16(report->data + DST_PORT) : 0,
    };
}

static void tell(const struct socket *socket, const struct error_report *report,
                 struct socket_message *message)
{
    struct socket_control *control = message->control;

    if (message->name != NULL)
        *message->name = report->to;
    if (control == NULL)
        return;
    *control = (struct socket_control){
        .present = CONTROL_ERROR,
        .timestamp = socket->settings.timestamp,
        .arrived = report->arrived,
        .error = {.error = report->error,
                  .origin = report->origin,
                  .type = report->type,
                  .code = report->code,
                  .info = report->info,
                  .offender = report->offender},
    };
    if (control->timestamp != 0)
        control->present |= CONTROL_TIMESTAMP;
    tell_packet(socket, report, control);
}

/*
 * Linux: what was read of the network's is no longer pending; the next such
 * one is.
 */
static void renew_pending(struct socket *socket, uint8_t origin,
                          const struct error_report *next)
{
    int error = next != NULL && next->origin == ERROR_ICMP ? next->error : 0;

    if (origin != ERROR_ICMP && error == 0)
        return;
    if (socket->ops->set_error != NULL)
        socket->ops->set_error(socket, error);
    else
        (void)socket->ops->take_error(socket);
}

/* MSG_PEEK is not looked at, as in Linux. */
ssize_t socket_receive_error(struct socket *socket,
                             struct socket_message *message)
{
    struct error_queue *queue =
        socket->ops->errors == NULL ? NULL : socket->ops->errors(socket);
    const struct error_report *report =
        queue == NULL ? NULL : error_queue_first(queue);

    if (report == NULL)
        return -EAGAIN;

    size_t copied = message_fill(message, bytes_of(report->data, report->len));
    uint8_t origin = report->origin;

    message->flags = MSG_ERRQUEUE | (copied < report->len ? MSG_TRUNC : 0);
    tell(socket, report, message);
    error_queue_remove(queue, socket->sockets->env->memory);
    renew_pending(socket, origin, error_queue_first(queue));
    return (ssize_t)copied;
}

int socket_error_events(const struct socket *socket)
{
    return socket->ops->type != SOCK_STREAM &&
                   socket_has(socket, FLAG_SELECT_ERROR_QUEUE)
               ? POLLERR | POLLPRI
               : POLLERR;
}

int socket_errors_readiness(const struct socket *socket)
{
    /* it only looks */
    struct socket *looked_at = (struct socket *)(uintptr_t)socket;
    const struct error_queue *queue =
        socket->ops->errors == NULL ? NULL : socket->ops->errors(looked_at);

    if (queue == NULL || error_queue_first(queue) == NULL)
        return 0;
    return socket_error_events(socket);
}

void socket_forget_errors(struct socket *socket)
{
    struct error_queue *queue =
        socket->ops->errors == NULL ? NULL : socket->ops->errors(socket);

    if (queue != NULL)
        error_queue_clear(queue, socket->sockets->env->memory);
}
