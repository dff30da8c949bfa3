/*
 * Urgent data, RFC 9293 3.8.5 as RFC 6093 reads it: the urgent pointer tells
 * the octet that follows the urgent data (MUST-62), and urgent data is a mark
 * in the stream, not a channel of its own. BSD's face of it is that of Linux:
 * the octet before the pointer is the "out-of-band" one. It lies in the
 * receive buffer like all others; a reader stops before it, and then goes on
 * behind it, unless the program wants it in line (SO_OOBINLINE), which RFC
 * 6093 6 asks of those who must use this at all.
 *
 * Only the newest mark is known, as 3.8.5 has it ("the update will be
 * invisible"): the octet of an older one stays in the stream.
 */
#ifndef TAPIR_TCP_URGENT_H
#define TAPIR_TCP_URGENT_H

#include "tcp/tcb.h"

/* ---- Sending ------------------------------------------------------------ */

/* What has been written so far ends with urgent data: SND.UP. */
void urgent_written(struct tcb *tcb);
/* Urgent data is not yet acknowledged: Nagle does not hold it back, and no
 * device cuts it, since all the pieces would get the same pointer. */
bool urgent_is_outstanding(const struct tcb *tcb);
/* URG and the pointer, where the segment (with its SEG.SEQ) needs them. */
void urgent_stamp(const struct tcb *tcb, struct tcp_segment *seg);

/* ---- Receiving ---------------------------------------------------------- */

/* How many unread bytes a reader gets: up to the mark. */
uint32_t urgent_readable(const struct tcb *tcb);
/* A reader begins: how many bytes it passes over, 1 at the mark. */
uint32_t urgent_to_skip(const struct tcb *tcb);
/* RCV.NXT or the reader has moved: a mark that was passed is no more. */
void urgent_forget_passed(struct tcb *tcb);
/* Whether the urgent octet can be read by tcp_receive_urgent. */
bool urgent_is_readable(const struct tcb *tcb);

#endif
