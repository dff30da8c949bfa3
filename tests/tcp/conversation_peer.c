/*
 * The peer: what it remembers of its connections, and what it sends.
 */
#include "tests/tcp/conversation_internal.h"

#include "base/bytes.h"
#include "tests/place.h"
#include "tests/tcp/payload.h"

#include <stdlib.h>
#include <string.h>

/* ---- what it remembers ---- */

struct peer *find_peer(struct conversation *c, unsigned port)
{
    for (unsigned i = 0; i < c->peer_count; i++)
        if (c->peers[i].port == port)
            return &c->peers[i];
    return NULL;
}

static void init_peer(struct conversation *c, struct peer *peer, unsigned port,
                      uint32_t iss)
{
    *peer = (struct peer){
        .port = (uint16_t)port,
        .stack_port = c->options.active ? 0 : STACK_PORT,
        .iss = iss,
        .edge = INT64_MIN,
        .stack_acked = INT64_MIN,
        .stack_edge = INT64_MIN,
        .stack_sent = INT64_MIN,
        .window = c->options.window,
        .offered_wscale = -1,
        .stack_offered_wscale = -1,
    };
}

void conversation_peer_uses_port(struct conversation *c, unsigned port)
{
    struct peer *peer = find_peer(c, port);

    if (peer == NULL) {
        if (c->peer_count == PEERS_MAX)
            conversation_fail(c, "more than %d peers", PEERS_MAX);
        peer = &c->peers[c->peer_count++];
        init_peer(c, peer, port, c->options.iss + port - PEER_PORT);
    }
    c->peer = peer;
}

void conversation_peer_starts_over(struct conversation *c, uint32_t iss)
{
    uint16_t stack_port = c->peer->stack_port;

    free(c->peer->said);
    init_peer(c, c->peer, c->peer->port, iss);
    c->peer->stack_port = stack_port;
}

/* RFC 7323 2.2: scaling is in use only if both sides have said so. */
int scale_of(const struct peer *peer, bool of_stack)
{
    if (peer->offered_wscale < 0 || peer->stack_offered_wscale < 0)
        return 0;
    return of_stack ? peer->stack_offered_wscale : peer->offered_wscale;
}

bool timestamps_agreed(const struct peer *peer)
{
    return peer->offered_timestamps && peer->stack_offered_timestamps;
}

int64_t relative(uint32_t number, uint32_t base, int64_t near)
{
    return near + (int32_t)(number - base - (uint32_t)near);
}

/* Sequence numbers that a segment takes. */
int64_t span(unsigned flags, int64_t len)
{
    return len + ((flags & SYN) != 0) + ((flags & FIN) != 0);
}

/* ---- what it sends ---- */

static void hand_in(struct conversation *c, unsigned type, const void *packet,
                    size_t len)
{
    size_t skip = c->options.ethernet ? ETHERNET_LEN : 0;
    uint8_t *bytes = malloc(skip + len);
    struct frame frame;

    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_lt(c->pass_count, ARRAY_LENGTH(c->pass));
    c->pass[c->pass_count++] = bytes;
    if (skip != 0) {
        memcpy(bytes, stack_mac, sizeof(stack_mac));
        memcpy(bytes + 6, peer_mac, sizeof(peer_mac));
        put_be16(bytes + ETHERNET_TYPE, (uint16_t)type);
    }
    memcpy(bytes + skip, packet, len);
    frame_init_input(&frame, NULL, bytes, skip + len);
    if (place_frame(c->stack, IFACE, &frame))
        c->placed++;
    stack_input(c->stack, c->now, IFACE, &frame);
}

void conversation_peer_answers_arp(struct conversation *c)
{
    uint8_t reply[28] = {0, 1, 8, 0, 6, 4, 0, 2};

    memcpy(reply + 8, peer_mac, sizeof(peer_mac));
    put_be32(reply + 14, PEER_ADDR);
    memcpy(reply + 18, stack_mac, sizeof(stack_mac));
    put_be32(reply + 24, STACK_ADDR);
    hand_in(c, ETHERNET_ARP, reply, sizeof(reply));
    end_pass(c);
}

void conversation_peer_sends_bytes(struct conversation *c, const void *packet,
                                   size_t len)
{
    hand_in(c, ETHERNET_IPV4, packet, len);
    end_pass(c);
}

static void add_syn_options(struct conversation *c,
                            const struct peer_segment *say,
                            struct segment_options *to)
{
    struct peer *peer = c->peer;
    bool answer = (say->flags & ACK) != 0;

    if (say->mss != UNNAMED || !c->options.no_mss)
        to->mss = (int)(say->mss != UNNAMED ? say->mss : c->options.mss);
    if (say->wscale != UNNAMED)
        to->wscale = (int)say->wscale;
    else if (c->options.wscale != 0 &&
             (!answer || peer->stack_offered_wscale >= 0))
        to->wscale = (int)c->options.wscale;
    to->sack_permitted =
        c->options.sack && (!answer || peer->stack_offered_sack);
    to->has_timestamps =
        c->options.timestamps && (!answer || peer->stack_offered_timestamps);
    if (say->asks_cookie)
        to->cookie_len = 0;
    if (say->cookie != NULL) {
        to->cookie_len = (int)say->cookie->len;
        memcpy(to->cookie, say->cookie->octet, say->cookie->len);
    }
}

/* The peer's clock of RFC 7323 4.1: milliseconds. */
static uint32_t peer_clock(const struct conversation *c)
{
    return (uint32_t)(c->now / USEC_PER_MSEC);
}

static void add_sacks(const struct peer *peer, const struct peer_segment *say,
                      struct segment_options *to)
{
    to->sack_count = count_sacks(say->sack, SEGMENT_SACKS_MAX);
    for (unsigned i = 0; i < to->sack_count; i++)
        to->sacks[i] =
            (struct segment_sack){peer->stack_iss + (uint32_t)say->sack[i].from,
                                  peer->stack_iss + (uint32_t)say->sack[i].to};
}

static struct segment_options options_to_say(struct conversation *c,
                                             const struct peer_segment *say)
{
    struct segment_options options = segment_no_options;

    if ((say->flags & SYN) != 0)
        add_syn_options(c, say, &options);
    else
        options.has_timestamps = timestamps_agreed(c->peer);
    if (say->ts_val != UNNAMED)
        options.has_timestamps = true;
    if (say->no_timestamps)
        options.has_timestamps = false;
    options.ts_val =
        say->ts_val != UNNAMED ? (uint32_t)say->ts_val : peer_clock(c);
    options.ts_ecr = say->ts_ecr != UNNAMED    ? (uint32_t)say->ts_ecr
                     : (say->flags & ACK) != 0 ? c->peer->ts_recent
                                               : 0;
    if (say->user_timeout != UNNAMED)
        options.user_timeout = (int)say->user_timeout;
    add_sacks(c->peer, say, &options);
    return options;
}

static uint16_t window_to_say(struct conversation *c,
                              const struct peer_segment *say)
{
    struct peer *peer = c->peer;
    int scale = (say->flags & SYN) != 0 ? 0 : scale_of(peer, false);

    if (say->win != UNNAMED)
        peer->window = (uint32_t)say->win;
    return (uint16_t)(peer->window >> scale > 65535 ? 65535
                                                    : peer->window >> scale);
}

/* What the peer knows of itself after it has spoken. */
static void remember_said(struct peer *peer, const struct peer_segment *say,
                          const struct segment *segment)
{
    int64_t seq = relative(segment->seq, peer->iss, peer->next);
    int64_t end = seq + span(say->flags, say->len);
    int64_t ack = relative(segment->ack, peer->stack_iss, peer->received);
    int scale = (say->flags & SYN) != 0 ? 0 : scale_of(peer, false);
    int64_t edge = ack + ((int64_t)segment->window << scale);

    if ((say->flags & RST) == 0 && peer->next < end)
        peer->next = end;
    remember_text(peer, seq, end);
    if ((say->flags & ACK) != 0)
        peer->acked = ack;
    if ((say->flags & ACK) != 0 && peer->edge < edge)
        peer->edge = edge;
    if ((say->flags & (SYN | ACK)) == SYN) /* text may come before an ACK */
        peer->edge = 1 + (int64_t)segment->window;
}

void conversation_peer_sends(struct conversation *c,
                             const struct peer_segment *say)
{
    static uint8_t packet[SEGMENT_PACKET_MAX];
    static uint8_t payload[SEGMENT_PACKET_MAX];
    struct peer *peer = c->peer;
    int64_t seq = say->seq != UNNAMED ? say->seq : peer->next;
    int64_t ack = say->ack != UNNAMED ? say->ack : peer->received;
    bool syn = (say->flags & SYN) != 0;

    if (say->ack == UNNAMED && (say->flags & ACK) == 0)
        ack = -(int64_t)peer->stack_iss; /* 0 on the wire */
    payload_fill(true, (uint64_t)(seq - 1 + syn), payload, (size_t)say->len);

    struct segment segment = {
        .src = PEER_ADDR,
        .dst = STACK_ADDR,
        .src_port = peer->port,
        .dst_port = peer->stack_port,
        .seq = peer->iss + (uint32_t)seq,
        .ack = peer->stack_iss + (uint32_t)ack,
        .flags = say->flags,
        .tos = (uint8_t)say->ecn,
        .window = window_to_say(c, say),
        .urgent = (uint16_t)say->urgent,
        .options = options_to_say(c, say),
        .payload = payload,
        .len = (size_t)say->len,
        .raw_options = (const uint8_t *)say->options,
        .raw_options_len = say->options_len,
        .data_offset = say->data_offset,
        .reserved = say->reserved,
        .bad_checksum = say->bad_checksum,
    };
    if (syn) {
        peer->offered_wscale = segment.options.wscale;
        peer->offered_timestamps = segment.options.has_timestamps;
        peer->offered_sack = segment.options.sack_permitted;
        if (is_ecn_setup(say->flags))
            peer->offered_ecn = true;
        peer->mss =
            segment.options.mss < 0 ? 536 : (unsigned)segment.options.mss;
    }
    log_segment(c, peer, "<", &segment, true);
    remember_said(peer, say, &segment);
    hand_in(c, ETHERNET_IPV4, packet, segment_emit(&segment, packet));
    if (!say->more)
        end_pass(c);
}

/* From 192.0.2.3 to 192.0.2.254, and all their ports in turn. */
void conversation_peer_floods(struct conversation *c, unsigned count)
{
    enum { HOSTS = 252 };
    static uint8_t packet[SEGMENT_PACKET_MAX];

    for (unsigned i = 0; i < count; i++) {
        unsigned number = c->flooded++;
        struct segment syn = {
            .src = PEER_ADDR + 2 + number % HOSTS,
            .dst = STACK_ADDR,
            .src_port = (uint16_t)(1024 + number / HOSTS),
            .dst_port = STACK_PORT,
            .seq = number * 2654435761u,
            .flags = SYN,
            .window = 65535,
            .options = segment_no_options,
        };

        syn.options.mss = 1460;
        conversation_peer_sends_bytes(c, packet, segment_emit(&syn, packet));
        run_until(c, c->now + 10, false);
    }
    log_event(c, "%u SYNs of a flood, %u answers", c->flooded,
              c->flood_answered);
}

/* RFC 792: the IP header and the first 8 bytes of what it speaks about. */
static void quote_segment(struct conversation *c, uint32_t seq, unsigned len,
                          uint8_t quote[static 28])
{
    put_be16(quote, 0x4500);
    put_be16(quote + 2, (uint16_t)len);
    put_be16(quote + 6, 0x4000);
    quote[8] = 63;
    quote[9] = 6;
    put_be32(quote + 12, STACK_ADDR);
    put_be32(quote + 16, PEER_ADDR);
    put_be16(quote + 10, (uint16_t)~segment_fold(segment_sum(0, quote, 20)));
    put_be16(quote + 20, c->peer->stack_port);
    put_be16(quote + 22, c->peer->port);
    put_be32(quote + 24, seq);
}

void conversation_peer_sends_icmp(struct conversation *c,
                                  const struct peer_icmp *say)
{
    uint8_t packet[20 + 8 + 28] = {0};
    uint8_t *icmp = packet + 20;

    put_be16(packet, 0x4500);
    put_be16(packet + 2, sizeof(packet));
    packet[8] = 64;
    packet[9] = 1;
    put_be32(packet + 12, PEER_ADDR);
    put_be32(packet + 16, STACK_ADDR);
    put_be16(packet + 10, (uint16_t)~segment_fold(segment_sum(0, packet, 20)));
    icmp[0] = (uint8_t)say->type;
    icmp[1] = (uint8_t)say->code;
    put_be16(icmp + 6, (uint16_t)say->mtu);
    quote_segment(c,
                  say->seq == UNNAMED ? c->last_seq
                                      : c->peer->stack_iss + (uint32_t)say->seq,
                  say->len == 0 ? c->last_len : say->len, icmp + 8);
    put_be16(icmp + 2, (uint16_t)~segment_fold(segment_sum(0, icmp, 36)));

    log_event(c, "ICMP type %u code %u", say->type, say->code);
    conversation_peer_sends_bytes(c, packet, sizeof(packet));
}
