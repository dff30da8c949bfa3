/*
 * The numbers that stand for open files: POSIX's file descriptors. Several may
 * stand for one file (dup), which is closed with the last of them. Beside the
 * table is a map of what each number is, that can be read without the lock.
 *
 * All functions here are called with the lock held.
 */
#ifndef TAPIR_HOST_NUMBERS_H
#define TAPIR_HOST_NUMBERS_H

#include "host/file.h"

/* NULL: it stands for nothing of ours. */
struct file *number_file(int number);
/*
 * The same; where the numbers are the kernel's (shim.h), the kernel's
 * descriptor of this number is taken into the table. NULL: there is none.
 */
struct file *number_file_or_kernel(int number);
/* Whether number_add would find one. */
bool numbers_have_room(void);

/*
 * The least free number from `least` on stands for the file from now on, and
 * has a reference to it of its own. -EMFILE, -ENOMEM.
 */
MUST_CHECK int number_add(struct file *file, int least, bool is_cloexec);
/* The same for a file that was made for this number, with its reference. */
MUST_CHECK int number_add_first(struct file *file, bool is_cloexec);
/*
 * This number stands for the file from now on. What it stood for before goes
 * to *before, with the number's reference, or NULL. -EBADF, -ENOMEM.
 */
MUST_CHECK int number_put(struct file *file, int number, bool is_cloexec,
                          struct file **before);
/* The number, in use, is free again; its reference is now the caller's. */
struct file *number_remove(int number);

#endif
