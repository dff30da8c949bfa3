/*
 * BBR, version 3: draft-ietf-ccwg-bbr-06. Congestion control by a model of the
 * path (how fast it delivers, how long it is) rather than by losses: the rate
 * is paced (tcp_pacing), the window is a bound. Names are the draft's, without
 * "BBR."; infinity is all bits set.
 */
#ifndef TAPIR_TCP_TCP_BBR_H
#define TAPIR_TCP_TCP_BBR_H

#include "base/usec.h"

#include <stdbool.h>
#include <stdint.h>

#define BBR_RATE_INFINITE UINT64_MAX
#define BBR_INFLIGHT_INFINITE UINT32_MAX

enum bbr_state {
    BBR_STARTUP,
    BBR_DRAIN,
    BBR_PROBE_BW_DOWN,
    BBR_PROBE_BW_CRUISE,
    BBR_PROBE_BW_REFILL,
    BBR_PROBE_BW_UP,
    BBR_PROBE_RTT,
    BBR_STATE_NONE /* of undo_state: nothing to go back to */
};

/* 2.14: what the ACKs that come in now tell of. */
enum bbr_ack_phase {
    BBR_ACKS_INIT,
    BBR_ACKS_REFILLING,
    BBR_ACKS_PROBE_STARTING,
    BBR_ACKS_PROBE_FEEDBACK,
    BBR_ACKS_PROBE_STOPPING
};

/* Rates in bytes a second, volumes in bytes. */
struct bbr {
    /* 2.9.1, 2.11: the path's rate */
    uint64_t max_bw_filter[2]; /* of this ProbeBW cycle, and of the last */
    uint64_t bw_shortterm;
    uint64_t bw;
    uint64_t bw_latest;
    uint64_t undo_bw_shortterm;
    uint64_t full_bw;
    uint64_t next_round_delivered;
    uint64_t loss_round_delivered;
    uint64_t loss_round_from; /* C.delivered when it began */
    uint64_t slowed_from;     /* C.delivered when probing ended */
    /* 2.16: its length */
    usec min_rtt;
    usec min_rtt_stamp;
    usec probe_rtt_min_delay;
    usec probe_rtt_min_stamp;
    usec probe_rtt_done_stamp; /* 0: not yet there */
    usec cycle_stamp;
    usec extra_acked_interval_start;
    /* 2.9.2: how much it takes */
    uint64_t extra_acked_delivered;
    uint32_t extra_acked_filter[2]; /* of five to ten rounds, half by half */
    uint32_t extra_acked_round;     /* in which the present half began */
    uint32_t inflight_longterm;
    uint32_t inflight_shortterm;
    uint32_t inflight_latest;
    uint32_t undo_inflight_longterm;
    uint32_t undo_inflight_shortterm;
    uint32_t prior_cwnd;
    uint32_t bw_probe_wait; /* usec */
    uint32_t bw_probe_up_acked;
    uint32_t probe_up_acked_per_inc;
    uint32_t round_count;
    uint32_t drain_start_round;
    uint32_t rounds_since_probe_up;
    uint32_t lost_in_round; /* bytes */
    uint32_t lost_until;    /* where the last range that was lost ended */
    uint8_t loss_ranges_in_round;
    uint8_t bw_probe_up_rounds;
    uint8_t full_bw_count;
    uint8_t state; /* enum bbr_state */
    uint8_t undo_state;
    uint8_t ack_phase; /* enum bbr_ack_phase */
    bool round_start : 1;
    bool loss_round_start : 1;
    bool is_loss_in_round : 1;
    bool is_marked_in_round : 1; /* by ECN; each of these is answered */
    bool is_bw_probe_sample : 1;
    bool idle_restart : 1;
    bool full_bw_now : 1;
    bool full_bw_reached : 1;
    bool prev_probe_too_high : 1;
    bool prev_probe_precautionary : 1;
    bool probe_rtt_expired : 1;
    bool probe_rtt_round_done : 1;
    bool is_leaving_probe_rtt : 1; /* for the loss round that follows it */
    bool is_saved : 1;             /* undo_* are of the loss that goes on */
    bool was_cwnd_limited : 1;     /* in the round trip before this one */
    bool has_rtt : 1;              /* a round-trip time was measured */
};

#endif
