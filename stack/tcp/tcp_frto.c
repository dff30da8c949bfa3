#include "tcp/tcp_frto.h"

enum { NEW_SEGMENTS = 2, WINDOW_AFTER_TWO_ROUNDS = 3 };

void frto_end(struct tcb *tcb)
{
    tcb->frto.step = FRTO_IDLE;
}

/* Not within another recovery, but anew when it was the same segment: 3.2. */
void frto_timed_out(struct tcb *tcb)
{
    bool begins = tcb->phase == RECOVERY_NONE;

    if (tcb->tcp->config.frto && (begins || tcb->frto.step == FRTO_STEP_2))
        tcb->frto =
            (struct frto){.step = FRTO_STEP_2, .resent_end = tcb->snd_una};
    else
        frto_end(tcb);
}

void frto_resent(struct tcb *tcb, tcp_seq end)
{
    if (tcb->frto.step == FRTO_STEP_2)
        tcb->frto.resent_end = seq_max(tcb->frto.resent_end, end);
}

bool frto_is_under_way(const struct tcb *tcb)
{
    return tcb->frto.step != FRTO_IDLE;
}

uint32_t frto_allowance(const struct tcb *tcb)
{
    uint32_t most = NEW_SEGMENTS * (uint32_t)tcb->snd_mss;
    uint32_t sent = tcb->snd_nxt - tcb->frto.recovery_point;

    if (tcb->frto.step != FRTO_STEP_3)
        return 0;
    return sent < most ? most - sent : 0;
}

/* A full segment, which nothing holds back; the window is the ACK's own. */
static bool has_new_segment(const struct tcb *tcb,
                            const struct tcp_segment *seg)
{
    tcp_seq edge = seg->ack + ((uint32_t)seg->wnd << tcb->snd_wscale);

    return tcb_unsent(tcb) >= tcb->snd_mss &&
           seq_geq(edge, tcb->snd_nxt + tcb->snd_mss);
}

static void step_2(struct tcb *tcb, const struct tcp_segment *seg,
                   uint32_t acked, bool is_duplicate)
{
    if (acked == 0 && is_duplicate && !tcb->has_sack)
        frto_end(tcb); /* 2.1 (2a) */
    if (acked == 0)
        return;
    if (tcb_flight_size(tcb) == 0 ||                  /* (a) */
        seq_lt(tcb->snd_una, tcb->frto.resent_end) || /* 2.1 (2a) */
        !has_new_segment(tcb, seg)) {
        frto_end(tcb);
        return;
    }
    tcb->frto.step = FRTO_STEP_3; /* (b) */
    tcb->frto.recovery_point = tcb->snd_nxt;
}

/* (a): what was sent since has arrived, or there is no news: the rest is
 * lost. */
static bool is_lost(const struct tcb *tcb, const struct delivery *delivery,
                    bool is_duplicate)
{
    if (delivery->delivered == 0)
        return is_duplicate;
    return tcb->has_sack &&
           seq_gt(delivery->highest_end, tcb->frto.recovery_point);
}

static bool step_3(struct tcb *tcb, const struct delivery *delivery,
                   bool is_duplicate)
{
    if (is_lost(tcb, delivery, is_duplicate)) {
        if (tcb->cc->model == NULL) /* whose window is its own */
            tcb->cwnd = WINDOW_AFTER_TWO_ROUNDS * (uint32_t)tcb->snd_mss;
        frto_end(tcb);
        tcb_mark_output(tcb);
        return false;
    }
    if (delivery->delivered == 0)
        return false;
    frto_end(tcb); /* (b); also where it cannot be undone any more */
    tcb_mark_output(tcb);
    return true;
}

bool frto_acknowledged(struct tcb *tcb, const struct tcp_segment *seg,
                       const struct delivery *delivery, bool is_duplicate)
{
    if (tcb->frto.step == FRTO_STEP_3)
        return step_3(tcb, delivery, is_duplicate);
    if (tcb->frto.step == FRTO_STEP_2)
        step_2(tcb, seg, delivery->acked, is_duplicate);
    return false;
}
