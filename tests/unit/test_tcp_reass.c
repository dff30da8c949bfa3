/*
 * Which bytes have arrived out of order: also against a plain map of bytes,
 * around the wrap of the sequence numbers.
 */
#include "unit.h"

#include "base/random.h"
#include "tcp/tcp_reass.h"

#include <errno.h>
#include <string.h>

struct fixture {
    struct memory memory;
    struct reass reass;
};

static void begin(struct fixture *f)
{
    memory_init(&f->memory, 1 << 20);
    reass_init(&f->reass);
}

static void end(struct fixture *f)
{
    reass_fini(&f->reass, &f->memory);
    ck_assert(reass_is_empty(&f->reass));
    ck_assert_uint_eq(f->memory.used, 0);
}

static void add(struct fixture *f, tcp_seq start, tcp_seq end_seq)
{
    ck_assert_int_eq(reass_add(&f->reass, &f->memory, start, end_seq), 0);
}

static void expect_advance(struct fixture *f, tcp_seq rcv_nxt, tcp_seq to)
{
    ck_assert_uint_eq(reass_advance(&f->reass, &f->memory, rcv_nxt), to);
}

static void expect_ranges(const struct fixture *f, unsigned count,
                          const struct reass_range *ranges)
{
    ck_assert_uint_eq(f->reass.count, count);
    for (unsigned i = 0; i < count; i++) {
        ck_assert_uint_eq(f->reass.ranges[i].start, ranges[i].start);
        ck_assert_uint_eq(f->reass.ranges[i].end, ranges[i].end);
    }
}

/* Exactly these ranges are held: EXPECT_RANGES(&f, {100, 200}, {300, 400}) */
#define EXPECT_RANGES(f, ...)                                                  \
    expect_ranges(f,                                                           \
                  ARRAY_LENGTH(((const struct reass_range[]){__VA_ARGS__})),   \
                  (const struct reass_range[]){__VA_ARGS__})

START_TEST(with_nothing_out_of_order_rcv_nxt_stays)
{
    struct fixture f;

    begin(&f);
    ck_assert(reass_is_empty(&f.reass));
    expect_advance(&f, 100, 100);
    expect_advance(&f, 0xffffffff, 0xffffffff);
    ck_assert_uint_eq(f.memory.used, 0);
    end(&f);
}
END_TEST

START_TEST(a_range_waits_for_the_hole_before_it_to_be_filled)
{
    struct fixture f;

    begin(&f);
    add(&f, 200, 300);
    expect_advance(&f, 100, 100);
    EXPECT_RANGES(&f, {200, 300});
    expect_advance(&f, 199, 199);
    EXPECT_RANGES(&f, {200, 300});
    add(&f, 100, 200);
    expect_advance(&f, 100, 300);
    ck_assert(reass_is_empty(&f.reass));
    end(&f);
}
END_TEST

START_TEST(only_what_is_contiguous_is_taken_out)
{
    struct fixture f;

    begin(&f);
    add(&f, 200, 300);
    add(&f, 301, 400);
    add(&f, 100, 200);
    expect_advance(&f, 100, 300);
    EXPECT_RANGES(&f, {301, 400});
    expect_advance(&f, 301, 400);
    end(&f);
}
END_TEST

/* rcv_nxt may have moved by data in order meanwhile. */
START_TEST(ranges_that_rcv_nxt_has_passed_are_dropped)
{
    struct fixture f;

    begin(&f);
    add(&f, 100, 200);
    add(&f, 300, 400);
    add(&f, 500, 600);
    expect_advance(&f, 350, 400);
    EXPECT_RANGES(&f, {500, 600});
    expect_advance(&f, 1000, 1000);
    ck_assert(reass_is_empty(&f.reass));
    end(&f);
}
END_TEST

START_TEST(ranges_are_kept_in_order_whatever_order_they_come_in)
{
    struct fixture f;

    begin(&f);
    add(&f, 500, 600);
    add(&f, 100, 200);
    add(&f, 900, 950);
    add(&f, 300, 301);
    EXPECT_RANGES(&f, {100, 200}, {300, 301}, {500, 600}, {900, 950});
    end(&f);
}
END_TEST

START_TEST(ranges_that_touch_become_one)
{
    struct fixture f;

    begin(&f);
    add(&f, 200, 300);
    add(&f, 300, 400);
    EXPECT_RANGES(&f, {200, 400});
    add(&f, 100, 200);
    EXPECT_RANGES(&f, {100, 400});
    add(&f, 500, 600);
    add(&f, 400, 500); /* fills the hole exactly */
    EXPECT_RANGES(&f, {100, 600});
    end(&f);
}
END_TEST

START_TEST(ranges_that_overlap_become_one)
{
    struct fixture f;

    begin(&f);
    add(&f, 200, 300);
    add(&f, 250, 350);
    EXPECT_RANGES(&f, {200, 350});
    add(&f, 150, 201);
    EXPECT_RANGES(&f, {150, 350});
    end(&f);
}
END_TEST

START_TEST(what_is_there_already_changes_nothing)
{
    struct fixture f;

    begin(&f);
    add(&f, 200, 300);
    add(&f, 200, 300);
    add(&f, 220, 280);
    add(&f, 200, 201);
    add(&f, 299, 300);
    EXPECT_RANGES(&f, {200, 300});
    end(&f);
}
END_TEST

START_TEST(a_range_swallows_all_that_it_covers)
{
    struct fixture f;

    begin(&f);
    add(&f, 100, 110);
    add(&f, 200, 210);
    add(&f, 300, 310);
    add(&f, 400, 410);
    add(&f, 150, 350);
    EXPECT_RANGES(&f, {100, 110}, {150, 350}, {400, 410});
    add(&f, 105, 405);
    EXPECT_RANGES(&f, {100, 410});
    add(&f, 50, 500);
    EXPECT_RANGES(&f, {50, 500});
    end(&f);
}
END_TEST

START_TEST(ranges_lie_over_the_wrap_as_anywhere)
{
    struct fixture f;

    begin(&f);
    add(&f, 0xffffff00, 0xffffff80);
    add(&f, 0x10, 0x20);
    add(&f, 0xfffffff0, 8);
    EXPECT_RANGES(&f, {0xffffff00, 0xffffff80}, {0xfffffff0, 8}, {0x10, 0x20});
    add(&f, 8, 0x10);
    EXPECT_RANGES(&f, {0xffffff00, 0xffffff80}, {0xfffffff0, 0x20});
    add(&f, 0xffffff80, 0xfffffff1);
    expect_advance(&f, 0xffffff00, 0x20);
    end(&f);
}
END_TEST

START_TEST(memory_goes_back_when_the_last_range_is_taken_out)
{
    struct fixture f;

    begin(&f);
    add(&f, 100, 200);
    ck_assert_uint_gt(f.memory.used, 0);
    expect_advance(&f, 100, 200);
    ck_assert_uint_eq(f.memory.used, 0);
    add(&f, 300, 400); /* and may be asked for again */
    EXPECT_RANGES(&f, {300, 400});
    end(&f);
}
END_TEST

/* An attacker's segments of one byte: the memory that they cost is bounded. */
START_TEST(there_may_be_1024_ranges_and_no_more)
{
    struct fixture f;

    begin(&f);
    for (tcp_seq i = 0; i < REASS_RANGES_MAX; i++)
        add(&f, 2 * i, 2 * i + 1);
    ck_assert_uint_eq(f.reass.count, REASS_RANGES_MAX);

    size_t used = f.memory.used;
    ck_assert_int_eq(reass_add(&f.reass, &f.memory, 5000, 5001), -ENOBUFS);
    ck_assert_uint_eq(f.reass.count, REASS_RANGES_MAX);
    ck_assert_uint_eq(f.memory.used, used);
    ck_assert_uint_eq(f.reass.ranges[REASS_RANGES_MAX - 1].start, 2046);

    add(&f, 2047, 2048); /* what touches a range needs no new one */
    add(&f, 1, 2);
    ck_assert_uint_eq(f.reass.count, REASS_RANGES_MAX - 1);
    add(&f, 5000, 5001);
    ck_assert_uint_eq(f.reass.count, REASS_RANGES_MAX);
    end(&f);
}
END_TEST

START_TEST(without_memory_the_ranges_stay_as_they_were)
{
    struct fixture f;
    tcp_seq next = 100;

    begin(&f);
    f.memory.limit = 0;
    ck_assert_int_eq(reass_add(&f.reass, &f.memory, 100, 101), -ENOBUFS);
    ck_assert(reass_is_empty(&f.reass));
    f.memory.limit = 1 << 20;
    add(&f, next, next + 1);
    f.memory.limit = f.memory.used;
    while (reass_add(&f.reass, &f.memory, next + 2, next + 3) == 0)
        next += 2;

    uint16_t count = f.reass.count;
    ck_assert_uint_gt(count, 0);
    ck_assert_uint_eq(f.reass.ranges[count - 1].end, next + 1);
    add(&f, next + 1, next + 2); /* needs none */
    ck_assert_uint_eq(f.reass.count, count);
    f.memory.limit = 1 << 20;
    add(&f, next + 10, next + 11);
    ck_assert_uint_eq(f.reass.count, count + 1);
    end(&f);
}
END_TEST

/* A window's bytes from rcv_nxt on, each there or not. */
enum { MODEL_WINDOW = 3000 };

struct model {
    struct fixture f;
    struct random random;
    tcp_seq rcv_nxt;
    bool is_there[MODEL_WINDOW];
    unsigned refused;
    unsigned wraps;
};

static void model_add(struct model *m)
{
    uint32_t at = random_below(&m->random, MODEL_WINDOW);
    uint32_t most = random_below(&m->random, 8) == 0 ? 500 : 12;
    uint32_t len = 1 + random_below(&m->random, most);
    tcp_seq start = m->rcv_nxt + at;

    len = min_u32(len, MODEL_WINDOW - at);
    /* sometimes there is no memory but what it has */
    m->f.memory.limit =
        random_below(&m->random, 4) == 0 ? m->f.memory.used : 1 << 20;
    if (reass_add(&m->f.reass, &m->f.memory, start, start + len) < 0)
        m->refused++;
    else
        memset(m->is_there + at, true, len);
}

/* From `from` on rcv_nxt is expected to go on to the next hole. */
static void model_advance(struct model *m, uint32_t from)
{
    uint32_t len = 0;

    while (len < MODEL_WINDOW && m->is_there[len])
        len++;
    expect_advance(&m->f, m->rcv_nxt + from, m->rcv_nxt + len);
    m->wraps += m->rcv_nxt + len < m->rcv_nxt;
    m->rcv_nxt += len;
    memmove(m->is_there, m->is_there + len, MODEL_WINDOW - len);
    memset(m->is_there + MODEL_WINDOW - len, false, len);
}

/* The next bytes arrive: as a range, or rcv_nxt moves over them by itself. */
static void model_arrive(struct model *m)
{
    uint32_t len = 1 + random_below(&m->random, 20);

    memset(m->is_there, true, len);
    if (random_below(&m->random, 2) == 0) {
        model_advance(m, len);
        return;
    }
    m->f.memory.limit = 1 << 20;
    add(&m->f, m->rcv_nxt, m->rcv_nxt + len);
    model_advance(m, random_below(&m->random, len));
}

/* The ranges are exactly the runs of the map, in order and apart. */
static void model_compare(const struct model *m)
{
    const struct reass *reass = &m->f.reass;
    unsigned range = 0;

    for (uint32_t at = 0; at < MODEL_WINDOW; at++) {
        bool begins = m->is_there[at] && (at == 0 || !m->is_there[at - 1]);
        bool ends =
            m->is_there[at] && (at + 1 == MODEL_WINDOW || !m->is_there[at + 1]);

        if (begins) {
            ck_assert_uint_lt(range, reass->count);
            ck_assert_uint_eq(reass->ranges[range].start, m->rcv_nxt + at);
        }
        if (ends)
            ck_assert_uint_eq(reass->ranges[range++].end, m->rcv_nxt + at + 1);
    }
    ck_assert_uint_eq(range, reass->count);
    ck_assert_int_eq(reass_is_empty(reass), range == 0);
}

START_TEST(any_sequence_of_segments_gives_the_ranges_of_a_plain_map)
{
    static struct model m;

    random_init(&m.random, (struct hash_key){11, 12});
    for (int round = 0; round < 30; round++) {
        begin(&m.f);
        memset(m.is_there, false, sizeof(m.is_there));
        m.rcv_nxt = 0u - random_below(&m.random, 3 * MODEL_WINDOW);
        for (int i = 0; i < 500; i++) {
            if (random_below(&m.random, 8) == 0)
                model_arrive(&m);
            else
                model_add(&m);
            model_compare(&m);
        }
        m.f.memory.limit = 1 << 20;
        end(&m.f);
    }
    ck_assert_uint_gt(m.refused, 10);
    ck_assert_uint_gt(m.wraps, 10);
}
END_TEST

UNIT_MAIN("tcp_reass", with_nothing_out_of_order_rcv_nxt_stays,
          a_range_waits_for_the_hole_before_it_to_be_filled,
          only_what_is_contiguous_is_taken_out,
          ranges_that_rcv_nxt_has_passed_are_dropped,
          ranges_are_kept_in_order_whatever_order_they_come_in,
          ranges_that_touch_become_one, ranges_that_overlap_become_one,
          what_is_there_already_changes_nothing,
          a_range_swallows_all_that_it_covers,
          ranges_lie_over_the_wrap_as_anywhere,
          memory_goes_back_when_the_last_range_is_taken_out,
          there_may_be_1024_ranges_and_no_more,
          without_memory_the_ranges_stay_as_they_were,
          any_sequence_of_segments_gives_the_ranges_of_a_plain_map)
