/*
 * Receiving without a copy.
 */
#include "unit.h"

#include "joined.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

enum { PORT = 7000, TRANSFER = 1000000 };

static struct joined joined;
static int server;
static int client;
static int peer; /* receives */

static void start_with(const char *faults)
{
    joined = joined_open_faulty(TAPIR_CLOCK_REAL, faults);
    server = open_listener(joined.b, PORT, 1);
    client = open_connection(joined.a, PORT);
    peer = tapir_accept(server, NULL, NULL);
}

static void start(void)
{
    start_with(NULL);
}

static void stop(void)
{
    ck_assert_int_eq(tapir_close(client), 0);
    ck_assert_int_eq(tapir_close(peer), 0);
    ck_assert_int_eq(tapir_close(server), 0);
    joined_close(&joined);
}

static void expect_error(ssize_t result, int error)
{
    ck_assert_int_eq(result, -1);
    ck_assert_int_eq(errno, error);
}

static void send_text(const char *text)
{
    ssize_t len = (ssize_t)strlen(text);

    ck_assert_int_eq(tapir_send(client, text, strlen(text), 0), len);
}

static void expect_borrowed(const char *text)
{
    struct iovec iov[2];
    int count;

    ck_assert_int_eq(tapir_recv_borrow(peer, iov, &count, MSG_DONTWAIT),
                     (ssize_t)strlen(text));
    ck_assert_int_eq(count, 1);
    ck_assert_mem_eq(iov[0].iov_base, text, strlen(text));
}

START_TEST(what_is_released_has_been_read_and_the_rest_has_not)
{
    char data[8];

    start();
    send_text("abcdef");
    expect_borrowed("abcdef");
    ck_assert_int_eq(tapir_recv_release(peer, 2), 0);
    expect_borrowed("cdef");
    ck_assert_int_eq(tapir_recv_release(peer, 0), 0);
    ck_assert_int_eq(tapir_recv(peer, data, 8, 0), 4);
    stop();
}
END_TEST

START_TEST(mistakes_are_told)
{
    struct iovec iov[2];
    int count;

    start();
    expect_error(tapir_recv_borrow(peer, iov, &count, MSG_DONTWAIT), EAGAIN);
    expect_error(tapir_recv_release(peer, 0), EINVAL);
    send_text("abc");
    expect_error(tapir_recv_borrow(peer, iov, &count, MSG_PEEK), EINVAL);
    expect_error(tapir_recv_borrow(peer, NULL, &count, 0), EFAULT);
    expect_borrowed("abc");
    expect_error(tapir_recv_borrow(peer, iov, &count, 0), EBUSY);
    expect_error(tapir_recv_release(peer, 4), EINVAL);
    ck_assert_int_eq(tapir_recv_release(peer, 3), 0);
    int datagrams = bound_socket(joined.b, 2, PORT);

    expect_error(tapir_recv_borrow(datagrams, iov, &count, 0), EOPNOTSUPP);
    expect_error(tapir_recv_release(datagrams, 0), EOPNOTSUPP);
    expect_error(tapir_recv_borrow(99, iov, &count, 0), EBADF);
    ck_assert_int_eq(tapir_close(datagrams), 0);
    stop();
}
END_TEST

START_TEST(the_end_is_no_piece)
{
    struct iovec iov[2];
    int count = 7;

    start();
    send_text("a");
    ck_assert_int_eq(tapir_shutdown(client, SHUT_WR), 0);
    expect_borrowed("a");
    ck_assert_int_eq(tapir_recv_release(peer, 1), 0);
    ck_assert_int_eq(tapir_recv_borrow(peer, iov, &count, 0), 0);
    ck_assert_int_eq(count, 0);
    stop();
}
END_TEST

/* The ring must grow many times over while its first block is lent. */
START_TEST(what_is_lent_stays_while_much_more_arrives)
{
    static char data[200000];
    struct iovec iov[2];
    int count;

    start();
    send_text("first");
    ck_assert_int_eq(tapir_recv_borrow(peer, iov, &count, 0), 5);
    memset(data, 'x', sizeof(data));
    for (int i = 0; i < 10; i++) /* as much as the window takes */
        (void)tapir_send(client, data, 20000, MSG_DONTWAIT);
    ck_assert_mem_eq(iov[0].iov_base, "first", 5);
    ck_assert_int_eq(tapir_recv_release(peer, 5), 0);
    ck_assert_int_gt(tapir_recv_borrow(peer, iov, &count, 0), 19999);
    ck_assert_int_eq(*(char *)iov[0].iov_base, 'x');
    ck_assert_int_eq(tapir_recv_release(peer, iov[0].iov_len), 0);
    while (tapir_recv(peer, data, sizeof(data), MSG_DONTWAIT) > 0)
        ;
    stop();
}
END_TEST

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 31 + at / 256);
}

static void *send_pattern(void *unused)
{
    static uint8_t data[TRANSFER];

    for (size_t i = 0; i < TRANSFER; i++)
        data[i] = pattern(i);
    if (tapir_send(client, data, TRANSFER, 0) != TRANSFER)
        return NULL;
    tapir_shutdown(client, SHUT_WR);
    return unused;
}

static bool is_pattern(const struct iovec *iov, int count, size_t at)
{
    for (int i = 0; i < count; i++) {
        const uint8_t *piece = iov[i].iov_base;

        for (size_t j = 0; j < iov[i].iov_len; j++) {
            if (piece[j] != pattern(at++))
                return false;
        }
    }
    return true;
}

START_TEST(what_comes_over_a_bad_wire_can_be_borrowed)
{
    pthread_t thread;
    struct iovec iov[2];
    size_t at = 0;
    ssize_t got;
    int count;

    start_with("loss=2%,reorder=5%");
    ck_assert_int_eq(pthread_create(&thread, NULL, send_pattern, NULL), 0);
    while ((got = tapir_recv_borrow(peer, iov, &count, 0)) > 0) {
        size_t done = got > 1 ? (size_t)got - 1 : 1; /* never all of it */

        ck_assert(is_pattern(iov, count, at));
        ck_assert_int_eq(tapir_recv_release(peer, done), 0);
        at += done;
    }
    ck_assert_int_eq(got, 0);
    ck_assert_uint_eq(at, TRANSFER);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    stop();
}
END_TEST

START_TEST(what_is_lent_outlives_a_reset_and_ends_with_close)
{
    struct linger now = {.l_onoff = 1};
    struct iovec iov[2];
    int count;

    start();
    send_text("last words");
    ck_assert_int_eq(tapir_recv_borrow(peer, iov, &count, 0), 10);
    ck_assert_int_eq(
        tapir_setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    ck_assert_int_eq(tapir_close(client), 0);
    ck_assert_mem_eq(iov[0].iov_base, "last words", 10);
    client = open_socket(joined.a, SOCK_DGRAM);
    stop(); /* all memory comes back */
}
END_TEST

UNIT_MAIN("host_borrow", what_is_released_has_been_read_and_the_rest_has_not,
          mistakes_are_told, the_end_is_no_piece,
          what_is_lent_stays_while_much_more_arrives,
          what_comes_over_a_bad_wire_can_be_borrowed,
          what_is_lent_outlives_a_reset_and_ends_with_close)
