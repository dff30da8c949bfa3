/*
 * Blocks of pcapng, octet by octet: the numbers are those of the draft's
 * figures. That other programs read them is shown by live/capture.test.
 */
#include "unit.h"

#include "netdev/pcapng_block.h"

#include <string.h>

static uint8_t block[4096];

/* The shape that every block has: its length at both ends. */
static void expect_block(size_t len, uint32_t type)
{
    ck_assert_uint_ge(len, 12);
    ck_assert_uint_eq(len % 4, 0);
    ck_assert_uint_eq(get_be32(block), type);
    ck_assert_uint_eq(get_be32(block + 4), len);
    ck_assert_uint_eq(get_be32(block + len - 4), len);
}

/* The value of the option `code` among those from `at` to the block's end. */
static struct bytes option(size_t at, size_t len, unsigned code)
{
    while (at + 4 <= len - 4) {
        unsigned found = get_be16(block + at);
        size_t size = get_be16(block + at + 2);

        if (found == 0)
            break;
        if (found == code)
            return bytes_of(block + at + 4, size);
        at += 4 + (size + 3) / 4 * 4;
    }
    return bytes_of(NULL, 0);
}

static void expect_text(struct bytes bytes, const char *text)
{
    ck_assert_uint_eq(bytes.len, strlen(text));
    ck_assert_mem_eq(bytes.data, text, bytes.len);
}

START_TEST(a_section_tells_its_byte_order_and_who_wrote_it)
{
    size_t len = pcapng_put_section(block, sizeof(block), "Tapir");

    expect_block(len, 0x0a0d0d0a);
    ck_assert_uint_eq(get_be32(block + 8), 0x1a2b3c4d);
    ck_assert_uint_eq(get_be16(block + 12), 1);
    ck_assert_uint_eq(get_be16(block + 14), 0);
    expect_text(option(24, len, 4), "Tapir");
}
END_TEST

START_TEST(an_interface_has_a_name_and_microseconds)
{
    struct pcapng_interface interface = {.linktype = PCAPNG_LINKTYPE_ETHERNET,
                                         .snaplen = 262144,
                                         .name = "tap0"};
    size_t len = pcapng_put_interface(block, sizeof(block), &interface);
    struct bytes resolution = option(16, len, 9);

    expect_block(len, 1);
    ck_assert_uint_eq(get_be16(block + 8), 1);
    ck_assert_uint_eq(get_be32(block + 12), 262144);
    expect_text(option(16, len, 2), "tap0");
    ck_assert_uint_eq(resolution.len, 1);
    ck_assert_uint_eq(resolution.data[0], 6);
}
END_TEST

START_TEST(a_packet_has_direction_and_comment_after_its_padded_bytes)
{
    struct pcapng_packet packet = {.interface = 1,
                                   .at = 0x123456789abcd,
                                   .direction = PCAPNG_OUTBOUND,
                                   .data = bytes_of("hello", 5),
                                   .original_len = 9,
                                   .comment = "dropped: no reason"};
    size_t len = pcapng_put_packet(block, sizeof(block), &packet);
    struct bytes flags = option(36, len, 2);

    expect_block(len, 6);
    ck_assert_uint_eq(get_be32(block + 8), 1);
    ck_assert_uint_eq(get_be32(block + 12), 0x12345);
    ck_assert_uint_eq(get_be32(block + 16), 0x6789abcd);
    ck_assert_uint_eq(get_be32(block + 20), 5);
    ck_assert_uint_eq(get_be32(block + 24), 9);
    ck_assert_mem_eq(block + 28, "hello\0\0\0", 8);
    expect_text(option(36, len, 1), "dropped: no reason");
    ck_assert_uint_eq(flags.len, 4);
    ck_assert_uint_eq(get_be32(flags.data), 2);
}
END_TEST

START_TEST(statistics_have_times_and_counters)
{
    struct pcapng_statistics statistics = {.at = 0x100000002,
                                           .start = 0x100000001,
                                           .received = 0x500000006,
                                           .missed = 7,
                                           .dropped = 8};
    size_t len = pcapng_put_statistics(block, sizeof(block), &statistics);

    expect_block(len, 5);
    ck_assert_uint_eq(get_be32(block + 12), 1);
    ck_assert_uint_eq(get_be32(block + 16), 2);
    ck_assert_mem_eq(option(20, len, 2).data, "\0\0\0\1\0\0\0\1", 8);
    ck_assert_mem_eq(option(20, len, 3).data, "\0\0\0\1\0\0\0\2", 8);
    ck_assert_mem_eq(option(20, len, 4).data, "\0\0\0\5\0\0\0\6", 8);
    ck_assert_uint_eq(option(20, len, 5).data[7], 7);
    ck_assert_uint_eq(option(20, len, 7).data[7], 8);
    ck_assert_ptr_null(option(20, len, 1).data);
}
END_TEST

START_TEST(a_comment_that_is_too_long_is_cut)
{
    char comment[3000];
    struct pcapng_packet packet = {
        .data = bytes_of("x", 1), .original_len = 1, .comment = comment};

    memset(comment, 'c', sizeof(comment));
    comment[sizeof(comment) - 1] = '\0';
    size_t len = pcapng_put_packet(block, 1 + PCAPNG_BLOCK_MAX, &packet);

    expect_block(len, 6);
    ck_assert_uint_eq(option(32, len, 1).len, PCAPNG_TEXT_MAX);
}
END_TEST

/* And not one byte beyond the room is touched. */
START_TEST(without_room_there_is_no_block)
{
    struct pcapng_packet packet = {
        .data = bytes_of("hello", 5), .original_len = 5, .comment = "why"};
    size_t needs = pcapng_put_packet(block, sizeof(block), &packet);

    for (size_t room = 0; room < needs; room++) {
        memset(block, 0xee, sizeof(block));
        ck_assert_uint_eq(pcapng_put_packet(block, room, &packet), 0);
        for (size_t i = room; i < needs; i++)
            ck_assert_uint_eq(block[i], 0xee);
    }
    ck_assert_uint_eq(pcapng_put_packet(block, needs, &packet), needs);
}
END_TEST

UNIT_MAIN("pcapng_block", a_section_tells_its_byte_order_and_who_wrote_it,
          an_interface_has_a_name_and_microseconds,
          a_packet_has_direction_and_comment_after_its_padded_bytes,
          statistics_have_times_and_counters, a_comment_that_is_too_long_is_cut,
          without_room_there_is_no_block)
