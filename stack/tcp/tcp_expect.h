/*
 * Which segment comes next. After two segments in a row whose text went on
 * where that of the last one had ended, or one frame of many, so will that of
 * the next one: its text belongs in the receive buffer at RCV.NXT, and a device
 * can put it there without a copy. That is a guess of where the bytes will go
 * and nothing else: the frame goes through all layers like any other.
 */
#ifndef TAPIR_TCP_TCP_EXPECT_H
#define TAPIR_TCP_TCP_EXPECT_H

#include "base/frame.h"

struct tcb;
struct tcp;
struct tcp_segment;

struct tcp_expected {
    struct tcb *tcb; /* of the last text that was in order; NULL: none */
    struct iface *iface;
    unsigned run; /* segments of it in a row, up to those that are needed */
};

/* Text was taken that went on where the last one had ended. */
void expect_more(struct tcb *tcb, const struct tcp_segment *seg);
/* Text came, and not so; or the TCB ends. */
void expect_no_more(struct tcb *tcb);

/* The place, counted from the IP header; false: nothing is expected. */
bool tcp_expect(const struct tcp *tcp, const struct iface *iface,
                struct frame_place *place);

/*
 * Whether an IP packet of `len` bytes that begins with `headers`, and was read
 * to where tcp_expect said, can stay as it lies: it is the one that was
 * expected, or another connection's, which is copied to its buffer anyway.
 */
bool tcp_can_stay_placed(const struct tcp *tcp, struct bytes headers,
                         size_t len);

#endif
