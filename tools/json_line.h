/*
 * A line of JSON, one flat object, as control sockets write them.
 */
#ifndef TAPIR_TOOLS_JSON_LINE_H
#define TAPIR_TOOLS_JSON_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { JSON_FIELDS_MAX = 128 };

struct json_field {
    const char *key;
    const char *value; /* a string's without quotes and escapes */
    bool is_string;
};

struct json_line {
    unsigned count;
    struct json_field fields[JSON_FIELDS_MAX];
};

/*
 * Takes the line apart where it stands: the fields point into it. False: it is
 * no flat object, or has too many fields.
 */
bool json_line_parse(char *line, struct json_line *out);

/* NULL: there is no such field. */
const char *json_line_text(const struct json_line *line, const char *key);
/* 0 where there is none. */
uint64_t json_line_number(const struct json_line *line, const char *key);
/* Whether it is there, and not false. */
bool json_line_flag(const struct json_line *line, const char *key);

/* As a string, with its quotes. */
void json_print_text(FILE *to, const char *text);

#endif
