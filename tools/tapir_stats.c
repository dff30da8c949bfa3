/*
 * `tapir stats` and `tapir drops`: the counters of a running stack, by the
 * names of the standard MIBs, and the reasons for which it dropped packets.
 * With --watch what has been added since the last time.
 */
#define _GNU_SOURCE /* FNM_CASEFOLD */
#include "tapir_ask.h"
#include "tapir_command.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, COUNTERS_MAX = 1024, NAME_MAX_LEN = 80 };

struct counter {
    char name[NAME_MAX_LEN];
    char about[NAME_MAX_LEN]; /* of a drop: why, and by which section */
    uint64_t value;
};

struct counters {
    unsigned count;
    struct counter list[COUNTERS_MAX];
};

struct options {
    struct ask_options ask;
    const char *pattern; /* NULL: all */
    double watch;        /* seconds; 0: once */
    unsigned times;      /* to watch; 0: for ever */
    bool zeros;
};

struct kind {
    const char *help;
    const char *request;
    const char *value; /* the field's name */
    void (*name)(const struct json_line *line, struct counter *out);
};

/* ---- Asking -------------------------------------------------------------- */

static void name_counter(const struct json_line *line, struct counter *out)
{
    const char *name = json_line_text(line, "name");
    const char *iface = json_line_text(line, "iface");

    snprintf(out->name, sizeof(out->name), "%.50s%s%.20s",
             name == NULL ? "" : name, iface == NULL ? "" : ".",
             iface == NULL ? "" : iface);
    *out->about = '\0';
}

static void name_drop(const struct json_line *line, struct counter *out)
{
    const char *reason = json_line_text(line, "reason");
    const char *text = json_line_text(line, "text");
    const char *section = json_line_text(line, "section");

    snprintf(out->name, sizeof(out->name), "%.70s",
             reason == NULL ? "" : reason);
    snprintf(out->about, sizeof(out->about), "%.44s (%.30s)",
             text == NULL ? "" : text, section == NULL ? "" : section);
}

static int fetch(const struct kind *kind, struct ask *ask,
                 struct counters *counters)
{
    int status = EXIT_SUCCESS;
    char *text;

    counters->count = 0;
    if (!ask_send(ask, "%s", kind->request))
        return EXIT_FAILURE;
    while ((text = ask_next(ask, &status)) != NULL) {
        struct counter *counter = &counters->list[counters->count];
        struct json_line line;

        if (!json_line_parse(text, &line) || counters->count == COUNTERS_MAX)
            continue;
        kind->name(&line, counter);
        counter->value = json_line_number(&line, kind->value);
        counters->count++;
    }
    return status;
}

/* ---- Printing ------------------------------------------------------------ */

static bool is_named(const struct options *options,
                     const struct counter *counter)
{
    return options->pattern == NULL ||
           fnmatch(options->pattern, counter->name, FNM_CASEFOLD) == 0;
}

static bool is_wanted(const struct options *options,
                      const struct counter *counter, uint64_t value)
{
    return (value != 0 || options->zeros) && is_named(options, counter);
}

/* The stack's own lines, also of counters that are 0. */
static int print_as_json(const struct options *options, const struct kind *kind,
                         struct ask *ask)
{
    const char *separator = "[\n";
    int status = EXIT_SUCCESS;
    char *text;

    if (!ask_send(ask, "%s", kind->request))
        return EXIT_FAILURE;
    while ((text = ask_next(ask, &status)) != NULL) {
        char *parsed = strdup(text); /* is parsed in place */
        struct json_line line;
        struct counter counter;

        if (parsed == NULL)
            return EXIT_FAILURE;
        if (json_line_parse(parsed, &line)) {
            kind->name(&line, &counter);
            if (is_named(options, &counter)) {
                printf("%s%s", separator, text);
                separator = ",\n";
            }
        }
        free(parsed);
    }
    puts(*separator == '[' ? "[]" : "\n]");
    return status;
}

static void print(const struct options *options,
                  const struct counters *counters)
{
    for (unsigned i = 0; i < counters->count; i++) {
        const struct counter *counter = &counters->list[i];

        if (is_wanted(options, counter, counter->value))
            printf("%-36s %14llu%s%s\n", counter->name,
                   (unsigned long long)counter->value,
                   *counter->about == '\0' ? "" : "  ", counter->about);
    }
}

/* What was before has the same places, unless an interface has come. */
static long long change_of(const struct counters *before,
                           const struct counters *now, unsigned i)
{
    long long change = (long long)now->list[i].value;

    if (i < before->count &&
        strcmp(before->list[i].name, now->list[i].name) == 0)
        change -= (long long)before->list[i].value;
    return change;
}

/* An array, on a line of its own, for each interval. */
static void print_changes_as_json(const struct options *options,
                                  const struct counters *before,
                                  const struct counters *now)
{
    const char *separator = "";

    printf("[");
    for (unsigned i = 0; i < now->count; i++) {
        const struct counter *counter = &now->list[i];
        long long change = change_of(before, now, i);

        if (!is_wanted(options, counter, (uint64_t)change))
            continue;
        printf("%s{\"name\":", separator);
        json_print_text(stdout, counter->name);
        printf(",\"value\":%llu,\"change\":%lld,\"rate\":%.1f}",
               (unsigned long long)counter->value, change,
               (double)change / options->watch);
        separator = ",";
    }
    printf("]\n");
}

static void print_changes(const struct options *options,
                          const struct counters *before,
                          const struct counters *now)
{
    for (unsigned i = 0; i < now->count; i++) {
        const struct counter *counter = &now->list[i];
        long long change = change_of(before, now, i);

        if (!is_wanted(options, counter, (uint64_t)change))
            continue;
        printf("%-36s %14llu %+12lld %12.1f/s%s%s\n", counter->name,
               (unsigned long long)counter->value, change,
               (double)change / options->watch,
               *counter->about == '\0' ? "" : "  ", counter->about);
    }
    printf("\n");
}

static int watch(const struct options *options, const struct kind *kind,
                 struct ask *ask)
{
    static struct counters both[2];
    struct timespec pause = {
        .tv_sec = (time_t)options->watch,
        .tv_nsec =
            (long)((options->watch - (double)(time_t)options->watch) * 1e9)};
    int status = fetch(kind, ask, &both[0]);

    for (unsigned i = 1; status == 0; i++) {
        nanosleep(&pause, NULL);
        status = fetch(kind, ask, &both[i % 2]);
        if (status == 0) {
            (options->ask.json ? print_changes_as_json : print_changes)(
                options, &both[(i + 1) % 2], &both[i % 2]);
            fflush(stdout);
        }
        if (i == options->times)
            break;
    }
    return status;
}

static int once(const struct options *options, const struct kind *kind,
                struct ask *ask)
{
    static struct counters counters;
    int status;

    if (options->ask.json)
        return print_as_json(options, kind, ask);
    status = fetch(kind, ask, &counters);
    if (status == 0)
        print(options, &counters);
    return status;
}

/* ---- Options ------------------------------------------------------------- */

static bool parse_seconds(const char *text, double *out)
{
    char *end;

    *out = strtod(text, &end);
    return *text != '\0' && *end == '\0' && *out >= 0.01 && *out <= 86400;
}

/* --watch [SECONDS], --times N; false: neither. */
static bool take_watch(struct options *options, int argc, char **argv, int *i)
{
    if (strcmp(argv[*i], "--times") == 0 && *i + 1 < argc) {
        options->times = (unsigned)strtoul(argv[++*i], NULL, 10);
        return true;
    }
    if (strncmp(argv[*i], "--watch=", strlen("--watch=")) == 0)
        return parse_seconds(argv[*i] + strlen("--watch="), &options->watch);
    if (strcmp(argv[*i], "--watch") != 0)
        return false;
    if (*i + 1 < argc && parse_seconds(argv[*i + 1], &options->watch))
        ++*i;
    else
        options->watch = 1;
    return true;
}

/* False: not understood. */
static bool take_options(struct options *options, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int taken = ask_take_option(&options->ask, argc, argv, &i);

        if (taken < 0)
            return false;
        if (taken > 0 || take_watch(options, argc, argv, &i))
            continue;
        if (strcmp(argv[i], "--zeros") == 0 || strcmp(argv[i], "-z") == 0)
            options->zeros = true;
        else if (*argv[i] != '-' && options->pattern == NULL)
            options->pattern = argv[i];
        else
            return false;
    }
    return true;
}

static int run(const struct kind *kind, int argc, char **argv)
{
    struct options options = {.ask = {.command = argv[0]}};
    struct ask ask;
    int status;

    if (argc == 2 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        printf("%s\n%s", kind->help, ask_help);
        return 0;
    }
    if (!take_options(&options, argc, argv)) {
        fputs(kind->help, stderr);
        return EXIT_USAGE;
    }
    status = ask_open(&options.ask, &ask);
    if (status != 0)
        return status;
    status = options.watch > 0 ? watch(&options, kind, &ask)
                               : once(&options, kind, &ask);
    ask_close(&ask);
    return status;
}

int stats_main(int argc, char **argv)
{
    static const struct kind kind = {
        .help =
            "usage: tapir stats [PATTERN] [--zeros] [--watch [SECONDS] "
            "[--times N]]\n"
            "\n"
            "The counters of a running stack, by their names in RFC 4022,\n"
            "4113, 4293 and 2863; others begin with \"tapir\". PATTERN is a\n"
            "shell's, as 'tcp*'. Counters that are 0 are left out, unless\n"
            "with --zeros or --json. --watch: what is added in each\n"
            "interval.\n",
        .request = "stats",
        .value = "value",
        .name = name_counter,
    };

    return run(&kind, argc, argv);
}

int drops_main(int argc, char **argv)
{
    static const struct kind kind = {
        .help = "usage: tapir drops [PATTERN] [--zeros] [--watch [SECONDS] "
                "[--times N]]\n"
                "\n"
                "How many packets a running stack has dropped, for which "
                "reason,\n"
                "and which section says so. Options as of tapir stats.\n",
        .request = "drops",
        .value = "count",
        .name = name_drop,
    };

    return run(&kind, argc, argv);
}
