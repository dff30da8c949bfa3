/*
 * Many threads on one socket and on many: what `make TSAN=1` looks at. The
 * threads wait with time-outs or are woken by close, so that a wake-up that is
 * lost shows as a test that hangs.
 */
#define _GNU_SOURCE
#include "unit.h"

#include "joined.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum {
    PORT = 7000,
    THREADS = 8,
    SHARED = 6,  /* numbers that all threads use */
    ROUNDS = 300 /* of a thread */
};

static struct joined joined;

static void start(void)
{
    joined = joined_open(TAPIR_CLOCK_REAL);
}

static void stop(void)
{
    joined_close(&joined);
}

static void run_all(pthread_t threads[THREADS], void *(*function)(void *),
                    void *argument)
{
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, function, argument),
                         0);
}

static void join_all(pthread_t threads[THREADS])
{
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

/* ---- One socket --------------------------------------------------------- */

struct receivers {
    int fd;
    _Atomic unsigned received;
    _Atomic unsigned closed; /* were told EBADF */
};

static void *receive_until_closed(void *argument)
{
    struct receivers *receivers = argument;
    char data[8];

    while (tapir_recv(receivers->fd, data, sizeof(data), 0) >= 0)
        receivers->received++;
    if (errno == EBADF)
        receivers->closed++;
    return NULL;
}

START_TEST(each_datagram_wakes_a_thread_and_close_wakes_all)
{
    enum { DATAGRAMS = 500 };
    struct sockaddr_in to = address_of(2, PORT);
    pthread_t threads[THREADS];

    start();
    struct receivers receivers = {.fd = bound_socket(joined.b, 2, PORT)};
    int client = open_socket(joined.a, SOCK_DGRAM);

    run_all(threads, receive_until_closed, &receivers);
    for (unsigned i = 0; i < DATAGRAMS; i++) {
        ck_assert_int_eq(
            tapir_sendto(client, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)),
            1);
        while (receivers.received <= i)
            ;
    }
    await_sleepers(THREADS);
    ck_assert_int_eq(tapir_close(receivers.fd), 0);
    join_all(threads);
    ck_assert_uint_eq(receivers.received, DATAGRAMS);
    ck_assert_uint_eq(receivers.closed, THREADS);
    ck_assert_int_eq(tapir_close(client), 0);
    stop();
}
END_TEST

static void *echo_connections(void *argument)
{
    int fd;

    while ((fd = tapir_accept(*(int *)argument, NULL, NULL)) >= 0) {
        char data[256];
        ssize_t got;

        while ((got = tapir_read(fd, data, sizeof(data))) > 0 &&
               tapir_write(fd, data, (size_t)got) == got)
            ;
        tapir_close(fd);
    }
    return NULL;
}

static void *use_connections(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20; i++) {
        int fd = open_connection(joined.a, PORT);
        char data[8] = "hello";

        ck_assert_int_eq(tapir_write(fd, data, 5), 5);
        ck_assert_int_eq(tapir_recv(fd, data, 5, MSG_WAITALL), 5);
        ck_assert_int_eq(tapir_close(fd), 0);
    }
    return NULL;
}

START_TEST(threads_accept_on_one_listener_and_are_woken_by_its_close)
{
    pthread_t servers[THREADS];
    pthread_t clients[THREADS];

    start();
    int server = open_listener(joined.b, PORT, THREADS);

    run_all(servers, echo_connections, &server);
    run_all(clients, use_connections, NULL);
    join_all(clients);
    ck_assert_int_eq(tapir_close(server), 0);
    join_all(servers);
    stop();
}
END_TEST

/* ---- Everything at once ------------------------------------------------- */

struct shared {
    int fds[SHARED]; /* constant; what they stand for changes */
    int set;
    _Atomic uint32_t seed;
};

static uint32_t draw(uint32_t *state, uint32_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state % below;
}

static void reopen(int number, uint16_t port)
{
    int fd = port % 2 == 0 ? open_socket(joined.a, SOCK_DGRAM)
                           : open_socket(joined.b, SOCK_STREAM);
    struct sockaddr_in address = address_of(port % 2 == 0 ? 1 : 2, port);

    /* often taken by another thread: then it is not bound */
    (void)tapir_bind(fd, (struct sockaddr *)&address, sizeof(address));
    ck_assert_int_eq(tapir_dup2(fd, number), number);
    ck_assert_int_eq(tapir_close(fd), 0);
}

static void wait_a_little(const struct shared *shared)
{
    struct pollfd polled[SHARED];
    struct epoll_event told[4];

    for (int i = 0; i < SHARED; i++)
        polled[i] =
            (struct pollfd){.fd = shared->fds[i], .events = POLLIN | POLLPRI};
    (void)tapir_poll(polled, SHARED, 1);
    (void)tapir_epoll_wait(shared->set, told, 4, 1);
}

/* What each call answers depends on the other threads: only that all of them
 * come back, and that no rule of the library is broken, is tested. */
static void do_something(const struct shared *shared, uint32_t *state)
{
    int fd = shared->fds[draw(state, SHARED)];
    struct epoll_event event = {.events = EPOLLIN |
                                          (draw(state, 2) ? EPOLLET : 0u) |
                                          (draw(state, 4) ? 0u : EPOLLONESHOT)};
    struct sockaddr_in to =
        address_of(1 + draw(state, 2), (uint16_t)(PORT + draw(state, SHARED)));
    char data[64] = "";
    int twin;

    switch (draw(state, 11)) {
    case 0:
        reopen(fd, (uint16_t)(PORT + draw(state, SHARED)));
        break;
    case 1:
        (void)tapir_shutdown(fd, (int)draw(state, 3));
        break;
    case 2:
        twin = tapir_dup(fd);
        (void)tapir_close(twin);
        break;
    case 3:
        (void)tapir_epoll_ctl(shared->set, EPOLL_CTL_ADD, fd, &event);
        break;
    case 4:
        (void)tapir_epoll_ctl(shared->set, EPOLL_CTL_DEL, fd, NULL);
        break;
    case 5:
        (void)tapir_epoll_ctl(shared->set, EPOLL_CTL_MOD, fd, &event);
        break;
    case 6:
        (void)tapir_connect(fd, (struct sockaddr *)&to, sizeof(to));
        break;
    case 7:
        (void)tapir_listen(fd, 4);
        break;
    case 8:
        wait_a_little(shared);
        break;
    case 9:
        (void)tapir_sendto(fd, data, sizeof(data), MSG_NOSIGNAL | MSG_DONTWAIT,
                           (struct sockaddr *)&to, sizeof(to));
        break;
    case 10:
        (void)tapir_recv(fd, data, sizeof(data), 0);
        break;
    }
}

static void *do_anything(void *argument)
{
    struct shared *shared = argument;
    uint32_t state = 0x9e3779b9u * ++shared->seed;

    for (int i = 0; i < ROUNDS; i++)
        do_something(shared, &state);
    return NULL;
}

/* A receive may wait on a socket that nobody sends to: it is let go at last. */
static void *close_everything(void *argument)
{
    const struct shared *shared = argument;
    struct pollfd none = {.fd = -1};

    for (;;) {
        ck_assert_int_ge(tapir_poll(&none, 1, 2), 0);
        if (shared->seed > THREADS)
            return NULL;
        for (int i = 0; i < SHARED; i++)
            reopen(shared->fds[i], (uint16_t)(PORT + i));
    }
}

START_TEST(anything_may_be_done_to_a_socket_at_any_time)
{
    struct shared shared = {0};
    pthread_t threads[THREADS];
    pthread_t closer;

    start();
    for (int i = 0; i < SHARED; i++)
        shared.fds[i] = open_socket(joined.a, SOCK_DGRAM);
    shared.set = tapir_epoll_create1(0);
    run_all(threads, do_anything, &shared);
    ck_assert_int_eq(pthread_create(&closer, NULL, close_everything, &shared),
                     0);
    join_all(threads);
    shared.seed = THREADS + 1;
    ck_assert_int_eq(pthread_join(closer, NULL), 0);
    for (int i = 0; i < SHARED; i++)
        ck_assert_int_eq(tapir_close(shared.fds[i]), 0);
    ck_assert_int_eq(tapir_close(shared.set), 0);
    stop();
}
END_TEST

UNIT_MAIN("host_threads", each_datagram_wakes_a_thread_and_close_wakes_all,
          threads_accept_on_one_listener_and_are_woken_by_its_close,
          anything_may_be_done_to_a_socket_at_any_time)
