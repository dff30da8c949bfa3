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

#include <stdarg.h>
#include <stdio.h>

struct line {
    char *text;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line,
                                                      const char *format, ...)
{
    size_t room = REPLAY_LINE_MAX - line->len;
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(line->text + line->len, room, format, arguments);
    va_end(arguments);
    if (len > 0)
        line->len += min_size((size_t)len, room - 1);
}

static void add_flags(struct line *line, uint8_t flags)
{
    static const char letters[] = "FSRP.UEW"; /* from the lowest bit on */

    for (unsigned i = 0; letters[i] != '\0'; i++)
        if ((flags >> i & 1) != 0)
            add(line, "%c", letters[i]);
}

static void add_tcp_options(struct line *line, struct bytes head)
{
    size_t end =
        min_size((head.data[TCP_DATA_OFFSET] >> 4) * (size_t)4, head.len);

    if (end <= TCP_HEADER_LEN)
        return;
    add(line, " options ");
    for (size_t i = TCP_HEADER_LEN; i < end; i++)
        add(line, "%02x", head.data[i]);
}

/* `len` is that of the IP packet's payload. */
static void add_tcp(struct line *line, struct bytes head, size_t len)
{
    size_t header;

    if (head.len < TCP_HEADER_LEN) {
        add(line, "tcp, cut");
        return;
    }
    header = (head.data[TCP_DATA_OFFSET] >> 4) * (size_t)4;
    add_flags(line, head.data[TCP_FLAGS]);
    add(line, " seq %u (%zu) ack %u win %u", get_be32(head.data + TCP_SEQ),
        len > header ? len - header : 0, get_be32(head.data + TCP_ACK),
        get_be16(head.data + TCP_WINDOW));
    add_tcp_options(line, head);
}

static void add_icmp(struct line *line, struct bytes head, size_t len)
{
    if (head.len < ICMP_HEADER_LEN)
        add(line, "icmp, %zu bytes", len);
    else
        add(line, "icmp type %u code %u, %zu bytes", head.data[0], head.data[1],
            len);
}

/* "192.0.2.2:80 > 192.0.2.1:53338: " */
static void add_ends(struct line *line, struct bytes ip, size_t header,
                     bool has_ports)
{
    struct endpoint ends[2];
    char text[2][ENDPOINT_TEXT_MAX];

    for (unsigned i = 0; i < ARRAY_LENGTH(ends); i++) {
        ends[i] = (struct endpoint){
            .addr = ip_addr_v4(get_be32(ip.data + IPH_SRC + i * 4))};
        if (has_ports && ip.len >= header + 4)
            ends[i].port = get_be16(ip.data + header + i * 2);
        if (ends[i].port != 0)
            endpoint_text(&ends[i], text[i]);
        else
            ip_addr_text(&ends[i].addr, text[i]);
    }
    add(line, "%s > %s: ", text[0], text[1]);
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
        add(line, "protocol %u, fragment at %u, %zu bytes", protocol, offset,
            len);
    else if (protocol == IP_PROTO_TCP)
        add_tcp(line, bytes_from(head, min_size(header, head.len)), len);
    else if (protocol == IP_PROTO_ICMP)
        add_icmp(line, bytes_from(head, min_size(header, head.len)), len);
    else if (protocol == IP_PROTO_UDP)
        add(line, "udp, %zu bytes",
            len > UDP_HEADER_LEN ? len - UDP_HEADER_LEN : 0);
    else
        add(line, "protocol %u, %zu bytes", protocol, len);
}

static void add_arp(struct line *line, struct bytes arp)
{
    struct ip_addr sender;
    struct ip_addr target;
    char text[2][IP_ADDR_TEXT_MAX];

    if (arp.len < ARP_PACKET_LEN) {
        add(line, "arp, cut");
        return;
    }
    sender = ip_addr_v4(get_be32(arp.data + ARP_SENDER_IP));
    target = ip_addr_v4(get_be32(arp.data + ARP_TARGET_IP));
    add(line, "arp %s from %s for %s",
        get_be16(arp.data + ARP_OPERATION) == 1 ? "request" : "reply",
        ip_addr_text(&sender, text[0]), ip_addr_text(&target, text[1]));
}

void replay_frame_text(struct bytes head, size_t len, bool is_ethernet,
                       char text[static REPLAY_LINE_MAX])
{
    struct line line = {.text = text};
    uint16_t type = ETH_TYPE_IPV4;

    *text = '\0';
    if (is_ethernet && head.len >= ETH_HEADER_LEN) {
        type = get_be16(head.data + ETH_TYPE);
        head = bytes_from(head, ETH_HEADER_LEN);
    }
    if (type == ETH_TYPE_ARP)
        add_arp(&line, head);
    else if (type == ETH_TYPE_IPV4 && head.len >= IP_HEADER_LEN)
        add_ip(&line, head);
    else
        add(&line, "type %#06x, %zu bytes", type, len);
}
