/*
 * Neighbours: how one becomes known, ages and is given up.
 */
#ifndef TAPIR_LINK_NEIGHBOUR_H
#define TAPIR_LINK_NEIGHBOUR_H

#include "link/neighbour_table.h"

/* Known or new. NULL when the table is full. */
struct neighbour *neighbour_obtain(struct arp *arp, struct iface *iface,
                                   const struct ip_addr *addr);

/*
 * It has shown itself, with this address: REACHABLE, and what waited is sent.
 * A PERMANENT one learns nothing.
 */
void neighbour_confirm(struct neighbour *neighbour, const struct mac_addr *mac);

/* As arp_doubt. */
void neighbour_doubt(struct neighbour *neighbour);

void neighbour_make_permanent(struct neighbour *neighbour,
                              const struct mac_addr *mac);

/* Sends, or keeps and asks: as arp_output. */
int neighbour_output(struct neighbour *neighbour, struct frame *frame);

#endif
