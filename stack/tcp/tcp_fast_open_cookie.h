/*
 * The cookies of a Fast Open server, RFC 7413 4.1.2: a message authentication
 * code of the client's address, which only who knows the key can make. What is
 * done with them is in tcp_fast_open.c.
 */
#ifndef TAPIR_TCP_FAST_OPEN_COOKIE_H
#define TAPIR_TCP_FAST_OPEN_COOKIE_H

#include "base/addr.h"
#include "base/env.h"
#include "tcp/tcp_options.h"

/* Bytes of a key as a program gives it: TCP_FASTOPEN_KEY. */
enum { FAST_OPEN_KEY_LEN = 16 };

/* Two, so that a new one does not turn away who has a cookie of the old. */
struct fast_open_keys {
    struct hash_key current;
    struct hash_key previous;
    usec made_at; /* the current one */
    bool has_current;
    bool has_previous;
};

enum fast_open_validity {
    FAST_OPEN_COOKIE_WRONG,
    FAST_OPEN_COOKIE_OF_PREVIOUS, /* good, and it is time for a new one */
    FAST_OPEN_COOKIE_GOOD
};

/*
 * RFC 7413 4.1.2 (5): a key that has served for `life` becomes the previous
 * one, so a cookie is good for one to two lives. 0: the key stays. The first
 * key is made here, too.
 */
void fast_open_keys_roll(struct fast_open_keys *keys, struct env *env,
                         usec life);

/* One key, or the current and the previous one. -EINVAL: neither length. */
MUST_CHECK int fast_open_keys_set(struct fast_open_keys *keys,
                                  struct bytes bytes);
/* As set: how many bytes. */
size_t fast_open_keys_get(const struct fast_open_keys *keys,
                          uint8_t to[static 2 * FAST_OPEN_KEY_LEN]);

/* GetCookie() of RFC 7413 4.1.2. */
struct fast_open_cookie fast_open_cookie_make(const struct fast_open_keys *keys,
                                              const struct ip_addr *client,
                                              const struct ip_addr *server);
/* IsCookieValid(). */
enum fast_open_validity fast_open_cookie_check(
    const struct fast_open_keys *keys, const struct ip_addr *client,
    const struct ip_addr *server, const struct fast_open_cookie *cookie);

#endif
