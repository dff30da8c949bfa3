/*
 * Making a frame whole: what a device with checksum and segmentation offload
 * does, for those who must see the packets as they go over a network. The
 * rules are those of the virtio header (OASIS virtio 1.2, 5.1.6.2); headers
 * are RFC 791 3.1, RFC 9293 3.1 and RFC 768, CWR is RFC 3168 6.1.2.
 *
 * Left out on purpose: cutting of TCP over IPv6, which the stack does not
 * build. Such frames, and those whose headers do not make sense, are
 * passed on uncut, with their checksum filled in where there is a place for
 * it.
 */
#include "netdev/whole.h"

#include "base/checksum.h"

enum { ETH_TYPE = 12, ETH_HEADER_LEN = 14, ETH_TYPE_IPV4 = 0x0800 };

enum {
    IPH_VERSION_IHL = 0,
    IPH_TOTAL_LENGTH = 2,
    IPH_ID = 4,
    IPH_PROTOCOL = 9,
    IPH_CHECKSUM = 10,
    IPH_SRC = 12,
    IPH_DST = 16,
    IP_HEADER_LEN = 20,
    IP_PROTO_TCP = 6,
    IP_PROTO_UDP = 17
};

enum { UDP_LENGTH = 4, UDP_CHECKSUM = 6, UDP_HEADER_LEN = 8 };

enum {
    TCP_SEQ = 4,
    TCP_DATA_OFFSET = 12,
    TCP_FLAGS = 13,
    TCP_CHECKSUM = 16,
    TCP_HEADER_LEN = 20
};

enum { TCP_FIN = 0x01, TCP_PSH = 0x08, TCP_CWR = 0x80 };

/* Where the parts of a segment, or a datagram, begin, from the frame's first
 * byte. */
struct layout {
    size_t ip;
    size_t transport;
    size_t payload;
    size_t end; /* of the IP packet */
};

static bool find_ip(enum netdev_type type, struct bytes head,
                    struct layout *layout)
{
    layout->ip = 0;
    if (type == NETDEV_IP)
        return true;
    layout->ip = ETH_HEADER_LEN;
    return head.len >= ETH_HEADER_LEN &&
           get_be16(head.data + ETH_TYPE) == ETH_TYPE_IPV4;
}

/* False unless the head holds an IPv4 header and `least` bytes behind it that
 * agree with the frame: a frame from a device is not to be believed. */
static bool find_ipv4(enum netdev_type type, const struct frame *frame,
                      unsigned protocol, size_t least, struct layout *layout)
{
    struct bytes head = frame_head(frame);

    if (!find_ip(type, head, layout) || head.len - layout->ip < IP_HEADER_LEN)
        return false;

    const uint8_t *ip = head.data + layout->ip;
    size_t ip_len = (ip[IPH_VERSION_IHL] & 0xfu) * 4;

    if (ip[IPH_VERSION_IHL] >> 4 != 4 || ip_len < IP_HEADER_LEN ||
        ip[IPH_PROTOCOL] != protocol)
        return false;

    layout->transport = layout->ip + ip_len;
    layout->end = layout->ip + get_be16(ip + IPH_TOTAL_LENGTH);
    return layout->transport + least <= head.len &&
           layout->transport + least <= layout->end &&
           layout->end <= frame_len(frame);
}

static bool find_tcpv4(enum netdev_type type, const struct frame *frame,
                       struct layout *layout)
{
    if (!find_ipv4(type, frame, IP_PROTO_TCP, TCP_HEADER_LEN, layout))
        return false;

    size_t tcp_len =
        (frame->head[layout->transport + TCP_DATA_OFFSET] >> 4) * 4u;

    layout->payload = layout->transport + tcp_len;
    return tcp_len >= TCP_HEADER_LEN && layout->payload <= frame->head_len &&
           layout->payload <= layout->end;
}

static bool find_udpv4(enum netdev_type type, const struct frame *frame,
                       struct layout *layout)
{
    if (!find_ipv4(type, frame, IP_PROTO_UDP, UDP_HEADER_LEN, layout))
        return false;
    layout->payload = layout->transport + UDP_HEADER_LEN;
    return true;
}

static bool find_parts(enum netdev_type type, const struct frame *frame,
                       struct layout *layout)
{
    if (frame->offload.gso == FRAME_GSO_TCPV4)
        return find_tcpv4(type, frame, layout);
    return frame->offload.gso == FRAME_GSO_UDP_L4 &&
           find_udpv4(type, frame, layout);
}

static bool is_to_be_cut(enum netdev_type type, const struct frame *frame,
                         struct layout *layout)
{
    size_t gso_size = frame->offload.gso_size;

    return gso_size > 0 && find_parts(type, frame, layout) &&
           layout->end - layout->payload > gso_size;
}

static void fill_ip_header(uint8_t *ip, size_t header_len, size_t total_len,
                           uint16_t id)
{
    put_be16(ip + IPH_TOTAL_LENGTH, (uint16_t)total_len);
    put_be16(ip + IPH_ID, id);
    put_be16(ip + IPH_CHECKSUM, 0);
    put_be16(ip + IPH_CHECKSUM, checksum_of(bytes_of(ip, header_len)));
}

/* RFC 9293 3.1, RFC 768: over the pseudo header and the `len` bytes at `at`. */
static uint16_t checksum_over(const uint8_t *ip, const uint8_t *at, size_t len)
{
    struct checksum sum = {0};
    struct ip_addr src = ip_addr_v4(get_be32(ip + IPH_SRC));
    struct ip_addr dst = ip_addr_v4(get_be32(ip + IPH_DST));

    checksum_add_pseudo(&sum, &src, &dst, ip[IPH_PROTOCOL], len);
    checksum_add(&sum, bytes_of(at, len));
    return checksum_finish(&sum);
}

static void fill_tcp_checksum(const uint8_t *ip, uint8_t *tcp, size_t len)
{
    put_be16(tcp + TCP_CHECKSUM, 0);
    put_be16(tcp + TCP_CHECKSUM, checksum_over(ip, tcp, len));
}

/* RFC 768: a sum of zero is sent as all ones, for zero says that there is
 * none. */
static void fill_udp_header(const uint8_t *ip, uint8_t *udp, size_t len)
{
    uint16_t sum;

    put_be16(udp + UDP_LENGTH, (uint16_t)len);
    put_be16(udp + UDP_CHECKSUM, 0);
    sum = checksum_over(ip, udp, len);
    put_be16(udp + UDP_CHECKSUM, sum == 0 ? UINT16_MAX : sum);
}

/* CWR speaks of the first byte, PSH and FIN of the last. */
static uint8_t segment_flags(uint8_t flags, size_t from, size_t end,
                             const struct layout *layout)
{
    if (from != layout->payload)
        flags &= (uint8_t)~TCP_CWR;
    if (end != layout->end)
        flags &= (uint8_t) ~(TCP_PSH | TCP_FIN);
    return flags;
}

static void finish_tcp(const struct frame *frame, const struct layout *layout,
                       uint8_t *packet, size_t from, size_t len)
{
    const uint8_t *whole = frame->head + layout->transport;
    uint8_t *tcp = packet + layout->transport;

    put_be32(tcp + TCP_SEQ,
             get_be32(whole + TCP_SEQ) + (uint32_t)(from - layout->payload));
    tcp[TCP_FLAGS] = segment_flags(whole[TCP_FLAGS], from, from + len, layout);
    fill_tcp_checksum(packet + layout->ip, tcp,
                      layout->payload - layout->transport + len);
}

/*
 * `packet` holds the headers of the whole and the payload [from, from + len):
 * makes the headers those of this segment, the `nth`.
 */
static void finish_segment(const struct frame *frame,
                           const struct layout *layout, uint8_t *packet,
                           size_t from, size_t len, unsigned nth)
{
    const uint8_t *whole_ip = frame->head + layout->ip;
    uint8_t *ip = packet + layout->ip;

    fill_ip_header(ip, layout->transport - layout->ip,
                   layout->payload - layout->ip + len,
                   (uint16_t)(get_be16(whole_ip + IPH_ID) + nth));
    if (frame->offload.gso == FRAME_GSO_UDP_L4)
        fill_udp_header(ip, packet + layout->transport, UDP_HEADER_LEN + len);
    else
        finish_tcp(frame, layout, packet, from, len);
}

static void cut(const struct frame *frame, const struct layout *layout,
                whole_frame_fn *each, void *context)
{
    uint8_t packet[WHOLE_FRAME_MAX];
    size_t gso_size = frame->offload.gso_size;
    size_t from = layout->payload;

    memcpy(packet, frame->head, layout->payload);
    for (unsigned nth = 0; from < layout->end; nth++) {
        size_t len = min_size(gso_size, layout->end - from);

        frame_copy(frame, from, packet + layout->payload, len);
        finish_segment(frame, layout, packet, from, len, nth);
        each(context, packet, layout->payload + len);
        from += len;
    }
}

/* The checksum's place lies in the frame: on input the device says where. */
static bool can_fill_checksum(const struct frame *frame)
{
    const struct frame_offload *offload = &frame->offload;

    return offload->checksum == FRAME_CHECKSUM_ABSENT &&
           offload->csum_back <= frame->head_len &&
           offload->csum_offset + 2u <= offload->csum_back;
}

/* Head and slices into one piece; the checksum where it is left to us. */
static void join(const struct frame *frame, whole_frame_fn *each, void *context)
{
    uint8_t packet[WHOLE_FRAME_MAX];
    size_t len = frame_copy(frame, 0, packet, sizeof(packet));

    if (can_fill_checksum(frame)) {
        size_t transport = frame->head_len - frame->offload.csum_back;
        struct frame joined;

        frame_init_input(&joined, NULL, packet, len);
        joined.offload = frame->offload;
        joined.offload.csum_back = (uint16_t)(len - transport);
        frame_fill_checksum(&joined);
    }
    each(context, packet, len);
}

void frame_make_whole(enum netdev_type type, const struct frame *frame,
                      whole_frame_fn *each, void *context)
{
    struct layout layout;

    if (is_to_be_cut(type, frame, &layout))
        cut(frame, &layout, each, context);
    else if (frame->slice_count == 0 && !can_fill_checksum(frame))
        each(context, frame->head, frame->head_len); /* no copy */
    else if (frame_len(frame) <= WHOLE_FRAME_MAX) /* no IP packet is larger */
        join(frame, each, context);
}
