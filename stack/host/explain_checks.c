/*
 * The checks of each door: see explain_checks.h. Whoever changes the order of
 * the checks in a door's code changes it here; tests/unit/test_explain.c drops
 * packets with two mistakes to see that both agree.
 */
#include "host/explain_checks.h"

#include "ip/ip.h"

#define CHECK(name, at_step, what)                                             \
    {                                                                          \
        .reason = DROP_##name, .step = at_step, .must = what                   \
    }
#define END CHECK(NONE, 0, "")

/* link/eth.c, and the switch on the type in stack.c */
static const struct explain_check eth[] = {
    CHECK(ETH_SHORT, 0, "the 14 bytes of the header are there"),
    CHECK(ETH_SOURCE_MULTICAST, 0, "the source is a station, not a group"),
    CHECK(ETH_NOT_FOR_US, 0, "the destination is our station, or a group"),
    CHECK(ETH_UNKNOWN_TYPE, 0, "the type is IPv4's or ARP's"),
    END,
};

/* link/arp_packet.c, link/arp.c */
static const struct explain_check arp_header[] = {
    CHECK(ARP_SHORT, 0, "the 28 bytes of the packet are there"),
    CHECK(ARP_UNSUPPORTED, 0, "it is about Ethernet and IPv4"),
    CHECK(ARP_BAD_OPERATION, 0, "it is a request or a reply"),
    END,
};
static const struct explain_check arp[] = {
    CHECK(ARP_BAD_SENDER, 0, "the sender can be a station"),
    CHECK(ARP_ADDRESS_CONFLICT, 0, "the sender has not our address"),
    CHECK(ARP_TABLE_FULL, 0, "there is room for a neighbour"),
    END,
};

/* ip/ip_header.c, ip/ip_input.c */
static bool holds_header(struct bytes header)
{
    return header.len >= IP_HEADER_LEN &&
           get_be16(header.data + IPH_TOTAL_LENGTH) >=
               (header.data[IPH_VERSION_IHL] & 0xf) * 4;
}

static const struct explain_check ip[] = {
    CHECK(IP_SHORT, 0, "the header is there"),
    CHECK(IP_BAD_VERSION, 0, "the version is 4"),
    CHECK(IP_BAD_HEADER_LENGTH, 0, "the header has 20 bytes or more"),
    {.reason = DROP_IP_BAD_TOTAL_LENGTH,
     .must = "the total length holds the header",
     .was_passed = holds_header},
    CHECK(IP_BAD_CHECKSUM, 0, "the header's checksum is right"),
    CHECK(IP_RESERVED_FLAG, 0, "the reserved flag is off"),
    CHECK(IP_BAD_OPTION, 0, "options, if any, are well-formed"),
    CHECK(IP_SOURCE_ROUTED, 0, "a source route, if any, ends here"),
    CHECK(IP_BAD_TOTAL_LENGTH, 0, "the packet is as long as it says"),
    CHECK(IP_MARTIAN, 0, "no loopback address comes from outside"),
    CHECK(IP_BAD_SOURCE, 0, "the source is one host, and another than us"),
    CHECK(IP_LINK_BROADCAST, 0, "not unicast in a broadcast of the link"),
    CHECK(IP_NOT_FOR_US, 0, "the destination is ours, or a group of ours"),
    END,
};

/* ip/reass.c */
static const struct explain_check fragment[] = {
    CHECK(FRAG_BAD_LENGTH, 0, "a fragment's length is possible"),
    CHECK(FRAG_TOO_LARGE, 0, "the datagram has at most 65,535 bytes"),
    CHECK(FRAG_OVERLAP, 0, "no other fragment has the same bytes"),
    CHECK(FRAG_LIMIT, 0, "there is memory to put it together"),
    CHECK(FRAG_ECN, 0, "all fragments are ECN-capable, or none"),
    END,
};

/* stack.c: who is to have it */
static const struct explain_check protocol[] = {
    CHECK(IP_UNKNOWN_PROTOCOL, 0, "somebody speaks the protocol"),
    END,
};

/* ip/icmp.c, ip/echo.c */
static const struct explain_check icmp_header[] = {
    CHECK(ICMP_SHORT, 0, "the 8 bytes of the header are there"),
    CHECK(ICMP_BAD_CHECKSUM, 0, "the checksum is right"),
    END,
};
static const struct explain_check icmp_request[] = {
    CHECK(ICMP_UNKNOWN_TYPE, 0, "the type is one that we know"),
    CHECK(ICMP_BROADCAST, 0, "no echo request to a broadcast"),
    END,
};
static const struct explain_check icmp_reply[] = {
    CHECK(ICMP_UNKNOWN_TYPE, 0, "the type is one that we know"),
    CHECK(ICMP_NO_LISTENER, 0, "a reply has a socket that waits for it"),
    END,
};
static const struct explain_check icmp_error[] = {
    CHECK(ICMP_UNKNOWN_TYPE, 0, "the type is one that we know"),
    CHECK(ICMP_LOST_FRAGMENT, 0, "it tells of more than a lost fragment"),
    CHECK(ICMP_BAD_QUOTE, 0, "an error quotes a packet of ours"),
    END,
};

/* ip/igmp.c */
static const struct explain_check igmp[] = {
    CHECK(IGMP_SHORT, 0, "the message is as long as it says"),
    CHECK(IGMP_BAD_CHECKSUM, 0, "the checksum is right"),
    CHECK(IGMP_UNKNOWN_TYPE, 0, "the type is one that we know"),
    CHECK(IGMP_ASTRAY, 0, "a general query is to 224.0.0.1, or to us alone"),
    END,
};

/* udp/udp.c, udp/udp_input.c */
static const struct explain_check udp_header[] = {
    CHECK(UDP_SHORT, 0, "the 8 bytes of the header are there"),
    CHECK(UDP_BAD_LENGTH, 0, "the datagram is as long as it says"),
    CHECK(UDP_BAD_CHECKSUM, 0, "the checksum is right, or there is none"),
    END,
};
static const struct explain_check udp[] = {
    CHECK(UDP_NO_PORT, 0, "a socket has the port"),
    CHECK(UDP_FILTERED, 0, "the socket's filter, if any, wants it"),
    CHECK(UDP_BUFFER_FULL, 0, "there is room in the socket's queue"),
    END,
};

/* tcp/tcp_segment.c, tcp/tcp_input.c */
static const struct explain_check tcp_header[] = {
    CHECK(TCP_SHORT, 0, "the 20 bytes of the header are there"),
    CHECK(TCP_BAD_OFFSET, 0, "the data offset is possible"),
    CHECK(TCP_BAD_OPTION, 0, "options, if any, are well-formed"),
    CHECK(TCP_BAD_CHECKSUM, 0, "the checksum is right"),
    CHECK(TCP_BAD_ADDRESS, 0, "not to a broadcast or a group"),
    END,
};

/* RFC 9293 3.10.7.1 */
static const struct explain_check tcp_closed[] = {
    CHECK(TCP_NO_CONNECTION, 0, "there is a connection, or a listener"),
    END,
};

#define OF_SOCKET                                                              \
    CHECK(TCP_LOW_TTL, 0, "the TTL is at least the socket's IP_MINTTL"),       \
        CHECK(TCP_FILTERED, 0, "the socket's filter, if any, wants it")

/* 3.10.7.2; tcp_half_open.c */
static const struct explain_check tcp_listen[] = {
    OF_SOCKET,
    CHECK(TCP_UNEXPECTED_RST, 1, "RST is off"),
    CHECK(TCP_NO_CONNECTION, 2, "ACK is off, or answers a SYN cookie"),
    CHECK(TCP_NO_SYN, 3, "SYN is on"),
    CHECK(TCP_BACKLOG_FULL, 3, "there is room in the backlog"),
    CHECK(TCP_NO_BUFFER, 3, "there is memory for a half-open connection"),
    END,
};

/* 3.10.7.3 */
static const struct explain_check tcp_syn_sent[] = {
    OF_SOCKET,
    CHECK(TCP_BAD_ACK, 1, "ACK is off, or acknowledges our SYN"),
    CHECK(TCP_UNEXPECTED_RST, 2, "RST is off, or comes with that ACK"),
    CHECK(TCP_NO_SYN, 5, "SYN is on"),
    END,
};

/* First, second, fourth and fifth. */
#define TO_FIFTH                                                               \
    CHECK(TCP_NO_TIMESTAMP, 1, "it has a timestamp, if that was agreed on"),   \
        CHECK(TCP_PAWS, 1, "its timestamp is not older than the last"),        \
        CHECK(TCP_OUT_OF_WINDOW, 1, "it touches the receive window"),          \
        CHECK(TCP_UNEXPECTED_RST, 2, "RST is off, or may end this state"),     \
        CHECK(TCP_BAD_RST, 2, "RST is off, or exactly at RCV.NXT"),            \
        CHECK(TCP_UNEXPECTED_SYN, 4, "SYN is off"),                            \
        CHECK(TCP_NO_ACK, 5, "ACK is on"),                                     \
        CHECK(TCP_BAD_ACK, 5, "it acknowledges nothing that was not sent")

/* 3.10.7.4, of a half-open connection: tcp_syn_received.c */
static const struct explain_check tcp_syn_received[] = {
    OF_SOCKET,
    TO_FIFTH,
    CHECK(TCP_DEFERRED, 5, "it has data, if the listener waits for that"),
    CHECK(TCP_BACKLOG_FULL, 5, "there is room in the accept queue"),
    CHECK(TCP_NO_BUFFER, 5, "there is memory for a connection"),
    CHECK(TCP_BAD_FIN, 7, "no text lies beyond the FIN"),
    END,
};

/* 3.10.7.4; tcp_sequence.c, tcp_ack.c, tcp_text.c */
static const struct explain_check tcp_otherwise[] = {
    OF_SOCKET,
    TO_FIFTH,
    CHECK(TCP_OLD_ACK, 5, "the ACK is not older than a window"),
    CHECK(TCP_AFTER_CLOSE, 7, "somebody reads what comes"),
    CHECK(TCP_BAD_FIN, 7, "no text lies beyond the FIN"),
    CHECK(TCP_NO_BUFFER, 7, "there is memory for the text"),
    END,
};

/* 3.10.7.4; tcp_time_wait.c */
static const struct explain_check tcp_time_wait[] = {
    TO_FIFTH,
    CHECK(TCP_BAD_FIN, 7, "no text lies beyond the FIN"),
    END,
};

const struct explain_check *explain_checks(enum explain_door door)
{
    static const struct explain_check *const doors[EXPLAIN_DOORS] = {
        [EXPLAIN_ETH] = eth,
        [EXPLAIN_ARP_HEADER] = arp_header,
        [EXPLAIN_ARP] = arp,
        [EXPLAIN_IP] = ip,
        [EXPLAIN_FRAGMENT] = fragment,
        [EXPLAIN_PROTOCOL] = protocol,
        [EXPLAIN_ICMP_HEADER] = icmp_header,
        [EXPLAIN_ICMP_REQUEST] = icmp_request,
        [EXPLAIN_ICMP_REPLY] = icmp_reply,
        [EXPLAIN_ICMP_ERROR] = icmp_error,
        [EXPLAIN_IGMP] = igmp,
        [EXPLAIN_UDP_HEADER] = udp_header,
        [EXPLAIN_UDP] = udp,
        [EXPLAIN_TCP_HEADER] = tcp_header,
        [EXPLAIN_TCP_CLOSED] = tcp_closed,
        [EXPLAIN_TCP_LISTEN] = tcp_listen,
        [EXPLAIN_TCP_SYN_SENT] = tcp_syn_sent,
        [EXPLAIN_TCP_SYN_RECEIVED] = tcp_syn_received,
        [EXPLAIN_TCP_OTHERWISE] = tcp_otherwise,
        [EXPLAIN_TCP_TIME_WAIT] = tcp_time_wait,
    };

    return doors[door];
}

const char *explain_step_word(unsigned step)
{
    static const char *const words[] = {
        "",        "first: ", "second: ",  "third: ", "fourth: ",
        "fifth: ", "sixth: ", "seventh: ", "eighth: "};

    return words[step];
}
