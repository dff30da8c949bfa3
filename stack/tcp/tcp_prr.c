#include "tcp/tcp_prr.h"

#include "tcp/tcp_recovery.h"

/* 6.1: RecoverFS, what is still to be delivered: all that is outstanding, less
 * what was selectively acknowledged before, and what this ACK has brought. */
void prr_begin(struct tcb *tcb, uint32_t delivered)
{
    tcb->prr = (struct prr){
        .recover_flight = tcb_flight_size(tcb) - tcb->board.sacked + delivered,
    };
    tcb->cwnd = recovery_pipe(tcb) + tcb->snd_mss;
}

void prr_take_over(struct tcb *tcb)
{
    uint32_t duplicates = tcb->prr.duplicates;

    prr_begin(tcb, 0);
    tcb->prr.duplicates = duplicates;
    tcb->prr.recover_flight = max_u32(recovery_pipe(tcb), tcb->snd_mss);
    tcb->cwnd = recovery_pipe(tcb) + tcb->snd_mss;
}

void prr_sent(struct tcb *tcb, uint32_t len)
{
    tcb->prr.out += len;
}

void prr_end(struct tcb *tcb)
{
    tcb->cwnd = tcb->ssthresh;
}

/* Nobody gains by ACKs of nothing: no more is delivered than RecoverFS. */
uint32_t prr_estimate(struct tcb *tcb, uint32_t acked)
{
    struct prr *prr = &tcb->prr;
    uint32_t known = min_u32(acked, prr->duplicates);
    uint32_t delivered = acked - known;

    prr->duplicates -= known;
    if (acked == 0) {
        delivered = tcb->snd_mss;
        prr->duplicates =
            min_u32(prr->duplicates + delivered, prr->recover_flight);
    }
    if (prr->delivered >= prr->recover_flight)
        return 0;
    return min_u32(delivered, prr->recover_flight - prr->delivered);
}

/* Above ssthresh: for each byte delivered its share of the reduction. SndCnt,
 * as all below. */
static uint32_t proportional(const struct tcb *tcb)
{
    const struct prr *prr = &tcb->prr;
    uint64_t out =
        ((uint64_t)prr->delivered * tcb->ssthresh + prr->recover_flight - 1) /
        prr->recover_flight;

    return out > prr->out ? (uint32_t)(out - prr->out) : 0;
}

/* Below it: what arrives is the bound (PRR-CRB); a segment more for each ACK
 * that tells of progress and of no more losses (PRR-SSRB). */
static uint32_t reduction_bound(const struct tcb *tcb, uint32_t delivered,
                                uint32_t inflight, bool is_safe_ack)
{
    const struct prr *prr = &tcb->prr;
    uint32_t count = prr->delivered > prr->out ? prr->delivered - prr->out : 0;

    count = max_u32(count, delivered);
    if (is_safe_ack)
        count += tcb->snd_mss;
    return min_u32(count, tcb->ssthresh - inflight);
}

/* "Force a fast retransmit upon entering recovery". And where nothing is in
 * flight a whole segment, for nothing else would bring an ACK. */
static uint32_t at_least(const struct tcb *tcb, uint32_t inflight,
                         uint32_t count)
{
    if ((tcb->prr.out == 0 && count == 0) || inflight == 0)
        return max_u32(count, tcb->snd_mss);
    return count;
}

void prr_acked(struct tcb *tcb, const struct delivery *delivery,
               uint32_t newly_lost)
{
    uint32_t inflight = recovery_pipe(tcb);
    bool is_safe_ack = delivery->acked > 0 && newly_lost == 0;
    uint32_t count;

    if (delivery->delivered == 0)
        return;
    tcb->prr.delivered += delivery->delivered;
    if (inflight > tcb->ssthresh)
        count = proportional(tcb);
    else
        count =
            reduction_bound(tcb, delivery->delivered, inflight, is_safe_ack);
    tcb->cwnd = inflight + at_least(tcb, inflight, count);
}
