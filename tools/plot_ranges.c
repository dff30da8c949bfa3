#include "plot_ranges.h"

#include "plot_array.h"

#include <string.h>

enum { RANGES_MAX = 4096 };

/* The first range that ends at `at` or after it; most are added at the end. */
static size_t find(const struct plot_ranges *ranges, int64_t at)
{
    size_t low = 0;
    size_t high = ranges->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ranges->range[middle].to < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* So that no capture makes the work endless. */
static void fill_first_hole(struct plot_ranges *ranges)
{
    ranges->range[1].from = ranges->range[0].from;
    ranges->count--;
    memmove(ranges->range, ranges->range + 1,
            ranges->count * sizeof(*ranges->range));
}

int plot_ranges_add(struct plot_ranges *ranges, int64_t from, int64_t to)
{
    if (from >= to)
        return 0;

    size_t first = find(ranges, from);
    size_t after = first; /* [first, after) become one with it */
    while (after < ranges->count && ranges->range[after].from <= to) {
        if (ranges->range[after].from < from)
            from = ranges->range[after].from;
        if (ranges->range[after].to > to)
            to = ranges->range[after].to;
        after++;
    }

    struct plot_block *larger = plot_array_grow(ranges->range, ranges->count,
                                                &ranges->room, sizeof(*larger));
    if (larger == NULL)
        return -ENOMEM;
    ranges->range = larger;
    memmove(ranges->range + first + 1, ranges->range + after,
            (ranges->count - after) * sizeof(*ranges->range));
    ranges->range[first] = (struct plot_block){from, to};
    ranges->count = ranges->count - (after - first) + 1;
    if (ranges->count > RANGES_MAX)
        fill_first_hole(ranges);
    return 0;
}

bool plot_ranges_overlap(const struct plot_ranges *ranges, int64_t from,
                         int64_t to)
{
    size_t i = find(ranges, from + 1);

    return from < to && i < ranges->count && ranges->range[i].from < to;
}

void plot_ranges_trim(struct plot_ranges *ranges, int64_t below)
{
    size_t gone = find(ranges, below + 1);

    if (gone > 0)
        memmove(ranges->range, ranges->range + gone,
                (ranges->count - gone) * sizeof(*ranges->range));
    ranges->count -= gone;
    if (ranges->count > 0 && ranges->range[0].from < below)
        ranges->range[0].from = below;
}

int64_t plot_ranges_end(const struct plot_ranges *ranges, int64_t from)
{
    size_t i = find(ranges, from + 1);

    if (i < ranges->count && ranges->range[i].from <= from)
        return ranges->range[i].to;
    return from;
}

int64_t plot_ranges_total(const struct plot_ranges *ranges)
{
    int64_t total = 0;

    for (size_t i = 0; i < ranges->count; i++)
        total += ranges->range[i].to - ranges->range[i].from;
    return total;
}

void plot_ranges_fini(struct plot_ranges *ranges)
{
    free(ranges->range);
    *ranges = (struct plot_ranges){0};
}
