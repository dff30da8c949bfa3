/*
 * SYN cookies, RFC 4987 3.6: when there is no room for one more half-open
 * connection, nobody who answers our SYN,ACK is lost.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

/* One that knocks and stays away fills all the room there is. */
static void fill_up(struct conversation *c)
{
    app_listens(c);
    peer_floods(c, 1);
    ck_assert_uint_eq(c->flood_answered, 1);
}

static const struct tcp_stats *stats_of(const struct conversation *c)
{
    return stack_tcp_stats(c->stack);
}

START_TEST(a_client_is_served_without_a_record)
{
    struct conversation c;
    begin_conversation(&c, .max_half_open = 1);
    fill_up(&c);

    size_t used = c.memory.used;
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .mss = 1460, .options = "mss",
                   .flags = SYN | ACK);
    ck_assert_uint_eq(c.memory.used, used);
    ck_assert_uint_eq(stats_of(&c)->syn_cookies_sent, 1);

    peer_sends(&c, .flags = ACK);
    expect_silence(&c);
    ck_assert_uint_eq(stats_of(&c)->syn_cookies_received, 1);
    ck_assert_uint_eq(stats_of(&c)->passive_opens, 2);
    app_accepts(&c);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .ack = 1, .len = 10, .flags = ACK | PSH);
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    app_reads(&c, 10);
    expect_segment(&c, .ack = 11, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* 100,000 others knock meanwhile. */
START_TEST(no_client_is_lost_in_a_flood)
{
    enum { HALF = 50000, RECORDS = 4096 };
    struct conversation c;
    begin_conversation(&c, .timestamps = true, .wscale = 7, .mss = 1460);
    app_listens(&c);

    size_t used = c.memory.used;
    peer_floods(&c, HALF);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK,
                   .options = "mss,nop,nop,TS,nop,wscale");
    peer_floods(&c, HALF);
    ck_assert_uint_ge(c.flood_answered, 2 * HALF);
    ck_assert_uint_le(c.memory.used - used,
                      RECORDS * 128 + 2 * RECORDS * sizeof(void *));

    peer_sends(&c, .len = 100, .flags = ACK | PSH);
    app_accepts(&c);
    app_reads(&c, 100);
    expect_segment(&c, .ack = 101, .flags = ACK, .within_ms = 40);
    app_writes(&c, 2896);
    expect_segment(&c, .seq = 1, .len = 1448, .flags = ACK);
    expect_segment(&c, .seq = 1449, .len = 1448, .flags = ACK | PSH);
    ck_assert_uint_ge(stats_of(&c)->syn_cookies_sent, 2 * HALF - RECORDS);
    close_conversation(&c);
}
END_TEST

/* In the timestamp: RFC 4987 3.6. */
START_TEST(the_scale_survives_both_ways)
{
    struct conversation c;
    begin_conversation(&c, .max_half_open = 1, .timestamps = true, .wscale = 10,
                       .mss = 1460, .receive_buffer = 1 << 20);
    fill_up(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    ck_assert_int_eq(c.last.options.wscale, 5);
    peer_sends(&c, .win = 3072, .flags = ACK); /* 3 in the header */
    app_accepts(&c);
    app_writes(&c, 5000);
    expect_segment(&c, .seq = 1, .len = 1448, .flags = ACK);
    expect_segment(&c, .seq = 1449, .len = 1448, .flags = ACK);
    ck_assert_uint_le(conversation_waiting(&c), 1);
    conversation_ignore_sent(&c);

    peer_sends(&c, .win = 65535, .len = 1, .flags = ACK | PSH);
    conversation_ignore_sent(&c);
    advance(&c, 40);
    conversation_ignore_sent(&c);
    ck_assert_int_gt((int64_t)c.last.window << 5, 65535);
    close_conversation(&c);
}
END_TEST

/* So does SACK, both ways. */
START_TEST(sack_survives_in_the_timestamp)
{
    struct conversation c;
    begin_conversation(&c, .max_half_open = 1, .timestamps = true, .wscale = 7,
                       .sack = true, .mss = 1460, .set = "tlp=off");
    fill_up(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK,
                   .options = "mss,sackOK,TS,nop,wscale");
    ck_assert_uint_eq(stats_of(&c)->syn_cookies_sent, 1);
    peer_sends(&c, .flags = ACK);
    ck_assert_uint_eq(stats_of(&c)->syn_cookies_received, 1);
    app_accepts(&c);

    peer_sends(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK, .sack = {{1001, 2001}});
    peer_sends(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 2001, .flags = ACK);
    app_reads(&c, 2000);

    app_writes(&c, 5 * 1448);
    for (int64_t seq = 1; seq < 1 + 5 * 1448; seq += 1448)
        expect_segment(&c, .seq = seq, .len = 1448, .flags = ACK,
                       .optional = PSH);
    advance(&c, 50);
    peer_sends(&c, .ack = 1, .flags = ACK,
               .sack = {{1449, 2897}, {4345, 7241}});
    expect_segment(&c, .seq = 1, .len = 1448, .flags = ACK);
    expect_segment(&c, .seq = 2897, .len = 1448, .flags = ACK, .within_ms = 50);
    expect_silence_for(&c, 50);
    close_conversation(&c);
}
END_TEST

START_TEST(without_timestamps_there_is_no_scale)
{
    struct conversation c;
    begin_conversation(&c, .max_half_open = 1, .wscale = 7, .mss = 1460);
    fill_up(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK, .options = "mss");
    ck_assert_uint_eq(c.last.window, 65535);
    peer_sends(&c, .win = 2920, .flags = ACK);
    app_accepts(&c);
    app_writes(&c, 5000);
    expect_segment(&c, .seq = 1, .len = 1460, .flags = ACK);
    expect_segment(&c, .seq = 1461, .len = 1460, .flags = ACK);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.7.1 MUST-16: of the table's values the next smaller. */
START_TEST(the_mss_survives_rounded_down)
{
    struct conversation c;
    begin_conversation(&c, .max_half_open = 1, .mss = 1300);
    fill_up(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    app_writes(&c, 2000);
    expect_segment(&c, .seq = 1, .len = 1220, .flags = ACK);
    expect_segment(&c, .seq = 1221, .len = 780, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* Its TSval was not the time: the RTO is still that of the beginning. */
START_TEST(the_cookies_timestamp_gives_no_rtt)
{
    struct conversation c;
    begin_conversation(&c, .max_half_open = 1, .timestamps = true);
    fill_up(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH,
                   .after_ms = 1000);
    close_conversation(&c);
}
END_TEST

/* The ACK was lost, text comes first. */
START_TEST(text_brings_the_cookie_back_too)
{
    struct conversation c;
    begin_conversation(&c, .max_half_open = 1);
    fill_up(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .len = 100, .flags = ACK | PSH | FIN);
    expect_segment(&c, .seq = 1, .ack = 102, .flags = ACK);
    app_accepts(&c);
    app_reads(&c, 100);
    app_reads_end(&c);
    close_conversation(&c);
}
END_TEST

/* Two SYNs, two answers, one connection. */
START_TEST(a_repeated_syn_gets_the_same_cookie)
{
    struct conversation c;
    begin_conversation(&c, .max_half_open = 1, .timestamps = true);
    fill_up(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .flags = SYN | ACK);
    advance(&c, 1000);
    conversation_ignore_sent(&c);
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .flags = SYN | ACK);
    peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    expect_silence(&c);
    app_accepts(&c);
    close_conversation(&c);
}
END_TEST

/* The first SYN,ACK had no record, the second one has. */
START_TEST(a_cookie_is_good_also_when_there_is_a_record_by_now)
{
    struct conversation c;
    begin_conversation(&c, .max_half_open = 1, .synack_retries = 1);
    fill_up(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .flags = SYN | ACK);
    advance(&c, 4000); /* the flood's record is given up */
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .ack = 1, .flags = SYN | ACK);
    ck_assert_uint_eq(stats_of(&c)->syn_cookies_sent, 1);

    peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    expect_silence_for(&c, 60000);
    app_accepts(&c);
    app_has_nothing_to_accept(&c);
    close_conversation(&c);
}
END_TEST

/* ---- what is no cookie ---- */

START_TEST(a_cookie_that_was_guessed_is_reset)
{
    struct conversation c;
    begin_conversation(&c, .max_half_open = 1);
    fill_up(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .seq = 1, .ack = 2, .flags = ACK);
    expect_segment(&c, .seq = 2, .flags = RST);
    peer_sends(&c, .seq = 2, .ack = 1, .flags = ACK); /* another IRS */
    expect_segment(&c, .seq = 1, .flags = RST);
    ck_assert_uint_eq(stats_of(&c)->syn_cookies_failed, 2);
    app_has_nothing_to_accept(&c);
    close_conversation(&c);
}
END_TEST

/* It is brought back so late, while the flood goes on. */
static void bring_back_after(struct conversation *c, int64_t seconds)
{
    begin_conversation(c, .max_half_open = 1);
    fill_up(c);
    peer_sends(c, .flags = SYN);
    expect_segment(c, .flags = SYN | ACK);
    for (; seconds > 0; seconds--) {
        peer_floods(c, 10);
        advance(c, 1000);
    }
    peer_sends(c, .seq = 1, .ack = 1, .flags = ACK);
}

START_TEST(a_cookie_is_good_for_64_seconds)
{
    struct conversation c;

    bring_back_after(&c, 64);
    expect_silence(&c);
    app_accepts(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(a_cookie_is_not_good_after_128_seconds)
{
    struct conversation c;

    bring_back_after(&c, 128);
    expect_segment(&c, .seq = 1, .flags = RST);
    app_has_nothing_to_accept(&c);
    ck_assert_uint_eq(stats_of(&c)->syn_cookies_failed, 1);
    close_conversation(&c);
}
END_TEST

/* Nobody can try cookies on a stack that has given out none. */
START_TEST(where_no_cookie_was_sent_none_is_looked_for)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .seq = 1, .ack = 100, .flags = ACK);
    expect_segment(&c, .seq = 100, .flags = RST);
    ck_assert_uint_eq(stats_of(&c)->syn_cookies_failed, 0);
    close_conversation(&c);
}
END_TEST

START_TEST(without_cookies_a_syn_too_many_is_dropped)
{
    struct conversation c;
    begin_conversation(&c, .max_half_open = 1, .no_syn_cookies = true);
    fill_up(&c);

    peer_sends(&c, .flags = SYN);
    expect_silence_for(&c, 100);
    ck_assert_uint_eq(stats_of(&c)->syn_cookies_sent, 0);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.6.1: the new ISS lies above the old one, and so is no cookie. */
START_TEST(what_follows_time_wait_gets_a_record_even_then)
{
    struct conversation c;
    open_conversation(&c, .max_half_open = 1);
    app_closes(&c);
    expect_segment(&c, .flags = FIN | ACK);
    peer_sends(&c, .flags = FIN | ACK);
    expect_segment(&c, .flags = ACK);
    uint32_t old_end = c.peer->stack_iss + 2;
    peer_floods(&c, 1);

    peer_starts_over(&c, c.peer->iss + 1000000);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    ck_assert_uint_eq(stats_of(&c)->syn_cookies_sent, 0);
    ck_assert_uint_lt(c.peer->stack_iss - old_end, 1 << 24);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    close_conversation(&c);
}
END_TEST

/* The accept queue is a limit of its own: as without cookies. */
START_TEST(a_full_accept_queue_takes_no_cookie)
{
    struct conversation c;
    begin_conversation(&c, .max_half_open = 1, .backlog = 1);
    fill_up(&c);

    for (unsigned i = 0; i < 3; i++) {
        peer_uses_port(&c, PEER_PORT + i);
        peer_sends(&c, .flags = SYN);
        expect_segment(&c, .flags = SYN | ACK);
    }
    for (unsigned i = 0; i < 3; i++) {
        peer_uses_port(&c, PEER_PORT + i);
        peer_sends(&c, .flags = ACK);
        expect_silence(&c);
    }
    peer_uses_port(&c, PEER_PORT);
    app_accepts(&c);
    peer_uses_port(&c, PEER_PORT + 2);
    peer_sends(&c, .len = 10, .flags = ACK | PSH); /* there is room now */
    peer_uses_port(&c, PEER_PORT + 1);
    app_accepts(&c);
    peer_uses_port(&c, PEER_PORT + 2);
    app_accepts(&c);
    app_reads(&c, 10);
    expect_segment(&c, .ack = 11, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp SYN cookies", a_client_is_served_without_a_record,
          no_client_is_lost_in_a_flood, the_scale_survives_both_ways,
          sack_survives_in_the_timestamp, without_timestamps_there_is_no_scale,
          the_mss_survives_rounded_down, the_cookies_timestamp_gives_no_rtt,
          text_brings_the_cookie_back_too, a_repeated_syn_gets_the_same_cookie,
          a_cookie_is_good_also_when_there_is_a_record_by_now,
          a_cookie_that_was_guessed_is_reset, a_cookie_is_good_for_64_seconds,
          a_cookie_is_not_good_after_128_seconds,
          where_no_cookie_was_sent_none_is_looked_for,
          without_cookies_a_syn_too_many_is_dropped,
          what_follows_time_wait_gets_a_record_even_then,
          a_full_accept_queue_takes_no_cookie)
