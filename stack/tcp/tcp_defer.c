#include "tcp/tcp_defer.h"

bool defer_accept(struct half_open *half, const struct tcp_segment *seg)
{
    bool is_bare = seg->came_seq + seg->came_len == half->irs + 1;

    if (!half->is_recorded || !is_bare ||
        half->retries >= half->listener->settings.defer_accept)
        return false;
    half->is_deferred = true;
    return true;
}

bool defer_is_waiting(const struct half_open *half)
{
    return half->is_deferred &&
           half->retries + 1 < half->listener->settings.defer_accept;
}

unsigned defer_synack_retries(const struct half_open *half)
{
    const struct tcb *listener = half->listener;
    unsigned most = listener->tcp->config.synack_retries;

    if (half->is_deferred)
        most = max_u32(most, listener->settings.defer_accept);
    return most;
}

/* ---- Seconds and retries ------------------------------------------------ */

/* From the SYN,ACK until it has been sent again `retries` times: RFC 6298 5.5
 * from the initial RTO on. */
static usec time_of_retries(const struct tcp_config *config, unsigned retries)
{
    usec rto = config->rto_initial;
    usec time = 0;

    for (unsigned i = 0; i < retries; i++) {
        time += rto;
        rto = usec_min(2 * rto, config->rto_max);
    }
    return time;
}

uint8_t tcp_defer_retries(const struct tcb *tcb, int seconds)
{
    unsigned retries = 0;

    while (retries < UINT8_MAX &&
           time_of_retries(&tcb->tcp->config, retries) < seconds * USEC_PER_SEC)
        retries++;
    return (uint8_t)retries;
}

unsigned tcp_defer_seconds(const struct tcb *tcb)
{
    return (unsigned)(time_of_retries(&tcb->tcp->config,
                                      tcb->settings.defer_accept) /
                      USEC_PER_SEC);
}
