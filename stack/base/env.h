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

enum { ENV_DROPS_KEPT = 32, ENV_DROP_BYTES = 80 };

/* One of the last drops, for who asks why: `tapir why` in a debugger. */
struct env_dropped {
    usec at;
    uint64_t frame_number; /* of the frame in hand, 0: none */
    enum drop_reason reason;
    const struct iface *iface; /* input: where it came in; else NULL */
    size_t len;                /* of the packet, pulled headers and all */
    size_t kept;               /* of its first bytes, below */
    uint8_t bytes[ENV_DROP_BYTES];
};

struct env {
    usec now;
    uint64_t frame_number; /* of the frame being taken in, else 0 */
    uint64_t frames_out;   /* the number of the last one that left */
    struct timers timers;
    struct random random;
    struct memory *memory;
    struct trace trace;
    uint64_t drops[DROP_REASON_COUNT];
    uint64_t dropped; /* all of them; the last ones are in a ring: */
    struct env_dropped last_drops[ENV_DROPS_KEPT]; /* dropped % KEPT is next */
};

void env_init(struct env *env, usec now, struct memory *memory,
              struct hash_key seed, struct trace trace);

static inline bool env_is_traced(const struct env *env)
{
    return env->trace.emit != NULL;
}

/*
 * Fills in time and frame number and hands the event to the listener. Changes
 * of state come here even if there is none: a debugger stops here for them.
 */
void env_trace(struct env *env, struct trace_event *event);

/*
 * The one place where packets end: counts the reason, remembers and traces it.
 * `frame` may be NULL.
 */
void env_drop(struct env *env, enum drop_reason reason,
              const struct frame *frame);

#endif
