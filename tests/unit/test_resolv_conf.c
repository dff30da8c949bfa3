#include "unit.h"

#include "host/resolv_conf.h"

#include <stdio.h>
#include <string.h>

static struct resolv_conf conf;

static void parse(const char *text)
{
    resolv_conf_init(&conf);
    resolv_conf_parse(&conf, text);
}

START_TEST(an_empty_file_leaves_the_defaults)
{
    parse("");
    ck_assert_uint_eq(conf.server_count, 0);
    ck_assert_uint_eq(conf.search_count, 0);
    ck_assert(!conf.has_search);
    ck_assert_uint_eq(conf.ndots, 1);
    ck_assert_uint_eq(conf.timeout, 5);
    ck_assert_uint_eq(conf.attempts, 2);
    ck_assert(!conf.rotate && !conf.use_tcp && !conf.no_edns);
}
END_TEST

START_TEST(the_first_three_servers_of_ipv4_are_taken)
{
    parse("# nameserver 192.0.2.9\n;nameserver 192.0.2.8\n"
          "nameserver 192.0.2.1\n"
          "nameserver 2001:db8::1\n"
          "nameserver\n"
          "nameserver somebody\n"
          "nameservers 192.0.2.7\n"
          "nameserver\t192.0.2.2  # a comment\n"
          "  nameserver 127.0.0.53\r\n"
          "nameserver 192.0.2.4");
    ck_assert_uint_eq(conf.server_count, 3);
    ck_assert_uint_eq(conf.server[0], 0xc0000201);
    ck_assert_uint_eq(conf.server[1], 0xc0000202);
    ck_assert_uint_eq(conf.server[2], 0x7f000035);
}
END_TEST

START_TEST(the_last_of_search_and_domain_holds)
{
    parse("domain a.example b.example\n");
    ck_assert_uint_eq(conf.search_count, 1);
    ck_assert_str_eq(conf.search[0], "a.example");
    parse("domain a.example\nsearch b.example\tc.example\n");
    ck_assert_uint_eq(conf.search_count, 2);
    ck_assert_str_eq(conf.search[0], "b.example");
    ck_assert_str_eq(conf.search[1], "c.example");
    parse("search b.example c.example\ndomain a.example");
    ck_assert_uint_eq(conf.search_count, 1);
    parse("search\n");
    ck_assert_uint_eq(conf.search_count, 0);
    ck_assert(conf.has_search);
}
END_TEST

START_TEST(a_search_list_that_is_too_long_is_cut)
{
    char text[4096] = "search";

    for (unsigned i = 0; i < RESOLV_SEARCH_MAX + 2; i++)
        strcat(text, " d");
    parse(text);
    ck_assert_uint_eq(conf.search_count, RESOLV_SEARCH_MAX);

    char domain[600];

    memset(domain, 'x', sizeof(domain) - 1);
    domain[sizeof(domain) - 1] = '\0';
    resolv_conf_set_search(&conf, domain);
    ck_assert_uint_eq(conf.search_count, 1);
    snprintf(text, sizeof(text), "%s %s", domain, domain);
    resolv_conf_set_search(&conf, text);
    ck_assert_uint_eq(conf.search_count, 1);
}
END_TEST

START_TEST(options_have_their_limits)
{
    parse("options ndots:3 timeout:7 attempts:4 rotate use-vc no-edns0\n");
    ck_assert_uint_eq(conf.ndots, 3);
    ck_assert_uint_eq(conf.timeout, 7);
    ck_assert_uint_eq(conf.attempts, 4);
    ck_assert(conf.rotate && conf.use_tcp && conf.no_edns);
    parse("options ndots:99 timeout:99999999999 attempts:99\n");
    ck_assert_uint_eq(conf.ndots, RESOLV_NDOTS_MAX);
    ck_assert_uint_eq(conf.timeout, RESOLV_TIMEOUT_MAX);
    ck_assert_uint_eq(conf.attempts, RESOLV_ATTEMPTS_MAX);
    parse("options ndots:0 timeout:0 attempts:0\n");
    ck_assert_uint_eq(conf.ndots, 0);
    ck_assert_uint_eq(conf.timeout, 1);
    ck_assert_uint_eq(conf.attempts, 1);
}
END_TEST

START_TEST(unknown_options_are_left_out)
{
    parse("options inet6 ndots ndots: ndots:x timeout:-1 rotated trust-ad\n"
          "sortlist 192.0.2.0\nnonsense\n");
    ck_assert_uint_eq(conf.ndots, 1);
    ck_assert_uint_eq(conf.timeout, 5);
    ck_assert(!conf.rotate);
}
END_TEST

START_TEST(a_line_without_end_is_cut)
{
    char text[3000] = "nameserver ";

    memset(text + strlen(text), '1', 2000);
    strcat(text, "\nnameserver 192.0.2.1\n");
    parse(text);
    ck_assert_uint_eq(conf.server_count, 1);
    ck_assert_uint_eq(conf.server[0], 0xc0000201);
}
END_TEST

UNIT_MAIN("resolv_conf", an_empty_file_leaves_the_defaults,
          the_first_three_servers_of_ipv4_are_taken,
          the_last_of_search_and_domain_holds,
          a_search_list_that_is_too_long_is_cut, options_have_their_limits,
          unknown_options_are_left_out, a_line_without_end_is_cut)
