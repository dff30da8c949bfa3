/*
 * chat: a room where people talk in lines, and a way into it.
 *
 *   chat [--port N] [--people N]                  the room
 *   chat --join HOST --name NAME [--port N]       somebody in it
 *
 * The protocol is lines of UTF-8, so that telnet and nc will do: the room asks
 * for a name, shows what was said before, and then sends every line, "NAME:
 * text", to everybody, also to who has said it: all see the same lines in the
 * same order. What the room itself says begins with "* ", which no name does.
 * Lines that begin with "/" are commands; /help lists them.
 *
 *   main     the options
 *   lines    made of what comes in pieces
 *   room     who is there, and what is said
 *   server   the room's sockets
 *   guest    somebody in it
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "guest.h"
#include "server.h"

#include <tapir.h>

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

enum { PEOPLE = 1000 /* unless --people says otherwise */ };

struct options {
    const char *host; /* NULL: be the room */
    const char *name;
    uint16_t port;
    unsigned people;
};

static void print_help(void)
{
    printf("usage: chat [--port N] [--people N]\n"
           "       chat --join HOST --name NAME [--port N]\n"
           "  --port N     where the room is (7000)\n"
           "  --people N   at a time, at most (%d)\n"
           "  --join HOST  go into the room there\n"
           "  --name NAME  and be called so\n%s",
           PEOPLE, tapir_config_help());
}

static unsigned number(const char *option, const char *text, unsigned max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value < 1 || value > max)
        errx(2, "--%s %s: not a number from 1 to %u", option, text, max);
    return (unsigned)value;
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"port", required_argument, 0, 'p'},
        {"people", required_argument, 0, 'm'},
        {"join", required_argument, 0, 'j'},
        {"name", required_argument, 0, 'n'},
        {"help", no_argument, 0, 'h'},
        {0}};
    struct options options = {.port = 7000, .people = PEOPLE};
    int option;

    argv[0] = program_invocation_short_name; /* getopt's messages as err's */
    while ((option = getopt_long(argc, argv, "p:j:n:h", long_options, NULL)) !=
           -1) {
        switch (option) {
        case 'p':
            options.port = (uint16_t)number("port", optarg, 65535);
            break;
        case 'm':
            options.people = number("people", optarg, 100000);
            break;
        case 'j':
            options.host = optarg;
            break;
        case 'n':
            options.name = optarg;
            break;
        case 'h':
            print_help();
            exit(0);
        default:
            exit(2); /* getopt has said what is wrong */
        }
    }
    if (optind != argc)
        errx(2, "%s: no argument is wanted; see chat --help", argv[optind]);
    if ((options.host == NULL) != (options.name == NULL))
        errx(2, "--join and --name are wanted together; see chat --help");
    if (options.name != NULL && strlen(options.name) > TEXT_LEN)
        errx(2, "--name: too long");
    return options;
}

/* To be called before the stack starts, whose thread inherits the mask. */
static sigset_t block_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signals;
}

static void be_room(const struct options *options, const sigset_t *signals)
{
    static struct server server;

    server.max = options->people;
    server.signals = tapir_import(signalfd(-1, signals, SFD_CLOEXEC));
    server_open(&server, options->port);
    fprintf(stderr, "chat: serving on port %u\n", options->port);
    server_run(&server);
}

int main(int argc, char **argv)
{
    struct tapir_config config;
    sigset_t signals;
    char why[TAPIR_TEXT_MAX];

    tapir_config_init(&config);
    if (tapir_config_env(&config, why) < 0 ||
        tapir_config_args(&config, &argc, argv, why) < 0)
        errx(2, "%s", why);
    struct options options = parse_options(argc, argv);
    if (options.host == NULL)
        signals = block_signals();
    if (tapir_open(&config, why) < 0)
        errx(1, "%s", why);

    if (options.host == NULL)
        be_room(&options, &signals);
    else
        be_guest(options.host, options.port, options.name);
    return 0; /* the library finishes what was written */
}
