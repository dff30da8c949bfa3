#include "tests/sim/transfer.h"

#include "stack/stack.h"

#include "netdev/faults.h"
#include "netdev/wire.h"
#include "tests/place.h"

#include <errno.h>
#include <linux/tcp.h> /* its struct tcp_info has all fields */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { HOSTS = 2, SENDER = 0, RECEIVER = 1, PORT = 7, CHUNK = 65536 };

static const usec begin = 1 * USEC_PER_SEC;
static const usec handshake_max = 60 * USEC_PER_SEC;

struct host {
    struct memory memory;
    struct stack *stack;
    struct netdev *dev;
    struct ip_addr addr;
    unsigned iface;
};

struct link {
    const struct transfer *transfer;
    usec now;
    struct memory wire_memory;
    struct host hosts[HOSTS];
    socket_id listener, receiver, sender;
    bool is_accepted;
    usec accepted_at;
    uint64_t bytes;
};

/* Not Check's: what is printed in a table is not within a test. */
static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "a transfer fails: %s\n", what);
    abort();
}

/* ---- Two stacks and what is between them --------------------------------- */

static void create_host(struct link *link, unsigned index, struct netdev *dev)
{
    struct host *host = &link->hosts[index];
    struct stack_config config = stack_config_default();
    struct iface_config iface = {.name = "sim0", .dev = dev};
    struct ip_prefix prefix = {ip_addr_v4(0xc0000201 + index),
                               IPV4_PREFIX_OFFSET + 24};

    memory_init(&host->memory, SIZE_MAX);
    host->dev = dev;
    host->addr = prefix.addr;
    config.memory = &host->memory;
    config.seed = (struct hash_key){link->transfer->seed, index};
    snprintf(config.tcp.congestion, sizeof(config.tcp.congestion), "%s",
             link->transfer->congestion);
    config.recorder = link->transfer->recorders[index];
    if (index == SENDER)
        config.trace = link->transfer->trace;
    if (link->transfer->buffer > 0) {
        config.tcp.buffer_tuning = false;
        config.tcp.send_buffer = link->transfer->buffer;
        config.tcp.receive_buffer = link->transfer->buffer;
    }
    must(stack_create(&config, link->now, &host->stack) == 0, "stack_create");
    host->iface = (unsigned)stack_iface_add(host->stack, link->now, &iface);
    must(stack_addr_add(host->stack, link->now, host->iface, &prefix) == 0,
         "stack_addr_add");
}

static void create_network(struct link *link)
{
    struct wire_config wire = {
        .type = NETDEV_ETHERNET, .mtu = 1500, .queue_bytes = (size_t)1 << 30};
    struct hash_key seed = {link->transfer->seed, HOSTS};
    char why[FAULTS_WHY_MAX];
    struct netdev *ends[HOSTS];
    struct netdev *bad;
    struct faults faults = {0};

    must(faults_parse(link->transfer->faults, &faults, why) == 0, why);
    memory_init(&link->wire_memory, SIZE_MAX);
    must(wire_create(&link->wire_memory, &wire, ends) == 0, "wire_create");
    bad = faults_create(&link->wire_memory, ends[0], &faults, seed);
    must(bad != NULL, "faults_create");
    create_host(link, SENDER, bad);
    create_host(link, RECEIVER, ends[1]);
}

static void open_sockets(struct link *link)
{
    struct stack *sender = link->hosts[SENDER].stack;
    struct stack *receiver = link->hosts[RECEIVER].stack;
    struct endpoint local = {.addr = link->hosts[RECEIVER].addr, .port = PORT};

    must(stack_socket(receiver, link->now, AF_INET, SOCK_STREAM, 0,
                      &link->listener) == 0 &&
             stack_bind(receiver, link->now, link->listener, &local) == 0 &&
             stack_listen(receiver, link->now, link->listener, 1) == 0,
         "listen");
    must(stack_socket(sender, link->now, AF_INET, SOCK_STREAM, 0,
                      &link->sender) == 0 &&
             stack_connect(sender, link->now, link->sender, &local) ==
                 -EINPROGRESS,
         "connect");
}

static void destroy(struct link *link)
{
    for (unsigned i = 0; i < HOSTS; i++) {
        stack_destroy(link->hosts[i].stack);
        netdev_close(link->hosts[i].dev);
        must(link->hosts[i].memory.used == 0, "memory is left");
    }
    must(link->wire_memory.used == 0, "memory is left on the wire");
}

/* ---- The programs at both ends ------------------------------------------- */

static void write_all(struct link *link)
{
    static uint8_t bytes[CHUNK];
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct socket_message message = {.iov = &iov, .iov_count = 1};

    while (stack_send(link->hosts[SENDER].stack, link->now, link->sender,
                      &message) > 0)
        ;
}

static void accept_it(struct link *link)
{
    if (stack_accept(link->hosts[RECEIVER].stack, link->now, link->listener,
                     &link->receiver, NULL) < 0)
        return;
    link->is_accepted = true;
    link->accepted_at = link->now;
}

static void read_all(struct link *link)
{
    static uint8_t bytes[CHUNK];
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct socket_message message = {.iov = &iov, .iov_count = 1};
    ssize_t count;

    while ((count = stack_receive(link->hosts[RECEIVER].stack, link->now,
                                  link->receiver, &message)) > 0)
        link->bytes += (uint64_t)count;
    must(count == -EAGAIN, "the receiver's connection has ended");
}

static void run_program(struct link *link, unsigned index)
{
    if (index == SENDER)
        write_all(link);
    else if (link->is_accepted)
        read_all(link);
    else
        accept_it(link);
}

/* ---- Time ---------------------------------------------------------------- */

static void take_frames(struct link *link, struct host *host)
{
    struct frame frame;

    /* one at a time, as a slow link delivers them */
    while (netdev_receive(host->dev, link->now, &frame) > 0) {
        (void)place_frame(host->stack, host->iface, &frame);
        stack_input(host->stack, link->now, host->iface, &frame);
        stack_flush(host->stack, link->now);
    }
}

static void step(struct link *link)
{
    usec next = USEC_NEVER;

    for (unsigned i = 0; i < HOSTS; i++) {
        struct host *host = &link->hosts[i];

        take_frames(link, host);
        stack_run_timers(host->stack, link->now);
        run_program(link, i);
        stack_flush(host->stack, link->now);
    }
    for (unsigned i = 0; i < HOSTS; i++) {
        next = usec_min(next, stack_next_deadline(link->hosts[i].stack));
        next = usec_min(next, netdev_deadline(link->hosts[i].dev));
    }
    must(next != USEC_NEVER, "nothing will ever happen");
    link->now = usec_max(next, link->now);
}

static bool is_over(const struct link *link)
{
    return link->bytes >= link->transfer->bytes_max ||
           link->now - link->accepted_at >= link->transfer->time_max;
}

/* ---- A transfer ---------------------------------------------------------- */

static void add_result(struct link *link, struct transfer_result *result)
{
    struct tcp_info info;
    size_t len = sizeof(info);

    must(stack_get_option(link->hosts[SENDER].stack, link->now, link->sender,
                          IPPROTO_TCP, TCP_INFO, &info, &len) == 0,
         "TCP_INFO");
    result->bytes += link->bytes;
    result->time += link->now - link->accepted_at;
    result->sent += info.tcpi_bytes_sent;
    result->resent += info.tcpi_bytes_retrans;
}

void transfer_run(const struct transfer *transfer,
                  struct transfer_result *result)
{
    struct link link = {.transfer = transfer, .now = begin};

    create_network(&link);
    open_sockets(&link);
    while (!link.is_accepted) {
        step(&link);
        must(link.now < begin + handshake_max, "nobody is accepted");
    }
    while (!is_over(&link))
        step(&link);
    add_result(&link, result);
    destroy(&link);
}
