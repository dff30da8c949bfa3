/*
 * Keep-alive: RFC 9293 3.8.4.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

/* MUST-25: it is off by default. */
START_TEST(an_idle_connection_is_silent_by_default)
{
    struct conversation c;
    open_conversation(&c);

    expect_silence_for(&c, 7 * 86400 * INT64_C(1000));
    app_polls(&c, POLLOUT);
    close_conversation(&c);
}
END_TEST

/* MUST-28: not before two hours by default. */
START_TEST(the_first_probe_comes_after_two_hours)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, SOL_SOCKET, SO_KEEPALIVE, 1);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = ACK,
                   .after_ms = 7200 * 1000);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.4: SEG.SEQ = SND.NXT-1, which every TCP answers. */
START_TEST(an_answered_probe_starts_the_idle_time_again)
{
    struct conversation c;
    open_conversation(&c, .keepalive_idle_s = 100, .keepalive_interval_s = 10);

    app_sets(&c, SOL_SOCKET, SO_KEEPALIVE, 1);
    for (unsigned i = 0; i < 5; i++) {
        expect_segment(&c, .seq = 0, .ack = 1, .flags = ACK,
                       .after_ms = 100 * 1000);
        peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
        expect_silence(&c);
    }
    app_finds_error(&c, 0);
    close_conversation(&c);
}
END_TEST

/* MUST-26 and MUST-29: one probe without answer is not the end. */
START_TEST(probes_without_answer_end_the_connection)
{
    struct conversation c;
    open_conversation(&c, .keepalive_idle_s = 100, .keepalive_interval_s = 10,
                      .keepalive_probes = 3);

    app_sets(&c, SOL_SOCKET, SO_KEEPALIVE, 1);
    expect_segment(&c, .seq = 0, .flags = ACK, .after_ms = 100 * 1000);
    expect_segment(&c, .seq = 0, .flags = ACK, .after_ms = 10 * 1000);
    expect_segment(&c, .seq = 0, .flags = ACK, .after_ms = 10 * 1000);
    advance(&c, 9000);
    app_finds_error(&c, 0);
    expect_silence(&c);
    advance(&c, 2000);
    conversation_ignore_sent(&c); /* a RST is allowed */
    app_finds_error(&c, ETIMEDOUT);
    close_conversation(&c);
}
END_TEST

/* MUST-27: only when nothing has come for so long. */
START_TEST(what_the_peer_sends_puts_the_probe_off)
{
    struct conversation c;
    open_conversation(&c, .keepalive_idle_s = 100);

    app_sets(&c, SOL_SOCKET, SO_KEEPALIVE, 1);
    expect_silence_for(&c, 60 * 1000);
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    app_reads(&c, 10);
    expect_segment(&c, .ack = 11, .flags = ACK, .within_ms = 40);
    expect_silence_for(&c, 99 * 1000);
    expect_segment(&c, .seq = 0, .ack = 11, .flags = ACK, .within_ms = 2000);
    close_conversation(&c);
}
END_TEST

/* Data in flight has a timer of its own. */
START_TEST(data_in_flight_is_not_probed)
{
    struct conversation c;
    open_conversation(&c, .keepalive_idle_s = 1);

    app_sets(&c, SOL_SOCKET, SO_KEEPALIVE, 1);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    for (unsigned after = 200; after <= 6400; after *= 2)
        expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                       .after_ms = after);
    close_conversation(&c);
}
END_TEST

/* Nor does the keepalive timer look again and again whether it still is. */
START_TEST(data_in_flight_does_not_keep_the_timer_busy)
{
    struct conversation c;
    open_conversation(&c, .keepalive_idle_s = 2);

    app_sets(&c, SOL_SOCKET, SO_KEEPALIVE, 1);
    app_writes(&c, 1000);
    usec end = c.now + 10 * USEC_PER_SEC;
    unsigned wakeups = 0;
    for (; stack_next_deadline(c.stack) <= end && wakeups < 1000; wakeups++) {
        c.now = usec_max(c.now, stack_next_deadline(c.stack));
        stack_run_timers(c.stack, c.now);
        stack_flush(c.stack, c.now);
    }
    /* Five retransmissions, five looks, and where the wheel moves them. */
    ck_assert_uint_le(wakeups, 50);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(keepalive_can_be_turned_off_again)
{
    struct conversation c;
    open_conversation(&c, .keepalive_idle_s = 100);

    app_sets(&c, SOL_SOCKET, SO_KEEPALIVE, 1);
    advance(&c, 50 * 1000);
    app_sets(&c, SOL_SOCKET, SO_KEEPALIVE, 0);
    expect_silence_for(&c, 86400 * 1000);
    close_conversation(&c);
}
END_TEST

/* The other side's probe, both kinds: with its byte of garbage and without. */
START_TEST(the_peers_probes_are_answered)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    app_reads(&c, 10);
    expect_segment(&c, .ack = 11, .flags = ACK, .within_ms = 40);
    peer_sends(&c, .seq = 10, .flags = ACK);
    expect_segment(&c, .seq = 1, .ack = 11, .flags = ACK);
    peer_sends(&c, .seq = 10, .len = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .ack = 11, .flags = ACK);
    app_fails_to_read(&c, EAGAIN);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp keepalive", an_idle_connection_is_silent_by_default,
          the_first_probe_comes_after_two_hours,
          an_answered_probe_starts_the_idle_time_again,
          probes_without_answer_end_the_connection,
          what_the_peer_sends_puts_the_probe_off, data_in_flight_is_not_probed,
          data_in_flight_does_not_keep_the_timer_busy,
          keepalive_can_be_turned_off_again, the_peers_probes_are_answered)
