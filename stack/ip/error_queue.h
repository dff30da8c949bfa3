/*
 * What went wrong with packets that were sent, kept for a program that wants
 * to know more than an errno: ip(7), IP_RECVERR and MSG_ERRQUEUE. RFC 1122
 * 4.1.3.3 has it that errors are passed up. Bounded in bytes, each report's
 * own record counted in.
 */
#ifndef TAPIR_IP_ERROR_QUEUE_H
#define TAPIR_IP_ERROR_QUEUE_H

#include "ip/icmp.h"

/* Linux's numbers, SO_EE_ORIGIN_... */
enum error_origin { ERROR_LOCAL = 1, ERROR_ICMP = 2 };

struct error_report {
    struct list node;
    struct endpoint to;      /* where the packet was going */
    struct ip_addr offender; /* who says so; of ERROR_ICMP */
    struct ip_addr told;     /* of ICMP's packet: where it went to, */
    unsigned iface;          /* where it came in (0: nowhere), its TTL, TOS */
    uint8_t ttl;
    uint8_t tos;
    usec arrived;
    int error; /* errno, positive */
    uint8_t origin;
    uint8_t type; /* of ICMP, as its code */
    uint8_t code;
    uint32_t info; /* the MTU, or to which octet a parameter problem points */
    size_t len;    /* of what the packet carried, as far as it is known */
    uint8_t data[];
};

struct error_queue {
    struct list reports;
    size_t used;
};

void error_queue_init(struct error_queue *queue);
void error_queue_clear(struct error_queue *queue, struct memory *memory);

/* A report with `data`, copied. Where there is no room or memory it is lost. */
void error_queue_add(struct error_queue *queue, const struct env *env,
                     size_t limit, const struct error_report *about,
                     struct bytes data);

/*
 * Of an ICMP error: the port of the packet's destination is the caller's to
 * say, and how much of the payload is the transport's header.
 */
void error_queue_add_icmp(struct error_queue *queue, const struct env *env,
                          size_t limit, const struct icmp_error *error,
                          uint16_t port, size_t header_len);

/* Of a packet that was not sent, for its size; `mtu` would not be too much. */
void error_queue_add_too_big(struct error_queue *queue, const struct env *env,
                             size_t limit, const struct endpoint *to,
                             unsigned mtu);

/* The oldest, still in the queue; NULL when there is none. */
const struct error_report *error_queue_first(const struct error_queue *queue);
/* Drops the oldest, which must be there. */
void error_queue_remove(struct error_queue *queue, struct memory *memory);

#endif
