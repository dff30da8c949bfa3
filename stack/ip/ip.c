/*
 * IPv4's context: which addresses are this host's, and by which path packets
 * leave it. RFC 1122 3.2.1.3 (addresses), 3.3.1 (routing), 3.3.4 (several
 * interfaces: the weak model, as in Linux).
 *
 * Left out on purpose: forwarding.
 */
#include "ip/ip.h"

#include <errno.h>

static struct iface *iface_of_node(struct list *node)
{
    return container_of(node, struct iface, node);
}

struct iface *ip_local_iface(const struct ip *ip, const struct ip_addr *addr)
{
    for (struct list *node = ip->ifaces->next; node != ip->ifaces;
         node = node->next)
        if (iface_has_addr(iface_of_node(node), addr))
            return iface_of_node(node);
    return NULL;
}

unsigned ip_arrival(const struct ip *ip, const struct ip_packet *packet)
{
    const struct iface *owner = packet->iface->loopback
                                    ? ip_local_iface(ip, &packet->header.dst)
                                    : NULL;

    return owner != NULL ? owner->index : packet->iface->index;
}

bool ip_is_broadcast(const struct ip *ip, const struct ip_addr *addr)
{
    if (!ip_addr_may_be_broadcast(addr))
        return false;
    if (ip_addr_is_limited_broadcast(addr))
        return true;
    for (struct list *node = ip->ifaces->next; node != ip->ifaces;
         node = node->next)
        if (iface_is_broadcast(iface_of_node(node), addr))
            return true;
    return false;
}

struct iface *ip_iface_by_index(const struct ip *ip, unsigned index)
{
    for (struct list *node = ip->ifaces->next; node != ip->ifaces;
         node = node->next)
        if (iface_of_node(node)->index == index)
            return iface_of_node(node);
    return NULL;
}

struct iface *ip_iface_by_name(const struct ip *ip, const char *name)
{
    for (struct list *node = ip->ifaces->next; node != ip->ifaces;
         node = node->next)
        if (strcmp(iface_of_node(node)->name, name) == 0)
            return iface_of_node(node);
    return NULL;
}

static struct iface *loopback_iface(const struct ip *ip)
{
    for (struct list *node = ip->ifaces->next; node != ip->ifaces;
         node = node->next)
        if (iface_of_node(node)->loopback)
            return iface_of_node(node);
    return NULL;
}

static struct iface *first_real_iface(const struct ip *ip)
{
    for (struct list *node = ip->ifaces->next; node != ip->ifaces;
         node = node->next)
        if (!iface_of_node(node)->loopback)
            return iface_of_node(node);
    return NULL;
}

/* As in Linux: 127.0.0.1 speaks to all of 127/8, any other to itself. */
static struct ip_addr source_inside(const struct iface *loopback,
                                    const struct ip_addr *dst)
{
    const struct ip_addr *ours =
        ip_addr_is_loopback(dst) ? iface_source(loopback, dst) : NULL;

    return ours ? *ours : *dst;
}

/* To ourselves: RFC 1122 3.2.1.3 (g), and our addresses on other interfaces. */
static int path_inside(const struct ip *ip, const struct ip_addr *dst,
                       struct ip_path *path)
{
    path->iface = loopback_iface(ip);
    if (!path->iface)
        return -ENETUNREACH;
    path->next_hop = *dst;
    if (ip_addr_is_any(&path->src))
        path->src = source_inside(path->iface, dst);
    return 0;
}

/*
 * 255.255.255.255 and multicast need no route: they are on a link, and only
 * the question is on which one (RFC 1122 3.3.6, RFC 1112 6.1).
 */
struct iface *ip_link_of_group(const struct ip *ip, const struct ip_addr *dst,
                               const struct ip_addr *src)
{
    const struct route *route = route_find(&ip->routes, dst);

    if (!ip_addr_is_any(src))
        return ip_local_iface(ip, src);
    return route ? route->iface : first_real_iface(ip);
}

/* RFC 1122 3.3.1.1: on the link directly, otherwise by the gateway. */
static int path_by_route(const struct ip *ip, const struct ip_addr *dst,
                         unsigned scope, struct ip_path *path)
{
    const struct route *route = route_find(&ip->routes, dst);

    path->next_hop = *dst;
    if (scope)
        path->iface = ip_iface_by_index(ip, scope);
    else if (route)
        path->iface = route->iface;
    if (!path->iface)
        return -ENETUNREACH;
    if (route && route->iface == path->iface &&
        !ip_addr_is_any(&route->gateway))
        path->next_hop = route->gateway;
    return 0;
}

static int path_outside(const struct ip *ip, const struct ip_addr *dst,
                        unsigned scope, struct ip_path *path)
{
    if (!ip_addr_is_limited_broadcast(dst) && !ip_addr_is_multicast(dst))
        return path_by_route(ip, dst, scope, path);
    path->next_hop = *dst;
    path->iface = scope ? ip_iface_by_index(ip, scope)
                        : ip_link_of_group(ip, dst, &path->src);
    return path->iface ? 0 : -ENETUNREACH;
}

/* RFC 1122 3.3.4.3: an address of the interface that the packet leaves by. */
static int choose_source(const struct ip_addr *dst, struct ip_path *path)
{
    if (!ip_addr_is_any(&path->src)) /* 127/8 does not leave the host */
        return ip_addr_is_loopback(&path->src) && !path->iface->loopback
                   ? -EINVAL
                   : 0;

    const struct ip_addr *ours = iface_source(path->iface, &path->next_hop);

    if (ours)
        path->src = *ours;
    else if (ip_addr_is_limited_broadcast(dst))
        path->src = IP_ADDR_ANY_V4; /* RFC 1122 3.2.1.3 (a): to learn one */
    else
        return -EADDRNOTAVAIL;
    return 0;
}

/* RFC 1191 3: the first hop's, or less if that is known. */
static unsigned mtu_of(const struct ip *ip, const struct ip_path *path,
                       const struct ip_addr *dst)
{
    unsigned mtu = pmtu_find(&ip->pmtu, dst, NULL);

    return mtu != 0 ? min_u32(mtu, path->iface->mtu) : path->iface->mtu;
}

static int find_path(const struct ip *ip, const struct ip_addr *dst,
                     const struct ip_addr *src, unsigned scope,
                     struct ip_path *out)
{
    struct ip_path path = {.src = *src};

    if (ip_addr_is_any(dst)) /* RFC 1122 3.2.1.3 (a): never a destination */
        return -ENETUNREACH;
    if (!ip_addr_is_any(src) && !ip_local_iface(ip, src))
        return -EADDRNOTAVAIL;

    bool is_inside = ip_addr_is_loopback(dst) || ip_local_iface(ip, dst);
    int error = is_inside ? path_inside(ip, dst, &path)
                          : path_outside(ip, dst, scope, &path);

    if (error == 0)
        error = choose_source(dst, &path);
    if (error == 0)
        *out = path;
    return error;
}

int ip_path(struct ip *ip, const struct ip_addr *dst, const struct ip_addr *src,
            unsigned scope, struct ip_path *out)
{
    struct path_key key = {.dst = *dst, .src = *src, .scope = scope};
    const struct ip_path *known =
        path_cache_find(&ip->paths, ip->routes.version, &key);

    if (known != NULL) {
        *out = *known;
    } else {
        int error = find_path(ip, dst, src, scope, out);

        if (error < 0)
            return error;
        path_cache_put(&ip->paths, ip->routes.version, &key, out);
    }
    out->mtu = mtu_of(ip, out, dst);
    return 0;
}

const char *ip_protocol_text(uint8_t protocol)
{
    switch (protocol) {
    case IP_PROTO_ICMP:
        return "icmp";
    case IP_PROTO_IGMP:
        return "igmp";
    case IP_PROTO_TCP:
        return "tcp";
    case IP_PROTO_UDP:
        return "udp";
    default: /* a number from the wire, not an enum */
        return "ip";
    }
}

struct ip_config ip_config_default(void)
{
    return (struct ip_config){
        .ttl = 64,
        .reass = ip_reass_config_default(),
        .pmtu = pmtu_config_default(),
        .igmp = igmp_config_default(),
    };
}

int ip_init(struct ip *ip, struct env *env, struct arp *arp,
            struct list *ifaces, const struct ip_config *config)
{
    *ip = (struct ip){
        .env = env,
        .arp = arp,
        .config = *config,
        .ifaces = ifaces,
        .id_key = random_key(&env->random),
        .id_counter = random_u32(&env->random),
    };

    int error = routes_init(&ip->routes, env);

    if (error < 0)
        return error;
    error = ip_reass_init(&ip->reass, env, &config->reass);
    if (error < 0)
        goto no_reass;
    error = pmtu_init(&ip->pmtu, env, &config->pmtu);
    if (error < 0)
        goto no_pmtu;
    error = ip_groups_init(ip);
    if (error < 0)
        goto no_groups;
    igmp_init(ip, &config->igmp);
    ip_loop_init(&ip->loop);
    return 0;

no_groups:
    pmtu_fini(&ip->pmtu);
no_pmtu:
    ip_reass_fini(&ip->reass);
no_reass:
    routes_fini(&ip->routes);
    return error;
}

void ip_flush(struct ip *ip)
{
    arp_flush(ip->arp);
    ip_loop_release(ip);
    ip_reass_flush(&ip->reass);
    ip->stats.reasm_fails = ip->reass.fails;
}

void ip_fini(struct ip *ip)
{
    ip_loop_fini(ip);
    ip_groups_fini(ip);
    igmp_fini(ip);
    pmtu_fini(&ip->pmtu);
    ip_reass_fini(&ip->reass);
    routes_fini(&ip->routes);
}
