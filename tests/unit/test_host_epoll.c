/*
 * Epoll: edges, one-shot and exclusive items, sets in sets, and sets of both
 * kinds of descriptors. Where Linux is the measure, the same calls are made on
 * a pair of the kernel's own sockets, and must tell the same.
 */
#define _GNU_SOURCE
#include "unit.h"

#include "host/host.h"

#include "joined.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { PORT = 7000, MANY = 10000 };

static struct joined joined;

static void start(void)
{
    joined = joined_open(TAPIR_CLOCK_REAL);
}

static void stop(void)
{
    joined_close(&joined);
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(tapir_close(fds[i]), 0);
}

static void expect_error(int result, int error)
{
    ck_assert_int_eq(result, -1);
    ck_assert_int_eq(errno, error);
}

static int control(int epfd, int op, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.fd = fd}};

    return tapir_epoll_ctl(epfd, op, fd, &event);
}

static void add(int epfd, int fd, uint32_t events)
{
    ck_assert_int_eq(control(epfd, EPOLL_CTL_ADD, fd, events), 0);
}

/* The one event there is now, which is of `fd`; 0: there is none. */
static uint32_t events_now(int epfd, int fd)
{
    struct epoll_event told[2];
    int count = tapir_epoll_wait(epfd, told, 2, 0);

    ck_assert_int_ge(count, 0);
    ck_assert_int_le(count, 1);
    if (count == 0)
        return 0;
    ck_assert_int_eq(told[0].data.fd, fd);
    return told[0].events;
}

static void send_datagram(int fd, uint16_t port)
{
    struct sockaddr_in to = address_of(2, port);

    ck_assert_int_eq(
        tapir_sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
}

/* ---- The same on the kernel's sockets ----------------------------------- */

/* Connected stream sockets of ours and of the kernel, one end of each in a
 * set. All is done to both, and both must tell the same. */
struct twins {
    int set;
    int end;
    int peer;
    int kernel_set;
    int kernel_end;
    int kernel_peer;
};

static struct twins open_twins(uint32_t events)
{
    struct epoll_event event = {.events = events};
    struct twins twins;
    int ends[2];

    start();
    int server = open_listener(joined.b, PORT, 1);

    twins.end = open_connection(joined.a, PORT);
    twins.peer = tapir_accept(server, NULL, NULL);
    twins.set = tapir_epoll_create1(0);
    ck_assert_int_eq(tapir_close(server), 0);
    ck_assert_int_eq(tapir_fcntl(twins.end, F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(tapir_fcntl(twins.peer, F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends),
                     0);
    twins.kernel_end = ends[0];
    twins.kernel_peer = ends[1];
    twins.kernel_set = epoll_create1(0);
    ck_assert_int_eq(
        tapir_epoll_ctl(twins.set, EPOLL_CTL_ADD, twins.end, &event), 0);
    ck_assert_int_eq(
        epoll_ctl(twins.kernel_set, EPOLL_CTL_ADD, ends[0], &event), 0);
    return twins;
}

static void close_twins(const struct twins *twins)
{
    close_all((int[]){twins->set, twins->end, twins->peer}, 3);
    close(twins->kernel_set);
    close(twins->kernel_end);
    close(twins->kernel_peer);
    stop();
}

/* What both tell now. */
static uint32_t both_tell(const struct twins *twins)
{
    struct epoll_event ours = {0};
    struct epoll_event kernels = {0};
    int count = tapir_epoll_wait(twins->set, &ours, 1, 0);

    ck_assert_int_eq(count, epoll_wait(twins->kernel_set, &kernels, 1, 0));
    ck_assert_uint_eq(ours.events, kernels.events);
    return ours.events;
}

static void both_change(const struct twins *twins, uint32_t events)
{
    struct epoll_event event = {.events = events};

    ck_assert_int_eq(
        tapir_epoll_ctl(twins->set, EPOLL_CTL_MOD, twins->end, &event), 0);
    ck_assert_int_eq(
        epoll_ctl(twins->kernel_set, EPOLL_CTL_MOD, twins->kernel_end, &event),
        0);
}

static void peers_send(const struct twins *twins, const char *text)
{
    ssize_t len = (ssize_t)strlen(text);

    ck_assert_int_eq(tapir_write(twins->peer, text, strlen(text)), len);
    ck_assert_int_eq(write(twins->kernel_peer, text, strlen(text)), len);
}

static void both_read(const struct twins *twins, size_t len)
{
    char data[64];

    ck_assert_int_eq(tapir_read(twins->end, data, len), (ssize_t)len);
    ck_assert_int_eq(read(twins->kernel_end, data, len), (ssize_t)len);
}

static void both_fill(const struct twins *twins)
{
    static const char data[65536];

    while (tapir_write(twins->end, data, sizeof(data)) > 0)
        ;
    while (write(twins->kernel_end, data, sizeof(data)) > 0)
        ;
}

static void peers_read_all(const struct twins *twins)
{
    static char data[65536];

    while (tapir_read(twins->peer, data, sizeof(data)) > 0)
        ;
    while (read(twins->kernel_peer, data, sizeof(data)) > 0)
        ;
}

START_TEST(a_level_is_told_as_long_as_it_lasts)
{
    struct twins twins = open_twins(EPOLLIN);

    ck_assert_uint_eq(both_tell(&twins), 0);
    peers_send(&twins, "ab");
    ck_assert_uint_eq(both_tell(&twins), EPOLLIN);
    ck_assert_uint_eq(both_tell(&twins), EPOLLIN);
    both_read(&twins, 1);
    ck_assert_uint_eq(both_tell(&twins), EPOLLIN);
    both_read(&twins, 1);
    ck_assert_uint_eq(both_tell(&twins), 0);
    close_twins(&twins);
}
END_TEST

START_TEST(an_edge_is_told_once_and_again_when_more_arrives)
{
    struct twins twins = open_twins(EPOLLIN | EPOLLOUT | EPOLLET);

    ck_assert_uint_eq(both_tell(&twins), EPOLLOUT);
    ck_assert_uint_eq(both_tell(&twins), 0);
    peers_send(&twins, "ab");
    ck_assert_uint_eq(both_tell(&twins), EPOLLIN | EPOLLOUT);
    ck_assert_uint_eq(both_tell(&twins), 0);
    both_read(&twins, 1);
    ck_assert_uint_eq(both_tell(&twins), 0);
    peers_send(&twins, "c");
    ck_assert_uint_eq(both_tell(&twins), EPOLLIN | EPOLLOUT);
    peers_send(&twins, "d");
    peers_send(&twins, "e");
    ck_assert_uint_eq(both_tell(&twins), EPOLLIN | EPOLLOUT);
    ck_assert_uint_eq(both_tell(&twins), 0);
    both_read(&twins, 4);
    ck_assert_uint_eq(both_tell(&twins), 0);
    close_twins(&twins);
}
END_TEST

START_TEST(a_change_of_the_item_tells_an_edge_that_lasts_again)
{
    struct twins twins = open_twins(EPOLLIN | EPOLLET);

    peers_send(&twins, "a");
    ck_assert_uint_eq(both_tell(&twins), EPOLLIN);
    ck_assert_uint_eq(both_tell(&twins), 0);
    both_change(&twins, EPOLLIN | EPOLLET);
    ck_assert_uint_eq(both_tell(&twins), EPOLLIN);
    ck_assert_uint_eq(both_tell(&twins), 0);
    both_change(&twins, EPOLLIN);
    ck_assert_uint_eq(both_tell(&twins), EPOLLIN);
    ck_assert_uint_eq(both_tell(&twins), EPOLLIN);
    close_twins(&twins);
}
END_TEST

START_TEST(a_socket_that_was_full_is_an_edge_when_it_is_writable_again)
{
    struct twins twins = open_twins(EPOLLOUT | EPOLLET);

    ck_assert_uint_eq(both_tell(&twins), EPOLLOUT);
    both_fill(&twins);
    ck_assert_uint_eq(both_tell(&twins), 0);
    peers_read_all(&twins);
    ck_assert_uint_eq(both_tell(&twins), EPOLLOUT);
    ck_assert_uint_eq(both_tell(&twins), 0);
    close_twins(&twins);
}
END_TEST

/* Only what arrives is an edge for who waits to read. */
START_TEST(an_acknowledgement_is_no_edge_while_data_lies_unread)
{
    struct twins twins = open_twins(EPOLLIN | EPOLLET);

    peers_send(&twins, "a");
    ck_assert_uint_eq(both_tell(&twins), EPOLLIN);
    ck_assert_int_eq(tapir_write(twins.end, "x", 1), 1);
    ck_assert_int_eq(write(twins.kernel_end, "x", 1), 1);
    peers_read_all(&twins);
    ck_assert_uint_eq(both_tell(&twins), 0);
    close_twins(&twins);
}
END_TEST

START_TEST(the_peers_end_is_an_edge_with_epollrdhup)
{
    struct twins twins = open_twins(EPOLLIN | EPOLLRDHUP | EPOLLET);

    ck_assert_uint_eq(both_tell(&twins), 0);
    ck_assert_int_eq(tapir_shutdown(twins.peer, SHUT_WR), 0);
    ck_assert_int_eq(shutdown(twins.kernel_peer, SHUT_WR), 0);
    ck_assert_uint_eq(both_tell(&twins), EPOLLIN | EPOLLRDHUP);
    ck_assert_uint_eq(both_tell(&twins), 0);
    close_twins(&twins);
}
END_TEST

START_TEST(a_one_shot_item_tells_one_event_until_it_is_changed)
{
    struct twins twins = open_twins(EPOLLIN | EPOLLONESHOT);

    peers_send(&twins, "a");
    ck_assert_uint_eq(both_tell(&twins), EPOLLIN);
    peers_send(&twins, "b");
    ck_assert_uint_eq(both_tell(&twins), 0);
    ck_assert_int_eq(tapir_shutdown(twins.peer, SHUT_WR), 0);
    ck_assert_int_eq(shutdown(twins.kernel_peer, SHUT_WR), 0);
    ck_assert_uint_eq(both_tell(&twins), 0);
    both_change(&twins, EPOLLIN | EPOLLONESHOT | EPOLLET);
    ck_assert_uint_eq(both_tell(&twins), EPOLLIN);
    ck_assert_uint_eq(both_tell(&twins), 0);
    close_twins(&twins);
}
END_TEST

START_TEST(an_item_of_no_events_tells_nothing_that_is_no_end)
{
    struct twins twins = open_twins(0);

    peers_send(&twins, "a");
    ck_assert_uint_eq(both_tell(&twins), 0);
    both_change(&twins, EPOLLIN);
    ck_assert_uint_eq(both_tell(&twins), EPOLLIN);
    close_twins(&twins);
}
END_TEST

/* ---- Connecting and accepting ------------------------------------------- */

START_TEST(a_connect_and_an_accept_are_edges)
{
    struct sockaddr_in to = address_of(2, PORT);

    start();
    int set = tapir_epoll_create(1);
    int server = open_listener(joined.b, PORT, 4);
    int clients[2];

    add(set, server, EPOLLIN | EPOLLET);
    for (int i = 0; i < 2; i++) {
        clients[i] = open_socket(joined.a, SOCK_STREAM | SOCK_NONBLOCK);
        int own = tapir_epoll_create1(0);

        add(own, clients[i], EPOLLOUT | EPOLLET);
        ck_assert_uint_eq(events_now(own, clients[i]), EPOLLOUT | EPOLLHUP);
        ck_assert_int_eq(
            tapir_connect(clients[i], (struct sockaddr *)&to, sizeof(to)), -1);
        ck_assert_uint_eq(events_now(own, clients[i]), EPOLLOUT);
        ck_assert_uint_eq(events_now(own, clients[i]), 0);
        ck_assert_uint_eq(events_now(set, server), EPOLLIN);
        ck_assert_uint_eq(events_now(set, server), 0);
        ck_assert_int_eq(tapir_close(own), 0);
    }
    close_all((int[]){set, server, clients[0], clients[1]}, 4);
    stop();
}
END_TEST

/* ---- Errors ------------------------------------------------------------- */

/* Each was tried on the kernel, see epoll_ctl(2). */
START_TEST(mistakes_are_told_as_linux_tells_them)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct timespec no_time = {.tv_nsec = 1000000000};

    start();
    int set = tapir_epoll_create1(0);
    int fd = bound_socket(joined.b, 2, PORT);
    int file = tapir_import(open("/proc/self/exe", O_RDONLY));

    expect_error(tapir_epoll_create(0), EINVAL);
    expect_error(tapir_epoll_create1(1), EINVAL);
    expect_error(tapir_epoll_ctl(set, EPOLL_CTL_ADD, 99, NULL), EFAULT);
    expect_error(tapir_epoll_ctl(set, EPOLL_CTL_ADD, 99, &event), EBADF);
    expect_error(tapir_epoll_ctl(99, EPOLL_CTL_ADD, fd, &event), EBADF);
    expect_error(tapir_epoll_ctl(fd, EPOLL_CTL_ADD, fd, &event), EINVAL);
    expect_error(tapir_epoll_ctl(set, 9, fd, &event), EINVAL);
    expect_error(tapir_epoll_ctl(set, EPOLL_CTL_ADD, set, &event), EINVAL);
    expect_error(tapir_epoll_ctl(set, EPOLL_CTL_ADD, file, &event), EPERM);
    expect_error(tapir_epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL), ENOENT);
    expect_error(tapir_epoll_wait(99, &event, 1, 0), EBADF);
    expect_error(tapir_epoll_wait(fd, &event, 1, 0), EINVAL);
    expect_error(tapir_epoll_wait(set, &event, 0, 0), EINVAL);
    expect_error(tapir_epoll_wait(set, &event, INT32_MAX, 0), EINVAL);
    expect_error(tapir_epoll_pwait2(set, &event, 1, &no_time, NULL), EINVAL);
    expect_error((int)tapir_read(set, &event, 1), EINVAL);
    expect_error((int)tapir_write(set, &event, 1), EINVAL);
    close_all((int[]){set, fd, file}, 3);
    stop();
}
END_TEST

START_TEST(exclusive_items_have_linuxs_rules)
{
    start();
    int set = tapir_epoll_create1(0);
    int inner = tapir_epoll_create1(0);
    int fd = bound_socket(joined.b, 2, PORT);
    int other = bound_socket(joined.b, 2, PORT + 1);

    expect_error(control(set, EPOLL_CTL_ADD, fd,
                         EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT),
                 EINVAL);
    expect_error(
        control(set, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLRDHUP),
        EINVAL);
    expect_error(control(set, EPOLL_CTL_ADD, inner, EPOLLIN | EPOLLEXCLUSIVE),
                 EINVAL);
    add(set, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLET | EPOLLWAKEUP);
    expect_error(control(set, EPOLL_CTL_MOD, fd, EPOLLIN), EINVAL);
    add(set, other, EPOLLIN);
    expect_error(control(set, EPOLL_CTL_MOD, other, EPOLLIN | EPOLLEXCLUSIVE),
                 EINVAL);
    close_all((int[]){set, inner, fd, other}, 4);
    stop();
}
END_TEST

/* ---- Sets in sets ------------------------------------------------------- */

START_TEST(a_set_in_a_set_is_ready_while_something_in_it_is)
{
    char data[4];
    int ends[2];

    start();
    int outer = tapir_epoll_create1(0);
    int inner = tapir_epoll_create1(0);
    int fd = bound_socket(joined.b, 2, PORT);
    int client = open_socket(joined.a, SOCK_DGRAM);
    struct pollfd polled = {.fd = outer, .events = POLLIN};

    ck_assert_int_eq(pipe(ends), 0);
    int in = tapir_import(ends[0]);

    add(outer, inner, EPOLLIN);
    ck_assert_uint_eq(events_now(outer, inner), 0);
    add(inner, fd, EPOLLIN);
    send_datagram(client, PORT);
    ck_assert_uint_eq(events_now(outer, inner), EPOLLIN);
    ck_assert_uint_eq(events_now(outer, inner), EPOLLIN);
    ck_assert_int_eq(tapir_poll(&polled, 1, 0), 1);
    ck_assert_uint_eq(events_now(inner, fd), EPOLLIN);
    ck_assert_int_eq(tapir_recv(fd, data, 4, 0), 1);
    ck_assert_uint_eq(events_now(outer, inner), 0);

    add(inner, in, EPOLLIN); /* the same with what the kernel has */
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_uint_eq(events_now(outer, inner), EPOLLIN);
    ck_assert_int_eq(tapir_poll(&polled, 1, 0), 1);
    ck_assert_uint_eq(events_now(inner, in), EPOLLIN);
    ck_assert_int_eq(tapir_read(in, data, 1), 1);
    ck_assert_uint_eq(events_now(outer, inner), 0);
    ck_assert_int_eq(tapir_poll(&polled, 1, 0), 0);
    close(ends[1]);
    close_all((int[]){outer, inner, fd, client, in}, 5);
    stop();
}
END_TEST

START_TEST(a_one_shot_set_in_a_set_is_told_once)
{
    int ends[2];

    start();
    int outer = tapir_epoll_create1(0);
    int inner = tapir_epoll_create1(0);

    ck_assert_int_eq(pipe(ends), 0);
    int in = tapir_import(ends[0]);

    add(outer, inner, EPOLLIN | EPOLLONESHOT);
    add(inner, in, EPOLLIN);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_uint_eq(events_now(outer, inner), EPOLLIN);
    ck_assert_uint_eq(events_now(outer, inner), 0);
    ck_assert_int_eq(
        control(outer, EPOLL_CTL_MOD, inner, EPOLLIN | EPOLLONESHOT), 0);
    ck_assert_uint_eq(events_now(outer, inner), EPOLLIN);
    close(ends[1]);
    close_all((int[]){outer, inner, in}, 3);
    stop();
}
END_TEST

/* Tried on the kernel: five sets, and no loop. */
START_TEST(sets_lie_five_deep_and_in_no_circle)
{
    int sets[6];

    for (int i = 0; i < 6; i++)
        sets[i] = tapir_epoll_create1(0);
    for (int i = 0; i < 4; i++)
        add(sets[i + 1], sets[i], EPOLLIN);
    expect_error(control(sets[5], EPOLL_CTL_ADD, sets[4], EPOLLIN), ELOOP);
    expect_error(control(sets[0], EPOLL_CTL_ADD, sets[5], EPOLLIN), ELOOP);
    expect_error(control(sets[0], EPOLL_CTL_ADD, sets[1], EPOLLIN), ELOOP);
    ck_assert_int_eq(control(sets[1], EPOLL_CTL_DEL, sets[0], 0), 0);
    add(sets[5], sets[4], EPOLLIN);
    close_all(sets, 6);
}
END_TEST

/* ---- Both kinds, and many ----------------------------------------------- */

START_TEST(timers_events_and_signals_of_the_kernel_lie_beside_sockets)
{
    struct itimerspec soon = {.it_value = {.tv_nsec = 1}};
    struct epoll_event told[8];
    sigset_t usr2;
    int seen = 0;

    start();
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &usr2, NULL);
    int set = tapir_epoll_create1(0);
    int fd = bound_socket(joined.b, 2, PORT);
    int client = open_socket(joined.a, SOCK_DGRAM);
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    int fds[4] = {fd, tapir_import(timer), tapir_import(eventfd(1, 0)),
                  tapir_import(signalfd(-1, &usr2, 0))};

    ck_assert_int_eq(timerfd_settime(timer, 0, &soon, NULL), 0);
    pthread_kill(pthread_self(), SIGUSR2);
    send_datagram(client, PORT);
    for (int i = 0; i < 4; i++)
        add(set, fds[i], EPOLLIN | EPOLLET);
    while (seen != 15) { /* each of the four, in whatever order */
        int count = tapir_epoll_wait(set, told, 8, -1);

        for (int i = 0; i < count; i++) {
            for (int j = 0; j < 4; j++)
                seen |= told[i].data.fd == fds[j] ? 1 << j : 0;
        }
    }
    ck_assert_int_eq(tapir_epoll_wait(set, told, 8, 0), 0);
    close_all(fds, 4);
    close_all((int[]){set, client}, 2);
    stop();
}
END_TEST

START_TEST(ten_thousand_idle_sockets_are_not_looked_at)
{
    static int fds[MANY];
    struct epoll_event told;
    uint64_t before;

    start();
    int set = tapir_epoll_create1(0);
    int client = open_socket(joined.a, SOCK_DGRAM);

    for (int i = 0; i < MANY; i++) {
        fds[i] = bound_socket(joined.b, 2, (uint16_t)(PORT + i));
        add(set, fds[i], i % 2 == 0 ? EPOLLIN : EPOLLIN | EPOLLET);
    }
    before = the_host.looks;
    for (int i = 0; i < 100; i++) {
        send_datagram(client, (uint16_t)(PORT + i * 97));
        ck_assert_int_eq(tapir_epoll_wait(set, &told, 1, -1), 1);
        ck_assert_int_eq(told.data.fd, fds[i * 97]);
        ck_assert_int_eq(tapir_recv(told.data.fd, &told, 1, 0), 1);
    }
    ck_assert_uint_le(the_host.looks - before, 200); /* ready, then no more */
    close_all(fds, MANY);
    close_all((int[]){set, client}, 2);
    stop();
}
END_TEST

/* ---- Threads ------------------------------------------------------------ */

static void *wait_on_set(void *argument)
{
    struct epoll_event told;

    return (void *)(intptr_t)tapir_epoll_wait(*(int *)argument, &told, 1, -1);
}

static pthread_t run(int *set)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, wait_on_set, set), 0);
    return thread;
}

static intptr_t result_of(pthread_t thread)
{
    void *result;

    ck_assert_int_eq(pthread_join(thread, &result), 0);
    return (intptr_t)result;
}

START_TEST(an_event_wakes_one_set_of_those_that_have_the_socket_exclusively)
{
    pthread_t threads[2];
    int sets[2];

    start();
    int fd = bound_socket(joined.b, 2, PORT);
    int client = open_socket(joined.a, SOCK_DGRAM);

    for (int i = 0; i < 2; i++) {
        sets[i] = tapir_epoll_create1(0);
        add(sets[i], fd, EPOLLIN | EPOLLEXCLUSIVE);
        threads[i] = run(&sets[i]);
        await_sleepers((unsigned)i + 1);
    }
    send_datagram(client, PORT);
    ck_assert_int_eq(result_of(threads[0]), 1);
    await_sleepers(1);           /* the other one sleeps on */
    send_datagram(client, PORT); /* now nobody waits on the first set */
    ck_assert_int_eq(result_of(threads[1]), 1);
    close_all((int[]){fd, client, sets[0], sets[1]}, 4);
    stop();
}
END_TEST

START_TEST(two_events_wake_two_threads_on_one_set)
{
    pthread_t threads[2];

    start();
    int set = tapir_epoll_create1(0);
    int fds[2] = {bound_socket(joined.b, 2, PORT),
                  bound_socket(joined.b, 2, PORT + 1)};
    int client = open_socket(joined.a, SOCK_DGRAM);

    add(set, fds[0], EPOLLIN | EPOLLET);
    add(set, fds[1], EPOLLIN | EPOLLET);
    for (int i = 0; i < 2; i++) {
        threads[i] = run(&set);
        await_sleepers((unsigned)i + 1);
    }
    send_datagram(client, PORT);
    send_datagram(client, PORT + 1);
    ck_assert_int_eq(result_of(threads[0]), 1);
    ck_assert_int_eq(result_of(threads[1]), 1);
    close_all((int[]){set, fds[0], fds[1], client}, 4);
    stop();
}
END_TEST

static _Atomic int returned;

static void *wait_and_count(void *argument)
{
    void *result = wait_on_set(argument);

    returned++;
    return result;
}

START_TEST(one_edge_wakes_one_thread_on_a_set)
{
    pthread_t threads[2];

    start();
    int set = tapir_epoll_create1(0);
    int fd = bound_socket(joined.b, 2, PORT);
    int client = open_socket(joined.a, SOCK_DGRAM);

    add(set, fd, EPOLLIN | EPOLLET);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, wait_and_count, &set), 0);
        await_sleepers((unsigned)i + 1);
    }
    send_datagram(client, PORT);
    while (returned == 0)
        sched_yield();
    await_sleepers(1); /* the other one sleeps on */
    ck_assert_int_eq(returned, 1);
    send_datagram(client, PORT);
    ck_assert_int_eq(result_of(threads[0]), 1);
    ck_assert_int_eq(result_of(threads[1]), 1);
    close_all((int[]){set, fd, client}, 3);
    stop();
}
END_TEST

START_TEST(closing_a_set_wakes_whoever_waits_on_it)
{
    start();
    int set = tapir_epoll_create1(0);
    pthread_t thread = run(&set);

    await_sleepers(1);
    ck_assert_int_eq(tapir_close(set), 0);
    ck_assert_int_eq(result_of(thread), -1);
    stop();
}
END_TEST

START_TEST(a_socket_stays_in_the_set_while_a_duplicate_of_it_lives)
{
    start();
    int set = tapir_epoll_create1(0);
    int fd = bound_socket(joined.b, 2, PORT);
    int twin = tapir_dup(fd);
    int client = open_socket(joined.a, SOCK_DGRAM);

    add(set, fd, EPOLLIN);
    ck_assert_int_eq(tapir_close(fd), 0);
    send_datagram(client, PORT);
    ck_assert_uint_eq(events_now(set, fd), EPOLLIN); /* as Linux */
    ck_assert_int_eq(tapir_close(twin), 0);
    ck_assert_uint_eq(events_now(set, fd), 0);
    close_all((int[]){set, client}, 2);
    stop();
}
END_TEST

UNIT_MAIN("host_epoll", a_level_is_told_as_long_as_it_lasts,
          an_edge_is_told_once_and_again_when_more_arrives,
          a_change_of_the_item_tells_an_edge_that_lasts_again,
          a_socket_that_was_full_is_an_edge_when_it_is_writable_again,
          an_acknowledgement_is_no_edge_while_data_lies_unread,
          the_peers_end_is_an_edge_with_epollrdhup,
          a_one_shot_item_tells_one_event_until_it_is_changed,
          an_item_of_no_events_tells_nothing_that_is_no_end,
          a_connect_and_an_accept_are_edges,
          mistakes_are_told_as_linux_tells_them,
          exclusive_items_have_linuxs_rules,
          a_set_in_a_set_is_ready_while_something_in_it_is,
          a_one_shot_set_in_a_set_is_told_once,
          sets_lie_five_deep_and_in_no_circle,
          timers_events_and_signals_of_the_kernel_lie_beside_sockets,
          ten_thousand_idle_sockets_are_not_looked_at,
          an_event_wakes_one_set_of_those_that_have_the_socket_exclusively,
          two_events_wake_two_threads_on_one_set,
          one_edge_wakes_one_thread_on_a_set,
          closing_a_set_wakes_whoever_waits_on_it,
          a_socket_stays_in_the_set_while_a_duplicate_of_it_lives)
