/*
 * The timer wheel. A deadline is a number of 48 bits in eight digits of 64.
 * A timer lies on the level of the highest digit in which its deadline differs
 * from the hand, in the slot that this digit names. So
 *
 *   - all timers on a level are due before all those on the levels above;
 *   - occupied slots on a level lie after the hand's own digit (on level 0,
 *     which counts single microseconds, also at it): the next one is the
 *     lowest bit set;
 *   - where a timer lies follows from its deadline and the hand alone. Two
 *     with equal deadlines share each slot on the way down, and fire in the
 *     order in which they were armed.
 *
 * When the hand enters a slot above level 0 its timers move to finer levels.
 * Slot 0 of the top level, which no digit after the hand's can name, holds the
 * deadlines beyond the present turn of the wheel, until the next one begins.
 *
 * Left out on purpose: any sleep, any clock. The caller says what time it is.
 */
#include "base/timer.h"

enum { TOP_LEVEL = TIMER_LEVELS - 1 };

static uint64_t digit_mask(unsigned level)
{
    return (uint64_t)(TIMER_SLOTS - 1) << (level * TIMER_SLOTS_BITS);
}

/* One slot of the wheel. */
struct place {
    unsigned level;
    unsigned slot;
};

static struct place place_of(const struct timers *timers, usec deadline)
{
    uint64_t hand = (uint64_t)timers->now;
    uint64_t due = (uint64_t)usec_max(deadline, timers->now);

    if (due == hand)
        return (struct place){0, due % TIMER_SLOTS};

    unsigned level =
        (63 - (unsigned)__builtin_clzll(due ^ hand)) / TIMER_SLOTS_BITS;

    if (level > TOP_LEVEL)
        return (struct place){TOP_LEVEL, 0};
    return (struct place){level, (unsigned)(due >> level * TIMER_SLOTS_BITS) %
                                     TIMER_SLOTS};
}

static void insert(struct timers *timers, struct timer *timer)
{
    struct place place = place_of(timers, timer->deadline);

    list_append(&timers->slots[place.level][place.slot], &timer->node);
    timers->occupied[place.level] |= UINT64_C(1) << place.slot;
}

static void empty_slot(struct timers *timers, struct place place,
                       struct list *to)
{
    list_splice(to, &timers->slots[place.level][place.slot]);
    timers->occupied[place.level] &= ~(UINT64_C(1) << place.slot);
}

/* The occupied slot that comes next. False if there is none. */
static bool next_place(const struct timers *timers, struct place *out)
{
    for (unsigned level = 0; level < TIMER_LEVELS; level++) {
        uint64_t occupied = timers->occupied[level];

        if (level == TOP_LEVEL && occupied > 1)
            occupied &= ~UINT64_C(1); /* the next turn comes last */
        if (occupied != 0) {
            *out = (struct place){level, (unsigned)__builtin_ctzll(occupied)};
            return true;
        }
    }
    return false;
}

/* The first microsecond that belongs to a slot. */
static usec start_of(const struct timers *timers, struct place place)
{
    uint64_t hand = (uint64_t)timers->now;
    uint64_t digit = digit_mask(place.level);
    uint64_t finer = digit & -digit; /* its lowest bit */

    if (place.level == TOP_LEVEL && place.slot == 0)
        return (usec)((hand | digit | (finer - 1)) + 1);
    return (usec)((hand & ~digit & ~(finer - 1)) | place.slot * finer);
}

/* The timers of a slot above level 0 move to finer levels. */
static void cascade(struct timers *timers, struct place place)
{
    struct list moved;
    struct list *node;

    list_init(&moved);
    empty_slot(timers, place, &moved);
    while ((node = list_pop(&moved)) != NULL)
        insert(timers, container_of(node, struct timer, node));
}

/* Moves the hand to `now` and appends what is due to `due`, in order. */
static void advance(struct timers *timers, usec now, struct list *due)
{
    struct place place;

    while (next_place(timers, &place) && start_of(timers, place) <= now) {
        timers->now = start_of(timers, place);
        if (place.level == 0)
            empty_slot(timers, place, due);
        else
            cascade(timers, place);
    }
    timers->now = usec_max(timers->now, now);
}

void timers_init(struct timers *timers, usec now)
{
    timers->now = now;
    for (unsigned level = 0; level < TIMER_LEVELS; level++) {
        timers->occupied[level] = 0;
        for (unsigned slot = 0; slot < TIMER_SLOTS; slot++)
            list_init(&timers->slots[level][slot]);
    }
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
    list_init(&timer->node);
    timer->deadline = USEC_NEVER;
    timer->fire = fire;
}

void timer_arm(struct timers *timers, struct timer *timer, usec deadline)
{
    timer_disarm(timers, timer);
    timer->deadline = usec_max(deadline, timers->now);
    insert(timers, timer);
}

void timer_disarm(struct timers *timers, struct timer *timer)
{
    if (!timer_is_armed(timer))
        return;
    list_remove(&timer->node);

    /* A timer that waits in timers_run to be fired is in no slot any more;
     * it names the hand's slot then, about which the same is true. */
    struct place place = place_of(timers, timer->deadline);

    if (list_is_empty(&timers->slots[place.level][place.slot]))
        timers->occupied[place.level] &= ~(UINT64_C(1) << place.slot);
}

bool timer_is_armed(const struct timer *timer)
{
    return list_is_linked(&timer->node);
}

/*
 * All that is due is collected before the first one fires. So what a callback
 * arms waits for the next timers_run, however early its deadline: no callback
 * can keep this one from returning.
 */
void timers_run(struct timers *timers, usec now)
{
    struct list due;
    struct list *node;

    list_init(&due);
    advance(timers, now, &due);
    while ((node = list_pop(&due)) != NULL) {
        struct timer *timer = container_of(node, struct timer, node);

        timer->fire(timer);
    }
}

usec timers_next(const struct timers *timers)
{
    struct place place;

    return next_place(timers, &place) ? start_of(timers, place) : USEC_NEVER;
}
