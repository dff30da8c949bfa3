/*
 * Addresses: what they are, and to and from text.
 */
#include "unit.h"

#include "base/addr.h"

#include <errno.h>

static struct ip_addr ip(const char *text)
{
    struct ip_addr addr;

    ck_assert_msg(ip_addr_parse(text, &addr) == 0, "%s", text);
    return addr;
}

static struct ip_prefix prefix(const char *text)
{
    struct ip_prefix out;

    ck_assert_msg(ip_prefix_parse(text, &out) == 0, "%s", text);
    return out;
}

static bool is(bool (*predicate)(const struct ip_addr *), const char *text)
{
    struct ip_addr addr = ip(text);

    return predicate(&addr);
}

static void expect_same_text(const char *text)
{
    struct ip_addr addr = ip(text);
    char out[IP_ADDR_TEXT_MAX];

    ck_assert_ptr_eq(ip_addr_text(&addr, out), out);
    ck_assert_str_eq(out, text);
}

/* RFC 4291 2.5.5.2 */
START_TEST(an_ipv4_address_stands_in_its_mapped_form)
{
    const uint8_t expected[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};
    struct ip_addr addr = ip_addr_v4(0xc0000201);
    struct ip_addr parsed = ip("192.0.2.1");
    struct ip_addr mapped = ip("::ffff:192.0.2.1");

    ck_assert_mem_eq(addr.octet, expected, 16);
    ck_assert(ip_addr_equal(&addr, &parsed));
    ck_assert(ip_addr_equal(&addr, &mapped));
    ck_assert_uint_eq(ip_addr_to_v4(&addr), 0xc0000201);
}
END_TEST

START_TEST(addresses_survive_text_and_back)
{
    expect_same_text("0.0.0.0");
    expect_same_text("192.0.2.2");
    expect_same_text("255.255.255.255");
    expect_same_text("::");
    expect_same_text("::1");
    expect_same_text("2001:db8::1");
    expect_same_text("2001:db8:1111:2222:3333:4444:5555:6666");
}
END_TEST

START_TEST(what_is_not_an_address_is_refused_and_nothing_is_written)
{
    static const char *const wrong[] = {
        "",           "192.0.2",   "192.0.2.256", "192.0.2.1.1", "192.0.2.1 ",
        " 192.0.2.1", "192.0.2.a", "192.0..1",    "tap0",        "2001:db8::g",
        "1:2:3",      "::1::",     "192.0.2.-1",  "192.0.2.1/24"};
    struct ip_addr addr = ip_addr_v4(1);
    struct ip_addr before = addr;

    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        ck_assert_msg(ip_addr_parse(wrong[i], &addr) == -EINVAL, "%s",
                      wrong[i]);
        ck_assert(ip_addr_equal(&addr, &before));
    }
}
END_TEST

START_TEST(the_kinds_of_addresses_are_told_apart_in_both_families)
{
    ck_assert(is(ip_addr_is_v4, "0.0.0.0"));
    ck_assert(is(ip_addr_is_v4, "192.0.2.1"));
    ck_assert(!is(ip_addr_is_v4, "::"));
    ck_assert(!is(ip_addr_is_v4, "::192.0.2.1"));

    ck_assert(is(ip_addr_is_any, "0.0.0.0"));
    ck_assert(is(ip_addr_is_any, "::"));
    ck_assert(!is(ip_addr_is_any, "0.0.0.1"));
    ck_assert(!is(ip_addr_is_any, "::1"));

    ck_assert(is(ip_addr_is_loopback, "127.0.0.1"));
    ck_assert(is(ip_addr_is_loopback, "127.255.255.254"));
    ck_assert(is(ip_addr_is_loopback, "::1"));
    ck_assert(!is(ip_addr_is_loopback, "128.0.0.1"));
    ck_assert(!is(ip_addr_is_loopback, "126.255.255.255"));
    ck_assert(!is(ip_addr_is_loopback, "::2"));

    ck_assert(is(ip_addr_is_multicast, "224.0.0.0"));
    ck_assert(is(ip_addr_is_multicast, "239.255.255.255"));
    ck_assert(is(ip_addr_is_multicast, "ff02::1"));
    ck_assert(!is(ip_addr_is_multicast, "223.255.255.255"));
    ck_assert(!is(ip_addr_is_multicast, "240.0.0.0"));
    ck_assert(!is(ip_addr_is_multicast, "fe80::1"));

    ck_assert(is(ip_addr_is_limited_broadcast, "255.255.255.255"));
    ck_assert(!is(ip_addr_is_limited_broadcast, "255.255.255.254"));
    ck_assert(!is(ip_addr_is_limited_broadcast,
                  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
}
END_TEST

START_TEST(a_prefix_is_counted_in_the_128_bits_of_the_mapped_form)
{
    ck_assert_uint_eq(prefix("192.0.2.2/24").len, 120);
    ck_assert_uint_eq(prefix("0.0.0.0/0").len, 96);
    ck_assert_uint_eq(prefix("192.0.2.2").len, 128);
    ck_assert_uint_eq(prefix("192.0.2.2/32").len, 128);
    ck_assert_uint_eq(prefix("::ffff:192.0.2.0/120").len, 120);
    ck_assert_uint_eq(prefix("2001:db8::/32").len, 32);
    ck_assert_uint_eq(prefix("2001:db8::1").len, 128);
    ck_assert_uint_eq(prefix("::/0").len, 0);
}
END_TEST

START_TEST(a_prefix_keeps_its_host_bits)
{
    struct ip_prefix ours = prefix("192.0.2.2/24");
    struct ip_addr addr = ip("192.0.2.2");

    ck_assert(ip_addr_equal(&ours.addr, &addr));
}
END_TEST

START_TEST(what_is_not_a_prefix_is_refused)
{
    static const char *const wrong[] = {
        "",
        "/24",
        "192.0.2.2/",
        "192.0.2.2/33",
        "192.0.2.2/-1",
        "192.0.2.2/+1",
        "192.0.2.2/24 ",
        "192.0.2.2/2x",
        "192.0.2.2/24/24",
        "192.0.2.2/4294967320",
        "2001:db8::/129",
        "192.0.2/24",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/1"};
    struct ip_prefix out = {.len = 77};

    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        ck_assert_msg(ip_prefix_parse(wrong[i], &out) == -EINVAL, "%s",
                      wrong[i]);
        ck_assert_uint_eq(out.len, 77);
    }
}
END_TEST

static bool contains(const char *prefix_text, const char *addr_text)
{
    struct ip_prefix whole = prefix(prefix_text);
    struct ip_addr addr = ip(addr_text);

    return ip_prefix_contains(&whole, &addr);
}

START_TEST(a_prefix_contains_what_agrees_in_its_bits)
{
    ck_assert(contains("192.0.2.2/24", "192.0.2.0"));
    ck_assert(contains("192.0.2.2/24", "192.0.2.255"));
    ck_assert(!contains("192.0.2.2/24", "192.0.3.0"));
    ck_assert(contains("192.0.2.128/25", "192.0.2.129"));
    ck_assert(!contains("192.0.2.128/25", "192.0.2.127"));
    ck_assert(contains("172.16.0.0/12", "172.31.255.255"));
    ck_assert(!contains("172.16.0.0/12", "172.32.0.0"));
    ck_assert(contains("192.0.2.2", "192.0.2.2"));
    ck_assert(!contains("192.0.2.2", "192.0.2.3"));
    ck_assert(contains("0.0.0.0/0", "203.0.113.9"));
    ck_assert(contains("2001:db8::/33", "2001:db8:7fff::1"));
    ck_assert(!contains("2001:db8::/33", "2001:db8:8000::1"));
}
END_TEST

START_TEST(all_of_ipv4_holds_no_ipv6_address)
{
    ck_assert(!contains("0.0.0.0/0", "2001:db8::1"));
    ck_assert(!contains("0.0.0.0/0", "::192.0.2.1"));
}
END_TEST

START_TEST(a_network_is_its_prefix_without_the_host_bits)
{
    struct ip_prefix ours = prefix("172.31.255.255/12");
    struct ip_addr network = ip_prefix_network(&ours);
    char text[IP_ADDR_TEXT_MAX];

    ck_assert_str_eq(ip_addr_text(&network, text), "172.16.0.0");
}
END_TEST

static const char *broadcast_of(const char *prefix_text, char *text)
{
    struct ip_prefix ours = prefix(prefix_text);
    struct ip_addr addr;

    return ip_prefix_broadcast(&ours, &addr) ? ip_addr_text(&addr, text)
                                             : "none";
}

START_TEST(the_directed_broadcast_has_all_host_bits_set)
{
    char text[IP_ADDR_TEXT_MAX];

    ck_assert_str_eq(broadcast_of("192.0.2.2/24", text), "192.0.2.255");
    ck_assert_str_eq(broadcast_of("192.0.2.2/30", text), "192.0.2.3");
    ck_assert_str_eq(broadcast_of("172.16.9.9/12", text), "172.31.255.255");
    ck_assert_str_eq(broadcast_of("0.0.0.0/0", text), "255.255.255.255");
    ck_assert(is(ip_addr_may_be_broadcast, "192.0.2.3"));
    ck_assert(!is(ip_addr_may_be_broadcast, "192.0.2.1"));
    ck_assert(!is(ip_addr_may_be_broadcast, "192.0.2.2"));
}
END_TEST

/* RFC 3021 2.1 */
START_TEST(prefixes_of_31_and_32_bits_and_ipv6_have_no_directed_broadcast)
{
    char text[IP_ADDR_TEXT_MAX];

    ck_assert_str_eq(broadcast_of("192.0.2.2/31", text), "none");
    ck_assert_str_eq(broadcast_of("192.0.2.2/32", text), "none");
    ck_assert_str_eq(broadcast_of("2001:db8::/64", text), "none");
}
END_TEST

START_TEST(an_endpoint_is_written_as_in_a_url)
{
    struct endpoint v4 = {.addr = ip("192.0.2.1"), .port = 80};
    struct endpoint v6 = {.addr = ip("2001:db8::1"), .port = 65535};
    struct endpoint longest = {
        .addr = ip("1111:2222:3333:4444:5555:6666:7777:8888"), .port = 65535};
    char text[ENDPOINT_TEXT_MAX];

    ck_assert_str_eq(endpoint_text(&v4, text), "192.0.2.1:80");
    ck_assert_str_eq(endpoint_text(&v6, text), "[2001:db8::1]:65535");
    ck_assert_str_eq(endpoint_text(&longest, text),
                     "[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
}
END_TEST

START_TEST(mac_addresses_survive_text_and_back)
{
    struct mac_addr mac;
    char text[MAC_TEXT_MAX];

    ck_assert_int_eq(mac_addr_parse("02:00:5e:00:53:01", &mac), 0);
    ck_assert_str_eq(mac_addr_text(&mac, text), "02:00:5e:00:53:01");
    ck_assert_int_eq(mac_addr_parse("FE:dc:BA:98:76:5f", &mac), 0);
    ck_assert_str_eq(mac_addr_text(&mac, text), "fe:dc:ba:98:76:5f");
}
END_TEST

START_TEST(what_is_not_a_mac_address_is_refused)
{
    static const char *const wrong[] = {"",
                                        "02:00:5e:00:53",
                                        "02:00:5e:00:53:0",
                                        "02:00:5e:00:53:01:",
                                        "02:00:5e:00:53:01:02",
                                        "02-00-5e-00-53-01",
                                        "02:00:5e:00:53:0g",
                                        "02:00:5e:00:53:+1",
                                        "2:000:5e:00:53:01"};
    struct mac_addr mac;

    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        ck_assert_msg(mac_addr_parse(wrong[i], &mac) == -EINVAL, "%s",
                      wrong[i]);
}
END_TEST

START_TEST(the_lowest_bit_of_the_first_octet_makes_a_mac_address_a_groups)
{
    struct mac_addr group = {.octet = {0x01, 0x00, 0x5e, 0, 0, 1}};
    struct mac_addr station = {.octet = {0x02, 0x01, 0x01, 1, 1, 1}};

    ck_assert(mac_addr_is_multicast(&group));
    ck_assert(mac_addr_is_multicast(&mac_addr_broadcast));
    ck_assert(!mac_addr_is_multicast(&station));
}
END_TEST

UNIT_MAIN("addr", an_ipv4_address_stands_in_its_mapped_form,
          addresses_survive_text_and_back,
          what_is_not_an_address_is_refused_and_nothing_is_written,
          the_kinds_of_addresses_are_told_apart_in_both_families,
          a_prefix_is_counted_in_the_128_bits_of_the_mapped_form,
          a_prefix_keeps_its_host_bits, what_is_not_a_prefix_is_refused,
          a_prefix_contains_what_agrees_in_its_bits,
          all_of_ipv4_holds_no_ipv6_address,
          a_network_is_its_prefix_without_the_host_bits,
          the_directed_broadcast_has_all_host_bits_set,
          prefixes_of_31_and_32_bits_and_ipv6_have_no_directed_broadcast,
          an_endpoint_is_written_as_in_a_url,
          mac_addresses_survive_text_and_back,
          what_is_not_a_mac_address_is_refused,
          the_lowest_bit_of_the_first_octet_makes_a_mac_address_a_groups)
