#include "net.h"

#include "base/checksum.h"
#include "link/eth.h"

#include <check.h>
#include <stdlib.h>

const struct mac_addr net_our_mac = {{2, 0, 0, 0, 0, 2}};
const struct mac_addr net_peer_mac = {{2, 0, 0, 0, 0, 1}};
const struct mac_addr net_third_mac = {{2, 0, 0, 0, 0, 3}};

enum { ETHERNET_MTU = 1500, LOOPBACK_MTU = 65535 };

static void listen_to(void *listener, const struct trace_event *event)
{
    struct net *net = listener;

    net->events[event->kind]++;
    if (event->kind != TRACE_FRAME_OUT)
        net->last = *event;
    if (event->echo != NULL)
        net->last_echo = *event->echo;
}

static void note_unreachable(void *context, struct iface *iface,
                             struct bytes packet)
{
    struct net *net = context;

    ck_assert_ptr_eq(iface, &net->eth);
    net->unreachable++;
    net->unreachable_len = packet.len;
    memcpy(net->unreachable_first, packet.data,
           min_size(packet.len, sizeof(net->unreachable_first)));
}

static void note_timeout(void *context, struct iface *iface,
                         struct bytes first_fragment)
{
    struct net *net = context;

    ck_assert_ptr_eq(iface, &net->eth);
    net->timed_out++;
    net->timed_out_len = first_fragment.len;
    memcpy(net->timed_out_first, first_fragment.data,
           min_size(first_fragment.len, sizeof(net->timed_out_first)));
}

static void note_notify(void *context, void *owner)
{
    struct net *net = context;

    net->notified++;
    net->owner = owner;
}

static void add_iface(struct net *net, struct iface *iface,
                      struct fake_netdev *dev, unsigned index, uint32_t addr,
                      unsigned prefix_len)
{
    struct ip_prefix subnet = {.addr = ip_addr_v4(addr),
                               .len = IPV4_PREFIX_OFFSET + prefix_len};
    struct ip_addr on_link = IP_ADDR_ANY_V4;

    *iface = (struct iface){.env = &net->env,
                            .dev = &dev->dev,
                            .index = index,
                            .mtu = dev->dev.mtu,
                            .addrs = {subnet},
                            .addr_count = 1};
    list_init(&iface->node);
    list_append(&net->ifaces, &iface->node);
    if (!ip_addr_is_loopback(&subnet.addr))
        ck_assert_int_eq(route_add(&net->ip.routes, &subnet, &on_link, iface),
                         0);
}

static void add_ifaces(struct net *net)
{
    struct ip_prefix everything = {.addr = IP_ADDR_ANY_V4,
                                   .len = IPV4_PREFIX_OFFSET};
    struct ip_addr gateway = ip_addr_v4(NET_PEER);

    fake_netdev_init(&net->eth_dev, NETDEV_ETHERNET, ETHERNET_MTU);
    fake_netdev_init(&net->far_dev, NETDEV_IP, ETHERNET_MTU);
    fake_netdev_init(&net->lo_dev, NETDEV_IP, LOOPBACK_MTU);
    add_iface(net, &net->lo, &net->lo_dev, 1, 0x7f000001, 8);
    add_iface(net, &net->eth, &net->eth_dev, 2, NET_OURS, 24);
    add_iface(net, &net->far, &net->far_dev, 3, NET_FAR_OURS, 24);
    net->lo.loopback = true;
    net->eth.mac = net_our_mac;
    ck_assert_int_eq(
        route_add(&net->ip.routes, &everything, &gateway, &net->eth), 0);
}

static void init_layers(struct net *net)
{
    struct arp_config arp = arp_config_default();
    struct ip_config ip = ip_config_default();
    struct icmp_config icmp = icmp_config_default();

    ck_assert_int_eq(arp_init(&net->arp, &net->env, &arp), 0);
    ck_assert_int_eq(ip_init(&net->ip, &net->env, &net->arp, &net->ifaces, &ip),
                     0);
    icmp_init(&net->icmp, &net->env, &net->ip, &icmp);
    ck_assert_int_eq(udp_init(&net->udp, &net->env, &net->ip, &net->icmp), 0);
    ck_assert_int_eq(echo_init(&net->echo, &net->env, &net->icmp), 0);
    net->arp.unreachable = note_unreachable;
    net->arp.unreachable_context = net;
    net->ip.reass.timed_out = note_timeout;
    net->ip.reass.timed_out_context = net;
    net->udp.notify = note_notify;
    net->udp.notify_context = net;
    net->echo.notify = note_notify;
    net->echo.notify_context = net;
}

void net_open(struct net *net)
{
    struct hash_key seed = {.k0 = 1, .k1 = 2};
    struct trace trace = {.emit = listen_to, .listener = net};

    *net = (struct net){0};
    memory_init(&net->memory, SIZE_MAX);
    env_init(&net->env, 1000 * USEC_PER_SEC, &net->memory, seed, trace);
    list_init(&net->ifaces);
    init_layers(net);
    add_ifaces(net);
}

void net_close(struct net *net)
{
    net_flush(net);
    echo_fini(&net->echo);
    udp_fini(&net->udp);
    ip_fini(&net->ip);
    arp_fini(&net->arp);
    netdev_close(&net->eth_dev.dev);
    netdev_close(&net->far_dev.dev);
    netdev_close(&net->lo_dev.dev);
    ck_assert_uint_eq(net->memory.used, 0);
}

void net_wait(struct net *net, usec time)
{
    usec end = net->env.now + time;

    while (net->env.now < end) {
        usec next = usec_min(timers_next(&net->env.timers), end);

        net->env.now = usec_max(next, net->env.now);
        timers_run(&net->env.timers, net->env.now);
    }
    net_flush(net);
}

void net_flush(struct net *net)
{
    ip_flush(&net->ip);
    while (net->buffer_count > 0)
        free(net->buffers[--net->buffer_count]);
}

void net_know_peer(struct net *net)
{
    struct ip_addr peer = ip_addr_v4(NET_PEER);

    ck_assert_int_eq(arp_add(&net->arp, &net->eth, &peer, &net_peer_mac), 0);
}

uint8_t *net_buffer(struct net *net, size_t len)
{
    uint8_t *buffer = calloc(1, len ? len : 1);

    ck_assert_ptr_nonnull(buffer);
    ck_assert_uint_lt(net->buffer_count, NET_BUFFERS_MAX);
    net->buffers[net->buffer_count++] = buffer;
    return buffer;
}

uint8_t net_pattern(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

struct bytes net_payload(struct net *net, size_t len)
{
    uint8_t *data = net_buffer(net, len);

    for (size_t i = 0; i < len; i++)
        data[i] = net_pattern(i);
    return bytes_of(data, len);
}

static void put_ip_header(uint8_t *at, const struct net_packet *packet,
                          size_t header_len, size_t total_len)
{
    at[IPH_VERSION_IHL] = (uint8_t)(0x40 | header_len / 4);
    at[IPH_TOS] = packet->tos;
    put_be16(at + IPH_TOTAL_LENGTH, (uint16_t)total_len);
    put_be16(at + IPH_ID, packet->id);
    put_be16(at + IPH_FRAGMENT,
             (uint16_t)(packet->offset / 8 | (packet->mf ? 0x2000u : 0u) |
                        (packet->df ? 0x4000u : 0u)));
    at[IPH_TTL] = packet->ttl ? packet->ttl : 64;
    at[IPH_PROTOCOL] = packet->protocol;
    put_be32(at + IPH_SRC, packet->src ? packet->src : NET_PEER);
    put_be32(at + IPH_DST, packet->dst ? packet->dst : NET_OURS);
    if (packet->options.len > 0)
        memcpy(at + IP_HEADER_LEN, packet->options.data, packet->options.len);
    put_be16(at + IPH_CHECKSUM, checksum_of_plain(bytes_of(at, header_len)));
}

struct bytes net_make_packet(struct net *net, const struct net_packet *packet)
{
    size_t header_len = IP_HEADER_LEN + packet->options.len;
    size_t total_len = header_len + packet->payload.len;
    uint8_t *at = net_buffer(net, total_len + packet->padding);

    put_ip_header(at, packet, header_len, total_len);
    if (packet->payload.len > 0)
        memcpy(at + header_len, packet->payload.data, packet->payload.len);
    return bytes_of(at, total_len + packet->padding);
}

int net_receive_bytes(struct net *net, struct bytes bytes,
                      const struct net_packet *how, struct ip_packet *out)
{
    struct iface *iface = how->iface ? how->iface : &net->eth;

    frame_init_input(&net->frame, iface, (uint8_t *)bytes.data, bytes.len);
    return ip_input(&net->ip, &net->frame, how->link_broadcast, out);
}

int net_receive(struct net *net, const struct net_packet *packet,
                struct ip_packet *out)
{
    return net_receive_bytes(net, net_make_packet(net, packet), packet, out);
}

struct bytes net_make_udp(struct net *net, uint32_t src, uint32_t dst,
                          uint16_t src_port, uint16_t dst_port,
                          struct bytes payload)
{
    size_t len = UDP_HEADER_LEN + payload.len;
    uint8_t *at = net_buffer(net, 12 + len);
    uint8_t *udp = at + 12;

    put_be32(at, src); /* the pseudo header of RFC 768 */
    put_be32(at + 4, dst);
    at[9] = IP_PROTO_UDP;
    put_be16(at + 10, (uint16_t)len);
    put_be16(udp + UDP_SRC_PORT, src_port);
    put_be16(udp + UDP_DST_PORT, dst_port);
    put_be16(udp + UDP_LENGTH, (uint16_t)len);
    if (payload.len > 0)
        memcpy(udp + UDP_HEADER_LEN, payload.data, payload.len);
    put_be16(udp + UDP_CHECKSUM, checksum_of_plain(bytes_of(at, 12 + len)));
    return bytes_of(udp, len);
}

struct bytes net_make_icmp(struct net *net, uint8_t type, uint8_t code,
                           uint32_t rest, struct bytes payload)
{
    size_t len = ICMP_HEADER_LEN + payload.len;
    uint8_t *at = net_buffer(net, len);

    at[ICMP_TYPE] = type;
    at[ICMP_CODE] = code;
    put_be32(at + ICMP_REST, rest);
    if (payload.len > 0)
        memcpy(at + ICMP_HEADER_LEN, payload.data, payload.len);
    put_be16(at + ICMP_CHECKSUM, checksum_of_plain(bytes_of(at, len)));
    return bytes_of(at, len);
}

struct bytes net_sent_packet(const struct net *net, unsigned i)
{
    ck_assert_uint_lt(i, net->eth_dev.count);
    return bytes_from(
        bytes_of(net->eth_dev.frames[i].data, net->eth_dev.frames[i].len),
        ETH_HEADER_LEN);
}

struct ip_header net_sent_header(const struct net *net, unsigned i)
{
    struct ip_header header;
    enum drop_reason why;

    ck_assert_int_eq(ip_parse(net_sent_packet(net, i), &header, &why), 0);
    return header;
}
