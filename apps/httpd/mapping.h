/*
 * Files in memory, lent to the stack: no copy is made on their way, and
 * thousands of clients of a file share its pages.
 */
#ifndef HTTPD_MAPPING_H
#define HTTPD_MAPPING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/* For the answer, and for what was lent of it. */
struct mapping {
    char *data;
    size_t len;
    atomic_uint uses;
};

/* With one use, the caller's; NULL: it cannot be had, and the file is to be
 * read. */
struct mapping *map_file(int file);
/* One use less: by the answer, and by the library, in any thread, for what it
 * was lent. */
void unmap(void *mapping);

/* As send(2). */
ssize_t lend_file_part(int fd, struct mapping *mapping, off_t from, size_t len);

/* Part of what was lent, perhaps, cannot be sent any more. */
bool mapping_has_shrunk(const struct mapping *mapping, int file);

/*
 * Memory of a file that has become shorter is no memory: the stack, when it
 * reads what was lent, reads zeros instead, and the server goes on. (The
 * connection is reset, see mapping_has_shrunk.) Of the kernel's own reads there
 * is no signal; such a segment is not sent.
 */
void survive_bus_errors(void);

#endif
