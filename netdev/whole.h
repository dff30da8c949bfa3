/*
 * Making a frame whole: contiguous, checksums filled in, cut into packets of
 * at most the MTU. Faults, wires, callbacks and capture act on whole packets.
 */
#ifndef TAPIR_NETDEV_WHOLE_H
#define TAPIR_NETDEV_WHOLE_H

#include "netdev/netdev.h"

enum { WHOLE_FRAME_MAX = 14 + 65535 };

/* One call for each packet. `frame` is valid during the call. */
typedef void whole_frame_fn(void *context, const uint8_t *frame, size_t len);

/*
 * Calls `each` for the packet, or for each packet that the frame is to be cut
 * into: IPv4 and TCP headers are made as a device with segmentation offload
 * makes them (sequence numbers, lengths, IDs, PSH and FIN on the last only,
 * CWR on the first only). `type` says where the IP header is.
 */
void frame_make_whole(enum netdev_type type, const struct frame *frame,
                      whole_frame_fn *each, void *context);

#endif
