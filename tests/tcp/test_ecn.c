/*
 * ECN: RFC 3168 6.1, for both directions. That ECT and CWR are on new text
 * alone, and no flag where it was not agreed on, is checked of each segment
 * besides (conversation_ecn.c).
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <linux/tcp.h>
#include <netinet/in.h>

enum { SEGMENT = 1000 };

static const struct tcp_stats *stats_of(const struct conversation *c)
{
    return stack_tcp_stats(c->stack);
}

static struct tcp_info info_of(struct conversation *c)
{
    struct tcp_info info;
    size_t len = sizeof(info);

    ck_assert_int_eq(stack_get_option(c->stack, c->now, c->peer->socket,
                                      IPPROTO_TCP, TCP_INFO, &info, &len),
                     0);
    return info;
}

/* Full segments of new text from `seq` up to `end`, and no more. */
static void expect_flight(struct conversation *c, int64_t seq, int64_t end)
{
    for (; seq < end; seq += SEGMENT)
        expect_segment(c, .seq = seq, .len = SEGMENT, .flags = ACK,
                       .ecn = ECT_0, .optional = PSH);
    expect_silence(c);
}

/* A connection that uses ECN, and ten segments of it on their way. */
static void open_flight(struct conversation *c, size_t to_write)
{
    app_writes(c, to_write);
    expect_flight(c, 1, 10001);
    advance(c, 100);
}

/* Whether text goes out as ECN-capable, and a mark on the peer's is echoed. */
static void expect_use(struct conversation *c, bool sends, bool echoes)
{
    app_writes(c, 10);
    expect_segment(c, .len = 10, .flags = ACK | PSH,
                   .ecn = sends ? ECT_0 : NOT_ECT);
    peer_sends(c, .len = 10, .flags = ACK, .ecn = CE);
    expect_segment(c, .flags = echoes ? ACK | ECE : ACK, .within_ms = 40);
}

static void expect_agreement(struct conversation *c, bool agreed)
{
    expect_use(c, agreed, agreed);
    ck_assert_int_eq((info_of(c).tcpi_options & TCPI_OPT_ECN) != 0, agreed);
}

/* ---- 6.1.1: Initialization ---------------------------------------------- */

START_TEST(who_asks_is_answered)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .flags = SYN | ECE | CWR);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK | ECE);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    expect_agreement(&c, true);
    close_conversation(&c);
}
END_TEST

/* "Receivers MUST correctly handle all forms of the non-ECN-setup SYN" */
START_TEST(who_does_not_ask_is_not_answered)
{
    static const unsigned flags[] = {SYN, SYN | ECE, SYN | CWR};

    for (size_t i = 0; i < ARRAY_LENGTH(flags); i++) {
        struct conversation c;
        begin_conversation(&c);
        app_listens(&c);

        peer_sends(&c, .flags = flags[i]);
        expect_segment(&c, .flags = SYN | ACK);
        peer_sends(&c, .flags = ACK);
        app_accepts(&c);
        expect_agreement(&c, false);
        close_conversation(&c);
    }
}
END_TEST

START_TEST(by_default_we_do_not_ask)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    peer_sends(&c, .flags = SYN | ACK | ECE); /* to nobody who has asked */
    expect_segment(&c, .flags = ACK);
    expect_agreement(&c, false);
    close_conversation(&c);
}
END_TEST

START_TEST(who_is_set_so_asks)
{
    struct conversation c;
    begin_conversation(&c, .active = true, .asks_ecn = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN | ECE | CWR);
    peer_sends(&c, .flags = SYN | ACK | ECE);
    expect_segment(&c, .flags = ACK);
    expect_agreement(&c, true);
    close_conversation(&c);
}
END_TEST

/* Also one that mirrors the flags, 6.1.1.2. */
START_TEST(every_other_answer_is_a_refusal)
{
    static const unsigned flags[] = {0, CWR, ECE | CWR};

    for (size_t i = 0; i < ARRAY_LENGTH(flags); i++) {
        struct conversation c;
        begin_conversation(&c, .active = true, .asks_ecn = true);

        app_connects(&c);
        expect_segment(&c, .flags = SYN | ECE | CWR);
        peer_sends(&c, .flags = SYN | ACK | flags[i]);
        expect_segment(&c, .flags = ACK);
        expect_agreement(&c, false);
        close_conversation(&c);
    }
}
END_TEST

START_TEST(it_can_be_switched_off)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .no_ecn = true);

    expect_agreement(&c, false);
    close_conversation(&c);
}
END_TEST

/* "A host MUST NOT set ECT on SYN": somebody on the way has. */
START_TEST(a_syn_that_is_marked_is_not_trusted)
{
    static const uint8_t marks[] = {ECT_0, ECT_1, CE};

    for (size_t i = 0; i < ARRAY_LENGTH(marks); i++) {
        struct conversation c;
        begin_conversation(&c);
        app_listens(&c);

        peer_sends(&c, .flags = SYN | ECE | CWR, .ecn = marks[i]);
        expect_segment(&c, .flags = SYN | ACK);
        close_conversation(&c);
    }
}
END_TEST

START_TEST(a_syn_that_is_sent_again_does_not_ask)
{
    struct conversation c;
    begin_conversation(&c, .active = true, .asks_ecn = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN | ECE | CWR);
    expect_segment(&c, .flags = SYN, .after_ms = 1000);
    expect_segment(&c, .flags = SYN, .after_ms = 2000);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .flags = ACK);
    expect_agreement(&c, false);
    close_conversation(&c);
}
END_TEST

/* The answer to the first one. "A host MUST NOT set ECT unless [it] has sent no
 * non-ECN-setup SYN"; but "MUST process" CE. */
START_TEST(who_has_asked_and_then_not_echoes_but_does_not_send)
{
    struct conversation c;
    begin_conversation(&c, .active = true, .asks_ecn = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN | ECE | CWR);
    expect_segment(&c, .flags = SYN, .after_ms = 1000);
    peer_sends(&c, .flags = SYN | ACK | ECE);
    expect_segment(&c, .flags = ACK);
    expect_use(&c, false, true);
    close_conversation(&c);
}
END_TEST

START_TEST(falling_back_can_be_switched_off)
{
    struct conversation c;
    begin_conversation(&c, .active = true, .asks_ecn = true,
                       .no_ecn_fallback = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN | ECE | CWR);
    expect_segment(&c, .flags = SYN | ECE | CWR, .after_ms = 1000);
    peer_sends(&c, .flags = SYN | ACK | ECE);
    expect_segment(&c, .flags = ACK);
    expect_agreement(&c, true);
    close_conversation(&c);
}
END_TEST

START_TEST(an_answer_that_is_sent_again_is_the_same)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .flags = SYN | ECE | CWR);
    expect_segment(&c, .flags = SYN | ACK | ECE);
    expect_segment(&c, .flags = SYN | ACK | ECE, .after_ms = 1000);
    peer_sends(&c, .seq = 0, .flags = SYN | ECE | CWR);
    expect_segment(&c, .flags = SYN | ACK | ECE);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    expect_agreement(&c, true);
    close_conversation(&c);
}
END_TEST

/* 6.1.1.1 (3), (4): its first SYN was answered, and it does not know. */
START_TEST(who_does_not_ask_a_second_time_is_taken_by_his_word)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .flags = SYN | ECE | CWR);
    expect_segment(&c, .flags = SYN | ACK | ECE);
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    expect_segment(&c, .flags = SYN | ACK, .after_ms = 1000);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    expect_use(&c, false, true); /* should the first answer have arrived */
    close_conversation(&c);
}
END_TEST

/* Another client fills the only place for a record. */
static void fill_up(struct conversation *c)
{
    app_listens(c);
    peer_uses_port(c, PEER_PORT + 1);
    peer_sends(c, .flags = SYN, .no_timestamps = true);
    expect_segment(c, .flags = SYN | ACK, .optional = ECE);
    peer_uses_port(c, PEER_PORT);
}

START_TEST(a_syn_cookie_remembers_it_where_there_are_timestamps)
{
    for (int i = 0; i < 2; i++) {
        bool timestamps = i == 1;
        struct conversation c;
        begin_conversation(&c, .max_half_open = 1, .timestamps = timestamps);
        fill_up(&c);

        peer_sends(&c, .flags = SYN | ECE | CWR);
        expect_segment(&c, .flags = timestamps ? SYN | ACK | ECE : SYN | ACK);
        ck_assert_uint_eq(stats_of(&c)->syn_cookies_sent, 1);
        peer_sends(&c, .flags = ACK);
        app_accepts(&c);
        expect_agreement(&c, timestamps);
        close_conversation(&c);
    }
}
END_TEST

START_TEST(two_that_ask_at_the_same_time_agree)
{
    struct conversation c;
    begin_conversation(&c, .active = true, .asks_ecn = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN | ECE | CWR);
    peer_sends(&c, .flags = SYN | ECE | CWR);
    expect_segment(&c, .flags = SYN | ACK | ECE);
    peer_sends(&c, .seq = 0, .flags = SYN | ACK | ECE);
    expect_segment(&c, .flags = ACK);
    expect_agreement(&c, true);
    close_conversation(&c);
}
END_TEST

START_TEST(of_two_that_open_at_the_same_time_both_must_ask)
{
    for (int i = 0; i < 2; i++) {
        bool we_ask = i == 1;
        struct conversation c;
        begin_conversation(&c, .active = true, .asks_ecn = we_ask);

        app_connects(&c);
        expect_segment(&c, .flags = we_ask ? SYN | ECE | CWR : SYN);
        peer_sends(&c, .flags = we_ask ? SYN : SYN | ECE | CWR);
        expect_segment(&c, .flags = SYN | ACK);
        peer_sends(&c, .seq = 0, .flags = SYN | ACK);
        expect_segment(&c, .flags = ACK);
        expect_agreement(&c, false);
        close_conversation(&c);
    }
}
END_TEST

/* IP_TOS is a matter of the other six bits. */
START_TEST(the_program_has_no_say_in_the_ecn_field)
{
    struct conversation c;
    open_conversation(&c, .ecn = true);

    app_sets(&c, IPPROTO_IP, IP_TOS, 0xff);
    app_writes(&c, 10);
    expect_segment(&c, .len = 10, .flags = ACK | PSH, .ecn = ECT_0);
    ck_assert_uint_eq(c.last.tos, 0xfc | ECT_0);
    peer_sends(&c, .len = 10, .flags = ACK);
    expect_segment(&c, .flags = ACK, .within_ms = 40);
    ck_assert_uint_eq(c.last.tos, 0xfc);
    close_conversation(&c);
}
END_TEST

/* ---- 6.1.3: The Receiver ------------------------------------------------ */

START_TEST(a_mark_is_echoed_at_once_and_until_cwr_comes)
{
    struct conversation c;
    open_conversation(&c, .ecn = true);

    peer_sends(&c, .len = 1000, .flags = ACK, .ecn = CE);
    expect_segment(&c, .ack = 1001, .flags = ACK | ECE);
    for (int64_t ack = 3001; ack <= 7001; ack += 2000) {
        peer_sends(&c, .len = 1000, .flags = ACK, .ecn = ECT_0);
        peer_sends(&c, .len = 1000, .flags = ACK, .ecn = ECT_0);
        expect_segment(&c, .ack = ack, .flags = ACK | ECE, .within_ms = 40);
    }
    peer_sends(&c, .len = 1000, .flags = ACK | CWR, .ecn = ECT_0);
    expect_segment(&c, .ack = 8001, .flags = ACK);
    peer_sends(&c, .len = 1000, .flags = ACK, .ecn = ECT_0);
    expect_segment(&c, .ack = 9001, .flags = ACK, .within_ms = 40);

    peer_sends(&c, .len = 1000, .flags = ACK, .ecn = CE); /* "once again" */
    expect_segment(&c, .ack = 10001, .flags = ACK | ECE);
    ck_assert_uint_eq(stats_of(&c)->ce_segments, 2);
    close_conversation(&c);
}
END_TEST

/* "if any of the received data packets are CE packets, then the returning ACK
 * has the ECN-Echo flag set" */
START_TEST(an_ack_for_several_echoes_the_mark_of_one)
{
    struct conversation c;
    open_conversation(&c, .ecn = true);

    peer_sends(&c, .len = 1000, .flags = ACK, .ecn = CE, .more = true);
    peer_sends(&c, .len = 1000, .flags = ACK, .ecn = ECT_0, .more = true);
    peer_sends(&c, .len = 1000, .flags = ACK, .ecn = ECT_0);
    expect_segment(&c, .ack = 3001, .flags = ACK | ECE);
    close_conversation(&c);
}
END_TEST

START_TEST(cwr_does_not_hide_a_mark_on_the_same_packet)
{
    struct conversation c;
    open_conversation(&c, .ecn = true);

    peer_sends(&c, .len = 1000, .flags = ACK, .ecn = CE);
    expect_segment(&c, .flags = ACK | ECE);
    peer_sends(&c, .len = 1000, .flags = ACK | CWR, .ecn = CE);
    expect_segment(&c, .flags = ACK | ECE);
    close_conversation(&c);
}
END_TEST

START_TEST(text_and_retransmissions_and_fin_carry_the_echo_too)
{
    struct conversation c;
    open_conversation(&c, .ecn = true);

    peer_sends(&c, .len = 1000, .flags = ACK, .ecn = CE);
    expect_segment(&c, .flags = ACK | ECE);
    app_reads(&c, 1000);
    app_writes(&c, 500);
    expect_segment(&c, .seq = 1, .len = 500, .flags = ACK | PSH | ECE,
                   .ecn = ECT_0);
    expect_segment(&c, .seq = 1, .len = 500, .flags = ACK | PSH | ECE,
                   .within_ms = 1000);
    peer_sends(&c, .flags = ACK);
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 501, .flags = ACK | FIN | ECE);
    close_conversation(&c);
}
END_TEST

START_TEST(a_reset_carries_none)
{
    struct conversation c;
    open_conversation(&c, .ecn = true);

    peer_sends(&c, .len = 1000, .flags = ACK, .ecn = CE);
    expect_segment(&c, .flags = ACK | ECE);
    app_closes(&c); /* with text unread */
    expect_segment(&c, .flags = RST | ACK);
    close_conversation(&c);
}
END_TEST

/* 6.1.4 */
START_TEST(a_mark_on_a_pure_ack_means_nothing)
{
    struct conversation c;
    open_conversation(&c, .ecn = true);

    app_writes(&c, 10);
    expect_segment(&c, .len = 10, .flags = ACK | PSH, .ecn = ECT_0);
    peer_sends(&c, .flags = ACK, .ecn = CE);
    expect_silence(&c);
    peer_sends(&c, .len = 10, .flags = ACK);
    expect_segment(&c, .flags = ACK, .within_ms = 40);
    ck_assert_uint_eq(stats_of(&c)->ce_segments, 0);
    close_conversation(&c);
}
END_TEST

/* 6.1.5: "SHOULD ignore the CE codepoint on out-of-window packets" */
START_TEST(a_mark_outside_of_the_window_is_not_believed)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .receive_buffer = 8000);

    peer_sends(&c, .len = 1000, .flags = ACK, .ecn = ECT_0);
    expect_segment(&c, .ack = 1001, .flags = ACK, .within_ms = 40);
    peer_sends(&c, .seq = 1, .len = 1000, .flags = ACK, .ecn = CE);
    expect_segment(&c, .ack = 1001, .flags = ACK);
    peer_sends(&c, .seq = 50001, .len = 1000, .flags = ACK, .ecn = CE);
    expect_segment(&c, .ack = 1001, .flags = ACK);
    ck_assert_uint_eq(stats_of(&c)->ce_segments, 0);
    close_conversation(&c);
}
END_TEST

/* The same for what acknowledges what was never sent, RFC 5961 5.2: a forger.
 */
START_TEST(a_mark_on_what_is_not_acceptable_is_not_believed)
{
    struct conversation c;
    open_conversation(&c, .ecn = true);

    peer_sends(&c, .seq = 1, .ack = 99999, .len = 1000, .flags = ACK,
               .ecn = CE);
    expect_segment(&c, .ack = 1, .flags = ACK);
    ck_assert_uint_eq(stats_of(&c)->ce_segments, 0);
    close_conversation(&c);
}
END_TEST

/* 6.1.6: "if a window probe arrives with the CE codepoint set, then the
 * receiver SHOULD respond" */
START_TEST(a_mark_on_a_window_probe_is_echoed)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .receive_buffer = 4000);

    for (int64_t end = 1001; end <= 4001; end += 1000)
        peer_sends(&c, .len = 1000, .flags = ACK, .ecn = ECT_0, .more = true);
    peer_sends(&c, .flags = ACK);
    expect_segment(&c, .ack = 4001, .win = 0, .flags = ACK);
    peer_sends(&c, .seq = 4001, .len = 1, .flags = ACK, .ecn = CE);
    expect_segment(&c, .ack = 4001, .win = 0, .flags = ACK | ECE);
    close_conversation(&c);
}
END_TEST

START_TEST(text_that_comes_with_the_handshake_counts)
{
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    peer_sends(&c, .flags = SYN | ECE | CWR);
    expect_segment(&c, .flags = SYN | ACK | ECE);
    peer_sends(&c, .len = 1000, .flags = ACK, .ecn = CE);
    expect_segment(&c, .ack = 1001, .flags = ACK | ECE);
    close_conversation(&c);
}
END_TEST

/* "When a TCP host enters TIME-WAIT [...] it should ignore any previous state
 * about the negotiation of ECN" */
START_TEST(in_time_wait_nothing_is_echoed)
{
    struct conversation c;
    open_conversation(&c, .ecn = true);

    peer_sends(&c, .len = 1000, .flags = ACK, .ecn = CE);
    expect_segment(&c, .flags = ACK | ECE);
    app_reads(&c, 1000);
    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = ACK | FIN | ECE);
    peer_sends(&c, .flags = ACK | FIN);
    expect_segment(&c, .ack = 1002, .flags = ACK | ECE);
    peer_sends(&c, .seq = 1001, .flags = ACK | FIN); /* that was lost */
    expect_segment(&c, .ack = 1002, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(tcp_info_tells_of_it)
{
    struct conversation c;
    open_conversation(&c, .ecn = true);

    ck_assert_uint_eq(info_of(&c).tcpi_options & TCPI_OPT_ECN_SEEN, 0);
    peer_sends(&c, .flags = ACK, .ecn = ECT_0); /* no text */
    ck_assert_uint_eq(info_of(&c).tcpi_options & TCPI_OPT_ECN_SEEN, 0);
    peer_sends(&c, .len = 10, .flags = ACK, .ecn = ECT_0);
    expect_segment(&c, .flags = ACK, .within_ms = 40);
    ck_assert_uint_ne(info_of(&c).tcpi_options & TCPI_OPT_ECN_SEEN, 0);

    open_flight(&c, 100000);
    peer_sends(&c, .ack = 6001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 10001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0);
    ck_assert_uint_eq(info_of(&c).tcpi_ca_state, TCP_CA_CWR);
    ck_assert_uint_eq(info_of(&c).tcpi_delivered_ce, 6);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    peer_sends(&c, .ack = 11001, .flags = ACK);
    ck_assert_uint_eq(info_of(&c).tcpi_ca_state, TCP_CA_Open);
    ck_assert_uint_eq(info_of(&c).tcpi_delivered_ce, 6);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* ---- 6.1.2: The Sender -------------------------------------------------- */

START_TEST(new_text_is_capable_and_nothing_else_is)
{
    struct conversation c;
    open_conversation(&c, .ecn = true);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH, .ecn = ECT_0);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                   .within_ms = 1000);
    peer_sends(&c, .flags = ACK);
    app_writes(&c, 10);
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 1001, .len = 10, .flags = ACK | PSH | CWR,
                   .ecn = ECT_0); /* for the time-out */
    expect_segment(&c, .seq = 1011, .flags = ACK | FIN);
    close_conversation(&c);
}
END_TEST

/* What fills a retransmission up goes for the first time, but with it. */
START_TEST(a_retransmission_that_was_filled_up_is_not_capable)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .no_tlp = true);

    app_writes(&c, 500);
    expect_segment(&c, .seq = 1, .len = 500, .flags = ACK | PSH, .ecn = ECT_0);
    app_writes(&c, 300); /* Nagle holds it back */
    expect_segment(&c, .seq = 1, .len = 800, .flags = ACK | PSH,
                   .within_ms = 1000);
    peer_sends(&c, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* One octet into a shut window; or what Nagle has held back, which has nothing
 * to do with it. */
START_TEST(a_window_probe_is_not_capable)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .window = 1000);

    app_writes(&c, 3000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .ecn = ECT_0);
    peer_sends(&c, .win = 0, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1, .flags = ACK, .within_ms = 1000);
    peer_sends(&c, .ack = 1001, .win = 0, .flags = ACK);
    peer_sends(&c, .ack = 1001, .win = 2000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK); /* again */
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK | PSH,
                   .ecn = ECT_0);
    close_conversation(&c);
}
END_TEST

/* "should be treated just as a congestion loss": half a window, once; the first
 * new segment after it says so. */
START_TEST(an_echo_halves_the_window_and_cwr_tells_once)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .rtt_ms = 100);

    open_flight(&c, 100000);
    peer_sends(&c, .ack = 2001, .flags = ACK | ECE);
    peer_sends(&c, .ack = 5001, .flags = ACK | ECE);
    expect_silence(&c); /* 5,000 are in flight */
    peer_sends(&c, .ack = 6001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 10001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0);
    peer_sends(&c, .ack = 8001, .flags = ACK | ECE);
    expect_flight(&c, 11001, 13001);
    ck_assert_uint_eq(stats_of(&c)->ecn_reductions, 1);
    ck_assert_uint_eq(stats_of(&c)->retrans_segs, 0);
    peer_sends(&c, .ack = 10001, .flags = ACK | ECE);
    expect_flight(&c, 13001, 15001);
    close_conversation(&c);
}
END_TEST

/* "more than once every window of data": until what was sent after the
 * reduction is acknowledged; the ACK for CWR's own segment may still echo a new
 * mark, which then counts. */
START_TEST(a_mark_in_the_next_window_reduces_again)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .rtt_ms = 100);

    open_flight(&c, 100000);
    peer_sends(&c, .ack = 10001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 10001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0);
    expect_flight(&c, 11001, 15001);
    ck_assert_uint_eq(stats_of(&c)->ecn_reductions, 1);
    advance(&c, 100);

    peer_sends(&c, .ack = 11001, .flags = ACK | ECE); /* 5,000 to 2,500 */
    expect_silence(&c);
    ck_assert_uint_eq(stats_of(&c)->ecn_reductions, 2);
    peer_sends(&c, .ack = 14001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 15001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* "SHOULD NOT increase the congestion window in response to [...] ECN-Echo" */
START_TEST(an_echo_does_not_let_the_window_grow)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .rtt_ms = 100);

    open_flight(&c, 100000);
    peer_sends(&c, .ack = 1001, .flags = ACK | ECE);
    peer_sends(&c, .ack = 10001, .flags = ACK | ECE); /* 9,000 bytes more */
    expect_segment(&c, .seq = 10001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0);
    expect_flight(&c, 11001, 15001);
    advance(&c, 100);
    peer_sends(&c, .ack = 15001, .flags = ACK); /* of these 5,000 are enough */
    expect_flight(&c, 15001, 21001);
    close_conversation(&c);
}
END_TEST

/* A probe of a shut window does not say CWR, so what comes before the segment
 * that does is acknowledged is still the old echo. */
START_TEST(until_cwr_has_arrived_the_echo_is_the_old_one)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .rtt_ms = 100);

    open_flight(&c, 100000);
    peer_sends(&c, .ack = 10001, .win = 0, .flags = ACK | ECE);
    expect_segment(&c, .seq = 10001, .len = 1, .flags = ACK, .within_ms = 400);
    peer_sends(&c, .ack = 10002, .win = 0, .flags = ACK | ECE);
    ck_assert_uint_eq(stats_of(&c)->ecn_reductions, 1);
    peer_sends(&c, .ack = 10002, .win = 1000, .flags = ACK | ECE);
    expect_segment(&c, .seq = 10002, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0);
    peer_sends(&c, .ack = 10002, .win = 2000, .flags = ACK | ECE);
    ck_assert_uint_eq(stats_of(&c)->ecn_reductions, 1);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 3.2 step 2: what limited transmit has added does not count. */
START_TEST(what_limited_transmit_has_added_does_not_count)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .rtt_ms = 100);

    open_flight(&c, 100000);
    peer_sends(&c, .ack = 1, .flags = ACK);
    peer_sends(&c, .ack = 1, .flags = ACK);
    expect_flight(&c, 10001, 12001);
    peer_sends(&c, .ack = 1001, .flags = ACK | ECE);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    close_conversation(&c);
}
END_TEST

/* Where nothing was sent nothing of ours can have been marked. */
START_TEST(an_echo_of_nothing_is_ignored)
{
    struct conversation c;
    open_conversation(&c, .ecn = true);

    peer_sends(&c, .len = 10, .flags = ACK | ECE);
    expect_segment(&c, .flags = ACK, .within_ms = 40);
    ck_assert_uint_eq(stats_of(&c)->ecn_reductions, 0);
    open_flight(&c, 10000);
    close_conversation(&c);
}
END_TEST

START_TEST(without_an_agreement_an_echo_is_ignored)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100);

    app_writes(&c, 20000);
    for (int64_t seq = 1; seq < 10001; seq += SEGMENT)
        expect_segment(&c, .seq = seq, .len = SEGMENT, .flags = ACK);
    peer_sends(&c, .ack = 10001, .flags = ACK | ECE);
    for (int64_t seq = 10001; seq < 20001; seq += SEGMENT)
        expect_segment(&c, .seq = seq, .len = SEGMENT, .flags = ACK,
                       .optional = PSH);
    ck_assert_uint_eq(stats_of(&c)->ecn_reductions, 0);
    close_conversation(&c);
}
END_TEST

/* What a mark leaves of a window of 20 segments in congestion avoidance. */
static unsigned left_of_twenty(const char *congestion, bool abe)
{
    unsigned left;
    struct conversation c;
    open_conversation(&c, .ecn = true, .rtt_ms = 100, .abe = abe,
                      .congestion = congestion);

    open_flight(&c, 500000);
    peer_sends(&c, .ack = 10001, .flags = ACK | ECE); /* ends slow start */
    while (info_of(&c).tcpi_snd_cwnd < 20) {
        conversation_ignore_sent(&c);
        advance(&c, 100);
        peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    }
    ck_assert_uint_eq(info_of(&c).tcpi_snd_cwnd, 20);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK | ECE);
    left = info_of(&c).tcpi_snd_cwnd;
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, left);
    conversation_ignore_sent(&c);
    close_conversation(&c);
    return left;
}

/* RFC 3168 6.1.2, RFC 9438 4.6, RFC 8511 3.1 */
START_TEST(how_much_is_left_is_the_algorithms_affair)
{
    ck_assert_uint_eq(left_of_twenty("reno", false), 10);
    ck_assert_uint_eq(left_of_twenty("cubic", false), 14);
    ck_assert_uint_eq(left_of_twenty("reno", true), 16);
    ck_assert_uint_eq(left_of_twenty("cubic", true), 17);
}
END_TEST

/* ---- 6.1.2: A window of one segment ------------------------------------- */

/* "The sending TCP will then be able to send a new packet only when the
 * retransmit timer expires"; with backoff, RFC 9438 4.6. */
START_TEST(a_window_of_one_segment_waits_for_the_timer)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .rtt_ms = 100, .initial_window = 2);

    app_writes(&c, 100000);
    expect_flight(&c, 1, 2001);
    advance(&c, 100);
    peer_sends(&c, .ack = 2001, .flags = ACK | ECE); /* 2,000 to 1,000 */
    expect_segment(&c, .seq = 2001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0);
    expect_silence(&c);
    advance(&c, 100);
    peer_sends(&c, .ack = 3001, .flags = ACK | ECE);
    expect_silence_for(&c, 290);
    expect_segment(&c, .seq = 3001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0, .within_ms = 30);
    expect_silence(&c);
    advance(&c, 100);
    peer_sends(&c, .ack = 4001, .flags = ACK | ECE);
    expect_silence_for(&c, 580);
    expect_segment(&c, .seq = 4001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0, .within_ms = 60);

    advance(&c, 100);
    peer_sends(&c, .ack = 5001, .flags = ACK); /* the congestion is over */
    expect_flight(&c, 5001, 7001);
    advance(&c, 100);
    peer_sends(&c, .ack = 7001, .flags = ACK | ECE); /* and begins anew */
    expect_segment(&c, .seq = 7001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0);
    advance(&c, 100);
    peer_sends(&c, .ack = 8001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 8001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0, .within_ms = 320);
    close_conversation(&c);
}
END_TEST

/* Nor may a loss probe send a new packet (RFC 8985 7.3 lets it go beyond cwnd):
 * it has to do with the last one again. */
START_TEST(a_loss_probe_does_not_send_what_waits)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .sack = true, .rtt_ms = 100,
                      .initial_window = 2);

    app_writes(&c, 100000);
    expect_flight(&c, 1, 2001);
    advance(&c, 100);
    peer_sends(&c, .ack = 2001, .flags = ACK | ECE); /* 2,000 to 1,000 */
    expect_segment(&c, .seq = 2001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0);
    advance(&c, 100);
    peer_sends(&c, .ack = 2501, .flags = ACK | ECE);
    expect_segment(&c, .seq = 2501, .len = 500, .flags = ACK, .within_ms = 290);
    advance(&c, 20);
    peer_sends(&c, .ack = 3001, .flags = ACK);
    expect_silence(&c);
    expect_segment(&c, .seq = 3001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0, .within_ms = 300);
    close_conversation(&c);
}
END_TEST

/* It waits for its time alone: not for the shut window's probes. */
START_TEST(what_waits_for_the_timer_is_no_probe)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .rtt_ms = 100, .initial_window = 1);

    app_writes(&c, 1500);
    expect_segment(&c, .seq = 1, .len = SEGMENT, .flags = ACK, .ecn = ECT_0);
    peer_sends(&c, .ack = 1001, .flags = ACK | ECE);
    app_shuts_down(&c, SHUT_WR);
    expect_silence_for(&c, 290);
    ck_assert_uint_eq(stats_of(&c)->zero_window_probes, 0);
    expect_segment(&c, .seq = 1001, .len = 500, .flags = ACK | PSH | FIN | CWR,
                   .ecn = ECT_0, .within_ms = 300);
    ck_assert_uint_eq(stats_of(&c)->zero_window_probes, 0);
    close_conversation(&c);
}
END_TEST

/* ---- 6.1.2: Marks and losses in one window ------------------------------ */

#define SPEAKS_SACK .ecn = true, .sack = true, .rtt_ms = 100

/* The first of ten is lost; more than half of the rest has come. */
START_TEST(a_loss_reduces_and_its_cwr_is_on_new_text)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    open_flight(&c, 100000);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 10001}});
    expect_segment(&c, .seq = 1, .len = SEGMENT, .flags = ACK);
    expect_segment(&c, .seq = 10001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0);
    while (conversation_waiting(&c) > 0)
        expect_segment(&c, .len = SEGMENT, .flags = ACK, .ecn = ECT_0);
    close_conversation(&c);
}
END_TEST

/* "reduced only once in response to a series of dropped and/or CE packets from
 * a single window": the loss came first. */
START_TEST(an_echo_in_a_recovery_reduces_nothing)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    open_flight(&c, 100000);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 10001}});
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    advance(&c, 100);
    peer_sends(&c, .ack = 10001, .flags = ACK | ECE);
    ck_assert_uint_eq(info_of(&c).tcpi_ca_state, TCP_CA_Open);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_cwnd, 5);
    ck_assert_uint_eq(stats_of(&c)->ecn_reductions, 0);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* An algorithm with a model may not have done anything for the loss: BBR. */
START_TEST(an_echo_in_a_recovery_is_told_to_a_model)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK, .congestion = "bbr", .no_tlp = true);

    app_writes(&c, 100000);
    advance(&c, 100);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 5001}});
    advance(&c, 60);
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(info_of(&c).tcpi_ca_state, TCP_CA_Recovery);
    ck_assert_uint_eq(stats_of(&c)->ecn_reductions, 0);
    peer_sends(&c, .ack = 1, .flags = ACK | ECE, .sack = {{1001, 7001}});
    ck_assert_uint_eq(stats_of(&c)->ecn_reductions, 1);
    peer_sends(&c, .ack = 1, .flags = ACK | ECE, .sack = {{1001, 10001}});
    ck_assert_uint_eq(stats_of(&c)->ecn_reductions, 1); /* of one window */
    ck_assert_uint_eq(info_of(&c).tcpi_ca_state, TCP_CA_Recovery);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

static uint32_t ssthresh_after_mark(bool in_one_pass)
{
    struct conversation c;
    uint32_t ssthresh;

    open_conversation(&c, .ecn = true);
    open_flight(&c, 100000);
    peer_sends(&c, .ack = 4001, .flags = ACK, .more = in_one_pass);
    peer_sends(&c, .ack = 8001, .flags = ACK, .more = in_one_pass);
    peer_sends(&c, .ack = 9001, .flags = ACK | ECE);
    conversation_ignore_sent(&c);
    ssthresh = info_of(&c).tcpi_snd_ssthresh;
    close_conversation(&c);
    return ssthresh;
}

/* What the ACKs before it have let go counts, also where a pass takes them all
 * in before it is sent. */
START_TEST(a_mark_in_a_batch_of_acks_costs_no_more_than_alone)
{
    uint32_t alone = ssthresh_after_mark(false);

    ck_assert_uint_gt(alone, 5);
    ck_assert_uint_eq(ssthresh_after_mark(true), alone);
}
END_TEST

/* The mark came first: the lost segment goes again, and ssthresh stays. */
START_TEST(a_loss_in_a_window_that_was_echoed_reduces_nothing)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    open_flight(&c, 100000);
    peer_sends(&c, .ack = 2001, .flags = ACK | ECE);
    expect_silence(&c);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    peer_sends(&c, .ack = 2001, .flags = ACK | ECE, .sack = {{3001, 9001}});
    expect_segment(&c, .seq = 2001, .len = SEGMENT, .flags = ACK);
    ck_assert_uint_eq(info_of(&c).tcpi_ca_state, TCP_CA_Recovery);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    expect_segment(&c, .seq = 10001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0); /* of the reduction by the mark */
    conversation_ignore_sent(&c);
    advance(&c, 100);
    peer_sends(&c, .ack = 10001, .flags = ACK | ECE);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_cwnd, 5);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* "If that data packet is dropped in the network, then the sending TCP will
 * have to reduce the congestion window again"; CWR goes with new text then. */
START_TEST(the_loss_of_cwr_itself_reduces_again)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    open_flight(&c, 100000);
    peer_sends(&c, .ack = 10001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 10001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0);
    expect_flight(&c, 11001, 15001);
    advance(&c, 100);
    peer_sends(&c, .ack = 10001, .flags = ACK | ECE, .sack = {{11001, 15001}});
    expect_segment(&c, .seq = 10001, .len = SEGMENT, .flags = ACK);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 2);
    expect_segment(&c, .seq = 15001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0, .within_ms = 10);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* Duplicate ACKs, RFC 6582; the same rules. */
START_TEST(without_sack_it_is_the_same)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .rtt_ms = 100);

    open_flight(&c, 100000);
    peer_sends(&c, .ack = 2001, .flags = ACK | ECE);
    for (unsigned i = 0; i < 3; i++)
        peer_sends(&c, .ack = 2001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 2001, .len = SEGMENT, .flags = ACK);
    expect_silence(&c);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    close_conversation(&c);
}
END_TEST

/* A time-out in the window of an echo: one segment again, ssthresh stays. */
START_TEST(a_timeout_in_a_window_that_was_echoed_keeps_ssthresh)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .rtt_ms = 100);

    open_flight(&c, 11000);
    peer_sends(&c, .ack = 2001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 2001, .len = SEGMENT, .flags = ACK,
                   .within_ms = 400);
    ck_assert_uint_eq(info_of(&c).tcpi_ca_state, TCP_CA_Loss);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_cwnd, 1);
    peer_sends(&c, .ack = 10001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 10001, .len = SEGMENT, .flags = ACK | PSH | CWR,
                   .ecn = ECT_0);
    close_conversation(&c);
}
END_TEST

/* It reduces the window once more, to one segment, and says so: the first CWR
 * may be among what was lost. */
START_TEST(a_timeout_is_told_by_cwr_also_if_the_mark_was)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .rtt_ms = 100, .no_frto = true);

    open_flight(&c, 100000);
    peer_sends(&c, .ack = 6001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 10001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0);
    expect_segment(&c, .seq = 6001, .len = SEGMENT, .flags = ACK,
                   .within_ms = 400);
    peer_sends(&c, .ack = 10001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 10001, .len = SEGMENT, .flags = ACK);
    expect_segment(&c, .seq = 11001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0);
    peer_sends(&c, .ack = 11001, .flags = ACK | ECE);
    ck_assert_uint_eq(stats_of(&c)->ecn_reductions, 1);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* "if any retransmitted packets are dropped, then this is interpreted by the
 * source TCP as a new instance of congestion" */
START_TEST(a_timeout_in_a_recovery_lowers_ssthresh_again)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .rtt_ms = 100, .reduce_twice = true);

    open_flight(&c, 11000);
    for (unsigned i = 0; i < 3; i++)
        peer_sends(&c, .ack = 1, .flags = ACK);
    expect_segment(&c, .seq = 10001, .len = SEGMENT, .flags = ACK | PSH,
                   .ecn = ECT_0); /* RFC 3042 */
    expect_segment(&c, .seq = 1, .len = SEGMENT, .flags = ACK);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    peer_sends(&c, .ack = 7001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 7001, .len = SEGMENT, .flags = ACK);
    expect_segment(&c, .seq = 7001, .len = SEGMENT, .flags = ACK,
                   .within_ms = 400);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 2); /* of 4 in flight */
    close_conversation(&c);
}
END_TEST

/* CWR waits for new text, which waits for what is sent again: so ACKs with ECE
 * let slow start go on meanwhile. */
START_TEST(after_a_timeout_an_old_echo_does_not_hold_up)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .rtt_ms = 100, .no_tlp = true,
                      .no_frto = true);

    open_flight(&c, 100000);
    expect_segment(&c, .seq = 1, .len = SEGMENT, .flags = ACK,
                   .within_ms = 400);
    peer_sends(&c, .ack = 1001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 1001, .len = SEGMENT, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = SEGMENT, .flags = ACK);
    expect_silence(&c);
    peer_sends(&c, .ack = 3001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 3001, .len = SEGMENT, .flags = ACK);
    expect_segment(&c, .seq = 4001, .len = SEGMENT, .flags = ACK);
    expect_segment(&c, .seq = 5001, .len = SEGMENT, .flags = ACK);
    expect_silence(&c);
    ck_assert_uint_eq(stats_of(&c)->ecn_reductions, 0);
    peer_sends(&c, .ack = 10001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 10001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* The tail loss probe repairs a loss by itself; it is clear that there was one
 * when what was sent after it is acknowledged, RFC 8985 7.4.2. */
START_TEST(a_loss_that_a_probe_has_repaired_is_told_by_cwr)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    app_writes(&c, 3000);
    expect_flight(&c, 1, 3001);
    advance(&c, 100);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = SEGMENT, .flags = ACK | PSH,
                   .within_ms = 600);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 3001, .len = SEGMENT, .flags = ACK | PSH,
                   .ecn = ECT_0);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 4001, .len = SEGMENT, .flags = ACK | PSH | CWR,
                   .ecn = ECT_0);
    close_conversation(&c);
}
END_TEST

/* ---- Undoing ------------------------------------------------------------ */

#define SPEAKS_TIMESTAMPS                                                      \
    .ecn = true, .sack = true, .rtt_ms = 100, .no_tlp = true,                  \
    .timestamps = true, .mss = 1012

/* Ten segments that come late: the first is sent again. */
static uint32_t time_out(struct conversation *c)
{
    uint32_t first;

    app_writes(c, 100000);
    expect_flight(c, 1, 10001);
    first = c->peer->ts_recent;
    expect_segment(c, .seq = 1, .len = SEGMENT, .flags = ACK, .after_ms = 300);
    advance(c, 50);
    return first;
}

START_TEST(a_timeout_that_was_none_is_not_told_by_cwr)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_TIMESTAMPS);

    uint32_t first = time_out(&c);
    peer_sends(&c, .ack = 1001, .flags = ACK, .ts_ecr = first);
    ck_assert_uint_eq(stats_of(&c)->undone_recoveries, 1);
    while (conversation_waiting(&c) > 0)
        expect_segment(&c, .len = SEGMENT, .flags = ACK, .ecn = ECT_0);
    /* and the next mark counts, although the window is not over */
    peer_sends(&c, .ack = 2001, .flags = ACK | ECE);
    ck_assert_uint_eq(stats_of(&c)->ecn_reductions, 1);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* The time-out was none, but there was congestion. */
START_TEST(a_recovery_in_which_an_echo_came_is_not_undone)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_TIMESTAMPS);

    uint32_t first = time_out(&c);
    peer_sends(&c, .ack = 1, .flags = ACK | ECE, .ts_ecr = first);
    peer_sends(&c, .ack = 2001, .flags = ACK | ECE, .ts_ecr = first);
    ck_assert_uint_eq(stats_of(&c)->undone_recoveries, 0);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* First the mark, then the time-out that was none. */
START_TEST(a_reduction_by_a_mark_is_not_undone)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_TIMESTAMPS);
    uint32_t first;

    app_writes(&c, 100000);
    expect_flight(&c, 1, 10001);
    first = c.peer->ts_recent;
    advance(&c, 100);
    peer_sends(&c, .ack = 2001, .flags = ACK | ECE, .ts_ecr = first);
    expect_silence(&c);
    expect_segment(&c, .seq = 2001, .len = SEGMENT, .flags = ACK,
                   .within_ms = 400);
    advance(&c, 50);
    peer_sends(&c, .ack = 3001, .flags = ACK | ECE, .ts_ecr = first);
    ck_assert_uint_eq(stats_of(&c)->undone_recoveries, 0);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    ck_assert_uint_lt(info_of(&c).tcpi_snd_cwnd, 5);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* D-SACKs tell that an older recovery was none, RFC 3708: too late. */
START_TEST(an_older_recovery_is_not_undone_after_a_mark)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK);

    open_flight(&c, 100000);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 10001}});
    conversation_ignore_sent(&c);
    advance(&c, 100);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK);
    conversation_ignore_sent(&c);
    advance(&c, 100);
    peer_sends(&c, .ack = c.peer->received, .flags = ACK | ECE);
    ck_assert_uint_eq(stats_of(&c)->ecn_reductions, 1);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = c.peer->acked, .flags = ACK, .sack = {{1, 1001}});
    ck_assert_uint_eq(stats_of(&c)->undone_recoveries, 0);
    ck_assert_uint_eq(info_of(&c).tcpi_ca_state, TCP_CA_CWR);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* ---- Super-segments ----------------------------------------------------- */

/* Of what is cut from one frame each would have CWR, or the device would have
 * to know: so it goes alone. */
START_TEST(cwr_is_not_on_a_super_segment)
{
    struct conversation c;
    open_conversation(&c, .ecn = true, .rtt_ms = 100, .max_gso = 65535);

    app_writes(&c, 100000);
    expect_segment(&c, .seq = 1, .len = 10000, .flags = ACK, .ecn = ECT_0);
    advance(&c, 100);
    peer_sends(&c, .ack = 10001, .flags = ACK | ECE);
    expect_segment(&c, .seq = 10001, .len = SEGMENT, .flags = ACK | CWR,
                   .ecn = ECT_0);
    expect_segment(&c, .seq = 11001, .len = 4000, .flags = ACK, .ecn = ECT_0);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* As the kernel hands one to a TAP: its packets have one ECN field, and CWR was
 * the first one's. */
START_TEST(a_super_segment_is_taken_as_one)
{
    struct conversation c;
    open_conversation(&c, .ecn = true);

    peer_sends(&c, .len = 5000, .flags = ACK, .ecn = CE);
    expect_segment(&c, .ack = 5001, .flags = ACK | ECE);
    peer_sends(&c, .len = 5000, .flags = ACK | CWR, .ecn = ECT_0);
    expect_segment(&c, .ack = 10001, .flags = ACK);
    peer_sends(&c, .len = 5000, .flags = ACK | CWR, .ecn = CE);
    expect_segment(&c, .ack = 15001, .flags = ACK | ECE);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN(
    "tcp_ecn", who_asks_is_answered, who_does_not_ask_is_not_answered,
    by_default_we_do_not_ask, who_is_set_so_asks,
    every_other_answer_is_a_refusal, it_can_be_switched_off,
    a_syn_that_is_marked_is_not_trusted, a_syn_that_is_sent_again_does_not_ask,
    who_has_asked_and_then_not_echoes_but_does_not_send,
    falling_back_can_be_switched_off, an_answer_that_is_sent_again_is_the_same,
    who_does_not_ask_a_second_time_is_taken_by_his_word,
    a_syn_cookie_remembers_it_where_there_are_timestamps,
    two_that_ask_at_the_same_time_agree,
    of_two_that_open_at_the_same_time_both_must_ask,
    the_program_has_no_say_in_the_ecn_field,
    a_mark_is_echoed_at_once_and_until_cwr_comes,
    an_ack_for_several_echoes_the_mark_of_one,
    cwr_does_not_hide_a_mark_on_the_same_packet,
    text_and_retransmissions_and_fin_carry_the_echo_too, a_reset_carries_none,
    a_mark_on_a_pure_ack_means_nothing,
    a_mark_outside_of_the_window_is_not_believed,
    a_mark_on_what_is_not_acceptable_is_not_believed,
    a_mark_on_a_window_probe_is_echoed,
    text_that_comes_with_the_handshake_counts, in_time_wait_nothing_is_echoed,
    tcp_info_tells_of_it, new_text_is_capable_and_nothing_else_is,
    a_retransmission_that_was_filled_up_is_not_capable,
    a_window_probe_is_not_capable, an_echo_halves_the_window_and_cwr_tells_once,
    a_mark_in_the_next_window_reduces_again,
    an_echo_does_not_let_the_window_grow,
    until_cwr_has_arrived_the_echo_is_the_old_one,
    what_limited_transmit_has_added_does_not_count,
    an_echo_of_nothing_is_ignored, without_an_agreement_an_echo_is_ignored,
    how_much_is_left_is_the_algorithms_affair,
    a_window_of_one_segment_waits_for_the_timer,
    a_loss_probe_does_not_send_what_waits, what_waits_for_the_timer_is_no_probe,
    a_loss_reduces_and_its_cwr_is_on_new_text,
    an_echo_in_a_recovery_reduces_nothing,
    an_echo_in_a_recovery_is_told_to_a_model,
    a_loss_in_a_window_that_was_echoed_reduces_nothing,
    the_loss_of_cwr_itself_reduces_again, without_sack_it_is_the_same,
    a_mark_in_a_batch_of_acks_costs_no_more_than_alone,
    a_timeout_in_a_window_that_was_echoed_keeps_ssthresh,
    a_timeout_is_told_by_cwr_also_if_the_mark_was,
    a_timeout_in_a_recovery_lowers_ssthresh_again,
    after_a_timeout_an_old_echo_does_not_hold_up,
    a_loss_that_a_probe_has_repaired_is_told_by_cwr,
    a_timeout_that_was_none_is_not_told_by_cwr,
    a_recovery_in_which_an_echo_came_is_not_undone,
    a_reduction_by_a_mark_is_not_undone,
    an_older_recovery_is_not_undone_after_a_mark, cwr_is_not_on_a_super_segment,
    a_super_segment_is_taken_as_one)
