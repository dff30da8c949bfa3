/*
 * The Transmission Control Block, RFC 9293 3.3.1: all that is known of one
 * connection, its state, its timers; and the tables in which it is found.
 * Fields bear the names of the RFCs.
 */
#ifndef TAPIR_TCP_TCB_H
#define TAPIR_TCP_TCB_H

#include "tcp/tcp.h"
#include "tcp/tcp_autotune.h"
#include "tcp/tcp_rcvbuf.h"
#include "tcp/tcp_sndbuf.h"
#include "tcp/tcp_cc.h"
#include "tcp/tcp_cwv.h"
#include "tcp/tcp_ecn.h"
#include "tcp/tcp_pacing.h"
#include "tcp/tcp_path_mtu.h"
#include "tcp/tcp_info.h"
#include "tcp/tcp_reass.h"
#include "tcp/tcp_scoreboard.h"
#include "tcp/tcp_segment.h"
#include "tcp/tcp_settings.h"

enum tcp_timer {
    TCP_TIMER_RETRANSMIT, /* RFC 6298; zero-window probes too: never both */
    TCP_TIMER_PROBE,      /* tail loss probe, RFC 8985 7.2 */
    TCP_TIMER_REORDER,    /* RFC 8985 6.2 step 5 */
    TCP_TIMER_PACING,     /* the next segment may go: tcp_pacing.h */
    TCP_TIMER_CONGESTED,  /* until then no new text: RFC 3168 6.1.2 */
    TCP_TIMER_DELAYED_ACK,
    TCP_TIMER_KEEPALIVE,
    TCP_TIMER_USER, /* RFC 9293 3.9.1.8: tcp_user_timeout.h */
    TCP_TIMER_IDLE, /* empty buffers give their memory back: tcp_rest.h */
    TCP_TIMER_END,  /* of FIN-WAIT-2 without a program */
    TCP_TIMER_COUNT
};

enum tcp_recovery_phase {
    RECOVERY_NONE,
    RECOVERY_FAST, /* between the first loss that was found and `recover` */
    RECOVERY_LOSS  /* after a time-out: all is sent again, slowly */
};

enum { SACK_RECENT = 4 };
/* Until more is known: RFC 9293 3.7.1 MUST-15. */
enum { DEFAULT_MSS = 536 };

/* What our next SACK options tell: see tcp_sack.h. */
struct sack_sender {
    tcp_seq recent[SACK_RECENT]; /* in the blocks that were added to last */
    struct sack_block dsack;
    uint8_t recent_count;
    bool has_dsack;
};

/* RFC 8985 5.3, by its names without the prefix. */
struct rack {
    usec newest_sent_at; /* xmit_ts */
    tcp_seq newest_end;  /* end_seq */
    tcp_seq fack;
    usec rtt;
    usec min_rtt; /* USEC_NEVER: none yet */
    usec min_rtt_at;
    tcp_seq dsack_round;
    uint8_t reo_wnd_mult;
    uint8_t reo_wnd_persist;
    bool has_dsack_round;
    bool reordering_seen;
};

/* RFC 8985 5.3, the tail loss probe's. */
struct tlp {
    tcp_seq end_seq; /* while is_out */
    bool is_out;
    bool is_resent;  /* is_retrans */
    bool is_due;     /* tcp_output will send it */
    bool has_sample; /* the RTT was measured since the last probe */
};

/* RFC 9937 6, by its names without the prefix. */
struct prr {
    uint32_t delivered;
    uint32_t out;
    uint32_t recover_flight; /* RecoverFS */
    uint32_t duplicates; /* without SACK: bytes that duplicate ACKs have told
                            of, and SND.UNA not yet */
};

/* What tells whether a recovery was right: see tcp_undo.h. The window as it was
 * before is congestion control's to remember. */
struct undo {
    uint32_t stamp;       /* RetransmitTS (RFC 3522), if has_stamp: of the first
                             retransmission, that of the oldest segment */
    uint32_t resent;      /* bytes */
    uint32_t unexplained; /* of these, bytes that no D-SACK has told of */
    tcp_seq first;        /* of what was sent again, while resent > 0 */
    tcp_seq end;
    tcp_seq until; /* while is_over: D-SACKs come before this is acknowledged */
    bool is_over;
    bool has_stamp;
    bool is_possible;
    bool is_of_timeout; /* not of a fast recovery */
};

enum frto_step { FRTO_IDLE, FRTO_STEP_2, FRTO_STEP_3 };

/* RFC 5682 3.1 */
struct frto {
    tcp_seq resent_end;     /* of what the time-out has sent again */
    tcp_seq recovery_point; /* in step 3: all that was sent before it */
    enum frto_step step;    /* whose ACK is awaited */
};

/* A local port in use, and by whom: see tcp_port.h. */
struct tcp_port;

/* What few have: see tcp_extra.h. */
struct tcp_extra;

/* See tcp_ends.h. */
struct tcp_ends;

struct tcb {
    struct hash_node node; /* in tcp->connections, while is_connected */
    struct list all_node;
    struct list output_node; /* in tcp->output: marked */
    struct list end_node;    /* in tcp->reaped, or in tcp->tired */
    struct list port_node;   /* among those that are bound to the port */
    struct list holder_node; /* in tcp->memory, with text out of order */
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
    tcp_seq snd_up;       /* SND.UP, if above SND.UNA: tcp_urgent.h */
    tcp_seq snd_small;    /* the end of the last segment below Eff.snd.MSS */
    uint32_t max_snd_wnd; /* the largest the peer has offered: MAX.SND.WND */
    struct sndbuf sndbuf;
    uint16_t snd_mss;  /* Eff.snd.MSS (RFC 9293 3.7.1): text of a segment */
    uint16_t peer_mss; /* SendMSS */
    uint16_t user_mss; /* TCP_MAXSEG; 0: none */
    uint8_t snd_wscale;
    struct tcp_path_mtu path_mtu;

    /* Receive sequence space. */
    tcp_seq irs;
    tcp_seq rcv_nxt;
    tcp_seq rcv_adv;       /* the right edge of the window that was offered */
    tcp_seq last_ack_sent; /* RFC 7323 4.3 Last.ACK.sent */
    tcp_seq rcv_fin;       /* where the FIN is, once has_rcv_fin */
    tcp_seq rcv_up;        /* RCV.UP, while is_urgent */
    struct rcvbuf rcvbuf;
    struct reass reass;
    struct sack_sender sack_sender;
    uint16_t rcv_mss;     /* what we announced: RMSS */
    uint16_t peer_full;   /* text of the peer's full segments, as it looks */
    uint16_t peer_last;   /* and of its last segment */
    uint8_t holder_class; /* while in tcp->memory */
    uint8_t rcv_wscale;
    struct tcp_autotune autotune; /* of both buffers' limits */

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
    usec rtt_start; /* our SYN went out, while rtt_is_timing */
    /* RFC 4015 3.1 (0), (11): while rtt_adapts, from a spurious time-out to the
     * first sample of what is sent from rtt_new on */
    usec srtt_prev;
    usec rttvar_prev;
    tcp_seq rtt_new;
    usec rtt_error;    /* the largest of this round, */
    tcp_seq rtt_round; /* which ends when this is acknowledged */
    uint8_t backoff;   /* expiries since the last good sample (Karn) */
    uint8_t retries;   /* expiries since the peer was last heard: R2 */
    uint8_t probes;    /* keepalive probes without an answer */
    uint8_t syn_resends;

    /* RFC 5681, 6582; tcp_recovery and the algorithm */
    const struct tcp_cc_ops *cc;
    union tcp_cc_state cc_state;
    uint32_t cwnd;
    uint32_t ssthresh;
    uint32_t bytes_acked; /* towards the next increase, RFC 3465 2.1 */
    tcp_seq recover;
    usec reduced_at;         /* the window, within `phase` */
    struct scoreboard board; /* what is outstanding */
    struct delivery_rate rate;
    struct pacing pacing;
    struct rack rack;
    struct tlp tlp;
    struct prr prr;
    struct undo undo;
    struct ecn ecn;
    struct frto frto;
    struct cwv cwv;
    enum tcp_recovery_phase phase;
    uint16_t duplicate_acks;
    uint8_t out_of_order_acks; /* duplicate ACKs that we owe */
    usec last_sent;            /* data: for RFC 5681 4.1 */
    usec last_heard;           /* any segment: for keepalive */
    usec last_text;            /* that came: tcp_quickack.h */

    struct tcp_settings settings;
    uint32_t peer_user_timeout; /* seconds; 0: the peer has not told one */
    struct tcp_counts counts;
    struct tcp_extra *extra; /* NULL: none */

    struct fast_open_server *fast_open_server; /* LISTEN */
    struct fast_open_request *fast_open; /* SYN-RECEIVED: text comes and goes
                                            already; tcp_fast_open.h */

    struct tcb *listener;     /* of a child that is not yet accepted */
    struct list half_open;    /* LISTEN: records, see tcp_half_open.h */
    struct list accept_queue; /* LISTEN: to be accepted, oldest first */
    struct list child_node;
    uint32_t backlog;
    uint32_t accept_count;
    uint32_t half_open_count;

    int error;      /* pending, positive */
    int soft_error; /* what ICMP said, if the connection fails for it */
    struct tcp_tally challenges;   /* RFC 5961 7: tcp_challenge.h */
    struct tcp_tally limited_acks; /* likewise */
    uint8_t ttl;
    uint8_t tos;
    uint8_t quick_acks;    /* ACKs that are still not delayed */
    bool is_connected : 1; /* in tcp->connections */
    bool is_reaped : 1;
    bool is_unfinished : 1; /* counted in tcp->unfinished */
    bool has_timestamps : 1;
    bool has_window_scale : 1;
    bool has_sack : 1; /* both ends: RFC 2018 2 */
    bool has_rcv_fin : 1;
    bool fin_is_queued : 1; /* our FIN follows the last byte written */
    bool resend_syn : 1;
    bool ack_now : 1;
    bool rtt_is_timing : 1;
    bool rtt_adapts : 1;
    bool is_probing : 1; /* the window is shut: RETRANSMIT is the persist
                            timer (RFC 9293 3.8.6.1) */
    bool probe_is_due : 1;
    bool resend_first : 1; /* whatever cwnd says: what is lost, RFC 6298 5.4 */
    bool is_cwnd_limited : 1; /* cwnd, not the program, held output back */
    bool had_partial_ack : 1;
    bool was_lost_since : 1; /* something that was sent after reduced_at */
    bool dsack_was_seen : 1; /* the peer sends them: RFC 3522 3.2 (5) */
    bool is_paced : 1;       /* output is spread over the round trip */
    bool cc_is_chosen : 1;   /* by the program; else it is the stack's */
    bool nodelay : 1;
    bool keepalive : 1;
    bool reuse_addr : 1;
    bool reuse_port : 1;
    bool is_receive_shut : 1;
    bool is_interactive : 1;  /* our text carries the ACKs: tcp_quickack.h */
    bool more_follows : 1;    /* MSG_MORE: the last write is no end */
    bool is_pushed : 1;       /* what was written goes, full segment or not */
    bool is_urgent : 1;       /* the reader has not passed the mark, RCV.UP */
    bool urgent_was_read : 1; /* its octet, out of band */

    bool user_timeout_is_due : 1; /* our option, with the next segment */

    /* tcp_fast_open.h */
    bool connect_is_deferred : 1; /* the SYN waits for the first text */
    bool fast_open_wanted : 1;    /* by the program, for the SYN to come */
    bool fast_open_tried : 1;     /* our SYN had the option, or text */
    bool fast_open_asks : 1;      /* it asked for a cookie */
    bool syn_has_text : 1;        /* ours, the first time */
    bool syn_text_was_taken : 1;  /* ours, or by us */
    bool was_fast_opened : 1;     /* FastOpened, RFC 7413 4.2: a server's */
    bool gives_cookie : 1;        /* in the SYN,ACK to come */
    uint8_t fast_open_fail;       /* enum tcp_fast_open_fail */
};

/* A TCB in CLOSED; NULL without memory or above max_connections. */
MUST_CHECK struct tcb *tcb_create(struct tcp *tcp, void *owner);
/* The same, for a connection that has its number already. */
MUST_CHECK struct tcb *tcb_create_numbered(struct tcp *tcp, void *owner,
                                           uint32_t number);
/* One in the caller's hands, which no table, list or limit knows. */
void tcb_init(struct tcb *tcb, struct tcp *tcp);

/* Its places in lists, of which it is in none. */
void tcb_init_links(struct tcb *tcb);

/* For tcp_rest.c: it is gone from memory and from all tables, and its
 * connection, which still counts, is not over; and it is there again. */
void tcb_leave(struct tcb *tcb);
void tcb_enter(struct tcb *tcb);

/*
 * CLOSED: timers, buffers and tables let go of it. If it has no owner either
 * it is freed when the pass ends; until then it may still be looked at.
 */
void tcb_close(struct tcb *tcb);
/* The owner lets go. */
void tcb_release(struct tcb *tcb);
/* Frees those that nobody has any more. */
void tcb_reap(struct tcp *tcp);

/* An event of the connection: who it is, and how it stands. */
struct trace_event tcb_event(const struct tcb *tcb, enum trace_kind kind);
/* The same, told, if anybody listens: `text` is static. */
void tcb_trace(const struct tcb *tcb, enum trace_kind kind, size_t len,
               const char *text);

void tcb_set_state(struct tcb *tcb, enum tcp_state state);
/* Our FIN is queued: from ESTABLISHED to FIN-WAIT-1, from CLOSE-WAIT to
 * LAST-ACK; elsewhere nothing happens. */
void tcb_enter_closing(struct tcb *tcb);

/* Makes the connection known by its two ends. -EADDRINUSE: there is one. */
MUST_CHECK int tcb_connect_ends(struct tcb *tcb, const struct endpoint *local,
                                const struct endpoint *remote);
struct tcb *tcb_find(struct tcp *tcp, const struct tcp_ends *ends);
/* Whether there is no connection with these ends, of whatever kind. */
bool tcb_ends_are_free(struct tcp *tcp, const struct endpoint *local,
                       const struct endpoint *remote);

/* The connection ends by an error (positive), which the program will see. */
void tcb_fail(struct tcb *tcb, int error);

/* Tells the owner, if there is one, that something has changed. */
void tcb_notify(struct tcb *tcb);

/* Marks: the flush will call tcp_output. */
void tcb_mark_output(struct tcb *tcb);
/* Marks, and an ACK goes even if nothing else is to be sent. */
void tcb_ack_now(struct tcb *tcb);

/* Each segment asks these many times. */

/* The sequence number that our FIN has or will have. */
static inline tcp_seq tcb_fin_seq(const struct tcb *tcb)
{
    return sndbuf_end(&tcb->sndbuf);
}

/* Whether our FIN has been sent, or acknowledged. */
static inline bool tcb_fin_is_sent(const struct tcb *tcb)
{
    return tcb->fin_is_queued && seq_gt(tcb->snd_nxt, tcb_fin_seq(tcb));
}

static inline bool tcb_fin_is_acked(const struct tcb *tcb)
{
    return tcb->fin_is_queued && seq_gt(tcb->snd_una, tcb_fin_seq(tcb));
}

/* Bytes written that have never been sent. */
static inline uint32_t tcb_unsent(const struct tcb *tcb)
{
    tcp_seq end = sndbuf_end(&tcb->sndbuf);

    return seq_lt(tcb->snd_nxt, end) ? end - tcb->snd_nxt : 0;
}

/* SND.NXT - SND.UNA */
static inline uint32_t tcb_flight_size(const struct tcb *tcb)
{
    return tcb->snd_nxt - tcb->snd_una;
}

/* ESTABLISHED or later: both SYNs are acknowledged. */
static inline bool tcb_is_synchronized(const struct tcb *tcb)
{
    return tcb->state >= TCPS_ESTABLISHED;
}

/* SYN-RECEIVED, but text may come and go: RFC 7413 4.2.2. */
static inline bool tcb_is_fast_open(const struct tcb *tcb)
{
    return tcb->state == TCPS_SYN_RECEIVED && tcb->fast_open != NULL;
}

/* The peer may still send text: ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2; or it has
 * sent some with its SYN. */
static inline bool tcb_can_receive(const struct tcb *tcb)
{
    return tcb->state == TCPS_ESTABLISHED || tcb->state == TCPS_FIN_WAIT_1 ||
           tcb->state == TCPS_FIN_WAIT_2 || tcb_is_fast_open(tcb);
}

/* RCV.WND: what is left of the window that was last offered. There may be more
 * space by now, but the peer does not know of it. */
static inline uint32_t tcb_receive_window(const struct tcb *tcb)
{
    return seq_gt(tcb->rcv_adv, tcb->rcv_nxt) ? tcb->rcv_adv - tcb->rcv_nxt : 0;
}

/* Eff.snd.MSS anew, after the peer's MSS, the path's MTU or an option. */
void tcb_update_mss(struct tcb *tcb, unsigned mtu);
/* The MTU of the path to the remote end, and that of our link to it. */
unsigned tcb_path_mtu(const struct tcb *tcb);
unsigned tcb_link_mtu(const struct tcb *tcb);

/* The 1 ms clock of the timestamp option, RFC 7323 5.4, with our offset. */
uint32_t tcb_timestamp(const struct tcb *tcb);

/* What always holds of a TCB; for tests, after every event. */
void tcb_check(const struct tcb *tcb);

#endif
