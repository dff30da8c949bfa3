/*
 * SYN cookies alone: what goes in comes out again, and nothing else does.
 */
#include "tcp/tcp_syn_cookie.h"

#include "tests/unit/unit.h"

static const struct hash_key key = {1, 2};
static const tcp_seq irs = 0xfffffff0;
static const usec some_time = 1000 * SYN_COOKIE_TICK + 5 * USEC_PER_SEC;

static struct tcp_ends some_ends(void)
{
    return (struct tcp_ends){
        .local = ip_addr_v4(0xc0000202),
        .remote = ip_addr_v4(0xc0000201),
        .local_port = 80,
        .remote_port = 40000,
    };
}

static struct syn_cookie all_agreed(void)
{
    return (struct syn_cookie){
        .mss = 1460,
        .window_scale = 7,
        .has_timestamps = true,
        .has_window_scale = true,
        .sack_permitted = true,
        .ecn = true,
    };
}

static tcp_seq iss_of(const struct syn_cookie *cookie)
{
    struct tcp_ends ends = some_ends();

    return syn_cookie_iss(&key, &ends, irs, some_time, cookie);
}

static bool read_at(usec now, tcp_seq iss, uint32_t ts_ecr,
                    struct syn_cookie *cookie)
{
    struct tcp_ends ends = some_ends();

    return syn_cookie_read(&key, &ends, irs, now, iss, ts_ecr, cookie);
}

static void check_round_trip(const struct syn_cookie *in)
{
    struct syn_cookie out = {.has_timestamps = in->has_timestamps};
    uint32_t ts = syn_cookie_timestamp(123456789, in);

    ck_assert(read_at(some_time, iss_of(in), ts, &out));
    ck_assert_uint_eq(out.mss, in->mss);
    ck_assert_int_eq(out.has_window_scale, in->has_window_scale);
    ck_assert_uint_eq(out.window_scale, in->window_scale);
    ck_assert_int_eq(out.sack_permitted, in->sack_permitted);
    ck_assert_int_eq(out.ecn, in->ecn);
}

START_TEST(what_was_agreed_on_comes_back)
{
    struct syn_cookie cookie = all_agreed();

    for (unsigned scale = 0; scale <= 14; scale++) {
        for (unsigned bits = 0; bits < 4; bits++) {
            cookie.window_scale = (uint8_t)scale;
            cookie.sack_permitted = bits & 1;
            cookie.ecn = bits & 2;
            check_round_trip(&cookie);
        }
    }
    cookie.has_window_scale = false;
    cookie.window_scale = 0;
    check_round_trip(&cookie);
}
END_TEST

START_TEST(without_timestamps_only_the_mss_comes_back)
{
    struct syn_cookie in = all_agreed();
    struct syn_cookie out = {.has_timestamps = false};

    in.has_timestamps = false;
    ck_assert(read_at(some_time, iss_of(&in), 0, &out));
    ck_assert_uint_eq(out.mss, 1460);
    ck_assert(!out.has_window_scale && !out.sack_permitted && !out.ecn);
}
END_TEST

/* RFC 9293 3.7.1 MUST-16: never more than the peer has said. */
START_TEST(the_mss_comes_back_rounded_down)
{
    static const uint16_t kept[] = {48,   536,  1220, 1360,
                                    1400, 1440, 1460, 8960};
    size_t next = 0;

    for (uint32_t mss = 48; mss <= UINT16_MAX; mss++) {
        struct syn_cookie in = all_agreed();
        struct syn_cookie out = {.has_timestamps = true};

        if (next < ARRAY_LENGTH(kept) && mss == kept[next])
            next++;
        in.mss = (uint16_t)mss;
        ck_assert(read_at(some_time, iss_of(&in), syn_cookie_timestamp(0, &in),
                          &out));
        ck_assert_uint_eq(out.mss, kept[next - 1]);
    }
}
END_TEST

/* The stack never sends smaller segments, whatever the peer says. */
START_TEST(an_absurd_mss_becomes_the_least)
{
    struct syn_cookie in = {.mss = 1};
    struct syn_cookie out = {.has_timestamps = false};

    ck_assert(read_at(some_time, iss_of(&in), 0, &out));
    ck_assert_uint_eq(out.mss, 48);
}
END_TEST

START_TEST(it_is_good_for_one_tick_at_least_and_two_at_most)
{
    struct syn_cookie in = all_agreed();
    struct syn_cookie out = {.has_timestamps = true};
    uint32_t ts = syn_cookie_timestamp(99, &in);
    tcp_seq iss = iss_of(&in);
    usec tick_end = some_time - some_time % SYN_COOKIE_TICK + SYN_COOKIE_TICK;

    ck_assert(read_at(some_time + SYN_COOKIE_TICK, iss, ts, &out));
    ck_assert(read_at(tick_end + SYN_COOKIE_TICK - 1, iss, ts, &out));
    for (unsigned i = 1; i < 100; i++)
        ck_assert(!read_at(tick_end + i * SYN_COOKIE_TICK, iss, ts, &out));
}
END_TEST

START_TEST(another_key_end_or_sequence_number_does_not_fit)
{
    struct syn_cookie in = all_agreed();
    struct syn_cookie out = {.has_timestamps = true};
    uint32_t ts = syn_cookie_timestamp(99, &in);
    tcp_seq iss = iss_of(&in);
    struct hash_key other_key = {1, 3};
    struct tcp_ends ends = some_ends();

    ck_assert(
        !syn_cookie_read(&other_key, &ends, irs, some_time, iss, ts, &out));
    ck_assert(!syn_cookie_read(&key, &ends, irs + 1, some_time, iss, ts, &out));
    ends.remote_port++;
    ck_assert(!syn_cookie_read(&key, &ends, irs, some_time, iss, ts, &out));
    ends = some_ends();
    ends.remote = ip_addr_v4(0xc0000203);
    ck_assert(!syn_cookie_read(&key, &ends, irs, some_time, iss, ts, &out));
}
END_TEST

START_TEST(no_bit_of_it_can_be_changed)
{
    struct syn_cookie in = all_agreed();
    struct syn_cookie out = {.has_timestamps = true};
    uint32_t ts = syn_cookie_timestamp(99, &in);
    tcp_seq iss = iss_of(&in);

    for (unsigned bit = 0; bit < 32; bit++)
        ck_assert(!read_at(some_time, iss ^ 1u << bit, ts, &out));
    for (unsigned bit = 0; bit < 6; bit++)
        ck_assert(!read_at(some_time, iss, ts ^ 1u << bit, &out));
    out.has_timestamps = false;
    ck_assert(!read_at(some_time, iss, 0, &out));
}
END_TEST

/* PAWS: what follows by the clock must not be older; RFC 7323 5. */
START_TEST(the_timestamp_is_not_after_the_clock_and_not_long_before_it)
{
    struct syn_cookie cookie = all_agreed();

    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t clock = UINT32_MAX - 500 + i; /* it wraps around */
        uint32_t ts = syn_cookie_timestamp(clock, &cookie);

        ck_assert_uint_lt(clock - ts, 64);
    }
}
END_TEST

UNIT_MAIN("tcp_syn_cookie", what_was_agreed_on_comes_back,
          without_timestamps_only_the_mss_comes_back,
          the_mss_comes_back_rounded_down, an_absurd_mss_becomes_the_least,
          it_is_good_for_one_tick_at_least_and_two_at_most,
          another_key_end_or_sequence_number_does_not_fit,
          no_bit_of_it_can_be_changed,
          the_timestamp_is_not_after_the_clock_and_not_long_before_it)
