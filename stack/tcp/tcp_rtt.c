/*
 * RFC 6298, and Karn's rule. The scoreboard knows when everything was sent, in
 * microseconds: what was never sent twice brings a sample when it arrives,
 * whether SND.UNA passes it or a SACK block tells of it. Where what arrives
 * was sent twice, timestamps tell which it was (RFC 7323 4.1), in
 * milliseconds.
 */
#include "tcp/tcp_rtt.h"

void rtt_init(struct tcb *tcb)
{
    tcb->srtt = 0; /* 0: no sample yet */
    tcb->rttvar = 0;
    tcb->rto = tcb->tcp->config.rto_initial; /* RFC 6298 2.1 */
    tcb->rtt_is_timing = false;
}

void rtt_start_timing(struct tcb *tcb)
{
    tcb->rtt_start = tcb->tcp->env->now;
    tcb->rtt_is_timing = true;
}

void rtt_stop_timing(struct tcb *tcb)
{
    tcb->rtt_is_timing = false;
}

/* RFC 6298 2.3, beta 1/4. Each ACK may bring a sample; RFC 6298 thinks of one
 * in a round trip, and of the history that they are then (RFC 7323 4.2). So the
 * variance rises at once, and falls once in a round, by its largest error. */
static void update_variance(struct tcb *tcb, usec error)
{
    bool round_is_over = seq_geq(tcb->snd_una, tcb->rtt_round);

    tcb->rtt_error = usec_max(tcb->rtt_error, error);
    if (error > tcb->rttvar)
        tcb->rttvar += (error - tcb->rttvar) / 4;
    else if (round_is_over && tcb->rtt_error < tcb->rttvar)
        tcb->rttvar += (tcb->rtt_error - tcb->rttvar) / 4;
    if (!round_is_over)
        return;
    tcb->rtt_error = 0;
    tcb->rtt_round = tcb->snd_nxt;
}

void rtt_timed_out(struct tcb *tcb)
{
    tcb->srtt_prev = tcb->srtt;
    tcb->rttvar_prev = tcb->rttvar;
    tcb->rtt_new = tcb->snd_nxt;
    tcb->rtt_adapts = false;
}

void rtt_was_too_short(struct tcb *tcb)
{
    tcb->rtt_adapts = true;
}

/* Not RFC 6298 2.4, whose floor is 1 s: the floor is put under the variance, as
 * in Linux, so that it is always some way above the RTT. */
static void set_rto(struct tcb *tcb, usec rtt)
{
    const struct tcp_config *config = &tcb->tcp->config;

    tcb->rto = tcb->srtt + usec_max(4 * tcb->rttvar, config->rto_min);
    tcb->rto = usec_min(tcb->rto, config->rto_max);
    tcb->backoff = 0;
    info_rtt(tcb, rtt);
    tcb->cc->rtt_sample(tcb, rtt);
}

void rtt_sample(struct tcb *tcb, usec rtt)
{
    rtt = usec_max(rtt, 1);
    if (tcb->srtt == 0) { /* RFC 6298 2.2 */
        tcb->srtt = rtt;
        tcb->rttvar = rtt / 2;
        tcb->rtt_round = tcb->snd_nxt;
    } else { /* RFC 6298 2.3: alpha 1/8 */
        update_variance(tcb,
                        tcb->srtt > rtt ? tcb->srtt - rtt : rtt - tcb->srtt);
        tcb->srtt = usec_max(tcb->srtt + (rtt - tcb->srtt) / 8, 1);
    }
    set_rto(tcb, rtt);
}

/* RFC 4015 3.1 (11) */
static void sample_after_spurious(struct tcb *tcb, usec rtt)
{
    tcb->srtt = usec_max(usec_max(tcb->srtt_prev, rtt), 1);
    tcb->rttvar = usec_max(tcb->rttvar_prev, rtt / 2);
    tcb->rtt_error = 0;
    tcb->rtt_round = tcb->snd_nxt;
    tcb->rtt_adapts = false;
    set_rto(tcb, rtt);
}

/* RFC 7323 4.1. A TSecr of 0 is no answer to anything of ours, one from the
 * future a mistake of the peer's. */
static void sample_by_timestamp(struct tcb *tcb, const struct tcp_segment *seg)
{
    int32_t msec = (int32_t)(tcb_timestamp(tcb) - seg->options.ts_ecr);

    if (seg->options.has_timestamps && seg->options.ts_ecr != 0 && msec >= 0)
        rtt_sample(tcb, msec * USEC_PER_MSEC);
}

void rtt_syn_acked(struct tcb *tcb, const struct tcp_segment *seg)
{
    if (tcb->rtt_is_timing)
        rtt_sample(tcb, tcb->tcp->env->now - tcb->rtt_start);
    else if (tcb->has_timestamps)
        sample_by_timestamp(tcb, seg);
    tcb->rtt_is_timing = false;
}

void rtt_acked(struct tcb *tcb, const struct tcp_segment *seg,
               const struct delivery *delivery)
{
    if (delivery->has_original && !delivery->acked_resent) {
        usec rtt = tcb->tcp->env->now - delivery->original_sent_at;

        if (tcb->rtt_adapts && seq_geq(delivery->original_start, tcb->rtt_new))
            sample_after_spurious(tcb, rtt);
        else
            rtt_sample(tcb, rtt);
    } else if (tcb->has_timestamps && delivery->acked > 0) {
        sample_by_timestamp(tcb, seg);
    }
}

usec rtt_rto(const struct tcb *tcb)
{
    usec rto = tcb->rto;

    for (unsigned i = 0; i < tcb->backoff && rto < tcb->tcp->config.rto_max;
         i++)
        rto *= 2;
    return usec_min(rto, tcb->tcp->config.rto_max);
}
