#include "tests/sim/captured.h"

#include "netdev/faults.h"
#include "netdev/pcap.h"
#include "netdev/wire.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { IFACE = 2, CHUNK = 16384 };

static struct endpoint end_at(enum captured_side side, uint16_t port)
{
    return (struct endpoint){.addr = ip_addr_v4(0xc0000201 + side),
                             .port = port};
}

/* ---- Stacks and wire ----------------------------------------------------- */

static void create_end(struct captured *captured, enum captured_side side,
                       captured_config_fn *change)
{
    struct captured_end *end = &captured->ends[side];
    struct stack_config config = stack_config_default();
    struct iface_config iface = {.name = "sim0", .dev = end->dev};
    struct ip_prefix prefix = {end_at(side, 0).addr, IPV4_PREFIX_OFFSET + 24};

    memory_init(&end->memory, SIZE_MAX);
    config.memory = &end->memory;
    config.seed = (struct hash_key){99, side};
    if (side == CAPTURED_HOST && change != NULL)
        change(&config);
    ck_assert_int_eq(stack_create(&config, captured->now, &end->stack), 0);
    ck_assert_int_eq(stack_iface_add(end->stack, captured->now, &iface), IFACE);
    ck_assert_int_eq(stack_addr_add(end->stack, captured->now, IFACE, &prefix),
                     0);
}

static void create_wire(struct captured *captured, const char *spec,
                        uint64_t seed)
{
    struct wire_config wire = {
        .type = NETDEV_ETHERNET, .mtu = 1500, .queue_bytes = (size_t)1 << 26};
    struct netdev *ends[CAPTURED_SIDES];
    struct faults faults = {0};
    char why[FAULTS_WHY_MAX];

    ck_assert_msg(faults_parse(spec, &faults, why) == 0, "%s", why);
    ck_assert_int_eq(wire_create(&captured->memory, &wire, ends), 0);
    captured->ends[CAPTURED_PEER].dev =
        faults_create(&captured->memory, ends[CAPTURED_PEER], &faults,
                      (struct hash_key){seed, 3});
    ck_assert_ptr_nonnull(captured->ends[CAPTURED_PEER].dev);
    ck_assert_int_eq(pcap_create(&captured->memory, ends[CAPTURED_HOST],
                                 captured->path, 0,
                                 &captured->ends[CAPTURED_HOST].dev),
                     0);
}

void captured_open(struct captured *captured, const char *faults, uint64_t seed,
                   captured_config_fn *change)
{
    int fd;

    *captured = (struct captured){.now = 1000 * USEC_PER_SEC + 123};
    snprintf(captured->path, sizeof(captured->path), "/tmp/captured-XXXXXX");
    fd = mkstemp(captured->path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    memory_init(&captured->memory, SIZE_MAX);
    create_wire(captured, faults, seed);
    for (unsigned i = 0; i < CAPTURED_SIDES; i++)
        create_end(captured, (enum captured_side)i, change);
    captured_run(captured, 10 * USEC_PER_SEC); /* they announce themselves */
}

void captured_close(struct captured *captured)
{
    for (unsigned i = 0; i < CAPTURED_SIDES; i++) {
        stack_destroy(captured->ends[i].stack);
        netdev_close(captured->ends[i].dev);
    }
}

void captured_forget(const struct captured *captured)
{
    unlink(captured->path);
}

/* ---- Programs ------------------------------------------------------------ */

static unsigned add_socket(struct captured_end *end, socket_id id)
{
    ck_assert_uint_lt(end->count, CAPTURED_SOCKETS);
    end->sockets[end->count] = (struct captured_socket){.id = id};
    return end->count++;
}

static void read_all(struct captured *captured, struct captured_end *end,
                     struct captured_socket *socket)
{
    static uint8_t data[CHUNK];
    struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
    ssize_t count;

    do {
        struct socket_message message = {.iov = &iov, .iov_count = 1};

        count = stack_receive(end->stack, captured->now, socket->id, &message);
        if (count > 0)
            socket->read += (uint64_t)count;
    } while (count > 0);
    if (count == 0)
        socket->has_end = true;
}

static void write_due(struct captured *captured, struct captured_end *end,
                      struct captured_socket *socket)
{
    static uint8_t data[CHUNK];
    ssize_t count = 1;

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 256);
    while (socket->due > 0 && count > 0) {
        struct iovec iov = {.iov_base = data,
                            .iov_len =
                                socket->due < CHUNK ? socket->due : CHUNK};
        struct socket_message message = {.iov = &iov, .iov_count = 1};

        count = stack_send(end->stack, captured->now, socket->id, &message);
        if (count > 0)
            socket->due -= (uint64_t)count;
    }
}

static void run_socket(struct captured *captured, struct captured_end *end,
                       struct captured_socket *socket)
{
    if (socket->id == 0 || socket->listens)
        return;
    read_all(captured, end, socket);
    if (!(stack_readiness(end->stack, socket->id) & POLLOUT))
        return;
    write_due(captured, end, socket);
    if (!socket->shuts || socket->due > 0)
        return;
    socket->shuts = false;
    ck_assert_int_eq(
        stack_shutdown(end->stack, captured->now, socket->id, SHUT_WR), 0);
}

static void accept_all(struct captured *captured, struct captured_end *end,
                       const struct captured_socket *listener)
{
    socket_id id;

    while (stack_accept(end->stack, captured->now, listener->id, &id, NULL) ==
           0)
        add_socket(end, id);
}

static void run_programs(struct captured *captured, struct captured_end *end)
{
    socket_id id;

    while (stack_next_ready(end->stack, &id))
        continue; /* all are asked */
    for (unsigned i = 0; i < end->count; i++)
        if (end->sockets[i].listens)
            accept_all(captured, end, &end->sockets[i]);
    for (unsigned i = 0; i < end->count; i++)
        run_socket(captured, end, &end->sockets[i]);
}

static void pass(struct captured *captured, struct captured_end *end)
{
    struct frame frame;

    while (netdev_receive(end->dev, captured->now, &frame) > 0)
        stack_input(end->stack, captured->now, IFACE, &frame);
    stack_run_timers(end->stack, captured->now);
    stack_flush(end->stack, captured->now);
    run_programs(captured, end);
    stack_flush(end->stack, captured->now);
}

static usec deadline(const struct captured *captured)
{
    usec next = USEC_NEVER;

    for (unsigned i = 0; i < CAPTURED_SIDES; i++) {
        const struct captured_end *end = &captured->ends[i];

        next = usec_min(next, stack_next_deadline(end->stack));
        next = usec_min(next, netdev_deadline(end->dev));
    }
    return next;
}

void captured_run(struct captured *captured, usec time)
{
    usec to = captured->now + time;
    usec next;

    for (unsigned i = 0; i < CAPTURED_SIDES; i++)
        pass(captured, &captured->ends[i]);
    while ((next = deadline(captured)) <= to) {
        captured->now = usec_max(captured->now, next);
        for (unsigned i = 0; i < CAPTURED_SIDES; i++)
            pass(captured, &captured->ends[i]);
    }
    captured->now = to;
}

unsigned captured_listen(struct captured *captured, enum captured_side side,
                         uint16_t port)
{
    struct captured_end *end = &captured->ends[side];
    struct endpoint local = {.addr = IP_ADDR_ANY_V4, .port = port};
    unsigned number;
    socket_id id;

    ck_assert_int_eq(
        stack_socket(end->stack, captured->now, AF_INET, SOCK_STREAM, 0, &id),
        0);
    ck_assert_int_eq(stack_bind(end->stack, captured->now, id, &local), 0);
    ck_assert_int_eq(stack_listen(end->stack, captured->now, id, 16), 0);
    number = add_socket(end, id);
    end->sockets[number].listens = true;
    return number;
}

unsigned captured_connect(struct captured *captured, enum captured_side side,
                          uint16_t port)
{
    struct captured_end *end = &captured->ends[side];
    struct endpoint remote = end_at(1 - side, port);
    socket_id id;

    ck_assert_int_eq(
        stack_socket(end->stack, captured->now, AF_INET, SOCK_STREAM, 0, &id),
        0);
    ck_assert_int_eq(stack_connect(end->stack, captured->now, id, &remote),
                     -EINPROGRESS);
    return add_socket(end, id);
}

unsigned captured_datagram(struct captured *captured, enum captured_side side,
                           int protocol, uint16_t port)
{
    struct captured_end *end = &captured->ends[side];
    struct endpoint local = end_at(side, port);
    socket_id id;

    ck_assert_int_eq(stack_socket(end->stack, captured->now, AF_INET,
                                  SOCK_DGRAM, protocol, &id),
                     0);
    ck_assert_int_eq(stack_bind(end->stack, captured->now, id, &local), 0);
    return add_socket(end, id);
}

void captured_write(struct captured *captured, enum captured_side side,
                    unsigned socket, uint64_t count)
{
    captured->ends[side].sockets[socket].due += count;
}

void captured_shut(struct captured *captured, enum captured_side side,
                   unsigned socket)
{
    captured->ends[side].sockets[socket].shuts = true;
}

void captured_close_socket(struct captured *captured, enum captured_side side,
                           unsigned socket)
{
    struct captured_end *end = &captured->ends[side];

    ck_assert_int_eq(
        stack_close(end->stack, captured->now, end->sockets[socket].id), 0);
    end->sockets[socket].id = 0;
}

void captured_send(struct captured *captured, enum captured_side side,
                   unsigned socket, uint16_t port, const void *text, size_t len)
{
    struct captured_end *end = &captured->ends[side];
    struct endpoint to = end_at(1 - side, port);
    struct iovec iov = {.iov_base = (void *)(uintptr_t)text, .iov_len = len};
    struct socket_message message = {.iov = &iov, .iov_count = 1, .name = &to};

    ck_assert_int_eq(stack_send(end->stack, captured->now,
                                end->sockets[socket].id, &message),
                     (ssize_t)len);
    stack_flush(end->stack, captured->now);
}
