/*
 * Bytes as they lie in a packet, and the small helpers that every file needs.
 *
 * Network byte order is read and written with shifts: no cast of a struct
 * onto a frame, so no hidden length check and no misaligned access. The
 * compiler makes one load and one byte swap of each.
 */
#ifndef TAPIR_BASE_BYTES_H
#define TAPIR_BASE_BYTES_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* The result says whether it worked: it must be looked at. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* One of the functions where a debugger stops: see stack/README.md. */
#define DOOR __attribute__((noinline))

/* The object that `member` is a part of. */
#define container_of(pointer, type, member)                                    \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Borrowed bytes: whoever made them owns them. */
struct bytes {
    const uint8_t *data;
    size_t len;
};

static inline struct bytes bytes_of(const void *data, size_t len)
{
    return (struct bytes){.data = data, .len = len};
}

/* The part [from, from + len) of `whole`, which must hold it. */
static inline struct bytes bytes_slice(struct bytes whole, size_t from,
                                       size_t len)
{
    assert(from <= whole.len && len <= whole.len - from);
    return (struct bytes){.data = whole.data + from, .len = len};
}

/* All of `whole` from `from` on, which must not lie past its end. */
static inline struct bytes bytes_from(struct bytes whole, size_t from)
{
    assert(from <= whole.len);
    return (struct bytes){.data = whole.data + from, .len = whole.len - from};
}

static inline uint16_t get_be16(const uint8_t *at)
{
    return (uint16_t)((unsigned)at[0] << 8 | at[1]);
}

static inline uint32_t get_be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
           (uint32_t)at[2] << 8 | at[3];
}

static inline uint64_t get_be64(const uint8_t *at)
{
    return (uint64_t)get_be32(at) << 32 | get_be32(at + 4);
}

static inline void put_be16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void put_be32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

static inline size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

#endif
