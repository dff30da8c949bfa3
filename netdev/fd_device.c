/*
 * The base of the devices on a descriptor: see fd_device.h.
 */
#include "netdev/fd_device.h"

void fd_device_flush(struct netdev *dev, usec now)
{
    (void)now;
    fd_device_of(dev)->used = 0; /* the buffer used first is the warmest */
}

usec fd_device_deadline(const struct netdev *dev)
{
    (void)dev;
    return USEC_NEVER;
}

int fd_device_poll_fd(const struct netdev *dev)
{
    const struct fd_device *device = fd_device_of(dev);

    return device->gone ? -1 : device->fd;
}

int fd_device_held_fd(const struct netdev *dev, unsigned i)
{
    return i == 0 ? fd_device_of(dev)->fd : -1;
}

static struct iovec iov_of(const uint8_t *data, size_t len)
{
    return (struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = len};
}

int fd_device_message(const struct frame *frame,
                      uint8_t header[static VIRTIO_HEADER_LEN],
                      struct iovec iov[static FD_DEVICE_IOV_MAX])
{
    int count = 0;

    virtio_emit(frame, header);
    iov[count++] = iov_of(header, VIRTIO_HEADER_LEN);
    iov[count++] = iov_of(frame->head, frame->head_len);
    for (unsigned i = 0; i < frame->slice_count; i++)
        iov[count++] = iov_of(frame->slices[i].data, frame->slices[i].len);
    return count;
}
