/*
 * Congestion window validation, RFC 7661: whether a connection has used its
 * window lately. pipeACK is what was acknowledged within one round trip, the
 * most of the last second or so. While it is less than half of cwnd the window
 * is not validated: it is kept, for five minutes, it does not grow
 * (tcb->is_cwnd_limited sees to that), and a loss is answered by what was used,
 * not by what might have been.
 *
 * For algorithms that say so (validates_window), NewReno and CUBIC. The halves
 * of 4.4.1 are what the algorithm makes of a flight: CUBIC takes seven tenths.
 * Bursts (4.4.2) are pacing's affair.
 */
#ifndef TAPIR_TCP_CWV_H
#define TAPIR_TCP_CWV_H

#include "base/usec.h"
#include "tcp/seq.h"

#include <stdbool.h>

struct tcb;

enum { CWV_PERIODS = 5 };

struct cwv {
    usec nvp_began; /* the non-validated period, while is_in_nvp */
    /* The largest samples: each of a fifth of the sampling period. */
    usec began[CWV_PERIODS];
    uint32_t most[CWV_PERIODS];
    /* The sample that is being taken: bytes of this round trip, which is over
     * when round_end is acknowledged. */
    uint32_t acked;
    tcp_seq round_end;
    /* Of a recovery that began in the non-validated phase; basis 0: it did
     * not. 4.4.1: max(pipeACK, LossFlightSize), and R. */
    uint32_t basis;
    uint32_t resent;
    uint8_t latest; /* of the periods */
    bool in_round;
    bool is_defined; /* pipeACK */
    bool is_in_nvp;
};

/* 4.1; and after each recovery: pipeACK is undefined. */
void cwv_begin(struct tcb *tcb);

/* So much was delivered, outside of a recovery: 4.2. */
void cwv_acked(struct tcb *tcb, uint32_t delivered);

/* New data is about to go: 4.4.3, if the window was not used for too long. */
void cwv_sending(struct tcb *tcb);

/* A loss: the flight that it is answered by, 4.4.1. */
uint32_t cwv_lost(struct tcb *tcb, uint32_t flight);
/* Within the recovery so much went again for the first time. */
void cwv_resent(struct tcb *tcb, uint32_t len);
/* The recovery is over: cwnd and ssthresh, 4.4.1. */
void cwv_recovered(struct tcb *tcb);

/* pipeACK; UINT32_MAX: undefined. */
uint32_t cwv_pipe_ack(const struct tcb *tcb);

#endif
