/*
 * Frames that no honest peer would send, thrown at a stack with open sockets,
 * in virtual time. Most begin as a valid packet: ARP, ICMP, UDP, fragments, or
 * an answer to a TCP segment that the stack has just sent, so that they reach
 * deep states; then bits are flipped and lengths changed, and in most cases
 * the checksums made right again, or everything would end at the first check.
 * Between them a program uses its sockets, time passes, and memory runs out.
 *
 * The stack must not crash, must send only packets that are well formed, must
 * not spin, and must give all its memory back. The sanitizers see the rest.
 *
 *     test_frames              as `make test` does
 *     test_frames 17           round 17 alone
 *     test_frames 1 100000     a range
 *
 * A round depends on its number only. For libFuzzer, which draws the decisions
 * instead:
 *
 *     clang -DFUZZ_LIBFUZZER -fsanitize=fuzzer,address -Istack -I. ...
 */
#include "tests/fuzz/rounds.h"
#include "stack/stack.h"

#include "base/checksum.h"
#include "tests/place.h"
#include "tests/recording.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ROUNDS = 1200,
    STEPS = 1500, /* of a round */
    STACK_ADDR = 0xc0000202,
    PEER_ADDR = 0xc0000201,
    IFACE = 2, /* the loopback is 1 */
    MTU = 1500,
    ETH_LEN = 14,
    IP_LEN = 20,
    FRAME_MAX = 4096,
    SOCKETS = 12,
    HEARD = 16, /* frames of the stack that are remembered */
    TIMER_SPIN_MAX = 1000
};

static const uint8_t stack_mac[6] = {2, 0, 0x5e, 0, 0x53, 2};
static const uint8_t peer_mac[6] = {2, 0, 0x5e, 0, 0x53, 1};
static const uint16_t ports[] = {7, 80, 53, 9, 50000, 50001, 50002};

/* What is drawn: from a seed, or from the bytes of libFuzzer. */
struct source {
    struct random random;
    const uint8_t *bytes;
    size_t left;
    bool from_bytes;
};

struct heard {
    uint8_t data[128];
    size_t len;
};

struct fuzz {
    struct source source;
    struct memory memory;
    struct stack *stack;
    struct netdev device;
    struct recording recording; /* replayed at the end */
    usec now;
    socket_id sockets[SOCKETS]; /* 0: none */
    struct heard heard[HEARD];
    unsigned heard_count;
    uint8_t frame[FRAME_MAX]; /* being built */
    size_t len;
};

/* The round that runs, for whoever dies in it. */
static volatile unsigned long current_round;

__attribute__((noreturn)) static void fail(const char *what)
{
    fprintf(stderr, "round %lu: %s\n", current_round, what);
    abort();
}

/* ---- drawing ---- */

static uint32_t draw_u32(struct source *source)
{
    uint32_t value = 0;

    if (!source->from_bytes)
        return random_u32(&source->random);
    for (unsigned i = 0; i < 4 && source->left > 0; i++, source->left--)
        value = value << 8 | *source->bytes++;
    return value;
}

/* Even over [0, bound). */
static uint32_t draw(struct fuzz *fuzz, uint32_t bound)
{
    return draw_u32(&fuzz->source) % bound;
}

static bool one_in(struct fuzz *fuzz, uint32_t n)
{
    return draw(fuzz, n) == 0;
}

static uint8_t draw_byte(struct fuzz *fuzz)
{
    return (uint8_t)draw(fuzz, 256);
}

/* Values at which comparisons turn. */
static uint32_t draw_number(struct fuzz *fuzz)
{
    static const uint32_t edges[] = {
        0,          1,          2,          3,      19,    20,      59,
        60,         127,        128,        255,    256,   1023,    1460,
        32767,      32768,      65534,      65535,  65536, 0xfffff, 0x7fffffff,
        0x80000000, 0xfffffffe, 0xffffffff, 100000, 536};

    return one_in(fuzz, 2) ? edges[draw(fuzz, ARRAY_LENGTH(edges))]
                           : draw_u32(&fuzz->source);
}

static uint16_t draw_port(struct fuzz *fuzz)
{
    return ports[draw(fuzz, ARRAY_LENGTH(ports))];
}

/* ---- building ---- */

static uint8_t *ip_of(struct fuzz *fuzz)
{
    return fuzz->frame + ETH_LEN;
}

static uint8_t *transport_of(struct fuzz *fuzz)
{
    return fuzz->frame + ETH_LEN + IP_LEN;
}

static void build_ethernet(struct fuzz *fuzz, uint16_t type, size_t len)
{
    memcpy(fuzz->frame, one_in(fuzz, 30) ? mac_addr_broadcast.octet : stack_mac,
           6);
    memcpy(fuzz->frame + 6, peer_mac, 6);
    put_be16(fuzz->frame + 12, type);
    fuzz->len = ETH_LEN + len;
}

static uint32_t draw_source_addr(struct fuzz *fuzz)
{
    static const uint32_t odd[] = {STACK_ADDR, 0,          0xffffffff,
                                   0x7f000001, 0xe0000001, 0xc00002ff,
                                   0xc0000203, 0x08080808};

    return one_in(fuzz, 20) ? odd[draw(fuzz, ARRAY_LENGTH(odd))] : PEER_ADDR;
}

/* The header of a packet whose payload, `len` bytes, is there already. */
static void build_ip(struct fuzz *fuzz, uint8_t protocol, size_t len)
{
    uint8_t *ip = ip_of(fuzz);

    memset(ip, 0, IP_LEN);
    ip[0] = 0x45;
    put_be16(ip + 2, (uint16_t)(IP_LEN + len));
    put_be16(ip + 4, (uint16_t)draw(fuzz, 4));
    ip[8] = 64;
    ip[9] = protocol;
    put_be32(ip + 12, draw_source_addr(fuzz));
    put_be32(ip + 16, one_in(fuzz, 30) ? 0xc00002ff : STACK_ADDR);
    build_ethernet(fuzz, 0x0800, IP_LEN + len);
}

static void fill_payload(struct fuzz *fuzz, uint8_t *to, size_t len)
{
    uint8_t value = draw_byte(fuzz);

    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)(value + i);
}

static size_t draw_payload_len(struct fuzz *fuzz)
{
    switch (draw(fuzz, 4)) {
    case 0:
        return 0;
    case 1:
        return draw(fuzz, 8);
    case 2:
        return 1000 + draw(fuzz, 460);
    default:
        return draw(fuzz, 1460);
    }
}

static void build_arp(struct fuzz *fuzz)
{
    uint8_t *arp = fuzz->frame + ETH_LEN;

    put_be16(arp, 1);
    put_be16(arp + 2, 0x0800);
    arp[4] = 6;
    arp[5] = 4;
    put_be16(arp + 6, (uint16_t)(1 + draw(fuzz, 2)));
    memcpy(arp + 8, peer_mac, 6);
    put_be32(arp + 14, one_in(fuzz, 3) ? PEER_ADDR + draw(fuzz, 64)
                                       : draw_source_addr(fuzz));
    memcpy(arp + 18, stack_mac, 6);
    put_be32(arp + 24, one_in(fuzz, 4) ? PEER_ADDR : STACK_ADDR);
    build_ethernet(fuzz, 0x0806, 28);
}

static void build_udp(struct fuzz *fuzz)
{
    uint8_t *udp = transport_of(fuzz);
    size_t len = 8 + draw_payload_len(fuzz);

    put_be16(udp, draw_port(fuzz));
    put_be16(udp + 2, draw_port(fuzz));
    put_be16(udp + 4, (uint16_t)len);
    put_be16(udp + 6, 0);
    fill_payload(fuzz, udp + 8, len - 8);
    build_ip(fuzz, 17, len);
}

/* One of four groups, which sockets join and queries ask for. */
static uint32_t draw_group(struct fuzz *fuzz)
{
    return 0xe0010200 + draw(fuzz, 4);
}

/* Queries of all versions, and other hosts' reports. */
static void build_igmp(struct fuzz *fuzz)
{
    static const uint8_t types[] = {0x11, 0x11, 0x11, 0x12, 0x16, 0x17, 0x22};
    uint8_t *igmp = transport_of(fuzz);
    size_t sources = draw(fuzz, 40);
    size_t len = one_in(fuzz, 2) ? 8 : 12 + 4 * sources;

    memset(igmp, 0, 12 + 4 * sources);
    igmp[0] = types[draw(fuzz, ARRAY_LENGTH(types))];
    igmp[1] = one_in(fuzz, 4) ? 0 : draw_byte(fuzz);
    put_be32(igmp + 4, one_in(fuzz, 2) ? 0 : draw_group(fuzz));
    igmp[8] = draw_byte(fuzz);
    put_be16(igmp + 10, (uint16_t)sources);
    for (size_t i = 0; i < sources; i++)
        put_be32(igmp + 12 + 4 * i, PEER_ADDR + draw(fuzz, 40));
    build_ip(fuzz, 2, len);
    put_be32(ip_of(fuzz) + 16, one_in(fuzz, 2) ? 0xe0000001 : draw_group(fuzz));
    memset(fuzz->frame, 1, 1); /* to a group of the link */
}

static const struct heard *draw_heard(struct fuzz *fuzz)
{
    if (fuzz->heard_count == 0)
        return NULL;
    return &fuzz->heard[draw(fuzz, fuzz->heard_count < HEARD ? fuzz->heard_count
                                                             : HEARD)];
}

/* Errors quote what the stack has sent. */
static size_t build_icmp_error(struct fuzz *fuzz, uint8_t *icmp)
{
    static const uint8_t types[] = {3, 4, 5, 11, 12};
    const struct heard *heard = draw_heard(fuzz);
    size_t len = heard == NULL ? 0 : heard->len - ETH_LEN;

    icmp[0] = types[draw(fuzz, ARRAY_LENGTH(types))];
    icmp[1] = (uint8_t)draw(fuzz, 16);
    put_be32(icmp + 4, draw_number(fuzz));
    len = min_size(len, 8 + draw(fuzz, 60));
    if (len > 0)
        memcpy(icmp + 8, heard->data + ETH_LEN, len);
    return 8 + len;
}

static void build_icmp(struct fuzz *fuzz)
{
    uint8_t *icmp = transport_of(fuzz);
    size_t len = 8;

    if (one_in(fuzz, 3)) {
        len = build_icmp_error(fuzz, icmp);
    } else {
        icmp[0] = one_in(fuzz, 2) ? 8 : 0;
        icmp[1] = 0;
        put_be32(icmp + 4, draw(fuzz, 4) << 16);
        len += draw_payload_len(fuzz);
        fill_payload(fuzz, icmp + 8, len - 8);
    }
    build_ip(fuzz, 1, len);
}

/* ---- TCP ---- */

/* Options of all kinds, well formed or nearly so; how many bytes. */
static size_t build_options(struct fuzz *fuzz, uint8_t *to)
{
    static const uint8_t kinds[][2] = {{2, 4},   {3, 3},  {4, 2},  {5, 10},
                                       {8, 10},  {1, 1},  {28, 4}, {34, 2},
                                       {34, 10}, {253, 6}};
    size_t len = 0;

    while (!one_in(fuzz, 3)) {
        const uint8_t *kind = kinds[draw(fuzz, ARRAY_LENGTH(kinds))];

        if (len + kind[1] > 40)
            break;
        fill_payload(fuzz, to + len, kind[1]);
        to[len] = kind[0];
        if (kind[1] > 1)
            to[len + 1] = one_in(fuzz, 20) ? draw_byte(fuzz) : kind[1];
        len += kind[1];
    }
    while (len % 4 != 0)
        to[len++] = 1;
    return len;
}

static uint8_t draw_flags(struct fuzz *fuzz)
{
    static const uint8_t usual[] = {0x10, 0x18, 0x02, 0x12, 0x11, 0x04, 0x14};

    return one_in(fuzz, 10) ? draw_byte(fuzz)
                            : usual[draw(fuzz, ARRAY_LENGTH(usual))];
}

/* Ports and numbers as an answer to `heard` has them. */
static void answer_segment(const struct heard *heard, uint8_t *tcp)
{
    const uint8_t *sent = heard->data + ETH_LEN + IP_LEN;
    uint32_t len = get_be16(heard->data + ETH_LEN + 2);
    uint32_t header = IP_LEN + (uint32_t)(sent[12] >> 4) * 4;

    put_be16(tcp, get_be16(sent + 2));
    put_be16(tcp + 2, get_be16(sent));
    put_be32(tcp + 4, get_be32(sent + 8));
    put_be32(tcp + 8, get_be32(sent + 4) + len - header + (sent[13] & 1u) +
                          (sent[13] >> 1 & 1u));
}

static bool is_tcp(const struct heard *heard)
{
    return heard != NULL && heard->data[ETH_LEN + 9] == 6 &&
           heard->len >= ETH_LEN + IP_LEN + 20;
}

/* The timestamps of the answered segment, or PAWS would drop all. */
static size_t answer_timestamps(struct fuzz *fuzz, const struct heard *heard,
                                uint8_t *to)
{
    const uint8_t *options = heard->data + ETH_LEN + IP_LEN + 20;
    size_t len = heard->len - (ETH_LEN + IP_LEN + 20);

    for (size_t i = 0; i + 10 <= len && i < 12; i++)
        if (options[i] == 8 && options[i + 1] == 10) {
            memcpy(to, (const uint8_t[]){1, 1, 8, 10}, 4);
            put_be32(to + 4, (uint32_t)(fuzz->now / USEC_PER_MSEC));
            memcpy(to + 8, options + i + 2, 4);
            return 12;
        }
    return 0;
}

/* Blocks about what `heard` is near to; how many bytes. */
static size_t add_sack(struct fuzz *fuzz, const struct heard *heard,
                       uint8_t *to, size_t room)
{
    uint32_t sent = get_be32(heard->data + ETH_LEN + IP_LEN + 4);
    size_t blocks = 1 + draw(fuzz, (uint32_t)min_size(4, (room - 4) / 8));
    uint8_t *at = to + 4;

    blocks = min_size(blocks, (room - 4) / 8);
    memcpy(to, (const uint8_t[]){1, 1, 5, (uint8_t)(2 + 8 * blocks)}, 4);
    for (size_t i = 0; i < blocks; i++, at += 8) {
        uint32_t edge = sent + draw(fuzz, 8000) - 4000;

        put_be32(at, edge);
        put_be32(at + 4, edge + (one_in(fuzz, 8) ? draw_number(fuzz)
                                                 : draw(fuzz, 3000)));
    }
    return 4 + 8 * blocks;
}

static void build_tcp(struct fuzz *fuzz)
{
    uint8_t *tcp = transport_of(fuzz);
    const struct heard *heard = draw_heard(fuzz);
    size_t options = 0;

    memset(tcp, 0, 20);
    put_be16(tcp, draw_port(fuzz));
    put_be16(tcp + 2, one_in(fuzz, 10) ? draw_port(fuzz) : 80);
    put_be32(tcp + 4, draw_number(fuzz));
    put_be32(tcp + 8, draw_number(fuzz));
    tcp[13] = draw_flags(fuzz);
    put_be16(tcp + 14, (uint16_t)draw_number(fuzz));
    if (is_tcp(heard) && !one_in(fuzz, 6)) {
        answer_segment(heard, tcp);
        if (one_in(fuzz, 6)) /* near by */
            put_be32(tcp + 4, get_be32(tcp + 4) + draw(fuzz, 4000) - 2000);
        if (one_in(fuzz, 6))
            put_be32(tcp + 8, get_be32(tcp + 8) - draw(fuzz, 4000));
        if (!one_in(fuzz, 6))
            options = answer_timestamps(fuzz, heard, tcp + 20);
        if (one_in(fuzz, 4))
            options += add_sack(fuzz, heard, tcp + 20 + options, 40 - options);
    } else if (!one_in(fuzz, 4)) {
        tcp[13] = 2;
    }
    if (options == 0 && one_in(fuzz, (tcp[13] & 2) != 0 ? 1 : 6))
        options = build_options(fuzz, tcp + 20);
    tcp[12] = (uint8_t)((20 + options) / 4 << 4);

    size_t len = draw_payload_len(fuzz);
    fill_payload(fuzz, tcp + 20 + options, len);
    build_ip(fuzz, 6, 20 + options + len);
}

/* A piece of what was built, as if it had been fragmented. */
static void make_fragment(struct fuzz *fuzz)
{
    uint8_t *ip = ip_of(fuzz);
    size_t payload = fuzz->len - ETH_LEN - IP_LEN;
    size_t from = draw(fuzz, (uint32_t)payload + 8) / 8 * 8;
    size_t len = one_in(fuzz, 2) ? payload : draw(fuzz, 64) * 8;
    bool more = !one_in(fuzz, 3);

    if (from >= payload)
        from = 0;
    len = min_size(len, payload - from);
    if (more)
        len = len / 8 * 8;
    memmove(ip + IP_LEN, ip + IP_LEN + from, len);
    put_be16(ip + 2, (uint16_t)(IP_LEN + len));
    put_be16(ip + 6, (uint16_t)((more ? 0x2000u : 0) | from / 8));
    fuzz->len = ETH_LEN + IP_LEN + len;
}

/* ---- breaking and mending ---- */

static void mutate(struct fuzz *fuzz)
{
    uint32_t at = draw(fuzz, one_in(fuzz, 2) ? min_u32(74, (uint32_t)fuzz->len)
                                             : (uint32_t)fuzz->len);

    switch (draw(fuzz, 6)) {
    case 0:
        fuzz->frame[at] ^= (uint8_t)(1u << draw(fuzz, 8));
        break;
    case 1:
        fuzz->frame[at] = draw_byte(fuzz);
        break;
    case 2:
        if (at + 2 <= fuzz->len)
            put_be16(fuzz->frame + at, (uint16_t)draw_number(fuzz));
        break;
    case 3:
        if (at + 4 <= fuzz->len)
            put_be32(fuzz->frame + at, draw_number(fuzz));
        break;
    case 4: /* cut off */
        fuzz->len = at + 1;
        break;
    case 5: /* padded, as short Ethernet frames are */
        memset(fuzz->frame + fuzz->len, 0, 46);
        fuzz->len = min_size(fuzz->len + draw(fuzz, 46), FRAME_MAX - 100);
        break;
    }
}

static void put_checksum(uint8_t *at, struct checksum *sum, struct bytes bytes)
{
    put_be16(at, 0);
    checksum_add(sum, bytes);
    put_be16(at, checksum_finish(sum));
}

/* Where the transport's checksum is; 0: nowhere. */
static size_t checksum_offset(uint8_t protocol)
{
    return protocol == 6 ? 16 : protocol == 17 ? 6 : protocol <= 2 ? 2 : 0;
}

static void mend_transport(uint8_t *ip, size_t header, size_t total)
{
    uint8_t protocol = ip[9];
    size_t offset = checksum_offset(protocol);
    struct ip_addr src = ip_addr_v4(get_be32(ip + 12));
    struct ip_addr dst = ip_addr_v4(get_be32(ip + 16));
    struct checksum sum = {0};

    if (offset == 0 || total < header + offset + 2)
        return;
    if (protocol > 2)
        checksum_add_pseudo(&sum, &src, &dst, protocol, total - header);
    put_checksum(ip + header + offset, &sum,
                 bytes_of(ip + header, total - header));
}

/* Makes the checksums right, as far as the lengths make sense. */
static void mend_checksums(struct fuzz *fuzz)
{
    uint8_t *ip = ip_of(fuzz);
    struct checksum sum = {0};

    if (fuzz->len < ETH_LEN + IP_LEN || get_be16(fuzz->frame + 12) != 0x0800)
        return;
    size_t header = (size_t)(ip[0] & 15) * 4;
    size_t total = get_be16(ip + 2);
    if (header < IP_LEN || header > total || total > fuzz->len - ETH_LEN)
        return;
    if ((get_be16(ip + 6) & 0x3fff) == 0)
        mend_transport(ip, header, total);
    put_checksum(ip + 10, &sum, bytes_of(ip, header));
}

/* ---- the device ---- */

static void check_sum(struct checksum *sum, struct bytes bytes,
                      const char *what)
{
    checksum_add(sum, bytes);
    if (checksum_finish(sum) != 0)
        fail(what);
}

/* What the stack sends is right, whatever came in. */
static void check_packet(const uint8_t *ip, size_t len)
{
    struct checksum sum = {0};
    struct checksum transport = {0};
    bool is_igmp = len >= IP_LEN && ip[9] == 2; /* with Router Alert */
    size_t header = is_igmp ? IP_LEN + 4 : IP_LEN;

    if (len < header || ip[0] != 0x40 + header / 4 || get_be16(ip + 2) != len)
        fail("the stack sent an IP header that is wrong");
    check_sum(&sum, bytes_of(ip, header), "IP checksum sent wrong");
    if ((get_be16(ip + 6) & 0x3fff) != 0 || ip[9] == 17)
        return;
    struct ip_addr src = ip_addr_v4(get_be32(ip + 12));
    struct ip_addr dst = ip_addr_v4(get_be32(ip + 16));
    if (ip[9] == 6)
        checksum_add_pseudo(&transport, &src, &dst, 6, len - IP_LEN);
    check_sum(&transport, bytes_of(ip + header, len - header),
              "transport checksum sent wrong");
    if (ip[9] == 6 && (len < IP_LEN + 20 || (ip[IP_LEN + 12] >> 4) < 5 ||
                       IP_LEN + (size_t)(ip[IP_LEN + 12] >> 4) * 4 > len))
        fail("the stack sent a data offset that is wrong");
}

static int device_transmit(struct netdev *dev, usec now,
                           const struct frame *frame)
{
    struct fuzz *fuzz = container_of(dev, struct fuzz, device);
    uint8_t data[ETH_LEN + MTU];
    size_t len = frame_copy(frame, 0, data, sizeof(data));
    struct heard *heard = &fuzz->heard[fuzz->heard_count % HEARD];

    (void)now;
    if (len != frame_len(frame) || len < ETH_LEN)
        fail("the stack sent a frame of an impossible length");
    if (get_be16(data + 12) != 0x0800)
        return 0;
    check_packet(data + ETH_LEN, len - ETH_LEN);
    fuzz->heard_count++;
    heard->len = min_size(len, sizeof(heard->data));
    memcpy(heard->data, data, heard->len);
    return draw(fuzz, 50) == 0 ? -ENOBUFS : 0;
}

static void device_flush(struct netdev *dev, usec now)
{
    (void)dev;
    (void)now;
}

static int device_receive(struct netdev *dev, usec now, struct frame *frame)
{
    (void)dev;
    (void)now;
    (void)frame;
    return 0;
}

static usec device_deadline(const struct netdev *dev)
{
    (void)dev;
    return USEC_NEVER;
}

static int device_poll_fd(const struct netdev *dev)
{
    (void)dev;
    return -1;
}

static void device_close(struct netdev *dev)
{
    (void)dev;
}

static const struct netdev_ops device_ops = {
    .name = "fuzz",
    .transmit = device_transmit,
    .flush = device_flush,
    .receive = device_receive,
    .deadline = device_deadline,
    .poll_fd = device_poll_fd,
    .close = device_close,
};

/* ---- the program ---- */

static void open_socket(struct fuzz *fuzz, socket_id *id)
{
    struct endpoint local = {.addr = ip_addr_v4(STACK_ADDR)};
    struct endpoint remote = {.addr = ip_addr_v4(PEER_ADDR)};
    unsigned kind = draw(fuzz, 4);
    int type = kind < 2 ? SOCK_STREAM : SOCK_DGRAM;
    int status = stack_socket(fuzz->stack, fuzz->now, AF_INET, type,
                              kind == 3 ? IPPROTO_ICMP : 0, id);

    if (status < 0) {
        *id = 0;
        return;
    }
    local.port = kind == 0 ? 80 : one_in(fuzz, 2) ? 0 : draw_port(fuzz);
    remote.port = draw_port(fuzz);
    if (kind != 1 || one_in(fuzz, 4))
        status = stack_bind(fuzz->stack, fuzz->now, *id, &local);
    if (kind == 0)
        status =
            stack_listen(fuzz->stack, fuzz->now, *id, (int)draw(fuzz, 6) - 1);
    else if (kind == 1 || one_in(fuzz, 3))
        status = stack_connect(fuzz->stack, fuzz->now, *id, &remote);
    (void)status; /* any answer will do */
}

static void accept_one(struct fuzz *fuzz, socket_id listener)
{
    socket_id *free_place = &fuzz->sockets[draw(fuzz, SOCKETS)];
    struct endpoint remote;
    socket_id id;

    if (stack_accept(fuzz->stack, fuzz->now, listener, &id, &remote) < 0)
        return;
    if (*free_place != 0 &&
        stack_close(fuzz->stack, fuzz->now, *free_place) < 0)
        fail("close of an open socket failed");
    *free_place = id;
}

static void transfer(struct fuzz *fuzz, socket_id id, bool sending)
{
    static uint8_t bytes[70000];
    struct endpoint name = {.addr = ip_addr_v4(PEER_ADDR),
                            .port = draw_port(fuzz)};
    struct iovec iov[2] = {{bytes, draw(fuzz, 3000)},
                           {bytes, one_in(fuzz, 10) ? draw(fuzz, 66000) : 0}};
    struct socket_message message = {
        .iov = iov, .iov_count = 2, .name = one_in(fuzz, 3) ? &name : NULL};
    size_t room = iov[0].iov_len + iov[1].iov_len;
    ssize_t result;

    if (one_in(fuzz, 10))
        message.flags = MSG_PEEK;
    if (sending) {
        message.flags = one_in(fuzz, 4) ? MSG_FASTOPEN : 0;
        result = stack_send(fuzz->stack, fuzz->now, id, &message);
    } else {
        result = stack_receive(fuzz->stack, fuzz->now, id, &message);
    }
    if (result > (ssize_t)room)
        fail("more was transferred than asked for");
}

/* Mostly what the option wants. */
static size_t value_len(struct fuzz *fuzz, int option)
{
    if (one_in(fuzz, 8))
        return draw(fuzz, 9);
    if (option == TCP_FASTOPEN_KEY)
        return 16;
    return option == SO_LINGER ? 8 : 4;
}

static void change_congestion(struct fuzz *fuzz, socket_id id)
{
    static const char *const names[] = {"cubic", "reno", "bbr"};
    const char *name = names[draw(fuzz, ARRAY_LENGTH(names))];
    struct bytes value = {(const uint8_t *)name, strlen(name)};
    int status = stack_set_option(fuzz->stack, fuzz->now, id, IPPROTO_TCP,
                                  TCP_CONGESTION, value);

    (void)status;
}

static void change_group(struct fuzz *fuzz, socket_id id)
{
    static const int names[] = {
        IP_ADD_MEMBERSHIP,         IP_DROP_MEMBERSHIP, IP_ADD_SOURCE_MEMBERSHIP,
        IP_DROP_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE,    IP_UNBLOCK_SOURCE,
    };
    int name = names[draw(fuzz, ARRAY_LENGTH(names))];
    /* as ip_mreq, ip_mreqn and ip_mreq_source begin: by the stack's address */
    uint32_t request[3] = {htonl(draw_group(fuzz)), htonl(STACK_ADDR),
                           htonl(PEER_ADDR + draw(fuzz, 12))};
    size_t len = name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP
                     ? 8
                     : sizeof(request);
    int status = stack_set_option(fuzz->stack, fuzz->now, id, IPPROTO_IP, name,
                                  bytes_of((const uint8_t *)request, len));

    (void)status;
}

static void set_option(struct fuzz *fuzz, socket_id id)
{
    static const int options[][2] = {{SOL_SOCKET, SO_KEEPALIVE},
                                     {SOL_SOCKET, SO_RCVBUF},
                                     {SOL_SOCKET, SO_SNDBUF},
                                     {SOL_SOCKET, SO_LINGER},
                                     {SOL_SOCKET, SO_REUSEADDR},
                                     {SOL_SOCKET, SO_BROADCAST},
                                     {IPPROTO_TCP, TCP_NODELAY},
                                     {IPPROTO_TCP, TCP_MAXSEG},
                                     {IPPROTO_TCP, TCP_CONGESTION},
                                     {IPPROTO_IP, IP_TTL},
                                     {IPPROTO_IP, IP_TOS},
                                     {IPPROTO_TCP, TCP_FASTOPEN},
                                     {IPPROTO_TCP, TCP_FASTOPEN_CONNECT},
                                     {IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE},
                                     {IPPROTO_TCP, TCP_FASTOPEN_KEY},
                                     {IPPROTO_TCP, TCP_USER_TIMEOUT},
                                     {SOL_SOCKET, SO_MAX_PACING_RATE}};
    const int *option = options[draw(fuzz, ARRAY_LENGTH(options))];
    int values[4] = {one_in(fuzz, 2) ? (int)draw(fuzz, 4)
                                     : (int)draw_number(fuzz)};
    uint8_t old[64];
    size_t len = draw(fuzz, sizeof(old));
    int status;

    if (one_in(fuzz, 4)) {
        change_congestion(fuzz, id);
        return;
    }
    if (one_in(fuzz, 4)) {
        change_group(fuzz, id);
        return;
    }
    status = stack_set_option(fuzz->stack, fuzz->now, id, option[0], option[1],
                              bytes_of(values, value_len(fuzz, option[1])));
    status = stack_get_option(fuzz->stack, fuzz->now, id, option[0], option[1],
                              old, &len);
    (void)status;
}

static void use_socket(struct fuzz *fuzz)
{
    socket_id *id = &fuzz->sockets[draw(fuzz, SOCKETS)];
    struct endpoint endpoint;
    int status = 0;

    if (*id == 0) {
        open_socket(fuzz, id);
        return;
    }
    switch (draw(fuzz, 16)) {
    case 0:
        status =
            stack_shutdown(fuzz->stack, fuzz->now, *id, (int)draw(fuzz, 4));
        break;
    case 1:
        if (stack_close(fuzz->stack, fuzz->now, *id) < 0)
            fail("close of an open socket failed");
        *id = 0;
        break;
    case 2:
        set_option(fuzz, *id);
        break;
    case 3:
        status = stack_local(fuzz->stack, *id, &endpoint);
        status = stack_remote(fuzz->stack, *id, &endpoint);
        status = stack_unread(fuzz->stack, *id);
        status = stack_unsent(fuzz->stack, *id);
        break;
    case 4:
        status = stack_disconnect(fuzz->stack, fuzz->now, *id);
        break;
    case 5:
    case 6:
    case 7:
        accept_one(fuzz, *id);
        break;
    default:
        transfer(fuzz, *id, one_in(fuzz, 2));
        break;
    }
    (void)status;
}

/* ---- a round ---- */

static void end_pass(struct fuzz *fuzz)
{
    socket_id id;

    stack_flush(fuzz->stack, fuzz->now);
    while (stack_next_ready(fuzz->stack, &id))
        (void)stack_readiness(fuzz->stack, id);
}

/* Deadlines up to `until`. */
static void pass_time(struct fuzz *fuzz, usec until)
{
    unsigned spin = 0;

    for (;;) {
        usec deadline = stack_next_deadline(fuzz->stack);

        if (deadline > until)
            break;
        spin = deadline > fuzz->now ? 0 : spin + 1;
        if (spin > TIMER_SPIN_MAX)
            fail("the stack's deadline stays in the past");
        fuzz->now = usec_max(fuzz->now, deadline);
        stack_run_timers(fuzz->stack, fuzz->now);
        end_pass(fuzz);
    }
    fuzz->now = until;
}

static usec draw_time(struct fuzz *fuzz)
{
    static const usec longest[] = {USEC_PER_MSEC,
                                   50 * USEC_PER_MSEC,
                                   300 * USEC_PER_MSEC,
                                   3 * USEC_PER_SEC,
                                   70 * USEC_PER_SEC,
                                   3 * 3600 * USEC_PER_SEC,
                                   30 * 86400 * USEC_PER_SEC};
    unsigned rare = one_in(fuzz, 20) ? ARRAY_LENGTH(longest) : 3;

    return draw_u32(&fuzz->source) % longest[draw(fuzz, rare)];
}

/* The stack reads a copy of exactly the frame's size: the sanitizer guards
 * its end. */
static void hand_in(struct fuzz *fuzz)
{
    struct frame frame;
    uint8_t *copy = malloc(fuzz->len);

    if (copy == NULL)
        fail("no memory for the test itself");
    memcpy(copy, fuzz->frame, fuzz->len);
    frame_init_input(&frame, NULL, copy, fuzz->len);
    (void)place_frame(fuzz->stack, IFACE, &frame);
    stack_input(fuzz->stack, fuzz->now, IFACE, &frame);
    end_pass(fuzz);
    free(copy);
}

static void send_frame(struct fuzz *fuzz)
{
    switch (draw(fuzz, 13)) {
    case 12:
        build_igmp(fuzz);
        break;
    case 0:
        build_arp(fuzz);
        break;
    case 1:
        build_icmp(fuzz);
        break;
    case 2:
        build_udp(fuzz);
        break;
    case 3:
        build_udp(fuzz);
        mend_checksums(fuzz);
        make_fragment(fuzz);
        break;
    default:
        build_tcp(fuzz);
        break;
    }
    while (one_in(fuzz, 3))
        mutate(fuzz);
    if (!one_in(fuzz, 10))
        mend_checksums(fuzz);
    hand_in(fuzz);
}

static void step(struct fuzz *fuzz)
{
    if (one_in(fuzz, 4))
        use_socket(fuzz);
    if (one_in(fuzz, 8))
        pass_time(fuzz, fuzz->now + draw_time(fuzz));
    if (one_in(fuzz, 500)) /* less, or enough again */
        fuzz->memory.limit = one_in(fuzz, 2)
                                 ? fuzz->memory.used + draw(fuzz, 20000)
                                 : (size_t)64 << 20;
    send_frame(fuzz);
}

static void create(struct fuzz *fuzz)
{
    struct stack_config config = stack_config_default();
    struct iface_config iface = {.name = "fuzz0", .dev = &fuzz->device};
    struct ip_prefix addr = {ip_addr_v4(STACK_ADDR), IPV4_PREFIX_OFFSET + 24};
    struct ip_addr peer = ip_addr_v4(PEER_ADDR);
    struct mac_addr mac;

    memory_init(&fuzz->memory, (size_t)64 << 20);
    fuzz->now = 1000 * USEC_PER_SEC;
    fuzz->device = (struct netdev){
        .ops = &device_ops, .type = NETDEV_ETHERNET, .mtu = MTU};
    memcpy(fuzz->device.mac.octet, stack_mac, sizeof(stack_mac));
    memcpy(mac.octet, peer_mac, sizeof(peer_mac));
    config.memory = &fuzz->memory;
    config.seed = (struct hash_key){draw_u32(&fuzz->source), 1};
    recording_begin(&fuzz->recording);
    config.recorder = &fuzz->recording.recorder;
    config.tcp.receive_buffer = 1u << (10 + draw(fuzz, 8));
    config.tcp.send_buffer = 1u << (10 + draw(fuzz, 8));
    config.tcp.max_connections = 4 + draw(fuzz, 60);
    config.tcp.max_half_open = draw(fuzz, 8); /* above: SYN cookies */
    config.tcp.max_time_wait = 1 + draw(fuzz, 8);
    config.tcp.pacing = one_in(fuzz, 3);
    if (one_in(fuzz, 2))
        strcpy(config.tcp.congestion, "bbr");
    config.tcp.fast_open = draw(fuzz, TCP_FAST_OPEN_BITS + 1);
    config.tcp.fast_open_cache = draw(fuzz, 3);
    config.tcp.user_timeout_option = one_in(fuzz, 2);
    if (stack_create(&config, fuzz->now, &fuzz->stack) < 0 ||
        stack_iface_add(fuzz->stack, fuzz->now, &iface) != IFACE ||
        stack_addr_add(fuzz->stack, fuzz->now, IFACE, &addr) < 0 ||
        stack_neighbour_add(fuzz->stack, fuzz->now, IFACE, &peer, &mac) < 0)
        fail("the stack could not be set up");
}

/* Closed, it comes to rest by itself; destroyed, it gives all back. */
static void destroy(struct fuzz *fuzz)
{
    fuzz->memory.limit = (size_t)64 << 20;
    for (unsigned i = 0; i < SOCKETS; i++)
        if (fuzz->sockets[i] != 0 &&
            stack_close(fuzz->stack, fuzz->now, fuzz->sockets[i]) < 0)
            fail("close of an open socket failed");
    end_pass(fuzz);
    pass_time(fuzz, fuzz->now + 86400 * USEC_PER_SEC);
    if (stack_unfinished(fuzz->stack) != 0)
        fail("a connection is not finished a day after its close");
    stack_destroy(fuzz->stack);
    recording_check(&fuzz->recording);
    if (fuzz->memory.used != 0)
        fail("memory did not come back");
}

static void run(const struct source *source, unsigned steps)
{
    static struct fuzz fuzz;

    fuzz = (struct fuzz){.source = *source};
    create(&fuzz);
    for (unsigned i = 0; i < steps; i++) {
        if (fuzz.source.from_bytes && fuzz.source.left == 0)
            break;
        step(&fuzz);
    }
    destroy(&fuzz);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct source source = {.bytes = bytes, .left = len, .from_bytes = true};

    run(&source, STEPS);
    return 0;
}

#ifndef FUZZ_LIBFUZZER

static void say_round(int signal_number)
{
    static const char text[] = "it died in round ";
    char digits[20];
    size_t at = sizeof(digits);

    digits[--at] = '\n';
    for (unsigned long left = current_round; at > 0; left /= 10) {
        digits[--at] = (char)('0' + left % 10);
        if (left < 10)
            break;
    }
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0 ||
        write(STDERR_FILENO, digits + at, sizeof(digits) - at) < 0)
        _exit(2);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

int main(int argc, char **argv)
{
    struct rounds rounds = rounds_of(argc, argv, ROUNDS);

    signal(SIGABRT, say_round);
    for (current_round = rounds.first; current_round <= rounds.last;
         current_round++) {
        struct source source = {0};

        random_init(&source.random, (struct hash_key){current_round, 0});
        run(&source, STEPS);
    }
    return rounds_passed(rounds);
}

#endif
