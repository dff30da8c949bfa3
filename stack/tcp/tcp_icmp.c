/*
 * What ICMP tells of a connection: RFC 9293 3.9.2.2, with the checks and the
 * caution of RFC 5927, since anybody can send such a message.
 */
#include "tcp/tcb.h"
#include "tcp/tcp_output.h"
#include "tcp/tcp_recovery.h"

#include <errno.h>

enum { PATH_MTU_FLOOR = 552 }; /* as Linux: below, somebody is playing tricks */

static struct tcb *find_quoted(struct tcp *tcp, const struct icmp_error *error)
{
    const uint8_t *header = error->payload.data;
    struct endpoint local = {.addr = error->quoted.src,
                             .port = get_be16(header + TCP_SRC_PORT)};
    struct endpoint remote = {.addr = error->quoted.dst,
                              .port = get_be16(header + TCP_DST_PORT)};

    return tcb_find(tcp, &local, &remote);
}

/* RFC 5927 4.1: it must speak of something that is in flight */
static bool quotes_something_in_flight(const struct tcb *tcb,
                                       const struct icmp_error *error)
{
    tcp_seq seq = get_be32(error->payload.data + TCP_SEQ);

    return seq_leq(tcb->snd_una, seq) && seq_lt(seq, tcb->snd_nxt);
}

/* RFC 1191 6.3: smaller segments from now on, and what was too big again. */
static void lower_path_mtu(struct tcb *tcb, unsigned mtu)
{
    mtu = max_u32(mtu, PATH_MTU_FLOOR);
    if (mtu >= tcb_path_mtu(tcb))
        return;
    tcb->path_mtu = (uint16_t)mtu;
    tcb_update_mss(tcb, mtu);
    if (tcb_is_synchronized(tcb))
        recovery_window_opened(tcb);
    tcb_mark_output(tcb);
}

/* Before both SYNs are acknowledged a hard error ends the attempt (RFC 5927
 * 5.2), and so does one that did not come by the network: our own link found
 * nobody there. */
static bool ends_the_attempt(const struct tcb *tcb,
                             const struct icmp_error *error)
{
    static const struct ip_addr nobody;

    if (tcb->state != TCPS_SYN_SENT && tcb->state != TCPS_SYN_RECEIVED)
        return false;
    return error->hard || ip_addr_equal(&error->reporter, &nobody);
}

void tcp_icmp_error(struct tcp *tcp, const struct icmp_error *error)
{
    struct tcb *tcb = find_quoted(tcp, error);

    if (tcb == NULL || !quotes_something_in_flight(tcb, error)) {
        env_drop(tcp->env, DROP_ICMP_BAD_QUOTE, NULL);
        return;
    }
    if (error->type == ICMP_UNREACHABLE &&
        error->code == ICMP_FRAGMENTATION_NEEDED)
        lower_path_mtu(tcb, error->mtu);
    else if (ends_the_attempt(tcb, error))
        tcb_fail(tcb, error->error);
    else
        tcb->soft_error = error->error; /* MUST-56: no abort */
}
