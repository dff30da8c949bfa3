/*
 * UDP input: RFC 768, RFC 1122 4.1, and the ICMP errors of RFC 1122 4.1.3.3.
 *
 * Not RFC 1122 4.1.3.3, by which every error is passed up: as in Linux, only a
 * connected socket hears of ICMP errors, and only of hard ones (port and
 * protocol unreachable). A socket that speaks with many could not tell whom an
 * error is about, and a soft one, an unreachable host among them, may be over
 * before it is read; programs that send on are used to not being told. With
 * IP_RECVERR a socket hears of all, and of what they are about.
 */
#include "udp/udp.h"

#include "base/checksum.h"
#include "ip/ip_filter.h"
#include "udp/udp_internal.h"

/* ---- Who gets it ------------------------------------------------------- */

static bool accepts(const struct udp_pcb *pcb, const struct ends *ends)
{
    const struct ip_addr *bound = &pcb->local.addr;

    if (pcb->local.scope != 0 && pcb->local.scope != ends->local.scope)
        return false;
    if (!ip_addr_is_any(bound) && !ip_addr_equal(bound, &ends->local.addr))
        return false;
    if (!udp_is_connected(pcb))
        return true;
    return ip_addr_equal(&pcb->remote.addr, &ends->remote.addr) &&
           (pcb->remote.port == 0 || pcb->remote.port == ends->remote.port);
}

/* The more of the four numbers are fixed, the better it matches. */
static unsigned score(const struct udp_pcb *pcb)
{
    return (udp_is_connected(pcb) ? 4u : 0u) +
           (ip_addr_is_any(&pcb->local.addr) ? 0u : 2u) +
           (pcb->local.scope != 0 ? 1u : 0u);
}

/* As in Linux the last that was bound stands first, and of equals is chosen. */
static struct udp_pcb *find_best(const struct udp *udp, const struct ends *ends)
{
    struct udp_pcb *best = NULL;
    struct udp_pcb *pcb = udp_first_with_port(udp, ends->local.port);

    for (; pcb; pcb = udp_next_with_port(pcb))
        if (accepts(pcb, ends) && (!best || score(pcb) > score(best)))
            best = pcb;
    return best;
}

/* ---- SO_REUSEPORT: several that are as good as each other -------------- */

static bool is_of_group(const struct udp_pcb *pcb, const struct udp_pcb *member)
{
    return pcb->reuse_port && !udp_is_connected(pcb) &&
           pcb->local.scope == member->local.scope &&
           ip_addr_equal(&pcb->local.addr, &member->local.addr);
}

static uint32_t group_size(const struct udp *udp, const struct udp_pcb *member)
{
    struct udp_pcb *pcb = udp_first_with_port(udp, member->local.port);
    uint32_t count = 0;

    for (; pcb; pcb = udp_next_with_port(pcb))
        count += is_of_group(pcb, member);
    return count;
}

/* A number below `count`, the same for all datagrams between two ends. */
static uint32_t spread(const struct udp *udp, const struct ends *ends,
                       uint32_t count)
{
    uint8_t key[36];

    memcpy(key, ends->local.addr.octet, 16);
    memcpy(key + 16, ends->remote.addr.octet, 16);
    put_be16(key + 32, ends->local.port);
    put_be16(key + 34, ends->remote.port);

    uint32_t hash = (uint32_t)hash_bytes(&udp->key, bytes_of(key, sizeof(key)));

    return (uint32_t)((uint64_t)hash * count >> 32);
}

static struct udp_pcb *find_in_group(const struct udp *udp,
                                     struct udp_pcb *member,
                                     const struct ends *ends)
{
    uint32_t ahead = spread(udp, ends, group_size(udp, member));
    struct udp_pcb *pcb = udp_first_with_port(udp, member->local.port);

    for (; pcb; pcb = udp_next_with_port(pcb))
        if (is_of_group(pcb, member) && ahead-- == 0)
            return pcb;
    return member;
}

/* ---- Input ------------------------------------------------------------- */

/* RFC 1122 4.1.3.4: zero means that the sender took none. */
static bool checksum_is_right(const struct ip_packet *packet,
                              const struct udp_header *header)
{
    const struct frame *frame = packet->frame;
    struct checksum checksum = {0};

    if (header->checksum == 0 ||
        frame->offload.checksum != FRAME_CHECKSUM_COMPLETE)
        return true; /* VERIFIED; ABSENT: it has never left this machine */
    checksum_add_pseudo(&checksum, &packet->header.src, &packet->header.dst,
                        IP_PROTO_UDP, header->len);
    checksum_add_frame(&checksum, frame, 0);
    return checksum_finish(&checksum) == 0;
}

/* Parses the header and cuts the frame down to what it says. */
static enum drop_reason take_header(const struct ip_packet *packet,
                                    struct udp_header *header)
{
    struct frame *frame = packet->frame;
    enum drop_reason why;

    if (udp_parse(frame_head(frame), frame_len(frame), header, &why) < 0)
        return why;
    frame_trim(frame, header->len);
    return checksum_is_right(packet, header) ? DROP_NONE
                                             : DROP_UDP_BAD_CHECKSUM;
}

static void notify(const struct udp_pcb *pcb)
{
    const struct udp *udp = pcb->udp;

    if (udp->notify)
        udp->notify(udp->notify_context, pcb->common.owner);
}

static void drop(struct udp *udp, enum drop_reason why,
                 const struct frame *frame)
{
    udp->stats.in_errors++;
    env_drop(udp->env, why, frame);
}

/* What is left of the payload once the socket's filter has seen it, which sees
 * the header too. */
static bool is_wanted(const struct udp_pcb *pcb, const struct ip_packet *packet,
                      struct frame *payload)
{
    uint32_t wanted = ip_filter_run(pcb->common.filter, packet, UDP_HEADER_LEN);
    uint32_t len = max_u32(wanted, UDP_HEADER_LEN) - UDP_HEADER_LEN;

    if (len < frame_len(payload))
        frame_trim(payload, len);
    return wanted != BPF_WANT_NOTHING;
}

static void trace_text(const struct udp_pcb *pcb, const struct ends *ends,
                       size_t len)
{
    struct trace_event event = {
        .kind = TRACE_TEXT,
        .layer = TRACE_UDP,
        .local = ends->local,
        .remote = ends->remote,
        .len = len,
        .text = "delivered",
    };

    if (env_is_traced(pcb->udp->env))
        env_trace(pcb->udp->env, &event);
}

/* Bytes of a piece that lie in [*from, *from + *len), which go on from there.
 */
static struct bytes take_part(struct bytes piece, size_t *from, size_t *len)
{
    size_t skipped = min_size(*from, piece.len);
    size_t taken = min_size(*len, piece.len - skipped);

    *from -= skipped;
    *len -= taken;
    return bytes_slice(piece, skipped, taken);
}

/* The bytes [from, from + len) of `whole`, as slices. */
static void add_part(const struct frame *whole, size_t from, size_t len,
                     struct frame *out)
{
    frame_add_slice(out, take_part(frame_head(whole), &from, &len));
    for (unsigned i = 0; i < whole->slice_count && len > 0; i++)
        frame_add_slice(out, take_part(whole->slices[i], &from, &len));
}

/* The datagram that these bytes are, with headers of its own before them, as a
 * filter sees it. */
static void make_part(const struct ip_packet *whole, size_t from, size_t len,
                      struct frame *frame)
{
    size_t headers = whole->header.header_len + UDP_HEADER_LEN;
    uint8_t *at;

    frame_init_output(frame);
    add_part(whole->frame, from, len, frame);
    at = frame_push(frame, headers);
    memcpy(at, whole->frame->head - headers, headers);
    put_be16(at + IPH_TOTAL_LENGTH, (uint16_t)frame_len(frame));
    frame_pull(frame, whole->header.header_len);
    put_be16(frame->head + UDP_LENGTH, (uint16_t)frame_len(frame));
    frame_pull(frame, UDP_HEADER_LEN);
}

/* How many bytes of the frame are one datagram: what the other side has sent
 * as many (UDP_SEGMENT) may come uncut from a device on this machine. */
static size_t datagram_len(const struct frame *frame)
{
    const struct frame_offload *offload = &frame->offload;

    return offload->gso == FRAME_GSO_UDP_L4 && offload->gso_size > 0
               ? offload->gso_size
               : UDP_PAYLOAD_MAX;
}

/* `came`: the frame of which the packet is all or a part. */
static void deliver_one(struct udp_pcb *pcb, const struct ip_packet *packet,
                        const struct ends *ends, const struct frame *came)
{
    struct udp *udp = pcb->udp;
    struct dgram about = {
        .src = ends->remote,
        .dst = ends->local.addr,
        .iface_index = ends->local.scope,
        .arrived = udp->env->now,
        .ttl = packet->header.ttl,
        .tos = packet->header.tos,
    };
    struct frame payload = *packet->frame;

    if (!is_wanted(pcb, packet, &payload)) {
        drop(udp, DROP_UDP_FILTERED, came);
        return;
    }
    if (dgram_queue_add(&pcb->common.received, udp->env->memory, &about,
                        &payload) < 0) {
        drop(udp, DROP_UDP_BUFFER_FULL, came);
        return;
    }
    udp->stats.in_datagrams++;
    trace_text(pcb, ends, frame_len(&payload));
    notify(pcb);
}

static void deliver(struct udp_pcb *pcb, const struct ip_packet *packet,
                    const struct ends *ends)
{
    const struct frame *whole = packet->frame;
    size_t len = frame_len(whole);
    size_t each = datagram_len(whole);

    if (len <= each) {
        deliver_one(pcb, packet, ends, whole);
        return;
    }
    for (size_t from = 0; from < len; from += each) {
        struct ip_packet part = *packet;
        struct frame frame;

        part.frame = &frame;
        make_part(packet, from, each, &frame);
        deliver_one(pcb, &part, ends, whole);
    }
}

/* RFC 1122 4.1.3.1; for broadcasts icmp_send_error is silent by itself. */
static void refuse(struct udp *udp, const struct ip_packet *packet)
{
    udp->stats.no_ports++;
    env_drop(udp->env, DROP_UDP_NO_PORT, packet->frame);
    icmp_send_error(udp->icmp, packet, ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE);
}

static void deliver_to_best(struct udp *udp, const struct ip_packet *packet,
                            const struct ends *ends)
{
    struct udp_pcb *pcb = find_best(udp, ends);

    if (pcb && is_of_group(pcb, pcb))
        pcb = find_in_group(udp, pcb, ends);
    if (pcb)
        deliver(pcb, packet, ends);
    else
        refuse(udp, packet);
}

static bool hears(const struct udp_pcb *pcb, const struct ip_packet *packet)
{
    const struct ip_header *header = &packet->header;

    return !ip_addr_is_multicast(&header->dst) ||
           ip_multicast_hears(&pcb->common.multicast, packet->iface,
                              &header->dst, &header->src);
}

/* A broadcast or multicast is for everybody here, too: each that listens gets
 * a copy (RFC 1122 4.1.3.5). */
static void deliver_to_all(struct udp *udp, const struct ip_packet *packet,
                           const struct ends *ends)
{
    struct udp_pcb *pcb = udp_first_with_port(udp, ends->local.port);
    bool is_wanted = false;

    for (; pcb; pcb = udp_next_with_port(pcb)) {
        if (!accepts(pcb, ends) || !hears(pcb, packet))
            continue;
        is_wanted = true;
        deliver(pcb, packet, ends);
    }
    if (!is_wanted)
        refuse(udp, packet);
}

DOOR void udp_input(struct udp *udp, const struct ip_packet *packet)
{
    struct udp_header header;
    enum drop_reason why = take_header(packet, &header);

    if (why != DROP_NONE) {
        drop(udp, why, packet->frame);
        return;
    }
    frame_pull(packet->frame, UDP_HEADER_LEN);

    struct ends ends = {
        .local = {.addr = packet->header.dst,
                  .scope = ip_arrival(udp->ip, packet),
                  .port = header.dst_port},
        .remote = {.addr = packet->header.src, .port = header.src_port},
    };

    udp_trace(udp, TRACE_PACKET_IN, &ends, header.len - UDP_HEADER_LEN);
    if (packet->broadcast)
        deliver_to_all(udp, packet, &ends);
    else
        deliver_to_best(udp, packet, &ends);
}

/*
 * Who can have sent it: as for a datagram that comes from there. By all four
 * numbers, if it is connected: RFC 5927 4 leaves a forger that much to guess.
 */
static struct udp_pcb *find_sender(const struct udp *udp,
                                   const struct icmp_error *error)
{
    struct ends ends = {
        .local = {.addr = error->quoted.src,
                  .port = get_be16(error->payload.data + UDP_SRC_PORT)},
        .remote = {.addr = error->quoted.dst,
                   .port = get_be16(error->payload.data + UDP_DST_PORT)},
    };
    struct udp_pcb *best = NULL;
    struct udp_pcb *pcb = udp_first_with_port(udp, ends.local.port);

    for (; pcb; pcb = udp_next_with_port(pcb)) {
        ends.local.scope = pcb->local.scope; /* an error names no interface */
        if (accepts(pcb, &ends) && (!best || score(pcb) > score(best)))
            best = pcb;
    }
    return best;
}

void udp_icmp_error(struct udp *udp, const struct icmp_error *error)
{
    struct udp_pcb *pcb = find_sender(udp, error);
    bool is_too_big = icmp_error_is_too_big(error);

    if (!pcb)
        return;
    if (is_too_big)
        icmp_learn_mtu(udp->ip, error, pcb->common.discover);
    if (is_too_big && pcb->common.discover == IP_DISCOVER_DONT)
        return; /* as Linux: who has it cut on the way need not hear of it */
    if (pcb->common.hears_errors)
        error_queue_add_icmp(
            &pcb->common.errors, udp->env, pcb->common.received.limit, error,
            get_be16(error->payload.data + UDP_DST_PORT), UDP_HEADER_LEN);
    else if (!udp_is_connected(pcb) || !(error->hard || is_too_big))
        return;
    pcb->common.error = error->error;
    notify(pcb);
}
