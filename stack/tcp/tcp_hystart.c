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

void hystart_init(struct hystart *hystart, tcp_seq snd_nxt, bool has_train)
{
    *hystart = (struct hystart){
        .has_train = has_train,
        .current_round_min_rtt = USEC_NEVER,
        .css_baseline_min_rtt = USEC_NEVER,
        .min_rtt = USEC_NEVER,
    };
    begin_round(hystart, snd_nxt);
}

static usec rtt_thresh(usec before)
{
    usec thresh = before / MIN_RTT_DIVISOR;

    return usec_max(min_rtt_thresh, usec_min(thresh, max_rtt_thresh));
}

static bool rtt_has_risen(const struct hystart *hystart)
{
    usec before = hystart->last_round_min_rtt;

    if (before == USEC_NEVER)
        return false;
    if (hystart->has_train)
        before = hystart->min_rtt;
    return hystart->current_round_min_rtt >= before + rtt_thresh(before);
}

static void enter_css(struct hystart *hystart, bool is_train)
{
    hystart->is_in_css = true;
    hystart->is_train = is_train;
    hystart->css_rounds = 0;
    /* no RTT shows that a train was none */
    hystart->css_baseline_min_rtt =
        is_train ? 0 : hystart->current_round_min_rtt;
}

static void resume_slow_start(struct hystart *hystart)
{
    hystart->is_in_css = false;
    hystart->css_baseline_min_rtt = USEC_NEVER;
}

void hystart_ack_arrived(struct hystart *hystart, usec now)
{
    usec gap = usec_max(hystart->min_rtt / ACK_GAP_DIVISOR, min_ack_gap);

    if (!hystart->has_train || hystart->min_rtt == USEC_NEVER)
        return;
    if (hystart->train_began == USEC_NEVER)
        hystart->train_began = hystart->train_end = now;
    if (now - hystart->train_end > gap) /* and so will be all that follow */
        return;
    hystart->train_end = now;
    if (now - hystart->train_began < hystart->min_rtt / TRAIN_DIVISOR)
        return;
    if (!hystart->is_in_css)
        enter_css(hystart, true);
    else if (!hystart->is_train)
        hystart->is_over = true;
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
    if (!hystart->is_in_css) {
        if (rtt_has_risen(hystart))
            enter_css(hystart, false);
    } else if (hystart->is_train) {
        hystart->is_over = hystart->is_over || rtt_has_risen(hystart);
    } else if (hystart->current_round_min_rtt < hystart->css_baseline_min_rtt) {
        resume_slow_start(hystart);
    }
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
        return !hystart->is_over;
    begin_round(hystart, snd_nxt);
    /* the round in which it began counts too */
    if (hystart->is_in_css && ++hystart->css_rounds == CSS_ROUNDS)
        hystart->is_over = true;
    return !hystart->is_over;
}
