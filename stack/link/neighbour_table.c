/*
 * The neighbour table, RFC 1122 2.3.2: bounded in entries and in the memory of
 * the packets that wait (2.3.2.2).
 */
#include "link/neighbour_table.h"

#include <errno.h>

enum { KEY_LEN = 4 + 16 };

static uint32_t hash_of(const struct arp *arp, const struct iface *iface,
                        const struct ip_addr *addr)
{
    uint8_t key[KEY_LEN];

    put_be32(key, iface->index);
    memcpy(key + 4, addr->octet, sizeof(addr->octet));
    return (uint32_t)hash_bytes(&arp->key, bytes_of(key, sizeof(key)));
}

static bool is_at(const struct neighbour *neighbour, const struct iface *iface,
                  const struct ip_addr *addr)
{
    return neighbour->iface == iface && ip_addr_equal(&neighbour->addr, addr);
}

/* The one that was used last, which mostly is asked for again; NULL: none. */
static struct neighbour *latest(const struct arp *arp)
{
    return list_is_empty(&arp->by_use)
               ? NULL
               : container_of(arp->by_use.prev, struct neighbour, by_use);
}

struct neighbour *neighbour_find(const struct arp *arp,
                                 const struct iface *iface,
                                 const struct ip_addr *addr)
{
    struct neighbour *neighbour = latest(arp);
    struct hash_node *node;

    if (neighbour && is_at(neighbour, iface, addr))
        return neighbour;
    node = hash_table_first(&arp->neighbours, hash_of(arp, iface, addr));
    for (; node; node = hash_table_next(node)) {
        neighbour = container_of(node, struct neighbour, node);
        if (is_at(neighbour, iface, addr))
            return neighbour;
    }
    return NULL;
}

static size_t packet_size(size_t len)
{
    return sizeof(struct waiting_packet) + len;
}

void waiting_packets_free(struct arp *arp, struct list *list)
{
    struct list *node;

    while ((node = list_pop(list))) {
        struct waiting_packet *packet =
            container_of(node, struct waiting_packet, node);
        size_t size = packet_size(packet->len);

        arp->queued_bytes -= size;
        memory_free(arp->env->memory, packet, size);
    }
}

void neighbour_take_packets(struct neighbour *neighbour, struct list *waiting)
{
    list_splice(waiting, &neighbour->waiting);
    neighbour->waiting_count = 0;
}

void neighbour_destroy(struct neighbour *neighbour, struct list *waiting)
{
    struct arp *arp = neighbour->arp;

    timer_disarm(&arp->env->timers, &neighbour->timer);
    neighbour_take_packets(neighbour, waiting);
    list_remove(&neighbour->by_use);
    hash_table_remove(&arp->neighbours, &neighbour->node);
    arp->count--;
    memory_free(arp->env->memory, neighbour, sizeof(*neighbour));
}

/* Makes room for one more. False when none may give way. */
static bool evict(struct arp *arp)
{
    struct list waiting;
    struct frame frame;
    struct bytes bytes;

    if (list_is_empty(&arp->by_use))
        return false;
    list_init(&waiting);
    neighbour_destroy(container_of(arp->by_use.next, struct neighbour, by_use),
                      &waiting);
    while (waiting_packet_next(arp, &waiting, &frame, &bytes))
        env_drop(arp->env, DROP_ARP_TABLE_FULL, &frame);
    return true;
}

struct neighbour *neighbour_create(struct arp *arp, struct iface *iface,
                                   const struct ip_addr *addr)
{
    if (arp->count >= arp->config.max_neighbours && !evict(arp))
        return NULL;

    struct neighbour *neighbour =
        memory_alloc(arp->env->memory, sizeof(*neighbour));

    if (!neighbour)
        return NULL;
    neighbour->arp = arp;
    neighbour->iface = iface;
    neighbour->addr = *addr;
    neighbour->state = NEIGHBOUR_INCOMPLETE;
    list_init(&neighbour->waiting);
    list_init(&neighbour->by_use);
    list_append(&arp->by_use, &neighbour->by_use);
    hash_table_insert(&arp->neighbours, arp->env->memory, &neighbour->node,
                      hash_of(arp, iface, addr));
    arp->count++;
    return neighbour;
}

void neighbour_touch(struct neighbour *neighbour)
{
    if (neighbour->state == NEIGHBOUR_PERMANENT ||
        neighbour->arp->by_use.prev == &neighbour->by_use)
        return;
    list_remove(&neighbour->by_use);
    list_append(&neighbour->arp->by_use, &neighbour->by_use);
}

void neighbour_offer(struct neighbour *neighbour)
{
    list_remove(&neighbour->by_use);
    /* Behind the last before the first: to the front. */
    list_append(neighbour->arp->by_use.next, &neighbour->by_use);
}

int neighbour_keep_packet(struct neighbour *neighbour,
                          const struct frame *frame)
{
    struct arp *arp = neighbour->arp;
    size_t len = frame_len(frame);
    size_t size = packet_size(len);

    if (neighbour->waiting_count >= arp->config.max_queued ||
        arp->queued_bytes + size > arp->config.max_queued_bytes)
        return -ENOBUFS;

    struct waiting_packet *packet =
        memory_resize(arp->env->memory, NULL, 0, size);

    if (!packet)
        return -ENOBUFS;
    packet->iface = neighbour->iface;
    packet->offload = frame->offload;
    packet->head_len = frame->head_len;
    packet->len = len;
    frame_copy(frame, 0, packet->data, len);
    list_append(&neighbour->waiting, &packet->node);
    neighbour->waiting_count++;
    arp->queued_bytes += size;
    return 0;
}

bool waiting_packet_next(struct arp *arp, struct list *waiting,
                         struct frame *frame, struct bytes *bytes)
{
    struct list *node = list_pop(waiting);

    if (!node)
        return false;

    struct waiting_packet *packet =
        container_of(node, struct waiting_packet, node);

    *bytes = bytes_of(packet->data, packet->len);
    frame_init_output(frame);
    memcpy(frame_push(frame, packet->head_len), packet->data, packet->head_len);
    frame_add_slice(frame, bytes_from(*bytes, packet->head_len));
    frame->iface = packet->iface;
    frame->offload = packet->offload;
    list_append(&arp->lent, node);
    return true;
}
