/*
 * IGMP, host side: RFC 3376 for version 3, RFC 2236 and 1112 for older
 * queriers.
 */
#include "unit.h"

#include "group_station.h"

#include <netinet/in.h>
#include <sys/socket.h>

static const uint8_t general_v3[12] = {0x11, 100, [8] = 2, [9] = 125};
static const uint8_t general_v2[8] = {0x11, 100};
static const uint8_t general_v1[8] = {0x11};

static void query(struct station *s, const uint8_t *message, size_t len)
{
    group_igmp(s, "192.0.2.1", "224.0.0.1", message, len);
}

/* Everything that is still to be said is said. */
static void settle(struct station *s)
{
    station_run(s, s->now + 20 * USEC_PER_SEC);
    s->sent_count = 0;
}

static socket_id member(struct station *s, const char *group)
{
    socket_id id = group_socket(s);

    ck_assert_int_eq(group_change(s, id, IP_ADD_MEMBERSHIP, group), 0);
    return id;
}

/* ---- Version 3 ---------------------------------------------------------- */

/* RFC 3376 5.1: at once, and robustness - 1 times more within a second each. */
START_TEST(joining_is_told_twice)
{
    struct station s;

    station_open(&s);
    member(&s, "224.1.2.3");
    expect_report(&s, "v3 TO_EX 224.1.2.3 {}");
    expect_report(&s, "");
    station_run(&s, s.now + USEC_PER_SEC);
    expect_report(&s, "v3 TO_EX 224.1.2.3 {}");
    station_run(&s, s.now + 60 * USEC_PER_SEC);
    expect_report(&s, "");
    station_close(&s);
}
END_TEST

START_TEST(leaving_is_told_twice_and_the_group_forgotten)
{
    struct station s;
    size_t used;

    station_open(&s);
    socket_id id = member(&s, "224.1.2.3");
    settle(&s);
    used = s.memory.used;
    ck_assert_int_eq(group_change(&s, id, IP_DROP_MEMBERSHIP, "224.1.2.3"), 0);
    expect_report(&s, "v3 TO_IN 224.1.2.3 {}");
    station_run(&s, s.now + USEC_PER_SEC);
    expect_report(&s, "v3 TO_IN 224.1.2.3 {}");
    ck_assert_uint_lt(s.memory.used, used - sizeof(struct ip_group));
    station_close(&s);
}
END_TEST

START_TEST(what_was_joined_and_left_at_once_is_still_told_as_left)
{
    struct station s;

    station_open(&s);
    socket_id id = member(&s, "224.1.2.3");
    expect_report(&s, "v3 TO_EX 224.1.2.3 {}");
    ck_assert_int_eq(stack_close(s.stack, s.now, id), 0);
    stack_flush(s.stack, s.now);
    expect_report(&s, "v3 TO_IN 224.1.2.3 {}");
    station_run(&s, s.now + 10 * USEC_PER_SEC);
    expect_report(&s, "v3 TO_IN 224.1.2.3 {}");
    expect_report(&s, "");
    station_close(&s);
}
END_TEST

START_TEST(a_second_member_changes_nothing_and_the_last_one_leaves)
{
    struct station s;

    station_open(&s);
    socket_id one = member(&s, "224.1.2.3");
    settle(&s);
    socket_id two = member(&s, "224.1.2.3");
    expect_report(&s, "");
    ck_assert_int_eq(group_change(&s, one, IP_DROP_MEMBERSHIP, "224.1.2.3"), 0);
    expect_report(&s, "");
    ck_assert_int_eq(group_change(&s, two, IP_DROP_MEMBERSHIP, "224.1.2.3"), 0);
    expect_report(&s, "v3 TO_IN 224.1.2.3 {}");
    station_close(&s);
}
END_TEST

/* RFC 3376 5.1, the table of state changes. */
START_TEST(sources_are_told_as_they_change)
{
    struct station s;

    station_open(&s);
    socket_id id = group_socket(&s);
    group_change_source(&s, id, IP_ADD_SOURCE_MEMBERSHIP, "232.1.1.1",
                        "10.0.0.1");
    expect_report(&s, "v3 ALLOW 232.1.1.1 { 10.0.0.1}");
    settle(&s);
    group_change_source(&s, id, IP_ADD_SOURCE_MEMBERSHIP, "232.1.1.1",
                        "10.0.0.2");
    expect_report(&s, "v3 ALLOW 232.1.1.1 { 10.0.0.2}");
    group_change_source(&s, id, IP_DROP_SOURCE_MEMBERSHIP, "232.1.1.1",
                        "10.0.0.1");
    expect_report(&s, "v3 ALLOW 232.1.1.1 { 10.0.0.2} BLOCK 232.1.1.1 "
                      "{ 10.0.0.1}");
    settle(&s);
    group_change_source(&s, id, IP_DROP_SOURCE_MEMBERSHIP, "232.1.1.1",
                        "10.0.0.2");
    expect_report(&s, "v3 BLOCK 232.1.1.1 { 10.0.0.2}");
    settle(&s);

    ck_assert_int_eq(group_change(&s, id, IP_ADD_MEMBERSHIP, "232.1.1.1"), 0);
    settle(&s);
    group_change_source(&s, id, IP_BLOCK_SOURCE, "232.1.1.1", "10.0.0.9");
    expect_report(&s, "v3 BLOCK 232.1.1.1 { 10.0.0.9}");
    settle(&s);
    group_change_source(&s, id, IP_UNBLOCK_SOURCE, "232.1.1.1", "10.0.0.9");
    expect_report(&s, "v3 ALLOW 232.1.1.1 { 10.0.0.9}");
    station_close(&s);
}
END_TEST

/* RFC 3376 3.2: who excludes one source, and who includes it, want all. */
START_TEST(an_interface_wants_what_any_of_its_sockets_wants)
{
    struct station s;

    station_open(&s);
    socket_id all = member(&s, "224.1.2.3");
    socket_id one = group_socket(&s);
    settle(&s);
    group_change_source(&s, all, IP_BLOCK_SOURCE, "224.1.2.3", "10.0.0.1");
    expect_report(&s, "v3 BLOCK 224.1.2.3 { 10.0.0.1}");
    settle(&s);
    group_change_source(&s, one, IP_ADD_SOURCE_MEMBERSHIP, "224.1.2.3",
                        "10.0.0.1");
    expect_report(&s, "v3 ALLOW 224.1.2.3 { 10.0.0.1}");
    settle(&s);
    ck_assert_int_eq(group_change(&s, all, IP_DROP_MEMBERSHIP, "224.1.2.3"), 0);
    expect_report(&s, "v3 TO_IN 224.1.2.3 { 10.0.0.1}");
    station_close(&s);
}
END_TEST

/* RFC 3376 5.2 */
START_TEST(a_general_query_is_answered_for_all_groups_at_once)
{
    struct station s;

    station_open(&s);
    member(&s, "224.1.2.3");
    member(&s, "224.1.2.4");
    member(&s, "224.0.0.1"); /* every host is in it: never told */
    settle(&s);
    query(&s, general_v3, sizeof(general_v3));
    expect_report(&s, "");
    station_run(&s, s.now + 10 * USEC_PER_SEC);
    expect_report(&s, "v3 IS_EX 224.1.2.3 {} IS_EX 224.1.2.4 {}");
    expect_report(&s, "");
    station_close(&s);
}
END_TEST

/* A switch that has no address asks as 0.0.0.0: RFC 4541. */
START_TEST(a_query_may_come_from_nobody)
{
    struct station s;

    station_open(&s);
    member(&s, "224.1.2.3");
    settle(&s);
    group_igmp(&s, "0.0.0.0", "224.0.0.1", general_v3, sizeof(general_v3));
    station_run(&s, s.now + 10 * USEC_PER_SEC);
    expect_report(&s, "v3 IS_EX 224.1.2.3 {}");
    station_close(&s);
}
END_TEST

/* RFC 3376 9.1 */
START_TEST(a_general_query_to_a_group_is_not_answered)
{
    struct station s;

    station_open(&s);
    member(&s, "224.1.2.3");
    settle(&s);
    group_igmp(&s, "192.0.2.1", "224.1.2.3", general_v3, sizeof(general_v3));
    station_run(&s, s.now + 10 * USEC_PER_SEC);
    expect_report(&s, "");
    ck_assert_uint_eq(s.stack->env.drops[DROP_IGMP_ASTRAY], 1);
    station_close(&s);
}
END_TEST

START_TEST(a_query_of_a_group_is_answered_for_it_alone)
{
    static const uint8_t of_one[12] = {0x11, 10, 0, 0, 224, 1, 2, 3, 2, 125};
    struct station s;

    station_open(&s);
    member(&s, "224.1.2.3");
    member(&s, "224.1.2.4");
    settle(&s);
    group_igmp(&s, "192.0.2.1", "224.1.2.3", of_one, sizeof(of_one));
    station_run(&s, s.now + USEC_PER_SEC);
    expect_report(&s, "v3 IS_EX 224.1.2.3 {}");
    expect_report(&s, "");
    station_close(&s);
}
END_TEST

START_TEST(a_query_of_sources_is_answered_for_those_that_are_wanted)
{
    static const uint8_t of_two[20] = {0x11, 10, 0,  0, 224, 1, 2,  3, 2, 125,
                                       0,    2,  10, 0, 0,   1, 10, 0, 0, 2};
    struct station s;

    station_open(&s);
    socket_id id = member(&s, "224.1.2.3");
    group_change_source(&s, id, IP_BLOCK_SOURCE, "224.1.2.3", "10.0.0.1");
    settle(&s);
    group_igmp(&s, "192.0.2.1", "224.1.2.3", of_two, sizeof(of_two));
    station_run(&s, s.now + USEC_PER_SEC);
    expect_report(&s, "v3 IS_IN 224.1.2.3 { 10.0.0.2}");
    station_close(&s);
}
END_TEST

/* ---- Older queriers: RFC 3376 7.2 --------------------------------------- */

START_TEST(a_querier_of_version_2_is_answered_in_it)
{
    struct station s;

    station_open(&s);
    member(&s, "224.1.2.3");
    member(&s, "224.1.2.4");
    settle(&s);
    query(&s, general_v2, sizeof(general_v2));
    station_run(&s, s.now + 10 * USEC_PER_SEC);
    ck_assert_uint_eq(s.sent_count, 2); /* in either order */
    s.sent_count = 0;

    socket_id id = member(&s, "224.1.2.5");
    expect_report(&s, "v2 report 224.1.2.5");
    station_run(&s, s.now + 10 * USEC_PER_SEC);
    expect_report(&s, "v2 report 224.1.2.5");
    ck_assert_int_eq(group_change(&s, id, IP_DROP_MEMBERSHIP, "224.1.2.5"), 0);
    expect_report(&s, "v2 leave 224.1.2.5");
    settle(&s);

    station_run(&s, s.now + 260 * USEC_PER_SEC); /* it is not heard again */
    member(&s, "224.1.2.6");
    expect_report(&s, "v3 TO_EX 224.1.2.6 {}");
    station_close(&s);
}
END_TEST

/* RFC 2236 3: one report on a link is enough, and so is one Leave. */
START_TEST(another_hosts_report_spares_ours)
{
    static const uint8_t theirs[8] = {0x16, 0, 0, 0, 224, 1, 2, 3};
    struct station s;

    station_open(&s);
    query(&s, general_v2, sizeof(general_v2));
    socket_id id = member(&s, "224.1.2.3");
    settle(&s);
    query(&s, general_v2, sizeof(general_v2));
    group_igmp(&s, "192.0.2.7", "224.1.2.3", theirs, sizeof(theirs));
    station_run(&s, s.now + 10 * USEC_PER_SEC);
    expect_report(&s, "");
    ck_assert_int_eq(group_change(&s, id, IP_DROP_MEMBERSHIP, "224.1.2.3"), 0);
    expect_report(&s, "");
    station_close(&s);
}
END_TEST

START_TEST(a_querier_of_version_1_hears_no_leave)
{
    struct station s;

    station_open(&s);
    query(&s, general_v1, sizeof(general_v1));
    socket_id id = member(&s, "224.1.2.3");
    expect_report(&s, "v1 report 224.1.2.3");
    settle(&s);
    ck_assert_int_eq(group_change(&s, id, IP_DROP_MEMBERSHIP, "224.1.2.3"), 0);
    expect_report(&s, "");
    station_close(&s);
}
END_TEST

/* RFC 3376 8.1: the querier may ask for fewer reports while one is waited for.
 */
START_TEST(a_change_told_often_enough_by_a_new_robustness_is_told_no_more)
{
    static const uint8_t robustness_1[12] = {0x11, 1, [8] = 1, [9] = 125};
    struct station s;

    station_open(&s);
    socket_id id = member(&s, "224.1.2.3");
    expect_report(&s, "v3 TO_EX 224.1.2.3 {}"); /* and a second time, soon */
    query(&s, robustness_1, sizeof(robustness_1));
    ck_assert_int_eq(
        group_change_source(&s, id, IP_BLOCK_SOURCE, "224.1.2.3", "10.0.0.1"),
        0);
    expect_report(&s, "v3 TO_EX 224.1.2.3 { 10.0.0.1}");
    query(&s, general_v2, sizeof(general_v2));
    station_run(&s, s.now + 60 * USEC_PER_SEC);
    expect_report(&s, "v2 report 224.1.2.3"); /* the answer */
    expect_report(&s, "");
    station_close(&s);
}
END_TEST

/* ---- What is wrong ------------------------------------------------------ */

START_TEST(bad_messages_are_dropped_with_their_reasons)
{
    static const uint8_t cut[12] = {0x11, 100, [11] = 3}; /* three sources */
    static const uint8_t unknown[8] = {0x99};
    static const uint8_t unsummed[8] = {0x11, 100};
    const uint64_t *drops;
    struct station s;

    station_open(&s);
    drops = s.stack->env.drops;
    query(&s, general_v3, 7);
    query(&s, cut, sizeof(cut));
    ck_assert_uint_eq(drops[DROP_IGMP_SHORT], 2);
    query(&s, unknown, sizeof(unknown));
    ck_assert_uint_eq(drops[DROP_IGMP_UNKNOWN_TYPE], 1);
    group_packet(&s, "192.0.2.1", "224.0.0.1", IP_PROTO_IGMP, unsummed,
                 sizeof(unsummed));
    ck_assert_uint_eq(drops[DROP_IGMP_BAD_CHECKSUM], 1);
    station_close(&s);
}
END_TEST

UNIT_MAIN("igmp", joining_is_told_twice,
          leaving_is_told_twice_and_the_group_forgotten,
          what_was_joined_and_left_at_once_is_still_told_as_left,
          a_second_member_changes_nothing_and_the_last_one_leaves,
          sources_are_told_as_they_change,
          an_interface_wants_what_any_of_its_sockets_wants,
          a_general_query_is_answered_for_all_groups_at_once,
          a_query_may_come_from_nobody,
          a_general_query_to_a_group_is_not_answered,
          a_query_of_a_group_is_answered_for_it_alone,
          a_query_of_sources_is_answered_for_those_that_are_wanted,
          a_querier_of_version_2_is_answered_in_it,
          another_hosts_report_spares_ours,
          a_querier_of_version_1_hears_no_leave,
          a_change_told_often_enough_by_a_new_robustness_is_told_no_more,
          bad_messages_are_dropped_with_their_reasons)
