/*
 * IPv4 output: RFC 791 3.2, RFC 1122 3.2.1, with identification after RFC 6864
 * and fragmentation after RFC 791 2.3. No options are sent, but IGMP's Router
 * Alert, which fragments carry too (it has the copied flag, RFC 2113 2.1).
 */
#include "ip/ip.h"

#include "base/checksum.h"

#include <errno.h>

enum {
    MULTICAST_TTL = 1,       /* RFC 1112 6.1 */
    FRAGMENT_UNIT = 8,       /* RFC 791 3.1 */
    ID_KEY_LEN = 16 + 16 + 1 /* source, destination, protocol */
};

static void trace_packet_out(const struct ip *ip,
                             const struct ip_header *header)
{
    struct trace_event event;

    if (!env_is_traced(ip->env))
        return;
    event = (struct trace_event){
        .kind = TRACE_PACKET_OUT,
        .layer = TRACE_IP,
        .text = ip_protocol_text(header->protocol),
        .local.addr = header->src,
        .remote.addr = header->dst,
        .len = header->total_len - header->header_len,
    };
    env_trace(ip->env, &event);
}

static int drop(struct ip *ip, enum drop_reason why, const struct frame *frame,
                int error)
{
    env_drop(ip->env, why, frame);
    return error;
}

/*
 * RFC 6864 4.1: an atomic datagram (DF set) needs no identification. Others
 * get a counter that for each source, destination and protocol begins
 * elsewhere, so that one peer's numbers do not tell another's (RFC 7739 5.3
 * with one counter). Of `count` datagrams in one frame the device numbers the
 * others.
 */
static uint16_t choose_id(struct ip *ip, const struct ip_header *header,
                          unsigned count)
{
    uint32_t counter = ip->id_counter;
    uint8_t key[ID_KEY_LEN];

    if (header->df)
        return 0;
    memcpy(key, header->src.octet, 16);
    memcpy(key + 16, header->dst.octet, 16);
    key[32] = header->protocol;
    ip->id_counter += count;
    return (uint16_t)(hash_bytes(&ip->id_key, bytes_of(key, sizeof(key))) +
                      counter);
}

static uint8_t choose_ttl(const struct ip *ip, const struct ip_send *send)
{
    if (send->ttl)
        return send->ttl;
    return ip_addr_is_multicast(&send->dst) ? MULTICAST_TTL : ip->config.ttl;
}

/* `frame` begins with the IP header. */
static int transmit(struct ip *ip, const struct ip_path *path,
                    struct frame *frame)
{
    ip->stats.out_transmits++;
    if (path->iface->dev->type == NETDEV_IP)
        return iface_transmit(path->iface, frame);
    return arp_output(ip->arp, path->iface, frame, &path->next_hop);
}

/* RFC 1122 3.3.1.4: the layer above has a reason to think that the gateway, or
 * the neighbour itself, is gone. */
static void doubt(struct ip *ip, const struct ip_path *path)
{
    if (path->iface->dev->type == NETDEV_ETHERNET)
        arp_doubt(ip->arp, path->iface, &path->next_hop);
}

/* ---- Fragmentation, RFC 791 2.3 and 3.2 -------------------------------- */

/* The part of [0, len) that lies in [from, from + room). */
static struct bytes part_of(struct bytes piece, size_t at, size_t from,
                            size_t room)
{
    size_t begin = from > at ? min_size(from - at, piece.len) : 0;
    size_t end = from + room > at ? min_size(from + room - at, piece.len) : 0;

    return end > begin ? bytes_slice(piece, begin, end - begin)
                       : bytes_of(piece.data, 0);
}

/*
 * The payload bytes [from, from + room) of `whole`, whose head begins with the
 * IP header (`header_len` bytes), as a frame of their own. What lay in the head
 * (the transport header) is copied, what lay in slices is borrowed on.
 */
static void cut_payload(const struct frame *whole, size_t header_len,
                        size_t from, size_t room, struct frame *out)
{
    struct bytes in_head =
        part_of(bytes_from(frame_head(whole), header_len), 0, from, room);
    size_t at = whole->head_len - header_len;

    frame_init_output(out);
    out->iface = whole->iface;
    memcpy(frame_push(out, in_head.len), in_head.data, in_head.len);
    for (unsigned i = 0; i < whole->slice_count; i++) {
        frame_add_slice(out, part_of(whole->slices[i], at, from, room));
        at += whole->slices[i].len;
    }
}

static int send_fragment(struct ip *ip, const struct ip_path *path,
                         struct frame *fragment, struct ip_header *header)
{
    header->total_len = header->header_len + frame_len(fragment);
    ip_emit(frame_push(fragment, header->header_len), header);
    ip->stats.out_frag_creates++;
    return transmit(ip, path, fragment);
}

/*
 * All fragments but the last are as large as fits and a multiple of 8 bytes.
 * One that cannot be sent makes the rest useless.
 */
static int send_fragments(struct ip *ip, const struct ip_path *path,
                          struct frame *whole, struct ip_header header)
{
    size_t len = header.total_len - header.header_len;
    size_t room =
        (path->mtu - header.header_len) / FRAGMENT_UNIT * FRAGMENT_UNIT;

    assert(room > 0); /* RFC 791 3.2: every link carries 68 bytes */
    if (whole->offload.checksum == FRAME_CHECKSUM_ABSENT)
        frame_fill_checksum(whole); /* no device can, of a part */
    for (size_t from = 0; from < len; from += room) {
        struct frame fragment;

        cut_payload(whole, header.header_len, from, room, &fragment);
        header.fragment_offset = (uint16_t)from;
        header.mf = from + room < len;

        int error = send_fragment(ip, path, &fragment, &header);

        if (error < 0)
            return error;
    }
    return 0;
}

static int fragment_packet(struct ip *ip, const struct ip_path *path,
                           struct frame *frame, const struct ip_header *header)
{
    int error = send_fragments(ip, path, frame, *header);

    if (error < 0)
        ip->stats.out_frag_fails++;
    else
        ip->stats.out_frag_oks++;
    return error;
}

/* ---- Output ------------------------------------------------------------ */

/* Which size is not to be exceeded: what is known of the path, or the link's.
 */
static unsigned mtu_for(const struct ip_send *send, const struct ip_path *path)
{
    return send->discover < IP_DISCOVER_PROBE ? path->mtu : path->iface->mtu;
}

/* As Linux: where the path takes less than PMTU_FLOOR routers are to cut. */
static bool wants_df(const struct ip_send *send, unsigned mtu, size_t len)
{
    return send->df || send->discover == IP_DISCOVER_DO ||
           send->discover == IP_DISCOVER_PROBE ||
           (send->discover == IP_DISCOVER_WANT && len <= mtu &&
            mtu > PMTU_FLOOR);
}

static bool may_fragment(const struct ip_send *send)
{
    return !send->df && (send->discover < IP_DISCOVER_DO ||
                         send->discover == IP_DISCOVER_OMIT);
}

/* Payload of the first packet, and how many there will be: the head is the
 * transport's header, which each of them has. */
static size_t first_len(const struct frame *frame)
{
    return frame->offload.gso == FRAME_GSO_NONE
               ? frame_len(frame)
               : min_size(frame_len(frame),
                          frame->head_len + frame->offload.gso_size);
}

static unsigned packet_count(const struct frame *frame)
{
    size_t text = frame_len(frame) - frame->head_len;
    size_t each = frame->offload.gso_size;

    return frame->offload.gso == FRAME_GSO_NONE || text <= each
               ? 1
               : (unsigned)((text + each - 1) / each);
}

static struct ip_header make_header(struct ip *ip, const struct ip_send *send,
                                    const struct ip_path *path,
                                    const struct frame *frame)
{
    size_t header_len =
        IP_HEADER_LEN + (send->router_alert ? IP_ROUTER_ALERT_LEN : 0u);
    struct ip_header header = {
        .src = path->src,
        .dst = send->dst,
        .header_len = header_len,
        .total_len = header_len + frame_len(frame),
        .df = wants_df(send, path->mtu, header_len + first_len(frame)),
        .tos = send->tos,
        .ttl = choose_ttl(ip, send),
        .protocol = send->protocol,
    };

    header.id = choose_id(ip, &header, packet_count(frame));
    return header;
}

/* RFC 1112 6.2: "if the sending host is itself a member"; and it is one of all
 * that a broadcast is for. On the loopback it comes back by itself. */
static bool is_for_us_too(const struct ip *ip, const struct ip_send *send,
                          const struct ip_path *path)
{
    if (send->is_not_looped || path->iface->loopback)
        return false;
    return iface_is_broadcast(path->iface, &send->dst) ||
           ip_group_is_wanted(ip, path->iface, &send->dst, &path->src);
}

/* A frame of many packets is cut by the device: see frame.h. */
static bool fits(const struct frame *frame, const struct ip_path *path)
{
    return frame->offload.gso != FRAME_GSO_NONE ||
           frame_len(frame) <= path->mtu;
}

DOOR int ip_output(struct ip *ip, struct frame *frame,
                   const struct ip_send *send)
{
    struct ip_path path;

    ip->stats.out_requests++;

    int error = ip_path(ip, &send->dst, &send->src, send->scope, &path);

    if (error < 0) {
        ip->stats.out_no_routes++;
        return drop(ip, DROP_IP_NO_ROUTE, frame, error);
    }
    path.mtu = mtu_for(send, &path);
    frame->iface = path.iface;
    if (send->is_doubted)
        doubt(ip, &path);
    if (frame_len(frame) > IP_PACKET_MAX - IP_HEADER_LEN)
        return drop(ip, DROP_IP_TOO_BIG, frame, -EMSGSIZE);

    struct ip_header header = make_header(ip, send, &path, frame);

    ip_emit(frame_push(frame, header.header_len), &header);
    trace_packet_out(ip, &header);
    if (!fits(frame, &path) && !may_fragment(send)) {
        ip->stats.out_frag_fails++;
        return drop(ip, DROP_IP_TOO_BIG, frame, -EMSGSIZE);
    }
    if (is_for_us_too(ip, send, &path))
        ip_loop_add(ip, path.iface, frame, &header);
    if (send->stays_here)
        return 0;
    return fits(frame, &path) ? transmit(ip, &path, frame)
                              : fragment_packet(ip, &path, frame, &header);
}

/* The fields that are not left to the program, as in Linux: raw(7). */
static struct ip_header complete_header(struct ip *ip, struct frame *frame,
                                        const struct ip_path *path)
{
    uint8_t *at = frame->head;
    unsigned fragment = get_be16(at + IPH_FRAGMENT);
    struct ip_header header = {
        .dst = ip_addr_v4(get_be32(at + IPH_DST)),
        .src = ip_addr_v4(get_be32(at + IPH_SRC)),
        .header_len = frame->head_len,
        .total_len = frame_len(frame),
        .fragment_offset = (uint16_t)((fragment & IP_OFFSET_MASK) * 8),
        .df = (fragment & IP_FLAG_DF) != 0,
        .mf = (fragment & IP_FLAG_MF) != 0,
        .tos = at[IPH_TOS],
        .ttl = at[IPH_TTL],
        .protocol = at[IPH_PROTOCOL],
    };

    if (ip_addr_is_any(&header.src)) {
        header.src = path->src;
        put_be32(at + IPH_SRC, ip_addr_to_v4(&header.src));
    }
    if (get_be16(at + IPH_ID) == 0)
        put_be16(at + IPH_ID, choose_id(ip, &header, 1));
    put_be16(at + IPH_TOTAL_LENGTH, (uint16_t)header.total_len);
    put_be16(at + IPH_CHECKSUM, 0);
    put_be16(at + IPH_CHECKSUM, checksum_of(frame_head(frame)));
    return header;
}

/* What the program has cut itself is not put together for our own groups. */
static bool is_whole(const struct ip_header *header)
{
    return !header->mf && header->fragment_offset == 0;
}

int ip_output_packet(struct ip *ip, struct frame *frame,
                     const struct ip_send *send)
{
    struct ip_path path;

    ip->stats.out_requests++;

    int error = ip_path(ip, &send->dst, &send->src, send->scope, &path);

    if (error < 0) {
        ip->stats.out_no_routes++;
        return drop(ip, DROP_IP_NO_ROUTE, frame, error);
    }
    frame->iface = path.iface;
    if (frame_len(frame) > path.iface->mtu)
        return drop(ip, DROP_IP_TOO_BIG, frame, -EMSGSIZE);

    struct ip_header header = complete_header(ip, frame, &path);

    trace_packet_out(ip, &header);
    if (is_for_us_too(ip, send, &path) && is_whole(&header))
        ip_loop_add(ip, path.iface, frame, &header);
    return ip_addr_is_multicast(&send->dst) && header.ttl == 0
               ? 0
               : transmit(ip, &path, frame);
}
