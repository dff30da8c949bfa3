/*
 * Reads what `tapir plot` draws: the TCP segments of a capture, a trace or a
 * recording, each to its connection, and what the stack said about itself.
 */
#ifndef TAPIR_TOOLS_PLOT_READ_H
#define TAPIR_TOOLS_PLOT_READ_H

#include "plot.h"

/*
 * 0, or a negative errno as capture_file.h has them. What was read before an
 * error is in the capture, which is the caller's to release in any case.
 */
MUST_CHECK int plot_read(const char *path, struct plot_capture *capture);

#endif
