/*
 * Lines of JSON (RFC 8259): one flat object each. Written by hand, for there
 * may be ten thousand lines to write while the lock is held.
 */
#ifndef TAPIR_HOST_JSON_H
#define TAPIR_HOST_JSON_H

#include "base/addr.h"

struct json {
    char *text;
    size_t len;
    size_t room;
    bool is_cut;    /* it did not fit */
    bool has_field; /* the object has one already */
};

/* What stands for an octet of a string: its length. */
enum { JSON_ESCAPE_MAX = 6 };
size_t json_escape(unsigned char octet, char to[static JSON_ESCAPE_MAX]);

/* An object and its end, with a newline behind it. */
void json_begin(struct json *json, char *text, size_t room);
/* How long the line is; 0: it did not fit. */
size_t json_end(struct json *json);

/* A field. Keys are plain words, values any text. */
void json_text(struct json *json, const char *key, const char *value);
void json_number(struct json *json, const char *key, uint64_t value);
void json_signed(struct json *json, const char *key, int64_t value);
void json_bool(struct json *json, const char *key, bool value);
/* "192.0.2.1"; "192.0.2.0/24"; "02:00:c0:00:02:02" */
void json_addr(struct json *json, const char *key, const struct ip_addr *addr);
void json_prefix(struct json *json, const char *key,
                 const struct ip_prefix *prefix);
void json_mac(struct json *json, const char *key, const struct mac_addr *mac);
/* Left out where the value is 0, or false. */
void json_count(struct json *json, const char *key, uint64_t value);
void json_flag(struct json *json, const char *key, bool value);

#endif
