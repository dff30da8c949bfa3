#include "plot_outstanding.h"

#include "plot_array.h"

#include <string.h>

void plot_outstanding_fini(struct plot_outstanding *outstanding)
{
    free(outstanding->waiting);
}

/* What is gone makes room once it is half of all. */
static void close_up(struct plot_outstanding *outstanding)
{
    size_t left = outstanding->count - outstanding->from;

    if (outstanding->from < left)
        return;
    if (left > 0)
        memmove(outstanding->waiting, outstanding->waiting + outstanding->from,
                left * sizeof(*outstanding->waiting));
    outstanding->from = 0;
    outstanding->count = left;
}

void plot_outstanding_acked(struct plot_outstanding *outstanding, int64_t ack)
{
    while (outstanding->from < outstanding->count &&
           outstanding->waiting[outstanding->from].end <= ack) {
        outstanding->from++;
        outstanding->looks++;
    }
    close_up(outstanding);
}

/* The first that ends behind `seq`: nearly always new text, which is last. */
static size_t first_behind(struct plot_outstanding *outstanding, int64_t seq)
{
    size_t low = outstanding->from;
    size_t high = outstanding->count;

    if (low == high || outstanding->waiting[high - 1].end <= seq)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        outstanding->looks++;
        if (outstanding->waiting[middle].end <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t plot_outstanding_find(struct plot_outstanding *outstanding, int64_t seq,
                             int64_t end, size_t *to)
{
    size_t at = first_behind(outstanding, seq);

    *to = at;
    while (*to < outstanding->count && outstanding->waiting[*to].seq < end) {
        ++*to;
        outstanding->looks++;
    }
    return at;
}

int plot_outstanding_sent(struct plot_outstanding *outstanding, size_t at,
                          size_t to, const struct plot_waiting *sent)
{
    struct plot_waiting *larger =
        plot_array_grow(outstanding->waiting, outstanding->count,
                        &outstanding->room, sizeof(*sent));

    if (larger == NULL)
        return -ENOMEM;
    outstanding->waiting = larger;
    memmove(larger + at + 1, larger + to,
            (outstanding->count - to) * sizeof(*sent));
    larger[at] = *sent;
    outstanding->count += at + 1 - to;
    return 0;
}
