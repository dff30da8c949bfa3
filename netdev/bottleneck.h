/*
 * The slow link of a path: so many bits a second, and before it a queue of so
 * many bytes, whose tail is dropped when it is full.
 */
#ifndef TAPIR_NETDEV_BOTTLENECK_H
#define TAPIR_NETDEV_BOTTLENECK_H

#include "base/bytes.h"
#include "base/usec.h"

#include <stdbool.h>

#define BOTTLENECK_RATE_MIN UINT64_C(1000) /* bit/s */
#define BOTTLENECK_RATE_MAX UINT64_C(1000000000000)
#define BOTTLENECK_QUEUE_MAX UINT64_C(1000000000) /* bytes */

struct bottleneck {
    uint64_t rate;    /* bit/s; 0: there is none */
    int64_t queue_ns; /* the queue as the time that it takes to send it; 0:
                         no limit */
    int64_t free_ns;  /* when all that was taken has been sent */
};

/* Rate and queue within the limits above, or 0. */
void bottleneck_init(struct bottleneck *link, uint64_t rate, uint64_t queue);

/*
 * Rate and queue are others from now on. What waits is so many bytes of the new
 * queue; but it is sent no later than it was to be.
 */
void bottleneck_change(struct bottleneck *link, usec now, uint64_t rate,
                       uint64_t queue);

/*
 * A packet of `len` bytes comes: when its last bit has been sent. False when
 * the queue is full. What is being sent counts as queued until it is sent; a
 * link that is idle takes any packet.
 */
MUST_CHECK bool bottleneck_take(struct bottleneck *link, usec now, size_t len,
                                usec *sent);

/* Whether more than so many bytes are waiting or being sent; a link without a
 * rate never has any. */
bool bottleneck_holds_more(const struct bottleneck *link, usec now,
                           uint64_t bytes);

#endif
