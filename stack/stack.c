/*
 * The life of a frame, on one page: which layer hands it to which. This is the
 * one file that sees them all. Calls go down within the layers; what a layer
 * has found out is carried up here: a packet to its protocol, an ICMP error to
 * the transport that it speaks about, a neighbour that does not answer to
 * whoever wanted to reach it.
 *
 * Setting up is in stack_create.c and stack_config.c, the sockets' calls are in
 * stack_socket.c.
 */
#include "stack_internal.h"

#include "ip/echo.h"
#include "link/eth.h"
#include "tcp/tcp_told.h"

/*
 * How many frames to ourselves one flush takes in. Two programs that talk over
 * the loopback answer each other in the same pass, and could go on for ever.
 */
enum { LOOPBACK_FRAMES_PER_FLUSH = 1024 };

/* RFC 1122 3.2.2.1, 4.1.3.3, 4.2.3.9: the transport that sent it is told. */
static void deliver_error(struct stack *stack, const struct icmp_error *error)
{
    bool is_raw = raw_icmp_error(&stack->raw, error);

    switch (error->quoted.protocol) {
    case IP_PROTO_TCP:
        tcp_icmp_error(&stack->tcp, error);
        break;
    case IP_PROTO_UDP:
        udp_icmp_error(&stack->udp, error);
        break;
    case IP_PROTO_ICMP:
        echo_icmp_error(&stack->echo, error);
        break;
    default: /* not a protocol of ours: a raw socket's, or no packet of ours */
        if (!is_raw)
            env_drop(&stack->env, DROP_ICMP_BAD_QUOTE, NULL);
    }
}

static void deliver_icmp(struct stack *stack, const struct ip_packet *packet)
{
    struct icmp_message message;

    switch (icmp_input(&stack->icmp, packet, &message)) {
    case ICMP_DONE:
        break;
    case ICMP_ERROR:
        deliver_error(stack, &message.error);
        break;
    case ICMP_REPLY:
        echo_input(&stack->echo, packet, &message.echo);
        break;
    }
}

/* RFC 1122 3.2.2.1: protocol unreachable where nobody speaks it. */
static void refuse_protocol(struct stack *stack, const struct ip_packet *packet)
{
    stack->ip.stats.in_unknown_protos++;
    env_drop(&stack->env, DROP_IP_UNKNOWN_PROTOCOL, packet->frame);
    icmp_send_error(&stack->icmp, packet, ICMP_UNREACHABLE,
                    ICMP_PROTOCOL_UNREACHABLE);
}

/* Raw sockets get a copy first, whoever else takes the packet. */
static void deliver(struct stack *stack, const struct ip_packet *packet)
{
    bool is_raw = raw_input(&stack->raw, packet);

    switch (packet->header.protocol) {
    case IP_PROTO_ICMP:
        deliver_icmp(stack, packet);
        break;
    case IP_PROTO_IGMP:
        igmp_input(&stack->ip, packet);
        break;
    case IP_PROTO_TCP:
        tcp_input(&stack->tcp, packet);
        break;
    case IP_PROTO_UDP:
        udp_input(&stack->udp, packet);
        break;
    default:
        if (!is_raw)
            refuse_protocol(stack, packet);
    }
}

static size_t link_header_len(const struct iface *iface)
{
    return iface->dev->type == NETDEV_ETHERNET ? ETH_HEADER_LEN : 0;
}

bool stack_expect(const struct stack *stack, unsigned index,
                  struct frame_place *out)
{
    const struct iface *iface = stack_iface(stack, index);

    if (iface == NULL || !tcp_expect(&stack->tcp, iface, out))
        return false;
    out->head_len += link_header_len(iface);
    return true;
}

/* Whether a frame that was read to a place can be taken from there. */
static bool can_stay_placed(const struct stack *stack,
                            const struct frame *frame)
{
    size_t link = link_header_len(frame->iface);

    if (frame->head_len < link ||
        (link > 0 && get_be16(frame->head + ETH_TYPE) != ETH_TYPE_IPV4))
        return false;
    return tcp_can_stay_placed(
        &stack->tcp,
        bytes_slice(frame_head(frame), link, frame->head_len - link),
        frame_len(frame) - link);
}

static void take_ip(struct stack *stack, struct frame *frame,
                    bool link_broadcast)
{
    struct ip_packet packet;

    if (ip_input(&stack->ip, frame, link_broadcast, &packet) == 0)
        deliver(stack, &packet);
}

static void take_ethernet(struct stack *stack, struct frame *frame)
{
    struct eth_header eth;

    if (eth_input(frame, &eth) < 0)
        return;
    switch (eth.type) {
    case ETH_TYPE_IPV4:
        take_ip(stack, frame, mac_addr_is_multicast(&eth.dst));
        break;
    case ETH_TYPE_ARP:
        arp_input(&stack->arp, frame);
        break;
    default:
        env_drop(&stack->env, DROP_ETH_UNKNOWN_TYPE, frame);
    }
}

static void trace_frame_in(struct stack *stack, const struct frame *frame)
{
    struct trace_event event = {
        .kind = TRACE_FRAME_IN,
        .layer = TRACE_ETH,
        .frame = frame,
        .len = frame_len(frame),
    };

    env_trace(&stack->env, &event);
}

DOOR void stack_frame_done(struct stack *stack, const struct frame *frame)
{
    (void)frame;
    stack->env.frame_number = 0;
}

/* Every frame that comes in, from whatever device, comes in here. */
DOOR void stack_take_frame(struct stack *stack, struct iface *iface,
                           struct frame *frame)
{
    frame->iface = iface;
    frame->number = ++stack->frames_taken;
    stack->env.frame_number = frame->number;
    if (frame->is_placed && !can_stay_placed(stack, frame))
        frame_unplace(frame);
    iface->stats.in_frames++;
    iface->stats.in_octets += frame_len(frame);
    if (env_is_traced(&stack->env))
        trace_frame_in(stack, frame);
    if (packets_are_seen(&stack->packets))
        packets_see_in(&stack->packets, iface, frame);
    if (iface->dev->type == NETDEV_ETHERNET)
        take_ethernet(stack, frame);
    else
        take_ip(stack, frame, false);
    stack_frame_done(stack, frame);
}

void stack_do_input(struct stack *stack, usec now, unsigned index,
                    struct frame *frame)
{
    struct iface *iface = stack_iface(stack, index);

    stack_enter(stack, now);
    if (iface != NULL)
        stack_take_frame(stack, iface, frame);
}

/* RFC 1122 2.3.2.2, 3.3.1.1: as if a gateway had told us of the host. */
void stack_neighbour_unreachable(void *context, struct iface *iface,
                                 struct bytes packet)
{
    struct stack *stack = context;
    struct icmp_error error;

    (void)iface;
    if (icmp_error_from_quote(packet, ICMP_UNREACHABLE, ICMP_HOST_UNREACHABLE,
                              &error) == 0)
        deliver_error(stack, &error);
}

/* RFC 792, RFC 1122 3.3.2: the sender is told, if we have the beginning. */
void stack_reassembly_timed_out(void *context, struct iface *iface,
                                struct bytes first_fragment)
{
    struct stack *stack = context;
    struct ip_packet packet = {.iface = iface, .quote = first_fragment};
    enum drop_reason why;

    if (ip_parse_quote(first_fragment, &packet.header, &why) < 0)
        return;
    packet.broadcast = ip_is_broadcast(&stack->ip, &packet.header.dst) ||
                       ip_addr_is_multicast(&packet.header.dst);
    icmp_send_error(&stack->icmp, &packet, ICMP_TIME_EXCEEDED,
                    ICMP_REASSEMBLY_TIME_EXCEEDED);
}

void stack_do_run_timers(struct stack *stack, usec now)
{
    stack_enter(stack, now);
    timers_run(&stack->env.timers, stack->env.now);
}

/* Takes in what is on the loopback now, `most` frames at most; how many. */
static unsigned take_loopback(struct stack *stack, unsigned most)
{
    struct netdev *dev = stack->loopback->dev;
    struct frame frame;
    unsigned count = 0;

    if (netdev_deadline(dev) == USEC_NEVER)
        return 0; /* nobody talks to himself */
    while (count < most && netdev_receive(dev, stack->env.now, &frame) > 0) {
        stack_take_frame(stack, stack->loopback, &frame);
        count++;
    }
    netdev_flush(dev, stack->env.now); /* all that it lends stays in here */
    return count;
}

/* Copies of what we sent to a group that we are in ourselves. */
static unsigned take_own_multicasts(struct stack *stack, unsigned most)
{
    struct ip_packet packet;
    struct frame frame;
    unsigned count = 0;

    if (ip_loop_is_empty(&stack->ip))
        return 0;
    while (count < most && ip_loop_take(&stack->ip, &frame, &packet)) {
        deliver(stack, &packet);
        count++;
    }
    return count;
}

/* Each round of answers on the loopback may bring another one. */
static void send_all(struct stack *stack)
{
    unsigned left = LOOPBACK_FRAMES_PER_FLUSH;
    unsigned taken;

    do {
        tcp_flush(&stack->tcp);
        taken = take_loopback(stack, left);
        taken += take_own_multicasts(stack, left - taken);
        left -= taken;
    } while (taken > 0);
}

void stack_do_flush(struct stack *stack, usec now)
{
    stack_enter(stack, now);
    send_all(stack);
    for (struct list *node = stack->ifaces.next; node != &stack->ifaces;
         node = node->next)
        netdev_flush(container_of(node, struct iface, node)->dev,
                     stack->env.now);
    ip_flush(&stack->ip);
    sockets_end_pass(&stack->sockets);
}

/* What stack_flush has left on the loopback is wanted at once. */
usec stack_next_deadline(const struct stack *stack)
{
    usec next = usec_min(timers_next(&stack->env.timers),
                         netdev_deadline(stack->loopback->dev));

    if (!ip_loop_is_empty(&stack->ip))
        return stack->env.now;
    return usec_max(stack->env.now, next);
}

int stack_do_tell_beginning(struct stack *stack, usec now,
                            const struct endpoint *local,
                            const struct endpoint *remote, uint32_t iss,
                            uint32_t ts_val)
{
    struct tcp_ends ends = tcp_ends_of(local, remote);

    stack_enter(stack, now);
    return tcp_tell(&stack->tcp, &ends, iss, ts_val);
}

const struct tcp_stats *stack_tcp_stats(const struct stack *stack)
{
    return &stack->tcp.stats;
}

unsigned stack_unfinished(const struct stack *stack)
{
    return stack->tcp.unfinished + (stack->arp.queued_bytes > 0 ? 1 : 0);
}

void stack_do_forget_waiting(struct stack *stack, usec now)
{
    stack_enter(stack, now);
    arp_forget_waiting(&stack->arp);
}

bool stack_has_connections(const struct stack *stack)
{
    return tcp_has_connections(&stack->tcp);
}

void stack_do_forget_connections(struct stack *stack, usec now, int error)
{
    stack_enter(stack, now);
    tcp_forget_connections(&stack->tcp, error);
}

void stack_do_abort_all(struct stack *stack, usec now)
{
    stack_enter(stack, now);
    sockets_abort_all(&stack->sockets);
    tcp_abort_all(&stack->tcp);
}
