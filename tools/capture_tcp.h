/*
 * A TCP segment as a capture has it: addresses, ports, the header's fields and
 * options, in host order. Only headers are looked at, so a capture that cut the
 * packets short (a snap length) will do.
 */
#ifndef TAPIR_TOOLS_CAPTURE_TCP_H
#define TAPIR_TOOLS_CAPTURE_TCP_H

#include "base/addr.h"
#include "capture_link.h"

enum capture_tcp_flag {
    CAPTURE_FIN = 0x01,
    CAPTURE_SYN = 0x02,
    CAPTURE_RST = 0x04,
    CAPTURE_PSH = 0x08,
    CAPTURE_ACK = 0x10,
    CAPTURE_URG = 0x20,
    CAPTURE_ECE = 0x40,
    CAPTURE_CWR = 0x80
};

/* As tcpdump and `--trace` write the flag 1 << bit. */
char capture_flag_letter(unsigned bit);

enum { CAPTURE_SACK_MAX = 4 };

struct capture_tcp {
    struct endpoint src;
    struct endpoint dst;
    uint32_t seq;
    uint32_t ack;
    uint8_t flags;
    uint16_t wnd; /* as in the header, not scaled */
    uint32_t len; /* of the text, captured or not */
    uint16_t mss; /* 0: no such option */
    int wscale;   /* -1: no such option */
    bool sack_permitted;
    bool has_timestamp;
    uint32_t ts_val;
    uint32_t ts_ecr;
    unsigned sack_count;
    uint32_t sack[CAPTURE_SACK_MAX][2]; /* from, to */
};

/*
 * 0; -EPROTONOSUPPORT if the record holds something else, or a later fragment;
 * -EBADMSG if its headers are not whole.
 */
MUST_CHECK int capture_tcp_parse(const struct capture_record *record,
                                 struct capture_tcp *out);

#endif
