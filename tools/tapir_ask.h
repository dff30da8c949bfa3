/*
 * For the subcommands that ask a running stack by its control socket: which
 * stacks there are, which one is meant, and what it answers.
 */
#ifndef TAPIR_TOOLS_ASK_H
#define TAPIR_TOOLS_ASK_H

#include "json_line.h"

#include <stdio.h>

enum { ASK_PATH_MAX = 512, ASK_TEXT_MAX = 64 };

/* The options that all of them have. */
struct ask_options {
    const char *command; /* "ss", for complaints */
    const char *stack;   /* NULL: not given */
    long pid;            /* 0: not given */
    bool json;
};

/* Their lines of --help. */
extern const char ask_help[];

/*
 * Whether argv[*i] is one of them; then it is taken, and *i stands at its last
 * word. -EINVAL: it is, and wrong, which has been said.
 */
int ask_take_option(struct ask_options *options, int argc, char **argv, int *i);

/* A stack that was found, by what it has said of itself. */
struct ask_stack {
    char path[ASK_PATH_MAX];
    char program[ASK_TEXT_MAX];
    char name[ASK_TEXT_MAX]; /* of its first interface that is no loopback */
    char addr[ASK_TEXT_MAX];
    uint64_t netns;
    long pid;
    unsigned number;
    bool is_here;   /* in the network namespace of this process */
    bool is_silent; /* it runs, but does not answer: stopped, or at work */
    bool is_refused;
};

/* All that there are; what dead ones have left behind is taken away. The list
 * is the caller's to free; the count, or a negative errno. */
int ask_find_stacks(struct ask_stack **out);

/* A conversation with a stack. */
struct ask {
    FILE *from;
    int fd;
    char *line; /* the last one */
    size_t room;
    struct ask_stack stack;
    const char *command;
};

/*
 * With the one that the options mean: the only one of this network namespace,
 * or else the only one of all. 0, or the exit status: it has been said why.
 */
int ask_open(const struct ask_options *options, struct ask *ask);
void ask_close(struct ask *ask);

/* A request, as printf(3). False: it is gone, which has been said. */
__attribute__((format(printf, 2, 3))) bool ask_send(struct ask *ask,
                                                    const char *format, ...);
/*
 * The next line of the answer as it came, without its newline; NULL: that was
 * the last. Where it was an error that has been said, and *status is 1.
 */
char *ask_next(struct ask *ask, int *status);

/* Before anything is asked: bytes will follow a line, so no more than the line
 * is to be read. */
void ask_read_bytes(struct ask *ask);
/* What comes next, of whatever kind, as soon as there is something: how many
 * bytes; 0: the stack has ended, or let us go. */
size_t ask_read(struct ask *ask, char *to, size_t room);

/* ---- What comes of it --------------------------------------------------- */

/* Asks, and prints the lines as one JSON array; the exit status. */
int ask_print_json(struct ask *ask);

#endif
