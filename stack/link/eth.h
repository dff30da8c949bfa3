/*
 * Ethernet II framing, RFC 894.
 */
#ifndef TAPIR_LINK_ETH_H
#define TAPIR_LINK_ETH_H

#include "link/iface.h"

enum { ETH_DST = 0, ETH_SRC = 6, ETH_TYPE = 12, ETH_HEADER_LEN = 14 };

enum eth_type {
    ETH_TYPE_IPV4 = 0x0800,
    ETH_TYPE_ARP = 0x0806,
    ETH_TYPE_IPV6 = 0x86dd
};

struct eth_header {
    struct mac_addr dst;
    struct mac_addr src;
    uint16_t type;
};

/* Wire bytes to host order, and back. -EBADMSG and a reason when too short. */
MUST_CHECK int eth_parse(struct bytes bytes, struct eth_header *out,
                         enum drop_reason *why);
void eth_emit(uint8_t *at, const struct eth_header *header);

/*
 * Parses the Ethernet header, checks that the frame is meant for this station
 * and pulls the header. 0; -EBADMSG after a drop.
 */
MUST_CHECK int eth_input(struct frame *frame, struct eth_header *out);

/* Pushes the header and transmits. The device's answer. */
int eth_output(struct iface *iface, struct frame *frame,
               const struct mac_addr *dst, uint16_t type);

#endif
