/*
 * Address resolution between Ethernet and IPv4: RFC 826, RFC 1122 2.3.2,
 * RFC 5227. Here are its doors; how a neighbour lives is in neighbour.c.
 *
 * Left out on purpose: probing before an address is used and a second
 * announcement (RFC 5227 2.1, 2.3: addresses here are given by people), and
 * proxy ARP.
 */
#include "link/arp.h"

#include "link/arp_packet.h"
#include "link/eth.h"
#include "link/neighbour.h"

#include <errno.h>

enum { DEFEND_INTERVAL_S = 10 /* RFC 5227 1.1 */ };

/* RFC 5227 2.3: an ARP request for our own address, by broadcast. */
void arp_announce(struct arp *arp, struct iface *iface,
                  const struct ip_addr *addr)
{
    struct arp_packet announcement = {
        .operation = ARP_REQUEST,
        .sender_mac = iface->mac,
        .sender_ip = *addr,
        .target_ip = *addr,
    };

    arp_send_packet(arp, iface, &announcement, &mac_addr_broadcast);
}

/* RFC 1122 2.3.2.1: what would poison the table is not looked at further. */
static bool sender_is_possible(const struct iface *iface,
                               const struct arp_packet *packet)
{
    static const struct mac_addr no_mac;
    const struct ip_addr *ip = &packet->sender_ip;
    bool is_probe = ip_addr_is_any(ip) && packet->operation == ARP_REQUEST;

    if (mac_addr_is_multicast(&packet->sender_mac) ||
        mac_addr_equal(&packet->sender_mac, &no_mac) ||
        mac_addr_equal(&packet->sender_mac, &iface->mac)) /* our own echo */
        return false;
    return is_probe ||
           !(ip_addr_is_any(ip) || ip_addr_is_multicast(ip) ||
             ip_addr_is_loopback(ip) || iface_is_broadcast(iface, ip));
}

/*
 * RFC 5227 2.4 (c): addresses were given by people and are not ours to abandon,
 * so each is defended, once in DEFEND_INTERVAL. One time for all addresses is
 * kept, which only makes us quieter.
 */
static void defend(struct arp *arp, struct iface *iface,
                   const struct ip_addr *addr)
{
    usec now = arp->env->now;

    if (now - arp->defended < DEFEND_INTERVAL_S * USEC_PER_SEC)
        return;
    arp->defended = now;
    arp_announce(arp, iface, addr);
}

/*
 * "If the pair is already in my translation table, update the sender hardware
 * address field and set Merge_flag to true." Seeing the sender also refreshes
 * the entry, whomever it speaks to (RFC 1122 2.3.2.1 (1)).
 */
static bool merge(struct arp *arp, struct iface *iface,
                  const struct arp_packet *packet)
{
    struct neighbour *neighbour =
        neighbour_find(arp, iface, &packet->sender_ip);

    if (!neighbour)
        return false;
    neighbour_confirm(neighbour, &packet->sender_mac);
    return true;
}

/*
 * Nobody has asked for the sender yet: until we speak to it, it is the first to
 * give way, so that a flood of invented senders drives out only itself.
 */
static void add_sender(struct arp *arp, struct iface *iface,
                       const struct arp_packet *packet,
                       const struct frame *frame)
{
    struct neighbour *neighbour =
        neighbour_obtain(arp, iface, &packet->sender_ip);

    if (!neighbour) {
        env_drop(arp->env, DROP_ARP_TABLE_FULL, frame);
        return;
    }
    neighbour_confirm(neighbour, &packet->sender_mac);
    neighbour_offer(neighbour);
}

static void reply(struct arp *arp, struct iface *iface,
                  const struct arp_packet *request)
{
    struct arp_packet answer = {
        .operation = ARP_REPLY,
        .sender_mac = iface->mac,
        .sender_ip = request->target_ip,
        .target_mac = request->sender_mac,
        .target_ip = request->sender_ip,
    };

    arp_send_packet(arp, iface, &answer, &request->sender_mac);
}

/*
 * RFC 826 "Packet Reception", from the merge flag on. An address is ours only
 * on the interface that has it: on another one somebody may answer for it
 * who is nearer.
 */
static void receive_packet(struct arp *arp, struct iface *iface,
                           const struct arp_packet *packet,
                           const struct frame *frame)
{
    bool is_probe = ip_addr_is_any(&packet->sender_ip); /* RFC 5227 1.1 */
    bool merge_flag = merge(arp, iface, packet);

    if (!iface_has_addr(iface, &packet->target_ip))
        return;
    if (!merge_flag && !is_probe)
        add_sender(arp, iface, packet, frame);
    if (packet->operation == ARP_REQUEST)
        reply(arp, iface, packet);
}

DOOR void arp_input(struct arp *arp, struct frame *frame)
{
    struct iface *iface = frame->iface;
    struct arp_packet packet;
    enum drop_reason why;

    if (arp_parse(frame_head(frame), &packet, &why) < 0) {
        env_drop(arp->env, why, frame);
        return;
    }
    if (packet.operation == ARP_REQUEST)
        arp->stats.in_requests++;
    else
        arp->stats.in_replies++;
    arp_trace_packet(arp->env, TRACE_PACKET_IN, &packet, &packet.target_ip,
                     &packet.sender_ip);
    if (!sender_is_possible(iface, &packet)) {
        env_drop(arp->env, DROP_ARP_BAD_SENDER, frame);
        return;
    }
    if (iface_has_addr(iface, &packet.sender_ip)) {
        env_drop(arp->env, DROP_ARP_ADDRESS_CONFLICT, frame);
        defend(arp, iface, &packet.sender_ip);
        return;
    }
    receive_packet(arp, iface, &packet, frame);
}

/* RFC 1112 6.4: the low 23 bits of the group, behind 01-00-5E. */
static struct mac_addr multicast_mac(const struct ip_addr *group)
{
    uint32_t bits = ip_addr_to_v4(group) & 0x7fffff;
    struct mac_addr mac = {.octet = {0x01, 0x00, 0x5e}};

    mac.octet[3] = (uint8_t)(bits >> 16);
    mac.octet[4] = (uint8_t)(bits >> 8);
    mac.octet[5] = (uint8_t)bits;
    return mac;
}

int arp_output(struct arp *arp, struct iface *iface, struct frame *frame,
               const struct ip_addr *next_hop)
{
    if (iface_is_broadcast(iface, next_hop))
        return eth_output(iface, frame, &mac_addr_broadcast, ETH_TYPE_IPV4);
    if (ip_addr_is_multicast(next_hop)) {
        struct mac_addr mac = multicast_mac(next_hop);

        return eth_output(iface, frame, &mac, ETH_TYPE_IPV4);
    }

    struct neighbour *neighbour = neighbour_obtain(arp, iface, next_hop);

    if (!neighbour) {
        env_drop(arp->env, DROP_ARP_TABLE_FULL, frame);
        return -ENOBUFS;
    }
    return neighbour_output(neighbour, frame);
}

void arp_doubt(struct arp *arp, struct iface *iface,
               const struct ip_addr *next_hop)
{
    struct neighbour *neighbour = neighbour_find(arp, iface, next_hop);

    if (neighbour)
        neighbour_doubt(neighbour);
}

void arp_forget_waiting(struct arp *arp)
{
    for (struct list *node = arp->by_use.next; node != &arp->by_use;
         node = node->next) {
        struct list waiting;

        list_init(&waiting);
        neighbour_take_packets(container_of(node, struct neighbour, by_use),
                               &waiting);
        waiting_packets_free(arp, &waiting);
    }
}

int arp_add(struct arp *arp, struct iface *iface, const struct ip_addr *addr,
            const struct mac_addr *mac)
{
    struct neighbour *neighbour = neighbour_obtain(arp, iface, addr);

    if (!neighbour)
        return -ENOBUFS;
    neighbour_make_permanent(neighbour, mac);
    return 0;
}

static void delete_neighbour(struct neighbour *neighbour)
{
    struct arp *arp = neighbour->arp;
    struct list waiting;
    struct frame frame;
    struct bytes packet;

    list_init(&waiting);
    neighbour_destroy(neighbour, &waiting);
    while (waiting_packet_next(arp, &waiting, &frame, &packet))
        env_drop(arp->env, DROP_ARP_NO_ANSWER, &frame);
}

int arp_delete(struct arp *arp, struct iface *iface, const struct ip_addr *addr)
{
    struct neighbour *neighbour = neighbour_find(arp, iface, addr);

    if (!neighbour)
        return -ESRCH;
    delete_neighbour(neighbour);
    return 0;
}

unsigned arp_forget_all(struct arp *arp)
{
    unsigned count = 0;

    for (; !list_is_empty(&arp->by_use); count++)
        delete_neighbour(
            container_of(arp->by_use.next, struct neighbour, by_use));
    return count;
}

/*
 * 64 packets may wait, so that a datagram of the largest size waits with all
 * its fragments (45 at Ethernet's MTU).
 */
struct arp_config arp_config_default(void)
{
    return (struct arp_config){
        .max_neighbours = 1024,
        .max_queued = 64,
        .max_queued_bytes = 1 << 20,
        .reachable_time = 60 * USEC_PER_SEC, /* RFC 1122: "on the order of a
                                                minute" */
        .stale_time = 600 * USEC_PER_SEC,
        .request_interval = USEC_PER_SEC,
        .request_attempts = 3,
    };
}

int arp_init(struct arp *arp, struct env *env, const struct arp_config *config)
{
    *arp = (struct arp){
        .env = env,
        .config = *config,
        .key = random_key(&env->random),
        .defended = env->now - DEFEND_INTERVAL_S * USEC_PER_SEC,
    };
    list_init(&arp->by_use);
    list_init(&arp->lent);
    return hash_table_init(&arp->neighbours, env->memory);
}

void arp_flush(struct arp *arp)
{
    waiting_packets_free(arp, &arp->lent);
}

void arp_fini(struct arp *arp)
{
    uint32_t cursor = 0;
    struct hash_node *node;

    while ((node = hash_table_any(&arp->neighbours, &cursor)))
        neighbour_destroy(container_of(node, struct neighbour, node),
                          &arp->lent);
    arp_flush(arp);
    hash_table_fini(&arp->neighbours, arp->env->memory);
}
