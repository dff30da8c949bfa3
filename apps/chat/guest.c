/*
 * Between standard input, the room, and standard output: see guest.h.
 */
#include "guest.h"
#include "lines.h"

#include <tapir.h>

#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

enum { STANDARD_INPUT = 0, IN_LEN = 4096 };

struct guest {
    int fd;
    bool is_terminal; /* where lines are typed, and shown */
    char up[IN_LEN];  /* typed, to be sent */
    size_t up_at, up_end;
    bool has_ended; /* standard input */
    struct reader reader;
};

static bool would_block(void)
{
    return errno == EAGAIN || errno == EINTR;
}

static int connect_to(const char *host, uint16_t port)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char service[8];

    snprintf(service, sizeof(service), "%u", port);
    int error = tapir_getaddrinfo(host, service, &hints, &found);
    if (error != 0)
        errx(2, "%s: %s", host, gai_strerror(error));
    int fd = tapir_socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || tapir_connect(fd, found->ai_addr, found->ai_addrlen) < 0)
        err(1, "%s", host);
    tapir_freeaddrinfo(found);
    return fd;
}

/* False: the room has closed. What it sends is not trusted, either. */
static bool show(struct guest *guest)
{
    char text[IN_LEN];
    ssize_t len = tapir_recv(guest->fd, text, sizeof(text), MSG_DONTWAIT);

    if (len < 0 && !would_block())
        err(1, "the room");
    for (ssize_t i = 0; i < len; i++) {
        if (!read_byte(&guest->reader, text[i]))
            continue;
        clean_line(&guest->reader);
        puts(guest->reader.line);
        next_line(&guest->reader);
    }
    fflush(stdout);
    return len != 0;
}

static void read_terminal(struct guest *guest)
{
    ssize_t len = tapir_read(STANDARD_INPUT, guest->up, sizeof(guest->up));

    if (len < 0 && !would_block())
        err(1, "standard input");
    guest->up_at = 0;
    guest->up_end = len > 0 ? (size_t)len : 0;
    guest->has_ended = len == 0;
    if (guest->has_ended)
        (void)tapir_shutdown(guest->fd, SHUT_WR);
    /* The line comes back from the room, in its place among the others. */
    if (guest->is_terminal && len > 0)
        fputs("\033[A\033[2K", stdout);
    fflush(stdout);
}

static void send_typed(struct guest *guest)
{
    ssize_t len =
        tapir_send(guest->fd, guest->up + guest->up_at,
                   guest->up_end - guest->up_at, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (len < 0 && !would_block())
        err(1, "the room");
    guest->up_at += len > 0 ? (size_t)len : 0;
}

static void take_part(struct guest *guest)
{
    for (;;) {
        bool has_typed = guest->up_at < guest->up_end;
        struct pollfd fds[] = {
            {.fd = guest->fd,
             .events = (short)(has_typed ? POLLIN | POLLOUT : POLLIN)},
            {.fd = has_typed || guest->has_ended ? -1 : STANDARD_INPUT,
             .events = POLLIN}};

        if (tapir_poll(fds, 2, -1) < 0) {
            if (errno != EINTR)
                err(1, "poll");
            continue;
        }
        if ((fds[0].revents & ~POLLOUT) != 0 && !show(guest))
            return;
        if ((fds[0].revents & POLLOUT) != 0)
            send_typed(guest);
        if (fds[1].revents != 0)
            read_terminal(guest);
    }
}

void be_guest(const char *host, uint16_t port, const char *name)
{
    static struct guest guest;

    guest.is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    guest.reader.limit = LINE_LEN;
    guest.fd = connect_to(host, port);
    guest.up_end = (size_t)snprintf(guest.up, sizeof(guest.up), "%s\n", name);
    take_part(&guest);
}
