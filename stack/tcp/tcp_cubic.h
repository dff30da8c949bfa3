/*
 * CUBIC, RFC 9438: the window is a cubic function of the time since the last
 * loss, so that it grows as fast on a long path as on a short one. See
 * tcp_cc.h for how a connection uses it.
 */
#ifndef TAPIR_TCP_CUBIC_H
#define TAPIR_TCP_CUBIC_H

#include "tcp/tcp_hystart.h"

/* One congestion avoidance stage and what it starts from: RFC 9438 4.1.2, in
 * bytes. */
struct cubic_curve {
    usec epoch;          /* t_epoch, moved on by pauses */
    uint64_t w_est;      /* in 2^-16 bytes */
    uint32_t w_max;      /* W_max; 0: not known */
    uint32_t cwnd_prior; /* before the last loss */
    uint32_t k;          /* K, in milliseconds */
    bool has_begun;      /* the stage; epoch, k and w_est are valid */
    bool is_search;      /* it began without a W_max */
};

struct cubic {
    struct cubic_curve curve;
    usec paused; /* since then the window is not used; USEC_NEVER: it is */
    struct hystart hystart;
    /* RFC 9438 4.9.2: before the last loss; undo_cwnd 0: nothing is saved */
    struct cubic_curve undo_curve;
    uint32_t undo_cwnd;
    uint32_t undo_ssthresh;
};

/* The formulas, in milliseconds and bytes. */

/* The integer part of the cube root. */
uint32_t cubic_root(uint64_t n);
/* K, RFC 9438 4.2, figure 2. */
uint32_t cubic_k(uint32_t w_max, uint32_t cwnd_epoch, uint32_t mss);
/* W_cubic(t), figure 1; at least 0, at most TCP_CWND_MAX. */
uint32_t cubic_window(uint64_t t, uint32_t k, uint32_t w_max, uint32_t mss);

#endif
