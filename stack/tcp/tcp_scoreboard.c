#include "tcp/tcp_scoreboard.h"

#include <string.h>

enum { SCOREBOARD_MIN = 4 };

void scoreboard_init(struct scoreboard *board)
{
    *board = (struct scoreboard){.ranges = NULL};
}

void scoreboard_fini(struct scoreboard *board, struct memory *memory)
{
    memory_free(memory, board->ranges,
                board->capacity * sizeof(*board->ranges));
    board->ranges = NULL;
    board->capacity = 0;
    board->head = 0;
    board->count = 0;
    board->sacked = 0;
    board->lost = 0;
}

static uint32_t range_len(const struct sent_range *range)
{
    return range->end - range->start;
}

/* Room for `more` ranges behind the last one. */
static bool make_room(struct scoreboard *board, struct memory *memory,
                      unsigned more)
{
    unsigned capacity =
        board->capacity != 0 ? board->capacity : (unsigned)SCOREBOARD_MIN;
    struct sent_range *ranges = board->ranges;

    if (board->head + board->count + more <= board->capacity)
        return true;
    if (board->head > 0) {
        memmove(ranges, ranges + board->head, board->count * sizeof(*ranges));
        board->head = 0;
    }
    if (board->count + more > SCOREBOARD_MAX)
        return false;
    while (capacity < board->count + more)
        capacity *= 2;
    if (capacity == board->capacity)
        return true;
    ranges =
        memory_resize(memory, board->ranges, board->capacity * sizeof(*ranges),
                      capacity * sizeof(*ranges));
    if (ranges == NULL)
        return false;
    board->ranges = ranges;
    board->capacity = (uint16_t)capacity;
    return true;
}

bool scoreboard_reserve(struct scoreboard *board, struct memory *memory)
{
    return make_room(board, memory, 1) || board->count > 0;
}

static bool is_plain(const struct sent_range *range)
{
    return !range->sacked && !range->lost && !range->resent;
}

void scoreboard_sent(struct scoreboard *board, struct memory *memory,
                     tcp_seq start, tcp_seq end, usec now)
{
    struct sent_range *last =
        board->count > 0 ? scoreboard_at(board, board->count - 1u) : NULL;

    assert(last == NULL || last->end == start);
    /* half of the ranges are kept for what SACK blocks tell apart */
    if (last != NULL && is_plain(last) &&
        (last->sent_at == now || board->count >= SCOREBOARD_MAX / 2)) {
        last->end = end;
        last->sent_at = now;
        last->stamp = board->stamp;
    } else if (make_room(board, memory, 1)) {
        *scoreboard_at(board, board->count) = (struct sent_range){
            .start = start, .end = end, .sent_at = now, .stamp = board->stamp};
        board->count++;
    } else {
        assert(last != NULL); /* scoreboard_reserve has said so */
        if (last->sacked) {   /* but what follows has not arrived */
            board->sacked -= range_len(last);
            last->sacked = false;
        }
        last->end = end;
        board->lost += last->lost ? end - start : 0;
    }
}

/* The position of the first range that ends after `seq`. */
static unsigned find(const struct scoreboard *board, tcp_seq seq)
{
    unsigned low = 0;
    unsigned high = board->count;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (seq_gt(scoreboard_at(board, middle)->end, seq))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Makes `seq` an edge between two ranges. */
static bool split(struct scoreboard *board, struct memory *memory, tcp_seq seq)
{
    unsigned at = find(board, seq);
    struct sent_range *range;

    if (at == board->count || seq_leq(seq, scoreboard_at(board, at)->start))
        return true;
    if (!make_room(board, memory, 1))
        return false;
    range = scoreboard_at(board, at);
    memmove(range + 1, range, (board->count - at) * sizeof(*range));
    board->count++;
    range[0].end = seq;
    range[1].start = seq;
    return true;
}

static bool is_like(const struct sent_range *a, const struct sent_range *b)
{
    if (a->sacked && b->sacked) /* the rest does not matter any more */
        return true;
    return a->sent_at == b->sent_at && a->sacked == b->sacked &&
           a->lost == b->lost && a->resent == b->resent;
}

/* Neighbours from `at` to `last` that no longer differ become one. */
static void join(struct scoreboard *board, unsigned at, unsigned last)
{
    unsigned kept = at > 0 ? at - 1 : 0;
    unsigned from = kept + 1;

    for (; from < board->count && from <= last + 1; from++) {
        struct sent_range *a = scoreboard_at(board, kept);
        struct sent_range *b = scoreboard_at(board, from);

        if (is_like(a, b))
            a->end = b->end;
        else
            *scoreboard_at(board, ++kept) = *b;
    }
    memmove(scoreboard_at(board, kept + 1), scoreboard_at(board, from),
            (board->count - from) * sizeof(*board->ranges));
    board->count = (uint16_t)(board->count - (from - kept - 1));
}

static void set_lost(struct scoreboard *board, struct sent_range *range,
                     bool lost)
{
    if (lost && !range->lost) {
        board->lost += range_len(range);
        board->lost_ever += range_len(range);
        if (board->on_lost != NULL)
            board->on_lost(board, range);
    }
    if (!lost && range->lost)
        board->lost -= range_len(range);
    range->lost = lost;
}

void scoreboard_resent(struct scoreboard *board, struct memory *memory,
                       tcp_seq start, tcp_seq end, usec now)
{
    /* without memory for the edges the whole range counts as sent again */
    (void)split(board, memory, start);
    (void)split(board, memory, end);

    unsigned at = find(board, start);
    unsigned last = at;
    for (; last < board->count; last++) {
        struct sent_range *range = scoreboard_at(board, last);

        if (seq_geq(range->start, end))
            break;
        set_lost(board, range, false);
        range->resent = true;
        range->sent_at = now;
        range->stamp = board->stamp;
    }
    if (last > at)
        join(board, at, last - 1);
}

/* RFC 8985 6.2: sent later, or at the same moment but further on */
static bool sent_after(const struct sent_range *a, const struct sent_range *b)
{
    return a->sent_at > b->sent_at ||
           (a->sent_at == b->sent_at && seq_gt(a->end, b->end));
}

static void note_original(struct delivery *delivery,
                          const struct sent_range *range)
{
    if (!delivery->has_original ||
        seq_lt(range->start, delivery->original_start))
        delivery->original_start = range->start;
    if (!delivery->has_original || seq_gt(range->end, delivery->original_end))
        delivery->original_end = range->end;
    delivery->has_original = true;
}

static void note_delivery(struct delivery *delivery,
                          const struct sent_range *range)
{
    if (range->sacked)
        return; /* known before */
    delivery->delivered += range_len(range);
    if (!delivery->has_newest || seq_gt(range->end, delivery->highest_end))
        delivery->highest_end = range->end;
    if (!range->resent)
        note_original(delivery, range);
    if (!delivery->has_newest || sent_after(range, &delivery->newest))
        delivery->newest = *range;
    delivery->has_newest = true;
}

static void drop_first(struct scoreboard *board, tcp_seq una,
                       struct delivery *delivery)
{
    struct sent_range *range = scoreboard_at(board, 0);
    struct sent_range gone = *range;

    if (seq_gt(gone.end, una))
        gone.end = una;
    note_delivery(delivery, &gone);
    board->sacked -= gone.sacked ? range_len(&gone) : 0;
    board->lost -= gone.lost ? range_len(&gone) : 0;
    range->start = gone.end;
    if (range->start == range->end) {
        board->head++;
        board->count--;
    }
}

void scoreboard_acknowledge(struct scoreboard *board, tcp_seq una,
                            struct delivery *delivery)
{
    while (board->count > 0 && seq_lt(scoreboard_at(board, 0)->start, una))
        drop_first(board, una, delivery);
    if (board->count == 0)
        board->head = 0;
}

void scoreboard_sack(struct scoreboard *board, struct memory *memory,
                     tcp_seq start, tcp_seq end, struct delivery *delivery)
{
    if (!split(board, memory, start) || !split(board, memory, end))
        return;

    unsigned at = find(board, start);
    unsigned last = at;
    for (; last < board->count; last++) {
        struct sent_range *range = scoreboard_at(board, last);

        if (seq_geq(range->start, end))
            break;
        if (range->sacked)
            continue;
        note_delivery(delivery, range);
        delivery->sacked += range_len(range);
        set_lost(board, range, false);
        range->sacked = true;
        board->sacked += range_len(range);
    }
    if (last > at)
        join(board, at, last - 1);
}

bool scoreboard_first_is_sacked(const struct scoreboard *board)
{
    return board->count > 0 && scoreboard_at(board, 0)->sacked;
}

void scoreboard_forget_sacks(struct scoreboard *board)
{
    for (unsigned i = 0; i < board->count; i++)
        scoreboard_at(board, i)->sacked = false;
    board->sacked = 0;
}

void scoreboard_lose(struct scoreboard *board, struct memory *memory,
                     tcp_seq start, tcp_seq end)
{
    /* without memory for the edges more is sent again than need be */
    (void)split(board, memory, start);
    (void)split(board, memory, end);
    for (unsigned i = find(board, start); i < board->count; i++) {
        struct sent_range *range = scoreboard_at(board, i);

        if (seq_geq(range->start, end))
            return;
        if (!range->sacked)
            set_lost(board, range, true);
    }
}

void scoreboard_forget_losses(struct scoreboard *board)
{
    for (unsigned i = 0; i < board->count; i++)
        scoreboard_at(board, i)->lost = false;
    board->lost = 0;
}

const struct sent_range *scoreboard_first_lost(const struct scoreboard *board)
{
    if (board->lost == 0)
        return NULL;
    for (unsigned i = 0; i < board->count; i++)
        if (scoreboard_at(board, i)->lost)
            return scoreboard_at(board, i);
    return NULL;
}

tcp_seq scoreboard_lost_until(const struct scoreboard *board,
                              const struct sent_range *range, uint32_t most)
{
    const struct sent_range *end = scoreboard_at(board, board->count);
    tcp_seq start = range->start;
    tcp_seq until = start;

    for (; range < end && range->lost && until - start < most; range++)
        until = range->end;
    return until - start < most ? until : start + most;
}
