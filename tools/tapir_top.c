/*
 * `tapir top`: the connections of a running stack, the busiest first, again and
 * again.
 */
#include "tapir_ask.h"
#include "tapir_command.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, KEY_MAX = 128, LINES_USUAL = 24, LINES_ABOVE = 3 };

static const char help[] =
    "usage: tapir top [-d SECONDS] [-n TIMES]\n"
    "\n"
    "The connections of a running stack by how much they carry, every second\n"
    "or every -d SECONDS, until it is interrupted, or -n TIMES; the first of\n"
    "several tables after a fifth of a second.\n";

static const double FIRST_INTERVAL = 0.2; /* seconds */

struct flow {
    char key[KEY_MAX]; /* both ends */
    uint64_t received;
    uint64_t sent; /* and acknowledged */
    double in;     /* bytes a second */
    double out;
    uint64_t rtt_us;
    uint64_t cwnd;
    uint64_t resent;
};

struct flows {
    struct flow *list;
    size_t count;
    size_t room;
    double at; /* seconds */
};

struct options {
    struct ask_options ask;
    double interval;
    unsigned times; /* 0: for ever */
};

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- Asking -------------------------------------------------------------- */

static struct flow *add(struct flows *flows)
{
    if (flows->count == flows->room) {
        size_t room = flows->room == 0 ? 64 : 2 * flows->room;
        struct flow *list = realloc(flows->list, room * sizeof(*list));

        if (list == NULL)
            return NULL;
        flows->list = list;
        flows->room = room;
    }
    return &flows->list[flows->count++];
}

static void read_flow(const struct json_line *line, struct flows *flows)
{
    const char *local = json_line_text(line, "local");
    const char *remote = json_line_text(line, "remote");
    struct flow *flow;

    if (json_line_text(line, "congestion") == NULL || local == NULL ||
        remote == NULL || (flow = add(flows)) == NULL)
        return; /* it listens, or is not open */
    *flow = (struct flow){
        .received = json_line_number(line, "bytes_received"),
        .sent = json_line_number(line, "bytes_acked"),
        .rtt_us = json_line_number(line, "rtt_us"),
        .cwnd = json_line_number(line, "cwnd"),
        .resent = json_line_number(line, "retrans"),
    };
    snprintf(flow->key, sizeof(flow->key), "%.45s:%u  %.45s:%u", local,
             (unsigned)json_line_number(line, "lport"), remote,
             (unsigned)json_line_number(line, "rport"));
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct flow *)a)->key, ((const struct flow *)b)->key);
}

static int fetch(struct ask *ask, struct flows *flows)
{
    int status = EXIT_SUCCESS;
    char *text;

    flows->count = 0;
    if (!ask_send(ask, "sockets tcp info"))
        return EXIT_FAILURE;
    while ((text = ask_next(ask, &status)) != NULL) {
        struct json_line line;

        if (json_line_parse(text, &line))
            read_flow(&line, flows);
    }
    flows->at = seconds_now();
    if (flows->count > 0)
        qsort(flows->list, flows->count, sizeof(*flows->list), compare_keys);
    return status;
}

/* ---- Rates --------------------------------------------------------------- */

/* Of one that has come meanwhile, all that it has carried. */
static void find_rates(const struct flows *before, struct flows *now)
{
    double time = now->at - before->at;

    for (size_t i = 0; i < now->count; i++) {
        struct flow *flow = &now->list[i];
        const struct flow *old =
            before->count == 0 ? NULL
                               : bsearch(flow, before->list, before->count,
                                         sizeof(*flow), compare_keys);
        bool is_old = old != NULL && old->received <= flow->received &&
                      old->sent <= flow->sent;

        flow->in =
            (double)(flow->received - (is_old ? old->received : 0)) / time;
        flow->out = (double)(flow->sent - (is_old ? old->sent : 0)) / time;
    }
}

static int compare_rates(const void *a, const void *b)
{
    const struct flow *one = a;
    const struct flow *other = b;
    double first = one->in + one->out;
    double second = other->in + other->out;

    if (first != second)
        return first < second ? 1 : -1;
    return compare_keys(a, b);
}

/* The busiest first, for what is shown; the order by key is for the next. */
static struct flow *sort_by_rate(const struct flows *flows)
{
    struct flow *sorted = malloc((flows->count + 1) * sizeof(*sorted));

    if (sorted == NULL)
        return NULL;
    if (flows->count > 0)
        memcpy(sorted, flows->list, flows->count * sizeof(*sorted));
    qsort(sorted, flows->count, sizeof(*sorted), compare_rates);
    return sorted;
}

/* ---- Printing ------------------------------------------------------------ */

static const char *rate_text(double rate, char text[16])
{
    static const char units[] = " kMGT";
    const char *unit = units;

    for (rate *= 8; rate >= 1000 && unit[1] != '\0'; rate /= 1000)
        unit++;
    snprintf(text, 16, rate < 10 && unit > units ? "%.2f %cbit" : "%.0f %cbit",
             rate, *unit);
    return text;
}

static size_t lines_to_show(size_t count)
{
    struct winsize size = {.ws_row = LINES_USUAL};
    size_t most;

    if (!isatty(STDOUT_FILENO))
        return count;
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    most = size.ws_row > LINES_ABOVE + 1 ? size.ws_row - LINES_ABOVE - 1u : 1;
    return count < most ? count : most;
}

/* The two ends of a key. */
static int local_len(const struct flow *flow)
{
    return (int)strcspn(flow->key, " ");
}

static const char *remote_of(const struct flow *flow)
{
    return flow->key + local_len(flow) +
           strspn(flow->key + local_len(flow), " ");
}

static void print_flow_as_json(const struct flow *flow)
{
    printf("{\"local\":\"%.*s\",\"remote\":\"%s\",\"in_bps\":%.0f,"
           "\"out_bps\":%.0f,\"rtt_us\":%llu,\"cwnd\":%llu,\"retrans\":%llu}",
           local_len(flow), flow->key, remote_of(flow), flow->in * 8,
           flow->out * 8, (unsigned long long)flow->rtt_us,
           (unsigned long long)flow->cwnd, (unsigned long long)flow->resent);
}

static void print_flow(const struct flow *flow)
{
    char in[16];
    char out[16];

    printf("%-21.*s %-22s %12s %12s %9.3f %7llu %8llu\n", local_len(flow),
           flow->key, remote_of(flow), rate_text(flow->in, in),
           rate_text(flow->out, out), (double)flow->rtt_us / 1000,
           (unsigned long long)flow->cwnd, (unsigned long long)flow->resent);
}

/* An array, on a line of its own, for each interval. */
static void print_as_json(const struct flow *sorted, size_t count)
{
    printf("[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            printf(",");
        print_flow_as_json(&sorted[i]);
    }
    printf("]\n");
}

static void print_table(const struct ask *ask, const struct flow *sorted,
                        size_t count)
{
    size_t lines = lines_to_show(count);

    if (isatty(STDOUT_FILENO))
        printf("\033[H\033[J"); /* home, and clear */
    printf("%s (%ld), %s %s: %zu connections\n\n%-21s %-22s %12s %12s %9s %7s "
           "%8s\n",
           ask->stack.program, ask->stack.pid, ask->stack.name, ask->stack.addr,
           count, "LOCAL", "PEER", "IN/s", "OUT/s", "RTT ms", "CWND",
           "RETRANS");
    for (size_t i = 0; i < lines; i++)
        print_flow(&sorted[i]);
    if (!isatty(STDOUT_FILENO))
        printf("\n");
}

static void print(const struct options *options, const struct ask *ask,
                  const struct flows *flows)
{
    struct flow *sorted = sort_by_rate(flows);

    if (sorted == NULL)
        return;
    if (options->ask.json)
        print_as_json(sorted, flows->count);
    else
        print_table(ask, sorted, flows->count);
    fflush(stdout);
    free(sorted);
}

/* ---- All of it ----------------------------------------------------------- */

/* A rate takes two looks; who is to see many tables need not wait long for the
 * first one. */
static double interval_before(const struct options *options, unsigned table)
{
    bool is_first = table == 1 && options->times != 1;

    return is_first && options->interval > FIRST_INTERVAL ? FIRST_INTERVAL
                                                          : options->interval;
}

static void wait_for(double seconds)
{
    struct timespec pause = {.tv_sec = (time_t)seconds};

    pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
    nanosleep(&pause, NULL);
}

static int run(const struct options *options)
{
    struct flows both[2] = {{0}};
    struct ask ask;
    int status = ask_open(&options->ask, &ask);

    if (status != 0)
        return status;
    status = fetch(&ask, &both[0]);
    for (unsigned i = 1; status == 0; i++) {
        wait_for(interval_before(options, i));
        status = fetch(&ask, &both[i % 2]);
        if (status == 0) {
            find_rates(&both[(i + 1) % 2], &both[i % 2]);
            print(options, &ask, &both[i % 2]);
        }
        if (i == options->times)
            break;
    }
    free(both[0].list);
    free(both[1].list);
    ask_close(&ask);
    return status;
}

/* -d SECONDS, -n TIMES; false: neither, or wrong. */
static bool take_option(struct options *options, int argc, char **argv, int *i)
{
    const char *name = argv[*i];
    char *end;

    if (*i + 1 >= argc)
        return false;
    if (strcmp(name, "-n") == 0) {
        options->times = (unsigned)strtoul(argv[++*i], &end, 10);
        return *end == '\0' && options->times > 0;
    }
    if (strcmp(name, "-d") != 0)
        return false;
    options->interval = strtod(argv[++*i], &end);
    return *end == '\0' && options->interval >= 0.01 &&
           options->interval <= 86400;
}

int top_main(int argc, char **argv)
{
    struct options options = {.ask = {.command = argv[0]}, .interval = 1};

    if (argc == 2 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        printf("%s\n%s", help, ask_help);
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        int taken = ask_take_option(&options.ask, argc, argv, &i);

        if (taken < 0 ||
            (taken == 0 && !take_option(&options, argc, argv, &i))) {
            fputs(help, stderr);
            return EXIT_USAGE;
        }
    }
    return run(&options);
}
