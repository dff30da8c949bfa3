/*
 * SO_PEEK_OFF, socket(7): a peek begins where the last one ended, and reading
 * takes it back. Every line was measured on Linux 6.18.
 */
#include "unit.h"

#include "stacks.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int offset_of(struct station *s, socket_id id)
{
    int value = 0;
    size_t len = sizeof(value);

    ck_assert_int_eq(stack_get_option(s->stack, s->now, id, SOL_SOCKET,
                                      SO_PEEK_OFF, &value, &len),
                     0);
    return value;
}

static int set_offset(struct station *s, socket_id id, int value)
{
    return stack_set_option(s->stack, s->now, id, SOL_SOCKET, SO_PEEK_OFF,
                            bytes_of(&value, sizeof(value)));
}

/* A read of at most `len` bytes gives `text`; `then` is the offset. */
static void expect(struct station *s, socket_id id, int flags, size_t len,
                   const char *text, int then)
{
    char got[256] = "";
    struct iovec iov = {.iov_base = got, .iov_len = len};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .flags = flags};
    ssize_t count = stack_receive(s->stack, s->now, id, &message);

    ck_assert_int_eq(count, text == NULL ? -EAGAIN : (int)strlen(text));
    if (text != NULL && !(flags & MSG_TRUNC))
        ck_assert_str_eq(got, text);
    ck_assert_int_eq(offset_of(s, id), then);
}

/* ---- Datagrams ----------------------------------------------------------- */

static void comes(struct station *s, const char *text)
{
    uint8_t frame[128];

    station_input(s, frame, peer_udp(frame, 1, 700, text));
}

static socket_id open_dgram(struct station *s)
{
    socket_id id;

    station_open(s);
    id = test_socket(s->stack, SOCK_DGRAM, 0);
    test_bind(s->stack, id, "0.0.0.0", 700);
    return id;
}

START_TEST(peeks_go_from_datagram_to_datagram)
{
    struct station s;
    socket_id id = open_dgram(&s);

    ck_assert_int_eq(set_offset(&s, id, 0), 0);
    comes(&s, "0123456789");
    comes(&s, "abcdef");
    comes(&s, "");
    comes(&s, "XYZ");
    expect(&s, id, MSG_PEEK, 4, "0123", 4);
    expect(&s, id, MSG_PEEK, 4, "4567", 8);
    expect(&s, id, MSG_PEEK, 4, "89", 10);
    expect(&s, id, MSG_PEEK, 4, "abcd", 14);
    expect(&s, id, MSG_PEEK, 4, "ef", 16);
    expect(&s, id, MSG_PEEK, 4, "", 16);
    expect(&s, id, MSG_PEEK, 4, "XYZ", 19);
    expect(&s, id, MSG_PEEK, 4, NULL, 19);
    expect(&s, id, 0, 4, "0123", 15); /* so much was read, not lost */
    expect(&s, id, 0, 4, "abcd", 11);
    expect(&s, id, MSG_PEEK, 4, NULL, 11);
    ck_assert_int_eq(set_offset(&s, id, 3), 0);
    expect(&s, id, MSG_PEEK, 2, NULL, 3); /* there are but three */
    ck_assert_int_eq(set_offset(&s, id, 100), 0);
    expect(&s, id, 0, 10, "", 100);
    expect(&s, id, 0, 10, "XYZ", 97);
    station_close(&s);
}
END_TEST

START_TEST(a_peek_tells_whether_the_rest_was_cut)
{
    struct station s;
    socket_id id = open_dgram(&s);
    char text[256];
    struct iovec iov = {.iov_base = text, .iov_len = 3};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .flags = MSG_PEEK};

    ck_assert_int_eq(set_offset(&s, id, 5), 0);
    comes(&s, "0123456789");
    ck_assert_int_eq(stack_receive(s.stack, s.now, id, &message), 3);
    ck_assert_int_eq(message.flags, MSG_TRUNC);
    message.flags = MSG_PEEK;
    ck_assert_int_eq(stack_receive(s.stack, s.now, id, &message), 2);
    ck_assert_int_eq(message.flags, 0);
    ck_assert_int_eq(stack_unread(s.stack, id), 10);
    ck_assert_int_eq(set_offset(&s, id, 4), 0);
    expect(&s, id, MSG_PEEK | MSG_TRUNC, 2, "the whole!", 14);
    station_close(&s);
}
END_TEST

/* Also where nothing of the part is left, unless there was room for more. */
START_TEST(a_part_is_told_as_cut_where_the_room_is_full)
{
    struct station s;
    socket_id id = open_dgram(&s);
    char text[256];

    comes(&s, "0123456789");
    for (size_t room = 6; room <= 8; room++) {
        struct iovec iov = {.iov_base = text, .iov_len = room};
        struct socket_message message = {
            .iov = &iov, .iov_count = 1, .flags = MSG_PEEK};

        ck_assert_int_eq(set_offset(&s, id, 3), 0);
        ck_assert_int_eq(stack_receive(s.stack, s.now, id, &message),
                         room < 7 ? 6 : 7);
        ck_assert_int_eq(message.flags, room < 8 ? MSG_TRUNC : 0);
    }
    station_close(&s);
}
END_TEST

START_TEST(without_an_offset_each_peek_is_the_first)
{
    struct station s;
    socket_id id = open_dgram(&s);

    comes(&s, "0123456789");
    expect(&s, id, MSG_PEEK, 3, "012", -1);
    expect(&s, id, MSG_PEEK, 3, "012", -1);
    ck_assert_int_eq(set_offset(&s, id, -7), 0);
    expect(&s, id, MSG_PEEK, 3, "012", -7);
    expect(&s, id, 0, 3, "012", -7);
    station_close(&s);
}
END_TEST

/* ---- Streams ------------------------------------------------------------- */

struct ends {
    socket_id client;
    socket_id server;
};

static void pass(struct station *s)
{
    station_run(s, s->now + 1000);
}

static struct ends open_stream(struct station *s)
{
    struct endpoint to = test_endpoint("127.0.0.1", 80);
    struct ends ends;
    socket_id listener;

    station_open(s);
    listener = test_socket(s->stack, SOCK_STREAM, 0);
    ends.client = test_socket(s->stack, SOCK_STREAM, 0);
    test_bind(s->stack, listener, "127.0.0.1", 80);
    ck_assert_int_eq(stack_listen(s->stack, s->now, listener, 1), 0);
    ck_assert_int_eq(set_offset(s, listener, 7), 0);
    ck_assert_int_eq(stack_connect(s->stack, s->now, ends.client, &to),
                     -EINPROGRESS);
    pass(s);
    ck_assert_int_eq(
        stack_accept(s->stack, s->now, listener, &ends.server, &to), 0);
    return ends;
}

static void client_writes(struct station *s, const struct ends *ends,
                          const char *text)
{
    ck_assert_int_eq(test_send(s->stack, ends->client, text, NULL),
                     (int)strlen(text));
    pass(s);
}

START_TEST(peeks_go_on_in_the_stream)
{
    struct station s;
    struct ends ends = open_stream(&s);
    socket_id id = ends.server;

    ck_assert_int_eq(offset_of(&s, id), 7); /* the listener's */
    ck_assert_int_eq(set_offset(&s, id, 0), 0);
    client_writes(&s, &ends, "0123456789");
    client_writes(&s, &ends, "abcdefghij");
    expect(&s, id, MSG_PEEK, 4, "0123", 4);
    expect(&s, id, MSG_PEEK, 4, "4567", 8);
    expect(&s, id, MSG_PEEK, 4, "89ab", 12);
    expect(&s, id, 0, 6, "012345", 6);
    expect(&s, id, MSG_PEEK, 4, "cdef", 10);
    expect(&s, id, MSG_PEEK, 100, "ghij", 14);
    expect(&s, id, MSG_PEEK, 100, NULL, 14);
    client_writes(&s, &ends, "KL");
    expect(&s, id, MSG_PEEK, 100, "KL", 16);
    expect(&s, id, MSG_PEEK | MSG_TRUNC, 100, NULL, 16);
    ck_assert_int_eq(set_offset(&s, id, 2), 0);
    expect(&s, id, MSG_PEEK | MSG_TRUNC, 4, "four", 6);
    expect(&s, id, MSG_TRUNC, 3, "row", 3);
    expect(&s, id, MSG_PEEK, 4, "cdef", 7);
    expect(&s, id, 0, 100, "9abcdefghijKL", 0);
    station_close(&s);
}
END_TEST

START_TEST(beyond_the_end_a_peek_finds_the_end)
{
    struct station s;
    struct ends ends = open_stream(&s);
    socket_id id = ends.server;

    client_writes(&s, &ends, "op");
    ck_assert_int_eq(set_offset(&s, id, 50), 0);
    expect(&s, id, MSG_PEEK, 10, NULL, 50);
    ck_assert_int_eq(stack_shutdown(s.stack, s.now, ends.client, SHUT_WR), 0);
    pass(&s);
    expect(&s, id, MSG_PEEK, 10, "", 50);
    ck_assert_int_eq(set_offset(&s, id, 0), 0);
    expect(&s, id, MSG_PEEK, 10, "op", 2);
    expect(&s, id, MSG_PEEK, 10, "", 2);
    expect(&s, id, 0, 10, "op", 0);
    station_close(&s);
}
END_TEST

START_TEST(the_offset_does_not_overflow)
{
    struct station s;
    socket_id id = open_dgram(&s);

    comes(&s, "0123456789");
    for (int offset = INT32_MAX - 9; offset < INT32_MAX; offset++) {
        ck_assert_int_eq(set_offset(&s, id, offset), 0);
        expect(&s, id, MSG_PEEK, 10, NULL, offset);
    }
    station_close(&s);
}
END_TEST

START_TEST(only_datagrams_and_streams_have_an_offset)
{
    struct station s;
    socket_id ids[2];
    int value;
    size_t len = sizeof(value);

    station_open(&s);
    ids[0] = test_socket(s.stack, SOCK_DGRAM, IPPROTO_ICMP);
    ids[1] = test_socket(s.stack, SOCK_RAW, IPPROTO_ICMP);
    for (size_t i = 0; i < ARRAY_LENGTH(ids); i++) {
        ck_assert_int_eq(set_offset(&s, ids[i], 0), -EOPNOTSUPP);
        ck_assert_int_eq(stack_get_option(s.stack, s.now, ids[i], SOL_SOCKET,
                                          SO_PEEK_OFF, &value, &len),
                         -EOPNOTSUPP);
    }
    station_close(&s);
}
END_TEST

UNIT_MAIN("peeks", peeks_go_from_datagram_to_datagram,
          a_peek_tells_whether_the_rest_was_cut,
          a_part_is_told_as_cut_where_the_room_is_full,
          without_an_offset_each_peek_is_the_first, peeks_go_on_in_the_stream,
          beyond_the_end_a_peek_finds_the_end, the_offset_does_not_overflow,
          only_datagrams_and_streams_have_an_offset)
