/*
 * Addresses. An IP address is one struct of 16 bytes for both families; an
 * IPv4 address stands in it in its IPv4-mapped form (RFC 4291 2.5.5.2), so
 * that tables, sockets and transports are written once.
 */
#ifndef TAPIR_BASE_ADDR_H
#define TAPIR_BASE_ADDR_H

#include "base/bytes.h"

#include <stdbool.h>
#include <string.h>

struct mac_addr {
    uint8_t octet[6];
};

struct ip_addr {
    uint8_t octet[16];
};

/*
 * One end of a conversation. `scope` is an interface index, 0 for any. A
 * station on a link is one too, where packet sockets are spoken of: see
 * link/packet.h.
 */
struct endpoint {
    struct ip_addr addr;
    uint32_t scope;
    uint16_t port;
    bool is_link;
};

/* `len` counts in the 128 bits of the mapped form: IPv4's /24 is 120. */
struct ip_prefix {
    struct ip_addr addr;
    unsigned len;
};

enum {
    IP_ADDR_TEXT_MAX = 46,      /* INET6_ADDRSTRLEN, with its NUL */
    ENDPOINT_TEXT_MAX = 46 + 8, /* "[address]:port" */
    MAC_TEXT_MAX = 18,
    IPV4_PREFIX_OFFSET = 96 /* of an IPv4 prefix length in the mapped form */
};

static inline struct ip_addr ip_addr_v4(uint32_t host_order)
{
    struct ip_addr addr = {.octet = {[10] = 0xff, [11] = 0xff}};

    put_be32(addr.octet + 12, host_order);
    return addr;
}

/* The IPv4 address in host order; `addr` must be one. */
static inline uint32_t ip_addr_to_v4(const struct ip_addr *addr)
{
    return get_be32(addr->octet + 12);
}

static inline bool ip_addr_equal(const struct ip_addr *a,
                                 const struct ip_addr *b)
{
    return memcmp(a->octet, b->octet, sizeof(a->octet)) == 0;
}

static inline struct mac_addr mac_addr_read(const uint8_t *at)
{
    struct mac_addr mac;

    memcpy(mac.octet, at, sizeof(mac.octet));
    return mac;
}

static inline bool mac_addr_equal(const struct mac_addr *a,
                                  const struct mac_addr *b)
{
    return memcmp(a->octet, b->octet, sizeof(a->octet)) == 0;
}

static inline bool endpoint_equal(const struct endpoint *a,
                                  const struct endpoint *b)
{
    return a->port == b->port && a->scope == b->scope &&
           ip_addr_equal(&a->addr, &b->addr);
}

extern const struct mac_addr mac_addr_broadcast;

/* 0.0.0.0, "this host" and the wildcard of bind. */
#define IP_ADDR_ANY_V4 ip_addr_v4(0)

/* What is asked of each packet, several times, is not worth a call. */
static inline bool ip_addr_is_v4(const struct ip_addr *addr)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(addr->octet, mapped, sizeof(mapped)) == 0;
}

/* 0.0.0.0 or :: */
static inline bool ip_addr_is_any(const struct ip_addr *addr)
{
    static const struct ip_addr any_v6 = {{0}};

    return ip_addr_is_v4(addr) ? ip_addr_to_v4(addr) == 0
                               : ip_addr_equal(addr, &any_v6);
}

/* 127.0.0.0/8 (RFC 1122 3.2.1.3 (g)) or ::1 */
static inline bool ip_addr_is_loopback(const struct ip_addr *addr)
{
    static const struct ip_addr loopback_v6 = {.octet = {[15] = 1}};

    return ip_addr_is_v4(addr) ? addr->octet[12] == 127
                               : ip_addr_equal(addr, &loopback_v6);
}

/* Class D (RFC 1112 4) or ff00::/8 */
static inline bool ip_addr_is_multicast(const struct ip_addr *addr)
{
    return ip_addr_is_v4(addr) ? addr->octet[12] >> 4 == 0xe
                               : addr->octet[0] == 0xff;
}

/* 255.255.255.255, RFC 1122 3.2.1.3 (c) */
static inline bool ip_addr_is_limited_broadcast(const struct ip_addr *addr)
{
    return ip_addr_is_v4(addr) && ip_addr_to_v4(addr) == UINT32_MAX;
}

/* A broadcast address ends in two ones at least: a network of two hosts or of
 * one has none (RFC 3021). Most addresses do not. */
static inline bool ip_addr_may_be_broadcast(const struct ip_addr *addr)
{
    return (addr->octet[15] & 3) == 3;
}

static inline bool mac_addr_is_multicast(const struct mac_addr *addr)
{
    return (addr->octet[0] & 1) != 0;
}

bool ip_prefix_contains(const struct ip_prefix *prefix,
                        const struct ip_addr *addr);
/* The address with all bits after the prefix cleared. */
struct ip_addr ip_prefix_network(const struct ip_prefix *prefix);
/*
 * The prefix's directed broadcast address (RFC 1122 3.2.1.3 (d)). False where
 * there is none: IPv6, and IPv4 prefixes of 31 and 32 bits (RFC 3021).
 */
bool ip_prefix_broadcast(const struct ip_prefix *prefix, struct ip_addr *out);

/* Text to address: 0, or -EINVAL when `text` as a whole is not one. */
MUST_CHECK int ip_addr_parse(const char *text, struct ip_addr *out);
/* "192.0.2.2/24"; without a slash, a host's prefix. The host bits stay. */
MUST_CHECK int ip_prefix_parse(const char *text, struct ip_prefix *out);
/* "02:00:5e:00:53:01" */
MUST_CHECK int mac_addr_parse(const char *text, struct mac_addr *out);

/* Address to text, into the caller's buffer, which is returned. */
const char *ip_addr_text(const struct ip_addr *addr,
                         char text[static IP_ADDR_TEXT_MAX]);
const char *endpoint_text(const struct endpoint *endpoint,
                          char text[static ENDPOINT_TEXT_MAX]);
const char *mac_addr_text(const struct mac_addr *addr,
                          char text[static MAC_TEXT_MAX]);

#endif
