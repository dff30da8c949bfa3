#define _GNU_SOURCE /* fmemopen */
#include "unit.h"

#include "host/names.h"

#include <string.h>

static const char hosts[] = "127.0.0.1 localhost\n"
                            "192.0.2.10 multi canon1 # a comment\n"
                            "192.0.2.11 Multi.example alias2 multi\n"
                            "192.0.2.12 other MULTI\n"
                            " 192.0.2.13\tindented\ttab.example.\r\n"
                            "::1 six localhost\n"
                            "192.0.2.14\n"
                            "# 192.0.2.15 hidden\n"
                            "fe80::1 v6only\n"
                            "192.1 short\n"
                            "::ffff:192.0.2.16 mapped\n"
                            "192.0.2.12 third";

static const char services[] = "tcpmux 1/tcp # TCP port service multiplexer\n"
                               "domain 53/tcp\n"
                               "domain 53/udp\n"
                               "tftp 69/udp\n"
                               "http\t80/tcp\twww www-http\n"
                               "bad 70000/tcp\n"
                               "worse x/tcp\n"
                               "none\n";

static struct host_entry entry;

static FILE *open_text(const char *text)
{
    FILE *file = fmemopen((char *)(uintptr_t)text, strlen(text), "r");

    ck_assert_ptr_nonnull(file);
    return file;
}

static bool find(const char *name)
{
    FILE *file = open_text(hosts);
    bool is_found = hosts_find(file, name, &entry);

    fclose(file);
    return is_found;
}

static bool find_addr(uint32_t addr)
{
    FILE *file = open_text(hosts);
    bool is_found = hosts_find_addr(file, addr, &entry);

    fclose(file);
    return is_found;
}

static int port_of(const char *name, const char *protocol)
{
    FILE *file = open_text(services);
    int port = services_find(file, name, protocol);

    fclose(file);
    return port;
}

static const char *service_of(uint16_t port, const char *protocol, size_t size)
{
    static char name[32];
    FILE *file = open_text(services);
    bool is_found = services_find_port(file, port, protocol, name, size);

    fclose(file);
    return is_found ? name : NULL;
}

/* As glibc's getaddrinfo and gethostbyname had it for this file. */
START_TEST(all_lines_that_have_the_name_are_taken)
{
    ck_assert(find("multi"));
    ck_assert_str_eq(entry.name, "multi");
    ck_assert_uint_eq(entry.addr_count, 3);
    ck_assert_uint_eq(entry.addr[0], 0xc000020a);
    ck_assert_uint_eq(entry.addr[1], 0xc000020b);
    ck_assert_uint_eq(entry.addr[2], 0xc000020c);
    ck_assert_uint_eq(entry.alias_count, 6);
    ck_assert_str_eq(entry.alias, "canon1");
}
END_TEST

START_TEST(the_first_name_of_a_line_is_the_hosts_own)
{
    ck_assert(find("ALIAS2"));
    ck_assert_str_eq(entry.name, "Multi.example");
    ck_assert_uint_eq(entry.addr_count, 1);
    ck_assert(find("tab.example."));
    ck_assert_str_eq(entry.name, "indented");
    ck_assert(!find("tab.example"));
}
END_TEST

START_TEST(the_loopback_of_ipv6_is_that_of_ipv4_too)
{
    ck_assert(find("six"));
    ck_assert_uint_eq(entry.addr[0], 0x7f000001);
    ck_assert(find("localhost"));
    ck_assert_uint_eq(entry.addr_count, 2);
    ck_assert(find("mapped"));
    ck_assert_uint_eq(entry.addr[0], 0xc0000210);
}
END_TEST

START_TEST(what_has_no_address_of_ipv4_is_not_found)
{
    ck_assert(!find("v6only"));
    ck_assert(!find("short"));
    ck_assert(!find("hidden"));
    ck_assert(!find("comment"));
    ck_assert(!find("192.0.2.14"));
    ck_assert(!find("mult"));
    ck_assert(!find("multi2"));
}
END_TEST

START_TEST(an_address_has_the_names_of_its_first_line)
{
    ck_assert(find_addr(0xc000020c));
    ck_assert_str_eq(entry.name, "other");
    ck_assert_uint_eq(entry.alias_count, 1);
    ck_assert_str_eq(entry.alias, "MULTI");
    ck_assert(!find_addr(0xc000020e)); /* a line without a name */
    ck_assert(!find_addr(0xc00002ff));
}
END_TEST

START_TEST(aliases_beyond_the_room_are_left_out)
{
    host_entry_init(&entry);
    for (unsigned i = 0; i < HOST_ALIASES_MAX + 1; i++)
        host_entry_add_alias(&entry, "x");
    ck_assert_uint_eq(entry.alias_count, HOST_ALIASES_MAX);

    char large[HOST_ALIAS_TEXT_MAX + 1];

    memset(large, 'x', sizeof(large));
    large[HOST_ALIAS_TEXT_MAX] = '\0';
    host_entry_init(&entry);
    host_entry_add_alias(&entry, large); /* one with its NUL */
    ck_assert_uint_eq(entry.alias_count, 0);
    host_entry_add_alias(&entry, large + 1);
    ck_assert_uint_eq(entry.alias_count, 1);
}
END_TEST

START_TEST(a_service_has_a_port_for_each_protocol)
{
    ck_assert_int_eq(port_of("http", "tcp"), 80);
    ck_assert_int_eq(port_of("www", "tcp"), 80);
    ck_assert_int_eq(port_of("http", "udp"), -1);
    ck_assert_int_eq(port_of("domain", "udp"), 53);
    ck_assert_int_eq(port_of("HTTP", "tcp"), -1);
    ck_assert_int_eq(port_of("bad", "tcp"), -1);
    ck_assert_int_eq(port_of("worse", "tcp"), -1);
    ck_assert_int_eq(port_of("none", "tcp"), -1);
}
END_TEST

START_TEST(a_port_has_the_name_of_its_protocol)
{
    ck_assert_str_eq(service_of(69, "udp", 32), "tftp");
    ck_assert_ptr_null(service_of(69, "tcp", 32));
    ck_assert_str_eq(service_of(80, "tcp", 5), "http");
    ck_assert_ptr_null(service_of(80, "tcp", 4)); /* no room */
}
END_TEST

UNIT_MAIN("names_files", all_lines_that_have_the_name_are_taken,
          the_first_name_of_a_line_is_the_hosts_own,
          the_loopback_of_ipv6_is_that_of_ipv4_too,
          what_has_no_address_of_ipv4_is_not_found,
          an_address_has_the_names_of_its_first_line,
          aliases_beyond_the_room_are_left_out,
          a_service_has_a_port_for_each_protocol,
          a_port_has_the_name_of_its_protocol)
