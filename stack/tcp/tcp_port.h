/*
 * Local ports: who uses which, what may be bound beside what (SO_REUSEADDR
 * and SO_REUSEPORT as Linux has them), which listener a SYN is for, and the
 * choice of ephemeral ports.
 */
#ifndef TAPIR_TCP_PORT_H
#define TAPIR_TCP_PORT_H

#include "tcp/tcb.h"
#include "tcp/tcp_ends.h"

/* What of an end allows others beside it; two share if both have one of them.
 */
enum {
    TCP_SHARE_ADDR = 1, /* SO_REUSEADDR */
    TCP_SHARE_PORT = 2, /* SO_REUSEPORT */
    TCP_SHARINGS = 4    /* combinations */
};

/*
 * Connections that came from a listener, or whose port was chosen for them,
 * are only counted: there may be many, and nobody looks them up by port.
 */
struct tcp_port {
    struct hash_node node; /* in tcp->ports */
    uint16_t number;
    struct list bound; /* TCBs by tcp_port_bind, a few */
    uint32_t connections[TCP_SHARINGS];
    struct ip_addr connected_at; /* the local address of all of them, */
    bool is_connected_elsewhere; /* or not of all: then as if of any */
};

/* TCP_SHARE_ bits */
unsigned tcp_port_sharing(const struct tcb *tcb);
/* SO_REUSEADDR and SO_REUSEPORT, which may change while it has a port. */
void tcp_port_set_sharing(struct tcb *tcb, bool reuse_addr, bool reuse_port);

/* Port 0: an ephemeral one. -EADDRINUSE, -ENOBUFS. */
MUST_CHECK int tcp_port_bind(struct tcb *tcb, const struct endpoint *local);

/* Of one that is in use. */
struct tcp_port *tcp_port_find(const struct tcp *tcp, uint16_t number);

/* A child takes part in its listener's port. */
void tcp_port_share(struct tcb *child, struct tcp_port *port);

/* The same without a TCB: a connection in TIME-WAIT. */
void tcp_port_hold(struct tcp_port *port, const struct ip_addr *local,
                   unsigned sharing);
void tcp_port_let_go(struct tcp *tcp, uint16_t number, unsigned sharing);

/*
 * A port for a connection that is not bound: RFC 6056 3.3.4, by a hash of the
 * ends and one of several counters. -EADDRNOTAVAIL: all are taken towards this
 * remote end.
 */
MUST_CHECK int tcp_port_connect(struct tcb *tcb, const struct ip_addr *local,
                                const struct endpoint *remote);

/* Whether a listener could be put here: the rules of bind once more. */
bool tcp_port_can_listen(const struct tcb *tcb);

void tcp_port_release(struct tcb *tcb);

/*
 * The listener for a SYN; its scope is the interface that it came in by. The
 * address itself before the wildcard; of several with SO_REUSEPORT one by a
 * hash of the ends.
 */
struct tcb *tcp_port_listener(struct tcp *tcp, const struct tcp_ends *ends);

#endif
