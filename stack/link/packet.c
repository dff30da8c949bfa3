/*
 * Packet endpoints, as Linux's packet(7). Left out: rings mapped into the
 * program (PACKET_RX_RING), fanout, control data.
 */
#include "link/packet.h"

#include "link/eth.h"
#include "netdev/whole.h"

#include <errno.h>

enum {
    TYPE_MIN = 1536,           /* below it is a length: IEEE 802.3 3.2.6 */
    PROTOCOL_802_3 = 0x0001,   /* ETH_P_802_3, ETH_P_802_2: frames that have */
    PROTOCOL_802_2 = 0x0004,   /* a length where others have a type */
    RAW_802_3_BEGIN = 0xffff,  /* what such a payload begins with */
    HEAD_MAX = FRAME_STORE / 2 /* of what is sent, so much is in the head */
};

/* ---- Link endpoints ---------------------------------------------------- */

enum { LINK_LEN = 8, LINK_KIND = 9, LINK_HARDWARE = 10 };

struct endpoint link_endpoint(const struct link_addr *addr, unsigned iface,
                              uint16_t protocol)
{
    struct endpoint endpoint = {
        .scope = iface, .port = protocol, .is_link = true};
    uint8_t *octet = endpoint.addr.octet;

    memcpy(octet, addr->octet, sizeof(addr->octet));
    octet[LINK_LEN] = addr->len;
    octet[LINK_KIND] = addr->kind;
    put_be16(octet + LINK_HARDWARE, addr->hardware);
    return endpoint;
}

struct link_addr link_addr_of(const struct endpoint *endpoint)
{
    const uint8_t *octet = endpoint->addr.octet;
    struct link_addr addr = {
        .len = octet[LINK_LEN],
        .kind = octet[LINK_KIND],
        .hardware = get_be16(octet + LINK_HARDWARE),
    };

    memcpy(addr.octet, octet, sizeof(addr.octet));
    return addr;
}

static struct link_addr addr_on(const struct iface *iface,
                                const struct mac_addr *mac)
{
    struct link_addr addr = {.hardware = iface_hardware(iface)};

    if (addr.hardware == IFACE_HARDWARE_NONE)
        return addr;
    addr.len = sizeof(mac->octet);
    memcpy(addr.octet, mac->octet, sizeof(mac->octet));
    return addr;
}

/* ---- Seeing ------------------------------------------------------------ */

/* A whole frame on its way past, and what is said of it. */
struct passing {
    struct packets *packets;
    struct iface *iface;
    bool is_outgoing;
    struct eth_header eth; /* all zero but the type where there is none */
    uint16_t protocol;
    enum packet_kind kind;
};

/* Behind bare IP's version there is no doubt; the loopback is one. */
static uint16_t type_of_packet(struct bytes packet)
{
    bool is_v6 = packet.len > 0 && packet.data[0] >> 4 == 6;

    return is_v6 ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4;
}

static uint16_t protocol_of(uint16_t type, struct bytes payload)
{
    if (type >= TYPE_MIN)
        return type;
    return payload.len >= 2 && get_be16(payload.data) == RAW_802_3_BEGIN
               ? PROTOCOL_802_3
               : PROTOCOL_802_2;
}

static enum packet_kind kind_of(const struct passing *passing)
{
    const struct mac_addr *dst = &passing->eth.dst;

    if (passing->is_outgoing)
        return PACKET_KIND_OUTGOING;
    if (mac_addr_equal(dst, &mac_addr_broadcast))
        return PACKET_KIND_BROADCAST;
    if (mac_addr_is_multicast(dst))
        return PACKET_KIND_MULTICAST;
    if (passing->iface->dev->type == NETDEV_ETHERNET &&
        !mac_addr_equal(dst, &passing->iface->mac))
        return PACKET_KIND_OTHER_HOST;
    return PACKET_KIND_HOST;
}

/* As Linux: who asks for one protocol sees what comes in of it. */
static bool accepts(const struct packet_pcb *pcb, const struct passing *passing)
{
    if (pcb->iface != 0 && pcb->iface != passing->iface->index)
        return false;
    if (passing->is_outgoing &&
        (pcb->ignores_outgoing || pcb == pcb->packets->sender))
        return false;
    return pcb->protocol == PACKET_ALL_PROTOCOLS ||
           (pcb->protocol == passing->protocol && pcb->protocol != 0 &&
            !passing->is_outgoing);
}

static void keep(struct packet_pcb *pcb, const struct passing *passing,
                 const struct frame *frame)
{
    struct packets *packets = pcb->packets;
    struct link_addr src = addr_on(passing->iface, &passing->eth.src);
    struct dgram about = {.iface_index = passing->iface->index,
                          .arrived = packets->env->now};

    src.kind = (uint8_t)passing->kind;
    about.src = link_endpoint(&src, passing->iface->index, passing->protocol);
    pcb->seen++;
    if (dgram_queue_add(&pcb->received, packets->env->memory, &about, frame) <
        0)
        pcb->lost++;
    else if (packets->notify)
        packets->notify(packets->notify_context, pcb->owner);
}

/* `frame` with its link header, whose length is `header_len`. */
static void deliver(struct packet_pcb *pcb, const struct passing *passing,
                    struct frame frame, size_t header_len)
{
    struct bpf_about about = {
        .protocol = passing->protocol,
        .kind = passing->kind,
        .iface = passing->iface->index,
        .hardware = iface_hardware(passing->iface),
        .network_begin = pcb->is_cooked ? 0 : header_len,
    };

    if (pcb->is_cooked)
        frame_pull(&frame, header_len);

    uint32_t wanted = bpf_run(pcb->filter, &frame, &about);

    if (wanted < frame_len(&frame))
        frame_trim(&frame, wanted);
    if (wanted != BPF_WANT_NOTHING)
        keep(pcb, passing, &frame);
}

static void deliver_to_all(const struct passing *passing,
                           const struct frame *frame, size_t header_len)
{
    const struct list *pcbs = &passing->packets->pcbs;

    for (struct list *node = pcbs->next; node != pcbs; node = node->next) {
        struct packet_pcb *pcb = container_of(node, struct packet_pcb, node);

        if (accepts(pcb, passing))
            deliver(pcb, passing, *frame, header_len);
    }
}

static void see_ethernet(struct passing *passing, struct bytes whole)
{
    enum drop_reason why;
    struct frame frame;

    if (eth_parse(whole, &passing->eth, &why) < 0)
        return;
    passing->protocol =
        protocol_of(passing->eth.type, bytes_from(whole, ETH_HEADER_LEN));
    passing->kind = kind_of(passing);
    frame_init_input(&frame, passing->iface, (uint8_t *)whole.data, whole.len);
    deliver_to_all(passing, &frame, ETH_HEADER_LEN);
}

static void see_packet(struct passing *passing, struct bytes whole)
{
    struct frame frame;

    passing->eth.type = type_of_packet(whole);
    passing->protocol = passing->eth.type;
    passing->kind = kind_of(passing);
    frame_init_input(&frame, passing->iface, (uint8_t *)whole.data, whole.len);
    deliver_to_all(passing, &frame, 0);
}

static void see_on_loopback(struct passing *passing, struct bytes whole)
{
    uint8_t header[ETH_HEADER_LEN];
    struct frame frame;

    passing->eth.type = type_of_packet(whole);
    passing->protocol = passing->eth.type;
    passing->kind = kind_of(passing);
    eth_emit(header, &passing->eth);
    frame_init_input(&frame, passing->iface, header, sizeof(header));
    frame_add_slice(&frame, whole);
    deliver_to_all(passing, &frame, ETH_HEADER_LEN);
}

/* A whole_frame_fn. */
static void see_whole(void *context, const uint8_t *data, size_t len)
{
    struct passing *passing = context;
    struct bytes whole = bytes_of(data, len);

    if (passing->iface->loopback)
        see_on_loopback(passing, whole);
    else if (passing->iface->dev->type == NETDEV_ETHERNET)
        see_ethernet(passing, whole);
    else
        see_packet(passing, whole);
}

void packets_see_in(struct packets *packets, struct iface *iface,
                    const struct frame *frame)
{
    struct passing passing = {.packets = packets, .iface = iface};

    frame_make_whole(iface->dev->type, frame, see_whole, &passing);
}

void packets_see_out(struct packets *packets, struct iface *iface,
                     const struct frame *frame)
{
    struct passing passing = {
        .packets = packets, .iface = iface, .is_outgoing = true};

    frame_make_whole(iface->dev->type, frame, see_whole, &passing);
}

/* ---- Binding ----------------------------------------------------------- */

static struct iface *find_iface(const struct packets *packets, unsigned index)
{
    for (struct list *node = packets->ifaces->next; node != packets->ifaces;
         node = node->next) {
        struct iface *iface = container_of(node, struct iface, node);

        if (iface->index == index)
            return iface;
    }
    return NULL;
}

int packet_bind(struct packet_pcb *pcb, const struct endpoint *local)
{
    if (local->scope != 0 && find_iface(pcb->packets, local->scope) == NULL)
        return -ENODEV;
    pcb->iface = local->scope;
    if (local->port != 0)
        pcb->protocol = local->port;
    return 0;
}

struct endpoint packet_local(const struct packet_pcb *pcb)
{
    const struct iface *iface = find_iface(pcb->packets, pcb->iface);
    struct link_addr addr = {0};

    if (iface != NULL)
        addr = addr_on(iface, &iface->mac);
    return link_endpoint(&addr, pcb->iface, pcb->protocol);
}

/* ---- Sending ----------------------------------------------------------- */

/* The link header that a program's frame must have. */
static size_t header_len_on(const struct iface *iface)
{
    return iface_hardware(iface) == IFACE_HARDWARE_NONE ? 0 : ETH_HEADER_LEN;
}

/* The first bytes into the head, where headers are looked for; the rest is
 * borrowed. */
static void build_frame(struct frame *frame, const struct bytes *pieces,
                        unsigned count)
{
    struct bytes rest[FRAME_SLICES] = {{0}};
    uint8_t head[HEAD_MAX];

    for (unsigned i = 0; i < count; i++)
        rest[i] = pieces[i];

    size_t len = pieces_take_front(rest, count, head, sizeof(head));

    frame_init_output(frame);
    memcpy(frame_push(frame, len), head, len);
    for (unsigned i = 0; i < count; i++)
        frame_add_slice(frame, rest[i]);
}

static int transmit(struct packet_pcb *pcb, struct iface *iface,
                    struct frame *frame)
{
    pcb->packets->sender = pcb;

    int error = iface_transmit(iface, frame);

    pcb->packets->sender = NULL;
    return error;
}

static int send_raw(struct packet_pcb *pcb, struct iface *iface,
                    struct frame *frame)
{
    size_t header_len = header_len_on(iface);

    if (frame_len(frame) < header_len)
        return -EINVAL;
    if (frame_len(frame) > iface->mtu + header_len)
        return -EMSGSIZE;
    if (iface->loopback) /* within there is none */
        frame_pull(frame, header_len);
    return transmit(pcb, iface, frame);
}

static int send_cooked(struct packet_pcb *pcb, struct iface *iface,
                       struct frame *frame, const struct endpoint *to)
{
    if (frame_len(frame) > iface->mtu)
        return -EMSGSIZE;
    if (iface->dev->type != NETDEV_ETHERNET)
        return transmit(pcb, iface, frame);
    if (to == NULL)
        return -EINVAL;

    struct link_addr addr = link_addr_of(to);
    struct eth_header header = {
        .dst = mac_addr_read(addr.octet), .src = iface->mac, .type = to->port};

    eth_emit(frame_push(frame, ETH_HEADER_LEN), &header);
    return transmit(pcb, iface, frame);
}

int packet_send(struct packet_pcb *pcb, const struct endpoint *to,
                const struct bytes *pieces, unsigned count)
{
    struct iface *iface =
        find_iface(pcb->packets, to != NULL ? to->scope : pcb->iface);
    struct frame frame;

    if (iface == NULL)
        return -ENXIO;
    build_frame(&frame, pieces, count);
    return pcb->is_cooked ? send_cooked(pcb, iface, &frame, to)
                          : send_raw(pcb, iface, &frame);
}

/* ---- The contexts ------------------------------------------------------ */

void packet_pcb_init(struct packets *packets, struct packet_pcb *pcb,
                     uint16_t protocol, size_t receive_limit, void *owner)
{
    *pcb = (struct packet_pcb){
        .packets = packets, .protocol = protocol, .owner = owner};
    dgram_queue_init(&pcb->received, receive_limit);
    list_append(&packets->pcbs, &pcb->node);
}

void packet_pcb_fini(struct packet_pcb *pcb)
{
    list_remove(&pcb->node);
    dgram_queue_fini(&pcb->received, pcb->packets->env->memory);
}

void packets_init(struct packets *packets, struct env *env, struct list *ifaces)
{
    *packets = (struct packets){.env = env, .ifaces = ifaces};
    list_init(&packets->pcbs);
}
