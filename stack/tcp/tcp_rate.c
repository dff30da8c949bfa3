#include "tcp/tcp_rate.h"

#include "tcp/tcp_recovery.h"

static uint32_t elapsed(usec since, usec now)
{
    return (uint32_t)usec_min(now - since, UINT32_MAX);
}

/* 4.1.2.2 OnPacketSent(). Not when C.inflight is 0, but when nothing is
 * outstanding, as Linux: what is thought lost may have arrived after all, and
 * its ACK would seem to be of what is sent now. */
void rate_sending(struct tcb *tcb, uint32_t len)
{
    struct delivery_rate *rate = &tcb->rate;
    usec now = tcb->tcp->env->now;

    if (tcb_flight_size(tcb) == 0) {
        rate->first_send_time = now;
        rate->delivered_time = now;
    }
    tcb->board.stamp = (struct rate_stamp){
        .delivered = rate->delivered,
        .send_elapsed = elapsed(rate->first_send_time, now),
        .since_delivery = elapsed(rate->delivered_time, now),
        .lost = (uint32_t)tcb->board.lost_ever,
        .tx_in_flight = recovery_pipe(tcb) + len,
        .is_app_limited = rate->app_limited != 0,
    };
}

void rate_mark_app_limited(struct tcb *tcb)
{
    uint64_t bubble = tcb->rate.delivered + recovery_pipe(tcb);

    tcb->rate.app_limited = bubble > 0 ? bubble : 1;
}

/* Less than a segment is no data: Nagle may hold it back. */
void rate_check_app_limited(struct tcb *tcb)
{
    if (tcb_unsent(tcb) < tcb->snd_mss && recovery_pipe(tcb) < tcb->cwnd &&
        tcb->board.lost == 0)
        rate_mark_app_limited(tcb);
}

/* 4.1.2.3 UpdateRateSample() for all that the ACK has delivered: the newest of
 * it counts. */
void rate_delivered(struct tcb *tcb, const struct delivery *delivery,
                    struct rate_sample *sample)
{
    struct delivery_rate *rate = &tcb->rate;
    usec now = tcb->tcp->env->now;

    *sample = (struct rate_sample){
        .rtt = USEC_NEVER,
        .newly_acked = delivery->delivered,
    };
    rate->delivered += delivery->delivered;
    if (!delivery->has_newest)
        return;
    const struct sent_range *newest = &delivery->newest;
    rate->delivered_time = now;
    rate->first_send_time = newest->sent_at;
    sample->has_data = true;
    sample->prior_delivered = newest->stamp.delivered;
    sample->is_app_limited = newest->stamp.is_app_limited;
    sample->tx_in_flight = newest->stamp.tx_in_flight;
    if (newest->resent) /* 4.2: it is not known which one arrived */
        return;
    sample->rtt = usec_max(now - newest->sent_at, 1);
    if (rate->min_rtt == 0 || sample->rtt < rate->min_rtt)
        rate->min_rtt = sample->rtt;
}

static usec interval_of(const struct tcb *tcb, const struct sent_range *newest)
{
    usec ack_elapsed =
        tcb->tcp->env->now - newest->sent_at + newest->stamp.since_delivery;

    return usec_max(newest->stamp.send_elapsed, ack_elapsed);
}

/* An interval shorter than any round trip: what was sent again has arrived the
 * first time (4.1.3.5). */
static bool is_plausible(const struct delivery_rate *rate, usec interval)
{
    return interval > 0 && interval >= rate->min_rtt;
}

static void remember(struct delivery_rate *rate,
                     const struct rate_sample *sample)
{
    if (sample->is_app_limited && sample->delivery_rate < rate->last_rate)
        return;
    rate->last_rate = sample->delivery_rate;
    rate->last_is_app_limited = sample->is_app_limited;
}

/* GenerateRateSample() */
void rate_finish(struct tcb *tcb, const struct delivery *delivery,
                 uint32_t newly_lost, struct rate_sample *sample)
{
    struct delivery_rate *rate = &tcb->rate;
    const struct sent_range *newest = &delivery->newest;

    if (rate->app_limited != 0 && rate->delivered > rate->app_limited)
        rate->app_limited = 0;
    sample->newly_lost = newly_lost;
    if (!sample->has_data)
        return;
    usec interval = interval_of(tcb, newest);
    sample->delivered = rate->delivered - sample->prior_delivered;
    sample->lost = (uint32_t)tcb->board.lost_ever - newest->stamp.lost;
    if (!is_plausible(rate, interval))
        return;
    sample->delivery_rate =
        sample->delivered * USEC_PER_SEC / (uint64_t)interval;
    if (sample->delivery_rate > RATE_MAX)
        sample->delivery_rate = RATE_MAX;
    remember(rate, sample);
}
