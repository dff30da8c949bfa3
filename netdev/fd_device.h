/*
 * What the devices on a descriptor have in common: tap.c, packet.c and
 * seqpacket.c.
 */
#ifndef TAPIR_NETDEV_FD_DEVICE_H
#define TAPIR_NETDEV_FD_DEVICE_H

#include "netdev/netdev.h"

#include "netdev/virtio.h"

#include <sys/uio.h>

enum {
    /* Frames of a batch. Few: more than the cache holds make reading slow. */
    FD_DEVICE_BATCH = 16,
    /* The largest IP packet, Ethernet header, room for VLAN tags. */
    FD_DEVICE_FRAME_MAX = 65535 + 14 + 8,
    /* Of a frame that is sent: virtio header, head and slices. */
    FD_DEVICE_IOV_MAX = 2 + FRAME_SLICES
};

struct fd_device {
    struct netdev dev;
    int fd;        /* to be polled; -1: none */
    bool gone;     /* what it was attached to: the descriptor gives no more */
    unsigned used; /* buffers handed out since the last flush */
    /* A page of them costs nothing until it is touched. */
    uint8_t buffers[FD_DEVICE_BATCH][FD_DEVICE_FRAME_MAX];
};

static inline struct fd_device *fd_device_of(const struct netdev *dev)
{
    return container_of(dev, struct fd_device, dev);
}

/* In struct netdev_ops. */
void fd_device_flush(struct netdev *dev, usec now);
usec fd_device_deadline(const struct netdev *dev);
int fd_device_poll_fd(const struct netdev *dev);
int fd_device_held_fd(const struct netdev *dev, unsigned i);

/*
 * The frame as one message, its virtio header first, which is written to
 * `header`. The number of pieces.
 */
int fd_device_message(const struct frame *frame,
                      uint8_t header[static VIRTIO_HEADER_LEN],
                      struct iovec iov[static FD_DEVICE_IOV_MAX]);

#endif
