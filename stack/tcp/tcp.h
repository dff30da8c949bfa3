/*
 * TCP, RFC 9293: what the socket layer and stack.c see of it. The user calls
 * are those of RFC 9293 3.9.1 under their names there; none of them waits.
 *
 * Not implemented, on purpose: security and compartment (RFC 9293 3.10.7.4,
 * third step), which no host has used for decades.
 */
#ifndef TAPIR_TCP_TCP_H
#define TAPIR_TCP_TCP_H

#include "base/lent.h"
#include "ip/icmp.h"
#include "tcp/tcp_challenge.h"
#include "tcp/tcp_expect.h"
#include "tcp/tcp_fast_open_cache.h"
#include "tcp/tcp_fast_open_cookie.h"
#include "tcp/tcp_memory.h"

#include <sys/types.h>
#include <sys/uio.h>

struct tcb;
struct bpf_program;
struct error_queue;
struct tcp_cc_ops;

enum { TCP_CONGESTION_MAX = 16 }; /* a name with its NUL, as in Linux */

enum tcp_state {
    TCPS_CLOSED,
    TCPS_LISTEN,
    TCPS_SYN_SENT,
    TCPS_SYN_RECEIVED,
    TCPS_ESTABLISHED,
    TCPS_FIN_WAIT_1,
    TCPS_FIN_WAIT_2,
    TCPS_CLOSE_WAIT,
    TCPS_CLOSING,
    TCPS_LAST_ACK,
    TCPS_TIME_WAIT
};

/* "SYN-SENT": as RFC 9293 writes it. */
const char *tcp_state_name(enum tcp_state state);

/* ECN, RFC 3168: the numbers of Linux's tcp_ecn. */
enum tcp_ecn {
    TCP_ECN_OFF = 0,
    TCP_ECN_ASK = 1,    /* and answer */
    TCP_ECN_ANSWER = 2, /* who asks */
    TCP_ECN_MAX = 2
};

/* Who may use Fast Open: the bits and their numbers are those of Linux's
 * net.ipv4.tcp_fastopen. */
enum tcp_fast_open_bit {
    TCP_FAST_OPEN_CLIENT = 1,
    TCP_FAST_OPEN_SERVER = 2,
    TCP_FAST_OPEN_CLIENT_NO_COOKIE = 4, /* text without a cookie */
    TCP_FAST_OPEN_SERVER_NO_COOKIE = 0x200,
    TCP_FAST_OPEN_ALL_LISTENERS = 0x400, /* those that were not asked, too */
    TCP_FAST_OPEN_BITS = 0x607
};

/* The stack's settings. Each default is Linux's: see stack/tcp/README.md. */
struct tcp_config {
    usec rto_initial; /* RFC 6298 2.1 */
    usec rto_min;     /* not RFC 6298 2.4 */
    usec rto_max;
    usec delayed_ack;     /* RFC 9293 3.8.6.3: under 500 ms */
    usec msl2;            /* length of TIME-WAIT: 2 MSL */
    usec fin_wait_2;      /* of a connection that its program has closed */
    usec buffer_idle;     /* a buffer that is empty so long gives its memory
                             back, and so does an idle TCB */
    unsigned syn_retries; /* R2 for SYN, RFC 9293 3.8.3 */
    unsigned synack_retries;
    unsigned retries;        /* R2 for data */
    unsigned doubt_retries;  /* R1, of SYN and data: IP is told */
    unsigned orphan_retries; /* R2 when the program has closed */
    usec keepalive_idle;
    usec keepalive_interval;
    unsigned keepalive_probes;
    unsigned initial_window; /* segments, RFC 6928 */
    unsigned min_send_mss;   /* a smaller MSS would only multiply our work */
    unsigned quick_acks;     /* ACKs that are not delayed at the beginning; 0:
                                all are */
    uint32_t send_buffer;    /* bytes, the limit of each connection */
    uint32_t receive_buffer;
    bool buffer_tuning; /* both limits grow with what is used, see
                           tcp_autotune.h, up to these: */
    uint32_t send_buffer_max;
    uint32_t receive_buffer_max;
    bool place_text;     /* see tcp_expect.h */
    size_t memory_limit; /* of the whole stack, see tcp_memory.h; 0: that of
                            its struct memory */
    unsigned max_connections;
    unsigned max_half_open; /* of one listener */
    unsigned max_time_wait; /* at the limit the oldest ends; 0 is as 1 */

    /* RFC 5961 7, see tcp_challenge.h: so many in an interval, of one
     * connection and of all together (0: no such limit). */
    unsigned challenge_acks;
    unsigned challenge_acks_all;
    usec challenge_interval;
    /* Answers to unknown connections; 0: no limit. */
    unsigned resets_per_second;

    bool timestamps;       /* RFC 7323 3 */
    bool timestamp_offset; /* RFC 7323 5.4: begin elsewhere for each pair of
                              ends */
    bool sack;             /* RFC 2018; without it NewReno, RFC 6582 */
    bool dsack;            /* RFC 2883 */
    bool rest;             /* an idle connection has no TCB: tcp_rest.h */
    bool rack;             /* RFC 8985; without it RFC 6675 */
    bool tlp;              /* RFC 8985 7 */
    bool prr;              /* RFC 9937 */
    bool reduce_twice;     /* RFC 5681 4.3, of a retransmission that is lost */
    bool frto;             /* RFC 5682 */
    bool cwv;              /* RFC 7661 */
    bool slow_start_after_idle; /* RFC 5681 4.1 */
    bool limited_transmit;      /* RFC 3042 */
    bool rto_restart;           /* RFC 7765 */
    bool undo;           /* RFC 3522, 3708, 4015: what was no loss is undone */
    bool eifel;          /* RFC 3522: so the timestamps may show, too */
    bool window_scale;   /* RFC 7323 2 */
    bool pmtu_discovery; /* RFC 1191: DF, and ICMP is heard */
    bool black_hole_detection; /* RFC 4821: and silence, too */
    bool icmp_checks;          /* RFC 5927 4.1, 7.2: of what ICMP tells */
    bool rfc1337;              /* TIME-WAIT is not ended by an RST */
    bool rfc5961; /* RST and SYN in the window, old ACKs: who sends them is
                     challenged */
    bool time_wait_reuse; /* RFC 6191, RFC 9293 3.6.1: by a newer SYN */
    bool syn_cookies;     /* RFC 4987 3.6: above max_half_open */
    enum tcp_ecn ecn;
    bool ecn_fallback;   /* RFC 3168 6.1.1.1: a SYN that is sent again does not
                            ask */
    bool abe;            /* RFC 8511: a mark weighs less than a loss */
    uint16_t port_first; /* ephemeral ports, RFC 6056 */
    uint16_t port_last;
    /* Congestion control: the algorithm's name; of cubic, RFC 9406 and RFC
     * 9438 4.7. */
    char congestion[TCP_CONGESTION_MAX];
    bool byte_counting; /* RFC 3465, of reno; without it each ACK counts */
    bool pacing;        /* of those that have a window only; bbr always is */
    unsigned unpaced_segments; /* a connection's first ones leave at once */
    bool bbr_strict; /* its answer to losses is the draft's: see tcp_bbr.c */
    bool hystart;
    bool hystart_train;        /* trains of ACKs count, too: tcp_hystart.h */
    unsigned slow_start_limit; /* segments of an ACK that count, without pacing:
                                  L of RFC 9406 4.3; 0: all */
    bool cubic_fast_convergence;
    bool cubic_search; /* without a W_max cwnd grows by 1/20 in a round trip */
    /* RFC 7413, see tcp_fast_open.h */
    unsigned fast_open;       /* enum tcp_fast_open_bit */
    unsigned fast_open_cache; /* servers to remember */
    usec fast_open_pause;     /* after a failure; doubled up to 64 times */
    usec fast_open_key_life;  /* 0: for ever */
    /* RFC 5482: the option is sent and heard; limits of what is heard. */
    bool user_timeout_option;
    usec user_timeout_least; /* L_LIMIT */
    usec user_timeout_most;  /* U_LIMIT */
};

/* RFC 4022 names. */
struct tcp_stats {
    uint64_t active_opens;
    uint64_t passive_opens;
    uint64_t attempt_fails;
    uint64_t estab_resets;
    uint64_t curr_estab;
    uint64_t in_segs;
    uint64_t out_segs;
    uint64_t retrans_segs;
    uint64_t in_errs;
    uint64_t out_rsts;
    uint64_t fast_retransmits; /* not in the RFC, as all that follow */
    uint64_t timeouts;
    uint64_t loss_probes;
    uint64_t undone_recoveries;
    uint64_t ecn_reductions; /* of the window, because of marks */
    uint64_t ce_segments;    /* that came marked */
    uint64_t out_of_order;
    uint64_t challenge_acks;
    uint64_t challenge_acks_withheld; /* by the limits, RFC 5961 7 */
    uint64_t zero_window_probes;
    uint64_t keepalive_probes;
    uint64_t delayed_acks;
    uint64_t path_mtu_reductions; /* because of time-outs */
    uint64_t pruned; /* times that text out of order was thrown away */
    uint64_t syn_cookies_sent;
    uint64_t syn_cookies_received; /* and good */
    uint64_t syn_cookies_failed;
    uint64_t fast_open_active; /* SYNs whose text was taken */
    uint64_t fast_open_active_fails;
    uint64_t fast_open_passive;
    uint64_t fast_open_passive_fails; /* wrong cookies */
    uint64_t fast_open_cookies_asked;
    uint64_t fast_open_overflows; /* too many were pending */
};

/* Something about the connection has changed: ask tcp_readiness. */
typedef void tcp_notify_fn(void *context, void *owner);

/* A connection that has been idle for a while: see tcp_rest.h. */
struct tcp_rest;

/* The owner's connection is from now on this TCB, or else at rest. */
typedef void tcp_moved_fn(void *context, void *owner, struct tcb *tcb,
                          struct tcp_rest *rest);

enum { TCP_PORT_COUNTERS = 256 }; /* TABLE_LENGTH, RFC 6056 3.3.4 */

enum { HALF_OPEN_QUEUES = 8 }; /* see tcp_half_open.c */

struct tcp {
    struct env *env;
    struct ip *ip;
    struct tcp_config config;
    const struct tcp_cc_ops *cc; /* of config.congestion */
    tcp_notify_fn *notify;       /* set by stack.c */
    tcp_moved_fn *moved;         /* likewise; NULL: none is put to rest */
    void *notify_context;
    struct hash_key key;      /* of the tables */
    struct hash_key isn_key;  /* RFC 6528 3 */
    struct hash_key port_key; /* RFC 6056 3.3.4 */
    struct hash_key ts_key;   /* RFC 7323 5.4: timestamp offsets */
    struct hash_key cookie_key;
    usec cookies_until; /* those sent so far are good no longer than this */
    struct fast_open_keys fast_open_keys;
    struct fast_open_cache fast_open_cache;
    uint32_t port_counters[TCP_PORT_COUNTERS];
    struct hash_table connections; /* by both endpoints */
    struct hash_table resting;     /* likewise; tcp_rest.h */
    struct {
        const struct tcp_cc_ops *cc;
        uint32_t send_buffer;
        uint32_t receive_buffer;
    } at_first; /* before tcp_change...: what they are packed against */
    struct hash_table half_open; /* likewise; tcp_half_open.h */
    struct list half_open_queues[HALF_OPEN_QUEUES];
    struct timer half_open_timer;
    struct hash_table time_wait_table; /* likewise; tcp_time_wait.h */
    struct timer time_wait_timer;
    struct hash_table told;  /* likewise; tcp_told.h */
    struct hash_table ports; /* by local port: LISTEN and bound */
    struct list output;      /* marked: they owe an ACK or can send */
    struct list all;         /* every TCB, oldest first */
    struct list time_wait;   /* the next to end first */
    struct list reaped;      /* CLOSED and nobody's, freed when the pass ends */
    struct list tired;       /* put to rest when the pass ends */
    struct tcp_rest *closing; /* at rest, closed, without memory for a TCB */
    struct timer closing_timer;
    struct tcp_memory memory;
    uint32_t connection_count;
    uint32_t time_wait_count;
    uint32_t unfinished; /* closed by their program, not yet acknowledged */
    uint32_t next_connection; /* numbers for the trace */
    struct tcp_tally resets;
    struct tcp_expected expected;
    struct tcp_stats stats;
};

struct tcp_config tcp_config_default(void);

/* What the buffers may grow to by themselves, both ways: in bytes. */
enum {
    TCP_BUFFER_MAX = 32 * 1024 * 1024,
    TCP_BUFFER_MAX_LEAST = 4096,
    TCP_BUFFER_MAX_MOST = 1024 * 1024 * 1024 /* RFC 7323 2.3: a window's most */
};
void tcp_config_limit_buffers(struct tcp_config *config, uint32_t most);

/*
 * Settings that may be changed while there are connections: the first two hold
 * for those that begin from now on. -ENOENT, -EINVAL.
 */
MUST_CHECK int tcp_change_congestion(struct tcp *tcp, const char *name);
MUST_CHECK int tcp_change_ecn(struct tcp *tcp, unsigned ecn);
MUST_CHECK int tcp_change_buffer_max(struct tcp *tcp, uint64_t most);

/* -ENOENT: no congestion control has this name; -ENOBUFS. */
MUST_CHECK int tcp_init(struct tcp *tcp, struct env *env, struct ip *ip,
                        const struct tcp_config *config);
void tcp_fini(struct tcp *tcp);

/* RFC 7323 5.4: the clock of the timestamps ticks each millisecond; each
 * connection adds an offset of its own. */
uint32_t tcp_clock(const struct tcp *tcp);

/* A datagram with protocol 6. */
void tcp_input(struct tcp *tcp, const struct ip_packet *packet);
/* An ICMP error about a segment of ours: RFC 9293 3.9.2.2, RFC 5927. */
void tcp_icmp_error(struct tcp *tcp, const struct icmp_error *error);
/* The output pass: each marked connection sends what it owes and may. */
void tcp_flush(struct tcp *tcp);

/* A TCB in CLOSED for `owner`; NULL without memory. */
MUST_CHECK struct tcb *tcp_create(struct tcp *tcp, void *owner);

/*
 * -EINVAL bound already, -EADDRINUSE, -EADDRNOTAVAIL. Port 0 is chosen
 * (now, not at connect: getsockname must tell it; with the setting
 * bind_no_port it is left to connect and listen, and may be bound anew).
 */
MUST_CHECK int tcp_bind(struct tcb *tcb, const struct endpoint *local);
/* The port of `from`, which bind gave it, is that of `to` from now on, whoever
 * is beside it there; it is bound to `local`. False: there was none. */
bool tcp_move_port(struct tcb *to, struct tcb *from,
                   const struct endpoint *local);
/* The address alone would not be -EADDRNOTAVAIL. */
bool tcp_may_bind_to(const struct tcb *tcb, const struct ip_addr *addr);

/* Passive OPEN, or a new backlog. -EADDRINUSE; -EINVAL when connected. */
MUST_CHECK int tcp_listen(struct tcb *tcb, unsigned backlog);

/*
 * Active OPEN; the SYN goes with the flush. 0: on its way; -EADDRNOTAVAIL no
 * free port; -EISCONN, -EALREADY, -EINVAL (listening), -ENETUNREACH, -ENOBUFS.
 */
MUST_CHECK int tcp_connect(struct tcb *tcb, const struct endpoint *remote);
/* What a program writes. */
struct tcp_text {
    const struct iovec *iov;
    int count;
    struct lent *lent; /* NULL: it is copied; else it is sent from where it lies
                          and is a part of this until it is acknowledged */
};

/*
 * The same by Fast Open: as many bytes as the SYN takes go with it, the count.
 * -EINPROGRESS: none, for want of a cookie or of bytes; it is on its way, and
 * asks for a cookie.
 */
MUST_CHECK ssize_t tcp_connect_with(struct tcb *tcb,
                                    const struct endpoint *remote,
                                    const struct tcp_text *text);
/* After tcp_connect, where the program has set fast_open_connect and a cookie
 * is there: the SYN waits for the first text. */
bool tcp_awaits_text(const struct tcb *tcb);

/* The oldest connection that is ready to be accepted, with its owner's filter;
 * NULL: none, or no memory to note the filter. */
struct tcb *tcp_accept(struct tcb *listener, void *owner,
                       const struct bpf_program *filter);

/*
 * SEND: how many bytes were taken, in part if the buffer is small. -EAGAIN
 * full, or not open yet; -EPIPE after our FIN, or without a connection; the
 * pending error.
 */
MUST_CHECK ssize_t tcp_send(struct tcb *tcb, const struct tcp_text *text);
/* The same: no small segment goes before the next write, or for one RTO. */
MUST_CHECK ssize_t tcp_send_more(struct tcb *tcb, const struct tcp_text *text);
/* The same, and the last byte is urgent. */
MUST_CHECK ssize_t tcp_send_urgent(struct tcb *tcb,
                                   const struct tcp_text *text);

/*
 * RECEIVE: how many bytes were given; 0 the peer has closed; -EAGAIN nothing
 * there; -ENOTCONN; the pending error. tcp_peek leaves the bytes there.
 */
MUST_CHECK ssize_t tcp_receive(struct tcb *tcb, const struct iovec *iov,
                               int count);
MUST_CHECK ssize_t tcp_peek(struct tcb *tcb, const struct iovec *iov,
                            int count);

/* The same from the `at`th of them on: SO_PEEK_OFF. */
MUST_CHECK ssize_t tcp_peek_at(struct tcb *tcb, uint32_t at,
                               const struct iovec *iov, int count);

/* Throws unread bytes away, as if they had been received; or only counts those
 * that it would. */
MUST_CHECK ssize_t tcp_skip(struct tcb *tcb, size_t len);
MUST_CHECK ssize_t tcp_peek_skip(struct tcb *tcb, uint32_t at, size_t len);

/*
 * Unread bytes where they lie, in at most two pieces: how many bytes, *count
 * pieces of which are stored; otherwise as tcp_receive, and -EBUSY until
 * tcp_give_back. They stay there until then, or the owner lets go.
 */
MUST_CHECK ssize_t tcp_borrow(struct tcb *tcb, struct iovec iov[static 2],
                              int *count);
/* `len` of them have been read, the others have not. -EINVAL: too many, or
 * nothing is borrowed. */
MUST_CHECK int tcp_give_back(struct tcb *tcb, size_t len);

/*
 * The urgent octet, which the others pass over unless it is in line. 1;
 * -EINVAL there is none, or it was read, or it is in line; -EAGAIN it was only
 * announced; 0: and will not come.
 */
MUST_CHECK ssize_t tcp_receive_urgent(struct tcb *tcb, uint8_t *octet);
MUST_CHECK ssize_t tcp_peek_urgent(struct tcb *tcb, uint8_t *octet);
/* All before the urgent octet was read. */
bool tcp_is_at_mark(const struct tcb *tcb);

/* CLOSE of our direction: FIN after all that was sent. -ENOTCONN. */
MUST_CHECK int tcp_shutdown_send(struct tcb *tcb);
/* The program will not wait for more. As in Linux: what is there and what
 * comes is not lost, unless our direction is shut too; then it is a reset. */
void tcp_shutdown_receive(struct tcb *tcb);

/*
 * The owner lets go. What was sent is still delivered and the connection ends
 * as RFC 9293 3.6 has it; with data unread it is reset (RFC 9293 3.6.1, RFC
 * 2525 2.17). A listener's children are reset.
 */
void tcp_close(struct tcb *tcb);
/* ABORT: RST, and the owner lets go. */
void tcp_abort(struct tcb *tcb);
/* Those in TIME-WAIT, or half open to a listener, do not count. */
bool tcp_has_connections(const struct tcp *tcp);
/* ABORT of every connection whose owner has let go: nobody waits longer. */
void tcp_abort_all(struct tcp *tcp);
/* All of them end with this error, and no peer is told. Those that are at rest,
 * and for which there is no memory, stay. */
void tcp_forget_connections(struct tcp *tcp, int error);

/* STATUS. */
enum tcp_readiness {
    TCP_READABLE = 1, /* data, or a connection to accept */
    TCP_WRITABLE = 2,
    TCP_PEER_CLOSED = 4,     /* FIN received */
    TCP_ERROR = 8,           /* an error is pending */
    TCP_ENDED = 16,          /* both directions are over */
    TCP_CONNECTING = 32,     /* no answer to our SYN yet */
    TCP_URGENT_READABLE = 64 /* the urgent octet can be read */
};
unsigned tcp_readiness(const struct tcb *tcb);
/* The send buffer has a third free: TCP_WRITABLE, as far as it is for that. */
bool tcp_has_send_space(const struct tcb *tcb);
/* Both SYNs are not acknowledged yet, and no Fast Open lets text pass. */
bool tcp_is_opening(const struct tcb *tcb);
enum tcp_state tcp_status(const struct tcb *tcb);
/* The pending error (positive), which is cleared. */
int tcp_take_error(struct tcb *tcb);
/* An error of before, for the next that takes it. */
void tcp_leave_error(struct tcb *tcb, int error);
/* What ICMP told of attempts to connect (MSG_ERRQUEUE); NULL: nothing. */
struct error_queue *tcp_errors(struct tcb *tcb);
/* That, and what else few connections have, goes to another TCB. */
void tcp_move_extra(struct tcb *to, struct tcb *from);
/* tcp_abort would tell the peer, or end an attempt to connect. */
bool tcp_would_reset(const struct tcb *tcb);
const struct endpoint *tcp_local(const struct tcb *tcb);
const struct endpoint *tcp_remote(const struct tcb *tcb);
/* Bytes to be received: up to the urgent octet, unless it is in line. */
uint32_t tcp_unread(const struct tcb *tcb);
/* When the byte before the next to be read, or before the `ahead`th after that,
 * had arrived, with the setting stamps_text; USEC_NEVER: it is not known. */
usec tcp_arrived_at(const struct tcb *tcb, uint32_t ahead);
/* Bytes written that were never sent. */
/* Changes whenever more bytes, or the FIN, have arrived. */
uint32_t tcp_arrived(const struct tcb *tcb);
/* Its FIN has come, and all before it. */
bool tcp_has_peer_fin(const struct tcb *tcb);
uint32_t tcp_unsent(const struct tcb *tcb);
/* Bytes sent or waiting that are not acknowledged, the FIN not counted. */
uint32_t tcp_unacknowledged(const struct tcb *tcb);
/* Whether all that was sent, our FIN too, is acknowledged, or lost for good. */
bool tcp_is_finished(const struct tcb *tcb);

/*
 * Of a connection at rest. tcp_wake: all that can be done with a TCB; NULL
 * without memory, then it rests on. The others leave it at rest. For where
 * there is no memory tcp_rest_close is tcp_close, though the FIN goes when
 * there is some again, and tcp_rest_abort is tcp_abort.
 */
MUST_CHECK struct tcb *tcp_wake(struct tcp *tcp, struct tcp_rest *rest);
unsigned tcp_rest_readiness(const struct tcp_rest *rest);
enum tcp_state tcp_rest_status(const struct tcp_rest *rest);
struct endpoint tcp_rest_local(const struct tcp_rest *rest);
struct endpoint tcp_rest_remote(const struct tcp_rest *rest);
uint32_t tcp_rest_arrived(const struct tcp_rest *rest);
void tcp_rest_close(struct tcp *tcp, struct tcp_rest *rest);
void tcp_rest_abort(struct tcp *tcp, struct tcp_rest *rest);

/* Of the path, in bytes, as far as it is known; it is not closed. */
unsigned tcp_mtu(const struct tcb *tcb);

/* Settings of one connection; a listener's go to its children. */
void tcp_set_nodelay(struct tcb *tcb, bool on);
void tcp_set_keepalive(struct tcb *tcb, bool on);
void tcp_set_reuse_addr(struct tcb *tcb, bool on);
void tcp_set_reuse_port(struct tcb *tcb, bool on);
/* SO_BINDTODEVICE: an interface's index, 0 for any. */
void tcp_set_device(struct tcb *tcb, unsigned iface);
void tcp_set_ttl(struct tcb *tcb, uint8_t ttl);
/* Bytes a second at most; 0: no limit, and paced only if the algorithm is. */
void tcp_set_max_pacing_rate(struct tcb *tcb, uint64_t rate);
void tcp_set_tos(struct tcb *tcb, uint8_t tos);
/* SO_ATTACH_FILTER: what segments are heard, and how much of their text; it
 * stays the caller's, who takes it away before it ends. NULL: all. A listener's
 * is its children's until they are accepted. -ENOMEM. */
MUST_CHECK int tcp_set_filter(struct tcb *tcb,
                              const struct bpf_program *filter);
/* More of them: tcp_settings.h. */
void tcp_set_urgent_in_line(struct tcb *tcb, bool on);
/* Whether ACKs are not delayed for a reply; not for ever: tcp_quickack.h. */
void tcp_set_quickack(struct tcb *tcb, bool on);
bool tcp_quickack(const struct tcb *tcb);
/* The largest segment to send and to announce, 0: what the path takes; -EINVAL
 * out of range. */
MUST_CHECK int tcp_set_mss(struct tcb *tcb, unsigned mss);
unsigned tcp_mss(const struct tcb *tcb);
/*
 * Fast Open, RFC 7413; more of it in tcp_settings.h. Whether the stack allows
 * it to clients. A listener's own keys for its cookies, one or the current and
 * the previous one of 16 bytes each: -EINVAL, -ENOBUFS; those that hold, the
 * count of bytes; those of another TCB, which has none any more.
 */
bool tcp_may_open_fast(const struct tcb *tcb);
MUST_CHECK int tcp_set_fast_open_key(struct tcb *tcb, struct bytes key);
size_t tcp_fast_open_key(struct tcb *tcb,
                         uint8_t to[static 2 * FAST_OPEN_KEY_LEN]);
void tcp_move_fast_open_key(struct tcb *to, struct tcb *from);
/* The congestion control by its name; -ENOENT. */
MUST_CHECK int tcp_set_congestion(struct tcb *tcb, const char *name);
const char *tcp_congestion(const struct tcb *tcb);
/* A buffer that was set does not tune itself any more. */
void tcp_set_send_buffer(struct tcb *tcb, uint32_t bytes);
uint32_t tcp_send_buffer(const struct tcb *tcb);
void tcp_set_receive_buffer(struct tcb *tcb, uint32_t bytes);
uint32_t tcp_receive_buffer(const struct tcb *tcb);

#endif
