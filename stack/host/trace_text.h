/*
 * The listener of --trace: a line of text for each event, to standard error,
 * in the words of tcpdump.
 */
#ifndef TAPIR_HOST_TRACE_TEXT_H
#define TAPIR_HOST_TRACE_TEXT_H

#include "host/trace_hub.h"

#include <stdio.h>

enum { TRACE_LINE_MAX = 512 };

/* A set of layers, from "tcp,drop"; empty: all. -EINVAL. */
MUST_CHECK int trace_text_parse(const char *what, unsigned *layers);
/* The names that it knows, for a message. */
const char *trace_text_layers(void);

struct trace_text {
    struct trace_listener listener;
    unsigned layers;
    FILE *to;
};

void trace_text_init(struct trace_text *text, unsigned layers, FILE *to);

#endif
