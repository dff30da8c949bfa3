/*
 * When a device is read though nobody has said that it has something, and how
 * far. The default stack is at one end of a socket of frames, the test at the
 * other, and nothing drives but the calls (--debug).
 */
#include "unit.h"

#include "host/guess.h"

#include "base/checksum.h"
#include "netdev/virtio.h"
#include "tapir.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT = 7000, FRAME_LEN = VIRTIO_HEADER_LEN + 14 + 20 + 8 + 1 };

/* ---- Guesses ----------------------------------------------------------- */

START_TEST(a_guess_is_no_until_something_has_paid)
{
    struct guess guess = {0};

    ck_assert(!guess_is_yes(&guess));
    guess_learn(&guess, true);
    ck_assert(guess_is_yes(&guess));
}
END_TEST

START_TEST(a_guess_bears_three_failures)
{
    struct guess guess = {0};

    guess_learn(&guess, true);
    for (int i = 0; i < 3; i++) {
        ck_assert(guess_is_yes(&guess));
        guess_learn(&guess, false);
    }
    ck_assert(!guess_is_yes(&guess));
}
END_TEST

START_TEST(a_guess_that_rests_is_tried_now_and_then)
{
    struct guess guess = {0};
    int tries = 0;

    for (int i = 0; i < 10 * GUESS_REST; i++) {
        if (!guess_is_yes(&guess))
            continue;
        guess_learn(&guess, false);
        tries++;
    }
    ck_assert_int_eq(tries, 10);
}
END_TEST

/* ---- Looking ----------------------------------------------------------- */

/* Where the test writes frames. */
static int peer;

static void start(void)
{
    struct tapir_config config;
    char why[TAPIR_TEXT_MAX];
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    tapir_config_init(&config);
    snprintf(config.dev, sizeof(config.dev), "fd:%d", ends[0]);
    config.exit_wait = 0;
    config.debug = 1;
    ck_assert_msg(tapir_open(&config, why) == 0, "%s", why);
    peer = ends[1];
}

static int bound(uint16_t port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = tapir_socket(AF_INET, SOCK_DGRAM, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(tapir_bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
    return fd;
}

/* A datagram of one byte from 192.0.2.1; false: there was no room. */
static bool send_datagram(uint16_t port, int flags)
{
    uint8_t frame[FRAME_LEN] = {0};
    uint8_t *eth = frame + VIRTIO_HEADER_LEN;
    uint8_t *ip = eth + 14;
    uint8_t *udp = ip + 20;

    memcpy(eth, (uint8_t[]){2, 0, 192, 0, 2, 2, 2, 0, 192, 0, 2, 1, 8, 0}, 14);
    memcpy(ip, (uint8_t[]){0x45, 0, 0,   29, 0, 0, 0,   0, 64, 17,
                           0,    0, 192, 0,  2, 1, 192, 0, 2,  2},
           20);
    put_be16(ip + 10, checksum_of(bytes_of(ip, 20)));
    put_be16(udp, PORT - 1);
    put_be16(udp + 2, port);
    put_be16(udp + 4, 9);
    udp[8] = 'x';
    return send(peer, frame, sizeof(frame), flags) == (ssize_t)sizeof(frame);
}

/* Not only the first frame, however seldom there is a second one. */
START_TEST(a_call_that_does_not_wait_finds_all_that_has_arrived)
{
    char byte;
    int fd;

    start();
    (void)bound(PORT);
    fd = bound(PORT + 1);
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 3; i++)
            ck_assert(send_datagram(PORT, 0));
        ck_assert(send_datagram(PORT + 1, 0));
        ck_assert_int_eq(tapir_recv(fd, &byte, 1, MSG_DONTWAIT), 1);
        ck_assert_int_eq(tapir_recv(fd, &byte, 1, MSG_DONTWAIT), -1);
        ck_assert_int_eq(errno, EAGAIN);
    }
}
END_TEST

START_TEST(a_call_that_waits_goes_on_until_its_frame_has_come)
{
    char byte;
    int fd;

    start();
    (void)bound(PORT);
    fd = bound(PORT + 1);
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < round; i++)
            ck_assert(send_datagram(PORT, 0));
        ck_assert(send_datagram(PORT + 1, 0));
        ck_assert_int_eq(tapir_recv(fd, &byte, 1, 0), 1);
    }
}
END_TEST

struct flood {
    int pipe;             /* written to after a while */
    _Atomic bool is_over; /* what was written has been read */
};

static void *flood(void *argument)
{
    struct flood *flood = argument;

    for (int i = 0; !flood->is_over; i++) {
        (void)send_datagram(PORT, MSG_DONTWAIT);
        if (i == 1000)
            ck_assert_int_eq(write(flood->pipe, "x", 1), 1);
    }
    return NULL;
}

START_TEST(a_descriptor_of_the_kernel_is_seen_though_frames_never_cease)
{
    struct flood argument;
    pthread_t thread;
    int ends[2];
    char byte;

    start();
    (void)bound(PORT);
    ck_assert_int_eq(pipe(ends), 0);
    argument = (struct flood){.pipe = ends[1]};
    ck_assert_int_eq(pthread_create(&thread, NULL, flood, &argument), 0);
    ck_assert_int_eq(tapir_read(tapir_import(ends[0]), &byte, 1), 1);
    argument.is_over = true;
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

UNIT_MAIN("host_look", a_guess_is_no_until_something_has_paid,
          a_guess_bears_three_failures,
          a_guess_that_rests_is_tried_now_and_then,
          a_call_that_does_not_wait_finds_all_that_has_arrived,
          a_call_that_waits_goes_on_until_its_frame_has_come,
          a_descriptor_of_the_kernel_is_seen_though_frames_never_cease)
