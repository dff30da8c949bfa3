/*
 * Loss: RFC 6298 (the retransmission timer), RFC 5681 (slow start, congestion
 * avoidance, fast retransmit), RFC 6582 (NewReno), RFC 9293 3.8.3.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <linux/tcp.h>
#include <netinet/in.h>

/* Takes all segments that were sent; how many bytes they carried. */
static int64_t count_sent(struct conversation *c)
{
    int64_t bytes = 0;

    while (conversation_waiting(c) > 0) {
        bytes += (int64_t)conversation_peek(c)->len;
        expect_segment(c, .any_len = true, .flags = ACK, .optional = PSH);
    }
    return bytes;
}

/* Full-sized segments from `seq` up to `end`, in order, and no more. */
static void expect_flight(struct conversation *c, int64_t seq, int64_t end)
{
    for (; seq < end; seq += 1000)
        expect_segment(c, .seq = seq, .len = 1000, .flags = ACK,
                       .optional = PSH);
    expect_silence(c);
}

/* ---- the retransmission timer ---- */

/* RFC 6298 2.2: SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 RTTVAR = 3 R. */
START_TEST(the_handshake_gives_the_first_rtt_sample)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 300);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 3.2: "When the ACK bit is not set, the receiver MUST ignore the
 * value of the TSecr field." A SYN that echoes would be a sample of hours. */
START_TEST(the_echo_of_a_syn_gives_no_sample)
{
    struct conversation c;
    begin_conversation(&c, .active = true, .timestamps = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    advance(&c, 100);
    peer_sends(&c, .flags = SYN, .ts_ecr = c.peer->ts_recent - 5000000);
    expect_segment(&c, .seq = 0, .flags = SYN | ACK);
    advance(&c, 100);
    peer_sends(&c, .flags = ACK);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 988, .flags = ACK);
    conversation_ignore_sent(&c);
    expect_segment(&c, .seq = 1, .len = 988, .flags = ACK, .after_ms = 300);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(the_clients_handshake_gives_a_sample_too)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100, .active = true);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 300);
    close_conversation(&c);
}
END_TEST

/* RFC 6298 2.3: RTTVAR = 3/4 450, SRTT = 900, RTO = 900 + 4 * 337.5. */
START_TEST(the_second_sample_smooths_the_first)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 900);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    advance(&c, 900);
    peer_sends(&c, .ack = 1001, .flags = ACK);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 2250);
    close_conversation(&c);
}
END_TEST

/*
 * not RFC 6298 2.4: the floor is 200 ms, and it lies under the variance, as in
 * Linux, so that the RTO is always so much above the round trip.
 */
START_TEST(the_rto_is_at_least_200_ms_above_the_rtt)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 10);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 210);
    close_conversation(&c);
}
END_TEST

/* RFC 6298 5.5, and RFC 9293 3.8.3: R2. */
START_TEST(the_rto_doubles_until_the_connection_is_given_up)
{
    struct conversation c;
    open_conversation(&c, .retries = 4);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    for (unsigned after = 200; after <= 1600; after *= 2)
        expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                       .after_ms = after);
    advance(&c, 3100);
    app_finds_error(&c, 0);
    advance(&c, 200);
    conversation_ignore_sent(&c); /* a RST is allowed, RFC 9293 3.8.3 */
    app_finds_error(&c, ETIMEDOUT);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.3, MUST-20: at least 100 s by default. */
START_TEST(by_default_data_is_tried_for_at_least_100_seconds)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 1000);
    advance(&c, 100 * 1000);
    app_finds_error(&c, 0);
    advance(&c, 3600 * 1000);
    app_finds_error(&c, ETIMEDOUT);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.3, MUST-20 (b): at R1, three retransmissions (SHLD-10), the IP
 * layer is told, and asks whether the neighbour is still there. */
START_TEST(after_three_retransmissions_the_neighbour_is_doubted)
{
    struct conversation c;
    open_conversation(&c, .ethernet = true, .learns = true);

    advance(&c, 2000);
    app_writes(&c, 1000);
    for (int64_t wait = 0; wait <= 400; wait = wait == 0 ? 200 : 2 * wait)
        expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                       .after_ms = wait);
    ck_assert_uint_eq(c.arp_polls, 0);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 800);
    ck_assert_uint_eq(c.arp_polls, 1);
    conversation_peer_answers_arp(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    advance(&c, 2000);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH);
    ck_assert_uint_eq(c.arp_polls, 1); /* all is well again */
    close_conversation(&c);
}
END_TEST

/* MUST-22: the same for a SYN, */
START_TEST(after_three_syns_the_neighbour_is_doubted)
{
    struct conversation c;
    begin_conversation(&c, .active = true, .ethernet = true, .learns = true);

    app_connects(&c);
    for (int64_t wait = 0; wait <= 2000; wait = wait == 0 ? 1000 : 2 * wait)
        expect_segment(&c, .seq = 0, .flags = SYN, .after_ms = wait);
    ck_assert_uint_eq(c.arp_polls, 0);
    expect_segment(&c, .seq = 0, .flags = SYN, .after_ms = 4000);
    ck_assert_uint_eq(c.arp_polls, 1);
    close_conversation(&c);
}
END_TEST

/* and for a SYN,ACK. */
START_TEST(after_three_syn_acks_the_neighbour_is_doubted)
{
    struct conversation c;
    begin_conversation(&c, .ethernet = true, .learns = true);

    app_listens(&c);
    peer_sends(&c, .flags = SYN);
    for (int64_t wait = 0; wait <= 2000; wait = wait == 0 ? 1000 : 2 * wait)
        expect_segment(&c, .seq = 0, .flags = SYN | ACK, .after_ms = wait);
    ck_assert_uint_eq(c.arp_polls, 0);
    expect_segment(&c, .seq = 0, .flags = SYN | ACK, .after_ms = 4000);
    ck_assert_uint_eq(c.arp_polls, 1);
    close_conversation(&c);
}
END_TEST

/* R2 counts the retransmissions of one segment. */
START_TEST(progress_starts_the_count_of_retries_anew)
{
    struct conversation c;
    open_conversation(&c, .retries = 2, .timestamps = true, .mss = 1012);

    for (int64_t seq = 1; seq < 5001; seq += 1000) {
        app_writes(&c, 1000);
        expect_segment(&c, .seq = seq, .len = 1000, .flags = ACK | PSH);
        expect_segment(&c, .seq = seq, .len = 1000, .flags = ACK | PSH,
                       .after_ms = 200);
        expect_segment(&c, .seq = seq, .len = 1000, .flags = ACK | PSH,
                       .after_ms = 400);
        peer_sends(&c, .ack = seq + 1000, .flags = ACK);
    }
    app_finds_error(&c, 0);
    close_conversation(&c);
}
END_TEST

/* RFC 6298 2.5: the RTO has a ceiling (of at least 60 s). */
START_TEST(the_rto_has_a_ceiling)
{
    struct conversation c;
    open_conversation(&c, .retries = 15);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    for (unsigned i = 0; i < 15; i++)
        expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                       .within_ms = 120000);
    close_conversation(&c);
}
END_TEST

/* RFC 6298 3 (Karn) and 5: the backed-off RTO stays until a new sample. */
START_TEST(a_retransmitted_segment_gives_no_sample)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    advance(&c, 100);
    peer_sends(&c, .ack = 1001, .flags = ACK);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 400);
    close_conversation(&c);
}
END_TEST

/* RFC 6298 5: a new sample collapses the backed-off RTO. */
START_TEST(a_new_sample_ends_the_backoff)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 400);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH);
    peer_sends(&c, .ack = 2001, .flags = ACK);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK | PSH);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 4: with timestamps a retransmission gives a sample. */
START_TEST(timestamps_give_a_sample_in_spite_of_a_retransmission)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true, .mss = 1012);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    peer_sends(&c, .ack = 1001, .flags = ACK);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    close_conversation(&c);
}
END_TEST

/* RFC 6298 5.3: an ACK of new data starts the timer anew. */
START_TEST(an_ack_of_new_data_restarts_the_timer)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 6000);
    expect_flight(&c, 1, 6001);
    advance(&c, 150);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    /* 150 ms are a sample of their own: RTTVAR is 3/4 0 + 1/4 150. */
    expect_silence_for(&c, 150);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK,
                   .within_ms = 100);
    close_conversation(&c);
}
END_TEST

/* RFC 7765 3: with little in flight what has waited already counts. */
START_TEST(with_little_in_flight_the_timer_counts_from_the_sending)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 2000);
    expect_flight(&c, 1, 2001);
    advance(&c, 150);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    /* SRTT is 1/8 150, and the variance under its floor of 200 ms */
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH,
                   .within_ms = 75);
    close_conversation(&c);
}
END_TEST

/* RFC 6298 5.3 says new data: a duplicate does not put the timer off. */
START_TEST(a_duplicate_ack_does_not_restart_the_timer)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 2000);
    expect_flight(&c, 1, 2001);
    advance(&c, 150);
    peer_sends(&c, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 50);
    close_conversation(&c);
}
END_TEST

/* RFC 6298 5.2: nothing in flight, no timer. */
START_TEST(nothing_is_sent_again_when_all_is_acknowledged)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 3000);
    expect_flight(&c, 1, 3001);
    peer_sends(&c, .ack = 3001, .flags = ACK);
    expect_silence_for(&c, 600000);
    close_conversation(&c);
}
END_TEST

/* ---- after a time-out ---- */

/* RFC 6298 5.4, RFC 5681 3.1: the earliest segment alone, then slow start. */
START_TEST(after_a_timeout_the_window_grows_from_one_segment)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 200);
    expect_silence(&c);

    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 1001, 3001);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_flight(&c, 3001, 5001);
    peer_sends(&c, .ack = 3001, .flags = ACK);
    expect_flight(&c, 5001, 7001);
    close_conversation(&c);
}
END_TEST

/* The peer had the rest: one ACK ends the recovery. */
START_TEST(after_a_timeout_an_ack_of_everything_ends_the_recovery)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 200);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    expect_silence_for(&c, 5000);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 10001, .len = 1000, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 3.1: cwnd bounds what is in flight; a small piece of new text must
 * not slip into what is left of it while there is something to be resent. */
START_TEST(after_a_timeout_new_text_waits_for_what_was_lost)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 10100);
    expect_flight(&c, 1, 10001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 200);
    peer_sends(&c, .ack = 101, .flags = ACK); /* cwnd is 1100, 900 on its way */
    expect_silence(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 1001, 3001);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    expect_segment(&c, .seq = 10001, .len = 100, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* Acknowledges all that is in flight, segment by segment; what follows. */
static int64_t round_trip(struct conversation *c)
{
    int64_t end = c->peer->received;
    int64_t bytes = 0;

    for (int64_t acked = c->peer->acked + 1000; acked <= end; acked += 1000) {
        peer_sends(c, .ack = acked, .flags = ACK);
        bytes += count_sent(c);
    }
    return bytes;
}

/* RFC 5681 3.1 (4) and (3): half the flight, then one segment a round trip. */
START_TEST(above_ssthresh_the_window_grows_by_one_segment_a_round_trip)
{
    struct conversation c;
    open_conversation(&c, .send_buffer = 1 << 20);

    app_writes(&c, 500000);
    expect_flight(&c, 1, 10001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 200);
    peer_sends(&c, .ack = 10001, .flags = ACK); /* ssthresh is 5,000 */
    int64_t flight = count_sent(&c);

    for (unsigned round = 0; round < 12; round++) {
        int64_t next = round_trip(&c);
        ck_assert_int_le(next, flight < 5000 ? 2 * flight : flight + 2000);
        flight = next;
    }
    ck_assert_int_ge(flight, 10000);
    ck_assert_int_le(flight, 18000);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 3.1: slow start, one more segment for each that is acknowledged. */
START_TEST(in_slow_start_each_ack_releases_two_segments)
{
    struct conversation c;
    open_conversation(&c, .initial_window = 2);

    app_writes(&c, 50000);
    expect_flight(&c, 1, 2001);
    for (int64_t acked = 1001; acked <= 10001; acked += 1000) {
        int64_t next = c.peer->received;
        peer_sends(&c, .ack = acked, .flags = ACK);
        expect_flight(&c, next, next + 2000);
    }
    close_conversation(&c);
}
END_TEST

/*
 * RFC 5681 3.1: an ACK of a few bytes must not open the window by a whole
 * segment each time (ACK division): min(N, SMSS).
 */
START_TEST(acks_of_small_parts_do_not_inflate_the_window)
{
    struct conversation c;
    open_conversation(&c, .initial_window = 2);

    app_writes(&c, 50000);
    expect_flight(&c, 1, 2001);
    for (int64_t acked = 101; acked <= 1001; acked += 100)
        peer_sends(&c, .ack = acked, .flags = ACK);
    ck_assert_int_le(count_sent(&c), 2000);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 4.1: after an RTO of idleness not more than the initial window. */
START_TEST(an_idle_connection_begins_again_with_the_initial_window)
{
    struct conversation c;
    open_conversation(&c, .send_buffer = 1 << 20);

    for (unsigned i = 0; i < 4; i++) {
        app_writes(&c, 20000);
        while (conversation_waiting(&c) > 0) {
            count_sent(&c);
            peer_sends(&c, .flags = ACK);
        }
    }
    advance(&c, 10000);
    app_writes(&c, 30000);
    ck_assert_int_eq(count_sent(&c), 10000);
    close_conversation(&c);
}
END_TEST

/* ---- fast retransmit and fast recovery ---- */

/* RFC 5681 3.2: the third duplicate ACK resends without waiting for the RTO. */
START_TEST(the_third_duplicate_ack_resends_the_first_hole)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 5000);
    expect_flight(&c, 1, 5001);
    peer_sends(&c, .ack = 1, .flags = ACK);
    peer_sends(&c, .ack = 1, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .ack = 5001, .flags = ACK);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 2, DUPLICATE ACKNOWLEDGMENT: no data, the same window. */
START_TEST(acks_with_data_or_a_new_window_are_no_duplicates)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 5000);
    expect_flight(&c, 1, 5001);
    for (unsigned i = 0; i < 4; i++)
        peer_sends(&c, .ack = 1, .len = 100, .flags = ACK);
    while (conversation_waiting(&c) > 0)
        expect_segment(&c, .seq = 5001, .flags = ACK);
    for (unsigned i = 1; i <= 4; i++)
        peer_sends(&c, .ack = 1, .win = 60000 + 10 * i, .flags = ACK);
    while (conversation_waiting(&c) > 0)
        expect_segment(&c, .seq = 5001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* Nor if their data lies beyond our window and is cut off: the peer probes. */
START_TEST(probes_of_our_shut_window_are_no_duplicates)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 4000);

    peer_sends(&c, .len = 4000, .flags = ACK);
    conversation_ignore_sent(&c);
    app_writes(&c, 2000);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    app_writes(&c, 5000);
    conversation_ignore_sent(&c);
    for (unsigned i = 0; i < 5; i++) {
        peer_sends(&c, .seq = 4001, .ack = 2001, .len = 1, .flags = ACK);
        expect_segment(&c, .seq = 7001, .ack = 4001, .win = 0, .flags = ACK);
        expect_silence(&c);
    }
    close_conversation(&c);
}
END_TEST

/* Without anything in flight there is nothing to repeat. */
START_TEST(duplicate_acks_without_data_in_flight_mean_nothing)
{
    struct conversation c;
    open_conversation(&c);

    for (unsigned i = 0; i < 10; i++)
        peer_sends(&c, .ack = 1, .flags = ACK);
    expect_silence_for(&c, 5000);
    app_writes(&c, 5000);
    expect_flight(&c, 1, 5001);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 3.2 (4), RFC 6582 3.2: each further duplicate lets one more go. */
START_TEST(further_duplicate_acks_inflate_the_window)
{
    struct conversation c;
    open_conversation(&c, .no_prr = true);

    app_writes(&c, 50000);
    expect_flight(&c, 1, 10001);
    for (unsigned i = 0; i < 9; i++)
        peer_sends(&c, .ack = 1, .flags = ACK);

    /* cwnd is 5000 + 9 * 1000: the hole again and up to 14001. */
    unsigned repeats = 0;
    while (conversation_waiting(&c) > 0) {
        const struct segment *sent = conversation_peek(&c);
        int64_t seq = (int64_t)(sent->seq - c.peer->stack_iss);
        repeats += seq == 1;
        ck_assert_msg(seq == 1 || seq >= 10001, "sent %ld", (long)seq);
        expect_segment(&c, .len = 1000, .flags = ACK);
    }
    ck_assert_uint_eq(repeats, 1);
    ck_assert_int_eq(c.peer->received, 14001);
    close_conversation(&c);
}
END_TEST

/* RFC 6582 3.2 (3): half the flight after the recovery. */
START_TEST(after_a_fast_recovery_the_window_is_halved)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    for (unsigned i = 0; i < 9; i++)
        peer_sends(&c, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .ack = 10001, .flags = ACK);

    /* ssthresh, or min(ssthresh, FlightSize + SMSS): 5 segments, or 2. */
    app_writes(&c, 20000);
    int64_t flight = count_sent(&c);
    ck_assert_int_ge(flight, 2000);
    ck_assert_int_le(flight, 5000);
    close_conversation(&c);
}
END_TEST

/* RFC 6582 3.2 (3): a partial ACK tells of the next hole. */
START_TEST(a_partial_ack_resends_the_next_hole_at_once)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    for (unsigned i = 0; i < 3; i++)
        peer_sends(&c, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);

    peer_sends(&c, .ack = 3001, .flags = ACK);
    expect_segment(&c, .seq = 3001, .len = 1000, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .ack = 6001, .flags = ACK);
    expect_segment(&c, .seq = 6001, .len = 1000, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

/* RFC 6582 3.2 (1): no second fast retransmit before `recover`. */
/* Without SACK, too, only that hole goes whatever cwnd says: not all that was
 * outstanding, when the window was shut and opens. */
START_TEST(in_a_recovery_a_window_that_opens_lets_no_burst_go)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100, .initial_window = 40);

    app_writes(&c, 60000);
    expect_flight(&c, 1, 40001);
    for (unsigned i = 0; i < 3; i++)
        peer_sends(&c, .ack = 1, .flags = ACK);
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->fast_retransmits, 1);
    peer_sends(&c, .ack = 1, .win = 0, .flags = ACK);
    peer_sends(&c, .ack = 1, .win = 60000, .flags = ACK);
    ck_assert_int_le(count_sent(&c), 21000); /* ssthresh */
    close_conversation(&c);
}
END_TEST

START_TEST(duplicates_within_a_recovery_do_not_begin_another)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    for (unsigned i = 0; i < 3; i++)
        peer_sends(&c, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    peer_sends(&c, .ack = 3001, .flags = ACK);
    expect_segment(&c, .seq = 3001, .len = 1000, .flags = ACK);
    for (unsigned i = 0; i < 5; i++)
        peer_sends(&c, .ack = 3001, .flags = ACK);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 6582 4.1 and 3.2 (5): nor after a time-out, for what it resends. */
START_TEST(duplicates_after_a_timeout_do_not_begin_a_recovery)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 200);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 1001, 3001);
    for (unsigned i = 0; i < 3; i++)
        peer_sends(&c, .ack = 1001, .flags = ACK);
    while (conversation_waiting(&c) > 0) {
        ck_assert_uint_ne(conversation_peek(&c)->seq, c.peer->stack_iss + 1001);
        expect_segment(&c, .len = 1000, .flags = ACK, .optional = PSH);
    }
    close_conversation(&c);
}
END_TEST

/*
 * RFC 6582 3.2 (2): the ACK must cover more than `recover`. What we sent twice
 * in vain comes back as duplicates, which tell of no new loss.
 */
START_TEST(duplicates_of_what_a_timeout_resent_do_not_begin_a_recovery)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 4000);
    expect_flight(&c, 1, 4001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 200);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_flight(&c, 1001, 3001);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    app_writes(&c, 1000);
    expect_flight(&c, 4001, 5001);
    for (unsigned i = 0; i < 3; i++)
        peer_sends(&c, .ack = 4001, .flags = ACK);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 3.2: "three duplicate ACKs ... without any intervening ACKs". */
START_TEST(an_ack_of_new_data_starts_the_count_of_duplicates_anew)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 5000);
    expect_flight(&c, 1, 5001);
    for (int64_t acked = 1; acked <= 2001; acked += 1000) {
        peer_sends(&c, .ack = acked, .flags = ACK);
        peer_sends(&c, .ack = acked, .flags = ACK);
    }
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* The retransmission is lost too: RFC 6298 takes over. */
START_TEST(a_lost_fast_retransmission_is_repeated_by_the_timer)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 5000);
    expect_flight(&c, 1, 5001);
    for (unsigned i = 0; i < 4; i++)
        peer_sends(&c, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .within_ms = 400);
    close_conversation(&c);
}
END_TEST

/* RFC 3042 is optional; if it is there, it sends new data, two at most. */
START_TEST(the_first_duplicates_send_new_data_at_most)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 50000);
    expect_flight(&c, 1, 10001);
    peer_sends(&c, .ack = 1, .flags = ACK);
    peer_sends(&c, .ack = 1, .flags = ACK);
    int64_t seq = 10001;
    for (; conversation_waiting(&c) > 0; seq += 1000)
        expect_segment(&c, .seq = seq, .len = 1000, .flags = ACK);
    ck_assert_int_le(seq, 12001);
    close_conversation(&c);
}
END_TEST

/*
 * RFC 9293 3.4: sequence numbers are compared modulo 2^32, so with nothing
 * that is more than 2 GiB away, as the ISS is, and `recover` (RFC 6582 3.2)
 * when nothing was lost for so long.
 */
START_TEST(after_two_gibibytes_a_loss_is_repaired_as_before)
{
    enum { PIECE = 1 << 20 };
    const int64_t total = INT64_C(2200) << 20;
    struct conversation c;
    open_conversation(&c, .mss = 1460, .wscale = 7, .max_gso = 65535);

    while (c.peer->received <= total) {
        app_tries_to_write(&c, PIECE);
        if (conversation_waiting(&c) == 0)
            conversation_fail(&c, "the transfer stalls");
        while (conversation_waiting(&c) > 0) {
            conversation_ignore_sent(&c);
            advance(&c, 1);
            peer_sends(&c, .flags = ACK);
        }
    }

    int64_t lost = c.peer->received;
    app_writes(&c, 14600);
    expect_segment(&c, .seq = lost, .len = 14600, .flags = ACK | PSH);
    for (unsigned i = 0; i < 3; i++)
        peer_sends(&c, .ack = lost, .flags = ACK);
    expect_segment(&c, .seq = lost, .len = 1460, .flags = ACK);
    peer_sends(&c, .ack = lost + 14600, .flags = ACK);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

/* ---- the receiver's part ---- */

/* RFC 5681 4.2: each segment above the gap gives one duplicate at once. */
START_TEST(each_segment_above_a_gap_gives_a_duplicate_ack)
{
    struct conversation c;
    open_conversation(&c);

    for (unsigned i = 1; i <= 5; i++) {
        peer_sends(&c, .seq = 1 + 1000 * i, .len = 1000, .flags = ACK);
        expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
        expect_silence(&c);
    }
    uint16_t window = c.last.window;
    peer_sends(&c, .seq = 6001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK);
    ck_assert_uint_eq(c.last.window, window); /* or it were no duplicate */
    close_conversation(&c);
}
END_TEST

static uint32_t ssthresh_of(struct conversation *c)
{
    struct tcp_info info;
    size_t len = sizeof(info);

    ck_assert_int_eq(stack_get_option(c->stack, c->now, c->peer->socket,
                                      IPPROTO_TCP, TCP_INFO, &info, &len),
                     0);
    return info.tcpi_snd_ssthresh;
}

/* Six of ten are acknowledged, the seventh is missing; in one pass, or each in
 * one of its own. What was in flight when the loss was found decides. */
static uint32_t ssthresh_after_loss(bool sack, bool in_one_pass)
{
    struct conversation c;
    uint32_t ssthresh;

    open_conversation(&c, .sack = sack, .rtt_ms = 100);
    app_writes(&c, 60000);
    conversation_ignore_sent(&c);
    advance(&c, 100);
    for (int64_t ack = 2001; ack <= 6001; ack += 2000)
        peer_sends(&c, .ack = ack, .flags = ACK, .more = in_one_pass);
    for (int64_t end = 8001; end <= 10001; end += 1000) {
        if (sack)
            peer_sends(&c, .ack = 6001, .flags = ACK, .sack = {{7001, end}},
                       .more = in_one_pass && end < 10001);
        else
            peer_sends(&c, .ack = 6001, .flags = ACK,
                       .more = in_one_pass && end < 10001);
    }
    conversation_ignore_sent(&c);
    ssthresh = ssthresh_of(&c);
    close_conversation(&c);
    return ssthresh;
}

/* RFC 5681 3.1 (4): a pass takes in several ACKs before anything is sent for
 * them; FlightSize is not so much smaller for it. */
START_TEST(a_loss_found_in_a_batch_of_acks_costs_no_more_than_alone)
{
    for (int sack = 0; sack <= 1; sack++) {
        uint32_t alone = ssthresh_after_loss(sack, false);

        ck_assert_uint_lt(alone, 16);
        ck_assert_uint_eq(ssthresh_after_loss(sack, true), alone);
    }
}
END_TEST

/* Also when they come in one pass: the peer counts them (RFC 5681 3.2). */
START_TEST(each_segment_of_a_batch_above_a_gap_gives_a_duplicate_ack)
{
    struct conversation c;
    open_conversation(&c);

    for (unsigned i = 1; i <= 4; i++)
        peer_sends(&c, .seq = 1 + 1000 * i, .len = 1000, .flags = ACK,
                   .more = i < 4);
    for (unsigned i = 1; i <= 4; i++)
        expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    expect_silence_for(&c, 1000);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 2 (b): one that carries data is none; so ours goes after them. */
START_TEST(data_to_send_does_not_take_the_place_of_duplicate_acks)
{
    struct conversation c;
    open_conversation(&c);

    for (unsigned i = 1; i <= 4; i++)
        peer_sends(&c, .seq = 1 + 1000 * i, .len = 1000, .flags = ACK,
                   .more = true);
    app_writes(&c, 1000);
    for (unsigned i = 1; i <= 4; i++)
        expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .len = 1000, .flags = ACK | PSH);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(a_gap_that_is_filled_in_the_same_pass_gives_no_duplicate_ack)
{
    struct conversation c;
    open_conversation(&c);

    for (unsigned i = 1; i <= 4; i++)
        peer_sends(&c, .seq = 1 + 1000 * i, .len = 1000, .flags = ACK,
                   .more = true);
    peer_sends(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1, .ack = 5001, .flags = ACK);
    expect_silence_for(&c, 1000);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp loss", the_handshake_gives_the_first_rtt_sample,
          the_echo_of_a_syn_gives_no_sample,
          the_clients_handshake_gives_a_sample_too,
          the_second_sample_smooths_the_first,
          the_rto_is_at_least_200_ms_above_the_rtt,
          the_rto_doubles_until_the_connection_is_given_up,
          by_default_data_is_tried_for_at_least_100_seconds,
          after_three_retransmissions_the_neighbour_is_doubted,
          after_three_syns_the_neighbour_is_doubted,
          after_three_syn_acks_the_neighbour_is_doubted,
          progress_starts_the_count_of_retries_anew, the_rto_has_a_ceiling,
          a_retransmitted_segment_gives_no_sample,
          a_new_sample_ends_the_backoff,
          timestamps_give_a_sample_in_spite_of_a_retransmission,
          an_ack_of_new_data_restarts_the_timer,
          with_little_in_flight_the_timer_counts_from_the_sending,
          a_duplicate_ack_does_not_restart_the_timer,
          nothing_is_sent_again_when_all_is_acknowledged,
          after_a_timeout_the_window_grows_from_one_segment,
          after_a_timeout_an_ack_of_everything_ends_the_recovery,
          after_a_timeout_new_text_waits_for_what_was_lost,
          above_ssthresh_the_window_grows_by_one_segment_a_round_trip,
          in_slow_start_each_ack_releases_two_segments,
          acks_of_small_parts_do_not_inflate_the_window,
          an_idle_connection_begins_again_with_the_initial_window,
          the_third_duplicate_ack_resends_the_first_hole,
          acks_with_data_or_a_new_window_are_no_duplicates,
          probes_of_our_shut_window_are_no_duplicates,
          duplicate_acks_without_data_in_flight_mean_nothing,
          further_duplicate_acks_inflate_the_window,
          after_a_fast_recovery_the_window_is_halved,
          a_partial_ack_resends_the_next_hole_at_once,
          in_a_recovery_a_window_that_opens_lets_no_burst_go,
          duplicates_within_a_recovery_do_not_begin_another,
          duplicates_after_a_timeout_do_not_begin_a_recovery,
          duplicates_of_what_a_timeout_resent_do_not_begin_a_recovery,
          an_ack_of_new_data_starts_the_count_of_duplicates_anew,
          a_lost_fast_retransmission_is_repeated_by_the_timer,
          the_first_duplicates_send_new_data_at_most,
          after_two_gibibytes_a_loss_is_repaired_as_before,
          each_segment_above_a_gap_gives_a_duplicate_ack,
          a_loss_found_in_a_batch_of_acks_costs_no_more_than_alone,
          each_segment_of_a_batch_above_a_gap_gives_a_duplicate_ack,
          data_to_send_does_not_take_the_place_of_duplicate_acks,
          a_gap_that_is_filled_in_the_same_pass_gives_no_duplicate_ack)
