/*
 * An interface: a device with a name, a number and addresses. Frames,
 * addresses, routes and neighbours name one.
 */
#ifndef TAPIR_LINK_IFACE_H
#define TAPIR_LINK_IFACE_H

#include "base/env.h"
#include "netdev/netdev.h"

enum { IFACE_NAME_MAX = 16, IFACE_ADDRS_MAX = 16 };

/* RFC 2863 names, as in the standard MIBs. */
struct iface_stats {
    uint64_t in_octets;
    uint64_t in_frames;
    uint64_t in_discards;
    uint64_t in_missed; /* lost by the device before we could take them */
    uint64_t out_octets;
    uint64_t out_frames;
    uint64_t out_discards; /* the device's queue was full */
};

struct packets; /* link/packet.h */

struct iface {
    struct list node; /* in the stack's list */
    struct env *env;
    struct netdev *dev;
    unsigned index; /* from 1 */
    char name[IFACE_NAME_MAX];
    bool loopback;
    unsigned mtu;
    struct mac_addr mac;
    struct ip_prefix addrs[IFACE_ADDRS_MAX]; /* ours, with their subnets */
    unsigned addr_count;
    struct iface_stats stats;
    struct packets *packets; /* who sees its frames; NULL: nobody */
};

/*
 * What kind of hardware it is, in the numbers of ARP (RFC 826, RFC 1700) with
 * Linux's beside them, ARPHRD_*: a program asks for them.
 */
enum iface_hardware {
    IFACE_HARDWARE_ETHERNET = 1,
    IFACE_HARDWARE_LOOPBACK = 772,
    IFACE_HARDWARE_NONE = 65534 /* bare IP */
};

uint16_t iface_hardware(const struct iface *iface);

static inline bool iface_has_addr(const struct iface *iface,
                                  const struct ip_addr *addr)
{
    if (iface->loopback && ip_addr_is_loopback(addr))
        return true; /* RFC 1122 3.2.1.3 (g) */
    for (unsigned i = 0; i < iface->addr_count; i++)
        if (ip_addr_equal(&iface->addrs[i].addr, addr))
            return true;
    return false;
}

/* Limited, or directed to one of the interface's subnets. */
bool iface_is_broadcast(const struct iface *iface, const struct ip_addr *addr);

/*
 * The address to speak from on this interface: one whose subnet holds `to`,
 * otherwise the first of the family. NULL if there is none.
 */
const struct ip_addr *iface_source(const struct iface *iface,
                                   const struct ip_addr *to);

/*
 * The last step of every frame on its way out: does at the edge what the
 * device cannot (checksums; a frame that the device cannot cut is never built,
 * see dev->max_gso), counts, traces and transmits. The device's answer.
 */
int iface_transmit(struct iface *iface, struct frame *frame);

#endif
