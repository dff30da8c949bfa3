/*
 * A client of a control socket, as those see it who answer its requests. A
 * request is a line of words; the answer is lines of JSON, the last of which
 * has the field "end", or "error".
 *
 * An answer may be long, and the client slow; so it is written in parts: a
 * request's `go_on` is called whenever there is room again, with the lock let
 * go in between.
 */
#ifndef TAPIR_HOST_CONTROL_CLIENT_H
#define TAPIR_HOST_CONTROL_CLIENT_H

#include "host/control_socket.h"
#include "host/host.h"
#include "host/json.h"
#include "host/pcapng_story.h"

enum {
    CONTROL_LINE_MAX = 512,    /* of a request, its newline included */
    CONTROL_WORDS_MAX = 16,    /* in it */
    CONTROL_ANSWER_MAX = 2048, /* a line of an answer */
    CONTROL_OUT = 64 * 1024,
    CONTROL_LINES_OF_A_TURN = 8
};

struct control_client;

struct control_words {
    unsigned count;
    char *word[CONTROL_WORDS_MAX];
};

struct control_request {
    const char *name;
    /* 0; a negative errno: that is the answer. NULL: nothing to begin. */
    int (*begin)(struct control_client *client,
                 const struct control_words *words);
    /* The next line, if there is one. 1; 0: none now, ask again; -ENOENT: that
     * was the last. NULL: `begin` was all. */
    int (*next)(struct control_client *client, struct json *json);
    /* What was followed ends: the last that is to be said. NULL: nothing. */
    void (*finish)(struct control_client *client);
    /* The client is gone before the end; NULL: nothing is to be undone. */
    void (*stop)(struct control_client *client);
};

enum { CONTROL_INTERFACES = 65 /* by index */ };

/* What a capture has told of an interface, and its counts by then. */
struct control_interface {
    bool is_told;
    uint32_t id; /* in the capture */
    uint64_t received;
    uint64_t missed;
};

/* What `capture` lets through, zero: all; and what it is at. */
struct control_capture {
    struct ip_prefix host;
    bool has_host;
    uint16_t port;
    uint16_t ethertype;
    uint8_t protocol;
    unsigned iface;    /* 0: all */
    bool has_loopback; /* that one too */
    usec epoch;        /* wall-clock time of stack time 0 */
    usec started;
    usec counted;         /* when there were statistics last, */
    uint64_t told_missed; /* and what they have told */
    uint32_t interface_count;
    struct control_interface interfaces[CONTROL_INTERFACES];
    struct pcapng_story story;
    struct pcapng_packet last; /* that was put */
    struct pcapng_packet held; /* came in, and more may be said of it */
    size_t held_at;            /* its block in `out`; */
    size_t held_len;           /* 0: there is none */
    struct line said;
    struct line said_of_next;
};

/* Where an answer has got to; zero at first. */
struct control_cursor {
    uint64_t at;
    unsigned phase;
    unsigned wanted;
    enum tcp_show_depth depth;
};

struct control_client {
    struct control_end end;
    struct list node; /* in its control's clients */
    struct tapir_stack *stack;
    const struct control_request *request; /* that is being answered */
    struct control_cursor cursor;
    const char *why; /* static: instead of the errno of `begin` */
    usec active_at;  /* it has read, or asked */
    bool is_stuck;   /* it has to read before there is room */
    struct trace_listener listener; /* while is_following */
    bool is_following;
    struct trace_filter filter;
    struct control_capture capture;
    uint64_t missed; /* lines or packets, for want of room */
    size_t line_len;
    size_t out_from; /* what is not yet sent of `out` */
    size_t out_to;
    char line[CONTROL_LINE_MAX];
    char out[CONTROL_OUT];
};

/* What was written goes now, as far as it is taken; the client stays. */
void control_client_push(struct control_client *client);

/* NULL: there is none of this name. */
const struct control_request *control_request_find(const char *name);

/* ---- Requests, by the file in which they are ----------------------------- */

extern const struct control_request control_sockets_request;
extern const struct control_request control_descriptors_request;
extern const struct control_request control_stats_request;
extern const struct control_request control_drops_request;
extern const struct control_request control_neighbours_request;
extern const struct control_request control_neighbour_request;
extern const struct control_request control_routes_request;
extern const struct control_request control_route_request;
extern const struct control_request control_addresses_request;
extern const struct control_request control_settings_request;
extern const struct control_request control_set_request;
extern const struct control_request control_trace_request;
extern const struct control_request control_capture_request;

#endif
