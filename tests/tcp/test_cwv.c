/*
 * A window that is not used: RFC 7661, and RFC 5681 4.1 for idle times.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

/* So many segments that are sent now. */
static unsigned take_sent(struct conversation *c)
{
    unsigned count = conversation_waiting(c);

    conversation_ignore_sent(c);
    return count;
}

/* Slow start: the window is so many segments, at least, and all of it was
 * used. */
static void grow_window(struct conversation *c, unsigned segments)
{
    unsigned sent = 0;

    while (sent < segments) {
        app_writes(c, (segments + 10) * 1000);
        sent = 0;
        for (int64_t ack = c->peer->acked + 2000;
             c->peer->acked < c->peer->received; ack += 2000) {
            sent += take_sent(c);
            advance(c, sent == 0 ? 0 : 1);
            peer_sends(c,
                       .ack = ack < c->peer->received ? ack : c->peer->received,
                       .flags = ACK);
        }
    }
    while (c->peer->acked < c->peer->received) {
        conversation_ignore_sent(c);
        peer_sends(c, .ack = c->peer->received, .flags = ACK);
    }
}

static void end(struct conversation *c)
{
    conversation_ignore_sent(c);
    while (c->peer->acked < c->peer->received) {
        peer_sends(c, .ack = c->peer->received, .flags = ACK);
        conversation_ignore_sent(c);
    }
    close_conversation(c);
}

#define SPEAKS                                                                 \
    .sack = true, .rtt_ms = 100, .no_tlp = true, .window = 1000000,            \
    .wscale = 5, .send_buffer = 1 << 20

/* RFC 5681 4.1: as Linux, by default. */
START_TEST(after_an_idle_time_the_window_begins_small)
{
    struct conversation c;
    open_conversation(&c, SPEAKS);

    grow_window(&c, 40);
    advance(&c, 2000);
    app_writes(&c, 60000);
    ck_assert_uint_eq(take_sent(&c), 10);
    end(&c);
}
END_TEST

/* RFC 7661 4.3, 4.4: within five minutes. */
START_TEST(or_is_kept_where_that_is_switched_off)
{
    struct conversation c;
    open_conversation(&c, SPEAKS, .no_slow_start_after_idle = true);

    grow_window(&c, 40);
    advance(&c, 290000);
    app_writes(&c, 100000);
    ck_assert_uint_ge(take_sent(&c), 40);
    end(&c);
}
END_TEST

/* 4.4.3 */
START_TEST(after_five_minutes_it_is_halved)
{
    struct conversation c;
    open_conversation(&c, SPEAKS, .no_slow_start_after_idle = true);

    grow_window(&c, 40);
    advance(&c, 400000);
    app_writes(&c, 100000);
    unsigned count = take_sent(&c);
    ck_assert_uint_ge(count, 20);
    ck_assert_uint_lt(count, 40);
    end(&c);
}
END_TEST

static void hear_ssthresh(void *listener, const struct trace_event *event)
{
    if (event->kind == TRACE_SEGMENT_OUT && event->cwnd != 0)
        *(uint32_t *)listener = event->ssthresh;
}

/* A flight of so many segments, of which the first is lost. */
static void lose_one_of(struct conversation *c, unsigned segments)
{
    int64_t first = c->peer->received;

    app_writes(c, segments * 1000);
    ck_assert_uint_eq(take_sent(c), segments);
    advance(c, 100);
    peer_sends(c, .ack = first, .flags = ACK,
               .sack = {{first + 1000, first + segments * 1000}});
    expect_segment(c, .seq = first, .len = 1000, .flags = ACK);
}

/* 4.4.1: a small flight at the end of much. It was used a moment ago. */
START_TEST(a_loss_is_answered_by_what_was_used_lately)
{
    uint32_t ssthresh;
    struct conversation c;
    open_conversation(&c, SPEAKS, .no_slow_start_after_idle = true,
                      .trace = {.emit = hear_ssthresh, .listener = &ssthresh});

    grow_window(&c, 100);
    advance(&c, 1100);
    app_writes(&c, 40000);
    ck_assert_uint_eq(take_sent(&c), 40);
    advance(&c, 100);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    lose_one_of(&c, 6);
    ck_assert_uint_eq(ssthresh, 20000);
    advance(&c, 100);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    app_writes(&c, 100000); /* (40 - 1) / 2 */
    ck_assert_uint_eq(take_sent(&c), 19);
    end(&c);
}
END_TEST

START_TEST(when_switched_off_by_what_is_in_flight)
{
    uint32_t ssthresh;
    struct conversation c;
    open_conversation(&c, SPEAKS, .no_slow_start_after_idle = true,
                      .no_cwv = true,
                      .trace = {.emit = hear_ssthresh, .listener = &ssthresh});

    grow_window(&c, 100);
    advance(&c, 1100);
    lose_one_of(&c, 6);
    ck_assert_uint_eq(ssthresh, 3000);
    advance(&c, 100);
    end(&c);
}
END_TEST

/* 4.4: the standard response. */
START_TEST(a_timeout_is_answered_by_what_is_in_flight)
{
    uint32_t ssthresh;
    struct conversation c;
    open_conversation(&c, SPEAKS, .no_slow_start_after_idle = true,
                      .trace = {.emit = hear_ssthresh, .listener = &ssthresh});

    grow_window(&c, 100);
    advance(&c, 1100);
    app_writes(&c, 40000);
    ck_assert_uint_eq(take_sent(&c), 40);
    advance(&c, 100);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    app_writes(&c, 6000);
    ck_assert_uint_eq(take_sent(&c), 6);
    advance(&c, 400);
    ck_assert_uint_ge(take_sent(&c), 1);
    ck_assert_uint_eq(ssthresh, 3000);
    end(&c);
}
END_TEST

UNIT_MAIN("tcp cwv", after_an_idle_time_the_window_begins_small,
          or_is_kept_where_that_is_switched_off,
          after_five_minutes_it_is_halved,
          a_loss_is_answered_by_what_was_used_lately,
          when_switched_off_by_what_is_in_flight,
          a_timeout_is_answered_by_what_is_in_flight)
