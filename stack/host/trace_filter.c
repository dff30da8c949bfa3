/*
 * Which events a listener wants: see trace_filter.h.
 */
#include "host/trace_filter.h"

#include "host/settings.h"
#include "link/iface.h"

#include <errno.h>
#include <stdio.h>

static const char *const layer_words[] = {
    [TRACE_ETH] = "eth",      [TRACE_ARP] = "arp", [TRACE_IP] = "ip",
    [TRACE_ICMP] = "icmp",    [TRACE_UDP] = "udp", [TRACE_TCP] = "tcp",
    [TRACE_SOCKET] = "socket"};

static const struct {
    const char *word;
    const char *direction;
} kinds[] = {
    [TRACE_FRAME_IN] = {"frame", "in"},
    [TRACE_FRAME_OUT] = {"frame", "out"},
    [TRACE_PACKET_IN] = {"packet", "in"},
    [TRACE_PACKET_OUT] = {"packet", "out"},
    [TRACE_DROP] = {"drop", "drop"},
    [TRACE_SEGMENT_IN] = {"segment", "in"},
    [TRACE_SEGMENT_OUT] = {"segment", "out"},
    [TRACE_STATE] = {"state", ""},
    [TRACE_TIMER] = {"timer", ""},
    [TRACE_CONGESTION] = {"congestion", ""},
    [TRACE_NEIGHBOUR] = {"neighbour", ""},
    [TRACE_ACKED] = {"acked", ""},
    [TRACE_WINDOW] = {"window", ""},
    [TRACE_TEXT] = {"text", ""},
    [TRACE_ACK] = {"ack", ""},
    [TRACE_READY] = {"ready", ""},
};

const char *trace_layer_word(enum trace_layer layer)
{
    return layer_words[layer];
}

const char *trace_event_word(enum trace_kind kind)
{
    return kinds[kind].word;
}

const char *trace_direction_word(enum trace_kind kind)
{
    return kinds[kind].direction;
}

const char *trace_filter_words(void)
{
    return "eth, arp, ip, icmp, udp, tcp, socket, drop, event=frame|packet|"
           "segment|state|timer|congestion|neighbour|acked|window|text|ack|"
           "ready, port=N, host=ADDR[/LEN], json";
}

/* ---- Words ------------------------------------------------------------- */

static int take_layer(const char *word, struct trace_filter *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(layer_words); i++) {
        if (strcmp(layer_words[i], word) == 0) {
            out->layers |= 1u << i;
            return 0;
        }
    }
    return -EINVAL;
}

static int take_event(const char *word, size_t len, struct trace_filter *out)
{
    unsigned events = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (strlen(kinds[i].word) == len &&
            strncmp(kinds[i].word, word, len) == 0)
            events |= 1u << i; /* both directions have one word */
    }
    out->events |= events;
    return events == 0 ? -EINVAL : 0;
}

/* "state|timer" */
static int take_events(const char *words, struct trace_filter *out)
{
    for (;;) {
        size_t len = strcspn(words, "|");

        if (take_event(words, len, out) < 0)
            return -EINVAL;
        if (words[len] == '\0')
            return 0;
        words += len + 1;
    }
}

static int take_port(const char *word, struct trace_filter *out)
{
    uint64_t port;

    if (number_parse(word, UINT16_MAX, &port) < 0 ||
        out->port_count == TRACE_FILTER_MOST)
        return -EINVAL;
    out->ports[out->port_count++] = (uint16_t)port;
    return 0;
}

static int take_host(const char *word, struct trace_filter *out)
{
    if (out->host_count == TRACE_FILTER_MOST ||
        ip_prefix_parse(word, &out->hosts[out->host_count]) < 0)
        return -EINVAL;
    out->host_count++;
    return 0;
}

static bool begins(const char *word, const char *with)
{
    return strncmp(word, with, strlen(with)) == 0;
}

static int take_word(const char *word, struct trace_filter *out)
{
    if (strcmp(word, "json") == 0)
        out->is_json = true;
    else if (strcmp(word, "drop") == 0)
        out->wants_drops = true;
    else if (begins(word, "event="))
        return take_events(word + strlen("event="), out);
    else if (begins(word, "port="))
        return take_port(word + strlen("port="), out);
    else if (begins(word, "host="))
        return take_host(word + strlen("host="), out);
    else
        return take_layer(word, out);
    return 0;
}

/* No layer is named: all of them, unless drops alone are. */
static void complete(struct trace_filter *filter)
{
    if (filter->layers == 0 && (!filter->wants_drops || filter->events != 0))
        filter->layers = ~0u;
    if (filter->events == 0)
        filter->events = ~0u;
}

void trace_filter_init(struct trace_filter *filter)
{
    *filter = (struct trace_filter){.is_json = false};
    complete(filter);
}

int trace_filter_parse(const char *what, struct trace_filter *out,
                       char mistake[TRACE_WORD_MAX])
{
    struct trace_filter filter = {.is_json = false};

    while (*what != '\0') {
        size_t len = strcspn(what, ",");

        snprintf(mistake, TRACE_WORD_MAX, "%.*s",
                 (int)min_size(len, TRACE_WORD_MAX), what);
        if (len >= TRACE_WORD_MAX || take_word(mistake, &filter) < 0)
            return -EINVAL;
        what += len;
        if (*what == ',' && *++what == '\0') {
            mistake[0] = '\0'; /* a comma, and nothing */
            return -EINVAL;
        }
    }
    complete(&filter);
    *out = filter;
    return 0;
}

/* ---- Events ------------------------------------------------------------ */

static bool has_port(const struct trace_filter *filter, uint16_t a, uint16_t b)
{
    for (unsigned i = 0; i < filter->port_count; i++) {
        if (filter->ports[i] == a || filter->ports[i] == b)
            return true;
    }
    return filter->port_count == 0;
}

static bool has_host(const struct trace_filter *filter, const struct ip_addr *a,
                     const struct ip_addr *b)
{
    for (unsigned i = 0; i < filter->host_count; i++) {
        if (ip_prefix_contains(&filter->hosts[i], a) ||
            ip_prefix_contains(&filter->hosts[i], b))
            return true;
    }
    return filter->host_count == 0;
}

static bool ends_match(const struct trace_filter *filter,
                       const struct endpoint *a, const struct endpoint *b)
{
    return has_port(filter, a->port, b->port) &&
           has_host(filter, &a->addr, &b->addr);
}

static bool frame_matches(const struct trace_filter *filter,
                          const struct frame *frame)
{
    struct frame_ends ends = frame_ends_of(frame->iface->dev->type, frame);

    return ends_match(filter, &ends.src, &ends.dst);
}

static bool names_ends(const struct trace_event *event)
{
    static const struct ip_addr none;

    return !ip_addr_equal(&event->local.addr, &none) ||
           !ip_addr_equal(&event->remote.addr, &none);
}

/* Where no frame is in hand, what names nobody is nobody's. */
static bool is_of_wanted(struct trace_filter *filter,
                         const struct trace_event *event)
{
    if (filter->port_count == 0 && filter->host_count == 0)
        return true;
    if (event->kind == TRACE_FRAME_OUT)
        return frame_matches(filter, event->frame);
    if (event->kind == TRACE_FRAME_IN) {
        filter->frame_number = event->frame_number;
        filter->frame_matches = frame_matches(filter, event->frame);
        return filter->frame_matches;
    }
    if (event->layer >= TRACE_UDP && event->layer <= TRACE_TCP &&
        names_ends(event))
        return ends_match(filter, &event->local, &event->remote);
    if (event->frame_number != 0)
        return event->frame_number == filter->frame_number &&
               filter->frame_matches;
    return names_ends(event) &&
           ends_match(filter, &event->local, &event->remote);
}

bool trace_filter_wants(struct trace_filter *filter,
                        const struct trace_event *event)
{
    if (!is_of_wanted(filter, event))
        return false;
    if (event->kind == TRACE_DROP && filter->wants_drops)
        return true;
    return (filter->layers >> event->layer & 1) != 0 &&
           (filter->events >> event->kind & 1) != 0;
}
