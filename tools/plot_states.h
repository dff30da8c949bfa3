/*
 * The states of both ends, inferred from the segments between them.
 */
#ifndef TAPIR_TOOLS_PLOT_STATES_H
#define TAPIR_TOOLS_PLOT_STATES_H

#include "plot.h"

/* After the marks are set. 0, or -ENOMEM. */
MUST_CHECK int plot_infer_states(struct plot_connection *connection);

#endif
