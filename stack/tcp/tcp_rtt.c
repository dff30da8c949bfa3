/*
 * RFC 6298, and Karn's rule: with timestamps each ACK of new data brings a
 * sample, also of what was sent again (RFC 7323 4.1); without them one segment
 * at a time is timed, and none that was sent twice.
 */
#include "tcp/tcp_rtt.h"

void rtt_init(struct tcb *tcb)
{
    tcb->srtt = 0; /* 0: no sample yet */
    tcb->rttvar = 0;
    tcb->rto = tcb->tcp->config.rto_initial; /* RFC 6298 2.1 */
    tcb->rtt_is_timing = false;
}

void rtt_start_timing(struct tcb *tcb, tcp_seq seq)
{
    if (tcb->has_timestamps || tcb->rtt_is_timing)
        return;
    tcb->rtt_seq = seq;
    tcb->rtt_start = tcb->tcp->env->now;
    tcb->rtt_is_timing = true;
}

void rtt_stop_timing(struct tcb *tcb)
{
    tcb->rtt_is_timing = false;
}

void rtt_sample(struct tcb *tcb, usec rtt)
{
    const struct tcp_config *config = &tcb->tcp->config;

    rtt = usec_max(rtt, 1);
    info_rtt(tcb, rtt);
    if (tcb->srtt == 0) { /* RFC 6298 2.2 */
        tcb->srtt = rtt;
        tcb->rttvar = rtt / 2;
    } else { /* RFC 6298 2.3: beta 1/4, alpha 1/8 */
        usec error = tcb->srtt > rtt ? tcb->srtt - rtt : rtt - tcb->srtt;

        tcb->rttvar += (error - tcb->rttvar) / 4;
        tcb->srtt = usec_max(tcb->srtt + (rtt - tcb->srtt) / 8, 1);
    }
    /* Not RFC 6298 2.4, whose floor is 1 s: the floor is put under the
     * variance, as in Linux, so that it is always some way above the RTT. */
    tcb->rto = tcb->srtt + usec_max(4 * tcb->rttvar, config->rto_min);
    tcb->rto = usec_min(tcb->rto, config->rto_max);
    tcb->backoff = 0;
    tcb->cc->rtt_sample(tcb, rtt);
}

/* RFC 7323 4.1. A TSecr of 0 is no answer to anything of ours, one from the
 * future a mistake of the peer's. */
static void sample_by_timestamp(struct tcb *tcb, const struct tcp_segment *seg)
{
    int32_t msec = (int32_t)(tcb_timestamp(tcb) - seg->options.ts_ecr);

    if (seg->options.has_timestamps && seg->options.ts_ecr != 0 && msec >= 0)
        rtt_sample(tcb, msec * USEC_PER_MSEC);
}

void rtt_acked(struct tcb *tcb, const struct tcp_segment *seg)
{
    if (tcb->has_timestamps) {
        sample_by_timestamp(tcb, seg);
    } else if (tcb->rtt_is_timing && seq_gt(seg->ack, tcb->rtt_seq)) {
        rtt_sample(tcb, tcb->tcp->env->now - tcb->rtt_start);
        tcb->rtt_is_timing = false;
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
