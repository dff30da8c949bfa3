/*
 * `tapir replay` of a recording, as --record writes it: the stack runs once
 * more, and either all that it sends and answers is as it was, or the first
 * thing is named that is not.
 */
#define _GNU_SOURCE
#include "tapir_replay.h"

#include "host/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_SAME, EXIT_DIFFERS, EXIT_CANNOT, SETTINGS_MAX = 64 };

static const char help[] =
    "usage: tapir replay FILE [OPTION...]\n"
    "\n"
    "FILE is a recording, made by --record FILE of any Tapir program.\n"
    "\n"
    "  --set NAME=VALUE  another setting than then: delayed_ack=41ms,\n"
    "                    tcp.sack=off; may be given several times\n"
    "  --pcap OUT        all frames, as a capture; text that was left out is\n"
    "                    zeros\n"
    "  --trace[=WHAT]    a line for each event, as of any Tapir program\n"
    "  --realtime        at the times of then, not at once\n"
    "  --stop-before N   before frame N, for gdb: the function replay_frame\n"
    "\n"
    "The exit status is 0 if all is the same, 1 if something differs, 2 if\n"
    "FILE cannot be replayed.\n";

struct run {
    const char *path;
    const char *settings[SETTINGS_MAX + 1];
    unsigned setting_count;
    bool is_realtime;
    bool has_begun;
    struct timespec began; /* on the system's clock, */
    usec first;            /* when stack time was that */
    struct replay_options options;
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "tapir replay: %s: %s\n", what, why);
    return EXIT_CANNOT;
}

/* ---- Options ------------------------------------------------------------ */

static int take_number(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || *out == 0)
        return complain("--stop-before", "a frame's number is wanted, from 1");
    return 0;
}

static int take_option(struct run *run, int option)
{
    switch (option) {
    case 's':
        if (run->setting_count == SETTINGS_MAX)
            return complain("--set", "too many settings");
        run->settings[run->setting_count++] = optarg;
        return 0;
    case 'p':
        run->options.pcap = optarg;
        return 0;
    case 't':
        run->options.traces = true;
        run->options.trace_what = optarg;
        return 0;
    case 'r':
        run->is_realtime = true;
        return 0;
    case 'b':
        return take_number(optarg, &run->options.stop_before);
    default:
        return EXIT_CANNOT; /* getopt has said what is wrong */
    }
}

/* -1: go on; otherwise the exit status. */
static int parse_options(struct run *run, int argc, char **argv)
{
    static const struct option options[] = {
        {"set", required_argument, 0, 's'},
        {"pcap", required_argument, 0, 'p'},
        {"trace", optional_argument, 0, 't'},
        {"realtime", no_argument, 0, 'r'},
        {"stop-before", required_argument, 0, 'b'},
        {"help", no_argument, 0, 'h'},
        {0}};
    char *path = argv[0];
    int option;

    argv[0] = (char *)(uintptr_t) "tapir replay"; /* getopt's messages */
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return EXIT_SAME;
        }
        if (take_option(run, option) != 0)
            return EXIT_CANNOT;
    }
    run->path = path;
    if (optind < argc)
        return complain(argv[optind], "is no option");
    return -1;
}

/* ---- The file ----------------------------------------------------------- */

/* 0, or the exit status. */
static int map_file(const char *path, struct bytes *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    void *data;

    if (fd < 0 || fstat(fd, &stat) < 0)
        return complain(path, strerror(errno));
    data = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (data == MAP_FAILED)
        return complain(path, strerror(errno));
    *out = bytes_of(data, (size_t)stat.st_size);
    return 0;
}

/* ---- Time --------------------------------------------------------------- */

/* --realtime: so long after the first step as it was then. */
static void wait_until(void *context, usec time)
{
    struct run *run = context;
    struct timespec at;
    usec since;

    if (!run->has_begun) {
        clock_gettime(CLOCK_MONOTONIC, &run->began);
        run->first = time;
        run->has_begun = true;
    }
    since = run->began.tv_nsec / 1000 + time - run->first;
    at = (struct timespec){
        .tv_sec = run->began.tv_sec + (time_t)(since / USEC_PER_SEC),
        .tv_nsec = (long)(since % USEC_PER_SEC) * 1000,
    };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

/* ---- The report --------------------------------------------------------- */

static void print_time(usec time)
{
    printf("%" PRId64 ".%06" PRId64, time / USEC_PER_SEC, time % USEC_PER_SEC);
}

static void print_counts(const struct replay_report *report)
{
    usec took = report->ended - report->began;

    printf("%" PRIu64 " entries in ", report->entries);
    print_time(took);
    printf(" s, %" PRIu64 " frames received, %" PRIu64 " sent",
           report->frames_in, report->frames_sent);
}

static void print_difference(const struct replay_report *report)
{
    print_counts(report);
    printf(", and here it differs\nentry %" PRIu64 " at ", report->entries);
    print_time(report->ended);
    printf(", %s, before frame %" PRIu64 ":\n  recorded: %s\n  now:      %s\n",
           report->entry, report->frames_in + 1, report->recorded, report->now);
}

static int print_broken(const char *path, const struct replay_report *report)
{
    if (report->entries > 1)
        fprintf(stderr, "tapir replay: %s: entry %" PRIu64 " (%s): %s\n", path,
                report->entries, report->entry, report->now);
    else
        fprintf(stderr, "tapir replay: %s: %s\n", path, report->now);
    return EXIT_CANNOT;
}

static int print_report(const char *path, const struct replay_report *report)
{
    switch (report->outcome) {
    case REPLAY_SAME:
        print_counts(report);
        printf(": the same\n");
        return EXIT_SAME;
    case REPLAY_CUT:
        print_counts(report);
        printf(": the same\nThe recording ends there: it is cut, its stack had "
               "not ended.\n");
        return EXIT_SAME;
    case REPLAY_STOPPED:
        print_counts(report);
        printf(": the same\nStopped before frame %" PRIu64 ".\n",
               report->frames_in);
        return EXIT_SAME;
    case REPLAY_DIFFERS:
        print_difference(report);
        return EXIT_DIFFERS;
    case REPLAY_BROKEN:
        return print_broken(path, report);
    }
    return EXIT_CANNOT;
}

int replay_recording(int argc, char **argv)
{
    struct run run = {0};
    struct replay_report report;
    struct bytes recording;
    int status = parse_options(&run, argc, argv);

    if (status >= 0)
        return status;
    status = map_file(run.path, &recording);
    if (status != 0)
        return status;
    run.options.settings = run.settings;
    run.options.wait_until = run.is_realtime ? wait_until : NULL;
    run.options.context = &run;
    replay_run(recording, &run.options, &report);
    status = print_report(run.path, &report);
    munmap((void *)(uintptr_t)recording.data, recording.len);
    return status;
}
