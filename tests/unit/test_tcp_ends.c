/*
 * The ends of a connection, in a record and out of it.
 */
#include "unit.h"

#include "tcp/tcp_ends.h"
#include "tcp/tcp_half_open.h"
#include "tcp/tcp_time_wait.h"

static struct tcp_ends some_v4(void)
{
    return (struct tcp_ends){
        .local = ip_addr_v4(0xc0000202),
        .remote = ip_addr_v4(0xc6336401),
        .local_port = 80,
        .remote_port = 65535,
        .scope = 32767,
    };
}

static struct ip_addr some_v6(uint8_t last)
{
    return (struct ip_addr){.octet = {0x20, 1, 0x0d, 0xb8, 1, 2, 3, 4, 5, 6, 7,
                                      8, 9, 10, 11, last}};
}

static void expect_same(const struct tcp_ends *a, const struct tcp_ends *b)
{
    ck_assert_mem_eq(a->local.octet, b->local.octet, 16);
    ck_assert_mem_eq(a->remote.octet, b->remote.octet, 16);
    ck_assert_uint_eq(a->local_port, b->local_port);
    ck_assert_uint_eq(a->remote_port, b->remote_port);
    ck_assert_uint_eq(a->scope, b->scope);
}

static void expect_kept(const struct tcp_ends *ends, size_t addrs_len)
{
    struct tcp_ends_kept kept;
    struct tcp_ends back;

    memset(&kept, 0xa5, sizeof(kept));
    tcp_ends_keep(&kept, ends);
    back = tcp_ends_of_kept(&kept);
    expect_same(&back, ends);
    ck_assert(tcp_ends_are_kept(&kept, ends));
    ck_assert_uint_eq(tcp_ends_addrs_len(ends), addrs_len);
    ck_assert_uint_eq(tcp_ends_kept_addrs_len(&kept), addrs_len);
    for (size_t i = addrs_len; i < sizeof(kept.addrs); i++)
        ck_assert_uint_eq(kept.addrs[i], 0xa5); /* not written: not there */
}

START_TEST(ipv4_ends_are_kept_in_eight_octets)
{
    struct tcp_ends ends = some_v4();

    expect_kept(&ends, 8);
}
END_TEST

START_TEST(other_ends_are_kept_whole)
{
    struct tcp_ends ends = some_v4();

    ends.remote = some_v6(1); /* does not happen, and would be kept */
    expect_kept(&ends, 32);
    ends.local = some_v6(2);
    expect_kept(&ends, 32);
}
END_TEST

START_TEST(kept_ends_differ_in_each_part_but_the_scope)
{
    struct tcp_ends ends = some_v4();
    struct tcp_ends other = ends;
    struct tcp_ends_kept kept;

    tcp_ends_keep(&kept, &ends);
    other.scope = 1;
    ck_assert(tcp_ends_are_kept(&kept, &other));
    other.local = ip_addr_v4(0xc0000203);
    ck_assert(!tcp_ends_are_kept(&kept, &other));
    other = ends;
    other.remote = some_v6(1);
    ck_assert(!tcp_ends_are_kept(&kept, &other));
    other = ends;
    other.local_port++;
    ck_assert(!tcp_ends_are_kept(&kept, &other));
    other = ends;
    other.remote_port--;
    ck_assert(!tcp_ends_are_kept(&kept, &other));
}
END_TEST

static uint64_t table_hash(struct tcp_ends ends)
{
    static const struct hash_key key = {1, 2};

    return tcp_ends_table_hash(&ends, &key);
}

static void expect_hash_of_each_part(struct tcp_ends ends)
{
    uint64_t hash = table_hash(ends);
    struct tcp_ends other = ends;

    other.scope = 1;
    ck_assert(table_hash(other) == hash); /* a segment does not tell it */
    for (unsigned i = 0; i < 2; i++) {
        other = ends;
        other.local.octet[i == 0 ? 12 : 15] ^= 1;
        ck_assert(table_hash(other) != hash);
        other = ends;
        other.remote.octet[i == 0 ? 12 : 15] ^= 1;
        ck_assert(table_hash(other) != hash);
    }
    other = ends;
    other.local_port ^= 1;
    ck_assert(table_hash(other) != hash);
    other = ends;
    other.remote_port ^= 1;
    ck_assert(table_hash(other) != hash);
    other.remote_port = ends.local_port;
    other.local_port = ends.remote_port;
    ck_assert(table_hash(other) != hash);
}

START_TEST(the_hash_of_the_tables_is_of_each_part_but_the_scope)
{
    struct tcp_ends ends = some_v4();
    struct tcp_ends other = ends;

    expect_hash_of_each_part(ends);
    ends.local = some_v6(1);
    ends.remote = some_v6(2);
    expect_hash_of_each_part(ends);
    other = ends;
    other.remote.octet[0] ^= 1;
    ck_assert(table_hash(other) != table_hash(ends));
    other = ends;
    other.local.octet[0] ^= 1;
    ck_assert(table_hash(other) != table_hash(ends));
}
END_TEST

/* What a connection costs in its states: who makes it more, says so here. */
START_TEST(records_have_the_size_that_the_readme_tells)
{
    ck_assert_uint_eq(HALF_OPEN_SIZE_V4, 102);
    ck_assert_uint_eq(TIME_WAIT_SIZE_V4, 72);
}
END_TEST

UNIT_MAIN("tcp_ends", ipv4_ends_are_kept_in_eight_octets,
          other_ends_are_kept_whole,
          kept_ends_differ_in_each_part_but_the_scope,
          the_hash_of_the_tables_is_of_each_part_but_the_scope,
          records_have_the_size_that_the_readme_tells)
