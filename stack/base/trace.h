/*
 * Trace events: what happened, as typed values. The core raises them at its
 * doors and writes no text; printing, capture and statistics are listeners.
 */
#ifndef TAPIR_BASE_TRACE_H
#define TAPIR_BASE_TRACE_H

#include "base/addr.h"
#include "base/drop.h"
#include "base/frame.h"
#include "base/usec.h"

struct icmp_echo;
struct tcb;
struct tcp_segment;

enum trace_kind {
    TRACE_FRAME_IN,    /* frame: as it came from the device */
    TRACE_FRAME_OUT,   /* frame: as it goes to the device */
    TRACE_PACKET_IN,   /* a layer has parsed a header: layer, text, local,
                          remote, len of its payload */
    TRACE_PACKET_OUT,  /* a layer sends: the same */
    TRACE_DROP,        /* drop; frame, if there still is one */
    TRACE_SEGMENT_IN,  /* segment, local, remote, iss, irs, connection */
    TRACE_SEGMENT_OUT, /* the same */
    TRACE_STATE,       /* connection: from `from` to `text` */
    TRACE_TIMER,       /* a timer of `layer` fired: text */
    TRACE_CONGESTION,  /* connection: text is the cause; cwnd, ssthresh */
    TRACE_NEIGHBOUR,   /* remote.addr, mac; text is the new state */
    TRACE_ACKED,       /* connection: SND.UNA has moved on by len */
    TRACE_WINDOW,      /* connection: SND.WND is now len */
    TRACE_TEXT,        /* len bytes went to their buffer: text says how */
    TRACE_ACK,         /* connection: owes an ACK, at `due` at the latest: text
                          says why */
    TRACE_READY        /* socket: something has changed for its program */
};

enum trace_layer {
    TRACE_ETH,
    TRACE_ARP,
    TRACE_IP,
    TRACE_ICMP,
    TRACE_UDP,
    TRACE_TCP,
    TRACE_SOCKET
};

struct trace_event {
    enum trace_kind kind;
    enum trace_layer layer;
    usec now;
    uint64_t frame_number; /* the frame in hand, 0 when none */
    uint64_t frame_out;    /* of TRACE_FRAME_OUT: the how-manieth that leaves */
    enum drop_reason drop;
    const struct frame *frame;
    const char *text; /* static */
    const char *from; /* static: the old state */
    struct endpoint local;
    struct endpoint remote;
    struct mac_addr mac;
    size_t len;
    const struct icmp_echo *echo; /* of an ICMP echo or its reply, or NULL */
    uint32_t connection; /* a number that no other connection of the stack has
                            had, 0 when none */
    uint32_t socket;     /* a socket's number, of TRACE_READY */
    usec due;            /* of TRACE_ACK */
    const struct tcp_segment *segment;
    const char *state;     /* of a TCP connection, when this happened */
    const struct tcb *tcb; /* it, if it has one: not half-open, not TIME-WAIT */
    uint32_t iss;          /* of `local`: relative numbers are printed */
    uint32_t irs;
    uint32_t cwnd;
    uint32_t ssthresh;
};

struct trace {
    void (*emit)(void *listener, const struct trace_event *event);
    void *listener;
};

#endif
