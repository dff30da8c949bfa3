/*
 * One walk over the capture. What a program did is not in it, only what came of
 * that, so this is a guess, and where it is wrong the replay differs though no
 * TCP did wrong:
 *
 * - A write ends with the segment that has PSH (RFC 9293 3.9.1.2) or FIN, and
 *   was made when its first segment was sent: the rest may have waited for the
 *   window.
 * - FIN is a shutdown, and a close too if the host reset the connection later
 *   on. RST, if the stack does not send it by itself, is an abort.
 * - A port is open if ever a SYN to it was accepted; of UDP, unless ICMP said
 *   that it is not.
 * - What had to wait for ARP was sent when ARP asked.
 */
#include "rerun_flow.h"

#include "ip/icmp.h"
#include "link/eth.h"
#include "tcp/tcp_ends.h"
#include "udp/udp.h"

#include <errno.h>
#include <stdlib.h>

enum {
    HOLE_MAX = 1024 * 1024,        /* farther off is not of the stream */
    STREAM_MAX = 512 * 1024 * 1024 /* bytes of one connection */
};

/* ---- Actions ------------------------------------------------------------- */

static int add_action(struct rerun_script *script,
                      const struct rerun_action *action)
{
    struct rerun_action *actions =
        rerun_grow(script->memory, script->actions, script->action_count,
                   &script->action_room, sizeof(*actions));

    if (actions == NULL)
        return -ENOBUFS;
    script->actions = actions;
    actions[script->action_count] = *action;
    actions[script->action_count].order = script->action_count;
    script->action_count++;
    return 0;
}

/* When ARP asked for the way, if the packet waited for that. */
static size_t when_asked(struct rerun_script *script,
                         const struct ip_addr *remote, size_t at)
{
    struct rerun_neighbour *hop = rerun_next_hop(&script->neighbours, remote);

    if (hop == NULL || !hop->is_asked || hop->is_given)
        return at;
    hop->is_asked = false;
    return hop->asked_at;
}

/* ---- TCP: the peer ------------------------------------------------------- */

static void take_peer_syn(struct rerun_flow *flow,
                          const struct rerun_packet *packet)
{
    const struct tcp_options *options = &packet->options;
    uint32_t mss = options->has_mss ? options->mss : MSS_DEFAULT;

    flow->has_irs = true;
    flow->irs = packet->seq;
    flow->has_scale[1] = options->has_window_scale;
    flow->has_timestamps = options->has_timestamps;
    flow->mss = max_u32(mss, 1);
}

/* What both SYNs say is known: the size of a full segment's text. */
static void settle(struct rerun_flow *flow,
                   const struct tcp_options *host_options)
{
    uint32_t options_len = 0;

    flow->has_timestamps = flow->has_timestamps && host_options->has_timestamps;
    if (flow->has_timestamps)
        options_len = 2 + TCP_OPTION_TIMESTAMPS_LEN;
    if (flow->local_mss > 0)
        flow->mss = min_u32(flow->mss, flow->local_mss);
    if (flow->mss > options_len)
        flow->mss -= options_len;
}

static void settle_active(struct rerun_flow *flow)
{
    const struct rerun_packet *syn = &flow->sent[RERUN_HOST].packets[0];

    settle(flow, &syn->options);
    rerun_flow_note_scale(flow, &flow->sent[RERUN_HOST], syn);
}

static bool is_new_syn(const struct rerun_flow *flow,
                       const struct rerun_packet *packet)
{
    if (flow == NULL)
        return true;
    if (flow->is_active) /* simultaneous open, else a new connection */
        return flow->has_irs && flow->irs != packet->seq;
    return flow->irs != packet->seq;
}

static int begin_passive(struct rerun_script *script, size_t at,
                         struct rerun_flow **flow)
{
    const struct rerun_packet *packet = &script->capture->records[at].packet;
    struct rerun_action begin = {.before = at, .kind = RERUN_BEGIN};

    *flow = rerun_flow_create(script, RERUN_TCP, &packet->dst, &packet->src);
    begin.flow = *flow;
    return *flow == NULL ? -ENOBUFS : add_action(script, &begin);
}

static int take_segment_of_peer(struct rerun_script *script, size_t at)
{
    struct rerun_record *record = &script->capture->records[at];
    const struct rerun_packet *packet = &record->packet;
    struct rerun_flow *flow =
        rerun_flow_find(script, RERUN_TCP, &packet->dst, &packet->src);
    bool is_syn = (packet->flags & SEG_SYN) != 0;
    bool is_first = is_syn && !(packet->flags & SEG_ACK);

    if (is_first && is_new_syn(flow, packet) &&
        begin_passive(script, at, &flow) < 0)
        return -ENOBUFS;
    if (flow == NULL) {
        script->midstream++;
        return 0;
    }
    if (is_syn && !flow->has_irs) {
        take_peer_syn(flow, packet);
        if (flow->is_active) /* only now both are known */
            settle_active(flow);
    }
    flow->peer_fin = flow->peer_fin || (packet->flags & SEG_FIN);
    record->flow = flow;
    return 0;
}

/* ---- TCP: the host ------------------------------------------------------- */

/* What the host is able to, as it shows in its SYNs. */
static void note_abilities(struct rerun_script *script,
                           const struct rerun_packet *packet)
{
    enum { ASKS_ECN = SEG_SYN | SEG_ECE | SEG_CWR }; /* RFC 3168 6.1.1 */
    const struct tcp_options *options = &packet->options;

    script->timestamps = script->timestamps || options->has_timestamps;
    script->sack = script->sack || options->sack_permitted;
    script->window_scale = script->window_scale || options->has_window_scale;
    if (options->has_mss && options->mss > script->mss)
        script->mss = options->mss;
    if (options->window_scale > script->wscale)
        script->wscale = options->window_scale;
    if ((packet->flags & (ASKS_ECN | SEG_ACK)) == ASKS_ECN)
        script->asks_ecn = true;
}

static int take_syn_of_host(struct rerun_script *script, size_t at,
                            struct rerun_flow **flow)
{
    const struct rerun_packet *packet = &script->capture->records[at].packet;
    size_t when = when_asked(script, &packet->dst.addr, at);
    struct rerun_action begin = {.before = when, .kind = RERUN_BEGIN};
    struct rerun_action connect = {.before = when, .kind = RERUN_CONNECT};

    if (packet->flags & SEG_ACK)
        return 0;
    if (*flow != NULL && (!(*flow)->is_active || (*flow)->iss == packet->seq))
        return 0; /* simultaneous, or once more */
    *flow = rerun_flow_create(script, RERUN_TCP, &packet->src, &packet->dst);
    if (*flow == NULL)
        return -ENOBUFS;
    (*flow)->is_active = true;
    begin.flow = connect.flow = *flow;
    return add_action(script, &begin) < 0 || add_action(script, &connect) < 0
               ? -ENOBUFS
               : 0;
}

static void note_syn_of_host(struct rerun_script *script,
                             struct rerun_flow *flow,
                             const struct rerun_packet *packet)
{
    const struct tcp_options *options = &packet->options;

    if (flow->has_iss)
        return;
    flow->has_iss = true;
    flow->iss = packet->seq;
    flow->local_mss = options->has_mss ? options->mss : 0;
    note_abilities(script, packet);
    if (!flow->is_active) {
        script->listens[flow->local.port] = true;
        settle(flow, options);
    }
}

/* The latest that its clock may be by what it says: so that nothing that the
 * peer echoes is from the stack's future. */
static void note_clock(struct rerun_flow *flow,
                       const struct rerun_packet *packet)
{
    uint32_t passed = (uint32_t)(packet->time / USEC_PER_MSEC -
                                 flow->ts_time / USEC_PER_MSEC);
    bool is_first = flow->ts_time == 0;
    int32_t ahead;

    if (!packet->options.has_timestamps || flow->has_fin)
        return;
    ahead = (int32_t)(packet->options.ts_val - (flow->ts_val + passed));
    if (is_first) {
        flow->ts_val = packet->options.ts_val;
        flow->ts_time = packet->time;
    } else if (ahead > 0 && ahead <= 4) { /* more is another rate */
        flow->ts_val += (uint32_t)ahead;
    }
}

/* Bytes [from, from + text.len) of the stream, which may grow. */
static int put_stream(struct rerun_script *script, struct rerun_flow *flow,
                      size_t from, struct bytes text)
{
    size_t end = from + text.len;

    while (flow->stream_room < end) {
        size_t room = flow->stream_room > 0 ? 2 * flow->stream_room : 4096;
        uint8_t *stream = memory_resize(script->memory, flow->stream,
                                        flow->stream_room, room);

        if (stream == NULL)
            return -ENOBUFS;
        memset(stream + flow->stream_room, 0, room - flow->stream_room);
        flow->stream = stream;
        flow->stream_room = room;
    }
    if (text.len > 0)
        memcpy(flow->stream + from, text.data, text.len);
    return 0;
}

static int write_goes_on(struct rerun_script *script, struct rerun_flow *flow,
                         size_t at, size_t end)
{
    struct rerun_action write = {.before = at,
                                 .kind = RERUN_WRITE,
                                 .flow = flow,
                                 .from = flow->stream_len};

    if (end <= flow->stream_len)
        return 0;
    if (!flow->is_writing) {
        if (add_action(script, &write) < 0)
            return -ENOBUFS;
        flow->write = script->action_count - 1;
    }
    script->actions[flow->write].to = end;
    flow->stream_len = end;
    flow->is_writing = true;
    return 0;
}

/* `packet` is as it came: absolute, uncut. */
static int take_text(struct rerun_script *script, struct rerun_flow *flow,
                     size_t at, const struct rerun_packet *packet)
{
    uint32_t control = (packet->flags & SEG_SYN) ? 1 : 0;
    uint32_t from = packet->seq + control - (flow->iss + 1);
    size_t end = (size_t)from + packet->text.len;

    if (packet->text.len == 0 || from > STREAM_MAX ||
        from > flow->stream_len + HOLE_MAX)
        return 0;
    flow->has_hole = flow->has_hole || from > flow->stream_len;
    if (put_stream(script, flow, from, packet->text) < 0 ||
        write_goes_on(script, flow, at, end) < 0)
        return -ENOBUFS;
    if ((packet->flags & SEG_PSH) && end >= flow->stream_len)
        flow->is_writing = false;
    return 0;
}

/* With text: the program had shut down before that could be sent, so it may as
 * well have done so when it wrote it. */
static int take_fin(struct rerun_script *script, struct rerun_flow *flow,
                    size_t at)
{
    const struct rerun_packet *packet = &script->capture->records[at].packet;
    struct rerun_action shutdown = {
        .before = at, .kind = RERUN_SHUTDOWN, .flow = flow};

    if (flow->has_fin)
        return 0;
    if (packet->text.len > 0 && flow->stream_len > 0)
        shutdown.before = script->actions[flow->write].before;
    flow->has_fin = true;
    flow->is_writing = false;
    flow->closes_last = flow->peer_fin;
    return add_action(script, &shutdown);
}

static int take_rst(struct rerun_script *script, struct rerun_flow *flow,
                    size_t at)
{
    struct rerun_action abort = {
        .before = at, .kind = RERUN_ABORT, .flow = flow};

    if (!flow->has_iss)
        flow->is_refused = true;
    if (flow->has_fin)
        flow->is_hung_up = true;
    return flow->has_iss && !flow->has_fin ? add_action(script, &abort) : 0;
}

static int take_segment_of_host(struct rerun_script *script, size_t at)
{
    struct rerun_record *record = &script->capture->records[at];
    const struct rerun_packet *packet = &record->packet;
    struct rerun_flow *flow =
        rerun_flow_find(script, RERUN_TCP, &packet->src, &packet->dst);

    if ((packet->flags & SEG_SYN) && take_syn_of_host(script, at, &flow) < 0)
        return -ENOBUFS;
    if (flow == NULL) {
        script->midstream++;
        return 0;
    }
    record->flow = flow;
    if (packet->flags & SEG_SYN)
        note_syn_of_host(script, flow, packet);
    note_clock(flow, packet);
    if (rerun_script_sent(script, RERUN_HOST, packet) < 0 ||
        (flow->has_iss && take_text(script, flow, at, packet) < 0))
        return -ENOBUFS;
    if ((packet->flags & SEG_FIN) && take_fin(script, flow, at) < 0)
        return -ENOBUFS;
    return packet->flags & SEG_RST ? take_rst(script, flow, at) : 0;
}

/* ---- The others ---------------------------------------------------------- */

/* The UDP port of the host's that an ICMP error says is closed; 0: none. */
static uint16_t closed_port(const struct rerun_capture *capture,
                            const struct rerun_record *record)
{
    size_t link = capture->type == NETDEV_ETHERNET ? ETH_HEADER_LEN : 0;
    const struct rerun_packet *packet = &record->packet;
    struct bytes ip = bytes_of(record->frame + link, record->len - link);
    struct ip_header header;
    struct ip_header quoted;
    struct bytes quote;
    enum drop_reason why;

    if (packet->type != ICMP_UNREACHABLE ||
        packet->code != ICMP_PORT_UNREACHABLE ||
        ip_parse_quote(ip, &header, &why) < 0)
        return 0;
    quote = bytes_from(ip, header.header_len + ICMP_HEADER_LEN);
    if (ip_parse_quote(quote, &quoted, &why) < 0 ||
        quoted.protocol != IP_PROTO_UDP ||
        quote.len < quoted.header_len + UDP_HEADER_LEN)
        return 0;
    return get_be16(quote.data + quoted.header_len + UDP_DST_PORT);
}

static int take_datagram_of_host(struct rerun_script *script, size_t at)
{
    struct rerun_record *record = &script->capture->records[at];
    const struct rerun_packet *packet = &record->packet;
    struct rerun_action send = {.kind = RERUN_DATAGRAM, .record = at};

    if (packet->kind == RERUN_ICMP && packet->type != ICMP_ECHO_REQUEST) {
        script->is_closed[closed_port(script->capture, record)] = true;
    } else {
        send.before = when_asked(script, &packet->dst.addr, at);
        if (add_action(script, &send) < 0)
            return -ENOBUFS;
    }
    if (packet->kind == RERUN_UDP)
        script->sends[packet->src.port] = true;
    return rerun_script_sent(script, RERUN_HOST, packet);
}

static int take_arp_of_host(struct rerun_script *script, size_t at)
{
    const struct rerun_record *record = &script->capture->records[at];
    struct rerun_neighbour *neighbour;

    if (record->packet.type == ARP_REPLY)
        return rerun_script_sent(script, RERUN_HOST, &record->packet);
    if (!rerun_is_question(&script->neighbours, record)) {
        script->questions++;
        return 0;
    }
    neighbour =
        rerun_neighbour_find(&script->neighbours, &record->packet.dst.addr);
    if (neighbour != NULL && !neighbour->is_asked) {
        neighbour->is_asked = true;
        neighbour->asked_at = at;
    }
    return rerun_script_sent(script, RERUN_HOST, &record->packet);
}

static int take_record_of_host(struct rerun_script *script, size_t at)
{
    const struct rerun_packet *packet = &script->capture->records[at].packet;

    switch (packet->kind) {
    case RERUN_TCP:
        return take_segment_of_host(script, at);
    case RERUN_UDP:
    case RERUN_ICMP:
        return take_datagram_of_host(script, at);
    case RERUN_ARP:
        return take_arp_of_host(script, at);
    case RERUN_NOTHING:
        break;
    }
    if (packet->is_fragment)
        script->fragments++;
    else
        script->others++;
    return 0;
}

static int take_record_of_peer(struct rerun_script *script, size_t at)
{
    const struct rerun_packet *packet = &script->capture->records[at].packet;

    if (!ip_addr_equal(&packet->dst.addr, &script->capture->addr))
        return 0;
    if (packet->kind == RERUN_UDP || packet->is_fragment)
        script->has_socket[packet->dst.port] = true;
    return packet->kind == RERUN_TCP ? take_segment_of_peer(script, at) : 0;
}

/* What waits for ARP no longer waits once something goes there. */
static void note_sent(struct rerun_script *script, size_t at)
{
    const struct rerun_packet *packet = &script->capture->records[at].packet;
    struct rerun_neighbour *hop;

    if (packet->kind == RERUN_ARP)
        return;
    hop = rerun_next_hop(&script->neighbours, &packet->dst.addr);
    if (hop != NULL)
        hop->is_asked = false;
}

static int walk(struct rerun_script *script)
{
    int error = 0;

    for (size_t i = 0; i < script->capture->count && error == 0; i++) {
        const struct rerun_record *record = &script->capture->records[i];

        if (!record->is_parsed)
            continue;
        if (!record->is_ours) {
            error = take_record_of_peer(script, i);
            continue;
        }
        error = take_record_of_host(script, i);
        note_sent(script, i);
    }
    return error;
}

/* ---- All of it ----------------------------------------------------------- */

static int compare_actions(const void *a, const void *b)
{
    const struct rerun_action *one = a;
    const struct rerun_action *other = b;

    if (one->before != other->before)
        return one->before < other->before ? -1 : 1;
    return one->order < other->order ? -1 : one->order > other->order;
}

/* The replay begins: no connection has begun yet. */
static void rewind_flows(struct rerun_script *script)
{
    for (struct rerun_flow *flow = script->first; flow != NULL;
         flow = flow->next)
        if (flow->kind == RERUN_TCP &&
            rerun_flow_find(script, flow->kind, &flow->local, &flow->remote) ==
                flow)
            hash_table_remove(&script->table, &flow->node);
}

int rerun_script_init(struct rerun_script *script, struct memory *memory,
                      struct rerun_capture *capture)
{
    int error;

    *script = (struct rerun_script){.memory = memory, .capture = capture};
    script->last = &script->first;
    error = rerun_neighbours_init(&script->neighbours, memory, capture);
    if (hash_table_init(&script->table, memory) < 0 || error < 0)
        return -ENOBUFS;
    if ((error = walk(script)) < 0)
        return error;
    if (script->action_count > 0)
        qsort(script->actions, script->action_count, sizeof(*script->actions),
              compare_actions);
    rewind_flows(script);
    return 0;
}

void rerun_script_fini(struct rerun_script *script)
{
    struct rerun_flow *flow = script->first;

    while (flow != NULL) {
        struct rerun_flow *next = flow->next;

        rerun_flow_destroy(script->memory, flow);
        flow = next;
    }
    memory_free(script->memory, script->actions,
                script->action_room * sizeof(*script->actions));
    hash_table_fini(&script->table, script->memory);
    rerun_neighbours_fini(&script->neighbours);
}
