/*
 * Endpoints of datagrams, with Linux's choices: socket(7), ip(7).
 */
#include "ip/datagram_pcb.h"

#include <errno.h>

void datagram_pcb_init(struct datagram_pcb *common, struct ip *ip,
                       size_t receive_limit, void *owner)
{
    *common = (struct datagram_pcb){
        .ip = ip, .discover = IP_DISCOVER_WANT, .owner = owner};
    ip_multicast_init(&common->multicast, ip);
    dgram_queue_init(&common->received, receive_limit);
    error_queue_init(&common->errors);
}

void datagram_pcb_fini(struct datagram_pcb *common)
{
    struct memory *memory = common->ip->env->memory;

    ip_multicast_fini(&common->multicast);
    dgram_queue_fini(&common->received, memory);
    error_queue_clear(&common->errors, memory);
}

int datagram_pcb_take_error(struct datagram_pcb *common)
{
    int error = common->error;

    common->error = 0;
    return error;
}

bool datagram_pcb_may_bind(const struct datagram_pcb *common,
                           const struct ip_addr *addr)
{
    const struct ip *ip = common->ip;

    return common->free_bind || ip_addr_is_any(addr) ||
           ip_local_iface(ip, addr) || ip_is_broadcast(ip, addr) ||
           ip_addr_is_multicast(addr);
}

int datagram_pcb_path(const struct datagram_pcb *common,
                      const struct ip_send *send,
                      const struct ip_choice *choice, struct ip_path *path)
{
    struct ip_send to = *send;
    struct ip_choice way = *choice;
    int error;

    if (to.scope == 0 && !ip_addr_is_multicast(&to.dst))
        to.scope = common->unicast_iface;
    way.on_link = choice->on_link || common->dont_route;
    error = ip_multicast_path(&common->multicast, &to, &way, path);
    if (error == 0 && !common->broadcast &&
        ip_is_broadcast(common->ip, &to.dst))
        return -EACCES;
    return error;
}

void datagram_pcb_prepare(const struct datagram_pcb *common,
                          const struct ip_choice *choice, struct ip_send *send)
{
    send->tos = choice->has_tos ? choice->tos : common->tos;
    send->ttl = choice->ttl ? choice->ttl : common->ttl;
    send->discover = common->discover;
    if (choice->scope)
        send->scope = choice->scope;
    else if (send->scope == 0 && !ip_addr_is_multicast(&send->dst))
        send->scope = common->unicast_iface;
    ip_multicast_prepare(&common->multicast, choice, send);
}

int datagram_pcb_sent(struct datagram_pcb *common, int error,
                      const struct endpoint *told, unsigned mtu)
{
    if (error == -EMSGSIZE && common->hears_errors)
        error_queue_add_too_big(&common->errors, common->ip->env,
                                common->received.limit, told, mtu);
    return error == -ENOBUFS && !common->hears_errors ? 0 : error;
}
