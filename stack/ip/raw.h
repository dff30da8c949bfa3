/*
 * Raw endpoints: what a raw socket (SOCK_RAW) holds. Each gets a copy of every
 * datagram of its protocol that has arrived for this host, whole and with its
 * IP header, beside the protocol of the stack that takes it; and sends
 * datagrams of its protocol, or with an IP header of its own. As raw(7).
 */
#ifndef TAPIR_IP_RAW_H
#define TAPIR_IP_RAW_H

#include "ip/datagram_pcb.h"

struct raw_pcb {
    struct hash_node node; /* by protocol */
    struct raw *raw;
    struct datagram_pcb common; /* received: IP header and payload */
    uint8_t protocol;
    struct endpoint local;  /* all zero: any; ports play no part */
    struct endpoint bound;  /* local as raw_bind made it */
    struct endpoint remote; /* all zero: not connected */
    bool has_header;        /* IP_HDRINCL: so has what an error quotes */
    bool is_deaf;           /* its connection was dissolved: see raw_connect */
    uint32_t icmp_filter;   /* ICMP_FILTER: types not wanted */
};

typedef void raw_notify_fn(void *context, void *owner);

struct raw {
    struct env *env;
    struct ip *ip;
    raw_notify_fn *notify; /* set by stack.c */
    void *notify_context;
    struct hash_key key;
    struct hash_table by_protocol;
};

MUST_CHECK int raw_init(struct raw *raw, struct env *env, struct ip *ip);
void raw_fini(struct raw *raw);

/* Copies to all that want it; whether anybody did. */
bool raw_input(struct raw *raw, const struct ip_packet *packet);
/*
 * An ICMP error about a datagram of ours: those that are connected hear of hard
 * ones, as UDP's do, and with IP_RECVERR all of them. Whether there was one
 * that could have sent it.
 */
bool raw_icmp_error(struct raw *raw, const struct icmp_error *error);

void raw_pcb_init(struct raw *raw, struct raw_pcb *pcb, uint8_t protocol,
                  size_t receive_limit, void *owner);
void raw_pcb_fini(struct raw_pcb *pcb);

/* Any number of times. -EADDRNOTAVAIL, -EINVAL it is connected. */
MUST_CHECK int raw_bind(struct raw_pcb *pcb, const struct endpoint *local);
/* SO_BINDTODEVICE: an interface's index, 0 for any. */
void raw_set_device(struct raw_pcb *pcb, unsigned iface);
/* An address of all zeroes dissolves, and after that nothing is received any
 * more, as in Linux. -ENETUNREACH, -EACCES. */
MUST_CHECK int raw_connect(struct raw_pcb *pcb, const struct endpoint *remote);

/*
 * One datagram of the socket's protocol. `to` NULL: to the connected end.
 * -EDESTADDRREQ, -EMSGSIZE, -EACCES, -ENODEV no such interface as `choice`
 * names, -ENETUNREACH, or ip_output's; what is lost because a queue is full was
 * sent, but with IP_RECVERR; -EFAULT: there is no memory behind the first
 * piece. At most FRAME_SLICES pieces, which stay until the devices' flush.
 */
MUST_CHECK int raw_send(struct raw_pcb *pcb, const struct endpoint *to,
                        const struct ip_choice *choice,
                        const struct bytes *pieces, unsigned count);
/*
 * The pieces are a packet with its IP header; it goes where `to` says. Total
 * length and checksum are filled in always, source and identification where
 * they are 0; of `choice` neither TTL nor TOS is looked at. -EINVAL: no header,
 * or longer than all; -EMSGSIZE larger than the MTU: it is not fragmented; the
 * pending error; -EPIPE.
 */
MUST_CHECK int raw_send_packet(struct raw_pcb *pcb, const struct endpoint *to,
                               const struct ip_choice *choice,
                               const struct bytes *pieces, unsigned count);

#endif
