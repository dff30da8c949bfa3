/*
 * Urgent data: RFC 9293 3.8.5, RFC 6093, and the face that BSD gave it.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

/* ---- sending ---- */

/* MUST-62: the pointer tells the octet that follows the urgent data. */
START_TEST(the_pointer_points_behind_the_urgent_data)
{
    struct conversation c;
    open_conversation(&c);

    app_writes_with(&c, 3, MSG_OOB);
    expect_segment(&c, .seq = 1, .len = 3, .flags = ACK | PSH | URG,
                   .urgent = 3);
    peer_sends(&c, .ack = 4, .flags = ACK);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 4, .len = 10, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* MUST-31: urgent data of any length; each segment of it tells where it ends.
 * What follows it says nothing. */
START_TEST(each_segment_before_the_mark_carries_the_pointer)
{
    struct conversation c;
    open_conversation(&c);

    app_writes_with(&c, 2500, MSG_OOB);
    app_writes(&c, 700);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | URG,
                   .urgent = 2500);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | URG,
                   .urgent = 1500);
    expect_segment(&c, .seq = 2001, .len = 500, .flags = ACK | PSH | URG,
                   .urgent = 500);
    expect_segment(&c, .seq = 2501, .len = 700, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* A pointer of 16 bits does not reach so far: nothing false is told. */
START_TEST(a_mark_that_is_too_far_is_told_later)
{
    struct conversation c;
    open_conversation(&c, .mss = 1400, .window = 1000000, .wscale = 7,
                      .initial_window = 100);

    app_writes_with(&c, 70000, MSG_OOB);
    for (int64_t seq = 1; seq < 70001; seq += 1400) {
        int64_t left = 70001 - seq;
        bool reaches = left <= 65535;

        expect_segment(&c, .seq = seq, .len = 1400,
                       .flags = reaches ? ACK | URG : ACK, .optional = PSH,
                       .urgent = reaches ? (unsigned)left : 0);
    }
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.5: a shut window does not stop the news. */
START_TEST(the_pointer_goes_through_a_shut_window)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .flags = ACK, .win = 0);
    app_writes_with(&c, 5, MSG_OOB);
    expect_segment(&c, .seq = 1, .flags = ACK | URG, .urgent = 5);
    expect_segment(&c, .seq = 1, .len = 1, .flags = ACK | URG, .urgent = 5,
                   .optional = PSH, .within_ms = 1100);
    peer_sends(&c, .ack = 2, .flags = ACK, .win = 1000);
    expect_segment(&c, .seq = 2, .len = 4, .flags = ACK | PSH | URG,
                   .urgent = 4);
    close_conversation(&c);
}
END_TEST

/* Urgent is urgent: neither Nagle nor a cork waits. */
START_TEST(nothing_holds_urgent_data_back)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_TCP, TCP_CORK, 1);
    app_writes(&c, 10);
    expect_silence(&c);
    app_writes_with(&c, 1, MSG_OOB);
    expect_segment(&c, .seq = 1, .len = 11, .flags = ACK | PSH | URG,
                   .urgent = 11);
    close_conversation(&c);
}
END_TEST

/* A device would put one pointer into all pieces of a large segment. */
START_TEST(urgent_segments_are_not_left_to_the_device)
{
    struct conversation c;
    open_conversation(&c, .max_gso = 65535);

    app_writes_with(&c, 3000, MSG_OOB);
    for (int64_t seq = 1; seq <= 2001; seq += 1000)
        expect_segment(&c, .seq = seq, .len = 1000, .flags = ACK | URG,
                       .optional = PSH, .urgent = (unsigned)(3001 - seq));
    close_conversation(&c);
}
END_TEST

START_TEST(the_pointer_is_sent_again_with_its_data)
{
    struct conversation c;
    open_conversation(&c);

    app_writes_with(&c, 1, MSG_OOB);
    expect_segment(&c, .seq = 1, .len = 1, .flags = ACK | PSH | URG,
                   .urgent = 1);
    expect_segment(&c, .seq = 1, .len = 1, .flags = ACK | PSH | URG,
                   .urgent = 1, .within_ms = 1100);
    close_conversation(&c);
}
END_TEST

/* ---- receiving ---- */

/* A reader stops at the mark and goes on behind the octet. */
START_TEST(a_reader_stops_at_the_mark_and_passes_over_it)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 7, .flags = ACK | PSH | URG, .urgent = 4);
    expect_segment(&c, .ack = 8, .flags = ACK, .within_ms = 40);
    app_polls(&c, POLLIN | POLLPRI | POLLOUT);
    ck_assert_int_eq(stack_unread(c.stack, c.peer->socket), 3);
    ck_assert(!app_is_at_mark(&c));
    ck_assert_int_eq(app_reads_with(&c, 100, MSG_PEEK), 3);
    ck_assert_int_eq(app_reads_with(&c, 100, 0), 3);
    ck_assert(app_is_at_mark(&c));
    ck_assert_int_eq(stack_unread(c.stack, c.peer->socket), 0);
    app_polls(&c, POLLIN | POLLPRI | POLLOUT);
    app_reads_urgent(&c, 4);
    app_polls(&c, POLLIN | POLLOUT);
    c.peer->read++; /* the octet itself */
    ck_assert_int_eq(app_reads_with(&c, 100, MSG_PEEK), 3);
    ck_assert(app_is_at_mark(&c));
    ck_assert_int_eq(app_reads_with(&c, 100, 0), 3);
    ck_assert(!app_is_at_mark(&c));
    app_fails_to_read_urgent(&c, EINVAL);
    close_conversation(&c);
}
END_TEST

START_TEST(the_octet_is_read_once_and_before_what_precedes_it)
{
    struct conversation c;
    open_conversation(&c);

    app_fails_to_read_urgent(&c, EINVAL);
    peer_sends(&c, .len = 7, .flags = ACK | PSH | URG, .urgent = 4);
    expect_segment(&c, .ack = 8, .flags = ACK, .within_ms = 40);
    app_reads_urgent(&c, 4);
    app_fails_to_read_urgent(&c, EINVAL);
    app_reads(&c, 3);
    c.peer->read++;
    app_reads(&c, 3);
    close_conversation(&c);
}
END_TEST

/* RFC 6093 6: as it should have been from the start. */
START_TEST(in_line_the_octet_is_one_of_the_stream)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, SOL_SOCKET, SO_OOBINLINE, 1);
    peer_sends(&c, .len = 7, .flags = ACK | PSH | URG, .urgent = 4);
    expect_segment(&c, .ack = 8, .flags = ACK, .within_ms = 40);
    ck_assert_int_eq(stack_unread(c.stack, c.peer->socket), 7);
    app_polls(&c, POLLIN | POLLPRI | POLLOUT);
    app_fails_to_read_urgent(&c, EINVAL);
    ck_assert_int_eq(app_reads_with(&c, 100, 0), 3);
    ck_assert(app_is_at_mark(&c));
    ck_assert_int_eq(app_reads_with(&c, 100, 0), 4);
    ck_assert(!app_is_at_mark(&c));
    app_polls(&c, POLLOUT);
    close_conversation(&c);
}
END_TEST

/* MUST-32: told when the pointer comes, before its octet does; recv(MSG_OOB)
 * does not wait for that. */
START_TEST(an_octet_that_was_only_announced_is_not_there)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .flags = ACK | URG, .urgent = 4);
    app_polls(&c, POLLOUT);
    app_fails_to_read_urgent(&c, EAGAIN);
    peer_sends(&c, .len = 4, .flags = ACK | PSH);
    expect_segment(&c, .ack = 5, .flags = ACK, .within_ms = 40);
    app_polls(&c, POLLIN | POLLPRI | POLLOUT);
    app_reads_urgent(&c, 4);
    app_reads(&c, 3);
    close_conversation(&c);
}
END_TEST

/* MUST-66: URG of a segment that a shut window refuses. */
START_TEST(a_shut_window_lets_the_pointer_in)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4096);

    peer_sends(&c, .len = 1000, .flags = ACK);
    peer_sends(&c, .len = 1000, .flags = ACK);
    peer_sends(&c, .len = 1000, .flags = ACK);
    peer_sends(&c, .len = 1000, .flags = ACK);
    peer_sends(&c, .len = 96, .flags = ACK);
    advance(&c, 100);
    conversation_ignore_sent(&c);
    peer_sends(&c, .len = 1, .flags = ACK | URG, .urgent = 1);
    expect_segment(&c, .ack = 4097, .win = 0, .flags = ACK);
    app_fails_to_read_urgent(&c, EAGAIN); /* announced */
    conversation_ignore_sent(&c);
    app_reads(&c, 4096);
    conversation_ignore_sent(&c);
    ck_assert(app_is_at_mark(&c));
    app_closes(&c);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* Linux, and "the update will be invisible" (RFC 9293 3.8.5): the octet of
 * the old mark is one of the stream's again. */
START_TEST(a_new_mark_takes_the_old_ones_place)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 4, .flags = ACK | PSH | URG, .urgent = 4);
    peer_sends(&c, .len = 4, .flags = ACK | PSH | URG, .urgent = 4);
    expect_segment(&c, .ack = 9, .flags = ACK, .within_ms = 40);
    app_reads_urgent(&c, 8);
    ck_assert_int_eq(app_reads_with(&c, 100, 0), 7);
    app_polls(&c, POLLOUT); /* nothing but the octet that was read */
    ck_assert(app_is_at_mark(&c));
    app_fails_to_read(&c, EAGAIN);
    ck_assert(!app_is_at_mark(&c));
    close_conversation(&c);
}
END_TEST

/* But not if the reader has stopped there. */
START_TEST(an_old_mark_that_was_reached_is_passed_over)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 4, .flags = ACK | PSH | URG, .urgent = 4);
    app_reads(&c, 3);
    peer_sends(&c, .len = 4, .flags = ACK | PSH | URG, .urgent = 4);
    expect_segment(&c, .ack = 9, .flags = ACK, .within_ms = 40);
    c.peer->read++;
    ck_assert_int_eq(app_reads_with(&c, 100, 0), 3);
    app_reads_urgent(&c, 8);
    app_fails_to_read(&c, EAGAIN); /* and passes over it */
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.5: "robust to invalid urgent pointer values". */
START_TEST(pointers_that_say_nothing_new_are_ignored)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 100, .flags = ACK | PSH);
    expect_segment(&c, .ack = 101, .flags = ACK, .within_ms = 40);
    peer_sends(&c, .seq = 1, .len = 100, .flags = ACK | URG, .urgent = 50);
    expect_segment(&c, .ack = 101, .flags = ACK);
    app_fails_to_read_urgent(&c, EINVAL);
    peer_sends(&c, .flags = ACK | URG, .urgent = 0);
    app_fails_to_read_urgent(&c, EINVAL);
    app_reads(&c, 100);
    peer_sends(&c, .flags = ACK | FIN | URG, .urgent = 9);
    expect_segment(&c, .ack = 102, .flags = ACK);
    app_fails_to_read_urgent(&c, 0); /* announced; will never come */
    app_reads_end(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(a_mark_does_not_hide_the_end)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 1, .flags = ACK | FIN | URG, .urgent = 1);
    expect_segment(&c, .ack = 3, .flags = ACK);
    ck_assert(app_is_at_mark(&c));
    app_reads_end(&c);
    app_fails_to_read_urgent(&c, EINVAL);
    close_conversation(&c);
}
END_TEST

/* MSG_TRUNC counts the octet and throws it away. */
START_TEST(bytes_are_thrown_away_up_to_the_mark)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 7, .flags = ACK | PSH | URG, .urgent = 4);
    expect_segment(&c, .ack = 8, .flags = ACK, .within_ms = 40);
    ck_assert_int_eq(app_reads_with(&c, 100, MSG_TRUNC), 3);
    ck_assert_int_eq(app_reads_with(&c, 100, MSG_TRUNC | MSG_PEEK), 3);
    ck_assert_int_eq(app_reads_with(&c, 2, MSG_TRUNC), 2);
    ck_assert_int_eq(app_reads_with(&c, 100, MSG_TRUNC), 1);
    app_fails_to_read_urgent(&c, EINVAL);
    close_conversation(&c);
}
END_TEST

/* As Linux: none are had, and the octet stays. */
START_TEST(no_bytes_are_read_at_the_mark)
{
    struct conversation c;
    open_conversation(&c);

    ck_assert_int_eq(app_reads_with(&c, 0, MSG_TRUNC), -EAGAIN);
    peer_sends(&c, .len = 1, .flags = ACK | PSH | URG, .urgent = 1);
    expect_segment(&c, .ack = 2, .flags = ACK, .within_ms = 40);
    ck_assert_int_eq(app_reads_with(&c, 0, MSG_TRUNC | MSG_PEEK), 0);
    ck_assert_int_eq(app_reads_with(&c, 0, MSG_TRUNC), 0);
    ck_assert_int_eq(app_reads_with(&c, 0, MSG_PEEK), 0);
    ck_assert_int_eq(app_reads_with(&c, 0, 0), 0);
    ck_assert(app_is_at_mark(&c));
    ck_assert_int_eq(app_reads_with(&c, 1, MSG_TRUNC), -EAGAIN);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp urgent", the_pointer_points_behind_the_urgent_data,
          each_segment_before_the_mark_carries_the_pointer,
          a_mark_that_is_too_far_is_told_later,
          the_pointer_goes_through_a_shut_window,
          nothing_holds_urgent_data_back,
          urgent_segments_are_not_left_to_the_device,
          the_pointer_is_sent_again_with_its_data,
          a_reader_stops_at_the_mark_and_passes_over_it,
          the_octet_is_read_once_and_before_what_precedes_it,
          in_line_the_octet_is_one_of_the_stream,
          an_octet_that_was_only_announced_is_not_there,
          a_shut_window_lets_the_pointer_in,
          a_new_mark_takes_the_old_ones_place,
          an_old_mark_that_was_reached_is_passed_over,
          pointers_that_say_nothing_new_are_ignored,
          a_mark_does_not_hide_the_end, bytes_are_thrown_away_up_to_the_mark,
          no_bytes_are_read_at_the_mark)
