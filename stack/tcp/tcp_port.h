/*
 * Local ports: who uses which, what may be bound beside what (SO_REUSEADDR as
 * Linux has it), which listener a SYN is for, and the choice of ephemeral
 * ports.
 */
#ifndef TAPIR_TCP_PORT_H
#define TAPIR_TCP_PORT_H

#include "tcp/tcb.h"

/*
 * Connections that came from a listener, or whose port was chosen for them,
 * are only counted: there may be many, and nobody looks them up by port.
 */
struct tcp_port {
    struct hash_node node; /* in tcp->ports */
    uint16_t number;
    struct list bound; /* TCBs by tcp_port_bind, a few */
    uint32_t user_count;
    uint32_t exclusive_count; /* of the users: without SO_REUSEADDR */
};

/* Port 0: an ephemeral one. -EADDRINUSE, -ENOBUFS. */
MUST_CHECK int tcp_port_bind(struct tcb *tcb, const struct endpoint *local);

/* A child takes part in its listener's port. */
void tcp_port_share(struct tcb *child, struct tcp_port *port);

/* The same without a TCB: a connection in TIME-WAIT; `reuse` is its
 * SO_REUSEADDR. */
void tcp_port_hold(struct tcp_port *port, bool reuse);
void tcp_port_let_go(struct tcp *tcp, uint16_t number, bool reuse);

/*
 * A port for a connection that is not bound: RFC 6056 3.3.3, by a hash of the
 * ends and a counter. -EADDRNOTAVAIL: all are taken towards this remote end.
 */
MUST_CHECK int tcp_port_connect(struct tcb *tcb, const struct ip_addr *local,
                                const struct endpoint *remote);

/* Whether a listener could be put here: nobody else listens. */
bool tcp_port_can_listen(const struct tcb *tcb);

void tcp_port_release(struct tcb *tcb);

/* The listener for a SYN to `local`: the address itself before the wildcard. */
struct tcb *tcp_port_listener(struct tcp *tcp, const struct endpoint *local);

#endif
