/*
 * How often the window is reduced: RFC 5681 3.1, 4.3, RFC 8985 9.3, RFC 9937
 * 6.1. Reno halves it, so the halves are counted.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

enum { SEGMENT = 1000 };

/* As of the last segment that was sent. */
struct window {
    uint32_t cwnd, ssthresh;
};

static void hear(void *listener, const struct trace_event *event)
{
    struct window *window = listener;

    if (event->kind != TRACE_SEGMENT_OUT || event->cwnd == 0)
        return;
    window->cwnd = event->cwnd;
    window->ssthresh = event->ssthresh;
}

#define SPEAKS                                                                 \
    .sack = true, .rtt_ms = 100, .initial_window = 20, .no_tlp = true,         \
    .trace = {.emit = hear, .listener = &window}

/* Twenty segments, and as many again to come. */
static void open_flight(struct conversation *c)
{
    app_writes(c, 60 * SEGMENT);
    ck_assert_uint_eq(conversation_waiting(c), 20);
    conversation_ignore_sent(c);
    advance(c, 100);
}

/* All that was sent has arrived. */
static void end_flight(struct conversation *c)
{
    while (c->peer->acked < c->peer->received) {
        peer_sends(c, .ack = c->peer->received, .flags = ACK);
        conversation_ignore_sent(c);
    }
}

/* The first of twenty is lost; a round trip later its retransmission too. */
static void lose_twice(struct conversation *c, const struct window *window)
{
    open_flight(c);
    peer_sends(c, .ack = 1, .flags = ACK, .sack = {{1001, 20001}});
    expect_segment(c, .seq = 1, .len = SEGMENT, .flags = ACK);
    ck_assert_uint_eq(window->ssthresh, 10 * SEGMENT);
    conversation_ignore_sent(c);
    advance(c, 100);
    peer_sends(c, .ack = 1, .flags = ACK, .sack = {{1001, 22001}});
    expect_segment(c, .seq = 1, .len = SEGMENT, .flags = ACK);
    conversation_ignore_sent(c);
    end_flight(c);
}

/* RFC 8985 9.3: PRR is RECOMMENDED for that, and slows down by itself. As in
 * Linux. */
START_TEST(a_lost_retransmission_reduces_the_window_no_further)
{
    struct window window = {0};
    struct conversation c;
    open_conversation(&c, SPEAKS);

    lose_twice(&c, &window);
    ck_assert_uint_eq(window.ssthresh, 10 * SEGMENT);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 4.3: "cwnd (and ssthresh) MUST be lowered twice in this case". */
START_TEST(unless_it_is_set_so)
{
    struct window window = {0};
    struct conversation c;
    open_conversation(&c, SPEAKS, .reduce_twice = true);

    lose_twice(&c, &window);
    ck_assert_uint_eq(window.ssthresh, 5 * SEGMENT);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 9.3: "in the absence of PRR ... an additional congestion response".
 */
START_TEST(or_there_is_no_rate_reduction)
{
    struct window window = {0};
    struct conversation c;
    open_conversation(&c, SPEAKS, .no_prr = true);

    lose_twice(&c, &window);
    ck_assert_uint_eq(window.ssthresh, 5 * SEGMENT);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 4.3: "loss in two successive windows", found before the first is
 * repaired. */
START_TEST(the_loss_of_what_was_sent_since_reduces_it_once_more)
{
    struct window window = {0};
    struct conversation c;
    open_conversation(&c, SPEAKS);

    open_flight(&c);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 10001}});
    expect_segment(&c, .seq = 1, .len = SEGMENT, .flags = ACK);
    ck_assert_uint_eq(window.ssthresh, 10 * SEGMENT);
    conversation_ignore_sent(&c);
    advance(&c, 5);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 16001}});
    expect_segment(&c, .seq = 20001, .len = SEGMENT, .flags = ACK);
    expect_segment(&c, .seq = 21001, .len = SEGMENT, .flags = ACK);
    conversation_ignore_sent(&c);
    advance(&c, 15);
    peer_sends(&c, .ack = 1, .flags = ACK,
               .sack = {{17001, 20001}, {1001, 16001}});
    expect_segment(&c, .seq = 16001, .len = SEGMENT, .flags = ACK);
    conversation_ignore_sent(&c);
    advance(&c, 80);
    peer_sends(&c, .ack = 16001, .flags = ACK, .sack = {{17001, 20001}});
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(window.ssthresh, 10 * SEGMENT);
    advance(&c, 5);
    peer_sends(&c, .ack = 16001, .flags = ACK,
               .sack = {{21001, 22001}, {17001, 20001}});
    expect_segment(&c, .seq = 20001, .len = SEGMENT, .flags = ACK);
    ck_assert_uint_eq(window.ssthresh, 5 * SEGMENT);
    conversation_ignore_sent(&c);
    end_flight(&c);
    close_conversation(&c);
}
END_TEST

/* A retransmission and what was sent after it, all in one round trip. */
START_TEST(several_losses_in_a_round_trip_reduce_it_once)
{
    struct window window = {0};
    struct conversation c;
    open_conversation(&c, SPEAKS, .reduce_twice = true);

    open_flight(&c);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{3001, 20001}});
    expect_segment(&c, .seq = 1, .len = SEGMENT, .flags = ACK);
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(window.ssthresh, 10 * SEGMENT);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK,
               .sack = {{21001, 22001}, {3001, 20001}});
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(window.ssthresh, 5 * SEGMENT);
    advance(&c, 10);
    peer_sends(&c, .ack = 1, .flags = ACK,
               .sack = {{23001, 24001}, {21001, 22001}, {3001, 20001}});
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(window.ssthresh, 5 * SEGMENT);
    end_flight(&c);
    close_conversation(&c);
}
END_TEST

/* After a time-out too. Linux as well. */
START_TEST(a_lost_retransmission_after_a_timeout_reduces_it_once_more)
{
    struct window window = {0};
    struct conversation c;
    open_conversation(&c, SPEAKS, .no_frto = true);

    app_writes(&c, 20 * SEGMENT);
    conversation_ignore_sent(&c);
    expect_segment(&c, .seq = 1, .len = SEGMENT, .flags = ACK, .after_ms = 300);
    ck_assert_uint_eq(window.ssthresh, 10 * SEGMENT);
    for (int64_t ack = 1001; ack <= 4001; ack += SEGMENT) {
        advance(&c, 100);
        peer_sends(&c, .ack = ack, .flags = ACK);
        ck_assert_uint_gt(conversation_waiting(&c), 0);
        conversation_ignore_sent(&c);
    }
    ck_assert_uint_eq(window.ssthresh, 10 * SEGMENT);
    advance(&c, 100);
    peer_sends(&c, .ack = 4001, .flags = ACK, .sack = {{5001, 8001}});
    expect_segment(&c, .seq = 4001, .len = SEGMENT, .flags = ACK, .after_ms = 0,
                   .within_ms = 30);
    ck_assert_uint_lt(window.ssthresh, 5 * SEGMENT);
    conversation_ignore_sent(&c);
    end_flight(&c);
    close_conversation(&c);
}
END_TEST

/* The ACK that shows the loss has acknowledged something as well: that was in
 * the same flight, and what it lets go is not there yet. */
START_TEST(the_flight_is_the_one_that_the_loss_was_in)
{
    struct window window = {0};
    struct conversation c;
    open_conversation(&c, SPEAKS);

    open_flight(&c);
    peer_sends(&c, .ack = 8001, .flags = ACK, .sack = {{9001, 14001}});
    expect_segment(&c, .seq = 8001, .len = SEGMENT, .flags = ACK);
    ck_assert_uint_eq(window.ssthresh, 10 * SEGMENT);
    conversation_ignore_sent(&c);
    end_flight(&c);
    close_conversation(&c);
}
END_TEST

static void time_out_in_recovery(struct conversation *c,
                                 const struct window *window)
{
    open_flight(c);
    peer_sends(c, .ack = 1, .flags = ACK, .sack = {{1001, 20001}});
    expect_segment(c, .seq = 1, .len = SEGMENT, .flags = ACK);
    ck_assert_uint_eq(window->ssthresh, 10 * SEGMENT);
    conversation_ignore_sent(c);
    expect_segment(c, .seq = 1, .len = SEGMENT, .flags = ACK, .after_ms = 0,
                   .within_ms = 400);
    ck_assert_uint_eq(window->cwnd, SEGMENT);
    end_flight(c);
}

/* RFC 5681 3.1: ssthresh is no more than half of the flight already. As in
 * Linux: it was reduced for this window. */
START_TEST(a_timeout_within_a_recovery_does_not_reduce_ssthresh)
{
    struct window window = {0};
    struct conversation c;
    open_conversation(&c, SPEAKS);

    time_out_in_recovery(&c, &window);
    ck_assert_uint_eq(window.ssthresh, 10 * SEGMENT);
    close_conversation(&c);
}
END_TEST

/* It is a lost retransmission, too. */
START_TEST(unless_that_is_set_so)
{
    struct window window = {0};
    struct conversation c;
    open_conversation(&c, SPEAKS, .reduce_twice = true);

    time_out_in_recovery(&c, &window);
    ck_assert_uint_eq(window.ssthresh, 5 * SEGMENT);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 3.1: "the value of ssthresh is held constant". */
START_TEST(further_timeouts_of_the_same_segment_do_not)
{
    struct window window = {0};
    struct conversation c;
    open_conversation(&c, SPEAKS);

    app_writes(&c, 20 * SEGMENT);
    conversation_ignore_sent(&c);
    for (int64_t after = 300; after <= 1200; after *= 2) {
        expect_segment(&c, .seq = 1, .len = SEGMENT, .flags = ACK,
                       .after_ms = after);
        ck_assert_uint_eq(window.ssthresh, 10 * SEGMENT);
    }
    end_flight(&c);
    close_conversation(&c);
}
END_TEST

/* Not even if something else was acknowledged selectively meanwhile. */
START_TEST(nor_if_others_have_arrived_meanwhile)
{
    struct window window = {0};
    struct conversation c;
    open_conversation(&c, SPEAKS, .no_frto = true, .no_undo = true);

    app_writes(&c, 20 * SEGMENT);
    conversation_ignore_sent(&c);
    expect_segment(&c, .seq = 1, .len = SEGMENT, .flags = ACK, .after_ms = 300);
    ck_assert_uint_eq(window.ssthresh, 10 * SEGMENT);
    advance(&c, 20);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{19001, 20001}});
    conversation_ignore_sent(&c);
    advance(&c, 600);
    ck_assert_uint_gt(conversation_waiting(&c), 0);
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(window.ssthresh, 10 * SEGMENT);
    end_flight(&c);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp reduction", a_lost_retransmission_reduces_the_window_no_further,
          unless_it_is_set_so, or_there_is_no_rate_reduction,
          the_loss_of_what_was_sent_since_reduces_it_once_more,
          the_flight_is_the_one_that_the_loss_was_in,
          several_losses_in_a_round_trip_reduce_it_once,
          a_lost_retransmission_after_a_timeout_reduces_it_once_more,
          a_timeout_within_a_recovery_does_not_reduce_ssthresh,
          unless_that_is_set_so, further_timeouts_of_the_same_segment_do_not,
          nor_if_others_have_arrived_meanwhile)
