#include "tests/tcp/payload.h"

#include <string.h>

enum { WORD = sizeof(uint64_t), PIECE = 1024 };

/* Payload by its position in its direction: a slip of one byte shows. It is
 * made by the word, for tests that send more than 2 GiB. */
static uint64_t word_at(bool from_peer, uint64_t position)
{
    uint64_t mixed = (position / WORD + 1) * 0x9e3779b97f4a7c15u;

    mixed ^= mixed >> 31;
    return from_peer ? ~mixed : mixed;
}

static uint8_t byte_at(bool from_peer, uint64_t position)
{
    uint64_t word = word_at(from_peer, position);

    return ((const uint8_t *)&word)[position % WORD];
}

void payload_fill(bool from_peer, uint64_t position, uint8_t *to, size_t len)
{
    size_t i = 0;

    for (; i < len && (position + i) % WORD != 0; i++)
        to[i] = byte_at(from_peer, position + i);
    for (; i + WORD <= len; i += WORD) {
        uint64_t word = word_at(from_peer, position + i);

        memcpy(to + i, &word, WORD);
    }
    for (; i < len; i++)
        to[i] = byte_at(from_peer, position + i);
}

/* The index of the first wrong byte, or len. */
size_t payload_check(bool from_peer, uint64_t position, const uint8_t *bytes,
                     size_t len)
{
    uint8_t right[PIECE];

    for (size_t at = 0; at < len; at += PIECE) {
        size_t count = len - at < PIECE ? len - at : PIECE;

        payload_fill(from_peer, position + at, right, count);
        if (memcmp(right, bytes + at, count) == 0)
            continue;
        for (size_t i = 0; i < count; i++)
            if (bytes[at + i] != right[i])
                return at + i;
    }
    return len;
}
