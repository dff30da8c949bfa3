#include "fake_netdev.h"

#include <stdlib.h>

static struct fake_netdev *fake_of(struct netdev *dev)
{
    return container_of(dev, struct fake_netdev, dev);
}

static int fake_transmit(struct netdev *dev, usec now,
                         const struct frame *frame)
{
    struct fake_netdev *fake = fake_of(dev);

    (void)now;
    if (fake->answer < 0)
        return fake->answer;
    assert(fake->count < FAKE_FRAMES_MAX);

    struct fake_frame *kept = &fake->frames[fake->count++];

    kept->len = frame_len(frame);
    kept->data = malloc(kept->len);
    frame_copy(frame, 0, kept->data, kept->len);
    kept->offload = frame->offload;
    kept->head_len = frame->head_len;
    kept->slice_count = frame->slice_count;
    return 0;
}

static void fake_flush(struct netdev *dev, usec now)
{
    (void)dev;
    (void)now;
}

static int fake_receive(struct netdev *dev, usec now, struct frame *frame)
{
    (void)dev;
    (void)now;
    (void)frame;
    return 0;
}

static usec fake_deadline(const struct netdev *dev)
{
    (void)dev;
    return USEC_NEVER;
}

static int fake_poll_fd(const struct netdev *dev)
{
    (void)dev;
    return -1;
}

static void fake_close(struct netdev *dev)
{
    fake_netdev_clear(fake_of(dev));
}

static const struct netdev_ops fake_ops = {
    .name = "fake",
    .transmit = fake_transmit,
    .flush = fake_flush,
    .receive = fake_receive,
    .deadline = fake_deadline,
    .poll_fd = fake_poll_fd,
    .close = fake_close,
};

void fake_netdev_init(struct fake_netdev *fake, enum netdev_type type,
                      unsigned mtu)
{
    *fake = (struct fake_netdev){
        .dev = {.ops = &fake_ops, .type = type, .mtu = mtu},
    };
}

void fake_netdev_clear(struct fake_netdev *fake)
{
    for (unsigned i = 0; i < fake->count; i++)
        free(fake->frames[i].data);
    fake->count = 0;
}
