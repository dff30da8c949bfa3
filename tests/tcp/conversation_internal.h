/*
 * What the files of the conversation share.
 */
#ifndef TAPIR_TESTS_TCP_CONVERSATION_INTERNAL_H
#define TAPIR_TESTS_TCP_CONVERSATION_INTERNAL_H

#include "tests/tcp/conversation.h"

enum {
    ETHERNET_LEN = 14,
    ETHERNET_TYPE = 12,
    ETHERNET_IPV4 = 0x0800,
    ETHERNET_ARP = 0x0806,
    IFACE = 2 /* the loopback is 1 */
};

extern const usec start_of_time;
extern const uint8_t stack_mac[6];
extern const uint8_t peer_mac[6];
extern const struct netdev_ops conversation_device_ops;

/* conversation.c: the pass ends: answers leave, what was lent is released. */
void end_pass(struct conversation *c);
/* Goes on to `until`, or to the time of the first segment sent. */
void run_until(struct conversation *c, usec until, bool stop_at_segment);

/* conversation_log.c */
__attribute__((format(printf, 2, 3))) void log_event(struct conversation *c,
                                                     const char *format, ...);
void log_segment(struct conversation *c, const struct peer *peer,
                 const char *who, const struct segment *segment,
                 bool from_peer);
void print_flags(FILE *to, unsigned flags);
void print_ecn(FILE *to, unsigned ecn);
/* With the numbers relative to the two. */
void print_segment(FILE *to, const struct segment *segment, uint32_t seq_base,
                   uint32_t ack_base);

/* conversation_peer.c; NULL: there is none with this port. */
struct peer *find_peer(struct conversation *c, unsigned port);
/* The shift in use for the windows of the stack, or of the peer. */
int scale_of(const struct peer *peer, bool of_stack);
bool timestamps_agreed(const struct peer *peer);
bool sack_agreed(const struct peer *peer);
/* How far a number is from its base: of those that are 2^32 apart, the one
 * that is nearest to `near`. */
int64_t relative(uint32_t number, uint32_t base, int64_t near);
/* Sequence numbers that a segment takes. */
int64_t span(unsigned flags, int64_t len);

/* conversation_ecn.c: NULL, or what is wrong with the ECN field and flags of a
 * segment of the stack. */
const char *check_ecn(const struct peer *peer, const struct segment *segment);
/* Whether a SYN, or SYN,ACK, is ECN-setup. */
bool is_ecn_setup(unsigned flags);

/* conversation_sack.c: the peer has sent [from, to). */
void remember_text(struct peer *peer, int64_t from, int64_t to);
/* NULL, or what is wrong with the SACK option of a segment of the stack. */
const char *check_sack(const struct conversation *c, const struct peer *peer,
                       const struct segment *segment);
/* The block `i` of a segment of the stack, in relative numbers. */
struct sack sack_of(const struct peer *peer, const struct segment *segment,
                    unsigned i);
/* How many are in a list that ends with {0, 0}, or with the array. */
unsigned count_sacks(const struct sack *list, unsigned room);

#endif
