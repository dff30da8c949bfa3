/*
 * Explicit Congestion Notification, RFC 3168 6.1: a router marks a packet in
 * place of dropping it, the receiver echoes the mark (ECE), the sender answers
 * as to a loss, once for each window of data, and says so (CWR).
 */
#ifndef TAPIR_TCP_ECN_H
#define TAPIR_TCP_ECN_H

#include "ip/ip.h"
#include "tcp/tcp_segment.h"

struct tcb;

struct ecn {
    tcp_seq end;         /* while is_reduced */
    uint8_t holds;       /* in a row, of new text: see ecn_holds_back */
    bool is_agreed : 1;  /* what comes marked is echoed, an echo is heard */
    bool sets_ect : 1;   /* and what we send may be marked: 6.1.1 */
    bool seen : 1;       /* text has come that may be marked */
    bool echoes : 1;     /* CE has come, and no CWR since */
    bool cwr_is_due : 1; /* the window was reduced: new text will tell */
    bool is_reduced : 1; /* ... and what was sent since, from `end` on, is not
                            acknowledged: this window was answered for */
    bool by_echo : 1;    /* is_reduced: for a mark, and for no loss */
};

/* ---- 6.1.1: Initialization ---------------------------------------------- */

/* ECE and CWR of the SYN or SYN,ACK that goes next. */
uint8_t ecn_syn_flags(const struct tcb *tcb);
/* Whether it is what 6.1.1 calls an ECN-setup SYN. */
bool ecn_is_setup_syn(const struct tcp_segment *syn);
/* The peer's SYN or SYN,ACK: what is agreed. */
void ecn_take_syn(struct tcb *tcb, const struct tcp_segment *seg);

/* ---- 6.1.3: The Receiver ------------------------------------------------ */

/* A segment has passed the checks of the first to fifth step: only then do its
 * mark and its CWR count (6.1.5). */
void ecn_arrived(struct tcb *tcb, const struct tcp_segment *seg);

/* ---- 6.1.2: The Sender -------------------------------------------------- */

/* Before a segment that is no SYN is sent, SND.NXT still as before: its ECE and
 * CWR, and the ECN field of its packet. */
void ecn_stamp(struct tcb *tcb, struct tcp_segment *seg, struct ip_send *send);

/*
 * An acceptable ACK, which has moved SND.UNA up by `acked` bytes, after loss
 * recovery has seen it: if it echoes a mark the window is reduced. How many of
 * the bytes count for the growth of the window.
 */
uint32_t ecn_acknowledged(struct tcb *tcb, const struct tcp_segment *seg,
                          uint32_t acked);

/* In place of tcb->cc->lost: not a second time within one window of data. */
void ecn_reduce_for_loss(struct tcb *tcb, uint32_t flight);
/* The window was reduced for whatever reason: the peer will be told. */
void ecn_window_reduced(struct tcb *tcb);
/* That was wrong, and was undone. */
void ecn_reduction_undone(struct tcb *tcb);

/* Whether new text has to wait, for the timer TCP_TIMER_CONGESTED: a window of
 * one segment was still too much. */
bool ecn_holds_back(const struct tcb *tcb);

#endif
