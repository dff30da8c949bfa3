/*
 * The timer wheel, also against a plain list of timers.
 */
#include "unit.h"

#include "base/random.h"
#include "base/timer.h"

#include <string.h>

/* What the tests' timers do when they fire: they write down their name. */
struct named {
    struct timer timer;
    char name;
    struct named *disarms; /* when it fires */
    struct named *rearms;  /* when it fires, for `rearm_at` */
    usec rearm_at;
    struct fixture *fixture;
};

struct fixture {
    struct timers timers;
    struct named a, b, c, d;
    char fired[64];
};

static void write_name(struct timer *timer)
{
    struct named *named = container_of(timer, struct named, timer);
    struct fixture *f = named->fixture;

    ck_assert(!timer_is_armed(timer));
    strncat(f->fired, &named->name, 1);
    if (named->disarms != NULL)
        timer_disarm(&f->timers, &named->disarms->timer);
    if (named->rearms != NULL)
        timer_arm(&f->timers, &named->rearms->timer, named->rearm_at);
}

static void begin(struct fixture *f, usec now)
{
    struct named *all[] = {&f->a, &f->b, &f->c, &f->d};

    memset(f, 0, sizeof(*f));
    timers_init(&f->timers, now);
    for (unsigned i = 0; i < ARRAY_LENGTH(all); i++) {
        all[i]->name = (char)('a' + (int)i);
        all[i]->fixture = f;
        timer_init(&all[i]->timer, write_name);
    }
}

static void arm(struct fixture *f, struct named *named, usec deadline)
{
    timer_arm(&f->timers, &named->timer, deadline);
}

/* Runs at `now`; exactly these fire, in this order. */
static void expect_fired(struct fixture *f, usec now, const char *names)
{
    f->fired[0] = '\0';
    timers_run(&f->timers, now);
    ck_assert_str_eq(f->fired, names);
}

START_TEST(a_timer_fires_once_and_not_before_its_deadline)
{
    struct fixture f;

    begin(&f, 1000);
    arm(&f, &f.a, 1500);
    ck_assert(timer_is_armed(&f.a.timer));
    expect_fired(&f, 1000, "");
    expect_fired(&f, 1499, "");
    expect_fired(&f, 1500, "a");
    ck_assert(!timer_is_armed(&f.a.timer));
    expect_fired(&f, 1000000, "");
}
END_TEST

START_TEST(timers_fire_in_the_order_of_their_deadlines)
{
    struct fixture f;

    begin(&f, 0);
    arm(&f, &f.a, 70000000);
    arm(&f, &f.b, 5);
    arm(&f, &f.c, 4000);
    arm(&f, &f.d, 64);
    expect_fired(&f, 100000000, "bdca");
}
END_TEST

START_TEST(equal_deadlines_fire_in_the_order_in_which_they_were_armed)
{
    struct fixture f;

    begin(&f, 0);
    arm(&f, &f.c, 5000);
    arm(&f, &f.a, 5000);
    expect_fired(&f, 4990, ""); /* the two are on a finer level by now */
    arm(&f, &f.d, 5000);
    arm(&f, &f.b, 5000);
    expect_fired(&f, 6000, "cadb");
}
END_TEST

START_TEST(a_deadline_that_has_passed_fires_at_the_next_run)
{
    struct fixture f;

    begin(&f, 1000);
    arm(&f, &f.a, 10);
    ck_assert_int_le(timers_next(&f.timers), 1000);
    expect_fired(&f, 1000, "a");
    arm(&f, &f.b, 1000); /* the same microsecond, once more */
    expect_fired(&f, 1000, "b");
}
END_TEST

START_TEST(a_disarmed_timer_does_not_fire)
{
    struct fixture f;

    begin(&f, 0);
    arm(&f, &f.a, 100);
    arm(&f, &f.b, 100);
    timer_disarm(&f.timers, &f.a.timer);
    timer_disarm(&f.timers, &f.a.timer); /* twice does no harm */
    ck_assert(!timer_is_armed(&f.a.timer));
    expect_fired(&f, 100, "b");
    ck_assert_int_eq(timers_next(&f.timers), USEC_NEVER);
}
END_TEST

START_TEST(the_next_time_forgets_a_disarmed_timer)
{
    struct fixture f;

    begin(&f, 0);
    arm(&f, &f.a, 10);
    arm(&f, &f.b, 20);
    arm(&f, &f.c, 5000000);
    timer_disarm(&f.timers, &f.a.timer);
    ck_assert_int_eq(timers_next(&f.timers), 20);
    timer_disarm(&f.timers, &f.b.timer);
    ck_assert_int_gt(timers_next(&f.timers), 20);
    timer_disarm(&f.timers, &f.c.timer);
    ck_assert_int_eq(timers_next(&f.timers), USEC_NEVER);
}
END_TEST

START_TEST(arming_again_moves_the_deadline)
{
    struct fixture f;

    begin(&f, 0);
    arm(&f, &f.a, 100);
    arm(&f, &f.a, 100000);
    expect_fired(&f, 5000, "");
    arm(&f, &f.a, 5001);
    expect_fired(&f, 5001, "a");
    expect_fired(&f, 200000, "");
}
END_TEST

START_TEST(a_timer_may_disarm_one_that_is_due_at_the_same_time)
{
    struct fixture f;

    begin(&f, 0);
    arm(&f, &f.a, 100);
    arm(&f, &f.b, 100);
    arm(&f, &f.c, 101);
    arm(&f, &f.d, 101);
    f.a.disarms = &f.b;
    f.c.disarms = &f.d;
    expect_fired(&f, 200, "ac");
    ck_assert_int_eq(timers_next(&f.timers), USEC_NEVER);
}
END_TEST

START_TEST(a_timer_may_put_off_one_that_is_due_at_the_same_time)
{
    struct fixture f;

    begin(&f, 0);
    arm(&f, &f.a, 100);
    arm(&f, &f.b, 100);
    f.a.rearms = &f.b;
    f.a.rearm_at = 300;
    expect_fired(&f, 200, "a");
    expect_fired(&f, 299, "");
    expect_fired(&f, 300, "b");
}
END_TEST

START_TEST(what_a_timer_arms_for_the_past_waits_for_the_next_run)
{
    struct fixture f;

    begin(&f, 0);
    arm(&f, &f.a, 100);
    f.a.rearms = &f.a;
    f.a.rearm_at = 50;
    expect_fired(&f, 200, "a");
    ck_assert_int_le(timers_next(&f.timers), 200);
    expect_fired(&f, 200, "a");
    f.a.rearms = NULL;
    expect_fired(&f, 200, "a");
    expect_fired(&f, 200, "");
}
END_TEST

START_TEST(without_timers_there_is_no_next_time)
{
    struct fixture f;

    begin(&f, 0);
    ck_assert_int_eq(timers_next(&f.timers), USEC_NEVER);
    arm(&f, &f.a, 100);
    ck_assert_int_ne(timers_next(&f.timers), USEC_NEVER);
    expect_fired(&f, 100, "a");
    ck_assert_int_eq(timers_next(&f.timers), USEC_NEVER);
}
END_TEST

/* Each level that a timer comes down costs one step at most. */
START_TEST(following_the_next_time_leads_to_each_deadline_exactly)
{
    const usec deadlines[] = {1,
                              63,
                              64,
                              4095,
                              4096,
                              1000000,
                              3600000000,
                              (INT64_C(1) << 47) + 12345,
                              INT64_C(1) << 48};

    for (unsigned i = 0; i < ARRAY_LENGTH(deadlines); i++) {
        struct fixture f;
        usec now = 0;
        int steps = 0;

        begin(&f, 0);
        arm(&f, &f.a, deadlines[i]);
        while (timer_is_armed(&f.a.timer)) {
            usec next = timers_next(&f.timers);

            ck_assert_int_gt(next, now);
            ck_assert_int_le(next, deadlines[i]);
            now = next;
            timers_run(&f.timers, now);
            ck_assert_int_le(++steps, TIMER_LEVELS + 1);
        }
        ck_assert_int_eq(now, deadlines[i]);
    }
}
END_TEST

START_TEST(a_deadline_many_turns_of_the_wheel_ahead_is_kept)
{
    const usec turn = INT64_C(1) << 48;
    struct fixture f;

    begin(&f, turn - 5);
    arm(&f, &f.a, 10 * turn + 7);
    arm(&f, &f.b, turn + 7);
    arm(&f, &f.c, turn - 1);
    arm(&f, &f.d, USEC_NEVER);
    expect_fired(&f, turn, "c");
    expect_fired(&f, turn + 6, "");
    expect_fired(&f, turn + 7, "b");
    expect_fired(&f, 10 * turn + 6, "");
    expect_fired(&f, 10 * turn + 7, "a");
    expect_fired(&f, USEC_NEVER - 1, "");
    ck_assert(timer_is_armed(&f.d.timer));
}
END_TEST

START_TEST(a_clock_that_begins_before_zero_is_as_good)
{
    struct fixture f;

    begin(&f, -1000);
    arm(&f, &f.a, -1);
    arm(&f, &f.b, 1);
    arm(&f, &f.c, 0);
    expect_fired(&f, -2, "");
    expect_fired(&f, -1, "a");
    expect_fired(&f, 0, "c");
    expect_fired(&f, 1, "b");
}
END_TEST

START_TEST(a_clock_that_goes_back_fires_nothing)
{
    struct fixture f;

    begin(&f, 4096);
    arm(&f, &f.a, 4100);
    expect_fired(&f, 100, "");
    expect_fired(&f, 200, "");
    expect_fired(&f, 4099, "");
    expect_fired(&f, 4100, "a");
}
END_TEST

/* A hundred timers, and all that is known of them in plain fields. */
enum { MODEL_TIMERS = 100, MODEL_OPERATIONS = 100000 };

struct modelled {
    struct timer timer;
    bool armed;
    bool due; /* in the run that is going on */
    usec deadline;
    unsigned armed_as; /* the how-manieth call of arm */
    struct model *model;
};

struct model {
    struct timers timers;
    struct random random;
    usec now;
    unsigned arm_calls;
    unsigned fired;
    struct modelled all[MODEL_TIMERS];
};

static bool comes_before(const struct modelled *a, const struct modelled *b)
{
    if (a->deadline != b->deadline)
        return a->deadline < b->deadline;
    return a->armed_as < b->armed_as;
}

static const struct modelled *model_first_due(const struct model *m)
{
    const struct modelled *first = NULL;

    for (int i = 0; i < MODEL_TIMERS; i++)
        if (m->all[i].due && (first == NULL || comes_before(&m->all[i], first)))
            first = &m->all[i];
    return first;
}

/* A span of any order of magnitude, up to 2^bits. */
static usec random_span(struct model *m, uint32_t bits)
{
    uint64_t drawn =
        (uint64_t)random_u32(&m->random) << 32 | random_u32(&m->random);

    return (usec)(drawn >> (63 - random_below(&m->random, bits)));
}

static void model_arm(struct model *m, struct modelled *timer)
{
    usec deadline = m->now + random_span(m, 50) - 20;

    timer_arm(&m->timers, &timer->timer, deadline);
    timer->armed = true;
    timer->due = false;
    timer->deadline = usec_max(deadline, m->now); /* passed: due now */
    timer->armed_as = m->arm_calls++;
}

static void model_disarm(struct model *m, struct modelled *timer)
{
    timer_disarm(&m->timers, &timer->timer);
    timer->armed = false;
    timer->due = false;
}

static void model_change_any(struct model *m)
{
    struct modelled *timer = &m->all[random_below(&m->random, MODEL_TIMERS)];

    if (random_below(&m->random, 4) == 0)
        model_disarm(m, timer);
    else
        model_arm(m, timer);
}

static void model_fired(struct timer *timer)
{
    struct modelled *fired = container_of(timer, struct modelled, timer);
    struct model *m = fired->model;

    ck_assert_ptr_eq(model_first_due(m), fired);
    ck_assert(!timer_is_armed(timer));
    fired->armed = false;
    fired->due = false;
    m->fired++;
    while (random_below(&m->random, 3) == 0)
        model_change_any(m);
}

static void model_run(struct model *m, usec now)
{
    m->now = now;
    for (int i = 0; i < MODEL_TIMERS; i++)
        m->all[i].due = m->all[i].armed && m->all[i].deadline <= now;
    timers_run(&m->timers, now);
    ck_assert_ptr_null(model_first_due(m));
}

static usec model_earliest(const struct model *m)
{
    usec earliest = USEC_NEVER;

    for (int i = 0; i < MODEL_TIMERS; i++) {
        if (timer_is_armed(&m->all[i].timer) != m->all[i].armed)
            ck_abort_msg(
                "timer %d is armed though it should not be, or the reverse", i);
        if (m->all[i].armed)
            earliest = usec_min(earliest, m->all[i].deadline);
    }
    return earliest;
}

static void model_begin(struct model *m, uint64_t seed)
{
    memset(m, 0, sizeof(*m));
    random_init(&m->random, (struct hash_key){13, seed});
    m->now = random_span(m, 40);
    timers_init(&m->timers, m->now);
    for (int i = 0; i < MODEL_TIMERS; i++) {
        m->all[i].model = m;
        timer_init(&m->all[i].timer, model_fired);
    }
}

START_TEST(any_sequence_of_operations_fires_as_a_plain_list_would)
{
    static struct model m;

    model_begin(&m, 1);
    for (int i = 0; i < MODEL_OPERATIONS; i++) {
        usec next = timers_next(&m.timers);
        usec earliest = model_earliest(&m);

        ck_assert_int_le(next, earliest);
        ck_assert((next == USEC_NEVER) == (earliest == USEC_NEVER));
        if (earliest / TIMER_SLOTS == m.now / TIMER_SLOTS)
            ck_assert_int_eq(next, earliest);
        if (random_below(&m.random, 3) != 0)
            model_change_any(&m);
        else if (random_below(&m.random, 2) == 0 && next != USEC_NEVER)
            model_run(&m, usec_max(next, m.now));
        else
            model_run(&m, m.now + random_span(&m, i % 1000 ? 35 : 50));
    }
    ck_assert_uint_gt(m.fired, 10000);
}
END_TEST

/* Whoever sleeps until timers_next is never late. */
START_TEST(following_the_next_time_no_timer_of_many_is_late)
{
    static struct model m;

    model_begin(&m, 2);
    for (int i = 0; i < MODEL_TIMERS; i++)
        model_arm(&m, &m.all[i]);
    for (int i = 0; i < MODEL_OPERATIONS / 4; i++) {
        usec next = timers_next(&m.timers);

        if (next == USEC_NEVER)
            break;
        model_run(&m, usec_max(next, m.now));
        ck_assert_int_ge(model_earliest(&m), m.now);
        model_change_any(&m);
    }
    ck_assert_uint_gt(m.fired, 1000);
}
END_TEST

UNIT_MAIN("timer", a_timer_fires_once_and_not_before_its_deadline,
          timers_fire_in_the_order_of_their_deadlines,
          equal_deadlines_fire_in_the_order_in_which_they_were_armed,
          a_deadline_that_has_passed_fires_at_the_next_run,
          a_disarmed_timer_does_not_fire,
          the_next_time_forgets_a_disarmed_timer,
          arming_again_moves_the_deadline,
          a_timer_may_disarm_one_that_is_due_at_the_same_time,
          a_timer_may_put_off_one_that_is_due_at_the_same_time,
          what_a_timer_arms_for_the_past_waits_for_the_next_run,
          without_timers_there_is_no_next_time,
          following_the_next_time_leads_to_each_deadline_exactly,
          a_deadline_many_turns_of_the_wheel_ahead_is_kept,
          a_clock_that_begins_before_zero_is_as_good,
          a_clock_that_goes_back_fires_nothing,
          any_sequence_of_operations_fires_as_a_plain_list_would,
          following_the_next_time_no_timer_of_many_is_late)
