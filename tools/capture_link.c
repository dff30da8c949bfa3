/*
 * The headers of links, after the LINKTYPE registry of draft-ietf-opsawg-pcap
 * and the pages that it refers to.
 */
#include "capture_link.h"

#include <errno.h>

enum { ETHERNET_TYPE = 12, ETHERNET_LEN = 14 };

/* IEEE 802.1Q and 802.1ad */
enum { TYPE_VLAN = 0x8100, TYPE_SERVICE_VLAN = 0x88a8, VLAN_TAG_LEN = 4 };

/* "Linux cooked capture", v1 and v2 */
enum { SLL_PACKET_TYPE = 0, SLL_PROTOCOL = 14, SLL_LEN = 16 };
enum { SLL2_PROTOCOL = 0, SLL2_PACKET_TYPE = 10, SLL2_LEN = 20 };
enum { PACKET_TYPE_OUTGOING = 4 };

/* A family of addresses as the capturing system numbers it: AF_INET is 2
 * everywhere, AF_INET6 is not. */
enum { LOOP_LEN = 4, FAMILY_INET = 2 };

static bool is_family_inet6(uint32_t family)
{
    return family == 10 || family == 24 || family == 28 || family == 30;
}

static int parse_ethernet(struct bytes frame, struct capture_packet *out)
{
    size_t at = ETHERNET_TYPE;

    while (frame.len >= at + 2) {
        uint16_t type = get_be16(frame.data + at);

        if (type != TYPE_VLAN && type != TYPE_SERVICE_VLAN) {
            out->ether_type = type;
            out->data = bytes_from(frame, at + 2);
            return 0;
        }
        at += VLAN_TAG_LEN;
    }
    return -EBADMSG;
}

static int parse_ip(struct bytes packet, struct capture_packet *out)
{
    if (packet.len == 0)
        return -EBADMSG;
    if (packet.data[0] >> 4 == 4)
        out->ether_type = CAPTURE_IPV4;
    else if (packet.data[0] >> 4 == 6)
        out->ether_type = CAPTURE_IPV6;
    else
        return -EPROTONOSUPPORT;
    out->data = packet;
    return 0;
}

/* In the byte order of the host that captured (NULL), or in that of the network
 * (LOOP): a small number in one of them. */
static int parse_loop(struct bytes frame, struct capture_packet *out)
{
    if (frame.len < LOOP_LEN)
        return -EBADMSG;

    const uint8_t *at = frame.data;
    uint32_t family = at[0] != 0 ? at[0] | (uint32_t)at[1] << 8 : get_be32(at);
    if (family == FAMILY_INET)
        out->ether_type = CAPTURE_IPV4;
    else if (is_family_inet6(family))
        out->ether_type = CAPTURE_IPV6;
    else
        return -EPROTONOSUPPORT;
    out->data = bytes_from(frame, LOOP_LEN);
    return 0;
}

static int parse_cooked(struct bytes frame, size_t header_len,
                        uint16_t packet_type, size_t protocol,
                        struct capture_packet *out)
{
    if (out->direction == CAPTURE_UNTOLD)
        out->direction =
            packet_type == PACKET_TYPE_OUTGOING ? CAPTURE_OUT : CAPTURE_IN;
    out->ether_type = get_be16(frame.data + protocol);
    out->data = bytes_from(frame, header_len);
    return 0;
}

static int parse_sll(struct bytes frame, struct capture_packet *out)
{
    if (frame.len < SLL_LEN)
        return -EBADMSG;
    return parse_cooked(frame, SLL_LEN, get_be16(frame.data + SLL_PACKET_TYPE),
                        SLL_PROTOCOL, out);
}

static int parse_sll2(struct bytes frame, struct capture_packet *out)
{
    if (frame.len < SLL2_LEN)
        return -EBADMSG;
    return parse_cooked(frame, SLL2_LEN, frame.data[SLL2_PACKET_TYPE],
                        SLL2_PROTOCOL, out);
}

static int parse(const struct capture_record *record,
                 struct capture_packet *out)
{
    switch (record->link_type) {
    case CAPTURE_LINK_ETHERNET:
        return parse_ethernet(record->data, out);
    case CAPTURE_LINK_RAW:
    case CAPTURE_LINK_IPV4:
    case CAPTURE_LINK_IPV6:
        return parse_ip(record->data, out);
    case CAPTURE_LINK_NULL:
    case CAPTURE_LINK_LOOP:
        return parse_loop(record->data, out);
    case CAPTURE_LINK_SLL:
        return parse_sll(record->data, out);
    case CAPTURE_LINK_SLL2:
        return parse_sll2(record->data, out);
    default: /* a number from a file */
        return -EPROTONOSUPPORT;
    }
}

int capture_link_parse(const struct capture_record *record,
                       struct capture_packet *out)
{
    struct capture_packet packet = {.direction = record->direction};
    int r = parse(record, &packet);

    if (r == 0)
        *out = packet;
    return r;
}
