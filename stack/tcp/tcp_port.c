#include "tcp/tcp_port.h"

#include <errno.h>

static uint32_t hash_port(const struct tcp *tcp, uint16_t number)
{
    uint8_t octets[2];

    put_be16(octets, number);
    return (uint32_t)hash_bytes(&tcp->key, bytes_of(octets, sizeof(octets)));
}

static struct tcp_port *find_port(const struct tcp *tcp, uint16_t number)
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

void tcp_port_hold(struct tcp_port *port, bool reuse)
{
    port->user_count++;
    port->exclusive_count += reuse ? 0 : 1;
}

static void use_port(struct tcb *tcb, struct tcp_port *port)
{
    tcb->port = port;
    tcb->local.port = port->number;
    tcp_port_hold(port, tcb->reuse_addr);
}

void tcp_port_share(struct tcb *child, struct tcp_port *port)
{
    use_port(child, port);
}

static void leave(struct tcp *tcp, struct tcp_port *port, bool reuse)
{
    port->user_count--;
    port->exclusive_count -= reuse ? 0 : 1;
    if (port->user_count == 0) {
        hash_table_remove(&tcp->ports, &port->node);
        memory_free(tcp->env->memory, port, sizeof(*port));
    }
}

void tcp_port_let_go(struct tcp *tcp, uint16_t number, bool reuse)
{
    struct tcp_port *port = find_port(tcp, number);

    assert(port != NULL); /* it is held */
    leave(tcp, port, reuse);
}

void tcp_port_release(struct tcb *tcb)
{
    struct tcp_port *port = tcb->port;

    if (port == NULL)
        return;
    list_remove(&tcb->port_node);
    tcb->port = NULL;
    leave(tcb->tcp, port, tcb->reuse_addr);
}

static bool addresses_overlap(const struct ip_addr *a, const struct ip_addr *b)
{
    return ip_addr_is_any(a) || ip_addr_is_any(b) || ip_addr_equal(a, b);
}

/* Linux's rule: two may share an address and port if both have SO_REUSEADDR
 * and neither listens. */
static bool may_bind_beside(const struct tcb *tcb, const struct ip_addr *addr,
                            const struct tcp_port *port)
{
    uint32_t bound_count = 0;
    uint32_t bound_exclusive = 0;

    for (struct list *node = port->bound.next; node != &port->bound;
         node = node->next) {
        const struct tcb *other = container_of(node, struct tcb, port_node);
        bool both_reuse = tcb->reuse_addr && other->reuse_addr;

        bound_count++;
        bound_exclusive += other->reuse_addr ? 0 : 1;
        if (addresses_overlap(addr, &other->local.addr) &&
            (!both_reuse || other->state == TCPS_LISTEN))
            return false;
    }
    /* the others are connections: only counted, so any address conflicts */
    if (tcb->reuse_addr)
        return port->exclusive_count == bound_exclusive;
    return port->user_count == bound_count;
}

static int bind_number(struct tcb *tcb, const struct endpoint *local,
                       uint16_t number)
{
    struct tcp_port *port = find_port(tcb->tcp, number);

    if (port != NULL && !may_bind_beside(tcb, &local->addr, port))
        return -EADDRINUSE;
    if (port == NULL)
        port = create_port(tcb->tcp, number);
    if (port == NULL)
        return -ENOBUFS;
    use_port(tcb, port);
    list_append(&port->bound, &tcb->port_node);
    tcb->local.addr = local->addr;
    tcb->local.scope = local->scope;
    return 0;
}

static uint32_t port_range(const struct tcp *tcp)
{
    return (uint32_t)(tcp->config.port_last - tcp->config.port_first) + 1;
}

int tcp_port_bind(struct tcb *tcb, const struct endpoint *local)
{
    struct tcp *tcp = tcb->tcp;
    uint32_t range = port_range(tcp);

    if (local->port != 0)
        return bind_number(tcb, local, local->port);

    uint32_t start = random_below(&tcp->env->random, range);
    for (uint32_t i = 0; i < range; i++) { /* RFC 6056 3.3.1 */
        uint16_t number =
            (uint16_t)(tcp->config.port_first + (start + i) % range);

        if (find_port(tcp, number) == NULL)
            return bind_number(tcb, local, number);
    }
    return -EADDRINUSE;
}

/* RFC 6056 3.3.3: an offset that differs for each remote end, so that ports
 * go up one by one towards each but cannot be foretold from another. */
static uint32_t port_offset(const struct tcp *tcp, const struct ip_addr *local,
                            const struct endpoint *remote)
{
    uint8_t ends[34];

    memcpy(ends, local->octet, 16);
    memcpy(ends + 16, remote->addr.octet, 16);
    put_be16(ends + 32, remote->port);
    return (uint32_t)hash_bytes(&tcp->port_key, bytes_of(ends, sizeof(ends)));
}

/* Whether a connection from this port can be made: no other one has the same
 * ends, and nobody has bound the port for something else. */
static bool port_is_free(struct tcp *tcp, const struct endpoint *local,
                         const struct endpoint *remote)
{
    const struct tcp_port *port = find_port(tcp, local->port);

    if (port != NULL && !list_is_empty(&port->bound))
        return false;
    return tcb_ends_are_free(tcp, local, remote);
}

int tcp_port_connect(struct tcb *tcb, const struct ip_addr *local,
                     const struct endpoint *remote)
{
    struct tcp *tcp = tcb->tcp;
    uint32_t range = port_range(tcp);
    uint32_t offset = port_offset(tcp, local, remote) % range;
    struct endpoint candidate = {.addr = *local};

    for (uint32_t i = 0; i < range; i++) {
        tcp->port_counter = (tcp->port_counter + 1) % range;
        candidate.port = (uint16_t)(tcp->config.port_first +
                                    (offset + tcp->port_counter) % range);
        if (!port_is_free(tcp, &candidate, remote))
            continue;

        struct tcp_port *port = find_port(tcp, candidate.port);
        if (port == NULL)
            port = create_port(tcp, candidate.port);
        if (port == NULL)
            return -ENOBUFS;
        use_port(tcb, port);
        return 0;
    }
    return -EADDRNOTAVAIL;
}

bool tcp_port_can_listen(const struct tcb *tcb)
{
    const struct list *bound = &tcb->port->bound;

    for (struct list *node = bound->next; node != bound; node = node->next) {
        const struct tcb *other = container_of(node, struct tcb, port_node);

        if (other != tcb && other->state == TCPS_LISTEN &&
            addresses_overlap(&other->local.addr, &tcb->local.addr))
            return false;
    }
    return true;
}

struct tcb *tcp_port_listener(struct tcp *tcp, const struct endpoint *local)
{
    const struct tcp_port *port = find_port(tcp, local->port);
    struct tcb *wildcard = NULL;

    if (port == NULL)
        return NULL;
    for (struct list *node = port->bound.next; node != &port->bound;
         node = node->next) {
        struct tcb *tcb = container_of(node, struct tcb, port_node);

        if (tcb->state != TCPS_LISTEN)
            continue;
        if (ip_addr_equal(&tcb->local.addr, &local->addr))
            return tcb;
        if (ip_addr_is_any(&tcb->local.addr))
            wildcard = tcb;
    }
    return wildcard;
}
