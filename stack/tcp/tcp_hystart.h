/*
 * HyStart++, RFC 9406: an end of the first slow start before it has filled
 * every queue of the path. When the round-trip time rises from one round to
 * the next the window grows on at a quarter of the rate (Conservative Slow
 * Start); if it falls again that was a mistake and slow start resumes, if not,
 * congestion avoidance begins after five rounds.
 *
 * With `has_train`, two things of Ha and Rhee's HyStart, which Linux has, are
 * added. A train of ACKs is a second sign: when they have come one closely
 * after the other for half of the shortest round-trip time, so much is in
 * flight that twice as much would no longer fit into the path. And the RTT has
 * also risen when it is above the shortest one of all, not of the last round
 * alone. Either sign begins Conservative Slow Start; both together end it: who
 * grows on for five rounds where Linux stops takes what the path has left.
 */
#ifndef TAPIR_TCP_HYSTART_H
#define TAPIR_TCP_HYSTART_H

#include "base/usec.h"
#include "tcp/seq.h"

#include <stdbool.h>

/* RFC 9406 4.2, with its names. */
struct hystart {
    usec last_round_min_rtt; /* USEC_NEVER: infinity */
    usec current_round_min_rtt;
    usec css_baseline_min_rtt;
    tcp_seq window_end; /* the round is over when this octet is acknowledged */
    uint8_t rtt_sample_count;
    uint8_t css_rounds; /* that have ended */
    bool is_in_css;
    bool has_train;
    bool is_train; /* it was a train that began Conservative Slow Start */
    bool is_over;
    usec min_rtt;
    usec train_began; /* USEC_NEVER: the round's first ACK is to come */
    usec train_end;   /* the last ACK that followed closely */
};

/* The first round begins: `snd_nxt` is SND.NXT. */
void hystart_init(struct hystart *hystart, tcp_seq snd_nxt, bool has_train);

/* One sample of the round: may begin or end Conservative Slow Start. */
void hystart_rtt_sample(struct hystart *hystart, usec rtt);

/* An ACK of the round has come: it may be the last of a train. */
void hystart_ack_arrived(struct hystart *hystart, usec now);

/* How much the window grows by an ACK of `acked` bytes, as far as they count:
 * RFC 9406 4.2. */
uint32_t hystart_growth(const struct hystart *hystart, uint32_t acked);

/* SND.UNA has moved: false, slow start is over, without a loss. */
bool hystart_acked(struct hystart *hystart, tcp_seq snd_una, tcp_seq snd_nxt);

#endif
