/*
 * RACK, RFC 8985 3 and 6: when something counts as lost. And RFC 6675, which
 * does it by counting when RACK is switched off.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

/* Full-sized segments from `seq` up to `end`, in order, and no more. */
static void expect_flight(struct conversation *c, int64_t seq, int64_t end)
{
    for (; seq < end; seq += 1000)
        expect_segment(c, .seq = seq, .len = 1000, .flags = ACK,
                       .optional = PSH);
    expect_silence(c);
}

/* So many bytes are written, sent, and acknowledged after 100 ms. */
static void exchange(struct conversation *c, int64_t seq, int64_t len)
{
    app_writes(c, (size_t)len);
    expect_flight(c, seq, seq + len);
    advance(c, 100);
    peer_sends(c, .ack = seq + len, .flags = ACK);
}

/* RFC 8985 3.4, figure 1: P0 to P3, of which the last three are lost; the
 * probe brings P1 and P2 to light, and P1 is lost once more. */
START_TEST(example_of_fast_recovery)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .no_prr = true);

    app_writes(&c, 4000);
    expect_flight(&c, 1, 4001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_segment(&c, .seq = 3001, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    advance(&c, 100);
    peer_sends(&c, .ack = 1001, .flags = ACK, .sack = {{3001, 4001}});
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK);
    expect_silence(&c);

    advance(&c, 100);
    peer_sends(&c, .ack = 1001, .flags = ACK, .sack = {{2001, 4001}});
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    advance(&c, 100);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 3.5: what was sent just before the time-out is not sent again. */
START_TEST(example_of_a_timeout)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .no_tlp = true);

    exchange(&c, 1, 1000); /* the RTO is now 300 ms */
    app_writes(&c, 1000);
    expect_flight(&c, 1001, 2001);
    advance(&c, 290);
    app_writes(&c, 2000);
    expect_flight(&c, 2001, 4001);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK, .after_ms = 10);
    advance(&c, 20);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_silence_for(&c, 60);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    expect_silence_for(&c, 2000);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 6.3: and what was sent a round trip ago is. */
START_TEST(a_timeout_marks_all_that_was_sent_a_round_trip_ago)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .no_tlp = true);

    exchange(&c, 1, 1000);
    app_writes(&c, 3000);
    expect_flight(&c, 1001, 4001);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK, .after_ms = 0,
                   .within_ms = 310);
    advance(&c, 100);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 3001, .len = 1000, .flags = ACK | PSH);
    advance(&c, 100);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    expect_silence_for(&c, 2000);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 6.2 step 4: without reordering three segments are enough. */
START_TEST(three_sacked_segments_show_a_loss_at_once)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 5000);
    expect_flight(&c, 1, 5001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 2001}});
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 3001}});
    expect_silence(&c);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 4001}});
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    peer_sends(&c, .ack = 5001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 6.2 step 5: with fewer, a quarter of the least round trip. */
START_TEST(the_reordering_timer_finds_the_loss_after_a_quarter_round_trip)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 2000);
    expect_flight(&c, 1, 2001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 2001}});
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 25);
    advance(&c, 100);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_silence_for(&c, 2000);
    close_conversation(&c);
}
END_TEST

START_TEST(what_arrives_late_within_the_window_is_not_sent_again)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 2000);
    expect_flight(&c, 1, 2001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 2001}});
    advance(&c, 20);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_silence_for(&c, 2000);
    close_conversation(&c);
}
END_TEST

/* The first of five comes 10 ms after the others. */
static void reorder_once(struct conversation *c, int64_t seq)
{
    app_writes(c, 3000);
    expect_flight(c, seq, seq + 3000);
    advance(c, 100);
    peer_sends(c, .ack = seq, .flags = ACK, .sack = {{seq + 1000, seq + 3000}});
    advance(c, 10);
    peer_sends(c, .ack = seq + 3000, .flags = ACK);
    expect_silence(c);
}

/* RFC 8985 6.2 step 3: when reordering was seen, three are not enough. */
START_TEST(after_reordering_the_window_counts_and_not_the_number)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    reorder_once(&c, 1);
    app_writes(&c, 6000);
    expect_flight(&c, 3001, 9001);
    advance(&c, 100);
    peer_sends(&c, .ack = 3001, .flags = ACK, .sack = {{4001, 9001}});
    expect_silence_for(&c, 20);
    peer_sends(&c, .ack = 9001, .flags = ACK);
    expect_silence_for(&c, 2000);

    app_writes(&c, 6000);
    expect_flight(&c, 9001, 15001);
    advance(&c, 100);
    peer_sends(&c, .ack = 9001, .flags = ACK, .sack = {{10001, 15001}});
    expect_segment(&c, .seq = 9001, .len = 1000, .flags = ACK, .after_ms = 25);
    peer_sends(&c, .ack = 15001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 6.2 step 4: each round with a D-SACK adds a quarter. */
START_TEST(duplicates_widen_the_reordering_window)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .no_undo = true,
                      .no_cwv = true);

    reorder_once(&c, 1);
    app_writes(&c, 3000);
    expect_flight(&c, 3001, 6001);
    advance(&c, 100);
    peer_sends(&c, .ack = 3001, .flags = ACK, .sack = {{4001, 6001}});
    expect_segment(&c, .seq = 3001, .len = 1000, .flags = ACK, .after_ms = 25);
    peer_sends(&c, .ack = 6001, .flags = ACK);
    peer_sends(&c, .ack = 6001, .flags = ACK, .sack = {{3001, 4001}});
    expect_silence_for(&c, 1000);

    app_writes(&c, 2000); /* the window is halved; two quarters */
    expect_flight(&c, 6001, 8001);
    advance(&c, 100);
    peer_sends(&c, .ack = 6001, .flags = ACK, .sack = {{7001, 8001}});
    expect_segment(&c, .seq = 6001, .len = 1000, .flags = ACK, .after_ms = 50);
    peer_sends(&c, .ack = 8001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* A retransmission that is lost is found by what was sent after it. */
START_TEST(a_lost_retransmission_is_found_without_a_timeout)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 20000);
    expect_flight(&c, 1, 10001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 6001}});
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    conversation_ignore_sent(&c); /* new text after it */
    advance(&c, 10);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 10001}});
    ck_assert_uint_gt(conversation_waiting(&c), 0);
    conversation_ignore_sent(&c);
    int64_t newest = c.last.seq - c.peer->stack_iss + 1000;
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, newest}});
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* The same when nothing but retransmissions has ever arrived: the round trip
 * of the handshake tells which is meant. */
START_TEST(a_lost_retransmission_is_found_in_the_first_flight)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .no_tlp = true);

    app_writes(&c, 6000);
    expect_flight(&c, 1, 6001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 300);
    advance(&c, 100);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK);
    advance(&c, 100);
    peer_sends(&c, .ack = 1001, .flags = ACK, .sack = {{2001, 3001}});
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK, .after_ms = 0,
                   .within_ms = 30);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 6001, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 6.2 step 2, 2.: an ACK so soon after the retransmission is for the
 * original, and says nothing of what was sent since. */
START_TEST(an_ack_sooner_than_a_round_trip_is_for_the_original)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .no_undo = true);

    exchange(&c, 1, 1000);
    app_writes(&c, 6000);
    expect_flight(&c, 1001, 7001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1001, .flags = ACK, .sack = {{4001, 7001}});
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 3001, .len = 1000, .flags = ACK);
    advance(&c, 5);
    peer_sends(&c, .ack = 1001, .flags = ACK,
               .sack = {{3001, 7001}}); /* the last of the three, late */
    expect_silence_for(&c, 90);
    peer_sends(&c, .ack = 7001, .flags = ACK);
    expect_silence_for(&c, 2000);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 6.2 step 2: such a segment is ignored, not all that the ACK tells.
 * The first one was sent again and its original comes; what was sent after
 * that original has arrived too, so the third before the last is lost. */
START_TEST(beside_an_ambiguous_segment_others_count)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .no_undo = true);

    app_writes(&c, 5000);
    expect_flight(&c, 1, 5001);
    advance(&c, 50);
    app_writes(&c, 3000);
    expect_flight(&c, 5001, 8001);
    advance(&c, 50);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 5001}});
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    advance(&c, 50);
    peer_sends(&c, .ack = 5001, .flags = ACK, .sack = {{6001, 8001}});
    expect_segment(&c, .seq = 5001, .len = 1000, .flags = ACK);
    advance(&c, 100);
    peer_sends(&c, .ack = 8001, .flags = ACK);
    expect_silence_for(&c, 2000);
    close_conversation(&c);
}
END_TEST

/* The timestamps' clock has steps of 1 ms; nothing that counts here has. */
START_TEST(below_a_millisecond_reordering_is_waited_for_as_well)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_us = 400, .timestamps = true,
                      .mss = 1012);

    app_writes(&c, 2000);
    expect_flight(&c, 1, 2001);
    advance_us(&c, 400);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 2001}});
    advance_us(&c, 90);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_silence(&c);

    app_writes(&c, 2000);
    expect_flight(&c, 2001, 4001);
    advance_us(&c, 400);
    peer_sends(&c, .ack = 2001, .flags = ACK, .sack = {{3001, 4001}});
    advance_us(&c, 90);
    expect_silence(&c);
    advance_us(&c, 20);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    expect_silence_for(&c, 2000);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 4.3: above a hole TS.Recent stays as it was, so the echo of an
 * earlier time tells nothing of what is sacked there. */
START_TEST(above_a_hole_the_echoed_time_tells_nothing)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .timestamps = true,
                      .mss = 1012, .no_undo = true);

    exchange(&c, 1, 1000);
    app_writes(&c, 6000);
    expect_flight(&c, 1001, 7001);
    uint32_t first = c.peer->ts_recent;
    advance(&c, 100);
    peer_sends(&c, .ack = 1001, .flags = ACK, .sack = {{4001, 7001}},
               .ts_ecr = first);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 3001, .len = 1000, .flags = ACK);
    advance(&c, 110); /* longer than the least round trip */
    peer_sends(&c, .ack = 1001, .flags = ACK, .sack = {{3001, 7001}},
               .ts_ecr = first);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 7001, .flags = ACK);
    expect_silence_for(&c, 2000);
    close_conversation(&c);
}
END_TEST

/* ---- RFC 6675 ---- */

/* Two are not enough, however long it takes. */
START_TEST(without_rack_two_sacked_segments_show_no_loss)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .no_rack = true,
                      .no_tlp = true);

    app_writes(&c, 4000);
    expect_flight(&c, 1, 4001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 2001}});
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 3001}});
    expect_silence_for(&c, 150);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 4001}});
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 6675 4 IsLost(): three that are apart, whatever their size. */
START_TEST(without_rack_three_pieces_apart_show_a_loss)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .no_rack = true,
                      .no_tlp = true);
    app_sets(&c, IPPROTO_TCP, TCP_NODELAY, 1);

    for (int64_t seq = 1; seq < 801; seq += 100) {
        app_writes(&c, 100);
        expect_segment(&c, .seq = seq, .len = 100, .flags = ACK | PSH);
    }
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{501, 601}, {301, 401}});
    expect_silence(&c);
    peer_sends(&c, .ack = 1, .flags = ACK,
               .sack = {{701, 801}, {501, 601}, {301, 401}});
    expect_segment(&c, .seq = 1, .any_len = true, .flags = ACK);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 801, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 6675 5 (1): three duplicate ACKs, even if IsLost() says no. */
START_TEST(without_rack_three_duplicate_acks_show_a_loss)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .no_rack = true,
                      .no_tlp = true);
    app_sets(&c, IPPROTO_TCP, TCP_NODELAY, 1);

    for (int64_t seq = 1; seq < 501; seq += 100) {
        app_writes(&c, 100);
        expect_segment(&c, .seq = seq, .len = 100, .flags = ACK | PSH);
    }
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{101, 201}});
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{101, 301}});
    expect_silence(&c);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{101, 401}});
    expect_segment(&c, .seq = 1, .any_len = true, .flags = ACK);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 501, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 6675 has no eye for these: the timer repeats them. */
START_TEST(without_rack_a_lost_retransmission_waits_for_the_timer)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .no_rack = true,
                      .no_tlp = true);

    app_writes(&c, 6000);
    expect_flight(&c, 1, 6001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 5001}});
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    advance(&c, 50);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 6001}});
    expect_silence_for(&c, 120);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 0,
                   .within_ms = 400);
    peer_sends(&c, .ack = 6001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp rack", example_of_fast_recovery, example_of_a_timeout,
          a_timeout_marks_all_that_was_sent_a_round_trip_ago,
          three_sacked_segments_show_a_loss_at_once,
          the_reordering_timer_finds_the_loss_after_a_quarter_round_trip,
          what_arrives_late_within_the_window_is_not_sent_again,
          after_reordering_the_window_counts_and_not_the_number,
          duplicates_widen_the_reordering_window,
          a_lost_retransmission_is_found_without_a_timeout,
          a_lost_retransmission_is_found_in_the_first_flight,
          an_ack_sooner_than_a_round_trip_is_for_the_original,
          beside_an_ambiguous_segment_others_count,
          below_a_millisecond_reordering_is_waited_for_as_well,
          above_a_hole_the_echoed_time_tells_nothing,
          without_rack_two_sacked_segments_show_no_loss,
          without_rack_three_pieces_apart_show_a_loss,
          without_rack_three_duplicate_acks_show_a_loss,
          without_rack_a_lost_retransmission_waits_for_the_timer)
