/*
 * What the options of a stream socket change on the wire. Their ranges are in
 * tests/unit/test_socket_options.c. What is called Linux's here was measured.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

/* ---- TCP_USER_TIMEOUT: RFC 9293 3.9.1.8, 3.10.8 ---- */

START_TEST(the_user_timeout_ends_what_is_not_acknowledged)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000);
    app_writes(&c, 10);
    advance(&c, 2990);
    app_finds_error(&c, 0);
    advance(&c, 20);
    app_finds_error(&c, ETIMEDOUT);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* It counts from the last progress, and not while nothing is waited for. */
START_TEST(progress_starts_the_user_timeout_again)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000);
    app_writes(&c, 20);
    advance(&c, 2500);
    peer_sends(&c, .ack = 11, .flags = ACK);
    advance(&c, 2500);
    app_finds_error(&c, 0);
    peer_sends(&c, .ack = 21, .flags = ACK);
    advance(&c, 60000);
    app_finds_error(&c, 0);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* Longer than R2 would be: it takes R2's place. */
START_TEST(a_long_user_timeout_outlasts_the_retries)
{
    struct conversation c;
    open_conversation(&c, .retries = 2);

    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 60000);
    app_writes(&c, 10);
    advance(&c, 59000);
    app_finds_error(&c, 0);
    advance(&c, 2000);
    app_finds_error(&c, ETIMEDOUT);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 5482 3.1: longer than the RTO, or nothing would be sent again. */
START_TEST(a_tiny_user_timeout_allows_one_retransmission)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 10);

    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 1);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH,
                   .within_ms = 250);
    advance(&c, 300);
    app_finds_error(&c, ETIMEDOUT);
    close_conversation(&c);
}
END_TEST

/* tcp(7): "or buffered data may remain untransmitted (due to zero window
 * size)", also when each probe is answered. */
START_TEST(the_user_timeout_ends_a_shut_window)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
    peer_sends(&c, .flags = ACK, .win = 0);
    app_writes(&c, 10);
    for (unsigned i = 0; i < 4; i++) {
        advance(&c, 1000);
        conversation_ignore_sent(&c);
        peer_sends(&c, .ack = 1, .flags = ACK, .win = 0);
        app_finds_error(&c, 0);
    }
    advance(&c, 2000);
    app_finds_error(&c, ETIMEDOUT);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* As Linux: it also bounds the attempt to connect. */
START_TEST(the_user_timeout_ends_an_attempt)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 2500);
    advance(&c, 2400);
    app_finds_error(&c, 0);
    advance(&c, 200);
    app_finds_error(&c, ETIMEDOUT);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* As Linux: with it the number of keepalive probes does not matter. */
START_TEST(the_user_timeout_replaces_the_number_of_keepalive_probes)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_TCP, TCP_KEEPIDLE, 1);
    app_sets(&c, IPPROTO_TCP, TCP_KEEPINTVL, 1);
    app_sets(&c, IPPROTO_TCP, TCP_KEEPCNT, 3);
    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 5500);
    app_sets(&c, SOL_SOCKET, SO_KEEPALIVE, 1);
    for (unsigned i = 0; i < 5; i++)
        expect_segment(&c, .seq = 0, .flags = ACK, .after_ms = 1000);
    app_finds_error(&c, 0);
    expect_segment(&c, .seq = 1, .flags = ACK | RST, .after_ms = 1000);
    app_finds_error(&c, ETIMEDOUT);
    close_conversation(&c);
}
END_TEST

/* ---- TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT ---- */

START_TEST(keepalive_has_its_own_times)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, SOL_SOCKET, SO_KEEPALIVE, 1);
    app_sets(&c, IPPROTO_TCP, TCP_KEEPIDLE, 30);
    app_sets(&c, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    app_sets(&c, IPPROTO_TCP, TCP_KEEPCNT, 2);
    expect_segment(&c, .seq = 0, .flags = ACK, .after_ms = 30000);
    expect_segment(&c, .seq = 0, .flags = ACK, .after_ms = 5000);
    expect_segment(&c, .seq = 1, .flags = ACK | RST, .after_ms = 5000);
    app_finds_error(&c, ETIMEDOUT);
    close_conversation(&c);
}
END_TEST

/* ---- TCP_SYNCNT ---- */

START_TEST(the_syn_is_sent_again_as_often_as_was_set)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    app_sets(&c, IPPROTO_TCP, TCP_SYNCNT, 1);
    expect_segment(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .flags = SYN, .after_ms = 1000);
    expect_silence_for(&c, 1990);
    app_finds_error(&c, 0);
    expect_silence_for(&c, 20);
    app_finds_error(&c, ETIMEDOUT);
    close_conversation(&c);
}
END_TEST

/* ---- TCP_LINGER2 ---- */

START_TEST(fin_wait_2_lasts_as_long_as_was_set)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_TCP, TCP_LINGER2, 5);
    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = ACK | FIN);
    peer_sends(&c, .ack = 2, .flags = ACK);
    advance(&c, 4900);
    peer_sends(&c, .flags = ACK);
    expect_silence(&c);
    advance(&c, 200);
    peer_sends(&c, .flags = ACK); /* nobody is there any more */
    expect_segment(&c, .seq = 2, .flags = RST);
    close_conversation(&c);
}
END_TEST

/* As Linux: no FIN-WAIT-2, the peer is reset. */
START_TEST(a_negative_linger2_resets)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_TCP, TCP_LINGER2, -1);
    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = ACK | FIN);
    peer_sends(&c, .ack = 2, .flags = ACK);
    expect_segment(&c, .seq = 2, .flags = ACK | RST);
    close_conversation(&c);
}
END_TEST

/* ---- Quick ACKs, TCP_QUICKACK ---- */

START_TEST(the_first_segments_are_acknowledged_at_once)
{
    struct conversation c;
    open_conversation(&c, .quick_acks = 16);

    for (int64_t i = 0; i < 16; i++) {
        peer_sends(&c, .len = 100, .flags = ACK | PSH);
        expect_segment(&c, .ack = 101 + 100 * i, .flags = ACK);
    }
    peer_sends(&c, .len = 100, .flags = ACK | PSH);
    expect_segment(&c, .ack = 1701, .flags = ACK, .after_ms = 40);
    app_reads(&c, 1700);
    close_conversation(&c);
}
END_TEST

/* Half the window: with a small one it is soon over. */
START_TEST(quick_acks_last_for_half_the_window)
{
    struct conversation c;
    open_conversation(&c, .quick_acks = 16, .receive_buffer = 9 * 536);

    for (int64_t i = 0; i < 4; i++) {
        peer_sends(&c, .len = 10, .flags = ACK | PSH);
        expect_segment(&c, .ack = 11 + 10 * i, .flags = ACK);
    }
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .ack = 51, .flags = ACK, .after_ms = 40);
    app_reads(&c, 50);
    close_conversation(&c);
}
END_TEST

/* A program that answers carries the ACK on its answer. */
START_TEST(an_answer_ends_quick_acks)
{
    struct conversation c;
    open_conversation(&c, .quick_acks = 16);

    peer_sends(&c, .len = 100, .flags = ACK | PSH);
    expect_segment(&c, .ack = 101, .flags = ACK);
    app_reads(&c, 100);
    app_writes(&c, 10);
    expect_segment(&c, .len = 10, .ack = 101, .flags = ACK | PSH);
    peer_sends(&c, .len = 100, .flags = ACK | PSH);
    expect_silence(&c);
    app_reads(&c, 100);
    app_writes(&c, 10);
    expect_segment(&c, .len = 10, .ack = 201, .flags = ACK | PSH);
    peer_sends(&c, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* The delayed ACK that went alone shows that nobody answers. */
START_TEST(a_missed_answer_brings_quick_acks_back)
{
    struct conversation c;
    open_conversation(&c, .quick_acks = 16);

    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .ack = 11, .flags = ACK);
    app_sets(&c, IPPROTO_TCP, TCP_QUICKACK, 0);
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    ck_assert_int_eq(app_gets(&c, IPPROTO_TCP, TCP_QUICKACK), 0);
    expect_segment(&c, .ack = 21, .flags = ACK, .after_ms = 40);
    ck_assert_int_eq(app_gets(&c, IPPROTO_TCP, TCP_QUICKACK), 1);
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .ack = 31, .flags = ACK);
    app_reads(&c, 30);
    close_conversation(&c);
}
END_TEST

START_TEST(a_pause_brings_quick_acks_back)
{
    struct conversation c;
    open_conversation(&c, .quick_acks = 1, .rtt_ms = 10);

    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .ack = 11, .flags = ACK);
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .ack = 21, .flags = ACK, .after_ms = 40);
    advance(&c, 250); /* more than the RTO */
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .ack = 31, .flags = ACK);
    app_reads(&c, 30);
    close_conversation(&c);
}
END_TEST

/* The ACK was lost, or too late: what follows is acknowledged at once. */
START_TEST(a_segment_that_comes_again_brings_quick_acks_back)
{
    struct conversation c;
    open_conversation(&c, .quick_acks = 2);

    for (int64_t i = 0; i < 2; i++) {
        peer_sends(&c, .len = 10, .flags = ACK | PSH);
        expect_segment(&c, .ack = 11 + 10 * i, .flags = ACK);
    }
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .ack = 31, .flags = ACK, .after_ms = 40);
    peer_sends(&c, .seq = 21, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .ack = 31, .flags = ACK);
    for (int64_t i = 0; i < 2; i++) {
        peer_sends(&c, .seq = 31 + 10 * i, .len = 10, .flags = ACK | PSH);
        expect_segment(&c, .ack = 41 + 10 * i, .flags = ACK);
    }
    peer_sends(&c, .seq = 51, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .ack = 61, .flags = ACK, .after_ms = 40);
    app_reads(&c, 60);
    close_conversation(&c);
}
END_TEST

START_TEST(quickack_sends_the_ack_that_is_being_delayed)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    expect_silence(&c);
    app_sets(&c, IPPROTO_TCP, TCP_QUICKACK, 1);
    expect_segment(&c, .ack = 11, .flags = ACK);
    app_reads(&c, 10);
    close_conversation(&c);
}
END_TEST

/* ---- TCP_CORK, MSG_MORE ---- */

START_TEST(a_cork_lets_only_full_segments_out)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_TCP, TCP_CORK, 1);
    app_writes(&c, 400);
    app_writes(&c, 400);
    expect_silence(&c);
    app_writes(&c, 400);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_silence(&c);
    app_sets(&c, IPPROTO_TCP, TCP_CORK, 0);
    expect_segment(&c, .seq = 1001, .len = 200, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* Linux: 200 ms, the RTO of a short path. */
START_TEST(a_cork_holds_no_longer_than_the_rto)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 1);

    app_sets(&c, IPPROTO_TCP, TCP_CORK, 1);
    app_writes(&c, 400);
    expect_segment(&c, .seq = 1, .len = 400, .flags = ACK | PSH,
                   .after_ms = 201);
    peer_sends(&c, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* What the peer says meanwhile does not put it off. */
START_TEST(nor_while_the_peer_talks)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 1);

    app_writes_with(&c, 400, MSG_MORE);
    for (unsigned i = 0; i < 2; i++) {
        advance(&c, 50);
        peer_sends(&c, .len = 10, .flags = ACK);
        expect_segment(&c, .seq = 1, .flags = ACK, .after_ms = 40);
    }
    expect_segment(&c, .seq = 1, .len = 400, .flags = ACK | PSH,
                   .within_ms = 30);
    peer_sends(&c, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* What was held back is no probe any more once it is sent. */
START_TEST(uncorked_text_is_not_probed_for)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 1);

    app_sets(&c, IPPROTO_TCP, TCP_CORK, 1);
    app_writes(&c, 400);
    expect_silence_for(&c, 190);
    app_sets(&c, IPPROTO_TCP, TCP_CORK, 0);
    expect_segment(&c, .seq = 1, .len = 400, .flags = ACK | PSH);
    expect_silence_for(&c, 190);
    peer_sends(&c, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(a_close_takes_the_cork_out)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_TCP, TCP_CORK, 1);
    app_writes(&c, 400);
    expect_silence(&c);
    app_closes(&c);
    expect_segment(&c, .seq = 1, .len = 400, .flags = ACK | PSH | FIN);
    close_conversation(&c);
}
END_TEST

/* tcp(7): setting TCP_NODELAY flushes, "even if TCP_CORK is set". */
START_TEST(nodelay_lets_out_what_a_cork_holds_but_not_what_follows)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_TCP, TCP_CORK, 1);
    app_writes(&c, 400);
    app_sets(&c, IPPROTO_TCP, TCP_NODELAY, 1);
    expect_segment(&c, .seq = 1, .len = 400, .flags = ACK | PSH);
    app_writes(&c, 100);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(more_holds_a_write_back_until_the_next)
{
    struct conversation c;
    open_conversation(&c);

    app_writes_with(&c, 100, MSG_MORE);
    app_writes_with(&c, 100, MSG_MORE);
    expect_silence(&c);
    app_writes(&c, 100);
    expect_segment(&c, .seq = 1, .len = 300, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* ---- TCP_DEFER_ACCEPT ---- */

START_TEST(a_deferred_connection_is_accepted_with_its_data)
{
    struct conversation c;
    begin_conversation(&c);

    app_listens(&c);
    app_sets(&c, IPPROTO_TCP, TCP_DEFER_ACCEPT, 3);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK);
    app_has_nothing_to_accept(&c);
    expect_silence_for(&c, 900);
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    app_accepts(&c);
    app_reads(&c, 10);
    expect_segment(&c, .ack = 11, .flags = ACK, .within_ms = 40);
    ck_assert_int_eq(app_gets(&c, IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
    close_conversation(&c);
}
END_TEST

/* Linux: the SYN,ACK goes once more at the end of the time. */
START_TEST(a_deferred_connection_is_accepted_after_its_time)
{
    struct conversation c;
    begin_conversation(&c);

    app_listens(&c);
    app_sets(&c, IPPROTO_TCP, TCP_DEFER_ACCEPT, 3);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK,
                   .after_ms = 3000);
    app_has_nothing_to_accept(&c);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(a_fin_ends_the_deferral)
{
    struct conversation c;
    begin_conversation(&c);

    app_listens(&c);
    app_sets(&c, IPPROTO_TCP, TCP_DEFER_ACCEPT, 30);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK);
    peer_sends(&c, .flags = ACK | FIN);
    expect_segment(&c, .seq = 1, .ack = 2, .flags = ACK);
    app_accepts(&c);
    app_reads_end(&c);
    close_conversation(&c);
}
END_TEST

/* When the peer does not even acknowledge, all is as without the option. */
START_TEST(without_an_ack_the_syn_ack_is_sent_again)
{
    struct conversation c;
    begin_conversation(&c, .synack_retries = 2);

    app_listens(&c);
    app_sets(&c, IPPROTO_TCP, TCP_DEFER_ACCEPT, 30);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .flags = SYN | ACK, .after_ms = 1000);
    expect_segment(&c, .flags = SYN | ACK, .after_ms = 2000);
    expect_silence_for(&c, 60000);
    close_conversation(&c);
}
END_TEST

/* ---- TCP_NOTSENT_LOWAT ---- */

START_TEST(little_unsent_data_makes_writable)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 2000);
    peer_sends(&c, .flags = ACK, .win = 1000);
    app_writes(&c, 3000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    app_polls(&c, 0); /* 2,000 unsent */
    ck_assert_int_eq(stack_never_sent(c.stack, c.peer->socket), 2000);
    ck_assert_uint_eq(app_tries_to_write(&c, 1), 0);
    peer_sends(&c, .ack = 1001, .flags = ACK, .win = 1000);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    app_polls(&c, 0); /* 1,000: half of it */
    app_writes(&c, 1);
    peer_sends(&c, .ack = 2001, .flags = ACK, .win = 1000);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK);
    app_polls(&c, POLLOUT); /* 1 */
    ck_assert_int_eq(stack_never_sent(c.stack, c.peer->socket), 1);
    close_conversation(&c);
}
END_TEST

/* Sending alone makes writable, without an ACK: somebody must be told. */
START_TEST(who_waits_for_the_low_mark_is_told_when_data_is_sent)
{
    struct conversation c;
    bool told = false;
    socket_id id;
    open_conversation(&c, .no_timestamps = true);

    app_sets(&c, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 1000);
    app_sets(&c, IPPROTO_TCP, TCP_CORK, 1);
    app_writes(&c, 900);
    app_polls(&c, 0);
    stack_run_timers(c.stack, c.now += 2 * USEC_PER_SEC);
    stack_flush(c.stack, c.now);
    while (stack_next_ready(c.stack, &id))
        told |= id == c.peer->socket;
    ck_assert(told);
    app_polls(&c, POLLOUT);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* ---- TCP_WINDOW_CLAMP, TCP_MAXSEG ---- */

START_TEST(the_clamp_bounds_what_is_offered)
{
    struct conversation c;
    begin_conversation(&c);

    app_listens(&c);
    app_sets(&c, IPPROTO_TCP, TCP_WINDOW_CLAMP, 5000);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .win = 5000, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    peer_sends(&c, .len = 2000, .flags = ACK | PSH);
    app_reads(&c, 2000);
    expect_segment(&c, .ack = 2001, .win = 5000, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.8.6: a window that was offered is not taken back. */
START_TEST(a_late_clamp_does_not_shrink_the_window)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 20000);

    app_sets(&c, IPPROTO_TCP, TCP_WINDOW_CLAMP, 5000);
    peer_sends(&c, .len = 1000, .flags = ACK | PSH);
    expect_segment(&c, .ack = 1001, .win = 19000, .flags = ACK,
                   .within_ms = 40);
    app_reads(&c, 1000);
    for (unsigned i = 0; i < 19; i++) /* RFC 7323 2.4 (1): it is honoured */
        peer_sends(&c, .len = 1000, .flags = ACK | PSH);
    app_reads(&c, 19000);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(maxseg_zero_takes_the_limit_away)
{
    struct conversation c;
    begin_conversation(&c);

    app_listens(&c);
    app_sets(&c, IPPROTO_TCP, TCP_MAXSEG, 600);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .mss = 600, .flags = SYN | ACK);
    app_sets(&c, IPPROTO_TCP, TCP_MAXSEG, 0);
    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .mss = 1460, .flags = SYN | ACK);
    close_conversation(&c);
}
END_TEST

/* ---- TCP_INFO: RFC 9293 3.9.1.6, STATUS ---- */

static struct tcp_info info_of(struct conversation *c)
{
    struct tcp_info info;
    size_t len = sizeof(info);

    ck_assert_int_eq(stack_get_option(c->stack, c->now, c->peer->socket,
                                      IPPROTO_TCP, TCP_INFO, &info, &len),
                     0);
    ck_assert_uint_eq(len, sizeof(info));
    return info;
}

/* SHLD-9: this is how a program learns of retransmissions before R2. */
START_TEST(info_tells_how_often_a_segment_went_again)
{
    struct conversation c;
    struct tcp_info info;
    uint32_t rto;

    open_conversation(&c);
    info = info_of(&c);
    rto = info.tcpi_rto;
    ck_assert_uint_eq(rto / 1000, 200); /* and the round trip of no time */
    ck_assert_uint_eq(info.tcpi_snd_cwnd, 10);
    app_writes(&c, 10);
    for (unsigned i = 0; i < 4; i++) {
        expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH,
                       .after_ms = i == 0 ? 0 : 200 << (i - 1));
        info = info_of(&c);
        ck_assert_uint_eq(info.tcpi_retransmits, i);
        ck_assert_uint_eq(info.tcpi_backoff, i);
        ck_assert_uint_eq(info.tcpi_rto, rto << i);
        ck_assert_uint_eq(info.tcpi_total_retrans, i);
    }
    peer_sends(&c, .ack = 11, .flags = ACK);
    info = info_of(&c);
    ck_assert_uint_eq(info.tcpi_retransmits, 0);
    ck_assert_uint_eq(info.tcpi_total_retrans, 3);
    close_conversation(&c);
}
END_TEST

START_TEST(info_tells_what_is_in_flight_again)
{
    struct conversation c;

    open_conversation(&c, .sack = true, .rtt_ms = 100, .no_tlp = true);
    app_writes(&c, 5000);
    advance(&c, 50);
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(info_of(&c).tcpi_retrans, 0);
    advance(&c, 50);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 5001}});
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    ck_assert_uint_eq(info_of(&c).tcpi_retrans, 1);
    ck_assert_uint_eq(info_of(&c).tcpi_sacked, 4);
    peer_sends(&c, .ack = 5001, .flags = ACK);
    ck_assert_uint_eq(info_of(&c).tcpi_retrans, 0);
    close_conversation(&c);
}
END_TEST

/* Linux: 536 until something larger comes. */
START_TEST(info_tells_how_large_the_peers_segments_are)
{
    struct conversation c;

    open_conversation(&c);
    ck_assert_uint_eq(info_of(&c).tcpi_rcv_mss, 536);
    peer_sends(&c, .seq = 1, .len = 1000, .flags = ACK);
    ck_assert_uint_eq(info_of(&c).tcpi_rcv_mss, 1000);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* Behind what <netinet/tcp.h> knows, at the places of <linux/tcp.h>. */
enum { DSACK_DUPS = 216, REORD_SEEN = 220, INFO_LEN = 224 };

static uint32_t info_at(struct conversation *c, size_t at)
{
    uint8_t info[INFO_LEN];
    size_t len = sizeof(info);
    uint32_t value;

    ck_assert_int_eq(stack_get_option(c->stack, c->now, c->peer->socket,
                                      IPPROTO_TCP, TCP_INFO, info, &len),
                     0);
    ck_assert_uint_eq(len, sizeof(info));
    memcpy(&value, info + at, sizeof(value));
    return value;
}

START_TEST(info_tells_of_reordering_and_of_what_came_twice)
{
    struct conversation c;

    open_conversation(&c, .sack = true, .rtt_ms = 100, .no_tlp = true);
    app_writes(&c, 3000);
    advance(&c, 50);
    conversation_ignore_sent(&c);
    advance(&c, 50);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 2001}});
    ck_assert_uint_eq(info_at(&c, REORD_SEEN), 0);
    peer_sends(&c, .ack = 2001, .flags = ACK); /* the first was only late */
    ck_assert_uint_eq(info_at(&c, REORD_SEEN), 1);
    ck_assert_uint_eq(info_at(&c, DSACK_DUPS), 0);
    peer_sends(&c, .ack = 3001, .flags = ACK, .sack = {{1, 1001}});
    ck_assert_uint_eq(info_at(&c, DSACK_DUPS), 1);
    close_conversation(&c);
}
END_TEST

/* Those of a window that is shut have a count of their own. */
START_TEST(info_tells_how_many_probes_were_not_answered)
{
    struct conversation c;

    open_conversation(&c);
    peer_sends(&c, .win = 0, .flags = ACK);
    app_writes(&c, 10);
    for (unsigned i = 0; i < 3; i++) {
        expect_segment(&c, .seq = 1, .len = 1, .flags = ACK,
                       .after_ms = 200 << i);
        ck_assert_uint_eq(info_of(&c).tcpi_probes, i + 1);
    }
    peer_sends(&c, .ack = 1, .flags = ACK);
    ck_assert_uint_eq(info_of(&c).tcpi_probes, 0);
    close_conversation(&c);
}
END_TEST

/* ---- MSG_TRUNC ---- */

START_TEST(truncated_bytes_are_counted_and_gone)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .len = 100, .flags = ACK | PSH);
    expect_segment(&c, .ack = 101, .flags = ACK, .within_ms = 40);
    ck_assert_int_eq(app_reads_with(&c, 30, MSG_TRUNC | MSG_PEEK), 30);
    ck_assert_int_eq(app_reads_with(&c, 30, MSG_TRUNC), 30);
    app_reads(&c, 70);
    ck_assert_int_eq(app_reads_with(&c, 30, MSG_TRUNC), -EAGAIN);
    peer_sends(&c, .flags = ACK | FIN);
    expect_segment(&c, .ack = 102, .flags = ACK);
    ck_assert_int_eq(app_reads_with(&c, 30, MSG_TRUNC), 0);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN(
    "tcp options", the_user_timeout_ends_what_is_not_acknowledged,
    progress_starts_the_user_timeout_again,
    a_long_user_timeout_outlasts_the_retries,
    a_tiny_user_timeout_allows_one_retransmission,
    the_user_timeout_ends_a_shut_window, the_user_timeout_ends_an_attempt,
    the_user_timeout_replaces_the_number_of_keepalive_probes,
    keepalive_has_its_own_times, the_syn_is_sent_again_as_often_as_was_set,
    fin_wait_2_lasts_as_long_as_was_set, a_negative_linger2_resets,
    the_first_segments_are_acknowledged_at_once,
    quick_acks_last_for_half_the_window, an_answer_ends_quick_acks,
    a_missed_answer_brings_quick_acks_back, a_pause_brings_quick_acks_back,
    a_segment_that_comes_again_brings_quick_acks_back,
    quickack_sends_the_ack_that_is_being_delayed,
    a_cork_lets_only_full_segments_out, a_cork_holds_no_longer_than_the_rto,
    nor_while_the_peer_talks, uncorked_text_is_not_probed_for,
    a_close_takes_the_cork_out,
    nodelay_lets_out_what_a_cork_holds_but_not_what_follows,
    more_holds_a_write_back_until_the_next,
    a_deferred_connection_is_accepted_with_its_data,
    a_deferred_connection_is_accepted_after_its_time, a_fin_ends_the_deferral,
    without_an_ack_the_syn_ack_is_sent_again, little_unsent_data_makes_writable,
    who_waits_for_the_low_mark_is_told_when_data_is_sent,
    the_clamp_bounds_what_is_offered, a_late_clamp_does_not_shrink_the_window,
    maxseg_zero_takes_the_limit_away, info_tells_how_often_a_segment_went_again,
    info_tells_what_is_in_flight_again,
    info_tells_how_large_the_peers_segments_are,
    info_tells_of_reordering_and_of_what_came_twice,
    info_tells_how_many_probes_were_not_answered,
    truncated_bytes_are_counted_and_gone)
