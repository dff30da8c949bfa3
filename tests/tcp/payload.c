#include "tests/tcp/payload.h"

/* Payload by its position in its direction: a slip of one byte shows. */
static uint8_t byte_at(bool from_peer, uint64_t position)
{
    uint64_t mixed = (position + 1) * 0x9e3779b97f4a7c15u;

    return (uint8_t)((mixed >> 40) ^ (from_peer ? 0x5a : 0));
}

void payload_fill(bool from_peer, uint64_t position, uint8_t *to, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = byte_at(from_peer, position + i);
}

/* The index of the first wrong byte, or len. */
size_t payload_check(bool from_peer, uint64_t position, const uint8_t *bytes,
                     size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != byte_at(from_peer, position + i))
            return i;
    return len;
}
