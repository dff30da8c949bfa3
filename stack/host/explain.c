/*
 * The story of one frame: see explain.h. Events come in the order of the code;
 * each lets the layers before it be told as passed. Which checks those were,
 * and which one has failed, is in the tables of explain_checks.c.
 */
#include "host/explain.h"

#include "host/explain_fields.h"
#include "host/settings.h"
#include "host/trace_text.h"
#include "ip/icmp.h"
#include "ip/ip.h"
#include "link/eth.h"
#include "tcp/tcb.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LAST_STEP = 8, STEP_RST = 2, STEP_ACK = 5, STEP_TEXT = 7 };

/* ---- Which ------------------------------------------------------------- */

/* "9-12" */
static int parse_range(char *text, struct explain_range *out)
{
    char *dash;

    out->is_out = strncmp(text, "out", 3) == 0;
    if (out->is_out)
        text += 3;
    dash = strchr(text, '-');
    if (dash != NULL)
        *dash = '\0';
    if (number_parse(text, INT64_MAX, &out->first) < 0 ||
        number_parse(dash == NULL ? text : dash + 1, INT64_MAX, &out->last) < 0)
        return -EINVAL;
    return out->first == 0 || out->last < out->first ? -EINVAL : 0;
}

int explain_parse(const char *text, struct explain_list *out)
{
    struct explain_list list = {.count = 0};
    char word[48];

    for (;;) {
        size_t len = strcspn(text, ",");

        if (len >= sizeof(word) || list.count == EXPLAIN_RANGES_MAX)
            return -EINVAL;
        memcpy(word, text, len);
        word[len] = '\0';
        if (parse_range(word, &list.ranges[list.count++]) < 0)
            return -EINVAL;
        if (text[len] == '\0')
            break;
        text += len + 1;
    }
    *out = list;
    return 0;
}

static bool is_listed(const struct explain *explain, bool is_out,
                      uint64_t frame)
{
    for (unsigned i = 0; i < explain->list.count; i++) {
        const struct explain_range *range = &explain->list.ranges[i];

        if (range->is_out == is_out && range->first <= frame &&
            frame <= range->last)
            return true;
    }
    return false;
}

/* ---- Lines ------------------------------------------------------------- */

static void take_line(void *context, const char *line)
{
    const struct explain *explain = context;
    ssize_t written = write(explain->fd, line, strlen(line));

    (void)written; /* nobody could be told */
}

static struct explain_sink sink_of(struct explain *explain)
{
    return (struct explain_sink){.take = take_line, .context = explain};
}

__attribute__((format(printf, 2, 3))) static void put(struct explain *explain,
                                                      const char *format, ...)
{
    char text[LINE_MAX_LEN];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    take_line(explain, text);
}

/* An event in the words of --trace. */
static void put_decision(struct explain *explain,
                         const struct trace_event *event)
{
    struct line line;

    line_clear(&line);
    line_add(&line, "    => ");
    trace_text_add_event(&line, event);
    line_end(&line);
    take_line(explain, line.text);
}

/* ---- Checks ------------------------------------------------------------ */

static void put_check(struct explain *explain, const char *verdict,
                      const struct explain_check *check)
{
    put(explain, "    %-3s %s%s (%s)\n", verdict,
        explain_step_word(check->step), check->must,
        drop_section(check->reason));
}

static void enter(struct explain *explain, enum explain_door door)
{
    explain->door = door;
    explain->next = explain_checks(door);
}

/* Those of the door up to a step of RFC 9293 3.10.7 hold. */
static void pass_up_to(struct explain *explain, unsigned step)
{
    if (step > explain->last_step)
        step = explain->last_step;
    while (explain->next->reason != DROP_NONE && explain->next->step <= step)
        put_check(explain, "ok", explain->next++);
}

static void pass_all(struct explain *explain)
{
    if (!explain->is_dropped)
        pass_up_to(explain, LAST_STEP);
}

static bool is_among(const struct explain_check *check, enum drop_reason reason)
{
    while (check->reason != DROP_NONE && check->reason != reason)
        check++;
    return check->reason == reason;
}

/* The door whose checks follow without an event between; itself: none. */
static enum explain_door door_after(enum explain_door door)
{
    switch (door) {
    case EXPLAIN_IP: /* the frame is no fragment */
    case EXPLAIN_FRAGMENT:
        return EXPLAIN_PROTOCOL;
    case EXPLAIN_PROTOCOL:
        return EXPLAIN_IGMP;
    case EXPLAIN_ETH:
    case EXPLAIN_ARP_HEADER:
    case EXPLAIN_ARP:
    case EXPLAIN_ICMP_HEADER:
    case EXPLAIN_ICMP_REQUEST:
    case EXPLAIN_ICMP_REPLY:
    case EXPLAIN_ICMP_ERROR:
    case EXPLAIN_IGMP:
    case EXPLAIN_UDP_HEADER:
    case EXPLAIN_UDP:
    case EXPLAIN_TCP_HEADER:
    case EXPLAIN_TCP_CLOSED:
    case EXPLAIN_TCP_LISTEN:
    case EXPLAIN_TCP_SYN_SENT:
    case EXPLAIN_TCP_SYN_RECEIVED:
    case EXPLAIN_TCP_OTHERWISE:
    case EXPLAIN_TCP_TIME_WAIT:
    case EXPLAIN_DOORS:
        break;
    }
    return door;
}

/* Goes on to the door that makes this check, if there is one. */
static void seek_check(struct explain *explain, enum drop_reason reason)
{
    enum explain_door door = door_after(explain->door);

    if (is_among(explain->next, reason) || door == explain->door ||
        !is_among(explain_checks(door), reason))
        return;
    pass_all(explain);
    enter(explain, door);
}

/* The next check has a twin that comes later, and that one has failed. */
static bool was_passed(const struct explain *explain)
{
    struct bytes headers = bytes_of(explain->headers, explain->header_len);
    size_t at = min_size(explain->header_at, headers.len);

    return explain->next->was_passed != NULL &&
           explain->next->was_passed(bytes_from(headers, at));
}

static void fail(struct explain *explain, enum drop_reason reason)
{
    seek_check(explain, reason);
    if (is_among(explain->next, reason)) {
        while (explain->next->reason != reason || was_passed(explain))
            put_check(explain, "ok", explain->next++);
        put_check(explain, "NO", explain->next++);
    }
    put(explain, "    => dropped: %s (%s, %s)\n", drop_text(reason),
        drop_name(reason), drop_section(reason));
    explain->is_dropped = true;
}

/* ---- Layers ------------------------------------------------------------ */

static void put_fields(struct explain *explain, enum trace_layer layer,
                       size_t at)
{
    struct explain_sink sink = sink_of(explain);
    struct bytes headers = bytes_of(explain->headers, explain->header_len);

    if (explain->is_elsewhere)
        return;
    switch (layer) {
    case TRACE_ETH:
        explain->at = explain_fields_eth(&sink, headers);
        break;
    case TRACE_ARP:
        explain_fields_arp(&sink, headers, at);
        break;
    case TRACE_IP:
        explain->at = explain_fields_ip(&sink, headers, at);
        break;
    case TRACE_ICMP:
        explain_fields_icmp(&sink, headers, at);
        break;
    case TRACE_UDP:
        explain_fields_udp(&sink, headers, at);
        break;
    case TRACE_TCP:
        explain_fields_tcp(&sink, headers, at, explain->irs, explain->iss);
        break;
    case TRACE_SOCKET:
        break;
    }
}

static enum explain_door door_of(enum trace_layer layer)
{
    switch (layer) {
    case TRACE_ETH:
        return EXPLAIN_ETH;
    case TRACE_ARP:
        return EXPLAIN_ARP_HEADER;
    case TRACE_IP:
        return EXPLAIN_IP;
    case TRACE_ICMP:
        return EXPLAIN_ICMP_HEADER;
    case TRACE_UDP:
        return EXPLAIN_UDP_HEADER;
    case TRACE_TCP:
    case TRACE_SOCKET:
        break;
    }
    return EXPLAIN_TCP_HEADER;
}

static void begin_layer(struct explain *explain, enum trace_layer layer)
{
    put(explain, "  %s\n", trace_layer_word(layer));
    explain->layer = layer;
    explain->header_at = explain->at;
    put_fields(explain, layer, explain->at);
    enter(explain, door_of(layer));
}

/* An event of `layer`: the layers below have let the frame pass. */
static void reach(struct explain *explain, enum trace_layer layer)
{
    if (layer == TRACE_SOCKET || explain->layer == TRACE_ARP)
        return;
    if (explain->layer == TRACE_ETH && layer > TRACE_ETH) {
        pass_all(explain);
        begin_layer(explain, layer == TRACE_ARP ? TRACE_ARP : TRACE_IP);
    }
    if (explain->layer == TRACE_IP && layer > TRACE_IP) {
        pass_all(explain);
        begin_layer(explain, layer);
    }
}

/* ---- Frames that come in ----------------------------------------------- */

static void keep_headers(struct explain *explain, const struct frame *frame)
{
    explain->header_len =
        frame_copy(frame, 0, explain->headers, sizeof(explain->headers));
}

static void begin(struct explain *explain, const struct trace_event *event)
{
    const struct iface *iface = event->frame->iface;

    explain->frame_number = event->frame_number;
    explain->is_dropped = false;
    explain->is_elsewhere = false;
    explain->connection = 0;
    explain->waits_for = 0;
    explain->last_step = LAST_STEP;
    explain->at = 0;
    explain->iss = 0;
    explain->irs = 0;
    keep_headers(explain, event->frame);
    put(explain, "frame in %llu: at %lld.%06lld from %s, %zu bytes\n",
        (unsigned long long)event->frame_number,
        (long long)(event->now / USEC_PER_SEC),
        (long long)(event->now % USEC_PER_SEC), iface->name, event->len);
    begin_layer(explain,
                iface->dev->type == NETDEV_ETHERNET ? TRACE_ETH : TRACE_IP);
}

/* What is asked of an ICMP message goes by its type. */
static enum explain_door door_of_message(const struct explain *explain)
{
    switch (explain->headers[explain->header_at + ICMP_TYPE]) {
    case ICMP_ECHO_REQUEST:
        return EXPLAIN_ICMP_REQUEST;
    case ICMP_ECHO_REPLY:
        return EXPLAIN_ICMP_REPLY;
    default: /* a number from the wire, not an enum */
        return EXPLAIN_ICMP_ERROR;
    }
}

static void packet_came(struct explain *explain,
                        const struct trace_event *event)
{
    bool is_fragment = strcmp(event->text, "fragment") == 0;

    pass_all(explain);
    put_decision(explain, event);
    switch (event->layer) {
    case TRACE_IP:
        explain->is_elsewhere |= explain->door == EXPLAIN_FRAGMENT;
        enter(explain, is_fragment ? EXPLAIN_FRAGMENT : EXPLAIN_PROTOCOL);
        break;
    case TRACE_ARP:
        enter(explain, EXPLAIN_ARP);
        break;
    case TRACE_ICMP:
        enter(explain, door_of_message(explain));
        break;
    case TRACE_UDP:
        enter(explain, EXPLAIN_UDP);
        break;
    case TRACE_ETH:
    case TRACE_TCP:
    case TRACE_SOCKET:
        break;
    }
}

static enum explain_door door_in_state(const struct trace_event *event)
{
    static const struct {
        enum tcp_state state;
        enum explain_door door;
    } doors[] = {{TCPS_CLOSED, EXPLAIN_TCP_CLOSED},
                 {TCPS_LISTEN, EXPLAIN_TCP_LISTEN},
                 {TCPS_SYN_SENT, EXPLAIN_TCP_SYN_SENT},
                 {TCPS_TIME_WAIT, EXPLAIN_TCP_TIME_WAIT}};

    for (size_t i = 0; i < ARRAY_LENGTH(doors); i++) {
        if (strcmp(event->state, tcp_state_name(doors[i].state)) == 0)
            return doors[i].door;
    }
    if (strcmp(event->state, tcp_state_name(TCPS_SYN_RECEIVED)) == 0 &&
        event->tcb == NULL)
        return EXPLAIN_TCP_SYN_RECEIVED;
    return EXPLAIN_TCP_OTHERWISE;
}

static void segment_came(struct explain *explain,
                         const struct trace_event *event)
{
    struct line line;

    pass_all(explain);
    put_decision(explain, event);
    line_clear(&line);
    line_add(&line, "state %s", event->state);
    if (event->tcb != NULL) {
        line_add(&line, ": ");
        trace_text_add_connection(&line, event->tcb);
    }
    put(explain, "    => %s\n", line.text);
    explain->connection = event->connection;
    enter(explain, door_in_state(event));
    if ((event->segment->flags & SEG_RST) != 0)
        explain->last_step = STEP_RST; /* whatever comes of it ends there */
}

/* The step of RFC 9293 3.10.7.4 at which a state changes. */
static unsigned step_of_state(const char *to)
{
    static const enum tcp_state by_ack[] = {TCPS_ESTABLISHED, TCPS_FIN_WAIT_2,
                                            TCPS_CLOSED};

    for (size_t i = 0; i < ARRAY_LENGTH(by_ack); i++) {
        if (strcmp(to, tcp_state_name(by_ack[i])) == 0)
            return STEP_ACK;
    }
    return LAST_STEP;
}

static void state_changed(struct explain *explain,
                          const struct trace_event *event)
{
    bool is_closed = strcmp(event->text, tcp_state_name(TCPS_CLOSED)) == 0;

    if (explain->connection == 0)
        explain->connection = event->connection; /* half-open from now on */
    if (!explain->is_dropped)
        pass_up_to(explain, step_of_state(event->text));
    put_decision(explain, event);
    if (is_closed)
        explain->last_step = 0; /* nothing is checked any more */
}

/* Steps that are found out one by one; elsewhere an answer ends them all. */
static bool has_steps(const struct explain *explain)
{
    return explain->door == EXPLAIN_TCP_SYN_RECEIVED ||
           explain->door == EXPLAIN_TCP_OTHERWISE ||
           explain->door == EXPLAIN_TCP_TIME_WAIT;
}

static void tell(struct explain *explain, const struct trace_event *event)
{
    switch (event->kind) {
    case TRACE_FRAME_IN:
    case TRACE_TIMER:
        break;
    case TRACE_PACKET_IN:
        reach(explain, event->layer);
        packet_came(explain, event);
        break;
    case TRACE_SEGMENT_IN:
        explain->iss = event->iss;
        explain->irs = event->irs;
        reach(explain, event->layer);
        segment_came(explain, event);
        break;
    case TRACE_DROP:
        reach(explain, event->layer);
        fail(explain, event->drop);
        break;
    case TRACE_STATE:
        state_changed(explain, event);
        break;
    case TRACE_ACKED:
    case TRACE_WINDOW:
    case TRACE_CONGESTION:
        if (has_steps(explain))
            pass_up_to(explain, STEP_ACK);
        put_decision(explain, event);
        break;
    case TRACE_TEXT:
        pass_up_to(explain, STEP_TEXT);
        put_decision(explain, event);
        break;
    case TRACE_PACKET_OUT:
    case TRACE_SEGMENT_OUT:
    case TRACE_NEIGHBOUR:
        if (!has_steps(explain))
            pass_all(explain);
        if (event->layer != TRACE_IP) /* of what the transport has told */
            put_decision(explain, event);
        break;
    case TRACE_FRAME_OUT:
        put(explain, "    => frame out %llu leaves\n",
            (unsigned long long)event->frame_out);
        break;
    case TRACE_ACK:
    case TRACE_READY:
        put_decision(explain, event);
        break;
    }
}

/* What is left has been passed; an answer may follow with the flush. */
static void end(struct explain *explain)
{
    if (explain->frame_number == 0)
        return;
    pass_all(explain);
    if (explain->door == EXPLAIN_FRAGMENT && !explain->is_dropped)
        put(explain, "    => kept, until the others are there\n");
    explain->waits_for = explain->connection;
    explain->frame_number = 0;
}

static void tell_answer(struct explain *explain,
                        const struct trace_event *event)
{
    if (explain->waits_for == 0 || event->kind != TRACE_SEGMENT_OUT ||
        event->connection != explain->waits_for)
        return;
    put(explain, "  at the end of the pass\n");
    put_decision(explain, event);
}

/* ---- Frames that leave ------------------------------------------------- */

static bool leads_to_a_frame(const struct trace_event *event)
{
    return event->kind == TRACE_SEGMENT_OUT ||
           event->kind == TRACE_PACKET_OUT || event->kind == TRACE_TIMER ||
           event->kind == TRACE_CONGESTION;
}

/* What leaves after it is not what was told last, if that still waits. */
static void forget_unsent(struct explain *explain)
{
    if (!explain->has_led_packet)
        return;
    explain->has_led_packet = false;
    explain->led_count = 0;
    explain->iss = 0;
    explain->irs = 0;
}

/* The last few: what waits for ARP leads to nothing yet. */
static void note_lead(struct explain *explain, const struct trace_event *event)
{
    if (event->layer == TRACE_ARP)
        explain->led_count = 0;
    if (explain->led_count == EXPLAIN_LED_MAX) {
        memmove(explain->led, explain->led + 1,
                (EXPLAIN_LED_MAX - 1) * sizeof(explain->led[0]));
        explain->led_count--;
    }
    trace_text_line(event, &explain->led[explain->led_count++]);
    explain->has_led_packet |=
        event->kind == TRACE_SEGMENT_OUT || event->kind == TRACE_PACKET_OUT;
    if (event->kind == TRACE_SEGMENT_OUT) {
        explain->iss = event->iss;
        explain->irs = event->irs;
    }
}

static void put_layer(struct explain *explain, enum trace_layer layer)
{
    put(explain, "  %s\n", trace_layer_word(layer));
    put_fields(explain, layer, explain->at);
}

static void put_transport(struct explain *explain, unsigned protocol)
{
    struct explain_sink sink = sink_of(explain);

    put(explain, "  %s\n", ip_protocol_text((uint8_t)protocol));
    if (protocol == IP_PROTO_TCP)
        explain_fields_tcp(&sink,
                           bytes_of(explain->headers, explain->header_len),
                           explain->at, explain->iss, explain->irs);
    else if (protocol == IP_PROTO_UDP)
        put_fields(explain, TRACE_UDP, explain->at);
    else if (protocol == IP_PROTO_ICMP)
        put_fields(explain, TRACE_ICMP, explain->at);
}

static void put_sent(struct explain *explain, const struct trace_event *event)
{
    const struct iface *iface = event->frame->iface;
    struct frame_ends ends = frame_ends_of(iface->dev->type, event->frame);

    put(explain, "frame out %llu: at %lld.%06lld to %s, %zu bytes\n",
        (unsigned long long)event->frame_out,
        (long long)(event->now / USEC_PER_SEC),
        (long long)(event->now % USEC_PER_SEC), iface->name, event->len);
    if (event->frame_number != 0)
        put(explain, "  in answer to frame in %llu\n",
            (unsigned long long)event->frame_number);
    for (unsigned i = 0; i < explain->led_count; i++)
        put(explain, "  <= %s", explain->led[i].text);
    keep_headers(explain, event->frame);
    explain->is_elsewhere = false;
    explain->at = 0;
    if (iface->dev->type == NETDEV_ETHERNET)
        put_layer(explain, TRACE_ETH);
    if (ends.type == ETH_TYPE_ARP)
        put_layer(explain, TRACE_ARP);
    if (ends.type != ETH_TYPE_IPV4)
        return;
    put_layer(explain, TRACE_IP);
    if (!ends.is_later_fragment)
        put_transport(explain, ends.protocol);
}

/* One that is told while a frame in is: then that one's story is kept. */
static void frame_left(struct explain *explain, const struct trace_event *event)
{
    struct explain kept;

    if (is_listed(explain, true, event->frame_out)) {
        kept = *explain;
        put_sent(explain, event);
        *explain = kept;
    }
    explain->led_count = 0;
    explain->has_led_packet = false;
}

/* ---- The listener ------------------------------------------------------ */

static void hear(struct trace_listener *listener,
                 const struct trace_event *event)
{
    struct explain *explain = container_of(listener, struct explain, listener);

    if (event->frame_number != explain->frame_number)
        end(explain);
    if (event->kind == TRACE_FRAME_IN)
        forget_unsent(explain);
    if (event->kind == TRACE_FRAME_IN &&
        is_listed(explain, false, event->frame_number))
        begin(explain, event);
    else if (explain->frame_number != 0)
        tell(explain, event);
    else
        tell_answer(explain, event);
    if (event->kind == TRACE_FRAME_OUT)
        frame_left(explain, event);
    else if (leads_to_a_frame(event))
        note_lead(explain, event);
}

static void pass_is_over(struct trace_listener *listener)
{
    struct explain *explain = container_of(listener, struct explain, listener);

    end(explain);
    explain->waits_for = 0;
}

void explain_init(struct explain *explain, const struct explain_list *list,
                  int fd)
{
    *explain =
        (struct explain){.listener = {.event = hear, .pass_over = pass_is_over},
                         .list = *list,
                         .fd = fd};
}
