/*
 * What a Fast Open client remembers of servers, RFC 7413 4.1.3: the cookie
 * that was given last and the MSS, for each pair of addresses; and that Fast
 * Open has failed at a port (4.1.3.1), so that it is left alone for a while.
 */
#ifndef TAPIR_TCP_FAST_OPEN_CACHE_H
#define TAPIR_TCP_FAST_OPEN_CACHE_H

#include "base/addr.h"
#include "base/env.h"
#include "tcp/tcp_options.h"

struct fast_open_cache {
    struct env *env;
    struct hash_key key;
    unsigned max_entries; /* the one that was used longest ago gives way */
    usec pause;           /* after a failure; doubled by each further one */
    struct hash_table table;
    struct list oldest_first;
};

/* What is known. */
struct fast_open_memory {
    struct fast_open_cookie cookie; /* its length 0: none */
    uint16_t mss;                   /* 0: not known */
    bool is_paused;                 /* at the port that was asked for */
};

MUST_CHECK int fast_open_cache_init(struct fast_open_cache *cache,
                                    struct env *env, const struct hash_key *key,
                                    unsigned max_entries, usec pause);
void fast_open_cache_fini(struct fast_open_cache *cache);

/* All zero where nothing is known. */
struct fast_open_memory
fast_open_cache_find(const struct fast_open_cache *cache,
                     const struct endpoint *local,
                     const struct endpoint *remote);

/* What a SYN,ACK has told; `cookie` NULL: no new one. Without memory it is not
 * kept. */
void fast_open_cache_learn(struct fast_open_cache *cache,
                           const struct endpoint *local,
                           const struct endpoint *remote,
                           const struct fast_open_cookie *cookie, uint16_t mss);
/* A negative response, and a positive one. */
void fast_open_cache_failed(struct fast_open_cache *cache,
                            const struct endpoint *local,
                            const struct endpoint *remote);
void fast_open_cache_worked(struct fast_open_cache *cache,
                            const struct endpoint *local,
                            const struct endpoint *remote);

#endif
