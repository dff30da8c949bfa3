#include "unit.h"

#include "base/checksum.h"
#include "netdev/whole.h"
#include "packets.h"

static uint8_t data[65535];

static uint8_t *tcp_of(struct packets *packets, unsigned i)
{
    return packets->data[i] + PACKET_ETH_LEN + 20;
}

static unsigned id_of(struct packets *packets, unsigned i)
{
    return get_be16(packets->data[i] + PACKET_ETH_LEN + 4);
}

static void remember_pointer(void *context, const uint8_t *packet, size_t len)
{
    const uint8_t **where = context;

    ck_assert_uint_eq(len, 3);
    *where = packet;
}

START_TEST(a_frame_that_is_whole_is_not_copied)
{
    uint8_t bytes[3] = {1, 2, 3};
    const uint8_t *seen = NULL;
    struct frame frame;

    frame_init_input(&frame, NULL, bytes, sizeof(bytes));
    frame_make_whole(NETDEV_ETHERNET, &frame, remember_pointer, &seen);
    ck_assert_ptr_eq(seen, bytes);
}
END_TEST

START_TEST(head_and_slices_become_one_piece_with_its_checksum)
{
    struct packets got = {0};
    struct frame frame;

    PACKET_BUILD(&frame, data, .payload = 1001, .flags = PACKET_ACK);
    frame_make_whole(NETDEV_ETHERNET, &frame, packets_add, &got);
    ck_assert_uint_eq(got.count, 1);
    ck_assert_uint_eq(got.len[0], PACKET_HEADERS_LEN + 1001);
    ck_assert(
        packet_checksums_are_right(NETDEV_ETHERNET, got.data[0], got.len[0]));
    ck_assert_mem_eq(got.data[0] + PACKET_HEADERS_LEN, data, 1001);
}
END_TEST

START_TEST(making_whole_leaves_the_frame_as_it_was)
{
    uint8_t head[PACKET_HEADERS_LEN];
    struct packets got = {0};
    struct frame frame;

    PACKET_BUILD(&frame, data, .payload = 3000, .gso_size = 1460);
    memcpy(head, frame.head, sizeof(head));
    frame_make_whole(NETDEV_ETHERNET, &frame, packets_add, &got);
    ck_assert_mem_eq(frame.head, head, sizeof(head));
    ck_assert_int_eq(frame.offload.checksum, FRAME_CHECKSUM_ABSENT);
}
END_TEST

START_TEST(a_super_segment_is_cut_into_segments_of_its_gso_size)
{
    struct packets got = {0};
    struct frame frame;

    PACKET_BUILD(&frame, data, .payload = 3000, .gso_size = 1460, .seq = 5000,
                 .id = 7, .flags = PACKET_ACK);
    frame_make_whole(NETDEV_ETHERNET, &frame, packets_add, &got);

    ck_assert_uint_eq(got.count, 3);
    ck_assert_uint_eq(got.len[0], PACKET_HEADERS_LEN + 1460);
    ck_assert_uint_eq(got.len[1], PACKET_HEADERS_LEN + 1460);
    ck_assert_uint_eq(got.len[2], PACKET_HEADERS_LEN + 80);
    ck_assert_uint_eq(get_be32(tcp_of(&got, 0) + 4), 5000);
    ck_assert_uint_eq(get_be32(tcp_of(&got, 1) + 4), 6460);
    ck_assert_uint_eq(get_be32(tcp_of(&got, 2) + 4), 7920);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(id_of(&got, i), 7 + i);
        ck_assert_uint_eq(get_be16(got.data[i] + PACKET_ETH_LEN + 2),
                          got.len[i] - PACKET_ETH_LEN);
        ck_assert(packet_checksums_are_right(NETDEV_ETHERNET, got.data[i],
                                             got.len[i]));
        ck_assert_mem_eq(got.data[i] + PACKET_HEADERS_LEN, data + 1460 * i,
                         got.len[i] - PACKET_HEADERS_LEN);
    }
}
END_TEST

START_TEST(psh_and_fin_stay_on_the_last_segment_and_cwr_on_the_first)
{
    struct packets got = {0};
    struct frame frame;

    PACKET_BUILD(&frame, data, .payload = 3000, .gso_size = 1000,
                 .flags = PACKET_CWR | PACKET_ACK | PACKET_PSH | PACKET_FIN);
    frame_make_whole(NETDEV_ETHERNET, &frame, packets_add, &got);

    ck_assert_uint_eq(got.count, 3);
    ck_assert_uint_eq(tcp_of(&got, 0)[13], PACKET_CWR | PACKET_ACK);
    ck_assert_uint_eq(tcp_of(&got, 1)[13], PACKET_ACK);
    ck_assert_uint_eq(tcp_of(&got, 2)[13],
                      PACKET_ACK | PACKET_PSH | PACKET_FIN);
}
END_TEST

START_TEST(sequence_numbers_and_ids_wrap)
{
    struct packets got = {0};
    struct frame frame;

    PACKET_BUILD(&frame, data, .payload = 2000, .gso_size = 1000,
                 .seq = 0xfffffe00, .id = 0xffff);
    frame_make_whole(NETDEV_ETHERNET, &frame, packets_add, &got);
    ck_assert_uint_eq(get_be32(tcp_of(&got, 1) + 4), 0x1e8);
    ck_assert_uint_eq(id_of(&got, 1), 0);
}
END_TEST

START_TEST(a_bare_ip_packet_is_cut_as_well)
{
    struct packets got = {0};
    struct frame frame;

    PACKET_BUILD(&frame, data, .type = NETDEV_IP, .payload = 1000,
                 .gso_size = 999);
    frame_make_whole(NETDEV_IP, &frame, packets_add, &got);
    ck_assert_uint_eq(got.count, 2);
    ck_assert_uint_eq(got.len[1], 41);
    ck_assert(packet_checksums_are_right(NETDEV_IP, got.data[0], got.len[0]));
    ck_assert(packet_checksums_are_right(NETDEV_IP, got.data[1], got.len[1]));
}
END_TEST

START_TEST(what_fits_one_segment_is_only_filled_in)
{
    struct packets got = {0};
    struct frame frame;

    PACKET_BUILD(&frame, data, .payload = 1460, .gso_size = 1460);
    frame_make_whole(NETDEV_ETHERNET, &frame, packets_add, &got);
    ck_assert_uint_eq(got.count, 1);
    ck_assert(
        packet_checksums_are_right(NETDEV_ETHERNET, got.data[0], got.len[0]));
}
END_TEST

static void count_bytes(void *context, const uint8_t *packet, size_t len)
{
    size_t *count = context;

    (void)packet;
    *count += len;
}

START_TEST(the_largest_packet_is_made_whole)
{
    enum { PAYLOAD = 65535 - 40 };
    struct frame frame;
    size_t count = 0;

    PACKET_BUILD(&frame, data, .payload = PAYLOAD);
    frame_make_whole(NETDEV_ETHERNET, &frame, count_bytes, &count);
    ck_assert_uint_eq(count, PACKET_HEADERS_LEN + PAYLOAD);

    count = 0;
    PACKET_BUILD(&frame, data, .payload = PAYLOAD, .gso_size = 1);
    frame_make_whole(NETDEV_ETHERNET, &frame, count_bytes, &count);
    ck_assert_uint_eq(count, (PACKET_HEADERS_LEN + 1) * PAYLOAD);
}
END_TEST

/* Two bytes of the headers lie: at which offset, and what they say. */
static const struct {
    size_t at;
    uint16_t value;
} lies[] = {
    {12, 0x86dd},                       /* EtherType */
    {PACKET_ETH_LEN, 0x4400},           /* IP header shorter than 20 bytes */
    {PACKET_ETH_LEN, 0x4f00},           /* or longer than the head */
    {PACKET_ETH_LEN, 0x6500},           /* version */
    {PACKET_ETH_LEN + 2, 1041},         /* total length beyond the frame */
    {PACKET_ETH_LEN + 2, 39},           /* or shorter than the headers */
    {PACKET_ETH_LEN + 8, 64 << 8 | 17}, /* protocol */
    {PACKET_ETH_LEN + 32, 0x4010},      /* TCP header shorter than 20 bytes */
    {PACKET_ETH_LEN + 32, 0xf010},      /* or longer than the head */
};

START_TEST(headers_that_lie_are_not_cut_by)
{
    for (size_t i = 0; i < ARRAY_LENGTH(lies); i++) {
        struct packets got = {0};
        struct frame frame;

        PACKET_BUILD(&frame, data, .payload = 1000, .gso_size = 100);
        put_be16(frame.head + lies[i].at, lies[i].value);
        frame_make_whole(NETDEV_ETHERNET, &frame, packets_add, &got);
        ck_assert_msg(got.count == 1, "lie %zu: cut into %u", i, got.count);
    }
}
END_TEST

START_TEST(a_frame_shorter_than_its_headers_is_not_cut)
{
    for (size_t len = 0; len < PACKET_HEADERS_LEN; len++) {
        struct packets got = {0};
        struct frame frame;

        PACKET_BUILD(&frame, data, .payload = 1000, .gso_size = 100);
        frame_trim(&frame, len);
        frame_make_whole(NETDEV_ETHERNET, &frame, packets_add, &got);
        ck_assert_uint_eq(got.count, 1);
        ck_assert_uint_eq(got.len[0], len);
    }
}
END_TEST

START_TEST(a_checksum_whose_place_is_not_in_the_frame_is_left)
{
    static const uint16_t backs[] = {5, 1, 0, 65535};

    for (size_t i = 0; i < ARRAY_LENGTH(backs); i++) {
        uint8_t bytes[20] = {0};
        uint8_t zeroes[20] = {0};
        struct packets got = {0};
        struct frame frame;

        frame_init_input(&frame, NULL, bytes, sizeof(bytes));
        frame.offload.checksum = FRAME_CHECKSUM_ABSENT;
        frame.offload.csum_back = backs[i];
        frame.offload.csum_offset = 16;
        frame_make_whole(NETDEV_IP, &frame, packets_add, &got);
        ck_assert_uint_eq(got.count, 1);
        ck_assert_mem_eq(got.data[0], zeroes, sizeof(zeroes));
    }
}
END_TEST

START_TEST(without_a_gso_size_nothing_is_cut)
{
    struct packets got = {0};
    struct frame frame;

    PACKET_BUILD(&frame, data, .payload = 1500, .gso_size = 100);
    frame.offload.gso_size = 0;
    frame_make_whole(NETDEV_ETHERNET, &frame, packets_add, &got);
    ck_assert_uint_eq(got.count, 1);
}
END_TEST

/* A bare IP packet with a UDP datagram of so many bytes, to be cut by 100. */
static void make_udp(uint8_t *packet, size_t payload, struct frame *frame)
{
    static const uint8_t head[28] = {
        0x45, [4] = 0, 7,    [8] = 64, 17,   [12] = 192, 0, 2, 2,    192, 0,
        2,    1,       0x10, 0,        0x20, 0,          0, 0, 0x12, 0x34};

    memcpy(packet, head, sizeof(head));
    put_be16(packet + 2, (uint16_t)(sizeof(head) + payload));
    put_be16(packet + 24, (uint16_t)(8 + payload));
    for (size_t i = 0; i < payload; i++)
        packet[sizeof(head) + i] = packet_pattern(i);
    frame_init_input(frame, NULL, packet, sizeof(head) + payload);
    frame->offload = (struct frame_offload){
        .checksum = FRAME_CHECKSUM_ABSENT,
        .csum_back = (uint16_t)(8 + payload),
        .csum_offset = 6,
        .gso = FRAME_GSO_UDP_L4,
        .gso_size = 100,
    };
}

static void expect_datagram(const struct packets *got, unsigned i, size_t from,
                            size_t len)
{
    static const uint8_t ends[] = {192, 0, 2, 2, 192, 0, 2, 1};
    const uint8_t *packet = got->data[i];
    struct ip_addr src = ip_addr_v4(get_be32(ends));
    struct ip_addr dst = ip_addr_v4(get_be32(ends + 4));
    struct checksum sum = {0};

    ck_assert_uint_eq(got->len[i], 28 + len);
    ck_assert_uint_eq(get_be16(packet + 2), 28 + len);
    ck_assert_uint_eq(get_be16(packet + 4), 7 + i);
    ck_assert_uint_eq(checksum_of(bytes_of(packet, 20)), 0);
    ck_assert_uint_eq(get_be16(packet + 24), 8 + len);
    checksum_add_pseudo(&sum, &src, &dst, 17, 8 + len);
    checksum_add(&sum, bytes_of(packet + 20, 8 + len));
    ck_assert_uint_eq(checksum_finish(&sum), 0);
    for (size_t j = 0; j < len; j++)
        ck_assert_uint_eq(packet[28 + j], packet_pattern(from + j));
}

START_TEST(datagrams_are_cut_each_with_its_length_and_checksum)
{
    uint8_t packet[28 + 250];
    struct packets got = {0};
    struct frame frame;

    make_udp(packet, 250, &frame);
    frame_make_whole(NETDEV_IP, &frame, packets_add, &got);
    ck_assert_uint_eq(got.count, 3);
    expect_datagram(&got, 0, 0, 100);
    expect_datagram(&got, 1, 100, 100);
    expect_datagram(&got, 2, 200, 50);
}
END_TEST

START_TEST(a_datagram_shorter_than_its_header_is_not_cut)
{
    for (size_t len = 0; len < 28; len++) {
        uint8_t packet[28 + 250];
        struct packets got = {0};
        struct frame frame;

        make_udp(packet, 250, &frame);
        put_be16(packet + 2, (uint16_t)len);
        frame_make_whole(NETDEV_IP, &frame, packets_add, &got);
        ck_assert_uint_eq(got.count, 1);
        ck_assert_uint_eq(got.len[0], sizeof(packet));
    }
}
END_TEST

UNIT_MAIN("whole", a_frame_that_is_whole_is_not_copied,
          head_and_slices_become_one_piece_with_its_checksum,
          making_whole_leaves_the_frame_as_it_was,
          a_super_segment_is_cut_into_segments_of_its_gso_size,
          psh_and_fin_stay_on_the_last_segment_and_cwr_on_the_first,
          sequence_numbers_and_ids_wrap, a_bare_ip_packet_is_cut_as_well,
          what_fits_one_segment_is_only_filled_in,
          the_largest_packet_is_made_whole, headers_that_lie_are_not_cut_by,
          a_frame_shorter_than_its_headers_is_not_cut,
          a_checksum_whose_place_is_not_in_the_frame_is_left,
          datagrams_are_cut_each_with_its_length_and_checksum,
          a_datagram_shorter_than_its_header_is_not_cut,
          without_a_gso_size_nothing_is_cut)
