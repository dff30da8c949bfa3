/*
 * The calls on a socket, POSIX.1-2017 XSH 2.10: what is the same for every
 * kind is done here, the rest by the kind's own functions.
 */
#include "socket/socket_kind.h"
#include "socket/socket_message.h"

#include <errno.h>

struct socket_config socket_config_default(void)
{
    return (struct socket_config){
        .max_sockets = 65536,
        .udp_receive_buffer = 212992, /* as Linux: net.core.rmem_default */
        .max_buffer = 8 << 20,
    };
}

/* One for each protocol, and none for "the usual one". */
static int choose_raw(int protocol, const struct socket_ops **out)
{
    if (protocol == 0 || protocol > UINT8_MAX)
        return -EPROTONOSUPPORT;
    *out = &socket_raw_ops;
    return 0;
}

/* -EPROTONOSUPPORT where Linux says it: a type that is there, another use. */
static int choose_kind(int type, int protocol, const struct socket_ops **out)
{
    static const struct socket_ops *const kinds[] = {
        &socket_stream_ops, &socket_dgram_ops, &socket_echo_ops};
    int error = -ESOCKTNOSUPPORT;

    if (type == SOCK_RAW)
        return choose_raw(protocol, out);
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (kinds[i]->type != type)
            continue;
        if (protocol == 0 || protocol == kinds[i]->protocol) {
            *out = kinds[i];
            return 0;
        }
        error = -EPROTONOSUPPORT;
    }
    return error;
}

/* The protocol, in network order, is looked at when frames come. */
static int choose_packet(int type, const struct socket_ops **out)
{
    if (type != SOCK_RAW && type != SOCK_DGRAM)
        return -ESOCKTNOSUPPORT;
    *out = type == SOCK_RAW ? &socket_packet_raw_ops : &socket_packet_dgram_ops;
    return 0;
}

static int choose(int domain, int type, int protocol,
                  const struct socket_ops **out)
{
    if (domain == AF_PACKET)
        return choose_packet(type, out);
    if (domain != AF_INET)
        return -EAFNOSUPPORT;
    /* Linux: a number that can be none, as opposed to one that is not here. */
    if (type < 0 || type > SOCK_PACKET || protocol < 0 ||
        protocol >= IPPROTO_MAX)
        return -EINVAL;
    return choose_kind(type, protocol, out);
}

int socket_create(struct sockets *sockets, int domain, int type, int protocol,
                  struct socket **out)
{
    const struct socket_ops *ops;
    int error;

    if ((error = choose(domain, type, protocol, &ops)) < 0)
        return error;

    struct socket *socket = socket_alloc(sockets, ops);

    if (socket == NULL)
        return -ENOBUFS;
    if (protocol != 0 || domain == AF_PACKET)
        socket->protocol = (uint16_t)protocol;
    if ((error = ops->open(socket)) < 0) {
        socket_free(socket);
        return error;
    }
    *out = socket;
    return 0;
}

/* An address of the other domain: packet sockets have link endpoints. */
static int check_domain(const struct socket *socket,
                        const struct endpoint *endpoint)
{
    bool is_packet = socket->ops->domain == AF_PACKET;

    if (endpoint->is_link == is_packet)
        return 0;
    return is_packet ? -EINVAL : -EAFNOSUPPORT;
}

int socket_bind(struct socket *socket, const struct endpoint *local)
{
    int error = check_domain(socket, local);

    if (error < 0)
        return error;
    return socket->ops->bind(socket, local);
}

/* Linux's net.core.somaxconn, which is also what a negative backlog means. */
static unsigned limit_backlog(int backlog)
{
    enum { BACKLOG_MAX = 4096 };

    return min_u32((uint32_t)backlog, BACKLOG_MAX);
}

int socket_listen(struct socket *socket, int backlog)
{
    if (socket->ops->listen == NULL)
        return -EOPNOTSUPP;
    return socket->ops->listen(socket, limit_backlog(backlog));
}

int socket_accept(struct socket *socket, struct socket **out,
                  struct endpoint *remote)
{
    if (socket->ops->accept == NULL)
        return -EOPNOTSUPP;
    return socket->ops->accept(socket, out, remote);
}

int socket_take_port(struct socket *socket)
{
    if (socket->ops->take_port == NULL)
        return 0;
    return socket->ops->take_port(socket) < 0 ? -EAGAIN : 0;
}

/*
 * To 0.0.0.0 means to this host, as in every BSD; RFC 1122 3.2.1.3 (a) allows
 * that address only as a source.
 */
static struct endpoint meant_by(const struct socket *socket,
                                const struct endpoint *to)
{
    struct endpoint meant = *to;

    if (to->is_link || !ip_addr_is_any(&to->addr))
        return meant;
    meant.addr = socket->ops->local(socket).addr;
    if (ip_addr_is_any(&meant.addr) || ip_addr_is_multicast(&meant.addr) ||
        ip_is_broadcast(socket->sockets->tcp->ip, &meant.addr))
        meant.addr = ip_addr_v4(0x7f000001); /* 127.0.0.1 */
    return meant;
}

int socket_connect(struct socket *socket, const struct endpoint *remote)
{
    struct endpoint to;

    if (remote == NULL)
        return socket->ops->connect(socket, NULL);
    if (remote->is_link && socket->ops->domain == AF_INET)
        return -EAFNOSUPPORT;
    to = meant_by(socket, remote);
    return socket->ops->connect(socket, &to);
}

int socket_disconnect(struct socket *socket)
{
    int error = socket->ops->disconnect(socket);

    socket_mark_ready(socket);
    return error;
}

/* In Linux's order: the size, MSG_OOB, what an echo begins with, the name. */
static int check_message(const struct socket *socket,
                         const struct socket_message *message)
{
    const struct socket_ops *ops = socket->ops;
    bool is_datagram = ops->domain == AF_INET && ops->type != SOCK_STREAM;
    ssize_t len = message_len(message);
    int error = 0;

    if (is_datagram && (len < 0 || len > UINT16_MAX))
        return -EMSGSIZE;
    if (len < ops->least_message)
        return -EINVAL;
    if ((message->flags & MSG_OOB) && ops->at_mark == NULL)
        return -EOPNOTSUPP;
    if (ops->check_message != NULL)
        error = ops->check_message(message);
    return error < 0 ? error : message->wrong;
}

ssize_t socket_send(struct socket *socket, const struct socket_message *message)
{
    int error;

    if (message->lent != NULL && socket->ops->type != SOCK_STREAM)
        return -EOPNOTSUPP;
    error = check_message(socket, message);
    if (error < 0)
        return error;
    if (message->name == NULL)
        return socket->ops->send(socket, message);
    error = check_domain(socket, message->name);
    if (error < 0)
        return error;

    struct endpoint to = meant_by(socket, message->name);
    struct socket_message copy = *message;

    copy.name = &to;
    return socket->ops->send(socket, &copy);
}

ssize_t socket_receive(struct socket *socket, struct socket_message *message)
{
    if ((message->flags & MSG_OOB) && (socket->ops->protocol == IPPROTO_ICMP ||
                                       socket->ops->protocol == IPPROTO_RAW))
        return -EOPNOTSUPP;
    if ((message->flags & MSG_OOB) && socket->ops->domain != AF_INET)
        return -EINVAL;
    if (message->flags & MSG_ERRQUEUE)
        return socket_receive_error(socket, message);
    return socket->ops->receive(socket, message);
}

int socket_shutdown(struct socket *socket, int how)
{
    int error;

    if (!shuts_receive(how) && !shuts_send(how))
        return -EINVAL;
    error = socket->ops->shutdown(socket, how);
    socket_mark_ready(socket);
    return error;
}

int socket_linger(struct socket *socket)
{
    return socket->ops->linger == NULL ? 0 : socket->ops->linger(socket);
}

void socket_close(struct socket *socket)
{
    socket->ops->close(socket);
    socket_free(socket);
}

void socket_timeouts(const struct socket *socket, usec *receive, usec *send)
{
    *receive = socket->settings.receive_timeout;
    *send = socket->settings.send_timeout;
}

void socket_local(const struct socket *socket, struct endpoint *out)
{
    *out = socket->ops->local(socket);
    if (!out->is_link && ip_addr_is_any(&out->addr))
        out->addr = IP_ADDR_ANY_V4;
}

int socket_remote(const struct socket *socket, struct endpoint *out)
{
    return socket->ops->remote(socket, out);
}

int socket_unread(const struct socket *socket)
{
    return socket->ops->unread(socket);
}

int socket_unsent(const struct socket *socket)
{
    return socket->ops->unsent(socket);
}

int socket_never_sent(const struct socket *socket)
{
    return socket->ops->never_sent == NULL ? -ENOTTY
                                           : socket->ops->never_sent(socket);
}

ssize_t socket_borrow(struct socket *socket, struct iovec iov[static 2],
                      int *count)
{
    return socket->ops->borrow == NULL
               ? -EOPNOTSUPP
               : socket->ops->borrow(socket, iov, count);
}

int socket_give_back(struct socket *socket, size_t len)
{
    return socket->ops->give_back == NULL ? -EOPNOTSUPP
                                          : socket->ops->give_back(socket, len);
}

bool socket_arrived(const struct socket *socket, uint32_t *out)
{
    return socket->ops->arrived != NULL && socket->ops->arrived(socket, out);
}

int socket_at_mark(const struct socket *socket)
{
    return socket->ops->at_mark == NULL ? -ENOTTY
                                        : socket->ops->at_mark(socket);
}

int socket_readiness(const struct socket *socket)
{
    return socket->ops->readiness(socket);
}

void socket_apply_all(struct socket *socket)
{
    for (int setting = 0; setting < SETTING_COUNT; setting++)
        socket->ops->apply(socket, (enum socket_setting)setting);
}
