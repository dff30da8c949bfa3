/*
 * Congestion control: one table of functions, one file for each algorithm.
 * Loss recovery (tcp_recovery) decides when something is lost; the algorithm
 * decides how much may be in flight. It sets tcb->cwnd and tcb->ssthresh, in
 * bytes, and keeps what else it must know in tcb->cc_state.
 *
 * A new algorithm is a file of its own, a member of union tcp_cc_state and a
 * line of the table in tcp_cc.c.
 */
#ifndef TAPIR_TCP_CC_H
#define TAPIR_TCP_CC_H

#include "tcp/tcp.h"
#include "tcp/tcp_bbr.h"
#include "tcp/tcp_cubic.h"
#include "tcp/tcp_rate.h"

struct sent_range;

struct tcp_cc_ops {
    const char *name; /* of TCP_CONGESTION and --congestion */
    /* cwnd may be out of date when it was not used: RFC 7661, tcp_cwv.h */
    bool validates_window;

    /* The connection is established: the initial window (RFC 6928 2). The
     * algorithm's state is all zero before. */
    void (*init)(struct tcb *tcb);

    /* `acked` bytes were acknowledged outside of fast recovery. */
    void (*acked)(struct tcb *tcb, uint32_t acked);

    /* A loss was found with `flight` bytes outstanding: sets ssthresh. Called
     * before recovery changes cwnd, which is remembered for `undo`. */
    void (*lost)(struct tcb *tcb, uint32_t flight);

    /* A packet was marked (RFC 3168 6.1.2) with `flight` bytes outstanding:
     * sets ssthresh, and at once cwnd, to one segment at least. Is not undone.
     */
    void (*marked)(struct tcb *tcb, uint32_t flight);

    /* The retransmission timer has expired; `lost` was called before if this
     * expiry lowers ssthresh (RFC 5681 3.1). Recovery sets cwnd. */
    void (*timed_out)(struct tcb *tcb);

    /* What the last `lost` answered to was no loss (RFC 4015): the window as
     * it was, unless it has grown above that meanwhile. */
    void (*undo)(struct tcb *tcb);

    /* Nothing was sent for longer than the RTO (RFC 5681 4.1). */
    void (*idle)(struct tcb *tcb);

    /* A round-trip time was measured, also before `init`. */
    void (*rtt_sample)(struct tcb *tcb, usec rtt);

    /*
     * For an algorithm that models the path instead of answering to each loss;
     * the others leave these out. With `model` recovery only says what is lost
     * and sent again: cwnd, pacing.rate are the algorithm's at all times.
     */
    /* An ACK was taken in, the losses that it tells of are known. */
    void (*model)(struct tcb *tcb, const struct rate_sample *sample);
    /* This range was taken for lost. */
    void (*range_lost)(struct tcb *tcb, const struct sent_range *range);
    /* Something is about to be sent. */
    void (*sending)(struct tcb *tcb);
    /* Recovery, after a loss or a time-out, is over. */
    void (*recovered)(struct tcb *tcb);
};

/* What NewReno remembers: the window before the last loss, 0 when that was
 * undone. */
struct newreno {
    uint32_t undo_cwnd;
    uint32_t undo_ssthresh;
};

/* Of the algorithm of tcb->cc, and of no other. */
union tcp_cc_state {
    struct newreno newreno;
    struct cubic cubic;
    struct bbr bbr;
};

/* Each connection pays for the largest. */
enum { TCP_CC_STATE_MAX = 288 };
_Static_assert(sizeof(union tcp_cc_state) <= TCP_CC_STATE_MAX,
               "the state of a congestion control is too large");

enum { TCP_CWND_MAX = 1 << 30 }; /* RFC 7323 2.3: no window is larger */

extern const struct tcp_cc_ops tcp_newreno;
extern const struct tcp_cc_ops tcp_cubic;
extern const struct tcp_cc_ops tcp_bbr;

/* By its name; NULL: there is none. */
const struct tcp_cc_ops *tcp_cc_find(const char *name);
/* The algorithms in turn, from 0; NULL after the last. */
const struct tcp_cc_ops *tcp_cc_at(size_t index);

/* Another algorithm takes over, on an open connection with the same window. */
void tcp_cc_assign(struct tcb *tcb, const struct tcp_cc_ops *cc);

/* IW, RFC 6928 2; one segment if two SYNs were lost. */
uint32_t tcp_cc_initial_window(const struct tcb *tcb);
/* RW, RFC 5681 4.1: the window after a time without traffic. */
uint32_t tcp_cc_restart_window(const struct tcb *tcb);

/* Tells the trace of a change that the algorithm itself has made. */
void tcp_cc_trace(const struct tcb *tcb, const char *cause);

#endif
