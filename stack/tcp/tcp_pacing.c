#include "tcp/tcp_pacing.h"

#include "tcp/tcp_timer.h"

enum { QUANTUM_MAX = 65536, SLOW_START_PERCENT = 200, AVOIDANCE_PERCENT = 120 };

void pacing_init(struct tcb *tcb)
{
    tcb->is_paced = tcb->cc->model != NULL || tcb->tcp->config.pacing ||
                    tcb->settings.max_pacing_rate != 0;
    pacing_follow_window(tcb);
    tcb->pacing.next_send_time =
        usec_min(tcb->pacing.next_send_time, tcb->tcp->env->now);
    tcb_mark_output(tcb); /* what has waited under the former rate */
}

void tcp_set_max_pacing_rate(struct tcb *tcb, uint64_t rate)
{
    tcb->settings.max_pacing_rate = rate;
    if (tcb_is_synchronized(tcb))
        pacing_init(tcb);
}

uint64_t pacing_rate(const struct tcb *tcb)
{
    uint64_t most = tcb->settings.max_pacing_rate;
    uint64_t rate = tcb->pacing.rate;

    if (!tcb->is_paced)
        return TCP_PACING_UNLIMITED;
    if (rate == 0)
        rate = TCP_PACING_UNLIMITED;
    return most != 0 && most < rate ? most : rate;
}

/* SetSendQuantum() */
uint32_t pacing_quantum(const struct tcb *tcb)
{
    uint64_t rate = pacing_rate(tcb);
    uint32_t of_a_millisecond = QUANTUM_MAX;

    if (rate == TCP_PACING_UNLIMITED)
        return UINT32_MAX;
    if (rate / 1000 < QUANTUM_MAX)
        of_a_millisecond = (uint32_t)(rate / 1000);
    return max_u32(of_a_millisecond, 2u * tcb->snd_mss);
}

bool pacing_holds(struct tcb *tcb)
{
    usec at = tcb->pacing.next_send_time;

    if (!tcb->is_paced || at <= tcb->tcp->env->now)
        return false;
    tcp_timer_set(tcb, TCP_TIMER_PACING, at);
    return true;
}

static usec time_of(uint32_t len, uint64_t rate)
{
    return (usec)(((uint64_t)len * USEC_PER_SEC + rate / 2) / rate);
}

/* As in Linux: an initial window that waits for half of its round trip would
 * delay all that follows on a long path. */
static bool is_unpaced(const struct tcb *tcb)
{
    return tcb->counts.text_segments_out < tcb->tcp->config.unpaced_segments;
}

/* What goes later than it might, because nobody drove the stack in time, gets
 * up to half of its own time back, or each delay would be lost for good. So
 * does the first segment after an idle time, as in Linux. */
void pacing_sent(struct tcb *tcb, uint32_t len)
{
    usec now = tcb->tcp->env->now;
    uint64_t rate = pacing_rate(tcb);
    usec next = tcb->pacing.next_send_time;

    if (rate == TCP_PACING_UNLIMITED || is_unpaced(tcb))
        return;
    usec delay = time_of(len, rate);
    usec late = next < now ? usec_min(now - next, delay / 2) : 0;

    tcb->pacing.next_send_time = usec_max(now, next) + delay - late;
}

void pacing_follow_window(struct tcb *tcb)
{
    uint64_t window = max_u32(tcb->cwnd, tcb_flight_size(tcb));
    bool is_slow_start = tcb->cwnd < tcb->ssthresh / 2;

    if (!tcb->is_paced || tcb->cc->model != NULL || tcb->srtt == 0)
        return;
    window =
        window * (is_slow_start ? SLOW_START_PERCENT : AVOIDANCE_PERCENT) / 100;
    tcb->pacing.rate = window * (uint64_t)USEC_PER_SEC / (uint64_t)tcb->srtt;
}
