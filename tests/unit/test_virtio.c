#include "unit.h"

#include "netdev/virtio.h"
#include "packets.h"

static uint8_t data[65535];

/* A frame of 100 bytes in one piece that came with this header. */
static struct frame parsed(const uint8_t header[VIRTIO_HEADER_LEN])
{
    struct frame frame;

    frame_init_input(&frame, NULL, data, 100);
    virtio_parse(header, &frame);
    return frame;
}

START_TEST(a_complete_frame_has_a_header_of_zeroes)
{
    uint8_t header[VIRTIO_HEADER_LEN];
    uint8_t zeroes[VIRTIO_HEADER_LEN] = {0};
    struct frame frame = packet_frame("x", 1);

    memset(header, 0xff, sizeof(header));
    virtio_emit(&frame, header);
    ck_assert_mem_eq(header, zeroes, sizeof(header));
}
END_TEST

/* OASIS virtio 1.2, 5.1.6: flags, gso_type, hdr_len, gso_size, csum_start,
 * csum_offset, little-endian. */
START_TEST(a_super_segment_is_described_as_the_standard_has_it)
{
    static const uint8_t expected[VIRTIO_HEADER_LEN] = {1,    1,  54, 0,  0xb4,
                                                        0x05, 34, 0,  16, 0};
    uint8_t header[VIRTIO_HEADER_LEN];
    struct frame frame;

    PACKET_BUILD(&frame, data, .payload = 5000, .gso_size = 1460);
    virtio_emit(&frame, header);
    ck_assert_mem_eq(header, expected, sizeof(header));
}
END_TEST

START_TEST(what_was_emitted_is_parsed_back)
{
    static uint8_t bytes[PACKET_HEADERS_LEN + 5000];
    uint8_t header[VIRTIO_HEADER_LEN];
    struct frame sent;
    struct frame got;

    PACKET_BUILD(&sent, data, .payload = 5000, .gso_size = 1460);
    virtio_emit(&sent, header);
    frame_init_input(&got, NULL, bytes, frame_copy(&sent, 0, bytes, 9999));
    virtio_parse(header, &got);
    ck_assert_int_eq(got.offload.checksum, FRAME_CHECKSUM_ABSENT);
    ck_assert_uint_eq(got.offload.csum_back, 20 + 5000);
    ck_assert_uint_eq(got.offload.csum_offset, 16);
    ck_assert_int_eq(got.offload.gso, FRAME_GSO_TCPV4);
    ck_assert_uint_eq(got.offload.gso_size, 1460);
}
END_TEST

START_TEST(data_that_was_checked_counts_as_verified)
{
    struct frame frame = parsed((uint8_t[VIRTIO_HEADER_LEN]){2});

    ck_assert_int_eq(frame.offload.checksum, FRAME_CHECKSUM_VERIFIED);
    ck_assert_int_eq(frame.offload.gso, FRAME_GSO_NONE);
}
END_TEST

START_TEST(a_checksum_outside_of_the_frame_is_not_believed)
{
    static const uint8_t headers[][VIRTIO_HEADER_LEN] = {
        {1, 0, 0, 0, 0, 0, 99, 0, 0, 0},      /* one byte is inside */
        {1, 0, 0, 0, 0, 0, 0, 0, 99, 0},      /* the same, by the offset */
        {1, 0, 0, 0, 0, 0, 101, 0, 0, 0},     /* beyond the end */
        {1, 0, 0, 0, 0, 0, 0xff, 0xff, 2, 0}, /* must not wrap */
        {1, 0, 0, 0, 0, 0, 34, 0, 0xff, 0xff},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(headers); i++)
        ck_assert_int_eq(parsed(headers[i]).offload.checksum,
                         FRAME_CHECKSUM_COMPLETE);
    ck_assert_int_eq(
        parsed((uint8_t[VIRTIO_HEADER_LEN]){1, [6] = 98}).offload.checksum,
        FRAME_CHECKSUM_ABSENT);
}
END_TEST

START_TEST(segmentation_that_is_not_known_is_no_segmentation)
{
    static const uint8_t types[] = {2, 3, 4, 6, 0x7f, 0x80, 0xff};

    for (size_t i = 0; i < sizeof(types); i++) {
        uint8_t header[VIRTIO_HEADER_LEN] = {0, types[i], [4] = 100};

        ck_assert_int_eq(parsed(header).offload.gso, FRAME_GSO_NONE);
        ck_assert_uint_eq(parsed(header).offload.gso_size, 0);
    }
}
END_TEST

/* Type 5, VIRTIO_NET_HDR_GSO_UDP_L4: a datagram that is many. */
START_TEST(datagrams_uncut_are_described_and_parsed_back)
{
    uint8_t header[VIRTIO_HEADER_LEN];
    struct frame frame;

    frame_init_input(&frame, NULL, data, 100);
    frame.offload.gso = FRAME_GSO_UDP_L4;
    frame.offload.gso_size = 0x1234;
    virtio_emit(&frame, header);
    ck_assert_uint_eq(header[1], 5);
    ck_assert_int_eq(parsed(header).offload.gso, FRAME_GSO_UDP_L4);
    ck_assert_uint_eq(parsed(header).offload.gso_size, 0x1234);
}
END_TEST

/* The bit beside the type says that CWR is on the first segment only. */
START_TEST(segmentation_with_ecn_is_segmentation)
{
    uint8_t header[VIRTIO_HEADER_LEN] = {0, 0x81, [4] = 100};

    ck_assert_int_eq(parsed(header).offload.gso, FRAME_GSO_TCPV4);
}
END_TEST

UNIT_MAIN("virtio", a_complete_frame_has_a_header_of_zeroes,
          a_super_segment_is_described_as_the_standard_has_it,
          what_was_emitted_is_parsed_back,
          data_that_was_checked_counts_as_verified,
          a_checksum_outside_of_the_frame_is_not_believed,
          datagrams_uncut_are_described_and_parsed_back,
          segmentation_that_is_not_known_is_no_segmentation,
          segmentation_with_ecn_is_segmentation)
