/*
 * chat: a room where people talk in lines, and a way into it.
 *
 *   chat [--port N] [--people N]                  the room
 *   chat --join HOST --name NAME [--port N]       somebody in it
 *
 * The protocol is lines of UTF-8, so that telnet and nc will do: the room asks
 * for a name, shows what was said before, and then sends every line, "NAME:
 * text", to everybody, also to who has said it: all see the same lines in the
 * same order. What the room itself says begins with "* ", which no name does.
 * Lines that begin with "/" are commands; /help lists them.
 *
 * One thread serves all with poll. Who talks without end is read only as fast
 * as a line each PERIOD, so that his own TCP holds him back. Who reads slowly
 * is waited for, no line is taken from anybody then, but only for PATIENCE,
 * until he has read all; later he has OUT_LEN bytes, and SLOW_TIME, and then is
 * out, which the others are told. The room forgets all but its last lines.
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include <tapir.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
    STANDARD_INPUT = 0,
    PEOPLE = 1000, /* unless --people says otherwise */
    NAME_LEN = 24,
    TEXT_LEN = 1000,                      /* of a line, as somebody says it */
    LINE_LEN = NAME_LEN + TEXT_LEN + 100, /* as the room sends it */
    HISTORY = 50,                         /* lines, for who joins */
    IN_LEN = 4096,
    OUT_LEN = 256 * 1024,
    SEND_BUFFER = 32 * 1024, /* what is in it, too, is late */
    ACCEPTED_MAX = 64,       /* in one turn */
    TURN_LEN = OUT_LEN / 4,  /* said in one turn, about */
    /* Milliseconds. So many lines may come at once, then one each PERIOD. */
    BURST = 100,
    PERIOD = 50,
    PATIENCE = 2000,
    SLOW_TIME = 30000, /* without taking anything that is sent */
    NAME_TIME = 60000, /* to find a name */
    LEAVE_TIME = 3000  /* to read the last lines */
};

static int64_t now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* ---- Lines ------------------------------------------------------------- */

/* Where in a command of telnet (RFC 854) the last byte was. */
enum telnet {
    TELNET_DATA,
    TELNET_IAC,
    TELNET_OPTION,
    TELNET_SB,
    TELNET_SB_IAC
};

/* Makes lines of what comes in pieces. */
struct reader {
    size_t limit; /* at most LINE_LEN */
    char line[LINE_LEN + 1];
    size_t len;
    bool is_too_long;
    enum telnet telnet;
};

/* Telnet's commands are no text. 255 is in no UTF-8. */
static bool is_telnet(struct reader *reader, unsigned char c)
{
    enum { SE = 240, SB = 250, WILL = 251, DONT = 254, IAC = 255 };

    switch (reader->telnet) {
    case TELNET_DATA:
        if (c != IAC)
            return false;
        reader->telnet = TELNET_IAC;
        break;
    case TELNET_IAC:
        if (c == SB)
            reader->telnet = TELNET_SB;
        else
            reader->telnet =
                WILL <= c && c <= DONT ? TELNET_OPTION : TELNET_DATA;
        break;
    case TELNET_OPTION:
        reader->telnet = TELNET_DATA;
        break;
    case TELNET_SB:
        if (c == IAC)
            reader->telnet = TELNET_SB_IAC;
        break;
    case TELNET_SB_IAC:
        reader->telnet = c == SE ? TELNET_DATA : TELNET_SB;
        break;
    }
    return true;
}

/* True: with this byte the line is whole. */
static bool read_byte(struct reader *reader, char c)
{
    if (is_telnet(reader, (unsigned char)c))
        return false;
    if (c == '\n')
        return true;
    if (reader->len < reader->limit)
        reader->line[reader->len++] = c;
    else if (c != '\r')
        reader->is_too_long = true;
    return false;
}

static void next_line(struct reader *reader)
{
    reader->len = 0;
    reader->is_too_long = false;
}

/*
 * The length of the character at `c`, and which it is; 0: it is no UTF-8 as RFC
 * 3629 3 has it: too short, too long, a surrogate, or too large.
 */
static size_t decode_utf8(const unsigned char *c, size_t left, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = c[0] < 0x80   ? 1
                 : c[0] < 0xc0 ? 0
                 : c[0] < 0xe0 ? 2
                 : c[0] < 0xf0 ? 3
                 : c[0] < 0xf8 ? 4
                               : 0;

    if (len == 0 || len > left)
        return 0;
    *code = len == 1 ? c[0] : c[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (c[i] & 0x3f);
    }
    bool is_surrogate = 0xd800 <= *code && *code <= 0xdfff;
    return *code >= least[len] && *code <= 0x10ffff && !is_surrogate ? len : 0;
}

/* What would do something to a terminal, or make a line look like two, or like
 * another's: controls, line separators, directions of writing. */
static bool is_control(uint32_t code)
{
    return code < ' ' || (0x7f <= code && code < 0xa0) || code == 0x200e ||
           code == 0x200f || (0x2028 <= code && code <= 0x202e) ||
           (0x2066 <= code && code <= 0x2069);
}

/* Ends the line, which becomes clean UTF-8, and no longer. */
static void clean_line(struct reader *reader)
{
    const unsigned char *from = (const unsigned char *)reader->line;
    const unsigned char *end = from + reader->len;
    char *to = reader->line;

    while (from < end) {
        uint32_t code;
        size_t len = decode_utf8(from, (size_t)(end - from), &code);
        if (len == 0) {
            *to++ = '?';
            from++;
            continue;
        }
        if (code == '\t')
            *to++ = ' ';
        else if (!is_control(code))
            to = (char *)memmove(to, from, len) + len;
        from += len;
    }
    *to = '\0';
    reader->len = (size_t)(to - reader->line);
}

/* ---- The room ---------------------------------------------------------- */

/* LEAVING: in the room no longer; the last lines go, then the rest of what is
 * still sent is thrown away until the other side has closed, too. */
enum stage { NAMING, IN_ROOM, LEAVING, GONE };

struct person {
    struct person *next;
    int fd;
    enum stage stage;
    char name[NAME_LEN + 1];

    char in[IN_LEN]; /* was read, and is to be made lines of */
    size_t in_at, in_end;
    struct reader reader;
    bool has_ended;     /* there is nothing more to read */
    int64_t paid_until; /* moves by PERIOD with each line */

    char *out; /* OUT_LEN; what is still to be sent */
    size_t out_at, out_end;
    bool is_full; /* the socket: poll tells when it takes more */
    bool is_slow; /* there was no room in `out` */
    bool has_shut;
    int64_t behind_since; /* half of `out` was full; 0 when it is empty */
    int64_t deadline;     /* see end_late */
};

struct room {
    int listener;
    int signals;
    unsigned max, count; /* of people */
    struct person *people;
    struct pollfd *fds; /* two, and one for each person */

    char history[HISTORY][LINE_LEN + 1];
    long budget;        /* bytes that may still be said in this turn */
    unsigned long said; /* lines; the last are in the history */
};

static bool is_behind(const struct person *person)
{
    return person->stage == IN_ROOM &&
           person->out_end - person->out_at > OUT_LEN / 2;
}

/* Until when the room waits for those who are behind. */
static int64_t end_of_patience(const struct room *room, int64_t now)
{
    int64_t end = now;

    for (const struct person *one = room->people; one != NULL; one = one->next)
        if (is_behind(one) && one->behind_since + PATIENCE > end)
            end = one->behind_since + PATIENCE;
    return end;
}

static void queue_line(struct person *person, const char *text, int64_t now)
{
    size_t len = strlen(text);

    if (person->out_at == person->out_end) {
        person->out_at = person->out_end = 0;
        person->behind_since = 0;
        if (person->stage == IN_ROOM)
            person->deadline = now + SLOW_TIME;
    }
    if (person->out_end + len + 1 > OUT_LEN) {
        person->out_end -= person->out_at;
        memmove(person->out, person->out + person->out_at, person->out_end);
        person->out_at = 0;
    }
    if (person->out_end + len + 1 > OUT_LEN) {
        person->is_slow = true;
        return;
    }
    memcpy(person->out + person->out_end, text, len);
    person->out_end += len;
    person->out[person->out_end++] = '\n';
    if (person->behind_since == 0 && is_behind(person))
        person->behind_since = now;
}

__attribute__((format(printf, 3, 4))) static void
tell(struct person *person, int64_t now, const char *format, ...)
{
    char line[LINE_LEN + 1];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    queue_line(person, line, now);
}

static void tell_all(struct room *room, int64_t now, const char *line)
{
    for (struct person *one = room->people; one != NULL; one = one->next)
        if (one->stage == IN_ROOM)
            queue_line(one, line, now);
    room->budget -= (long)strlen(line);
}

/* What the room says of somebody. */
__attribute__((format(printf, 3, 4))) static void
announce(struct room *room, int64_t now, const char *format, ...)
{
    char line[LINE_LEN + 1];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    tell_all(room, now, line);
}

static void say(struct room *room, const struct person *person, int64_t now,
                const char *text)
{
    char *line = room->history[room->said++ % HISTORY];

    snprintf(line, LINE_LEN + 1, "%s: %.*s", person->name, TEXT_LEN, text);
    tell_all(room, now, line);
}

static void tell_history(struct room *room, struct person *person, int64_t now)
{
    unsigned long first = room->said > HISTORY ? room->said - HISTORY : 0;

    if (room->said > 0)
        tell(person, now, "* Before you came:");
    for (unsigned long i = first; i < room->said; i++)
        queue_line(person, room->history[i % HISTORY], now);
}

/* Why nobody can be called so; NULL: it is free. */
static const char *what_is_wrong_with(const struct room *room,
                                      const struct person *person,
                                      const char *name)
{
    if (*name == '\0' || strlen(name) > NAME_LEN)
        return "a name has 1 to 24 bytes";
    if (*name == '*' || *name == '/' || strpbrk(name, ": ") != NULL)
        return "a name has no ':', no space, and no '*' or '/' before it";
    for (const struct person *one = room->people; one != NULL; one = one->next)
        if (one != person && one->stage == IN_ROOM &&
            strcasecmp(one->name, name) == 0)
            return "somebody has that name";
    return NULL;
}

/* ---- What people do ---------------------------------------------------- */

static void trim(char *name)
{
    size_t len = strlen(name);

    while (len > 0 && name[len - 1] == ' ')
        name[--len] = '\0';
}

static void join(struct room *room, struct person *person, int64_t now,
                 char *name)
{
    trim(name);
    const char *wrong = what_is_wrong_with(room, person, name);

    if (wrong != NULL) {
        tell(person, now, "* Sorry, %s. Your name?", wrong);
        return;
    }
    strcpy(person->name, name);
    person->stage = IN_ROOM;
    person->deadline = now + SLOW_TIME;
    tell_history(room, person, now);
    announce(room, now, "* %s joins", person->name);
}

static void rename_person(struct room *room, struct person *person, int64_t now,
                          char *name)
{
    trim(name);
    const char *wrong = what_is_wrong_with(room, person, name);

    if (wrong != NULL) {
        tell(person, now, "* Sorry, %s", wrong);
        return;
    }
    announce(room, now, "* %s is now %s", person->name, name);
    strcpy(person->name, name);
}

/* As many to a line as there is room. */
static void tell_who(struct room *room, struct person *person, int64_t now)
{
    char line[TEXT_LEN] = "* Here:";
    size_t len = strlen(line);

    for (const struct person *one = room->people; one != NULL;
         one = one->next) {
        if (one->stage != IN_ROOM)
            continue;
        if (len + 1 + NAME_LEN >= sizeof(line)) {
            queue_line(person, line, now);
            len = strlen("* Here:");
        }
        len +=
            (size_t)snprintf(line + len, sizeof(line) - len, " %s", one->name);
    }
    queue_line(person, line, now);
}

/* Nothing more is taken from them. */
static void leave(struct room *room, struct person *person, int64_t now)
{
    bool was_in_room = person->stage == IN_ROOM;

    person->stage = LEAVING;
    person->in_at = person->in_end = 0;
    person->deadline = now + LEAVE_TIME;
    if (was_in_room)
        announce(room, now, "* %s leaves", person->name);
}

static void command(struct room *room, struct person *person, int64_t now,
                    char *line)
{
    size_t len = strcspn(line, " ");
    char *rest = line + len + strspn(line + len, " ");

    line[len] = '\0';
    if (strcmp(line, "/name") == 0) {
        rename_person(room, person, now, rest);
    } else if (strcmp(line, "/who") == 0) {
        tell_who(room, person, now);
    } else if (strcmp(line, "/quit") == 0) {
        tell(person, now, "* Bye");
        leave(room, person, now);
    } else {
        tell(person, now,
             "* /name NAME: another name; /who: who is here; /quit; //...: a "
             "line that begins with /");
    }
}

static void take_line(struct room *room, struct person *person, int64_t now)
{
    char *line = person->reader.line;

    if (person->reader.is_too_long) {
        tell(person, now, "* More than %d bytes: nobody has seen that line",
             TEXT_LEN);
        return;
    }
    clean_line(&person->reader);
    if (person->stage == NAMING)
        join(room, person, now, line);
    else if (line[0] == '/' && line[1] != '/')
        command(room, person, now, line);
    else if (line[0] != '\0')
        say(room, person, now, line[0] == '/' ? line + 1 : line);
}

/* Whether a line of theirs may be taken now. */
static bool may_speak(const struct person *person, int64_t now)
{
    return person->paid_until <= now + BURST * PERIOD;
}

static bool is_heard(const struct person *person)
{
    return person->stage == NAMING || person->stage == IN_ROOM;
}

/* Of what was read, the lines that are whole, as far as they may speak. */
static void take_lines(struct room *room, struct person *person, int64_t now)
{
    while (is_heard(person) && may_speak(person, now) && room->budget > 0) {
        bool is_whole = false;
        while (!is_whole && person->in_at < person->in_end)
            is_whole = read_byte(&person->reader, person->in[person->in_at++]);
        /* The end of the stream ends a line, too. */
        if (!is_whole && !(person->has_ended && person->reader.len > 0))
            break;
        if (person->paid_until < now)
            person->paid_until = now;
        person->paid_until += PERIOD;
        take_line(room, person, now);
        next_line(&person->reader);
    }
    if (is_heard(person) && person->has_ended &&
        person->in_at == person->in_end && person->reader.len == 0)
        leave(room, person, now);
}

/* ---- Their sockets ----------------------------------------------------- */

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

static void remove_gone(struct room *room)
{
    struct person **link = &room->people;

    while (*link != NULL) {
        struct person *one = *link;
        if (one->stage != GONE) {
            link = &one->next;
            continue;
        }
        *link = one->next;
        room->count--;
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
static bool admit(struct room *room, int64_t now)
{
    int buffer = SEND_BUFFER;
    int yes = 1;
    int fd = tapir_accept4(room->listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0)
        return false;

    struct person *person = calloc(1, sizeof(*person));
    char *out = malloc(OUT_LEN);
    if (person == NULL || out == NULL || room->count == room->max) {
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
    person->next = room->people;
    room->people = person;
    room->count++;
    tell(person, now, "* Welcome. Your name?");
    return true;
}

/* ---- The room's loop --------------------------------------------------- */

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
static bool wait_for_something(struct room *room)
{
    nfds_t count = 2;
    int64_t now = now_ms();
    int64_t patience = end_of_patience(room, now);
    int64_t when = INT64_MAX;

    room->fds[0] = (struct pollfd){.fd = room->signals, .events = POLLIN};
    room->fds[1] = (struct pollfd){.fd = room->listener, .events = POLLIN};
    for (const struct person *one = room->people; one != NULL;
         one = one->next) {
        int64_t theirs = when_to_look(one, patience);
        short events = events_of(one);
        /* Of one without events poll would tell again and again that it was
         * reset; a send, or its deadline, finds out. */
        room->fds[count++] =
            (struct pollfd){.fd = events != 0 ? one->fd : -1, .events = events};
        if (theirs < when)
            when = theirs;
    }
    int timeout = -1;
    if (when < INT64_MAX)
        timeout = when > now ? (int)(when - now) : 0;
    if (tapir_poll(room->fds, count, timeout) < 0) {
        if (errno != EINTR)
            err(1, "poll");
        for (nfds_t i = 0; i < count; i++)
            room->fds[i].revents = 0;
    }
    return room->fds[0].revents == 0;
}

static void serve(struct room *room)
{
    while (wait_for_something(room)) {
        const struct pollfd *polled = room->fds + 2;
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
        remove_gone(room);
        for (int i = 0; room->fds[1].revents != 0 && i < ACCEPTED_MAX; i++)
            if (!admit(room, now))
                break;
        send_all(room, now);
    }
    announce(room, now_ms(), "* The room closes");
    send_all(room, now_ms());
}

static void open_room(struct room *room, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port)};
    int yes = 1;

    room->fds = calloc(room->max + 2, sizeof(*room->fds));
    room->listener = tapir_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (room->fds == NULL || room->listener < 0)
        err(1, "socket");
    (void)tapir_setsockopt(room->listener, SOL_SOCKET, SO_REUSEADDR, &yes,
                           sizeof(yes));
    if (tapir_bind(room->listener, (struct sockaddr *)&address,
                   sizeof(address)) < 0 ||
        tapir_listen(room->listener, SOMAXCONN) < 0)
        err(1, "port %u", port);
}

/* ---- Somebody in it ---------------------------------------------------- */

struct guest {
    int fd;
    bool is_terminal; /* where lines are typed, and shown */
    char up[IN_LEN];  /* typed, to be sent */
    size_t up_at, up_end;
    bool has_ended; /* standard input */
    struct reader reader;
};

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

/* ---- Setting up -------------------------------------------------------- */

struct options {
    const char *host; /* NULL: be the room */
    const char *name;
    uint16_t port;
    unsigned people;
};

static void print_help(void)
{
    printf("usage: chat [--port N] [--people N]\n"
           "       chat --join HOST --name NAME [--port N]\n"
           "  --port N     where the room is (7000)\n"
           "  --people N   at a time, at most (%d)\n"
           "  --join HOST  go into the room there\n"
           "  --name NAME  and be called so\n%s",
           PEOPLE, tapir_config_help());
}

static unsigned number(const char *option, const char *text, unsigned max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value < 1 || value > max)
        errx(2, "--%s %s: not a number from 1 to %u", option, text, max);
    return (unsigned)value;
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"port", required_argument, 0, 'p'},
        {"people", required_argument, 0, 'm'},
        {"join", required_argument, 0, 'j'},
        {"name", required_argument, 0, 'n'},
        {"help", no_argument, 0, 'h'},
        {0}};
    struct options options = {.port = 7000, .people = PEOPLE};
    int option;

    argv[0] = program_invocation_short_name; /* getopt's messages as err's */
    while ((option = getopt_long(argc, argv, "p:j:n:h", long_options, NULL)) !=
           -1) {
        switch (option) {
        case 'p':
            options.port = (uint16_t)number("port", optarg, 65535);
            break;
        case 'm':
            options.people = number("people", optarg, 100000);
            break;
        case 'j':
            options.host = optarg;
            break;
        case 'n':
            options.name = optarg;
            break;
        case 'h':
            print_help();
            exit(0);
        default:
            exit(2); /* getopt has said what is wrong */
        }
    }
    if (optind != argc)
        errx(2, "%s: no argument is wanted; see chat --help", argv[optind]);
    if ((options.host == NULL) != (options.name == NULL))
        errx(2, "--join and --name are wanted together; see chat --help");
    if (options.name != NULL && strlen(options.name) > TEXT_LEN)
        errx(2, "--name: too long");
    return options;
}

/* To be called before the stack starts, whose thread inherits the mask. */
static sigset_t block_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signals;
}

static void be_guest(const struct options *options)
{
    static struct guest guest;

    guest.is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    guest.reader.limit = LINE_LEN;
    guest.fd = connect_to(options->host, options->port);
    guest.up_end =
        (size_t)snprintf(guest.up, sizeof(guest.up), "%s\n", options->name);
    take_part(&guest);
}

static void be_room(const struct options *options, const sigset_t *signals)
{
    static struct room room;

    room.max = options->people;
    room.signals = tapir_import(signalfd(-1, signals, SFD_CLOEXEC));
    open_room(&room, options->port);
    fprintf(stderr, "chat: serving on port %u\n", options->port);
    serve(&room);
}

int main(int argc, char **argv)
{
    struct tapir_config config;
    sigset_t signals;
    char why[TAPIR_TEXT_MAX];

    tapir_config_init(&config);
    if (tapir_config_env(&config, why) < 0 ||
        tapir_config_args(&config, &argc, argv, why) < 0)
        errx(2, "%s", why);
    struct options options = parse_options(argc, argv);
    if (options.host == NULL)
        signals = block_signals();
    if (tapir_open(&config, why) < 0)
        errx(1, "%s", why);

    if (options.host == NULL)
        be_room(&options, &signals);
    else
        be_guest(&options);
    return 0; /* the library finishes what was written */
}
