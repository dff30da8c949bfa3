#include "tcp/tcp_user_timeout.h"

#include "tcp/tcp_rtt.h"
#include "tcp/tcp_timer.h"

#include <limits.h>

static bool waits_for_peer(const struct tcb *tcb)
{
    return tcb_flight_size(tcb) > 0 || tcb->is_probing;
}

/* RFC 5482 3.1: "the lower limit MUST be larger than the current
 * retransmission timeout", or nothing would ever be sent again. Twice, so that
 * what is sent again can be answered. */
static usec time_to_wait(const struct tcb *tcb)
{
    return usec_max(tcb->settings.user_timeout * USEC_PER_MSEC,
                    2 * rtt_rto(tcb));
}

void user_timeout_watch(struct tcb *tcb)
{
    if (tcb->settings.user_timeout == 0 || tcb->state == TCPS_CLOSED)
        return;
    if (!waits_for_peer(tcb))
        tcp_timer_clear(tcb, TCP_TIMER_USER);
    else if (!tcp_timer_is_set(tcb, TCP_TIMER_USER))
        tcp_timer_set(tcb, TCP_TIMER_USER,
                      tcb->tcp->env->now + time_to_wait(tcb));
}

void user_timeout_restart(struct tcb *tcb)
{
    tcp_timer_clear(tcb, TCP_TIMER_USER);
    user_timeout_watch(tcb);
}

bool user_timeout_is_over(const struct tcb *tcb)
{
    return tcb->settings.user_timeout != 0 && waits_for_peer(tcb);
}

unsigned user_timeout_retries(const struct tcb *tcb)
{
    if (tcb->owner == NULL && tcb->listener == NULL)
        return tcb->tcp->config.orphan_retries;
    return tcb->settings.user_timeout != 0 ? UINT_MAX
                                           : tcb->tcp->config.retries;
}

/* As Linux: the time-out takes the place of the number of probes. */
bool user_timeout_ends_keepalive(const struct tcb *tcb)
{
    usec silent = tcb->tcp->env->now - tcb->last_heard;

    if (tcb->settings.user_timeout == 0)
        return tcb->probes >= tcp_keepalive_probes(tcb);
    return tcb->probes > 0 &&
           silent >= tcb->settings.user_timeout * USEC_PER_MSEC;
}
