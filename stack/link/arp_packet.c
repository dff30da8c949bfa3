/*
 * The ARP packet, RFC 826 "Packet format", for Ethernet and IPv4.
 */
#include "link/arp_packet.h"

#include "link/eth.h"

#include <errno.h>

enum { HARDWARE_ETHERNET = 1, MAC_LEN = 6, IPV4_LEN = 4 };

static void put_mac(uint8_t *at, const struct mac_addr *mac)
{
    memcpy(at, mac->octet, MAC_LEN);
}

static bool is_ethernet_and_ipv4(const uint8_t *at)
{
    return get_be16(at + ARP_HARDWARE) == HARDWARE_ETHERNET &&
           get_be16(at + ARP_PROTOCOL) == ETH_TYPE_IPV4 &&
           at[ARP_HARDWARE_LEN] == MAC_LEN && at[ARP_PROTOCOL_LEN] == IPV4_LEN;
}

static enum drop_reason check_format(struct bytes bytes)
{
    if (bytes.len < ARP_PACKET_LEN)
        return DROP_ARP_SHORT;
    if (!is_ethernet_and_ipv4(bytes.data))
        return DROP_ARP_UNSUPPORTED;

    unsigned operation = get_be16(bytes.data + ARP_OPERATION);

    if (operation != ARP_REQUEST && operation != ARP_REPLY)
        return DROP_ARP_BAD_OPERATION;
    return DROP_NONE;
}

int arp_parse(struct bytes bytes, struct arp_packet *out, enum drop_reason *why)
{
    enum drop_reason reason = check_format(bytes);

    if (reason != DROP_NONE) {
        *why = reason;
        return -EBADMSG;
    }
    *out = (struct arp_packet){
        .operation = (enum arp_operation)get_be16(bytes.data + ARP_OPERATION),
        .sender_mac = mac_addr_read(bytes.data + ARP_SENDER_MAC),
        .sender_ip = ip_addr_v4(get_be32(bytes.data + ARP_SENDER_IP)),
        .target_mac = mac_addr_read(bytes.data + ARP_TARGET_MAC),
        .target_ip = ip_addr_v4(get_be32(bytes.data + ARP_TARGET_IP)),
    };
    return 0;
}

void arp_emit(uint8_t *at, const struct arp_packet *packet)
{
    put_be16(at + ARP_HARDWARE, HARDWARE_ETHERNET);
    put_be16(at + ARP_PROTOCOL, ETH_TYPE_IPV4);
    at[ARP_HARDWARE_LEN] = MAC_LEN;
    at[ARP_PROTOCOL_LEN] = IPV4_LEN;
    put_be16(at + ARP_OPERATION, (uint16_t)packet->operation);
    put_mac(at + ARP_SENDER_MAC, &packet->sender_mac);
    put_be32(at + ARP_SENDER_IP, ip_addr_to_v4(&packet->sender_ip));
    put_mac(at + ARP_TARGET_MAC, &packet->target_mac);
    put_be32(at + ARP_TARGET_IP, ip_addr_to_v4(&packet->target_ip));
}

static const char *packet_text(const struct arp_packet *packet)
{
    return packet->operation == ARP_REQUEST ? "who-has" : "is-at";
}

void arp_trace_packet(struct env *env, enum trace_kind kind,
                      const struct arp_packet *packet,
                      const struct ip_addr *local, const struct ip_addr *remote)
{
    struct trace_event event = {
        .kind = kind,
        .layer = TRACE_ARP,
        .text = packet_text(packet),
        .local.addr = *local,
        .remote.addr = *remote,
        .mac = packet->sender_mac,
        .len = ARP_PACKET_LEN,
    };

    if (env_is_traced(env))
        env_trace(env, &event);
}

void arp_send_packet(struct arp *arp, struct iface *iface,
                     const struct arp_packet *packet,
                     const struct mac_addr *dst)
{
    struct frame frame;

    frame_init_output(&frame);
    arp_emit(frame_push(&frame, ARP_PACKET_LEN), packet);
    if (packet->operation == ARP_REQUEST)
        arp->stats.out_requests++;
    else
        arp->stats.out_replies++;
    arp_trace_packet(arp->env, TRACE_PACKET_OUT, packet, &packet->sender_ip,
                     &packet->target_ip);
    /* A full device is as a loss on the way: the timer asks again. */
    (void)eth_output(iface, &frame, dst, ETH_TYPE_ARP);
}
