#include "tcp/tcp_options.h"

#include <errno.h>

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
    }
}

/* The length that a kind must have; 0: any. */
static size_t fixed_length(uint8_t kind)
{
    if (kind == TCP_OPTION_MSS)
        return TCP_OPTION_MSS_LEN;
    if (kind == TCP_OPTION_WINDOW_SCALE)
        return TCP_OPTION_WINDOW_SCALE_LEN;
    if (kind == TCP_OPTION_TIMESTAMPS)
        return TCP_OPTION_TIMESTAMPS_LEN;
    return 0;
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
        if (len < 2 || len > bytes.len - at)
            return -EBADMSG;
        if (fixed_length(kind) != 0 && fixed_length(kind) != len)
            return -EBADMSG;

        take_option(kind, bytes_slice(bytes, at + 2, len - 2), &options);
        at += len;
    }
    *out = options;
    return 0;
}

size_t tcp_options_len(const struct tcp_options *options)
{
    return (options->has_mss ? 4u : 0) + (options->has_timestamps ? 12u : 0) +
           (options->has_window_scale ? 4u : 0);
}

static uint8_t *emit_timestamps(const struct tcp_options *options, uint8_t *to)
{
    to[0] = TCP_OPTION_NOP; /* RFC 7323 A: aligns the values */
    to[1] = TCP_OPTION_NOP;
    to[2] = TCP_OPTION_TIMESTAMPS;
    to[3] = TCP_OPTION_TIMESTAMPS_LEN;
    put_be32(to + 4, options->ts_val);
    put_be32(to + 8, options->ts_ecr);
    return to + 12;
}

void tcp_options_emit(const struct tcp_options *options, uint8_t *to)
{
    if (options->has_mss) {
        to[0] = TCP_OPTION_MSS;
        to[1] = TCP_OPTION_MSS_LEN;
        put_be16(to + 2, options->mss);
        to += 4;
    }
    if (options->has_timestamps)
        to = emit_timestamps(options, to);
    if (options->has_window_scale) {
        to[0] = TCP_OPTION_NOP;
        to[1] = TCP_OPTION_WINDOW_SCALE;
        to[2] = TCP_OPTION_WINDOW_SCALE_LEN;
        to[3] = options->window_scale;
    }
}
