/*
 * Inside the replay: what replay.c, which runs it, and replay_entries.c, which
 * knows each entry, both see.
 */
#ifndef TAPIR_HOST_REPLAY_INTERNAL_H
#define TAPIR_HOST_REPLAY_INTERNAL_H

#include "host/capture.h"
#include "host/replay.h"
#include "host/replay_reader.h"
#include "host/trace_text.h"

struct replay;

/* What the stack has for an interface. */
struct replay_dev {
    struct netdev dev;    /* answers what the recorded one has answered */
    struct netdev *outer; /* that, or with a capture around it; NULL: none */
    struct replay *replay;
    struct frame *incoming; /* what receive gives next */
};

/* Bytes that stay where they are until the pass ends. */
struct replay_block {
    struct replay_block *next;
    uint8_t bytes[];
};

struct replay {
    struct bytes recording;
    const struct replay_options *options;
    struct replay_report *report;
    size_t at;    /* where the entry in hand begins, what comes before too */
    size_t ahead; /* what of it has not come yet */
    size_t next;  /* the entry after it */

    struct memory memory;
    size_t others;     /* of its use: who is not the stack */
    struct memory own; /* of devices */
    struct stack *stack;
    usec now;
    bool has_stopped;
    struct trace_text trace_text;
    struct trace_hub trace_hub;
    struct recorder recorder;
    struct record_sink sink;
    uint8_t *pieces; /* of the entry in hand, as they come now */
    struct replay_block *blocks;
    uint8_t *scratch; /* for whatever is received */
    const uint8_t *zeros;
    struct replay_dev devs[RECORD_IFACES_MAX];
    struct capture_dev captured; /* one of them; dev is NULL: none */
};

/* Addresses only, until they are used. */
enum { REPLAY_SCRATCH = RECORD_MESSAGE_MAX };

/* Why it cannot go on. */
void replay_fail(struct replay *replay, const char *why);
/* NULL: no memory. */
uint8_t *replay_alloc(struct replay *replay, size_t len);
/* The device that an entry adds; NULL: no more, or no memory. */
struct netdev *replay_add_device(struct replay *replay, unsigned iface,
                                 const struct netdev *like);
/* What a stream has taken, after the entry in hand: at most `len` bytes. */
size_t replay_taken(struct replay *replay, uint8_t *to, size_t len);

/* replay_entries.c: the function of stack.h, NULL: no such kind. */
const char *replay_entry_name(enum record_kind kind);
/* Lets it enter. False: it is broken, and nothing has entered. */
bool replay_enter(struct replay *replay, const struct piece *entry);
/* RECORD_CREATE: the stack's settings and its memory. */
bool replay_create(struct replay *replay, struct reader *in);

#endif
