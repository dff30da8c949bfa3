/*
 * The virtio header, OASIS virtio 1.2, 5.1.6: ten bytes before each frame of a
 * TAP device or a socket of frames, which say what is still to be done with it.
 */
#ifndef TAPIR_NETDEV_VIRTIO_H
#define TAPIR_NETDEV_VIRTIO_H

#include "base/frame.h"

enum { VIRTIO_HEADER_LEN = 10 };

/* The header for a frame to be sent. */
void virtio_emit(const struct frame *frame,
                 uint8_t header[static VIRTIO_HEADER_LEN]);

/*
 * What the header says of a received frame, which lies in one piece. Whatever
 * does not fit the frame is not believed: it then counts as complete.
 */
void virtio_parse(const uint8_t header[static VIRTIO_HEADER_LEN],
                  struct frame *frame);

#endif
