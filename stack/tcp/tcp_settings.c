#include "tcp/tcp_settings.h"

#include "tcp/tcb.h"
#include "tcp/tcp_extra.h"
#include "tcp/tcp_output.h"
#include "tcp/tcp_timer.h"
#include "tcp/tcp_user_timeout.h"

/* A write under notsent_lowat takes up to a super-segment at once; Linux goes
 * over the mark by as much. */
enum { NOTSENT_STEP = 65536 };

const struct tcp_settings *tcp_settings(const struct tcb *tcb)
{
    return &tcb->settings;
}

void tcp_change_settings(struct tcb *tcb, const struct tcp_settings *to)
{
    struct tcp_settings was = tcb->settings;

    tcb->settings = *to;
    if (to->keepalive_idle != was.keepalive_idle)
        tcp_timer_restart_keepalive(tcb);
    if (to->user_timeout != was.user_timeout) {
        user_timeout_restart(tcb);
        user_timeout_changed(tcb);
    }
    if (was.stamps_text && !to->stamps_text)
        tcp_extra_tidy(tcb);
    if (was.corked && !to->corked)
        tcp_push(tcb);
    tcb_notify(tcb); /* low mark and urgent octet: readiness may differ */
}

usec tcp_keepalive_idle(const struct tcb *tcb)
{
    return tcb->settings.keepalive_idle != 0
               ? tcb->settings.keepalive_idle * USEC_PER_SEC
               : tcb->tcp->config.keepalive_idle;
}

usec tcp_keepalive_interval(const struct tcb *tcb)
{
    return tcb->settings.keepalive_interval != 0
               ? tcb->settings.keepalive_interval * USEC_PER_SEC
               : tcb->tcp->config.keepalive_interval;
}

unsigned tcp_keepalive_probes(const struct tcb *tcb)
{
    return tcb->settings.keepalive_probes != 0
               ? tcb->settings.keepalive_probes
               : tcb->tcp->config.keepalive_probes;
}

unsigned tcp_syn_retries(const struct tcb *tcb)
{
    return tcb->settings.syn_retries != 0 ? tcb->settings.syn_retries
                                          : tcb->tcp->config.syn_retries;
}

usec tcp_fin_wait_2(const struct tcb *tcb)
{
    if (tcb->settings.linger2 < 0)
        return 0;
    return tcb->settings.linger2 != 0 ? tcb->settings.linger2 * USEC_PER_SEC
                                      : tcb->tcp->config.fin_wait_2;
}

uint32_t tcp_clamp_window(const struct tcb *tcb, uint32_t space)
{
    uint32_t clamp = tcb->settings.window_clamp;

    return clamp != 0 ? min_u32(space, clamp) : space;
}

uint32_t tcp_room_below_lowat(const struct tcb *tcb)
{
    uint32_t lowat = tcb->settings.notsent_lowat;
    uint32_t unsent = tcb_unsent(tcb);

    if (lowat == 0)
        return UINT32_MAX;
    return unsent < lowat ? max_u32(lowat - unsent, NOTSENT_STEP) : 0;
}

bool tcp_is_below_lowat(const struct tcb *tcb)
{
    uint32_t lowat = tcb->settings.notsent_lowat;

    /* half, as Linux: so that one who waits is not woken for each segment */
    return lowat == 0 || (uint64_t)tcb_unsent(tcb) * 2 < lowat;
}
