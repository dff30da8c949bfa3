/*
 * The packet socket of Linux, packet(7): the device is an interface that the
 * machine has already, one end of a veth pair or a real one.
 */
#ifndef TAPIR_NETDEV_PACKET_H
#define TAPIR_NETDEV_PACKET_H

#include "netdev/netdev.h"

/*
 * Attaches to the interface `name`, which must be there, up, and Ethernet. It
 * keeps serving the kernel, so the stack wants a MAC and an IP address that are
 * not the kernel's: of frames for its own the kernel would have TCP segments
 * answered with a RST. 0, or a negative errno and `why`: -EPERM without
 * CAP_NET_RAW, -ENODEV there is no such interface, -ENETDOWN it is down, -EBUSY
 * another stack has it.
 */
MUST_CHECK int packet_open(const char *name, struct netdev **out,
                           char why[static NETDEV_WHY_MAX]);

#endif
