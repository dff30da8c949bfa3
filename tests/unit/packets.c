#include "packets.h"

#include "base/checksum.h"

#include <check.h>

enum { IP_LEN = 20, TCP_LEN = 20, PROTO_TCP = 6 };

static const uint8_t eth_header[PACKET_ETH_LEN] = {
    0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00};

/* 192.0.2.1 to 192.0.2.2, length, ID and checksum still 0. */
static const uint8_t ip_header[IP_LEN] = {
    0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2};

uint8_t packet_pattern(size_t i)
{
    return (uint8_t)(i * 7 + i / 256);
}

static uint16_t pseudo_sum(const uint8_t *ip, size_t tcp_len)
{
    struct checksum sum = {0};
    struct ip_addr src = ip_addr_v4(get_be32(ip + 12));
    struct ip_addr dst = ip_addr_v4(get_be32(ip + 16));

    checksum_add_pseudo(&sum, &src, &dst, PROTO_TCP, tcp_len);
    return checksum_fold(&sum);
}

static void push_tcp(struct frame *frame, const struct packet_spec *spec)
{
    uint8_t *tcp = frame_push(frame, TCP_LEN);

    memset(tcp, 0, TCP_LEN);
    put_be16(tcp, 1000);
    put_be16(tcp + 2, 80);
    put_be32(tcp + 4, spec->seq);
    tcp[12] = 5 << 4;
    tcp[13] = spec->flags;
    put_be16(tcp + 16, pseudo_sum(ip_header, TCP_LEN + spec->payload));
    frame_leave_checksum(frame, 16);
}

static void push_ip(struct frame *frame, const struct packet_spec *spec)
{
    uint8_t *ip = frame_push(frame, IP_LEN);

    memcpy(ip, ip_header, IP_LEN);
    ip[1] = spec->tos;
    put_be16(ip + 2, (uint16_t)(IP_LEN + TCP_LEN + spec->payload));
    put_be16(ip + 4, spec->id);
    put_be16(ip + 10, checksum_of(bytes_of(ip, IP_LEN)));
}

void packet_build(struct frame *frame, const struct packet_spec *spec,
                  uint8_t data[static 65535])
{
    size_t half = spec->payload / 2;

    for (size_t i = 0; i < spec->payload; i++)
        data[i] = packet_pattern(i);
    frame_init_output(frame);
    frame_add_slice(frame, bytes_of(data, half));
    frame_add_slice(frame, bytes_of(data + half, spec->payload - half));
    push_tcp(frame, spec);
    push_ip(frame, spec);
    if (spec->type == NETDEV_ETHERNET)
        memcpy(frame_push(frame, PACKET_ETH_LEN), eth_header, PACKET_ETH_LEN);
    if (spec->gso_size > 0) {
        frame->offload.gso = FRAME_GSO_TCPV4;
        frame->offload.gso_size = spec->gso_size;
    }
}

struct frame packet_frame(const void *data, size_t len)
{
    struct frame frame;

    frame_init_output(&frame);
    frame_add_slice(&frame, bytes_of(data, len));
    return frame;
}

void packets_add(void *context, const uint8_t *data, size_t len)
{
    struct packets *packets = context;

    ck_assert_uint_lt(packets->count, PACKETS_MAX);
    ck_assert_uint_le(len, PACKET_MAX);
    packets->len[packets->count] = len;
    memcpy(packets->data[packets->count], data, len);
    packets->count++;
}

void packets_receive(struct packets *packets, struct netdev *dev, usec now)
{
    struct frame frame;
    int status;

    while ((status = netdev_receive(dev, now, &frame)) == 1) {
        ck_assert_int_eq(frame.offload.checksum, FRAME_CHECKSUM_COMPLETE);
        ck_assert_int_eq(frame.offload.gso, FRAME_GSO_NONE);
        packets_add(packets, frame.head, frame.head_len);
    }
    ck_assert_int_eq(status, 0);
}

/* By the plain loop, which the code under test does not use. */
bool packet_checksums_are_right(enum netdev_type type, const uint8_t *data,
                                size_t len)
{
    size_t before = type == NETDEV_ETHERNET ? PACKET_ETH_LEN : 0;
    const uint8_t *ip = data + before;
    size_t tcp_len = len - before - IP_LEN;
    uint8_t summed[12 + PACKET_MAX];

    memcpy(summed, ip + 12, 8); /* the pseudo header of RFC 9293 3.1 */
    put_be16(summed + 8, PROTO_TCP);
    put_be16(summed + 10, (uint16_t)tcp_len);
    memcpy(summed + 12, ip + IP_LEN, tcp_len);
    return checksum_of_plain(bytes_of(ip, IP_LEN)) == 0 &&
           checksum_of_plain(bytes_of(summed, 12 + tcp_len)) == 0;
}
