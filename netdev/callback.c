/*
 * The device of functions: whole packets out by a call of the program's; in
 * they come past the device, by stack_input.
 */
#include "netdev/callback.h"

#include "netdev/whole.h"

struct callback {
    struct netdev dev;
    struct memory *memory;
    struct callback_config config;
};

static struct callback *callback_of(const struct netdev *dev)
{
    return container_of(dev, struct callback, dev);
}

static int callback_transmit(struct netdev *dev, usec now,
                             const struct frame *frame)
{
    const struct callback_config *config = &callback_of(dev)->config;

    (void)now;
    frame_make_whole(dev->type, frame, config->transmit, config->context);
    return 0;
}

static void callback_flush(struct netdev *dev, usec now)
{
    (void)dev;
    (void)now;
}

static int callback_receive(struct netdev *dev, usec now, struct frame *frame)
{
    (void)dev;
    (void)now;
    (void)frame;
    return 0;
}

static usec callback_deadline(const struct netdev *dev)
{
    (void)dev;
    return USEC_NEVER;
}

static int callback_poll_fd(const struct netdev *dev)
{
    (void)dev;
    return -1;
}

static void callback_close(struct netdev *dev)
{
    struct callback *callback = callback_of(dev);

    memory_free(callback->memory, callback, sizeof(*callback));
}

static const struct netdev_ops callback_ops = {
    .name = "callback",
    .transmit = callback_transmit,
    .flush = callback_flush,
    .receive = callback_receive,
    .deadline = callback_deadline,
    .poll_fd = callback_poll_fd,
    .close = callback_close,
};

struct netdev *callback_create(struct memory *memory,
                               const struct callback_config *config)
{
    struct callback *callback = memory_alloc(memory, sizeof(*callback));

    if (callback == NULL)
        return NULL;
    callback->dev = (struct netdev){
        .ops = &callback_ops, .type = config->type, .mtu = config->mtu};
    callback->memory = memory;
    callback->config = *config;
    return &callback->dev;
}
