/*
 * What the core has instead of an operating system: the time, timers,
 * randomness, memory, the trace, all handed in. Each layer's context points to
 * the one env of its stack.
 */
#ifndef TAPIR_BASE_ENV_H
#define TAPIR_BASE_ENV_H

#include "base/memory.h"
#include "base/random.h"
#include "base/timer.h"
#include "base/trace.h"

struct env {
    usec now;
    uint64_t frame_number; /* of the frame being taken in, else 0 */
    struct timers timers;
    struct random random;
    struct memory *memory;
    struct trace trace;
    uint64_t drops[DROP_REASON_COUNT];
};

void env_init(struct env *env, usec now, struct memory *memory,
              struct hash_key seed, struct trace trace);

static inline bool env_is_traced(const struct env *env)
{
    return env->trace.emit != NULL;
}

/* Fills in time and frame number and hands the event to the listener. */
void env_trace(struct env *env, struct trace_event *event);

/*
 * The one place where packets end: counts the reason and traces it. `frame`
 * may be NULL.
 */
void env_drop(struct env *env, enum drop_reason reason,
              const struct frame *frame);

#endif
