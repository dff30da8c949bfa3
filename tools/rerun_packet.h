/*
 * A packet of a capture, or one that a replay's stack has sent, as far as a
 * replay compares the two.
 */
#ifndef TAPIR_TOOLS_RERUN_PACKET_H
#define TAPIR_TOOLS_RERUN_PACKET_H

#include "base/usec.h"
#include "netdev/netdev.h"
#include "tcp/tcp_segment.h"

enum rerun_kind {
    RERUN_NOTHING, /* that is compared */
    RERUN_ARP,
    RERUN_ICMP,
    RERUN_UDP,
    RERUN_TCP
};

struct rerun_packet {
    usec time;       /* of the capture's clock */
    uint64_t number; /* of the capture's record; 0: the stack has sent it */
    enum rerun_kind kind;
    struct endpoint src; /* of ARP: who speaks of whom */
    struct endpoint dst;
    uint8_t ecn;       /* RFC 3168 5 */
    bool is_fragment;  /* and so what follows is not known */
    bool is_cut;       /* the capture has not all of the text */
    struct bytes text; /* lies in the frame */
    uint32_t text_sum; /* of it: two texts with the same sum are the same */
    /* TCP */
    uint32_t seq;
    uint32_t ack;
    uint8_t flags;
    uint16_t urgent;
    uint32_t wnd; /* as in the header, until it is scaled */
    struct tcp_options options;
    /* ICMP; of ARP the type is the operation */
    uint8_t type;
    uint8_t code;
    uint16_t id;
    uint16_t sequence;
};

/*
 * Of a whole frame: Ethernet, or a bare IP packet. False if it is neither IPv4
 * nor ARP, or broken. `time`, `number` and `is_cut` are the caller's.
 */
bool rerun_packet_parse(enum netdev_type type, uint8_t *frame, size_t len,
                        struct rerun_packet *out);

/*
 * A packet that is longer than a segment may be, as offload makes them, becomes
 * those that go over the network (of TCP; `mss` bytes of text in each): the
 * next one, at `at`, from 0 on. False after the last.
 */
bool rerun_packet_piece(const struct rerun_packet *whole, uint32_t mss,
                        size_t *at, struct rerun_packet *out);

/* What one has and the other has not. */
enum rerun_difference {
    DIFFERS_FLAGS = 1 << 0,
    DIFFERS_SEQ = 1 << 1,
    DIFFERS_ACK = 1 << 2,
    DIFFERS_LENGTH = 1 << 3,
    DIFFERS_TEXT = 1 << 4,
    DIFFERS_OPTIONS = 1 << 5,
    DIFFERS_SACK = 1 << 6,
    DIFFERS_ECN = 1 << 7,
    DIFFERS_URGENT = 1 << 8,
    DIFFERS_WINDOW = 1 << 9,
    DIFFERS_KIND = 1 << 10, /* type or code of ICMP, operation of ARP */
    DIFFERS_TIME = 1 << 11
};

enum { RERUN_DIFFERENCES_TEXT_MAX = 128 };
/* "flags, ack" */
const char *
rerun_differences_text(unsigned differences,
                       char text[static RERUN_DIFFERENCES_TEXT_MAX]);

/*
 * All but DIFFERS_TIME; both are of one flow. What programs and memory decide,
 * PSH and windows, is looked at only if it is strict.
 */
unsigned rerun_packets_compare(const struct rerun_packet *a,
                               const struct rerun_packet *b, bool is_strict);

enum { RERUN_PACKET_TEXT_MAX = 256 };
/* As tcpdump has it; the numbers of TCP are relative already. */
const char *rerun_packet_text(const struct rerun_packet *packet,
                              char text[static RERUN_PACKET_TEXT_MAX]);

#endif
