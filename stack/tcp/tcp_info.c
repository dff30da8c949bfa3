#include "tcp/tcp_info.h"

#include "tcp/tcb.h"
#include "tcp/tcp_recovery.h"
#include "tcp/tcp_rtt.h"

enum {
    REORDERING_LEAST = 3, /* RFC 5681 3.2: duplicate ACKs that tell of a loss */
    REORDERING_MAX = 300  /* as Linux */
};

static uint32_t segments_of(const struct tcb *tcb, uint32_t len)
{
    uint32_t mss = max_u32(tcb->snd_mss, 1);

    if (len <= mss) /* mostly, and a division takes long */
        return len > 0 ? 1 : 0;
    return (uint32_t)(((uint64_t)len + mss - 1) / mss);
}

static uint32_t reordering_of(const struct tcb *tcb)
{
    return max_u32(tcb->counts.reordering, REORDERING_LEAST);
}

/* ---- Counting ----------------------------------------------------------- */

void info_segment_in(struct tcb *tcb, const struct tcp_segment *seg)
{
    tcb->counts.segments_in++;
    if (seg->text_len > 0)
        tcb->counts.text_segments_in++;
}

/* SND.NXT has moved over the SYN when it is sent, but not over text. */
static bool is_sent_again(const struct tcb *tcb, const struct tcp_segment *seg)
{
    if (seg->flags & SEG_SYN)
        return tcb->counts.segments_out > 0;
    return seg->len > 0 && seq_lt(seg->seq, tcb->snd_nxt);
}

void info_segment_out(struct tcb *tcb, const struct tcp_segment *seg)
{
    struct tcp_counts *counts = &tcb->counts;
    uint32_t segments = max_u32(segments_of(tcb, seg->text_len), 1);

    if (is_sent_again(tcb, seg)) {
        counts->segments_resent += segments;
        counts->bytes_resent += seg->text_len;
    }
    counts->segments_out += segments;
    counts->bytes_sent += seg->text_len;
    if (seg->text_len > 0)
        counts->text_segments_out += segments;
}

void info_acked(struct tcb *tcb, uint32_t acked)
{
    tcb->counts.bytes_acked += acked;
}

/* A FIN is no segment of its own, unless it came alone. */
void info_delivered(struct tcb *tcb, const struct tcp_segment *ack,
                    uint32_t len)
{
    uint32_t text = len > 1 && tcb_fin_is_acked(tcb) ? len - 1 : len;
    uint32_t segments = segments_of(tcb, text);

    tcb->counts.segments_delivered += segments;
    if (tcb->ecn.is_agreed && (ack->flags & SEG_ECE))
        tcb->counts.segments_marked += segments;
}

void info_dsack(struct tcb *tcb, const struct tcp_segment *ack, uint32_t len)
{
    tcb->counts.dsacks += segments_of(tcb, len);
    info_delivered(tcb, ack, len); /* it has come, and so has its double */
}

void info_reordering(struct tcb *tcb, uint32_t distance)
{
    uint32_t segments = min_u32(segments_of(tcb, distance), REORDERING_MAX);

    tcb->counts.reorderings++;
    tcb->counts.reordering =
        (uint16_t)max_u32(tcb->counts.reordering, segments);
}

void info_rtt(struct tcb *tcb, usec rtt)
{
    uint32_t *least = &tcb->counts.min_rtt;
    uint32_t sample = (uint32_t)usec_min(rtt, UINT32_MAX);

    if (*least == 0 || sample < *least)
        *least = sample;
}

/* ---- What limits -------------------------------------------------------- */

/* 32 bits of milliseconds: time stamps are taken apart only modulo that. */
static uint32_t now_ms(const struct tcb *tcb)
{
    return (uint32_t)(tcb->tcp->env->now / USEC_PER_MSEC);
}

/* All is sent and the buffer cannot be written to: whoever writes, or polls for
 * it, waits. Linux looks whether somebody has done so; a program that holds so
 * much in flight, and polls for anything at all, has. */
static enum tcp_limit what_limits(const struct tcb *tcb)
{
    uint32_t unsent = tcb_unsent(tcb);
    uint32_t flight = tcb_flight_size(tcb);

    if (unsent == 0 && flight == 0)
        return TCP_LIMIT_NOTHING_TO_SEND;
    if (unsent > 0 && flight + min_u32(unsent, tcb->snd_mss) > tcb->snd_wnd)
        return TCP_LIMIT_RECEIVE_WINDOW;
    if (unsent == 0 && !tcp_has_send_space(tcb))
        return TCP_LIMIT_SEND_BUFFER;
    return TCP_LIMIT_PATH;
}

void info_watch_limit(struct tcb *tcb)
{
    struct tcp_counts *counts = &tcb->counts;
    enum tcp_limit limit = what_limits(tcb);

    if (limit == counts->limit)
        return;
    counts->limited_ms[counts->limit] += now_ms(tcb) - counts->limited_since;
    counts->limited_since = now_ms(tcb);
    counts->limit = (uint8_t)limit;
}

/* ---- Telling ------------------------------------------------------------ */

static enum tcp_recovery_state recovery_of(const struct tcb *tcb)
{
    switch (tcb->phase) {
    case RECOVERY_FAST:
        return TCP_RECOVERY_FAST;
    case RECOVERY_LOSS:
        return TCP_RECOVERY_TIMED_OUT;
    case RECOVERY_NONE:
        break;
    }
    if (tcb->ecn.is_reduced && tcb->ecn.by_echo)
        return TCP_RECOVERY_REDUCED;
    return tcb->duplicate_acks > 0 ? TCP_RECOVERY_DISORDER : TCP_RECOVERY_OPEN;
}

static void tell_times(const struct tcb *tcb, struct tcp_status_info *out)
{
    usec now = tcb->tcp->env->now;

    out->rto = rtt_rto(tcb);
    if (tcb->counts.text_segments_in > 0)
        out->delayed_ack = tcb->tcp->config.delayed_ack;
    out->srtt = tcb->srtt;
    out->rttvar = tcb->rttvar;
    out->min_rtt = tcb->counts.min_rtt;
    out->rcv_rtt = tcb->autotune.rtt;
    out->peer_user_timeout = tcb->peer_user_timeout * USEC_PER_SEC;
    out->since_sent = tcb->last_sent != 0 ? now - tcb->last_sent : 0;
    out->since_received = tcb->last_text != 0 ? now - tcb->last_text : 0;
    out->since_ack = tcb->last_heard != 0 ? now - tcb->last_heard : 0;
}

static void tell_sizes(const struct tcb *tcb, struct tcp_status_info *out)
{
    out->snd_wscale = tcb->snd_wscale;
    out->rcv_wscale = tcb->rcv_wscale;
    out->snd_mss = tcp_mss(tcb);
    out->rcv_mss = tcb->peer_full != 0 ? tcb->peer_full
                                       : min_u32(DEFAULT_MSS, tcb->rcv_mss);
    out->advertised = tcb->rcv_mss;
    if (tcb->has_timestamps && tcb_is_synchronized(tcb))
        out->advertised -= 2 + TCP_OPTION_TIMESTAMPS_LEN;
    if (tcb_is_synchronized(tcb))
        out->path_mtu = tcb_path_mtu(tcb);
    out->rcv_ssthresh = tcp_clamp_window(tcb, tcb->rcvbuf.limit);
    out->rcv_space = tcb->rcvbuf.limit;
    out->snd_wnd = tcb->snd_wnd;
    out->unsent = tcb_unsent(tcb);
}

/* What is in flight for the second time, or the third. */
static uint32_t resent_in_flight(const struct tcb *tcb)
{
    const struct scoreboard *board = &tcb->board;
    uint32_t segments = 0;

    for (unsigned i = 0; i < board->count; i++) {
        const struct sent_range *range = scoreboard_at(board, i);

        if (range->resent && !range->lost && !range->sacked)
            segments += segments_of(tcb, range->end - range->start);
    }
    return segments;
}

static void tell_congestion(const struct tcb *tcb, struct tcp_status_info *out)
{
    uint32_t mss = max_u32(tcb->snd_mss, 1);
    uint32_t resent = resent_in_flight(tcb);

    out->recovery = recovery_of(tcb);
    out->unacked = segments_of(tcb, tcb_flight_size(tcb));
    out->sacked = segments_of(tcb, tcb->board.sacked);
    out->lost = segments_of(tcb, tcb->board.lost);
    if (tcb->phase != RECOVERY_NONE)
        out->lost += resent; /* lost until it is delivered */
    out->resent = resent;
    out->cwnd = tcb->cwnd / mss;
    out->has_ssthresh = tcb->ssthresh < INT32_MAX;
    out->ssthresh = tcb->ssthresh / mss;
    out->reordering = reordering_of(tcb);
    out->is_app_limited = tcb->rate.last_is_app_limited;
    out->pacing_rate = pacing_rate(tcb);
    out->max_pacing_rate = tcb->settings.max_pacing_rate != 0
                               ? tcb->settings.max_pacing_rate
                               : TCP_PACING_UNLIMITED;
    out->delivery_rate = tcb->rate.last_rate;
}

void tcp_status_info(const struct tcb *tcb, struct tcp_status_info *out)
{
    *out = (struct tcp_status_info){
        .state = tcb->state,
        .timeouts = tcb->retries,
        .probes = tcb->probes,
        .backoff = tcb->backoff,
        .has_timestamps = tcb->has_timestamps,
        .has_window_scale = tcb->has_window_scale,
        .has_sack = tcb->has_sack,
        .has_ecn = tcb->ecn.is_agreed,
        .has_ecn_seen = tcb->ecn.seen,
        .has_syn_text = tcb->syn_text_was_taken,
        .was_fast_opened = tcb->was_fast_opened,
        .fast_open_fail = (enum tcp_fast_open_fail)tcb->fast_open_fail,
        .accept_count = tcb->accept_count,
        .backlog = tcb->backlog,
        .counts = tcb->counts,
    };
    tell_times(tcb, out);
    tell_sizes(tcb, out);
    tell_congestion(tcb, out);
    if (tcb_is_synchronized(tcb))
        out->counts.segments_delivered++; /* the SYN */
    out->counts.limited_ms[tcb->counts.limit] +=
        now_ms(tcb) - tcb->counts.limited_since;
}
