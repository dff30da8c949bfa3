/*
 * The layers below the sockets on fake devices, for their unit tests, and
 * packets for them. There is an Ethernet (192.0.2.2/24, with the default
 * gateway 192.0.2.1), a point-to-point link of bare IP (198.51.100.2/24), and
 * a loopback.
 */
#ifndef TAPIR_TESTS_NET_H
#define TAPIR_TESTS_NET_H

#include "fake_netdev.h"
#include "ip/echo.h"
#include "udp/udp.h"

enum { NET_BUFFERS_MAX = 512 };

#define NET_OURS 0xc0000202u      /* 192.0.2.2 */
#define NET_PEER 0xc0000201u      /* 192.0.2.1, the gateway */
#define NET_THIRD 0xc0000203u     /* 192.0.2.3 */
#define NET_BROADCAST 0xc00002ffu /* 192.0.2.255 */
#define NET_FAR_OURS 0xc6336402u  /* 198.51.100.2 */
#define NET_FAR_PEER 0xc6336401u  /* 198.51.100.1 */
#define NET_OUTSIDE 0xcb007105u   /* 203.0.113.5, by the gateway */

struct net {
    struct memory memory;
    struct env env;
    struct list ifaces;
    struct fake_netdev eth_dev;
    struct fake_netdev far_dev;
    struct fake_netdev lo_dev;
    struct iface eth;
    struct iface far;
    struct iface lo;
    struct arp arp;
    struct ip ip;
    struct icmp icmp;
    struct udp udp;
    struct echo echo;

    unsigned events[TRACE_READY + 1]; /* how many of each kind */
    struct trace_event last;          /* of any kind but FRAME_OUT */
    struct icmp_echo last_echo;       /* of the last event that has one */
    unsigned notified;                /* calls of udp's and echo's notify */
    void *owner;                      /* of the last one */
    unsigned unreachable;             /* calls of arp's unreachable */
    uint8_t unreachable_first[64];    /* the last packet's beginning */
    size_t unreachable_len;
    unsigned timed_out; /* calls of the reassembly's timed_out */
    size_t timed_out_len;
    uint8_t timed_out_first[64];

    struct frame frame; /* the last one handed in */
    void *buffers[NET_BUFFERS_MAX];
    unsigned buffer_count;
};

extern const struct mac_addr net_our_mac;
extern const struct mac_addr net_peer_mac;
extern const struct mac_addr net_third_mac;

void net_open(struct net *net);
/* Also proves that nothing has leaked. */
void net_close(struct net *net);

/* Lets stack time pass, at most to the next timer at a time. */
void net_wait(struct net *net, usec time);

/* The pass ends: what was handed in may go, and what was lent. */
void net_flush(struct net *net);

/* Puts the peer's address into the table. */
void net_know_peer(struct net *net);

/* `len` bytes that stay until net_flush. */
uint8_t *net_buffer(struct net *net, size_t len);

/* Byte `i` of payloads. */
uint8_t net_pattern(size_t i);
struct bytes net_payload(struct net *net, size_t len);

/* An IP packet. Zeroes: from the peer, to us, TTL 64. */
struct net_packet {
    uint32_t src;
    uint32_t dst;
    uint8_t protocol;
    uint8_t tos;
    uint8_t ttl;
    uint16_t id;
    unsigned offset;
    bool mf;
    bool df;
    struct bytes options;
    struct bytes payload;
    size_t padding; /* bytes behind the packet, as Ethernet makes them */
    bool link_broadcast;
    struct iface *iface; /* NULL: the Ethernet */
};

/* As wire bytes, in a buffer. */
struct bytes net_make_packet(struct net *net, const struct net_packet *packet);

/* Hands it to ip_input. */
int net_receive(struct net *net, const struct net_packet *packet,
                struct ip_packet *out);
int net_receive_bytes(struct net *net, struct bytes bytes,
                      const struct net_packet *how, struct ip_packet *out);

#define NET_RECEIVE(net, out, ...)                                             \
    net_receive(net, &(struct net_packet){__VA_ARGS__}, out)

/* A UDP datagram's bytes, with its checksum. */
struct bytes net_make_udp(struct net *net, uint32_t src, uint32_t dst,
                          uint16_t src_port, uint16_t dst_port,
                          struct bytes payload);
/* An ICMP message's bytes, with its checksum. */
struct bytes net_make_icmp(struct net *net, uint8_t type, uint8_t code,
                           uint32_t rest, struct bytes payload);

/* What was transmitted on the Ethernet: frame `i`, from its IP header on. */
struct bytes net_sent_packet(const struct net *net, unsigned i);
struct ip_header net_sent_header(const struct net *net, unsigned i);

#endif
