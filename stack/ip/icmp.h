/*
 * ICMP, RFC 792 with RFC 1122 3.2.2 and, for the errors we send, RFC 1812
 * 4.3.2: what they must never answer, and a limit to their rate.
 */
#ifndef TAPIR_IP_ICMP_H
#define TAPIR_IP_ICMP_H

#include "ip/ip.h"

enum {
    ICMP_TYPE = 0,
    ICMP_CODE = 1,
    ICMP_CHECKSUM = 2,
    ICMP_REST = 4, /* identifier and sequence, or unused, or next-hop MTU */
    ICMP_HEADER_LEN = 8
};

enum icmp_type {
    ICMP_ECHO_REPLY = 0,
    ICMP_UNREACHABLE = 3,
    ICMP_SOURCE_QUENCH = 4,
    ICMP_REDIRECT = 5,
    ICMP_ECHO_REQUEST = 8,
    ICMP_TIME_EXCEEDED = 11,
    ICMP_PARAMETER_PROBLEM = 12
};

enum icmp_unreachable_code {
    ICMP_NET_UNREACHABLE = 0,
    ICMP_HOST_UNREACHABLE = 1,
    ICMP_PROTOCOL_UNREACHABLE = 2,
    ICMP_PORT_UNREACHABLE = 3,
    ICMP_FRAGMENTATION_NEEDED = 4
};

enum { ICMP_REASSEMBLY_TIME_EXCEEDED = 1 };

/* "echo request" */
const char *icmp_type_text(uint8_t type);

/* The header in host order. */
struct icmp_header {
    uint8_t type;
    uint8_t code;
    uint32_t rest; /* ICMP_REST */
};

/* An error message that has arrived, for the transport it speaks about. */
struct icmp_error {
    uint8_t type;
    uint8_t code;
    uint16_t mtu;            /* of ICMP_FRAGMENTATION_NEEDED, RFC 1191 4 */
    uint8_t pointer;         /* of ICMP_PARAMETER_PROBLEM: to which octet */
    struct ip_addr reporter; /* who sent the error */
    struct ip_addr told;     /* the address of ours to which it was sent */
    unsigned iface;          /* where it came in; 0: from ourselves */
    uint8_t ttl;             /* of its packet */
    uint8_t tos;
    struct ip_header quoted; /* the packet of ours that it speaks about */
    struct bytes payload;    /* that packet's first transport bytes, >= 8 */
    int error;               /* the errno it means, RFC 1122 4.2.3.9 and
                                4.1.3.3 by Linux's table; positive */
    bool hard;               /* RFC 1122 4.2.3.9: a connection may end by it */
};

/* An echo reply for whoever sent the request. */
struct icmp_echo {
    uint16_t id;
    uint16_t sequence;
};

enum icmp_result {
    ICMP_DONE,  /* answered or dropped */
    ICMP_ERROR, /* `error` is for a transport */
    ICMP_REPLY  /* `echo` is for a ping socket; the frame is at the header */
};

struct icmp_message {
    struct icmp_error error;
    struct icmp_echo echo;
};

struct icmp_config {
    unsigned errors_per_second; /* token bucket, RFC 1812 4.3.2.8; 0: no more
                                   than the first burst */
    unsigned errors_burst;
};

/* RFC 4293 icmpStatsTable. */
struct icmp_stats {
    uint64_t in_msgs;
    uint64_t in_errors;
    uint64_t out_msgs;
    uint64_t out_rate_limited;
    uint64_t in_echos;
    uint64_t out_echo_reps;
    uint64_t in_dest_unreachs;
    uint64_t out_dest_unreachs;
};

struct icmp {
    struct env *env;
    struct ip *ip;
    struct icmp_config config;
    usec bucket_time; /* when the token bucket was last filled */
    unsigned bucket;
    struct icmp_stats stats;
};

struct icmp_config icmp_config_default(void);
void icmp_init(struct icmp *icmp, struct env *env, struct ip *ip,
               const struct icmp_config *config);

/* Wire bytes to host order; -EBADMSG when too short. */
MUST_CHECK int icmp_parse(struct bytes bytes, struct icmp_header *out,
                          enum drop_reason *why);

MUST_CHECK enum icmp_result icmp_input(struct icmp *icmp,
                                       const struct ip_packet *packet,
                                       struct icmp_message *out);

/*
 * Tells the sender of `packet` that it could not be delivered; silent where
 * RFC 1122 3.2.2 says never, or the rate is used up. The packet's frame may be
 * NULL; its quote is borrowed until the devices' flush.
 */
void icmp_send_error(struct icmp *icmp, const struct ip_packet *packet,
                     uint8_t type, uint8_t code);

/*
 * An echo request with `payload`, at most FRAME_SLICES pieces that stay until
 * the devices' flush. ip_output's errors.
 */
int icmp_send_echo(struct icmp *icmp, const struct ip_send *send,
                   const struct icmp_echo *echo, const struct bytes *payload,
                   unsigned pieces);

/*
 * What a quoted packet of ours means for its transport: for errors that did
 * not come by the network, such as a neighbour that does not answer. -EBADMSG
 * when the quote does not hold together, is no first fragment, or has less than
 * 8 bytes of payload, or when type and code are no error.
 */
MUST_CHECK int icmp_error_from_quote(struct bytes quote, uint8_t type,
                                     uint8_t code, struct icmp_error *out);

/* RFC 1191 4: "fragmentation needed". */
bool icmp_error_is_too_big(const struct icmp_error *error);
/*
 * RFC 1191 5: the path's MTU is what the router says, or the next plateau. For
 * those who have, unlike TCP (RFC 5927 7.2), no acknowledgment by which to
 * doubt it; not for those who look at the link alone.
 */
void icmp_learn_mtu(struct ip *ip, const struct icmp_error *error,
                    enum ip_mtu_discover discover);

#endif
