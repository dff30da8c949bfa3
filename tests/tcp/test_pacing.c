/*
 * Pacing, draft-ietf-ccwg-bbr-06 5.6.2 and 5.6.3: when segments depart; the
 * delivery rate that TCP_INFO tells (4.1); and what BBR does with a time-out.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <linux/tcp.h>
#include <netinet/in.h>

static void app_limits_rate(struct conversation *c, uint32_t rate)
{
    ck_assert_int_eq(stack_set_option(c->stack, c->now, c->peer->socket,
                                      SOL_SOCKET, SO_MAX_PACING_RATE,
                                      bytes_of(&rate, sizeof(rate))),
                     0);
}

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

/* 100,000 bytes a second: a segment in 10 ms. */
START_TEST(segments_depart_at_the_rate_that_the_program_allows)
{
    struct conversation c;
    open_conversation(&c, .mss = 1000, .rtt_ms = 100);

    app_limits_rate(&c, 100000);
    app_writes(&c, 10000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    for (unsigned i = 1; i < 4; i++)
        expect_segment(&c, .seq = 1 + 1000 * i, .len = 1000, .flags = ACK,
                       .after_ms = 10);
    close_conversation(&c);
}
END_TEST

START_TEST(without_a_limit_cubic_sends_at_once)
{
    struct conversation c;
    open_conversation(&c, .mss = 1000, .rtt_ms = 100);

    app_writes(&c, 5000);
    expect_flight(&c, 1, 5001);
    close_conversation(&c);
}
END_TEST

START_TEST(an_idle_time_gives_no_credit)
{
    struct conversation c;
    open_conversation(&c, .mss = 1000, .rtt_ms = 100);

    app_limits_rate(&c, 100000);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    advance(&c, 100);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    advance(&c, 5000);
    app_writes(&c, 2000);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 10);
    close_conversation(&c);
}
END_TEST

/* What is lost is paced like what is new, but for the first of it (RFC 5681
 * 3.2 step 3). */
START_TEST(a_fast_retransmit_does_not_wait)
{
    struct conversation c;
    open_conversation(&c, .mss = 1000, .rtt_ms = 100, .sack = true);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    app_limits_rate(&c, 1000); /* one segment in a second */
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 6001}});
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(the_limit_is_told_in_32_bits_and_in_64)
{
    struct conversation c;
    uint64_t large = 0;
    uint32_t small = 0;
    size_t len = sizeof(large);
    open_conversation(&c, .mss = 1000);

    ck_assert_int_eq(stack_get_option(c.stack, c.now, c.peer->socket,
                                      SOL_SOCKET, SO_MAX_PACING_RATE, &large,
                                      &len),
                     0);
    ck_assert_uint_eq(large, UINT64_MAX);
    app_limits_rate(&c, 5000);
    len = sizeof(small);
    ck_assert_int_eq(stack_get_option(c.stack, c.now, c.peer->socket,
                                      SOL_SOCKET, SO_MAX_PACING_RATE, &small,
                                      &len),
                     0);
    ck_assert_uint_eq(small, 5000);
    ck_assert_uint_eq(info_of(&c).tcpi_max_pacing_rate, 5000);
    app_limits_rate(&c, UINT32_MAX); /* none again */
    ck_assert_uint_eq(info_of(&c).tcpi_max_pacing_rate, UINT64_MAX);
    close_conversation(&c);
}
END_TEST

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
 * take 36 ms, a quantum of two segments 7. */
START_TEST(bbr_spreads_its_first_window)
{
    struct conversation c;
    open_conversation(&c, .mss = 1000, .rtt_ms = 100, .congestion = "bbr");

    app_writes(&c, 10000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    for (unsigned i = 1; i < 9; i++) {
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

UNIT_MAIN("tcp pacing", segments_depart_at_the_rate_that_the_program_allows,
          without_a_limit_cubic_sends_at_once, an_idle_time_gives_no_credit,
          a_fast_retransmit_does_not_wait,
          the_limit_is_told_in_32_bits_and_in_64,
          the_delivery_rate_is_what_arrived_in_the_time_it_took,
          it_is_marked_where_the_program_had_no_more,
          bbr_spreads_its_first_window, after_a_time_out_bbr_sends_one_segment)
