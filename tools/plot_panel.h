/*
 * A diagram with two axes, its key, and what may be drawn in it: stairs, bars,
 * points and marks. However many are drawn, what is written is bounded: what
 * falls on the same pixels is written once.
 */
#ifndef TAPIR_TOOLS_PLOT_PANEL_H
#define TAPIR_TOOLS_PLOT_PANEL_H

#include "plot.h"
#include "svg.h"

enum {
    PLOT_WIDTH = 1120, /* of the picture */
    PLOT_LEFT = 84,    /* of the diagrams in it */
    PLOT_RIGHT = 1096,
    PLOT_MARKS_MAX = 300 /* letters in a diagram */
};

struct plot_axis {
    double from; /* pixels of 0 and `max` */
    double to;
    double max;
    double step;      /* between ticks */
    double unit;      /* what one of the unit's is */
    const char *name; /* of the unit */
};

/* Microseconds; octets. From 0 to `max` or a little more. */
struct plot_axis plot_axis_time(double max, double from, double to);
struct plot_axis plot_axis_octets(double max, double from, double to);

double plot_axis_at(const struct plot_axis *axis, double value);

enum plot_shape { PLOT_LINE, PLOT_BAR, PLOT_POINT, PLOT_LETTER };

struct plot_key {
    const char *class;
    enum plot_shape shape;
    const char *text; /* NULL: the end of the list */
    const char *letter;
};

struct plot_box {
    double left, top, right, bottom;
};

struct plot_panel {
    struct svg *svg;
    struct plot_axis x;
    struct plot_axis y;
    struct plot_box mark[PLOT_MARKS_MAX]; /* where there is a letter */
    unsigned mark_count;
};

/* How many lines the key takes, for the height above the diagram. */
unsigned plot_key_lines(const struct plot_key *key);

/* The heading at `top`, the key, the frame and the axes, which are set. */
void plot_panel_begin(struct plot_panel *panel, double top, const char *heading,
                      const struct plot_key *key, const char *what);

/* Between these two what leaves the diagram is cut off. */
void plot_panel_clip(struct plot_panel *panel);
void plot_panel_clip_end(struct plot_panel *panel);

/* How high heading and key are: the diagram begins below. */
double plot_panel_head(const struct plot_key *key);

/* A value that stays until it changes. */
struct plot_stairs {
    struct plot_panel *panel;
    const char *class;
    bool is_begun;
    double x;     /* the column in hand */
    double first; /* in it, in pixels */
    double low;
    double high;
    double last;
};

void plot_stairs_add(struct plot_stairs *stairs, double x, double y);
/* Up to `x`. */
void plot_stairs_end(struct plot_stairs *stairs, double x);

/* Vertical bars, as pixels of a picture of their own. */
struct plot_raster {
    unsigned columns;
    unsigned rows;
    double grain; /* pixels of the diagram in one of these */
    uint8_t *bits;
};

/* 0, or -ENOMEM. */
MUST_CHECK int plot_raster_init(struct plot_raster *raster,
                                const struct plot_panel *panel);
void plot_raster_add(struct plot_raster *raster, const struct plot_panel *panel,
                     double x, double from, double to);
/* Writes and frees it. */
void plot_raster_end(struct plot_raster *raster, struct plot_panel *panel,
                     const char *class);

/* Letters above or below a place, unless they would touch others. */
void plot_panel_mark_above(struct plot_panel *panel, const char *class,
                           double x, double y, const char *letters);
void plot_panel_mark_below(struct plot_panel *panel, const char *class,
                           double x, double y, const char *letters);

#endif
