/*
 * Parts of a file: RFC 9110 14.
 */
#ifndef HTTPD_RANGES_H
#define HTTPD_RANGES_H

#include <sys/types.h>

enum { RANGES_MAX = 16 };

/* Both ends belong to it, as in the fields (RFC 9110 14.1.2). */
struct range {
    off_t first, last;
};

struct ranges {
    unsigned count;
    struct range list[RANGES_MAX];
};

/*
 * Of the value of Range, or NULL: 206 and the ranges; 200 where Range is to be
 * ignored, because it is wrong, or asks for more than all of it (RFC
 * 9110 17.15); 416 where nothing is left.
 */
int parse_ranges(const char *text, off_t file_len, struct ranges *ranges);

#endif
