/*
 * Opening files: see files.h.
 */
#define _GNU_SOURCE /* O_PATH */
#include "files.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

int open_root(const char *root)
{
    int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        err(2, "--root %s", root);
    return fd;
}

enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };

/* For a kernel without openat2: step by step, and no symbolic links at all. */
static int open_by_steps(int root, const char *path)
{
    int directory = root;

    for (;;) {
        char name[NAME_MAX + 1];
        size_t len = strcspn(path, "/");
        size_t slashes = strspn(path + len, "/");
        bool is_last = path[len + slashes] == '\0';
        int fd = -1;

        snprintf(name, sizeof(name), "%.*s", (int)len, path);
        if (len > NAME_MAX)
            errno = ENAMETOOLONG;
        else
            fd = openat(directory, name,
                        (is_last ? OPEN_FLAGS : O_PATH | O_CLOEXEC) |
                            O_NOFOLLOW | (slashes > 0 ? O_DIRECTORY : 0));
        if (directory != root)
            close(directory);
        if (fd < 0 || is_last)
            return fd;
        directory = fd;
        path += len + slashes;
    }
}

/*
 * Opens for reading what lies under the root, wherever symbolic links point:
 * the kernel refuses to leave it. Nothing is waited for, if it is a FIFO.
 */
static int open_beneath(int root, const char *path)
{
    struct open_how how = {.flags = OPEN_FLAGS,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};

    if (*path == '\0')
        path = ".";
    int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
    return fd < 0 && errno == ENOSYS ? open_by_steps(root, path) : fd;
}

/*
 * To find a file is the greater part of serving a small one. So the regular
 * files that were asked for lately stay open, for a second: so long one that
 * was put in another's place may be missed. Each has the place that its path
 * hashes to.
 */
enum { KEPT = 64, KEPT_PATH_MAX = 128 };

static struct {
    char path[KEPT_PATH_MAX]; /* empty: none */
    int fd;
} kept[KEPT];

static size_t place_of(const char *path)
{
    size_t hash = 5381; /* Bernstein's */

    while (*path != '\0')
        hash = hash * 33 + (unsigned char)*path++;
    return hash % KEPT;
}

static void forget(size_t place)
{
    if (*kept[place].path != '\0')
        close(kept[place].fd);
    *kept[place].path = '\0';
}

void forget_files(void)
{
    for (size_t place = 0; place < KEPT; place++)
        forget(place);
}

/* It has to be without a descriptor of its own: no harm. */
static void keep(const char *path, int fd)
{
    size_t place = place_of(path);

    if (*path == '\0' || strlen(path) >= KEPT_PATH_MAX)
        return;
    forget(place);
    kept[place].fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (kept[place].fd >= 0)
        strcpy(kept[place].path, path);
}

/* -1: it is not kept. */
static int open_kept(const char *path)
{
    size_t place = place_of(path);

    return *path == '\0' || strcmp(kept[place].path, path) != 0
               ? -1
               : fcntl(kept[place].fd, F_DUPFD_CLOEXEC, 0);
}

static int status_of_errno(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        return 404;
    case EACCES:
    case EPERM:
    case ELOOP: /* a link that was not followed */
    case EXDEV: /* out of the root */
        return 403;
    case EMFILE:
    case ENFILE:
        return 503;
    default:
        return 500;
    }
}

/* 200 and the descriptor of a regular file or a directory, or another status.
 */
static int open_path(int root, const char *path, int *file, struct stat *facts)
{
    int fd = open_kept(path);
    bool was_kept = fd >= 0;

    if (!was_kept)
        fd = open_beneath(root, path);
    if (fd < 0)
        return status_of_errno(errno);
    if (fstat(fd, facts) == 0 &&
        (S_ISREG(facts->st_mode) || S_ISDIR(facts->st_mode))) {
        if (!was_kept && S_ISREG(facts->st_mode))
            keep(path, fd);
        *file = fd;
        return 200;
    }
    close(fd);
    return 403;
}

int open_file(int root, struct request *request, int *file, struct stat *facts)
{
    size_t len = strlen(request->path);
    int status = open_path(root, request->path, file, facts);
    if (status != 200 || S_ISREG(facts->st_mode))
        return status;

    int index;
    struct stat index_facts;
    if (len > 0 && request->path[len - 1] != '/') {
        close(*file);
        return 301;
    }
    strcpy(request->path + len, "index.html");
    status = open_path(root, request->path, &index, &index_facts);
    if (status == 404) {
        request->path[len] = '\0';
        return 200;
    }
    close(*file);
    *file = index;
    *facts = index_facts;
    if (status == 200 && S_ISDIR(index_facts.st_mode)) {
        close(index);
        return 403;
    }
    return status;
}

const char *content_type(const char *path)
{
    static const struct {
        const char *suffix, *type;
    } types[] = {{".avif", "image/avif"},
                 {".css", "text/css; charset=utf-8"},
                 {".csv", "text/csv; charset=utf-8"},
                 {".gif", "image/gif"},
                 {".gz", "application/gzip"},
                 {".htm", "text/html; charset=utf-8"},
                 {".html", "text/html; charset=utf-8"},
                 {".ico", "image/vnd.microsoft.icon"},
                 {".jpeg", "image/jpeg"},
                 {".jpg", "image/jpeg"},
                 {".js", "text/javascript; charset=utf-8"},
                 {".json", "application/json"},
                 {".md", "text/markdown; charset=utf-8"},
                 {".mjs", "text/javascript; charset=utf-8"},
                 {".mp3", "audio/mpeg"},
                 {".mp4", "video/mp4"},
                 {".ogg", "audio/ogg"},
                 {".pdf", "application/pdf"},
                 {".png", "image/png"},
                 {".svg", "image/svg+xml"},
                 {".tar", "application/x-tar"},
                 {".txt", "text/plain; charset=utf-8"},
                 {".wasm", "application/wasm"},
                 {".webm", "video/webm"},
                 {".webp", "image/webp"},
                 {".woff2", "font/woff2"},
                 {".xml", "application/xml"},
                 {".zip", "application/zip"}};
    const char *suffix = strrchr(path, '.');

    for (size_t i = 0; suffix != NULL && i < sizeof(types) / sizeof(*types);
         i++)
        if (strcasecmp(suffix, types[i].suffix) == 0)
            return types[i].type;
    return "application/octet-stream";
}
