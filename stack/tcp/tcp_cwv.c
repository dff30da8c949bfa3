#include "tcp/tcp_cwv.h"

#include "tcp/tcb.h"

static const usec non_validated_period = 300 * USEC_PER_SEC; /* NVP, 5 */

static bool is_on(const struct tcb *tcb)
{
    return tcb->tcp->config.cwv && tcb->cc->validates_window;
}

void cwv_begin(struct tcb *tcb)
{
    tcb->cwv = (struct cwv){.is_defined = false};
}

/* ---- pipeACK: 4.2, 4.5.1 ------------------------------------------------ */

static usec sampling_period(const struct tcb *tcb)
{
    return usec_max(3 * tcb->srtt, USEC_PER_SEC);
}

uint32_t cwv_pipe_ack(const struct tcb *tcb)
{
    const struct cwv *cwv = &tcb->cwv;
    usec oldest = tcb->tcp->env->now - sampling_period(tcb);
    uint32_t most = 0;

    if (!cwv->is_defined)
        return UINT32_MAX;
    for (unsigned i = 0; i < CWV_PERIODS; i++)
        if (cwv->most[i] > most && cwv->began[i] > oldest)
            most = cwv->most[i];
    return most;
}

static void note_sample(struct tcb *tcb)
{
    struct cwv *cwv = &tcb->cwv;
    usec now = tcb->tcp->env->now;

    if (!cwv->is_defined ||
        now - cwv->began[cwv->latest] >= sampling_period(tcb) / CWV_PERIODS) {
        cwv->latest = (uint8_t)((cwv->latest + 1) % CWV_PERIODS);
        cwv->began[cwv->latest] = now;
        cwv->most[cwv->latest] = 0;
    }
    cwv->most[cwv->latest] = max_u32(cwv->most[cwv->latest], cwv->acked);
    cwv->is_defined = true;
}

/* A round trip begins with an ACK, whose bytes belong to it, and lasts until
 * all that was outstanding then is acknowledged. So one of slow start has half
 * of the window at its end, and validates it (4.3's note). */
static bool take_sample(struct tcb *tcb, uint32_t delivered)
{
    struct cwv *cwv = &tcb->cwv;

    if (!cwv->in_round) {
        cwv->in_round = true;
        cwv->acked = 0;
        cwv->round_end = tcb->snd_nxt;
    }
    cwv->acked += delivered;
    if (seq_lt(tcb->snd_una, cwv->round_end))
        return false;
    note_sample(tcb);
    cwv->in_round = false;
    return true;
}

/* ---- The phases: 4.3, 4.4 ----------------------------------------------- */

/* It is found out when something is sent or acknowledged, so it may have begun
 * before: when the last sample was no longer one of the sampling period. */
static usec began_at(const struct tcb *tcb)
{
    const struct cwv *cwv = &tcb->cwv;

    return usec_min(tcb->tcp->env->now,
                    cwv->began[cwv->latest] + sampling_period(tcb));
}

static void update_phase(struct tcb *tcb)
{
    struct cwv *cwv = &tcb->cwv;
    bool is_validated = cwv_pipe_ack(tcb) >= tcb->cwnd / 2;

    if (!is_validated && !cwv->is_in_nvp)
        cwv->nvp_began = began_at(tcb);
    cwv->is_in_nvp = !is_validated;
}

void cwv_acked(struct tcb *tcb, uint32_t delivered)
{
    if (!is_on(tcb) || delivered == 0)
        return;
    if (take_sample(tcb, delivered))
        update_phase(tcb);
}

/* 4.4.3, once for each period that has passed (4.5.2). */
void cwv_sending(struct tcb *tcb)
{
    struct cwv *cwv = &tcb->cwv;
    usec now = tcb->tcp->env->now;

    if (!is_on(tcb))
        return;
    if (tcb_flight_size(tcb) == 0) /* no ACK has come for long, perhaps */
        update_phase(tcb);
    while (cwv->is_in_nvp && now - cwv->nvp_began >= non_validated_period) {
        uint32_t initial = tcp_cc_initial_window(tcb);

        cwv->nvp_began += non_validated_period;
        tcb->ssthresh = max_u32(tcb->ssthresh, tcb->cwnd / 4 * 3);
        if (tcb->cwnd <= initial)
            cwv->nvp_began = now;
        else
            tcb->cwnd = max_u32(tcb->cwnd / 2, initial);
    }
}

/* ---- A loss: 4.4.1 ------------------------------------------------------ */

uint32_t cwv_lost(struct tcb *tcb, uint32_t flight)
{
    struct cwv *cwv = &tcb->cwv;

    if (!is_on(tcb) || tcb->phase != RECOVERY_NONE)
        return flight;
    cwv->basis = 0;
    cwv->resent = 0;
    if (!cwv->is_in_nvp)
        return flight;
    cwv->basis = max_u32(cwv_pipe_ack(tcb), flight);
    return cwv->basis;
}

void cwv_resent(struct tcb *tcb, uint32_t len)
{
    if (tcb->phase == RECOVERY_FAST)
        tcb->cwv.resent += len;
}

/* cwnd = (max(pipeACK, LossFlightSize) - R) / 2; ssthresh is the half without
 * R so far. */
void cwv_recovered(struct tcb *tcb)
{
    const struct cwv *cwv = &tcb->cwv;
    uint32_t left = cwv->basis > cwv->resent ? cwv->basis - cwv->resent : 0;

    if (is_on(tcb) && cwv->basis > 0) { /* not of another algorithm */
        uint64_t window = (uint64_t)tcb->ssthresh * left / cwv->basis;

        tcb->cwnd = max_u32((uint32_t)window, tcb->snd_mss);
        tcb->ssthresh = max_u32(tcb->cwnd, 2u * tcb->snd_mss);
    }
    cwv_begin(tcb);
}
