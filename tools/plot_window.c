/*
 * What limits the sender: the octets in flight, the receiver's window, and,
 * where the stack itself has told them, cwnd and ssthresh. From a capture
 * flight can only be estimated: what was sent and neither acknowledged nor
 * reported by SACK, where the capture was taken. A stack's own trace, and its
 * own capture, are taken in the right place.
 */
#include "plot_diagrams.h"

#include "plot_ranges.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { HEIGHT = 240, FOOT = 56 };

static const struct plot_key key_of_capture[] = {
    {"l flight", PLOT_LINE,
     "in flight (estimated: sent, neither acknowledged nor in SACK)", NULL},
    {"l window dash", PLOT_LINE, "receiver's window", NULL},
    {.text = NULL},
};

static const struct plot_key key_of_stack[] = {
    {"l flight", PLOT_LINE,
     "in flight (sent, neither acknowledged nor in SACK)", NULL},
    {"l cwnd", PLOT_LINE, "cwnd", NULL},
    {"l faint dot", PLOT_LINE, "ssthresh", NULL},
    {"l window dash", PLOT_LINE, "receiver's window", NULL},
    {.text = NULL},
};

static bool has_samples(const struct plot_view *view)
{
    for (size_t i = 0; i < view->connection->sample_count; i++)
        if (view->connection->sample[i].from == view->sender &&
            view->connection->sample[i].cwnd >= 0)
            return true;
    return false;
}

static const struct plot_key *key(const struct plot_view *view)
{
    return has_samples(view) ? key_of_stack : key_of_capture;
}

/* ---- Flight ------------------------------------------------------------ */

struct flight {
    struct plot_ranges sacked;
    int64_t next;  /* SND.NXT, as far as seen */
    int64_t acked; /* SND.UNA */
};

static int64_t octets(const struct flight *flight)
{
    int64_t sacked = plot_ranges_total(&flight->sacked);
    int64_t octets = flight->next - flight->acked - sacked;

    return octets > 0 ? octets : 0;
}

static int take_ack(struct flight *flight, const struct plot_view *view,
                    const struct plot_segment *segment)
{
    if (segment->ack > flight->acked)
        flight->acked = segment->ack;
    for (unsigned i = 0; i < segment->sack_count; i++) {
        const struct plot_block *block =
            &view->connection->block[segment->sack + i];
        int r = plot_ranges_add(&flight->sacked, block->from, block->to);

        if (r < 0)
            return r;
    }
    plot_ranges_trim(&flight->sacked, flight->acked);
    return 0;
}

typedef void point_fn(void *context, usec time, int64_t value);

/* Gives each value that the flight takes. */
static int each_flight(const struct plot_view *view, point_fn *point,
                       void *context)
{
    struct flight flight = {0};
    int r = 0;

    for (size_t i = 0; i < view->connection->segment_count && r == 0; i++) {
        const struct plot_segment *segment = &view->connection->segment[i];

        if (segment->from != view->sender)
            r = take_ack(&flight, view, segment);
        else if (segment->end > flight.next && !(segment->flags & CAPTURE_RST))
            flight.next = segment->end;
        point(context, segment->time, octets(&flight));
    }
    plot_ranges_fini(&flight.sacked);
    return r;
}

static void each_window(const struct plot_view *view, point_fn *point,
                        void *context)
{
    for (size_t i = 0; i < view->connection->segment_count; i++) {
        const struct plot_segment *segment = &view->connection->segment[i];

        if (segment->from != view->sender && segment->window >= 0 &&
            !(segment->flags & CAPTURE_RST))
            point(context, segment->time, segment->window);
    }
}

/* ---- Drawing ----------------------------------------------------------- */

struct pen {
    const struct plot_view *view;
    struct plot_stairs stairs;
};

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

static struct pen pen_of(const struct plot_view *view, struct plot_panel *panel,
                         const char *class)
{
    return (struct pen){view, {.panel = panel, .class = class}};
}

/* Of what the stack told, the value at `member` of each sample. */
static void draw_samples(const struct plot_view *view, struct plot_panel *panel,
                         const char *class, size_t member)
{
    struct pen pen = pen_of(view, panel, class);

    for (size_t i = 0; i < view->connection->sample_count; i++) {
        const struct plot_sample *sample = &view->connection->sample[i];
        int64_t value;

        memcpy(&value, (const char *)sample + member, sizeof(value));
        if (sample->from == view->sender && value >= 0)
            to_stairs(&pen, sample->time, value);
    }
    plot_stairs_end(&pen.stairs, (double)view->span);
}

static int draw_flight(const struct plot_view *view, struct plot_panel *panel)
{
    struct pen flight = pen_of(view, panel, "l flight");
    int r = each_flight(view, to_stairs, &flight);

    plot_stairs_end(&flight.stairs, (double)view->span);
    return r;
}

/* A window, or a first ssthresh, that is never near may leave the diagram. */
static int highest(const struct plot_view *view, double *out)
{
    int64_t max = 0;
    int64_t window = 0;

    int r = each_flight(view, to_max, &max);
    for (size_t i = 0; i < view->connection->sample_count; i++)
        if (view->connection->sample[i].from == view->sender)
            to_max(&max, 0, view->connection->sample[i].cwnd);
    each_window(view, to_max, &window);
    if (window > max)
        max = window < max * 2 ? window : max + max / 4;
    *out = (double)max * 1.05 + 1;
    return r;
}

static double height(const struct plot_view *view)
{
    return plot_panel_head(key(view)) + HEIGHT + FOOT;
}

static int draw(const struct plot_view *view, struct svg *svg, double top)
{
    double head = top + plot_panel_head(key(view));
    struct plot_panel panel = {.svg = svg};
    double max;

    int r = highest(view, &max);
    if (r < 0)
        return r;
    panel.x = plot_axis_time((double)view->span, PLOT_LEFT, PLOT_RIGHT);
    panel.y = plot_axis_octets(max, head + HEIGHT, head);
    svg_group(svg, "windows", NULL);
    plot_panel_begin(&panel, top, "Windows over time", key(view), "size");
    plot_panel_clip(&panel);

    struct pen window = pen_of(view, &panel, "l window dash");
    each_window(view, to_stairs, &window);
    plot_stairs_end(&window.stairs, (double)view->span);
    draw_samples(view, &panel, "l cwnd", offsetof(struct plot_sample, cwnd));
    draw_samples(view, &panel, "l faint dot",
                 offsetof(struct plot_sample, ssthresh));
    r = draw_flight(view, &panel);
    plot_panel_clip_end(&panel);
    svg_group_end(svg);
    return r;
}

const struct plot_diagram plot_window = {"window", height, draw};
