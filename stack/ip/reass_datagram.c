/*
 * The datagrams of reassembly: found by what their fragments have in common
 * (RFC 791 3.2), bounded in number, bytes and time (RFC 1122 3.3.2).
 */
#include "ip/reass_datagram.h"

enum {
    BUFFER_MIN = 2048,
    KEY_LEN = 16 + 16 + 1 + 2 /* source, destination, protocol, ID */
};

static size_t datagram_size(const struct ip_reass *reass)
{
    return sizeof(struct datagram) +
           (reass->config.max_fragments + 1) * sizeof(struct hole);
}

void reass_free_buffer(struct datagram *datagram)
{
    struct ip_reass *reass = datagram->reass;

    memory_free(reass->env->memory, datagram->buffer, datagram->buffer_size);
    reass->bytes -= datagram->buffer_size;
    datagram->buffer = NULL;
    datagram->buffer_size = 0;
}

static void free_datagram(struct datagram *datagram)
{
    struct ip_reass *reass = datagram->reass;

    list_remove(&datagram->by_age);
    reass_free_buffer(datagram);
    reass->bytes -= datagram_size(reass);
    memory_free(reass->env->memory, datagram, datagram_size(reass));
}

void reass_lend(struct datagram *datagram)
{
    struct ip_reass *reass = datagram->reass;

    timer_disarm(&reass->env->timers, &datagram->timer);
    hash_table_remove(&reass->datagrams, &datagram->node);
    reass->count--;
    list_remove(&datagram->by_age);
    list_append(&reass->lent, &datagram->by_age);
}

static void give_up(struct datagram *datagram)
{
    reass_lend(datagram);
    free_datagram(datagram);
}

/* What was poisoned was counted when it happened. */
static void fail(const struct datagram *datagram, enum drop_reason why)
{
    if (datagram->is_poisoned)
        return;
    datagram->reass->fails++;
    env_drop(datagram->reass->env, why, NULL);
}

/* The oldest other than `keep` gives way. False when there is none. */
static bool evict(struct ip_reass *reass, const struct datagram *keep)
{
    struct list *oldest = reass->by_age.next;

    if (keep && oldest == &keep->by_age)
        oldest = oldest->next;
    if (oldest == &reass->by_age)
        return false;
    fail(container_of(oldest, struct datagram, by_age), DROP_FRAG_LIMIT);
    give_up(container_of(oldest, struct datagram, by_age));
    return true;
}

/* Whether `size` bytes more may be used; older datagrams give way for them. */
static bool make_room(struct ip_reass *reass, size_t size,
                      const struct datagram *keep)
{
    while (reass->bytes + size > reass->config.max_bytes)
        if (!evict(reass, keep))
            return false;
    return true;
}

bool reass_grow_buffer(struct datagram *datagram, size_t end)
{
    struct ip_reass *reass = datagram->reass;
    size_t old = datagram->buffer_size;
    size_t size = old ? old : BUFFER_MIN;

    if (IP_HEADER_MAX + end <= old)
        return true;
    while (size < IP_HEADER_MAX + end)
        size *= 2;
    size = min_size(size, REASS_BUFFER_MAX);
    if (!make_room(reass, size - old, datagram))
        return false;

    uint8_t *grown =
        memory_resize(reass->env->memory, datagram->buffer, old, size);

    if (!grown)
        return false;
    reass->bytes += size - old;
    datagram->buffer = grown;
    datagram->buffer_size = size;
    return true;
}

static uint32_t hash_of(const struct ip_reass *reass,
                        const struct ip_header *header)
{
    uint8_t key[KEY_LEN];

    memcpy(key, header->src.octet, 16);
    memcpy(key + 16, header->dst.octet, 16);
    key[32] = header->protocol;
    put_be16(key + 33, header->id);
    return (uint32_t)hash_bytes(&reass->key, bytes_of(key, sizeof(key)));
}

struct datagram *reass_find(const struct ip_reass *reass,
                            const struct ip_header *header)
{
    struct hash_node *node =
        hash_table_first(&reass->datagrams, hash_of(reass, header));

    for (; node; node = hash_table_next(node)) {
        struct datagram *datagram = container_of(node, struct datagram, node);

        if (datagram->id == header->id &&
            datagram->protocol == header->protocol &&
            ip_addr_equal(&datagram->src, &header->src) &&
            ip_addr_equal(&datagram->dst, &header->dst))
            return datagram;
    }
    return NULL;
}

/*
 * RFC 1122 3.3.2: the time is fixed from the first fragment to arrive, and no
 * later one lengthens it. Its sender hears of it if it can be told for what.
 */
static void datagram_timer_fires(struct timer *timer)
{
    struct datagram *datagram = container_of(timer, struct datagram, timer);
    struct ip_reass *reass = datagram->reass;

    fail(datagram, DROP_FRAG_TIMEOUT);
    reass_lend(datagram);
    if (datagram->is_poisoned || datagram->first_len == 0 || !reass->timed_out)
        return;

    size_t front = IP_HEADER_MAX - datagram->header_len;

    reass->timed_out(reass->timed_out_context, datagram->iface,
                     bytes_of(datagram->buffer + front, datagram->first_len));
}

static void init_datagram(struct datagram *datagram, struct ip_reass *reass,
                          struct iface *iface, const struct ip_header *header)
{
    datagram->reass = reass;
    datagram->iface = iface;
    datagram->src = header->src;
    datagram->dst = header->dst;
    datagram->id = header->id;
    datagram->protocol = header->protocol;
    datagram->hole_count = 1; /* RFC 815 3: one hole, from 0 to infinity */
    datagram->holes[0] = (struct hole){.begin = 0, .end = REASS_NO_END};
}

struct datagram *reass_create(struct ip_reass *reass, struct iface *iface,
                              const struct ip_header *header)
{
    size_t size = datagram_size(reass);

    if (reass->count >= reass->config.max_datagrams && !evict(reass, NULL))
        return NULL;
    if (!make_room(reass, size, NULL))
        return NULL;

    struct datagram *datagram = memory_alloc(reass->env->memory, size);

    if (!datagram)
        return NULL;
    init_datagram(datagram, reass, iface, header);
    reass->bytes += size;
    reass->count++;
    list_init(&datagram->by_age);
    list_append(&reass->by_age, &datagram->by_age);
    hash_table_insert(&reass->datagrams, reass->env->memory, &datagram->node,
                      hash_of(reass, header));
    timer_init(&datagram->timer, datagram_timer_fires);
    timer_arm(&reass->env->timers, &datagram->timer,
              reass->env->now + reass->config.timeout);
    return datagram;
}

/*
 * 128 fragments: 65,535 bytes from a sender whose MTU is 576. 30 s as in
 * Linux, where RFC 1122 3.3.2 has 60 to 120: what is late by more has long
 * been sent again, and the memory is somebody else's.
 */
struct ip_reass_config ip_reass_config_default(void)
{
    return (struct ip_reass_config){
        .max_bytes = 4 << 20,
        .max_datagrams = 256,
        .max_fragments = 128,
        .timeout = 30 * USEC_PER_SEC,
    };
}

int ip_reass_init(struct ip_reass *reass, struct env *env,
                  const struct ip_reass_config *config)
{
    *reass = (struct ip_reass){
        .env = env,
        .config = *config,
        .key = random_key(&env->random),
    };
    list_init(&reass->by_age);
    list_init(&reass->lent);
    return hash_table_init(&reass->datagrams, env->memory);
}

void ip_reass_flush(struct ip_reass *reass)
{
    while (!list_is_empty(&reass->lent))
        free_datagram(container_of(reass->lent.next, struct datagram, by_age));
}

void ip_reass_fini(struct ip_reass *reass)
{
    while (!list_is_empty(&reass->by_age))
        give_up(container_of(reass->by_age.next, struct datagram, by_age));
    ip_reass_flush(reass);
    hash_table_fini(&reass->datagrams, reass->env->memory);
}
