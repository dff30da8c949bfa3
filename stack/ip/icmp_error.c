/*
 * What an ICMP error means: RFC 792, RFC 1122 3.2.2.1.
 */
#include "ip/icmp.h"

#include <errno.h>

enum { QUOTED_PAYLOAD_MIN = 8 /* RFC 792: "the first 64 bits" */ };

struct meaning {
    int error;
    bool hard;
};

/*
 * RFC 1122 3.2.2.1 by code; the errno and hardness are those of Linux, so that
 * programs see what they see there (RFC 1122 4.2.3.9 has 2 to 4 hard, but for
 * 4 RFC 1191 has an answer).
 */
static const struct meaning unreachable_meanings[] = {
    [ICMP_NET_UNREACHABLE] = {ENETUNREACH, false},
    [ICMP_HOST_UNREACHABLE] = {EHOSTUNREACH, false},
    [ICMP_PROTOCOL_UNREACHABLE] = {ENOPROTOOPT, true},
    [ICMP_PORT_UNREACHABLE] = {ECONNREFUSED, true},
    [ICMP_FRAGMENTATION_NEEDED] = {EMSGSIZE, false},
    [5] = {EOPNOTSUPP, false},    /* source route failed */
    [6] = {ENETUNREACH, true},    /* destination network unknown */
    [7] = {EHOSTDOWN, true},      /* destination host unknown */
    [8] = {ENONET, true},         /* source host isolated */
    [9] = {ENETUNREACH, true},    /* network prohibited */
    [10] = {EHOSTUNREACH, true},  /* host prohibited */
    [11] = {ENETUNREACH, false},  /* network, for this type of service */
    [12] = {EHOSTUNREACH, false}, /* host, for this type of service */
    [13] = {EHOSTUNREACH, true},  /* filtered: RFC 1812 5.2.7.1 */
    [14] = {EHOSTUNREACH, true},  /* precedence violation */
    [15] = {EHOSTUNREACH, true},  /* precedence cutoff */
};

/* False when the type is no error, or the code is not known. */
static bool find_meaning(uint8_t type, uint8_t code, struct meaning *out)
{
    switch (type) {
    case ICMP_UNREACHABLE:
        if (code >= ARRAY_LENGTH(unreachable_meanings))
            return false;
        *out = unreachable_meanings[code];
        return true;
    case ICMP_TIME_EXCEEDED:
        *out = (struct meaning){EHOSTUNREACH, false};
        return true;
    case ICMP_PARAMETER_PROBLEM:
        *out = (struct meaning){EPROTO, true};
        return true;
    default: /* a number from the wire, not an enum */
        return false;
    }
}

int icmp_error_from_quote(struct bytes quote, uint8_t type, uint8_t code,
                          struct icmp_error *out)
{
    struct meaning meaning;
    struct ip_header quoted;
    enum drop_reason why;

    if (!find_meaning(type, code, &meaning) ||
        ip_parse_quote(quote, &quoted, &why) < 0)
        return -EBADMSG;
    if (quote.len - quoted.header_len < QUOTED_PAYLOAD_MIN ||
        quoted.fragment_offset != 0) /* no transport header there */
        return -EBADMSG;
    *out = (struct icmp_error){
        .type = type,
        .code = code,
        .quoted = quoted,
        .payload = bytes_from(quote, quoted.header_len),
        .error = meaning.error,
        .hard = meaning.hard,
    };
    return 0;
}

bool icmp_error_is_too_big(const struct icmp_error *error)
{
    return error->type == ICMP_UNREACHABLE &&
           error->code == ICMP_FRAGMENTATION_NEEDED;
}

void icmp_learn_mtu(struct ip *ip, const struct icmp_error *error,
                    enum ip_mtu_discover discover)
{
    unsigned len = (unsigned)error->quoted.total_len;
    unsigned mtu = error->mtu != 0 ? error->mtu : pmtu_plateau_below(len);

    if (mtu < len && /* or it was not too big */
        discover < IP_DISCOVER_INTERFACE)
        pmtu_lower(&ip->pmtu, &error->quoted.dst, mtu);
}
