/*
 * Whose frame it is: see frame_ends.h.
 */
#include "host/frame_ends.h"

#include "ip/ip.h"
#include "link/arp.h"
#include "link/eth.h"

enum { PORTS_LEN = 4 /* source and destination, of TCP and UDP */ };

static void look_at_arp(struct bytes bytes, struct frame_ends *out)
{
    if (bytes.len < ARP_PACKET_LEN)
        return;
    out->has_addrs = true;
    out->src.addr = ip_addr_v4(get_be32(bytes.data + ARP_SENDER_IP));
    out->dst.addr = ip_addr_v4(get_be32(bytes.data + ARP_TARGET_IP));
}

static void look_at_ports(struct bytes bytes, struct frame_ends *out)
{
    if (bytes.len < PORTS_LEN)
        return;
    out->src.port = get_be16(bytes.data);
    out->dst.port = get_be16(bytes.data + 2);
}

static void look_at_ip(struct bytes bytes, struct frame_ends *out)
{
    struct ip_header header;
    enum drop_reason why;

    if (ip_parse_quote(bytes, &header, &why) < 0)
        return;
    out->type = ETH_TYPE_IPV4;
    out->protocol = header.protocol;
    out->is_later_fragment = header.fragment_offset != 0;
    out->has_addrs = true;
    out->src.addr = header.src;
    out->dst.addr = header.dst;
    if (header.fragment_offset == 0 &&
        (header.protocol == IP_PROTO_TCP || header.protocol == IP_PROTO_UDP))
        look_at_ports(bytes_from(bytes, header.header_len), out);
}

struct frame_ends frame_ends_of_bytes(enum netdev_type type, struct bytes bytes)
{
    struct frame_ends ends = {.type = 0};
    struct eth_header eth;
    enum drop_reason why;

    if (type != NETDEV_ETHERNET) {
        look_at_ip(bytes, &ends);
        return ends;
    }
    if (eth_parse(bytes, &eth, &why) < 0)
        return ends;
    ends.type = eth.type;
    bytes = bytes_from(bytes, ETH_HEADER_LEN);
    if (eth.type == ETH_TYPE_ARP)
        look_at_arp(bytes, &ends);
    else if (eth.type == ETH_TYPE_IPV4)
        look_at_ip(bytes, &ends);
    return ends;
}

struct frame_ends frame_ends_of(enum netdev_type type,
                                const struct frame *frame)
{
    uint8_t copy[ETH_HEADER_LEN + IP_HEADER_MAX + PORTS_LEN];
    size_t len = frame_copy(frame, 0, copy, sizeof(copy));

    return frame_ends_of_bytes(type, bytes_of(copy, len));
}
