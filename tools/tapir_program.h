/*
 * What kind of file a program is: whether a library can be put before it.
 */
#ifndef TAPIR_TOOLS_PROGRAM_H
#define TAPIR_TOOLS_PROGRAM_H

enum { PROGRAM_PATH_MAX = 4096, PROGRAM_WHY_MAX = 512 };

/*
 * The file that execvp(3) would run. 0; -ENOENT, -EACCES.
 */
int program_find(const char *name, char path[PROGRAM_PATH_MAX]);

/*
 * Whether LD_PRELOAD works on it; of a script, on its interpreter. 0; -EINVAL
 * and in `why` one line that says what stands in the way. Of a file that cannot
 * be read nothing is known: 0.
 */
int program_check_preload(const char *path, char why[PROGRAM_WHY_MAX]);

#endif
