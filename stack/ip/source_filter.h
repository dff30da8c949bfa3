/*
 * Which senders of a multicast group are listened to: RFC 3376 2. A filter
 * names the sources that are wanted (INCLUDE) or those that are not (EXCLUDE).
 * EXCLUDE without sources is the whole group, INCLUDE without any is nobody.
 */
#ifndef TAPIR_IP_SOURCE_FILTER_H
#define TAPIR_IP_SOURCE_FILTER_H

#include "base/addr.h"

enum { SOURCES_MAX = 32 };

struct source_list {
    unsigned count;
    struct ip_addr addrs[SOURCES_MAX]; /* each but once */
};

struct source_filter {
    bool excludes;
    struct source_list sources;
};

bool source_list_has(const struct source_list *list,
                     const struct ip_addr *source);
/* False: there is no room. One that is there already is not added. */
bool source_list_add(struct source_list *list, const struct ip_addr *source);
/* False: it is not there. */
bool source_list_remove(struct source_list *list, const struct ip_addr *source);
/* Those of `a` that are not in `b`. */
struct source_list source_list_minus(const struct source_list *a,
                                     const struct source_list *b);

bool source_filter_allows(const struct source_filter *filter,
                          const struct ip_addr *source);
bool source_filter_equal(const struct source_filter *a,
                         const struct source_filter *b);

/*
 * RFC 3376 3.2: widens `whole`, which begins as INCLUDE without sources, by
 * one more filter. More sources than there is room for widen it to all.
 */
void source_filter_merge(struct source_filter *whole,
                         const struct source_filter *more);

#endif
