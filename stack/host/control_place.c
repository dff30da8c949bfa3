/*
 * Where control sockets lie: a directory of the user's own, in which nobody
 * else can put or replace anything.
 */
#define _GNU_SOURCE /* secure_getenv */
#include "host/control_place.h"

#include "tapir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE_ALONE = 0700, MODE_SHARED = 0755 };

static const char system_directory[] = "/run/tapir";

static bool is_given(const char *value)
{
    return value != NULL && *value != '\0';
}

/* The XDG Base Directory Specification: it is the user's. After su(1), or sudo
 * -E, the variable names another's, who may put anything in the place of ours.
 */
static bool is_own(const char *directory)
{
    struct stat is;

    return stat(directory, &is) == 0 && is.st_uid == geteuid();
}

/* The `which`th that there may be; false: there are not so many. Into that of
 * XDG_RUNTIME_DIR no group gets: it is the user's alone. */
static bool candidate(unsigned which, bool is_shared, char path[TAPIR_TEXT_MAX])
{
    const char *given = secure_getenv("TAPIR_RUNTIME");
    const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
    int len;

    if (is_given(given)) {
        len = snprintf(path, TAPIR_TEXT_MAX, "%s", given);
        return which == 0 && len < TAPIR_TEXT_MAX;
    }
    if (is_shared || !is_given(runtime) || !is_own(runtime))
        which++;
    if (which == 0)
        len = snprintf(path, TAPIR_TEXT_MAX, "%s/tapir", runtime);
    else if (which == 1)
        len = snprintf(path, TAPIR_TEXT_MAX, "%s", system_directory);
    else
        len = snprintf(path, TAPIR_TEXT_MAX, "/tmp/tapir-%u",
                       (unsigned)geteuid());
    return which <= 2 && len < TAPIR_TEXT_MAX;
}

int tapir_control_directory(unsigned which, char path[TAPIR_TEXT_MAX])
{
    if (candidate(which, false, path))
        return 0;
    errno = ENOENT;
    return -1;
}

/* Ours or root's, no link, and nobody else may write in it. One that the
 * program was given keeps the mode that it has. */
static int check_directory(const char *path, mode_t mode, bool is_kept)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat is;
    int r = 0;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &is) < 0)
        r = -errno;
    else if ((is.st_uid != geteuid() && is.st_uid != 0) ||
             (is.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        r = -EPERM;
    else if (!is_kept && is.st_uid == geteuid() &&
             (is.st_mode & mode) != mode &&
             fchmod(fd, mode) < 0) /* the umask's doing, or alone until now */
        r = -errno;
    close(fd);
    return r;
}

/* That of the whole system is looked into by everybody. */
static mode_t mode_of(const char *path, bool is_shared)
{
    return is_shared || strcmp(path, system_directory) == 0 ? MODE_SHARED
                                                            : MODE_ALONE;
}

int control_place_make(unsigned which, bool is_shared,
                       char path[TAPIR_TEXT_MAX])
{
    bool is_kept = false;
    mode_t mode;

    if (!candidate(which, is_shared, path))
        return -ENOENT;
    mode = mode_of(path, is_shared);
    if (mkdir(path, mode) < 0) {
        if (errno != EEXIST)
            return errno == ENOENT ? -ENOTDIR : -errno;
        is_kept = is_given(secure_getenv("TAPIR_RUNTIME"));
    }
    return check_directory(path, mode, is_kept);
}

uint64_t control_place_network(void)
{
    struct stat is;

    return stat("/proc/self/ns/net", &is) < 0 ? 0 : is.st_ino;
}
