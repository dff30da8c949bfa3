/*
 * How large a packet the path takes: what ICMP tells (RFC 1191, with the
 * checks of RFC 5927 7.2), and what silence tells (RFC 4821, 8899). The result
 * is Eff.snd.MSS; what is certain goes to the cache of ip/pmtu.h, where other
 * connections to the same host find it.
 */
#ifndef TAPIR_TCP_PATH_MTU_H
#define TAPIR_TCP_PATH_MTU_H

#include "base/usec.h"
#include "tcp/seq.h"

struct tcb;
struct icmp_error;

struct tcp_path_mtu {
    uint32_t generation; /* of the cache, when it was last asked */
    usec look_again;     /* something is forgotten then */

    /* The largest packet that got through, RFC 5927 7.2 maxsizeacked, and one
     * that is on its way: its size, 0 if none is. */
    uint16_t max_size_acked;
    uint16_t full_size;
    tcp_seq full_end;

    uint16_t pending; /* told by ICMP, not yet believed; 0: none */
    tcp_seq pending_seq;

    /* A path that swallows large packets without a word. */
    uint16_t reduced;   /* tried because of time-outs; 0: none */
    usec reduced_until; /* once it works */
    bool reduced_works : 1;
    bool is_second_try : 1;    /* the full size was tried again since */
    bool size_is_innocent : 1; /* small ones do not get through either */
};

/* Before sending: takes over what others have learnt, and larger sizes again
 * when the time has come. */
void path_mtu_refresh(struct tcb *tcb);

/* Text [seq, seq + len) was sent. */
void path_mtu_sent(struct tcb *tcb, tcp_seq seq, uint32_t len);
/* SND.UNA has moved on. */
void path_mtu_acked(struct tcb *tcb);
/* The retransmission timer has expired, tcb->retries counts it. */
void path_mtu_timed_out(struct tcb *tcb);
/* "Fragmentation needed", about `seq`, which is in flight. */
void path_mtu_told(struct tcb *tcb, const struct icmp_error *error,
                   tcp_seq seq);

/* Whether packets carry DF: RFC 1191 3. Not where even the smallest size that
 * is used may be too much. */
bool path_mtu_sets_df(const struct tcb *tcb);

#endif
