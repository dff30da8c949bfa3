/*
 * The beginning and the end of a stack: its layers are started from below,
 * and told where to report what only stack.c can pass on.
 */
#include "stack_internal.h"

#include "netdev/loopback.h"

#include <errno.h>

enum { LOOPBACK_QUEUE_BYTES = 8 << 20 }; /* memory is taken when used */

struct stack_config stack_config_default(void)
{
    return (struct stack_config){
        .arp = arp_config_default(),
        .ip = ip_config_default(),
        .icmp = icmp_config_default(),
        .tcp = tcp_config_default(),
        .socket = socket_config_default(),
    };
}

static int start_ifaces(struct stack *stack, const struct stack_config *config)
{
    (void)config;
    list_init(&stack->ifaces);
    packets_init(&stack->packets, &stack->env, &stack->ifaces);
    stack->packets.notify = socket_notify;
    stack->packets.notify_context = &stack->sockets;
    return 0;
}

/* Only the loopback's device is ours. */
static void stop_ifaces(struct stack *stack)
{
    struct list *node;

    while ((node = list_pop(&stack->ifaces)) != NULL) {
        struct iface *iface = container_of(node, struct iface, node);

        if (iface->loopback)
            netdev_close(iface->dev);
        memory_free(stack->env.memory, iface, sizeof(*iface));
    }
}

static int start_arp(struct stack *stack, const struct stack_config *config)
{
    int error = arp_init(&stack->arp, &stack->env, &config->arp);

    stack->arp.unreachable = stack_neighbour_unreachable;
    stack->arp.unreachable_context = stack;
    return error;
}

static void stop_arp(struct stack *stack)
{
    arp_fini(&stack->arp);
}

static int start_ip(struct stack *stack, const struct stack_config *config)
{
    int error = ip_init(&stack->ip, &stack->env, &stack->arp, &stack->ifaces,
                        &config->ip);

    stack->ip.reass.timed_out = stack_reassembly_timed_out;
    stack->ip.reass.timed_out_context = stack;
    return error;
}

static void stop_ip(struct stack *stack)
{
    ip_fini(&stack->ip);
}

static int start_echo(struct stack *stack, const struct stack_config *config)
{
    icmp_init(&stack->icmp, &stack->env, &stack->ip, &config->icmp);

    int error = echo_init(&stack->echo, &stack->env, &stack->icmp);

    stack->echo.notify = socket_notify;
    stack->echo.notify_context = &stack->sockets;
    return error;
}

static void stop_echo(struct stack *stack)
{
    echo_fini(&stack->echo);
}

static int start_raw(struct stack *stack, const struct stack_config *config)
{
    int error = raw_init(&stack->raw, &stack->env, &stack->ip);

    (void)config;
    stack->raw.notify = socket_notify;
    stack->raw.notify_context = &stack->sockets;
    return error;
}

static void stop_raw(struct stack *stack)
{
    raw_fini(&stack->raw);
}

static int start_udp(struct stack *stack, const struct stack_config *config)
{
    int error = udp_init(&stack->udp, &stack->env, &stack->ip, &stack->icmp);

    (void)config;
    stack->udp.notify = socket_notify;
    stack->udp.notify_context = &stack->sockets;
    return error;
}

static void stop_udp(struct stack *stack)
{
    udp_fini(&stack->udp);
}

static int start_tcp(struct stack *stack, const struct stack_config *config)
{
    int error = tcp_init(&stack->tcp, &stack->env, &stack->ip, &config->tcp);

    stack->tcp.notify = socket_notify;
    stack->tcp.moved = socket_stream_moved;
    stack->tcp.notify_context = &stack->sockets;
    return error;
}

static void stop_tcp(struct stack *stack)
{
    tcp_fini(&stack->tcp);
}

static int start_sockets(struct stack *stack, const struct stack_config *config)
{
    return sockets_init(&stack->sockets, &stack->env, &stack->tcp, &stack->udp,
                        &stack->echo, &stack->raw, &stack->packets,
                        &config->socket);
}

static void stop_sockets(struct stack *stack)
{
    sockets_fini(&stack->sockets);
}

/* RFC 1122 3.2.1.3 (g): 127/8 never leaves the host. */
static int add_loopback(struct stack *stack)
{
    struct netdev *dev =
        loopback_create(stack->env.memory, LOOPBACK_QUEUE_BYTES);
    struct iface_config lo = {.name = "lo", .dev = dev};
    struct ip_prefix addr = {.addr = ip_addr_v4(0x7f000001),
                             .len = IPV4_PREFIX_OFFSET + 8};

    if (dev == NULL)
        return -ENOBUFS;

    int index = stack_do_iface_add(stack, stack->env.now, &lo);

    if (index < 0) {
        netdev_close(dev);
        return index;
    }
    stack->loopback = stack_iface(stack, (unsigned)index);
    stack->loopback->loopback = true;
    return stack_do_addr_add(stack, stack->env.now, (unsigned)index, &addr);
}

/* From below: each needs those before it. They end in the other order. */
static const struct layer {
    int (*start)(struct stack *stack, const struct stack_config *config);
    void (*stop)(struct stack *stack);
} layers[] = {
    {start_ifaces, stop_ifaces}, {start_arp, stop_arp},
    {start_ip, stop_ip},         {start_echo, stop_echo},
    {start_raw, stop_raw},       {start_udp, stop_udp},
    {start_tcp, stop_tcp},       {start_sockets, stop_sockets},
};

static void stop_layers(struct stack *stack, size_t count)
{
    while (count > 0)
        layers[--count].stop(stack);
}

static int start_layers(struct stack *stack, const struct stack_config *config)
{
    for (size_t i = 0; i < ARRAY_LENGTH(layers); i++) {
        int error = layers[i].start(stack, config);

        if (error < 0) {
            stop_layers(stack, i);
            return error;
        }
    }
    return 0;
}

/* No frame leaves: what the layers would still say is not flushed. */
void stack_do_destroy(struct stack *stack)
{
    stop_layers(stack, ARRAY_LENGTH(layers));
    memory_free(stack->env.memory, stack, sizeof(*stack));
}

void stack_set_trace(struct stack *stack, struct trace trace)
{
    stack->env.trace = trace;
}

int stack_do_create(const struct stack_config *config, usec now,
                    struct stack **out)
{
    struct stack *stack = memory_alloc(config->memory, sizeof(*stack));
    int error;

    if (stack == NULL)
        return -ENOBUFS;
    env_init(&stack->env, now, config->memory, config->seed, config->trace);
    if ((error = start_layers(stack, config)) < 0) {
        memory_free(config->memory, stack, sizeof(*stack));
        return error;
    }
    if ((error = add_loopback(stack)) < 0) {
        stack_do_destroy(stack);
        return error;
    }
    *out = stack;
    return 0;
}
