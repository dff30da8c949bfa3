/*
 * Packet sockets (AF_PACKET), packet(7): frames as they come and go at an
 * interface; with their link header (SOCK_RAW), or without (SOCK_DGRAM). Their
 * addresses are link endpoints (link/packet.h). They have no connection, and
 * cannot be shut down.
 */
#include "link/packet.h"
#include "socket/socket_kind.h"
#include "socket/socket_message.h"

#include <arpa/inet.h>
#include <errno.h>

enum { LEVEL_PACKET = 263 /* SOL_PACKET, as <netpacket/packet.h> names it */ };

enum { /* their names, in <netpacket/packet.h> */
       OPTION_ADD_MEMBERSHIP = 1,
       OPTION_DROP_MEMBERSHIP = 2,
       OPTION_STATISTICS = 6,
       OPTION_IGNORE_OUTGOING = 23,
       MEMBERSHIP_LEN = 16 /* struct packet_mreq */
};

struct packet_socket {
    struct socket socket;
    struct packet_pcb pcb;
};

static struct packet_pcb *pcb_of(struct socket *socket)
{
    return &container_of(socket, struct packet_socket, socket)->pcb;
}

static const struct packet_pcb *pcb_of_const(const struct socket *socket)
{
    return &container_of(socket, const struct packet_socket, socket)->pcb;
}

/* The protocol is given in network order; SO_PROTOCOL says 0, as in Linux. */
static int packet_open(struct socket *socket)
{
    struct sockets *sockets = socket->sockets;
    size_t receive_buffer = sockets->config.udp_receive_buffer;

    packet_pcb_init(sockets->packets, pcb_of(socket), ntohs(socket->protocol),
                    receive_buffer, socket);
    pcb_of(socket)->is_cooked = socket->ops->type == SOCK_DGRAM;
    socket->protocol = 0;
    socket->settings.receive_buffer = (uint32_t)receive_buffer;
    socket->settings.send_buffer = (uint32_t)receive_buffer;
    return 0;
}

static int packet_socket_bind(struct socket *socket,
                              const struct endpoint *local)
{
    return packet_bind(pcb_of(socket), local);
}

static int packet_connect(struct socket *socket, const struct endpoint *remote)
{
    (void)socket;
    (void)remote;
    return -EOPNOTSUPP;
}

static int packet_disconnect(struct socket *socket)
{
    (void)socket;
    return -EOPNOTSUPP;
}

static int packet_shutdown(struct socket *socket, int how)
{
    (void)socket;
    (void)how;
    return -EOPNOTSUPP;
}

static ssize_t packet_socket_send(struct socket *socket,
                                  const struct socket_message *message)
{
    struct bytes pieces[FRAME_SLICES];
    ssize_t len = message_len(message);
    int count;

    if (len < 0)
        return len;
    if (message->is_nowhere)
        return -EFAULT;
    if ((count = message_pieces(socket->sockets, message, pieces)) < 0)
        return count;

    int error =
        packet_send(pcb_of(socket), message->name, pieces, (unsigned)count);

    return error < 0 ? error : len;
}

static ssize_t packet_receive(struct socket *socket,
                              struct socket_message *message)
{
    return socket_receive_dgram(socket, &pcb_of(socket)->received, message);
}

static void packet_close(struct socket *socket)
{
    packet_pcb_fini(pcb_of(socket));
}

static int packet_take_error(struct socket *socket)
{
    (void)socket;
    return 0;
}

static int packet_readiness(const struct socket *socket)
{
    return socket_dgram_readiness(socket, &pcb_of_const(socket)->received, 0);
}

static struct endpoint packet_socket_local(const struct socket *socket)
{
    return packet_local(pcb_of_const(socket));
}

static int packet_remote(const struct socket *socket, struct endpoint *out)
{
    (void)socket;
    (void)out;
    return -EOPNOTSUPP;
}

static const struct dgram_queue *packet_received(const struct socket *socket)
{
    return &pcb_of_const(socket)->received;
}

static int packet_unread(const struct socket *socket)
{
    return socket_dgram_unread(packet_received(socket));
}

static void packet_apply(struct socket *socket, enum socket_setting setting)
{
    switch (setting) {
    case SETTING_RECEIVE_BUFFER:
        pcb_of(socket)->received.limit = socket->settings.receive_buffer;
        break;
    case SETTING_BROADCAST: /* remembered, and without meaning */
    case SETTING_TTL:
    case SETTING_TOS:
    case SETTING_REUSE_ADDR:
    case SETTING_REUSE_PORT:
    case SETTING_DEVICE:
    case SETTING_FLAGS:
    case SETTING_MTU_DISCOVER:
    case SETTING_PORT_RANGE:
    case SETTING_KEEPALIVE:
    case SETTING_OOB_INLINE:
    case SETTING_MAX_PACING_RATE:
    case SETTING_SEND_BUFFER:
    case SETTING_COUNT:
        break;
    }
}

static int packet_set_filter(struct socket *socket,
                             const struct bpf_program *filter)
{
    pcb_of(socket)->filter = filter;
    return 0;
}

/* ---- Options of SOL_PACKET --------------------------------------------- */

/*
 * PACKET_MR_PROMISC and the like: the interface must be there, and all else is
 * so already: every frame that the device brings is seen.
 */
static int check_membership(struct socket *socket, struct bytes value)
{
    uint32_t index;
    struct endpoint there = {.is_link = true};
    struct packet_pcb probe = *pcb_of(socket);

    if (value.len < MEMBERSHIP_LEN)
        return -EINVAL;
    memcpy(&index, value.data, sizeof(index));
    there.scope = index;
    return index == 0 ? -ENODEV : packet_bind(&probe, &there);
}

static int packet_set_bytes_option(struct socket *socket, int name,
                                   struct bytes value)
{
    switch (name) {
    case OPTION_ADD_MEMBERSHIP:
        return check_membership(socket, value);
    case OPTION_DROP_MEMBERSHIP:
        return value.len < MEMBERSHIP_LEN ? -EINVAL : 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int packet_set_option(struct socket *socket, int name, int value)
{
    if (name != OPTION_IGNORE_OUTGOING)
        return -ENOPROTOOPT;
    if (value != 0 && value != 1)
        return -EINVAL;
    pcb_of(socket)->ignores_outgoing = value != 0;
    return 0;
}

static int packet_get_option(const struct socket *socket, int name, int *value)
{
    if (name != OPTION_IGNORE_OUTGOING)
        return -ENOPROTOOPT;
    *value = pcb_of_const(socket)->ignores_outgoing;
    return 0;
}

/* PACKET_STATISTICS: struct tpacket_stats, which begins anew. */
static int packet_get_bytes_option(struct socket *socket, int name, void *value,
                                   size_t *len)
{
    struct packet_pcb *pcb = pcb_of(socket);
    uint32_t stats[] = {pcb->seen, pcb->lost};

    if (name != OPTION_STATISTICS)
        return -ENOPROTOOPT;
    pcb->seen = 0;
    pcb->lost = 0;
    return socket_give(stats, sizeof(stats), value, len);
}

/* The two types are the same but in what packet_open makes of them. */
#define PACKET_OPS(of_type)                                                    \
    {                                                                          \
        .domain = AF_PACKET, .type = (of_type), .protocol = LEVEL_PACKET,      \
        .size = sizeof(struct packet_socket), .open = packet_open,             \
        .bind = packet_socket_bind, .connect = packet_connect,                 \
        .disconnect = packet_disconnect, .send = packet_socket_send,           \
        .receive = packet_receive, .shutdown = packet_shutdown,                \
        .close = packet_close, .discard = packet_close,                        \
        .take_error = packet_take_error, .readiness = packet_readiness,        \
        .local = packet_socket_local, .remote = packet_remote,                 \
        .unread = packet_unread, .unsent = socket_dgram_unsent,                \
        .received = packet_received, .apply = packet_apply,                    \
        .set_filter = packet_set_filter, .set_option = packet_set_option,      \
        .get_option = packet_get_option,                                       \
        .set_bytes_option = packet_set_bytes_option,                           \
        .get_bytes_option = packet_get_bytes_option,                           \
    }

const struct socket_ops socket_packet_raw_ops = PACKET_OPS(SOCK_RAW);
const struct socket_ops socket_packet_dgram_ops = PACKET_OPS(SOCK_DGRAM);
