/*
 * The Linux TAP device: Documentation/networking/tuntap.rst.
 */
#ifndef TAPIR_NETDEV_TAP_H
#define TAPIR_NETDEV_TAP_H

#include "netdev/netdev.h"

/* What went wrong, and what to do about it, for a person. */
enum { NETDEV_WHY_MAX = 256 };

/*
 * Attaches to the TAP device `name`, which is made if it does not exist and we
 * may. A TAP keeps the state of its last user: flags, header size and offloads
 * are set anew. 0, or a negative errno and `why`.
 */
MUST_CHECK int tap_open(const char *name, struct netdev **out,
                        char why[static NETDEV_WHY_MAX]);

#endif
