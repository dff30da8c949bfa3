/*
 * Filters of `tapir ss`, as ss(8) has them:
 *
 *     [state STATE] [dst ADDR[/LEN][:PORT]] [src ...] [sport OP PORT]
 *     [dport OP PORT] [dev NAME], joined by and, or, not, ( ).
 */
#ifndef TAPIR_TOOLS_SS_FILTER_H
#define TAPIR_TOOLS_SS_FILTER_H

#include <stdbool.h>
#include <stdint.h>

/* TCP's states and, of the others, UNCONNECTED; a set has 1 << state. */
enum filter_state {
    FILTER_ESTABLISHED,
    FILTER_SYN_SENT,
    FILTER_SYN_RECEIVED,
    FILTER_FIN_WAIT_1,
    FILTER_FIN_WAIT_2,
    FILTER_TIME_WAIT,
    FILTER_CLOSE_WAIT,
    FILTER_LAST_ACK,
    FILTER_LISTEN,
    FILTER_CLOSING,
    FILTER_CLOSED, /* and UNCONNECTED */
    FILTER_STATES
};

enum {
    FILTER_ALL_STATES = (1 << FILTER_STATES) - 1,
    FILTER_NODES_MAX = 64,
    FILTER_TEXT_MAX = 1024,
    FILTER_WHY_MAX = 160
};

/* What it is asked of. */
struct filter_socket {
    uint32_t local; /* host order */
    uint32_t remote;
    uint16_t local_port;
    uint16_t remote_port;
    const char *device; /* NULL: none */
};

enum filter_kind {
    FILTER_AND,
    FILTER_OR,
    FILTER_NOT,
    FILTER_SRC,
    FILTER_DST,
    FILTER_SPORT,
    FILTER_DPORT,
    FILTER_DEVICE
};

enum filter_op {
    FILTER_EQ,
    FILTER_NE,
    FILTER_LT,
    FILTER_LE,
    FILTER_GT,
    FILTER_GE
};

struct filter_node {
    enum filter_kind kind;
    enum filter_op op;
    uint8_t left; /* nodes of and, or, not */
    uint8_t right;
    uint32_t addr;
    uint32_t mask;
    bool has_port;
    uint16_t port;
    const char *device; /* in the filter's text */
};

struct filter {
    unsigned states; /* 0: none was named */
    unsigned count;  /* 0: all */
    unsigned root;
    struct filter_node nodes[FILTER_NODES_MAX];
    char text[2 * FILTER_TEXT_MAX]; /* its words, each with a NUL */
};

/* `out` is not to be moved from now on. 0; -EINVAL and one line in `why`. */
int filter_parse(const char *text, struct filter *out,
                 char why[FILTER_WHY_MAX]);

/* The expression; states are the caller's to look at. */
bool filter_matches(const struct filter *filter,
                    const struct filter_socket *socket);

/* RFC 9293's name, as "SYN-SENT", and "UNCONNECTED". */
enum filter_state filter_state_of(const char *name);
/* As ss writes it: "ESTAB". */
const char *filter_state_text(enum filter_state state);

#endif
