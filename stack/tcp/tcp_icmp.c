/*
 * What ICMP tells of a connection: RFC 9293 3.9.2.2, with the checks and the
 * caution of RFC 5927, since anybody can send such a message.
 */
#include "tcp/tcb.h"
#include "tcp/tcp_extra.h"
#include "tcp/tcp_half_open.h"

/* The quoted segment is one of ours: its source is local. */
static struct tcp_ends quoted_ends(const struct icmp_error *error)
{
    const uint8_t *header = error->payload.data;

    return (struct tcp_ends){
        .local = error->quoted.src,
        .remote = error->quoted.dst,
        .local_port = get_be16(header + TCP_SRC_PORT),
        .remote_port = get_be16(header + TCP_DST_PORT),
    };
}

static tcp_seq quoted_seq(const struct icmp_error *error)
{
    return get_be32(error->payload.data + TCP_SEQ);
}

static struct tcb *find_quoted(struct tcp *tcp, const struct icmp_error *error)
{
    struct tcp_ends ends = quoted_ends(error);

    return tcb_find(tcp, &ends);
}

/* One whose SYN,ACK it is. */
static struct half_open *find_quoted_half_open(struct tcp *tcp,
                                               const struct icmp_error *error)
{
    struct tcp_ends ends = quoted_ends(error);
    struct half_open *half = half_open_find(tcp, &ends);

    return half != NULL && quoted_seq(error) == half->iss ? half : NULL;
}

/* RFC 5927 4.1: it must speak of something that is in flight */
static bool quotes_something_in_flight(const struct tcb *tcb,
                                       const struct icmp_error *error)
{
    tcp_seq seq = quoted_seq(error);

    if (!tcb->tcp->config.icmp_checks)
        return true;
    return seq_leq(tcb->snd_una, seq) && seq_lt(seq, tcb->snd_nxt);
}

/* Before both SYNs are acknowledged a hard error ends the attempt (RFC 5927
 * 5.2), and so does one that did not come by the network: our own link found
 * nobody there. Not a parameter problem, which is hard for others (MUST-56). */
static bool ends_an_attempt(const struct icmp_error *error)
{
    static const struct ip_addr nobody;

    if (ip_addr_equal(&error->reporter, &nobody))
        return true;
    return error->hard && error->type == ICMP_UNREACHABLE;
}

/* Who asks for all errors is told of soft ones at once, as in Linux: they end
 * an attempt too. */
static bool ends_the_attempt(const struct tcb *tcb,
                             const struct icmp_error *error)
{
    return tcb->settings.hears_errors || ends_an_attempt(error);
}

static bool is_an_attempt(const struct tcb *tcb)
{
    if (tcb_is_fast_open(tcb) && tcb->listener == NULL)
        return false; /* as Linux: once it is accepted it is a connection */
    return tcb->state == TCPS_SYN_SENT || tcb->state == TCPS_SYN_RECEIVED;
}

static void fail_attempt(struct tcb *tcb, const struct icmp_error *error)
{
    tcp_extra_add_error(tcb, error);
    tcb_fail(tcb, error->error);
}

/* MUST-56: no abort. With IP_RECVERR the program hears of it, as in Linux, and
 * may go on; without it only if the connection fails. */
static void tell_connection(struct tcb *tcb, const struct icmp_error *error)
{
    if (!tcb->settings.hears_errors) {
        tcb->soft_error = error->error;
        return;
    }
    tcb->error = error->error;
    tcb_notify(tcb);
}

/* A soft error says nothing here: the timer gives up soon enough. */
static void tell_half_open(struct half_open *half,
                           const struct icmp_error *error)
{
    if (ends_an_attempt(error))
        half_open_fail(half);
}

void tcp_icmp_error(struct tcp *tcp, const struct icmp_error *error)
{
    struct tcb *tcb = find_quoted(tcp, error);
    struct half_open *half = find_quoted_half_open(tcp, error);

    if (half != NULL) {
        tell_half_open(half, error);
        return;
    }
    if (tcb != NULL && error->quoted.ttl < tcb->settings.min_ttl) {
        env_drop(tcp->env, DROP_TCP_LOW_TTL, NULL); /* RFC 5082 3, as Linux */
        return;
    }
    if (tcb == NULL || !quotes_something_in_flight(tcb, error)) {
        env_drop(tcp->env, DROP_ICMP_BAD_QUOTE, NULL);
        return;
    }
    if (error->type == ICMP_UNREACHABLE &&
        error->code == ICMP_FRAGMENTATION_NEEDED)
        path_mtu_told(tcb, error, get_be32(error->payload.data + TCP_SEQ));
    else if (is_an_attempt(tcb) && ends_the_attempt(tcb, error))
        fail_attempt(tcb, error);
    else
        tell_connection(tcb, error);
}
