#include "ip/pmtu.h"

#include "unit.h"

struct fixture {
    struct memory memory;
    struct env env;
    struct pmtu pmtu;
};

static void set_up(struct fixture *f, unsigned max_entries)
{
    struct pmtu_config config = pmtu_config_default();
    struct trace nobody = {0};

    if (max_entries != 0)
        config.max_entries = max_entries;
    memory_init(&f->memory, 1 << 24);
    env_init(&f->env, USEC_PER_SEC, &f->memory, (struct hash_key){1, 2},
             nobody);
    ck_assert_int_eq(pmtu_init(&f->pmtu, &f->env, &config), 0);
}

static void tear_down(struct fixture *f)
{
    pmtu_fini(&f->pmtu);
    ck_assert_uint_eq(f->memory.used, 0);
}

static void lower(struct fixture *f, uint32_t host, unsigned mtu)
{
    struct ip_addr dst = ip_addr_v4(host);

    pmtu_lower(&f->pmtu, &dst, mtu);
}

static unsigned find(const struct fixture *f, uint32_t host)
{
    struct ip_addr dst = ip_addr_v4(host);

    return pmtu_find(&f->pmtu, &dst, NULL);
}

static void wait_minutes(struct fixture *f, int minutes)
{
    f->env.now += minutes * 60 * USEC_PER_SEC;
}

START_TEST(what_was_told_is_found_for_that_destination_alone)
{
    struct fixture f;
    set_up(&f, 0);

    ck_assert_uint_eq(find(&f, 1), 0);
    lower(&f, 1, 1400);
    lower(&f, 2, 1000);
    ck_assert_uint_eq(find(&f, 1), 1400);
    ck_assert_uint_eq(find(&f, 2), 1000);
    ck_assert_uint_eq(find(&f, 3), 0);
    tear_down(&f);
}
END_TEST

START_TEST(it_is_only_lowered_and_not_below_the_floor)
{
    struct fixture f;
    set_up(&f, 0);

    lower(&f, 1, 1000);
    lower(&f, 1, 1400);
    ck_assert_uint_eq(find(&f, 1), 1000);
    lower(&f, 1, 68);
    ck_assert_uint_eq(find(&f, 1), PMTU_FLOOR);
    tear_down(&f);
}
END_TEST

/* RFC 1191 6.3 */
START_TEST(after_ten_minutes_it_is_forgotten)
{
    struct fixture f;
    struct ip_addr dst = ip_addr_v4(1);
    usec until;
    set_up(&f, 0);

    ck_assert_uint_eq(pmtu_find(&f.pmtu, &dst, &until), 0);
    ck_assert_int_eq(until, USEC_NEVER);
    lower(&f, 1, 1000);
    wait_minutes(&f, 6);
    ck_assert_uint_eq(pmtu_find(&f.pmtu, &dst, &until), 1000);
    ck_assert_int_eq(until, f.env.now + 240 * USEC_PER_SEC);
    lower(&f, 1, 1400); /* is believed as long as that */
    wait_minutes(&f, 6);
    ck_assert_uint_eq(find(&f, 1), 1000);
    wait_minutes(&f, 4);
    ck_assert_uint_eq(find(&f, 1), 0);
    lower(&f, 1, 1400); /* nothing is left of the 1000 */
    ck_assert_uint_eq(find(&f, 1), 1400);
    tear_down(&f);
}
END_TEST

START_TEST(each_change_has_a_generation_of_its_own)
{
    struct fixture f;
    uint32_t before;
    set_up(&f, 0);

    before = f.pmtu.generation;
    lower(&f, 1, 1400);
    ck_assert_uint_ne(f.pmtu.generation, before);
    before = f.pmtu.generation;
    lower(&f, 1, 1300);
    ck_assert_uint_ne(f.pmtu.generation, before);
    tear_down(&f);
}
END_TEST

START_TEST(the_oldest_gives_way_when_there_are_too_many)
{
    struct fixture f;
    set_up(&f, 100);

    for (uint32_t host = 1; host <= 100; host++)
        lower(&f, host, 1000);
    lower(&f, 1, 900); /* the oldest is now 2 */
    lower(&f, 101, 1000);
    ck_assert_uint_eq(f.pmtu.table.entry_count, 100);
    ck_assert_uint_eq(find(&f, 1), 900);
    ck_assert_uint_eq(find(&f, 2), 0);
    ck_assert_uint_eq(find(&f, 3), 1000);
    ck_assert_uint_eq(find(&f, 101), 1000);
    tear_down(&f);
}
END_TEST

START_TEST(what_has_ended_goes_when_something_new_comes)
{
    struct fixture f;
    set_up(&f, 0);

    for (uint32_t host = 1; host <= 50; host++)
        lower(&f, host, 1000);
    wait_minutes(&f, 11);
    lower(&f, 51, 1000);
    ck_assert_uint_eq(f.pmtu.table.entry_count, 1);
    tear_down(&f);
}
END_TEST

START_TEST(without_memory_nothing_is_kept)
{
    struct fixture f;
    set_up(&f, 0);

    f.memory.limit = f.memory.used;
    lower(&f, 1, 1000);
    ck_assert_uint_eq(find(&f, 1), 0);
    tear_down(&f);
}
END_TEST

/* RFC 1191 table 7-1 */
START_TEST(the_plateau_is_the_next_below)
{
    ck_assert_uint_eq(pmtu_plateau_below(65535), 32000);
    ck_assert_uint_eq(pmtu_plateau_below(9000), 8166);
    ck_assert_uint_eq(pmtu_plateau_below(1500), 1492);
    ck_assert_uint_eq(pmtu_plateau_below(1492), 1006);
    ck_assert_uint_eq(pmtu_plateau_below(1006), 508);
    ck_assert_uint_eq(pmtu_plateau_below(296), 68);
    ck_assert_uint_eq(pmtu_plateau_below(68), 68);
    ck_assert_uint_eq(pmtu_plateau_below(0), 68);
}
END_TEST

UNIT_MAIN("pmtu", what_was_told_is_found_for_that_destination_alone,
          it_is_only_lowered_and_not_below_the_floor,
          after_ten_minutes_it_is_forgotten,
          each_change_has_a_generation_of_its_own,
          the_oldest_gives_way_when_there_are_too_many,
          what_has_ended_goes_when_something_new_comes,
          without_memory_nothing_is_kept, the_plateau_is_the_next_below)
