/*
 * Receiving, sending, and who is too late with either: see server.h.
 */
#include "server.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SEND_BUFFER = 32 * 1024, /* what is in it, too, is late */
    ACCEPTED_MAX = 64,       /* in one turn */
    NAME_TIME = 60000        /* to find a name; milliseconds */
};

static int64_t now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static bool would_block(void)
{
    return errno == EAGAIN || errno == EINTR;
}

static void receive(struct room *room, struct person *person, int64_t now)
{
    ssize_t len = tapir_recv(person->fd, person->in, IN_LEN, 0);

    if (len < 0 && would_block())
        return;
    if (len < 0) {
        if (is_heard(person))
            leave(room, person, now);
        person->stage = GONE;
        return;
    }
    person->in_at = 0;
    person->in_end = (size_t)len;
    person->has_ended = len == 0;
    if (person->stage == LEAVING) { /* it is thrown away */
        person->in_end = 0;
        if (person->has_ended && person->out_at == person->out_end)
            person->stage = GONE;
    }
}

static void send_out(struct room *room, struct person *person, int64_t now)
{
    size_t left = person->out_end - person->out_at;
    ssize_t len = tapir_send(person->fd, person->out + person->out_at, left,
                             MSG_NOSIGNAL);

    if (len >= 0) {
        person->out_at += (size_t)len;
        person->is_full = (size_t)len < left;
        if (person->stage == IN_ROOM)
            person->deadline = now + SLOW_TIME;
    } else if (would_block()) {
        person->is_full = true;
    } else {
        if (is_heard(person))
            leave(room, person, now);
        person->stage = GONE;
    }
}

/* After all lines of this turn: one write for all of them. */
static void send_all(struct room *room, int64_t now)
{
    for (struct person *one = room->people; one != NULL; one = one->next) {
        if (one->stage == GONE)
            continue;
        if (one->out_at < one->out_end && !one->is_full)
            send_out(room, one, now);
        if (one->stage != LEAVING || one->out_at < one->out_end)
            continue;
        if (!one->has_shut)
            (void)tapir_shutdown(one->fd, SHUT_WR);
        one->has_shut = true;
        if (one->has_ended)
            one->stage = GONE;
    }
}

/* What is in their buffers would never be read: the end is a reset. */
static void throw_out(struct room *room, struct person *person, int64_t now)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    (void)tapir_setsockopt(person->fd, SOL_SOCKET, SO_LINGER, &at_once,
                           sizeof(at_once));
    person->stage = GONE;
    announce(room, now, "* %s was too slow, and is out", person->name);
}

/* Who has not read, named themselves, or gone, in time. What is said of the one
 * may be too much for the next: again, until there is none. */
static void end_late(struct room *room, int64_t now)
{
    bool is_any;

    do {
        is_any = false;
        for (struct person *one = room->people; one != NULL; one = one->next) {
            bool waits = one->stage != IN_ROOM || one->out_at < one->out_end;
            if (one->stage == GONE ||
                !(one->is_slow || (waits && one->deadline <= now)))
                continue;
            is_any |= one->stage == IN_ROOM;
            if (one->stage == IN_ROOM)
                throw_out(room, one, now);
            one->stage = GONE;
        }
    } while (is_any);
}

static void remove_gone(struct server *server)
{
    struct person **link = &server->room.people;

    while (*link != NULL) {
        struct person *one = *link;
        if (one->stage != GONE) {
            link = &one->next;
            continue;
        }
        *link = one->next;
        server->count--;
        tapir_close(one->fd);
        free(one->out);
        free(one);
    }
}

static void refuse(int fd)
{
    static const char full[] = "* The room is full\n";

    (void)tapir_send(fd, full, strlen(full), MSG_NOSIGNAL);
    tapir_close(fd);
}

/* False: nobody else is at the door. */
static bool admit(struct server *server, int64_t now)
{
    int buffer = SEND_BUFFER;
    int yes = 1;
    int fd = tapir_accept4(server->listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0)
        return false;

    struct person *person = calloc(1, sizeof(*person));
    char *out = malloc(OUT_LEN);
    if (person == NULL || out == NULL || server->count == server->max) {
        free(person);
        free(out);
        refuse(fd);
        return true;
    }
    (void)tapir_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    (void)tapir_setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
    (void)tapir_setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    person->fd = fd;
    person->stage = NAMING;
    person->deadline = now + NAME_TIME;
    person->reader.limit = TEXT_LEN;
    person->out = out;
    person->next = server->room.people;
    server->room.people = person;
    server->count++;
    tell(person, now, "* Welcome. Your name?");
    return true;
}

/* ---- The loop ---------------------------------------------------------- */

/* No more is read while there is something that they may not say yet. */
static short events_of(const struct person *person)
{
    bool reads = !person->has_ended && person->in_at == person->in_end;

    return (short)((reads ? POLLIN : 0) | (person->is_full ? POLLOUT : 0));
}

/* When to look at them, if nothing comes. INT64_MAX: never. Nobody's lines are
 * taken before `patience`. */
static int64_t when_to_look(const struct person *person, int64_t patience)
{
    int64_t when = INT64_MAX;
    int64_t speaks = person->paid_until - BURST * PERIOD;

    if (person->stage != IN_ROOM || person->out_at < person->out_end)
        when = person->deadline;
    if (is_heard(person) &&
        (person->in_at < person->in_end || person->has_ended)) {
        if (speaks < patience)
            speaks = patience;
        if (speaks < when)
            when = speaks;
    }
    return when;
}

/* Fills in fds in the order of people; false: a signal has come. */
static bool wait_for_something(struct server *server)
{
    const struct room *room = &server->room;
    nfds_t count = 2;
    int64_t now = now_ms();
    int64_t patience = end_of_patience(room, now);
    int64_t when = INT64_MAX;

    server->fds[0] = (struct pollfd){.fd = server->signals, .events = POLLIN};
    server->fds[1] = (struct pollfd){.fd = server->listener, .events = POLLIN};
    for (const struct person *one = room->people; one != NULL;
         one = one->next) {
        int64_t theirs = when_to_look(one, patience);
        short events = events_of(one);
        /* Of one without events poll would tell again and again that it was
         * reset; a send, or its deadline, finds out. */
        server->fds[count++] =
            (struct pollfd){.fd = events != 0 ? one->fd : -1, .events = events};
        if (theirs < when)
            when = theirs;
    }
    int timeout = -1;
    if (when < INT64_MAX)
        timeout = when > now ? (int)(when - now) : 0;
    if (tapir_poll(server->fds, count, timeout) < 0) {
        if (errno != EINTR)
            err(1, "poll");
        for (nfds_t i = 0; i < count; i++)
            server->fds[i].revents = 0;
    }
    return server->fds[0].revents == 0;
}

void server_run(struct server *server)
{
    struct room *room = &server->room;

    while (wait_for_something(server)) {
        const struct pollfd *polled = server->fds + 2;
        int64_t now = now_ms();

        room->budget = end_of_patience(room, now) > now ? 0 : TURN_LEN;
        for (struct person *one = room->people; one != NULL; one = one->next) {
            short events = (polled++)->revents;
            if ((events & POLLOUT) != 0)
                one->is_full = false;
            if (events != 0 && (events & ~POLLOUT) != 0)
                receive(room, one, now);
            take_lines(room, one, now);
        }
        send_all(room, now);
        end_late(room, now);
        remove_gone(server);
        for (int i = 0; server->fds[1].revents != 0 && i < ACCEPTED_MAX; i++)
            if (!admit(server, now))
                break;
        send_all(room, now);
    }
    announce(room, now_ms(), "* The room closes");
    send_all(room, now_ms());
}

void server_open(struct server *server, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port)};
    int yes = 1;

    server->fds = calloc(server->max + 2, sizeof(*server->fds));
    server->listener = tapir_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (server->fds == NULL || server->listener < 0)
        err(1, "socket");
    (void)tapir_setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &yes,
                           sizeof(yes));
    if (tapir_bind(server->listener, (struct sockaddr *)&address,
                   sizeof(address)) < 0 ||
        tapir_listen(server->listener, SOMAXCONN) < 0)
        err(1, "port %u", port);
}
