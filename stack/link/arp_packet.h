/*
 * What ARP's own files share about its packets.
 */
#ifndef TAPIR_LINK_ARP_PACKET_H
#define TAPIR_LINK_ARP_PACKET_H

#include "link/arp.h"

/* Counts, traces and sends. That it may be lost is what timers are for. */
void arp_send_packet(struct arp *arp, struct iface *iface,
                     const struct arp_packet *packet,
                     const struct mac_addr *dst);

void arp_trace_packet(struct env *env, enum trace_kind kind,
                      const struct arp_packet *packet,
                      const struct ip_addr *local,
                      const struct ip_addr *remote);

#endif
