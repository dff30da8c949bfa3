/*
 * Raw endpoints, RFC 1122 3.4 (what IP gives to the layer above, and takes
 * from it) with Linux's choices: raw(7).
 */
#include "ip/raw.h"

#include "ip/ip_filter.h"

#include <errno.h>

/* ---- Who wants it ------------------------------------------------------ */

static uint32_t hash_of_protocol(const struct raw *raw, uint8_t protocol)
{
    return (uint32_t)hash_bytes(&raw->key, bytes_of(&protocol, 1));
}

static struct raw_pcb *next_of(struct hash_node *node, uint8_t protocol)
{
    for (; node; node = hash_table_next(node)) {
        struct raw_pcb *pcb = container_of(node, struct raw_pcb, node);

        if (pcb->protocol == protocol)
            return pcb;
    }
    return NULL;
}

static struct raw_pcb *first_with(const struct raw *raw, uint8_t protocol)
{
    if (raw->by_protocol.entry_count == 0) /* nearly always */
        return NULL;
    return next_of(
        hash_table_first(&raw->by_protocol, hash_of_protocol(raw, protocol)),
        protocol);
}

static struct raw_pcb *next_with(struct raw_pcb *pcb)
{
    return next_of(hash_table_next(&pcb->node), pcb->protocol);
}

static bool is_any_or(const struct ip_addr *wanted, const struct ip_addr *addr)
{
    return ip_addr_is_any(wanted) || ip_addr_equal(wanted, addr);
}

static bool is_between(const struct raw_pcb *pcb, const struct ip_addr *local,
                       const struct ip_addr *remote)
{
    return is_any_or(&pcb->local.addr, local) &&
           is_any_or(&pcb->remote.addr, remote);
}

/* ICMP_FILTER: a bit set for each type that is not wanted; types that have no
 * bit always are. */
static bool is_filtered(const struct raw_pcb *pcb, const struct frame *message)
{
    uint8_t type;

    if (pcb->protocol != IP_PROTO_ICMP || pcb->icmp_filter == 0 ||
        frame_copy(message, ICMP_TYPE, &type, 1) == 0)
        return false;
    return type < 32 && (pcb->icmp_filter >> type & 1) != 0;
}

static bool hears(const struct raw_pcb *pcb, const struct ip_packet *packet)
{
    const struct ip_header *header = &packet->header;

    return !ip_addr_is_multicast(&header->dst) ||
           ip_multicast_hears(&pcb->common.multicast, packet->iface,
                              &header->dst, &header->src);
}

static bool accepts(const struct raw_pcb *pcb, const struct ip_packet *packet)
{
    if (pcb->local.scope != 0 &&
        pcb->local.scope != ip_arrival(pcb->raw->ip, packet))
        return false;
    return is_between(pcb, &packet->header.dst, &packet->header.src) &&
           hears(pcb, packet) && !is_filtered(pcb, packet->frame);
}

/* ---- Input ------------------------------------------------------------- */

static void notify(const struct raw_pcb *pcb)
{
    const struct raw *raw = pcb->raw;

    if (raw->notify)
        raw->notify(raw->notify_context, pcb->common.owner);
}

/* Of the copy as much as the socket's filter wants. */
static bool is_wanted(const struct raw_pcb *pcb, const struct ip_packet *packet,
                      struct frame *whole)
{
    uint32_t wanted = ip_filter_run_whole(pcb->common.filter, packet, whole);

    if (wanted < frame_len(whole))
        frame_trim(whole, wanted);
    return wanted != BPF_WANT_NOTHING;
}

static void deliver(struct raw_pcb *pcb, const struct ip_packet *packet)
{
    struct env *env = pcb->raw->env;
    struct dgram about = {
        .src.addr = packet->header.src,
        .dst = packet->header.dst,
        .iface_index = ip_arrival(pcb->raw->ip, packet),
        .arrived = env->now,
        .ttl = packet->header.ttl,
        .tos = packet->header.tos,
    };
    struct frame whole;

    ip_filter_whole(packet, 0, &whole);
    if (!is_wanted(pcb, packet, &whole))
        return;
    if (dgram_queue_add(&pcb->common.received, env->memory, &about, &whole) < 0)
        env_drop(env, DROP_RAW_BUFFER_FULL, packet->frame);
    else
        notify(pcb);
}

bool raw_input(struct raw *raw, const struct ip_packet *packet)
{
    struct raw_pcb *pcb = first_with(raw, packet->header.protocol);
    bool is_taken = false;

    for (; pcb; pcb = next_with(pcb)) {
        if (!accepts(pcb, packet))
            continue;
        is_taken = true;
        deliver(pcb, packet);
    }
    return is_taken;
}

/* Linux quotes what the program has given: with the IP header, or without. */
static void keep_error(struct raw_pcb *pcb, const struct icmp_error *error)
{
    struct icmp_error told = *error;
    size_t header_len = pcb->has_header ? error->quoted.header_len : 0;

    told.payload = bytes_of(error->payload.data - header_len,
                            error->payload.len + header_len);
    error_queue_add_icmp(&pcb->common.errors, pcb->raw->env,
                         pcb->common.received.limit, &told, 0, 0);
}

static void hear(struct raw_pcb *pcb, const struct icmp_error *error)
{
    bool is_too_big = icmp_error_is_too_big(error);
    bool is_hard =
        is_too_big ? pcb->common.discover != IP_DISCOVER_DONT : error->hard;

    if (is_too_big)
        icmp_learn_mtu(pcb->raw->ip, error, pcb->common.discover);
    if (pcb->common.hears_errors)
        keep_error(pcb, error);
    else if (ip_addr_is_any(&pcb->remote.addr) || !is_hard)
        return;
    pcb->common.error = error->error;
    notify(pcb);
}

bool raw_icmp_error(struct raw *raw, const struct icmp_error *error)
{
    struct raw_pcb *pcb = first_with(raw, error->quoted.protocol);
    bool is_ours = false;

    for (; pcb; pcb = next_with(pcb)) {
        if (!is_between(pcb, &error->quoted.src, &error->quoted.dst))
            continue;
        is_ours = true;
        hear(pcb, error);
    }
    return is_ours;
}

/* ---- Binding and connecting -------------------------------------------- */

int raw_bind(struct raw_pcb *pcb, const struct endpoint *local)
{
    if (!ip_addr_is_any(&pcb->remote.addr))
        return -EINVAL;
    if (!datagram_pcb_may_bind(&pcb->common, &local->addr))
        return -EADDRNOTAVAIL;
    pcb->bound = *local;
    if (local->scope == 0)
        pcb->bound.scope = pcb->local.scope;
    pcb->local = pcb->bound;
    return 0;
}

/* The address to speak from; a group that was bound to is none. */
static struct ip_addr source_of(const struct ip *ip,
                                const struct endpoint *local)
{
    bool is_group =
        ip_addr_is_multicast(&local->addr) || ip_is_broadcast(ip, &local->addr);

    return is_group ? IP_ADDR_ANY_V4 : local->addr;
}

static uint32_t scope_of(const struct raw_pcb *pcb, const struct endpoint *to)
{
    return pcb->local.scope ? pcb->local.scope : to->scope;
}

static int find_path(const struct raw_pcb *pcb, const struct endpoint *local,
                     const struct endpoint *to, const struct ip_choice *choice,
                     struct ip_path *path)
{
    struct ip_send send = {
        .src = source_of(pcb->raw->ip, local),
        .dst = to->addr,
        .scope = scope_of(pcb, to),
    };

    return datagram_pcb_path(&pcb->common, &send, choice, path);
}

void raw_set_device(struct raw_pcb *pcb, unsigned iface)
{
    pcb->local.scope = iface;
    pcb->bound.scope = iface;
}

/* Linux takes a socket out of its table then, as if it had a port to give
 * back; and a raw one never comes in again. */
static void disconnect(struct raw_pcb *pcb)
{
    pcb->remote = (struct endpoint){0};
    pcb->local = pcb->bound;
    if (!pcb->is_deaf)
        hash_table_remove(&pcb->raw->by_protocol, &pcb->node);
    pcb->is_deaf = true;
}

int raw_connect(struct raw_pcb *pcb, const struct endpoint *remote)
{
    static const struct ip_choice usual;
    struct ip_path path;

    if (ip_addr_is_any(&remote->addr)) {
        disconnect(pcb);
        return 0;
    }

    int error = find_path(pcb, &pcb->local, remote, &usual, &path);

    if (error < 0)
        return error;
    pcb->remote = *remote;
    if (ip_addr_is_any(&pcb->local.addr)) /* else it stays, as in Linux */
        pcb->local.addr = path.src;
    return 0;
}

/* ---- Output ------------------------------------------------------------ */

static struct ip_send how_to_send(const struct raw_pcb *pcb,
                                  const struct ip_path *path,
                                  const struct endpoint *to,
                                  const struct ip_choice *choice)
{
    struct ip_send send = {
        .src = path->src,
        .dst = to->addr,
        .protocol = pcb->protocol,
        .scope = scope_of(pcb, to),
    };

    datagram_pcb_prepare(&pcb->common, choice, &send);
    return send;
}

static int result_of(struct raw_pcb *pcb, const struct endpoint *to,
                     unsigned mtu, int error)
{
    struct endpoint told = {.addr = to->addr, .port = pcb->remote.port};

    return datagram_pcb_sent(&pcb->common, error, &told, mtu);
}

/* What is the same for both ways to send: whereto, and from which address. */
static int begin_to_send(struct raw_pcb *pcb, const struct endpoint **to,
                         const struct ip_choice *choice, struct ip_path *path)
{
    if (!*to && ip_addr_is_any(&pcb->remote.addr))
        return -EDESTADDRREQ;
    if (!*to)
        *to = &pcb->remote;
    return find_path(pcb, &pcb->local, *to, choice, path);
}

int raw_send(struct raw_pcb *pcb, const struct endpoint *to,
             const struct ip_choice *choice, const struct bytes *pieces,
             unsigned count)
{
    struct frame frame;
    struct ip_path path;
    int error = begin_to_send(pcb, &to, choice, &path);

    assert(count <= FRAME_SLICES);
    if (error == 0 && pieces_are_nowhere(pieces, count))
        error = -EFAULT;
    if (error < 0)
        return error;

    struct ip_send send = how_to_send(pcb, &path, to, choice);

    frame_init_output(&frame);
    for (unsigned i = 0; i < count; i++)
        frame_add_slice(&frame, pieces[i]);
    error = ip_output(pcb->raw->ip, &frame, &send);
    return result_of(pcb, to, ip_path_mtu(&path, pcb->common.discover), error);
}

/* The program's header into the frame's head, its payload borrowed. */
static int build_packet(const struct bytes *pieces, unsigned count,
                        struct frame *frame)
{
    struct bytes rest[FRAME_SLICES] = {{0}};
    uint8_t header[IP_HEADER_MAX];
    size_t header_len;

    for (unsigned i = 0; i < count; i++)
        rest[i] = pieces[i];
    if (pieces_take_front(rest, count, header, IP_HEADER_LEN) < IP_HEADER_LEN)
        return -EINVAL;
    header_len = (size_t)(header[IPH_VERSION_IHL] & 0x0f) * 4;
    if (header_len < IP_HEADER_LEN ||
        pieces_take_front(rest, count, header + IP_HEADER_LEN,
                          header_len - IP_HEADER_LEN) <
            header_len - IP_HEADER_LEN)
        return -EINVAL;
    frame_init_output(frame);
    memcpy(frame_push(frame, header_len), header, header_len);
    for (unsigned i = 0; i < count; i++)
        frame_add_slice(frame, rest[i]);
    return 0;
}

/* In Linux's order: the size, the socket, the bytes. */
static int check_packet(struct raw_pcb *pcb, const struct ip_path *path,
                        const struct bytes *pieces, unsigned count)
{
    size_t len = 0;

    for (unsigned i = 0; i < count; i++)
        len += pieces[i].len;
    if (len > path->iface->mtu)
        return -EMSGSIZE;
    if (len < IP_HEADER_LEN)
        return -EINVAL;
    if (pcb->common.error)
        return -datagram_pcb_take_error(&pcb->common);
    if (pcb->common.is_send_shut)
        return -EPIPE;
    return pieces_are_nowhere(pieces, count) ? -EFAULT : 0;
}

int raw_send_packet(struct raw_pcb *pcb, const struct endpoint *to,
                    const struct ip_choice *choice, const struct bytes *pieces,
                    unsigned count)
{
    struct frame frame;
    struct ip_path path;
    int error = begin_to_send(pcb, &to, choice, &path);

    assert(count <= FRAME_SLICES);
    if (error < 0)
        return error;
    error = check_packet(pcb, &path, pieces, count);
    if (error == 0)
        error = build_packet(pieces, count, &frame);
    if (error == 0) {
        struct ip_send send = how_to_send(pcb, &path, to, choice);

        error = ip_output_packet(pcb->raw->ip, &frame, &send);
    }
    return result_of(pcb, to, path.iface->mtu, error);
}

/* ---- The contexts ------------------------------------------------------ */

void raw_pcb_init(struct raw *raw, struct raw_pcb *pcb, uint8_t protocol,
                  size_t receive_limit, void *owner)
{
    *pcb = (struct raw_pcb){.raw = raw, .protocol = protocol};
    datagram_pcb_init(&pcb->common, raw->ip, receive_limit, owner);
    hash_table_insert(&raw->by_protocol, raw->env->memory, &pcb->node,
                      hash_of_protocol(raw, protocol));
}

void raw_pcb_fini(struct raw_pcb *pcb)
{
    if (!pcb->is_deaf)
        hash_table_remove(&pcb->raw->by_protocol, &pcb->node);
    datagram_pcb_fini(&pcb->common);
}

int raw_init(struct raw *raw, struct env *env, struct ip *ip)
{
    *raw = (struct raw){
        .env = env,
        .ip = ip,
        .key = random_key(&env->random),
    };
    return hash_table_init(&raw->by_protocol, env->memory);
}

void raw_fini(struct raw *raw)
{
    hash_table_fini(&raw->by_protocol, raw->env->memory);
}
