#include "tcp/tcp_user_timeout.h"

#include "tcp/tcp_rtt.h"
#include "tcp/tcp_sack.h"
#include "tcp/tcp_timer.h"

#include <limits.h>

/* The field of RFC 5482 3.3 */
enum {
    IN_MINUTES = 0x8000, /* G */
    VALUE_MAX = 0x7fff
};

/* USER_TIMEOUT; the peer's is adopted by the formula of RFC 5482 3.1, and only
 * in the synchronized states (3.3). 0: the number of retransmissions decides.
 */
static usec timeout_of(const struct tcb *tcb)
{
    const struct tcp_config *config = &tcb->tcp->config;
    usec told = tcb->peer_user_timeout * USEC_PER_SEC;

    if (tcb->settings.user_timeout != 0) /* CHANGEABLE is false */
        return tcb->settings.user_timeout * USEC_PER_MSEC;
    if (told == 0 || !tcb_is_synchronized(tcb))
        return 0;
    return usec_min(config->user_timeout_most,
                    usec_max(told, config->user_timeout_least));
}

static bool waits_for_peer(const struct tcb *tcb)
{
    return tcb_flight_size(tcb) > 0 || tcb->is_probing;
}

/* RFC 5482 3.1: "the lower limit MUST be larger than the current
 * retransmission timeout", or nothing would ever be sent again. Twice, so that
 * what is sent again can be answered. */
static usec time_to_wait(const struct tcb *tcb)
{
    return usec_max(timeout_of(tcb), 2 * rtt_rto(tcb));
}

void user_timeout_watch(struct tcb *tcb)
{
    if (timeout_of(tcb) == 0 || tcb->state == TCPS_CLOSED)
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
    return timeout_of(tcb) != 0 && waits_for_peer(tcb);
}

unsigned user_timeout_retries(const struct tcb *tcb)
{
    if (tcb->owner == NULL && tcb->listener == NULL)
        return tcb->tcp->config.orphan_retries;
    return timeout_of(tcb) != 0 ? UINT_MAX : tcb->tcp->config.retries;
}

/* As Linux: the time-out takes the place of the number of probes. So it is by
 * RFC 5482 4.2, too: probes do not end what the time-out would let live. */
bool user_timeout_ends_keepalive(const struct tcb *tcb)
{
    usec silent = tcb->tcp->env->now - tcb->last_heard;
    usec timeout = timeout_of(tcb);

    if (timeout == 0)
        return tcb->probes >= tcp_keepalive_probes(tcb);
    return tcb->probes > 0 && silent >= timeout;
}

/* ---- The option --------------------------------------------------------- */

/* ENABLED */
static bool tells_peer(const struct tcb *tcb)
{
    return tcb->tcp->config.user_timeout_option &&
           tcb->settings.user_timeout != 0;
}

/* Rounded up, and never 0 (RFC 5482 3.4). */
static uint16_t encode(uint32_t msec)
{
    uint32_t seconds = msec / 1000 + (msec % 1000 != 0);

    if (seconds <= VALUE_MAX)
        return (uint16_t)seconds;
    return (uint16_t)(IN_MINUTES | min_u32((seconds + 59) / 60, VALUE_MAX));
}

static uint32_t decode(uint16_t field)
{
    uint32_t value = field & VALUE_MAX;

    return field & IN_MINUTES ? value * 60 : value;
}

static void put(const struct tcb *tcb, struct tcp_options *options)
{
    options->has_user_timeout = true;
    options->user_timeout = encode(tcb->settings.user_timeout);
}

void user_timeout_changed(struct tcb *tcb)
{
    tcb->user_timeout_is_due = tells_peer(tcb);
}

void user_timeout_stamp_syn(const struct tcb *tcb, struct tcp_options *options)
{
    size_t room = TCP_OPTIONS_MAX - tcp_options_len(options);

    if (tells_peer(tcb) && room >= TCP_OPTION_USER_TIMEOUT_LEN)
        put(tcb, options);
}

uint32_t user_timeout_option_len(const struct tcb *tcb)
{
    return tcb->user_timeout_is_due && sack_count(tcb) == 0
               ? TCP_OPTION_USER_TIMEOUT_LEN
               : 0;
}

void user_timeout_stamp(struct tcb *tcb, struct tcp_options *options)
{
    if (!tcb->user_timeout_is_due || options->sack_count > 0)
        return;
    put(tcb, options);
    tcb->user_timeout_is_due = false;
}

void user_timeout_told(struct tcb *tcb, const struct tcp_options *options)
{
    if (!options->has_user_timeout || !tcb->tcp->config.user_timeout_option)
        return;
    tcb->peer_user_timeout = decode(options->user_timeout);
    user_timeout_restart(tcb);
}
