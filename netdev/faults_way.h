/*
 * One way through a faulty network: packets are put in as they come, and taken
 * out when they are due. faults.h puts a pair of these around a device; `tapir
 * wire` between two.
 */
#ifndef TAPIR_NETDEV_FAULTS_WAY_H
#define TAPIR_NETDEV_FAULTS_WAY_H

#include "netdev/bottleneck.h"
#include "netdev/faults.h"
#include "netdev/queue.h"

/* A chance out of 2^32, which is certainty. */
typedef uint64_t chance;

struct faults_way {
    struct faults faults;
    struct faults_counts counts;
    struct random random;
    struct bottleneck link;
    bool in_burst; /* Gilbert's bad state, in which all is lost */
    chance burst_begins;
    chance burst_ends;
    struct packet_queue queue;
    struct list held; /* of those in the queue: to be overtaken by a number */
    usec last_due;    /* of the packets that keep the order */
    usec late_after;  /* counted as late if more; the owner may set it */
};

void faults_way_init(struct faults_way *way, struct memory *memory,
                     const struct faults *faults, struct hash_key seed);
/* For packets that come from now on; the others stay on their way. */
void faults_way_change(struct faults_way *way, usec now,
                       const struct faults *faults);
void faults_way_fini(struct faults_way *way);

/* A frame comes. It is made whole first, and each packet treated by itself. */
void faults_way_put(struct faults_way *way, enum netdev_type type, usec now,
                    const struct frame *frame);

/*
 * The next packet that is due, as an input frame that stays valid until
 * faults_way_release. False when there is none.
 */
MUST_CHECK bool faults_way_take(struct faults_way *way, usec now,
                                struct frame *frame);
void faults_way_release(struct faults_way *way);

/* When the next packet is due; USEC_NEVER. */
usec faults_way_due(const struct faults_way *way);

#endif
