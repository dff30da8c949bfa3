/*
 * A replay tells the stack with what its connections begin: the ISS and the
 * clock of the timestamps (RFC 6528 and RFC 7323 5.4 would choose them).
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

enum { ISS = 0xfffffff0u, TS_VAL = 0xffffff00u };

static struct endpoint at(uint32_t addr, uint16_t port)
{
    return (struct endpoint){.addr = ip_addr_v4(addr), .port = port};
}

static void tell(struct conversation *c, uint16_t peer_port, uint32_t iss,
                 int answer)
{
    struct endpoint local = at(STACK_ADDR, STACK_PORT);
    struct endpoint remote = at(PEER_ADDR, peer_port);

    ck_assert_int_eq(
        stack_tell_beginning(c->stack, c->now, &local, &remote, iss, TS_VAL),
        answer);
}

/* The ISS is told before the SYN comes; it holds when the SYN,ACK goes again,
 * through the wrap of both numbers, and in TIME-WAIT. */
START_TEST(a_passive_open_begins_as_it_was_told)
{
    struct conversation c;
    begin_conversation(&c, .timestamps = true);
    app_listens(&c);
    tell(&c, PEER_PORT, ISS, 0);
    advance(&c, 100);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    ck_assert_uint_eq(c.peer->stack_iss, ISS);
    ck_assert_uint_eq(c.last.options.ts_val, TS_VAL + 100);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK,
                   .after_ms = 1000);
    ck_assert_uint_eq(c.peer->stack_iss, ISS);
    ck_assert_uint_eq(c.last.options.ts_val, TS_VAL + 1100);

    peer_sends(&c, .ack = 1, .flags = ACK);
    app_accepts(&c);
    app_writes(&c, 100);
    expect_segment(&c, .seq = 1, .len = 100, .flags = ACK | PSH);
    peer_sends(&c, .ack = 101, .flags = ACK);
    app_closes(&c);
    expect_segment(&c, .seq = 101, .flags = FIN | ACK);
    peer_sends(&c, .ack = 102, .flags = FIN | ACK);
    expect_segment(&c, .seq = 102, .ack = 2, .flags = ACK);
    ck_assert_uint_eq(c.last.options.ts_val, TS_VAL + 1100);
    close_conversation(&c);
}
END_TEST

START_TEST(an_active_open_begins_as_it_was_told)
{
    struct conversation c;
    struct endpoint local = at(STACK_ADDR, 50000);
    struct endpoint remote = at(PEER_ADDR, PEER_PORT);

    begin_conversation(&c, .active = true, .timestamps = true);
    ck_assert_int_eq(
        stack_tell_beginning(c.stack, c.now, &local, &remote, ISS, TS_VAL), 0);
    app_opens_socket(&c);
    ck_assert_int_eq(stack_bind(c.stack, c.now, c.peer->socket, &local), 0);
    ck_assert_int_eq(app_tries_to_connect(&c), -EINPROGRESS);
    expect_segment(&c, .seq = 0, .flags = SYN);
    ck_assert_uint_eq(c.peer->stack_iss, ISS);
    ck_assert_uint_eq(c.last.options.ts_val, TS_VAL);
    close_conversation(&c);
}
END_TEST

/* What is told last holds; other ends hear nothing of it. */
START_TEST(each_pair_of_ends_is_told_alone)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);
    tell(&c, PEER_PORT, 1, 0);
    tell(&c, PEER_PORT, ISS, 0);
    tell(&c, PEER_PORT + 1, ISS + 5, 0);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    ck_assert_uint_eq(c.peer->stack_iss, ISS);
    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    ck_assert_uint_eq(c.peer->stack_iss, ISS + 5);
    peer_uses_port(&c, PEER_PORT + 2);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    ck_assert_uint_ne(c.peer->stack_iss, ISS);
    ck_assert_uint_ne(c.peer->stack_iss, ISS + 5);
    close_conversation(&c);
}
END_TEST

/* A TCB at rest is packed with the clock that was told: tcp_rest.c. */
START_TEST(of_a_connection_at_rest_nothing_else_is_told)
{
    struct conversation c;
    begin_conversation(&c, .timestamps = true);
    app_listens(&c);
    tell(&c, PEER_PORT, ISS, 0);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .ack = 1, .flags = ACK);
    app_accepts(&c);

    expect_silence_for(&c, 2000);
    tell(&c, PEER_PORT, 1, -EISCONN);
    app_writes(&c, 100);
    expect_segment(&c, .seq = 1, .len = 100, .flags = ACK | PSH);
    ck_assert_uint_eq(c.last.options.ts_val, TS_VAL + 2000);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp told", a_passive_open_begins_as_it_was_told,
          an_active_open_begins_as_it_was_told, each_pair_of_ends_is_told_alone,
          of_a_connection_at_rest_nothing_else_is_told)
