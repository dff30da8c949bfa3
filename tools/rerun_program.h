/*
 * The programs on the stack of a replay: they listen, connect, read all that
 * comes as soon as it comes, and write what the script says, or a file.
 */
#ifndef TAPIR_TOOLS_RERUN_PROGRAM_H
#define TAPIR_TOOLS_RERUN_PROGRAM_H

#include "rerun_run.h"
#include "stack.h"

/* One end of a TCP connection. */
struct rerun_program {
    struct hash_node node; /* by its socket, while it has one */
    struct rerun_program *next;
    struct rerun_flow *flow;
    const struct rerun_file *file; /* NULL: what the host's wrote */
    socket_id socket;              /* 0: not yet, or closed */
    size_t due;                    /* so much is to be written */
    size_t written;
    bool shuts; /* when that is done */
    bool is_shut, has_read, has_read_end, is_over;
};

struct rerun_programs {
    struct memory *memory;
    struct rerun_script *script;
    const struct rerun_options *options;
    struct stack *stack;
    struct hash_table table;
    struct rerun_program *first;
    socket_id *listeners; /* by port, as the others; 0: none */
    socket_id *udp;
    socket_id *echo; /* by identifier */
};

/* Opens the ports. 0 or a negative errno; to be ended even then. */
MUST_CHECK int rerun_programs_init(struct rerun_programs *programs,
                                   struct memory *memory, usec now,
                                   struct stack *stack,
                                   struct rerun_script *script,
                                   const struct rerun_options *options);
void rerun_programs_fini(struct rerun_programs *programs);

/* Does what the host's program did. A negative errno: no memory. */
MUST_CHECK int rerun_programs_act(struct rerun_programs *programs, usec now,
                                  const struct rerun_action *action);

/* Whoever is told ready accepts, reads, writes. */
void rerun_programs_run(struct rerun_programs *programs, usec now);

#endif
