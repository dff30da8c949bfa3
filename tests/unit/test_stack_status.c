/*
 * What a stack tells of itself (stack_status.h), above all the listing of
 * connections while they come, go and pass from table to table.
 */
#include "unit.h"

#include "stacks.h"
#include "tcp/tcp_cc.h"

#include <errno.h>
#include <sys/socket.h>

enum { CONNECTIONS = 600, PORT = 7, FIRST_PORT = 10000 };

struct crowd {
    struct pair pair;
    socket_id listener;
    socket_id clients[2 * CONNECTIONS];
    socket_id accepted[2 * CONNECTIONS];
    unsigned count;
};

static void run(struct crowd *crowd, usec time)
{
    pair_run(&crowd->pair, crowd->pair.now + time);
}

static void crowd_open(struct crowd *crowd)
{
    struct stack *server;

    pair_open(&crowd->pair);
    crowd->count = 0;
    server = crowd->pair.stacks[1];
    crowd->listener = test_socket(server, SOCK_STREAM, 0);
    test_bind(server, crowd->listener, "192.0.2.2", PORT);
    ck_assert_int_eq(stack_listen(server, 0, crowd->listener, 2000), 0);
}

/* The next connections, from ports that follow each other, accepted. */
static void connect_more(struct crowd *crowd, unsigned count)
{
    struct endpoint to = test_endpoint("192.0.2.2", PORT);
    struct pair *pair = &crowd->pair;

    for (unsigned i = 0; i < count; i++, crowd->count++) {
        socket_id *client = &crowd->clients[crowd->count];

        *client = test_socket(pair->stacks[0], SOCK_STREAM, 0);
        test_bind(pair->stacks[0], *client, "192.0.2.1",
                  (uint16_t)(FIRST_PORT + crowd->count));
        ck_assert_int_eq(
            stack_connect(pair->stacks[0], pair->now, *client, &to),
            -EINPROGRESS);
        run(crowd, USEC_PER_MSEC);
        ck_assert_int_eq(stack_accept(pair->stacks[1], pair->now,
                                      crowd->listener,
                                      &crowd->accepted[crowd->count], NULL),
                         0);
    }
}

/* Both ends, the client first. */
static void disconnect(struct crowd *crowd, unsigned which)
{
    struct pair *pair = &crowd->pair;

    ck_assert_int_eq(
        stack_close(pair->stacks[0], pair->now, crowd->clients[which]), 0);
    run(crowd, USEC_PER_MSEC);
    ck_assert_int_eq(
        stack_close(pair->stacks[1], pair->now, crowd->accepted[which]), 0);
    run(crowd, USEC_PER_MSEC);
}

/* The next connection of the server's; false: that was all. */
static bool next(struct crowd *crowd, uint64_t *cursor, struct tcp_shown *out)
{
    int r;

    do
        r = stack_next_connection(crowd->pair.stacks[1], cursor, TCP_SHOW_ENDS,
                                  out);
    while (r == 0);
    ck_assert(r == 1 || r == -ENOENT);
    return r == 1;
}

START_TEST(connections_that_stay_are_told_once_while_others_come_and_go)
{
    static struct crowd crowd;
    static unsigned told[2 * CONNECTIONS];
    struct tcp_shown tcp;
    uint64_t cursor = 0;
    unsigned turns = 0;

    crowd_open(&crowd);
    connect_more(&crowd, CONNECTIONS);
    while (next(&crowd, &cursor, &tcp)) {
        told[tcp.remote.port - FIRST_PORT]++;
        turns++;
        if (turns % 8 == 0 && crowd.count < 2 * CONNECTIONS)
            connect_more(&crowd, 5);
        if (turns % 8 == 4 && 2 * (turns / 8) < CONNECTIONS)
            disconnect(&crowd, 2 * (turns / 8)); /* those with even numbers */
    }
    ck_assert_uint_gt(crowd.count, CONNECTIONS + CONNECTIONS / 4);
    for (unsigned i = 0; i < 2 * CONNECTIONS; i++) {
        if (i < CONNECTIONS && i % 2 == 1)
            ck_assert_uint_eq(told[i], 1);
        ck_assert_uint_le(told[i], 1);
    }
    pair_close(&crowd.pair);
}
END_TEST

/* It goes to rest, and wakes, between two looks. */
START_TEST(a_connection_is_told_once_whichever_table_it_passes_to)
{
    static struct crowd crowd;
    static unsigned told[2 * CONNECTIONS];
    struct tcp_shown tcp;
    uint64_t cursor = 0;
    unsigned resting = 0;
    unsigned turns = 0;

    crowd_open(&crowd);
    connect_more(&crowd, 100);
    while (next(&crowd, &cursor, &tcp)) {
        told[tcp.remote.port - FIRST_PORT]++;
        resting += tcp.is_resting;
        if (++turns == 50) {
            run(&crowd, 10 * USEC_PER_SEC); /* all to rest */
            for (unsigned i = 0; i < 100; i += 2)
                ck_assert_int_eq(test_send(crowd.pair.stacks[0],
                                           crowd.clients[i], "awake", NULL),
                                 5);
            run(&crowd, USEC_PER_MSEC);
        }
    }
    ck_assert_uint_gt(resting, 0);
    ck_assert_uint_lt(resting, 50);
    for (unsigned i = 0; i < 100; i++)
        ck_assert_uint_eq(told[i], 1);
    pair_close(&crowd.pair);
}
END_TEST

START_TEST(a_connection_is_told_with_state_queues_and_timer)
{
    static struct crowd crowd;
    struct tcp_shown tcp;
    uint64_t cursor = 0;

    crowd_open(&crowd);
    connect_more(&crowd, 1);
    ck_assert_int_eq(
        test_send(crowd.pair.stacks[0], crowd.clients[0], "hello", NULL), 5);
    run(&crowd, USEC_PER_MSEC);
    ck_assert(next(&crowd, &cursor, &tcp));
    ck_assert_int_eq(tcp.state, TCPS_ESTABLISHED);
    ck_assert_uint_eq(tcp.receive_queue, 5);
    ck_assert_uint_eq(tcp.send_queue, 0);
    ck_assert_int_eq(tcp.timer, TCP_SHOWN_NO_TIMER);
    ck_assert_uint_eq(socket_id_of_owner(tcp.owner), crowd.accepted[0]);
    ck_assert(!next(&crowd, &cursor, &tcp));

    /* Nobody hears the answer: it waits to be acknowledged, and for the
     * retransmission timer. */
    ck_assert_int_eq(
        test_send(crowd.pair.stacks[1], crowd.accepted[0], "you?", NULL), 4);
    cursor = 0;
    ck_assert(next(&crowd, &cursor, &tcp));
    ck_assert_uint_eq(tcp.send_queue, 4);
    ck_assert_int_eq(tcp.timer, TCP_SHOWN_RETRANSMIT);
    ck_assert_int_gt(tcp.timer_left, 0);
    ck_assert_uint_eq(tcp.timer_count, 0);
    pair_close(&crowd.pair);
}
END_TEST

START_TEST(a_connection_at_rest_is_told_with_all_that_it_had)
{
    static struct crowd crowd;
    struct tcp_shown tcp;
    struct stack *server;
    uint64_t cursor = 0;
    int r;

    crowd_open(&crowd);
    server = crowd.pair.stacks[1];
    connect_more(&crowd, 1);
    ck_assert_int_eq(
        test_send(crowd.pair.stacks[0], crowd.clients[0], "hello", NULL), 5);
    run(&crowd, USEC_PER_MSEC);
    expect_text(server, crowd.accepted[0], "hello");
    run(&crowd, 10 * USEC_PER_SEC);
    do
        r = stack_next_connection(server, &cursor, TCP_SHOW_ALL, &tcp);
    while (r == 0);
    ck_assert_int_eq(r, 1);
    ck_assert(tcp.is_resting);
    ck_assert(tcp.has_info);
    ck_assert_uint_eq(tcp.info.counts.bytes_received, 5);
    ck_assert_str_eq(tcp.congestion, "cubic");
    ck_assert_uint_eq(server->tcp.resting.entry_count, 1); /* it rests on */
    pair_close(&crowd.pair);
}
END_TEST

START_TEST(the_end_of_a_connection_is_told_as_time_wait)
{
    static struct crowd crowd;
    struct tcp_shown tcp;
    uint64_t cursor = 0;
    int r;

    crowd_open(&crowd);
    connect_more(&crowd, 1);
    disconnect(&crowd, 0); /* the client's end closes first, and waits */
    do
        r = stack_next_connection(crowd.pair.stacks[0], &cursor, TCP_SHOW_ALL,
                                  &tcp);
    while (r == 0);
    ck_assert_int_eq(r, 1);
    ck_assert_int_eq(tcp.state, TCPS_TIME_WAIT);
    ck_assert_int_eq(tcp.timer, TCP_SHOWN_TIME_WAIT);
    ck_assert_int_gt(tcp.timer_left, 59 * USEC_PER_SEC);
    ck_assert_int_le(tcp.timer_left, 60 * USEC_PER_SEC);
    ck_assert_uint_eq(tcp.remote.port, PORT);
    ck_assert_uint_eq(socket_id_of_owner(tcp.owner), 0);
    pair_close(&crowd.pair);
}
END_TEST

/* The client's stack has not yet seen the SYN,ACK. */
START_TEST(a_half_open_connection_is_told_as_syn_received)
{
    static struct crowd crowd;
    struct endpoint to = test_endpoint("192.0.2.2", PORT);
    struct pair *pair = &crowd.pair;
    struct tcp_shown tcp;
    struct frame frame;
    uint64_t cursor = 0;
    socket_id client;

    crowd_open(&crowd);
    connect_more(&crowd, 1); /* the neighbours know each other */
    client = test_socket(pair->stacks[0], SOCK_STREAM, 0);
    test_bind(pair->stacks[0], client, "192.0.2.1", 9999);
    ck_assert_int_eq(stack_connect(pair->stacks[0], pair->now, client, &to),
                     -EINPROGRESS);
    stack_flush(pair->stacks[0], pair->now);
    while (netdev_receive(pair->ends[1], pair->now, &frame) > 0)
        stack_input(pair->stacks[1], pair->now, STACK_IFACE, &frame);
    do
        ck_assert(next(&crowd, &cursor, &tcp));
    while (tcp.remote.port != 9999);
    ck_assert_int_eq(tcp.state, TCPS_SYN_RECEIVED);
    ck_assert_int_eq(tcp.timer, TCP_SHOWN_RETRANSMIT);
    ck_assert_int_gt(tcp.timer_left, 0);
    ck_assert_uint_eq(socket_id_of_owner(tcp.owner), 0);

    run(&crowd, USEC_PER_MSEC); /* established, but nobody has accepted it */
    cursor = 0;
    do
        ck_assert(next(&crowd, &cursor, &tcp));
    while (tcp.remote.port != 9999);
    ck_assert_int_eq(tcp.state, TCPS_ESTABLISHED);
    ck_assert_uint_eq(socket_id_of_owner(tcp.owner), 0);
    pair_close(&crowd.pair);
}
END_TEST

static unsigned count_sockets(struct stack *stack, struct socket_shown *last)
{
    uint32_t cursor = 0;
    unsigned count = 0;
    int r;

    while ((r = stack_next_socket(stack, &cursor, TCP_SHOW_ALL, last)) >= 0)
        count += (unsigned)r;
    ck_assert_int_eq(r, -ENOENT);
    return count;
}

START_TEST(sockets_without_a_connection_are_told_with_their_queues)
{
    static struct crowd crowd;
    struct endpoint to = test_endpoint("192.0.2.2", 9);
    struct pair *pair = &crowd.pair;
    struct socket_shown shown;
    socket_id udp[2];

    crowd_open(&crowd);
    connect_more(&crowd, 3);
    ck_assert_uint_eq(count_sockets(pair->stacks[1], &shown), 1);
    ck_assert_uint_eq(shown.id, crowd.listener);
    ck_assert_int_eq(shown.type, SOCK_STREAM);
    ck_assert_int_eq(shown.tcp.state, TCPS_LISTEN);
    ck_assert_uint_eq(shown.tcp.send_queue, 2000);
    ck_assert_uint_eq(shown.tcp.receive_queue, 0);

    for (int i = 0; i < 2; i++)
        udp[i] = test_socket(pair->stacks[i], SOCK_DGRAM, 0);
    test_bind(pair->stacks[1], udp[1], "192.0.2.2", 9);
    ck_assert_int_eq(test_send(pair->stacks[0], udp[0], "queued", &to), 6);
    run(&crowd, USEC_PER_MSEC);
    ck_assert_uint_eq(count_sockets(pair->stacks[1], &shown), 2);
    ck_assert_uint_eq(shown.id, udp[1]);
    ck_assert_int_eq(shown.type, SOCK_DGRAM);
    ck_assert_uint_eq(shown.local.port, 9);
    ck_assert_uint_ge(shown.receive_queue, 6);
    pair_close(&crowd.pair);
}
END_TEST

START_TEST(neighbours_routes_and_counters_are_told)
{
    static struct crowd crowd;
    struct stack_neighbour neighbour;
    struct stack_counts counts;
    struct stack_route route;
    uint64_t cursor = 0;
    unsigned routes = 0;
    int r;

    crowd_open(&crowd);
    connect_more(&crowd, 1);
    do
        r = stack_next_neighbour(crowd.pair.stacks[1], &cursor, &neighbour);
    while (r == 0);
    ck_assert_int_eq(r, 1);
    ck_assert_int_eq(neighbour.state, NEIGHBOUR_REACHABLE);
    ck_assert_uint_eq(ip_addr_to_v4(&neighbour.addr), 0xc0000201);
    ck_assert_uint_eq(neighbour.iface, STACK_IFACE);
    ck_assert_int_gt(neighbour.left, 0);

    cursor = 0;
    while ((r = stack_next_route(crowd.pair.stacks[1], &cursor, &route)) >= 0)
        routes += (unsigned)r;
    ck_assert_uint_eq(routes, 2); /* 127/8 and the subnet */

    stack_count(crowd.pair.stacks[1], &counts);
    ck_assert_uint_eq(counts.tcp.passive_opens, 1);
    ck_assert_uint_eq(counts.tcbs, 2);
    ck_assert_uint_eq(counts.sockets, 2);
    pair_close(&crowd.pair);
}
END_TEST

static struct tcp_shown find_connection(struct crowd *crowd, unsigned which)
{
    struct stack *server = crowd->pair.stacks[1];
    struct tcp_shown tcp;
    uint64_t cursor = 0;
    int r;

    do {
        r = stack_next_connection(server, &cursor, TCP_SHOW_ALL, &tcp);
        ck_assert_int_ge(r, 0);
    } while (r == 0 || tcp.remote.port != FIRST_PORT + which);
    return tcp;
}

static uint64_t reno(void)
{
    uint64_t number = 0;

    while (strcmp(tcp_cc_at(number)->name, "reno") != 0)
        number++;
    return number;
}

/* It is packed against what a new one was like when the stack began. */
START_TEST(a_connection_at_rest_is_not_touched_by_a_change_of_settings)
{
    static struct crowd crowd;
    struct stack *server;
    struct tcp_shown tcp;

    crowd_open(&crowd);
    server = crowd.pair.stacks[1];
    connect_more(&crowd, 1);
    run(&crowd, 10 * USEC_PER_SEC);
    tcp = find_connection(&crowd, 0);
    ck_assert(tcp.is_resting);

    ck_assert_int_eq(stack_change(server, 0, STACK_CONGESTION, reno()), 0);
    ck_assert_int_eq(stack_change(server, 0, STACK_BUFFER_MAX, 8192), 0);
    ck_assert_int_eq(stack_change(server, 0, STACK_ECN, TCP_ECN_OFF), 0);
    ck_assert_int_eq(
        test_send(crowd.pair.stacks[0], crowd.clients[0], "hello", NULL), 5);
    run(&crowd, USEC_PER_MSEC);
    expect_text(server, crowd.accepted[0], "hello");
    ck_assert_str_eq(find_connection(&crowd, 0).congestion, "cubic");
    ck_assert_uint_eq(find_connection(&crowd, 0).receive_buffer,
                      tcp.receive_buffer);

    connect_more(&crowd, 1);
    ck_assert_str_eq(find_connection(&crowd, 1).congestion, "reno");
    run(&crowd, 10 * USEC_PER_SEC);
    ck_assert(find_connection(&crowd, 1).is_resting);
    ck_assert_str_eq(find_connection(&crowd, 1).congestion, "reno");
    pair_close(&crowd.pair);
}
END_TEST

START_TEST(settings_that_cannot_be_are_refused)
{
    static struct crowd crowd;
    struct stack *server;

    crowd_open(&crowd);
    server = crowd.pair.stacks[1];
    ck_assert_int_eq(stack_change(server, 0, STACK_CONGESTION, 99), -ENOENT);
    ck_assert_int_eq(stack_change(server, 0, STACK_SETTINGS, 0), -ENOENT);
    ck_assert_int_eq(stack_change(server, 0, STACK_ECN, 3), -EINVAL);
    ck_assert_int_eq(stack_change(server, 0, STACK_BUFFER_MAX, 4095), -EINVAL);
    ck_assert_int_eq(
        stack_change(server, 0, STACK_BUFFER_MAX, UINT64_C(1) << 40), -EINVAL);
    pair_close(&crowd.pair);
}
END_TEST

static unsigned count_neighbours(struct stack *stack)
{
    struct stack_neighbour neighbour;
    uint64_t cursor = 0;
    unsigned count = 0;
    int r;

    while ((r = stack_next_neighbour(stack, &cursor, &neighbour)) >= 0)
        count += (unsigned)r;
    return count;
}

START_TEST(neighbours_and_routes_can_be_taken_away)
{
    static struct crowd crowd;
    struct mac_addr mac = {.octet = {2, 0, 0, 0, 0, 9}};
    struct ip_addr given = test_addr(9);
    struct ip_addr unknown = test_addr(77);
    struct ip_prefix subnet = test_prefix("192.0.2.99/24");
    struct endpoint to = test_endpoint("192.0.2.77", 9);
    struct stack *stack;
    socket_id udp;

    crowd_open(&crowd);
    stack = crowd.pair.stacks[0];
    connect_more(&crowd, 1);
    ck_assert_int_eq(stack_neighbour_add(stack, 0, STACK_IFACE, &given, &mac),
                     0);
    udp = test_socket(stack, SOCK_DGRAM, 0);
    ck_assert_int_eq(test_send(stack, udp, "waits", &to), 5);
    ck_assert_uint_eq(count_neighbours(stack), 3);

    /* What waits is dropped with it, and no memory is left behind. */
    ck_assert_int_eq(stack_neighbour_delete(stack, 0, STACK_IFACE, &unknown),
                     0);
    ck_assert_uint_eq(stack->env.drops[DROP_ARP_NO_ANSWER], 1);
    ck_assert_int_eq(stack_neighbour_delete(stack, 0, STACK_IFACE, &unknown),
                     -ESRCH);
    ck_assert_int_eq(stack_neighbour_delete(stack, 0, 99, &unknown), -ENODEV);
    ck_assert_uint_eq(stack_neighbour_flush(stack, 0), 1);
    ck_assert_uint_eq(count_neighbours(stack), 1); /* that was given */
    ck_assert_int_eq(stack_neighbour_delete(stack, 0, STACK_IFACE, &given), 0);
    ck_assert_uint_eq(count_neighbours(stack), 0);

    ck_assert_int_eq(stack_route_delete(stack, 0, &subnet), 0);
    ck_assert_int_eq(stack_route_delete(stack, 0, &subnet), -ESRCH);
    ck_assert_int_eq(test_send(stack, udp, "lost", &to), -ENETUNREACH);
    pair_close(&crowd.pair);
}
END_TEST

UNIT_MAIN("stack_status",
          connections_that_stay_are_told_once_while_others_come_and_go,
          a_connection_is_told_once_whichever_table_it_passes_to,
          a_connection_is_told_with_state_queues_and_timer,
          a_connection_at_rest_is_told_with_all_that_it_had,
          the_end_of_a_connection_is_told_as_time_wait,
          a_half_open_connection_is_told_as_syn_received,
          sockets_without_a_connection_are_told_with_their_queues,
          neighbours_routes_and_counters_are_told,
          a_connection_at_rest_is_not_touched_by_a_change_of_settings,
          settings_that_cannot_be_are_refused,
          neighbours_and_routes_can_be_taken_away)
