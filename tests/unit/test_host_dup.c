/*
 * Several numbers for one open file, numbers that are the kernel's own (as the
 * preload shim has them), and what a child has of its parent's table.
 */
#define _GNU_SOURCE
#include "unit.h"

#include "host/host.h"

#include "joined.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT = 7000 };

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

/* ---- dup ---------------------------------------------------------------- */

START_TEST(a_duplicate_is_the_same_socket)
{
    char data[4];

    start();
    int server = open_listener(joined.b, PORT, 1);
    int client = open_connection(joined.a, PORT);
    int accepted = tapir_accept(server, NULL, NULL);
    int twin = tapir_dup(accepted);

    ck_assert_int_eq(tapir_send(twin, "a", 1, 0), 1);
    ck_assert_int_eq(tapir_close(accepted), 0);
    ck_assert_int_eq(tapir_send(twin, "b", 1, 0), 1);
    ck_assert_int_eq(tapir_recv(client, data, 2, MSG_WAITALL), 2);
    ck_assert_mem_eq(data, "ab", 2);
    ck_assert_int_eq(tapir_recv(client, data, 1, MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(tapir_close(twin), 0);
    ck_assert_int_eq(tapir_recv(client, data, 1, 0), 0); /* the last is gone */
    close_all((int[]){server, client}, 2);
    stop();
}
END_TEST

START_TEST(duplicates_get_the_least_number_or_the_one_asked_for)
{
    start();
    int fd = open_socket(joined.a, SOCK_DGRAM);

    ck_assert_int_eq(fd, 3);
    ck_assert_int_eq(tapir_dup(fd), 4);
    ck_assert_int_eq(tapir_fcntl(fd, F_DUPFD, 100), 100);
    ck_assert_int_eq(tapir_fcntl(fd, F_DUPFD_CLOEXEC, 100), 101);
    ck_assert_int_eq(tapir_dup2(fd, 50), 50);
    ck_assert_int_eq(tapir_dup3(fd, 51, O_CLOEXEC), 51);
    ck_assert_int_eq(tapir_dup2(fd, fd), fd);
    ck_assert_int_eq(tapir_fcntl(100, F_GETFD), 0);
    ck_assert_int_eq(tapir_fcntl(101, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(tapir_fcntl(50, F_GETFD), 0);
    ck_assert_int_eq(tapir_fcntl(51, F_GETFD), FD_CLOEXEC);
    close_all((int[]){fd, 4, 100, 101, 50, 51}, 6);
    stop();
}
END_TEST

START_TEST(numbers_that_cannot_be_are_refused_as_linux_refuses_them)
{
    start();
    int fd = open_socket(joined.a, SOCK_DGRAM);

    expect_error(tapir_dup(99), EBADF);
    expect_error(tapir_dup2(99, 99), EBADF);
    expect_error(tapir_dup2(fd, -1), EBADF);
    expect_error(tapir_dup2(fd, 1 << 30), EBADF);
    expect_error(tapir_dup3(fd, fd, 0), EINVAL);
    expect_error(tapir_dup3(fd, 9, O_NONBLOCK), EINVAL);
    expect_error(tapir_fcntl(fd, F_DUPFD, -1), EINVAL);
    expect_error(tapir_fcntl(fd, F_DUPFD, 1 << 30), EINVAL);
    expect_error(tapir_fcntl(99, F_DUPFD, 0), EBADF);
    ck_assert_int_eq(tapir_close(fd), 0);
    stop();
}
END_TEST

/* POSIX: O_NONBLOCK is the open file description's, FD_CLOEXEC the number's. */
START_TEST(o_nonblock_is_shared_and_fd_cloexec_is_not)
{
    start();
    int fd = open_socket(joined.a, SOCK_DGRAM | SOCK_CLOEXEC);
    int twin = tapir_dup(fd);

    ck_assert_int_eq(tapir_fcntl(fd, F_GETFL), O_RDWR);
    ck_assert_int_eq(tapir_fcntl(twin, F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(tapir_fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
    ck_assert_int_eq(tapir_fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(tapir_fcntl(twin, F_GETFD), 0);
    ck_assert_int_eq(tapir_fcntl(twin, F_SETFD, FD_CLOEXEC), 0);
    ck_assert_int_eq(tapir_fcntl(fd, F_SETFD, 0), 0);
    ck_assert_int_eq(tapir_fcntl(fd, F_GETFD), 0);
    ck_assert_int_eq(tapir_fcntl(twin, F_GETFD), FD_CLOEXEC);
    close_all((int[]){fd, twin}, 2);
    stop();
}
END_TEST

START_TEST(an_imported_descriptor_is_closed_with_its_last_number)
{
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    int in = tapir_import(ends[0]);
    int twin = tapir_dup(in);

    ck_assert_int_eq(tapir_close(in), 0);
    ck_assert_int_ge(fcntl(ends[0], F_GETFD), 0);
    ck_assert_int_eq(tapir_close(twin), 0);
    ck_assert_int_eq(fcntl(ends[0], F_GETFD), -1);
    close(ends[1]);
}
END_TEST

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

/* Java closes a socket that other threads use in this way. */
START_TEST(dup2_over_a_socket_closes_it_and_wakes_whoever_waits_on_it)
{
    pthread_t thread;

    start();
    struct blocked blocked = {.fd = bound_socket(joined.b, 2, PORT)};
    int other = open_socket(joined.a, SOCK_DGRAM);

    ck_assert_int_eq(pthread_create(&thread, NULL, receive_blocked, &blocked),
                     0);
    await_sleepers(1);
    ck_assert_int_eq(tapir_dup2(other, blocked.fd), blocked.fd);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(blocked.result, -1);
    ck_assert_int_eq(blocked.error, EBADF);
    /* its address is free */
    int again = bound_socket(joined.b, 2, PORT);

    close_all((int[]){other, blocked.fd, again}, 3);
    stop();
}
END_TEST

START_TEST(a_stack_that_ends_takes_a_socket_from_all_its_numbers)
{
    start();
    int fd = open_socket(joined.a, SOCK_DGRAM);
    int twin = tapir_dup(fd);

    tapir_stack_destroy(joined.a);
    expect_error((int)tapir_send(fd, "x", 1, 0), ENETDOWN);
    expect_error((int)tapir_send(twin, "x", 1, 0), ENETDOWN);
    close_all((int[]){fd, twin}, 2);
    tapir_stack_destroy(joined.b);
}
END_TEST

/* ---- Numbers of the kernel ---------------------------------------------- */

static int placeholders; /* that are there */

static int take(enum shim_kind kind, int type, int least, bool is_cloexec)
{
    int fd = eventfd(0, 0);
    int number = fcntl(fd, is_cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, least);

    ck_assert(kind == SHIM_SOCKET ? type != 0 : kind == SHIM_EPOLL);
    close(fd);
    placeholders++;
    return number < 0 ? -errno : number;
}

static void give_back(int number)
{
    placeholders--;
    close(number);
}

static const struct shim_numbers numbers = {.take = take,
                                            .give_back = give_back};

static void start_mirrored(void)
{
    shim_mirror(&numbers);
    start();
}

/* What close is in the shim. */
static void shim_close(int number)
{
    ck_assert_int_ne(shim_kind(number), SHIM_NONE);
    ck_assert_int_eq(tapir_close(number), 0);
    ck_assert_int_eq(shim_kind(number), SHIM_NONE);
    ck_assert_int_eq(close(number), 0);
}

START_TEST(each_number_is_one_of_the_kernel_too)
{
    int ends[2];

    start_mirrored();
    ck_assert_int_eq(shim_kind(0), SHIM_NONE);
    int fd = bound_socket(joined.b, 2, PORT);

    ck_assert_int_eq(pipe(ends), 0); /* the kernel never gives ours again */
    int epfd = tapir_epoll_create1(0);
    int twin = tapir_dup(fd);

    ck_assert_int_eq(shim_kind(fd), SHIM_SOCKET);
    ck_assert_int_eq(shim_kind(twin), SHIM_SOCKET);
    ck_assert_int_eq(shim_kind(epfd), SHIM_EPOLL);
    ck_assert_int_eq(shim_kind(ends[0]), SHIM_NONE);
    ck_assert_int_eq(shim_kind(-1), SHIM_NONE);
    ck_assert_int_eq(shim_kind(1 << 30), SHIM_NONE);
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
    ck_assert_int_eq(placeholders, 3);
    shim_close(fd);
    shim_close(twin);
    shim_close(epfd);
    close(ends[0]);
    close(ends[1]);
    stop();
}
END_TEST

START_TEST(poll_and_epoll_take_the_kernels_descriptors_by_their_numbers)
{
    struct epoll_event event = {.events = EPOLLIN};
    int ends[2];

    start_mirrored();
    ck_assert_int_eq(pipe(ends), 0);
    int fd = bound_socket(joined.b, 2, PORT);
    struct pollfd polled[3] = {{.fd = fd, .events = POLLIN},
                               {.fd = ends[0], .events = POLLIN},
                               {.fd = 999, .events = POLLIN}};
    int epfd = tapir_epoll_create1(0);

    ck_assert_int_eq(tapir_poll(polled, 3, 0), 1);
    ck_assert_int_eq(polled[2].revents, POLLNVAL);
    event.data.fd = ends[0];
    ck_assert_int_eq(tapir_epoll_ctl(epfd, EPOLL_CTL_ADD, ends[0], &event), 0);
    ck_assert_int_eq(shim_kind(ends[0]), SHIM_KERNEL);
    expect_error(tapir_epoll_ctl(epfd, EPOLL_CTL_ADD, 999, &event), EBADF);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_int_eq(tapir_poll(polled, 2, -1), 1);
    ck_assert_int_eq(polled[1].revents, POLLIN);
    ck_assert_int_eq(tapir_epoll_wait(epfd, &event, 1, -1), 1);
    ck_assert_int_eq(event.data.fd, ends[0]);
    shim_close(ends[0]); /* it is left to us to close, and out of the set */
    ck_assert_int_eq(tapir_epoll_wait(epfd, &event, 1, 0), 0);
    shim_close(fd);
    shim_close(epfd);
    close(ends[1]);
    stop();
}
END_TEST

START_TEST(a_file_can_be_placed_taken_away_and_put_elsewhere)
{
    char data[4];
    struct sockaddr_in to = address_of(2, PORT);

    start_mirrored();
    int fd = bound_socket(joined.b, 2, PORT);
    int client = open_socket(joined.a, SOCK_DGRAM);

    ck_assert_int_eq(dup2(fd, 300), 300);
    ck_assert_int_eq(shim_place(fd, 300, true), 300);
    ck_assert_int_eq(shim_kind(300), SHIM_SOCKET);
    ck_assert_int_eq(shim_place(999, 301, false), -EBADF);
    shim_close(fd);

    struct file *file = shim_take(300);

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(shim_kind(300), SHIM_NONE);
    ck_assert_ptr_null(shim_take(300));
    ck_assert_int_eq(shim_put(file, -5, false), -EBADF);
    ck_assert_int_eq(shim_put(file, 301, false), 0);
    ck_assert_int_eq(
        tapir_sendto(client, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
    ck_assert_int_eq(tapir_recv(301, data, sizeof(data), 0), 1);
    shim_end(shim_take(301));
    int again = bound_socket(joined.b, 2, PORT); /* it is closed */

    shim_close(again);
    shim_close(client);
    stop();
}
END_TEST

/* ---- Children ----------------------------------------------------------- */

static int status_of(pid_t child)
{
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

static bool is_down(int fd)
{
    char data[1];

    return tapir_recv(fd, data, 1, 0) == -1 && errno == ENETDOWN;
}

START_TEST(a_child_closes_its_numbers_and_the_parent_is_undisturbed)
{
    char data[4];

    start();
    int server = open_listener(joined.b, PORT, 1);
    int client = open_connection(joined.a, PORT);
    int accepted = tapir_accept(server, NULL, NULL);
    pid_t child = fork();

    if (child == 0) {
        bool fine = is_down(client) && tapir_dup2(client, accepted) >= 0 &&
                    is_down(accepted) && tapir_close(accepted) == 0 &&
                    tapir_close(client) == 0 && tapir_close(server) == 0 &&
                    tapir_recv(client, data, 1, 0) == -1 && errno == EBADF;

        exit(fine ? 0 : 1); /* with its handlers: they must not end a stack */
    }
    ck_assert_int_eq(status_of(child), 0);
    ck_assert_int_eq(tapir_send(client, "x", 1, 0), 1);
    ck_assert_int_eq(tapir_recv(accepted, data, 4, 0), 1);
    close_all((int[]){server, client, accepted}, 3);
    stop();
}
END_TEST

static bool try_a_stack(void)
{
    struct joined own = joined_open(TAPIR_CLOCK_REAL);
    int server = open_listener(own.b, PORT, 1);
    int client = open_connection(own.a, PORT);
    char data[1];
    int accepted = tapir_accept(server, NULL, NULL);

    return tapir_send(client, "x", 1, 0) == 1 &&
           tapir_recv(accepted, data, 1, 0) == 1;
}

/* A daemon forks first, and then opens its sockets. */
START_TEST(a_child_forked_before_there_was_a_stack_may_have_one)
{
    struct pollfd none = {.fd = -1};

    ck_assert_int_eq(tapir_poll(&none, 1, 0), 0); /* the library is in use */
    pid_t child = fork();

    if (child == 0)
        _exit(try_a_stack() ? 0 : 1);
    ck_assert_int_eq(status_of(child), 0);
}
END_TEST

/* What runs between vfork and exec changes the parent's own memory. */
static volatile bool child_ran;
static volatile bool child_was_refused;

static void close_in_vfork_child(int fd)
{
    pid_t child = vfork();

    if (child == 0) {
        child_ran = true;
        child_was_refused = tapir_close(fd) == -1 && errno == ENETDOWN &&
                            tapir_dup2(0, fd) == -1 && tapir_dup(fd) == -1 &&
                            !shim_is_here();
        _exit(0);
    }
    ck_assert_int_eq(status_of(child), 0);
}

START_TEST(a_child_of_vfork_changes_nothing_in_the_table)
{
    char data[1];

    start();
    int fd = bound_socket(joined.b, 2, PORT);

    close_in_vfork_child(fd);
    ck_assert(!child_ran || child_was_refused); /* TSan makes a fork of it */
    ck_assert(shim_is_here());
    ck_assert_int_eq(tapir_recv(fd, data, 1, MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(tapir_close(fd), 0);
    stop();
}
END_TEST

START_TEST(a_child_that_execs_leaves_the_connection_alone)
{
    char data[1];

    start();
    int server = open_listener(joined.b, PORT, 1);
    int client = open_connection(joined.a, PORT);
    int accepted = tapir_accept(server, NULL, NULL);
    pid_t child = fork();

    if (child == 0) {
        execlp("true", "true", NULL);
        _exit(1);
    }
    ck_assert_int_eq(status_of(child), 0);
    ck_assert_int_eq(tapir_send(client, "x", 1, 0), 1);
    ck_assert_int_eq(tapir_recv(accepted, data, 1, 0), 1);
    close_all((int[]){server, client, accepted}, 3);
    stop();
}
END_TEST

UNIT_MAIN("host_dup", a_duplicate_is_the_same_socket,
          duplicates_get_the_least_number_or_the_one_asked_for,
          numbers_that_cannot_be_are_refused_as_linux_refuses_them,
          o_nonblock_is_shared_and_fd_cloexec_is_not,
          an_imported_descriptor_is_closed_with_its_last_number,
          dup2_over_a_socket_closes_it_and_wakes_whoever_waits_on_it,
          a_stack_that_ends_takes_a_socket_from_all_its_numbers,
          each_number_is_one_of_the_kernel_too,
          poll_and_epoll_take_the_kernels_descriptors_by_their_numbers,
          a_file_can_be_placed_taken_away_and_put_elsewhere,
          a_child_closes_its_numbers_and_the_parent_is_undisturbed,
          a_child_forked_before_there_was_a_stack_may_have_one,
          a_child_of_vfork_changes_nothing_in_the_table,
          a_child_that_execs_leaves_the_connection_alone)
