/*
 * Half-open connections: RFC 9293 3.10.7.4 in SYN-RECEIVED after a passive
 * open, RFC 6298 5 for the SYN,ACK, and that a SYN costs little (RFC 4987 2).
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

/* A SYN from `port`, and our answer. */
static void knock(struct conversation *c, unsigned port)
{
    peer_uses_port(c, port);
    peer_sends(c, .flags = SYN);
    expect_segment(c, .seq = 0, .ack = 1, .flags = SYN | ACK);
}

static void begin_half_open(struct conversation *c)
{
    begin_conversation(c);
    app_listens(c);
    knock(c, PEER_PORT);
}

/* ---- what it costs ---- */

/* Hash link, list links and timer all told; the table's own growth aside. */
START_TEST(a_syn_costs_at_most_128_bytes)
{
    enum { SYNS = 200, TABLE = 256 * sizeof(void *) };
    struct conversation c;
    begin_half_open(&c);

    size_t used = c.memory.used;
    for (unsigned i = 1; i <= SYNS; i++)
        knock(&c, PEER_PORT + i);
    ck_assert_uint_le(c.memory.used - used, SYNS * 128 + TABLE);
    close_conversation(&c);
}
END_TEST

START_TEST(when_it_is_given_up_its_memory_comes_back)
{
    struct conversation c;
    begin_conversation(&c, .synack_retries = 1);
    app_listens(&c);

    size_t used = c.memory.used;
    knock(&c, PEER_PORT);
    ck_assert_uint_gt(c.memory.used, used);
    expect_segment(&c, .flags = SYN | ACK, .after_ms = 1000);
    expect_silence_for(&c, 2001);
    ck_assert_uint_eq(c.memory.used, used);
    close_conversation(&c);
}
END_TEST

START_TEST(a_connection_of_a_full_handshake_keeps_no_record)
{
    struct conversation c;
    begin_half_open(&c);

    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    expect_silence_for(&c, 100000);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .ack = 1, .len = 10, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* ---- the SYN,ACK's timer ---- */

/* RFC 6298 2.1, 5.5; five times is Linux's count. */
START_TEST(the_syn_ack_goes_again_after_1_3_7_15_31_seconds)
{
    struct conversation c;
    begin_half_open(&c);

    for (int64_t msec = 1000; msec <= 16000; msec *= 2)
        expect_segment(&c, .seq = 0, .ack = 1, .mss = 1460, .flags = SYN | ACK,
                       .after_ms = msec);
    expect_silence_for(&c, 120000);
    peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .flags = RST);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->attempt_fails, 1);
    close_conversation(&c);
}
END_TEST

/* RFC 6298 5.5: no longer than 120 s. */
START_TEST(many_retries_wait_two_minutes_each)
{
    struct conversation c;
    begin_conversation(&c, .synack_retries = 10);
    app_listens(&c);
    knock(&c, PEER_PORT);

    for (int64_t msec = 1000; msec <= 64000; msec *= 2)
        expect_segment(&c, .flags = SYN | ACK, .after_ms = msec);
    for (unsigned i = 0; i < 3; i++)
        expect_segment(&c, .flags = SYN | ACK, .after_ms = 120000);
    expect_silence_for(&c, 300000);
    close_conversation(&c);
}
END_TEST

/* One timer serves all: none waits for another. */
START_TEST(each_syn_ack_has_a_deadline_of_its_own)
{
    struct conversation c;
    begin_half_open(&c);
    advance(&c, 300);
    knock(&c, PEER_PORT + 1);
    advance(&c, 300);
    knock(&c, PEER_PORT + 2);

    peer_uses_port(&c, PEER_PORT);
    expect_segment(&c, .flags = SYN | ACK, .after_ms = 400);
    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .flags = ACK); /* this one waits no more */
    peer_uses_port(&c, PEER_PORT + 2);
    expect_segment(&c, .flags = SYN | ACK, .after_ms = 600);
    peer_uses_port(&c, PEER_PORT);
    expect_segment(&c, .flags = SYN | ACK, .after_ms = 1400);
    peer_uses_port(&c, PEER_PORT + 2);
    expect_segment(&c, .flags = SYN | ACK, .after_ms = 600);
    close_conversation(&c);
}
END_TEST

/* ---- what survives in the record ---- */

START_TEST(the_syn_acks_options_are_the_same_each_time)
{
    static const char options[] = "mss,nop,nop,TS,nop,wscale";
    struct conversation c;
    begin_conversation(&c, .timestamps = true, .wscale = 9);
    app_listens(&c);

    peer_sends(&c, .flags = SYN, .ts_val = 4711);
    expect_segment(&c, .flags = SYN | ACK, .options = options, .ts_ecr = 4711);
    int scale = c.last.options.wscale;
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK, .wscale = scale,
                   .options = options, .ts_ecr = 4711, .after_ms = 1000);
    close_conversation(&c);
}
END_TEST

START_TEST(mss_and_scale_of_the_syn_hold_for_the_connection)
{
    struct conversation c;
    open_conversation(&c, .mss = 700, .wscale = 10);

    peer_sends(&c, .win = 2048, .flags = ACK); /* 2 in the header */
    app_writes(&c, 5000);
    expect_segment(&c, .seq = 1, .len = 700, .flags = ACK);
    expect_segment(&c, .seq = 701, .len = 700, .flags = ACK);
    ck_assert_uint_le(conversation_waiting(&c), 1); /* what is left of 2048 */
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* The scale has been told; the listener's next ones may get another. */
START_TEST(our_scale_stays_when_the_listeners_buffer_changes)
{
    struct conversation c;
    begin_conversation(&c, .wscale = 7, .receive_buffer = 1 << 24);
    app_listens(&c);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    int scale = c.last.options.wscale;
    ck_assert_int_gt(scale, 0);

    app_sets(&c, SOL_SOCKET, SO_RCVBUF, 65535);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    peer_sends(&c, .len = 1, .flags = ACK | PSH);
    expect_segment(&c, .ack = 2, .flags = ACK, .within_ms = 40);
    ck_assert_int_ge((int64_t)c.last.window << scale, 65535 - (1 << scale));
    close_conversation(&c);
}
END_TEST

/* RFC 6298 2.2: the handshake gives the first RTT, also without timestamps.
 * RTO = 600 + max(4 * 300, 200) ms. */
START_TEST(the_handshake_is_timed)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 600);

    app_writes(&c, 10);
    expect_segment(&c, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .len = 10, .flags = ACK | PSH, .after_ms = 1800);
    close_conversation(&c);
}
END_TEST

/* Karn: which of the two was acknowledged? RFC 6298 5.7: 3 s. */
START_TEST(a_handshake_with_a_lost_syn_ack_is_not_timed)
{
    struct conversation c;
    begin_half_open(&c);

    expect_segment(&c, .flags = SYN | ACK, .after_ms = 1000);
    advance(&c, 10);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    app_writes(&c, 10);
    expect_segment(&c, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .len = 10, .flags = ACK | PSH, .after_ms = 3000);
    close_conversation(&c);
}
END_TEST

/* ---- SEGMENT ARRIVES ---- */

/* First: the SYN again gets the SYN,ACK again, at once. */
START_TEST(a_repeated_syn_gets_the_same_syn_ack)
{
    struct conversation c;
    begin_half_open(&c);

    advance(&c, 400);
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    /* and the timer is where it was */
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK, .after_ms = 600);
    close_conversation(&c);
}
END_TEST

/* First: RFC 9293 3.10.7.4; RFC 5961 7 for how often: 4,096 of them share
 * 10,000 in a second. */
START_TEST(an_empty_segment_outside_the_window_is_answered_twice)
{
    struct conversation c;
    begin_half_open(&c);

    for (unsigned i = 0; i < 20; i++)
        peer_sends(&c, .seq = 100000, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 5.3 R1 */
START_TEST(an_ack_with_an_old_timestamp_does_not_open)
{
    struct conversation c;
    begin_conversation(&c, .timestamps = true);
    app_listens(&c);
    peer_sends(&c, .flags = SYN, .ts_val = 5000);
    expect_segment(&c, .flags = SYN | ACK);

    peer_sends(&c, .seq = 1, .ack = 1, .ts_val = 4999, .flags = ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_has_nothing_to_accept(&c);
    peer_sends(&c, .seq = 1, .ack = 1, .ts_val = 5000, .flags = ACK);
    expect_silence(&c);
    app_accepts(&c);
    close_conversation(&c);
}
END_TEST

/* Second, RFC 5961 3.2: in the window, but not at RCV.NXT. */
START_TEST(a_reset_that_was_guessed_is_challenged)
{
    struct conversation c;
    begin_half_open(&c);

    peer_sends(&c, .seq = 100, .flags = RST);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_accepts(&c);
    close_conversation(&c);
}
END_TEST

/* Second: "the user need not be informed". */
START_TEST(a_reset_ends_it_and_counts_as_a_failed_attempt)
{
    struct conversation c;
    begin_half_open(&c);

    peer_sends(&c, .seq = 1, .flags = RST);
    expect_silence_for(&c, 60000);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->attempt_fails, 1);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->passive_opens, 1);
    close_conversation(&c);
}
END_TEST

/* Fifth: the text and FIN that come with the ACK go on to the next steps. */
START_TEST(text_and_fin_may_come_with_the_acknowledgment)
{
    struct conversation c;
    begin_half_open(&c);

    peer_sends(&c, .len = 100, .flags = ACK | PSH | FIN);
    expect_segment(&c, .seq = 1, .ack = 102, .flags = ACK);
    app_accepts(&c);
    app_reads(&c, 100);
    app_reads_end(&c);
    close_conversation(&c);
}
END_TEST

/* Also text from the middle: the ACK before it was lost. */
START_TEST(text_out_of_order_opens_the_connection_too)
{
    struct conversation c;
    begin_half_open(&c);

    peer_sends(&c, .seq = 101, .len = 100, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 1, .len = 100, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .ack = 201, .flags = ACK);
    app_accepts(&c);
    app_reads(&c, 200);
    close_conversation(&c);
}
END_TEST

/* As Linux: dropped; the SYN,ACK goes again and finds room. */
START_TEST(an_ack_into_a_full_accept_queue_waits_for_room)
{
    struct conversation c;
    begin_conversation(&c, .backlog = 1);
    app_listens(&c);
    for (unsigned i = 0; i < 3; i++)
        knock(&c, PEER_PORT + i);
    for (unsigned i = 0; i < 3; i++) {
        peer_uses_port(&c, PEER_PORT + i);
        peer_sends(&c, .flags = ACK);
    }
    expect_silence(&c);

    peer_uses_port(&c, PEER_PORT);
    app_accepts(&c);
    peer_uses_port(&c, PEER_PORT + 2);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK,
                   .after_ms = 1000);
    peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    peer_uses_port(&c, PEER_PORT + 1);
    app_accepts(&c);
    peer_uses_port(&c, PEER_PORT + 2);
    app_accepts(&c);
    close_conversation(&c);
}
END_TEST

/* ---- the listener, and ICMP ---- */

START_TEST(closing_the_listener_resets_half_open_connections)
{
    struct conversation c;
    begin_half_open(&c);
    knock(&c, PEER_PORT + 1);

    app_closes_listener(&c);
    peer_uses_port(&c, PEER_PORT);
    expect_segment(&c, .seq = 1, .flags = RST | ACK);
    peer_uses_port(&c, PEER_PORT + 1);
    expect_segment(&c, .seq = 1, .flags = RST | ACK);
    expect_silence_for(&c, 60000);
    close_conversation(&c);
}
END_TEST

/* RFC 5927 5.2: hard is hard before the connection stands. */
START_TEST(a_hard_icmp_error_ends_it)
{
    struct conversation c;
    begin_half_open(&c);

    peer_sends_icmp(&c, .type = 3, .code = 3, .seq = 0);
    expect_silence_for(&c, 60000);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.9.2.2 MUST-56; RFC 5927 4.1: about another sequence number. */
START_TEST(a_soft_or_forged_icmp_error_does_nothing)
{
    struct conversation c;
    begin_half_open(&c);

    peer_sends_icmp(&c, .type = 3, .code = 1, .seq = 0);
    peer_sends_icmp(&c, .type = 12, .code = 0, .seq = 0);
    expect_no_drops(&c);
    peer_sends_icmp(&c, .type = 3, .code = 3, .seq = 1);
    expect_drops(&c, ICMP_BAD_QUOTE, 1);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp half-open", a_syn_costs_at_most_128_bytes,
          when_it_is_given_up_its_memory_comes_back,
          a_connection_of_a_full_handshake_keeps_no_record,
          the_syn_ack_goes_again_after_1_3_7_15_31_seconds,
          many_retries_wait_two_minutes_each,
          each_syn_ack_has_a_deadline_of_its_own,
          the_syn_acks_options_are_the_same_each_time,
          mss_and_scale_of_the_syn_hold_for_the_connection,
          our_scale_stays_when_the_listeners_buffer_changes,
          the_handshake_is_timed, a_handshake_with_a_lost_syn_ack_is_not_timed,
          a_repeated_syn_gets_the_same_syn_ack,
          an_empty_segment_outside_the_window_is_answered_twice,
          an_ack_with_an_old_timestamp_does_not_open,
          a_reset_that_was_guessed_is_challenged,
          a_reset_ends_it_and_counts_as_a_failed_attempt,
          text_and_fin_may_come_with_the_acknowledgment,
          text_out_of_order_opens_the_connection_too,
          an_ack_into_a_full_accept_queue_waits_for_room,
          closing_the_listener_resets_half_open_connections,
          a_hard_icmp_error_ends_it, a_soft_or_forged_icmp_error_does_nothing)
