/*
 * The options of level IPPROTO_TCP: ranges, defaults, errors, who inherits
 * them; the counts that ioctl gives; TCP_INFO. Every number that is not of an
 * RFC was measured on Linux 6.18.
 */
#include "unit.h"

#include "socket/socket_kind.h"
#include "stacks.h"

#include <errno.h>
#include <linux/tcp.h> /* struct tcp_info, whole */

struct fixture {
    struct memory memory;
    struct stack *stack;
    usec now;
};

static void open_stack(struct fixture *f)
{
    memory_init(&f->memory, SIZE_MAX);
    f->now = 1000;

    struct stack_config config = test_config(&f->memory);

    ck_assert_int_eq(stack_create(&config, f->now, &f->stack), 0);
}

static void close_stack(struct fixture *f)
{
    stack_destroy(f->stack);
    ck_assert_uint_eq(f->memory.used, 0);
}

/* Everything that follows from what was done, at the same time. */
static void settle(struct fixture *f)
{
    do
        stack_flush(f->stack, f->now);
    while (stack_next_deadline(f->stack) <= f->now);
}

/* Time goes on, and what is due happens. */
static void run(struct fixture *f, usec time)
{
    usec end = f->now + time;
    usec next;

    settle(f);
    while ((next = stack_next_deadline(f->stack)) <= end) {
        f->now = usec_max(f->now, next);
        stack_run_timers(f->stack, f->now);
        settle(f);
    }
    f->now = end;
}

static socket_id stream(struct fixture *f)
{
    return test_socket(f->stack, SOCK_STREAM, 0);
}

/* A connection over the loopback. */
struct ends {
    socket_id listener;
    socket_id client;
    socket_id server;
};

static void listen_on(struct fixture *f, socket_id id, uint16_t port)
{
    test_bind(f->stack, id, "0.0.0.0", port);
    ck_assert_int_eq(stack_listen(f->stack, f->now, id, 5), 0);
}

/* The listener is there, and listens. */
static void connect_ends(struct fixture *f, struct ends *ends)
{
    struct endpoint to = test_endpoint("127.0.0.1", 80);

    ends->client = stream(f);
    ck_assert_int_eq(stack_connect(f->stack, f->now, ends->client, &to),
                     -EINPROGRESS);
    settle(f);
    ck_assert_int_eq(stack_connect(f->stack, f->now, ends->client, &to), 0);
    ck_assert_int_eq(
        stack_accept(f->stack, f->now, ends->listener, &ends->server, NULL), 0);
    settle(f);
}

static struct ends connected(struct fixture *f)
{
    struct ends ends = {.listener = stream(f)};

    listen_on(f, ends.listener, 80);
    connect_ends(f, &ends);
    return ends;
}

static int set_int(struct fixture *f, socket_id id, int name, int value)
{
    return stack_set_option(f->stack, f->now, id, IPPROTO_TCP, name,
                            bytes_of(&value, sizeof(value)));
}

static int get_int(struct fixture *f, socket_id id, int name)
{
    int value = INT32_MIN;
    size_t len = sizeof(value);

    ck_assert_int_eq(
        stack_get_option(f->stack, f->now, id, IPPROTO_TCP, name, &value, &len),
        0);
    ck_assert_uint_eq(len, sizeof(value));
    return value;
}

static struct tcp_info get_info(struct fixture *f, socket_id id)
{
    struct tcp_info info;
    size_t len = sizeof(info);

    ck_assert_int_eq(stack_get_option(f->stack, f->now, id, IPPROTO_TCP,
                                      TCP_INFO, &info, &len),
                     0);
    ck_assert_uint_eq(len, sizeof(info));
    return info;
}

static void send_bytes(struct fixture *f, socket_id id, size_t len)
{
    static uint8_t bytes[100000];
    struct iovec iov = {.iov_base = bytes, .iov_len = len};
    struct socket_message message = {.iov = &iov, .iov_count = 1};

    ck_assert_uint_le(len, sizeof(bytes));
    ck_assert_int_eq(stack_send(f->stack, f->now, id, &message), (ssize_t)len);
}

/* ---- ranges ---- */

enum { REFUSED = INT32_MIN };

/* What is read back after `value` was set. */
struct sample {
    int name;
    int value;
    int read; /* or REFUSED, with EINVAL */
};

static const struct sample samples[] = {
    {TCP_USER_TIMEOUT, -1, REFUSED},
    {TCP_USER_TIMEOUT, 0, 0},
    {TCP_USER_TIMEOUT, 1, 1},
    {TCP_USER_TIMEOUT, INT32_MAX, INT32_MAX},
    {TCP_KEEPIDLE, -1, REFUSED},
    {TCP_KEEPIDLE, 0, REFUSED},
    {TCP_KEEPIDLE, 1, 1},
    {TCP_KEEPIDLE, 32767, 32767},
    {TCP_KEEPIDLE, 32768, REFUSED},
    {TCP_KEEPINTVL, 0, REFUSED},
    {TCP_KEEPINTVL, 1, 1},
    {TCP_KEEPINTVL, 32767, 32767},
    {TCP_KEEPINTVL, 32768, REFUSED},
    {TCP_KEEPCNT, 0, REFUSED},
    {TCP_KEEPCNT, 127, 127},
    {TCP_KEEPCNT, 128, REFUSED},
    {TCP_SYNCNT, 0, REFUSED},
    {TCP_SYNCNT, 127, 127},
    {TCP_SYNCNT, 128, REFUSED},
    {TCP_LINGER2, -2, -1},
    {TCP_LINGER2, 0, 60},
    {TCP_LINGER2, 1, 1},
    {TCP_LINGER2, 120, 120},
    {TCP_LINGER2, 121, 120},
    {TCP_QUICKACK, -2, 1},
    {TCP_QUICKACK, 0, 0},
    {TCP_QUICKACK, 2, 1},
    {TCP_CORK, -1, 1},
    {TCP_CORK, 0, 0},
    {TCP_DEFER_ACCEPT, -2, 0},
    {TCP_DEFER_ACCEPT, 0, 0},
    {TCP_DEFER_ACCEPT, 1, 1},
    {TCP_DEFER_ACCEPT, 2, 3},
    {TCP_DEFER_ACCEPT, 32, 63},
    {TCP_DEFER_ACCEPT, 128, 247},
    {TCP_DEFER_ACCEPT, 1000, 1087},
    {TCP_DEFER_ACCEPT, INT32_MAX, 29887},
    {TCP_NOTSENT_LOWAT, -1, -1},
    {TCP_NOTSENT_LOWAT, 0, 0},
    {TCP_NOTSENT_LOWAT, INT32_MAX, INT32_MAX},
    {TCP_WINDOW_CLAMP, -2, 1152},
    {TCP_WINDOW_CLAMP, 1, 1152},
    {TCP_WINDOW_CLAMP, 2303, 2303},
    {TCP_WINDOW_CLAMP, INT32_MAX, INT32_MAX},
    {TCP_MAXSEG, -1, REFUSED},
    {TCP_MAXSEG, 87, REFUSED},
    {TCP_MAXSEG, 88, 88},
    {TCP_MAXSEG, 32767, 32767},
    {TCP_MAXSEG, 32768, REFUSED},
    {TCP_MAXSEG, 0, 536},
};

START_TEST(each_option_has_linuxs_range)
{
    struct fixture f;

    open_stack(&f);
    socket_id id = stream(&f);
    for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
        const struct sample *sample = &samples[i];
        bool refused = sample->read == REFUSED;
        int before = get_int(&f, id, sample->name);

        ck_assert_int_eq(set_int(&f, id, sample->name, sample->value),
                         refused ? -EINVAL : 0);
        ck_assert_int_eq(get_int(&f, id, sample->name),
                         refused ? before : sample->read);
    }
    close_stack(&f);
}
END_TEST

START_TEST(each_option_has_linuxs_default)
{
    static const int defaults[][2] = {
        {TCP_USER_TIMEOUT, 0},  {TCP_KEEPIDLE, 7200},  {TCP_KEEPINTVL, 75},
        {TCP_KEEPCNT, 9},       {TCP_SYNCNT, 6},       {TCP_LINGER2, 60},
        {TCP_QUICKACK, 1},      {TCP_CORK, 0},         {TCP_DEFER_ACCEPT, 0},
        {TCP_NOTSENT_LOWAT, 0}, {TCP_WINDOW_CLAMP, 0}, {TCP_MAXSEG, 536},
    };
    struct fixture f;

    open_stack(&f);
    socket_id id = stream(&f);
    for (size_t i = 0; i < ARRAY_LENGTH(defaults); i++)
        ck_assert_int_eq(get_int(&f, id, defaults[i][0]), defaults[i][1]);
    close_stack(&f);
}
END_TEST

START_TEST(lengths_are_checked_as_linux_does)
{
    struct fixture f;
    uint8_t bytes[4] = {9, 9, 9, 9};
    size_t len = 2;

    open_stack(&f);
    socket_id id = stream(&f);
    ck_assert_int_eq(stack_set_option(f.stack, 0, id, IPPROTO_TCP, TCP_KEEPIDLE,
                                      bytes_of(bytes, 3)),
                     -EINVAL);
    ck_assert_int_eq(stack_get_option(f.stack, 0, id, IPPROTO_TCP, TCP_KEEPIDLE,
                                      bytes, &len),
                     0);
    ck_assert_uint_eq(len, 2);
    ck_assert_uint_eq(bytes[2], 9);
    ck_assert_int_eq(set_int(&f, id, TCP_INFO, 0), -ENOPROTOOPT);
    ck_assert_int_eq(set_int(&f, id, 199, 0), -ENOPROTOOPT);
    close_stack(&f);
}
END_TEST

/* Only a socket without a connection may give the clamp up. */
START_TEST(a_clamp_stays_once_there_is_a_connection)
{
    struct fixture f;

    open_stack(&f);
    struct ends ends = connected(&f);
    ck_assert_int_eq(set_int(&f, ends.client, TCP_WINDOW_CLAMP, 5000), 0);
    ck_assert_int_eq(set_int(&f, ends.client, TCP_WINDOW_CLAMP, 0), -EINVAL);
    ck_assert_int_eq(get_int(&f, ends.client, TCP_WINDOW_CLAMP), 5000);
    close_stack(&f);
}
END_TEST

START_TEST(other_sockets_have_no_such_option)
{
    struct fixture f;
    int value;
    size_t len = sizeof(value);

    open_stack(&f);
    socket_id id = test_socket(f.stack, SOCK_DGRAM, 0);
    ck_assert_int_eq(set_int(&f, id, TCP_CORK, 1), -ENOPROTOOPT);
    ck_assert_int_eq(
        stack_get_option(f.stack, 0, id, IPPROTO_TCP, TCP_INFO, &value, &len),
        -EOPNOTSUPP);
    ck_assert_int_eq(stack_never_sent(f.stack, id), -ENOTTY);
    ck_assert_int_eq(stack_at_mark(f.stack, id), -ENOTTY);
    close_stack(&f);
}
END_TEST

/* ---- who inherits them ---- */

START_TEST(an_accepted_socket_has_its_listeners_options)
{
    static const int set[][2] = {
        {TCP_KEEPIDLE, 77},       {TCP_KEEPINTVL, 7},        {TCP_KEEPCNT, 5},
        {TCP_USER_TIMEOUT, 9999}, {TCP_LINGER2, 33},         {TCP_SYNCNT, 3},
        {TCP_NOTSENT_LOWAT, 44},  {TCP_WINDOW_CLAMP, 30000}, {TCP_CORK, 1},
    };
    struct fixture f;
    struct ends ends;

    open_stack(&f);
    ends.listener = stream(&f);
    for (size_t i = 0; i < ARRAY_LENGTH(set); i++)
        ck_assert_int_eq(set_int(&f, ends.listener, set[i][0], set[i][1]), 0);
    ck_assert_int_eq(set_int(&f, ends.listener, TCP_QUICKACK, 0), 0);
    listen_on(&f, ends.listener, 80);
    connect_ends(&f, &ends);
    for (size_t i = 0; i < ARRAY_LENGTH(set); i++)
        ck_assert_int_eq(get_int(&f, ends.server, set[i][0]), set[i][1]);
    ck_assert_int_eq(get_int(&f, ends.server, TCP_QUICKACK), 1);
    close_stack(&f);
}
END_TEST

/* ---- SO_MAX_PACING_RATE: 32 bits, or 64 ---- */

static int set_rate(struct fixture *f, socket_id id, uint64_t rate, size_t len)
{
    uint32_t small = (uint32_t)rate;

    return stack_set_option(
        f->stack, f->now, id, SOL_SOCKET, SO_MAX_PACING_RATE,
        len >= sizeof(rate) ? bytes_of(&rate, len) : bytes_of(&small, len));
}

static uint64_t get_rate(struct fixture *f, socket_id id, size_t len)
{
    uint64_t rate = 0;
    uint32_t small = 0;
    void *value = len >= sizeof(rate) ? (void *)&rate : (void *)&small;
    size_t given = len;

    ck_assert_int_eq(stack_get_option(f->stack, f->now, id, SOL_SOCKET,
                                      SO_MAX_PACING_RATE, value, &given),
                     0);
    ck_assert_uint_eq(given, len);
    return len >= sizeof(rate) ? rate : small;
}

START_TEST(a_pacing_rate_has_thirty_two_bits_or_sixty_four)
{
    const uint64_t large = 5000000000;
    struct fixture f;

    open_stack(&f);
    socket_id id = stream(&f);
    ck_assert_uint_eq(get_rate(&f, id, 8), UINT64_MAX); /* none */
    ck_assert_uint_eq(get_rate(&f, id, 4), UINT32_MAX);
    ck_assert_int_eq(set_rate(&f, id, 125000, 4), 0);
    ck_assert_uint_eq(get_rate(&f, id, 8), 125000);
    ck_assert_uint_eq(get_rate(&f, id, 4), 125000);
    ck_assert_int_eq(set_rate(&f, id, large, 8), 0);
    ck_assert_uint_eq(get_rate(&f, id, 8), large);
    ck_assert_uint_eq(get_rate(&f, id, 4), UINT32_MAX); /* cut */
    ck_assert_int_eq(set_rate(&f, id, UINT32_MAX, 4), 0);
    ck_assert_uint_eq(get_rate(&f, id, 8), UINT64_MAX);
    ck_assert_int_eq(set_rate(&f, id, UINT32_MAX, 8), 0);
    ck_assert_uint_eq(get_rate(&f, id, 8), UINT32_MAX); /* a rate, not none */
    ck_assert_int_eq(set_rate(&f, id, UINT64_MAX, 8), 0);
    ck_assert_uint_eq(get_rate(&f, id, 4), UINT32_MAX);
    ck_assert_int_eq(set_rate(&f, id, 1, 3), -EINVAL);
    ck_assert_int_eq(set_rate(&f, id, 0, 4), 0);
    ck_assert_uint_eq(get_rate(&f, id, 4), 1); /* as slow as can be */
    close_stack(&f);
}
END_TEST

START_TEST(an_accepted_socket_has_its_listeners_pacing_rate)
{
    struct fixture f;
    struct ends ends;

    open_stack(&f);
    ends.listener = stream(&f);
    ck_assert_int_eq(set_rate(&f, ends.listener, 125000, 4), 0);
    listen_on(&f, ends.listener, 80);
    connect_ends(&f, &ends);
    ck_assert_uint_eq(get_rate(&f, ends.server, 8), 125000);
    ck_assert_uint_eq(get_info(&f, ends.server).tcpi_max_pacing_rate, 125000);
    ck_assert_uint_eq(get_info(&f, ends.server).tcpi_pacing_rate, 125000);
    ck_assert_uint_eq(get_info(&f, ends.client).tcpi_max_pacing_rate,
                      UINT64_MAX);
    close_stack(&f);
}
END_TEST

START_TEST(options_outlive_a_connection_that_failed)
{
    struct endpoint nobody = test_endpoint("127.0.0.1", 81);
    struct fixture f;

    open_stack(&f);
    socket_id id = stream(&f);
    ck_assert_int_eq(set_int(&f, id, TCP_USER_TIMEOUT, 1234), 0);
    ck_assert_int_eq(set_int(&f, id, TCP_CORK, 1), 0);
    ck_assert_int_eq(stack_connect(f.stack, f.now, id, &nobody), -EINPROGRESS);
    settle(&f);
    ck_assert_int_eq(stack_connect(f.stack, f.now, id, &nobody), -ECONNREFUSED);
    ck_assert_int_eq(get_int(&f, id, TCP_USER_TIMEOUT), 1234);
    ck_assert_int_eq(get_int(&f, id, TCP_CORK), 1);
    close_stack(&f);
}
END_TEST

/* ---- SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK ---- */

START_TEST(the_queues_can_be_asked)
{
    struct fixture f;

    open_stack(&f);
    struct ends ends = connected(&f);
    ck_assert_int_eq(set_int(&f, ends.client, TCP_CORK, 1), 0);
    send_bytes(&f, ends.client, 100);
    settle(&f);
    ck_assert_int_eq(stack_never_sent(f.stack, ends.client), 100);
    ck_assert_int_eq(stack_unsent(f.stack, ends.client), 100);
    ck_assert_int_eq(set_int(&f, ends.client, TCP_CORK, 0), 0);
    settle(&f);
    ck_assert_int_eq(stack_never_sent(f.stack, ends.client), 0);
    ck_assert_int_eq(stack_unread(f.stack, ends.server), 100);
    ck_assert_int_eq(stack_at_mark(f.stack, ends.server), 0);
    close_stack(&f);
}
END_TEST

START_TEST(a_listener_has_no_queues)
{
    struct fixture f;

    open_stack(&f);
    struct ends ends = connected(&f);
    ck_assert_int_eq(stack_unread(f.stack, ends.listener), -EINVAL);
    ck_assert_int_eq(stack_unsent(f.stack, ends.listener), -EINVAL);
    ck_assert_int_eq(stack_never_sent(f.stack, ends.listener), -EINVAL);
    ck_assert_int_eq(stack_at_mark(f.stack, ends.listener), 0);
    close_stack(&f);
}
END_TEST

/* ---- MSG_OOB ---- */

START_TEST(urgent_data_is_of_streams_only)
{
    uint8_t octet = 'x';
    struct iovec iov = {.iov_base = &octet, .iov_len = 1};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .flags = MSG_OOB};
    struct fixture f;

    open_stack(&f);
    socket_id dgram = test_socket(f.stack, SOCK_DGRAM, 0);
    ck_assert_int_eq(stack_send(f.stack, 0, dgram, &message), -EOPNOTSUPP);
    socket_id id = stream(&f);
    ck_assert_int_eq(stack_send(f.stack, 0, id, &message), -EPIPE);
    ck_assert_int_eq(stack_receive(f.stack, 0, id, &message), -EINVAL);
    close_stack(&f);
}
END_TEST

/* From one end to the other; its length may be 0, and it may be peeked at. */
START_TEST(an_urgent_octet_arrives)
{
    uint8_t octet = 'x';
    struct iovec iov = {.iov_base = &octet, .iov_len = 1};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .flags = MSG_OOB};
    struct fixture f;

    open_stack(&f);
    struct ends ends = connected(&f);
    ck_assert_int_eq(stack_send(f.stack, f.now, ends.client, &message), 1);
    settle(&f);
    ck_assert_int_eq(stack_readiness(f.stack, ends.server) & (POLLIN | POLLPRI),
                     POLLPRI);
    octet = 0;
    message.flags = MSG_OOB | MSG_PEEK;
    ck_assert_int_eq(stack_receive(f.stack, f.now, ends.server, &message), 1);
    ck_assert_uint_eq(octet, 'x');
    ck_assert_int_eq(message.flags, MSG_OOB);
    message.iov_count = 0;
    ck_assert_int_eq(stack_receive(f.stack, f.now, ends.server, &message), 0);
    ck_assert_int_eq(message.flags, MSG_OOB | MSG_TRUNC);
    ck_assert_int_eq(stack_readiness(f.stack, ends.server) & (POLLIN | POLLPRI),
                     0);
    close_stack(&f);
}
END_TEST

/* ---- TCP_INFO ---- */

START_TEST(info_is_cut_to_the_room_there_is)
{
    struct fixture f;
    uint8_t bytes[1024];

    open_stack(&f);
    socket_id id = stream(&f);
    for (size_t room = 0; room <= sizeof(bytes); room += 64) {
        size_t len = room;

        memset(bytes, 0xaa, sizeof(bytes));
        ck_assert_int_eq(stack_get_option(f.stack, f.now, id, IPPROTO_TCP,
                                          TCP_INFO, bytes, &len),
                         0);
        ck_assert_uint_eq(len, min_size(room, sizeof(struct tcp_info)));
        ck_assert_uint_eq(bytes[len], 0xaa);
        if (room > 0)
            ck_assert_uint_eq(bytes[0], 7); /* TCP_CLOSE */
    }
    close_stack(&f);
}
END_TEST

START_TEST(info_tells_what_has_been_sent_and_received)
{
    struct fixture f;
    struct tcp_info info;

    open_stack(&f);
    struct ends ends = connected(&f);
    send_bytes(&f, ends.client, 100000);
    run(&f, 100 * USEC_PER_MSEC);

    info = get_info(&f, ends.client);
    ck_assert_uint_eq(info.tcpi_state, 1);
    ck_assert_uint_eq(info.tcpi_ca_state, TCP_CA_Open);
    ck_assert_uint_eq(info.tcpi_options & TCPI_OPT_TIMESTAMPS,
                      TCPI_OPT_TIMESTAMPS);
    ck_assert_uint_eq(info.tcpi_options & TCPI_OPT_WSCALE, TCPI_OPT_WSCALE);
    ck_assert_uint_eq(info.tcpi_snd_wscale, info.tcpi_rcv_wscale);
    ck_assert_uint_eq(info.tcpi_bytes_sent, 100000);
    ck_assert_uint_eq(info.tcpi_bytes_acked, 100000);
    ck_assert_uint_eq(info.tcpi_bytes_retrans, 0);
    ck_assert_uint_eq(info.tcpi_total_retrans, 0);
    ck_assert_uint_eq(info.tcpi_unacked, 0);
    ck_assert_uint_eq(info.tcpi_notsent_bytes, 0);
    ck_assert_uint_ge(info.tcpi_segs_out, info.tcpi_data_segs_out + 2);
    ck_assert_uint_ge(info.tcpi_data_segs_out, 100000 / info.tcpi_snd_mss);
    ck_assert_uint_eq(info.tcpi_data_segs_in, 0);
    ck_assert_uint_ge(info.tcpi_snd_cwnd, 2); /* of 64 KiB */
    ck_assert_uint_eq(info.tcpi_snd_ssthresh, INT32_MAX);
    ck_assert_uint_gt(info.tcpi_rto, 0);
    ck_assert_uint_eq(info.tcpi_last_data_sent, 100);

    info = get_info(&f, ends.server);
    ck_assert_uint_eq(info.tcpi_bytes_received, 100000);
    ck_assert_uint_eq(info.tcpi_bytes_sent, 0);
    ck_assert_uint_gt(info.tcpi_data_segs_in, 0);
    ck_assert_uint_eq(info.tcpi_last_data_recv, 100);
    close_stack(&f);
}
END_TEST

/* A listener's queue, where the kernel's tools look for it. */
START_TEST(info_tells_a_listeners_queue)
{
    struct fixture f;
    struct endpoint to = test_endpoint("127.0.0.1", 80);
    struct tcp_info info;

    open_stack(&f);
    socket_id id = stream(&f);
    listen_on(&f, id, 80);
    ck_assert_int_eq(stack_connect(f.stack, f.now, stream(&f), &to),
                     -EINPROGRESS);
    settle(&f);
    info = get_info(&f, id);
    ck_assert_uint_eq(info.tcpi_state, 10);
    ck_assert_uint_eq(info.tcpi_unacked, 1);
    ck_assert_uint_eq(info.tcpi_sacked, 5);
    close_stack(&f);
}
END_TEST

/* The receiver does not read: the time is the window's. */
START_TEST(info_tells_what_the_time_was_lost_for)
{
    struct fixture f;
    struct tcp_info info;
    int small = 2048;

    open_stack(&f);
    struct ends ends = {.listener = stream(&f)};
    ck_assert_int_eq(stack_set_option(f.stack, f.now, ends.listener, SOL_SOCKET,
                                      SO_RCVBUF,
                                      bytes_of(&small, sizeof(small))),
                     0);
    listen_on(&f, ends.listener, 80);
    connect_ends(&f, &ends);
    send_bytes(&f, ends.client, 10000);
    run(&f, 500 * USEC_PER_MSEC);
    info = get_info(&f, ends.client);
    ck_assert_uint_ge(info.tcpi_rwnd_limited, 490000);
    ck_assert_uint_ge(info.tcpi_busy_time, info.tcpi_rwnd_limited);
    ck_assert_uint_eq(info.tcpi_sndbuf_limited, 0);
    ck_assert_uint_gt(info.tcpi_notsent_bytes, 0);
    close_stack(&f);
}
END_TEST

UNIT_MAIN("socket options", each_option_has_linuxs_range,
          each_option_has_linuxs_default, lengths_are_checked_as_linux_does,
          a_clamp_stays_once_there_is_a_connection,
          other_sockets_have_no_such_option,
          an_accepted_socket_has_its_listeners_options,
          a_pacing_rate_has_thirty_two_bits_or_sixty_four,
          an_accepted_socket_has_its_listeners_pacing_rate,
          options_outlive_a_connection_that_failed, the_queues_can_be_asked,
          a_listener_has_no_queues, urgent_data_is_of_streams_only,
          an_urgent_octet_arrives, info_is_cut_to_the_room_there_is,
          info_tells_what_has_been_sent_and_received,
          info_tells_a_listeners_queue, info_tells_what_the_time_was_lost_for)
