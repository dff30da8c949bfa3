/*
 * The opening of packet.c's device: a packet socket that is bound to its
 * interface, and what was learnt of that. An operating system edge.
 */
#ifndef TAPIR_NETDEV_PACKET_ATTACH_H
#define TAPIR_NETDEV_PACKET_ATTACH_H

#include "netdev/packet.h"

struct packet_attachment {
    int fd;    /* the packet socket, non-blocking */
    int claim; /* held as long as the interface is ours */
    unsigned mtu;
};

/* As packet_open. Both descriptors are the caller's to close. */
MUST_CHECK int packet_attach(const char *name, struct packet_attachment *out,
                             char why[static NETDEV_WHY_MAX]);

#endif
