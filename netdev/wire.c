/*
 * The in-memory wire. Each end owns the queue of what comes to it; the other
 * end puts into it. Frames are made whole when they are sent, as a network
 * would carry them.
 *
 * Both ends, and the memory, are used under one lock: the wire has none.
 */
#include "netdev/wire.h"

#include "netdev/queue.h"
#include "netdev/whole.h"

#include <errno.h>

struct wire_end {
    struct netdev dev;
    struct wire *wire;
    struct wire_end *peer;
    bool open;
    struct packet_queue incoming;
};

struct wire {
    struct memory *memory;
    struct wire_end ends[2];
};

static struct wire_end *end_of(const struct netdev *dev)
{
    return container_of(dev, struct wire_end, dev);
}

struct sending {
    struct packet_queue *queue;
    int status;
};

static void send_packet(void *context, const uint8_t *data, size_t len)
{
    struct sending *sending = context;
    struct packet *packet = packet_queue_add(sending->queue, len, 0);

    if (packet == NULL)
        sending->status = -ENOBUFS;
    else
        memcpy(packet->data, data, len);
}

static int wire_transmit(struct netdev *dev, usec now,
                         const struct frame *frame)
{
    struct wire_end *peer = end_of(dev)->peer;
    struct sending sending = {.queue = &peer->incoming};

    (void)now;
    if (!peer->open)
        return -ENETDOWN;
    frame_make_whole(dev->type, frame, send_packet, &sending);
    return sending.status;
}

static void wire_flush(struct netdev *dev, usec now)
{
    (void)now;
    packet_queue_release(&end_of(dev)->incoming);
}

static int wire_receive(struct netdev *dev, usec now, struct frame *frame)
{
    return packet_queue_lend(&end_of(dev)->incoming, now, frame);
}

static usec wire_deadline(const struct netdev *dev)
{
    return packet_queue_due(&end_of(dev)->incoming);
}

static int wire_poll_fd(const struct netdev *dev)
{
    (void)dev;
    return -1;
}

static void wire_close(struct netdev *dev)
{
    struct wire_end *end = end_of(dev);
    struct wire *wire = end->wire;

    end->open = false;
    packet_queue_fini(&end->incoming);
    if (!end->peer->open)
        memory_free(wire->memory, wire, sizeof(*wire));
}

static const struct netdev_ops wire_ops = {
    .name = "wire",
    .transmit = wire_transmit,
    .flush = wire_flush,
    .receive = wire_receive,
    .deadline = wire_deadline,
    .poll_fd = wire_poll_fd,
    .close = wire_close,
};

static void end_init(struct wire *wire, unsigned i,
                     const struct wire_config *config)
{
    struct wire_end *end = &wire->ends[i];

    end->dev = (struct netdev){
        .ops = &wire_ops, .type = config->type, .mtu = config->mtu};
    end->wire = wire;
    end->peer = &wire->ends[1 - i];
    end->open = true;
    packet_queue_init(&end->incoming, wire->memory, config->queue_bytes);
}

int wire_create(struct memory *memory, const struct wire_config *config,
                struct netdev *ends[static 2])
{
    struct wire *wire = memory_alloc(memory, sizeof(*wire));

    if (wire == NULL)
        return -ENOBUFS;
    wire->memory = memory;
    for (unsigned i = 0; i < 2; i++) {
        end_init(wire, i, config);
        ends[i] = &wire->ends[i].dev;
    }
    return 0;
}
