/*
 * Pacing: what may be in flight is spread over the round trip and not sent in
 * a burst, for a queue on the path that is shorter than the burst.
 * draft-ietf-ccwg-bbr-06 5.6.2 (the departure times), 5.6.3 (how much goes
 * together).
 *
 * An algorithm that models the path sets tcb->pacing.rate itself. For one that
 * has a window only, the rate follows from it and from the round-trip time,
 * with a margin so that it is never the pacing that limits: twice the window
 * in a round trip in slow start, 1.2 times after it, as Linux has it.
 */
#ifndef TAPIR_TCP_TCP_PACING_H
#define TAPIR_TCP_TCP_PACING_H

#include "base/usec.h"

#include <stdbool.h>
#include <stdint.h>

struct tcb;

#define TCP_PACING_UNLIMITED UINT64_MAX

struct pacing {
    uint64_t rate;       /* bytes a second; 0: not known yet */
    usec next_send_time; /* C.next_send_time */
};

/* The connection is established, or its algorithm or its limit is another one:
 * whether it is paced. */
void pacing_init(struct tcb *tcb);

/* The rate in force, within SO_MAX_PACING_RATE; TCP_PACING_UNLIMITED: none. */
uint64_t pacing_rate(const struct tcb *tcb);
/* C.send_quantum: how many bytes may go together; UINT32_MAX: any number. */
uint32_t pacing_quantum(const struct tcb *tcb);

/* Whether the next segment has to wait; a timer sees to it then. */
bool pacing_holds(struct tcb *tcb);
/* So much has gone out. */
void pacing_sent(struct tcb *tcb, uint32_t len);

/* The window or the round-trip time has changed. */
void pacing_follow_window(struct tcb *tcb);

#endif
