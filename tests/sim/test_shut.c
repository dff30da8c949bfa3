/*
 * Two whole stacks whose programs both write and do not read, until both
 * windows are shut (RFC 9293 3.8.6.1). Then one of them reads: the other has
 * to hear of it, though all that the first says must pass a shut window.
 */
#include "stack/stack.h"

#include "netdev/faults.h"
#include "netdev/wire.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <sys/socket.h>

enum {
    ENDS = 2,
    PORT = 7,
    TEXT = 4 << 20,          /* four times the window */
    STEPS_MAX = 1000 * 1000, /* more is a hang */
};

static const uint32_t addrs[ENDS] = {0xc0000201, 0xc0000202};

struct end {
    struct stack *stack;
    struct netdev *dev;
    unsigned iface;
    socket_id id;
};

struct shut {
    struct memory memory;
    struct end ends[ENDS]; /* the first one connects */
    socket_id listener;
    usec now;
};

static void create_end(struct shut *shut, unsigned which, struct netdev *dev)
{
    struct stack_config config = stack_config_default();
    struct iface_config iface = {.name = "sim0", .dev = dev};
    struct ip_prefix addr = {ip_addr_v4(addrs[which]), IPV4_PREFIX_OFFSET + 24};
    struct end *end = &shut->ends[which];

    config.memory = &shut->memory;
    config.seed = (struct hash_key){which, 1};
    config.tcp.send_buffer = TEXT;
    ck_assert_int_eq(stack_create(&config, shut->now, &end->stack), 0);
    int index = stack_iface_add(end->stack, shut->now, &iface);
    ck_assert_int_gt(index, 0);
    end->iface = (unsigned)index;
    end->dev = dev;
    ck_assert_int_eq(stack_addr_add(end->stack, shut->now, end->iface, &addr),
                     0);
}

static void step(struct shut *shut)
{
    for (unsigned i = 0; i < ENDS; i++) {
        struct end *end = &shut->ends[i];
        struct frame frame;

        while (netdev_receive(end->dev, shut->now, &frame) > 0)
            stack_input(end->stack, shut->now, end->iface, &frame);
        stack_run_timers(end->stack, shut->now);
        stack_flush(end->stack, shut->now);
    }
}

static usec next_time(const struct shut *shut)
{
    usec next = USEC_NEVER;

    for (unsigned i = 0; i < ENDS; i++) {
        next = usec_min(next, stack_next_deadline(shut->ends[i].stack));
        next = usec_min(next, netdev_deadline(shut->ends[i].dev));
    }
    return next;
}

static void run_for(struct shut *shut, usec time)
{
    usec until = shut->now + time;

    for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
        step(shut);
        if (next_time(shut) > until) {
            shut->now = until;
            return;
        }
        shut->now = usec_max(shut->now, next_time(shut));
    }
    ck_abort_msg("time stands still");
}

static socket_id open_socket(struct shut *shut, unsigned which)
{
    socket_id id;

    ck_assert_int_eq(stack_socket(shut->ends[which].stack, shut->now, AF_INET,
                                  SOCK_STREAM, 0, &id),
                     0);
    return id;
}

static void connect_ends(struct shut *shut)
{
    struct end *client = &shut->ends[0];
    struct end *server = &shut->ends[1];
    struct endpoint at = {.addr = ip_addr_v4(addrs[1]), .port = PORT};

    shut->listener = open_socket(shut, 1);
    ck_assert_int_eq(stack_bind(server->stack, shut->now, shut->listener, &at),
                     0);
    ck_assert_int_eq(stack_listen(server->stack, shut->now, shut->listener, 1),
                     0);
    client->id = open_socket(shut, 0);
    ck_assert_int_eq(stack_connect(client->stack, shut->now, client->id, &at),
                     -EINPROGRESS);
    run_for(shut, 100 * USEC_PER_MSEC);
    ck_assert_int_eq(stack_accept(server->stack, shut->now, shut->listener,
                                  &server->id, NULL),
                     0);
}

/* Connected, 5 ms from each other. */
static void shut_open(struct shut *shut)
{
    struct wire_config wire = {
        .type = NETDEV_IP, .mtu = 1500, .queue_bytes = 16 << 20};
    struct faults distance = {.delay = 5 * USEC_PER_MSEC};
    struct netdev *devs[ENDS];

    *shut = (struct shut){.now = USEC_PER_SEC};
    memory_init(&shut->memory, (size_t)256 << 20);
    ck_assert_int_eq(wire_create(&shut->memory, &wire, devs), 0);
    devs[1] = faults_create(&shut->memory, devs[1], &distance,
                            (struct hash_key){1, 1});
    ck_assert_ptr_nonnull(devs[1]);
    for (unsigned i = 0; i < ENDS; i++)
        create_end(shut, i, devs[i]);
    connect_ends(shut);
}

static void shut_close(struct shut *shut)
{
    for (unsigned i = 0; i < ENDS; i++) {
        stack_destroy(shut->ends[i].stack);
        netdev_close(shut->ends[i].dev);
    }
    ck_assert_uint_eq(shut->memory.used, 0);
}

static void write_all(struct shut *shut, const struct end *end)
{
    static uint8_t bytes[TEXT];
    struct iovec iov = {.iov_base = bytes, .iov_len = TEXT};
    struct socket_message message = {.iov = &iov, .iov_count = 1};

    ck_assert_int_eq(stack_send(end->stack, shut->now, end->id, &message),
                     TEXT);
}

/* All that is there; how many bytes that were. */
static ssize_t read_some(struct shut *shut, const struct end *end)
{
    static uint8_t bytes[TEXT];
    struct iovec iov = {.iov_base = bytes, .iov_len = TEXT};
    struct socket_message message = {.iov = &iov, .iov_count = 1};
    ssize_t count = stack_receive(end->stack, shut->now, end->id, &message);

    ck_assert(count > 0 || count == -EAGAIN);
    return count > 0 ? count : 0;
}

/* How long it takes until all has come that the other end has written. */
static usec read_all(struct shut *shut, const struct end *end)
{
    usec start = shut->now;
    ssize_t count = 0;

    while (count < TEXT && shut->now - start < 600 * USEC_PER_SEC) {
        count += read_some(shut, end);
        run_for(shut, 10 * USEC_PER_MSEC);
    }
    ck_assert_int_eq(count, TEXT);
    return shut->now - start;
}

/*
 * Each has probed the other's window by an octet that was not taken. An ACK
 * with SEG.SEQ = SND.NXT would then be dropped by the other (RFC 9293
 * 3.10.7.4, first step), and the window that it tells with it.
 */
static void both_write_and_one_reads(unsigned reader)
{
    struct shut shut;
    shut_open(&shut);

    for (unsigned i = 0; i < ENDS; i++)
        write_all(&shut, &shut.ends[i]);
    run_for(&shut, 3 * USEC_PER_SEC);
    ck_assert_int_lt(read_all(&shut, &shut.ends[reader]), USEC_PER_SEC);
    ck_assert_int_lt(read_all(&shut, &shut.ends[!reader]), USEC_PER_SEC);
    shut_close(&shut);
}

START_TEST(both_windows_are_shut_and_the_client_reads)
{
    both_write_and_one_reads(0);
}
END_TEST

START_TEST(both_windows_are_shut_and_the_server_reads)
{
    both_write_and_one_reads(1);
}
END_TEST

UNIT_MAIN("both windows shut", both_windows_are_shut_and_the_client_reads,
          both_windows_are_shut_and_the_server_reads)
