#include "tcp/tcp_recovery.h"

#include "tcp/tcp_frto.h"
#include "tcp/tcp_pacing.h"
#include "tcp/tcp_prr.h"
#include "tcp/tcp_rack.h"
#include "tcp/tcp_rtt.h"
#include "tcp/tcp_timer.h"
#include "tcp/tcp_tlp.h"
#include "tcp/tcp_undo.h"

enum {
    DUPLICATE_THRESHOLD = 3,  /* RFC 5681 3.2 */
    RTO_RESTART_THRESHOLD = 4 /* rrthresh, RFC 7765 3 */
};

/* An algorithm that models the path has cwnd to itself. */
static bool has_model(const struct tcb *tcb)
{
    return tcb->cc->model != NULL;
}

static void range_is_lost(struct scoreboard *board,
                          const struct sent_range *range)
{
    struct tcb *tcb = container_of(board, struct tcb, board);

    if (tcb->cc->range_lost != NULL)
        tcb->cc->range_lost(tcb, range);
}

void recovery_init(struct tcb *tcb)
{
    tcb->board.on_lost = range_is_lost;
    tcb->phase = RECOVERY_NONE;
    tcb->duplicate_acks = 0;
    tcb->resend_first = false;
    tcb->recover = tcb->iss; /* RFC 6582 3.2 step 1 */
    rack_init(tcb);
    tlp_init(tcb);
    undo_forget(tcb);
    frto_end(tcb);
    cwv_begin(tcb);
}

static void lose(struct tcb *tcb, tcp_seq start, tcp_seq end)
{
    scoreboard_lose(&tcb->board, tcb->tcp->env->memory, start, end);
    tcb_mark_output(tcb);
}

/* RFC 8985 9.3: the rate reduction of PRR is answer enough for the loss of a
 * retransmission within a fast recovery; without it there MUST be another. */
static bool counts_resent(const struct tcb *tcb)
{
    const struct tcp_config *config = &tcb->tcp->config;

    return config->reduce_twice || !config->prr;
}

/* Whether the loss of a range is one more sign of congestion, or part of what
 * the window was reduced for: RFC 5681 4.3, "loss in two successive windows of
 * data, or the loss of a retransmission". */
static bool was_sent_since(const struct tcb *tcb,
                           const struct sent_range *range)
{
    if (tcb->phase == RECOVERY_NONE)
        return true;
    if (range->resent && tcb->phase == RECOVERY_FAST && !counts_resent(tcb))
        return false;
    return range->resent ? range->sent_at >= tcb->reduced_at
                         : seq_geq(range->start, tcb->recover);
}

void recovery_lose(struct tcb *tcb, struct sent_range *range)
{
    tcb->was_lost_since |= was_sent_since(tcb, range);
    scoreboard_lose_range(&tcb->board, range);
}

void recovery_nothing_was_taken(struct tcb *tcb)
{
    tcb->board.on_lost = NULL; /* it tells nothing of how full the path is */
    lose(tcb, tcb->snd_una, tcb->snd_nxt);
    tcb->board.on_lost = range_is_lost;
    if (tcb->phase == RECOVERY_FAST && !has_model(tcb)) /* PRR's was of then */
        tcb->cwnd = min_u32(tcb->cwnd, tcb->ssthresh);
}

/* ---- What is in flight --------------------------------------------------- */

uint32_t recovery_pipe(const struct tcb *tcb)
{
    uint32_t flight = tcb_flight_size(tcb);
    uint32_t gone = tcb->board.sacked + tcb->board.lost;

    if (tcb_is_fast_open(tcb) && flight > 0)
        flight--; /* the SYN's number is no text */
    if (tcb->phase == RECOVERY_FAST && !tcb->has_sack)
        gone += tcb->prr.duplicates; /* RFC 9937 6.2 */
    return flight > gone ? flight - gone : 0;
}

/* A pass takes in several ACKs before its flush sends what they have let go,
 * which would be in flight had each been answered at once. Beyond cwnd is only
 * what limited transmit has added: that does not count, RFC 5681 3.2 step 2. */
uint32_t recovery_flight(const struct tcb *tcb)
{
    tcp_seq edge = tcb->snd_una + tcb->snd_wnd;
    uint32_t open = seq_lt(tcb->snd_nxt, edge) ? edge - tcb->snd_nxt : 0;

    return min_u32(tcb_flight_size(tcb) + min_u32(tcb_unsent(tcb), open),
                   tcb->cwnd);
}

/* With a model PRR only counts what duplicate ACKs tell. */
static bool has_prr(const struct tcb *tcb)
{
    return tcb->tcp->config.prr || has_model(tcb);
}

/* RFC 3042 2: the first two duplicate ACKs each let a segment go. (With SACK
 * they do so by what they take out of the pipe.) */
static uint32_t limited_transmit(const struct tcb *tcb)
{
    if (!tcb->tcp->config.limited_transmit || tcb->has_sack ||
        tcb->phase != RECOVERY_NONE ||
        tcb->duplicate_acks >= DUPLICATE_THRESHOLD)
        return 0;
    return tcb->duplicate_acks * (uint32_t)tcb->snd_mss;
}

uint32_t recovery_allowance(const struct tcb *tcb)
{
    if (frto_is_under_way(tcb))
        return frto_allowance(tcb);

    uint32_t pipe = recovery_pipe(tcb);
    uint32_t window = tcb->cwnd + limited_transmit(tcb);

    return pipe < window ? window - pipe : 0;
}

const struct sent_range *recovery_next_lost(struct tcb *tcb)
{
    if (frto_is_under_way(tcb) && !tcb->resend_first)
        return NULL;
    return scoreboard_first_lost(&tcb->board);
}

bool recovery_is_urgent(const struct tcb *tcb)
{
    return tcb->resend_first;
}

void recovery_sent(struct tcb *tcb, tcp_seq from, uint32_t len)
{
    struct memory *memory = tcb->tcp->env->memory;
    usec now = tcb->tcp->env->now;
    tcp_seq end = from + len;

    rate_sending(tcb, len);
    pacing_sent(tcb, len);
    prr_sent(tcb, len);
    if (seq_lt(from, tcb->snd_nxt)) {
        undo_resent(tcb, from, seq_min(end, tcb->snd_nxt));
        frto_resent(tcb, seq_min(end, tcb->snd_nxt));
        cwv_resent(tcb, scoreboard_resent(&tcb->board, memory, from,
                                          seq_min(end, tcb->snd_nxt), now));
        tcb->resend_first = false;
    }
    if (seq_gt(end, tcb->snd_nxt))
        scoreboard_sent(&tcb->board, memory, tcb->snd_nxt, end, now);
}

/* ---- Fast recovery ------------------------------------------------------- */

/* RFC 5681 (4): the flight is the one that the loss was in, with the `acked`
 * bytes that this ACK has taken out of it. A second time within one recovery it
 * is from ssthresh on, not from what PRR allows for the moment (RFC 9937 6.4),
 * and nothing will be undone: one loss, at least, was real. */
static void reduce_window(struct tcb *tcb, uint32_t acked)
{
    uint32_t flight = tcb_flight_size(tcb) + acked;

    if (tcb->phase == RECOVERY_NONE)
        undo_begin(tcb);
    else
        undo_forget(tcb);
    if (tcb->phase == RECOVERY_FAST && !has_model(tcb))
        prr_end(tcb);
    /* what limited transmit has added does not count, RFC 5681 3.2 step 2 */
    flight = max_u32(min_u32(flight, tcb->cwnd), recovery_flight(tcb));
    ecn_reduce_for_loss(tcb, cwv_lost(tcb, flight));
}

/* The window at once: RFC 6675 5 (4.2), RFC 5681 3.2 step 3. */
static void begin_without_prr(struct tcb *tcb)
{
    tcb->prr = (struct prr){.duplicates = 0};
    tcb->cwnd = tcb->ssthresh;
    if (!tcb->has_sack)
        tcb->cwnd += DUPLICATE_THRESHOLD * (uint32_t)tcb->snd_mss;
}

/* RFC 5681 3.2 steps 2 and 3, RFC 6582 3.2 step 2; or once more within a
 * recovery. What this ACK has brought. */
static void enter_fast_recovery(struct tcb *tcb,
                                const struct delivery *delivery)
{
    uint32_t cwnd;

    reduce_window(tcb, delivery->acked);
    frto_end(tcb);
    tlp_cancel(tcb);
    tlp_init(tcb);
    cwnd = tcb->cwnd;
    tcb->recover = tcb->snd_nxt;
    tcb->reduced_at = tcb->tcp->env->now;
    tcb->phase = RECOVERY_FAST;
    tcb->resend_first = true; /* RFC 5681 3.2 step 3, RFC 6675 5 (4.3) */
    tcb->had_partial_ack = false;
    tcb->tcp->stats.fast_retransmits++;
    if (!tcb->has_sack)
        lose(tcb, tcb->snd_una, tcb->snd_una + tcb->snd_mss);
    if (has_prr(tcb))
        prr_begin(tcb, delivery->delivered);
    else
        begin_without_prr(tcb);
    if (has_model(tcb))
        tcb->cwnd = cwnd;
    tcp_cc_trace(tcb, "fast retransmit");
}

static void leave_fast_recovery(struct tcb *tcb)
{
    uint32_t flight = max_u32(tcb_flight_size(tcb), tcb->snd_mss);

    if (has_model(tcb))
        tcb->cc->recovered(tcb);
    else if (tcb->has_sack || tcb->tcp->config.prr)
        prr_end(tcb);
    else /* RFC 6582 3.2 step 3, the first of its two choices */
        tcb->cwnd = min_u32(tcb->ssthresh, flight + tcb->snd_mss);
    tcb->phase = RECOVERY_NONE;
    cwv_recovered(tcb);
    rack_recovery_ended(tcb);
    undo_recovery_ended(tcb);
    tcp_cc_trace(tcb, "recovered");
}

/* What a model has left as it was is reduced now. */
static void reduce_in_its_place(struct tcb *tcb)
{
    uint32_t duplicates = tcb->prr.duplicates;

    tcb->cc->lost(tcb, tcb_flight_size(tcb));
    if (tcb->phase == RECOVERY_LOSS) {
        tcb->cc->timed_out(tcb);
        tcb->cwnd = min_u32(tcb->cwnd, tcb->ssthresh);
    } else if (has_prr(tcb)) {
        prr_take_over(tcb);
    } else {
        begin_without_prr(tcb);
        if (!tcb->has_sack) /* RFC 5681 3.2 step 4 */
            tcb->cwnd = tcb->ssthresh + duplicates;
    }
}

/* From one without a model to another the window has been reduced already, and
 * for a model it is not. */
void recovery_taken_over(struct tcb *tcb, const struct tcp_cc_ops *before)
{
    uint32_t cwnd = tcb->cwnd;

    undo_forget(tcb); /* it was for `before` to remember the window */
    if (tcb->phase == RECOVERY_NONE ||
        has_model(tcb) == (before->model != NULL))
        return;
    if (!has_model(tcb))
        reduce_in_its_place(tcb);
    else if (tcb->phase == RECOVERY_FAST && !tcb->tcp->config.prr)
        prr_begin(tcb, 0); /* so far nobody has counted */
    if (has_model(tcb))
        tcb->cwnd = cwnd;
}

/* What was thought lost was only late: RFC 8985 6.2 step 3 cannot see that, for
 * it was sent twice. */
static void undo(struct tcb *tcb)
{
    if (tcb->undo.is_of_timeout)
        rtt_was_too_short(tcb);
    else
        rack_reordered(tcb,
                       tcb->undo.resent > 0 ? tcb->undo.first : tcb->rack.fack);
    tcb->resend_first = false;
    frto_end(tcb);
    undo_apply(tcb);
    ecn_reduction_undone(tcb);
    tcb->phase = RECOVERY_NONE;
    cwv_begin(tcb);
    tcb->duplicate_acks = 0;
    tcp_cc_trace(tcb, "was no loss");
}

/* ---- With a peer that does not know SACK: RFC 6582 ----------------------- */

/* By how much the window follows: RFC 9937 6.2. */
static void reduce_rate(struct tcb *tcb, uint32_t acked, uint32_t newly_lost)
{
    struct delivery delivery = {.acked = acked,
                                .delivered = prr_estimate(tcb, acked)};

    if (!has_model(tcb))
        prr_acked(tcb, &delivery, newly_lost);
}

/* RFC 6582 3.2 step 2, 4.1: these may be for what we sent twice ourselves
 * before `recover`; then another halving would be wrong. */
static bool begins_fast_recovery(const struct tcb *tcb)
{
    return tcb->duplicate_acks == DUPLICATE_THRESHOLD &&
           tcb->phase == RECOVERY_NONE && seq_gt(tcb->snd_una, tcb->recover);
}

static void duplicate_ack(struct tcb *tcb)
{
    bool is_inflating = tcb->phase == RECOVERY_FAST && !has_prr(tcb);
    struct delivery nothing = {.acked = 0};

    if (tcb->duplicate_acks < UINT16_MAX)
        tcb->duplicate_acks++;
    tcb_mark_output(tcb);
    if (begins_fast_recovery(tcb))
        enter_fast_recovery(tcb, &nothing);
    if (is_inflating)
        tcb->cwnd += tcb->snd_mss; /* RFC 5681 3.2 step 4 */
    else if (tcb->phase == RECOVERY_FAST && has_prr(tcb))
        reduce_rate(tcb, 0, 0);
}

static void deflate(struct tcb *tcb, uint32_t acked)
{
    uint32_t deflated = tcb->cwnd > acked ? tcb->cwnd - acked : 0;

    if (acked >= tcb->snd_mss)
        deflated += tcb->snd_mss;
    tcb->cwnd = max_u32(deflated, tcb->snd_mss);
}

/* RFC 6582 3.2 step 3, partial acknowledgment: the next hole. Only the first
 * one restarts the timer, so that a window full of holes ends in a time-out
 * rather than in a round trip for each ("impatient", RFC 6582 4). */
static void partial_acknowledgment(struct tcb *tcb, uint32_t acked)
{
    if (!tcb->had_partial_ack)
        tcp_timer_restart_retransmit(tcb);
    tcb->had_partial_ack = true;
    lose(tcb, tcb->snd_una, tcb->snd_una + tcb->snd_mss);
    tcb->resend_first = true; /* and no other, whatever cwnd says */
    if (has_prr(tcb))
        reduce_rate(tcb, acked, tcb->snd_mss);
    else
        deflate(tcb, acked);
}

static void acknowledged_without_sack(struct tcb *tcb, uint32_t acked,
                                      bool is_duplicate)
{
    if (acked == 0) {
        if (is_duplicate)
            duplicate_ack(tcb);
        return;
    }
    tcb->duplicate_acks = 0;
    if (tcb->phase != RECOVERY_FAST)
        return;
    if (seq_geq(tcb->snd_una, tcb->recover))
        leave_fast_recovery(tcb);
    else
        partial_acknowledgment(tcb, acked);
}

/* ---- With SACK ------------------------------------------------------------
 */

static uint32_t detect_losses(struct tcb *tcb)
{
    uint32_t newly_lost;

    tcb->was_lost_since = false;
    newly_lost = tcb->tcp->config.rack ? rack_detect_losses(tcb)
                                       : sack_detect_losses(tcb);
    if (newly_lost > 0)
        tcb_mark_output(tcb);
    return newly_lost;
}

static void answer_losses(struct tcb *tcb, const struct delivery *delivery,
                          uint32_t newly_lost)
{
    if (tcb->was_lost_since)
        enter_fast_recovery(tcb, delivery);
    if (tcb->phase == RECOVERY_FAST && tcb->tcp->config.prr && !has_model(tcb))
        prr_acked(tcb, delivery, newly_lost);
}

/* RFC 6675 2: a duplicate ACK is one that brings news of the scoreboard. */
static void count_duplicates(struct tcb *tcb, const struct delivery *delivery)
{
    if (delivery->acked > 0)
        tcb->duplicate_acks = 0;
    else if (delivery->sacked > 0 && tcb->duplicate_acks < UINT16_MAX)
        tcb->duplicate_acks++;
}

static void acknowledged_with_sack(struct tcb *tcb,
                                   const struct tcp_segment *seg,
                                   const struct delivery *delivery,
                                   const struct sack_report *report)
{
    count_duplicates(tcb, delivery);
    rack_delivered(tcb, delivery);
    if (report->has_dsack) {
        info_dsack(tcb, seg, report->dsack.end - report->dsack.start);
        rack_dsack(tcb);
    }
    if (tcb->phase == RECOVERY_FAST && seq_geq(tcb->snd_una, tcb->recover))
        leave_fast_recovery(tcb);
    answer_losses(tcb, delivery, detect_losses(tcb));
    if (tlp_acknowledged(tcb, seg, delivery->acked, report) &&
        tcb->phase == RECOVERY_NONE) {
        /* RFC 8985 7.4.2: the flight is the one that the loss was in */
        ecn_reduce_for_loss(
            tcb, cwv_lost(tcb, tcb_flight_size(tcb) + delivery->acked));
        if (!has_model(tcb))
            tcb->cwnd = min_u32(tcb->cwnd, tcb->ssthresh);
        cwv_begin(tcb);
        undo_forget(tcb); /* an older recovery's would undo this instead */
    }
    if (delivery->sacked > 0)
        tcb_mark_output(tcb); /* the pipe is emptier: RFC 3042 */
}

/* ---- An ACK ---------------------------------------------------------------
 */

static void grow_window(struct tcb *tcb, uint32_t acked)
{
    if (tcb->phase != RECOVERY_FAST && acked > 0)
        tcb->cc->acked(tcb, acked);
    if (tcb->phase == RECOVERY_LOSS && seq_geq(tcb->snd_una, tcb->recover)) {
        tcb->phase = RECOVERY_NONE;
        cwv_begin(tcb);
        rack_recovery_ended(tcb);
        undo_recovery_ended(tcb);
        if (has_model(tcb))
            tcb->cc->recovered(tcb);
    }
}

/* RFC 6298 5.3; with little in flight the time that the oldest of it has
 * already waited counts, RFC 7765 3: too few duplicate ACKs can come. */
static void restart_retransmit(struct tcb *tcb)
{
    const struct sent_range *oldest = scoreboard_at(&tcb->board, 0);
    uint32_t outstanding = tcb_flight_size(tcb) + tcb_unsent(tcb);
    usec at = oldest->sent_at + rtt_rto(tcb);

    tcp_timer_restart_retransmit(tcb);
    if (tcb->tcp->config.rto_restart &&
        outstanding < RTO_RESTART_THRESHOLD * (uint32_t)tcb->snd_mss &&
        at > tcb->tcp->env->now)
        tcp_timer_set(tcb, TCP_TIMER_RETRANSMIT, at);
}

/* RFC 6298 5.2, 5.3; in NewReno's recovery the partial ACK sees to it. */
static void restart_timers(struct tcb *tcb, uint32_t acked)
{
    bool is_newreno_recovery = tcb->phase == RECOVERY_FAST && !tcb->has_sack;

    if (tcb_flight_size(tcb) == 0) {
        if (!tcb->is_probing) /* else it is the persist timer */
            tcp_timer_clear(tcb, TCP_TIMER_RETRANSMIT);
        tcp_timer_clear(tcb, TCP_TIMER_PROBE);
        tcp_timer_clear(tcb, TCP_TIMER_REORDER);
    } else if (acked > 0 && !is_newreno_recovery) {
        restart_retransmit(tcb);
        tlp_schedule(tcb);
    } else if (tcb->board.sacked > 0) {
        tlp_cancel(tcb);
    }
}

/* RFC 5681 2, (a) to (e). The answer to a probe of a shut window looks like
 * one, but tells of no loss. */
static bool is_duplicate_ack(const struct tcb *tcb,
                             const struct tcp_segment *seg)
{
    return !tcb->is_probing && tcb_flight_size(tcb) > 0 && seg->came_len == 0 &&
           seg->ack == tcb->snd_una &&
           (uint32_t)seg->wnd << tcb->snd_wscale == tcb->snd_wnd;
}

void recovery_acknowledged(struct tcb *tcb, const struct tcp_segment *seg,
                           uint32_t acked)
{
    struct delivery delivery = {.answerable = rack_answerable_by_echo(tcb, seg),
                                .acked = acked};
    struct sack_report report = {.has_dsack = false};
    uint64_t lost_before = tcb->board.lost_ever;
    struct rate_sample sample;
    bool is_duplicate = acked == 0 && is_duplicate_ack(tcb, seg);
    bool was_spurious;

    /* kept near, or it would look like the future after 2 GiB */
    if (acked > 0)
        tcb->recover = seq_max(tcb->recover, tcb->snd_una - acked);
    scoreboard_acknowledge(&tcb->board, tcb->snd_una, &delivery);
    delivery.answerable = rack_answerable(tcb);
    if (tcb->has_sack)
        sack_take(tcb, seg, &delivery, &report);
    info_delivered(tcb, seg, delivery.delivered);
    rtt_acked(tcb, seg, &delivery);
    rate_delivered(tcb, &delivery, &sample);
    if (delivery.has_original)
        tcb->tlp.has_sample = true;
    if (delivery.delivered > 0)
        tcb->tlp.is_due = false; /* the ACK that it would ask for */
    if (acked > 0)
        tcb->resend_first = false;
    was_spurious = frto_acknowledged(tcb, seg, &delivery, is_duplicate);
    if (undo_is_called_for(tcb, seg, &delivery, &report) ||
        (was_spurious && tcb->undo.is_possible))
        undo(tcb);
    if (tcb->has_sack)
        acknowledged_with_sack(tcb, seg, &delivery, &report);
    else
        acknowledged_without_sack(tcb, acked, is_duplicate);
    if (tcb->phase == RECOVERY_NONE)
        cwv_acked(tcb, delivery.delivered);
    grow_window(tcb, ecn_acknowledged(tcb, seg, acked));
    rate_finish(tcb, &delivery, (uint32_t)(tcb->board.lost_ever - lost_before),
                &sample);
    if (has_model(tcb))
        tcb->cc->model(tcb, &sample);
    pacing_follow_window(tcb);
    restart_timers(tcb, acked);
}

/* ---- Timers ----------------------------------------------------------------
 */

/* RFC 5681 3.1: only the first expiry for the same segment; and not if this is
 * one of those that a recovery has already answered for, and not yet sent
 * again. */
static bool lowers_ssthresh(const struct tcb *tcb)
{
    return tcb->retries <= 1 &&
           was_sent_since(tcb, scoreboard_at(&tcb->board, 0));
}

void recovery_timed_out(struct tcb *tcb)
{
    frto_timed_out(tcb);
    cwv_begin(tcb); /* RFC 7661 4.4: the standard response to a time-out */
    if (lowers_ssthresh(tcb)) {
        reduce_window(tcb, 0);
        rtt_timed_out(tcb);
        tcb->undo.is_of_timeout = true;
    }
    ecn_window_reduced(tcb);
    tcb->cc->timed_out(tcb);
    if (scoreboard_first_is_sacked(&tcb->board)) /* thrown away: RFC 2018 8 */
        scoreboard_forget_sacks(&tcb->board);
    if (tcb->has_sack && tcb->tcp->config.rack)
        rack_lose_on_timeout(tcb);
    else
        lose(tcb, tcb->snd_una, tcb->snd_nxt);
    tlp_init(tcb);
    tcp_timer_clear(tcb, TCP_TIMER_REORDER);
    tcb->resend_first = true; /* RFC 6298 5.4; what RACK holds for in flight may
                              take up all of this window: */
    tcb->cwnd = tcb->snd_mss; /* LW */
    if (has_model(tcb))       /* OnEnterRTO() */
        tcb->cwnd += recovery_pipe(tcb);
    tcb->is_cwnd_limited = true;
    tcb->reduced_at = tcb->tcp->env->now;
    tcb->phase = RECOVERY_LOSS;
    tcb->recover = tcb->snd_nxt; /* RFC 6582 3.2 step 4 */
    tcb->duplicate_acks = 0;
    tcp_cc_trace(tcb, "time-out");
}

void recovery_reordering_passed(struct tcb *tcb)
{
    struct delivery nothing = {.acked = 0};
    uint32_t newly_lost = detect_losses(tcb);

    if (newly_lost == 0)
        return;
    answer_losses(tcb, &nothing, newly_lost);
    tcp_timer_restart_retransmit(tcb);
}
