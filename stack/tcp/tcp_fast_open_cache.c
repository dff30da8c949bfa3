#include "tcp/tcp_fast_open_cache.h"

#include <string.h>

enum { DOUBLINGS_MAX = 6 };

/* The cookie is the server's, for all its ports; a failure is a port's. That
 * of one port is remembered, the one that failed last: where two do, each is
 * tried once more after the other, and nothing worse. */
struct entry {
    struct hash_node node;
    struct list age_node;
    struct ip_addr local;
    struct ip_addr remote;
    struct fast_open_cookie cookie;
    uint16_t mss;
    uint16_t failed_port; /* 0: none */
    uint8_t failures;     /* in a row */
    usec paused_until;
};

static uint32_t hash_of(const struct fast_open_cache *cache,
                        const struct endpoint *local,
                        const struct endpoint *remote)
{
    uint8_t addrs[2 * sizeof(struct ip_addr)];

    memcpy(addrs, local->addr.octet, sizeof(struct ip_addr));
    memcpy(addrs + sizeof(struct ip_addr), remote->addr.octet,
           sizeof(struct ip_addr));
    return (uint32_t)hash_bytes(&cache->key, bytes_of(addrs, sizeof(addrs)));
}

static struct entry *find_entry(const struct fast_open_cache *cache,
                                const struct endpoint *local,
                                const struct endpoint *remote)
{
    struct hash_node *node = NULL;

    if (cache->table.entry_count > 0)
        node = hash_table_first(&cache->table, hash_of(cache, local, remote));
    for (; node != NULL; node = hash_table_next(node)) {
        struct entry *entry = container_of(node, struct entry, node);

        if (ip_addr_equal(&entry->local, &local->addr) &&
            ip_addr_equal(&entry->remote, &remote->addr))
            return entry;
    }
    return NULL;
}

static void destroy(struct fast_open_cache *cache, struct entry *entry)
{
    hash_table_remove(&cache->table, &entry->node);
    list_remove(&entry->age_node);
    memory_free(cache->env->memory, entry, sizeof(*entry));
}

static struct entry *oldest(struct fast_open_cache *cache)
{
    return container_of(cache->oldest_first.next, struct entry, age_node);
}

static struct entry *create(struct fast_open_cache *cache,
                            const struct endpoint *local,
                            const struct endpoint *remote)
{
    struct entry *entry;

    if (cache->max_entries == 0)
        return NULL;
    while (cache->table.entry_count >= cache->max_entries)
        destroy(cache, oldest(cache));
    entry = memory_alloc(cache->env->memory, sizeof(*entry));
    if (entry == NULL)
        return NULL;
    entry->local = local->addr;
    entry->remote = remote->addr;
    list_init(&entry->age_node);
    hash_table_insert(&cache->table, cache->env->memory, &entry->node,
                      hash_of(cache, local, remote));
    return entry;
}

/* The youngest now; NULL without memory. */
static struct entry *use(struct fast_open_cache *cache,
                         const struct endpoint *local,
                         const struct endpoint *remote)
{
    struct entry *entry = find_entry(cache, local, remote);

    if (entry == NULL)
        entry = create(cache, local, remote);
    if (entry == NULL)
        return NULL;
    list_remove(&entry->age_node);
    list_append(&cache->oldest_first, &entry->age_node);
    return entry;
}

struct fast_open_memory
fast_open_cache_find(const struct fast_open_cache *cache,
                     const struct endpoint *local,
                     const struct endpoint *remote)
{
    const struct entry *entry = find_entry(cache, local, remote);

    if (entry == NULL)
        return (struct fast_open_memory){.mss = 0};
    return (struct fast_open_memory){
        .cookie = entry->cookie,
        .mss = entry->mss,
        .is_paused = entry->failed_port == remote->port &&
                     cache->env->now < entry->paused_until,
    };
}

void fast_open_cache_learn(struct fast_open_cache *cache,
                           const struct endpoint *local,
                           const struct endpoint *remote,
                           const struct fast_open_cookie *cookie, uint16_t mss)
{
    struct entry *entry;

    if (cookie == NULL && find_entry(cache, local, remote) == NULL)
        return; /* of no use without one */
    entry = use(cache, local, remote);
    if (entry == NULL)
        return;
    if (cookie != NULL)
        entry->cookie = *cookie;
    entry->mss = mss;
}

void fast_open_cache_failed(struct fast_open_cache *cache,
                            const struct endpoint *local,
                            const struct endpoint *remote)
{
    struct entry *entry = use(cache, local, remote);

    if (entry == NULL)
        return;
    if (entry->failed_port != remote->port)
        entry->failures = 0;
    entry->failed_port = remote->port;
    entry->paused_until =
        cache->env->now +
        (cache->pause << min_u32(entry->failures, DOUBLINGS_MAX));
    if (entry->failures < UINT8_MAX)
        entry->failures++;
}

void fast_open_cache_worked(struct fast_open_cache *cache,
                            const struct endpoint *local,
                            const struct endpoint *remote)
{
    struct entry *entry = find_entry(cache, local, remote);

    if (entry != NULL && entry->failed_port == remote->port)
        entry->failed_port = 0;
}

int fast_open_cache_init(struct fast_open_cache *cache, struct env *env,
                         const struct hash_key *key, unsigned max_entries,
                         usec pause)
{
    *cache = (struct fast_open_cache){
        .env = env, .key = *key, .max_entries = max_entries, .pause = pause};
    list_init(&cache->oldest_first);
    return hash_table_init(&cache->table, env->memory);
}

void fast_open_cache_fini(struct fast_open_cache *cache)
{
    while (!list_is_empty(&cache->oldest_first))
        destroy(cache, oldest(cache));
    hash_table_fini(&cache->table, cache->env->memory);
}
