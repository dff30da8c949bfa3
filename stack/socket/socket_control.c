#include "socket/socket_control.h"

/*
 * RFC 1122 4.1.3.5: the address by which we are spoken to; for a broadcast
 * and a group the one from which we would speak to the sender.
 */
static struct ip_addr specific_destination(struct ip *ip,
                                           const struct dgram *dgram)
{
    struct ip_addr any = {{0}};
    struct ip_path path;

    if (ip_local_iface(ip, &dgram->dst) != NULL ||
        ip_path(ip, &dgram->src.addr, &any, dgram->iface_index, &path) < 0)
        return dgram->dst;
    return path.src;
}

/* In the order of their bits. */
unsigned socket_wants(const struct socket *socket)
{
    static const struct {
        enum socket_flag flag;
        enum socket_control_kind kind;
    } kinds[] = {
        {FLAG_RECEIVE_OVERFLOW, CONTROL_LOST},
        {FLAG_RECEIVE_MARK, CONTROL_MARK},
        {FLAG_RECEIVE_PRIORITY, CONTROL_PRIORITY},
        {FLAG_PACKET_INFO, CONTROL_PACKET_INFO},
        {FLAG_RECEIVE_TTL, CONTROL_TTL},
        {FLAG_RECEIVE_TOS, CONTROL_TOS},
        {FLAG_RECEIVE_DESTINATION, CONTROL_DESTINATION},
    };
    unsigned present = socket->settings.timestamp != 0 ? CONTROL_TIMESTAMP : 0;

    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
        if (socket_has(socket, kinds[i].flag))
            present |= kinds[i].kind;
    return present;
}

void socket_tell_control(const struct socket *socket, const struct dgram *dgram,
                         struct socket_control *control)
{
    struct ip *ip = socket->sockets->tcp->ip;

    *control = (struct socket_control){.present = socket_wants(socket)};
    if (control->present == 0)
        return;
    if (dgram->lost == 0) /* as Linux: nothing to tell */
        control->present &= ~(unsigned)CONTROL_LOST;
    control->timestamp = socket->settings.timestamp;
    control->arrived = dgram->arrived;
    control->lost = dgram->lost;
    control->ttl = dgram->ttl;
    control->tos = dgram->tos;
    control->destination = (struct endpoint){
        .addr = dgram->dst,
        .scope = dgram->iface_index,
        .port = socket->ops->local(socket).port,
    };
    if (control->present & CONTROL_PACKET_INFO)
        control->source = specific_destination(ip, dgram);
}

struct ip_choice socket_choice(const struct socket_message *message)
{
    const struct socket_control *control = message->control;
    struct ip_choice choice = {.on_link = message->flags & MSG_DONTROUTE};

    if (control == NULL)
        return choice;
    if (control->present & CONTROL_PACKET_INFO) {
        choice.src = control->source;
        choice.scope = control->destination.scope;
    }
    if (control->present & CONTROL_TTL)
        choice.ttl = control->ttl;
    choice.has_segment = control->present & CONTROL_SEGMENT;
    choice.segment = control->segment;
    choice.has_tos = control->present & CONTROL_TOS;
    choice.tos = control->tos;
    return choice;
}
