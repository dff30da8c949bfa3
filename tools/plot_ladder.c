/*
 * The ladder of a conversation: time goes down, each segment is an arrow from
 * end to end with its words as `--trace` has them, and beside both ends stand
 * the states that RFC 9293 3.3.2 gives them. Of a long conversation what is
 * alike is told in one line, with its sums.
 */
#include "plot_diagrams.h"

#include "plot_array.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum {
    HEAD = 104,
    ROW = 30,
    SLANT = 8, /* an arrow arrives lower than it left */
    FOOT = 36,
    LEFT = 262, /* the ends' lines */
    RIGHT = 950,
    TIME_AT = 110,
    STATE_GAP = 14,
    WORDS_MAX = 88,   /* characters on an arrow */
    WHOLE_MAX = 80,   /* segments that are all shown */
    ALWAYS = 8,       /* the first and the last */
    TURNS_MAX = 60,   /* arrows that change a state */
    REMARKS_MAX = 40, /* arrows that are worth a look for another reason */
};

/* ---- What is shown ----------------------------------------------------- */

/* One segment, or several in one line. */
struct row {
    size_t first;
    size_t count;
};

struct rows {
    struct row *row;
    size_t count;
    size_t room;
};

/* The states before segment i. */
static const uint8_t *states_before(const struct plot_connection *connection,
                                    size_t i)
{
    return i == 0 ? connection->first_state : connection->segment[i - 1].state;
}

static bool is_turn(const struct plot_connection *connection, size_t i)
{
    const struct plot_segment *segment = &connection->segment[i];
    const uint8_t *before = states_before(connection, i);

    return (segment->flags & (CAPTURE_SYN | CAPTURE_FIN | CAPTURE_RST)) ||
           segment->state[0] != before[0] || segment->state[1] != before[1];
}

static bool is_remarkable(const struct plot_segment *segment)
{
    return (segment->marks & (PLOT_AGAIN | PLOT_LOST | PLOT_OUT_OF_ORDER)) ||
           segment->window == 0;
}

static bool is_shown(const struct plot_connection *connection, size_t i,
                     unsigned *turns, unsigned *remarks)
{
    if (connection->segment_count <= WHOLE_MAX || i < ALWAYS ||
        i >= connection->segment_count - ALWAYS)
        return true;
    if (is_turn(connection, i) && *turns < TURNS_MAX) {
        ++*turns;
        return true;
    }
    if (is_remarkable(&connection->segment[i]) && *remarks < REMARKS_MAX) {
        ++*remarks;
        return true;
    }
    return false;
}

static int add_row(struct rows *rows, size_t first)
{
    struct row *larger =
        plot_array_grow(rows->row, rows->count, &rows->room, sizeof(*larger));

    if (larger == NULL)
        return -ENOMEM;
    rows->row = larger;
    larger[rows->count++] = (struct row){first, 1};
    return 0;
}

static int make_rows(const struct plot_connection *connection,
                     struct rows *rows)
{
    unsigned turns = 0;
    unsigned remarks = 0;
    bool was_shown = true;
    int r = 0;

    for (size_t i = 0; i < connection->segment_count && r == 0; i++) {
        bool shown = is_shown(connection, i, &turns, &remarks);

        if (shown || was_shown)
            r = add_row(rows, i);
        else
            rows->row[rows->count - 1].count++;
        was_shown = shown;
    }
    return r;
}

/* ---- Words ------------------------------------------------------------- */

struct words {
    char text[256];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct words *words,
                                                      const char *format, ...)
{
    size_t room = sizeof(words->text) - words->len;
    va_list arguments;

    va_start(arguments, format);
    int len = vsnprintf(words->text + words->len, room, format, arguments);
    va_end(arguments);
    if (len > 0)
        words->len += min_size((size_t)len, room - 1);
}

static void add_flags(struct words *words, uint8_t flags)
{
    for (unsigned bit = 0; bit < 8; bit++)
        if (flags & 1 << bit)
            add(words, "%c", capture_flag_letter(bit));
    if (flags == 0)
        add(words, "none");
}

static void add_options(struct words *words, const struct plot_syn *syn)
{
    const char *before = " <";

    if (syn->mss != 0) {
        add(words, "%smss %u", before, syn->mss);
        before = ",";
    }
    if (syn->wscale >= 0) {
        add(words, "%swscale %d", before, syn->wscale);
        before = ",";
    }
    if (syn->sack_permitted) {
        add(words, "%ssackOK", before);
        before = ",";
    }
    if (syn->has_timestamp) {
        add(words, "%sTS", before);
        before = ",";
    }
    if (*before == ',')
        add(words, ">");
}

static void add_sack(struct words *words,
                     const struct plot_connection *connection,
                     const struct plot_segment *segment)
{
    for (unsigned i = 0; i < segment->sack_count; i++) {
        const struct plot_block *block = &connection->block[segment->sack + i];

        add(words, "%s%" PRId64 ":%" PRId64, i == 0 ? " sack " : ",",
            block->from, block->to);
    }
}

/* "S. 0:0(0) ack 1 win 65535 <mss 1460>" */
static void say_segment(struct words *words,
                        const struct plot_connection *connection,
                        const struct plot_segment *segment)
{
    int64_t seq = segment->seq;

    add_flags(words, segment->flags);
    add(words, " %" PRId64 ":%" PRId64 "(%u)", seq, seq + segment->len,
        segment->len);
    if (segment->ack >= 0)
        add(words, " ack %" PRId64, segment->ack);
    if (segment->window >= 0)
        add(words, " win %" PRId64, segment->window);
    if (segment->flags & CAPTURE_SYN)
        add_options(words, &connection->end[segment->from].syn);
    add_sack(words, connection, segment);
}

static const char *remark(const struct plot_segment *segment)
{
    if (segment->marks & PLOT_AGAIN)
        return "sent again";
    if (segment->marks & PLOT_OUT_OF_ORDER)
        return "out of order";
    if (segment->marks & PLOT_LOST)
        return "lost or late";
    return "";
}

static void say_sums(struct words *words,
                     const struct plot_connection *connection,
                     const struct row *row)
{
    uint64_t text[2] = {0};
    size_t segments[2] = {0};
    size_t remarks = 0;

    for (size_t i = row->first; i < row->first + row->count; i++) {
        const struct plot_segment *segment = &connection->segment[i];

        segments[segment->from]++;
        text[segment->from] += segment->len;
        remarks += (segment->marks & PLOT_AGAIN) != 0;
    }
    for (unsigned end = 0; end < 2; end++)
        if (segments[end] > 0)
            add(words, "%s%s %zu segments, %" PRIu64 " bytes",
                words->len > 0 ? " · " : "", end == 0 ? "→" : "←",
                segments[end], text[end]);
    if (remarks > 0)
        add(words, ", %zu sent again", remarks);
}

/* ---- Drawing ----------------------------------------------------------- */

struct ladder {
    struct svg *svg;
    const struct plot_view *view;
};

static const char *class_of(const struct plot_segment *segment)
{
    if (segment->marks & PLOT_AGAIN)
        return "b again";
    if (segment->marks & PLOT_OUT_OF_ORDER)
        return "b order";
    if (segment->flags & CAPTURE_RST)
        return "b again";
    if (segment->flags & (CAPTURE_SYN | CAPTURE_FIN))
        return "b ink";
    return segment->len > 0 ? "b data" : "b ack";
}

/* An arrow that arrives, or one that ends with a cross on its way. */
static void draw_arrow(struct svg *svg, const struct plot_segment *segment,
                       double y)
{
    const char *class = class_of(segment);
    double from = segment->from == 0 ? LEFT : RIGHT;
    double way = segment->from == 0 ? RIGHT - LEFT : LEFT - RIGHT;
    double back = segment->from == 0 ? -8 : 8;

    if (segment->marks & PLOT_LOST) {
        double x = from + way * 0.94;
        double at = y + SLANT * 0.94;

        svg_line(svg, "b dash faint", from, y, x, at);
        svg_path_move(svg, "b again", x - 5, at - 5);
        svg_path_line(svg, x + 5, at + 5);
        svg_path_move(svg, "b again", x - 5, at + 5);
        svg_path_line(svg, x + 5, at - 5);
        svg_path_end(svg);
        return;
    }
    svg_path_move(svg, class, from, y);
    svg_path_line(svg, from + way, y + SLANT);
    svg_path_move(svg, class, from + way + back, y + SLANT - 5);
    svg_path_line(svg, from + way, y + SLANT);
    svg_path_line(svg, from + way + back, y + SLANT + 4);
    svg_path_end(svg);
}

static void draw_state(const struct ladder *ladder, unsigned end,
                       enum plot_state state, double y)
{
    double x = end == 0 ? LEFT - STATE_GAP : RIGHT + STATE_GAP;

    svg_line(ladder->svg, "p ink", end == 0 ? LEFT : RIGHT, y,
             (end == 0 ? LEFT : RIGHT) + 0.1, y);
    svg_text(ladder->svg, "code state", x, y + 4,
             end == 0 ? SVG_END : SVG_START, "%s", plot_state_name(state));
}

static void draw_time(const struct ladder *ladder, usec time, double y)
{
    svg_text(ladder->svg, "code note", TIME_AT, y + 4, SVG_END, "%.6f",
             (double)(time - ladder->view->start) / 1e6);
}

/* The sender's state where the arrow leaves, the receiver's where it arrives.
 */
static void draw_changes(const struct ladder *ladder, size_t i, double y)
{
    const struct plot_connection *connection = ladder->view->connection;
    const struct plot_segment *segment = &connection->segment[i];
    const uint8_t *before = states_before(connection, i);

    for (unsigned end = 0; end < 2; end++)
        if (segment->state[end] != before[end])
            draw_state(ladder, end, segment->state[end],
                       end == segment->from ? y : y + SLANT);
}

static void draw_segment(const struct ladder *ladder, size_t i, double y)
{
    const struct plot_connection *connection = ladder->view->connection;
    const struct plot_segment *segment = &connection->segment[i];
    struct words words = {.len = 0};
    struct words title = {.len = 0};

    say_segment(&words, connection, segment);
    add(&title, "%s %" PRIu64 ": %s", ladder->view->record, segment->number,
        words.text);
    if (*remark(segment) != '\0')
        add(&title, " (%s)", remark(segment));
    svg_group(ladder->svg, "segment", title.text);
    draw_time(ladder, segment->time, y);
    draw_arrow(ladder->svg, segment, y);
    if (*remark(segment) != '\0')
        add(&words, "  %s", remark(segment));
    svg_text(ladder->svg, "code halo words", (LEFT + RIGHT) / 2.0, y - 2,
             SVG_MIDDLE, "%.*s%s", (int)min_size(words.len, WORDS_MAX),
             words.text, words.len > WORDS_MAX ? "…" : "");
    draw_changes(ladder, i, y);
    svg_group_end(ladder->svg);
}

static void draw_sums(const struct ladder *ladder, const struct row *row,
                      double y)
{
    const struct plot_connection *connection = ladder->view->connection;
    struct words words = {.len = 0};
    double middle = y + SLANT / 2.0;

    say_sums(&words, connection, row);
    svg_group(ladder->svg, "sums", NULL);
    svg_rect(ladder->svg, "chip", LEFT + 12, middle - 11, RIGHT - LEFT - 24,
             22);
    draw_time(ladder, connection->segment[row->first].time, middle);
    svg_text(ladder->svg, "note", (LEFT + RIGHT) / 2.0, middle + 4, SVG_MIDDLE,
             "%s", words.text);
    draw_changes(ladder, row->first + row->count - 1, middle);
    svg_group_end(ladder->svg);
}

static void draw_row(const struct ladder *ladder, const struct row *row,
                     double y)
{
    if (row->count == 1)
        draw_segment(ladder, row->first, y);
    else
        draw_sums(ladder, row, y);
}

static void draw_ends(const struct ladder *ladder, double top, double bottom)
{
    const struct plot_connection *connection = ladder->view->connection;
    char text[ENDPOINT_TEXT_MAX];

    svg_text(ladder->svg, "unit", TIME_AT, top + 58, SVG_END, "time, s");
    for (unsigned end = 0; end < 2; end++) {
        double x = end == 0 ? LEFT : RIGHT;

        svg_text(ladder->svg, "code", x, top + 58, SVG_MIDDLE, "%s",
                 endpoint_text(&connection->end[end].endpoint, text));
        svg_line(ladder->svg, "axis", x, top + 68, x, bottom);
        draw_state(ladder, end, connection->first_state[end], top + 80);
    }
}

/* ---- All --------------------------------------------------------------- */

static double height(const struct plot_view *view)
{
    struct rows rows = {0};
    int r = make_rows(view->connection, &rows);
    double sum = HEAD + FOOT + ROW * (double)rows.count;

    free(rows.row);
    return r < 0 ? 0 : sum;
}

static int draw(const struct plot_view *view, struct svg *svg, double top)
{
    struct ladder ladder = {svg, view};
    struct rows rows = {0};

    int r = make_rows(view->connection, &rows);
    if (r < 0) {
        free(rows.row);
        return r;
    }
    double end = top + HEAD + ROW * (double)rows.count;
    svg_group(svg, "ladder", NULL);
    svg_text(svg, "heading", PLOT_LEFT, top + 18, SVG_START,
             "The conversation");
    svg_text(svg, "key", PLOT_LEFT, top + 37, SVG_START,
             "States as RFC 9293 3.3.2 infers them from these segments; a "
             "dashed arrow with a cross was sent again before it was "
             "acknowledged.");
    draw_ends(&ladder, top, end);
    for (size_t i = 0; i < rows.count; i++)
        draw_row(&ladder, &rows.row[i], top + HEAD + ROW * (double)i);
    svg_group_end(svg);
    free(rows.row);
    return 0;
}

const struct plot_diagram plot_ladder = {"ladder", height, draw};
