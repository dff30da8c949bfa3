/*
 * The TCP header: what is refused, where the text lies, SEG.LEN, and the way
 * back.
 */
#include "unit.h"

#include "base/random.h"
#include "tcp/tcp_segment.h"

#include <errno.h>
#include <string.h>

enum { MOST_HEADER = TCP_HEADER_LEN + TCP_OPTIONS_MAX };

/* 40000 > 80, seq 0x01020304, ack 0xf1f2f3f4, win 4096. */
static void write_header(uint8_t *to, uint8_t offset, uint8_t flags)
{
    memset(to, 0, TCP_HEADER_LEN);
    put_be16(to + TCP_SRC_PORT, 40000);
    put_be16(to + TCP_DST_PORT, 80);
    put_be32(to + TCP_SEQ, 0x01020304);
    put_be32(to + TCP_ACK, 0xf1f2f3f4);
    to[TCP_DATA_OFFSET] = (uint8_t)(offset << 4);
    to[TCP_FLAGS] = flags;
    put_be16(to + TCP_WINDOW, 4096);
    put_be16(to + TCP_CHECKSUM, 0x1234);
}

/* A frame whose head is a copy of exactly `len` bytes; free() its head. */
static void receive(struct frame *frame, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len);

    ck_assert(copy != NULL || len == 0);
    if (len > 0)
        memcpy(copy, data, len);
    frame_init_input(frame, NULL, copy, len);
}

static void expect_dropped(const uint8_t *data, size_t len,
                           enum drop_reason expected)
{
    struct tcp_segment seg = {.seq = 0xdeadbeef, .len = 77};
    enum drop_reason why = DROP_NONE;
    struct frame frame;

    receive(&frame, data, len);
    ck_assert_int_eq(tcp_segment_parse(&frame, &seg, &why), -EBADMSG);
    ck_assert_int_eq(why, expected);
    ck_assert_uint_eq(seg.seq, 0xdeadbeef);
    ck_assert_uint_eq(seg.len, 77);
    free(frame.head);
}

static struct tcp_segment expect_parsed(const struct frame *frame)
{
    struct tcp_segment seg;
    enum drop_reason why = DROP_NONE;

    ck_assert_int_eq(tcp_segment_parse(frame, &seg, &why), 0);
    ck_assert_int_eq(why, DROP_NONE);
    ck_assert_ptr_eq(seg.frame, frame);
    return seg;
}

START_TEST(every_field_of_a_header_is_read)
{
    uint8_t data[TCP_HEADER_LEN];
    struct frame frame;

    write_header(data, 5, SEG_ACK | SEG_PSH);
    receive(&frame, data, sizeof(data));

    struct tcp_segment seg = expect_parsed(&frame);
    ck_assert_uint_eq(seg.src_port, 40000);
    ck_assert_uint_eq(seg.dst_port, 80);
    ck_assert_uint_eq(seg.seq, 0x01020304);
    ck_assert_uint_eq(seg.ack, 0xf1f2f3f4);
    ck_assert_uint_eq(seg.flags, SEG_ACK | SEG_PSH);
    ck_assert_uint_eq(seg.wnd, 4096);
    ck_assert_uint_eq(seg.len, 0);
    ck_assert_uint_eq(seg.text_len, 0);
    ck_assert(!seg.options.has_mss && !seg.options.has_timestamps &&
              !seg.options.has_window_scale);
    free(frame.head);
}
END_TEST

START_TEST(less_than_a_header_is_too_short)
{
    uint8_t data[TCP_HEADER_LEN];

    write_header(data, 5, SEG_ACK);
    for (size_t len = 0; len < TCP_HEADER_LEN; len++)
        expect_dropped(data, len, DROP_TCP_SHORT);
}
END_TEST

START_TEST(a_data_offset_below_five_words_is_impossible)
{
    uint8_t data[MOST_HEADER] = {0};

    for (uint8_t offset = 0; offset < 5; offset++) {
        write_header(data, offset, SEG_ACK);
        expect_dropped(data, sizeof(data), DROP_TCP_BAD_OFFSET);
    }
}
END_TEST

START_TEST(a_data_offset_beyond_the_segment_is_impossible)
{
    uint8_t data[MOST_HEADER] = {0};

    for (uint8_t offset = 6; offset <= 15; offset++) {
        write_header(data, offset, SEG_ACK);
        for (size_t len = TCP_HEADER_LEN; len < offset * 4u; len++)
            expect_dropped(data, len, DROP_TCP_BAD_OFFSET);
    }
}
END_TEST

/* A header is contiguous or it is none: see frame.h. */
START_TEST(a_header_does_not_go_on_in_the_slices)
{
    uint8_t data[TCP_HEADER_LEN];
    struct frame frame;
    struct tcp_segment seg;
    enum drop_reason why;

    write_header(data, 6, SEG_ACK);
    receive(&frame, data, sizeof(data));
    frame_add_slice(&frame, bytes_of("\1\1\1\1text", 8));
    ck_assert_int_eq(tcp_segment_parse(&frame, &seg, &why), -EBADMSG);
    ck_assert_int_eq(why, DROP_TCP_BAD_OFFSET);
    free(frame.head);
}
END_TEST

START_TEST(a_malformed_option_is_the_reason)
{
    uint8_t data[TCP_HEADER_LEN + 4];

    write_header(data, 6, SEG_SYN);
    memcpy(data + TCP_HEADER_LEN, "\2\3\1\1", 4);
    expect_dropped(data, sizeof(data), DROP_TCP_BAD_OPTION);
}
END_TEST

START_TEST(options_end_where_the_text_begins)
{
    uint8_t data[TCP_HEADER_LEN + 8];
    struct frame frame;

    write_header(data, 6, SEG_SYN);
    memcpy(data + TCP_HEADER_LEN, "\2\4\x05\xb4\3\3\7\0", 8);
    receive(&frame, data, sizeof(data));

    struct tcp_segment seg = expect_parsed(&frame);
    ck_assert(seg.options.has_mss);
    ck_assert_uint_eq(seg.options.mss, 1460);
    ck_assert(!seg.options.has_window_scale);
    ck_assert_uint_eq(seg.text_at, 24);
    ck_assert_uint_eq(seg.text_len, 4);
    free(frame.head);
}
END_TEST

/* Before it the device has put headers that are pulled by now, and after it
 * the rest of a large segment, in slices. */
START_TEST(text_begins_after_the_header_and_goes_on_in_the_slices)
{
    for (uint8_t offset = 5; offset <= 15; offset++) {
        uint8_t data[34 + MOST_HEADER + 4];
        size_t header_len = offset * 4u;
        struct frame frame;
        uint8_t text[9];

        memset(data, TCP_OPTION_NOP, sizeof(data));
        write_header(data + 34, offset, SEG_ACK);
        memcpy(data + 34 + header_len, "abcd", 4);
        receive(&frame, data, 34 + header_len + 4);
        frame_add_slice(&frame, bytes_of("ef", 2));
        frame_add_slice(&frame, bytes_of("ghi", 3));
        frame_pull(&frame, 34);

        struct tcp_segment seg = expect_parsed(&frame);
        ck_assert_uint_eq(seg.text_at, header_len);
        ck_assert_uint_eq(seg.text_len, 9);
        ck_assert_uint_eq(seg.len, 9);
        ck_assert_uint_eq(frame_copy(&frame, seg.text_at, text, 9), 9);
        ck_assert_mem_eq(text, "abcdefghi", 9);
        free(frame.head - 34);
    }
}
END_TEST

/* RFC 9293 3.3.1, 3.4: SYN and FIN take a number each, and no other flag. */
START_TEST(seg_len_counts_the_text_and_syn_and_fin)
{
    for (unsigned flags = 0; flags <= UINT8_MAX; flags++) {
        uint8_t data[TCP_HEADER_LEN + 3] = {0};
        uint32_t control =
            (flags & SEG_SYN ? 1 : 0) + (flags & SEG_FIN ? 1 : 0);
        struct frame frame;

        write_header(data, 5, (uint8_t)flags);
        receive(&frame, data, sizeof(data));

        struct tcp_segment seg = expect_parsed(&frame);
        ck_assert_uint_eq(seg.flags, flags);
        ck_assert_uint_eq(seg.text_len, 3);
        ck_assert_uint_eq(seg.len, 3 + control);
        ck_assert_uint_eq(segment_end(&seg), 0x01020304 + 3 + control);
        free(frame.head);
    }
}
END_TEST

START_TEST(the_end_of_a_segment_may_lie_beyond_the_wrap)
{
    struct tcp_segment seg = {.seq = 0xfffffffe, .len = 5};

    ck_assert_uint_eq(segment_end(&seg), 3);
}
END_TEST

/* RFC 9293 3.1: reserved bits are ignored, RFC 6093: the urgent pointer too */
START_TEST(reserved_bits_and_the_urgent_pointer_are_ignored)
{
    uint8_t data[TCP_HEADER_LEN];
    struct frame frame;

    write_header(data, 5, SEG_ACK | SEG_URG);
    data[TCP_DATA_OFFSET] |= 0x0f;
    put_be16(data + TCP_URGENT, 0xffff);
    receive(&frame, data, sizeof(data));

    struct tcp_segment seg = expect_parsed(&frame);
    ck_assert_uint_eq(seg.flags, SEG_ACK | SEG_URG);
    ck_assert_uint_eq(seg.text_len, 0);
    free(frame.head);
}
END_TEST

START_TEST(a_pushed_header_lies_before_the_text)
{
    struct tcp_segment seg = {.src_port = 0x0102,
                              .dst_port = 0x0304,
                              .seq = 0x05060708,
                              .ack = 0x090a0b0c,
                              .flags = SEG_ACK,
                              .wnd = 0x0d0e};
    struct frame frame;
    uint8_t packet[24];

    frame_init_output(&frame);
    memset(frame.store, 0xff, sizeof(frame.store));
    frame_add_slice(&frame, bytes_of("text", 4));
    tcp_segment_push(&frame, &seg);
    ck_assert_uint_eq(frame.head_len, 20);
    ck_assert_uint_eq(frame_copy(&frame, 0, packet, 24), 24);
    ck_assert_mem_eq(packet,
                     "\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x50\x10\x0d\x0e"
                     "\0\0\0\0text",
                     24);
}
END_TEST

static struct tcp_segment random_segment(struct random *random)
{
    uint32_t which = random_u32(random);
    struct tcp_segment seg = {.src_port = (uint16_t)random_u32(random),
                              .dst_port = (uint16_t)random_u32(random),
                              .seq = random_u32(random),
                              .ack = random_u32(random),
                              .flags = (uint8_t)random_u32(random),
                              .wnd = (uint16_t)random_u32(random)};

    seg.options.has_mss = which & 1;
    seg.options.has_window_scale = which & 2;
    seg.options.has_timestamps = which & 4;
    seg.options.mss = (which & 1) ? 1000 : 0;
    seg.options.window_scale = (which & 2) ? 9 : 0;
    seg.options.ts_val = (which & 4) ? random_u32(random) : 0;
    seg.options.ts_ecr = (which & 4) ? random_u32(random) : 0;
    return seg;
}

static void expect_same_header(const struct tcp_segment *a,
                               const struct tcp_segment *b)
{
    ck_assert_uint_eq(a->src_port, b->src_port);
    ck_assert_uint_eq(a->dst_port, b->dst_port);
    ck_assert_uint_eq(a->seq, b->seq);
    ck_assert_uint_eq(a->ack, b->ack);
    ck_assert_uint_eq(a->flags, b->flags);
    ck_assert_uint_eq(a->wnd, b->wnd);
    ck_assert_int_eq(a->options.has_mss, b->options.has_mss);
    ck_assert_int_eq(a->options.has_window_scale, b->options.has_window_scale);
    ck_assert_int_eq(a->options.has_timestamps, b->options.has_timestamps);
    ck_assert_uint_eq(a->options.mss, b->options.mss);
    ck_assert_uint_eq(a->options.window_scale, b->options.window_scale);
    ck_assert_uint_eq(a->options.ts_val, b->options.ts_val);
    ck_assert_uint_eq(a->options.ts_ecr, b->options.ts_ecr);
}

START_TEST(what_is_pushed_is_parsed_to_the_same)
{
    static const uint8_t text[3000];
    struct random random;

    random_init(&random, (struct hash_key){9, 10});
    for (int i = 0; i < 5000; i++) {
        struct tcp_segment pushed = random_segment(&random);
        size_t text_len = random_below(&random, sizeof(text));
        struct frame frame;

        frame_init_output(&frame);
        memset(frame.store, 0xff, sizeof(frame.store));
        frame_add_slice(&frame, bytes_of(text, text_len));
        tcp_segment_push(&frame, &pushed);
        ck_assert_uint_eq(get_be16(frame.head + TCP_CHECKSUM), 0);
        ck_assert_uint_eq(get_be16(frame.head + TCP_URGENT), 0);
        ck_assert_uint_eq(frame.head[TCP_DATA_OFFSET] & 0x0f, 0);

        struct tcp_segment parsed = expect_parsed(&frame);
        expect_same_header(&parsed, &pushed);
        ck_assert_uint_eq(parsed.text_at, frame.head_len);
        ck_assert_uint_eq(parsed.text_len, text_len);
    }
}
END_TEST

UNIT_MAIN("tcp_segment", every_field_of_a_header_is_read,
          less_than_a_header_is_too_short,
          a_data_offset_below_five_words_is_impossible,
          a_data_offset_beyond_the_segment_is_impossible,
          a_header_does_not_go_on_in_the_slices,
          a_malformed_option_is_the_reason, options_end_where_the_text_begins,
          text_begins_after_the_header_and_goes_on_in_the_slices,
          seg_len_counts_the_text_and_syn_and_fin,
          the_end_of_a_segment_may_lie_beyond_the_wrap,
          reserved_bits_and_the_urgent_pointer_are_ignored,
          a_pushed_header_lies_before_the_text,
          what_is_pushed_is_parsed_to_the_same)
