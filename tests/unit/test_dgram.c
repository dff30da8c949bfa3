/*
 * The queue of received datagrams.
 */
#include "unit.h"

#include "base/dgram.h"

#include <errno.h>

struct fixture {
    struct memory memory;
    struct dgram_queue queue;
};

static void begin(struct fixture *f, size_t limit)
{
    memory_init(&f->memory, 1 << 20);
    dgram_queue_init(&f->queue, limit);
}

static void end(struct fixture *f)
{
    dgram_queue_fini(&f->queue, &f->memory);
    ck_assert_uint_eq(f->queue.used, 0);
    ck_assert_uint_eq(f->memory.used, 0);
}

static int add(struct fixture *f, const char *text)
{
    struct dgram about = {.ttl = 64};
    struct frame frame;

    frame_init_output(&frame);
    frame_add_slice(&frame, bytes_of(text, strlen(text)));
    return dgram_queue_add(&f->queue, &f->memory, &about, &frame);
}

static void expect_next(struct fixture *f, const char *text)
{
    const struct dgram *dgram = dgram_queue_first(&f->queue);

    ck_assert_ptr_nonnull(dgram);
    ck_assert_uint_eq(dgram->len, strlen(text));
    ck_assert(memcmp(dgram->data, text, dgram->len) == 0);
    dgram_queue_remove(&f->queue, &f->memory);
}

START_TEST(datagrams_leave_in_order_with_their_boundaries)
{
    struct fixture f;

    begin(&f, 10000);
    ck_assert_ptr_null(dgram_queue_first(&f.queue));
    ck_assert_int_eq(add(&f, "one"), 0);
    ck_assert_int_eq(add(&f, ""), 0);
    ck_assert_int_eq(add(&f, "three"), 0);
    expect_next(&f, "one");
    expect_next(&f, "");
    expect_next(&f, "three");
    ck_assert_ptr_null(dgram_queue_first(&f.queue));
    end(&f);
}
END_TEST

START_TEST(a_datagram_is_copied_out_of_all_pieces_of_its_frame)
{
    uint8_t buffer[] = "UDP head";
    struct dgram about = {.ttl = 1};
    struct fixture f;
    struct frame frame;

    begin(&f, 10000);
    frame_init_input(&frame, NULL, buffer, 8);
    frame_add_slice(&frame, bytes_of(", slice", 7));
    frame_pull(&frame, 4);
    ck_assert_int_eq(dgram_queue_add(&f.queue, &f.memory, &about, &frame), 0);
    memset(buffer, 0, sizeof(buffer));
    expect_next(&f, "head, slice");
    end(&f);
}
END_TEST

START_TEST(what_is_known_of_a_datagram_is_kept)
{
    struct dgram about = {
        .src = {.addr = ip_addr_v4(0xc0000201), .scope = 1, .port = 53},
        .dst = ip_addr_v4(0xc0000202),
        .iface_index = 3,
        .arrived = 12345,
        .ttl = 63,
        .tos = 0x10,
        .len = 99, /* not looked at */
    };
    const struct dgram *dgram;
    struct fixture f;
    struct frame frame;

    begin(&f, 10000);
    frame_init_output(&frame);
    ck_assert_int_eq(dgram_queue_add(&f.queue, &f.memory, &about, &frame), 0);
    dgram = dgram_queue_first(&f.queue);
    ck_assert(endpoint_equal(&dgram->src, &about.src));
    ck_assert(ip_addr_equal(&dgram->dst, &about.dst));
    ck_assert_uint_eq(dgram->iface_index, 3);
    ck_assert_int_eq(dgram->arrived, 12345);
    ck_assert_uint_eq(dgram->ttl, 63);
    ck_assert_uint_eq(dgram->tos, 0x10);
    ck_assert_uint_eq(dgram->len, 0);
    end(&f);
}
END_TEST

START_TEST(the_limit_counts_each_datagrams_record)
{
    struct fixture f;

    begin(&f, 2 * (sizeof(struct dgram) + 10));
    ck_assert_int_eq(add(&f, "0123456789"), 0);
    ck_assert_int_eq(add(&f, "0123456789a"), -ENOBUFS);
    ck_assert_int_eq(add(&f, "0123456789"), 0);
    ck_assert_int_eq(add(&f, ""), -ENOBUFS);
    expect_next(&f, "0123456789");
    ck_assert_int_eq(add(&f, "again"), 0);
    end(&f);
}
END_TEST

START_TEST(empty_datagrams_are_bounded_too)
{
    struct fixture f;
    int count = 0;

    begin(&f, 5 * sizeof(struct dgram));
    while (count < 100 && add(&f, "") == 0)
        count++;
    ck_assert_int_eq(count, 5);
    end(&f);
}
END_TEST

START_TEST(under_a_limit_that_was_lowered_nothing_is_added_until_it_is_met)
{
    struct fixture f;

    begin(&f, 10000);
    ck_assert_int_eq(add(&f, "one"), 0);
    ck_assert_int_eq(add(&f, "two"), 0);
    f.queue.limit = sizeof(struct dgram) + 10;
    ck_assert_int_eq(add(&f, ""), -ENOBUFS);
    expect_next(&f, "one");
    expect_next(&f, "two");
    ck_assert_int_eq(add(&f, "three"), 0);
    end(&f);
}
END_TEST

START_TEST(without_memory_nothing_is_added)
{
    struct fixture f;

    begin(&f, 10000);
    f.memory.limit = 10;
    ck_assert_int_eq(add(&f, ""), -ENOBUFS);
    ck_assert_ptr_null(dgram_queue_first(&f.queue));
    ck_assert_uint_eq(f.queue.used, 0);
    end(&f);
}
END_TEST

START_TEST(a_queue_that_ends_gives_back_what_is_in_it)
{
    struct fixture f;

    begin(&f, 10000);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(add(&f, "left behind"), 0);
    end(&f);
}
END_TEST

UNIT_MAIN("dgram", datagrams_leave_in_order_with_their_boundaries,
          a_datagram_is_copied_out_of_all_pieces_of_its_frame,
          what_is_known_of_a_datagram_is_kept,
          the_limit_counts_each_datagrams_record,
          empty_datagrams_are_bounded_too,
          under_a_limit_that_was_lowered_nothing_is_added_until_it_is_met,
          without_memory_nothing_is_added,
          a_queue_that_ends_gives_back_what_is_in_it)
