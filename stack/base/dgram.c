/*
 * A queue of datagrams, each in one block with its record.
 */
#include "base/dgram.h"

#include <errno.h>

/* What a datagram costs, of the queue's limit and of memory. */
static size_t size_of(size_t len)
{
    return sizeof(struct dgram) + len;
}

static struct dgram *first(const struct dgram_queue *queue)
{
    return container_of(queue->dgrams.next, struct dgram, node);
}

void dgram_queue_init(struct dgram_queue *queue, size_t limit)
{
    list_init(&queue->dgrams);
    queue->used = 0;
    queue->lost = 0;
    queue->limit = limit;
}

void dgram_queue_fini(struct dgram_queue *queue, struct memory *memory)
{
    while (!list_is_empty(&queue->dgrams))
        dgram_queue_remove(queue, memory);
}

static int add(struct dgram_queue *queue, struct memory *memory,
               const struct dgram *about, const struct frame *frame)
{
    size_t len = frame_len(frame);

    /* The limit may have been lowered since: SO_RCVBUF. */
    if (queue->used > queue->limit || size_of(len) > queue->limit - queue->used)
        return -ENOBUFS;

    struct dgram *dgram = memory_resize(memory, NULL, 0, size_of(len));

    if (dgram == NULL)
        return -ENOBUFS;
    *dgram = *about;
    dgram->lost = queue->lost;
    dgram->len = frame_copy(frame, 0, dgram->data, len);
    list_append(&queue->dgrams, &dgram->node);
    queue->used += size_of(len);
    return 0;
}

int dgram_queue_add(struct dgram_queue *queue, struct memory *memory,
                    const struct dgram *about, const struct frame *frame)
{
    int error = add(queue, memory, about, frame);

    if (error < 0)
        queue->lost++;
    return error;
}

const struct dgram *dgram_queue_first(const struct dgram_queue *queue)
{
    return list_is_empty(&queue->dgrams) ? NULL : first(queue);
}

/* As Linux walks it for SO_PEEK_OFF. */
static bool is_passed(const struct dgram *dgram, size_t offset)
{
    return offset >= dgram->len && (offset > 0 || dgram->was_found);
}

const struct dgram *dgram_queue_at(struct dgram_queue *queue, size_t *offset)
{
    struct list *node = queue->dgrams.next;

    for (; node != &queue->dgrams; node = node->next) {
        struct dgram *dgram = container_of(node, struct dgram, node);

        if (!is_passed(dgram, *offset)) {
            dgram->was_found = dgram->len == 0;
            return dgram;
        }
        *offset -= dgram->len;
    }
    return NULL;
}

void dgram_queue_remove(struct dgram_queue *queue, struct memory *memory)
{
    assert(!list_is_empty(&queue->dgrams));

    struct dgram *dgram = first(queue);

    list_remove(&dgram->node);
    queue->used -= size_of(dgram->len);
    memory_free(memory, dgram, size_of(dgram->len));
}
