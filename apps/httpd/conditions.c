/*
 * Dates, tags, and what is to be done if they match: see conditions.h.
 */
#define _GNU_SOURCE /* strptime, timegm */
#include "conditions.h"

#include <string.h>

/* Nearly each answer has the same two: now, and when its file was changed. */
void print_date(char text[DATE_LEN], time_t time)
{
    enum { KNOWN = 16 };
    static struct {
        time_t time;
        char text[DATE_LEN]; /* empty: none */
    } known[KNOWN];
    size_t place = (size_t)time % KNOWN;

    if (known[place].time != time || *known[place].text == '\0') {
        struct tm parts;

        gmtime_r(&time, &parts);
        strftime(known[place].text, DATE_LEN, "%a, %d %b %Y %H:%M:%S GMT",
                 &parts);
        known[place].time = time;
    }
    memcpy(text, known[place].text, DATE_LEN);
}

/* The three forms to read. -1: it is none, and the field is to be ignored. */
static time_t parse_date(const char *text)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT",
                                        "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %d %H:%M:%S %Y"};

    for (size_t i = 0; text != NULL && i < sizeof(forms) / sizeof(*forms);
         i++) {
        struct tm parts = {0};
        const char *end = strptime(text, forms[i], &parts);
        if (end != NULL && *end == '\0')
            return timegm(&parts);
    }
    return -1;
}

/* After `mark`; where the next character goes. */
static char *put_hex(char *at, char mark, unsigned long long number)
{
    int shift = 60;

    *at++ = mark;
    while (shift > 0 && number >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[number >> shift & 15];
    return at;
}

struct validators validators_of(const struct stat *facts)
{
    struct validators validators = {.modified = facts->st_mtime};
    char *at = validators.tag;

    at = put_hex(at, '"', (unsigned long long)facts->st_ino);
    at = put_hex(at, '-', (unsigned long long)facts->st_size);
    at = put_hex(at, '-',
                 (unsigned long long)facts->st_mtim.tv_sec * 1000000000 +
                     (unsigned long long)facts->st_mtim.tv_nsec);
    memcpy(at, "\"", 2);
    return validators;
}

enum comparison { STRONG, WEAK }; /* RFC 9110 8.8.3.2 */

/* Whether the tag is in a list like `"a", W/"b"`. */
static bool lists_tag(const char *list, const char *tag,
                      enum comparison comparison)
{
    for (;;) {
        list += strspn(list, ", \t");
        bool is_weak = strncmp(list, "W/", 2) == 0;
        list += is_weak ? 2 : 0;
        const char *end = *list == '"' ? strchr(list + 1, '"') : NULL;
        if (end == NULL)
            return false;
        size_t len = (size_t)(end + 1 - list);
        if (len == strlen(tag) && memcmp(list, tag, len) == 0 &&
            (!is_weak || comparison == WEAK))
            return true;
        list = end + 1;
    }
}

/* If-Match or If-None-Match; in several lines, perhaps. */
static bool matches(const struct request *request, const char *name,
                    const char *tag, enum comparison comparison)
{
    for (const struct field *f = find_field(request, name, NULL); f != NULL;
         f = find_field(request, name, f))
        if (strcmp(f->value, "*") == 0 || lists_tag(f->value, tag, comparison))
            return true;
    return false;
}

int check_conditions(const struct request *request,
                     const struct validators *validators)
{
    if (field_value(request, "If-Match") != NULL) {
        if (!matches(request, "If-Match", validators->tag, STRONG))
            return 412;
    } else {
        time_t time = parse_date(field_value(request, "If-Unmodified-Since"));
        if (time >= 0 && validators->modified > time)
            return 412;
    }
    if (field_value(request, "If-None-Match") != NULL)
        return matches(request, "If-None-Match", validators->tag, WEAK) ? 304
                                                                        : 200;
    time_t time = parse_date(field_value(request, "If-Modified-Since"));
    return time >= 0 && validators->modified <= time ? 304 : 200;
}

bool if_range_holds(const struct request *request,
                    const struct validators *validators)
{
    const char *value = field_value(request, "If-Range");

    if (value == NULL)
        return true;
    if (*value == '"')
        return strcmp(value, validators->tag) == 0;
    return parse_date(value) == validators->modified;
}
