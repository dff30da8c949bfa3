/*
 * SO_ATTACH_FILTER and its kin on datagrams, echoes and streams: what a filter
 * sees, and what it leaves. Every line was measured on Linux 6.18.
 */
#include "unit.h"

#include "stacks.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int set_filter(struct station *s, socket_id id,
                      const struct sock_filter *code, size_t count)
{
    return stack_set_option(s->stack, s->now, id, SOL_SOCKET, SO_ATTACH_FILTER,
                            bytes_of(code, count * sizeof(*code)));
}

static int set_int(struct station *s, socket_id id, int name, int value)
{
    return stack_set_option(s->stack, s->now, id, SOL_SOCKET, name,
                            bytes_of(&value, sizeof(value)));
}

/* Each packet is cut to so many bytes; of 0 none is left. */
static void want(struct station *s, socket_id id, uint32_t len)
{
    const struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, len)};

    ck_assert_int_eq(set_filter(s, id, code, 1), 0);
}

/* Only where a load finds the value. */
static void want_if(struct station *s, socket_id id, uint16_t load, uint32_t at,
                    uint32_t value)
{
    const struct sock_filter code[] = {
        BPF_STMT(load, at),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 100),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };

    ck_assert_int_eq(set_filter(s, id, code, ARRAY_LENGTH(code)), 0);
}

/* What is left of the peer's datagram; NULL: nothing. */
static void expect_left(struct station *s, socket_id id, const char *left)
{
    uint8_t frame[128];
    char got[256];
    ssize_t len;

    station_input(s, frame, peer_udp(frame, 77, 700, "0123456789"));
    len = test_receive(s->stack, id, got, 0);
    ck_assert_int_eq(len, left == NULL ? -EAGAIN : (int)strlen(left));
    if (left != NULL)
        ck_assert_str_eq(got, left);
}

static socket_id open_dgram(struct station *s)
{
    socket_id id;

    station_open(s);
    id = test_socket(s->stack, SOCK_DGRAM, 0);
    test_bind(s->stack, id, "0.0.0.0", 700);
    return id;
}

/* ---- Datagrams ----------------------------------------------------------- */

START_TEST(a_datagram_is_cut_and_keeps_its_header)
{
    struct station s;
    socket_id id = open_dgram(&s);

    want(&s, id, UINT32_MAX);
    expect_left(&s, id, "0123456789");
    want(&s, id, 10);
    expect_left(&s, id, "01");
    want(&s, id, 8);
    expect_left(&s, id, "");
    want(&s, id, 4);
    expect_left(&s, id, "");
    want(&s, id, 0);
    expect_left(&s, id, NULL);
    ck_assert_int_eq(set_int(&s, id, SO_DETACH_FILTER, 0), 0);
    expect_left(&s, id, "0123456789");
    station_close(&s);
}
END_TEST

START_TEST(a_filter_sees_the_header_and_by_an_offset_that_of_ip)
{
    static const struct {
        uint16_t load;
        uint32_t at;
        uint32_t value;
    } loads[] = {
        {BPF_LD | BPF_H | BPF_ABS, 0, 77},
        {BPF_LD | BPF_B | BPF_ABS, 8, '0'},
        {BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF + 9, IPPROTO_UDP},
        {BPF_LD | BPF_W | BPF_LEN, 0, 18},
        {BPF_LD | BPF_H | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_PROTOCOL,
         0x0800},
        {BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_IFINDEX,
         STACK_IFACE},
        {BPF_LD | BPF_H | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_HATYPE, 1},
    };
    struct station s;
    socket_id id = open_dgram(&s);

    for (size_t i = 0; i < ARRAY_LENGTH(loads); i++) {
        want_if(&s, id, loads[i].load, loads[i].at, loads[i].value);
        expect_left(&s, id, "0123456789");
        want_if(&s, id, loads[i].load, loads[i].at, loads[i].value + 1);
        expect_left(&s, id, NULL);
    }
    station_close(&s);
}
END_TEST

START_TEST(an_echo_is_filtered_from_its_header_on)
{
    struct station s;
    socket_id id;
    struct endpoint to = test_endpoint("127.0.0.1", 0);
    struct iovec iov = {.iov_base = "\10\0\0\0\0\0\0\1data", .iov_len = 12};
    struct socket_message message = {.iov = &iov, .iov_count = 1, .name = &to};
    char got[256];

    station_open(&s);
    id = test_socket(s.stack, SOCK_DGRAM, IPPROTO_ICMP);
    want(&s, id, 9);
    ck_assert_int_eq(stack_send(s.stack, s.now, id, &message), 12);
    station_run(&s, s.now + 1000);
    ck_assert_int_eq(test_receive(s.stack, id, got, 0), 9);
    want_if(&s, id, BPF_LD | BPF_B | BPF_ABS, 0, 8); /* it is a reply: 0 */
    ck_assert_int_eq(stack_send(s.stack, s.now, id, &message), 12);
    station_run(&s, s.now + 1000);
    ck_assert_int_eq(test_receive(s.stack, id, got, 0), -EAGAIN);
    station_close(&s);
}
END_TEST

/* ---- Streams ------------------------------------------------------------- */

struct ends {
    socket_id listener;
    socket_id client;
    socket_id server;
};

static void pass(struct station *s)
{
    station_run(s, s->now + 1000);
}

static void begin_stream(struct station *s, struct ends *ends)
{
    station_open(s);
    ends->listener = test_socket(s->stack, SOCK_STREAM, 0);
    ends->client = test_socket(s->stack, SOCK_STREAM, 0);
    test_bind(s->stack, ends->listener, "127.0.0.1", 80);
    ck_assert_int_eq(stack_listen(s->stack, s->now, ends->listener, 1), 0);
}

static void connects(struct station *s, const struct ends *ends)
{
    struct endpoint to = test_endpoint("127.0.0.1", 80);

    ck_assert_int_eq(stack_connect(s->stack, s->now, ends->client, &to),
                     -EINPROGRESS);
    pass(s);
}

static int accepts(struct station *s, struct ends *ends)
{
    struct endpoint from;

    return stack_accept(s->stack, s->now, ends->listener, &ends->server, &from);
}

static void client_writes(struct station *s, const struct ends *ends,
                          const char *text)
{
    ck_assert_int_eq(test_send(s->stack, ends->client, text, NULL),
                     (int)strlen(text));
    pass(s);
}

START_TEST(a_listeners_filter_sees_syns)
{
    struct station s;
    struct ends ends;

    begin_stream(&s, &ends);
    want(&s, ends.listener, 0);
    connects(&s, &ends);
    ck_assert_int_eq(accepts(&s, &ends), -EAGAIN);
    want(&s, ends.listener, UINT32_MAX);
    station_run(&s, s.now + 1500000); /* the SYN comes again */
    ck_assert_int_eq(accepts(&s, &ends), 0);
    station_close(&s);
}
END_TEST

START_TEST(a_child_has_a_filter_of_its_own_like_its_listeners)
{
    struct station s;
    struct ends ends;
    struct sock_filter code;
    size_t count = 1;

    begin_stream(&s, &ends);
    want(&s, ends.listener, 12345);
    connects(&s, &ends);
    ck_assert_int_eq(accepts(&s, &ends), 0);
    ck_assert_int_eq(set_int(&s, ends.listener, SO_DETACH_FILTER, 0), 0);
    ck_assert_int_eq(stack_get_option(s.stack, s.now, ends.server, SOL_SOCKET,
                                      SO_GET_FILTER, &code, &count),
                     0);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(code.k, 12345);
    client_writes(&s, &ends, "text");
    expect_text(s.stack, ends.server, "text");
    station_close(&s);
}
END_TEST

/* What it does not want is as lost, and comes again. */
START_TEST(a_segment_is_cut_or_lost)
{
    struct station s;
    struct ends ends;
    char got[256];

    begin_stream(&s, &ends);
    connects(&s, &ends);
    ck_assert_int_eq(accepts(&s, &ends), 0);
    want(&s, ends.server, 34); /* a header of 32, with timestamps */
    client_writes(&s, &ends, "abcdef");
    expect_text(s.stack, ends.server, "ab");
    want(&s, ends.server, 0);
    station_run(&s, s.now + 1000000);
    ck_assert_int_eq(test_receive(s.stack, ends.server, got, 0), -EAGAIN);
    ck_assert_int_eq(set_int(&s, ends.server, SO_DETACH_FILTER, 0), 0);
    station_run(&s, s.now + 2000000);
    expect_text(s.stack, ends.server, "cdef");
    station_close(&s);
}
END_TEST

/* The socket ends, and with it the filter; its connection goes on. */
START_TEST(what_a_socket_leaves_behind_is_not_filtered)
{
    struct station s;
    struct ends ends;

    begin_stream(&s, &ends);
    connects(&s, &ends);
    ck_assert_int_eq(accepts(&s, &ends), 0);
    want(&s, ends.client, 0);
    ck_assert_int_eq(stack_close(s.stack, s.now, ends.client), 0);
    station_run(&s, s.now + 1000000);
    expect_text(s.stack, ends.server, "");
    ck_assert_int_eq(stack_close(s.stack, s.now, ends.server), 0);
    station_run(&s, s.now + 1000000);
    ck_assert_uint_eq(stack_unfinished(s.stack), 0);
    station_close(&s);
}
END_TEST

/* ---- The options ----------------------------------------------------------
 */

static const int types[][2] = {{SOCK_STREAM, 0},
                               {SOCK_DGRAM, 0},
                               {SOCK_DGRAM, IPPROTO_ICMP},
                               {SOCK_RAW, IPPROTO_ICMP}};

static int get_filter(struct station *s, socket_id id, void *value,
                      size_t *count)
{
    return stack_get_option(s->stack, s->now, id, SOL_SOCKET, SO_GET_FILTER,
                            value, count);
}

START_TEST(a_filter_is_read_back_by_instructions)
{
    const struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0),
                                       BPF_STMT(BPF_RET | BPF_K, 4)};

    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        struct sock_filter got[3] = {{0}};
        struct station s;
        size_t count = 3;
        socket_id id;

        station_open(&s);
        id = test_socket(s.stack, types[i][0], types[i][1]);
        ck_assert_int_eq(get_filter(&s, id, got, &count), 0);
        ck_assert_uint_eq(count, 0);
        ck_assert_int_eq(set_filter(&s, id, code, 2), 0);
        ck_assert_int_eq(get_filter(&s, id, NULL, &count), 0);
        ck_assert_uint_eq(count, 2);
        count = 1;
        ck_assert_int_eq(get_filter(&s, id, got, &count), -EINVAL);
        count = 3;
        ck_assert_int_eq(get_filter(&s, id, got, &count), 0);
        ck_assert_uint_eq(count, 2);
        ck_assert_mem_eq(got, code, sizeof(code));
        station_close(&s);
    }
}
END_TEST

START_TEST(a_locked_filter_stays)
{
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        const struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 4);
        struct station s;
        socket_id id;

        station_open(&s);
        id = test_socket(s.stack, types[i][0], types[i][1]);
        ck_assert_int_eq(set_int(&s, id, SO_DETACH_FILTER, 0), -ENOENT);
        ck_assert_int_eq(set_filter(&s, id, &code, 0), -EINVAL);
        ck_assert_int_eq(set_filter(&s, id, &code, 1), 0);
        ck_assert_int_eq(set_int(&s, id, SO_LOCK_FILTER, 1), 0);
        ck_assert_int_eq(set_filter(&s, id, &code, 1), -EPERM);
        ck_assert_int_eq(set_filter(&s, id, &code, 0), -EPERM);
        ck_assert_int_eq(set_int(&s, id, SO_DETACH_FILTER, 0), -EPERM);
        ck_assert_int_eq(set_int(&s, id, SO_LOCK_FILTER, 0), -EPERM);
        ck_assert_int_eq(set_int(&s, id, SO_LOCK_FILTER, 1), 0);
        station_close(&s);
    }
}
END_TEST

UNIT_MAIN("socket filters", a_datagram_is_cut_and_keeps_its_header,
          a_filter_sees_the_header_and_by_an_offset_that_of_ip,
          an_echo_is_filtered_from_its_header_on, a_listeners_filter_sees_syns,
          a_child_has_a_filter_of_its_own_like_its_listeners,
          a_segment_is_cut_or_lost, what_a_socket_leaves_behind_is_not_filtered,
          a_filter_is_read_back_by_instructions, a_locked_filter_stays)
