/*
 * The file of a recording (--record): what the recorder writes is in it at
 * once, also when the process is killed in the next moment.
 */
#ifndef TAPIR_HOST_RECORD_H
#define TAPIR_HOST_RECORD_H

#include "stack_record.h"

struct record_file;

/*
 * `where` is a file's name, or one after "full:": then it has all text. `epoch`
 * is the wall-clock time of stack time 0. 0; a negative errno.
 */
MUST_CHECK int record_file_create(const char *where, usec epoch,
                                  struct record_file **out);
struct recorder *record_file_recorder(struct record_file *file);
/* The name without "full:". */
const char *record_path(const char *where);

/*
 * In a process that has just been forked off: the file is its parent's, which
 * goes on. What enters the copy of the stack is kept apart, until that one is
 * taken over: then it follows in the file upon what had entered before the
 * fork, and what the parent has written since is gone: it is not this stack's
 * past. NULL: nothing.
 */
void record_file_fork(struct record_file *file);
void record_file_take_over(struct record_file *file);

/* Its stack is gone, or it never had one. NULL: nothing. */
void record_file_close(struct record_file *file);

#endif
