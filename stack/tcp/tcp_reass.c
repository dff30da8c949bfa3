#include "tcp/tcp_reass.h"

#include <errno.h>
#include <string.h>

enum { REASS_RANGES_MIN = 4 };

void reass_init(struct reass *reass)
{
    *reass = (struct reass){.ranges = NULL};
}

void reass_fini(struct reass *reass, struct memory *memory)
{
    memory_free(memory, reass->ranges,
                reass->capacity * sizeof(*reass->ranges));
    reass_init(reass);
}

static int grow(struct reass *reass, struct memory *memory)
{
    uint16_t capacity = reass->capacity != 0 ? (uint16_t)(reass->capacity * 2)
                                             : (uint16_t)REASS_RANGES_MIN;
    struct reass_range *ranges;

    if (reass->capacity == REASS_RANGES_MAX)
        return -ENOBUFS;
    ranges =
        memory_resize(memory, reass->ranges, reass->capacity * sizeof(*ranges),
                      capacity * sizeof(*ranges));
    if (ranges == NULL)
        return -ENOBUFS;
    reass->ranges = ranges;
    reass->capacity = capacity;
    return 0;
}

static void remove_ranges(struct reass *reass, uint16_t at, uint16_t count)
{
    if (count == 0) /* there may be no memory behind it at all */
        return;
    memmove(reass->ranges + at, reass->ranges + at + count,
            (size_t)(reass->count - at - count) * sizeof(*reass->ranges));
    reass->count = (uint16_t)(reass->count - count);
}

/* The first range that ends at or after `start`. From the back: segments
 * that follow each other extend the last range. */
static uint16_t find_place(const struct reass *reass, tcp_seq start)
{
    uint16_t at = reass->count;

    while (at > 0 && seq_leq(start, reass->ranges[at - 1].end))
        at--;
    return at;
}

static int insert_range(struct reass *reass, struct memory *memory, uint16_t at,
                        struct reass_range range)
{
    if (reass->count == reass->capacity && grow(reass, memory) < 0)
        return -ENOBUFS;
    memmove(reass->ranges + at + 1, reass->ranges + at,
            (size_t)(reass->count - at) * sizeof(*reass->ranges));
    reass->ranges[at] = range;
    reass->count++;
    return 0;
}

int reass_add(struct reass *reass, struct memory *memory, tcp_seq start,
              tcp_seq end)
{
    uint16_t at = find_place(reass, start);
    uint16_t touched = 0;
    struct reass_range range = {.start = start, .end = end};

    while (at + touched < reass->count &&
           seq_leq(reass->ranges[at + touched].start, end)) {
        range.start = seq_min(range.start, reass->ranges[at + touched].start);
        range.end = seq_max(range.end, reass->ranges[at + touched].end);
        touched++;
    }
    if (touched == 0)
        return insert_range(reass, memory, at, range);
    reass->ranges[at] = range;
    remove_ranges(reass, (uint16_t)(at + 1), (uint16_t)(touched - 1));
    return 0;
}

const struct reass_range *reass_range_at(const struct reass *reass, tcp_seq seq)
{
    uint16_t low = 0;
    uint16_t high = reass->count;

    while (low < high) {
        uint16_t middle = (uint16_t)((low + high) / 2);

        if (seq_gt(reass->ranges[middle].end, seq))
            high = middle;
        else
            low = (uint16_t)(middle + 1);
    }
    if (low == reass->count || seq_lt(seq, reass->ranges[low].start))
        return NULL;
    return &reass->ranges[low];
}

tcp_seq reass_advance(struct reass *reass, struct memory *memory,
                      tcp_seq rcv_nxt)
{
    uint16_t used = 0;

    while (used < reass->count && seq_leq(reass->ranges[used].start, rcv_nxt)) {
        rcv_nxt = seq_max(rcv_nxt, reass->ranges[used].end);
        used++;
    }
    remove_ranges(reass, 0, used);
    if (reass->count == 0)
        reass_fini(reass, memory);
    return rcv_nxt;
}
