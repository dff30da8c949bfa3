/*
 * `tapir replay` of a recording, as --record writes it.
 */
#include "tapir_replay.h"

#include <stdio.h>

enum { EXIT_CANNOT = 2 };

/* TODO: the replay itself. */
int replay_recording(int argc, char **argv)
{
    (void)argc;
    fprintf(stderr, "tapir replay: %s: recordings cannot be replayed yet\n",
            argv[0]);
    return EXIT_CANNOT;
}
