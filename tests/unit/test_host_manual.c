/*
 * Stacks on a clock of the program's own: each hand-in of a frame or of time
 * is complete when it returns. Nothing here knows what time it really is.
 */
#include "unit.h"

#include "joined.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { PORT = 7000, FRAMES_MAX = 8, FRAME_MAX = 1514, MS = 1000 };

static struct joined joined;

/* The time of both stacks. */
static uint64_t now;

static void start(void)
{
    joined = joined_open(TAPIR_CLOCK_MANUAL);
    now = 0;
}

static void stop(void)
{
    joined_close(&joined);
}

static void advance_to(uint64_t time)
{
    now = time;
    ck_assert_int_eq(tapir_advance(joined.a, now), 0);
    ck_assert_int_eq(tapir_advance(joined.b, now), 0);
}

static uint64_t next_deadline(void)
{
    uint64_t a = tapir_next_deadline(joined.a);
    uint64_t b = tapir_next_deadline(joined.b);

    return a < b ? a : b;
}

/* From deadline to deadline until `fd` has `events`; false after `until`. */
static bool run_until_ready(int fd, short events, uint64_t until)
{
    struct pollfd polled = {.fd = fd, .events = events};

    while (tapir_poll(&polled, 1, 0) == 0) {
        uint64_t next = next_deadline();

        if (next > until)
            return false;
        advance_to(next);
    }
    return true;
}

/* All that happens by then. */
static void run_until(uint64_t until)
{
    while (next_deadline() <= until && now < until)
        advance_to(next_deadline());
    advance_to(until);
}

static void send_to_b(int fd, const char *text, uint16_t port)
{
    struct sockaddr_in to = address_of(2, port);
    ssize_t len = (ssize_t)strlen(text);

    ck_assert_int_eq(tapir_sendto(fd, text, (size_t)len, 0,
                                  (struct sockaddr *)&to, sizeof(to)),
                     len);
}

/* ---- Time and wires ---------------------------------------------------- */

START_TEST(a_datagram_arrives_when_time_is_handed_in)
{
    char data[16];

    start();
    int server = bound_socket(joined.b, 2, PORT);
    int client = open_socket(joined.a, SOCK_DGRAM);

    send_to_b(client, "hello", PORT);
    ck_assert_int_eq(tapir_recv(server, data, sizeof(data), MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert(run_until_ready(server, POLLIN, 1000 * MS));
    ck_assert_uint_eq(now, 0);
    ck_assert_int_eq(tapir_recv(server, data, sizeof(data), 0), 5);
    ck_assert_int_eq(tapir_close(server), 0);
    ck_assert_int_eq(tapir_close(client), 0);
    stop();
}
END_TEST

START_TEST(time_does_not_go_back)
{
    start();
    advance_to(500);
    ck_assert_int_eq(tapir_advance(joined.a, 499), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(tapir_advance(joined.a, 500), 0);
    stop();
}
END_TEST

START_TEST(a_delayed_wire_tells_when_it_has_something)
{
    joined = joined_open_faulty(TAPIR_CLOCK_MANUAL, "delay=10ms");
    now = 0;
    int server = bound_socket(joined.b, 2, PORT);
    int client = open_socket(joined.a, SOCK_DGRAM);

    run_until(100 * MS); /* the announcements of the addresses are over */
    send_to_b(client, "slow", PORT);
    ck_assert(run_until_ready(server, POLLIN, 1000 * MS));
    ck_assert_uint_eq(now, 130 * MS); /* ARP there and back, the datagram */
    ck_assert_int_eq(tapir_close(server), 0);
    ck_assert_int_eq(tapir_close(client), 0);
    stop();
}
END_TEST

START_TEST(a_connection_is_made_used_and_closed_by_one_thread)
{
    struct sockaddr_in to = address_of(2, PORT);
    char data[16];

    start();
    int server = open_listener(joined.b, PORT, 1);
    int client = open_socket(joined.a, SOCK_STREAM | SOCK_NONBLOCK);

    ck_assert_int_eq(tapir_connect(client, (struct sockaddr *)&to, sizeof(to)),
                     -1);
    ck_assert_int_eq(errno, EINPROGRESS);
    ck_assert(run_until_ready(client, POLLOUT, 1000 * MS));
    ck_assert(run_until_ready(server, POLLIN, 1000 * MS));
    int accepted = tapir_accept(server, NULL, NULL);

    ck_assert_int_eq(tapir_send(client, "data", 4, 0), 4);
    ck_assert_int_eq(tapir_close(client), 0);
    ck_assert(run_until_ready(accepted, POLLIN, 1000 * MS));
    ck_assert_int_eq(tapir_recv(accepted, data, sizeof(data), 0), 4);
    ck_assert(run_until_ready(accepted, POLLIN, 1000 * MS));
    ck_assert_int_eq(tapir_recv(accepted, data, sizeof(data), 0), 0);
    ck_assert_uint_eq(now, 0);
    ck_assert_int_eq(tapir_close(accepted), 0);
    ck_assert_int_eq(tapir_close(server), 0);
    stop();
}
END_TEST

/* ---- Waiting in stack time --------------------------------------------- */

struct blocked {
    int fd;
    ssize_t result;
    int error;
};

static void *receive_blocked(void *argument)
{
    struct blocked *blocked = argument;
    char data[16];

    blocked->result = tapir_recv(blocked->fd, data, sizeof(data), 0);
    blocked->error = errno;
    return NULL;
}

static pthread_t block_in_receive(struct blocked *blocked)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, receive_blocked, blocked),
                     0);
    await_sleepers(1);
    return thread;
}

START_TEST(a_blocked_receive_is_woken_by_another_threads_hand_in)
{
    struct blocked blocked;

    start();
    blocked.fd = bound_socket(joined.b, 2, PORT);
    pthread_t thread = block_in_receive(&blocked);
    int client = open_socket(joined.a, SOCK_DGRAM);

    send_to_b(client, "hello", PORT);
    run_until(1 * MS);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(blocked.result, 5);
    ck_assert_int_eq(tapir_close(blocked.fd), 0);
    ck_assert_int_eq(tapir_close(client), 0);
    stop();
}
END_TEST

START_TEST(a_time_out_is_in_stack_time_and_counts_as_a_deadline)
{
    struct timeval hour = {.tv_sec = 3600};
    struct blocked blocked;

    start();
    run_until(10 * MS);
    blocked.fd = bound_socket(joined.b, 2, PORT);
    ck_assert_int_eq(tapir_setsockopt(blocked.fd, SOL_SOCKET, SO_RCVTIMEO,
                                      &hour, sizeof(hour)),
                     0);
    pthread_t thread = block_in_receive(&blocked);

    ck_assert_uint_le(tapir_next_deadline(joined.b), 10 * MS + 3600000000);
    advance_to(10 * MS + 3599999999);
    await_sleepers(1);
    advance_to(10 * MS + 3600000000);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(blocked.result, -1);
    ck_assert_int_eq(blocked.error, EAGAIN);
    ck_assert_int_eq(tapir_close(blocked.fd), 0);
    stop();
}
END_TEST

static void *poll_blocked(void *argument)
{
    struct pollfd *fd = argument;

    return (void *)(intptr_t)tapir_poll(fd, 1, 500);
}

START_TEST(the_time_out_of_poll_is_in_stack_time_too)
{
    struct pollfd fd = {.events = POLLIN};
    pthread_t thread;
    void *result;

    start();
    fd.fd = bound_socket(joined.b, 2, PORT);
    ck_assert_int_eq(pthread_create(&thread, NULL, poll_blocked, &fd), 0);
    await_sleepers(1);
    advance_to(499 * MS);
    await_sleepers(1);
    advance_to(500 * MS);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_null(result);
    ck_assert_int_eq(tapir_close(fd.fd), 0);
    stop();
}
END_TEST

START_TEST(a_stack_that_ends_lets_its_waiters_go)
{
    struct timeval hour = {.tv_sec = 3600};
    struct blocked blocked;

    start();
    blocked.fd = bound_socket(joined.b, 2, PORT);
    ck_assert_int_eq(tapir_setsockopt(blocked.fd, SOL_SOCKET, SO_RCVTIMEO,
                                      &hour, sizeof(hour)),
                     0);
    pthread_t thread = block_in_receive(&blocked);

    tapir_stack_destroy(joined.b);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(blocked.error, ENETDOWN);
    ck_assert_int_eq(tapir_close(blocked.fd), 0);
    tapir_stack_destroy(joined.a);
}
END_TEST

/* ---- A device of callbacks --------------------------------------------- */

struct sent {
    unsigned count;
    size_t len[FRAMES_MAX];
    uint8_t data[FRAMES_MAX][FRAME_MAX];
};

static void keep_frame(void *context, const void *frame, size_t len)
{
    struct sent *sent = context;

    ck_assert_uint_lt(sent->count, FRAMES_MAX);
    ck_assert_uint_le(len, FRAME_MAX);
    memcpy(sent->data[sent->count], frame, len);
    sent->len[sent->count++] = len;
}

/* A stack at 192.0.2.2 that speaks bare IP; the number of its interface. */
static int open_ip_stack(struct tapir_stack **stack, struct sent *sent)
{
    struct tapir_stack_config config;
    struct tapir_device device = {
        .link = TAPIR_LINK_IP, .transmit = keep_frame, .context = sent};
    int iface;

    *sent = (struct sent){0};
    tapir_stack_config_init(&config);
    config.clock = TAPIR_CLOCK_MANUAL;
    config.now = 7;
    config.seed = 1;
    *stack = tapir_stack_create(&config);
    ck_assert_ptr_nonnull(*stack);
    iface = tapir_add_device(*stack, &device);
    ck_assert_int_gt(iface, 0);
    ck_assert_int_eq(tapir_add_address(*stack, iface, "192.0.2.2/24"), 0);
    return iface;
}

/* Echo request 192.0.2.1 > 192.0.2.2, id 1, sequence 1, no data. */
static const uint8_t echo_request[28] = {
    0x45, 0, 0,   28, 0, 1, 0, 0, 64,   1,    0xf6, 0xdc, 192, 0,
    2,    1, 192, 0,  2, 2, 8, 0, 0xf7, 0xfd, 0,    1,    0,   1};

START_TEST(the_answer_has_left_when_the_hand_in_returns)
{
    static struct sent sent;
    struct tapir_stack *stack;
    int iface = open_ip_stack(&stack, &sent);

    ck_assert_int_eq(tapir_input(stack, iface, 7, echo_request, 28), 0);
    ck_assert_uint_eq(sent.count, 1);
    ck_assert_uint_eq(sent.len[0], 28);
    ck_assert_uint_eq(sent.data[0][20], 0); /* echo reply */
    ck_assert_mem_eq(sent.data[0] + 12, echo_request + 16, 4);
    ck_assert_mem_eq(sent.data[0] + 16, echo_request + 12, 4);
    tapir_stack_destroy(stack);
}
END_TEST

START_TEST(frames_that_cannot_be_handed_in_are_refused)
{
    static struct sent sent;
    static uint8_t big[2000];
    struct tapir_stack *stack;
    int iface = open_ip_stack(&stack, &sent);

    ck_assert_int_eq(tapir_input(stack, 99, 7, echo_request, 28), -1);
    ck_assert_int_eq(errno, ENODEV);
    ck_assert_int_eq(tapir_input(stack, iface, 6, echo_request, 28), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(tapir_input(stack, iface, 7, big, 1501), -1);
    ck_assert_int_eq(errno, EMSGSIZE);
    ck_assert_int_eq(tapir_input(stack, iface, 7, big, 1500), 0);
    ck_assert_int_eq(tapir_input(stack, iface, 7, NULL, 0), 0);
    ck_assert_uint_eq(sent.count, 0);
    tapir_stack_destroy(stack);
}
END_TEST

START_TEST(wrong_addresses_clocks_and_names_are_refused)
{
    struct tapir_wire wire = {.faults = "loss=nonsense"};
    struct tapir_stack_config config;
    int iface[2];

    start();
    ck_assert_int_eq(tapir_add_address(joined.a, 2, "192.0.2.999/24"), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(tapir_add_address(joined.a, 77, "192.0.2.9/24"), -1);
    ck_assert_int_eq(errno, ENODEV);
    ck_assert_int_eq(tapir_add_route(joined.a, "default", "x", 0), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(tapir_join(joined.a, joined.b, &wire, iface), -1);
    ck_assert_int_eq(errno, EINVAL);

    tapir_stack_config_init(&config);
    strcpy(config.congestion, "vegas");
    ck_assert_ptr_null(tapir_stack_create(&config));
    ck_assert_int_eq(errno, EINVAL);

    tapir_stack_config_init(&config);
    config.ecn = 3;
    ck_assert_ptr_null(tapir_stack_create(&config));
    ck_assert_int_eq(errno, EINVAL);

    tapir_stack_config_init(&config);
    config.buffer_max = 4095;
    ck_assert_ptr_null(tapir_stack_create(&config));
    ck_assert_int_eq(errno, EINVAL);

    tapir_stack_config_init(&config);
    struct tapir_stack *real = tapir_stack_create(&config);

    wire.faults = NULL;
    ck_assert_int_eq(tapir_join(joined.a, real, &wire, iface), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(tapir_advance(real, 1), -1);
    ck_assert_int_eq(errno, EINVAL);
    tapir_stack_destroy(real);
    stop();
}
END_TEST

START_TEST(no_buffer_is_larger_than_the_stacks_setting)
{
    struct tapir_stack_config config;
    struct tapir_stack *stack;
    int bytes = 0;
    socklen_t len = sizeof(bytes);

    tapir_stack_config_init(&config);
    config.clock = TAPIR_CLOCK_MANUAL;
    config.buffer_max = 65536;
    stack = tapir_stack_create(&config);
    ck_assert_ptr_nonnull(stack);
    int fd = open_socket(stack, SOCK_STREAM);

    ck_assert_int_eq(tapir_getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len),
                     0);
    ck_assert_int_eq(bytes, 65536);
    ck_assert_int_eq(tapir_getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &len),
                     0);
    ck_assert_int_eq(bytes, 65536);
    ck_assert_int_eq(tapir_close(fd), 0);
    tapir_stack_destroy(stack);
}
END_TEST

/* It would cut the file under the first one's feet. */
START_TEST(two_stacks_do_not_record_into_one_file)
{
    struct tapir_stack_config config;
    char path[] = "/tmp/tapir-record-XXXXXX";
    struct tapir_stack *first;
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    tapir_stack_config_init(&config);
    config.clock = TAPIR_CLOCK_MANUAL;
    snprintf(config.record, sizeof(config.record), "%s", path);
    first = tapir_stack_create(&config);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(tapir_stack_create(&config));
    ck_assert_int_eq(errno, EBUSY);
    ck_assert_int_eq(tapir_advance(first, 1), 0); /* and it lives */
    tapir_stack_destroy(first);
    first = tapir_stack_create(&config); /* its file is free again */
    ck_assert_ptr_nonnull(first);
    tapir_stack_destroy(first);
    unlink(path);
}
END_TEST

UNIT_MAIN("host_manual", two_stacks_do_not_record_into_one_file,
          a_datagram_arrives_when_time_is_handed_in, time_does_not_go_back,
          a_delayed_wire_tells_when_it_has_something,
          a_connection_is_made_used_and_closed_by_one_thread,
          a_blocked_receive_is_woken_by_another_threads_hand_in,
          a_time_out_is_in_stack_time_and_counts_as_a_deadline,
          the_time_out_of_poll_is_in_stack_time_too,
          a_stack_that_ends_lets_its_waiters_go,
          the_answer_has_left_when_the_hand_in_returns,
          frames_that_cannot_be_handed_in_are_refused,
          wrong_addresses_clocks_and_names_are_refused,
          no_buffer_is_larger_than_the_stacks_setting)
