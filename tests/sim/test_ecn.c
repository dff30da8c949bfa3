/*
 * What ECN is for: two stacks, a bottleneck that marks instead of waiting for
 * its queue to overflow. In virtual time: as much gets through, the queue is
 * short, and nothing is ever lost or sent again.
 */
#include "stack/stack.h"

#include "netdev/faults.h"
#include "netdev/wire.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

enum {
    SENDER = 0,
    RECEIVER = 1,
    HOSTS = 2,
    PORT = 7,
    CHUNK = 65536,
    RATE = 20000000, /* bit/s */
    QUEUE = 400000,
    MARK = 50000,
    HEADERS = 20 + 20 + 12, /* IP, TCP, timestamps */
    MTU = 1500
};

static const usec one_way = 20 * USEC_PER_MSEC;
static const usec begin_of_measurement = 5 * USEC_PER_SEC;
static const usec end_of_measurement = 35 * USEC_PER_SEC;

struct host {
    struct memory memory;
    struct stack *stack;
    struct netdev *dev;
    struct ip_addr addr;
    unsigned iface;
};

struct path {
    usec now;
    struct memory wire_memory;
    struct host hosts[HOSTS];
    struct netdev *bottleneck;
    socket_id listener, receiver, sender;
    bool is_accepted;
    uint64_t bytes; /* read by the receiver */
};

struct setting {
    const char *congestion;
    enum tcp_ecn ecn; /* of the sender */
    bool abe;
};

/* What is asked of a run. */
struct result {
    uint64_t marked;
    uint64_t dropped;
    uint64_t retransmitted;
    uint64_t reductions;
    double utilization; /* of the link, in the time of the measurement */
    double queue_ms;    /* how long it is on average */
    double queue_ms_max;
};

static void create_host(struct path *path, unsigned index, struct netdev *dev,
                        const struct setting *setting)
{
    struct host *host = &path->hosts[index];
    struct stack_config config = stack_config_default();
    struct iface_config iface = {.name = "sim0", .dev = dev};
    struct ip_prefix prefix = {ip_addr_v4(0xc0000201 + index),
                               IPV4_PREFIX_OFFSET + 24};

    memory_init(&host->memory, SIZE_MAX);
    host->dev = dev;
    host->addr = prefix.addr;
    config.memory = &host->memory;
    config.seed = (struct hash_key){1, index};
    config.tcp.abe = setting->abe;
    snprintf(config.tcp.congestion, sizeof(config.tcp.congestion), "%s",
             setting->congestion);
    if (index == SENDER) /* the other answers, by default */
        config.tcp.ecn = setting->ecn;
    ck_assert_int_eq(stack_create(&config, path->now, &host->stack), 0);
    host->iface = (unsigned)stack_iface_add(host->stack, path->now, &iface);
    ck_assert_int_eq(
        stack_addr_add(host->stack, path->now, host->iface, &prefix), 0);
}

static void create_network(struct path *path, const struct setting *setting)
{
    struct wire_config wire = {
        .type = NETDEV_IP, .mtu = MTU, .queue_bytes = (size_t)16 << 20};
    struct faults faults = {
        .rate = RATE, .queue = QUEUE, .mark = MARK, .delay = one_way};
    struct netdev *ends[HOSTS];

    memory_init(&path->wire_memory, SIZE_MAX);
    ck_assert_int_eq(wire_create(&path->wire_memory, &wire, ends), 0);
    path->bottleneck = faults_create(&path->wire_memory, ends[0], &faults,
                                     (struct hash_key){1, 1});
    ck_assert_ptr_nonnull(path->bottleneck);
    create_host(path, SENDER, path->bottleneck, setting);
    create_host(path, RECEIVER, ends[1], setting);
}

static void open_sockets(struct path *path)
{
    struct host *sender = &path->hosts[SENDER];
    struct host *receiver = &path->hosts[RECEIVER];
    struct endpoint local = {.addr = receiver->addr, .port = PORT};

    ck_assert_int_eq(stack_socket(receiver->stack, path->now, AF_INET,
                                  SOCK_STREAM, 0, &path->listener),
                     0);
    ck_assert_int_eq(
        stack_bind(receiver->stack, path->now, path->listener, &local), 0);
    ck_assert_int_eq(
        stack_listen(receiver->stack, path->now, path->listener, 1), 0);
    ck_assert_int_eq(stack_socket(sender->stack, path->now, AF_INET,
                                  SOCK_STREAM, 0, &path->sender),
                     0);
    ck_assert_int_eq(
        stack_connect(sender->stack, path->now, path->sender, &local),
        -EINPROGRESS);
}

static void end(struct path *path)
{
    for (unsigned i = 0; i < HOSTS; i++) {
        stack_destroy(path->hosts[i].stack);
        netdev_close(path->hosts[i].dev);
        ck_assert_uint_eq(path->hosts[i].memory.used, 0);
    }
    ck_assert_uint_eq(path->wire_memory.used, 0);
}

static void write_all(struct path *path)
{
    static uint8_t bytes[CHUNK];
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct socket_message message = {.iov = &iov, .iov_count = 1};

    while (stack_send(path->hosts[SENDER].stack, path->now, path->sender,
                      &message) > 0)
        ;
}

static void read_all(struct path *path)
{
    static uint8_t bytes[CHUNK];
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct socket_message message = {.iov = &iov, .iov_count = 1};
    struct stack *stack = path->hosts[RECEIVER].stack;
    ssize_t count;

    if (!path->is_accepted)
        path->is_accepted = stack_accept(stack, path->now, path->listener,
                                         &path->receiver, NULL) == 0;
    if (!path->is_accepted)
        return;
    while ((count = stack_receive(stack, path->now, path->receiver, &message)) >
           0)
        path->bytes += (uint64_t)count;
}

/* A pass of each host, then the time of what comes next. */
static void step(struct path *path)
{
    usec next = USEC_NEVER;

    for (unsigned i = 0; i < HOSTS; i++) {
        struct host *host = &path->hosts[i];
        struct frame frame;

        while (netdev_receive(host->dev, path->now, &frame) > 0)
            stack_input(host->stack, path->now, host->iface, &frame);
        stack_run_timers(host->stack, path->now);
        if (i == SENDER)
            write_all(path);
        else
            read_all(path);
        stack_flush(host->stack, path->now);
    }
    for (unsigned i = 0; i < HOSTS; i++) {
        next = usec_min(next, stack_next_deadline(path->hosts[i].stack));
        next = usec_min(next, netdev_deadline(path->hosts[i].dev));
    }
    ck_assert_int_ne(next, USEC_NEVER);
    path->now = usec_max(next, path->now);
}

/* What the round trip takes beyond the two ways is time in the queue. */
static double queue_ms(const struct path *path)
{
    struct tcp_info info;
    size_t len = sizeof(info);

    ck_assert_int_eq(stack_get_option(path->hosts[SENDER].stack, path->now,
                                      path->sender, IPPROTO_TCP, TCP_INFO,
                                      &info, &len),
                     0);
    return (info.tcpi_rtt - 2 * (double)one_way) / 1000;
}

static void measure(struct path *path, struct result *result)
{
    double seconds = (double)(end_of_measurement - begin_of_measurement) / 1e6;
    double sum = 0;
    uint64_t before;
    unsigned samples = 0;

    while (path->now < begin_of_measurement)
        step(path);
    for (before = path->bytes; path->now < end_of_measurement; samples++) {
        double queue = queue_ms(path);

        sum += queue;
        if (result->queue_ms_max < queue)
            result->queue_ms_max = queue;
        step(path);
    }
    result->queue_ms = sum / samples;
    result->utilization = (double)(path->bytes - before) * 8 / seconds / RATE *
                          MTU / (MTU - HEADERS);
}

static struct result run(struct setting setting)
{
    struct path path = {.now = USEC_PER_SEC};
    struct result result = {.marked = 0};
    const struct tcp_stats *stats;

    create_network(&path, &setting);
    open_sockets(&path);
    measure(&path, &result);
    stats = stack_tcp_stats(path.hosts[SENDER].stack);
    result.marked = faults_counts(path.bottleneck)->marked;
    result.dropped = faults_counts(path.bottleneck)->queue_full;
    result.retransmitted = stats->retrans_segs;
    result.reductions = stats->ecn_reductions;
    printf("%s%s%s: %.1f %% of the link, queue %.1f ms (at most %.1f), "
           "%llu marked, %llu dropped, %llu sent again\n",
           setting.congestion, setting.ecn == TCP_ECN_OFF ? "" : ", ECN",
           setting.abe ? ", ABE" : "", result.utilization * 100,
           result.queue_ms, result.queue_ms_max,
           (unsigned long long)result.marked,
           (unsigned long long)result.dropped,
           (unsigned long long)result.retransmitted);
    end(&path);
    return result;
}

#define RUN(...) run((struct setting){__VA_ARGS__})

/* The mark's 50 kB are 20 ms, the queue's 400 kB 160 ms. */
static void expect_no_loss_and_a_short_queue(const struct result *result)
{
    ck_assert_uint_eq(result->dropped, 0);
    ck_assert_uint_eq(result->retransmitted, 0);
    ck_assert_uint_gt(result->reductions, 5);
    ck_assert_uint_ge(result->marked, result->reductions);
    ck_assert_double_lt(result->queue_ms_max, 30);
}

START_TEST(cubic_fills_the_link_and_not_the_queue)
{
    struct result with = RUN(.congestion = "cubic", .ecn = TCP_ECN_ASK);
    struct result without = RUN(.congestion = "cubic", .ecn = TCP_ECN_OFF);

    expect_no_loss_and_a_short_queue(&with);
    ck_assert_double_gt(with.utilization, 0.99);
    ck_assert_double_gt(without.queue_ms, 3 * with.queue_ms);
    ck_assert_uint_gt(without.retransmitted, 0);
    ck_assert_uint_eq(without.marked, 0);
}
END_TEST

/* Half of the window is less than the path holds, where the queue at which it
 * is taken away is so short: what RFC 8511 1 is about. */
START_TEST(reno_fills_it_with_abe)
{
    struct result plain = RUN(.congestion = "reno", .ecn = TCP_ECN_ASK);
    struct result abe =
        RUN(.congestion = "reno", .ecn = TCP_ECN_ASK, .abe = true);

    expect_no_loss_and_a_short_queue(&plain);
    expect_no_loss_and_a_short_queue(&abe);
    ck_assert_double_gt(plain.utilization, 0.9);
    ck_assert_double_gt(abe.utilization, 0.99);
    ck_assert_double_gt(abe.utilization, plain.utilization + 0.02);
}
END_TEST

/* Which keeps the queue below the mark by itself, but for its probes. */
START_TEST(bbr_fills_it_too)
{
    struct result result = RUN(.congestion = "bbr", .ecn = TCP_ECN_ASK);

    ck_assert_uint_eq(result.dropped, 0);
    ck_assert_uint_eq(result.retransmitted, 0);
    ck_assert_double_gt(result.utilization, 0.9);
    ck_assert_double_lt(result.queue_ms, 10);
}
END_TEST

UNIT_MAIN("ecn", cubic_fills_the_link_and_not_the_queue, reno_fills_it_with_abe,
          bbr_fills_it_too)
