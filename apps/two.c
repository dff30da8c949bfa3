/*
 * two: two stacks in one process, joined by a wire; a TCP client on one sends
 * bytes to a server on the other. No device, no privileges, no kernel network.
 *
 *   two [--bytes N] [--virtual] [--faults SPEC] [--seed N] [--trace]
 *       [--pcap FILE] [--record FILE]
 *
 * By default both stacks run on the real clock and poll waits for the next
 * thing to happen. With --virtual they run on a clock of the program's own:
 * whenever no socket is ready, time jumps to the next moment at which a stack
 * has something to do. So hours of a bad network take a moment, and with --seed
 * every run is the same, to the byte. With --record each stack has a recording
 * of its own, FILE.client and FILE.server.
 *
 * The sockets do not block: one thread plays both sides, which take turns.
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include <tapir.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PORT = 7777, CHUNK_LEN = 65536, SECOND = 1000000 };

/* From the addresses for documentation (RFC 5737). */
static const char client_address[] = "198.51.100.1";
static const char server_address[] = "198.51.100.2";

struct client {
    struct tapir_stack *stack;
    int fd;
    bool is_connected;
    uint64_t sent;
    bool is_done;
};

struct server {
    struct tapir_stack *stack;
    int fd; /* the listener's, from accept on the connection's */
    bool has_accepted;
    uint64_t received;
    bool is_done;
};

struct world {
    struct client client;
    struct server server;
    uint64_t bytes;
    bool is_virtual;
    uint64_t now; /* of the virtual clock, in microseconds */
    uint64_t started;
};

static uint64_t real_time(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec / 1000;
}

__attribute__((format(printf, 3, 4))) static void
say(const struct world *world, const char *who, const char *format, ...)
{
    uint64_t time =
        world->is_virtual ? world->now : real_time() - world->started;
    va_list arguments;

    printf("%4" PRIu64 ".%06" PRIu64 " %s: ", time / SECOND, time % SECOND,
           who);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

/* What the client sends at a place in the stream. */
static uint8_t byte_at(uint64_t i)
{
    return (uint8_t)(i ^ i >> 8 ^ i >> 16);
}

/* ---- The client -------------------------------------------------------- */

static void start_client(struct world *world)
{
    struct client *client = &world->client;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};

    inet_pton(AF_INET, server_address, &to.sin_addr);
    client->fd =
        tapir_socket_on(client->stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (client->fd < 0)
        err(1, "client: socket");
    say(world, "client", "connects to %s port %d", server_address, PORT);
    if (tapir_connect(client->fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
        errno != EINPROGRESS)
        err(1, "client: connect");
}

static void finish_connect(struct world *world)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (tapir_getsockopt(world->client.fd, SOL_SOCKET, SO_ERROR, &error, &len) <
        0)
        err(1, "client: SO_ERROR");
    if (error != 0)
        errx(1, "client: connect: %s", strerror(error));
    world->client.is_connected = true;
    say(world, "client", "connected; sends %" PRIu64 " bytes", world->bytes);
}

static void send_some(struct world *world)
{
    static uint8_t chunk[CHUNK_LEN];
    struct client *client = &world->client;
    size_t len = 0;

    while (len < CHUNK_LEN && client->sent + len < world->bytes) {
        chunk[len] = byte_at(client->sent + len);
        len++;
    }
    ssize_t sent = tapir_send(client->fd, chunk, len, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        err(1, "client: send");
    client->sent += sent > 0 ? (uint64_t)sent : 0;
    if (client->sent == world->bytes) {
        say(world, "client", "everything is sent; no more will come (FIN)");
        tapir_shutdown(client->fd, SHUT_WR);
    }
}

static void read_answer(struct world *world)
{
    char answer[100];
    ssize_t len = tapir_recv(world->client.fd, answer, sizeof(answer), 0);

    if (len < 0 && errno != EAGAIN)
        err(1, "client: receive");
    if (len > 0)
        say(world, "client", "the server answers: %.*s", (int)len, answer);
    if (len == 0) {
        say(world, "client", "the server has closed; so do I");
        tapir_close(world->client.fd);
        world->client.is_done = true;
    }
}

static bool client_has_all_sent(const struct world *world)
{
    return world->client.is_connected && world->client.sent == world->bytes;
}

static void run_client(struct world *world)
{
    if (!world->client.is_connected)
        finish_connect(world);
    else if (!client_has_all_sent(world))
        send_some(world);
    else
        read_answer(world);
}

/* ---- The server -------------------------------------------------------- */

static void start_server(struct world *world)
{
    struct server *server = &world->server;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};

    server->fd =
        tapir_socket_on(server->stack, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (server->fd < 0)
        err(1, "server: socket");
    if (tapir_bind(server->fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
        tapir_listen(server->fd, 1) < 0)
        err(1, "server: port %d", PORT);
    say(world, "server", "listens on port %d", PORT);
}

static void accept_client(struct world *world)
{
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    char text[INET_ADDRSTRLEN];

    int fd = tapir_accept4(world->server.fd, (struct sockaddr *)&from, &len,
                           SOCK_NONBLOCK);
    if (fd < 0)
        err(1, "server: accept");
    tapir_close(world->server.fd);
    world->server.fd = fd;
    world->server.has_accepted = true;
    say(world, "server", "a client from %s port %u",
        inet_ntop(AF_INET, &from.sin_addr, text, sizeof(text)),
        ntohs(from.sin_port));
}

static void answer_client(struct world *world)
{
    struct server *server = &world->server;
    char answer[100];
    int len = snprintf(answer, sizeof(answer), "thanks for %" PRIu64 " bytes",
                       server->received);

    say(world, "server", "the client is done; answers and closes");
    if (tapir_send(server->fd, answer, (size_t)len, MSG_NOSIGNAL) != len)
        err(1, "server: send");
    tapir_close(server->fd);
    server->is_done = true;
}

static void receive_some(struct world *world)
{
    static uint8_t chunk[CHUNK_LEN];
    struct server *server = &world->server;
    uint64_t quarter = server->received * 4 / (world->bytes + 1);

    ssize_t len = tapir_recv(server->fd, chunk, CHUNK_LEN, 0);
    if (len < 0 && errno != EAGAIN)
        err(1, "server: receive");
    for (ssize_t i = 0; i < len; i++, server->received++)
        if (chunk[i] != byte_at(server->received))
            errx(1, "server: byte %" PRIu64 " is wrong", server->received);
    if (len > 0 && (server->received * 4 / (world->bytes + 1) > quarter ||
                    server->received == world->bytes))
        say(world, "server", "%" PRIu64 " bytes, all as they were sent",
            server->received);
    if (len == 0)
        answer_client(world);
}

static void run_server(struct world *world)
{
    if (!world->server.has_accepted)
        accept_client(world);
    else
        receive_some(world);
}

/* ---- The world --------------------------------------------------------- */

/* Nothing can happen before the earlier of the two deadlines. */
static void jump_to_next_deadline(struct world *world)
{
    uint64_t one = tapir_next_deadline(world->client.stack);
    uint64_t other = tapir_next_deadline(world->server.stack);
    uint64_t next = one < other ? one : other;

    if (next == UINT64_MAX)
        errx(1, "nothing more will ever happen");
    if (next > world->now)
        world->now = next;
    if (tapir_advance(world->client.stack, world->now) < 0 ||
        tapir_advance(world->server.stack, world->now) < 0)
        err(1, "advance");
}

static void run(struct world *world)
{
    while (!world->client.is_done || !world->server.is_done) {
        struct pollfd fds[] = {
            {.fd = world->client.is_done ? -1 : world->client.fd,
             .events = client_has_all_sent(world) ? POLLIN : POLLOUT},
            {.fd = world->server.is_done ? -1 : world->server.fd,
             .events = POLLIN}};

        int ready = tapir_poll(fds, 2, world->is_virtual ? 0 : 60000);
        if (ready < 0)
            err(1, "poll");
        if (ready == 0 && !world->is_virtual)
            errx(1, "nothing has happened for a minute");
        if (ready == 0)
            jump_to_next_deadline(world);
        if (fds[0].revents != 0)
            run_client(world);
        if (fds[1].revents != 0)
            run_server(world);
    }
}

static void name_recording(char record[TAPIR_TEXT_MAX], const char *file,
                           const char *who)
{
    if (*file != '\0' &&
        snprintf(record, TAPIR_TEXT_MAX, "%s.%s", file, who) >= TAPIR_TEXT_MAX)
        errx(2, "--record %s: the name is too long", file);
}

static struct tapir_stack *create_stack(const struct tapir_config *settings,
                                        const char *who, bool is_virtual,
                                        uint64_t seed)
{
    struct tapir_stack_config config;

    tapir_stack_config_init(&config);
    config.clock = is_virtual ? TAPIR_CLOCK_MANUAL : TAPIR_CLOCK_REAL;
    config.seed = seed;
    config.trace = settings->trace;
    memcpy(config.trace_what, settings->trace_what, sizeof(config.trace_what));
    name_recording(config.record, settings->record, who);
    struct tapir_stack *stack = tapir_stack_create(&config);
    if (stack == NULL)
        err(1, "%s", *config.record != '\0' ? config.record : "stack");
    return stack;
}

static void create_world(struct world *world,
                         const struct tapir_config *settings)
{
    uint64_t seed = settings->seed;
    struct tapir_wire wire = {.link = TAPIR_LINK_ETHERNET,
                              .mtu = settings->mtu,
                              .faults = settings->faults,
                              .seed = seed,
                              .pcap = settings->pcap};
    int iface[2];

    /* A seed of 0 is none: each draws one of its own. */
    world->client.stack =
        create_stack(settings, "client", world->is_virtual, seed);
    world->server.stack = create_stack(settings, "server", world->is_virtual,
                                       seed != 0 ? seed + 1 : 0);
    if (tapir_join(world->client.stack, world->server.stack, &wire, iface) < 0)
        err(1, "wire");
    if (tapir_add_address(world->client.stack, iface[0], "198.51.100.1/24") <
            0 ||
        tapir_add_address(world->server.stack, iface[1], "198.51.100.2/24") < 0)
        err(1, "address");
    say(world, "wire", "client %s, server %s, faults: %s", client_address,
        server_address,
        settings->faults[0] != '\0' ? settings->faults : "none");
}

/* ---- Setting up -------------------------------------------------------- */

static uint64_t byte_count(const char *text)
{
    char *end;
    uint64_t count = strtoull(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || count < 1 ||
        count > UINT32_MAX)
        errx(2, "--bytes %s: not a number from 1 to %u", text, UINT32_MAX);
    return count;
}

static void parse_options(struct world *world, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"bytes", required_argument, 0, 'b'},
        {"virtual", no_argument, 0, 'v'},
        {"help", no_argument, 0, 'h'},
        {0}};
    int option;

    argv[0] = program_invocation_short_name; /* getopt's messages as err's */
    while ((option = getopt_long(argc, argv, "b:vh", long_options, NULL)) !=
           -1) {
        switch (option) {
        case 'b':
            world->bytes = byte_count(optarg);
            break;
        case 'v':
            world->is_virtual = true;
            break;
        case 'h':
            printf("usage: two [--bytes N] [--virtual]\n"
                   "  --bytes N  that the client sends (1000000)\n"
                   "  --virtual  on a clock that jumps to the next event\n"
                   "%s(of these, two looks at --faults, --seed, --mtu, "
                   "--trace, --record and --pcap,\n"
                   "which records what the client sees)\n",
                   tapir_config_help());
            exit(0);
        default:
            exit(2); /* getopt has said what is wrong */
        }
    }
    if (optind != argc)
        errx(2, "%s: no argument is wanted; see two --help", argv[optind]);
}

int main(int argc, char **argv)
{
    struct world world = {.bytes = 1000000};
    struct tapir_config settings;
    char why[TAPIR_TEXT_MAX];

    tapir_config_init(&settings);
    if (tapir_config_env(&settings, why) < 0 ||
        tapir_config_args(&settings, &argc, argv, why) < 0)
        errx(2, "%s", why);
    parse_options(&world, argc, argv);

    world.started = real_time();
    create_world(&world, &settings);
    start_server(&world);
    start_client(&world);
    run(&world);
    /* The client was the first to close: its last ACK may be under way yet. */
    tapir_stack_destroy(world.server.stack);
    tapir_stack_destroy(world.client.stack);

    uint64_t took = real_time() - world.started;
    if (world.is_virtual)
        printf("%" PRIu64 ".%06" PRIu64 " seconds of virtual time, ",
               world.now / SECOND, world.now % SECOND);
    printf("%" PRIu64 ".%06" PRIu64 " seconds of real time\n", took / SECOND,
           took % SECOND);
    return 0;
}
