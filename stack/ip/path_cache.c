/*
 * The cache of paths: see path_cache.h. Its hash has no key: whoever finds
 * destinations that share a place makes us look up the route each time, which
 * is what we would do without a cache.
 */
#include "ip/path_cache.h"

static unsigned place_of(const struct path_key *key)
{
    uint32_t ends = get_be32(key->dst.octet + 12) ^
                    get_be32(key->src.octet + 12) ^ key->scope;

    return ends * 2654435761u /* 2^32 by the golden ratio */ >> 16 &
           (PATH_CACHE_SIZE - 1);
}

static bool is_same(const struct path_key *a, const struct path_key *b)
{
    return ip_addr_equal(&a->dst, &b->dst) && ip_addr_equal(&a->src, &b->src) &&
           a->scope == b->scope;
}

const struct ip_path *path_cache_find(const struct path_cache *cache,
                                      uint32_t version,
                                      const struct path_key *key)
{
    const struct path_cache_entry *entry = &cache->entries[place_of(key)];

    return cache->version == version && entry->path.iface != NULL &&
                   is_same(&entry->key, key)
               ? &entry->path
               : NULL;
}

void path_cache_put(struct path_cache *cache, uint32_t version,
                    const struct path_key *key, const struct ip_path *path)
{
    if (cache->version != version)
        *cache = (struct path_cache){.version = version};
    cache->entries[place_of(key)] =
        (struct path_cache_entry){.key = *key, .path = *path};
}
