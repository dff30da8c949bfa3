/*
 * The stack's side of the wire: a device that records what is sent, and what
 * must hold for each segment whatever the script says.
 */
#include "tests/tcp/conversation_internal.h"

#include "base/bytes.h"
#include "tests/tcp/payload.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the stack sends ---- */

/* What must hold for every segment of an open conversation. */
static const char *check_always(const struct conversation *c,
                                const struct peer *peer,
                                const struct segment *segment)
{
    int64_t seq = relative(segment->seq, peer->stack_iss, peer->received);
    int64_t ack = relative(segment->ack, peer->iss, peer->next);
    bool syn = (segment->flags & SYN) != 0;
    int scale = syn ? 0 : scale_of(peer, true);

    if ((segment->flags & RST) != 0)
        return NULL;
    if ((segment->flags & ACK) != 0) {
        if (ack > peer->next)
            return "acknowledges what the peer has not sent";
        if (ack < peer->stack_acked)
            return "the acknowledgment goes back";
        /* a SYN,ACK after text by Fast Open has a window of 16 bits only */
        if (!syn && ack + ((int64_t)segment->window << scale) + (1 << scale) <=
                        peer->stack_edge)
            return "the right edge of the window goes back (RFC 9293 3.8.6)";
    }
    /* One byte beyond may be a zero-window probe, RFC 9293 3.8.6.1. */
    if (!syn && segment->len > 0 &&
        seq + (int64_t)segment->len > peer->edge + 1)
        return "data outside the peer's window";
    if (syn && segment->len > 0 && segment->options.cookie_len <= 0 &&
        !c->options.text_without_cookie)
        return "text in a SYN without a cookie (RFC 7413 4.2.2)";
    if ((segment->flags & (SYN | ACK)) == (SYN | ACK) &&
        segment->options.sack_permitted && !peer->offered_sack)
        return "SACK-permitted in answer to none";
    if ((segment->flags & SYN) == 0 &&
        segment->options.has_timestamps != timestamps_agreed(peer))
        return "timestamps against the agreement (RFC 7323 3.2)";
    if (!syn && segment->len > 0 && c->options.max_gso == 0 &&
        segment->len + segment->options.len > peer->mss &&
        peer->mss >= max_u32(c->options.min_send_mss, 48))
        return "text and options are longer than the peer's MSS (RFC 6691)";
    if (segment->len > 0 &&
        payload_check(false, (uint64_t)(seq - 1 + syn), segment->payload,
                      segment->len) != segment->len)
        return "the payload is not what the program wrote there";
    return check_sack(c, peer, segment);
}

static void learn_from_syn(struct peer *peer, const struct segment *segment)
{
    if (!peer->stack_iss_known) {
        peer->stack_iss = segment->seq;
        peer->stack_iss_known = true;
        peer->stack_port = segment->src_port;
    }
    peer->stack_offered_wscale = segment->options.wscale;
    peer->stack_offered_timestamps = segment->options.has_timestamps;
    peer->stack_offered_sack = segment->options.sack_permitted;
    if (is_ecn_setup(segment->flags))
        peer->stack_offered_ecn = true;
}

static void remember_segment(struct peer *peer, const struct segment *segment)
{
    int64_t seq = relative(segment->seq, peer->stack_iss, peer->received);
    int64_t end = seq + span(segment->flags, (int64_t)segment->len);
    int64_t ack = relative(segment->ack, peer->iss, peer->next);
    int scale = (segment->flags & SYN) != 0 ? 0 : scale_of(peer, true);

    if ((segment->flags & RST) != 0)
        return;
    if (seq <= peer->received && peer->received < end)
        peer->received = end;
    if (peer->stack_sent < end)
        peer->stack_sent = end;
    if (segment->options.has_timestamps)
        peer->ts_recent = segment->options.ts_val;
    if ((segment->flags & ACK) == 0)
        return;
    peer->stack_acked = ack;
    if (peer->stack_edge < ack + ((int64_t)segment->window << scale))
        peer->stack_edge = ack + ((int64_t)segment->window << scale);
}

/* To whom a segment goes; its ports must be those of a conversation. */
static struct peer *peer_of(struct conversation *c,
                            const struct segment *segment)
{
    struct peer *peer = find_peer(c, segment->dst_port);

    if (peer == NULL)
        conversation_fail(c, "a segment to the unknown port %u",
                          segment->dst_port);
    if (peer->stack_port != 0 && peer->stack_port != segment->src_port)
        conversation_fail(c, "a segment from the unknown port %u",
                          segment->src_port);
    return peer;
}

static void queue_segment(struct conversation *c, const struct segment *segment,
                          const struct frame_offload *offload)
{
    if (c->sent_count == SENT_MAX)
        conversation_fail(c, "more than %d segments at once", SENT_MAX);

    unsigned slot = (c->sent_first + c->sent_count++) % SENT_MAX;
    uint8_t *payload = malloc(segment->len + 1);

    ck_assert_ptr_nonnull(payload);
    memcpy(payload, segment->payload, segment->len);
    c->sent[slot] = *segment;
    c->sent[slot].sent = c->now;
    c->sent[slot].payload = payload;
    c->offloads[slot] = *offload;
}

static void take_sent(struct conversation *c, const uint8_t *packet, size_t len,
                      const struct frame_offload *offload)
{
    struct segment segment;
    bool partial = offload->checksum == FRAME_CHECKSUM_ABSENT;
    const char *wrong = segment_parse(packet, len, partial, &segment);

    if (wrong != NULL)
        conversation_fail(c, "the stack sent garbage: %s", wrong);
    if (c->flooded > 0 && segment.dst != PEER_ADDR) {
        c->flood_answered++;
        return;
    }
    if (segment.src != STACK_ADDR || segment.dst != PEER_ADDR)
        conversation_fail(c, "a segment between the wrong addresses");

    struct peer *peer = peer_of(c, &segment);
    if ((segment.flags & SYN) != 0)
        learn_from_syn(peer, &segment);
    log_segment(c, peer, ">", &segment, false);
    wrong = check_always(c, peer, &segment);
    if (wrong == NULL)
        wrong = check_ecn(peer, &segment);
    if (wrong != NULL)
        conversation_fail(c, "%s", wrong);
    remember_segment(peer, &segment);
    c->last_seq = segment.seq;
    c->last_len = (unsigned)(len < c->device.mtu ? len : c->device.mtu);
    queue_segment(c, &segment, offload);
}

/* ---- the device ---- */

static int device_transmit(struct netdev *dev, usec now,
                           const struct frame *frame)
{
    struct conversation *c = container_of(dev, struct conversation, device);
    static uint8_t packet[ETHERNET_LEN + SEGMENT_PACKET_MAX];
    size_t len = frame_copy(frame, 0, packet, sizeof(packet));
    size_t skip = dev->type == NETDEV_ETHERNET ? ETHERNET_LEN : 0;

    if (now != c->now)
        conversation_fail(c, "the stack sends at another time than now");
    if (len != frame_len(frame) || len < skip)
        conversation_fail(c, "a frame of an impossible length");
    if (!dev->fills_checksum &&
        frame->offload.checksum == FRAME_CHECKSUM_ABSENT)
        conversation_fail(c, "the device cannot fill in checksums");
    if (len - skip > dev->mtu && frame->offload.gso == FRAME_GSO_NONE)
        conversation_fail(c, "a packet larger than the MTU");
    if (skip != 0 && get_be16(packet + ETHERNET_TYPE) == ETHERNET_ARP) {
        c->arp_polls += memcmp(packet, peer_mac, sizeof(peer_mac)) == 0;
        return 0;
    }
    if (skip != 0 && memcmp(packet, peer_mac, sizeof(peer_mac)) != 0)
        conversation_fail(c, "a frame to another station");
    take_sent(c, packet + skip, len - skip, &frame->offload);
    return 0;
}

static void device_flush(struct netdev *dev, usec now)
{
    (void)dev;
    (void)now;
}

static int device_receive(struct netdev *dev, usec now, struct frame *frame)
{
    (void)dev;
    (void)now;
    (void)frame;
    return 0;
}

static usec device_deadline(const struct netdev *dev)
{
    (void)dev;
    return USEC_NEVER;
}

static int device_poll_fd(const struct netdev *dev)
{
    (void)dev;
    return -1;
}

static void device_close(struct netdev *dev)
{
    (void)dev;
}

const struct netdev_ops conversation_device_ops = {
    .name = "conversation",
    .transmit = device_transmit,
    .flush = device_flush,
    .receive = device_receive,
    .deadline = device_deadline,
    .poll_fd = device_poll_fd,
    .close = device_close,
};
