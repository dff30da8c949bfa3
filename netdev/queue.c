/*
 * Queues of packets inside a device: see queue.h.
 */
#include "netdev/queue.h"

static struct packet *packet_of(struct list *node)
{
    return container_of(node, struct packet, node);
}

static size_t packet_cost(size_t len)
{
    return sizeof(struct packet) + len;
}

static void free_all(struct packet_queue *queue, struct list *packets)
{
    struct list *node;

    while ((node = list_pop(packets)) != NULL) {
        struct packet *packet = packet_of(node);
        size_t cost = packet_cost(packet->len);

        queue->used -= cost;
        memory_free(queue->memory, packet, cost);
    }
}

/*
 * Behind all that are due no later. The search begins at the end: nearly every
 * packet belongs there, since a device keeps the order unless told otherwise.
 */
static void insert(struct packet_queue *queue, struct packet *packet)
{
    struct list *before = queue->waiting.prev;

    while (before != &queue->waiting && packet_of(before)->due > packet->due)
        before = before->prev;
    list_append(before->next, &packet->node); /* before its next */
}

void packet_queue_init(struct packet_queue *queue, struct memory *memory,
                       size_t limit)
{
    queue->memory = memory;
    list_init(&queue->waiting);
    list_init(&queue->lent);
    queue->used = 0;
    queue->limit = limit;
}

void packet_queue_fini(struct packet_queue *queue)
{
    free_all(queue, &queue->waiting);
    free_all(queue, &queue->lent);
}

struct packet *packet_queue_add(struct packet_queue *queue, size_t len,
                                usec due)
{
    size_t cost = packet_cost(len);

    if (cost > queue->limit - queue->used)
        return NULL;

    /* Not cleared: the caller fills it. */
    struct packet *packet = memory_resize(queue->memory, NULL, 0, cost);

    if (packet == NULL)
        return NULL;
    queue->used += cost;
    packet->due = due;
    packet->overtakers = 0;
    list_init(&packet->held);
    packet->offload = (struct frame_offload){0};
    packet->len = len;
    insert(queue, packet);
    return packet;
}

void packet_queue_hasten(struct packet_queue *queue, struct packet *packet,
                         usec due)
{
    if (packet->due <= due)
        return;
    list_remove(&packet->node);
    packet->due = due;
    insert(queue, packet);
}

bool packet_queue_lend(struct packet_queue *queue, usec now,
                       struct frame *frame)
{
    if (packet_queue_due(queue) > now || list_is_empty(&queue->waiting))
        return false;

    struct packet *packet = packet_of(queue->waiting.next);

    list_remove(&packet->node);
    list_remove(&packet->held);
    list_append(&queue->lent, &packet->node);
    frame_init_input(frame, NULL, packet->data, packet->len);
    frame->offload = packet->offload;
    return true;
}

void packet_queue_release(struct packet_queue *queue)
{
    free_all(queue, &queue->lent);
}

usec packet_queue_due(const struct packet_queue *queue)
{
    if (list_is_empty(&queue->waiting))
        return USEC_NEVER;
    return packet_of(queue->waiting.next)->due;
}
