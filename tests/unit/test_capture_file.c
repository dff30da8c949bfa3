#define _GNU_SOURCE /* memfd_create */
#include "tools/capture_file.h"

#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CONTENT_MAX = 65536 };

/* A capture that is written by hand, octet by octet. */
struct content {
    bool big;
    size_t len;
    size_t block; /* where the block in hand begins */
    uint8_t data[CONTENT_MAX];
};

static void put(struct content *c, const void *data, size_t len)
{
    ck_assert_uint_le(c->len + len, CONTENT_MAX);
    memcpy(c->data + c->len, data, len);
    c->len += len;
}

static void set(const struct content *c, uint8_t *at, uint64_t value,
                unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        at[c->big ? len - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

static void put_number(struct content *c, uint64_t value, unsigned len)
{
    uint8_t octets[8];

    set(c, octets, value, len);
    put(c, octets, len);
}

static void u16(struct content *c, uint64_t value)
{
    put_number(c, value, 2);
}

static void u32(struct content *c, uint64_t value)
{
    put_number(c, value, 4);
}

static void pad(struct content *c)
{
    while (c->len % 4 != 0)
        put(c, "", 1);
}

static void pcap_header(struct content *c, uint32_t magic, uint32_t link_type)
{
    u32(c, magic);
    u16(c, 2);
    u16(c, 4);
    u32(c, 0);
    u32(c, 0);
    u32(c, 65535);
    u32(c, link_type);
}

static void pcap_record(struct content *c, uint32_t seconds, uint32_t fraction,
                        const char *text, uint32_t original)
{
    u32(c, seconds);
    u32(c, fraction);
    u32(c, strlen(text));
    u32(c, original);
    put(c, text, strlen(text));
}

static void begin_block(struct content *c, uint32_t type)
{
    c->block = c->len;
    u32(c, type);
    u32(c, 0);
}

static void end_block(struct content *c)
{
    size_t len = c->len - c->block + 4;

    set(c, c->data + c->block + 4, len, 4);
    u32(c, len);
}

static void option(struct content *c, unsigned code, const void *value,
                   size_t len)
{
    u16(c, code);
    u16(c, len);
    put(c, value, len);
    pad(c);
}

static void section(struct content *c)
{
    begin_block(c, 0x0a0d0d0a);
    u32(c, 0x1a2b3c4d);
    u16(c, 1);
    u16(c, 0);
    put_number(c, UINT64_MAX, 8); /* of unknown length */
    end_block(c);
}

static void begin_interface(struct content *c, unsigned link_type,
                            uint32_t snap_len)
{
    begin_block(c, 1);
    u16(c, link_type);
    u16(c, 0);
    u32(c, snap_len);
}

static void interface(struct content *c, unsigned link_type)
{
    begin_interface(c, link_type, 0);
    end_block(c);
}

static void begin_packet(struct content *c, uint32_t number, uint64_t ticks,
                         const char *text, uint32_t original)
{
    begin_block(c, 6);
    u32(c, number);
    u32(c, ticks >> 32);
    u32(c, ticks & UINT32_MAX);
    u32(c, strlen(text));
    u32(c, original);
    put(c, text, strlen(text));
    pad(c);
}

static void packet(struct content *c, uint32_t number, uint64_t ticks,
                   const char *text)
{
    begin_packet(c, number, ticks, text, (uint32_t)strlen(text));
    end_block(c);
}

/* The descriptor is the caller's, so that a test may ask what was read. */
static int open_content(const struct content *c, struct capture_file **file)
{
    char path[64];
    int fd = memfd_create("capture", MFD_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, c->data, c->len), (ssize_t)c->len);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int r = capture_file_open(path, file);
    close(fd);
    return r;
}

static struct capture_file *opened(const struct content *c)
{
    struct capture_file *file;

    ck_assert_int_eq(open_content(c, &file), 0);
    return file;
}

static struct capture_record next(struct capture_file *file)
{
    struct capture_record record;

    ck_assert_int_eq(capture_file_next(file, &record), 1);
    return record;
}

static void expect_text(const struct capture_record *record, const char *text)
{
    ck_assert_uint_eq(record->data.len, strlen(text));
    ck_assert_mem_eq(record->data.data, text, strlen(text));
}

/* Each later call must say the same, and none may crash. */
static void expect_end(struct capture_file *file, int status)
{
    struct capture_record record;

    ck_assert_int_eq(capture_file_next(file, &record), status);
    if (status < 0)
        ck_assert_int_eq(capture_file_next(file, &record), status);
    capture_file_close(file);
}

/* ---- pcap --------------------------------------------------------------- */

START_TEST(pcap_is_read_in_either_byte_order)
{
    for (int big = 0; big <= 1; big++) {
        struct content c = {.big = big};

        pcap_header(&c, 0xa1b2c3d4, 1);
        pcap_record(&c, 1000000000, 999999, "one", 3);
        pcap_record(&c, 4000000000, 0, "two and", 1500);
        struct capture_file *file = opened(&c);

        struct capture_record record = next(file);
        expect_text(&record, "one");
        ck_assert_uint_eq(record.number, 1);
        ck_assert(record.has_time);
        ck_assert_int_eq(record.time, 1000000000999999);
        ck_assert_uint_eq(record.nsec, 0);
        ck_assert_uint_eq(record.link_type, 1);
        ck_assert_uint_eq(record.original_len, 3);
        ck_assert_int_eq(record.direction, CAPTURE_UNTOLD);
        ck_assert_ptr_null(record.comment);

        record = next(file);
        expect_text(&record, "two and");
        ck_assert_uint_eq(record.number, 2);
        ck_assert_int_eq(record.time, 4000000000000000);
        ck_assert_uint_eq(record.original_len, 1500);
        expect_end(file, 0);
    }
}
END_TEST

START_TEST(pcap_may_count_nanoseconds)
{
    for (int big = 0; big <= 1; big++) {
        struct content c = {.big = big};

        pcap_header(&c, 0xa1b23c4d, 101);
        pcap_record(&c, 1, 123456789, "x", 1);
        struct capture_file *file = opened(&c);
        struct capture_record record = next(file);
        ck_assert_int_eq(record.time, 1123456);
        ck_assert_uint_eq(record.nsec, 789);
        ck_assert_uint_eq(record.link_type, 101);
        expect_end(file, 0);
    }
}
END_TEST

/* The length of a frame check sequence stands in the upper bits. */
START_TEST(a_link_type_is_sixteen_bits)
{
    struct content c = {0};

    pcap_header(&c, 0xa1b2c3d4, 0x24000001);
    pcap_record(&c, 1, 1, "x", 1);
    struct capture_file *file = opened(&c);
    ck_assert_uint_eq(next(file).link_type, 1);
    expect_end(file, 0);
}
END_TEST

START_TEST(what_is_no_capture_is_not_opened)
{
    static const char *const texts[] = {
        "", "\xa1\xb2", "#!/bin/sh\necho this is a script of two lines\n",
        "\xa1\xb2\xc3\xd4 cut", "\n\r\r\n cut"};
    struct capture_file *file;

    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct content c = {0};

        put(&c, texts[i], strlen(texts[i]));
        ck_assert_int_eq(open_content(&c, &file), -EBADMSG);
    }
    ck_assert_int_eq(capture_file_open("/nonexistent/file", &file), -ENOENT);
}
END_TEST

START_TEST(a_file_that_is_cut_says_so)
{
    struct content c = {0};

    pcap_header(&c, 0xa1b2c3d4, 1);
    pcap_record(&c, 1, 1, "whole", 5);
    pcap_record(&c, 1, 1, "cut", 3);
    for (size_t cut = 1; cut < 16 + 3; cut++) {
        struct content part = c;

        part.len -= cut;
        struct capture_file *file = opened(&part);
        next(file);
        expect_end(file, -ENODATA);
    }
}
END_TEST

START_TEST(a_length_beyond_all_packets_is_not_believed)
{
    struct content c = {0};

    pcap_header(&c, 0xa1b2c3d4, 1);
    pcap_record(&c, 1, 1, "", 0);
    set(&c, c.data + c.len - 8, CAPTURE_PACKET_MAX + 1, 4);
    expect_end(opened(&c), -EBADMSG);
}
END_TEST

/* ---- pcapng ------------------------------------------------------------- */

START_TEST(pcapng_is_read_in_either_byte_order)
{
    for (int big = 0; big <= 1; big++) {
        struct content c = {.big = big};

        section(&c);
        interface(&c, 1);
        interface(&c, 101);
        packet(&c, 0, 1000000000999999, "one");
        packet(&c, 1, 2, "two...");
        struct capture_file *file = opened(&c);

        struct capture_record record = next(file);
        expect_text(&record, "one");
        ck_assert(record.has_time);
        ck_assert_int_eq(record.time, 1000000000999999);
        ck_assert_uint_eq(record.link_type, 1);
        ck_assert_uint_eq(record.interface, 0);

        record = next(file);
        expect_text(&record, "two...");
        ck_assert_uint_eq(record.number, 2);
        ck_assert_uint_eq(record.interface, 1);
        ck_assert_uint_eq(record.link_type, 101);
        expect_end(file, 0);
    }
}
END_TEST

/* One packet of an interface with these two options. */
static struct capture_record timed(uint8_t resolution, int64_t offset,
                                   uint64_t ticks)
{
    struct content c = {0};
    uint8_t octets[8];

    section(&c);
    begin_interface(&c, 1, 0);
    option(&c, 2, "tap0", 4);
    option(&c, 9, &resolution, 1);
    set(&c, octets, (uint64_t)offset, 8);
    option(&c, 14, octets, 8);
    option(&c, 0, "", 0);
    end_block(&c);
    packet(&c, 0, ticks, "x");

    struct capture_file *file = opened(&c);
    struct capture_record record = next(file);
    expect_end(file, 0);
    return record;
}

START_TEST(timestamps_have_the_unit_and_offset_of_their_interface)
{
    struct capture_record record = timed(9, 0, 1123456789);
    ck_assert_int_eq(record.time, 1123456);
    ck_assert_uint_eq(record.nsec, 789);

    record = timed(3, 100, 2500);
    ck_assert_int_eq(record.time, 102500000);

    record = timed(6, -1, 3000001);
    ck_assert_int_eq(record.time, 2000001);

    record = timed(12, 0, 1123456789012); /* picoseconds */
    ck_assert_int_eq(record.time, 1123456);
    ck_assert_uint_eq(record.nsec, 789);

    record = timed(0x80 | 20, 0, 3 << 19); /* 2^-20: one and a half */
    ck_assert_int_eq(record.time, 1500000);

    record = timed(0x80 | 63, 0, (uint64_t)3 << 62); /* the same */
    ck_assert_int_eq(record.time, 1500000);
}
END_TEST

START_TEST(comments_and_direction_are_read)
{
    for (int big = 0; big <= 1; big++) {
        struct content c = {.big = big};
        uint8_t flags[4];

        section(&c);
        interface(&c, 1);
        begin_packet(&c, 0, 5, "text", 4);
        option(&c, 1, "dropped", 7);
        set(&c, flags, 1, 4);
        option(&c, 2, flags, 4);
        option(&c, 77, "what nobody knows", 17);
        option(&c, 1, "TCP_NO_CONNECTION", 17);
        option(&c, 0, "", 0);
        end_block(&c);
        begin_packet(&c, 0, 5, "text", 4);
        set(&c, flags, 2, 4);
        option(&c, 2, flags, 4);
        end_block(&c); /* the end of the options need not be told */

        struct capture_file *file = opened(&c);
        struct capture_record record = next(file);
        expect_text(&record, "text");
        ck_assert_str_eq(record.comment, "dropped\nTCP_NO_CONNECTION");
        ck_assert_int_eq(record.direction, CAPTURE_IN);
        record = next(file);
        ck_assert_ptr_null(record.comment);
        ck_assert_int_eq(record.direction, CAPTURE_OUT);
        expect_end(file, 0);
    }
}
END_TEST

START_TEST(unknown_blocks_are_passed_over)
{
    static const uint8_t zeros[10000];
    struct content c = {0};

    section(&c);
    begin_block(&c, 0x0bad);
    put(&c, zeros, sizeof(zeros));
    end_block(&c);
    interface(&c, 1);
    begin_block(&c, 5); /* interface statistics */
    put(&c, zeros, 12);
    end_block(&c);
    packet(&c, 0, 1, "x");

    struct capture_file *file = opened(&c);
    ck_assert_uint_eq(next(file).number, 1);
    expect_end(file, 0);
}
END_TEST

/* Interfaces are numbered within their section, which has its byte order. */
START_TEST(a_section_begins_anew)
{
    struct content c = {.big = true};

    section(&c);
    interface(&c, 1);
    packet(&c, 0, 1, "x");
    c.big = false;
    section(&c);
    interface(&c, 101);
    packet(&c, 0, 2, "y");
    section(&c);
    packet(&c, 0, 3, "of no interface");

    struct capture_file *file = opened(&c);
    ck_assert_uint_eq(next(file).link_type, 1);
    ck_assert_uint_eq(next(file).link_type, 101);
    expect_end(file, -EBADMSG);
}
END_TEST

START_TEST(a_simple_packet_has_no_time_and_the_interfaces_limit)
{
    struct content c = {0};

    section(&c);
    begin_interface(&c, 1, 5);
    end_block(&c);
    begin_block(&c, 3);
    u32(&c, 1000);
    put(&c, "12345", 5);
    pad(&c);
    end_block(&c);

    struct capture_file *file = opened(&c);
    struct capture_record record = next(file);
    expect_text(&record, "12345");
    ck_assert_uint_eq(record.original_len, 1000);
    ck_assert(!record.has_time);
    expect_end(file, 0);
}
END_TEST

START_TEST(an_obsolete_packet_block_is_read)
{
    struct content c = {0};

    section(&c);
    interface(&c, 101);
    begin_block(&c, 2);
    u16(&c, 0);
    u16(&c, 7); /* dropped before it */
    u32(&c, 0);
    u32(&c, 42);
    u32(&c, 3);
    u32(&c, 60);
    put(&c, "old", 3);
    pad(&c);
    option(&c, 1, "why", 3);
    end_block(&c);

    struct capture_file *file = opened(&c);
    struct capture_record record = next(file);
    expect_text(&record, "old");
    ck_assert_int_eq(record.time, 42);
    ck_assert_uint_eq(record.link_type, 101);
    ck_assert_str_eq(record.comment, "why");
    expect_end(file, 0);
}
END_TEST

/* The same file with one word in it changed, or cut. */
static int read_changed(const struct content *c, size_t at, uint32_t value)
{
    struct content changed = *c;
    struct capture_record record;
    struct capture_file *file;

    set(&changed, changed.data + at, value, 4);
    int r = open_content(&changed, &file);
    if (r < 0)
        return r;
    do
        r = capture_file_next(file, &record);
    while (r == 1);
    capture_file_close(file);
    return r;
}

START_TEST(damaged_lengths_are_found)
{
    struct content c = {0};

    section(&c);
    interface(&c, 1);
    begin_packet(&c, 0, 1, "text", 4);
    option(&c, 1, "why", 3);
    end_block(&c);

    size_t begin = c.block;
    ck_assert_int_eq(read_changed(&c, begin, 6), 0); /* as it is */

    static const uint32_t lengths[] = {0, 8, 13, 28, 45, CAPTURE_BLOCK_MAX + 4};
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++)
        ck_assert_int_eq(read_changed(&c, begin + 4, lengths[i]), -EBADMSG);
    ck_assert_int_eq(read_changed(&c, begin + 4, CAPTURE_BLOCK_MAX), -ENODATA);
    ck_assert_int_eq(read_changed(&c, c.len - 4, 8), -EBADMSG);
    ck_assert_int_eq(read_changed(&c, begin + 8, 1), -EBADMSG); /* interface */
    ck_assert_int_eq(read_changed(&c, begin + 20, 13), -EBADMSG); /* captured */
    ck_assert_int_eq(read_changed(&c, begin + 20, UINT32_MAX), -EBADMSG);
    ck_assert_int_eq(read_changed(&c, begin + 32, 1 | 5 << 16), -EBADMSG);
    ck_assert_int_eq(read_changed(&c, 8, 0), -EBADMSG);  /* no byte order */
    ck_assert_int_eq(read_changed(&c, 12, 2), -EBADMSG); /* version 2 */
}
END_TEST

UNIT_MAIN("capture_file", pcap_is_read_in_either_byte_order,
          pcap_may_count_nanoseconds, a_link_type_is_sixteen_bits,
          what_is_no_capture_is_not_opened, a_file_that_is_cut_says_so,
          a_length_beyond_all_packets_is_not_believed,
          pcapng_is_read_in_either_byte_order,
          timestamps_have_the_unit_and_offset_of_their_interface,
          comments_and_direction_are_read, unknown_blocks_are_passed_over,
          a_section_begins_anew,
          a_simple_packet_has_no_time_and_the_interfaces_limit,
          an_obsolete_packet_block_is_read, damaged_lengths_are_found)
