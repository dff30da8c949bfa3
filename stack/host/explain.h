/*
 * The listener of --explain: the story of one frame from the device to the
 * socket, or out to the device. Layer by layer it prints the fields (where they
 * lie, their bytes, their meaning), the checks that were made, each with the
 * section of the RFC that asks for it, and what was decided. The decisions are
 * those that the stack's events tell; nothing is judged a second time.
 */
#ifndef TAPIR_HOST_EXPLAIN_H
#define TAPIR_HOST_EXPLAIN_H

#include "host/explain_checks.h"
#include "host/line.h"
#include "host/trace_hub.h"

enum {
    EXPLAIN_RANGES_MAX = 8,
    EXPLAIN_HEADERS_MAX = 160, /* Ethernet, IP and TCP with all options */
    EXPLAIN_LED_MAX = 6
};

/* Which frames: numbers as in the trace, of those that come in or leave. */
struct explain_range {
    uint64_t first;
    uint64_t last;
    bool is_out;
};

struct explain_list {
    unsigned count;
    struct explain_range ranges[EXPLAIN_RANGES_MAX];
};

/* "7", "7,9-12,out3". -EINVAL. */
MUST_CHECK int explain_parse(const char *text, struct explain_list *out);

struct explain {
    struct trace_listener listener;
    struct explain_list list;
    int fd;

    /* The frame that came in and is being told, while frame_number is not 0. */
    uint64_t frame_number;
    enum trace_layer layer; /* as far as it has got */
    size_t header_at;       /* where that layer's header begins */
    size_t at;              /* where the next one's does */
    enum explain_door door;
    const struct explain_check *next; /* the first that is not told yet */
    unsigned last_step;               /* no check is made after it */
    bool is_dropped;
    bool is_elsewhere; /* its header lies in another fragment's frame */
    uint32_t connection;
    uint64_t waits_for; /* the frame's answer, until the pass is over */
    size_t header_len;
    uint8_t headers[EXPLAIN_HEADERS_MAX];

    /* What has led to the frame that leaves next. */
    unsigned led_count;
    struct line led[EXPLAIN_LED_MAX];
    bool has_led_packet; /* and not a timer or a congestion event only */
    uint32_t iss;
    uint32_t irs;
};

void explain_init(struct explain *explain, const struct explain_list *list,
                  int fd);

#endif
