/*
 * A connection at rest: an idle one, without a TCB; see stack/tcp/tcp_rest.h.
 * That nothing is forgotten meanwhile is also for all the other scripts to see
 * in which a second passes.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include "stack/stack_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

enum {
    REST_MS = 1000,
    IDLE_MOST = 446,  /* of one end, with its socket and tables */
    CONNECTIONS = 255 /* with the listener, so that tables are full */
};

static unsigned resting(const struct conversation *c)
{
    return c->stack->tcp.resting.entry_count;
}

static void expect_awake(const struct conversation *c)
{
    ck_assert_uint_eq(resting(c), 0);
}

static void expect_at_rest(const struct conversation *c)
{
    ck_assert_uint_eq(resting(c), 1);
}

/* Text there and back, and all is acknowledged and read. */
static void exchange(struct conversation *c)
{
    peer_sends(c, .len = 100, .flags = ACK | PSH);
    app_reads(c, 100);
    app_writes(c, 200);
    expect_segment(c, .len = 200, .flags = ACK | PSH);
    peer_sends(c, .flags = ACK);
    expect_silence(c);
}

static void begin_at_rest(struct conversation *c)
{
    exchange(c);
    advance(c, REST_MS + 100);
    expect_at_rest(c);
}

/* ---- To rest ------------------------------------------------------------ */

START_TEST(a_connection_is_at_rest_after_a_second_without_traffic)
{
    struct conversation c;
    open_conversation(&c);

    advance(&c, REST_MS - 1);
    expect_awake(&c);
    advance(&c, 1);
    expect_at_rest(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(traffic_puts_its_rest_off)
{
    struct conversation c;
    open_conversation(&c);

    for (int i = 0; i < 20; i++) {
        advance(&c, REST_MS / 2);
        exchange(&c);
        expect_awake(&c);
    }
    advance(&c, REST_MS - 1);
    expect_awake(&c);
    advance(&c, 1);
    expect_at_rest(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(what_is_unread_keeps_it_awake)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 1, .flags = ACK);
    expect_segment(&c, .flags = ACK, .within_ms = 100);
    advance(&c, 5 * REST_MS);
    expect_awake(&c);
    app_reads(&c, 1);
    advance(&c, 2 * REST_MS);
    expect_at_rest(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(what_is_unacknowledged_keeps_it_awake)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 1);
    advance(&c, 5 * REST_MS);
    conversation_ignore_sent(&c);
    expect_awake(&c);
    peer_sends(&c, .ack = 2, .flags = ACK);
    advance(&c, 2 * REST_MS);
    expect_at_rest(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(text_out_of_order_keeps_it_awake)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 2, .len = 1, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK);
    advance(&c, 5 * REST_MS);
    expect_awake(&c);
    peer_sends(&c, .seq = 1, .len = 1, .flags = ACK);
    expect_segment(&c, .ack = 3, .flags = ACK);
    app_reads(&c, 2);
    advance(&c, 2 * REST_MS);
    expect_at_rest(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(who_is_not_yet_accepted_is_awake_and_rests_after_it)
{
    struct conversation c;
    begin_conversation(&c);

    app_listens(&c);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK);
    advance(&c, 5 * REST_MS);
    expect_awake(&c);
    app_accepts(&c);
    advance(&c, REST_MS);
    expect_at_rest(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(one_that_was_opened_here_rests_too)
{
    struct conversation c;
    open_conversation(&c, .active = true);

    advance(&c, REST_MS);
    expect_at_rest(&c);
    exchange(&c);
    expect_awake(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(half_closed_by_the_peer_it_rests_too)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .flags = FIN | ACK);
    expect_segment(&c, .ack = 2, .flags = ACK);
    advance(&c, REST_MS);
    expect_at_rest(&c);
    app_polls(&c, POLLIN | POLLOUT);
    app_reads_end(&c);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .len = 10, .ack = 2, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

START_TEST(switched_off_none_rests)
{
    struct conversation c;
    open_conversation(&c, .no_rest = true);

    exchange(&c);
    advance(&c, 60 * REST_MS);
    expect_awake(&c);
    exchange(&c);
    close_conversation(&c);
}
END_TEST

/* ---- What it costs ------------------------------------------------------ */

START_TEST(an_idle_connection_takes_no_more_than_the_readme_tells)
{
    struct conversation c;
    begin_conversation(&c, .timestamps = true, .sack = true, .wscale = 7);
    app_listens(&c);

    size_t used = c.memory.used;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        peer_uses_port(&c, 10000 + i);
        peer_sends(&c, .flags = SYN);
        expect_segment(&c, .flags = SYN | ACK);
        peer_sends(&c, .flags = ACK);
        app_accepts(&c);
        exchange(&c);
    }
    advance(&c, 2 * REST_MS);
    ck_assert_uint_eq(resting(&c), CONNECTIONS);
    ck_assert_uint_le((c.memory.used - used) / CONNECTIONS, IDLE_MOST);
    close_conversation(&c);
}
END_TEST

/* ---- Awake -------------------------------------------------------------- */

START_TEST(a_segment_wakes_it)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    begin_at_rest(&c);
    peer_sends(&c, .seq = 101, .len = 50, .flags = ACK | PSH);
    expect_awake(&c);
    app_polls(&c, POLLIN | POLLOUT);
    app_reads(&c, 50);
    expect_segment(&c, .seq = 201, .ack = 151, .flags = ACK, .within_ms = 100);
    advance(&c, 2 * REST_MS);
    expect_at_rest(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(a_write_wakes_it)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    begin_at_rest(&c);
    app_writes(&c, 300);
    expect_awake(&c);
    expect_segment(&c, .seq = 201, .len = 300, .ack = 101, .flags = ACK | PSH);
    peer_sends(&c, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* An old duplicate: RFC 9293 3.10.7.4, first. Whoever sends it need not know
 * anything of the connection, so it takes no memory. */
START_TEST(text_that_is_not_acceptable_is_answered_and_does_not_wake_it)
{
    struct conversation c;
    open_conversation(&c, .sack = true);

    begin_at_rest(&c);
    size_t used = c.memory.used;
    for (int i = 0; i < 3; i++) {
        peer_sends(&c, .seq = 1, .len = 100, .flags = ACK);
        expect_segment(&c, .seq = 201, .ack = 101, .flags = ACK,
                       .sack = {{1, 101}});
    }
    peer_sends(&c, .seq = 1000000, .len = 100, .flags = ACK);
    expect_segment(&c, .seq = 201, .ack = 101, .flags = ACK);
    expect_drops(&c, TCP_OUT_OF_WINDOW, 4);
    expect_at_rest(&c);
    ck_assert_uint_eq(c.memory.used, used);
    peer_sends(&c, .seq = 101, .len = 100, .flags = ACK | PSH);
    app_reads(&c, 100); /* and all is as it was */
    close_conversation(&c);
}
END_TEST

/* RFC 5961 4.2 and 7: one answer in an interval, and it is not forgotten. */
START_TEST(forged_syns_and_acks_are_answered_now_and_then_and_do_not_wake_it)
{
    struct conversation c;
    open_conversation(&c);

    begin_at_rest(&c);
    peer_sends(&c, .seq = 1000000, .flags = SYN);
    expect_segment(&c, .seq = 201, .ack = 101, .flags = ACK);
    peer_sends(&c, .seq = 1000000, .flags = SYN);
    peer_sends(&c, .seq = 1000000, .flags = ACK);
    expect_silence(&c);
    ck_assert_uint_eq(c.stack->tcp.stats.challenge_acks, 1);
    ck_assert_uint_eq(c.stack->tcp.stats.challenge_acks_withheld, 1);
    advance(&c, 1000);
    peer_sends(&c, .seq = 1000000, .flags = ACK);
    expect_segment(&c, .seq = 201, .ack = 101, .flags = ACK);
    expect_at_rest(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(challenges_that_are_switched_off_are_so_at_rest)
{
    struct conversation c;
    open_conversation(&c, .no_challenge_acks = true);

    begin_at_rest(&c);
    peer_sends(&c, .seq = 1000000, .flags = SYN);
    expect_silence(&c);
    expect_at_rest(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(a_forged_reset_does_not_wake_it)
{
    struct conversation c;
    open_conversation(&c);

    begin_at_rest(&c);
    peer_sends(&c, .seq = 1000000, .flags = RST);
    expect_silence(&c);
    expect_drops(&c, TCP_OUT_OF_WINDOW, 1);
    expect_at_rest(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 5.3 R1 */
START_TEST(a_timestamp_that_is_too_old_does_not_wake_it)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true);

    begin_at_rest(&c);
    peer_sends(&c, .seq = 101, .len = 10, .flags = ACK, .ts_val = 0);
    expect_segment(&c, .seq = 201, .ack = 101, .flags = ACK);
    expect_drops(&c, TCP_PAWS, 1);
    peer_sends(&c, .seq = 101, .len = 10, .flags = ACK, .no_timestamps = true);
    expect_silence(&c);
    expect_drops(&c, TCP_NO_TIMESTAMP, 1);
    expect_at_rest(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 5082 3; the peer's packets have 64. */
START_TEST(a_packet_from_too_far_away_does_not_wake_it)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_IP, IP_MINTTL, 65);
    advance(&c, REST_MS);
    expect_at_rest(&c);
    peer_sends(&c, .seq = 1, .len = 10, .flags = ACK);
    expect_silence(&c);
    expect_drops(&c, TCP_LOW_TTL, 1);
    expect_at_rest(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.4: one octet behind, from who knows the numbers. */
START_TEST(a_keepalive_of_the_peer_wakes_it)
{
    struct conversation c;
    open_conversation(&c);

    begin_at_rest(&c);
    peer_sends(&c, .seq = 100, .flags = ACK);
    expect_segment(&c, .seq = 201, .ack = 101, .flags = ACK);
    expect_awake(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(a_reset_ends_it)
{
    struct conversation c;
    open_conversation(&c);

    begin_at_rest(&c);
    peer_sends(&c, .seq = 101, .flags = RST);
    expect_awake(&c);
    app_fails_to_read(&c, ECONNRESET);
    close_conversation(&c);
}
END_TEST

START_TEST(closing_it_sends_our_fin)
{
    struct conversation c;
    open_conversation(&c);

    begin_at_rest(&c);
    app_closes(&c);
    expect_segment(&c, .seq = 201, .ack = 101, .flags = FIN | ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(whoever_looks_at_it_does_not_wake_it)
{
    struct conversation c;
    open_conversation(&c);

    begin_at_rest(&c);
    app_polls(&c, POLLOUT);
    app_finds_error(&c, 0);

    struct endpoint end;
    socket_id id = c.peer->socket;
    ck_assert_int_eq(stack_remote(c.stack, id, &end), 0);
    ck_assert_uint_eq(end.port, c.peer->port);
    ck_assert_int_eq(stack_local(c.stack, id, &end), 0);
    ck_assert_uint_eq(end.port, c.peer->stack_port);
    expect_at_rest(&c);
    close_conversation(&c);
}
END_TEST

/* tcp_expect.h: its next text has no place then. */
START_TEST(nothing_is_expected_of_it)
{
    struct conversation c;
    open_conversation(&c);

    for (int i = 0; i < 4; i++)
        exchange(&c);
    ck_assert_ptr_nonnull(c.stack->tcp.expected.tcb);
    advance(&c, REST_MS + 100);
    expect_at_rest(&c);
    ck_assert_ptr_null(c.stack->tcp.expected.tcb);
    exchange(&c);
    close_conversation(&c);
}
END_TEST

/* By which the host knows what may not change under it. */
START_TEST(it_counts_as_a_connection)
{
    struct conversation c;
    open_conversation(&c);

    begin_at_rest(&c);
    ck_assert(tcp_has_connections(&c.stack->tcp));
    ck_assert_uint_eq(c.stack->tcp.connection_count, 2); /* LISTEN */
    app_closes(&c);
    expect_segment(&c, .flags = FIN | ACK);
    peer_sends(&c, .ack = 202, .flags = RST | ACK);
    ck_assert(!tcp_has_connections(&c.stack->tcp));
    ck_assert_uint_eq(c.stack->tcp.connection_count, 1);
    close_conversation(&c);
}
END_TEST

START_TEST(options_hold_on_and_can_be_set)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 12345);
    app_sets(&c, IPPROTO_IP, IP_TOS, 0x10);
    begin_at_rest(&c);
    ck_assert_int_eq(app_gets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT), 12345);
    expect_awake(&c);
    advance(&c, REST_MS);
    expect_at_rest(&c);
    app_sets(&c, IPPROTO_TCP, TCP_KEEPIDLE, 77);
    advance(&c, REST_MS);
    expect_at_rest(&c);
    ck_assert_int_eq(app_gets(&c, IPPROTO_TCP, TCP_KEEPIDLE), 77);
    ck_assert_int_eq(app_gets(&c, IPPROTO_IP, IP_TOS), 0x10);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.4 */
START_TEST(keepalive_goes_on_at_rest)
{
    struct conversation c;
    open_conversation(&c, .keepalive_idle_s = 100, .keepalive_interval_s = 10,
                      .keepalive_probes = 2);

    app_sets(&c, SOL_SOCKET, SO_KEEPALIVE, 1);
    for (int i = 0; i < 3; i++) {
        advance(&c, 2 * REST_MS);
        expect_at_rest(&c);
        expect_segment(&c, .seq = 0, .ack = 1, .flags = ACK,
                       .after_ms = 98 * 1000);
        peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    }
    expect_segment(&c, .seq = 0, .flags = ACK, .after_ms = 100 * 1000);
    expect_segment(&c, .seq = 0, .flags = ACK, .after_ms = 10 * 1000);
    expect_segment(&c, .seq = 1, .flags = RST | ACK, .after_ms = 10 * 1000);
    app_fails_to_read(&c, ETIMEDOUT);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 4.1: the window of before, but for slow start after an idle time. */
START_TEST(what_was_learnt_of_the_path_is_remembered)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100);

    advance(&c, 3600 * 1000);
    expect_at_rest(&c);
    app_writes(&c, 1); /* SRTT 100 ms, RTTVAR 50 ms: RTO 300 ms */
    expect_segment(&c, .seq = 1, .len = 1, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .len = 1, .flags = ACK | PSH, .after_ms = 300);
    peer_sends(&c, .ack = 2, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* ---- Without memory ----------------------------------------------------- */

START_TEST(without_memory_a_segment_is_lost_and_it_rests_on)
{
    struct conversation c;
    open_conversation(&c);

    begin_at_rest(&c);

    size_t limit = c.memory.limit;
    c.memory.limit = c.memory.used + 100;
    peer_sends(&c, .seq = 101, .len = 50, .flags = ACK | PSH);
    expect_drops(&c, TCP_NO_BUFFER, 1);
    expect_silence(&c);
    expect_at_rest(&c);
    app_fails_to_write(&c, ENOBUFS);

    c.memory.limit = limit;
    peer_sends(&c, .seq = 101, .len = 50, .flags = ACK | PSH);
    app_reads(&c, 50);
    expect_segment(&c, .ack = 151, .flags = ACK, .within_ms = 100);
    close_conversation(&c);
}
END_TEST

/* What was written is acknowledged, so all that is left is to say goodbye. */
START_TEST(without_memory_our_fin_waits_for_some)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, SOL_SOCKET, SO_KEEPALIVE, 1);
    begin_at_rest(&c);
    size_t limit = c.memory.limit;
    c.memory.limit = c.memory.used + 100;
    app_closes(&c);
    advance(&c, 5 * REST_MS);
    expect_silence(&c);
    expect_at_rest(&c);
    ck_assert_uint_eq(stack_unfinished(c.stack), 1);
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    expect_drops(&c, TCP_NO_BUFFER, 1);

    c.memory.limit = limit;
    advance(&c, 100);
    expect_segment(&c, .seq = 201, .ack = 101, .flags = FIN | ACK);
    expect_awake(&c);
    ck_assert_uint_eq(stack_unfinished(c.stack), 1);
    peer_sends(&c, .seq = 101, .flags = FIN | ACK);
    expect_segment(&c, .seq = 202, .ack = 102, .flags = ACK);
    ck_assert_uint_eq(stack_unfinished(c.stack), 0);
    close_conversation(&c);
}
END_TEST

START_TEST(a_segment_too_finds_memory_for_our_fin)
{
    struct conversation c;
    open_conversation(&c);

    begin_at_rest(&c);
    size_t limit = c.memory.limit;
    c.memory.limit = c.memory.used + 100;
    app_closes(&c);
    expect_silence(&c);
    c.memory.limit = limit;
    peer_sends(&c, .seq = 101, .flags = FIN | ACK);
    expect_segment(&c, .seq = 201, .ack = 102, .flags = FIN | ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(without_memory_what_was_closed_is_reset_in_the_end)
{
    struct conversation c;
    open_conversation(&c);

    begin_at_rest(&c);
    c.memory.limit = c.memory.used + 100;
    app_closes(&c);
    expect_silence(&c);
    stack_abort_all(c.stack, c.now);
    expect_segment(&c, .seq = 201, .ack = 101, .flags = RST | ACK);
    expect_awake(&c);
    ck_assert_uint_eq(stack_unfinished(c.stack), 0);
    close_conversation(&c);
}
END_TEST

START_TEST(without_memory_who_asks_for_a_reset_has_one)
{
    struct linger at_once = {.l_onoff = 1};
    struct conversation c;
    open_conversation(&c);

    ck_assert_int_eq(stack_set_option(c.stack, c.now, c.peer->socket,
                                      SOL_SOCKET, SO_LINGER,
                                      bytes_of(&at_once, sizeof(at_once))),
                     0);
    begin_at_rest(&c);
    c.memory.limit = c.memory.used + 100;
    app_closes(&c);
    expect_segment(&c, .seq = 201, .ack = 101, .flags = RST | ACK);
    expect_awake(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(without_memory_an_option_is_refused)
{
    struct conversation c;
    int on = 1;
    struct bytes value = {(const uint8_t *)&on, sizeof(on)};
    open_conversation(&c);

    begin_at_rest(&c);
    size_t limit = c.memory.limit;
    c.memory.limit = c.memory.used + 100;
    ck_assert_int_eq(stack_set_option(c.stack, c.now, c.peer->socket,
                                      SOL_SOCKET, SO_KEEPALIVE, value),
                     -ENOBUFS);
    c.memory.limit = limit;
    ck_assert_int_eq(app_gets(&c, SOL_SOCKET, SO_KEEPALIVE), 0);
    close_conversation(&c);
}
END_TEST

START_TEST(without_memory_it_rests_when_there_is_some_again)
{
    struct conversation c;
    open_conversation(&c);

    size_t limit = c.memory.limit;
    peer_sends(&c, .len = 100, .flags = ACK | PSH);
    app_reads(&c, 100);
    conversation_ignore_sent(&c);
    c.memory.limit = c.memory.used / 2; /* its ring is given back meanwhile */
    advance(&c, 5 * REST_MS);
    expect_awake(&c);
    c.memory.limit = limit;
    advance(&c, 5 * REST_MS);
    conversation_ignore_sent(&c);
    expect_at_rest(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(the_stack_may_end_meanwhile)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, SOL_SOCKET, SO_KEEPALIVE, 1);
    begin_at_rest(&c);
    close_conversation(&c); /* and all memory must come back */
}
END_TEST

UNIT_MAIN("tcp rest", a_connection_is_at_rest_after_a_second_without_traffic,
          traffic_puts_its_rest_off, what_is_unread_keeps_it_awake,
          what_is_unacknowledged_keeps_it_awake,
          text_out_of_order_keeps_it_awake,
          who_is_not_yet_accepted_is_awake_and_rests_after_it,
          one_that_was_opened_here_rests_too,
          half_closed_by_the_peer_it_rests_too, switched_off_none_rests,
          an_idle_connection_takes_no_more_than_the_readme_tells,
          a_segment_wakes_it, a_write_wakes_it,
          text_that_is_not_acceptable_is_answered_and_does_not_wake_it,
          forged_syns_and_acks_are_answered_now_and_then_and_do_not_wake_it,
          challenges_that_are_switched_off_are_so_at_rest,
          a_forged_reset_does_not_wake_it,
          a_timestamp_that_is_too_old_does_not_wake_it,
          a_packet_from_too_far_away_does_not_wake_it,
          a_keepalive_of_the_peer_wakes_it, a_reset_ends_it,
          closing_it_sends_our_fin, whoever_looks_at_it_does_not_wake_it,
          nothing_is_expected_of_it, it_counts_as_a_connection,
          options_hold_on_and_can_be_set, keepalive_goes_on_at_rest,
          what_was_learnt_of_the_path_is_remembered,
          without_memory_a_segment_is_lost_and_it_rests_on,
          without_memory_our_fin_waits_for_some,
          a_segment_too_finds_memory_for_our_fin,
          without_memory_what_was_closed_is_reset_in_the_end,
          without_memory_who_asks_for_a_reset_has_one,
          without_memory_an_option_is_refused,
          without_memory_it_rests_when_there_is_some_again,
          the_stack_may_end_meanwhile)
