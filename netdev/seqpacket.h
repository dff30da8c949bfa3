/*
 * A socket of frames: a connected SEQPACKET socket of unix(7), whose every
 * message is a virtio header (netdev/virtio.h) and an Ethernet frame, checksums
 * absent and super-segments uncut as on a TAP device. For sandboxes, which may
 * open no device, and for `tapir wire`.
 */
#ifndef TAPIR_NETDEV_SEQPACKET_H
#define TAPIR_NETDEV_SEQPACKET_H

#include "netdev/netdev.h"

/*
 * Each of these gives a device with this MTU (0: 1500), or a negative errno
 * and `why`.
 */

/* Connects to the socket at `path`, where `tapir wire` or the like listens. */
MUST_CHECK int seqpacket_connect(const char *path, unsigned mtu,
                                 struct netdev **out,
                                 char why[static NETDEV_WHY_MAX]);

/*
 * Takes over a connected SEQPACKET socket that the process was given. It is
 * made close-on-exec, and closed with the device; on failure it stays the
 * caller's.
 */
MUST_CHECK int seqpacket_take(int fd, unsigned mtu, struct netdev **out,
                              char why[static NETDEV_WHY_MAX]);

/*
 * Listens at `path` for one peer at a time. While there is none, frames for it
 * are refused with -ENETDOWN, and receive takes the next one in. The socket's
 * file goes with the device.
 */
MUST_CHECK int seqpacket_listen(const char *path, unsigned mtu,
                                struct netdev **out,
                                char why[static NETDEV_WHY_MAX]);

/* Whether a peer is connected: of a device that listens. */
bool seqpacket_has_peer(const struct netdev *dev);

#endif
