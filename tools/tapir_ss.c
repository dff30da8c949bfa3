/*
 * `tapir ss`, also called as `tapir netstat`: the sockets of a running stack,
 * in the columns of iproute2's ss(8), by its options and filters. How a socket
 * is written is in tapir_ss_show.c.
 */
#include "tapir_ask.h"
#include "tapir_command.h"
#include "ss_filter.h"
#include "ss_summary.h"
#include "tapir_ss.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, REQUEST_MAX = 64 };

static const char help[] =
    "usage: tapir ss [OPTION...] [FILTER]\n"
    "\n"
    "The sockets of a running stack, as ss(8) shows the kernel's.\n"
    "\n"
    "  -t -u -w -0    TCP; UDP; raw and ICMP; packet sockets (all)\n"
    "  -a, --all      also those that listen, or are over\n"
    "  -l, --listening  only those that listen\n"
    "  -n, --numeric  ports as numbers\n"
    "  -p, --processes  which process, by which descriptor\n"
    "  -o, --options  timers\n"
    "  -e, --extended  the number of the socket in its stack\n"
    "  -m, --memory   buffers\n"
    "  -i, --info     what TCP knows of the connection\n"
    "  -s, --summary  how many there are; a list follows if it is asked for\n"
    "  -H, --no-header  -O, --oneline\n"
    "\n"
    "  FILTER  [state STATE] [dst ADDR[/LEN][:PORT]] [src ...]\n"
    "          [sport OP :PORT] [dport OP :PORT] [dev NAME]; and or not ( )\n"
    "\n";

/* By default, as ss: what is connected. */
enum {
    USUAL_STATES =
        FILTER_ALL_STATES & ~(1 << FILTER_LISTEN | 1 << FILTER_CLOSED |
                              1 << FILTER_TIME_WAIT | 1 << FILTER_SYN_RECEIVED),
    LISTENING_STATES = 1 << FILTER_LISTEN | 1 << FILTER_CLOSED
};

/* ---- Options ------------------------------------------------------------- */

static const struct {
    char letter;
    const char *word;
    unsigned bit; /* of options->show, or of options->kinds */
} flags[] = {
    {'t', "--tcp", SS_TCP},          {'u', "--udp", SS_UDP},
    {'w', "--raw", SS_RAW},          {'0', "--packet", SS_PACKET},
    {'a', "--all", SS_ALL},          {'l', "--listening", SS_LISTENING},
    {'n', "--numeric", SS_NUMERIC},  {'p', "--processes", SS_PROCESSES},
    {'o', "--options", SS_TIMERS},   {'e', "--extended", SS_EXTENDED},
    {'m', "--memory", SS_MEMORY},    {'i', "--info", SS_INFO},
    {'s', "--summary", SS_SUMMARY},  {'H', "--no-header", SS_NO_HEADER},
    {'O', "--oneline", SS_ONE_LINE}, {'4', "--ipv4", 0},
};

enum { FLAG_COUNT = sizeof(flags) / sizeof(flags[0]) };

static bool take_letter(struct ss_options *options, char letter)
{
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        if (flags[i].letter == letter) {
            options->bits |= flags[i].bit;
            return true;
        }
    }
    return false;
}

/* "-tuan", "--all" */
static bool take_flags(struct ss_options *options, const char *word)
{
    if (word[1] == '-') {
        for (size_t i = 0; i < FLAG_COUNT; i++) {
            if (strcmp(flags[i].word, word) == 0) {
                options->bits |= flags[i].bit;
                return true;
            }
        }
        return false;
    }
    while (*++word != '\0')
        if (!take_letter(options, *word))
            return false;
    return true;
}

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "tapir ss: %s: %s\n", what, why);
    return EXIT_USAGE;
}

/* The rest of the line is the filter. */
static int take_filter(struct ss_options *options, int argc, char **argv, int i)
{
    char text[FILTER_TEXT_MAX] = "";
    char why[FILTER_WHY_MAX];
    size_t len = 0;

    for (; i < argc; i++) {
        size_t more = strlen(argv[i]);

        if (len + more + 2 > sizeof(text))
            return complain("filter", "it is too long");
        memcpy(text + len, argv[i], more);
        len += more;
        text[len++] = ' ';
        text[len] = '\0';
    }
    if (filter_parse(text, &options->filter, why) < 0)
        return complain("filter", why);
    return 0;
}

/* 0, or the exit status. */
static int take_options(struct ss_options *options, struct ask_options *ask,
                        int argc, char **argv)
{
    int i;

    for (i = 1; i < argc && *argv[i] == '-' && argv[i][1] != '\0'; i++) {
        int taken = ask_take_option(ask, argc, argv, &i);

        if (taken < 0)
            return EXIT_USAGE;
        if (taken == 0 && !take_flags(options, argv[i]))
            return complain(argv[i], "no such option");
    }
    options->lists = i < argc || (options->bits & SS_KINDS) != 0 ||
                     (options->bits & SS_SUMMARY) == 0;
    if ((options->bits & SS_KINDS) == 0)
        options->bits |= SS_KINDS;
    return take_filter(options, argc, argv, i);
}

static unsigned wanted_states(const struct ss_options *options)
{
    if (options->filter.states != 0)
        return options->filter.states;
    if ((options->bits & SS_ALL) != 0)
        return FILTER_ALL_STATES;
    return (options->bits & SS_LISTENING) != 0 ? LISTENING_STATES
                                               : USUAL_STATES;
}

/* ---- Asking -------------------------------------------------------------- */

static void put_word(char request[REQUEST_MAX], const char *word)
{
    strcat(strcat(request, " "), word);
}

static bool send_request(struct ask *ask, const struct ss_options *options)
{
    char request[REQUEST_MAX] = "sockets";

    if ((options->bits & SS_TCP) != 0)
        put_word(request, "tcp");
    if ((options->bits & SS_UDP) != 0)
        put_word(request, "udp");
    if ((options->bits & SS_RAW) != 0)
        put_word(request, "raw icmp");
    if ((options->bits & SS_PACKET) != 0)
        put_word(request, "packet");
    if ((options->bits & SS_INFO) != 0 || options->ask.json)
        put_word(request, "info");
    return ask_send(ask, "%s", request);
}

static uint32_t addr_of(const struct json_line *line, const char *key)
{
    const char *text = json_line_text(line, key);
    struct in_addr addr = {0};

    if (text != NULL)
        inet_pton(AF_INET, text, &addr);
    return ntohl(addr.s_addr);
}

/* Whether the filter lets it through. */
static bool is_wanted(const struct ss_options *options,
                      const struct json_line *line)
{
    const char *state = json_line_text(line, "state");
    struct filter_socket socket;

    if (state == NULL ||
        (wanted_states(options) >> filter_state_of(state) & 1) == 0)
        return false;
    if (strcmp(state, "CLOSED") == 0) /* as ss: of TCP that is none at all */
        return false;
    if (options->filter.count == 0)
        return true;
    socket = (struct filter_socket){
        .local = addr_of(line, "local"),
        .remote = addr_of(line, "remote"),
        .local_port = (uint16_t)json_line_number(line, "lport"),
        .remote_port = (uint16_t)json_line_number(line, "rport"),
        .device = json_line_text(line, "dev"),
    };
    return filter_matches(&options->filter, &socket);
}

static int fetch(struct ask *ask, const struct ss_options *options,
                 struct ss_table *table)
{
    int status = EXIT_SUCCESS;
    char *text;

    if (!send_request(ask, options))
        return EXIT_FAILURE;
    while ((text = ask_next(ask, &status)) != NULL) {
        struct json_line line;
        char *kept = strdup(text);
        bool is_kept = kept != NULL && json_line_parse(text, &line) &&
                       is_wanted(options, &line) && ss_table_add(table, kept);

        if (!is_kept)
            free(kept);
    }
    return status;
}

static int fetch_descriptors(struct ask *ask, struct ss_table *table)
{
    int status = EXIT_SUCCESS;
    char *text;

    if (!ask_send(ask, "descriptors"))
        return EXIT_FAILURE;
    while ((text = ask_next(ask, &status)) != NULL) {
        struct json_line line;

        if (json_line_parse(text, &line))
            ss_table_add_descriptor(table, json_line_number(&line, "socket"),
                                    (int)json_line_number(&line, "fd"));
    }
    return status;
}

/* Each line of the answer; the exit status. */
static int sum_up(struct ask *ask, const char *request,
                  void (*add)(struct ss_summary *summary,
                              const struct json_line *line),
                  struct ss_summary *summary)
{
    int status = EXIT_SUCCESS;
    char *text;

    if (!ask_send(ask, "%s", request))
        return EXIT_FAILURE;
    while ((text = ask_next(ask, &status)) != NULL) {
        struct json_line line;

        if (json_line_parse(text, &line))
            add(summary, &line);
    }
    return status;
}

static int show_summary(struct ask *ask, const struct ss_options *options)
{
    struct ss_summary summary = {0};
    int status = sum_up(ask, "sockets", ss_summary_add, &summary);

    if (status == 0)
        status = sum_up(ask, "stats", ss_summary_add_count, &summary);
    if (status != 0)
        return status;
    if (options->ask.json)
        ss_summary_print_json(&summary, stdout);
    else
        ss_summary_print(&summary, stdout);
    return 0;
}

static int show_list(struct ask *ask, const struct ss_options *options)
{
    struct ss_table table = {.options = options, .stack = &ask->stack};
    int status = fetch(ask, options, &table);

    if (status == 0 && (options->bits & SS_PROCESSES) != 0)
        status = fetch_descriptors(ask, &table);
    if (status == 0)
        ss_table_print(&table);
    ss_table_free(&table);
    return status;
}

static int run(const struct ss_options *options)
{
    struct ask ask;
    int status = ask_open(&options->ask, &ask);

    if (status != 0)
        return status;
    if ((options->bits & SS_SUMMARY) != 0)
        status = show_summary(&ask, options);
    if (status == 0 && options->lists)
        status = show_list(&ask, options);
    ask_close(&ask);
    return status;
}

int ss_main(int argc, char **argv)
{
    static struct ss_options options; /* a filter is no small thing */
    int status;

    if (argc > 1 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help, stdout);
        fputs(ask_help, stdout);
        return 0;
    }
    options = (struct ss_options){.ask = {.command = argv[0]}};
    status = take_options(&options, &options.ask, argc, argv);
    return status != 0 ? status : run(&options);
}
