/*
 * Packets are parsed by the core's own functions: what these refuse, the stack
 * would not take either.
 */
#include "rerun_packet.h"

#include "base/checksum.h"
#include "ip/icmp.h"
#include "link/eth.h"
#include "udp/udp.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- Parsing ------------------------------------------------------------- */

/* A 32-bit FNV-1a: it need not bear an enemy. */
static uint32_t sum_of(struct bytes text)
{
    uint32_t sum = 2166136261u;

    for (size_t i = 0; i < text.len; i++)
        sum = (sum ^ text.data[i]) * 16777619u;
    return sum;
}

static bool parse_arp(struct bytes bytes, struct rerun_packet *out)
{
    enum drop_reason why;
    struct arp_packet arp;

    if (arp_parse(bytes, &arp, &why) < 0)
        return false;
    out->kind = RERUN_ARP;
    out->src.addr = arp.sender_ip;
    out->dst.addr = arp.target_ip;
    out->type = (uint8_t)arp.operation;
    return true;
}

static bool parse_icmp(struct bytes bytes, struct rerun_packet *out)
{
    enum drop_reason why;
    struct icmp_header icmp;

    if (icmp_parse(bytes, &icmp, &why) < 0)
        return false;
    out->kind = RERUN_ICMP;
    out->type = icmp.type;
    out->code = icmp.code;
    out->text = bytes_from(bytes, ICMP_HEADER_LEN);
    if (icmp.type == ICMP_ECHO_REQUEST || icmp.type == ICMP_ECHO_REPLY) {
        out->id = (uint16_t)(icmp.rest >> 16);
        out->sequence = (uint16_t)icmp.rest;
    } else { /* how much of the packet is quoted, is the sender's choice */
        out->text.len = 0;
    }
    return true;
}

static bool parse_udp(struct bytes bytes, struct rerun_packet *out)
{
    enum drop_reason why;
    struct udp_header udp;

    if (udp_parse(bytes, bytes.len, &udp, &why) < 0)
        return false;
    out->kind = RERUN_UDP;
    out->src.port = udp.src_port;
    out->dst.port = udp.dst_port;
    out->text = bytes_slice(bytes, UDP_HEADER_LEN, udp.len - UDP_HEADER_LEN);
    return true;
}

static bool parse_tcp(uint8_t *data, size_t len, struct rerun_packet *out)
{
    struct tcp_segment seg;
    enum drop_reason why;
    struct frame frame;

    frame_init_input(&frame, NULL, data, len);
    if (tcp_segment_parse(&frame, &seg, &why) < 0)
        return false;
    out->kind = RERUN_TCP;
    out->src.port = seg.src_port;
    out->dst.port = seg.dst_port;
    out->seq = seg.seq;
    out->ack = (seg.flags & SEG_ACK) ? seg.ack : 0;
    out->flags = seg.flags;
    out->urgent = (seg.flags & SEG_URG) ? seg.urgent : 0;
    out->wnd = seg.wnd;
    out->options = seg.options;
    out->text = bytes_of(data + seg.text_at, seg.text_len);
    return true;
}

static bool parse_transport(uint8_t protocol, uint8_t *data, size_t len,
                            struct rerun_packet *out)
{
    switch (protocol) {
    case IP_PROTO_ICMP:
        return parse_icmp(bytes_of(data, len), out);
    case IP_PROTO_UDP:
        return parse_udp(bytes_of(data, len), out);
    case IP_PROTO_TCP:
        return parse_tcp(data, len, out);
    default:
        return true; /* nothing that is compared */
    }
}

/* The first fragment tells the ports. */
static void parse_fragment(const struct ip_header *ip, struct bytes payload,
                           struct rerun_packet *out)
{
    if (ip->fragment_offset > 0 || ip->protocol != IP_PROTO_UDP ||
        payload.len < UDP_HEADER_LEN)
        return;
    out->src.port = get_be16(payload.data + UDP_SRC_PORT);
    out->dst.port = get_be16(payload.data + UDP_DST_PORT);
}

static bool parse_ip(uint8_t *data, size_t len, struct rerun_packet *out)
{
    struct ip_header ip;
    enum drop_reason why;

    if (ip_parse_quote(bytes_of(data, len), &ip, &why) < 0 ||
        ip.total_len > len)
        return false;
    out->src.addr = ip.src;
    out->dst.addr = ip.dst;
    out->ecn = ip.tos & IP_ECN_MASK;
    out->is_fragment = ip.mf || ip.fragment_offset > 0;
    if (!out->is_fragment)
        return parse_transport(ip.protocol, data + ip.header_len,
                               ip.total_len - ip.header_len, out);
    parse_fragment(
        &ip, bytes_of(data + ip.header_len, ip.total_len - ip.header_len), out);
    return true;
}

bool rerun_packet_parse(enum netdev_type type, uint8_t *frame, size_t len,
                        struct rerun_packet *out)
{
    struct rerun_packet packet = {
        .time = out->time, .number = out->number, .is_cut = out->is_cut};
    bool is_good;

    if (type == NETDEV_IP)
        is_good = parse_ip(frame, len, &packet);
    else if (len < ETH_HEADER_LEN)
        is_good = false;
    else if (get_be16(frame + ETH_TYPE) == ETH_TYPE_ARP)
        is_good = parse_arp(
            bytes_of(frame + ETH_HEADER_LEN, len - ETH_HEADER_LEN), &packet);
    else
        is_good =
            get_be16(frame + ETH_TYPE) == ETH_TYPE_IPV4 &&
            parse_ip(frame + ETH_HEADER_LEN, len - ETH_HEADER_LEN, &packet);
    if (!is_good)
        return false;
    packet.text_sum = sum_of(packet.text);
    *out = packet;
    return true;
}

/* ---- Cutting ------------------------------------------------------------- */

bool rerun_packet_piece(const struct rerun_packet *whole, uint32_t mss,
                        size_t *at, struct rerun_packet *out)
{
    size_t rest;

    if (*at > 0 && *at >= whole->text.len)
        return false;
    rest = whole->text.len - *at;
    *out = *whole;
    if (whole->kind == RERUN_TCP && mss > 0 && whole->text.len > mss) {
        out->text = bytes_slice(whole->text, *at, min_size(rest, mss));
        out->text_sum = sum_of(out->text);
        out->seq += (uint32_t)*at;
        if (*at > 0) /* as netdev/whole.c has it */
            out->flags &= (uint8_t)~SEG_CWR;
        if (out->text.len < rest)
            out->flags &= (uint8_t) ~(SEG_FIN | SEG_PSH);
    }
    *at += out->text.len > 0 ? out->text.len : 1;
    return true;
}

/* ---- Comparing ----------------------------------------------------------- */

static bool same_options(const struct tcp_options *a,
                         const struct tcp_options *b)
{
    return a->has_mss == b->has_mss && a->mss == b->mss &&
           a->sack_permitted == b->sack_permitted &&
           a->has_timestamps == b->has_timestamps &&
           a->has_window_scale == b->has_window_scale &&
           a->window_scale == b->window_scale &&
           a->has_fast_open == b->has_fast_open;
}

static bool same_sacks(const struct tcp_options *a, const struct tcp_options *b)
{
    return a->sack_count == b->sack_count &&
           memcmp(a->sacks, b->sacks, a->sack_count * sizeof(a->sacks[0])) == 0;
}

static unsigned compare_windows(const struct rerun_packet *a,
                                const struct rerun_packet *b)
{
    return a->wnd != b->wnd ? DIFFERS_WINDOW : 0;
}

static unsigned compare_tcp(const struct rerun_packet *a,
                            const struct rerun_packet *b, bool is_strict)
{
    unsigned flags = (unsigned)(a->flags ^ b->flags);

    if (!is_strict)
        flags &= (unsigned)~SEG_PSH;
    return (flags != 0 ? DIFFERS_FLAGS : 0) |
           (a->seq != b->seq ? DIFFERS_SEQ : 0) |
           (a->ack != b->ack ? DIFFERS_ACK : 0) |
           (a->urgent != b->urgent ? DIFFERS_URGENT : 0) |
           (same_options(&a->options, &b->options) ? 0 : DIFFERS_OPTIONS) |
           (same_sacks(&a->options, &b->options) ? 0 : DIFFERS_SACK);
}

static unsigned compare_text(const struct rerun_packet *a,
                             const struct rerun_packet *b)
{
    if (a->text.len != b->text.len)
        return DIFFERS_LENGTH;
    if (a->is_cut || b->is_cut)
        return 0; /* what is not there is not compared */
    return a->text_sum != b->text_sum ? DIFFERS_TEXT : 0;
}

unsigned rerun_packets_compare(const struct rerun_packet *a,
                               const struct rerun_packet *b, bool is_strict)
{
    unsigned differences =
        compare_text(a, b) | (a->ecn != b->ecn ? DIFFERS_ECN : 0);

    if (a->type != b->type || a->code != b->code)
        differences |= DIFFERS_KIND;
    if (a->sequence != b->sequence || a->id != b->id)
        differences |= DIFFERS_SEQ;
    if (a->kind == RERUN_TCP)
        differences |= compare_tcp(a, b, is_strict);
    if (a->kind == RERUN_TCP && is_strict)
        differences |= compare_windows(a, b);
    return differences;
}

/* ---- Text ---------------------------------------------------------------- */

struct line {
    char *text;
    size_t room;
    size_t len;
};

/* What does not fit is cut off. */
__attribute__((format(printf, 2, 3))) static void add(struct line *line,
                                                      const char *format, ...)
{
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(line->text + line->len, line->room - line->len, format,
                    arguments);
    va_end(arguments);
    if (len > 0)
        line->len += min_size((size_t)len, line->room - line->len - 1);
}

const char *rerun_differences_text(unsigned differences,
                                   char text[static RERUN_DIFFERENCES_TEXT_MAX])
{
    static const char *const names[] = {
        "flags", "seq", "ack",    "length", "text", "options",
        "sack",  "ecn", "urgent", "window", "kind", "another time",
    };
    struct line line = {text, RERUN_DIFFERENCES_TEXT_MAX, 0};

    text[0] = '\0';
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (differences & 1u << i)
            add(&line, "%s%s", line.len > 0 ? ", " : "", names[i]);
    return text;
}

static void add_flags(struct line *line, uint8_t flags)
{
    static const struct {
        uint8_t flag;
        char letter;
    } letters[] = {{SEG_SYN, 'S'}, {SEG_FIN, 'F'}, {SEG_RST, 'R'},
                   {SEG_PSH, 'P'}, {SEG_ACK, '.'}, {SEG_URG, 'U'},
                   {SEG_ECE, 'E'}, {SEG_CWR, 'W'}};

    for (size_t i = 0; i < ARRAY_LENGTH(letters); i++)
        if (flags & letters[i].flag)
            add(line, "%c", letters[i].letter);
}

static void add_options(struct line *line, const struct tcp_options *options)
{
    if (options->has_mss)
        add(line, " mss %u", options->mss);
    if (options->has_window_scale)
        add(line, " wscale %u", options->window_scale);
    if (options->sack_permitted)
        add(line, " sackOK");
    if (options->has_timestamps)
        add(line, " TS");
    for (unsigned i = 0; i < options->sack_count; i++)
        add(line, " sack %u:%u", options->sacks[i].start,
            options->sacks[i].end);
}

static void add_tcp(struct line *line, const struct rerun_packet *packet)
{
    uint32_t len = (uint32_t)packet->text.len;

    add_flags(line, packet->flags);
    add(line, " %u:%u(%u)", packet->seq, packet->seq + len, len);
    if (packet->flags & SEG_ACK)
        add(line, " ack %u", packet->ack);
    add(line, " win %u", packet->wnd);
    if (packet->urgent != 0)
        add(line, " urg %u", packet->urgent);
    add_options(line, &packet->options);
}

static void add_icmp(struct line *line, const struct rerun_packet *packet)
{
    if (packet->type == ICMP_ECHO_REQUEST || packet->type == ICMP_ECHO_REPLY)
        add(line, "echo %s id %u seq %u, %zu bytes",
            packet->type == ICMP_ECHO_REPLY ? "reply" : "request", packet->id,
            packet->sequence, packet->text.len);
    else
        add(line, "type %u code %u", packet->type, packet->code);
}

const char *rerun_packet_text(const struct rerun_packet *packet,
                              char text[static RERUN_PACKET_TEXT_MAX])
{
    struct line line = {text, RERUN_PACKET_TEXT_MAX, 0};

    text[0] = '\0';
    switch (packet->kind) {
    case RERUN_TCP:
        add_tcp(&line, packet);
        break;
    case RERUN_UDP:
        add(&line, "%zu bytes", packet->text.len);
        break;
    case RERUN_ICMP:
        add_icmp(&line, packet);
        break;
    case RERUN_ARP:
        add(&line, packet->type == ARP_REPLY ? "reply" : "request");
        break;
    case RERUN_NOTHING:
        break;
    }
    if (packet->ecn != 0)
        add(&line, " ecn %u", packet->ecn);
    return text;
}
