/*
 * Two whole stacks on a bad wire, in virtual time. Each seed draws a network
 * (loss, duplication, reordering, corruption, marks, delay), two configurations
 * and some connections with programs on both ends that write, read, sleep and
 * close in their own ways. Every byte is compared; both sides end orderly;
 * after TIME-WAIT all memory is back. The clients of some seeds write with
 * their SYN (RFC 7413).
 *
 *     test_sim              seeds 1 to 1,000
 *     test_sim 17           this one, as it was then
 *     test_sim 1 5000       a range
 *
 * Nothing depends on the machine's clock: a seed that fails once fails always.
 */
#include "stack/stack.h"

#include "netdev/faults.h"
#include "netdev/wire.h"
#include "tests/place.h"
#include "tests/recording.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    SEEDS = 1000,
    HOSTS = 2,
    CONNECTIONS_MAX = 8,
    PORT = 7,
    IO_MAX = 16384,
    STEPS_MAX = 2000000,      /* a seed that needs more hangs */
    MEMORY_SLACK = 16 * 1024, /* tables that have grown, neighbours */
    WHY_MAX = 256
};

static const usec time_limit = 4 * 3600 * USEC_PER_SEC;
static const usec time_wait = 200 * USEC_PER_SEC; /* and its retransmissions */

struct host {
    struct memory memory;
    size_t idle_memory; /* in use before there is a connection */
    struct stack *stack;
    struct netdev *dev;
    struct recording recording; /* replayed at the end */
    struct ip_addr addr;
    socket_id listener;
    unsigned iface;
    unsigned batch; /* frames taken in before answers leave */
};

/* A program on one end of a connection. */
struct end {
    struct host *host;
    socket_id id;
    bool exists;   /* connected or accepted */
    bool may_read; /* not since EAGAIN, unless readiness was told */
    bool may_write;
    bool shut;   /* its sending */
    bool at_end; /* has read the peer's FIN */
    bool closed;
    bool half_closes; /* shuts down when it has written all */
    size_t to_write, written;
    size_t to_read, read;
    unsigned write_max, read_max;
    usec pause; /* between reads; 0: reads whatever comes */
    usec next_read;
};

struct connection {
    unsigned number;
    struct end client;
    struct end server;
};

struct sim {
    uint64_t seed;
    struct random random;
    usec now;
    struct memory wire_memory;
    struct netdev *faulty;
    struct host hosts[HOSTS];
    struct connection connections[CONNECTIONS_MAX];
    unsigned connection_count;
    bool hears_readiness; /* programs act only when they are told to */
    char why[WHY_MAX];    /* it failed */
};

struct totals {
    uint64_t lost, duplicated, reordered, corrupted, marked, retransmitted;
    uint64_t ecn_reductions;
    uint64_t opened_fast;
    uint64_t bytes;
};

__attribute__((format(printf, 2, 3))) static void
sim_fail(struct sim *sim, const char *format, ...)
{
    va_list args;

    if (sim->why[0] != '\0')
        return;
    va_start(args, format);
    vsnprintf(sim->why, sizeof(sim->why), format, args);
    va_end(args);
}

/* Text goes with the SYN, and needs no cookie for it. (Where memory is short,
 * who is first may keep all others out until their SYNs time out.) */
static bool opens_fast(const struct sim *sim)
{
    return sim->seed % 5 == 0 && sim->seed % 4 != 0;
}

/* ---- drawing ---- */

static uint32_t draw(struct sim *sim, uint32_t from, uint32_t to)
{
    return from + random_below(&sim->random, to - from + 1);
}

static bool one_in(struct sim *sim, uint32_t n)
{
    return random_below(&sim->random, n) == 0;
}

/* Small and large sizes alike: a power of two first. */
static uint32_t draw_size(struct sim *sim, unsigned from_bits, unsigned to_bits)
{
    uint32_t top = 1u << draw(sim, from_bits, to_bits);

    return draw(sim, (top + 1) / 2, top);
}

static struct faults draw_faults(struct sim *sim, bool may_corrupt)
{
    return (struct faults){
        .loss = draw(sim, 10000, one_in(sim, 4) ? 80000 : 30000),
        .duplicate = draw(sim, 1000, 20000),
        .reorder = draw(sim, 1000, 50000),
        .corrupt = may_corrupt ? draw(sim, 1000, 20000) : 0,
        .delay = draw(sim, 0, 40000),
        .jitter = draw(sim, 0, 10000),
        .reorder_delay = draw(sim, 100, 20000),
        .mark_chance = one_in(sim, 2) ? draw(sim, 1000, 100000) : 0,
    };
}

static void draw_tcp(struct sim *sim, struct tcp_config *tcp)
{
    static const char *const congestion[] = {"cubic", "reno", "bbr"};
    bool small = one_in(sim, 4);

    tcp->send_buffer = draw_size(sim, small ? 11 : 14, small ? 13 : 18);
    tcp->receive_buffer = draw_size(sim, small ? 11 : 14, small ? 13 : 18);
    tcp->send_buffer_max = 4 * tcp->send_buffer;
    tcp->receive_buffer_max = 4 * tcp->receive_buffer;
    tcp->initial_window = draw(sim, 1, 10);
    tcp->timestamps = !one_in(sim, 3);
    tcp->window_scale = !one_in(sim, 3);
    strcpy(tcp->congestion, congestion[draw(sim, 0, 2)]);
    tcp->pacing = one_in(sim, 3);
    tcp->ecn = (enum tcp_ecn)draw(sim, TCP_ECN_OFF, TCP_ECN_MAX);
}

static struct end draw_end(struct sim *sim, struct host *host)
{
    bool slow = one_in(sim, 4);

    return (struct end){
        .host = host,
        .may_read = true,
        .may_write = true,
        .half_closes = one_in(sim, 2),
        .write_max = draw_size(sim, 0, 14),
        .read_max = slow ? draw_size(sim, 10, 14) : draw_size(sim, 4, 14),
        .pause = slow ? draw(sim, 1000, 100000) : 0,
    };
}

/* ---- the data ---- */

/* A byte by its connection, direction and position. */
static uint8_t byte_at(const struct connection *connection,
                       const struct end *writer, size_t position)
{
    uint64_t stream = 2 * connection->number + (writer == &connection->client);
    uint64_t mixed = (position + 1) * 0x9e3779b97f4a7c15u + stream;

    return (uint8_t)(mixed >> 32 ^ mixed >> 13);
}

static const struct end *other_end(const struct connection *connection,
                                   const struct end *end)
{
    return end == &connection->client ? &connection->server
                                      : &connection->client;
}

/* ---- the programs ---- */

/* One write; whether there may be more. */
static bool write_some(struct sim *sim, const struct connection *connection,
                       struct end *end)
{
    static uint8_t bytes[IO_MAX];
    size_t len =
        min_size(draw(sim, 1, end->write_max), end->to_write - end->written);
    struct iovec iov = {.iov_base = bytes, .iov_len = len};
    struct socket_message message = {.iov = &iov, .iov_count = 1};

    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_at(connection, end, end->written + i);
    int events = stack_readiness(end->host->stack, end->id);
    ssize_t count = stack_send(end->host->stack, sim->now, end->id, &message);
    if (count == -EAGAIN && (events & POLLOUT) == 0) {
        end->may_write = false;
        return false;
    }
    if (count <= 0 || (size_t)count > len) {
        sim_fail(sim, "write says %zd though poll says 0x%x", count, events);
        return false;
    }
    end->written += (size_t)count;
    return true;
}

static void take_bytes(struct sim *sim, const struct connection *connection,
                       struct end *end, const uint8_t *bytes, size_t len)
{
    const struct end *writer = other_end(connection, end);

    for (size_t i = 0; i < len; i++)
        if (bytes[i] != byte_at(connection, writer, end->read + i)) {
            sim_fail(sim, "byte %zu of connection %u is wrong", end->read + i,
                     connection->number);
            return;
        }
    end->read += len;
    if (end->read > end->to_read)
        sim_fail(sim, "more was read than was written");
}

/* One read; whether there may be more. */
static bool read_some(struct sim *sim, const struct connection *connection,
                      struct end *end)
{
    static uint8_t bytes[IO_MAX];
    struct iovec iov = {.iov_base = bytes,
                        .iov_len = draw(sim, 1, end->read_max)};
    struct socket_message message = {.iov = &iov, .iov_count = 1};

    int events = stack_readiness(end->host->stack, end->id);
    ssize_t count =
        stack_receive(end->host->stack, sim->now, end->id, &message);
    if ((count == -EAGAIN) == ((events & POLLIN) != 0)) {
        sim_fail(sim, "read says %zd though poll says 0x%x", count, events);
        return false;
    }
    if (count == -EAGAIN) {
        end->may_read = false;
        return false;
    }
    if (count < 0) {
        sim_fail(sim, "read says %zd after %zu bytes", count, end->read);
        return false;
    }
    if (count == 0 && end->read != end->to_read)
        sim_fail(sim, "the end came after %zu of %zu bytes", end->read,
                 end->to_read);
    if (count == 0)
        end->at_end = true;
    take_bytes(sim, connection, end, bytes, (size_t)count);
    return count > 0;
}

static void read_all(struct sim *sim, const struct connection *connection,
                     struct end *end)
{
    if (end->at_end || !end->may_read || end->next_read > sim->now)
        return;
    if (end->pause > 0) {
        read_some(sim, connection, end);
        end->next_read = sim->now + draw(sim, 1, (uint32_t)end->pause);
        return;
    }
    while (end->may_read && read_some(sim, connection, end))
        ;
}

static void write_all(struct sim *sim, const struct connection *connection,
                      struct end *end)
{
    while (end->may_write && end->written < end->to_write &&
           write_some(sim, connection, end))
        ;
}

static void check_zero(struct sim *sim, const char *call, int status)
{
    if (status != 0)
        sim_fail(sim, "%s says %d", call, status);
}

/* A program that shuts down before that gives the connection up, as in Linux:
 * all that it has written may be with the SYN. */
static bool is_connected(const struct end *end)
{
    struct endpoint remote;

    return stack_remote(end->host->stack, end->id, &remote) == 0;
}

/* What is to be done when all is written, and when all is read as well. */
static void end_orderly(struct sim *sim, struct end *end)
{
    if (end->written < end->to_write)
        return;
    if (end->half_closes && !end->shut && is_connected(end)) {
        check_zero(
            sim, "shutdown",
            stack_shutdown(end->host->stack, sim->now, end->id, SHUT_WR));
        end->shut = true;
    }
    if (end->read < end->to_read || (end->half_closes && !end->at_end))
        return;
    check_zero(sim, "close", stack_close(end->host->stack, sim->now, end->id));
    end->closed = true;
}

static void run_program(struct sim *sim, const struct connection *connection,
                        struct end *end)
{
    if (!end->exists || end->closed)
        return;
    if (!sim->hears_readiness)
        end->may_read = end->may_write = true;
    write_all(sim, connection, end);
    read_all(sim, connection, end);
    if (sim->why[0] == '\0')
        end_orderly(sim, end);
}

/* The connection whose client has this port. */
static struct connection *find_connection(struct sim *sim,
                                          const struct endpoint *client)
{
    for (unsigned i = 0; i < sim->connection_count; i++) {
        struct connection *connection = &sim->connections[i];
        struct endpoint local;

        if (connection->client.exists && !connection->client.closed &&
            stack_local(connection->client.host->stack, connection->client.id,
                        &local) == 0 &&
            local.port == client->port &&
            ip_addr_equal(&local.addr, &client->addr))
            return connection;
    }
    return NULL;
}

static void accept_all(struct sim *sim, struct host *host)
{
    struct endpoint remote;
    socket_id id;

    while (stack_accept(host->stack, sim->now, host->listener, &id, &remote) ==
           0) {
        struct connection *connection = find_connection(sim, &remote);
        if (opens_fast(sim) &&
            (connection == NULL || connection->server.exists)) {
            /* a SYN that came twice, late: RFC 7413 2.1 */
            check_zero(sim, "close", stack_close(host->stack, sim->now, id));
            continue;
        }
        if (connection == NULL || connection->server.exists) {
            sim_fail(sim, "a connection was accepted that nobody opened");
            return;
        }
        connection->server.id = id;
        connection->server.exists = true;
    }
}

static void hear_readiness(struct sim *sim, struct host *host)
{
    socket_id id;

    while (stack_next_ready(host->stack, &id))
        for (unsigned i = 0; i < sim->connection_count; i++) {
            struct connection *connection = &sim->connections[i];
            struct end *end = host == connection->client.host
                                  ? &connection->client
                                  : &connection->server;
            if (end->id == id)
                end->may_read = end->may_write = true;
        }
}

/* ---- time ---- */

static void take_frames(struct sim *sim, struct host *host)
{
    struct frame frame;

    for (unsigned i = 0; i < host->batch; i++) {
        if (netdev_receive(host->dev, sim->now, &frame) <= 0)
            return;
        (void)place_frame(host->stack, host->iface, &frame);
        stack_input(host->stack, sim->now, host->iface, &frame);
    }
}

static void run_programs(struct sim *sim, struct host *host)
{
    accept_all(sim, host);
    hear_readiness(sim, host);
    for (unsigned i = 0; i < sim->connection_count; i++) {
        struct connection *connection = &sim->connections[i];

        run_program(sim, connection,
                    connection->client.host == host ? &connection->client
                                                    : &connection->server);
    }
}

static void step(struct sim *sim)
{
    for (unsigned i = 0; i < HOSTS; i++) {
        struct host *host = &sim->hosts[i];

        take_frames(sim, host);
        stack_run_timers(host->stack, sim->now);
        run_programs(sim, host);
        stack_flush(host->stack, sim->now);
    }
}

static usec next_program(const struct end *end)
{
    bool sleeps = end->exists && !end->closed && !end->at_end &&
                  end->pause > 0 && end->may_read;

    return sleeps ? end->next_read : USEC_NEVER;
}

static usec next_time(const struct sim *sim)
{
    usec next = USEC_NEVER;

    for (unsigned i = 0; i < HOSTS; i++) {
        next = usec_min(next, stack_next_deadline(sim->hosts[i].stack));
        next = usec_min(next, netdev_deadline(sim->hosts[i].dev));
    }
    for (unsigned i = 0; i < sim->connection_count; i++) {
        next = usec_min(next, next_program(&sim->connections[i].client));
        next = usec_min(next, next_program(&sim->connections[i].server));
    }
    return next;
}

static bool all_is_done(const struct sim *sim)
{
    for (unsigned i = 0; i < sim->connection_count; i++)
        if (!sim->connections[i].client.closed ||
            !sim->connections[i].server.closed)
            return false;
    return stack_unfinished(sim->hosts[0].stack) == 0 &&
           stack_unfinished(sim->hosts[1].stack) == 0;
}

/* How far each connection has come, for the message. */
static void fail_stalled(struct sim *sim, const char *what)
{
    const struct connection *connection = &sim->connections[0];
    const struct end *ends[] = {&connection->client, &connection->server};

    for (unsigned i = 0; i + 1 < sim->connection_count; i++) {
        if (!connection->client.closed || !connection->server.closed)
            break;
        connection++;
        ends[0] = &connection->client;
        ends[1] = &connection->server;
    }
    sim_fail(sim,
             "%s at %.3f s: connection %u, client wrote %zu/%zu read %zu/%zu "
             "closed %d, server wrote %zu/%zu read %zu/%zu closed %d, "
             "unfinished %u and %u",
             what, (double)sim->now / 1e6, connection->number, ends[0]->written,
             ends[0]->to_write, ends[0]->read, ends[0]->to_read,
             ends[0]->closed, ends[1]->written, ends[1]->to_write,
             ends[1]->read, ends[1]->to_read, ends[1]->closed,
             stack_unfinished(sim->hosts[0].stack),
             stack_unfinished(sim->hosts[1].stack));
}

/* Until `until`, or until all is done; false when it fails. */
static bool run_until(struct sim *sim, usec until, bool stop_when_done)
{
    for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
        if (sim->now > until)
            return true;
        step(sim);
        if (sim->why[0] != '\0')
            return false;
        if (stop_when_done && all_is_done(sim))
            return true;
        usec next = next_time(sim);
        if (next == USEC_NEVER) {
            sim->now = until + 1;
            return true;
        }
        /* A deadline in the past is now: a microsecond later is the least. */
        sim->now = usec_max(next, sim->now);
    }
    fail_stalled(sim, "too many steps");
    return false;
}

/* ---- a seed ---- */

/* Each is run a second time for it, and compared. */
static bool is_recorded(const struct sim *sim)
{
    return sim->seed % 5 == 0;
}

static void create_host(struct sim *sim, struct host *host, uint32_t addr)
{
    struct stack_config config = stack_config_default();
    struct iface_config iface = {.name = "sim0", .dev = host->dev};
    struct endpoint local = {.port = PORT};
    struct ip_prefix prefix = {ip_addr_v4(addr), IPV4_PREFIX_OFFSET + 24};

    memory_init(&host->memory, (size_t)256 << 20);
    host->addr = ip_addr_v4(addr);
    host->batch = draw_size(sim, 0, 6);
    config.memory = &host->memory;
    config.seed = random_key(&sim->random);
    if (is_recorded(sim)) {
        recording_begin(&host->recording);
        config.recorder = &host->recording.recorder;
    }
    draw_tcp(sim, &config.tcp);
    if (sim->seed % 4 == 0) /* short of memory */
        config.tcp.memory_limit = (size_t)40960 << sim->seed / 4 % 5;
    if (opens_fast(sim))
        config.tcp.fast_open = TCP_FAST_OPEN_CLIENT | TCP_FAST_OPEN_SERVER |
                               TCP_FAST_OPEN_CLIENT_NO_COOKIE |
                               TCP_FAST_OPEN_SERVER_NO_COOKIE |
                               TCP_FAST_OPEN_ALL_LISTENERS;
    check_zero(sim, "stack_create",
               stack_create(&config, sim->now, &host->stack));
    int index = stack_iface_add(host->stack, sim->now, &iface);
    host->iface = (unsigned)index;
    check_zero(sim, "stack_addr_add",
               stack_addr_add(host->stack, sim->now, host->iface, &prefix));

    local.addr = host->addr;
    check_zero(sim, "socket",
               stack_socket(host->stack, sim->now, AF_INET, SOCK_STREAM, 0,
                            &host->listener));
    check_zero(sim, "bind",
               stack_bind(host->stack, sim->now, host->listener, &local));
    check_zero(
        sim, "listen",
        stack_listen(host->stack, sim->now, host->listener, CONNECTIONS_MAX));
    host->idle_memory = host->memory.used;
}

/* ARP has no checksum, so on Ethernet bits do not flip. */
static void create_network(struct sim *sim)
{
    static const unsigned mtus[] = {1500, 1500, 1500, 1400, 576, 9000};
    bool ethernet = one_in(sim, 4);
    struct faults faults = draw_faults(sim, !ethernet);
    struct wire_config config = {
        .type = ethernet ? NETDEV_ETHERNET : NETDEV_IP,
        .mtu = mtus[draw(sim, 0, ARRAY_LENGTH(mtus) - 1)],
        .queue_bytes = draw_size(sim, 16, 20),
    };
    struct netdev *ends[HOSTS];

    memory_init(&sim->wire_memory, (size_t)256 << 20);
    check_zero(sim, "wire_create",
               wire_create(&sim->wire_memory, &config, ends));
    sim->faulty = faults_create(&sim->wire_memory, ends[0], &faults,
                                random_key(&sim->random));
    sim->hosts[0].dev = sim->faulty;
    sim->hosts[1].dev = ends[1];
}

static void open_connection(struct sim *sim, unsigned number)
{
    struct connection *connection = &sim->connections[number];
    bool turned = one_in(sim, 2);
    struct host *from = &sim->hosts[turned];
    struct endpoint remote = {.addr = sim->hosts[!turned].addr, .port = PORT};
    uint32_t least = number == 0 ? 100 * 1024 : 1;

    *connection = (struct connection){
        .number = number,
        .client = draw_end(sim, from),
        .server = draw_end(sim, &sim->hosts[!turned]),
    };
    connection->client.to_write = draw(sim, least, 200 * 1024);
    connection->server.to_write = draw(sim, least, 200 * 1024);
    connection->client.to_read = connection->server.to_write;
    connection->server.to_read = connection->client.to_write;

    check_zero(sim, "socket",
               stack_socket(from->stack, sim->now, AF_INET, SOCK_STREAM, 0,
                            &connection->client.id));
    int on = opens_fast(sim);
    check_zero(sim, "setsockopt",
               stack_set_option(from->stack, sim->now, connection->client.id,
                                IPPROTO_TCP, TCP_FASTOPEN_CONNECT,
                                bytes_of(&on, sizeof(on))));
    int status =
        stack_connect(from->stack, sim->now, connection->client.id, &remote);
    if (status != (on ? 0 : -EINPROGRESS))
        sim_fail(sim, "connect says %d", status);
    connection->client.exists = true;
}

/* After TIME-WAIT nothing of a connection is left. */
static void check_idle_memory(struct sim *sim)
{
    for (unsigned i = 0; i < HOSTS; i++) {
        const struct host *host = &sim->hosts[i];

        if (host->memory.used > host->idle_memory + MEMORY_SLACK)
            sim_fail(sim, "%zu bytes are held after TIME-WAIT, %zu before",
                     host->memory.used, host->idle_memory);
    }
}

static void destroy(struct sim *sim, struct totals *totals)
{
    const struct faults_counts *counts = faults_counts(sim->faulty);

    totals->lost += counts->lost;
    totals->duplicated += counts->duplicated;
    totals->reordered += counts->reordered;
    totals->corrupted += counts->corrupted;
    totals->marked += counts->marked;
    for (unsigned i = 0; i < sim->connection_count; i++)
        totals->bytes +=
            sim->connections[i].client.read + sim->connections[i].server.read;
    for (unsigned i = 0; i < HOSTS; i++) {
        struct host *host = &sim->hosts[i];

        totals->retransmitted += stack_tcp_stats(host->stack)->retrans_segs;
        totals->ecn_reductions += stack_tcp_stats(host->stack)->ecn_reductions;
        totals->opened_fast += stack_tcp_stats(host->stack)->fast_open_active;
        stack_destroy(host->stack);
        if (is_recorded(sim))
            recording_check(&host->recording);
        netdev_close(host->dev);
        if (host->memory.used != 0)
            sim_fail(sim, "%zu bytes leaked", host->memory.used);
    }
    if (sim->wire_memory.used != 0)
        sim_fail(sim, "%zu bytes leaked by the wire", sim->wire_memory.used);
}

/* Whether all went well; if not, says what. */
static bool run_seed(uint64_t seed, struct totals *totals)
{
    static struct sim sim;

    sim = (struct sim){.seed = seed, .now = USEC_PER_SEC};
    random_init(&sim.random, (struct hash_key){seed, 0});
    sim.hears_readiness = one_in(&sim, 2);
    create_network(&sim);
    create_host(&sim, &sim.hosts[0], 0xc0000201);
    create_host(&sim, &sim.hosts[1], 0xc0000202);
    sim.connection_count = one_in(&sim, 4) ? draw(&sim, 2, CONNECTIONS_MAX) : 1;
    for (unsigned i = 0; i < sim.connection_count; i++)
        open_connection(&sim, i);

    if (run_until(&sim, time_limit, true) && !all_is_done(&sim))
        fail_stalled(&sim, "not done");
    if (sim.why[0] == '\0' && run_until(&sim, sim.now + time_wait, false))
        check_idle_memory(&sim);
    destroy(&sim, totals);
    if (sim.why[0] != '\0')
        printf("seed %llu: %s\n", (unsigned long long)seed, sim.why);
    return sim.why[0] == '\0';
}

/* What never happened was not tested. */
static unsigned print_totals(const struct totals *totals)
{
    const struct {
        const char *name;
        uint64_t count;
    } rows[] = {
        {"lost", totals->lost},
        {"duplicated", totals->duplicated},
        {"reordered", totals->reordered},
        {"corrupted", totals->corrupted},
        {"marked", totals->marked},
        {"retransmitted", totals->retransmitted},
        {"echoed, and answered", totals->ecn_reductions},
        {"taken with their SYN", totals->opened_fast},
    };
    unsigned zeroes = 0;

    printf("%llu bytes delivered\n", (unsigned long long)totals->bytes);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        printf("%10llu segments %s\n", (unsigned long long)rows[i].count,
               rows[i].name);
        zeroes += rows[i].count == 0;
    }
    return zeroes;
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t last = argc > 2   ? strtoull(argv[2], NULL, 10)
                    : argc > 1 ? first
                               : SEEDS;
    struct totals totals = {0};
    unsigned failures = 0;
    uint64_t count = last - first + 1;

    for (uint64_t seed = first; seed <= last; seed++)
        failures += !run_seed(seed, &totals);
    unsigned zeroes = print_totals(&totals);
    if (zeroes > 0 && count >= 100) {
        printf("%u of the faults never happened\n", zeroes);
        failures++;
    }
    printf("%llu%%: Checks: %llu, Failures: %u, Errors: 0\n",
           (unsigned long long)(failures > count
                                    ? 0
                                    : 100 * (count - failures) / count),
           (unsigned long long)count, failures);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
