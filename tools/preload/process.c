/*
 * The process's beginning, its children and its end.
 *
 * exit(3) runs the library's own handler. _exit(2) and its like do not, and
 * with a kernel's sockets they need not: what was written is sent all the
 * same. So here they let the stacks finish first.
 */
#include "shim.h"

#include "host/fork_mark.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static pid_t owner;
static struct fork_mark mark; /* of the owner's memory */

static pid_t this_process(void)
{
    return (pid_t)real.syscall(SYS_getpid);
}

void process_take(void)
{
    owner = this_process();
    fork_mark_set(&mark);
}

void process_begin(void)
{
    process_take();
    pthread_atfork(NULL, NULL, process_take);
    at_quick_exit(process_finish);
}

bool process_is_owner(void)
{
    if (fork_mark_is_wiped(&mark))
        process_take();
    return owner == this_process();
}

void process_finish(void)
{
    if (process_is_owner())
        shim_finish();
}

/* libc's own leaves its parent by a way that cannot be seen. */
EXPORT int daemon(int keeps_directory, int keeps_files)
{
    pid_t child = shim_fork_giving();
    int null;

    if (child < 0)
        return -1;
    if (child > 0)
        _exit(0);
    if (setsid() < 0)
        return -1;
    if (!keeps_directory && chdir("/") < 0)
        return -1;
    if (keeps_files)
        return 0;
    null = open("/dev/null", O_RDWR);
    if (null < 0)
        return -1;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    if (null > STDERR_FILENO)
        close(null);
    return 0;
}

EXPORT _Noreturn void _exit(int status)
{
    process_finish();
    real_exit(status);
}

EXPORT _Noreturn void _Exit(int status) __attribute__((alias("_exit")));
