/*
 * Options of Linux beyond POSIX that are read and written as an int: some do
 * something, others are only remembered, for programs that read them back.
 * README.md says which.
 */
#include "socket/socket_options.h"

#include <errno.h>

enum { /* newer than the C library's headers */
       OPTION_LOCAL_PORT_RANGE = 51,
       OPTION_IP_PROTOCOL = 52
};

static int get_priority(struct socket *socket, int *out)
{
    *out = socket->settings.priority;
    return 0;
}

static int set_priority(struct socket *socket, int value)
{
    socket->settings.priority = value;
    return 0;
}

static int get_mark(struct socket *socket, int *out)
{
    *out = (int)socket->settings.mark;
    return 0;
}

static int set_mark(struct socket *socket, int value)
{
    socket->settings.mark = (uint32_t)value;
    return 0;
}

/* Debugging is --trace; the kernel's needs a privilege that nobody has here. */
static int get_debug(struct socket *socket, int *out)
{
    (void)socket;
    *out = 0;
    return 0;
}

static int set_debug(struct socket *socket, int value)
{
    (void)socket;
    return value == 0 ? 0 : -EACCES;
}

static int get_incoming_cpu(struct socket *socket, int *out)
{
    *out = socket->settings.incoming_cpu;
    return 0;
}

static int set_incoming_cpu(struct socket *socket, int value)
{
    socket->settings.incoming_cpu = value;
    return 0;
}

/* A call drives the devices itself: it has nothing to poll for. */
static int get_busy_poll(struct socket *socket, int *out)
{
    *out = socket->settings.busy_poll;
    return 0;
}

static int set_busy_poll(struct socket *socket, int value)
{
    if (value < 0)
        return -EINVAL;
    socket->settings.busy_poll = value;
    return 0;
}

static int get_prefer_busy_poll(struct socket *socket, int *out)
{
    (void)socket;
    *out = 0;
    return 0;
}

static int set_prefer_busy_poll(struct socket *socket, int value)
{
    (void)socket;
    return value == 0 ? 0 : -EPERM;
}

static int set_busy_poll_budget(struct socket *socket, int value)
{
    (void)socket;
    if (value < 0 || value > UINT16_MAX)
        return -EINVAL;
    return value == 0 ? 0 : -EPERM;
}

/* The route is looked up for each packet: there is none to give up. */
static int set_connection_advice(struct socket *socket, int value)
{
    (void)socket;
    (void)value;
    return 0;
}

static int get_txrehash(struct socket *socket, int *out)
{
    if (socket->ops->type != SOCK_STREAM)
        return -EOPNOTSUPP;
    *out = socket->settings.txrehash;
    return 0;
}

static int set_txrehash(struct socket *socket, int value)
{
    if (socket->ops->type != SOCK_STREAM)
        return -EOPNOTSUPP;
    if (value < -1 || value > 1)
        return -EINVAL;
    socket->settings.txrehash = value != 0; /* -1: the default */
    return 0;
}

enum { BUFFER_LOCK_SEND = 1, BUFFER_LOCK_RECEIVE = 2 };

static int get_receive_lowat(struct socket *socket, int *out)
{
    *out = socket->settings.receive_lowat;
    return 0;
}

/* As Linux: of a stream no more than half the largest buffer. */
static int set_receive_lowat(struct socket *socket, int value)
{
    int most = socket->ops->type == SOCK_STREAM
                   ? (int)(socket->sockets->config.max_buffer / 2)
                   : INT32_MAX;

    if (value < 0 || value > most)
        value = most;
    socket->settings.receive_lowat = value == 0 ? 1 : value;
    socket_mark_ready(socket);
    return 0;
}

/* Which buffers have the size that the program gave. */
static int get_buffer_lock(struct socket *socket, int *out)
{
    *out = (socket->settings.has_send_buffer ? BUFFER_LOCK_SEND : 0) |
           (socket->settings.has_receive_buffer ? BUFFER_LOCK_RECEIVE : 0);
    return 0;
}

static int set_buffer_lock(struct socket *socket, int value)
{
    if (value < 0 || value > (BUFFER_LOCK_SEND | BUFFER_LOCK_RECEIVE))
        return -EINVAL;
    socket->settings.has_send_buffer = value & BUFFER_LOCK_SEND;
    socket->settings.has_receive_buffer = value & BUFFER_LOCK_RECEIVE;
    socket->ops->apply(socket, SETTING_SEND_BUFFER);
    socket->ops->apply(socket, SETTING_RECEIVE_BUFFER);
    return 0;
}

/* SO_TIMESTAMP, SO_TIMESTAMPNS and their twins of 64 bits: one at a time. */
static int get_timestamp(const struct socket *socket, int name)
{
    return socket->settings.timestamp == name;
}

static int set_timestamp(struct socket *socket, int name, int value)
{
    socket->settings.timestamp = value != 0 ? (uint8_t)name : 0;
    socket->ops->apply(socket, SETTING_FLAGS);
    return 0;
}

static int get_timestamp_us(struct socket *socket, int *out)
{
    *out = get_timestamp(socket, SO_TIMESTAMP_OLD);
    return 0;
}

static int set_timestamp_us(struct socket *socket, int value)
{
    return set_timestamp(socket, SO_TIMESTAMP_OLD, value);
}

static int get_timestamp_ns(struct socket *socket, int *out)
{
    *out = get_timestamp(socket, SO_TIMESTAMPNS_OLD);
    return 0;
}

static int set_timestamp_ns(struct socket *socket, int value)
{
    return set_timestamp(socket, SO_TIMESTAMPNS_OLD, value);
}

/* Linux: also where the other new one is set. */
static int get_timestamp_us_new(struct socket *socket, int *out)
{
    *out = get_timestamp(socket, SO_TIMESTAMP_NEW) ||
           get_timestamp(socket, SO_TIMESTAMPNS_NEW);
    return 0;
}

static int set_timestamp_us_new(struct socket *socket, int value)
{
    return set_timestamp(socket, SO_TIMESTAMP_NEW, value);
}

static int get_timestamp_ns_new(struct socket *socket, int *out)
{
    *out = get_timestamp(socket, SO_TIMESTAMPNS_NEW);
    return 0;
}

static int set_timestamp_ns_new(struct socket *socket, int value)
{
    return set_timestamp(socket, SO_TIMESTAMPNS_NEW, value);
}

/* Stamps of a device, or of what was sent: there is nobody to take them. */
static int set_timestamping(struct socket *socket, int value)
{
    enum { FLAGS = 1 << 19 }; /* that Linux 6.18 knows */

    (void)socket;
    if (value == 0)
        return 0;
    return value < 0 || value >= FLAGS ? -EINVAL : -ENOPROTOOPT;
}

/* MSG_ZEROCOPY is not here; tapir.h has tapir_send_lend. */
static int get_zero_copy(struct socket *socket, int *out)
{
    (void)socket;
    *out = 0;
    return 0;
}

static int set_zero_copy(struct socket *socket, int value)
{
    (void)socket;
    if (value == 0)
        return 0;
    return value == 1 ? -EOPNOTSUPP : -EINVAL;
}

static int get_mtu_discover(struct socket *socket, int *out)
{
    *out = socket->settings.mtu_discover;
    return 0;
}

static int set_mtu_discover(struct socket *socket, int value)
{
    if (value < IP_PMTUDISC_DONT || value > IP_PMTUDISC_OMIT)
        return -EINVAL;
    socket->settings.mtu_discover = (uint8_t)value;
    socket->ops->apply(socket, SETTING_MTU_DISCOVER);
    return 0;
}

/* In network order, as ip(7) has it. */
static int get_unicast_iface(struct socket *socket, int *out)
{
    put_be32((uint8_t *)out, socket->settings.unicast_iface);
    return 0;
}

/* Linux: one that is bound to a device has no other. */
static int set_unicast_iface(struct socket *socket, int value)
{
    unsigned index = get_be32((const uint8_t *)&value);
    const struct socket_settings *settings = &socket->settings;

    if (index > UINT8_MAX ||
        (index != 0 &&
         ip_iface_by_index(socket->sockets->udp->ip, index) == NULL))
        return -EADDRNOTAVAIL;
    if (index != 0 && settings->device != 0 && settings->device != index)
        return -EINVAL;
    socket->settings.unicast_iface = (uint8_t)index;
    socket->ops->apply(socket, SETTING_FLAGS);
    return 0;
}

static int get_min_ttl(struct socket *socket, int *out)
{
    *out = socket->settings.min_ttl;
    return 0;
}

static int set_min_ttl(struct socket *socket, int value)
{
    if (value < 0 || value > UINT8_MAX)
        return -EINVAL;
    socket->settings.min_ttl = (uint8_t)value;
    socket->ops->apply(socket, SETTING_FLAGS);
    return 0;
}

/* Of a connection: -ENOTCONN. */
static int get_mtu(struct socket *socket, int *out)
{
    int mtu = socket->ops->mtu == NULL ? -ENOTCONN : socket->ops->mtu(socket);

    if (mtu < 0)
        return mtu;
    *out = mtu;
    return 0;
}

/* Any negative one is none, and is told as it was given. */
static int get_peek_offset(struct socket *socket, int *out)
{
    if (!socket->ops->has_peek_offset)
        return -EOPNOTSUPP;
    *out = socket->settings.peek_offset;
    return 0;
}

static int set_peek_offset(struct socket *socket, int value)
{
    if (!socket->ops->has_peek_offset)
        return -EOPNOTSUPP;
    socket->settings.peek_offset = value;
    return 0;
}

/* ip(7): the lower bound, and 16 bits up the upper; 0: the stack's own. */
static int get_port_range(struct socket *socket, int *out)
{
    *out = (int)socket->settings.port_range;
    return 0;
}

static int set_port_range(struct socket *socket, int value)
{
    uint32_t range = (uint32_t)value;
    uint32_t low = range & UINT16_MAX;
    uint32_t high = range >> 16;

    if (low != 0 && high != 0 && low > high)
        return -EINVAL;
    socket->settings.port_range = range;
    socket->ops->apply(socket, SETTING_PORT_RANGE);
    return 0;
}

/* Linux: where a raw socket has its protocol, others have their port. */
static int get_ip_protocol(struct socket *socket, int *out)
{
    *out = socket->ops->number != NULL ? socket->ops->number(socket)
                                       : socket->ops->local(socket).port;
    return 0;
}

/* Always: filters see all that there is (packet(7)). */
static int get_bpf_extensions(struct socket *socket, int *out)
{
    enum { SKF_AD_MAX = 64 };

    (void)socket;
    *out = SKF_AD_MAX;
    return 0;
}

/* Memory is not reserved; less than none is wrong all the same. */
static int get_reserved_memory(struct socket *socket, int *out)
{
    (void)socket;
    *out = 0;
    return 0;
}

static int set_reserved_memory(struct socket *socket, int value)
{
    (void)socket;
    return value < 0 ? -EINVAL : -EOPNOTSUPP;
}

static const struct linux_option options[] = {
    {SOL_SOCKET, SO_DEBUG, get_debug, set_debug},
    {SOL_SOCKET, SO_PRIORITY, get_priority, set_priority},
    {SOL_SOCKET, SO_MARK, get_mark, set_mark},
    {SOL_SOCKET, SO_INCOMING_CPU, get_incoming_cpu, set_incoming_cpu},
    {SOL_SOCKET, SO_BUSY_POLL, get_busy_poll, set_busy_poll},
    {SOL_SOCKET, SO_PREFER_BUSY_POLL, get_prefer_busy_poll,
     set_prefer_busy_poll},
    {SOL_SOCKET, SO_BUSY_POLL_BUDGET, NULL, set_busy_poll_budget},
    {SOL_SOCKET, SO_CNX_ADVICE, NULL, set_connection_advice},
    {SOL_SOCKET, SO_RCVLOWAT, get_receive_lowat, set_receive_lowat},
    {SOL_SOCKET, SO_PEEK_OFF, get_peek_offset, set_peek_offset},
    {SOL_SOCKET, SO_TXREHASH, get_txrehash, set_txrehash},
    {SOL_SOCKET, SO_BUF_LOCK, get_buffer_lock, set_buffer_lock},
    {SOL_SOCKET, SO_TIMESTAMP_OLD, get_timestamp_us, set_timestamp_us},
    {SOL_SOCKET, SO_TIMESTAMPNS_OLD, get_timestamp_ns, set_timestamp_ns},
    {SOL_SOCKET, SO_TIMESTAMP_NEW, get_timestamp_us_new, set_timestamp_us_new},
    {SOL_SOCKET, SO_TIMESTAMPNS_NEW, get_timestamp_ns_new,
     set_timestamp_ns_new},
    {SOL_SOCKET, SO_TIMESTAMPING_OLD, NULL, set_timestamping},
    {SOL_SOCKET, SO_TIMESTAMPING_NEW, NULL, set_timestamping},
    {SOL_SOCKET, SO_ZEROCOPY, get_zero_copy, set_zero_copy},
    {IPPROTO_IP, IP_MTU_DISCOVER, get_mtu_discover, set_mtu_discover},
    {SOL_SOCKET, SO_BPF_EXTENSIONS, get_bpf_extensions, NULL},
    {SOL_SOCKET, SO_RESERVE_MEM, get_reserved_memory, set_reserved_memory},
    {IPPROTO_IP, IP_MTU, get_mtu, NULL},
    {IPPROTO_IP, OPTION_IP_PROTOCOL, get_ip_protocol, NULL},
    {IPPROTO_IP, IP_UNICAST_IF, get_unicast_iface, set_unicast_iface},
    {IPPROTO_IP, IP_MINTTL, get_min_ttl, set_min_ttl},
    {IPPROTO_IP, OPTION_LOCAL_PORT_RANGE, get_port_range, set_port_range},
};

const struct linux_option *socket_find_linux_option(int level, int name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(options); i++)
        if (options[i].level == level && options[i].name == name)
            return &options[i];
    return NULL;
}
