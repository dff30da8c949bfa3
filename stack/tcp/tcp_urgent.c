#include "tcp/tcp_urgent.h"

#include "tcp/tcp_steps.h"

#include <errno.h>

/* ---- Sending ------------------------------------------------------------ */

void urgent_written(struct tcb *tcb)
{
    tcb->snd_up = sndbuf_end(&tcb->sndbuf);
    tcb_ack_now(tcb); /* the pointer goes also where the window lets no text */
}

bool urgent_is_outstanding(const struct tcb *tcb)
{
    return seq_gt(tcb->snd_up, tcb->snd_una);
}

/*
 * A pointer reaches 65,535 octets. Where the mark is further off, it is told
 * later, by a segment that is nearer; a pointer to somewhere between would
 * make a mark that nobody has set.
 */
void urgent_stamp(const struct tcb *tcb, struct tcp_segment *seg)
{
    uint32_t distance = tcb->snd_up - seg->seq;

    if (!urgent_is_outstanding(tcb) || seq_geq(seg->seq, tcb->snd_up) ||
        distance > UINT16_MAX || (seg->flags & SEG_RST))
        return;
    seg->flags |= SEG_URG;
    seg->urgent = (uint16_t)distance;
}

/* ---- Receiving ---------------------------------------------------------- */

static bool took_fin(const struct tcb *tcb)
{
    return tcb->has_rcv_fin && seq_gt(tcb->rcv_nxt, tcb->rcv_fin);
}

/* The first unread octet. */
static tcp_seq first_unread(const struct tcb *tcb)
{
    return tcb->rcv_nxt - took_fin(tcb) - rcvbuf_unread(&tcb->rcvbuf);
}

static bool is_at_mark(const struct tcb *tcb)
{
    return tcb->is_urgent && first_unread(tcb) == tcb->rcv_up - 1;
}

uint32_t urgent_readable(const struct tcb *tcb)
{
    uint32_t unread = rcvbuf_unread(&tcb->rcvbuf);

    if (!tcb->is_urgent || (is_at_mark(tcb) && tcb->settings.urgent_in_line))
        return unread;
    return min_u32(unread, tcb->rcv_up - 1 - first_unread(tcb));
}

uint32_t urgent_to_skip(const struct tcb *tcb)
{
    return is_at_mark(tcb) && !tcb->settings.urgent_in_line &&
                   rcvbuf_unread(&tcb->rcvbuf) > 0
               ? 1
               : 0;
}

void urgent_forget_passed(struct tcb *tcb)
{
    if (tcb->is_urgent && seq_geq(first_unread(tcb), tcb->rcv_up))
        tcb->is_urgent = false;
}

static bool octet_has_come(const struct tcb *tcb)
{
    return seq_geq(tcb->rcv_nxt, tcb->rcv_up);
}

bool urgent_is_readable(const struct tcb *tcb)
{
    return tcb->is_urgent && !tcb->urgent_was_read && octet_has_come(tcb);
}

bool tcp_is_at_mark(const struct tcb *tcb)
{
    return is_at_mark(tcb);
}

/* As Linux: this never waits, and says -EINVAL where there is nothing. */
ssize_t tcp_receive_urgent(struct tcb *tcb, uint8_t *octet)
{
    ssize_t done = tcp_peek_urgent(tcb, octet);

    if (done > 0)
        tcb->urgent_was_read = true;
    return done;
}

ssize_t tcp_peek_urgent(struct tcb *tcb, uint8_t *octet)
{
    uint32_t at = tcb->rcv_up - 1 - first_unread(tcb);

    if (tcb->state == TCPS_LISTEN)
        return -ENOTCONN;
    if (tcb->settings.urgent_in_line || !tcb->is_urgent || tcb->urgent_was_read)
        return -EINVAL;
    if (tcb->state == TCPS_CLOSED && !took_fin(tcb))
        return -ENOTCONN; /* as Linux, though it may be there */
    if (octet_has_come(tcb)) {
        rcvbuf_copy(&tcb->rcvbuf, at, octet, 1);
        return 1;
    }
    return tcb_can_receive(tcb) && !tcb->is_receive_shut ? -EAGAIN : 0;
}

/* ---- Sixth: check the URG bit ------------------------------------------- */

/* SEG.UP is not believed where no text of the peer's can be (RFC 9293 3.8.5:
 * "robust to invalid urgent pointer values"). */
static bool is_new_mark(const struct tcb *tcb, tcp_seq up)
{
    if (seq_leq(up, tcb->rcv_nxt)) /* that octet was received without it */
        return false;
    if (tcb->has_rcv_fin && seq_gt(up, tcb->rcv_fin))
        return false;
    return !tcb->is_urgent || seq_gt(up, tcb->rcv_up);
}

/*
 * RCV.UP <- max(RCV.UP, SEG.UP), and the program is told (MUST-32). SEG.UP
 * counts from the segment's number as it came, before it was trimmed; also one
 * whose text a shut window refuses may bring it (MUST-66).
 */
void process_urg(struct tcb *tcb, const struct tcp_segment *seg)
{
    tcp_seq up = seg->came_seq + seg->urgent;

    if (!(seg->flags & SEG_URG) || !tcb_can_receive(tcb) ||
        !is_new_mark(tcb, up))
        return;
    /* a reader that has stopped at the old mark has seen it: as Linux, the
     * octet there does not come back into the stream */
    rcvbuf_skip(&tcb->rcvbuf, urgent_to_skip(tcb));
    tcb->rcv_up = up;
    tcb->is_urgent = true;
    tcb->urgent_was_read = false;
    tcb_notify(tcb);
}
