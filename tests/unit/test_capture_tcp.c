#include "tools/capture_tcp.h"

#include "unit.h"

#include <errno.h>

/* 192.0.2.1:1000 > 198.51.100.2:80, 5 bytes of text after these options. */
#define IPV4(total, flags_and_offset)                                          \
    "\x45\0\0" total "\0\0" flags_and_offset "\x40\6\0\0\300\0\2\1\306\63\144" \
    "\2"
#define TCP(offset, flags)                                                     \
    "\3\350\0\120\1\2\3\4\5\6\7\10" offset flags "\1\0\0\0\0\0"

static struct capture_tcp tcp;

static int parse_cut(const char *data, size_t len, size_t original_len)
{
    struct capture_record record = {.link_type = CAPTURE_LINK_RAW,
                                    .data = bytes_of(data, len),
                                    .original_len = original_len};

    tcp = (struct capture_tcp){0};
    return capture_tcp_parse(&record, &tcp);
}

/* All but the literal's NUL. */
#define PARSE(data) parse_cut(data, sizeof(data) - 1, sizeof(data) - 1)

START_TEST(a_segment_is_parsed)
{
    ck_assert_int_eq(PARSE(IPV4("\55", "\0\0") TCP("\120", "\30") "hello"), 0);
    ck_assert_uint_eq(ip_addr_to_v4(&tcp.src.addr), 0xc0000201);
    ck_assert_uint_eq(tcp.src.port, 1000);
    ck_assert_uint_eq(tcp.dst.port, 80);
    ck_assert_uint_eq(tcp.seq, 0x01020304);
    ck_assert_uint_eq(tcp.ack, 0x05060708);
    ck_assert_uint_eq(tcp.flags, CAPTURE_ACK | CAPTURE_PSH);
    ck_assert_uint_eq(tcp.wnd, 256);
    ck_assert_uint_eq(tcp.len, 5);
    ck_assert_int_eq(tcp.wscale, -1);
    ck_assert_uint_eq(tcp.mss, 0);
}
END_TEST

/* Ethernet pads short frames: what is after the packet is not text. */
START_TEST(padding_is_no_text)
{
    ck_assert_int_eq(PARSE(IPV4("\50", "\0\0") TCP("\120", "\20") "padded"), 0);
    ck_assert_uint_eq(tcp.len, 0);
}
END_TEST

START_TEST(options_are_parsed)
{
    ck_assert_int_eq(
        PARSE(IPV4("\74", "\0\0") TCP(
            "\240", "\2") "\2\4\5\264\4\2\10\12\0\0\0\7\0\0\0\11\1\3\3\7"),
        0);
    ck_assert_uint_eq(tcp.mss, 1460);
    ck_assert(tcp.sack_permitted);
    ck_assert(tcp.has_timestamp);
    ck_assert_uint_eq(tcp.ts_val, 7);
    ck_assert_uint_eq(tcp.ts_ecr, 9);
    ck_assert_int_eq(tcp.wscale, 7);
}
END_TEST

START_TEST(sack_blocks_are_parsed)
{
    ck_assert_int_eq(
        PARSE(IPV4("\74", "\0\0") TCP(
            "\240", "\20") "\1\1\5\22\0\0\0\1\0\0\0\2\0\0\0\5\0\0\0\6"),
        0);
    ck_assert_uint_eq(tcp.sack_count, 2);
    ck_assert_uint_eq(tcp.sack[0][0], 1);
    ck_assert_uint_eq(tcp.sack[0][1], 2);
    ck_assert_uint_eq(tcp.sack[1][0], 5);
    ck_assert_uint_eq(tcp.sack[1][1], 6);
}
END_TEST

/* tcpdump -s 40: the text is as long as IP says; options are what is left. */
START_TEST(a_capture_may_hold_headers_alone)
{
    static const char packet[] = IPV4("\74", "\0\0") TCP("\140", "\20");

    ck_assert_int_eq(parse_cut(packet, 40, 60), 0);
    ck_assert_uint_eq(tcp.len, 16);
}
END_TEST

/* What a host captures before its device has cut it: a length of 0. */
START_TEST(a_length_that_is_left_to_the_device_is_the_frames)
{
    ck_assert_int_eq(PARSE(IPV4("\0", "\0\0") TCP("\120", "\20") "hello"), 0);
    ck_assert_uint_eq(tcp.len, 5);
}
END_TEST

START_TEST(ipv6_with_extension_headers_is_parsed)
{
    ck_assert_int_eq(PARSE("\x60\0\0\0\0\36\0\x40"
                           "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                           "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2"
                           "\6\0\0\0\0\0\0\0" TCP("\120", "\20") "ab"),
                     0);
    ck_assert_uint_eq(tcp.src.addr.octet[15], 1);
    ck_assert_uint_eq(tcp.dst.addr.octet[15], 2);
    ck_assert_uint_eq(tcp.len, 2);
}
END_TEST

START_TEST(what_is_no_tcp_is_told_apart)
{
    ck_assert_int_eq(PARSE(IPV4("\55", "\0\1") TCP("\120", "\20") "hello"),
                     -EPROTONOSUPPORT); /* a later fragment */
    ck_assert_int_eq(PARSE("\x45\0\0\34\0\0\0\0\x40\21\0\0\300\0\2\1\300\0\2\2"
                           "\0\0\0\0\0\0\0\0"),
                     -EPROTONOSUPPORT); /* UDP */
}
END_TEST

/* No octet outside of what was captured is read, and no length is negative. */
START_TEST(headers_that_are_cut_are_bad)
{
    static const char packet[] =
        IPV4("\74", "\0\0") TCP("\240", "\2") "\2\4\5\264\4\2\10\12";

    for (size_t len = 0; len < 40; len++)
        ck_assert_int_eq(parse_cut(packet, len, 60), -EBADMSG);
    for (size_t len = 40; len <= 48; len++)
        ck_assert_int_eq(parse_cut(packet, len, 60), 0);
    ck_assert_int_eq(PARSE(IPV4("\47", "\0\0") TCP("\120", "\20")), -EBADMSG);
    ck_assert_int_eq(PARSE(IPV4("\50", "\0\0") TCP("\100", "\20")), -EBADMSG);
}
END_TEST

UNIT_MAIN("capture_tcp", a_segment_is_parsed, padding_is_no_text,
          options_are_parsed, sack_blocks_are_parsed,
          a_capture_may_hold_headers_alone,
          a_length_that_is_left_to_the_device_is_the_frames,
          ipv6_with_extension_headers_is_parsed, what_is_no_tcp_is_told_apart,
          headers_that_are_cut_are_bad)
