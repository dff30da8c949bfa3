/*
 * What the core has instead of an operating system, put together; and the two
 * ways in which it speaks to its observers: events and drops.
 */
#include "base/env.h"

void env_init(struct env *env, usec now, struct memory *memory,
              struct hash_key seed, struct trace trace)
{
    *env = (struct env){.now = now, .memory = memory, .trace = trace};
    timers_init(&env->timers, now);
    random_init(&env->random, seed);
}

DOOR void env_trace(struct env *env, struct trace_event *event)
{
    if (!env_is_traced(env))
        return;
    event->now = env->now;
    event->frame_number = env->frame_number;
    env->trace.emit(env->trace.listener, event);
}

/* The layer that a reason's own word means. */
static enum trace_layer layer_of(enum drop_reason reason)
{
    static const char *const words[] = {
        [TRACE_ETH] = "eth",   [TRACE_ARP] = "arp", [TRACE_IP] = "ip",
        [TRACE_ICMP] = "icmp", [TRACE_UDP] = "udp", [TRACE_TCP] = "tcp",
    };
    unsigned layer = 0;

    while (strcmp(words[layer], drop_layer(reason)) != 0) {
        layer++;
        assert(layer < ARRAY_LENGTH(words));
    }
    return (enum trace_layer)layer;
}

/* A few bytes tell which packet it was; headers that were pulled are before
 * the head. */
static void keep_bytes(struct env_dropped *dropped, const struct frame *frame)
{
    const uint8_t *from = frame->start != NULL ? frame->start : frame->head;
    size_t pulled = (size_t)(frame->head - from);

    dropped->iface = frame->start != NULL ? frame->iface : NULL;
    dropped->len = pulled + frame_len(frame);
    dropped->kept = min_size(pulled + frame->head_len, ENV_DROP_BYTES);
    if (dropped->kept > 0)
        memcpy(dropped->bytes, from, dropped->kept);
}

static void remember(struct env *env, enum drop_reason reason,
                     const struct frame *frame)
{
    struct env_dropped *dropped =
        &env->last_drops[env->dropped++ % ENV_DROPS_KEPT];

    dropped->at = env->now;
    dropped->frame_number = env->frame_number;
    dropped->reason = reason;
    dropped->iface = NULL;
    dropped->len = 0;
    dropped->kept = 0;
    if (frame != NULL)
        keep_bytes(dropped, frame);
}

DOOR void env_drop(struct env *env, enum drop_reason reason,
                   const struct frame *frame)
{
    assert(reason > DROP_NONE && reason < DROP_REASON_COUNT);
    env->drops[reason]++;
    remember(env, reason, frame);
    if (!env_is_traced(env))
        return;

    struct trace_event event = {
        .kind = TRACE_DROP,
        .layer = layer_of(reason),
        .drop = reason,
        .frame = frame,
        .text = drop_text(reason),
    };
    env_trace(env, &event);
}
