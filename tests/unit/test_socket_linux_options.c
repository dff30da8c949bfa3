/*
 * The options of Linux beyond POSIX, of levels SOL_SOCKET and IPPROTO_IP: what
 * each kind of socket answers. Every line was measured on Linux 6.18, by a
 * process with the capabilities of its network namespace and no others.
 */
#include "unit.h"

#include "socket/socket_kind.h"
#include "stacks.h"

#include <errno.h>
#include <netinet/tcp.h>

struct fixture {
    struct memory memory;
    struct stack *stack;
};

static void open_stack(struct fixture *f)
{
    memory_init(&f->memory, SIZE_MAX);

    struct stack_config config = test_config(&f->memory);

    ck_assert_int_eq(stack_create(&config, 0, &f->stack), 0);
}

static void close_stack(struct fixture *f)
{
    stack_destroy(f->stack);
    ck_assert_uint_eq(f->memory.used, 0);
}

static int set(struct fixture *f, socket_id id, int level, int name, int value)
{
    return stack_set_option(f->stack, 0, id, level, name,
                            bytes_of(&value, sizeof(value)));
}

/* The value, or the error less 1000: no option has such a value. */
static int get(struct fixture *f, socket_id id, int level, int name)
{
    int value = INT32_MIN;
    size_t len = sizeof(value);
    int error = stack_get_option(f->stack, 0, id, level, name, &value, &len);

    return error < 0 ? error - 1000 : value;
}

static socket_id new_socket(struct fixture *f, unsigned kind)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_DGRAM};

    return test_socket(f->stack, types[kind], kind == 2 ? IPPROTO_ICMP : 0);
}

enum {
    STREAM = 1,
    DGRAM = 2,
    PING = 4,
    ALL = 7,
    NONE = 0x7fffffff,
    ZERO = -99
};

/* What happens to a new socket's option when it is set. */
struct expectation {
    unsigned kinds;
    int level;
    int name;
    int first; /* what it is; -1000 and less: an error */
    struct {
        int value;
        int result;
        int then;
    } sets[4]; /* up to one that is all zero; ZERO sets 0 */
};

#define REFUSED(error)                                                         \
    {                                                                          \
        {                                                                      \
            1, -(error), NONE                                                  \
        }                                                                      \
    }
#define TRUTH                                                                  \
    {                                                                          \
        {1, 0, 1}, {-1, 0, 1}, {256, 0, 1},                                    \
        {                                                                      \
            0, 0, 0                                                            \
        }                                                                      \
    }

static const struct expectation expectations[] = {
    {ALL, SOL_SOCKET, SO_DEBUG, 0, {{ZERO, 0, 0}, {1, -EACCES, 0}}},
    {ALL, SOL_SOCKET, SO_DONTROUTE, 0, TRUTH},
    {ALL, SOL_SOCKET, SO_PRIORITY, 0, {{1, 0, 1}, {7, 0, 7}, {-1, 0, -1}}},
    {ALL, SOL_SOCKET, SO_NO_CHECK, 0, TRUTH},
    {DGRAM | PING,
     SOL_SOCKET,
     SO_RCVLOWAT,
     1,
     {{ZERO, 0, 1}, {255, 0, 255}, {-1, 0, INT32_MAX}}},
    {STREAM, SOL_SOCKET, SO_RCVLOWAT, 1, {{ZERO, 0, 1}, {255, 0, 255}}},
    {ALL, SOL_SOCKET, SO_SNDLOWAT, 1, REFUSED(ENOPROTOOPT)},
    {ALL, SOL_SOCKET, SO_PASSCRED, -1000 - EOPNOTSUPP, REFUSED(EOPNOTSUPP)},
    {ALL, SOL_SOCKET, SO_PASSSEC, -1000 - EOPNOTSUPP, REFUSED(EOPNOTSUPP)},
    {ALL, SOL_SOCKET, SO_TIMESTAMP_OLD, 0, TRUTH},
    {ALL, SOL_SOCKET, SO_TIMESTAMPNS_OLD, 0, TRUTH},
    {ALL, SOL_SOCKET, SO_TIMESTAMP_NEW, 0, TRUTH},
    {ALL, SOL_SOCKET, SO_TIMESTAMPNS_NEW, 0, TRUTH},
    {ALL, SOL_SOCKET, SO_PEERGROUPS, -1000 - ENODATA, REFUSED(ENOPROTOOPT)},
    {ALL, SOL_SOCKET, SO_PEERNAME, -1000 - ENOTCONN, REFUSED(ENOPROTOOPT)},
    {ALL, SOL_SOCKET, SO_PEERCRED, 0, REFUSED(ENOPROTOOPT)},
    {ALL, SOL_SOCKET, SO_MARK, 0, {{1, 0, 1}, {-1, 0, -1}}},
    {ALL, SOL_SOCKET, SO_RXQ_OVFL, 0, TRUTH},
    {ALL, SOL_SOCKET, SO_WIFI_STATUS, 0, TRUTH},
    {ALL, SOL_SOCKET, SO_NOFCS, 0, TRUTH},
    {ALL,
     SOL_SOCKET,
     SO_LOCK_FILTER,
     0,
     {{ZERO, 0, 0}, {2, 0, 1}, {ZERO, -EPERM, 1}}},
    {ALL, SOL_SOCKET, SO_SELECT_ERR_QUEUE, 0, TRUTH},
    {ALL, SOL_SOCKET, SO_BUSY_POLL, 0, {{50, 0, 50}, {-1, -EINVAL, 50}}},
    {ALL, SOL_SOCKET, SO_PREFER_BUSY_POLL, 0, {{ZERO, 0, 0}, {1, -EPERM, 0}}},
    {ALL,
     SOL_SOCKET,
     SO_BUSY_POLL_BUDGET,
     -1000 - ENOPROTOOPT,
     {{ZERO, 0, NONE}, {1, -EPERM, NONE}, {-1, -EINVAL, NONE}}},
    {ALL, SOL_SOCKET, SO_INCOMING_CPU, -1, {{ZERO, 0, 0}, {7, 0, 7}}},
    {ALL, SOL_SOCKET, SO_INCOMING_NAPI_ID, 0, REFUSED(ENOPROTOOPT)},
    {ALL, SOL_SOCKET, SO_CNX_ADVICE, -1000 - ENOPROTOOPT, {{1, 0, NONE}}},
    {ALL, SOL_SOCKET, SO_RESERVE_MEM, 0, REFUSED(EOPNOTSUPP)},
    {STREAM,
     SOL_SOCKET,
     SO_TXREHASH,
     1,
     {{ZERO, 0, 0}, {-1, 0, 1}, {2, -EINVAL, 1}}},
    {DGRAM | PING, SOL_SOCKET, SO_TXREHASH, -1000 - EOPNOTSUPP,
     REFUSED(EOPNOTSUPP)},
    {ALL, SOL_SOCKET, SO_RCVMARK, 0, TRUTH},
    {ALL, SOL_SOCKET, SO_NETNS_COOKIE, -1000 - EINVAL, REFUSED(ENOPROTOOPT)},
    {ALL,
     SOL_SOCKET,
     SO_BUF_LOCK,
     0,
     {{3, 0, 3}, {4, -EINVAL, 3}, {-1, -EINVAL, 3}, {ZERO, 0, 0}}},
    {ALL, SOL_SOCKET, 82 /* SO_RCVPRIORITY */, 0, TRUTH},
    {ALL, SOL_SOCKET, SO_SNDBUFFORCE, -1000 - ENOPROTOOPT, REFUSED(EPERM)},
    {ALL, SOL_SOCKET, SO_RCVBUFFORCE, -1000 - ENOPROTOOPT, REFUSED(EPERM)},
    {ALL, SOL_SOCKET, SO_DETACH_FILTER, -1000 - ENOPROTOOPT, REFUSED(ENOENT)},
    {ALL, IPPROTO_IP, IP_HDRINCL, 0, REFUSED(ENOPROTOOPT)},
    {ALL, IPPROTO_IP, IP_NODEFRAG, 0, REFUSED(ENOPROTOOPT)},
    {ALL, IPPROTO_IP, IP_ROUTER_ALERT, 0, REFUSED(EINVAL)},
    {ALL, IPPROTO_IP, IP_RECVOPTS, 0, TRUTH},
    {ALL, IPPROTO_IP, IP_RETOPTS, 0, TRUTH},
    {ALL, IPPROTO_IP, IP_PKTINFO, 0, TRUTH},
    {ALL, IPPROTO_IP, IP_RECVERR, 0, TRUTH},
    {ALL, IPPROTO_IP, IP_RECVTTL, 0, TRUTH},
    {ALL, IPPROTO_IP, IP_RECVTOS, 0, TRUTH},
    {ALL, IPPROTO_IP, IP_PASSSEC, 0, TRUTH},
    {ALL, IPPROTO_IP, IP_FREEBIND, 0, TRUTH},
    {ALL, IPPROTO_IP, IP_TRANSPARENT, 0, TRUTH},
    {ALL, IPPROTO_IP, IP_RECVORIGDSTADDR, 0, TRUTH},
    {ALL, IPPROTO_IP, IP_CHECKSUM, 0, TRUTH},
    {ALL, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 0, TRUTH},
    {DGRAM | PING, IPPROTO_IP, IP_RECVFRAGSIZE, 0, TRUTH},
    {STREAM, IPPROTO_IP, IP_RECVFRAGSIZE, 0, REFUSED(EINVAL)},
    {ALL,
     IPPROTO_IP,
     IP_RECVERR_RFC4884,
     0,
     {{1, 0, 1}, {2, -EINVAL, 1}, {-1, -EINVAL, 1}, {ZERO, 0, 0}}},
    {ALL,
     IPPROTO_IP,
     IP_MTU_DISCOVER,
     IP_PMTUDISC_WANT,
     {{5, 0, 5}, {6, -EINVAL, 5}, {-1, -EINVAL, 5}, {ZERO, 0, 0}}},
    {ALL,
     IPPROTO_IP,
     IP_MINTTL,
     0,
     {{255, 0, 255}, {256, -EINVAL, 255}, {-1, -EINVAL, 255}, {ZERO, 0, 0}}},
    {ALL, IPPROTO_IP, IP_MTU, -1000 - ENOTCONN, REFUSED(ENOPROTOOPT)},
    {ALL,
     IPPROTO_IP,
     51 /* IP_LOCAL_PORT_RANGE */,
     0,
     {{40000 | 50000 << 16, 0, 40000 | 50000 << 16},
      {50000 | 40000 << 16, -EINVAL, NONE},
      {50000, 0, 50000},
      {40000 << 16, 0, 40000 << 16}}},
    {ALL,
     IPPROTO_IP,
     IP_OPTIONS,
     INT32_MIN, /* nothing is stored */
     {{ZERO, 0, NONE}, {256, 0, NONE}, {2, -EINVAL, NONE}}},
};

static void check(struct fixture *f, socket_id id,
                  const struct expectation *expected)
{
    int level = expected->level;
    int name = expected->name;

    ck_assert_msg(get(f, id, level, name) == expected->first,
                  "option %d of level %d is %d", name, level,
                  get(f, id, level, name));
    for (unsigned i = 0; i < ARRAY_LENGTH(expected->sets); i++) {
        int value = expected->sets[i].value;

        if (value == 0)
            break;

        int result = set(f, id, level, name, value == ZERO ? 0 : value);

        ck_assert_msg(result == expected->sets[i].result,
                      "option %d of level %d set to %d: %d", name, level, value,
                      result);
        if (expected->sets[i].then != NONE)
            ck_assert_msg(get(f, id, level, name) == expected->sets[i].then,
                          "option %d of level %d after %d: %d", name, level,
                          value, get(f, id, level, name));
    }
}

START_TEST(each_kind_of_socket_answers_as_linuxs)
{
    struct fixture f;

    open_stack(&f);
    for (unsigned i = 0; i < ARRAY_LENGTH(expectations); i++)
        for (unsigned kind = 0; kind < 3; kind++) {
            socket_id id = new_socket(&f, kind);

            if (expectations[i].kinds & 1u << kind)
                check(&f, id, &expectations[i]);
            ck_assert_int_eq(stack_close(f.stack, 0, id), 0);
        }
    close_stack(&f);
}
END_TEST

START_TEST(a_type_of_service_has_its_priority)
{
    static const struct {
        int tos;
        int priority;
    } of[] = {{0x08, 2}, {0x10, 6}, {0x18, 4}, {0xb8, 4}, {0x20, 0}};
    struct fixture f;

    open_stack(&f);
    socket_id id = new_socket(&f, 1);
    for (unsigned i = 0; i < ARRAY_LENGTH(of); i++) {
        ck_assert_int_eq(set(&f, id, IPPROTO_IP, IP_TOS, of[i].tos), 0);
        ck_assert_int_eq(get(&f, id, SOL_SOCKET, SO_PRIORITY), of[i].priority);
    }
    close_stack(&f);
}
END_TEST

START_TEST(there_is_one_kind_of_time_stamp_at_a_time)
{
    struct fixture f;

    open_stack(&f);
    socket_id id = new_socket(&f, 1);
    ck_assert_int_eq(set(&f, id, SOL_SOCKET, SO_TIMESTAMP_OLD, 1), 0);
    ck_assert_int_eq(set(&f, id, SOL_SOCKET, SO_TIMESTAMPNS_OLD, 1), 0);
    ck_assert_int_eq(get(&f, id, SOL_SOCKET, SO_TIMESTAMP_OLD), 0);
    ck_assert_int_eq(get(&f, id, SOL_SOCKET, SO_TIMESTAMPNS_OLD), 1);
    ck_assert_int_eq(set(&f, id, SOL_SOCKET, SO_TIMESTAMP_OLD, 0), 0);
    ck_assert_int_eq(get(&f, id, SOL_SOCKET, SO_TIMESTAMPNS_OLD), 0);
    close_stack(&f);
}
END_TEST

START_TEST(a_buffer_that_was_given_a_size_is_locked)
{
    struct fixture f;

    open_stack(&f);
    socket_id id = new_socket(&f, 0);
    ck_assert_int_eq(set(&f, id, SOL_SOCKET, SO_RCVBUF, 20000), 0);
    ck_assert_int_eq(get(&f, id, SOL_SOCKET, SO_BUF_LOCK), 2);
    ck_assert_int_eq(set(&f, id, SOL_SOCKET, SO_SNDBUF, 20000), 0);
    ck_assert_int_eq(get(&f, id, SOL_SOCKET, SO_BUF_LOCK), 3);
    close_stack(&f);
}
END_TEST

START_TEST(a_cookie_is_its_sockets_own)
{
    uint64_t cookies[2];
    struct fixture f;
    size_t len = 4;

    open_stack(&f);
    socket_id id = new_socket(&f, 0);
    ck_assert_int_eq(
        stack_get_option(f.stack, 0, id, SOL_SOCKET, SO_COOKIE, cookies, &len),
        -EINVAL);
    for (unsigned i = 0; i < 2; i++) {
        len = sizeof(cookies[i]);
        ck_assert_int_eq(stack_get_option(f.stack, 0, new_socket(&f, i),
                                          SOL_SOCKET, SO_COOKIE, &cookies[i],
                                          &len),
                         0);
        ck_assert_uint_eq(len, 8);
    }
    ck_assert_uint_ne(cookies[0], cookies[1]);
    close_stack(&f);
}
END_TEST

START_TEST(memory_is_told_in_nine_numbers)
{
    uint32_t info[10];
    size_t len = sizeof(info);
    struct fixture f;

    open_stack(&f);
    socket_id id = new_socket(&f, 1);
    ck_assert_int_eq(
        stack_get_option(f.stack, 0, id, SOL_SOCKET, SO_MEMINFO, info, &len),
        0);
    ck_assert_uint_eq(len, 36);
    ck_assert_uint_eq(info[0], 0);
    ck_assert_uint_eq(info[1], 212992);
    ck_assert_uint_eq(info[3], 212992);
    close_stack(&f);
}
END_TEST

/* What getsockopt says of NULL with room for `room` bytes. */
static int get_nowhere(struct fixture *f, socket_id id, int level, int name,
                       size_t room)
{
    return stack_get_option(f->stack, 0, id, level, name, NULL, &room);
}

START_TEST(a_place_is_missed_only_if_there_is_something_to_put_there)
{
    static const struct {
        int level;
        int name;
        int of_none; /* with room for nothing */
        int of_four;
    } expected[] = {
        {SOL_SOCKET, SO_TYPE, 0, -EFAULT},
        {SOL_SOCKET, SO_ATTACH_FILTER /* and SO_GET_FILTER */, 0, 0},
        {SOL_SOCKET, SO_LINGER, 0, -EFAULT},
        {SOL_SOCKET, SO_RCVTIMEO, 0, -EFAULT},
        {SOL_SOCKET, SO_PEERCRED, 0, -EFAULT},
        {SOL_SOCKET, SO_PEERNAME, -ENOTCONN, -ENOTCONN},
        {SOL_SOCKET, SO_MEMINFO, 0, -EFAULT},
        {SOL_SOCKET, SO_COOKIE, -EINVAL, -EINVAL},
        {SOL_SOCKET, SO_BINDTODEVICE, 0, 0},
        {SOL_SOCKET, SO_MAX_PACING_RATE, 0, -EFAULT},
        {SOL_SOCKET, 9999, -ENOPROTOOPT, -ENOPROTOOPT},
        {IPPROTO_IP, IP_TTL, 0, -EFAULT},
        {IPPROTO_IP, IP_MULTICAST_TTL, 0, -EFAULT},
        {IPPROTO_IP, IP_MULTICAST_IF, 0, -EFAULT},
        {IPPROTO_IP, IP_OPTIONS, 0, 0},
        {IPPROTO_TCP, TCP_NODELAY, 0, -EFAULT},
        {IPPROTO_TCP, TCP_INFO, 0, -EFAULT},
        {IPPROTO_TCP, TCP_CONGESTION, 0, -EFAULT},
    };
    struct fixture f;

    open_stack(&f);
    socket_id id = new_socket(&f, 0);
    for (unsigned i = 0; i < ARRAY_LENGTH(expected); i++) {
        int level = expected[i].level;
        int name = expected[i].name;

        ck_assert_msg(
            get_nowhere(&f, id, level, name, 0) == expected[i].of_none &&
                get_nowhere(&f, id, level, name, 4) == expected[i].of_four,
            "option %d of level %d", name, level);
    }
    close_stack(&f);
}
END_TEST

UNIT_MAIN("options of Linux", each_kind_of_socket_answers_as_linuxs,
          a_type_of_service_has_its_priority,
          there_is_one_kind_of_time_stamp_at_a_time,
          a_buffer_that_was_given_a_size_is_locked, a_cookie_is_its_sockets_own,
          memory_is_told_in_nine_numbers,
          a_place_is_missed_only_if_there_is_something_to_put_there)
