#include "unit.h"

#include "netdev/loopback.h"
#include "netdev/whole.h"
#include "packets.h"

#include <errno.h>

static uint8_t data[65535];

struct fixture {
    struct memory memory;
    struct netdev *dev;
};

static void open_loopback(struct fixture *f, size_t queue_bytes)
{
    memory_init(&f->memory, SIZE_MAX);
    f->dev = loopback_create(&f->memory, queue_bytes);
    ck_assert_ptr_nonnull(f->dev);
}

static void close_loopback(struct fixture *f)
{
    netdev_close(f->dev);
    ck_assert_uint_eq(f->memory.used, 0);
}

static int send_text(struct netdev *dev, const char *text)
{
    struct frame frame = packet_frame(text, strlen(text));

    return netdev_transmit(dev, 7, &frame);
}

START_TEST(what_is_sent_comes_back_in_order)
{
    struct packets got = {0};
    struct fixture f;

    open_loopback(&f, 10000);
    ck_assert_int_eq(send_text(f.dev, "one"), 0);
    ck_assert_int_eq(send_text(f.dev, "two"), 0);
    packets_receive(&got, f.dev, 7);
    ck_assert_uint_eq(got.count, 2);
    ck_assert_mem_eq(got.data[0], "one", 3);
    ck_assert_mem_eq(got.data[1], "two", 3);
    close_loopback(&f);
}
END_TEST

START_TEST(the_largest_packet_fits)
{
    struct frame frame;
    struct fixture f;

    open_loopback(&f, 100000);
    ck_assert_int_eq(f.dev->type, NETDEV_IP);
    ck_assert_uint_eq(f.dev->mtu, 65535);
    PACKET_BUILD(&frame, data, .type = NETDEV_IP, .payload = 65495);
    ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), 0);
    ck_assert_int_eq(netdev_receive(f.dev, 0, &frame), 1);
    ck_assert_uint_eq(frame.head_len, 65535);
    close_loopback(&f);
}
END_TEST

START_TEST(an_absent_checksum_stays_absent_and_can_be_filled_in)
{
    struct packets got = {0};
    struct frame frame;
    struct fixture f;

    open_loopback(&f, 10000);
    ck_assert(f.dev->fills_checksum);
    PACKET_BUILD(&frame, data, .type = NETDEV_IP, .payload = 1001);
    ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), 0);
    ck_assert_int_eq(netdev_receive(f.dev, 0, &frame), 1);
    ck_assert_int_eq(frame.offload.checksum, FRAME_CHECKSUM_ABSENT);
    frame_make_whole(NETDEV_IP, &frame, packets_add, &got);
    ck_assert(packet_checksums_are_right(NETDEV_IP, got.data[0], got.len[0]));
    close_loopback(&f);
}
END_TEST

START_TEST(a_flush_frees_only_what_was_handed_out)
{
    struct packets got = {0};
    struct frame frame;
    struct fixture f;

    open_loopback(&f, 10000);
    ck_assert_int_eq(send_text(f.dev, "request"), 0);
    ck_assert_int_eq(netdev_receive(f.dev, 0, &frame), 1);
    ck_assert_int_eq(send_text(f.dev, "answer"), 0);
    ck_assert_mem_eq(frame.head, "request", 7);
    netdev_flush(f.dev, 0);
    packets_receive(&got, f.dev, 0);
    ck_assert_uint_eq(got.count, 1);
    ck_assert_mem_eq(got.data[0], "answer", 6);
    close_loopback(&f);
}
END_TEST

START_TEST(the_deadline_says_when_something_is_there)
{
    struct frame frame;
    struct fixture f;

    open_loopback(&f, 10000);
    ck_assert_int_eq(netdev_deadline(f.dev), USEC_NEVER);
    ck_assert_int_eq(send_text(f.dev, "x"), 0);
    ck_assert_int_le(netdev_deadline(f.dev), 7);
    ck_assert_int_eq(netdev_receive(f.dev, 7, &frame), 1);
    ck_assert_int_eq(netdev_deadline(f.dev), USEC_NEVER);
    close_loopback(&f);
}
END_TEST

START_TEST(what_does_not_fit_the_queue_is_lost)
{
    struct fixture f;
    int sent = 0;

    open_loopback(&f, 1000);
    while (send_text(f.dev, "") == 0)
        ck_assert_int_lt(++sent, 1000);
    ck_assert_int_gt(sent, 0);
    ck_assert_int_eq(send_text(f.dev, ""), -ENOBUFS);
    close_loopback(&f);
}
END_TEST

START_TEST(without_memory_there_is_no_loopback)
{
    struct memory memory;

    memory_init(&memory, 10);
    ck_assert_ptr_null(loopback_create(&memory, 1000));
}
END_TEST

UNIT_MAIN("loopback", what_is_sent_comes_back_in_order, the_largest_packet_fits,
          an_absent_checksum_stays_absent_and_can_be_filled_in,
          a_flush_frees_only_what_was_handed_out,
          the_deadline_says_when_something_is_there,
          what_does_not_fit_the_queue_is_lost,
          without_memory_there_is_no_loopback)
