/*
 * What was no loss: Eifel (RFC 3522, RFC 4015), D-SACK (RFC 3708); F-RTO is in
 * test_frto.c. That a recovery was undone shows in the size of the next flight.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

/* Full-sized segments from `seq` up to `end`, in order, and no more. */
static void expect_flight(struct conversation *c, int64_t seq, int64_t end)
{
    for (; seq < end; seq += 1000)
        expect_segment(c, .seq = seq, .len = 1000, .flags = ACK,
                       .optional = PSH);
    expect_silence(c);
}

/* All that was sent is acknowledged; how many segments go at once then. */
static unsigned window_now(struct conversation *c)
{
    unsigned count;

    conversation_ignore_sent(c);
    peer_sends(c, .ack = c->peer->received, .flags = ACK);
    conversation_ignore_sent(c);
    app_writes(c, 50000);
    count = conversation_waiting(c);
    while (conversation_waiting(c) > 0) {
        conversation_ignore_sent(c);
        peer_sends(c, .ack = c->peer->received, .flags = ACK);
    }
    return count;
}

/* Ten segments that are delayed by more than the RTO of 300 ms: it sends the
 * first again. The time that the originals told is returned. */
static uint32_t time_out(struct conversation *c)
{
    uint32_t first;

    app_writes(c, 10000);
    expect_flight(c, 1, 10001);
    first = c->peer->ts_recent;
    expect_segment(c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 300);
    expect_silence_for(c, 50);
    return first;
}

/* Ten segments, of which the first three arrive after the reordering window:
 * they were sent again. */
static uint32_t reorder(struct conversation *c)
{
    uint32_t first;

    app_writes(c, 10000);
    expect_flight(c, 1, 10001);
    first = c->peer->ts_recent;
    advance(c, 100);
    peer_sends(c, .ack = 1, .flags = ACK, .sack = {{3001, 10001}},
               .ts_ecr = first);
    expect_segment(c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(c, .seq = 2001, .len = 1000, .flags = ACK);
    advance(c, 50);
    return first;
}

#define SPEAKS_TIMESTAMPS                                                      \
    .sack = true, .rtt_ms = 100, .no_tlp = true, .timestamps = true, .mss = 1012
#define SPEAKS_SACK .sack = true, .rtt_ms = 100, .no_tlp = true

/* ---- Eifel, RFC 3522 3.2, RFC 4015 3.2 ---- */

START_TEST(a_timeout_is_undone_by_the_timestamp_of_the_original)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_TIMESTAMPS, .no_frto = true);

    uint32_t first = time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK, .ts_ecr = first);
    expect_silence_for(&c, 20); /* nothing else is sent again */
    ck_assert_uint_ge(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

/* RFC 3522 3.2: "MUST NOT be reinitiated after loss recovery has already
 * started", RFC 5681 3.1: the second expiry for the same data is no loss of its
 * own. What comes back is the window before the first. */
START_TEST(two_timeouts_are_undone_to_the_window_before_the_first)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_TIMESTAMPS, .no_frto = true);

    uint32_t first = time_out(&c);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 550);
    advance(&c, 50);
    peer_sends(&c, .ack = 1001, .flags = ACK, .ts_ecr = first);
    expect_silence_for(&c, 20);
    ck_assert_uint_ge(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

START_TEST(a_timeout_that_was_right_is_not_undone)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_TIMESTAMPS, .no_frto = true);

    time_out(&c); /* the ACK echoes the retransmission's time */
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    ck_assert_uint_lt(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

START_TEST(a_fast_retransmit_is_undone_by_the_timestamp_of_the_original)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_TIMESTAMPS);

    uint32_t first = reorder(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK, .sack = {{3001, 10001}},
               .ts_ecr = first);
    ck_assert_uint_ge(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

START_TEST(a_fast_retransmit_that_was_right_is_not_undone)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_TIMESTAMPS);

    reorder(&c);
    advance(&c, 50);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    ck_assert_uint_lt(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

/* RFC 3522 3.2 (2) speaks of the first retransmission of the oldest segment.
 * Here that is a loss probe: if it was the first to arrive, then the original
 * was lost. */
START_TEST(a_probe_that_arrives_after_the_timeout_undoes_nothing)
{
    struct conversation c;
    uint32_t probe;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .timestamps = true,
                      .mss = 1012);

    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{0, 1}}); /* of the SYN */
    app_writes(&c, 1000);
    expect_flight(&c, 1, 1001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 300);
    probe = c.peer->ts_recent;
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 300);
    peer_sends(&c, .ack = 1001, .flags = ACK, .ts_ecr = probe);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->undone_recoveries, 0);
    ck_assert_uint_lt(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

/* RFC 3522 3.2 (5), 3.3: all has arrived and all ACKs were lost, so the way
 * back is full. */
START_TEST(an_ack_of_everything_undoes_nothing)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_TIMESTAMPS, .no_frto = true);

    uint32_t first = time_out(&c);
    peer_sends(&c, .ack = 10001, .flags = ACK, .ts_ecr = first);
    ck_assert_uint_lt(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

/* Unless it would have said that something came twice. */
START_TEST(from_a_peer_that_sends_dsacks_it_does)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_TIMESTAMPS, .no_frto = true);

    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{0, 1}}); /* of the SYN */
    uint32_t first = time_out(&c);
    peer_sends(&c, .ack = 10001, .flags = ACK, .ts_ecr = first);
    ck_assert_uint_ge(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

/* A pass takes in several ACKs before anything is sent. */
START_TEST(what_arrives_before_it_was_sent_again_is_no_loss)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 4001}},
               .more = true);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->undone_recoveries, 1);
    ck_assert_uint_ge(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

/* But a copy that a loss probe had sent proves nothing: the loss was real. */
START_TEST(what_a_probe_had_sent_again_is_a_loss)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    advance(&c, 100);
    peer_sends(&c, .ack = 9001, .flags = ACK); /* the last one is lost */
    advance(&c, 299);
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->loss_probes, 1);
    app_writes(&c, 5000);
    conversation_ignore_sent(&c);
    advance(&c, 100);
    peer_sends(&c, .ack = 9001, .flags = ACK, .sack = {{10001, 15001}},
               .more = true);
    peer_sends(&c, .ack = 15001, .flags = ACK);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->fast_retransmits, 1);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->undone_recoveries, 0);
    close_conversation(&c);
}
END_TEST

/* RFC 3522 3.2 is for peers without SACK as well. */
START_TEST(eifel_needs_no_sack)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100, .timestamps = true, .mss = 1012);

    uint32_t first = time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK, .ts_ecr = first);
    expect_silence_for(&c, 20);
    ck_assert_uint_ge(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

/* ---- D-SACK, RFC 3708 ---- */

START_TEST(a_fast_retransmit_is_undone_when_all_of_it_came_twice)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    reorder(&c);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    advance(&c, 50);
    peer_sends(&c, .ack = 10001, .flags = ACK, .sack = {{1, 1001}});
    peer_sends(&c, .ack = 10001, .flags = ACK, .sack = {{1001, 2001}});
    peer_sends(&c, .ack = 10001, .flags = ACK, .sack = {{2001, 3001}});
    ck_assert_uint_ge(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

START_TEST(it_is_not_undone_when_part_of_it_came_once)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    reorder(&c);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    advance(&c, 50);
    peer_sends(&c, .ack = 10001, .flags = ACK, .sack = {{1, 1001}});
    peer_sends(&c, .ack = 10001, .flags = ACK, .sack = {{1001, 2001}});
    ck_assert_uint_lt(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

/* RFC 3708 2: the network duplicates as well. */
START_TEST(duplicates_of_what_was_sent_once_undo_nothing)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    reorder(&c);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    advance(&c, 50);
    peer_sends(&c, .ack = 10001, .flags = ACK, .sack = {{5001, 6001}});
    peer_sends(&c, .ack = 10001, .flags = ACK, .sack = {{6001, 7001}});
    peer_sends(&c, .ack = 10001, .flags = ACK, .sack = {{7001, 8001}});
    ck_assert_uint_lt(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

/* Backwards, empty, far below: no D-SACK at all. */
START_TEST(duplicates_that_cannot_be_undo_nothing)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    reorder(&c);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    advance(&c, 50);
    peer_sends(&c, .ack = 10001, .flags = ACK, .sack = {{3001, 2001}});
    peer_sends(&c, .ack = 10001, .flags = ACK, .sack = {{2001, 2001}});
    peer_sends(&c, .ack = 10001, .flags = ACK,
               .sack = {{-1000000000, -999000000}});
    ck_assert_uint_lt(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

/* ---- When a recovery is over ---- */

/* The first is lost, and comes when it was sent again: a recovery as it should
 * be. */
static void recover(struct conversation *c)
{
    app_writes(c, 10000);
    expect_flight(c, 1, 10001);
    advance(c, 100);
    peer_sends(c, .ack = 1, .flags = ACK, .sack = {{1001, 10001}});
    expect_segment(c, .seq = 1, .len = 1000, .flags = ACK);
    advance(c, 100);
    peer_sends(c, .ack = 10001, .flags = ACK);
}

/* The timestamp clock has gone half way round (RFC 7323 5.4), and what was sent
 * today seems to be older than what was sent again then. */
START_TEST(after_25_days_its_timestamp_means_nothing)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_TIMESTAMPS);

    recover(&c);
    for (int day = 0; day < 26; day++) {
        advance(&c, 24 * 3600 * 1000LL);
        app_writes(&c, 2000);
        conversation_ignore_sent(&c);
        advance(&c, 100);
        peer_sends(&c, .ack = c.peer->received - 1000, .flags = ACK);
        peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    }
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->undone_recoveries, 0);
    close_conversation(&c);
}
END_TEST

/* What is sent after it is acknowledged: a D-SACK would have come before. */
START_TEST(a_window_later_a_dsack_undoes_nothing)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    recover(&c);
    app_writes(&c, 2000);
    expect_flight(&c, 10001, 12001);
    advance(&c, 100);
    peer_sends(&c, .ack = 12001, .flags = ACK);
    peer_sends(&c, .ack = 12001, .flags = ACK, .sack = {{1, 1001}});
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->undone_recoveries, 0);
    close_conversation(&c);
}
END_TEST

/* Nor need what a loss probe sends again then be explained by one. */
START_TEST(a_probe_after_it_needs_no_dsack)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    recover(&c);
    app_writes(&c, 2000);
    expect_flight(&c, 10001, 12001);
    expect_segment(&c, .seq = 11001, .len = 1000, .flags = ACK | PSH,
                   .within_ms = 600);
    peer_sends(&c, .ack = 10001, .flags = ACK, .sack = {{1, 1001}});
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->undone_recoveries, 1);
    close_conversation(&c);
}
END_TEST

START_TEST(when_switched_off_nothing_is_undone)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_TIMESTAMPS, .no_undo = true);

    uint32_t first = time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK, .ts_ecr = first);
    ck_assert_uint_gt(conversation_waiting(&c), 0); /* slow start */
    ck_assert_uint_lt(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

START_TEST(without_eifel_the_echoed_time_undoes_nothing)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_TIMESTAMPS, .set = "eifel=off");

    uint32_t first = reorder(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK, .sack = {{3001, 10001}},
               .ts_ecr = first);
    ck_assert_uint_le(window_now(&c), 6);
    close_conversation(&c);
}
END_TEST

/* RFC 3708: and a D-SACK still does. */
START_TEST(without_eifel_a_dsack_undoes_as_before)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_TIMESTAMPS, .set = "eifel=off");

    reorder(&c);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    peer_sends(&c, .ack = 10001, .flags = ACK, .sack = {{1, 1001}});
    peer_sends(&c, .ack = 10001, .flags = ACK, .sack = {{1001, 2001}});
    peer_sends(&c, .ack = 10001, .flags = ACK, .sack = {{2001, 3001}});
    ck_assert_uint_ge(window_now(&c), 10);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp undo", a_timeout_is_undone_by_the_timestamp_of_the_original,
          two_timeouts_are_undone_to_the_window_before_the_first,
          a_timeout_that_was_right_is_not_undone,
          a_fast_retransmit_is_undone_by_the_timestamp_of_the_original,
          a_fast_retransmit_that_was_right_is_not_undone,
          a_probe_that_arrives_after_the_timeout_undoes_nothing,
          an_ack_of_everything_undoes_nothing,
          from_a_peer_that_sends_dsacks_it_does,
          what_arrives_before_it_was_sent_again_is_no_loss,
          what_a_probe_had_sent_again_is_a_loss, eifel_needs_no_sack,
          a_fast_retransmit_is_undone_when_all_of_it_came_twice,
          it_is_not_undone_when_part_of_it_came_once,
          duplicates_of_what_was_sent_once_undo_nothing,
          duplicates_that_cannot_be_undo_nothing,
          after_25_days_its_timestamp_means_nothing,
          a_window_later_a_dsack_undoes_nothing,
          a_probe_after_it_needs_no_dsack, when_switched_off_nothing_is_undone,
          without_eifel_the_echoed_time_undoes_nothing,
          without_eifel_a_dsack_undoes_as_before)
