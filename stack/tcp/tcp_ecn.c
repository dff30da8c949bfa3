/*
 * RFC 3168 6.1, for both directions of a connection. What RFC 8311 and others
 * have made experiments of (marks on retransmissions and control packets,
 * ECT(1)) is left out; RFC 8511 is for the congestion control.
 *
 * As Linux, and nowhere in the RFC: text that comes marked, and CWR, are
 * acknowledged at once, since the sender's window may be small.
 */
#include "tcp/tcp_ecn.h"

#include "tcp/tcp_recovery.h"
#include "tcp/tcp_rtt.h"
#include "tcp/tcp_timer.h"
#include "tcp/tcp_undo.h"

enum {
    SETUP_FLAGS = SEG_ECE | SEG_CWR, /* 6.1.1 */
    HOLDS_MAX = 16                   /* the time is doubled no more often */
};

/* ---- 6.1.1: Initialization ---------------------------------------------- */

static bool asks(const struct tcb *tcb)
{
    return tcb->tcp->config.ecn == TCP_ECN_ASK;
}

/* 6.1.1.1: some middle box throws away SYNs that ask. */
static bool has_fallen_back(const struct tcb *tcb)
{
    return tcb->syn_resends > 0 && tcb->tcp->config.ecn_fallback;
}

uint8_t ecn_syn_flags(const struct tcb *tcb)
{
    if (tcb->state == TCPS_SYN_RECEIVED)
        return tcb->ecn.sets_ect ? SEG_ECE : 0;
    return asks(tcb) && !has_fallen_back(tcb) ? SETUP_FLAGS : 0;
}

bool ecn_is_setup_syn(const struct tcp_segment *syn)
{
    return (syn->flags & SETUP_FLAGS) == SETUP_FLAGS;
}

/* The answer to ours; or, of two ends that open at the same time, its SYN. One
 * that mirrors our flags is not capable: 6.1.1.2. */
static void take_answer(struct tcb *tcb, const struct tcp_segment *seg)
{
    unsigned setup = (seg->flags & SEG_ACK) ? SEG_ECE : SETUP_FLAGS;

    tcb->ecn.is_agreed = asks(tcb) && (seg->flags & SETUP_FLAGS) == setup;
    /* "and has sent no non-ECN-setup SYN" */
    tcb->ecn.sets_ect = tcb->ecn.is_agreed && !has_fallen_back(tcb);
}

void ecn_take_syn(struct tcb *tcb, const struct tcp_segment *seg)
{
    tcb->ecn = (struct ecn){.is_agreed = false};
    if (tcb->state == TCPS_SYN_SENT) {
        take_answer(tcb, seg);
        return;
    }
    /* "MUST NOT set ECT on SYN": if it is set, somebody on the way plays with
     * these bits, and no mark of his would mean anything. As Linux. */
    tcb->ecn.is_agreed = tcb->tcp->config.ecn != TCP_ECN_OFF &&
                         ecn_is_setup_syn(seg) && seg->ecn == IP_ECN_NOT_ECT;
    tcb->ecn.sets_ect = tcb->ecn.is_agreed;
}

/* ---- 6.1.3: The Receiver ------------------------------------------------ */

/* A mark means something on text and FIN only (6.1.4); also on the octet of a
 * window probe, which does not fit in (6.1.6). */
void ecn_arrived(struct tcb *tcb, const struct tcp_segment *seg)
{
    struct ecn *ecn = &tcb->ecn;

    if (!ecn->is_agreed || seg->came_len == 0)
        return;
    if (seg->ecn != IP_ECN_NOT_ECT)
        ecn->seen = true;
    if (seg->flags & SEG_CWR) {
        ecn->echoes = false;
        tcb_ack_now(tcb);
    }
    if (seg->ecn == IP_ECN_CE) { /* perhaps of the very packet that says CWR */
        ecn->echoes = true;
        tcb->tcp->stats.ce_segments++;
        tcb_ack_now(tcb);
    }
}

/* ---- 6.1.2: The Sender -------------------------------------------------- */

/* Not on retransmissions (6.1.5), pure ACKs (6.1.4), probes (6.1.6). */
static bool is_new_text(const struct tcb *tcb, const struct tcp_segment *seg)
{
    return seg->text_len > 0 && seg->seq == tcb->snd_nxt && !tcb->is_probing;
}

void ecn_stamp(struct tcb *tcb, struct tcp_segment *seg, struct ip_send *send)
{
    struct ecn *ecn = &tcb->ecn;

    if (ecn->echoes && !(seg->flags & SEG_RST))
        seg->flags |= SEG_ECE;
    if (!is_new_text(tcb, seg))
        return;
    if (ecn->sets_ect) {
        send->tos |= IP_ECN_ECT_0;
        seg->ecn = IP_ECN_ECT_0;
    }
    if (ecn->cwr_is_due) {
        seg->flags |= SEG_CWR;
        ecn->cwr_is_due = false;
        ecn->end = seg->seq;
    }
}

void ecn_window_reduced(struct tcb *tcb)
{
    struct ecn *ecn = &tcb->ecn;

    ecn->is_reduced = true;
    ecn->by_echo = false;
    ecn->cwr_is_due = ecn->is_agreed;
    ecn->end = tcb->snd_nxt;
}

void ecn_reduction_undone(struct tcb *tcb)
{
    tcb->ecn.is_reduced = false;
    tcb->ecn.cwr_is_due = false;
}

void ecn_reduce_for_loss(struct tcb *tcb, uint32_t flight)
{
    const struct ecn *ecn = &tcb->ecn;

    if (ecn->is_reduced && ecn->by_echo && seq_lt(tcb->snd_una, ecn->end)) {
        undo_forget(tcb); /* it would undo what was done for the mark */
        return;
    }
    tcb->cc->lost(tcb, flight);
    ecn_window_reduced(tcb);
}

/* "We use the retransmit timer as a means of reducing the rate further": it is
 * reset, "to send a new packet only when the retransmit timer expires"; RFC
 * 9438 4.6: with exponential backoff. A timer of its own, as that of the
 * retransmission stops when all is acknowledged. */
static void hold_back(struct tcb *tcb)
{
    struct ecn *ecn = &tcb->ecn;
    usec time = rtt_rto(tcb) << ecn->holds;

    if (ecn->holds < HOLDS_MAX)
        ecn->holds++;
    tcp_timer_set(tcb, TCP_TIMER_CONGESTED,
                  tcb->tcp->env->now +
                      usec_min(time, tcb->tcp->config.rto_max));
}

bool ecn_holds_back(const struct tcb *tcb)
{
    return tcp_timer_is_set(tcb, TCP_TIMER_CONGESTED);
}

/* As for a loss, out of a flight of `flight` bytes; but never undone. */
static void reduce_for_mark(struct tcb *tcb, uint32_t flight)
{
    if (tcb->cwnd > tcb->snd_mss)
        tcb->ecn.holds = 0;
    else
        hold_back(tcb);
    tcb->cc->marked(tcb, min_u32(flight, tcb->cwnd));
    undo_forget(tcb);
    ecn_window_reduced(tcb);
    tcb->ecn.by_echo = true;
    tcb->tcp->stats.ecn_reductions++;
    tcp_cc_trace(tcb, "ECN-Echo");
}

/*
 * RFC 3168 has the window not grow by an ACK with ECE. After a time-out it
 * does, in slow start: CWR, which would end the echo, goes with new text, and
 * that comes last.
 */
static uint32_t growth(const struct tcb *tcb, uint32_t acked)
{
    bool recovers = tcb->phase == RECOVERY_LOSS && tcb->cwnd < tcb->ssthresh;

    return recovers ? acked : 0;
}

/* Whether this window of data was answered for, by a loss or a mark. With a
 * model it is told of each: losses may be within what it aims at. After a
 * time-out the echo may be of what is long gone. */
static bool was_answered(const struct tcb *tcb)
{
    const struct ecn *ecn = &tcb->ecn;

    if (tcb->cc->model != NULL)
        return tcb->phase == RECOVERY_LOSS || (ecn->is_reduced && ecn->by_echo);
    return tcb->phase != RECOVERY_NONE || ecn->is_reduced;
}

uint32_t ecn_acknowledged(struct tcb *tcb, const struct tcp_segment *seg,
                          uint32_t acked)
{
    struct ecn *ecn = &tcb->ecn;
    uint32_t flight =
        max_u32(tcb_flight_size(tcb) + acked, recovery_flight(tcb));

    if (!ecn->cwr_is_due && seq_gt(tcb->snd_una, ecn->end))
        ecn->is_reduced = false;
    if (!ecn->is_agreed || !(seg->flags & SEG_ECE))
        return acked;
    if (tcb->phase != RECOVERY_NONE) /* the loss was real congestion, too */
        undo_forget(tcb);
    if (!was_answered(tcb) && flight > 0)
        reduce_for_mark(tcb, flight);
    return growth(tcb, acked);
}
