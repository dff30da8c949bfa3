/*
 * The Internet checksum, RFC 1071: the one's complement of the one's
 * complement sum of 16-bit words. A sum is taken over pieces, in any number,
 * each of which but the last has an even length or is told where it lies.
 */
#ifndef TAPIR_BASE_CHECKSUM_H
#define TAPIR_BASE_CHECKSUM_H

#include "base/addr.h"
#include "base/frame.h"

/* A sum that is not yet folded and complemented. */
struct checksum {
    uint64_t sum;
    bool odd; /* an odd number of bytes has been added */
};

void checksum_add(struct checksum *checksum, struct bytes bytes);
/* The pseudo header of RFC 9293 3.1 and RFC 768 (RFC 8200 8.1 for IPv6). */
void checksum_add_pseudo(struct checksum *checksum, const struct ip_addr *src,
                         const struct ip_addr *dst, uint8_t protocol,
                         size_t transport_len);
/* All bytes of the frame from `from` bytes into it. */
void checksum_add_frame(struct checksum *checksum, const struct frame *frame,
                        size_t from);
/* Folded, not complemented: what the device wants in an unfinished field. */
uint16_t checksum_fold(const struct checksum *checksum);
/* What goes into the header; over bytes that hold a right checksum, 0. */
uint16_t checksum_finish(const struct checksum *checksum);

/* The checksum of one piece. */
uint16_t checksum_of(struct bytes bytes);

/* The same by the plain loop of RFC 1071 4.1: the reference in tests. */
uint16_t checksum_of_plain(struct bytes bytes);

#endif
