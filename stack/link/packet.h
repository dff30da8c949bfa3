/*
 * Packet endpoints: what a packet socket (AF_PACKET) holds, packet(7). Each
 * sees the frames of one interface, or of all, as they come in and as they
 * leave, with their link header or without; and sends frames as they are.
 *
 * A frame is shown as it would be on a wire: whole, with its checksums, at most
 * the MTU. The loopback shows an Ethernet header of zeroes, as Linux's does.
 * While no socket is open all of this costs one comparison a frame.
 */
#ifndef TAPIR_LINK_PACKET_H
#define TAPIR_LINK_PACKET_H

#include "base/bpf.h"
#include "base/dgram.h"
#include "link/iface.h"

enum { PACKET_ALL_PROTOCOLS = 3 /* ETH_P_ALL */ };

/* How a frame came by: Linux's PACKET_HOST, ... */
enum packet_kind {
    PACKET_KIND_HOST = 0,
    PACKET_KIND_BROADCAST = 1,
    PACKET_KIND_MULTICAST = 2,
    PACKET_KIND_OTHER_HOST = 3,
    PACKET_KIND_OUTGOING = 4
};

struct packet_pcb {
    struct list node;
    struct packets *packets;
    unsigned iface;    /* 0: all */
    uint16_t protocol; /* EtherType; PACKET_ALL_PROTOCOLS; 0: none */
    bool is_cooked;    /* without the link header */
    bool ignores_outgoing;
    const struct bpf_program *filter; /* the owner's; NULL: none */
    struct dgram_queue received;
    uint32_t seen; /* since they were last asked for */
    uint32_t lost; /* of them, for want of room */
    void *owner;
};

typedef void packet_notify_fn(void *context, void *owner);

struct packets {
    struct env *env;
    struct list *ifaces; /* the stack's */
    struct list pcbs;
    const struct packet_pcb *sender; /* does not see what it sends itself */
    packet_notify_fn *notify;        /* set by stack.c */
    void *notify_context;
};

void packets_init(struct packets *packets, struct env *env,
                  struct list *ifaces);

static inline bool packets_are_seen(const struct packets *packets)
{
    return !list_is_empty(&packets->pcbs);
}

/* The frame as the device gave it, or will get it. */
void packets_see_in(struct packets *packets, struct iface *iface,
                    const struct frame *frame);
void packets_see_out(struct packets *packets, struct iface *iface,
                     const struct frame *frame);

void packet_pcb_init(struct packets *packets, struct packet_pcb *pcb,
                     uint16_t protocol, size_t receive_limit, void *owner);
void packet_pcb_fini(struct packet_pcb *pcb);

/*
 * `local` is a link endpoint: its interface (0: all), its protocol (0: as it
 * was). -ENODEV.
 */
MUST_CHECK int packet_bind(struct packet_pcb *pcb,
                           const struct endpoint *local);
struct endpoint packet_local(const struct packet_pcb *pcb);

/*
 * One frame: with its link header, or cooked, and then to the address in `to`.
 * `to` NULL: by the interface that it is bound to. -ENXIO no interface,
 * -EINVAL shorter than the header, or no address, -EMSGSIZE, the device's
 * answer. At most FRAME_SLICES pieces, which stay until the device's flush.
 */
MUST_CHECK int packet_send(struct packet_pcb *pcb, const struct endpoint *to,
                           const struct bytes *pieces, unsigned count);

/* ---- Link endpoints ---------------------------------------------------- */

/*
 * A station on a link, in the form of an endpoint whose is_link is set: the
 * scope is its interface, the port its protocol, and this is its address.
 */
struct link_addr {
    uint8_t octet[8];
    uint8_t len;
    uint8_t kind; /* enum packet_kind */
    uint16_t hardware;
};

struct endpoint link_endpoint(const struct link_addr *addr, unsigned iface,
                              uint16_t protocol);
struct link_addr link_addr_of(const struct endpoint *endpoint);

#endif
