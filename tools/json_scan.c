#include "json_scan.h"

#include <errno.h>
#include <string.h>

static void skip_space(struct json_scan *json)
{
    while (json->at < json->end && strchr(" \t\r\n", *json->at) != NULL)
        json->at++;
}

static bool take(struct json_scan *json, char c)
{
    skip_space(json);
    if (json->at == json->end || *json->at != c)
        return false;
    json->at++;
    return true;
}

/* After the opening quote, up to the closing one. */
static int take_string(struct json_scan *json, struct json_scan_text *out)
{
    out->at = json->at;
    while (json->at < json->end && *json->at != '"')
        json->at += *json->at == '\\' ? 2 : 1;
    if (json->at >= json->end)
        return -EBADMSG;
    out->len = (size_t)(json->at - out->at);
    json->at++;
    return 0;
}

/* An object or array, with all that is in it. */
static int take_nested(struct json_scan *json, struct json_scan_text *out)
{
    struct json_scan_text ignored;
    unsigned depth = 0;

    out->at = json->at;
    do {
        if (json->at == json->end)
            return -EBADMSG;

        char c = *json->at++;
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        else if (c == '"' && take_string(json, &ignored) < 0)
            return -EBADMSG;
    } while (depth > 0);
    out->len = (size_t)(json->at - out->at);
    return 0;
}

static int take_value(struct json_scan *json, struct json_scan_text *out)
{
    if (take(json, '"'))
        return take_string(json, out);
    if (json->at < json->end && (*json->at == '{' || *json->at == '['))
        return take_nested(json, out);
    out->at = json->at;
    while (json->at < json->end && strchr(",]} \t\r\n", *json->at) == NULL)
        json->at++;
    out->len = (size_t)(json->at - out->at);
    return out->len > 0 ? 0 : -EBADMSG;
}

int json_scan_begin(const char *text, size_t len, struct json_scan *out)
{
    struct json_scan json = {text, text + len};

    if (!take(&json, '{') && !take(&json, '['))
        return -EBADMSG;
    *out = json;
    return 0;
}

int json_scan_next(struct json_scan *json, struct json_scan_text *name,
                   struct json_scan_text *value)
{
    *name = (struct json_scan_text){.at = ""};
    if (take(json, '}') || take(json, ']'))
        return 0;
    take(json, ','); /* before all but the first */
    if (take_value(json, value) < 0)
        return -EBADMSG;
    if (!take(json, ':'))
        return 1; /* an array's */
    *name = *value;
    return take_value(json, value) < 0 ? -EBADMSG : 1;
}

bool json_scan_is(const struct json_scan_text *text, const char *word)
{
    return text->len == strlen(word) && memcmp(text->at, word, text->len) == 0;
}

int json_scan_number(const struct json_scan_text *text, uint64_t *out)
{
    uint64_t number = 0;

    if (text->len == 0 || text->len > 18)
        return -EBADMSG;
    for (size_t i = 0; i < text->len; i++) {
        if (text->at[i] < '0' || text->at[i] > '9')
            return -EBADMSG;
        number = number * 10 + (uint64_t)(text->at[i] - '0');
    }
    *out = number;
    return 0;
}
