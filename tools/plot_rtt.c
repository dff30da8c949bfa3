/*
 * Round-trip times over time: from a segment to the ACK that covers it, where
 * the capture was taken, by Karn's rule (RFC 6298 3) only for what was sent
 * once; and the SRTT of the stack, where it has told it.
 */
#include "plot_diagrams.h"

enum { HEIGHT = 180, FOOT = 56 };

static const struct plot_key key_of_capture[] = {
    {"p data", PLOT_POINT,
     "segment to ACK (estimated where the capture was taken)", NULL},
    {.text = NULL},
};

static const struct plot_key key_of_stack[] = {
    {"p data", PLOT_POINT, "segment to ACK", NULL},
    {"l cwnd", PLOT_LINE, "SRTT (as the stack told)", NULL},
    {.text = NULL},
};

static bool has_samples(const struct plot_view *view)
{
    for (size_t i = 0; i < view->connection->sample_count; i++)
        if (view->connection->sample[i].from == view->sender &&
            view->connection->sample[i].srtt >= 0)
            return true;
    return false;
}

static const struct plot_key *key(const struct plot_view *view)
{
    return has_samples(view) ? key_of_stack : key_of_capture;
}

typedef void point_fn(void *context, usec time, int64_t value);

/*
 * The newest segment that an ACK newly covers; none if one of those that it
 * covers was sent more than once. *first moves past them.
 */
static const struct plot_segment *newly_covered(const struct plot_view *view,
                                                size_t *first, size_t now)
{
    const struct plot_segment *segment = view->connection->segment;
    const struct plot_segment *newest = NULL;
    bool is_ambiguous = false;

    for (; *first < now; ++*first) {
        const struct plot_segment *sent = &segment[*first];

        if (sent->from != view->sender || sent->seq == sent->end ||
            (sent->marks & PLOT_AGAIN))
            continue;
        if (sent->end > segment[now].ack)
            break;
        newest = sent;
        is_ambiguous |= (sent->marks & PLOT_LOST) != 0;
    }
    return is_ambiguous ? NULL : newest;
}

static void each_rtt(const struct plot_view *view, point_fn *point,
                     void *context)
{
    size_t first = 0;

    for (size_t i = 0; i < view->connection->segment_count; i++) {
        const struct plot_segment *ack = &view->connection->segment[i];
        const struct plot_segment *sent;

        if (ack->from == view->sender || ack->ack < 0)
            continue;
        sent = newly_covered(view, &first, i);
        if (sent != NULL)
            point(context, ack->time, ack->time - sent->time);
    }
}

static void each_srtt(const struct plot_view *view, point_fn *point,
                      void *context)
{
    for (size_t i = 0; i < view->connection->sample_count; i++) {
        const struct plot_sample *sample = &view->connection->sample[i];

        if (sample->from == view->sender && sample->srtt >= 0)
            point(context, sample->time, sample->srtt);
    }
}

/* ---- Drawing ----------------------------------------------------------- */

struct pen {
    const struct plot_view *view;
    struct plot_panel *panel;
    struct plot_raster raster;
    struct plot_stairs stairs;
};

static void to_raster(void *context, usec time, int64_t value)
{
    struct pen *pen = context;

    plot_raster_add(&pen->raster, pen->panel, (double)(time - pen->view->start),
                    (double)value, (double)value);
}

static void to_stairs(void *context, usec time, int64_t value)
{
    struct pen *pen = context;

    plot_stairs_add(&pen->stairs, (double)(time - pen->view->start),
                    (double)value);
}

static void to_max(void *context, usec time, int64_t value)
{
    int64_t *max = context;

    (void)time;
    if (value > *max)
        *max = value;
}

static double height(const struct plot_view *view)
{
    return plot_panel_head(key(view)) + HEIGHT + FOOT;
}

static int draw(const struct plot_view *view, struct svg *svg, double top)
{
    double head = top + plot_panel_head(key(view));
    struct plot_panel panel = {.svg = svg};
    struct pen pen = {.view = view,
                      .panel = &panel,
                      .stairs = {.panel = &panel, .class = "l cwnd"}};
    int64_t max = 0;

    each_rtt(view, to_max, &max);
    each_srtt(view, to_max, &max);
    panel.x = plot_axis_time((double)view->span, PLOT_LEFT, PLOT_RIGHT);
    panel.y = plot_axis_time((double)max * 1.05, head + HEIGHT, head);
    int r = plot_raster_init(&pen.raster, &panel);
    if (r < 0)
        return r;
    svg_group(svg, "rtt", NULL);
    plot_panel_begin(&panel, top, "Round-trip time", key(view),
                     "round-trip time");
    each_rtt(view, to_raster, &pen);
    plot_raster_end(&pen.raster, &panel, "p data");
    each_srtt(view, to_stairs, &pen);
    plot_stairs_end(&pen.stairs, (double)view->span);
    svg_group_end(svg);
    return 0;
}

const struct plot_diagram plot_rtt = {"rtt", height, draw};
