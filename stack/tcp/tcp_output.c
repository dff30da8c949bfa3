/*
 * Sending. RFC 9293 3.7.4 (Nagle, with Minshall's change that Linux has: only
 * a small segment that is still unacknowledged holds back the next small one),
 * 3.8.6.2 (silly windows, both sides), RFC 5681 (cwnd), RFC 7323 (timestamps,
 * window scale).
 *
 * A segment is built anew from the send buffer each time it is sent. Where the
 * device cuts large segments itself (its max_gso), one frame carries many.
 */
#include "tcp/tcp_output.h"

#include "base/checksum.h"
#include "tcp/tcp_fast_open.h"
#include "tcp/tcp_pacing.h"
#include "tcp/tcp_quickack.h"
#include "tcp/tcp_recovery.h"
#include "tcp/tcp_rtt.h"
#include "tcp/tcp_sack.h"
#include "tcp/tcp_timer.h"
#include "tcp/tcp_tlp.h"
#include "tcp/tcp_urgent.h"
#include "tcp/tcp_user_timeout.h"

/* ---- One segment ------------------------------------------------------ */

static void trace_segment(struct tcp *tcp, const struct tcp_segment *seg,
                          const struct ip_send *send, const struct tcb *tcb)
{
    struct trace_event event;

    if (!env_is_traced(tcp->env))
        return;
    event = (struct trace_event){.kind = TRACE_SEGMENT_OUT, .layer = TRACE_TCP};
    if (tcb != NULL)
        event = tcb_event(tcb, TRACE_SEGMENT_OUT);
    event.local = (struct endpoint){.addr = send->src, .port = seg->src_port};
    event.remote = (struct endpoint){.addr = send->dst, .port = seg->dst_port};
    event.segment = seg;
    event.len = seg->text_len;
    env_trace(tcp->env, &event);
}

/* Header and pseudo header's sum before the text, and down to IP. */
static void emit(struct tcp *tcp, struct frame *frame,
                 const struct tcp_segment *seg, const struct ip_send *send)
{
    struct checksum pseudo = {0};

    tcp_segment_push(frame, seg);
    checksum_add_pseudo(&pseudo, &send->src, &send->dst, IP_PROTO_TCP,
                        frame_len(frame));
    put_be16(frame->head + TCP_CHECKSUM, checksum_fold(&pseudo));
    frame_leave_checksum(frame, TCP_CHECKSUM);
    tcp->stats.out_segs++;
    if (seg->flags & SEG_RST)
        tcp->stats.out_rsts++;
    /* what cannot be sent now is as good as lost: timers will see to it */
    (void)ip_output(tcp->ip, frame, send);
}

static struct ip_send send_for(const struct tcb *tcb)
{
    return (struct ip_send){
        .src = tcb->local.addr,
        .dst = tcb->remote.addr,
        .protocol = IP_PROTO_TCP,
        .tos = tcb->tos,
        .ttl = tcb->ttl,
        .df = path_mtu_sets_df(tcb),
        .scope = tcb->local.scope,
        /* R1, RFC 9293 3.8.3 (b) */
        .is_doubted = tcb->retries >= tcb->tcp->config.doubt_retries,
    };
}

static struct tcp_options timestamps_for(const struct tcb *tcb)
{
    return (struct tcp_options){
        .has_timestamps = true,
        .ts_val = tcb_timestamp(tcb),
        .ts_ecr = tcb->ts_recent,
    };
}

uint32_t tcp_window_to_offer(const struct tcb *tcb)
{
    uint32_t offered = tcb_receive_window(tcb);
    uint32_t limit = tcp_memory_receive_limit(tcb);
    uint32_t unread = rcvbuf_unread(&tcb->rcvbuf);
    uint32_t space = tcp_clamp_window(tcb, unread < limit ? limit - unread : 0);
    uint32_t unit = 1u << tcb->rcv_wscale;

    /* the edge stays until it can move by a good step, RFC 9293 3.8.6.2.2 */
    if (space >= offered + min_u32(limit / 2, tcb->rcv_mss))
        offered = space;
    /* Rounded up where there is space, so that the right edge does not move
     * back (SHLD-14). Where there is none it seems to, by less than a unit
     * (RFC 7323 2.4): else each small segment would widen the window. */
    if (offered + unit - 1 <= space)
        offered += unit - 1;
    offered &= ~(unit - 1);
    return min_u32(offered, (uint32_t)UINT16_MAX << tcb->rcv_wscale);
}

/* The sequence numbers, window and timestamps of a segment of `tcb`; it will
 * be sent, and with it what it acknowledges and offers. */
static struct tcp_segment begin_segment(struct tcb *tcb, tcp_seq seq,
                                        uint8_t flags)
{
    uint32_t window = tcp_window_to_offer(tcb);
    struct tcp_segment seg = {
        .src_port = tcb->local.port,
        .dst_port = tcb->remote.port,
        .seq = seq,
        .ack = tcb->rcv_nxt,
        .flags = flags | SEG_ACK,
        .wnd = (uint16_t)(window >> tcb->rcv_wscale),
    };

    if (tcb->has_timestamps)
        seg.options = timestamps_for(tcb);
    if (sack_is_due(tcb))
        sack_fill(tcb, &seg.options);
    if (!(flags & SEG_RST))
        user_timeout_stamp(tcb, &seg.options);
    urgent_stamp(tcb, &seg);
    if (tcb->last_ack_sent != tcb->rcv_nxt)
        quickack_acked(tcb);
    tcb->rcv_adv = seq_max(tcb->rcv_adv, tcb->rcv_nxt + window);
    tcb->last_ack_sent = tcb->rcv_nxt;
    tcb->ack_now = false;
    tcp_timer_clear(tcb, TCP_TIMER_DELAYED_ACK);
    return seg;
}

/* Text of a full segment: what other options take is not there for text. */
static uint16_t text_mss(const struct tcb *tcb)
{
    if (!sack_is_due(tcb) && !tcb->user_timeout_is_due)
        return tcb->snd_mss;
    return (uint16_t)(tcb->snd_mss - tcp_options_sack_len(sack_count(tcb)) -
                      user_timeout_option_len(tcb));
}

/* Text [seq, seq + len) from the send buffer, with `flags` beside ACK. */
static void send_segment(struct tcb *tcb, tcp_seq seq, uint32_t len,
                         uint8_t flags)
{
    uint16_t mss = text_mss(tcb); /* before begin_segment takes a D-SACK */
    struct tcp_segment seg = begin_segment(tcb, seq, flags);
    struct ip_send send = send_for(tcb);
    struct bytes pieces[FRAME_SLICES];
    struct frame frame;

    frame_init_output(&frame);
    if (len > 0) {
        unsigned count = sndbuf_slices(&tcb->sndbuf, seq, len, pieces);

        for (unsigned i = 0; i < count; i++)
            frame_add_slice(&frame, pieces[i]);
        if (seq + len == sndbuf_end(&tcb->sndbuf))
            seg.flags |= SEG_PSH; /* RFC 9293 3.9.1.2: the end of a write */
        tcb->last_sent = tcb->tcp->env->now;
        quickack_answered(tcb);
    }
    if (len > mss) {
        frame.offload.gso = FRAME_GSO_TCPV4;
        frame.offload.gso_size = mss;
    }
    seg.text_len = len;
    seg.len = len + ((flags & SEG_FIN) ? 1 : 0);
    ecn_stamp(tcb, &seg, &send);
    info_segment_out(tcb, &seg);
    trace_segment(tcb->tcp, &seg, &send, tcb);
    emit(tcb->tcp, &frame, &seg, &send);
}

/* ---- SYN -------------------------------------------------------------- */

static struct tcp_options syn_options(const struct tcb *tcb)
{
    const struct tcp_config *config = &tcb->tcp->config;
    bool answers = tcb->state == TCPS_SYN_RECEIVED;
    struct tcp_options options = {.has_mss = true, .mss = tcb->rcv_mss};

    /* in an answer only what the peer has offered: RFC 7323 2.2, 3.2 */
    if (answers ? tcb->has_timestamps : config->timestamps) {
        options.has_timestamps = true;
        options.ts_val = tcb_timestamp(tcb);
        options.ts_ecr = answers ? tcb->ts_recent : 0;
    }
    options.sack_permitted = answers ? tcb->has_sack : config->sack;
    if (answers ? tcb->has_window_scale : config->window_scale) {
        options.has_window_scale = true;
        options.window_scale = tcb->rcv_wscale;
    }
    return options;
}

uint32_t tcp_syn_window(const struct tcb *tcb)
{
    return min_u32(tcp_clamp_window(tcb, rcvbuf_space(&tcb->rcvbuf)),
                   UINT16_MAX);
}

void tcp_send_syn(struct tcb *tcb)
{
    bool answers = tcb->state == TCPS_SYN_RECEIVED;
    uint8_t flags = SEG_SYN | ecn_syn_flags(tcb);
    uint32_t window = tcp_syn_window(tcb);
    struct tcp_segment seg = {
        .src_port = tcb->local.port,
        .dst_port = tcb->remote.port,
        .seq = tcb->iss,
        .ack = answers ? tcb->rcv_nxt : 0,
        .flags = answers ? flags | SEG_ACK : flags,
        .wnd = (uint16_t)window,
        .len = 1,
        .options = syn_options(tcb),
    };
    struct ip_send send = send_for(tcb);
    struct frame frame;

    frame_init_output(&frame);
    fast_open_stamp(tcb, &seg, &frame);
    user_timeout_stamp_syn(tcb, &seg.options);
    tcb->rcv_adv = tcb->rcv_nxt + window;
    tcb->last_ack_sent = tcb->rcv_nxt;
    tcb->ack_now = false;
    info_segment_out(tcb, &seg);
    trace_segment(tcb->tcp, &seg, &send, tcb);
    emit(tcb->tcp, &frame, &seg, &send);
}

static void output_syn(struct tcb *tcb)
{
    if (tcb->connect_is_deferred)
        return;
    if (tcb->snd_nxt == tcb->iss) {
        tcb->snd_nxt = tcb->iss + 1; /* SYN takes one number, RFC 9293 3.4 */
        rtt_start_timing(tcb);
        tcp_timer_restart_retransmit(tcb);
    } else if (!tcb->resend_syn) {
        if (tcb->ack_now)
            send_segment(tcb, tcb->snd_nxt, 0, 0);
        return;
    }
    tcb->resend_syn = false;
    tcp_send_syn(tcb);
}

/* ---- Text and FIN ----------------------------------------------------- */

/* Text in one frame: a segment, or as many as the device will cut; not asked
 * for where all that is left is one. */
static uint32_t largest_text(const struct tcb *tcb)
{
    struct ip_path path;
    uint32_t headers = IP_HEADER_LEN + TCP_HEADER_LEN + TCP_OPTIONS_MAX;
    uint32_t max_gso = 0;

    if (tcb_unsent(tcb) <= text_mss(tcb))
        return text_mss(tcb);
    if (ip_path(tcb->tcp->ip, &tcb->remote.addr, &tcb->local.addr,
                tcb->local.scope, &path) == 0)
        max_gso = path.iface->dev->max_gso;
    /* all that are cut from one frame have its options, its urgent pointer
     * and its flags: a D-SACK goes once, and so does CWR (RFC 3168 6.1.2) */
    if (max_gso <= headers + text_mss(tcb) || tcb->sack_sender.has_dsack ||
        urgent_is_outstanding(tcb) || tcb->ecn.cwr_is_due)
        return text_mss(tcb);
    uint32_t most = min_u32(max_gso - headers, pacing_quantum(tcb));
    return most / text_mss(tcb) * text_mss(tcb);
}

/* How much of the peer's window lies after `seq`. */
static uint32_t window_after(const struct tcb *tcb, tcp_seq seq)
{
    tcp_seq edge = tcb->snd_una + tcb->snd_wnd;

    return seq_lt(seq, edge) ? edge - seq : 0;
}

/* Whether what is left when all full segments are gone may go as a small one:
 * Nagle, RFC 9293 3.7.4; a cork (TCP_CORK, MSG_MORE) holds it back in any
 * case, until `persist` lets it go. */
static bool last_small_may_go(const struct tcb *tcb)
{
    if (tcb->is_pushed || tcb->fin_is_queued || urgent_is_outstanding(tcb))
        return true;
    if (tcb->settings.corked || tcb->more_follows)
        return false;
    return tcb->nodelay || seq_leq(tcb->snd_small, tcb->snd_una);
}

/* A segment below Eff.snd.MSS: RFC 9293 3.8.6.2.1 (2), (3). */
static bool small_segment_may_go(const struct tcb *tcb, uint32_t len)
{
    if (len == tcb_unsent(tcb) && last_small_may_go(tcb))
        return true;
    return len >= tcb->max_snd_wnd / 2;
}

/* How much new text the next frame takes; 0: it has to wait. */
static uint32_t new_text(struct tcb *tcb, uint32_t largest)
{
    uint32_t unsent = tcb_unsent(tcb);
    uint32_t len = min_u32(unsent, largest);
    uint32_t window = window_after(tcb, tcb->snd_nxt);
    uint32_t allowance = recovery_allowance(tcb);
    uint32_t mss = text_mss(tcb);

    if (len > allowance && window > allowance)
        tcb->is_cwnd_limited = true;
    len = min_u32(len, min_u32(window, allowance));
    if (len > mss && (len != unsent || !last_small_may_go(tcb)))
        len -= len % mss; /* the rest may become a full segment */
    if (len == 0 || len >= mss || small_segment_may_go(tcb, len))
        return len;
    return 0;
}

/* Whether our FIN goes behind the text that ends at `end`. */
static bool fin_follows(const struct tcb *tcb, tcp_seq end)
{
    return tcb->fin_is_queued && end == tcb_fin_seq(tcb) &&
           window_after(tcb, end) > 0;
}

/* Text or FIN, for the first time. */
static bool waits_to_be_sent(const struct tcb *tcb)
{
    return tcb_unsent(tcb) > 0 || (tcb->fin_is_queued && !tcb_fin_is_sent(tcb));
}

static void begin_after_idle(struct tcb *tcb)
{
    if (tcb->tcp->config.slow_start_after_idle && tcb_flight_size(tcb) == 0 &&
        tcb->last_sent != 0 && tcb->tcp->env->now - tcb->last_sent > tcb->rto)
        tcb->cc->idle(tcb); /* RFC 5681 4.1 */
    if (tcb_unsent(tcb) > 0)
        cwv_sending(tcb);
}

/* What of the text goes in one frame: lent memory may lie in many pieces. */
static uint32_t text_of_frame(const struct tcb *tcb, tcp_seq seq, uint32_t len)
{
    uint32_t reach = sndbuf_reach(&tcb->sndbuf, seq, len);
    uint32_t mss = text_mss(tcb);

    return reach < len && reach > mss ? reach - reach % mss : reach;
}

/* Text and perhaps FIN at `seq`, for the first time or again; less text, and no
 * FIN, where it does not fit in a frame. False: there is no memory to remember
 * it by, so it is not sent. */
static bool send_text(struct tcb *tcb, tcp_seq seq, uint32_t wanted, bool fin)
{
    uint32_t len = text_of_frame(tcb, seq, wanted);
    uint32_t taken;

    fin = fin && len == wanted;
    taken = len + (fin ? 1 : 0);
    if (!scoreboard_reserve(&tcb->board, tcb->tcp->env->memory))
        return false;
    if (tcb->cc->sending != NULL)
        tcb->cc->sending(tcb);
    if (!tcp_timer_is_set(tcb, TCP_TIMER_RETRANSMIT) &&
        !tcp_timer_is_set(tcb, TCP_TIMER_PROBE))
        tcp_timer_restart_retransmit(tcb); /* RFC 6298 5.1 */
    if (len % text_mss(tcb) != 0)
        tcb->snd_small = seq_max(tcb->snd_small, seq + len);
    send_segment(tcb, seq, len, fin ? SEG_FIN : 0);
    path_mtu_sent(tcb, seq, len);
    recovery_sent(tcb, seq, taken);
    tcb->snd_nxt = seq_max(tcb->snd_nxt, seq + taken);
    return true;
}

/* What `persist` was to let go in the end goes now: the timer becomes that of
 * the retransmission. */
static void stop_waiting(struct tcb *tcb)
{
    if (!tcb->is_probing || tcb_flight_size(tcb) > 0)
        return;
    tcb->is_probing = false;
    tcp_timer_clear(tcb, TCP_TIMER_RETRANSMIT);
}

static void send_new_text(struct tcb *tcb)
{
    if (ecn_holds_back(tcb))
        return;
    begin_after_idle(tcb);
    while (waits_to_be_sent(tcb)) {
        /* a D-SACK in the first segment leaves more room in the next */
        uint32_t len = new_text(tcb, largest_text(tcb));
        bool fin =
            !tcb_fin_is_sent(tcb) && fin_follows(tcb, tcb->snd_nxt + len);

        if ((len == 0 && !fin) || pacing_holds(tcb))
            return;
        stop_waiting(tcb);
        if (!send_text(tcb, tcb->snd_nxt, len, fin))
            return;
        tlp_schedule(tcb);
    }
}

/* How much of what is lost goes in one frame; a short piece at the end of what
 * was sent is filled up with what follows it. */
static uint32_t lost_text(const struct tcb *tcb, const struct sent_range *lost)
{
    uint32_t mss = text_mss(tcb);
    tcp_seq until = scoreboard_lost_until(&tcb->board, lost->start, mss);
    tcp_seq end = seq_min(until, sndbuf_end(&tcb->sndbuf));
    uint32_t len = seq_lt(lost->start, end) ? end - lost->start : 0;
    uint32_t filled = len;

    if (len < mss && until == tcb->snd_nxt)
        filled = min_u32(len + tcb_unsent(tcb), window_after(tcb, lost->start));
    return min_u32(max_u32(len, filled), mss);
}

static void resend_lost(struct tcb *tcb)
{
    const struct sent_range *lost;

    while ((lost = recovery_next_lost(tcb)) != NULL) {
        tcp_seq seq = lost->start;
        uint32_t len = lost_text(tcb, lost);

        if (recovery_allowance(tcb) < len && !recovery_is_urgent(tcb)) {
            tcb->is_cwnd_limited = true;
            return;
        }
        if (!recovery_is_urgent(tcb) && pacing_holds(tcb))
            return;
        tcb->tcp->stats.retrans_segs++;
        if (!send_text(tcb, seq, len,
                       tcb->fin_is_queued && seq + len == tcb_fin_seq(tcb)))
            return;
        if (tcb->has_sack && seq == tcb->snd_una)
            tcp_timer_restart_retransmit(tcb); /* it has only now gone out */
    }
}

/* RFC 8985 7.3: new text if there is some, otherwise the last segment again;
 * one segment beyond cwnd is allowed, but none before RFC 3168 6.1.2's timer.
 */
static void send_loss_probe(struct tcb *tcb)
{
    tcp_seq end = sndbuf_end(&tcb->sndbuf);
    uint32_t len = min_u32(tcb_unsent(tcb), text_mss(tcb));

    len = min_u32(len, window_after(tcb, tcb->snd_nxt));
    if (len > 0 && !ecn_holds_back(tcb)) {
        if (send_text(tcb, tcb->snd_nxt, len, false))
            tlp_sent_new(tcb);
        return;
    }
    end = seq_min(end, tcb->snd_nxt); /* without the FIN */
    tcp_seq seq = seq_max(tcb->snd_una, end - text_mss(tcb));
    bool fin = tcb_fin_is_sent(tcb);
    len = seq_lt(seq, end) ? end - seq : 0;
    tcb->tcp->stats.retrans_segs++;
    if (send_text(tcb, seq, len, fin))
        tlp_sent_again(tcb);
}

/* One octet beyond a window that is shut: RFC 9293 3.8.6.1; or what a small
 * window takes. */
static void send_window_probe(struct tcb *tcb)
{
    uint32_t open = window_after(tcb, tcb->snd_una);
    tcp_seq end = sndbuf_end(&tcb->sndbuf);
    uint32_t text = end - tcb->snd_una;
    uint32_t len = min_u32(text, min_u32(max_u32(open, 1), tcb->snd_mss));

    tcb->probe_is_due = false;
    if (seq_gt(tcb->snd_una, end)) /* with our FIN all is acknowledged */
        return;
    tcb->tcp->stats.zero_window_probes++;
    (void)send_text(tcb, tcb->snd_una, len, tcb->fin_is_queued && len == text);
}

/* Something waits, nothing is in flight that would bring news: the persist
 * timer (RFC 9293 3.8.6.1) asks, or overrides (3.8.6.2.1 (4)). */
static void persist(struct tcb *tcb)
{
    if (!waits_to_be_sent(tcb) || tcb_flight_size(tcb) > 0 || tcb->is_probing ||
        tcp_timer_is_set(tcb, TCP_TIMER_PACING) || ecn_holds_back(tcb))
        return;
    tcb->is_probing = true;
    tcb->backoff = 0;
    tcp_timer_restart_retransmit(tcb);
}

static bool has_send_side(const struct tcb *tcb)
{
    enum tcp_state state = tcb->state;

    return tcb_is_fast_open(tcb) || state == TCPS_ESTABLISHED ||
           state == TCPS_CLOSE_WAIT || state == TCPS_FIN_WAIT_1 ||
           state == TCPS_CLOSING || state == TCPS_LAST_ACK;
}

/* The sequence number of a segment without text. A window that is shut would
 * refuse one beyond its edge, where a probe has taken SND.NXT, and with it the
 * ACK and window that it carries (RFC 9293 3.10.7.4, first step). */
static tcp_seq acceptable_seq(const struct tcb *tcb)
{
    return seq_min(tcb->snd_nxt, tcb->snd_una + tcb->snd_wnd);
}

/* One for each segment out of order, also where a pass took in many, and
 * without text: only so does the peer count them (RFC 5681 2, 4.2). */
static void send_duplicate_acks(struct tcb *tcb)
{
    for (; tcb->out_of_order_acks > 0; tcb->out_of_order_acks--)
        send_segment(tcb, acceptable_seq(tcb), 0, 0);
}

/* What is in flight and what is left has changed. */
static void after_output(struct tcb *tcb)
{
    user_timeout_watch(tcb);
    info_watch_limit(tcb);
    if (tcb->settings.notsent_lowat != 0)
        tcb_notify(tcb); /* less is unsent: it may be writable */
}

/* Most often it is not so when segments have come in, which their program has
 * not answered yet. */
static bool has_something_to_send(const struct tcb *tcb)
{
    return !tcb_is_synchronized(tcb) || tcb->ack_now ||
           tcb->out_of_order_acks > 0 || tcb->probe_is_due || tcb->tlp.is_due ||
           tcb->board.lost > 0 || waits_to_be_sent(tcb);
}

DOOR void tcp_output(struct tcb *tcb)
{
    if (!has_something_to_send(tcb)) {
        if (2 * tcb_flight_size(tcb) < tcb->cwnd)
            tcb->is_cwnd_limited = false;
        tcp_timer_clear(tcb, TCP_TIMER_PACING);
        after_output(tcb);
        return;
    }
    if (tcb->state == TCPS_SYN_SENT || tcb->state == TCPS_SYN_RECEIVED) {
        output_syn(tcb);
        user_timeout_watch(tcb);
        if (!tcb_is_fast_open(tcb))
            return;
    }
    send_duplicate_acks(tcb);
    if (has_send_side(tcb)) {
        path_mtu_refresh(tcb);
        if (2 * tcb_flight_size(tcb) < tcb->cwnd)
            tcb->is_cwnd_limited = false;
        tcp_timer_clear(tcb, TCP_TIMER_PACING); /* set by what waits for it */
        if (tcb->probe_is_due)
            send_window_probe(tcb);
        resend_lost(tcb);
        if (tcb->tlp.is_due)
            send_loss_probe(tcb);
        if (recovery_next_lost(tcb) == NULL) /* that comes first */
            send_new_text(tcb);
        persist(tcb);
    }
    if (tcb->ack_now)
        send_segment(tcb, acceptable_seq(tcb), 0, 0);
    after_output(tcb);
}

/* ---- Segments out of turn --------------------------------------------- */

void tcp_send_ack(struct tcb *tcb)
{
    send_segment(tcb, acceptable_seq(tcb), 0, 0);
}

void tcp_push(struct tcb *tcb)
{
    tcb->is_pushed = true;
    tcb_mark_output(tcb);
}

void tcp_send_keepalive(struct tcb *tcb)
{
    tcb->tcp->stats.keepalive_probes++;
    send_segment(tcb, tcb->snd_nxt - 1, 0, 0);
}

void tcp_send_reset(struct tcb *tcb)
{
    send_segment(tcb, acceptable_seq(tcb), 0, SEG_RST);
}

/* As Linux, without a limit. A common one would tell whoever uses it up whether
 * what he sends under another's name is answered by an RST or meets a
 * connection: see tcp_challenge.h. */
static bool reset_is_allowed(struct tcp *tcp)
{
    unsigned most = tcp->config.resets_per_second;

    return most == 0 ||
           tcp_tally_allows(&tcp->resets, tcp->env->now, most, USEC_PER_SEC);
}

void tcp_reset_unknown(struct tcp *tcp, const struct ip_packet *packet,
                       const struct tcp_segment *seg)
{
    bool has_ack = (seg->flags & SEG_ACK) != 0;
    struct tcp_segment reset = {
        .src_port = seg->dst_port,
        .dst_port = seg->src_port,
        .seq = has_ack ? seg->ack : 0,
        .ack = has_ack ? 0 : segment_end(seg),
        .flags = has_ack ? SEG_RST : SEG_RST | SEG_ACK,
    };
    struct ip_send send = {
        .src = packet->header.dst,
        .dst = packet->header.src,
        .protocol = IP_PROTO_TCP,
        .df = true,
    };
    struct frame frame;

    if (seg->flags & SEG_RST) /* never in answer to one */
        return;
    if (!reset_is_allowed(tcp)) {
        env_drop(tcp->env, DROP_TCP_RATE_LIMIT, packet->frame);
        return;
    }
    frame_init_output(&frame);
    trace_segment(tcp, &reset, &send, NULL);
    emit(tcp, &frame, &reset, &send);
}
