#include "ip/pmtu.h"

#include <errno.h>

struct entry {
    struct hash_node node;
    struct list age_node;
    struct ip_addr dst;
    usec until;
    unsigned mtu;
};

static uint32_t hash_of(const struct pmtu *pmtu, const struct ip_addr *dst)
{
    return (uint32_t)hash_bytes(&pmtu->key,
                                bytes_of(dst->octet, sizeof(dst->octet)));
}

static struct entry *find_entry(const struct pmtu *pmtu,
                                const struct ip_addr *dst)
{
    struct hash_node *node = NULL;

    if (pmtu->table.entry_count > 0) /* almost never */
        node = hash_table_first(&pmtu->table, hash_of(pmtu, dst));
    for (; node != NULL; node = hash_table_next(node)) {
        struct entry *entry = container_of(node, struct entry, node);

        if (ip_addr_equal(&entry->dst, dst))
            return entry;
    }
    return NULL;
}

static void destroy(struct pmtu *pmtu, struct entry *entry)
{
    hash_table_remove(&pmtu->table, &entry->node);
    list_remove(&entry->age_node);
    memory_free(pmtu->env->memory, entry, sizeof(*entry));
}

/* Entries live equally long, so the oldest is the next to end. */
static void make_room(struct pmtu *pmtu)
{
    while (!list_is_empty(&pmtu->oldest_first)) {
        struct entry *oldest =
            container_of(pmtu->oldest_first.next, struct entry, age_node);

        if (oldest->until > pmtu->env->now &&
            pmtu->table.entry_count < pmtu->config.max_entries)
            return;
        destroy(pmtu, oldest);
    }
}

static struct entry *create(struct pmtu *pmtu, const struct ip_addr *dst)
{
    struct entry *entry;

    make_room(pmtu);
    entry = memory_alloc(pmtu->env->memory, sizeof(*entry));
    if (entry == NULL)
        return NULL;
    entry->dst = *dst;
    entry->mtu = UINT32_MAX;
    list_init(&entry->age_node);
    hash_table_insert(&pmtu->table, pmtu->env->memory, &entry->node,
                      hash_of(pmtu, dst));
    return entry;
}

void pmtu_lower(struct pmtu *pmtu, const struct ip_addr *dst, unsigned mtu)
{
    struct entry *entry = find_entry(pmtu, dst);

    mtu = max_u32(mtu, PMTU_FLOOR);
    if (entry != NULL && entry->until <= pmtu->env->now)
        entry->mtu = UINT32_MAX; /* forgotten */
    if (entry == NULL)
        entry = create(pmtu, dst);
    if (entry == NULL)
        return;
    entry->mtu = min_u32(entry->mtu, mtu);
    entry->until = pmtu->env->now + pmtu->config.age;
    list_remove(&entry->age_node);
    list_append(&pmtu->oldest_first, &entry->age_node);
    pmtu->generation++;
}

unsigned pmtu_find(const struct pmtu *pmtu, const struct ip_addr *dst,
                   usec *until)
{
    const struct entry *entry = find_entry(pmtu, dst);
    bool known = entry != NULL && entry->until > pmtu->env->now;

    if (until != NULL)
        *until = known ? entry->until : USEC_NEVER;
    return known ? entry->mtu : 0;
}

unsigned pmtu_plateau_below(unsigned len)
{
    static const uint16_t plateaus[] = {65535, 32000, 17914, 8166, 4352, 2002,
                                        1492,  1006,  508,   296,  68};

    for (size_t i = 0; i < ARRAY_LENGTH(plateaus); i++)
        if (plateaus[i] < len)
            return plateaus[i];
    return plateaus[ARRAY_LENGTH(plateaus) - 1];
}

struct pmtu_config pmtu_config_default(void)
{
    return (struct pmtu_config){.max_entries = 4096, .age = 600 * USEC_PER_SEC};
}

int pmtu_init(struct pmtu *pmtu, struct env *env,
              const struct pmtu_config *config)
{
    *pmtu = (struct pmtu){
        .env = env, .config = *config, .key = random_key(&env->random)};
    list_init(&pmtu->oldest_first);
    return hash_table_init(&pmtu->table, env->memory);
}

void pmtu_fini(struct pmtu *pmtu)
{
    while (!list_is_empty(&pmtu->oldest_first))
        destroy(pmtu,
                container_of(pmtu->oldest_first.next, struct entry, age_node));
    hash_table_fini(&pmtu->table, pmtu->env->memory);
}
