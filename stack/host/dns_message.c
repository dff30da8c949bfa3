/*
 * Messages of the domain name system: RFC 1035 4, with the extension mechanism
 * of RFC 6891 (EDNS). Left out on purpose: all types but A, CNAME and PTR,
 * classes but IN, and DNSSEC, which is the recursive server's work.
 */
#include "host/dns_message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* RFC 1035 4.1.1; a record's fixed part, 4.1.3, after its name. */
enum {
    DNS_ID = 0,
    DNS_FLAGS = 2,
    DNS_QDCOUNT = 4,
    DNS_ANCOUNT = 6,
    DNS_NSCOUNT = 8,
    DNS_ARCOUNT = 10,

    FLAG_QR = 0x8000,
    FLAG_OPCODE = 0x7800,
    FLAG_AA = 0x0400,
    FLAG_TC = 0x0200,
    FLAG_RD = 0x0100,
    FLAG_RA = 0x0080,
    FLAG_RCODE = 0x000f,

    RECORD_TYPE = 0,
    RECORD_CLASS = 2,
    RECORD_TTL = 4,
    RECORD_RDLENGTH = 8,
    RECORD_FIXED_LEN = 10,

    CLASS_IN = 1,
    POINTER = 0xc0, /* of compression, 4.1.4 */
    POINTER_OFFSET = 0x3fff
};

/* ---- Names ------------------------------------------------------------- */

/* ASCII only, whatever the locale. */
static uint8_t to_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* An octet of a label as text has it, maybe escaped; how many characters, or
   -EINVAL. */
static int read_octet(const char *text, uint8_t *out)
{
    if (text[0] != '\\') {
        *out = (uint8_t)text[0];
        return 1;
    }
    if (is_digit(text[1]) && is_digit(text[2]) && is_digit(text[3])) {
        int value =
            (text[1] - '0') * 100 + (text[2] - '0') * 10 + text[3] - '0';

        *out = (uint8_t)value;
        return value <= UINT8_MAX ? 4 : -EINVAL;
    }
    *out = (uint8_t)text[1];
    return text[1] != '\0' ? 2 : -EINVAL;
}

/* A label up to its dot or the end, put behind `name`; how many characters. */
static int read_label(const char *text, struct dns_name *name)
{
    size_t start = name->len;
    size_t at = start + 1;
    const char *c = text;

    while (*c != '.' && *c != '\0') {
        uint8_t octet;
        int taken = read_octet(c, &octet);

        if (taken < 0 || at - start > DNS_LABEL_MAX || at >= DNS_NAME_MAX - 1)
            return -EINVAL;
        name->octet[at++] = octet;
        c += taken;
    }
    if (at == start + 1)
        return -EINVAL;
    name->octet[start] = (uint8_t)(at - start - 1);
    name->len = (uint8_t)at;
    return (int)(c - text);
}

int dns_name_parse(const char *text, struct dns_name *out)
{
    struct dns_name name = {.len = 0};
    const char *c = strcmp(text, ".") == 0 ? text + 1 : text;

    if (*text == '\0')
        return -EINVAL;
    while (*c != '\0') {
        int taken = read_label(c, &name);

        if (taken < 0)
            return taken;
        c += taken;
        if (*c == '.')
            c++;
    }
    name.octet[name.len++] = 0;
    *out = name;
    return 0;
}

/* A byte of a label as text; how many characters. */
static size_t write_octet(uint8_t octet, char text[static 5])
{
    if (octet == '.' || octet == '\\')
        return (size_t)snprintf(text, 5, "\\%c", octet);
    if (octet <= ' ' || octet >= 0x7f)
        return (size_t)snprintf(text, 5, "\\%03u", octet);
    text[0] = (char)octet;
    return 1;
}

const char *dns_name_text(const struct dns_name *name,
                          char text[static DNS_TEXT_MAX])
{
    size_t len = 0;

    for (size_t at = 0; name->octet[at] != 0; at += 1u + name->octet[at]) {
        if (at > 0)
            text[len++] = '.';
        for (size_t i = 1; i <= name->octet[at]; i++) {
            char octet[5];
            size_t written = write_octet(name->octet[at + i], octet);

            memcpy(text + len, octet, written);
            len += written;
        }
    }
    if (len == 0)
        text[len++] = '.';
    text[len] = '\0';
    return text;
}

/* A label's length is less than 'A', so all octets may be treated alike. */
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
    if (a->len != b->len)
        return false;
    for (size_t i = 0; i < a->len; i++) {
        if (to_lower(a->octet[i]) != to_lower(b->octet[i]))
            return false;
    }
    return true;
}

static bool is_host_octet(uint8_t c)
{
    return is_digit((char)c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') ||
           c == '-' || c == '_';
}

bool dns_name_is_host(const struct dns_name *name)
{
    for (size_t at = 0; name->octet[at] != 0; at += 1u + name->octet[at]) {
        if (name->octet[at + 1] == '-')
            return false;
        for (size_t i = 1; i <= name->octet[at]; i++) {
            if (!is_host_octet(name->octet[at + i]))
                return false;
        }
    }
    return true;
}

struct dns_name dns_name_of_addr(uint32_t addr)
{
    char text[sizeof("255.255.255.255.in-addr.arpa")];
    struct dns_name name;
    int r;

    snprintf(text, sizeof(text), "%u.%u.%u.%u.in-addr.arpa", addr & 0xff,
             addr >> 8 & 0xff, addr >> 16 & 0xff, addr >> 24);
    r = dns_name_parse(text, &name);
    assert(r == 0);
    (void)r;
    return name;
}

/* ---- Asking ------------------------------------------------------------ */

/* RFC 6891 6.1.2: its class is the size we take, its TTL version 0. */
static size_t put_opt(uint8_t *at)
{
    at[0] = 0; /* the root */
    memset(at + 1, 0, RECORD_FIXED_LEN);
    put_be16(at + 1 + RECORD_TYPE, DNS_TYPE_OPT);
    put_be16(at + 1 + RECORD_CLASS, DNS_UDP_MAX);
    return 1 + RECORD_FIXED_LEN;
}

size_t dns_build_query(uint8_t query[static DNS_QUERY_MAX], uint16_t id,
                       const struct dns_question *question, bool with_edns)
{
    size_t len = DNS_HEADER_LEN;

    memset(query, 0, DNS_HEADER_LEN);
    put_be16(query + DNS_ID, id);
    put_be16(query + DNS_FLAGS, FLAG_RD);
    put_be16(query + DNS_QDCOUNT, 1);
    put_be16(query + DNS_ARCOUNT, with_edns);
    memcpy(query + len, question->name.octet, question->name.len);
    len += question->name.len;
    put_be16(query + len, (uint16_t)question->type);
    put_be16(query + len + 2, CLASS_IN);
    len += 4;
    return with_edns ? len + put_opt(query + len) : len;
}

/* ---- Reading ----------------------------------------------------------- */

/*
 * The name at *at, which then stands behind it. A pointer must lead to what
 * stands before all that was read of the name so far (4.1.4: a prior
 * occurrence), so no chain of pointers can have a loop; and as each has a
 * label of its own before it, there are not many.
 */
static int read_name(struct bytes message, size_t *at, struct dns_name *out)
{
    struct dns_name name = {.len = 0};
    size_t from = *at;
    size_t limit = *at;
    size_t end = 0; /* behind the first pointer */
    unsigned pointers = 0;
    size_t len;

    do {
        if (from >= message.len)
            return -EBADMSG;
        len = message.data[from];
        if ((len & POINTER) == POINTER) {
            if (message.len - from < 2)
                return -EBADMSG;
            end = end == 0 ? from + 2 : end;
            from = get_be16(message.data + from) & POINTER_OFFSET;
            if (from >= limit || ++pointers > DNS_NAME_MAX / 2)
                return -EBADMSG;
            limit = from;
            continue;
        }
        if ((len & POINTER) != 0 || message.len - from < 1 + len ||
            name.len + 1 + len > DNS_NAME_MAX)
            return -EBADMSG;
        memcpy(name.octet + name.len, message.data + from, 1 + len);
        name.len = (uint8_t)(name.len + 1 + len);
        from += 1 + len;
    } while (len != 0);
    *at = end != 0 ? end : from;
    *out = name;
    return 0;
}

/* A resource record, RFC 1035 4.1.3. */
struct record {
    struct dns_name owner;
    uint16_t type;
    uint16_t class;
    uint32_t ttl;
    size_t rdata; /* where it stands in the message */
    size_t rdlength;
};

static int read_record(struct bytes message, size_t *at, struct record *out)
{
    const uint8_t *fixed;
    int r = read_name(message, at, &out->owner);

    if (r < 0)
        return r;
    if (message.len - *at < RECORD_FIXED_LEN)
        return -EBADMSG;
    fixed = message.data + *at;
    out->type = get_be16(fixed + RECORD_TYPE);
    out->class = get_be16(fixed + RECORD_CLASS);
    out->ttl = get_be32(fixed + RECORD_TTL);
    out->rdlength = get_be16(fixed + RECORD_RDLENGTH);
    out->rdata = *at + RECORD_FIXED_LEN;
    if (message.len - out->rdata < out->rdlength)
        return -EBADMSG;
    *at = out->rdata + out->rdlength;
    return 0;
}

/* The question's own end; 0: it is another one. */
static size_t match_question(struct bytes message,
                             const struct dns_question *question)
{
    struct dns_name name;
    size_t at = DNS_HEADER_LEN;

    if (read_name(message, &at, &name) < 0 || message.len - at < 4 ||
        !dns_name_equal(&name, &question->name) ||
        get_be16(message.data + at) != question->type ||
        get_be16(message.data + at + 2) != CLASS_IN)
        return 0;
    return at + 4;
}

bool dns_is_response(struct bytes message, uint16_t id,
                     const struct dns_question *question)
{
    if (message.len < DNS_HEADER_LEN || get_be16(message.data + DNS_ID) != id ||
        (get_be16(message.data + DNS_FLAGS) & (FLAG_QR | FLAG_OPCODE)) !=
            FLAG_QR)
        return false;
    /* A server that could not read the question may have none to repeat. */
    if (get_be16(message.data + DNS_QDCOUNT) == 0)
        return (get_be16(message.data + DNS_FLAGS) & FLAG_RCODE) ==
                   DNS_FORMERR &&
               message.len == DNS_HEADER_LEN;
    return get_be16(message.data + DNS_QDCOUNT) == 1 &&
           match_question(message, question) != 0;
}

/* The name that a record of type CNAME or PTR holds, which fills it. */
static int read_target(struct bytes message, const struct record *record,
                       struct dns_name *out)
{
    struct bytes upto =
        bytes_slice(message, 0, record->rdata + record->rdlength);
    size_t at = record->rdata;
    int r = read_name(upto, &at, out);

    return r == 0 && at != upto.len ? -EBADMSG : r;
}

/* The next link of the chain, if the answers have it: 1; 0: there is none. */
static int follow_alias(struct bytes message, size_t at, unsigned count,
                        struct dns_answer *answer)
{
    for (unsigned i = 0; i < count; i++) {
        struct record record;
        struct dns_name target;
        int r = read_record(message, &at, &record);

        if (r == 0 && record.type == DNS_TYPE_CNAME &&
            record.class == CLASS_IN &&
            dns_name_equal(&record.owner, &answer->owner)) {
            r = read_target(message, &record, &target);
            if (r == 0 && answer->alias_count == DNS_ALIASES_MAX)
                r = -ELOOP;
            if (r < 0)
                return r;
            answer->alias[answer->alias_count++] = answer->owner;
            answer->owner = target;
            return 1;
        }
        if (r < 0)
            return r;
    }
    return 0;
}

static int take_record(struct bytes message, const struct record *record,
                       struct dns_answer *answer)
{
    if (record->type == DNS_TYPE_A) {
        if (record->rdlength != 4)
            return -EBADMSG;
        if (answer->addr_count < DNS_ADDRS_MAX)
            answer->addr[answer->addr_count++] =
                get_be32(message.data + record->rdata);
        return 0;
    }
    if (answer->has_target) /* the first one is as good as the others */
        return 0;
    answer->has_target = true;
    return read_target(message, record, &answer->target);
}

/* The records that were asked for, of the name at the chain's end. */
static int take_records(struct bytes message, size_t *at, unsigned count,
                        enum dns_type type, struct dns_answer *answer)
{
    for (unsigned i = 0; i < count; i++) {
        struct record record;
        int r = read_record(message, at, &record);

        if (r == 0 && record.type == type && record.class == CLASS_IN &&
            dns_name_equal(&record.owner, &answer->owner))
            r = take_record(message, &record, answer);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Authority and additional records: only OPT's upper bits of RCODE count. */
static int skip_records(struct bytes message, size_t at, unsigned count,
                        struct dns_answer *answer)
{
    for (unsigned i = 0; i < count; i++) {
        struct record record;
        int r = read_record(message, &at, &record);

        if (r < 0)
            return r;
        if (record.type == DNS_TYPE_OPT)
            answer->rcode |= record.ttl >> 24 << 4;
    }
    return 0;
}

int dns_parse_response(struct bytes message,
                       const struct dns_question *question,
                       struct dns_answer *out)
{
    const uint8_t *header = message.data;
    unsigned flags = get_be16(header + DNS_FLAGS);
    unsigned answers = get_be16(header + DNS_ANCOUNT);
    size_t at = get_be16(header + DNS_QDCOUNT) == 0
                    ? (size_t)DNS_HEADER_LEN
                    : match_question(message, question);
    int r;

    out->rcode = flags & FLAG_RCODE;
    out->is_truncated = (flags & FLAG_TC) != 0;
    out->is_referral = false;
    out->is_recursive = (flags & FLAG_RA) != 0;
    out->owner = question->name;
    out->alias_count = 0;
    out->addr_count = 0;
    out->has_target = false;
    if (out->is_truncated)
        return 0;
    do
        r = follow_alias(message, at, answers, out);
    while (r > 0);
    if (r == 0)
        r = take_records(message, &at, answers, question->type, out);
    if (r == 0)
        r = skip_records(message, at,
                         (unsigned)get_be16(header + DNS_NSCOUNT) +
                             get_be16(header + DNS_ARCOUNT),
                         out);
    /* RFC 1034 4.3.1: neither does it know itself, nor does it ask others. */
    out->is_referral = out->rcode == DNS_NOERROR && answers == 0 &&
                       (flags & (FLAG_AA | FLAG_RA)) == 0;
    return r;
}
