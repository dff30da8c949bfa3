/*
 * A pass over a stack: frames that its devices have, timers that are due, the
 * flush, and whoever waits for what came of it. Then the stacks at the other
 * ends of its wires, if it sent them something, and so on, within a bound.
 */
#include "host/host.h"

enum {
    BATCH = 16, /* frames of a device between two flushes */
    /* So many bytes, too, and what the last frame has more: what a program
     * reads afterwards should still be in its processor's cache. */
    BATCH_BYTES = 128 * 1024,
    VISITS_MAX = 64 /* of stacks in one pass: then the driver goes on */
};

usec stack_now(const struct tapir_stack *stack)
{
    return stack->clock == TAPIR_CLOCK_MANUAL ? stack->now : host_now();
}

static usec port_deadline(const struct port *port)
{
    if (port->is_down)
        return USEC_NEVER;
    return port->is_readable ? 0 : netdev_deadline(port->dev);
}

static struct port *port_of(struct list *node)
{
    return container_of(node, struct port, node);
}

usec stack_deadline(const struct tapir_stack *stack)
{
    usec deadline = stack_next_deadline(stack->core);

    for (struct list *node = stack->ports.next; node != &stack->ports;
         node = node->next)
        deadline = usec_min(deadline, port_deadline(port_of(node)));
    return deadline;
}

/* Whether a device with a queue has a frame by now. */
static bool has_frames_queued(const struct tapir_stack *stack, usec now)
{
    for (struct list *node = stack->ports.next; node != &stack->ports;
         node = node->next) {
        const struct port *port = port_of(node);

        if (!port->is_down && netdev_deadline(port->dev) <= now)
            return true;
    }
    return false;
}

static int receive(struct port *port, usec now, struct frame *frame)
{
    struct frame_place place;

    if (netdev_can_place(port->dev) &&
        stack_expect(port->stack->core, port->iface, &place))
        return netdev_receive_at(port->dev, now, &place, frame);
    return netdev_receive(port->dev, now, frame);
}

/* Frames taken in, at most a batch; one only, if there are hardly ever more:
 * then the next look comes when that one has been answered. */
static int take_batch(struct port *port, usec now)
{
    bool is_queue = netdev_poll_fd(port->dev) < 0; /* asking it is cheap */
    bool wants_more =
        is_queue || port->is_emptied || guess_is_yes(&port->more, LOOK_REST);
    struct frame frame;
    size_t bytes = 0;
    int count;

    for (count = 0; count < BATCH && bytes < BATCH_BYTES; count++) {
        int got = count > 0 && !wants_more ? 0 : receive(port, now, &frame);

        if (got <= 0) {
            port->is_readable = false;
            port->is_down = got < 0;
            break;
        }
        bytes += frame_len(&frame);
        stack_input(port->stack->core, now, port->iface, &frame);
    }
    if (wants_more && count > 0)
        guess_learn(&port->more, count > 1, LOOK_TRUST);
    return count;
}

static void take_in(struct port *port, usec now)
{
    int count = take_batch(port, now);

    if (port->is_looked_at)
        guess_learn(&port->look, count > 0, LOOK_TRUST);
    port->is_looked_at = false;
    port->is_emptied = port->is_emptied && port->is_readable;
}

static void wake_enders(struct tapir_stack *stack)
{
    if (list_is_empty(&stack->enders) || stack_unfinished(stack->core) > 0)
        return;
    for (struct list *node = stack->enders.next; node != &stack->enders;
         node = node->next) {
        struct watch *watch = container_of(node, struct watch, node);

        (void)watch->notify(watch);
    }
}

/* Wake-ups for those who wait on the very sockets that have changed. */
static void dispatch(struct tapir_stack *stack)
{
    socket_id id;

    while (stack_next_ready(stack->core, &id)) {
        struct file *file = file_by_id(stack, id);

        if (file != NULL)
            file_changed(file);
    }
    wake_enders(stack);
}

static void finish(struct tapir_stack *stack, usec now)
{
    stack_flush(stack->core, now);
    trace_hub_pass_over(&stack->trace);
    dispatch(stack);
}

static bool is_to_be_read(const struct port *port, usec now)
{
    if (port->is_readable && port->stack->leaves_devices)
        return false;
    return port_deadline(port) <= now;
}

static void visit(struct tapir_stack *stack, usec now)
{
    for (struct list *node = stack->ports.next; node != &stack->ports;
         node = node->next) {
        if (is_to_be_read(port_of(node), now))
            take_in(port_of(node), now);
    }
    if (stack_next_deadline(stack->core) <= now)
        stack_run_timers(stack->core, now);
    finish(stack, now);
}

static void queue_work(struct tapir_stack *stack)
{
    if (!list_is_linked(&stack->work_node))
        list_append(&the_host.work, &stack->work_node);
}

/* Whoever has been sent something is next; so is a stack with more to do. */
static void queue_neighbours(struct tapir_stack *stack, usec now)
{
    if (has_frames_queued(stack, now))
        queue_work(stack);
    for (struct list *node = stack->ports.next; node != &stack->ports;
         node = node->next) {
        const struct port *peer = port_of(node)->peer;

        if (peer != NULL && has_frames_queued(peer->stack, now))
            queue_work(peer->stack);
    }
}

static struct tapir_stack *next_work(void)
{
    struct list *node = list_pop(&the_host.work);

    return node == NULL ? NULL
                        : container_of(node, struct tapir_stack, work_node);
}

static void run_driven(struct tapir_stack *stack, usec now)
{
    queue_work(stack);
    for (int visits = 0; visits < VISITS_MAX; visits++) {
        struct tapir_stack *next = next_work();

        if (next == NULL)
            return;
        if (visits > 0)
            now = host_now();
        visit(next, now);
        queue_neighbours(next, now);
        drive_reconsider(next);
    }
}

void pass_run(struct tapir_stack *stack)
{
    pass_run_at(stack, stack_now(stack));
}

void pass_run_at(struct tapir_stack *stack, usec now)
{
    if (stack->clock == TAPIR_CLOCK_MANUAL)
        finish(stack, stack->now); /* the rest comes by pass_advance */
    else
        run_driven(stack, now);
}

static void wake_expired(struct tapir_stack *stack)
{
    for (struct list *node = stack->timeouts.next; node != &stack->timeouts;
         node = node->next) {
        struct waiter *waiter = container_of(node, struct waiter, timeout_node);

        if (waiter->deadline <= stack->now)
            waiter_call(waiter);
    }
}

void pass_advance(struct tapir_stack *stack, usec now)
{
    stack->now = now;
    for (int visits = 0; visits < VISITS_MAX; visits++) {
        visit(stack, now);
        if (stack_deadline(stack) > now)
            break;
    }
    wake_expired(stack);
}
