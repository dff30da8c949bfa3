/*
 * What `tapir replay` can replay: each kind of file is a file of its own.
 */
#ifndef TAPIR_TOOLS_REPLAY_H
#define TAPIR_TOOLS_REPLAY_H

/* A file is of a kind by its first bytes, so many at most. */
enum { REPLAY_MAGIC_MAX = 8 };

/*
 * argv[0] is the file, which is of this kind, and what follows are options.
 * The exit status: 0 the same, 1 something differs, 2 it cannot be replayed.
 */
int replay_recording(int argc, char **argv);
int replay_capture(int argc, char **argv);

#endif
