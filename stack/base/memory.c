/*
 * The core's memory: a limit in bytes before whatever source was handed in.
 * What the C library adds to a block for itself is not counted.
 */
#include "base/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void *resize_by_libc(struct memory *memory, void *block, size_t new_size)
{
    (void)memory;
    if (new_size == 0) { /* realloc(block, 0) may mean two things */
        free(block);
        return NULL;
    }
    return realloc(block, new_size);
}

/* A block that shrinks is welcome, even where the limit was lowered since. */
static bool limit_allows(const struct memory *memory, size_t old_size,
                         size_t new_size)
{
    size_t others = memory->used - old_size;

    return new_size <= old_size ||
           (others <= memory->limit && new_size <= memory->limit - others);
}

void memory_init(struct memory *memory, size_t limit)
{
    *memory = (struct memory){.resize = resize_by_libc, .limit = limit};
}

void *memory_alloc(struct memory *memory, size_t size)
{
    void *block = memory_resize(memory, NULL, 0, size);

    if (block != NULL)
        memset(block, 0, size);
    return block;
}

void *memory_resize(struct memory *memory, void *block, size_t old_size,
                    size_t new_size)
{
    void *resized = NULL;

    assert(new_size > 0 && old_size <= memory->used);
    memory->asked++;
    if (limit_allows(memory, old_size, new_size))
        resized = memory->resize(memory, block, new_size);
    if (resized != NULL)
        memory->used = memory->used - old_size + new_size;
    else if (memory->refused != NULL)
        memory->refused(memory->watcher);
    return resized;
}

void memory_free(struct memory *memory, void *block, size_t size)
{
    if (block == NULL)
        return;
    assert(size <= memory->used);
    memory->resize(memory, block, 0);
    memory->used -= size;
}
