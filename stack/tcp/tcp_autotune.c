/*
 * Receiving: dynamic right-sizing (M. Fisk, W. Feng, 2001). The window should
 * hold twice what the program reads in a round trip, or it would be the window
 * that limits the sender and not the path; twice that while a sender in slow
 * start doubles its rate from one round trip to the next. So a slow program
 * keeps a small window and a fast one never waits for it.
 *
 * A receiver that sends nothing has no RTT of its own (RFC 6298 times what is
 * acknowledged). It takes the time until an answer to something it sends now
 * comes back: text that echoes a timestamp not sent before, or that lies
 * beyond the window offered so far. Both may come late, never early, so the
 * least of the last minute counts.
 *
 * Sending: twice cwnd, one for what is in flight and one for what the program
 * writes meanwhile, so that it is never the buffer that starves the window; not
 * on a short path, as above: what the cache has no longer is sent more slowly.
 * How long the path is tells the least RTT: what waits in queues, or for the
 * peer's program, is not the path.
 *
 * Limits never shrink here. Memory is taken as the rings fill.
 */
#include "tcp/tcp_autotune.h"

#include "tcp/tcb.h"

static const usec rtt_life = 60 * USEC_PER_SEC;
/* On a path shorter than this the initial buffer is worth 8 Gbit/s and more:
 * a larger one would only spoil the processor's cache. */
static const usec local_rtt = 1 * USEC_PER_MSEC;

uint32_t autotune_receive_max(const struct tcb *tcb)
{
    const struct tcp_config *config = &tcb->tcp->config;

    if (!config->buffer_tuning || tcb->autotune.receive_is_fixed)
        return tcb->rcvbuf.limit;
    return max_u32(tcb->rcvbuf.limit, config->receive_buffer_max);
}

/* ---- The round trip, as a receiver sees it ------------------------------ */

static void set_mark(struct tcb *tcb)
{
    struct tcp_autotune *tune = &tcb->autotune;

    tune->is_marked = true;
    tune->mark_at = tcb->tcp->env->now;
    tune->mark_timestamp = tcb_timestamp(tcb);
    tune->mark_edge = tcb->rcv_adv;
}

/* Whether the peer cannot have sent this before it heard of the mark. By a
 * timestamp this may be wrong by less than the clock's millisecond. */
static bool answers_mark(const struct tcb *tcb, const struct tcp_segment *seg)
{
    const struct tcp_autotune *tune = &tcb->autotune;

    if (tcb->has_timestamps && seg->options.has_timestamps)
        return (int32_t)(seg->options.ts_ecr - tune->mark_timestamp) >= 0 &&
               tcb_timestamp(tcb) != tune->mark_timestamp;
    return seq_gt(seg->seq + seg->text_len, tune->mark_edge);
}

static void take_sample(struct tcb *tcb)
{
    struct tcp_autotune *tune = &tcb->autotune;
    usec now = tcb->tcp->env->now;
    usec rtt = usec_max(now - tune->mark_at, 1);

    if (tune->rtt != 0 && rtt > tune->rtt && now - tune->rtt_at < rtt_life)
        return;
    tune->rtt = rtt;
    tune->rtt_at = now;
}

void autotune_arrived(struct tcb *tcb, const struct tcp_segment *seg)
{
    struct tcp_autotune *tune = &tcb->autotune;

    if (tune->is_marked && !answers_mark(tcb, seg))
        return;
    if (tune->is_marked)
        take_sample(tcb);
    set_mark(tcb);
}

/* ---- The limits --------------------------------------------------------- */

static void begin_round(struct tcb *tcb)
{
    struct tcp_autotune *tune = &tcb->autotune;

    tune->in_round = true;
    tune->round_at = tcb->tcp->env->now;
    tune->last_round_read = tune->round_read;
    tune->round_read = 0;
}

static void grow_receive_limit(struct tcb *tcb)
{
    const struct tcp_autotune *tune = &tcb->autotune;
    uint64_t last = tune->last_round_read;
    bool is_speeding_up = tune->round_read > last + last / 4;
    uint64_t want = tune->round_read * (is_speeding_up ? 4 : 2);
    uint32_t most = autotune_receive_max(tcb);

    if (tune->rtt < local_rtt || want <= tcb->rcvbuf.limit ||
        tcp_memory_is_short(tcb->tcp))
        return;
    tcb->rcvbuf.limit = want < most ? (uint32_t)want : most;
}

void autotune_read(struct tcb *tcb, uint32_t len)
{
    struct tcp_autotune *tune = &tcb->autotune;

    tune->round_read += len;
    if (tune->rtt == 0)
        return;
    if (tune->in_round && tcb->tcp->env->now - tune->round_at < tune->rtt)
        return;
    if (tune->in_round)
        grow_receive_limit(tcb);
    begin_round(tcb);
}

static bool is_short_to_send(const struct tcb *tcb)
{
    return usec_min(tcb->srtt, tcb->rack.min_rtt) < local_rtt;
}

void autotune_acked(struct tcb *tcb)
{
    const struct tcp_config *config = &tcb->tcp->config;
    uint32_t most = config->send_buffer_max;
    uint32_t want = tcb->cwnd < most / 2 ? 2 * tcb->cwnd : most;

    if (!config->buffer_tuning || tcb->autotune.send_is_fixed ||
        is_short_to_send(tcb) || tcp_memory_is_short(tcb->tcp))
        return;
    tcb->sndbuf.limit = max_u32(tcb->sndbuf.limit, want);
}

void autotune_inherit(struct tcb *child, const struct tcb *listener)
{
    child->autotune.receive_is_fixed = listener->autotune.receive_is_fixed;
    child->autotune.send_is_fixed = listener->autotune.send_is_fixed;
}
