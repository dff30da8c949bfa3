/*
 * Raw sockets (SOCK_RAW), raw(7): datagrams of one IP protocol. What is
 * received has its IP header; what is sent gets one, or has its own if
 * IP_HDRINCL is set, as it is from the start of IPPROTO_RAW sockets. Nobody
 * needs a privilege: the stack is the program's own.
 */
#include "socket/socket_control.h"
#include "socket/socket_datagrams.h"
#include "socket/socket_kind.h"
#include "socket/socket_message.h"

#include <errno.h>

enum { OPTION_ICMP_FILTER = 1 /* ICMP_FILTER of <linux/icmp.h> */ };

struct raw_socket {
    struct socket socket;
    struct raw_pcb pcb;
};

static struct raw_pcb *pcb_of(struct socket *socket)
{
    return &container_of(socket, struct raw_socket, socket)->pcb;
}

static const struct raw_pcb *pcb_of_const(const struct socket *socket)
{
    return &container_of(socket, const struct raw_socket, socket)->pcb;
}

static struct datagram_pcb *raw_common(struct socket *socket)
{
    return &pcb_of(socket)->common;
}

static int raw_open(struct socket *socket)
{
    struct sockets *sockets = socket->sockets;
    size_t receive_buffer = sockets->config.udp_receive_buffer;

    raw_pcb_init(sockets->raw, pcb_of(socket), (uint8_t)socket->protocol,
                 receive_buffer, socket);
    socket_datagrams_open(socket);
    socket->settings.header_included = socket->protocol == IPPROTO_RAW;
    pcb_of(socket)->has_header = socket->settings.header_included;
    socket->settings.reuse_addr = true; /* as Linux's, and without meaning */
    return 0;
}

static int raw_socket_bind(struct socket *socket, const struct endpoint *local)
{
    return raw_bind(pcb_of(socket), local);
}

static int raw_socket_connect(struct socket *socket,
                              const struct endpoint *remote)
{
    return raw_connect(pcb_of(socket), remote);
}

static int raw_disconnect(struct socket *socket)
{
    static const struct endpoint nobody;

    return raw_connect(pcb_of(socket), &nobody);
}

/* -EFAULT: Linux reads type and code of an ICMP message, which must be there.
 */
static int check_len(const struct socket *socket, ssize_t len)
{
    bool has_header = socket->settings.header_included;

    if (len < 0 || len > IP_PACKET_MAX - (has_header ? 0 : IP_HEADER_LEN))
        return -EMSGSIZE;
    if (!has_header && socket->protocol == IPPROTO_ICMP && len < 2)
        return -EFAULT;
    return 0;
}

static ssize_t raw_socket_send(struct socket *socket,
                               const struct socket_message *message)
{
    struct raw_pcb *pcb = pcb_of(socket);
    struct ip_choice choice = socket_choice(message);
    struct bytes pieces[FRAME_SLICES];
    ssize_t len = message_len(message);
    int count = 1;

    if (len > IP_PACKET_MAX)
        return -EMSGSIZE;
    if (message->name == NULL && ip_addr_is_any(&pcb->remote.addr))
        return -EDESTADDRREQ;

    int error = check_len(socket, len);

    if (error < 0)
        return error;
    if (message->is_nowhere) /* nearly all else is looked at first */
        pieces[0] = bytes_of(NULL, (size_t)len);
    else
        count = message_pieces(socket->sockets, message, pieces);
    if (count < 0)
        return count;
    error =
        socket->settings.header_included
            ? raw_send_packet(pcb, message->name, &choice, pieces,
                              (unsigned)count)
            : raw_send(pcb, message->name, &choice, pieces, (unsigned)count);
    return error < 0 ? error : len;
}

static ssize_t raw_receive(struct socket *socket,
                           struct socket_message *message)
{
    return socket_receive_dgram(socket, &pcb_of(socket)->common.received,
                                message);
}

/* Linux: of an unconnected socket it is done, and is an error all the same. */
static int raw_shutdown(struct socket *socket, int how)
{
    socket_datagrams_shut(socket, how);
    return ip_addr_is_any(&pcb_of(socket)->remote.addr) ? -ENOTCONN : 0;
}

static void raw_close(struct socket *socket)
{
    raw_pcb_fini(pcb_of(socket));
}

/* Linux: the protocol stands where a transport has its port, and is given back
 * as one. */
static struct endpoint raw_local(const struct socket *socket)
{
    struct endpoint local = pcb_of_const(socket)->local;

    local.port = pcb_of_const(socket)->is_deaf ? 0 : socket->protocol;
    return local;
}

/* It stays when a connection is dissolved. */
static uint16_t raw_number(const struct socket *socket)
{
    return socket->protocol;
}

static int raw_remote(const struct socket *socket, struct endpoint *out)
{
    const struct raw_pcb *pcb = pcb_of_const(socket);

    if (pcb->remote.port == 0) /* Linux: connected, and yet */
        return -ENOTCONN;
    *out = pcb->remote;
    return 0;
}

static void raw_apply(struct socket *socket, enum socket_setting setting)
{
    struct raw_pcb *pcb = pcb_of(socket);

    socket_datagrams_apply(socket, setting);
    if (setting == SETTING_DEVICE)
        raw_set_device(pcb, socket->settings.device);
    pcb->has_header = socket->settings.header_included;
}

/* Level SOL_RAW. Linux takes what there is of the value, and no more. */
static int raw_set_bytes_option(struct socket *socket, int name,
                                struct bytes value)
{
    struct raw_pcb *pcb = pcb_of(socket);

    if (name != OPTION_ICMP_FILTER)
        return -ENOPROTOOPT;
    if (pcb->protocol != IP_PROTO_ICMP)
        return -EOPNOTSUPP;
    memcpy(&pcb->icmp_filter, value.data,
           min_size(value.len, sizeof(pcb->icmp_filter)));
    return 0;
}

static int raw_get_bytes_option(struct socket *socket, int name, void *value,
                                size_t *len)
{
    const struct raw_pcb *pcb = pcb_of_const(socket);

    if (name != OPTION_ICMP_FILTER)
        return -ENOPROTOOPT;
    if (pcb->protocol != IP_PROTO_ICMP)
        return -EOPNOTSUPP;
    return socket_give(&pcb->icmp_filter, sizeof(pcb->icmp_filter), value, len);
}

const struct socket_ops socket_raw_ops = {
    .domain = AF_INET,
    .type = SOCK_RAW,
    .protocol = IPPROTO_RAW, /* whose options are those of SOL_RAW */
    .size = sizeof(struct raw_socket),
    .open = raw_open,
    .bind = raw_socket_bind,
    .connect = raw_socket_connect,
    .disconnect = raw_disconnect,
    .send = raw_socket_send,
    .receive = raw_receive,
    .shutdown = raw_shutdown,
    .close = raw_close,
    .discard = raw_close,
    .common = raw_common,
    .take_error = socket_datagrams_take_error,
    .errors = socket_datagrams_errors,
    .set_error = socket_datagrams_set_error,
    .readiness = socket_datagrams_readiness,
    .local = raw_local,
    .number = raw_number,
    .remote = raw_remote,
    .unread = socket_datagrams_unread,
    .unsent = socket_dgram_unsent,
    .received = socket_datagrams_received,
    .multicast = socket_datagrams_multicast,
    .apply = raw_apply,
    .set_filter = socket_datagrams_set_filter,
    .set_bytes_option = raw_set_bytes_option,
    .get_bytes_option = raw_get_bytes_option,
};
