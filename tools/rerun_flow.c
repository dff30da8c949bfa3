/*
 * The flows of a capture, and what was sent of each: see rerun_script.h.
 */
#include "rerun_flow.h"

#include "tcp/tcp_ends.h"

#include <errno.h>

static const struct hash_key key = {.k0 = 3, .k1 = 4};

/* ---- Flows --------------------------------------------------------------- */

static uint32_t hash_of(enum rerun_kind kind, const struct endpoint *local,
                        const struct endpoint *remote)
{
    struct tcp_ends ends = tcp_ends_of(local, remote);

    return (uint32_t)tcp_ends_hash(&ends, &key) + (uint32_t)kind;
}

struct rerun_flow *rerun_flow_find(const struct rerun_script *script,
                                   enum rerun_kind kind,
                                   const struct endpoint *local,
                                   const struct endpoint *remote)
{
    struct hash_node *node =
        hash_table_first(&script->table, hash_of(kind, local, remote));

    for (; node != NULL; node = hash_table_next(node)) {
        struct rerun_flow *flow = container_of(node, struct rerun_flow, node);

        if (flow->kind == kind && endpoint_equal(&flow->local, local) &&
            endpoint_equal(&flow->remote, remote))
            return flow;
    }
    return NULL;
}

void rerun_flow_begin(struct rerun_script *script, struct rerun_flow *flow)
{
    struct rerun_flow *old =
        rerun_flow_find(script, flow->kind, &flow->local, &flow->remote);

    if (old != NULL)
        hash_table_remove(&script->table, &old->node);
    hash_table_insert(&script->table, script->memory, &flow->node,
                      hash_of(flow->kind, &flow->local, &flow->remote));
}

struct rerun_flow *rerun_flow_create(struct rerun_script *script,
                                     enum rerun_kind kind,
                                     const struct endpoint *local,
                                     const struct endpoint *remote)
{
    struct rerun_flow *flow = memory_alloc(script->memory, sizeof(*flow));

    if (flow == NULL)
        return NULL;
    flow->kind = kind;
    flow->local = *local;
    flow->remote = *remote;
    flow->mss = MSS_DEFAULT;
    *script->last = flow;
    script->last = &flow->next;
    rerun_flow_begin(script, flow);
    return flow;
}

static struct rerun_flow *get_flow(struct rerun_script *script,
                                   enum rerun_kind kind,
                                   const struct endpoint *local,
                                   const struct endpoint *remote)
{
    struct rerun_flow *flow = rerun_flow_find(script, kind, local, remote);

    return flow != NULL ? flow : rerun_flow_create(script, kind, local, remote);
}

void *rerun_grow(struct memory *memory, void *array, size_t count, size_t *room,
                 size_t size)
{
    size_t new_room = *room > 0 ? 2 * *room : 16;
    void *grown;

    if (count < *room)
        return array;
    grown = memory_resize(memory, array, *room * size, new_room * size);
    if (grown != NULL)
        *room = new_room;
    return grown;
}

/* ---- What was sent ------------------------------------------------------- */

/* Relative, as in tcpdump: 0 is the SYN of whoever sends. */
static void make_relative(const struct rerun_flow *flow,
                          const struct rerun_sent *sent,
                          struct rerun_packet *packet)
{
    if (packet->seq != 0 || flow->has_iss)
        packet->seq -= flow->iss;
    if (packet->flags & SEG_ACK)
        packet->ack -= flow->irs;
    for (unsigned i = 0; i < packet->options.sack_count; i++) {
        packet->options.sacks[i].start -= flow->irs;
        packet->options.sacks[i].end -= flow->irs;
    }
    if (!(packet->flags & SEG_SYN))
        packet->wnd <<= sent->wscale;
}

void rerun_flow_note_scale(struct rerun_flow *flow, struct rerun_sent *sent,
                           const struct rerun_packet *packet)
{
    if (!(packet->flags & SEG_SYN))
        return;
    sent->wscale = packet->options.has_window_scale && flow->has_scale[1]
                       ? packet->options.window_scale
                       : 0;
}

static void note_end(struct rerun_sent *sent, const struct rerun_packet *packet)
{
    uint32_t end = packet->seq + (uint32_t)packet->text.len;

    if (packet->flags & SEG_RST)
        return;
    if (packet->flags & SEG_SYN)
        end++;
    if (packet->flags & SEG_FIN)
        end++;
    if (seq_gt(end, sent->end))
        sent->end = end;
}

static int add_packet(struct rerun_script *script, struct rerun_sent *sent,
                      const struct rerun_packet *packet)
{
    struct rerun_packet *packets =
        rerun_grow(script->memory, sent->packets, sent->count, &sent->room,
                   sizeof(*packets));

    if (packets == NULL)
        return -ENOBUFS;
    sent->packets = packets;
    packets[sent->count++] = *packet;
    return 0;
}

static int add_pieces(struct rerun_script *script, struct rerun_flow *flow,
                      struct rerun_sent *sent, const struct rerun_packet *whole)
{
    struct rerun_packet piece;
    size_t at = 0;

    while (rerun_packet_piece(whole, flow->mss, &at, &piece))
        if (add_packet(script, sent, &piece) < 0)
            return -ENOBUFS;
    return 0;
}

int rerun_script_sent(struct rerun_script *script, enum rerun_side side,
                      const struct rerun_packet *packet)
{
    struct rerun_packet relative = *packet;
    struct rerun_flow *flow =
        get_flow(script, packet->kind, &packet->src, &packet->dst);

    if (flow == NULL)
        return -ENOBUFS;
    if (packet->kind == RERUN_TCP) {
        rerun_flow_note_scale(flow, &flow->sent[side], packet);
        make_relative(flow, &flow->sent[side], &relative);
        note_end(&flow->sent[side], &relative);
    }
    return add_pieces(script, flow, &flow->sent[side], &relative);
}

/* ---- The end ------------------------------------------------------------- */

void rerun_flow_destroy(struct memory *memory, struct rerun_flow *flow)
{
    for (int i = 0; i < RERUN_SIDES; i++)
        memory_free(memory, flow->sent[i].packets,
                    flow->sent[i].room * sizeof(struct rerun_packet));
    memory_free(memory, flow->stream, flow->stream_room);
    memory_free(memory, flow, sizeof(*flow));
}
