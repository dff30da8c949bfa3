/*
 * Echo sockets (SOCK_DGRAM, IPPROTO_ICMP): what ping needs, and no privilege.
 * A message is an ICMP echo request with its header, sent under the socket's
 * own identifier, which stands where UDP has its port; what is received are
 * the replies to it, with their headers. As Linux's ping sockets.
 */
#include "socket/socket_control.h"
#include "socket/socket_datagrams.h"
#include "socket/socket_kind.h"
#include "socket/socket_message.h"

#include <errno.h>

enum { ECHO_MESSAGE_MAX = IP_PACKET_MAX - IP_HEADER_LEN };

struct echo_socket {
    struct socket socket;
    struct echo_pcb pcb;
};

static struct echo_pcb *pcb_of(struct socket *socket)
{
    return &container_of(socket, struct echo_socket, socket)->pcb;
}

static const struct echo_pcb *pcb_of_const(const struct socket *socket)
{
    return &container_of(socket, const struct echo_socket, socket)->pcb;
}

static struct datagram_pcb *echo_common(struct socket *socket)
{
    return &pcb_of(socket)->common;
}

static int echo_open(struct socket *socket)
{
    struct sockets *sockets = socket->sockets;
    size_t receive_buffer = sockets->config.udp_receive_buffer;

    echo_pcb_init(sockets->echo, pcb_of(socket), receive_buffer, socket);
    socket->settings.reuse_addr = true; /* as Linux's from the start */
    pcb_of(socket)->reuse_addr = true;
    socket_datagrams_open(socket);
    return 0;
}

static int echo_socket_bind(struct socket *socket, const struct endpoint *local)
{
    return echo_bind(pcb_of(socket), local);
}

static int echo_take_port(struct socket *socket)
{
    return echo_take_id(pcb_of(socket));
}

static int echo_socket_connect(struct socket *socket,
                               const struct endpoint *remote)
{
    return echo_connect(pcb_of(socket), remote);
}

static int echo_disconnect(struct socket *socket)
{
    static const struct endpoint nobody;

    return echo_connect(pcb_of(socket), &nobody);
}

/* Linux reads the header before all else. */
static int echo_check(const struct socket_message *message)
{
    uint8_t header[2] = {0};
    size_t got = 0;

    if (message->is_nowhere)
        return -EFAULT;
    for (int i = 0; i < message->iov_count && got < sizeof(header); i++) {
        const struct iovec *iov = &message->iov[i];
        size_t part = min_size(iov->iov_len, sizeof(header) - got);

        if (part > 0)
            memcpy(header + got, iov->iov_base, part);
        got += part;
    }
    return header[ICMP_TYPE] == ICMP_ECHO_REQUEST && header[ICMP_CODE] == 0
               ? 0
               : -EINVAL;
}

static ssize_t echo_socket_send(struct socket *socket,
                                const struct socket_message *message)
{
    struct ip_choice choice = socket_choice(message);
    struct bytes pieces[FRAME_SLICES];
    ssize_t len = message_len(message);
    int count;

    if (len < 0 || len > ECHO_MESSAGE_MAX)
        return -EMSGSIZE;
    if ((count = message_pieces(socket->sockets, message, pieces)) < 0)
        return count;

    int error = echo_send(pcb_of(socket), message->name, &choice, pieces,
                          (unsigned)count);

    return error < 0 ? error : len;
}

static ssize_t echo_receive(struct socket *socket,
                            struct socket_message *message)
{
    return socket_receive_dgram(socket, &pcb_of(socket)->common.received,
                                message);
}

static int echo_remote(const struct socket *socket, struct endpoint *out)
{
    const struct echo_pcb *pcb = pcb_of_const(socket);

    if (pcb->remote_port == 0) /* Linux: connected, and yet */
        return -ENOTCONN;
    *out = (struct endpoint){.addr = pcb->remote, .port = pcb->remote_port};
    return 0;
}

static int echo_shutdown(struct socket *socket, int how)
{
    socket_datagrams_shut(socket, how);
    return ip_addr_is_any(&pcb_of(socket)->remote) ? -ENOTCONN : 0;
}

static void echo_close(struct socket *socket)
{
    echo_pcb_fini(pcb_of(socket));
}

static struct endpoint echo_local(const struct socket *socket)
{
    const struct echo_pcb *pcb = pcb_of_const(socket);

    return (struct endpoint){.addr = pcb->local, .port = pcb->id};
}

static int echo_socket_mtu(const struct socket *socket)
{
    return echo_mtu(pcb_of_const(socket));
}

/* Linux: of these nothing is told, nor of what is not yet sent. */
static int echo_count(const struct socket *socket)
{
    (void)socket;
    return -ENOTTY;
}

static void echo_apply(struct socket *socket, enum socket_setting setting)
{
    struct echo_pcb *pcb = pcb_of(socket);

    socket_datagrams_apply(socket, setting);
    pcb->device = socket->settings.device;
    pcb->reuse_addr = socket->settings.reuse_addr;
}

const struct socket_ops socket_echo_ops = {
    .domain = AF_INET,
    .type = SOCK_DGRAM,
    .protocol = IPPROTO_ICMP,
    .size = sizeof(struct echo_socket),
    .open = echo_open,
    .bind = echo_socket_bind,
    .take_port = echo_take_port,
    .connect = echo_socket_connect,
    .disconnect = echo_disconnect,
    .send = echo_socket_send,
    .check_message = echo_check,
    .least_message = ICMP_HEADER_LEN,
    .receive = echo_receive,
    .shutdown = echo_shutdown,
    .close = echo_close,
    .discard = echo_close,
    .common = echo_common,
    .take_error = socket_datagrams_take_error,
    .errors = socket_datagrams_errors,
    .set_error = socket_datagrams_set_error,
    .readiness = socket_datagrams_readiness,
    .local = echo_local,
    .remote = echo_remote,
    .mtu = echo_socket_mtu,
    .unread = echo_count,
    .unsent = echo_count,
    .received = socket_datagrams_received,
    .multicast = socket_datagrams_multicast,
    .apply = echo_apply,
    .set_filter = socket_datagrams_set_filter,
};
