/*
 * Sending without a copy.
 */
#include "unit.h"

#include "joined.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* SigBlk of proc(5), of the one thread besides this one. */
static uint64_t signals_blocked_in_the_helper(void)
{
    DIR *tasks = opendir("/proc/self/task");
    uint64_t blocked = 0;
    unsigned others = 0;

    ck_assert_ptr_nonnull(tasks);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        char path[300];
        char line[200];

        if (atoi(task->d_name) == 0 || atoi(task->d_name) == getpid())
            continue;
        snprintf(path, sizeof(path), "/proc/self/task/%s/status", task->d_name);
        FILE *status = fopen(path, "r");
        ck_assert_ptr_nonnull(status);
        while (fgets(line, sizeof(line), status) != NULL)
            (void)sscanf(line, "SigBlk: %" SCNx64, &blocked);
        fclose(status);
        others++;
    }
    closedir(tasks);
    ck_assert_uint_eq(others, 1);
    return blocked;
}

/* What is lent may be a file's memory that is gone when the helper thread reads
 * it. A fault that is blocked would end the process whatever its handler. */
START_TEST(faults_are_not_blocked_in_the_helper)
{
    uint64_t blocked;

    start_with(NULL);
    do /* pthread_create begins a thread with all blocked */
        blocked = signals_blocked_in_the_helper();
    while (blocked >> (SIGBUS - 1) & 1);
    ck_assert(blocked >> (SIGTERM - 1) & 1);
    ck_assert(blocked >> (SIGALRM - 1) & 1);
    ck_assert(!(blocked >> (SIGSEGV - 1) & 1));
    ck_assert_int_eq(tapir_close(client), 0);
    stop();
}
END_TEST

UNIT_MAIN("host_lend", the_program_is_told_when_all_is_acknowledged,
          a_little_is_copied_and_told_at_once,
          of_what_is_not_taken_nobody_is_told,
          a_close_leaves_the_loan_until_all_is_there, a_reset_ends_the_loan,
          faults_are_not_blocked_in_the_helper,
          what_is_lent_and_written_arrives_in_order)
