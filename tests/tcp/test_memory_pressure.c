/*
 * What happens when the memory of all connections together runs short: see
 * stack/tcp/tcp_memory.h. The harness also sees to it that no window that was
 * offered ever shrinks (RFC 9293 3.8.6).
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

/* So many bytes may still be taken before memory is short. */
static void leave_before_short(struct conversation *c, size_t room)
{
    c->memory.limit = (c->memory.used + room) / 3 * 4 + 4;
}

/* So many bytes are somebody else's; negative: no longer. */
static void others_hold(struct conversation *c, int bytes)
{
    c->memory.used += (size_t)bytes;
}

/* So many before all is used; it is short then. */
static void leave_before_full(struct conversation *c, size_t room)
{
    c->memory.limit = c->memory.used + room;
}

static int64_t window_of(const struct conversation *c)
{
    return c->peer->stack_edge - c->peer->stack_acked;
}

static void open_another(struct conversation *c, unsigned port)
{
    peer_uses_port(c, port);
    peer_sends(c, .flags = SYN);
    expect_segment(c, .flags = SYN | ACK);
    peer_sends(c, .flags = ACK);
    app_accepts(c);
}

/* ---- Windows ------------------------------------------------------------ */

static void peer_sends_and_app_reads(struct conversation *c, int64_t len)
{
    peer_sends(c, .flags = ACK, .len = len);
    conversation_ignore_sent(c);
    app_reads(c, (size_t)len);
    conversation_ignore_sent(c);
    advance(c, 50);
    conversation_ignore_sent(c);
}

START_TEST(a_window_that_was_offered_stays_and_no_larger_one_follows)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 32768);

    peer_sends_and_app_reads(&c, 1000);
    ck_assert_int_gt(window_of(&c), 31000); /* less a step, 3.8.6.2.2 */
    leave_before_short(&c, 0);
    for (int i = 0; i < 10; i++) {
        int64_t edge = c.peer->stack_edge;

        peer_sends_and_app_reads(&c, 1000);
        ck_assert_int_eq(c.peer->stack_edge, edge);
    }
    for (int i = 0; i < 40; i++)
        peer_sends_and_app_reads(&c, 1000);
    /* the ring that is there still works */
    ck_assert_int_le(window_of(&c), 4096);
    ck_assert_int_ge(window_of(&c), 1000);

    leave_before_short(&c, 1 << 20); /* others have given memory back */
    peer_sends_and_app_reads(&c, 1000);
    ck_assert_int_gt(window_of(&c), 31000);
    close_conversation(&c);
}
END_TEST

/* What was offered is kept, if it comes in order, as long as there is any. */
START_TEST(text_in_order_is_taken_from_the_last_quarter)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 32768);

    others_hold(&c, 1 << 20);
    leave_before_short(&c, 0);
    for (int i = 0; i < 8; i++)
        peer_sends(&c, .flags = ACK, .len = 1000);
    conversation_ignore_sent(&c);
    app_reads(&c, 8000);
    conversation_ignore_sent(&c);
    others_hold(&c, -(1 << 20));
    close_conversation(&c);
}
END_TEST

START_TEST(text_in_order_is_refused_last_and_comes_again)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 32768);

    leave_before_full(&c, 100);
    peer_sends(&c, .flags = ACK, .len = 1000); /* no ring for it */
    expect_silence_for(&c, 100);
    leave_before_short(&c, 1 << 20);
    peer_sends(&c, .seq = 1, .flags = ACK, .len = 1000);
    app_reads(&c, 1000);
    expect_segment(&c, .ack = 1001, .flags = ACK, .within_ms = 50);
    close_conversation(&c);
}
END_TEST

/* ---- Text out of order -------------------------------------------------- */

/* RFC 5681 4.2: the peer hears of the hole all the same. */
START_TEST(text_beyond_a_hole_gets_no_new_memory_but_its_ack)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 32768);

    leave_before_short(&c, 0);
    peer_sends(&c, .seq = 1001, .flags = ACK, .len = 1000);
    expect_segment(&c, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 1, .flags = ACK, .len = 1000);
    app_reads(&c, 1000);
    app_fails_to_read(&c, EAGAIN);
    expect_segment(&c, .ack = 1001, .flags = ACK, .within_ms = 50);
    peer_sends(&c, .seq = 1001, .flags = ACK, .len = 1000);
    app_reads(&c, 1000);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* Three connections: two hold text beyond a hole, 16 KiB and 4 KiB; the third
 * needs memory for text in order. */
START_TEST(the_largest_holder_of_text_out_of_order_gives_way)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 32768);

    open_another(&c, PEER_PORT + 1);
    open_another(&c, PEER_PORT + 2);
    conversation_ignore_sent(&c);
    peer_sends(&c, .seq = 1001, .flags = ACK, .len = 1000); /* 4 KiB */
    peer_uses_port(&c, PEER_PORT);
    for (int i = 1; i < 12; i++) /* 16 KiB */
        peer_sends(&c, .seq = 1 + 1000 * i, .flags = ACK, .len = 1000);
    conversation_ignore_sent(&c);

    leave_before_short(&c, 0);
    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .flags = ACK, .len = 1000);
    app_reads(&c, 1000);

    peer_uses_port(&c, PEER_PORT + 2); /* has kept what it held */
    peer_sends(&c, .seq = 1, .flags = ACK, .len = 1000);
    app_reads(&c, 2000);
    peer_uses_port(&c, PEER_PORT); /* has not, and gets it again */
    peer_sends(&c, .seq = 1, .flags = ACK, .len = 1000);
    app_reads(&c, 1000);
    app_fails_to_read(&c, EAGAIN);
    for (int i = 1; i < 12; i++)
        peer_sends(&c, .seq = 1 + 1000 * i, .flags = ACK, .len = 1000);
    app_reads(&c, 11000);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 2018 8: blocks "MUST NOT report any old data which is no longer actually
 * held by the receiver". */
START_TEST(what_has_given_way_is_not_sacked_any_more)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 32768, .sack = true);

    open_another(&c, PEER_PORT + 1);
    conversation_ignore_sent(&c);
    peer_uses_port(&c, PEER_PORT);
    peer_sends(&c, .seq = 1001, .flags = ACK, .len = 1000);
    expect_segment(&c, .ack = 1, .flags = ACK, .sack = {{1001, 2001}});

    leave_before_short(&c, 0);
    peer_uses_port(&c, PEER_PORT + 1); /* needs memory */
    peer_sends(&c, .flags = ACK, .len = 1000);
    app_reads(&c, 1000);
    conversation_ignore_sent(&c);
    peer_uses_port(&c, PEER_PORT);
    peer_sends(&c, .seq = 0, .flags = ACK); /* a keepalive */
    expect_segment(&c, .ack = 1, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* ---- Sending ------------------------------------------------------------ */

START_TEST(a_program_can_always_write_a_little)
{
    struct conversation c;
    open_conversation(&c, .send_buffer = 65536);

    leave_before_short(&c, 0);
    app_polls(&c, POLLOUT);
    ck_assert_uint_eq(app_tries_to_write(&c, 20000), 4096);
    app_polls(&c, 0);
    conversation_ignore_sent(&c);
    for (int i = 0; i < 5; i++) {
        peer_sends(&c, .flags = ACK);
        conversation_ignore_sent(&c);
        app_polls(&c, POLLOUT);
        ck_assert_uint_gt(app_tries_to_write(&c, 20000), 1000);
        conversation_ignore_sent(&c);
    }
    leave_before_short(&c, 1 << 20);
    peer_sends(&c, .flags = ACK);
    ck_assert_uint_eq(app_tries_to_write(&c, 20000), 20000);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(limits_do_not_grow_when_memory_is_short)
{
    struct conversation c;
    open_conversation(&c, .send_buffer = 4096, .send_buffer_max = 65536);

    leave_before_short(&c, 0);
    for (int i = 0; i < 10; i++) {
        ck_assert_uint_le(app_tries_to_write(&c, 20000), 4096);
        conversation_ignore_sent(&c);
        peer_sends(&c, .flags = ACK);
        conversation_ignore_sent(&c);
    }
    leave_before_short(&c, 1 << 20); /* it is still what it was */
    ck_assert_uint_eq(app_tries_to_write(&c, 20000), 4096);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* ---- Connections -------------------------------------------------------- */

START_TEST(new_connections_are_refused_last)
{
    struct conversation c;
    int rest;
    open_conversation(&c, .memory_limit = 1 << 20);

    others_hold(&c, 850000);
    open_another(&c, PEER_PORT + 1); /* short is no reason */

    rest = (1 << 20) - (int)c.memory.used;
    others_hold(&c, rest);
    peer_uses_port(&c, PEER_PORT + 2);
    peer_sends(&c, .flags = SYN);
    expect_silence(&c);
    others_hold(&c, -850000 - rest);
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    close_conversation(&c);
}
END_TEST

/* The setting counts, where struct memory would allow more. */
START_TEST(the_limit_may_be_set)
{
    struct conversation c;
    open_conversation(&c, .memory_limit = 1 << 20, .send_buffer = 2 << 20);

    /* a ring of 512 KiB; for more the next one would have to fit as well */
    ck_assert_uint_eq(app_tries_to_write(&c, 2 << 20), 512 * 1024);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* A first small write, or text, makes a ring of 1 KiB. */
START_TEST(a_small_ring_is_used_when_all_memory_is)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 100, .flags = ACK | PSH);
    app_reads(&c, 100);
    app_writes(&c, 100);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 101, .flags = ACK);
    c.memory.limit = c.memory.used;
    ck_assert_uint_gt(app_tries_to_write(&c, 1400), 0);
    conversation_ignore_sent(&c);
    peer_sends(&c, .len = 1400, .flags = ACK | PSH);
    conversation_ignore_sent(&c);
    app_reads(&c, 500);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp memory pressure",
          a_window_that_was_offered_stays_and_no_larger_one_follows,
          text_in_order_is_taken_from_the_last_quarter,
          text_in_order_is_refused_last_and_comes_again,
          text_beyond_a_hole_gets_no_new_memory_but_its_ack,
          the_largest_holder_of_text_out_of_order_gives_way,
          what_has_given_way_is_not_sacked_any_more,
          a_program_can_always_write_a_little,
          limits_do_not_grow_when_memory_is_short,
          new_connections_are_refused_last, the_limit_may_be_set,
          a_small_ring_is_used_when_all_memory_is)
