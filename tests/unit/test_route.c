#include "unit.h"

#include "net.h"

#include <errno.h>

static struct ip_prefix prefix(uint32_t addr, unsigned len)
{
    return (struct ip_prefix){.addr = ip_addr_v4(addr),
                              .len = IPV4_PREFIX_OFFSET + len};
}

static void add(struct net *net, uint32_t addr, unsigned len, uint32_t gateway)
{
    struct ip_prefix to = prefix(addr, len);
    struct ip_addr by = ip_addr_v4(gateway);

    ck_assert_int_eq(route_add(&net->ip.routes, &to, &by, &net->eth), 0);
}

/* The gateway by which `addr` is reached, 0 when on the link. */
static uint32_t gateway_to(const struct net *net, uint32_t addr)
{
    struct ip_addr dst = ip_addr_v4(addr);
    const struct route *route = route_find(&net->ip.routes, &dst);

    ck_assert_ptr_nonnull(route);
    return ip_addr_to_v4(&route->gateway);
}

START_TEST(the_longest_prefix_wins)
{
    struct net net;

    net_open(&net);
    add(&net, 0x0a000000, 8, 0xc0000208);
    add(&net, 0x0a010000, 16, 0xc0000210);
    add(&net, 0x0a010203, 32, 0xc0000220);
    ck_assert_uint_eq(gateway_to(&net, 0x0a020304), 0xc0000208);
    ck_assert_uint_eq(gateway_to(&net, 0x0a010204), 0xc0000210);
    ck_assert_uint_eq(gateway_to(&net, 0x0a010203), 0xc0000220);
    ck_assert_uint_eq(gateway_to(&net, 0x0b000000), NET_PEER); /* default */
    net_close(&net);
}
END_TEST

START_TEST(a_host_of_our_subnet_is_on_the_link)
{
    struct net net;

    net_open(&net);
    ck_assert_uint_eq(gateway_to(&net, NET_THIRD), 0);
    net_close(&net);
}
END_TEST

START_TEST(host_bits_of_a_route_do_not_matter)
{
    struct net net;

    net_open(&net);
    add(&net, 0x0a0102ff, 24, 0xc0000208);
    ck_assert_uint_eq(gateway_to(&net, 0x0a010201), 0xc0000208);
    net_close(&net);
}
END_TEST

START_TEST(a_second_route_to_a_prefix_replaces_the_first)
{
    struct net net;

    net_open(&net);
    add(&net, 0x0a000000, 8, 0xc0000208);
    add(&net, 0x0a000000, 8, 0xc0000209);
    ck_assert_uint_eq(gateway_to(&net, 0x0a000001), 0xc0000209);
    ck_assert_uint_eq(net.ip.routes.by_length[IPV4_PREFIX_OFFSET + 8], 1);
    net_close(&net);
}
END_TEST

START_TEST(a_deleted_route_leaves_the_shorter_one)
{
    struct ip_prefix to = prefix(0x0a010000, 16);
    struct net net;

    net_open(&net);
    add(&net, 0x0a000000, 8, 0xc0000208);
    add(&net, 0x0a010000, 16, 0xc0000210);
    ck_assert_int_eq(route_delete(&net.ip.routes, &to), 0);
    ck_assert_int_eq(route_delete(&net.ip.routes, &to), -ESRCH);
    ck_assert_uint_eq(gateway_to(&net, 0x0a010203), 0xc0000208);
    net_close(&net);
}
END_TEST

START_TEST(without_a_default_route_there_may_be_none)
{
    struct ip_prefix everything = prefix(0, 0);
    struct ip_addr outside = ip_addr_v4(NET_OUTSIDE);
    struct net net;

    net_open(&net);
    ck_assert_int_eq(route_delete(&net.ip.routes, &everything), 0);
    ck_assert_ptr_null(route_find(&net.ip.routes, &outside));
    net_close(&net);
}
END_TEST

/* Also that a lookup asks once for each length, whatever the table holds. */
START_TEST(ten_thousand_routes_are_found)
{
    struct net net;

    net_open(&net);
    for (uint32_t i = 0; i < 10000; i++)
        add(&net, 0x0a000000 + (i << 8), 24, 0xc0000200 + i % 7 + 3);
    for (uint32_t i = 0; i < 10000; i++)
        ck_assert_uint_eq(gateway_to(&net, 0x0a000000 + (i << 8) + 9),
                          0xc0000200 + i % 7 + 3);
    net_close(&net);
}
END_TEST

START_TEST(without_memory_a_route_is_refused)
{
    struct ip_prefix to = prefix(0x0a000000, 8);
    struct ip_addr by = ip_addr_v4(NET_PEER);
    struct net net;

    net_open(&net);
    net.memory.limit = net.memory.used;
    ck_assert_int_eq(route_add(&net.ip.routes, &to, &by, &net.eth), -ENOBUFS);
    net_close(&net);
}
END_TEST

UNIT_MAIN("route", the_longest_prefix_wins, a_host_of_our_subnet_is_on_the_link,
          host_bits_of_a_route_do_not_matter,
          a_second_route_to_a_prefix_replaces_the_first,
          a_deleted_route_leaves_the_shorter_one,
          without_a_default_route_there_may_be_none,
          ten_thousand_routes_are_found, without_memory_a_route_is_refused)
