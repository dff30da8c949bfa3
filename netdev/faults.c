/*
 * A faulty network around a device. Each packet, each way, may be lost,
 * doubled, corrupted in one bit, held back; each way draws from a random
 * sequence of its own, so that what one way carries changes nothing for the
 * other, and a seed repeats a run.
 *
 * Frames are made whole first, also those that the device gives: a bit can be
 * found to be wrong only if the checksum in the packet is right before, and
 * what comes out is handed on as not yet verified.
 */
#include "netdev/faults.h"

#include "netdev/queue.h"
#include "netdev/whole.h"

enum {
    FAULTS_CERTAIN = 1000000,      /* a probability of 1, in millionths */
    FAULTS_QUEUE_BYTES = 64 << 20, /* each way */
    REORDER_DELAY_DEFAULT = 1000   /* us */
};

struct way {
    const struct faults *faults;
    struct faults_counts *counts;
    struct random random;
    struct packet_queue queue;
    usec last_due; /* of the packets that keep the order */
};

struct faulty {
    struct netdev dev;
    struct netdev *inner;
    struct memory *memory;
    struct faults faults;
    struct faults_counts counts;
    struct way in;
    struct way out;
};

static struct faulty *faulty_of(const struct netdev *dev)
{
    return container_of(dev, struct faulty, dev);
}

static bool happens(struct way *way, uint32_t probability)
{
    return probability > 0 &&
           random_below(&way->random, FAULTS_CERTAIN) < probability;
}

static usec draw_jitter(struct way *way)
{
    usec jitter = way->faults->jitter;

    return jitter > 0 ? random_below(&way->random, (uint32_t)jitter) : 0;
}

/*
 * When a packet that comes now goes on. Jitter does not reorder: a packet that
 * drew less than the one before it waits for that one.
 */
static usec draw_due(struct way *way, usec now)
{
    usec due = now + way->faults->delay + draw_jitter(way);

    if (happens(way, way->faults->reorder)) {
        way->counts->reordered++;
        return due + way->faults->reorder_delay;
    }
    way->last_due = usec_max(way->last_due, due);
    return way->last_due;
}

static void corrupt(struct way *way, struct packet *packet)
{
    uint32_t bit = random_below(&way->random, (uint32_t)packet->len * 8);

    packet->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    way->counts->corrupted++;
}

static void enqueue(struct way *way, usec now, const uint8_t *data, size_t len)
{
    struct packet *packet =
        packet_queue_add(&way->queue, len, draw_due(way, now));

    if (packet == NULL) {
        way->counts->overflowed++;
        return;
    }
    memcpy(packet->data, data, len);
    if (happens(way, way->faults->corrupt) && len > 0)
        corrupt(way, packet);
}

struct coming {
    struct way *way;
    usec now;
};

static void packet_comes(void *context, const uint8_t *data, size_t len)
{
    const struct coming *coming = context;
    struct way *way = coming->way;

    if (happens(way, way->faults->loss)) {
        way->counts->lost++;
        return;
    }
    way->counts->passed++;
    enqueue(way, coming->now, data, len);
    if (happens(way, way->faults->duplicate)) {
        way->counts->duplicated++;
        enqueue(way, coming->now, data, len);
    }
}

static void frame_comes(const struct faulty *faulty, struct way *way, usec now,
                        const struct frame *frame)
{
    struct coming coming = {.way = way, .now = now};

    frame_make_whole(faulty->dev.type, frame, packet_comes, &coming);
}

/* 0, or the device's last complaint. */
static int send_due(struct faulty *faulty, usec now)
{
    struct frame frame;
    int result = 0;

    while (packet_queue_lend(&faulty->out.queue, now, &frame)) {
        int status = netdev_transmit(faulty->inner, now, &frame);

        if (status < 0)
            result = status;
    }
    return result;
}

static int faults_transmit(struct netdev *dev, usec now,
                           const struct frame *frame)
{
    struct faulty *faulty = faulty_of(dev);

    frame_comes(faulty, &faulty->out, now, frame);
    return send_due(faulty, now);
}

static void faults_flush(struct netdev *dev, usec now)
{
    struct faulty *faulty = faulty_of(dev);

    (void)send_due(faulty, now); /* nobody is there to be told */
    netdev_flush(faulty->inner, now);
    packet_queue_release(&faulty->out.queue);
    packet_queue_release(&faulty->in.queue);
}

/* Bounded: a device gives a batch, then nothing until its flush. */
static int faults_receive(struct netdev *dev, usec now, struct frame *frame)
{
    struct faulty *faulty = faulty_of(dev);
    struct frame inner_frame;
    int status = 1;

    (void)send_due(faulty, now); /* as in flush */
    while (!packet_queue_lend(&faulty->in.queue, now, frame)) {
        status = netdev_receive(faulty->inner, now, &inner_frame);
        if (status <= 0)
            return status;
        frame_comes(faulty, &faulty->in, now, &inner_frame);
    }
    return 1;
}

static usec faults_deadline(const struct netdev *dev)
{
    const struct faulty *faulty = faulty_of(dev);
    usec due = usec_min(packet_queue_due(&faulty->in.queue),
                        packet_queue_due(&faulty->out.queue));

    return usec_min(due, netdev_deadline(faulty->inner));
}

static int faults_poll_fd(const struct netdev *dev)
{
    return netdev_poll_fd(faulty_of(dev)->inner);
}

static void faults_close(struct netdev *dev)
{
    struct faulty *faulty = faulty_of(dev);

    packet_queue_fini(&faulty->in.queue);
    packet_queue_fini(&faulty->out.queue);
    netdev_close(faulty->inner);
    memory_free(faulty->memory, faulty, sizeof(*faulty));
}

static const struct netdev_ops faults_ops = {
    .name = "faults",
    .transmit = faults_transmit,
    .flush = faults_flush,
    .receive = faults_receive,
    .deadline = faults_deadline,
    .poll_fd = faults_poll_fd,
    .close = faults_close,
};

static void way_init(struct way *way, struct faulty *faulty,
                     struct hash_key seed)
{
    way->faults = &faulty->faults;
    way->counts = &faulty->counts;
    random_init(&way->random, seed);
    packet_queue_init(&way->queue, faulty->memory, FAULTS_QUEUE_BYTES);
}

struct netdev *faults_create(struct memory *memory, struct netdev *inner,
                             const struct faults *faults, struct hash_key seed)
{
    struct faulty *faulty = memory_alloc(memory, sizeof(*faulty));
    struct random seeds;

    assert(faults->jitter >= 0 && faults->jitter <= UINT32_MAX);
    if (faulty == NULL)
        return NULL;
    /* max_gso and fills_checksum too: super-frames may come, for they are made
     * whole here, and only packets reach the inner device. */
    faulty->dev = *inner;
    faulty->dev.ops = &faults_ops;
    faulty->inner = inner;
    faulty->memory = memory;
    faulty->faults = *faults;
    if (faulty->faults.reorder_delay == 0)
        faulty->faults.reorder_delay = REORDER_DELAY_DEFAULT;
    random_init(&seeds, seed);
    way_init(&faulty->in, faulty, random_key(&seeds));
    way_init(&faulty->out, faulty, random_key(&seeds));
    return &faulty->dev;
}

const struct faults_counts *faults_counts(const struct netdev *dev)
{
    return &faulty_of(dev)->counts;
}
