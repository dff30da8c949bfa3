/*
 * What UDP's own files share: which socket has which port, and a datagram's two
 * ends.
 */
#ifndef TAPIR_UDP_UDP_INTERNAL_H
#define TAPIR_UDP_UDP_INTERNAL_H

#include "udp/udp.h"

/* A datagram's two ends. */
struct ends {
    struct endpoint local;
    struct endpoint remote;
};

static inline bool udp_is_connected(const struct udp_pcb *pcb)
{
    return !ip_addr_is_any(&pcb->remote.addr);
}

void udp_trace(const struct udp *udp, enum trace_kind kind,
               const struct ends *ends, size_t payload_len);

/* The first pcb of a port, and the next of the same; NULL at the end. */
struct udp_pcb *udp_first_with_port(const struct udp *udp, uint16_t port);
struct udp_pcb *udp_next_with_port(const struct udp_pcb *pcb);

/* The address to speak from is the local one; but a group is none. */
void udp_choose_source(struct udp_pcb *pcb);

/* Gives the port back, if it has one. */
void udp_unbind(struct udp_pcb *pcb);

#endif
