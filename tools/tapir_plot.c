/*
 * tapir plot: a connection as a picture. Reads what has happened, chooses a
 * connection, and writes the diagrams that were asked for, one below the other,
 * as one SVG.
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "tapir_command.h"

#include "plot_diagrams.h"
#include "plot_read.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { HEAD = 84, GAP = 18, FOOT = 12 };

static const struct plot_diagram *const diagrams[] = {
    &plot_sequence, &plot_window, &plot_rtt, &plot_ladder};

enum {
    DIAGRAM_COUNT = ARRAY_LENGTH(diagrams),
    ALL_DIAGRAMS = (1 << DIAGRAM_COUNT) - 1
};

struct options {
    const char *file;
    const char *output;  /* NULL: standard output */
    unsigned connection; /* 0: the one with the most text */
    unsigned what;       /* bits, as in diagrams[] */
    bool reverse;
    bool list;
};

/* ---- Words ------------------------------------------------------------- */

enum { COUNT_MAX = 32, LINE_MAX = 512 };

/* 1234567 as 1,234,567 */
static const char *count_text(uint64_t count, char text[static COUNT_MAX])
{
    char digits[COUNT_MAX];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    char *to = text;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

/* "123,456 bytes in 99 segments, 3 sent again" */
static const char *sent_text(const struct plot_end *end,
                             char text[static LINE_MAX])
{
    char bytes[COUNT_MAX];
    char segments[COUNT_MAX];
    char again[COUNT_MAX];

    snprintf(text, LINE_MAX, "%s bytes in %s segments, %s sent again",
             count_text(end->text, bytes), count_text(end->segments, segments),
             count_text(end->again, again));
    return text;
}

static const char *ends_text(const struct plot_connection *connection,
                             unsigned from, char text[static LINE_MAX])
{
    char a[ENDPOINT_TEXT_MAX];
    char b[ENDPOINT_TEXT_MAX];

    snprintf(text, LINE_MAX, "%s → %s",
             endpoint_text(&connection->end[from].endpoint, a),
             endpoint_text(&connection->end[!from].endpoint, b));
    return text;
}

static void list_connections(const struct plot_capture *capture, FILE *out)
{
    for (size_t i = 0; i < capture->connection_count; i++) {
        const struct plot_connection *connection = capture->connection[i];
        char ends[LINE_MAX];

        fprintf(out,
                "%4u  %s  %" PRIu64 " bytes →, %" PRIu64 " bytes ←, %zu "
                "segments\n",
                connection->number, ends_text(connection, 0, ends),
                connection->end[0].text, connection->end[1].text,
                connection->segment_count);
    }
}

/* ---- Writing ----------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static double whole_height(const struct plot_view *view, unsigned what)
{
    double height = HEAD + FOOT;

    for (unsigned i = 0; i < DIAGRAM_COUNT; i++)
        if (what & 1u << i)
            height += diagrams[i]->height(view) + GAP;
    return height;
}

static void write_head(const struct plot_view *view,
                       const struct plot_capture *capture,
                       const struct options *options, struct svg *svg)
{
    const struct plot_connection *connection = view->connection;
    char text[LINE_MAX];
    char other[LINE_MAX];

    svg_text(svg, "title", PLOT_LEFT, 32, SVG_START, "%s",
             ends_text(connection, view->sender, text));
    svg_text(svg, "subtitle", PLOT_LEFT, 54, SVG_START,
             "%s, in %.6g s; the other way %s",
             sent_text(&connection->end[view->sender], text),
             (double)view->span / 1e6,
             sent_text(&connection->end[!view->sender], other));
    svg_text(svg, "subtitle", PLOT_LEFT, 73, SVG_START,
             "Connection %u of %zu in %.60s%s%s", connection->number,
             capture->connection_count, base_name(options->file),
             connection->end[view->sender].syn.is_seen
                 ? ""
                 : "; its beginning was not captured",
             capture->is_cut ? "; only a part of it was read" : "");
}

static int write_picture(const struct plot_view *view,
                         const struct plot_capture *capture,
                         const struct options *options, FILE *out)
{
    char ends[LINE_MAX];
    char sent[LINE_MAX];
    char other[LINE_MAX];
    char description[3 * LINE_MAX];
    double top = HEAD;
    struct svg svg;
    int r = 0;

    snprintf(description, sizeof(description),
             "Diagrams of a TCP connection of %.6g seconds. It sent %s; the "
             "other way %s.",
             (double)view->span / 1e6,
             sent_text(&view->connection->end[view->sender], sent),
             sent_text(&view->connection->end[!view->sender], other));
    svg_begin(&svg, out, PLOT_WIDTH, whole_height(view, options->what),
              ends_text(view->connection, view->sender, ends), description);
    write_head(view, capture, options, &svg);
    for (unsigned i = 0; i < DIAGRAM_COUNT && r == 0; i++) {
        if (!(options->what & 1u << i))
            continue;
        r = diagrams[i]->draw(view, &svg, top);
        top += diagrams[i]->height(view) + GAP;
    }
    svg_end(&svg);
    return r;
}

static struct plot_view view_of(const struct plot_connection *connection,
                                bool reverse)
{
    const struct plot_segment *segment = connection->segment;
    struct plot_view view = {.connection = connection,
                             .sender =
                                 plot_connection_sender(connection) ^ reverse,
                             .start = segment[0].time};
    usec end = view.start;

    /* Records need not be in the order of their times. */
    for (size_t i = 0; i < connection->segment_count; i++) {
        view.start = usec_min(view.start, segment[i].time);
        end = usec_max(end, segment[i].time);
    }
    view.span = end - view.start;
    return view;
}

/* ---- Choosing ---------------------------------------------------------- */

static struct plot_connection *choose(const struct plot_capture *capture,
                                      unsigned number)
{
    struct plot_connection *chosen = NULL;
    uint64_t most = 0;

    if (number > capture->connection_count)
        errx(1, "there is no connection %u, but %zu", number,
             capture->connection_count);
    if (number > 0)
        return capture->connection[number - 1];
    for (size_t i = 0; i < capture->connection_count; i++) {
        struct plot_connection *connection = capture->connection[i];
        uint64_t text = connection->end[0].text + connection->end[1].text;

        if (chosen == NULL || text > most) {
            chosen = connection;
            most = text;
        }
    }
    return chosen;
}

static void read_all(const struct options *options,
                     struct plot_capture *capture)
{
    int r = plot_read(options->file, capture);

    if (r == -EBADMSG && capture->records == 0)
        errx(1,
             "%s: no capture (pcap, pcapng), trace (--trace=json) or "
             "recording (--record)",
             options->file);
    if (r == -EBADMSG || r == -ENODATA)
        warnx("%s: %s after packet %" PRIu64 "; what is before it is drawn",
              options->file, r == -ENODATA ? "ends" : "is damaged",
              capture->records);
    else if (r < 0)
        errx(1, "%s: %s", options->file, strerror(-r));
    if (capture->is_cut)
        warnx("%s: only the first %d segments are read", options->file,
              PLOT_SEGMENTS_MAX);
    if (capture->connection_count == 0)
        errx(1, "%s: no TCP segment in it", options->file);
}

static FILE *open_output(const struct options *options)
{
    FILE *out = stdout;

    if (options->output != NULL)
        out = fopen(options->output, "we");
    else if (isatty(STDOUT_FILENO))
        errx(2, "standard output is a terminal: -o OUT.svg");
    if (out == NULL)
        err(1, "%s", options->output);
    return out;
}

static void draw(const struct options *options,
                 const struct plot_capture *capture)
{
    struct plot_connection *connection = choose(capture, options->connection);

    int r = plot_connection_analyse(connection);
    if (r == 0) {
        struct plot_view view = view_of(connection, options->reverse);

        view.record = capture->record;
        FILE *out = open_output(options);

        r = write_picture(&view, capture, options, out);
        if (fclose(out) != 0)
            err(1, "%s", options->output != NULL ? options->output : "output");
    }
    if (r < 0)
        errx(1, "%s", strerror(-r));
    if (options->connection == 0 && capture->connection_count > 1)
        warnx("connection %u of %zu is drawn, the one that carried most "
              "(--list, --connection N)",
              connection->number, capture->connection_count);
}

/* ---- Options ----------------------------------------------------------- */

static void print_help(void)
{
    printf("usage: tapir plot [OPTION...] FILE\n\n"
           "Draws a TCP connection of a capture (pcap, pcapng), a trace\n"
           "(--trace=json) or a recording (--record) as SVG. - is standard\n"
           "input (no recording).\n\n"
           "  -o, --output OUT.svg  instead of standard output\n"
           "  --connection N        the Nth; by default the one that carried "
           "most\n"
           "  --list                print the connections, draw nothing\n"
           "  --what LIST           sequence,window,rtt,ladder or all (all)\n"
           "  --reverse             the other direction: what the other end "
           "sent\n");
}

static unsigned parse_what(const char *list)
{
    unsigned what = 0;

    if (strcmp(list, "all") == 0)
        return ALL_DIAGRAMS;
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        unsigned i = 0;

        while (i < DIAGRAM_COUNT &&
               (strlen(diagrams[i]->name) != len ||
                strncmp(diagrams[i]->name, list, len) != 0))
            i++;
        if (i == DIAGRAM_COUNT)
            errx(2, "--what %s: sequence, window, rtt, ladder or all", list);
        what |= 1u << i;
        list += len + (list[len] == ',');
    }
    return what != 0 ? what : ALL_DIAGRAMS;
}

static unsigned parse_number(const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || number < 1 ||
        number > PLOT_CONNECTIONS_MAX)
        errx(2, "--connection %s: not a number from 1 on", text);
    return (unsigned)number;
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"output", required_argument, 0, 'o'},
        {"connection", required_argument, 0, 'c'},
        {"what", required_argument, 0, 'w'},
        {"reverse", no_argument, 0, 'r'},
        {"list", no_argument, 0, 'l'},
        {"help", no_argument, 0, 'h'},
        {0}};
    struct options options = {.what = ALL_DIAGRAMS};
    int option;

    while ((option = getopt_long(argc, argv, "o:h", long_options, NULL)) !=
           -1) {
        switch (option) {
        case 'o':
            options.output = optarg;
            break;
        case 'c':
            options.connection = parse_number(optarg);
            break;
        case 'w':
            options.what = parse_what(optarg);
            break;
        case 'r':
            options.reverse = true;
            break;
        case 'l':
            options.list = true;
            break;
        case 'h':
            print_help();
            exit(0);
        default:
            exit(2); /* getopt has said what is wrong */
        }
    }
    if (optind != argc - 1)
        errx(2, "one FILE is wanted; see tapir plot --help");
    options.file = argv[optind];
    return options;
}

int plot_main(int argc, char **argv)
{
    struct options options = parse_options(argc, argv);
    struct plot_capture capture;

    if (plot_capture_init(&capture) < 0)
        errx(1, "%s", strerror(ENOMEM));
    read_all(&options, &capture);
    if (options.list)
        list_connections(&capture, stdout);
    else
        draw(&options, &capture);
    plot_capture_fini(&capture);
    return 0;
}
