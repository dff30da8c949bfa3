/*
 * The Linux TAP device: Documentation/networking/tuntap.rst.
 */
#ifndef TAPIR_NETDEV_TAP_H
#define TAPIR_NETDEV_TAP_H

#include "netdev/netdev.h"

/*
 * Attaches to the TAP device `name`. It must exist and be up: none is made,
 * because one without the host's side (an address, the link up) would serve
 * nobody, in silence. A TAP keeps the state of its last user: flags, header
 * size and offloads are set anew. 0, or a negative errno and `why`: -ENODEV
 * there is no such device, -ENETDOWN it is down, -EBUSY it has a user.
 */
MUST_CHECK int tap_open(const char *name, struct netdev **out,
                        char why[static NETDEV_WHY_MAX]);

#endif
