#include "tcp/tcp_port.h"

#include <errno.h>

static uint32_t hash_port(const struct tcp *tcp, uint16_t number)
{
    uint8_t octets[2];

    put_be16(octets, number);
    return (uint32_t)hash_bytes(&tcp->key, bytes_of(octets, sizeof(octets)));
}

struct tcp_port *tcp_port_find(const struct tcp *tcp, uint16_t number)
{
    struct hash_node *node =
        hash_table_first(&tcp->ports, hash_port(tcp, number));

    for (; node != NULL; node = hash_table_next(node)) {
        struct tcp_port *port = container_of(node, struct tcp_port, node);

        if (port->number == number)
            return port;
    }
    return NULL;
}

static struct tcp_port *create_port(struct tcp *tcp, uint16_t number)
{
    struct tcp_port *port = memory_alloc(tcp->env->memory, sizeof(*port));

    if (port == NULL)
        return NULL;
    port->number = number;
    list_init(&port->bound);
    hash_table_insert(&tcp->ports, tcp->env->memory, &port->node,
                      hash_port(tcp, number));
    return port;
}

unsigned tcp_port_sharing(const struct tcb *tcb)
{
    return (tcb->reuse_addr ? TCP_SHARE_ADDR : 0u) |
           (tcb->reuse_port ? TCP_SHARE_PORT : 0u);
}

static bool has_connections(const struct tcp_port *port)
{
    for (unsigned i = 0; i < TCP_SHARINGS; i++)
        if (port->connections[i] > 0)
            return true;
    return false;
}

void tcp_port_hold(struct tcp_port *port, const struct ip_addr *local,
                   unsigned sharing)
{
    if (!has_connections(port)) {
        port->connected_at = *local;
        port->is_connected_elsewhere = false;
    } else if (!ip_addr_equal(local, &port->connected_at)) {
        port->is_connected_elsewhere = true;
    }
    port->connections[sharing]++;
}

static void use_port(struct tcb *tcb, struct tcp_port *port,
                     const struct ip_addr *local)
{
    tcb->port = port;
    tcb->local.port = port->number;
    tcp_port_hold(port, local, tcp_port_sharing(tcb));
}

void tcp_port_share(struct tcb *child, struct tcp_port *port)
{
    use_port(child, port, &child->local.addr);
}

static void free_if_unused(struct tcp *tcp, struct tcp_port *port)
{
    if (has_connections(port) || !list_is_empty(&port->bound))
        return;
    hash_table_remove(&tcp->ports, &port->node);
    memory_free(tcp->env->memory, port, sizeof(*port));
}

void tcp_port_let_go(struct tcp *tcp, uint16_t number, unsigned sharing)
{
    struct tcp_port *port = tcp_port_find(tcp, number);

    assert(port != NULL); /* it is held */
    port->connections[sharing]--;
    free_if_unused(tcp, port);
}

void tcp_port_release(struct tcb *tcb)
{
    struct tcp_port *port = tcb->port;

    if (port == NULL)
        return;
    if (list_is_linked(&tcb->port_node))
        list_remove(&tcb->port_node);
    else
        port->connections[tcp_port_sharing(tcb)]--;
    tcb->port = NULL;
    free_if_unused(tcb->tcp, port);
}

bool tcp_move_port(struct tcb *to, struct tcb *from,
                   const struct endpoint *local)
{
    if (from->port == NULL || !list_is_linked(&from->port_node))
        return false;
    list_remove(&from->port_node);
    list_append(&from->port->bound, &to->port_node);
    to->port = from->port;
    to->local = *local;
    from->port = NULL;
    return true;
}

void tcp_port_set_sharing(struct tcb *tcb, bool reuse_addr, bool reuse_port)
{
    bool is_counted = tcb->port != NULL && !list_is_linked(&tcb->port_node);

    if (is_counted)
        tcb->port->connections[tcp_port_sharing(tcb)]--;
    tcb->reuse_addr = reuse_addr;
    tcb->reuse_port = reuse_port;
    if (is_counted)
        tcb->port->connections[tcp_port_sharing(tcb)]++;
}

static bool addresses_overlap(const struct ip_addr *a, const struct ip_addr *b)
{
    return ip_addr_is_any(a) || ip_addr_is_any(b) || ip_addr_equal(a, b);
}

static bool scopes_overlap(uint32_t a, uint32_t b)
{
    return a == 0 || b == 0 || a == b;
}

/* Linux's rule for two with overlapping addresses: both have SO_REUSEPORT; or
 * both have SO_REUSEADDR, and the one that was here first does not listen. */
static bool may_share(const struct tcb *tcb, const struct tcb *other)
{
    unsigned both = tcp_port_sharing(tcb) & tcp_port_sharing(other);

    if (both & TCP_SHARE_PORT)
        return true;
    return (both & TCP_SHARE_ADDR) && other->state != TCPS_LISTEN;
}

static bool may_be_beside_bound(const struct tcb *tcb,
                                const struct endpoint *local,
                                const struct tcp_port *port)
{
    for (struct list *node = port->bound.next; node != &port->bound;
         node = node->next) {
        const struct tcb *other = container_of(node, struct tcb, port_node);

        if (other != tcb && scopes_overlap(local->scope, other->local.scope) &&
            addresses_overlap(&local->addr, &other->local.addr) &&
            !may_share(tcb, other))
            return false;
    }
    return true;
}

/* The same rule, of connections: they do not listen. */
static bool may_be_beside_connections(const struct tcb *tcb,
                                      const struct endpoint *local,
                                      const struct tcp_port *port)
{
    unsigned sharing = tcp_port_sharing(tcb);

    if (!port->is_connected_elsewhere &&
        !addresses_overlap(&local->addr, &port->connected_at))
        return true;
    for (unsigned theirs = 0; theirs < TCP_SHARINGS; theirs++)
        if (port->connections[theirs] > 0 && !(theirs & sharing))
            return false;
    return true;
}

static bool may_be_beside(const struct tcb *tcb, const struct endpoint *local,
                          const struct tcp_port *port)
{
    return may_be_beside_bound(tcb, local, port) &&
           may_be_beside_connections(tcb, local, port);
}

static int bind_number(struct tcb *tcb, const struct endpoint *local,
                       uint16_t number)
{
    struct tcp_port *port = tcp_port_find(tcb->tcp, number);
    struct endpoint to = *local;

    if (to.scope == 0)
        to.scope = tcb->local.scope;
    if (port != NULL && !may_be_beside(tcb, &to, port))
        return -EADDRINUSE;
    if (port == NULL)
        port = create_port(tcb->tcp, number);
    if (port == NULL)
        return -ENOBUFS;
    list_append(&port->bound, &tcb->port_node);
    tcb->port = port;
    tcb->local =
        (struct endpoint){.addr = to.addr, .scope = to.scope, .port = number};
    return 0;
}

/* IP_LOCAL_PORT_RANGE narrows the range: a bound outside of it is none. */
static uint32_t first_port(const struct tcb *tcb)
{
    const struct tcp_config *config = &tcb->tcp->config;
    uint32_t low = tcb->settings.port_range & UINT16_MAX;

    return low >= config->port_first && low <= config->port_last
               ? low
               : config->port_first;
}

static uint32_t last_port(const struct tcb *tcb)
{
    const struct tcp_config *config = &tcb->tcp->config;
    uint32_t high = tcb->settings.port_range >> 16;

    return high >= first_port(tcb) && high <= config->port_last
               ? high
               : config->port_last;
}

static uint32_t port_range(const struct tcb *tcb)
{
    return last_port(tcb) - first_port(tcb) + 1;
}

int tcp_port_bind(struct tcb *tcb, const struct endpoint *local)
{
    struct tcp *tcp = tcb->tcp;
    uint32_t range = port_range(tcb);

    if (local->port != 0)
        return bind_number(tcb, local, local->port);

    uint32_t start = random_below(&tcp->env->random, range);
    for (uint32_t i = 0; i < range; i++) { /* RFC 6056 3.3.1 */
        uint16_t number = (uint16_t)(first_port(tcb) + (start + i) % range);

        if (tcp_port_find(tcp, number) == NULL)
            return bind_number(tcb, local, number);
    }
    return -EADDRINUSE;
}

/* RFC 6056 3.3.4: F and G are the halves of it. The offset differs for each
 * remote end, so that ports go up one by one towards each but cannot be
 * foretold from another. With one counter for all (3.3.3) those who take turns
 * would each see a part of the ports only, and soon the same ones again. */
static uint64_t hash_towards(const struct tcp *tcp, const struct ip_addr *local,
                             const struct endpoint *remote)
{
    uint8_t ends[34];

    memcpy(ends, local->octet, 16);
    memcpy(ends + 16, remote->addr.octet, 16);
    put_be16(ends + 32, remote->port);
    return hash_bytes(&tcp->port_key, bytes_of(ends, sizeof(ends)));
}

/* Whether a connection from this port can be made: no other one has the same
 * ends, and nobody has bound the port for something else. */
static bool port_is_free(struct tcp *tcp, const struct endpoint *local,
                         const struct endpoint *remote)
{
    const struct tcp_port *port = tcp_port_find(tcp, local->port);

    if (port != NULL && !list_is_empty(&port->bound))
        return false;
    return tcb_ends_are_free(tcp, local, remote);
}

int tcp_port_connect(struct tcb *tcb, const struct ip_addr *local,
                     const struct endpoint *remote)
{
    struct tcp *tcp = tcb->tcp;
    uint32_t range = port_range(tcb);
    uint64_t hash = hash_towards(tcp, local, remote);
    uint32_t offset = (uint32_t)hash % range;
    uint32_t *counter = &tcp->port_counters[(hash >> 32) % TCP_PORT_COUNTERS];
    struct endpoint candidate = {.addr = *local};

    for (uint32_t i = 0; i < range; i++) {
        *counter = (*counter + 1) % range;
        candidate.port =
            (uint16_t)(first_port(tcb) + (offset + *counter) % range);
        if (!port_is_free(tcp, &candidate, remote))
            continue;

        struct tcp_port *port = tcp_port_find(tcp, candidate.port);
        if (port == NULL)
            port = create_port(tcp, candidate.port);
        if (port == NULL)
            return -ENOBUFS;
        use_port(tcb, port, local);
        return 0;
    }
    return -EADDRNOTAVAIL;
}

bool tcp_port_can_listen(const struct tcb *tcb)
{
    return may_be_beside(tcb, &tcb->local, tcb->port);
}

/* ---- Whom a SYN is for -------------------------------------------------- */

enum { SCORE_ADDR = 2, SCORE_SCOPE = 1 };

/* 0: it is not for this one; the address itself before the wildcard, an
 * interface before any. */
static unsigned score(const struct tcb *tcb, const struct endpoint *local)
{
    unsigned points = 1;

    if (tcb->state != TCPS_LISTEN ||
        (tcb->local.scope != 0 && tcb->local.scope != local->scope))
        return 0;
    if (tcb->local.scope != 0)
        points += SCORE_SCOPE;
    if (ip_addr_is_any(&tcb->local.addr))
        return points;
    return ip_addr_equal(&tcb->local.addr, &local->addr) ? points + SCORE_ADDR
                                                         : 0;
}

static struct tcb *bound_tcb(struct list *node)
{
    return container_of(node, struct tcb, port_node);
}

/* How many score as well, with SO_REUSEPORT. */
static uint32_t group_size(const struct tcp_port *port, unsigned best,
                           const struct endpoint *local)
{
    uint32_t count = 0;

    for (struct list *node = port->bound.next; node != &port->bound;
         node = node->next)
        count += bound_tcb(node)->reuse_port &&
                 score(bound_tcb(node), local) == best;
    return count;
}

/* One of them, always the same for the same two ends. */
static struct tcb *spread(const struct tcp *tcp, struct tcp_port *port,
                          unsigned best, const struct tcp_ends *ends)
{
    struct endpoint local = tcp_ends_local(ends);
    uint64_t hash = (uint32_t)tcp_ends_hash(ends, &tcp->port_key);
    uint64_t ahead = hash * group_size(port, best, &local) >> 32;

    for (struct list *node = port->bound.next; node != &port->bound;
         node = node->next)
        if (bound_tcb(node)->reuse_port &&
            score(bound_tcb(node), &local) == best && ahead-- == 0)
            return bound_tcb(node);
    return NULL;
}

struct tcb *tcp_port_listener(struct tcp *tcp, const struct tcp_ends *ends)
{
    struct tcp_port *port = tcp_port_find(tcp, ends->local_port);
    struct endpoint local = tcp_ends_local(ends);
    struct tcb *listener = NULL;
    unsigned best = 0;

    if (port == NULL)
        return NULL;
    for (struct list *node = port->bound.next; node != &port->bound;
         node = node->next) {
        unsigned points = score(bound_tcb(node), &local);

        if (points > best) {
            best = points;
            listener = bound_tcb(node);
        }
    }
    if (listener != NULL && listener->reuse_port)
        return spread(tcp, port, best, ends);
    return listener;
}
