/*
 * Half-open connections: a SYN has come to a listener, and our SYN,ACK is not
 * yet acknowledged. Anybody can send SYNs under any name (RFC 4987 2), so each
 * costs as little as can be: a record of its own, no TCB. It keeps what the
 * SYN has told; all else follows from that, from the listener, and from the
 * ISS that was chosen.
 *
 * This is SYN-RECEIVED after a passive open. A TCB is in SYN-RECEIVED only
 * after a simultaneous one, or by Fast Open (tcp_fast_open.h).
 */
#ifndef TAPIR_TCP_HALF_OPEN_H
#define TAPIR_TCP_HALF_OPEN_H

#include "tcp/tcb.h"
#include "tcp/tcp_ends.h"

enum { HALF_OPEN_CHALLENGES_MAX = 127 };

struct half_open {
    struct hash_node node;     /* in tcp->half_open */
    struct list queue_node;    /* in one of tcp->half_open_queues */
    struct list listener_node; /* in listener->half_open */
    struct tcb *listener;
    usec deadline;    /* of the SYN,ACK's retransmission */
    uint16_t mss;     /* SendMSS */
    uint16_t snd_wnd; /* of the SYN: not scaled */
    tcp_seq irs;
    tcp_seq iss;
    uint32_t ts_recent;
    uint32_t number;         /* for the trace, as a TCB's */
    uint8_t snd_wscale : 4;  /* of the peer; at most 14 */
    uint8_t rcv_wscale : 4;  /* ours, as the SYN,ACK has told it */
    uint8_t retries;         /* of the SYN,ACK, by its timer */
    uint8_t challenges : 7;  /* ACKs in answer to odd segments, since the
                                timer has fired */
    bool is_recorded : 1;    /* false: read from a SYN cookie, in no table */
    bool has_timestamps : 1; /* agreed on, as the next ones */
    bool has_window_scale : 1;
    bool sack_permitted : 1;
    bool ecn : 1;
    bool ecn_was_taken_back : 1; /* the SYN has come again, without */
    bool is_deferred : 1;      /* acknowledged, but without data: tcp_defer.h */
    bool gives_cookie : 1;     /* the next SYN,ACK: tcp_fast_open.h */
    bool was_resent : 1;       /* the SYN,ACK, for whatever reason */
    struct tcp_ends_kept ends; /* a record in memory ends with them */
};

/* A flood of SYNs costs us no more than 128 bytes for each, its place in the
 * hash table (8 to 16 bytes) included. */
enum { HALF_OPEN_SIZE_V4 = offsetof(struct half_open, ends.addrs) + 8 };
_Static_assert(HALF_OPEN_SIZE_V4 <= 112, "a half-open record is small");

MUST_CHECK int half_open_init(struct tcp *tcp);
void half_open_fini(struct tcp *tcp);

/* A SYN for a listener: a record, or a cookie, and a SYN,ACK; or a drop. */
void half_open_begin(struct tcb *listener, const struct ip_packet *packet,
                     const struct tcp_segment *seg);

/*
 * An ACK for a listener: whether it brings back a cookie of ours. If so,
 * `half` is as the record would be that was not made.
 */
bool half_open_from_cookie(struct tcb *listener, const struct ip_packet *packet,
                           const struct tcp_segment *seg,
                           struct half_open *half);

struct half_open *half_open_find(struct tcp *tcp, const struct tcp_ends *ends);

/* The listener ends: all are reset. */
void half_open_abandon(struct tcb *listener);

/* The same without a word: the stack ends. */
void half_open_forget(struct tcb *listener);

/* It is over; `half` is no more. */
void half_open_discard(struct half_open *half);
/* The same after RST, error or time-out: counted as a failed attempt. */
void half_open_fail(struct half_open *half);

void half_open_send_syn_ack(struct half_open *half);
void half_open_send_ack(const struct half_open *half);

/* A TCB in its place, with its number, still in SYN-RECEIVED and a child of
 * the listener; `half` is no more. NULL without memory: `half` stays. */
MUST_CHECK struct tcb *half_open_become_tcb(struct half_open *half);

/* ---- SEGMENT ARRIVES, RFC 9293 3.10.7.4, in tcp_syn_received.c --------- */

/* Each says whether the next step follows; if not `half` may be no more. */
/* First. */
bool half_open_accept_sequence(struct half_open *half,
                               const struct tcp_segment *seg);
/* Second. */
bool half_open_process_rst(struct half_open *half,
                           const struct tcp_segment *seg);
/* Fourth. */
bool half_open_process_syn(struct half_open *half,
                           const struct tcp_segment *seg);
/* Fifth: the connection, now in ESTABLISHED; NULL: nothing follows. */
struct tcb *half_open_process_ack(struct half_open *half,
                                  const struct ip_packet *packet,
                                  struct tcp_segment *seg);

#endif
