/*
 * A network device: whole frames in and out. All devices, real or imagined,
 * are behind this one table of functions, and a device may wrap another one
 * (faults, recording).
 *
 * A device is driven under its stack's lock and calls no stack. It may be a
 * descriptor to be polled, or a queue that says by deadline() when it has
 * something.
 */
#ifndef TAPIR_NETDEV_NETDEV_H
#define TAPIR_NETDEV_NETDEV_H

#include "base/addr.h"
#include "base/frame.h"
#include "base/usec.h"

/* Why a device cannot be opened, and what to do about it, for a person. */
enum { NETDEV_WHY_MAX = 256 };

enum netdev_type {
    NETDEV_ETHERNET, /* frames begin with an Ethernet header */
    NETDEV_IP        /* bare IP packets, no ARP */
};

struct netdev {
    const struct netdev_ops *ops;
    enum netdev_type type;
    unsigned mtu;           /* bytes of IP packet in a frame */
    unsigned max_gso;       /* IP packet bytes the device cuts by itself (or
                               hands on whole); 0: nothing above the MTU */
    bool fills_checksum;    /* takes FRAME_CHECKSUM_ABSENT */
    bool cuts_udp;          /* takes FRAME_GSO_UDP_L4, up to max_gso */
    struct mac_addr mac;    /* wanted by the device; zero: none */
    const uint64_t *missed; /* frames lost on their way in before receive could
                               give them; NULL: the device does not know */
};

struct netdev_ops {
    const char *name;

    /*
     * Sends. A frame that is larger than the MTU has its gso fields set and
     * is not larger than max_gso; one with an absent checksum comes only if
     * fills_checksum is set. The head is the device's to read until it returns,
     * the slices until flush. 0, or -ENOBUFS when the device's queue is full
     * (the frame is lost, as on any network), or -ENETDOWN.
     */
    int (*transmit)(struct netdev *dev, usec now, const struct frame *frame);

    /* The pass ends: nothing that was lent stays valid. */
    void (*flush)(struct netdev *dev, usec now);

    /*
     * The next frame, its iface not yet set: 1, or 0 when there is none now,
     * or -ENETDOWN. Its bytes stay valid until flush, so that an answer may
     * borrow them: a device has a buffer for each frame of a batch, and gives
     * none when they are used up.
     */
    int (*receive)(struct netdev *dev, usec now, struct frame *frame);

    /*
     * The same, but what follows the first bytes of the frame goes to `place`;
     * see frame_place(). NULL: the device reads into its buffers only.
     */
    int (*receive_at)(struct netdev *dev, usec now,
                      const struct frame_place *place, struct frame *frame);

    /* When to call receive even if no descriptor is ready; USEC_NEVER. */
    usec (*deadline)(const struct netdev *dev);

    /* The descriptor to poll for input, or -1. */
    int (*poll_fd)(const struct netdev *dev);

    /*
     * The i-th of all descriptors that the device holds, those of one that it
     * wraps too; -1: there are not so many. For whoever must spare or close
     * them from outside. NULL: it never holds any.
     */
    int (*held_fd)(const struct netdev *dev, unsigned i);

    /* Ends the device and releases it. */
    void (*close)(struct netdev *dev);
};

static inline int netdev_transmit(struct netdev *dev, usec now,
                                  const struct frame *frame)
{
    return dev->ops->transmit(dev, now, frame);
}

static inline void netdev_flush(struct netdev *dev, usec now)
{
    dev->ops->flush(dev, now);
}

static inline int netdev_receive(struct netdev *dev, usec now,
                                 struct frame *frame)
{
    return dev->ops->receive(dev, now, frame);
}

static inline bool netdev_can_place(const struct netdev *dev)
{
    return dev->ops->receive_at != NULL;
}

static inline int netdev_receive_at(struct netdev *dev, usec now,
                                    const struct frame_place *place,
                                    struct frame *frame)
{
    return dev->ops->receive_at(dev, now, place, frame);
}

static inline usec netdev_deadline(const struct netdev *dev)
{
    return dev->ops->deadline(dev);
}

static inline int netdev_poll_fd(const struct netdev *dev)
{
    return dev->ops->poll_fd(dev);
}

static inline int netdev_held_fd(const struct netdev *dev, unsigned i)
{
    return dev->ops->held_fd != NULL ? dev->ops->held_fd(dev, i) : -1;
}

static inline void netdev_close(struct netdev *dev)
{
    dev->ops->close(dev);
}

#endif
