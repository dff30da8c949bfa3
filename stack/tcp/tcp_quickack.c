#include "tcp/tcp_quickack.h"

#include "tcp/tcp_timer.h"

enum { QUICK_ACKS_MIN = 2 };

/* As many as it takes the peer to send half of our window. */
static uint8_t quick_acks(const struct tcb *tcb, uint32_t full)
{
    uint32_t half = tcb_receive_window(tcb) / (2 * max_u32(full, 1));
    uint32_t most = min_u32(tcb->tcp->config.quick_acks, UINT8_MAX);

    return (uint8_t)min_u32(max_u32(half, QUICK_ACKS_MIN), most);
}

static void begin(struct tcb *tcb, uint32_t full)
{
    tcb->quick_acks = (uint8_t)max_u32(tcb->quick_acks, quick_acks(tcb, full));
}

void quickack_received(struct tcb *tcb, uint32_t full)
{
    usec now = tcb->tcp->env->now;

    if (tcb->last_text == 0 || now - tcb->last_text > tcb->rto)
        begin(tcb, full);
    tcb->last_text = now;
}

void quickack_received_again(struct tcb *tcb)
{
    begin(tcb, tcb->peer_full);
    tcb->is_interactive = false;
}

bool quickack_is_on(const struct tcb *tcb)
{
    return tcb->quick_acks > 0 && !tcb->is_interactive;
}

void quickack_acked(struct tcb *tcb)
{
    if (tcb->quick_acks > 0)
        tcb->quick_acks--;
}

void quickack_answered(struct tcb *tcb)
{
    const struct tcp *tcp = tcb->tcp;

    if (tcb->last_text != 0 &&
        tcp->env->now - tcb->last_text < tcp->config.delayed_ack)
        tcb->is_interactive = true;
}

void quickack_was_missed(struct tcb *tcb)
{
    tcb->is_interactive = false;
}

/* ---- TCP_QUICKACK ------------------------------------------------------- */

void tcp_set_quickack(struct tcb *tcb, bool on)
{
    tcb->is_interactive = !on;
    if (on && tcp_timer_is_set(tcb, TCP_TIMER_DELAYED_ACK))
        tcb_ack_now(tcb); /* the one that is being delayed */
}

bool tcp_quickack(const struct tcb *tcb)
{
    return !tcb->is_interactive;
}
