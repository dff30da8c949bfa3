/*
 * A device for tests that keeps what it is told to transmit.
 */
#ifndef TAPIR_TESTS_FAKE_NETDEV_H
#define TAPIR_TESTS_FAKE_NETDEV_H

#include "netdev/netdev.h"

enum { FAKE_FRAMES_MAX = 256 };

/* A transmitted frame, copied whole, and what was said about it. */
struct fake_frame {
    uint8_t *data;
    size_t len;
    struct frame_offload offload;
    size_t head_len;
    unsigned slice_count;
};

struct fake_netdev {
    struct netdev dev;
    int answer; /* of transmit: 0, or a negative errno */
    unsigned count;
    struct fake_frame frames[FAKE_FRAMES_MAX];
};

void fake_netdev_init(struct fake_netdev *fake, enum netdev_type type,
                      unsigned mtu);

/* Forgets what was transmitted. */
void fake_netdev_clear(struct fake_netdev *fake);

#endif
