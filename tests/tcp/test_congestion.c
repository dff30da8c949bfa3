/*
 * The choice of congestion control: TCP_CONGESTION with Linux's semantics, the
 * stack's default, what a listener hands down; and that the algorithm chosen
 * is the one that acts.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

static int try_to_set(struct conversation *c, socket_id id, const char *name,
                      size_t len)
{
    return stack_set_option(c->stack, c->now, id, IPPROTO_TCP, TCP_CONGESTION,
                            bytes_of(name, len));
}

static int app_chooses(struct conversation *c, const char *name)
{
    return try_to_set(c, c->peer->socket, name, strlen(name));
}

static void expect_congestion_of(struct conversation *c, socket_id id,
                                 const char *name)
{
    char value[16];
    size_t len = sizeof(value);

    ck_assert_int_eq(stack_get_option(c->stack, c->now, id, IPPROTO_TCP,
                                      TCP_CONGESTION, value, &len),
                     0);
    ck_assert_uint_eq(len, sizeof(value));
    ck_assert_str_eq(value, name);
}

static void expect_congestion(struct conversation *c, const char *name)
{
    expect_congestion_of(c, c->peer->socket, name);
}

/* ---- The option --------------------------------------------------------- */

START_TEST(cubic_is_the_default)
{
    struct tcp_config config = tcp_config_default();
    struct conversation c;

    ck_assert_str_eq(config.congestion, "cubic");
    open_conversation(&c, .congestion = "cubic");
    expect_congestion(&c, "cubic");
    close_conversation(&c);
}
END_TEST

START_TEST(the_stack_has_a_default_of_its_own)
{
    struct conversation c;

    open_conversation(&c, .congestion = "reno", .active = true);
    expect_congestion(&c, "reno");
    close_conversation(&c);
}
END_TEST

START_TEST(a_stack_with_an_unknown_default_does_not_start)
{
    struct stack_config config = stack_config_default();
    struct memory memory;
    struct stack *stack;

    memory_init(&memory, SIZE_MAX);
    config.memory = &memory;
    strcpy(config.tcp.congestion, "vegas");
    ck_assert_int_eq(stack_create(&config, 1, &stack), -ENOENT);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(a_socket_may_choose_another_at_any_time)
{
    struct conversation c;
    open_conversation(&c);

    expect_congestion(&c, "reno");
    ck_assert_int_eq(app_chooses(&c, "cubic"), 0);
    expect_congestion(&c, "cubic");
    ck_assert_int_eq(app_chooses(&c, "reno"), 0);
    expect_congestion(&c, "reno");
    close_conversation(&c);
}
END_TEST

START_TEST(an_unknown_name_is_refused_and_changes_nothing)
{
    struct conversation c;
    open_conversation(&c);

    ck_assert_int_eq(app_chooses(&c, "vegas"), -ENOENT);
    ck_assert_int_eq(app_chooses(&c, "cubi"), -ENOENT);
    ck_assert_int_eq(app_chooses(&c, "a name of more than 16 octets"), -ENOENT);
    ck_assert_int_eq(app_chooses(&c, ""), -EINVAL); /* no octet at all */
    ck_assert_int_eq(try_to_set(&c, c.peer->socket, "", 1), -ENOENT);
    expect_congestion(&c, "reno");
    close_conversation(&c);
}
END_TEST

/* Programs give the name with its NUL, without, or in a field of 16. */
START_TEST(a_name_ends_with_its_nul_or_with_the_length)
{
    const char field[32] = "cubic";
    struct conversation c;
    open_conversation(&c);

    for (size_t len = 5; len <= sizeof(field); len++) {
        ck_assert_int_eq(app_chooses(&c, "reno"), 0);
        ck_assert_int_eq(try_to_set(&c, c.peer->socket, field, len), 0);
        expect_congestion(&c, "cubic");
    }
    close_conversation(&c);
}
END_TEST

START_TEST(a_read_is_cut_to_the_room_there_is)
{
    char value[32];
    size_t len = 3;
    struct conversation c;
    open_conversation(&c);

    memset(value, 'x', sizeof(value));
    ck_assert_int_eq(stack_get_option(c.stack, c.now, c.peer->socket,
                                      IPPROTO_TCP, TCP_CONGESTION, value, &len),
                     0);
    ck_assert_uint_eq(len, 3);
    ck_assert_mem_eq(value, "renx", 4);

    len = sizeof(value);
    ck_assert_int_eq(stack_get_option(c.stack, c.now, c.peer->socket,
                                      IPPROTO_TCP, TCP_CONGESTION, value, &len),
                     0);
    ck_assert_uint_eq(len, 16);
    ck_assert_mem_eq(value, "reno\0\0\0\0\0\0\0\0\0\0\0\0x", 17);
    close_conversation(&c);
}
END_TEST

START_TEST(an_accepted_connection_has_its_listeners_choice)
{
    struct conversation c;
    begin_conversation(&c);

    app_listens(&c);
    ck_assert_int_eq(try_to_set(&c, c.listener, "cubic", 5), 0);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    expect_congestion(&c, "cubic");
    ck_assert_int_eq(app_chooses(&c, "reno"), 0); /* and one of its own */
    expect_congestion_of(&c, c.listener, "cubic");
    close_conversation(&c);
}
END_TEST

START_TEST(only_a_stream_has_it)
{
    socket_id id;
    struct conversation c;
    begin_conversation(&c);

    ck_assert_int_eq(stack_socket(c.stack, c.now, AF_INET, SOCK_DGRAM, 0, &id),
                     0);
    ck_assert_int_eq(try_to_set(&c, id, "cubic", 5), -ENOPROTOOPT);
    ck_assert_int_eq(stack_close(c.stack, c.now, id), 0);
    close_conversation(&c);
}
END_TEST

START_TEST(a_socket_that_begins_again_keeps_its_choice)
{
    struct conversation c;
    begin_conversation(&c);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    ck_assert_int_eq(app_chooses(&c, "cubic"), 0);
    peer_sends(&c, .flags = RST | ACK);
    app_finds_error(&c, ECONNREFUSED);
    ck_assert_int_eq(stack_disconnect(c.stack, c.now, c.peer->socket), 0);
    expect_congestion(&c, "cubic");
    close_conversation(&c);
}
END_TEST

/* ---- What it changes ---------------------------------------------------- */

/* What was sent and is not yet expected, in bytes. */
static int64_t bytes_waiting(struct conversation *c)
{
    int64_t bytes = 0;

    while (conversation_waiting(c) > 0) {
        bytes += (int64_t)conversation_peek(c)->len;
        conversation_forget(c);
    }
    return bytes;
}

/* All that is in flight is acknowledged by segments: how much is sent. */
static int64_t round_trip(struct conversation *c)
{
    int64_t end = c->peer->received;

    for (int64_t acked = c->peer->acked + 1000; acked <= end; acked += 1000)
        peer_sends(c, .ack = acked, .flags = ACK);
    return bytes_waiting(c);
}

/* The window to which slow start comes back after a time-out with ten segments
 * in flight. */
static int64_t window_after_a_loss(const char *congestion)
{
    int64_t window = 0;
    struct conversation c;
    open_conversation(&c, .congestion = congestion);

    app_writes(&c, 100000);
    ck_assert_int_eq(bytes_waiting(&c), 10000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 200);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    conversation_ignore_sent(&c);
    for (unsigned round = 0; round < 3; round++)
        window = round_trip(&c);
    close_conversation(&c);
    return window;
}

/* RFC 5681 (4): half, and one segment more a round trip; RFC 9438 4.6: seven
 * tenths. */
START_TEST(the_algorithm_that_was_chosen_acts)
{
    ck_assert_int_le(window_after_a_loss("reno"), 6000);
    ck_assert_int_ge(window_after_a_loss("cubic"), 7000);
    ck_assert_int_le(window_after_a_loss("cubic"), 8000);
}
END_TEST

/* ---- A change within a recovery ------------------------------------------ */

static struct tcp_info info_of(struct conversation *c)
{
    struct tcp_info info = {0};
    size_t len = sizeof(info);

    ck_assert_int_eq(stack_get_option(c->stack, c->now, c->peer->socket,
                                      IPPROTO_TCP, TCP_INFO, &info, &len),
                     0);
    return info;
}

/* The first of ten segments is lost, and sent again. */
static void lose_the_first(struct conversation *c)
{
    app_writes(c, 60000);
    conversation_ignore_sent(c);
    advance(c, 100);
    conversation_ignore_sent(c);
    peer_sends(c, .ack = 1, .flags = ACK, .sack = {{1001, 4001}});
    conversation_ignore_sent(c);
    ck_assert_uint_eq(info_of(c).tcpi_ca_state, TCP_CA_Recovery);
}

#define SPEAKS_SACK .sack = true, .rtt_ms = 100, .no_tlp = true

/* RFC 5681 4.3 lowers it once for a window of data: not anew, and it does not
 * rise from reno's half to the seven tenths of CUBIC. */
START_TEST(a_change_within_a_recovery_leaves_its_window)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK, .congestion = "reno", .no_prr = true);

    lose_the_first(&c);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    ck_assert_int_eq(app_chooses(&c, "cubic"), 0);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_cwnd, 5);
    close_conversation(&c);
}
END_TEST

/* A model has reduced nothing. */
START_TEST(after_a_model_the_window_is_reduced_for_the_loss)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK, .congestion = "bbr", .no_prr = true);

    lose_the_first(&c);
    ck_assert_int_eq(app_chooses(&c, "reno"), 0);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_cwnd, 5);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 3.1 (4): also for a time-out. */
START_TEST(and_for_a_time_out)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_SACK, .congestion = "bbr", .no_frto = true);

    app_writes(&c, 10000);
    advance(&c, 450);
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(info_of(&c).tcpi_ca_state, TCP_CA_Loss);
    ck_assert_int_eq(app_chooses(&c, "reno"), 0);
    ck_assert_uint_eq(info_of(&c).tcpi_snd_ssthresh, 5);
    ck_assert_uint_le(info_of(&c).tcpi_snd_cwnd, 5);
    close_conversation(&c);
}
END_TEST

/* Without SACK it has counted duplicate ACKs, which now inflate the window (RFC
 * 5681 3.2 step 4) and are not taken out of the flight as well. */
START_TEST(what_a_model_has_counted_counts_once)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100, .congestion = "bbr", .no_prr = true);

    app_writes(&c, 60000);
    advance(&c, 100);
    for (unsigned i = 0; i < 9; i++)
        peer_sends(&c, .ack = 1, .flags = ACK);
    ck_assert_uint_eq(info_of(&c).tcpi_ca_state, TCP_CA_Recovery);
    ck_assert_int_eq(app_chooses(&c, "reno"), 0);
    ck_assert_uint_ge(info_of(&c).tcpi_snd_cwnd,
                      info_of(&c).tcpi_snd_ssthresh + 3);
    ck_assert_uint_le(info_of(&c).tcpi_snd_cwnd,
                      info_of(&c).tcpi_snd_ssthresh + 9);
    for (unsigned i = 0; i < 9; i++)
        peer_sends(&c, .ack = 1, .flags = ACK);
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(info_of(&c).tcpi_unacked, info_of(&c).tcpi_snd_cwnd);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp_congestion", cubic_is_the_default,
          the_stack_has_a_default_of_its_own,
          a_stack_with_an_unknown_default_does_not_start,
          a_socket_may_choose_another_at_any_time,
          an_unknown_name_is_refused_and_changes_nothing,
          a_name_ends_with_its_nul_or_with_the_length,
          a_read_is_cut_to_the_room_there_is,
          an_accepted_connection_has_its_listeners_choice, only_a_stream_has_it,
          a_socket_that_begins_again_keeps_its_choice,
          the_algorithm_that_was_chosen_acts,
          a_change_within_a_recovery_leaves_its_window,
          after_a_model_the_window_is_reduced_for_the_loss, and_for_a_time_out,
          what_a_model_has_counted_counts_once)
