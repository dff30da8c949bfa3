/*
 * Closing: RFC 9293 3.6, 3.10.4, 3.10.5 and the FIN's part of 3.10.7.4;
 * RFC 1122 4.2.2.13; RFC 2525 2.17.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

/* ---- the two figures ---- */

/* RFC 9293 3.6, figure 12, peer A: FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT. */
START_TEST(we_close_first_and_wait_2_msl)
{
    struct conversation c;
    open_conversation(&c);

    app_closes(&c);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = FIN | ACK);
    peer_sends(&c, .ack = 2, .flags = ACK);
    expect_silence_for(&c, 10000);
    peer_sends(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    expect_silence_for(&c, 120000);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.6, figure 12, peer B: CLOSE-WAIT, LAST-ACK. */
START_TEST(the_peer_closes_first)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1, .flags = FIN | ACK);
    expect_segment(&c, .seq = 1, .ack = 2, .flags = ACK, .within_ms = 40);
    app_polls(&c, POLLIN | POLLOUT);
    app_reads_end(&c);
    app_reads_end(&c);
    app_closes(&c);
    expect_segment(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    peer_sends(&c, .seq = 2, .ack = 2, .flags = ACK);
    expect_silence_for(&c, 120000);

    /* CLOSED at once: RFC 9293 3.10.7.1. */
    peer_sends(&c, .seq = 2, .ack = 2, .flags = ACK);
    expect_segment(&c, .seq = 2, .flags = RST);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.6, figure 13: CLOSING. */
START_TEST(both_close_at_once)
{
    struct conversation c;
    open_conversation(&c);

    app_closes(&c);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = FIN | ACK);
    peer_sends(&c, .seq = 1, .ack = 1, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    peer_sends(&c, .seq = 2, .ack = 2, .flags = ACK);
    expect_silence_for(&c, 50000);

    /* In TIME-WAIT: the FIN is acknowledged again. */
    peer_sends(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, eighth, FIN-WAIT-1: "perhaps in this segment". */
START_TEST(a_fin_that_acknowledges_ours_leads_to_time_wait)
{
    struct conversation c;
    open_conversation(&c);

    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    expect_silence_for(&c, 59000);
    peer_sends(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* ---- half-close ---- */

/* RFC 9293 3.6: "CLOSE means I have no more data to send". */
START_TEST(after_our_half_close_we_still_receive)
{
    struct conversation c;
    open_conversation(&c);

    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    app_fails_to_write(&c, EPIPE);
    peer_sends(&c, .ack = 2, .flags = ACK);

    for (unsigned i = 0; i < 3; i++) {
        peer_sends(&c, .len = 1000, .flags = ACK | PSH);
        app_reads(&c, 1000);
        expect_segment(&c, .seq = 2, .ack = 1001 + 1000 * i, .flags = ACK,
                       .within_ms = 40);
        advance(&c, 100000); /* FIN-WAIT-2 has no time-out of its own here */
    }
    peer_sends(&c, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 3002, .flags = ACK);
    app_reads_end(&c);
    app_polls(&c, POLLIN | POLLOUT | POLLHUP);
    app_closes(&c);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* In FIN-WAIT-1 too, before our FIN is acknowledged. */
START_TEST(data_is_taken_while_our_fin_is_in_flight)
{
    struct conversation c;
    open_conversation(&c);

    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .ack = 1, .len = 1000, .flags = ACK | PSH);
    app_reads(&c, 1000);
    expect_segment(&c, .seq = 2, .ack = 1001, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, CLOSE-WAIT: sending goes on. */
START_TEST(after_the_peers_half_close_we_still_send)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .flags = FIN | ACK);
    expect_segment(&c, .ack = 2, .flags = ACK, .within_ms = 40);
    app_reads_end(&c);

    app_writes(&c, 2000);
    expect_segment(&c, .seq = 1, .ack = 2, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .ack = 2, .len = 1000, .flags = ACK | PSH);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    app_closes(&c);
    expect_segment(&c, .seq = 2001, .ack = 2, .flags = FIN | ACK);
    peer_sends(&c, .ack = 2002, .flags = ACK);
    expect_silence_for(&c, 10000);
    close_conversation(&c);
}
END_TEST

/* ---- FIN and data ---- */

/* RFC 9293 3.10.4: "queue this until all preceding SENDs ... segmentized". */
START_TEST(the_fin_follows_what_was_written)
{
    struct conversation c;
    open_conversation(&c, .window = 1000);

    app_writes(&c, 2000);
    app_closes(&c);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .ack = 1001, .win = 2000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = FIN | ACK | PSH);
    peer_sends(&c, .ack = 2002, .flags = ACK);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.4: the FIN takes a number, and that must lie in the window. */
START_TEST(a_fin_waits_for_room_in_the_window)
{
    struct conversation c;
    open_conversation(&c, .window = 1000);

    app_writes(&c, 1000);
    app_closes(&c);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    expect_silence(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_segment(&c, .seq = 1001, .flags = FIN | ACK);
    close_conversation(&c);
}
END_TEST

/* A small tail goes with the FIN: Nagle does not hold it. */
START_TEST(closing_pushes_a_small_tail)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 100);
    app_writes(&c, 50);
    expect_segment(&c, .seq = 1, .len = 100, .flags = ACK | PSH);
    expect_silence(&c);
    app_closes(&c);
    expect_segment(&c, .seq = 101, .len = 50, .flags = FIN | ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* The FIN takes room in the peer's window as any byte does. */
START_TEST(a_zero_window_is_probed_for_the_fin_too)
{
    struct conversation c;
    open_conversation(&c, .window = 1000);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    peer_sends(&c, .ack = 1001, .win = 0, .flags = ACK);
    app_closes(&c);
    /* A FIN beyond the window is no harm; without, it is a probe. */
    expect_segment(&c, .flags = FIN | ACK, .optional = PSH, .within_ms = 1000);
    peer_sends(&c, .ack = 1001, .win = 1000, .flags = ACK);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 1002, .flags = ACK);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

/* RFC 6298 5: the FIN is retransmitted as data is. */
START_TEST(a_lost_fin_is_sent_again)
{
    struct conversation c;
    open_conversation(&c);

    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK, .after_ms = 200);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK, .after_ms = 400);
    peer_sends(&c, .ack = 2, .flags = ACK);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

START_TEST(lost_data_and_fin_are_sent_again_together)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 500);
    app_closes(&c);
    expect_segment(&c, .seq = 1, .len = 500, .flags = ACK | PSH);
    expect_segment(&c, .seq = 501, .flags = FIN | ACK);
    expect_segment(&c, .seq = 1, .len = 500, .flags = FIN | ACK | PSH,
                   .after_ms = 200);
    peer_sends(&c, .ack = 502, .flags = ACK);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

START_TEST(a_fin_with_data_is_taken_after_its_data)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1, .len = 1000, .flags = FIN | ACK | PSH);
    expect_segment(&c, .ack = 1002, .flags = ACK, .within_ms = 40);
    app_reads(&c, 1000);
    app_reads_end(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(a_fin_out_of_order_waits_for_its_turn)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1001, .len = 500, .flags = FIN | ACK);
    expect_segment(&c, .ack = 1, .flags = ACK);
    app_fails_to_read(&c, EAGAIN);
    peer_sends(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1502, .flags = ACK);
    app_reads(&c, 1500);
    app_reads_end(&c);
    close_conversation(&c);
}
END_TEST

/* The same for a FIN without data; the stack may forget it, the peer won't. */
START_TEST(a_bare_fin_out_of_order_is_not_taken_early)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1001, .flags = FIN | ACK);
    expect_segment(&c, .ack = 1, .flags = ACK);
    app_fails_to_read(&c, EAGAIN);
    peer_sends(&c, .seq = 1, .len = 1000, .flags = ACK);
    advance(&c, 40);
    conversation_ignore_sent(&c);
    app_reads(&c, 1000);
    peer_sends(&c, .seq = 1001, .flags = FIN | ACK);
    advance(&c, 40);
    conversation_ignore_sent(&c);
    ck_assert_int_eq(c.peer->stack_acked, 1002);
    app_reads_end(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, eighth, CLOSE-WAIT: "Remain". */
START_TEST(a_repeated_fin_is_acknowledged_again)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1, .flags = FIN | ACK);
    expect_segment(&c, .ack = 2, .flags = ACK, .within_ms = 40);
    peer_sends(&c, .seq = 1, .flags = FIN | ACK);
    expect_segment(&c, .seq = 1, .ack = 2, .flags = ACK);
    app_reads_end(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, seventh, CLOSE-WAIT: text after a FIN is ignored. */
START_TEST(data_beyond_a_fin_is_ignored)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1, .len = 10, .flags = FIN | ACK);
    advance(&c, 40);
    conversation_ignore_sent(&c);
    peer_sends(&c, .seq = 12, .len = 100, .flags = ACK | PSH);
    advance(&c, 40);
    conversation_ignore_sent(&c);
    ck_assert_int_eq(c.peer->stack_acked, 12);
    app_reads(&c, 10);
    app_reads_end(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.4, SYN-SENT: the TCB is deleted and nothing is sent. */
START_TEST(a_close_in_syn_sent_is_silent)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    app_closes(&c);
    expect_silence_for(&c, 100000);

    /* An answer that comes too late meets nobody: 3.10.7.1. */
    peer_sends(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .flags = RST);
    close_conversation(&c);
}
END_TEST

/*
 * RFC 9293 3.10.4, SYN-RECEIVED: the FIN goes at once, or after ESTABLISHED.
 * What is sent again begins with the SYN: the peer may not have it.
 */
START_TEST(a_close_in_syn_received_still_opens_and_closes)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    app_closes(&c);
    conversation_ignore_sent(&c);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK,
                   .within_ms = 1000);
    conversation_ignore_sent(&c);

    peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    if (conversation_waiting(&c) == 0)
        expect_segment(&c, .seq = 1, .ack = 1, .flags = FIN | ACK,
                       .within_ms = 2000);
    conversation_ignore_sent(&c);
    peer_sends(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* ---- TIME-WAIT ---- */

/* RFC 9293 3.10.7.4, eighth, TIME-WAIT: "Restart the 2 MSL time-out". */
START_TEST(time_wait_answers_a_repeated_fin_and_starts_again)
{
    struct conversation c;
    open_conversation(&c);

    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);

    for (unsigned i = 0; i < 3; i++) {
        expect_silence_for(&c, 50000);
        peer_sends(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
        expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    }
    expect_silence_for(&c, 60001);
    peer_sends(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .flags = RST);
    close_conversation(&c);
}
END_TEST

/* RFC 1337, and RFC 9293 3.10.7.4, second: with RFC 5961 only at RCV.NXT. */
START_TEST(an_old_duplicate_in_time_wait_is_acknowledged)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 1000, .flags = ACK);
    app_reads(&c, 1000);
    advance(&c, 40);
    conversation_ignore_sent(&c);
    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 1002, .flags = ACK);

    peer_sends(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 2, .ack = 1002, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 1122 4.2.2.13: a SYN with a larger number may open a new connection. */
START_TEST(a_new_syn_may_replace_a_connection_in_time_wait)
{
    struct conversation c;
    open_conversation(&c);

    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    advance(&c, 5000);

    uint32_t old_end = c.peer->stack_iss + 2;
    peer_starts_over(&c, c.peer->iss + 1000000);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    /* "larger than the largest sequence number it used" */
    ck_assert_int_gt((int32_t)(c.peer->stack_iss - old_end), 0);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 6191 2: the same by a newer timestamp, whatever the number. */
START_TEST(a_newer_timestamp_replaces_a_connection_in_time_wait)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    advance(&c, 5000);

    peer_starts_over(&c, c.peer->iss + 1000000);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, fourth: an old SYN is not a new connection. */
START_TEST(an_old_syn_in_time_wait_is_only_acknowledged)
{
    struct conversation c;
    open_conversation(&c);

    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);

    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 6191 2: a SYN with an older timestamp is an old one, whatever its
 * sequence number. */
START_TEST(a_syn_with_an_older_timestamp_does_not_end_time_wait)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .seq = 1, .ack = 2, .ts_val = 2000000, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);

    peer_sends(&c, .seq = 50000, .ts_val = 1999999, .flags = SYN);
    expect_segment(&c, .seq = 2, .ack = 2, .ts_ecr = 2000000, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.6.1: the new ISS is "larger than the largest sequence number it
 * used", also where the clock of RFC 6528 has not come so far. */
START_TEST(after_much_data_a_new_connection_still_begins_above_it)
{
    enum { PIECE = 1 << 20, TOTAL = 64 * PIECE };
    struct conversation c;
    open_conversation(&c, .mss = 1460, .wscale = 7, .max_gso = 65535);

    while (c.peer->received <= TOTAL) {
        app_tries_to_write(&c, PIECE);
        if (conversation_waiting(&c) == 0)
            conversation_fail(&c, "the transfer stalls");
        while (conversation_waiting(&c) > 0) {
            conversation_ignore_sent(&c);
            peer_sends(&c, .flags = ACK);
        }
    }
    app_closes(&c);
    expect_segment(&c, .flags = FIN | ACK);
    peer_sends(&c, .flags = FIN | ACK);
    expect_segment(&c, .ack = 2, .flags = ACK);
    advance(&c, 1000);

    uint32_t old_end = c.peer->stack_iss + (uint32_t)c.peer->received;
    peer_starts_over(&c, c.peer->iss + 1000000);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    ck_assert_int_gt((int32_t)(c.peer->stack_iss - old_end), 0);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* From ESTABLISHED, all acknowledged, to TIME-WAIT. */
static void close_into_time_wait(struct conversation *c)
{
    app_closes(c);
    expect_segment(c, .flags = FIN | ACK);
    peer_sends(c, .flags = FIN | ACK);
    expect_segment(c, .flags = ACK);
    expect_silence(c);
}

/* A limit of none at all is one like any other: the last one is kept. */
START_TEST(without_room_for_time_wait_connections_still_end)
{
    struct conversation c;
    open_conversation(&c, .no_time_wait = true);

    close_into_time_wait(&c);
    for (unsigned port = 50000; port < 50010; port++) {
        peer_uses_port(&c, port);
        peer_sends(&c, .flags = SYN);
        expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
        peer_sends(&c, .flags = ACK);
        app_accepts(&c);
        close_into_time_wait(&c);
    }
    /* The first has given way to others. */
    peer_uses_port(&c, PEER_PORT);
    peer_sends(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .flags = RST);
    close_conversation(&c);
}
END_TEST

/* Sends and receives, so that both buffers have come into being. */
static void exchange_data(struct conversation *c)
{
    for (unsigned i = 0; i < 20; i++) {
        peer_sends(c, .len = 1000, .flags = ACK);
        app_reads(c, 1000);
        app_writes(c, 1000);
        conversation_ignore_sent(c);
        peer_sends(c, .flags = ACK);
    }
    advance(c, 40);
    conversation_ignore_sent(c);
}

/* What waits in place of the TCB, while a program still holds that. */
enum { TIME_WAIT_RECORD = 96 };

/* It lasts a minute, and there may be many. */
START_TEST(in_time_wait_the_buffers_memory_is_given_back_at_once)
{
    struct conversation c;
    open_conversation(&c);

    size_t without_buffers = c.memory.used;
    exchange_data(&c);
    ck_assert_uint_gt(c.memory.used, without_buffers);
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 20001, .flags = FIN | ACK);
    peer_sends(&c, .flags = FIN | ACK);
    expect_segment(&c, .ack = 20002, .flags = ACK);
    ck_assert_uint_le(c.memory.used, without_buffers + TIME_WAIT_RECORD);
    app_closes(&c);
    ck_assert_uint_lt(c.memory.used, without_buffers);
    close_conversation(&c);
}
END_TEST

/* What has come before the FIN may still be read... */
START_TEST(in_time_wait_what_has_come_is_still_there)
{
    struct conversation c;
    open_conversation(&c);

    size_t without_buffers = c.memory.used;
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .ack = 2, .len = 1000, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 1002, .flags = ACK);
    app_reads(&c, 1000);
    app_reads_end(&c);
    advance(&c, 2000);
    ck_assert_uint_le(c.memory.used, without_buffers + TIME_WAIT_RECORD);
    close_conversation(&c);
}
END_TEST

/* ...until nobody can read it any more. */
START_TEST(a_close_in_time_wait_throws_away_what_was_not_read)
{
    struct conversation c;
    open_conversation(&c);

    size_t without_buffers = c.memory.used;
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .ack = 2, .len = 1000, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 1002, .flags = ACK);
    app_closes(&c);
    expect_silence(&c);
    ck_assert_uint_lt(c.memory.used, without_buffers);
    close_conversation(&c);
}
END_TEST

/* ---- FIN-WAIT-2 and orphans ---- */

/* 60 s as in Linux (RFC 9293 has no such time-out: 3.6, "half-closed"). */
START_TEST(an_orphan_in_fin_wait_2_is_forgotten_after_60_seconds)
{
    struct conversation c;
    open_conversation(&c);

    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .ack = 2, .flags = ACK);
    ck_assert_uint_eq(stack_unfinished(c.stack), 0);
    expect_silence_for(&c, 59000);

    expect_silence_for(&c, 2000);
    peer_sends(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .flags = RST);
    close_conversation(&c);
}
END_TEST

START_TEST(an_orphan_in_fin_wait_2_still_takes_the_fin)
{
    struct conversation c;
    open_conversation(&c);

    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .ack = 2, .flags = ACK);
    advance(&c, 58000);
    peer_sends(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.3: R2 for what nobody waits for any more. */
START_TEST(an_orphan_whose_fin_is_not_answered_is_given_up)
{
    struct conversation c;
    open_conversation(&c, .orphan_retries = 3);

    app_writes(&c, 100);
    app_closes(&c);
    ck_assert_uint_eq(stack_unfinished(c.stack), 1);
    advance(&c, 600000);
    ck_assert_uint_le(conversation_waiting(&c), 2 + 3 + 1);
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(stack_unfinished(c.stack), 0);

    peer_sends(&c, .ack = 102, .flags = ACK);
    expect_segment(&c, .seq = 102, .flags = RST);
    close_conversation(&c);
}
END_TEST

/* The same for probes of a window that is shut, if nothing answers. */
START_TEST(an_orphan_whose_probes_are_not_answered_is_given_up)
{
    struct conversation c;
    open_conversation(&c, .window = 1000, .orphan_retries = 3);

    app_writes(&c, 3000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    app_closes(&c);
    peer_sends(&c, .ack = 1001, .win = 0, .flags = ACK);
    for (int64_t wait = 200; wait <= 800; wait *= 2)
        expect_segment(&c, .seq = 1001, .len = 1, .flags = ACK,
                       .after_ms = wait);
    expect_silence_for(&c, 600000);
    ck_assert_uint_eq(stack_unfinished(c.stack), 0);
    close_conversation(&c);
}
END_TEST

/* RFC 6429 4: a window that stays shut may keep a connection open (MUST-37),
 * but not for ever one whose program has gone. As Linux: until the probes are
 * as far apart as they get. RFC 9293 3.6.1: the peer learns that data was lost.
 */
START_TEST(an_orphan_whose_window_stays_shut_is_given_up)
{
    struct conversation c;
    unsigned probes = 0;

    open_conversation(&c, .window = 1000);
    app_writes(&c, 3000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    app_closes(&c);
    peer_sends(&c, .ack = 1001, .win = 0, .flags = ACK);
    while (stack_unfinished(c.stack) == 1 && probes < 100) {
        advance(&c, 10000);
        for (; conversation_waiting(&c) > 1; conversation_forget(&c))
            probes++;
        if (stack_unfinished(c.stack) == 1 && conversation_waiting(&c) > 0) {
            expect_segment(&c, .seq = 1001, .len = 1, .flags = ACK);
            probes++;
            peer_sends(&c, .ack = 1001, .flags = ACK);
        }
    }
    expect_segment(&c, .flags = RST | ACK);
    expect_silence_for(&c, 600000);
    ck_assert_uint_ge(probes, 8);
    ck_assert_uint_le(probes, 12);
    close_conversation(&c);
}
END_TEST

START_TEST(what_was_written_before_close_is_still_delivered)
{
    struct conversation c;
    open_conversation(&c, .window = 1000);

    app_writes(&c, 3000);
    app_closes(&c);
    for (int64_t acked = 1001; acked <= 3001; acked += 1000) {
        expect_segment(&c, .seq = acked - 1000, .len = 1000, .flags = ACK,
                       .optional = FIN | PSH);
        peer_sends(&c, .ack = acked, .flags = ACK);
    }
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 3002, .flags = ACK);
    ck_assert_uint_eq(stack_unfinished(c.stack), 0);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

/* ---- resets by the program ---- */

/* RFC 9293 3.6.1, SHLD-3, RFC 2525 2.17: data was lost, the peer must know. */
START_TEST(closing_with_unread_data_resets)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 1000, .flags = ACK | PSH);
    expect_segment(&c, .ack = 1001, .flags = ACK, .within_ms = 40);
    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = RST | ACK);
    expect_silence_for(&c, 120000);
    close_conversation(&c);
}
END_TEST

/* RFC 1122 4.2.2.13: "a RST to show that data was lost". */
START_TEST(data_after_close_is_reset)
{
    struct conversation c;
    open_conversation(&c);

    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .ack = 2, .flags = ACK);
    peer_sends(&c, .len = 1000, .flags = ACK | PSH);
    expect_segment(&c, .seq = 2, .flags = RST | ACK);
    expect_silence_for(&c, 120000);
    close_conversation(&c);
}
END_TEST

/* POSIX SO_LINGER with zero seconds: RFC 9293 3.10.5, ABORT. */
START_TEST(lingering_for_no_time_resets)
{
    struct conversation c;
    open_conversation(&c);

    app_lingers(&c, 0);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    app_closes(&c);
    expect_segment(&c, .seq = 1001, .flags = RST | ACK);
    expect_silence_for(&c, 120000);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.5, CLOSING: both sides have said all, no RST is sent. */
START_TEST(an_abort_in_closing_is_silent)
{
    struct conversation c;
    open_conversation(&c);

    app_lingers(&c, 0);
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .ack = 1, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    app_closes(&c);
    expect_silence_for(&c, 120000);
    close_conversation(&c);
}
END_TEST

/* The same in LAST-ACK... */
START_TEST(an_abort_in_last_ack_is_silent)
{
    struct conversation c;
    open_conversation(&c);

    app_lingers(&c, 0);
    peer_sends(&c, .flags = FIN | ACK);
    expect_segment(&c, .seq = 1, .ack = 2, .flags = ACK, .within_ms = 40);
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    app_closes(&c);
    expect_silence_for(&c, 120000);
    close_conversation(&c);
}
END_TEST

/* ...and TIME-WAIT. */
START_TEST(an_abort_in_time_wait_is_silent)
{
    struct conversation c;
    open_conversation(&c);

    app_lingers(&c, 0);
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    app_closes(&c);
    expect_silence_for(&c, 120000);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.5: where one side may still send the other must be told. */
START_TEST(an_abort_of_a_connection_half_closed_resets)
{
    struct conversation c;
    open_conversation(&c);
    app_lingers(&c, 0);
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .ack = 2, .flags = ACK);
    app_closes(&c);
    expect_segment(&c, .seq = 2, .flags = RST | ACK);
    close_conversation(&c);

    open_conversation(&c);
    app_lingers(&c, 0);
    peer_sends(&c, .flags = FIN | ACK);
    expect_segment(&c, .seq = 1, .ack = 2, .flags = ACK, .within_ms = 40);
    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = RST | ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.5: all connections, when the program ends. */
START_TEST(aborting_all_resets_each_connection)
{
    struct conversation c;
    open_conversation(&c);

    stack_abort_all(c.stack, c.now);
    stack_flush(c.stack, c.now);
    expect_segment(&c, .seq = 1, .flags = RST | ACK);
    expect_silence_for(&c, 120000);
    close_conversation(&c);
}
END_TEST

/* ---- shutdown of receiving ---- */

/* Nothing goes over the wire; what comes is there to be read, as in Linux. */
START_TEST(after_shutting_down_receiving_data_is_still_taken)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 1000, .flags = ACK | PSH);
    app_shuts_down(&c, SHUT_RD);
    advance(&c, 40);
    conversation_ignore_sent(&c);
    app_reads(&c, 1000);
    app_reads_end(&c);
    peer_sends(&c, .len = 1000, .flags = ACK | PSH);
    advance(&c, 40);
    conversation_ignore_sent(&c);
    ck_assert_int_eq(c.peer->stack_acked, 2001);
    app_reads(&c, 1000);
    app_reads_end(&c);
    app_writes(&c, 100);
    expect_segment(&c, .seq = 1, .len = 100, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* Nobody will read it: RFC 1122 4.2.2.13, as Linux also without a close. */
START_TEST(data_after_shutting_down_both_ways_is_reset)
{
    struct conversation c;
    open_conversation(&c);

    app_shuts_down(&c, SHUT_RDWR);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .ack = 2, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .seq = 2, .flags = RST | ACK);
    app_fails_to_write(&c, ECONNRESET);
    close_conversation(&c);
}
END_TEST

START_TEST(shutting_down_both_ways_sends_a_fin)
{
    struct conversation c;
    open_conversation(&c);

    app_shuts_down(&c, SHUT_RDWR);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    app_reads_end(&c);
    app_fails_to_write(&c, EPIPE);
    peer_sends(&c, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    app_closes(&c);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* ---- RST in the closing states: RFC 9293 3.10.7.4, second ---- */

START_TEST(a_reset_in_fin_wait_ends_the_connection)
{
    struct conversation c;
    open_conversation(&c);

    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .seq = 1, .flags = RST);
    app_fails_to_read(&c, ECONNRESET);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

START_TEST(a_reset_in_last_ack_ends_the_connection)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .flags = FIN | ACK);
    advance(&c, 40);
    conversation_ignore_sent(&c);
    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .seq = 2, .flags = RST);
    expect_silence_for(&c, 5000);
    ck_assert_uint_eq(stack_unfinished(c.stack), 0);
    close_conversation(&c);
}
END_TEST

/* The program that waits for its data to arrive learns that it did not. */
START_TEST(a_reset_in_last_ack_is_reported)
{
    struct conversation c;
    open_conversation(&c, .window = 1000);

    app_writes(&c, 5000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    peer_sends(&c, .ack = 1, .flags = FIN | ACK);
    expect_segment(&c, .ack = 2, .flags = ACK, .seq = 1001, .within_ms = 40);
    app_shuts_down(&c, SHUT_WR);
    peer_sends(&c, .seq = 2, .flags = RST);
    expect_silence(&c);
    app_finds_error(&c, ECONNRESET);
    close_conversation(&c);
}
END_TEST

/* What was received before the RST may still be read or not; then ends. */
START_TEST(a_reset_in_close_wait_is_reported)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .flags = FIN | ACK);
    advance(&c, 40);
    conversation_ignore_sent(&c);
    peer_sends(&c, .seq = 2, .flags = RST);
    expect_silence(&c);
    /* Linux: the peer has closed, so writing is what fails. */
    app_finds_error(&c, EPIPE);
    app_fails_to_write(&c, EPIPE);
    close_conversation(&c);
}
END_TEST

/* Linux: once the FIN is taken reading is at its end, whatever comes after. */
START_TEST(after_the_peers_fin_a_reset_does_not_change_the_end)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 3, .flags = FIN | ACK);
    advance(&c, 40);
    conversation_ignore_sent(&c);
    peer_sends(&c, .seq = 5, .flags = RST);
    app_reads(&c, 3);
    app_reads_end(&c);
    app_finds_error(&c, EPIPE);
    app_reads_end(&c);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp close", we_close_first_and_wait_2_msl, the_peer_closes_first,
          both_close_at_once, a_fin_that_acknowledges_ours_leads_to_time_wait,
          after_our_half_close_we_still_receive,
          data_is_taken_while_our_fin_is_in_flight,
          after_the_peers_half_close_we_still_send,
          the_fin_follows_what_was_written, a_fin_waits_for_room_in_the_window,
          closing_pushes_a_small_tail, a_zero_window_is_probed_for_the_fin_too,
          a_lost_fin_is_sent_again, lost_data_and_fin_are_sent_again_together,
          a_fin_with_data_is_taken_after_its_data,
          a_fin_out_of_order_waits_for_its_turn,
          a_bare_fin_out_of_order_is_not_taken_early,
          a_repeated_fin_is_acknowledged_again, data_beyond_a_fin_is_ignored,
          a_close_in_syn_sent_is_silent,
          a_close_in_syn_received_still_opens_and_closes,
          time_wait_answers_a_repeated_fin_and_starts_again,
          an_old_duplicate_in_time_wait_is_acknowledged,
          a_new_syn_may_replace_a_connection_in_time_wait,
          a_newer_timestamp_replaces_a_connection_in_time_wait,
          an_old_syn_in_time_wait_is_only_acknowledged,
          a_syn_with_an_older_timestamp_does_not_end_time_wait,
          after_much_data_a_new_connection_still_begins_above_it,
          without_room_for_time_wait_connections_still_end,
          in_time_wait_the_buffers_memory_is_given_back_at_once,
          in_time_wait_what_has_come_is_still_there,
          a_close_in_time_wait_throws_away_what_was_not_read,
          an_orphan_in_fin_wait_2_is_forgotten_after_60_seconds,
          an_orphan_in_fin_wait_2_still_takes_the_fin,
          an_orphan_whose_fin_is_not_answered_is_given_up,
          an_orphan_whose_probes_are_not_answered_is_given_up,
          an_orphan_whose_window_stays_shut_is_given_up,
          what_was_written_before_close_is_still_delivered,
          closing_with_unread_data_resets, data_after_close_is_reset,
          lingering_for_no_time_resets, an_abort_in_closing_is_silent,
          an_abort_in_last_ack_is_silent, an_abort_in_time_wait_is_silent,
          an_abort_of_a_connection_half_closed_resets,
          aborting_all_resets_each_connection,
          after_shutting_down_receiving_data_is_still_taken,
          data_after_shutting_down_both_ways_is_reset,
          shutting_down_both_ways_sends_a_fin,
          a_reset_in_fin_wait_ends_the_connection,
          a_reset_in_last_ack_ends_the_connection,
          a_reset_in_last_ack_is_reported, a_reset_in_close_wait_is_reported,
          after_the_peers_fin_a_reset_does_not_change_the_end)
