/*
 * IPv4 (RFC 791 3.1), IPv6 with its extension headers (RFC 8200 4), TCP (RFC
 * 9293 3.1) and the options of RFC 9293 3.2, 7323 and 2018, as far as a picture
 * of a connection needs them. Apart from the stack's own parsers, which want
 * whole packets.
 */
#include "capture_tcp.h"

#include <errno.h>

char capture_flag_letter(unsigned bit)
{
    return "FSRP.UEW"[bit & 7];
}

enum {
    IPV4_TOTAL_LENGTH = 2,
    IPV4_FRAGMENT = 6,
    IPV4_PROTOCOL = 9,
    IPV4_SRC = 12,
    IPV4_DST = 16,
    IPV4_HEADER_LEN = 20,
    IPV4_OFFSET_MASK = 0x1fff
};

enum {
    IPV6_PAYLOAD_LENGTH = 4,
    IPV6_NEXT_HEADER = 6,
    IPV6_SRC = 8,
    IPV6_DST = 24,
    IPV6_HEADER_LEN = 40
};

enum {
    NEXT_HOP_BY_HOP = 0,
    NEXT_TCP = 6,
    NEXT_ROUTING = 43,
    NEXT_FRAGMENT = 44,
    NEXT_DESTINATION = 60,
    EXTENSION_UNIT = 8,
    FRAGMENT_OFFSET_MASK = 0xfff8
};

enum {
    TCP_SRC_PORT = 0,
    TCP_DST_PORT = 2,
    TCP_SEQ = 4,
    TCP_ACK = 8,
    TCP_DATA_OFFSET = 12,
    TCP_FLAGS = 13,
    TCP_WINDOW = 14,
    TCP_HEADER_LEN = 20
};

enum {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_MSS = 2,
    OPTION_WINDOW_SCALE = 3,
    OPTION_SACK_PERMITTED = 4,
    OPTION_SACK = 5,
    OPTION_TIMESTAMPS = 8
};

/* A packet of a transport: what was captured of it, and how long it was. */
struct transport {
    struct bytes data;
    size_t len;
};

static int parse_ipv4(struct bytes packet, size_t len, struct capture_tcp *out,
                      struct transport *transport)
{
    if (packet.len < IPV4_HEADER_LEN)
        return -EBADMSG;

    size_t header_len = (size_t)(packet.data[0] & 0x0f) * 4;
    size_t total = get_be16(packet.data + IPV4_TOTAL_LENGTH);
    if (total == 0) /* to be filled in by a device that segments */
        total = len;
    if (packet.data[0] >> 4 != 4 || header_len < IPV4_HEADER_LEN ||
        header_len > packet.len || total < header_len)
        return -EBADMSG;
    if (packet.data[IPV4_PROTOCOL] != NEXT_TCP ||
        (get_be16(packet.data + IPV4_FRAGMENT) & IPV4_OFFSET_MASK) != 0)
        return -EPROTONOSUPPORT;
    out->src.addr = ip_addr_v4(get_be32(packet.data + IPV4_SRC));
    out->dst.addr = ip_addr_v4(get_be32(packet.data + IPV4_DST));
    transport->data = bytes_from(packet, header_len);
    transport->len = total - header_len;
    return 0;
}

/* Past the extension headers, of which *next is the first. */
static int pass_extensions(struct transport *transport, uint8_t *next)
{
    while (*next != NEXT_TCP) {
        const uint8_t *header = transport->data.data;

        if (*next != NEXT_HOP_BY_HOP && *next != NEXT_ROUTING &&
            *next != NEXT_FRAGMENT && *next != NEXT_DESTINATION)
            return -EPROTONOSUPPORT;
        if (transport->data.len < EXTENSION_UNIT)
            return -EBADMSG;
        if (*next == NEXT_FRAGMENT &&
            (get_be16(header + 2) & FRAGMENT_OFFSET_MASK) != 0)
            return -EPROTONOSUPPORT;

        size_t len = *next == NEXT_FRAGMENT
                         ? EXTENSION_UNIT
                         : ((size_t)header[1] + 1) * EXTENSION_UNIT;
        if (len > transport->data.len || len > transport->len)
            return -EBADMSG;
        *next = header[0];
        transport->data = bytes_from(transport->data, len);
        transport->len -= len;
    }
    return 0;
}

static int parse_ipv6(struct bytes packet, size_t len, struct capture_tcp *out,
                      struct transport *transport)
{
    if (packet.len < IPV6_HEADER_LEN || packet.data[0] >> 4 != 6)
        return -EBADMSG;

    uint8_t next = packet.data[IPV6_NEXT_HEADER];
    memcpy(out->src.addr.octet, packet.data + IPV6_SRC, 16);
    memcpy(out->dst.addr.octet, packet.data + IPV6_DST, 16);
    transport->data = bytes_from(packet, IPV6_HEADER_LEN);
    transport->len = get_be16(packet.data + IPV6_PAYLOAD_LENGTH);
    if (transport->len == 0)
        transport->len = len - IPV6_HEADER_LEN;
    return pass_extensions(transport, &next);
}

/* RFC 2018 3: pairs of left and right edges. */
static void take_sack(struct bytes value, struct capture_tcp *out)
{
    out->sack_count = 0;
    for (size_t at = 0; at + 8 <= value.len; at += 8) {
        if (out->sack_count == CAPTURE_SACK_MAX)
            return;
        out->sack[out->sack_count][0] = get_be32(value.data + at);
        out->sack[out->sack_count][1] = get_be32(value.data + at + 4);
        out->sack_count++;
    }
}

static void take_option(uint8_t kind, struct bytes value,
                        struct capture_tcp *out)
{
    if (kind == OPTION_MSS && value.len == 2)
        out->mss = get_be16(value.data);
    else if (kind == OPTION_WINDOW_SCALE && value.len == 1)
        out->wscale = value.data[0] < 14 ? value.data[0] : 14;
    else if (kind == OPTION_SACK_PERMITTED && value.len == 0)
        out->sack_permitted = true;
    else if (kind == OPTION_SACK)
        take_sack(value, out);
    else if (kind == OPTION_TIMESTAMPS && value.len == 8) {
        out->has_timestamp = true;
        out->ts_val = get_be32(value.data);
        out->ts_ecr = get_be32(value.data + 4);
    }
}

/* Those that are not whole end the list. */
static void parse_options(struct bytes options, struct capture_tcp *out)
{
    size_t at = 0;

    while (at < options.len && options.data[at] != OPTION_END) {
        if (options.data[at] == OPTION_NOP) {
            at++;
            continue;
        }
        if (options.len - at < 2)
            return;

        size_t len = options.data[at + 1];
        if (len < 2 || len > options.len - at)
            return;
        take_option(options.data[at], bytes_slice(options, at + 2, len - 2),
                    out);
        at += len;
    }
}

static int parse_segment(const struct transport *transport,
                         struct capture_tcp *out)
{
    const uint8_t *header = transport->data.data;

    if (transport->data.len < TCP_HEADER_LEN)
        return -EBADMSG;

    size_t header_len = (size_t)(header[TCP_DATA_OFFSET] >> 4) * 4;
    if (header_len < TCP_HEADER_LEN || header_len > transport->len)
        return -EBADMSG;
    out->src.port = get_be16(header + TCP_SRC_PORT);
    out->dst.port = get_be16(header + TCP_DST_PORT);
    out->seq = get_be32(header + TCP_SEQ);
    out->ack = get_be32(header + TCP_ACK);
    out->flags = header[TCP_FLAGS];
    out->wnd = get_be16(header + TCP_WINDOW);
    out->len = (uint32_t)(transport->len - header_len);

    size_t captured = min_size(header_len, transport->data.len);
    parse_options(
        bytes_slice(transport->data, TCP_HEADER_LEN, captured - TCP_HEADER_LEN),
        out);
    return 0;
}

int capture_tcp_parse(const struct capture_record *record,
                      struct capture_tcp *out)
{
    struct capture_tcp segment = {.wscale = -1};
    struct capture_packet packet;
    struct transport transport;

    int r = capture_link_parse(record, &packet);
    if (r < 0)
        return r;

    size_t cut = record->original_len > record->data.len
                     ? record->original_len - record->data.len
                     : 0;
    size_t len = packet.data.len + cut;
    if (packet.ether_type == CAPTURE_IPV4)
        r = parse_ipv4(packet.data, len, &segment, &transport);
    else if (packet.ether_type == CAPTURE_IPV6)
        r = parse_ipv6(packet.data, len, &segment, &transport);
    else
        r = -EPROTONOSUPPORT;
    if (r == 0)
        r = parse_segment(&transport, &segment);
    if (r == 0)
        *out = segment;
    return r;
}
