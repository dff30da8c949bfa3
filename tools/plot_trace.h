/*
 * What a stack itself has said: the lines of `--trace=json`, and the comments
 * of its own captures (pcapng).
 */
#ifndef TAPIR_TOOLS_PLOT_TRACE_H
#define TAPIR_TOOLS_PLOT_TRACE_H

#include "plot.h"

/*
 * One line of a trace: a segment, or what else tells of a connection. 1 if it
 * was an event, 0 if it was no JSON or of something else, -ENOMEM.
 */
MUST_CHECK int plot_trace_line(struct plot_capture *capture, uint64_t number,
                               const char *line, size_t len);

/* "..., cwnd 14480, ssthresh 7240, flight 2896, rtt 40.1 ms": of the end that
 * captured. 0, or -ENOMEM. */
MUST_CHECK int plot_trace_comment(struct plot_connection *connection,
                                  unsigned end, usec time, const char *comment);

#endif
