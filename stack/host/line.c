/*
 * Text piece by piece: see line.h.
 */
#include "host/line.h"

#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>

void line_clear(struct line *line)
{
    line->len = 0;
    line->text[0] = '\0';
}

void line_add(struct line *line, const char *format, ...)
{
    size_t room = sizeof(line->text) - line->len;
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(line->text + line->len, room, format, arguments);
    va_end(arguments);
    if (len > 0)
        line->len += min_size((size_t)len, room - 1);
}

void line_add_endpoint(struct line *line, const struct endpoint *endpoint)
{
    char text[ENDPOINT_TEXT_MAX];

    if (endpoint->port == 0)
        line_add(line, "%s", ip_addr_text(&endpoint->addr, text));
    else
        line_add(line, "%s", endpoint_text(endpoint, text));
}

void line_add_flags(struct line *line, uint8_t flags)
{
    static const char letters[] = "FSRP.UEW";

    for (unsigned bit = 0; letters[bit] != '\0'; bit++)
        if ((flags >> bit & 1) != 0)
            line_add(line, "%c", letters[bit]);
}

void line_end(struct line *line)
{
    line->len = min_size(line->len, sizeof(line->text) - 2);
    line->text[line->len++] = '\n';
    line->text[line->len] = '\0';
}
