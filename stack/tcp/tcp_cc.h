/*
 * Congestion control: one table of functions, one file for each algorithm.
 * Loss recovery (tcp_recovery) decides when something is lost; the algorithm
 * decides how much may be in flight. It sets tcb->cwnd and tcb->ssthresh.
 */
#ifndef TAPIR_TCP_CC_H
#define TAPIR_TCP_CC_H

#include <stdint.h>

struct tcb;

struct tcp_cc_ops {
    const char *name;

    /* The connection is established: the initial window (RFC 6928 2). */
    void (*init)(struct tcb *tcb);

    /* `acked` bytes were acknowledged outside of fast recovery. */
    void (*acked)(struct tcb *tcb, uint32_t acked);

    /* A loss was found with `flight` bytes outstanding: sets ssthresh. */
    void (*lost)(struct tcb *tcb, uint32_t flight);

    /* Nothing was sent for longer than the RTO (RFC 5681 4.1). */
    void (*idle)(struct tcb *tcb);
};

extern const struct tcp_cc_ops tcp_newreno;

#endif
