/*
 * What each congestion control reaches in each cell of the bad links: the
 * table that test_links prints, and holds the stack to.
 */
#ifndef TAPIR_TESTS_SIM_LINKS_REACHED_H
#define TAPIR_TESTS_SIM_LINKS_REACHED_H

struct links_cell {
    unsigned rate_mbit;
    unsigned rtt_ms;
    const char *impairment; /* as in netdev/faults.h, or "none" */
    double queue_bdp;       /* bandwidth-delay products */
};

struct links_reached {
    struct links_cell cell;
    const char *congestion;
    double mbit;   /* goodput, Mbit/s */
    double resent; /* % of all bytes sent */
};

extern const struct links_reached links_reached[];
extern const unsigned links_reached_count;

#endif
