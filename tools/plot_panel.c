#include "plot_panel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADING_HEIGHT = 30,
    KEY_HEIGHT = 20,
    KEY_GLYPH = 26,
    KEY_GAP = 20,
    TICKS_MAX = 10,
    RUNS_MAX = 20000 /* bars of one kind */
};

/* The widest a character of 12 pixels usually is. */
static const double character = 6.9;

/* ---- Axes -------------------------------------------------------------- */

/* 1, 2 or 5 times a power of ten, so that there are few of it. */
static double step_for(double max, unsigned count)
{
    static const double factors[] = {2, 2.5, 2};
    double step = 1;

    for (unsigned i = 0; step * count < max; i++)
        step *= factors[i % ARRAY_LENGTH(factors)];
    return step;
}

static struct plot_axis axis(double max, double from, double to,
                             const struct plot_axis *units, size_t count)
{
    double room = (from > to ? from - to : to - from) / 36;
    struct plot_axis axis = units[0];

    if (max < 1)
        max = 1;
    for (size_t i = 1; i < count; i++)
        if (max >= 2 * units[i].unit)
            axis = units[i];
    axis.step = step_for(max, room < TICKS_MAX ? (unsigned)room : TICKS_MAX);
    axis.from = from;
    axis.to = to;
    axis.max = max;
    return axis;
}

struct plot_axis plot_axis_time(double max, double from, double to)
{
    static const struct plot_axis units[] = {
        {.unit = 1, .name = "µs"},
        {.unit = 1e3, .name = "ms"},
        {.unit = 1e6, .name = "s"},
    };

    return axis(max, from, to, units, ARRAY_LENGTH(units));
}

struct plot_axis plot_axis_octets(double max, double from, double to)
{
    static const struct plot_axis units[] = {
        {.unit = 1, .name = "bytes"},
        {.unit = 1e3, .name = "kB"},
        {.unit = 1e6, .name = "MB"},
        {.unit = 1e9, .name = "GB"},
    };

    return axis(max, from, to, units, ARRAY_LENGTH(units));
}

double plot_axis_at(const struct plot_axis *axis, double value)
{
    return axis->from + (axis->to - axis->from) * value / axis->max;
}

static void draw_axes(struct plot_panel *panel, const char *what)
{
    struct svg *svg = panel->svg;
    const struct plot_axis *x = &panel->x;
    const struct plot_axis *y = &panel->y;

    for (double value = 0; value <= y->max; value += y->step) {
        double at = plot_axis_at(y, value);

        svg_line(svg, "grid", x->from, at, x->to, at);
        svg_text(svg, "tick", x->from - 8, at + 4, SVG_END, "%g",
                 value / y->unit);
    }
    for (double value = 0; value <= x->max; value += x->step) {
        double at = plot_axis_at(x, value);

        svg_line(svg, "grid", at, y->to, at, y->from);
        svg_line(svg, "axis", at, y->from, at, y->from + 5);
        svg_text(svg, "tick", at, y->from + 19, SVG_MIDDLE, "%g",
                 value / x->unit);
    }
    svg_path_move(svg, "axis", x->from, y->to);
    svg_path_line(svg, x->from, y->from);
    svg_path_line(svg, x->to, y->from);
    svg_path_end(svg);
    svg_text(svg, "unit", x->from - 8, y->to - 10, SVG_START, "%s, %s", what,
             y->name);
    svg_text(svg, "unit", x->to, y->from + 36, SVG_END, "time, %s", x->name);
}

/* ---- Key --------------------------------------------------------------- */

static size_t characters(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80; /* UTF-8 */
    return count;
}

/* Where each stands; returns the lines. */
static unsigned lay_key(const struct plot_key *key, double *x, unsigned *line)
{
    double at = PLOT_LEFT;
    unsigned lines = 0;

    for (size_t i = 0; key[i].text != NULL; i++) {
        double width = KEY_GLYPH + character * (double)characters(key[i].text);

        if (at + width > PLOT_RIGHT && at > PLOT_LEFT) {
            at = PLOT_LEFT;
            lines++;
        }
        if (x != NULL) {
            x[i] = at;
            line[i] = lines;
        }
        at += width + KEY_GAP;
    }
    return lines + 1;
}

static void draw_glyph(struct svg *svg, const struct plot_key *key, double x,
                       double y)
{
    switch (key->shape) {
    case PLOT_LINE:
        svg_line(svg, key->class, x, y, x + 20, y);
        break;
    case PLOT_BAR:
        svg_line(svg, key->class, x + 10, y - 6, x + 10, y + 6);
        break;
    case PLOT_POINT:
        svg_line(svg, key->class, x + 10, y, x + 10.1, y);
        break;
    case PLOT_LETTER:
        svg_text(svg, key->class, x + 10, y + 4, SVG_MIDDLE, "%s", key->letter);
        break;
    }
}

static void draw_key(struct svg *svg, const struct plot_key *key, double top)
{
    enum { KEYS_MAX = 16 };
    double x[KEYS_MAX];
    unsigned line[KEYS_MAX];

    lay_key(key, x, line);
    svg_group(svg, "keys", NULL);
    for (size_t i = 0; key[i].text != NULL; i++) {
        double y = top + line[i] * KEY_HEIGHT + KEY_HEIGHT / 2.0;

        draw_glyph(svg, &key[i], x[i], y);
        svg_text(svg, "key", x[i] + KEY_GLYPH, y + 4, SVG_START, "%s",
                 key[i].text);
    }
    svg_group_end(svg);
}

double plot_panel_head(const struct plot_key *key)
{
    return HEADING_HEIGHT + KEY_HEIGHT * lay_key(key, NULL, NULL) + 28;
}

void plot_panel_begin(struct plot_panel *panel, double top, const char *heading,
                      const struct plot_key *key, const char *what)
{
    svg_text(panel->svg, "heading", PLOT_LEFT, top + 18, SVG_START, "%s",
             heading);
    draw_key(panel->svg, key, top + HEADING_HEIGHT);
    draw_axes(panel, what);
}

void plot_panel_clip(struct plot_panel *panel)
{
    enum { MARGIN = 3 }; /* for feet at the edges */

    svg_clip(panel->svg, panel->x.from - MARGIN, panel->y.to,
             panel->x.to - panel->x.from + 2 * MARGIN,
             panel->y.from - panel->y.to + MARGIN);
}

void plot_panel_clip_end(struct plot_panel *panel)
{
    svg_group_end(panel->svg);
}

/* ---- Stairs ------------------------------------------------------------ */

static double half(double pixels)
{
    return (double)(long)(pixels * 2 + 0.5) / 2;
}

/* What happened within one column: to its extremes, then where it ended. */
static void end_column(struct plot_stairs *stairs)
{
    const double way[] = {stairs->first, stairs->low, stairs->high,
                          stairs->last};
    double at = stairs->first - 1;

    for (size_t i = 0; i < ARRAY_LENGTH(way); i++) {
        if (way[i] != at)
            svg_path_line(stairs->panel->svg, stairs->x, way[i]);
        at = way[i];
    }
}

void plot_stairs_add(struct plot_stairs *stairs, double x, double y)
{
    double column = half(plot_axis_at(&stairs->panel->x, x));
    double at = half(plot_axis_at(&stairs->panel->y, y));

    if (!stairs->is_begun) {
        svg_path_move(stairs->panel->svg, stairs->class, column, at);
        stairs->is_begun = true;
    } else if (column == stairs->x) {
        stairs->low = at < stairs->low ? at : stairs->low;
        stairs->high = at > stairs->high ? at : stairs->high;
        stairs->last = at;
        return;
    } else if (at == stairs->last) {
        return;
    } else {
        end_column(stairs);
        svg_path_line(stairs->panel->svg, column, stairs->last);
    }
    stairs->x = column;
    stairs->first = stairs->low = stairs->high = stairs->last = at;
}

void plot_stairs_end(struct plot_stairs *stairs, double x)
{
    if (!stairs->is_begun)
        return;
    end_column(stairs);
    svg_path_line(stairs->panel->svg, half(plot_axis_at(&stairs->panel->x, x)),
                  stairs->last);
    svg_path_end(stairs->panel->svg);
}

/* ---- Bars -------------------------------------------------------------- */

int plot_raster_init(struct plot_raster *raster, const struct plot_panel *panel)
{
    *raster = (struct plot_raster){
        .columns = (unsigned)(panel->x.to - panel->x.from) * 2 + 2,
        .rows = (unsigned)(panel->y.from - panel->y.to) * 2 + 2,
        .grain = 0.5,
    };
    raster->bits = calloc(raster->columns, raster->rows);
    return raster->bits != NULL ? 0 : -ENOMEM;
}

static unsigned cell(double pixels, double grain, unsigned count)
{
    double at = pixels / grain + 0.5;

    if (at < 0)
        return 0;
    return at < count ? (unsigned)at : count - 1;
}

void plot_raster_add(struct plot_raster *raster, const struct plot_panel *panel,
                     double x, double from, double to)
{
    unsigned column = cell(plot_axis_at(&panel->x, x) - panel->x.from,
                           raster->grain, raster->columns);
    unsigned low = cell(plot_axis_at(&panel->y, to) - panel->y.to,
                        raster->grain, raster->rows);
    unsigned high = cell(plot_axis_at(&panel->y, from) - panel->y.to,
                         raster->grain, raster->rows);

    if (low > high)
        return;
    memset(raster->bits + (size_t)column * raster->rows + low, 1,
           high - low + 1);
}

static const uint8_t *column_of(const struct plot_raster *raster, unsigned i)
{
    return raster->bits + (size_t)i * raster->rows;
}

/* The next run of cells from *row on, [*row, end). False if there is none. */
static bool next_run(const struct plot_raster *raster, unsigned column,
                     unsigned *row, unsigned *end)
{
    const uint8_t *cells = column_of(raster, column);

    while (*row < raster->rows && !cells[*row])
        ++*row;
    for (*end = *row; *end < raster->rows && cells[*end];)
        ++*end;
    return *row < raster->rows;
}

static unsigned count_runs(const struct plot_raster *raster)
{
    unsigned count = 0;
    unsigned end;

    for (unsigned column = 0; column < raster->columns; column++)
        for (unsigned row = 0; next_run(raster, column, &row, &end); row = end)
            count++;
    return count;
}

/* Four cells become one, in place. */
static void coarsen(struct plot_raster *raster)
{
    unsigned columns = (raster->columns + 1) / 2;
    unsigned rows = (raster->rows + 1) / 2;

    for (unsigned i = 0; i < columns; i++)
        for (unsigned j = 0; j < rows; j++) {
            uint8_t any = 0;

            for (unsigned k = 0; k < 4; k++) {
                unsigned column = 2 * i + k / 2;
                unsigned row = 2 * j + k % 2;

                if (column < raster->columns && row < raster->rows)
                    any |= column_of(raster, column)[row];
            }
            raster->bits[(size_t)i * rows + j] = any;
        }
    raster->columns = columns;
    raster->rows = rows;
    raster->grain *= 2;
}

void plot_raster_end(struct plot_raster *raster, struct plot_panel *panel,
                     const char *class)
{
    unsigned end;

    while (count_runs(raster) > RUNS_MAX)
        coarsen(raster);
    for (unsigned column = 0; column < raster->columns; column++)
        for (unsigned row = 0; next_run(raster, column, &row, &end);
             row = end) {
            double x = panel->x.from + column * raster->grain;

            svg_path_move(panel->svg, class, x,
                          panel->y.to + row * raster->grain);
            svg_path_line(panel->svg, x,
                          panel->y.to + (end - 1) * raster->grain + 0.1);
        }
    svg_path_end(panel->svg);
    free(raster->bits);
}

/* ---- Letters ----------------------------------------------------------- */

static bool touches(const struct plot_box *a, const struct plot_box *b)
{
    return a->left < b->right && b->left < a->right && a->top < b->bottom &&
           b->top < a->bottom;
}

/* The nearest to `value` that is in [low, high]. */
static double within(double value, double low, double high)
{
    if (value < low)
        return low;
    return value > high ? high : value;
}

static void mark(struct plot_panel *panel, const char *class, double x,
                 double bottom, const char *letters)
{
    const struct plot_axis *across = &panel->x;
    double half_width = 4.5 * (double)strlen(letters);

    x = within(plot_axis_at(across, x), across->from + half_width + 2,
               across->to - half_width);
    bottom = within(bottom, panel->y.to + 12, panel->y.from - 3);

    struct plot_box box = {x - half_width, bottom - 10, x + half_width,
                           bottom + 2};
    for (unsigned i = 0; i < panel->mark_count; i++)
        if (touches(&panel->mark[i], &box))
            return;
    if (panel->mark_count == PLOT_MARKS_MAX)
        return;
    panel->mark[panel->mark_count++] = box;
    svg_text(panel->svg, class, x, bottom, SVG_MIDDLE, "%s", letters);
}

void plot_panel_mark_above(struct plot_panel *panel, const char *class,
                           double x, double y, const char *letters)
{
    mark(panel, class, x, plot_axis_at(&panel->y, y) - 3, letters);
}

void plot_panel_mark_below(struct plot_panel *panel, const char *class,
                           double x, double y, const char *letters)
{
    mark(panel, class, x, plot_axis_at(&panel->y, y) + 12, letters);
}
