/*
 * The Internet checksum, RFC 1071, eight bytes at a time.
 *
 * The sum does not depend on the byte order in which its words are read, only
 * the place of the two bytes in the result does (RFC 1071 2 (B)). So words are
 * read as the machine has them, four 16-bit words in a 64-bit one (2 (C)), and
 * the bytes are put in order once, at the end. Carries out of the top come in
 * again at the bottom. A piece that follows an odd number of bytes is summed
 * as if it lay at an even place, and its sum swapped (2 (B) again).
 */
#include "base/checksum.h"

enum { WORD = sizeof(uint64_t), STRIDE = 4 * WORD };

static inline uint64_t load(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

/* One's complement addition: the carry comes in at the bottom. */
static inline uint64_t add(uint64_t a, uint64_t b)
{
    uint64_t sum = a + b;

    return sum + (sum < b);
}

static uint64_t fold(uint64_t sum)
{
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* The whole 8-byte words at `at`; the four sums do not wait for each other. */
static uint64_t sum_words(const uint8_t *at, size_t len)
{
    uint64_t a = 0, b = 0, c = 0, d = 0;

    for (; len >= STRIDE; len -= STRIDE, at += STRIDE) {
        a = add(a, load(at));
        b = add(b, load(at + WORD));
        c = add(c, load(at + 2 * WORD));
        d = add(d, load(at + 3 * WORD));
    }
    for (; len >= WORD; len -= WORD, at += WORD)
        a = add(a, load(at));
    return add(add(a, b), add(c, d));
}

/* The folded sum of one piece, in the machine's byte order. */
static uint64_t sum_piece(struct bytes bytes)
{
    size_t rest = bytes.len % WORD;
    uint64_t last = 0;

    if (bytes.len == 0)
        return 0;
    memcpy(&last, bytes.data + bytes.len - rest, rest);
    return fold(add(sum_words(bytes.data, bytes.len), last));
}

static uint64_t swap_bytes(uint64_t folded)
{
    return (folded & 0xff) << 8 | folded >> 8;
}

void checksum_add(struct checksum *checksum, struct bytes bytes)
{
    uint64_t sum = sum_piece(bytes);

    checksum->sum = add(checksum->sum, checksum->odd ? swap_bytes(sum) : sum);
    checksum->odd ^= bytes.len % 2 != 0;
}

/* RFC 9293 3.1, RFC 768: addresses, zero, protocol, length. */
static void add_pseudo_v4(struct checksum *checksum, const struct ip_addr *src,
                          const struct ip_addr *dst, uint8_t protocol,
                          size_t transport_len)
{
    uint8_t pseudo[12] = {[9] = protocol};

    assert(transport_len <= UINT16_MAX);
    put_be32(pseudo, ip_addr_to_v4(src));
    put_be32(pseudo + 4, ip_addr_to_v4(dst));
    put_be16(pseudo + 10, (uint16_t)transport_len);
    checksum->sum =
        add(checksum->sum, sum_piece(bytes_of(pseudo, sizeof(pseudo))));
}

/* RFC 8200 8.1: addresses, length, zero, next header. */
static void add_pseudo_v6(struct checksum *checksum, const struct ip_addr *src,
                          const struct ip_addr *dst, uint8_t protocol,
                          size_t transport_len)
{
    uint8_t pseudo[40] = {[39] = protocol};

    memcpy(pseudo, src->octet, 16);
    memcpy(pseudo + 16, dst->octet, 16);
    put_be32(pseudo + 32, (uint32_t)transport_len);
    checksum->sum =
        add(checksum->sum, sum_piece(bytes_of(pseudo, sizeof(pseudo))));
}

/* It lies at an even place wherever it is added: `odd` has no say. */
void checksum_add_pseudo(struct checksum *checksum, const struct ip_addr *src,
                         const struct ip_addr *dst, uint8_t protocol,
                         size_t transport_len)
{
    if (ip_addr_is_v4(src) && ip_addr_is_v4(dst))
        add_pseudo_v4(checksum, src, dst, protocol, transport_len);
    else
        add_pseudo_v6(checksum, src, dst, protocol, transport_len);
}

/* What of `piece` lies behind *skip. */
static void add_from(struct checksum *checksum, struct bytes piece,
                     size_t *skip)
{
    size_t skipped = min_size(*skip, piece.len);

    checksum_add(checksum, bytes_from(piece, skipped));
    *skip -= skipped;
}

void checksum_add_frame(struct checksum *checksum, const struct frame *frame,
                        size_t from)
{
    add_from(checksum, frame_head(frame), &from);
    for (unsigned i = 0; i < frame->slice_count; i++)
        add_from(checksum, frame->slices[i], &from);
}

uint16_t checksum_fold(const struct checksum *checksum)
{
    uint16_t in_memory_order = (uint16_t)fold(checksum->sum);
    uint8_t octets[2];

    memcpy(octets, &in_memory_order, sizeof(octets));
    return get_be16(octets);
}

uint16_t checksum_finish(const struct checksum *checksum)
{
    return (uint16_t)~checksum_fold(checksum);
}

uint16_t checksum_of(struct bytes bytes)
{
    struct checksum checksum = {0};

    checksum_add(&checksum, bytes);
    return checksum_finish(&checksum);
}

uint16_t checksum_of_plain(struct bytes bytes)
{
    uint64_t sum = 0;

    for (size_t i = 0; i + 1 < bytes.len; i += 2)
        sum += get_be16(bytes.data + i);
    if (bytes.len % 2 != 0)
        sum += (uint64_t)bytes.data[bytes.len - 1] << 8;
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}
