/*
 * F-RTO: whether a time-out was spurious, RFC 5682 3 with SACK, 2 without. Two
 * new segments go instead of what seems lost, and what the next ACK tells
 * decides. In all of these the time-out is at 300 ms and the round trip 100.
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

/* Ten segments, more to come, and a time-out: the first goes again. */
static void time_out(struct conversation *c)
{
    app_writes(c, 30000);
    expect_flight(c, 1, 10001);
    expect_segment(c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 300);
    expect_silence_for(c, 50);
}

static void expect_undone(struct conversation *c, unsigned count)
{
    ck_assert_uint_eq(stack_tcp_stats(c->stack)->undone_recoveries, count);
}

static void end(struct conversation *c)
{
    conversation_ignore_sent(c);
    while (c->peer->acked < c->peer->received) {
        peer_sends(c, .ack = c->peer->received, .flags = ACK);
        conversation_ignore_sent(c);
    }
    close_conversation(c);
}

#define SPEAKS_SACK .sack = true, .rtt_ms = 100, .no_tlp = true

/* ---- Step 2 ---- */

/* (b) */
START_TEST(after_the_first_ack_two_new_segments_go)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 10001, 12001);
    expect_silence_for(&c, 100);
    expect_undone(&c, 0);
    end(&c);
}
END_TEST

START_TEST(when_switched_off_what_seems_lost_goes)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK, .no_frto = true);

    time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 1001, 3001);
    end(&c);
}
END_TEST

/* (a): it may be that only the first was lost. */
START_TEST(an_ack_of_everything_tells_nothing)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    time_out(&c);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    expect_flight(&c, 10001, 12001); /* 2 MSS */
    expect_undone(&c, 0);
    end(&c);
}
END_TEST

/* (b): "the recommended action" */
START_TEST(without_new_data_what_seems_lost_goes)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 300);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 1001, 3001);
    advance(&c, 1);
    peer_sends(&c, .ack = 4001, .flags = ACK); /* an original; too late */
    expect_undone(&c, 0);
    end(&c);
}
END_TEST

START_TEST(without_a_window_for_it_too)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK, .window = 10000);

    time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK, .win = 9000);
    expect_flight(&c, 1001, 3001);
    expect_undone(&c, 0);
    end(&c);
}
END_TEST

/* "Stay in step 2 and wait" */
START_TEST(before_the_first_ack_a_sack_changes_nothing)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    time_out(&c);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{5001, 8001}});
    expect_silence_for(&c, 20);
    expect_undone(&c, 0);
    peer_sends(&c, .ack = 1001, .flags = ACK, .sack = {{5001, 8001}});
    expect_flight(&c, 10001, 12001);
    end(&c);
}
END_TEST

/* Who acknowledges less than was sent again may be up to something: 2.1 (2a).
 */
START_TEST(an_ack_of_a_part_of_it_tells_nothing)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    time_out(&c);
    peer_sends(&c, .ack = 501, .flags = ACK);
    ck_assert_uint_gt(conversation_waiting(&c), 0);
    ck_assert_uint_lt(conversation_peek(&c)->seq - c.peer->stack_iss, 10001);
    end(&c);
}
END_TEST

/* ---- Step 3 ---- */

/* (b): what was sent before the time-out arrives after it. */
START_TEST(a_further_ack_of_old_data_shows_that_it_was_spurious)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 10001, 12001);
    advance(&c, 10);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_undone(&c, 1);
    conversation_ignore_sent(&c);
    ck_assert_int_ge(c.peer->received, 12001); /* nothing old */
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    ck_assert_uint_ge(conversation_waiting(&c), 10);
    end(&c);
}
END_TEST

START_TEST(so_does_a_sack_of_old_data)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 10001, 12001);
    peer_sends(&c, .ack = 1001, .flags = ACK, .sack = {{4001, 5001}});
    expect_undone(&c, 1);
    end(&c);
}
END_TEST

/* (a): what was sent after the time-out arrives, and the rest does not. */
START_TEST(a_sack_of_new_data_shows_that_the_rest_was_lost)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 10001, 12001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1001, .flags = ACK, .sack = {{10001, 11001}});
    expect_undone(&c, 0);
    ck_assert_uint_ge(conversation_waiting(&c), 1);
    ck_assert_uint_le(conversation_waiting(&c), 3); /* 3 MSS */
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    end(&c);
}
END_TEST

/* The same after ACKs were lost: the first one covers what had arrived long
 * before, and the rest was lost. */
START_TEST(old_data_that_the_first_ack_covers_shows_nothing)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    time_out(&c);
    peer_sends(&c, .ack = 6001, .flags = ACK);
    expect_flight(&c, 10001, 12001);
    expect_undone(&c, 0);
    advance(&c, 100);
    peer_sends(&c, .ack = 6001, .flags = ACK, .sack = {{10001, 12001}});
    expect_undone(&c, 0);
    expect_segment(&c, .seq = 6001, .len = 1000, .flags = ACK);
    end(&c);
}
END_TEST

/* (a): "a duplicate ACK and it does not acknowledge any new data" */
START_TEST(a_duplicate_ack_without_news_shows_that_the_rest_was_lost)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 10001, 12001);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_undone(&c, 0);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_undone(&c, 0);
    ck_assert_uint_gt(conversation_waiting(&c), 0);
    end(&c);
}
END_TEST

/* "Other types of ACKs are ignored" */
START_TEST(a_new_window_shows_nothing)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 10001, 12001);
    peer_sends(&c, .ack = 1001, .flags = ACK, .win = 65000);
    expect_silence(&c);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_undone(&c, 1);
    end(&c);
}
END_TEST

/* All that arrives after the time-out are retransmissions. */
START_TEST(when_everything_was_lost_nothing_is_undone)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 300);
    advance(&c, 100);
    for (int64_t ack = 1001; ack < 10001;
         ack = c.last.seq + 1000 - c.peer->stack_iss) {
        peer_sends(&c, .ack = ack, .flags = ACK);
        ck_assert_uint_gt(conversation_waiting(&c), 0);
        conversation_ignore_sent(&c);
        advance(&c, 100);
    }
    expect_undone(&c, 0);
    end(&c);
}
END_TEST

/* ---- The response: RFC 4015 3.1 ---- */

/* (11): the next round trip of new data counts whole, so that the timer does
 * not expire too soon again. */
START_TEST(the_first_sample_of_new_data_counts_whole)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 10001, 12001);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_undone(&c, 1);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    conversation_ignore_sent(&c);
    advance(&c, 400);
    int64_t last = c.peer->received;
    peer_sends(&c, .ack = last, .flags = ACK); /* RTT is 400 ms now */
    app_writes(&c, 1000);
    conversation_ignore_sent(&c);
    expect_silence_for(&c, 1100); /* SRTT 400, RTTVAR 200: 1.2 s */
    advance(&c, 200);
    ck_assert_uint_ge(conversation_waiting(&c), 1);
    end(&c);
}
END_TEST

/* ---- Step 1 ---- */

START_TEST(a_further_timeout_of_the_same_segment_begins_anew)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    time_out(&c);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 550);
    advance(&c, 10);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 10001, 12001);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_undone(&c, 1);
    end(&c);
}
END_TEST

/* "SHOULD NOT be applied if the TCP sender is already in loss recovery" */
START_TEST(within_a_fast_recovery_it_is_not_tried)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    app_writes(&c, 30000);
    expect_flight(&c, 1, 10001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{7001, 10001}});
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    conversation_ignore_sent(&c);
    advance(&c, 400); /* a time-out */
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->timeouts, 1);
    peer_sends(&c, .ack = 1001, .flags = ACK, .sack = {{7001, 10001}});
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    end(&c);
}
END_TEST

START_TEST(within_the_recovery_of_a_timeout_neither)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 10001, 12001);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK, .after_ms = 0,
                   .within_ms = 1500);
    conversation_ignore_sent(&c);
    advance(&c, 100);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK);
    end(&c);
}
END_TEST

/* ---- Without SACK: RFC 5682 2.1 ---- */

START_TEST(without_sack_a_second_ack_of_old_data_shows_it)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100);

    time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 10001, 12001);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_undone(&c, 1);
    end(&c);
}
END_TEST

START_TEST(without_sack_a_duplicate_ack_ends_it)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100);

    time_out(&c);
    peer_sends(&c, .ack = 1, .flags = ACK); /* (2a) */
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_undone(&c, 0);
    end(&c);
}
END_TEST

START_TEST(without_sack_a_duplicate_ack_shows_a_loss)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100);

    time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 10001, 12001);
    peer_sends(&c, .ack = 1001, .flags = ACK); /* (3a) */
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_undone(&c, 0);
    end(&c);
}
END_TEST

/* An echo of a mark forbids to undo; what is decided is over all the same. */
START_TEST(a_spurious_timeout_that_cannot_be_undone_holds_nothing_up)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100, .ecn = true, .mss = 1000,
                      .send_buffer = 1 << 20);

    app_writes(&c, 200000);
    conversation_ignore_sent(&c);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .within_ms = 400);
    peer_sends(&c, .ack = 1001, .flags = ACK | ECE);
    conversation_ignore_sent(&c);
    for (unsigned i = 0; i < 400; i++) {
        advance(&c, 10);
        conversation_ignore_sent(&c);
        peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    }
    conversation_ignore_sent(&c);
    ck_assert_int_eq(c.peer->received, 200001);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN(
    "tcp f-rto", a_spurious_timeout_that_cannot_be_undone_holds_nothing_up,
    after_the_first_ack_two_new_segments_go,
    when_switched_off_what_seems_lost_goes, an_ack_of_everything_tells_nothing,
    without_new_data_what_seems_lost_goes, without_a_window_for_it_too,
    before_the_first_ack_a_sack_changes_nothing,
    an_ack_of_a_part_of_it_tells_nothing,
    a_further_ack_of_old_data_shows_that_it_was_spurious,
    so_does_a_sack_of_old_data, a_sack_of_new_data_shows_that_the_rest_was_lost,
    old_data_that_the_first_ack_covers_shows_nothing,
    a_duplicate_ack_without_news_shows_that_the_rest_was_lost,
    a_new_window_shows_nothing, when_everything_was_lost_nothing_is_undone,
    the_first_sample_of_new_data_counts_whole,
    a_further_timeout_of_the_same_segment_begins_anew,
    within_a_fast_recovery_it_is_not_tried,
    within_the_recovery_of_a_timeout_neither,
    without_sack_a_second_ack_of_old_data_shows_it,
    without_sack_a_duplicate_ack_ends_it,
    without_sack_a_duplicate_ack_shows_a_loss)
