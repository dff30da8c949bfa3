/*
 * The room's sockets: one thread serves all with poll.
 */
#ifndef CHAT_SERVER_H
#define CHAT_SERVER_H

#include "room.h"

#include <tapir.h>

struct server {
    int listener;
    int signals;
    unsigned max, count; /* of people */
    struct pollfd *fds;  /* two, and one for each person */
    struct room room;
};

/* Listens; ends the program if it cannot. `signals` and `max` are set. */
void server_open(struct server *server, uint16_t port);
/* Until one of the signals comes. */
void server_run(struct server *server);

#endif
