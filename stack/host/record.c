/*
 * A recording goes into a file that is mapped, part by part: so it costs no
 * system call an entry, and what is written is the file's though the process
 * may be killed. Room is made in the file before it is mapped: a full disk is
 * told by an error, once, and not by a signal.
 */
#include "host/record.h"

#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    WINDOW = 1 << 20,
    APART_MAX = 1 << 26 /* bytes that wait for a stack that may never come */
};

struct record_file {
    struct record_sink sink;
    struct recorder recorder;
    int fd;
    off_t from;      /* of the file, what is mapped: from here on, */
    uint8_t *window; /* NULL: nothing */
    size_t len;      /* so much */
    off_t written;   /* where the last entry ends, once nothing is mapped */
    bool is_apart; /* record_file_fork: in memory of its own, if any is used */
    uint8_t *apart;
    char path[TAPIR_TEXT_MAX];
};

static const char full[] = "full:";

static bool is_full(const char *where)
{
    return strncmp(where, full, sizeof(full) - 1) == 0;
}

const char *record_path(const char *where)
{
    return is_full(where) ? where + sizeof(full) - 1 : where;
}

static void unmap(struct record_file *file)
{
    if (file->window == NULL)
        return;
    file->written = file->from + (file->sink.at - file->window);
    munmap(file->window, file->len);
    file->window = NULL;
}

/* On some file systems a signal interrupts it. 0; negative errno. */
static int make_room(int fd, off_t from, size_t len)
{
    int error;

    do
        error = posix_fallocate(fd, from, (off_t)len);
    while (error == EINTR);
    return -error;
}

/* What is mapped begins with the page of the next byte. 0; negative errno. */
static int map_next(struct record_file *file, size_t need)
{
    off_t page = sysconf(_SC_PAGESIZE);
    size_t into = (size_t)(file->written % page);
    size_t len = into + need > WINDOW ? into + need : WINDOW;
    off_t from = file->written - (off_t)into;
    int r = make_room(file->fd, from, len);
    void *window;

    if (r < 0)
        return r;
    window = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                  file->fd, from);
    if (window == MAP_FAILED)
        return -errno;
    file->from = from;
    file->window = window;
    file->len = len;
    file->sink.at = file->window + into;
    file->sink.end = file->window + len;
    return 0;
}

static size_t apart_len(const struct record_file *file)
{
    return file->apart == NULL ? 0 : (size_t)(file->sink.at - file->apart);
}

static int grow_apart(struct record_file *file, size_t need)
{
    size_t len = apart_len(file);
    size_t size = 2 * len + need;
    uint8_t *apart = size > APART_MAX ? NULL : realloc(file->apart, size);

    if (apart == NULL)
        return -ENOMEM;
    file->apart = apart;
    file->sink.at = apart + len;
    file->sink.end = apart + size;
    return 0;
}

static void complain(const struct record_file *file, int error)
{
    fprintf(stderr, "tapir: --record %s: %s: nothing more is recorded\n",
            file->path, strerror(-error));
}

static bool more(struct record_sink *sink, size_t need)
{
    struct record_file *file = container_of(sink, struct record_file, sink);
    int r;

    if (file->is_apart) {
        r = grow_apart(file, need);
    } else {
        unmap(file);
        r = map_next(file, need);
    }
    if (r < 0)
        complain(file, r);
    return r == 0;
}

static int begin(struct record_file *file)
{
    int r = map_next(file, WINDOW);

    if (r < 0)
        return r;
    memcpy(file->sink.at, RECORD_MAGIC, RECORD_MAGIC_LEN);
    file->sink.at += RECORD_MAGIC_LEN;
    return 0;
}

/*
 * Whoever has it mapped writes beyond its end if another one cuts it off, and
 * dies: so it is one stack's, and busy as long as that, or a process that was
 * forked off it, has it. The descriptor; negative errno.
 */
static int open_alone(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int r = 0;

    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        r = errno == EWOULDBLOCK ? -EBUSY : -errno;
    else if (ftruncate(fd, 0) < 0)
        r = -errno;
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

int record_file_create(const char *where, usec epoch, struct record_file **out)
{
    struct record_file *file = calloc(1, sizeof(*file));
    int r;

    if (file == NULL)
        return -ENOMEM;
    snprintf(file->path, sizeof(file->path), "%s", record_path(where));
    file->sink.more = more;
    file->recorder.sink = &file->sink;
    file->recorder.keeps_text = is_full(where);
    file->recorder.epoch = epoch;
    file->fd = open_alone(file->path);
    if (file->fd < 0) {
        r = file->fd;
        free(file);
        return r;
    }
    host_own_fd(file->fd);
    r = begin(file);
    if (r < 0) {
        record_file_close(file);
        return r;
    }
    *out = file;
    return 0;
}

struct recorder *record_file_recorder(struct record_file *file)
{
    return &file->recorder;
}

void record_file_fork(struct record_file *file)
{
    if (file == NULL || file->is_apart)
        return;
    unmap(file);
    file->is_apart = true;
    file->sink.at = NULL;
    file->sink.end = NULL;
}

/* What is mapped is zeros from the end of the entries on, and the file ends
 * with it. */
static int join(struct record_file *file, struct bytes apart)
{
    int r = map_next(file, apart.len + WINDOW);

    if (r < 0)
        return r;
    memset(file->sink.at, 0, (size_t)(file->sink.end - file->sink.at));
    if (apart.len > 0)
        memcpy(file->sink.at, apart.data, apart.len);
    file->sink.at += apart.len;
    return ftruncate(file->fd, file->from + (off_t)file->len) < 0 ? -errno : 0;
}

void record_file_take_over(struct record_file *file)
{
    int r;

    if (file == NULL || !file->is_apart || !file->recorder.is_on)
        return;
    file->is_apart = false;
    r = join(file, bytes_of(file->apart, apart_len(file)));
    free(file->apart);
    file->apart = NULL;
    if (r == 0)
        return;
    complain(file, r);
    file->recorder.is_on = false;
}

void record_file_close(struct record_file *file)
{
    if (file == NULL)
        return;
    unmap(file);
    if (!file->is_apart && ftruncate(file->fd, file->written) < 0)
        fprintf(stderr, "tapir: --record %s: %s\n", file->path,
                strerror(errno));
    host_disown_fd(file->fd);
    close(file->fd);
    free(file->apart);
    free(file);
}
