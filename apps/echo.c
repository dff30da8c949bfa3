/*
 * echo: a server that sends back what it gets (RFC 862), by TCP and UDP.
 *
 *   echo [--port N] [--tcp | --udp]
 *
 * One thread serves all clients with poll. A client that has shut down its
 * sending side still gets the rest of its bytes back, then the connection ends.
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include <tapir.h>

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>

enum { CLIENTS_MAX = 1000, BUFFER_LEN = 16384, DATAGRAM_MAX = 65507 };

struct client {
    char buffer[BUFFER_LEN];
    size_t start; /* what is still to be sent back lies from here */
    size_t end;   /* to here */
    bool peer_is_done;
};

/* What poll looks at: the two sockets of the server, then the clients'. */
enum { LISTENER, DATAGRAMS, FIRST_CLIENT };

struct server {
    in_port_t port; /* in network order */
    struct pollfd fds[FIRST_CLIENT + CLIENTS_MAX];
    struct client *clients[FIRST_CLIENT + CLIENTS_MAX];
    size_t count; /* of both arrays */
};

/* ---- TCP --------------------------------------------------------------- */

static bool accept_client(struct server *server)
{
    if (server->count == FIRST_CLIENT + CLIENTS_MAX)
        return false;

    int fd = tapir_accept4(server->fds[LISTENER].fd, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0)
        return false;
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL) {
        tapir_close(fd);
        return false;
    }
    server->fds[server->count] = (struct pollfd){.fd = fd, .events = POLLIN};
    server->clients[server->count] = client;
    server->count++;
    return true;
}

/* Closing sends a FIN after all that was written. The last takes the place. */
static void end_client(struct server *server, size_t i)
{
    tapir_close(server->fds[i].fd);
    free(server->clients[i]);
    server->count--;
    server->fds[i] = server->fds[server->count];
    server->clients[i] = server->clients[server->count];
}

/* Reads when the buffer is empty, else writes; false when it is over. */
static bool serve_client(struct client *client, struct pollfd *pollfd)
{
    ssize_t len;

    if (client->start == client->end) {
        len = tapir_recv(pollfd->fd, client->buffer, BUFFER_LEN, 0);
        client->start = 0;
        client->end = len > 0 ? (size_t)len : 0;
        client->peer_is_done = len == 0;
    } else {
        len = tapir_send(pollfd->fd, client->buffer + client->start,
                         client->end - client->start, MSG_NOSIGNAL);
        client->start += len > 0 ? (size_t)len : 0;
    }
    if (len < 0 && errno != EAGAIN && errno != EINTR)
        return false;

    bool is_empty = client->start == client->end;
    pollfd->events = is_empty ? POLLIN : POLLOUT;
    return !(is_empty && client->peer_is_done);
}

/* ---- UDP --------------------------------------------------------------- */

static void answer_datagram(struct server *server)
{
    static char datagram[DATAGRAM_MAX];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    int fd = server->fds[DATAGRAMS].fd;

    ssize_t len = tapir_recvfrom(fd, datagram, sizeof(datagram), 0,
                                 (struct sockaddr *)&from, &from_len);
    /* Two echo servers would never end: no answer to a server's own port. */
    if (len < 0 || from.sin_port == server->port)
        return;
    if (tapir_sendto(fd, datagram, (size_t)len, 0, (struct sockaddr *)&from,
                     from_len) < 0)
        warn("sendto"); /* lost, as datagrams are */
}

/* ---- The server -------------------------------------------------------- */

static void serve(struct server *server)
{
    for (;;) {
        /* No busy waiting for clients that cannot be taken in. */
        bool is_full = server->count == FIRST_CLIENT + CLIENTS_MAX;
        server->fds[LISTENER].events = is_full ? 0 : POLLIN;

        if (tapir_poll(server->fds, server->count, -1) < 0 && errno != EINTR)
            err(1, "poll");

        /* Downwards: end_client moves one that has been served already. */
        for (size_t i = server->count; i-- > FIRST_CLIENT;)
            if (server->fds[i].revents != 0 &&
                !serve_client(server->clients[i], &server->fds[i]))
                end_client(server, i);
        if (server->fds[DATAGRAMS].revents != 0)
            answer_datagram(server);
        while (server->fds[LISTENER].revents != 0 && accept_client(server))
            ;
    }
}

static int open_socket(in_port_t port, int type)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = port};

    int fd = tapir_socket(AF_INET, type | SOCK_NONBLOCK, 0);
    if (fd < 0)
        err(1, "socket");
    if (tapir_bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        err(1, "port %u", ntohs(port));
    if (type == SOCK_STREAM && tapir_listen(fd, SOMAXCONN) < 0)
        err(1, "listen");
    return fd;
}

static in_port_t port_number(const char *text)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || port < 1 || port > 65535)
        errx(2, "--port %s: not a number from 1 to 65535", text);
    return htons((uint16_t)port);
}

struct options {
    in_port_t port;
    bool tcp, udp; /* neither: both */
};

static struct options parse_options(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"port", required_argument, 0, 'p'},
        {"tcp", no_argument, 0, 't'},
        {"udp", no_argument, 0, 'u'},
        {"help", no_argument, 0, 'h'},
        {0}};
    struct options options = {.port = htons(7)};
    int option;

    argv[0] = program_invocation_short_name; /* getopt's messages as err's */
    while ((option = getopt_long(argc, argv, "p:tuh", long_options, NULL)) !=
           -1) {
        switch (option) {
        case 'p':
            options.port = port_number(optarg);
            break;
        case 't':
            options.tcp = true;
            break;
        case 'u':
            options.udp = true;
            break;
        case 'h':
            printf("usage: echo [--port N] [--tcp | --udp]\n"
                   "  --port N  instead of 7\n%s",
                   tapir_config_help());
            exit(0);
        default:
            exit(2); /* getopt has said what is wrong */
        }
    }
    if (optind != argc)
        errx(2, "%s: no argument is wanted; see echo --help", argv[optind]);
    return options;
}

int main(int argc, char **argv)
{
    static struct server server = {.count = FIRST_CLIENT};
    struct tapir_config config;
    char why[TAPIR_TEXT_MAX];

    tapir_config_init(&config);
    if (tapir_config_env(&config, why) < 0 ||
        tapir_config_args(&config, &argc, argv, why) < 0)
        errx(2, "%s", why);
    struct options options = parse_options(argc, argv);
    if (tapir_open(&config, why) < 0)
        errx(1, "%s", why);

    /* poll passes over a descriptor of -1. */
    server.port = options.port;
    server.fds[LISTENER] = (struct pollfd){.fd = -1};
    server.fds[DATAGRAMS] = (struct pollfd){.fd = -1, .events = POLLIN};
    if (options.tcp || !options.udp)
        server.fds[LISTENER].fd = open_socket(options.port, SOCK_STREAM);
    if (options.udp || !options.tcp)
        server.fds[DATAGRAMS].fd = open_socket(options.port, SOCK_DGRAM);
    fprintf(stderr, "echo: serving port %u by %s\n", ntohs(options.port),
            options.tcp == options.udp ? "TCP and UDP"
            : options.tcp              ? "TCP"
                                       : "UDP");
    serve(&server);
}
