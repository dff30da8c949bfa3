#include "tcp/tcp_ends.h"

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
