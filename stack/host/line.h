/*
 * Text that is put together piece by piece, in a buffer of fixed size. What
 * does not fit is cut off; the text is always whole up to its NUL.
 */
#ifndef TAPIR_HOST_LINE_H
#define TAPIR_HOST_LINE_H

#include "base/addr.h"

#include <stddef.h>

enum { LINE_MAX_LEN = 1024 };

struct line {
    char text[LINE_MAX_LEN];
    size_t len;
};

void line_clear(struct line *line);
__attribute__((format(printf, 2, 3))) void line_add(struct line *line,
                                                    const char *format, ...);
/* "192.0.2.2:80", without a port where there is none. */
void line_add_endpoint(struct line *line, const struct endpoint *endpoint);
/* TCP's, as tcpdump's letters, from the lowest bit on: "S.". */
void line_add_flags(struct line *line, uint8_t flags);
/* Ends it. Where it was cut off, the last byte gives way. */
void line_end(struct line *line);

#endif
