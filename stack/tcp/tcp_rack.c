#include "tcp/tcp_rack.h"

#include "tcp/tcp_recovery.h"
#include "tcp/tcp_timer.h"

enum { REO_WND_PERSIST = 16, DUPLICATE_THRESHOLD = 3 };

/* The minimum of so long is remembered: paths change. As Linux. */
#define MIN_RTT_WINDOW (300 * USEC_PER_SEC)

void rack_init(struct tcb *tcb)
{
    tcb->rack = (struct rack){
        .fack = tcb->snd_una, .min_rtt = USEC_NEVER, .reo_wnd_mult = 1};
}

static void update_min_rtt(struct rack *rack, usec now, usec rtt)
{
    if (rtt > rack->min_rtt && now - rack->min_rtt_at < MIN_RTT_WINDOW)
        return;
    rack->min_rtt = rtt;
    rack->min_rtt_at = now;
}

/* Step 2's caution: the ACK may be for an earlier transmission. */
usec rack_answerable(const struct tcb *tcb)
{
    const struct rack *rack = &tcb->rack;

    /* no round trip of data was measured yet: the handshake's */
    return tcb->tcp->env->now -
           (rack->min_rtt != USEC_NEVER ? rack->min_rtt : tcb->srtt);
}

/* The echo tells only of what is acknowledged cumulatively: above a hole
 * TS.Recent stays as it was (RFC 7323 4.3), so the ACK of each probe and of
 * each retransmission but the first would look old. */
usec rack_answerable_by_echo(const struct tcb *tcb,
                             const struct tcp_segment *seg)
{
    usec answerable = rack_answerable(tcb);
    usec msec = tcb->tcp->env->now / USEC_PER_MSEC;
    int32_t echoed_ago = (int32_t)(tcb_timestamp(tcb) - seg->options.ts_ecr);

    if (!tcb->has_timestamps || !seg->options.has_timestamps)
        return answerable;
    /* to the end of the millisecond that is echoed */
    return usec_min(answerable, (msec - echoed_ago + 1) * USEC_PER_MSEC - 1);
}

static void update_newest(struct tcb *tcb, const struct sent_range *newest)
{
    struct rack *rack = &tcb->rack;
    usec rtt = usec_max(tcb->tcp->env->now - newest->sent_at, 1);

    if (!newest->resent)
        update_min_rtt(rack, tcb->tcp->env->now, rtt);
    rack->rtt = rtt;
    if (newest->sent_at > rack->newest_sent_at ||
        (newest->sent_at == rack->newest_sent_at &&
         seq_gt(newest->end, rack->newest_end))) {
        rack->newest_sent_at = newest->sent_at;
        rack->newest_end = newest->end;
    }
}

void rack_delivered(struct tcb *tcb, const struct delivery *delivery)
{
    struct rack *rack = &tcb->rack;

    if (rack->has_dsack_round && seq_geq(tcb->snd_una, rack->dsack_round))
        rack->has_dsack_round = false; /* here, or it would be the future */
    if (delivery->delivered == 0)
        return;
    if (delivery->has_newest)
        update_newest(tcb, &delivery->newest);
    /* step 3: something never sent twice arrives after what was sent later */
    if (delivery->has_original && seq_lt(delivery->original_start, rack->fack))
        rack_reordered(tcb, delivery->original_start);
    if (seq_gt(delivery->highest_end, rack->fack))
        rack->fack = delivery->highest_end;
}

void rack_reordered(struct tcb *tcb, tcp_seq start)
{
    tcp_seq fack = tcb->rack.fack;

    tcb->rack.reordering_seen = true;
    /* without SACK it is never moved */
    info_reordering(tcb,
                    tcb->has_sack && seq_gt(fack, start) ? fack - start : 0);
}

void rack_dsack(struct tcb *tcb)
{
    struct rack *rack = &tcb->rack;

    if (rack->has_dsack_round) /* once a round trip */
        return;
    rack->has_dsack_round = true;
    rack->dsack_round = tcb->snd_nxt;
    rack->reo_wnd_persist = REO_WND_PERSIST;
    if (rack->reo_wnd_mult < UINT8_MAX)
        rack->reo_wnd_mult++;
}

void rack_recovery_ended(struct tcb *tcb)
{
    struct rack *rack = &tcb->rack;

    if (rack->reo_wnd_persist > 0)
        rack->reo_wnd_persist--;
    if (rack->reo_wnd_persist == 0)
        rack->reo_wnd_mult = 1;
}

/* Step 4 */
static usec reordering_window(const struct tcb *tcb)
{
    const struct rack *rack = &tcb->rack;
    bool enough_sacked =
        tcb->board.sacked >= DUPLICATE_THRESHOLD * (uint32_t)tcb->snd_mss;

    if (!rack->reordering_seen &&
        (tcb->phase != RECOVERY_NONE || enough_sacked))
        return 0;
    if (rack->min_rtt == USEC_NEVER)
        return 0;
    return usec_min(rack->reo_wnd_mult * rack->min_rtt / 4, tcb->srtt);
}

/* Whether what has arrived was sent after this range. */
static bool was_overtaken(const struct rack *rack,
                          const struct sent_range *range)
{
    return rack->newest_sent_at > range->sent_at ||
           (rack->newest_sent_at == range->sent_at &&
            seq_gt(rack->newest_end, range->end));
}

uint32_t rack_detect_losses(struct tcb *tcb)
{
    struct scoreboard *board = &tcb->board;
    struct sent_range *range = scoreboard_oldest(board);
    usec now = tcb->tcp->env->now;
    usec window = reordering_window(tcb);
    uint32_t before = board->lost;
    usec wait = 0;

    while (range != NULL && range->sent_at <= tcb->rack.newest_sent_at) {
        struct sent_range *next = scoreboard_next_sent(board, range);
        usec left = range->sent_at + tcb->rack.rtt + window - now;

        if (was_overtaken(&tcb->rack, range) && left <= 0)
            recovery_lose(tcb, range);
        else if (was_overtaken(&tcb->rack, range))
            wait = usec_max(wait, left);
        range = next;
    }
    if (wait > 0)
        tcp_timer_set(tcb, TCP_TIMER_REORDER, now + wait);
    else
        tcp_timer_clear(tcb, TCP_TIMER_REORDER);
    return board->lost - before;
}

void rack_lose_on_timeout(struct tcb *tcb)
{
    struct scoreboard *board = &tcb->board;
    struct sent_range *range;
    usec overdue = tcb->tcp->env->now - tcb->rack.rtt - reordering_window(tcb);

    scoreboard_lose(board, tcb->tcp->env->memory, tcb->snd_una,
                    seq_min(tcb->snd_una + tcb->snd_mss, tcb->snd_nxt));
    while ((range = scoreboard_oldest(board)) != NULL &&
           range->sent_at <= overdue)
        scoreboard_lose_range(board, range);
}
