/*
 * What a recording says of each packet: see pcapng_story.h. Events between a
 * FRAME_IN and the end of its frame are about that frame; what is sent tells
 * of itself by SEGMENT_OUT or PACKET_OUT, before its FRAME_OUT.
 */
#include "host/pcapng_story.h"

#include "host/trace_text.h"
#include "link/iface.h"
#include "tcp/tcb.h"

#include <stdio.h>

static void say(struct pcapng_story *story, const struct line *line)
{
    story->teller.of_received(story->teller.context, line->text);
}

static bool is_about(const struct pcapng_story *story,
                     const struct trace_event *event)
{
    return story->iface == 0 || event->frame->iface->index == story->iface;
}

/* "[3] ESTABLISHED, cwnd 14480, ..." */
static void add_connection(struct line *line, const struct trace_event *event)
{
    if (event->connection != 0)
        line_add(line, "[%u] ", event->connection);
    line_add(line, "%s", event->state == NULL ? "CLOSED" : event->state);
    if (event->tcb == NULL)
        return;
    line_add(line, ", ");
    trace_text_add_connection(line, event->tcb);
}

/* ---- Frames that came in ----------------------------------------------- */

static void add_acked(struct line *line, const struct trace_event *event)
{
    line_add(line, "%zu acknowledged", event->len);
    if (event->tcb == NULL)
        return;
    line_add(line, ", now ");
    trace_text_add_connection(line, event->tcb);
}

static void add_ack(struct line *line, const struct trace_event *event)
{
    line_add(line, "ACK %s", event->text);
    if (event->due > event->now)
        line_add(line, ", in %lld ms",
                 (long long)((event->due - event->now) / USEC_PER_MSEC));
}

static void add_text(struct line *line, const struct trace_event *event)
{
    line_add(line, "%zu bytes %s", event->len, event->text);
    if (event->connection != 0)
        line_add(line, " to [%u]", event->connection);
}

/* Nothing, where the packet says it itself. */
static void add_received(struct line *line, const struct trace_event *event)
{
    switch (event->kind) {
    case TRACE_DROP:
        line_add(line, "DROPPED: %s (%s, %s)", drop_text(event->drop),
                 drop_name(event->drop), drop_section(event->drop));
        break;
    case TRACE_SEGMENT_IN:
        add_connection(line, event);
        break;
    case TRACE_STATE:
        line_add(line, "%s -> %s", event->from, event->text);
        break;
    case TRACE_CONGESTION:
        line_add(line, "%s: cwnd %u, ssthresh %u", event->text, event->cwnd,
                 event->ssthresh);
        break;
    case TRACE_ACKED:
        add_acked(line, event);
        break;
    case TRACE_TEXT:
        add_text(line, event);
        break;
    case TRACE_ACK:
        add_ack(line, event);
        break;
    case TRACE_READY:
        line_add(line, "socket %u is told", event->socket);
        break;
    case TRACE_FRAME_OUT:
        line_add(line, "frame out %llu is sent",
                 (unsigned long long)event->frame_out);
        break;
    case TRACE_FRAME_IN:
    case TRACE_PACKET_IN:
    case TRACE_PACKET_OUT:
    case TRACE_SEGMENT_OUT:
    case TRACE_TIMER:
    case TRACE_NEIGHBOUR:
    case TRACE_WINDOW:
        break;
    }
}

static void tell_received(struct pcapng_story *story,
                          const struct trace_event *event)
{
    struct line line;

    line_clear(&line);
    add_received(&line, event);
    if (line.len > 0)
        say(story, &line);
    if (event->kind == TRACE_DROP) {
        story->dropped++;
        story->drops[event->drop]++;
    }
}

static void begin(struct pcapng_story *story, const struct trace_event *event)
{
    struct line line;

    story->frame_number = 0;
    line_clear(&story->next); /* of a segment that waits for ARP */
    if (!is_about(story, event))
        return;
    story->frame_number = event->frame_number;
    line_clear(&line);
    line_add(&line, "frame in %llu", (unsigned long long)event->frame_number);
    say(story, &line);
}

/* ---- Frames that leave ------------------------------------------------- */

static void note_cause(struct pcapng_story *story,
                       const struct trace_event *event)
{
    if (event->connection != story->cause_of)
        line_clear(&story->cause);
    story->cause_of = event->connection;
    line_add(&story->cause, "; %s%s",
             event->kind == TRACE_TIMER ? "timer: " : "", event->text);
}

static void note_segment(struct pcapng_story *story,
                         const struct trace_event *event)
{
    story->has_packet = false;
    line_clear(&story->next);
    line_add(&story->next, "; ");
    add_connection(&story->next, event);
    if (event->connection != story->cause_of)
        return;
    line_add(&story->next, "%s", story->cause.text);
    line_clear(&story->cause);
}

/* A segment has one packet of IP's. Another one: the segment waits for ARP. */
static void note_packet(struct pcapng_story *story,
                        const struct trace_event *event)
{
    if (event->layer != TRACE_IP || story->has_packet)
        line_clear(&story->next);
    story->has_packet = true;
}

static void tell_next(struct pcapng_story *story,
                      const struct trace_event *event)
{
    struct line line;

    if (!is_about(story, event))
        return;
    line_clear(&line);
    line_add(&line, "frame out %llu%s", (unsigned long long)event->frame_out,
             story->next.text);
    story->teller.of_next(story->teller.context, line.text);
    line_clear(&story->next);
}

static void hear(struct trace_listener *listener,
                 const struct trace_event *event)
{
    struct pcapng_story *story =
        container_of(listener, struct pcapng_story, listener);

    if (event->kind == TRACE_FRAME_IN)
        begin(story, event);
    else if (event->frame_number != 0 &&
             event->frame_number == story->frame_number)
        tell_received(story, event);
    else if (event->kind == TRACE_TIMER || event->kind == TRACE_CONGESTION)
        note_cause(story, event);
    if (event->kind == TRACE_SEGMENT_OUT)
        note_segment(story, event);
    else if (event->kind == TRACE_PACKET_OUT)
        note_packet(story, event);
    else if (event->kind == TRACE_FRAME_OUT)
        tell_next(story, event);
}

void pcapng_story_init(struct pcapng_story *story,
                       const struct pcapng_teller *teller)
{
    *story =
        (struct pcapng_story){.listener = {.event = hear}, .teller = *teller};
}

/* "TCP_NO_CONNECTION 3, ..." */
void pcapng_story_count(void *context, struct pcapng_statistics *statistics)
{
    struct pcapng_story *story = context;
    size_t len = 0;

    story->sums[0] = '\0';
    for (unsigned i = 1; i < DROP_REASON_COUNT; i++) {
        if (story->drops[i] == 0 || len >= sizeof(story->sums))
            continue;
        len += (size_t)snprintf(story->sums + len, sizeof(story->sums) - len,
                                "%s%s %llu", len == 0 ? "dropped: " : ", ",
                                drop_name((enum drop_reason)i),
                                (unsigned long long)story->drops[i]);
    }
    statistics->dropped = story->dropped;
    statistics->comment = story->sums;
}
