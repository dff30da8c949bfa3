/*
 * What BBR is for: two stacks and a bottleneck between them, in virtual time.
 * It fills the bottleneck, with losses by chance too, keeps the queue before it
 * short, and shares it. Where the path has nothing to measure it goes on all
 * the same.
 */
#include "stack/stack.h"

#include "netdev/faults.h"
#include "netdev/wire.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum {
    HOSTS = 2,
    PORT = 7,
    SENDER = 0,
    RECEIVER = 1,
    FLOWS_MAX = 2,
    CHUNK = 65536,
    SAMPLE_MS = 20
};

struct host {
    struct memory memory;
    struct stack *stack;
    struct netdev *dev;
    struct ip_addr addr;
    unsigned iface;
};

struct flow {
    const char *congestion;
    usec start;
    bool is_open, is_accepted;
    socket_id sender;
    socket_id receiver;
    uint64_t bytes;
    double rtt_sum, rtt_least; /* milliseconds, of `rtts` samples */
    unsigned rtts;
};

/* What the test says of the network; zero is the usual of each. */
struct path_options {
    const char *faults; /* NULL: a wire without any, and no delay */
    unsigned mtu;       /* 1500 */
    bool no_sack;
    bool gso;        /* the device cuts super-segments */
    uint64_t writes; /* each flow writes no more than so much */
    unsigned seed;
};

struct path {
    usec now;
    struct path_options options;
    struct memory wire_memory;
    struct host hosts[HOSTS];
    socket_id listener;
    struct flow flows[FLOWS_MAX];
    unsigned flow_count, accepted_count;
    usec next_sample;
};

static void create_host(struct path *path, unsigned index, struct netdev *dev)
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
    config.seed = (struct hash_key){1 + path->options.seed, index};
    config.tcp.sack = !path->options.no_sack;
    ck_assert_int_eq(stack_create(&config, path->now, &host->stack), 0);
    host->iface = (unsigned)stack_iface_add(host->stack, path->now, &iface);
    ck_assert_int_eq(
        stack_addr_add(host->stack, path->now, host->iface, &prefix), 0);
}

static struct netdev *with_faults(struct path *path, struct netdev *dev)
{
    struct faults faults;
    char why[FAULTS_WHY_MAX];
    struct netdev *faulty;

    if (path->options.faults == NULL)
        return dev;
    ck_assert_int_eq(faults_parse(path->options.faults, &faults, why), 0);
    faulty = faults_create(&path->wire_memory, dev, &faults,
                           (struct hash_key){1 + path->options.seed, 1});
    ck_assert_ptr_nonnull(faulty);
    return faulty;
}

static void create_network(struct path *path)
{
    struct wire_config wire = {
        .type = NETDEV_IP,
        .mtu = path->options.mtu != 0 ? path->options.mtu : 1500,
        .queue_bytes = (size_t)64 << 20,
    };
    struct netdev *ends[HOSTS];

    memory_init(&path->wire_memory, SIZE_MAX);
    ck_assert_int_eq(wire_create(&path->wire_memory, &wire, ends), 0);
    if (path->options.gso) {
        ends[SENDER]->max_gso = UINT16_MAX;
        ends[SENDER]->fills_checksum = true;
    }
    create_host(path, SENDER, with_faults(path, ends[SENDER]));
    create_host(path, RECEIVER, ends[RECEIVER]);
}

static void listen_to_all(struct path *path)
{
    struct host *receiver = &path->hosts[RECEIVER];
    struct endpoint local = {.addr = receiver->addr, .port = PORT};

    ck_assert_int_eq(stack_socket(receiver->stack, path->now, AF_INET,
                                  SOCK_STREAM, 0, &path->listener),
                     0);
    ck_assert_int_eq(
        stack_bind(receiver->stack, path->now, path->listener, &local), 0);
    ck_assert_int_eq(
        stack_listen(receiver->stack, path->now, path->listener, FLOWS_MAX), 0);
}

static void begin(struct path *path, const struct path_options *options)
{
    *path = (struct path){.now = USEC_PER_SEC, .options = *options};
    create_network(path);
    listen_to_all(path);
}

/* A flow that begins so many seconds after the beginning. */
static void add_flow(struct path *path, const char *congestion, double start)
{
    path->flows[path->flow_count++] = (struct flow){
        .congestion = congestion,
        .start = USEC_PER_SEC + (usec)(start * 1e6),
    };
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

/* ---- The programs -------------------------------------------------------- */

static void open_flow(struct path *path, struct flow *flow)
{
    struct stack *stack = path->hosts[SENDER].stack;
    struct endpoint to = {.addr = path->hosts[RECEIVER].addr, .port = PORT};
    struct bytes name = {(const uint8_t *)flow->congestion,
                         strlen(flow->congestion)};

    ck_assert_int_eq(
        stack_socket(stack, path->now, AF_INET, SOCK_STREAM, 0, &flow->sender),
        0);
    ck_assert_int_eq(stack_set_option(stack, path->now, flow->sender,
                                      IPPROTO_TCP, TCP_CONGESTION, name),
                     0);
    ck_assert_int_eq(stack_connect(stack, path->now, flow->sender, &to),
                     -EINPROGRESS);
    flow->is_open = true;
}

static void write_all(struct path *path, struct flow *flow)
{
    static uint8_t bytes[CHUNK];
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct socket_message message = {.iov = &iov, .iov_count = 1};
    uint64_t *writes = &path->options.writes;
    ssize_t count;

    for (;;) {
        if (*writes != 0 && *writes <= CHUNK)
            return; /* all of it is written */
        count = stack_send(path->hosts[SENDER].stack, path->now, flow->sender,
                           &message);
        if (count <= 0)
            return;
        *writes -= *writes != 0 ? (uint64_t)count : 0;
    }
}

static void run_senders(struct path *path)
{
    for (unsigned i = 0; i < path->flow_count; i++) {
        struct flow *flow = &path->flows[i];

        if (!flow->is_open && path->now >= flow->start)
            open_flow(path, flow);
        if (flow->is_open)
            write_all(path, flow);
    }
}

static void read_all(struct path *path, struct flow *flow)
{
    static uint8_t bytes[CHUNK];
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct socket_message message = {.iov = &iov, .iov_count = 1};
    ssize_t count;

    while ((count = stack_receive(path->hosts[RECEIVER].stack, path->now,
                                  flow->receiver, &message)) > 0)
        flow->bytes += (uint64_t)count;
}

static void run_receivers(struct path *path)
{
    struct flow *next = &path->flows[path->accepted_count];

    if (path->accepted_count < path->flow_count &&
        stack_accept(path->hosts[RECEIVER].stack, path->now, path->listener,
                     &next->receiver, NULL) == 0) {
        next->is_accepted = true;
        path->accepted_count++;
    }
    for (unsigned i = 0; i < path->accepted_count; i++)
        read_all(path, &path->flows[i]);
}

/* ---- Time ---------------------------------------------------------------- */

static void take_frames(struct path *path, unsigned index)
{
    struct host *host = &path->hosts[index];
    struct frame frame;

    /* one at a time, as a path delivers them: answers are not coalesced */
    while (netdev_receive(host->dev, path->now, &frame) > 0) {
        stack_input(host->stack, path->now, host->iface, &frame);
        stack_flush(host->stack, path->now);
    }
}

static void sample(struct path *path, struct flow *flow)
{
    struct tcp_info info;
    size_t len = sizeof(info);
    double rtt;

    if (!flow->is_accepted)
        return;
    ck_assert_int_eq(stack_get_option(path->hosts[SENDER].stack, path->now,
                                      flow->sender, IPPROTO_TCP, TCP_INFO,
                                      &info, &len),
                     0);
    rtt = info.tcpi_rtt / 1000.0;
    flow->rtt_sum += rtt;
    if (flow->rtts++ == 0 || rtt < flow->rtt_least)
        flow->rtt_least = rtt;
}

static void sample_all(struct path *path)
{
    if (path->now < path->next_sample)
        return;
    path->next_sample = path->now + SAMPLE_MS * USEC_PER_MSEC;
    for (unsigned i = 0; i < path->flow_count; i++)
        sample(path, &path->flows[i]);
}

static usec next_event(const struct path *path)
{
    usec next = path->next_sample;

    for (unsigned i = 0; i < HOSTS; i++) {
        next = usec_min(next, stack_next_deadline(path->hosts[i].stack));
        next = usec_min(next, netdev_deadline(path->hosts[i].dev));
    }
    return usec_max(next, path->now);
}

static void step(struct path *path)
{
    for (unsigned i = 0; i < HOSTS; i++) {
        take_frames(path, i);
        stack_run_timers(path->hosts[i].stack, path->now);
        if (i == SENDER)
            run_senders(path);
        else
            run_receivers(path);
        stack_flush(path->hosts[i].stack, path->now);
    }
    sample_all(path);
    path->now = next_event(path);
}

/* The flows' counts begin anew after `from` seconds and end after `to`. */
static void run(struct path *path, double from, double to)
{
    while (path->now < USEC_PER_SEC + (usec)(from * 1e6))
        step(path);
    for (unsigned i = 0; i < path->flow_count; i++) {
        path->flows[i].bytes = 0;
        path->flows[i].rtts = 0;
        path->flows[i].rtt_sum = 0;
    }
    while (path->now < USEC_PER_SEC + (usec)(to * 1e6))
        step(path);
}

/* ---- One flow ------------------------------------------------------------ */

struct outcome {
    double rate; /* Mbit/s */
    double rtt;  /* milliseconds, the mean */
};

static struct outcome measure(const char *congestion,
                              const struct path_options *options, double from,
                              double to)
{
    struct outcome outcome;
    struct path path;

    begin(&path, options);
    add_flow(&path, congestion, 0);
    run(&path, from, to);
    outcome.rate = (double)path.flows[0].bytes * 8e-6 / (to - from);
    outcome.rtt = path.flows[0].rtt_sum / path.flows[0].rtts;
    end(&path);
    return outcome;
}

static struct outcome over(const char *congestion, const char *faults,
                           double from, double to)
{
    struct path_options options = {.faults = faults};

    return measure(congestion, &options, from, to);
}

/* Eight BDPs of buffer before the bottleneck, 180 ms of waiting. */
START_TEST(the_queue_stays_short_where_cubic_fills_it)
{
    const char *deep = "rate=10Mbit,delay=10ms,queue=200kB";

    ck_assert_double_lt(over("bbr", deep, 3, 20).rtt, 30);
    ck_assert_double_gt(over("cubic", deep, 3, 20).rtt, 100);
}
END_TEST

START_TEST(the_path_is_full)
{
    ck_assert_double_gt(
        over("bbr", "rate=10Mbit,delay=10ms,queue=25kB", 1, 12).rate, 9);
    ck_assert_double_gt(
        over("bbr", "rate=10Mbit,delay=50ms,queue=125kB", 2, 14).rate, 9);
    ck_assert_double_gt(
        over("bbr", "rate=100Mbit,delay=10ms,queue=250kB", 1, 8).rate, 90);
    ck_assert_double_gt(
        over("bbr", "rate=100Mbit,delay=50ms,queue=1250kB", 2, 12).rate, 88);
}
END_TEST

START_TEST(a_quarter_of_a_bdp_is_buffer_enough)
{
    ck_assert_double_gt(
        over("bbr", "rate=10Mbit,delay=50ms,queue=31kB", 2, 14).rate, 9);
    ck_assert_double_gt(
        over("bbr", "rate=100Mbit,delay=10ms,queue=62kB", 1, 8).rate, 90);
}
END_TEST

/* Both ways: ACKs too. */
START_TEST(losses_by_chance_do_not_slow_it_down)
{
    const char *lossy = "rate=100Mbit,delay=10ms,queue=125kB,loss=1%";

    ck_assert_double_gt(over("bbr", lossy, 1, 11).rate, 88);
    ck_assert_double_lt(over("cubic", lossy, 1, 11).rate, 30);
    ck_assert_double_gt(
        over("bbr", "rate=10Mbit,delay=50ms,queue=60kB,loss=1%", 2, 22).rate,
        8.8);
}
END_TEST

START_TEST(nor_do_losses_in_bursts)
{
    ck_assert_double_gt(
        over("bbr", "rate=100Mbit,delay=10ms,queue=125kB,burst-loss=1%/3", 1,
             11)
            .rate,
        80);
}
END_TEST

/* On a device that cuts super-segments quanta are of a millisecond. */
START_TEST(super_segments_do_no_harm)
{
    struct path_options options = {
        .faults = "rate=100Mbit,delay=10ms,queue=62kB",
        .gso = true,
    };

    ck_assert_double_gt(measure("bbr", &options, 1, 8).rate, 90);
    options.faults = "rate=10Mbit,delay=10ms,queue=12kB";
    ck_assert_double_gt(measure("bbr", &options, 1, 8).rate, 8.8);
}
END_TEST

/* 4.1.3.5.1: with less to measure by, but it goes on. */
START_TEST(without_sack_it_goes_on)
{
    struct path_options options = {
        .faults = "rate=10Mbit,delay=10ms,queue=25kB,loss=0.1%",
        .no_sack = true,
    };

    ck_assert_double_gt(measure("bbr", &options, 1, 16).rate, 5);
}
END_TEST

START_TEST(a_small_mtu_is_no_obstacle)
{
    struct path_options options = {
        .faults = "rate=10Mbit,delay=10ms,queue=25kB",
        .mtu = 296,
    };

    ck_assert_double_gt(measure("bbr", &options, 1, 8).rate, 7.5);
}
END_TEST

/* A BDP of less than a segment, and of a thousandth of one: A.14. */
START_TEST(a_path_shorter_than_a_segment_is_full_too)
{
    ck_assert_double_gt(
        over("bbr", "rate=1Mbit,delay=1ms,queue=15kB", 1, 20).rate, 0.85);
    ck_assert_double_gt(
        over("bbr", "rate=64kbit,delay=100us,queue=15kB", 5, 60).rate, 0.05);
}
END_TEST

/* Nothing to measure at all: no time passes between sending and ACK. */
START_TEST(a_path_without_length_takes_all)
{
    struct path_options options = {.writes = 64 << 20};
    struct path path;
    unsigned steps = 0;

    begin(&path, &options);
    add_flow(&path, "bbr", 0);
    while (path.flows[0].bytes < options.writes - CHUNK) {
        step(&path);
        ck_assert_uint_lt(steps++, 1000000);
    }
    ck_assert_int_lt(path.now, 4 * USEC_PER_SEC);
    end(&path);
}
END_TEST

/* ---- Two of them --------------------------------------------------------- */

/* The share of the first, in percent, and what both have together. */
static double share(const char *first, const char *second, const char *faults,
                    double from, double to)
{
    struct path_options options = {.faults = faults};
    double total, part;
    struct path path;

    begin(&path, &options);
    add_flow(&path, first, 0);
    add_flow(&path, second, 2);
    run(&path, from, to);
    part = (double)path.flows[0].bytes;
    total = part + (double)path.flows[1].bytes;
    end(&path);
    return part * 100 / total;
}

START_TEST(two_of_them_share)
{
    static const char *const paths[] = {
        "rate=20Mbit,delay=10ms,queue=50kB",
        "rate=20Mbit,delay=10ms,queue=200kB",
        "rate=20Mbit,delay=10ms,queue=12kB",
    };

    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        double first = share("bbr", "bbr", paths[i], 15, 45);

        ck_assert_double_gt(first, 30);
        ck_assert_double_lt(first, 70);
    }
}
END_TEST

/* Losses by chance make nobody slower, so they share less evenly. */
START_TEST(with_losses_neither_is_driven_out)
{
    double first = share(
        "bbr", "bbr", "rate=50Mbit,delay=25ms,queue=300kB,loss=0.5%", 15, 45);

    ck_assert_double_gt(first, 20);
    ck_assert_double_lt(first, 80);
}
END_TEST

/* 5.3.3.8: it leaves room for others, and is not driven out by them. */
START_TEST(it_lives_beside_cubic)
{
    static const char *const paths[] = {
        "rate=20Mbit,delay=10ms,queue=50kB",
        "rate=20Mbit,delay=10ms,queue=100kB",
    };

    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        double first = share("cubic", "bbr", paths[i], 15, 45);

        ck_assert_double_gt(first, 15);
        ck_assert_double_lt(first, 85);
    }
}
END_TEST

UNIT_MAIN("bbr", the_queue_stays_short_where_cubic_fills_it, the_path_is_full,
          a_quarter_of_a_bdp_is_buffer_enough,
          losses_by_chance_do_not_slow_it_down, nor_do_losses_in_bursts,
          super_segments_do_no_harm, without_sack_it_goes_on,
          a_small_mtu_is_no_obstacle, a_path_shorter_than_a_segment_is_full_too,
          a_path_without_length_takes_all, two_of_them_share,
          with_losses_neither_is_driven_out, it_lives_beside_cubic)
