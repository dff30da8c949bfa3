#define _GNU_SOURCE /* pipe2 */
#include "plot_recording.h"

#include "tapir_replay.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char magic[] = "TAPIRREC";

bool plot_is_recording(const char *path)
{
    char begin[sizeof(magic) - 1];
    FILE *file = fopen(path, "re");
    bool is_one;

    if (file == NULL)
        return false;
    is_one = fread(begin, 1, sizeof(begin), file) == sizeof(begin) &&
             memcmp(begin, magic, sizeof(begin)) == 0;
    fclose(file);
    return is_one;
}

/* In the child: as `tapir replay PATH --trace=tcp,json`, whose trace goes to
 * the parent; what it reports to nobody. */
__attribute__((noreturn)) static void replay(const char *path, int trace_fd)
{
    char option[] = "--trace=tcp,json";
    char *argv[] = {(char *)(uintptr_t)path, option, NULL};
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (dup2(trace_fd, STDERR_FILENO) < 0 || dup2(nowhere, STDOUT_FILENO) < 0)
        _exit(2);
    optind = 0; /* getopt begins anew */
    _exit(replay_recording(2, argv));
}

int plot_replay_begin(const char *path, struct plot_replay *out)
{
    int pipe_fds[2];
    pid_t pid;

    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return -errno;
    fflush(NULL); /* nothing is written twice */
    pid = fork();
    if (pid == 0)
        replay(path, pipe_fds[1]);

    int error = errno;
    close(pipe_fds[1]);
    if (pid < 0) {
        close(pipe_fds[0]);
        return -error;
    }
    *out = (struct plot_replay){pid, fdopen(pipe_fds[0], "r")};
    return 0;
}

int plot_replay_end(struct plot_replay *replay)
{
    int status;

    if (replay->trace != NULL)
        fclose(replay->trace);
    while (waitpid(replay->pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
        return -EBADMSG;
    return WEXITSTATUS(status) == 0 ? 0 : -ENODATA;
}
