/*
 * The table behind ARP: neighbours by interface and address, in order of use,
 * and the packets that wait for one. What the states mean and when they change
 * is neighbour.c's business.
 */
#ifndef TAPIR_LINK_NEIGHBOUR_TABLE_H
#define TAPIR_LINK_NEIGHBOUR_TABLE_H

#include "link/arp.h"

struct neighbour {
    struct hash_node node;
    struct list by_use;
    struct arp *arp;
    struct iface *iface;
    struct ip_addr addr;
    struct mac_addr mac; /* not while INCOMPLETE */
    enum neighbour_state state;
    struct timer timer;  /* what it means depends on the state */
    unsigned requests;   /* sent and not yet answered */
    struct list waiting; /* of struct waiting_packet */
    unsigned waiting_count;
};

/*
 * An IP packet that waits, copied whole. Its head and the rest are sent apart
 * again, because the offload facts count from the end of the head.
 */
struct waiting_packet {
    struct list node;
    struct iface *iface;
    struct frame_offload offload;
    size_t head_len;
    size_t len;
    uint8_t data[];
};

/* NULL if it is not known. */
struct neighbour *neighbour_find(const struct arp *arp,
                                 const struct iface *iface,
                                 const struct ip_addr *addr);

/*
 * A new neighbour, INCOMPLETE, its timer still to be initialised. At the limit
 * the least recently used one gives way. NULL if there is no memory, or all are
 * PERMANENT.
 */
struct neighbour *neighbour_create(struct arp *arp, struct iface *iface,
                                   const struct ip_addr *addr);

/* Out of the table and gone; what waits for it is handed to `waiting`. */
void neighbour_destroy(struct neighbour *neighbour, struct list *waiting);

/* It was used just now. */
void neighbour_touch(struct neighbour *neighbour);

/* It is not used yet: the first to give way. */
void neighbour_offer(struct neighbour *neighbour);

/* 0; -ENOBUFS when the queue, or memory, is full. */
MUST_CHECK int neighbour_keep_packet(struct neighbour *neighbour,
                                     const struct frame *frame);

/* All that wait, oldest first, moved to `waiting`. */
void neighbour_take_packets(struct neighbour *neighbour, struct list *waiting);

/*
 * The oldest of `waiting` as a frame to be sent. Its bytes are lent until
 * arp_flush. False when none is left.
 */
bool waiting_packet_next(struct arp *arp, struct list *waiting,
                         struct frame *frame, struct bytes *bytes);

/* Forgets packets of `list` without a word. */
void waiting_packets_free(struct arp *arp, struct list *list);

#endif
