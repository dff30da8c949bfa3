#include "tcp/tcp_ends.h"

enum { V4_LEN = 4, V6_LEN = 16 };

struct tcp_ends tcp_ends_of(const struct endpoint *local,
                            const struct endpoint *remote)
{
    return (struct tcp_ends){
        .local = local->addr,
        .remote = remote->addr,
        .local_port = local->port,
        .remote_port = remote->port,
        .scope = (uint16_t)local->scope,
    };
}

struct tcp_ends tcp_ends_of_segment(const struct ip_packet *packet,
                                    const struct tcp_segment *seg)
{
    return (struct tcp_ends){
        .local = packet->header.dst,
        .remote = packet->header.src,
        .local_port = seg->dst_port,
        .remote_port = seg->src_port,
    };
}

struct endpoint tcp_ends_local(const struct tcp_ends *ends)
{
    return (struct endpoint){
        .addr = ends->local, .port = ends->local_port, .scope = ends->scope};
}

struct endpoint tcp_ends_remote(const struct tcp_ends *ends)
{
    return (struct endpoint){.addr = ends->remote, .port = ends->remote_port};
}

bool tcp_ends_equal(const struct tcp_ends *a, const struct tcp_ends *b)
{
    return a->local_port == b->local_port && a->remote_port == b->remote_port &&
           ip_addr_equal(&a->remote, &b->remote) &&
           ip_addr_equal(&a->local, &b->local);
}

static bool are_v4(const struct tcp_ends *ends)
{
    return ip_addr_is_v4(&ends->local) && ip_addr_is_v4(&ends->remote);
}

static size_t addrs_len(bool is_v4)
{
    return 2 * (is_v4 ? V4_LEN : V6_LEN);
}

void tcp_ends_keep(struct tcp_ends_kept *kept, const struct tcp_ends *ends)
{
    kept->local_port = ends->local_port;
    kept->remote_port = ends->remote_port;
    kept->scope = (unsigned)ends->scope & 0x7fff;
    kept->is_v4 = are_v4(ends);
    if (kept->is_v4) {
        put_be32(kept->addrs, ip_addr_to_v4(&ends->local));
        put_be32(kept->addrs + V4_LEN, ip_addr_to_v4(&ends->remote));
    } else {
        memcpy(kept->addrs, ends->local.octet, V6_LEN);
        memcpy(kept->addrs + V6_LEN, ends->remote.octet, V6_LEN);
    }
}

struct tcp_ends tcp_ends_of_kept(const struct tcp_ends_kept *kept)
{
    struct tcp_ends ends = {
        .local_port = kept->local_port,
        .remote_port = kept->remote_port,
        .scope = kept->scope,
    };

    if (kept->is_v4) {
        ends.local = ip_addr_v4(get_be32(kept->addrs));
        ends.remote = ip_addr_v4(get_be32(kept->addrs + V4_LEN));
    } else {
        memcpy(ends.local.octet, kept->addrs, V6_LEN);
        memcpy(ends.remote.octet, kept->addrs + V6_LEN, V6_LEN);
    }
    return ends;
}

bool tcp_ends_are_kept(const struct tcp_ends_kept *kept,
                       const struct tcp_ends *ends)
{
    struct tcp_ends theirs = tcp_ends_of_kept(kept);

    return tcp_ends_equal(&theirs, ends);
}

size_t tcp_ends_addrs_len(const struct tcp_ends *ends)
{
    return addrs_len(are_v4(ends));
}

size_t tcp_ends_kept_addrs_len(const struct tcp_ends_kept *kept)
{
    return addrs_len(kept->is_v4);
}

void tcp_ends_put(const struct tcp_ends *ends, uint8_t to[static TCP_ENDS_LEN])
{
    memcpy(to, ends->local.octet, 16);
    memcpy(to + 16, ends->remote.octet, 16);
    put_be16(to + 32, ends->local_port);
    put_be16(to + 34, ends->remote_port);
}

uint64_t tcp_ends_hash(const struct tcp_ends *ends, const struct hash_key *key)
{
    uint8_t octets[TCP_ENDS_LEN];

    tcp_ends_put(ends, octets);
    return hash_bytes(key, bytes_of(octets, sizeof(octets)));
}

uint64_t tcp_ends_table_hash(const struct tcp_ends *ends,
                             const struct hash_key *key)
{
    uint64_t ports = (uint64_t)ends->local_port << 16 | ends->remote_port;
    uint64_t words[5];

    if (are_v4(ends)) {
        words[0] = (uint64_t)ip_addr_to_v4(&ends->local) << 32 |
                   ip_addr_to_v4(&ends->remote);
        words[1] = ports;
        return hash_words(key, words, 2);
    }
    for (unsigned i = 0; i < 2; i++) {
        words[i] = get_be64(ends->local.octet + 8 * i);
        words[2 + i] = get_be64(ends->remote.octet + 8 * i);
    }
    words[4] = ports;
    return hash_words(key, words, 5);
}
