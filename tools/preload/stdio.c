/*
 * Streams on sockets. libc's own read and write its descriptor by calls that
 * nobody can take the place of, so a stream on a socket of ours is one of
 * fopencookie(3), whose fileno(3) is the socket's number all the same.
 */
#include "shim.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

static int number_of(void *cookie)
{
    return (int)(intptr_t)cookie;
}

/* It may be the kernel's by now: loopback.c. */
static ssize_t stream_read(void *cookie, char *data, size_t len)
{
    int fd = number_of(cookie);

    return is_socket(fd) ? tapir_read(fd, data, len) : real.read(fd, data, len);
}

/* A stream's writer has to say 0 for a failure: fopencookie(3). */
static ssize_t stream_write(void *cookie, const char *data, size_t len)
{
    int fd = number_of(cookie);
    ssize_t sent =
        is_socket(fd) ? tapir_write(fd, data, len) : real.write(fd, data, len);

    return sent < 0 ? 0 : sent;
}

/* As lseek(2) on a socket; libc's own answer, without one, is EINVAL. */
static int stream_seek(void *cookie, off64_t *offset, int whence)
{
    (void)cookie;
    (void)offset;
    (void)whence;
    errno = ESPIPE;
    return -1;
}

static int stream_close(void *cookie)
{
    return shim_close(number_of(cookie));
}

EXPORT FILE *fdopen(int fd, const char *mode)
{
    static const cookie_io_functions_t functions = {.read = stream_read,
                                                    .write = stream_write,
                                                    .seek = stream_seek,
                                                    .close = stream_close};
    FILE *stream;

    if (!is_socket(fd))
        return real.fdopen(fd, mode);
    stream = fopencookie((void *)(intptr_t)fd, mode, functions);
    if (stream != NULL)
        stream->_fileno = fd;
    return stream;
}

EXPORT FILE *_IO_fdopen(int fd, const char *mode);
EXPORT FILE *_IO_fdopen(int fd, const char *mode)
{
    return fdopen(fd, mode);
}

static int write_all(int fd, const char *text, int len)
{
    for (int done = 0; done < len;) {
        ssize_t sent = tapir_write(fd, text + done, (size_t)(len - done));

        if (sent < 0)
            return -1;
        done += (int)sent;
    }
    return len;
}

EXPORT int vdprintf(int fd, const char *format, va_list arguments)
{
    char *text;
    int len;

    if (!is_socket(fd))
        return real.vdprintf(fd, format, arguments);
    len = vasprintf(&text, format, arguments);
    if (len < 0)
        return len;
    len = write_all(fd, text, len);
    free(text);
    return len;
}

EXPORT int dprintf(int fd, const char *format, ...)
{
    va_list arguments;
    int r;

    va_start(arguments, format);
    r = vdprintf(fd, format, arguments);
    va_end(arguments);
    return r;
}

EXPORT int __vdprintf_chk(int fd, int flag, const char *format,
                          va_list arguments);
EXPORT int __vdprintf_chk(int fd, int flag, const char *format,
                          va_list arguments)
{
    (void)flag;
    return vdprintf(fd, format, arguments);
}

EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...);
EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...)
{
    va_list arguments;
    int r;

    (void)flag;
    va_start(arguments, format);
    r = vdprintf(fd, format, arguments);
    va_end(arguments);
    return r;
}
