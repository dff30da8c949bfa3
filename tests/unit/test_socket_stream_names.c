/*
 * Where a stream is bound and by which path it connects: IP_FREEBIND,
 * IP_LOCAL_PORT_RANGE, IP_BIND_ADDRESS_NO_PORT, SO_DONTROUTE, IP_MTU. All was
 * measured on Linux 6.18.
 */
#include "unit.h"

#include "socket/socket_kind.h"
#include "stacks.h"

#include <errno.h>

enum { LOCAL_PORT_RANGE = 51, FIRST = 40201, LAST = 40202 };

static int set(struct station *s, socket_id id, int level, int name, int value)
{
    return stack_set_option(s->stack, s->now, id, level, name,
                            bytes_of(&value, sizeof(value)));
}

static socket_id stream_with(struct station *s, int level, int name, int value)
{
    socket_id id = test_socket(s->stack, SOCK_STREAM, 0);

    ck_assert_int_eq(set(s, id, level, name, value), 0);
    return id;
}

static int bind_to(struct station *s, socket_id id, const char *addr,
                   uint16_t port)
{
    struct endpoint local = test_endpoint(addr, port);

    return stack_bind(s->stack, s->now, id, &local);
}

static int connect_to(struct station *s, socket_id id, const char *addr)
{
    struct endpoint remote = test_endpoint(addr, 80);

    return stack_connect(s->stack, s->now, id, &remote);
}

static struct endpoint name_of(struct station *s, socket_id id)
{
    struct endpoint name;

    ck_assert_int_eq(stack_local(s->stack, id, &name), 0);
    return name;
}

static void expect_addr(struct station *s, socket_id id, const char *addr)
{
    struct endpoint expected = test_endpoint(addr, 0);
    struct endpoint name = name_of(s, id);

    ck_assert(ip_addr_equal(&name.addr, &expected.addr));
}

START_TEST(a_free_bind_is_to_any_address_and_connects_from_none)
{
    struct station s;

    station_open(&s);
    socket_id plain = test_socket(s.stack, SOCK_STREAM, 0);
    socket_id listener = stream_with(&s, IPPROTO_IP, IP_FREEBIND, 1);
    socket_id client = stream_with(&s, IPPROTO_IP, IP_FREEBIND, 1);
    ck_assert_int_eq(bind_to(&s, plain, "198.51.100.1", 0), -EADDRNOTAVAIL);
    ck_assert_int_eq(bind_to(&s, listener, "198.51.100.1", 7300), 0);
    ck_assert_int_eq(stack_listen(s.stack, s.now, listener, 1), 0);
    ck_assert_int_eq(bind_to(&s, client, "198.51.100.1", 0), 0);
    ck_assert_int_eq(connect_to(&s, client, "192.0.2.1"), -ENETUNREACH);
    station_close(&s);
}
END_TEST

START_TEST(a_range_of_ports_is_used_up)
{
    struct station s;
    int range = (int)((uint32_t)LAST << 16 | FIRST);
    socket_id ids[3];

    station_open(&s);
    for (unsigned i = 0; i < 3; i++)
        ids[i] = stream_with(&s, IPPROTO_IP, LOCAL_PORT_RANGE, range);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(bind_to(&s, ids[i], "127.0.0.1", 0), 0);
        ck_assert_int_ge(name_of(&s, ids[i]).port, FIRST);
        ck_assert_int_le(name_of(&s, ids[i]).port, LAST);
    }
    ck_assert_int_eq(bind_to(&s, ids[2], "127.0.0.1", 0), -EADDRINUSE);
    ck_assert_int_eq(connect_to(&s, ids[2], "127.0.0.1"), -EADDRNOTAVAIL);
    station_close(&s);
}
END_TEST

START_TEST(a_bind_without_a_port_may_be_done_again)
{
    struct station s;

    station_open(&s);
    socket_id id = stream_with(&s, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    ck_assert_int_eq(bind_to(&s, id, "127.0.0.2", 0), 0);
    ck_assert_uint_eq(name_of(&s, id).port, 0);
    ck_assert_int_eq(bind_to(&s, id, "127.0.0.3", 0), 0);
    expect_addr(&s, id, "127.0.0.3");
    ck_assert_int_eq(bind_to(&s, id, "127.0.0.3", 7801), 0);
    ck_assert_int_eq(bind_to(&s, id, "127.0.0.3", 7802), -EINVAL);
    station_close(&s);
}
END_TEST

START_TEST(a_bind_without_a_port_gets_it_later)
{
    struct station s;

    station_open(&s);
    socket_id client = stream_with(&s, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    socket_id server = stream_with(&s, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    ck_assert_int_eq(bind_to(&s, client, "127.0.0.2", 0), 0);
    ck_assert_int_eq(connect_to(&s, client, "127.0.0.1"), -EINPROGRESS);
    ck_assert_uint_ne(name_of(&s, client).port, 0);
    expect_addr(&s, client, "127.0.0.2");
    ck_assert_int_eq(bind_to(&s, server, "127.0.0.2", 0), 0);
    ck_assert_int_eq(stack_listen(s.stack, s.now, server, 1), 0);
    ck_assert_uint_ne(name_of(&s, server).port, 0);
    expect_addr(&s, server, "127.0.0.2");
    station_close(&s);
}
END_TEST

START_TEST(without_a_route_only_neighbours_are_connected_to)
{
    struct station s;
    struct ip_prefix everything = test_prefix("0.0.0.0/0");
    struct ip_addr gateway = test_addr(1);

    station_open(&s);
    ck_assert_int_eq(
        stack_route_add(s.stack, s.now, &everything, &gateway, STACK_IFACE), 0);
    socket_id far = stream_with(&s, SOL_SOCKET, SO_DONTROUTE, 1);
    socket_id near = stream_with(&s, SOL_SOCKET, SO_DONTROUTE, 1);
    socket_id routed = test_socket(s.stack, SOCK_STREAM, 0);
    ck_assert_int_eq(connect_to(&s, far, "198.51.100.9"), -ENETUNREACH);
    ck_assert_int_eq(connect_to(&s, near, "192.0.2.99"), -EINPROGRESS);
    ck_assert_int_eq(connect_to(&s, routed, "198.51.100.9"), -EINPROGRESS);
    station_close(&s);
}
END_TEST

START_TEST(the_mtu_is_known_once_it_connects)
{
    struct station s;
    int mtu = 0;
    size_t len = sizeof(mtu);

    station_open(&s);
    socket_id id = test_socket(s.stack, SOCK_STREAM, 0);
    ck_assert_int_eq(
        stack_get_option(s.stack, s.now, id, IPPROTO_IP, IP_MTU, &mtu, &len),
        -ENOTCONN);
    ck_assert_int_eq(connect_to(&s, id, "192.0.2.1"), -EINPROGRESS);
    ck_assert_int_eq(
        stack_get_option(s.stack, s.now, id, IPPROTO_IP, IP_MTU, &mtu, &len),
        0);
    ck_assert_int_eq(mtu, 1500);
    station_close(&s);
}
END_TEST

UNIT_MAIN("names of streams",
          a_free_bind_is_to_any_address_and_connects_from_none,
          a_range_of_ports_is_used_up, a_bind_without_a_port_may_be_done_again,
          a_bind_without_a_port_gets_it_later,
          without_a_route_only_neighbours_are_connected_to,
          the_mtu_is_known_once_it_connects)
