/*
 * TIME-WAIT as a small record: RFC 9293 3.6.1 and 3.10.7.4, RFC 1337, RFC 6191.
 * What a program sees of it is in test_close.c.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <string.h>

/* From ESTABLISHED; the program holds on. */
static void go_to_time_wait(struct conversation *c)
{
    app_shuts_down(c, SHUT_WR);
    expect_segment(c, .flags = FIN | ACK);
    peer_sends(c, .flags = FIN | ACK);
    expect_segment(c, .ack = c->peer->next, .flags = ACK);
    expect_silence(c);
}

/* One more connection, from `port`. */
static void open_from(struct conversation *c, unsigned port)
{
    peer_uses_port(c, port);
    peer_sends(c, .flags = SYN);
    expect_segment(c, .flags = SYN | ACK);
    peer_sends(c, .flags = ACK);
    app_accepts(c);
}

/* The peer's FIN comes again, and it is known still. */
static void expect_it_waits(struct conversation *c, unsigned port)
{
    peer_uses_port(c, port);
    peer_sends(c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(c, .seq = 2, .ack = 2, .flags = ACK);
}

static void expect_it_is_gone(struct conversation *c, unsigned port)
{
    peer_uses_port(c, port);
    peer_sends(c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(c, .seq = 2, .flags = RST);
}

/* ---- what it costs ---- */

enum { TIME_WAIT_SIZE = 72 }; /* of a record with IPv4 addresses */

/* Links and deadline all told; the table's own growth aside. */
START_TEST(it_costs_at_most_96_bytes)
{
    enum { CONNECTIONS = 200, TABLE = 256 * sizeof(void *) };
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    size_t used = c.memory.used;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        open_from(&c, PEER_PORT + i);
        go_to_time_wait(&c);
        app_closes(&c);
    }
    /* the first ones have let other tables grow, too */
    ck_assert_uint_le(c.memory.used - used,
                      CONNECTIONS * TIME_WAIT_SIZE + 4 * TABLE);
    close_conversation(&c);
}
END_TEST

START_TEST(its_memory_comes_back_after_a_minute)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);
    open_from(&c, PEER_PORT);
    go_to_time_wait(&c);
    app_closes(&c);

    size_t used = c.memory.used;
    advance(&c, 59999);
    ck_assert_uint_eq(c.memory.used, used);
    advance(&c, 1);
    ck_assert_uint_eq(used - c.memory.used, TIME_WAIT_SIZE);
    close_conversation(&c);
}
END_TEST

/* The socket tells what came; the connection waits by itself. */
START_TEST(the_program_may_hold_on_and_read)
{
    struct conversation c;
    open_conversation(&c);

    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .ack = 2, .len = 1000, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 1002, .flags = ACK);
    app_polls(&c, POLLIN | POLLOUT | POLLHUP);
    app_reads(&c, 500);
    advance(&c, 61000);
    app_reads(&c, 500);
    app_reads_end(&c);
    app_finds_error(&c, 0);
    app_fails_to_write(&c, EPIPE);
    app_closes(&c);
    close_conversation(&c);
}
END_TEST

/* Without memory there is none: our last ACK has gone, that must do. */
START_TEST(without_memory_the_connection_just_ends)
{
    struct conversation c;
    open_conversation(&c);

    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    c.memory.limit = c.memory.used;
    peer_sends(&c, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    app_reads_end(&c);
    expect_it_is_gone(&c, PEER_PORT);
    close_conversation(&c);
}
END_TEST

/* ---- how long it lasts ---- */

START_TEST(each_has_a_deadline_of_its_own)
{
    struct conversation c;
    open_conversation(&c);
    go_to_time_wait(&c);
    advance(&c, 10000);
    open_from(&c, PEER_PORT + 1);
    go_to_time_wait(&c);
    advance(&c, 10000);
    expect_it_waits(&c, PEER_PORT); /* and begins anew: until 80 s */

    advance(&c, 50001); /* 70 s */
    expect_it_is_gone(&c, PEER_PORT + 1);
    advance(&c, 9998);
    expect_it_waits(&c, PEER_PORT);
    advance(&c, 60001);
    expect_it_is_gone(&c, PEER_PORT);
    close_conversation(&c);
}
END_TEST

START_TEST(at_the_limit_the_oldest_gives_way)
{
    struct conversation c;
    begin_conversation(&c, .max_time_wait = 2);
    app_listens(&c);
    for (unsigned i = 0; i < 3; i++) {
        open_from(&c, PEER_PORT + i);
        go_to_time_wait(&c);
    }
    expect_it_is_gone(&c, PEER_PORT);
    expect_it_waits(&c, PEER_PORT + 1);
    expect_it_waits(&c, PEER_PORT + 2);
    close_conversation(&c);
}
END_TEST

/* ---- what it answers ---- */

/* With all that the TCB would have said. */
START_TEST(its_answer_has_window_and_timestamps)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true, .wscale = 7,
                      .receive_buffer = 1 << 20);
    go_to_time_wait(&c);
    unsigned window = c.last.window;
    uint32_t ts_val = c.last.options.ts_val;

    advance(&c, 1000);
    peer_sends(&c, .seq = 1, .ack = 2, .ts_ecr = ts_val, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK,
                   .options = "nop,nop,TS");
    ck_assert_uint_eq(c.last.window, window);
    ck_assert_uint_eq(c.last.options.ts_val, ts_val + 1000);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 5.3 */
START_TEST(an_old_timestamp_is_answered_and_one_that_lacks_is_not)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);
    advance(&c, 1000);
    go_to_time_wait(&c);

    peer_sends(&c, .seq = 2, .ack = 2, .len = 10, .ts_val = 1,
               .flags = ACK | PSH);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    peer_sends(&c, .seq = 2, .ack = 2, .no_timestamps = true, .len = 10,
               .flags = ACK | PSH);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 5961 7: two ends that disagree do not answer each other for ever. 65,536
 * of them share 10,000 a second, for 60 s. */
START_TEST(odd_empty_segments_are_answered_nine_times)
{
    struct conversation c;
    open_conversation(&c);
    go_to_time_wait(&c);

    for (unsigned i = 0; i < 20; i++)
        peer_sends(&c, .seq = 2, .ack = 3, .flags = ACK);
    for (unsigned i = 0; i < 9; i++)
        expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    expect_silence(&c);
    expect_it_waits(&c, PEER_PORT); /* a FIN always */
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.10.7.4, second, with RFC 5961 3.2. */
START_TEST(a_reset_ends_it_if_it_is_exact)
{
    struct conversation c;
    open_conversation(&c);
    go_to_time_wait(&c);

    peer_sends(&c, .seq = 10, .flags = RST);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    expect_it_waits(&c, PEER_PORT);
    peer_sends(&c, .seq = 2, .flags = RST);
    expect_silence(&c);
    expect_it_is_gone(&c, PEER_PORT);
    close_conversation(&c);
}
END_TEST

/* RFC 1337 3, fix F1. */
START_TEST(with_rfc_1337_no_reset_ends_it)
{
    struct conversation c;
    open_conversation(&c, .rfc1337 = true);
    go_to_time_wait(&c);

    peer_sends(&c, .seq = 2, .flags = RST);
    peer_sends(&c, .seq = 10, .flags = RST);
    expect_silence(&c);
    expect_it_waits(&c, PEER_PORT);
    close_conversation(&c);
}
END_TEST

/* After both closed at once, too: CLOSING becomes TIME-WAIT. */
START_TEST(it_follows_closing)
{
    struct conversation c;
    open_conversation(&c);
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .seq = 1, .ack = 1, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);

    peer_sends(&c, .seq = 2, .ack = 2, .flags = ACK);
    expect_silence(&c);
    expect_it_waits(&c, PEER_PORT);
    expect_silence_for(&c, 60001);
    expect_it_is_gone(&c, PEER_PORT);
    close_conversation(&c);
}
END_TEST

/* ---- ports ---- */

static int bind_again(struct conversation *c, uint16_t port, int reuse)
{
    struct endpoint local = {.addr = ip_addr_v4(STACK_ADDR), .port = port};
    socket_id id;
    int result;

    ck_assert_int_eq(
        stack_socket(c->stack, c->now, AF_INET, SOCK_STREAM, 0, &id), 0);
    ck_assert_int_eq(stack_set_option(c->stack, c->now, id, SOL_SOCKET,
                                      SO_REUSEADDR,
                                      bytes_of(&reuse, sizeof(reuse))),
                     0);
    result = stack_bind(c->stack, c->now, id, &local);
    ck_assert_int_eq(stack_close(c->stack, c->now, id), 0);
    return result;
}

/* The listener has SO_REUSEADDR, and so its children: as Linux. */
START_TEST(its_port_can_be_bound_only_with_reuse)
{
    struct conversation c;
    open_conversation(&c);
    go_to_time_wait(&c);
    app_closes(&c);
    app_closes_listener(&c);

    ck_assert_int_eq(bind_again(&c, STACK_PORT, 0), -EADDRINUSE);
    ck_assert_int_eq(bind_again(&c, STACK_PORT, 1), 0);
    expect_it_waits(&c, PEER_PORT);
    advance(&c, 60001);
    ck_assert_int_eq(bind_again(&c, STACK_PORT, 0), 0);
    close_conversation(&c);
}
END_TEST

/* One that began without it keeps the port for itself. */
START_TEST(without_reuse_its_port_is_its_own)
{
    struct conversation c;
    open_conversation(&c, .active = true);
    go_to_time_wait(&c);
    app_closes(&c);

    uint16_t port = c.peer->stack_port;
    ck_assert_int_eq(bind_again(&c, port, 0), -EADDRINUSE);
    ck_assert_int_eq(bind_again(&c, port, 1), -EADDRINUSE);
    advance(&c, 60001);
    ck_assert_int_eq(bind_again(&c, port, 0), 0);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.6.1: the same ends are not used again from our side. */
START_TEST(its_ends_are_not_connected_again_before_it_is_over)
{
    struct conversation c;
    open_conversation(&c, .active = true);
    app_sets(&c, SOL_SOCKET, SO_REUSEADDR, 1);
    go_to_time_wait(&c);
    app_closes(&c);

    struct endpoint local = {.port = c.peer->stack_port};
    struct endpoint remote = {.port = PEER_PORT};
    local.addr = ip_addr_v4(STACK_ADDR);
    remote.addr = ip_addr_v4(PEER_ADDR);
    ck_assert_int_eq(
        stack_socket(c.stack, c.now, AF_INET, SOCK_STREAM, 0, &c.peer->socket),
        0);
    app_sets(&c, SOL_SOCKET, SO_REUSEADDR, 1);
    ck_assert_int_eq(stack_bind(c.stack, c.now, c.peer->socket, &local), 0);
    ck_assert_int_eq(stack_connect(c.stack, c.now, c.peer->socket, &remote),
                     -EADDRNOTAVAIL);
    advance(&c, 60001);
    ck_assert_int_eq(stack_connect(c.stack, c.now, c.peer->socket, &remote),
                     -EINPROGRESS);
    close_conversation(&c);
}
END_TEST

/* ---- the trace ---- */

struct states {
    uint32_t connection;
    char text[256];
};

/* All states of one connection, that must be one by its number. */
static void note_state(void *listener, const struct trace_event *event)
{
    struct states *states = listener;

    if (event->kind != TRACE_STATE || event->remote.port != PEER_PORT)
        return;
    if (states->connection == 0) {
        states->connection = event->connection;
        strcat(states->text, event->from);
    }
    ck_assert_uint_eq(event->connection, states->connection);
    strcat(states->text, " ");
    strcat(states->text, event->text);
}

/* Three things one after another, and one connection. */
START_TEST(the_trace_tells_of_one_connection)
{
    struct states states = {0};
    struct conversation c;
    open_conversation(&c, .trace = {note_state, &states});

    go_to_time_wait(&c);
    app_closes(&c);
    advance(&c, 60001);
    ck_assert_str_eq(states.text,
                     "LISTEN SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 "
                     "TIME-WAIT CLOSED");
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp TIME-WAIT", it_costs_at_most_96_bytes,
          its_memory_comes_back_after_a_minute,
          the_program_may_hold_on_and_read,
          without_memory_the_connection_just_ends,
          each_has_a_deadline_of_its_own, at_the_limit_the_oldest_gives_way,
          its_answer_has_window_and_timestamps,
          an_old_timestamp_is_answered_and_one_that_lacks_is_not,
          odd_empty_segments_are_answered_nine_times,
          a_reset_ends_it_if_it_is_exact, with_rfc_1337_no_reset_ends_it,
          it_follows_closing, its_port_can_be_bound_only_with_reuse,
          without_reuse_its_port_is_its_own,
          its_ends_are_not_connected_again_before_it_is_over,
          the_trace_tells_of_one_connection)
