/*
 * Socket options: POSIX.1-2017 XSH 2.10.16, and the lengths and ranges that
 * Linux allows. Those of the transport's own level are the kind's.
 *
 * An option is its number, and functions that read and write it as an int;
 * those that are structs or texts have functions of their own. Truths, refusals
 * and most of what is Linux's are tables of other files. IP_TTL and
 * IP_TOS are <netinet/in.h>'s here, which comes after ip.h, and not fields of a
 * header.
 */
#include "socket/socket_options.h"
#include "socket/socket_multicast.h"

#include <errno.h>
#include <sys/time.h>

enum {
    RECEIVE_BUFFER_MIN = 2304, /* Linux's SOCK_MIN_RCVBUF, _SNDBUF */
    SEND_BUFFER_MIN = 4608,
    OPTION_LOCAL_PORT_RANGE = 51 /* newer than the C library's headers */
};

struct int_option {
    int level;
    int name;
    int (*get)(struct socket *socket);
    int (*set)(struct socket *socket, int value); /* NULL: only to be read */
};

struct socket_settings socket_settings_default(void)
{
    return (struct socket_settings){
        .receive_timeout = USEC_NEVER,
        .send_timeout = USEC_NEVER,
        .incoming_cpu = -1,
        .receive_lowat = 1,
        .peek_offset = -1,
        .mtu_discover = IP_PMTUDISC_WANT,
        .txrehash = true,
    };
}

static int get_type(struct socket *socket)
{
    return socket->ops->type;
}

static int get_domain(struct socket *socket)
{
    return socket->ops->domain;
}

static int get_protocol(struct socket *socket)
{
    return socket->protocol;
}

static int get_error(struct socket *socket)
{
    return socket->ops->take_error(socket);
}

static int get_accept_conn(struct socket *socket)
{
    return socket->ops->is_listening != NULL &&
           socket->ops->is_listening(socket);
}

static int get_reuse_addr(struct socket *socket)
{
    return socket->settings.reuse_addr;
}

static int set_reuse_addr(struct socket *socket, int value)
{
    socket->settings.reuse_addr = value != 0;
    socket->ops->apply(socket, SETTING_REUSE_ADDR);
    return 0;
}

static int get_reuse_port(struct socket *socket)
{
    return socket->settings.reuse_port;
}

static int set_reuse_port(struct socket *socket, int value)
{
    socket->settings.reuse_port = value != 0;
    socket->ops->apply(socket, SETTING_REUSE_PORT);
    return 0;
}

static int get_device_index(struct socket *socket)
{
    return (int)socket->settings.device;
}

/* As Linux, which does not look whether there is such an interface. */
static int set_device_index(struct socket *socket, int value)
{
    if (value < 0)
        return -EINVAL;
    socket->settings.device = (unsigned)value;
    socket->ops->apply(socket, SETTING_DEVICE);
    return 0;
}

static int get_keepalive(struct socket *socket)
{
    return socket->settings.keepalive;
}

static int set_keepalive(struct socket *socket, int value)
{
    socket->settings.keepalive = value != 0;
    socket->ops->apply(socket, SETTING_KEEPALIVE);
    return 0;
}

static int get_broadcast(struct socket *socket)
{
    return socket->settings.broadcast;
}

static int set_broadcast(struct socket *socket, int value)
{
    socket->settings.broadcast = value != 0;
    socket->ops->apply(socket, SETTING_BROADCAST);
    return 0;
}

static int get_oob_inline(struct socket *socket)
{
    return socket->settings.oob_inline;
}

static int set_oob_inline(struct socket *socket, int value)
{
    socket->settings.oob_inline = value != 0;
    socket->ops->apply(socket, SETTING_OOB_INLINE);
    return 0;
}

/* Linux doubles; a negative value is a large one, and too much is cut. */
static uint32_t buffer_size(const struct socket *socket, int value,
                            uint32_t least)
{
    uint32_t most = socket->sockets->config.max_buffer;
    uint32_t half = min_u32((uint32_t)value, most / 2);

    return max_u32(2 * half, least);
}

static void refresh_buffers(struct socket *socket)
{
    if (socket->ops->refresh_buffers != NULL)
        socket->ops->refresh_buffers(socket);
}

static int get_receive_buffer(struct socket *socket)
{
    refresh_buffers(socket);
    return (int)socket->settings.receive_buffer;
}

static int set_receive_buffer(struct socket *socket, int value)
{
    socket->settings.receive_buffer =
        buffer_size(socket, value, RECEIVE_BUFFER_MIN);
    socket->settings.has_receive_buffer = true;
    socket->ops->apply(socket, SETTING_RECEIVE_BUFFER);
    return 0;
}

static int get_send_buffer(struct socket *socket)
{
    refresh_buffers(socket);
    return (int)socket->settings.send_buffer;
}

static int set_send_buffer(struct socket *socket, int value)
{
    socket->settings.send_buffer = buffer_size(socket, value, SEND_BUFFER_MIN);
    socket->settings.has_send_buffer = true;
    socket->ops->apply(socket, SETTING_SEND_BUFFER);
    return 0;
}

static int get_ttl(struct socket *socket)
{
    uint8_t ttl = socket->settings.ttl;

    return ttl != 0 ? ttl : socket->sockets->tcp->ip->config.ttl;
}

/* -1: the stack's own again. */
static int set_ttl(struct socket *socket, int value)
{
    if (value != -1 && (value < 1 || value > UINT8_MAX))
        return -EINVAL;
    socket->settings.ttl = value == -1 ? 0 : (uint8_t)value;
    socket->ops->apply(socket, SETTING_TTL);
    return 0;
}

static int get_tos(struct socket *socket)
{
    return socket->settings.tos;
}

/* As Linux, by the two upper bits of RFC 1349's type of service: what it calls
 * bulk, interactive, and both. */
static int priority_of(uint8_t tos)
{
    static const uint8_t priorities[] = {0, 2, 6, 4};

    return priorities[tos >> 3 & 3];
}

/* The ECN bits of a stream are TCP's (RFC 3168 6.1), and left out here. */
static int set_tos(struct socket *socket, int value)
{
    int mask = socket->ops->type == SOCK_STREAM ? ~IP_ECN_MASK : ~0;

    socket->settings.tos = (uint8_t)(value & mask);
    socket->settings.priority = priority_of(socket->settings.tos);
    socket->ops->apply(socket, SETTING_TOS);
    return 0;
}

static int get_header_included(struct socket *socket)
{
    return socket->settings.header_included;
}

static int set_header_included(struct socket *socket, int value)
{
    if (socket->ops->type != SOCK_RAW)
        return -ENOPROTOOPT;
    socket->settings.header_included = value != 0;
    socket->ops->apply(socket, SETTING_FLAGS);
    return 0;
}

static const struct int_option int_options[] = {
    {SOL_SOCKET, SO_TYPE, get_type, NULL},
    {SOL_SOCKET, SO_DOMAIN, get_domain, NULL},
    {SOL_SOCKET, SO_PROTOCOL, get_protocol, NULL},
    {SOL_SOCKET, SO_ERROR, get_error, NULL},
    {SOL_SOCKET, SO_ACCEPTCONN, get_accept_conn, NULL},
    {SOL_SOCKET, SO_REUSEADDR, get_reuse_addr, set_reuse_addr},
    {SOL_SOCKET, SO_REUSEPORT, get_reuse_port, set_reuse_port},
    {SOL_SOCKET, SO_BINDTOIFINDEX, get_device_index, set_device_index},
    {SOL_SOCKET, SO_KEEPALIVE, get_keepalive, set_keepalive},
    {SOL_SOCKET, SO_BROADCAST, get_broadcast, set_broadcast},
    {SOL_SOCKET, SO_RCVBUF, get_receive_buffer, set_receive_buffer},
    {SOL_SOCKET, SO_SNDBUF, get_send_buffer, set_send_buffer},
    {SOL_SOCKET, SO_OOBINLINE, get_oob_inline, set_oob_inline},
    {IPPROTO_IP, IP_TTL, get_ttl, set_ttl},
    {IPPROTO_IP, IP_TOS, get_tos, set_tos},
    {IPPROTO_IP, IP_HDRINCL, get_header_included, set_header_included},
};

static const struct int_option *find_option(int level, int name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(int_options); i++)
        if (int_options[i].level == level && int_options[i].name == name)
            return &int_options[i];
    return NULL;
}

int socket_give(const void *from, size_t size, void *value, size_t *len)
{
    *len = min_size(*len, size);
    if (*len == 0)
        return 0;
    if (value == NULL)
        return -EFAULT;
    memcpy(value, from, *len);
    return 0;
}

static int get_linger(const struct socket *socket, void *value, size_t *len)
{
    struct linger linger = {.l_onoff = socket->settings.lingers,
                            .l_linger = (int)socket->settings.linger};

    return socket_give(&linger, sizeof(linger), value, len);
}

static int set_linger(struct socket *socket, struct bytes value)
{
    struct linger linger;

    if (value.len < sizeof(linger))
        return -EINVAL;
    memcpy(&linger, value.data, sizeof(linger));
    socket->settings.lingers = linger.l_onoff != 0;
    if (linger.l_onoff) /* a negative time is a long one, as in Linux */
        socket->settings.linger = min_u32((uint32_t)linger.l_linger, INT32_MAX);
    return 0;
}

static int get_timeout(usec timeout, void *value, size_t *len)
{
    struct timeval tv = {0};

    if (timeout != USEC_NEVER)
        tv = (struct timeval){.tv_sec = timeout / USEC_PER_SEC,
                              .tv_usec = timeout % USEC_PER_SEC};
    return socket_give(&tv, sizeof(tv), value, len);
}

/* Linux: all zero is never, a negative time is at once. */
static int set_timeout(usec *timeout, struct bytes value)
{
    struct timeval tv;

    if (value.len < sizeof(tv))
        return -EINVAL;
    memcpy(&tv, value.data, sizeof(tv));
    if (tv.tv_usec < 0 || tv.tv_usec >= USEC_PER_SEC)
        return -EDOM;
    if (tv.tv_sec < 0)
        *timeout = 0;
    else if ((tv.tv_sec == 0 && tv.tv_usec == 0) ||
             tv.tv_sec >= USEC_NEVER / USEC_PER_SEC)
        *timeout = USEC_NEVER;
    else
        *timeout = tv.tv_sec * USEC_PER_SEC + tv.tv_usec;
    return 0;
}

/* The newer name is that of a struct which is the same here. */
static bool is_receive_timeout(int name)
{
    return name == SO_RCVTIMEO || name == SO_RCVTIMEO_NEW;
}

static bool is_send_timeout(int name)
{
    return name == SO_SNDTIMEO || name == SO_SNDTIMEO_NEW;
}

static const struct iface *device_of(const struct socket *socket)
{
    return ip_iface_by_index(socket->sockets->udp->ip, socket->settings.device);
}

/* A name of its whole size, as Linux has it, or nothing if there is none. */
static int get_device(const struct socket *socket, void *value, size_t *len)
{
    const struct iface *iface = device_of(socket);

    if (socket->settings.device == 0)
        return socket_give("", 0, value, len);
    if (*len < IFACE_NAME_MAX)
        return -EINVAL;
    if (iface == NULL)
        return -ENODEV;
    return socket_give(iface->name, strlen(iface->name) + 1, value, len);
}

/* No name, and "", unbind; one need not end with a NUL. */
static int set_device(struct socket *socket, struct bytes value)
{
    char name[IFACE_NAME_MAX] = "";
    const struct iface *iface;

    if (value.len > 0)
        memcpy(name, value.data, min_size(value.len, sizeof(name) - 1));
    if (name[0] == '\0')
        return set_device_index(socket, 0);
    iface = ip_iface_by_name(socket->sockets->udp->ip, name);
    return iface == NULL ? -ENODEV
                         : set_device_index(socket, (int)iface->index);
}

/* As Linux: 32 bits or 64, all of them set for no limit. */
static int get_max_pacing_rate(const struct socket *socket, void *value,
                               size_t *len)
{
    uint64_t rate = socket->settings.max_pacing_rate;
    uint32_t small;

    if (rate == 0)
        rate = UINT64_MAX;
    if (*len >= sizeof(rate))
        return socket_give(&rate, sizeof(rate), value, len);
    small = rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;
    return socket_give(&small, sizeof(small), value, len);
}

static int set_max_pacing_rate(struct socket *socket, struct bytes value)
{
    uint64_t rate = 0;
    uint32_t small;

    if (value.len < sizeof(small))
        return -EINVAL;
    memcpy(&small, value.data, sizeof(small));
    if (value.len >= sizeof(rate))
        memcpy(&rate, value.data, sizeof(rate));
    else
        rate = small == UINT32_MAX ? UINT64_MAX : small;
    if (rate == 0)
        rate = 1; /* as slow as can be */
    socket->settings.max_pacing_rate = rate == UINT64_MAX ? 0 : rate;
    socket->ops->apply(socket, SETTING_MAX_PACING_RATE);
    return 0;
}

/* No options are sent (RFC 791 3.1): only those that say nothing will do. */
static int set_ip_options(struct bytes value)
{
    enum { END_OF_LIST = 0, NO_OPERATION = 1 };

    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] != END_OF_LIST && value.data[i] != NO_OPERATION)
            return -EINVAL;
    return 0;
}

/* Linux: of these an empty value is not 0, and of one neither is an octet. */
static bool has_too_little(int name, size_t len)
{
    if (name == OPTION_LOCAL_PORT_RANGE)
        return len != sizeof(int);
    return len == 0 &&
           (name == IP_FREEBIND || name == IP_TRANSPARENT || name == IP_MINTTL);
}

/*
 * Linux reads the options of IP from a single octet too; every other from an
 * int, or more.
 */
static int read_int(int level, struct bytes value, int *out)
{
    if (value.len >= sizeof(*out))
        memcpy(out, value.data, sizeof(*out));
    else if (level == IPPROTO_IP)
        *out = value.len > 0 ? value.data[0] : 0;
    else
        return -EINVAL;
    return 0;
}

/* And gives them into a single octet too, where they fit. */
static int give_int(int level, int from, void *value, size_t *len)
{
    uint8_t octet = (uint8_t)from;

    if (level == IPPROTO_IP && *len < sizeof(from) && octet == from)
        return socket_give(&octet, sizeof(octet), value, len);
    return socket_give(&from, sizeof(from), value, len);
}

static int set_bytes(struct socket *socket, int level, int name,
                     struct bytes value)
{
    if (level != socket->ops->protocol || socket->ops->set_bytes_option == NULL)
        return -ENOPROTOOPT;
    return socket->ops->set_bytes_option(socket, name, value);
}

static int get_bytes(struct socket *socket, int level, int name, void *value,
                     size_t *len)
{
    if (level != socket->ops->protocol || socket->ops->get_bytes_option == NULL)
        return -ENOPROTOOPT;
    return socket->ops->get_bytes_option(socket, name, value, len);
}

/* Those of the other files. */
static int set_more(struct socket *socket, int level, int name, int value)
{
    const struct flag_option *flag = socket_find_flag(level, name);
    const struct linux_option *option = socket_find_linux_option(level, name);
    const struct refused_option *refused = socket_find_refused(level, name);

    if (flag != NULL)
        return socket_set_flag(socket, flag, value);
    if (option != NULL && option->set != NULL)
        return option->set(socket, value);
    return refused != NULL ? refused->set : -ENOPROTOOPT;
}

static int get_more(struct socket *socket, int level, int name, int *value)
{
    const struct flag_option *flag = socket_find_flag(level, name);
    const struct linux_option *option = socket_find_linux_option(level, name);
    const struct refused_option *refused = socket_find_refused(level, name);

    if (option != NULL && option->get != NULL)
        return option->get(socket, value);
    if (flag == NULL && (refused == NULL || refused->get < 0))
        return refused == NULL ? -ENOPROTOOPT : refused->get;
    *value = flag != NULL ? socket_has(socket, flag->flag) : refused->get;
    return 0;
}

static int set_int(struct socket *socket, int level, int name, int value)
{
    const struct int_option *option = find_option(level, name);

    if (level == SOL_SOCKET && name == SO_DETACH_FILTER)
        return socket_detach_filter(socket);
    if (option != NULL && option->set != NULL)
        return option->set(socket, value);
    if (level == SOL_SOCKET || level == IPPROTO_IP)
        return set_more(socket, level, name, value);
    if (level == socket->ops->protocol && socket->ops->set_option != NULL)
        return socket->ops->set_option(socket, name, value);
    return -ENOPROTOOPT;
}

static int get_int(struct socket *socket, int level, int name, int *value)
{
    const struct int_option *option = find_option(level, name);

    if (option != NULL) {
        *value = option->get(socket);
        return 0;
    }
    if (level == SOL_SOCKET || level == IPPROTO_IP)
        return get_more(socket, level, name, value);
    if (level != socket->ops->protocol) /* Linux: a level that is nobody's */
        return -EOPNOTSUPP;
    return socket->ops->get_option == NULL
               ? -ENOPROTOOPT
               : socket->ops->get_option(socket, name, value);
}

static bool is_nobodys_level(const struct socket *socket, int level)
{
    return level != SOL_SOCKET && level != IPPROTO_IP &&
           level != socket->ops->protocol;
}

int socket_set_option(struct socket *socket, int level, int name,
                      struct bytes value)
{
    int number;
    int error;

    if (level == IPPROTO_IP && socket->ops->domain != AF_INET)
        return -ENOPROTOOPT;
    if (is_nobodys_level(socket, level))
        return -ENOPROTOOPT; /* whatever the value is, as in Linux */
    if (socket->ops->prepare != NULL &&
        (error = socket->ops->prepare(socket)) < 0)
        return error;
    if (level == SOL_SOCKET && name == SO_LINGER)
        return set_linger(socket, value);
    if (level == SOL_SOCKET && is_receive_timeout(name))
        return set_timeout(&socket->settings.receive_timeout, value);
    if (level == SOL_SOCKET && is_send_timeout(name))
        return set_timeout(&socket->settings.send_timeout, value);
    if (level == SOL_SOCKET && name == SO_MAX_PACING_RATE)
        return set_max_pacing_rate(socket, value);
    if (level == IPPROTO_IP && name == IP_OPTIONS)
        return set_ip_options(value);
    if (level == SOL_SOCKET && name == SO_BINDTODEVICE)
        return set_device(socket, value);
    if (level == SOL_SOCKET && name == SO_ATTACH_FILTER)
        return socket_attach_filter(socket, value);
    if (level == IPPROTO_IP &&
        (error = socket_set_multicast(socket, name, value)) != -ENOPROTOOPT)
        return error;
    if ((error = set_bytes(socket, level, name, value)) != -ENOPROTOOPT)
        return error;
    if (level == IPPROTO_IP && has_too_little(name, value.len))
        return -EINVAL;
    if ((error = read_int(level, value, &number)) < 0)
        return error;
    return set_int(socket, level, name, number);
}

int socket_get_option(struct socket *socket, int level, int name, void *value,
                      size_t *len)
{
    int number;
    int error;

    if (level == IPPROTO_IP && socket->ops->domain != AF_INET)
        return -ENOPROTOOPT;
    if (level == SOL_SOCKET && name == SO_LINGER)
        return get_linger(socket, value, len);
    if (level == SOL_SOCKET && is_receive_timeout(name))
        return get_timeout(socket->settings.receive_timeout, value, len);
    if (level == SOL_SOCKET && is_send_timeout(name))
        return get_timeout(socket->settings.send_timeout, value, len);
    if (level == SOL_SOCKET && name == SO_MAX_PACING_RATE)
        return get_max_pacing_rate(socket, value, len);
    if (socket_get_struct(socket, level, name, value, len, &error))
        return error;
    if (level == SOL_SOCKET && name == SO_BINDTODEVICE)
        return get_device(socket, value, len);
    if (level == IPPROTO_IP && (error = socket_get_multicast(
                                    socket, name, value, len)) != -ENOPROTOOPT)
        return error;
    if ((error = get_bytes(socket, level, name, value, len)) != -ENOPROTOOPT)
        return error;
    if ((error = get_int(socket, level, name, &number)) < 0)
        return error;
    return give_int(level, number, value, len);
}
