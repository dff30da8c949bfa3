/*
 * The two ends of a connection, by which its segments find it.
 */
#ifndef TAPIR_TCP_ENDS_H
#define TAPIR_TCP_ENDS_H

#include "base/hash.h"
#include "ip/ip.h"
#include "tcp/tcp_segment.h"

struct tcp_ends {
    struct ip_addr local;
    struct ip_addr remote;
    uint16_t local_port;
    uint16_t remote_port;
    uint16_t scope; /* of the local end: an interface's index; segments do not
                       tell it, so it is not compared */
};

struct tcp_ends tcp_ends_of(const struct endpoint *local,
                            const struct endpoint *remote);
/* As they are here: what the segment calls its destination is local. */
struct tcp_ends tcp_ends_of_segment(const struct ip_packet *packet,
                                    const struct tcp_segment *seg);
struct endpoint tcp_ends_local(const struct tcp_ends *ends);
struct endpoint tcp_ends_remote(const struct tcp_ends *ends);

bool tcp_ends_equal(const struct tcp_ends *a, const struct tcp_ends *b);
uint64_t tcp_ends_hash(const struct tcp_ends *ends, const struct hash_key *key);
/* That of the tables in which connections are found: with fewer rounds. */
uint64_t tcp_ends_table_hash(const struct tcp_ends *ends,
                             const struct hash_key *key);

/*
 * The same in a record of which there may be many, as its last member: of two
 * IPv4 addresses the last four octets each, and with them the record ends.
 */
struct tcp_ends_kept {
    uint16_t local_port;
    uint16_t remote_port;
    uint16_t scope : 15;
    uint16_t is_v4 : 1;
    uint8_t addrs[2 * sizeof(struct ip_addr)]; /* local, remote */
};

void tcp_ends_keep(struct tcp_ends_kept *kept, const struct tcp_ends *ends);
struct tcp_ends tcp_ends_of_kept(const struct tcp_ends_kept *kept);
bool tcp_ends_are_kept(const struct tcp_ends_kept *kept,
                       const struct tcp_ends *ends);
/* How many octets of `addrs` these ends take. */
size_t tcp_ends_addrs_len(const struct tcp_ends *ends);
size_t tcp_ends_kept_addrs_len(const struct tcp_ends_kept *kept);

/* As bytes: what is hashed. */
enum { TCP_ENDS_LEN = 36 };
void tcp_ends_put(const struct tcp_ends *ends, uint8_t to[static TCP_ENDS_LEN]);

#endif
