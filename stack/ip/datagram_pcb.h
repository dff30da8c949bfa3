/*
 * What endpoints of datagrams have in common, UDP's, echo's and raw's: their
 * options, what has come, and what went wrong. Each has it as `common`.
 */
#ifndef TAPIR_IP_DATAGRAM_PCB_H
#define TAPIR_IP_DATAGRAM_PCB_H

#include "base/bpf.h"
#include "base/dgram.h"
#include "ip/error_queue.h"

struct datagram_pcb {
    struct ip *ip;
    bool broadcast;    /* SO_BROADCAST: may send to broadcast addresses */
    bool dont_route;   /* SO_DONTROUTE: by no gateway */
    bool hears_errors; /* IP_RECVERR: all of them, and about what */
    bool free_bind;    /* IP_FREEBIND: to addresses that are not ours */
    bool is_send_shut; /* -EPIPE, where the transport looks at it */
    uint8_t discover;  /* enum ip_mtu_discover */
    uint8_t ttl;
    uint8_t tos;
    unsigned unicast_iface; /* IP_UNICAST_IF; 0: as the route says */
    struct ip_multicast multicast;
    const struct bpf_program *filter; /* SO_ATTACH_FILTER; NULL: none */
    struct dgram_queue received;
    struct error_queue errors;
    int error; /* positive, of an ICMP error, until it is asked for */
    void *owner;
};

void datagram_pcb_init(struct datagram_pcb *common, struct ip *ip,
                       size_t receive_limit, void *owner);
void datagram_pcb_fini(struct datagram_pcb *common);

/* The pending error (positive), which is cleared. */
int datagram_pcb_take_error(struct datagram_pcb *common);

/* Whether bind takes it: ours, any, a broadcast or a group; or any at all. */
bool datagram_pcb_may_bind(const struct datagram_pcb *common,
                           const struct ip_addr *addr);

/*
 * The way from `send`'s source, and by its interface, to its destination.
 * -EACCES a broadcast without SO_BROADCAST, -ENODEV, -ENETUNREACH.
 */
MUST_CHECK int datagram_pcb_path(const struct datagram_pcb *common,
                                 const struct ip_send *send,
                                 const struct ip_choice *choice,
                                 struct ip_path *path);

/* Fills in what the options say, and what was chosen for this one datagram. */
void datagram_pcb_prepare(const struct datagram_pcb *common,
                          const struct ip_choice *choice, struct ip_send *send);

/*
 * The outcome of ip_output. As Linux: what a full queue of our own loses is as
 * lost on the way, unless the program wants to hear of all that goes wrong;
 * and with IP_RECVERR the queue has the size that would not be too big, of the
 * address to which it went and the port that is connected to: `told`.
 */
int datagram_pcb_sent(struct datagram_pcb *common, int error,
                      const struct endpoint *told, unsigned mtu);

/* The bytes are nowhere: -EFAULT, in its turn. */
static inline bool pieces_are_nowhere(const struct bytes *pieces,
                                      unsigned count)
{
    return count > 0 && pieces[0].len > 0 && pieces[0].data == NULL;
}

#endif
