/*
 * The diagrams of `tapir plot`. Each is told where its upper edge is, and says
 * how high it is; those over time share their time axis.
 */
#ifndef TAPIR_TOOLS_PLOT_DIAGRAMS_H
#define TAPIR_TOOLS_PLOT_DIAGRAMS_H

#include "plot_panel.h"

struct plot_view {
    const struct plot_connection *connection;
    unsigned sender; /* whose text is drawn */
    usec start;      /* of the connection: time 0 */
    usec span;
    const char *record; /* "frame" or "line", of which segments have a number */
};

struct plot_diagram {
    const char *name; /* as --what has it */
    double (*height)(const struct plot_view *view);
    /* 0, or -ENOMEM. */
    int (*draw)(const struct plot_view *view, struct svg *svg, double top);
};

extern const struct plot_diagram plot_sequence;
extern const struct plot_diagram plot_window;
extern const struct plot_diagram plot_rtt;
extern const struct plot_diagram plot_ladder;

#endif
