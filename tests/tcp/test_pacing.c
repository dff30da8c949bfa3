/*
 * Pacing (draft-ietf-ccwg-bbr-06 5.6.2, 5.6.3): when segments leave. By
 * SO_MAX_PACING_RATE, and by the setting for algorithms that have a window
 * only.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* The next segment leaves so long after the one that was looked at before. */
static void expect_after(struct conversation *c, usec time, int64_t seq,
                         int64_t len)
{
    usec before = c->last.sent;

    expect_segment(c, .seq = seq, .len = len, .flags = ACK, .optional = PSH,
                   .within_ms = time / USEC_PER_MSEC + 1);
    if (c->last.sent != before + time)
        conversation_fail(c, "it left after %lld usec, not after %lld",
                          (long long)(c->last.sent - before), (long long)time);
}

static void expect_now(struct conversation *c, int64_t seq, int64_t len)
{
    expect_segment(c, .seq = seq, .len = len, .flags = ACK, .optional = PSH);
    ck_assert_int_eq(c->last.sent, c->now);
}

/* The stack is not driven for so long. */
static void nobody_drives(struct conversation *c, usec time)
{
    c->now += time;
    advance(c, 0);
}

static void limit(struct conversation *c, int rate)
{
    app_sets(c, SOL_SOCKET, SO_MAX_PACING_RATE, rate);
}

static void choose(struct conversation *c, const char *name)
{
    struct bytes value = {(const uint8_t *)name, strlen(name)};

    ck_assert_int_eq(stack_set_option(c->stack, c->now, c->peer->socket,
                                      IPPROTO_TCP, TCP_CONGESTION, value),
                     0);
    advance(c, 0);
}

/* ---- SO_MAX_PACING_RATE ---- */

/* The first one has waited long, and gets half of its time back. */
START_TEST(segments_leave_at_the_rate_that_the_program_allows)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 10);

    limit(&c, 100000);
    app_writes(&c, 5000);
    expect_now(&c, 1, 1000);
    expect_after(&c, 5000, 1001, 1000);
    expect_after(&c, 10000, 2001, 1000);
    expect_after(&c, 10000, 3001, 1000);
    expect_after(&c, 10000, 4001, 1000);
    peer_sends(&c, .ack = 5001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(without_a_rate_they_leave_together)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 10);

    app_writes(&c, 3000);
    expect_now(&c, 1, 1000);
    expect_now(&c, 1001, 1000);
    expect_now(&c, 2001, 1000);
    peer_sends(&c, .ack = 3001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(the_time_of_a_small_segment_is_short)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 10);

    limit(&c, 100000);
    app_sets(&c, IPPROTO_TCP, TCP_NODELAY, 1);
    app_writes(&c, 1000);
    expect_now(&c, 1, 1000);
    app_writes(&c, 100);
    app_writes(&c, 1000); /* meanwhile: it is no small one any more */
    expect_after(&c, 5000, 1001, 1000);
    expect_after(&c, 10000, 2001, 100);
    app_writes(&c, 1000);
    expect_after(&c, 1000, 2101, 1000);
    peer_sends(&c, .ack = 3101, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* A driver that is late by less than half of the time: none is lost. By more:
 * half of it comes back, so a long absence makes no burst. */
START_TEST(what_leaves_late_gets_at_most_half_of_its_time_back)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 10);

    limit(&c, 100000);
    app_writes(&c, 6000);
    expect_now(&c, 1, 1000);
    expect_after(&c, 5000, 1001, 1000);
    nobody_drives(&c, 13000); /* 3 ms late */
    expect_after(&c, 13000, 2001, 1000);
    expect_after(&c, 7000, 3001, 1000);
    nobody_drives(&c, 40000); /* 30 ms late */
    expect_after(&c, 40000, 4001, 1000);
    expect_after(&c, 5000, 5001, 1000);
    peer_sends(&c, .ack = 6001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* 5.6.3: a device that cuts gets two segments at once at a low rate, */
START_TEST(at_a_low_rate_the_quantum_is_two_segments)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 10, .max_gso = 65535);

    limit(&c, 100000);
    app_writes(&c, 6000);
    expect_now(&c, 1, 2000);
    expect_after(&c, 10000, 2001, 2000);
    expect_after(&c, 20000, 4001, 2000);
    peer_sends(&c, .ack = 6001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* ... and what the rate is in a millisecond at a higher one. */
START_TEST(at_a_high_rate_the_quantum_is_of_a_millisecond)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 10, .max_gso = 65535, .initial_window = 60);

    limit(&c, 10500000);
    app_writes(&c, 30000);
    expect_now(&c, 1, 10000);
    expect_after(&c, 476, 10001, 10000); /* half of 952 */
    expect_after(&c, 952, 20001, 10000);
    peer_sends(&c, .ack = 30001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(below_the_largest_rate_the_windows_own_counts)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 10);

    limit(&c, -2); /* 4 GB/s; twice the window in a round trip are 2 MB/s */
    app_writes(&c, 3000);
    expect_now(&c, 1, 1000);
    expect_after(&c, 250, 1001, 1000);
    expect_after(&c, 500, 2001, 1000);
    peer_sends(&c, .ack = 3001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* A byte a second: 500 s, and then 1000 s, until the next segment. */
START_TEST(the_smallest_rate_is_kept_to)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 10);

    limit(&c, 1);
    app_writes(&c, 3000);
    expect_now(&c, 1, 1000);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_after(&c, 500 * USEC_PER_SEC, 1001, 1000);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_after(&c, 1000 * USEC_PER_SEC, 2001, 1000);
    peer_sends(&c, .ack = 3001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* ---- What waits must not wait for ever ---- */

START_TEST(a_higher_rate_counts_at_once)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 10);

    limit(&c, 1);
    app_writes(&c, 4000);
    expect_now(&c, 1, 1000);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_silence_for(&c, 1000);
    limit(&c, 100000);
    expect_now(&c, 1001, 1000);
    expect_after(&c, 10000, 2001, 1000);
    expect_after(&c, 10000, 3001, 1000);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(without_the_limit_all_that_waits_leaves)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 10);

    limit(&c, 1);
    app_writes(&c, 3000);
    expect_now(&c, 1, 1000);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    limit(&c, -1);
    expect_now(&c, 1001, 1000);
    expect_now(&c, 2001, 1000);
    peer_sends(&c, .ack = 3001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* An algorithm that is not paced takes over from one that is. */
START_TEST(what_the_former_algorithm_held_back_leaves)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100, .congestion = "bbr");

    app_writes(&c, 3000);
    expect_now(&c, 1, 1000);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_silence(&c);
    choose(&c, "reno");
    expect_now(&c, 1001, 1000);
    expect_now(&c, 2001, 1000);
    peer_sends(&c, .ack = 3001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.6.1: the window shuts while a segment waits for its time. */
START_TEST(a_shut_window_is_probed_whatever_the_rate)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 10);

    limit(&c, 100);
    app_writes(&c, 2000);
    expect_now(&c, 1, 1000);
    peer_sends(&c, .ack = 1001, .win = 0, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1, .flags = ACK, .after_ms = 209);
    peer_sends(&c, .ack = 1002, .win = 65535, .flags = ACK);
    limit(&c, -1);
    expect_now(&c, 1002, 999);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* ---- Losses ---- */

/* The first of what is lost goes at once (RFC 6675 5), the rest at its time. */
START_TEST(what_is_sent_again_has_its_time_too)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100, .sack = true, .no_tlp = true,
                      .initial_window = 20, .no_prr = true);

    limit(&c, 100000);
    app_writes(&c, 12000);
    expect_now(&c, 1, 1000);
    expect_after(&c, 5000, 1001, 1000);
    for (int64_t seq = 2001; seq < 12001; seq += 1000)
        expect_after(&c, 10000, seq, 1000);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{3001, 12001}});
    expect_now(&c, 1, 1000);
    expect_after(&c, 5000, 1001, 1000);
    expect_after(&c, 10000, 2001, 1000);
    peer_sends(&c, .ack = 12001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(a_timeout_does_not_wait)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100);

    limit(&c, 1000);
    app_writes(&c, 2000);
    expect_now(&c, 1, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 300);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    /* 300 ms into its second it went, and has taken another one */
    expect_after(&c, 1200000, 1001, 1000);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* ---- The setting, and what follows from a window ---- */

/* Twice the window in a round trip, 10,000 / 100 ms, while it doubles. */
START_TEST(in_slow_start_the_window_takes_half_a_round_trip)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100, .pacing = true);

    app_writes(&c, 10000);
    expect_now(&c, 1, 1000);
    expect_after(&c, 2500, 1001, 1000);
    for (int64_t seq = 2001; seq < 10001; seq += 1000)
        expect_after(&c, 5000, seq, 1000);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* After a loss 1.2 times cwnd, 5,000 bytes, in the SRTT of 100 ms, into which a
 * sample of 97.5 ms (paced, the second segment left late) has entered. */
START_TEST(after_slow_start_the_window_takes_less_than_a_round_trip)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100, .pacing = true, .sack = true,
                      .no_tlp = true);

    app_writes(&c, 10000);
    advance(&c, 50);
    conversation_ignore_sent(&c);
    advance(&c, 50);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 10001}});
    expect_now(&c, 1, 1000);
    advance(&c, 100);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    app_writes(&c, 5000);
    expect_now(&c, 10001, 1000);
    expect_after(&c, 8308, 11001, 1000);
    expect_after(&c, 16615, 12001, 1000);
    expect_after(&c, 16615, 13001, 1000);
    expect_after(&c, 16615, 14001, 1000);
    peer_sends(&c, .ack = 15001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* The lower of the two rates counts. */
START_TEST(the_programs_limit_is_not_exceeded_by_the_window)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100, .pacing = true);

    limit(&c, 100000);
    app_writes(&c, 3000);
    expect_now(&c, 1, 1000);
    expect_after(&c, 5000, 1001, 1000);
    expect_after(&c, 10000, 2001, 1000);
    limit(&c, 10000000);
    app_writes(&c, 1000);
    expect_now(&c, 3001, 1000);
    app_writes(&c, 1000);
    expect_after(&c, 5000, 4001, 1000);
    peer_sends(&c, .ack = 5001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* Nothing is known of the path yet: no rate, and no division by zero. */
START_TEST(before_the_first_round_trip_nothing_is_held_back)
{
    struct conversation c;
    open_conversation(&c, .pacing = true);

    app_writes(&c, 3000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK | PSH);
    peer_sends(&c, .ack = 3001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* As Linux has it, ten: here three. */
START_TEST(the_first_segments_of_a_connection_leave_at_once)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 10, .unpaced_segments = 3);

    limit(&c, 100000);
    app_writes(&c, 6000);
    expect_now(&c, 1, 1000);
    expect_now(&c, 1001, 1000);
    expect_now(&c, 2001, 1000);
    expect_after(&c, 5000, 3001, 1000); /* the third has waited long */
    expect_after(&c, 10000, 4001, 1000);
    expect_after(&c, 10000, 5001, 1000);
    peer_sends(&c, .ack = 6001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(a_connection_at_rest_does_not_begin_again_unpaced)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 10, .unpaced_segments = 2);

    limit(&c, 100000);
    app_writes(&c, 1000);
    expect_now(&c, 1, 1000);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    advance(&c, 5000);
    app_writes(&c, 2000);
    expect_now(&c, 1001, 1000);
    expect_after(&c, 5000, 2001, 1000);
    peer_sends(&c, .ack = 3001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp pacing", segments_leave_at_the_rate_that_the_program_allows,
          without_a_rate_they_leave_together,
          the_time_of_a_small_segment_is_short,
          what_leaves_late_gets_at_most_half_of_its_time_back,
          at_a_low_rate_the_quantum_is_two_segments,
          at_a_high_rate_the_quantum_is_of_a_millisecond,
          below_the_largest_rate_the_windows_own_counts,
          the_smallest_rate_is_kept_to, a_higher_rate_counts_at_once,
          without_the_limit_all_that_waits_leaves,
          what_the_former_algorithm_held_back_leaves,
          a_shut_window_is_probed_whatever_the_rate,
          what_is_sent_again_has_its_time_too, a_timeout_does_not_wait,
          in_slow_start_the_window_takes_half_a_round_trip,
          after_slow_start_the_window_takes_less_than_a_round_trip,
          the_programs_limit_is_not_exceeded_by_the_window,
          before_the_first_round_trip_nothing_is_held_back,
          the_first_segments_of_a_connection_leave_at_once,
          a_connection_at_rest_does_not_begin_again_unpaced)
