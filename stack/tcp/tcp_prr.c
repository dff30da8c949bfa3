#include "tcp/tcp_prr.h"

#include "tcp/tcp_recovery.h"

void prr_begin(struct tcb *tcb)
{
    tcb->prr = (struct prr){.recover_flight = tcb_flight_size(tcb)};
}

void prr_sent(struct tcb *tcb, uint32_t len)
{
    tcb->prr.out += len;
}

/* Above ssthresh: for each byte delivered, its share of the reduction. */
static uint64_t proportional(const struct tcb *tcb)
{
    const struct prr *prr = &tcb->prr;

    return ((uint64_t)prr->delivered * tcb->ssthresh + prr->recover_flight -
            1) /
           prr->recover_flight;
}

/* Below it: back up, as fast as slow start only while nothing more is lost. */
static uint64_t reduction_bound(const struct tcb *tcb,
                                const struct delivery *delivery, uint32_t pipe,
                                bool is_safe)
{
    const struct prr *prr = &tcb->prr;
    uint64_t limit = prr->delivered > prr->out ? prr->delivered - prr->out : 0;

    if (limit < delivery->delivered)
        limit = delivery->delivered;
    if (is_safe)
        limit += tcb->snd_mss;
    if (limit > tcb->ssthresh - pipe)
        limit = tcb->ssthresh - pipe;
    return prr->out + limit;
}

void prr_acked(struct tcb *tcb, const struct delivery *delivery,
               uint32_t newly_lost)
{
    uint32_t pipe = recovery_pipe(tcb);
    uint64_t may_be_out;

    if (!tcb->tcp->config.prr) {
        tcb->cwnd = tcb->ssthresh; /* RFC 6675 5 (4.2) */
        return;
    }
    if (delivery->delivered == 0 && tcb->prr.out > 0)
        return; /* no ACK clock: what the timer found lost leaves its room */
    tcb->prr.delivered += delivery->delivered;
    if (pipe > tcb->ssthresh)
        may_be_out = proportional(tcb);
    else
        may_be_out = reduction_bound(tcb, delivery, pipe,
                                     delivery->acked > 0 && newly_lost == 0);
    /* the fast retransmit itself; and where nothing is in flight no ACK would
     * ever let the next one go */
    if ((tcb->prr.out == 0 || pipe == 0) &&
        may_be_out < (uint64_t)tcb->prr.out + tcb->snd_mss)
        may_be_out = (uint64_t)tcb->prr.out + tcb->snd_mss;
    tcb->cwnd = pipe;
    if (may_be_out > tcb->prr.out)
        tcb->cwnd += (uint32_t)(may_be_out - tcb->prr.out);
}
