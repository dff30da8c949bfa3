/*
 * SYN cookies, RFC 4987 3.6 and appendix A: when there is no room for one more
 * half-open connection, what must be known of the SYN goes into the sequence
 * number of the SYN,ACK, and comes back with its acknowledgment. What does not
 * fit there goes into the low bits of its timestamp, which comes back too.
 */
#ifndef TAPIR_TCP_SYN_COOKIE_H
#define TAPIR_TCP_SYN_COOKIE_H

#include "base/usec.h"
#include "tcp/tcp_ends.h"

/* A cookie is good in the tick that it was made in, and in the next. */
#define SYN_COOKIE_TICK (64 * USEC_PER_SEC)
#define SYN_COOKIE_LIFE (2 * SYN_COOKIE_TICK)

/* What is agreed on. Without timestamps there is only an MSS. */
struct syn_cookie {
    uint16_t mss;
    uint8_t window_scale;
    bool has_timestamps;
    bool has_window_scale;
    bool sack_permitted;
    bool ecn;
};

/* The ISS of the SYN,ACK to a SYN with `irs`. */
tcp_seq syn_cookie_iss(const struct hash_key *key, const struct tcp_ends *ends,
                       tcp_seq irs, usec now, const struct syn_cookie *cookie);
/* Its TSval: the latest that is not after `clock`. */
uint32_t syn_cookie_timestamp(uint32_t clock, const struct syn_cookie *cookie);

/*
 * Whether `iss` is a cookie of ours, given less than two ticks ago to these
 * ends, and what was in it. cookie->has_timestamps says whether there was a
 * TSecr, `ts_ecr`. The MSS may come back smaller than it was.
 */
bool syn_cookie_read(const struct hash_key *key, const struct tcp_ends *ends,
                     tcp_seq irs, usec now, tcp_seq iss, uint32_t ts_ecr,
                     struct syn_cookie *cookie);

#endif
