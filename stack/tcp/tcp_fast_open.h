/*
 * TCP Fast Open, RFC 7413: text goes with the SYN, is taken before the
 * handshake ends, and may be answered at once: an exchange takes one round
 * trip. A client may do so that has a cookie of the server's, which it has got
 * in an earlier connection and which proves that its address is its own.
 *
 *      client                                            server
 *      SYN, asks for a cookie            ->
 *                                        <-  SYN,ACK, cookie
 *      ... the handshake and all that follows as ever; another time:
 *      SYN, cookie, text                 ->  the program is told, and reads
 *                                        <-  SYN,ACK of SYN and text
 *                                        <-  text: what the program answers
 *      ACK                               ->  ESTABLISHED
 *
 * As a SYN may come twice, so may its text: both programs have to ask for it
 * (RFC 7413 2.1, 6), the server by TCP_FASTOPEN, the client by MSG_FASTOPEN or
 * TCP_FASTOPEN_CONNECT; and the stack's `fast_open` has to allow it.
 *
 * What comes with the SYN needs buffers, so a server makes a TCB of it at
 * once, in SYN-RECEIVED, and no half-open record; the number of those is
 * limited by the program. All that such a TCB sends is limited by the initial
 * window, and lost text is not sent again before the handshake is over; a FIN
 * may go, too, and the state is then FIN-WAIT-1 after the handshake.
 *
 * tcp_fast_open_cookie.h has the cookies of the server, tcp_fast_open_cache.h
 * the client's memory of them.
 *
 * Left out on purpose: the experimental option of before the RFC (254 with
 * F989, RFC 7413 9), text in the SYN,ACK (4.2.2 allows it; what comes is
 * taken), FIN with a SYN.
 */
#ifndef TAPIR_TCP_FAST_OPEN_H
#define TAPIR_TCP_FAST_OPEN_H

#include "tcp/tcb.h"
#include "tcp/tcp_ends.h"

/* ---- Both ---------------------------------------------------------------- */

/* What our SYN, or the first SYN,ACK, carries: the option, a client's text.
 * RFC 7413 4.2.1: one that is sent again has neither. */
void fast_open_stamp(struct tcb *tcb, struct tcp_segment *seg,
                     struct frame *frame);

/* The connection fails by an error (positive); it ends, for whatever reason,
 * and what is kept here of it is given back. */
void fast_open_failed(struct tcb *tcb, int error);
void fast_open_ended(struct tcb *tcb);

/* ---- Client -------------------------------------------------------------- */

/* Bytes that may go with the SYN to where `tcb` is to be connected; 0: there
 * is no cookie, or Fast Open has failed there lately. */
uint32_t fast_open_room(const struct tcb *tcb);

/* Our SYN is acknowledged, with all of its text, a part or nothing: RFC 7413
 * 4.2.2, "Client: Receiving SYN-ACK". Also if it was no Fast Open. */
void fast_open_answered(struct tcb *tcb, const struct tcp_segment *seg);

/* The SYN was too large for the path, says ICMP: it goes without text. */
void fast_open_was_too_big(struct tcb *tcb);

/* ---- Server -------------------------------------------------------------- */

/* One that waits for the ACK of its SYN,ACK, or was reset before. */
struct fast_open_request;

/* What a SYN for a listener gets: RFC 7413 4.2.2, steps 1 to 3. */
struct fast_open_verdict {
    struct fast_open_request *request; /* a connection at once, which begins
                                          or is cancelled; NULL: as ever */
    bool gives_cookie;
};
struct fast_open_verdict fast_open_judge(struct tcb *listener,
                                         const struct tcp_ends *ends,
                                         const struct tcp_segment *syn);

/* Steps 4 to 6: `tcb`, new and in SYN-RECEIVED, takes the SYN's text, and its
 * program can have it. */
void fast_open_begin(struct tcb *tcb, const struct tcp_segment *syn,
                     struct fast_open_verdict verdict);
void fast_open_cancel(struct tcp *tcp, struct fast_open_request *request);

/* The SYN,ACK is acknowledged: "Server: Receiving ACK". Also if it was no Fast
 * Open. */
void fast_open_completed(struct tcb *tcb);

#endif
