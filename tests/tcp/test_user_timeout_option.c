/*
 * The user timeout option, RFC 5482. What TCP_USER_TIMEOUT does by itself is in
 * test_options.c.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

/* RFC 5482 3.3: G, the time is in minutes. */
enum { MINUTES = 0x8000 };

/* A client whose program has set a time-out, before or after it connected. */
static void begin_told(struct conversation *c, int msec)
{
    app_opens_socket(c);
    app_sets(c, IPPROTO_TCP, TCP_USER_TIMEOUT, msec);
    ck_assert_int_eq(app_tries_to_connect(c), -EINPROGRESS);
}

/* ---- what is sent ---- */

/* 3: "Defaults to false"; Linux never sends it. */
START_TEST(unless_it_is_enabled_nothing_is_sent)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    begin_told(&c, 30000);
    expect_segment(&c, .flags = SYN);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .flags = ACK);
    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 40000);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

START_TEST(without_a_time_out_of_the_programs_nothing_is_sent)
{
    struct conversation c;
    open_conversation(&c, .active = true, .user_timeout_option = true);

    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* 3: in the SYN, and "in the first packet that does not have the SYN flag
 * set"; not again in each. */
START_TEST(a_client_tells_it_with_its_syn_and_the_first_segment_after)
{
    struct conversation c;
    begin_conversation(&c, .active = true, .user_timeout_option = true,
                       .timestamps = true, .wscale = 7, .sack = true);

    begin_told(&c, 30000);
    expect_segment(&c, .flags = SYN, .user_timeout = 30,
                   .options = "mss,sackOK,TS,nop,wscale,uto");
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK, .user_timeout = 30,
                   .options = "nop,nop,TS,uto");
    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

START_TEST(a_server_tells_it_likewise)
{
    struct conversation c;
    begin_conversation(&c, .user_timeout_option = true);
    app_listens(&c);
    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 30000);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK, .user_timeout = 30);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH,
                   .user_timeout = 30);
    peer_sends(&c, .ack = 11, .flags = ACK);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 11, .len = 10, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* 3: "include one in the next possible outgoing segment whenever it starts
 * using a new user timeout". */
START_TEST(a_new_time_out_is_told_with_the_next_segment)
{
    struct conversation c;
    open_conversation(&c, .user_timeout_option = true);

    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
    expect_silence(&c);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH,
                   .user_timeout = 5);
    peer_sends(&c, .ack = 11, .flags = ACK);
    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000); /* it is the same */
    app_writes(&c, 10);
    expect_segment(&c, .seq = 11, .len = 10, .flags = ACK | PSH);
    peer_sends(&c, .ack = 21, .flags = ACK);
    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 0); /* 3.4: 0 is not sent */
    app_writes(&c, 10);
    expect_segment(&c, .seq = 21, .len = 10, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* 3.3: seconds up to 15 bits, then minutes; rounded up. */
START_TEST(seconds_become_minutes_where_they_must)
{
    static const struct {
        int msec;
        unsigned field;
    } times[] = {{1, 1},
                 {1000, 1},
                 {1001, 2},
                 {32767000, 32767},
                 {32767001, MINUTES | 547}, /* 32,768 s */
                 {1966020000, MINUTES | 32767},
                 {INT32_MAX, MINUTES | 32767}}; /* what the field holds */
    struct conversation c;
    open_conversation(&c, .user_timeout_option = true);

    for (unsigned i = 0; i < ARRAY_LENGTH(times); i++) {
        app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, times[i].msec);
        app_writes(&c, 10);
        expect_segment(&c, .len = 10, .flags = ACK | PSH,
                       .user_timeout = times[i].field);
        peer_sends(&c, .flags = ACK);
    }
    close_conversation(&c);
}
END_TEST

/* RFC 6691: what the option takes is not there for text. */
START_TEST(a_full_segment_with_it_is_shorter)
{
    struct conversation c;
    open_conversation(&c, .mss = 1000, .user_timeout_option = true);

    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
    app_writes(&c, 3000);
    expect_segment(&c, .seq = 1, .len = 996, .flags = ACK, .user_timeout = 5);
    expect_segment(&c, .seq = 997, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1997, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 2997, .len = 4, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* 3: "option space issues": SACK blocks are of more use, and it can wait. */
START_TEST(sack_blocks_go_first)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .timestamps = true,
                      .user_timeout_option = true);

    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
    peer_sends(&c, .seq = 101, .len = 100, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK, .sack = {{101, 201}});
    peer_sends(&c, .seq = 1, .len = 100, .flags = ACK);
    expect_segment(&c, .ack = 201, .flags = ACK, .user_timeout = 5);
    close_conversation(&c);
}
END_TEST

/* A SYN with a long Fast Open cookie has no room; the next segment has. */
START_TEST(a_syn_without_room_does_not_tell_it)
{
    static const struct cookie cookie = {16, {1, 2, 3}};
    struct conversation c;
    begin_conversation(&c, .active = true, .user_timeout_option = true,
                       .timestamps = true);

    begin_told(&c, 30000);
    expect_segment(&c, .flags = SYN, .user_timeout = 30);
    peer_sends(&c, .flags = RST | ACK);
    conversation_ignore_sent(&c);
    app_closes(&c);

    peer_starts_over(&c, 5000);
    app_opens_socket(&c);
    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 30000);
    app_sets(&c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    ck_assert_int_eq(app_tries_to_connect(&c), -EINPROGRESS);
    expect_segment(&c, .flags = SYN, .asks_cookie = true, .user_timeout = 30);
    peer_sends(&c, .flags = SYN | ACK, .cookie = &cookie);
    expect_segment(&c, .flags = ACK, .user_timeout = 30);
    peer_sends(&c, .flags = RST | ACK);
    app_closes(&c);

    peer_starts_over(&c, 6000);
    app_opens_socket(&c);
    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 30000);
    ck_assert_int_eq(app_sends_fast(&c, 10), 10);
    expect_segment(&c, .len = 10, .flags = SYN, .cookie = &cookie);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .flags = ACK, .user_timeout = 30);
    close_conversation(&c);
}
END_TEST

/* ---- what is adopted ---- */

/* Sent once, and never acknowledged: when the connection ends, in whole
 * seconds of silence. */
static void expect_end_after(struct conversation *c, int64_t seconds)
{
    app_writes(c, 10);
    advance(c, seconds * 1000 - 1);
    app_polls(c, POLLOUT);
    advance(c, 2);
    conversation_ignore_sent(c);
    app_fails_to_read(c, ETIMEDOUT);
}

/* 3.1: USER_TIMEOUT = min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)), limits
 * of 100 s and an hour. */
START_TEST(what_the_peer_tells_is_adopted_within_limits)
{
    static const struct {
        unsigned field;
        int64_t seconds;
    } told[] = {{1, 100},
                {100, 100},
                {101, 101},
                {500, 500},
                {MINUTES | 5, 300},
                {3601, 3600},
                {MINUTES | 32767, 3600}};

    for (unsigned i = 0; i < ARRAY_LENGTH(told); i++) {
        struct conversation c;
        open_conversation(&c, .user_timeout_option = true);

        peer_sends(&c, .flags = ACK, .user_timeout = told[i].field);
        expect_end_after(&c, told[i].seconds);
        close_conversation(&c);
    }
}
END_TEST

START_TEST(the_last_one_that_the_peer_tells_counts)
{
    struct conversation c;
    open_conversation(&c, .user_timeout_option = true);

    peer_sends(&c, .flags = ACK, .user_timeout = 1000);
    peer_sends(&c, .flags = ACK, .user_timeout = 200);
    peer_sends(&c, .flags = ACK);
    expect_end_after(&c, 200);
    close_conversation(&c);
}
END_TEST

/* 3.1: "If the CHANGEABLE flag is false, USER_TIMEOUT MUST NOT be changed". */
START_TEST(what_the_program_has_set_is_not_changed)
{
    struct conversation c;
    open_conversation(&c, .user_timeout_option = true);

    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 30000);
    peer_sends(&c, .flags = ACK, .user_timeout = 1000);
    ck_assert_int_eq(app_gets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT), 30000);
    expect_end_after(&c, 30);
    close_conversation(&c);
}
END_TEST

START_TEST(when_the_program_takes_it_back_the_peers_counts_again)
{
    struct conversation c;
    open_conversation(&c, .user_timeout_option = true);

    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 30000);
    peer_sends(&c, .flags = ACK, .user_timeout = 200);
    app_sets(&c, IPPROTO_TCP, TCP_USER_TIMEOUT, 0);
    expect_end_after(&c, 200);
    close_conversation(&c);
}
END_TEST

/* 3: ENABLED "applies to both sending and receiving". */
START_TEST(unless_it_is_enabled_nothing_is_adopted)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .flags = ACK, .user_timeout = 100);
    app_writes(&c, 10);
    advance(&c, 800 * 1000);
    app_polls(&c, POLLOUT);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(a_syn_ack_tells_it_too)
{
    struct conversation c;
    begin_conversation(&c, .active = true, .user_timeout_option = true);
    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    peer_sends(&c, .flags = SYN | ACK, .user_timeout = 200);
    expect_segment(&c, .flags = ACK);

    expect_end_after(&c, 200);
    close_conversation(&c);
}
END_TEST

START_TEST(the_third_segment_of_the_handshake_tells_it_to_a_server)
{
    struct conversation c;
    begin_conversation(&c, .user_timeout_option = true);
    app_listens(&c);
    peer_sends(&c, .flags = SYN, .user_timeout = 300);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK, .user_timeout = 200);
    app_accepts(&c);

    expect_end_after(&c, 200);
    close_conversation(&c);
}
END_TEST

/* A segment that was injected blindly fails before it is heard. */
START_TEST(a_segment_that_is_not_acceptable_tells_nothing)
{
    struct conversation c;
    open_conversation(&c, .user_timeout_option = true);

    peer_sends(&c, .seq = 70000, .flags = ACK, .user_timeout = 100);
    peer_sends(&c, .seq = 1, .ack = 1000, .flags = ACK, .user_timeout = 100);
    conversation_ignore_sent(&c);
    app_writes(&c, 10);
    advance(&c, 800 * 1000);
    app_polls(&c, POLLOUT);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* 4.2: keepalive does not end what the time-out would let live. */
START_TEST(keepalive_waits_as_long_as_was_adopted)
{
    struct conversation c;
    open_conversation(&c, .user_timeout_option = true, .keepalive_idle_s = 10,
                      .keepalive_interval_s = 10, .keepalive_probes = 2);

    app_sets(&c, SOL_SOCKET, SO_KEEPALIVE, 1);
    peer_sends(&c, .flags = ACK, .user_timeout = 200);
    advance(&c, 199 * 1000);
    conversation_ignore_sent(&c);
    app_polls(&c, POLLOUT);
    advance(&c, 2 * 1000);
    conversation_ignore_sent(&c);
    app_fails_to_read(&c, ETIMEDOUT);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp user timeout option", unless_it_is_enabled_nothing_is_sent,
          without_a_time_out_of_the_programs_nothing_is_sent,
          a_client_tells_it_with_its_syn_and_the_first_segment_after,
          a_server_tells_it_likewise,
          a_new_time_out_is_told_with_the_next_segment,
          seconds_become_minutes_where_they_must,
          a_full_segment_with_it_is_shorter, sack_blocks_go_first,
          a_syn_without_room_does_not_tell_it,
          what_the_peer_tells_is_adopted_within_limits,
          the_last_one_that_the_peer_tells_counts,
          what_the_program_has_set_is_not_changed,
          when_the_program_takes_it_back_the_peers_counts_again,
          unless_it_is_enabled_nothing_is_adopted, a_syn_ack_tells_it_too,
          the_third_segment_of_the_handshake_tells_it_to_a_server,
          a_segment_that_is_not_acceptable_tells_nothing,
          keepalive_waits_as_long_as_was_adopted)
