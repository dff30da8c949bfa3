/*
 * Address resolution, RFC 826 with RFC 1122 2.3.2: a table of neighbours with
 * states and ageing, requests limited in rate, and a short queue of packets
 * for each address that is being asked for, so that a first packet is not
 * lost. Gratuitous announcements and conflicts after RFC 5227.
 */
#ifndef TAPIR_LINK_ARP_H
#define TAPIR_LINK_ARP_H

#include "link/iface.h"

enum {
    ARP_HARDWARE = 0,
    ARP_PROTOCOL = 2,
    ARP_HARDWARE_LEN = 4,
    ARP_PROTOCOL_LEN = 5,
    ARP_OPERATION = 6,
    ARP_SENDER_MAC = 8,
    ARP_SENDER_IP = 14,
    ARP_TARGET_MAC = 18,
    ARP_TARGET_IP = 24,
    ARP_PACKET_LEN = 28
};

enum arp_operation { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp_packet {
    enum arp_operation operation;
    struct mac_addr sender_mac;
    struct ip_addr sender_ip;
    struct mac_addr target_mac;
    struct ip_addr target_ip;
};

/*
 * INCOMPLETE: asked, no answer yet, packets wait. REACHABLE: known and fresh.
 * STALE: known, but old; used, and asked for again by unicast (RFC 1122
 * 2.3.2.1 (2)). PERMANENT: given by call, neither aged nor overwritten.
 */
enum neighbour_state {
    NEIGHBOUR_INCOMPLETE,
    NEIGHBOUR_REACHABLE,
    NEIGHBOUR_STALE,
    NEIGHBOUR_PERMANENT
};

struct arp_config {
    unsigned max_neighbours;   /* at the limit one that was never used gives
                                  way, then the one that was not used for
                                  longest; PERMANENT ones never */
    unsigned max_queued;       /* packets waiting for one address */
    size_t max_queued_bytes;   /* of all addresses together */
    usec reachable_time;       /* then STALE */
    usec stale_time;           /* unused so long: forgotten */
    usec request_interval;     /* RFC 1122 2.3.2.1: one a second */
    unsigned request_attempts; /* then the waiting packets are given up */
};

struct arp_stats {
    uint64_t in_requests;
    uint64_t in_replies;
    uint64_t out_requests;
    uint64_t out_replies;
};

/*
 * A packet that could not be delivered goes back up, from its IP header on.
 * Its bytes stay until arp_flush.
 */
typedef void arp_unreachable_fn(void *context, struct iface *iface,
                                struct bytes packet);

struct arp {
    struct env *env;
    struct arp_config config;
    arp_unreachable_fn *unreachable; /* set by stack.c */
    void *unreachable_context;
    struct hash_key key;
    struct hash_table neighbours;
    struct list by_use; /* least recently used first; without PERMANENT */
    unsigned count;
    struct list lent; /* packets that waited and are sent: until arp_flush */
    size_t queued_bytes;
    usec defended; /* when we last defended an address, RFC 5227 2.4 (c) */
    struct arp_stats stats;
};

struct arp_config arp_config_default(void);
MUST_CHECK int arp_init(struct arp *arp, struct env *env,
                        const struct arp_config *config);
void arp_fini(struct arp *arp);

/*
 * Wire bytes to host order; -EBADMSG and a reason for what is not ARP between
 * Ethernet and IPv4. Its twin writes ARP_PACKET_LEN bytes.
 */
MUST_CHECK int arp_parse(struct bytes bytes, struct arp_packet *out,
                         enum drop_reason *why);
void arp_emit(uint8_t *at, const struct arp_packet *packet);

/* A frame of type ARP, its Ethernet header pulled. */
void arp_input(struct arp *arp, struct frame *frame);

/*
 * Sends `frame`, an IP packet, to the neighbour `next_hop`: at once when its
 * address is known, otherwise it is copied, waits, and a request goes out.
 * 0, or a negative errno when the packet was dropped.
 */
int arp_output(struct arp *arp, struct iface *iface, struct frame *frame,
               const struct ip_addr *next_hop);

/*
 * Nothing comes back from there, say the layers above (RFC 1122 3.3.1.4,
 * "negative advice"): before its time it is as if it were old, and asked for
 * again with the next packet.
 */
void arp_doubt(struct arp *arp, struct iface *iface,
               const struct ip_addr *next_hop);

/* A neighbour given by call; PERMANENT. 0, -ENOBUFS. */
MUST_CHECK int arp_add(struct arp *arp, struct iface *iface,
                       const struct ip_addr *addr, const struct mac_addr *mac);

/* It is not known any more, PERMANENT or not; what waits for it is dropped.
 * 0, -ESRCH. */
MUST_CHECK int arp_delete(struct arp *arp, struct iface *iface,
                          const struct ip_addr *addr);
/* The same for all but PERMANENT ones; how many. */
unsigned arp_forget_all(struct arp *arp);

/* Tells the network of a new address of ours: RFC 5227 2.3 announcement. */
void arp_announce(struct arp *arp, struct iface *iface,
                  const struct ip_addr *addr);

/* What waits for an answer will be sent by another. */
void arp_forget_waiting(struct arp *arp);

/* The pass has ended with the devices' flush: what was lent is given back. */
void arp_flush(struct arp *arp);

#endif
