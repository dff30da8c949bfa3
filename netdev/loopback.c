/*
 * The loopback device, RFC 1122 3.2.1.3 (g): bare IP packets that come back.
 *
 * The stack drains it in a loop, at the end of a pass, while the answers are
 * being sent into it again: flush frees what was handed out, not what waits.
 */
#include "netdev/loopback.h"

#include "netdev/queue.h"

#include <errno.h>

enum { LOOPBACK_MTU = 65535 }; /* the largest IP packet: nothing to cut */

struct loopback {
    struct netdev dev;
    struct packet_queue queue;
};

static struct loopback *loopback_of(const struct netdev *dev)
{
    return container_of(dev, struct loopback, dev);
}

static int loopback_transmit(struct netdev *dev, usec now,
                             const struct frame *frame)
{
    struct loopback *loopback = loopback_of(dev);
    size_t len = frame_len(frame);
    struct packet *packet = packet_queue_add(&loopback->queue, len, 0);

    (void)now;
    if (packet == NULL)
        return -ENOBUFS;
    frame_copy(frame, 0, packet->data, len);
    /* The checksum stays absent: bytes that never leave the host need none.
     * All of them are the head now, from whose end it is found. */
    packet->offload = frame->offload;
    packet->offload.csum_back =
        (uint16_t)(frame->offload.csum_back + len - frame->head_len);
    return 0;
}

static void loopback_flush(struct netdev *dev, usec now)
{
    (void)now;
    packet_queue_release(&loopback_of(dev)->queue);
}

static int loopback_receive(struct netdev *dev, usec now, struct frame *frame)
{
    return packet_queue_lend(&loopback_of(dev)->queue, now, frame);
}

static usec loopback_deadline(const struct netdev *dev)
{
    return packet_queue_due(&loopback_of(dev)->queue);
}

static int loopback_poll_fd(const struct netdev *dev)
{
    (void)dev;
    return -1;
}

static void loopback_close(struct netdev *dev)
{
    struct loopback *loopback = loopback_of(dev);

    packet_queue_fini(&loopback->queue);
    memory_free(loopback->queue.memory, loopback, sizeof(*loopback));
}

static const struct netdev_ops loopback_ops = {
    .name = "loopback",
    .transmit = loopback_transmit,
    .flush = loopback_flush,
    .receive = loopback_receive,
    .deadline = loopback_deadline,
    .poll_fd = loopback_poll_fd,
    .close = loopback_close,
};

struct netdev *loopback_create(struct memory *memory, size_t queue_bytes)
{
    struct loopback *loopback = memory_alloc(memory, sizeof(*loopback));

    if (loopback == NULL)
        return NULL;
    loopback->dev = (struct netdev){.ops = &loopback_ops,
                                    .type = NETDEV_IP,
                                    .mtu = LOOPBACK_MTU,
                                    .fills_checksum = true};
    packet_queue_init(&loopback->queue, memory, queue_bytes);
    return &loopback->dev;
}
