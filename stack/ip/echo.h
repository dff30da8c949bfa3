/*
 * Echo endpoints: what an ICMP datagram socket (SOCK_DGRAM, IPPROTO_ICMP)
 * holds. Each owns an identifier, as a UDP socket owns a port; it sends echo
 * requests and gets the replies to them and the errors about them.
 */
#ifndef TAPIR_IP_ECHO_H
#define TAPIR_IP_ECHO_H

#include "ip/datagram_pcb.h"

struct echo_pcb {
    struct hash_node node; /* by identifier; linked while it is not 0 */
    struct echo *echo;
    struct datagram_pcb common; /* received: ICMP header and payload */
    struct ip_addr local;       /* all zero: any */
    struct ip_addr bound;       /* local as echo_bind made it */
    uint16_t id;
    bool has_bound_id; /* by number: it stays when a connection is dissolved */
    struct ip_addr remote; /* all zero: not connected */
    unsigned device;       /* SO_BINDTODEVICE: an interface's index; 0: any */
    uint16_t remote_port;  /* as given; it plays no part */
    bool reuse_addr;       /* SO_REUSEADDR: the identifier may be shared */
};

typedef void echo_notify_fn(void *context, void *owner);

struct echo {
    struct env *env;
    struct icmp *icmp;
    echo_notify_fn *notify; /* set by stack.c */
    void *notify_context;
    struct hash_key key;
    struct hash_table by_id;
};

MUST_CHECK int echo_init(struct echo *echo, struct env *env, struct icmp *icmp);
void echo_fini(struct echo *echo);

/* A reply; the packet's frame stands at the ICMP header. */
void echo_input(struct echo *echo, const struct ip_packet *packet,
                const struct icmp_echo *reply);
/*
 * An ICMP error about a request of ours. Unlike a UDP socket's, every error is
 * kept, hard or soft, connected or not: to be told of them is what a ping is
 * for, and the identifier says whose it is.
 */
void echo_icmp_error(struct echo *echo, const struct icmp_error *error);

void echo_pcb_init(struct echo *echo, struct echo_pcb *pcb,
                   size_t receive_limit, void *owner);
void echo_pcb_fini(struct echo_pcb *pcb);

/*
 * The endpoint's port is the identifier; 0 takes a free one at random. No two
 * have the same, unless both have reuse_addr set. As udp_bind.
 */
MUST_CHECK int echo_bind(struct echo_pcb *pcb, const struct endpoint *local);

/* Any free identifier, unless it has one. -EADDRINUSE. */
MUST_CHECK int echo_take_id(struct echo_pcb *pcb);
MUST_CHECK int echo_connect(struct echo_pcb *pcb,
                            const struct endpoint *remote);
/*
 * `pieces` is an ICMP echo request with its header; identifier and checksum
 * are filled in. -EINVAL when it is something else; otherwise as udp_send, and
 * a socket without an identifier gets one. Ports play no part. -EPIPE.
 */
MUST_CHECK int echo_send(struct echo_pcb *pcb, const struct endpoint *to,
                         const struct ip_choice *choice,
                         const struct bytes *pieces, unsigned count);
/* Of the path to the connected end; -ENOTCONN. */
MUST_CHECK int echo_mtu(const struct echo_pcb *pcb);

#endif
