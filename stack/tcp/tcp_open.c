#include "tcp/tcp_open.h"

#include "tcp/tcp_half_open.h"
#include "tcp/tcp_output.h"
#include "tcp/tcp_port.h"
#include "tcp/tcp_recovery.h"
#include "tcp/tcp_rest.h"
#include "tcp/tcp_rtt.h"
#include "tcp/tcp_timer.h"
#include "tcp/tcp_told.h"
#include "tcp/tcp_user_timeout.h"

/* RFC 6528 3: ISN = M + F(ends, secret), M a clock of 4 us */
static tcp_seq choose_iss(const struct tcp *tcp, const struct tcp_ends *ends)
{
    tcp_seq iss;

    if (tcp_told_iss(tcp, ends, &iss))
        return iss;
    return (tcp_seq)(tcp->env->now / 4) +
           (tcp_seq)tcp_ends_hash(ends, &tcp->isn_key);
}

uint32_t tcp_timestamp_offset(const struct tcp *tcp,
                              const struct tcp_ends *ends)
{
    uint32_t offset;

    if (tcp_told_offset(tcp, ends, &offset))
        return offset;
    if (!tcp->config.timestamp_offset)
        return 0;
    return (uint32_t)tcp_ends_hash(ends, &tcp->ts_key);
}

/* The smallest scale with which the whole buffer can be offered, also when it
 * has grown. */
static uint8_t choose_window_scale(const struct tcb *tcb)
{
    uint32_t most = autotune_receive_max(tcb);
    uint8_t scale = 0;

    while (scale < TCP_WINDOW_SCALE_MAX && most >> scale > UINT16_MAX)
        scale++;
    return scale;
}

void tcp_begin_at(struct tcb *tcb, tcp_seq iss)
{
    tcb->iss = iss;
    tcb->snd_una = iss;
    tcb->snd_nxt = iss;
    tcb->snd_small = iss;
    tcb->snd_up = iss;
    sndbuf_init(&tcb->sndbuf, iss + 1, tcb->sndbuf.limit);
    recovery_init(tcb);
}

void tcp_choose(struct tcb *tcb)
{
    struct tcp_ends ends = tcp_ends_of(&tcb->local, &tcb->remote);
    /* what we can take, not what the path to the peer carries: RFC 1191 3.1,
     * RFC 6691 2 */
    uint32_t mss = tcb_link_mtu(tcb) - IP_HEADER_LEN - TCP_HEADER_LEN;

    if (tcb->user_mss != 0)
        mss = min_u32(mss, tcb->user_mss);
    tcb->rcv_mss = (uint16_t)min_u32(mss, UINT16_MAX);
    tcb->rcv_wscale = choose_window_scale(tcb);
    tcb->ts_offset = tcp_timestamp_offset(tcb->tcp, &ends);
    tcp_begin_at(tcb, choose_iss(tcb->tcp, &ends));
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
    tcb->has_sack = config->sack && seg->options.sack_permitted;
    ecn_take_syn(tcb, seg);
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
    rtt_syn_acked(tcb, seg);
    tcb->backoff = 0;
    if (tcb->syn_resends > 0 && tcb->srtt == 0) /* RFC 6298 5.7 */
        tcb->rto = usec_max(rto, 3 * USEC_PER_SEC);
    recovery_init(tcb);
    tcb->cc->init(tcb);
    pacing_init(tcb);
    tcb_set_state(tcb, TCPS_ESTABLISHED);
    user_timeout_changed(tcb); /* told again: RFC 5482 3 */
    if (tcb->fin_is_queued)    /* by a CLOSE in SYN-RECEIVED */
        tcb_enter_closing(tcb);
    tcp_timer_restart_keepalive(tcb);
    rest_consider(tcb);
    tcb_mark_output(tcb); /* what was written meanwhile */
}

bool tcp_has_backlog(const struct tcb *listener)
{
    /* one more than the backlog, as BSD and Linux have it */
    return listener->accept_count <= listener->backlog;
}

void tcp_inherit(struct tcb *child, const struct tcb *listener)
{
    child->sndbuf.limit = listener->sndbuf.limit;
    child->rcvbuf.limit = listener->rcvbuf.limit;
    autotune_inherit(child, listener);
    child->user_mss = listener->user_mss;
    child->cc = listener->cc_is_chosen ? listener->cc : listener->tcp->cc;
    child->cc_is_chosen = listener->cc_is_chosen;
    child->ttl = listener->ttl;
    child->tos = listener->tos;
    child->nodelay = listener->nodelay;
    child->keepalive = listener->keepalive;
    child->reuse_addr = listener->reuse_addr;
    child->reuse_port = listener->reuse_port;
    child->settings = listener->settings;
    child->settings.defer_accept = 0; /* the listener's own */
    child->settings.fast_open = 0;
}

void tcp_queue_for_accept(struct tcb *child)
{
    struct tcb *listener = child->listener;

    /* it may be there already, or be accepted: tcp_fast_open.h */
    if (listener == NULL || list_is_linked(&child->child_node))
        return;
    list_append(&listener->accept_queue, &child->child_node);
    listener->accept_count++;
    tcb_notify(listener);
}

void tcp_abandon_children(struct tcb *listener)
{
    struct list *node;

    half_open_abandon(listener);
    while ((node = list_pop(&listener->accept_queue)) != NULL) {
        struct tcb *child = container_of(node, struct tcb, child_node);

        if (child->state != TCPS_CLOSED)
            tcp_send_reset(child);
        child->listener = NULL;
        tcb_close(child);
    }
    listener->accept_count = 0;
}
