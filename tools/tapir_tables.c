/*
 * `tapir arp`, `route`, `addr` and `set`: a running stack's neighbours, routes,
 * addresses and settings, shown and changed.
 */
#include "tapir_ask.h"
#include "tapir_command.h"

#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, WORDS_MAX = 8 };

struct table {
    const char *help;
    const char *request; /* of what is shown */
    const char *header;  /* of its columns */
    void (*print)(const struct json_line *line);
    /* Of words behind the options: a request, or NULL: not understood. */
    const char *(*change)(int count, char **words, char request[256]);
};

/* ---- Printing ------------------------------------------------------------ */

static const char *text_of(const struct json_line *line, const char *key)
{
    const char *text = json_line_text(line, key);

    return text == NULL ? "-" : text;
}

static void print_neighbour(const struct json_line *line)
{
    char left[32] = "";

    if (json_line_text(line, "left_us") != NULL)
        snprintf(left, sizeof(left), "%.1f s",
                 (double)json_line_number(line, "left_us") / 1e6);
    printf("%-16s %-10s %-18s %-11s %s\n", text_of(line, "addr"),
           text_of(line, "dev"), text_of(line, "mac"), text_of(line, "state"),
           left);
}

static void print_route(const struct json_line *line)
{
    printf("%-20s %-16s %s\n", text_of(line, "prefix"),
           text_of(line, "gateway"), text_of(line, "dev"));
}

static void print_address(const struct json_line *line)
{
    printf("%-10s %-20s %-18s %s\n", text_of(line, "dev"),
           text_of(line, "addr"), text_of(line, "mac"), text_of(line, "mtu"));
}

static void print_setting(const struct json_line *line)
{
    printf("%-12s %-12s %s\n", text_of(line, "name"), text_of(line, "value"),
           text_of(line, "holds_for"));
}

/* ---- Changing ------------------------------------------------------------ */

/* None of them may end the line, or begin another word. */
static bool are_plain(int count, char **words)
{
    for (int i = 0; i < count; i++)
        if (*words[i] == '\0' || strlen(words[i]) > 64 ||
            strpbrk(words[i], " \t\r\n") != NULL)
            return false;
    return count <= WORDS_MAX;
}

/* Leaves "via" and "dev" out, which ip(8) has before what we want. */
static int without(const char *keyword, int count, char **words)
{
    int kept = 0;

    for (int i = 0; i < count; i++)
        if (strcmp(words[i], keyword) != 0)
            words[kept++] = words[i];
    return kept;
}

static bool is_delete(const char *word)
{
    return strcmp(word, "delete") == 0 || strcmp(word, "del") == 0;
}

/* add ADDR MAC [[dev] IFACE], delete ADDR [[dev] IFACE], flush */
static const char *change_neighbour(int count, char **words, char request[256])
{
    count = without("dev", count, words);
    if (count == 1 && strcmp(words[0], "flush") == 0)
        return "neighbour flush";
    if ((count == 3 || count == 4) && strcmp(words[0], "add") == 0)
        snprintf(request, 256, "neighbour add %s %s %s", words[1], words[2],
                 count == 4 ? words[3] : "");
    else if ((count == 2 || count == 3) && is_delete(words[0]))
        snprintf(request, 256, "neighbour delete %s %s", words[1],
                 count == 3 ? words[2] : "");
    else
        return NULL;
    return request;
}

/* add PREFIX [via GATEWAY] [dev IFACE], delete PREFIX */
static const char *change_route(int count, char **words, char request[256])
{
    const char *gateway = "-";
    const char *iface = "";

    if (count == 2 && is_delete(words[0])) {
        snprintf(request, 256, "route delete %s", words[1]);
        return request;
    }
    if (count < 4 || count % 2 != 0 || strcmp(words[0], "add") != 0)
        return NULL;
    for (int i = 2; i < count; i += 2) {
        if (strcmp(words[i], "via") == 0)
            gateway = words[i + 1];
        else if (strcmp(words[i], "dev") == 0)
            iface = words[i + 1];
        else
            return NULL;
    }
    snprintf(request, 256, "route add %s %s %s", words[1], gateway, iface);
    return request;
}

static const char *change_nothing(int count, char **words, char request[256])
{
    (void)count;
    (void)words;
    (void)request;
    return NULL;
}

static const char *change_setting(int count, char **words, char request[256])
{
    if (count != 2)
        return NULL;
    snprintf(request, 256, "set %s %s", words[0], words[1]);
    return request;
}

/* ---- All of them --------------------------------------------------------- */

static int show(const struct table *table, struct ask *ask, bool json)
{
    int status = EXIT_SUCCESS;
    char *text;

    if (!ask_send(ask, "%s", table->request))
        return EXIT_FAILURE;
    if (json)
        return ask_print_json(ask);
    puts(table->header);
    while ((text = ask_next(ask, &status)) != NULL) {
        struct json_line line;

        if (json_line_parse(text, &line))
            table->print(&line);
    }
    return status;
}

static int change(struct ask *ask, const char *request)
{
    int status = EXIT_SUCCESS;

    if (!ask_send(ask, "%s", request))
        return EXIT_FAILURE;
    while (ask_next(ask, &status) != NULL)
        continue;
    return status;
}

/* The options are taken out, wherever they stand; how many words are left, or
 * -1. */
static int take_options(struct ask_options *options, int argc, char **argv)
{
    int kept = 0;

    for (int i = 1; i < argc; i++) {
        int taken = ask_take_option(options, argc, argv, &i);

        if (taken < 0)
            return -1;
        if (taken == 0)
            argv[kept++] = argv[i];
    }
    return kept;
}

static int run(const struct table *table, int argc, char **argv)
{
    struct ask_options options = {.command = argv[0]};
    const char *request = NULL;
    char room[256];
    struct ask ask;
    int status;
    int count = take_options(&options, argc, argv);

    if (count == 1 &&
        (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        printf("%s\n%s", table->help, ask_help);
        return 0;
    }
    if (count == 1 && strcmp(argv[0], "show") == 0)
        count = 0;
    if (count > 0 && are_plain(count, argv))
        request = table->change(count, argv, room);
    if (count < 0 || (count > 0 && request == NULL)) {
        fputs(table->help, stderr);
        return EXIT_USAGE;
    }
    status = ask_open(&options, &ask);
    if (status != 0)
        return status;
    status = request != NULL ? change(&ask, request)
                             : show(table, &ask, options.json);
    ask_close(&ask);
    return status;
}

int arp_main(int argc, char **argv)
{
    static const struct table table = {
        .help = "usage: tapir arp [show]\n"
                "       tapir arp add ADDR MAC [dev IFACE]\n"
                "       tapir arp delete ADDR [dev IFACE]\n"
                "       tapir arp flush\n"
                "\n"
                "The neighbours of a running stack. Those that are added are\n"
                "permanent; flush forgets all others.\n",
        .request = "neighbours",
        .header = "ADDRESS          DEVICE     MAC                STATE       "
                  "LEFT",
        .print = print_neighbour,
        .change = change_neighbour,
    };

    return run(&table, argc, argv);
}

int route_main(int argc, char **argv)
{
    static const struct table table = {
        .help = "usage: tapir route [show]\n"
                "       tapir route add PREFIX|default [via GATEWAY] "
                "[dev IFACE]\n"
                "       tapir route delete PREFIX|default\n"
                "\n"
                "The routes of a running stack.\n",
        .request = "routes",
        .header = "PREFIX               GATEWAY          DEVICE",
        .print = print_route,
        .change = change_route,
    };

    return run(&table, argc, argv);
}

int addr_main(int argc, char **argv)
{
    static const struct table table = {
        .help = "usage: tapir addr [show]\n"
                "\n"
                "The interfaces of a running stack and their addresses.\n",
        .request = "addresses",
        .header = "DEVICE     ADDRESS              MAC                MTU",
        .print = print_address,
        .change = change_nothing,
    };

    return run(&table, argc, argv);
}

int set_main(int argc, char **argv)
{
    static const struct table table = {
        .help = "usage: tapir set\n"
                "       tapir set NAME VALUE\n"
                "\n"
                "The settings that may be changed while a stack runs, by the\n"
                "names of their options; and changes one.\n",
        .request = "settings",
        .header = "NAME         VALUE        HOLDS FOR",
        .print = print_setting,
        .change = change_setting,
    };

    return run(&table, argc, argv);
}
