/*
 * `tapir trace` and `tapir capture`: what happens in a running stack, as it
 * happens, until this is interrupted: lines of text, or packets.
 */
#define _GNU_SOURCE /* ppoll */
#include "tapir_ask.h"
#include "tapir_command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    EXIT_USAGE = 2,
    FILTER_TEXT = 256,
    CHUNK = 64 * 1024,
    REST_MAX = 1024 * 1024
};

static const char trace_help[] =
    "usage: tapir trace [WHAT]\n"
    "\n"
    "A line for each event of a running stack, as --trace=WHAT prints them:\n"
    "layers (tcp,drop), event=KIND, port=N, host=ADDR[/LEN], json. Until it\n"
    "is interrupted; the stack then goes on without.\n";

static const char capture_help[] =
    "usage: tapir capture [-w FILE] [dev NAME] [host ADDR[/LEN]] [port N]\n"
    "                     [PROTOCOL]\n"
    "\n"
    "The packets of a running stack as pcapng, with what became of each, on\n"
    "standard output or to FILE, until it is interrupted: those of all\n"
    "interfaces but the loopback, of one (dev NAME), or of all (dev any).\n"
    "PROTOCOL: tcp, udp, icmp, igmp, ip, arp.\n"
    "\n"
    "  tapir capture -w - port 80 | wireshark -k -i -\n"
    "\n"
    "  -w FILE        - is standard output\n";

static int usage(const char *help)
{
    fputs(help, stderr);
    return EXIT_USAGE;
}

static bool is_help(int argc, char **argv)
{
    return argc == 2 &&
           (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

/* ---- trace --------------------------------------------------------------- */

static int trace(struct ask *ask, const char *what, bool json)
{
    int status = EXIT_SUCCESS;
    const char *line;

    if (!ask_send(ask, "trace %s%s%s", what, json && *what != '\0' ? "," : "",
                  json ? "json" : ""))
        return EXIT_FAILURE;
    while ((line = ask_next(ask, &status)) != NULL) {
        puts(line);
        if (fflush(stdout) != 0)
            break;
    }
    return status;
}

int trace_main(int argc, char **argv)
{
    struct ask_options options = {.command = argv[0]};
    const char *what = "";
    struct ask ask;
    int status;

    if (is_help(argc, argv)) {
        printf("%s\n%s", trace_help, ask_help);
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        int taken = ask_take_option(&options, argc, argv, &i);

        if (taken < 0 || (taken == 0 && (*argv[i] == '-' || *what != '\0' ||
                                         strpbrk(argv[i], " \n") != NULL)))
            return usage(trace_help);
        if (taken == 0)
            what = argv[i];
    }
    status = ask_open(&options, &ask);
    if (status != 0)
        return status;
    status = trace(&ask, what, options.json);
    ask_close(&ask);
    return status;
}

/* ---- capture ------------------------------------------------------------- */

static volatile sig_atomic_t is_over;

static void end_it(int number)
{
    (void)number;
    is_over = 1;
}

/* The first ^C is waited for in ppoll and in write; the next one kills. */
static void hold_signals(sigset_t *usual)
{
    struct sigaction action = {.sa_handler = end_it,
                               .sa_flags = (int)SA_RESETHAND};
    sigset_t held;

    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigprocmask(SIG_BLOCK, &held, usual);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* A reader that does not read is no reason not to hear of a signal: after the
 * first one this goes on to wait, and the next one is deadly. */
static bool write_out(int to, const sigset_t *signals, const char *bytes,
                      size_t len)
{
    size_t done = 0;
    sigset_t held;

    sigprocmask(SIG_SETMASK, signals, &held);
    while (done < len) {
        ssize_t written = write(to, bytes + done, len - done);

        if (written >= 0)
            done += (size_t)written;
        else if (errno != EINTR)
            break;
    }
    if (done < len)
        perror("tapir capture");
    sigprocmask(SIG_SETMASK, &held, NULL);
    return done == len;
}

/* How much is there; 0: the stack has ended, or a signal has come. */
static size_t wait_and_read(struct ask *ask, const struct timespec *at_most,
                            const sigset_t *signals, char *to, size_t room)
{
    struct pollfd polled = {.fd = ask->fd, .events = POLLIN};

    return ppoll(&polled, 1, at_most, signals) <= 0 ? 0
                                                    : ask_read(ask, to, room);
}

/* What the stack has still to say: statistics, and then that this was all. */
static bool copy_end(struct ask *ask, const sigset_t *signals, int to)
{
    static const char end[] = "{\"end\":\"capture\"}\n";
    static const struct timespec patience = {.tv_sec = 2};
    static char rest[REST_MAX];
    size_t end_len = sizeof(end) - 1;
    size_t len = 0;
    size_t more;

    if (!ask_send(ask, "%s", ""))
        return false;
    while ((more = wait_and_read(ask, &patience, signals, rest + len,
                                 sizeof(rest) - len)) > 0) {
        len += more;
        if (len >= end_len && memcmp(rest + len - end_len, end, end_len) == 0)
            return write_out(to, signals, rest, len - end_len);
    }
    return write_out(to, signals, rest, len);
}

/* Until the stack ends, or this is interrupted; 1: not all could be written. */
static int copy(struct ask *ask, int to)
{
    static char chunk[CHUNK];
    sigset_t signals;
    size_t len;

    hold_signals(&signals);
    while (is_over == 0 &&
           (len = wait_and_read(ask, NULL, &signals, chunk, sizeof(chunk))) > 0)
        if (!write_out(to, &signals, chunk, len))
            return EXIT_FAILURE;
    return is_over == 0 || copy_end(ask, &signals, to) ? EXIT_SUCCESS
                                                       : EXIT_FAILURE;
}

static int capture(struct ask *ask, const char *filter, const char *path)
{
    FILE *to = stdout;
    int status = EXIT_SUCCESS;

    if (strcmp(path, "-") != 0 && (to = fopen(path, "w")) == NULL) {
        perror(path);
        return EXIT_FAILURE;
    }
    ask_read_bytes(ask);
    if (!ask_send(ask, "capture %s", filter))
        status = EXIT_FAILURE;
    else if (ask_next(ask, &status) != NULL) /* that it begins */
        status = copy(ask, fileno(to));
    if (to != stdout && fclose(to) != 0)
        status = EXIT_FAILURE;
    return status;
}

static bool add_word(char filter[FILTER_TEXT], const char *word)
{
    if (strlen(filter) + strlen(word) + 2 > FILTER_TEXT ||
        strchr(word, '\n') != NULL)
        return false;
    strcat(strcat(filter, word), " ");
    return true;
}

int capture_main(int argc, char **argv)
{
    struct ask_options options = {.command = argv[0]};
    char filter[FILTER_TEXT] = "";
    const char *path = "-";
    struct ask ask;
    int status;

    if (is_help(argc, argv)) {
        printf("%s%s", capture_help, ask_help);
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        int taken = ask_take_option(&options, argc, argv, &i);

        if (taken < 0)
            return EXIT_USAGE;
        if (taken > 0)
            continue;
        if (strcmp(argv[i], "-w") == 0 && i + 1 < argc)
            path = argv[++i];
        else if (*argv[i] == '-' || !add_word(filter, argv[i]))
            return usage(capture_help);
    }
    if (strcmp(path, "-") == 0 && isatty(STDOUT_FILENO)) {
        fprintf(stderr, "tapir capture: that would be packets on a terminal: "
                        "-w FILE, or a pipe\n");
        return EXIT_USAGE;
    }
    status = ask_open(&options, &ask);
    if (status != 0)
        return status;
    status = capture(&ask, filter, path);
    ask_close(&ask);
    return status;
}
