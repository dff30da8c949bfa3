/*
 * Retransmission (RFC 6298 5, RFC 9293 3.8.3), zero-window probes (3.8.6.1),
 * keepalive (3.8.4), delayed ACK (3.8.6.3), the end of FIN-WAIT-2.
 */
#include "tcp/tcp_timer.h"

#include "tcp/tcp_output.h"
#include "tcp/tcp_quickack.h"
#include "tcp/tcp_recovery.h"
#include "tcp/tcp_rest.h"
#include "tcp/tcp_rtt.h"
#include "tcp/tcp_tlp.h"
#include "tcp/tcp_user_timeout.h"

#include <errno.h>

static void trace_timer(const struct tcb *tcb, const char *what)
{
    tcb_trace(tcb, TRACE_TIMER, 0, what);
}

/* R2 is reached (RFC 9293 3.8.3): the reason that ICMP gave, or none. */
static void give_up(struct tcb *tcb)
{
    tcb_fail(tcb, tcb->soft_error != 0 ? tcb->soft_error : ETIMEDOUT);
}

static void back_off(struct tcb *tcb)
{
    if (tcb->backoff < UINT8_MAX)
        tcb->backoff++; /* RFC 6298 5.5 */
    tcp_timer_restart_retransmit(tcb);
}

static void syn_timed_out(struct tcb *tcb)
{
    unsigned most = tcb_is_fast_open(tcb) ? tcb->tcp->config.synack_retries
                                          : tcp_syn_retries(tcb);

    trace_timer(tcb, "SYN retransmission");
    if (tcb->retries >= most) {
        tcb->tcp->stats.attempt_fails++;
        give_up(tcb);
        return;
    }
    tcb->retries++;
    tcb->syn_resends = tcb->retries;
    tcb->resend_syn = true;
    tcb->tcp->stats.retrans_segs++;
    rtt_stop_timing(tcb);
    back_off(tcb);
    tcb_mark_output(tcb);
}

static void data_timed_out(struct tcb *tcb)
{
    trace_timer(tcb, "retransmission");
    rate_check_app_limited(tcb);
    if (tcb->retries >= user_timeout_retries(tcb)) {
        give_up(tcb);
        return;
    }
    if (tcb->retries < UINT8_MAX)
        tcb->retries++;
    tcb->tcp->stats.timeouts++;
    path_mtu_timed_out(tcb);
    recovery_timed_out(tcb);
    back_off(tcb);
    tcb_mark_output(tcb);
}

static bool is_orphan(const struct tcb *tcb)
{
    return tcb->owner == NULL && tcb->listener == NULL;
}

/* RFC 6429 4: a connection whose program has gone is not probed for ever. As
 * Linux: until the probes are as far apart as they get. */
static bool nobody_waits_longer(const struct tcb *tcb)
{
    const struct tcp_config *config = &tcb->tcp->config;

    return is_orphan(tcb) && tcb->backoff >= config->orphan_retries &&
           rtt_rto(tcb) >= config->rto_max;
}

/* The window is shut. As long as probes are answered this may go on for ever
 * (RFC 9293 3.8.6.1 MUST-37). */
static void probe_timed_out(struct tcb *tcb)
{
    const struct tcp_config *config = &tcb->tcp->config;

    trace_timer(tcb, "zero-window probe");
    rate_check_app_limited(tcb);
    if (tcb->probes >=
        (is_orphan(tcb) ? config->orphan_retries : config->retries)) {
        give_up(tcb);
        return;
    }
    if (nobody_waits_longer(tcb)) {
        tcp_send_reset(tcb); /* data is lost, and the peer should know */
        give_up(tcb);
        return;
    }
    tcb->probes++;
    tcb->probe_is_due = true;
    back_off(tcb);
    tcb_mark_output(tcb);
}

static void retransmit_fired(struct tcb *tcb)
{
    if (tcb->state == TCPS_SYN_SENT || tcb->state == TCPS_SYN_RECEIVED)
        syn_timed_out(tcb);
    else if (tcb->is_probing)
        probe_timed_out(tcb);
    else if (tcb_flight_size(tcb) > 0)
        data_timed_out(tcb);
}

static void probe_fired(struct tcb *tcb)
{
    trace_timer(tcb, "tail loss probe");
    rate_check_app_limited(tcb);
    tlp_fired(tcb);
}

static void reorder_fired(struct tcb *tcb)
{
    trace_timer(tcb, "reordering");
    rate_check_app_limited(tcb);
    recovery_reordering_passed(tcb);
}

static void delayed_ack_fired(struct tcb *tcb)
{
    tcb->tcp->stats.delayed_acks++;
    quickack_was_missed(tcb);
    tcb_ack_now(tcb);
}

/* RFC 9293 3.8.4: only while nothing is in flight, or that would tell. */
static void keepalive_fired(struct tcb *tcb)
{
    usec due = tcb->last_heard + tcp_keepalive_idle(tcb);

    if (tcb_flight_size(tcb) > 0) /* retransmission or probing will tell */
        due = tcb->tcp->env->now + tcp_keepalive_idle(tcb);
    if (tcb->tcp->env->now < due) {
        tcp_timer_set(tcb, TCP_TIMER_KEEPALIVE, due);
        return;
    }
    trace_timer(tcb, "keepalive");
    if (user_timeout_ends_keepalive(tcb)) {
        tcp_send_reset(tcb);
        give_up(tcb);
        return;
    }
    tcb->probes++;
    tcp_send_keepalive(tcb);
    tcp_timer_set(tcb, TCP_TIMER_KEEPALIVE,
                  tcb->tcp->env->now + tcp_keepalive_interval(tcb));
}

static void user_timeout_fired(struct tcb *tcb)
{
    if (!user_timeout_is_over(tcb))
        return;
    trace_timer(tcb, "user time-out"); /* RFC 9293 3.10.8 */
    give_up(tcb);
}

static void idle_fired(struct tcb *tcb)
{
    struct memory *memory = tcb->tcp->env->memory;

    sndbuf_release_if_empty(&tcb->sndbuf, memory);
    if (tcb_flight_size(tcb) == 0)
        scoreboard_fini(&tcb->board, memory);
    if (reass_is_empty(&tcb->reass)) {
        reass_fini(&tcb->reass, memory);
        rcvbuf_release_if_empty(&tcb->rcvbuf, memory);
    }
    rest_timer_fired(tcb);
}

static void end_fired(struct tcb *tcb)
{
    trace_timer(tcb, "end of the connection");
    tcb_close(tcb);
    tcb_notify(tcb);
}

static void fire(struct tcb *tcb, enum tcp_timer which)
{
    switch (which) {
    case TCP_TIMER_RETRANSMIT:
        retransmit_fired(tcb);
        break;
    case TCP_TIMER_PROBE:
        probe_fired(tcb);
        break;
    case TCP_TIMER_REORDER:
        reorder_fired(tcb);
        break;
    case TCP_TIMER_PACING:
    case TCP_TIMER_CONGESTED:
        tcb_mark_output(tcb);
        break;
    case TCP_TIMER_DELAYED_ACK:
        delayed_ack_fired(tcb);
        break;
    case TCP_TIMER_KEEPALIVE:
        keepalive_fired(tcb);
        break;
    case TCP_TIMER_USER:
        user_timeout_fired(tcb);
        break;
    case TCP_TIMER_IDLE:
        idle_fired(tcb);
        break;
    case TCP_TIMER_END:
        end_fired(tcb);
        break;
    case TCP_TIMER_COUNT:
        break;
    }
}

static usec earliest_due(const struct tcb *tcb)
{
    usec earliest = USEC_NEVER;

    for (unsigned i = 0; i < TCP_TIMER_COUNT; i++)
        earliest = usec_min(earliest, tcb->due[i]);
    return earliest;
}

static void arm(struct tcb *tcb)
{
    usec due = earliest_due(tcb);

    if (due != USEC_NEVER)
        timer_arm(&tcb->tcp->env->timers, &tcb->timer, due);
}

static void wheel_fired(struct timer *timer)
{
    struct tcb *tcb = container_of(timer, struct tcb, timer);

    for (unsigned i = 0; i < TCP_TIMER_COUNT; i++) {
        if (tcb->due[i] > tcb->tcp->env->now)
            continue;
        tcb->due[i] = USEC_NEVER;
        fire(tcb, (enum tcp_timer)i);
    }
    arm(tcb); /* a TCB that was closed meanwhile has nothing due */
}

void tcp_timer_init_link(struct tcb *tcb)
{
    timer_init(&tcb->timer, wheel_fired);
}

void tcp_timer_init(struct tcb *tcb)
{
    tcp_timer_init_link(tcb);
    for (unsigned i = 0; i < TCP_TIMER_COUNT; i++)
        tcb->due[i] = USEC_NEVER;
}

void tcp_timer_set(struct tcb *tcb, enum tcp_timer which, usec deadline)
{
    tcb->due[which] = deadline;
    if (!timer_is_armed(&tcb->timer) || deadline < tcb->timer.deadline)
        timer_arm(&tcb->tcp->env->timers, &tcb->timer, deadline);
}

void tcp_timer_clear_all(struct tcb *tcb)
{
    for (unsigned i = 0; i < TCP_TIMER_COUNT; i++)
        tcb->due[i] = USEC_NEVER;
    timer_disarm(&tcb->tcp->env->timers, &tcb->timer);
}

void tcp_timer_restart_retransmit(struct tcb *tcb)
{
    tcp_timer_set(tcb, TCP_TIMER_RETRANSMIT, tcb->tcp->env->now + rtt_rto(tcb));
}

void tcp_timer_buffer_is_empty(struct tcb *tcb)
{
    if (!tcp_timer_is_set(tcb, TCP_TIMER_IDLE))
        tcp_timer_set(tcb, TCP_TIMER_IDLE,
                      tcb->tcp->env->now + tcb->tcp->config.buffer_idle);
}

void tcp_limit_fin_wait_2(struct tcb *tcb)
{
    if (tcp_fin_wait_2(tcb) == 0) {
        tcp_send_reset(tcb);
        tcb_close(tcb);
        return;
    }
    tcp_timer_set(tcb, TCP_TIMER_END, tcb->tcp->env->now + tcp_fin_wait_2(tcb));
}

void tcp_timer_restart_keepalive(struct tcb *tcb)
{
    if (!tcb->keepalive || !tcb_is_synchronized(tcb) ||
        tcb->state == TCPS_TIME_WAIT) {
        tcp_timer_clear(tcb, TCP_TIMER_KEEPALIVE);
        return;
    }
    tcp_timer_set(tcb, TCP_TIMER_KEEPALIVE,
                  usec_max(tcb->last_heard + tcp_keepalive_idle(tcb),
                           tcb->tcp->env->now + USEC_PER_MSEC));
}
