#include "tcp/tcp_segment.h"

#include <errno.h>

static uint32_t control_len(uint8_t flags)
{
    /* SYN and FIN take one number each, RFC 9293 3.4 */
    return ((flags & SEG_SYN) ? 1u : 0u) + ((flags & SEG_FIN) ? 1u : 0u);
}

int tcp_segment_parse(const struct frame *frame, struct tcp_segment *out,
                      enum drop_reason *why)
{
    struct bytes head = frame_head(frame);
    struct tcp_options options;

    if (head.len < TCP_HEADER_LEN) {
        *why = DROP_TCP_SHORT;
        return -EBADMSG;
    }

    size_t header_len = (size_t)(head.data[TCP_DATA_OFFSET] >> 4) * 4;
    if (header_len < TCP_HEADER_LEN || header_len > head.len) {
        *why = DROP_TCP_BAD_OFFSET;
        return -EBADMSG;
    }
    if (tcp_options_parse(
            bytes_slice(head, TCP_HEADER_LEN, header_len - TCP_HEADER_LEN),
            &options) < 0) {
        *why = DROP_TCP_BAD_OPTION;
        return -EBADMSG;
    }

    uint8_t flags = head.data[TCP_FLAGS];
    tcp_seq seq = get_be32(head.data + TCP_SEQ);
    uint32_t text_len = (uint32_t)(frame_len(frame) - header_len);
    uint32_t len = text_len + control_len(flags);
    *out = (struct tcp_segment){
        .src_port = get_be16(head.data + TCP_SRC_PORT),
        .dst_port = get_be16(head.data + TCP_DST_PORT),
        .seq = seq,
        .ack = get_be32(head.data + TCP_ACK),
        .flags = flags,
        .wnd = get_be16(head.data + TCP_WINDOW),
        .urgent = get_be16(head.data + TCP_URGENT),
        .len = len,
        .came_seq = seq,
        .came_len = len,
        .options = options,
        .frame = frame,
        .text_at = header_len,
        .text_len = text_len,
    };
    return 0;
}

void tcp_segment_push(struct frame *frame, const struct tcp_segment *seg)
{
    size_t header_len = TCP_HEADER_LEN + tcp_options_len(&seg->options);
    uint8_t *header = frame_push(frame, header_len);

    put_be16(header + TCP_SRC_PORT, seg->src_port);
    put_be16(header + TCP_DST_PORT, seg->dst_port);
    put_be32(header + TCP_SEQ, seg->seq);
    put_be32(header + TCP_ACK, seg->ack);
    header[TCP_DATA_OFFSET] = (uint8_t)(header_len / 4 << 4);
    header[TCP_FLAGS] = seg->flags;
    put_be16(header + TCP_WINDOW, seg->wnd);
    put_be16(header + TCP_CHECKSUM, 0);
    put_be16(header + TCP_URGENT, seg->urgent);
    tcp_options_emit(&seg->options, header + TCP_HEADER_LEN);
}
