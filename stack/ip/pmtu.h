/*
 * What is known of the path MTU, for each destination: RFC 1191 3, 6.3. Only
 * what is less than our own link's is kept. Whoever has reason to believe it
 * tells it (TCP, after the checks of RFC 5927); everybody who sends uses it.
 * It is forgotten after a while, so that a larger one is tried again.
 */
#ifndef TAPIR_IP_PMTU_H
#define TAPIR_IP_PMTU_H

#include "base/addr.h"
#include "base/env.h"
#include "base/hash.h"

/* Below, as in Linux, somebody is playing tricks. Where the path takes less
 * than this, routers fragment: do not set DF. */
enum { PMTU_FLOOR = 552 };

struct pmtu_config {
    unsigned max_entries; /* the oldest gives way */
    usec age;             /* RFC 1191 6.3: 10 minutes */
};

struct pmtu {
    struct env *env;
    struct pmtu_config config;
    struct hash_key key;
    struct hash_table table;
    struct list oldest_first;
    uint32_t generation; /* another one whenever something was lowered: then
                            ask again */
};

struct pmtu_config pmtu_config_default(void);
MUST_CHECK int pmtu_init(struct pmtu *pmtu, struct env *env,
                         const struct pmtu_config *config);
void pmtu_fini(struct pmtu *pmtu);

/*
 * Packets to `dst` may have `mtu` bytes, and PMTU_FLOOR in any case. One that
 * is known and smaller stays, and is believed as long as the new one. Without
 * memory it is not kept.
 */
void pmtu_lower(struct pmtu *pmtu, const struct ip_addr *dst, unsigned mtu);

/* 0: nothing is known. `until`, which may be NULL: when to ask again. */
unsigned pmtu_find(const struct pmtu *pmtu, const struct ip_addr *dst,
                   usec *until);

/*
 * RFC 1191 7.1: the plateau below `len`, the length of a packet that was too
 * big where the router does not say what would not be.
 */
unsigned pmtu_plateau_below(unsigned len);

#endif
