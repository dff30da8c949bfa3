/*
 * SEGMENT ARRIVES, seventh and eighth step, RFC 9293 3.10.7.4: the segment's
 * text goes to its place in the receive buffer, and the FIN is taken when all
 * before it is there.
 */
#include "tcp/tcp_extra.h"
#include "tcp/tcp_output.h"
#include "tcp/tcp_quickack.h"
#include "tcp/tcp_sack.h"
#include "tcp/tcp_steps.h"
#include "tcp/tcp_timer.h"
#include "tcp/tcp_urgent.h"

#include <errno.h>

/* ---- Seventh: process the segment text --------------------------------- */

/* What we announced, less its options. */
static uint32_t largest_segment(const struct tcb *tcb)
{
    uint32_t largest = tcb->rcv_mss;

    if (tcb->has_timestamps)
        largest -= 2 + TCP_OPTION_TIMESTAMPS_LEN;
    return largest;
}

/* The size of what one frame may carry many of. */
static uint32_t size_of(const struct tcb *tcb, const struct tcp_segment *seg)
{
    uint32_t size = seg->text_len;

    if (seg->frame->offload.gso != FRAME_GSO_NONE)
        size = min_u32(size, seg->frame->offload.gso_size);
    return min_u32(size, largest_segment(tcb));
}

/* How large the peer's full segments are: its SMSS may be less than we have
 * announced (RFC 5681 1: "the path MTU ... or other factors"). The largest so
 * far, or less, if two in a row are of one size and none the end of a write. */
static void note_size(struct tcb *tcb, const struct tcp_segment *seg)
{
    uint32_t size = size_of(tcb, seg);

    if (tcb->peer_full == 0)
        tcb->peer_full = (uint16_t)min_u32(DEFAULT_MSS, largest_segment(tcb));
    if (size >= tcb->peer_full ||
        (size == tcb->peer_last && !(seg->flags & SEG_PSH)))
        tcb->peer_full = (uint16_t)size;
    tcb->peer_last = (uint16_t)size;
}

static void delay_ack(struct tcb *tcb)
{
    struct trace_event event;
    usec due = tcb->tcp->env->now + tcb->tcp->config.delayed_ack;

    tcp_timer_set(tcb, TCP_TIMER_DELAYED_ACK, due);
    if (!env_is_traced(tcb->tcp->env))
        return;
    event = tcb_event(tcb, TRACE_ACK);
    event.due = due;
    event.text = "delayed";
    env_trace(tcb->tcp->env, &event);
}

/* RFC 9293 3.8.6.3: for every second full segment, and before 500 ms */
static void acknowledge_text(struct tcb *tcb)
{
    uint32_t owed = tcb->rcv_nxt - tcb->last_ack_sent;
    uint32_t full = tcb->peer_full;

    quickack_received(tcb, full);
    if (owed >= 2 * full || quickack_is_on(tcb))
        tcb_ack_now(tcb);
    else if (!tcp_timer_is_set(tcb, TCP_TIMER_DELAYED_ACK))
        delay_ack(tcb);
}

static void take_in_order(struct tcb *tcb, uint32_t len)
{
    tcb->rcv_nxt += len;
    rcvbuf_commit(&tcb->rcvbuf, len);
    tcb_trace(tcb, TRACE_TEXT, len, "delivered");
    acknowledge_text(tcb);
}

/* The first part of it that is there already: RFC 2883 4.2. */
static void note_duplicate(struct tcb *tcb, const struct tcp_segment *seg)
{
    tcp_seq end = seg->seq + seg->text_len;

    for (unsigned i = 0; i < tcb->reass.count; i++) {
        const struct reass_range *held = &tcb->reass.ranges[i];

        if (seq_leq(held->end, seg->seq))
            continue;
        if (seq_lt(held->start, end))
            sack_note_duplicate(tcb, seq_max(held->start, seg->seq),
                                seq_min(held->end, end));
        return;
    }
}

/* Text beyond a hole, or beside some: its range is noted, and what has become
 * contiguous is taken. RFC 5681 4.2: acknowledged at once, also the segment
 * that fills a hole. */
static int take_out_of_order(struct tcb *tcb, const struct tcp_segment *seg)
{
    struct memory *memory = tcb->tcp->env->memory;
    tcp_seq end = tcb->rcv_nxt;

    if (!tcb->sack_sender.has_dsack) /* of what lies before RCV.NXT */
        note_duplicate(tcb, seg);
    if (seg->seq == tcb->rcv_nxt) /* needs no range, and so never fails */
        end += seg->text_len;
    else if (reass_add(&tcb->reass, memory, seg->seq,
                       seg->seq + seg->text_len) < 0)
        return -ENOBUFS;
    end = reass_advance(&tcb->reass, memory, end);
    sack_note_arrival(tcb, seg->seq);
    if (end != tcb->rcv_nxt)
        tcb->out_of_order_acks = 0;
    else if (tcb->out_of_order_acks < UINT8_MAX)
        tcb->out_of_order_acks++;
    if (end == tcb->rcv_nxt) {
        tcb_trace(tcb, TRACE_TEXT, seg->text_len, "kept, out of order");
        tcb->tcp->stats.out_of_order++;
        tcb->counts.out_of_order++;
    } else {
        tcb_trace(tcb, TRACE_TEXT, end - tcb->rcv_nxt,
                  "delivered, with what waited");
        tcb->last_text = tcb->tcp->env->now;
    }
    rcvbuf_commit(&tcb->rcvbuf, end - tcb->rcv_nxt);
    tcb->rcv_nxt = end;
    tcb_ack_now(tcb);
    return 0;
}

static int put_text(struct tcb *tcb, const struct tcp_segment *seg)
{
    int result =
        rcvbuf_put(&tcb->rcvbuf, tcb->tcp->env->memory, seg->seq - tcb->rcv_nxt,
                   seg->frame, seg->text_at, seg->text_len);

    if (result < 0)
        return result;
    if (seg->seq != tcb->rcv_nxt || !reass_is_empty(&tcb->reass)) {
        expect_no_more(tcb);
        return take_out_of_order(tcb, seg);
    }
    take_in_order(tcb, seg->text_len);
    expect_more(tcb, seg);
    return 0;
}

/* The peer hears at once how far it has come, or of the hole (RFC 5681 4.2). */
static int put_part(struct tcb *tcb, const struct tcp_segment *seg,
                    uint32_t text_len)
{
    struct tcp_segment part = *seg;

    part.text_len = text_len;
    tcb_ack_now(tcb);
    return text_len > 0 ? put_text(tcb, &part) : -ENOBUFS;
}

/* What there is no memory for is not kept. */
static int store_text(struct tcb *tcb, const struct tcp_segment *seg)
{
    uint32_t admitted =
        tcp_memory_admits_text(tcb, seg->seq - tcb->rcv_nxt, seg->text_len);
    int result = admitted < seg->text_len ? put_part(tcb, seg, admitted)
                                          : put_text(tcb, seg);

    tcp_memory_out_of_order_changed(tcb);
    return result;
}

/* Its program has closed it, or has shut both ways; with one of them shut it
 * may still look at what comes, as in Linux. */
static bool nobody_reads(const struct tcb *tcb)
{
    bool shut_both = tcb->is_receive_shut && (tcb->state == TCPS_FIN_WAIT_1 ||
                                              tcb->state == TCPS_FIN_WAIT_2);

    return shut_both || (tcb->owner == NULL && tcb->listener == NULL);
}

/* RFC 9293 3.6.1: the peer should know. */
static bool refuse_text(struct tcb *tcb, const struct tcp_segment *seg)
{
    if (!nobody_reads(tcb))
        return false;
    drop_segment(tcb, seg, DROP_TCP_AFTER_CLOSE);
    tcp_send_reset(tcb);
    tcb_fail(tcb, ECONNRESET);
    return true;
}

bool process_text(struct tcb *tcb, const struct tcp_segment *seg)
{
    tcp_seq before = tcb->rcv_nxt;

    if (seg->len > 0 && !tcb_can_receive(tcb)) { /* the peer has sent FIN:
                                                    "ignore the text" */
        drop_segment(tcb, seg, DROP_TCP_BAD_FIN);
        return true;
    }
    if (seg->text_len == 0)
        return true;
    if (refuse_text(tcb, seg))
        return false;
    if (tcb->has_rcv_fin && seq_gt(seg->seq + seg->text_len, tcb->rcv_fin)) {
        drop_segment(tcb, seg, DROP_TCP_BAD_FIN);
        return false;
    }
    note_size(tcb, seg);
    if (store_text(tcb, seg) < 0) {
        drop_segment(tcb, seg, DROP_TCP_NO_BUFFER);
        return false;
    }
    if (tcb->settings.stamps_text)
        tcp_extra_note_arrival(tcb, before);
    else
        tcp_extra_tidy(tcb);
    autotune_arrived(tcb, seg);
    tcb->counts.bytes_received += tcb->rcv_nxt - before;
    tcb_notify(tcb);
    return true;
}

/* ---- Eighth: check the FIN bit ----------------------------------------- */

static void peer_has_closed(struct tcb *tcb)
{
    tcb->rcv_nxt++; /* FIN takes one number, RFC 9293 3.4 */
    tcb_ack_now(tcb);
    if (tcb->state == TCPS_ESTABLISHED)
        tcb_set_state(tcb, TCPS_CLOSE_WAIT);
    else if (tcb->state == TCPS_FIN_WAIT_1)
        tcb_set_state(tcb, TCPS_CLOSING);
    else if (tcb->state == TCPS_FIN_WAIT_2)
        enter_time_wait(tcb);
    tcb_notify(tcb);
}

void process_fin(struct tcb *tcb, const struct tcp_segment *seg)
{
    if (!tcb_can_receive(tcb)) /* it is known already */
        return;
    if ((seg->flags & SEG_FIN) && !tcb->has_rcv_fin) {
        tcb->has_rcv_fin = true;
        tcb->rcv_fin = segment_end(seg) - 1;
        tcb_ack_now(tcb); /* also one out of order: RFC 5681 4.2 */
    }
    if (tcb->has_rcv_fin && tcb->rcv_nxt == tcb->rcv_fin)
        peer_has_closed(tcb);
}
