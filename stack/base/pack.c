/*
 * The packed form is a sequence of runs. Each begins with an octet whose upper
 * half tells, by the table, how many zeros come first, and whose lower half how
 * many other bytes follow it, at most 15. Zeros at the end are not written.
 */
#include "base/pack.h"

#include <string.h>

enum { MOST_COPIED = 15 };

static const uint16_t zeros_of[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                      8, 9, 10, 12, 16, 32, 64, 256};

/* The most that is told at once. */
static unsigned code_for(size_t zeros)
{
    unsigned code = ARRAY_LENGTH(zeros_of) - 1;

    while (zeros_of[code] > zeros)
        code--;
    return code;
}

static size_t count_zeros(struct bytes from, size_t at)
{
    size_t end = at;

    while (end < from.len && from.data[end] == 0)
        end++;
    return end - at;
}

/* How many are copied from here: a zero alone among them costs no more so. */
static size_t count_others(struct bytes from, size_t at)
{
    size_t end = at;

    while (end < from.len && end - at < MOST_COPIED &&
           (from.data[end] != 0 ||
            (end + 1 < from.len && from.data[end + 1] != 0)))
        end++;
    return end - at;
}

size_t pack_bytes(struct bytes from, uint8_t *to)
{
    uint8_t *next = to;
    size_t at = 0;

    for (;;) {
        size_t zeros = count_zeros(from, at);

        if (at + zeros == from.len)
            return (size_t)(next - to);

        unsigned code = code_for(zeros);
        size_t others = 0;

        at += zeros_of[code];
        if (zeros_of[code] == zeros)
            others = count_others(from, at);
        *next++ = (uint8_t)(code << 4 | others);
        memcpy(next, from.data + at, others);
        next += others;
        at += others;
    }
}

void unpack_bytes(struct bytes packed, uint8_t *to, size_t len)
{
    size_t done = 0;

    memset(to, 0, len);
    for (size_t at = 0; at < packed.len;) {
        unsigned head = packed.data[at++];
        unsigned others = head & MOST_COPIED;

        done += zeros_of[head >> 4];
        assert(done + others <= len && at + others <= packed.len);
        memcpy(to + done, packed.data + at, others);
        done += others;
        at += others;
    }
}
