/*
 * Listeners in the order in which they came: see trace_hub.h.
 */
#include "host/trace_hub.h"

void trace_hub_init(struct trace_hub *hub)
{
    list_init(&hub->listeners);
    hub->next = &hub->listeners;
}

void trace_hub_add(struct trace_hub *hub, struct trace_listener *listener)
{
    list_append(&hub->listeners, &listener->node);
}

void trace_hub_remove(struct trace_hub *hub, struct trace_listener *listener)
{
    if (hub->next == &listener->node)
        hub->next = listener->node.next;
    list_remove(&listener->node);
}

/* NULL: that was the last one. The one that is returned may go away. */
static struct trace_listener *take_turn(struct trace_hub *hub)
{
    struct list *node = hub->next;

    if (node == &hub->listeners)
        return NULL;
    hub->next = node->next;
    return container_of(node, struct trace_listener, node);
}

static void hand_round(void *context, const struct trace_event *event)
{
    struct trace_hub *hub = context;
    struct trace_listener *listener;

    hub->next = hub->listeners.next;
    while ((listener = take_turn(hub)) != NULL)
        listener->event(listener, event);
}

struct trace trace_hub_trace(struct trace_hub *hub)
{
    if (list_is_empty(&hub->listeners))
        return (struct trace){.emit = NULL};
    return (struct trace){.emit = hand_round, .listener = hub};
}

void trace_hub_pass_over(struct trace_hub *hub)
{
    struct trace_listener *listener;

    hub->next = hub->listeners.next;
    while ((listener = take_turn(hub)) != NULL) {
        if (listener->pass_over != NULL)
            listener->pass_over(listener);
    }
}
