#include "plot_read.h"

#include <errno.h>
#include <string.h>

static int take_record(struct plot_capture *capture,
                       const struct capture_record *record)
{
    struct plot_connection *connection;
    struct capture_tcp tcp;

    capture->records++;
    if (capture_tcp_parse(record, &tcp) < 0)
        return 0; /* something else */
    return plot_capture_add(capture, record->time, record->number, &tcp,
                            &connection);
}

int plot_read(const char *path, struct plot_capture *capture)
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
