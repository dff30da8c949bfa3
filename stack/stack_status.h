/*
 * What a stack has and has counted: the part of the door (stack.h) that only
 * looks. Nothing here changes the stack, not even its time: what is told is
 * as of its last entry. What is told is a copy.
 *
 * What there may be many of is told one by one, from a cursor on that is 0 at
 * first, while the stack goes on in between. 1: `out` is filled in; 0: nothing
 * is found yet, ask again (so the work of a call has a bound); -ENOENT: that
 * was all. What is there all the time is told once, what comes or goes
 * meanwhile once or not.
 */
#ifndef TAPIR_STACK_STATUS_H
#define TAPIR_STACK_STATUS_H

#include "link/neighbour_table.h"
#include "socket/socket_show.h"

struct stack;

/* TCP's connections, whether a socket has them or not; no listeners. */
MUST_CHECK int stack_next_connection(struct stack *stack, uint64_t *cursor,
                                     enum tcp_show_depth depth,
                                     struct tcp_shown *out);
/* Sockets that have no connection of TCP. */
MUST_CHECK int stack_next_socket(const struct stack *stack, uint32_t *cursor,
                                 enum tcp_show_depth depth,
                                 struct socket_shown *out);

struct stack_neighbour {
    unsigned iface;
    struct ip_addr addr;
    struct mac_addr mac; /* not of NEIGHBOUR_INCOMPLETE */
    enum neighbour_state state;
    usec left;        /* until the state changes; USEC_NEVER: it does not */
    unsigned waiting; /* packets */
};

MUST_CHECK int stack_next_neighbour(const struct stack *stack, uint64_t *cursor,
                                    struct stack_neighbour *out);

struct stack_route {
    struct ip_prefix prefix;
    struct ip_addr gateway; /* all zero: on the link */
    unsigned iface;
};

MUST_CHECK int stack_next_route(const struct stack *stack, uint64_t *cursor,
                                struct stack_route *out);

struct stack_counts {
    struct arp_stats arp;
    struct ip_stats ip;
    struct icmp_stats icmp;
    struct udp_stats udp;
    struct tcp_stats tcp;
    uint64_t drops[DROP_REASON_COUNT];
    unsigned default_ttl;
    usec rto_min; /* these two: TCP's */
    usec rto_max;
    uint32_t max_connections;
    uint32_t reassembling; /* datagrams of which fragments are missing, */
    uint32_t sockets;      /* that there are now */
    uint32_t tcbs;         /* with those at rest; listeners too */
    uint32_t half_open;
    uint32_t resting;
    uint32_t time_wait;
    size_t memory; /* bytes */
};

void stack_count(const struct stack *stack, struct stack_counts *out);

#endif
