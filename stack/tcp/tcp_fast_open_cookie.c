/*
 * A cookie is SipHash of the client's and the server's address, 8 bytes. Keys
 * and cookies are little-endian, as Linux has them: with the same
 * TCP_FASTOPEN_KEY its cookies are good here and ours there (RFC 7413 6.3.4,
 * server farms).
 */
#include "tcp/tcp_fast_open_cookie.h"

#include <errno.h>
#include <string.h>

enum { COOKIE_LEN = 8 };

static uint64_t get_le64(const uint8_t *at)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static void put_le64(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* ---- Keys --------------------------------------------------------------- */

void fast_open_keys_roll(struct fast_open_keys *keys, struct env *env,
                         usec life)
{
    usec age = env->now - keys->made_at;

    if (keys->has_current && (life == 0 || age < life))
        return;
    keys->previous = keys->current;
    keys->has_previous = keys->has_current && age < 2 * life;
    keys->current = random_key(&env->random);
    keys->has_current = true;
    keys->made_at = env->now;
}

static struct hash_key key_at(const uint8_t *at)
{
    return (struct hash_key){.k0 = get_le64(at), .k1 = get_le64(at + 8)};
}

static void put_key(uint8_t *at, const struct hash_key *key)
{
    put_le64(at, key->k0);
    put_le64(at + 8, key->k1);
}

int fast_open_keys_set(struct fast_open_keys *keys, struct bytes bytes)
{
    bool has_two = bytes.len == 2 * FAST_OPEN_KEY_LEN;

    if (bytes.len != FAST_OPEN_KEY_LEN && !has_two)
        return -EINVAL;
    *keys = (struct fast_open_keys){.current = key_at(bytes.data),
                                    .has_current = true,
                                    .has_previous = has_two};
    if (has_two)
        keys->previous = key_at(bytes.data + FAST_OPEN_KEY_LEN);
    return 0;
}

size_t fast_open_keys_get(const struct fast_open_keys *keys,
                          uint8_t to[static 2 * FAST_OPEN_KEY_LEN])
{
    if (!keys->has_current)
        return 0;
    put_key(to, &keys->current);
    if (!keys->has_previous)
        return FAST_OPEN_KEY_LEN;
    put_key(to + FAST_OPEN_KEY_LEN, &keys->previous);
    return 2 * (size_t)FAST_OPEN_KEY_LEN;
}

/* ---- Cookies ------------------------------------------------------------ */

/* An address as it stands in the packet: 4 bytes of IPv4. */
static size_t put_addr(uint8_t *at, const struct ip_addr *addr)
{
    if (!ip_addr_is_v4(addr)) {
        memcpy(at, addr->octet, sizeof(addr->octet));
        return sizeof(addr->octet);
    }
    put_be32(at, ip_addr_to_v4(addr));
    return 4;
}

static uint64_t code_of(const struct hash_key *key,
                        const struct ip_addr *client,
                        const struct ip_addr *server)
{
    uint8_t addrs[2 * sizeof(struct ip_addr)];
    size_t len = put_addr(addrs, client);

    len += put_addr(addrs + len, server);
    return hash_bytes(key, bytes_of(addrs, len));
}

struct fast_open_cookie fast_open_cookie_make(const struct fast_open_keys *keys,
                                              const struct ip_addr *client,
                                              const struct ip_addr *server)
{
    struct fast_open_cookie cookie = {.len = COOKIE_LEN};

    put_le64(cookie.octet, code_of(&keys->current, client, server));
    return cookie;
}

enum fast_open_validity fast_open_cookie_check(
    const struct fast_open_keys *keys, const struct ip_addr *client,
    const struct ip_addr *server, const struct fast_open_cookie *cookie)
{
    uint64_t code = get_le64(cookie->octet);

    if (cookie->len != COOKIE_LEN)
        return FAST_OPEN_COOKIE_WRONG;
    if (keys->has_current && code == code_of(&keys->current, client, server))
        return FAST_OPEN_COOKIE_GOOD;
    if (keys->has_previous && code == code_of(&keys->previous, client, server))
        return FAST_OPEN_COOKIE_OF_PREVIOUS;
    return FAST_OPEN_COOKIE_WRONG;
}
