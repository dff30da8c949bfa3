/*
 * Multicast as options of a socket: ip(7), RFC 3678 4.1 (IPv4) and 5.1 (the
 * same for both families). Lengths, ranges and errors are Linux's.
 *
 * A stream socket may join groups too, as in Linux, but for the two oldest
 * options; nothing comes of it but that the interface listens to the group.
 */
#include "socket/socket_multicast.h"

#include <errno.h>

static struct ip_addr addr_of(struct in_addr addr)
{
    return ip_addr_v4(ntohl(addr.s_addr));
}

static struct in_addr in_addr_of(const struct ip_addr *addr)
{
    uint32_t v4 = ip_addr_is_any(addr) ? 0 : ip_addr_to_v4(addr);

    return (struct in_addr){.s_addr = htonl(v4)};
}

/* An int, or one octet. -EINVAL: nothing at all. */
static int read_number(struct bytes value, int *out)
{
    if (value.len == 0)
        return -EINVAL;
    *out = value.data[0];
    if (value.len >= sizeof(*out))
        memcpy(out, value.data, sizeof(*out));
    return 0;
}

/* Into an octet where there is no room for more and it fits, as Linux. */
static int give_number(int number, void *value, size_t *len)
{
    uint8_t octet = (uint8_t)number;
    bool is_small = *len < sizeof(number) && *len > 0;

    return is_small ? socket_give(&octet, sizeof(octet), value, len)
                    : socket_give(&number, sizeof(number), value, len);
}

/* ---- How to send, what to hear ------------------------------------------ */

static int set_ttl(struct ip_multicast *multicast, struct bytes value)
{
    int ttl;
    int error = read_number(value, &ttl);

    if (error < 0)
        return error;
    if (ttl < -1 || ttl > UINT8_MAX)
        return -EINVAL;
    multicast->ttl = ttl == -1 ? 1 : (uint8_t)ttl;
    return 0;
}

static int set_loop(struct ip_multicast *multicast, struct bytes value)
{
    int on;
    int error = read_number(value, &on);

    if (error == 0)
        multicast->is_looped = on != 0;
    return error;
}

static int set_all(struct ip_multicast *multicast, struct bytes value)
{
    int on;
    int error = read_number(value, &on);

    if (error < 0)
        return error;
    if (on != 0 && on != 1)
        return -EINVAL;
    multicast->hears_all = on;
    return 0;
}

/* The three forms: an address, with a group that does not matter before it,
 * with an index behind it. */
static int read_where_to_send(struct bytes value, struct ip_mreqn *out)
{
    *out = (struct ip_mreqn){0};
    if (value.len >= sizeof(*out))
        memcpy(out, value.data, sizeof(*out));
    else if (value.len >= sizeof(struct ip_mreq))
        memcpy(out, value.data, sizeof(struct ip_mreq));
    else if (value.len >= sizeof(out->imr_address))
        memcpy(&out->imr_address, value.data, sizeof(out->imr_address));
    else
        return -EINVAL;
    return 0;
}

static const struct iface *iface_to_send_by(const struct ip *ip,
                                            const struct ip_mreqn *where)
{
    struct ip_addr addr = addr_of(where->imr_address);

    return where->imr_ifindex != 0
               ? ip_iface_by_index(ip, (unsigned)where->imr_ifindex)
               : ip_local_iface(ip, &addr);
}

static int set_iface(struct socket *socket, struct ip_multicast *multicast,
                     struct bytes value)
{
    struct ip_mreqn where;
    const struct iface *iface;
    int error = read_where_to_send(value, &where);

    if (error < 0)
        return error;
    if (where.imr_ifindex == 0 && where.imr_address.s_addr == INADDR_ANY) {
        multicast->iface = 0;
        multicast->addr = IP_ADDR_ANY_V4;
        return 0;
    }
    iface = iface_to_send_by(multicast->ip, &where);
    if (iface == NULL)
        return -EADDRNOTAVAIL;
    if (socket->settings.device != 0 && socket->settings.device != iface->index)
        return -EINVAL;
    multicast->iface = iface->index;
    multicast->addr = addr_of(where.imr_address);
    return 0;
}

static int get_iface(const struct ip_multicast *multicast, void *value,
                     size_t *len)
{
    struct in_addr addr = in_addr_of(&multicast->addr);

    return socket_give(&addr, sizeof(addr), value, len);
}

/* ---- Joining and leaving, RFC 3678 4.1.1, 4.1.3 ------------------------- */

static int read_mreqn(struct bytes value, struct group_where *out)
{
    struct ip_mreqn request = {0};

    if (value.len < sizeof(struct ip_mreq))
        return -EINVAL;
    memcpy(&request, value.data,
           value.len >= sizeof(request) ? sizeof(request)
                                        : sizeof(struct ip_mreq));
    *out = (struct group_where){
        .group = addr_of(request.imr_multiaddr),
        .addr = addr_of(request.imr_address),
        .iface = (unsigned)request.imr_ifindex,
    };
    return 0;
}

static int read_mreq_source(struct bytes value, struct group_where *out,
                            struct ip_addr *source)
{
    struct ip_mreq_source request;

    if (value.len != sizeof(request))
        return -EINVAL;
    memcpy(&request, value.data, sizeof(request));
    *out = (struct group_where){
        .group = addr_of(request.imr_multiaddr),
        .addr = addr_of(request.imr_interface),
    };
    *source = addr_of(request.imr_sourceaddr);
    return 0;
}

static int read_sockaddr(const struct sockaddr_storage *from,
                         struct ip_addr *out)
{
    struct sockaddr_in addr;

    if (from->ss_family != AF_INET)
        return -EINVAL;
    memcpy(&addr, from, sizeof(addr));
    *out = addr_of(addr.sin_addr);
    return 0;
}

static void write_sockaddr(uint8_t *to, const struct ip_addr *from)
{
    struct sockaddr_storage name = {0};
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr = in_addr_of(from)};

    memcpy(&name, &addr, sizeof(addr));
    memcpy(to, &name, sizeof(name));
}

static int read_group_req(struct bytes value, struct group_where *out)
{
    struct group_req request;

    if (value.len < sizeof(request))
        return -EINVAL;
    memcpy(&request, value.data, sizeof(request));
    *out = (struct group_where){.iface = request.gr_interface};
    return read_sockaddr(&request.gr_group, &out->group);
}

/* A wrong family is -EADDRNOTAVAIL here, as in Linux. */
static int read_group_source_req(struct bytes value, struct group_where *out,
                                 struct ip_addr *source)
{
    struct group_source_req request;

    if (value.len < sizeof(request))
        return -EINVAL;
    memcpy(&request, value.data, sizeof(request));
    *out = (struct group_where){.iface = request.gsr_interface};
    if (read_sockaddr(&request.gsr_group, &out->group) < 0 ||
        read_sockaddr(&request.gsr_source, source) < 0)
        return -EADDRNOTAVAIL;
    return 0;
}

/* RFC 3678 4.2; the array of sources is as long as imsf_numsrc says. */
static int read_msfilter(struct bytes value, struct group_where *where,
                         struct source_filter *filter)
{
    struct ip_msfilter request;

    if (value.len < IP_MSFILTER_SIZE(0))
        return -EINVAL;
    memcpy(&request, value.data, IP_MSFILTER_SIZE(0));
    if (request.imsf_numsrc > MEMBERSHIP_SOURCES_MAX)
        return -ENOBUFS;
    if (value.len < IP_MSFILTER_SIZE(request.imsf_numsrc) ||
        request.imsf_fmode > MCAST_INCLUDE)
        return -EINVAL;
    *where = (struct group_where){
        .group = addr_of(request.imsf_multiaddr),
        .addr = addr_of(request.imsf_interface),
    };
    *filter =
        (struct source_filter){.excludes = request.imsf_fmode == MCAST_EXCLUDE};
    for (uint32_t i = 0; i < request.imsf_numsrc; i++) {
        const uint8_t *at = value.data + IP_MSFILTER_SIZE(i);
        struct ip_addr source = ip_addr_v4(get_be32(at));

        if (!source_list_add(&filter->sources, &source))
            return -ENOBUFS;
    }
    return 0;
}

/* RFC 3678 5.2; families are as in read_group_source_req. */
static int read_group_filter(struct bytes value, struct group_where *where,
                             struct source_filter *filter)
{
    struct group_filter request;

    if (value.len < GROUP_FILTER_SIZE(0))
        return -EINVAL;
    memcpy(&request, value.data, GROUP_FILTER_SIZE(0));
    if (request.gf_numsrc > MEMBERSHIP_SOURCES_MAX)
        return -ENOBUFS;
    if (value.len < GROUP_FILTER_SIZE(request.gf_numsrc) ||
        request.gf_fmode > MCAST_INCLUDE)
        return -EINVAL;
    *where = (struct group_where){.iface = request.gf_interface};
    *filter =
        (struct source_filter){.excludes = request.gf_fmode == MCAST_EXCLUDE};
    if (read_sockaddr(&request.gf_group, &where->group) < 0)
        return -EADDRNOTAVAIL;
    for (uint32_t i = 0; i < request.gf_numsrc; i++) {
        struct sockaddr_storage name;
        struct ip_addr source;

        memcpy(&name, value.data + GROUP_FILTER_SIZE(i), sizeof(name));
        if (read_sockaddr(&name, &source) < 0)
            return -EADDRNOTAVAIL;
        if (!source_list_add(&filter->sources, &source))
            return -ENOBUFS;
    }
    return 0;
}

static int set_msfilter(struct ip_multicast *multicast, int name,
                        struct bytes value)
{
    struct group_where where;
    struct source_filter filter;
    int error = name == IP_MSFILTER ? read_msfilter(value, &where, &filter)
                                    : read_group_filter(value, &where, &filter);

    return error < 0 ? error : ip_filter_set(multicast, &where, &filter);
}

static int get_msfilter(const struct ip_multicast *multicast, void *value,
                        size_t *len)
{
    struct ip_msfilter answer;
    struct group_where where;
    struct source_filter filter;
    uint32_t room;
    int error;

    if (*len < IP_MSFILTER_SIZE(0))
        return -EINVAL;
    if (value == NULL)
        return -EFAULT;
    memcpy(&answer, value, IP_MSFILTER_SIZE(0));
    where = (struct group_where){
        .group = addr_of(answer.imsf_multiaddr),
        .addr = addr_of(answer.imsf_interface),
    };
    if ((error = ip_filter_get(multicast, &where, &filter)) < 0)
        return error;
    room = min_u32(answer.imsf_numsrc,
                   (uint32_t)((*len - IP_MSFILTER_SIZE(0)) / 4));
    answer.imsf_fmode = filter.excludes ? MCAST_EXCLUDE : MCAST_INCLUDE;
    answer.imsf_numsrc = filter.sources.count;
    memcpy(value, &answer, IP_MSFILTER_SIZE(0));
    room = min_u32(room, filter.sources.count);
    for (uint32_t i = 0; i < room; i++)
        put_be32((uint8_t *)value + IP_MSFILTER_SIZE(i),
                 ip_addr_to_v4(&filter.sources.addrs[i]));
    *len = IP_MSFILTER_SIZE(room);
    return 0;
}

static int get_group_filter(const struct ip_multicast *multicast, void *value,
                            size_t *len)
{
    struct group_filter answer;
    struct group_where where;
    struct source_filter filter;
    uint32_t room;
    int error;

    if (*len < GROUP_FILTER_SIZE(0))
        return -EINVAL;
    if (value == NULL)
        return -EFAULT;
    memcpy(&answer, value, GROUP_FILTER_SIZE(0));
    where = (struct group_where){.iface = answer.gf_interface};
    if ((error = read_sockaddr(&answer.gf_group, &where.group)) < 0)
        return error;
    if (where.iface == 0) /* Linux: of none, where 0 sets by the route */
        return -EADDRNOTAVAIL;
    if ((error = ip_filter_get(multicast, &where, &filter)) < 0)
        return error;
    room = min_u32(answer.gf_numsrc, (uint32_t)((*len - GROUP_FILTER_SIZE(0)) /
                                                sizeof(answer.gf_slist[0])));
    answer.gf_fmode = filter.excludes ? MCAST_EXCLUDE : MCAST_INCLUDE;
    answer.gf_numsrc = filter.sources.count;
    memcpy(value, &answer, GROUP_FILTER_SIZE(0));
    room = min_u32(room, filter.sources.count);
    for (uint32_t i = 0; i < room; i++)
        write_sockaddr((uint8_t *)value + GROUP_FILTER_SIZE(i),
                       &filter.sources.addrs[i]);
    *len = GROUP_FILTER_SIZE(room);
    return 0;
}

/* What a membership option does, once it has been read. */
static int change_source(struct ip_multicast *multicast, int name,
                         const struct group_where *where,
                         const struct ip_addr *source)
{
    switch (name) {
    case IP_ADD_SOURCE_MEMBERSHIP:
    case MCAST_JOIN_SOURCE_GROUP:
        return ip_source_join(multicast, where, source);
    case IP_DROP_SOURCE_MEMBERSHIP:
    case MCAST_LEAVE_SOURCE_GROUP:
        return ip_source_leave(multicast, where, source);
    case IP_BLOCK_SOURCE:
    case MCAST_BLOCK_SOURCE:
        return ip_source_block(multicast, where, source);
    default: /* IP_UNBLOCK_SOURCE, MCAST_UNBLOCK_SOURCE */
        return ip_source_unblock(multicast, where, source);
    }
}

static int set_membership(struct ip_multicast *multicast, int name,
                          struct bytes value)
{
    struct group_where where;
    struct ip_addr source;
    int error;

    switch (name) {
    case IP_ADD_MEMBERSHIP:
    case IP_DROP_MEMBERSHIP:
        error = read_mreqn(value, &where);
        break;
    case MCAST_JOIN_GROUP:
    case MCAST_LEAVE_GROUP:
        error = read_group_req(value, &where);
        break;
    case IP_ADD_SOURCE_MEMBERSHIP:
    case IP_DROP_SOURCE_MEMBERSHIP:
    case IP_BLOCK_SOURCE:
    case IP_UNBLOCK_SOURCE:
        error = read_mreq_source(value, &where, &source);
        return error < 0 ? error
                         : change_source(multicast, name, &where, &source);
    case MCAST_JOIN_SOURCE_GROUP:
    case MCAST_LEAVE_SOURCE_GROUP:
    case MCAST_BLOCK_SOURCE:
    case MCAST_UNBLOCK_SOURCE:
        error = read_group_source_req(value, &where, &source);
        return error < 0 ? error
                         : change_source(multicast, name, &where, &source);
    default:
        return -ENOPROTOOPT;
    }
    if (error < 0)
        return error;
    return name == IP_ADD_MEMBERSHIP || name == MCAST_JOIN_GROUP
               ? ip_group_join(multicast, &where)
               : ip_group_leave(multicast, &where);
}

/* ---- The options --------------------------------------------------------- */

static bool is_option(int name)
{
    return name >= IP_MULTICAST_IF && name <= IP_MULTICAST_ALL;
}

/* What Linux denies to a stream. */
static int check_kind(const struct socket *socket, int name)
{
    if (socket->ops->type != SOCK_STREAM)
        return 0;
    if (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP)
        return -EPROTO;
    return name == IP_MULTICAST_TTL || name == IP_MULTICAST_IF ? -EINVAL : 0;
}

int socket_set_multicast(struct socket *socket, int name, struct bytes value)
{
    struct ip_multicast *multicast;
    int error;

    if (!is_option(name))
        return -ENOPROTOOPT;
    if ((error = check_kind(socket, name)) < 0)
        return error;
    multicast = socket->ops->multicast(socket);
    if (multicast == NULL)
        return -ENOBUFS;
    switch (name) {
    case IP_MULTICAST_TTL:
        return set_ttl(multicast, value);
    case IP_MULTICAST_LOOP:
        return set_loop(multicast, value);
    case IP_MULTICAST_ALL:
        return set_all(multicast, value);
    case IP_MULTICAST_IF:
        return set_iface(socket, multicast, value);
    case IP_MSFILTER:
    case MCAST_MSFILTER:
        return set_msfilter(multicast, name, value);
    default:
        return set_membership(multicast, name, value);
    }
}

int socket_get_multicast(struct socket *socket, int name, void *value,
                         size_t *len)
{
    struct ip_multicast *multicast;

    if (!is_option(name))
        return -ENOPROTOOPT;
    multicast = socket->ops->multicast(socket);
    if (multicast == NULL)
        return -ENOBUFS;
    switch (name) {
    case IP_MULTICAST_TTL:
        return give_number(multicast->ttl, value, len);
    case IP_MULTICAST_LOOP:
        return give_number(multicast->is_looped, value, len);
    case IP_MULTICAST_ALL:
        return give_number(multicast->hears_all, value, len);
    case IP_MULTICAST_IF:
        return get_iface(multicast, value, len);
    case IP_MSFILTER:
        return get_msfilter(multicast, value, len);
    case MCAST_MSFILTER:
        return get_group_filter(multicast, value, len);
    default:
        return -ENOPROTOOPT;
    }
}
