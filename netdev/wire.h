/*
 * An in-memory wire: two ends, each a device. What one end sends, the other
 * receives, at the same stack time. Put faults (netdev/faults.h) around an end
 * for a bad one. Both ends are driven under one lock.
 */
#ifndef TAPIR_NETDEV_WIRE_H
#define TAPIR_NETDEV_WIRE_H

#include "base/memory.h"
#include "netdev/netdev.h"

struct wire_config {
    enum netdev_type type;
    unsigned mtu;
    size_t queue_bytes; /* each way; more is lost */
};

/* 0, -ENOBUFS. The wire is gone when both ends are closed. */
MUST_CHECK int wire_create(struct memory *memory,
                           const struct wire_config *config,
                           struct netdev *ends[static 2]);

#endif
