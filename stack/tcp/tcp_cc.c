/*
 * What all congestion controls share: the table of them, how a connection
 * gets one (TCP_CONGESTION), the windows of RFC 6928 and RFC 5681 4.1.
 */
#include "tcp/tcb.h"
#include "tcp/tcp_recovery.h"

#include <errno.h>

enum { USUAL_MSS = 1460 };

static const struct tcp_cc_ops *const algorithms[] = {
    &tcp_cubic,
    &tcp_newreno,
    &tcp_bbr,
};

const struct tcp_cc_ops *tcp_cc_at(size_t index)
{
    return index < ARRAY_LENGTH(algorithms) ? algorithms[index] : NULL;
}

const struct tcp_cc_ops *tcp_cc_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(algorithms); i++)
        if (strcmp(algorithms[i]->name, name) == 0)
            return algorithms[i];
    return NULL;
}

void tcp_cc_assign(struct tcb *tcb, const struct tcp_cc_ops *cc)
{
    const struct tcp_cc_ops *before = tcb->cc;
    uint32_t cwnd = tcb->cwnd;
    uint32_t ssthresh = tcb->ssthresh;

    if (cc == tcb->cc)
        return;
    tcb->cc = cc;
    memset(&tcb->cc_state, 0, sizeof(tcb->cc_state));
    if (!tcb_is_synchronized(tcb))
        return;
    cc->init(tcb);
    tcb->cwnd = cwnd; /* what the path bears is known already */
    tcb->ssthresh = ssthresh;
    pacing_init(tcb);
    recovery_taken_over(tcb, before);
}

/* RFC 6928 2 (1): large segments have a bound in bytes. */
static uint32_t initial_window(const struct tcb *tcb)
{
    uint32_t segments = tcb->tcp->config.initial_window;
    uint32_t mss = tcb->snd_mss;

    return min_u32(segments * mss, max_u32(segments * USUAL_MSS, 2 * mss));
}

uint32_t tcp_cc_initial_window(const struct tcb *tcb)
{
    /* RFC 5681 3.1: a SYN that was lost says that the path is full; but RFC
     * 6928 2: one may have been sent again too early, with an RTO of a second
     */
    return tcb->syn_resends > 1 ? tcb->snd_mss : initial_window(tcb);
}

uint32_t tcp_cc_restart_window(const struct tcb *tcb)
{
    return min_u32(tcb->cwnd, initial_window(tcb));
}

void tcp_cc_trace(const struct tcb *tcb, const char *cause)
{
    tcb_trace(tcb, TRACE_CONGESTION, 0, cause);
}

int tcp_set_congestion(struct tcb *tcb, const char *name)
{
    const struct tcp_cc_ops *cc = tcp_cc_find(name);

    if (cc == NULL)
        return -ENOENT;
    tcp_cc_assign(tcb, cc);
    tcb->cc_is_chosen = true;
    return 0;
}

const char *tcp_congestion(const struct tcb *tcb)
{
    return tcb->cc->name;
}
