/*
 * The loopback device: what is sent comes back, in order, at the next receive.
 */
#ifndef TAPIR_NETDEV_LOOPBACK_H
#define TAPIR_NETDEV_LOOPBACK_H

#include "base/memory.h"
#include "netdev/netdev.h"

/* At most `queue_bytes` wait; more is lost. NULL without memory. */
MUST_CHECK struct netdev *loopback_create(struct memory *memory,
                                          size_t queue_bytes);

#endif
