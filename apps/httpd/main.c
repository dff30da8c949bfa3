/*
 * httpd: serves the files under a directory by HTTP/1.1 and 1.0 (RFC 9110, RFC
 * 9112).
 *
 *   httpd [--root DIR] [--port N] [--connections N]
 *
 * GET and HEAD, keep-alive and pipelining, conditional requests (RFC 9110 13),
 * ranges (14), index.html and listings of directories. The body of a request is
 * skipped; one in chunks is not read: the connection closes after the answer.
 *
 *   main        the options, and what must be before the stack
 *   server      the epoll set, accepting
 *   connection  from one request to the next
 *   request     what is asked for
 *   conditions, ranges, files, listing   what is to be answered
 *   answer      the answer, in pieces
 *   send, mapping   its way to the stack, without a copy
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "files.h"
#include "mapping.h"
#include "server.h"

#include <tapir.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { CONNECTIONS = 10000 /* unless --connections says otherwise */ };

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

/*
 * The stack's address, which may have been chosen among several: the source
 * that it takes towards its gateway. Connecting a datagram socket sends
 * nothing.
 */
static const char *own_address(const char *gateway, char text[INET_ADDRSTRLEN])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
    socklen_t len = sizeof(address);
    int fd = tapir_socket(AF_INET, SOCK_DGRAM, 0);

    if (inet_pton(AF_INET, gateway, &address.sin_addr) != 1 ||
        tapir_connect(fd, (struct sockaddr *)&address, len) < 0 ||
        tapir_getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        address.sin_addr.s_addr = INADDR_ANY;
    tapir_close(fd);
    return inet_ntop(AF_INET, &address.sin_addr, text, INET_ADDRSTRLEN);
}

struct options {
    const char *root;
    uint16_t port;
    unsigned connections;
};

static unsigned number(const char *option, const char *text, unsigned max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value < 1 || value > max)
        errx(2, "--%s %s: not a number from 1 to %u", option, text, max);
    return (unsigned)value;
}

/* An answer has its file open: one descriptor of the kernel's for each. */
static void allow_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"root", required_argument, 0, 'r'},
        {"port", required_argument, 0, 'p'},
        {"connections", required_argument, 0, 'c'},
        {"help", no_argument, 0, 'h'},
        {0}};
    struct options options = {
        .root = ".", .port = 80, .connections = CONNECTIONS};
    int option;

    argv[0] = program_invocation_short_name; /* getopt's messages as err's */
    while ((option = getopt_long(argc, argv, "r:p:c:h", long_options, NULL)) !=
           -1) {
        switch (option) {
        case 'r':
            options.root = optarg;
            break;
        case 'p':
            options.port = (uint16_t)number("port", optarg, 65535);
            break;
        case 'c':
            options.connections = number("connections", optarg, 1000000);
            break;
        case 'h':
            printf("usage: httpd [--root DIR] [--port N] [--connections N]\n"
                   "  --root DIR       what is served (.)\n"
                   "  --port N         where (80)\n"
                   "  --connections N  at a time, at most; others wait (%d)\n"
                   "%s",
                   CONNECTIONS, tapir_config_help());
            exit(0);
        default:
            exit(2); /* getopt has said what is wrong */
        }
    }
    if (optind != argc)
        errx(2, "%s: no argument is wanted; see httpd --help", argv[optind]);
    return options;
}

int main(int argc, char **argv)
{
    struct server server = {0};
    struct tapir_config config;
    char why[TAPIR_TEXT_MAX];
    char address[INET_ADDRSTRLEN];

    tapir_config_init(&config);
    if (tapir_config_env(&config, why) < 0 ||
        tapir_config_args(&config, &argc, argv, why) < 0)
        errx(2, "%s", why);
    struct options options = parse_options(argc, argv);
    server.site.root = open_root(options.root);
    server.max = options.connections;
    allow_files();
    survive_bus_errors();
    sigset_t signals = block_signals();
    if (tapir_open(&config, why) < 0)
        errx(1, "%s", why);

    server_open(&server, options.port, &signals);
    fprintf(stderr, "httpd: serving %s on http://%s:%u/\n", options.root,
            own_address(config.gateway, address), options.port);
    server_run(&server);
    server_close(&server);
    return 0; /* the library finishes what was written */
}
