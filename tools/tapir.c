/*
 * The command `tapir`: finds the subcommand and hands the rest to it.
 */
#include "tapir_command.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *help;
};

static const struct command commands[] = {
    {"lab", lab_main, "a private network with a TAP device, to try things in"},
    {"wire", wire_main, "a bad network between two kernels or stacks"},
    {"run", run_main, "an unmodified program on a stack of its own"},
    {"plot", plot_main, "a connection as a picture: capture or trace to SVG"},
    {"replay", replay_main, "the stack once more, with what entered it then"},
    {"list", list_main, "which stacks run"},
    {"ss", ss_main, "the sockets of a running stack"},
    {"netstat", ss_main, "the same"},
    {"top", top_main, "its connections, the busiest first, live"},
    {"arp", arp_main, "its neighbours; add, delete, flush"},
    {"route", route_main, "its routes; add, delete"},
    {"addr", addr_main, "its interfaces and addresses"},
    {"stats", stats_main, "its counters"},
    {"drops", drops_main, "why it dropped packets"},
    {"set", set_main, "its settings; change one"},
    {"trace", trace_main, "what happens in it, line by line"},
    {"capture", capture_main, "its packets, as pcapng"},
    {"doctor", doctor_main, "what on this machine stands in the way, if any"},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void print_help(FILE *out)
{
    fprintf(out, "usage: tapir COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
    fprintf(out, "\n`tapir COMMAND --help` tells more about each.\n");
}

/* A link of the name netstat, or ss, is that command. */
static const struct command *called_as(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (commands[i].main == ss_main && strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc > 0 && called_as(argv[0]) != NULL)
        return ss_main(argc, argv);
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return 0;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].main(argc - 1, argv + 1);

    fprintf(stderr, "tapir: no such command: %s (see tapir --help)\n", argv[1]);
    return 2;
}
