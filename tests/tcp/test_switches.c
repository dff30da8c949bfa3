/*
 * What a feature does is what changes when it is switched off: here the peer
 * says the same twice, with it and without it. Those that have a file of their
 * own are switched off there.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

enum { UNREACHABLE = 3, FRAG_NEEDED = 4, PORT = 3 };

/* Full-sized segments from `seq` up to `end`, in order, and no more. */
static void expect_flight(struct conversation *c, int64_t seq, int64_t end)
{
    for (; seq < end; seq += 1000)
        expect_segment(c, .seq = seq, .len = 1000, .flags = ACK,
                       .optional = PSH);
    expect_silence(c);
}

/* All that was sent is acknowledged, a round trip later, segment by segment;
 * how much goes then. */
static unsigned next_flight(struct conversation *c, unsigned msec)
{
    int64_t end = c->peer->received;
    unsigned count = 0;

    advance(c, msec);
    for (int64_t ack = c->peer->acked + 1000; ack <= end; ack += 1000)
        peer_sends(c, .ack = ack, .flags = ACK);
    for (; conversation_waiting(c) > 0; count++)
        expect_segment(c, .len = 1000, .flags = ACK, .optional = PSH);
    return count;
}

/* ---- Losses -------------------------------------------------------------- */

/* RFC 3042: "the sender ... MAY send new data" with the first two. */
START_TEST(limited_transmit_sends_new_text_with_the_first_duplicate_acks)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 50000);
    expect_flight(&c, 1, 10001);
    peer_sends(&c, .ack = 1, .flags = ACK);
    expect_flight(&c, 10001, 11001);
    peer_sends(&c, .ack = 1, .flags = ACK);
    expect_flight(&c, 11001, 12001);
    peer_sends(&c, .ack = 1, .flags = ACK);
    expect_flight(&c, 1, 1001);
    close_conversation(&c);
}
END_TEST

START_TEST(without_limited_transmit_nothing_goes_before_the_third)
{
    struct conversation c;
    open_conversation(&c, .set = "limited_transmit=off");

    app_writes(&c, 50000);
    expect_flight(&c, 1, 10001);
    peer_sends(&c, .ack = 1, .flags = ACK);
    peer_sends(&c, .ack = 1, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .ack = 1, .flags = ACK);
    expect_flight(&c, 1, 1001);
    close_conversation(&c);
}
END_TEST

/* RFC 7765 3: the RTO of the second segment counts from its sending; RFC 6298
 * 5.3: from the ACK. SRTT is 150 / 8, RTTVAR below its floor: 218.75 ms. */
START_TEST(rto_restart_counts_from_the_sending)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 2000);
    expect_flight(&c, 1, 2001);
    advance(&c, 150);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 218 - 150);
    close_conversation(&c);
}
END_TEST

START_TEST(without_rto_restart_the_timer_counts_from_the_ack)
{
    struct conversation c;
    open_conversation(&c, .set = "rto_restart=off");

    app_writes(&c, 2000);
    expect_flight(&c, 1, 2001);
    advance(&c, 150);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 218);
    close_conversation(&c);
}
END_TEST

/* ---- Congestion control -------------------------------------------------- */

/* RFC 3465 2.2: an ACK of two segments adds two. */
START_TEST(byte_counting_adds_what_was_acknowledged)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 50000);
    expect_flight(&c, 1, 10001);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_flight(&c, 10001, 14001);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 3.1 (2): one, whatever it acknowledges. */
START_TEST(without_byte_counting_each_ack_adds_a_segment)
{
    struct conversation c;
    open_conversation(&c, .set = "byte_counting=off");

    app_writes(&c, 50000);
    expect_flight(&c, 1, 10001);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_flight(&c, 10001, 13001);
    close_conversation(&c);
}
END_TEST

/* After a loss that leaves 5,000 bytes: what is in flight when 20 ACKs have
 * come of two segments each. */
static unsigned flight_after_delayed_acks(const char *setting)
{
    struct conversation c;
    unsigned flight;
    open_conversation(&c, .set = setting);

    app_writes(&c, 100000);
    expect_flight(&c, 1, 10001);
    for (unsigned i = 0; i < 3; i++)
        peer_sends(&c, .ack = 1, .flags = ACK);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    for (unsigned i = 0; i < 20; i++) {
        conversation_ignore_sent(&c);
        peer_sends(&c, .ack = c.peer->acked + 2000, .flags = ACK);
    }
    conversation_ignore_sent(&c);
    flight = (unsigned)(c.peer->received - c.peer->acked) / 1000;
    close_conversation(&c);
    return flight;
}

/* RFC 5681 3.1: by (3), SMSS * SMSS / cwnd with each ACK, it takes twice as
 * many segments until the window has grown by one as by their bytes. */
START_TEST(without_byte_counting_delayed_acks_halve_the_growth)
{
    uint32_t cwnd = 5000;

    for (unsigned i = 0; i < 20; i++)
        cwnd += 1000 * 1000 / cwnd;
    ck_assert_uint_eq(flight_after_delayed_acks("byte_counting=off"),
                      cwnd / 1000);
    /* 12 that ended the recovery, and 40: 5 + 6 + 7 + 8 + 9 + 10 of these */
    ck_assert_uint_eq(flight_after_delayed_acks("byte_counting=on"), 11);
}
END_TEST

/* RFC 9406 4.2: 30 ms more than in the round before is above the threshold of
 * an eighth, so the window grows by a quarter from then on. */
static unsigned flight_after_a_rise(const char *setting)
{
    struct conversation c;
    unsigned flight;
    open_conversation(&c, .congestion = "cubic", .rtt_ms = 100,
                      .timestamps = true, .mss = 1012, .window = 65535,
                      .wscale = 4, .set = setting);

    app_writes(&c, 200000);
    expect_flight(&c, 1, 10001);
    ck_assert_uint_eq(next_flight(&c, 100), 20);
    flight = next_flight(&c, 130);
    close_conversation(&c);
    return flight;
}

START_TEST(hystart_ends_slow_start_when_the_round_trip_time_rises)
{
    /* eight samples it takes, and the other twelve add a quarter each */
    ck_assert_uint_eq(flight_after_a_rise("hystart=on"), 20 + 8 + 12 / 4);
}
END_TEST

START_TEST(without_hystart_the_window_doubles_on)
{
    ck_assert_uint_eq(flight_after_a_rise("hystart=off"), 40);
}
END_TEST

/* ---- TIME-WAIT, timestamps ----------------------------------------------- */

static void close_into_time_wait(struct conversation *c)
{
    app_closes(c);
    expect_segment(c, .seq = 1, .flags = FIN | ACK);
    peer_sends(c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(c, .seq = 2, .ack = 2, .flags = ACK);
    advance(c, 5000);
}

/* RFC 6191 2: a SYN that is newer by its timestamp. */
START_TEST(a_newer_syn_takes_the_place_of_time_wait)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    close_into_time_wait(&c);
    peer_starts_over(&c, c.peer->iss + 1000000);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4: then it gets a challenge ACK, and waits for its time. */
START_TEST(without_time_wait_reuse_it_is_only_acknowledged)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true, .set = "time_wait_reuse=off");

    close_into_time_wait(&c);
    peer_sends(&c, .seq = 1000000, .flags = SYN);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    expect_silence_for(&c, 54000);
    advance(&c, 2000);
    peer_starts_over(&c, c.peer->iss + 1000000);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 5.4, 7.1: with an offset the clocks of two connections have nothing
 * to do with each other; without one they are the stack's. */
static uint32_t difference_of_clocks(const char *setting)
{
    struct conversation c;
    uint32_t first;
    uint32_t second;
    open_conversation(&c, .timestamps = true, .set = setting);

    first = c.peer->ts_recent;
    advance(&c, 500);
    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    second = c.peer->ts_recent;
    close_conversation(&c);
    return second - first;
}

START_TEST(the_offset_hides_the_clock_of_timestamps)
{
    uint32_t difference = difference_of_clocks("timestamp_offset=on");

    ck_assert_uint_gt(difference, 1000000);
    ck_assert_uint_lt(difference, UINT32_MAX - 1000000);
    ck_assert_uint_eq(difference_of_clocks("timestamp_offset=off"), 500);
}
END_TEST

/* ---- What may be forged -------------------------------------------------- */

/* RFC 5927 4.1: a message about a number that is not in flight. */
static int error_of_a_forged_message(const char *setting)
{
    struct conversation c;
    int error;
    begin_conversation(&c, .active = true, .set = setting);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = PORT, .seq = 100000);
    error = app_gets(&c, SOL_SOCKET, SO_ERROR);
    close_conversation(&c);
    return error;
}

START_TEST(icmp_is_heard_about_what_is_in_flight_alone)
{
    ck_assert_int_eq(error_of_a_forged_message("icmp_checks=on"), 0);
    ck_assert_int_eq(error_of_a_forged_message("icmp_checks=off"),
                     ECONNREFUSED);
}
END_TEST

/* RFC 5927 7.2: of a size that got through a time-out must say so, too. */
START_TEST(without_the_checks_a_smaller_path_is_believed_at_once)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460, .set = "icmp_checks=off");

    app_writes(&c, 1460);
    expect_segment(&c, .seq = 1, .len = 1460, .flags = ACK | PSH);
    peer_sends(&c, .flags = ACK);
    app_writes(&c, 1460);
    expect_segment(&c, .seq = 1461, .len = 1460, .flags = ACK | PSH);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = FRAG_NEEDED, .mtu = 1000);
    expect_segment(&c, .seq = 1461, .len = 960, .flags = ACK);
    expect_segment(&c, .seq = 2421, .len = 500, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* RFC 5961 3.2 has them challenged: test_validity. */
START_TEST(without_rfc_5961_any_reset_in_the_window_resets)
{
    struct conversation c;
    open_conversation(&c, .set = "rfc5961=off");

    peer_sends(&c, .seq = 1 + 65535, .flags = RST);
    app_fails_to_read(&c, EAGAIN);
    peer_sends(&c, .seq = 60000, .flags = RST);
    expect_silence(&c);
    app_fails_to_read(&c, ECONNRESET);
    close_conversation(&c);
}
END_TEST

START_TEST(without_rfc_5961_it_ends_what_is_half_open_too)
{
    struct conversation c;
    begin_conversation(&c, .set = "rfc5961=off");

    app_listens(&c);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    peer_sends(&c, .seq = 5000, .flags = RST);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

START_TEST(without_rfc_5961_it_ends_time_wait_too)
{
    struct conversation c;
    open_conversation(&c, .set = "rfc5961=off");

    close_into_time_wait(&c);
    peer_sends(&c, .seq = 5000, .flags = RST);
    expect_silence(&c);
    peer_sends(&c, .seq = 2, .ack = 2, .flags = ACK);
    expect_segment(&c, .seq = 2, .flags = RST);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4: "the SYN is in the window ... send a reset" */
START_TEST(without_rfc_5961_a_syn_in_the_window_resets)
{
    struct conversation c;
    open_conversation(&c, .set = "rfc5961=off");

    peer_sends(&c, .seq = 500000, .flags = SYN);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 5000, .flags = SYN);
    expect_segment(&c, .seq = 1, .flags = RST | ACK);
    app_fails_to_read(&c, ECONNRESET);
    close_conversation(&c);
}
END_TEST

/* RFC 5961 5.2: an ACK below SND.UNA - MAX.SND.WND, with text. */
START_TEST(without_rfc_5961_text_with_a_very_old_ack_is_taken)
{
    struct conversation c;
    open_conversation(&c, .window = 1000, .set = "rfc5961=off");

    for (unsigned i = 0; i < 3; i++) {
        app_writes(&c, 1000);
        expect_segment(&c, .len = 1000, .flags = ACK | PSH);
        peer_sends(&c, .flags = ACK);
    }
    peer_sends(&c, .ack = 2000, .len = 100, .flags = ACK | PSH);
    app_reads(&c, 100);
    expect_segment(&c, .ack = 101, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("switches",
          limited_transmit_sends_new_text_with_the_first_duplicate_acks,
          without_limited_transmit_nothing_goes_before_the_third,
          rto_restart_counts_from_the_sending,
          without_rto_restart_the_timer_counts_from_the_ack,
          byte_counting_adds_what_was_acknowledged,
          without_byte_counting_each_ack_adds_a_segment,
          without_byte_counting_delayed_acks_halve_the_growth,
          hystart_ends_slow_start_when_the_round_trip_time_rises,
          without_hystart_the_window_doubles_on,
          a_newer_syn_takes_the_place_of_time_wait,
          without_time_wait_reuse_it_is_only_acknowledged,
          the_offset_hides_the_clock_of_timestamps,
          icmp_is_heard_about_what_is_in_flight_alone,
          without_the_checks_a_smaller_path_is_believed_at_once,
          without_rfc_5961_any_reset_in_the_window_resets,
          without_rfc_5961_it_ends_what_is_half_open_too,
          without_rfc_5961_it_ends_time_wait_too,
          without_rfc_5961_a_syn_in_the_window_resets,
          without_rfc_5961_text_with_a_very_old_ack_is_taken)
