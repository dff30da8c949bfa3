/*
 * What CUBIC is for: two stacks, a path of 100 ms, one loss when the window
 * has grown to 1 MiB, and how long it takes until it is 1 MiB again. In virtual
 * time, by each algorithm; the ratio counts.
 */
#include "stack/stack.h"

#include "netdev/faults.h"
#include "netdev/wire.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

enum {
    HOSTS = 2,
    PORT = 7,
    SENDER = 0,
    RECEIVER = 1,
    WINDOW = 1 << 20,
    BUFFER = 8 << 20,
    CHUNK = 65536,
    FRAMES_BEFORE_LOSS = 150
};

static const usec one_way = 50 * USEC_PER_MSEC;
static const usec time_limit = 600 * USEC_PER_SEC;

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
    socket_id listener, receiver, sender;
    bool is_accepted;
    uint32_t cwnd; /* the sender's, as its trace tells */
    uint32_t ssthresh;
    uint32_t largest_cwnd;   /* before the loss */
    unsigned frames_to_loss; /* on the way to the receiver; 0: none is lost */
    uint64_t bytes;
};

static void hear(void *listener, const struct trace_event *event)
{
    struct path *path = listener;

    if (event->kind != TRACE_SEGMENT_OUT || event->cwnd == 0)
        return;
    if (event->ssthresh == UINT32_MAX) /* of the first slow start */
        path->largest_cwnd = event->cwnd;
    path->cwnd = event->cwnd;
    path->ssthresh = event->ssthresh;
}

static void create_host(struct path *path, unsigned index, struct netdev *dev,
                        const char *congestion)
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
    config.tcp.send_buffer = config.tcp.receive_buffer = BUFFER;
    snprintf(config.tcp.congestion, sizeof(config.tcp.congestion), "%s",
             congestion);
    if (index == SENDER)
        config.trace = (struct trace){.emit = hear, .listener = path};
    ck_assert_int_eq(stack_create(&config, path->now, &host->stack), 0);
    host->iface = (unsigned)stack_iface_add(host->stack, path->now, &iface);
    ck_assert_int_eq(
        stack_addr_add(host->stack, path->now, host->iface, &prefix), 0);
}

static void create_network(struct path *path, const char *congestion)
{
    struct wire_config wire = {
        .type = NETDEV_IP, .mtu = 1500, .queue_bytes = (size_t)256 << 20};
    struct faults faults = {.delay = one_way};
    struct netdev *ends[HOSTS];
    struct netdev *slow;

    memory_init(&path->wire_memory, SIZE_MAX);
    ck_assert_int_eq(wire_create(&path->wire_memory, &wire, ends), 0);
    slow = faults_create(&path->wire_memory, ends[0], &faults,
                         (struct hash_key){1, 1});
    ck_assert_ptr_nonnull(slow);
    create_host(path, SENDER, slow, congestion);
    create_host(path, RECEIVER, ends[1], congestion);
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

static void begin(struct path *path, const char *congestion)
{
    *path = (struct path){.now = USEC_PER_SEC};
    create_network(path, congestion);
    open_sockets(path);
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

static void take_frames(struct path *path, unsigned index)
{
    struct host *host = &path->hosts[index];
    struct frame frame;

    /* one at a time, as a path delivers them: answers are not coalesced */
    while (netdev_receive(host->dev, path->now, &frame) > 0) {
        if (index != RECEIVER || path->frames_to_loss == 0 ||
            --path->frames_to_loss > 0)
            stack_input(host->stack, path->now, host->iface, &frame);
        stack_flush(host->stack, path->now);
    }
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

static void step(struct path *path)
{
    usec next = USEC_NEVER;

    for (unsigned i = 0; i < HOSTS; i++) {
        take_frames(path, i);
        stack_run_timers(path->hosts[i].stack, path->now);
        if (i == SENDER)
            write_all(path);
        else
            read_all(path);
        stack_flush(path->hosts[i].stack, path->now);
    }
    for (unsigned i = 0; i < HOSTS; i++) {
        next = usec_min(next, stack_next_deadline(path->hosts[i].stack));
        next = usec_min(next, netdev_deadline(path->hosts[i].dev));
    }
    ck_assert_int_ne(next, USEC_NEVER);
    path->now = usec_max(next, path->now);
    ck_assert_int_lt(path->now, time_limit);
}

static void run_until_window(struct path *path, uint32_t window)
{
    while (path->cwnd < window)
        step(path);
}

/* From the loss on, with recovery. */
static usec time_to_come_back(const char *congestion)
{
    struct path path;
    usec lost;

    begin(&path, congestion);
    /* the ACKs of the frames before the lost one let it grow beyond WINDOW */
    run_until_window(&path, WINDOW / 4 * 3);
    path.frames_to_loss = FRAMES_BEFORE_LOSS;
    lost = path.now;
    while (path.ssthresh == UINT32_MAX)
        step(&path);
    ck_assert_uint_gt(path.largest_cwnd, WINDOW);
    ck_assert_uint_lt(path.ssthresh, WINDOW);
    while (path.cwnd >= WINDOW) /* recovery has a window of its own */
        step(&path);
    path.cwnd = 0;
    run_until_window(&path, WINDOW);
    lost = path.now - lost;
    printf("%s: %.1f s after a loss the window is 1 MiB again\n", congestion,
           (double)lost / 1e6);
    end(&path);
    return lost;
}

START_TEST(on_a_long_path_cubic_comes_back_much_sooner_than_reno)
{
    ck_assert_int_gt(time_to_come_back("reno"), 3 * time_to_come_back("cubic"));
}
END_TEST

UNIT_MAIN("cubic", on_a_long_path_cubic_comes_back_much_sooner_than_reno)
