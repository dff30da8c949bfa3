#include "tcp/tcp_scoreboard.h"

#include <string.h>

enum {
    SCOREBOARD_MIN = 4,
    MOMENTS = 1024, /* in the time that something is in flight */
    NOWHERE = UINT16_MAX
};

static void empty(struct scoreboard *board)
{
    board->ranges = NULL;
    board->order = NULL;
    board->head = 0;
    board->count = 0;
    board->capacity = 0;
    board->free = NOWHERE;
    board->oldest = NOWHERE;
    board->newest = NOWHERE;
    board->sacked = 0;
    board->lost = 0;
}

void scoreboard_init(struct scoreboard *board)
{
    *board = (struct scoreboard){0};
    empty(board);
}

/* ---- The pool ----------------------------------------------------------- */

static size_t size_of(unsigned capacity)
{
    return capacity * (sizeof(struct sent_range) + sizeof(uint16_t));
}

void scoreboard_fini(struct scoreboard *board, struct memory *memory)
{
    memory_free(memory, board->ranges, size_of(board->capacity));
    empty(board);
}

static uint32_t range_len(const struct sent_range *range)
{
    return range->end - range->start;
}

static void give_back(struct scoreboard *board, uint16_t place)
{
    board->ranges[place].later = board->free;
    board->free = place;
}

/* A larger pool; `order` lies behind it. */
static bool grow(struct scoreboard *board, struct memory *memory,
                 unsigned capacity)
{
    unsigned old = board->capacity;
    void *block =
        memory_resize(memory, board->ranges, size_of(old), size_of(capacity));

    if (block == NULL)
        return false;
    board->ranges = block;
    board->order = (void *)(board->ranges + capacity);
    memmove(board->order, board->ranges + old, old * sizeof(*board->order));
    board->capacity = (uint16_t)capacity;
    for (unsigned place = capacity; place > old; place--)
        give_back(board, (uint16_t)(place - 1));
    return true;
}

/* Room for `more` ranges behind the last one. */
static bool make_room(struct scoreboard *board, struct memory *memory,
                      unsigned more)
{
    unsigned capacity =
        board->capacity != 0 ? board->capacity : (unsigned)SCOREBOARD_MIN;
    uint16_t *order = board->order;

    if (board->head + board->count + more <= board->capacity)
        return true;
    if (board->head > 0) {
        memmove(order, order + board->head, board->count * sizeof(*order));
        board->head = 0;
    }
    if (board->count + more > SCOREBOARD_MAX)
        return false;
    while (capacity < board->count + more)
        capacity *= 2;
    return capacity == board->capacity || grow(board, memory, capacity);
}

/* A new one at position `at`, for which there is room; not in flight yet. */
static struct sent_range *insert(struct scoreboard *board, unsigned at,
                                 const struct sent_range *values)
{
    uint16_t *order = board->order + board->head + at;
    uint16_t place = board->free;

    board->free = board->ranges[place].later;
    memmove(order + 1, order, (board->count - at) * sizeof(*order));
    *order = place;
    board->count++;
    board->ranges[place] = *values;
    return &board->ranges[place];
}

bool scoreboard_reserve(struct scoreboard *board, struct memory *memory)
{
    return make_room(board, memory, 1) || board->count > 0;
}

/* ---- What is in flight, in order of transmission ------------------------ */

static bool is_in_flight(const struct sent_range *range)
{
    return !range->sacked && !range->lost;
}

/* Behind `earlier`, which may be NOWHERE. */
static void link_after(struct scoreboard *board, uint16_t earlier,
                       struct sent_range *range)
{
    uint16_t place = (uint16_t)(range - board->ranges);
    uint16_t later =
        earlier != NOWHERE ? board->ranges[earlier].later : board->oldest;

    range->earlier = earlier;
    range->later = later;
    if (earlier != NOWHERE)
        board->ranges[earlier].later = place;
    else
        board->oldest = place;
    if (later != NOWHERE)
        board->ranges[later].earlier = place;
    else
        board->newest = place;
}

static void unlink_range(struct scoreboard *board, struct sent_range *range)
{
    if (range->earlier != NOWHERE)
        board->ranges[range->earlier].later = range->later;
    else
        board->oldest = range->later;
    if (range->later != NOWHERE)
        board->ranges[range->later].earlier = range->earlier;
    else
        board->newest = range->earlier;
}

/* It goes out now. */
static void link_newest(struct scoreboard *board, struct sent_range *range)
{
    link_after(board, board->newest, range);
}

/* It is in flight again as if it had never been anything else. `earlier`: the
 * one before, or NOWHERE; where to look first. */
static uint16_t link_again(struct scoreboard *board, uint16_t earlier,
                           struct sent_range *range)
{
    uint16_t later;

    if (earlier != NOWHERE && board->ranges[earlier].sent_at > range->sent_at)
        earlier = NOWHERE;
    later = earlier != NOWHERE ? board->ranges[earlier].later : board->oldest;
    while (later != NOWHERE && board->ranges[later].sent_at <= range->sent_at) {
        earlier = later;
        later = board->ranges[later].later;
    }
    link_after(board, earlier, range);
    return (uint16_t)(range - board->ranges);
}

struct sent_range *scoreboard_oldest(struct scoreboard *board)
{
    if (board->oldest == NOWHERE)
        return NULL;
    board->looked_at++;
    return &board->ranges[board->oldest];
}

struct sent_range *scoreboard_next_sent(struct scoreboard *board,
                                        const struct sent_range *range)
{
    if (range->later == NOWHERE)
        return NULL;
    board->looked_at++;
    return &board->ranges[range->later];
}

/* ---- Sending ------------------------------------------------------------ */

static bool is_plain(const struct sent_range *range)
{
    return !range->sacked && !range->lost && !range->resent;
}

/* Half of the ranges are kept for what SACK blocks tell apart. Where more are
 * needed, moments are one that lie closer together than a thousandth of the
 * time that the oldest is in flight; the first counts. */
static bool is_same_moment(const struct scoreboard *board,
                           const struct sent_range *last, usec now)
{
    if (board->count < SCOREBOARD_MAX / 2)
        return last->sent_at == now;
    return now - last->sent_at <=
           (now - board->ranges[board->oldest].sent_at) / MOMENTS;
}

/* There is no room to note apart what follows the last range: it is as if all
 * of it had been sent again, for nobody may time it. */
static void extend(struct scoreboard *board, struct sent_range *last,
                   tcp_seq end, usec now)
{
    if (last->sacked) { /* but what follows has not arrived */
        board->sacked -= range_len(last);
        last->sacked = false;
    } else if (!last->lost) {
        unlink_range(board, last);
    }
    if (last->lost)
        board->lost += end - last->end;
    else
        link_newest(board, last);
    last->sent_at = now;
    last->stamp = board->stamp;
    last->resent = true;
    last->end = end;
}

void scoreboard_sent(struct scoreboard *board, struct memory *memory,
                     tcp_seq start, tcp_seq end, usec now)
{
    struct sent_range *last =
        board->count > 0 ? scoreboard_at(board, board->count - 1u) : NULL;

    assert(last == NULL || last->end == start);
    if (last != NULL && is_plain(last) && is_same_moment(board, last, now)) {
        last->end = end;
        last->stamp.tx_in_flight = board->stamp.tx_in_flight;
    } else if (make_room(board, memory, 1)) {
        link_newest(board, insert(board, board->count,
                                  &(struct sent_range){.start = start,
                                                       .end = end,
                                                       .sent_at = now,
                                                       .stamp = board->stamp}));
    } else {
        assert(last != NULL); /* scoreboard_reserve has said so */
        extend(board, last, end, now);
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
    struct sent_range *range, *upper;

    if (at == board->count || seq_leq(seq, scoreboard_at(board, at)->start))
        return true;
    if (!make_room(board, memory, 1))
        return false;
    range = scoreboard_at(board, at);
    upper = insert(board, at + 1, range);
    range->end = seq;
    upper->start = seq;
    if (is_in_flight(upper))
        link_after(board, (uint16_t)(range - board->ranges), upper);
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
    uint16_t *order = board->order + board->head;
    unsigned kept = at > 0 ? at - 1 : 0;
    unsigned from = kept + 1;

    for (; from < board->count && from <= last + 1; from++) {
        struct sent_range *a = scoreboard_at(board, kept);
        struct sent_range *b = scoreboard_at(board, from);

        board->looked_at++;
        if (is_like(a, b)) {
            a->end = b->end;
            if (is_in_flight(b))
                unlink_range(board, b);
            give_back(board, order[from]);
        } else {
            order[++kept] = order[from];
        }
    }
    memmove(order + kept + 1, order + from,
            (board->count - from) * sizeof(*order));
    board->count = (uint16_t)(board->count - (from - kept - 1));
}

/* It is lost no longer, nor yet anything else. */
static void find_again(struct scoreboard *board, struct sent_range *range)
{
    board->lost -= range_len(range);
    range->lost = false;
}

uint32_t scoreboard_resent(struct scoreboard *board, struct memory *memory,
                           tcp_seq start, tcp_seq end, usec now)
{
    uint32_t first_time = 0;

    /* without memory for the edges the whole range counts as sent again */
    (void)split(board, memory, start);
    (void)split(board, memory, end);

    unsigned at = find(board, start);
    unsigned last = at;
    for (; last < board->count; last++) {
        struct sent_range *range = scoreboard_at(board, last);

        if (seq_geq(range->start, end))
            break;
        if (range->lost)
            find_again(board, range);
        else if (!range->sacked)
            unlink_range(board, range);
        first_time += range->resent ? 0 : range_len(range);
        range->resent = true;
        range->sent_at = now;
        range->stamp = board->stamp;
        if (!range->sacked)
            link_newest(board, range);
    }
    if (last > at)
        join(board, at, last - 1);
    return first_time;
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
    if (!delivery->has_original || range->sent_at < delivery->original_sent_at)
        delivery->original_sent_at = range->sent_at;
    delivery->has_original = true;
}

static void note_delivery(struct delivery *delivery,
                          const struct sent_range *range)
{
    if (range->sacked)
        return; /* known before */
    if (delivery->delivered == 0 || seq_gt(range->end, delivery->highest_end))
        delivery->highest_end = range->end;
    delivery->delivered += range_len(range);
    if (!range->resent)
        note_original(delivery, range);
    else if (range->sent_at > delivery->answerable)
        return;
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
    delivery->acked_resent |= gone.resent && !gone.sacked;
    board->sacked -= gone.sacked ? range_len(&gone) : 0;
    board->lost -= gone.lost ? range_len(&gone) : 0;
    range->start = gone.end;
    if (range->start != range->end)
        return;
    if (is_in_flight(range))
        unlink_range(board, range);
    give_back(board, board->order[board->head]);
    board->head++;
    board->count--;
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
        board->looked_at++;
        if (range->sacked)
            continue;
        note_delivery(delivery, range);
        delivery->sacked += range_len(range);
        if (range->lost)
            find_again(board, range);
        else
            unlink_range(board, range);
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
    uint16_t last = NOWHERE;

    for (unsigned i = 0; i < board->count; i++) {
        struct sent_range *range = scoreboard_at(board, i);

        if (range->sacked)
            last = link_again(board, last, range);
        range->sacked = false;
    }
    board->sacked = 0;
}

/* ---- What is lost ------------------------------------------------------- */

void scoreboard_lose_range(struct scoreboard *board, struct sent_range *range)
{
    if (board->lost == 0 || seq_lt(range->start, board->lost_from))
        board->lost_from = range->start;
    unlink_range(board, range);
    range->lost = true;
    board->lost += range_len(range);
    board->lost_ever += range_len(range);
    if (board->on_lost != NULL)
        board->on_lost(board, range);
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
        if (is_in_flight(range))
            scoreboard_lose_range(board, range);
    }
}

void scoreboard_forget_losses(struct scoreboard *board)
{
    uint16_t last = NOWHERE;

    for (unsigned i = 0; board->lost > 0; i++) {
        struct sent_range *range = scoreboard_at(board, i);

        if (!range->lost)
            continue;
        find_again(board, range);
        last = link_again(board, last, range);
    }
}

const struct sent_range *scoreboard_first_lost(struct scoreboard *board)
{
    unsigned at;

    if (board->lost == 0)
        return NULL;
    at = find(board, board->lost_from);
    while (!scoreboard_at(board, at)->lost) {
        board->looked_at++;
        at++;
    }
    board->lost_from = scoreboard_at(board, at)->start;
    return scoreboard_at(board, at);
}

tcp_seq scoreboard_lost_until(const struct scoreboard *board, tcp_seq seq,
                              uint32_t most)
{
    tcp_seq until = seq;

    for (unsigned at = find(board, seq);
         at < board->count && scoreboard_at(board, at)->lost &&
         until - seq < most;
         at++)
        until = scoreboard_at(board, at)->end;
    return until - seq < most ? until : seq + most;
}
