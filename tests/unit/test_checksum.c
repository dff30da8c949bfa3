/*
 * The Internet checksum: known answers, and the fast sum against the plain
 * loop of RFC 1071 at every alignment and in every division into pieces.
 */
#include "unit.h"

#include "base/checksum.h"
#include "base/random.h"

enum { LONGEST = 140, ALIGNMENTS = 8 };

static void fill(uint8_t *bytes, size_t len)
{
    struct random random;

    random_init(&random, (struct hash_key){1071, len});
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)random_u32(&random);
}

static uint16_t sum_of_pieces(struct bytes bytes, size_t first, size_t second)
{
    struct checksum sum = {0};

    checksum_add(&sum, bytes_slice(bytes, 0, first));
    checksum_add(&sum, bytes_slice(bytes, first, second - first));
    checksum_add(&sum, bytes_from(bytes, second));
    return checksum_finish(&sum);
}

/* RFC 1071 3: the example. */
START_TEST(the_example_of_rfc_1071_has_the_sum_ddf2)
{
    const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    struct checksum sum = {0};

    checksum_add(&sum, bytes_of(example, sizeof(example)));
    ck_assert_uint_eq(checksum_fold(&sum), 0xddf2);
    ck_assert_uint_eq(checksum_finish(&sum), 0x220d);
    ck_assert_uint_eq(checksum_of_plain(bytes_of(example, 8)), 0x220d);
}
END_TEST

START_TEST(over_bytes_that_hold_a_right_checksum_it_is_0)
{
    uint8_t header[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40,
                        0x00, 0x40, 0x11, 0x00, 0x00, 0xc0, 0xa8,
                        0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};

    put_be16(header + 10, checksum_of(bytes_of(header, sizeof(header))));
    ck_assert_uint_eq(get_be16(header + 10), 0xb861);
    ck_assert_uint_eq(checksum_of(bytes_of(header, sizeof(header))), 0);
    header[19] ^= 1;
    ck_assert_uint_ne(checksum_of(bytes_of(header, sizeof(header))), 0);
}
END_TEST

START_TEST(the_sum_of_nothing_and_of_zeros_is_0)
{
    static const uint8_t zero[64];
    struct checksum sum = {0};

    checksum_add(&sum, bytes_of(NULL, 0));
    ck_assert_uint_eq(checksum_fold(&sum), 0);
    checksum_add(&sum, bytes_of(zero, sizeof(zero)));
    ck_assert_uint_eq(checksum_fold(&sum), 0);
    ck_assert_uint_eq(checksum_finish(&sum), 0xffff);
}
END_TEST

START_TEST(at_every_alignment_and_length_it_is_that_of_the_plain_loop)
{
    uint8_t bytes[LONGEST + ALIGNMENTS];

    fill(bytes, sizeof(bytes));
    for (size_t at = 0; at < ALIGNMENTS; at++) {
        for (size_t len = 0; len <= LONGEST; len++) {
            struct bytes piece = bytes_of(bytes + at, len);

            ck_assert_uint_eq(checksum_of(piece), checksum_of_plain(piece));
        }
    }
}
END_TEST

START_TEST(in_every_division_into_three_pieces_it_is_the_same)
{
    uint8_t bytes[LONGEST + ALIGNMENTS];

    fill(bytes, sizeof(bytes));
    for (size_t at = 0; at < ALIGNMENTS; at++) {
        for (size_t len = 0; len < 50; len++) {
            struct bytes whole = bytes_of(bytes + at, len);
            uint16_t expected = checksum_of_plain(whole);

            for (size_t second = 0; second <= len; second++)
                for (size_t first = 0; first <= second; first++)
                    ck_assert_uint_eq(sum_of_pieces(whole, first, second),
                                      expected);
        }
    }
}
END_TEST

/* Every addition but the first carries. */
START_TEST(carries_come_in_again_at_the_bottom)
{
    static uint8_t ones[100001];

    memset(ones, 0xff, sizeof(ones));
    for (size_t len = 1; len <= 100; len++)
        ck_assert_uint_eq(checksum_of(bytes_of(ones, len)),
                          checksum_of_plain(bytes_of(ones, len)));
    ck_assert_uint_eq(checksum_of(bytes_of(ones, sizeof(ones))),
                      checksum_of_plain(bytes_of(ones, sizeof(ones))));
}
END_TEST

START_TEST(a_megabyte_in_random_pieces_has_the_sum_of_the_plain_loop)
{
    static uint8_t bytes[1 << 20];
    struct checksum sum = {0};
    struct random random;
    size_t at = 0;

    fill(bytes, sizeof(bytes));
    random_init(&random, (struct hash_key){1, 2});
    while (at < sizeof(bytes)) {
        size_t len = min_size(random_below(&random, 3000), sizeof(bytes) - at);

        checksum_add(&sum, bytes_of(bytes + at, len));
        at += len;
    }
    ck_assert_uint_eq(checksum_finish(&sum),
                      checksum_of_plain(bytes_of(bytes, sizeof(bytes))));
}
END_TEST

/* RFC 768: addresses, zero, protocol, length; then header and data. */
START_TEST(the_pseudo_header_of_ipv4_has_12_bytes)
{
    const uint8_t pseudo[] = {192, 0, 2, 1, 192, 0, 2, 2, 0, 17, 0x12, 0x34};
    struct ip_addr src = ip_addr_v4(0xc0000201);
    struct ip_addr dst = ip_addr_v4(0xc0000202);
    struct checksum sum = {0};

    checksum_add_pseudo(&sum, &src, &dst, 17, 0x1234);
    ck_assert_uint_eq(checksum_finish(&sum),
                      checksum_of_plain(bytes_of(pseudo, sizeof(pseudo))));
}
END_TEST

/* RFC 8200 8.1: the length has 32 bits. */
START_TEST(the_pseudo_header_of_ipv6_has_40_bytes)
{
    uint8_t pseudo[40] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1,
                          0x20, 0x01, 0x0d, 0xb8, [31] = 2};
    struct ip_addr src, dst;
    struct checksum sum = {0};

    put_be32(pseudo + 32, 0x00012345);
    pseudo[39] = 6;
    ck_assert_int_eq(ip_addr_parse("2001:db8::1", &src), 0);
    ck_assert_int_eq(ip_addr_parse("2001:db8::2", &dst), 0);
    checksum_add_pseudo(&sum, &src, &dst, 6, 0x00012345);
    ck_assert_uint_eq(checksum_finish(&sum),
                      checksum_of_plain(bytes_of(pseudo, sizeof(pseudo))));
}
END_TEST

START_TEST(the_pseudo_header_may_come_after_an_odd_number_of_bytes)
{
    const uint8_t text[] = {'o', 'd', 'd'};
    struct ip_addr src = ip_addr_v4(0xc0000201);
    struct ip_addr dst = ip_addr_v4(0xc0000202);
    struct checksum before = {0}, after = {0};

    checksum_add_pseudo(&before, &src, &dst, 6, 3);
    checksum_add(&before, bytes_of(text, 3));
    checksum_add(&after, bytes_of(text, 3));
    checksum_add_pseudo(&after, &src, &dst, 6, 3);
    ck_assert_uint_eq(checksum_finish(&before), checksum_finish(&after));
}
END_TEST

START_TEST(a_frame_is_summed_from_any_place_in_it)
{
    uint8_t bytes[60], whole[60];
    struct frame frame;

    fill(bytes, sizeof(bytes));
    memcpy(whole, bytes, sizeof(bytes));
    frame_init_input(&frame, NULL, bytes, 21);
    frame_add_slice(&frame, bytes_of(bytes + 21, 9));
    frame_add_slice(&frame, bytes_of(bytes + 30, 13));
    frame_add_slice(&frame, bytes_of(bytes + 43, 17));
    for (size_t from = 0; from <= sizeof(bytes); from++) {
        struct checksum sum = {0};

        checksum_add_frame(&sum, &frame, from);
        ck_assert_uint_eq(
            checksum_finish(&sum),
            checksum_of_plain(bytes_of(whole + from, sizeof(whole) - from)));
    }
}
END_TEST

UNIT_MAIN("checksum", the_example_of_rfc_1071_has_the_sum_ddf2,
          over_bytes_that_hold_a_right_checksum_it_is_0,
          the_sum_of_nothing_and_of_zeros_is_0,
          at_every_alignment_and_length_it_is_that_of_the_plain_loop,
          in_every_division_into_three_pieces_it_is_the_same,
          carries_come_in_again_at_the_bottom,
          a_megabyte_in_random_pieces_has_the_sum_of_the_plain_loop,
          the_pseudo_header_of_ipv4_has_12_bytes,
          the_pseudo_header_of_ipv6_has_40_bytes,
          the_pseudo_header_may_come_after_an_odd_number_of_bytes,
          a_frame_is_summed_from_any_place_in_it)
