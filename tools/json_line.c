#include "json_line.h"

#include <stdlib.h>
#include <string.h>

static char *skip_space(char *at)
{
    return at + strspn(at, " \t\r\n");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Of \u00XX, the only ones that are written; what comes after it, or NULL. */
static char *unescape_code(char *at, char *to)
{
    int code = 0;

    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);

        if (digit < 0)
            return NULL;
        code = code * 16 + digit;
    }
    *to = code < 0x80 ? (char)code : '?';
    return at + 4;
}

static char *unescape(char *at, char *to)
{
    static const char names[] = "nrtbf";
    static const char octets[] = "\n\r\t\b\f";
    const char *name = *at == '\0' ? NULL : strchr(names, *at);

    if (*at == 'u')
        return unescape_code(at + 1, to);
    if (*at == '\0')
        return NULL;
    *to = name == NULL ? *at : octets[name - names];
    return at + 1;
}

/* Behind the opening quote; what comes after the closing one, or NULL. */
static char *parse_string(char *at, const char **out)
{
    char *to = at;

    *out = at;
    while (*at != '"') {
        if (*at == '\0')
            return NULL;
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        at = unescape(at + 1, to++);
        if (at == NULL)
            return NULL;
    }
    *to = '\0';
    return at + 1;
}

/* A number, true, false or null; *end is the octet behind it, which is given
 * away for a NUL. */
static char *parse_word(char *at, const char **out, char *end)
{
    size_t len = strcspn(at, ",} \t\r\n");

    if (len == 0 || *at == '{' || *at == '[')
        return NULL;
    *out = at;
    *end = at[len];
    at[len] = '\0';
    return at + len;
}

/* "key": value; what comes after it, or NULL. */
static char *parse_field(char *at, struct json_field *out, char *end)
{
    if (*at != '"' || (at = parse_string(at + 1, &out->key)) == NULL)
        return NULL;
    at = skip_space(at);
    if (*at != ':')
        return NULL;
    at = skip_space(at + 1);
    out->is_string = *at == '"';
    if (!out->is_string)
        return parse_word(at, &out->value, end);
    at = parse_string(at + 1, &out->value);
    if (at != NULL)
        *end = *at;
    return at;
}

bool json_line_parse(char *line, struct json_line *out)
{
    char *at = skip_space(line);
    char end = ',';

    out->count = 0;
    if (*at++ != '{')
        return false;
    at = skip_space(at);
    if (*at == '}')
        return true;
    while (end == ',') {
        if (out->count == JSON_FIELDS_MAX)
            return false;
        at = parse_field(skip_space(at), &out->fields[out->count], &end);
        if (at == NULL)
            return false;
        out->count++;
        while (end != '\0' && strchr(" \t\r\n", end) != NULL)
            end = *++at;
        at++;
    }
    return end == '}';
}

const char *json_line_text(const struct json_line *line, const char *key)
{
    for (unsigned i = 0; i < line->count; i++)
        if (strcmp(line->fields[i].key, key) == 0)
            return line->fields[i].value;
    return NULL;
}

uint64_t json_line_number(const struct json_line *line, const char *key)
{
    const char *text = json_line_text(line, key);

    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

bool json_line_flag(const struct json_line *line, const char *key)
{
    const char *text = json_line_text(line, key);

    return text != NULL && strcmp(text, "false") != 0;
}

void json_print_text(FILE *to, const char *text)
{
    putc('"', to);
    for (; *text != '\0'; text++) {
        unsigned char octet = (unsigned char)*text;

        if (octet < 0x20)
            fprintf(to, "\\u%04x", octet);
        else if (octet == '"' || octet == '\\')
            fprintf(to, "\\%c", octet);
        else
            putc(octet, to);
    }
    putc('"', to);
}
