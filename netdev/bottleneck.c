/*
 * The bottleneck: see bottleneck.h. Its clock counts nanoseconds, since a frame
 * of 1,514 bytes takes 12.112 us at 1 Gbit/s, and what is rounded off each time
 * would be a wrong rate.
 */
#include "netdev/bottleneck.h"

#include <assert.h>

enum { NSEC_PER_USEC = 1000 };

/* Up to 1 GB, which at the slowest rate is 8 * 10^15 ns. */
static int64_t time_to_send(const struct bottleneck *link, uint64_t bytes)
{
    return (int64_t)(bytes * 8 * UINT64_C(1000000000) / link->rate);
}

void bottleneck_init(struct bottleneck *link, uint64_t rate, uint64_t queue)
{
    assert(rate == 0 ||
           (rate >= BOTTLENECK_RATE_MIN && rate <= BOTTLENECK_RATE_MAX));
    assert(queue <= BOTTLENECK_QUEUE_MAX);
    *link = (struct bottleneck){.rate = rate};
    if (rate > 0)
        link->queue_ns = time_to_send(link, queue);
}

static uint64_t bytes_waiting(const struct bottleneck *link, int64_t now_ns)
{
    if (link->free_ns <= now_ns)
        return 0;
    return (uint64_t)(link->free_ns - now_ns) / 8 * link->rate /
           UINT64_C(1000000000);
}

void bottleneck_change(struct bottleneck *link, usec now, uint64_t rate,
                       uint64_t queue)
{
    int64_t now_ns = now * NSEC_PER_USEC;
    int64_t free_ns = link->free_ns;
    uint64_t waiting = bytes_waiting(link, now_ns);

    bottleneck_init(link, rate, queue);
    if (rate == 0 || waiting == 0)
        return;
    if (waiting < BOTTLENECK_QUEUE_MAX &&
        now_ns + time_to_send(link, waiting) < free_ns)
        free_ns = now_ns + time_to_send(link, waiting);
    link->free_ns = free_ns;
}

bool bottleneck_take(struct bottleneck *link, usec now, size_t len, usec *sent)
{
    int64_t now_ns = now * NSEC_PER_USEC;

    if (link->rate == 0) {
        *sent = now;
        return true;
    }
    if (link->free_ns <= now_ns)
        link->free_ns = now_ns;
    else if (link->queue_ns > 0 &&
             link->free_ns - now_ns + time_to_send(link, len) > link->queue_ns)
        return false;
    link->free_ns += time_to_send(link, len);
    *sent = (link->free_ns + NSEC_PER_USEC - 1) / NSEC_PER_USEC;
    return true;
}

bool bottleneck_holds_more(const struct bottleneck *link, usec now,
                           uint64_t bytes)
{
    return link->rate > 0 &&
           link->free_ns - now * NSEC_PER_USEC > time_to_send(link, bytes);
}
