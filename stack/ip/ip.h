/*
 * IPv4: RFC 791 with RFC 1122 3. Input checks every header and reassembles;
 * output routes, fills in the header and fragments. Packets are not
 * forwarded: a host, not a router.
 */
#ifndef TAPIR_IP_IP_H
#define TAPIR_IP_IP_H

#include "ip/group.h"
#include "ip/igmp.h"
#include "ip/ip_loop.h"
#include "ip/path_cache.h"
#include "ip/pmtu.h"
#include "ip/reass.h"
#include "ip/route.h"
#include "link/arp.h"

/* Where the fields of the header lie (IPH_: <netinet/in.h> has an IP_TTL of
 * its own). */
enum {
    IPH_VERSION_IHL = 0,
    IPH_TOS = 1,
    IPH_TOTAL_LENGTH = 2,
    IPH_ID = 4,
    IPH_FRAGMENT = 6,
    IPH_TTL = 8,
    IPH_PROTOCOL = 9,
    IPH_CHECKSUM = 10,
    IPH_SRC = 12,
    IPH_DST = 16,
    IP_HEADER_LEN = 20,      /* without options */
    IP_ROUTER_ALERT_LEN = 4, /* RFC 2113 2.1 */
    IP_HEADER_MAX = 60,
    IP_PACKET_MAX = 65535
};

enum { /* in the field IPH_FRAGMENT */
       IP_FLAG_RESERVED = 0x8000,
       IP_FLAG_DF = 0x4000,
       IP_FLAG_MF = 0x2000,
       IP_OFFSET_MASK = 0x1fff
};

enum { /* the low bits of the field IPH_TOS: RFC 3168 5 */
       IP_ECN_NOT_ECT = 0,
       IP_ECN_ECT_1 = 1,
       IP_ECN_ECT_0 = 2,
       IP_ECN_CE = 3,
       IP_ECN_MASK = 3
};

enum ip_protocol {
    IP_PROTO_ICMP = 1,
    IP_PROTO_IGMP = 2,
    IP_PROTO_TCP = 6,
    IP_PROTO_UDP = 17
};

/* The header in host order. */
struct ip_header {
    struct ip_addr src;
    struct ip_addr dst;
    size_t header_len;
    size_t total_len;
    uint16_t id;
    uint16_t fragment_offset; /* in bytes */
    bool df;
    bool mf;
    uint8_t tos;
    uint8_t ttl;
    uint8_t protocol;
};

/* A datagram that has arrived, whole. */
struct ip_packet {
    struct iface *iface;
    struct ip_header header;
    struct frame *frame; /* at the payload */
    struct bytes quote;  /* header and as much of the payload as lies behind
                            it: what an ICMP error sends back */
    bool link_broadcast; /* came as a link-layer broadcast or multicast */
    bool broadcast;      /* dst is a broadcast or multicast address */
};

/*
 * What is done about a packet that is larger than the path takes: the values of
 * ip(7), IP_MTU_DISCOVER.
 */
enum ip_mtu_discover {
    IP_DISCOVER_DONT = 0,      /* cut here or on the way */
    IP_DISCOVER_WANT = 1,      /* cut here; DF on what is not */
    IP_DISCOVER_DO = 2,        /* DF: RFC 1191 3, RFC 8899 */
    IP_DISCOVER_PROBE = 3,     /* the same, and only the link is looked at */
    IP_DISCOVER_INTERFACE = 4, /* not cut here: by the link alone, without DF */
    IP_DISCOVER_OMIT = 5       /* cut here, by the link alone, without DF */
};

/* How to send. Zeroes choose what is usual. */
struct ip_send {
    struct ip_addr src; /* all zero: by the route */
    struct ip_addr dst;
    uint8_t protocol;
    uint8_t tos;
    uint8_t ttl;        /* 0: the stack's default */
    uint8_t discover;   /* enum ip_mtu_discover */
    bool df;            /* never fragment, neither here nor on the way */
    bool is_doubted;    /* nobody answers by this way: RFC 1122 3.3.1.4 */
    bool router_alert;  /* RFC 2113 */
    bool is_not_looped; /* our own groups do not hear it */
    bool stays_here;    /* to a group: TTL 0, only our own hear it */
    unsigned scope;     /* an interface's index, 0: by the route */
};

/*
 * What a program chooses for one datagram: ip(7), IP_PKTINFO, IP_TTL, IP_TOS,
 * MSG_DONTROUTE. Zeroes choose nothing.
 */
struct ip_choice {
    struct ip_addr src;
    unsigned scope;
    uint8_t ttl;
    uint8_t tos;
    bool has_tos;
    bool on_link;     /* by no gateway */
    bool has_segment; /* of UDP, which cuts by it: see udp_send_as */
    uint16_t segment;
};

struct ip_config {
    uint8_t ttl; /* RFC 1122 3.2.1.7: 64, by RFC 1340 and since */
    struct ip_reass_config reass;
    struct pmtu_config pmtu;
    struct igmp_config igmp;
};

/* RFC 4293 names, in the scope of this host's IPv4. */
struct ip_stats {
    uint64_t in_receives;
    uint64_t in_hdr_errors;
    uint64_t in_addr_errors;
    uint64_t in_unknown_protos;
    uint64_t in_delivers;
    uint64_t reasm_reqds;
    uint64_t reasm_oks;
    uint64_t reasm_fails;
    uint64_t out_requests;
    uint64_t out_no_routes;
    uint64_t out_frag_oks;
    uint64_t out_frag_fails;
    uint64_t out_frag_creates;
    uint64_t out_transmits;
};

struct ip {
    struct env *env;
    struct arp *arp;
    struct ip_config config;
    struct routes routes;
    struct path_cache paths;
    struct ip_reass reass;
    struct pmtu pmtu;
    struct ip_groups groups;
    struct igmp igmp;
    struct ip_loop loop;
    struct list *ifaces; /* the stack's */
    struct hash_key id_key;
    uint32_t id_counter;
    struct ip_stats stats;
};

struct ip_config ip_config_default(void);
MUST_CHECK int ip_init(struct ip *ip, struct env *env, struct arp *arp,
                       struct list *ifaces, const struct ip_config *config);
void ip_fini(struct ip *ip);

/* Header checks of RFC 1122 3.2.1 on wire bytes; -EBADMSG and a reason. */
MUST_CHECK int ip_parse(struct bytes bytes, struct ip_header *out,
                        enum drop_reason *why);
/*
 * A header that an ICMP error quotes: it need only hold together. On its way
 * to the reporter, checksum and options may have become stale.
 */
MUST_CHECK int ip_parse_quote(struct bytes bytes, struct ip_header *out,
                              enum drop_reason *why);
/* Writes a header with its checksum, header_len bytes: IP_HEADER_LEN, or with
 * the Router Alert option IP_ROUTER_ALERT_LEN more. */
void ip_emit(uint8_t *at, const struct ip_header *header);

/*
 * The frame begins with an IP header. 0: `out` is a whole datagram for this
 * host, its frame standing at the payload. -EINPROGRESS: a fragment was kept.
 * -EBADMSG: dropped. A datagram that was put together borrows its bytes from
 * `ip->reass` until ip_flush.
 *
 * in_delivers is counted here; a protocol that nobody speaks is the caller's to
 * drop, and to count in in_unknown_protos.
 */
MUST_CHECK int ip_input(struct ip *ip, struct frame *frame, bool link_broadcast,
                        struct ip_packet *out);

/*
 * Sends the frame's bytes as one datagram. 0; -ENETUNREACH no route;
 * -EMSGSIZE larger than the path's MTU with DF, or than an IP packet can be;
 * -EADDRNOTAVAIL no source address, or not one of ours; -EINVAL it is in 127/8
 * and may not leave the host; -ENOBUFS the device's or ARP's queue is full. The
 * slices must stay until the devices' flush.
 */
int ip_output(struct ip *ip, struct frame *frame, const struct ip_send *send);

/*
 * Sends a packet whose IP header the program has made: the frame's head is that
 * header, at least IP_HEADER_LEN bytes. `send` says where it goes, whatever
 * the header says: dst, scope, and src for a header that has none. Total length
 * and checksum are filled in, and the identification if it is 0. -EMSGSIZE
 * larger than the MTU; otherwise as ip_output.
 */
int ip_output_packet(struct ip *ip, struct frame *frame,
                     const struct ip_send *send);

/*
 * The pass has ended with the devices' flush: what ARP and reassembly lent to
 * frames is given back. Without it their memory is soon used up.
 */
void ip_flush(struct ip *ip);

/* The interface that has `addr`; NULL if it is not an address of this host. */
struct iface *ip_local_iface(const struct ip *ip, const struct ip_addr *addr);

/* NULL: there is none. */
struct iface *ip_iface_by_index(const struct ip *ip, unsigned index);
struct iface *ip_iface_by_name(const struct ip *ip, const char *name);

/* Whether `addr` is a broadcast address, limited or of one of our subnets. */
bool ip_is_broadcast(const struct ip *ip, const struct ip_addr *addr);

/*
 * The link that multicasts and 255.255.255.255 leave by: RFC 1122 3.3.6, RFC
 * 1112 6.1. That of the source address if there is one, or the route's. NULL.
 */
struct iface *ip_link_of_group(const struct ip *ip, const struct ip_addr *dst,
                               const struct ip_addr *src);

/*
 * Where packets to `dst` go: the interface, the next hop, the source address
 * that would be used. `src` may be all zero. -ENETUNREACH, -EADDRNOTAVAIL,
 * -EINVAL as ip_output.
 */
MUST_CHECK int ip_path(struct ip *ip, const struct ip_addr *dst,
                       const struct ip_addr *src, unsigned scope,
                       struct ip_path *out);

/*
 * By which interface a datagram has come, as sockets see it: what we send to an
 * address of ours goes by the loopback, and counts, as in Linux, for the
 * interface whose address it is.
 */
unsigned ip_arrival(const struct ip *ip, const struct ip_packet *packet);

/* What is not too big for it: of PROBE and above, what its link takes. */
static inline unsigned ip_path_mtu(const struct ip_path *path,
                                   enum ip_mtu_discover discover)
{
    return discover >= IP_DISCOVER_PROBE ? path->iface->mtu : path->mtu;
}

/* "icmp", "udp", "tcp", or "ip": static, for the trace. */
const char *ip_protocol_text(uint8_t protocol);

#endif
