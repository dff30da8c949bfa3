/*
 * What a recording says of each packet, from the events of its stack: the
 * number of its frame, how its connection stood before and after, what was
 * delivered or acknowledged, why it was dropped.
 */
#ifndef TAPIR_HOST_PCAPNG_STORY_H
#define TAPIR_HOST_PCAPNG_STORY_H

#include "host/line.h"
#include "host/trace_hub.h"
#include "netdev/pcapng.h"

/* Who writes it down. */
struct pcapng_teller {
    /* More of the frame that came in last; of the one that leaves next. */
    void (*of_received)(void *context, const char *text);
    void (*of_next)(void *context, const char *text);
    void *context;
};

struct pcapng_story {
    struct trace_listener listener;
    struct pcapng_teller teller;
    unsigned iface;        /* whose frames it tells of; 0: of all */
    uint64_t frame_number; /* of its frame in hand, 0: none */
    struct line next;      /* of the frame that leaves next */
    bool has_packet;       /* IP has told of it, too */
    struct line cause;     /* why it does: a timer, a congestion event ... */
    uint32_t cause_of;     /* ... of this connection */
    uint64_t dropped;
    uint64_t drops[DROP_REASON_COUNT];
    char sums[PCAPNG_TEXT_MAX];
};

/* Of which interface it tells is to be said before it hears of anything. */
void pcapng_story_init(struct pcapng_story *story,
                       const struct pcapng_teller *teller);
/* For struct pcapng_config; `context` is the story. */
void pcapng_story_count(void *context, struct pcapng_statistics *statistics);

#endif
