/*
 * UDP_GRO and UDP_SEGMENT of sockets. The results were tried on Linux's own.
 */
#include "unit.h"

#include "socket/socket_kind.h"
#include "stacks.h"

#include <errno.h>

enum { PORT = 5000, OPTION_SEGMENT = 103, OPTION_GRO = 104, ROOM = 100000 };

struct fixture {
    struct memory memory;
    struct stack *stack;
    usec now;
    socket_id sender; /* connected to receiver */
    socket_id receiver;
    struct socket_control control; /* of the last datagrams read */
    uint8_t data[ROOM];
};

static void set_option(struct fixture *f, socket_id id, int name, int value)
{
    ck_assert_int_eq(stack_set_option(f->stack, 0, id, IPPROTO_UDP, name,
                                      bytes_of(&value, sizeof(value))),
                     0);
}

static void start(struct fixture *f)
{
    struct endpoint to = test_endpoint("127.0.0.1", PORT);

    memory_init(&f->memory, SIZE_MAX);
    f->now = 0;

    struct stack_config config = test_config(&f->memory);

    ck_assert_int_eq(stack_create(&config, 0, &f->stack), 0);
    f->receiver = test_socket(f->stack, SOCK_DGRAM, 0);
    f->sender = test_socket(f->stack, SOCK_DGRAM, 0);
    test_bind(f->stack, f->receiver, "127.0.0.1", PORT);
    ck_assert_int_eq(stack_connect(f->stack, 0, f->sender, &to), 0);
    set_option(f, f->receiver, OPTION_GRO, 1);
}

static void stop(struct fixture *f)
{
    stack_destroy(f->stack);
    ck_assert_uint_eq(f->memory.used, 0);
}

/* Byte i is i, from `first` on; what is chosen for them, if not NULL. */
static ssize_t send_with(struct fixture *f, uint8_t first, size_t len,
                         struct socket_control *control)
{
    uint8_t data[ROOM];
    struct iovec iov = {.iov_base = data, .iov_len = len};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .control = control};

    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(first + i);

    ssize_t sent = stack_send(f->stack, f->now, f->sender, &message);

    stack_flush(f->stack, f->now);
    return sent;
}

/* `segment`: by a control message, if not 0. */
static ssize_t send_bytes(struct fixture *f, uint8_t first, size_t len,
                          uint16_t segment)
{
    struct socket_control control = {.present = CONTROL_SEGMENT,
                                     .segment = segment};

    return send_with(f, first, len, segment == 0 ? NULL : &control);
}

static ssize_t receive(struct fixture *f, size_t room, int flags)
{
    /* in two pieces, neither as long as a datagram */
    struct iovec iov[2] = {
        {.iov_base = f->data, .iov_len = room / 3},
        {.iov_base = f->data + room / 3, .iov_len = room - room / 3}};
    struct socket_message message = {
        .iov = iov, .iov_count = 2, .flags = flags, .control = &f->control};

    return stack_receive(f->stack, f->now, f->receiver, &message);
}

/* Read at once: as many bytes from `first` on; `segment`: 0 for one. */
static void expect(struct fixture *f, size_t room, uint8_t first, ssize_t len,
                   unsigned segment)
{
    ck_assert_int_eq(receive(f, room, 0), len);
    for (ssize_t i = 0; i < len; i++)
        ck_assert_uint_eq(f->data[i], (uint8_t)(first + i));
    ck_assert_int_eq((f->control.present & CONTROL_SEGMENT) != 0, segment != 0);
    ck_assert_uint_eq(f->control.segment, segment);
}

START_TEST(many_datagrams_are_sent_and_read_by_one_call)
{
    struct fixture f;

    start(&f);
    set_option(&f, f.sender, OPTION_SEGMENT, 100);
    ck_assert_int_eq(send_bytes(&f, 0, 250, 0), 250);
    expect(&f, ROOM, 0, 250, 100);
    ck_assert_int_eq(receive(&f, ROOM, 0), -EAGAIN);
    ck_assert_int_eq(send_bytes(&f, 9, 250, 50), 250); /* for this one only */
    expect(&f, ROOM, 9, 250, 50);
    ck_assert_int_eq(send_bytes(&f, 9, 100, 0), 100);
    expect(&f, ROOM, 9, 100, 0);
    stop(&f);
}
END_TEST

START_TEST(a_shorter_one_ends_what_is_read_together)
{
    struct fixture f;

    start(&f);
    ck_assert_int_eq(send_bytes(&f, 0, 100, 0), 100);
    ck_assert_int_eq(send_bytes(&f, 100, 100, 0), 100);
    ck_assert_int_eq(send_bytes(&f, 200, 10, 0), 10);
    ck_assert_int_eq(send_bytes(&f, 210, 10, 0), 10);
    ck_assert_int_eq(send_bytes(&f, 220, 20, 0), 20);
    ck_assert_int_eq(send_bytes(&f, 0, 0, 0), 0);
    expect(&f, ROOM, 0, 210, 100);
    expect(&f, ROOM, 210, 10, 0);
    expect(&f, ROOM, 220, 20, 0);
    expect(&f, ROOM, 0, 0, 0);
    ck_assert_int_eq(receive(&f, ROOM, 0), -EAGAIN);
    stop(&f);
}
END_TEST

START_TEST(no_more_is_read_together_than_there_is_room_for)
{
    struct fixture f;

    start(&f);
    ck_assert_int_eq(send_bytes(&f, 0, 300, 100), 300);
    expect(&f, 299, 0, 200, 100);
    ck_assert_int_eq(send_bytes(&f, 0, 100, 0), 100);
    ck_assert_int_eq(receive(&f, 50, MSG_PEEK), 50);
    expect(&f, 50, 200, 50, 0); /* cut, as ever */
    expect(&f, 150, 0, 100, 0);
    stop(&f);
}
END_TEST

/* A program may keep a length in 16 bits. */
START_TEST(no_more_is_read_together_than_one_packet_could_hold)
{
    struct fixture f;

    start(&f);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(send_bytes(&f, 0, 20480, 0), 20480);
    expect(&f, ROOM, 0, 3 * 20480, 20480);
    expect(&f, ROOM, 0, 20480, 0);
    stop(&f);
}
END_TEST

/* Each differs from the one before in one thing. */
START_TEST(what_is_not_alike_is_not_read_together)
{
    struct socket_control hops = {.present = CONTROL_TTL, .ttl = 9};
    struct socket_control service = {
        .present = CONTROL_TTL | CONTROL_TOS, .ttl = 9, .tos = 0x10};
    struct endpoint to = test_endpoint("127.0.0.1", PORT);
    struct fixture f;

    start(&f);
    ck_assert_int_eq(send_bytes(&f, 0, 10, 0), 10);
    ck_assert_int_eq(send_with(&f, 10, 10, &hops), 10);
    ck_assert_int_eq(send_with(&f, 20, 10, &service), 10);
    f.now++;
    ck_assert_int_eq(send_with(&f, 30, 10, &service), 10);
    f.sender = test_socket(f.stack, SOCK_DGRAM, 0);
    ck_assert_int_eq(stack_connect(f.stack, f.now, f.sender, &to), 0);
    ck_assert_int_eq(send_with(&f, 40, 10, &service), 10);
    ck_assert_int_eq(send_with(&f, 50, 10, &service), 10);
    for (uint8_t first = 0; first < 40; first += 10)
        expect(&f, ROOM, first, 10, 0);
    expect(&f, ROOM, 40, 20, 10);
    stop(&f);
}
END_TEST

START_TEST(without_the_option_each_is_read_by_itself)
{
    struct fixture f;

    start(&f);
    set_option(&f, f.receiver, OPTION_GRO, 0);
    ck_assert_int_eq(send_bytes(&f, 0, 250, 100), 250);
    expect(&f, ROOM, 0, 100, 0);
    expect(&f, ROOM, 100, 100, 0);
    expect(&f, ROOM, 200, 50, 0);
    stop(&f);
}
END_TEST

UNIT_MAIN("datagrams by one call", many_datagrams_are_sent_and_read_by_one_call,
          a_shorter_one_ends_what_is_read_together,
          no_more_is_read_together_than_there_is_room_for,
          no_more_is_read_together_than_one_packet_could_hold,
          what_is_not_alike_is_not_read_together,
          without_the_option_each_is_read_by_itself)
