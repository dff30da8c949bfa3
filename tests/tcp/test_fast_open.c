/*
 * TCP Fast Open, RFC 7413: the server's side. The client's is in
 * test_fast_open_client.c; what two stacks say to each other, in one round
 * trip, in tests/sim/test_fast_open.c; the cookies themselves in
 * tests/unit/test_tcp_fast_open.c.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

enum { CLIENT = 1, SERVER = 2, SERVER_NO_COOKIE = 0x200 };
enum { ALL_LISTENERS = 0x400 };

#define begin_server(c, pending, ...)                                          \
    do {                                                                       \
        begin_conversation(c, .fast_open = SERVER, __VA_ARGS__);               \
        app_listens(c);                                                        \
        app_sets(c, IPPROTO_TCP, TCP_FASTOPEN, (pending));                     \
    } while (0)

/* A connection that only asks for a cookie. */
static struct cookie ask_for_cookie(struct conversation *c)
{
    peer_uses_port(c, PEER_PORT + PEERS_MAX - 1);
    peer_starts_over(c, 4000000000u);
    peer_sends(c, .flags = SYN, .asks_cookie = true);
    expect_segment(c, .seq = 0, .ack = 1, .flags = SYN | ACK,
                   .gives_cookie = true);
    struct cookie cookie = conversation_last_cookie(c);
    peer_sends(c, .seq = 1, .ack = 0, .flags = RST);
    peer_uses_port(c, PEER_PORT);
    return cookie;
}

/* A SYN with a good cookie and text, from a port; the answer to it. */
static void open_fast(struct conversation *c, const struct cookie *cookie,
                      unsigned port, int64_t len)
{
    peer_uses_port(c, port);
    peer_sends(c, .flags = SYN, .cookie = cookie, .len = len);
    expect_segment(c, .seq = 0, .ack = 1 + len, .flags = SYN | ACK);
}

/* 4.2: "FastOpenEnabled: default is off"; "ignore all cookie options". */
START_TEST(a_listener_that_was_not_asked_to_gives_no_cookie)
{
    struct conversation c;
    begin_conversation(&c, .fast_open = SERVER);
    app_listens(&c);

    peer_sends(&c, .flags = SYN, .asks_cookie = true, .len = 10);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    app_has_nothing_to_accept(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(nor_does_one_on_a_stack_that_does_not_allow_it)
{
    struct conversation c;
    begin_conversation(&c, .fast_open = CLIENT);
    app_listens(&c);
    app_sets(&c, IPPROTO_TCP, TCP_FASTOPEN, 5);

    peer_sends(&c, .flags = SYN, .asks_cookie = true);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    close_conversation(&c);
}
END_TEST

/* Bit 0x400 of Linux's setting: all listeners are asked to. */
START_TEST(a_setting_asks_all_listeners)
{
    struct conversation c;
    begin_conversation(&c, .fast_open = SERVER | ALL_LISTENERS);
    app_listens(&c);

    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);
    app_reads(&c, 100);
    close_conversation(&c);
}
END_TEST

/* 4.2.1 (2). The options stand as Linux has them. */
START_TEST(who_asks_for_a_cookie_gets_it_with_the_syn_ack)
{
    struct conversation c;
    begin_server(&c, 5, .timestamps = true, .wscale = 7, .sack = true);

    peer_sends(&c, .flags = SYN, .asks_cookie = true);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK,
                   .gives_cookie = true,
                   .options = "mss,sackOK,TS,nop,wscale,tfo,nop,nop");
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    app_fails_to_read(&c, EAGAIN);
    close_conversation(&c);
}
END_TEST

/* 4.2.1: "retransmit [...] without the cookie options on timeouts". */
START_TEST(a_syn_ack_that_is_sent_again_has_no_cookie)
{
    struct conversation c;
    begin_server(&c, 5);

    peer_sends(&c, .flags = SYN, .asks_cookie = true);
    expect_segment(&c, .flags = SYN | ACK, .gives_cookie = true);
    expect_segment(&c, .flags = SYN | ACK, .after_ms = 1000);
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    close_conversation(&c);
}
END_TEST

/* 4.1.2: the client's address makes the cookie, and not its port. */
START_TEST(a_client_has_the_same_cookie_at_each_port)
{
    struct conversation c;
    begin_server(&c, 5);

    struct cookie first = ask_for_cookie(&c);
    peer_sends(&c, .flags = SYN, .asks_cookie = true);
    expect_segment(&c, .flags = SYN | ACK, .cookie = &first);
    close_conversation(&c);
}
END_TEST

START_TEST(text_with_a_request_for_a_cookie_is_not_taken)
{
    struct conversation c;
    begin_server(&c, 5);

    peer_sends(&c, .flags = SYN, .asks_cookie = true, .len = 100);
    expect_segment(&c, .ack = 1, .flags = SYN | ACK, .gives_cookie = true);
    app_has_nothing_to_accept(&c);
    peer_sends(&c, .seq = 1, .ack = 1, .len = 100, .flags = ACK);
    expect_segment(&c, .ack = 101, .flags = ACK, .after_ms = 40);
    app_accepts(&c);
    app_reads(&c, 100);
    close_conversation(&c);
}
END_TEST

/* 4.2.2, server: steps 4 and 5; both are acknowledged, without an option. */
START_TEST(text_with_a_cookie_is_there_before_the_handshake_ends)
{
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);

    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);
    app_polls(&c, POLLIN | POLLOUT);
    app_reads(&c, 100);
    app_fails_to_read(&c, EAGAIN);
    ck_assert(conversation_fast_open_info(&c).has_syn_data);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->fast_open_passive, 1);
    close_conversation(&c);
}
END_TEST

/* 3, figure: #3 DATA_B comes before #4. */
START_TEST(the_answer_goes_before_the_handshake_ends)
{
    struct conversation c;
    begin_server(&c, 5, .timestamps = true, .wscale = 7);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);

    app_writes(&c, 500);
    expect_segment(&c, .seq = 1, .ack = 101, .len = 500, .flags = ACK | PSH);
    peer_sends(&c, .ack = 1, .flags = ACK);
    peer_sends(&c, .ack = 501, .flags = ACK);
    expect_silence_for(&c, 60000);

    app_writes(&c, 500);
    expect_segment(&c, .seq = 501, .len = 500, .flags = ACK | PSH);
    peer_sends(&c, .len = 200, .flags = ACK | PSH);
    expect_segment(&c, .ack = 301, .flags = ACK, .after_ms = 40);
    app_reads(&c, 300);
    close_conversation(&c);
}
END_TEST

START_TEST(one_ack_may_acknowledge_syn_and_answer)
{
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);

    app_writes(&c, 1500);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 500, .flags = ACK | PSH);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 500, .flags = ACK | PSH,
                   .after_ms = 200);
    peer_sends(&c, .ack = 1501, .flags = ACK);
    expect_silence_for(&c, 60000);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 3.1: what it acknowledges of the answer counts as ever. */
START_TEST(the_first_ack_opens_the_congestion_window)
{
    struct conversation c;
    begin_server(&c, 5, .initial_window = 4);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);

    app_writes(&c, 20000);
    for (int i = 0; i < 4; i++)
        expect_segment(&c, .seq = 1 + i * 1000, .len = 1000, .flags = ACK);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    for (int i = 4; i < 8; i++)
        expect_segment(&c, .seq = 1 + i * 1000, .len = 1000, .flags = ACK);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(it_is_accepted_once_before_the_handshake_ends_or_after)
{
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    peer_sends(&c, .flags = ACK);
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .ack = 111, .flags = ACK, .after_ms = 40);

    app_accepts(&c);
    app_has_nothing_to_accept(&c);
    app_reads(&c, 110);
    close_conversation(&c);
}
END_TEST

/* Step 6: RFC 5681's initial window; 10 segments, RFC 6928. */
START_TEST(no_more_than_the_initial_window_goes_before_the_ack)
{
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);

    app_writes(&c, 20000);
    for (int i = 0; i < 10; i++)
        expect_segment(&c, .seq = 1 + i * 1000, .len = 1000, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .ack = 1, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_segment(&c, .seq = 10001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 11001, .len = 1000, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* The window of a SYN is never scaled, RFC 7323 2.2. */
START_TEST(nor_more_than_the_window_of_the_syn)
{
    struct conversation c;
    begin_server(&c, 5, .window = 1500, .wscale = 4);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);

    app_writes(&c, 3000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .ack = 1, .win = 16000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* Linux: who may answer early may also speak first. */
START_TEST(a_cookie_without_text_opens_at_once_too)
{
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 0);
    app_accepts(&c);

    app_fails_to_read(&c, EAGAIN);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .ack = 1, .len = 10, .flags = ACK | PSH);
    ck_assert(!conversation_fast_open_info(&c).has_syn_data);
    close_conversation(&c);
}
END_TEST

/* 4.2.2: "with neither data nor Fast Open options". What was sent meanwhile
 * waits until the handshake is over; then its own timer begins. */
START_TEST(the_syn_ack_goes_again_alone)
{
    struct conversation c;
    begin_server(&c, 5, .synack_retries = 2);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);
    app_writes(&c, 500);
    expect_segment(&c, .seq = 1, .len = 500, .flags = ACK | PSH);

    expect_segment(&c, .seq = 0, .ack = 101, .flags = SYN | ACK,
                   .after_ms = 1000);
    expect_segment(&c, .seq = 0, .ack = 101, .flags = SYN | ACK,
                   .after_ms = 2000);
    peer_sends(&c, .ack = 1, .flags = ACK);
    /* RFC 6298 5.7 */
    expect_segment(&c, .seq = 1, .len = 500, .flags = ACK | PSH,
                   .after_ms = 3000);
    peer_sends(&c, .ack = 501, .flags = ACK);
    expect_silence_for(&c, 60000);
    close_conversation(&c);
}
END_TEST

/* RFC 8985 7.2: no probe takes the place of the SYN,ACK; after the handshake
 * one is due at once, as the RTO has passed since the text was sent. */
START_TEST(no_loss_is_probed_for_before_the_handshake_ends)
{
    struct conversation c;
    begin_server(&c, 5, .sack = true);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);
    app_writes(&c, 500);
    expect_segment(&c, .seq = 1, .len = 500, .flags = ACK | PSH);

    expect_segment(&c, .seq = 0, .ack = 101, .flags = SYN | ACK,
                   .after_ms = 1000);
    expect_segment(&c, .seq = 0, .ack = 101, .flags = SYN | ACK,
                   .after_ms = 2000);
    peer_sends(&c, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 1, .len = 500, .flags = ACK | PSH, .after_ms = 0);
    close_conversation(&c);
}
END_TEST

START_TEST(when_nobody_acknowledges_the_program_is_told)
{
    struct conversation c;
    begin_server(&c, 1, .synack_retries = 1);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);
    app_reads(&c, 100);

    expect_segment(&c, .flags = SYN | ACK, .after_ms = 1000);
    expect_silence_for(&c, 2001);
    app_fails_to_read(&c, ETIMEDOUT);
    /* and is not pending any more */
    open_fast(&c, &cookie, PEER_PORT + 1, 100);
    close_conversation(&c);
}
END_TEST

/* RFC 7413 2.1 gives up what would tell a duplicate later on; while the
 * connection is there it is told. */
START_TEST(the_syn_again_is_answered_and_not_taken_again)
{
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);

    peer_sends(&c, .seq = 0, .flags = SYN, .cookie = &cookie, .len = 100);
    expect_segment(&c, .seq = 0, .ack = 101, .flags = SYN | ACK);
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 101, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK);
    peer_sends(&c, .seq = 0, .flags = SYN, .cookie = &cookie, .len = 100);
    expect_segment(&c, .seq = 1, .ack = 101, .flags = ACK);
    app_reads(&c, 100);
    app_fails_to_read(&c, EAGAIN);
    close_conversation(&c);
}
END_TEST

START_TEST(text_beyond_the_window_comes_again)
{
    struct conversation c;
    begin_server(&c, 5, .receive_buffer = 600);
    struct cookie cookie = ask_for_cookie(&c);

    peer_sends(&c, .flags = SYN, .cookie = &cookie, .len = 1000);
    expect_segment(&c, .seq = 0, .ack = 601, .win = 0, .flags = SYN | ACK);
    peer_sends(&c, .seq = 0, .flags = SYN, .cookie = &cookie, .len = 1000);
    expect_segment(&c, .seq = 0, .ack = 601, .win = 0, .flags = SYN | ACK);
    app_accepts(&c);
    app_reads(&c, 600);
    peer_sends(&c, .seq = 601, .flags = ACK);
    peer_sends(&c, .seq = 601, .len = 400, .flags = ACK | PSH);
    app_reads(&c, 400);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* 3, 2b: "drops the data and sends a SYN-ACK acknowledging only the
 * SYN"; 4.1.2: "a valid cookie is readily available to be sent". */
START_TEST(a_wrong_cookie_is_answered_by_a_new_one)
{
    static const struct cookie forged = {8, {1, 2, 3, 4, 5, 6, 7, 8}};
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);

    peer_sends(&c, .flags = SYN, .cookie = &forged, .len = 100);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK,
                   .cookie = &cookie);
    app_has_nothing_to_accept(&c);
    peer_sends(&c, .seq = 1, .ack = 1, .len = 100, .flags = ACK | PSH);
    app_accepts(&c);
    app_reads(&c, 100);
    expect_segment(&c, .ack = 101, .flags = ACK, .after_ms = 40);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->fast_open_passive_fails, 1);
    close_conversation(&c);
}
END_TEST

START_TEST(each_octet_of_a_cookie_counts_and_its_length)
{
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);

    for (unsigned i = 0; i < cookie.len; i++) {
        struct cookie wrong = cookie;

        wrong.octet[i] ^= 0x80;
        peer_uses_port(&c, PEER_PORT + i);
        peer_sends(&c, .flags = SYN, .cookie = &wrong, .len = 100);
        expect_segment(&c, .ack = 1, .flags = SYN | ACK, .cookie = &cookie);
    }
    struct cookie shorter = cookie;
    shorter.len -= 2;
    peer_uses_port(&c, PEER_PORT + cookie.len);
    peer_sends(&c, .flags = SYN, .cookie = &shorter, .len = 100);
    expect_segment(&c, .ack = 1, .flags = SYN | ACK, .cookie = &cookie);
    close_conversation(&c);
}
END_TEST

/* 4.1.1: "Options with invalid Length values [...] MUST be ignored". */
START_TEST(an_option_of_an_impossible_length_is_ignored)
{
    static const struct {
        const char *option;
        size_t len;
    } wrong[] = {{"\x22\x03\x01\x01", 4},
                 {"\x22\x04\x01\x02", 4},
                 {"\x22\x05\x01\x02\x03\x01\x01\x01", 8},
                 {"\x22\x07\x01\x02\x03\x04\x05\x01", 8},
                 {"\x22\x14@@@@@@@@@@@@@@@@@@", 20}};
    struct conversation c;
    begin_server(&c, 5);

    for (unsigned i = 0; i < ARRAY_LENGTH(wrong); i++) {
        peer_uses_port(&c, PEER_PORT + i);
        peer_sends(&c, .flags = SYN, .len = 100, .options = wrong[i].option,
                   .options_len = wrong[i].len);
        expect_segment(&c, .ack = 1, .flags = SYN | ACK);
    }
    close_conversation(&c);
}
END_TEST

/* 4.1.1: "[...] or without the SYN flag set MUST be ignored". */
START_TEST(an_option_without_a_syn_is_ignored)
{
    struct conversation c;
    begin_server(&c, 5);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);

    peer_sends(&c, .flags = ACK, .options = "\x22\x02\x01\x01",
               .options_len = 4);
    app_accepts(&c);
    peer_sends(&c, .len = 10, .flags = ACK | PSH,
               .options = "\x22\x06\x01\x02\x03\x04\x01\x01", .options_len = 8);
    expect_segment(&c, .ack = 11, .flags = ACK, .after_ms = 40);
    app_reads(&c, 10);
    close_conversation(&c);
}
END_TEST

/* Text without an option is text with an ordinary SYN. */
START_TEST(text_without_a_cookie_is_not_taken)
{
    struct conversation c;
    begin_server(&c, 5);

    peer_sends(&c, .flags = SYN, .len = 100);
    expect_segment(&c, .ack = 1, .flags = SYN | ACK);
    app_has_nothing_to_accept(&c);
    close_conversation(&c);
}
END_TEST

/* 7.3: unless the server says so, for all or for one listener. */
START_TEST(a_server_may_do_without_cookies)
{
    struct conversation c;
    begin_server(&c, 5, .fast_open = SERVER | SERVER_NO_COOKIE);

    peer_sends(&c, .flags = SYN, .len = 100);
    expect_segment(&c, .ack = 101, .flags = SYN | ACK);
    app_accepts(&c);
    app_reads(&c, 100);
    close_conversation(&c);

    begin_server(&c, 5, .mss = 1000);
    app_sets(&c, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
    peer_sends(&c, .flags = SYN, .len = 100);
    expect_segment(&c, .ack = 101, .flags = SYN | ACK);
    app_accepts(&c);
    app_reads(&c, 100);
    close_conversation(&c);
}
END_TEST

START_TEST(a_syn_with_a_fin_opens_nothing_fast)
{
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);

    peer_sends(&c, .flags = SYN | FIN, .cookie = &cookie, .len = 100);
    expect_segment(&c, .ack = 1, .flags = SYN | ACK);
    app_has_nothing_to_accept(&c);
    close_conversation(&c);
}
END_TEST

/* 4.2.2, server: step 2; the handshake is as ever then, and without a cookie,
 * as Linux has it. */
START_TEST(no_more_are_pending_than_the_program_allows)
{
    struct conversation c;
    begin_server(&c, 2);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    open_fast(&c, &cookie, PEER_PORT + 1, 100);

    peer_uses_port(&c, PEER_PORT + 2);
    peer_sends(&c, .flags = SYN, .cookie = &cookie, .len = 100);
    expect_segment(&c, .ack = 1, .flags = SYN | ACK);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->fast_open_overflows, 1);

    /* 4.2.2: "Upon receiving an ACK [...] decrements" */
    peer_uses_port(&c, PEER_PORT);
    peer_sends(&c, .flags = ACK);
    open_fast(&c, &cookie, PEER_PORT + 3, 100);
    peer_uses_port(&c, PEER_PORT + 4);
    peer_sends(&c, .flags = SYN, .cookie = &cookie, .len = 100);
    expect_segment(&c, .ack = 1, .flags = SYN | ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(the_limit_can_be_changed_and_0_ends_it)
{
    struct conversation c;
    begin_server(&c, 1);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);

    app_sets(&c, IPPROTO_TCP, TCP_FASTOPEN, 2);
    open_fast(&c, &cookie, PEER_PORT + 1, 100);
    app_sets(&c, IPPROTO_TCP, TCP_FASTOPEN, 0);
    peer_uses_port(&c, PEER_PORT + 2);
    peer_sends(&c, .flags = SYN, .asks_cookie = true);
    expect_segment(&c, .ack = 1, .flags = SYN | ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(an_rst_ends_it_and_the_program_is_told)
{
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);
    app_reads(&c, 100);

    peer_sends(&c, .flags = RST);
    app_polls(&c, POLLIN | POLLOUT | POLLERR | POLLHUP);
    app_fails_to_read(&c, ECONNRESET);
    expect_silence_for(&c, 10000);
    close_conversation(&c);
}
END_TEST

/* 5.1: whose address was used answers with RST, and must not make room for the
 * next of a flood; for a minute, as in Linux. */
START_TEST(one_that_was_reset_counts_for_a_minute)
{
    struct conversation c;
    begin_server(&c, 1);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);
    peer_sends(&c, .flags = RST);

    advance(&c, 59990);
    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .flags = SYN, .cookie = &cookie, .len = 100);
    expect_segment(&c, .ack = 1, .flags = SYN | ACK);
    peer_sends(&c, .seq = 1, .flags = RST);
    advance(&c, 20);
    open_fast(&c, &cookie, PEER_PORT + 2, 100);
    close_conversation(&c);
}
END_TEST

/* The program answers and is done: its FIN goes with the answer. */
START_TEST(the_program_may_close_before_the_handshake_ends)
{
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);
    app_reads(&c, 100);

    app_writes(&c, 500);
    expect_segment(&c, .seq = 1, .ack = 101, .len = 500, .flags = ACK | PSH);
    app_closes(&c);
    expect_segment(&c, .seq = 501, .ack = 101, .flags = FIN | ACK);
    peer_sends(&c, .ack = 1, .flags = ACK);
    peer_sends(&c, .ack = 502, .flags = ACK);
    peer_sends(&c, .flags = FIN | ACK);
    expect_segment(&c, .seq = 502, .ack = 102, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(a_fin_before_the_handshake_ends_is_acknowledged_with_it)
{
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);
    app_reads(&c, 100);
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 1, .ack = 101, .flags = FIN | ACK);

    peer_sends(&c, .ack = 2, .len = 10, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 112, .flags = ACK);
    app_reads(&c, 10);
    app_reads_end(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 2525 2.17 */
START_TEST(closed_with_the_text_unread_it_is_reset)
{
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);

    app_closes(&c);
    expect_segment(&c, .seq = 1, .ack = 101, .flags = RST | ACK);
    expect_silence_for(&c, 10000);
    close_conversation(&c);
}
END_TEST

START_TEST(when_the_listener_closes_those_not_accepted_are_reset)
{
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);
    open_fast(&c, &cookie, PEER_PORT + 1, 100);

    app_closes_listener(&c);
    expect_segment(&c, .seq = 1, .ack = 101, .flags = RST | ACK);
    peer_uses_port(&c, PEER_PORT); /* this one goes on */
    app_reads(&c, 100);
    peer_sends(&c, .len = 10, .flags = ACK);
    expect_segment(&c, .ack = 111, .flags = ACK, .after_ms = 40);
    app_reads(&c, 10);
    close_conversation(&c);
}
END_TEST

/* RFC 8.2: "disable TFO when [...] the SYN backlog is filled"; SYN cookies
 * cannot keep text. */
START_TEST(where_syn_cookies_are_needed_text_is_not_taken)
{
    struct conversation c;
    begin_server(&c, 5, .max_half_open = 1);
    struct cookie cookie = ask_for_cookie(&c);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);

    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .flags = SYN, .cookie = &cookie, .len = 100);
    expect_segment(&c, .ack = 1, .flags = SYN | ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(a_full_backlog_lets_nothing_in)
{
    struct conversation c;
    begin_server(&c, 5, .backlog = 1);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    open_fast(&c, &cookie, PEER_PORT + 1, 100);

    peer_uses_port(&c, PEER_PORT + 2);
    peer_sends(&c, .flags = SYN, .cookie = &cookie, .len = 100);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* 4.1.2 (5): a cookie expires as keys change; the last one is still good, and a
 * new one goes with the SYN,ACK. */
START_TEST(keys_roll)
{
    struct conversation c;
    begin_server(&c, 5, .fast_open_key_life_s = 1000);
    struct cookie old = ask_for_cookie(&c);

    advance(&c, 1000 * 1000);
    peer_sends(&c, .flags = SYN, .cookie = &old, .len = 100);
    expect_segment(&c, .ack = 101, .flags = SYN | ACK, .gives_cookie = true);
    struct cookie young = conversation_last_cookie(&c);
    ck_assert_mem_ne(young.octet, old.octet, 8);
    peer_sends(&c, .flags = ACK);
    open_fast(&c, &young, PEER_PORT + 1, 100);
    peer_sends(&c, .flags = ACK);

    advance(&c, 1000 * 1000);
    peer_uses_port(&c, PEER_PORT + 2);
    peer_sends(&c, .flags = SYN, .cookie = &old, .len = 100);
    expect_segment(&c, .ack = 1, .flags = SYN | ACK, .gives_cookie = true);
    peer_uses_port(&c, PEER_PORT + 3);
    peer_sends(&c, .flags = SYN, .cookie = &young, .len = 100);
    expect_segment(&c, .ack = 101, .flags = SYN | ACK, .gives_cookie = true);
    close_conversation(&c);
}
END_TEST

/* Of two keys that nobody used for two lives none is good. */
START_TEST(a_cookie_is_no_longer_good_than_two_lives_of_a_key)
{
    struct conversation c;
    begin_server(&c, 5, .fast_open_key_life_s = 1000);
    struct cookie old = ask_for_cookie(&c);

    advance(&c, 2000 * 1000);
    peer_sends(&c, .flags = SYN, .cookie = &old, .len = 100);
    expect_segment(&c, .ack = 1, .flags = SYN | ACK, .gives_cookie = true);
    close_conversation(&c);
}
END_TEST

/* RFC 5927 5.2 until it is accepted; then it is a connection, as in Linux. */
START_TEST(icmp_ends_only_one_that_is_not_accepted)
{
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    peer_sends_icmp(&c, .type = 3, .code = 3, .seq = 0);
    expect_silence_for(&c, 5000);

    app_accepts(&c);
    app_reads(&c, 100);
    app_fails_to_read(&c, ECONNREFUSED);
    open_fast(&c, &cookie, PEER_PORT + 1, 100);
    app_accepts(&c);
    peer_sends_icmp(&c, .type = 3, .code = 3, .seq = 0);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.6.1: a SYN above the old connection's numbers reopens it. */
START_TEST(time_wait_gives_way)
{
    struct conversation c;
    begin_server(&c, 5);
    struct cookie cookie = ask_for_cookie(&c);
    open_fast(&c, &cookie, PEER_PORT, 100);
    app_accepts(&c);
    peer_sends(&c, .flags = ACK);
    app_reads(&c, 100);
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .flags = FIN | ACK);
    peer_sends(&c, .flags = FIN | ACK);
    expect_segment(&c, .flags = ACK);
    app_closes(&c);

    peer_starts_over(&c, 3000000000u);
    open_fast(&c, &cookie, PEER_PORT, 200);
    app_accepts(&c);
    app_reads(&c, 200);
    close_conversation(&c);
}
END_TEST

/* The key that a program gives: cookies that a kernel has given with the same
 * one are good here, which was measured (6.18; RFC 7413 6.3.4). */
START_TEST(a_program_may_give_the_keys)
{
    static const uint8_t key[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                    11, 12, 13, 14, 15, 15, 14, 13, 12, 11, 10,
                                    9,  8,  7,  6,  5,  4,  3,  2,  1,  0};
    uint8_t got[64];
    size_t len = sizeof(got);
    struct conversation c;
    begin_server(&c, 5);
    struct cookie of_stack = ask_for_cookie(&c);

    ck_assert_int_eq(stack_set_option(c.stack, c.now, c.listener, IPPROTO_TCP,
                                      TCP_FASTOPEN_KEY, bytes_of(key, 15)),
                     -EINVAL);
    ck_assert_int_eq(stack_set_option(c.stack, c.now, c.listener, IPPROTO_TCP,
                                      TCP_FASTOPEN_KEY, bytes_of(key, 16)),
                     0);
    struct cookie first = ask_for_cookie(&c);
    ck_assert_mem_ne(first.octet, of_stack.octet, 8);

    ck_assert_int_eq(stack_set_option(c.stack, c.now, c.listener, IPPROTO_TCP,
                                      TCP_FASTOPEN_KEY,
                                      bytes_of((const uint8_t[32]){1}, 32)),
                     0);
    peer_sends(&c, .flags = SYN, .cookie = &first, .len = 10);
    expect_segment(&c, .ack = 1, .flags = SYN | ACK, .gives_cookie = true);

    ck_assert_int_eq(stack_set_option(c.stack, c.now, c.listener, IPPROTO_TCP,
                                      TCP_FASTOPEN_KEY, bytes_of(key, 32)),
                     0);
    ck_assert_int_eq(stack_get_option(c.stack, c.now, c.listener, IPPROTO_TCP,
                                      TCP_FASTOPEN_KEY, got, &len),
                     0);
    ck_assert_uint_eq(len, 32);
    ck_assert_mem_eq(got, key, 32);
    open_fast(&c, &first, PEER_PORT + 1, 10);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp fast open, server",
          a_listener_that_was_not_asked_to_gives_no_cookie,
          nor_does_one_on_a_stack_that_does_not_allow_it,
          a_setting_asks_all_listeners,
          who_asks_for_a_cookie_gets_it_with_the_syn_ack,
          a_syn_ack_that_is_sent_again_has_no_cookie,
          a_client_has_the_same_cookie_at_each_port,
          text_with_a_request_for_a_cookie_is_not_taken,
          text_with_a_cookie_is_there_before_the_handshake_ends,
          the_answer_goes_before_the_handshake_ends,
          one_ack_may_acknowledge_syn_and_answer,
          the_first_ack_opens_the_congestion_window,
          it_is_accepted_once_before_the_handshake_ends_or_after,
          no_more_than_the_initial_window_goes_before_the_ack,
          nor_more_than_the_window_of_the_syn,
          a_cookie_without_text_opens_at_once_too, the_syn_ack_goes_again_alone,
          no_loss_is_probed_for_before_the_handshake_ends,
          when_nobody_acknowledges_the_program_is_told,
          the_syn_again_is_answered_and_not_taken_again,
          text_beyond_the_window_comes_again,
          a_wrong_cookie_is_answered_by_a_new_one,
          each_octet_of_a_cookie_counts_and_its_length,
          an_option_of_an_impossible_length_is_ignored,
          an_option_without_a_syn_is_ignored,
          text_without_a_cookie_is_not_taken, a_server_may_do_without_cookies,
          a_syn_with_a_fin_opens_nothing_fast,
          no_more_are_pending_than_the_program_allows,
          the_limit_can_be_changed_and_0_ends_it,
          an_rst_ends_it_and_the_program_is_told,
          one_that_was_reset_counts_for_a_minute,
          the_program_may_close_before_the_handshake_ends,
          a_fin_before_the_handshake_ends_is_acknowledged_with_it,
          closed_with_the_text_unread_it_is_reset,
          when_the_listener_closes_those_not_accepted_are_reset,
          where_syn_cookies_are_needed_text_is_not_taken,
          a_full_backlog_lets_nothing_in, keys_roll,
          a_cookie_is_no_longer_good_than_two_lives_of_a_key,
          icmp_ends_only_one_that_is_not_accepted, time_wait_gives_way,
          a_program_may_give_the_keys)
