/*
 * Routes: longest prefix first (RFC 1122 3.3.1, RFC 1812 5.2.4.3). One hash
 * table for all, looked up once for each prefix length that is in use, so the
 * cost does not depend on how many routes there are.
 */
#ifndef TAPIR_IP_ROUTE_H
#define TAPIR_IP_ROUTE_H

#include "link/iface.h"

enum { PREFIX_LENGTHS = 129 };

struct route {
    struct hash_node node;
    struct ip_prefix prefix; /* host bits clear */
    struct ip_addr gateway;  /* all zero: on the link */
    struct iface *iface;
};

struct routes {
    struct env *env;
    struct hash_key key;
    struct hash_table table;
    uint32_t by_length[PREFIX_LENGTHS]; /* how many routes have it */
    uint32_t version;                   /* another one after each change */
};

MUST_CHECK int routes_init(struct routes *routes, struct env *env);
void routes_fini(struct routes *routes);

/*
 * Replaces one to the same prefix, whose host bits play no part. 0, -ENOBUFS.
 */
MUST_CHECK int route_add(struct routes *routes, const struct ip_prefix *prefix,
                         const struct ip_addr *gateway, struct iface *iface);
/* 0, -ESRCH. */
MUST_CHECK int route_delete(struct routes *routes,
                            const struct ip_prefix *prefix);

/* The best route to `dst`; NULL if there is none. */
const struct route *route_find(const struct routes *routes,
                               const struct ip_addr *dst);

#endif
