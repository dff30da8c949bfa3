/*
 * The byte ring. Its size is a power of two, so that a position becomes an
 * index by a mask. It grows and never shrinks, except to nothing.
 */
#include "base/ring.h"

#include <errno.h>
#include <string.h>

/* The first of a ring: a small one where no more than a quarter of it is
 * wanted, as of a request and its answer; of a stream it would soon be too
 * small. */
enum { RING_SIZE_SMALL = 1024, RING_SIZE_MIN = 4096 };

#define RING_SIZE_MAX (UINT32_C(1) << 31)

static uint32_t size_for(uint32_t want)
{
    uint32_t size =
        want <= RING_SIZE_SMALL / 4 ? RING_SIZE_SMALL : RING_SIZE_MIN;

    while (size < want)
        size *= 2;
    return size;
}

static uint32_t index_of(const struct ring *ring, uint32_t at)
{
    return (ring->head + at) & (ring->size - 1);
}

/* The bytes [at, at + len), committed or not: where they lie, unwrapped. */
static unsigned pieces_of(const struct ring *ring, uint32_t at, uint32_t len,
                          struct bytes pieces[static 2])
{
    if (len == 0)
        return 0;

    uint32_t from = index_of(ring, at);
    uint32_t first = min_u32(len, ring->size - from);

    pieces[0] = bytes_of(ring->data + from, first);
    if (first == len)
        return 1;
    pieces[1] = bytes_of(ring->data, len - first);
    return 2;
}

static void copy_out(const struct ring *ring, uint32_t at, uint8_t *to,
                     uint32_t len)
{
    struct bytes pieces[2];
    unsigned count = pieces_of(ring, at, len, pieces);

    for (unsigned i = 0; i < count; i++) {
        memcpy(to, pieces[i].data, pieces[i].len);
        to += pieces[i].len;
    }
}

void ring_init(struct ring *ring)
{
    *ring = (struct ring){0};
}

void ring_fini(struct ring *ring, struct memory *memory)
{
    memory_free(memory, ring->data, ring->size);
    ring_init(ring);
}

/* A new block of `size` bytes, with the first `len` of the old one. */
static int move_to_new_block(struct ring *ring, struct memory *memory,
                             uint32_t size, uint32_t len)
{
    uint8_t *data = memory_resize(memory, NULL, 0, size);

    if (data == NULL)
        return -ENOBUFS;
    copy_out(ring, 0, data, len);
    memory_free(memory, ring->data, ring->size);
    ring->data = data;
    ring->size = size;
    ring->head = 0;
    return 0;
}

uint32_t ring_growth(const struct ring *ring, uint32_t want)
{
    if (want <= ring->size)
        return 0;
    return want <= RING_SIZE_MAX ? size_for(want) : UINT32_MAX;
}

int ring_reserve(struct ring *ring, struct memory *memory, uint32_t want)
{
    if (want <= ring->size)
        return 0;
    if (want > RING_SIZE_MAX)
        return -ENOBUFS;
    /* All of it: what was put beyond the end is known to the caller alone. */
    return move_to_new_block(ring, memory, size_for(want), ring->size);
}

bool ring_can_shrink(const struct ring *ring)
{
    return ring->size > 0 &&
           (ring->used == 0 || size_for(ring->used) < ring->size);
}

void ring_shrink(struct ring *ring, struct memory *memory)
{
    if (ring->used == 0)
        ring_fini(ring, memory);
    else if (ring_can_shrink(ring)) /* without memory it stays as it is */
        (void)!move_to_new_block(ring, memory, size_for(ring->used),
                                 ring->used);
}

unsigned ring_place(const struct ring *ring, uint32_t at, uint32_t len,
                    struct iovec pieces[static 2])
{
    struct bytes found[2];
    unsigned count = pieces_of(ring, ring->used + at, len, found);

    assert(len <= ring->size - ring->used - at);
    for (unsigned i = 0; i < count; i++)
        pieces[i] = (struct iovec){.iov_base = (void *)found[i].data,
                                   .iov_len = found[i].len};
    return count;
}

void ring_put(struct ring *ring, uint32_t at, struct bytes bytes)
{
    assert(at <= ring->size && bytes.len <= ring->size - at);
    if (bytes.len == 0)
        return;

    uint32_t from = index_of(ring, at);
    size_t first = min_size(bytes.len, ring->size - from);

    if (bytes.data == ring->data + from) /* a piece of ring_place */
        return;
    memcpy(ring->data + from, bytes.data, first);
    memcpy(ring->data, bytes.data + first, bytes.len - first);
}

void ring_commit(struct ring *ring, uint32_t len)
{
    assert(len <= ring->size - ring->used);
    ring->used += len;
}

unsigned ring_slices(const struct ring *ring, uint32_t at, uint32_t len,
                     struct bytes pieces[static 2])
{
    assert(at <= ring->used && len <= ring->used - at);
    return pieces_of(ring, at, len, pieces);
}

void ring_copy(const struct ring *ring, uint32_t at, uint8_t *to, uint32_t len)
{
    assert(at <= ring->used && len <= ring->used - at);
    copy_out(ring, at, to, len);
}

void ring_consume(struct ring *ring, uint32_t len)
{
    assert(len <= ring->used);
    ring->head = index_of(ring, len);
    ring->used -= len;
}

void ring_rewind_if_empty(struct ring *ring)
{
    if (ring->used == 0)
        ring->head = 0;
}

void ring_release_if_empty(struct ring *ring, struct memory *memory)
{
    if (ring->used == 0)
        ring_fini(ring, memory);
}
