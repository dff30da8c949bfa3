/*
 * The fields of each header as tables: see explain_fields.h. The offsets are
 * those of the layers' own headers.
 */
#include "host/explain_fields.h"

#include "host/line.h"
#include "ip/icmp.h"
#include "ip/ip.h"
#include "link/arp.h"
#include "link/eth.h"
#include "tcp/tcp_segment.h"
#include "udp/udp.h"

enum { BYTES_SHOWN = 8 };

/* How a field's bytes are to be read. */
typedef void meaning_fn(struct line *line, const uint8_t *at);

struct field {
    unsigned at;
    unsigned len;
    const char *name;
    meaning_fn *meaning; /* NULL: the bytes say it */
};

/* ---- Meanings ---------------------------------------------------------- */

static void as_u16(struct line *line, const uint8_t *at)
{
    line_add(line, "%u", get_be16(at));
}

static void as_u8(struct line *line, const uint8_t *at)
{
    line_add(line, "%u", *at);
}

static void as_mac(struct line *line, const uint8_t *at)
{
    struct mac_addr mac = mac_addr_read(at);
    char text[MAC_TEXT_MAX];

    line_add(line, "%s", mac_addr_text(&mac, text));
}

static void as_ipv4(struct line *line, const uint8_t *at)
{
    struct ip_addr addr = ip_addr_v4(get_be32(at));
    char text[IP_ADDR_TEXT_MAX];

    line_add(line, "%s", ip_addr_text(&addr, text));
}

static void as_type(struct line *line, const uint8_t *at)
{
    unsigned type = get_be16(at);

    line_add(line, "%s",
             type == ETH_TYPE_IPV4   ? "IPv4"
             : type == ETH_TYPE_ARP  ? "ARP"
             : type == ETH_TYPE_IPV6 ? "IPv6"
                                     : "unknown");
}

static void as_operation(struct line *line, const uint8_t *at)
{
    unsigned operation = get_be16(at);

    line_add(line, "%s",
             operation == ARP_REQUEST ? "request"
             : operation == ARP_REPLY ? "reply"
                                      : "unknown");
}

static void as_version(struct line *line, const uint8_t *at)
{
    line_add(line, "%u, header of %u bytes", *at >> 4, (*at & 0xf) * 4u);
}

static void as_tos(struct line *line, const uint8_t *at)
{
    static const char *const marks[] = {"not ECN-capable", "ECT(1)", "ECT(0)",
                                        "CE"};

    line_add(line, "DSCP %u, %s", *at >> 2, marks[*at & IP_ECN_MASK]);
}

static void as_fragment(struct line *line, const uint8_t *at)
{
    unsigned field = get_be16(at);

    line_add(line, "%s%s%soffset %u",
             field & IP_FLAG_RESERVED ? "RESERVED, " : "",
             field & IP_FLAG_DF ? "DF, " : "", field & IP_FLAG_MF ? "MF, " : "",
             (field & IP_OFFSET_MASK) * 8u);
}

static void as_protocol(struct line *line, const uint8_t *at)
{
    line_add(line, "%s", ip_protocol_text(*at));
}

static void as_offset(struct line *line, const uint8_t *at)
{
    line_add(line, "header of %u bytes", (*at >> 4) * 4u);
}

static void as_flags(struct line *line, const uint8_t *at)
{
    static const char *const names[] = {"FIN", "SYN", "RST", "PSH",
                                        "ACK", "URG", "ECE", "CWR"};
    const char *before = "";

    for (unsigned bit = 0; bit < ARRAY_LENGTH(names); bit++) {
        if ((*at >> bit & 1) == 0)
            continue;
        line_add(line, "%s%s", before, names[bit]);
        before = " ";
    }
    if (*at == 0)
        line_add(line, "none");
}

static void as_icmp_type(struct line *line, const uint8_t *at)
{
    line_add(line, "%u, %s", *at, icmp_type_text(*at));
}

/* ---- Tables ------------------------------------------------------------ */

static const struct field eth_fields[] = {
    {ETH_DST, 6, "destination", as_mac},
    {ETH_SRC, 6, "source", as_mac},
    {ETH_TYPE, 2, "type", as_type},
};

static const struct field arp_fields[] = {
    {ARP_HARDWARE, 2, "hardware", as_u16},
    {ARP_PROTOCOL, 2, "protocol", as_type},
    {ARP_HARDWARE_LEN, 1, "hardware length", as_u8},
    {ARP_PROTOCOL_LEN, 1, "protocol length", as_u8},
    {ARP_OPERATION, 2, "operation", as_operation},
    {ARP_SENDER_MAC, 6, "sender", as_mac},
    {ARP_SENDER_IP, 4, "sender", as_ipv4},
    {ARP_TARGET_MAC, 6, "target", as_mac},
    {ARP_TARGET_IP, 4, "target", as_ipv4},
};

static const struct field ip_fields[] = {
    {IPH_VERSION_IHL, 1, "version", as_version},
    {IPH_TOS, 1, "type of service", as_tos},
    {IPH_TOTAL_LENGTH, 2, "total length", as_u16},
    {IPH_ID, 2, "identification", as_u16},
    {IPH_FRAGMENT, 2, "fragment", as_fragment},
    {IPH_TTL, 1, "time to live", as_u8},
    {IPH_PROTOCOL, 1, "protocol", as_protocol},
    {IPH_CHECKSUM, 2, "header checksum", NULL},
    {IPH_SRC, 4, "source", as_ipv4},
    {IPH_DST, 4, "destination", as_ipv4},
};

static const struct field icmp_fields[] = {
    {ICMP_TYPE, 1, "type", as_icmp_type},
    {ICMP_CODE, 1, "code", as_u8},
    {ICMP_CHECKSUM, 2, "checksum", NULL},
    {ICMP_REST, 2, "identifier", as_u16},
    {ICMP_REST + 2, 2, "sequence number", as_u16},
};

static const struct field udp_fields[] = {
    {UDP_SRC_PORT, 2, "source port", as_u16},
    {UDP_DST_PORT, 2, "destination port", as_u16},
    {UDP_LENGTH, 2, "length", as_u16},
    {UDP_CHECKSUM, 2, "checksum", NULL},
};

/* Before and after the numbers that count from others. */
static const struct field tcp_ports[] = {
    {TCP_SRC_PORT, 2, "source port", as_u16},
    {TCP_DST_PORT, 2, "destination port", as_u16},
};

static const struct field tcp_fields[] = {
    {TCP_DATA_OFFSET, 1, "data offset", as_offset},
    {TCP_FLAGS, 1, "flags", as_flags},
    {TCP_WINDOW, 2, "window", as_u16},
    {TCP_CHECKSUM, 2, "checksum", NULL},
    {TCP_URGENT, 2, "urgent pointer", as_u16},
};

/* ---- Lines ------------------------------------------------------------- */

/* "      14  45                       version " */
static void begin_field(struct line *line, const uint8_t *bytes, size_t offset,
                        size_t len, const char *name)
{
    line_clear(line);
    line_add(line, "%8zu  ", offset);
    for (size_t i = 0; i < BYTES_SHOWN; i++) {
        if (i < len)
            line_add(line, "%02x ", bytes[i]);
        else
            line_add(line, "   ");
    }
    line_add(line, "%s %s ", len > BYTES_SHOWN ? "..." : "   ", name);
}

static void end_field(const struct explain_sink *to, struct line *line)
{
    line_end(line);
    to->take(to->context, line->text);
}

static void put_fields(const struct explain_sink *to, struct bytes frame,
                       size_t at, const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct field *field = &fields[i];
        size_t offset = at + field->at;
        struct line line;

        if (offset + field->len > frame.len)
            return;
        begin_field(&line, frame.data + offset, offset, field->len,
                    field->name);
        if (field->meaning != NULL)
            field->meaning(&line, frame.data + offset);
        end_field(to, &line);
    }
}

#define PUT(to, frame, at, fields)                                             \
    put_fields(to, frame, at, fields, ARRAY_LENGTH(fields))

size_t explain_fields_eth(const struct explain_sink *to, struct bytes frame)
{
    PUT(to, frame, 0, eth_fields);
    return ETH_HEADER_LEN;
}

void explain_fields_arp(const struct explain_sink *to, struct bytes frame,
                        size_t at)
{
    PUT(to, frame, at, arp_fields);
}

/* Bytes whose meaning is not told one by one. */
static void put_rest(const struct explain_sink *to, struct bytes frame,
                     size_t from, size_t until, const char *name)
{
    struct line line;

    until = min_size(until, frame.len);
    if (from >= until)
        return;
    begin_field(&line, frame.data + from, from, until - from, name);
    line_add(&line, "%zu bytes", until - from);
    end_field(to, &line);
}

size_t explain_fields_ip(const struct explain_sink *to, struct bytes frame,
                         size_t at)
{
    size_t end = at + IP_HEADER_LEN;

    PUT(to, frame, at, ip_fields);
    if (at < frame.len)
        end = at + (frame.data[at + IPH_VERSION_IHL] & 0xf) * (size_t)4;
    put_rest(to, frame, at + IP_HEADER_LEN, end, "options");
    return end;
}

void explain_fields_icmp(const struct explain_sink *to, struct bytes frame,
                         size_t at)
{
    PUT(to, frame, at, icmp_fields);
}

void explain_fields_udp(const struct explain_sink *to, struct bytes frame,
                        size_t at)
{
    PUT(to, frame, at, udp_fields);
}

/* ---- TCP --------------------------------------------------------------- */

static void put_number(const struct explain_sink *to, struct bytes frame,
                       size_t at, const char *name, uint32_t from)
{
    struct line line;
    uint32_t number;

    if (at + 4 > frame.len)
        return;
    number = get_be32(frame.data + at);
    begin_field(&line, frame.data + at, at, 4, name);
    line_add(&line, "%u", number);
    if (from != 0)
        line_add(&line, ", relative %u", number - from);
    end_field(to, &line);
}

static const char *option_name(unsigned kind)
{
    switch (kind) {
    case TCP_OPTION_MSS:
        return "MSS";
    case TCP_OPTION_WINDOW_SCALE:
        return "window scale";
    case TCP_OPTION_SACK_PERMITTED:
        return "SACK permitted";
    case TCP_OPTION_SACK:
        return "SACK";
    case TCP_OPTION_TIMESTAMPS:
        return "timestamps";
    case TCP_OPTION_USER_TIMEOUT:
        return "user timeout";
    case TCP_OPTION_FAST_OPEN:
        return "Fast Open";
    default: /* a number from the wire, not an enum */
        return "unknown";
    }
}

static void add_option_value(struct line *line, const uint8_t *at, size_t len)
{
    unsigned kind = at[0];

    if (kind == TCP_OPTION_MSS && len == TCP_OPTION_MSS_LEN)
        line_add(line, "%u", get_be16(at + 2));
    else if (kind == TCP_OPTION_WINDOW_SCALE &&
             len == TCP_OPTION_WINDOW_SCALE_LEN)
        line_add(line, "%u", at[2]);
    else if (kind == TCP_OPTION_TIMESTAMPS && len == TCP_OPTION_TIMESTAMPS_LEN)
        line_add(line, "val %u ecr %u", get_be32(at + 2), get_be32(at + 6));
    else if (kind == TCP_OPTION_SACK)
        line_add(line, "%zu blocks", (len - 2) / TCP_OPTION_SACK_BLOCK_LEN);
}

/* One option; its length, 0: no more are told. */
static size_t put_option(const struct explain_sink *to, struct bytes frame,
                         size_t at, size_t end)
{
    const uint8_t *option = frame.data + at;
    struct line line;
    size_t len;

    if (option[0] == TCP_OPTION_NOP)
        return 1;
    if (option[0] == TCP_OPTION_END || at + 2 > end || option[1] < 2 ||
        at + option[1] > end)
        return 0;
    len = option[1];
    begin_field(&line, option, at, len, "option");
    line_add(&line, "%s ", option_name(option[0]));
    add_option_value(&line, option, len);
    end_field(to, &line);
    return len;
}

static void put_options(const struct explain_sink *to, struct bytes frame,
                        size_t at)
{
    size_t end = at + TCP_HEADER_LEN;
    size_t next = end;
    size_t len = 1;

    if (at + TCP_HEADER_LEN > frame.len)
        return;
    end = at + (frame.data[at + TCP_DATA_OFFSET] >> 4) * (size_t)4;
    end = min_size(end, frame.len);
    while (next < end && len > 0) {
        len = put_option(to, frame, next, end);
        next += len;
    }
}

void explain_fields_tcp(const struct explain_sink *to, struct bytes frame,
                        size_t at, uint32_t seq_from, uint32_t ack_from)
{
    PUT(to, frame, at, tcp_ports);
    put_number(to, frame, at + TCP_SEQ, "sequence number", seq_from);
    put_number(to, frame, at + TCP_ACK, "acknowledgment", ack_from);
    PUT(to, frame, at, tcp_fields);
    put_options(to, frame, at);
}
