/*
 * The table of descriptors: from a number to what it stands for. A new one
 * gets the lowest free number, as POSIX has it (XSH 2.14), found in a bitmap
 * of two levels; memory is taken as numbers come into use.
 */
#ifndef TAPIR_HOST_DESCRIPTORS_H
#define TAPIR_HOST_DESCRIPTORS_H

#include "base/bytes.h"

#include <stdbool.h>

enum { DESCRIPTORS_MAX = 1 << 20 };

struct file;

struct descriptors {
    struct file **files;
    uint64_t *used;    /* a bit for each number */
    uint64_t *full;    /* a bit for each word of `used` without a free number */
    uint64_t *cloexec; /* FD_CLOEXEC is a number's, not its file's */
    unsigned capacity;
    unsigned limit; /* the least number that is never given */
};

void descriptors_init(struct descriptors *table, unsigned limit);
void descriptors_fini(struct descriptors *table);

/* NULL: the number stands for nothing. */
struct file *descriptors_get(const struct descriptors *table, int number);

/* The number that `file` got; -EMFILE, -ENOMEM. */
MUST_CHECK int descriptors_add(struct descriptors *table, struct file *file);
/* The same from number `from` on. */
MUST_CHECK int descriptors_add_from(struct descriptors *table, int from,
                                    struct file *file);
/*
 * `number` stands for `file` from now on, in place of `before` (NULL: it was
 * free), and is not close-on-exec. -EBADF out of range, -ENOMEM.
 */
MUST_CHECK int descriptors_put(struct descriptors *table, int number,
                               struct file *file, struct file **before);
/* Whether descriptors_add would find a number. */
bool descriptors_have_room(const struct descriptors *table);
/* The number, which must be in use, is free again. */
void descriptors_remove(struct descriptors *table, int number);

/* FD_CLOEXEC of a number in use; a new one has it not. */
bool descriptors_is_cloexec(const struct descriptors *table, int number);
void descriptors_set_cloexec(struct descriptors *table, int number);
void descriptors_clear_cloexec(struct descriptors *table, int number);

/* The least number in use from `from` on; -1 when there is none. */
int descriptors_next(const struct descriptors *table, int from);

#endif
