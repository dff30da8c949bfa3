/*
 * A conversation with the stack in virtual time: a script plays the peer's
 * segments and the program's calls and says which segments it expects. One
 * stack, 192.0.2.2, on a device that records what is sent; the peer is
 * 192.0.2.1 and has no TCP of its own, only a memory of what was said.
 *
 * Sequence numbers in a script are relative: 0 is the SYN of whoever sends,
 * its first byte of data is 1. Acknowledgments count in the other's numbers.
 * Where the stack has not sent a SYN its numbers are absolute. Payload is a
 * pattern by position, made and verified by the harness on both sides.
 *
 * Every segment that the stack sends is also checked, without a word in the
 * script, for what must hold always: well formed, checksums, addresses,
 * inside the peer's window, acknowledging nothing that was not sent, neither
 * acknowledgment nor right window edge going back (RFC 9293 3.8.6), timestamps
 * in all or none (RFC 7323 3.2), text and options together no longer than
 * the peer's MSS (RFC 6691), SACK blocks as RFC 2018 3 and RFC 2883 4 have
 * them (conversation_sack.c), ECN where it was agreed on, and there on new text
 * alone (conversation_ecn.c).
 *
 * On a failure the whole conversation is printed as tcpdump would.
 */
#ifndef TAPIR_TESTS_TCP_CONVERSATION_H
#define TAPIR_TESTS_TCP_CONVERSATION_H

#include "base/drop.h"
#include "stack/stack.h"
#include "tests/recording.h"
#include "tests/tcp/segment.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

/*
 * The designated arguments below are written over default values, which is
 * what this warning is about.
 */
#pragma GCC diagnostic ignored "-Woverride-init"

/* A field that the script does not name. */
#define UNNAMED INT64_MIN

enum {
    STACK_ADDR = 0xc0000202, /* 192.0.2.2 */
    PEER_ADDR = 0xc0000201,
    STACK_PORT = 80,   /* of passive conversations */
    PEER_PORT = 40000, /* the first one */
    PEERS_MAX = 300,
    SENT_MAX = 1024 /* segments waiting for expect_segment */
};

/* A SACK block in relative numbers; a list ends with {0, 0}. */
struct sack {
    int64_t from;
    int64_t to;
};

/* A Fast Open cookie, RFC 7413. */
struct cookie {
    unsigned len;
    uint8_t octet[SEGMENT_COOKIE_MAX];
};

/* One connection as the peer remembers it. */
struct peer {
    uint16_t port;
    uint16_t stack_port; /* 0: not yet known (active open) */
    socket_id socket;    /* of the stack's program */
    uint32_t iss;        /* the peer's */
    uint32_t stack_iss;
    bool stack_iss_known;
    int64_t next;     /* the peer's SND.NXT */
    int64_t received; /* the peer's RCV.NXT */
    int64_t acked;    /* the last acknowledgment that it has sent */
    int64_t edge;     /* of the window that the peer has offered */
    uint32_t window;  /* of the next segment */
    int offered_wscale, stack_offered_wscale; /* -1: not */
    bool offered_timestamps, stack_offered_timestamps;
    bool offered_sack, stack_offered_sack;
    bool offered_ecn, stack_offered_ecn; /* ECN-setup SYN or SYN,ACK */
    unsigned mss;                        /* announced by the peer; 0: not yet */
    struct sack *said; /* text sent by the peer: in order, apart */
    size_t said_count, said_room;
    uint32_t ts_recent; /* the stack's last TSval */
    int64_t stack_acked;
    int64_t stack_edge;
    int64_t stack_sent; /* its SND.NXT, as far as is known */
    uint64_t written;   /* by the program */
    uint64_t read;
};

/* Zero is the usual value of each. */
struct conversation_options {
    /* How the peer speaks. */
    bool active;     /* the stack opens the conversation */
    unsigned mss;    /* announced by the peer: 1000 */
    bool no_mss;     /* no MSS option */
    uint32_t window; /* 65,535 */
    unsigned wscale; /* 0: the option is not sent */
    bool timestamps; /* the option is sent */
    bool sack;       /* SACK-permitted is sent, RFC 2018 2 */
    bool ecn;        /* its SYN asks, or its SYN,ACK grants: RFC 3168 6.1.1 */
    uint32_t iss;    /* the peer's */
    unsigned rtt_ms; /* of the handshake */
    unsigned rtt_us; /* as well */
    /* The stack: changes to tcp_config_default(); `set` comes last. */
    const char *set;        /* settings by name: "rack=off,tlp=off" */
    const char *congestion; /* "reno", by which segments are easily counted */
    bool pacing;
    unsigned unpaced_segments; /* 0: the first one is paced */
    unsigned initial_window;
    unsigned retries;
    unsigned syn_retries;
    unsigned synack_retries;
    unsigned orphan_retries;
    bool no_challenge_acks;
    unsigned challenge_acks, challenge_acks_all; /* in a second, or in: */
    unsigned challenge_interval_ms;
    unsigned resets_per_second;
    unsigned min_send_mss; /* an MSS below it is not checked */
    bool no_time_wait;     /* max_time_wait is 0 */
    unsigned max_time_wait;
    bool rfc1337;
    unsigned max_half_open;
    bool no_syn_cookies;
    uint32_t send_buffer; /* which then does not grow, unless: */
    uint32_t receive_buffer;
    uint32_t send_buffer_max;
    uint32_t receive_buffer_max;
    unsigned keepalive_idle_s;
    unsigned keepalive_interval_s;
    unsigned keepalive_probes;
    bool no_timestamps;
    bool no_window_scale;
    bool no_buffer_tuning;
    bool no_place_text;
    bool no_pmtu_discovery;
    bool no_black_hole_detection;
    size_t memory_limit;
    bool asks_ecn; /* TCP_ECN_ASK */
    bool no_ecn;   /* TCP_ECN_OFF */
    bool no_ecn_fallback, abe;
    bool no_sack, no_dsack, no_rack, no_tlp, no_prr, no_frto, no_undo;
    bool no_cwv, no_slow_start_after_idle;
    bool no_rest;
    bool reduce_twice;
    /* TCP Fast Open: the stack's setting; 0: clients alone. */
    unsigned fast_open;
    bool no_fast_open;
    unsigned fast_open_cache;
    unsigned fast_open_key_life_s;
    bool text_without_cookie; /* in a SYN of the stack, too, is no mistake */
    bool user_timeout_option;
    unsigned quick_acks; /* 0 here: each script sees delayed ACKs from the
                            start, unless it is about these */
    /* The rest. */
    struct trace trace;
    unsigned backlog; /* 128 */
    unsigned max_gso; /* of the device, which then fills in checksums too */
    bool ethernet;
    bool learns; /* and the peer's address is learnt by ARP, so it may age */
};

/* What the peer sends. flags and len are 0 if not named. */
struct peer_segment {
    unsigned flags;
    unsigned ecn; /* the field of the packet: ECT_0, CE */
    int64_t seq;  /* the next */
    int64_t ack;  /* all that came */
    int64_t len;
    int64_t win;         /* bytes, scaled by the harness; as before */
    int64_t mss, wscale; /* as the conversation's options say */
    int64_t ts_val;      /* milliseconds of the virtual clock, if agreed on */
    int64_t ts_ecr;      /* the last TSval that came */
    bool no_timestamps;  /* although agreed on */
    bool asks_cookie;    /* on a SYN */
    const struct cookie *cookie;
    int64_t user_timeout; /* the 16 bits of the option; not sent */
    struct sack sack[SEGMENT_SACKS_MAX]; /* in the stack's numbers */
    const char *options;                 /* raw, instead */
    size_t options_len;
    unsigned data_offset;
    unsigned reserved; /* the four bits of RFC 9293 3.1 */
    unsigned urgent;
    bool bad_checksum;
    bool more; /* the next segment comes in the same pass */
};

/* What the stack sends. flags, ecn, len and SACK blocks are always compared:
 * what is not named must not be there. */
struct expected_segment {
    unsigned flags;
    unsigned ecn;
    int64_t len;
    bool any_len;
    int64_t seq, ack;
    unsigned optional; /* flags that may be set or not */
    unsigned urgent;   /* the pointer; always compared */
    int64_t win;       /* bytes, scaled */
    int64_t mss, wscale;
    int64_t ts_ecr;
    struct sack sack[SEGMENT_SACKS_MAX + 1]; /* the peer's numbers, in order */
    bool any_sack;
    const char *options; /* "mss,nop,wscale" */
    /* Always compared. */
    bool asks_cookie;
    bool gives_cookie; /* whatever it is */
    const struct cookie *cookie;
    int64_t user_timeout; /* the 16 bits of the option; not there */
    int64_t after_ms;     /* it is sent so much later than now, within 1 ms */
    int64_t within_ms;    /* it is sent in so much time (after `after_ms`) */
};

/* An ICMP error about a segment of the stack. */
struct peer_icmp {
    unsigned type;
    unsigned code;
    unsigned mtu;
    int64_t seq;  /* of the segment; the last one sent */
    unsigned len; /* of its packet; as the last one */
};

struct conversation {
    struct memory memory;
    struct stack *stack;
    usec now;
    struct netdev device;
    struct recording recording; /* of all of it: replayed at the end */
    struct conversation_options options;
    socket_id listener;
    struct peer peers[PEERS_MAX];
    unsigned peer_count;
    struct peer *peer; /* the one that the script speaks of */
    struct segment sent[SENT_MAX];
    struct frame_offload offloads[SENT_MAX];
    unsigned sent_first, sent_count;
    unsigned placed; /* frames that were read to a place: tests/place.h */
    unsigned flooded, flood_answered;  /* by peer_floods, and answers to it */
    unsigned arp_polls;                /* requests for the peer by unicast */
    unsigned drops[DROP_REASON_COUNT]; /* that expect_drops did not yet see */
    struct segment last; /* that expect_segment took; its payload is gone */
    uint32_t last_seq;   /* absolute, of the last one sent */
    unsigned last_len;   /* of its packet */
    uint8_t *pass[64];   /* frames handed in in this pass */
    unsigned pass_count;
    const char *file; /* of the script */
    int line;
    FILE *log;
    char *log_text;
    size_t log_size;
};

/* Remembers the script's line, for messages. */
struct conversation *conversation_at(struct conversation *c, const char *file,
                                     int line);
#define HERE(c) conversation_at((c), __FILE__, __LINE__)

/* The stack and its device are there; nobody listens, nothing was said. */
#define begin_conversation(c, ...)                                             \
    conversation_begin((c), __FILE__, __LINE__,                                \
                       &(struct conversation_options){__VA_ARGS__})
/*
 * The three-way handshake is over, the connection accepted; the first byte is
 * number 1 in both directions. The stack listens, or connects if .active.
 */
#define open_conversation(c, ...)                                              \
    conversation_open((c), __FILE__, __LINE__,                                 \
                      &(struct conversation_options){__VA_ARGS__})
/*
 * Nothing was sent beyond what was expected, and all memory comes back when
 * the stack is destroyed.
 */
#define close_conversation(c) conversation_close(HERE(c))

#define peer_sends(c, ...)                                                     \
    conversation_peer_sends(HERE(c),                                           \
                            &(struct peer_segment){.seq = UNNAMED,             \
                                                   .ack = UNNAMED,             \
                                                   .win = UNNAMED,             \
                                                   .mss = UNNAMED,             \
                                                   .wscale = UNNAMED,          \
                                                   .ts_val = UNNAMED,          \
                                                   .ts_ecr = UNNAMED,          \
                                                   .user_timeout = UNNAMED,    \
                                                   __VA_ARGS__})
#define peer_sends_icmp(c, ...)                                                \
    conversation_peer_sends_icmp(                                              \
        HERE(c), &(struct peer_icmp){.seq = UNNAMED, __VA_ARGS__})
/* So many SYNs, each under the name of another host or port, 10 us apart; what
 * the stack answers to them is only counted. */
#define peer_floods(c, count) conversation_peer_floods(HERE(c), (count))
/* From now on the script speaks of the connection from this port. */
#define peer_uses_port(c, port) conversation_peer_uses_port(HERE(c), (port))
/* The peer forgets the connection and begins another, numbered from `iss`. */
#define peer_starts_over(c, iss) conversation_peer_starts_over(HERE(c), (iss))

/* The next segment that the stack has sent, or sends in the time named. */
#define expect_segment(c, ...)                                                 \
    conversation_expect(HERE(c),                                               \
                        &(struct expected_segment){.seq = UNNAMED,             \
                                                   .ack = UNNAMED,             \
                                                   .win = UNNAMED,             \
                                                   .mss = UNNAMED,             \
                                                   .wscale = UNNAMED,          \
                                                   .ts_ecr = UNNAMED,          \
                                                   .after_ms = UNNAMED,        \
                                                   .within_ms = UNNAMED,       \
                                                   .user_timeout = UNNAMED,    \
                                                   __VA_ARGS__})
/* Since this was asked last, or the beginning, so many packets were dropped,
 * each for this reason: NAME is that of enum drop_reason without DROP_. */
#define expect_drops(c, NAME, count)                                           \
    conversation_expect_drops(HERE(c), DROP_##NAME, (count))
#define expect_no_drops(c) conversation_expect_drops(HERE(c), DROP_NONE, 0)
/* Nothing more has been sent until now; or is, for so long. */
#define expect_silence(c) conversation_expect_silence(HERE(c), 0)
#define expect_silence_for(c, msec) conversation_expect_silence(HERE(c), (msec))
/* Time passes; what is sent meanwhile waits for expect_segment. */
#define advance(c, msec) conversation_advance(HERE(c), (msec)*USEC_PER_MSEC)
#define advance_us(c, usecs) conversation_advance(HERE(c), (usecs))

#define app_listens(c) conversation_app_listens(HERE(c))
#define app_connects(c) conversation_app_connects(HERE(c))
/* A socket that is not yet connected: options can be set. */
#define app_opens_socket(c) conversation_app_opens_socket(HERE(c))
/* MSG_FASTOPEN to the peer; the count of bytes, or a negative errno. */
#define app_sends_fast(c, n) conversation_app_sends_fast(HERE(c), (n))
/* connect of a socket that is there; 0 or a negative errno. */
#define app_tries_to_connect(c) conversation_app_tries_to_connect(HERE(c))
#define app_accepts(c) conversation_app_accepts(HERE(c))
#define app_has_nothing_to_accept(c) conversation_app_cannot_accept(HERE(c))
#define app_writes(c, n) conversation_app_writes(HERE(c), (n))
/* As much of it as is taken; the count. */
#define app_tries_to_write(c, n) conversation_app_tries_to_write(HERE(c), (n))
#define app_fails_to_write(c, error)                                           \
    conversation_app_fails_to_write(HERE(c), (error))
#define app_reads(c, n) conversation_app_reads(HERE(c), (n))
#define app_reads_end(c) conversation_app_reads(HERE(c), 0)
/* EAGAIN: nothing is there. Other errors: the connection's. */
#define app_fails_to_read(c, error)                                            \
    conversation_app_fails_to_read(HERE(c), (error))
#define app_shuts_down(c, how) conversation_app_shuts_down(HERE(c), (how))
#define app_closes(c) conversation_app_closes(HERE(c))
#define app_closes_listener(c) conversation_app_closes_listener(HERE(c))
#define app_sets(c, level, name, value)                                        \
    conversation_app_sets(HERE(c), (level), (name), (value))
#define app_fails_to_set(c, level, name, value, error)                         \
    conversation_app_fails_to_set(HERE(c), (level), (name), (value), (error))
#define app_gets(c, level, name) conversation_app_gets(HERE(c), (level), (name))
/* MSG_OOB, MSG_MORE, ... */
#define app_writes_with(c, n, flags)                                           \
    conversation_app_writes_with(HERE(c), (n), (flags))
/* The answer of a receive with flags, of at most `n` bytes (negative: an
 * errno); what is read without MSG_PEEK or MSG_TRUNC must be the pattern. */
#define app_reads_with(c, n, flags)                                            \
    conversation_app_reads_with(HERE(c), (n), (flags))
/* The urgent octet is the peer's byte number `at`; or a mistake. */
#define app_reads_urgent(c, at) conversation_app_reads_urgent(HERE(c), (at))
#define app_fails_to_read_urgent(c, error)                                     \
    conversation_app_fails_to_read_urgent(HERE(c), (error))
/* SIOCATMARK */
#define app_is_at_mark(c) conversation_app_is_at_mark(HERE(c))
#define app_lingers(c, seconds) conversation_app_lingers(HERE(c), (seconds))
/* SO_ERROR */
#define app_finds_error(c, error) conversation_app_finds_error(HERE(c), (error))
/* poll(2) says exactly these of POLLIN, POLLPRI, POLLOUT, POLLHUP, POLLERR. */
#define app_polls(c, events) conversation_app_polls(HERE(c), (events))

void conversation_begin(struct conversation *c, const char *file, int line,
                        const struct conversation_options *options);
void conversation_open(struct conversation *c, const char *file, int line,
                       const struct conversation_options *options);
void conversation_close(struct conversation *c);
void conversation_peer_sends(struct conversation *c,
                             const struct peer_segment *segment);
void conversation_peer_sends_icmp(struct conversation *c,
                                  const struct peer_icmp *icmp);
void conversation_peer_floods(struct conversation *c, unsigned count);
void conversation_peer_uses_port(struct conversation *c, unsigned port);
void conversation_peer_starts_over(struct conversation *c, uint32_t iss);
void conversation_expect(struct conversation *c,
                         const struct expected_segment *expected);
void conversation_expect_drops(struct conversation *c, enum drop_reason reason,
                               unsigned count);
void conversation_expect_silence(struct conversation *c, int64_t msec);
void conversation_advance(struct conversation *c, usec time);
void conversation_app_listens(struct conversation *c);
void conversation_app_connects(struct conversation *c);
void conversation_app_opens_socket(struct conversation *c);
ssize_t conversation_app_sends_fast(struct conversation *c, size_t len);
int conversation_app_tries_to_connect(struct conversation *c);
void conversation_app_accepts(struct conversation *c);
void conversation_app_cannot_accept(struct conversation *c);
void conversation_app_writes(struct conversation *c, size_t len);
size_t conversation_app_tries_to_write(struct conversation *c, size_t len);
void conversation_app_fails_to_write(struct conversation *c, int error);
void conversation_app_reads(struct conversation *c, size_t len);
void conversation_app_fails_to_read(struct conversation *c, int error);
void conversation_app_shuts_down(struct conversation *c, int how);
void conversation_app_closes(struct conversation *c);
void conversation_app_closes_listener(struct conversation *c);
void conversation_app_sets(struct conversation *c, int level, int name,
                           int value);
void conversation_app_fails_to_set(struct conversation *c, int level, int name,
                                   int value, int error);
int conversation_app_gets(struct conversation *c, int level, int name);
void conversation_app_writes_with(struct conversation *c, size_t len,
                                  int flags);
ssize_t conversation_app_reads_with(struct conversation *c, size_t len,
                                    int flags);
void conversation_app_reads_urgent(struct conversation *c, int64_t at);
void conversation_app_fails_to_read_urgent(struct conversation *c, int error);
bool conversation_app_is_at_mark(struct conversation *c);
void conversation_app_lingers(struct conversation *c, int seconds);
void conversation_app_finds_error(struct conversation *c, int error);
void conversation_app_polls(struct conversation *c, int events);

/* The cookie of the segment that expect_segment took last. */
struct cookie conversation_last_cookie(struct conversation *c);
/* TCP_INFO about Fast Open: TCPI_OPT_SYN_DATA, tcpi_fastopen_client_fail; and
 * the text, tcpi_bytes_sent, tcpi_bytes_acked. */
struct fast_open_info {
    bool has_syn_data;
    unsigned client_fail;
    uint64_t sent;
    uint64_t acked;
};
struct fast_open_info conversation_fast_open_info(struct conversation *c);
/* How many segments wait to be expected. */
unsigned conversation_waiting(const struct conversation *c);
/* How many packets were dropped that expect_drops did not yet see. */
unsigned conversation_dropped(const struct conversation *c);
/* Forgets the oldest; all. For scripts that look at something else. */
void conversation_forget(struct conversation *c);
void conversation_ignore_sent(struct conversation *c);
/* The oldest of them, or NULL; it stays. */
const struct segment *conversation_peek(const struct conversation *c);
/* Any bytes as a packet to the stack. */
void conversation_peer_sends_bytes(struct conversation *c, const void *packet,
                                   size_t len);
/* To whoever has asked, or not: 192.0.2.1 is at its usual place. */
void conversation_peer_answers_arp(struct conversation *c);
/* Fails the test with what was said so far. */
__attribute__((noreturn, format(printf, 2, 3))) void
conversation_fail(struct conversation *c, const char *format, ...);

#endif
