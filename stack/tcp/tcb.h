/*
 * The Transmission Control Block, RFC 9293 3.3.1: all that is known of one
 * connection, its state, its timers; and the tables in which it is found.
 * Fields bear the names of the RFCs.
 */
#ifndef TAPIR_TCP_TCB_H
#define TAPIR_TCP_TCB_H

#include "tcp/tcp.h"
#include "tcp/tcp_buffer.h"
#include "tcp/tcp_cc.h"
#include "tcp/tcp_reass.h"
#include "tcp/tcp_segment.h"

enum tcp_timer {
    TCP_TIMER_RETRANSMIT, /* RFC 6298; zero-window probes too: never both */
    TCP_TIMER_DELAYED_ACK,
    TCP_TIMER_KEEPALIVE,
    TCP_TIMER_IDLE, /* empty buffers give their memory back */
    TCP_TIMER_END,  /* of TIME-WAIT, or of FIN-WAIT-2 without a program */
    TCP_TIMER_COUNT
};

enum tcp_recovery_phase {
    RECOVERY_NONE,
    RECOVERY_FAST, /* RFC 6582: between a third duplicate ACK and `recover` */
    RECOVERY_LOSS  /* after a time-out: all is sent again, slowly */
};

/* A local port in use, and by whom: see tcp_port.h. */
struct tcp_port;

struct tcb {
    struct hash_node node; /* in tcp->connections, while is_connected */
    struct list all_node;
    struct list output_node; /* in tcp->output: marked */
    struct list end_node;    /* in tcp->time_wait, then in tcp->reaped */
    struct list port_node;   /* among those that are bound to the port */
    struct tcp *tcp;
    struct tcp_port *port;
    void *owner; /* the socket; NULL: its program has let go, or not yet got
                    hold of it */
    struct endpoint local;
    struct endpoint remote;
    uint32_t number; /* for the trace: no other connection has had it */
    enum tcp_state state;

    /* Send sequence space, RFC 9293 3.3.1. SND.NXT is never taken back: what
     * is to be sent again is recovery's affair. */
    tcp_seq iss;
    tcp_seq snd_una;
    tcp_seq snd_nxt;
    uint32_t snd_wnd; /* scaled */
    tcp_seq snd_wl1;
    tcp_seq snd_wl2;
    tcp_seq snd_small;    /* the end of the last segment below Eff.snd.MSS */
    uint32_t max_snd_wnd; /* the largest the peer has offered: MAX.SND.WND */
    struct sndbuf sndbuf;
    uint16_t snd_mss;  /* Eff.snd.MSS (RFC 9293 3.7.1): text of a segment */
    uint16_t peer_mss; /* SendMSS */
    uint16_t user_mss; /* TCP_MAXSEG; 0: none */
    uint16_t path_mtu; /* what ICMP has told of the path; 0: nothing */
    uint8_t snd_wscale;

    /* Receive sequence space. */
    tcp_seq irs;
    tcp_seq rcv_nxt;
    tcp_seq rcv_adv;       /* the right edge of the window that was offered */
    tcp_seq last_ack_sent; /* RFC 7323 4.3 Last.ACK.sent */
    tcp_seq rcv_fin;       /* where the FIN is, once has_rcv_fin */
    struct rcvbuf rcvbuf;
    struct reass reass;
    uint16_t rcv_mss; /* what we announced: RMSS */
    uint8_t rcv_wscale;

    /* RFC 7323 3, 4.3 */
    uint32_t ts_recent;
    usec ts_recent_at;
    uint32_t ts_offset;

    /* Timers: one in the wheel for all deadlines; it is moved only to earlier
     * times, and looks again when it fires too soon. */
    struct timer timer;
    usec due[TCP_TIMER_COUNT];

    /* RFC 6298; tcp_rtt */
    usec srtt;
    usec rttvar;
    usec rto;
    tcp_seq rtt_seq; /* this octet is timed, while rtt_is_timing */
    usec rtt_start;
    uint8_t backoff; /* expiries since the last good sample (Karn) */
    uint8_t retries; /* expiries since the peer was last heard: R2 */
    uint8_t probes;  /* keepalive probes without an answer */

    /* RFC 5681, 6582; tcp_recovery and the algorithm */
    const struct tcp_cc_ops *cc;
    uint32_t cwnd;
    uint32_t ssthresh;
    uint32_t bytes_acked; /* towards the next increase, RFC 3465 2.1 */
    tcp_seq recover;
    tcp_seq resend_next; /* [resend_next, resend_end) is to be sent again */
    tcp_seq resend_end;
    enum tcp_recovery_phase phase;
    uint16_t duplicate_acks;
    uint8_t out_of_order_acks; /* duplicate ACKs that we owe */
    usec last_sent;            /* data: for RFC 5681 4.1 */
    usec last_heard;           /* any segment: for keepalive */

    struct tcb *listener;     /* of a child that is not yet accepted */
    struct list children;     /* LISTEN: half-open, not yet to be accepted */
    struct list accept_queue; /* LISTEN: to be accepted, oldest first */
    struct list child_node;
    uint32_t backlog;
    uint32_t accept_count;
    uint32_t half_open_count;

    int error;      /* pending, positive */
    int soft_error; /* what ICMP said, if the connection fails for it */
    usec challenge_second;
    uint16_t challenge_count;
    uint8_t ttl;
    uint8_t tos;
    bool is_connected : 1; /* in tcp->connections */
    bool is_passive : 1;   /* came from LISTEN */
    bool is_reaped : 1;
    bool is_unfinished : 1; /* counted in tcp->unfinished */
    bool has_timestamps : 1;
    bool has_window_scale : 1;
    bool has_rcv_fin : 1;
    bool fin_is_queued : 1; /* our FIN follows the last byte written */
    bool resend_syn : 1;
    bool ack_now : 1;
    bool rtt_is_timing : 1;
    bool is_probing : 1; /* the window is shut: RETRANSMIT is the persist
                            timer (RFC 9293 3.8.6.1) */
    bool probe_is_due : 1;
    bool is_cwnd_limited : 1; /* cwnd, not the program, held output back */
    bool had_partial_ack : 1;
    bool was_syn_resent : 1;
    bool nodelay : 1;
    bool keepalive : 1;
    bool reuse_addr : 1;
    bool is_receive_shut : 1;
};

/* A TCB in CLOSED; NULL without memory or above max_connections. */
MUST_CHECK struct tcb *tcb_create(struct tcp *tcp, void *owner);

/*
 * CLOSED: timers, buffers and tables let go of it. If it has no owner either
 * it is freed when the pass ends; until then it may still be looked at.
 */
void tcb_close(struct tcb *tcb);
/* The owner lets go. */
void tcb_release(struct tcb *tcb);
/* Frees those that nobody has any more. */
void tcb_reap(struct tcp *tcp);

void tcb_set_state(struct tcb *tcb, enum tcp_state state);
/* Our FIN is queued: from ESTABLISHED to FIN-WAIT-1, from CLOSE-WAIT to
 * LAST-ACK; elsewhere nothing happens. */
void tcb_enter_closing(struct tcb *tcb);

/* Makes the connection known by its two ends. -EADDRINUSE: there is one. */
MUST_CHECK int tcb_connect_ends(struct tcb *tcb, const struct endpoint *local,
                                const struct endpoint *remote);
struct tcb *tcb_find(struct tcp *tcp, const struct endpoint *local,
                     const struct endpoint *remote);

/* The connection ends by an error (positive), which the program will see. */
void tcb_fail(struct tcb *tcb, int error);

/* Tells the owner, if there is one, that something has changed. */
void tcb_notify(struct tcb *tcb);

/* Marks: the flush will call tcp_output. */
void tcb_mark_output(struct tcb *tcb);
/* Marks, and an ACK goes even if nothing else is to be sent. */
void tcb_ack_now(struct tcb *tcb);

/* The sequence number that our FIN has or will have. */
tcp_seq tcb_fin_seq(const struct tcb *tcb);
/* Whether our FIN has been sent, or acknowledged. */
bool tcb_fin_is_sent(const struct tcb *tcb);
bool tcb_fin_is_acked(const struct tcb *tcb);
/* Bytes written that have never been sent. */
uint32_t tcb_unsent(const struct tcb *tcb);
/* SND.NXT - SND.UNA */
uint32_t tcb_flight_size(const struct tcb *tcb);
/* ESTABLISHED or later: both SYNs are acknowledged. */
bool tcb_is_synchronized(const struct tcb *tcb);
/* The peer may still send text: ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2. */
bool tcb_can_receive(const struct tcb *tcb);

/* RCV.WND: what is left of the window that was last offered. There may be more
 * space by now, but the peer does not know of it. */
uint32_t tcb_receive_window(const struct tcb *tcb);

/* Eff.snd.MSS anew, after the peer's MSS, the path's MTU or an option. */
void tcb_update_mss(struct tcb *tcb, unsigned mtu);
/* The MTU towards the remote end, by the route and by what ICMP told. */
unsigned tcb_path_mtu(const struct tcb *tcb);

/* The 1 ms clock of the timestamp option, RFC 7323 5.4, with our offset. */
uint32_t tcb_timestamp(const struct tcb *tcb);

/* What always holds of a TCB; for tests, after every event. */
void tcb_check(const struct tcb *tcb);

#endif
