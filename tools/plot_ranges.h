/*
 * A set of octets of a stream: ranges [from, to) that do not touch each other,
 * in their order.
 */
#ifndef TAPIR_TOOLS_PLOT_RANGES_H
#define TAPIR_TOOLS_PLOT_RANGES_H

#include "plot.h"

struct plot_ranges {
    struct plot_block *range;
    size_t count;
    size_t room;
};

/* 0, or -ENOMEM. */
MUST_CHECK int plot_ranges_add(struct plot_ranges *ranges, int64_t from,
                               int64_t to);
bool plot_ranges_overlap(const struct plot_ranges *ranges, int64_t from,
                         int64_t to);
/* Forgets what is below. */
void plot_ranges_trim(struct plot_ranges *ranges, int64_t below);
/* The first octet from `from` on that is not in the set. */
int64_t plot_ranges_end(const struct plot_ranges *ranges, int64_t from);
int64_t plot_ranges_total(const struct plot_ranges *ranges);
void plot_ranges_fini(struct plot_ranges *ranges);

#endif
