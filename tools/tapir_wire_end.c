/*
 * Ends of `tapir wire`. A TAP device is opened inside its network namespace:
 * the process enters it (setns(2)) and comes back; the descriptor stays with
 * the device, wherever the process is. So does a descriptor of the namespace's
 * table of devices, /proc/net/dev.
 */
#define _GNU_SOURCE
#include "tapir_wire_end.h"

#include "netdev/seqpacket.h"
#include "netdev/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TABLE_MAX = 65536, PATH_TEXT_MAX = 300 };

__attribute__((format(printf, 3, 4))) static int
fail(int error, char why[static WIRE_WHY_MAX], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, WIRE_WHY_MAX, format, args);
    va_end(args);
    return -error;
}

/* ---- Namespaces ---------------------------------------------------------- */

static bool is_number(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* A descriptor, or a negative errno and `why`. */
static int open_namespace(const char *name, char why[static WIRE_WHY_MAX])
{
    char path[PATH_TEXT_MAX];

    snprintf(path, sizeof(path),
             is_number(name) ? "/proc/%s/ns/net" : "/run/netns/%s", name);

    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0)
        return fd;
    if (errno == ENOENT && is_number(name))
        return fail(ENOENT, why, "there is no process %s", name);
    if (errno == ENOENT)
        return fail(ENOENT, why,
                    "there is no network namespace %s: ip netns add %s", name,
                    name);
    return fail(errno, why, "%s: %s", path, strerror(errno));
}

static int enter(int fd, const char *name, char why[static WIRE_WHY_MAX])
{
    if (setns(fd, CLONE_NEWNET) == 0)
        return 0;
    return fail(errno, why,
                "cannot enter the network namespace %s: %s; run tapir wire as "
                "the one who made it",
                name, strerror(errno));
}

/* ---- TAP devices --------------------------------------------------------- */

/* The line of the device in the table; NULL: it is not there. */
static const char *line_of(const char *table, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = table; line != NULL; line = strchr(line, '\n')) {
        line += strspn(line, " \n");
        if (strncmp(line, name, len) == 0 && line[len] == ':')
            return line + len + 1;
    }
    return NULL;
}

/* The field `drop` of what the device was given to transmit: proc(5). */
static uint64_t read_dropped(const struct wire_end *end)
{
    static char table[TABLE_MAX];
    unsigned long long dropped = 0;
    ssize_t len = pread(end->counters, table, sizeof(table) - 1, 0);

    if (len < 0)
        return 0;
    table[len] = '\0';

    const char *line = line_of(table, end->name);

    if (line != NULL)
        (void)!sscanf(line, "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %llu",
                      &dropped);
    return dropped;
}

static int open_tap_here(struct wire_end *end, char why[static WIRE_WHY_MAX])
{
    int status = tap_open(end->name, &end->dev, why);

    if (status < 0)
        return status;
    end->counters = open("/proc/self/net/dev", O_RDONLY | O_CLOEXEC);
    if (end->counters < 0) {
        status = fail(errno, why, "/proc/self/net/dev: %s; mount /proc",
                      strerror(errno));
        netdev_close(end->dev);
        return status;
    }
    end->dropped_first = read_dropped(end);
    return 0;
}

static int open_tap_in(struct wire_end *end, const char *namespace,
                       char why[static WIRE_WHY_MAX])
{
    int there = open_namespace(namespace, why);

    if (there < 0)
        return there;

    int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int status = here < 0
                     ? fail(errno, why, "/proc/self/ns/net: %s; mount /proc",
                            strerror(errno))
                     : enter(there, namespace, why);

    if (status == 0) {
        status = open_tap_here(end, why);
        if (setns(here, CLONE_NEWNET) < 0)
            abort(); /* we were there a moment ago */
    }
    close(there);
    if (here >= 0)
        close(here);
    return status;
}

/* "NAME" or "NAME@NETNS" */
static int open_tap(struct wire_end *end, const char *text,
                    char why[static WIRE_WHY_MAX])
{
    size_t len = strcspn(text, "@");

    if (len == 0 || len >= sizeof(end->name))
        return fail(EINVAL, why, "%s names no TAP device, as tap:tap0@left",
                    end->text);
    memcpy(end->name, text, len);
    end->name[len] = '\0';
    return text[len] == '\0' ? open_tap_here(end, why)
                             : open_tap_in(end, text + len + 1, why);
}

/* ---- Ends ---------------------------------------------------------------- */

int wire_end_open(struct wire_end *end, const char *text,
                  char why[static WIRE_WHY_MAX])
{
    *end = (struct wire_end){.text = text, .counters = -1};
    if (strncmp(text, "tap:", 4) == 0)
        return open_tap(end, text + 4, why);
    if (strncmp(text, "unix:", 5) == 0)
        return seqpacket_listen(text + 5, 0, &end->dev, why);
    return fail(EINVAL, why,
                "\"%.100s\" is no end: tap:NAME, tap:NAME@NETNS or unix:PATH",
                text);
}

void wire_end_close(struct wire_end *end)
{
    netdev_close(end->dev);
    if (end->counters >= 0)
        close(end->counters);
}

uint64_t wire_end_dropped(const struct wire_end *end)
{
    return end->counters < 0 ? 0 : read_dropped(end) - end->dropped_first;
}
