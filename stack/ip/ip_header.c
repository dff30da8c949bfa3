/*
 * The IPv4 header, RFC 791 3.1, with the checks of RFC 1122 3.2.1.
 *
 * Options are checked and skipped: nothing here acts on one. A source route
 * that has not ended is refused, because a host that does not forward cannot
 * follow it (RFC 1122 3.2.1.8 (c)). No Parameter Problem is sent for a bad
 * option (3.2.2.5 SHOULD): it would answer forged packets.
 */
#include "ip/ip.h"

#include <errno.h>

enum { /* RFC 791 3.1, in an option */
       OPTION_END = 0,
       OPTION_NOP = 1,
       OPTION_LSRR = 131,
       OPTION_SSRR = 137,
       OPTION_LENGTH = 1,
       OPTION_POINTER = 2
};

/* RFC 2113 2.1: type 148, four bytes, "router shall examine packet" */
#define ROUTER_ALERT 0x94040000u

static enum drop_reason check_source_route(const uint8_t *option, size_t len)
{
    if (len <= OPTION_POINTER)
        return DROP_IP_BAD_OPTION;
    /* "If the pointer is greater than the length, the source route is empty" */
    return option[OPTION_POINTER] > len ? DROP_NONE : DROP_IP_SOURCE_ROUTED;
}

/* One option of two bytes or more, at the front of `rest`; its length. */
static enum drop_reason check_option(struct bytes rest, size_t *len)
{
    if (rest.len <= OPTION_LENGTH)
        return DROP_IP_BAD_OPTION;
    *len = rest.data[OPTION_LENGTH];
    if (*len <= OPTION_LENGTH || *len > rest.len)
        return DROP_IP_BAD_OPTION;
    if (rest.data[0] == OPTION_LSRR || rest.data[0] == OPTION_SSRR)
        return check_source_route(rest.data, *len);
    return DROP_NONE;
}

static enum drop_reason check_options(struct bytes options)
{
    while (options.len > 0 && options.data[0] != OPTION_END) {
        size_t len = 1;

        if (options.data[0] != OPTION_NOP) {
            enum drop_reason reason = check_option(options, &len);

            if (reason != DROP_NONE)
                return reason;
        }
        options = bytes_from(options, len);
    }
    return DROP_NONE;
}

/* RFC 1071 of a header, which is whole words of 32 bits. */
static uint16_t header_checksum(const uint8_t *at, size_t len)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < len; i += 4)
        sum += get_be32(at + i);
    sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* What must hold before any field can be read. */
static enum drop_reason check_lengths(struct bytes bytes)
{
    if (bytes.len < IP_HEADER_LEN)
        return DROP_IP_SHORT;
    if (bytes.data[IPH_VERSION_IHL] >> 4 != 4)
        return DROP_IP_BAD_VERSION; /* RFC 1122 3.2.1.1 */

    size_t header_len = (bytes.data[IPH_VERSION_IHL] & 0xf) * (size_t)4;

    if (header_len < IP_HEADER_LEN)
        return DROP_IP_BAD_HEADER_LENGTH;
    if (header_len > bytes.len)
        return DROP_IP_SHORT;
    if (get_be16(bytes.data + IPH_TOTAL_LENGTH) < header_len)
        return DROP_IP_BAD_TOTAL_LENGTH;
    return DROP_NONE;
}

static struct ip_header read_fields(const uint8_t *at)
{
    uint16_t fragment = get_be16(at + IPH_FRAGMENT);

    return (struct ip_header){
        .src = ip_addr_v4(get_be32(at + IPH_SRC)),
        .dst = ip_addr_v4(get_be32(at + IPH_DST)),
        .header_len = (at[IPH_VERSION_IHL] & 0xf) * (size_t)4,
        .total_len = get_be16(at + IPH_TOTAL_LENGTH),
        .id = get_be16(at + IPH_ID),
        .fragment_offset = (uint16_t)((fragment & IP_OFFSET_MASK) * 8),
        .df = (fragment & IP_FLAG_DF) != 0,
        .mf = (fragment & IP_FLAG_MF) != 0,
        .tos = at[IPH_TOS],
        .ttl = at[IPH_TTL],
        .protocol = at[IPH_PROTOCOL],
    };
}

int ip_parse_quote(struct bytes bytes, struct ip_header *out,
                   enum drop_reason *why)
{
    enum drop_reason reason = check_lengths(bytes);

    if (reason != DROP_NONE) {
        *why = reason;
        return -EBADMSG;
    }
    *out = read_fields(bytes.data);
    return 0;
}

/* `header` is whole: fixed part and options. */
static enum drop_reason check_header(struct bytes header)
{
    if (header_checksum(header.data, header.len) != 0)
        return DROP_IP_BAD_CHECKSUM; /* RFC 1122 3.2.1.2 */
    if (get_be16(header.data + IPH_FRAGMENT) & IP_FLAG_RESERVED)
        return DROP_IP_RESERVED_FLAG; /* "must be zero" */
    return check_options(bytes_from(header, IP_HEADER_LEN));
}

int ip_parse(struct bytes bytes, struct ip_header *out, enum drop_reason *why)
{
    struct ip_header header;

    if (ip_parse_quote(bytes, &header, why) < 0)
        return -EBADMSG;

    enum drop_reason reason =
        check_header(bytes_slice(bytes, 0, header.header_len));

    if (reason != DROP_NONE) {
        *why = reason;
        return -EBADMSG;
    }
    *out = header;
    return 0;
}

void ip_emit(uint8_t *at, const struct ip_header *header)
{
    unsigned fragment = header->fragment_offset / 8u;

    if (header->df)
        fragment |= IP_FLAG_DF;
    if (header->mf)
        fragment |= IP_FLAG_MF;
    assert(header->header_len == IP_HEADER_LEN ||
           header->header_len == IP_HEADER_LEN + IP_ROUTER_ALERT_LEN);
    at[IPH_VERSION_IHL] = (uint8_t)(4 << 4 | header->header_len / 4);
    at[IPH_TOS] = header->tos;
    put_be16(at + IPH_TOTAL_LENGTH, (uint16_t)header->total_len);
    put_be16(at + IPH_ID, header->id);
    put_be16(at + IPH_FRAGMENT, (uint16_t)fragment);
    at[IPH_TTL] = header->ttl;
    at[IPH_PROTOCOL] = header->protocol;
    put_be16(at + IPH_CHECKSUM, 0);
    put_be32(at + IPH_SRC, ip_addr_to_v4(&header->src));
    put_be32(at + IPH_DST, ip_addr_to_v4(&header->dst));
    if (header->header_len > IP_HEADER_LEN)
        put_be32(at + IP_HEADER_LEN, ROUTER_ALERT);
    put_be16(at + IPH_CHECKSUM, header_checksum(at, header->header_len));
}
