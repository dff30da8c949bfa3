/*
 * The virtio header to and from a frame's offload facts. It is little-endian
 * here, as version 1 of the standard has it.
 *
 * Left out on purpose: segmentation of TCP over IPv6, which the stack does not
 * build, and UDP's by fragments; such a frame passes as one packet.
 */
#include "netdev/virtio.h"

#include <string.h>

/* OASIS virtio 1.2, 5.1.6: struct virtio_net_hdr without num_buffers */
enum {
    VIRTIO_FLAGS = 0,
    VIRTIO_GSO_TYPE = 1,
    VIRTIO_HDR_LEN = 2,
    VIRTIO_GSO_SIZE = 4,
    VIRTIO_CSUM_START = 6,
    VIRTIO_CSUM_OFFSET = 8
};

enum {
    VIRTIO_F_NEEDS_CSUM = 1,
    VIRTIO_F_DATA_VALID = 2,
    VIRTIO_GSO_TCPV4 = 1,
    VIRTIO_GSO_UDP_L4 = 5,
    VIRTIO_GSO_ECN = 0x80 /* beside a type: CWR is the first segment's. None
                             is sent, as the stack cuts there itself */
};

static uint16_t get_le16(const uint8_t *at)
{
    return (uint16_t)((unsigned)at[1] << 8 | at[0]);
}

static void put_le16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

void virtio_emit(const struct frame *frame,
                 uint8_t header[static VIRTIO_HEADER_LEN])
{
    const struct frame_offload *offload = &frame->offload;

    memset(header, 0, VIRTIO_HEADER_LEN);
    if (offload->checksum == FRAME_CHECKSUM_ABSENT) {
        header[VIRTIO_FLAGS] = VIRTIO_F_NEEDS_CSUM;
        put_le16(header + VIRTIO_CSUM_START,
                 (uint16_t)(frame->head_len - offload->csum_back));
        put_le16(header + VIRTIO_CSUM_OFFSET, offload->csum_offset);
    }
    if (offload->gso == FRAME_GSO_TCPV4 || offload->gso == FRAME_GSO_UDP_L4) {
        header[VIRTIO_GSO_TYPE] = offload->gso == FRAME_GSO_TCPV4
                                      ? VIRTIO_GSO_TCPV4
                                      : VIRTIO_GSO_UDP_L4;
        put_le16(header + VIRTIO_GSO_SIZE, offload->gso_size);
        put_le16(header + VIRTIO_HDR_LEN, (uint16_t)frame->head_len);
    }
}

/*
 * From this very machine: only the pseudo header's sum is in the packet. An
 * offset that does not fit is not believed, and the checksum is verified as any
 * other.
 */
static void take_absent_checksum(const uint8_t *header, struct frame *frame)
{
    size_t start = get_le16(header + VIRTIO_CSUM_START);
    size_t offset = get_le16(header + VIRTIO_CSUM_OFFSET);

    if (start + offset + 2 > frame->head_len ||
        frame->head_len - start > UINT16_MAX)
        return;
    frame->offload.checksum = FRAME_CHECKSUM_ABSENT;
    frame->offload.csum_back = (uint16_t)(frame->head_len - start);
    frame->offload.csum_offset = (uint16_t)offset;
}

void virtio_parse(const uint8_t header[static VIRTIO_HEADER_LEN],
                  struct frame *frame)
{
    unsigned flags = header[VIRTIO_FLAGS];

    if ((flags & VIRTIO_F_NEEDS_CSUM) != 0)
        take_absent_checksum(header, frame);
    else if ((flags & VIRTIO_F_DATA_VALID) != 0)
        frame->offload.checksum = FRAME_CHECKSUM_VERIFIED;

    unsigned type = header[VIRTIO_GSO_TYPE] & ~(unsigned)VIRTIO_GSO_ECN;

    if (type == VIRTIO_GSO_TCPV4 || type == VIRTIO_GSO_UDP_L4) {
        frame->offload.gso =
            type == VIRTIO_GSO_TCPV4 ? FRAME_GSO_TCPV4 : FRAME_GSO_UDP_L4;
        frame->offload.gso_size = get_le16(header + VIRTIO_GSO_SIZE);
    }
}
