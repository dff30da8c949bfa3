/*
 * Datagram sockets: BSD's face of a UDP endpoint (RFC 768 User Interface, RFC
 * 1122 4.1.4), and what all sockets with a queue of datagrams have in common.
 *
 * A datagram is sent within the call, so there is no send buffer, and the
 * socket can always be written to.
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include "socket/socket_control.h"
#include "socket/socket_datagrams.h"
#include "socket/socket_dgram_cork.h"
#include "socket/socket_dgram_gro.h"
#include "socket/socket_kind.h"
#include "socket/socket_message.h"

#include <errno.h>

enum { /* of <netinet/udp.h>, where it is new enough */
       OPTION_CORK = 1,
       OPTION_SEGMENT = 103,
       OPTION_GRO = 104
};

struct dgram_socket {
    struct socket socket;
    struct udp_pcb pcb;
    struct dgram_cork cork;
    bool joins; /* UDP_GRO */
};

/* The whole length if the caller asks for it, otherwise what fitted. */
static ssize_t result_of(const struct dgram *dgram, size_t copied, int flags)
{
    return (ssize_t)(flags & MSG_TRUNC ? dgram->len : copied);
}

/*
 * One datagram, or what lies of it from `offset` on. Linux: of a part MSG_TRUNC
 * is told also where it is read to its end, without room for more.
 */
static ssize_t give_dgram(struct socket *socket, const struct dgram *dgram,
                          size_t offset, struct socket_message *message)
{
    int given = message->flags;
    struct bytes rest = bytes_from(bytes_of(dgram->data, dgram->len), offset);
    size_t copied = message_fill(message, rest);
    bool is_full = copied == (size_t)message_len(message);

    message->flags = copied < dgram->len && is_full ? MSG_TRUNC : 0;
    if (message->name != NULL)
        *message->name = dgram->src;
    if (message->control != NULL)
        socket_tell_control(socket, dgram, message->control);
    return result_of(dgram, copied, given);
}

static ssize_t peek_dgram(struct socket *socket, struct dgram_queue *queue,
                          struct socket_message *message)
{
    size_t offset = socket_peek_offset(socket);
    const struct dgram *dgram = socket->settings.peek_offset < 0
                                    ? dgram_queue_first(queue)
                                    : dgram_queue_at(queue, &offset);
    ssize_t result;

    if (dgram == NULL)
        return -EAGAIN;
    result = give_dgram(socket, dgram, offset, message);
    socket_was_peeked(socket, (size_t)result);
    return result;
}

ssize_t socket_receive_dgram(struct socket *socket, struct dgram_queue *queue,
                             struct socket_message *message)
{
    int error = socket->ops->take_error(socket);
    const struct dgram *dgram = dgram_queue_first(queue);
    ssize_t result;

    if (error != 0)
        return -error;
    if (message->flags & MSG_PEEK)
        return peek_dgram(socket, queue, message);
    if (dgram == NULL)
        return -EAGAIN;
    result = give_dgram(socket, dgram, 0, message);
    dgram_queue_remove(queue, socket->sockets->env->memory);
    socket_was_read(socket, (size_t)result);
    return result;
}

/* As Linux's datagram_poll. */
int socket_dgram_readiness(const struct socket *socket,
                           const struct dgram_queue *queue, int error)
{
    int mask = READY_OUT | socket_errors_readiness(socket);

    if (error != 0)
        mask |= socket_error_events(socket);
    if (socket->is_receive_shut)
        mask |= POLLRDHUP;
    if (socket->is_receive_shut || dgram_queue_first(queue) != NULL)
        mask |= READY_IN;
    if (socket->is_receive_shut && socket->is_send_shut)
        mask |= POLLHUP;
    return mask;
}

/* FIONREAD of a datagram socket speaks of the next datagram alone. */
int socket_dgram_unread(const struct dgram_queue *queue)
{
    const struct dgram *dgram = dgram_queue_first(queue);

    return dgram == NULL ? 0 : (int)dgram->len;
}

int socket_dgram_unsent(const struct socket *socket)
{
    (void)socket;
    return 0;
}

static struct dgram_socket *dgram_of(struct socket *socket)
{
    return container_of(socket, struct dgram_socket, socket);
}

static struct udp_pcb *pcb_of(struct socket *socket)
{
    return &dgram_of(socket)->pcb;
}

static const struct udp_pcb *pcb_of_const(const struct socket *socket)
{
    return &container_of(socket, const struct dgram_socket, socket)->pcb;
}

static struct datagram_pcb *dgram_common(struct socket *socket)
{
    return &pcb_of(socket)->common;
}

static int dgram_open(struct socket *socket)
{
    struct sockets *sockets = socket->sockets;
    size_t receive_buffer = sockets->config.udp_receive_buffer;

    udp_pcb_init(sockets->udp, pcb_of(socket), receive_buffer, socket);
    socket_datagrams_open(socket);
    return 0;
}

static int dgram_bind(struct socket *socket, const struct endpoint *local)
{
    return udp_bind(pcb_of(socket), local);
}

static int dgram_take_port(struct socket *socket)
{
    return udp_bind_to_free_port(pcb_of(socket));
}

static int dgram_connect(struct socket *socket, const struct endpoint *remote)
{
    return udp_connect(pcb_of(socket), remote);
}

static int dgram_disconnect(struct socket *socket)
{
    static const struct endpoint nobody;

    return udp_connect(pcb_of(socket), &nobody);
}

static struct dgram_cork *cork_of(struct socket *socket)
{
    return &dgram_of(socket)->cork;
}

/* What is pending has its own copy of the bytes, to the end of the pass. */
static int send_pending(struct socket *socket)
{
    struct sockets *sockets = socket->sockets;
    struct dgram_cork *cork = cork_of(socket);
    struct iovec iov = {.iov_base = cork->data, .iov_len = cork->len};
    struct socket_message message = {.iov = &iov, .iov_count = 1};
    struct bytes piece;
    int error = message_copy(sockets, &message, &piece);

    if (error >= 0)
        error = udp_send_as(pcb_of(socket), cork->has_to ? &cork->to : NULL,
                            &cork->choice, &piece, 1);
    dgram_cork_clear(cork, sockets->env->memory);
    return error;
}

/*
 * MSG_MORE and UDP_CORK, udp(7): the first piece says where to; what does not
 * fit takes all of it away.
 */
static ssize_t send_piece(struct socket *socket,
                          const struct socket_message *message, ssize_t len)
{
    struct memory *memory = socket->sockets->env->memory;
    struct dgram_cork *cork = cork_of(socket);
    bool is_last = !cork->is_corked && !(message->flags & MSG_MORE);
    int error;

    if (!cork->is_pending && message->name == NULL &&
        ip_addr_is_any(&pcb_of(socket)->remote.addr))
        return -EDESTADDRREQ;
    if (!cork->is_pending)
        dgram_cork_begin(cork, message);
    error = dgram_cork_add(cork, memory, message, (size_t)len);
    if (error < 0)
        dgram_cork_clear(cork, memory);
    else if (is_last)
        error = send_pending(socket);
    return error < 0 ? error : len;
}

static ssize_t send_whole(struct socket *socket,
                          const struct socket_message *message, ssize_t len)
{
    struct bytes pieces[FRAME_SLICES];
    struct ip_choice choice = socket_choice(message);
    int count = 1;
    int error;

    if (message->is_nowhere) /* all else is looked at first, as in Linux */
        pieces[0] = bytes_of(NULL, (size_t)len);
    else
        count = message_pieces(socket->sockets, message, pieces);
    if (count < 0)
        return count;
    error = udp_send_as(pcb_of(socket), message->name, &choice, pieces,
                        (unsigned)count);
    return error < 0 ? error : len;
}

static ssize_t dgram_send(struct socket *socket,
                          const struct socket_message *message)
{
    const struct dgram_cork *cork = cork_of(socket);
    ssize_t len = message_len(message);

    if (len < 0 || len > UINT16_MAX) /* what just fits no packet: later */
        return -EMSGSIZE;
    if (message->name != NULL && message->name->port == 0 && !cork->is_pending)
        return -EINVAL; /* as Linux: port 0 is nobody's */
    if (socket->is_send_shut &&
        (message->name != NULL || pcb_of(socket)->remote.port != 0)) {
        int error = socket_datagrams_take_error(socket);

        return error != 0 ? -error : -EPIPE; /* there is somebody to send to */
    }
    if (message->is_nowhere)
        return send_whole(socket, message, len);
    if (cork->is_pending || cork->is_corked || (message->flags & MSG_MORE))
        return send_piece(socket, message, len);
    return send_whole(socket, message, len);
}

static void set_cork(struct socket *socket, int value)
{
    struct dgram_cork *cork = cork_of(socket);

    cork->is_corked = value != 0;
    if (!cork->is_corked && cork->is_pending) /* Linux: whatever comes of it */
        (void)send_pending(socket);
}

static int dgram_set_option(struct socket *socket, int name, int value)
{
    switch (name) {
    case OPTION_CORK:
        set_cork(socket, value);
        return 0;
    case OPTION_SEGMENT:
        if (value < 0 || value > UINT16_MAX)
            return -EINVAL;
        pcb_of(socket)->segment = (uint16_t)value;
        return 0;
    case OPTION_GRO:
        dgram_of(socket)->joins = value != 0;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int dgram_get_option(const struct socket *socket, int name, int *value)
{
    const struct dgram_socket *dgram =
        container_of(socket, const struct dgram_socket, socket);

    switch (name) {
    case OPTION_CORK:
        *value = dgram->cork.is_corked;
        return 0;
    case OPTION_SEGMENT:
        *value = dgram->pcb.segment;
        return 0;
    case OPTION_GRO:
        *value = dgram->joins;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static ssize_t dgram_receive(struct socket *socket,
                             struct socket_message *message)
{
    struct dgram_queue *queue = &pcb_of(socket)->common.received;

    return dgram_of(socket)->joins
               ? socket_receive_joined(socket, queue, message)
               : socket_receive_dgram(socket, queue, message);
}

/* Linux: of an unconnected socket it is done, and is an error all the same. */
static int dgram_shutdown(struct socket *socket, int how)
{
    struct udp_pcb *pcb = pcb_of(socket);

    socket_datagrams_shut(socket, how);
    return ip_addr_is_any(&pcb->remote.addr) ? -ENOTCONN : 0;
}

static void dgram_close(struct socket *socket)
{
    dgram_cork_clear(cork_of(socket), socket->sockets->env->memory);
    udp_pcb_fini(pcb_of(socket));
}

static struct endpoint dgram_local(const struct socket *socket)
{
    return pcb_of_const(socket)->local;
}

static int dgram_remote(const struct socket *socket, struct endpoint *out)
{
    const struct udp_pcb *pcb = pcb_of_const(socket);

    if (pcb->remote.port == 0) /* Linux: also of one connected to port 0 */
        return -ENOTCONN;
    *out = pcb->remote;
    return 0;
}

static int dgram_mtu(const struct socket *socket)
{
    return udp_mtu(pcb_of_const(socket));
}

static void dgram_apply(struct socket *socket, enum socket_setting setting)
{
    const struct socket_settings *settings = &socket->settings;
    struct udp_pcb *pcb = pcb_of(socket);

    socket_datagrams_apply(socket, setting);
    if (setting == SETTING_DEVICE)
        udp_set_device(pcb, settings->device);
    pcb->reuse_addr = settings->reuse_addr;
    pcb->reuse_port = settings->reuse_port;
    pcb->port_range = settings->port_range;
    pcb->no_checksum = socket_has(socket, FLAG_NO_CHECKSUM);
    pcb->bind_no_port = socket_has(socket, FLAG_BIND_NO_PORT);
}

const struct socket_ops socket_dgram_ops = {
    .domain = AF_INET,
    .type = SOCK_DGRAM,
    .protocol = IPPROTO_UDP,
    .size = sizeof(struct dgram_socket),
    .open = dgram_open,
    .bind = dgram_bind,
    .take_port = dgram_take_port,
    .connect = dgram_connect,
    .disconnect = dgram_disconnect,
    .send = dgram_send,
    .receive = dgram_receive,
    .shutdown = dgram_shutdown,
    .close = dgram_close,
    .discard = dgram_close,
    .common = dgram_common,
    .take_error = socket_datagrams_take_error,
    .errors = socket_datagrams_errors,
    .set_error = socket_datagrams_set_error,
    .readiness = socket_datagrams_readiness,
    .local = dgram_local,
    .remote = dgram_remote,
    .mtu = dgram_mtu,
    .unread = socket_datagrams_unread,
    .unsent = socket_dgram_unsent,
    .received = socket_datagrams_received,
    .has_peek_offset = true,
    .multicast = socket_datagrams_multicast,
    .apply = dgram_apply,
    .set_filter = socket_datagrams_set_filter,
    .set_option = dgram_set_option,
    .get_option = dgram_get_option,
};
