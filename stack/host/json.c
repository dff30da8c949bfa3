#include "host/json.h"

static void put(struct json *json, const char *text, size_t len)
{
    if (json->is_cut || len > json->room - json->len) {
        json->is_cut = true;
        return;
    }
    memcpy(json->text + json->len, text, len);
    json->len += len;
}

static void put_octet(struct json *json, char octet)
{
    put(json, &octet, 1);
}

static void put_digits(struct json *json, uint64_t value)
{
    char digits[20]; /* of 2^64 - 1 */
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    put(json, digits + at, sizeof(digits) - at);
}

static bool is_plain(unsigned char octet)
{
    return octet >= 0x20 && octet != '"' && octet != '\\';
}

/* RFC 8259 7: quote, backslash and what is below 0x20. */
size_t json_escape(unsigned char octet, char to[static JSON_ESCAPE_MAX])
{
    static const char hex[] = "0123456789abcdef";

    if (is_plain(octet)) {
        to[0] = (char)octet;
        return 1;
    }
    to[0] = '\\';
    to[1] = (char)octet;
    if (octet >= 0x20)
        return 2;
    memcpy(to + 1, "u00", 3);
    to[4] = hex[octet >> 4];
    to[5] = hex[octet & 15];
    return 6;
}

static void put_string(struct json *json, const char *text)
{
    char escape[JSON_ESCAPE_MAX];

    put_octet(json, '"');
    while (*text != '\0') {
        size_t plain = 0;

        while (text[plain] != '\0' && is_plain((unsigned char)text[plain]))
            plain++;
        put(json, text, plain);
        text += plain;
        if (*text != '\0')
            put(json, escape, json_escape((unsigned char)*text++, escape));
    }
    put_octet(json, '"');
}

static void put_key(struct json *json, const char *key)
{
    if (json->has_field)
        put_octet(json, ',');
    json->has_field = true;
    put_octet(json, '"');
    put(json, key, strlen(key));
    put(json, "\":", 2);
}

void json_begin(struct json *json, char *text, size_t room)
{
    *json = (struct json){.text = text, .room = room};
    put_octet(json, '{');
}

size_t json_end(struct json *json)
{
    put(json, "}\n", 2);
    return json->is_cut ? 0 : json->len;
}

void json_text(struct json *json, const char *key, const char *value)
{
    put_key(json, key);
    put_string(json, value);
}

void json_number(struct json *json, const char *key, uint64_t value)
{
    put_key(json, key);
    put_digits(json, value);
}

void json_signed(struct json *json, const char *key, int64_t value)
{
    put_key(json, key);
    if (value < 0)
        put_octet(json, '-');
    put_digits(json, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void json_bool(struct json *json, const char *key, bool value)
{
    put_key(json, key);
    put(json, value ? "true" : "false", value ? 4 : 5);
}

static void put_v4(struct json *json, uint32_t addr)
{
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        if (shift < 32)
            put_octet(json, '.');
        put_digits(json, addr >> (shift - 8) & 0xff);
    }
}

static void put_addr(struct json *json, const struct ip_addr *addr)
{
    char text[IP_ADDR_TEXT_MAX];

    if (ip_addr_is_v4(addr)) {
        put_v4(json, ip_addr_to_v4(addr));
    } else {
        ip_addr_text(addr, text);
        put(json, text, strlen(text));
    }
}

void json_addr(struct json *json, const char *key, const struct ip_addr *addr)
{
    put_key(json, key);
    put_octet(json, '"');
    put_addr(json, addr);
    put_octet(json, '"');
}

void json_prefix(struct json *json, const char *key,
                 const struct ip_prefix *prefix)
{
    bool is_v4 = ip_addr_is_v4(&prefix->addr);

    put_key(json, key);
    put_octet(json, '"');
    put_addr(json, &prefix->addr);
    put_octet(json, '/');
    put_digits(json, prefix->len - (is_v4 ? IPV4_PREFIX_OFFSET : 0));
    put_octet(json, '"');
}

void json_mac(struct json *json, const char *key, const struct mac_addr *mac)
{
    char text[MAC_TEXT_MAX];

    json_text(json, key, mac_addr_text(mac, text));
}

void json_count(struct json *json, const char *key, uint64_t value)
{
    if (value != 0)
        json_number(json, key, value);
}

void json_flag(struct json *json, const char *key, bool value)
{
    if (value)
        json_bool(json, key, true);
}
