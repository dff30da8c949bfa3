/*
 * The filters of `tapir ss`.
 */
#include "unit.h"

#include "tools/ss_filter.h"

#include <errno.h>
#include <string.h>

/* 192.0.2.2:80 on tap0, to 198.51.100.7:40000 */
static const struct filter_socket web = {
    .local = 0xc0000202,
    .remote = 0xc6336407,
    .local_port = 80,
    .remote_port = 40000,
    .device = "tap0",
};

static bool lets_through(const char *text)
{
    struct filter filter;
    char why[FILTER_WHY_MAX];

    ck_assert_msg(filter_parse(text, &filter, why) == 0, "%s: %s", text, why);
    return filter_matches(&filter, &web);
}

static void expect(bool wanted, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(lets_through(texts[i]) == wanted, "%s", texts[i]);
}

START_TEST(ports_are_compared)
{
    static const char *const yes[] = {
        "",
        "sport = :80",
        "sport == 80",
        "sport eq :http",
        "sport :80",
        "sport=:80",
        "sport != :81",
        "sport < 81",
        "sport le 80",
        "dport >= :40000",
        "dport gt :39999",
        "dport>39999",
    };
    static const char *const no[] = {
        "sport = :81", "sport != 80",    "sport ne :http",
        "sport < 80",  "dport > :40000", "dport lt 40000",
    };

    expect(true, yes, ARRAY_LENGTH(yes));
    expect(false, no, ARRAY_LENGTH(no));
}
END_TEST

START_TEST(addresses_are_compared_with_their_prefix_and_port)
{
    static const char *const yes[] = {
        "src 192.0.2.2",       "src 192.0.2.0/24",
        "src 192.0.2.2:80",    "src = 192.0.2.0/24:80",
        "dst 198.51.100.7",    "dst 0.0.0.0/0",
        "dst :40000",          "dst *:40000",
        "dst != 198.51.100.8", "dev tap0",
        "dev != tap1",         "dev == tap0",
    };
    static const char *const no[] = {
        "src 192.0.2.1",        "src 192.0.3.0/24",
        "src 192.0.2.2:81",     "src 192.0.3.2:80",
        "dst 198.51.100.6/32",  "dst :40001",
        "dst != 198.51.0.0/16", "dev tap1",
    };

    expect(true, yes, ARRAY_LENGTH(yes));
    expect(false, no, ARRAY_LENGTH(no));
}
END_TEST

START_TEST(and_binds_more_than_or_and_not_more_than_both)
{
    static const char *const yes[] = {
        "sport = 80 dport = 40000",
        "sport = 80 and dport = 40000",
        "sport = 80 & dport = 40000",
        "sport = 1 or sport = 80",
        "sport = 80 || sport = 1 && sport = 2",
        "not sport = 1",
        "! sport = 1 sport = 80",
        "not ( sport = 1 or sport = 2 )",
        "not not sport = 80",
        "(sport = 80)",
        "((sport=80)or(sport=81))and dport=40000",
    };
    static const char *const no[] = {
        "sport = 80 dport = 1",
        "(sport = 80 or sport = 1) and sport = 2",
        "not sport = 80",
        "not (sport = 80 or sport = 1)",
        "not sport = 1 and sport = 1",
    };

    expect(true, yes, ARRAY_LENGTH(yes));
    expect(false, no, ARRAY_LENGTH(no));
}
END_TEST

START_TEST(states_are_named_alone_or_in_sets)
{
    static const struct {
        const char *text;
        unsigned states;
    } cases[] = {
        {"", 0},
        {"sport = 80", 0},
        {"state established", 1 << FILTER_ESTABLISHED},
        {"state listening sport = 80", 1 << FILTER_LISTEN},
        {"state syn-sent state syn-recv",
         1 << FILTER_SYN_SENT | 1 << FILTER_SYN_RECEIVED},
        {"state all", FILTER_ALL_STATES},
        {"exclude time-wait", FILTER_ALL_STATES & ~(1 << FILTER_TIME_WAIT)},
        {"state bucket", 1 << FILTER_SYN_RECEIVED | 1 << FILTER_TIME_WAIT},
        {"state connected exclude established exclude bucket",
         1 << FILTER_SYN_SENT | 1 << FILTER_FIN_WAIT_1 |
             1 << FILTER_FIN_WAIT_2 | 1 << FILTER_CLOSE_WAIT |
             1 << FILTER_LAST_ACK | 1 << FILTER_CLOSING},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct filter filter;
        char why[FILTER_WHY_MAX];

        ck_assert_int_eq(filter_parse(cases[i].text, &filter, why), 0);
        ck_assert_msg(filter.states == cases[i].states, "%s: %#x",
                      cases[i].text, filter.states);
    }
}
END_TEST

START_TEST(what_is_no_filter_is_told_by_the_word_that_is_wrong)
{
    static const struct {
        const char *text;
        const char *word;
    } cases[] = {
        {"sport", "sport"},
        {"sport = ", "sport"},
        {"sport = nowhere", "nowhere"},
        {"sport = :65536", "65536"},
        {"sport <> 80", ">"},
        {"src", ""},
        {"src 192.0.2", "192.0.2"},
        {"src 192.0.2.0/33", "33"},
        {"src 192.0.2.0/x", "x"},
        {"src < 192.0.2.1", "192.0.2.1"},
        {"state open", "open"},
        {"state", ""},
        {"( sport = 80", "missing"},
        {"sport = 80 )", ")"},
        {"sport = 80 or", ""},
        {"and sport = 80", "and"},
        {"port 80", "port"},
        {"sport = 80 state established", "state"},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct filter filter;
        char why[FILTER_WHY_MAX];

        ck_assert_msg(filter_parse(cases[i].text, &filter, why) == -EINVAL,
                      "%s", cases[i].text);
        ck_assert_msg(strstr(why, cases[i].word) != NULL, "%s: %s",
                      cases[i].text, why);
    }
}
END_TEST

START_TEST(a_filter_that_is_too_long_is_refused)
{
    char why[FILTER_WHY_MAX];
    struct filter filter;
    char text[2000];

    text[0] = '\0';
    for (int i = 0; i < 90; i++)
        strcat(text, "sport = 1 ");
    ck_assert_int_eq(filter_parse(text, &filter, why), -EINVAL);
    memset(text, '(', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    ck_assert_int_eq(filter_parse(text, &filter, why), -EINVAL);
    text[1000] = '\0';
    ck_assert_int_eq(filter_parse(text, &filter, why), -EINVAL);
}
END_TEST

UNIT_MAIN("ss_filter", ports_are_compared,
          addresses_are_compared_with_their_prefix_and_port,
          and_binds_more_than_or_and_not_more_than_both,
          states_are_named_alone_or_in_sets,
          what_is_no_filter_is_told_by_the_word_that_is_wrong,
          a_filter_that_is_too_long_is_refused)
