/*
 * The steps of SEGMENT ARRIVES, RFC 9293 3.10.7.4, in its order; tcp_input is
 * their table of contents. Each returns whether the next one is to follow.
 */
#ifndef TAPIR_TCP_STEPS_H
#define TAPIR_TCP_STEPS_H

#include "tcp/tcb.h"

/* First: acceptable, and trimmed to what is new and inside the window. */
bool accept_sequence(struct tcb *tcb, struct tcp_segment *seg);
/* What it would refuse, without a word, of a synchronized state: why; or
 * DROP_NONE. */
enum drop_reason sequence_is_wrong(const struct tcb *tcb,
                                   const struct tcp_segment *seg);
/* Second. */
bool rst_is_believed(const struct tcp *tcp, const struct tcp_segment *seg,
                     tcp_seq rcv_nxt);
bool process_rst(struct tcb *tcb, const struct tcp_segment *seg);
/* Fourth. */
bool process_syn(struct tcb *tcb, const struct tcp_segment *seg);
/* Fifth. */
bool process_ack(struct tcb *tcb, const struct ip_packet *packet,
                 const struct tcp_segment *seg);
/* After the fifth: RFC 7323 4.3. */
void update_ts_recent(struct tcb *tcb, const struct tcp_segment *seg);
/* Sixth: tcp_urgent.c. */
void process_urg(struct tcb *tcb, const struct tcp_segment *seg);
/* Seventh. */
bool process_text(struct tcb *tcb, const struct tcp_segment *seg);
/* Eighth. */
void process_fin(struct tcb *tcb, const struct tcp_segment *seg);

/* The table of RFC 9293 3.10.7.4, for a window of `window` at `rcv_nxt`. */
bool segment_is_acceptable(const struct tcp_segment *seg, tcp_seq rcv_nxt,
                           uint32_t window);

/* SYN-RECEIVED, fifth: SEG.ACK is acceptable. */
void complete_handshake(struct tcb *tcb, const struct tcp_segment *seg);

/* What comes with a SYN that was taken: "continue at the sixth step". */
void process_after_syn(struct tcb *tcb, struct tcp_segment *seg);

/* Whether SEG.ACK acknowledges our SYN: SND.UNA < SEG.ACK =< SND.NXT. */
bool acknowledges_the_syn(const struct tcb *tcb, const struct tcp_segment *seg);

/* Cuts off what was received before and what lies beyond the window. */
void trim_to_window(struct tcb *tcb, struct tcp_segment *seg);

/* The TCB is closed, a record waits in its place: tcp_time_wait.h. */
void enter_time_wait(struct tcb *tcb);

/* Counts and traces; the segment ends here. */
void drop_segment(const struct tcb *tcb, const struct tcp_segment *seg,
                  enum drop_reason reason);

#endif
