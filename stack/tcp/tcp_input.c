/*
 * SEGMENT ARRIVES, RFC 9293 3.10.7, as a table of contents: its sections are
 * the functions segment_arrives_*, its eight steps the lines of
 * segment_arrives_otherwise. The steps themselves are in tcp_sequence.c (first
 * to fourth), tcp_ack.c (fifth), tcp_urgent.c (sixth) and tcp_text.c (seventh,
 * eighth); those of a half-open connection, which has no TCB yet, in
 * tcp_syn_received.c, of one in TIME-WAIT, which has none any more, in
 * tcp_time_wait.c.
 */
#include "tcp/tcp_extra.h"
#include "tcp/tcp_fast_open.h"
#include "tcp/tcp_half_open.h"
#include "tcp/tcp_info.h"
#include "tcp/tcp_open.h"
#include "tcp/tcp_output.h"
#include "tcp/tcp_port.h"
#include "tcp/tcp_rest.h"
#include "tcp/tcp_rtt.h"
#include "tcp/tcp_steps.h"
#include "tcp/tcp_time_wait.h"
#include "tcp/tcp_user_timeout.h"

#include "base/checksum.h"
#include "ip/ip_filter.h"

#include <errno.h>

/* ---- 3.10.7.1: CLOSED --------------------------------------------------- */

static void segment_arrives_closed(struct tcp *tcp,
                                   const struct ip_packet *packet,
                                   const struct tcp_segment *seg)
{
    env_drop(tcp->env, DROP_TCP_NO_CONNECTION, packet->frame);
    tcp_reset_unknown(tcp, packet, seg);
}

/* ---- 3.10.7.4: SYN-RECEIVED, after LISTEN ------------------------------- */

static void segment_arrives_in_syn_received(struct half_open *half,
                                            const struct ip_packet *packet,
                                            struct tcp_segment *seg)
{
    struct tcb *tcb;

    if (!half_open_accept_sequence(half, seg)) /* first */
        return;
    if (!half_open_process_rst(half, seg)) /* second */
        return;
    /* third: security, see tcp.h */
    if (!half_open_process_syn(half, seg)) /* fourth */
        return;
    tcb = half_open_process_ack(half, packet, seg); /* fifth */
    if (tcb == NULL)
        return;
    update_ts_recent(tcb, seg);
    ecn_arrived(tcb, seg);
    user_timeout_told(tcb, &seg->options);
    if (process_text(tcb, seg)) /* seventh */
        process_fin(tcb, seg);  /* eighth */
}

/* ---- 3.10.7.2: LISTEN --------------------------------------------------- */

/* It is bad, unless it is the answer to a SYN,ACK of which we kept nothing. */
static void ack_arrives_in_listen(struct tcb *listener,
                                  const struct ip_packet *packet,
                                  struct tcp_segment *seg)
{
    struct half_open half;

    if (half_open_from_cookie(listener, packet, seg, &half)) {
        segment_arrives_in_syn_received(&half, packet, seg);
        return;
    }
    drop_segment(listener, seg, DROP_TCP_NO_CONNECTION);
    tcp_reset_unknown(listener->tcp, packet, seg);
}

static void segment_arrives_in_listen(struct tcb *listener,
                                      const struct ip_packet *packet,
                                      struct tcp_segment *seg)
{
    if (seg->flags & SEG_RST) { /* first */
        drop_segment(listener, seg, DROP_TCP_UNEXPECTED_RST);
    } else if (seg->flags & SEG_ACK) { /* second */
        ack_arrives_in_listen(listener, packet, seg);
    } else if (seg->flags & SEG_SYN) { /* third */
        /* text that comes with it is not kept, unless it comes by Fast Open:
         * it is not acknowledged, and so will come again */
        half_open_begin(listener, packet, seg);
    } else { /* fourth: "should not be reached" */
        drop_segment(listener, seg, DROP_TCP_NO_SYN);
    }
}

/* ---- 3.10.7.3: SYN-SENT ------------------------------------------------- */

static void refused(struct tcb *tcb, const struct tcp_segment *seg)
{
    if (!(seg->flags & SEG_ACK)) {
        drop_segment(tcb, seg, DROP_TCP_UNEXPECTED_RST);
        return;
    }
    tcb->tcp->stats.attempt_fails++;
    tcb_fail(tcb, ECONNREFUSED);
}

/* Text and FIN may come with the SYN. */
void process_after_syn(struct tcb *tcb, struct tcp_segment *seg)
{
    seg->seq++;
    seg->len--;
    seg->flags &= (uint8_t)~SEG_SYN;
    trim_to_window(tcb, seg);
    process_urg(tcb, seg);
    if (process_text(tcb, seg))
        process_fin(tcb, seg);
}

static void both_syns_are_acknowledged(struct tcb *tcb, struct tcp_segment *seg)
{
    tcp_become_established(tcb, seg);
    fast_open_answered(tcb, seg);
    user_timeout_told(tcb, &seg->options);
    tcb_ack_now(tcb);
    tcb_notify(tcb);
    process_after_syn(tcb, seg);
}

/* Two ends that open at the same time: RFC 9293 3.5 figure 7 */
static void open_simultaneously(struct tcb *tcb)
{
    tcb_set_state(tcb, TCPS_SYN_RECEIVED);
    tcb->resend_syn = true; /* as SYN,ACK, "with <SEQ=ISS>" */
    rtt_stop_timing(tcb);   /* the ACK may be for either (Karn) */
    tcb_mark_output(tcb);
}

static void segment_arrives_in_syn_sent(struct tcb *tcb,
                                        const struct ip_packet *packet,
                                        struct tcp_segment *seg)
{
    if ((seg->flags & SEG_ACK) && !acknowledges_the_syn(tcb, seg)) { /* first */
        drop_segment(tcb, seg, DROP_TCP_BAD_ACK);
        tcp_reset_unknown(tcb->tcp, packet, seg);
        return;
    }
    if (seg->flags & SEG_RST) { /* second; the ACK was checked */
        refused(tcb, seg);
        return;
    }
    /* third: security, see tcp.h */
    if (!(seg->flags & SEG_SYN)) { /* fifth: neither SYN nor RST */
        drop_segment(tcb, seg, DROP_TCP_NO_SYN);
        return;
    }
    tcp_take_syn(tcb, seg); /* fourth */
    if (seg->flags & SEG_ACK)
        both_syns_are_acknowledged(tcb, seg);
    else
        open_simultaneously(tcb);
}

/* ---- 3.10.7.4: other states -------------------------------------------- */

static void segment_arrives_otherwise(struct tcb *tcb,
                                      const struct ip_packet *packet,
                                      struct tcp_segment *seg)
{
    if (!accept_sequence(tcb, seg)) /* first; also trims to the window */
        return;
    if (!process_rst(tcb, seg)) /* second; RFC 5961 3.2 */
        return;
    /* third: security and compartment are not implemented, see tcp.h */
    if (!process_syn(tcb, seg)) /* fourth; RFC 5961 4.2 */
        return;
    if (!process_ack(tcb, packet, seg)) /* fifth */
        return;
    update_ts_recent(tcb, seg);            /* RFC 7323 4.3 */
    ecn_arrived(tcb, seg);                 /* RFC 3168 6.1.3 */
    user_timeout_told(tcb, &seg->options); /* RFC 5482 */
    process_urg(tcb, seg);                 /* sixth */
    if (!process_text(tcb, seg))           /* seventh */
        return;
    process_fin(tcb, seg); /* eighth */
}

/* ---- 3.10.7.4: TIME-WAIT ------------------------------------------------ */

static void segment_arrives_in_time_wait(struct tcp *tcp,
                                         struct time_wait *wait,
                                         const struct tcp_segment *seg)
{
    if (!time_wait_accept_sequence(tcp, wait, seg)) /* first */
        return;
    if (!time_wait_process_rst(tcp, wait, seg)) /* second; RFC 1337 */
        return;
    /* third: security, see tcp.h */
    if (!time_wait_process_syn(tcp, wait, seg)) /* fourth */
        return;
    if (!time_wait_process_ack(tcp, wait, seg)) /* fifth */
        return;
    time_wait_process_text(tcp, seg);      /* seventh */
    time_wait_process_fin(tcp, wait, seg); /* eighth */
}

/* ---- The door ----------------------------------------------------------- */

static bool checksum_is_right(const struct ip_packet *packet)
{
    struct checksum checksum = {0};

    if (packet->frame->offload.checksum != FRAME_CHECKSUM_COMPLETE)
        return true; /* the device vouches for it, see frame.h */
    checksum_add_pseudo(&checksum, &packet->header.src, &packet->header.dst,
                        IP_PROTO_TCP, frame_len(packet->frame));
    checksum_add_frame(&checksum, packet->frame, 0);
    return checksum_finish(&checksum) == 0;
}

static enum drop_reason what_is_wrong(const struct ip_packet *packet,
                                      struct tcp_segment *seg)
{
    enum drop_reason why;

    if (tcp_segment_parse(packet->frame, seg, &why) < 0)
        return why;
    seg->ecn = packet->header.tos & IP_ECN_MASK;
    if (!checksum_is_right(packet))
        return DROP_TCP_BAD_CHECKSUM;
    if (packet->broadcast || packet->link_broadcast)
        return DROP_TCP_BAD_ADDRESS; /* MUST-57 */
    return DROP_NONE;
}

/* Whom a segment is for: one of these, or nobody. */
struct receiver {
    struct tcb *tcb;
    struct tcp_rest *rest;
    struct half_open *half_open;
    struct time_wait *time_wait;
};

static struct receiver find_receiver(struct tcp *tcp,
                                     const struct ip_packet *packet,
                                     const struct tcp_segment *seg)
{
    struct tcp_ends ends = tcp_ends_of_segment(packet, seg);
    struct receiver receiver = {.tcb = tcb_find(tcp, &ends)};

    if (receiver.tcb != NULL)
        return receiver;
    receiver.rest = rest_find(tcp, &ends);
    if (receiver.rest != NULL)
        return receiver;
    receiver.half_open = half_open_find(tcp, &ends);
    if (receiver.half_open != NULL)
        return receiver;
    receiver.time_wait = time_wait_find(tcp, &ends);
    if (receiver.time_wait != NULL &&
        !time_wait_may_reopen(tcp, receiver.time_wait, seg))
        return receiver;
    ends.scope = (uint16_t)packet->iface->index;
    receiver.tcb = tcp_port_listener(tcp, &ends);
    if (receiver.tcb != NULL)
        receiver.time_wait = NULL;
    return receiver;
}

/* Whose settings decide; NULL: nobody's. */
static const struct tcb *decides(const struct receiver *receiver)
{
    if (receiver->half_open != NULL)
        return receiver->half_open->listener;
    return receiver->tcb;
}

/* So much is left from the header on. */
static void cut_text(struct tcp_segment *seg, uint32_t wanted)
{
    uint32_t text_at = (uint32_t)seg->text_at;
    uint32_t kept = max_u32(wanted, text_at) - text_at;

    if (kept >= seg->text_len)
        return;
    seg->len -= seg->text_len - kept;
    seg->text_len = kept;
}

/* SO_ATTACH_FILTER, as Linux: it sees the header too, and may cut the text. */
static bool is_wanted(const struct tcb *tcb, const struct ip_packet *packet,
                      struct tcp_segment *seg)
{
    const struct tcb *owned = tcb->listener != NULL ? tcb->listener : tcb;
    uint32_t wanted;

    if (owned->extra == NULL || owned->extra->filter == NULL)
        return true;
    wanted = ip_filter_run(owned->extra->filter, packet, 0);
    cut_text(seg, wanted);
    return wanted != BPF_WANT_NOTHING;
}

static enum drop_reason is_unwanted(const struct tcb *tcb,
                                    const struct ip_packet *packet,
                                    struct tcp_segment *seg)
{
    if (tcb == NULL)
        return DROP_NONE;
    /* RFC 5082 3; Linux lets the last ACK of a handshake pass */
    if (packet->header.ttl < tcb->settings.min_ttl)
        return DROP_TCP_LOW_TTL;
    return is_wanted(tcb, packet, seg) ? DROP_NONE : DROP_TCP_FILTERED;
}

/* How its receiver stands before it is taken. */
static struct trace_event event_of(const struct receiver *receiver)
{
    const struct tcb *tcb = receiver->tcb;
    const struct half_open *half = receiver->half_open;
    struct trace_event event = {.state = tcp_state_name(TCPS_CLOSED)};

    if (half != NULL) {
        event.connection = half->number;
        event.iss = half->iss;
        event.irs = half->irs;
        event.state = tcp_state_name(TCPS_SYN_RECEIVED);
    } else if (receiver->time_wait != NULL) {
        event.connection = receiver->time_wait->number;
        event.state = tcp_state_name(TCPS_TIME_WAIT);
    } else if (tcb != NULL && tcb->state != TCPS_LISTEN) {
        event = tcb_event(tcb, TRACE_SEGMENT_IN);
    } else if (tcb != NULL) {
        event.state = tcp_state_name(TCPS_LISTEN);
    }
    return event;
}

static void trace_arrival(struct tcp *tcp, const struct receiver *receiver,
                          const struct ip_packet *packet,
                          const struct tcp_segment *seg)
{
    struct trace_event event;

    if (!env_is_traced(tcp->env))
        return;
    event = event_of(receiver);
    event.kind = TRACE_SEGMENT_IN;
    event.layer = TRACE_TCP;
    event.frame = packet->frame;
    event.local =
        (struct endpoint){.addr = packet->header.dst, .port = seg->dst_port};
    event.remote =
        (struct endpoint){.addr = packet->header.src, .port = seg->src_port};
    event.segment = seg;
    event.len = seg->text_len;
    env_trace(tcp->env, &event);
}

/* By who is at rest, who then rests on. */
static bool is_refused_at_rest(struct tcp *tcp, struct tcp_rest *rest,
                               const struct ip_packet *packet,
                               const struct tcp_segment *seg)
{
    struct tcb copy;
    struct receiver receiver = {.tcb = &copy};
    enum drop_reason why;

    if (rest == NULL)
        return false;
    rest_copy(tcp, rest, &copy);
    why = rest_refuses(&copy, packet, seg);
    if (why == DROP_NONE)
        return false;
    trace_arrival(tcp, &receiver, packet, seg);
    env_drop(tcp->env, why, packet->frame);
    rest_answer(rest, &copy, seg, why);
    return true;
}

/* Now, if it was at rest; false without memory for that. */
static bool is_awake(struct tcp *tcp, struct receiver *receiver)
{
    if (receiver->rest == NULL)
        return true;
    receiver->tcb = tcp_wake(tcp, receiver->rest);
    receiver->rest = NULL;
    return receiver->tcb != NULL;
}

DOOR void tcp_input(struct tcp *tcp, const struct ip_packet *packet)
{
    struct tcp_segment seg;
    enum drop_reason wrong = what_is_wrong(packet, &seg);
    struct receiver receiver;
    struct tcb *tcb;

    tcp->stats.in_segs++;
    if (wrong != DROP_NONE) {
        tcp->stats.in_errs++;
        env_drop(tcp->env, wrong, packet->frame);
        return;
    }
    receiver = find_receiver(tcp, packet, &seg);
    if (is_refused_at_rest(tcp, receiver.rest, packet, &seg))
        return;
    if (!is_awake(tcp, &receiver)) {
        env_drop(tcp->env, DROP_TCP_NO_BUFFER, packet->frame);
        return;
    }
    trace_arrival(tcp, &receiver, packet, &seg);
    wrong = is_unwanted(decides(&receiver), packet, &seg);
    if (wrong != DROP_NONE) {
        env_drop(tcp->env, wrong, packet->frame);
        return;
    }
    tcb = receiver.tcb;
    if (tcb != NULL)
        info_segment_in(tcb, &seg);
    if (receiver.half_open != NULL)
        segment_arrives_in_syn_received(receiver.half_open, packet, &seg);
    else if (receiver.time_wait != NULL)
        segment_arrives_in_time_wait(tcp, receiver.time_wait, &seg);
    else if (tcb == NULL)
        segment_arrives_closed(tcp, packet, &seg);
    else if (tcb->state == TCPS_LISTEN)
        segment_arrives_in_listen(tcb, packet, &seg);
    else if (tcb->state == TCPS_SYN_SENT)
        segment_arrives_in_syn_sent(tcb, packet, &seg);
    else
        segment_arrives_otherwise(tcb, packet, &seg);
}
