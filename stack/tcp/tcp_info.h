/*
 * STATUS, RFC 9293 3.9.1.6: all that is known of a connection, for TCP_INFO
 * and for whoever wants to show it; and the counts behind it, which every
 * connection has (the names of RFC 4898 where it has one).
 */
#ifndef TAPIR_TCP_INFO_H
#define TAPIR_TCP_INFO_H

#include "tcp/tcp.h"

struct tcp_segment;

/* What keeps a connection that has something to deliver from going faster. */
enum tcp_limit {
    TCP_LIMIT_NOTHING_TO_SEND,
    TCP_LIMIT_PATH,           /* the congestion window, or the wire itself */
    TCP_LIMIT_RECEIVE_WINDOW, /* the peer's */
    TCP_LIMIT_SEND_BUFFER,    /* ours: the program would write more */
    TCP_LIMIT_COUNT
};

struct tcp_counts {
    uint64_t bytes_sent; /* text, also what was sent again */
    uint64_t bytes_resent;
    uint64_t bytes_acked;
    uint64_t bytes_received; /* in order */
    uint32_t segments_in;
    uint32_t segments_out;
    uint32_t text_segments_in;
    uint32_t text_segments_out;
    uint32_t segments_resent;
    uint32_t segments_delivered; /* by SND.UNA or SACK, and what D-SACKs tell
                                    of; in struct tcp_status_info the SYN too */
    uint32_t segments_marked;    /* of these, by ACKs with ECE: RFC 3168 */
    uint32_t out_of_order;
    uint32_t min_rtt; /* usec; 0: no sample yet */
    uint32_t dsacks;  /* segments that came twice: RFC 2883 */
    uint32_t reorderings;
    uint32_t limited_ms[TCP_LIMIT_COUNT];
    uint32_t limited_since; /* ms of stack time */
    uint16_t reordering;    /* segments: how far it has gone; 0: not yet */
    uint8_t limit;          /* enum tcp_limit */
};

/* Recovery as the kernel's tools name it. */
enum tcp_recovery_state {
    TCP_RECOVERY_OPEN,
    TCP_RECOVERY_DISORDER, /* duplicate ACKs came, nothing is taken for lost */
    TCP_RECOVERY_REDUCED,  /* cwnd is smaller for another reason than loss */
    TCP_RECOVERY_FAST,
    TCP_RECOVERY_TIMED_OUT
};

/* Why a client's Fast Open was none; the numbers are Linux's. */
enum tcp_fast_open_fail {
    TCP_FAST_OPEN_UNSPECIFIED,
    TCP_FAST_OPEN_NO_COOKIE,
    TCP_FAST_OPEN_TEXT_NOT_ACKED,
    TCP_FAST_OPEN_SYN_RESENT
};

/* Times in usec, sizes in bytes unless another unit is named. */
struct tcp_status_info {
    enum tcp_state state;
    enum tcp_recovery_state recovery;
    unsigned timeouts; /* in a row */
    unsigned probes;   /* without an answer */
    unsigned backoff;
    bool has_timestamps;
    bool has_window_scale;
    bool has_sack;
    bool has_ecn;
    bool has_ecn_seen; /* text has come that is ECN-capable */
    bool has_syn_text; /* it was taken: RFC 7413 */
    bool was_fast_opened;
    enum tcp_fast_open_fail fast_open_fail;
    bool is_app_limited;
    unsigned snd_wscale;
    unsigned rcv_wscale;
    usec rto;
    usec delayed_ack; /* the delay in force; 0: no text has come */
    usec srtt;
    usec rttvar;
    usec min_rtt;
    usec rcv_rtt;
    unsigned snd_mss;
    unsigned rcv_mss;    /* what the peer may send */
    unsigned advertised; /* our MSS, without the timestamps in each segment */
    unsigned path_mtu;
    uint32_t unacked; /* segments */
    uint32_t sacked;
    uint32_t lost;   /* those sent again included, until they are delivered */
    uint32_t resent; /* of those in flight */
    uint32_t reordering; /* segments that may arrive later than the next */
    uint32_t cwnd;       /* segments */
    uint32_t ssthresh;
    bool has_ssthresh;
    usec peer_user_timeout; /* that the peer has told, RFC 5482; 0: none */
    usec since_sent;        /* the last text */
    usec since_received;
    usec since_ack;
    uint32_t rcv_ssthresh; /* the window that we may offer */
    uint32_t rcv_space;    /* the receive buffer */
    uint32_t snd_wnd;
    uint32_t unsent;
    uint32_t accept_count; /* LISTEN: waiting; and at most */
    uint32_t backlog;
    uint64_t pacing_rate; /* bytes a second; UINT64_MAX: not paced */
    uint64_t max_pacing_rate;
    uint64_t delivery_rate;   /* 0: not measured */
    struct tcp_counts counts; /* limited_ms up to now */
};

/* Fills in all of it. */
void tcp_status_info(const struct tcb *tcb, struct tcp_status_info *out);

/* ---- For TCP itself ----------------------------------------------------- */

void info_segment_in(struct tcb *tcb, const struct tcp_segment *seg);
/* Before SND.NXT moves: so it is seen what is sent again. */
void info_segment_out(struct tcb *tcb, const struct tcp_segment *seg);
void info_acked(struct tcb *tcb, uint32_t acked);
/* By this ACK, SND.UNA up to date: so many bytes, by SND.UNA and by SACK. */
void info_delivered(struct tcb *tcb, const struct tcp_segment *ack,
                    uint32_t len);
/* By this ACK so many bytes have come twice. */
void info_dsack(struct tcb *tcb, const struct tcp_segment *ack, uint32_t len);
/* What was sent later has arrived earlier: by so many bytes, if that is known.
 */
void info_reordering(struct tcb *tcb, uint32_t distance);
void info_rtt(struct tcb *tcb, usec rtt);
/* After output: what the connection waits for from now on. */
void info_watch_limit(struct tcb *tcb);

#endif
