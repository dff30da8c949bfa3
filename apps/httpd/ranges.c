/*
 * What a Range field asks for: see ranges.h.
 */
#include "ranges.h"
#include "request.h"

#include <string.h>
#include <strings.h>

/* One of RFC 9110 14.1.2: "0-499", "500-", "-500". False: it is wrong. One that
 * is outside of the file has its first after its last. */
static bool parse_range(const char **text, off_t file_len, struct range *range)
{
    const char *c = *text;

    if (*c == '-') {
        off_t suffix = parse_length(c + 1, text);
        range->last = file_len - 1;
        range->first = suffix < file_len ? file_len - suffix : 0;
        return suffix >= 0;
    }
    range->first = parse_length(c, &c);
    if (range->first < 0 || *c != '-')
        return false;
    off_t last = parse_length(c + 1, text);
    range->last = last < 0 || last >= file_len ? file_len - 1 : last;
    return last < 0 || last >= range->first;
}

int parse_ranges(const char *text, off_t file_len, struct ranges *ranges)
{
    off_t sum = 0;
    struct range range;
    bool is_any = false;

    ranges->count = 0;
    if (text == NULL || file_len == 0 || strncasecmp(text, "bytes=", 6) != 0)
        return 200;
    for (text += 6; *(text += strspn(text, ", \t")) != '\0';) {
        if (!parse_range(&text, file_len, &range) ||
            (*text != '\0' && strchr(", \t", *text) == NULL))
            return 200;
        is_any = true;
        if (range.first > range.last)
            continue;
        sum += range.last - range.first + 1;
        if (ranges->count == RANGES_MAX || sum > file_len)
            return 200;
        ranges->list[ranges->count++] = range;
    }
    if (!is_any)
        return 200;
    return ranges->count > 0 ? 206 : 416;
}
