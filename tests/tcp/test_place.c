/*
 * Where the text of the next segment goes: to its place in the receive buffer,
 * with no copy, when it is likely to go on with a stream (tcp_expect.c). What
 * the program reads is checked, so a wrong guess would show.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

/* ---- a stream ---- */

/* The ring grows with what is in it, and has room for the whole window only
 * when it is as large as the buffer may be. */

START_TEST(after_two_segments_in_order_the_next_has_a_place)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4096);

    peer_sends(&c, .len = 1200, .flags = ACK | PSH);
    peer_sends(&c, .len = 1200, .flags = ACK | PSH);
    ck_assert_uint_eq(c.placed, 0);
    peer_sends(&c, .len = 500, .flags = ACK | PSH);
    ck_assert_uint_eq(c.placed, 1);
    app_reads(&c, 2900);
    expect_segment(&c, .ack = 2401, .flags = ACK);
    expect_segment(&c, .ack = 2901, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* In two pieces, then: the head of the buffer is in its midst. */
START_TEST(the_place_may_lie_on_both_sides_of_the_rings_end)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4096);

    for (unsigned i = 0; i < 40; i++) {
        peer_sends(&c, .len = 900, .flags = ACK | PSH);
        peer_sends(&c, .len = 900, .flags = ACK | PSH);
        app_reads(&c, i == 0 ? 900 : 1800); /* it is never empty */
        conversation_ignore_sent(&c);
    }
    ck_assert_uint_eq(c.placed, 78);
    app_reads(&c, 900);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(with_timestamps_too)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4096, .timestamps = true);

    for (unsigned i = 0; i < 3; i++)
        peer_sends(&c, .len = 1200, .flags = ACK | PSH);
    ck_assert_uint_eq(c.placed, 1);
    app_reads(&c, 3600);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(a_fin_may_come_with_the_text)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4096);

    peer_sends(&c, .len = 1200, .flags = ACK | PSH);
    peer_sends(&c, .len = 1200, .flags = ACK | PSH);
    peer_sends(&c, .len = 500, .flags = ACK | PSH | FIN);
    ck_assert_uint_eq(c.placed, 1);
    app_reads(&c, 2900);
    app_reads_end(&c);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* What does not fit in the window is cut off, wherever it was read to. */
START_TEST(text_beyond_the_window_is_cut_off)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4096);

    peer_sends(&c, .len = 1500, .flags = ACK);
    peer_sends(&c, .len = 1500, .flags = ACK);
    peer_sends(&c, .len = 1400, .flags = ACK);
    ck_assert_uint_eq(c.placed, 1);
    conversation_ignore_sent(&c);
    peer_sends(&c, .seq = 4097, .len = 304, .flags = ACK);
    expect_segment(&c, .ack = 4097, .win = 0, .flags = ACK);
    app_reads(&c, 4096);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* ---- it was another segment ---- */

START_TEST(text_behind_a_hole_is_copied_to_where_it_belongs)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4096);

    peer_sends(&c, .len = 1200, .flags = ACK | PSH);
    peer_sends(&c, .len = 1200, .flags = ACK | PSH);
    peer_sends(&c, .seq = 2901, .len = 500, .flags = ACK | PSH);
    ck_assert_uint_eq(c.placed, 1);
    peer_sends(&c, .seq = 2401, .len = 500, .flags = ACK | PSH);
    ck_assert_uint_eq(c.placed, 1); /* it would overwrite what waits there */
    app_reads(&c, 3400);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(text_that_came_before_does_not_come_again)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4096);

    peer_sends(&c, .len = 1200, .flags = ACK | PSH);
    peer_sends(&c, .len = 1200, .flags = ACK | PSH);
    peer_sends(&c, .seq = 1901, .len = 1000, .flags = ACK | PSH);
    ck_assert_uint_eq(c.placed, 1);
    app_reads(&c, 2900);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(urgent_data_is_no_part_of_it)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4096);

    peer_sends(&c, .len = 1200, .flags = ACK | PSH);
    peer_sends(&c, .len = 1200, .flags = ACK | PSH);
    peer_sends(&c, .len = 7, .flags = ACK | PSH | URG, .urgent = 4);
    ck_assert_uint_eq(c.placed, 1);
    app_reads(&c, 2403);
    app_reads_urgent(&c, 2404);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* Its headers are as long, so its text is taken from where it was read to: the
 * free part of the other one's buffer. */
START_TEST(text_of_another_connection_goes_to_its_own_buffer)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4096);

    peer_sends(&c, .len = 1200, .flags = ACK | PSH);
    peer_sends(&c, .len = 1200, .flags = ACK | PSH);
    app_reads(&c, 2400);
    conversation_ignore_sent(&c);
    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    peer_sends(&c, .ack = 1, .flags = ACK);
    app_accepts(&c);
    unsigned before = c.placed;
    peer_sends(&c, .len = 500, .flags = ACK | PSH);
    ck_assert_uint_eq(c.placed, before + 1);
    app_reads(&c, 500);
    conversation_ignore_sent(&c);
    peer_uses_port(&c, PEER_PORT);
    close_conversation(&c);
}
END_TEST

START_TEST(connections_that_take_turns_have_no_places)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4096);

    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    peer_sends(&c, .ack = 1, .flags = ACK);
    app_accepts(&c);
    for (unsigned i = 0; i < 4; i++) {
        peer_sends(&c, .len = 500, .flags = ACK | PSH);
        peer_uses_port(&c, i % 2 == 0 ? PEER_PORT : PEER_PORT + 1);
        conversation_ignore_sent(&c);
    }
    ck_assert_uint_eq(c.placed, 0);
    close_conversation(&c);
}
END_TEST

START_TEST(it_can_be_switched_off)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4096, .no_place_text = true);

    for (unsigned i = 0; i < 4; i++)
        peer_sends(&c, .len = 500, .flags = ACK | PSH);
    ck_assert_uint_eq(c.placed, 0);
    app_reads(&c, 2000);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("place", after_two_segments_in_order_the_next_has_a_place,
          the_place_may_lie_on_both_sides_of_the_rings_end, with_timestamps_too,
          a_fin_may_come_with_the_text, text_beyond_the_window_is_cut_off,
          text_behind_a_hole_is_copied_to_where_it_belongs,
          text_that_came_before_does_not_come_again,
          urgent_data_is_no_part_of_it,
          text_of_another_connection_goes_to_its_own_buffer,
          connections_that_take_turns_have_no_places, it_can_be_switched_off)
