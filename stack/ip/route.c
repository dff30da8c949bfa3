/*
 * The routing table, RFC 1122 3.3.1.1 and 3.3.1.2: a prefix leads to an
 * interface, directly or by a gateway. The default route is the prefix of
 * length 0. Left out on purpose: several gateways to one prefix, dead gateway
 * detection, redirects, and type of service.
 */
#include "ip/route.h"

#include <errno.h>

enum { KEY_LEN = 16 + 1 };

static uint32_t hash_of(const struct routes *routes,
                        const struct ip_addr *network, unsigned len)
{
    uint8_t key[KEY_LEN];

    memcpy(key, network->octet, sizeof(network->octet));
    key[16] = (uint8_t)len;
    return (uint32_t)hash_bytes(&routes->key, bytes_of(key, sizeof(key)));
}

/* The route to exactly this prefix, whose host bits are clear. */
static struct route *find_prefix(const struct routes *routes,
                                 const struct ip_prefix *prefix)
{
    uint32_t hash = hash_of(routes, &prefix->addr, prefix->len);
    struct hash_node *node = hash_table_first(&routes->table, hash);

    for (; node; node = hash_table_next(node)) {
        struct route *route = container_of(node, struct route, node);

        if (route->prefix.len == prefix->len &&
            ip_addr_equal(&route->prefix.addr, &prefix->addr))
            return route;
    }
    return NULL;
}

static struct ip_prefix without_host_bits(const struct ip_prefix *prefix)
{
    return (struct ip_prefix){.addr = ip_prefix_network(prefix),
                              .len = prefix->len};
}

static struct route *insert(struct routes *routes,
                            const struct ip_prefix *prefix)
{
    struct route *route = memory_alloc(routes->env->memory, sizeof(*route));

    if (!route)
        return NULL;
    route->prefix = *prefix;
    routes->by_length[prefix->len]++;
    hash_table_insert(&routes->table, routes->env->memory, &route->node,
                      hash_of(routes, &prefix->addr, prefix->len));
    return route;
}

static void destroy(struct routes *routes, struct route *route)
{
    hash_table_remove(&routes->table, &route->node);
    routes->by_length[route->prefix.len]--;
    memory_free(routes->env->memory, route, sizeof(*route));
}

int route_add(struct routes *routes, const struct ip_prefix *prefix,
              const struct ip_addr *gateway, struct iface *iface)
{
    struct ip_prefix network = without_host_bits(prefix);
    struct route *route = find_prefix(routes, &network);

    if (!route)
        route = insert(routes, &network);
    if (!route)
        return -ENOBUFS;
    route->gateway = *gateway;
    route->iface = iface;
    routes->version++;
    return 0;
}

int route_delete(struct routes *routes, const struct ip_prefix *prefix)
{
    struct ip_prefix network = without_host_bits(prefix);
    struct route *route = find_prefix(routes, &network);

    if (!route)
        return -ESRCH;
    destroy(routes, route);
    routes->version++;
    return 0;
}

const struct route *route_find(const struct routes *routes,
                               const struct ip_addr *dst)
{
    for (unsigned len = PREFIX_LENGTHS; len-- > 0;) {
        if (routes->by_length[len] == 0)
            continue;

        struct ip_prefix host = {.addr = *dst, .len = len};
        struct ip_prefix network = without_host_bits(&host);
        const struct route *route = find_prefix(routes, &network);

        if (route)
            return route;
    }
    return NULL;
}

int routes_init(struct routes *routes, struct env *env)
{
    *routes = (struct routes){.env = env, .key = random_key(&env->random)};
    return hash_table_init(&routes->table, env->memory);
}

void routes_fini(struct routes *routes)
{
    uint32_t cursor = 0;
    struct hash_node *node;

    while ((node = hash_table_any(&routes->table, &cursor)))
        destroy(routes, container_of(node, struct route, node));
    hash_table_fini(&routes->table, routes->env->memory);
}
