#include "tcp/tcp_sack.h"

#include "tcp/tcp_recovery.h"

enum { DUPLICATE_THRESHOLD = 3 }; /* RFC 6675 2 */

void sack_note_arrival(struct tcb *tcb, tcp_seq seq)
{
    struct sack_sender *sack = &tcb->sack_sender;
    const struct reass_range *grown = reass_range_at(&tcb->reass, seq);
    struct sack_sender next = *sack;

    if (grown == NULL) /* it has filled a hole, and no block is left of it */
        return;
    next.recent[0] = seq;
    next.recent_count = 1;
    for (unsigned i = 0;
         i < sack->recent_count && next.recent_count < SACK_RECENT; i++) {
        const struct reass_range *range =
            reass_range_at(&tcb->reass, sack->recent[i]);

        if (range != NULL && range != grown) /* each block once */
            next.recent[next.recent_count++] = sack->recent[i];
    }
    *sack = next;
}

void sack_note_duplicate(struct tcb *tcb, tcp_seq start, tcp_seq end)
{
    if (!tcb->has_sack || !tcb->tcp->config.dsack)
        return;
    tcb->sack_sender.has_dsack = true;
    tcb->sack_sender.dsack = (struct sack_block){.start = start, .end = end};
}

static unsigned room_for_blocks(const struct tcb *tcb)
{
    return tcb->has_timestamps ? TCP_SACK_BLOCKS_MAX - 1 : TCP_SACK_BLOCKS_MAX;
}

unsigned sack_count(const struct tcb *tcb)
{
    unsigned count = tcb->reass.count;

    if (!sack_is_due(tcb))
        return 0;
    if (count > SACK_RECENT)
        count = SACK_RECENT;
    count += tcb->sack_sender.has_dsack ? 1 : 0;
    return count < room_for_blocks(tcb) ? count : room_for_blocks(tcb);
}

static bool is_reported(const struct tcp_options *options, unsigned from,
                        const struct reass_range *range)
{
    for (unsigned i = from; i < options->sack_count; i++)
        if (options->sacks[i].start == range->start)
            return true;
    return false;
}

static void report(struct tcp_options *options, tcp_seq start, tcp_seq end)
{
    options->sacks[options->sack_count++] =
        (struct sack_block){.start = start, .end = end};
}

/* RFC 2018 4: the block that was added to last, then those reported last. */
void sack_fill(struct tcb *tcb, struct tcp_options *options)
{
    struct sack_sender *sack = &tcb->sack_sender;
    unsigned room = sack_count(tcb);
    unsigned first = 0;

    if (room > 0 && sack->has_dsack) {
        report(options, sack->dsack.start, sack->dsack.end);
        sack->has_dsack = false;
        first = 1;
    }
    for (unsigned i = 0; i < sack->recent_count && options->sack_count < room;
         i++) {
        const struct reass_range *range =
            reass_range_at(&tcb->reass, sack->recent[i]);

        if (range != NULL && !is_reported(options, first, range))
            report(options, range->start, range->end);
    }
    if (options->sack_count == first && options->sack_count < room)
        report(options, tcb->reass.ranges[0].start, tcb->reass.ranges[0].end);
}

/* RFC 2883 4: the first block tells of a duplicate if it lies below the
 * cumulative ACK, or within the second block. */
static bool is_dsack(const struct tcp_options *options, tcp_seq ack)
{
    const struct sack_block *first = &options->sacks[0];
    const struct sack_block *second = &options->sacks[1];

    if (seq_leq(first->end, ack))
        return true;
    return options->sack_count > 1 && seq_geq(first->start, second->start) &&
           seq_leq(first->end, second->end);
}

/* Of the last window or of this one, and not empty. */
static bool is_credible_dsack(const struct tcb *tcb,
                              const struct sack_block *block)
{
    return seq_lt(block->start, block->end) &&
           seq_geq(block->start, tcb->snd_una - tcb->max_snd_wnd) &&
           seq_leq(block->end, tcb->snd_nxt);
}

/* Within what is outstanding, and not empty: RFC 2018 5.1's caution. */
static bool is_credible(const struct tcb *tcb, const struct sack_block *block)
{
    return seq_lt(block->start, block->end) &&
           seq_gt(block->start, tcb->snd_una) &&
           seq_leq(block->end, tcb->snd_nxt);
}

void sack_take(struct tcb *tcb, const struct tcp_segment *seg,
               struct delivery *delivery, struct sack_report *report_out)
{
    const struct tcp_options *options = &seg->options;
    unsigned first = 0;

    *report_out = (struct sack_report){.has_dsack = false};
    if (options->sack_count == 0)
        return;
    if (is_dsack(options, seg->ack)) {
        report_out->has_dsack = is_credible_dsack(tcb, &options->sacks[0]);
        report_out->dsack = options->sacks[0];
        tcb->dsack_was_seen |= report_out->has_dsack;
        first = 1;
    }
    for (unsigned i = first; i < options->sack_count; i++)
        if (is_credible(tcb, &options->sacks[i]))
            scoreboard_sack(&tcb->board, tcb->tcp->env->memory,
                            options->sacks[i].start, options->sacks[i].end,
                            delivery);
}

uint32_t sack_detect_losses(struct tcb *tcb)
{
    struct scoreboard *board = &tcb->board;
    uint32_t before = board->lost;
    uint32_t sacked_above = 0;
    unsigned pieces_above = 0;

    for (unsigned i = board->count; i > 0; i--) {
        struct sent_range *range = scoreboard_at(board, i - 1);

        if (range->sacked) {
            sacked_above += range->end - range->start;
            pieces_above++;
        } else if (!range->lost && !range->resent &&
                   (pieces_above >= DUPLICATE_THRESHOLD ||
                    sacked_above >
                        (DUPLICATE_THRESHOLD - 1) * (uint32_t)tcb->snd_mss)) {
            recovery_lose(tcb, range);
        }
    }
    if (tcb->phase == RECOVERY_NONE && board->lost == 0 &&
        tcb->duplicate_acks >= DUPLICATE_THRESHOLD) { /* 5 (1) */
        scoreboard_lose(board, tcb->tcp->env->memory, tcb->snd_una,
                        seq_min(tcb->snd_una + tcb->snd_mss, tcb->snd_nxt));
        tcb->was_lost_since = true;
    }
    return board->lost - before;
}
