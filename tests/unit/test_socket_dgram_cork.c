/*
 * UDP_CORK and MSG_MORE. The results were tried on Linux's own sockets.
 */
#include "unit.h"

#include "socket/socket_kind.h"
#include "stacks.h"

#include <errno.h>
#include <netinet/udp.h>

struct fixture {
    struct memory memory;
    struct stack *stack;
    socket_id sender; /* connected to receiver */
    socket_id receiver;
    socket_id other; /* of the next port */
};

enum { PORT = 5000, BIG = 65506 };

static void start(struct fixture *f)
{
    struct endpoint to = test_endpoint("127.0.0.1", PORT);

    memory_init(&f->memory, SIZE_MAX);

    struct stack_config config = test_config(&f->memory);

    ck_assert_int_eq(stack_create(&config, 0, &f->stack), 0);
    f->receiver = test_socket(f->stack, SOCK_DGRAM, 0);
    f->other = test_socket(f->stack, SOCK_DGRAM, 0);
    f->sender = test_socket(f->stack, SOCK_DGRAM, 0);
    test_bind(f->stack, f->receiver, "127.0.0.1", PORT);
    test_bind(f->stack, f->other, "127.0.0.1", PORT + 1);
    ck_assert_int_eq(stack_connect(f->stack, 0, f->sender, &to), 0);
}

static void stop(struct fixture *f)
{
    stack_destroy(f->stack);
    ck_assert_uint_eq(f->memory.used, 0);
}

/* The pass ends: what was lent for it is gone. */
static ssize_t send_bytes(struct fixture *f, const void *bytes, size_t len,
                          int flags, struct endpoint *to)
{
    char copy[BIG];
    struct iovec iov = {.iov_base = copy, .iov_len = len};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .flags = flags, .name = to};

    memcpy(copy, bytes, len);

    ssize_t sent = stack_send(f->stack, 0, f->sender, &message);

    stack_flush(f->stack, 0);
    memset(copy, 0xee, len);
    return sent;
}

static ssize_t send_text(struct fixture *f, const char *text, int flags)
{
    return send_bytes(f, text, strlen(text), flags, NULL);
}

static void set_cork(struct fixture *f, int value)
{
    ck_assert_int_eq(stack_set_option(f->stack, 0, f->sender, IPPROTO_UDP,
                                      UDP_CORK,
                                      bytes_of(&value, sizeof(value))),
                     0);
    stack_flush(f->stack, 0);
}

static void expect_nothing(struct fixture *f, socket_id id)
{
    char text[256];

    ck_assert_int_eq(test_receive(f->stack, id, text, 0), -EAGAIN);
}

START_TEST(more_pieces_make_one_datagram)
{
    struct fixture f;

    start(&f);
    ck_assert_int_eq(send_text(&f, "abc", MSG_MORE), 3);
    expect_nothing(&f, f.receiver);
    ck_assert_int_eq(send_text(&f, "de", MSG_MORE), 2);
    ck_assert_int_eq(send_text(&f, "f", 0), 1);
    expect_text(f.stack, f.receiver, "abcdef");
    expect_nothing(&f, f.receiver);
    ck_assert_int_eq(send_text(&f, "abc", MSG_MORE), 3);
    ck_assert_int_eq(send_text(&f, "", 0), 0); /* the end alone */
    expect_text(f.stack, f.receiver, "abc");
    stop(&f);
}
END_TEST

/* As Linux: later names are not looked at. */
START_TEST(the_first_piece_says_where_to)
{
    struct endpoint to = test_endpoint("127.0.0.1", PORT);
    struct endpoint elsewhere = test_endpoint("127.0.0.1", PORT + 1);
    struct fixture f;

    start(&f);
    ck_assert_int_eq(stack_disconnect(f.stack, 0, f.sender), 0);
    ck_assert_int_eq(send_text(&f, "x", MSG_MORE), -EDESTADDRREQ);
    set_cork(&f, 1);
    ck_assert_int_eq(send_bytes(&f, "abc", 3, 0, &to), 3);
    ck_assert_int_eq(send_bytes(&f, "de", 2, 0, &elsewhere), 2);
    ck_assert_int_eq(send_text(&f, "f", 0), 1);
    expect_nothing(&f, f.receiver);
    set_cork(&f, 0);
    expect_text(f.stack, f.receiver, "abcdef");
    expect_nothing(&f, f.other);
    stop(&f);
}
END_TEST

START_TEST(what_does_not_fit_takes_all_away)
{
    static const char big[BIG];
    struct fixture f;

    start(&f);
    ck_assert_int_eq(send_text(&f, "abc", MSG_MORE), 3);
    ck_assert_int_eq(send_bytes(&f, big, sizeof(big), MSG_MORE, NULL),
                     -EMSGSIZE);
    ck_assert_int_eq(send_text(&f, "d", 0), 1);
    expect_text(f.stack, f.receiver, "d");
    stop(&f);
}
END_TEST

START_TEST(a_cork_lets_an_empty_datagram_pass_and_nothing_not)
{
    struct fixture f;
    int value = 7;
    size_t len = sizeof(value);

    start(&f);
    set_cork(&f, 2);
    ck_assert_int_eq(stack_get_option(f.stack, 0, f.sender, IPPROTO_UDP,
                                      UDP_CORK, &value, &len),
                     0);
    ck_assert_int_eq(value, 1);
    set_cork(&f, 0);
    expect_nothing(&f, f.receiver);
    set_cork(&f, 1);
    ck_assert_int_eq(send_text(&f, "", 0), 0);
    set_cork(&f, 0);
    expect_text(f.stack, f.receiver, "");
    stop(&f);
}
END_TEST

START_TEST(a_close_forgets_what_is_pending)
{
    struct fixture f;

    start(&f);
    ck_assert_int_eq(send_text(&f, "abc", MSG_MORE), 3);
    ck_assert_int_eq(stack_close(f.stack, 0, f.sender), 0);
    stack_flush(f.stack, 0);
    expect_nothing(&f, f.receiver);
    stop(&f);
}
END_TEST

UNIT_MAIN("datagram cork", more_pieces_make_one_datagram,
          the_first_piece_says_where_to, what_does_not_fit_takes_all_away,
          a_cork_lets_an_empty_datagram_pass_and_nothing_not,
          a_close_forgets_what_is_pending)
