/*
 * The requests "stats" and "drops": counters by the names of the standard MIBs
 * (RFC 4022 TCP, RFC 4113 UDP, RFC 4293 IP and ICMP, RFC 2863 interfaces), a
 * line for each; what those do not know has a name that begins with "tapir".
 */
#include "host/control_client.h"

#include <errno.h>

struct counter {
    const char *name;
    uint16_t offset; /* in struct stack_counts */
    uint8_t size;
};

#define COUNTER(name, field)                                                   \
    {                                                                          \
        name, offsetof(struct stack_counts, field),                            \
            sizeof(((struct stack_counts *)NULL)->field)                       \
    }

static const struct counter counters[] = {
    COUNTER("ipSystemStatsInReceives", ip.in_receives),
    COUNTER("ipSystemStatsInHdrErrors", ip.in_hdr_errors),
    COUNTER("ipSystemStatsInAddrErrors", ip.in_addr_errors),
    COUNTER("ipSystemStatsInUnknownProtos", ip.in_unknown_protos),
    COUNTER("ipSystemStatsInDelivers", ip.in_delivers),
    COUNTER("ipSystemStatsReasmReqds", ip.reasm_reqds),
    COUNTER("ipSystemStatsReasmOKs", ip.reasm_oks),
    COUNTER("ipSystemStatsReasmFails", ip.reasm_fails),
    COUNTER("ipSystemStatsOutRequests", ip.out_requests),
    COUNTER("ipSystemStatsOutNoRoutes", ip.out_no_routes),
    COUNTER("ipSystemStatsOutFragOKs", ip.out_frag_oks),
    COUNTER("ipSystemStatsOutFragFails", ip.out_frag_fails),
    COUNTER("ipSystemStatsOutFragCreates", ip.out_frag_creates),
    COUNTER("ipSystemStatsOutTransmits", ip.out_transmits),
    COUNTER("ipDefaultTTL", default_ttl),
    COUNTER("tapirIpReassembling", reassembling),
    COUNTER("icmpStatsInMsgs", icmp.in_msgs),
    COUNTER("icmpStatsInErrors", icmp.in_errors),
    COUNTER("icmpStatsOutMsgs", icmp.out_msgs),
    COUNTER("icmpMsgStatsInPkts.3", icmp.in_dest_unreachs),
    COUNTER("icmpMsgStatsInPkts.8", icmp.in_echos),
    COUNTER("icmpMsgStatsOutPkts.0", icmp.out_echo_reps),
    COUNTER("icmpMsgStatsOutPkts.3", icmp.out_dest_unreachs),
    COUNTER("tapirIcmpOutRateLimited", icmp.out_rate_limited),
    COUNTER("tapirArpInRequests", arp.in_requests),
    COUNTER("tapirArpInReplies", arp.in_replies),
    COUNTER("tapirArpOutRequests", arp.out_requests),
    COUNTER("tapirArpOutReplies", arp.out_replies),
    COUNTER("udpInDatagrams", udp.in_datagrams),
    COUNTER("udpNoPorts", udp.no_ports),
    COUNTER("udpInErrors", udp.in_errors),
    COUNTER("udpOutDatagrams", udp.out_datagrams),
    COUNTER("tcpMaxConn", max_connections),
    COUNTER("tcpActiveOpens", tcp.active_opens),
    COUNTER("tcpPassiveOpens", tcp.passive_opens),
    COUNTER("tcpAttemptFails", tcp.attempt_fails),
    COUNTER("tcpEstabResets", tcp.estab_resets),
    COUNTER("tcpCurrEstab", tcp.curr_estab),
    COUNTER("tcpInSegs", tcp.in_segs),
    COUNTER("tcpOutSegs", tcp.out_segs),
    COUNTER("tcpRetransSegs", tcp.retrans_segs),
    COUNTER("tcpInErrs", tcp.in_errs),
    COUNTER("tcpOutRsts", tcp.out_rsts),
    COUNTER("tapirTcpFastRetransmits", tcp.fast_retransmits),
    COUNTER("tapirTcpTimeouts", tcp.timeouts),
    COUNTER("tapirTcpLossProbes", tcp.loss_probes),
    COUNTER("tapirTcpUndoneRecoveries", tcp.undone_recoveries),
    COUNTER("tapirTcpEcnReductions", tcp.ecn_reductions),
    COUNTER("tapirTcpCeSegments", tcp.ce_segments),
    COUNTER("tapirTcpOutOfOrder", tcp.out_of_order),
    COUNTER("tapirTcpChallengeAcks", tcp.challenge_acks),
    COUNTER("tapirTcpChallengeAcksWithheld", tcp.challenge_acks_withheld),
    COUNTER("tapirTcpZeroWindowProbes", tcp.zero_window_probes),
    COUNTER("tapirTcpKeepaliveProbes", tcp.keepalive_probes),
    COUNTER("tapirTcpDelayedAcks", tcp.delayed_acks),
    COUNTER("tapirTcpPathMtuReductions", tcp.path_mtu_reductions),
    COUNTER("tapirTcpPruned", tcp.pruned),
    COUNTER("tapirTcpSynCookiesSent", tcp.syn_cookies_sent),
    COUNTER("tapirTcpSynCookiesReceived", tcp.syn_cookies_received),
    COUNTER("tapirTcpSynCookiesFailed", tcp.syn_cookies_failed),
    COUNTER("tapirTcpFastOpenActive", tcp.fast_open_active),
    COUNTER("tapirTcpFastOpenActiveFails", tcp.fast_open_active_fails),
    COUNTER("tapirTcpFastOpenPassive", tcp.fast_open_passive),
    COUNTER("tapirTcpFastOpenPassiveFails", tcp.fast_open_passive_fails),
    COUNTER("tapirTcpFastOpenCookiesAsked", tcp.fast_open_cookies_asked),
    COUNTER("tapirTcpFastOpenOverflows", tcp.fast_open_overflows),
    COUNTER("tapirTcpTcbs", tcbs),
    COUNTER("tapirTcpHalfOpen", half_open),
    COUNTER("tapirTcpAtRest", resting),
    COUNTER("tapirTcpTimeWait", time_wait),
    COUNTER("tapirSockets", sockets),
    COUNTER("tapirMemoryBytes", memory),
};

/* RFC 2863, of each interface. */
#define OF_IFACE(name, field)                                                  \
    {                                                                          \
        name, offsetof(struct iface_stats, field),                             \
            sizeof(((struct iface_stats *)NULL)->field)                        \
    }

static const struct counter iface_counters[] = {
    OF_IFACE("ifHCInOctets", in_octets),
    OF_IFACE("tapirIfInFrames", in_frames),
    OF_IFACE("ifInDiscards", in_discards),
    OF_IFACE("tapirIfInMissed", in_missed),
    OF_IFACE("ifHCOutOctets", out_octets),
    OF_IFACE("tapirIfOutFrames", out_frames),
    OF_IFACE("ifOutDiscards", out_discards),
};

static uint64_t value_of(const void *counts, const struct counter *counter)
{
    const char *at = (const char *)counts + counter->offset;
    uint32_t small;
    uint64_t large;

    if (counter->size == sizeof(small)) {
        memcpy(&small, at, sizeof(small));
        return small;
    }
    memcpy(&large, at, sizeof(large));
    return large;
}

static void put(struct json *json, const char *name, uint64_t value)
{
    json_text(json, "name", name);
    json_number(json, "value", value);
}

/* In milliseconds, as RFC 4022 has them. */
static bool put_special(const struct stack_counts *counts, uint64_t which,
                        struct json *json)
{
    switch (which) {
    case 0:
        put(json, "tcpRtoMin", (uint64_t)(counts->rto_min / USEC_PER_MSEC));
        return true;
    case 1:
        put(json, "tcpRtoMax", (uint64_t)(counts->rto_max / USEC_PER_MSEC));
        return true;
    case 2:
        put(json, "tapirControlRequests", the_host.control.requests);
        return true;
    case 3:
        put(json, "tapirControlLongestHoldUsec",
            (uint64_t)the_host.control.longest_hold);
        return true;
    case 4:
        put(json, "tapirControlLongestWorkUsec",
            (uint64_t)the_host.control.longest_work);
        return true;
    default:
        return false;
    }
}

enum phase { PHASE_STACK, PHASE_SPECIAL, PHASE_IFACES };

static int next_of_iface(struct control_client *client, struct json *json)
{
    uint64_t at = client->cursor.at++;
    struct iface_info info;
    unsigned index = 1 + (unsigned)(at / ARRAY_LENGTH(iface_counters));
    const struct counter *counter =
        &iface_counters[at % ARRAY_LENGTH(iface_counters)];

    if (stack_iface_info(client->stack->core, index, &info) < 0)
        return -ENOENT;
    put(json, counter->name, value_of(&info.stats, counter));
    json_text(json, "iface", info.name);
    return 1;
}

static int next_counter(struct control_client *client, struct json *json)
{
    struct stack_counts counts;
    uint64_t at = client->cursor.at;

    if (client->cursor.phase == PHASE_IFACES)
        return next_of_iface(client, json);
    stack_count(client->stack->core, &counts);
    client->cursor.at++;
    if (client->cursor.phase == PHASE_STACK && at < ARRAY_LENGTH(counters)) {
        put(json, counters[at].name, value_of(&counts, &counters[at]));
        return 1;
    }
    if (client->cursor.phase == PHASE_SPECIAL && put_special(&counts, at, json))
        return 1;
    client->cursor.phase++;
    client->cursor.at = 0;
    return 0;
}

const struct control_request control_stats_request = {
    .name = "stats",
    .next = next_counter,
};

/* ---- Drops --------------------------------------------------------------- */

static int next_drop(struct control_client *client, struct json *json)
{
    struct stack_counts counts;
    enum drop_reason reason = (enum drop_reason)++ client->cursor.at;

    if (reason >= DROP_REASON_COUNT)
        return -ENOENT;
    stack_count(client->stack->core, &counts);
    json_text(json, "reason", drop_name(reason));
    json_number(json, "count", counts.drops[reason]);
    json_text(json, "layer", drop_layer(reason));
    json_text(json, "text", drop_text(reason));
    json_text(json, "section", drop_section(reason));
    return 1;
}

const struct control_request control_drops_request = {
    .name = "drops",
    .next = next_drop,
};
