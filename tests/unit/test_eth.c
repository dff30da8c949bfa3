#include "unit.h"

#include "link/eth.h"
#include "net.h"

#include <errno.h>

/* A frame with one byte of payload. */
struct raw {
    uint8_t bytes[ETH_HEADER_LEN + 1];
};

static struct raw make_raw(const struct mac_addr *dst,
                           const struct mac_addr *src)
{
    struct eth_header header = {.dst = *dst, .src = *src, .type = ETH_TYPE_ARP};
    struct raw raw = {.bytes = {[ETH_HEADER_LEN] = 'x'}};

    eth_emit(raw.bytes, &header);
    return raw;
}

static int receive(struct net *net, struct raw *raw, size_t len,
                   struct eth_header *out)
{
    frame_init_input(&net->frame, &net->eth, raw->bytes, len);
    return eth_input(&net->frame, out);
}

START_TEST(a_frame_for_us_is_parsed_and_its_header_pulled)
{
    struct raw raw = make_raw(&net_our_mac, &net_peer_mac);
    struct eth_header header;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(receive(&net, &raw, sizeof(raw), &header), 0);
    ck_assert(mac_addr_equal(&header.dst, &net_our_mac));
    ck_assert(mac_addr_equal(&header.src, &net_peer_mac));
    ck_assert_uint_eq(header.type, ETH_TYPE_ARP);
    ck_assert_uint_eq(frame_len(&net.frame), 1);
    ck_assert_uint_eq(net.frame.head[0], 'x');
    net_close(&net);
}
END_TEST

START_TEST(group_addresses_are_for_us_too)
{
    const struct mac_addr group = {{1, 0, 0x5e, 0, 0, 1}};
    struct raw to_all = make_raw(&mac_addr_broadcast, &net_peer_mac);
    struct raw to_group = make_raw(&group, &net_peer_mac);
    struct eth_header header;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(receive(&net, &to_all, sizeof(to_all), &header), 0);
    ck_assert_int_eq(receive(&net, &to_group, sizeof(to_group), &header), 0);
    net_close(&net);
}
END_TEST

START_TEST(another_station_s_frame_is_dropped)
{
    struct raw raw = make_raw(&net_third_mac, &net_peer_mac);
    struct eth_header header;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(receive(&net, &raw, sizeof(raw), &header), -EBADMSG);
    ck_assert_uint_eq(net.env.drops[DROP_ETH_NOT_FOR_US], 1);
    ck_assert_uint_eq(net.eth.stats.in_discards, 1);
    net_close(&net);
}
END_TEST

START_TEST(a_group_cannot_be_a_source)
{
    struct raw raw = make_raw(&net_our_mac, &mac_addr_broadcast);
    struct eth_header header;
    struct net net;

    net_open(&net);
    ck_assert_int_eq(receive(&net, &raw, sizeof(raw), &header), -EBADMSG);
    ck_assert_uint_eq(net.env.drops[DROP_ETH_SOURCE_MULTICAST], 1);
    net_close(&net);
}
END_TEST

START_TEST(every_frame_shorter_than_a_header_is_dropped)
{
    struct raw raw = make_raw(&net_our_mac, &net_peer_mac);
    struct eth_header header;
    struct net net;

    net_open(&net);
    for (size_t len = 0; len < ETH_HEADER_LEN; len++)
        ck_assert_int_eq(receive(&net, &raw, len, &header), -EBADMSG);
    ck_assert_uint_eq(net.env.drops[DROP_ETH_SHORT], ETH_HEADER_LEN);
    net_close(&net);
}
END_TEST

START_TEST(output_puts_the_header_before_the_packet)
{
    static const uint8_t expected[] = {2, 0, 0, 0, 0,    1, 2,   0,
                                       0, 0, 0, 2, 0x08, 0, 'a', 'b'};
    struct frame frame;
    struct net net;

    net_open(&net);
    frame_init_output(&frame);
    memcpy(frame_push(&frame, 2), "ab", 2);
    ck_assert_int_eq(eth_output(&net.eth, &frame, &net_peer_mac, ETH_TYPE_IPV4),
                     0);
    ck_assert_uint_eq(net.eth_dev.count, 1);
    ck_assert_uint_eq(net.eth_dev.frames[0].len, sizeof(expected));
    ck_assert_mem_eq(net.eth_dev.frames[0].data, expected, sizeof(expected));
    net_close(&net);
}
END_TEST

UNIT_MAIN("eth", a_frame_for_us_is_parsed_and_its_header_pulled,
          group_addresses_are_for_us_too, another_station_s_frame_is_dropped,
          a_group_cannot_be_a_source,
          every_frame_shorter_than_a_header_is_dropped,
          output_puts_the_header_before_the_packet)
