/*
 * The time-sequence diagram of one direction, with tcptrace's conventions: a
 * bar for each segment, from its first sequence number to its last; below it
 * the line of acknowledgments, above it that of the window's edge; segments
 * sent again (R), out of order (O), SACK blocks, duplicate ACKs as small ticks,
 * SYN, FIN and RST by name, a shut window as Z.
 */
#include "plot_diagrams.h"

enum {
    HEIGHT = 460,
    FOOT = 56,       /* the time axis and the space below it */
    SINGLE_MAX = 600 /* segments with feet: more would touch */
};

static const struct plot_key key[] = {
    {"b data", PLOT_BAR, "segment", NULL},
    {"b again", PLOT_BAR, "sent again (R)", NULL},
    {"b order", PLOT_BAR, "out of order (O)", NULL},
    {"l ack", PLOT_LINE, "acknowledged", NULL},
    {"b thin ack", PLOT_BAR, "duplicate ACK", NULL},
    {"l window dash", PLOT_LINE, "window's edge", NULL},
    {"b sack", PLOT_BAR, "SACK", NULL},
    {.text = NULL},
};

static double time_of(const struct plot_view *view,
                      const struct plot_segment *segment)
{
    return (double)(segment->time - view->start);
}

static bool is_of_sender(const struct plot_view *view,
                         const struct plot_segment *segment)
{
    return segment->from == view->sender;
}

static bool is_ack(const struct plot_view *view,
                   const struct plot_segment *segment)
{
    return segment->from != view->sender && segment->ack >= 0;
}

static double highest(const struct plot_view *view)
{
    const struct plot_connection *connection = view->connection;
    int64_t text = connection->end[view->sender].last;
    int64_t edge = 0;

    for (size_t i = 0; i < connection->segment_count; i++) {
        const struct plot_segment *segment = &connection->segment[i];

        if (is_ack(view, segment) && segment->window >= 0 &&
            segment->ack + segment->window > edge)
            edge = segment->ack + segment->window;
    }
    /* A window that is never near would make the rest small: it may leave. */
    if (edge > text + text / 2)
        edge = text + text / 4;
    return (double)(edge > text ? edge : text) * 1.03 + 1;
}

/* ---- Lines ------------------------------------------------------------- */

static void draw_acks(const struct plot_view *view, struct plot_panel *panel)
{
    struct plot_stairs stairs = {.panel = panel, .class = "l ack"};
    int64_t acked = -1;

    for (size_t i = 0; i < view->connection->segment_count; i++) {
        const struct plot_segment *segment = &view->connection->segment[i];

        if (!is_ack(view, segment) || segment->ack <= acked)
            continue;
        acked = segment->ack;
        plot_stairs_add(&stairs, time_of(view, segment), (double)acked);
    }
    plot_stairs_end(&stairs, (double)view->span);
}

static void draw_window(const struct plot_view *view, struct plot_panel *panel)
{
    struct plot_stairs stairs = {.panel = panel, .class = "l window dash"};

    for (size_t i = 0; i < view->connection->segment_count; i++) {
        const struct plot_segment *segment = &view->connection->segment[i];

        if (!is_ack(view, segment) || segment->window < 0)
            continue;
        plot_stairs_add(&stairs, time_of(view, segment),
                        (double)(segment->ack + segment->window));
    }
    plot_stairs_end(&stairs, (double)view->span);
}

/* ---- Bars -------------------------------------------------------------- */

/* Which bars are drawn at once, and of what kind a segment is. */
enum kind { DATA, ORDER, AGAIN, SACK, DUPLICATE };

static enum kind kind_of(const struct plot_segment *segment)
{
    if (segment->marks & PLOT_AGAIN)
        return AGAIN;
    return segment->marks & PLOT_OUT_OF_ORDER ? ORDER : DATA;
}

typedef void bar_fn(void *context, double x, double from, double to);

static void each_block(const struct plot_view *view,
                       const struct plot_segment *segment, bar_fn *bar,
                       void *context)
{
    for (unsigned i = 0; i < segment->sack_count; i++) {
        const struct plot_block *block =
            &view->connection->block[segment->sack + i];

        /* A block may be upside down: a capture may hold anything. */
        if (block->to > 0 && block->to > block->from)
            bar(context, time_of(view, segment),
                (double)(block->from > 0 ? block->from : 0), (double)block->to);
    }
}

static void each_bar(const struct plot_view *view, enum kind kind, bar_fn *bar,
                     void *context)
{
    for (size_t i = 0; i < view->connection->segment_count; i++) {
        const struct plot_segment *segment = &view->connection->segment[i];
        double x = time_of(view, segment);

        if (kind == SACK) {
            if (is_ack(view, segment))
                each_block(view, segment, bar, context);
        } else if (kind == DUPLICATE) {
            if (is_ack(view, segment) && (segment->marks & PLOT_DUPLICATE_ACK))
                bar(context, x, (double)segment->ack, (double)segment->ack);
        } else if (is_of_sender(view, segment) && segment->end > segment->seq &&
                   segment->end > 0 && kind_of(segment) == kind) {
            bar(context, x, (double)(segment->seq > 0 ? segment->seq : 0),
                (double)segment->end);
        }
    }
}

struct pen {
    struct plot_panel *panel;
    struct plot_raster *raster;
    const char *class;
    double foot; /* half of its length, pixels */
};

static void draw_single(void *context, double x, double from, double to)
{
    struct pen *pen = context;
    struct svg *svg = pen->panel->svg;
    double at = plot_axis_at(&pen->panel->x, x);
    double low = plot_axis_at(&pen->panel->y, from);
    double high = plot_axis_at(&pen->panel->y, to);
    double foot = low - high > 6 ? pen->foot : 1.5; /* or all would be feet */

    svg_path_move(svg, pen->class, at - foot, low);
    svg_path_line(svg, at + foot, low);
    svg_path_move(svg, pen->class, at, low);
    svg_path_line(svg, at, high);
    svg_path_move(svg, pen->class, at - foot, high);
    svg_path_line(svg, at + foot, high);
}

static void draw_in_raster(void *context, double x, double from, double to)
{
    struct pen *pen = context;

    plot_raster_add(pen->raster, pen->panel, x, from, to);
}

static void draw_tick(void *context, double x, double from, double to)
{
    struct pen *pen = context;
    double up = pen->panel->y.max / 100; /* of the height */

    plot_raster_add(pen->raster, pen->panel, x, from, to + up);
}

static int draw_bars(const struct plot_view *view, struct plot_panel *panel,
                     enum kind kind, const char *class)
{
    bool single = view->connection->segment_count <= SINGLE_MAX;
    struct plot_raster raster;
    struct pen pen = {.panel = panel,
                      .raster = &raster,
                      .class = class,
                      .foot = kind == SACK ? 1.5 : 2.5};

    if (single && kind != DUPLICATE) {
        each_bar(view, kind, draw_single, &pen);
        svg_path_end(panel->svg);
        return 0;
    }
    int r = plot_raster_init(&raster, panel);
    if (r < 0)
        return r;
    each_bar(view, kind, kind == DUPLICATE ? draw_tick : draw_in_raster, &pen);
    plot_raster_end(&raster, panel, class);
    return 0;
}

/* ---- Letters ----------------------------------------------------------- */

/* Below the line of acknowledgments, and above the text, there is room. */
static void mark_segment(const struct plot_view *view, struct plot_panel *panel,
                         const struct plot_segment *segment)
{
    double x = time_of(view, segment);
    double low = (double)(segment->seq > 0 ? segment->seq : 0);
    double high = (double)(segment->end > 0 ? segment->end : 0);

    if (segment->flags & CAPTURE_RST)
        plot_panel_mark_above(panel, "mark halo again", x, high, "RST");
    else if (segment->flags & CAPTURE_SYN)
        plot_panel_mark_above(panel, "mark halo data", x, high, "SYN");
    else if (segment->flags & CAPTURE_FIN)
        plot_panel_mark_above(panel, "mark halo data", x, high, "FIN");
    else if (segment->marks & PLOT_AGAIN)
        plot_panel_mark_below(panel, "mark halo again", x, low, "R");
    else if (segment->marks & PLOT_OUT_OF_ORDER)
        plot_panel_mark_below(panel, "mark halo order", x, low, "O");
}

static void mark_answer(const struct plot_view *view, struct plot_panel *panel,
                        const struct plot_segment *segment)
{
    double x = time_of(view, segment);
    double y = (double)(segment->ack > 0 ? segment->ack : 0);

    if (segment->flags & CAPTURE_RST)
        plot_panel_mark_below(panel, "mark halo again", x, y, "RST");
    else if (segment->ack >= 0 && segment->window == 0)
        plot_panel_mark_below(panel, "mark halo window", x, y, "Z");
}

static void draw_letters(const struct plot_view *view, struct plot_panel *panel)
{
    for (size_t i = 0; i < view->connection->segment_count; i++) {
        const struct plot_segment *segment = &view->connection->segment[i];

        if (is_of_sender(view, segment))
            mark_segment(view, panel, segment);
        else
            mark_answer(view, panel, segment);
    }
}

/* ---- All --------------------------------------------------------------- */

static double height(const struct plot_view *view)
{
    (void)view;
    return plot_panel_head(key) + HEIGHT + FOOT;
}

static int draw(const struct plot_view *view, struct svg *svg, double top)
{
    static const struct {
        enum kind kind;
        const char *class;
    } bars[] = {{DUPLICATE, "b thin ack"},
                {SACK, "b sack"},
                {DATA, "b data"},
                {ORDER, "b order"},
                {AGAIN, "b again"}};
    double head = top + plot_panel_head(key);
    struct plot_panel panel = {.svg = svg};
    int r = 0;

    panel.x = plot_axis_time((double)view->span, PLOT_LEFT, PLOT_RIGHT);
    panel.y = plot_axis_octets(highest(view), head + HEIGHT, head);
    svg_group(svg, "sequence", NULL);
    plot_panel_begin(&panel, top, "Sequence numbers over time", key,
                     "relative sequence number");
    plot_panel_clip(&panel);
    draw_window(view, &panel);
    draw_acks(view, &panel);
    for (size_t i = 0; i < ARRAY_LENGTH(bars) && r == 0; i++)
        r = draw_bars(view, &panel, bars[i].kind, bars[i].class);
    plot_panel_clip_end(&panel);
    draw_letters(view, &panel);
    svg_group_end(svg);
    return r;
}

const struct plot_diagram plot_sequence = {"sequence", height, draw};
