/*
 * TCP options: RFC 9293 3.2 (MSS), RFC 7323 2.2 (window scale) and 3.2
 * (timestamps), RFC 2018 2 and 3 (SACK), RFC 7413 4.1.1 (Fast Open), RFC 5482
 * 3.3 (user timeout). Others are skipped by their length.
 */
#ifndef TAPIR_TCP_OPTIONS_H
#define TAPIR_TCP_OPTIONS_H

#include "base/bytes.h"

#include <stdbool.h>

enum tcp_option_kind {
    TCP_OPTION_END = 0,
    TCP_OPTION_NOP = 1,
    TCP_OPTION_MSS = 2,
    TCP_OPTION_WINDOW_SCALE = 3,
    TCP_OPTION_SACK_PERMITTED = 4,
    TCP_OPTION_SACK = 5,
    TCP_OPTION_TIMESTAMPS = 8,
    TCP_OPTION_USER_TIMEOUT = 28,
    TCP_OPTION_FAST_OPEN = 34
};

enum {
    TCP_OPTION_MSS_LEN = 4,
    TCP_OPTION_WINDOW_SCALE_LEN = 3,
    TCP_OPTION_SACK_PERMITTED_LEN = 2,
    TCP_OPTION_SACK_BLOCK_LEN = 8,
    TCP_OPTION_TIMESTAMPS_LEN = 10,
    TCP_OPTION_USER_TIMEOUT_LEN = 4,
    TCP_OPTIONS_MAX = 40,
    TCP_WINDOW_SCALE_MAX = 14, /* RFC 7323 2.3 */
    TCP_SACK_BLOCKS_MAX = 4,   /* what fits, RFC 2018 3 */
    FAST_OPEN_COOKIE_MIN = 4,  /* bytes, RFC 7413 4.1.1 */
    FAST_OPEN_COOKIE_MAX = 16
};

/* [start, end) has arrived. */
struct sack_block {
    uint32_t start;
    uint32_t end;
};

/* RFC 7413 4.1.1: its length is 4 to 16 and even; 0 asks for one. */
struct fast_open_cookie {
    uint8_t len;
    uint8_t octet[FAST_OPEN_COOKIE_MAX];
};

struct tcp_options {
    bool has_mss;
    bool has_window_scale;
    bool has_timestamps;
    bool sack_permitted;
    uint8_t sack_count;
    struct sack_block sacks[TCP_SACK_BLOCKS_MAX];
    uint16_t mss;
    uint8_t window_scale;
    uint32_t ts_val;
    uint32_t ts_ecr;
    bool has_fast_open;
    struct fast_open_cookie fast_open;
    bool has_user_timeout;
    uint16_t user_timeout; /* the field with its G bit: tcp_user_timeout.c */
};

/*
 * 0; -EBADMSG when an option runs past the end or has an impossible length
 * (RFC 9293 3.1 MUST-7: must not crash; we drop the segment).
 */
MUST_CHECK int tcp_options_parse(struct bytes bytes, struct tcp_options *out);

/* Bytes that tcp_options_emit writes, a multiple of four. */
size_t tcp_options_len(const struct tcp_options *options);

/* Of these, what so many SACK blocks take. */
size_t tcp_options_sack_len(unsigned blocks);
/* Of these, what a Fast Open option takes. */
size_t tcp_options_fast_open_len(const struct fast_open_cookie *cookie);

/* In the order and with the padding that Linux uses. */
void tcp_options_emit(const struct tcp_options *options, uint8_t *to);

#endif
