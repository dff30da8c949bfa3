/*
 * What a program sets for one connection and what else is the stack's
 * (struct tcp_config). The values are those of Linux's socket options, small
 * because every connection has them; a listener's go to its children.
 */
#ifndef TAPIR_TCP_SETTINGS_H
#define TAPIR_TCP_SETTINGS_H

#include "base/usec.h"

#include <stdbool.h>
#include <stdint.h>

struct tcb;

enum {
    TCP_KEEPALIVE_SECONDS_MAX = 32767, /* all as in Linux */
    TCP_KEEPALIVE_PROBES_MAX = 127,
    TCP_SYN_RETRIES_MAX = 127,
    TCP_LINGER2_MAX = 120,
    TCP_WINDOW_CLAMP_MIN = 1152
};

/* 0 in each: the stack's own, or none. */
struct tcp_settings {
    uint64_t max_pacing_rate;    /* bytes a second: tcp_pacing.h */
    uint32_t user_timeout;       /* ms, RFC 9293 3.9.1.8; see
                                    tcp_user_timeout.h */
    uint32_t notsent_lowat;      /* bytes: writable only while less than half
                                    of so much has never been sent */
    uint32_t window_clamp;       /* bytes: the largest window to offer */
    uint32_t port_range;         /* IP_LOCAL_PORT_RANGE: low, high << 16 */
    uint16_t keepalive_idle;     /* seconds, RFC 9293 3.8.4 */
    uint16_t keepalive_interval; /* seconds */
    uint8_t keepalive_probes;
    uint8_t syn_retries;  /* R2 of our SYN, RFC 9293 3.8.3 */
    uint8_t defer_accept; /* SYN,ACKs sent again before a connection without
                             data is accepted: see tcp_defer.h */
    uint16_t fast_open;   /* of a listener, the most that may be pending, RFC
                             7413 4.2; see tcp_fast_open.h */
    int8_t linger2;       /* seconds in FIN-WAIT-2 once the program has closed;
                             negative: none, the connection is reset */
    uint8_t min_ttl;      /* IP_MINTTL, RFC 5082: from a peer so near */
    bool corked : 1;      /* only full segments, see tcp_output.c */
    bool urgent_in_line : 1;      /* the urgent octet stays in the stream */
    bool fast_open_connect : 1;   /* the SYN waits for text, if it can */
    bool fast_open_no_cookie : 1; /* client and server: RFC 7413 7.3 */
    bool free_bind : 1;    /* IP_FREEBIND: to addresses that are not ours */
    bool bind_no_port : 1; /* IP_BIND_ADDRESS_NO_PORT: chosen with a peer */
    bool dont_route : 1;   /* SO_DONTROUTE: connect by no gateway */
    bool hears_errors : 1; /* IP_RECVERR: see tcp_icmp.c */
    bool stamps_text : 1;  /* SO_TIMESTAMP: see tcp_extra.h */
    /* IP_MTU_DISCOVER, see tcp_path_mtu.c: neither WANT nor DO; and DONT,
     * INTERFACE or OMIT */
    bool without_df : 1;
    bool resends_too_big_later : 1;
};

const struct tcp_settings *tcp_settings(const struct tcb *tcb);
/* Takes effect at once: timers begin anew, what a cork held goes out. */
void tcp_change_settings(struct tcb *tcb, const struct tcp_settings *to);

/* What holds for the connection, by its own setting or the stack's. */
usec tcp_keepalive_idle(const struct tcb *tcb);
usec tcp_keepalive_interval(const struct tcb *tcb);
unsigned tcp_keepalive_probes(const struct tcb *tcb);
unsigned tcp_syn_retries(const struct tcb *tcb);
/* How long FIN-WAIT-2 lasts without a program; 0: not at all. */
usec tcp_fin_wait_2(const struct tcb *tcb);

/* As much of `space` in the receive buffer as may be offered. */
uint32_t tcp_clamp_window(const struct tcb *tcb, uint32_t space);

/* TCP_DEFER_ACCEPT is in seconds: how many SYN,ACKs that is, rounded up, and
 * the seconds that so many take. */
uint8_t tcp_defer_retries(const struct tcb *tcb, int seconds);
unsigned tcp_defer_seconds(const struct tcb *tcb);

/* How much may be written now under notsent_lowat; the buffer's limit holds
 * besides. A little more than the setting, so that a large write is not cut
 * into crumbs. */
uint32_t tcp_room_below_lowat(const struct tcb *tcb);
/* Whether so little is unsent that the program should be asked for more. */
bool tcp_is_below_lowat(const struct tcb *tcb);

#endif
