#include "ip/ip_filter.h"

enum { ETHERTYPE_OF_IP = 0x0800 };

void ip_filter_whole(const struct ip_packet *packet, size_t pulled,
                     struct frame *out)
{
    const struct frame *rest = packet->frame;
    size_t before = packet->header.header_len + pulled;

    frame_init_input(out, packet->iface, rest->head - before,
                     rest->head_len + before); /* what was pulled is there */
    for (unsigned i = 0; i < rest->slice_count; i++)
        frame_add_slice(out, rest->slices[i]);
}

static struct bpf_about about_packet(const struct ip_packet *packet)
{
    return (struct bpf_about){.protocol = ETHERTYPE_OF_IP,
                              .iface = packet->iface->index,
                              .hardware = iface_hardware(packet->iface)};
}

uint32_t ip_filter_run_whole(const struct bpf_program *filter,
                             const struct ip_packet *packet,
                             const struct frame *whole)
{
    struct bpf_about about = about_packet(packet);

    return bpf_run(filter, whole, &about);
}

uint32_t ip_filter_run(const struct bpf_program *filter,
                       const struct ip_packet *packet, size_t pulled)
{
    struct bpf_about about = about_packet(packet);
    struct frame whole;

    if (filter == NULL)
        return UINT32_MAX;
    ip_filter_whole(packet, pulled, &whole);
    about.data_begin = packet->header.header_len;
    return bpf_run(filter, &whole, &about);
}
