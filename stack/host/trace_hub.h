/*
 * Several listeners to the events of one stack: lines of text, comments in a
 * recording, the story of a frame, whoever is attached for a while. The core
 * knows of one listener at most, and that is this hub; while nobody listens it
 * knows of none, and raises no event.
 *
 * A listener is called under the stack's lock and calls no stack.
 */
#ifndef TAPIR_HOST_TRACE_HUB_H
#define TAPIR_HOST_TRACE_HUB_H

#include "base/list.h"
#include "base/trace.h"

/* A part of what listens; it outlives its membership. */
struct trace_listener {
    struct list node;
    void (*event)(struct trace_listener *listener,
                  const struct trace_event *event);
    /* After each pass, when all that it has to send has left; NULL: not told */
    void (*pass_over)(struct trace_listener *listener);
};

struct trace_hub {
    struct list listeners;
    struct list *next; /* whose turn it is, while an event is handed round */
};

void trace_hub_init(struct trace_hub *hub);

/* It hears of everything from now on, after those that came before it. */
void trace_hub_add(struct trace_hub *hub, struct trace_listener *listener);
/* Also while an event is handed round, by any of the listeners. */
void trace_hub_remove(struct trace_hub *hub, struct trace_listener *listener);

/* For the core: the hub, or nobody. To be asked again after each change. */
struct trace trace_hub_trace(struct trace_hub *hub);

void trace_hub_pass_over(struct trace_hub *hub);

#endif
