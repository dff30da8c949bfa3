#include "tools/capture_link.h"

#include "unit.h"

#include <errno.h>

/* Headers as the links have them; the packet begins with an IP version. */
static struct capture_packet packet;

static int parse(uint32_t link_type, const char *data, size_t len)
{
    struct capture_record record = {.link_type = link_type,
                                    .data = bytes_of(data, len)};

    packet = (struct capture_packet){0};
    return capture_link_parse(&record, &packet);
}

/* Of an array of characters; its NUL is the last octet of the packet. */
#define EXPECT(link_type, header, type, packet_len)                            \
    do {                                                                       \
        ck_assert_int_eq(parse(link_type, header, sizeof(header)), 0);         \
        ck_assert_uint_eq(packet.ether_type, type);                            \
        ck_assert_uint_eq(packet.data.len, packet_len);                        \
    } while (0)

#define ETHERNET "\1\2\3\4\5\6\1\2\3\4\5\6"

START_TEST(ethernet_and_its_vlan_tags_are_passed)
{
    EXPECT(CAPTURE_LINK_ETHERNET, ETHERNET "\x08\x00\x45", 0x0800, 2);
    EXPECT(CAPTURE_LINK_ETHERNET, ETHERNET "\x08\x06", 0x0806, 1);
    EXPECT(CAPTURE_LINK_ETHERNET, ETHERNET "\x81\x00\x00\x07\x86\xdd\x60",
           0x86dd, 2);
    EXPECT(CAPTURE_LINK_ETHERNET,
           ETHERNET "\x88\xa8\x00\x07\x81\x00\x00\x07\x08\x00\x45", 0x0800, 2);
}
END_TEST

START_TEST(bare_ip_tells_its_version)
{
    EXPECT(CAPTURE_LINK_RAW, "\x45", 0x0800, 2);
    EXPECT(CAPTURE_LINK_RAW, "\x60", 0x86dd, 2);
    EXPECT(CAPTURE_LINK_IPV4, "\x45", 0x0800, 2);
    ck_assert_int_eq(parse(CAPTURE_LINK_RAW, "\x50", 1), -EPROTONOSUPPORT);
}
END_TEST

START_TEST(cooked_captures_tell_the_direction)
{
    EXPECT(CAPTURE_LINK_SLL, "\0\4\0\1\0\6......\0\0\x08\x00\x45", 0x0800, 2);
    ck_assert_int_eq(packet.direction, CAPTURE_OUT);
    EXPECT(CAPTURE_LINK_SLL, "\0\0\0\1\0\6......\0\0\x08\x00\x45", 0x0800, 2);
    ck_assert_int_eq(packet.direction, CAPTURE_IN);
    EXPECT(CAPTURE_LINK_SLL2, "\x86\xdd\0\0\0\0\0\1\0\1\4\6........\x60",
           0x86dd, 2);
    ck_assert_int_eq(packet.direction, CAPTURE_OUT);
}
END_TEST

START_TEST(loopback_tells_a_family_in_any_byte_order)
{
    EXPECT(CAPTURE_LINK_NULL, "\2\0\0\0\x45", 0x0800, 2);
    EXPECT(CAPTURE_LINK_NULL, "\0\0\0\2\x45", 0x0800, 2);
    EXPECT(CAPTURE_LINK_LOOP, "\0\0\0\36\x60", 0x86dd, 2);
    EXPECT(CAPTURE_LINK_NULL, "\12\0\0\0\x60", 0x86dd, 2);
    ck_assert_int_eq(parse(CAPTURE_LINK_LOOP, "\0\0\0\7", 4), -EPROTONOSUPPORT);
}
END_TEST

START_TEST(a_header_that_is_cut_is_bad)
{
    static const struct {
        uint32_t link_type;
        size_t len;
    } headers[] = {{CAPTURE_LINK_ETHERNET, 14},
                   {CAPTURE_LINK_RAW, 1},
                   {CAPTURE_LINK_NULL, 4},
                   {CAPTURE_LINK_SLL, 16},
                   {CAPTURE_LINK_SLL2, 20}};
    static const char zeros[32];

    for (size_t i = 0; i < ARRAY_LENGTH(headers); i++)
        for (size_t len = 0; len < headers[i].len; len++)
            ck_assert_int_eq(parse(headers[i].link_type, zeros, len), -EBADMSG);
    ck_assert_int_eq(parse(CAPTURE_LINK_ETHERNET, ETHERNET "\x81\x00\0\1", 16),
                     -EBADMSG);
    ck_assert_int_eq(parse(147, zeros, 32), -EPROTONOSUPPORT);
}
END_TEST

UNIT_MAIN("capture_link", ethernet_and_its_vlan_tags_are_passed,
          bare_ip_tells_its_version, cooked_captures_tell_the_direction,
          loopback_tells_a_family_in_any_byte_order,
          a_header_that_is_cut_is_bad)
