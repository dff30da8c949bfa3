/*
 * Messages of a name server for tests, built octet by octet and apart from the
 * library's own code, so that a mistake there does not cancel out.
 */
#ifndef TAPIR_TESTS_DNS_PACKET_H
#define TAPIR_TESTS_DNS_PACKET_H

#include "base/bytes.h"

enum {
    DNS_QR = 0x8000,
    DNS_AA = 0x0400,
    DNS_TC = 0x0200,
    DNS_RD = 0x0100,
    DNS_RA = 0x0080,
    DNS_RESPONSE = DNS_QR | DNS_RD | DNS_RA /* of a server that asks others */
};

struct dns_packet {
    size_t len;
    uint8_t data[8192];
};

void packet_u8(struct dns_packet *packet, unsigned value);
void packet_u16(struct dns_packet *packet, unsigned value);
void packet_u32(struct dns_packet *packet, uint32_t value);
/* "www.example.com", uncompressed. */
void packet_name(struct dns_packet *packet, const char *name);

/* A header and the question (NULL: none) with this type. */
void packet_begin(struct dns_packet *packet, unsigned id, unsigned flags,
                  const char *name, unsigned type);
/* Records of the answer section, counted in the header. */
void packet_a(struct dns_packet *packet, const char *owner, uint32_t addr);
void packet_cname(struct dns_packet *packet, const char *owner,
                  const char *target);
void packet_ptr(struct dns_packet *packet, const char *owner,
                const char *target);
/* OPT in the additional section, with the upper bits of RCODE. */
void packet_opt(struct dns_packet *packet, unsigned upper_rcode);

#endif
