/*
 * Interfaces: which addresses are ours, which of them to speak from, and the
 * edge where every frame leaves the stack. RFC 1122 3.2.1.3 and 3.3.4.
 *
 * The loopback interface owns the whole of 127/8 and has no broadcast address:
 * there is no other station on it.
 */
#include "link/iface.h"

#include "link/packet.h"

uint16_t iface_hardware(const struct iface *iface)
{
    if (iface->loopback)
        return IFACE_HARDWARE_LOOPBACK;
    return iface->dev->type == NETDEV_ETHERNET ? IFACE_HARDWARE_ETHERNET
                                               : IFACE_HARDWARE_NONE;
}

bool iface_is_broadcast(const struct iface *iface, const struct ip_addr *addr)
{
    if (iface->loopback || !ip_addr_may_be_broadcast(addr))
        return false;
    if (ip_addr_is_limited_broadcast(addr))
        return true;
    for (unsigned i = 0; i < iface->addr_count; i++) {
        struct ip_addr directed;

        if (ip_prefix_broadcast(&iface->addrs[i], &directed) &&
            ip_addr_equal(&directed, addr))
            return true;
    }
    return false;
}

const struct ip_addr *iface_source(const struct iface *iface,
                                   const struct ip_addr *to)
{
    const struct ip_addr *first = NULL;

    for (unsigned i = 0; i < iface->addr_count; i++) {
        const struct ip_prefix *ours = &iface->addrs[i];

        if (ip_prefix_contains(ours, to))
            return &ours->addr;
        if (!first && ip_addr_is_v4(&ours->addr) == ip_addr_is_v4(to))
            first = &ours->addr;
    }
    return first;
}

static void trace_frame_out(struct iface *iface, const struct frame *frame)
{
    struct trace_event event = {
        .kind = TRACE_FRAME_OUT,
        .layer = TRACE_ETH,
        .frame = frame,
        .frame_out = iface->env->frames_out,
        .len = frame_len(frame),
    };

    env_trace(iface->env, &event);
}

int iface_transmit(struct iface *iface, struct frame *frame)
{
    frame->iface = iface;
    if (frame->offload.checksum == FRAME_CHECKSUM_ABSENT &&
        !iface->dev->fills_checksum)
        frame_fill_checksum(frame);
    iface->env->frames_out++;
    if (env_is_traced(iface->env))
        trace_frame_out(iface, frame);
    if (iface->packets != NULL && packets_are_seen(iface->packets))
        packets_see_out(iface->packets, iface, frame);

    int error = netdev_transmit(iface->dev, iface->env->now, frame);

    if (error < 0) {
        iface->stats.out_discards++;
        return error;
    }
    iface->stats.out_frames++;
    iface->stats.out_octets += frame_len(frame);
    return 0;
}
