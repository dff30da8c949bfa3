#include "unit.h"

#include "netdev/ecn_mark.h"
#include "packets.h"

static uint8_t data[65535];

enum { NOT_ECT = 0, ECT_1 = 1, ECT_0 = 2, CE = 3, LEN = 40 };

/* A bare IP packet without payload; `codepoint` beside a DSCP. */
static void make_packet(uint8_t packet[static LEN], uint8_t codepoint)
{
    struct frame frame;

    PACKET_BUILD(&frame, data, .type = NETDEV_IP, .tos = 0xb8 | codepoint);
    frame_fill_checksum(&frame);
    ck_assert_uint_eq(frame_copy(&frame, 0, packet, LEN), LEN);
}

START_TEST(who_is_capable_gets_the_mark_and_a_checksum_that_is_right)
{
    uint8_t packet[LEN];

    for (uint8_t codepoint = ECT_1; codepoint <= ECT_0; codepoint++) {
        make_packet(packet, codepoint);
        ck_assert(ecn_mark(NETDEV_IP, packet, sizeof(packet)));
        ck_assert_uint_eq(packet[1], 0xb8 | CE);
        ck_assert(packet_checksums_are_right(NETDEV_IP, packet, LEN));
    }
}
END_TEST

START_TEST(who_is_not_capable_and_who_has_the_mark_stays_as_it_is)
{
    static const uint8_t codepoints[] = {NOT_ECT, CE};
    uint8_t packet[LEN];
    uint8_t before[LEN];

    for (size_t i = 0; i < ARRAY_LENGTH(codepoints); i++) {
        make_packet(packet, codepoints[i]);
        memcpy(before, packet, LEN);
        ck_assert(!ecn_mark(NETDEV_IP, packet, sizeof(packet)));
        ck_assert_mem_eq(packet, before, LEN);
    }
}
END_TEST

START_TEST(behind_an_ethernet_header_the_packet_is_found)
{
    uint8_t frame[14 + LEN] = {[12] = 0x08, [13] = 0x00};

    make_packet(frame + 14, ECT_0);
    ck_assert(ecn_mark(NETDEV_ETHERNET, frame, sizeof(frame)));
    ck_assert_uint_eq(frame[15], 0xb8 | CE);
    ck_assert(packet_checksums_are_right(NETDEV_ETHERNET, frame, 14 + LEN));
}
END_TEST

START_TEST(what_is_not_ipv4_is_left_alone)
{
    uint8_t frame[14 + LEN] = {[12] = 0x08, [13] = 0x06};

    make_packet(frame + 14, ECT_0);
    ck_assert(!ecn_mark(NETDEV_ETHERNET, frame, sizeof(frame)));
    frame[13] = 0;
    frame[14] = 0x65;
    ck_assert(!ecn_mark(NETDEV_ETHERNET, frame, sizeof(frame)));
    frame[14] = 0x45;
    for (size_t len = 0; len < 14 + 20; len++)
        ck_assert(!ecn_mark(NETDEV_ETHERNET, frame, len));
    for (size_t len = 0; len < 20; len++)
        ck_assert(!ecn_mark(NETDEV_IP, frame + 14, len));
    ck_assert(ecn_mark(NETDEV_ETHERNET, frame, 14 + 20));
}
END_TEST

/* RFC 1624 3: also where the sum wraps. */
START_TEST(the_checksum_is_right_whatever_the_header_is)
{
    for (unsigned id = 0; id <= UINT16_MAX; id++) {
        uint8_t packet[LEN];
        struct frame frame;

        PACKET_BUILD(&frame, data, .type = NETDEV_IP, .tos = ECT_0,
                     .id = (uint16_t)id);
        frame_fill_checksum(&frame);
        frame_copy(&frame, 0, packet, LEN);
        ck_assert(ecn_mark(NETDEV_IP, packet, LEN));
        if (!packet_checksums_are_right(NETDEV_IP, packet, LEN))
            ck_abort_msg("wrong with id %u", id);
    }
}
END_TEST

/* Who comes after must still see that the header was damaged. */
START_TEST(a_wrong_checksum_stays_wrong)
{
    uint8_t packet[LEN];

    make_packet(packet, ECT_0);
    packet[8] ^= 1;
    ck_assert(ecn_mark(NETDEV_IP, packet, LEN));
    ck_assert(!packet_checksums_are_right(NETDEV_IP, packet, LEN));
}
END_TEST

UNIT_MAIN("ecn_mark", who_is_capable_gets_the_mark_and_a_checksum_that_is_right,
          who_is_not_capable_and_who_has_the_mark_stays_as_it_is,
          behind_an_ethernet_header_the_packet_is_found,
          what_is_not_ipv4_is_left_alone,
          the_checksum_is_right_whatever_the_header_is,
          a_wrong_checksum_stays_wrong)
