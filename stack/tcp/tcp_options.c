#include "tcp/tcp_options.h"

#include <errno.h>
#include <string.h>

static void take_sack(struct bytes value, struct tcp_options *out)
{
    out->sack_count = (uint8_t)(value.len / TCP_OPTION_SACK_BLOCK_LEN);
    for (unsigned i = 0; i < out->sack_count; i++) {
        const uint8_t *block = value.data + i * TCP_OPTION_SACK_BLOCK_LEN;

        out->sacks[i].start = get_be32(block);
        out->sacks[i].end = get_be32(block + 4);
    }
}

/* RFC 7413 4.1.1: "Options with invalid Length values [...] MUST be ignored".
 */
static void take_fast_open(struct bytes value, struct tcp_options *out)
{
    bool is_request = value.len == 0;

    if (!is_request && (value.len < FAST_OPEN_COOKIE_MIN ||
                        value.len > FAST_OPEN_COOKIE_MAX || value.len % 2 != 0))
        return;
    out->has_fast_open = true;
    out->fast_open.len = (uint8_t)value.len;
    memcpy(out->fast_open.octet, value.data, value.len);
}

/* RFC 5482 3.3, 3.4: the length is 4, a time of 0 is reserved and ignored. It
 * is advice: one that is wrong costs no segment. */
static void take_user_timeout(struct bytes value, struct tcp_options *out)
{
    if (value.len + 2 != TCP_OPTION_USER_TIMEOUT_LEN ||
        (get_be16(value.data) & INT16_MAX) == 0)
        return;
    out->has_user_timeout = true;
    out->user_timeout = get_be16(value.data);
}

static void take_option(uint8_t kind, struct bytes value,
                        struct tcp_options *out)
{
    if (kind == TCP_OPTION_MSS) {
        out->has_mss = true;
        out->mss = get_be16(value.data);
    } else if (kind == TCP_OPTION_WINDOW_SCALE) {
        out->has_window_scale = true;
        out->window_scale = value.data[0];
        if (out->window_scale > TCP_WINDOW_SCALE_MAX) /* RFC 7323 2.3 */
            out->window_scale = TCP_WINDOW_SCALE_MAX;
    } else if (kind == TCP_OPTION_TIMESTAMPS) {
        out->has_timestamps = true;
        out->ts_val = get_be32(value.data);
        out->ts_ecr = get_be32(value.data + 4);
    } else if (kind == TCP_OPTION_SACK_PERMITTED) {
        out->sack_permitted = true;
    } else if (kind == TCP_OPTION_SACK) {
        take_sack(value, out);
    } else if (kind == TCP_OPTION_FAST_OPEN) {
        take_fast_open(value, out);
    } else if (kind == TCP_OPTION_USER_TIMEOUT) {
        take_user_timeout(value, out);
    }
}

/* Whether an option of this kind may have this length. */
static bool length_is_possible(uint8_t kind, size_t len)
{
    switch (kind) {
    case TCP_OPTION_MSS:
        return len == TCP_OPTION_MSS_LEN;
    case TCP_OPTION_WINDOW_SCALE:
        return len == TCP_OPTION_WINDOW_SCALE_LEN;
    case TCP_OPTION_SACK_PERMITTED:
        return len == TCP_OPTION_SACK_PERMITTED_LEN;
    case TCP_OPTION_SACK: /* one to four blocks */
        return len > 2 && (len - 2) % TCP_OPTION_SACK_BLOCK_LEN == 0;
    case TCP_OPTION_TIMESTAMPS:
        return len == TCP_OPTION_TIMESTAMPS_LEN;
    default: /* those that are ignored if they are wrong, and unknown ones: all
                are skipped by their length */
        return len >= 2;
    }
}

int tcp_options_parse(struct bytes bytes, struct tcp_options *out)
{
    struct tcp_options options = {0};

    for (size_t at = 0; at < bytes.len;) {
        uint8_t kind = bytes.data[at];

        if (kind == TCP_OPTION_END)
            break;
        if (kind == TCP_OPTION_NOP) {
            at++;
            continue;
        }
        if (bytes.len - at < 2)
            return -EBADMSG;

        size_t len = bytes.data[at + 1];
        if (len > bytes.len - at || !length_is_possible(kind, len))
            return -EBADMSG;

        take_option(kind, bytes_slice(bytes, at + 2, len - 2), &options);
        at += len;
    }
    *out = options;
    return 0;
}

/* Each is padded to a multiple of four; SACK-permitted and timestamps, which
 * are 2 and 10 long, share theirs. */
size_t tcp_options_len(const struct tcp_options *options)
{
    size_t len = 0;

    if (options->has_mss)
        len += 4;
    if (options->has_timestamps)
        len += 12;
    else if (options->sack_permitted)
        len += 4;
    if (options->has_window_scale)
        len += 4;
    if (options->has_fast_open)
        len += tcp_options_fast_open_len(&options->fast_open);
    if (options->has_user_timeout)
        len += TCP_OPTION_USER_TIMEOUT_LEN;
    return len + tcp_options_sack_len(options->sack_count);
}

size_t tcp_options_fast_open_len(const struct fast_open_cookie *cookie)
{
    return (2 + cookie->len + 3u) / 4 * 4;
}

size_t tcp_options_sack_len(unsigned blocks)
{
    return blocks == 0 ? 0 : 4 + blocks * (size_t)TCP_OPTION_SACK_BLOCK_LEN;
}

static uint8_t *emit_pair(uint8_t *to, uint8_t first, uint8_t second)
{
    to[0] = first;
    to[1] = second;
    return to + 2;
}

static uint8_t *emit_timestamps(const struct tcp_options *options, uint8_t *to)
{
    to = emit_pair(to, TCP_OPTION_TIMESTAMPS, TCP_OPTION_TIMESTAMPS_LEN);
    put_be32(to, options->ts_val);
    put_be32(to + 4, options->ts_ecr);
    return to + 8;
}

static uint8_t *emit_sack(const struct tcp_options *options, uint8_t *to)
{
    to = emit_pair(to, TCP_OPTION_NOP, TCP_OPTION_NOP);
    to = emit_pair(
        to, TCP_OPTION_SACK,
        (uint8_t)(2 + options->sack_count * TCP_OPTION_SACK_BLOCK_LEN));
    for (unsigned i = 0; i < options->sack_count; i++) {
        put_be32(to, options->sacks[i].start);
        put_be32(to + 4, options->sacks[i].end);
        to += TCP_OPTION_SACK_BLOCK_LEN;
    }
    return to;
}

/* Padded behind, not before: as Linux. */
static uint8_t *emit_fast_open(const struct fast_open_cookie *cookie,
                               uint8_t *to)
{
    size_t len = tcp_options_fast_open_len(cookie);

    memset(to, TCP_OPTION_NOP, len);
    emit_pair(to, TCP_OPTION_FAST_OPEN, (uint8_t)(2 + cookie->len));
    memcpy(to + 2, cookie->octet, cookie->len);
    return to + len;
}

static uint8_t *emit_user_timeout(const struct tcp_options *options,
                                  uint8_t *to)
{
    to = emit_pair(to, TCP_OPTION_USER_TIMEOUT, TCP_OPTION_USER_TIMEOUT_LEN);
    put_be16(to, options->user_timeout);
    return to + 2;
}

void tcp_options_emit(const struct tcp_options *options, uint8_t *to)
{
    if (options->has_mss) {
        to = emit_pair(to, TCP_OPTION_MSS, TCP_OPTION_MSS_LEN);
        put_be16(to, options->mss);
        to += 2;
    }
    /* what stands before the timestamps aligns them: RFC 7323 A */
    if (options->sack_permitted && !options->has_timestamps)
        to = emit_pair(to, TCP_OPTION_NOP, TCP_OPTION_NOP);
    if (options->sack_permitted)
        to = emit_pair(to, TCP_OPTION_SACK_PERMITTED,
                       TCP_OPTION_SACK_PERMITTED_LEN);
    else if (options->has_timestamps)
        to = emit_pair(to, TCP_OPTION_NOP, TCP_OPTION_NOP);
    if (options->has_timestamps)
        to = emit_timestamps(options, to);
    if (options->has_window_scale) {
        to = emit_pair(to, TCP_OPTION_NOP, TCP_OPTION_WINDOW_SCALE);
        to = emit_pair(to, TCP_OPTION_WINDOW_SCALE_LEN, options->window_scale);
    }
    if (options->has_fast_open)
        to = emit_fast_open(&options->fast_open, to);
    if (options->has_user_timeout)
        to = emit_user_timeout(options, to);
    if (options->sack_count > 0)
        emit_sack(options, to);
}
