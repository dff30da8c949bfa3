/*
 * What a stack is made of: one member for each layer, and nothing anywhere
 * else. For the files stack*.c, and for tests that look at counters; whoever
 * uses a stack includes stack.h.
 */
#ifndef TAPIR_STACK_INTERNAL_H
#define TAPIR_STACK_INTERNAL_H

#include "socket/socket_table.h"
#include "stack.h"

enum { STACK_IFACES_MAX = 64 };

struct stack {
    struct env env;
    struct list ifaces; /* in the order of their numbers */
    unsigned iface_count;
    struct iface *loopback;
    struct packets packets;
    struct arp arp;
    struct ip ip;
    struct icmp icmp;
    struct echo echo;
    struct raw raw;
    struct udp udp;
    struct tcp tcp;
    struct sockets sockets;
    uint64_t frames_taken; /* the number of the last one */
};

/* Time is now `now`; it never goes back. Each entry begins so. */
static inline void stack_enter(struct stack *stack, usec now)
{
    stack->env.now = usec_max(stack->env.now, now);
}

/* NULL: there is no such interface. */
struct iface *stack_iface(const struct stack *stack, unsigned index);

/* What lower layers report upward when no frame is in hand: see stack.c. */
arp_unreachable_fn stack_neighbour_unreachable;
reass_timeout_fn stack_reassembly_timed_out;

#endif
