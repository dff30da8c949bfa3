/*
 * SEGMENT ARRIVES, fifth step, RFC 9293 3.10.7.4: what the ACK field and the
 * window tell. With RFC 5961 5 (ACKs of injected data). What an ACK means for
 * losses is in tcp_recovery.c.
 */
#include "tcp/tcp_defer.h"
#include "tcp/tcp_fast_open.h"
#include "tcp/tcp_open.h"
#include "tcp/tcp_output.h"
#include "tcp/tcp_recovery.h"
#include "tcp/tcp_steps.h"
#include "tcp/tcp_timer.h"
#include "tcp/tcp_user_timeout.h"

bool acknowledges_the_syn(const struct tcb *tcb, const struct tcp_segment *seg)
{
    return seq_lt(tcb->snd_una, seg->ack) && seq_leq(seg->ack, tcb->snd_nxt);
}

/* The third segment of the handshake. */
void complete_handshake(struct tcb *tcb, const struct tcp_segment *seg)
{
    tcb->snd_wnd = (uint32_t)seg->wnd << tcb->snd_wscale;
    tcb->max_snd_wnd = max_u32(tcb->max_snd_wnd, tcb->snd_wnd);
    tcb->snd_wl1 = seg->seq;
    tcb->snd_wl2 = seg->ack;
    tcp_become_established(tcb, seg);
    tcp_queue_for_accept(tcb);
    tcb_notify(tcb);
}

/* SYN-RECEIVED after a simultaneous open, or by Fast Open: then text was sent
 * already, and what is acknowledged of it is as of any other. */
static bool process_ack_of_syn(struct tcb *tcb, const struct ip_packet *packet,
                               const struct tcp_segment *seg)
{
    struct tcp_segment of_syn = *seg;

    if (!acknowledges_the_syn(tcb, seg)) {
        drop_segment(tcb, seg, DROP_TCP_BAD_ACK);
        tcp_reset_unknown(tcb->tcp, packet, seg);
        return false;
    }
    if (tcb_is_fast_open(tcb))
        of_syn.ack = tcb->iss + 1;
    complete_handshake(tcb, &of_syn);
    fast_open_answered(tcb, &of_syn);
    fast_open_completed(tcb);
    return true;
}

/* RFC 9293 3.10.7.4, with the lower bound of RFC 5961 5.2 */
static bool ack_is_plausible(struct tcb *tcb, const struct tcp_segment *seg)
{
    if (seq_gt(seg->ack, tcb->snd_nxt)) {
        drop_segment(tcb, seg, DROP_TCP_BAD_ACK);
        send_challenge_ack(tcb);
        return false;
    }
    if (tcb->tcp->config.rfc5961 &&
        seq_lt(seg->ack, tcb->snd_una - tcb->max_snd_wnd)) {
        drop_segment(tcb, seg, DROP_TCP_OLD_ACK);
        send_challenge_ack(tcb);
        return false;
    }
    return true;
}

static void stop_probing(struct tcb *tcb)
{
    tcb->is_probing = false;
    tcb->backoff = 0;
    if (tcb_flight_size(tcb) > 0)
        tcp_timer_restart_retransmit(tcb);
    else
        tcp_timer_clear(tcb, TCP_TIMER_RETRANSMIT);
    recovery_nothing_was_taken(tcb);
}

/* The persist timer runs because the window is shut, and opens. Where it was
 * open, text of less than a segment waits (a cork, a small window), which what
 * the peer says does not put off. */
static bool opens_window(const struct tcb *tcb, uint32_t wnd)
{
    return tcb->is_probing && wnd > 0 &&
           (tcb->snd_wnd == 0 || tcb_flight_size(tcb) > 0);
}

/* SND.UNA =< SEG.ACK, and no older than what told the window last */
static void update_window(struct tcb *tcb, const struct tcp_segment *seg)
{
    uint32_t wnd = (uint32_t)seg->wnd << tcb->snd_wscale;

    if (seq_lt(seg->ack, tcb->snd_una) || seq_gt(tcb->snd_wl1, seg->seq) ||
        (tcb->snd_wl1 == seg->seq && seq_gt(tcb->snd_wl2, seg->ack)))
        return;
    if (opens_window(tcb, wnd))
        stop_probing(tcb);
    else if (wnd == 0 && tcb_flight_size(tcb) > 0)
        tcb->is_probing = true; /* a window that was taken back */
    if (wnd != tcb->snd_wnd)
        tcb_trace(tcb, TRACE_WINDOW, wnd, NULL);
    tcb->snd_wnd = wnd;
    tcb->max_snd_wnd = max_u32(tcb->max_snd_wnd, wnd);
    tcb->snd_wl1 = seg->seq;
    tcb->snd_wl2 = seg->ack;
    tcb_mark_output(tcb);
}

/* SND.UNA < SEG.ACK =< SND.NXT */
static void take_new_ack(struct tcb *tcb, const struct tcp_segment *seg)
{
    uint32_t acked = seg->ack - tcb->snd_una;
    tcp_seq text_end = sndbuf_end(&tcb->sndbuf);

    tcb->snd_una = seg->ack;
    tcb->snd_small = seq_max(tcb->snd_small, tcb->snd_una);
    tcb->snd_up = seq_max(tcb->snd_up, tcb->snd_una);
    info_acked(tcb, acked);
    user_timeout_restart(tcb);
    tcb->retries = 0;
    tcb->soft_error = 0; /* the path works */
    if (tcb->is_probing)
        tcb->backoff = 0; /* the probes' waiting was no sign of loss */
    tcb->is_probing = false;
    sndbuf_acknowledge(&tcb->sndbuf, seq_min(seg->ack, text_end));
    if (seq_geq(seg->ack, text_end))
        tcp_timer_buffer_is_empty(tcb);
    autotune_acked(tcb);
    path_mtu_acked(tcb);
    tcb_mark_output(tcb);
    tcb_notify(tcb);
}

/* One that is older than SND.UNA tells nothing any more. */
static void take_ack(struct tcb *tcb, const struct tcp_segment *seg)
{
    uint32_t acked = seg->ack - tcb->snd_una;

    if (seq_lt(seg->ack, tcb->snd_una))
        return;
    rate_check_app_limited(tcb);
    if (acked > 0)
        take_new_ack(tcb, seg);
    recovery_acknowledged(tcb, seg, acked);
    if (acked > 0)
        tcb_trace(tcb, TRACE_ACKED, acked, NULL); /* with the new cwnd, RTT */
}

/* Our FIN is acknowledged, in a state where that matters. */
static void wait_for_peer_to_close(struct tcb *tcb)
{
    tcb_set_state(tcb, TCPS_FIN_WAIT_2);
    if (tcb->owner == NULL) /* nobody would ever read: not for ever */
        tcp_limit_fin_wait_2(tcb);
    tcb_notify(tcb);
}

/* False: the connection is over. */
static bool close_by_ack(struct tcb *tcb)
{
    if (!tcb_fin_is_acked(tcb))
        return true;
    if (tcb->state == TCPS_FIN_WAIT_1) {
        wait_for_peer_to_close(tcb);
        return tcb->state == TCPS_FIN_WAIT_2;
    } else if (tcb->state == TCPS_CLOSING) {
        enter_time_wait(tcb);
        tcb_notify(tcb);
    } else if (tcb->state == TCPS_LAST_ACK) {
        tcb_close(tcb);
        tcb_notify(tcb);
        return false;
    }
    return true;
}

bool process_ack(struct tcb *tcb, const struct ip_packet *packet,
                 const struct tcp_segment *seg)
{
    if (!(seg->flags & SEG_ACK)) {
        drop_segment(tcb, seg, DROP_TCP_NO_ACK);
        return false;
    }
    if (tcb->state == TCPS_SYN_RECEIVED) {
        if (!process_ack_of_syn(tcb, packet, seg))
            return false;
        if (seg->ack == tcb->snd_una) /* nothing but the SYN */
            return true;
    }
    if (!ack_is_plausible(tcb, seg))
        return false;
    take_ack(tcb, seg);
    update_window(tcb, seg);
    return close_by_ack(tcb);
}
