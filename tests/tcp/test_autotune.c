/*
 * Buffers that tune themselves: the window grows with what the program reads
 * in a round trip, the send buffer with cwnd; RFC 7323 2.2 for the scale that
 * all of it needs from the start. At the end two whole stacks fill a path of
 * 1 Gbit/s and 100 ms with no option set.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include "netdev/faults.h"
#include "netdev/wire.h"

/* ---- Receiving ---------------------------------------------------------- */

/* The peer fills the window it knows of, as long as the stack says more. */
static void peer_fills_the_window(struct conversation *c)
{
    while (c->peer->next < c->peer->stack_edge) {
        int64_t room = c->peer->stack_edge - c->peer->next;

        peer_sends(c, .flags = ACK, .len = room < 1000 ? room : 1000,
                   .more = room > 1000);
    }
    conversation_ignore_sent(c);
}

/* What the window is, from the last segment that the stack has sent. */
static int64_t window_of(const struct conversation *c)
{
    return c->peer->stack_edge - c->peer->stack_acked;
}

static void app_reads_all(struct conversation *c)
{
    app_reads(c, (size_t)(c->peer->stack_acked - 1) - c->peer->read);
    conversation_ignore_sent(c);
}

/* A round trip: a window's worth arrives, the program reads it at once. */
static void one_round_trip(struct conversation *c)
{
    advance(c, 100);
    peer_fills_the_window(c);
    app_reads_all(c);
}

START_TEST(the_window_grows_with_what_is_read_in_a_round_trip)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 10000, .receive_buffer_max = 60000,
                      .wscale = 7, .timestamps = true, .rtt_ms = 100);

    one_round_trip(&c); /* nothing is known of the path yet */
    ck_assert_int_eq(window_of(&c), 10000);
    one_round_trip(&c); /* measures it */
    one_round_trip(&c);
    one_round_trip(&c);
    ck_assert_int_ge(window_of(&c), 20000);
    for (int i = 0; i < 4; i++)
        one_round_trip(&c);
    ck_assert_int_eq(window_of(&c), 60000); /* and not beyond the maximum */
    close_conversation(&c);
}
END_TEST

/* Without timestamps: what lies beyond the window that was offered can only
 * have been sent a round trip later. */
START_TEST(the_window_grows_without_timestamps_too)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 10000, .receive_buffer_max = 60000,
                      .wscale = 7, .rtt_ms = 100);

    for (int i = 0; i < 8; i++)
        one_round_trip(&c);
    ck_assert_int_eq(window_of(&c), 60000);
    close_conversation(&c);
}
END_TEST

/* 1,000 bytes in each round trip are no reason for more than 10,000. */
START_TEST(a_slow_program_keeps_its_small_window)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 10000, .receive_buffer_max = 60000,
                      .wscale = 7, .timestamps = true);

    for (int i = 0; i < 20; i++) {
        advance(&c, 100);
        peer_fills_the_window(&c);
        app_reads(&c, 1000);
        conversation_ignore_sent(&c);
    }
    ck_assert_int_le(c.peer->stack_edge, 1 + 20 * 1000 + 10000);
    app_reads_all(&c);
    ck_assert_int_le(window_of(&c), 10000);
    close_conversation(&c);
}
END_TEST

START_TEST(a_buffer_that_the_program_has_set_stays)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 10000, .receive_buffer_max = 60000,
                      .wscale = 7, .timestamps = true);

    app_sets(&c, SOL_SOCKET, SO_RCVBUF, 10000); /* doubled, as in Linux */
    conversation_ignore_sent(&c);
    for (int i = 0; i < 10; i++)
        one_round_trip(&c);
    ck_assert_int_le(window_of(&c), 20000);
    close_conversation(&c);
}
END_TEST

START_TEST(what_a_listener_has_set_holds_for_its_children)
{
    struct conversation c;
    begin_conversation(&c, .receive_buffer = 10000, .receive_buffer_max = 60000,
                       .wscale = 7, .timestamps = true);

    app_listens(&c);
    app_sets(&c, SOL_SOCKET, SO_RCVBUF, 5000);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK, .win = 10000, .wscale = 0);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    for (int i = 0; i < 10; i++)
        one_round_trip(&c);
    ck_assert_int_eq(window_of(&c), 10000);
    close_conversation(&c);
}
END_TEST

START_TEST(without_tuning_the_window_stays)
{
    struct conversation c;
    open_conversation(&c, .receive_buffer = 10000, .receive_buffer_max = 60000,
                      .wscale = 7, .timestamps = true,
                      .no_buffer_tuning = true);

    for (int i = 0; i < 10; i++)
        one_round_trip(&c);
    ck_assert_int_eq(window_of(&c), 10000);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 2.2: the scale can be told only in the SYN, and 2.3: "as needed
 * for the largest" window; 32 MiB take 2^10. */
START_TEST(the_window_scale_is_that_of_the_maximum)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN, .win = 65535, .wscale = 10);
    close_conversation(&c);
}
END_TEST

/* ---- Sending ------------------------------------------------------------ */

/* Slow start: what is in flight doubles, the buffer holds twice as much. */
START_TEST(the_send_buffer_grows_with_cwnd)
{
    struct conversation c;
    open_conversation(&c, .send_buffer = 10000, .send_buffer_max = 100000,
                      .wscale = 7, .window = 1 << 20);
    size_t in_buffer;

    ck_assert_uint_eq(app_tries_to_write(&c, 200000), 10000);
    for (int i = 0; i < 5; i++) {
        advance(&c, 10);
        while (c.peer->acked < c.peer->received) {
            int64_t left = c.peer->received - c.peer->acked;

            peer_sends(&c, .flags = ACK,
                       .ack = c.peer->acked + (left < 2000 ? left : 2000));
        }
        conversation_ignore_sent(&c);
        app_tries_to_write(&c, 200000);
    }
    in_buffer = c.peer->written - (size_t)(c.peer->acked - 1);
    ck_assert_uint_gt(in_buffer, 60000);
    ck_assert_uint_le(in_buffer, 100000);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* Where an ACK is there within a millisecond, the buffer holds enough. */
START_TEST(on_a_short_path_the_send_buffer_stays)
{
    struct conversation c;
    open_conversation(&c, .send_buffer = 10000, .send_buffer_max = 100000,
                      .wscale = 7, .window = 1 << 20, .rtt_us = 200);

    for (int i = 0; i < 10; i++) {
        app_tries_to_write(&c, 200000);
        advance_us(&c, 200);
        peer_sends(&c, .flags = ACK, .ack = c.peer->received);
        conversation_ignore_sent(&c);
    }
    advance_us(&c, 200);
    ck_assert_uint_eq(app_tries_to_write(&c, 200000), 10000);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* A peer that is slow to answer does not make the path longer. */
START_TEST(late_acks_do_not_make_a_path_long)
{
    struct conversation c;
    open_conversation(&c, .send_buffer = 10000, .send_buffer_max = 100000,
                      .wscale = 7, .window = 1 << 20, .rtt_us = 200,
                      .sack = true);

    for (int i = 0; i < 20; i++) {
        app_tries_to_write(&c, 200000);
        advance_us(&c, i < 5 ? 200 : 5000);
        peer_sends(&c, .flags = ACK, .ack = c.peer->received);
        conversation_ignore_sent(&c);
    }
    advance_us(&c, 200);
    ck_assert_uint_eq(app_tries_to_write(&c, 200000), 10000);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

START_TEST(a_send_buffer_that_the_program_has_set_stays)
{
    struct conversation c;
    open_conversation(&c, .send_buffer = 10000, .send_buffer_max = 100000,
                      .wscale = 7, .window = 1 << 20);

    app_sets(&c, SOL_SOCKET, SO_SNDBUF, 5000);
    ck_assert_uint_eq(app_tries_to_write(&c, 200000), 10000);
    for (int i = 0; i < 10; i++) {
        advance(&c, 10);
        peer_sends(&c, .flags = ACK);
        conversation_ignore_sent(&c);
        ck_assert_uint_le(app_tries_to_write(&c, 200000), 10000);
    }
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* ---- Two stacks on a long path ------------------------------------------ */

enum {
    LONG_PORT = 7,
    FRAMES_PER_PASS = 2, /* every second segment is acknowledged */
    CHUNK = 256 * 1024
};

struct host {
    struct memory memory;
    struct stack *stack;
    struct netdev *dev;
    socket_id socket;
    socket_id listener;
    uint64_t moved;
};

struct long_path {
    struct memory memory;
    struct host hosts[2]; /* the first sends */
    usec now;
    uint8_t chunk[CHUNK];
};

static struct endpoint end_at(uint32_t host)
{
    return (struct endpoint){.addr = ip_addr_v4(host), .port = LONG_PORT};
}

static void create_host(struct long_path *path, struct host *host,
                        uint32_t addr)
{
    struct stack_config config = stack_config_default();
    struct iface_config iface = {.name = "test0", .dev = host->dev};
    struct ip_prefix prefix = {ip_addr_v4(addr), IPV4_PREFIX_OFFSET + 24};

    memory_init(&host->memory, (size_t)256 << 20);
    config.memory = &host->memory;
    config.seed = (struct hash_key){addr, 2};
    ck_assert_int_eq(stack_create(&config, path->now, &host->stack), 0);
    ck_assert_int_gt(stack_iface_add(host->stack, path->now, &iface), 0);
    ck_assert_int_eq(stack_addr_add(host->stack, path->now, 2, &prefix), 0);
    ck_assert_int_eq(stack_socket(host->stack, path->now, AF_INET, SOCK_STREAM,
                                  0, &host->socket),
                     0);
}

static void open_long_path(struct long_path *path, usec one_way)
{
    const struct wire_config config = {
        .type = NETDEV_IP, .mtu = 1500, .queue_bytes = 128 << 20};
    const struct faults faults = {.delay = one_way};
    struct netdev *ends[2];
    struct endpoint to = end_at(PEER_ADDR);

    memset(path, 0, sizeof(*path));
    path->now = USEC_PER_SEC;
    memory_init(&path->memory, (size_t)512 << 20);
    ck_assert_int_eq(wire_create(&path->memory, &config, ends), 0);
    path->hosts[0].dev =
        faults_create(&path->memory, ends[0], &faults, (struct hash_key){1, 2});
    path->hosts[1].dev = ends[1];
    ck_assert_ptr_nonnull(path->hosts[0].dev);
    create_host(path, &path->hosts[0], STACK_ADDR);
    create_host(path, &path->hosts[1], PEER_ADDR);

    struct host *receiver = &path->hosts[1];

    receiver->listener = receiver->socket;
    receiver->socket = 0;
    ck_assert_int_eq(
        stack_bind(receiver->stack, path->now, receiver->listener, &to), 0);
    ck_assert_int_eq(
        stack_listen(receiver->stack, path->now, receiver->listener, 1), 0);
    ck_assert_int_eq(stack_connect(path->hosts[0].stack, path->now,
                                   path->hosts[0].socket, &to),
                     -EINPROGRESS);
}

static void close_long_path(struct long_path *path)
{
    for (int i = 0; i < 2; i++) {
        stack_destroy(path->hosts[i].stack);
        ck_assert_uint_eq(path->hosts[i].memory.used, 0);
        netdev_close(path->hosts[i].dev);
    }
    ck_assert_uint_eq(path->memory.used, 0);
}

/* The programs: one writes all it can, the other reads all there is. */
static void write_all(struct long_path *path, struct host *host)
{
    struct iovec iov = {.iov_base = path->chunk, .iov_len = CHUNK};
    struct socket_message message = {.iov = &iov, .iov_count = 1};
    ssize_t done;

    while ((done = stack_send(host->stack, path->now, host->socket, &message)) >
           0)
        host->moved += (uint64_t)done;
}

static void read_all(struct long_path *path, struct host *host)
{
    struct iovec iov = {.iov_base = path->chunk, .iov_len = CHUNK};
    struct socket_message message = {.iov = &iov, .iov_count = 1};
    ssize_t done;

    if (host->socket == 0 &&
        stack_accept(host->stack, path->now, host->listener, &host->socket,
                     NULL) < 0)
        return;
    while ((done = stack_receive(host->stack, path->now, host->socket,
                                 &message)) > 0)
        host->moved += (uint64_t)done;
}

/* A pass of one host; whether it may have more to take in now. */
static bool pass(struct long_path *path, struct host *host)
{
    struct frame frame;
    socket_id id;
    int taken = 0;

    stack_run_timers(host->stack, path->now);
    while (taken < FRAMES_PER_PASS &&
           netdev_receive(host->dev, path->now, &frame) > 0) {
        stack_input(host->stack, path->now, 2, &frame);
        taken++;
    }
    if (host == &path->hosts[0])
        write_all(path, host);
    else
        read_all(path, host);
    stack_flush(host->stack, path->now);
    while (stack_next_ready(host->stack, &id))
        ;
    return taken > 0;
}

static bool both_pass(struct long_path *path)
{
    bool first = pass(path, &path->hosts[0]);
    bool second = pass(path, &path->hosts[1]);

    return first || second;
}

static void run_long_path(struct long_path *path, usec until)
{
    while (path->now < until) {
        usec next = USEC_NEVER;

        while (both_pass(path))
            ;
        for (int i = 0; i < 2; i++) {
            next = usec_min(next, stack_next_deadline(path->hosts[i].stack));
            next = usec_min(next, netdev_deadline(path->hosts[i].dev));
        }
        path->now = usec_max(path->now + 1, usec_min(next, until));
    }
}

/* 1 Gbit/s and 100 ms are 12.5 MB in flight: with no option set the window
 * gets there, and what is read in a round trip follows it. */
START_TEST(a_connection_fills_a_gigabit_and_100_ms)
{
    static struct long_path path;
    const usec rtt = 100 * USEC_PER_MSEC;
    uint64_t before;
    uint64_t in_round_trip = 0;
    int round_trips = 0;

    open_long_path(&path, rtt / 2);
    while (in_round_trip < 12500000 && round_trips < 40) {
        before = path.hosts[1].moved;
        run_long_path(&path, path.now + rtt);
        in_round_trip = path.hosts[1].moved - before;
        round_trips++;
    }
    ck_assert_uint_ge(in_round_trip, 12500000);
    /* Slow start from 10 segments takes ten of them. */
    ck_assert_int_le(round_trips, 25);
    before = path.hosts[1].moved;
    run_long_path(&path, path.now + 2 * rtt);
    ck_assert_uint_ge(path.hosts[1].moved - before, 2 * 12500000);
    close_long_path(&path);
}
END_TEST

/* On a short path more would gain nothing. */
START_TEST(a_local_path_keeps_the_initial_buffer)
{
    static struct long_path path;
    int size = 0;
    size_t len = sizeof(size);

    open_long_path(&path, 100);
    run_long_path(&path, path.now + 20 * USEC_PER_MSEC);
    ck_assert_uint_gt(path.hosts[1].moved, 10 << 20);
    ck_assert_int_eq(stack_get_option(path.hosts[1].stack, path.now,
                                      path.hosts[1].socket, SOL_SOCKET,
                                      SO_RCVBUF, &size, &len),
                     0);
    ck_assert_int_eq(size, 1024 * 1024);
    close_long_path(&path);
}
END_TEST

UNIT_MAIN("tcp autotune", the_window_grows_with_what_is_read_in_a_round_trip,
          the_window_grows_without_timestamps_too,
          a_slow_program_keeps_its_small_window,
          a_buffer_that_the_program_has_set_stays,
          what_a_listener_has_set_holds_for_its_children,
          without_tuning_the_window_stays,
          the_window_scale_is_that_of_the_maximum,
          the_send_buffer_grows_with_cwnd,
          on_a_short_path_the_send_buffer_stays,
          late_acks_do_not_make_a_path_long,
          a_send_buffer_that_the_program_has_set_stays,
          a_connection_fills_a_gigabit_and_100_ms,
          a_local_path_keeps_the_initial_buffer)
