/*
 * The delivery rate that TCP_INFO tells, draft-ietf-ccwg-bbr-06 4.1; and what
 * BBR does with its first window and with a time-out.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <linux/tcp.h>
#include <netinet/in.h>

static struct tcp_info info_of(struct conversation *c)
{
    struct tcp_info info = {0};
    size_t len = sizeof(info);

    ck_assert_int_eq(stack_get_option(c->stack, c->now, c->peer->socket,
                                      IPPROTO_TCP, TCP_INFO, &info, &len),
                     0);
    return info;
}

static void expect_flight(struct conversation *c, int64_t seq, int64_t end)
{
    for (; seq < end; seq += 1000)
        expect_segment(c, .seq = seq, .len = 1000, .flags = ACK,
                       .optional = PSH);
}

/* 4.1.2.3: 10,000 bytes in a round trip of 100 ms */
START_TEST(the_delivery_rate_is_what_arrived_in_the_time_it_took)
{
    struct conversation c;
    open_conversation(&c, .mss = 1000, .rtt_ms = 100);

    app_writes(&c, 20000);
    expect_flight(&c, 1, 10001);
    advance(&c, 100);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    ck_assert_uint_eq(info_of(&c).tcpi_delivery_rate, 100000);
    /* there was nothing to send before: 4.1.2.4 */
    ck_assert_uint_eq(info_of(&c).tcpi_delivery_rate_app_limited, 1);
    expect_flight(&c, 10001, 20001);
    advance(&c, 100);
    peer_sends(&c, .ack = 20001, .flags = ACK);
    ck_assert_uint_eq(info_of(&c).tcpi_delivery_rate, 100000);
    ck_assert_uint_eq(info_of(&c).tcpi_delivery_rate_app_limited, 0);
    close_conversation(&c);
}
END_TEST

START_TEST(it_is_marked_where_the_program_had_no_more)
{
    struct conversation c;
    open_conversation(&c, .mss = 1000, .rtt_ms = 100);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    advance(&c, 50);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH);
    advance(&c, 50);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    advance(&c, 50);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    ck_assert_uint_eq(info_of(&c).tcpi_delivery_rate_app_limited, 1);
    close_conversation(&c);
}
END_TEST

/* 5.6.2: the initial window in a round trip, 2.77 times as fast: 10,000 bytes
 * take 36 ms; the first, which nobody held back, gets half of its time. */
START_TEST(bbr_spreads_its_first_window)
{
    struct conversation c;
    open_conversation(&c, .mss = 1000, .rtt_ms = 100, .congestion = "bbr");

    app_writes(&c, 10000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK, .within_ms = 3);
    for (unsigned i = 2; i < 9; i++) {
        usec before = c.now;

        expect_segment(&c, .seq = 1 + 1000 * i, .len = 1000, .flags = ACK,
                       .within_ms = 5);
        ck_assert_int_ge(c.now - before, 3500);
        ck_assert_int_le(c.now - before, 3700);
    }
    close_conversation(&c);
}
END_TEST

/* 5.6.4.4 OnEnterRTO(): one segment more than is in flight */
START_TEST(after_a_time_out_bbr_sends_one_segment)
{
    struct conversation c;
    open_conversation(&c, .mss = 1000, .rtt_ms = 100, .congestion = "bbr",
                      .no_tlp = true);

    app_writes(&c, 5000);
    for (unsigned i = 0; i < 4; i++)
        expect_segment(&c, .seq = 1 + 1000 * i, .len = 1000, .flags = ACK,
                       .within_ms = 5);
    expect_segment(&c, .seq = 4001, .len = 1000, .flags = ACK | PSH,
                   .within_ms = 5);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .within_ms = 400);
    expect_silence_for(&c, 100);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp delivery rate",
          the_delivery_rate_is_what_arrived_in_the_time_it_took,
          it_is_marked_where_the_program_had_no_more,
          bbr_spreads_its_first_window, after_a_time_out_bbr_sends_one_segment)
