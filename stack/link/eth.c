/*
 * Ethernet II framing, RFC 894. IEEE 802.3 length fields (RFC 1042) and VLAN
 * tags are left out: their type is unknown to whoever looks at it next.
 */
#include "link/eth.h"

#include <errno.h>

int eth_parse(struct bytes bytes, struct eth_header *out, enum drop_reason *why)
{
    if (bytes.len < ETH_HEADER_LEN) {
        *why = DROP_ETH_SHORT;
        return -EBADMSG;
    }
    *out = (struct eth_header){
        .dst = mac_addr_read(bytes.data + ETH_DST),
        .src = mac_addr_read(bytes.data + ETH_SRC),
        .type = get_be16(bytes.data + ETH_TYPE),
    };
    return 0;
}

void eth_emit(uint8_t *at, const struct eth_header *header)
{
    memcpy(at + ETH_DST, header->dst.octet, sizeof(header->dst.octet));
    memcpy(at + ETH_SRC, header->src.octet, sizeof(header->src.octet));
    put_be16(at + ETH_TYPE, header->type);
}

/* A TAP, a hub or a switch that floods brings frames for other stations. */
static enum drop_reason check_addresses(const struct iface *iface,
                                        const struct eth_header *header)
{
    if (mac_addr_is_multicast(&header->src))
        return DROP_ETH_SOURCE_MULTICAST;
    if (!mac_addr_is_multicast(&header->dst) &&
        !mac_addr_equal(&header->dst, &iface->mac))
        return DROP_ETH_NOT_FOR_US;
    return DROP_NONE;
}

DOOR int eth_input(struct frame *frame, struct eth_header *out)
{
    struct iface *iface = frame->iface;
    struct eth_header header;
    enum drop_reason why = DROP_NONE;

    if (eth_parse(frame_head(frame), &header, &why) == 0)
        why = check_addresses(iface, &header);
    if (why != DROP_NONE) {
        iface->stats.in_discards++;
        env_drop(iface->env, why, frame);
        return -EBADMSG;
    }
    frame_pull(frame, ETH_HEADER_LEN);
    *out = header;
    return 0;
}

/*
 * Short frames are not padded to Ethernet's 60 bytes: a TAP or a wire has no
 * collisions to detect, and hardware pads by itself.
 */
DOOR int eth_output(struct iface *iface, struct frame *frame,
                    const struct mac_addr *dst, uint16_t type)
{
    struct eth_header header = {.dst = *dst, .src = iface->mac, .type = type};

    eth_emit(frame_push(frame, ETH_HEADER_LEN), &header);
    return iface_transmit(iface, frame);
}
