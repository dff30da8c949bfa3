/*
 * Data: RFC 9293 3.7.4, 3.8.6 and 3.10.7.4 (first, fifth and seventh step),
 * RFC 5681 4.2.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <linux/tcp.h>

/* ---- receiving ---- */

START_TEST(data_in_order_is_delivered_and_acknowledged)
{
    struct conversation c;
    open_conversation(&c);

    app_fails_to_read(&c, EAGAIN);
    peer_sends(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    app_polls(&c, POLLIN | POLLOUT);
    app_reads(&c, 1000);
    app_fails_to_read(&c, EAGAIN);
    expect_segment(&c, .seq = 1, .ack = 1001, .flags = ACK, .within_ms = 40);
    expect_silence_for(&c, 1000);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.6.3, SHLD-18, MUST-40; 40 ms as in Linux. */
START_TEST(an_ack_is_not_delayed_by_more_than_40_ms)
{
    struct conversation c;
    open_conversation(&c);

    for (unsigned i = 0; i < 20; i++) {
        peer_sends(&c, .len = 100, .flags = ACK | PSH);
        expect_segment(&c, .ack = 101 + 100 * i, .flags = ACK, .within_ms = 40);
        expect_silence_for(&c, 100);
    }
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.6.3, SHLD-19. */
START_TEST(every_second_full_segment_is_acknowledged_at_once)
{
    struct conversation c;
    open_conversation(&c);

    for (unsigned i = 0; i < 5; i++) {
        peer_sends(&c, .len = 1460, .flags = ACK);
        peer_sends(&c, .len = 1460, .flags = ACK);
        expect_segment(&c, .ack = 1 + 2920 * (i + 1), .flags = ACK);
        app_reads(&c, 2920);
    }
    close_conversation(&c);
}
END_TEST

/* A full segment is smaller where each carries timestamps: RFC 6691 2. */
START_TEST(with_timestamps_two_full_segments_are_acknowledged_at_once)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    for (unsigned i = 0; i < 5; i++) {
        peer_sends(&c, .len = 1448, .flags = ACK);
        expect_silence(&c);
        peer_sends(&c, .len = 1448, .flags = ACK);
        expect_segment(&c, .ack = 1 + 2896 * (i + 1), .flags = ACK);
        app_reads(&c, 2896);
    }
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, MUST-58 and MUST-59: one ACK for a batch. */
/* RFC 5681 4.2: "full-sized" is what the peer sends as such: its SMSS, not what
 * we have announced. As Linux it is taken from what comes. */
START_TEST(full_is_what_the_peer_sends)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 1200, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .len = 1200, .flags = ACK);
    expect_segment(&c, .ack = 2401, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* The path's MTU has become smaller. */
START_TEST(it_may_become_less)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 1460, .flags = ACK);
    peer_sends(&c, .len = 1460, .flags = ACK);
    expect_segment(&c, .ack = 2921, .flags = ACK);
    peer_sends(&c, .len = 300, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .len = 300, .flags = ACK);
    expect_segment(&c, .ack = 3521, .flags = ACK);
    peer_sends(&c, .len = 300, .flags = ACK);
    peer_sends(&c, .len = 300, .flags = ACK);
    expect_segment(&c, .ack = 4121, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* But the ends of small writes are no full segments. */
START_TEST(small_writes_do_not_lessen_it)
{
    struct conversation c;
    open_conversation(&c);

    for (unsigned i = 0; i < 8; i++)
        peer_sends(&c, .len = 100, .flags = ACK | PSH);
    expect_silence(&c);
    expect_segment(&c, .ack = 801, .flags = ACK, .after_ms = 40);
    close_conversation(&c);
}
END_TEST

START_TEST(segments_of_one_pass_are_acknowledged_together)
{
    struct conversation c;
    open_conversation(&c);

    for (unsigned i = 0; i < 7; i++)
        peer_sends(&c, .len = 1460, .flags = ACK, .more = true);
    peer_sends(&c, .len = 1460, .flags = ACK | PSH);
    expect_segment(&c, .ack = 11681, .flags = ACK);
    expect_silence_for(&c, 1000);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, seventh: "piggybacked ... if possible". */
START_TEST(an_answer_carries_the_acknowledgment)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 100, .flags = ACK | PSH);
    app_reads(&c, 100);
    app_writes(&c, 50);
    expect_segment(&c, .seq = 1, .ack = 101, .len = 50, .flags = ACK | PSH);
    expect_silence_for(&c, 150);
    peer_sends(&c, .ack = 51, .flags = ACK);
    expect_silence_for(&c, 1000);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 4.2: above a gap at once; filling it, at once. */
START_TEST(data_out_of_order_is_kept_and_acknowledged_at_once)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_fails_to_read(&c, EAGAIN);

    peer_sends(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 2001, .flags = ACK);
    app_reads(&c, 2000);
    close_conversation(&c);
}
END_TEST

START_TEST(several_holes_are_filled_in_any_order)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 4001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 2001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1001, .flags = ACK);
    peer_sends(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 3001, .flags = ACK);
    app_reads(&c, 3000);
    peer_sends(&c, .seq = 3001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 5001, .flags = ACK);
    app_reads(&c, 2000);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, first: "only the new parts are processed". */
START_TEST(of_a_segment_that_overlaps_only_the_new_part_is_taken)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1, .len = 1000, .flags = ACK);
    peer_sends(&c, .seq = 501, .len = 1000, .flags = ACK);
    app_reads(&c, 1500);
    expect_segment(&c, .ack = 1501, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

START_TEST(segments_out_of_order_may_overlap_in_every_way)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 3001, .len = 1000, .flags = ACK); /* 3001-4000 */
    peer_sends(&c, .seq = 2501, .len = 1000, .flags = ACK); /* before, into */
    peer_sends(&c, .seq = 3501, .len = 1000, .flags = ACK); /* out behind */
    peer_sends(&c, .seq = 3101, .len = 100, .flags = ACK);  /* inside */
    peer_sends(&c, .seq = 2001, .len = 3000, .flags = ACK); /* around */
    peer_sends(&c, .seq = 1001, .len = 500, .flags = ACK);  /* apart */
    conversation_ignore_sent(&c);

    peer_sends(&c, .seq = 1, .len = 2100, .flags = ACK); /* all of it */
    expect_segment(&c, .ack = 5001, .flags = ACK);
    app_reads(&c, 5000);
    close_conversation(&c);
}
END_TEST

/* There is an end to the ranges that are remembered; text in order needs
 * none, and must be taken, or nothing would ever come to an end. */
START_TEST(text_in_order_is_taken_when_no_more_ranges_are_noted)
{
    struct conversation c;
    open_conversation(&c);

    for (unsigned i = 0; i < 1100; i++) {
        peer_sends(&c, .seq = 201 + 2 * i, .len = 1, .flags = ACK);
        conversation_ignore_sent(&c);
    }
    peer_sends(&c, .seq = 1, .len = 100, .flags = ACK);
    expect_segment(&c, .ack = 101, .flags = ACK);
    peer_sends(&c, .seq = 101, .len = 100, .flags = ACK);
    expect_segment(&c, .ack = 202, .flags = ACK);
    peer_sends(&c, .seq = 202, .len = 2400, .flags = ACK);
    expect_segment(&c, .ack = 2602, .flags = ACK);
    app_reads(&c, 2601);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, first: not acceptable, so acknowledged at once. */
START_TEST(a_duplicate_segment_is_acknowledged_at_once)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1001, .flags = ACK, .within_ms = 40);
    peer_sends(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1, .ack = 1001, .flags = ACK);
    app_reads(&c, 1000);
    app_fails_to_read(&c, EAGAIN);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, first: trimmed to the window. */
START_TEST(data_beyond_the_window_is_cut_off)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4000, .mss = 1460);

    for (unsigned i = 0; i < 3; i++)
        peer_sends(&c, .len = 1000, .flags = ACK);
    conversation_ignore_sent(&c);
    peer_sends(&c, .seq = 3001, .len = 1400, .flags = ACK);
    expect_segment(&c, .ack = 4001, .win = 0, .flags = ACK, .within_ms = 40);
    app_reads(&c, 4000);
    expect_segment(&c, .ack = 4001, .win = 4000, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, table 6. */
START_TEST(a_segment_wholly_outside_the_window_is_only_acknowledged)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4000);

    peer_sends(&c, .seq = 4001, .len = 100, .flags = ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = -500, .len = 100, .flags = ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_fails_to_read(&c, EAGAIN);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.6.1: a closed window answers a probe with its state. */
START_TEST(a_probe_of_our_closed_window_is_answered)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4000);

    for (unsigned i = 0; i < 4; i++)
        peer_sends(&c, .len = 1000, .flags = ACK);
    advance(&c, 40);
    conversation_ignore_sent(&c);
    peer_sends(&c, .seq = 4001, .len = 1, .flags = ACK);
    expect_segment(&c, .ack = 4001, .win = 0, .flags = ACK);
    /* As Linux probes: an old sequence number, no data. */
    peer_sends(&c, .seq = 4000, .flags = ACK);
    expect_segment(&c, .ack = 4001, .win = 0, .flags = ACK);
    app_reads(&c, 4000);
    expect_segment(&c, .ack = 4001, .win = 4000, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, first: "special allowance ... to accept valid ACKs". */
START_TEST(a_closed_window_still_takes_acknowledgments)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4000);

    for (unsigned i = 0; i < 4; i++)
        peer_sends(&c, .len = 1000, .flags = ACK);
    advance(&c, 40);
    conversation_ignore_sent(&c);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    peer_sends(&c, .seq = 4001, .ack = 1001, .flags = ACK);
    expect_silence_for(&c, 5000); /* no retransmission */
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.6.2.2, MUST-39: min(half the buffer, MSS). */
START_TEST(the_window_is_not_opened_by_small_steps)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 8000, .mss = 1460);

    for (unsigned i = 0; i < 8; i++)
        peer_sends(&c, .len = 1000, .flags = ACK);
    advance(&c, 40);
    conversation_ignore_sent(&c);

    app_reads(&c, 700);
    app_reads(&c, 700);
    expect_silence(&c);
    app_reads(&c, 60);
    expect_segment(&c, .ack = 8001, .win = 1460, .flags = ACK);
    app_reads(&c, 1000);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* The same with a buffer of less than two segments. */
START_TEST(a_small_buffer_is_opened_by_halves)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 2400, .mss = 1460);

    peer_sends(&c, .len = 1200, .flags = ACK);
    peer_sends(&c, .len = 1200, .flags = ACK);
    advance(&c, 40);
    conversation_ignore_sent(&c);

    app_reads(&c, 1199);
    expect_silence(&c);
    app_reads(&c, 1);
    expect_segment(&c, .ack = 2401, .win = 1200, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.6, SHLD-14: the right edge stays while the program sleeps. */
START_TEST(the_window_shrinks_with_what_is_not_read)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 8000);

    peer_sends(&c, .len = 1460, .flags = ACK);
    peer_sends(&c, .len = 1460, .flags = ACK);
    expect_segment(&c, .ack = 2921, .win = 5080, .flags = ACK);
    peer_sends(&c, .len = 1460, .flags = ACK);
    peer_sends(&c, .len = 1460, .flags = ACK);
    expect_segment(&c, .ack = 5841, .win = 2160, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* The peer sends `len` bytes and gets its ACK. */
static void peer_sends_and_waits(struct conversation *c, int64_t len)
{
    peer_sends(c, .len = len, .flags = ACK);
    advance(c, 40);
    conversation_ignore_sent(c);
}

/*
 * RFC 7323 2.3: what the field cannot say is rounded; if it were rounded up
 * each time the window would grow by a little with each small segment. The
 * harness looks that it does not shrink by more than a unit, SHLD-14.
 */
START_TEST(rounding_does_not_offer_more_than_the_buffer_holds)
{
    enum { BUFFER = 128 * 1024, NEARLY = 4000 };
    struct conversation c;
    open_conversation(&c, .wscale = 7, .receive_buffer = BUFFER);

    while (c.peer->next - 1 < BUFFER - NEARLY)
        peer_sends_and_waits(&c, 1460);
    for (unsigned i = 0; c.peer->next < c.peer->stack_edge; i++) {
        ck_assert_int_le(c.peer->stack_edge, 1 + BUFFER);
        ck_assert_uint_le(i, NEARLY);
        peer_sends_and_waits(&c, 1);
    }
    ck_assert_int_ge(c.peer->stack_edge, 1 + BUFFER - 3); /* a unit is 4 */
    ck_assert_int_eq(stack_unread(c.stack, c.peer->socket),
                     (int)(c.peer->next - 1));
    close_conversation(&c);
}
END_TEST

/* The same where a unit is more than a segment: 16 KiB. */
START_TEST(with_the_largest_scale_the_edge_moves_back_by_less_than_a_unit)
{
    enum { BUFFER = 1 << 29 };
    struct conversation c;
    open_conversation(&c, .wscale = 7, .receive_buffer = BUFFER);

    for (unsigned i = 0; i < 2000; i++) {
        peer_sends(&c, .len = 1 + i * 7919 % 1460, .flags = ACK);
        advance(&c, i * 31 % 50);
        if (i % 7 == 0) {
            size_t unread = (size_t)stack_unread(c.stack, c.peer->socket);
            app_reads(&c, unread - unread / 3);
        }
        conversation_ignore_sent(&c);
        ck_assert_int_le(c.peer->stack_edge,
                         1 + (int64_t)c.peer->read + BUFFER);
    }
    advance(&c, 40);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* The SYN's window is not scaled (RFC 7323 2.2), and so much smaller than the
 * buffer; that alone is no reason for a segment of its own. */
START_TEST(the_first_read_does_not_correct_the_window_of_the_syn)
{
    struct conversation c;
    open_conversation(&c, .wscale = 7);

    peer_sends(&c, .len = 100, .flags = ACK | PSH);
    app_reads(&c, 100);
    expect_silence(&c);
    expect_segment(&c, .ack = 101, .win = 1 << 20, .flags = ACK,
                   .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* The program asks for more while the window is shut. */
START_TEST(a_raised_receive_buffer_is_offered)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4000);

    for (unsigned i = 0; i < 4; i++)
        peer_sends(&c, .len = 1000, .flags = ACK);
    advance(&c, 40);
    conversation_ignore_sent(&c);
    app_sets(&c, SOL_SOCKET, SO_RCVBUF, 20000); /* doubled, as Linux does */
    expect_segment(&c, .ack = 4001, .win = 36000, .flags = ACK);
    peer_sends(&c, .len = 1000, .flags = ACK);
    app_reads(&c, 5000);
    expect_segment(&c, .ack = 5001, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* Data that waits for a gap to be filled is inside the window already. */
START_TEST(data_out_of_order_does_not_shrink_the_window)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 8000);

    peer_sends(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1, .win = 8000, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* ---- acknowledgments ---- */

/* RFC 9293 3.10.7.4, fifth: "then send an ACK, drop the segment". */
START_TEST(an_ack_of_what_was_not_sent_is_answered_and_dropped)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .ack = 5000, .len = 100, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_fails_to_read(&c, EAGAIN);
    close_conversation(&c);
}
END_TEST

/* A part of a segment is acknowledged: only the rest is sent again. */
START_TEST(a_partial_acknowledgment_frees_a_part)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 2000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH);
    peer_sends(&c, .ack = 501, .flags = ACK);
    expect_segment(&c, .seq = 501, .len = 1000, .flags = ACK, .after_ms = 200);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, fifth: "If the ACK is a duplicate, it can be ignored". */
START_TEST(an_old_ack_changes_nothing)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 2000);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, fifth: SND.WL1 and SND.WL2. */
START_TEST(an_old_ack_does_not_change_the_window)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 2000);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 2001, .win = 60000, .flags = ACK);
    peer_sends(&c, .ack = 1001, .win = 0, .flags = ACK);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* The same for segments that came in the wrong order: SND.WL1. */
START_TEST(an_older_segment_does_not_change_the_window)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 101, .len = 100, .win = 5000, .flags = ACK);
    peer_sends(&c, .seq = 1, .len = 100, .win = 0, .flags = ACK);
    conversation_ignore_sent(&c);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, first: "drop the unacceptable segment". */
START_TEST(a_segment_outside_the_window_acknowledges_nothing)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4000);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    peer_sends(&c, .seq = 4001, .ack = 1001, .len = 10, .flags = ACK);
    expect_segment(&c, .seq = 1001, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    close_conversation(&c);
}
END_TEST

/* ---- sending ---- */

START_TEST(a_write_is_cut_into_segments_and_pushed_at_its_end)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 3000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK | PSH);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.9.1.2, MUST-60 and MUST-61: the last of what is buffered. */
START_TEST(what_the_window_holds_back_is_pushed_when_it_goes)
{
    struct conversation c;
    open_conversation(&c, .window = 2000);

    app_writes(&c, 3000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* RFC 6928 2: ten segments. */
START_TEST(the_initial_window_is_ten_segments)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 20000);
    for (unsigned i = 0; i < 10; i++)
        expect_segment(&c, .seq = 1 + 1000 * i, .len = 1000, .flags = ACK);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.7.4, SHLD-7: Nagle. */
START_TEST(a_small_write_waits_while_data_is_in_flight)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 100);
    expect_segment(&c, .seq = 1, .len = 100, .flags = ACK | PSH);
    app_writes(&c, 100);
    app_writes(&c, 100);
    expect_silence_for(&c, 100);
    peer_sends(&c, .ack = 101, .flags = ACK);
    expect_segment(&c, .seq = 101, .len = 200, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* Nagle: "or until the TCP endpoint can send a full-sized segment". */
START_TEST(small_writes_go_when_they_fill_a_segment)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 100);
    expect_segment(&c, .seq = 1, .len = 100, .flags = ACK | PSH);
    app_writes(&c, 600);
    expect_silence(&c);
    app_writes(&c, 400);
    expect_segment(&c, .seq = 101, .len = 1000, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.7.4, MUST-17. */
START_TEST(nodelay_sends_small_writes_at_once)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_TCP, TCP_NODELAY, 1);
    for (unsigned i = 0; i < 5; i++) {
        app_writes(&c, 100);
        expect_segment(&c, .seq = 1 + 100 * i, .len = 100, .flags = ACK | PSH);
    }
    close_conversation(&c);
}
END_TEST

START_TEST(turning_nagle_off_sends_what_waits)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 100);
    app_writes(&c, 50);
    expect_segment(&c, .seq = 1, .len = 100, .flags = ACK | PSH);
    expect_silence(&c);
    app_sets(&c, IPPROTO_TCP, TCP_NODELAY, 1);
    expect_segment(&c, .seq = 101, .len = 50, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.6.2.1, MUST-38: rule (1), and (4) after 0.1 to 1 s. */
START_TEST(a_small_usable_window_is_not_used_until_the_override)
{
    struct conversation c;
    open_conversation(&c, .window = 5000);

    app_writes(&c, 8000);
    for (unsigned i = 0; i < 5; i++)
        expect_segment(&c, .seq = 1 + 1000 * i, .len = 1000, .flags = ACK);
    peer_sends(&c, .ack = 5001, .win = 300, .flags = ACK);
    expect_silence_for(&c, 99);
    expect_segment(&c, .seq = 5001, .len = 300, .flags = ACK, .optional = PSH,
                   .within_ms = 900);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.6.2.1, rule (3): half of the largest window seen. */
START_TEST(half_of_the_largest_window_is_used_at_once)
{
    struct conversation c;
    open_conversation(&c, .window = 600);

    app_writes(&c, 2000);
    expect_segment(&c, .seq = 1, .len = 600, .flags = ACK, .optional = PSH);
    peer_sends(&c, .ack = 601, .win = 300, .flags = ACK);
    expect_segment(&c, .seq = 601, .len = 300, .flags = ACK, .optional = PSH);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.6, MUST-34, SHLD-15, SHLD-16. */
START_TEST(a_window_that_shrinks_stops_new_data_only)
{
    struct conversation c;
    open_conversation(&c, .window = 5000);

    app_writes(&c, 8000);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 1001, .win = 2000, .flags = ACK); /* to 3001 */
    expect_silence(&c);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK, .after_ms = 200);
    peer_sends(&c, .ack = 5001, .win = 5000, .flags = ACK);
    expect_segment(&c, .seq = 5001, .len = 1000, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* ---- zero windows: RFC 9293 3.8.6.1 ---- */

/* MUST-36, SHLD-29 and SHLD-30: after an RTO, then doubled. */
START_TEST(a_zero_window_is_probed_at_growing_intervals)
{
    struct conversation c;
    open_conversation(&c, .window = 1000);

    app_writes(&c, 3000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    peer_sends(&c, .ack = 1001, .win = 0, .flags = ACK);
    for (unsigned after = 200; after <= 6400; after *= 2) {
        expect_segment(&c, .seq = 1001, .len = 1, .flags = ACK, .optional = PSH,
                       .after_ms = after);
        peer_sends(&c, .ack = 1001, .flags = ACK);
        expect_silence(&c);
    }
    close_conversation(&c);
}
END_TEST

/* MUST-37: the connection stays open while the probes are answered. */
START_TEST(a_zero_window_is_probed_for_ever_while_it_is_answered)
{
    struct conversation c;
    open_conversation(&c, .window = 1000, .retries = 3);

    app_writes(&c, 3000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    peer_sends(&c, .ack = 1001, .win = 0, .flags = ACK);
    for (unsigned i = 0; i < 50; i++) {
        expect_segment(&c, .seq = 1001, .len = 1, .flags = ACK, .optional = PSH,
                       .within_ms = 130000);
        peer_sends(&c, .ack = 1001, .flags = ACK);
    }
    app_finds_error(&c, 0);
    peer_sends(&c, .ack = 1001, .win = 2000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.3: R2 holds for probes that nobody answers. */
START_TEST(probes_without_any_answer_are_given_up)
{
    struct conversation c;
    open_conversation(&c, .window = 1000, .retries = 3);

    app_writes(&c, 3000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    peer_sends(&c, .ack = 1001, .win = 0, .flags = ACK);
    advance(&c, 3600 * 1000);
    ck_assert_uint_ge(conversation_waiting(&c), 3);
    ck_assert_uint_le(conversation_waiting(&c), 5);
    conversation_ignore_sent(&c);
    app_finds_error(&c, ETIMEDOUT);
    close_conversation(&c);
}
END_TEST

START_TEST(the_byte_of_a_probe_may_be_taken)
{
    struct conversation c;
    open_conversation(&c, .window = 1000);

    app_writes(&c, 2001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    peer_sends(&c, .ack = 1001, .win = 0, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1, .flags = ACK, .optional = PSH,
                   .after_ms = 200);
    peer_sends(&c, .ack = 1002, .win = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1002, .len = 1000, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* Probes wait longer and longer; that is no sign of loss (RFC 6298 5.5), and
 * data that is lost later is sent again after one RTO. */
START_TEST(the_waiting_of_probes_does_not_slow_a_retransmission)
{
    struct conversation c;
    open_conversation(&c, .window = 1000);

    app_writes(&c, 4001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    peer_sends(&c, .ack = 1001, .win = 0, .flags = ACK);
    for (unsigned after = 200; after <= 6400; after *= 2) {
        expect_segment(&c, .seq = 1001, .len = 1, .flags = ACK, .optional = PSH,
                       .after_ms = after);
        peer_sends(&c, .ack = 1001, .flags = ACK);
    }
    expect_segment(&c, .seq = 1001, .len = 1, .flags = ACK, .optional = PSH,
                   .after_ms = 12800);
    peer_sends(&c, .ack = 1002, .win = 60000, .flags = ACK);
    for (int64_t seq = 1002; seq < 4002; seq += 1000)
        expect_segment(&c, .seq = seq, .len = 1000, .flags = ACK,
                       .optional = PSH);
    expect_segment(&c, .seq = 1002, .len = 1000, .flags = ACK, .after_ms = 200);
    close_conversation(&c);
}
END_TEST

/* Sends until the peer's window is shut and a probe of one octet lies beyond
 * it, which the peer does not take. */
static void probe_a_shut_window(struct conversation *c)
{
    app_writes(c, 3000);
    expect_segment(c, .seq = 1, .len = 1000, .flags = ACK);
    peer_sends(c, .ack = 1001, .win = 0, .flags = ACK);
    expect_segment(c, .seq = 1001, .len = 1, .flags = ACK, .optional = PSH,
                   .after_ms = 200);
    peer_sends(c, .ack = 1001, .flags = ACK);
    expect_silence(c);
}

/*
 * RFC 9293 3.10.7.4, table 6: a window that is shut takes SEG.SEQ = RCV.NXT
 * alone. SND.NXT is one more after a probe; with that number an ACK, and the
 * window that it tells, would be lost, and both sides wait for ever.
 */
START_TEST(a_shut_window_is_sent_acks_that_it_takes)
{
    struct conversation c;
    open_conversation(&c, .window = 1000, .receive_buffer = 4000);
    probe_a_shut_window(&c);

    peer_sends(&c, .seq = 1, .ack = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .ack = 1001, .flags = ACK, .within_ms = 40);
    peer_sends(&c, .seq = 2001, .ack = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .ack = 1001, .flags = ACK); /* duplicate */
    peer_sends(&c, .seq = 1001, .ack = 1001, .len = 3000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .ack = 4001, .win = 0, .flags = ACK);
    app_reads(&c, 4000);
    expect_segment(&c, .seq = 1001, .ack = 4001, .win = 4000, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* The same for a RST, RFC 5961 3.2 even in any window. */
START_TEST(a_shut_window_is_sent_a_reset_that_it_takes)
{
    struct conversation c;
    open_conversation(&c, .window = 1000);
    probe_a_shut_window(&c);

    app_lingers(&c, 0);
    app_closes(&c);
    expect_segment(&c, .seq = 1001, .flags = RST | ACK);
    expect_silence_for(&c, 120000);
    close_conversation(&c);
}
END_TEST

START_TEST(a_window_update_lets_data_go_at_once)
{
    struct conversation c;
    open_conversation(&c, .window = 1000);

    app_writes(&c, 3000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    peer_sends(&c, .ack = 1001, .win = 0, .flags = ACK);
    expect_silence_for(&c, 100);
    peer_sends(&c, .ack = 1001, .win = 65535, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* Nothing to send, nothing to probe for. */
START_TEST(a_zero_window_is_not_probed_without_data)
{
    struct conversation c;
    open_conversation(&c, .window = 1000);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    peer_sends(&c, .ack = 1001, .win = 0, .flags = ACK);
    expect_silence_for(&c, 600000);
    close_conversation(&c);
}
END_TEST

/* MUST-35 and MUST-37: a window that shrinks to nothing under our data. */
START_TEST(a_window_that_shrinks_to_zero_is_probed)
{
    struct conversation c;
    open_conversation(&c, .window = 2000, .retries = 3);

    app_writes(&c, 2000);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 1, .win = 0, .flags = ACK);
    for (unsigned i = 0; i < 20; i++) {
        expect_segment(&c, .seq = 1, .any_len = true, .flags = ACK,
                       .optional = PSH, .within_ms = 130000);
        peer_sends(&c, .ack = 1, .win = 0, .flags = ACK);
    }
    app_finds_error(&c, 0);
    close_conversation(&c);
}
END_TEST

/* ---- buffers ---- */

START_TEST(the_send_buffer_is_a_limit_and_opens_with_acks)
{
    struct conversation c;
    open_conversation(&c, .send_buffer = 8192, .initial_window = 4);

    ck_assert_uint_eq(app_tries_to_write(&c, 20000), 8192);
    app_polls(&c, 0);
    app_fails_to_write(&c, EAGAIN);
    for (unsigned i = 0; i < 4; i++)
        expect_segment(&c, .seq = 1 + 1000 * i, .len = 1000, .flags = ACK);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    app_polls(&c, POLLOUT);
    ck_assert_uint_eq(app_tries_to_write(&c, 20000), 4000);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* Every byte of a long transfer is the right one (the harness looks). */
START_TEST(a_megabyte_goes_out_whole)
{
    enum { TOTAL = 1 << 20 };
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    while (c.peer->received < 1 + TOTAL) {
        app_tries_to_write(&c, TOTAL - c.peer->written);
        if (conversation_waiting(&c) == 0)
            conversation_fail(&c, "the transfer stalls");
        conversation_ignore_sent(&c);
        advance(&c, 1);
        peer_sends(&c, .flags = ACK);
    }
    conversation_ignore_sent(&c);
    peer_sends(&c, .flags = ACK);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

START_TEST(a_megabyte_comes_in_whole)
{
    enum { TOTAL = 1 << 20, PIECE = 1024 };
    struct conversation c;
    open_conversation(&c);

    for (unsigned i = 0; i < TOTAL / PIECE; i++) {
        peer_sends(&c, .len = PIECE, .flags = ACK);
        app_reads(&c, PIECE);
        conversation_ignore_sent(&c);
    }
    advance(&c, 40);
    conversation_ignore_sent(&c);
    ck_assert_int_eq(c.peer->stack_acked, 1 + TOTAL);
    close_conversation(&c);
}
END_TEST

/* Both directions pass 2^32: RFC 9293 3.4. */
START_TEST(the_peers_numbers_may_wrap)
{
    struct conversation c;
    open_conversation(&c, .iss = UINT32_MAX - 2500);

    for (unsigned i = 0; i < 5; i++) {
        peer_sends(&c, .len = 1000, .flags = ACK);
        app_reads(&c, 1000);
        conversation_ignore_sent(&c);
    }
    peer_sends(&c, .seq = 6001, .len = 1000, .flags = ACK);
    conversation_ignore_sent(&c);
    peer_sends(&c, .seq = 5001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 7001, .flags = ACK);
    app_reads(&c, 2000);
    close_conversation(&c);
}
END_TEST

START_TEST(a_hole_at_the_wrap_is_filled)
{
    struct conversation c;
    open_conversation(&c, .iss = UINT32_MAX - 1500);

    peer_sends(&c, .seq = 2001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 3001, .flags = ACK);
    app_reads(&c, 3000);
    close_conversation(&c);
}
END_TEST

/* A device that cuts by itself gets the whole window at once. */
START_TEST(a_device_that_cuts_gets_one_large_segment)
{
    struct conversation c;
    open_conversation(&c, .max_gso = 65535);

    app_writes(&c, 10000);
    ck_assert_uint_eq(conversation_waiting(&c), 1);
    ck_assert_int_eq(c.offloads[c.sent_first].gso, FRAME_GSO_TCPV4);
    ck_assert_uint_eq(c.offloads[c.sent_first].gso_size, 1000);
    expect_segment(&c, .seq = 1, .len = 10000, .flags = ACK | PSH);

    peer_sends(&c, .ack = 10001, .flags = ACK);
    app_writes(&c, 500);
    ck_assert_int_eq(c.offloads[c.sent_first].gso, FRAME_GSO_NONE);
    expect_segment(&c, .seq = 10001, .len = 500, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* TCP_INFO, in usec: how long the send buffer was too small. */
static uint64_t send_buffer_limited(struct conversation *c)
{
    struct tcp_info info;
    size_t len = sizeof(info);

    ck_assert_int_eq(stack_get_option(c->stack, c->now, c->peer->socket,
                                      IPPROTO_TCP, TCP_INFO, &info, &len),
                     0);
    return info.tcpi_sndbuf_limited;
}

/* As Linux, which marks the buffer as too small when a program polls, too. */
START_TEST(the_time_is_counted_in_which_the_send_buffer_holds_a_program_back)
{
    struct conversation c;
    open_conversation(&c, .send_buffer = 4000, .initial_window = 10);

    app_writes(&c, 3000); /* less than a third is free then */
    conversation_ignore_sent(&c);
    app_polls(&c, 0);
    advance(&c, 150);
    ck_assert_uint_eq(send_buffer_limited(&c), 150000);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    app_polls(&c, POLLOUT);
    advance(&c, 50);
    ck_assert_uint_eq(send_buffer_limited(&c), 150000);
    close_conversation(&c);
}
END_TEST

START_TEST(a_program_that_is_told_to_try_again_is_held_back_too)
{
    struct conversation c;
    open_conversation(&c, .send_buffer = 4000, .initial_window = 10);

    app_writes(&c, 4000);
    conversation_ignore_sent(&c);
    app_fails_to_write(&c, EAGAIN);
    advance(&c, 150);
    ck_assert_uint_eq(send_buffer_limited(&c), 150000);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN(
    "tcp data", data_in_order_is_delivered_and_acknowledged,
    an_ack_is_not_delayed_by_more_than_40_ms,
    every_second_full_segment_is_acknowledged_at_once,
    with_timestamps_two_full_segments_are_acknowledged_at_once,
    full_is_what_the_peer_sends, it_may_become_less,
    small_writes_do_not_lessen_it,
    segments_of_one_pass_are_acknowledged_together,
    an_answer_carries_the_acknowledgment,
    data_out_of_order_is_kept_and_acknowledged_at_once,
    several_holes_are_filled_in_any_order,
    of_a_segment_that_overlaps_only_the_new_part_is_taken,
    segments_out_of_order_may_overlap_in_every_way,
    text_in_order_is_taken_when_no_more_ranges_are_noted,
    a_duplicate_segment_is_acknowledged_at_once,
    data_beyond_the_window_is_cut_off,
    a_segment_wholly_outside_the_window_is_only_acknowledged,
    a_probe_of_our_closed_window_is_answered,
    a_closed_window_still_takes_acknowledgments,
    the_window_is_not_opened_by_small_steps, a_small_buffer_is_opened_by_halves,
    the_window_shrinks_with_what_is_not_read,
    rounding_does_not_offer_more_than_the_buffer_holds,
    with_the_largest_scale_the_edge_moves_back_by_less_than_a_unit,
    the_first_read_does_not_correct_the_window_of_the_syn,
    a_raised_receive_buffer_is_offered,
    data_out_of_order_does_not_shrink_the_window,
    an_ack_of_what_was_not_sent_is_answered_and_dropped,
    a_partial_acknowledgment_frees_a_part, an_old_ack_changes_nothing,
    an_old_ack_does_not_change_the_window,
    an_older_segment_does_not_change_the_window,
    a_segment_outside_the_window_acknowledges_nothing,
    a_write_is_cut_into_segments_and_pushed_at_its_end,
    what_the_window_holds_back_is_pushed_when_it_goes,
    the_initial_window_is_ten_segments,
    a_small_write_waits_while_data_is_in_flight,
    small_writes_go_when_they_fill_a_segment,
    nodelay_sends_small_writes_at_once, turning_nagle_off_sends_what_waits,
    a_small_usable_window_is_not_used_until_the_override,
    half_of_the_largest_window_is_used_at_once,
    a_window_that_shrinks_stops_new_data_only,
    a_zero_window_is_probed_at_growing_intervals,
    a_zero_window_is_probed_for_ever_while_it_is_answered,
    probes_without_any_answer_are_given_up, the_byte_of_a_probe_may_be_taken,
    the_waiting_of_probes_does_not_slow_a_retransmission,
    a_shut_window_is_sent_acks_that_it_takes,
    a_shut_window_is_sent_a_reset_that_it_takes,
    a_window_update_lets_data_go_at_once,
    a_zero_window_is_not_probed_without_data,
    a_window_that_shrinks_to_zero_is_probed,
    the_send_buffer_is_a_limit_and_opens_with_acks, a_megabyte_goes_out_whole,
    a_megabyte_comes_in_whole, the_peers_numbers_may_wrap,
    a_hole_at_the_wrap_is_filled, a_device_that_cuts_gets_one_large_segment,
    the_time_is_counted_in_which_the_send_buffer_holds_a_program_back,
    a_program_that_is_told_to_try_again_is_held_back_too)
