/*
 * Sending without a copy.
 */
#define _GNU_SOURCE /* memfd_create, gettid */
#include "unit.h"

#include "joined.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 7000, PART = 100000, PARTS = 50 };

static struct joined joined;
static int server;
static int client; /* sends */
static int peer;
static atomic_uint told;

static void start_with(const char *faults)
{
    joined = joined_open_faulty(TAPIR_CLOCK_REAL, faults);
    server = open_listener(joined.b, PORT, 1);
    client = open_connection(joined.a, PORT);
    peer = tapir_accept(server, NULL, NULL);
    told = 0;
}

static void stop(void)
{
    ck_assert_int_eq(tapir_close(peer), 0);
    ck_assert_int_eq(tapir_close(server), 0);
    joined_close(&joined);
}

static void expect_error(ssize_t result, int error)
{
    ck_assert_int_eq(result, -1);
    ck_assert_int_eq(errno, error);
}

/* The memory may be used for something else: it is. */
static void overwrite(void *arg)
{
    memset(arg, 'x', PART);
    told++;
}

static ssize_t lend(const void *data, size_t len, int flags, void *arg)
{
    return tapir_send_lend(client, data, len, flags, overwrite, arg);
}

static void expect_text(uint8_t value, size_t len)
{
    static uint8_t got[PART];

    ck_assert_int_eq(tapir_recv(peer, got, len, MSG_WAITALL), (ssize_t)len);
    for (size_t i = 0; i < len; i++)
        ck_assert_uint_eq(got[i], value);
}

/* A call in which what has arrived since is seen. */
static void look(void)
{
    char byte;

    expect_error(tapir_recv(client, &byte, 1, MSG_DONTWAIT), EAGAIN);
}

START_TEST(the_program_is_told_when_all_is_acknowledged)
{
    static uint8_t memory[PART];

    start_with(NULL);
    memset(memory, 7, PART);
    ck_assert_int_eq(lend(memory, PART, 0, memory), PART);
    expect_text(7, PART);
    while (told == 0)
        look();
    ck_assert_uint_eq(told, 1);
    ck_assert_int_eq(tapir_close(client), 0);
    stop();
}
END_TEST

START_TEST(a_little_is_copied_and_told_at_once)
{
    static uint8_t memory[PART];

    start_with(NULL);
    ck_assert_int_eq(lend("abc", 3, 0, memory), 3);
    ck_assert_uint_eq(told, 1);
    ck_assert_int_eq(tapir_close(client), 0);
    stop();
}
END_TEST

START_TEST(of_what_is_not_taken_nobody_is_told)
{
    static uint8_t memory[PART];
    int dgram;

    start_with(NULL);
    dgram = open_socket(joined.a, SOCK_DGRAM);
    ck_assert_int_eq(lend(memory, 0, 0, memory), 0);
    expect_error(tapir_send_lend(client, memory, PART, 0, NULL, NULL), EFAULT);
    expect_error(lend(NULL, PART, 0, memory), EFAULT);
    expect_error(tapir_send_lend(dgram, memory, PART, 0, overwrite, memory),
                 EOPNOTSUPP);
    expect_error(tapir_send_lend(-1, memory, PART, 0, overwrite, memory),
                 EBADF);
    ck_assert_int_eq(tapir_shutdown(client, SHUT_WR), 0);
    expect_error(lend(memory, PART, MSG_NOSIGNAL, memory), EPIPE);
    ck_assert_uint_eq(told, 0);
    ck_assert_int_eq(tapir_close(dgram), 0);
    ck_assert_int_eq(tapir_close(client), 0);
    stop();
}
END_TEST

START_TEST(a_close_leaves_the_loan_until_all_is_there)
{
    static uint8_t memory[PART];
    char byte;

    start_with("delay=20ms");
    memset(memory, 9, PART);
    ck_assert_int_eq(lend(memory, PART, 0, memory), PART);
    ck_assert_int_eq(tapir_close(client), 0);
    ck_assert_uint_eq(told, 0);
    expect_text(9, PART);
    ck_assert_int_eq(tapir_recv(peer, &byte, 1, 0), 0);
    stop();
    ck_assert_uint_eq(told, 1);
}
END_TEST

START_TEST(a_reset_ends_the_loan)
{
    static uint8_t memory[PART];
    struct linger hard = {.l_onoff = 1};

    start_with("delay=20ms");
    ck_assert_int_eq(lend(memory, PART, 0, memory), PART);
    ck_assert_int_eq(
        tapir_setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)),
        0);
    ck_assert_int_eq(tapir_close(client), 0);
    ck_assert_uint_eq(told, 1);
    stop();
}
END_TEST

static void *receive_parts(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < PARTS; i++) {
        expect_text('w', i % 10);
        expect_text((uint8_t)(i + 1), PART);
    }
    return NULL;
}

/* Written and lent by turns, over a link that loses: what arrives is what was
 * lent, however often it had to be sent, and memory that is told to be free was
 * free. */
START_TEST(what_is_lent_and_written_arrives_in_order)
{
    static uint8_t memory[PARTS][PART];
    pthread_t reader;

    start_with("loss=2%");
    ck_assert_int_eq(pthread_create(&reader, NULL, receive_parts, NULL), 0);
    for (unsigned i = 0; i < PARTS; i++) {
        ck_assert_int_eq(tapir_send(client, "wwwwwwwww", i % 10, 0), i % 10);
        memset(memory[i], (int)i + 1, PART);
        ck_assert_int_eq(lend(memory[i], PART, 0, memory[i]), PART);
    }
    ck_assert_int_eq(pthread_join(reader, NULL), 0);
    while (told < PARTS)
        look();
    ck_assert_uint_eq(told, PARTS);
    ck_assert_int_eq(tapir_close(client), 0);
    stop();
}
END_TEST

/* A file's memory, of which the file has nothing any more. */
static void *mapped;
static atomic_uint faults;
static atomic_int faulty_thread;

static void put_zeroes_there(int number)
{
    (void)number;
    faulty_thread = gettid();
    faults++;
    if (mmap(mapped, PART, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
             -1, 0) == MAP_FAILED)
        _exit(EXIT_FAILURE);
}

/* The file becomes shorter before the helper thread reads of it. A fault that
 * is blocked would end the process whatever its handler. */
START_TEST(a_fault_in_the_helper_reaches_its_handler)
{
    static uint8_t memory[PART];
    const struct timespec moment = {.tv_nsec = 1000000};
    struct sigaction mend = {.sa_handler = put_zeroes_there};
    int file = memfd_create("lent", 0);

    ck_assert_int_eq(ftruncate(file, PART), 0);
    mapped = mmap(NULL, PART, PROT_READ, MAP_SHARED, file, 0);
    ck_assert_ptr_ne(mapped, MAP_FAILED);
    ck_assert_int_eq(sigaction(SIGBUS, &mend, NULL), 0);
    start_with("delay=20ms"); /* the first window goes at once */
    ck_assert_int_eq(lend(mapped, PART, 0, memory), PART);
    ck_assert_int_eq(ftruncate(file, 0), 0);
    while (faults == 0) /* in no call of the library */
        nanosleep(&moment, NULL);
    ck_assert_int_ne(faulty_thread, gettid());
    expect_text(0, PART);
    while (told == 0)
        look();
    ck_assert_int_eq(tapir_close(client), 0);
    stop();
    ck_assert_int_eq(munmap(mapped, PART), 0);
    ck_assert_int_eq(close(file), 0);
}
END_TEST

UNIT_MAIN("host_lend", the_program_is_told_when_all_is_acknowledged,
          a_little_is_copied_and_told_at_once,
          of_what_is_not_taken_nobody_is_told,
          a_close_leaves_the_loan_until_all_is_there, a_reset_ends_the_loan,
          a_fault_in_the_helper_reaches_its_handler,
          what_is_lent_and_written_arrives_in_order)
