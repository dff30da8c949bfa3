#include "stack_internal.h"

#include <errno.h>

int stack_next_connection(struct stack *stack, uint64_t *cursor,
                          enum tcp_show_depth depth, struct tcp_shown *out)
{
    return tcp_show_next(&stack->tcp, cursor, depth, out);
}

int stack_next_socket(const struct stack *stack, uint32_t *cursor,
                      enum tcp_show_depth depth, struct socket_shown *out)
{
    return socket_show_next(&stack->sockets, cursor, depth, out);
}

/* The answer where a walk through a table has found nothing. */
static int nothing_at(uint64_t cursor)
{
    return cursor == UINT64_MAX ? -ENOENT : 0;
}

int stack_next_neighbour(const struct stack *stack, uint64_t *cursor,
                         struct stack_neighbour *out)
{
    struct hash_node *node = hash_table_walk(&stack->arp.neighbours, cursor);
    const struct neighbour *neighbour;

    if (node == NULL)
        return nothing_at(*cursor);
    neighbour = container_of(node, const struct neighbour, node);
    *out = (struct stack_neighbour){
        .iface = neighbour->iface->index,
        .addr = neighbour->addr,
        .mac = neighbour->mac,
        .state = neighbour->state,
        .left = USEC_NEVER,
        .waiting = neighbour->waiting_count,
    };
    if (timer_is_armed(&neighbour->timer))
        out->left = usec_max(neighbour->timer.deadline - stack->env.now, 0);
    return 1;
}

int stack_next_route(const struct stack *stack, uint64_t *cursor,
                     struct stack_route *out)
{
    struct hash_node *node = hash_table_walk(&stack->ip.routes.table, cursor);
    const struct route *route;

    if (node == NULL)
        return nothing_at(*cursor);
    route = container_of(node, const struct route, node);
    *out = (struct stack_route){
        .prefix = route->prefix,
        .gateway = route->gateway,
        .iface = route->iface->index,
    };
    return 1;
}

void stack_count(const struct stack *stack, struct stack_counts *out)
{
    const struct tcp *tcp = &stack->tcp;

    *out = (struct stack_counts){
        .arp = stack->arp.stats,
        .ip = stack->ip.stats,
        .icmp = stack->icmp.stats,
        .udp = stack->udp.stats,
        .tcp = tcp->stats,
        .default_ttl = stack->ip.config.ttl,
        .rto_min = tcp->config.rto_min,
        .rto_max = tcp->config.rto_max,
        .max_connections = tcp->config.max_connections,
        .reassembling = stack->ip.reass.count,
        .sockets = stack->sockets.count,
        .tcbs = tcp->connection_count,
        .half_open = tcp->half_open.entry_count,
        .resting = tcp->resting.entry_count,
        .time_wait = tcp->time_wait_count,
        .memory = stack->env.memory->used,
    };
    memcpy(out->drops, stack->env.drops, sizeof(out->drops));
}
