/*
 * What we send to a group or to everybody, when we are among them: RFC 1112
 * 6.2 and 7.2 (loopback of multicasts). A copy waits until the pass ends and
 * then comes in by the interface that the packet left by, as in Linux.
 */
#ifndef TAPIR_IP_IP_LOOP_H
#define TAPIR_IP_IP_LOOP_H

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>

struct ip;
struct iface;
struct frame;
struct ip_header;
struct ip_packet;

struct ip_loop {
    struct list waiting;
    struct list lent; /* handed out in this pass */
    size_t used;      /* bytes of both */
};

void ip_loop_init(struct ip_loop *loop);
void ip_loop_fini(struct ip *ip);

/* Keeps a copy of the frame, which begins with this IP header. Too many are
 * lost, as in a full queue. */
void ip_loop_add(struct ip *ip, struct iface *iface, struct frame *frame,
                 const struct ip_header *header);

/* The next one, as ip_input would give it; its bytes stay until ip_flush. */
bool ip_loop_take(struct ip *ip, struct frame *frame, struct ip_packet *out);

bool ip_loop_is_empty(const struct ip *ip);
/* The pass has ended. */
void ip_loop_release(struct ip *ip);

#endif
