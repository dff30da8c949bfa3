/*
 * Devices by the name that a person gives them: "tap0" is a TAP device,
 * "packet:eth0" an interface by a packet socket (netdev/packet.h), "unix:PATH"
 * and "fd:N" are sockets of frames (netdev/seqpacket.h).
 */
#ifndef TAPIR_HOST_DEVICE_H
#define TAPIR_HOST_DEVICE_H

#include "netdev/netdev.h"
#include "tapir.h"

/*
 * Whether a device could be called so; the empty name is fine. 0; -EINVAL and
 * one line in `why` that names the option.
 */
MUST_CHECK int device_check(const char *name, char why[TAPIR_TEXT_MAX]);

/*
 * Opens it. `mtu` is for sockets, which have none of their own (0: 1500). 0;
 * a negative errno and one line in `why`: the reason and its repair.
 */
MUST_CHECK int device_open(const char *name, unsigned mtu, struct netdev **out,
                           char why[TAPIR_TEXT_MAX]);

/* What its interface is to be called: short, unlike a path. */
const char *device_label(const char *name);

#endif
