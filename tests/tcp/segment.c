#include "tests/tcp/segment.h"

#include "base/bytes.h"

#include <string.h>

enum { IP_LEN = 20, TCP_LEN = 20, PROTOCOL_TCP = 6 };

enum { /* option kinds: RFC 9293 3.2, RFC 7323, RFC 2018 */
       KIND_END = 0,
       KIND_NOP = 1,
       KIND_MSS = 2,
       KIND_WSCALE = 3,
       KIND_SACK_PERMITTED = 4,
       KIND_SACK = 5,
       KIND_TIMESTAMPS = 8,
       KIND_USER_TIMEOUT = 28, /* RFC 5482 */
       KIND_FAST_OPEN = 34     /* RFC 7413 */
};

const struct segment_options segment_no_options = {
    .mss = -1, .wscale = -1, .cookie_len = -1, .user_timeout = -1};

uint32_t segment_sum(uint32_t sum, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += get_be16(bytes + i);
    if (len % 2 == 1)
        sum += (uint32_t)bytes[len - 1] << 8;
    return sum;
}

uint16_t segment_fold(uint32_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* RFC 9293 3.1: the pseudo header, its sum. */
static uint32_t pseudo_sum(const uint8_t *packet, size_t tcp_len)
{
    return segment_sum(PROTOCOL_TCP + (uint32_t)tcp_len, packet + 12, 8);
}

/* ---- taking apart ---- */

static void note_option(struct segment_options *options, const char *name)
{
    size_t used = strlen(options->order);

    snprintf(options->order + used, sizeof(options->order) - used, "%s%s",
             used == 0 ? "" : ",", name);
}

/* The length of each kind that we may meet; 0: no such kind. */
static size_t option_len(const uint8_t *at)
{
    switch (at[0]) {
    case KIND_MSS:
        return 4;
    case KIND_WSCALE:
        return 3;
    case KIND_SACK_PERMITTED:
        return 2;
    case KIND_SACK:
        return at[1] >= 10 && at[1] % 8 == 2 ? at[1] : 10; /* RFC 2018 3 */
    case KIND_TIMESTAMPS:
        return 10;
    case KIND_USER_TIMEOUT:
        return 4;
    case KIND_FAST_OPEN: /* empty, or 4 to 16 and even */
        return at[1] == 2 || (at[1] >= 6 && at[1] <= 18 && at[1] % 2 == 0)
                   ? at[1]
                   : 10;
    default:
        return 0;
    }
}

static void take_sack(const uint8_t *at, struct segment_options *out)
{
    out->sack_count = (at[1] - 2u) / 8;
    for (unsigned i = 0; i < out->sack_count; i++)
        out->sacks[i] = (struct segment_sack){get_be32(at + 2 + i * 8),
                                              get_be32(at + 6 + i * 8)};
}

/* An option whose length is right. */
static void take_option(const uint8_t *at, struct segment_options *out)
{
    switch (at[0]) {
    case KIND_MSS:
        note_option(out, "mss");
        out->mss = get_be16(at + 2);
        break;
    case KIND_WSCALE:
        note_option(out, "wscale");
        out->wscale = at[2];
        break;
    case KIND_SACK_PERMITTED:
        note_option(out, "sackOK");
        out->sack_permitted = true;
        break;
    case KIND_SACK:
        note_option(out, "sack");
        take_sack(at, out);
        break;
    case KIND_TIMESTAMPS:
        note_option(out, "TS");
        out->has_timestamps = true;
        out->ts_val = get_be32(at + 2);
        out->ts_ecr = get_be32(at + 6);
        break;
    case KIND_USER_TIMEOUT:
        note_option(out, "uto");
        out->user_timeout = get_be16(at + 2);
        break;
    case KIND_FAST_OPEN:
        note_option(out, "tfo");
        out->cookie_len = at[1] - 2;
        memcpy(out->cookie, at + 2, at[1] - 2u);
        break;
    }
}

static const char *parse_options(const uint8_t *at, size_t len,
                                 struct segment_options *out)
{
    while (len > 0 && at[0] != KIND_END) {
        size_t size = 1;

        if (at[0] == KIND_NOP) {
            note_option(out, "nop");
        } else {
            if (len < 2 || at[1] < 2 || at[1] > len)
                return "an option's length is impossible";
            size = at[1];
            if (option_len(at) == 0)
                return "an option that nobody has agreed on";
            if (option_len(at) != size)
                return "an option's length is not the one of its kind";
            if (at[0] == KIND_SACK && out->sack_count > 0)
                return "two SACK options";
            take_option(at, out);
        }
        at += size;
        len -= size;
    }
    for (size_t i = 0; i < len; i++)
        if (at[i] != 0)
            return "padding is not zero (RFC 9293 3.1)";
    return NULL;
}

/* RFC 9293 3.2, RFC 7323 2.2 and 2.3: what belongs on a SYN alone. */
static const char *check_options(const struct segment *segment)
{
    const struct segment_options *options = &segment->options;

    if (options->wscale > 14)
        return "window scale above 14";
    if (options->user_timeout >= 0 && (options->user_timeout & 0x7fff) == 0)
        return "a user timeout of 0 is reserved (RFC 5482 3.4)";
    if ((segment->flags & SYN) != 0)
        return options->sack_count > 0 ? "SACK blocks on a SYN" : NULL;
    return options->mss >= 0 || options->wscale >= 0 ||
                   options->sack_permitted || options->cookie_len >= 0
               ? "an option that belongs on a SYN"
               : NULL;
}

/* What no segment of a sane sender has. */
static const char *check_flags(const struct segment *segment)
{
    unsigned flags = segment->flags;

    if ((flags & SYN) != 0 && (flags & (FIN | RST)) != 0)
        return "SYN together with FIN or RST";
    if ((flags & RST) != 0 && (flags & FIN) != 0)
        return "RST together with FIN";
    if ((flags & (ACK | SYN | RST)) == 0)
        return "neither ACK, SYN nor RST (RFC 9293 3.10.7.4, fifth)";
    if ((flags & ACK) == 0 && segment->ack != 0)
        return "acknowledgment number without ACK";
    if (((flags & URG) != 0) != (segment->urgent != 0))
        return "an urgent pointer without URG, or to nothing";
    if ((flags & RST) != 0 && segment->len != 0)
        return "payload in a RST";
    if ((flags & (SYN | ACK)) == (SYN | ACK) && segment->len != 0)
        return "payload in a SYN,ACK, which Linux never sends";
    return NULL;
}

static const char *parse_tcp(const uint8_t *tcp, size_t len,
                             struct segment *out)
{
    if (len < TCP_LEN)
        return "shorter than a TCP header";
    out->src_port = get_be16(tcp);
    out->dst_port = get_be16(tcp + 2);
    out->seq = get_be32(tcp + 4);
    out->ack = get_be32(tcp + 8);
    out->flags = tcp[13];
    out->window = get_be16(tcp + 14);
    out->urgent = get_be16(tcp + 18);

    size_t header_len = (size_t)(tcp[12] >> 4) * 4;
    if (header_len < TCP_LEN || header_len > len)
        return "data offset is impossible";
    out->payload = tcp + header_len;
    out->len = len - header_len;
    out->options.len = header_len - TCP_LEN;
    if ((tcp[12] & 0x0f) != 0)
        return "reserved bits are not zero";

    const char *wrong =
        parse_options(tcp + TCP_LEN, header_len - TCP_LEN, &out->options);
    if (wrong == NULL)
        wrong = check_options(out);
    return wrong != NULL ? wrong : check_flags(out);
}

const char *segment_parse(const uint8_t *packet, size_t len, bool partial,
                          struct segment *out)
{
    *out = (struct segment){.options = segment_no_options};
    if (len < IP_LEN)
        return "shorter than an IP header";
    if (packet[0] != 0x45)
        return "not IPv4 with a header of 20 bytes";
    if (get_be16(packet + 2) != len)
        return "total length is not the packet's";
    if (segment_fold(segment_sum(0, packet, IP_LEN)) != 0xffff)
        return "IP checksum is wrong";
    if ((get_be16(packet + 6) & 0xbfff) != 0)
        return "a fragment, or the reserved IP flag";
    if (packet[8] == 0)
        return "TTL is 0";
    if (packet[9] != PROTOCOL_TCP)
        return "not TCP";
    out->tos = packet[1];
    out->ttl = packet[8];
    out->df = (get_be16(packet + 6) & 0x4000) != 0;
    out->src = get_be32(packet + 12);
    out->dst = get_be32(packet + 16);

    const uint8_t *tcp = packet + IP_LEN;
    size_t tcp_len = len - IP_LEN;
    const char *wrong = parse_tcp(tcp, tcp_len, out);
    if (wrong != NULL)
        return wrong;
    if (partial)
        return get_be16(tcp + 16) == segment_fold(pseudo_sum(packet, tcp_len))
                   ? NULL
                   : "the sum of the pseudo header is wrong";
    if (segment_fold(segment_sum(pseudo_sum(packet, tcp_len), tcp, tcp_len)) !=
        0xffff)
        return "TCP checksum is wrong";
    return NULL;
}

/* ---- putting together ---- */

static size_t emit_sack(const struct segment_options *options, uint8_t *to)
{
    unsigned count = options->sack_count;

    if (count == 0)
        return 0;
    memcpy(to, (uint8_t[]){1, 1, KIND_SACK, (uint8_t)(2 + 8 * count)}, 4);
    for (unsigned i = 0; i < count; i++) {
        put_be32(to + 4 + i * 8, options->sacks[i].from);
        put_be32(to + 8 + i * 8, options->sacks[i].to);
    }
    return 4 + 8 * count;
}

/* Each option padded to a word by NOPs before it; the bytes written. */
static size_t emit_options(const struct segment_options *options, uint8_t *to)
{
    size_t len = 0;

    if (options->mss >= 0) {
        memcpy(to + len, (uint8_t[]){KIND_MSS, 4}, 2);
        put_be16(to + len + 2, (uint16_t)options->mss);
        len += 4;
    }
    if (options->sack_permitted) {
        memcpy(to + len, (uint8_t[]){1, 1, KIND_SACK_PERMITTED, 2}, 4);
        len += 4;
    }
    if (options->has_timestamps) {
        memcpy(to + len, (uint8_t[]){1, 1, KIND_TIMESTAMPS, 10}, 4);
        put_be32(to + len + 4, options->ts_val);
        put_be32(to + len + 8, options->ts_ecr);
        len += 12;
    }
    if (options->wscale >= 0) {
        memcpy(to + len, (uint8_t[]){1, KIND_WSCALE, 3}, 3);
        to[len + 3] = (uint8_t)options->wscale;
        len += 4;
    }
    if (options->cookie_len >= 0) {
        size_t size = 2 + (size_t)options->cookie_len;

        to[len] = KIND_FAST_OPEN;
        to[len + 1] = (uint8_t)size;
        memcpy(to + len + 2, options->cookie, size - 2);
        len += size;
        for (; len % 4 != 0; len++)
            to[len] = KIND_NOP;
    }
    if (options->user_timeout >= 0) {
        memcpy(to + len, (uint8_t[]){KIND_USER_TIMEOUT, 4}, 2);
        put_be16(to + len + 2, (uint16_t)options->user_timeout);
        len += 4;
    }
    return len + emit_sack(options, to + len);
}

static void emit_ip(const struct segment *segment, size_t total_len,
                    uint8_t *ip)
{
    memset(ip, 0, IP_LEN);
    ip[0] = 0x45;
    ip[1] = segment->tos;
    put_be16(ip + 2, (uint16_t)total_len);
    put_be16(ip + 6, 0x4000); /* DF */
    ip[8] = 64;
    ip[9] = PROTOCOL_TCP;
    put_be32(ip + 12, segment->src);
    put_be32(ip + 16, segment->dst);
    put_be16(ip + 10, (uint16_t)~segment_fold(segment_sum(0, ip, IP_LEN)));
}

size_t segment_emit(const struct segment *segment,
                    uint8_t packet[static SEGMENT_PACKET_MAX])
{
    uint8_t *tcp = packet + IP_LEN;
    size_t options_len = segment->raw_options_len;

    memset(tcp, 0, TCP_LEN + SEGMENT_OPTIONS_MAX);
    if (segment->raw_options != NULL)
        memcpy(tcp + TCP_LEN, segment->raw_options, options_len);
    else
        options_len = emit_options(&segment->options, tcp + TCP_LEN);

    size_t header_len = TCP_LEN + (options_len + 3) / 4 * 4;
    size_t tcp_len = header_len + segment->len;
    unsigned offset = segment->data_offset;

    put_be16(tcp, segment->src_port);
    put_be16(tcp + 2, segment->dst_port);
    put_be32(tcp + 4, segment->seq);
    put_be32(tcp + 8, segment->ack);
    tcp[12] = (uint8_t)((offset != 0 ? offset : header_len / 4) << 4 |
                        (segment->reserved & 15));
    tcp[13] = (uint8_t)segment->flags;
    put_be16(tcp + 14, segment->window);
    put_be16(tcp + 18, segment->urgent);
    if (segment->len > 0)
        memcpy(tcp + header_len, segment->payload, segment->len);

    emit_ip(segment, IP_LEN + tcp_len, packet);
    uint32_t sum = segment_sum(pseudo_sum(packet, tcp_len), tcp, tcp_len);
    put_be16(tcp + 16, (uint16_t)(~segment_fold(sum) ^
                                  (segment->bad_checksum ? 0x0001 : 0)));
    return IP_LEN + tcp_len;
}
