/*
 * Packing of what is mostly zeros.
 */
#include "unit.h"

#include "base/pack.h"
#include "base/random.h"

#include <string.h>

enum { LEN = 2000 };

static size_t expect_same_again(const uint8_t *data, size_t len)
{
    uint8_t packed[PACK_MOST(LEN)];
    uint8_t back[LEN + 1];
    size_t packed_len = pack_bytes(bytes_of(data, len), packed);

    ck_assert_uint_le(packed_len, PACK_MOST(len));
    memset(back, 0xa5, sizeof(back));
    unpack_bytes(bytes_of(packed, packed_len), back, len);
    ck_assert_mem_eq(back, data, len);
    ck_assert_uint_eq(back[len], 0xa5);
    return packed_len;
}

START_TEST(zeros_alone_are_nothing)
{
    uint8_t data[LEN] = {0};

    ck_assert_uint_eq(expect_same_again(data, 0), 0);
    ck_assert_uint_eq(expect_same_again(data, LEN), 0);
}
END_TEST

START_TEST(a_few_bytes_among_zeros_are_little_more_than_themselves)
{
    uint8_t data[LEN] = {[0] = 1, [9] = 2, [10] = 3, [12] = 4, [48] = 5};

    /* 0 zeros, 1; 8 zeros, 2 3 0 4; 35 zeros are 32 and 3, 5 */
    ck_assert_uint_eq(expect_same_again(data, LEN), 2 + 5 + 1 + 2);
}
END_TEST

START_TEST(a_run_at_the_end_is_kept_to_its_last_byte)
{
    for (size_t len = 1; len < 40; len++) {
        uint8_t data[40] = {0};

        data[len - 1] = 7;
        expect_same_again(data, len);
    }
}
END_TEST

START_TEST(without_zeros_it_grows_no_more_than_promised)
{
    uint8_t data[LEN];

    memset(data, 0xff, LEN);
    for (size_t len = 0; len <= LEN; len++)
        expect_same_again(data, len);
}
END_TEST

START_TEST(the_worst_mixture_grows_no_more_than_promised)
{
    uint8_t data[LEN];

    for (unsigned period = 1; period < 20; period++) {
        for (size_t i = 0; i < LEN; i++)
            data[i] = i % period == 0;
        expect_same_again(data, LEN);
    }
}
END_TEST

START_TEST(whatever_it_is_comes_back)
{
    struct random random;
    uint8_t data[LEN];

    random_init(&random, (struct hash_key){1, 2});
    for (unsigned round = 0; round < 2000; round++) {
        size_t len = random_below(&random, LEN + 1);
        uint32_t density = 1 + random_below(&random, 40);

        for (size_t i = 0; i < len; i++)
            data[i] = random_below(&random, density) != 0
                          ? 0
                          : (uint8_t)random_u32(&random);
        expect_same_again(data, len);
    }
}
END_TEST

UNIT_MAIN("pack", zeros_alone_are_nothing,
          a_few_bytes_among_zeros_are_little_more_than_themselves,
          a_run_at_the_end_is_kept_to_its_last_byte,
          without_zeros_it_grows_no_more_than_promised,
          the_worst_mixture_grows_no_more_than_promised,
          whatever_it_is_comes_back)
