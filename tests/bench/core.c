/*
 * The stack's own cost: two stacks in one process and on one core, joined by
 * the in-memory wire, in virtual time. No device, no system call.
 *
 *   core [--json] [--seconds S] [bulk | scale [OTHERS...]]
 *
 * bulk: bytes one way. A segment's cost is that of both ends and of the wire,
 * its acknowledgment included. scale: what one more thing costs while there
 * are OTHERS idle connections, which have carried a byte each way, and what
 * each of them takes of memory: bytes of the core's allocations at one end, its
 * socket included (the descriptor of the calls above it is not); and what the
 * process has grown by for both ends, with all that the C library adds.
 */
#define _GNU_SOURCE
#include "stack/stack.h"

#include "netdev/wire.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    CLIENT,
    SERVER,
    HOSTS,
    FIRST_PORT = 7000,
    LISTENERS = 64, /* a client's address has 28,232 ports to each */
    CHUNK = 65536,
    BATCH = 64,   /* frames, then a flush, as a driver has it */
    STEP_US = 10, /* virtual time of a step */
    STEPS_MAX = 100000,
    OPENED = 2000, /* connections that are opened and closed */
    HALF_OPEN = 500,
    TRIPS = 20000,
    SWEPT_MAX = 10000, /* connections that take turns */
    OPEN_US = 100,     /* for each of the others: 10,000 in a second */
    IDLE_STEPS = 2000, /* of a millisecond, until all are at rest */
    OTHERS_MAX = 1000000
};

struct host {
    struct memory memory;
    struct stack *stack;
    struct netdev *dev;
    struct ip_addr addr;
    unsigned iface;
};

struct pair {
    usec now;
    struct memory wire_memory;
    struct host hosts[HOSTS];
    socket_id listeners[LISTENERS];
};

struct connection {
    socket_id ends[HOSTS];
};

static double seconds = 1;
static bool json;
static uint8_t bytes[CHUNK];

static void must(bool holds, const char *what)
{
    if (!holds)
        errx(1, "the benchmark fails: %s", what);
}

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* ---- Two stacks and a wire ----------------------------------------------- */

static void create_host(struct pair *pair, unsigned index, struct netdev *dev)
{
    struct host *host = &pair->hosts[index];
    struct stack_config config = stack_config_default();
    struct iface_config iface = {.name = "wire0", .dev = dev};
    struct ip_prefix prefix = {ip_addr_v4(0xc0000201 + index),
                               IPV4_PREFIX_OFFSET + 24};

    memory_init(&host->memory, SIZE_MAX);
    host->dev = dev;
    host->addr = prefix.addr;
    config.memory = &host->memory;
    config.seed = (struct hash_key){1, index};
    config.socket.max_sockets = 1 << 20;
    must(stack_create(&config, pair->now, &host->stack) == 0, "stack_create");
    host->iface = (unsigned)stack_iface_add(host->stack, pair->now, &iface);
    must(stack_addr_add(host->stack, pair->now, host->iface, &prefix) == 0,
         "stack_addr_add");
}

static void create_pair(struct pair *pair, unsigned mtu)
{
    struct wire_config wire = {
        .type = NETDEV_ETHERNET, .mtu = mtu, .queue_bytes = (size_t)1 << 28};
    struct netdev *ends[HOSTS];

    pair->now = USEC_PER_SEC;
    memory_init(&pair->wire_memory, SIZE_MAX);
    must(wire_create(&pair->wire_memory, &wire, ends) == 0, "wire_create");
    for (unsigned i = 0; i < HOSTS; i++)
        create_host(pair, i, ends[i]);

    struct stack *server = pair->hosts[SERVER].stack;
    for (unsigned i = 0; i < LISTENERS; i++) {
        struct endpoint local = {.addr = pair->hosts[SERVER].addr,
                                 .port = (uint16_t)(FIRST_PORT + i)};

        must(stack_socket(server, pair->now, AF_INET, SOCK_STREAM, 0,
                          &pair->listeners[i]) == 0 &&
                 stack_bind(server, pair->now, pair->listeners[i], &local) ==
                     0 &&
                 stack_listen(server, pair->now, pair->listeners[i], 4096) == 0,
             "listen");
    }
}

static void destroy_pair(struct pair *pair)
{
    for (unsigned i = 0; i < HOSTS; i++) {
        stack_destroy(pair->hosts[i].stack);
        netdev_close(pair->hosts[i].dev);
    }
}

static void run_host(struct pair *pair, unsigned index)
{
    struct host *host = &pair->hosts[index];
    struct frame frame;

    for (int i = 0; i < BATCH; i++) {
        if (netdev_receive(host->dev, pair->now, &frame) <= 0)
            break;
        stack_input(host->stack, pair->now, host->iface, &frame);
    }
    stack_run_timers(host->stack, pair->now);
    stack_flush(host->stack, pair->now);
}

static void step(struct pair *pair)
{
    pair->now += STEP_US;
    run_host(pair, CLIENT);
    run_host(pair, SERVER);
}

/* ---- Connections --------------------------------------------------------- */

static socket_id start_connecting(struct pair *pair, unsigned index)
{
    struct endpoint to = {.addr = pair->hosts[SERVER].addr,
                          .port = (uint16_t)(FIRST_PORT + index % LISTENERS)};
    socket_id id;

    must(stack_socket(pair->hosts[CLIENT].stack, pair->now, AF_INET,
                      SOCK_STREAM, 0, &id) == 0 &&
             stack_connect(pair->hosts[CLIENT].stack, pair->now, id, &to) ==
                 -EINPROGRESS,
         "connect");
    stack_flush(pair->hosts[CLIENT].stack, pair->now);
    return id;
}

static void open_connection(struct pair *pair, unsigned index,
                            struct connection *connection)
{
    socket_id listener = pair->listeners[index % LISTENERS];
    int result = -EAGAIN;

    connection->ends[CLIENT] = start_connecting(pair, index);
    for (int i = 0; i < STEPS_MAX && result == -EAGAIN; i++) {
        step(pair);
        result = stack_accept(pair->hosts[SERVER].stack, pair->now, listener,
                              &connection->ends[SERVER], NULL);
    }
    must(result == 0, "accept");
}

/* The client closes first, so it has the TIME-WAIT. */
static void close_connection(struct pair *pair, struct connection *connection)
{
    for (unsigned i = 0; i < HOSTS; i++) {
        must(stack_close(pair->hosts[i].stack, pair->now,
                         connection->ends[i]) == 0,
             "close");
        step(pair);
        step(pair);
    }
}

static ssize_t send_from(struct pair *pair, unsigned end, socket_id id,
                         size_t len)
{
    struct iovec iov = {.iov_base = bytes, .iov_len = len};
    struct socket_message message = {.iov = &iov, .iov_count = 1};

    return stack_send(pair->hosts[end].stack, pair->now, id, &message);
}

static ssize_t receive_at(struct pair *pair, unsigned end, socket_id id)
{
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct socket_message message = {.iov = &iov, .iov_count = 1};

    return stack_receive(pair->hosts[end].stack, pair->now, id, &message);
}

static void send_byte(struct pair *pair, struct connection *connection,
                      unsigned from)
{
    unsigned to = HOSTS - 1 - from;
    ssize_t got = -EAGAIN;

    must(send_from(pair, from, connection->ends[from], 1) == 1, "send");
    stack_flush(pair->hosts[from].stack, pair->now);
    for (int i = 0; i < STEPS_MAX && got == -EAGAIN; i++) {
        pair->now += 1;
        run_host(pair, to);
        got = receive_at(pair, to, connection->ends[to]);
    }
    must(got == 1, "receive");
}

/* ---- Bulk ---------------------------------------------------------------- */

static void measure_bulk(unsigned mtu)
{
    static struct pair pair;
    struct connection connection;
    uint64_t received = 0;

    create_pair(&pair, mtu);
    open_connection(&pair, 0, &connection);
    const struct tcp_stats *stats = stack_tcp_stats(pair.hosts[SERVER].stack);
    uint64_t segments = stats->in_segs;
    double began = now_ns();
    double time = 0;

    while (time < seconds * 1e9) {
        ssize_t len;

        while (send_from(&pair, CLIENT, connection.ends[CLIENT], CHUNK) > 0)
            ;
        step(&pair);
        while ((len = receive_at(&pair, SERVER, connection.ends[SERVER])) > 0)
            received += (uint64_t)len;
        time = now_ns() - began;
    }
    segments = stats->in_segs - segments;
    printf(json ? "{\"bulk\": {\"mtu\": %u, \"gb_s\": %.3f, "
                  "\"ns_per_segment\": %.1f, \"bytes_per_segment\": %.0f}}\n"
                : "MTU %5u: %6.3f GB/s, %.0f ns for a segment of %.0f bytes\n",
           mtu, (double)received / time, time / (double)segments,
           (double)received / (double)segments);
    destroy_pair(&pair);
}

/* ---- Scaling ------------------------------------------------------------- */

struct costs {
    unsigned others;
    double trip_ns;  /* a byte there and back on one connection */
    double woken_ns; /* on each in turn, which was idle */
    double swept_ns; /* on each in turn, again and again */
    double open_ns;  /* a connection opened, accepted and closed */
    double timer_ns; /* armed anew, among so many timers, and one fired */
    double client_bytes, server_bytes, time_wait_bytes, half_open_bytes;
    double resident_bytes; /* of the process, for both ends */
};

static void trip(struct pair *pair, struct connection *connection)
{
    send_byte(pair, connection, CLIENT);
    send_byte(pair, connection, SERVER);
}

static double trips_ns(struct pair *pair, struct connection *connections,
                       unsigned count, unsigned trips)
{
    double began = now_ns();

    for (unsigned i = 0; i < trips; i++)
        trip(pair, &connections[i % count]);
    return (now_ns() - began) / trips;
}

/* The second number of /proc/self/statm, in pages. */
static double resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long size = 0, pages = 0;

    must(file != NULL && fscanf(file, "%lu %lu", &size, &pages) == 2, "statm");
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void be_idle(struct pair *pair)
{
    for (int i = 0; i < IDLE_STEPS; i++) {
        pair->now += USEC_PER_MSEC;
        run_host(pair, CLIENT);
        run_host(pair, SERVER);
    }
}

static void open_others(struct pair *pair, struct connection *connections,
                        struct costs *costs)
{
    size_t client = pair->hosts[CLIENT].memory.used;
    size_t server = pair->hosts[SERVER].memory.used;
    double others = costs->others;
    double before = resident();
    usec began = pair->now;

    for (unsigned i = 0; i < costs->others; i++) {
        open_connection(pair, i, &connections[i]);
        trip(pair, &connections[i]);
        pair->now = usec_max(pair->now, began + i * (usec)OPEN_US);
    }
    be_idle(pair);
    costs->client_bytes =
        (double)(pair->hosts[CLIENT].memory.used - client) / others;
    costs->server_bytes =
        (double)(pair->hosts[SERVER].memory.used - server) / others;
    costs->resident_bytes = (resident() - before) / others;
}

static void measure_opening(struct pair *pair, struct costs *costs)
{
    struct memory *memory = &pair->hosts[CLIENT].memory;
    size_t before = memory->used;
    double began = now_ns();

    for (unsigned i = 0; i < OPENED; i++) {
        struct connection connection;

        open_connection(pair, i, &connection);
        close_connection(pair, &connection);
    }
    costs->open_ns = (now_ns() - began) / OPENED;
    costs->time_wait_bytes = (double)(memory->used - before) / OPENED;
}

/* The server's answers are lost. */
static void measure_half_open(struct pair *pair, struct costs *costs)
{
    struct host *client = &pair->hosts[CLIENT];
    struct memory *memory = &pair->hosts[SERVER].memory;
    size_t before = memory->used;
    struct frame frame;

    for (unsigned i = 0; i < HALF_OPEN; i++) {
        (void)start_connecting(pair, i);
        run_host(pair, SERVER);
        while (netdev_receive(client->dev, pair->now, &frame) > 0)
            ;
        netdev_flush(client->dev, pair->now);
    }
    costs->half_open_bytes = (double)(memory->used - before) / HALF_OPEN;
}

static void nothing_to_do(struct timer *timer)
{
    (void)timer;
}

static double measure_timers(unsigned others)
{
    static struct timers timers;
    struct timer *list = calloc(others + 1, sizeof(*list));
    usec now = USEC_PER_SEC;
    double began;

    must(list != NULL, "calloc");
    timers_init(&timers, now);
    for (unsigned i = 0; i <= others; i++) {
        timer_init(&list[i], nothing_to_do);
        timer_arm(&timers, &list[i],
                  now + 600 * USEC_PER_SEC + (usec)(i * 977));
    }
    began = now_ns();
    for (unsigned i = 0; i < TRIPS; i++) {
        timer_arm(&timers, &list[i * 7919U % (others + 1)],
                  now + 900 * USEC_PER_SEC);
        timer_arm(&timers, &list[0], now + 1);
        timers_run(&timers, ++now);
    }
    double ns = (now_ns() - began) / TRIPS;
    free(list);
    return ns;
}

static void print_costs(const struct costs *costs)
{
    printf(json ? "{\"scale\": {\"others\": %u, \"trip_ns\": %.0f, "
                  "\"woken_ns\": %.0f, \"swept_ns\": %.0f, "
                  "\"open_ns\": %.0f, \"timer_ns\": %.1f, "
                  "\"client_bytes\": %.1f, \"server_bytes\": %.1f, "
                  "\"resident_bytes\": %.1f, "
                  "\"time_wait_bytes\": %.1f, \"half_open_bytes\": %.1f}}\n"
                : "| %u | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | "
                  "%.0f | %.0f | %.0f |\n",
           costs->others, costs->trip_ns, costs->woken_ns, costs->swept_ns,
           costs->open_ns, costs->timer_ns, costs->client_bytes,
           costs->server_bytes, costs->resident_bytes, costs->time_wait_bytes,
           costs->half_open_bytes);
    fflush(stdout);
}

static void measure_scale(unsigned others)
{
    static struct pair pair;
    struct connection *connections = calloc(others, sizeof(*connections));
    struct costs costs = {.others = others};
    unsigned swept = others < SWEPT_MAX ? others : SWEPT_MAX;

    must(connections != NULL, "calloc");
    create_pair(&pair, 1500);
    memset(connections, 0xff, others * sizeof(*connections)); /* resident */
    open_others(&pair, connections, &costs);
    costs.woken_ns = trips_ns(&pair, connections, swept, swept);
    costs.swept_ns = trips_ns(&pair, connections, swept, TRIPS);
    (void)trips_ns(&pair, connections, 1, TRIPS); /* warm */
    costs.trip_ns = trips_ns(&pair, connections, 1, TRIPS);
    measure_opening(&pair, &costs);
    measure_half_open(&pair, &costs);
    costs.timer_ns = measure_timers(others);
    print_costs(&costs);
    free(connections);
    destroy_pair(&pair);
}

/* In a process of its own, whose memory none has used before. */
static void measure_apart(unsigned others)
{
    int status;
    pid_t child;

    fflush(stdout); /* or the child would print it again */
    child = fork();

    if (child == 0) {
        measure_scale(others);
        fflush(stdout);
        exit(0);
    }
    must(child > 0 && waitpid(child, &status, 0) == child && status == 0,
         "a measurement has failed");
}

static void print_scale_head(void)
{
    if (json)
        return;
    printf("| others | trip ns | woken ns | swept ns | open ns | timer ns | "
           "bytes: client | server | both, resident | TIME-WAIT | "
           "half-open |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
}

/* ---- Command line -------------------------------------------------------- */

static unsigned others_of(const char *text)
{
    char *end;
    unsigned long others = strtoul(text, &end, 10);

    if (*end != '\0' || others < 1 || others > OTHERS_MAX)
        errx(2, "%s: not a number of connections from 1 to %d", text,
             OTHERS_MAX);
    return (unsigned)others;
}

static void scale(int argc, char **argv)
{
    static const unsigned usual[] = {10, 1000, 10000, 100000, 1000000};

    print_scale_head();
    for (int i = 0; i < argc; i++)
        measure_apart(others_of(argv[i]));
    for (size_t i = 0; argc == 0 && i < sizeof(usual) / sizeof(*usual); i++)
        measure_apart(usual[i]);
}

int main(int argc, char **argv)
{
    for (; argc > 1 && strncmp(argv[1], "--", 2) == 0; argc--, argv++) {
        if (strcmp(argv[1], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[1], "--seconds") == 0 && argc > 2) {
            seconds = strtod(argv[2], NULL);
            argc--;
            argv++;
        } else {
            errx(2, "usage: core [--json] [--seconds S] [bulk | scale "
                    "[OTHERS...]]");
        }
    }
    bool is_all = argc == 1;

    if (is_all || strcmp(argv[1], "bulk") == 0) {
        measure_bulk(1500);
        measure_bulk(65535);
    }
    if (is_all || strcmp(argv[1], "scale") == 0)
        scale(is_all ? 0 : argc - 2, argv + 2);
    return 0;
}
