#include "unit.h"

#include "socket/socket_kind.h"
#include "stacks.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/time.h>

enum {
    IN = POLLIN | POLLRDNORM,
    OUT = POLLOUT | POLLWRNORM,
    RDHUP = 0x2000, /* POLLRDHUP is GNU's */
    BIG = 300000
};

/* One stack with its loopback, on which two sockets talk. */
struct fixture {
    struct memory memory;
    struct stack *stack;
    struct recording recording;
    usec now;
};

static void open_stack_of(struct fixture *f, unsigned max_sockets)
{
    memory_init(&f->memory, SIZE_MAX);
    f->now = 1000;

    struct stack_config config = test_config(&f->memory);

    config.socket.max_sockets = max_sockets;
    recording_begin(&f->recording);
    config.recorder = &f->recording.recorder;
    ck_assert_int_eq(stack_create(&config, f->now, &f->stack), 0);
}

static void open_stack(struct fixture *f)
{
    open_stack_of(f, 100);
}

static void close_stack(struct fixture *f)
{
    stack_destroy(f->stack);
    recording_check(&f->recording);
    ck_assert_uint_eq(f->memory.used, 0);
}

/* Everything that follows from what was done, at the same time. */
static void settle(struct fixture *f)
{
    do
        stack_flush(f->stack, f->now);
    while (stack_next_deadline(f->stack) <= f->now);
}

static void run(struct fixture *f, usec time)
{
    usec end = f->now + time;
    usec next;

    settle(f);
    while ((next = stack_next_deadline(f->stack)) <= end) {
        f->now = usec_max(f->now, next);
        stack_run_timers(f->stack, f->now);
        stack_flush(f->stack, f->now);
    }
    f->now = end;
    stack_run_timers(f->stack, f->now);
    settle(f);
}

static socket_id stream(struct fixture *f)
{
    return test_socket(f->stack, SOCK_STREAM, 0);
}

static socket_id dgram(struct fixture *f)
{
    return test_socket(f->stack, SOCK_DGRAM, 0);
}

static int ready(struct fixture *f, socket_id id)
{
    return stack_readiness(f->stack, id);
}

static int connect_to(struct fixture *f, socket_id id, const char *addr,
                      uint16_t port)
{
    struct endpoint to = test_endpoint(addr, port);
    int error = stack_connect(f->stack, f->now, id, &to);

    settle(f);
    return error;
}

static int shut(struct fixture *f, socket_id id, int how)
{
    int error = stack_shutdown(f->stack, f->now, id, how);

    settle(f);
    return error;
}

static void close_socket(struct fixture *f, socket_id id)
{
    ck_assert_int_eq(stack_close(f->stack, f->now, id), 0);
    settle(f);
}

static socket_id listener(struct fixture *f, uint16_t port)
{
    socket_id id = stream(f);

    test_bind(f->stack, id, "0.0.0.0", port);
    ck_assert_int_eq(stack_listen(f->stack, f->now, id, 5), 0);
    return id;
}

static socket_id accepted(struct fixture *f, socket_id from)
{
    socket_id id;

    ck_assert_int_eq(stack_accept(f->stack, f->now, from, &id, NULL), 0);
    settle(f);
    return id;
}

/* A connection over the loopback. */
struct ends {
    socket_id listener;
    socket_id client;
    socket_id server;
};

static struct ends connected(struct fixture *f)
{
    struct ends ends = {.listener = listener(f, 80), .client = stream(f)};

    ck_assert_int_eq(connect_to(f, ends.client, "127.0.0.1", 80), -EINPROGRESS);
    ends.server = accepted(f, ends.listener);
    ck_assert_int_eq(connect_to(f, ends.client, "127.0.0.1", 80), 0);
    return ends;
}

/* Whether the socket is told ready now; all that are, are told. */
static bool is_told(struct fixture *f, socket_id id)
{
    bool told = false;
    socket_id next;

    while (stack_next_ready(f->stack, &next)) {
        ck_assert(!told || next != id); /* once */
        told |= next == id;
    }
    return told;
}

static int set_int(struct fixture *f, socket_id id, int level, int name,
                   int value)
{
    return stack_set_option(f->stack, f->now, id, level, name,
                            bytes_of(&value, sizeof(value)));
}

/* The value, or the error. */
static int get_int(struct fixture *f, socket_id id, int level, int name)
{
    int value = 0;
    size_t len = sizeof(value);
    int error =
        stack_get_option(f->stack, f->now, id, level, name, &value, &len);

    return error < 0 ? error : value;
}

START_TEST(a_number_never_means_another_socket)
{
    enum { COUNT = 1000 };
    socket_id ids[COUNT];
    struct fixture f;

    open_stack(&f);
    for (unsigned i = 0; i < COUNT; i++) {
        ids[i] = dgram(&f);
        for (unsigned old = 0; old < i; old++) {
            ck_assert_uint_ne(ids[old], ids[i]);
            ck_assert_int_eq(ready(&f, ids[old]), POLLNVAL);
        }
        close_socket(&f, ids[i]);
        ck_assert_int_eq(stack_close(f.stack, f.now, ids[i]), -EBADF);
    }
    close_stack(&f);
}
END_TEST

START_TEST(numbers_that_nobody_was_given_are_refused)
{
    struct endpoint name;
    struct fixture f;
    socket_id id;

    open_stack(&f);
    id = dgram(&f);
    ck_assert_int_eq(ready(&f, 0), POLLNVAL);
    ck_assert_int_eq(ready(&f, UINT32_MAX), POLLNVAL);
    ck_assert_int_eq(ready(&f, id + 1), POLLNVAL);
    ck_assert_int_eq(stack_local(f.stack, id + 1, &name), -EBADF);
    ck_assert_int_eq(stack_accept(f.stack, 0, 0, &id, NULL), -EBADF);
    ck_assert_int_eq(get_int(&f, 0, SOL_SOCKET, SO_TYPE), -EBADF);
    close_stack(&f);
}
END_TEST

START_TEST(there_are_as_many_sockets_as_the_limit_says)
{
    enum { COUNT = 1000 };
    static socket_id ids[COUNT];
    struct fixture f;
    socket_id more;

    open_stack_of(&f, COUNT);
    for (unsigned i = 0; i < COUNT; i++)
        ids[i] = dgram(&f);
    ck_assert_int_eq(stack_socket(f.stack, 0, AF_INET, SOCK_DGRAM, 0, &more),
                     -ENOBUFS);
    for (unsigned i = 0; i < COUNT; i++)
        ck_assert_int_eq(ready(&f, ids[i]), OUT);
    close_socket(&f, ids[500]);
    more = dgram(&f);
    ck_assert_uint_ne(more, ids[500]);
    close_stack(&f);
}
END_TEST

static int try_socket(struct fixture *f, int domain, int type, int protocol)
{
    socket_id id;

    return stack_socket(f->stack, 0, domain, type, protocol, &id);
}

START_TEST(only_what_is_there_can_be_made)
{
    struct fixture f;

    open_stack(&f);
    ck_assert_int_eq(try_socket(&f, AF_INET6, SOCK_STREAM, 0), -EAFNOSUPPORT);
    ck_assert_int_eq(try_socket(&f, AF_INET, SOCK_SEQPACKET, 0),
                     -ESOCKTNOSUPPORT);
    ck_assert_int_eq(try_socket(&f, AF_INET, -1, 0), -EINVAL);
    ck_assert_int_eq(try_socket(&f, AF_INET, 99, 0), -EINVAL);
    ck_assert_int_eq(try_socket(&f, AF_INET, SOCK_STREAM, -1), -EINVAL);
    ck_assert_int_eq(try_socket(&f, AF_INET, SOCK_STREAM, 300), -EINVAL);
    ck_assert_int_eq(try_socket(&f, AF_INET, SOCK_STREAM, IPPROTO_UDP),
                     -EPROTONOSUPPORT);
    ck_assert_int_eq(try_socket(&f, AF_INET, SOCK_DGRAM, IPPROTO_TCP),
                     -EPROTONOSUPPORT);
    ck_assert_int_eq(try_socket(&f, AF_INET, SOCK_STREAM, IPPROTO_TCP), 0);
    ck_assert_int_eq(try_socket(&f, AF_INET, SOCK_DGRAM, IPPROTO_UDP), 0);
    ck_assert_int_eq(try_socket(&f, AF_INET, SOCK_DGRAM, IPPROTO_ICMP), 0);
    close_stack(&f);
}
END_TEST

START_TEST(a_socket_tells_what_it_is)
{
    struct fixture f;
    socket_id id;

    open_stack(&f);
    id = test_socket(f.stack, SOCK_DGRAM, IPPROTO_ICMP);
    ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
    ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, SO_PROTOCOL), IPPROTO_ICMP);
    ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, SO_DOMAIN), AF_INET);
    ck_assert_int_eq(set_int(&f, id, SOL_SOCKET, SO_TYPE, 1), -ENOPROTOOPT);
    id = stream(&f);
    ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
    ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, SO_ACCEPTCONN), 0);
    ck_assert_int_eq(get_int(&f, listener(&f, 80), SOL_SOCKET, SO_ACCEPTCONN),
                     1);
    close_stack(&f);
}
END_TEST

START_TEST(flags_are_kept_as_truth)
{
    static const int names[] = {SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST};
    struct fixture f;
    socket_id ids[2];

    open_stack(&f);
    ids[0] = stream(&f);
    ids[1] = dgram(&f);
    for (unsigned i = 0; i < 2 * ARRAY_LENGTH(names); i++) {
        socket_id id = ids[i % 2];
        int name = names[i / 2];

        ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, name), 0);
        ck_assert_int_eq(set_int(&f, id, SOL_SOCKET, name, 7), 0);
        ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, name), 1);
        ck_assert_int_eq(set_int(&f, id, SOL_SOCKET, name, 0), 0);
        ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, name), 0);
    }
    close_stack(&f);
}
END_TEST

START_TEST(buffer_sizes_are_doubled_within_limits)
{
    struct fixture f;
    socket_id id;

    open_stack(&f);
    for (unsigned i = 0; i < 2; i++) {
        id = i == 0 ? stream(&f) : dgram(&f);
        ck_assert_int_eq(set_int(&f, id, SOL_SOCKET, SO_RCVBUF, 100000), 0);
        ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, SO_RCVBUF), 200000);
        ck_assert_int_eq(set_int(&f, id, SOL_SOCKET, SO_SNDBUF, 50000), 0);
        ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, SO_SNDBUF), 100000);
        ck_assert_int_eq(set_int(&f, id, SOL_SOCKET, SO_RCVBUF, -1), 0);
        ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, SO_RCVBUF), 8 << 20);
        ck_assert_int_eq(set_int(&f, id, SOL_SOCKET, SO_SNDBUF, 0), 0);
        ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, SO_SNDBUF), 4608);
    }
    close_stack(&f);
}
END_TEST

START_TEST(ttl_and_tos_have_their_ranges)
{
    struct fixture f;
    uint8_t octet = 9;
    size_t len = 1;
    socket_id id;

    open_stack(&f);
    id = dgram(&f);
    ck_assert_int_eq(get_int(&f, id, IPPROTO_IP, IP_TTL), 64);
    ck_assert_int_eq(set_int(&f, id, IPPROTO_IP, IP_TTL, 0), -EINVAL);
    ck_assert_int_eq(set_int(&f, id, IPPROTO_IP, IP_TTL, 256), -EINVAL);
    ck_assert_int_eq(set_int(&f, id, IPPROTO_IP, IP_TTL, 255), 0);
    ck_assert_int_eq(get_int(&f, id, IPPROTO_IP, IP_TTL), 255);
    ck_assert_int_eq(set_int(&f, id, IPPROTO_IP, IP_TTL, -1), 0);
    ck_assert_int_eq(get_int(&f, id, IPPROTO_IP, IP_TTL), 64);
    ck_assert_int_eq(set_int(&f, id, IPPROTO_IP, IP_TOS, 0x1ff), 0);
    ck_assert_int_eq(get_int(&f, id, IPPROTO_IP, IP_TOS), 0xff);
    id = stream(&f); /* ECN is TCP's */
    ck_assert_int_eq(set_int(&f, id, IPPROTO_IP, IP_TOS, 0x1ff), 0);
    ck_assert_int_eq(get_int(&f, id, IPPROTO_IP, IP_TOS), 0xfc);
    /* a single octet will do, both ways */
    ck_assert_int_eq(stack_set_option(f.stack, 0, id, IPPROTO_IP, IP_TTL,
                                      bytes_of(&octet, 1)),
                     0);
    octet = 0;
    ck_assert_int_eq(
        stack_get_option(f.stack, 0, id, IPPROTO_IP, IP_TTL, &octet, &len), 0);
    ck_assert_uint_eq(octet, 9);
    ck_assert_uint_eq(len, 1);
    close_stack(&f);
}
END_TEST

START_TEST(short_values_are_refused_and_long_ones_read)
{
    int64_t wide = 1;
    struct fixture f;
    socket_id id;

    open_stack(&f);
    id = stream(&f);
    ck_assert_int_eq(stack_set_option(f.stack, 0, id, SOL_SOCKET, SO_KEEPALIVE,
                                      bytes_of(&wide, 3)),
                     -EINVAL);
    ck_assert_int_eq(stack_set_option(f.stack, 0, id, IPPROTO_TCP, TCP_NODELAY,
                                      bytes_of(&wide, 3)),
                     -EINVAL);
    ck_assert_int_eq(stack_set_option(f.stack, 0, id, SOL_SOCKET, SO_LINGER,
                                      bytes_of(&wide, 4)),
                     -EINVAL);
    ck_assert_int_eq(stack_set_option(f.stack, 0, id, SOL_SOCKET, SO_RCVTIMEO,
                                      bytes_of(&wide, 8)),
                     -EINVAL);
    ck_assert_int_eq(stack_set_option(f.stack, 0, id, SOL_SOCKET, SO_KEEPALIVE,
                                      bytes_of(&wide, 8)),
                     0);
    close_stack(&f);
}
END_TEST

START_TEST(a_get_is_cut_to_the_room_there_is)
{
    uint8_t room[16];
    size_t len = 2;
    struct fixture f;
    socket_id id;

    open_stack(&f);
    id = dgram(&f);
    memset(room, 0xee, sizeof(room));
    ck_assert_int_eq(
        stack_get_option(f.stack, 0, id, SOL_SOCKET, SO_TYPE, room, &len), 0);
    ck_assert_uint_eq(len, 2);
    ck_assert_uint_eq(room[2], 0xee);
    len = sizeof(room);
    ck_assert_int_eq(
        stack_get_option(f.stack, 0, id, SOL_SOCKET, SO_TYPE, room, &len), 0);
    ck_assert_uint_eq(len, sizeof(int));
    len = 0;
    ck_assert_int_eq(
        stack_get_option(f.stack, 0, id, SOL_SOCKET, SO_TYPE, NULL, &len), 0);
    ck_assert_uint_eq(len, 0);
    close_stack(&f);
}
END_TEST

START_TEST(unknown_options_are_refused)
{
    struct fixture f;
    socket_id id;

    open_stack(&f);
    id = stream(&f);
    ck_assert_int_eq(set_int(&f, id, SOL_SOCKET, 999, 1), -ENOPROTOOPT);
    ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, 999), -ENOPROTOOPT);
    ck_assert_int_eq(set_int(&f, id, IPPROTO_TCP, 999, 1), -ENOPROTOOPT);
    ck_assert_int_eq(get_int(&f, id, 77, 1), -EOPNOTSUPP);
    ck_assert_int_eq(set_int(&f, dgram(&f), IPPROTO_TCP, TCP_NODELAY, 1),
                     -ENOPROTOOPT);
    close_stack(&f);
}
END_TEST

static int set_timeout(struct fixture *f, socket_id id, int name, long s,
                       long us)
{
    struct timeval tv = {.tv_sec = s, .tv_usec = us};

    return stack_set_option(f->stack, f->now, id, SOL_SOCKET, name,
                            bytes_of(&tv, sizeof(tv)));
}

START_TEST(timeouts_are_stored_and_told)
{
    struct timeval tv = {0};
    size_t len = sizeof(tv);
    struct fixture f;
    usec receive;
    usec send;
    socket_id id;

    open_stack(&f);
    id = stream(&f);
    ck_assert_int_eq(stack_timeouts(f.stack, id, &receive, &send), 0);
    ck_assert_int_eq(receive, USEC_NEVER);
    ck_assert_int_eq(send, USEC_NEVER);
    ck_assert_int_eq(set_timeout(&f, id, SO_RCVTIMEO, 1, 500000), 0);
    ck_assert_int_eq(set_timeout(&f, id, SO_SNDTIMEO, -1, 0), 0);
    ck_assert_int_eq(stack_timeouts(f.stack, id, &receive, &send), 0);
    ck_assert_int_eq(receive, 1500000);
    ck_assert_int_eq(send, 0);
    ck_assert_int_eq(
        stack_get_option(f.stack, 0, id, SOL_SOCKET, SO_RCVTIMEO, &tv, &len),
        0);
    ck_assert_int_eq(tv.tv_sec, 1);
    ck_assert_int_eq(tv.tv_usec, 500000);
    ck_assert_int_eq(set_timeout(&f, id, SO_RCVTIMEO, 0, 1000000), -EDOM);
    ck_assert_int_eq(set_timeout(&f, id, SO_RCVTIMEO, INT64_MAX, 0), 0);
    ck_assert_int_eq(set_timeout(&f, id, SO_SNDTIMEO, 0, 0), 0);
    ck_assert_int_eq(stack_timeouts(f.stack, id, &receive, &send), 0);
    ck_assert_int_eq(receive, USEC_NEVER);
    ck_assert_int_eq(send, USEC_NEVER);
    close_stack(&f);
}
END_TEST

START_TEST(a_datagram_keeps_its_bounds_and_its_sender)
{
    struct endpoint to = test_endpoint("127.0.0.1", 7);
    struct endpoint from = {0};
    char text[16];
    struct iovec iov = {.iov_base = text, .iov_len = sizeof(text)};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .name = &from};
    struct fixture f;
    socket_id ids[2];

    open_stack(&f);
    ids[0] = dgram(&f);
    ids[1] = dgram(&f);
    test_bind(f.stack, ids[0], "127.0.0.1", 7);
    test_bind(f.stack, ids[1], "127.0.0.1", 8);
    ck_assert_int_eq(test_send(f.stack, ids[1], "one", &to), 3);
    ck_assert_int_eq(test_send(f.stack, ids[1], "", &to), 0);
    ck_assert_int_eq(test_send(f.stack, ids[1], "three", &to), 5);
    ck_assert_int_eq(stack_unread(f.stack, ids[0]), 3);
    ck_assert_int_eq(stack_receive(f.stack, 0, ids[0], &message), 3);
    ck_assert_uint_eq(from.port, 8);
    ck_assert_uint_eq(ip_addr_to_v4(&from.addr), 0x7f000001);
    ck_assert_int_eq(ready(&f, ids[0]), IN | OUT); /* an empty one is one */
    expect_text(f.stack, ids[0], "");
    expect_text(f.stack, ids[0], "three");
    ck_assert_int_eq(stack_receive(f.stack, 0, ids[0], &message), -EAGAIN);
    ck_assert_int_eq(ready(&f, ids[0]), OUT);
    close_stack(&f);
}
END_TEST

START_TEST(a_datagram_that_is_cut_says_so)
{
    struct endpoint to = test_endpoint("127.0.0.1", 7);
    char parts[2][2];
    struct iovec iov[2] = {{parts[0], 2}, {parts[1], 1}};
    struct socket_message message = {
        .iov = iov, .iov_count = 2, .flags = MSG_PEEK};
    struct fixture f;
    socket_id id;

    open_stack(&f);
    id = dgram(&f);
    test_bind(f.stack, id, "0.0.0.0", 7);
    ck_assert_int_eq(test_send(f.stack, id, "abcdef", &to), 6);
    ck_assert_int_eq(test_send(f.stack, id, "next", &to), 4);
    ck_assert_int_eq(stack_receive(f.stack, 0, id, &message), 3);
    ck_assert_int_eq(message.flags, MSG_TRUNC);
    ck_assert_mem_eq(parts[0], "ab", 2);
    ck_assert_mem_eq(parts[1], "c", 1);
    message.flags = MSG_TRUNC;
    ck_assert_int_eq(stack_receive(f.stack, 0, id, &message), 6);
    ck_assert_int_eq(message.flags, MSG_TRUNC);
    expect_text(f.stack, id, "next");
    close_stack(&f);
}
END_TEST

START_TEST(a_datagram_in_many_pieces_is_sent_whole)
{
    struct endpoint to = test_endpoint("127.0.0.1", 7);
    char word[] = "in five pieces";
    struct iovec iov[5] = {
        {word, 3}, {NULL, 0}, {word + 3, 5}, {word + 8, 1}, {word + 9, 5}};
    struct socket_message message = {.iov = iov, .iov_count = 5, .name = &to};
    struct fixture f;
    socket_id id;

    open_stack(&f);
    id = dgram(&f);
    test_bind(f.stack, id, "0.0.0.0", 7);
    ck_assert_int_eq(stack_send(f.stack, 0, id, &message), 14);
    ck_assert_int_eq(stack_send(f.stack, 0, id, &message), 14);
    settle(&f);
    expect_text(f.stack, id, "in five pieces");
    expect_text(f.stack, id, "in five pieces");
    ck_assert(list_is_empty(&f.stack->sockets.kept));
    /* what was gathered and never flushed is given back too */
    ck_assert_int_eq(stack_send(f.stack, 0, id, &message), 14);
    close_stack(&f);
}
END_TEST

START_TEST(a_datagram_has_a_largest_size)
{
    static char bytes[65508];
    struct endpoint to = test_endpoint("127.0.0.1", 7);
    struct iovec iov = {bytes, sizeof(bytes)};
    struct socket_message message = {.iov = &iov, .iov_count = 1, .name = &to};
    struct fixture f;
    socket_id id;

    open_stack(&f);
    id = dgram(&f);
    test_bind(f.stack, id, "0.0.0.0", 7);
    ck_assert_int_eq(stack_send(f.stack, 0, id, &message), -EMSGSIZE);
    iov.iov_len = 65507;
    ck_assert_int_eq(stack_send(f.stack, 0, id, &message), 65507);
    settle(&f);
    ck_assert_int_eq(stack_unread(f.stack, id), 65507);
    close_stack(&f);
}
END_TEST

START_TEST(a_datagram_needs_somewhere_to_go)
{
    struct endpoint nowhere = test_endpoint("203.0.113.1", 7);
    struct endpoint portless = test_endpoint("127.0.0.1", 0);
    struct fixture f;
    socket_id id;

    open_stack(&f);
    id = dgram(&f);
    ck_assert_int_eq(test_send(f.stack, id, "x", NULL), -EDESTADDRREQ);
    ck_assert_int_eq(test_send(f.stack, id, "x", &portless), -EINVAL);
    ck_assert_int_eq(test_send(f.stack, id, "x", &nowhere), -ENETUNREACH);
    ck_assert_int_eq(stack_listen(f.stack, 0, id, 1), -EOPNOTSUPP);
    ck_assert_int_eq(stack_accept(f.stack, 0, id, &id, NULL), -EOPNOTSUPP);
    close_stack(&f);
}
END_TEST

START_TEST(a_connected_datagram_socket_hears_one_peer)
{
    struct endpoint to = test_endpoint("127.0.0.1", 7);
    struct endpoint name;
    struct fixture f;
    socket_id ids[3];

    open_stack(&f);
    for (unsigned i = 0; i < 3; i++) {
        ids[i] = dgram(&f);
        test_bind(f.stack, ids[i], "127.0.0.1", (uint16_t)(7 + i));
    }
    ck_assert_int_eq(stack_remote(f.stack, ids[0], &name), -ENOTCONN);
    ck_assert_int_eq(connect_to(&f, ids[0], "127.0.0.1", 8), 0);
    ck_assert_int_eq(stack_remote(f.stack, ids[0], &name), 0);
    ck_assert_uint_eq(name.port, 8);
    ck_assert_int_eq(test_send(f.stack, ids[2], "stranger", &to), 8);
    ck_assert_int_eq(test_send(f.stack, ids[1], "peer", &to), 4);
    expect_text(f.stack, ids[0], "peer");
    ck_assert_int_eq(test_send(f.stack, ids[0], "back", NULL), 4);
    expect_text(f.stack, ids[1], "back");

    ck_assert_int_eq(stack_disconnect(f.stack, 0, ids[0]), 0);
    ck_assert_int_eq(stack_remote(f.stack, ids[0], &name), -ENOTCONN);
    ck_assert_int_eq(test_send(f.stack, ids[2], "anyone", &to), 6);
    expect_text(f.stack, ids[0], "anyone");
    close_stack(&f);
}
END_TEST

START_TEST(to_no_address_is_to_this_host)
{
    struct endpoint any = test_endpoint("0.0.0.0", 7);
    struct fixture f;
    socket_id id;

    open_stack(&f);
    id = dgram(&f);
    test_bind(f.stack, id, "0.0.0.0", 7);
    ck_assert_int_eq(test_send(f.stack, id, "self", &any), 4);
    expect_text(f.stack, id, "self");
    close_stack(&f);
}
END_TEST

START_TEST(a_refusal_is_told_once)
{
    struct fixture f;
    char text[256];
    socket_id id;

    open_stack(&f);
    id = dgram(&f);
    ck_assert_int_eq(connect_to(&f, id, "127.0.0.1", 9), 0);
    ck_assert_int_eq(test_send(f.stack, id, "x", NULL), 1);
    ck_assert(is_told(&f, id));
    ck_assert_int_eq(ready(&f, id), OUT | POLLERR);
    ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, SO_ERROR), 0);
    ck_assert_int_eq(ready(&f, id), OUT);
    ck_assert_int_eq(test_receive(f.stack, id, text, 0), -EAGAIN);
    close_stack(&f);
}
END_TEST

START_TEST(a_datagram_socket_is_shut_by_halves)
{
    struct fixture f;
    char text[256];
    socket_id id;

    open_stack(&f);
    id = dgram(&f);
    ck_assert_int_eq(shut(&f, id, 99), -EINVAL);
    test_bind(f.stack, id, "127.0.0.1", 9);
    ck_assert_int_eq(shut(&f, id, SHUT_RD), -ENOTCONN); /* and it is done */
    ck_assert(is_told(&f, id));
    ck_assert_int_eq(ready(&f, id), IN | OUT | RDHUP);
    ck_assert_int_eq(test_receive(f.stack, id, text, 0), -EAGAIN);
    ck_assert_int_eq(connect_to(&f, id, "127.0.0.1", 9), 0); /* to itself */
    ck_assert_int_eq(test_send(f.stack, id, "x", NULL), 1);
    ck_assert_int_eq(test_receive(f.stack, id, text, 0), 1); /* as Linux */
    ck_assert_int_eq(shut(&f, id, SHUT_WR), 0);
    ck_assert_int_eq(ready(&f, id), IN | OUT | RDHUP | POLLHUP);
    ck_assert_int_eq(test_send(f.stack, id, "x", NULL), -EPIPE);
    close_stack(&f);
}
END_TEST

START_TEST(a_change_is_told_once_and_to_nobody_after_the_close)
{
    struct endpoint to = test_endpoint("127.0.0.1", 7);
    struct fixture f;
    socket_id id;

    open_stack(&f);
    id = dgram(&f);
    test_bind(f.stack, id, "0.0.0.0", 7);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(test_send(f.stack, id, "x", &to), 1);
    ck_assert(is_told(&f, id));
    ck_assert(!is_told(&f, id));
    ck_assert_int_eq(test_send(f.stack, id, "x", &to), 1);
    close_socket(&f, id);
    ck_assert(!is_told(&f, id));
    close_stack(&f);
}
END_TEST

START_TEST(an_unbound_socket_has_an_empty_name)
{
    struct endpoint name;
    struct fixture f;
    socket_id ids[2];

    open_stack(&f);
    ids[0] = stream(&f);
    ids[1] = dgram(&f);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(stack_local(f.stack, ids[i], &name), 0);
        ck_assert(ip_addr_is_v4(&name.addr));
        ck_assert_uint_eq(ip_addr_to_v4(&name.addr), 0);
        ck_assert_uint_eq(name.port, 0);
        ck_assert_int_eq(stack_remote(f.stack, ids[i], &name), -ENOTCONN);
        test_bind(f.stack, ids[i], "127.0.0.1", 0);
        ck_assert_int_eq(stack_local(f.stack, ids[i], &name), 0);
        ck_assert_uint_eq(ip_addr_to_v4(&name.addr), 0x7f000001);
        ck_assert_uint_ne(name.port, 0);
    }
    close_stack(&f);
}
END_TEST

START_TEST(an_address_is_bound_by_one)
{
    struct endpoint local = test_endpoint("127.0.0.1", 7);
    struct endpoint foreign = test_endpoint("203.0.113.1", 7);
    struct fixture f;

    open_stack(&f);
    for (unsigned i = 0; i < 2; i++) {
        int type = i == 0 ? SOCK_STREAM : SOCK_DGRAM;
        socket_id first = test_socket(f.stack, type, 0);
        socket_id second = test_socket(f.stack, type, 0);

        ck_assert_int_eq(stack_bind(f.stack, 0, first, &foreign),
                         -EADDRNOTAVAIL);
        ck_assert_int_eq(stack_bind(f.stack, 0, first, &local), 0);
        ck_assert_int_eq(stack_bind(f.stack, 0, first, &local), -EINVAL);
        ck_assert_int_eq(stack_bind(f.stack, 0, second, &local), -EADDRINUSE);
        close_socket(&f, first);
        ck_assert_int_eq(stack_bind(f.stack, 0, second, &local), 0);
    }
    close_stack(&f);
}
END_TEST

START_TEST(a_new_stream_socket_is_hung_up)
{
    struct fixture f;
    char text[256];
    socket_id id;

    open_stack(&f);
    id = stream(&f);
    ck_assert_int_eq(ready(&f, id), OUT | POLLHUP);
    ck_assert_int_eq(test_send(f.stack, id, "x", NULL), -EPIPE);
    ck_assert_int_eq(test_receive(f.stack, id, text, 0), -ENOTCONN);
    ck_assert_int_eq(shut(&f, id, SHUT_RDWR), -ENOTCONN);
    ck_assert_int_eq(stack_accept(f.stack, 0, id, &id, NULL), -EINVAL);
    close_stack(&f);
}
END_TEST

START_TEST(connect_tells_its_outcome_once)
{
    struct fixture f;
    socket_id id;

    open_stack(&f);
    listener(&f, 80);
    id = stream(&f);

    struct endpoint to = test_endpoint("127.0.0.1", 80);

    ck_assert_int_eq(stack_connect(f.stack, f.now, id, &to), -EINPROGRESS);
    ck_assert_int_eq(ready(&f, id), 0);
    ck_assert_int_eq(test_send(f.stack, id, "", NULL), -EAGAIN);
    settle(&f);
    ck_assert(is_told(&f, id));
    ck_assert_int_eq(ready(&f, id), OUT);
    ck_assert_int_eq(stack_connect(f.stack, f.now, id, &to), 0);
    ck_assert_int_eq(stack_connect(f.stack, f.now, id, &to), -EISCONN);
    ck_assert_int_eq(stack_listen(f.stack, f.now, id, 1), -EINVAL);
    close_stack(&f);
}
END_TEST

START_TEST(connect_is_already_on_its_way)
{
    struct endpoint to = test_endpoint("192.0.2.1", 80);
    struct endpoint name;
    struct station s;
    socket_id id;

    station_open(&s); /* nobody answers there */
    id = test_socket(s.stack, SOCK_STREAM, 0);
    ck_assert_int_eq(stack_connect(s.stack, s.now, id, &to), -EINPROGRESS);
    stack_flush(s.stack, s.now);
    ck_assert_int_eq(stack_connect(s.stack, s.now, id, &to), -EALREADY);
    ck_assert_int_eq(stack_remote(s.stack, id, &name), -ENOTCONN);
    station_run(&s, s.now + 300 * USEC_PER_SEC);
    /* the neighbour does not answer: told as a host unreachable */
    ck_assert_int_eq(stack_connect(s.stack, s.now, id, &to), -EHOSTUNREACH);
    station_close(&s);
}
END_TEST

START_TEST(a_refused_socket_may_try_again)
{
    struct endpoint name;
    struct fixture f;
    socket_id other;
    char text[256];
    socket_id id;

    open_stack(&f);
    id = stream(&f);
    ck_assert_int_eq(set_int(&f, id, IPPROTO_TCP, TCP_NODELAY, 1), 0);
    ck_assert_int_eq(set_int(&f, id, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    test_bind(f.stack, id, "0.0.0.0", 1234);
    ck_assert_int_eq(connect_to(&f, id, "127.0.0.1", 80), -EINPROGRESS);
    ck_assert(is_told(&f, id));
    ck_assert_int_eq(ready(&f, id), IN | OUT | RDHUP | POLLHUP | POLLERR);
    ck_assert_int_eq(connect_to(&f, id, "127.0.0.1", 80), -ECONNREFUSED);
    ck_assert_int_eq(ready(&f, id), OUT | POLLHUP); /* as new, still bound */
    ck_assert_int_eq(stack_local(f.stack, id, &name), 0);
    ck_assert(ip_addr_is_any(&name.addr));
    ck_assert_uint_eq(name.port, 1234);
    other = stream(&f);
    ck_assert_int_eq(set_int(&f, other, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    test_bind(f.stack, other, "0.0.0.0", 1234); /* both would share it */
    ck_assert_int_eq(connect_to(&f, id, "127.0.0.1", 80), -EINPROGRESS);
    ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    ck_assert_int_eq(ready(&f, id), IN | OUT | RDHUP | POLLHUP);

    socket_id server = listener(&f, 80);

    ck_assert_int_eq(test_receive(f.stack, id, text, 0), 0); /* as Linux */
    ck_assert_int_eq(connect_to(&f, id, "127.0.0.1", 80), -ECONNABORTED);
    ck_assert_int_eq(connect_to(&f, id, "127.0.0.1", 80), -EINPROGRESS);
    ck_assert_int_eq(connect_to(&f, id, "127.0.0.1", 80), 0);
    ck_assert_int_eq(stack_accept(f.stack, f.now, server, &server, &name), 0);
    ck_assert_uint_eq(name.port, 1234); /* still bound */
    ck_assert_int_eq(get_int(&f, id, IPPROTO_TCP, TCP_NODELAY), 1);
    close_stack(&f);
}
END_TEST

/* As Linux: of use again when it has been disconnected. */
START_TEST(a_stream_shut_after_a_failure_that_was_not_told_connects_no_more)
{
    struct fixture f;
    open_stack(&f);
    socket_id id = stream(&f);

    ck_assert_int_eq(connect_to(&f, id, "127.0.0.1", 80), -EINPROGRESS);
    ck_assert(is_told(&f, id));
    ck_assert_int_eq(stack_shutdown(f.stack, f.now, id, SHUT_WR), -ENOTCONN);
    ck_assert_int_eq(connect_to(&f, id, "127.0.0.1", 80), -EINVAL);
    ck_assert_int_eq(stack_listen(f.stack, f.now, id, 1), -EINVAL);
    ck_assert_int_eq(stack_disconnect(f.stack, f.now, id), 0);
    ck_assert_int_eq(get_int(&f, id, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    ck_assert_int_eq(connect_to(&f, id, "127.0.0.1", 80), -EINPROGRESS);
    close_stack(&f);
}
END_TEST

START_TEST(connect_to_nowhere_fails_at_once)
{
    struct fixture f;
    socket_id id;

    open_stack(&f);
    id = stream(&f);
    ck_assert_int_eq(connect_to(&f, id, "203.0.113.1", 80), -ENETUNREACH);
    ck_assert_int_eq(connect_to(&f, id, "255.255.255.255", 80), -ENETUNREACH);
    ck_assert_int_eq(stack_connect(f.stack, f.now, id, NULL), -EDESTADDRREQ);
    ck_assert_int_eq(ready(&f, id), OUT | POLLHUP);
    close_stack(&f);
}
END_TEST

START_TEST(a_listener_is_readable_when_somebody_waits)
{
    struct endpoint name;
    struct endpoint client_name;
    struct fixture f;
    socket_id server;
    socket_id client;
    socket_id child;

    open_stack(&f);
    server = listener(&f, 80);
    ck_assert_int_eq(ready(&f, server), 0);
    ck_assert_int_eq(stack_accept(f.stack, 0, server, &child, &name), -EAGAIN);
    ck_assert_int_eq(stack_unread(f.stack, server), -EINVAL);
    client = stream(&f);
    ck_assert_int_eq(connect_to(&f, client, "0.0.0.0", 80), -EINPROGRESS);
    ck_assert(is_told(&f, server));
    ck_assert_int_eq(ready(&f, server), IN);
    ck_assert_int_eq(stack_accept(f.stack, 0, server, &child, &name), 0);
    ck_assert_int_eq(ready(&f, server), 0);
    ck_assert_int_eq(ready(&f, child), OUT);
    ck_assert_int_eq(stack_local(f.stack, client, &client_name), 0);
    ck_assert(endpoint_equal(&name, &client_name));
    close_stack(&f);
}
END_TEST

START_TEST(listen_binds_a_socket_that_is_not_bound)
{
    struct endpoint name;
    struct fixture f;
    socket_id id;

    open_stack(&f);
    id = stream(&f);
    ck_assert_int_eq(stack_listen(f.stack, 0, id, -1), 0);
    ck_assert_int_eq(stack_local(f.stack, id, &name), 0);
    ck_assert_uint_ne(name.port, 0);
    ck_assert_int_eq(connect_to(&f, stream(&f), "127.0.0.1", name.port),
                     -EINPROGRESS);
    ck_assert_int_eq(ready(&f, id), IN);
    close_stack(&f);
}
END_TEST

START_TEST(a_listener_is_not_connected)
{
    struct fixture f;
    socket_id id;

    open_stack(&f);
    id = listener(&f, 80);
    ck_assert_int_eq(connect_to(&f, id, "127.0.0.1", 80), -EISCONN);
    close_stack(&f);
}
END_TEST

START_TEST(at_the_limit_a_connection_waits_to_be_accepted)
{
    struct fixture f;
    socket_id server;
    socket_id client;
    socket_id other;
    socket_id child;

    open_stack_of(&f, 3);
    server = listener(&f, 80);
    client = stream(&f);
    other = dgram(&f);
    ck_assert_int_eq(connect_to(&f, client, "127.0.0.1", 80), -EINPROGRESS);
    ck_assert_int_eq(stack_accept(f.stack, 0, server, &child, NULL), -ENOBUFS);
    ck_assert_int_eq(ready(&f, server), IN);
    close_socket(&f, other);
    ck_assert_int_eq(stack_accept(f.stack, 0, server, &child, NULL), 0);
    ck_assert_int_eq(test_send(f.stack, client, "hello", NULL), 5);
    expect_text(f.stack, child, "hello");
    close_stack(&f);
}
END_TEST

START_TEST(an_accepted_socket_has_its_listener_s_options)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 7};
    size_t len = sizeof(linger);
    struct fixture f;
    socket_id server;
    socket_id child;

    open_stack(&f);
    server = listener(&f, 80);
    ck_assert_int_eq(set_int(&f, server, SOL_SOCKET, SO_KEEPALIVE, 1), 0);
    ck_assert_int_eq(set_int(&f, server, IPPROTO_TCP, TCP_NODELAY, 1), 0);
    ck_assert_int_eq(set_int(&f, server, IPPROTO_IP, IP_TTL, 9), 0);
    ck_assert_int_eq(set_int(&f, server, SOL_SOCKET, SO_RCVBUF, 50000), 0);
    ck_assert_int_eq(stack_set_option(f.stack, 0, server, SOL_SOCKET, SO_LINGER,
                                      bytes_of(&linger, len)),
                     0);
    ck_assert_int_eq(connect_to(&f, stream(&f), "127.0.0.1", 80), -EINPROGRESS);
    child = accepted(&f, server);
    memset(&linger, 0, sizeof(linger));
    ck_assert_int_eq(stack_get_option(f.stack, 0, child, SOL_SOCKET, SO_LINGER,
                                      &linger, &len),
                     0);
    ck_assert_int_eq(linger.l_onoff, 1);
    ck_assert_int_eq(linger.l_linger, 7);
    ck_assert_int_eq(get_int(&f, child, SOL_SOCKET, SO_KEEPALIVE), 1);
    ck_assert_int_eq(get_int(&f, child, IPPROTO_TCP, TCP_NODELAY), 1);
    ck_assert_int_eq(get_int(&f, child, IPPROTO_IP, IP_TTL), 9);
    ck_assert_int_eq(get_int(&f, child, SOL_SOCKET, SO_RCVBUF), 100000);
    close_stack(&f);
}
END_TEST

START_TEST(bytes_go_both_ways_and_can_be_peeked_at)
{
    struct endpoint wrong = test_endpoint("203.0.113.1", 1);
    struct fixture f;
    char text[256];

    open_stack(&f);
    struct ends ends = connected(&f);
    ck_assert_int_eq(test_send(f.stack, ends.client, "request", &wrong), 7);
    settle(&f);
    ck_assert(is_told(&f, ends.server));
    ck_assert_int_eq(ready(&f, ends.server), IN | OUT);
    ck_assert_int_eq(stack_unread(f.stack, ends.server), 7);
    ck_assert_int_eq(test_receive(f.stack, ends.server, text, MSG_PEEK), 7);
    expect_text(f.stack, ends.server, "request");
    ck_assert_int_eq(test_receive(f.stack, ends.server, text, 0), -EAGAIN);
    ck_assert_int_eq(test_send(f.stack, ends.server, "answer", NULL), 6);
    settle(&f);
    expect_text(f.stack, ends.client, "answer");
    close_stack(&f);
}
END_TEST

START_TEST(there_is_no_urgent_data_and_no_error_queue)
{
    struct socket_message message = {.flags = MSG_OOB};
    struct fixture f;

    open_stack(&f);
    struct ends ends = connected(&f);
    ck_assert_int_eq(stack_receive(f.stack, 0, ends.client, &message), -EINVAL);
    message.flags = MSG_ERRQUEUE;
    ck_assert_int_eq(stack_receive(f.stack, 0, ends.client, &message), -EAGAIN);
    close_stack(&f);
}
END_TEST

/* More than the buffers hold: the sender is told when there is room again. */
START_TEST(a_sender_waits_for_room)
{
    static uint8_t out[BIG];
    static uint8_t in[BIG];
    struct fixture f;
    size_t sent = 0;
    size_t got = 0;

    for (unsigned i = 0; i < BIG; i++)
        out[i] = (uint8_t)(i * 7 + i / 251);
    open_stack(&f);
    struct ends ends = connected(&f);
    ck_assert_int_eq(set_int(&f, ends.client, SOL_SOCKET, SO_SNDBUF, 20000), 0);
    for (unsigned rounds = 0; got < BIG && rounds < 10000; rounds++) {
        struct iovec to_send = {out + sent, BIG - sent};
        struct iovec to_get = {in + got, BIG - got};
        struct socket_message sending = {.iov = &to_send, .iov_count = 1};
        struct socket_message getting = {.iov = &to_get, .iov_count = 1};
        ssize_t count =
            sent == BIG ? 0 : stack_send(f.stack, f.now, ends.client, &sending);

        ck_assert(count >= 0 || count == -EAGAIN);
        sent += count > 0 ? (size_t)count : 0;
        run(&f, USEC_PER_MSEC);
        count = stack_receive(f.stack, f.now, ends.server, &getting);
        ck_assert(count > 0 || count == -EAGAIN);
        got += count > 0 ? (size_t)count : 0;
    }
    ck_assert_uint_eq(got, BIG);
    ck_assert_mem_eq(in, out, BIG);
    close_stack(&f);
}
END_TEST

START_TEST(a_full_socket_is_told_when_it_can_be_written_to_again)
{
    static uint8_t bytes[4 << 20];
    struct iovec iov = {bytes, sizeof(bytes)};
    struct socket_message message = {.iov = &iov, .iov_count = 1};
    struct fixture f;

    open_stack(&f);
    struct ends ends = connected(&f);
    while (stack_send(f.stack, f.now, ends.client, &message) > 0)
        run(&f, USEC_PER_MSEC); /* until both buffers are full */
    ck_assert_int_eq(stack_send(f.stack, f.now, ends.client, &message),
                     -EAGAIN);
    ck_assert_int_eq(ready(&f, ends.client), 0);
    ck_assert_int_gt(stack_unsent(f.stack, ends.client), 0);
    is_told(&f, ends.client);
    while (stack_receive(f.stack, f.now, ends.server, &message) > 0)
        run(&f, USEC_PER_MSEC);
    ck_assert(is_told(&f, ends.client));
    ck_assert_int_eq(ready(&f, ends.client), OUT);
    run(&f, 10 * USEC_PER_SEC);
    while (stack_receive(f.stack, f.now, ends.server, &message) > 0)
        run(&f, USEC_PER_SEC);
    ck_assert_int_eq(stack_unsent(f.stack, ends.client), 0);
    close_stack(&f);
}
END_TEST

START_TEST(each_direction_is_closed_by_itself)
{
    struct fixture f;
    char text[256];

    open_stack(&f);
    struct ends ends = connected(&f);
    ck_assert_int_eq(test_send(f.stack, ends.client, "last", NULL), 4);
    ck_assert_int_eq(shut(&f, ends.client, SHUT_WR), 0);
    ck_assert_int_eq(shut(&f, ends.client, SHUT_WR), 0);
    ck_assert_int_eq(ready(&f, ends.client), OUT);
    ck_assert_int_eq(test_send(f.stack, ends.client, "x", NULL), -EPIPE);
    ck_assert(is_told(&f, ends.server));
    ck_assert_int_eq(ready(&f, ends.server), IN | OUT | RDHUP);
    expect_text(f.stack, ends.server, "last");
    ck_assert_int_eq(test_receive(f.stack, ends.server, text, 0), 0);
    ck_assert_int_eq(test_send(f.stack, ends.server, "reply", NULL), 5);
    settle(&f);
    expect_text(f.stack, ends.client, "reply");
    ck_assert_int_eq(shut(&f, ends.server, SHUT_WR), 0);
    ck_assert_int_eq(ready(&f, ends.client), IN | OUT | RDHUP | POLLHUP);
    ck_assert_int_eq(ready(&f, ends.server), IN | OUT | RDHUP | POLLHUP);
    close_stack(&f);
}
END_TEST

START_TEST(data_outlives_the_connection_that_brought_it)
{
    struct fixture f;
    char text[256];

    open_stack(&f);
    struct ends ends = connected(&f);
    ck_assert_int_eq(test_send(f.stack, ends.client, "testament", NULL), 9);
    ck_assert_int_eq(shut(&f, ends.client, SHUT_WR), 0);
    ck_assert_int_eq(shut(&f, ends.server, SHUT_WR), 0);
    run(&f, 300 * USEC_PER_SEC); /* CLOSED on both sides */
    expect_text(f.stack, ends.server, "testament");
    ck_assert_int_eq(test_receive(f.stack, ends.server, text, 0), 0);
    ck_assert_int_eq(ready(&f, ends.server), IN | OUT | RDHUP | POLLHUP);
    ck_assert_int_eq(connect_to(&f, ends.server, "127.0.0.1", 80), -EISCONN);
    close_stack(&f);
}
END_TEST

START_TEST(a_reset_is_told_once)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    struct endpoint name;
    struct fixture f;
    char text[256];

    open_stack(&f);
    struct ends ends = connected(&f);
    ck_assert_int_eq(stack_set_option(f.stack, 0, ends.server, SOL_SOCKET,
                                      SO_LINGER,
                                      bytes_of(&linger, sizeof(linger))),
                     0);
    close_socket(&f, ends.server);
    ck_assert(is_told(&f, ends.client));
    ck_assert_int_eq(ready(&f, ends.client),
                     IN | OUT | RDHUP | POLLHUP | POLLERR);
    ck_assert_int_eq(test_receive(f.stack, ends.client, text, 0), -ECONNRESET);
    ck_assert_int_eq(ready(&f, ends.client), IN | OUT | RDHUP | POLLHUP);
    ck_assert_int_eq(test_receive(f.stack, ends.client, text, 0), 0);
    ck_assert_int_eq(test_send(f.stack, ends.client, "x", NULL), -EPIPE);
    ck_assert_int_eq(stack_remote(f.stack, ends.client, &name), -ENOTCONN);
    ck_assert_int_eq(shut(&f, ends.client, SHUT_RDWR), -ENOTCONN);
    close_stack(&f);
}
END_TEST

START_TEST(a_listener_that_is_shut_listens_no_longer)
{
    struct fixture f;
    socket_id server;
    socket_id child;

    open_stack(&f);
    server = listener(&f, 80);
    ck_assert_int_eq(shut(&f, server, SHUT_WR), 0);
    ck_assert_int_eq(ready(&f, server), 0);
    ck_assert_int_eq(shut(&f, server, SHUT_RDWR), 0);
    ck_assert(is_told(&f, server));
    ck_assert_int_eq(ready(&f, server), OUT | POLLHUP);
    ck_assert_int_eq(stack_accept(f.stack, 0, server, &child, NULL), -EINVAL);
    ck_assert_int_eq(stack_listen(f.stack, 0, server, 1), 0); /* still bound */
    ck_assert_int_eq(connect_to(&f, stream(&f), "127.0.0.1", 80), -EINPROGRESS);
    ck_assert_int_eq(ready(&f, server), IN);
    close_stack(&f);
}
END_TEST

/* Linux: an error, and done all the same. */
START_TEST(a_stream_without_a_connection_is_shut)
{
    struct fixture f;
    char text[256];
    socket_id id;

    open_stack(&f);
    id = stream(&f);
    ck_assert_int_eq(test_receive(f.stack, id, text, 0), -ENOTCONN);
    ck_assert_int_eq(shut(&f, id, SHUT_RD), -ENOTCONN);
    ck_assert_int_eq(ready(&f, id), IN | OUT | RDHUP | POLLHUP);
    ck_assert_int_eq(test_receive(f.stack, id, text, 0), 0);
    close_stack(&f);
}
END_TEST

START_TEST(a_disconnected_socket_may_connect_again)
{
    struct fixture f;
    char text[256];
    socket_id server;

    open_stack(&f);
    struct ends ends = connected(&f);
    is_told(&f, ends.client);
    ck_assert_int_eq(stack_disconnect(f.stack, f.now, ends.client), 0);
    ck_assert(is_told(&f, ends.client)); /* another thread may wait on it */
    settle(&f);
    ck_assert_int_eq(test_receive(f.stack, ends.server, text, 0), -ECONNRESET);
    ck_assert_int_eq(ready(&f, ends.client), OUT | POLLHUP | POLLERR);
    ck_assert_int_eq(get_int(&f, ends.client, SOL_SOCKET, SO_ERROR),
                     ECONNRESET); /* Linux: our own */
    ck_assert_int_eq(ready(&f, ends.client), OUT | POLLHUP);
    ck_assert_int_eq(connect_to(&f, ends.client, "127.0.0.1", 80),
                     -EINPROGRESS);
    server = accepted(&f, ends.listener);
    ck_assert_int_eq(test_send(f.stack, ends.client, "again", NULL), 5);
    expect_text(f.stack, server, "again");
    close_stack(&f);
}
END_TEST

START_TEST(what_was_sent_before_the_close_arrives)
{
    struct fixture f;
    char text[256];

    open_stack(&f);
    struct ends ends = connected(&f);
    ck_assert_int_eq(test_send(f.stack, ends.client, "bye", NULL), 3);
    ck_assert_int_eq(stack_close(f.stack, f.now, ends.client), 0);
    ck_assert_uint_eq(stack_unfinished(f.stack), 1);
    settle(&f);
    ck_assert_uint_eq(stack_unfinished(f.stack), 0);
    expect_text(f.stack, ends.server, "bye");
    ck_assert_int_eq(test_receive(f.stack, ends.server, text, 0), 0);
    close_stack(&f);
}
END_TEST

START_TEST(a_lingering_close_is_over_when_all_is_acknowledged)
{
    struct fixture f;

    open_stack(&f);
    struct ends ends = connected(&f);
    settle(&f);
    is_told(&f, ends.client);
    struct iovec iov = {.iov_base = "bye", .iov_len = 3};
    struct socket_message message = {.iov = &iov, .iov_count = 1};
    ck_assert_int_eq(stack_send(f.stack, f.now, ends.client, &message), 3);
    ck_assert_int_eq(stack_linger(f.stack, f.now, ends.client), -EAGAIN);
    ck_assert_int_eq(stack_linger(f.stack, f.now, ends.client), -EAGAIN);
    run(&f, USEC_PER_SEC);
    ck_assert(is_told(&f, ends.client)); /* or the host would sleep on */
    ck_assert_int_eq(stack_linger(f.stack, f.now, ends.client), 0);
    close_socket(&f, ends.client);
    expect_text(f.stack, ends.server, "bye");
    close_stack(&f);
}
END_TEST

START_TEST(there_is_nothing_to_linger_for_without_a_connection)
{
    struct fixture f;

    open_stack(&f);
    ck_assert_int_eq(stack_linger(f.stack, 0, stream(&f)), 0);
    ck_assert_int_eq(stack_linger(f.stack, 0, listener(&f, 80)), 0);
    ck_assert_int_eq(stack_linger(f.stack, 0, dgram(&f)), 0);
    close_stack(&f);
}
END_TEST

START_TEST(unread_data_makes_a_close_a_reset)
{
    struct fixture f;
    char text[256];

    open_stack(&f);
    struct ends ends = connected(&f);
    ck_assert_int_eq(test_send(f.stack, ends.client, "unread", NULL), 6);
    settle(&f);
    ck_assert_int_eq(stack_linger(f.stack, f.now, ends.server), 0);
    close_socket(&f, ends.server);
    ck_assert_int_eq(test_receive(f.stack, ends.client, text, 0), -ECONNRESET);
    close_stack(&f);
}
END_TEST

START_TEST(a_connection_that_was_reset_meanwhile_is_accepted)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    struct endpoint name = {0};
    struct fixture f;
    char text[256];
    socket_id server;
    socket_id client;
    socket_id child;

    open_stack(&f);
    server = listener(&f, 80);
    client = stream(&f);
    test_bind(f.stack, client, "127.0.0.1", 1234);
    ck_assert_int_eq(connect_to(&f, client, "127.0.0.1", 80), -EINPROGRESS);
    ck_assert_int_eq(stack_set_option(f.stack, 0, client, SOL_SOCKET, SO_LINGER,
                                      bytes_of(&linger, sizeof(linger))),
                     0);
    close_socket(&f, client);
    ck_assert_int_eq(stack_accept(f.stack, f.now, server, &child, &name), 0);
    ck_assert_uint_eq(name.port, 1234);
    ck_assert_int_eq(ready(&f, child), IN | OUT | RDHUP | POLLHUP | POLLERR);
    ck_assert_int_eq(test_receive(f.stack, child, text, 0), -ECONNRESET);
    close_stack(&f);
}
END_TEST

START_TEST(a_closed_listener_resets_who_waits)
{
    struct fixture f;
    char text[256];
    socket_id server;
    socket_id client;

    open_stack(&f);
    server = listener(&f, 80);
    client = stream(&f);
    ck_assert_int_eq(connect_to(&f, client, "127.0.0.1", 80), -EINPROGRESS);
    ck_assert_int_eq(connect_to(&f, client, "127.0.0.1", 80), 0);
    close_socket(&f, server);
    ck_assert_int_eq(test_receive(f.stack, client, text, 0), -ECONNRESET);
    ck_assert_int_eq(connect_to(&f, stream(&f), "127.0.0.1", 80),
                     -EINPROGRESS); /* and nobody listens any more */
    close_stack(&f);
}
END_TEST

START_TEST(maxseg_has_its_range)
{
    struct fixture f;
    socket_id id;

    open_stack(&f);
    id = stream(&f);
    ck_assert_int_eq(set_int(&f, id, IPPROTO_TCP, TCP_MAXSEG, 87), -EINVAL);
    ck_assert_int_eq(set_int(&f, id, IPPROTO_TCP, TCP_MAXSEG, 1 << 16),
                     -EINVAL);
    ck_assert_int_eq(set_int(&f, id, IPPROTO_TCP, TCP_MAXSEG, 1000), 0);
    ck_assert_int_eq(get_int(&f, id, IPPROTO_TCP, TCP_MAXSEG), 1000);
    close_stack(&f);
}
END_TEST

START_TEST(abort_all_resets_and_closes_everything)
{
    struct fixture f;

    open_stack(&f);
    struct ends ends = connected(&f);
    socket_id id = dgram(&f);
    stack_abort_all(f.stack, f.now);
    settle(&f);
    ck_assert_int_eq(ready(&f, ends.client), POLLNVAL);
    ck_assert_int_eq(ready(&f, ends.listener), POLLNVAL);
    ck_assert_int_eq(ready(&f, id), POLLNVAL);
    ck_assert_uint_eq(f.stack->tcp.connection_count, 0);
    ck_assert_uint_eq(stack_unfinished(f.stack), 0);
    close_stack(&f);
}
END_TEST

/* In the copy of a process that has ended: its connections have ended with it,
 * and the peer heard of that from there. */
static void expect_forgotten(bool at_rest)
{
    struct fixture f;
    uint64_t sent;

    open_stack(&f);
    struct ends ends = connected(&f);
    socket_id id = dgram(&f);
    if (at_rest)
        run(&f, 600 * USEC_PER_SEC);
    ck_assert_uint_eq(f.stack->tcp.resting.entry_count, at_rest ? 2 : 0);
    sent = f.stack->tcp.stats.out_segs;
    stack_forget_connections(f.stack, f.now, ENETDOWN);
    settle(&f);
    ck_assert_int_ne(ready(&f, ends.client) & POLLERR, 0);
    ck_assert_int_eq(get_int(&f, ends.client, SOL_SOCKET, SO_ERROR), ENETDOWN);
    ck_assert_int_eq(get_int(&f, ends.server, SOL_SOCKET, SO_ERROR), ENETDOWN);
    ck_assert_int_eq(ready(&f, ends.listener), 0);
    ck_assert_int_eq(ready(&f, id), OUT);
    ck_assert(!stack_has_connections(f.stack));
    ck_assert_uint_eq(f.stack->tcp.stats.out_segs, sent);
    close_stack(&f);
}

START_TEST(forgotten_connections_fail_and_listeners_stay)
{
    expect_forgotten(false);
    expect_forgotten(true);
}
END_TEST

/* Whatever allocation fails: an error, no crash, and nothing is lost. */
START_TEST(without_memory_calls_fail_and_nothing_is_left)
{
    for (size_t spare = 0; spare < 40000; spare += 200) {
        struct endpoint to = test_endpoint("127.0.0.1", 80);
        struct fixture f;
        socket_id ids[3] = {0};
        char text[256];

        open_stack(&f);
        f.memory.limit = f.memory.used + spare;
        for (unsigned i = 0; i < 3; i++)
            (void)!stack_socket(f.stack, f.now, AF_INET,
                                i < 2 ? SOCK_STREAM : SOCK_DGRAM, 0, &ids[i]);
        (void)!stack_bind(f.stack, f.now, ids[0], &to);
        (void)!stack_listen(f.stack, f.now, ids[0], 1);
        (void)!stack_connect(f.stack, f.now, ids[1], &to);
        run(&f, USEC_PER_SEC);
        (void)!stack_connect(f.stack, f.now, ids[1], &to);
        (void)!stack_accept(f.stack, f.now, ids[0], &ids[0], NULL);
        (void)test_send(f.stack, ids[1], "stream", NULL);
        (void)test_send(f.stack, ids[2], "datagram", &to);
        run(&f, USEC_PER_SEC);
        (void)test_receive(f.stack, ids[0], text, 0);
        (void)!stack_disconnect(f.stack, f.now, ids[1]);
        run(&f, USEC_PER_SEC);
        close_stack(&f);
    }
}
END_TEST

UNIT_MAIN(
    "socket", a_stream_shut_after_a_failure_that_was_not_told_connects_no_more,
    a_connection_that_was_reset_meanwhile_is_accepted,
    a_number_never_means_another_socket,
    numbers_that_nobody_was_given_are_refused,
    there_are_as_many_sockets_as_the_limit_says, only_what_is_there_can_be_made,
    a_socket_tells_what_it_is, flags_are_kept_as_truth,
    buffer_sizes_are_doubled_within_limits, ttl_and_tos_have_their_ranges,
    short_values_are_refused_and_long_ones_read,
    a_get_is_cut_to_the_room_there_is, unknown_options_are_refused,
    timeouts_are_stored_and_told, a_datagram_keeps_its_bounds_and_its_sender,
    a_datagram_that_is_cut_says_so, a_datagram_in_many_pieces_is_sent_whole,
    a_datagram_has_a_largest_size, a_datagram_needs_somewhere_to_go,
    a_connected_datagram_socket_hears_one_peer, to_no_address_is_to_this_host,
    a_refusal_is_told_once, a_datagram_socket_is_shut_by_halves,
    a_change_is_told_once_and_to_nobody_after_the_close,
    an_unbound_socket_has_an_empty_name, an_address_is_bound_by_one,
    a_new_stream_socket_is_hung_up, connect_tells_its_outcome_once,
    connect_is_already_on_its_way, a_refused_socket_may_try_again,
    connect_to_nowhere_fails_at_once,
    a_listener_is_readable_when_somebody_waits,
    listen_binds_a_socket_that_is_not_bound, a_listener_is_not_connected,
    at_the_limit_a_connection_waits_to_be_accepted,
    an_accepted_socket_has_its_listener_s_options,
    bytes_go_both_ways_and_can_be_peeked_at,
    there_is_no_urgent_data_and_no_error_queue, a_sender_waits_for_room,
    a_full_socket_is_told_when_it_can_be_written_to_again,
    each_direction_is_closed_by_itself,
    data_outlives_the_connection_that_brought_it, a_reset_is_told_once,
    a_listener_that_is_shut_listens_no_longer,
    a_stream_without_a_connection_is_shut,
    a_disconnected_socket_may_connect_again,
    what_was_sent_before_the_close_arrives,
    a_lingering_close_is_over_when_all_is_acknowledged,
    there_is_nothing_to_linger_for_without_a_connection,
    unread_data_makes_a_close_a_reset, a_closed_listener_resets_who_waits,
    maxseg_has_its_range, abort_all_resets_and_closes_everything,
    forgotten_connections_fail_and_listeners_stay,
    without_memory_calls_fail_and_nothing_is_left)
