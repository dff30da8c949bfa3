#include "plot_read.h"

#include "plot_recording.h"
#include "plot_trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Captures ---------------------------------------------------------- */

/* The end that captured: the sender of what left, the receiver of what came. */
static int take_comment(struct plot_connection *connection,
                        const struct capture_record *record)
{
    const struct plot_segment *segment =
        &connection->segment[connection->segment_count - 1];

    if (record->comment == NULL || record->direction == CAPTURE_UNTOLD)
        return 0;
    return plot_trace_comment(connection,
                              segment->from ^ (record->direction == CAPTURE_IN),
                              record->time, record->comment);
}

static int take_record(struct plot_capture *capture,
                       const struct capture_record *record)
{
    struct plot_connection *connection;
    struct capture_tcp tcp;

    capture->records++;
    if (capture_tcp_parse(record, &tcp) < 0)
        return 0; /* something else */
    int r = plot_capture_add(capture, record->time, record->number, &tcp,
                             &connection);
    if (r == 0 && connection != NULL)
        r = take_comment(connection, record);
    return r;
}

static int read_capture(const char *path, struct plot_capture *capture)
{
    struct capture_record record;
    struct capture_file *file;

    int r = capture_file_open(path, &file);
    if (r < 0)
        return r;
    while ((r = capture_file_next(file, &record)) == 1) {
        r = take_record(capture, &record);
        if (r < 0)
            break;
    }
    capture_file_close(file);
    return r;
}

/* ---- Traces ------------------------------------------------------------ */

/* Among its lines may be others: what else a program writes to standard
 * error. */
static int read_lines(FILE *file, struct plot_capture *capture)
{
    enum { LINE_MAX = 8192 };
    char line[LINE_MAX];
    uint64_t number = 0;
    int r = 0;

    capture->record = "line";
    while (r >= 0 && fgets(line, sizeof(line), file) != NULL) {
        r = plot_trace_line(capture, ++number, line, strcspn(line, "\n"));
        capture->records += r == 1;
    }
    if (r >= 0 && capture->records == 0)
        return -EBADMSG;
    return r < 0 ? r : 0;
}

static int read_trace(const char *path, struct plot_capture *capture)
{
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return -errno;
    int r = read_lines(file, capture);
    fclose(file);
    return r;
}

static int read_recording(const char *path, struct plot_capture *capture)
{
    struct plot_replay replay;

    int r = plot_replay_begin(path, &replay);
    if (r < 0)
        return r;
    r = replay.trace == NULL ? -ENOMEM : read_lines(replay.trace, capture);

    int status = plot_replay_end(&replay);
    return r < 0 ? r : status;
}

/* A pipe gives its first octet back, no more: where a magic number of a capture
 * begins with it, it is one. A trace may begin with any line. */
static bool is_capture_on_stdin(void)
{
    int first = getchar();

    ungetc(first, stdin);
    return first == 0x0a || first == 0xa1 || first == 0xd4 || first == 0x4d;
}

static int read_stdin(struct plot_capture *capture)
{
    return is_capture_on_stdin() ? read_capture("-", capture)
                                 : read_lines(stdin, capture);
}

static bool is_pipe(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
}

/* It can be read only once: it takes the place of standard input. */
static int read_pipe(const char *path, struct plot_capture *capture)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 || dup2(fd, STDIN_FILENO) < 0 ? -errno : 0;

    if (fd >= 0)
        close(fd);
    return r < 0 ? r : read_stdin(capture);
}

int plot_read(const char *path, struct plot_capture *capture)
{
    capture->record = "frame";
    if (strcmp(path, "-") == 0)
        return read_stdin(capture);
    if (is_pipe(path))
        return read_pipe(path, capture);
    if (plot_is_recording(path))
        return read_recording(path, capture);

    int r = read_capture(path, capture);
    return r == -EBADMSG && capture->records == 0 ? read_trace(path, capture)
                                                  : r;
}
