#include "unit.h"

#include "net.h"

#include <errno.h>

START_TEST(an_interface_knows_its_addresses)
{
    struct ip_addr ours = ip_addr_v4(NET_OURS);
    struct ip_addr peer = ip_addr_v4(NET_PEER);
    struct net net;

    net_open(&net);
    ck_assert(iface_has_addr(&net.eth, &ours));
    ck_assert(!iface_has_addr(&net.eth, &peer));
    ck_assert(!iface_has_addr(&net.far, &ours));
    net_close(&net);
}
END_TEST

/* RFC 1122 3.2.1.3 (g) */
START_TEST(the_loopback_has_all_of_127)
{
    struct ip_addr some = ip_addr_v4(0x7f123456);
    struct ip_addr last = ip_addr_v4(0x7fffffff);
    struct net net;

    net_open(&net);
    ck_assert(iface_has_addr(&net.lo, &some));
    ck_assert(iface_has_addr(&net.lo, &last));
    ck_assert(!iface_is_broadcast(&net.lo, &last));
    ck_assert(!iface_has_addr(&net.eth, &some));
    net_close(&net);
}
END_TEST

START_TEST(broadcast_is_limited_or_directed_to_a_subnet)
{
    struct ip_addr limited = ip_addr_v4(0xffffffff);
    struct ip_addr directed = ip_addr_v4(NET_BROADCAST);
    struct ip_addr ours = ip_addr_v4(NET_OURS);
    struct net net;

    net_open(&net);
    ck_assert(iface_is_broadcast(&net.eth, &limited));
    ck_assert(iface_is_broadcast(&net.eth, &directed));
    ck_assert(!iface_is_broadcast(&net.far, &directed));
    ck_assert(!iface_is_broadcast(&net.eth, &ours));
    net_close(&net);
}
END_TEST

START_TEST(the_source_is_of_the_subnet_or_the_first)
{
    struct ip_addr outside = ip_addr_v4(NET_OUTSIDE);
    struct ip_addr in_second = ip_addr_v4(0x0a000007);
    struct net net;

    net_open(&net);
    net.eth.addrs[1] = (struct ip_prefix){.addr = ip_addr_v4(0x0a000001),
                                          .len = IPV4_PREFIX_OFFSET + 8};
    net.eth.addr_count = 2;
    ck_assert_uint_eq(ip_addr_to_v4(iface_source(&net.eth, &in_second)),
                      0x0a000001);
    ck_assert_uint_eq(ip_addr_to_v4(iface_source(&net.eth, &outside)),
                      NET_OURS);
    net.eth.addr_count = 0;
    ck_assert_ptr_null(iface_source(&net.eth, &outside));
    net_close(&net);
}
END_TEST

/* A UDP datagram of 4 bytes, whose checksum is left to the edge. */
static void make_unfinished(struct frame *frame)
{
    static const uint8_t datagram[] = {0, 1, 0, 2, 0, 12, 0, 0, 'a', 'b', 'c'};

    frame_init_output(frame);
    memcpy(frame_push(frame, sizeof(datagram)), datagram, sizeof(datagram));
    frame_leave_checksum(frame, UDP_CHECKSUM);
}

START_TEST(an_absent_checksum_is_filled_in_for_a_device_that_cannot)
{
    struct frame frame;
    struct net net;

    net_open(&net);
    make_unfinished(&frame);
    ck_assert_int_eq(iface_transmit(&net.far, &frame), 0);
    ck_assert_int_eq(net.far_dev.frames[0].offload.checksum,
                     FRAME_CHECKSUM_COMPLETE);
    ck_assert_uint_ne(get_be16(net.far_dev.frames[0].data + UDP_CHECKSUM), 0);
    net_close(&net);
}
END_TEST

START_TEST(an_absent_checksum_is_left_to_a_device_that_can)
{
    struct frame frame;
    struct net net;

    net_open(&net);
    net.far_dev.dev.fills_checksum = true;
    make_unfinished(&frame);
    ck_assert_int_eq(iface_transmit(&net.far, &frame), 0);
    ck_assert_int_eq(net.far_dev.frames[0].offload.checksum,
                     FRAME_CHECKSUM_ABSENT);
    ck_assert_uint_eq(get_be16(net.far_dev.frames[0].data + UDP_CHECKSUM), 0);
    net_close(&net);
}
END_TEST

START_TEST(what_leaves_is_counted_and_traced)
{
    struct frame frame;
    struct net net;

    net_open(&net);
    make_unfinished(&frame);
    ck_assert_int_eq(iface_transmit(&net.far, &frame), 0);
    ck_assert_uint_eq(net.far.stats.out_frames, 1);
    ck_assert_uint_eq(net.far.stats.out_octets, 11);
    ck_assert_uint_eq(net.events[TRACE_FRAME_OUT], 1);
    ck_assert_ptr_eq(frame.iface, &net.far);
    net_close(&net);
}
END_TEST

START_TEST(a_full_device_counts_a_discard)
{
    struct frame frame;
    struct net net;

    net_open(&net);
    net.far_dev.answer = -ENOBUFS;
    make_unfinished(&frame);
    ck_assert_int_eq(iface_transmit(&net.far, &frame), -ENOBUFS);
    ck_assert_uint_eq(net.far.stats.out_discards, 1);
    ck_assert_uint_eq(net.far.stats.out_frames, 0);
    net_close(&net);
}
END_TEST

UNIT_MAIN("iface", an_interface_knows_its_addresses,
          the_loopback_has_all_of_127,
          broadcast_is_limited_or_directed_to_a_subnet,
          the_source_is_of_the_subnet_or_the_first,
          an_absent_checksum_is_filled_in_for_a_device_that_cannot,
          an_absent_checksum_is_left_to_a_device_that_can,
          what_leaves_is_counted_and_traced, a_full_device_counts_a_discard)
