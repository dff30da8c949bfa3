/*
 * cat: standard input to the network, and the network to standard output, as
 * netcat does.
 *
 *   cat [-qu] HOST PORT          connects
 *   cat [-qu] -l [-p] PORT       waits for one peer (with -u: whoever sends
 *                                the first datagram)
 *
 * poll looks at the socket and at the kernel's descriptors together: standard
 * input and output have the numbers 0 and 1 in the table too.
 *
 * TCP: the end of standard input shuts down our side (FIN), the peer's FIN ends
 * its side; cat ends when both have come, or at once with its input if -q is
 * given. There is no need to wait for our last bytes to be acknowledged: the
 * library does that at exit. UDP knows no end of the peer's: cat ends with its
 * input, after a second of silence.
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include <tapir.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUFFER_LEN = 65507, /* the largest datagram */
    STANDARD_INPUT = 0,
    STANDARD_OUTPUT = 1
};

/* One direction: bytes read from one descriptor, to be written to another. */
struct pipe {
    int from, to;
    char buffer[BUFFER_LEN];
    size_t start, end; /* what is still to be written */
    bool at_end;       /* nothing more will be read */
};

struct options {
    const char *host; /* NULL: listen */
    const char *port;
    int type;
    bool quits; /* at the end of standard input */
};

/* ---- The socket -------------------------------------------------------- */

/* The first address that answers. */
static int connect_to(const struct options *options)
{
    struct addrinfo hints = {.ai_socktype = options->type};
    struct addrinfo *found;

    int error = tapir_getaddrinfo(options->host, options->port, &hints, &found);
    if (error != 0)
        errx(2, "%s %s: %s", options->host, options->port, gai_strerror(error));

    for (struct addrinfo *one = found; one != NULL; one = one->ai_next) {
        int fd = tapir_socket(one->ai_family, options->type, 0);
        if (fd < 0)
            continue;
        if (tapir_connect(fd, one->ai_addr, one->ai_addrlen) == 0) {
            tapir_freeaddrinfo(found);
            return fd;
        }
        int reason = errno;
        tapir_close(fd);
        errno = reason;
    }
    err(1, "%s %s", options->host, options->port);
}

/* A socket on the port, of any address of ours. */
static int bind_to(const struct options *options)
{
    struct addrinfo hints = {.ai_socktype = options->type,
                             .ai_family = AF_INET,
                             .ai_flags = AI_PASSIVE};
    struct addrinfo *found;
    int yes = 1;

    int error = tapir_getaddrinfo(NULL, options->port, &hints, &found);
    if (error != 0)
        errx(2, "%s: %s", options->port, gai_strerror(error));
    int fd = tapir_socket(found->ai_family, options->type, 0);
    if (fd < 0)
        err(1, "socket");
    (void)tapir_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (tapir_bind(fd, found->ai_addr, found->ai_addrlen) < 0)
        err(1, "port %s", options->port);
    tapir_freeaddrinfo(found);
    return fd;
}

static int wait_for_peer(const struct options *options)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);
    int fd = bind_to(options);

    if (options->type == SOCK_STREAM) {
        if (tapir_listen(fd, 1) < 0)
            err(1, "listen");
        int connection = tapir_accept(fd, NULL, NULL);
        if (connection < 0)
            err(1, "accept");
        tapir_close(fd);
        return connection;
    }
    /* The datagram stays in its queue: it is only asked where it is from. */
    if (tapir_recvfrom(fd, NULL, 0, MSG_PEEK, (struct sockaddr *)&peer, &len) <
            0 ||
        tapir_connect(fd, (struct sockaddr *)&peer, len) < 0)
        err(1, "port %s", options->port);
    return fd;
}

/* ---- Copying ----------------------------------------------------------- */

static void fill(struct pipe *pipe)
{
    ssize_t len = tapir_read(pipe->from, pipe->buffer, BUFFER_LEN);

    if (len < 0 && errno != EAGAIN && errno != EINTR)
        err(1, "read");
    pipe->start = 0;
    pipe->end = len > 0 ? (size_t)len : 0;
    pipe->at_end = len == 0;
}

static void drain(struct pipe *pipe)
{
    ssize_t len = tapir_write(pipe->to, pipe->buffer + pipe->start,
                              pipe->end - pipe->start);

    if (len < 0 && errno != EAGAIN && errno != EINTR)
        err(1, "write");
    pipe->start += len > 0 ? (size_t)len : 0;
}

/* What poll is to look at for this direction: one of the two, or nothing. */
static struct pollfd wanted(const struct pipe *pipe)
{
    if (pipe->start < pipe->end)
        return (struct pollfd){.fd = pipe->to, .events = POLLOUT};
    if (!pipe->at_end)
        return (struct pollfd){.fd = pipe->from, .events = POLLIN};
    return (struct pollfd){.fd = -1};
}

static void advance(struct pipe *pipe, const struct pollfd *polled)
{
    if (polled->revents == 0)
        return;
    if (polled->events == POLLOUT)
        drain(pipe);
    else
        fill(pipe);
}

static bool is_over(const struct pipe *pipe)
{
    return pipe->at_end && pipe->start == pipe->end;
}

/* Both directions, until both are over. */
static void copy(int fd, const struct options *options)
{
    static struct pipe up, down;
    bool is_udp = options->type == SOCK_DGRAM;

    up.from = STANDARD_INPUT;
    up.to = fd;
    down.from = fd;
    down.to = STANDARD_OUTPUT;
    while (!is_over(&up) || !(is_over(&down) || options->quits)) {
        struct pollfd fds[] = {wanted(&up), wanted(&down)};
        bool was_over = is_over(&up);

        int ready = tapir_poll(fds, 2, is_udp && was_over ? 1000 : -1);
        if (ready < 0 && errno != EINTR)
            err(1, "poll");
        if (ready == 0)
            return;
        advance(&up, &fds[0]);
        advance(&down, &fds[1]);
        if (is_udp)
            down.at_end = false; /* it was an empty datagram */
        if (is_over(&up) && !was_over && !is_udp &&
            tapir_shutdown(fd, SHUT_WR) < 0)
            err(1, "shutdown");
    }
}

/* ---- Setting up -------------------------------------------------------- */

static void print_help(void)
{
    printf("usage: cat [-qu] HOST PORT\n"
           "       cat [-qu] -l [-p] PORT\n"
           "  -l  wait for a peer instead of connecting\n"
           "  -q  end with standard input, whatever the peer does\n"
           "  -u  UDP instead of TCP\n%s",
           tapir_config_help());
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option long_options[] = {{"help", no_argument, 0, 'h'},
                                                 {0}};
    struct options options = {.type = SOCK_STREAM};
    bool listens = false;
    int option;

    argv[0] = program_invocation_short_name; /* getopt's messages as err's */
    while ((option = getopt_long(argc, argv, "ulqp:h", long_options, NULL)) !=
           -1) {
        switch (option) {
        case 'u':
            options.type = SOCK_DGRAM;
            break;
        case 'l':
            listens = true;
            break;
        case 'q':
            options.quits = true;
            break;
        case 'p':
            options.port = optarg;
            break;
        case 'h':
            print_help();
            exit(0);
        default:
            exit(2); /* getopt has said what is wrong */
        }
    }
    if (!listens && optind < argc)
        options.host = argv[optind++];
    if (options.port == NULL && optind < argc)
        options.port = argv[optind++];
    if (optind != argc || options.port == NULL ||
        (options.host == NULL) != listens)
        errx(2, "HOST and PORT are wanted, or -l and PORT; see cat --help");
    return options;
}

int main(int argc, char **argv)
{
    struct tapir_config config;
    char why[TAPIR_TEXT_MAX];

    tapir_config_init(&config);
    if (tapir_config_env(&config, why) < 0 ||
        tapir_config_args(&config, &argc, argv, why) < 0)
        errx(2, "%s", why);
    struct options options = parse_options(argc, argv);
    if (tapir_open(&config, why) < 0)
        errx(1, "%s", why);

    int fd =
        options.host != NULL ? connect_to(&options) : wait_for_peer(&options);
    /* What poll calls writable may not take all: then write what it takes. */
    if (tapir_fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        err(1, "fcntl");
    copy(fd, &options);
    tapir_close(fd);
    return 0;
}
