/*
 * SEGMENT ARRIVES in SYN-RECEIVED, RFC 9293 3.10.7.4, where the SYN came to a
 * listener: the first to fifth step, on a record in place of a TCB. With RFC
 * 7323 5 (PAWS) and RFC 5961 3 and 4, as in tcp_sequence.c.
 */
#include "tcp/tcp_defer.h"
#include "tcp/tcp_half_open.h"
#include "tcp/tcp_info.h"
#include "tcp/tcp_open.h"
#include "tcp/tcp_output.h"
#include "tcp/tcp_steps.h"

static tcp_seq rcv_nxt_of(const struct half_open *half)
{
    return half->irs + 1; /* SYN takes one number, RFC 9293 3.4 */
}

/* RFC 5961 7, limited in rate: so many between two SYN,ACKs, the first of which
 * are an initial RTO apart. */
static void send_challenge(struct half_open *half)
{
    struct tcp *tcp = half->listener->tcp;
    unsigned most = challenge_share(tcp, tcp->config.max_half_open,
                                    tcp->config.rto_initial);

    if (half->challenges >= min_u32(most, HALF_OPEN_CHALLENGES_MAX)) {
        tcp->stats.challenge_acks_withheld++;
        return;
    }
    half->challenges = (half->challenges + 1u) & HALF_OPEN_CHALLENGES_MAX;
    tcp->stats.challenge_acks++;
    half_open_send_ack(half);
}

/* ---- First: check sequence number -------------------------------------- */

/* The SYN again: our SYN,ACK was lost, or is still on its way. */
static bool is_the_syn(const struct half_open *half,
                       const struct tcp_segment *seg)
{
    return (seg->flags & SEG_SYN) && seg->seq == half->irs;
}

static void answer_unacceptable(struct half_open *half,
                                const struct tcp_segment *seg)
{
    if (seg->flags & SEG_RST)
        return;
    if (is_the_syn(half, seg)) {
        /* RFC 3168 6.1.1.1 (3), (4) */
        half->ecn_was_taken_back |= !ecn_is_setup_syn(seg);
        half->was_resent = true;
        half_open_send_syn_ack(half);
    } else if (seg->len > 0 && !(seg->flags & SEG_SYN)) {
        half_open_send_ack(half);
    } else {
        send_challenge(half);
    }
}

/* RFC 7323 5.3 R1, and 3.2 for a segment that lacks its timestamp */
static enum drop_reason check_timestamp(const struct half_open *half,
                                        const struct tcp_segment *seg)
{
    if (!half->has_timestamps || (seg->flags & SEG_RST))
        return DROP_NONE;
    if (!seg->options.has_timestamps)
        return DROP_TCP_NO_TIMESTAMP;
    return (int32_t)(seg->options.ts_val - half->ts_recent) < 0 ? DROP_TCP_PAWS
                                                                : DROP_NONE;
}

bool half_open_accept_sequence(struct half_open *half,
                               const struct tcp_segment *seg)
{
    uint32_t window = tcp_syn_window(half->listener);
    enum drop_reason why = check_timestamp(half, seg);

    if (why == DROP_NONE &&
        !segment_is_acceptable(seg, rcv_nxt_of(half), window))
        why = DROP_TCP_OUT_OF_WINDOW;
    if (why == DROP_NONE)
        return true;
    drop_segment(half->listener, seg, why);
    if (why != DROP_TCP_NO_TIMESTAMP)
        answer_unacceptable(half, seg);
    return false;
}

/* ---- Second: check the RST bit ----------------------------------------- */

/* "Return this connection to the LISTEN state": the listener never left it. */
bool half_open_process_rst(struct half_open *half,
                           const struct tcp_segment *seg)
{
    if (!(seg->flags & SEG_RST))
        return true;
    if (rst_is_believed(half->listener->tcp, seg, rcv_nxt_of(half))) {
        half_open_fail(half);
        return false;
    }
    drop_segment(half->listener, seg, DROP_TCP_BAD_RST); /* RFC 5961 3.2 */
    send_challenge(half);
    return false;
}

/* ---- Fourth: check the SYN bit ----------------------------------------- */

bool half_open_process_syn(struct half_open *half,
                           const struct tcp_segment *seg)
{
    if (!(seg->flags & SEG_SYN))
        return true;
    drop_segment(half->listener, seg, DROP_TCP_UNEXPECTED_SYN);
    half_open_discard(half); /* "return to LISTEN" */
    return false;
}

/* ---- Fifth: check the ACK field ---------------------------------------- */

static enum drop_reason check_ack(struct half_open *half,
                                  const struct tcp_segment *seg)
{
    if (!(seg->flags & SEG_ACK))
        return DROP_TCP_NO_ACK;
    if (seg->ack != half->iss + 1) /* SND.UNA < SEG.ACK =< SND.NXT */
        return DROP_TCP_BAD_ACK;
    if (defer_accept(half, seg))
        return DROP_TCP_DEFERRED;
    /* as Linux: our SYN,ACK goes again, and then there may be room */
    return tcp_has_backlog(half->listener) ? DROP_NONE : DROP_TCP_BACKLOG_FULL;
}

/* A cookie was sent before there was room for the record: it is as good. */
static bool answers_a_cookie(struct half_open *half,
                             const struct ip_packet *packet,
                             const struct tcp_segment *seg,
                             struct half_open *out)
{
    if (!half->is_recorded ||
        !half_open_from_cookie(half->listener, packet, seg, out))
        return false;
    half_open_discard(half);
    return true;
}

struct tcb *half_open_process_ack(struct half_open *half,
                                  const struct ip_packet *packet,
                                  struct tcp_segment *seg)
{
    struct tcb *listener = half->listener;
    enum drop_reason why = check_ack(half, seg);
    struct half_open from_cookie;
    struct tcb *tcb = NULL;
    bool is_late;

    if (why == DROP_TCP_BAD_ACK &&
        answers_a_cookie(half, packet, seg, &from_cookie)) {
        half = &from_cookie;
        why = check_ack(half, seg);
    }
    is_late = !half->is_recorded || half->is_deferred;
    if (why == DROP_NONE) {
        tcb = half_open_become_tcb(half);
        why = tcb == NULL ? DROP_TCP_NO_BUFFER : DROP_NONE;
    }
    if (tcb == NULL) {
        drop_segment(listener, seg, why);
        if (why == DROP_TCP_BAD_ACK)
            tcp_reset_unknown(listener->tcp, packet, seg);
        return NULL;
    }
    if (is_late)
        seg->options.ts_ecr = 0; /* sent long before, or by a cookie: no RTT */
    info_segment_in(tcb, seg);
    trim_to_window(tcb, seg);
    complete_handshake(tcb, seg);
    return tcb;
}
