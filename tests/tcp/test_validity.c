/*
 * What must not be believed: RFC 5961 (blind attacks), RFC 7323 5 (PAWS) and
 * 4.3 (TS.Recent), RFC 9293 3.1 and 3.2 (headers that are wrong).
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

/* ---- RST: RFC 5961 3.2 ---- */

START_TEST(a_reset_at_rcv_nxt_resets)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1, .flags = RST);
    expect_silence(&c);
    app_polls(&c, POLLIN | POLLOUT | POLLHUP | POLLERR);
    app_fails_to_read(&c, ECONNRESET);
    app_reads_end(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(a_reset_elsewhere_in_the_window_is_challenged)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 2, .flags = RST);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 60000, .flags = RST | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_fails_to_read(&c, EAGAIN);

    /* A peer that means it answers the challenge with the right number. */
    peer_sends(&c, .seq = 1, .flags = RST);
    expect_silence(&c);
    app_fails_to_read(&c, ECONNRESET);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.5.3, SHLD-2: it may carry an explanation. */
START_TEST(a_reset_may_carry_text)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1, .len = 20, .flags = RST | ACK);
    expect_silence(&c);
    app_fails_to_read(&c, ECONNRESET);
    close_conversation(&c);
}
END_TEST

START_TEST(a_reset_outside_the_window_is_dropped_silently)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 0, .flags = RST);
    peer_sends(&c, .seq = -1000, .flags = RST | ACK);
    peer_sends(&c, .seq = 1 + 65535, .flags = RST);
    peer_sends(&c, .seq = 1000000, .flags = RST);
    expect_silence(&c);
    app_fails_to_read(&c, EAGAIN);
    app_polls(&c, POLLOUT);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, table 6: with a closed window only RCV.NXT counts. */
START_TEST(a_closed_window_still_takes_a_reset)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4000);

    for (unsigned i = 0; i < 4; i++)
        peer_sends(&c, .len = 1000, .flags = ACK);
    advance(&c, 40);
    conversation_ignore_sent(&c);
    peer_sends(&c, .seq = 4001, .flags = RST);
    expect_silence(&c);
    app_polls(&c, POLLIN | POLLOUT | POLLHUP | POLLERR);
    close_conversation(&c);
}
END_TEST

/* RFC 5961 3.2 counts from RCV.NXT: data out of order does not move it. */
START_TEST(a_reset_behind_a_gap_is_challenged)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 2001, .flags = RST);
    expect_segment(&c, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 1, .flags = RST);
    expect_silence(&c);
    app_fails_to_read(&c, ECONNRESET);
    close_conversation(&c);
}
END_TEST

/* ---- SYN: RFC 5961 4.2 ---- */

/* "irrespective of the sequence number". */
START_TEST(a_syn_in_a_connection_is_challenged)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1, .flags = SYN);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 5000, .flags = SYN);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 500000, .flags = SYN);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 1, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_polls(&c, POLLOUT);

    peer_sends(&c, .seq = 1, .len = 10, .flags = ACK | PSH);
    app_reads(&c, 10);
    advance(&c, 40);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* ---- ACK: RFC 5961 5.2 ---- */

/* Acceptable is SND.UNA - MAX.SND.WND =< SEG.ACK =< SND.NXT. */
START_TEST(an_ack_that_is_too_old_is_challenged_and_its_data_dropped)
{
    struct conversation c;
    open_conversation(&c, .window = 1000);

    for (unsigned i = 0; i < 3; i++) {
        app_writes(&c, 1000);
        expect_segment(&c, .len = 1000, .flags = ACK | PSH);
        peer_sends(&c, .flags = ACK);
    }
    peer_sends(&c, .ack = 2000, .len = 100, .flags = ACK | PSH);
    expect_segment(&c, .seq = 3001, .ack = 1, .flags = ACK);
    app_fails_to_read(&c, EAGAIN);

    peer_sends(&c, .seq = 1, .ack = 2001, .len = 100, .flags = ACK | PSH);
    app_reads(&c, 100);
    expect_segment(&c, .ack = 101, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, fifth: without ACK a segment is dropped. */
START_TEST(a_segment_without_ack_is_dropped)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1, .len = 100, .flags = PSH);
    peer_sends(&c, .seq = 1, .len = 100, .flags = FIN);
    expect_silence_for(&c, 1000);
    app_fails_to_read(&c, EAGAIN);
    peer_sends(&c, .seq = 1, .len = 50, .flags = ACK);
    app_reads(&c, 50);
    expect_segment(&c, .ack = 51, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* RFC 5961 7: so that an attacker cannot make us flood the peer. */
START_TEST(challenges_are_limited_in_rate)
{
    enum { LIMIT = 5 };
    struct conversation c;
    open_conversation(&c, .challenge_acks = LIMIT);

    for (unsigned i = 0; i < 100; i++)
        peer_sends(&c, .seq = 100 + i, .flags = RST);
    ck_assert_uint_ge(conversation_waiting(&c), 1);
    ck_assert_uint_le(conversation_waiting(&c), LIMIT);
    conversation_ignore_sent(&c);

    advance(&c, 2000);
    peer_sends(&c, .seq = 100, .flags = RST);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* ---- PAWS: RFC 7323 5 ---- */

/* RFC 7323 5.3, R1: "an ACK is sent in reply, and the segment is dropped". */
START_TEST(a_segment_with_an_old_timestamp_is_acknowledged_and_dropped)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    peer_sends(&c, .len = 100, .ts_val = 2000000, .flags = ACK | PSH);
    app_reads(&c, 100);
    expect_segment(&c, .ack = 101, .ts_ecr = 2000000, .flags = ACK,
                   .within_ms = 40);
    peer_sends(&c, .len = 100, .ts_val = 1999999, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .ack = 101, .ts_ecr = 2000000, .flags = ACK);
    app_fails_to_read(&c, EAGAIN);

    /* The same number is not older. */
    peer_sends(&c, .seq = 101, .len = 100, .ts_val = 2000000,
               .flags = ACK | PSH);
    app_reads(&c, 100);
    expect_segment(&c, .ack = 201, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 5.2: timestamps are compared modulo 2^32. */
START_TEST(timestamps_may_wrap)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .flags = SYN, .ts_val = 0xffffffff);
    expect_segment(&c, .flags = SYN | ACK, .ts_ecr = 0xffffffff);
    peer_sends(&c, .flags = ACK, .ts_val = 5);
    app_accepts(&c);
    peer_sends(&c, .len = 100, .ts_val = 6, .flags = ACK | PSH);
    app_reads(&c, 100);
    expect_segment(&c, .ack = 101, .ts_ecr = 6, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 3.2: "SHOULD silently drop". */
START_TEST(a_segment_without_the_agreed_timestamp_is_dropped)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    peer_sends(&c, .len = 100, .no_timestamps = true, .flags = ACK | PSH);
    expect_silence_for(&c, 1000);
    app_fails_to_read(&c, EAGAIN);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 3.2: if they were not agreed on, they are ignored. */
START_TEST(a_timestamp_that_was_not_agreed_on_is_ignored)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 100, .ts_val = 1000, .flags = ACK | PSH);
    peer_sends(&c, .len = 100, .ts_val = 1, .flags = ACK | PSH);
    app_reads(&c, 200);
    expect_segment(&c, .ack = 201, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 3.2: "SHOULD be sent in an <RST> segment", 5.2: of a user abort. */
START_TEST(our_reset_carries_the_timestamp)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    app_lingers(&c, 0);
    app_closes(&c);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = RST | ACK,
                   .options = "nop,nop,TS");
    close_conversation(&c);
}
END_TEST

/* RFC 7323 5.2: a RST is judged by its sequence number alone. */
START_TEST(a_reset_needs_no_timestamp_and_may_have_an_old_one)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    peer_sends(&c, .seq = 1, .no_timestamps = true, .flags = RST);
    expect_silence(&c);
    app_fails_to_read(&c, ECONNRESET);
    close_conversation(&c);

    open_conversation(&c, .timestamps = true);
    peer_sends(&c, .seq = 1, .ts_val = 1, .flags = RST);
    expect_silence(&c);
    app_fails_to_read(&c, ECONNRESET);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 4.3 (A): the earliest segment that is not yet acknowledged. */
START_TEST(a_delayed_ack_echoes_the_first_timestamp)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    peer_sends(&c, .len = 100, .ts_val = 2000010, .flags = ACK, .more = true);
    peer_sends(&c, .len = 100, .ts_val = 2000020, .flags = ACK);
    expect_segment(&c, .ack = 201, .ts_ecr = 2000010, .flags = ACK,
                   .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 4.3 (B) and (C): the one that advanced the left edge. */
START_TEST(a_gap_keeps_the_old_timestamp_and_its_filling_brings_the_new)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    peer_sends(&c, .len = 100, .ts_val = 2000010, .flags = ACK);
    expect_segment(&c, .ack = 101, .ts_ecr = 2000010, .flags = ACK,
                   .within_ms = 40);
    peer_sends(&c, .seq = 201, .len = 100, .ts_val = 2000030, .flags = ACK);
    expect_segment(&c, .ack = 101, .ts_ecr = 2000010, .flags = ACK);
    peer_sends(&c, .seq = 101, .len = 100, .ts_val = 2000020, .flags = ACK);
    expect_segment(&c, .ack = 301, .ts_ecr = 2000020, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 4.3 (2) asks where a segment begins, not where its new part does:
 * SEG.SEQ =< Last.ACK.sent. */
START_TEST(a_segment_that_begins_before_the_last_ack_brings_its_timestamp)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    peer_sends(&c, .seq = 1, .len = 100, .ts_val = 2000010, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .seq = 1, .len = 200, .ts_val = 2000020, .flags = ACK);
    expect_segment(&c, .ack = 201, .ts_ecr = 2000020, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/*
 * RFC 5961 5: who injects blindly does not know what we have sent. If such a
 * segment could move TS.Recent, PAWS would drop all that the peer sends.
 */
START_TEST(a_segment_whose_ack_is_not_believed_brings_no_timestamp)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    peer_sends(&c, .len = 100, .ts_val = 2000010, .flags = ACK);
    expect_segment(&c, .ack = 101, .ts_ecr = 2000010, .flags = ACK,
                   .within_ms = 40);
    peer_sends(&c, .seq = 51, .ack = 500000, .len = 100, .ts_val = 2000000000,
               .flags = ACK);
    expect_segment(&c, .ack = 101, .ts_ecr = 2000010, .flags = ACK);
    peer_sends(&c, .seq = 51, .ack = -500000, .len = 100, .ts_val = 2000000000,
               .flags = ACK);
    expect_segment(&c, .ack = 101, .ts_ecr = 2000010, .flags = ACK);

    peer_sends(&c, .seq = 101, .ack = 1, .len = 100, .ts_val = 2000020,
               .flags = ACK);
    expect_segment(&c, .ack = 201, .ts_ecr = 2000020, .flags = ACK,
                   .within_ms = 40);
    app_reads(&c, 200);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 5.3 R1 answers with an ACK, which the peer may find old as well:
 * without a limit (RFC 5961 7) the two would go on for ever. */
START_TEST(empty_segments_that_are_old_are_answered_at_a_limited_rate)
{
    enum { LIMIT = 5 };
    struct conversation c;
    open_conversation(&c, .timestamps = true, .challenge_acks = LIMIT);

    peer_sends(&c, .len = 100, .ts_val = 2000010, .flags = ACK);
    expect_segment(&c, .ack = 101, .flags = ACK, .within_ms = 40);
    for (unsigned i = 0; i < 100; i++)
        peer_sends(&c, .ts_val = 2000009, .flags = ACK);
    ck_assert_uint_ge(conversation_waiting(&c), 1);
    ck_assert_uint_le(conversation_waiting(&c), LIMIT);
    conversation_ignore_sent(&c);

    advance(&c, 2000);
    peer_sends(&c, .ts_val = 2000009, .flags = ACK);
    expect_segment(&c, .seq = 1, .ack = 101, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 5.5: after 24 days TS.Recent says nothing any more. */
START_TEST(after_24_idle_days_an_old_timestamp_is_taken)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    for (unsigned day = 0; day < 25; day++)
        advance(&c, 86400 * INT64_C(1000));
    peer_sends(&c, .len = 100, .flags = ACK | PSH);
    app_reads(&c, 100);
    expect_segment(&c, .ack = 101, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 5.4: between 1 ms and 1 s; as Linux, 1 ms. */
START_TEST(our_timestamp_clock_ticks_each_millisecond)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    for (unsigned wait = 1; wait < 100000; wait *= 3) {
        uint32_t before = c.peer->ts_recent;

        advance(&c, wait);
        peer_sends(&c, .seq = 0, .flags = ACK); /* a keepalive */
        expect_segment(&c, .ack = 1, .flags = ACK);
        ck_assert_uint_eq(c.last.options.ts_val - before, wait);
    }
    close_conversation(&c);
}
END_TEST

/* RFC 7323 7.1: the clock itself, and so how long the host is up, is nobody's
 * affair: for each pair of ends there is another offset. */
START_TEST(our_timestamps_begin_elsewhere_for_each_connection)
{
    struct conversation c;
    uint32_t first;
    open_conversation(&c, .timestamps = true);

    first = c.peer->ts_recent;
    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    ck_assert_uint_gt(c.peer->ts_recent - first, 1000000);
    ck_assert_uint_gt(first - c.peer->ts_recent, 1000000);
    close_conversation(&c);
}
END_TEST

/* ---- our own sequence numbers at 2^32 ---- */

/*
 * The ISS follows a clock (RFC 6528), so waiting brings it near the wrap: a
 * first connection tells where the clock stands.
 */
static void open_before_our_wrap(struct conversation *c)
{
    conversation_begin(c, __FILE__, __LINE__,
                       &(struct conversation_options){.mss = 0});
    app_listens(c);
    peer_sends(c, .flags = SYN);
    expect_segment(c, .flags = SYN | ACK);
    peer_sends(c, .seq = 1, .flags = RST);

    uint32_t to_wrap = -c->peer->stack_iss;
    advance(c, (to_wrap - 3000) / 250); /* of 4 usec */
    peer_starts_over(c, 77);
    peer_sends(c, .flags = SYN);
    expect_segment(c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    to_wrap = -c->peer->stack_iss;
    ck_assert_uint_lt(to_wrap, 8000);
    peer_sends(c, .flags = ACK);
    app_accepts(c);
}

START_TEST(our_numbers_may_wrap_in_flight)
{
    struct conversation c;
    open_before_our_wrap(&c);

    app_writes(&c, 10000);
    for (unsigned i = 0; i < 10; i++)
        expect_segment(&c, .seq = 1 + 1000 * i, .len = 1000, .flags = ACK,
                       .optional = PSH);
    for (unsigned i = 0; i < 3; i++)
        peer_sends(&c, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    for (int64_t acked = 2001; acked <= 10001; acked += 2000) {
        peer_sends(&c, .ack = acked, .flags = ACK);
        if (acked < 10001)
            expect_segment(&c, .seq = acked, .len = 1000, .flags = ACK,
                           .optional = PSH);
    }
    expect_silence_for(&c, 5000);
    app_closes(&c);
    expect_segment(&c, .seq = 10001, .flags = FIN | ACK);
    peer_sends(&c, .ack = 10002, .flags = FIN | ACK);
    expect_segment(&c, .seq = 10002, .ack = 2, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(a_timeout_at_the_wrap_sends_all_again)
{
    struct conversation c;
    open_before_our_wrap(&c);

    app_writes(&c, 10000);
    conversation_ignore_sent(&c);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 200);
    for (int64_t acked = 1001; acked < 10001; acked += 1000) {
        peer_sends(&c, .ack = acked, .flags = ACK);
        expect_segment(&c, .len = 1000, .flags = ACK, .optional = PSH);
        if (conversation_waiting(&c) > 0)
            expect_segment(&c, .len = 1000, .flags = ACK, .optional = PSH);
        if (conversation_waiting(&c) == 0 && c.peer->received == 10001)
            break;
    }
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

/* ---- headers that are wrong ---- */

/* RFC 9293 3.1, MUST-3. */
START_TEST(a_wrong_checksum_is_dropped_silently)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 100, .flags = ACK, .bad_checksum = true);
    peer_sends(&c, .seq = 1, .flags = RST, .bad_checksum = true);
    peer_sends(&c, .seq = 1, .flags = SYN, .bad_checksum = true);
    expect_silence_for(&c, 1000);
    app_fails_to_read(&c, EAGAIN);
    close_conversation(&c);
}
END_TEST

START_TEST(an_impossible_data_offset_is_dropped)
{
    struct conversation c;
    open_conversation(&c);

    for (unsigned words = 1; words < 5; words++)
        peer_sends(&c, .seq = 1, .len = 20, .flags = ACK, .data_offset = words);
    peer_sends(&c, .seq = 1, .len = 20, .flags = ACK, .data_offset = 11);
    peer_sends(&c, .seq = 1, .len = 0, .flags = ACK, .data_offset = 6);
    expect_silence_for(&c, 1000);
    app_fails_to_read(&c, EAGAIN);
    close_conversation(&c);
}
END_TEST

/* A header without room for its 20 bytes. */
START_TEST(a_packet_too_short_for_a_header_is_dropped)
{
    static uint8_t packet[SEGMENT_PACKET_MAX];
    struct conversation c;
    open_conversation(&c);

    for (size_t len = 0; len < 20; len++) {
        struct segment segment = {
            .src = PEER_ADDR,
            .dst = STACK_ADDR,
            .src_port = PEER_PORT,
            .dst_port = STACK_PORT,
            .seq = c.peer->iss + 1,
            .flags = RST,
            .options = segment_no_options,
        };
        segment_emit(&segment, packet);
        packet[2] = 0;
        packet[3] = (uint8_t)(20 + len);
        packet[10] = packet[11] = 0;
        uint16_t sum = (uint16_t)~segment_fold(segment_sum(0, packet, 20));
        packet[10] = (uint8_t)(sum >> 8);
        packet[11] = (uint8_t)sum;
        conversation_peer_sends_bytes(&c, packet, 20 + len);
        advance(&c, 1);
    }
    expect_silence_for(&c, 1000);
    app_fails_to_read(&c, EAGAIN);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.2, MUST-7: an illegal length must be handled; we drop it. */
START_TEST(an_option_of_an_impossible_length_is_dropped)
{
    static const char zero[4] = "\x02\x00\x00\x00";
    static const char one[4] = "\xfd\x01\x00\x00";
    static const char beyond[4] = "\x01\xfd\x04\x00";
    static const char no_length[4] = "\x01\x01\x01\x02";
    static const char *const bad[] = {zero, one, beyond, no_length};
    struct conversation c;
    open_conversation(&c);

    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        peer_sends(&c, .seq = 1, .len = 100, .flags = ACK, .options = bad[i],
                   .options_len = 4);
    expect_silence_for(&c, 1000);
    app_fails_to_read(&c, EAGAIN);

    peer_sends(&c, .seq = 1, .len = 50, .flags = ACK | PSH);
    app_reads(&c, 50);
    expect_segment(&c, .ack = 51, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* The same in a SYN: nothing is opened by it, the next one is served. */
START_TEST(a_syn_with_a_malformed_option_does_no_harm)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .flags = SYN, .options = "\x02\x04\x05", .options_len = 3);
    peer_sends(&c, .flags = SYN, .options = "\x03\x00\x07\x00",
               .options_len = 4);
    peer_sends(&c, .flags = SYN, .options = "\x08\x0a\x00\x00",
               .options_len = 4);
    conversation_ignore_sent(&c);
    peer_sends(&c, .seq = 0, .flags = SYN);
    conversation_ignore_sent(&c);
    peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_accepts(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.1: reserved bits are ignored by who does not know them. */
START_TEST(ecn_flags_and_reserved_bits_are_ignored)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 100, .flags = ACK | PSH | ECE | CWR);
    app_reads(&c, 100);
    expect_segment(&c, .ack = 101, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* Not RFC 9293 3.10.7.4, as Linux: whoever has filled the window sends his
 * ACKs from its right edge. Two ends that both have, and both have lost
 * something, would otherwise never hear each other again. */
START_TEST(an_ack_from_the_right_edge_of_the_window_counts)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4000);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    peer_sends(&c, .seq = 1001, .len = 3000, .flags = ACK, .ack = 1);
    expect_segment(&c, .seq = 1001, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 4001, .ack = 1001, .flags = ACK);
    expect_silence_for(&c, 5000);
    peer_sends(&c, .seq = 4002, .ack = 1001, .flags = ACK); /* one beyond */
    expect_segment(&c, .seq = 1001, .ack = 1, .flags = ACK);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN(
    "tcp validity", an_ack_from_the_right_edge_of_the_window_counts,
    a_reset_at_rcv_nxt_resets, a_reset_elsewhere_in_the_window_is_challenged,
    a_reset_may_carry_text, a_reset_outside_the_window_is_dropped_silently,
    a_closed_window_still_takes_a_reset, a_reset_behind_a_gap_is_challenged,
    a_syn_in_a_connection_is_challenged,
    an_ack_that_is_too_old_is_challenged_and_its_data_dropped,
    a_segment_without_ack_is_dropped, challenges_are_limited_in_rate,
    a_segment_with_an_old_timestamp_is_acknowledged_and_dropped,
    timestamps_may_wrap, a_segment_without_the_agreed_timestamp_is_dropped,
    a_timestamp_that_was_not_agreed_on_is_ignored,
    our_reset_carries_the_timestamp,
    a_reset_needs_no_timestamp_and_may_have_an_old_one,
    a_delayed_ack_echoes_the_first_timestamp,
    a_gap_keeps_the_old_timestamp_and_its_filling_brings_the_new,
    a_segment_that_begins_before_the_last_ack_brings_its_timestamp,
    a_segment_whose_ack_is_not_believed_brings_no_timestamp,
    empty_segments_that_are_old_are_answered_at_a_limited_rate,
    after_24_idle_days_an_old_timestamp_is_taken,
    our_timestamp_clock_ticks_each_millisecond,
    our_timestamps_begin_elsewhere_for_each_connection,
    our_numbers_may_wrap_in_flight, a_timeout_at_the_wrap_sends_all_again,
    a_wrong_checksum_is_dropped_silently, an_impossible_data_offset_is_dropped,
    a_packet_too_short_for_a_header_is_dropped,
    an_option_of_an_impossible_length_is_dropped,
    a_syn_with_a_malformed_option_does_no_harm,
    ecn_flags_and_reserved_bits_are_ignored)
