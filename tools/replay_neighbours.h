/*
 * How the captured host reached each of those that it sent to: what its route
 * and neighbour tables must have held.
 */
#ifndef TAPIR_TOOLS_REPLAY_NEIGHBOURS_H
#define TAPIR_TOOLS_REPLAY_NEIGHBOURS_H

#include "replay_load.h"

#include "base/hash.h"

struct replay_neighbour {
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
    struct replay_neighbour *next; /* in the order in which they appear */
};

struct replay_neighbours {
    struct memory *memory;
    struct hash_table table;
    struct replay_neighbour *first, **last;
};

/* Looks through the capture. -ENOBUFS; to be ended even then. */
MUST_CHECK int replay_neighbours_init(struct replay_neighbours *neighbours,
                                      struct memory *memory,
                                      const struct replay_capture *capture);
void replay_neighbours_fini(struct replay_neighbours *neighbours);

/* NULL: it has not been seen. */
struct replay_neighbour *
replay_neighbour_find(const struct replay_neighbours *neighbours,
                      const struct ip_addr *addr);
/* The one that is asked for by ARP where a packet goes to `addr`; NULL. */
struct replay_neighbour *
replay_next_hop(const struct replay_neighbours *neighbours,
                const struct ip_addr *addr);

/*
 * Whether a request of the host's is one that the stack makes, too: not to ask
 * an old neighbour again, nor to announce itself.
 */
bool replay_is_question(const struct replay_neighbours *neighbours,
                        const struct replay_record *record);

#endif
