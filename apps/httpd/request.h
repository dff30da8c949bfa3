/*
 * A request's head: RFC 9112 2 to 6.
 */
#ifndef HTTPD_REQUEST_H
#define HTTPD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    REQUEST_MAX = 8192, /* bytes of a request's head */
    FIELDS_MAX = 100,
    TARGET_MAX = 4096,
    BODY_MAX = 65536 /* that is skipped */
};

struct field {
    const char *name, *value;
};

/* One that was parsed; it points into the text. The path is relative to the
 * root, without a NUL. */
struct request {
    bool is_head;
    bool closes;
    const char *target; /* as it came, without the query */
    size_t target_len;
    off_t body_len;
    struct field fields[FIELDS_MAX];
    unsigned field_count;
    char path[TARGET_MAX + sizeof("index.html")];
};

/* The length of the head with its empty line; 0 if that is not there yet. */
size_t head_length(const char *text, size_t len);

/*
 * A head of that length, which is taken apart in place. 0, or the status of the
 * answer; after any but 403 and 405 nobody knows where the next request begins.
 */
int parse_request(char *text, size_t len, struct request *request);

/* The next field of that name, after one that was found, or NULL: the first. */
const struct field *find_field(const struct request *request, const char *name,
                               const struct field *after);
/* Of a field that may be there once, the value; NULL: it is not there. */
const char *field_value(const struct request *request, const char *name);

/* Digits only; too many are as the largest number. -1: something else. */
off_t parse_length(const char *text, const char **end);

#endif
