/*
 * Reassembly, RFC 791 3.2 by the holes of RFC 815. A datagram with fragments
 * that overlap is dropped whole, what is still to come of it included, as
 * RFC 5722 argues. Memory and time are bounded.
 */
#ifndef TAPIR_IP_REASS_H
#define TAPIR_IP_REASS_H

#include "base/env.h"

struct ip_header;

struct ip_reass_config {
    size_t max_bytes;       /* of all datagrams together */
    unsigned max_datagrams; /* the oldest gives way */
    unsigned max_fragments; /* of one datagram */
    usec timeout;           /* RFC 1122 3.3.2: 60 s; 30 s as in Linux */
};

/*
 * Told when time runs out and the first fragment has come (RFC 792): that
 * fragment from its IP header on. Its bytes stay until ip_reass_flush.
 */
typedef void reass_timeout_fn(void *context, struct iface *iface,
                              struct bytes first_fragment);

struct ip_reass {
    struct env *env;
    struct ip_reass_config config;
    reass_timeout_fn *timed_out; /* set by stack.c */
    void *timed_out_context;
    struct hash_key key;
    struct hash_table datagrams;
    struct list by_age;
    unsigned count;
    size_t bytes;
    struct list lent; /* datagrams handed up: until ip_reass_flush */
    uint64_t fails;   /* given up, for ipReasmFails */
};

struct ip_reass_config ip_reass_config_default(void);
MUST_CHECK int ip_reass_init(struct ip_reass *reass, struct env *env,
                             const struct ip_reass_config *config);
void ip_reass_fini(struct ip_reass *reass);

/*
 * Takes in a fragment, whose frame stands at its payload and whose IP header
 * is `header_bytes`. 1: the datagram is whole; `out` is its IP header (of the
 * first fragment, lengths and fragment fields made those of the whole) and
 * payload, contiguous, valid until ip_reass_flush. 0: kept, or dropped with a
 * reason.
 */
MUST_CHECK int ip_reass_input(struct ip_reass *reass, const struct frame *frame,
                              const struct ip_header *header,
                              struct bytes header_bytes, struct bytes *out);

/* The pass has ended with the devices' flush: what was lent is given back. */
void ip_reass_flush(struct ip_reass *reass);

#endif
