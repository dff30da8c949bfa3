/*
 * A recording (--record) tells what entered a stack, not what it did: that is
 * found by replaying it, in a process of its own, with its trace.
 */
#ifndef TAPIR_TOOLS_PLOT_RECORDING_H
#define TAPIR_TOOLS_PLOT_RECORDING_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct plot_replay {
    pid_t pid;
    FILE *trace; /* lines of JSON */
};

bool plot_is_recording(const char *path);

/* 0, or a negative errno. */
MUST_CHECK int plot_replay_begin(const char *path, struct plot_replay *out);

/* Waits for it. 0; -ENODATA if it differs from the recording, and ends there;
 * -EBADMSG if it cannot be replayed. */
MUST_CHECK int plot_replay_end(struct plot_replay *replay);

#endif
