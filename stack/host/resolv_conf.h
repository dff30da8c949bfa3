/*
 * What resolv.conf(5) says, from its text. Pure: whoever calls reads the file.
 */
#ifndef TAPIR_HOST_RESOLV_CONF_H
#define TAPIR_HOST_RESOLV_CONF_H

#include "base/bytes.h"

#include <stdbool.h>

enum {
    RESOLV_SERVERS_MAX = 3, /* as in Linux; others are not asked */
    RESOLV_SEARCH_MAX = 16, /* domains, of ... */
    RESOLV_SEARCH_TEXT_MAX = 1024,
    RESOLV_NDOTS_MAX = 15,
    RESOLV_TIMEOUT_MAX = 30,
    RESOLV_ATTEMPTS_MAX = 5
};

/* It points into itself: not to be copied. */
struct resolv_conf {
    uint32_t server[RESOLV_SERVERS_MAX]; /* IPv4, host order */
    unsigned server_count;
    unsigned search_count;
    const char *search[RESOLV_SEARCH_MAX]; /* in search_text */
    char search_text[RESOLV_SEARCH_TEXT_MAX];
    bool has_search;   /* `search` or `domain` was given, maybe empty */
    unsigned ndots;    /* so many dots: a name is tried as it is first; 1 */
    unsigned timeout;  /* seconds for a server's first answer; 5 */
    unsigned attempts; /* rounds over all servers; 2 */
    bool rotate;       /* each question begins with the next server */
    bool use_tcp;      /* use-vc: never by UDP */
    bool no_edns; /* no-edns0, which is ours: questions of RFC 1035 alone */
};

void resolv_conf_init(struct resolv_conf *conf);
/*
 * Takes in the text of a file, line by line; what it does not know it leaves
 * out, as all resolvers do. So are servers of IPv6.
 */
void resolv_conf_parse(struct resolv_conf *conf, const char *text);
/* The list of $LOCALDOMAIN, or of a domain, in place of what was there. */
void resolv_conf_set_search(struct resolv_conf *conf, const char *domains);
/* The words of `options`, or of $RES_OPTIONS, which come on top. */
void resolv_conf_set_options(struct resolv_conf *conf, const char *words);

#endif
