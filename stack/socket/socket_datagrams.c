/*
 * What the sockets over a struct datagram_pcb (UDP, echo, raw) do alike: what
 * has come, what went wrong, and the options that both speak of.
 */
#include "socket/socket_datagrams.h"

static struct datagram_pcb *common_of(const struct socket *socket)
{
    return socket->ops->common((struct socket *)(uintptr_t)socket);
}

void socket_datagrams_open(struct socket *socket)
{
    uint32_t size = (uint32_t)socket->sockets->config.udp_receive_buffer;

    socket->settings.receive_buffer = size;
    socket->settings.send_buffer = size;
}

int socket_datagrams_take_error(struct socket *socket)
{
    return datagram_pcb_take_error(common_of(socket));
}

void socket_datagrams_set_error(struct socket *socket, int error)
{
    common_of(socket)->error = error;
}

struct error_queue *socket_datagrams_errors(struct socket *socket)
{
    return &common_of(socket)->errors;
}

int socket_datagrams_readiness(const struct socket *socket)
{
    const struct datagram_pcb *common = common_of(socket);

    return socket_dgram_readiness(socket, &common->received, common->error);
}

const struct dgram_queue *socket_datagrams_received(const struct socket *socket)
{
    return &common_of(socket)->received;
}

int socket_datagrams_unread(const struct socket *socket)
{
    return socket_dgram_unread(&common_of(socket)->received);
}

struct ip_multicast *socket_datagrams_multicast(struct socket *socket)
{
    return &common_of(socket)->multicast;
}

int socket_datagrams_set_filter(struct socket *socket,
                                const struct bpf_program *filter)
{
    common_of(socket)->filter = filter;
    return 0;
}

void socket_datagrams_shut(struct socket *socket, int how)
{
    if (shuts_receive(how))
        socket->is_receive_shut = true;
    if (shuts_send(how))
        socket->is_send_shut = true;
    common_of(socket)->is_send_shut = socket->is_send_shut;
}

static void apply_flags(const struct socket *socket,
                        struct datagram_pcb *common)
{
    common->dont_route = socket_has(socket, FLAG_DONT_ROUTE);
    common->hears_errors = socket_has(socket, FLAG_RECEIVE_ERRORS);
    common->free_bind = socket_has(socket, FLAG_FREE_BIND) ||
                        socket_has(socket, FLAG_TRANSPARENT);
    common->unicast_iface = socket->settings.unicast_iface;
}

void socket_datagrams_apply(struct socket *socket, enum socket_setting setting)
{
    const struct socket_settings *settings = &socket->settings;
    struct datagram_pcb *common = common_of(socket);

    switch (setting) {
    case SETTING_BROADCAST:
        common->broadcast = settings->broadcast;
        break;
    case SETTING_RECEIVE_BUFFER:
        common->received.limit = settings->receive_buffer;
        break;
    case SETTING_TTL:
        common->ttl = settings->ttl;
        break;
    case SETTING_TOS:
        common->tos = settings->tos;
        break;
    case SETTING_FLAGS:
        apply_flags(socket, common);
        break;
    case SETTING_MTU_DISCOVER:
        common->discover = settings->mtu_discover;
        break;
    case SETTING_REUSE_ADDR: /* each kind's own, */
    case SETTING_REUSE_PORT:
    case SETTING_DEVICE:
    case SETTING_PORT_RANGE:
    case SETTING_KEEPALIVE: /* or remembered, and without meaning */
    case SETTING_OOB_INLINE:
    case SETTING_MAX_PACING_RATE:
    case SETTING_SEND_BUFFER:
    case SETTING_COUNT:
        break;
    }
}
