/*
 * Opening: RFC 9293 3.5, 3.7.1, 3.10.1 and 3.10.7.1 to 3.10.7.3; RFC 7323 2.2
 * and 3.2; RFC 6298 5.7; RFC 6528.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

/* ---- the three-way handshake ---- */

/* RFC 9293 3.5, figure 6, seen from peer B. */
START_TEST(a_listener_answers_a_syn_and_accepts_on_the_ack)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    app_has_nothing_to_accept(&c);

    peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    expect_silence(&c);
    app_accepts(&c);
    app_polls(&c, POLLOUT);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.5, figure 6, seen from peer A. */
START_TEST(a_connect_sends_a_syn_and_acknowledges_the_answer)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .seq = 0, .flags = SYN);
    app_polls(&c, 0);

    peer_sends(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_polls(&c, POLLOUT);
    app_finds_error(&c, 0);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4: the ACK that completes the handshake may carry data. */
START_TEST(data_on_the_ack_of_the_handshake_is_delivered)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .len = 100, .flags = ACK | PSH);
    app_accepts(&c);
    app_reads(&c, 100);
    expect_segment(&c, .seq = 1, .ack = 101, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/*
 * RFC 9293 3.10.7.2: text on a SYN may be queued; a peer sends again what the
 * SYN-ACK does not acknowledge. Either way it is delivered once.
 */
START_TEST(data_on_a_syn_is_delivered_once)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .seq = 0, .len = 10, .flags = SYN);
    expect_segment(&c, .seq = 0, .flags = SYN | ACK);
    peer_sends(&c, .seq = 1, .len = 20, .flags = ACK | PSH);
    app_accepts(&c);
    app_reads(&c, 20);
    expect_segment(&c, .ack = 21, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4: the FIN may come with the ACK of our SYN. */
START_TEST(a_fin_on_the_ack_of_the_handshake_is_seen)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .len = 5, .flags = ACK | FIN);
    expect_segment(&c, .seq = 1, .ack = 7, .flags = ACK, .within_ms = 40);
    app_accepts(&c);
    app_reads(&c, 5);
    app_reads_end(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.5, figure 7, MUST-10. */
START_TEST(simultaneous_open_joins_into_one_connection)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .seq = 0, .flags = SYN);
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);

    peer_sends(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    /* Its SYN is old by now: an ACK in answer is allowed (RFC 9293 A.2). */
    conversation_ignore_sent(&c);

    app_polls(&c, POLLOUT);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .ack = 1, .len = 10, .flags = ACK | PSH);
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    app_reads(&c, 10);
    expect_segment(&c, .seq = 11, .ack = 11, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* The same, when the peer acknowledges our SYN-ACK with a bare ACK. */
START_TEST(simultaneous_open_ends_with_a_plain_ack_too)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .seq = 0, .flags = SYN);
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    expect_silence(&c);
    app_polls(&c, POLLOUT);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.5, figure 8: the old duplicate SYN is undone by the peer's RST. */
START_TEST(an_old_duplicate_syn_is_undone_and_the_new_one_served)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    peer_sends(&c, .seq = 1, .flags = RST);
    expect_silence(&c);
    app_has_nothing_to_accept(&c);

    peer_starts_over(&c, 2000000);
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_accepts(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, first: a repeated SYN is answered at once. */
START_TEST(a_repeated_syn_is_answered_and_does_no_harm)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    advance(&c, 500);
    peer_sends(&c, .seq = 0, .flags = SYN);
    /* The SYN-ACK again, or the ACK of the first step. */
    expect_segment(&c, .ack = 1, .flags = ACK, .optional = SYN);

    peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_accepts(&c);
    app_polls(&c, POLLOUT);
    close_conversation(&c);
}
END_TEST

/* ---- resets: RFC 9293 3.5.2 ---- */

/* RFC 9293 3.10.7.1: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>. */
START_TEST(a_syn_to_a_closed_port_is_reset)
{
    struct conversation c;
    begin_conversation(&c);

    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = RST | ACK);
    close_conversation(&c);
}
END_TEST

/* The same: SEG.LEN counts the SYN, the FIN and the text. */
START_TEST(the_reset_acknowledges_all_that_the_segment_takes)
{
    struct conversation c;
    begin_conversation(&c);

    peer_sends(&c, .seq = 0, .len = 10, .flags = SYN | FIN);
    expect_segment(&c, .seq = 0, .ack = 12, .flags = RST | ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.1: <SEQ=SEG.ACK><CTL=RST>; figure 10. */
START_TEST(an_ack_to_a_closed_port_is_reset_with_its_own_number)
{
    struct conversation c;
    begin_conversation(&c);

    peer_sends(&c, .seq = 300, .ack = 100, .flags = ACK);
    expect_segment(&c, .seq = 100, .flags = RST);
    peer_sends(&c, .seq = 300, .ack = 100, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .seq = 100, .flags = RST);
    peer_sends(&c, .seq = 300, .ack = 4000000000, .flags = SYN | ACK);
    expect_segment(&c, .seq = 4000000000 - (INT64_C(1) << 32), .flags = RST);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.1: a RST is never answered. */
START_TEST(a_reset_to_a_closed_port_is_discarded)
{
    struct conversation c;
    begin_conversation(&c);

    peer_sends(&c, .seq = 300, .flags = RST);
    peer_sends(&c, .seq = 300, .ack = 100, .flags = RST | ACK);
    peer_sends(&c, .seq = 300, .flags = RST | SYN);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.2, second: an ACK is bad in LISTEN; figure 11, line 4. */
START_TEST(an_ack_to_a_listener_is_reset)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .seq = 300, .ack = 100, .flags = SYN | ACK);
    expect_segment(&c, .seq = 100, .flags = RST);
    peer_sends(&c, .seq = 300, .ack = 200, .flags = ACK);
    expect_segment(&c, .seq = 200, .flags = RST);
    app_has_nothing_to_accept(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.2, first and fourth. */
START_TEST(a_listener_ignores_resets_and_segments_without_syn_and_ack)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .seq = 300, .flags = RST);
    peer_sends(&c, .seq = 300, .flags = RST | SYN);
    peer_sends(&c, .seq = 300, .ack = 100, .flags = RST | ACK);
    peer_sends(&c, .seq = 300, .flags = FIN);
    peer_sends(&c, .seq = 300, .len = 10, .flags = PSH);
    expect_silence(&c);
    app_has_nothing_to_accept(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.9.2.3, MUST-57. */
START_TEST(a_syn_to_a_broadcast_address_is_discarded)
{
    static const uint32_t group[] = {0xc00002ff, 0xffffffff, 0xe0000001};
    static uint8_t packet[SEGMENT_PACKET_MAX];
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    for (size_t i = 0; i < ARRAY_LENGTH(group); i++) {
        struct segment syn = {
            .src = PEER_ADDR,
            .dst = group[i],
            .src_port = PEER_PORT,
            .dst_port = STACK_PORT,
            .flags = SYN,
            .options = segment_no_options,
        };
        conversation_peer_sends_bytes(&c, packet, segment_emit(&syn, packet));
        advance(&c, 1);
        expect_silence(&c);
    }
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, second, SYN-RECEIVED after a passive open. */
START_TEST(a_reset_in_syn_received_returns_to_listen)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .seq = 1, .flags = RST);
    expect_silence_for(&c, 10000);
    app_has_nothing_to_accept(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, second, SYN-RECEIVED after an active open. */
START_TEST(a_reset_in_a_simultaneous_open_refuses_the_connection)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .seq = 1, .flags = RST);
    expect_silence_for(&c, 10000);
    app_finds_error(&c, ECONNREFUSED);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, fifth, SYN-RECEIVED: <SEQ=SEG.ACK><CTL=RST>. */
START_TEST(a_wrong_ack_in_syn_received_is_reset)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .seq = 1, .ack = 2, .flags = ACK);
    expect_segment(&c, .seq = 2, .flags = RST);
    peer_sends(&c, .seq = 1, .ack = 0, .flags = ACK);
    expect_segment(&c, .seq = 0, .flags = RST);
    app_has_nothing_to_accept(&c);

    /* "remains in the same state", RFC 9293 3.5.2, group 2. */
    peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    expect_silence(&c);
    app_accepts(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.3, second: the RST's ACK covers our SYN. */
START_TEST(a_reset_of_our_syn_refuses_the_connection)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    peer_sends(&c, .seq = 0, .ack = 1, .flags = RST | ACK);
    expect_silence_for(&c, 10000);
    app_finds_error(&c, ECONNREFUSED);
    app_closes(&c);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.3, first and second: such a RST cannot be the peer's. */
START_TEST(a_reset_that_does_not_acknowledge_our_syn_is_dropped)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    peer_sends(&c, .seq = 0, .ack = 2, .flags = RST | ACK);
    peer_sends(&c, .seq = 0, .ack = 0, .flags = RST | ACK);
    peer_sends(&c, .seq = 0, .flags = RST);
    expect_silence(&c);

    peer_sends(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.3, first, and figure 9, lines 4 and 5. */
START_TEST(a_wrong_ack_in_syn_sent_is_reset_and_the_open_goes_on)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .seq = 0, .flags = SYN);
    peer_sends(&c, .seq = 500, .ack = -100, .flags = ACK);
    expect_segment(&c, .seq = -100, .flags = RST);
    peer_sends(&c, .seq = 500, .ack = 0, .flags = ACK);
    expect_segment(&c, .seq = 0, .flags = RST);
    peer_sends(&c, .seq = 500, .ack = 2, .flags = SYN | ACK);
    expect_segment(&c, .seq = 2, .flags = RST);

    expect_segment(&c, .seq = 0, .flags = SYN, .after_ms = 1000);
    peer_sends(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.3, fifth: neither SYN nor RST. */
START_TEST(a_right_ack_without_syn_in_syn_sent_is_dropped)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    peer_sends(&c, .seq = 0, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 0, .ack = 1, .flags = ACK | FIN);
    peer_sends(&c, .seq = 0, .flags = FIN);
    expect_silence(&c);
    app_polls(&c, 0);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.5.1, figure 9: the peer has rebooted and opens anew. */
START_TEST(a_half_open_connection_is_discovered_by_the_peers_syn)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1000000, .flags = SYN);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 1, .flags = RST);
    expect_silence(&c);
    app_fails_to_read(&c, ECONNRESET);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.5.1, figure 10: the peer has rebooted, we send. */
START_TEST(a_half_open_connection_is_discovered_by_our_data)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .ack = 1, .len = 10, .flags = ACK | PSH);
    peer_sends(&c, .seq = 1, .flags = RST);
    expect_silence(&c);
    app_fails_to_read(&c, ECONNRESET);
    app_fails_to_write(&c, EPIPE);
    close_conversation(&c);
}
END_TEST

/* ---- retransmission of SYN and SYN-ACK ---- */

/* RFC 6298 2.1 and 5.5: 1 s, then doubled; RFC 9293 3.8.3, R2 for SYN. */
START_TEST(a_syn_is_sent_again_after_1_3_7_15_seconds_then_given_up)
{
    struct conversation c;
    begin_conversation(&c, .active = true, .syn_retries = 4);

    app_connects(&c);
    expect_segment(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .flags = SYN, .after_ms = 1000);
    expect_segment(&c, .seq = 0, .flags = SYN, .after_ms = 2000);
    expect_segment(&c, .seq = 0, .flags = SYN, .after_ms = 4000);
    expect_segment(&c, .seq = 0, .flags = SYN, .after_ms = 8000);
    advance(&c, 15900);
    app_polls(&c, 0);
    expect_silence_for(&c, 200);
    app_finds_error(&c, ETIMEDOUT);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.3, MUST-23 asks for 180 s; Linux's six retries are 127 s. */
START_TEST(by_default_a_syn_is_tried_for_at_least_a_minute)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    advance(&c, 60000);
    app_polls(&c, 0);
    advance(&c, 200000);
    app_finds_error(&c, ETIMEDOUT);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(an_answer_to_a_repeated_syn_opens_the_connection)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .flags = SYN, .after_ms = 1000);
    peer_sends(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    expect_silence_for(&c, 10000);
    close_conversation(&c);
}
END_TEST

/* A SYN-ACK whose ACK of ours was lost comes again and is acknowledged. */
START_TEST(a_repeated_syn_ack_is_acknowledged_again)
{
    struct conversation c;
    open_conversation(&c, .active = true);

    peer_sends(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_polls(&c, POLLOUT);
    close_conversation(&c);
}
END_TEST

START_TEST(a_syn_ack_is_sent_again_and_given_up_silently)
{
    struct conversation c;
    begin_conversation(&c, .synack_retries = 2);
    app_listens(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK,
                   .after_ms = 1000);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK,
                   .after_ms = 2000);
    expect_silence_for(&c, 60000);

    /* Nothing of it is left: RFC 9293 3.10.7.2, second. */
    peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .flags = RST);
    app_has_nothing_to_accept(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 6298 5.7: after a lost SYN data begins with an RTO of 3 s... */
START_TEST(after_a_lost_syn_the_rto_for_data_begins_at_3_seconds)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN, .after_ms = 1000);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 3000);
    close_conversation(&c);
}
END_TEST

/* ...but, RFC 6928 2, not yet with a window of one segment: the SYN,ACK may
 * only have been slower than a second. */
START_TEST(after_one_lost_syn_the_initial_window_is_ten_segments)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN, .after_ms = 1000);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);

    app_writes(&c, 15000);
    for (int i = 0; i < 10; i++)
        expect_segment(&c, .len = 1000, .flags = ACK);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 3.1, RFC 6928 2: "more than one". */
START_TEST(after_two_lost_syns_the_initial_window_is_one_segment)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN, .after_ms = 1000);
    expect_segment(&c, .flags = SYN, .after_ms = 2000);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);

    app_writes(&c, 5000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* The same for the other side. */
START_TEST(after_two_lost_syn_acks_the_initial_window_is_one_segment)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    expect_segment(&c, .flags = SYN | ACK, .after_ms = 1000);
    expect_segment(&c, .flags = SYN | ACK, .after_ms = 2000);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);

    app_writes(&c, 5000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* ---- the backlog ---- */

START_TEST(a_full_backlog_drops_syns_silently_until_there_is_room)
{
    enum { BACKLOG = 2, TRIES = 20 };
    struct conversation c;
    begin_conversation(&c, .backlog = BACKLOG);
    app_listens(&c);

    unsigned answered = 0;
    for (unsigned i = 0; i < TRIES; i++) {
        peer_uses_port(&c, PEER_PORT + i);
        peer_sends(&c, .flags = SYN);
        if (conversation_waiting(&c) == 0)
            continue;
        expect_segment(&c, .flags = SYN | ACK);
        peer_sends(&c, .flags = ACK);
        expect_silence(&c);
        answered++;
    }
    /* Linux lets one more than the backlog wait. */
    ck_assert_uint_ge(answered, BACKLOG);
    ck_assert_uint_le(answered, BACKLOG + 1);

    peer_uses_port(&c, PEER_PORT);
    app_accepts(&c);
    peer_uses_port(&c, PEER_PORT + TRIES);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(connections_are_accepted_in_the_order_of_their_completion)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    for (unsigned i = 0; i < 3; i++) {
        peer_uses_port(&c, PEER_PORT + i);
        peer_sends(&c, .flags = SYN);
        expect_segment(&c, .flags = SYN | ACK);
    }
    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .flags = ACK);
    peer_uses_port(&c, PEER_PORT + 0);
    peer_sends(&c, .flags = ACK);
    peer_uses_port(&c, PEER_PORT + 1);
    app_accepts(&c);
    peer_uses_port(&c, PEER_PORT + 0);
    app_accepts(&c);
    app_has_nothing_to_accept(&c);
    close_conversation(&c);
}
END_TEST

/* What nobody has accepted is reset when the listener goes. */
START_TEST(closing_a_listener_resets_what_waits_to_be_accepted)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK);
    app_closes_listener(&c);
    expect_segment(&c, .seq = 1, .flags = RST | ACK);

    peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .flags = RST);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.9.1.1, MUST-41: a listener does not touch connections. */
START_TEST(a_connection_outlives_its_listener)
{
    struct conversation c;
    open_conversation(&c);

    app_closes_listener(&c);
    expect_silence(&c);
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    app_reads(&c, 10);
    expect_segment(&c, .ack = 11, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* ---- options ---- */

/* RFC 9293 3.7.1, MUST-14: it is sent in every SYN; the MTU less 40. */
START_TEST(our_mss_is_the_mtu_less_40)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN, .mss = 1460);
    close_conversation(&c);
}
END_TEST

START_TEST(a_syn_ack_announces_our_mss_too)
{
    struct conversation c;
    begin_conversation(&c, .no_mss = true);
    app_listens(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK, .mss = 1460, .options = "mss");
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.7.1, MUST-15: 536 is assumed. */
START_TEST(without_an_mss_option_segments_carry_536_bytes)
{
    struct conversation c;
    open_conversation(&c, .no_mss = true);

    app_writes(&c, 1072);
    expect_segment(&c, .seq = 1, .len = 536, .flags = ACK);
    expect_segment(&c, .seq = 537, .len = 536, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.7.1, MUST-16: not more than the MTU allows. */
START_TEST(a_large_mss_is_bounded_by_our_mtu)
{
    struct conversation c;
    open_conversation(&c, .mss = 9000);

    app_writes(&c, 2920);
    expect_segment(&c, .seq = 1, .len = 1460, .flags = ACK);
    expect_segment(&c, .seq = 1461, .len = 1460, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* RFC 6691 2: the option does not count options, so they are subtracted. */
START_TEST(timestamps_are_paid_for_out_of_the_mss)
{
    struct conversation c;
    open_conversation(&c, .mss = 1012, .timestamps = true);

    app_writes(&c, 2000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* An absurd MSS must neither stop the stack nor make it divide by zero, nor
 * send thousands of segments for a few bytes (CVE-2019-11479): as Linux, it
 * counts as 48. */
START_TEST(an_absurdly_small_mss_counts_as_48)
{
    for (unsigned mss = 0; mss <= 48; mss++) {
        struct conversation c;
        begin_conversation(&c);
        app_listens(&c);

        peer_sends(&c, .flags = SYN, .mss = mss);
        expect_segment(&c, .flags = SYN | ACK);
        peer_sends(&c, .flags = ACK);
        app_accepts(&c);
        app_writes(&c, 100);
        expect_segment(&c, .seq = 1, .len = 48, .flags = ACK);
        expect_segment(&c, .seq = 49, .len = 48, .flags = ACK);
        expect_segment(&c, .seq = 97, .len = 4, .flags = ACK | PSH);
        close_conversation(&c);
    }
}
END_TEST

/* Options come out of the 48: RFC 6691 2. */
START_TEST(of_the_smallest_segment_8_bytes_are_left_for_text)
{
    struct conversation c;
    open_conversation(&c, .mss = 48, .timestamps = true, .sack = true);

    app_writes(&c, 36);
    expect_segment(&c, .seq = 1, .len = 36, .flags = ACK | PSH);
    peer_sends(&c, .ack = 37, .flags = ACK);
    for (int64_t seq = 101; seq <= 501; seq += 200)
        peer_sends(&c, .seq = seq, .len = 100, .flags = ACK);
    conversation_ignore_sent(&c);
    app_writes(&c, 8);
    expect_segment(&c, .seq = 37, .len = 8, .flags = ACK | PSH,
                   .any_sack = true);
    ck_assert_uint_eq(c.last.options.sack_count, 3);
    close_conversation(&c);
}
END_TEST

START_TEST(the_smallest_mss_may_be_set)
{
    struct conversation c;
    open_conversation(&c, .mss = 100, .min_send_mss = 200);

    app_writes(&c, 200);
    expect_segment(&c, .seq = 1, .len = 200, .flags = ACK | PSH);
    close_conversation(&c);

    open_conversation(&c, .mss = 20, .min_send_mss = 1); /* without sense */
    app_writes(&c, 48);
    expect_segment(&c, .seq = 1, .len = 48, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* The order is free; it is Linux's, which every middlebox has seen. */
START_TEST(our_syn_offers_timestamps_and_window_scale)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN, .ts_ecr = 0,
                   .options = "mss,sackOK,TS,nop,wscale");
    close_conversation(&c);
}
END_TEST

START_TEST(what_the_settings_turn_off_is_not_offered)
{
    struct conversation c;
    begin_conversation(&c, .active = true, .no_timestamps = true,
                       .no_window_scale = true, .no_sack = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN, .options = "mss");
    close_conversation(&c);
}
END_TEST

START_TEST(without_timestamps_sack_permitted_has_nops_before_it)
{
    struct conversation c;
    begin_conversation(&c, .active = true, .no_timestamps = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN,
                   .options = "mss,nop,nop,sackOK,nop,wscale");
    close_conversation(&c);
}
END_TEST

START_TEST(a_syn_ack_permits_sack_to_a_syn_that_does)
{
    struct conversation c;
    begin_conversation(&c, .sack = true);
    app_listens(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK, .options = "mss,nop,nop,sackOK");

    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .flags = SYN, .wscale = 0, .ts_val = 78);
    expect_segment(&c, .flags = SYN | ACK,
                   .options = "mss,sackOK,TS,nop,wscale");
    close_conversation(&c);
}
END_TEST

/* RFC 7323 2.2 and 3.2: only if the option was in the SYN. */
START_TEST(a_syn_ack_has_only_the_options_of_the_syn)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK, .options = "mss");

    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .flags = SYN, .wscale = 7);
    expect_segment(&c, .flags = SYN | ACK, .options = "mss,nop,wscale");

    peer_uses_port(&c, PEER_PORT + 2);
    peer_sends(&c, .flags = SYN, .ts_val = 77);
    expect_segment(&c, .flags = SYN | ACK, .options = "mss,nop,nop,TS",
                   .ts_ecr = 77);

    peer_uses_port(&c, PEER_PORT + 3);
    peer_sends(&c, .flags = SYN, .wscale = 0, .ts_val = 78);
    expect_segment(&c, .flags = SYN | ACK,
                   .options = "mss,nop,nop,TS,nop,wscale", .ts_ecr = 78);
    close_conversation(&c);
}
END_TEST

/* The settings speak for answers too. */
START_TEST(what_the_settings_turn_off_is_not_agreed_to)
{
    struct conversation c;
    begin_conversation(&c, .no_timestamps = true, .no_window_scale = true,
                       .no_sack = true, .sack = true);
    app_listens(&c);

    peer_sends(&c, .flags = SYN, .wscale = 7, .ts_val = 77);
    expect_segment(&c, .flags = SYN | ACK, .options = "mss");
    close_conversation(&c);
}
END_TEST

/* RFC 7323 2.2: the window of a SYN itself is never scaled. */
START_TEST(a_window_is_scaled_after_the_handshake_if_both_agree)
{
    struct conversation c;
    open_conversation(&c, .wscale = 7, .receive_buffer = 1 << 20);
    ck_assert_int_gt(c.last.options.wscale, 0);
    ck_assert_uint_le(c.last.window, 65535);

    peer_sends(&c, .len = 1, .flags = ACK | PSH);
    app_reads(&c, 1);
    expect_segment(&c, .ack = 2, .flags = ACK, .within_ms = 40);
    int64_t bytes = (int64_t)c.last.window << c.peer->stack_offered_wscale;
    ck_assert_int_gt(bytes, 65535);
    ck_assert_int_le(bytes, 1 << 20);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 2.2: "even if its own scale factor is 1 and the exponent 0", so that
 * the peer's window may be scaled. */
START_TEST(a_scale_of_nothing_is_offered_too)
{
    struct conversation c;
    begin_conversation(&c, .active = true, .receive_buffer = 30000,
                       .wscale = 3);

    app_connects(&c);
    expect_segment(&c, .flags = SYN, .wscale = 0);
    peer_sends(&c, .flags = SYN | ACK, .win = 1000);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    peer_sends(&c, .flags = ACK, .win = 8000); /* 1,000 << 3 */
    app_writes(&c, 9000);
    for (int64_t seq = 1; seq < 8001; seq += 1000)
        expect_segment(&c, .seq = seq, .len = 1000, .flags = ACK);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 2.2: neither direction is scaled if one side did not offer. */
START_TEST(no_window_is_scaled_if_the_peer_does_not_agree)
{
    struct conversation c;
    open_conversation(&c, .active = true, .receive_buffer = 1 << 20,
                      .window = 3000);

    peer_sends(&c, .len = 1, .flags = ACK | PSH);
    app_reads(&c, 1);
    expect_segment(&c, .ack = 2, .flags = ACK, .within_ms = 40);
    ck_assert_uint_gt(c.last.window, 32768);

    app_writes(&c, 5000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* The peer's shift: 2 bytes of window with a scale of 10 are 2,048. */
START_TEST(the_peers_window_is_scaled_by_the_peers_shift)
{
    struct conversation c;
    open_conversation(&c, .active = true, .wscale = 10);

    peer_sends(&c, .win = 2048, .flags = ACK);
    app_writes(&c, 5000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 2.3: a shift above 14 is taken as 14. */
START_TEST(a_shift_above_14_is_taken_as_14)
{
    struct conversation c;
    begin_conversation(&c, .initial_window = 30);
    app_listens(&c);

    peer_sends(&c, .flags = SYN, .wscale = 15);
    expect_segment(&c, .flags = SYN | ACK);
    c.peer->offered_wscale = 14;
    peer_sends(&c, .win = 1 << 14, .flags = ACK);
    app_accepts(&c);

    app_writes(&c, 30000);
    for (int64_t seq = 1; seq <= 15001; seq += 1000)
        expect_segment(&c, .seq = seq, .len = 1000, .flags = ACK);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.2, MUST-6: an option that is not known is stepped over. */
START_TEST(unknown_options_are_stepped_over)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    /* kind 253 (RFC 4727), NOP, MSS 700, end of list and rubbish */
    static const char options[] = "\xfd\x05\x01\x02\x03\x01\x02\x04\x02\xbc"
                                  "\x00\xff";
    peer_sends(&c, .flags = SYN, .options = options, .options_len = 12);
    expect_segment(&c, .flags = SYN | ACK, .options = "mss");
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    app_writes(&c, 1400);
    expect_segment(&c, .len = 700, .flags = ACK);
    expect_segment(&c, .len = 700, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* ---- sequence numbers ---- */

/* RFC 9293 3.4.1, MUST-8 and SHLD-1: a clock of about 4 usec ticks. */
START_TEST(the_iss_of_the_same_endpoints_follows_the_clock)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    uint32_t first = c.peer->stack_iss;
    peer_sends(&c, .seq = 1, .flags = RST);

    advance(&c, 10000);
    peer_starts_over(&c, 5);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    uint32_t later = c.peer->stack_iss;
    ck_assert_uint_ge(later - first, 2000000);
    ck_assert_uint_le(later - first, 3000000);
    close_conversation(&c);
}
END_TEST

/* RFC 6528 3: other endpoints give an ISS that is no neighbour. */
START_TEST(the_iss_of_other_endpoints_is_unrelated)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    uint32_t iss[3];
    for (unsigned i = 0; i < ARRAY_LENGTH(iss); i++) {
        peer_uses_port(&c, PEER_PORT + i);
        peer_sends(&c, .flags = SYN);
        expect_segment(&c, .flags = SYN | ACK);
        iss[i] = c.peer->stack_iss;
    }
    ck_assert_uint_ne(iss[1] - iss[0], iss[2] - iss[1]);
    ck_assert_uint_gt(iss[1] - iss[0] + 100000, 200000);
    ck_assert_uint_gt(iss[2] - iss[1] + 100000, 200000);
    close_conversation(&c);
}
END_TEST

/* The same over Ethernet, where frames have a header around them. */
START_TEST(a_conversation_over_ethernet_is_the_same)
{
    struct conversation c;
    open_conversation(&c, .ethernet = true);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    peer_sends(&c, .ack = 1001, .len = 500, .flags = ACK | PSH);
    app_reads(&c, 500);
    expect_segment(&c, .ack = 501, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp open", a_listener_answers_a_syn_and_accepts_on_the_ack,
          a_connect_sends_a_syn_and_acknowledges_the_answer,
          data_on_the_ack_of_the_handshake_is_delivered,
          data_on_a_syn_is_delivered_once,
          a_fin_on_the_ack_of_the_handshake_is_seen,
          simultaneous_open_joins_into_one_connection,
          simultaneous_open_ends_with_a_plain_ack_too,
          an_old_duplicate_syn_is_undone_and_the_new_one_served,
          a_repeated_syn_is_answered_and_does_no_harm,
          a_syn_to_a_closed_port_is_reset,
          the_reset_acknowledges_all_that_the_segment_takes,
          an_ack_to_a_closed_port_is_reset_with_its_own_number,
          a_reset_to_a_closed_port_is_discarded, an_ack_to_a_listener_is_reset,
          a_listener_ignores_resets_and_segments_without_syn_and_ack,
          a_syn_to_a_broadcast_address_is_discarded,
          a_reset_in_syn_received_returns_to_listen,
          a_reset_in_a_simultaneous_open_refuses_the_connection,
          a_wrong_ack_in_syn_received_is_reset,
          a_reset_of_our_syn_refuses_the_connection,
          a_reset_that_does_not_acknowledge_our_syn_is_dropped,
          a_wrong_ack_in_syn_sent_is_reset_and_the_open_goes_on,
          a_right_ack_without_syn_in_syn_sent_is_dropped,
          a_half_open_connection_is_discovered_by_the_peers_syn,
          a_half_open_connection_is_discovered_by_our_data,
          a_syn_is_sent_again_after_1_3_7_15_seconds_then_given_up,
          by_default_a_syn_is_tried_for_at_least_a_minute,
          an_answer_to_a_repeated_syn_opens_the_connection,
          a_repeated_syn_ack_is_acknowledged_again,
          a_syn_ack_is_sent_again_and_given_up_silently,
          after_a_lost_syn_the_rto_for_data_begins_at_3_seconds,
          after_one_lost_syn_the_initial_window_is_ten_segments,
          after_two_lost_syns_the_initial_window_is_one_segment,
          after_two_lost_syn_acks_the_initial_window_is_one_segment,
          a_full_backlog_drops_syns_silently_until_there_is_room,
          connections_are_accepted_in_the_order_of_their_completion,
          closing_a_listener_resets_what_waits_to_be_accepted,
          a_connection_outlives_its_listener, our_mss_is_the_mtu_less_40,
          a_syn_ack_announces_our_mss_too,
          without_an_mss_option_segments_carry_536_bytes,
          a_large_mss_is_bounded_by_our_mtu,
          timestamps_are_paid_for_out_of_the_mss,
          an_absurdly_small_mss_counts_as_48,
          of_the_smallest_segment_8_bytes_are_left_for_text,
          the_smallest_mss_may_be_set,
          our_syn_offers_timestamps_and_window_scale,
          what_the_settings_turn_off_is_not_offered,
          without_timestamps_sack_permitted_has_nops_before_it,
          a_syn_ack_permits_sack_to_a_syn_that_does,
          a_syn_ack_has_only_the_options_of_the_syn,
          what_the_settings_turn_off_is_not_agreed_to,
          a_window_is_scaled_after_the_handshake_if_both_agree,
          a_scale_of_nothing_is_offered_too,
          no_window_is_scaled_if_the_peer_does_not_agree,
          the_peers_window_is_scaled_by_the_peers_shift,
          a_shift_above_14_is_taken_as_14, unknown_options_are_stepped_over,
          the_iss_of_the_same_endpoints_follows_the_clock,
          the_iss_of_other_endpoints_is_unrelated,
          a_conversation_over_ethernet_is_the_same)
