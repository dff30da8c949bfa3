/*
 * A destination whose station ARP has told of in time is one that the stack
 * finds out by itself. One whose packets went to the station of another address
 * is behind that gateway. All others were known before the capture began, and
 * are given to the stack.
 */
#include "rerun_neighbours.h"

#include "link/arp.h"
#include "link/eth.h"

#include <errno.h>

/* Nobody chooses addresses against a tool that one person runs once. */
static const struct hash_key key = {.k0 = 1, .k1 = 2};

static uint32_t hash_of(const struct ip_addr *addr)
{
    return (uint32_t)hash_bytes(&key, bytes_of(addr, sizeof(*addr)));
}

struct rerun_neighbour *
rerun_neighbour_find(const struct rerun_neighbours *neighbours,
                     const struct ip_addr *addr)
{
    struct hash_node *node =
        hash_table_first(&neighbours->table, hash_of(addr));

    for (; node != NULL; node = hash_table_next(node)) {
        struct rerun_neighbour *neighbour =
            container_of(node, struct rerun_neighbour, node);

        if (ip_addr_equal(&neighbour->addr, addr))
            return neighbour;
    }
    return NULL;
}

/* NULL: no memory. */
static struct rerun_neighbour *get(struct rerun_neighbours *neighbours,
                                   const struct ip_addr *addr)
{
    struct rerun_neighbour *neighbour = rerun_neighbour_find(neighbours, addr);

    if (neighbour != NULL)
        return neighbour;
    neighbour = memory_alloc(neighbours->memory, sizeof(*neighbour));
    if (neighbour == NULL)
        return NULL;
    neighbour->addr = *addr;
    neighbour->gateway = IP_ADDR_ANY_V4;
    hash_table_insert(&neighbours->table, neighbours->memory, &neighbour->node,
                      hash_of(addr));
    *neighbours->last = neighbour;
    neighbours->last = &neighbour->next;
    return neighbour;
}

static const uint8_t *arp_of(const struct rerun_record *record)
{
    return record->frame + ETH_HEADER_LEN;
}

/* What the host learns from it: RFC 826. */
static int hear(struct rerun_neighbours *neighbours, size_t at,
                const struct rerun_record *record)
{
    struct rerun_neighbour *neighbour =
        get(neighbours, &record->packet.src.addr);

    if (neighbour == NULL)
        return -ENOBUFS;
    if (neighbour->is_said)
        return 0;
    neighbour->is_said = true;
    neighbour->said_at = at;
    neighbour->said = mac_addr_read(arp_of(record) + ARP_SENDER_MAC);
    return 0;
}

/* The host sends a packet to a station. */
static int use(struct rerun_neighbours *neighbours, size_t at,
               const struct rerun_record *record)
{
    struct mac_addr dst = mac_addr_read(record->frame + ETH_DST);
    struct rerun_neighbour *neighbour;

    if (mac_addr_is_multicast(&dst))
        return 0;
    neighbour = get(neighbours, &record->packet.dst.addr);
    if (neighbour == NULL)
        return -ENOBUFS;
    if (neighbour->is_used)
        return 0;
    neighbour->is_used = true;
    neighbour->used = dst;
    neighbour->used_at = at;
    neighbour->is_given = !neighbour->is_said || neighbour->said_at > at ||
                          !mac_addr_equal(&neighbour->said, &dst);
    return 0;
}

static struct rerun_neighbour *owner_of(struct rerun_neighbours *neighbours,
                                        const struct mac_addr *mac)
{
    struct rerun_neighbour *at = neighbours->first;

    while (at != NULL && !(at->is_said && mac_addr_equal(&at->said, mac)))
        at = at->next;
    return at;
}

static void find_gateways(struct rerun_neighbours *neighbours)
{
    for (struct rerun_neighbour *at = neighbours->first; at != NULL;
         at = at->next) {
        struct rerun_neighbour *owner;

        if (!at->is_used || at->is_said)
            continue;
        owner = owner_of(neighbours, &at->used);
        if (owner == NULL)
            continue;
        at->gateway = owner->addr;
        at->is_given = false;
        if (owner->said_at > at->used_at && !owner->is_used) {
            owner->is_given = true;
            owner->used = owner->said;
        }
    }
}

static int look_at(struct rerun_neighbours *neighbours, size_t i,
                   const struct rerun_capture *capture)
{
    const struct rerun_record *record = &capture->records[i];
    const struct rerun_packet *packet = &record->packet;

    if (!record->is_parsed)
        return 0;
    if (packet->kind == RERUN_ARP)
        return record->is_ours || ip_addr_is_any(&packet->src.addr) ||
                       !ip_addr_equal(&packet->dst.addr, &capture->addr)
                   ? 0
                   : hear(neighbours, i, record);
    return record->is_ours ? use(neighbours, i, record) : 0;
}

int rerun_neighbours_init(struct rerun_neighbours *neighbours,
                          struct memory *memory,
                          const struct rerun_capture *capture)
{
    int error;

    *neighbours = (struct rerun_neighbours){.memory = memory};
    neighbours->last = &neighbours->first;
    error = hash_table_init(&neighbours->table, memory);
    if (capture->type != NETDEV_ETHERNET)
        return error;
    for (size_t i = 0; i < capture->count && error == 0; i++)
        error = look_at(neighbours, i, capture);
    find_gateways(neighbours);
    return error;
}

void rerun_neighbours_fini(struct rerun_neighbours *neighbours)
{
    struct rerun_neighbour *at = neighbours->first;

    while (at != NULL) {
        struct rerun_neighbour *next = at->next;

        memory_free(neighbours->memory, at, sizeof(*at));
        at = next;
    }
    hash_table_fini(&neighbours->table, neighbours->memory);
}

struct rerun_neighbour *
rerun_next_hop(const struct rerun_neighbours *neighbours,
               const struct ip_addr *addr)
{
    struct rerun_neighbour *neighbour = NULL;

    if (neighbours->table.entry_count > 0)
        neighbour = rerun_neighbour_find(neighbours, addr);
    if (neighbour == NULL || ip_addr_is_any(&neighbour->gateway))
        return neighbour;
    return rerun_neighbour_find(neighbours, &neighbour->gateway);
}

bool rerun_is_question(const struct rerun_neighbours *neighbours,
                       const struct rerun_record *record)
{
    struct mac_addr dst = mac_addr_read(record->frame + ETH_DST);
    const struct rerun_packet *packet = &record->packet;
    struct rerun_neighbour *neighbour =
        rerun_neighbour_find(neighbours, &packet->dst.addr);

    if (packet->type != ARP_REQUEST || !mac_addr_is_multicast(&dst) ||
        ip_addr_equal(&packet->src.addr, &packet->dst.addr))
        return false;
    return neighbour == NULL || !neighbour->is_given;
}
