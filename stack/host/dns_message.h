/*
 * Messages of the domain name system (RFC 1035 4): a question is built, an
 * answer is taken apart. Pure: no socket, no clock, no memory of its own.
 */
#ifndef TAPIR_HOST_DNS_MESSAGE_H
#define TAPIR_HOST_DNS_MESSAGE_H

#include "base/bytes.h"

#include <stdbool.h>

enum {
    DNS_PORT = 53,
    DNS_HEADER_LEN = 12,
    DNS_LABEL_MAX = 63, /* RFC 1035 2.3.4 */
    DNS_NAME_MAX = 255,
    DNS_TEXT_MAX = 4 * DNS_NAME_MAX + 1, /* each octet as \ddd, and the NUL */
    DNS_ALIASES_MAX = 16,                /* CNAMEs in a chain */
    DNS_ADDRS_MAX = 256,                 /* of an answer; others are left out */
    DNS_UDP_PLAIN_MAX = 512,             /* RFC 1035 4.2.1 */
    DNS_UDP_MAX = 1232, /* what we offer by EDNS: fits any path unfragmented */
    DNS_QUERY_MAX = DNS_HEADER_LEN + DNS_NAME_MAX + 4 + 11
};

enum dns_type {
    DNS_TYPE_A = 1,
    DNS_TYPE_CNAME = 5,
    DNS_TYPE_PTR = 12,
    DNS_TYPE_OPT = 41
};

/* RFC 1035 4.1.1; RFC 6891 9 */
enum dns_rcode {
    DNS_NOERROR = 0,
    DNS_FORMERR = 1,
    DNS_SERVFAIL = 2,
    DNS_NXDOMAIN = 3,
    DNS_NOTIMP = 4,
    DNS_REFUSED = 5,
    DNS_BADVERS = 16
};

/* As on the wire, uncompressed: labels, each after its length, and a 0. */
struct dns_name {
    uint8_t len;
    uint8_t octet[DNS_NAME_MAX];
};

struct dns_question {
    struct dns_name name;
    enum dns_type type; /* DNS_TYPE_A or DNS_TYPE_PTR; class IN */
};

/* What an answer says to its question. */
struct dns_answer {
    unsigned rcode; /* with the upper bits of RFC 6891 6.1.3 */
    bool is_truncated;
    bool is_referral;      /* no answer: another server is named */
    bool is_recursive;     /* the server has asked others: there is no more */
    struct dns_name owner; /* the end of the chain of aliases */
    unsigned alias_count;  /* CNAMEs on the way there ... */
    struct dns_name
        alias[DNS_ALIASES_MAX]; /* ... and the names that have one */
    unsigned addr_count;
    uint32_t addr[DNS_ADDRS_MAX]; /* type A, host order */
    bool has_target;              /* type PTR */
    struct dns_name target;
};

/*
 * "www.example.com", with or without the dot at its end; `\.` and `\ddd` as in
 * RFC 1035 5.1. "." is the root. -EINVAL: an empty label, or one or all of it
 * is too long.
 */
MUST_CHECK int dns_name_parse(const char *text, struct dns_name *out);
/* Without the dot at the end, into the caller's buffer, which is returned. */
const char *dns_name_text(const struct dns_name *name,
                          char text[static DNS_TEXT_MAX]);
/* The letters of ASCII are equal in both cases: RFC 4343. */
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);
/*
 * Whether it can be a host's: letters, digits, hyphens (none in front) and, as
 * in life, underscores (RFC 952, RFC 1123 2.1). Other names come from a
 * question that nobody should ask, or from a server that wants to harm whoever
 * prints them.
 */
bool dns_name_is_host(const struct dns_name *name);
/* 7.2.0.192.in-addr.arpa of 192.0.2.7: RFC 1035 3.5 */
struct dns_name dns_name_of_addr(uint32_t addr);

/*
 * A standard query that asks for recursion; with EDNS (RFC 6891), if wanted,
 * that offers DNS_UDP_MAX. Its length.
 */
size_t dns_build_query(uint8_t query[static DNS_QUERY_MAX], uint16_t id,
                       const struct dns_question *question, bool with_edns);

/*
 * Whether it is a response, and to this question by its id, opcode and text
 * (RFC 5452 9.1). What is not, is nobody's business.
 */
bool dns_is_response(struct bytes message, uint16_t id,
                     const struct dns_question *question);
/*
 * What a response to the question says. Of a truncated one the records are not
 * looked at. Chains of CNAMEs are followed in it (RFC 1034 3.6.2), in whatever
 * order they stand. -EBADMSG: it is not well formed; -ELOOP: the chain is
 * longer than DNS_ALIASES_MAX.
 */
MUST_CHECK int dns_parse_response(struct bytes message,
                                  const struct dns_question *question,
                                  struct dns_answer *out);

#endif
