#include "unit.h"

#include "netdev/wire.h"
#include "packets.h"

#include <errno.h>

static uint8_t data[65535];

struct fixture {
    struct memory memory;
    struct netdev *a;
    struct netdev *b;
};

static void open_wire(struct fixture *f, size_t queue_bytes)
{
    struct wire_config config = {
        .type = NETDEV_ETHERNET, .mtu = 1400, .queue_bytes = queue_bytes};
    struct netdev *ends[2];

    memory_init(&f->memory, SIZE_MAX);
    ck_assert_int_eq(wire_create(&f->memory, &config, ends), 0);
    f->a = ends[0];
    f->b = ends[1];
}

static void close_wire(struct fixture *f)
{
    netdev_close(f->a);
    netdev_close(f->b);
    ck_assert_uint_eq(f->memory.used, 0);
}

static int send_text(struct netdev *dev, const char *text)
{
    struct frame frame = packet_frame(text, strlen(text));

    return netdev_transmit(dev, 0, &frame);
}

static void expect_text(struct packets *got, unsigned i, const char *text)
{
    ck_assert_uint_lt(i, got->count);
    ck_assert_uint_eq(got->len[i], strlen(text));
    ck_assert_mem_eq(got->data[i], text, strlen(text));
}

START_TEST(what_one_end_sends_the_other_receives_in_order)
{
    struct packets at_a = {0};
    struct packets at_b = {0};
    struct fixture f;

    open_wire(&f, 10000);
    ck_assert_int_eq(send_text(f.a, "one"), 0);
    ck_assert_int_eq(send_text(f.b, "answer"), 0);
    ck_assert_int_eq(send_text(f.a, "two"), 0);
    packets_receive(&at_b, f.b, 0);
    packets_receive(&at_a, f.a, 0);

    ck_assert_uint_eq(at_b.count, 2);
    expect_text(&at_b, 0, "one");
    expect_text(&at_b, 1, "two");
    ck_assert_uint_eq(at_a.count, 1);
    expect_text(&at_a, 0, "answer");
    close_wire(&f);
}
END_TEST

START_TEST(the_ends_are_as_configured)
{
    struct fixture f;

    open_wire(&f, 10000);
    ck_assert_int_eq(f.a->type, NETDEV_ETHERNET);
    ck_assert_uint_eq(f.b->mtu, 1400);
    ck_assert_uint_eq(f.b->max_gso, 0);
    ck_assert(!f.a->fills_checksum);
    ck_assert_int_eq(netdev_poll_fd(f.a), -1);
    close_wire(&f);
}
END_TEST

START_TEST(the_deadline_says_when_something_is_there)
{
    struct frame frame;
    struct fixture f;

    open_wire(&f, 10000);
    ck_assert_int_eq(netdev_deadline(f.b), USEC_NEVER);
    ck_assert_int_eq(send_text(f.a, "x"), 0);
    ck_assert_int_eq(netdev_deadline(f.b), 0);
    ck_assert_int_eq(netdev_deadline(f.a), USEC_NEVER);
    ck_assert_int_eq(netdev_receive(f.b, 5, &frame), 1);
    ck_assert_int_eq(netdev_deadline(f.b), USEC_NEVER);
    close_wire(&f);
}
END_TEST

START_TEST(received_bytes_stay_until_the_receivers_flush)
{
    struct frame first;
    struct frame second;
    struct fixture f;

    open_wire(&f, 10000);
    ck_assert_int_eq(send_text(f.a, "first"), 0);
    ck_assert_int_eq(send_text(f.a, "second"), 0);
    ck_assert_int_eq(netdev_receive(f.b, 0, &first), 1);
    netdev_flush(f.a, 0);
    ck_assert_int_eq(netdev_receive(f.b, 0, &second), 1);
    ck_assert_mem_eq(first.head, "first", 5); /* the sanitizer looks too */
    netdev_flush(f.b, 0);
    ck_assert_int_eq(netdev_receive(f.b, 0, &second), 0);
    close_wire(&f);
}
END_TEST

START_TEST(a_flush_keeps_what_was_not_yet_received)
{
    struct packets got = {0};
    struct fixture f;

    open_wire(&f, 10000);
    ck_assert_int_eq(send_text(f.a, "waits"), 0);
    netdev_flush(f.b, 0);
    packets_receive(&got, f.b, 0);
    expect_text(&got, 0, "waits");
    close_wire(&f);
}
END_TEST

START_TEST(what_does_not_fit_the_queue_is_lost)
{
    struct packets got = {0};
    struct fixture f;
    int sent = 0;

    open_wire(&f, 1000);
    while (send_text(f.a, "a packet") == 0) {
        sent++;
        ck_assert_int_lt(sent, 1000);
    }
    ck_assert_int_eq(send_text(f.a, "a packet"), -ENOBUFS);
    ck_assert_int_eq(send_text(f.b, "other way"), 0);
    packets_receive(&got, f.b, 0);
    ck_assert_int_eq(got.count, sent);
    netdev_flush(f.b, 0);
    ck_assert_int_eq(send_text(f.a, "a packet"), 0);
    close_wire(&f);
}
END_TEST

START_TEST(empty_packets_are_bounded_too)
{
    struct fixture f;
    int sent = 0;

    open_wire(&f, 1000);
    while (send_text(f.a, "") == 0)
        ck_assert_int_lt(++sent, 1000);
    close_wire(&f);
}
END_TEST

START_TEST(without_memory_a_packet_is_lost)
{
    struct fixture f;

    open_wire(&f, 10000);
    f.memory.limit = f.memory.used;
    ck_assert_int_eq(send_text(f.a, "x"), -ENOBUFS);
    close_wire(&f);
}
END_TEST

START_TEST(without_memory_there_is_no_wire)
{
    struct wire_config config = {.mtu = 1500, .queue_bytes = 1000};
    struct netdev *ends[2] = {NULL, NULL};
    struct memory memory;

    memory_init(&memory, 10);
    ck_assert_int_eq(wire_create(&memory, &config, ends), -ENOBUFS);
    ck_assert_ptr_null(ends[0]);
}
END_TEST

START_TEST(a_super_segment_arrives_as_packets)
{
    struct packets got = {0};
    struct frame frame;
    struct fixture f;

    open_wire(&f, 10000);
    PACKET_BUILD(&frame, data, .payload = 3000, .gso_size = 1360);
    ck_assert_int_eq(netdev_transmit(f.a, 0, &frame), 0);
    packets_receive(&got, f.b, 0);
    ck_assert_uint_eq(got.count, 3);
    for (unsigned i = 0; i < 3; i++)
        ck_assert(packet_checksums_are_right(NETDEV_ETHERNET, got.data[i],
                                             got.len[i]));
    close_wire(&f);
}
END_TEST

START_TEST(the_sender_may_change_its_data_after_its_flush)
{
    char text[] = "before";
    struct packets got = {0};
    struct fixture f;

    open_wire(&f, 10000);
    ck_assert_int_eq(send_text(f.a, text), 0);
    netdev_flush(f.a, 0);
    memcpy(text, "after!", 6);
    packets_receive(&got, f.b, 0);
    expect_text(&got, 0, "before");
    close_wire(&f);
}
END_TEST

START_TEST(a_wire_whose_other_end_is_closed_is_down)
{
    struct packets got = {0};
    struct fixture f;

    open_wire(&f, 10000);
    ck_assert_int_eq(send_text(f.a, "last words"), 0);
    ck_assert_int_eq(send_text(f.b, "unread"), 0);
    netdev_close(f.a);
    ck_assert_int_eq(send_text(f.b, "x"), -ENETDOWN);
    packets_receive(&got, f.b, 0);
    expect_text(&got, 0, "last words");
    netdev_close(f.b);
    ck_assert_uint_eq(f.memory.used, 0);
}
END_TEST

START_TEST(the_ends_may_be_closed_in_either_order)
{
    struct fixture f;

    open_wire(&f, 10000);
    ck_assert_int_eq(send_text(f.a, "unread"), 0);
    netdev_close(f.b);
    netdev_close(f.a);
    ck_assert_uint_eq(f.memory.used, 0);
}
END_TEST

UNIT_MAIN("wire", what_one_end_sends_the_other_receives_in_order,
          the_ends_are_as_configured, the_deadline_says_when_something_is_there,
          received_bytes_stay_until_the_receivers_flush,
          a_flush_keeps_what_was_not_yet_received,
          what_does_not_fit_the_queue_is_lost, empty_packets_are_bounded_too,
          without_memory_a_packet_is_lost, without_memory_there_is_no_wire,
          a_super_segment_arrives_as_packets,
          the_sender_may_change_its_data_after_its_flush,
          a_wire_whose_other_end_is_closed_is_down,
          the_ends_may_be_closed_in_either_order)
