/*
 * TCP Fast Open, RFC 7413: the client's side, and its socket calls. The
 * server's is in test_fast_open.c.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

enum { CLIENT = 1, CLIENT_NO_COOKIE = 4 };

/* What TCP_INFO says of one that was none. */
enum { NO_COOKIE = 1, TEXT_NOT_ACKED = 2, SYN_RESENT = 3 };

static const struct cookie given = {
    8, {0xd8, 0xc0, 0xe1, 0x1d, 0x2e, 0x55, 0x04, 0x64}};

/* The peer forgets what was, another connection to the same port begins. */
static void begin_another(struct conversation *c)
{
    static uint32_t iss = 2000000000u;

    peer_starts_over(c, iss += 1000000);
    app_opens_socket(c);
}

/* The peer resets it, so that nothing is left of it. */
static void end_by_reset(struct conversation *c)
{
    peer_sends(c, .flags = RST | ACK);
    app_closes(c);
    conversation_ignore_sent(c);
}

static void end_refused(struct conversation *c)
{
    peer_sends(c, .seq = 0, .flags = RST | ACK);
    app_closes(c);
}

#define begin_client(c, ...)                                                   \
    do {                                                                       \
        begin_conversation(c, .active = true, __VA_ARGS__);                    \
        app_opens_socket(c);                                                   \
    } while (0)

/* A first connection, which brings the cookie. */
static void get_cookie(struct conversation *c)
{
    ck_assert_int_eq(app_sends_fast(c, 10), -EINPROGRESS);
    expect_segment(c, .seq = 0, .flags = SYN, .asks_cookie = true);
    peer_sends(c, .flags = SYN | ACK, .cookie = &given);
    expect_segment(c, .seq = 1, .ack = 1, .flags = ACK);
    end_by_reset(c);
    begin_another(c);
}

#define begin_client_with_cookie(c, ...)                                       \
    do {                                                                       \
        begin_client(c, __VA_ARGS__);                                          \
        get_cookie(c);                                                         \
    } while (0)

/* What a pause looks like: neither cookie nor text, and no request either. */
static void expect_pause(struct conversation *c)
{
    begin_another(c);
    ck_assert_int_eq(app_sends_fast(c, 10), -EINPROGRESS);
    expect_segment(c, .seq = 0, .flags = SYN);
    end_refused(c);
}

static void expect_no_pause(struct conversation *c)
{
    begin_another(c);
    ck_assert_int_eq(app_sends_fast(c, 10), 10);
    expect_segment(c, .seq = 0, .len = 10, .flags = SYN, .cookie = &given);
    end_refused(c);
}

/* 4.2.1 (1), (3); what was to be sent goes when the handshake is over. */
START_TEST(without_a_cookie_the_syn_asks_for_one)
{
    struct conversation c;
    begin_client(&c, .timestamps = true, .wscale = 7, .sack = true);

    ck_assert_int_eq(app_sends_fast(&c, 100), -EINPROGRESS);
    expect_segment(&c, .seq = 0, .flags = SYN, .asks_cookie = true,
                   .options = "mss,sackOK,TS,nop,wscale,tfo,nop,nop");
    app_polls(&c, 0);
    app_fails_to_write(&c, EAGAIN);
    peer_sends(&c, .flags = SYN | ACK, .cookie = &given);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_polls(&c, POLLOUT);
    ck_assert_int_eq(app_sends_fast(&c, 100), 100);
    expect_segment(&c, .seq = 1, .len = 100, .flags = ACK | PSH);
    ck_assert_uint_eq(conversation_fast_open_info(&c).client_fail, NO_COOKIE);
    close_conversation(&c);
}
END_TEST

/* 4.2.2, client: (1b), (2). */
START_TEST(with_a_cookie_text_goes_with_the_syn)
{
    struct conversation c;
    begin_client_with_cookie(&c, .timestamps = true, .wscale = 7, .sack = true);

    ck_assert_int_eq(app_sends_fast(&c, 100), 100);
    expect_segment(&c, .seq = 0, .len = 100, .flags = SYN, .cookie = &given,
                   .options = "mss,sackOK,TS,nop,wscale,tfo,nop,nop");
    app_fails_to_write(&c, EAGAIN);
    peer_sends(&c, .ack = 101, .flags = SYN | ACK);
    expect_segment(&c, .seq = 101, .ack = 1, .flags = ACK);
    expect_silence_for(&c, 10000);
    ck_assert_uint_eq(conversation_fast_open_info(&c).sent, 100);
    ck_assert_uint_eq(conversation_fast_open_info(&c).acked, 100);

    app_writes(&c, 50);
    expect_segment(&c, .seq = 101, .len = 50, .flags = ACK | PSH);
    peer_sends(&c, .len = 30, .flags = ACK | PSH);
    expect_segment(&c, .ack = 31, .flags = ACK, .after_ms = 40);
    app_reads(&c, 30);
    ck_assert(conversation_fast_open_info(&c).has_syn_data);
    ck_assert_uint_eq(conversation_fast_open_info(&c).client_fail, 0);
    close_conversation(&c);
}
END_TEST

/* 4.1.3: as much as the server's MSS allows, less the room for options, which
 * Linux leaves for what middleboxes add; the rest is the program's to send. */
START_TEST(the_servers_mss_limits_the_text_of_the_syn)
{
    struct conversation c;
    begin_client_with_cookie(&c, .mss = 1000);

    ck_assert_int_eq(app_sends_fast(&c, 5000), 960);
    expect_segment(&c, .seq = 0, .len = 960, .flags = SYN, .cookie = &given);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .seq = 961, .ack = 1, .flags = ACK);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 961, .len = 1000, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

START_TEST(so_does_our_own_mss_and_the_path)
{
    struct conversation c;
    begin_client_with_cookie(&c, .mss = 9000);

    app_sets(&c, IPPROTO_TCP, TCP_MAXSEG, 700);
    ck_assert_int_eq(app_sends_fast(&c, 5000), 660);
    expect_segment(&c, .seq = 0, .len = 660, .flags = SYN, .cookie = &given);
    end_refused(&c);
    begin_another(&c);
    ck_assert_int_eq(app_sends_fast(&c, 5000), 1420);
    expect_segment(&c, .seq = 0, .len = 1420, .flags = SYN, .cookie = &given);
    close_conversation(&c);
}
END_TEST

/* 4.2.2: "no latency penalty": what was not acknowledged goes with the ACK. */
START_TEST(text_that_is_not_acknowledged_goes_with_the_first_ack)
{
    struct conversation c;
    begin_client_with_cookie(&c, .timestamps = true, .sack = true);

    ck_assert_int_eq(app_sends_fast(&c, 100), 100);
    expect_segment(&c, .seq = 0, .len = 100, .flags = SYN, .cookie = &given);
    peer_sends(&c, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .len = 100, .flags = ACK | PSH);
    ck_assert(!conversation_fast_open_info(&c).has_syn_data);
    ck_assert_uint_eq(conversation_fast_open_info(&c).client_fail,
                      TEXT_NOT_ACKED);
    peer_sends(&c, .ack = 101, .flags = ACK);
    expect_silence_for(&c, 10000);
    app_writes(&c, 50);
    expect_segment(&c, .seq = 101, .len = 50, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

START_TEST(of_text_that_is_acknowledged_in_part_the_rest_goes)
{
    struct conversation c;
    begin_client_with_cookie(&c, .mss = 1000);

    ck_assert_int_eq(app_sends_fast(&c, 900), 900);
    expect_segment(&c, .seq = 0, .len = 900, .flags = SYN, .cookie = &given);
    peer_sends(&c, .ack = 601, .flags = SYN | ACK);
    expect_segment(&c, .seq = 601, .ack = 1, .len = 300, .flags = ACK | PSH);
    peer_sends(&c, .ack = 901, .flags = ACK);
    expect_silence_for(&c, 10000);
    ck_assert(conversation_fast_open_info(&c).has_syn_data);
    close_conversation(&c);
}
END_TEST

START_TEST(an_acknowledgment_beyond_the_text_is_refused)
{
    struct conversation c;
    begin_client_with_cookie(&c);

    ck_assert_int_eq(app_sends_fast(&c, 100), 100);
    expect_segment(&c, .seq = 0, .len = 100, .flags = SYN, .cookie = &given);
    peer_sends(&c, .ack = 102, .flags = SYN | ACK);
    expect_segment(&c, .seq = 102, .flags = RST);
    peer_sends(&c, .seq = 0, .ack = 101, .flags = SYN | ACK);
    expect_segment(&c, .seq = 101, .ack = 1, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* If what is sent again is lost, it is as any other. */
START_TEST(text_that_goes_again_is_timed)
{
    struct conversation c;
    begin_client_with_cookie(&c, .timestamps = true);

    ck_assert_int_eq(app_sends_fast(&c, 100), 100);
    expect_segment(&c, .len = 100, .flags = SYN, .cookie = &given);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .len = 100, .flags = ACK | PSH);
    expect_segment(&c, .seq = 1, .len = 100, .flags = ACK | PSH,
                   .after_ms = 300);
    close_conversation(&c);
}
END_TEST

/* 4.2.2: "without data and Fast Open options". */
START_TEST(a_syn_that_is_sent_again_is_an_ordinary_one)
{
    struct conversation c;
    begin_client_with_cookie(&c);

    ck_assert_int_eq(app_sends_fast(&c, 100), 100);
    expect_segment(&c, .seq = 0, .len = 100, .flags = SYN, .cookie = &given);
    expect_segment(&c, .seq = 0, .flags = SYN, .after_ms = 1000);
    expect_segment(&c, .seq = 0, .flags = SYN, .after_ms = 2000);
    peer_sends(&c, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .len = 100, .flags = ACK | PSH);
    ck_assert_uint_eq(conversation_fast_open_info(&c).client_fail, SYN_RESENT);
    close_conversation(&c);
}
END_TEST

/* 4.2.2: "presumably [...] the original SYN [...] was lost": 4.1.3.1, for a
 * while; each further time it is twice as long. */
START_TEST(after_a_loss_fast_open_is_left_alone_for_a_while)
{
    struct conversation c;
    begin_client_with_cookie(&c);

    for (int64_t pause = 60000; pause <= 240000; pause *= 2) {
        ck_assert_int_eq(app_sends_fast(&c, 10), 10);
        expect_segment(&c, .len = 10, .flags = SYN, .cookie = &given);
        expect_segment(&c, .flags = SYN, .after_ms = 1000);
        peer_sends(&c, .ack = 1, .flags = SYN | ACK);
        expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH);
        end_by_reset(&c);
        expect_pause(&c);
        advance(&c, pause - 10);
        expect_pause(&c);
        advance(&c, 20);
        begin_another(&c);
    }
    /* it works, and the next failure is the first */
    ck_assert_int_eq(app_sends_fast(&c, 10), 10);
    expect_segment(&c, .len = 10, .flags = SYN, .cookie = &given);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .seq = 11, .flags = ACK);
    end_by_reset(&c);
    begin_another(&c);
    ck_assert_int_eq(app_sends_fast(&c, 10), 10);
    expect_segment(&c, .len = 10, .flags = SYN, .cookie = &given);
    peer_sends(&c, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH);
    end_by_reset(&c);
    expect_pause(&c);
    advance(&c, 60010);
    expect_no_pause(&c);
    close_conversation(&c);
}
END_TEST

/* Also if the SYN was answered, but the text was not taken. */
START_TEST(a_server_that_does_not_take_text_is_left_alone)
{
    struct conversation c;
    begin_client_with_cookie(&c);

    ck_assert_int_eq(app_sends_fast(&c, 10), 10);
    expect_segment(&c, .len = 10, .flags = SYN, .cookie = &given);
    peer_sends(&c, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH);
    end_by_reset(&c);
    expect_pause(&c);
    close_conversation(&c);
}
END_TEST

/* A late SYN,ACK tells that the path is good. */
START_TEST(a_spurious_retransmission_is_no_failure)
{
    struct conversation c;
    begin_client_with_cookie(&c);

    ck_assert_int_eq(app_sends_fast(&c, 10), 10);
    expect_segment(&c, .len = 10, .flags = SYN, .cookie = &given);
    expect_segment(&c, .flags = SYN, .after_ms = 1000);
    peer_sends(&c, .ack = 11, .flags = SYN | ACK);
    expect_segment(&c, .seq = 11, .flags = ACK);
    end_by_reset(&c);
    expect_no_pause(&c);
    close_conversation(&c);
}
END_TEST

/* 4.1.3.1: "no response (SYN-ACK) from the server at all" */
START_TEST(no_answer_at_all_is_a_negative_one)
{
    struct conversation c;
    begin_client_with_cookie(&c, .syn_retries = 1);

    ck_assert_int_eq(app_sends_fast(&c, 10), 10);
    expect_segment(&c, .len = 10, .flags = SYN, .cookie = &given);
    expect_segment(&c, .flags = SYN, .after_ms = 1000);
    expect_silence_for(&c, 2001);
    app_fails_to_read(&c, ETIMEDOUT);
    expect_pause(&c);
    close_conversation(&c);
}
END_TEST

/* 4.1.3.1: "ICMP error messages" */
START_TEST(so_is_an_icmp_error)
{
    struct conversation c;
    begin_client_with_cookie(&c);

    ck_assert_int_eq(app_sends_fast(&c, 10), 10);
    expect_segment(&c, .len = 10, .flags = SYN, .cookie = &given);
    peer_sends_icmp(&c, .type = 3, .code = 2, .seq = 0);
    app_fails_to_read(&c, ENOPROTOOPT);
    expect_pause(&c);
    close_conversation(&c);
}
END_TEST

/* A port that refuses says nothing of Fast Open. */
START_TEST(a_refusal_is_none)
{
    struct conversation c;
    begin_client_with_cookie(&c);

    ck_assert_int_eq(app_sends_fast(&c, 10), 10);
    expect_segment(&c, .len = 10, .flags = SYN, .cookie = &given);
    peer_sends(&c, .flags = RST | ACK);
    app_fails_to_read(&c, ECONNREFUSED);
    expect_no_pause(&c);
    close_conversation(&c);
}
END_TEST

/* 4.1.3.1: "the client's cache should include remote port numbers, too"; the
 * cookie is the server's, for all its ports. */
START_TEST(a_failure_is_of_one_port_a_cookie_of_all)
{
    struct conversation c;
    begin_client_with_cookie(&c);
    ck_assert_int_eq(app_sends_fast(&c, 10), 10);
    expect_segment(&c, .len = 10, .flags = SYN, .cookie = &given);
    peer_sends(&c, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH);
    end_by_reset(&c);

    peer_uses_port(&c, PEER_PORT + 1);
    expect_no_pause(&c);
    peer_uses_port(&c, PEER_PORT);
    expect_pause(&c);
    close_conversation(&c);
}
END_TEST

/* 4.2.1: "record the set of servers that failed to respond to cookie requests
 * and only attempt another cookie request after a certain period" */
START_TEST(a_request_that_brings_no_cookie_is_not_repeated_soon)
{
    struct conversation c;
    begin_client(&c);

    ck_assert_int_eq(app_sends_fast(&c, 10), -EINPROGRESS);
    expect_segment(&c, .flags = SYN, .asks_cookie = true);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .flags = ACK);
    end_by_reset(&c);
    expect_pause(&c);
    advance(&c, 60010);
    begin_another(&c);
    ck_assert_int_eq(app_sends_fast(&c, 10), -EINPROGRESS);
    expect_segment(&c, .flags = SYN, .asks_cookie = true);
    close_conversation(&c);
}
END_TEST

/* 4.2.2, client: SYN-ACK (1); a cookie that has expired costs nothing. */
START_TEST(a_new_cookie_takes_the_place_of_the_old)
{
    static const struct cookie young = {16, {1, 2, 3, 4, 5, 6, 7, 8, 9}};
    struct conversation c;
    begin_client_with_cookie(&c, .timestamps = true);

    ck_assert_int_eq(app_sends_fast(&c, 100), 100);
    expect_segment(&c, .len = 100, .flags = SYN, .cookie = &given);
    peer_sends(&c, .ack = 1, .flags = SYN | ACK, .cookie = &young);
    expect_segment(&c, .seq = 1, .len = 100, .flags = ACK | PSH);
    end_by_reset(&c);
    begin_another(&c);
    ck_assert_int_eq(app_sends_fast(&c, 100), 100);
    expect_segment(&c, .len = 100, .flags = SYN, .cookie = &young,
                   .options = "mss,sackOK,TS,nop,wscale,tfo,nop,nop");
    close_conversation(&c);
}
END_TEST

/* 4.1.3: "most recently received": its MSS, too. */
START_TEST(a_new_mss_is_remembered)
{
    struct conversation c;
    begin_client_with_cookie(&c, .mss = 1000);

    ck_assert_int_eq(app_sends_fast(&c, 100), 100);
    expect_segment(&c, .len = 100, .flags = SYN, .cookie = &given);
    peer_sends(&c, .flags = SYN | ACK, .mss = 500);
    expect_segment(&c, .seq = 101, .flags = ACK);
    end_by_reset(&c);
    begin_another(&c);
    ck_assert_int_eq(app_sends_fast(&c, 5000), 460);
    expect_segment(&c, .len = 460, .flags = SYN, .cookie = &given);
    close_conversation(&c);
}
END_TEST

START_TEST(a_cookie_that_nobody_asked_for_is_not_kept)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    peer_sends(&c, .flags = SYN | ACK, .cookie = &given);
    expect_segment(&c, .flags = ACK);
    end_by_reset(&c);
    begin_another(&c);
    ck_assert_int_eq(app_sends_fast(&c, 100), -EINPROGRESS);
    expect_segment(&c, .flags = SYN, .asks_cookie = true);
    close_conversation(&c);
}
END_TEST

START_TEST(a_cookie_of_an_impossible_length_is_not_kept)
{
    struct conversation c;
    begin_client(&c);

    ck_assert_int_eq(app_sends_fast(&c, 100), -EINPROGRESS);
    expect_segment(&c, .flags = SYN, .asks_cookie = true);
    peer_sends(&c, .flags = SYN | ACK,
               .options = "\x22\x07\x01\x02\x03\x04\x05\x01", .options_len = 8);
    expect_segment(&c, .flags = ACK);
    end_by_reset(&c);
    expect_pause(&c);
    close_conversation(&c);
}
END_TEST

/* 4.2.2 allows a server to send text with its SYN,ACK. */
START_TEST(text_that_comes_with_the_syn_ack_is_taken)
{
    struct conversation c;
    begin_client_with_cookie(&c);

    ck_assert_int_eq(app_sends_fast(&c, 100), 100);
    expect_segment(&c, .len = 100, .flags = SYN, .cookie = &given);
    peer_sends(&c, .ack = 101, .len = 50, .flags = SYN | ACK);
    expect_segment(&c, .seq = 101, .ack = 51, .flags = ACK);
    app_reads(&c, 50);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.5 figure 7, with text in our SYN. */
START_TEST(two_ends_may_open_at_the_same_time)
{
    struct conversation c;
    begin_client_with_cookie(&c);

    ck_assert_int_eq(app_sends_fast(&c, 100), 100);
    expect_segment(&c, .len = 100, .flags = SYN, .cookie = &given);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    peer_sends(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .len = 100, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* RFC 1191: it was the size, so the SYN goes without text, at once; and that
 * says nothing of Fast Open. */
START_TEST(a_syn_that_is_too_large_for_the_path_goes_without_text)
{
    struct conversation c;
    begin_client_with_cookie(&c, .mss = 1460);

    ck_assert_int_eq(app_sends_fast(&c, 5000), 1420);
    expect_segment(&c, .len = 1420, .flags = SYN, .cookie = &given);
    peer_sends_icmp(&c, .type = 3, .code = 4, .mtu = 1200, .seq = 0);
    expect_segment(&c, .seq = 0, .flags = SYN);
    peer_sends(&c, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .len = 1160, .flags = ACK);
    expect_segment(&c, .seq = 1161, .len = 260, .flags = ACK | PSH);
    end_by_reset(&c);
    begin_another(&c);
    ck_assert_int_eq(app_sends_fast(&c, 5000), 1120);
    expect_segment(&c, .len = 1120, .flags = SYN, .cookie = &given);
    close_conversation(&c);
}
END_TEST

/* ---- the socket calls, as Linux has them ---- */

START_TEST(a_stack_that_does_not_allow_it_says_so)
{
    struct conversation c;
    begin_client(&c, .no_fast_open = true);

    ck_assert_int_eq(app_sends_fast(&c, 100), -EOPNOTSUPP);
    app_fails_to_set(&c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1, EOPNOTSUPP);
    close_conversation(&c);
}
END_TEST

START_TEST(it_answers_as_connect_does)
{
    struct conversation c;
    begin_client_with_cookie(&c);

    ck_assert_int_eq(app_sends_fast(&c, 100), 100);
    expect_segment(&c, .len = 100, .flags = SYN, .cookie = &given);
    ck_assert_int_eq(app_sends_fast(&c, 100), -EALREADY);
    ck_assert_int_eq(app_tries_to_connect(&c), -EALREADY);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .seq = 101, .flags = ACK);
    ck_assert_int_eq(app_sends_fast(&c, 100), 100);
    expect_segment(&c, .seq = 101, .len = 100, .flags = ACK | PSH);
    ck_assert_int_eq(app_sends_fast(&c, 100), -EISCONN);
    close_conversation(&c);

    begin_client(&c, .mss = 1000);
    ck_assert_int_eq(app_sends_fast(&c, 100), -EINPROGRESS);
    expect_segment(&c, .flags = SYN, .asks_cookie = true);
    peer_sends(&c, .flags = RST | ACK);
    ck_assert_int_eq(app_sends_fast(&c, 100), -ECONNREFUSED);
    socket_id same = c.peer->socket;
    peer_starts_over(&c, 1000);
    c.peer->socket = same;
    c.peer->stack_port = 0;
    ck_assert_int_eq(app_sends_fast(&c, 100), -EINPROGRESS);
    expect_segment(&c, .flags = SYN, .asks_cookie = true);
    close_conversation(&c);
}
END_TEST

START_TEST(a_listener_and_nobody_cannot_be_opened)
{
    struct iovec iov = {.iov_base = "x", .iov_len = 1};
    struct socket_message to_nobody = {
        .iov = &iov, .iov_count = 1, .flags = MSG_FASTOPEN};
    struct conversation c;
    begin_client(&c);

    ck_assert_int_eq(stack_send(c.stack, c.now, c.peer->socket, &to_nobody),
                     -EINVAL);
    app_listens(&c);
    c.peer->socket = c.listener;
    ck_assert_int_eq(app_sends_fast(&c, 100), -EISCONN);
    close_conversation(&c);
}
END_TEST

START_TEST(nothing_to_send_takes_the_cookie_along)
{
    struct conversation c;
    begin_client_with_cookie(&c);

    ck_assert_int_eq(app_sends_fast(&c, 0), -EINPROGRESS);
    expect_segment(&c, .seq = 0, .flags = SYN, .cookie = &given);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .flags = ACK);
    end_by_reset(&c);
    expect_no_pause(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(connect_may_wait_for_the_first_write)
{
    struct conversation c;
    begin_client_with_cookie(&c);
    app_sets(&c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);

    ck_assert_int_eq(app_tries_to_connect(&c), 0);
    expect_silence_for(&c, 10000);
    app_polls(&c, POLLOUT);
    app_fails_to_read(&c, EAGAIN);
    ck_assert_int_eq(app_tries_to_connect(&c), -EISCONN);
    app_writes(&c, 100);
    expect_segment(&c, .len = 100, .flags = SYN, .cookie = &given);
    app_polls(&c, 0);
    app_fails_to_write(&c, EAGAIN);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .seq = 101, .ack = 1, .flags = ACK);
    app_writes(&c, 50);
    expect_segment(&c, .seq = 101, .len = 50, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

START_TEST(without_a_cookie_it_does_not_wait)
{
    struct conversation c;
    begin_client(&c);
    app_sets(&c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);

    ck_assert_int_eq(app_tries_to_connect(&c), -EINPROGRESS);
    expect_segment(&c, .flags = SYN, .asks_cookie = true);
    peer_sends(&c, .flags = SYN | ACK, .cookie = &given);
    expect_segment(&c, .flags = ACK);
    ck_assert_int_eq(app_tries_to_connect(&c), 0);
    close_conversation(&c);
}
END_TEST

START_TEST(a_connect_that_waits_can_be_given_up)
{
    struct conversation c;
    begin_client_with_cookie(&c);
    app_sets(&c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    ck_assert_int_eq(app_tries_to_connect(&c), 0);
    app_sets(&c, IPPROTO_TCP, TCP_NODELAY, 1); /* pushes nothing out */
    expect_silence_for(&c, 10);
    app_closes(&c);
    expect_silence_for(&c, 10000);

    begin_another(&c);
    app_sets(&c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    ck_assert_int_eq(app_tries_to_connect(&c), 0);
    app_shuts_down(&c, SHUT_RDWR);
    expect_silence_for(&c, 10000);
    close_conversation(&c);
}
END_TEST

START_TEST(a_first_write_that_is_refused_is_told)
{
    struct conversation c;
    begin_client_with_cookie(&c);
    app_sets(&c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    ck_assert_int_eq(app_tries_to_connect(&c), 0);
    app_writes(&c, 100);
    expect_segment(&c, .len = 100, .flags = SYN, .cookie = &given);

    peer_sends(&c, .flags = RST | ACK);
    app_polls(&c, POLLIN | POLLOUT | POLLERR | POLLHUP);
    app_fails_to_write(&c, ECONNREFUSED);
    close_conversation(&c);
}
END_TEST

/* Linux's bit 4, and TCP_FASTOPEN_NO_COOKIE: RFC 7413 7.3's client. */
START_TEST(a_client_may_do_without_a_cookie)
{
    struct conversation c;
    begin_client(&c, .fast_open = CLIENT | CLIENT_NO_COOKIE,
                 .text_without_cookie = true);
    ck_assert_int_eq(app_sends_fast(&c, 5000), 1420);
    expect_segment(&c, .len = 1420, .flags = SYN);
    close_conversation(&c);

    begin_client(&c, .text_without_cookie = true);
    app_sets(&c, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
    ck_assert_int_eq(app_sends_fast(&c, 100), 100);
    expect_segment(&c, .len = 100, .flags = SYN);
    peer_sends(&c, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .len = 100, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

START_TEST(options_have_linuxs_ranges)
{
    struct conversation c;
    begin_client(&c);

    app_sets(&c, IPPROTO_TCP, TCP_FASTOPEN, 100000);
    ck_assert_int_eq(app_gets(&c, IPPROTO_TCP, TCP_FASTOPEN), 4096);
    app_fails_to_set(&c, IPPROTO_TCP, TCP_FASTOPEN, -1, EINVAL);
    app_fails_to_set(&c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 2, EINVAL);
    app_fails_to_set(&c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, -1, EINVAL);
    app_fails_to_set(&c, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 2, EINVAL);
    app_sets(&c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    ck_assert_int_eq(app_gets(&c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT), 1);
    ck_assert_int_eq(app_gets(&c, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE), 0);

    ck_assert_int_eq(app_tries_to_connect(&c), -EINPROGRESS);
    expect_segment(&c, .flags = SYN, .asks_cookie = true);
    app_fails_to_set(&c, IPPROTO_TCP, TCP_FASTOPEN, 1, EINVAL);
    app_fails_to_set(&c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1, EINVAL);
    app_fails_to_set(&c, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1, EINVAL);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp fast open, client", without_a_cookie_the_syn_asks_for_one,
          with_a_cookie_text_goes_with_the_syn,
          the_servers_mss_limits_the_text_of_the_syn,
          so_does_our_own_mss_and_the_path,
          text_that_is_not_acknowledged_goes_with_the_first_ack,
          of_text_that_is_acknowledged_in_part_the_rest_goes,
          an_acknowledgment_beyond_the_text_is_refused,
          text_that_goes_again_is_timed,
          a_syn_that_is_sent_again_is_an_ordinary_one,
          after_a_loss_fast_open_is_left_alone_for_a_while,
          a_server_that_does_not_take_text_is_left_alone,
          a_spurious_retransmission_is_no_failure,
          no_answer_at_all_is_a_negative_one, so_is_an_icmp_error,
          a_refusal_is_none, a_failure_is_of_one_port_a_cookie_of_all,
          a_request_that_brings_no_cookie_is_not_repeated_soon,
          a_new_cookie_takes_the_place_of_the_old, a_new_mss_is_remembered,
          a_cookie_that_nobody_asked_for_is_not_kept,
          a_cookie_of_an_impossible_length_is_not_kept,
          text_that_comes_with_the_syn_ack_is_taken,
          two_ends_may_open_at_the_same_time,
          a_syn_that_is_too_large_for_the_path_goes_without_text,
          a_stack_that_does_not_allow_it_says_so, it_answers_as_connect_does,
          a_listener_and_nobody_cannot_be_opened,
          nothing_to_send_takes_the_cookie_along,
          connect_may_wait_for_the_first_write,
          without_a_cookie_it_does_not_wait,
          a_connect_that_waits_can_be_given_up,
          a_first_write_that_is_refused_is_told,
          a_client_may_do_without_a_cookie, options_have_linuxs_ranges)
