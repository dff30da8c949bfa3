/*
 * From text to a request: RFC 9112. What might be understood in two ways, by us
 * and by a proxy before us, is refused.
 */
#include "request.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

size_t head_length(const char *text, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        bool is_empty_line =
            text[i - 1] == '\n' ||
            (i >= 2 && text[i - 1] == '\r' && text[i - 2] == '\n');
        if (text[i] == '\n' && is_empty_line)
            return i + 1;
    }
    return 0;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = strchr(digits, c | ('A' <= c && c <= 'F' ? 0x20 : 0));

    return c != '\0' && found != NULL ? (int)(found - digits) : -1;
}

/* RFC 3986 2.1. 0, or the status of the answer. A NUL would end the path. */
static int decode_path(const struct request *request, char *path)
{
    const char *c = request->target;
    const char *end = c + request->target_len;

    while (c < end && *c == '/')
        c++;
    while (c < end) {
        if (*c != '%') {
            *path++ = *c++;
            continue;
        }
        int high = end - c > 2 ? hex_digit(c[1]) : -1;
        int low = end - c > 2 ? hex_digit(c[2]) : -1;
        if (high < 0 || low < 0 || high + low == 0)
            return 400;
        *path++ = (char)(high * 16 + low);
        c += 3;
    }
    *path = '\0';
    return 0;
}

/* One of the path's segments is "..". Browsers and curl have removed them. */
static bool has_dot_dot(const char *path)
{
    for (; *path != '\0'; path += strspn(path, "/")) {
        size_t len = strcspn(path, "/");
        if (len == 2 && memcmp(path, "..", 2) == 0)
            return true;
        path += len;
    }
    return false;
}

/* The target in origin form, "/path?query", or absolute, "http://..." */
static int parse_target(char *target, struct request *request)
{
    if (strncasecmp(target, "http://", 7) == 0)
        target = target + 7 + strcspn(target + 7, "/");
    if (strlen(target) > TARGET_MAX)
        return 414;
    if (*target != '/')
        return 400;
    for (const char *c = target; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return 400;

    request->target = target;
    request->target_len = strcspn(target, "?#");
    int status = decode_path(request, request->path);
    if (status == 0 && has_dot_dot(request->path))
        return 403;
    return status;
}

/* "close" in "keep-alive, close": case does not matter. */
static bool list_has(const char *list, const char *word)
{
    size_t word_len = strlen(word);

    for (;;) {
        list += strspn(list, ", \t");
        size_t len = strcspn(list, ", \t");
        if (len == 0)
            return false;
        if (len == word_len && strncasecmp(list, word, len) == 0)
            return true;
        list += len;
    }
}

const struct field *find_field(const struct request *request, const char *name,
                               const struct field *after)
{
    const struct field *end = request->fields + request->field_count;

    for (const struct field *f = after != NULL ? after + 1 : request->fields;
         f < end; f++)
        if (strcasecmp(f->name, name) == 0)
            return f;
    return NULL;
}

const char *field_value(const struct request *request, const char *name)
{
    const struct field *field = find_field(request, name, NULL);

    return field != NULL ? field->value : NULL;
}

static bool field_has(const struct request *request, const char *name,
                      const char *word)
{
    for (const struct field *f = find_field(request, name, NULL); f != NULL;
         f = find_field(request, name, f))
        if (list_has(f->value, word))
            return true;
    return false;
}

/* RFC 9112 5. The lines are taken apart in place. 0 or the status. */
static int parse_fields(char *text, struct request *request)
{
    char *save;

    for (char *line = strtok_r(text, "\r\n", &save); line != NULL;
         line = strtok_r(NULL, "\r\n", &save)) {
        size_t name_len = strcspn(line, ": \t");
        if (name_len == 0 || line[name_len] != ':')
            return 400; /* RFC 9112 5.1 and 5.2 */
        if (request->field_count == FIELDS_MAX)
            return 431;
        line[name_len] = '\0';
        char *value = line + name_len + 1;
        value += strspn(value, " \t");
        size_t len = strlen(value);
        while (len > 0 && strchr(" \t", value[len - 1]) != NULL)
            value[--len] = '\0';
        request->fields[request->field_count++] =
            (struct field){.name = line, .value = value};
    }
    return 0;
}

off_t parse_length(const char *text, const char **end)
{
    off_t length = 0;
    const char *c = text;

    for (; '0' <= *c && *c <= '9'; c++)
        length = length > (INT64_MAX - 9) / 10 ? INT64_MAX
                                               : length * 10 + (*c - '0');
    *end = c;
    return c == text ? -1 : length;
}

/* RFC 9112 6: where the request ends. 0 or the status. */
static int parse_body(struct request *request)
{
    const struct field *coding = find_field(request, "Transfer-Encoding", NULL);
    const struct field *length = find_field(request, "Content-Length", NULL);
    const char *expect = field_value(request, "Expect");
    const char *end;

    if (coding != NULL && length != NULL)
        return 400; /* RFC 9112 6.3: a request within a request, perhaps */
    if (coding != NULL && strcasecmp(coding->value, "chunked") != 0)
        return 501;
    if (expect != NULL && strcasecmp(expect, "100-continue") != 0)
        return 417;
    if (length != NULL) {
        request->body_len = parse_length(length->value, &end);
        if (request->body_len < 0 || *end != '\0' ||
            find_field(request, "Content-Length", length) != NULL)
            return 400;
        if (request->body_len > BODY_MAX)
            return 413;
    }
    /* Chunks are not read; and whether a body comes that was to wait for a 100
     * is not to be known (RFC 9110 10.1.1). */
    if (coding != NULL || (expect != NULL && request->body_len > 0))
        request->closes = true;
    return 0;
}

/* RFC 9110 9: 0, 405 for the methods that it has besides, or 501. */
static int parse_method(const char *method, struct request *request)
{
    static const char *const others[] = {
        "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};

    request->is_head = strcmp(method, "HEAD") == 0;
    if (request->is_head || strcmp(method, "GET") == 0)
        return 0;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (strcmp(method, others[i]) == 0)
            return 405;
    return 501;
}

/* RFC 9112 3. */
static int parse_lines(char *text, struct request *request)
{
    char *fields = text + strcspn(text, "\n");
    *fields++ = '\0';
    text[strcspn(text, "\r")] = '\0';

    char *target = strchr(text, ' ');
    char *version = target != NULL ? strchr(target + 1, ' ') : NULL;
    if (version == NULL)
        return 400;
    *target++ = '\0';
    *version++ = '\0';
    if (strncmp(version, "HTTP/", 5) != 0 || strlen(version) != 8 ||
        version[6] != '.')
        return 400;
    if (version[5] != '1')
        return 505;

    bool is_http_1_0 = version[7] == '0';
    int method_status = parse_method(text, request);
    int status = parse_fields(fields, request);
    if (status != 0)
        return status;
    const struct field *host = find_field(request, "Host", NULL);
    if (host != NULL ? find_field(request, "Host", host) != NULL : !is_http_1_0)
        return 400; /* RFC 9112 3.2 */
    request->closes =
        field_has(request, "Connection", "close") ||
        (is_http_1_0 && !field_has(request, "Connection", "keep-alive"));
    status = parse_body(request);
    if (status != 0)
        return status;
    return method_status != 0 ? method_status : parse_target(target, request);
}

/* A NUL, or a CR alone (RFC 9112 2.2), by which others might see other fields
 * in the head than we do. */
static bool has_bad_octet(const char *head, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (head[i] == '\0' || (head[i] == '\r' && head[i + 1] != '\n'))
            return true;
    return false;
}

int parse_request(char *text, size_t len, struct request *request)
{
    bool is_bad = has_bad_octet(text, len);

    text[len - 1] = '\0'; /* of the empty line */
    return is_bad ? 400 : parse_lines(text, request);
}
