#include "tcp/tcp_options.h"

#include <errno.h>

static void take_sack(struct bytes value, struct tcp_options *out)
{
    out->sack_count = (uint8_t)(value.len / TCP_OPTION_SACK_BLOCK_LEN);
    for (unsigned i = 0; i < out->sack_count; i++) {
        const uint8_t *block = value.data + i * TCP_OPTION_SACK_BLOCK_LEN;

        out->sacks[i].start = get_be32(block);
        out->sacks[i].end = get_be32(block + 4);
    }
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
    default: /* not one of ours: skipped by its length */
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
    return len + tcp_options_sack_len(options->sack_count);
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
    if (options->sack_count > 0)
        emit_sack(options, to);
}
