/*
 * Paths that have been found lately, so that a packet need not ask the routing
 * table again: the route cache of RFC 1122 3.3.1.2. A table with one place for
 * each hash; whoever comes later takes the place. All is forgotten when a route
 * changes, which an address of ours does, too.
 */
#ifndef TAPIR_IP_PATH_CACHE_H
#define TAPIR_IP_PATH_CACHE_H

#include "link/iface.h"

enum { PATH_CACHE_SIZE = 64 }; /* a power of two */

struct ip_path {
    struct iface *iface;
    struct ip_addr next_hop;
    struct ip_addr src;
    unsigned mtu; /* of the whole path, as far as it is known; not cached */
};

/* What is asked: as ip_path. */
struct path_key {
    struct ip_addr dst;
    struct ip_addr src;
    unsigned scope;
};

struct path_cache {
    uint32_t version; /* of the routes */
    struct path_cache_entry {
        struct path_key key;
        struct ip_path path; /* iface NULL: none */
    } entries[PATH_CACHE_SIZE];
};

/* NULL: not known, or from before `version`. */
const struct ip_path *path_cache_find(const struct path_cache *cache,
                                      uint32_t version,
                                      const struct path_key *key);
void path_cache_put(struct path_cache *cache, uint32_t version,
                    const struct path_key *key, const struct ip_path *path);

#endif
