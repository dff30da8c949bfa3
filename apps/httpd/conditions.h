/*
 * Conditional requests: RFC 9110 13.
 */
#ifndef HTTPD_CONDITIONS_H
#define HTTPD_CONDITIONS_H

#include "request.h"

#include <sys/stat.h>
#include <time.h>

enum { DATE_LEN = sizeof("Sun, 06 Nov 1994 08:49:37 GMT"), TAG_LEN = 64 };

/* What is told of a file (RFC 9110 8.8). */
struct validators {
    time_t modified;
    char tag[TAG_LEN];
};

/* The file's time changes with its content: the tag is a strong one. */
struct validators validators_of(const struct stat *facts);

/* RFC 9110 13.2.2, but for If-Range. 200, or the status of the answer. */
int check_conditions(const struct request *request,
                     const struct validators *validators);
/* RFC 9110 13.1.5: a tag, or exactly the date that was told. */
bool if_range_holds(const struct request *request,
                    const struct validators *validators);

/* RFC 9110 5.6.7: the one form to write. */
void print_date(char text[DATE_LEN], time_t time);

#endif
