/*
 * What an address is, and addresses as text.
 *
 * The text of IP addresses is the C library's business: inet_pton(3) and
 * inet_ntop(3) compute, and ask nobody.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

enum { IP_BITS = 128, V4_AT = 12 /* in the mapped form */ };

const struct mac_addr mac_addr_broadcast = {
    .octet = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

/* Of octet `i`, the bits that lie in a prefix of `len` bits. */
static uint8_t prefix_mask(unsigned len, unsigned i)
{
    unsigned first_bit = 8 * i;

    if (len >= first_bit + 8)
        return 0xff;
    if (len <= first_bit)
        return 0;
    return (uint8_t)(0xff00u >> (len - first_bit));
}

bool ip_prefix_contains(const struct ip_prefix *prefix,
                        const struct ip_addr *addr)
{
    struct ip_prefix same = {.addr = *addr, .len = prefix->len};
    struct ip_addr ours = ip_prefix_network(prefix);
    struct ip_addr theirs = ip_prefix_network(&same);

    return ip_addr_equal(&ours, &theirs);
}

struct ip_addr ip_prefix_network(const struct ip_prefix *prefix)
{
    struct ip_addr network = prefix->addr;

    assert(prefix->len <= IP_BITS);
    for (unsigned i = 0; i < sizeof(network.octet); i++)
        network.octet[i] &= prefix_mask(prefix->len, i);
    return network;
}

bool ip_prefix_broadcast(const struct ip_prefix *prefix, struct ip_addr *out)
{
    if (!ip_addr_is_v4(&prefix->addr) || prefix->len < IPV4_PREFIX_OFFSET ||
        prefix->len >= IP_BITS - 1) /* RFC 3021: two hosts, or one */
        return false;

    unsigned host_bits = IP_BITS - prefix->len;
    uint64_t host_mask = (UINT64_C(1) << host_bits) - 1;

    *out = ip_addr_v4(ip_addr_to_v4(&prefix->addr) | (uint32_t)host_mask);
    return true;
}

int ip_addr_parse(const char *text, struct ip_addr *out)
{
    struct ip_addr addr = ip_addr_v4(0);

    if (inet_pton(AF_INET, text, addr.octet + V4_AT) != 1 &&
        inet_pton(AF_INET6, text, addr.octet) != 1)
        return -EINVAL;
    *out = addr;
    return 0;
}

/* Decimal digits alone, of a value up to `max`; 0 or -EINVAL. */
static int parse_prefix_len(const char *text, unsigned max, unsigned *out)
{
    unsigned value = 0;

    if (*text == '\0')
        return -EINVAL;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -EINVAL;
        value = value * 10 + (unsigned)(*text - '0');
        if (value > max)
            return -EINVAL;
    }
    *out = value;
    return 0;
}

int ip_prefix_parse(const char *text, struct ip_prefix *out)
{
    char addr_text[IP_ADDR_TEXT_MAX];
    size_t addr_len = strcspn(text, "/");
    struct ip_prefix prefix = {.len = IP_BITS};

    if (addr_len >= sizeof(addr_text))
        return -EINVAL;
    memcpy(addr_text, text, addr_len);
    addr_text[addr_len] = '\0';
    if (ip_addr_parse(addr_text, &prefix.addr) < 0)
        return -EINVAL;

    if (text[addr_len] == '/') {
        /* "::ffff:192.0.2.0/120" counts as IPv6 does. */
        unsigned offset = strchr(addr_text, ':') ? 0 : IPV4_PREFIX_OFFSET;

        if (parse_prefix_len(text + addr_len + 1, IP_BITS - offset,
                             &prefix.len) < 0)
            return -EINVAL;
        prefix.len += offset;
    }
    *out = prefix;
    return 0;
}

/* The value of a hexadecimal digit, or -EINVAL. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -EINVAL;
}

int mac_addr_parse(const char *text, struct mac_addr *out)
{
    struct mac_addr addr;

    if (strlen(text) != MAC_TEXT_MAX - 1)
        return -EINVAL;
    for (unsigned i = 0; i < sizeof(addr.octet); i++, text += 3) {
        int high = hex_digit(text[0]);
        int low = hex_digit(text[1]);

        if (high < 0 || low < 0 || (text[2] != ':' && text[2] != '\0'))
            return -EINVAL;
        addr.octet[i] = (uint8_t)(high << 4 | low);
    }
    *out = addr;
    return 0;
}

const char *ip_addr_text(const struct ip_addr *addr,
                         char text[static IP_ADDR_TEXT_MAX])
{
    if (ip_addr_is_v4(addr))
        return inet_ntop(AF_INET, addr->octet + V4_AT, text, IP_ADDR_TEXT_MAX);
    return inet_ntop(AF_INET6, addr->octet, text, IP_ADDR_TEXT_MAX);
}

const char *endpoint_text(const struct endpoint *endpoint,
                          char text[static ENDPOINT_TEXT_MAX])
{
    char addr[IP_ADDR_TEXT_MAX];

    snprintf(text, ENDPOINT_TEXT_MAX,
             ip_addr_is_v4(&endpoint->addr) ? "%s:%u" : "[%s]:%u",
             ip_addr_text(&endpoint->addr, addr), (unsigned)endpoint->port);
    return text;
}

const char *mac_addr_text(const struct mac_addr *addr,
                          char text[static MAC_TEXT_MAX])
{
    const uint8_t *octet = addr->octet;

    snprintf(text, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", octet[0],
             octet[1], octet[2], octet[3], octet[4], octet[5]);
    return text;
}
