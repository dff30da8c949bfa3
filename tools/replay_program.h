/*
 * The programs on the stack of a replay: they listen, connect, read all that
 * comes as soon as it comes, and write what the script says, or a file.
 */
#ifndef TAPIR_TOOLS_REPLAY_PROGRAM_H
#define TAPIR_TOOLS_REPLAY_PROGRAM_H

#include "replay_run.h"
#include "stack.h"

/* One end of a TCP connection. */
struct replay_program {
    struct hash_node node; /* by its socket, while it has one */
    struct replay_program *next;
    struct replay_flow *flow;
    const struct replay_file *file; /* NULL: what the host's wrote */
    socket_id socket;               /* 0: not yet, or closed */
    size_t due;                     /* so much is to be written */
    size_t written;
    bool shuts; /* when that is done */
    bool is_shut, has_read, has_read_end, is_over;
};

struct replay_programs {
    struct memory *memory;
    struct replay_script *script;
    const struct replay_options *options;
    struct stack *stack;
    struct hash_table table;
    struct replay_program *first;
    socket_id *listeners; /* by port, as the others; 0: none */
    socket_id *udp;
    socket_id *echo; /* by identifier */
};

/* Opens the ports. 0 or a negative errno; to be ended even then. */
MUST_CHECK int replay_programs_init(struct replay_programs *programs,
                                    struct memory *memory, usec now,
                                    struct stack *stack,
                                    struct replay_script *script,
                                    const struct replay_options *options);
void replay_programs_fini(struct replay_programs *programs);

/* Does what the host's program did. A negative errno: no memory. */
MUST_CHECK int replay_programs_act(struct replay_programs *programs, usec now,
                                   const struct replay_action *action);

/* Whoever is told ready accepts, reads, writes. */
void replay_programs_run(struct replay_programs *programs, usec now);

#endif
