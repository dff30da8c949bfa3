/*
 * The life of a neighbour: RFC 1122 2.3.2.
 *
 *   INCOMPLETE  it is asked for by broadcast, at most once a second and
 *               request_attempts times. Then what waits is given up and the
 *               entry is forgotten. A packet after that starts anew, and
 *               since a request's interval has passed by then, the rate of
 *               requests for one address stays limited (RFC 1122 2.3.2.1)
 *               without an entry that remembers the failure.
 *   REACHABLE   for reachable_time after each ARP packet from it, or until a
 *               layer above doubts it (RFC 1122 2.3.2.1 (4)).
 *   STALE       still used. The first use sends a request by unicast, and
 *               after request_attempts of them without an answer the entry is
 *               INCOMPLETE again and the broadcasts begin (RFC 1122 2.3.2.1
 *               (2)). Unused for stale_time it is forgotten.
 *   PERMANENT   neither ages nor learns.
 *
 * RFC 1122 2.3.2.2 wants at least the latest packet saved while an address is
 * asked for. We keep the first max_queued, which is more, and drop the later
 * ones: the beginning of a burst is what a receiver can use.
 *
 * Left out on purpose: hints from TCP that a neighbour is alive.
 */
#include "link/neighbour.h"

#include "link/arp_packet.h"
#include "link/eth.h"

static void trace_neighbour(const struct neighbour *neighbour, const char *text)
{
    struct trace_event event = {
        .kind = TRACE_NEIGHBOUR,
        .layer = TRACE_ARP,
        .text = text,
        .remote.addr = neighbour->addr,
        .mac = neighbour->mac,
    };

    if (env_is_traced(neighbour->arp->env))
        env_trace(neighbour->arp->env, &event);
}

static void send_request(struct neighbour *neighbour,
                         const struct mac_addr *dst)
{
    struct iface *iface = neighbour->iface;
    const struct ip_addr *ours = iface_source(iface, &neighbour->addr);
    struct arp_packet request = {
        .operation = ARP_REQUEST,
        .sender_mac = iface->mac,
        .sender_ip = ours ? *ours : IP_ADDR_ANY_V4,
        .target_ip = neighbour->addr,
    };

    arp_send_packet(neighbour->arp, iface, &request, dst);
}

/* One more request, and the time that its answer has. */
static void ask(struct neighbour *neighbour)
{
    struct env *env = neighbour->arp->env;

    neighbour->requests++;
    timer_arm(&env->timers, &neighbour->timer,
              env->now + neighbour->arp->config.request_interval);
    send_request(neighbour, neighbour->state == NEIGHBOUR_STALE
                                ? &neighbour->mac
                                : &mac_addr_broadcast);
}

static void send_waiting(struct neighbour *neighbour)
{
    struct arp *arp = neighbour->arp;
    struct list waiting;
    struct frame frame;
    struct bytes bytes;

    list_init(&waiting);
    neighbour_take_packets(neighbour, &waiting);
    while (waiting_packet_next(arp, &waiting, &frame, &bytes))
        (void)eth_output(neighbour->iface, &frame, &neighbour->mac,
                         ETH_TYPE_IPV4);
}

void neighbour_confirm(struct neighbour *neighbour, const struct mac_addr *mac)
{
    struct arp *arp = neighbour->arp;

    if (neighbour->state == NEIGHBOUR_PERMANENT)
        return;
    neighbour->mac = *mac;
    neighbour->state = NEIGHBOUR_REACHABLE;
    neighbour->requests = 0;
    timer_arm(&arp->env->timers, &neighbour->timer,
              arp->env->now + arp->config.reachable_time);
    trace_neighbour(neighbour, "reachable");
    send_waiting(neighbour);
}

static void become_stale(struct neighbour *neighbour)
{
    struct arp *arp = neighbour->arp;

    neighbour->state = NEIGHBOUR_STALE;
    timer_arm(&arp->env->timers, &neighbour->timer,
              arp->env->now + arp->config.stale_time);
    trace_neighbour(neighbour, "stale");
}

/* Not if it has just shown itself: many may doubt, and requests are limited in
 * rate (RFC 1122 2.3.2.1). */
void neighbour_doubt(struct neighbour *neighbour)
{
    const struct arp *arp = neighbour->arp;
    usec shown_at = neighbour->timer.deadline - arp->config.reachable_time;

    if (neighbour->state == NEIGHBOUR_REACHABLE &&
        arp->env->now - shown_at >= arp->config.request_interval)
        become_stale(neighbour);
}

static void become_incomplete(struct neighbour *neighbour)
{
    neighbour->state = NEIGHBOUR_INCOMPLETE;
    neighbour->requests = 0;
    trace_neighbour(neighbour, "incomplete");
    ask(neighbour);
}

static void forget(struct neighbour *neighbour)
{
    struct list none;

    list_init(&none);
    trace_neighbour(neighbour, "forgotten");
    neighbour_destroy(neighbour, &none);
}

/*
 * RFC 1122 2.4: what cannot be delivered is reported to the layer above. The
 * entry is gone before that, so whoever is told may send at once.
 */
static void give_up(struct neighbour *neighbour)
{
    struct arp *arp = neighbour->arp;
    struct iface *iface = neighbour->iface;
    struct list waiting;
    struct frame frame;
    struct bytes packet;

    list_init(&waiting);
    trace_neighbour(neighbour, "failed");
    neighbour_destroy(neighbour, &waiting);
    while (waiting_packet_next(arp, &waiting, &frame, &packet)) {
        env_drop(arp->env, DROP_ARP_NO_ANSWER, &frame);
        if (arp->unreachable)
            arp->unreachable(arp->unreachable_context, iface, packet);
    }
}

static bool has_attempts_left(const struct neighbour *neighbour)
{
    return neighbour->requests < neighbour->arp->config.request_attempts;
}

static void neighbour_timer_fires(struct timer *timer)
{
    struct neighbour *neighbour = container_of(timer, struct neighbour, timer);

    switch (neighbour->state) {
    case NEIGHBOUR_INCOMPLETE:
        if (has_attempts_left(neighbour))
            ask(neighbour);
        else
            give_up(neighbour);
        break;
    case NEIGHBOUR_REACHABLE:
        become_stale(neighbour);
        break;
    case NEIGHBOUR_STALE:
        if (neighbour->requests == 0)
            forget(neighbour); /* nobody has used it */
        else if (has_attempts_left(neighbour))
            ask(neighbour);
        else
            become_incomplete(neighbour);
        break;
    case NEIGHBOUR_PERMANENT:
        break; /* its timer is never armed */
    }
}

struct neighbour *neighbour_obtain(struct arp *arp, struct iface *iface,
                                   const struct ip_addr *addr)
{
    struct neighbour *neighbour = neighbour_find(arp, iface, addr);

    if (neighbour)
        return neighbour;
    neighbour = neighbour_create(arp, iface, addr);
    if (neighbour)
        timer_init(&neighbour->timer, neighbour_timer_fires);
    return neighbour;
}

/* The first packet also asks; the timer sees to the rest. */
static int keep_and_ask(struct neighbour *neighbour, const struct frame *frame)
{
    int error = neighbour_keep_packet(neighbour, frame);

    if (error < 0)
        env_drop(neighbour->arp->env, DROP_ARP_QUEUE_FULL, frame);
    if (neighbour->requests == 0)
        become_incomplete(neighbour);
    return error;
}

int neighbour_output(struct neighbour *neighbour, struct frame *frame)
{
    neighbour_touch(neighbour);
    switch (neighbour->state) {
    case NEIGHBOUR_INCOMPLETE:
        return keep_and_ask(neighbour, frame);
    case NEIGHBOUR_STALE:
        if (neighbour->requests == 0)
            ask(neighbour);
        break;
    case NEIGHBOUR_REACHABLE:
    case NEIGHBOUR_PERMANENT:
        break;
    }
    return eth_output(neighbour->iface, frame, &neighbour->mac, ETH_TYPE_IPV4);
}

/* Never gives way, and waits for nothing. */
void neighbour_make_permanent(struct neighbour *neighbour,
                              const struct mac_addr *mac)
{
    timer_disarm(&neighbour->arp->env->timers, &neighbour->timer);
    list_remove(&neighbour->by_use);
    neighbour->mac = *mac;
    neighbour->state = NEIGHBOUR_PERMANENT;
    trace_neighbour(neighbour, "permanent");
    send_waiting(neighbour);
}
