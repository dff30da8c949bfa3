/*
 * Tail loss probes, RFC 8985 7: when an ACK is overdue, one segment goes to
 * ask for it, long before the retransmission time-out.
 */
#ifndef TAPIR_TCP_TLP_H
#define TAPIR_TCP_TLP_H

#include "tcp/tcp_sack.h"

/* A connection, or a recovery, begins: RFC 8985 7.1. */
void tlp_init(struct tcb *tcb);

/* New data went out, or SND.UNA moved: RFC 8985 7.2. */
void tlp_schedule(struct tcb *tcb);
/* No probe: a recovery begins, or nothing is in flight. */
void tlp_cancel(struct tcb *tcb);

/* The PTO has expired; tcp_output sends the probe. */
void tlp_fired(struct tcb *tcb);

/* The probe went out, up to SND.NXT. */
void tlp_sent_new(struct tcb *tcb);
void tlp_sent_again(struct tcb *tcb);

/* RFC 8985 7.4.2: true if the probe has repaired a loss that nothing else
 * would tell of. */
bool tlp_acknowledged(struct tcb *tcb, const struct tcp_segment *seg,
                      uint32_t acked, const struct sack_report *report);

#endif
