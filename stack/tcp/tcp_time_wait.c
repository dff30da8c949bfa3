/*
 * TIME-WAIT, RFC 9293 3.6.1 and 3.10.7.4, as records: how one begins, what it
 * answers, how it ends. With RFC 6191 (reopening), RFC 1337 (RST), RFC 7323 5
 * (PAWS) and RFC 5961 3, 4 (RST and SYN that were injected blindly).
 *
 * What it sends is sent by a TCB unfolded on the C stack for one segment, as
 * in tcp_half_open.c. Neither ISS nor IRS is kept: in the trace its segments
 * have absolute numbers.
 */
#include "tcp/tcp_time_wait.h"

#include "tcp/tcp_open.h"
#include "tcp/tcp_output.h"
#include "tcp/tcp_port.h"
#include "tcp/tcp_steps.h"

static size_t size_of(const struct time_wait *wait)
{
    return offsetof(struct time_wait, ends.addrs) +
           tcp_ends_kept_addrs_len(&wait->ends);
}

/* ---- What it sends ------------------------------------------------------ */

static void unfold(struct tcp *tcp, const struct time_wait *wait,
                   struct tcb *tcb)
{
    uint32_t window = (uint32_t)wait->rcv_wnd << wait->rcv_wscale;
    struct tcp_ends ends = tcp_ends_of_kept(&wait->ends);

    tcb_init(tcb, tcp);
    tcb->local = tcp_ends_local(&ends);
    tcb->remote = tcp_ends_remote(&ends);
    tcb->number = wait->number;
    tcb->state = TCPS_TIME_WAIT;
    tcb->snd_una = wait->snd_nxt;
    tcb->snd_nxt = wait->snd_nxt;
    tcb->rcv_nxt = wait->rcv_nxt;
    tcb->rcv_adv = wait->rcv_nxt + window;
    tcb->rcvbuf.limit = window; /* so that it is offered again */
    tcb->rcv_wscale = wait->rcv_wscale;
    tcb->has_timestamps = wait->has_timestamps;
    tcb->ts_recent = wait->ts_recent;
    tcb->ts_offset = tcp_timestamp_offset(tcp, &ends);
    tcb->ttl = wait->ttl;
    tcb->tos = wait->tos;
}

static void send_ack(struct tcp *tcp, const struct time_wait *wait)
{
    struct tcb tcb;

    unfold(tcp, wait, &tcb);
    tcp_send_ack(&tcb);
}

/* RFC 5961 7, limited: so many in all its life. Who has a right to an answer
 * sends FIN again, and is always answered. */
static void send_challenge(struct tcp *tcp, struct time_wait *wait)
{
    unsigned most =
        challenge_share(tcp, tcp->config.max_time_wait, tcp->config.msl2);

    if (wait->challenges >= min_u32(most, UINT8_MAX)) {
        tcp->stats.challenge_acks_withheld++;
        return;
    }
    wait->challenges++;
    tcp->stats.challenge_acks++;
    send_ack(tcp, wait);
}

/* ---- The queue ---------------------------------------------------------- */

static usec deadline_of(const struct tcp *tcp, const struct time_wait *wait)
{
    usec now = tcp->env->now / USEC_PER_MSEC;

    return (now + (int32_t)(wait->deadline - (uint32_t)now)) * USEC_PER_MSEC;
}

static struct time_wait *first_of(const struct tcp *tcp)
{
    return list_is_empty(&tcp->time_wait)
               ? NULL
               : container_of(tcp->time_wait.next, struct time_wait,
                              queue_node);
}

/* All wait equally long: who begins last ends last. One timer will do. */
static void restart(struct tcp *tcp, struct time_wait *wait)
{
    usec end = tcp->env->now + tcp->config.msl2;

    wait->deadline = (uint32_t)((end + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
    list_remove(&wait->queue_node);
    list_append(&tcp->time_wait, &wait->queue_node);
    if (!timer_is_armed(&tcp->time_wait_timer))
        timer_arm(&tcp->env->timers, &tcp->time_wait_timer,
                  deadline_of(tcp, wait));
}

static void trace_end(struct tcp *tcp, const struct time_wait *wait,
                      enum trace_kind kind, const char *text)
{
    struct tcp_ends ends = tcp_ends_of_kept(&wait->ends);
    struct trace_event event = {
        .kind = kind,
        .layer = TRACE_TCP,
        .from = tcp_state_name(TCPS_TIME_WAIT),
        .state = kind == TRACE_STATE ? text : tcp_state_name(TCPS_TIME_WAIT),
        .text = text,
        .local = tcp_ends_local(&ends),
        .remote = tcp_ends_remote(&ends),
        .connection = wait->number,
    };

    env_trace(tcp->env, &event);
}

static unsigned sharing_of(const struct time_wait *wait)
{
    return (wait->reuse_addr ? TCP_SHARE_ADDR : 0u) |
           (wait->reuse_port ? TCP_SHARE_PORT : 0u);
}

/* Without a word. */
static void forget(struct tcp *tcp, struct time_wait *wait)
{
    hash_table_remove(&tcp->time_wait_table, &wait->node);
    list_remove(&wait->queue_node);
    tcp->time_wait_count--;
    tcp_port_let_go(tcp, wait->ends.local_port, sharing_of(wait));
    memory_free(tcp->env->memory, wait, size_of(wait));
}

void time_wait_end(struct tcp *tcp, struct time_wait *wait)
{
    trace_end(tcp, wait, TRACE_STATE, tcp_state_name(TCPS_CLOSED));
    forget(tcp, wait);
}

static void timer_fired(struct timer *timer)
{
    struct tcp *tcp = container_of(timer, struct tcp, time_wait_timer);
    struct time_wait *wait;

    while ((wait = first_of(tcp)) != NULL &&
           deadline_of(tcp, wait) <= tcp->env->now) {
        trace_end(tcp, wait, TRACE_TIMER, "end of the connection");
        time_wait_end(tcp, wait);
    }
    if (wait != NULL)
        timer_arm(&tcp->env->timers, timer, deadline_of(tcp, wait));
}

/* ---- Found by its ends -------------------------------------------------- */

static uint32_t hash_of(const struct tcp *tcp, const struct tcp_ends *ends)
{
    return (uint32_t)tcp_ends_table_hash(ends, &tcp->key);
}

struct time_wait *time_wait_find(struct tcp *tcp, const struct tcp_ends *ends)
{
    struct hash_node *node;

    if (tcp->time_wait_table.entry_count == 0)
        return NULL;
    node = hash_table_first(&tcp->time_wait_table, hash_of(tcp, ends));
    for (; node != NULL; node = hash_table_next(node)) {
        struct time_wait *wait = container_of(node, struct time_wait, node);

        if (tcp_ends_are_kept(&wait->ends, ends))
            return wait;
    }
    return NULL;
}

/* ---- Its beginning ------------------------------------------------------ */

static void fold(struct time_wait *wait, const struct tcb *tcb)
{
    wait->rcv_wnd = (uint16_t)(tcb_receive_window(tcb) >> tcb->rcv_wscale);
    wait->snd_nxt = tcb->snd_nxt;
    wait->rcv_nxt = tcb->rcv_nxt;
    wait->ts_recent = tcb->ts_recent;
    wait->number = tcb->number;
    wait->ttl = tcb->ttl;
    wait->tos = tcb->tos;
    wait->rcv_wscale = (unsigned)tcb->rcv_wscale & 0xf;
    wait->has_timestamps = tcb->has_timestamps;
    wait->reuse_addr = tcb->reuse_addr;
    wait->reuse_port = tcb->reuse_port;
}

/* At the limit the oldest gives way. */
static void make_room(struct tcp *tcp)
{
    struct time_wait *oldest = first_of(tcp);

    if (oldest != NULL && tcp->time_wait_count >= tcp->config.max_time_wait)
        time_wait_end(tcp, oldest);
}

/* False without memory. */
static bool leave_record(struct tcb *tcb)
{
    struct tcp *tcp = tcb->tcp;
    struct tcp_ends ends = tcp_ends_of(&tcb->local, &tcb->remote);
    struct time_wait *wait;

    make_room(tcp);
    wait =
        memory_alloc(tcp->env->memory, offsetof(struct time_wait, ends.addrs) +
                                           tcp_ends_addrs_len(&ends));
    if (wait == NULL)
        return false;
    fold(wait, tcb);
    tcp_ends_keep(&wait->ends, &ends);
    tcp_port_hold(tcb->port, &ends.local, sharing_of(wait));
    hash_table_insert(&tcp->time_wait_table, tcp->env->memory, &wait->node,
                      hash_of(tcp, &ends));
    tcp->time_wait_count++;
    list_init(&wait->queue_node);
    restart(tcp, wait);
    return true;
}

void enter_time_wait(struct tcb *tcb)
{
    tcb_set_state(tcb, TCPS_TIME_WAIT);
    tcp_output(tcb); /* the ACK that it owes: no flush will find it */
    if (leave_record(tcb))
        tcb->state = TCPS_CLOSED; /* this TCB; the trace goes on */
    rcvbuf_release_if_empty(&tcb->rcvbuf, tcb->tcp->env->memory);
    tcb_close(tcb);
}

bool time_wait_may_reopen(const struct tcp *tcp, const struct time_wait *wait,
                          const struct tcp_segment *seg)
{
    int32_t newer = (int32_t)(seg->options.ts_val - wait->ts_recent);

    if (!tcp->config.time_wait_reuse || !(seg->flags & SEG_SYN) ||
        (seg->flags & (SEG_ACK | SEG_RST)))
        return false;
    if (wait->has_timestamps && seg->options.has_timestamps && newer != 0)
        return newer > 0;
    return seq_gt(seg->seq, wait->rcv_nxt);
}

/* ---- First: check sequence number -------------------------------------- */

/* "The only thing that can arrive in this state is a retransmission of the
 * remote FIN. Acknowledge it, and restart the 2 MSL timeout." */
static void answer_unacceptable(struct tcp *tcp, struct time_wait *wait,
                                const struct tcp_segment *seg)
{
    if (seg->flags & SEG_RST)
        return;
    if (seg->flags & SEG_FIN)
        restart(tcp, wait);
    if (seg->len > 0 && !(seg->flags & SEG_SYN))
        send_ack(tcp, wait);
    else
        send_challenge(tcp, wait);
}

/* RFC 7323 5.3 R1, and 3.2 for a segment that lacks its timestamp */
static enum drop_reason check_timestamp(const struct time_wait *wait,
                                        const struct tcp_segment *seg)
{
    if (!wait->has_timestamps || (seg->flags & SEG_RST))
        return DROP_NONE;
    if (!seg->options.has_timestamps)
        return DROP_TCP_NO_TIMESTAMP;
    return (int32_t)(seg->options.ts_val - wait->ts_recent) < 0 ? DROP_TCP_PAWS
                                                                : DROP_NONE;
}

bool time_wait_accept_sequence(struct tcp *tcp, struct time_wait *wait,
                               const struct tcp_segment *seg)
{
    uint32_t window = (uint32_t)wait->rcv_wnd << wait->rcv_wscale;
    enum drop_reason why = check_timestamp(wait, seg);

    if (why == DROP_NONE && !segment_is_acceptable(seg, wait->rcv_nxt, window))
        why = DROP_TCP_OUT_OF_WINDOW;
    if (why == DROP_NONE)
        return true;
    env_drop(tcp->env, why, seg->frame);
    if (why != DROP_TCP_NO_TIMESTAMP)
        answer_unacceptable(tcp, wait, seg);
    return false;
}

/* ---- Second: check the RST bit ----------------------------------------- */

/* RFC 1337 3, fix F1: no RST ends TIME-WAIT before its time, or an old
 * duplicate could. Without it (Linux's default) one at RCV.NXT does. */
bool time_wait_process_rst(struct tcp *tcp, struct time_wait *wait,
                           const struct tcp_segment *seg)
{
    if (!(seg->flags & SEG_RST))
        return true;
    if (tcp->config.rfc1337) {
        env_drop(tcp->env, DROP_TCP_UNEXPECTED_RST, seg->frame);
    } else if (rst_is_believed(tcp, seg, wait->rcv_nxt)) {
        time_wait_end(tcp, wait);
    } else { /* RFC 5961 3.2 */
        env_drop(tcp->env, DROP_TCP_BAD_RST, seg->frame);
        send_challenge(tcp, wait);
    }
    return false;
}

/* ---- Fourth: check the SYN bit ----------------------------------------- */

bool time_wait_process_syn(struct tcp *tcp, struct time_wait *wait,
                           const struct tcp_segment *seg)
{
    if (!(seg->flags & SEG_SYN))
        return true;
    env_drop(tcp->env, DROP_TCP_UNEXPECTED_SYN, seg->frame);
    send_challenge(tcp, wait); /* RFC 5961 4.2 */
    return false;
}

/* ---- Fifth: check the ACK field ---------------------------------------- */

bool time_wait_process_ack(struct tcp *tcp, struct time_wait *wait,
                           const struct tcp_segment *seg)
{
    if (!(seg->flags & SEG_ACK)) {
        env_drop(tcp->env, DROP_TCP_NO_ACK, seg->frame);
        return false;
    }
    if (seq_gt(seg->ack, wait->snd_nxt)) {
        env_drop(tcp->env, DROP_TCP_BAD_ACK, seg->frame);
        send_challenge(tcp, wait);
        return false;
    }
    if (wait->has_timestamps && seg->seq == wait->rcv_nxt)
        wait->ts_recent = seg->options.ts_val; /* RFC 7323 4.3 (2) */
    return true;
}

/* ---- Seventh: process the segment text --------------------------------- */

/* "This should not occur, since a FIN has been received from the remote side.
 * Ignore the segment text." */
void time_wait_process_text(struct tcp *tcp, const struct tcp_segment *seg)
{
    if (seg->text_len > 0)
        env_drop(tcp->env, DROP_TCP_BAD_FIN, seg->frame);
}

/* ---- Eighth: check the FIN bit ----------------------------------------- */

/* "Remain in the TIME-WAIT state. Restart the 2 MSL time-wait timeout." */
void time_wait_process_fin(struct tcp *tcp, struct time_wait *wait,
                           const struct tcp_segment *seg)
{
    if (!(seg->flags & SEG_FIN))
        return;
    restart(tcp, wait);
    send_ack(tcp, wait);
}

/* ---- All of them -------------------------------------------------------- */

int time_wait_init(struct tcp *tcp)
{
    list_init(&tcp->time_wait);
    timer_init(&tcp->time_wait_timer, timer_fired);
    return hash_table_init(&tcp->time_wait_table, tcp->env->memory);
}

void time_wait_fini(struct tcp *tcp)
{
    struct time_wait *wait;

    while ((wait = first_of(tcp)) != NULL)
        forget(tcp, wait);
    timer_disarm(&tcp->env->timers, &tcp->time_wait_timer);
    hash_table_fini(&tcp->time_wait_table, tcp->env->memory);
}
