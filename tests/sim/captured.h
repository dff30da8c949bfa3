/*
 * A capture in the making: two stacks on a wire, in virtual time. The host,
 * 192.0.2.2, is recorded at its device; the peer, 192.0.2.1, has the faults of
 * the way before it. Each side has programs that read all that comes as soon as
 * it comes, and do what the test says.
 */
#ifndef TAPIR_TESTS_SIM_CAPTURED_H
#define TAPIR_TESTS_SIM_CAPTURED_H

#include "stack/stack.h"

enum captured_side { CAPTURED_PEER, CAPTURED_HOST, CAPTURED_SIDES };

enum { CAPTURED_SOCKETS = 16 };

/* The host's stack, before it is made. */
typedef void captured_config_fn(struct stack_config *config);

struct captured_socket {
    socket_id id; /* 0: none */
    bool listens;
    uint64_t due; /* bytes that are still to be written, */
    bool shuts;   /* and then FIN */
    uint64_t read;
    bool has_end;
};

struct captured_end {
    struct memory memory;
    struct stack *stack;
    struct netdev *dev;
    struct captured_socket sockets[CAPTURED_SOCKETS];
    unsigned count;
};

struct captured {
    char path[64]; /* of the capture */
    usec now;
    struct memory memory; /* of devices */
    struct captured_end ends[CAPTURED_SIDES];
};

/* `faults` as netdev/faults.h has them; `change` may be NULL. */
void captured_open(struct captured *captured, const char *faults, uint64_t seed,
                   captured_config_fn *change);
/* The stacks go, the file stays. */
void captured_close(struct captured *captured);
/* And the file. */
void captured_forget(const struct captured *captured);

/* Time goes on by `time`. */
void captured_run(struct captured *captured, usec time);

/* The socket's number on its side: what is accepted gets the next one. */
unsigned captured_listen(struct captured *captured, enum captured_side side,
                         uint16_t port);
unsigned captured_connect(struct captured *captured, enum captured_side side,
                          uint16_t port);
unsigned captured_datagram(struct captured *captured, enum captured_side side,
                           int protocol, uint16_t port);
/* Numbered bytes, so that each has its place: (uint8_t)(i * 7 + i / 256). */
void captured_write(struct captured *captured, enum captured_side side,
                    unsigned socket, uint64_t count);
void captured_shut(struct captured *captured, enum captured_side side,
                   unsigned socket);
void captured_close_socket(struct captured *captured, enum captured_side side,
                           unsigned socket);
/* One datagram to the other side. */
void captured_send(struct captured *captured, enum captured_side side,
                   unsigned socket, uint16_t port, const void *text,
                   size_t len);

#endif
