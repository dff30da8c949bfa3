#include "tcp/tcp_open.h"

#include "tcp/tcp_output.h"
#include "tcp/tcp_port.h"
#include "tcp/tcp_recovery.h"
#include "tcp/tcp_rtt.h"
#include "tcp/tcp_timer.h"

enum { HALF_OPEN_MAX = 4096 }; /* of one listener, as Linux's SYN backlog */

static uint64_t hash_connection(const struct tcb *tcb,
                                const struct hash_key *key)
{
    uint8_t ends[36];

    memcpy(ends, tcb->local.addr.octet, 16);
    memcpy(ends + 16, tcb->remote.addr.octet, 16);
    put_be16(ends + 32, tcb->local.port);
    put_be16(ends + 34, tcb->remote.port);
    return hash_bytes(key, bytes_of(ends, sizeof(ends)));
}

/* RFC 6528 3: ISN = M + F(ends, secret), M a clock of 4 us */
static tcp_seq choose_iss(const struct tcb *tcb)
{
    return (tcp_seq)(tcb->tcp->env->now / 4) +
           (tcp_seq)hash_connection(tcb, &tcb->tcp->isn_key);
}

/* The smallest scale with which the whole buffer can be offered. */
static uint8_t choose_window_scale(const struct tcb *tcb)
{
    uint8_t scale = 0;

    while (scale < TCP_WINDOW_SCALE_MAX &&
           tcb->rcvbuf.limit >> scale > UINT16_MAX)
        scale++;
    return scale;
}

static void begin_at(struct tcb *tcb, tcp_seq iss)
{
    tcb->iss = iss;
    tcb->snd_una = iss;
    tcb->snd_nxt = iss;
    tcb->snd_small = iss;
    sndbuf_init(&tcb->sndbuf, iss + 1, tcb->sndbuf.limit);
    recovery_init(tcb);
}

/* At least `least`. */
static void raise_iss(struct tcb *tcb, tcp_seq least)
{
    begin_at(tcb, seq_max(tcb->iss, least));
}

void tcp_choose(struct tcb *tcb)
{
    uint32_t mss = tcb_path_mtu(tcb) - IP_HEADER_LEN - TCP_HEADER_LEN;

    if (tcb->user_mss != 0)
        mss = min_u32(mss, tcb->user_mss);
    tcb->rcv_mss = (uint16_t)min_u32(mss, UINT16_MAX);
    tcb->rcv_wscale = choose_window_scale(tcb);
    tcb->ts_offset = (uint32_t)hash_connection(tcb, &tcb->tcp->ts_key);
    begin_at(tcb, choose_iss(tcb));
}

void tcp_take_syn(struct tcb *tcb, const struct tcp_segment *seg)
{
    const struct tcp_config *config = &tcb->tcp->config;

    tcb->irs = seg->seq;
    tcb->rcv_nxt = seg->seq + 1;
    tcb->rcv_adv = tcb->rcv_nxt + tcp_syn_window(tcb); /* if ours went first */
    tcb->last_ack_sent = tcb->rcv_nxt;
    if (seg->options.has_mss)
        tcb->peer_mss = seg->options.mss;
    tcb->has_timestamps = config->timestamps && seg->options.has_timestamps;
    if (tcb->has_timestamps) {
        tcb->ts_recent = seg->options.ts_val;
        tcb->ts_recent_at = tcb->tcp->env->now;
    }
    tcb->has_window_scale =
        config->window_scale && seg->options.has_window_scale;
    if (tcb->has_window_scale)
        tcb->snd_wscale = seg->options.window_scale;
    else
        tcb->rcv_wscale = 0; /* RFC 7323 2.2: both or neither */
    tcb->snd_wnd = seg->wnd; /* never scaled in a SYN */
    tcb->max_snd_wnd = tcb->snd_wnd;
    tcb->snd_wl1 = seg->seq;
    tcb->snd_wl2 = seg->ack;
    tcb->last_heard = tcb->tcp->env->now;
    tcb_update_mss(tcb, tcb_path_mtu(tcb));
}

void tcp_become_established(struct tcb *tcb, const struct tcp_segment *seg)
{
    usec rto = tcb->rto;

    tcb->snd_una = seg->ack;
    tcb->retries = 0;
    tcp_timer_clear(tcb, TCP_TIMER_RETRANSMIT);
    rtt_acked(tcb, seg);
    tcb->backoff = 0;
    if (tcb->was_syn_resent && tcb->srtt == 0) /* RFC 6298 5.7 */
        tcb->rto = usec_max(rto, 3 * USEC_PER_SEC);
    recovery_init(tcb);
    tcb->cc->init(tcb);
    tcb_set_state(tcb, TCPS_ESTABLISHED);
    if (tcb->fin_is_queued) /* by a CLOSE in SYN-RECEIVED */
        tcb_enter_closing(tcb);
    tcp_timer_restart_keepalive(tcb);
    tcb_mark_output(tcb); /* what was written meanwhile */
}

bool tcp_has_backlog(const struct tcb *listener)
{
    /* one more than the backlog, as BSD and Linux have it */
    return listener->accept_count <= listener->backlog;
}

static void inherit(struct tcb *child, const struct tcb *listener)
{
    child->sndbuf.limit = listener->sndbuf.limit;
    child->rcvbuf.limit = listener->rcvbuf.limit;
    child->user_mss = listener->user_mss;
    child->cc = listener->cc;
    child->ttl = listener->ttl;
    child->tos = listener->tos;
    child->nodelay = listener->nodelay;
    child->keepalive = listener->keepalive;
    child->reuse_addr = listener->reuse_addr;
}

/* A connection with these ends that is in TIME-WAIT gives way (tcp_input has
 * seen that it may); RFC 9293 3.6.1: the new ISS must lie above what it has
 * used. Returns how far it had come; false if there is none. */
static bool replace_time_wait(struct tcp *tcp, const struct endpoint *local,
                              const struct endpoint *remote, tcp_seq *used)
{
    struct tcb *old = tcb_find(tcp, local, remote);

    if (old == NULL || old->state != TCPS_TIME_WAIT)
        return false;
    *used = old->snd_nxt;
    tcb_close(old);
    return true;
}

static struct tcb *create_child(struct tcb *listener,
                                const struct endpoint *local,
                                const struct endpoint *remote)
{
    struct tcb *child = tcb_create(listener->tcp, NULL);

    if (child == NULL)
        return NULL;
    inherit(child, listener);
    if (tcb_connect_ends(child, local, remote) < 0) {
        tcb_close(child);
        return NULL;
    }
    tcp_port_share(child, listener->port);
    child->is_passive = true;
    child->listener = listener;
    list_append(&listener->children, &child->child_node);
    listener->half_open_count++;
    return child;
}

void tcp_open_passively(struct tcb *listener, const struct ip_packet *packet,
                        const struct tcp_segment *seg)
{
    struct tcp *tcp = listener->tcp;
    struct endpoint local = {.addr = packet->header.dst, .port = seg->dst_port};
    struct endpoint remote = {.addr = packet->header.src,
                              .port = seg->src_port};
    struct tcb *child;
    tcp_seq used;
    bool replaces;

    if (!tcp_has_backlog(listener) ||
        listener->half_open_count >= HALF_OPEN_MAX) {
        env_drop(tcp->env, DROP_TCP_BACKLOG_FULL, packet->frame);
        return;
    }
    replaces = replace_time_wait(tcp, &local, &remote, &used);
    child = create_child(listener, &local, &remote);
    if (child == NULL) {
        env_drop(tcp->env, DROP_TCP_NO_BUFFER, packet->frame);
        return;
    }
    tcp_choose(child);
    if (replaces)
        raise_iss(child, used + UINT16_MAX);
    tcp_take_syn(child, seg);
    tcp->stats.passive_opens++;
    tcb_set_state(child, TCPS_SYN_RECEIVED);
    tcb_mark_output(child); /* SYN,ACK */
}

void tcp_queue_for_accept(struct tcb *child)
{
    struct tcb *listener = child->listener;

    if (listener == NULL)
        return;
    list_remove(&child->child_node);
    listener->half_open_count--;
    list_append(&listener->accept_queue, &child->child_node);
    listener->accept_count++;
    tcb_notify(listener);
}

static void abandon(struct list *children)
{
    struct list *node;

    while ((node = list_pop(children)) != NULL) {
        struct tcb *child = container_of(node, struct tcb, child_node);

        if (child->state != TCPS_CLOSED)
            tcp_send_reset(child);
        child->listener = NULL;
        tcb_close(child);
    }
}

void tcp_abandon_children(struct tcb *listener)
{
    abandon(&listener->children);
    abandon(&listener->accept_queue);
    listener->half_open_count = 0;
    listener->accept_count = 0;
}
