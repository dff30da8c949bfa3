/*
 * UDP: RFC 768, RFC 1122 4.1. Here are the header, connections and output;
 * udp_input.c has the other direction, udp_port.c the ports.
 *
 * UDP_SEGMENT is Linux's, udp(7): a super-frame where the device cuts it
 * (FRAME_GSO_UDP_L4), and single datagrams otherwise; nothing is copied.
 *
 * Left out on purpose: UDP-Lite.
 */
#include "udp/udp.h"

#include "base/checksum.h"
#include "udp/udp_internal.h"

#include <errno.h>

/* ---- The header -------------------------------------------------------- */

int udp_parse(struct bytes head, size_t packet_len, struct udp_header *out,
              enum drop_reason *why)
{
    if (head.len < UDP_HEADER_LEN) {
        *why = DROP_UDP_SHORT;
        return -EBADMSG;
    }

    size_t len = get_be16(head.data + UDP_LENGTH);

    if (len < UDP_HEADER_LEN || len > packet_len) {
        *why = DROP_UDP_BAD_LENGTH;
        return -EBADMSG;
    }
    *out = (struct udp_header){
        .src_port = get_be16(head.data + UDP_SRC_PORT),
        .dst_port = get_be16(head.data + UDP_DST_PORT),
        .checksum = get_be16(head.data + UDP_CHECKSUM),
        .len = len,
    };
    return 0;
}

void udp_emit(uint8_t *at, const struct udp_header *header)
{
    put_be16(at + UDP_SRC_PORT, header->src_port);
    put_be16(at + UDP_DST_PORT, header->dst_port);
    put_be16(at + UDP_LENGTH, (uint16_t)header->len);
    put_be16(at + UDP_CHECKSUM, header->checksum);
}

void udp_trace(const struct udp *udp, enum trace_kind kind,
               const struct ends *ends, size_t payload_len)
{
    struct trace_event event = {
        .kind = kind,
        .layer = TRACE_UDP,
        .text = "datagram",
        .local = ends->local,
        .remote = ends->remote,
        .len = payload_len,
    };

    if (env_is_traced(udp->env))
        env_trace(udp->env, &event);
}

/* ---- Connecting -------------------------------------------------------- */

static uint32_t scope_of(const struct udp_pcb *pcb, const struct endpoint *to)
{
    return pcb->local.scope ? pcb->local.scope : to->scope;
}

static int find_path(const struct udp_pcb *pcb, const struct endpoint *to,
                     const struct ip_choice *choice, struct ip_path *path)
{
    struct ip_send send = {
        .src = pcb->source,
        .dst = to->addr,
        .scope = scope_of(pcb, to),
    };

    return datagram_pcb_path(&pcb->common, &send, choice, path);
}

void udp_set_device(struct udp_pcb *pcb, unsigned iface)
{
    pcb->local.scope = iface;
    pcb->bound.scope = iface;
}

/* A port that bind did not choose is given back too. */
static void disconnect(struct udp_pcb *pcb)
{
    pcb->remote = (struct endpoint){0};
    if (pcb->bound.port == 0)
        udp_unbind(pcb);
    pcb->local = pcb->bound;
    udp_choose_source(pcb);
}

int udp_connect(struct udp_pcb *pcb, const struct endpoint *remote)
{
    static const struct ip_choice usual;
    struct ip_path path;

    if (remote->port == 0 && ip_addr_is_any(&remote->addr)) {
        disconnect(pcb);
        return 0;
    }

    int error = udp_bind_to_free_port(pcb); /* as Linux: before all else */

    if (error == 0)
        error = find_path(pcb, remote, &usual, &path);
    if (error < 0)
        return error;
    pcb->remote = *remote;
    pcb->source = path.src; /* as Linux: the next connect speaks from it too */
    if (ip_addr_is_any(&pcb->local.addr))
        pcb->local.addr = path.src;
    return 0;
}

/* ---- Output ------------------------------------------------------------ */

static size_t pieces_len(const struct bytes *pieces, unsigned count)
{
    size_t len = 0;

    for (unsigned i = 0; i < count; i++)
        len += pieces[i].len;
    return len;
}

/* The sum of the pseudo header only: the rest is the device's, or its edge's.
 */
static void push_header(struct frame *frame, const struct ends *ends,
                        bool no_checksum)
{
    struct checksum pseudo = {0};
    struct udp_header header = {
        .src_port = ends->local.port,
        .dst_port = ends->remote.port,
        .len = UDP_HEADER_LEN + frame_len(frame),
    };

    if (no_checksum) {
        udp_emit(frame_push(frame, UDP_HEADER_LEN), &header);
        return;
    }
    checksum_add_pseudo(&pseudo, &ends->local.addr, &ends->remote.addr,
                        IP_PROTO_UDP, header.len);
    header.checksum = checksum_fold(&pseudo);
    udp_emit(frame_push(frame, UDP_HEADER_LEN), &header);
    frame_leave_checksum(frame, UDP_CHECKSUM);
}

/* `segment`: what the device cuts by; 0: nothing. */
static int send_datagram(struct udp_pcb *pcb, const struct ends *ends,
                         const struct ip_choice *choice,
                         const struct bytes *pieces, unsigned count,
                         uint16_t segment)
{
    struct udp *udp = pcb->udp;
    struct ip_send send = {
        .src = ends->local.addr,
        .dst = ends->remote.addr,
        .protocol = IP_PROTO_UDP,
        .scope = scope_of(pcb, &ends->remote),
    };
    struct frame frame;

    datagram_pcb_prepare(&pcb->common, choice, &send);
    frame_init_output(&frame);
    for (unsigned i = 0; i < count; i++)
        frame_add_slice(&frame, pieces[i]);
    udp_trace(udp, TRACE_PACKET_OUT, ends, frame_len(&frame));
    push_header(&frame, ends, pcb->no_checksum);
    if (segment != 0) {
        frame.offload.gso = FRAME_GSO_UDP_L4;
        frame.offload.gso_size = segment;
    }
    udp->stats.out_datagrams++;

    return ip_output(udp->ip, &frame, &send);
}

/* ---- UDP_SEGMENT --------------------------------------------------------- */

static uint16_t segment_of(const struct udp_pcb *pcb,
                           const struct ip_choice *choice)
{
    return choice->has_segment ? choice->segment : pcb->segment;
}

/* In Linux's order. */
static int check_segments(const struct udp_pcb *pcb, const struct ip_path *path,
                          size_t len, size_t segment)
{
    size_t headers = IP_HEADER_LEN + UDP_HEADER_LEN;

    if (headers + min_size(len, segment) >
        ip_path_mtu(path, pcb->common.discover))
        return -EMSGSIZE;
    if (len > segment * UDP_SEGMENTS_MAX || pcb->no_checksum)
        return -EINVAL;
    return 0;
}

/* The bytes [from, from + len) of all pieces, as pieces. */
static unsigned part_of(const struct bytes *pieces, unsigned count, size_t from,
                        size_t len, struct bytes out[static FRAME_SLICES])
{
    unsigned parts = 0;

    for (unsigned i = 0; i < count && len > 0; i++) {
        size_t skipped = min_size(from, pieces[i].len);
        size_t taken = min_size(len, pieces[i].len - skipped);

        if (taken > 0)
            out[parts++] = bytes_slice(pieces[i], skipped, taken);
        from -= skipped;
        len -= taken;
    }
    return parts;
}

static int send_one_by_one(struct udp_pcb *pcb, const struct ends *ends,
                           const struct ip_choice *choice,
                           const struct bytes *pieces, unsigned count,
                           size_t segment)
{
    size_t len = pieces_len(pieces, count);
    int error = 0;

    for (size_t from = 0; from < len && error == 0; from += segment) {
        struct bytes part[FRAME_SLICES];
        unsigned parts = part_of(pieces, count, from, segment, part);

        error = send_datagram(pcb, ends, choice, part, parts, 0);
    }
    return error;
}

/* Whether the device may cut it: of what comes back to us, or fits, it need
 * not. */
static bool is_cut_by_device(const struct udp_pcb *pcb,
                             const struct endpoint *to,
                             const struct ip_path *path, size_t len)
{
    const struct netdev *dev = path->iface->dev;

    return dev->cuts_udp &&
           IP_HEADER_LEN + UDP_HEADER_LEN + len <= dev->max_gso &&
           !ip_addr_is_multicast(&to->addr) &&
           !ip_is_broadcast(pcb->udp->ip, &to->addr);
}

static int send_segments(struct udp_pcb *pcb, const struct ends *ends,
                         const struct ip_choice *choice,
                         const struct ip_path *path, const struct bytes *pieces,
                         unsigned count)
{
    size_t len = pieces_len(pieces, count);
    uint16_t segment = segment_of(pcb, choice);

    if (len <= segment)
        return send_datagram(pcb, ends, choice, pieces, count, 0);
    if (!is_cut_by_device(pcb, &ends->remote, path, len))
        return send_one_by_one(pcb, ends, choice, pieces, count, segment);
    pcb->udp->stats.out_datagrams += (len - 1) / segment;
    return send_datagram(pcb, ends, choice, pieces, count, segment);
}

/* ---- Sending ------------------------------------------------------------- */

int udp_send_as(struct udp_pcb *pcb, const struct endpoint *to,
                const struct ip_choice *choice, const struct bytes *pieces,
                unsigned count)
{
    struct ip_path path;
    int error = udp_bind_to_free_port(pcb); /* as Linux: before all else */

    if (error < 0)
        return error;
    if (!to && !udp_is_connected(pcb))
        return -EDESTADDRREQ;
    if (to && to->port == 0) /* connected to it, as Linux, it goes out */
        return -EINVAL;
    if (!to)
        to = &pcb->remote;

    error = find_path(pcb, to, choice, &path);
    if (error == 0 && pieces_len(pieces, count) > UDP_PAYLOAD_MAX)
        error = -EMSGSIZE;
    if (error == 0 && pcb->common.error)
        error = -datagram_pcb_take_error(&pcb->common);
    if (error == 0 && pieces_are_nowhere(pieces, count))
        error = -EFAULT;
    if (error < 0)
        return error;

    struct ends ends = {.local = pcb->local, .remote = *to};

    ends.local.addr = path.src;
    if (segment_of(pcb, choice) != 0 &&
        (error = check_segments(pcb, &path, pieces_len(pieces, count),
                                segment_of(pcb, choice))) < 0)
        return error;
    if (segment_of(pcb, choice) != 0)
        error = send_segments(pcb, &ends, choice, &path, pieces, count);
    else
        error = send_datagram(pcb, &ends, choice, pieces, count, 0);

    struct endpoint told = {.addr = to->addr, .port = pcb->remote.port};

    return datagram_pcb_sent(&pcb->common, error, &told,
                             ip_path_mtu(&path, pcb->common.discover));
}

int udp_send(struct udp_pcb *pcb, const struct endpoint *to,
             const struct bytes *pieces, unsigned count)
{
    static const struct ip_choice usual;

    return udp_send_as(pcb, to, &usual, pieces, count);
}

int udp_mtu(const struct udp_pcb *pcb)
{
    static const struct ip_choice usual;
    struct ip_path path;
    int error;

    if (!udp_is_connected(pcb))
        return -ENOTCONN;
    error = find_path(pcb, &pcb->remote, &usual, &path);
    return error < 0 ? error : (int)path.mtu;
}

/* ---- The contexts ------------------------------------------------------ */

void udp_pcb_init(struct udp *udp, struct udp_pcb *pcb, size_t receive_limit,
                  void *owner)
{
    *pcb = (struct udp_pcb){.udp = udp};
    datagram_pcb_init(&pcb->common, udp->ip, receive_limit, owner);
}

void udp_pcb_fini(struct udp_pcb *pcb)
{
    udp_unbind(pcb);
    datagram_pcb_fini(&pcb->common);
}

int udp_init(struct udp *udp, struct env *env, struct ip *ip, struct icmp *icmp)
{
    *udp = (struct udp){
        .env = env,
        .ip = ip,
        .icmp = icmp,
        .key = random_key(&env->random),
    };
    return hash_table_init(&udp->by_port, env->memory);
}

void udp_fini(struct udp *udp)
{
    hash_table_fini(&udp->by_port, udp->env->memory);
}
