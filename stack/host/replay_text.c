/*
 * A frame in one line, in the words of tcpdump, with absolute sequence numbers:
 * a single frame does not know where its connection began.
 */
#include "host/replay.h"

#include "ip/icmp.h"
#include "link/arp.h"
#include "link/eth.h"
#include "tcp/tcp_segment.h"
#include "udp/udp.h"

static void add_tcp_options(struct line *line, struct bytes head)
{
    size_t end =
        min_size((head.data[TCP_DATA_OFFSET] >> 4) * (size_t)4, head.len);

    if (end <= TCP_HEADER_LEN)
        return;
    line_add(line, " options ");
    for (size_t i = TCP_HEADER_LEN; i < end; i++)
        line_add(line, "%02x", head.data[i]);
}

/* `len` is that of the IP packet's payload. */
static void add_tcp(struct line *line, struct bytes head, size_t len)
{
    size_t header;

    if (head.len < TCP_HEADER_LEN) {
        line_add(line, "tcp, cut");
        return;
    }
    header = (head.data[TCP_DATA_OFFSET] >> 4) * (size_t)4;
    line_add_flags(line, head.data[TCP_FLAGS]);
    line_add(line, " seq %u (%zu) ack %u win %u", get_be32(head.data + TCP_SEQ),
             len > header ? len - header : 0, get_be32(head.data + TCP_ACK),
             get_be16(head.data + TCP_WINDOW));
    add_tcp_options(line, head);
}

static void add_icmp(struct line *line, struct bytes head, size_t len)
{
    if (head.len < ICMP_HEADER_LEN)
        line_add(line, "icmp, %zu bytes", len);
    else
        line_add(line, "icmp type %u code %u, %zu bytes", head.data[0],
                 head.data[1], len);
}

/* "192.0.2.2:80 > 192.0.2.1:53338: " */
static void add_ends(struct line *line, struct bytes ip, size_t header,
                     bool has_ports)
{
    for (unsigned i = 0; i < 2; i++) {
        struct endpoint end = {
            .addr = ip_addr_v4(get_be32(ip.data + IPH_SRC + i * 4))};

        if (has_ports && ip.len >= header + 4)
            end.port = get_be16(ip.data + header + i * 2);
        line_add_endpoint(line, &end);
        line_add(line, i == 0 ? " > " : ": ");
    }
}

static void add_ip(struct line *line, struct bytes head)
{
    size_t header = (head.data[IPH_VERSION_IHL] & 0xf) * (size_t)4;
    size_t total = get_be16(head.data + IPH_TOTAL_LENGTH);
    size_t len = total > header ? total - header : 0;
    unsigned offset =
        (get_be16(head.data + IPH_FRAGMENT) & IP_OFFSET_MASK) * 8u;
    uint8_t protocol = head.data[IPH_PROTOCOL];
    bool has_ports =
        offset == 0 && (protocol == IP_PROTO_TCP || protocol == IP_PROTO_UDP);

    add_ends(line, head, header, has_ports);
    if (offset > 0)
        line_add(line, "protocol %u, fragment at %u, %zu bytes", protocol,
                 offset, len);
    else if (protocol == IP_PROTO_TCP)
        add_tcp(line, bytes_from(head, min_size(header, head.len)), len);
    else if (protocol == IP_PROTO_ICMP)
        add_icmp(line, bytes_from(head, min_size(header, head.len)), len);
    else if (protocol == IP_PROTO_UDP)
        line_add(line, "udp, %zu bytes",
                 len > UDP_HEADER_LEN ? len - UDP_HEADER_LEN : 0);
    else
        line_add(line, "protocol %u, %zu bytes", protocol, len);
}

static void add_arp(struct line *line, struct bytes arp)
{
    struct ip_addr sender;
    struct ip_addr target;
    char text[2][IP_ADDR_TEXT_MAX];

    if (arp.len < ARP_PACKET_LEN) {
        line_add(line, "arp, cut");
        return;
    }
    sender = ip_addr_v4(get_be32(arp.data + ARP_SENDER_IP));
    target = ip_addr_v4(get_be32(arp.data + ARP_TARGET_IP));
    line_add(line, "arp %s from %s for %s",
             get_be16(arp.data + ARP_OPERATION) == 1 ? "request" : "reply",
             ip_addr_text(&sender, text[0]), ip_addr_text(&target, text[1]));
}

void replay_frame_text(struct bytes head, size_t len, bool is_ethernet,
                       struct line *line)
{
    uint16_t type = ETH_TYPE_IPV4;

    line_clear(line);
    if (is_ethernet && head.len >= ETH_HEADER_LEN) {
        type = get_be16(head.data + ETH_TYPE);
        head = bytes_from(head, ETH_HEADER_LEN);
    }
    if (type == ETH_TYPE_ARP)
        add_arp(line, head);
    else if (type == ETH_TYPE_IPV4 && head.len >= IP_HEADER_LEN)
        add_ip(line, head);
    else
        line_add(line, "type %#06x, %zu bytes", type, len);
}
