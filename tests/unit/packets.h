/*
 * Packets for the tests of devices: TCP segments made by hand, a list of what
 * a device gave, and whether its checksums are right.
 */
#ifndef TAPIR_TESTS_PACKETS_H
#define TAPIR_TESTS_PACKETS_H

#include "netdev/netdev.h"

enum {
    PACKET_ETH_LEN = 14,
    PACKET_HEADERS_LEN = 14 + 20 + 20, /* Ethernet, IP, TCP */
    PACKET_FIN = 0x01,
    PACKET_PSH = 0x08,
    PACKET_ACK = 0x10,
    PACKET_CWR = 0x80
};

/* What to make; zeroes are as good as anything. */
struct packet_spec {
    enum netdev_type type;
    uint32_t seq;
    uint16_t id;
    uint8_t tos;
    uint8_t flags;
    size_t payload;    /* bytes, of a fixed pattern */
    uint16_t gso_size; /* not 0: a super-segment */
};

/*
 * An output frame as TCP makes it: headers in the head, payload in two slices,
 * the checksum left to the device. `data` holds the payload until the device's
 * flush.
 */
void packet_build(struct frame *frame, const struct packet_spec *spec,
                  uint8_t data[static 65535]);

#define PACKET_BUILD(frame, data, ...)                                         \
    packet_build(frame, &(struct packet_spec){__VA_ARGS__}, data)

/* A frame of these bytes. They stay the caller's. */
struct frame packet_frame(const void *data, size_t len);

/* Byte `i` of every payload. */
uint8_t packet_pattern(size_t i);

enum { PACKETS_MAX = 64, PACKET_MAX = 2048 };

struct packets {
    unsigned count;
    size_t len[PACKETS_MAX];
    uint8_t data[PACKETS_MAX][PACKET_MAX];
};

/* A whole_frame_fn: context is a struct packets. */
void packets_add(void *context, const uint8_t *data, size_t len);

/* Receives all that the device has; the facts must say COMPLETE. */
void packets_receive(struct packets *packets, struct netdev *dev, usec now);

/* Whether both checksums of a TCP segment are right. */
bool packet_checksums_are_right(enum netdev_type type, const uint8_t *data,
                                size_t len);

#endif
