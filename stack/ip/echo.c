/*
 * Echo endpoints, RFC 792 with RFC 1122 3.2.2.6: replies go to the socket that
 * has their identifier, as datagrams go to a port.
 */
#include "ip/echo.h"

#include "ip/ip_filter.h"

#include <errno.h>

enum { ID_COUNT = 65535 /* 1 to 65535; 0 means none yet */ };

/* ---- Who has an identifier --------------------------------------------- */

static uint32_t hash_of_id(const struct echo *echo, uint16_t id)
{
    uint8_t key[2];

    put_be16(key, id);
    return (uint32_t)hash_bytes(&echo->key, bytes_of(key, sizeof(key)));
}

static struct echo_pcb *next_of(struct hash_node *node, uint16_t id)
{
    for (; node; node = hash_table_next(node)) {
        struct echo_pcb *pcb = container_of(node, struct echo_pcb, node);

        if (pcb->id == id)
            return pcb;
    }
    return NULL;
}

static struct echo_pcb *first_with(const struct echo *echo, uint16_t id)
{
    return next_of(hash_table_first(&echo->by_id, hash_of_id(echo, id)), id);
}

static struct echo_pcb *next_with(struct echo_pcb *pcb)
{
    return next_of(hash_table_next(&pcb->node), pcb->id);
}

static bool is_any_or(const struct ip_addr *wanted, const struct ip_addr *addr)
{
    return ip_addr_is_any(wanted) || ip_addr_equal(wanted, addr);
}

static bool is_of_device(const struct echo_pcb *pcb, unsigned iface)
{
    return pcb->device == 0 || iface == 0 || pcb->device == iface;
}

/* The socket that sent, or can have sent, request `id` from local to remote by
 * interface `iface` (0: not known): of several, as in Linux, the last that was
 * bound.
 */
static struct echo_pcb *find_sender(const struct echo *echo, uint16_t id,
                                    const struct ip_addr *local,
                                    const struct ip_addr *remote,
                                    unsigned iface)
{
    struct echo_pcb *pcb = first_with(echo, id);

    while (pcb &&
           (!is_any_or(&pcb->local, local) ||
            !is_any_or(&pcb->remote, remote) || !is_of_device(pcb, iface)))
        pcb = next_with(pcb);
    return pcb;
}

/* Whether somebody has it who does not share it. */
static bool is_taken(const struct echo_pcb *pcb, uint16_t id)
{
    struct echo_pcb *other = first_with(pcb->echo, id);

    for (; other; other = next_with(other))
        if (!pcb->reuse_addr || !other->reuse_addr)
            return true;
    return false;
}

static void link_pcb(struct echo_pcb *pcb, uint16_t id)
{
    struct echo *echo = pcb->echo;

    pcb->id = id;
    hash_table_insert(&echo->by_id, echo->env->memory, &pcb->node,
                      hash_of_id(echo, id));
}

/* From a random start, as RFC 6056 3.3.1 has it for ports; 0: none is free. */
static uint16_t free_id(const struct echo *echo)
{
    uint32_t start = random_below(&echo->env->random, ID_COUNT);

    for (uint32_t i = 0; i < ID_COUNT; i++) {
        uint16_t id = (uint16_t)(1 + (start + i) % ID_COUNT);

        if (!first_with(echo, id))
            return id;
    }
    return 0;
}

int echo_take_id(struct echo_pcb *pcb)
{
    if (pcb->id != 0)
        return 0;

    uint16_t id = free_id(pcb->echo);

    if (id == 0)
        return -EADDRINUSE;
    link_pcb(pcb, id);
    return 0;
}

/* ---- Input ------------------------------------------------------------- */

static void notify(const struct echo_pcb *pcb)
{
    const struct echo *echo = pcb->echo;

    if (echo->notify)
        echo->notify(echo->notify_context, pcb->common.owner);
}

static bool is_wanted(const struct echo_pcb *pcb,
                      const struct ip_packet *packet, struct frame *message)
{
    uint32_t wanted = ip_filter_run(pcb->common.filter, packet, 0);

    if (wanted < frame_len(message))
        frame_trim(message, wanted);
    return wanted != BPF_WANT_NOTHING;
}

void echo_input(struct echo *echo, const struct ip_packet *packet,
                const struct icmp_echo *reply)
{
    struct dgram about = {
        .src.addr = packet->header.src,
        .dst = packet->header.dst,
        .iface_index = ip_arrival(echo->icmp->ip, packet),
        .arrived = echo->env->now,
        .ttl = packet->header.ttl,
        .tos = packet->header.tos,
    };
    struct echo_pcb *pcb = find_sender(echo, reply->id, &packet->header.dst,
                                       &packet->header.src, about.iface_index);

    struct frame message = *packet->frame;

    /* A full buffer is the same to whoever asked: there is no place for it. */
    if (!pcb || !is_wanted(pcb, packet, &message) ||
        dgram_queue_add(&pcb->common.received, echo->env->memory, &about,
                        &message) < 0) {
        env_drop(echo->env, DROP_ICMP_NO_LISTENER, packet->frame);
        return;
    }
    notify(pcb);
}

void echo_icmp_error(struct echo *echo, const struct icmp_error *error)
{
    if (error->payload.data[ICMP_TYPE] != ICMP_ECHO_REQUEST)
        return;

    uint16_t id = get_be16(error->payload.data + ICMP_REST);
    struct echo_pcb *pcb =
        find_sender(echo, id, &error->quoted.src, &error->quoted.dst, 0);

    if (!pcb)
        return;
    if (icmp_error_is_too_big(error)) {
        icmp_learn_mtu(echo->icmp->ip, error, pcb->common.discover);
        if (pcb->common.discover == IP_DISCOVER_DONT)
            return; /* as Linux: who has it cut on the way need not hear of it
                     */
    }
    if (pcb->common.hears_errors) /* with the ICMP header, as Linux */
        error_queue_add_icmp(&pcb->common.errors, echo->env,
                             pcb->common.received.limit, error, 0, 0);
    pcb->common.error = error->error;
    notify(pcb);
}

/* ---- Binding and connecting -------------------------------------------- */

int echo_bind(struct echo_pcb *pcb, const struct endpoint *local)
{
    const struct ip *ip = pcb->echo->icmp->ip;

    if (!pcb->common.free_bind && !ip_addr_is_any(&local->addr) &&
        !ip_local_iface(ip, &local->addr))
        return -EADDRNOTAVAIL;
    if (pcb->id != 0)
        return -EINVAL;
    if (local->port != 0 && is_taken(pcb, local->port))
        return -EADDRINUSE;
    if (local->port != 0)
        link_pcb(pcb, local->port);

    int error = echo_take_id(pcb);

    if (error < 0)
        return error;
    pcb->local = local->addr;
    pcb->bound = local->addr;
    pcb->has_bound_id = local->port != 0;
    return 0;
}

static uint32_t scope_of(const struct echo_pcb *pcb, const struct endpoint *to)
{
    return pcb->device != 0 ? pcb->device : to->scope;
}

static int find_path(const struct echo_pcb *pcb, const struct endpoint *to,
                     const struct ip_choice *choice, struct ip_path *path)
{
    struct ip_send send = {
        .src = pcb->local, .dst = to->addr, .scope = scope_of(pcb, to)};

    return datagram_pcb_path(&pcb->common, &send, choice, path);
}

/* An identifier that bind was not given is given back, as in Linux. */
static void disconnect(struct echo_pcb *pcb)
{
    pcb->remote = (struct ip_addr){{0}};
    pcb->remote_port = 0;
    pcb->local = pcb->bound;
    if (pcb->id != 0 && !pcb->has_bound_id) {
        hash_table_remove(&pcb->echo->by_id, &pcb->node);
        pcb->id = 0;
    }
}

int echo_connect(struct echo_pcb *pcb, const struct endpoint *remote)
{
    static const struct ip_choice usual;
    struct ip_path path;

    if (ip_addr_is_any(&remote->addr)) {
        disconnect(pcb);
        return 0;
    }

    int error = echo_take_id(pcb); /* as Linux: before all else */

    if (error == 0)
        error = find_path(pcb, remote, &usual, &path);
    if (error < 0)
        return error;
    pcb->remote = remote->addr;
    pcb->remote_port = remote->port;
    pcb->local = path.src;
    return 0;
}

/* ---- Output ------------------------------------------------------------ */

static struct ip_send how_to_send(const struct echo_pcb *pcb,
                                  const struct ip_path *path,
                                  const struct endpoint *to,
                                  const struct ip_choice *choice)
{
    struct ip_send send = {
        .src = path->src, .dst = to->addr, .scope = scope_of(pcb, to)};

    datagram_pcb_prepare(&pcb->common, choice, &send);
    return send;
}

/* `header` is the program's: its sequence number is sent, its identifier not */
static int send_request(struct echo_pcb *pcb, const struct endpoint *to,
                        const struct ip_choice *choice, const uint8_t *header,
                        const struct bytes *payload, unsigned count)
{
    struct ip_path path;
    int error = find_path(pcb, to, choice, &path);

    if (error == 0)
        error = echo_take_id(pcb);
    if (error == 0 && pcb->common.error)
        error = -datagram_pcb_take_error(&pcb->common);
    if (error == 0 && pcb->common.is_send_shut)
        error = -EPIPE;
    if (error < 0)
        return error;

    struct icmp_echo request = {
        .id = pcb->id,
        .sequence = get_be16(header + ICMP_REST + 2),
    };
    struct ip_send send = how_to_send(pcb, &path, to, choice);

    error = icmp_send_echo(pcb->echo->icmp, &send, &request, payload, count);

    struct endpoint told = {.addr = to->addr, .port = pcb->remote_port};

    error = datagram_pcb_sent(&pcb->common, error, &told,
                              ip_path_mtu(&path, send.discover));
    return error == -ENOBUFS ? 0 : error; /* Linux: whoever wants to hear */
}

int echo_send(struct echo_pcb *pcb, const struct endpoint *to,
              const struct ip_choice *choice, const struct bytes *pieces,
              unsigned count)
{
    const struct endpoint connected = {.addr = pcb->remote};
    struct bytes payload[FRAME_SLICES] = {{0}};
    uint8_t header[ICMP_HEADER_LEN];

    assert(count <= FRAME_SLICES);
    for (unsigned i = 0; i < count; i++)
        payload[i] = pieces[i];
    if (pieces_take_front(payload, count, header, ICMP_HEADER_LEN) <
            ICMP_HEADER_LEN ||
        header[ICMP_TYPE] != ICMP_ECHO_REQUEST || header[ICMP_CODE] != 0)
        return -EINVAL;
    if (!to && ip_addr_is_any(&pcb->remote))
        return -EDESTADDRREQ;
    return send_request(pcb, to ? to : &connected, choice, header, payload,
                        count);
}

int echo_mtu(const struct echo_pcb *pcb)
{
    static const struct ip_choice usual;
    const struct endpoint connected = {.addr = pcb->remote};
    struct ip_path path;
    int error;

    if (ip_addr_is_any(&pcb->remote))
        return -ENOTCONN;
    error = find_path(pcb, &connected, &usual, &path);
    return error < 0 ? error : (int)path.mtu;
}

/* ---- The contexts ------------------------------------------------------ */

void echo_pcb_init(struct echo *echo, struct echo_pcb *pcb,
                   size_t receive_limit, void *owner)
{
    *pcb = (struct echo_pcb){.echo = echo};
    datagram_pcb_init(&pcb->common, echo->icmp->ip, receive_limit, owner);
}

void echo_pcb_fini(struct echo_pcb *pcb)
{
    if (pcb->id != 0)
        hash_table_remove(&pcb->echo->by_id, &pcb->node);
    datagram_pcb_fini(&pcb->common);
}

int echo_init(struct echo *echo, struct env *env, struct icmp *icmp)
{
    *echo = (struct echo){
        .env = env,
        .icmp = icmp,
        .key = random_key(&env->random),
    };
    return hash_table_init(&echo->by_id, env->memory);
}

void echo_fini(struct echo *echo)
{
    hash_table_fini(&echo->by_id, echo->env->memory);
}
