/*
 * TIME-WAIT, RFC 9293 3.6.1: both sides have said all, and for 2 MSL our last
 * ACK may have to be said again, and old segments kept from a new connection.
 * For that no TCB is needed. A record takes its place at once; the TCB itself
 * is closed, whether or not a program still holds it: what has come can still
 * be read from it, as in Linux, and it is freed when it is let go.
 */
#ifndef TAPIR_TCP_TIME_WAIT_H
#define TAPIR_TCP_TIME_WAIT_H

#include "tcp/tcb.h"
#include "tcp/tcp_ends.h"

struct time_wait {
    struct hash_node node;  /* in tcp->time_wait_table */
    struct list queue_node; /* in tcp->time_wait: the next to end first */
    tcp_seq snd_nxt;
    tcp_seq rcv_nxt;
    uint32_t ts_recent;
    uint32_t deadline; /* in milliseconds, modulo 2^32 */
    uint32_t number;   /* for the trace, that of the TCB */
    uint16_t rcv_wnd;  /* as last offered, not scaled */
    uint8_t ttl;
    uint8_t tos;
    uint8_t challenges;     /* ACKs in answer to odd segments */
    uint8_t rcv_wscale : 4; /* at most 14 */
    bool has_timestamps : 1;
    bool reuse_addr : 1;
    bool reuse_port : 1;
    struct tcp_ends_kept ends; /* the record ends with them */
};

/* There may be many, of connections that are long over: 96 bytes for each, its
 * place in the hash table (8 to 16 bytes) and in the heap (8) included. */
enum { TIME_WAIT_SIZE_V4 = offsetof(struct time_wait, ends.addrs) + 8 };
_Static_assert(TIME_WAIT_SIZE_V4 <= 72, "a TIME-WAIT record is small");

MUST_CHECK int time_wait_init(struct tcp *tcp);
void time_wait_fini(struct tcp *tcp);

/* Also of one that may be reopened. */
struct time_wait *time_wait_find(struct tcp *tcp, const struct tcp_ends *ends);

/* RFC 9293 3.6.1, RFC 6191 2: a new SYN may take over what waits only for the
 * old connection's stragglers, if it is clearly newer. */
bool time_wait_may_reopen(const struct tcp *tcp, const struct time_wait *wait,
                          const struct tcp_segment *seg);

/* To CLOSED; `wait` is no more. */
void time_wait_end(struct tcp *tcp, struct time_wait *wait);

/* ---- SEGMENT ARRIVES, RFC 9293 3.10.7.4 --------------------------------- */

/* Each says whether the next step follows; if not `wait` may be no more. */
/* First. */
bool time_wait_accept_sequence(struct tcp *tcp, struct time_wait *wait,
                               const struct tcp_segment *seg);
/* Second. */
bool time_wait_process_rst(struct tcp *tcp, struct time_wait *wait,
                           const struct tcp_segment *seg);
/* Fourth. */
bool time_wait_process_syn(struct tcp *tcp, struct time_wait *wait,
                           const struct tcp_segment *seg);
/* Fifth. */
bool time_wait_process_ack(struct tcp *tcp, struct time_wait *wait,
                           const struct tcp_segment *seg);
/* Seventh. */
void time_wait_process_text(struct tcp *tcp, const struct tcp_segment *seg);
/* Eighth. */
void time_wait_process_fin(struct tcp *tcp, struct time_wait *wait,
                           const struct tcp_segment *seg);

#endif
