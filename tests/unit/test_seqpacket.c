#include "unit.h"

#include "netdev/seqpacket.h"
#include "netdev/whole.h"
#include "packets.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static uint8_t data[65535];
static char why[NETDEV_WHY_MAX];

struct fixture {
    struct netdev *dev; /* around one end of a socketpair */
    int peer;           /* the other end */
};

static void open_pair(struct fixture *f)
{
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    ck_assert_msg(seqpacket_take(ends[0], 0, &f->dev, why) == 0, "%s", why);
    f->peer = ends[1];
}

static void close_pair(struct fixture *f)
{
    netdev_close(f->dev);
    close(f->peer);
}

/* A message of the peer's: a header of zeroes and `len` bytes. */
static void peer_sends(struct fixture *f, const void *bytes, size_t len)
{
    uint8_t message[200] = {0};

    memcpy(message + 10, bytes, len);
    ck_assert_int_eq(send(f->peer, message, 10 + len, 0), (ssize_t)len + 10);
}

START_TEST(the_device_is_as_a_tap)
{
    struct fixture f;

    open_pair(&f);
    ck_assert_int_eq(f.dev->type, NETDEV_ETHERNET);
    ck_assert_uint_eq(f.dev->mtu, 1500);
    ck_assert_uint_eq(f.dev->max_gso, 65535);
    ck_assert(f.dev->fills_checksum);
    ck_assert_int_eq(netdev_deadline(f.dev), USEC_NEVER);
    ck_assert_int_ge(netdev_poll_fd(f.dev), 0);
    ck_assert(fcntl(netdev_poll_fd(f.dev), F_GETFD) & FD_CLOEXEC);
    close_pair(&f);
}
END_TEST

START_TEST(a_frame_goes_out_as_one_message_after_its_header)
{
    static uint8_t message[70000];
    struct frame frame;
    struct fixture f;

    open_pair(&f);
    PACKET_BUILD(&frame, data, .payload = 60000, .gso_size = 1460);
    ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), 0);
    ck_assert_int_eq(recv(f.peer, message, sizeof(message), 0),
                     10 + PACKET_HEADERS_LEN + 60000);
    ck_assert_uint_eq(message[0], 1);  /* needs a checksum */
    ck_assert_uint_eq(message[1], 1);  /* segments of TCP over IPv4 */
    ck_assert_uint_eq(message[6], 34); /* which begins here */
    ck_assert_mem_eq(message + 10 + PACKET_HEADERS_LEN, data, 60000);
    close_pair(&f);
}
END_TEST

START_TEST(two_devices_speak_with_each_other)
{
    struct packets got = {0};
    struct netdev *other;
    struct frame frame;
    struct fixture f;

    open_pair(&f);
    ck_assert_int_eq(seqpacket_take(f.peer, 0, &other, why), 0);
    PACKET_BUILD(&frame, data, .payload = 3000, .gso_size = 1360);
    ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), 0);
    ck_assert_int_eq(netdev_receive(other, 0, &frame), 1);
    ck_assert_int_eq(frame.offload.checksum, FRAME_CHECKSUM_ABSENT);
    frame_make_whole(NETDEV_ETHERNET, &frame, packets_add, &got);
    ck_assert_uint_eq(got.count, 3);
    for (unsigned i = 0; i < 3; i++)
        ck_assert(packet_checksums_are_right(NETDEV_ETHERNET, got.data[i],
                                             got.len[i]));
    ck_assert_int_eq(netdev_receive(other, 0, &frame), 0);
    netdev_close(f.dev);
    netdev_close(other);
}
END_TEST

START_TEST(a_batch_stays_until_the_flush)
{
    struct frame frames[17];
    struct fixture f;

    open_pair(&f);
    for (uint8_t i = 0; i < 17; i++)
        peer_sends(&f, &i, 1);
    for (unsigned i = 0; i < 16; i++)
        ck_assert_int_eq(netdev_receive(f.dev, 0, &frames[i]), 1);
    ck_assert_int_eq(netdev_receive(f.dev, 0, &frames[16]), 0);
    for (unsigned i = 0; i < 16; i++)
        ck_assert_uint_eq(frames[i].head[0], i);
    netdev_flush(f.dev, 0);
    ck_assert_int_eq(netdev_receive(f.dev, 0, &frames[16]), 1);
    ck_assert_uint_eq(frames[16].head[0], 16);
    close_pair(&f);
}
END_TEST

START_TEST(messages_that_are_no_frames_are_skipped)
{
    static uint8_t huge[10 + 65535 + 14 + 8 + 1];
    struct frame frame;
    struct fixture f;

    open_pair(&f);
    ck_assert_int_eq(send(f.peer, "", 0, 0), 0);
    ck_assert_int_eq(send(f.peer, "too short", 9, 0), 9);
    ck_assert_int_eq(send(f.peer, huge, sizeof(huge), 0), sizeof(huge));
    peer_sends(&f, "good", 4);
    ck_assert_int_eq(netdev_receive(f.dev, 0, &frame), 1);
    ck_assert_uint_eq(frame.head_len, 4);
    ck_assert_mem_eq(frame.head, "good", 4);
    close_pair(&f);
}
END_TEST

START_TEST(the_largest_frame_is_taken)
{
    static uint8_t message[10 + 65535 + 14 + 8];
    struct frame frame;
    struct fixture f;

    open_pair(&f);
    ck_assert_int_eq(send(f.peer, message, sizeof(message), 0),
                     sizeof(message));
    ck_assert_int_eq(netdev_receive(f.dev, 0, &frame), 1);
    ck_assert_uint_eq(frame.head_len, sizeof(message) - 10);
    close_pair(&f);
}
END_TEST

START_TEST(a_flood_of_garbage_does_not_hold_the_driver)
{
    struct frame frame;
    struct fixture f;

    open_pair(&f);
    for (unsigned i = 0; i < 20; i++)
        ck_assert_int_eq(send(f.peer, "x", 1, 0), 1);
    peer_sends(&f, "good", 4);
    ck_assert_int_eq(netdev_receive(f.dev, 0, &frame),
                     0); /* has looked at 16 */
    ck_assert_int_eq(netdev_receive(f.dev, 0, &frame), 1);
    ck_assert_mem_eq(frame.head, "good", 4);
    close_pair(&f);
}
END_TEST

/* Headers of all kinds must not make the facts point outside of the frame. */
START_TEST(garbage_headers_do_no_harm)
{
    uint32_t state = 1;
    struct fixture f;

    open_pair(&f);
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t message[100];
        struct packets got = {0};
        struct frame frame;
        size_t len = 10 + round % 80;

        for (size_t i = 0; i < sizeof(message); i++) {
            state = state * 1664525 + 1013904223;
            message[i] = (uint8_t)(state >> 24);
        }
        message[1] &= 0x81; /* segmentation by four in all */
        ck_assert_int_eq(send(f.peer, message, len, 0), (ssize_t)len);
        ck_assert_int_eq(netdev_receive(f.dev, 0, &frame), 1);
        if (frame.offload.checksum == FRAME_CHECKSUM_ABSENT)
            ck_assert_uint_le(frame.offload.csum_back, frame.head_len);
        frame_make_whole(NETDEV_ETHERNET, &frame, packets_add, &got);
        netdev_flush(f.dev, 0);
    }
    close_pair(&f);
}
END_TEST

START_TEST(a_full_socket_refuses_and_goes_on_later)
{
    uint8_t message[100];
    struct frame frame = packet_frame("x", 1);
    struct fixture f;
    int status;
    int sent = 0;

    open_pair(&f);
    while ((status = netdev_transmit(f.dev, 0, &frame)) == 0)
        ck_assert_int_lt(++sent, 1000000);
    ck_assert_int_eq(status, -ENOBUFS);
    for (int i = 0; i < sent; i++)
        ck_assert_int_eq(recv(f.peer, message, sizeof(message), 0), 11);
    ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), 0);
    close_pair(&f);
}
END_TEST

START_TEST(a_peer_that_has_gone_takes_the_device_down)
{
    struct frame frame;
    struct frame ours = packet_frame("x", 1);
    struct fixture f;

    open_pair(&f);
    peer_sends(&f, "last words", 10);
    close(f.peer);
    ck_assert_int_eq(netdev_receive(f.dev, 0, &frame), 1);
    ck_assert_int_eq(netdev_receive(f.dev, 0, &frame), -ENETDOWN);
    ck_assert_int_eq(netdev_receive(f.dev, 0, &frame), -ENETDOWN);
    ck_assert_int_eq(netdev_transmit(f.dev, 0, &ours), -ENETDOWN);
    ck_assert_int_eq(netdev_poll_fd(f.dev), -1);
    ck_assert_int_ge(fcntl(netdev_held_fd(f.dev, 0), F_GETFD), 0);
    netdev_close(f.dev);
}
END_TEST

START_TEST(a_peer_that_only_stops_sending_has_gone_too)
{
    struct frame frame;
    struct fixture f;

    open_pair(&f);
    ck_assert_int_eq(shutdown(f.peer, SHUT_WR), 0);
    ck_assert_int_eq(netdev_receive(f.dev, 0, &frame), -ENETDOWN);
    ck_assert_int_eq(recv(f.peer, data, 1, 0), 0); /* and is told so */
    close_pair(&f);
}
END_TEST

START_TEST(sending_to_a_peer_that_has_gone_raises_no_signal)
{
    struct frame ours = packet_frame("x", 1);
    struct fixture f;

    open_pair(&f);
    close(f.peer);
    ck_assert_int_eq(netdev_transmit(f.dev, 0, &ours), -ENETDOWN);
    netdev_close(f.dev);
}
END_TEST

static void expect_refused(int fd, const char *said)
{
    struct netdev *dev = NULL;

    ck_assert_int_eq(seqpacket_take(fd, 0, &dev, why), -EINVAL);
    ck_assert_ptr_null(dev);
    ck_assert_msg(strstr(why, said) != NULL, "'%s' lacks '%s'", why, said);
    ck_assert_msg(strstr(why, "socketpair(") != NULL, "no repair: %s", why);
}

START_TEST(a_descriptor_that_is_no_such_socket_is_refused_with_its_reason)
{
    int ends[2];
    int lonely = socket(AF_UNIX, SOCK_SEQPACKET, 0);

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    expect_refused(999, "descriptor 999 is not open");
    expect_refused(STDERR_FILENO, "is not a socket");
    expect_refused(ends[0], "is not a SEQPACKET socket");
    expect_refused(lonely, "is not connected");
    ck_assert_int_ge(fcntl(lonely, F_GETFD), 0); /* is still the caller's */
}
END_TEST

/* ---- By path ------------------------------------------------------------- */

static const char *path_in(char path[64])
{
    snprintf(path, 64, "/tmp/test_seqpacket.%d", getpid());
    return path;
}

static struct netdev *listen_at(const char *path)
{
    struct netdev *dev;

    ck_assert_msg(seqpacket_listen(path, 1400, &dev, why) == 0, "%s", why);
    return dev;
}

static struct netdev *connect_at(const char *path)
{
    struct netdev *dev;

    ck_assert_msg(seqpacket_connect(path, 0, &dev, why) == 0, "%s", why);
    return dev;
}

static void send_text(struct netdev *dev, const char *text)
{
    struct frame frame = packet_frame(text, strlen(text));

    ck_assert_int_eq(netdev_transmit(dev, 0, &frame), 0);
}

static void expect_text(struct netdev *dev, const char *text)
{
    struct frame frame;

    ck_assert_int_eq(netdev_receive(dev, 0, &frame), 1);
    ck_assert_uint_eq(frame.head_len, strlen(text));
    ck_assert_mem_eq(frame.head, text, strlen(text));
}

static bool is_readable(const struct netdev *dev)
{
    struct pollfd polled = {.fd = netdev_poll_fd(dev), .events = POLLIN};

    return poll(&polled, 1, 0) == 1;
}

START_TEST(one_listens_and_the_other_connects)
{
    struct frame frame = packet_frame("x", 1);
    char path[64];
    struct netdev *listening = listen_at(path_in(path));

    ck_assert_uint_eq(listening->mtu, 1400);
    ck_assert(!seqpacket_has_peer(listening));
    ck_assert_int_eq(netdev_transmit(listening, 0, &frame), -ENETDOWN);
    ck_assert_int_eq(netdev_receive(listening, 0, &frame), 0);

    struct netdev *connected = connect_at(path);

    ck_assert(is_readable(listening));
    send_text(connected, "question");
    expect_text(listening, "question");
    ck_assert(seqpacket_has_peer(listening));
    send_text(listening, "answer");
    expect_text(connected, "answer");
    netdev_close(listening);
    netdev_close(connected);
    ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_listener_takes_one_peer_after_the_other)
{
    char path[64];
    struct netdev *listening = listen_at(path_in(path));
    struct netdev *refused = NULL;
    struct frame frame;

    for (int i = 0; i < 3; i++) {
        struct netdev *connected = connect_at(path);

        send_text(connected, "hello");
        expect_text(listening, "hello");
        ck_assert_int_eq(seqpacket_connect(path, 0, &refused, why),
                         -ECONNREFUSED);
        ck_assert_ptr_nonnull(strstr(why, "has a peer"));
        netdev_close(connected);
        ck_assert(is_readable(listening));
        ck_assert_int_eq(netdev_receive(listening, 0, &frame), 0);
        ck_assert(!seqpacket_has_peer(listening));
    }
    netdev_close(listening);
}
END_TEST

START_TEST(a_socket_left_behind_is_replaced_but_not_one_in_use)
{
    char path[64];
    struct netdev *first = listen_at(path_in(path));
    struct netdev *second = NULL;
    char hidden[80];

    ck_assert_int_eq(seqpacket_listen(path, 0, &second, why), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(why, "end who listens there"));

    /* as after kill -9: the file is there, and nobody listens */
    snprintf(hidden, sizeof(hidden), "%s.hidden", path);
    ck_assert_int_eq(rename(path, hidden), 0);
    netdev_close(first);
    ck_assert_int_eq(rename(hidden, path), 0);
    netdev_close(listen_at(path));
}
END_TEST

static void expect_no_connection(const char *path, int error, const char *said)
{
    struct netdev *dev = NULL;

    ck_assert_int_eq(seqpacket_connect(path, 0, &dev, why), -error);
    ck_assert_ptr_null(dev);
    ck_assert_msg(strstr(why, said) != NULL, "'%s' lacks '%s'", why, said);
}

START_TEST(a_connection_that_cannot_be_has_its_reason)
{
    char path[64];
    char longest[200];
    FILE *file;

    path_in(path);
    expect_no_connection(path, ENOENT, "tapir wire");
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    expect_no_connection(path, ECONNREFUSED, "nobody waits");
    unlink(path);
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    expect_no_connection(longest, EINVAL, "1 to 107 characters");
    expect_no_connection("", EINVAL, "no path");
}
END_TEST

UNIT_MAIN("seqpacket", the_device_is_as_a_tap,
          a_frame_goes_out_as_one_message_after_its_header,
          two_devices_speak_with_each_other, a_batch_stays_until_the_flush,
          messages_that_are_no_frames_are_skipped, the_largest_frame_is_taken,
          a_flood_of_garbage_does_not_hold_the_driver,
          garbage_headers_do_no_harm, a_full_socket_refuses_and_goes_on_later,
          a_peer_that_has_gone_takes_the_device_down,
          a_peer_that_only_stops_sending_has_gone_too,
          sending_to_a_peer_that_has_gone_raises_no_signal,
          a_descriptor_that_is_no_such_socket_is_refused_with_its_reason,
          one_listens_and_the_other_connects,
          a_listener_takes_one_peer_after_the_other,
          a_socket_left_behind_is_replaced_but_not_one_in_use,
          a_connection_that_cannot_be_has_its_reason)
