/*
 * TCP options: good ones, every way to be malformed, and the way back.
 */
#include "unit.h"

#include "base/random.h"
#include "tcp/tcp_options.h"

#include <errno.h>
#include <string.h>

/* What no parse leaves behind: shows that a failure touched nothing. */
static const struct tcp_options untouched = {
    .mss = 0xdead, .window_scale = 0xee, .ts_val = 0xdeadbeef};

static void expect_options_equal(const struct tcp_options *got,
                                 const struct tcp_options *expected)
{
    ck_assert_int_eq(got->has_mss, expected->has_mss);
    ck_assert_int_eq(got->has_window_scale, expected->has_window_scale);
    ck_assert_int_eq(got->has_timestamps, expected->has_timestamps);
    ck_assert_uint_eq(got->mss, expected->mss);
    ck_assert_uint_eq(got->window_scale, expected->window_scale);
    ck_assert_uint_eq(got->ts_val, expected->ts_val);
    ck_assert_uint_eq(got->ts_ecr, expected->ts_ecr);
    ck_assert_int_eq(got->sack_permitted, expected->sack_permitted);
    ck_assert_uint_eq(got->sack_count, expected->sack_count);
    for (unsigned i = 0; i < got->sack_count; i++) {
        ck_assert_uint_eq(got->sacks[i].start, expected->sacks[i].start);
        ck_assert_uint_eq(got->sacks[i].end, expected->sacks[i].end);
    }
    ck_assert_int_eq(got->has_fast_open, expected->has_fast_open);
    ck_assert_uint_eq(got->fast_open.len, expected->fast_open.len);
    ck_assert_mem_eq(got->fast_open.octet, expected->fast_open.octet,
                     FAST_OPEN_COOKIE_MAX);
    ck_assert_int_eq(got->has_user_timeout, expected->has_user_timeout);
    ck_assert_uint_eq(got->user_timeout, expected->user_timeout);
}

/* From a copy of exactly this length: ASan sees what is read beyond. */
static int parse(const void *data, size_t len, struct tcp_options *out)
{
    uint8_t *copy = malloc(len);
    int result;

    ck_assert(copy != NULL || len == 0);
    if (len > 0)
        memcpy(copy, data, len);
    *out = untouched;
    result = tcp_options_parse(bytes_of(copy, len), out);
    free(copy);
    return result;
}

static void expect_bad(const void *data, size_t len)
{
    struct tcp_options got;

    ck_assert_int_eq(parse(data, len, &got), -EBADMSG);
    expect_options_equal(&got, &untouched);
}

static void expect_parsed(const void *data, size_t len,
                          struct tcp_options expected)
{
    struct tcp_options got;

    ck_assert_int_eq(parse(data, len, &got), 0);
    expect_options_equal(&got, &expected);
}

START_TEST(no_options_are_none)
{
    expect_parsed("", 0, (struct tcp_options){0});
    expect_parsed("\0\0\0\0", 4, (struct tcp_options){0});
    expect_parsed("\1\1\1\1", 4, (struct tcp_options){0});
}
END_TEST

START_TEST(each_option_is_understood)
{
    expect_parsed("\2\4\x05\xb4", 4,
                  (struct tcp_options){.has_mss = true, .mss = 1460});
    expect_parsed(
        "\3\3\7", 3,
        (struct tcp_options){.has_window_scale = true, .window_scale = 7});
    expect_parsed("\x08\x0a\x01\x02\x03\x04\xf1\xf2\xf3\xf4", 10,
                  (struct tcp_options){.has_timestamps = true,
                                       .ts_val = 0x01020304,
                                       .ts_ecr = 0xf1f2f3f4});
}
END_TEST

/* A SYN of Linux's: MSS, SACK permitted, timestamps, NOP, window scale. */
START_TEST(a_kernels_syn_is_understood)
{
    expect_parsed("\2\4\x05\xb4\4\2\x08\x0a\0\0\0\x63\0\0\0\0\1\3\3\7", 20,
                  (struct tcp_options){.has_mss = true,
                                       .mss = 1460,
                                       .sack_permitted = true,
                                       .has_timestamps = true,
                                       .ts_val = 99,
                                       .has_window_scale = true,
                                       .window_scale = 7});
}
END_TEST

/* RFC 2018 3: one to four blocks. */
START_TEST(sack_blocks_are_understood)
{
    static const uint8_t option[34] = {
        5,    34,   0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, 0xff, 0xff,
        0xff, 0xf0, 0x00, 0x00, 0x00, 0x10, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22,
        0x23, 0x24, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff};
    struct tcp_options expected = {.sacks = {{1, 2},
                                             {0xfffffff0, 0x10},
                                             {0x11121314, 0x21222324},
                                             {0x80000000, 0x7fffffff}}};

    for (uint8_t count = 1; count <= TCP_SACK_BLOCKS_MAX; count++) {
        uint8_t data[34];

        memcpy(data, option, sizeof(data));
        data[1] = (uint8_t)(2 + 8 * count);
        expected.sack_count = count;
        expect_parsed(data, data[1], expected);
    }
}
END_TEST

/* Every other length: none, no block, part of one, more than 40 bytes hold. */
START_TEST(a_sack_option_of_a_wrong_length_is_refused)
{
    uint8_t data[TCP_OPTIONS_MAX];

    for (unsigned len = 0; len <= UINT8_MAX; len++) {
        if (len == 10 || len == 18 || len == 26 || len == 34)
            continue;
        memset(data, TCP_OPTION_NOP, sizeof(data));
        data[0] = TCP_OPTION_SACK;
        data[1] = (uint8_t)len;
        expect_bad(data, sizeof(data));
    }
    for (unsigned len = 2; len < 34; len++) { /* right, but cut off */
        memset(data, TCP_OPTION_NOP, sizeof(data));
        data[0] = TCP_OPTION_SACK;
        data[1] = 34;
        expect_bad(data, len);
    }
}
END_TEST

/* RFC 9293 3.1: in any order, with padding wherever it likes */
START_TEST(options_come_in_any_order_and_with_any_padding)
{
    static const struct bytes parts[] = {
        {(const uint8_t *)"\2\4\x02\x18", 4},
        {(const uint8_t *)"\3\3\2", 3},
        {(const uint8_t *)"\x08\x0a\0\0\0\x05\0\0\0\x06", 10}};
    const struct tcp_options all = {.has_mss = true,
                                    .mss = 536,
                                    .has_window_scale = true,
                                    .window_scale = 2,
                                    .has_timestamps = true,
                                    .ts_val = 5,
                                    .ts_ecr = 6};

    for (unsigned first = 0; first < 3; first++)
        for (unsigned step = 1; step <= 2; step++)
            for (unsigned nops = 0; nops <= 5; nops++) {
                uint8_t data[TCP_OPTIONS_MAX] = {0};
                size_t len = 0;

                for (unsigned i = 0; i < 3; i++) {
                    struct bytes part = parts[(first + i * step) % 3];

                    memset(data + len, TCP_OPTION_NOP, nops);
                    memcpy(data + len + nops, part.data, part.len);
                    len += nops + part.len;
                }
                expect_parsed(data, len, all);
                expect_parsed(data, TCP_OPTIONS_MAX, all); /* END follows */
            }
}
END_TEST

START_TEST(after_the_end_of_the_list_nothing_is_looked_at)
{
    expect_parsed("\0\2\4\x05\xb4", 5, (struct tcp_options){0});
    expect_parsed("\2\4\x05\xb4\0\3", 6,
                  (struct tcp_options){.has_mss = true, .mss = 1460});
    expect_parsed("\0\2\0\xff", 4, (struct tcp_options){0});
}
END_TEST

/* RFC 9293 3.1 MUST-6 */
START_TEST(unknown_options_are_skipped_by_their_length)
{
    uint8_t data[TCP_OPTIONS_MAX] = {0};

    for (uint8_t len = 2; len <= TCP_OPTIONS_MAX - 4; len++) {
        memset(data, 0xff, sizeof(data));
        data[0] = 254; /* for experiments, RFC 4727 */
        data[1] = len;
        memcpy(data + len, "\2\4\x02\x18", 4);
        expect_parsed(data, len + 4u,
                      (struct tcp_options){.has_mss = true, .mss = 536});
    }
}
END_TEST

START_TEST(an_option_of_another_length_than_its_kind_has_is_refused)
{
    static const uint8_t kinds[][2] = {{TCP_OPTION_MSS, 4},
                                       {TCP_OPTION_WINDOW_SCALE, 3},
                                       {TCP_OPTION_SACK_PERMITTED, 2},
                                       {TCP_OPTION_TIMESTAMPS, 10}};
    uint8_t data[TCP_OPTIONS_MAX];

    for (unsigned i = 0; i < ARRAY_LENGTH(kinds); i++)
        for (unsigned len = 0; len <= UINT8_MAX; len++) {
            if (len == kinds[i][1])
                continue;
            memset(data, TCP_OPTION_NOP, sizeof(data));
            data[0] = kinds[i][0];
            data[1] = (uint8_t)len;
            expect_bad(data, sizeof(data));
        }
}
END_TEST

START_TEST(a_length_below_two_is_refused_for_any_kind)
{
    for (unsigned kind = 2; kind <= UINT8_MAX; kind++)
        for (uint8_t len = 0; len < 2; len++) {
            uint8_t data[4] = {(uint8_t)kind, len, 0, 0};

            expect_bad(data, sizeof(data));
        }
}
END_TEST

START_TEST(a_kind_without_a_length_is_refused)
{
    for (unsigned kind = 2; kind <= UINT8_MAX; kind++) {
        uint8_t data[4] = {1, 1, 1, (uint8_t)kind};

        expect_bad(data, sizeof(data));
    }
}
END_TEST

START_TEST(an_option_that_runs_past_the_end_is_refused)
{
    expect_bad("\xfe\3", 2);
    expect_bad("\1\1\xfe\3", 4);
    expect_bad("\xfe\xff\0\0", 4);
}
END_TEST

/* Bytes in which an option begins or the list may end. */
static bool is_boundary(size_t at)
{
    static const size_t boundaries[] = {0, 4, 5, 8, 9, 10, 20, 26};

    for (unsigned i = 0; i < ARRAY_LENGTH(boundaries); i++)
        if (boundaries[i] == at)
            return true;
    return false;
}

START_TEST(a_list_cut_off_within_an_option_is_refused)
{
    static const uint8_t list[26] =
        "\2\4\x05\xb4"                 /* 0: MSS */
        "\1\3\3\7"                     /* 4: NOP, scale */
        "\1\1\x08\x0a\0\0\0\1\0\0\0\2" /* 8: timestamps */
        "\xfd\6\1\2\3\4" /* 20: unknown, its value looks like options */;

    for (size_t len = 0; len <= sizeof(list); len++) {
        struct tcp_options expected = {.has_mss = len >= 4,
                                       .mss = len >= 4 ? 1460 : 0,
                                       .has_window_scale = len >= 8,
                                       .window_scale = len >= 8 ? 7 : 0,
                                       .has_timestamps = len >= 20,
                                       .ts_val = len >= 20 ? 1 : 0,
                                       .ts_ecr = len >= 20 ? 2 : 0};

        if (is_boundary(len))
            expect_parsed(list, len, expected);
        else
            expect_bad(list, len);
    }
}
END_TEST

/* RFC 7323 2.3: a shift above 14 counts as 14. */
START_TEST(a_window_scale_above_14_counts_as_14)
{
    for (unsigned scale = 0; scale <= UINT8_MAX; scale++) {
        uint8_t data[3] = {TCP_OPTION_WINDOW_SCALE, 3, (uint8_t)scale};
        uint8_t expected = scale < 14 ? (uint8_t)scale : 14;

        expect_parsed(data, sizeof(data),
                      (struct tcp_options){.has_window_scale = true,
                                           .window_scale = expected});
    }
}
END_TEST

START_TEST(random_bytes_are_parsed_or_refused_whole)
{
    struct random random;
    unsigned good = 0;
    unsigned bad = 0;

    random_init(&random, (struct hash_key){5, 6});
    for (int i = 0; i < 50000; i++) {
        uint8_t data[TCP_OPTIONS_MAX];
        size_t len = random_below(&random, TCP_OPTIONS_MAX + 1);
        struct tcp_options got;

        for (size_t at = 0; at < len; at++) /* small: kinds and lengths */
            data[at] = (uint8_t)random_below(&random, 12);
        if (parse(data, len, &got) == 0) {
            good++;
            ck_assert_uint_le(got.window_scale, TCP_WINDOW_SCALE_MAX);
            ck_assert(got.has_mss || got.mss == 0);
            ck_assert(got.has_timestamps || got.ts_val + got.ts_ecr == 0);
        } else {
            bad++;
            expect_options_equal(&got, &untouched);
        }
    }
    ck_assert_uint_gt(good, 1000);
    ck_assert_uint_gt(bad, 1000);
}
END_TEST

/* RFC 7413 4.1.1: empty, or 4 to 16 bytes, an even number; any other length is
 * ignored, and so is no reason to refuse the rest. */
START_TEST(a_fast_open_option_has_one_of_eight_lengths)
{
    uint8_t data[TCP_OPTIONS_MAX];

    for (uint8_t len = 2; len <= TCP_OPTIONS_MAX - 4; len++) {
        struct tcp_options expected = {.has_mss = true, .mss = 536};

        memset(data, 0x5a, sizeof(data));
        data[0] = TCP_OPTION_FAST_OPEN;
        data[1] = len;
        memcpy(data + len, "\2\4\x02\x18", 4);
        if (len == 2 || (len >= 6 && len <= 18 && len % 2 == 0)) {
            expected.has_fast_open = true;
            expected.fast_open.len = (uint8_t)(len - 2);
            memset(expected.fast_open.octet, 0x5a, len - 2u);
        }
        expect_parsed(data, len + 4u, expected);
    }
}
END_TEST

/* RFC 5482 3.3, 3.4: four long, and 0 is reserved; it is only advice. */
START_TEST(a_user_timeout_of_0_or_of_another_length_is_ignored)
{
    expect_parsed(
        "\x1c\4\x80\x05", 4,
        (struct tcp_options){.has_user_timeout = true, .user_timeout = 0x8005});
    expect_parsed(
        "\x1c\4\x00\x01", 4,
        (struct tcp_options){.has_user_timeout = true, .user_timeout = 1});
    expect_parsed("\x1c\4\0\0", 4, (struct tcp_options){0});
    expect_parsed("\x1c\4\x80\0", 4, (struct tcp_options){0});
    expect_parsed("\x1c\3\1\1\x1c\5\1\1\1\x1c\2", 11, (struct tcp_options){0});
}
END_TEST

/* Emits into bytes that would show what is written beyond the length. */
static size_t emit(const struct tcp_options *options, uint8_t data[static 48])
{
    size_t len = tcp_options_len(options);

    ck_assert_uint_le(len, TCP_OPTIONS_MAX);
    memset(data, 0xa5, 48);
    tcp_options_emit(options, data);
    for (size_t at = len; at < 48; at++)
        ck_assert_uint_eq(data[at], 0xa5);
    return len;
}

START_TEST(options_are_emitted_in_the_order_and_padding_of_linux)
{
    struct tcp_options options = {.has_mss = true,
                                  .mss = 1460,
                                  .has_window_scale = true,
                                  .window_scale = 7,
                                  .has_timestamps = true,
                                  .ts_val = 0x01020304,
                                  .ts_ecr = 0x05060708};
    uint8_t data[48];

    ck_assert_uint_eq(emit(&options, data), 20);
    ck_assert_mem_eq(data, "\2\4\x05\xb4\1\1\x08\x0a\1\2\3\4\5\6\7\x08\1\3\3\7",
                     20);
}
END_TEST

START_TEST(sack_permitted_takes_the_place_of_the_nops_before_timestamps)
{
    struct tcp_options options = {.has_mss = true,
                                  .mss = 1460,
                                  .sack_permitted = true,
                                  .has_window_scale = true,
                                  .window_scale = 7,
                                  .has_timestamps = true,
                                  .ts_val = 0x01020304,
                                  .ts_ecr = 0x05060708};
    uint8_t data[48];

    ck_assert_uint_eq(emit(&options, data), 20);
    ck_assert_mem_eq(data, "\2\4\x05\xb4\4\2\x08\x0a\1\2\3\4\5\6\7\x08\1\3\3\7",
                     20);
    options.has_timestamps = false;
    ck_assert_uint_eq(emit(&options, data), 12);
    ck_assert_mem_eq(data, "\2\4\x05\xb4\1\1\4\2\1\3\3\7", 12);
}
END_TEST

START_TEST(sack_blocks_stand_behind_two_nops)
{
    struct tcp_options options = {
        .has_timestamps = true,
        .ts_val = 0x01020304,
        .ts_ecr = 0x05060708,
        .sack_count = 2,
        .sacks = {{0x11121314, 0x21222324}, {0xfffffff0, 0x10}}};
    uint8_t data[48];

    ck_assert_uint_eq(emit(&options, data), 32);
    ck_assert_mem_eq(data,
                     "\1\1\x08\x0a\1\2\3\4\5\6\7\x08"
                     "\1\1\5\x12\x11\x12\x13\x14\x21\x22\x23\x24"
                     "\xff\xff\xff\xf0\0\0\0\x10",
                     32);
}
END_TEST

START_TEST(a_cookie_stands_last_before_its_padding)
{
    struct tcp_options options = {.has_mss = true,
                                  .mss = 1460,
                                  .has_window_scale = true,
                                  .window_scale = 7,
                                  .has_fast_open = true,
                                  .fast_open = {8, {1, 2, 3, 4, 5, 6, 7, 8}}};
    uint8_t data[48];

    ck_assert_uint_eq(emit(&options, data), 20);
    ck_assert_mem_eq(data, "\2\4\x05\xb4\1\3\3\7\x22\x0a\1\2\3\4\5\6\7\x08\1\1",
                     20);
    options.fast_open.len = 0;
    ck_assert_uint_eq(emit(&options, data), 12);
    ck_assert_mem_eq(data, "\2\4\x05\xb4\1\3\3\7\x22\2\1\1", 12);
    options.fast_open.len = 6;
    ck_assert_uint_eq(emit(&options, data), 16);
    ck_assert_mem_eq(data + 8, "\x22\x08\1\2\3\4\5\6", 8);
}
END_TEST

/* What may go with any SYN: the longest cookie fits just so. */
START_TEST(the_longest_cookie_fits_with_all_that_a_syn_has)
{
    struct tcp_options options = {.has_mss = true,
                                  .sack_permitted = true,
                                  .has_timestamps = true,
                                  .has_window_scale = true,
                                  .has_fast_open = true,
                                  .fast_open = {.len = FAST_OPEN_COOKIE_MAX}};

    ck_assert_uint_eq(tcp_options_len(&options), TCP_OPTIONS_MAX);
}
END_TEST

/* Each of the choices, as many blocks as there is room for, any values. */
START_TEST(what_is_emitted_is_parsed_to_the_same)
{
    struct random random;

    random_init(&random, (struct hash_key){7, 8});
    for (uint32_t i = 0; i < 8000; i++) {
        struct tcp_options options = {.has_mss = i & 1,
                                      .has_window_scale = i & 2,
                                      .has_timestamps = i & 4,
                                      .sack_permitted = i & 8,
                                      .has_user_timeout = i & 16,
                                      .has_fast_open = (i & 96) == 96};
        size_t room;
        uint8_t data[48];

        if (options.has_mss)
            options.mss = (uint16_t)random_u32(&random);
        if (options.has_window_scale)
            options.window_scale =
                (uint8_t)random_below(&random, TCP_WINDOW_SCALE_MAX + 1);
        if (options.has_timestamps) {
            options.ts_val = random_u32(&random);
            options.ts_ecr = random_u32(&random);
        }
        if (options.has_user_timeout)
            options.user_timeout =
                (uint16_t)(1 + random_below(&random, INT16_MAX));
        if (options.has_fast_open) { /* 0, 4, 6, ... 12 */
            unsigned len = 2 + 2 * random_below(&random, 6);

            options.fast_open.len = (uint8_t)(len == 2 ? 0 : len);
            memset(options.fast_open.octet, (int)i, options.fast_open.len);
        }
        room = TCP_OPTIONS_MAX - tcp_options_len(&options);
        if (room >= tcp_options_sack_len(1)) {
            unsigned most = (unsigned)(room - 4) / TCP_OPTION_SACK_BLOCK_LEN;

            options.sack_count = (uint8_t)random_below(&random, most + 1);
            if (options.sack_count > TCP_SACK_BLOCKS_MAX)
                options.sack_count = TCP_SACK_BLOCKS_MAX;
        }
        for (unsigned n = 0; n < options.sack_count; n++)
            options.sacks[n] =
                (struct sack_block){random_u32(&random), random_u32(&random)};

        size_t len = emit(&options, data);
        ck_assert_uint_eq(len % 4, 0);
        expect_parsed(data, len, options);
    }
}
END_TEST

UNIT_MAIN("tcp_options", no_options_are_none, each_option_is_understood,
          a_kernels_syn_is_understood, sack_blocks_are_understood,
          a_sack_option_of_a_wrong_length_is_refused,
          options_come_in_any_order_and_with_any_padding,
          after_the_end_of_the_list_nothing_is_looked_at,
          unknown_options_are_skipped_by_their_length,
          an_option_of_another_length_than_its_kind_has_is_refused,
          a_length_below_two_is_refused_for_any_kind,
          a_kind_without_a_length_is_refused,
          an_option_that_runs_past_the_end_is_refused,
          a_list_cut_off_within_an_option_is_refused,
          a_window_scale_above_14_counts_as_14,
          random_bytes_are_parsed_or_refused_whole,
          a_fast_open_option_has_one_of_eight_lengths,
          a_user_timeout_of_0_or_of_another_length_is_ignored,
          a_cookie_stands_last_before_its_padding,
          the_longest_cookie_fits_with_all_that_a_syn_has,
          options_are_emitted_in_the_order_and_padding_of_linux,
          sack_permitted_takes_the_place_of_the_nops_before_timestamps,
          sack_blocks_stand_behind_two_nops,
          what_is_emitted_is_parsed_to_the_same)
