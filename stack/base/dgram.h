/*
 * A queue of received datagrams, for sockets that keep message boundaries.
 * Bounded in bytes, each datagram's own record counted in, so that empty
 * datagrams are bounded too.
 */
#ifndef TAPIR_BASE_DGRAM_H
#define TAPIR_BASE_DGRAM_H

#include "base/env.h"

struct dgram {
    struct list node;
    struct endpoint src;
    struct ip_addr dst;   /* the address it was sent to */
    unsigned iface_index; /* where it came in */
    usec arrived;
    uint32_t lost; /* of the queue, when this one came */
    uint8_t ttl;
    uint8_t tos;
    bool was_found; /* by dgram_queue_at, while it is empty */
    size_t len;
    uint8_t data[];
};

struct dgram_queue {
    struct list dgrams;
    size_t used;
    size_t limit;
    uint32_t lost; /* for which there was no room */
};

void dgram_queue_init(struct dgram_queue *queue, size_t limit);
void dgram_queue_fini(struct dgram_queue *queue, struct memory *memory);

/*
 * Copies what is left of `frame` into the queue, with the fields of `about`
 * that describe it (its node, len, lost and data are not looked at). 0,
 * -ENOBUFS, which is counted.
 */
MUST_CHECK int dgram_queue_add(struct dgram_queue *queue, struct memory *memory,
                               const struct dgram *about,
                               const struct frame *frame);

/* The oldest, still in the queue; NULL when there is none. */
const struct dgram *dgram_queue_first(const struct dgram_queue *queue);
/*
 * The one in which the byte `*offset` of all that is queued lies, which becomes
 * the offset in that one; NULL: there are not so many. An empty one has none,
 * but at 0 it is found, and where bytes lie before it, once.
 */
const struct dgram *dgram_queue_at(struct dgram_queue *queue, size_t *offset);
/* Drops the oldest, which must be there. */
void dgram_queue_remove(struct dgram_queue *queue, struct memory *memory);

#endif
