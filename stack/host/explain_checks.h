/*
 * The checks that each door makes of what comes in, in their order, as data:
 * what must hold, and the reason of the drop if it does not, whose section of
 * an RFC base/drop.h names. --explain tells from it which checks a frame has
 * passed before the event that came of it.
 */
#ifndef TAPIR_HOST_EXPLAIN_CHECKS_H
#define TAPIR_HOST_EXPLAIN_CHECKS_H

#include "base/bytes.h"
#include "base/drop.h"

#include <stdbool.h>

/* Where checks are made in one go. TCP's depend on the state, and are those of
 * RFC 9293 3.10.7. */
enum explain_door {
    EXPLAIN_ETH,
    EXPLAIN_ARP_HEADER,
    EXPLAIN_ARP,
    EXPLAIN_IP,
    EXPLAIN_FRAGMENT,
    EXPLAIN_PROTOCOL,
    EXPLAIN_ICMP_HEADER,
    EXPLAIN_ICMP_REQUEST,
    EXPLAIN_ICMP_REPLY,
    EXPLAIN_ICMP_ERROR, /* and what is none of these */
    EXPLAIN_IGMP,
    EXPLAIN_UDP_HEADER,
    EXPLAIN_UDP,
    EXPLAIN_TCP_HEADER,
    EXPLAIN_TCP_CLOSED,
    EXPLAIN_TCP_LISTEN,
    EXPLAIN_TCP_SYN_SENT,
    EXPLAIN_TCP_SYN_RECEIVED,
    EXPLAIN_TCP_OTHERWISE,
    EXPLAIN_TCP_TIME_WAIT,
    EXPLAIN_DOORS
};

struct explain_check {
    enum drop_reason reason; /* DROP_NONE: after the last one */
    unsigned step;           /* of 3.10.7.4, or 0: before them all */
    const char *must;        /* what holds, if it is passed */
    /* Of two checks with one reason, the first: whether it was not that one,
       by the layer's header. Else NULL. */
    bool (*was_passed)(struct bytes header);
};

/* Up to the one whose reason is DROP_NONE. */
const struct explain_check *explain_checks(enum explain_door door);

/* "first", "second", ...; empty for 0 */
const char *explain_step_word(unsigned step);

#endif
