/*
 * The table of descriptors: see descriptors.h.
 */
#include "host/descriptors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WORD = 64, CAPACITY_MIN = 64 };

void descriptors_init(struct descriptors *table, unsigned limit)
{
    *table = (struct descriptors){.limit = limit};
}

void descriptors_fini(struct descriptors *table)
{
    free(table->files);
    free(table->used);
    free(table->full);
    descriptors_init(table, table->limit);
}

static bool bit_is_set(const uint64_t *bits, unsigned i)
{
    return bits[i / WORD] >> (i % WORD) & 1;
}

static void bit_set(uint64_t *bits, unsigned i)
{
    bits[i / WORD] |= (uint64_t)1 << (i % WORD);
}

static void bit_clear(uint64_t *bits, unsigned i)
{
    bits[i / WORD] &= ~((uint64_t)1 << (i % WORD));
}

static unsigned words_for(unsigned bits)
{
    return (bits + WORD - 1) / WORD;
}

/* Room for `count` entries of `size` bytes, the new ones zero. */
static bool grow_array(void **array, size_t old_count, size_t count,
                       size_t size)
{
    char *grown = realloc(*array, count * size);

    if (grown == NULL)
        return false;
    memset(grown + old_count * size, 0, (count - old_count) * size);
    *array = grown;
    return true;
}

static bool grow(struct descriptors *table)
{
    unsigned old = table->capacity;
    unsigned capacity = old == 0 ? CAPACITY_MIN : 2 * old;
    void *files = table->files;
    void *used = table->used;
    void *full = table->full;
    bool grown =
        grow_array(&files, old, capacity, sizeof(*table->files)) &&
        grow_array(&used, words_for(old), words_for(capacity),
                   sizeof(*table->used)) &&
        grow_array(&full, words_for(words_for(old)),
                   words_for(words_for(capacity)), sizeof(*table->full));

    /* Those that have grown stay so; they count when all three have. */
    table->files = files;
    table->used = used;
    table->full = full;
    if (grown)
        table->capacity = capacity;
    return grown;
}

/* The least clear bit from `from` on; `count` when there is none. */
static unsigned find_clear(const uint64_t *bits, unsigned from, unsigned count)
{
    while (from < count) {
        uint64_t clear = ~bits[from / WORD] & ~(uint64_t)0 << (from % WORD);

        if (clear != 0)
            return from - from % WORD + (unsigned)__builtin_ctzll(clear);
        from += WORD - from % WORD;
    }
    return count;
}

/* May lie at or past the capacity: then the table is to grow. */
static unsigned least_free(const struct descriptors *table, unsigned from)
{
    unsigned word = from / WORD;
    unsigned words = words_for(table->capacity);

    if (from >= table->capacity)
        return from;
    if (~table->used[word] & ~(uint64_t)0 << (from % WORD))
        return find_clear(table->used, from, table->capacity);
    word = find_clear(table->full, word + 1, words);
    if (word >= words)
        return table->capacity;
    return find_clear(table->used, word * WORD, table->capacity);
}

struct file *descriptors_get(const struct descriptors *table, int number)
{
    if (number < 0 || (unsigned)number >= table->capacity)
        return NULL;
    return table->files[number];
}

int descriptors_add_from(struct descriptors *table, int from, struct file *file)
{
    unsigned number = least_free(table, (unsigned)from);

    if (number >= table->limit)
        return -EMFILE;
    while (number >= table->capacity) {
        if (!grow(table))
            return -ENOMEM;
    }
    table->files[number] = file;
    bit_set(table->used, number);
    if (table->used[number / WORD] == ~(uint64_t)0)
        bit_set(table->full, number / WORD);
    return (int)number;
}

int descriptors_add(struct descriptors *table, struct file *file)
{
    return descriptors_add_from(table, 0, file);
}

bool descriptors_have_room(const struct descriptors *table)
{
    return least_free(table, 0) < table->limit;
}

void descriptors_remove(struct descriptors *table, int number)
{
    unsigned n = (unsigned)number;

    assert(n < table->capacity && bit_is_set(table->used, n));
    table->files[n] = NULL;
    bit_clear(table->used, n);
    bit_clear(table->full, n / WORD);
}

int descriptors_next(const struct descriptors *table, int from)
{
    for (unsigned n = (unsigned)from; n < table->capacity; n++) {
        if (table->files[n] != NULL)
            return (int)n;
    }
    return -1;
}
