/*
 * An event as a line of text, in the words of tcpdump; and the listener of
 * --trace, which writes such lines, or those of trace_json.h.
 */
#ifndef TAPIR_HOST_TRACE_TEXT_H
#define TAPIR_HOST_TRACE_TEXT_H

#include "host/line.h"
#include "host/trace_filter.h"
#include "host/trace_hub.h"

/* The line, with its end; empty for what needs no words: a frame of bare IP,
   of which `ip` says it all. */
void trace_text_line(const struct trace_event *event, struct line *line);

/* What happened, with the connection's number, and no end of line. */
void trace_text_add_event(struct line *line, const struct trace_event *event);
/* As in tcpdump, without the ends: "S. 0:0(0) ack 1 win 65535 <mss 1460>". */
void trace_text_add_segment(struct line *line, const struct trace_event *event);
/* How the connection stands: "cwnd 14480, flight 2896, rtt 0.201 ms, ..." */
void trace_text_add_connection(struct line *line, const struct tcb *tcb);

struct trace_text {
    struct trace_listener listener;
    struct trace_filter filter;
    int fd;
};

/* Each line is written to `fd` at once; what cannot be is lost. */
void trace_text_init(struct trace_text *text, const struct trace_filter *filter,
                     int fd);

#endif
