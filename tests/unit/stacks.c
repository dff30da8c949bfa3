#include "stacks.h"

#include "base/checksum.h"
#include "ip/ip.h"
#include "link/eth.h"
#include "netdev/callback.h"

#include <check.h>
#include <stdlib.h>
#include <sys/socket.h>

static const struct mac_addr peer_mac = {{2, 0, 0, 0, 0, 1}};
static const struct mac_addr station_mac = {{2, 0, 0, 0, 0, 2}};

struct ip_addr test_addr(unsigned host)
{
    return ip_addr_v4(0xc0000200 | host);
}

struct endpoint test_endpoint(const char *addr, uint16_t port)
{
    struct endpoint endpoint = {.port = port};

    ck_assert_int_eq(ip_addr_parse(addr, &endpoint.addr), 0);
    return endpoint;
}

struct ip_prefix test_prefix(const char *text)
{
    struct ip_prefix prefix;

    ck_assert_int_eq(ip_prefix_parse(text, &prefix), 0);
    return prefix;
}

struct stack_config test_config(struct memory *memory)
{
    struct stack_config config = stack_config_default();

    config.memory = memory;
    config.seed = (struct hash_key){.k0 = 1, .k1 = 2};
    return config;
}

static void keep_frame(void *context, const uint8_t *frame, size_t len)
{
    struct station *station = context;

    if (station->sent_count < SENT_MAX) {
        struct sent *sent = &station->sent[station->sent_count];

        sent->len = min_size(len, SENT_LEN_MAX);
        memcpy(sent->data, frame, sent->len);
    }
    station->sent_count++;
}

void station_open(struct station *station)
{
    struct callback_config device = {.type = NETDEV_ETHERNET,
                                     .mtu = 1500,
                                     .transmit = keep_frame,
                                     .context = station};
    struct ip_prefix addr = test_prefix("192.0.2.2/24");

    *station = (struct station){.now = 1000};
    memory_init(&station->memory, SIZE_MAX);

    struct stack_config config = test_config(&station->memory);

    recording_begin(&station->recording);
    config.recorder = &station->recording.recorder;
    ck_assert_int_eq(stack_create(&config, station->now, &station->stack), 0);
    station->dev = callback_create(&station->memory, &device);
    ck_assert_ptr_nonnull(station->dev);

    struct iface_config iface = {
        .name = "test", .dev = station->dev, .mac = station_mac};

    ck_assert_int_eq(stack_iface_add(station->stack, station->now, &iface),
                     STACK_IFACE);
    ck_assert_int_eq(
        stack_addr_add(station->stack, station->now, STACK_IFACE, &addr), 0);
    station_run(station, station->now + 10 * USEC_PER_SEC);
    station->sent_count = 0;
}

void station_close(struct station *station)
{
    stack_destroy(station->stack);
    recording_check(&station->recording);
    netdev_close(station->dev);
    ck_assert_uint_eq(station->memory.used, 0);
}

void station_input(struct station *station, const void *data, size_t len)
{
    uint8_t *copy = malloc(len); /* exactly so long: ASan sees what is beyond */
    struct frame frame;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, data, len);
    frame_init_input(&frame, NULL, copy, len);
    stack_input(station->stack, station->now, STACK_IFACE, &frame);
    stack_flush(station->stack, station->now);
    free(copy);
}

void station_run(struct station *station, usec to)
{
    usec next;

    while ((next = stack_next_deadline(station->stack)) <= to) {
        station->now = usec_max(station->now, next);
        stack_run_timers(station->stack, station->now);
        stack_flush(station->stack, station->now);
    }
    station->now = to;
    stack_run_timers(station->stack, to);
    stack_flush(station->stack, to);
}

struct sent station_next(struct station *station)
{
    struct sent first = station->sent[0];

    ck_assert_uint_gt(station->sent_count, 0);
    ck_assert_uint_le(station->sent_count, SENT_MAX);
    station->sent_count--;
    memmove(station->sent, station->sent + 1,
            station->sent_count * sizeof(first));
    return first;
}

static void put_eth(uint8_t *at, const struct mac_addr *dst, uint16_t type)
{
    memcpy(at + ETH_DST, dst->octet, 6);
    memcpy(at + ETH_SRC, peer_mac.octet, 6);
    put_be16(at + ETH_TYPE, type);
}

size_t peer_arp_request(uint8_t *frame, unsigned for_host)
{
    uint8_t *arp = frame + ETH_HEADER_LEN;

    put_eth(frame, &mac_addr_broadcast, ETH_TYPE_ARP);
    memset(arp, 0, ARP_PACKET_LEN);
    put_be16(arp + ARP_HARDWARE, 1);
    put_be16(arp + ARP_PROTOCOL, ETH_TYPE_IPV4);
    arp[ARP_HARDWARE_LEN] = 6;
    arp[ARP_PROTOCOL_LEN] = 4;
    put_be16(arp + ARP_OPERATION, ARP_REQUEST);
    memcpy(arp + ARP_SENDER_MAC, peer_mac.octet, 6);
    put_be32(arp + ARP_SENDER_IP, 0xc0000201);
    put_be32(arp + ARP_TARGET_IP, 0xc0000200 | for_host);
    return ETH_HEADER_LEN + ARP_PACKET_LEN;
}

size_t peer_ip(uint8_t *frame, uint8_t protocol, const void *payload,
               size_t len)
{
    uint8_t *ip = frame + ETH_HEADER_LEN;

    put_eth(frame, &station_mac, ETH_TYPE_IPV4);
    memset(ip, 0, IP_HEADER_LEN);
    ip[IPH_VERSION_IHL] = 0x45;
    put_be16(ip + IPH_TOTAL_LENGTH, (uint16_t)(IP_HEADER_LEN + len));
    ip[IPH_TTL] = 64;
    ip[IPH_PROTOCOL] = protocol;
    put_be32(ip + IPH_SRC, 0xc0000201);
    put_be32(ip + IPH_DST, 0xc0000202);
    put_be16(ip + IPH_CHECKSUM, checksum_of(bytes_of(ip, IP_HEADER_LEN)));
    memcpy(ip + IP_HEADER_LEN, payload, len);
    return ETH_HEADER_LEN + IP_HEADER_LEN + len;
}

/* Without a checksum, as RFC 768 allows. */
size_t peer_udp(uint8_t *frame, uint16_t src_port, uint16_t dst_port,
                const char *text)
{
    uint8_t datagram[256] = {0};
    size_t len = strlen(text);

    put_be16(datagram + UDP_SRC_PORT, src_port);
    put_be16(datagram + UDP_DST_PORT, dst_port);
    put_be16(datagram + UDP_LENGTH, (uint16_t)(UDP_HEADER_LEN + len));
    memcpy(datagram + UDP_HEADER_LEN, text, len);
    return peer_ip(frame, IP_PROTO_UDP, datagram, UDP_HEADER_LEN + len);
}

void pair_open(struct pair *pair)
{
    struct wire_config wire = {
        .type = NETDEV_ETHERNET, .mtu = 1500, .queue_bytes = 1 << 20};

    *pair = (struct pair){.now = 1000};
    memory_init(&pair->memory, SIZE_MAX);
    ck_assert_int_eq(wire_create(&pair->memory, &wire, pair->ends), 0);
    for (unsigned i = 0; i < 2; i++) {
        struct stack_config config = test_config(&pair->memory);
        struct iface_config iface = {.name = "wire", .dev = pair->ends[i]};
        struct ip_prefix addr = {.addr = test_addr(i + 1), .len = 120};

        config.seed.k1 += i;
        ck_assert_int_eq(stack_create(&config, pair->now, &pair->stacks[i]), 0);
        ck_assert_int_eq(stack_iface_add(pair->stacks[i], pair->now, &iface),
                         STACK_IFACE);
        ck_assert_int_eq(
            stack_addr_add(pair->stacks[i], pair->now, STACK_IFACE, &addr), 0);
    }
}

void pair_close(struct pair *pair)
{
    for (unsigned i = 0; i < 2; i++) {
        stack_destroy(pair->stacks[i]);
        netdev_close(pair->ends[i]);
    }
    ck_assert_uint_eq(pair->memory.used, 0);
}

static usec pair_deadline(const struct pair *pair)
{
    usec next = USEC_NEVER;

    for (unsigned i = 0; i < 2; i++) {
        next = usec_min(next, stack_next_deadline(pair->stacks[i]));
        next = usec_min(next, netdev_deadline(pair->ends[i]));
    }
    return next;
}

static void pair_pass(struct pair *pair, unsigned i)
{
    struct frame frame;

    while (netdev_receive(pair->ends[i], pair->now, &frame) > 0)
        stack_input(pair->stacks[i], pair->now, STACK_IFACE, &frame);
    stack_run_timers(pair->stacks[i], pair->now);
    stack_flush(pair->stacks[i], pair->now);
}

void pair_run(struct pair *pair, usec to)
{
    usec next;

    for (unsigned i = 0; i < 2; i++)
        stack_flush(pair->stacks[i], pair->now);
    while ((next = pair_deadline(pair)) <= to) {
        pair->now = usec_max(pair->now, next);
        pair_pass(pair, 0);
        pair_pass(pair, 1);
    }
    pair->now = to;
}

socket_id test_socket(struct stack *stack, int type, int protocol)
{
    socket_id id;

    ck_assert_int_eq(stack_socket(stack, 0, AF_INET, type, protocol, &id), 0);
    ck_assert_uint_ne(id, 0);
    return id;
}

void test_bind(struct stack *stack, socket_id id, const char *addr,
               uint16_t port)
{
    struct endpoint local = test_endpoint(addr, port);

    ck_assert_int_eq(stack_bind(stack, 0, id, &local), 0);
}

ssize_t test_send(struct stack *stack, socket_id id, const char *text,
                  const struct endpoint *to)
{
    struct endpoint name = to ? *to : (struct endpoint){0};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)text,
                        .iov_len = strlen(text)};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .name = to ? &name : NULL};
    ssize_t count = stack_send(stack, 0, id, &message);

    stack_flush(stack, 0); /* the text is borrowed until then */
    return count;
}

ssize_t test_receive(struct stack *stack, socket_id id, char text[static 256],
                     int flags)
{
    struct iovec iov = {.iov_base = text, .iov_len = 255};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .flags = flags};
    ssize_t count = stack_receive(stack, 0, id, &message);

    text[count > 0 ? min_size((size_t)count, 255) : 0] = '\0';
    return count;
}

void expect_text(struct stack *stack, socket_id id, const char *text)
{
    char got[256];

    ck_assert_int_eq(test_receive(stack, id, got, 0), (int)strlen(text));
    ck_assert_str_eq(got, text);
}
