/*
 * What one end has sent and nothing has acknowledged yet, in the order of its
 * sequence numbers; of what was sent again, the last time. Each segment is
 * looked at a few times altogether, however many are outstanding.
 */
#ifndef TAPIR_TOOLS_PLOT_OUTSTANDING_H
#define TAPIR_TOOLS_PLOT_OUTSTANDING_H

#include "base/bytes.h"

struct plot_waiting {
    int64_t seq;
    int64_t end;
    size_t segment; /* its number in the connection */
};

struct plot_outstanding {
    struct plot_waiting *waiting;
    size_t from; /* the first that still waits */
    size_t count;
    size_t room;
    uint64_t looks; /* at one that waits: what it has cost */
};

void plot_outstanding_fini(struct plot_outstanding *outstanding);

/* All before it is acknowledged. */
void plot_outstanding_acked(struct plot_outstanding *outstanding, int64_t ack);

/*
 * Those that overlap [seq, end) lie between the result and *to. They stay valid
 * until the next call of plot_outstanding_sent.
 */
size_t plot_outstanding_find(struct plot_outstanding *outstanding, int64_t seq,
                             int64_t end, size_t *to);

/* It was sent now, in place of those from `at` to `to`. 0, or -ENOMEM. */
MUST_CHECK int plot_outstanding_sent(struct plot_outstanding *outstanding,
                                     size_t at, size_t to,
                                     const struct plot_waiting *sent);

#endif
