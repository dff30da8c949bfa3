#include "unit.h"

#include "netdev/bottleneck.h"

/* When the last bit of a packet that comes now has been sent; -1: dropped. */
static usec take(struct bottleneck *link, usec now, size_t len)
{
    usec sent;

    return bottleneck_take(link, now, len, &sent) ? sent : -1;
}

static struct bottleneck link_of(uint64_t rate, uint64_t queue)
{
    struct bottleneck link;

    bottleneck_init(&link, rate, queue);
    return link;
}

START_TEST(without_a_rate_nothing_waits)
{
    struct bottleneck link = link_of(0, 0);

    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(take(&link, 7, 65535), 7);
}
END_TEST

START_TEST(an_idle_link_sends_at_once_and_a_busy_one_after_what_it_has)
{
    struct bottleneck link = link_of(8000000, 0); /* 1 byte/us */

    ck_assert_int_eq(take(&link, 1000, 500), 1500);
    ck_assert_int_eq(take(&link, 1000, 500), 2000);
    ck_assert_int_eq(take(&link, 1800, 100), 2100);
    ck_assert_int_eq(take(&link, 5000, 500), 5500);
}
END_TEST

/* 1,514 bytes take 12.112 us at 1 Gbit/s. */
START_TEST(no_part_of_a_microsecond_is_lost)
{
    struct bottleneck link = link_of(1000000000, 0);
    usec sent = 0;

    for (int i = 0; i < 1000; i++)
        sent = take(&link, 0, 1514);
    ck_assert_int_eq(sent, 12112);
}
END_TEST

START_TEST(what_is_being_sent_is_in_the_queue_until_it_is_sent)
{
    struct bottleneck link = link_of(8000000, 1000);

    ck_assert_int_eq(take(&link, 0, 600), 600);
    ck_assert_int_eq(take(&link, 0, 401), -1);
    ck_assert_int_eq(take(&link, 0, 400), 1000);
    ck_assert_int_eq(take(&link, 0, 1), -1);
    ck_assert_int_eq(take(&link, 1, 1), 1001);
    ck_assert_int_eq(take(&link, 1, 1), -1);
}
END_TEST

START_TEST(a_packet_larger_than_the_queue_passes_an_idle_link_only)
{
    struct bottleneck link = link_of(8000000, 100);

    ck_assert_int_eq(take(&link, 0, 1500), 1500);
    ck_assert_int_eq(take(&link, 1499, 1500), -1);
    ck_assert_int_eq(take(&link, 1500, 1500), 3000);
}
END_TEST

START_TEST(the_extremes_do_not_overflow)
{
    struct bottleneck slow = link_of(BOTTLENECK_RATE_MIN, BOTTLENECK_QUEUE_MAX);
    struct bottleneck fast = link_of(BOTTLENECK_RATE_MAX, BOTTLENECK_QUEUE_MAX);
    uint64_t taken = 0;

    for (usec sent = 0; sent >= 0; taken++)
        sent = take(&slow, 1000000000000, 65535);
    ck_assert_uint_eq(taken, BOTTLENECK_QUEUE_MAX / 65535 + 1);
    ck_assert_int_eq(take(&fast, 0, 1500), 1); /* 12 ns */
}
END_TEST

START_TEST(what_is_waiting_is_known)
{
    struct bottleneck link = link_of(8000000, 0); /* 1 byte/us */
    struct bottleneck none = link_of(0, 0);

    ck_assert(!bottleneck_holds_more(&link, 1000, 0));
    take(&link, 1000, 600);
    take(&link, 1000, 400);
    ck_assert(bottleneck_holds_more(&link, 1000, 999));
    ck_assert(!bottleneck_holds_more(&link, 1000, 1000));
    ck_assert(bottleneck_holds_more(&link, 1900, 99));
    ck_assert(!bottleneck_holds_more(&link, 1900, 100));
    ck_assert(!bottleneck_holds_more(&link, 5000, 0));
    take(&none, 0, 65535);
    ck_assert(!bottleneck_holds_more(&none, 0, 0));
}
END_TEST

/* Or a link that was made fast would drop all until the slow one was free. */
START_TEST(what_waits_is_as_many_bytes_of_another_link)
{
    struct bottleneck link;

    bottleneck_init(&link, 8000, 3000); /* 1 byte in 1 ms */
    ck_assert_int_eq(take(&link, 0, 1000), 1000000);
    ck_assert_int_eq(take(&link, 0, 1000), 2000000);
    bottleneck_change(&link, 0, 8000000, 3000); /* 1 byte in 1 us */
    ck_assert_int_eq(take(&link, 0, 1000), 3000);
    ck_assert_int_eq(take(&link, 0, 1000), -1);
    bottleneck_change(&link, 0, 8000, 3000); /* they are not sent later */
    ck_assert_int_eq(take(&link, 3000, 1000), 1003000);
    bottleneck_change(&link, 0, 0, 0);
    ck_assert_int_eq(take(&link, 3000, 1000), 3000);
}
END_TEST

UNIT_MAIN("bottleneck", what_waits_is_as_many_bytes_of_another_link,
          without_a_rate_nothing_waits,
          an_idle_link_sends_at_once_and_a_busy_one_after_what_it_has,
          no_part_of_a_microsecond_is_lost,
          what_is_being_sent_is_in_the_queue_until_it_is_sent,
          a_packet_larger_than_the_queue_passes_an_idle_link_only,
          the_extremes_do_not_overflow, what_is_waiting_is_known)
