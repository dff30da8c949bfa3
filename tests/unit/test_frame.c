/*
 * Frames: headers, payload, and checksums left to the edge.
 */
#include "unit.h"

#include "base/checksum.h"
#include "base/frame.h"

enum { UDP_CHECKSUM = 6, UDP_LEN = 8, TCP_CHECKSUM = 16, TCP_LEN = 20 };

static struct bytes text(const char *string)
{
    return bytes_of(string, strlen(string));
}

static void push_text(struct frame *frame, const char *string)
{
    size_t len = strlen(string);

    memcpy(frame_push(frame, len), string, len);
}

static void expect_bytes(const struct frame *frame, const char *expected)
{
    uint8_t bytes[512];
    size_t len = frame_copy(frame, 0, bytes, sizeof(bytes));

    ck_assert_uint_eq(frame_len(frame), strlen(expected));
    ck_assert_uint_eq(len, strlen(expected));
    ck_assert_mem_eq(bytes, expected, len);
}

/* "headTCPdata" in head and slices, cut at odd places. */
static void make_split_frame(struct frame *frame)
{
    frame_init_output(frame);
    push_text(frame, "head");
    frame_add_slice(frame, text("TC"));
    frame_add_slice(frame, text("Pda"));
    frame_add_slice(frame, text("ta"));
}

START_TEST(headers_are_pushed_from_the_innermost_outwards)
{
    struct frame frame;

    frame_init_output(&frame);
    ck_assert_uint_eq(frame_len(&frame), 0);
    frame_add_slice(&frame, text("data"));
    push_text(&frame, "TCP ");
    push_text(&frame, "IP ");
    push_text(&frame, "ETH ");
    expect_bytes(&frame, "ETH IP TCP data");
    ck_assert_uint_eq(frame.head_len, strlen("ETH IP TCP "));
}
END_TEST

START_TEST(a_new_frame_has_no_interface_no_payload_and_nothing_left_to_do)
{
    struct frame frame;

    memset(&frame, 0xa5, sizeof(frame));
    frame_init_output(&frame);
    ck_assert_ptr_null(frame.iface);
    ck_assert_uint_eq(frame.slice_count, 0);
    ck_assert_uint_eq(frame.number, 0);
    ck_assert_int_eq(frame.offload.checksum, FRAME_CHECKSUM_COMPLETE);
    ck_assert_int_eq(frame.offload.gso, FRAME_GSO_NONE);
}
END_TEST

START_TEST(the_headroom_holds_the_largest_headers_and_a_tunnels)
{
    struct frame frame;

    frame_init_output(&frame);
    frame_push(&frame, 60); /* TCP with options */
    frame_push(&frame, FRAME_HEADROOM);
    frame_push(&frame, FRAME_STORE - FRAME_HEADROOM - 60);
    ck_assert_ptr_eq(frame.head, frame.store);
}
END_TEST

START_TEST(a_received_frame_is_pulled_from_the_front)
{
    uint8_t bytes[] = "ETH IP data";
    struct frame frame;

    frame_init_input(&frame, NULL, bytes, 11);
    frame_pull(&frame, 4);
    expect_bytes(&frame, "IP data");
    frame_pull(&frame, 3);
    expect_bytes(&frame, "data");
    ck_assert_ptr_eq(frame.head, bytes + 7); /* what was pulled lies before */
    frame_pull(&frame, 4);
    expect_bytes(&frame, "");
}
END_TEST

START_TEST(a_slice_without_bytes_is_not_added)
{
    struct frame frame;

    make_split_frame(&frame);
    frame_add_slice(&frame, bytes_of(NULL, 0));
    ck_assert_uint_eq(frame.slice_count, 3);
    expect_bytes(&frame, "headTCPdata");
}
END_TEST

START_TEST(any_part_of_a_frame_can_be_copied)
{
    const char *whole = "headTCPdata";
    struct frame frame;

    make_split_frame(&frame);
    for (size_t from = 0; from <= 12; from++) {
        for (size_t room = 0; room <= 12; room++) {
            size_t there = from < 11 ? 11 - from : 0;
            uint8_t bytes[12];
            size_t len = frame_copy(&frame, from, bytes, room);

            ck_assert_uint_eq(len, min_size(there, room));
            ck_assert(len == 0 || memcmp(bytes, whole + from, len) == 0);
        }
    }
}
END_TEST

START_TEST(a_frame_can_be_trimmed_to_any_length)
{
    for (size_t len = 0; len <= 12; len++) {
        char expected[12] = "headTCPdata";
        struct frame frame;

        make_split_frame(&frame);
        frame_trim(&frame, len);
        expected[min_size(len, 11)] = '\0';
        expect_bytes(&frame, expected);
        for (unsigned i = 0; i < frame.slice_count; i++)
            ck_assert_uint_gt(frame.slices[i].len, 0);
    }
}
END_TEST

/* A UDP datagram whose length is odd, and lies in pieces, some odd. */
static void make_udp(struct frame *frame, struct checksum *pseudo)
{
    struct ip_addr src = ip_addr_v4(0xc0000201);
    struct ip_addr dst = ip_addr_v4(0xc0000202);
    uint8_t *udp;

    frame_init_output(frame);
    frame_add_slice(frame, text("da"));
    frame_add_slice(frame, text("ta!"));
    udp = frame_push(frame, UDP_LEN);
    put_be16(udp, 1000);
    put_be16(udp + 2, 2000);
    put_be16(udp + 4, UDP_LEN + 5);
    *pseudo = (struct checksum){0};
    checksum_add_pseudo(pseudo, &src, &dst, 17, UDP_LEN + 5);
    put_be16(udp + UDP_CHECKSUM, checksum_fold(pseudo));
    frame_leave_checksum(frame, UDP_CHECKSUM);
}

START_TEST(a_checksum_left_to_the_edge_is_right_whatever_was_pushed_since)
{
    struct frame frame;
    struct checksum sum;
    uint8_t datagram[64];
    size_t len;

    make_udp(&frame, &sum);
    push_text(&frame, "twenty bytes of IP..");
    push_text(&frame, "Ethernet......");
    ck_assert_int_eq(frame.offload.checksum, FRAME_CHECKSUM_ABSENT);
    frame_fill_checksum(&frame);
    ck_assert_int_eq(frame.offload.checksum, FRAME_CHECKSUM_COMPLETE);
    len = frame_copy(&frame, 34, datagram, sizeof(datagram));
    ck_assert_uint_eq(len, UDP_LEN + 5);
    checksum_add(&sum, bytes_of(datagram, len));
    ck_assert_uint_eq(checksum_finish(&sum), 0);
}
END_TEST

START_TEST(a_checksum_that_is_there_is_not_touched)
{
    struct frame frame;
    struct checksum sum;
    uint16_t before;

    make_udp(&frame, &sum);
    frame_fill_checksum(&frame);
    before = get_be16(frame.head + UDP_CHECKSUM);
    frame_fill_checksum(&frame);
    ck_assert_uint_eq(get_be16(frame.head + UDP_CHECKSUM), before);
}
END_TEST

/* Padding behind a frame that is all in its head, as on input. */
START_TEST(a_checksum_is_still_found_when_the_frame_was_trimmed)
{
    uint8_t bytes[64] = {0};
    struct frame made, frame;
    struct checksum sum;
    size_t len;

    make_udp(&made, &sum);
    len = frame_copy(&made, 0, bytes, sizeof(bytes));
    memset(bytes + len, 0xa5, sizeof(bytes) - len);
    frame_init_input(&frame, NULL, bytes, sizeof(bytes));
    frame_leave_checksum(&frame, UDP_CHECKSUM);
    frame_trim(&frame, len);
    frame_fill_checksum(&frame);
    checksum_add_frame(&sum, &frame, 0);
    ck_assert_uint_eq(checksum_finish(&sum), 0);
}
END_TEST

/* A header whose sum, with the pseudo header's in its field, is 0xffff. */
static uint16_t fill_where_it_comes_out_as_0(size_t len, size_t csum_offset)
{
    struct frame frame;
    uint8_t *header;

    frame_init_output(&frame);
    header = frame_push(&frame, len);
    memset(header, 0, len);
    put_be16(header, 0xfff0);
    put_be16(header + csum_offset, 0x000f); /* the pseudo header's sum */
    frame_leave_checksum(&frame, csum_offset);
    frame_fill_checksum(&frame);
    return get_be16(header + csum_offset);
}

/* RFC 768: "If the computed checksum is zero, it is transmitted as all ones" */
START_TEST(a_udp_checksum_of_0_is_sent_as_all_ones)
{
    ck_assert_uint_eq(fill_where_it_comes_out_as_0(UDP_LEN, UDP_CHECKSUM),
                      0xffff);
}
END_TEST

START_TEST(a_tcp_checksum_of_0_is_sent_as_it_is)
{
    ck_assert_uint_eq(fill_where_it_comes_out_as_0(TCP_LEN, TCP_CHECKSUM), 0);
}
END_TEST

/* What a device reads with a place is `len` bytes of "headXYzwrest": the head
 * into `buffer`, XY and zw into the place, the rest into `buffer` again. */
static void read_placed(struct frame *frame, uint8_t *buffer, size_t len,
                        uint8_t first[2], uint8_t second[2])
{
    struct frame_place place = {
        .head_len = 4, .pieces = {{first, 2}, {second, 2}}, .count = 2};

    memcpy(buffer, "head....rest", 12);
    memcpy(first, "XY", 2);
    memcpy(second, "zw", 2);
    frame_init_input(frame, NULL, buffer, len);
    frame->offload.csum_back = (uint16_t)(len - 1);
    frame_place(frame, &place);
}

START_TEST(a_placed_frame_is_made_one_again_whatever_its_length)
{
    for (size_t len = 0; len <= 12; len++) {
        struct frame frame;
        uint8_t buffer[12];
        uint8_t pieces[2][2];
        uint8_t bytes[12];

        read_placed(&frame, buffer, len, pieces[0], pieces[1]);
        ck_assert(frame.is_placed);
        ck_assert_uint_eq(frame.head_len, min_size(len, 4));
        ck_assert_uint_eq(frame_copy(&frame, 0, bytes, 12), len);
        ck_assert(memcmp(bytes, "headXYzwrest", len) == 0);
        ck_assert(len < 4 || frame.offload.csum_back == 3);

        frame_unplace(&frame);
        ck_assert(!frame.is_placed);
        ck_assert_uint_eq(frame.slice_count, 0);
        ck_assert_uint_eq(frame.head_len, len);
        ck_assert(memcmp(frame.head, "headXYzwrest", len) == 0);
        ck_assert_uint_eq(frame.offload.csum_back, (uint16_t)(len - 1));
    }
}
END_TEST

UNIT_MAIN("frame", a_placed_frame_is_made_one_again_whatever_its_length,
          headers_are_pushed_from_the_innermost_outwards,
          a_new_frame_has_no_interface_no_payload_and_nothing_left_to_do,
          the_headroom_holds_the_largest_headers_and_a_tunnels,
          a_received_frame_is_pulled_from_the_front,
          a_slice_without_bytes_is_not_added, any_part_of_a_frame_can_be_copied,
          a_frame_can_be_trimmed_to_any_length,
          a_checksum_left_to_the_edge_is_right_whatever_was_pushed_since,
          a_checksum_that_is_there_is_not_touched,
          a_checksum_is_still_found_when_the_frame_was_trimmed,
          a_udp_checksum_of_0_is_sent_as_all_ones,
          a_tcp_checksum_of_0_is_sent_as_it_is)
