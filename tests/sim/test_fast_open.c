/*
 * Two whole stacks, 20 ms from each other, and a program on each: how many
 * round trips a question and its answer take. RFC 7413 3: with a cookie one,
 * without one two, and the connection goes on afterwards.
 */
#include "stack/stack.h"

#include "netdev/faults.h"
#include "netdev/wire.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

enum { ENDS = 2, PORT = 7, QUESTION = 500, ANSWER = 12000 };

#define ROUND_TRIP (40 * USEC_PER_MSEC)

static const uint32_t addrs[ENDS] = {0xc0000201, 0xc0000202};

struct end {
    struct stack *stack;
    struct netdev *dev;
    unsigned iface;
    socket_id id;
};

struct exchange {
    struct memory memory;
    struct end client;
    struct end server;
    socket_id listener;
    usec now;
    size_t asked;    /* bytes that the server has read */
    size_t answered; /* that the client has */
};

static void create_end(struct exchange *x, struct end *end, unsigned which,
                       struct netdev *dev)
{
    struct stack_config config = stack_config_default();
    struct iface_config iface = {.name = "sim0", .dev = dev};
    struct ip_prefix addr = {ip_addr_v4(addrs[which]), IPV4_PREFIX_OFFSET + 24};

    config.memory = &x->memory;
    config.seed = (struct hash_key){which, 1};
    config.tcp.fast_open = TCP_FAST_OPEN_CLIENT | TCP_FAST_OPEN_SERVER;
    ck_assert_int_eq(stack_create(&config, x->now, &end->stack), 0);
    int index = stack_iface_add(end->stack, x->now, &iface);
    ck_assert_int_gt(index, 0);
    end->iface = (unsigned)index;
    end->dev = dev;
    ck_assert_int_eq(stack_addr_add(end->stack, x->now, end->iface, &addr), 0);
}

static socket_id open_socket(struct exchange *x, struct end *end)
{
    socket_id id;

    ck_assert_int_eq(
        stack_socket(end->stack, x->now, AF_INET, SOCK_STREAM, 0, &id), 0);
    return id;
}

static void listen_fast(struct exchange *x)
{
    struct endpoint at = {.addr = ip_addr_v4(addrs[1]), .port = PORT};
    struct stack *stack = x->server.stack;
    int pending = 5;

    x->listener = open_socket(x, &x->server);
    ck_assert_int_eq(stack_bind(stack, x->now, x->listener, &at), 0);
    ck_assert_int_eq(stack_listen(stack, x->now, x->listener, 5), 0);
    ck_assert_int_eq(stack_set_option(stack, x->now, x->listener, IPPROTO_TCP,
                                      TCP_FASTOPEN,
                                      bytes_of(&pending, sizeof(pending))),
                     0);
}

/* Bytes without meaning: what they are is compared elsewhere. */
static ssize_t send_bytes(struct exchange *x, struct end *end, size_t len,
                          int flags)
{
    static uint8_t bytes[ANSWER];
    struct iovec iov = {.iov_base = bytes, .iov_len = len};
    struct endpoint to = {.addr = ip_addr_v4(addrs[1]), .port = PORT};
    struct socket_message message = {.iov = &iov,
                                     .iov_count = 1,
                                     .flags = flags,
                                     .name = flags != 0 ? &to : NULL};

    return stack_send(end->stack, x->now, end->id, &message);
}

static size_t receive_bytes(struct exchange *x, struct end *end)
{
    static uint8_t bytes[ANSWER];
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct socket_message message = {.iov = &iov, .iov_count = 1};
    ssize_t got = stack_receive(end->stack, x->now, end->id, &message);

    if (got == -EAGAIN)
        return 0;
    ck_assert_int_ge(got, 0);
    return (size_t)got;
}

/* The server answers as soon as it has the whole question. */
static void serve(struct exchange *x)
{
    struct end *server = &x->server;

    if (server->id == 0 && stack_accept(server->stack, x->now, x->listener,
                                        &server->id, NULL) < 0) {
        server->id = 0;
        return;
    }
    if (x->asked == QUESTION)
        return;
    x->asked += receive_bytes(x, server);
    if (x->asked == QUESTION)
        ck_assert_int_eq(send_bytes(x, server, ANSWER, 0), ANSWER);
}

static void take_frames(struct exchange *x, struct end *end)
{
    struct frame frame;

    while (netdev_receive(end->dev, x->now, &frame) > 0)
        stack_input(end->stack, x->now, end->iface, &frame);
    stack_run_timers(end->stack, x->now);
}

static usec next_time(const struct exchange *x)
{
    usec of_client = usec_min(stack_next_deadline(x->client.stack),
                              netdev_deadline(x->client.dev));
    usec of_server = usec_min(stack_next_deadline(x->server.stack),
                              netdev_deadline(x->server.dev));

    return usec_min(of_client, of_server);
}

/* Until the client has its whole answer; how long that takes from now on. The
 * rest of the question, if there is any, goes as soon as it may. */
static usec time_to_answer(struct exchange *x, size_t sent)
{
    struct end *client = &x->client;
    usec start = x->now;

    while (x->answered < ANSWER && x->now < start + 100 * ROUND_TRIP) {
        take_frames(x, client);
        if (sent < QUESTION &&
            stack_readiness(client->stack, client->id) & POLLOUT)
            sent += (size_t)send_bytes(x, client, QUESTION - sent, 0);
        if (stack_readiness(client->stack, client->id) & POLLIN)
            x->answered += receive_bytes(x, client);
        stack_flush(client->stack, x->now);
        take_frames(x, &x->server);
        serve(x);
        stack_flush(x->server.stack, x->now);
        if (x->answered < ANSWER)
            x->now = usec_max(x->now, next_time(x));
    }
    return x->now - start;
}

/* A connection with its question and answer; the time that it takes. */
static usec ask(struct exchange *x, bool with_cookie)
{
    ssize_t sent;
    usec time;

    x->client.id = open_socket(x, &x->client);
    x->server.id = 0;
    x->asked = 0;
    x->answered = 0;
    sent = send_bytes(x, &x->client, QUESTION, MSG_FASTOPEN);
    ck_assert_int_eq(sent, with_cookie ? QUESTION : -EINPROGRESS);
    time = time_to_answer(x, sent > 0 ? (size_t)sent : 0);
    ck_assert_uint_eq(x->asked, QUESTION);
    ck_assert_uint_eq(x->answered, ANSWER);
    return time;
}

static void end_connection(struct exchange *x)
{
    ck_assert_int_eq(stack_close(x->client.stack, x->now, x->client.id), 0);
    ck_assert_int_eq(stack_close(x->server.stack, x->now, x->server.id), 0);
}

static void begin(struct exchange *x)
{
    struct wire_config wire = {
        .type = NETDEV_IP, .mtu = 1500, .queue_bytes = 1 << 20};
    struct faults distance = {.delay = ROUND_TRIP / 2};
    struct netdev *devs[ENDS];

    *x = (struct exchange){.now = USEC_PER_SEC};
    memory_init(&x->memory, (size_t)64 << 20);
    ck_assert_int_eq(wire_create(&x->memory, &wire, devs), 0);
    devs[1] =
        faults_create(&x->memory, devs[1], &distance, (struct hash_key){1, 1});
    ck_assert_ptr_nonnull(devs[1]);
    create_end(x, &x->client, 0, devs[0]);
    create_end(x, &x->server, 1, devs[1]);
    listen_fast(x);
}

static void end(struct exchange *x)
{
    stack_destroy(x->client.stack);
    stack_destroy(x->server.stack);
    netdev_close(x->client.dev);
    netdev_close(x->server.dev);
    ck_assert_uint_eq(x->memory.used, 0);
}

/* The whole answer fits into the initial window. */
START_TEST(with_a_cookie_question_and_answer_take_one_round_trip)
{
    static struct exchange x;
    begin(&x);

    usec first = ask(&x, false);
    end_connection(&x);
    ck_assert_int_ge(first, 2 * ROUND_TRIP);
    ck_assert_int_lt(first, 3 * ROUND_TRIP);
    for (int i = 0; i < 3; i++) {
        usec time = ask(&x, true);

        end_connection(&x);
        ck_assert_int_ge(time, ROUND_TRIP);
        ck_assert_int_lt(time, ROUND_TRIP + 5 * USEC_PER_MSEC);
    }
    ck_assert_uint_eq(stack_tcp_stats(x.client.stack)->fast_open_active, 3);
    ck_assert_uint_eq(stack_tcp_stats(x.server.stack)->fast_open_passive, 3);
    ck_assert_uint_eq(stack_tcp_stats(x.client.stack)->retrans_segs, 0);
    ck_assert_uint_eq(stack_tcp_stats(x.server.stack)->retrans_segs, 0);
    end(&x);
}
END_TEST

START_TEST(the_connection_goes_on_as_any_other)
{
    static struct exchange x;
    begin(&x);
    (void)ask(&x, false);
    end_connection(&x);
    (void)ask(&x, true);

    for (int i = 0; i < 10; i++) {
        x.asked = 0;
        x.answered = 0;
        usec time = time_to_answer(&x, 0);

        ck_assert_uint_eq(x.answered, ANSWER);
        ck_assert_int_lt(time, ROUND_TRIP + 5 * USEC_PER_MSEC);
    }
    end_connection(&x);
    end(&x);
}
END_TEST

UNIT_MAIN("fast open of two stacks",
          with_a_cookie_question_and_answer_take_one_round_trip,
          the_connection_goes_on_as_any_other)
