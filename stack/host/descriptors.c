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
    free(table->cloexec);
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
    void *cloexec = table->cloexec;
    bool grown =
        grow_array(&files, old, capacity, sizeof(*table->files)) &&
        grow_array(&used, words_for(old), words_for(capacity),
                   sizeof(*table->used)) &&
        grow_array(&cloexec, words_for(old), words_for(capacity),
                   sizeof(*table->cloexec)) &&
        grow_array(&full, words_for(words_for(old)),
                   words_for(words_for(capacity)), sizeof(*table->full));

    /* Those that have grown stay so; they count when all have. */
    table->files = files;
    table->used = used;
    table->full = full;
    table->cloexec = cloexec;
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

/* `number` is free, and there is room for it. */
static void occupy(struct descriptors *table, unsigned number,
                   struct file *file)
{
    table->files[number] = file;
    bit_set(table->used, number);
    bit_clear(table->cloexec, number);
    if (table->used[number / WORD] == ~(uint64_t)0)
        bit_set(table->full, number / WORD);
}

static int make_room_for(struct descriptors *table, unsigned number)
{
    while (number >= table->capacity) {
        if (!grow(table))
            return -ENOMEM;
    }
    return 0;
}

int descriptors_add_from(struct descriptors *table, int from, struct file *file)
{
    unsigned number = least_free(table, (unsigned)from);
    int r;

    if (number >= table->limit)
        return -EMFILE;
    r = make_room_for(table, number);
    if (r < 0)
        return r;
    occupy(table, number, file);
    return (int)number;
}

int descriptors_put(struct descriptors *table, int number, struct file *file,
                    struct file **before)
{
    int r;

    if (number < 0 || (unsigned)number >= table->limit)
        return -EBADF;
    r = make_room_for(table, (unsigned)number);
    if (r < 0)
        return r;
    *before = table->files[number];
    occupy(table, (unsigned)number, file);
    return 0;
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

bool descriptors_is_cloexec(const struct descriptors *table, int number)
{
    return bit_is_set(table->cloexec, (unsigned)number);
}

void descriptors_set_cloexec(struct descriptors *table, int number)
{
    bit_set(table->cloexec, (unsigned)number);
}

void descriptors_clear_cloexec(struct descriptors *table, int number)
{
    bit_clear(table->cloexec, (unsigned)number);
}

int descriptors_next(const struct descriptors *table, int from)
{
    for (unsigned n = (unsigned)from; n < table->capacity; n++) {
        if (table->files[n] != NULL)
            return (int)n;
    }
    return -1;
}
