/*
 * Challenge ACKs: who sends an RST, a SYN or an ACK that cannot be told from a
 * forged one is asked to prove himself (RFC 5961 3.2, 4.2, 5.2). And how many
 * there may be, RFC 5961 7.
 *
 * Two limits. One connection sends no more than challenge_acks of them in a
 * challenge_interval. All connections together send no more than
 * challenge_acks_all; but that is no common count. Who has a connection of his
 * own could use such a count up, and learn from what is missing how many were
 * sent to others: whether what he sends under another's name has met a
 * connection, its window, its ACKs (CVE-2016-5696). To draw its size at random,
 * as Linux has done, only makes him ask more often, for the mean still tells.
 *
 * So it is shared out beforehand: each connection has an equal part, and what
 * others do with theirs changes nothing. Where the part would be less than one
 * it is one in a longer time, so that a peer who has lost his memory always
 * learns of it (RFC 9293 3.5.1). In a single interval there may then be one for
 * each connection; over a longer time the limit holds.
 *
 * A part depends on how many connections there are, rounded up to a power of
 * two. Nobody can open or end one under another's name without the numbers
 * that he is after. But a half-open connection anybody can begin, and one in
 * TIME-WAIT anybody can take over; so the parts of those follow from how many
 * there may be at most, and not from how many there are.
 */
#ifndef TAPIR_TCP_CHALLENGE_H
#define TAPIR_TCP_CHALLENGE_H

#include "base/usec.h"

#include <stdbool.h>
#include <stdint.h>

struct tcb;
struct tcp;

/* What was answered in the time that ends at `until`. */
struct tcp_tally {
    usec until;
    uint32_t count;
};

/* Whether one more is within `most` in `time`; then it is counted. */
bool tcp_tally_allows(struct tcp_tally *tally, usec now, unsigned most,
                      usec time);

/* Sends one with the next output, if the limits allow. */
void send_challenge_ack(struct tcb *tcb);

/*
 * The same for a segment without text that is not acceptable, a keepalive or
 * the probe of a window: no more than challenge_acks in an interval, or two
 * ends that disagree would answer each other for ever. That is the connection's
 * own affair, however many others there are.
 */
void send_limited_ack(struct tcb *tcb);

/* The time in which a connection has its part; it has at least one then. */
usec challenge_time(const struct tcp *tcp);

/* How many one of `among` may send in `time`: at least one, or none at all if
 * that is what is set. */
unsigned challenge_share(const struct tcp *tcp, uint32_t among, usec time);

#endif
