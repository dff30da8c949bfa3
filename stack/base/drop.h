/*
 * Why a packet was dropped. One number names a reason everywhere: it is
 * counted, traced, shown, and a breakpoint can wait for it. Base knows no
 * protocol; this is only the common vocabulary, kept in one place so that the
 * number stays the same whoever asks.
 */
#ifndef TAPIR_BASE_DROP_H
#define TAPIR_BASE_DROP_H

/* X(name, layer, text, the section that says so) */
#define DROP_REASONS(X)                                                        \
    X(ETH_SHORT, "eth", "shorter than its header", "RFC 894")                  \
    X(ETH_NOT_FOR_US, "eth", "destination is another station", "RFC 894")      \
    X(ETH_SOURCE_MULTICAST, "eth", "source is a group address", "IEEE 802.3")  \
    X(ETH_UNKNOWN_TYPE, "eth", "unknown EtherType", "RFC 894")                 \
    X(ARP_SHORT, "arp", "shorter than its header", "RFC 826")                  \
    X(ARP_UNSUPPORTED, "arp", "hardware or protocol not ours", "RFC 826")      \
    X(ARP_BAD_OPERATION, "arp", "neither request nor reply", "RFC 826")        \
    X(ARP_BAD_SENDER, "arp", "sender's address is impossible",                 \
      "RFC 1122 2.3.2.1")                                                      \
    X(ARP_ADDRESS_CONFLICT, "arp", "sender claims our address",                \
      "RFC 5227 2.4")                                                          \
    X(ARP_TABLE_FULL, "arp", "neighbour table is full", "RFC 1122 2.3.2.1")    \
    X(ARP_QUEUE_FULL, "arp", "waiting queue is full", "RFC 1122 2.3.2.2")      \
    X(ARP_NO_ANSWER, "arp", "no answer to our requests", "RFC 1122 2.3.2.2")   \
    X(IP_SHORT, "ip", "shorter than its header", "RFC 791 3.1")                \
    X(IP_BAD_VERSION, "ip", "version is not 4", "RFC 1122 3.2.1.1")            \
    X(IP_BAD_HEADER_LENGTH, "ip", "header length is impossible",               \
      "RFC 791 3.1")                                                           \
    X(IP_BAD_TOTAL_LENGTH, "ip", "total length is impossible", "RFC 791 3.1")  \
    X(IP_RESERVED_FLAG, "ip", "reserved flag is set", "RFC 791 3.1")           \
    X(IP_BAD_CHECKSUM, "ip", "header checksum is wrong", "RFC 1122 3.2.1.2")   \
    X(IP_BAD_SOURCE, "ip", "source address is impossible", "RFC 1122 3.2.1.3") \
    X(IP_BAD_OPTION, "ip", "option is malformed", "RFC 1122 3.2.1.8")          \
    X(IP_SOURCE_ROUTED, "ip", "source route not completed here",               \
      "RFC 1122 3.2.1.8")                                                      \
    X(IP_NOT_FOR_US, "ip", "destination is another host", "RFC 1122 3.2.1.3")  \
    X(IP_MARTIAN, "ip", "loopback address from outside", "RFC 1122 3.2.1.3")   \
    X(IP_LINK_BROADCAST, "ip", "unicast in a link broadcast",                  \
      "RFC 1122 3.3.6")                                                        \
    X(IP_UNKNOWN_PROTOCOL, "ip", "nobody speaks this protocol",                \
      "RFC 1122 3.2.2.1")                                                      \
    X(IP_NO_ROUTE, "ip", "no route to the destination", "RFC 1122 3.3.1")      \
    X(IP_TOO_BIG, "ip", "larger than the MTU and DF is set", "RFC 1191")       \
    X(IP_NO_BUFFER, "ip", "no memory", "RFC 1122 3.3.3")                       \
    X(RAW_BUFFER_FULL, "ip", "raw socket's buffer is full, its copy is lost",  \
      "none, as Linux")                                                        \
    X(FRAG_OVERLAP, "ip", "fragments overlap", "RFC 5722 4")                   \
    X(FRAG_BAD_LENGTH, "ip", "fragment length is impossible", "RFC 815 3")     \
    X(FRAG_TOO_LARGE, "ip", "datagram would exceed 65,535 bytes",              \
      "RFC 791 3.2")                                                           \
    X(FRAG_LIMIT, "ip", "reassembly memory is used up", "RFC 1122 3.3.2")      \
    X(FRAG_ECN, "ip", "only some fragments are ECN-capable", "RFC 3168 5.3")   \
    X(FRAG_TIMEOUT, "ip", "reassembly took too long", "RFC 1122 3.3.2")        \
    X(ICMP_SHORT, "icmp", "shorter than its header", "RFC 792")                \
    X(ICMP_BAD_CHECKSUM, "icmp", "checksum is wrong", "RFC 792")               \
    X(ICMP_UNKNOWN_TYPE, "icmp", "unknown type", "RFC 1122 3.2.2")             \
    X(ICMP_BAD_QUOTE, "icmp", "quoted packet is not ours", "RFC 5927 4")       \
    X(ICMP_LOST_FRAGMENT, "icmp", "a fragment of ours was lost: no error",     \
      "RFC 792")                                                               \
    X(ICMP_BROADCAST, "icmp", "echo to a broadcast address",                   \
      "RFC 1122 3.2.2.6")                                                      \
    X(ICMP_NO_LISTENER, "icmp", "no socket waits for this reply", "RFC 792")   \
    X(ICMP_RATE_LIMIT, "icmp", "errors are limited in rate",                   \
      "RFC 1812 4.3.2.8")                                                      \
    X(IGMP_SHORT, "ip", "shorter than what it says", "RFC 3376 4.1")           \
    X(IGMP_BAD_CHECKSUM, "ip", "checksum is wrong", "RFC 3376 4.1.2")          \
    X(IGMP_UNKNOWN_TYPE, "ip", "unknown type", "RFC 3376 4")                   \
    X(IGMP_ASTRAY, "ip", "general query, but not to 224.0.0.1",                \
      "RFC 3376 9.1")                                                          \
    X(UDP_SHORT, "udp", "shorter than its header", "RFC 768")                  \
    X(UDP_BAD_LENGTH, "udp", "length is impossible", "RFC 768")                \
    X(UDP_BAD_CHECKSUM, "udp", "checksum is wrong", "RFC 1122 4.1.3.4")        \
    X(UDP_NO_PORT, "udp", "nobody listens on this port", "RFC 1122 4.1.3.1")   \
    X(UDP_BUFFER_FULL, "udp", "receive buffer is full", "RFC 768")             \
    X(UDP_FILTERED, "udp", "the socket's filter does not want it",             \
      "none, as Linux")                                                        \
    X(TCP_SHORT, "tcp", "shorter than its header", "RFC 9293 3.1")             \
    X(TCP_BAD_OFFSET, "tcp", "data offset is impossible", "RFC 9293 3.1")      \
    X(TCP_BAD_CHECKSUM, "tcp", "checksum is wrong", "RFC 9293 3.1 MUST-3")     \
    X(TCP_BAD_OPTION, "tcp", "option length is impossible",                    \
      "RFC 9293 3.1 MUST-7")                                                   \
    X(TCP_BAD_ADDRESS, "tcp", "broadcast or multicast address",                \
      "RFC 9293 3.9.2.3 MUST-57")                                              \
    X(TCP_LOW_TTL, "tcp", "TTL is below IP_MINTTL", "RFC 5082 3")              \
    X(TCP_FILTERED, "tcp", "the socket's filter does not want it",             \
      "none, as Linux")                                                        \
    X(TCP_NO_CONNECTION, "tcp", "no such connection", "RFC 9293 3.10.7.1")     \
    X(TCP_OUT_OF_WINDOW, "tcp", "outside the receive window",                  \
      "RFC 9293 3.10.7.4")                                                     \
    X(TCP_PAWS, "tcp", "timestamp is old", "RFC 7323 5.3")                     \
    X(TCP_NO_TIMESTAMP, "tcp", "timestamp is missing", "RFC 7323 3.2")         \
    X(TCP_BAD_RST, "tcp", "RST is not at RCV.NXT", "RFC 5961 3.2")             \
    X(TCP_UNEXPECTED_RST, "tcp", "RST where none can be meant",                \
      "RFC 9293 3.10.7")                                                       \
    X(TCP_UNEXPECTED_SYN, "tcp", "SYN in a connection", "RFC 5961 4.2")        \
    X(TCP_NO_ACK, "tcp", "ACK bit is off", "RFC 9293 3.10.7.4")                \
    X(TCP_BAD_ACK, "tcp", "acknowledges what was not sent",                    \
      "RFC 9293 3.10.7.4")                                                     \
    X(TCP_OLD_ACK, "tcp", "acknowledgement is too old", "RFC 5961 5.2")        \
    X(TCP_NO_SYN, "tcp", "no SYN where one is needed", "RFC 9293 3.10.7")      \
    X(TCP_BACKLOG_FULL, "tcp", "backlog is full", "RFC 9293 3.10.7.2")         \
    X(TCP_DEFERRED, "tcp", "no data yet, TCP_DEFER_ACCEPT", "none, as Linux")  \
    X(TCP_NO_BUFFER, "tcp", "no memory", "RFC 9293 3.8.6")                     \
    X(TCP_AFTER_CLOSE, "tcp", "data after the program closed",                 \
      "RFC 9293 3.6.1")                                                        \
    X(TCP_BAD_FIN, "tcp", "data beyond the FIN", "RFC 9293 3.10.7.4")          \
    X(TCP_RATE_LIMIT, "tcp", "answers are limited in rate", "RFC 5961 7")

enum drop_reason {
    DROP_NONE = 0,
#define DROP_ENUM(name, layer, text, section) DROP_##name,
    DROP_REASONS(DROP_ENUM)
#undef DROP_ENUM
        DROP_REASON_COUNT
};

/* "ip", "header checksum is wrong", "RFC 1122 3.2.1.2" */
const char *drop_layer(enum drop_reason reason);
const char *drop_text(enum drop_reason reason);
const char *drop_section(enum drop_reason reason);
/* The enum's name without its prefix: "IP_BAD_CHECKSUM" */
const char *drop_name(enum drop_reason reason);

#endif
