/*
 * The sequence number, from the top:
 *
 *      1 bit    the tick's last bit
 *      3 bits   the MSS, as an index into a table
 *     28 bits   a keyed hash (SipHash) of all that: ends, IRS, tick, MSS, and
 *               the bits in the timestamp
 *
 * Not RFC 4987 A's 5 bits of a counter and 24 of a hash: as only two ticks are
 * good, one bit tells them apart, and a forger has to guess four bits more.
 * The timestamp's low six bits are the window scale (15: none), whether SACK
 * is permitted, and whether ECN is agreed on.
 *
 * A cookie is not sent again: if the ACK of it is lost and the peer has
 * nothing to say, the connection stands at its side only (RFC 4987 3.6).
 */
#include "tcp/tcp_syn_cookie.h"

enum {
    TICK_SHIFT = 31,
    MSS_SHIFT = 28,
    MSS_MASK = 7,
    HASH_MASK = (1 << MSS_SHIFT) - 1,

    SCALE_MASK = 15,
    SCALE_NONE = 15, /* a scale is at most 14, RFC 7323 2.3 */
    SACK_BIT = 16,
    ECN_BIT = 32,
    TIMESTAMP_MASK = 63
};

/* Never more than the peer takes: the least is what we send at least. Then
 * RFC 9293 3.7.1's default, IPv6's least MTU, tunnels, Ethernet with IPv6 and
 * with IPv4, jumbo frames. */
static const uint16_t mss_table[] = {48,   536,  1220, 1360,
                                     1400, 1440, 1460, 8960};
_Static_assert(sizeof(mss_table) / sizeof(mss_table[0]) == MSS_MASK + 1,
               "an index is three bits");

static uint32_t mss_index(uint16_t mss)
{
    uint32_t index = MSS_MASK;

    while (index > 0 && mss_table[index] > mss)
        index--;
    return index;
}

static uint8_t timestamp_bits(const struct syn_cookie *cookie)
{
    unsigned bits = SCALE_NONE;

    if (!cookie->has_timestamps)
        return SCALE_NONE;
    if (cookie->has_window_scale)
        bits = cookie->window_scale & SCALE_MASK;
    if (cookie->sack_permitted)
        bits |= SACK_BIT;
    if (cookie->ecn)
        bits |= ECN_BIT;
    return (uint8_t)bits;
}

static uint32_t tick_at(usec now)
{
    return (uint32_t)(now / SYN_COOKIE_TICK);
}

static tcp_seq make(const struct hash_key *key, const struct tcp_ends *ends,
                    tcp_seq irs, uint32_t tick, uint32_t index, uint8_t bits)
{
    uint8_t all[TCP_ENDS_LEN + 4 + 4 + 1 + 1];
    uint8_t *at = all + TCP_ENDS_LEN;

    tcp_ends_put(ends, all);
    put_be32(at, irs);
    put_be32(at + 4, tick);
    at[8] = (uint8_t)index;
    at[9] = bits;
    return (tick & 1) << TICK_SHIFT | index << MSS_SHIFT |
           ((uint32_t)hash_bytes(key, bytes_of(all, sizeof(all))) & HASH_MASK);
}

tcp_seq syn_cookie_iss(const struct hash_key *key, const struct tcp_ends *ends,
                       tcp_seq irs, usec now, const struct syn_cookie *cookie)
{
    return make(key, ends, irs, tick_at(now), mss_index(cookie->mss),
                timestamp_bits(cookie));
}

uint32_t syn_cookie_timestamp(uint32_t clock, const struct syn_cookie *cookie)
{
    uint32_t timestamp =
        (clock & ~(uint32_t)TIMESTAMP_MASK) | timestamp_bits(cookie);

    /* The next one, by the clock, must not be older: RFC 7323 5 (PAWS). */
    if (seq_gt(timestamp, clock))
        timestamp -= TIMESTAMP_MASK + 1;
    return timestamp;
}

/* The latest tick that `iss` can be of. */
static uint32_t tick_of(tcp_seq iss, usec now)
{
    uint32_t tick = tick_at(now);

    return (tick & 1) == iss >> TICK_SHIFT ? tick : tick - 1;
}

static void take_bits(uint8_t bits, struct syn_cookie *cookie)
{
    cookie->has_window_scale = (bits & SCALE_MASK) != SCALE_NONE;
    cookie->window_scale = cookie->has_window_scale ? bits & SCALE_MASK : 0;
    cookie->sack_permitted = (bits & SACK_BIT) != 0;
    cookie->ecn = (bits & ECN_BIT) != 0;
}

bool syn_cookie_read(const struct hash_key *key, const struct tcp_ends *ends,
                     tcp_seq irs, usec now, tcp_seq iss, uint32_t ts_ecr,
                     struct syn_cookie *cookie)
{
    uint32_t index = iss >> MSS_SHIFT & MSS_MASK;
    uint8_t bits = SCALE_NONE;

    if (cookie->has_timestamps)
        bits = (uint8_t)(ts_ecr & TIMESTAMP_MASK);
    if (make(key, ends, irs, tick_of(iss, now), index, bits) != iss)
        return false;
    cookie->mss = mss_table[index];
    take_bits(bits, cookie);
    return true;
}
