/*
 * IPv4 input: RFC 791 3.2 with the checks of RFC 1122 3.2.1, in the order in
 * which they are cheapest.
 *
 * The time to live is not looked at: a packet that has arrived has arrived
 * (RFC 1122 3.2.1.7).
 */
#include "ip/ip.h"

#include <errno.h>

static void trace_packet_in(const struct ip *ip, const struct ip_header *header,
                            const char *text)
{
    struct trace_event event;

    if (!env_is_traced(ip->env))
        return;
    event = (struct trace_event){
        .kind = TRACE_PACKET_IN,
        .layer = TRACE_IP,
        .text = text,
        .local.addr = header->dst,
        .remote.addr = header->src,
        .len = header->total_len - header->header_len,
    };
    env_trace(ip->env, &event);
}

/* Parses the header and cuts off what Ethernet padded behind the packet. */
static enum drop_reason take_header(struct frame *frame,
                                    struct ip_header *header)
{
    enum drop_reason why;

    if (ip_parse(frame_head(frame), header, &why) < 0)
        return why;
    if (header->total_len > frame_len(frame))
        return DROP_IP_BAD_TOTAL_LENGTH;
    frame_trim(frame, header->total_len);
    return DROP_NONE;
}

/* RFC 1122 3.2.1.3: what can be in 0/8 is only "this host", to all hosts; or a
 * switch that asks for groups and has no address: RFC 4541 2.1.1 (1). */
static bool is_bad_zero(const struct ip_header *header)
{
    if (ip_addr_to_v4(&header->src) >> 24 != 0)
        return false;
    return !ip_addr_is_any(&header->src) ||
           !(ip_addr_is_limited_broadcast(&header->dst) ||
             header->protocol == IP_PROTO_IGMP);
}

/* RFC 1122 3.2.1.3: a source names one host, and that is not us. */
static enum drop_reason check_source(const struct ip *ip,
                                     const struct iface *iface,
                                     const struct ip_header *header)
{
    if (iface->loopback)
        return DROP_NONE; /* ip_path chose it */
    if (ip_addr_is_loopback(&header->src) || ip_addr_is_loopback(&header->dst))
        return DROP_IP_MARTIAN; /* 3.2.1.3 (g) */
    if (ip_addr_is_multicast(&header->src) ||
        ip_is_broadcast(ip, &header->src) || is_bad_zero(header) ||
        ip_local_iface(ip, &header->src))
        return DROP_IP_BAD_SOURCE;
    return DROP_NONE;
}

/* RFC 1122 3.2.1.3, 3.3.7 */
static bool is_group_of_ours(const struct ip *ip, const struct iface *iface,
                             const struct ip_header *header)
{
    return iface_is_broadcast(iface, &header->dst) ||
           ip_group_is_wanted(ip, iface, &header->dst, &header->src);
}

/*
 * RFC 1122 3.2.1.3: an address of ours, on whatever interface (3.3.4.2, weak
 * model), or one that means everybody. Unicast in a link broadcast is somebody
 * else's mistake, and answering it would multiply it (3.3.6).
 */
static enum drop_reason check_destination(const struct ip *ip,
                                          const struct ip_packet *packet)
{
    if (packet->broadcast)
        return DROP_NONE;
    if (packet->link_broadcast && !ip_addr_is_multicast(&packet->header.dst))
        return DROP_IP_LINK_BROADCAST;
    return ip_local_iface(ip, &packet->header.dst) ? DROP_NONE
                                                   : DROP_IP_NOT_FOR_US;
}

static enum drop_reason check_addresses(const struct ip *ip,
                                        const struct ip_packet *packet)
{
    enum drop_reason why = check_source(ip, packet->iface, &packet->header);

    return why != DROP_NONE ? why : check_destination(ip, packet);
}

/*
 * A fragment goes to the reassembly. When it makes a datagram whole the frame
 * is that datagram from now on. Its transport checksum is to be verified,
 * whatever was known of the fragments': nobody has seen the whole before.
 */
static int reassemble(struct ip *ip, struct ip_packet *packet)
{
    struct frame *frame = packet->frame;
    uint64_t number = frame->number;
    struct bytes header_bytes =
        bytes_slice(packet->quote, 0, packet->header.header_len);
    struct bytes whole;
    enum drop_reason why;

    ip->stats.reasm_reqds++;
    trace_packet_in(ip, &packet->header, "fragment");
    if (!ip_reass_input(&ip->reass, frame, &packet->header, header_bytes,
                        &whole))
        return -EINPROGRESS;

    int error = ip_parse(whole, &packet->header, &why);

    assert(error == 0); /* each fragment's header was checked */
    (void)error;
    ip->stats.reasm_oks++;
    frame_init_input(frame, packet->iface, (uint8_t *)whole.data, whole.len);
    frame->number = number;
    frame_pull(frame, packet->header.header_len);
    packet->quote = whole;
    return 0;
}

static bool is_fragment(const struct ip_header *header)
{
    return header->mf || header->fragment_offset != 0;
}

static int drop(struct ip *ip, enum drop_reason why, const struct frame *frame)
{
    env_drop(ip->env, why, frame);
    return -EBADMSG;
}

DOOR int ip_input(struct ip *ip, struct frame *frame, bool link_broadcast,
                  struct ip_packet *out)
{
    struct ip_packet packet = {
        .iface = frame->iface,
        .frame = frame,
        .link_broadcast = link_broadcast,
    };

    ip->stats.in_receives++;

    enum drop_reason why = take_header(frame, &packet.header);

    if (why != DROP_NONE) {
        ip->stats.in_hdr_errors++;
        return drop(ip, why, frame);
    }
    packet.broadcast = is_group_of_ours(ip, packet.iface, &packet.header);
    why = check_addresses(ip, &packet);
    if (why != DROP_NONE) {
        ip->stats.in_addr_errors++;
        return drop(ip, why, frame);
    }
    packet.quote = frame_head(frame);
    frame_pull(frame, packet.header.header_len);
    if (is_fragment(&packet.header) && reassemble(ip, &packet) < 0)
        return -EINPROGRESS;
    trace_packet_in(ip, &packet.header,
                    ip_protocol_text(packet.header.protocol));
    ip->stats.in_delivers++;
    *out = packet;
    return 0;
}
