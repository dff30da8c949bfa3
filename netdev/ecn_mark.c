/*
 * ECT(0) and ECT(1) become CE, RFC 3168 5. The header's checksum follows by
 * what has changed, RFC 1624 3 equation 3: one that was wrong stays wrong.
 *
 * Left out on purpose: IPv6, which the stack does not build.
 */
#include "netdev/ecn_mark.h"

enum { ETH_TYPE = 12, ETH_HEADER_LEN = 14, ETH_TYPE_IPV4 = 0x0800 };

enum {
    IPH_VERSION_IHL = 0,
    IPH_TOS = 1,
    IPH_CHECKSUM = 10,
    IP_HEADER_LEN = 20,
    ECN_NOT_ECT = 0, /* RFC 3168 5, in the low bits of IPH_TOS */
    ECN_CE = 3
};

/* NULL: there is none. */
static uint8_t *find_ipv4(enum netdev_type type, uint8_t *packet, size_t len)
{
    size_t before = type == NETDEV_ETHERNET ? ETH_HEADER_LEN : 0;

    if (len < before + IP_HEADER_LEN ||
        (before > 0 && get_be16(packet + ETH_TYPE) != ETH_TYPE_IPV4) ||
        packet[before] >> 4 != 4)
        return NULL;
    return packet + before;
}

/* RFC 1624 3: HC' = ~(~HC + ~m + m') */
static uint16_t updated_checksum(uint16_t checksum, uint16_t was, uint16_t is)
{
    uint32_t sum = (uint16_t)~checksum + (uint32_t)(uint16_t)~was + is;

    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

bool ecn_mark(enum netdev_type type, uint8_t *packet, size_t len)
{
    uint8_t *ip = find_ipv4(type, packet, len);
    unsigned codepoint = ip == NULL ? ECN_NOT_ECT : ip[IPH_TOS] & ECN_CE;
    uint16_t was;

    if (codepoint == ECN_NOT_ECT || codepoint == ECN_CE)
        return false;
    was = get_be16(ip + IPH_VERSION_IHL); /* and IPH_TOS: 16 bits of the sum */
    ip[IPH_TOS] |= ECN_CE;
    put_be16(ip + IPH_CHECKSUM,
             updated_checksum(get_be16(ip + IPH_CHECKSUM), was,
                              get_be16(ip + IPH_VERSION_IHL)));
    return true;
}
