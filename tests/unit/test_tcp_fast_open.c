/*
 * The two things that Fast Open remembers: the keys of the server's cookies,
 * and the client's cache of them.
 */
#include "tcp/tcp_fast_open_cache.h"
#include "tcp/tcp_fast_open_cookie.h"

#include "unit.h"

#include <errno.h>
#include <string.h>

struct fixture {
    struct memory memory;
    struct env env;
    struct fast_open_cache cache;
};

enum { ENTRIES = 3 };
#define PAUSE (10 * USEC_PER_SEC)

static void set_up(struct fixture *f)
{
    struct trace nobody = {0};
    struct hash_key key = {3, 4};

    memory_init(&f->memory, 1 << 20);
    env_init(&f->env, USEC_PER_SEC, &f->memory, (struct hash_key){1, 2},
             nobody);
    ck_assert_int_eq(
        fast_open_cache_init(&f->cache, &f->env, &key, ENTRIES, PAUSE), 0);
}

static void tear_down(struct fixture *f)
{
    fast_open_cache_fini(&f->cache);
    ck_assert_uint_eq(f->memory.used, 0);
}

/* ---- cookies ---- */

static const struct ip_addr *host(uint32_t last)
{
    static struct ip_addr addrs[8];

    addrs[last] = ip_addr_v4(0xc0000200 + last);
    return &addrs[last];
}

static void expect_validity(const struct fast_open_keys *keys, uint32_t client,
                            const struct fast_open_cookie *cookie,
                            enum fast_open_validity validity)
{
    ck_assert_int_eq(
        fast_open_cookie_check(keys, host(client), host(2), cookie), validity);
}

/* What Linux 6.18 at 192.0.2.2 has given to 192.0.2.1, with this key. */
START_TEST(a_cookie_is_the_one_that_linux_gives)
{
    static const uint8_t key[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                    8, 9, 10, 11, 12, 13, 14, 15};
    struct fast_open_keys keys = {.made_at = 0};
    struct fast_open_cookie cookie;

    ck_assert_int_eq(fast_open_keys_set(&keys, bytes_of(key, sizeof(key))), 0);
    cookie = fast_open_cookie_make(&keys, host(1), host(2));
    ck_assert_uint_eq(cookie.len, 8);
    ck_assert_mem_eq(cookie.octet, "\x36\x1b\x9e\x99\x04\x4b\xa9\x81", 8);
}
END_TEST

START_TEST(a_cookie_is_good_for_its_client_at_its_server_alone)
{
    struct fixture f;
    struct fast_open_keys keys = {.made_at = 0};
    struct fast_open_cookie cookie;
    set_up(&f);

    fast_open_keys_roll(&keys, &f.env, 0);
    cookie = fast_open_cookie_make(&keys, host(1), host(2));
    expect_validity(&keys, 1, &cookie, FAST_OPEN_COOKIE_GOOD);
    expect_validity(&keys, 3, &cookie, FAST_OPEN_COOKIE_WRONG);
    ck_assert_int_eq(fast_open_cookie_check(&keys, host(1), host(3), &cookie),
                     FAST_OPEN_COOKIE_WRONG);
    ck_assert_int_eq(fast_open_cookie_check(&keys, host(2), host(1), &cookie),
                     FAST_OPEN_COOKIE_WRONG);
    tear_down(&f);
}
END_TEST

START_TEST(without_keys_no_cookie_is_good)
{
    struct fast_open_keys keys = {.made_at = 0};
    struct fast_open_cookie cookie =
        fast_open_cookie_make(&keys, host(1), host(2));

    expect_validity(&keys, 1, &cookie, FAST_OPEN_COOKIE_WRONG);
}
END_TEST

START_TEST(a_key_lives_on_for_one_life_as_the_previous_one)
{
    struct fixture f;
    struct fast_open_keys keys = {.made_at = 0};
    struct fast_open_cookie cookie;
    set_up(&f);

    fast_open_keys_roll(&keys, &f.env, 100);
    cookie = fast_open_cookie_make(&keys, host(1), host(2));
    f.env.now += 99;
    fast_open_keys_roll(&keys, &f.env, 100);
    expect_validity(&keys, 1, &cookie, FAST_OPEN_COOKIE_GOOD);
    f.env.now += 1;
    fast_open_keys_roll(&keys, &f.env, 100);
    expect_validity(&keys, 1, &cookie, FAST_OPEN_COOKIE_OF_PREVIOUS);
    f.env.now += 100;
    fast_open_keys_roll(&keys, &f.env, 100);
    expect_validity(&keys, 1, &cookie, FAST_OPEN_COOKIE_WRONG);
    tear_down(&f);
}
END_TEST

START_TEST(keys_for_ever_do_not_roll)
{
    struct fixture f;
    struct fast_open_keys keys = {.made_at = 0};
    struct fast_open_cookie cookie;
    set_up(&f);

    fast_open_keys_roll(&keys, &f.env, 0);
    cookie = fast_open_cookie_make(&keys, host(1), host(2));
    f.env.now += 1000000 * USEC_PER_SEC;
    fast_open_keys_roll(&keys, &f.env, 0);
    expect_validity(&keys, 1, &cookie, FAST_OPEN_COOKIE_GOOD);
    tear_down(&f);
}
END_TEST

START_TEST(keys_are_given_back_as_they_were_set)
{
    struct fast_open_keys keys = {.made_at = 0};
    uint8_t key[33];
    uint8_t got[32];

    ck_assert_uint_eq(fast_open_keys_get(&keys, got), 0);
    for (uint8_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)(7 * i + 1);
    for (size_t len = 0; len <= sizeof(key); len++) {
        bool is_right = len == 16 || len == 32;

        ck_assert_int_eq(fast_open_keys_set(&keys, bytes_of(key, len)),
                         is_right ? 0 : -EINVAL);
        if (!is_right)
            continue;
        ck_assert_uint_eq(fast_open_keys_get(&keys, got), len);
        ck_assert_mem_eq(got, key, len);
    }
}
END_TEST

/* ---- the cache ---- */

static const struct endpoint us = {.port = 50000};

static struct endpoint server(uint32_t number, uint16_t port)
{
    return (struct endpoint){.addr = ip_addr_v4(number), .port = port};
}

static struct fast_open_memory find(const struct fixture *f, uint32_t number,
                                    uint16_t port)
{
    struct endpoint at = server(number, port);

    return fast_open_cache_find(&f->cache, &us, &at);
}

static void learn(struct fixture *f, uint32_t number, uint8_t octet)
{
    struct endpoint at = server(number, 80);
    struct fast_open_cookie cookie = {.len = 4};

    memset(cookie.octet, octet, 4);
    fast_open_cache_learn(&f->cache, &us, &at, &cookie, 1000);
}

static void note_failure(struct fixture *f, uint32_t number, uint16_t port)
{
    struct endpoint at = server(number, port);

    fast_open_cache_failed(&f->cache, &us, &at);
}

START_TEST(a_cookie_is_found_at_all_ports_of_its_pair_of_addresses)
{
    struct fixture f;
    struct endpoint other_us = server(77, 50000);
    struct endpoint at = server(1, 80);
    set_up(&f);

    ck_assert_uint_eq(find(&f, 1, 80).cookie.len, 0);
    learn(&f, 1, 11);
    ck_assert_uint_eq(find(&f, 1, 80).cookie.len, 4);
    ck_assert_uint_eq(find(&f, 1, 443).cookie.octet[3], 11);
    ck_assert_uint_eq(find(&f, 1, 443).mss, 1000);
    ck_assert_uint_eq(find(&f, 2, 80).cookie.len, 0);
    ck_assert_uint_eq(fast_open_cache_find(&f.cache, &other_us, &at).cookie.len,
                      0);
    tear_down(&f);
}
END_TEST

START_TEST(the_newest_cookie_counts_and_an_mss_keeps_it)
{
    struct fixture f;
    struct endpoint at = server(1, 80);
    set_up(&f);

    learn(&f, 1, 11);
    learn(&f, 1, 12);
    fast_open_cache_learn(&f.cache, &us, &at, NULL, 500);
    ck_assert_uint_eq(find(&f, 1, 80).cookie.octet[0], 12);
    ck_assert_uint_eq(find(&f, 1, 80).mss, 500);
    tear_down(&f);
}
END_TEST

START_TEST(an_mss_alone_is_not_worth_an_entry)
{
    struct fixture f;
    struct endpoint at = server(1, 80);
    set_up(&f);

    fast_open_cache_learn(&f.cache, &us, &at, NULL, 500);
    ck_assert_uint_eq(f.cache.table.entry_count, 0);
    tear_down(&f);
}
END_TEST

START_TEST(the_one_used_longest_ago_gives_way)
{
    struct fixture f;
    set_up(&f);

    for (uint8_t i = 1; i <= ENTRIES; i++)
        learn(&f, i, i);
    learn(&f, 1, 1); /* used */
    learn(&f, 4, 4);
    ck_assert_uint_eq(f.cache.table.entry_count, ENTRIES);
    ck_assert_uint_eq(find(&f, 2, 80).cookie.len, 0);
    ck_assert_uint_eq(find(&f, 1, 80).cookie.len, 4);
    ck_assert_uint_eq(find(&f, 3, 80).cookie.len, 4);
    ck_assert_uint_eq(find(&f, 4, 80).cookie.len, 4);
    for (uint32_t i = 5; i < 1000; i++)
        note_failure(&f, i, 80);
    ck_assert_uint_eq(f.cache.table.entry_count, ENTRIES);
    tear_down(&f);
}
END_TEST

START_TEST(without_memory_nothing_is_kept)
{
    struct fixture f;
    set_up(&f);

    f.memory.limit = f.memory.used;
    learn(&f, 1, 11);
    note_failure(&f, 1, 80);
    ck_assert_uint_eq(find(&f, 1, 80).cookie.len, 0);
    tear_down(&f);
}
END_TEST

START_TEST(a_failure_pauses_its_port_and_doubles)
{
    struct fixture f;
    set_up(&f);
    learn(&f, 1, 11);

    for (usec pause = PAUSE; pause <= 64 * PAUSE; pause *= 2) {
        note_failure(&f, 1, 80);
        f.env.now += pause - 1;
        ck_assert(find(&f, 1, 80).is_paused);
        ck_assert(!find(&f, 1, 443).is_paused);
        f.env.now += 1;
        ck_assert(!find(&f, 1, 80).is_paused);
        ck_assert_uint_eq(find(&f, 1, 80).cookie.len, 4);
    }
    for (unsigned i = 0; i < 1000; i++) /* and not beyond */
        note_failure(&f, 1, 80);
    f.env.now += 64 * PAUSE;
    ck_assert(!find(&f, 1, 80).is_paused);
    tear_down(&f);
}
END_TEST

START_TEST(success_ends_the_pause_of_its_port)
{
    struct fixture f;
    struct endpoint at = server(1, 80);
    struct endpoint other = server(1, 443);
    set_up(&f);

    note_failure(&f, 1, 80);
    note_failure(&f, 1, 80);
    fast_open_cache_worked(&f.cache, &us, &other);
    ck_assert(find(&f, 1, 80).is_paused);
    fast_open_cache_worked(&f.cache, &us, &at);
    ck_assert(!find(&f, 1, 80).is_paused);
    note_failure(&f, 1, 80); /* the first one again */
    f.env.now += PAUSE;
    ck_assert(!find(&f, 1, 80).is_paused);
    tear_down(&f);
}
END_TEST

START_TEST(the_port_that_failed_last_is_remembered)
{
    struct fixture f;
    set_up(&f);

    note_failure(&f, 1, 80);
    note_failure(&f, 1, 443);
    ck_assert(!find(&f, 1, 80).is_paused);
    ck_assert(find(&f, 1, 443).is_paused);
    tear_down(&f);
}
END_TEST

UNIT_MAIN("tcp_fast_open", a_cookie_is_the_one_that_linux_gives,
          a_cookie_is_good_for_its_client_at_its_server_alone,
          without_keys_no_cookie_is_good,
          a_key_lives_on_for_one_life_as_the_previous_one,
          keys_for_ever_do_not_roll, keys_are_given_back_as_they_were_set,
          a_cookie_is_found_at_all_ports_of_its_pair_of_addresses,
          the_newest_cookie_counts_and_an_mss_keeps_it,
          an_mss_alone_is_not_worth_an_entry,
          the_one_used_longest_ago_gives_way, without_memory_nothing_is_kept,
          a_failure_pauses_its_port_and_doubles,
          success_ends_the_pause_of_its_port,
          the_port_that_failed_last_is_remembered)
