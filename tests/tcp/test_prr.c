/*
 * Proportional rate reduction, RFC 9937. What is compared are bytes: those
 * delivered to the peer within the recovery, and those sent.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

enum { SEGMENT = 1000 };

static int64_t take_sent(struct conversation *c)
{
    int64_t bytes = 0;

    while (conversation_waiting(c) > 0) {
        bytes += (int64_t)conversation_peek(c)->len;
        conversation_forget(c);
    }
    return bytes;
}

/* A flight of so many segments, with more to come; the first is lost. */
static void open_flight(struct conversation *c, unsigned segments)
{
    app_writes(c, 100000);
    ck_assert_int_eq(take_sent(c), (int64_t)segments * SEGMENT);
    advance(c, 100);
}

/* Segments 2 to `to` of the flight have arrived. */
static void sack_segments(struct conversation *c, int64_t to)
{
    peer_sends(c, .ack = 1, .flags = ACK,
               .sack = {{1 + SEGMENT, 1 + to * SEGMENT}});
    advance(c, 1);
}

/* What is in flight when segments 2 to `to` of 22 have arrived and `sent` bytes
 * were sent in the recovery, the first segment again among them. */
static int64_t in_flight(int64_t sent, int64_t to)
{
    return 22 * SEGMENT + (sent - SEGMENT) - (to - 1) * SEGMENT;
}

/* The first example of RFC 6937 3.1: one loss out of twenty. Limited transmit
 * first, then the retransmission at once, then, as long as more than ssthresh
 * is in flight, as much of what arrives as ssthresh is of RecoverFS (RFC
 * 9937 6.1): of the flight without what had arrived before. */
START_TEST(what_is_sent_follows_what_arrives)
{
    const int64_t recover_fs = (22 - 2) * SEGMENT;
    const int64_t ssthresh = 10 * SEGMENT;
    int64_t delivered = 0;
    int64_t sent;
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .initial_window = 20);

    open_flight(&c, 20);
    sack_segments(&c, 2);
    ck_assert_int_eq(take_sent(&c), SEGMENT); /* RFC 3042 */
    sack_segments(&c, 3);
    ck_assert_int_eq(take_sent(&c), SEGMENT);

    sack_segments(&c, 4);
    delivered += SEGMENT;
    expect_segment(&c, .seq = 1, .len = SEGMENT, .flags = ACK);
    expect_silence(&c);
    sent = SEGMENT;
    for (int64_t to = 5; to <= 20; to++) {
        int64_t share;

        sack_segments(&c, to);
        sent += take_sent(&c);
        delivered += SEGMENT;
        share = (delivered * ssthresh + recover_fs - 1) / recover_fs;
        if (share < SEGMENT)
            share = SEGMENT;
        /* beyond it only to keep ssthresh in flight */
        ck_assert(sent <= share || in_flight(sent, to) <= ssthresh);
        if (in_flight(sent, to) > ssthresh)
            ck_assert_int_gt(sent, share - SEGMENT); /* whole segments */
    }

    peer_sends(&c, .ack = 20001, .flags = ACK);
    sent += take_sent(&c);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    ck_assert_int_le(take_sent(&c), ssthresh + 2 * SEGMENT); /* cwnd */
    close_conversation(&c);
}
END_TEST

/* The second example of RFC 6937 3.1: fifteen of twenty are lost, ssthresh is
 * ten. No burst: each ACK brings no more than it has delivered, and one more
 * if it was a good one. */
START_TEST(below_ssthresh_what_arrives_is_the_bound)
{
    int64_t delivered = 5 * SEGMENT; /* those that have arrived */
    int64_t sent;
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .initial_window = 20);

    open_flight(&c, 20);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{15001, 20001}});
    sent = take_sent(&c);
    ck_assert_int_ge(sent, SEGMENT);
    ck_assert_int_le(sent, delivered);

    advance(&c, 100);
    for (int64_t ack = 1001; ack <= 5001; ack += SEGMENT) {
        int64_t now;

        peer_sends(&c, .ack = ack, .flags = ACK, .sack = {{15001, 20001}});
        now = take_sent(&c);
        ck_assert_int_ge(now, SEGMENT); /* the ACK clock runs */
        ck_assert_int_le(now, 2 * SEGMENT);
        advance(&c, 1);
    }
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9937 6.2, SafeACK: one that tells of more losses is none. */
START_TEST(while_more_losses_are_found_nothing_is_added)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .initial_window = 20);

    open_flight(&c, 20);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{7001, 10001}});
    int64_t sent = take_sent(&c);
    ck_assert_int_le(sent, 3 * SEGMENT);
    advance(&c, 1);
    peer_sends(&c, .ack = 1, .flags = ACK,
               .sack = {{19001, 20001}, {7001, 10001}});
    sent += take_sent(&c);
    ck_assert_int_le(sent, 4 * SEGMENT); /* what was delivered */
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9937 6.4: at the end cwnd is ssthresh. */
START_TEST(after_the_recovery_the_window_is_ssthresh)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .initial_window = 20);

    app_writes(&c, 20000);
    ck_assert_int_eq(take_sent(&c), 20000);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 20001}});
    expect_segment(&c, .seq = 1, .len = SEGMENT, .flags = ACK);
    advance(&c, 100);
    peer_sends(&c, .ack = 20001, .flags = ACK);
    app_writes(&c, 30000);
    ck_assert_int_ge(take_sent(&c), 10 * SEGMENT);
    ck_assert_int_le(c.peer->received - 20001, 11 * SEGMENT);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9937 6.2: an ACK that has delivered nothing lets nothing go. */
START_TEST(an_ack_of_nothing_lets_nothing_go)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .initial_window = 20);

    open_flight(&c, 20);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{15001, 20001}});
    ck_assert_int_eq(take_sent(&c), 5 * SEGMENT);
    for (int i = 0; i < 5; i++) {
        advance(&c, 1);
        peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{15001, 20001}});
        expect_silence(&c);
    }
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* "Force a fast retransmit upon entering recovery": one segment, though the
 * timer that has found two lost was no ACK. */
START_TEST(when_a_timer_finds_the_loss_one_segment_goes)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .initial_window = 20);

    app_writes(&c, 4000);
    ck_assert_int_eq(take_sent(&c), 4000);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{2001, 4001}});
    expect_segment(&c, .seq = 1, .len = SEGMENT, .flags = ACK, .after_ms = 25);
    expect_silence_for(&c, 90);
    peer_sends(&c, .ack = 1001, .flags = ACK, .sack = {{2001, 4001}});
    expect_segment(&c, .seq = 1001, .len = SEGMENT, .flags = ACK);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* ---- Without SACK: 6.2 ---- */

/* Twenty segments, of which the first is lost, and two by limited transmit; the
 * third duplicate ACK has come. */
static void enter_recovery(struct conversation *c)
{
    open_flight(c, 20);
    for (int i = 0; i < 2; i++) {
        peer_sends(c, .ack = 1, .flags = ACK);
        ck_assert_int_eq(take_sent(c), SEGMENT);
    }
    peer_sends(c, .ack = 1, .flags = ACK);
    expect_segment(c, .seq = 1, .len = SEGMENT, .flags = ACK);
    expect_silence(c);
}

START_TEST(without_sack_each_duplicate_ack_stands_for_a_segment)
{
    const int64_t recover_fs = 22 * SEGMENT;
    const int64_t ssthresh = 10 * SEGMENT;
    int64_t sent = SEGMENT;
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100, .initial_window = 20);

    enter_recovery(&c);
    for (int64_t delivered = 2 * SEGMENT; delivered <= 19 * SEGMENT;
         delivered += SEGMENT) {
        int64_t share = (delivered * ssthresh + recover_fs - 1) / recover_fs;
        int64_t flight = recover_fs - SEGMENT - delivered;

        peer_sends(&c, .ack = 1, .flags = ACK);
        sent += take_sent(&c);
        if (flight + sent > ssthresh) {
            ck_assert(sent <= share || sent == SEGMENT);
            ck_assert_int_gt(sent, share - SEGMENT); /* whole segments */
        }
    }
    ck_assert_int_ge(sent, 8 * SEGMENT);
    peer_sends(&c, .ack = 22001, .flags = ACK); /* the retransmission */
    take_sent(&c);
    ck_assert_int_ge(c.peer->received - 22001, ssthresh - SEGMENT);
    ck_assert_int_le(c.peer->received - 22001, ssthresh + SEGMENT);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9937 6.2: no more than RecoverFS is delivered, however often it is said.
 */
START_TEST(more_duplicate_acks_than_segments_bring_nothing)
{
    int64_t sent = 0;
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100, .initial_window = 20);

    enter_recovery(&c);
    for (int i = 0; i < 200; i++) {
        peer_sends(&c, .ack = 1, .flags = ACK);
        sent += take_sent(&c);
    }
    ck_assert_int_le(sent, 11 * SEGMENT);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 6582: the next hole goes at once; it is a loss, so nothing is added. */
START_TEST(without_sack_a_partial_ack_brings_the_next_hole)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100, .initial_window = 20);

    enter_recovery(&c);
    for (int i = 0; i < 15; i++) {
        peer_sends(&c, .ack = 1, .flags = ACK);
        conversation_ignore_sent(&c);
    }
    advance(&c, 100);
    peer_sends(&c, .ack = 5001, .flags = ACK);
    expect_segment(&c, .seq = 5001, .len = SEGMENT, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* ---- Switched off ---- */

/* RFC 6675 5 (4.2): cwnd is ssthresh at once; after the retransmission nothing
 * goes until half of the flight has arrived. */
START_TEST(when_switched_off_half_of_the_flight_arrives_in_silence)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .initial_window = 20,
                      .no_prr = true);

    open_flight(&c, 20);
    sack_segments(&c, 4);
    expect_segment(&c, .seq = 1, .len = SEGMENT, .flags = ACK);
    expect_silence(&c);
    for (int64_t to = 5; to <= 9; to++) {
        sack_segments(&c, to);
        expect_silence(&c);
    }
    for (int64_t to = 10; to <= 14; to++)
        sack_segments(&c, to);
    ck_assert_int_ge(take_sent(&c), SEGMENT);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp prr", what_is_sent_follows_what_arrives,
          below_ssthresh_what_arrives_is_the_bound,
          while_more_losses_are_found_nothing_is_added,
          after_the_recovery_the_window_is_ssthresh,
          an_ack_of_nothing_lets_nothing_go,
          when_a_timer_finds_the_loss_one_segment_goes,
          without_sack_each_duplicate_ack_stands_for_a_segment,
          more_duplicate_acks_than_segments_bring_nothing,
          without_sack_a_partial_ack_brings_the_next_hole,
          when_switched_off_half_of_the_flight_arrives_in_silence)
