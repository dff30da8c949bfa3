/*
 * Memory for the core, handed in: where it comes from and how much there may
 * be is decided outside, so that limits and failures can be tested and
 * replayed. Sizes are given back at the release: blocks carry no header.
 */
#ifndef TAPIR_BASE_MEMORY_H
#define TAPIR_BASE_MEMORY_H

#include "base/bytes.h"

struct memory {
    /*
     * Like realloc(3): `block` NULL asks for a new one, new_size 0 releases.
     * NULL when there is none; the old block then stays as it was.
     */
    void *(*resize)(struct memory *memory, void *block, size_t new_size);
    size_t used;
    size_t limit;
    /* For a recording: requests so far (whoever counts sets it to 0), and who
     * is told when one is refused; NULL: nobody. */
    uint64_t asked;
    void (*refused)(void *watcher);
    void *watcher;
};

/* From the C library, at most `limit` bytes. */
void memory_init(struct memory *memory, size_t limit);

/* Zeroed; NULL when the limit or the source says no. */
MUST_CHECK void *memory_alloc(struct memory *memory, size_t size);
/* Bytes beyond old_size are not cleared. NULL leaves `block` as it was. */
MUST_CHECK void *memory_resize(struct memory *memory, void *block,
                               size_t old_size, size_t new_size);
void memory_free(struct memory *memory, void *block, size_t size);

#endif
