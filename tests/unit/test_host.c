/*
 * The calls of tapir.h on the real clock: blocking, threads, signals, poll and
 * epoll, over two stacks of this process. No network is used.
 */
#define _GNU_SOURCE /* ppoll's types */
#include "unit.h"

#include "host/host.h"

#include "joined.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT = 7000, TRANSFER_MAX = 3000000, CONNECTIONS = 200 };

static struct joined joined;

static void start(void)
{
    joined = joined_open(TAPIR_CLOCK_REAL);
}

static void stop(void)
{
    joined_close(&joined);
}

static pthread_t run(void *(*function)(void *), void *argument)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, function, argument), 0);
    return thread;
}

static void *join_thread(pthread_t thread)
{
    void *result;

    ck_assert_int_eq(pthread_join(thread, &result), 0);
    return result;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(tapir_close(fds[i]), 0);
}

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 31 + at / 256);
}

/* ---- Descriptors ------------------------------------------------------- */

START_TEST(new_descriptors_begin_at_three_and_reuse_the_lowest)
{
    start();
    int a = open_socket(joined.a, SOCK_DGRAM);
    int b = open_socket(joined.a, SOCK_DGRAM);

    ck_assert_int_eq(a, 3);
    ck_assert_int_eq(b, 4);
    ck_assert_int_eq(tapir_close(a), 0);
    ck_assert_int_eq(open_socket(joined.b, SOCK_STREAM), 3);
    ck_assert_int_eq(tapir_close(3), 0);
    ck_assert_int_eq(tapir_close(3), -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_int_eq(tapir_close(b), 0);
    stop();
}
END_TEST

START_TEST(an_imported_pipe_is_read_and_written)
{
    int ends[2];
    char data[8];

    ck_assert_int_eq(pipe(ends), 0);
    int in = tapir_import(ends[0]);
    int out = tapir_import(ends[1]);

    ck_assert_int_eq(in, 3);
    ck_assert_int_eq(tapir_write(out, "hello", 5), 5);
    ck_assert_int_eq(tapir_read(in, data, sizeof(data)), 5);
    ck_assert_mem_eq(data, "hello", 5);
    ck_assert_int_eq(tapir_close(out), 0);
    ck_assert_int_eq(tapir_read(in, data, sizeof(data)), 0);
    ck_assert_int_eq(tapir_send(in, data, 1, 0), -1);
    ck_assert_int_eq(errno, ENOTSOCK);
    ck_assert_int_eq(tapir_close(in), 0);
    ck_assert_int_eq(fcntl(ends[0], F_GETFD), -1);
    ck_assert_int_eq(tapir_import(ends[0]), -1);
    ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(flags_are_kept)
{
    int on = 1;

    start();
    int fd = open_socket(joined.a, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC);

    ck_assert_int_ne(tapir_fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(tapir_fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(tapir_fcntl(fd, F_SETFL, 0), 0);
    ck_assert_int_eq(tapir_fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(tapir_ioctl(fd, FIONBIO, &on), 0);
    ck_assert_int_ne(tapir_fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(tapir_fcntl(fd, F_GETLK), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(tapir_close(fd), 0);
    stop();
}
END_TEST

START_TEST(wrong_sockets_are_refused)
{
    start();
    ck_assert_int_eq(tapir_socket_on(joined.a, AF_INET6, SOCK_STREAM, 0), -1);
    ck_assert_int_eq(errno, EAFNOSUPPORT);
    ck_assert_int_eq(tapir_recv(77, NULL, 0, 0), -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_int_eq(tapir_listen(0, 1), -1);
    ck_assert_int_eq(errno, ENOTSOCK);
    stop();
}
END_TEST

/* ---- Datagrams --------------------------------------------------------- */

static void *echo_one_datagram(void *argument)
{
    int fd = *(int *)argument;
    char data[100];
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    ssize_t got = tapir_recvfrom(fd, data, sizeof(data), 0,
                                 (struct sockaddr *)&from, &len);

    if (got < 0 || tapir_sendto(fd, data, (size_t)got, 0,
                                (struct sockaddr *)&from, len) != got)
        return NULL;
    return argument;
}

START_TEST(a_datagram_is_echoed_by_a_thread)
{
    struct sockaddr_in remote = address_of(2, PORT);
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    char data[100];

    start();
    int server = bound_socket(joined.b, 2, PORT);
    int client = open_socket(joined.a, SOCK_DGRAM);
    pthread_t thread = run(echo_one_datagram, &server);

    ck_assert_int_eq(tapir_sendto(client, "ping", 4, 0,
                                  (struct sockaddr *)&remote, sizeof(remote)),
                     4);
    ck_assert_int_eq(tapir_recvfrom(client, data, sizeof(data), 0,
                                    (struct sockaddr *)&from, &len),
                     4);
    ck_assert_mem_eq(data, "ping", 4);
    ck_assert_int_eq(from.sin_port, htons(PORT));
    ck_assert_int_eq(from.sin_addr.s_addr, remote.sin_addr.s_addr);
    ck_assert_ptr_nonnull(join_thread(thread));
    close_all((int[]){server, client}, 2);
    stop();
}
END_TEST

START_TEST(a_message_of_pieces_says_whether_it_was_cut)
{
    struct sockaddr_in remote = address_of(2, PORT);
    struct iovec out[3] = {{.iov_base = (char[]){"abc"}, .iov_len = 3},
                           {.iov_base = (char[]){""}, .iov_len = 0},
                           {.iov_base = (char[]){"defg"}, .iov_len = 4}};
    char one[2];
    char two[3];
    struct iovec in[2] = {{.iov_base = one, .iov_len = 2},
                          {.iov_base = two, .iov_len = 3}};
    struct sockaddr_in from;
    struct msghdr message = {.msg_name = &remote,
                             .msg_namelen = sizeof(remote),
                             .msg_iov = out,
                             .msg_iovlen = 3};

    start();
    int server = bound_socket(joined.b, 2, PORT);
    int client = open_socket(joined.a, SOCK_DGRAM);

    ck_assert_int_eq(tapir_sendmsg(client, &message, 0), 7);
    message = (struct msghdr){.msg_name = &from,
                              .msg_namelen = sizeof(from),
                              .msg_iov = in,
                              .msg_iovlen = 2,
                              .msg_controllen = 5};
    ck_assert_int_eq(tapir_recvmsg(server, &message, 0), 5);
    ck_assert_mem_eq(one, "ab", 2);
    ck_assert_mem_eq(two, "cde", 3);
    ck_assert_int_eq(message.msg_flags, MSG_TRUNC);
    ck_assert_uint_eq(message.msg_controllen, 0);
    ck_assert_uint_eq(message.msg_namelen, sizeof(from));
    close_all((int[]){server, client}, 2);
    stop();
}
END_TEST

START_TEST(a_receive_that_must_not_wait_says_eagain)
{
    char data[1];

    start();
    int fd = bound_socket(joined.b, 2, PORT);

    ck_assert_int_eq(tapir_recv(fd, data, 1, MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(tapir_fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(tapir_recv(fd, data, 1, 0), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(tapir_close(fd), 0);
    stop();
}
END_TEST

START_TEST(a_receive_ends_when_its_time_is_over)
{
    struct timeval timeout = {.tv_usec = 30000};
    struct timeval told;
    socklen_t len = sizeof(told);
    struct timespec before;
    struct timespec after;
    char data[1];

    start();
    int fd = bound_socket(joined.b, 2, PORT);

    ck_assert_int_eq(tapir_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout,
                                      sizeof(timeout)),
                     0);
    ck_assert_int_eq(tapir_getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &told, &len),
                     0);
    ck_assert_int_eq(told.tv_usec, 30000);
    clock_gettime(CLOCK_MONOTONIC, &before);
    ck_assert_int_eq(tapir_recv(fd, data, 1, 0), -1);
    ck_assert_int_eq(errno, EAGAIN);
    clock_gettime(CLOCK_MONOTONIC, &after);
    ck_assert_int_ge((after.tv_sec - before.tv_sec) * 1000 +
                         (after.tv_nsec - before.tv_nsec) / 1000000,
                     29);
    ck_assert_int_eq(tapir_close(fd), 0);
    stop();
}
END_TEST

/* ---- Waiting ----------------------------------------------------------- */

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

START_TEST(a_signal_interrupts_whoever_drives_and_whoever_sleeps)
{
    struct blocked blocked[2];
    pthread_t threads[2];

    start();
    for (int i = 0; i < 2; i++) {
        blocked[i].fd = bound_socket(joined.b, 2, (uint16_t)(PORT + i));
        threads[i] = run(receive_blocked, &blocked[i]);
        await_sleepers((unsigned)i + 1);
    }
    for (int i = 1; i >= 0; i--) {
        interrupt_until_end(threads[i], SIGUSR1);
        ck_assert_int_eq(blocked[i].result, -1);
        ck_assert_int_eq(blocked[i].error, EINTR);
        ck_assert_int_eq(tapir_close(blocked[i].fd), 0);
    }
    stop();
}
END_TEST

START_TEST(when_the_driver_goes_a_sleeper_drives_on)
{
    struct blocked blocked[2];
    pthread_t threads[2];
    struct sockaddr_in to = address_of(2, PORT + 1);

    start();
    int client = open_socket(joined.a, SOCK_DGRAM);

    for (int i = 0; i < 2; i++) {
        blocked[i].fd = bound_socket(joined.b, 2, (uint16_t)(PORT + i));
        threads[i] = run(receive_blocked, &blocked[i]);
        await_sleepers((unsigned)i + 1);
    }
    interrupt_until_end(threads[0], SIGUSR1);
    await_sleepers(1);
    ck_assert_int_eq(
        tapir_sendto(client, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
    join_thread(threads[1]);
    ck_assert_int_eq(blocked[1].result, 1);
    close_all((int[]){client, blocked[0].fd, blocked[1].fd}, 3);
    stop();
}
END_TEST

START_TEST(closing_a_socket_wakes_whoever_waits_on_it)
{
    struct blocked blocked;

    start();
    blocked.fd = bound_socket(joined.b, 2, PORT);
    pthread_t thread = run(receive_blocked, &blocked);

    await_sleepers(1);
    ck_assert_int_eq(tapir_close(blocked.fd), 0);
    join_thread(thread);
    ck_assert_int_eq(blocked.result, -1);
    ck_assert_int_eq(blocked.error, EBADF);
    stop();
}
END_TEST

START_TEST(the_end_of_a_stack_wakes_its_waiters_with_enetdown)
{
    struct blocked blocked;
    char data[1];

    start();
    blocked.fd = bound_socket(joined.b, 2, PORT);
    pthread_t thread = run(receive_blocked, &blocked);

    await_sleepers(1);
    tapir_stack_destroy(joined.b);
    join_thread(thread);
    ck_assert_int_eq(blocked.result, -1);
    ck_assert_int_eq(blocked.error, ENETDOWN);
    ck_assert_int_eq(tapir_recv(blocked.fd, data, 1, 0), -1);
    ck_assert_int_eq(errno, ENETDOWN);
    ck_assert_int_eq(tapir_close(blocked.fd), 0);
    tapir_stack_destroy(joined.a);
}
END_TEST

static void *poll_blocked(void *argument)
{
    struct pollfd *fds = argument;

    return (void *)(intptr_t)tapir_poll(fds, 2, -1);
}

static struct pollfd *polled_pair(int socket_fd, int pipe_fd,
                                  struct pollfd fds[2])
{
    fds[0] = (struct pollfd){.fd = socket_fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = pipe_fd, .events = POLLIN};
    return fds;
}

START_TEST(poll_waits_for_a_pipe_and_a_socket_together)
{
    struct pollfd fds[2];
    struct sockaddr_in to = address_of(2, PORT);
    int ends[2];
    char data[4];

    start();
    ck_assert_int_eq(pipe(ends), 0);
    int in = tapir_import(ends[0]);
    int server = bound_socket(joined.b, 2, PORT);
    int client = open_socket(joined.a, SOCK_DGRAM);

    polled_pair(server, in, fds);
    ck_assert_int_eq(tapir_poll(fds, 2, 0), 0);

    pthread_t thread = run(poll_blocked, fds);
    await_sleepers(1);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_ptr_eq(join_thread(thread), (void *)1);
    ck_assert_int_eq(fds[0].revents, 0);
    ck_assert_int_eq(fds[1].revents, POLLIN);
    ck_assert_int_eq(tapir_read(in, data, 4), 1);

    thread = run(poll_blocked, fds);
    await_sleepers(1);
    ck_assert_int_eq(
        tapir_sendto(client, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
    ck_assert_ptr_eq(join_thread(thread), (void *)1);
    ck_assert_int_eq(fds[0].revents, POLLIN);
    ck_assert_int_eq(fds[1].revents, 0);

    close(ends[1]);
    close_all((int[]){in, server, client}, 3);
    stop();
}
END_TEST

START_TEST(poll_names_what_is_no_descriptor_and_skips_negative_ones)
{
    struct pollfd fds[3] = {{.fd = 99, .events = POLLIN},
                            {.fd = -1, .events = POLLIN},
                            {.fd = 0, .events = 0}};

    ck_assert_int_eq(tapir_poll(fds, 2, -1), 1);
    ck_assert_int_eq(fds[0].revents, POLLNVAL);
    ck_assert_int_eq(fds[1].revents, 0);
    ck_assert_int_eq(tapir_poll(fds + 1, 1, 1), 0);
}
END_TEST

START_TEST(poll_of_many_descriptors_finds_the_ready_one)
{
    enum { MANY = 100 };
    struct pollfd fds[MANY];
    struct sockaddr_in to = address_of(2, PORT + 60);

    start();
    int client = open_socket(joined.a, SOCK_DGRAM);

    for (int i = 0; i < MANY; i++)
        fds[i] = (struct pollfd){
            .fd = bound_socket(joined.b, 2, (uint16_t)(PORT + i)),
            .events = POLLIN};
    ck_assert_int_eq(
        tapir_sendto(client, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
    ck_assert_int_eq(tapir_poll(fds, MANY, -1), 1);
    ck_assert_int_eq(fds[60].revents, POLLIN);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(tapir_close(fds[i].fd), 0);
    ck_assert_int_eq(tapir_close(client), 0);
    stop();
}
END_TEST

START_TEST(a_signal_that_only_ppoll_lets_through_interrupts_it)
{
    struct pollfd fd = {.events = POLLIN};
    struct timespec long_time = {.tv_sec = 50};
    sigset_t blocked;
    sigset_t mask;

    start();
    fd.fd = bound_socket(joined.b, 2, PORT);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, &mask);
    pthread_kill(pthread_self(), SIGUSR1); /* pending until ppoll */
    ck_assert_int_eq(tapir_ppoll(&fd, 1, &long_time, &mask), -1);
    ck_assert_int_eq(errno, EINTR);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    ck_assert_int_eq(tapir_close(fd.fd), 0);
    stop();
}
END_TEST

START_TEST(select_tells_readable_and_writable)
{
    fd_set readable;
    fd_set writable;
    struct timeval no_time = {0};

    start();
    int fd = bound_socket(joined.b, 2, PORT);

    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_SET(fd, &readable);
    FD_SET(fd, &writable);
    ck_assert_int_eq(tapir_select(fd + 1, &readable, &writable, NULL, &no_time),
                     1);
    ck_assert(!FD_ISSET(fd, &readable));
    ck_assert(FD_ISSET(fd, &writable));
    FD_SET(200, &readable);
    ck_assert_int_eq(tapir_select(201, &readable, NULL, NULL, &no_time), -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_int_eq(tapir_close(fd), 0);
    stop();
}
END_TEST

/* ---- epoll ------------------------------------------------------------- */

static void add_to(int epfd, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.fd = fd}};

    ck_assert_int_eq(tapir_epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event), 0);
}

START_TEST(epoll_is_level_triggered_and_mixes_both_kinds)
{
    struct epoll_event events[4];
    struct sockaddr_in to = address_of(2, PORT);
    int ends[2];
    char data[4];

    start();
    ck_assert_int_eq(pipe(ends), 0);
    int in = tapir_import(ends[0]);
    int server = bound_socket(joined.b, 2, PORT);
    int client = open_socket(joined.a, SOCK_DGRAM);
    int epfd = tapir_epoll_create1(EPOLL_CLOEXEC);

    add_to(epfd, in, EPOLLIN);
    add_to(epfd, server, EPOLLIN);
    ck_assert_int_eq(tapir_epoll_wait(epfd, events, 4, 0), 0);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_int_eq(tapir_epoll_wait(epfd, events, 4, -1), 1);
    ck_assert_int_eq(events[0].data.fd, in);
    ck_assert_int_eq(
        tapir_sendto(client, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
    ck_assert_int_eq(tapir_epoll_wait(epfd, events, 4, -1), 2);
    ck_assert_int_eq(tapir_epoll_wait(epfd, events, 4, -1), 2);
    ck_assert_int_eq(tapir_epoll_wait(epfd, events, 1, -1), 1);
    int first = events[0].data.fd;
    ck_assert_int_eq(tapir_epoll_wait(epfd, events, 1, -1), 1);
    ck_assert_int_ne(events[0].data.fd, first);

    ck_assert_int_eq(tapir_recv(server, data, 4, 0), 1);
    ck_assert_int_eq(tapir_read(in, data, 4), 1);
    ck_assert_int_eq(tapir_epoll_wait(epfd, events, 4, 0), 0);

    close(ends[1]);
    ck_assert_int_eq(tapir_epoll_wait(epfd, events, 4, -1), 1);
    ck_assert_int_eq(events[0].events, EPOLLHUP);
    close_all((int[]){in, server, client, epfd}, 4);
    stop();
}
END_TEST

START_TEST(epoll_items_are_added_changed_and_deleted_once)
{
    struct epoll_event event = {.events = EPOLLOUT};
    struct epoll_event told;

    start();
    int fd = bound_socket(joined.b, 2, PORT);
    int epfd = tapir_epoll_create1(0);

    ck_assert_int_eq(tapir_epoll_ctl(epfd, EPOLL_CTL_MOD, fd, &event), -1);
    ck_assert_int_eq(errno, ENOENT);
    add_to(epfd, fd, EPOLLIN);
    ck_assert_int_eq(tapir_epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event), -1);
    ck_assert_int_eq(errno, EEXIST);
    ck_assert_int_eq(tapir_epoll_wait(epfd, &told, 1, 0), 0);
    ck_assert_int_eq(tapir_epoll_ctl(epfd, EPOLL_CTL_MOD, fd, &event), 0);
    ck_assert_int_eq(tapir_epoll_wait(epfd, &told, 1, 0), 1);
    ck_assert_int_eq(tapir_epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL), 0);
    ck_assert_int_eq(tapir_epoll_wait(epfd, &told, 1, 0), 0);
    add_to(epfd, fd, EPOLLOUT);
    ck_assert_int_eq(tapir_close(fd), 0);
    ck_assert_int_eq(tapir_epoll_wait(epfd, &told, 1, 0), 0);
    ck_assert_int_eq(tapir_close(epfd), 0);
    stop();
}
END_TEST

START_TEST(an_epoll_set_can_be_polled)
{
    struct pollfd polled = {.events = POLLIN};
    int ends[2];

    start();
    ck_assert_int_eq(pipe(ends), 0);
    int in = tapir_import(ends[0]);
    int fd = bound_socket(joined.b, 2, PORT);

    polled.fd = tapir_epoll_create1(0);
    add_to(polled.fd, in, EPOLLIN);
    add_to(polled.fd, fd, EPOLLIN);
    ck_assert_int_eq(tapir_poll(&polled, 1, 0), 0);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_int_eq(tapir_poll(&polled, 1, -1), 1);
    ck_assert_int_eq(polled.revents, POLLIN);
    close(ends[1]);
    close_all((int[]){polled.fd, in, fd}, 3);
    stop();
}
END_TEST

static void *epoll_blocked(void *argument)
{
    struct epoll_event event;
    int count = tapir_epoll_wait(*(int *)argument, &event, 1, -1);

    return count == 1 ? (void *)(intptr_t)event.data.fd : NULL;
}

START_TEST(what_is_added_while_epoll_waits_wakes_it)
{
    int ends[2];

    start();
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    int in = tapir_import(ends[0]);
    int fd = bound_socket(joined.b, 2, PORT);
    int epfd = tapir_epoll_create1(0);

    pthread_t thread = run(epoll_blocked, &epfd);
    await_sleepers(1);
    add_to(epfd, in, EPOLLIN);
    ck_assert_ptr_eq(join_thread(thread), (void *)(intptr_t)in);
    ck_assert_int_eq(tapir_epoll_ctl(epfd, EPOLL_CTL_DEL, in, NULL), 0);

    thread = run(epoll_blocked, &epfd);
    await_sleepers(1);
    add_to(epfd, fd, EPOLLOUT);
    ck_assert_ptr_eq(join_thread(thread), (void *)(intptr_t)fd);
    close(ends[1]);
    close_all((int[]){in, fd, epfd}, 3);
    stop();
}
END_TEST

/* ---- TCP --------------------------------------------------------------- */

/* Accepts one connection and sends back what comes until its end. */
static void *echo_stream(void *argument)
{
    int fd = tapir_accept(*(int *)argument, NULL, NULL);
    char data[10000];
    ssize_t got;

    while ((got = tapir_recv(fd, data, sizeof(data), 0)) > 0) {
        if (tapir_send(fd, data, (size_t)got, 0) != got)
            return NULL;
    }
    return got == 0 && tapir_close(fd) == 0 ? argument : NULL;
}

/* How many bytes from the first on are those of the pattern. */
static size_t matching_bytes(const uint8_t *data, size_t len)
{
    size_t i = 0;

    while (i < len && data[i] == pattern(i))
        i++;
    return i;
}

struct transfer {
    int fd;
    size_t len;
};

static void *write_pattern(void *argument)
{
    static uint8_t data[TRANSFER_MAX];
    const struct transfer *transfer = argument;

    for (size_t i = 0; i < transfer->len; i++)
        data[i] = pattern(i);
    if (tapir_write(transfer->fd, data, transfer->len) !=
        (ssize_t)transfer->len)
        return NULL;
    return tapir_shutdown(transfer->fd, SHUT_WR) == 0 ? argument : NULL;
}

static void transfer_both_ways(size_t len)
{
    static uint8_t data[TRANSFER_MAX];
    struct transfer transfer = {.len = len};
    int server = open_listener(joined.b, PORT, 5);
    pthread_t echo = run(echo_stream, &server);
    int client = open_connection(joined.a, PORT);

    transfer.fd = client;
    pthread_t writer = run(write_pattern, &transfer);

    ck_assert_int_eq(tapir_recv(client, data, len, MSG_WAITALL), (ssize_t)len);
    ck_assert_uint_eq(matching_bytes(data, len), len);
    ck_assert_int_eq(tapir_recv(client, data, 1, 0), 0);
    ck_assert_ptr_nonnull(join_thread(writer));
    ck_assert_ptr_nonnull(join_thread(echo));
    close_all((int[]){server, client}, 2);
}

START_TEST(megabytes_go_through_both_ways)
{
    start();
    transfer_both_ways(TRANSFER_MAX);
    stop();
}
END_TEST

START_TEST(what_the_wire_loses_is_sent_again)
{
    joined = joined_open_faulty(TAPIR_CLOCK_REAL, "loss=1%,reorder=1%");
    transfer_both_ways(200000);
    stop();
}
END_TEST

START_TEST(a_connection_to_nobody_is_refused)
{
    struct sockaddr_in to = address_of(2, PORT);

    start();
    int fd = open_socket(joined.a, SOCK_STREAM);

    ck_assert_int_eq(tapir_connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
    ck_assert_int_eq(errno, ECONNREFUSED);
    ck_assert_int_eq(tapir_close(fd), 0);
    stop();
}
END_TEST

START_TEST(a_nonblocking_connect_ends_with_pollout)
{
    struct sockaddr_in to = address_of(2, PORT);
    struct pollfd fd = {.events = POLLOUT};
    int error = -1;
    socklen_t len = sizeof(error);

    start();
    int server = open_listener(joined.b, PORT, 5);

    fd.fd = open_socket(joined.a, SOCK_STREAM | SOCK_NONBLOCK);
    ck_assert_int_eq(tapir_connect(fd.fd, (struct sockaddr *)&to, sizeof(to)),
                     -1);
    ck_assert_int_eq(errno, EINPROGRESS);
    ck_assert_int_eq(tapir_poll(&fd, 1, -1), 1);
    ck_assert_int_eq(fd.revents, POLLOUT);
    ck_assert_int_eq(
        tapir_getsockopt(fd.fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    ck_assert_int_eq(error, 0);
    close_all((int[]){server, fd.fd}, 2);
    stop();
}
END_TEST

/* ---- TCP Fast Open ----------------------------------------------------- */

static int open_fast_listener(void)
{
    int listener = open_listener(joined.b, PORT, 8);
    int pending = 4;

    ck_assert_int_eq(tapir_setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN,
                                      &pending, sizeof(pending)),
                     0);
    return listener;
}

static ssize_t send_fast(int fd, size_t len, uint16_t port, int flags)
{
    static uint8_t bytes[20000];
    struct sockaddr_in to = address_of(2, port);

    for (size_t i = 0; i < len; i++)
        bytes[i] = pattern(i);
    return tapir_sendto(fd, bytes, len, MSG_FASTOPEN | flags,
                        (struct sockaddr *)&to, sizeof(to));
}

/* What was sent is there to be read, and no more. */
static void expect_received(int listener, size_t len)
{
    static uint8_t bytes[20000];
    int fd = tapir_accept(listener, NULL, NULL);
    ssize_t got = tapir_recv(fd, bytes, len, MSG_WAITALL);

    ck_assert_int_eq(got, (ssize_t)len);
    ck_assert_uint_eq(matching_bytes(bytes, len), len);
    ck_assert_int_eq(tapir_recv(fd, bytes, 1, MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(tapir_close(fd), 0);
}

/* As connect and send: with a cookie or without, all of it is taken. */
START_TEST(a_blocking_fast_open_sends_all_of_it)
{
    start();
    int listener = open_fast_listener();

    for (int i = 0; i < 3; i++) {
        int client = open_socket(joined.a, SOCK_STREAM);

        ck_assert_int_eq(send_fast(client, 20000, PORT, 0), 20000);
        expect_received(listener, 20000);
        ck_assert_int_eq(send_fast(client, 1, PORT, 0), -1);
        ck_assert_int_eq(errno, EISCONN);
        ck_assert_int_eq(tapir_close(client), 0);
    }
    ck_assert_uint_eq(stack_tcp_stats(joined.a->core)->fast_open_active, 2);
    ck_assert_int_eq(tapir_close(listener), 0);
    stop();
}
END_TEST

START_TEST(a_nonblocking_fast_open_sends_what_the_syn_takes)
{
    start();
    int listener = open_fast_listener();
    int client = open_socket(joined.a, SOCK_STREAM);
    struct pollfd polled = {.fd = client, .events = POLLOUT};

    ck_assert_int_eq(send_fast(client, 5000, PORT, MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, EINPROGRESS);
    ck_assert_int_eq(tapir_poll(&polled, 1, 1000), 1);
    ck_assert_int_eq(send_fast(client, 5000, PORT, MSG_DONTWAIT), 5000);
    expect_received(listener, 5000);
    ck_assert_int_eq(tapir_close(client), 0);

    client = open_socket(joined.a, SOCK_STREAM);
    ck_assert_int_eq(send_fast(client, 5000, PORT, MSG_DONTWAIT), 1420);
    expect_received(listener, 1420);
    ck_assert_int_eq(tapir_close(client), 0);
    ck_assert_int_eq(tapir_close(listener), 0);
    stop();
}
END_TEST

START_TEST(a_fast_open_to_nobody_is_refused)
{
    start();
    int client = open_socket(joined.a, SOCK_STREAM);

    ck_assert_int_eq(send_fast(client, 10, PORT, 0), -1);
    ck_assert_int_eq(errno, ECONNREFUSED);
    ck_assert_int_eq(tapir_send(client, "x", 1, MSG_FASTOPEN), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(tapir_close(client), 0);
    stop();
}
END_TEST

START_TEST(a_connect_that_waits_for_a_write_returns_at_once)
{
    struct sockaddr_in to = address_of(2, PORT);
    int on = 1;

    start();
    int listener = open_fast_listener();
    for (int i = 0; i < 2; i++) {
        static uint8_t bytes[5000];
        int client = open_socket(joined.a, SOCK_STREAM);

        for (size_t at = 0; at < sizeof(bytes); at++)
            bytes[at] = pattern(at);
        ck_assert_int_eq(tapir_setsockopt(client, IPPROTO_TCP,
                                          TCP_FASTOPEN_CONNECT, &on,
                                          sizeof(on)),
                         0);
        ck_assert_int_eq(
            tapir_connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
        ck_assert_int_eq(tapir_write(client, bytes, sizeof(bytes)), 5000);
        expect_received(listener, 5000);
        ck_assert_int_eq(tapir_close(client), 0);
    }
    ck_assert_uint_eq(stack_tcp_stats(joined.a->core)->fast_open_active, 1);
    ck_assert_int_eq(tapir_close(listener), 0);
    stop();
}
END_TEST

static volatile sig_atomic_t pipe_signals;

static void count_sigpipe(int number)
{
    (void)number;
    pipe_signals++;
}

START_TEST(writing_to_a_stream_that_is_shut_raises_sigpipe)
{
    start();
    signal(SIGPIPE, count_sigpipe);
    pipe_signals = 0;
    int server = open_listener(joined.b, PORT, 5);
    int client = open_connection(joined.a, PORT);

    ck_assert_int_eq(tapir_shutdown(client, SHUT_WR), 0);
    ck_assert_int_eq(tapir_send(client, "x", 1, MSG_NOSIGNAL), -1);
    ck_assert_int_eq(errno, EPIPE);
    ck_assert_int_eq(pipe_signals, 0);
    ck_assert_int_eq(tapir_write(client, "x", 1), -1);
    ck_assert_int_eq(errno, EPIPE);
    ck_assert_int_eq(pipe_signals, 1);
    close_all((int[]){server, client}, 2);
    stop();
}
END_TEST

/* MSG_OOB never waits, and MSG_WAITALL stops at the mark. */
START_TEST(urgent_data_is_read_out_of_band)
{
    char data[8] = "";
    struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    int at_mark = -1;

    start();
    int server = open_listener(joined.b, PORT, 1);
    int client = open_connection(joined.a, PORT);
    int accepted = tapir_accept(server, NULL, NULL);
    struct pollfd fd = {.fd = accepted, .events = POLLPRI};

    ck_assert_int_eq(tapir_recv(accepted, data, 1, MSG_OOB), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(tapir_send(client, "abcX", 4, MSG_OOB), 4);
    ck_assert_int_eq(tapir_send(client, "def", 3, 0), 3);
    ck_assert_int_eq(tapir_poll(&fd, 1, 10000), 1);
    ck_assert_int_eq(fd.revents, POLLPRI);
    ck_assert_int_eq(tapir_recv(accepted, data, 6, MSG_WAITALL), 3);
    ck_assert_mem_eq(data, "abc", 3);
    ck_assert_int_eq(tapir_ioctl(accepted, SIOCATMARK, &at_mark), 0);
    ck_assert_int_eq(at_mark, 1);
    ck_assert_int_eq(tapir_recvmsg(accepted, &message, MSG_OOB), 1);
    ck_assert_int_eq(message.msg_flags, MSG_OOB);
    ck_assert_int_eq(data[0], 'X');
    ck_assert_int_eq(tapir_recv(accepted, data, 3, MSG_WAITALL), 3);
    ck_assert_mem_eq(data, "def", 3);
    close_all((int[]){server, client, accepted}, 3);
    stop();
}
END_TEST

static int queue_of(int fd, unsigned long request)
{
    int bytes = -1;

    ck_assert_int_eq(tapir_ioctl(fd, request, &bytes), 0);
    return bytes;
}

/* SIOCINQ, unread; SIOCOUTQ, not acknowledged; SIOCOUTQNSD, never sent. */
START_TEST(the_queues_of_a_stream_can_be_asked)
{
    int on = 1;
    int off = 0;
    char data[100] = "";

    start();
    int server = open_listener(joined.b, PORT, 1);
    int client = open_connection(joined.a, PORT);
    int accepted = tapir_accept(server, NULL, NULL);
    struct pollfd fd = {.fd = accepted, .events = POLLIN};

    ck_assert_int_eq(queue_of(client, SIOCOUTQ), 0);
    ck_assert_int_eq(queue_of(accepted, SIOCINQ), 0);
    ck_assert_int_eq(
        tapir_setsockopt(client, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)), 0);
    ck_assert_int_eq(tapir_send(client, data, sizeof(data), 0), sizeof(data));
    ck_assert_int_eq(queue_of(client, SIOCOUTQ), sizeof(data));
    ck_assert_int_eq(queue_of(client, SIOCOUTQNSD), sizeof(data));
    ck_assert_int_eq(
        tapir_setsockopt(client, IPPROTO_TCP, TCP_CORK, &off, sizeof(off)), 0);
    ck_assert_int_eq(tapir_poll(&fd, 1, 10000), 1);
    ck_assert_int_eq(queue_of(client, SIOCOUTQNSD), 0);
    ck_assert_int_eq(queue_of(accepted, SIOCINQ), sizeof(data));
    ck_assert_int_eq(tapir_recv(accepted, data, 30, 0), 30);
    ck_assert_int_eq(queue_of(accepted, SIOCINQ), 70);
    while (queue_of(client, SIOCOUTQ) > 0) /* until the ACK comes */
        ck_assert_int_eq(tapir_poll(NULL, 0, 1), 0);

    ck_assert_int_eq(tapir_ioctl(server, SIOCINQ, &on), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(tapir_ioctl(server, SIOCOUTQ, &on), -1);
    ck_assert_int_eq(errno, EINVAL);
    close_all((int[]){server, client, accepted}, 3);
    stop();
}
END_TEST

START_TEST(close_with_so_linger_waits_for_the_acknowledgement)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 10};
    char data[4];

    start();
    int server = open_listener(joined.b, PORT, 5);
    int client = open_connection(joined.a, PORT);
    int accepted = tapir_accept(server, NULL, NULL);

    ck_assert_int_eq(tapir_setsockopt(client, SOL_SOCKET, SO_LINGER, &linger,
                                      sizeof(linger)),
                     0);
    ck_assert_int_eq(tapir_send(client, "last", 4, 0), 4);
    ck_assert_int_eq(tapir_close(client), 0);
    ck_assert_int_eq(tapir_recv(accepted, data, 4, MSG_DONTWAIT), 4);
    ck_assert_int_eq(tapir_recv(accepted, data, 4, MSG_DONTWAIT), 0);
    close_all((int[]){server, accepted}, 2);
    stop();
}
END_TEST

/* One thread serves all connections by epoll, as a web server does. */
static void *serve_by_epoll(void *argument)
{
    int listener = *(int *)argument;
    int epfd = tapir_epoll_create1(0);
    struct epoll_event events[16];
    int ended = 0;

    add_to(epfd, listener, EPOLLIN);
    while (ended < CONNECTIONS) {
        int count = tapir_epoll_wait(epfd, events, 16, -1);

        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            char data[64];
            ssize_t got;

            if (fd == listener) {
                add_to(epfd, tapir_accept4(fd, NULL, NULL, SOCK_NONBLOCK),
                       EPOLLIN);
                continue;
            }
            got = tapir_recv(fd, data, sizeof(data), 0);
            if (got > 0 && tapir_send(fd, data, (size_t)got, 0) == got)
                continue;
            if (got != 0)
                return NULL;
            tapir_close(fd);
            ended++;
        }
    }
    return tapir_close(epfd) == 0 ? argument : NULL;
}

START_TEST(two_hundred_connections_are_served_by_one_epoll_thread)
{
    int clients[CONNECTIONS];
    char data[8];

    start();
    int server = open_listener(joined.b, PORT, CONNECTIONS);
    pthread_t thread = run(serve_by_epoll, &server);

    for (int i = 0; i < CONNECTIONS; i++)
        clients[i] = open_connection(joined.a, PORT);
    for (int i = 0; i < CONNECTIONS; i++)
        ck_assert_int_eq(tapir_send(clients[i], &clients[i], 4, 0), 4);
    for (int i = CONNECTIONS - 1; i >= 0; i--) {
        ck_assert_int_eq(tapir_recv(clients[i], data, 8, 0), 4);
        ck_assert_mem_eq(data, &clients[i], 4);
    }
    close_all(clients, CONNECTIONS);
    ck_assert_ptr_nonnull(join_thread(thread));
    ck_assert_int_eq(tapir_close(server), 0);
    stop();
}
END_TEST

static void *ping_pong(void *argument)
{
    int fd = *(int *)argument;

    for (int i = 0; i < 200; i++) {
        int got;

        if (tapir_send(fd, &i, sizeof(i), 0) != sizeof(i) ||
            tapir_recv(fd, &got, sizeof(got), MSG_WAITALL) != sizeof(got) ||
            got != i)
            return NULL;
    }
    return argument;
}

START_TEST(many_threads_wait_at_once)
{
    enum { THREADS = 8 };
    pthread_t servers[THREADS];
    pthread_t threads[THREADS];
    int clients[THREADS];

    start();
    int server = open_listener(joined.b, PORT, THREADS);

    for (int i = 0; i < THREADS; i++) {
        servers[i] = run(echo_stream, &server);
        clients[i] = open_connection(joined.a, PORT);
        threads[i] = run(ping_pong, &clients[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_ptr_nonnull(join_thread(threads[i]));
        ck_assert_int_eq(tapir_close(clients[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        ck_assert_ptr_nonnull(join_thread(servers[i]));
    ck_assert_int_eq(tapir_close(server), 0);
    stop();
}
END_TEST

/* ---- Driving without waiting ------------------------------------------- */

/* What has arrived, without a call that would drive. */
static bool has_arrived(int fd)
{
    bool arrived;

    host_lock();
    arrived = (file_readiness(descriptors_get(&the_host.descriptors, fd)) &
               POLLIN) != 0;
    host_unlock();
    return arrived;
}

START_TEST(the_helper_drives_for_a_program_that_does_not_wait)
{
    struct sockaddr_in to = address_of(2, PORT);

    joined = joined_open_faulty(TAPIR_CLOCK_REAL, "delay=2ms");
    int server = bound_socket(joined.b, 2, PORT);
    int client = open_socket(joined.a, SOCK_DGRAM);

    ck_assert_int_eq(
        tapir_sendto(client, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
    while (!has_arrived(server))
        sched_yield();
    close_all((int[]){server, client}, 2);
    stop();
}
END_TEST

static bool helper_drives(void)
{
    bool drives;

    host_lock();
    drives = the_host.driver.who == &the_host.driver.helper;
    host_unlock();
    return drives;
}

/* It would be woken for each frame that comes meanwhile. */
START_TEST(the_helper_goes_while_a_program_sends_without_a_pause)
{
    struct sockaddr_in to = address_of(2, PORT);

    start();
    int server = bound_socket(joined.b, 2, PORT);
    int client = open_socket(joined.a, SOCK_DGRAM);

    for (int i = 0; i < 2; i++) { /* and comes back when it has paused */
        while (!helper_drives())
            sched_yield();
        while (helper_drives())
            ck_assert_int_eq(tapir_sendto(client, "x", 1, 0,
                                          (struct sockaddr *)&to, sizeof(to)),
                             1);
    }
    close_all((int[]){server, client}, 2);
    stop();
}
END_TEST

static bool helper_is_there(void)
{
    bool is_there;

    host_lock();
    is_there = the_host.driver.has_helper;
    host_unlock();
    return is_there;
}

START_TEST(with_debug_there_is_no_helper_and_calls_look_for_themselves)
{
    struct tapir_stack_config config;
    struct sockaddr_in to = address_of(2, PORT);
    char data[4];

    tapir_stack_config_init(&config);
    config.debug = 1;
    struct tapir_stack *stack = tapir_stack_create(&config);

    ck_assert_ptr_nonnull(stack);
    joined = joined_open_faulty(TAPIR_CLOCK_REAL, "delay=2ms");
    ck_assert(!helper_is_there());
    int server = bound_socket(joined.b, 2, PORT);
    int client = open_socket(joined.a, SOCK_DGRAM);

    ck_assert_int_eq(
        tapir_sendto(client, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
    while (tapir_recv(server, data, 4, MSG_DONTWAIT) != 1)
        ck_assert_int_eq(errno, EAGAIN);
    ck_assert(!helper_is_there());
    close_all((int[]){server, client}, 2);
    tapir_stack_destroy(stack);
    stop();
}
END_TEST

/* ---- The process ------------------------------------------------------- */

/* A stack that will end, on a wire of its own to joined.b. */
static struct tapir_stack *open_leaving(unsigned exit_wait, const char *faults)
{
    struct tapir_stack_config config;
    struct tapir_wire wire = {.faults = faults};
    struct tapir_stack *leaving;
    int iface[2];

    start();
    tapir_stack_config_init(&config);
    config.exit_wait = exit_wait;
    leaving = tapir_stack_create(&config);
    ck_assert_int_eq(tapir_join(leaving, joined.b, &wire, iface), 0);
    ck_assert_int_eq(tapir_add_address(leaving, iface[0], "198.51.100.1/24"),
                     0);
    ck_assert_int_eq(tapir_add_address(joined.b, iface[1], "198.51.100.2/24"),
                     0);
    ck_assert_int_eq(
        tapir_add_route(leaving, "192.0.2.0/24", "198.51.100.2", 0), 0);
    return leaving;
}

START_TEST(a_stack_ends_when_all_that_was_written_is_acknowledged)
{
    static uint8_t data[200000];
    struct tapir_stack *leaving = open_leaving(10, "delay=2ms");
    int server = open_listener(joined.b, PORT, 1);
    int client = open_connection(leaving, PORT);

    ck_assert_int_eq(tapir_fcntl(client, F_SETFL, O_NONBLOCK), 0);
    ssize_t sent = tapir_send(client, data, sizeof(data), 0);

    ck_assert_int_gt(sent, 0);
    tapir_stack_destroy(leaving);
    int accepted = tapir_accept(server, NULL, NULL);

    ck_assert_int_eq(tapir_recv(accepted, data, sizeof(data), MSG_WAITALL),
                     sent);
    ck_assert_int_eq(tapir_close(client), 0);
    close_all((int[]){server, accepted}, 2);
    stop();
}
END_TEST

START_TEST(a_stack_that_may_not_wait_resets_its_connections)
{
    char data[4];
    struct tapir_stack *leaving = open_leaving(0, NULL);
    int server = open_listener(joined.b, PORT, 1);
    int client = open_connection(leaving, PORT);
    int accepted = tapir_accept(server, NULL, NULL);

    tapir_stack_destroy(leaving);
    ck_assert_int_eq(tapir_recv(accepted, data, sizeof(data), 0), -1);
    ck_assert_int_eq(errno, ECONNRESET);
    close_all((int[]){server, accepted, client}, 3);
    stop();
}
END_TEST

START_TEST(a_forked_child_has_no_stack_but_its_own_streams)
{
    int ends[2];
    int status;

    start();
    int fd = bound_socket(joined.b, 2, PORT);

    ck_assert_int_eq(pipe(ends), 0);
    int out = tapir_import(ends[1]);
    pid_t child = fork();

    if (child == 0) {
        bool is_down = tapir_recv(fd, NULL, 0, 0) == -1 && errno == ENETDOWN &&
                       tapir_socket_on(joined.a, AF_INET, SOCK_DGRAM, 0) == -1;

        _exit(is_down && tapir_write(out, "x", 1) == 1 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(tapir_recv(fd, NULL, 0, MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, EAGAIN);
    close(ends[0]);
    close_all((int[]){fd, out}, 2);
    stop();
}
END_TEST

START_TEST(names_are_numbers_hosts_and_services)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    struct sockaddr_in in;

    ck_assert_int_eq(tapir_getaddrinfo("192.0.2.7", "8080", &hints, &list), 0);
    memcpy(&in, list->ai_addr, sizeof(in));
    ck_assert_uint_eq(ntohl(in.sin_addr.s_addr), 0xc0000207);
    ck_assert_uint_eq(ntohs(in.sin_port), 8080);
    ck_assert_int_eq(list->ai_socktype, SOCK_STREAM);
    ck_assert_ptr_null(list->ai_next);
    tapir_freeaddrinfo(list);

    ck_assert_int_eq(tapir_getaddrinfo("nobody.invalid", "80", &hints, &list),
                     EAI_NONAME);
    ck_assert_int_eq(tapir_getaddrinfo(NULL, NULL, &hints, &list), EAI_NONAME);
    hints.ai_family = AF_INET6;
    ck_assert_int_eq(tapir_getaddrinfo("192.0.2.7", "80", &hints, &list),
                     EAI_FAMILY);
}
END_TEST

static void ignore_signal(int number)
{
    (void)number;
}

__attribute__((constructor)) static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = ignore_signal};

    sigaction(SIGUSR1, &action, NULL);
}

UNIT_MAIN("host", new_descriptors_begin_at_three_and_reuse_the_lowest,
          an_imported_pipe_is_read_and_written, flags_are_kept,
          wrong_sockets_are_refused, a_datagram_is_echoed_by_a_thread,
          a_message_of_pieces_says_whether_it_was_cut,
          a_receive_that_must_not_wait_says_eagain,
          a_receive_ends_when_its_time_is_over,
          a_signal_interrupts_whoever_drives_and_whoever_sleeps,
          when_the_driver_goes_a_sleeper_drives_on,
          closing_a_socket_wakes_whoever_waits_on_it,
          the_end_of_a_stack_wakes_its_waiters_with_enetdown,
          poll_waits_for_a_pipe_and_a_socket_together,
          poll_names_what_is_no_descriptor_and_skips_negative_ones,
          poll_of_many_descriptors_finds_the_ready_one,
          a_signal_that_only_ppoll_lets_through_interrupts_it,
          select_tells_readable_and_writable,
          epoll_is_level_triggered_and_mixes_both_kinds,
          epoll_items_are_added_changed_and_deleted_once,
          an_epoll_set_can_be_polled, what_is_added_while_epoll_waits_wakes_it,
          megabytes_go_through_both_ways, what_the_wire_loses_is_sent_again,
          a_connection_to_nobody_is_refused,
          a_nonblocking_connect_ends_with_pollout,
          a_blocking_fast_open_sends_all_of_it,
          a_nonblocking_fast_open_sends_what_the_syn_takes,
          a_fast_open_to_nobody_is_refused,
          a_connect_that_waits_for_a_write_returns_at_once,
          writing_to_a_stream_that_is_shut_raises_sigpipe,
          urgent_data_is_read_out_of_band, the_queues_of_a_stream_can_be_asked,
          close_with_so_linger_waits_for_the_acknowledgement,
          two_hundred_connections_are_served_by_one_epoll_thread,
          many_threads_wait_at_once,
          the_helper_drives_for_a_program_that_does_not_wait,
          the_helper_goes_while_a_program_sends_without_a_pause,
          with_debug_there_is_no_helper_and_calls_look_for_themselves,
          a_stack_ends_when_all_that_was_written_is_acknowledged,
          a_stack_that_may_not_wait_resets_its_connections,
          a_forked_child_has_no_stack_but_its_own_streams,
          names_are_numbers_hosts_and_services)
