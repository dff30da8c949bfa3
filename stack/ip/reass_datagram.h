/*
 * Datagrams that are being put together: the table, their memory, their time.
 */
#ifndef TAPIR_IP_REASS_DATAGRAM_H
#define TAPIR_IP_REASS_DATAGRAM_H

#include "ip/ip.h"

enum {
    REASS_BUFFER_MAX = IP_HEADER_MAX + IP_PACKET_MAX,
    REASS_NO_END =
        IP_PACKET_MAX + 1 /* of the last hole: RFC 815's "infinity" */
};

/* Bytes [begin, end) of the payload have not come yet. */
struct hole {
    uint32_t begin;
    uint32_t end;
};

struct datagram {
    struct hash_node node;
    struct list by_age; /* oldest first; or in `lent` */
    struct timer timer;
    struct ip_reass *reass;
    struct iface *iface;
    struct ip_addr src; /* RFC 791 3.2: what fragments have in common */
    struct ip_addr dst;
    uint16_t id;
    uint8_t protocol;

    bool is_poisoned;
    uint8_t codepoints; /* of ECN that its fragments carry: a bit for each */
    size_t first_len;   /* of the first fragment, header and all; 0: not here */
    size_t header_len;  /* of the first fragment */
    size_t len;         /* of the payload; 0: the last has not come */
    unsigned fragments;
    uint8_t *buffer; /* room for the largest header, then the payload */
    size_t buffer_size;
    unsigned hole_count;
    struct hole holes[]; /* one more than fragments are allowed */
};

/* NULL if no fragment of it has come. */
struct datagram *reass_find(const struct ip_reass *reass,
                            const struct ip_header *header);

/* Its time begins now. NULL when a limit is reached and none gives way. */
struct datagram *reass_create(struct ip_reass *reass, struct iface *iface,
                              const struct ip_header *header);

/* The buffer holds the payload's first `end` bytes from now on, or false. */
bool reass_grow_buffer(struct datagram *datagram, size_t end);

void reass_free_buffer(struct datagram *datagram);

/* Out of the table; its bytes stay until ip_reass_flush. */
void reass_lend(struct datagram *datagram);

#endif
