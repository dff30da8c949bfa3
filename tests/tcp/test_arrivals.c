/*
 * SO_TIMESTAMP on a stream, as measured on Linux: a read tells when the last of
 * its bytes has come.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include "stack/stack_internal.h"
#include "stack/tcp/tcb.h"

enum { NONE = -1 };

/* What a read of at most `len` bytes tells: msec since then, or NONE. */
static int64_t age_told(struct conversation *c, size_t len, int flags)
{
    struct socket_control control = {0};
    uint8_t bytes[20000];
    struct iovec iov = {.iov_base = bytes, .iov_len = len};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .flags = flags, .control = &control};
    ssize_t got = stack_receive(c->stack, c->now, c->peer->socket, &message);

    ck_assert_int_ge(got, 0);
    if (!(control.present & CONTROL_TIMESTAMP))
        return NONE;
    ck_assert_uint_eq(control.timestamp, SO_TIMESTAMP);
    return (c->now - control.arrived) / USEC_PER_MSEC;
}

static void open_stamped(struct conversation *c)
{
    open_conversation(c, .mss = 1000);
    app_sets(c, SOL_SOCKET, SO_TIMESTAMP, 1);
}

static void peer_writes(struct conversation *c, int64_t len)
{
    peer_sends(c, .ack = 1, .len = len, .flags = ACK | PSH);
    conversation_ignore_sent(c);
}

START_TEST(a_read_tells_when_its_last_byte_has_come)
{
    struct conversation c;
    open_stamped(&c);

    peer_writes(&c, 100);
    advance(&c, 300);
    conversation_ignore_sent(&c);
    peer_writes(&c, 50);
    advance(&c, 200);
    conversation_ignore_sent(&c);
    ck_assert_int_eq(age_told(&c, 10, MSG_PEEK), 500);
    ck_assert_int_eq(age_told(&c, 10, 0), 500);
    ck_assert_int_eq(age_told(&c, 90, MSG_PEEK), 500);
    ck_assert_int_eq(age_told(&c, 91, MSG_PEEK), 200);
    ck_assert_int_eq(age_told(&c, 100, 0), 200);
    ck_assert_int_eq(age_told(&c, 40, MSG_TRUNC), 200);
    close_conversation(&c);
}
END_TEST

START_TEST(what_came_before_it_was_asked_for_has_no_time)
{
    struct conversation c;
    open_conversation(&c, .mss = 1000);

    peer_writes(&c, 100);
    app_sets(&c, SOL_SOCKET, SO_TIMESTAMP, 1);
    peer_writes(&c, 100);
    ck_assert_int_eq(age_told(&c, 100, 0), NONE);
    ck_assert_int_eq(age_told(&c, 1, 0), 0);
    app_sets(&c, SOL_SOCKET, SO_TIMESTAMP, 0);
    ck_assert_int_eq(age_told(&c, 1, 0), NONE);
    peer_writes(&c, 100);
    app_sets(&c, SOL_SOCKET, SO_TIMESTAMP, 1);
    ck_assert_int_eq(age_told(&c, 98, 0), 0);
    peer_writes(&c, 100);
    ck_assert_int_eq(age_told(&c, 100, 0), NONE);
    ck_assert_int_eq(age_told(&c, 100, 0), 0);
    close_conversation(&c);
}
END_TEST

START_TEST(a_hole_that_is_filled_makes_all_behind_it_readable)
{
    struct conversation c;
    open_stamped(&c);

    peer_sends(&c, .seq = 101, .ack = 1, .len = 100, .flags = ACK | PSH);
    conversation_ignore_sent(&c);
    advance(&c, 300);
    peer_sends(&c, .seq = 1, .ack = 1, .len = 100, .flags = ACK | PSH);
    conversation_ignore_sent(&c);
    advance(&c, 100);
    ck_assert_int_eq(age_told(&c, 200, 0), 100);
    close_conversation(&c);
}
END_TEST

START_TEST(more_arrivals_than_there_is_room_for_count_as_the_last)
{
    struct conversation c;
    open_stamped(&c);

    for (int i = 0; i < 20; i++) {
        peer_writes(&c, 10);
        advance(&c, 10);
        conversation_ignore_sent(&c);
    }
    ck_assert_int_eq(age_told(&c, 10, 0), 200);
    ck_assert_int_eq(age_told(&c, 140, 0), 60);
    ck_assert_int_eq(age_told(&c, 1, 0), 10);
    ck_assert_int_eq(age_told(&c, 49, 0), 10);
    close_conversation(&c);
}
END_TEST

START_TEST(the_end_has_no_time)
{
    struct conversation c;
    open_stamped(&c);

    peer_sends(&c, .ack = 1, .len = 10, .flags = ACK | FIN);
    conversation_ignore_sent(&c);
    ck_assert_int_eq(age_told(&c, 100, 0), 0);
    ck_assert_int_eq(age_told(&c, 100, 0), NONE);
    close_conversation(&c);
}
END_TEST

/* And so is the memory for it: the connection can rest, see tcp_rest.h. */
START_TEST(what_is_read_is_forgotten_when_nobody_asks_any_more)
{
    struct conversation c;
    open_stamped(&c);

    peer_writes(&c, 100);
    app_sets(&c, SOL_SOCKET, SO_TIMESTAMP, 0);
    advance(&c, 2000);
    ck_assert_int_eq(age_told(&c, 100, 0), NONE);
    advance(&c, 2000);
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(c.stack->tcp.resting.entry_count, 1);
    close_conversation(&c);
}
END_TEST

/* After half the sequence space what is behind would seem to be ahead. */
START_TEST(what_was_read_long_ago_is_not_found_again)
{
    struct conversation c;
    open_stamped(&c);

    peer_writes(&c, 100);
    app_sets(&c, SOL_SOCKET, SO_TIMESTAMP, 0);
    ck_assert_int_eq(age_told(&c, 100, 0), NONE);
    peer_writes(&c, 100);
    ck_assert_ptr_null(
        container_of(c.stack->tcp.all.prev, struct tcb, all_node)->extra);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp arrivals", a_read_tells_when_its_last_byte_has_come,
          what_came_before_it_was_asked_for_has_no_time,
          a_hole_that_is_filled_makes_all_behind_it_readable,
          more_arrivals_than_there_is_room_for_count_as_the_last,
          the_end_has_no_time,
          what_is_read_is_forgotten_when_nobody_asks_any_more,
          what_was_read_long_ago_is_not_found_again)
