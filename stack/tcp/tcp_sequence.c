/*
 * SEGMENT ARRIVES, first to fourth step, RFC 9293 3.10.7.4: is the segment in
 * the window, is it an RST, is it a SYN? With RFC 7323 5 (PAWS) and RFC 5961
 * 3 and 4 (RST and SYN that were injected blindly).
 */
#include "tcp/tcp_output.h"
#include "tcp/tcp_quickack.h"
#include "tcp/tcp_rtt.h"
#include "tcp/tcp_sack.h"
#include "tcp/tcp_steps.h"
#include "tcp/tcp_timer.h"

#include <errno.h>

/* RFC 7323 5.5: after so long an idle time TS.Recent says nothing any more */
#define PAWS_IDLE (24 * 24 * 3600 * USEC_PER_SEC)

void drop_segment(const struct tcb *tcb, const struct tcp_segment *seg,
                  enum drop_reason reason)
{
    env_drop(tcb->tcp->env, reason, seg->frame);
}

/* ---- First: check sequence number -------------------------------------- */

/* RFC 7323 4.3 (2): the timestamp to echo is that of the segment which
 * reaches over the last ACK we sent. After the fifth step: a segment that was
 * injected blindly has failed by then. */
void update_ts_recent(struct tcb *tcb, const struct tcp_segment *seg)
{
    if (!seg->options.has_timestamps || !tcb->has_timestamps ||
        seq_gt(seg->came_seq, tcb->last_ack_sent))
        return;
    tcb->ts_recent = seg->options.ts_val;
    tcb->ts_recent_at = tcb->tcp->env->now;
}

/* Also a segment larger than the window which it covers. */
bool segment_is_acceptable(const struct tcp_segment *seg, tcp_seq rcv_nxt,
                           uint32_t window)
{
    /* into a shut window its ACK, RST may come (MUST-66); its text may not */
    uint32_t room = max_u32(window, 1);

    /* Not the table, but as Linux: an ACK at the right edge, too, from where
     * it comes if the peer has filled the window. Where both ends have, and
     * both have lost something, nothing else would bring them on. */
    if (!(seg->flags & SEG_RST))
        room = window + 1;
    if (seg->len == 0 || window == 0)
        return seq_in(seg->seq, rcv_nxt, room);
    return seq_lt(seg->seq, rcv_nxt + window) &&
           seq_gt(segment_end(seg), rcv_nxt);
}

/* "Segments with higher beginning sequence numbers SHOULD be held", what is
 * outside the window is cut off. */
void trim_to_window(struct tcb *tcb, struct tcp_segment *seg)
{
    tcp_seq edge = tcb->rcv_nxt + tcb_receive_window(tcb);

    if (seq_lt(seg->seq, tcb->rcv_nxt)) {
        uint32_t old = tcb->rcv_nxt - seg->seq;

        sack_note_duplicate(tcb, seg->seq, tcb->rcv_nxt);
        seg->text_at += old;
        seg->text_len -= old;
        seg->seq = tcb->rcv_nxt;
        tcb_ack_now(tcb); /* the peer does not know that we have it */
    }
    if (seg->len > 0 && seq_gt(segment_end(seg), edge)) {
        uint32_t beyond = segment_end(seg) - edge;

        if (seg->flags & SEG_FIN) { /* takes the last of the numbers */
            seg->flags &= (uint8_t)~SEG_FIN;
            beyond--;
        }
        seg->text_len -= min_u32(beyond, seg->text_len);
        tcb_ack_now(tcb);
    }
    seg->len = seg->text_len + ((seg->flags & SEG_FIN) ? 1 : 0);
}

/* The SYN again: our SYN,ACK was lost, or is still on its way. */
static bool is_the_syn(const struct tcb *tcb, const struct tcp_segment *seg)
{
    return tcb->state == TCPS_SYN_RECEIVED && (seg->flags & SEG_SYN) &&
           seg->seq == tcb->irs;
}

/* Which of them is answered is not known then: no RTT (Karn). */
static void resend_syn_ack(struct tcb *tcb)
{
    rtt_stop_timing(tcb);
    tcb->resend_syn = true;
    tcb_mark_output(tcb);
}

/* An ACK in answer to what is not acceptable; to text at once, or a lost ACK
 * would never be made good; to an empty segment limited, or two ends that
 * disagree would answer each other for ever; to a SYN, which may be anywhere,
 * as to one in the window (RFC 5961 4.2). */
static void answer_unacceptable(struct tcb *tcb, const struct tcp_segment *seg)
{
    if (seg->flags & SEG_RST)
        return;
    if (is_the_syn(tcb, seg)) {
        resend_syn_ack(tcb);
        return;
    }
    if (seg->text_len > 0 && seq_lt(seg->seq, tcb->rcv_nxt)) {
        sack_note_duplicate(tcb, seg->seq,
                            seq_min(segment_end(seg), tcb->rcv_nxt));
        quickack_received_again(tcb);
    }
    if (seg->flags & SEG_SYN)
        send_challenge_ack(tcb);
    else if (seg->len > 0)
        tcb_ack_now(tcb);
    else
        send_limited_ack(tcb);
}

/* RFC 7323 5.3 R1, and 3.2 for a segment that lacks its timestamp */
static enum drop_reason timestamp_is_wrong(const struct tcb *tcb,
                                           const struct tcp_segment *seg)
{
    if (!tcb->has_timestamps || (seg->flags & SEG_RST))
        return DROP_NONE;
    if (!seg->options.has_timestamps)
        return DROP_TCP_NO_TIMESTAMP;
    if ((int32_t)(seg->options.ts_val - tcb->ts_recent) >= 0 ||
        tcb->tcp->env->now - tcb->ts_recent_at > PAWS_IDLE)
        return DROP_NONE;
    return DROP_TCP_PAWS;
}

static bool passes_paws(struct tcb *tcb, const struct tcp_segment *seg)
{
    enum drop_reason why = timestamp_is_wrong(tcb, seg);

    if (why == DROP_NONE)
        return true;
    drop_segment(tcb, seg, why);
    if (why == DROP_TCP_PAWS)
        answer_unacceptable(tcb, seg);
    return false;
}

/* A SYN that we have taken already and that comes again with an ACK: two ends
 * opened at the same time, and this answers our SYN (RFC 9293 3.5 figure 7).
 * What follows the SYN counts. */
static void strip_known_syn(struct tcb *tcb, struct tcp_segment *seg)
{
    if (tcb->state != TCPS_SYN_RECEIVED || seg->seq != tcb->irs ||
        (seg->flags & (SEG_SYN | SEG_ACK)) != (SEG_SYN | SEG_ACK))
        return;
    seg->flags &= (uint8_t)~SEG_SYN;
    seg->seq++;
    seg->len--;
    tcb_ack_now(tcb);
}

/* An empty segment that is one behind: a keepalive, or the peer does not know
 * that we have taken the octet with which it probed our window. If we probe
 * its window too, nothing else would ever get through: its ACK and window are
 * believed (RFC 9293 3.10.7.4: "special allowance should be made to accept
 * valid ACKs"), and it is answered as any that is not acceptable. */
static bool is_one_behind(const struct tcb *tcb, const struct tcp_segment *seg)
{
    return seg->len == 0 && !(seg->flags & SEG_RST) &&
           tcb_is_synchronized(tcb) && seg->seq + 1 == tcb->rcv_nxt;
}

enum drop_reason sequence_is_wrong(const struct tcb *tcb,
                                   const struct tcp_segment *seg)
{
    enum drop_reason why = timestamp_is_wrong(tcb, seg);

    if (why != DROP_NONE || is_one_behind(tcb, seg) ||
        segment_is_acceptable(seg, tcb->rcv_nxt, tcb_receive_window(tcb)))
        return why;
    return DROP_TCP_OUT_OF_WINDOW;
}

bool accept_sequence(struct tcb *tcb, struct tcp_segment *seg)
{
    if (!passes_paws(tcb, seg))
        return false;
    strip_known_syn(tcb, seg);
    if (is_the_syn(tcb, seg)) { /* also with more text than was taken of it */
        drop_segment(tcb, seg, DROP_TCP_OUT_OF_WINDOW);
        resend_syn_ack(tcb);
        return false;
    }
    if (is_one_behind(tcb, seg)) {
        seg->seq = tcb->rcv_nxt;
        send_limited_ack(tcb);
    } else if (!segment_is_acceptable(seg, tcb->rcv_nxt,
                                      tcb_receive_window(tcb))) {
        drop_segment(tcb, seg, DROP_TCP_OUT_OF_WINDOW);
        answer_unacceptable(tcb, seg);
        return false;
    }
    tcb->last_heard = tcb->tcp->env->now;
    tcb->probes = 0;
    if (!(seg->flags & (SEG_RST | SEG_SYN))) /* these are judged as they came */
        trim_to_window(tcb, seg);
    return true;
}

/* ---- Second: check the RST bit ----------------------------------------- */

static void reset_arrived(struct tcb *tcb)
{
    enum tcp_state state = tcb->state;

    if (state == TCPS_SYN_RECEIVED)
        tcb->tcp->stats.attempt_fails++;
    if (state == TCPS_ESTABLISHED || state == TCPS_CLOSE_WAIT)
        tcb->tcp->stats.estab_resets++;

    if (tcp_is_opening(tcb)) /* simultaneously */
        tcb_fail(tcb, ECONNREFUSED);
    else if (state == TCPS_CLOSE_WAIT)
        tcb_fail(tcb, EPIPE); /* as Linux: the peer had closed already */
    else
        tcb_fail(tcb, ECONNRESET);
}

/* RFC 5961 3.2: only an RST at RCV.NXT exactly; without that, RFC 9293
 * 3.10.7.4, any in the window. */
bool rst_is_believed(const struct tcp *tcp, const struct tcp_segment *seg,
                     tcp_seq rcv_nxt)
{
    return seg->seq == rcv_nxt || !tcp->config.rfc5961;
}

bool process_rst(struct tcb *tcb, const struct tcp_segment *seg)
{
    if (!(seg->flags & SEG_RST))
        return true;
    if (rst_is_believed(tcb->tcp, seg, tcb->rcv_nxt)) {
        reset_arrived(tcb);
        return false;
    }
    drop_segment(tcb, seg, DROP_TCP_BAD_RST);
    send_challenge_ack(tcb);
    return false;
}

/* ---- Fourth: check the SYN bit ----------------------------------------- */

bool process_syn(struct tcb *tcb, const struct tcp_segment *seg)
{
    if (!(seg->flags & SEG_SYN))
        return true;
    drop_segment(tcb, seg, DROP_TCP_UNEXPECTED_SYN);
    if (tcb->tcp->config.rfc5961) {
        send_challenge_ack(tcb); /* RFC 5961 4.2 */
    } else {                     /* "it is an error, send a reset" */
        tcp_send_reset(tcb);
        reset_arrived(tcb);
    }
    return false;
}
