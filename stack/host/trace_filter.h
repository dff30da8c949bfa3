/*
 * Which events a listener wants: the WHAT of --trace, a list of words.
 *
 *     tcp,udp         layers: eth, arp, ip, icmp, udp, tcp, socket
 *     drop            drops, of whatever layer
 *     event=state     kinds of events, several with "|": see trace_event_words
 *     port=80         what has this port at either end
 *     host=192.0.2.1  this address at either end, or one in 192.0.2.0/24
 *     json            says how, not which: objects, see trace_json.h
 *
 * Words of one sort add up, sorts narrow each other down: tcp,port=80,port=81
 * is what TCP has on either port. Without any layer all are meant.
 *
 * An event that names no addresses (a drop, a frame) goes with the packet that
 * it is about, so a filter remembers the frame in hand: it is to be asked of
 * every event, in order.
 */
#ifndef TAPIR_HOST_TRACE_FILTER_H
#define TAPIR_HOST_TRACE_FILTER_H

#include "base/trace.h"
#include "host/frame_ends.h"

enum {
    TRACE_FILTER_MOST = 8, /* ports, and hosts */
    TRACE_WORD_MAX = 64
};

struct trace_filter {
    bool is_json;
    bool wants_drops;
    unsigned layers; /* 1 << enum trace_layer */
    unsigned events; /* 1 << enum trace_kind */
    unsigned port_count;
    unsigned host_count;
    uint16_t ports[TRACE_FILTER_MOST];
    struct ip_prefix hosts[TRACE_FILTER_MOST];
    uint64_t frame_number; /* in hand: whether it matches */
    bool frame_matches;
};

/* Wants everything. */
void trace_filter_init(struct trace_filter *filter);
/* -EINVAL, and `mistake` is the word that is none. */
MUST_CHECK int trace_filter_parse(const char *what, struct trace_filter *out,
                                  char mistake[TRACE_WORD_MAX]);
/* What the words may be, for a message. */
const char *trace_filter_words(void);

bool trace_filter_wants(struct trace_filter *filter,
                        const struct trace_event *event);

/* "tcp", "segment": the words for layers and kinds of events. */
const char *trace_layer_word(enum trace_layer layer);
const char *trace_event_word(enum trace_kind kind);
/* "in", "out", "drop", or nothing. */
const char *trace_direction_word(enum trace_kind kind);

#endif
