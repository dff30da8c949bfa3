/*
 * Reading requests, writing answers, and the time for each: see connection.h.
 */
#include "connection.h"
#include "files.h"
#include "send.h"

#include <tapir.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Seconds: for a whole request, between two, without progress of an answer, to
 * drain, and for the peer to acknowledge something. */
enum {
    REQUEST_TIME = 20,
    IDLE_TIME = 60,
    ANSWER_TIME = 30,
    DRAIN_TIME = 3,
    ACKED_TIME = 60
};

time_t seconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

struct connection *connection_create(int fd)
{
    int yes = 1;
    int patience = ACKED_TIME * 1000;
    struct connection *connection = calloc(1, sizeof(*connection));

    if (connection == NULL)
        return NULL;
    /* An answer's last piece is not to wait for an acknowledgement. */
    (void)tapir_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    (void)tapir_setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience,
                           sizeof(patience));
    connection->fd = fd;
    connection->deadline = seconds() + REQUEST_TIME;
    return connection;
}

void connection_destroy(struct connection *connection)
{
    tapir_close(connection->fd); /* and so out of the epoll set */
    answer_destroy(connection->answer);
    free(connection->request);
    free(connection);
}

/* ---- Requests ---------------------------------------------------------- */

/* What has been made in it is to be sent now. */
static void send_answer(struct connection *connection)
{
    connection->state = ANSWERING;
    connection->deadline = seconds() + ANSWER_TIME;
}

/* A mistake after which nobody knows where the next request begins. False:
 * there is no memory. */
static bool answer_and_close(struct connection *connection,
                             const struct request *request, int status)
{
    static const struct request none;

    connection->answer = answer_create();
    if (connection->answer == NULL)
        return false;
    connection->closes = true;
    answer_status(connection->answer, request != NULL ? request : &none, status,
                  0);
    send_answer(connection);
    return true;
}

/* False: it is over. */
static bool answer_request(struct connection *connection, struct site *site,
                           char *text, size_t len)
{
    struct request request = {0};
    struct stat facts;
    int file;

    int status = parse_request(text, len, &request);
    if (status != 0 && status != 403 && status != 405)
        return answer_and_close(connection, &request, status);
    struct answer *answer = answer_create();
    if (answer == NULL)
        return false;
    connection->answer = answer;
    answer->closes = connection->closes = request.closes;
    connection->body_left = request.body_len;
    if (status == 0)
        status = open_file(site->root, &request, &file, &facts);
    if (status != 200) {
        answer_status(answer, &request, status, 0);
    } else if (S_ISREG(facts.st_mode)) {
        answer_file(answer, &request, file, &facts);
    } else {
        answer_listing(answer, &request, file, site);
        close(file);
    }
    send_answer(connection);
    return true;
}

static void consume(struct connection *connection, size_t len)
{
    connection->request_len -= len;
    memmove(connection->request, connection->request + len,
            connection->request_len);
}

/* What of a body, or of empty lines (RFC 9112 2.2), is before a request. */
static void skip_to_request(struct connection *connection)
{
    size_t skipped = connection->request_len;

    if ((off_t)skipped > connection->body_left)
        skipped = (size_t)connection->body_left;
    connection->body_left -= (off_t)skipped;
    while (skipped < connection->request_len &&
           (connection->request[skipped] == '\r' ||
            connection->request[skipped] == '\n'))
        skipped++;
    consume(connection, skipped);
}

/* Begins the answer to the next request if all of it is there. False: it is
 * over. */
static bool next_request(struct connection *connection, struct site *site)
{
    bool goes_on = true;

    if (connection->request == NULL)
        return true;
    skip_to_request(connection);
    char *text = connection->request;
    size_t len = head_length(text, connection->request_len);
    if (len > 0)
        goes_on = answer_request(connection, site, text, len);
    else if (connection->request_len == REQUEST_MAX)
        goes_on = answer_and_close(
            connection, NULL,
            memchr(text, '\n', REQUEST_MAX) != NULL ? 431 : 414);
    consume(connection, len);
    if (connection->request_len == 0) {
        free(connection->request);
        connection->request = NULL;
    }
    return goes_on;
}

/* ---- Turns ------------------------------------------------------------- */

/* To be ended: what is in its buffer is not to be sent. */
static void reset_at_end(const struct connection *connection)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    (void)tapir_setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once,
                           sizeof(at_once));
}

/* False when the connection is over. */
static bool write_answer(struct connection *connection)
{
    ssize_t sent = answer_send(connection->answer, connection->fd);

    if (sent == 0) {
        reset_at_end(connection);
        return false;
    }
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR;
    connection->deadline = seconds() + ANSWER_TIME;
    if (!answer_is_sent(connection->answer))
        return true;

    answer_destroy(connection->answer);
    connection->answer = NULL;
    connection->state = connection->closes ? DRAINING : READING;
    connection->deadline =
        seconds() + (connection->closes ? DRAIN_TIME : IDLE_TIME);
    return !connection->closes || tapir_shutdown(connection->fd, SHUT_WR) == 0;
}

/* The time for a request begins with its first byte. */
static bool read_request(struct connection *connection)
{
    if (connection->request == NULL) {
        connection->request = malloc(REQUEST_MAX + 1);
        if (connection->request == NULL)
            return false;
        connection->deadline = seconds() + REQUEST_TIME;
    }
    ssize_t len = tapir_recv(connection->fd,
                             connection->request + connection->request_len,
                             REQUEST_MAX - connection->request_len, 0);
    if (len < 0)
        return errno == EAGAIN || errno == EINTR;
    connection->request_len += (size_t)len;
    return len > 0;
}

static bool drain(struct connection *connection)
{
    char ignored[4096];
    ssize_t len = tapir_recv(connection->fd, ignored, sizeof(ignored), 0);

    return len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR));
}

bool connection_take_turn(struct connection *connection, struct site *site)
{
    switch (connection->state) {
    case READING:
        if (!read_request(connection))
            return false;
        break;
    case ANSWERING:
        if (!write_answer(connection))
            return false;
        break;
    case DRAINING:
        return drain(connection);
    }
    return connection->state != READING || next_request(connection, site);
}

bool connection_is_in_time(struct connection *connection, time_t now)
{
    bool is_late = now >= connection->deadline;

    switch (connection->state) {
    case READING:
        return !is_late || (connection->request_len > 0 &&
                            answer_and_close(connection, NULL, 408));
    case ANSWERING:
        if (!is_late && !answer_has_shrunk(connection->answer))
            return true;
        reset_at_end(connection);
        return false;
    case DRAINING:
        break;
    }
    return !is_late;
}
