/*
 * All connections, in one thread and one epoll set.
 */
#ifndef HTTPD_SERVER_H
#define HTTPD_SERVER_H

#include "answer.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct connection;

struct server {
    struct site site;
    int epoll;
    int listener;
    int signals;
    bool is_listening; /* not while there are too many */
    unsigned max, count;
    struct connection *connections;
};

/* Listens; ends the program if it cannot. `site` and `max` are set. */
void server_open(struct server *server, uint16_t port, const sigset_t *signals);
/* Until one of the signals comes. */
void server_run(struct server *server);
/* Ends what is not over. */
void server_close(struct server *server);

#endif
