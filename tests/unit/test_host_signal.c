/*
 * Signals and calls that wait: which go on after a handler with SA_RESTART and
 * which end with EINTR (signal(7), "Interruption of system calls"). Each is
 * tried on whoever drives and on whoever sleeps beside.
 */
#define _GNU_SOURCE
#include "unit.h"

#include "host/host.h"

#include "joined.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { PORT = 7000 };

/*
 * ThreadSanitizer keeps a signal until the thread comes back from the system
 * call, which a futex(2) that the kernel restarts does not do: with it, whoever
 * sleeps there is left alone.
 */
#ifdef __SANITIZE_THREAD__
enum { DRIVER_ONLY = 1 };
#else
enum { DRIVER_ONLY = 0 };
#endif

static struct joined joined;
static _Atomic int handled; /* how often a handler has run */

static void start(void)
{
    joined = joined_open(TAPIR_CLOCK_REAL);
}

static void stop(void)
{
    joined_close(&joined);
}

static void handle(int number)
{
    (void)number;
    handled++;
}

static void catch_signal(int number, int flags)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = flags};

    ck_assert_int_eq(sigaction(number, &action, NULL), 0);
}

/* Sends the signal and returns when its handler has run. */
static void interrupt(pthread_t thread, int number)
{
    int before = handled;

    pthread_kill(thread, number);
    while (handled == before)
        sched_yield();
}

struct blocked {
    int fd;
    ssize_t (*call)(int fd);
    ssize_t result;
    int error;
    pthread_t thread;
};

static void *call_blocked(void *argument)
{
    struct blocked *blocked = argument;

    blocked->result = blocked->call(blocked->fd);
    blocked->error = errno;
    return NULL;
}

static void begin(struct blocked *blocked, int fd, ssize_t (*call)(int fd))
{
    *blocked = (struct blocked){.fd = fd, .call = call};
    ck_assert_int_eq(
        pthread_create(&blocked->thread, NULL, call_blocked, blocked), 0);
}

static void end(struct blocked *blocked)
{
    ck_assert_int_eq(pthread_join(blocked->thread, NULL), 0);
}

static ssize_t do_receive(int fd)
{
    char data[16];

    return tapir_recv(fd, data, sizeof(data), 0);
}

static ssize_t do_accept(int fd)
{
    return tapir_accept(fd, NULL, NULL);
}

static ssize_t do_send(int fd)
{
    static char data[8 << 20];

    return tapir_send(fd, data, sizeof(data), 0);
}

static ssize_t do_connect(int fd)
{
    struct sockaddr_in to = address_of(77, PORT); /* nobody is there */

    return tapir_connect(fd, (struct sockaddr *)&to, sizeof(to));
}

static ssize_t do_poll(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    return tapir_poll(&polled, 1, -1);
}

static ssize_t do_select(int fd)
{
    fd_set readable;

    FD_ZERO(&readable);
    FD_SET(fd, &readable);
    return tapir_select(fd + 1, &readable, NULL, NULL, NULL);
}

static ssize_t do_epoll_wait(int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    int set = tapir_epoll_create1(0);
    ssize_t r;
    int error;

    r = tapir_epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
    if (r == 0)
        r = tapir_epoll_wait(set, &event, 1, -1);
    error = errno;
    tapir_close(set);
    errno = error;
    return r;
}

static void send_datagram(uint16_t port)
{
    struct sockaddr_in to = address_of(2, port);
    int fd = open_socket(joined.a, SOCK_DGRAM);

    ck_assert_int_eq(
        tapir_sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
    ck_assert_int_eq(tapir_close(fd), 0);
}

/* Two threads wait: the first drives, the second sleeps in futex(2). */
static void begin_two(struct blocked blocked[2], ssize_t (*call)(int fd))
{
    start();
    for (int i = 0; i < 2; i++) {
        begin(&blocked[i], bound_socket(joined.b, 2, (uint16_t)(PORT + i)),
              call);
        await_sleepers((unsigned)i + 1);
    }
}

static void expect_interrupted(struct blocked *blocked, int number)
{
    interrupt_until_end(blocked->thread, number);
    ck_assert_int_eq(blocked->result, -1);
    ck_assert_int_eq(blocked->error, EINTR);
}

START_TEST(a_receive_goes_on_after_a_handler_with_sa_restart)
{
    struct blocked blocked[2];

    catch_signal(SIGUSR1, SA_RESTART);
    begin_two(blocked, do_receive);
    for (int i = 0; i < 2 - DRIVER_ONLY; i++) {
        interrupt(blocked[i].thread, SIGUSR1);
        await_sleepers(2);
    }
    for (int i = 0; i < 2; i++) {
        send_datagram((uint16_t)(PORT + i));
        end(&blocked[i]);
        ck_assert_int_eq(blocked[i].result, 1);
        ck_assert_int_eq(tapir_close(blocked[i].fd), 0);
    }
    stop();
}
END_TEST

START_TEST(a_receive_ends_after_a_handler_without_sa_restart)
{
    struct blocked blocked[2];

    catch_signal(SIGUSR1, 0);
    begin_two(blocked, do_receive);
    for (int i = 1; i >= 0; i--) {
        expect_interrupted(&blocked[i], SIGUSR1);
        ck_assert_int_eq(tapir_close(blocked[i].fd), 0);
    }
    stop();
}
END_TEST

/* Whoever sleeps in futex(2) is told by the kernel which handler has run. */
START_TEST(a_sleeper_goes_on_though_another_handler_would_interrupt_it)
{
    struct blocked blocked[2];

    catch_signal(SIGUSR1, SA_RESTART);
    catch_signal(SIGUSR2, 0);
    begin_two(blocked, do_receive);
    if (!DRIVER_ONLY)
        interrupt(blocked[1].thread, SIGUSR1);
    await_sleepers(2);
    expect_interrupted(&blocked[1], SIGUSR2);
    expect_interrupted(&blocked[0], SIGUSR2);
    ck_assert_int_eq(tapir_close(blocked[0].fd), 0);
    ck_assert_int_eq(tapir_close(blocked[1].fd), 0);
    stop();
}
END_TEST

START_TEST(a_driver_goes_on_though_another_handler_would_interrupt_it)
{
    struct blocked blocked;

    catch_signal(SIGUSR1, SA_RESTART);
    catch_signal(SIGUSR2, 0);
    start();
    begin(&blocked, bound_socket(joined.b, 2, PORT), do_receive);
    await_sleepers(1);
    for (int i = 0; i < 3; i++) {
        interrupt(blocked.thread, SIGUSR1);
        await_sleepers(1);
    }
    send_datagram(PORT);
    end(&blocked);
    ck_assert_int_eq(blocked.result, 1);
    ck_assert_int_eq(tapir_close(blocked.fd), 0);
    stop();
}
END_TEST

/* Where a wait that is asked again (--spin) is in ppoll, it is no other. */
START_TEST(a_driver_that_spins_is_interrupted_as_one_that_sleeps)
{
    ssize_t (*const calls[])(int) = {do_receive, do_poll};

    for (size_t i = 0; i < ARRAY_LENGTH(calls); i++) {
        struct blocked blocked;

        catch_signal(SIGUSR1, 0);
        start();
        host_lock(); /* the helper may be looking */
        joined.b->spin = USEC_PER_SEC;
        host_unlock();
        begin(&blocked, bound_socket(joined.b, 2, PORT), calls[i]);
        await_sleepers(1);
        expect_interrupted(&blocked, SIGUSR1);
        ck_assert_int_eq(tapir_close(blocked.fd), 0);
        stop();
    }
}
END_TEST

/* A mask that is not everybody's; the pending signal stays where it is. */
static ssize_t receive_with_usr2_blocked(int fd)
{
    sigset_t usr2;

    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &usr2, NULL);
    return do_receive(fd);
}

START_TEST(a_signal_that_the_thread_blocks_does_not_wake_it)
{
    struct blocked blocked;

    catch_signal(SIGUSR1, 0);
    catch_signal(SIGUSR2, 0);
    start();
    begin(&blocked, bound_socket(joined.b, 2, PORT), receive_with_usr2_blocked);
    await_sleepers(1);
    pthread_kill(blocked.thread, SIGUSR2);
    await_sleepers(1);
    ck_assert_int_eq(handled, 0);
    expect_interrupted(&blocked, SIGUSR1);
    ck_assert_int_ge(handled, 1);
    ck_assert_int_eq(tapir_close(blocked.fd), 0);
    stop();
}
END_TEST

START_TEST(a_signal_without_a_handler_interrupts_nothing)
{
    struct blocked blocked[2];

    signal(SIGUSR1, SIG_IGN);
    begin_two(blocked, do_receive);
    for (int i = 0; i < 2; i++) {
        pthread_kill(blocked[i].thread, SIGUSR1);
        pthread_kill(blocked[i].thread, SIGCHLD);
        await_sleepers(2);
    }
    for (int i = 0; i < 2; i++) {
        send_datagram((uint16_t)(PORT + i));
        end(&blocked[i]);
        ck_assert_int_eq(blocked[i].result, 1);
        ck_assert_int_eq(tapir_close(blocked[i].fd), 0);
    }
    stop();
}
END_TEST

START_TEST(with_a_time_out_nothing_restarts)
{
    struct timeval long_time = {.tv_sec = 50};
    struct blocked blocked;

    catch_signal(SIGUSR1, SA_RESTART);
    start();
    int fd = bound_socket(joined.b, 2, PORT);

    ck_assert_int_eq(tapir_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &long_time,
                                      sizeof(long_time)),
                     0);
    begin(&blocked, fd, do_receive);
    await_sleepers(1);
    expect_interrupted(&blocked, SIGUSR1);
    ck_assert_int_eq(tapir_close(fd), 0);
    stop();
}
END_TEST

START_TEST(poll_select_and_epoll_wait_never_restart)
{
    ssize_t (*const calls[])(int) = {do_poll, do_select, do_epoll_wait};

    catch_signal(SIGUSR1, SA_RESTART);
    for (size_t i = 0; i < ARRAY_LENGTH(calls); i++) {
        struct blocked blocked[2];

        begin_two(blocked, calls[i]);
        for (int j = 1; j >= 0; j--) {
            expect_interrupted(&blocked[j], SIGUSR1);
            ck_assert_int_eq(tapir_close(blocked[j].fd), 0);
        }
        stop();
    }
}
END_TEST

START_TEST(accept_restarts)
{
    struct blocked blocked;

    catch_signal(SIGUSR1, SA_RESTART);
    start();
    int server = open_listener(joined.b, PORT, 1);

    begin(&blocked, server, do_accept);
    await_sleepers(1);
    interrupt(blocked.thread, SIGUSR1);
    await_sleepers(1);
    int client = open_connection(joined.a, PORT);

    end(&blocked);
    ck_assert_int_ge((int)blocked.result, 0);
    ck_assert_int_eq(tapir_close((int)blocked.result), 0);
    ck_assert_int_eq(tapir_close(client), 0);
    ck_assert_int_eq(tapir_close(server), 0);
    stop();
}
END_TEST

/* What was taken before the signal counts, and nothing restarts then. */
START_TEST(a_send_that_has_sent_something_tells_how_much)
{
    struct blocked blocked;

    catch_signal(SIGUSR1, 0);
    start();
    int server = open_listener(joined.b, PORT, 1);
    int client = open_connection(joined.a, PORT);

    begin(&blocked, client, do_send);
    await_sleepers(1);
    interrupt(blocked.thread, SIGUSR1);
    end(&blocked);
    ck_assert_int_gt(blocked.result, 0);
    ck_assert_int_lt(blocked.result, 8 << 20);
    do { /* until it is full: then nothing is taken */
        begin(&blocked, client, do_send);
        await_sleepers(1);
        interrupt(blocked.thread, SIGUSR1);
        end(&blocked);
    } while (blocked.result > 0);
    ck_assert_int_eq(blocked.error, EINTR);
    ck_assert_int_eq(tapir_close(client), 0);
    ck_assert_int_eq(tapir_close(server), 0);
    stop();
}
END_TEST

START_TEST(an_interrupted_connect_goes_on_by_itself)
{
    struct blocked blocked;
    int error;
    socklen_t len = sizeof(error);

    catch_signal(SIGUSR1, 0);
    start();
    int fd = open_socket(joined.a, SOCK_STREAM);
    struct pollfd polled = {.fd = fd, .events = POLLOUT};

    begin(&blocked, fd, do_connect);
    await_sleepers(1);
    expect_interrupted(&blocked, SIGUSR1);
    ck_assert_int_eq(tapir_poll(&polled, 1, 10000), 1);
    ck_assert_int_eq(tapir_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len),
                     0);
    ck_assert_int_eq(error, EHOSTUNREACH);
    ck_assert_int_eq(tapir_close(fd), 0);
    stop();
}
END_TEST

START_TEST(a_mask_of_epoll_pwait_lets_a_pending_signal_through)
{
    struct epoll_event event = {.events = EPOLLIN};
    sigset_t blocked;
    sigset_t mask;

    catch_signal(SIGUSR1, SA_RESTART);
    start();
    int set = tapir_epoll_create1(0);
    int fd = bound_socket(joined.b, 2, PORT);
    fd_set readable;

    ck_assert_int_eq(tapir_epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), 0);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, &mask);
    pthread_kill(pthread_self(), SIGUSR1);
    ck_assert_int_eq(tapir_epoll_pwait(set, &event, 1, 1, NULL), 0);
    ck_assert_int_eq(tapir_epoll_pwait(set, &event, 1, -1, &mask), -1);
    ck_assert_int_eq(errno, EINTR);
    pthread_kill(pthread_self(), SIGUSR1);
    ck_assert_int_eq(tapir_epoll_pwait2(set, &event, 1, NULL, &mask), -1);
    ck_assert_int_eq(errno, EINTR);
    pthread_kill(pthread_self(), SIGUSR1);
    FD_ZERO(&readable);
    FD_SET(fd, &readable);
    ck_assert_int_eq(tapir_pselect(fd + 1, &readable, NULL, NULL, NULL, &mask),
                     -1);
    ck_assert_int_eq(errno, EINTR);
    ck_assert_int_eq(tapir_close(fd), 0);
    ck_assert_int_eq(tapir_close(set), 0);
    stop();
}
END_TEST

START_TEST(select_stores_what_is_left_of_its_time)
{
    struct timeval time = {.tv_sec = 50};
    fd_set readable;

    start();
    int fd = bound_socket(joined.b, 2, PORT);

    send_datagram(PORT);
    FD_ZERO(&readable);
    FD_SET(fd, &readable);
    ck_assert_int_eq(tapir_select(fd + 1, &readable, NULL, NULL, &time), 1);
    ck_assert_int_ge(time.tv_sec, 40);
    time = (struct timeval){.tv_usec = 1000};
    FD_ZERO(&readable);
    ck_assert_int_eq(tapir_select(fd + 1, &readable, NULL, NULL, &time), 0);
    ck_assert_int_eq(time.tv_sec + time.tv_usec, 0);
    ck_assert_int_eq(tapir_close(fd), 0);
    stop();
}
END_TEST

UNIT_MAIN("host_signal", a_receive_goes_on_after_a_handler_with_sa_restart,
          a_receive_ends_after_a_handler_without_sa_restart,
          a_sleeper_goes_on_though_another_handler_would_interrupt_it,
          a_driver_goes_on_though_another_handler_would_interrupt_it,
          a_driver_that_spins_is_interrupted_as_one_that_sleeps,
          a_signal_that_the_thread_blocks_does_not_wake_it,
          a_signal_without_a_handler_interrupts_nothing,
          with_a_time_out_nothing_restarts,
          poll_select_and_epoll_wait_never_restart, accept_restarts,
          a_send_that_has_sent_something_tells_how_much,
          an_interrupted_connect_goes_on_by_itself,
          a_mask_of_epoll_pwait_lets_a_pending_signal_through,
          select_stores_what_is_left_of_its_time)
