/*
 * SO_ATTACH_FILTER of sockets above IP: a filter sees what the socket would
 * get, and behind SKF_NET_OFF the packet with its IP header.
 */
#ifndef TAPIR_IP_IP_FILTER_H
#define TAPIR_IP_IP_FILTER_H

#include "base/bpf.h"
#include "ip/ip.h"

/*
 * The packet from its IP header on, as a frame that borrows it. `pulled`: so
 * much of the transport's header lies before the packet's frame already.
 */
void ip_filter_whole(const struct ip_packet *packet, size_t pulled,
                     struct frame *out);

/*
 * How many bytes are wanted from the transport's header on, `pulled` of which
 * lie before the packet's frame; BPF_WANT_NOTHING. NULL wants all.
 */
uint32_t ip_filter_run(const struct bpf_program *filter,
                       const struct ip_packet *packet, size_t pulled);
/* The same from the IP header on. */
uint32_t ip_filter_run_whole(const struct bpf_program *filter,
                             const struct ip_packet *packet,
                             const struct frame *whole);

#endif
