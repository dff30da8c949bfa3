/*
 * Proportional Rate Reduction, RFC 6937 with the safe reduction bound of its
 * successor (RFC 9937): during fast recovery the window comes down to ssthresh
 * in step with what arrives, not at once.
 */
#ifndef TAPIR_TCP_PRR_H
#define TAPIR_TCP_PRR_H

#include "tcp/tcb.h"

/* Fast recovery begins; ssthresh is set. */
void prr_begin(struct tcb *tcb);

/* An ACK within it: sets cwnd. `newly_lost` bytes were found lost by it. */
void prr_acked(struct tcb *tcb, const struct delivery *delivery,
               uint32_t newly_lost);

/* `len` bytes were sent. */
void prr_sent(struct tcb *tcb, uint32_t len);

#endif
