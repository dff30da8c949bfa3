/*
 * Selective acknowledgment, RFC 2018, and duplicate SACK, RFC 2883: what we
 * tell the peer of text out of order, and what it tells us.
 */
#ifndef TAPIR_TCP_SACK_H
#define TAPIR_TCP_SACK_H

#include "tcp/tcb.h"

/* ---- As the receiver ---- */

/* Text has come out of order, and is in tcb->reass: its block is reported
 * first, RFC 2018 4. */
void sack_note_arrival(struct tcb *tcb, tcp_seq seq);
/* [start, end) has come once more: RFC 2883 4. */
void sack_note_duplicate(struct tcb *tcb, tcp_seq start, tcp_seq end);

/* Whether the next segment will carry blocks, and how many. */
static inline bool sack_is_due(const struct tcb *tcb)
{
    return tcb->has_sack &&
           (tcb->reass.count > 0 || tcb->sack_sender.has_dsack);
}

unsigned sack_count(const struct tcb *tcb);
/* Puts them into the options; a duplicate is reported once. */
void sack_fill(struct tcb *tcb, struct tcp_options *options);

/* ---- As the sender ---- */

/* What an ACK's SACK option says about duplicates. */
struct sack_report {
    bool has_dsack;
    struct sack_block dsack;
};

/* Takes the blocks of an ACK into the scoreboard; those that cannot be are
 * ignored. SND.UNA is up to date. */
void sack_take(struct tcb *tcb, const struct tcp_segment *seg,
               struct delivery *delivery, struct sack_report *report);

/* RFC 6675 4 IsLost(): what has more than two segments' worth of selectively
 * acknowledged text above it, or three pieces of it; and the first segment
 * after three duplicate ACKs, RFC 6675 5 (1). The bytes newly lost. */
uint32_t sack_detect_losses(struct tcb *tcb);

#endif
