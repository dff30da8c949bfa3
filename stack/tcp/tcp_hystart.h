/*
 * HyStart++, RFC 9406: an end of the first slow start before it has filled
 * every queue of the path. When the round-trip time rises from one round to
 * the next the window grows on at a quarter of the rate (Conservative Slow
 * Start); if it falls again that was a mistake and slow start resumes, if not,
 * congestion avoidance begins after five rounds.
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
};

/* The first round begins: `snd_nxt` is SND.NXT. */
void hystart_init(struct hystart *hystart, tcp_seq snd_nxt);

/* One sample of the round: may begin or end Conservative Slow Start. */
void hystart_rtt_sample(struct hystart *hystart, usec rtt);

/* How much the window grows by an ACK of `acked` bytes, as far as they count:
 * RFC 9406 4.2. */
uint32_t hystart_growth(const struct hystart *hystart, uint32_t acked);

/* SND.UNA has moved: false, slow start is over, without a loss. */
bool hystart_acked(struct hystart *hystart, tcp_seq snd_una, tcp_seq snd_nxt);

#endif
