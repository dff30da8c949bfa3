/*
 * A faulty network around a device: two ways (faults_way.h), out and in. Each
 * draws from a random sequence of its own, so that what one way carries changes
 * nothing for the other, and a seed repeats a run.
 */
#include "netdev/faults.h"

#include "netdev/faults_way.h"

struct faulty {
    struct netdev dev;
    struct netdev *inner;
    struct memory *memory;
    struct faults_way in;
    struct faults_way out;
    struct faults_counts counts; /* of both, when asked for */
};

static struct faulty *faulty_of(const struct netdev *dev)
{
    return container_of(dev, struct faulty, dev);
}

/* 0, or the device's last complaint. */
static int send_due(struct faulty *faulty, usec now)
{
    struct frame frame;
    int result = 0;

    while (faults_way_take(&faulty->out, now, &frame)) {
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

    faults_way_put(&faulty->out, dev->type, now, frame);
    return send_due(faulty, now);
}

static void faults_flush(struct netdev *dev, usec now)
{
    struct faulty *faulty = faulty_of(dev);

    (void)send_due(faulty, now); /* nobody is there to be told */
    netdev_flush(faulty->inner, now);
    faults_way_release(&faulty->out);
    faults_way_release(&faulty->in);
}

/* Bounded: a device gives a batch, then nothing until its flush. */
static int faults_receive(struct netdev *dev, usec now, struct frame *frame)
{
    struct faulty *faulty = faulty_of(dev);
    struct frame inner_frame;
    int status = 1;

    (void)send_due(faulty, now); /* as in flush */
    while (!faults_way_take(&faulty->in, now, frame)) {
        status = netdev_receive(faulty->inner, now, &inner_frame);
        if (status <= 0)
            return status;
        faults_way_put(&faulty->in, dev->type, now, &inner_frame);
    }
    return 1;
}

static usec faults_deadline(const struct netdev *dev)
{
    const struct faulty *faulty = faulty_of(dev);
    usec due =
        usec_min(faults_way_due(&faulty->in), faults_way_due(&faulty->out));

    return usec_min(due, netdev_deadline(faulty->inner));
}

static int faults_poll_fd(const struct netdev *dev)
{
    return netdev_poll_fd(faulty_of(dev)->inner);
}

static int faults_held_fd(const struct netdev *dev, unsigned i)
{
    return netdev_held_fd(faulty_of(dev)->inner, i);
}

static void faults_close(struct netdev *dev)
{
    struct faulty *faulty = faulty_of(dev);

    faults_way_fini(&faulty->in);
    faults_way_fini(&faulty->out);
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
    .held_fd = faults_held_fd,
    .close = faults_close,
};

struct netdev *faults_create(struct memory *memory, struct netdev *inner,
                             const struct faults *faults, struct hash_key seed)
{
    struct faulty *faulty = memory_alloc(memory, sizeof(*faulty));
    struct random seeds;

    if (faulty == NULL)
        return NULL;
    /* max_gso and fills_checksum too: super-frames may come, for they are made
     * whole here, and only packets reach the inner device. */
    faulty->dev = *inner;
    faulty->dev.ops = &faults_ops;
    faulty->inner = inner;
    faulty->memory = memory;
    random_init(&seeds, seed);
    faults_way_init(&faulty->in, memory, faults, random_key(&seeds));
    faults_way_init(&faulty->out, memory, faults, random_key(&seeds));
    return &faulty->dev;
}

void faults_change(struct netdev *dev, usec now, const struct faults *faults)
{
    struct faulty *faulty = faulty_of(dev);

    faults_way_change(&faulty->in, now, faults);
    faults_way_change(&faulty->out, now, faults);
}

static void add_counts(struct faults_counts *sum,
                       const struct faults_counts *counts)
{
    sum->passed += counts->passed;
    sum->lost += counts->lost;
    sum->queue_full += counts->queue_full;
    sum->marked += counts->marked;
    sum->duplicated += counts->duplicated;
    sum->reordered += counts->reordered;
    sum->corrupted += counts->corrupted;
    sum->overflowed += counts->overflowed;
    sum->late += counts->late;
    sum->latest = usec_max(sum->latest, counts->latest);
}

const struct faults_counts *faults_counts(const struct netdev *dev)
{
    struct faulty *faulty = faulty_of(dev);

    faulty->counts = faulty->out.counts;
    add_counts(&faulty->counts, &faulty->in.counts);
    return &faulty->counts;
}
