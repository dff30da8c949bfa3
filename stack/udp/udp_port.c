/*
 * UDP's ports: RFC 768, RFC 1122 4.1.3.5 for addresses, RFC 6056 for the free
 * ones.
 */
#include "udp/udp_internal.h"

#include <errno.h>

enum { /* RFC 6056 3.2, the range of Linux */
       EPHEMERAL_FIRST = 32768,
       EPHEMERAL_LAST = 60999
};

static uint32_t hash_of_port(const struct udp *udp, uint16_t port)
{
    uint8_t key[2];

    put_be16(key, port);
    return (uint32_t)hash_bytes(&udp->key, bytes_of(key, sizeof(key)));
}

/* The first pcb of a port, and the next of the same; NULL at the end. */
static struct udp_pcb *with_port(struct hash_node *node, uint16_t port)
{
    for (; node; node = hash_table_next(node)) {
        struct udp_pcb *pcb = container_of(node, struct udp_pcb, node);

        if (pcb->local.port == port)
            return pcb;
    }
    return NULL;
}

struct udp_pcb *udp_first_with_port(const struct udp *udp, uint16_t port)
{
    return with_port(hash_table_first(&udp->by_port, hash_of_port(udp, port)),
                     port);
}

struct udp_pcb *udp_next_with_port(const struct udp_pcb *pcb)
{
    return with_port(hash_table_next(&pcb->node), pcb->local.port);
}

static bool overlaps(const struct endpoint *a, const struct endpoint *b)
{
    bool scopes_meet = a->scope == 0 || b->scope == 0 || a->scope == b->scope;
    bool addrs_meet = ip_addr_is_any(&a->addr) || ip_addr_is_any(&b->addr) ||
                      ip_addr_equal(&a->addr, &b->addr);

    return scopes_meet && addrs_meet;
}

/* As Linux, which asks with SO_REUSEPORT also for one user: here there is but
 * one. */
static bool may_share(const struct udp_pcb *a, const struct udp_pcb *b)
{
    return (a->reuse_addr && b->reuse_addr) || (a->reuse_port && b->reuse_port);
}

static bool is_taken(const struct udp_pcb *pcb, const struct endpoint *local)
{
    const struct udp_pcb *other = udp_first_with_port(pcb->udp, local->port);

    for (; other; other = udp_next_with_port(other))
        if (overlaps(&other->local, local) && !may_share(pcb, other))
            return true;
    return false;
}

/* IP_LOCAL_PORT_RANGE narrows the range: a bound outside of it is none. */
static uint32_t first_port(const struct udp_pcb *pcb)
{
    uint32_t low = pcb->port_range & UINT16_MAX;

    return low >= EPHEMERAL_FIRST && low <= EPHEMERAL_LAST ? low
                                                           : EPHEMERAL_FIRST;
}

static uint32_t last_port(const struct udp_pcb *pcb)
{
    uint32_t high = pcb->port_range >> 16;

    return high >= first_port(pcb) && high <= EPHEMERAL_LAST ? high
                                                             : EPHEMERAL_LAST;
}

/* RFC 6056 3.3.1: from a random start; a port of nobody's. 0 if there is none.
 */
static uint16_t free_port(const struct udp_pcb *pcb)
{
    const struct udp *udp = pcb->udp;
    uint32_t first = first_port(pcb);
    uint32_t count = last_port(pcb) - first + 1;
    uint32_t start = random_below(&udp->env->random, count);

    for (uint32_t i = 0; i < count; i++) {
        uint16_t port = (uint16_t)(first + (start + i) % count);

        if (!udp_first_with_port(udp, port))
            return port;
    }
    return 0;
}

static void link_pcb(struct udp_pcb *pcb, const struct endpoint *local)
{
    struct udp *udp = pcb->udp;

    pcb->local = *local;
    hash_table_insert(&udp->by_port, udp->env->memory, &pcb->node,
                      hash_of_port(udp, local->port));
}

void udp_unbind(struct udp_pcb *pcb)
{
    if (pcb->local.port == 0)
        return;
    hash_table_remove(&pcb->udp->by_port, &pcb->node);
    pcb->local.port = 0;
}

int udp_bind_to_free_port(struct udp_pcb *pcb)
{
    struct endpoint local = pcb->local;

    if (local.port != 0)
        return 0;
    local.port = free_port(pcb);
    if (local.port == 0)
        return -EADDRINUSE;
    link_pcb(pcb, &local);
    return 0;
}

void udp_choose_source(struct udp_pcb *pcb)
{
    const struct ip_addr *addr = &pcb->local.addr;
    bool is_group =
        ip_addr_is_multicast(addr) || ip_is_broadcast(pcb->udp->ip, addr);

    pcb->source = is_group ? IP_ADDR_ANY_V4 : *addr;
}

int udp_bind(struct udp_pcb *pcb, const struct endpoint *local)
{
    struct endpoint chosen = *local;

    if (!datagram_pcb_may_bind(&pcb->common, &local->addr))
        return -EADDRNOTAVAIL;
    if (pcb->local.port != 0)
        return -EINVAL;
    if (chosen.scope == 0)
        chosen.scope = pcb->local.scope;
    if (chosen.port == 0 && pcb->bind_no_port) {
        pcb->local = chosen;
        pcb->bound = chosen;
        udp_choose_source(pcb);
        return 0;
    }
    if (chosen.port == 0)
        chosen.port = free_port(pcb);
    if (chosen.port == 0 || is_taken(pcb, &chosen))
        return -EADDRINUSE;
    link_pcb(pcb, &chosen);
    udp_choose_source(pcb);
    pcb->bound = chosen;
    pcb->bound.port = local->port; /* as Linux: or any will do */
    return 0;
}
