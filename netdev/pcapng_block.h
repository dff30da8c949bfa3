/*
 * Blocks of a pcapng file, draft-ietf-opsawg-pcapng, written into a buffer of
 * the caller's: no file, no device, no clock. A capture is a section header,
 * an interface for each device, then packets, and statistics now and then.
 * Blocks have the byte order that their section header tells; here it is
 * network order on every machine, so that the same run gives the same file.
 *
 * Each function returns the block's length, a multiple of 4, or 0 if `room`
 * does not hold it. Times are wall-clock time in microseconds.
 */
#ifndef TAPIR_NETDEV_PCAPNG_BLOCK_H
#define TAPIR_NETDEV_PCAPNG_BLOCK_H

#include "base/bytes.h"
#include "base/usec.h"

enum {
    PCAPNG_TEXT_MAX = 1024,  /* what is longer is cut off: names, comments */
    PCAPNG_PACKET_DATA = 28, /* where in its block a packet's bytes begin */
    /* Room for any block around its packet's bytes and one comment. */
    PCAPNG_BLOCK_MAX = 256 + PCAPNG_TEXT_MAX
};

enum pcapng_linktype {
    PCAPNG_LINKTYPE_ETHERNET = 1,
    PCAPNG_LINKTYPE_RAW = 101 /* bare IP packets */
};

/* The first block. `application`: who writes it. */
MUST_CHECK size_t pcapng_put_section(uint8_t *to, size_t room,
                                     const char *application);

/* The first one has number 0 in what follows, the next one 1. */
struct pcapng_interface {
    enum pcapng_linktype linktype;
    uint32_t snaplen;
    const char *name; /* or NULL */
};
MUST_CHECK size_t pcapng_put_interface(uint8_t *to, size_t room,
                                       const struct pcapng_interface *from);

/* Section 4.3.1, of epb_flags; seen from the stack. */
enum pcapng_direction {
    PCAPNG_DIRECTION_UNKNOWN = 0,
    PCAPNG_INBOUND = 1,
    PCAPNG_OUTBOUND = 2
};

struct pcapng_packet {
    uint32_t interface;
    usec at;
    enum pcapng_direction direction;
    struct bytes data;
    uint32_t original_len; /* as it was before the capture cut it */
    const char *comment;   /* NULL, or empty: none */
};
MUST_CHECK size_t pcapng_put_packet(uint8_t *to, size_t room,
                                    const struct pcapng_packet *from);

/* Section 4.6; the counters since `start`. */
struct pcapng_statistics {
    uint32_t interface;
    usec at;
    usec start;
    uint64_t received; /* isb_ifrecv */
    uint64_t missed;   /* isb_ifdrop: before anybody saw them */
    uint64_t dropped;  /* isb_osdrop: by the stack, with a reason */
    const char *comment;
};
MUST_CHECK size_t pcapng_put_statistics(uint8_t *to, size_t room,
                                        const struct pcapng_statistics *from);

#endif
