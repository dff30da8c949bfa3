/*
 * Multicast as programs see it: options, who gets what, what comes back to us.
 * Each answer is what Linux 6.18 gives to the same calls.
 */
#include "unit.h"

#include "group_station.h"
#include "link/eth.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int get(struct station *s, socket_id id, int name, void *value,
               size_t *len)
{
    return stack_get_option(s->stack, s->now, id, IPPROTO_IP, name, value, len);
}

static int get_int(struct station *s, socket_id id, int name)
{
    int value = -1;
    size_t len = sizeof(value);

    ck_assert_int_eq(get(s, id, name, &value, &len), 0);
    ck_assert_uint_eq(len, sizeof(value));
    return value;
}

static int set_mreqn(struct station *s, socket_id id, int name, uint32_t group,
                     uint32_t addr, int iface, size_t len)
{
    struct ip_mreqn request = {
        .imr_multiaddr.s_addr = htonl(group),
        .imr_address.s_addr = htonl(addr),
        .imr_ifindex = iface,
    };

    return group_set(s, id, name, &request, len);
}

enum {
    GROUP = 0xe0010203, /* 224.1.2.3 */
    OURS = 0xc0000202,
    FOREIGN = 0xc0000209,
    MREQ = sizeof(struct ip_mreq),
    MREQN = sizeof(struct ip_mreqn)
};

/* ---- Options ------------------------------------------------------------ */

START_TEST(a_ttl_is_an_octet_or_minus_one)
{
    static const struct {
        int value;
        int result;
        int then;
    } rows[] = {{-2, -EINVAL, 1},
                {-1, 0, 1},
                {0, 0, 0},
                {255, 0, 255},
                {256, -EINVAL, 255}};
    uint8_t octet = 7;
    struct station s;

    station_open(&s);
    socket_id id = group_socket(&s);
    ck_assert_int_eq(get_int(&s, id, IP_MULTICAST_TTL), 1);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_int_eq(group_set_int(&s, id, IP_MULTICAST_TTL, rows[i].value),
                         rows[i].result);
        ck_assert_int_eq(get_int(&s, id, IP_MULTICAST_TTL), rows[i].then);
    }
    ck_assert_int_eq(group_set(&s, id, IP_MULTICAST_TTL, &octet, 1), 0);
    ck_assert_int_eq(get_int(&s, id, IP_MULTICAST_TTL), 7);
    ck_assert_int_eq(group_set(&s, id, IP_MULTICAST_TTL, &octet, 0), -EINVAL);
    station_close(&s);
}
END_TEST

START_TEST(loop_is_any_number_and_all_is_none_or_one)
{
    struct station s;

    station_open(&s);
    socket_id id = group_socket(&s);
    ck_assert_int_eq(get_int(&s, id, IP_MULTICAST_LOOP), 1);
    ck_assert_int_eq(group_set_int(&s, id, IP_MULTICAST_LOOP, 0), 0);
    ck_assert_int_eq(get_int(&s, id, IP_MULTICAST_LOOP), 0);
    ck_assert_int_eq(group_set_int(&s, id, IP_MULTICAST_LOOP, 7), 0);
    ck_assert_int_eq(get_int(&s, id, IP_MULTICAST_LOOP), 1);
    ck_assert_int_eq(get_int(&s, id, IP_MULTICAST_ALL), 1);
    ck_assert_int_eq(group_set_int(&s, id, IP_MULTICAST_ALL, 2), -EINVAL);
    ck_assert_int_eq(group_set_int(&s, id, IP_MULTICAST_ALL, 0), 0);
    ck_assert_int_eq(get_int(&s, id, IP_MULTICAST_ALL), 0);
    station_close(&s);
}
END_TEST

START_TEST(the_interface_to_send_by_has_three_forms)
{
    uint32_t ours = htonl(OURS);
    struct station s;

    station_open(&s);
    socket_id id = group_socket(&s);
    ck_assert_int_eq(get_int(&s, id, IP_MULTICAST_IF), 0);
    ck_assert_int_eq(group_set(&s, id, IP_MULTICAST_IF, &ours, 4), 0);
    ck_assert_int_eq(get_int(&s, id, IP_MULTICAST_IF), (int)ours);
    ck_assert_int_eq(group_set(&s, id, IP_MULTICAST_IF, &ours, 3), -EINVAL);
    ck_assert_int_eq(set_mreqn(&s, id, IP_MULTICAST_IF, 0, FOREIGN, 0, MREQ),
                     -EADDRNOTAVAIL);
    ck_assert_int_eq(set_mreqn(&s, id, IP_MULTICAST_IF, 0, OURS, 0, MREQ), 0);
    ck_assert_int_eq(
        set_mreqn(&s, id, IP_MULTICAST_IF, 0, 0, STACK_IFACE, MREQN), 0);
    ck_assert_int_eq(get_int(&s, id, IP_MULTICAST_IF), 0);
    ck_assert_int_eq(set_mreqn(&s, id, IP_MULTICAST_IF, 0, 0, 999, MREQN),
                     -EADDRNOTAVAIL);
    ck_assert_int_eq(set_mreqn(&s, id, IP_MULTICAST_IF, 0, 0, -1, MREQN),
                     -EADDRNOTAVAIL);
    ck_assert_int_eq(set_mreqn(&s, id, IP_MULTICAST_IF, 0, 0, 0, MREQN), 0);

    int lo = 1;
    ck_assert_int_eq(stack_set_option(s.stack, s.now, id, SOL_SOCKET,
                                      SO_BINDTOIFINDEX,
                                      bytes_of((uint8_t *)&lo, sizeof(lo))),
                     0);
    ck_assert_int_eq(set_mreqn(&s, id, IP_MULTICAST_IF, 0, OURS, 0, MREQN),
                     -EINVAL);
    station_close(&s);
}
END_TEST

START_TEST(memberships_are_refused_as_linux_does)
{
    struct station s;

    station_open(&s);
    socket_id id = group_socket(&s);
    ck_assert_int_eq(
        set_mreqn(&s, id, IP_ADD_MEMBERSHIP, FOREIGN, OURS, 0, MREQ), -EINVAL);
    ck_assert_int_eq(
        set_mreqn(&s, id, IP_ADD_MEMBERSHIP, GROUP, OURS, 0, MREQ - 1),
        -EINVAL);
    ck_assert_int_eq(
        set_mreqn(&s, id, IP_ADD_MEMBERSHIP, GROUP, FOREIGN, 0, MREQ), -ENODEV);
    ck_assert_int_eq(set_mreqn(&s, id, IP_ADD_MEMBERSHIP, GROUP, 0, 999, MREQN),
                     -ENODEV);
    ck_assert_int_eq(
        set_mreqn(&s, id, IP_DROP_MEMBERSHIP, GROUP, OURS, 0, MREQ),
        -EADDRNOTAVAIL);
    ck_assert_int_eq(set_mreqn(&s, id, IP_ADD_MEMBERSHIP, GROUP, OURS, 0, MREQ),
                     0);
    ck_assert_int_eq(
        set_mreqn(&s, id, IP_ADD_MEMBERSHIP, GROUP, 0, STACK_IFACE, MREQN),
        -EADDRINUSE);
    ck_assert_int_eq(
        set_mreqn(&s, id, IP_ADD_MEMBERSHIP, GROUP, 0x7f000001, 0, MREQ), 0);
    ck_assert_int_eq(
        set_mreqn(&s, id, IP_DROP_MEMBERSHIP, GROUP, FOREIGN, 0, MREQ),
        -EADDRNOTAVAIL);
    ck_assert_int_eq(set_mreqn(&s, id, IP_DROP_MEMBERSHIP, GROUP, 0, 0, MREQ),
                     0); /* the one on the route's interface */
    ck_assert_int_eq(set_mreqn(&s, id, IP_DROP_MEMBERSHIP, GROUP, 0, 0, MREQ),
                     -EADDRNOTAVAIL);
    for (unsigned i = 1; i < 20; i++)
        ck_assert_int_eq(
            set_mreqn(&s, id, IP_ADD_MEMBERSHIP, GROUP + i, OURS, 0, MREQ), 0);
    ck_assert_int_eq(
        set_mreqn(&s, id, IP_ADD_MEMBERSHIP, GROUP + 20, OURS, 0, MREQ),
        -ENOBUFS);
    station_close(&s);
}
END_TEST

START_TEST(the_newer_names_do_the_same)
{
    struct group_req request = {.gr_interface = STACK_IFACE};
    struct group_source_req with = {.gsr_interface = STACK_IFACE};
    struct sockaddr_in group = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(GROUP)};
    struct sockaddr_in source = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(0x0a000001)};
    struct station s;

    station_open(&s);
    socket_id id = group_socket(&s);
    memcpy(&request.gr_group, &group, sizeof(group));
    memcpy(&with.gsr_group, &group, sizeof(group));
    memcpy(&with.gsr_source, &source, sizeof(source));
    ck_assert_int_eq(
        group_set(&s, id, MCAST_JOIN_GROUP, &request, sizeof(request)), 0);
    ck_assert_int_eq(
        group_set(&s, id, MCAST_JOIN_GROUP, &request, sizeof(request) - 1),
        -EINVAL);
    ck_assert_int_eq(group_set(&s, id, MCAST_BLOCK_SOURCE, &with, sizeof(with)),
                     0);
    ck_assert_int_eq(
        group_set(&s, id, MCAST_UNBLOCK_SOURCE, &with, sizeof(with)), 0);
    ck_assert_int_eq(
        group_set(&s, id, MCAST_LEAVE_GROUP, &request, sizeof(request)), 0);
    ck_assert_int_eq(
        group_set(&s, id, MCAST_JOIN_SOURCE_GROUP, &with, sizeof(with)), 0);
    ck_assert_int_eq(
        group_set(&s, id, MCAST_LEAVE_SOURCE_GROUP, &with, sizeof(with)), 0);
    ck_assert_int_eq(
        group_set(&s, id, MCAST_LEAVE_GROUP, &request, sizeof(request)),
        -EADDRNOTAVAIL);
    request.gr_group.ss_family = AF_INET6;
    ck_assert_int_eq(
        group_set(&s, id, MCAST_JOIN_GROUP, &request, sizeof(request)),
        -EINVAL);
    station_close(&s);
}
END_TEST

START_TEST(sources_are_refused_as_linux_does)
{
    static const char group[] = "232.1.1.1", a[] = "1.2.3.4", b[] = "1.2.3.5";
    struct station s;

    station_open(&s);
    socket_id id = group_socket(&s);
#define TRY(name, source, result)                                              \
    ck_assert_int_eq(group_change_source(&s, id, name, group, source), result)
    TRY(IP_BLOCK_SOURCE, a, -EINVAL);
    TRY(IP_DROP_SOURCE_MEMBERSHIP, a, -EINVAL);
    TRY(IP_ADD_SOURCE_MEMBERSHIP, a, 0);
    TRY(IP_ADD_SOURCE_MEMBERSHIP, a, -EADDRNOTAVAIL);
    ck_assert_int_eq(group_change(&s, id, IP_ADD_MEMBERSHIP, group),
                     -EADDRINUSE);
    TRY(IP_BLOCK_SOURCE, b, -EINVAL);
    TRY(IP_DROP_SOURCE_MEMBERSHIP, b, -EADDRNOTAVAIL);
    for (unsigned i = 1; i < 10; i++) {
        char other[] = "9.9.9.0";

        other[6] = (char)('0' + i);
        TRY(IP_ADD_SOURCE_MEMBERSHIP, other, 0);
    }
    TRY(IP_ADD_SOURCE_MEMBERSHIP, b, -ENOBUFS);
    ck_assert_int_eq(group_change(&s, id, IP_DROP_MEMBERSHIP, group), 0);

    ck_assert_int_eq(group_change(&s, id, IP_ADD_MEMBERSHIP, group), 0);
    TRY(IP_ADD_SOURCE_MEMBERSHIP, a, 0); /* without sources it may turn */
    TRY(IP_DROP_SOURCE_MEMBERSHIP, a, 0);
    ck_assert_int_eq(group_change(&s, id, IP_DROP_MEMBERSHIP, group),
                     -EADDRNOTAVAIL); /* the last source was the membership */
#undef TRY
    station_close(&s);
}
END_TEST

START_TEST(a_filter_is_set_and_told_as_a_whole)
{
    uint8_t buffer[IP_MSFILTER_SIZE(12)] = {0};
    struct ip_msfilter *filter = (struct ip_msfilter *)buffer;
    size_t len = sizeof(buffer);
    struct station s;

    station_open(&s);
    socket_id id = group_socket(&s);
    *filter = (struct ip_msfilter){
        .imsf_multiaddr.s_addr = htonl(GROUP),
        .imsf_interface.s_addr = htonl(OURS),
        .imsf_fmode = MCAST_INCLUDE,
        .imsf_numsrc = 1,
        .imsf_slist[0].s_addr = htonl(0x01020304),
    };
    ck_assert_int_eq(group_set(&s, id, IP_MSFILTER, buffer, 20), -EINVAL);
    ck_assert_int_eq(group_change(&s, id, IP_ADD_MEMBERSHIP, "224.1.2.3"), 0);
    ck_assert_int_eq(group_set(&s, id, IP_MSFILTER, buffer, 20), 0);
    ck_assert_int_eq(group_set(&s, id, IP_MSFILTER, buffer, 16), -EINVAL);
    filter->imsf_numsrc = 11;
    ck_assert_int_eq(group_set(&s, id, IP_MSFILTER, buffer, 60), -ENOBUFS);

    memset(filter->imsf_slist, 0, 4);
    ck_assert_int_eq(get(&s, id, IP_MSFILTER, buffer, &len), 0);
    ck_assert_uint_eq(len, 20);
    ck_assert_uint_eq(filter->imsf_numsrc, 1);
    ck_assert_uint_eq(filter->imsf_fmode, MCAST_INCLUDE);
    ck_assert_uint_eq(ntohl(filter->imsf_slist[0].s_addr), 0x01020304);

    filter->imsf_numsrc = 0;
    ck_assert_int_eq(group_set(&s, id, IP_MSFILTER, buffer, 16), 0);
    ck_assert_int_eq(group_change(&s, id, IP_DROP_MEMBERSHIP, "224.1.2.3"),
                     -EADDRNOTAVAIL); /* no source: it was left */
    station_close(&s);
}
END_TEST

/* Room for far more than there is, and none at all: as a recorder, too. */
START_TEST(the_room_for_a_filter_is_any)
{
    static uint8_t buffer[UINT16_MAX + 1];
    struct ip_msfilter *filter = (struct ip_msfilter *)buffer;
    size_t len = sizeof(buffer);
    struct station s;

    station_open(&s);
    socket_id id = group_socket(&s);
    ck_assert_int_eq(group_change(&s, id, IP_ADD_MEMBERSHIP, "224.1.2.3"), 0);
    *filter = (struct ip_msfilter){.imsf_multiaddr.s_addr = htonl(GROUP)};
    memset(buffer + 1024, 0xff, sizeof(buffer) - 1024);
    for (int i = 0; i < 40; i++) {
        len = sizeof(buffer);
        ck_assert_int_eq(get(&s, id, IP_MSFILTER, buffer, &len), 0);
    }
    ck_assert_uint_eq(len, IP_MSFILTER_SIZE(0));
    len = IP_MSFILTER_SIZE(0);
    ck_assert_int_eq(get(&s, id, IP_MSFILTER, NULL, &len), -EFAULT);
    ck_assert_int_eq(group_change(&s, id, IP_DROP_MEMBERSHIP, "224.1.2.3"), 0);
    station_close(&s);
}
END_TEST

/* RFC 3678 5.2.2; what is wrong with it, as Linux says. */
START_TEST(a_group_filter_does_the_same_for_any_family)
{
    uint8_t buffer[GROUP_FILTER_SIZE(12)] = {0};
    struct group_filter *filter = (struct group_filter *)buffer;
    struct sockaddr_in group = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(GROUP)};
    struct sockaddr_in source = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(0x01020304)};
    size_t one = GROUP_FILTER_SIZE(1);
    size_t len = sizeof(buffer);
    struct station s;

    station_open(&s);
    socket_id id = group_socket(&s);
    memcpy(&filter->gf_group, &group, sizeof(group));
    memcpy(&filter->gf_slist[0], &source, sizeof(source));
    filter->gf_fmode = MCAST_INCLUDE;
    filter->gf_numsrc = 1;
    ck_assert_int_eq(group_set(&s, id, MCAST_MSFILTER, buffer, one), -EINVAL);
    ck_assert_int_eq(group_change(&s, id, IP_ADD_MEMBERSHIP, "224.1.2.3"), 0);
    ck_assert_int_eq(group_set(&s, id, MCAST_MSFILTER, buffer, one - 1),
                     -EINVAL);
    ck_assert_int_eq(group_set(&s, id, MCAST_MSFILTER, buffer, one), 0);
    ck_assert_int_eq(get(&s, id, MCAST_MSFILTER, buffer, &len), -EADDRNOTAVAIL);
    filter->gf_interface = STACK_IFACE;
    memset(&filter->gf_slist[0], 0, sizeof(filter->gf_slist[0]));
    filter->gf_numsrc = 5;
    ck_assert_int_eq(get(&s, id, MCAST_MSFILTER, buffer, &len), 0);
    ck_assert_uint_eq(len, one);
    ck_assert_uint_eq(filter->gf_numsrc, 1);
    ck_assert_uint_eq(filter->gf_fmode, MCAST_INCLUDE);
    ck_assert_mem_eq(&filter->gf_slist[0], &source, sizeof(source));

    filter->gf_slist[0].ss_family = AF_INET6;
    ck_assert_int_eq(group_set(&s, id, MCAST_MSFILTER, buffer, one),
                     -EADDRNOTAVAIL);
    filter->gf_numsrc = 11;
    ck_assert_int_eq(group_set(&s, id, MCAST_MSFILTER, buffer, sizeof(buffer)),
                     -ENOBUFS);
    station_close(&s);
}
END_TEST

/* Linux: by the newer options, and nothing comes of it but the membership. */
START_TEST(a_stream_joins_groups_by_the_newer_options)
{
    struct ip_mreq_source by_source = {
        .imr_multiaddr.s_addr = htonl(GROUP),
        .imr_interface.s_addr = htonl(OURS),
        .imr_sourceaddr.s_addr = htonl(0x01020304),
    };
    struct group_req whole = {.gr_interface = STACK_IFACE};
    struct sockaddr_in group = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(GROUP)};
    struct iface *iface;
    struct ip_addr addr = ip_addr_v4(GROUP), src = test_addr(1);
    struct station s;

    station_open(&s);
    socket_id id = test_socket(s.stack, SOCK_STREAM, 0);
    iface = ip_iface_by_index(&s.stack->ip, STACK_IFACE);
    memcpy(&whole.gr_group, &group, sizeof(group));
    ck_assert_int_eq(group_change(&s, id, IP_ADD_MEMBERSHIP, "224.1.2.3"),
                     -EPROTO);
    ck_assert_int_eq(group_change(&s, id, IP_DROP_MEMBERSHIP, "224.1.2.3"),
                     -EPROTO);
    ck_assert_int_eq(group_set(&s, id, MCAST_JOIN_GROUP, &whole, sizeof(whole)),
                     0);
    ck_assert_int_eq(group_set(&s, id, MCAST_JOIN_GROUP, &whole, sizeof(whole)),
                     -EADDRINUSE);
    ck_assert(ip_group_is_wanted(&s.stack->ip, iface, &addr, &src));
    ck_assert_int_eq(
        group_set(&s, id, MCAST_LEAVE_GROUP, &whole, sizeof(whole)), 0);
    ck_assert(!ip_group_is_wanted(&s.stack->ip, iface, &addr, &src));
    ck_assert_int_eq(group_set(&s, id, IP_ADD_SOURCE_MEMBERSHIP, &by_source,
                               sizeof(by_source)),
                     0);
    ck_assert_int_eq(stack_close(s.stack, s.now, id), 0);
    ck_assert(!ip_group_is_wanted(&s.stack->ip, iface, &addr, &src));
    station_close(&s);
}
END_TEST

START_TEST(a_stream_is_denied_what_would_send)
{
    struct station s;
    int zero = 0;

    station_open(&s);
    socket_id id = test_socket(s.stack, SOCK_STREAM, 0);
    ck_assert_int_eq(group_set_int(&s, id, IP_MULTICAST_TTL, 5), -EINVAL);
    ck_assert_int_eq(group_set(&s, id, IP_MULTICAST_IF, &zero, 4), -EINVAL);
    ck_assert_int_eq(get_int(&s, id, IP_MULTICAST_TTL), 1);
    ck_assert_int_eq(group_set_int(&s, id, IP_MULTICAST_LOOP, 0), 0);
    ck_assert_int_eq(get_int(&s, id, IP_MULTICAST_LOOP), 0);
    ck_assert_int_eq(group_set_int(&s, id, IP_MULTICAST_ALL, 0), 0);
    ck_assert_int_eq(get_int(&s, id, IP_MULTICAST_ALL), 0);
    ck_assert_int_eq(group_set_int(&s, id, IP_MULTICAST_ALL, 2), -EINVAL);
    station_close(&s);
}
END_TEST

/* ---- Who gets what ------------------------------------------------------ */

START_TEST(a_packet_to_a_group_is_for_members_and_who_hears_all)
{
    struct station s;

    station_open(&s);
    socket_id any = group_bound(&s, "0.0.0.0", 6000);
    socket_id exact = group_bound(&s, "224.1.2.3", 6000);
    socket_id bystander = group_bound(&s, "0.0.0.0", 6000);
    socket_id deaf = group_bound(&s, "0.0.0.0", 6000);
    socket_id unicast = group_bound(&s, "192.0.2.2", 6000);
    group_datagram(&s, "192.0.2.1", "224.1.2.3", 6000);
    ck_assert_uint_eq(group_received(&s, any), 0); /* nobody has joined yet */
    ck_assert_uint_eq(s.stack->env.drops[DROP_IP_NOT_FOR_US], 1);

    group_set_int(&s, deaf, IP_MULTICAST_ALL, 0);
    group_change(&s, any, IP_ADD_MEMBERSHIP, "224.1.2.3");
    group_change(&s, exact, IP_ADD_MEMBERSHIP, "224.1.2.3");
    group_change(&s, unicast, IP_ADD_MEMBERSHIP, "224.1.2.3");
    group_datagram(&s, "192.0.2.1", "224.1.2.3", 6000);
    group_datagram(&s, "192.0.2.1", "224.1.2.9", 6000);
    ck_assert_uint_eq(group_received(&s, any), 1);
    ck_assert_uint_eq(group_received(&s, exact), 1);
    ck_assert_uint_eq(group_received(&s, bystander), 1);
    ck_assert_uint_eq(group_received(&s, deaf), 0);
    ck_assert_uint_eq(group_received(&s, unicast), 0);
    station_close(&s);
}
END_TEST

START_TEST(a_source_filter_is_the_sockets_own)
{
    struct station s;

    station_open(&s);
    socket_id all = group_bound(&s, "0.0.0.0", 6000);
    socket_id one = group_bound(&s, "0.0.0.0", 6000);
    socket_id most = group_bound(&s, "0.0.0.0", 6000);
    group_change(&s, all, IP_ADD_MEMBERSHIP, "224.1.2.3");
    group_change_source(&s, one, IP_ADD_SOURCE_MEMBERSHIP, "224.1.2.3",
                        "192.0.2.7");
    group_change(&s, most, IP_ADD_MEMBERSHIP, "224.1.2.3");
    group_change_source(&s, most, IP_BLOCK_SOURCE, "224.1.2.3", "192.0.2.7");
    group_datagram(&s, "192.0.2.1", "224.1.2.3", 6000);
    group_datagram(&s, "192.0.2.7", "224.1.2.3", 6000);
    group_datagram(&s, "192.0.2.7", "224.1.2.3", 6000);
    ck_assert_uint_eq(group_received(&s, all), 3);
    ck_assert_uint_eq(group_received(&s, one), 2);
    ck_assert_uint_eq(group_received(&s, most), 1);
    station_close(&s);
}
END_TEST

START_TEST(a_source_that_nobody_wants_is_not_taken_in)
{
    struct station s;

    station_open(&s);
    socket_id one = group_bound(&s, "0.0.0.0", 6000);
    socket_id bystander = group_bound(&s, "0.0.0.0", 6000);
    group_change_source(&s, one, IP_ADD_SOURCE_MEMBERSHIP, "232.1.1.1",
                        "192.0.2.7");
    group_datagram(&s, "192.0.2.1", "232.1.1.1", 6000);
    ck_assert_uint_eq(group_received(&s, bystander), 0);
    ck_assert_uint_eq(s.stack->env.drops[DROP_IP_NOT_FOR_US], 1);
    station_close(&s);
}
END_TEST

START_TEST(the_group_is_left_with_its_last_socket)
{
    struct station s;

    station_open(&s);
    socket_id member = group_socket(&s);
    socket_id bystander = group_bound(&s, "0.0.0.0", 6000);
    group_change(&s, member, IP_ADD_MEMBERSHIP, "224.1.2.3");
    group_datagram(&s, "192.0.2.1", "224.1.2.3", 6000);
    ck_assert_uint_eq(group_received(&s, bystander), 1);
    ck_assert_int_eq(stack_close(s.stack, s.now, member), 0);
    group_datagram(&s, "192.0.2.1", "224.1.2.3", 6000);
    ck_assert_uint_eq(group_received(&s, bystander), 0);
    station_close(&s);
}
END_TEST

/* ---- What we send ------------------------------------------------------- */

START_TEST(our_own_members_hear_what_we_send)
{
    struct station s;

    station_open(&s);
    socket_id member = group_bound(&s, "0.0.0.0", 6000);
    socket_id sender = group_socket(&s);
    group_change(&s, member, IP_ADD_MEMBERSHIP, "224.1.2.3");
    s.sent_count = 0;
    ck_assert_int_eq(group_send(&s, sender, "224.1.2.3", 6000), 1);
    ck_assert_uint_eq(group_received(&s, member), 1);
    ck_assert_uint_eq(s.sent_count, 1);
    ck_assert_int_eq(group_send(&s, sender, "224.1.2.9", 6000), 1);
    ck_assert_uint_eq(group_received(&s, member), 0);

    group_set_int(&s, sender, IP_MULTICAST_LOOP, 0);
    ck_assert_int_eq(group_send(&s, sender, "224.1.2.3", 6000), 1);
    ck_assert_uint_eq(group_received(&s, member), 0);
    ck_assert_uint_eq(s.sent_count, 3);
    station_close(&s);
}
END_TEST

START_TEST(with_ttl_zero_only_our_own_hear_it)
{
    struct station s;

    station_open(&s);
    socket_id member = group_bound(&s, "0.0.0.0", 6000);
    socket_id sender = group_socket(&s);
    group_change(&s, member, IP_ADD_MEMBERSHIP, "224.1.2.3");
    group_set_int(&s, sender, IP_MULTICAST_TTL, 0);
    s.sent_count = 0;
    ck_assert_int_eq(group_send(&s, sender, "224.1.2.3", 6000), 1);
    ck_assert_uint_eq(group_received(&s, member), 1);
    ck_assert_uint_eq(s.sent_count, 0);
    station_close(&s);
}
END_TEST

/* RFC 1112 6.1, 6.4: TTL 1 unless said otherwise, and the link's address. */
START_TEST(a_groups_packet_has_the_options_ttl_and_the_groups_address)
{
    struct station s;

    station_open(&s);
    socket_id sender = group_socket(&s);
    group_set_int(&s, sender, IP_TTL, 77); /* of unicast packets */
    ck_assert_int_eq(group_send(&s, sender, "239.129.2.3", 6000), 1);
    struct sent first = station_next(&s);
    ck_assert_int_eq(memcmp(first.data, "\x01\x00\x5e\x01\x02\x03", 6), 0);
    ck_assert_uint_eq(first.data[ETH_HEADER_LEN + IPH_TTL], 1);
    group_set_int(&s, sender, IP_MULTICAST_TTL, 9);
    ck_assert_int_eq(group_send(&s, sender, "239.129.2.3", 6000), 1);
    first = station_next(&s);
    ck_assert_uint_eq(first.data[ETH_HEADER_LEN + IPH_TTL], 9);
    station_close(&s);
}
END_TEST

START_TEST(our_own_broadcasts_come_back_too)
{
    int on = 1;
    struct station s;

    station_open(&s);
    socket_id any = group_bound(&s, "0.0.0.0", 6000);
    socket_id exact = group_bound(&s, "192.0.2.255", 6000);
    socket_id unicast = group_bound(&s, "192.0.2.2", 6000);
    socket_id sender = group_socket(&s);
    ck_assert_int_eq(group_send(&s, sender, "192.0.2.255", 6000), -EACCES);
    ck_assert_int_eq(stack_set_option(s.stack, s.now, sender, SOL_SOCKET,
                                      SO_BROADCAST,
                                      bytes_of((uint8_t *)&on, sizeof(on))),
                     0);
    ck_assert_int_eq(group_send(&s, sender, "192.0.2.255", 6000), 1);
    ck_assert_uint_eq(group_received(&s, any), 1);
    ck_assert_uint_eq(group_received(&s, exact), 1);
    ck_assert_uint_eq(group_received(&s, unicast), 0);
    ck_assert_uint_eq(s.sent_count, 1);
    station_close(&s);
}
END_TEST

/* Routing protocols speak to groups so: 224.0.0.5 is OSPF's. */
START_TEST(a_raw_socket_joins_and_sends_too)
{
    struct endpoint to = test_endpoint("224.0.0.5", 0);
    struct iovec iov = {.iov_base = "x", .iov_len = 1};
    struct socket_message message = {.iov = &iov, .iov_count = 1, .name = &to};
    socket_id member, deaf;
    struct station s;

    station_open(&s);
    ck_assert_int_eq(
        stack_socket(s.stack, s.now, AF_INET, SOCK_RAW, 89, &member), 0);
    ck_assert_int_eq(stack_socket(s.stack, s.now, AF_INET, SOCK_RAW, 89, &deaf),
                     0);
    group_set_int(&s, deaf, IP_MULTICAST_ALL, 0);
    group_packet(&s, "192.0.2.1", "224.0.0.5", 89, "y", 1);
    ck_assert_uint_eq(group_received(&s, member), 0);
    ck_assert_int_eq(group_change(&s, member, IP_ADD_MEMBERSHIP, "224.0.0.5"),
                     0);
    group_packet(&s, "192.0.2.1", "224.0.0.5", 89, "y", 1);
    ck_assert_uint_eq(group_received(&s, member), 1);
    ck_assert_uint_eq(group_received(&s, deaf), 0);

    s.sent_count = 0;
    group_set_int(&s, deaf, IP_MULTICAST_TTL, 3);
    ck_assert_int_eq(stack_send(s.stack, s.now, deaf, &message), 1);
    stack_flush(s.stack, s.now);
    struct sent sent = station_next(&s);
    ck_assert_uint_eq(sent.data[ETH_HEADER_LEN + IPH_TTL], 3);
    ck_assert_uint_eq(group_received(&s, member), 1); /* it is looped */
    station_close(&s);
}
END_TEST

static int send_own_header(struct station *s, socket_id id, uint8_t ttl,
                           uint16_t fragment)
{
    uint8_t packet[21] = {0x45, [IPH_TTL] = ttl, [IPH_PROTOCOL] = 89};
    struct endpoint to = test_endpoint("224.0.0.5", 0);
    struct iovec iov = {.iov_base = packet, .iov_len = sizeof(packet)};
    struct socket_message message = {.iov = &iov, .iov_count = 1, .name = &to};

    put_be16(packet + IPH_FRAGMENT, fragment);
    put_be32(packet + IPH_DST, 0xe0000005);
    s->sent_count = 0;

    ssize_t sent = stack_send(s->stack, s->now, id, &message);

    stack_flush(s->stack, s->now);
    return (int)sent;
}

/* raw(7): its TTL is what the program wrote, also where it is looked at. */
START_TEST(a_header_of_ones_own_comes_back_with_its_ttl)
{
    struct socket_control control;
    uint8_t got[32];
    struct iovec iov = {.iov_base = got, .iov_len = sizeof(got)};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .control = &control};
    socket_id member, sender;
    struct station s;

    station_open(&s);
    ck_assert_int_eq(
        stack_socket(s.stack, s.now, AF_INET, SOCK_RAW, 89, &member), 0);
    ck_assert_int_eq(
        stack_socket(s.stack, s.now, AF_INET, SOCK_RAW, IPPROTO_RAW, &sender),
        0);
    group_change(&s, member, IP_ADD_MEMBERSHIP, "224.0.0.5");
    group_set_int(&s, member, IP_RECVTTL, 1);
    group_set_int(&s, sender, IP_MULTICAST_TTL, 0);
    ck_assert_int_eq(send_own_header(&s, sender, 5, 0), 21);
    ck_assert_uint_eq(s.sent_count, 1);
    ck_assert_int_eq(stack_receive(s.stack, s.now, member, &message), 21);
    ck_assert_uint_eq(control.ttl, 5);
    ck_assert_int_eq(send_own_header(&s, sender, 0, 0), 21);
    ck_assert_uint_eq(s.sent_count, 0);
    ck_assert_uint_eq(group_received(&s, member), 1);
    station_close(&s);
}
END_TEST

/* Half a datagram is none. */
START_TEST(a_fragment_of_ones_own_does_not_come_back)
{
    socket_id member, sender;
    struct station s;

    station_open(&s);
    ck_assert_int_eq(
        stack_socket(s.stack, s.now, AF_INET, SOCK_RAW, 89, &member), 0);
    ck_assert_int_eq(
        stack_socket(s.stack, s.now, AF_INET, SOCK_RAW, IPPROTO_RAW, &sender),
        0);
    group_change(&s, member, IP_ADD_MEMBERSHIP, "224.0.0.5");
    ck_assert_int_eq(send_own_header(&s, sender, 1, IP_FLAG_MF), 21);
    ck_assert_uint_eq(s.sent_count, 1);
    ck_assert_int_eq(send_own_header(&s, sender, 1, 8), 21);
    ck_assert_uint_eq(s.sent_count, 1);
    ck_assert_uint_eq(group_received(&s, member), 0);
    station_close(&s);
}
END_TEST

/* What the sender is told has not been sent, nobody hears. */
START_TEST(what_is_too_big_does_not_come_back)
{
    static uint8_t large[2000];
    struct endpoint to = test_endpoint("224.1.2.3", 6000);
    struct iovec iov = {.iov_base = large, .iov_len = sizeof(large)};
    struct socket_message message = {.iov = &iov, .iov_count = 1, .name = &to};
    struct station s;

    station_open(&s);
    socket_id member = group_bound(&s, "0.0.0.0", 6000);
    socket_id sender = group_socket(&s);
    group_change(&s, member, IP_ADD_MEMBERSHIP, "224.1.2.3");
    group_set_int(&s, sender, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    ck_assert_int_eq(stack_send(s.stack, s.now, sender, &message), -EMSGSIZE);
    stack_flush(s.stack, s.now);
    ck_assert_uint_eq(group_received(&s, member), 0);
    group_set_int(&s, sender, IP_MTU_DISCOVER, IP_PMTUDISC_WANT);
    ck_assert_int_eq(stack_send(s.stack, s.now, sender, &message), 2000);
    stack_flush(s.stack, s.now);
    ck_assert_uint_eq(group_received(&s, member), 1);
    station_close(&s);
}
END_TEST

UNIT_MAIN("socket multicast", a_ttl_is_an_octet_or_minus_one,
          loop_is_any_number_and_all_is_none_or_one,
          the_interface_to_send_by_has_three_forms,
          memberships_are_refused_as_linux_does, the_newer_names_do_the_same,
          sources_are_refused_as_linux_does,
          a_filter_is_set_and_told_as_a_whole, the_room_for_a_filter_is_any,
          a_group_filter_does_the_same_for_any_family,
          a_stream_joins_groups_by_the_newer_options,
          a_stream_is_denied_what_would_send,
          a_packet_to_a_group_is_for_members_and_who_hears_all,
          a_source_filter_is_the_sockets_own,
          a_source_that_nobody_wants_is_not_taken_in,
          the_group_is_left_with_its_last_socket,
          our_own_members_hear_what_we_send, with_ttl_zero_only_our_own_hear_it,
          a_groups_packet_has_the_options_ttl_and_the_groups_address,
          our_own_broadcasts_come_back_too, a_raw_socket_joins_and_sends_too,
          a_header_of_ones_own_comes_back_with_its_ttl,
          a_fragment_of_ones_own_does_not_come_back,
          what_is_too_big_does_not_come_back)
