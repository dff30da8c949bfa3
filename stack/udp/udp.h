/*
 * UDP, RFC 768 with RFC 1122 4.1 and RFC 8085.
 */
#ifndef TAPIR_UDP_UDP_H
#define TAPIR_UDP_UDP_H

#include "ip/datagram_pcb.h"

enum {
    UDP_SRC_PORT = 0,
    UDP_DST_PORT = 2,
    UDP_LENGTH = 4,
    UDP_CHECKSUM = 6,
    UDP_HEADER_LEN = 8,
    UDP_PAYLOAD_MAX = IP_PACKET_MAX - IP_HEADER_LEN - UDP_HEADER_LEN,
    UDP_SEGMENTS_MAX = 128 /* of one call: as Linux */
};

struct udp_header {
    uint16_t src_port;
    uint16_t dst_port;
    uint16_t checksum; /* 0: the sender took none */
    size_t len;        /* header and payload */
};

/* One end of UDP: what a datagram socket holds. */
struct udp_pcb {
    struct hash_node node; /* by local port; linked while port is not 0 */
    struct udp *udp;
    struct datagram_pcb common;
    struct endpoint local;
    struct endpoint remote; /* all zero: not connected */
    struct endpoint bound;  /* local as udp_bind made it: what dissolving a
                               connection returns to; port 0: it was
                               chosen, and goes with the connection */
    struct ip_addr source;  /* to speak from: given by bind, or found by the
                               first connect; all zero: as the route says */
    bool reuse_addr;        /* SO_REUSEADDR */
    bool reuse_port;        /* SO_REUSEPORT */
    bool no_checksum;       /* SO_NO_CHECK: RFC 1122 4.1.3.4 */
    bool bind_no_port;      /* IP_BIND_ADDRESS_NO_PORT: chosen with a peer */
    uint32_t port_range;    /* IP_LOCAL_PORT_RANGE: low, high << 16; 0: all */
    uint16_t segment;       /* UDP_SEGMENT: bytes of each datagram; 0: one */
};

/* RFC 4113 names. */
struct udp_stats {
    uint64_t in_datagrams;
    uint64_t no_ports;
    uint64_t in_errors;
    uint64_t out_datagrams;
};

/* Something about the socket has changed: it may be readable or in error. */
typedef void udp_notify_fn(void *context, void *owner);

struct udp {
    struct env *env;
    struct ip *ip;
    struct icmp *icmp;
    udp_notify_fn *notify; /* set by stack.c */
    void *notify_context;
    struct hash_key key;
    struct hash_table by_port;
    struct udp_stats stats;
};

MUST_CHECK int udp_init(struct udp *udp, struct env *env, struct ip *ip,
                        struct icmp *icmp);
void udp_fini(struct udp *udp);

/*
 * -EBADMSG: too short, or the length field is impossible. `head` is what lies
 * in one piece, packet_len all of it.
 */
MUST_CHECK int udp_parse(struct bytes head, size_t packet_len,
                         struct udp_header *out, enum drop_reason *why);
/* Its twin: UDP_HEADER_LEN bytes. */
void udp_emit(uint8_t *at, const struct udp_header *header);

void udp_input(struct udp *udp, const struct ip_packet *packet);
/* An ICMP error about a datagram of ours. */
void udp_icmp_error(struct udp *udp, const struct icmp_error *error);

void udp_pcb_init(struct udp *udp, struct udp_pcb *pcb, size_t receive_limit,
                  void *owner);
void udp_pcb_fini(struct udp_pcb *pcb);

/*
 * Port 0 takes a free one at random (RFC 6056 3.3.1). -EADDRINUSE,
 * -EADDRNOTAVAIL not an address of ours, -EINVAL bound already.
 *
 * As in Linux two sockets may have the same port and overlapping addresses if
 * both have SO_REUSEADDR or both have SO_REUSEPORT. Of those with the same
 * address SO_REUSEADDR gives a datagram to the one that was bound last;
 * SO_REUSEPORT spreads them by a hash of the four numbers, so that each peer
 * keeps its socket. A broadcast or multicast goes to all.
 */
MUST_CHECK int udp_bind(struct udp_pcb *pcb, const struct endpoint *local);

/* Any free port, unless it has one. -EADDRINUSE. */
MUST_CHECK int udp_bind_to_free_port(struct udp_pcb *pcb);

/* SO_BINDTODEVICE: an interface's index, 0 for any; before or after bind. */
void udp_set_device(struct udp_pcb *pcb, unsigned iface);

/*
 * Fixes the other end, and with it the local address, unless there is one from
 * an earlier connect; binds if need be, and stays bound if it fails.
 * -ENETUNREACH, -EACCES broadcast without SO_BROADCAST, -EADDRINUSE. A remote
 * of all zeroes dissolves the connection. With an address and port 0, as in
 * Linux, the other end may have any port, and nothing can be sent without a
 * name: programs connect so to learn which address they would speak from.
 */
MUST_CHECK int udp_connect(struct udp_pcb *pcb, const struct endpoint *remote);

/*
 * One datagram. `to` NULL: to the connected end. -EDESTADDRREQ, -EMSGSIZE,
 * -EACCES, -EINVAL port 0, the pending error, or ip_output's; but a datagram
 * that is lost because a queue is full was sent.
 *
 * At most FRAME_SLICES pieces, which stay until the devices' flush; the caller
 * gathers more than that. A program's buffer does so by itself: the call that
 * it was given to ends its pass, with the flush, before it returns.
 */
MUST_CHECK int udp_send(struct udp_pcb *pcb, const struct endpoint *to,
                        const struct bytes *pieces, unsigned count);

/*
 * The same with what is chosen for this one datagram. -ENODEV; -EFAULT, after
 * all else: there is no memory behind the first piece.
 *
 * With UDP_SEGMENT (`choice` goes before the socket's own) the bytes are many
 * datagrams, all as long but the last: one frame, if the device cuts it.
 * -EINVAL for more than UDP_SEGMENTS_MAX, and without a checksum; -EMSGSIZE
 * where one is larger than the MTU: these are not fragmented.
 */
MUST_CHECK int udp_send_as(struct udp_pcb *pcb, const struct endpoint *to,
                           const struct ip_choice *choice,
                           const struct bytes *pieces, unsigned count);

/* Of the path to the connected end; -ENOTCONN. */
MUST_CHECK int udp_mtu(const struct udp_pcb *pcb);

#endif
