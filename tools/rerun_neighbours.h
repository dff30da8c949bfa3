/*
 * How the captured host reached each of those that it sent to: what its route
 * and neighbour tables must have held.
 */
#ifndef TAPIR_TOOLS_RERUN_NEIGHBOURS_H
#define TAPIR_TOOLS_RERUN_NEIGHBOURS_H

#include "rerun_load.h"

#include "base/hash.h"

struct rerun_neighbour {
    struct hash_node node;
    struct ip_addr addr;
    struct mac_addr used; /* the station that packets to it went to */
    struct mac_addr said; /* what ARP told of it; both zero: nothing */
    size_t said_at;       /* by this record */
    size_t used_at;
    struct ip_addr gateway; /* all zero: on the link */
    bool is_used, is_said;
    bool is_given; /* the host knew it when the capture began */
    bool is_asked; /* by the host, and nothing has been sent there since: */
    size_t asked_at;
    struct rerun_neighbour *next; /* in the order in which they appear */
};

struct rerun_neighbours {
    struct memory *memory;
    struct hash_table table;
    struct rerun_neighbour *first, **last;
};

/* Looks through the capture. -ENOBUFS; to be ended even then. */
MUST_CHECK int rerun_neighbours_init(struct rerun_neighbours *neighbours,
                                     struct memory *memory,
                                     const struct rerun_capture *capture);
void rerun_neighbours_fini(struct rerun_neighbours *neighbours);

/* NULL: it has not been seen. */
struct rerun_neighbour *
rerun_neighbour_find(const struct rerun_neighbours *neighbours,
                     const struct ip_addr *addr);
/* The one that is asked for by ARP where a packet goes to `addr`; NULL. */
struct rerun_neighbour *
rerun_next_hop(const struct rerun_neighbours *neighbours,
               const struct ip_addr *addr);

/*
 * Whether a request of the host's is one that the stack makes, too: not to ask
 * an old neighbour again, nor to announce itself.
 */
bool rerun_is_question(const struct rerun_neighbours *neighbours,
                       const struct rerun_record *record);

#endif
