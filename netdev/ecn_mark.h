/*
 * The mark of Explicit Congestion Notification, as a router sets it in place of
 * dropping a packet: RFC 3168 5.
 */
#ifndef TAPIR_NETDEV_ECN_MARK_H
#define TAPIR_NETDEV_ECN_MARK_H

#include "netdev/netdev.h"

/*
 * Marks a whole packet. False, and nothing is changed, if its sender is not
 * ECN-capable, if it has the mark already, or if it is not IPv4.
 */
bool ecn_mark(enum netdev_type type, uint8_t *packet, size_t len);

#endif
