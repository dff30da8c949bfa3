/*
 * A byte queue in a ring: the buffer behind a TCP connection, both ways.
 * Positions count from the oldest byte. Bytes may be put beyond the end of
 * what is there (data out of order) and are part of the queue only when
 * ring_commit moves the end over them. Memory is taken at the first write and
 * given back by ring_release_if_empty: an idle connection has none.
 */
#ifndef TAPIR_BASE_RING_H
#define TAPIR_BASE_RING_H

#include "base/memory.h"

#include <stdbool.h>
#include <sys/uio.h>

struct ring {
    uint8_t *data;
    uint32_t size; /* 0 or a power of two */
    uint32_t head; /* index of the oldest byte */
    uint32_t used; /* committed bytes */
};

void ring_init(struct ring *ring);
void ring_fini(struct ring *ring, struct memory *memory);

/*
 * Room for at least `want` bytes from the head on; what lies there, bytes put
 * beyond the end included, is kept. 0 or -ENOBUFS.
 */
MUST_CHECK int ring_reserve(struct ring *ring, struct memory *memory,
                            uint32_t want);

/* What ring_reserve would take for that: 0 if the ring reaches so far. */
uint32_t ring_growth(const struct ring *ring, uint32_t want);

/* Whether a smaller ring would hold what is committed. */
bool ring_can_shrink(const struct ring *ring);
/* Makes it so, if there is memory for that; what was put beyond the end is
 * gone. */
void ring_shrink(struct ring *ring, struct memory *memory);

/*
 * Where the bytes [at, at + len) after the end are to lie, in one or two
 * pieces; the number of pieces. The ring must reach so far.
 */
unsigned ring_place(const struct ring *ring, uint32_t at, uint32_t len,
                    struct iovec pieces[static 2]);

/* Copies `bytes` to position `at`, unless that is where they lie already; the
 * ring must reach so far. No commit. */
void ring_put(struct ring *ring, uint32_t at, struct bytes bytes);

/* The next `len` bytes after the end, already put, join the queue. */
void ring_commit(struct ring *ring, uint32_t len);

/*
 * The committed bytes [at, at + len) as they lie, in one or two pieces; the
 * number of pieces, 0 when len is 0. They stay until the ring changes.
 */
unsigned ring_slices(const struct ring *ring, uint32_t at, uint32_t len,
                     struct bytes pieces[static 2]);

/* Copies committed bytes [at, at + len) out. */
void ring_copy(const struct ring *ring, uint32_t at, uint8_t *to, uint32_t len);

/* Drops the oldest `len` committed bytes. */
void ring_consume(struct ring *ring, uint32_t len);

/*
 * A queue that is empty begins anew where the ring does, and so uses again the
 * memory that the processor's cache has. What was put beyond the end is gone.
 */
void ring_rewind_if_empty(struct ring *ring);

/* Gives the memory back if nothing is committed. */
void ring_release_if_empty(struct ring *ring, struct memory *memory);

#endif
