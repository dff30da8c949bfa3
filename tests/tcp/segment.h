/*
 * TCP segments in IPv4 packets as the scripted peer sees and makes them. It is
 * written apart from the stack's own parser and emitter on purpose: what one
 * of them misreads, the other finds out.
 */
#ifndef TAPIR_TESTS_TCP_SEGMENT_H
#define TAPIR_TESTS_TCP_SEGMENT_H

#include "base/usec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { /* RFC 9293 3.1, control bits */
       FIN = 1,
       SYN = 2,
       RST = 4,
       PSH = 8,
       ACK = 16,
       URG = 32,
       ECE = 64,
       CWR = 128
};

enum { /* RFC 3168 5, the low bits of the TOS octet */
       NOT_ECT = 0,
       ECT_1 = 1,
       ECT_0 = 2,
       CE = 3
};

enum {
    SEGMENT_PACKET_MAX = 65535,
    SEGMENT_OPTIONS_MAX = 40,
    SEGMENT_SACKS_MAX = 4, /* what 40 bytes hold, RFC 2018 3 */
    SEGMENT_COOKIE_MAX = 16
};

/* A SACK block: the first number of it, the first after it. */
struct segment_sack {
    uint32_t from;
    uint32_t to;
};

struct segment_options {
    int mss;    /* -1: absent */
    int wscale; /* -1: absent */
    bool sack_permitted;
    unsigned sack_count;
    struct segment_sack sacks[SEGMENT_SACKS_MAX];
    bool has_timestamps;
    uint32_t ts_val;
    uint32_t ts_ecr;
    int cookie_len; /* Fast Open, RFC 7413 4.1.1: -1 absent, 0 a request */
    uint8_t cookie[SEGMENT_COOKIE_MAX];
    int user_timeout; /* the 16 bits of RFC 5482 3.3; -1: absent */
    size_t len;       /* of them all */
    char order[96];   /* "mss,nop,wscale", as they stood */
};

struct segment {
    usec sent;
    uint32_t src; /* IPv4 addresses in host order */
    uint32_t dst;
    uint16_t src_port;
    uint16_t dst_port;
    uint32_t seq;
    uint32_t ack;
    unsigned flags;
    uint16_t window; /* the field, not scaled */
    uint16_t urgent;
    uint8_t tos;
    bool df;     /* of one that was sent by the stack */
    uint8_t ttl; /* likewise */
    struct segment_options options;
    const uint8_t *payload;
    size_t len;

    /* Of a segment to be made wrong on purpose. */
    const uint8_t *raw_options; /* instead of `options` */
    size_t raw_options_len;
    unsigned data_offset; /* in words; 0: the right one */
    unsigned reserved;    /* the four bits after it */
    bool bad_checksum;
};

extern const struct segment_options segment_no_options;

/*
 * Takes a packet apart as strictly as RFC 9293 3.1 and RFC 1122 allow a sender
 * to be taken: lengths, both checksums, reserved bits, options that are known,
 * well formed and where they belong, padding of zeroes, fields that must be
 * zero without their flag. NULL, or what is wrong; `out` then holds what was
 * read so far. A `partial` checksum covers the pseudo header only (offload).
 */
const char *segment_parse(const uint8_t *packet, size_t len, bool partial,
                          struct segment *out);

/* Makes the packet; its length. */
size_t segment_emit(const struct segment *segment,
                    uint8_t packet[static SEGMENT_PACKET_MAX]);

/* Its ECN field. */
static inline unsigned segment_ecn(const struct segment *segment)
{
    return segment->tos & CE;
}

/* The Internet checksum's sum, RFC 1071 4.1, not yet folded. */
uint32_t segment_sum(uint32_t sum, const uint8_t *bytes, size_t len);
uint16_t segment_fold(uint32_t sum);

#endif
