/*
 * A device of functions: for programs that carry the frames themselves.
 * Frames to the stack do not come by it: they are handed in by a call.
 */
#ifndef TAPIR_NETDEV_CALLBACK_H
#define TAPIR_NETDEV_CALLBACK_H

#include "base/memory.h"
#include "netdev/netdev.h"

struct callback_config {
    enum netdev_type type;
    unsigned mtu;
    /* A whole frame, contiguous and complete; it must be copied or used up. */
    void (*transmit)(void *context, const uint8_t *frame, size_t len);
    void *context;
};

MUST_CHECK struct netdev *callback_create(struct memory *memory,
                                          const struct callback_config *config);

#endif
