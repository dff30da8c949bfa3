/*
 * A queue of packets that a device keeps for a while: copies, in the order in
 * which they are due, bounded in bytes. What is handed out stays valid until
 * the pass ends, as netdev.h promises.
 */
#ifndef TAPIR_NETDEV_QUEUE_H
#define TAPIR_NETDEV_QUEUE_H

#include "base/frame.h"
#include "base/list.h"
#include "base/memory.h"
#include "base/usec.h"

struct packet {
    struct list node;
    struct list held;    /* for its owner, unlinked when it is lent */
    unsigned overtakers; /* of a held one: how many are still to pass it */
    usec due;
    struct frame_offload offload; /* as if all bytes were the head */
    size_t len;
    uint8_t data[];
};

struct packet_queue {
    struct memory *memory;
    struct list waiting; /* the next that is due first */
    struct list lent;    /* handed out in this pass */
    size_t used;         /* bytes of both, with each packet's own record, so
                            that empty packets are bounded too */
    size_t limit;
};

void packet_queue_init(struct packet_queue *queue, struct memory *memory,
                       size_t limit);
void packet_queue_fini(struct packet_queue *queue);

/*
 * A packet of `len` bytes, which the caller fills in, complete and without
 * offload facts. It waits behind all that are due no later. NULL when the
 * queue is full or there is no memory.
 */
MUST_CHECK struct packet *packet_queue_add(struct packet_queue *queue,
                                           size_t len, usec due);

/* A packet that waits is due by `due`, behind all that are due no later. */
void packet_queue_hasten(struct packet_queue *queue, struct packet *packet,
                         usec due);

/*
 * The next packet that is due at `now`, as an input frame that stays valid
 * until packet_queue_release. False when there is none.
 */
MUST_CHECK bool packet_queue_lend(struct packet_queue *queue, usec now,
                                  struct frame *frame);

/* The pass ends: frees what was handed out, and that alone. */
void packet_queue_release(struct packet_queue *queue);

/* When the next packet is due; USEC_NEVER when none waits. */
usec packet_queue_due(const struct packet_queue *queue);

#endif
