/*
 * ICMP errors about segments of ours: RFC 9293 3.9.2.2, RFC 1122 4.2.3.9,
 * RFC 5927.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>

enum {
    UNREACHABLE = 3,
    SOURCE_QUENCH = 4,
    TIME_EXCEEDED = 11,
    PARAMETER_PROBLEM = 12
};
enum { NET = 0, HOST = 1, PROTOCOL = 2, PORT = 3, FRAG_NEEDED = 4 };

/* RFC 9293 3.9.2.2, SHLD-25: a hard error aborts what is being opened. */
START_TEST(port_unreachable_refuses_a_connect)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = PORT);
    expect_silence_for(&c, 10000);
    app_finds_error(&c, ECONNREFUSED);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.9.2.2, MUST-56: soft errors must not abort. */
START_TEST(host_unreachable_does_not_end_a_connect)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = HOST);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = NET);
    peer_sends_icmp(&c, .type = TIME_EXCEEDED, .code = 0);
    app_polls(&c, 0);
    expect_segment(&c, .seq = 0, .flags = SYN, .after_ms = 1000);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_polls(&c, POLLOUT);
    app_finds_error(&c, 0);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.9.2.2, MUST-56: nor a parameter problem, which a router on the way
 * may have with an IP option that it has not understood. */
START_TEST(a_parameter_problem_does_not_end_a_connect)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    for (unsigned code = 0; code < 3; code++)
        peer_sends_icmp(&c, .type = PARAMETER_PROBLEM, .code = code);
    app_polls(&c, 0);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_finds_error(&c, 0);
    close_conversation(&c);
}
END_TEST

/* "SHOULD make the information available": it is why the open failed. */
START_TEST(a_soft_error_is_told_when_the_connect_times_out)
{
    struct conversation c;
    begin_conversation(&c, .active = true, .syn_retries = 1);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = HOST);
    expect_segment(&c, .flags = SYN, .after_ms = 1000);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = HOST);
    expect_silence_for(&c, 10000);
    app_finds_error(&c, EHOSTUNREACH);
    close_conversation(&c);
}
END_TEST

/* RFC 5927 5.2: no ICMP error ends a connection that is synchronized. */
START_TEST(no_error_ends_an_established_connection)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = PORT);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = PROTOCOL);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = HOST);
    peer_sends_icmp(&c, .type = TIME_EXCEEDED, .code = 0);
    expect_silence(&c);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    app_polls(&c, POLLOUT);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* What ICMP said is why a connection fails, if nothing has got through since.
 */
START_TEST(a_soft_error_is_told_when_the_connection_times_out)
{
    struct conversation c;
    open_conversation(&c, .retries = 2);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = HOST);
    advance(&c, 10000);
    conversation_ignore_sent(&c);
    app_finds_error(&c, EHOSTUNREACH);
    close_conversation(&c);
}
END_TEST

START_TEST(a_soft_error_is_forgotten_once_the_path_works_again)
{
    struct conversation c;
    open_conversation(&c, .retries = 2);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = HOST);
    peer_sends(&c, .ack = 1001, .flags = ACK);

    app_writes(&c, 1000);
    advance(&c, 10000);
    conversation_ignore_sent(&c);
    app_finds_error(&c, ETIMEDOUT);
    close_conversation(&c);
}
END_TEST

/* RFC 5927 4.1: the quoted segment must be one that is in flight. */
START_TEST(an_error_about_a_number_not_in_flight_is_ignored)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = PORT, .seq = 1);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = PORT, .seq = -1);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = PORT, .seq = 100000);
    app_finds_error(&c, 0);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* Every error there is, about this number of the stack's: each is dropped. */
static void forge_all(struct conversation *c, int64_t seq)
{
    static const unsigned errors[][2] = {
        {UNREACHABLE, NET},         {UNREACHABLE, HOST},
        {UNREACHABLE, PROTOCOL},    {UNREACHABLE, PORT},
        {UNREACHABLE, FRAG_NEEDED}, {TIME_EXCEEDED, 0},
        {PARAMETER_PROBLEM, 0}};

    for (size_t i = 0; i < ARRAY_LENGTH(errors); i++) {
        peer_sends_icmp(c, .type = errors[i][0], .code = errors[i][1],
                        .mtu = 600, .seq = seq);
        expect_drops(c, ICMP_BAD_QUOTE, 1);
    }
}

/* RFC 5927 4.1: SND.UNA =< SEG.SEQ < SND.NXT, or nothing is heard of it. */
START_TEST(an_error_outside_of_what_is_in_flight_is_dropped)
{
    static const int64_t outside[] = {-0x7fffffff, -1,   0,
                                      1001,        1002, 0x7fffffff};
    struct conversation c;
    open_conversation(&c, .retries = 1);

    for (int64_t seq = -2; seq < 3; seq++) /* nothing is in flight at all */
        forge_all(&c, seq);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    for (size_t i = 0; i < ARRAY_LENGTH(outside); i++)
        forge_all(&c, outside[i]);
    expect_silence(&c); /* nothing was sent again, in a smaller size */
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH,
                   .after_ms = 200);
    expect_silence_for(&c, 1000);
    app_finds_error(&c, ETIMEDOUT); /* and not what they said */
    close_conversation(&c);
}
END_TEST

/* What is left of a connection says nothing that could be quoted. */
START_TEST(no_error_is_heard_in_time_wait)
{
    struct conversation c;
    open_conversation(&c);

    app_closes(&c);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    for (int64_t seq = 0; seq < 4; seq++)
        forge_all(&c, seq);
    peer_sends(&c, .seq = 1, .ack = 2, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK); /* it is there */
    close_conversation(&c);
}
END_TEST

/* About another connection: nobody is harmed. */
START_TEST(an_error_about_an_unknown_connection_is_ignored)
{
    struct conversation c;
    open_conversation(&c);

    peer_uses_port(&c, 12345);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = PORT, .seq = 0);
    peer_uses_port(&c, PEER_PORT);
    app_finds_error(&c, 0);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 9293 3.9.2.2, MUST-55, RFC 6633: silently discarded. */
START_TEST(a_source_quench_is_ignored)
{
    struct conversation c;
    open_conversation(&c);

    app_writes(&c, 20000);
    conversation_ignore_sent(&c);
    peer_sends_icmp(&c, .type = SOURCE_QUENCH, .code = 0);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    expect_segment(&c, .seq = 10001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 11001, .len = 1000, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/*
 * RFC 1191 6.4 is not required here; but "fragmentation needed" must not end
 * the connection, nor stop it: what is sent again gets through or shrinks.
 */
START_TEST(fragmentation_needed_does_not_end_the_connection)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    app_writes(&c, 1460);
    expect_segment(&c, .seq = 1, .len = 1460, .flags = ACK | PSH);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = FRAG_NEEDED, .mtu = 1000);
    advance(&c, 200);
    ck_assert_uint_ge(conversation_waiting(&c), 1);
    ck_assert_uint_gt(conversation_peek(&c)->len, 0);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 1461, .flags = ACK);
    app_finds_error(&c, 0);
    app_polls(&c, POLLOUT);
    close_conversation(&c);
}
END_TEST

/* RFC 1191 3: an MTU below 68 is a lie, and no reason to divide by zero. */
START_TEST(an_absurd_mtu_does_not_stop_the_connection)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    for (unsigned mtu = 0; mtu < 68; mtu++) {
        app_writes(&c, 100);
        peer_sends_icmp(&c, .type = UNREACHABLE, .code = FRAG_NEEDED,
                        .mtu = mtu);
        conversation_ignore_sent(&c);
        peer_sends(&c, .ack = c.peer->received, .flags = ACK);
        conversation_ignore_sent(&c);
    }
    advance(&c, 10000);
    conversation_ignore_sent(&c);
    peer_sends(&c, .flags = ACK);
    conversation_ignore_sent(&c);
    ck_assert_int_eq(c.peer->received, 1 + 6800);
    close_conversation(&c);
}
END_TEST

/* One report of the error queue: its bytes are those of the TCP header. */
static struct socket_control read_report(struct conversation *c)
{
    struct socket_control control = {0};
    struct endpoint to = {0};
    uint8_t bytes[100];
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct socket_message message = {.iov = &iov,
                                     .iov_count = 1,
                                     .flags = MSG_ERRQUEUE,
                                     .name = &to,
                                     .control = &control};
    ssize_t len = stack_receive(c->stack, c->now, c->peer->socket, &message);

    ck_assert_int_ge(len, 8);
    ck_assert_uint_eq(get_be16(bytes + 2), to.port);
    ck_assert_uint_eq(ip_addr_to_v4(&to.addr), PEER_ADDR);
    ck_assert_int_eq(message.flags, MSG_ERRQUEUE);
    ck_assert_uint_eq(control.present, CONTROL_ERROR);
    ck_assert_uint_eq(control.error.origin, ERROR_ICMP);
    return control;
}

static void check_no_report(struct conversation *c)
{
    struct socket_message message = {.flags = MSG_ERRQUEUE};

    ck_assert_int_eq(stack_receive(c->stack, c->now, c->peer->socket, &message),
                     -EAGAIN);
}

static void begin_with_errors(struct conversation *c)
{
    begin_conversation(c, .active = true);
    app_opens_socket(c);
    app_sets(c, IPPROTO_IP, IP_RECVERR, 1);
    ck_assert_int_eq(app_tries_to_connect(c), -EINPROGRESS);
    expect_segment(c, .flags = SYN);
}

/* ip(7), IP_RECVERR; measured on Linux. */
START_TEST(who_asks_for_errors_is_told_of_soft_ones_that_end_a_connect)
{
    struct conversation c;
    struct socket_control told;
    begin_with_errors(&c);

    peer_sends_icmp(&c, .type = UNREACHABLE, .code = HOST);
    app_polls(&c, POLLIN | POLLOUT | POLLERR | POLLHUP);
    told = read_report(&c);
    ck_assert_int_eq(told.error.error, EHOSTUNREACH);
    ck_assert_uint_eq(told.error.type, UNREACHABLE);
    ck_assert_uint_eq(told.error.code, HOST);
    ck_assert_uint_eq(ip_addr_to_v4(&told.error.offender), PEER_ADDR);
    check_no_report(&c);
    app_polls(&c, POLLIN | POLLOUT | POLLHUP);
    app_finds_error(&c, 0); /* it went with the report */
    ck_assert_int_eq(app_tries_to_connect(&c), -ECONNABORTED);
    close_conversation(&c);
}
END_TEST

/* Linux: SO_ERROR leaves the report there, and another attempt does. */
START_TEST(a_report_outlives_the_attempt)
{
    struct conversation c;
    begin_with_errors(&c);

    peer_sends_icmp(&c, .type = TIME_EXCEEDED, .code = 0);
    ck_assert_int_eq(app_tries_to_connect(&c), -EHOSTUNREACH);
    app_polls(&c, POLLOUT | POLLERR | POLLHUP);
    c.peer->stack_port = 0; /* a new one */
    ck_assert_int_eq(app_tries_to_connect(&c), -EINPROGRESS);
    expect_segment(&c, .flags = SYN);
    app_polls(&c, POLLERR);
    ck_assert_int_eq(read_report(&c).error.type, TIME_EXCEEDED);
    app_polls(&c, 0);
    close_conversation(&c);
}
END_TEST

/* As Linux does: a hard one is reported to everybody. */
START_TEST(what_refuses_a_connect_is_reported_without_being_asked_for)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = PORT);
    ck_assert_int_eq(read_report(&c).error.error, ECONNREFUSED);
    close_conversation(&c);
}
END_TEST

/* The connection goes on; nothing is put into the queue. */
START_TEST(who_asks_for_errors_is_told_of_them_while_connected)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_IP, IP_RECVERR, 1);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = HOST);
    app_polls(&c, POLLOUT | POLLERR);
    check_no_report(&c);
    app_fails_to_read(&c, EHOSTUNREACH);
    app_polls(&c, POLLOUT);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = PORT);
    app_fails_to_write(&c, ECONNREFUSED);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK | PSH);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    app_finds_error(&c, 0);
    close_conversation(&c);
}
END_TEST

START_TEST(what_has_arrived_is_read_before_the_error)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_IP, IP_RECVERR, 1);
    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    peer_sends(&c, .seq = 1, .ack = 1, .len = 100, .flags = ACK | PSH);
    peer_sends_icmp(&c, .type = TIME_EXCEEDED, .code = 0);
    app_polls(&c, POLLIN | POLLOUT | POLLERR);
    app_reads(&c, 100);
    app_fails_to_read(&c, EHOSTUNREACH);
    app_fails_to_read(&c, EAGAIN);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp icmp",
          who_asks_for_errors_is_told_of_soft_ones_that_end_a_connect,
          a_report_outlives_the_attempt,
          what_refuses_a_connect_is_reported_without_being_asked_for,
          who_asks_for_errors_is_told_of_them_while_connected,
          what_has_arrived_is_read_before_the_error,
          port_unreachable_refuses_a_connect,
          host_unreachable_does_not_end_a_connect,
          a_parameter_problem_does_not_end_a_connect,
          a_soft_error_is_told_when_the_connect_times_out,
          no_error_ends_an_established_connection,
          a_soft_error_is_told_when_the_connection_times_out,
          a_soft_error_is_forgotten_once_the_path_works_again,
          an_error_about_a_number_not_in_flight_is_ignored,
          an_error_outside_of_what_is_in_flight_is_dropped,
          no_error_is_heard_in_time_wait,
          an_error_about_an_unknown_connection_is_ignored,
          a_source_quench_is_ignored,
          fragmentation_needed_does_not_end_the_connection,
          an_absurd_mtu_does_not_stop_the_connection)
