/*
 * Setting a stack up: interfaces, addresses, routes, neighbours. Nothing here
 * is on a packet's way.
 */
#include "stack_internal.h"

#include "tcp/tcp_cc.h"

#include <errno.h>

enum { MTU_MIN = 68 }; /* RFC 791 3.2: every module takes so much */

struct iface *stack_iface(const struct stack *stack, unsigned index)
{
    for (struct list *node = stack->ifaces.next; node != &stack->ifaces;
         node = node->next) {
        struct iface *iface = container_of(node, struct iface, node);

        if (iface->index == index)
            return iface;
    }
    return NULL;
}

/* Locally administered, and of one station: RFC 7042 2.1. */
static struct mac_addr made_up_mac(struct random *random)
{
    struct mac_addr mac;

    put_be32(mac.octet, random_u32(random));
    put_be16(mac.octet + 4, (uint16_t)random_u32(random));
    mac.octet[0] = (uint8_t)((mac.octet[0] & ~1) | 2);
    return mac;
}

static struct mac_addr choose_mac(struct stack *stack,
                                  const struct iface_config *config)
{
    static const struct mac_addr none;

    if (!mac_addr_equal(&config->mac, &none))
        return config->mac;
    if (!mac_addr_equal(&config->dev->mac, &none))
        return config->dev->mac;
    if (config->dev->type == NETDEV_ETHERNET)
        return made_up_mac(&stack->env.random);
    return none;
}

static unsigned choose_mtu(const struct iface_config *config)
{
    return config->mtu != 0 ? config->mtu : config->dev->mtu;
}

static int check_iface(const struct iface_config *config)
{
    unsigned mtu = choose_mtu(config);

    if (config->name == NULL || config->name[0] == '\0' ||
        strlen(config->name) >= IFACE_NAME_MAX)
        return -EINVAL;
    if (mtu < MTU_MIN || mtu > IP_PACKET_MAX || mtu > config->dev->mtu)
        return -EINVAL;
    return mac_addr_is_multicast(&config->mac) ? -EINVAL : 0;
}

int stack_do_iface_add(struct stack *stack, usec now,
                       const struct iface_config *config)
{
    int error;

    stack_enter(stack, now);
    if ((error = check_iface(config)) < 0)
        return error;
    if (stack->iface_count == STACK_IFACES_MAX)
        return -ENOBUFS;

    struct iface *iface = memory_alloc(stack->env.memory, sizeof(*iface));

    if (iface == NULL)
        return -ENOBUFS;
    iface->env = &stack->env;
    iface->dev = config->dev;
    iface->packets = &stack->packets;
    iface->index = ++stack->iface_count;
    memcpy(iface->name, config->name, strlen(config->name) + 1);
    iface->mtu = choose_mtu(config);
    iface->mac = choose_mac(stack, config);
    list_append(&stack->ifaces, &iface->node);
    return (int)iface->index;
}

int stack_iface_info(const struct stack *stack, unsigned index,
                     struct iface_info *out)
{
    const struct iface *iface = stack_iface(stack, index);

    if (iface == NULL)
        return -ENODEV;
    *out = (struct iface_info){
        .index = iface->index,
        .is_loopback = iface->loopback,
        .hardware = iface_hardware(iface),
        .mtu = iface->mtu,
        .mac = iface->mac,
        .addr_count = iface->addr_count,
        .stats = iface->stats,
    };
    if (iface->dev->missed != NULL)
        out->stats.in_missed = *iface->dev->missed;
    memcpy(out->name, iface->name, sizeof(out->name));
    memcpy(out->addrs, iface->addrs, sizeof(out->addrs));
    return 0;
}

/* RFC 1122 3.2.1.3: which addresses a host may have. */
static bool is_host_address(const struct iface *iface,
                            const struct ip_prefix *addr)
{
    struct ip_addr network = ip_prefix_network(addr);
    struct ip_addr broadcast;

    if (!ip_addr_is_v4(&addr->addr) || addr->len > 128 ||
        addr->len < IPV4_PREFIX_OFFSET)
        return false;
    if (ip_addr_to_v4(&addr->addr) >> 24 == 0 || /* this network: (a), (b) */
        ip_addr_is_multicast(&addr->addr) ||
        ip_addr_is_limited_broadcast(&addr->addr))
        return false;
    if (ip_addr_is_loopback(&addr->addr) && !iface->loopback)
        return false;
    return !ip_prefix_broadcast(addr, &broadcast) ||
           (!ip_addr_equal(&addr->addr, &broadcast) &&
            !ip_addr_equal(&addr->addr, &network));
}

static bool is_ours(const struct stack *stack, const struct ip_addr *addr)
{
    for (struct list *node = stack->ifaces.next; node != &stack->ifaces;
         node = node->next) {
        struct iface *iface = container_of(node, struct iface, node);

        for (unsigned i = 0; i < iface->addr_count; i++)
            if (ip_addr_equal(&iface->addrs[i].addr, addr))
                return true;
    }
    return false;
}

/* The subnet is on the link. */
static int add_subnet_route(struct stack *stack, struct iface *iface,
                            const struct ip_prefix *addr)
{
    struct ip_addr on_link = IP_ADDR_ANY_V4;

    return route_add(&stack->ip.routes, addr, &on_link, iface);
}

int stack_do_addr_add(struct stack *stack, usec now, unsigned index,
                      const struct ip_prefix *addr)
{
    struct iface *iface = stack_iface(stack, index);
    int error;

    stack_enter(stack, now);
    if (iface == NULL)
        return -ENODEV;
    if (!is_host_address(iface, addr))
        return -EINVAL;
    if (is_ours(stack, &addr->addr))
        return -EEXIST;
    if (iface->addr_count == IFACE_ADDRS_MAX)
        return -ENOBUFS;
    if ((error = add_subnet_route(stack, iface, addr)) < 0)
        return error;
    iface->addrs[iface->addr_count++] = *addr;
    if (iface->dev->type == NETDEV_ETHERNET)
        arp_announce(&stack->arp, iface, &addr->addr);
    return 0;
}

/* A gateway is a neighbour: RFC 1122 3.3.1.1. */
static struct iface *iface_towards(const struct stack *stack,
                                   const struct ip_addr *gateway)
{
    const struct route *route = route_find(&stack->ip.routes, gateway);

    if (route == NULL || !ip_addr_is_any(&route->gateway))
        return NULL;
    return route->iface;
}

int stack_do_route_add(struct stack *stack, usec now,
                       const struct ip_prefix *prefix,
                       const struct ip_addr *gateway, unsigned index)
{
    struct iface *iface = stack_iface(stack, index);

    stack_enter(stack, now);
    if (index != 0 && iface == NULL)
        return -ENODEV;
    if (prefix->len > 128 || prefix->len < IPV4_PREFIX_OFFSET ||
        !ip_addr_is_v4(&prefix->addr))
        return -EINVAL;
    if (ip_addr_is_any(gateway) && iface == NULL)
        return -EINVAL;
    if (is_ours(stack, gateway))
        return -EINVAL;
    if (iface == NULL && (iface = iface_towards(stack, gateway)) == NULL)
        return -ENETUNREACH;
    return route_add(&stack->ip.routes, prefix, gateway, iface);
}

int stack_do_route_delete(struct stack *stack, usec now,
                          const struct ip_prefix *prefix)
{
    stack_enter(stack, now);
    if (prefix->len > 128)
        return -EINVAL;
    return route_delete(&stack->ip.routes, prefix);
}

int stack_do_neighbour_add(struct stack *stack, usec now, unsigned index,
                           const struct ip_addr *addr,
                           const struct mac_addr *mac)
{
    struct iface *iface = stack_iface(stack, index);

    stack_enter(stack, now);
    if (iface == NULL)
        return -ENODEV;
    if (iface->dev->type != NETDEV_ETHERNET || mac_addr_is_multicast(mac) ||
        !ip_addr_is_v4(addr) || ip_addr_is_any(addr))
        return -EINVAL;
    return arp_add(&stack->arp, iface, addr, mac);
}

int stack_do_neighbour_delete(struct stack *stack, usec now, unsigned index,
                              const struct ip_addr *addr)
{
    struct iface *iface = stack_iface(stack, index);

    stack_enter(stack, now);
    if (iface == NULL)
        return -ENODEV;
    return arp_delete(&stack->arp, iface, addr);
}

unsigned stack_do_neighbour_flush(struct stack *stack, usec now)
{
    stack_enter(stack, now);
    return arp_forget_all(&stack->arp);
}

static int change_congestion(struct tcp *tcp, uint64_t number)
{
    const struct tcp_cc_ops *cc = tcp_cc_at((size_t)number);

    return cc == NULL ? -ENOENT : tcp_change_congestion(tcp, cc->name);
}

int stack_do_change(struct stack *stack, usec now, enum stack_setting setting,
                    uint64_t value)
{
    stack_enter(stack, now);
    switch (setting) {
    case STACK_CONGESTION:
        return change_congestion(&stack->tcp, value);
    case STACK_ECN:
        return tcp_change_ecn(&stack->tcp,
                              (unsigned)min_size(value, UINT32_MAX));
    case STACK_BUFFER_MAX:
        return tcp_change_buffer_max(&stack->tcp, value);
    case STACK_SETTINGS:
        break;
    }
    return -ENOENT;
}
