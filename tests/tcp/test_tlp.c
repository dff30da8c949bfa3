/*
 * Tail loss probes, RFC 8985 7.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

/* Full-sized segments from `seq` up to `end`, in order, and no more. */
static void expect_flight(struct conversation *c, int64_t seq, int64_t end)
{
    for (; seq < end; seq += 1000)
        expect_segment(c, .seq = seq, .len = 1000, .flags = ACK,
                       .optional = PSH);
    expect_silence(c);
}

/* RFC 8985 7.2: PTO = 2 SRTT; 7.3: the highest segment. */
START_TEST(after_two_round_trips_the_last_segment_goes_again)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 4000);
    expect_flight(&c, 1, 4001);
    expect_segment(&c, .seq = 3001, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(when_switched_off_the_timer_is_all_there_is)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .no_tlp = true);

    app_writes(&c, 4000);
    expect_flight(&c, 1, 4001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 300);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(without_sack_no_probe_is_sent)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100);

    app_writes(&c, 4000);
    expect_flight(&c, 1, 4001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 300);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 7.2: for one segment the ACK may be delayed, and the probe goes no
 * later than the time-out would. The second: 2 SRTT is 200 ms, the RTO 300. */
START_TEST(a_single_segment_is_given_time_for_a_delayed_ack)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 1000);
    expect_flight(&c, 1, 1001);
    expect_silence_for(&c, 240);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH, .after_ms = 0,
                   .within_ms = 61);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 7.2: "or upon receiving an ACK that cumulatively acknowledges new
 * data", counted from there. */
START_TEST(an_ack_of_new_data_puts_the_probe_off)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 4000);
    expect_flight(&c, 1, 4001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_segment(&c, .seq = 3001, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 7.3: new data is better, one segment beyond cwnd. */
START_TEST(new_data_is_preferred_for_the_probe)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .initial_window = 4);

    app_writes(&c, 8000);
    expect_flight(&c, 1, 4001);
    expect_segment(&c, .seq = 4001, .len = 1000, .flags = ACK, .after_ms = 200);
    expect_silence_for(&c, 50);
    peer_sends(&c, .ack = 5001, .flags = ACK);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 8001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* Unless the peer's window forbids it. */
START_TEST(new_data_outside_the_window_is_not_probed_with)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .window = 4000);

    app_writes(&c, 8000);
    expect_flight(&c, 1, 4001);
    expect_segment(&c, .seq = 3001, .len = 1000, .flags = ACK, .after_ms = 200);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 8001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 7.3, 1.: one at a time; then the timer, one RTO after the probe. */
START_TEST(after_the_probe_only_the_timer_is_left)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 4000);
    expect_flight(&c, 1, 4001);
    expect_segment(&c, .seq = 3001, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 300);
    expect_silence_for(&c, 590); /* 5.5: twice the RTO; no probe meanwhile */
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 0,
                   .within_ms = 20);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 7.3, 2.: no second probe without a round trip measured since. */
START_TEST(without_a_new_measurement_no_other_probe_is_sent)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 1000);
    expect_flight(&c, 1, 1001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH, .after_ms = 0,
                   .within_ms = 310);
    advance(&c, 100);
    peer_sends(&c, .ack = 1001, .flags = ACK); /* of which of the two? */
    app_writes(&c, 4000);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    conversation_ignore_sent(&c);
    expect_silence_for(&c, 290);
    expect_segment(&c, .any_len = true, .flags = ACK, .optional = PSH,
                   .after_ms = 0, .within_ms = 320);
    ck_assert_uint_eq(c.last.seq - c.peer->stack_iss, 1001); /* a time-out */
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 5001, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* Text that is in flight without an ACK: cwnd at least. */
static unsigned sent_at_once(struct conversation *c)
{
    unsigned count;

    app_writes(c, 30000);
    count = conversation_waiting(c);
    conversation_ignore_sent(c);
    return count;
}

/* RFC 8985 7.4.2: the probe was the only one to arrive, so a segment was lost;
 * it is known for sure when more than it is acknowledged. */
START_TEST(a_loss_that_the_probe_repairs_reduces_the_window)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    expect_segment(&c, .seq = 9001, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    advance(&c, 100);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    app_writes(&c, 1000);
    expect_flight(&c, 10001, 11001);
    advance(&c, 100);
    peer_sends(&c, .ack = 11001, .flags = ACK);
    ck_assert_uint_lt(sent_at_once(&c), 10);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 7.4.2, case 1 */
START_TEST(a_probe_that_came_twice_by_dsack_does_not)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    expect_segment(&c, .seq = 9001, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    advance(&c, 50);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    advance(&c, 50);
    peer_sends(&c, .ack = 10001, .flags = ACK, .sack = {{9001, 10001}});
    app_writes(&c, 1000);
    expect_flight(&c, 10001, 11001);
    advance(&c, 100);
    peer_sends(&c, .ack = 11001, .flags = ACK);
    ck_assert_uint_ge(sent_at_once(&c), 10);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 7.4.2, case 2 */
START_TEST(a_probe_that_came_twice_by_a_duplicate_ack_does_not)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    expect_segment(&c, .seq = 9001, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    advance(&c, 50);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    advance(&c, 50);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    app_writes(&c, 1000);
    expect_flight(&c, 10001, 11001);
    advance(&c, 100);
    peer_sends(&c, .ack = 11001, .flags = ACK);
    ck_assert_uint_ge(sent_at_once(&c), 10);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* A probe of new data is no loss by itself. */
START_TEST(a_probe_with_new_data_does_not)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .initial_window = 4);

    app_writes(&c, 5000);
    expect_flight(&c, 1, 4001);
    expect_segment(&c, .seq = 4001, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    advance(&c, 100);
    peer_sends(&c, .ack = 5001, .flags = ACK);
    app_writes(&c, 1000);
    expect_flight(&c, 5001, 6001);
    advance(&c, 100);
    peer_sends(&c, .ack = 6001, .flags = ACK);
    ck_assert_uint_ge(sent_at_once(&c), 4);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 7.2: segments that were sacked are RACK's affair. */
START_TEST(with_text_sacked_no_probe_is_sent)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .no_rack = true);

    app_writes(&c, 4000);
    expect_flight(&c, 1, 4001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 2001}});
    expect_silence_for(&c, 190);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 0,
                   .within_ms = 120);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* The FIN is part of the last segment. */
START_TEST(a_fin_is_probed_for_with_the_text_before_it)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 2000);
    expect_flight(&c, 1, 2001);
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 2001, .flags = FIN | ACK);
    expect_segment(&c, .any_len = true, .flags = FIN | ACK, .optional = PSH,
                   .after_ms = 200);
    peer_sends(&c, .ack = 2002, .flags = ACK);
    expect_silence_for(&c, 2000);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp tlp", after_two_round_trips_the_last_segment_goes_again,
          when_switched_off_the_timer_is_all_there_is,
          without_sack_no_probe_is_sent,
          a_single_segment_is_given_time_for_a_delayed_ack,
          an_ack_of_new_data_puts_the_probe_off,
          new_data_is_preferred_for_the_probe,
          new_data_outside_the_window_is_not_probed_with,
          after_the_probe_only_the_timer_is_left,
          without_a_new_measurement_no_other_probe_is_sent,
          a_loss_that_the_probe_repairs_reduces_the_window,
          a_probe_that_came_twice_by_dsack_does_not,
          a_probe_that_came_twice_by_a_duplicate_ack_does_not,
          a_probe_with_new_data_does_not, with_text_sacked_no_probe_is_sent,
          a_fin_is_probed_for_with_the_text_before_it)
