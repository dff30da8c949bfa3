/*
 * RFC 9406 4.2, with the constants of 4.3.
 */
#include "tcp/tcp_hystart.h"

#include "base/bytes.h"

enum {
    N_RTT_SAMPLE = 8,
    MIN_RTT_DIVISOR = 8,
    CSS_GROWTH_DIVISOR = 4,
    CSS_ROUNDS = 5
};

static const usec min_rtt_thresh = 4 * USEC_PER_MSEC;
static const usec max_rtt_thresh = 16 * USEC_PER_MSEC;

/* Linux: 2 ms; where the round is long also what the second segment of a slow
 * path takes, for receivers that delay ACKs. */
enum { ACK_GAP_DIVISOR = 16, TRAIN_DIVISOR = 2 };
static const usec min_ack_gap = 2 * USEC_PER_MSEC;

static void begin_round(struct hystart *hystart, tcp_seq snd_nxt)
{
    hystart->window_end = snd_nxt;
    hystart->last_round_min_rtt = hystart->current_round_min_rtt;
    hystart->current_round_min_rtt = USEC_NEVER;
    hystart->rtt_sample_count = 0;
    hystart->train_began = USEC_NEVER;
}

void hystart_init(struct hystart *hystart, tcp_seq snd_nxt)
{
    *hystart = (struct hystart){
        .current_round_min_rtt = USEC_NEVER,
        .css_baseline_min_rtt = USEC_NEVER,
        .min_rtt = USEC_NEVER,
    };
    begin_round(hystart, snd_nxt);
}

static usec rtt_thresh(const struct hystart *hystart)
{
    usec thresh = hystart->last_round_min_rtt / MIN_RTT_DIVISOR;

    return usec_max(min_rtt_thresh, usec_min(thresh, max_rtt_thresh));
}

static bool rtt_has_risen(const struct hystart *hystart)
{
    return hystart->last_round_min_rtt != USEC_NEVER &&
           hystart->current_round_min_rtt >=
               hystart->last_round_min_rtt + rtt_thresh(hystart);
}

static void enter_css(struct hystart *hystart)
{
    hystart->is_in_css = true;
    hystart->css_rounds = 0;
    hystart->css_baseline_min_rtt = hystart->current_round_min_rtt;
}

static void resume_slow_start(struct hystart *hystart)
{
    hystart->is_in_css = false;
    hystart->css_baseline_min_rtt = USEC_NEVER;
}

void hystart_ack_arrived(struct hystart *hystart, usec now)
{
    usec gap = usec_max(hystart->min_rtt / ACK_GAP_DIVISOR, min_ack_gap);

    if (hystart->is_in_css || hystart->min_rtt == USEC_NEVER)
        return;
    if (hystart->train_began == USEC_NEVER)
        hystart->train_began = hystart->train_end = now;
    if (now - hystart->train_end > gap) /* and so will be all that follow */
        return;
    hystart->train_end = now;
    if (now - hystart->train_began < hystart->min_rtt / TRAIN_DIVISOR)
        return;
    enter_css(hystart);
    hystart->css_baseline_min_rtt = 0; /* no RTT shows that this was wrong */
}

void hystart_rtt_sample(struct hystart *hystart, usec rtt)
{
    hystart->min_rtt = usec_min(hystart->min_rtt, rtt);
    hystart->current_round_min_rtt =
        usec_min(hystart->current_round_min_rtt, rtt);
    if (hystart->rtt_sample_count < N_RTT_SAMPLE)
        hystart->rtt_sample_count++;
    if (hystart->rtt_sample_count < N_RTT_SAMPLE)
        return;
    if (!hystart->is_in_css && rtt_has_risen(hystart))
        enter_css(hystart);
    else if (hystart->is_in_css &&
             hystart->current_round_min_rtt < hystart->css_baseline_min_rtt)
        resume_slow_start(hystart);
}

uint32_t hystart_growth(const struct hystart *hystart, uint32_t acked)
{
    return hystart->is_in_css ? acked / CSS_GROWTH_DIVISOR : acked;
}

bool hystart_acked(struct hystart *hystart, tcp_seq snd_una, tcp_seq snd_nxt)
{
    /* SND.NXT is the number of the next octet: that one has to be acknowledged
     */
    if (seq_leq(snd_una, hystart->window_end))
        return true;
    begin_round(hystart, snd_nxt);
    /* the round in which it began counts too */
    return !hystart->is_in_css || ++hystart->css_rounds < CSS_ROUNDS;
}
