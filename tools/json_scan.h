/*
 * Reads JSON (RFC 8259) in place: the members of an object one by one, with the
 * text of each value as it stands. Nothing is copied, nothing is allocated.
 */
#ifndef TAPIR_TOOLS_JSON_SCAN_H
#define TAPIR_TOOLS_JSON_SCAN_H

#include "base/bytes.h"

#include <stdbool.h>

/* A value's text: of a string, what is between the quotes, escapes and all. */
struct json_scan_text {
    const char *at;
    size_t len;
};

/* What is left of an object or an array. */
struct json_scan {
    const char *at;
    const char *end;
};

/* An object or array that `text` begins with. 0, or -EBADMSG. */
MUST_CHECK int json_scan_begin(const char *text, size_t len,
                               struct json_scan *out);

/* The next member, or (name then empty) the next element of an array. 1, 0 at
 * the end, -EBADMSG. */
MUST_CHECK int json_scan_next(struct json_scan *json,
                              struct json_scan_text *name,
                              struct json_scan_text *value);

bool json_scan_is(const struct json_scan_text *text, const char *word);
/* A whole number that is not negative; -EBADMSG. */
MUST_CHECK int json_scan_number(const struct json_scan_text *text,
                                uint64_t *out);

#endif
