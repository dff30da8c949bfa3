/*
 * A TCP segment: the header of RFC 9293 3.1 in host order, and where its text
 * lies. Fields bear the names of RFC 9293 3.3.1: SEG.SEQ is seg->seq.
 */
#ifndef TAPIR_TCP_SEGMENT_H
#define TAPIR_TCP_SEGMENT_H

#include "base/drop.h"
#include "base/frame.h"
#include "tcp/seq.h"
#include "tcp/tcp_options.h"

enum {
    TCP_SRC_PORT = 0,
    TCP_DST_PORT = 2,
    TCP_SEQ = 4,
    TCP_ACK = 8,
    TCP_DATA_OFFSET = 12,
    TCP_FLAGS = 13,
    TCP_WINDOW = 14,
    TCP_CHECKSUM = 16,
    TCP_URGENT = 18,
    TCP_HEADER_LEN = 20
};

enum tcp_flag {
    SEG_FIN = 0x01,
    SEG_SYN = 0x02,
    SEG_RST = 0x04,
    SEG_PSH = 0x08,
    SEG_ACK = 0x10,
    SEG_URG = 0x20,
    SEG_ECE = 0x40,
    SEG_CWR = 0x80
};

struct tcp_segment {
    uint16_t src_port;
    uint16_t dst_port;
    tcp_seq seq;
    tcp_seq ack;
    uint8_t flags;
    uint8_t ecn;      /* the ECN field of its packet, RFC 3168 5 */
    uint16_t wnd;     /* as in the header, not scaled */
    uint16_t urgent;  /* the urgent pointer; 0 without URG on output */
    uint32_t len;     /* SEG.LEN: text, and one each for SYN and FIN */
    tcp_seq came_seq; /* input: seq and len as they came, before trimming */
    uint32_t came_len;
    struct tcp_options options;
    const struct frame *frame; /* input: its bytes from text_at on are text */
    size_t text_at;
    uint32_t text_len;
};

/* The sequence number after the segment. */
static inline tcp_seq segment_end(const struct tcp_segment *seg)
{
    return seg->seq + seg->len;
}

/*
 * Parses the segment that `frame` stands at. 0; -EBADMSG and the reason. The
 * checksum is not looked at here: its pseudo header is IP's.
 */
MUST_CHECK int tcp_segment_parse(const struct frame *frame,
                                 struct tcp_segment *out,
                                 enum drop_reason *why);

/* Pushes the header before the frame's text; the checksum field is 0. */
void tcp_segment_push(struct frame *frame, const struct tcp_segment *seg);

#endif
