/*
 * When a device is read though nobody has said that it has something, how far,
 * and whether it is asked again before the driver sleeps (--spin). The default
 * stack is at one end of a socket of frames, the test at the other, and mostly
 * nothing drives but the calls (--debug).
 */
#include "unit.h"

#include "host/host.h"

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

enum {
    TRUST = 3,
    REST = 16,
    PORT = 7000,
    FRAME_LEN = VIRTIO_HEADER_LEN + 14 + 20 + 8 + 1
};

/* ---- Guesses ----------------------------------------------------------- */

START_TEST(a_guess_is_no_until_something_has_paid)
{
    struct guess guess = {0};

    ck_assert(!guess_is_yes(&guess, REST));
    guess_learn(&guess, true, TRUST);
    ck_assert(guess_is_yes(&guess, REST));
}
END_TEST

START_TEST(a_guess_bears_some_failures)
{
    struct guess guess = {0};

    guess_learn(&guess, true, TRUST);
    for (int i = 0; i < TRUST; i++) {
        ck_assert(guess_is_yes(&guess, REST));
        guess_learn(&guess, false, TRUST);
    }
    ck_assert(!guess_is_yes(&guess, REST));
}
END_TEST

START_TEST(a_guess_that_rests_is_tried_now_and_then)
{
    struct guess guess = {0};
    int tries = 0;

    for (int i = 0; i < 10 * REST; i++) {
        if (!guess_is_yes(&guess, REST))
            continue;
        guess_learn(&guess, false, TRUST);
        tries++;
    }
    ck_assert_int_eq(tries, 10);
}
END_TEST

/* ---- Looking ----------------------------------------------------------- */

/* Where the test writes frames, and where the stack reads them. */
static int peer;
static int device;

static void start_with(unsigned spin, int debug)
{
    struct tapir_config config;
    char why[TAPIR_TEXT_MAX];
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    tapir_config_init(&config);
    snprintf(config.dev, sizeof(config.dev), "fd:%d", ends[0]);
    config.exit_wait = 0;
    config.debug = debug;
    config.spin = spin;
    ck_assert_msg(tapir_open(&config, why) == 0, "%s", why);
    peer = ends[1];
    device = ends[0];
}

static void start_spinning(unsigned spin)
{
    start_with(spin, 1);
}

static void start(void)
{
    start_spinning(0);
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

/* The clock does not stop, for after a stop, as after a pause of a busy machine
 * with --debug, all that a device has is taken in at once. */
static void start_without_stops(void)
{
    start();
    host_lock();
    the_host.clock.stops = false;
    stack_clock_release(&the_host.clock);
    host_unlock();
}

/* A frame that nobody wants, but it is as large as one of a bulk transfer. */
static void send_large_frame(size_t len)
{
    static uint8_t frame[64 * 1024];

    ck_assert_uint_le(len, sizeof(frame));
    ck_assert_int_eq(send(peer, frame, len, MSG_DONTWAIT), (ssize_t)len);
}

static int frames_left(void)
{
    static uint8_t frame[64 * 1024];
    int count = 0;

    while (recv(device, frame, sizeof(frame), MSG_DONTWAIT) > 0)
        count++;
    return count;
}

START_TEST(a_pass_takes_in_what_the_cache_holds_and_no_more)
{
    start_without_stops();
    for (int i = 0; i < 6; i++)
        send_large_frame(30000);
    host_lock();
    drive_look();
    host_unlock();
    ck_assert_int_eq(frames_left(), 1);
}
END_TEST

START_TEST(what_was_received_comes_before_what_the_device_has)
{
    char byte;
    int fd;

    start_without_stops();
    fd = bound(PORT);
    ck_assert(send_datagram(PORT, 0));
    for (int i = 0; i < 6; i++)
        send_large_frame(30000);
    ck_assert_int_eq(tapir_recv(fd, &byte, 1, MSG_DONTWAIT), 1);
    ck_assert_int_eq(frames_left(), 1);
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

/* ---- The helper -------------------------------------------------------- */

static bool helper_drives(void)
{
    bool result;

    host_lock();
    result = the_host.driver.who == &the_host.driver.helper;
    host_unlock();
    return result;
}

static int set; /* with the socket in it */

static ssize_t do_poll(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    return tapir_poll(&polled, 1, -1);
}

static ssize_t do_epoll_wait(int fd)
{
    struct epoll_event event;

    (void)fd;
    return tapir_epoll_wait(set, &event, 1, -1);
}

static ssize_t do_peek(int fd)
{
    char byte;

    return tapir_recv(fd, &byte, 1, MSG_PEEK);
}

/* It comes back when the program has been silent for some milliseconds, so a
 * busy machine may need more than one try. */
static bool gives_way_to(ssize_t (*call)(int fd), int fd)
{
    for (int tries = 0; tries < 50; tries++) {
        while (!helper_drives())
            usleep(1000);
        ck_assert_int_eq(call(fd), 1);
        if (!helper_drives())
            return true;
    }
    return false;
}

/* Or it stayed, with a lock to share, for as long as there is always more. */
START_TEST(the_helper_gives_way_to_a_program_that_finds_events_at_once)
{
    struct epoll_event event = {.events = EPOLLIN};
    int fd;

    start_with(0, 0);
    set = tapir_epoll_create1(0);
    fd = bound(PORT);
    ck_assert_int_eq(tapir_epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), 0);
    ck_assert(send_datagram(PORT, 0));
    ck_assert_int_eq(do_peek(fd), 1);
    ck_assert(gives_way_to(do_poll, fd));
    ck_assert(gives_way_to(do_epoll_wait, fd));
    ck_assert(gives_way_to(do_peek, fd));
}
END_TEST

/* ---- Dozing ------------------------------------------------------------ */

struct dozer {
    struct waiter waiter;
    pthread_t thread;
    usec wait;
    _Atomic bool begins; /* with the lock held, these two */
    _Atomic bool is_over;
};

static void *doze(void *argument)
{
    struct dozer *dozer = argument;

    host_lock();
    dozer->begins = true;
    waiter_doze(&dozer->waiter, dozer->wait);
    dozer->is_over = true;
    host_unlock();
    return NULL;
}

static void end_dozing(struct dozer *dozer)
{
    host_unlock();
    ck_assert_int_eq(pthread_join(dozer->thread, NULL), 0);
    ck_assert_int_eq(dozer->waiter.sleep, WAITER_AWAKE);
}

/* It dozes, and we have the lock: we were there before it had slept. */
static void begin_to_doze(struct dozer *dozer, usec wait)
{
    for (;;) {
        *dozer = (struct dozer){.wait = wait};
        waiter_init(&dozer->waiter, NULL, USEC_NEVER);
        ck_assert_int_eq(pthread_create(&dozer->thread, NULL, doze, dozer), 0);
        while (!dozer->begins)
            usleep(100);
        host_lock();
        if (!dozer->is_over)
            return;
        end_dozing(dozer);
    }
}

/* Its holder will have to wake somebody: only the C library knows. */
static bool somebody_waits_for_the_lock(void)
{
    return the_host.lock.__data.__lock > 1;
}

/* Unless the machine was so busy that we were not there in time. */
START_TEST(who_dozes_leaves_the_lock_alone_while_somebody_has_it)
{
    const usec wait = 50 * USEC_PER_MSEC;

    start();
    for (int tries = 0; tries < 10; tries++) {
        struct dozer dozer;
        usec before;
        bool waits;
        bool is_late;

        begin_to_doze(&dozer, wait);
        before = host_clock();
        usleep(3 * (useconds_t)wait);
        waits = somebody_waits_for_the_lock();
        is_late = host_clock() - before > 6 * wait;
        end_dozing(&dozer);
        if (is_late)
            continue;
        ck_assert(!waits);
        return;
    }
    ck_abort_msg("the machine is too busy");
}
END_TEST

START_TEST(who_dozes_waits_for_the_lock_in_the_end)
{
    struct dozer dozer;

    start();
    begin_to_doze(&dozer, 20 * USEC_PER_MSEC);
    while (!somebody_waits_for_the_lock())
        usleep(1000);
    end_dozing(&dozer);
}
END_TEST

START_TEST(who_dozes_comes_when_it_is_called)
{
    struct dozer dozer;

    start();
    begin_to_doze(&dozer, 3600 * USEC_PER_SEC);
    waiter_call(&dozer.waiter);
    end_dozing(&dozer);
}
END_TEST

/* ---- Spinning ---------------------------------------------------------- */

static void receive_for(int fd, suseconds_t patience, int result)
{
    struct timeval time = {.tv_usec = patience};
    char byte;

    ck_assert_int_eq(
        tapir_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)), 0);
    ck_assert_int_eq(tapir_recv(fd, &byte, 1, 0), result);
}

START_TEST(nobody_spins_unless_it_is_asked_for)
{
    start();
    receive_for(bound(PORT), 1000, -1);
    ck_assert_uint_eq(the_host.driver.spins, 0);
}
END_TEST

START_TEST(spinning_is_given_up_where_it_does_not_pay)
{
    int fd;

    start_spinning(100);
    fd = bound(PORT);
    for (int i = 0; i < 100; i++)
        receive_for(fd, 2000, -1);
    ck_assert_uint_ge(the_host.driver.spins, SPIN_TRUST);
    ck_assert_uint_le(the_host.driver.spins, SPIN_TRUST + 10);
}
END_TEST

/* A call that waits, and a frame that comes while it spins. */
static void *send_soon(void *unused)
{
    (void)unused;
    usleep(1000);
    ck_assert(send_datagram(PORT, 0));
    return NULL;
}

START_TEST(what_comes_while_the_driver_spins_keeps_it_spinning)
{
    int fd;

    start_spinning(SPIN_MAX);
    fd = bound(PORT);
    do { /* until a spin has paid, however busy the machine is */
        pthread_t thread;

        ck_assert_int_eq(pthread_create(&thread, NULL, send_soon, NULL), 0);
        receive_for(fd, 999999, 1);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    } while (the_host.driver.spin.trust < SPIN_TRUST);
    ck_assert_uint_gt(the_host.driver.spins, 0);
}
END_TEST

/* Time-outs are as exact as without: the spin is part of the wait. */
START_TEST(a_short_wait_is_not_lengthened_by_a_long_spin)
{
    usec before;

    start_spinning(SPIN_MAX);
    for (int tries = 0; tries < 100; tries++) {
        struct pollfd none = {.fd = -1};

        the_host.driver.spin.trust = SPIN_TRUST;
        before = host_clock();
        ck_assert_int_eq(tapir_poll(&none, 1, 2), 0);
        ck_assert_int_ge(host_clock() - before, 2000);
        if (host_clock() - before < SPIN_MAX / 2)
            return;
    }
    ck_abort_msg("a wait of 2 ms never ended in time");
}
END_TEST

UNIT_MAIN("host_look", a_guess_is_no_until_something_has_paid,
          a_guess_bears_some_failures, a_guess_that_rests_is_tried_now_and_then,
          a_call_that_does_not_wait_finds_all_that_has_arrived,
          a_pass_takes_in_what_the_cache_holds_and_no_more,
          what_was_received_comes_before_what_the_device_has,
          a_call_that_waits_goes_on_until_its_frame_has_come,
          a_descriptor_of_the_kernel_is_seen_though_frames_never_cease,
          the_helper_gives_way_to_a_program_that_finds_events_at_once,
          who_dozes_leaves_the_lock_alone_while_somebody_has_it,
          who_dozes_waits_for_the_lock_in_the_end,
          who_dozes_comes_when_it_is_called,
          nobody_spins_unless_it_is_asked_for,
          spinning_is_given_up_where_it_does_not_pay,
          what_comes_while_the_driver_spins_keeps_it_spinning,
          a_short_wait_is_not_lengthened_by_a_long_spin)
