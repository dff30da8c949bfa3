/*
 * Whose frame it is, by a look at its bytes: for filters, which are asked
 * before any layer has parsed it, and of frames that none will. Nothing is
 * checked but lengths; what is not there is not told.
 */
#ifndef TAPIR_HOST_FRAME_ENDS_H
#define TAPIR_HOST_FRAME_ENDS_H

#include "base/addr.h"
#include "base/frame.h"
#include "netdev/netdev.h"

struct frame_ends {
    unsigned type;          /* enum eth_type; 0: not told */
    unsigned protocol;      /* enum ip_protocol; 0: not told */
    bool is_later_fragment; /* no transport's header is in it */
    bool has_addrs;         /* src.addr and dst.addr: of IPv4, or of ARP */
    struct endpoint src;    /* port 0: not told, a fragment's say */
    struct endpoint dst;
};

/* A frame as it is at the device. */
struct frame_ends frame_ends_of(enum netdev_type type,
                                const struct frame *frame);
/* The same of its bytes. */
struct frame_ends frame_ends_of_bytes(enum netdev_type type,
                                      struct bytes bytes);

#endif
