/*
 * The room: who is there, what is said, and who may say it when. Of sockets it
 * knows nothing: what somebody has sent is in `in`, and what they are to be
 * sent is put into `out`.
 *
 * Who talks without end is read only as fast as a line each PERIOD, so that his
 * own TCP holds him back. Who reads slowly is waited for, no line is taken from
 * anybody then, but only for PATIENCE, until he has read all; later he has
 * OUT_LEN bytes, and SLOW_TIME, and then is out, which the others are told. The
 * room forgets all but its last lines.
 */
#ifndef CHAT_ROOM_H
#define CHAT_ROOM_H

#include "lines.h"

#include <stdint.h>

enum {
    HISTORY = 50, /* lines, for who joins */
    IN_LEN = 4096,
    OUT_LEN = 256 * 1024,
    TURN_LEN = OUT_LEN / 4, /* said in one turn, about */
    /* Milliseconds. So many lines may come at once, then one each PERIOD. */
    BURST = 100,
    PERIOD = 50,
    PATIENCE = 2000,
    SLOW_TIME = 30000, /* without taking anything that is sent */
    LEAVE_TIME = 3000  /* to read the last lines */
};

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
    int64_t deadline;     /* see server.c, end_late */
};

struct room {
    struct person *people;
    char history[HISTORY][LINE_LEN + 1];
    long budget;        /* bytes that may still be said in this turn */
    unsigned long said; /* lines; the last are in the history */
};

/* What the room says to one, and of somebody to all. */
__attribute__((format(printf, 3, 4))) void
tell(struct person *person, int64_t now, const char *format, ...);
__attribute__((format(printf, 3, 4))) void
announce(struct room *room, int64_t now, const char *format, ...);

/* Of what was read, the lines that are whole, as far as they may speak. */
void take_lines(struct room *room, struct person *person, int64_t now);
/* Nothing more is taken from them. */
void leave(struct room *room, struct person *person, int64_t now);
/* What they say still counts. */
bool is_heard(const struct person *person);

/* Until when the room waits for those who are behind. */
int64_t end_of_patience(const struct room *room, int64_t now);

#endif
