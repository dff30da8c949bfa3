/*
 * A segment can be expected as long as nothing is out of order: else the free
 * part of the receive buffer would hold text that a wrong guess overwrites.
 *
 * A guess that was wrong costs a copy more, so there is none while connections
 * take turns; but nothing where another connection's text has the same headers
 * before it: that goes to its own buffer from where it lies.
 */
#include "tcp/tcp_expect.h"

#include "tcp/tcb.h"

enum { RUN_NEEDED = 2 };

static const uint8_t version_and_length = 4 << 4 | IP_HEADER_LEN / 4;

void expect_more(struct tcb *tcb, const struct tcp_segment *seg)
{
    struct tcp_expected *expected = &tcb->tcp->expected;

    if (expected->tcb != tcb || expected->iface != seg->frame->iface)
        *expected =
            (struct tcp_expected){.tcb = tcb, .iface = seg->frame->iface};
    if (seg->frame->offload.gso != FRAME_GSO_NONE) /* many in one */
        expected->run = RUN_NEEDED;
    if (expected->run < RUN_NEEDED)
        expected->run++;
}

void expect_no_more(struct tcb *tcb)
{
    if (tcb->tcp->expected.tcb == tcb)
        tcb->tcp->expected = (struct tcp_expected){0};
}

/* As of the segments before; RFC 7323 3.2 has timestamps in all or none. */
static size_t tcp_header_len(const struct tcb *tcb)
{
    return TCP_HEADER_LEN +
           (tcb->has_timestamps ? 2 + TCP_OPTION_TIMESTAMPS_LEN : 0);
}

bool tcp_expect(const struct tcp *tcp, const struct iface *iface,
                struct frame_place *place)
{
    const struct tcb *tcb = tcp->expected.tcb;

    if (!tcp->config.place_text || tcb == NULL ||
        tcp->expected.run < RUN_NEEDED || tcp->expected.iface != iface ||
        !tcb_can_receive(tcb) || !reass_is_empty(&tcb->reass))
        return false;
    place->head_len = IP_HEADER_LEN + tcp_header_len(tcb);
    place->count =
        rcvbuf_place(&tcb->rcvbuf,
                     min_u32(IP_PACKET_MAX - (uint32_t)place->head_len,
                             tcb_receive_window(tcb)),
                     place->pieces);
    return place->count > 0;
}

/* A TCP segment whose headers are as long as those that were expected, and an
 * IP header without options, of a whole packet. */
static bool has_such_headers(const struct tcb *tcb, const uint8_t *ip,
                             size_t len)
{
    const uint8_t *segment = ip + IP_HEADER_LEN;

    return ip[IPH_VERSION_IHL] == version_and_length &&
           get_be16(ip + IPH_TOTAL_LENGTH) == len &&
           (get_be16(ip + IPH_FRAGMENT) & ~IP_FLAG_DF) == 0 &&
           ip[IPH_PROTOCOL] == IP_PROTO_TCP &&
           segment[TCP_DATA_OFFSET] >> 4 == tcp_header_len(tcb) / 4 &&
           (segment[TCP_FLAGS] & (SEG_SYN | SEG_RST | SEG_URG)) == 0;
}

static bool is_between_ends_of(const struct tcb *tcb, const uint8_t *ip)
{
    const uint8_t *segment = ip + IP_HEADER_LEN;

    return get_be32(ip + IPH_SRC) == ip_addr_to_v4(&tcb->remote.addr) &&
           get_be32(ip + IPH_DST) == ip_addr_to_v4(&tcb->local.addr) &&
           get_be16(segment + TCP_SRC_PORT) == tcb->remote.port &&
           get_be16(segment + TCP_DST_PORT) == tcb->local.port;
}

bool tcp_can_stay_placed(const struct tcp *tcp, struct bytes headers,
                         size_t len)
{
    const struct tcb *tcb = tcp->expected.tcb;
    const uint8_t *ip = headers.data;

    if (tcb == NULL || headers.len != IP_HEADER_LEN + tcp_header_len(tcb) ||
        !has_such_headers(tcb, ip, len))
        return false;
    return !is_between_ends_of(tcb, ip) ||
           get_be32(ip + IP_HEADER_LEN + TCP_SEQ) == tcb->rcv_nxt;
}
