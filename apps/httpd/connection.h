/*
 * One connection. It is either reading a request, writing the answer, or
 * draining, which means that its last answer is sent and what the client still
 * sends is thrown away (closing at once would reset the connection and might
 * destroy the answer, RFC 9112 9.6).
 *
 * An idle one costs its struct only: the memory for a request, or an answer, is
 * there as long as that.
 */
#ifndef HTTPD_CONNECTION_H
#define HTTPD_CONNECTION_H

#include "answer.h"

#include <time.h>

enum state { READING, ANSWERING, DRAINING };

struct connection {
    struct connection *next, **previous; /* the server's */
    int fd;
    enum state state;
    time_t deadline;

    char *request;      /* REQUEST_MAX and a NUL; NULL: nothing has been read */
    size_t request_len; /* what has been read; maybe several requests */
    off_t body_left;    /* of the last request, to be skipped */

    struct answer *answer; /* while ANSWERING */
    bool closes;           /* after this answer */
};

/* NULL: there is no memory, and the socket is the caller's still. */
struct connection *connection_create(int fd);
void connection_destroy(struct connection *connection);

/*
 * One read or write, as epoll said that it can be done. What is served is
 * the site. False: it is over.
 */
bool connection_take_turn(struct connection *connection, struct site *site);

/*
 * To be asked once a second. False: it is over. A request that has not come in
 * time may still have its answer.
 */
bool connection_is_in_time(struct connection *connection, time_t now);

/* Of the monotonic clock. */
time_t seconds(void);

#endif
