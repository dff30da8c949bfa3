/*
 * Each turn of a connection takes one read or one write, so that a fast client
 * does not keep the others waiting. Signals come as a descriptor of the
 * kernel's in the same epoll set.
 */
#include "server.h"
#include "connection.h"
#include "files.h"

#include <tapir.h>

#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/signalfd.h>

enum {
    EVENTS_MAX = 64,
    ACCEPTED_MAX = 64,  /* in one turn */
    FAST_OPEN_MAX = 256 /* connections whose handshake is not over */
};

static void watch(struct server *server, int how, int fd, uint32_t events,
                  void *owner)
{
    struct epoll_event event = {.events = events, .data.ptr = owner};

    if (tapir_epoll_ctl(server->epoll, how, fd, &event) < 0)
        err(1, "epoll_ctl");
}

static void listen_again(struct server *server, bool is_listening)
{
    if (server->is_listening == is_listening)
        return;
    server->is_listening = is_listening;
    watch(server, EPOLL_CTL_MOD, server->listener, is_listening ? EPOLLIN : 0,
          &server->listener);
}

/* False: there is no other now. */
static bool accept_connection(struct server *server)
{
    int fd = tapir_accept4(server->listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) {
        /* Out of something: look again in a second. */
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            listen_again(server, false);
        return false;
    }
    struct connection *connection = connection_create(fd);
    if (connection == NULL) {
        tapir_close(fd);
        return false;
    }
    connection->next = server->connections;
    connection->previous = &server->connections;
    if (connection->next != NULL)
        connection->next->previous = &connection->next;
    server->connections = connection;
    watch(server, EPOLL_CTL_ADD, fd, EPOLLIN, connection);
    if (++server->count < server->max)
        return true;
    listen_again(server, false);
    return false;
}

static void end_connection(struct server *server, struct connection *connection)
{
    *connection->previous = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    if (server->count-- == server->max)
        listen_again(server, true);
    connection_destroy(connection);
}

/* Room to write is waited for only while there is something to write. */
static void watch_state(struct server *server, struct connection *connection,
                        bool was_answering)
{
    bool is_answering = connection->state == ANSWERING;

    if (is_answering != was_answering)
        watch(server, EPOLL_CTL_MOD, connection->fd,
              is_answering ? EPOLLOUT : EPOLLIN, connection);
}

/* The answer's first piece does not wait for epoll: mostly it is all. */
static void serve_connection(struct server *server,
                             struct connection *connection)
{
    bool was_answering = connection->state == ANSWERING;

    if (!connection_take_turn(connection, &server->site) ||
        (!was_answering && connection->state == ANSWERING &&
         !connection_take_turn(connection, &server->site))) {
        end_connection(server, connection);
        return;
    }
    watch_state(server, connection, was_answering);
}

static void end_slow_connections(struct server *server)
{
    time_t now = seconds();
    struct connection *next;

    for (struct connection *one = server->connections; one != NULL;
         one = next) {
        bool was_answering = one->state == ANSWERING;

        next = one->next;
        if (connection_is_in_time(one, now))
            watch_state(server, one, was_answering);
        else
            end_connection(server, one);
    }
    listen_again(server, server->count < server->max);
}

/* ---- The server -------------------------------------------------------- */

void server_open(struct server *server, uint16_t port, const sigset_t *signals)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port)};
    int yes = 1;
    int fast_open = FAST_OPEN_MAX;

    server->epoll = tapir_epoll_create1(0);
    server->listener = tapir_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    server->signals = tapir_import(signalfd(-1, signals, SFD_CLOEXEC));
    if (server->epoll < 0 || server->listener < 0 || server->signals < 0)
        err(1, "socket");
    (void)tapir_setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &yes,
                           sizeof(yes));
    /* A request may come twice by Fast Open, and does no harm: GET and HEAD are
     * safe (RFC 7413 6.3.1). It takes --fast-open 3, too. */
    (void)tapir_setsockopt(server->listener, IPPROTO_TCP, TCP_FASTOPEN,
                           &fast_open, sizeof(fast_open));
    if (tapir_bind(server->listener, (struct sockaddr *)&address,
                   sizeof(address)) < 0 ||
        tapir_listen(server->listener, SOMAXCONN) < 0)
        err(1, "port %u", port);
    server->is_listening = true;
    watch(server, EPOLL_CTL_ADD, server->listener, EPOLLIN, &server->listener);
    watch(server, EPOLL_CTL_ADD, server->signals, EPOLLIN, &server->signals);
}

void server_run(struct server *server)
{
    time_t last_look = seconds();

    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = tapir_epoll_wait(server->epoll, events, EVENTS_MAX, 1000);
        if (count < 0 && errno != EINTR)
            err(1, "epoll_wait");
        for (int i = 0; i < count; i++) {
            void *owner = events[i].data.ptr;
            if (owner == &server->signals)
                return;
            if (owner != &server->listener)
                serve_connection(server, owner);
            else
                for (int n = 0; n < ACCEPTED_MAX; n++)
                    if (!accept_connection(server))
                        break;
        }
        if (seconds() != last_look) {
            forget_files();
            end_slow_connections(server);
        }
        last_look = seconds();
    }
}

void server_close(struct server *server)
{
    while (server->connections != NULL)
        end_connection(server, server->connections);
}
